"""Known-right answers to lab 04, written differently."""

import keras
import numpy as np


@right("lab04.causal_mask", because="a lower triangle of ones is the same table")
def causal_mask(length):
    return keras.ops.tril(keras.ops.ones((length, length), "bool"))


@right("lab04.causal_mask", because="NumPy is as good for a constant")
def causal_mask(length):
    return np.tril(np.ones((length, length), dtype=bool))


@right("lab04.attention_weights", because="einsum and an additive mask are as good")
def attention_weights(q, k, mask=None):
    scores = keras.ops.einsum("bhtd,bhsd->bhts", q, k) / keras.ops.sqrt(
        keras.ops.cast(q.shape[-1], q.dtype)
    )
    if mask is not None:
        scores += keras.ops.where(mask, 0.0, -1e9)
    return keras.ops.softmax(scores)


@right("lab04.scaled_dot_product_attention", because="Keras's own operation, without dropout")
def scaled_dot_product_attention(q, k, v, mask=None, dropout=None):
    if dropout is None:
        q, k, v = (keras.ops.swapaxes(x, 1, 2) for x in (q, k, v))
        if mask is not None:
            mask = keras.ops.broadcast_to(mask, (1, 1, *mask.shape[-2:]))
        return keras.ops.swapaxes(keras.ops.dot_product_attention(q, k, v, mask=mask), 1, 2)
    return keras.ops.einsum("bhts,bhsd->bhtd", dropout(attention_weights(q, k, mask)), v)


@right("lab04.attention_weights", because="the softmax may be written out")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.transpose(k, (0, 1, 3, 2)) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = keras.ops.where(mask, scores, -1e30)
    powers = keras.ops.exp(scores - keras.ops.max(scores, axis=-1, keepdims=True))
    return powers / keras.ops.sum(powers, axis=-1, keepdims=True)


@right("lab04.scaled_dot_product_attention", because="einsum is as good")
def scaled_dot_product_attention(q, k, v, mask=None, dropout=None):
    weights = attention_weights(q, k, mask)
    weights = dropout(weights) if dropout else weights
    return keras.ops.einsum("bhts,bhsd->bhtd", weights, v)


@right("lab04.split_heads", because="transpose takes all axes at once")
def split_heads(x, num_heads):
    batch, length, width = x.shape
    cut = keras.ops.reshape(x, (batch, length, num_heads, width // num_heads))
    return keras.ops.transpose(cut, (0, 2, 1, 3))


@right("lab04.split_heads", because="stacked slices of the width are heads too")
def split_heads(x, num_heads):
    return keras.ops.stack(keras.ops.split(x, num_heads, axis=-1), axis=1)


@right("lab04.merge_heads", because="laying heads side by side is a concatenation")
def merge_heads(x):
    return keras.ops.concatenate([x[:, h] for h in range(x.shape[1])], axis=-1)


@right("lab04.merge_heads", because="reshape can find one size by itself")
def merge_heads(x):
    return keras.ops.reshape(keras.ops.transpose(x, (0, 2, 1, 3)), (x.shape[0], x.shape[2], -1))


@right("lab04.CausalSelfAttention", because="each sub-layer may be made in build")
class CausalSelfAttention(keras.layers.Layer):
    def __init__(self, num_heads, head_dim, dropout=0.0, residual_stddev=0.02, **kwargs):
        super().__init__(**kwargs)
        self.shape = num_heads, head_dim
        self.stddev = residual_stddev
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, input_shape):
        num_heads, head_dim = self.shape
        normal = keras.initializers.RandomNormal
        self.qkv = keras.layers.Dense(
            3 * num_heads * head_dim, kernel_initializer=normal(stddev=0.02)
        )
        self.projection = keras.layers.Dense(
            input_shape[-1], kernel_initializer=normal(stddev=self.stddev)
        )

    def heads(self, x):
        batch, length, _ = x.shape
        qkv = keras.ops.reshape(self.qkv(x), (batch, length, 3, *self.shape))
        return keras.ops.unstack(keras.ops.transpose(qkv, (2, 0, 3, 1, 4)), axis=0)

    def call(self, x, attention_mask=None):
        q, k, v = self.heads(x)
        scores = keras.ops.einsum("bhtd,bhsd->bhts", q, k) / self.shape[1] ** 0.5
        allowed = causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        weights = keras.ops.softmax(keras.ops.where(allowed, scores, -1e9))
        return self.projection(merge_heads(self.dropout(weights) @ v))


@right("lab04.CausalSelfAttention", because="tensors in the order (batch, T, heads, head_dim) do")
class CausalSelfAttention(keras.layers.Layer):
    def __init__(self, num_heads, head_dim, dropout=0.0, residual_stddev=0.02, **kwargs):
        super().__init__(**kwargs)
        self.num_heads, self.head_dim = num_heads, head_dim
        self.residual = keras.initializers.RandomNormal(stddev=residual_stddev)
        self.qkv = keras.layers.Dense(
            3 * num_heads * head_dim,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        )
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, input_shape):
        self.projection = keras.layers.Dense(input_shape[-1], kernel_initializer=self.residual)
        self.qkv.build(input_shape)
        self.projection.build((*input_shape[:-1], self.num_heads * self.head_dim))

    def heads(self, x):
        return [split_heads(y, self.num_heads) for y in keras.ops.split(self.qkv(x), 3, axis=-1)]

    def call(self, x, attention_mask=None):
        mask = causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        cut = (*x.shape[:2], self.num_heads, self.head_dim)
        pieces = keras.ops.split(self.qkv(x), 3, axis=-1)
        q, k, v = (keras.ops.reshape(piece, cut) for piece in pieces)
        scores = keras.ops.einsum("bthd,bshd->bhts", q, k) / np.sqrt(self.head_dim)
        weights = keras.ops.softmax(keras.ops.where(mask, scores, -1e30), axis=-1)
        attended = keras.ops.einsum("bhts,bshd->bthd", self.dropout(weights), v)
        return self.projection(keras.ops.reshape(attended, (*x.shape[:2], -1)))
