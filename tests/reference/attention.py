"""Masked self-attention, one step after another (GPT-1, section 3.1)."""

import numpy as np


def softmax(x, axis=-1):
    """Softmax over one axis; rows of -inf become NaN, as the definition says."""
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def causal(length):
    """(T, T) of bool, True on and below the diagonal."""
    return np.tril(np.ones((length, length), bool))


def weights(q, k, mask=None, scale=None, axis=-1, filler=-np.inf):
    """Attention weights (batch, heads, T, S); the arguments after `mask` make known mistakes."""
    scale = 1 / np.sqrt(q.shape[-1]) if scale is None else scale
    scores = np.einsum("bhtd,bhsd->bhts", q, k) * scale
    if mask is not None:
        scores = np.where(mask, scores, filler)
    return softmax(scores, axis)


def attention(q, k, v, mask=None, **mistakes):
    """Weighted sums of the values: (batch, heads, T, head_dim)."""
    return np.einsum("bhts,bhsd->bhtd", weights(q, k, mask, **mistakes), v)


def split_heads(x, num_heads):
    """(batch, T, heads x head_dim) to (batch, heads, T, head_dim)."""
    batch, length, width = x.shape
    heads = [np.split(x[b], num_heads, axis=1) for b in range(batch)]
    return np.asarray(heads).reshape(batch, num_heads, length, width // num_heads)


def merge_heads(x):
    """(batch, heads, T, head_dim) to (batch, T, heads x head_dim)."""
    return np.concatenate([x[:, h] for h in range(x.shape[1])], axis=-1)


def causal_self_attention(x, w, num_heads, mask=None, **mistakes):
    """The whole layer, with the weights of `w`: qkv.kernel, qkv.bias, projection.kernel, ..."""
    mixed = x @ w["qkv.kernel"] + w["qkv.bias"]
    q, k, v = (split_heads(part, num_heads) for part in np.split(mixed, 3, axis=-1))
    mask = causal(x.shape[1]) if mask is None else mask
    attended = merge_heads(attention(q, k, v, mask, **mistakes))
    return attended @ w["projection.kernel"] + w["projection.bias"]
