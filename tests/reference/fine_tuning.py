"""Task inputs in plain Python, heads and losses in NumPy float64, apart from the labs' code."""

import numpy as np


def shorten(texts, room):
    """The ends of the texts: a common cap on their lengths, the rest of the room to later ones."""
    lengths = [len(t) for t in texts]
    cap = max(c for c in range(max(lengths) + 1) if sum(min(n, c) for n in lengths) <= room)
    kept = [min(n, cap) for n in lengths]
    for i in reversed(range(len(texts))):
        if sum(kept) < min(room, sum(lengths)) and lengths[i] > cap:
            kept[i] += 1
    return [t[len(t) - n :] for t, n in zip(texts, kept, strict=True)]


def row(texts, tokens, length, order=("start", "delimiter", "extract"), pad_left=False):
    """Texts joined by delimiters, between start and extract, padded."""
    start, delimiter, extract = (tokens.get(name) for name in order)
    joined = [start]
    for i, text in enumerate(texts):
        joined += ([delimiter] if i else []) + list(text)
    joined = [t for t in [*joined, extract] if t is not None]
    padding = [tokens["pad"]] * (length - len(joined))
    return padding + joined if pad_left else joined + padding


def softmax(logits):
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def log_softmax(logits):
    """Log-probabilities along the last axis."""
    top = logits.max(axis=-1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))


def extract_state(hidden, tokens, extract, shift=0):
    """The state of each row at its extract token, or `shift` positions away from it."""
    return np.stack(
        [h[list(t).index(extract) + shift] for h, t in zip(hidden, tokens, strict=True)]
    )


def head(states, kernel, bias, form):
    """Logits: one for each row in multiple choice, else from the sum of the rows' states."""
    if form == "multiple_choice":
        return (states @ kernel + bias)[:, :, 0]
    return np.sum([states[:, i] for i in range(states.shape[1])], axis=0) @ kernel + bias


def label_distribution(labels, num_classes):
    """Each label's weight, split between the class below and the class above it."""
    found = np.zeros((len(labels), num_classes))
    for i, y in enumerate(labels):
        below = min(int(np.floor(y)), num_classes - 1)
        found[i, below] = 1 - (y - below)
        if y > below:
            found[i, below + 1] = y - below
    return found


def task_loss(targets, logits):
    """Mean over the examples of -sum(target x log probability)."""
    return -np.mean(np.sum(targets * log_softmax(logits), axis=-1))


def language_loss(tokens, logits, real, shift=1):
    """Mean of -log P(tokens[:, t + shift]) at position t, over targets that are real."""
    log_probabilities = log_softmax(logits)
    losses = [
        -log_probabilities[b, t, tokens[b, t + shift]]
        for b in range(tokens.shape[0])
        for t in range(tokens.shape[1] - shift)
        if real[b, t + shift]
    ]
    return np.mean(losses)


def combined_loss(task, language, weight):
    """L3 of the paper."""
    return task + weight * language
