"""Known-right answers to lab 03, written differently."""

import keras
import numpy as np
import tensorflow as tf


@right("lab03.embed_tokens", because="the paper's own form: a one-hot row times the matrix")
def embed_tokens(tokens, token_embeddings):
    rows = keras.ops.one_hot(tokens, token_embeddings.shape[0], dtype=token_embeddings.dtype)
    return keras.ops.matmul(rows, token_embeddings)


@right("lab03.embed_tokens", because="TensorFlow's own look-up is differentiable too")
def embed_tokens(tokens, token_embeddings):
    return tf.gather(token_embeddings, tokens)


@right("lab03.tied_logits", because="einsum names the axes")
def tied_logits(hidden, token_embeddings):
    return keras.ops.einsum("bth,vh->btv", hidden, token_embeddings)


@right("lab03.tied_logits", because="the product may be turned round")
def tied_logits(hidden, token_embeddings):
    scores = keras.ops.matmul(token_embeddings, keras.ops.swapaxes(hidden, 1, 2))
    return keras.ops.swapaxes(scores, 1, 2)


@right("lab03.tied_logits", because="TensorFlow's product transposes by itself")
def tied_logits(hidden, token_embeddings):
    return tf.matmul(hidden, token_embeddings, transpose_b=True)


@right("lab03.TokenAndPositionEmbedding", because="positions may be looked up like tokens")
class TokenAndPositionEmbedding(keras.layers.Layer):
    def __init__(self, vocabulary_size, max_sequence_length, hidden_dim, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.dropout = keras.layers.Dropout(dropout)
        self.max_sequence_length = max_sequence_length
        normal = keras.initializers.RandomNormal(stddev=0.02)
        shape = (vocabulary_size, hidden_dim)
        self.token_embeddings = self.add_weight(shape=shape, initializer=normal)
        shape = (max_sequence_length, hidden_dim)
        self.position_embeddings = self.add_weight(shape=shape, initializer=normal)

    def call(self, tokens, start=0):
        length = tokens.shape[1]
        if length + (0 if keras.ops.is_tensor(start) else start) > self.max_sequence_length:
            raise ValueError("too many tokens")
        positions = start + keras.ops.arange(length)
        x = keras.ops.take(self.position_embeddings, positions, axis=0)
        return self.dropout(x[None] + embed_tokens(tokens, self.token_embeddings))

    def logits(self, hidden):
        return keras.ops.einsum("bth,vh->btv", hidden, self.token_embeddings)


@right("lab03.TokenAndPositionEmbedding", because="Keras's Embedding layers hold the same tables")
class TokenAndPositionEmbedding(keras.layers.Layer):
    def __init__(self, vocabulary_size, max_sequence_length, hidden_dim, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.length, self.rate = max_sequence_length, dropout
        normal = keras.initializers.TruncatedNormal(stddev=0.02 / 0.8796)
        self.tokens = keras.layers.Embedding(vocabulary_size, hidden_dim, normal)
        self.places = keras.layers.Embedding(max_sequence_length, hidden_dim, normal)
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, tokens_shape):
        self.tokens.build()
        self.places.build()
        self.token_embeddings = self.tokens.embeddings
        self.position_embeddings = self.places.embeddings

    def call(self, tokens, start=0):
        if isinstance(start, int) and start + tokens.shape[1] > self.length:
            raise ValueError("too many tokens")
        return self.dropout(
            self.tokens(tokens) + self.places(start + keras.ops.arange(tokens.shape[1]))
        )

    def logits(self, hidden):
        return tied_logits(hidden, self.token_embeddings)


@right("lab03.nearest_tokens", because="sorted Python numbers give the same order")
def nearest_tokens(token_embeddings, index, k):
    table = np.asarray(token_embeddings, "float64")
    if k < 1 or k >= len(table):
        raise ValueError("no such k")
    lengths = np.sqrt((table**2).sum(axis=1))
    cosine = (table @ table[index]) / (lengths * lengths[index])
    others = [i for i in range(len(table)) if i != index]
    return sorted(others, key=lambda i: -cosine[i])[:k]


@right("lab03.nearest_tokens", because="dropping the first of k + 1 leaves the token itself out")
def nearest_tokens(token_embeddings, index, k):
    if not 0 < k < token_embeddings.shape[0]:
        raise ValueError("no such k")
    rows = keras.ops.normalize(token_embeddings, axis=-1)
    similarity = keras.ops.sum(rows * rows[index], axis=-1)
    similarity = similarity + 5.0 * keras.ops.one_hot(index, token_embeddings.shape[0])
    return keras.ops.argsort(-similarity)[1 : k + 1]
