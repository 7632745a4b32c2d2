"""Packing, the next-token loss and the learning rate, one number after another, in NumPy."""

import math

import numpy as np


def stream(documents, delimiter, place="after"):
    """All documents in one list; `place` "before", "between" and "nowhere" are mistakes."""
    found = []
    for number, document in enumerate(documents):
        if place == "before" or place == "between" and number:
            found.append(delimiter)
        found += list(document)
        if place == "after":
            found.append(delimiter)
    return found


def rows(tokens, length, filler=None):
    """(n, length); the rest is dropped, or filled up with `filler`, which is a mistake."""
    tokens = list(tokens)
    if filler is not None:
        tokens += [filler] * (-len(tokens) % length)
    n = len(tokens) // length
    return np.array(tokens[: n * length], dtype=int).reshape(n, length)


def log_softmax(logits):
    """log P over the last axis."""
    top = logits.max(axis=-1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))


def target_losses(tokens, logits, shift=1):
    """{(row, position of the target): -log P}; `shift` 0 and -1 are mistakes."""
    log_p, found = log_softmax(logits), {}
    batch, length = tokens.shape
    for b in range(batch):
        for t in range(length):
            if 0 <= t + shift < length:
                found[b, t + shift] = -log_p[b, t, tokens[b, t + shift]]
    return found


def next_token_loss(tokens, logits, mask=None):
    """Mean over the real targets."""
    losses = target_losses(tokens, logits)
    real = [v for place, v in losses.items() if mask is None or mask[place]]
    return math.fsum(real) / len(real) if real else 0.0


def cosine(progress, stops=True):
    """From 1 down to 0 as progress goes from 0 to 1, then 0; without `stops` it comes back."""
    return (1 + math.cos(math.pi * (min(progress, 1) if stops else progress))) / 2


def learning_rate(step, peak, warmup_steps, total_steps, final_fraction=0.0, share=None):
    """Linear rise, half a cosine, then constant; another fall, `share` of a step, is a mistake."""
    if step < warmup_steps:
        return peak * step / warmup_steps
    progress = (step - warmup_steps) / (total_steps - warmup_steps)
    fallen = cosine(progress) if share is None else share(step)
    return peak * (final_fraction + (1 - final_fraction) * fallen)
