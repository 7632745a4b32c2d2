"""Embeddings and tied logits, with one-hot rows as the paper writes them (GPT-1, section 3.1)."""

import numpy as np


def one_hot(tokens, vocabulary_size):
    """The matrix U: (batch, T) of ids to (batch, T, V) of 0 and 1."""
    return (np.asarray(tokens)[..., None] == np.arange(vocabulary_size)).astype("float64")


def embed(tokens, token_embeddings):
    """U We: (batch, T, hidden_dim)."""
    return one_hot(tokens, len(token_embeddings)) @ np.asarray(token_embeddings, "float64")


def token_and_position(tokens, w, start=0):
    """U We + Wp, with w = {token_embeddings, position_embeddings}, first token at `start`."""
    positions = start + np.broadcast_to(np.arange(np.shape(tokens)[1]), np.shape(tokens))
    return embed(tokens, w["token_embeddings"]) + embed(positions, w["position_embeddings"])


def logits(hidden, token_embeddings):
    """h We^T: (batch, T, V)."""
    return np.einsum("bth,vh->btv", hidden, token_embeddings)


def cosine(token_embeddings, index):
    """Cosine of the angle between one row and each row: (V,)."""
    lengths = np.linalg.norm(token_embeddings, axis=1)
    return token_embeddings @ token_embeddings[index] / lengths / lengths[index]


def order(scores, k, without=None):
    """The k ids of the highest scores, the highest first."""
    ids = sorted(range(len(scores)), key=lambda i: -scores[i])
    return np.array([i for i in ids if i != without][:k])
