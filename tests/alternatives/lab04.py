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


@right("lab04.split_heads", because="stacked slices of the width are heads too")
def split_heads(x, num_heads):
    return keras.ops.stack(keras.ops.split(x, num_heads, axis=-1), axis=1)


@right("lab04.merge_heads", because="laying heads side by side is a concatenation")
def merge_heads(x):
    return keras.ops.concatenate([x[:, h] for h in range(x.shape[1])], axis=-1)


@right("lab04.CausalSelfAttention", because="each sub-layer may be made in build")
class CausalSelfAttention(keras.layers.Layer):
    def __init__(self, num_heads, head_dim, dropout=0.0, residual_stddev=0.02, **kwargs):
        super().__init__(**kwargs)
        self.shape = num_heads, head_dim
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, input_shape):
        num_heads, head_dim = self.shape
        self.qkv = keras.layers.Dense(3 * num_heads * head_dim)
        self.projection = keras.layers.Dense(input_shape[-1])

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
