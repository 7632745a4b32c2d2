"""Attention with a memory and greedy writing, in NumPy, each step from scratch."""

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


def greedy(tokens, w, config, new_tokens):
    """(batch, T) goes on by the most likely tokens: (batch, T + new_tokens), smallest margin."""
    tokens, margin = np.asarray(tokens), np.inf
    for _ in range(new_tokens):
        last = gpt.logits(tokens, w, config)[:, -1]
        best = np.sort(last, axis=-1)
        margin = min(margin, float((best[:, -1] - best[:, -2]).min()))
        tokens = np.concatenate([tokens, last.argmax(axis=-1)[:, None]], axis=1)
    return tokens, margin
