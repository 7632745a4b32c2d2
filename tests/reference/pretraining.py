"""What lab 07 does to text and to weights, one number after another, in NumPy."""

import math

import numpy as np

from reference import gpt


def epochs(tokens, weights, budget, total=None):
    """Epochs of each source; `total` other than the sum of the weights is a mistake."""
    total = math.fsum(weights) if total is None else total
    return [budget * w / total / n for n, w in zip(tokens, weights, strict=True)]


def pareto_share(scores, alpha):
    """Share of the documents of each score that pareto(alpha) > 1 - score keeps."""
    return [(1 + (1 - score)) ** -alpha for score in scores]


def shingles(text, size, step=1, lower=True, last=True, joint=" ", short=True):
    """All runs of `size` words; the arguments after `size` make mistakes."""
    words = (text.lower() if lower else text).split()
    if len(words) < size:
        return {joint.join(words)} if words and short else set()
    starts = range(0, len(words) - size + last, step)
    return {joint.join(words[i : i + size]) for i in starts}


def minhash(items, a, b, prime, best=min):
    """The smallest hash of each function, in Python's whole numbers; `best` makes mistakes."""
    return [best((x * y + z) % prime for x in items) for y, z in zip(a, b, strict=True)]


def first_of_groups(signatures, threshold, earlier="kept", strictly=False):
    """Numbers of the documents to keep; the arguments after `threshold` make mistakes.

    Args:
        signatures: list of lists of int.
        threshold: float.
        earlier: which documents before it count: "kept", "all", or "last", the one just before.
        strictly: bool, True drops only what is above the threshold.
    """
    kept = []
    for number, signature in enumerate(signatures):
        before = {"kept": kept, "all": range(number), "last": range(max(number - 1, 0), number)}
        shares = [
            sum(x == y for x, y in zip(signature, signatures[other], strict=True)) / len(signature)
            for other in before[earlier]
        ]
        if not any(share > threshold if strictly else share >= threshold for share in shares):
            kept.append(number)
    return kept


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


def gradients(tokens, w, config, step=1e-5):
    """{weight path: gradient of the loss} of a GPT, each entry by moving one weight both ways."""
    w = {name: np.array(values, "float64") for name, values in w.items()}
    found = {name: np.zeros_like(values) for name, values in w.items()}
    for name, values in w.items():
        for place in np.ndindex(values.shape):
            kept, losses = values[place], []
            for moved in (kept + step, kept - step):
                values[place] = moved
                losses.append(next_token_loss(tokens, gpt.logits(tokens, w, config)))
            values[place] = kept
            found[name][place] = (losses[0] - losses[1]) / (2 * step)
    return found


def global_norm(g):
    """The length of all gradients together."""
    return math.sqrt(math.fsum(float(np.sum(values**2)) for values in g.values()))


def clipped(g, limit, how="global"):
    """Gradients no longer than the limit; every `how` but "global" is a mistake."""
    norm = global_norm(g)
    if how == "values":
        return {name: np.clip(values, -limit, limit) for name, values in g.items()}
    if how == "each":
        return {n: v * min(1, limit / max(np.linalg.norm(v), 1e-12)) for n, v in g.items()}
    factor = {"global": min(1, limit / norm), "always": limit / norm, "never": 1}[how]
    return {name: values * factor for name, values in g.items()}


def moved(w, g, rate):
    """Weights after a step of plain gradient descent."""
    return {name: values - rate * g[name] for name, values in w.items()}
