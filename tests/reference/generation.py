"""Choosing, attention with a memory and greedy writing, in NumPy, each step from scratch."""

import numpy as np

from reference import attention, gpt


def filled(layer_inputs, w, num_heads, size, rest=0.0):
    """Keys and values (batch, heads, size, head_dim) of positions (batch, T, hidden).

    Places T and after hold `rest`.
    """
    mixed = layer_inputs @ w["qkv.kernel"] + w["qkv.bias"]
    found = []
    for part in np.split(mixed, 3, axis=-1)[1:]:
        heads = attention.split_heads(part, num_heads)
        room = np.full((*heads.shape[:2], size, heads.shape[3]), float(rest))
        room[:, :, : heads.shape[2]] = heads
        found.append(room)
    return tuple(found)


def past(index, new, size):
    """(new, size) of bool: what `new` positions see, the first of which is number `index`."""
    return np.array([[place <= index + i for place in range(size)] for i in range(new)])


def attend(x, keys, values, mask, w, num_heads, scale=None):
    """New positions x (batch, T, hidden) attend to keys and values where `mask` (T, S) allows."""
    q = np.split(x @ w["qkv.kernel"] + w["qkv.bias"], 3, axis=-1)[0]
    q = attention.split_heads(q, num_heads)
    attended = attention.merge_heads(attention.attention(q, keys, values, mask, scale=scale))
    return attended @ w["projection.kernel"] + w["projection.bias"]


def moved_positions(w, rows):
    """The weights with other rows of position embeddings: row i becomes row rows[i]."""
    name = "embedding.position_embeddings"
    return w | {name: w[name][list(rows)]}


def top_k(logits, k, filler=-np.inf):
    """Logits with `filler` below the k-th largest of each row."""
    rows = []
    for row in np.asarray(logits, "float64"):
        border = sorted(row)[-min(k, len(row))]
        rows.append([x if x >= border else filler for x in row])
    return np.array(rows)


def nucleus(logits, p, filler=-np.inf):
    """Logits with `filler` where the likelier tokens of the row have p or more together."""
    rows = []
    for row in np.asarray(logits, "float64"):
        weights = attention.softmax(row)
        likelier = [sum(q for q, y in zip(weights, row, strict=True) if y > x) for x in row]
        kept = [p == 1 or before < p for before in likelier]
        rows.append([x if stays else filler for x, stays in zip(row, kept, strict=True)])
    return np.array(rows)


def window_start(place, window):
    """Where the window begins at `place`: it walks there, and moves whenever it is too short."""
    start = 0
    for at in range(1, place + 1):
        if at >= start + window:
            start += window // 2
    return start


def write(prompt, w, config, new_tokens, stop=None, start=window_start):
    """One prompt (list of int) goes on by the most likely tokens: (tokens, smallest margin).

    Args:
        stop: int or None, repeated once it was written.
        start: function (place, window) -> int, the first token that is seen; others are mistakes.
    """
    tokens, margin, window = list(prompt), np.inf, config.max_sequence_length
    for place in range(len(prompt), len(prompt) + new_tokens):
        if place > len(prompt) and tokens[-1] == stop:
            tokens.append(stop)
            continue
        seen = np.array([tokens[start(place, window) :]])
        last = gpt.logits(seen, w, config)[0, -1]
        best = np.sort(last)
        margin = min(margin, best[-1] - best[-2])
        tokens.append(int(last.argmax()))
    return tokens, margin
