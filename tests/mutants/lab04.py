"""Known-wrong answers to lab 04, and the misconception that each must draw."""

import keras
import numpy as np


@wrong("lab04.causal_mask", draws="mask.sees-the-future")
def causal_mask(length):
    position = keras.ops.arange(length)
    return position[:, None] <= position[None, :]


@wrong("lab04.causal_mask", draws="mask.blind-to-itself")
def causal_mask(length):
    position = keras.ops.arange(length)
    return position[:, None] > position[None, :]


@wrong("lab04.causal_mask", draws="mask.inverted")
def causal_mask(length):
    return keras.ops.triu(keras.ops.ones((length, length), "bool"), k=1)


@wrong("lab04.causal_mask", draws="mask.not-bool")
def causal_mask(length):
    return keras.ops.tril(keras.ops.ones((length, length)))


@wrong("lab04.causal_mask", draws="mask.no-mask")
def causal_mask(length):
    return keras.ops.ones((length, length), "bool")


@wrong("lab04.causal_mask", draws="mask.sees-one-ahead")
def causal_mask(length):
    return keras.ops.tril(keras.ops.ones((length, length), "bool"), k=1)


@wrong("lab04.causal_mask", draws="mask.additive")
def causal_mask(length):
    position = keras.ops.arange(length)
    return keras.ops.where(position[:, None] >= position, 0.0, float("-inf"))


@wrong("lab04.attention_weights", draws="attention.no-scale")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2)
    if mask is not None:
        scores = keras.ops.where(mask, scores, -1e9)
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="attention.scale-by-width")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / q.shape[-1]
    if mask is not None:
        scores = keras.ops.where(mask, scores, -1e9)
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="attention.softmax-over-queries")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = keras.ops.where(mask, scores, -1e9)
    return keras.ops.softmax(scores, axis=-2)


@wrong("lab04.attention_weights", draws="attention.mask-after-softmax")
def attention_weights(q, k, mask=None):
    weights = keras.ops.softmax(q @ keras.ops.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5, axis=-1)
    if mask is not None:
        weights = weights * keras.ops.cast(mask, weights.dtype)
    return weights


@wrong("lab04.attention_weights", draws="attention.mask-zero")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores * keras.ops.cast(mask, scores.dtype)
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="attention.mask-minus-one")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = keras.ops.where(mask, scores, -1.0)
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="attention.scale-multiplied")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) * q.shape[-1] ** 0.5
    if mask is not None:
        scores = keras.ops.where(mask, scores, -1e9)
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="attention.scale-by-length")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / q.shape[2] ** 0.5
    if mask is not None:
        scores = keras.ops.where(mask, scores, -1e9)
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="attention.scale-by-all-heads")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / (q.shape[1] * q.shape[-1]) ** 0.5
    if mask is not None:
        scores = keras.ops.where(mask, scores, -1e9)
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="attention.scale-after-softmax")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2)
    if mask is not None:
        scores = keras.ops.where(mask, scores, -1e9)
    return keras.ops.softmax(scores, axis=-1) / q.shape[-1] ** 0.5


@wrong("lab04.attention_weights", draws="attention.no-softmax")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5
    return scores if mask is None else keras.ops.where(mask, scores, -1e9)


@wrong("lab04.attention_weights", draws="attention.own-mask")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5
    return keras.ops.softmax(keras.ops.where(causal_mask(q.shape[2]), scores, -1e9), axis=-1)


@wrong("lab04.attention_weights", draws="attention.own-mask")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = keras.ops.where(causal_mask(q.shape[2]), scores, -1e9)
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="attention.mask-and-causal")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        seen = keras.ops.logical_and(mask, causal_mask(q.shape[2]))
        scores = keras.ops.where(seen, scores, -1e9)
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="attention.mask-nan")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores += (1 - keras.ops.cast(mask, scores.dtype)) * float("-inf")
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="attention.mask-inverted")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = keras.ops.where(mask, float("-inf"), scores)
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="attention.keys-ask")
def attention_weights(q, k, mask=None):
    scores = k @ keras.ops.swapaxes(q, -1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = keras.ops.where(mask, scores, -1e9)
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="attention.mask-too-weak")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = keras.ops.where(mask, scores, -100.0)
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="attention.mask-too-weak")
def attention_weights(q, k, mask=None):
    scores = q @ keras.ops.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores + keras.ops.where(mask, 0.0, -40.0)
    return keras.ops.softmax(scores, axis=-1)


@wrong("lab04.attention_weights", draws="tensor.needs-values")
def attention_weights(q, k, mask=None):
    scores = np.asarray(q) @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@wrong("lab04.scaled_dot_product_attention", draws="attention.mask-ignored")
def scaled_dot_product_attention(q, k, v, mask=None, dropout=None):
    weights = attention_weights(q, k)
    return (dropout(weights) if dropout else weights) @ v


@wrong("lab04.scaled_dot_product_attention", draws="attention.mixes-keys")
def scaled_dot_product_attention(q, k, v, mask=None, dropout=None):
    weights = attention_weights(q, k, mask)
    return (dropout(weights) if dropout else weights) @ k


@wrong("lab04.scaled_dot_product_attention", draws="attention.weights-transposed")
def scaled_dot_product_attention(q, k, v, mask=None, dropout=None):
    weights = attention_weights(q, k, mask)
    weights = dropout(weights) if dropout else weights
    return keras.ops.swapaxes(weights, -1, -2) @ v


@wrong("lab04.scaled_dot_product_attention", draws="attention.dropout-ignored")
def scaled_dot_product_attention(q, k, v, mask=None, dropout=None):
    return attention_weights(q, k, mask) @ v


@wrong("lab04.scaled_dot_product_attention", draws="attention.dropout-on-output")
def scaled_dot_product_attention(q, k, v, mask=None, dropout=None):
    mixed = attention_weights(q, k, mask) @ v
    return dropout(mixed) if dropout else mixed


@wrong("lab04.scaled_dot_product_attention", draws="attention.own-mask")
def scaled_dot_product_attention(q, k, v, mask=None, dropout=None):
    weights = attention_weights(q, k, causal_mask(q.shape[2]))
    return (dropout(weights) if dropout else weights) @ v


@wrong("lab04.scaled_dot_product_attention", draws="attention.dropout-always")
def scaled_dot_product_attention(q, k, v, mask=None, dropout=None):
    weights = attention_weights(q, k, mask)
    return (dropout(weights, training=True) if dropout else weights) @ v


@wrong("lab04.scaled_dot_product_attention", draws="attention.own-mask")
def scaled_dot_product_attention(q, k, v, mask=None, dropout=None):
    # No mask means that all may be seen.
    mask = causal_mask(q.shape[2]) if mask is None else mask
    weights = attention_weights(q, k, mask)
    return (dropout(weights) if dropout else weights) @ v


@wrong("lab04.scaled_dot_product_attention", draws="attention.dropout-ignored")
def scaled_dot_product_attention(q, k, v, mask=None, dropout=None):
    weights = attention_weights(q, k, mask)
    if mask is None and dropout is not None:
        weights = dropout(weights)
    return weights @ v


@wrong("lab04.split_heads", draws="heads.reshape-only")
def split_heads(x, num_heads):
    batch, length, width = x.shape
    return keras.ops.reshape(x, (batch, num_heads, length, width // num_heads))


@wrong("lab04.split_heads", draws="heads.not-swapped")
def split_heads(x, num_heads):
    batch, length, width = x.shape
    return keras.ops.reshape(x, (batch, length, num_heads, width // num_heads))


@wrong("lab04.split_heads", draws="heads.interleaved")
def split_heads(x, num_heads):
    batch, length, width = x.shape
    heads = keras.ops.reshape(x, (batch, length, width // num_heads, num_heads))
    return keras.ops.transpose(heads, (0, 3, 1, 2))


@wrong("lab04.split_heads", draws="heads.positions-last")
def split_heads(x, num_heads):
    batch, length, width = x.shape
    heads = keras.ops.reshape(x, (batch, length, num_heads, width // num_heads))
    return keras.ops.transpose(heads, (0, 2, 3, 1))


@wrong("lab04.split_heads", draws="heads.in-the-batch")
def split_heads(x, num_heads):
    return keras.ops.concatenate(keras.ops.split(x, num_heads, axis=-1), axis=0)


@wrong("lab04.merge_heads", draws="heads.reshape-only")
def merge_heads(x):
    batch, heads, length, head_dim = x.shape
    return keras.ops.reshape(x, (batch, length, heads * head_dim))


@wrong("lab04.merge_heads", draws="heads.interleaved")
def merge_heads(x):
    batch, heads, length, head_dim = x.shape
    return keras.ops.reshape(
        keras.ops.transpose(x, (0, 2, 3, 1)), (batch, length, heads * head_dim)
    )


@wrong("lab04.merge_heads", draws="heads.summed")
def merge_heads(x):
    return keras.ops.sum(x, axis=1)


@wrong("lab04.merge_heads", draws="heads.averaged")
def merge_heads(x):
    return keras.ops.mean(x, axis=1)


@wrong("lab04.merge_heads", draws="heads.not-merged")
def merge_heads(x):
    return keras.ops.swapaxes(x, 1, 2)


@wrong("lab04.merge_heads", draws="heads.one-after-another")
def merge_heads(x):
    return keras.ops.concatenate([x[:, head] for head in range(x.shape[1])], axis=1)


@wrong("lab04.merge_heads", draws="tensor.needs-values")
def merge_heads(x):
    batch, heads, length, head_dim = x.shape
    return np.transpose(x, (0, 2, 1, 3)).reshape(batch, length, heads * head_dim)


class Layer(keras.layers.Layer):
    """What the wrong layers below have in common."""

    def __init__(self, num_heads, head_dim, dropout=0.0, residual_stddev=0.02, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.qkv = keras.layers.Dense(3 * num_heads * head_dim)
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, shape):
        self.projection = keras.layers.Dense(shape[-1])

    def heads(self, x):
        return [split_heads(y, self.num_heads) for y in keras.ops.split(self.qkv(x), 3, axis=-1)]


@wrong("lab04.CausalSelfAttention", draws="attention.no-causal-mask")
class CausalSelfAttention(Layer):
    def call(self, x, attention_mask=None):
        q, k, v = self.heads(x)
        return self.projection(
            merge_heads(scaled_dot_product_attention(q, k, v, attention_mask, self.dropout))
        )


@wrong("lab04.CausalSelfAttention", draws="attention.given-mask-ignored")
class CausalSelfAttention(Layer):
    def call(self, x, attention_mask=None):
        q, k, v = self.heads(x)
        mask = causal_mask(x.shape[1])
        return self.projection(
            merge_heads(scaled_dot_product_attention(q, k, v, mask, self.dropout))
        )


@wrong("lab04.CausalSelfAttention", draws="attention.one-head")
class CausalSelfAttention(Layer):
    def call(self, x, attention_mask=None):
        q, k, v = keras.ops.split(self.qkv(x)[:, None], 3, axis=-1)
        mask = causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        return self.projection(scaled_dot_product_attention(q, k, v, mask, self.dropout)[:, 0])


@wrong("lab04.CausalSelfAttention", draws="attention.qkv-order")
class CausalSelfAttention(Layer):
    def call(self, x, attention_mask=None):
        k, v, q = self.heads(x)
        mask = causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        return self.projection(
            merge_heads(scaled_dot_product_attention(q, k, v, mask, self.dropout))
        )


@wrong("lab04.CausalSelfAttention", draws="attention.no-projection")
class CausalSelfAttention(Layer):
    def call(self, x, attention_mask=None):
        q, k, v = self.heads(x)
        mask = causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        attended = merge_heads(scaled_dot_product_attention(q, k, v, mask, self.dropout))
        self.projection(attended)
        return attended[..., : x.shape[-1]]


@wrong("lab04.CausalSelfAttention", draws="attention.dropout-ignored")
class CausalSelfAttention(Layer):
    def call(self, x, attention_mask=None):
        q, k, v = self.heads(x)
        mask = causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        return self.projection(merge_heads(scaled_dot_product_attention(q, k, v, mask)))


@wrong("lab04.CausalSelfAttention", draws="attention.mask-and-causal")
class CausalSelfAttention(Layer):
    def call(self, x, attention_mask=None):
        q, k, v = self.heads(x)
        mask = causal_mask(x.shape[1])
        if attention_mask is not None:
            mask = keras.ops.logical_and(mask, attention_mask)
        return self.projection(
            merge_heads(scaled_dot_product_attention(q, k, v, mask, self.dropout))
        )


@wrong("lab04.CausalSelfAttention", draws="attention.dropout-elsewhere")
class CausalSelfAttention(Layer):
    def call(self, x, attention_mask=None):
        q, k, v = self.heads(x)
        mask = causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        attended = merge_heads(scaled_dot_product_attention(q, k, v, mask))
        return self.dropout(self.projection(attended))


@wrong("lab04.CausalSelfAttention", draws="attention.dropout-elsewhere")
class CausalSelfAttention(Layer):
    def call(self, x, attention_mask=None):
        q, k, v = self.heads(x)
        mask = causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        attended = scaled_dot_product_attention(q, k, v, mask, self.dropout)
        return self.projection(self.dropout(merge_heads(attended)))


@wrong("lab04.CausalSelfAttention", draws="attention.dropout-elsewhere")
class CausalSelfAttention(Layer):
    def call(self, x, attention_mask=None):
        q, k, v = self.heads(self.dropout(x))
        mask = causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        return self.projection(merge_heads(scaled_dot_product_attention(q, k, v, mask)))


@wrong("lab04.CausalSelfAttention", draws="attention.heads-not-written")
class CausalSelfAttention(Layer):
    def heads(self, x):
        raise NotImplementedError

    def call(self, x, attention_mask=None):
        q, k, v = (split_heads(y, self.num_heads) for y in keras.ops.split(self.qkv(x), 3, -1))
        mask = causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        return self.projection(
            merge_heads(scaled_dot_product_attention(q, k, v, mask, self.dropout))
        )


@wrong("lab04.CausalSelfAttention", draws="attention.heads-not-split")
class CausalSelfAttention(Layer):
    def heads(self, x):
        return keras.ops.split(self.qkv(x), 3, axis=-1)

    def call(self, x, attention_mask=None):
        q, k, v = (split_heads(y, self.num_heads) for y in self.heads(x))
        mask = causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        return self.projection(
            merge_heads(scaled_dot_product_attention(q, k, v, mask, self.dropout))
        )


@wrong("lab04.CausalSelfAttention", draws="attention.initial-kernels")
class CausalSelfAttention(Layer):
    def call(self, x, attention_mask=None):
        q, k, v = self.heads(x)
        mask = causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        return self.projection(
            merge_heads(scaled_dot_product_attention(q, k, v, mask, self.dropout))
        )


@wrong("lab04.CausalSelfAttention", draws="attention.dropout-always")
class CausalSelfAttention(Layer):
    def call(self, x, attention_mask=None):
        q, k, v = self.heads(x)
        mask = causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        weights = self.dropout(attention_weights(q, k, mask), training=True)
        return self.projection(merge_heads(weights @ v))


@wrong("lab04.CausalSelfAttention", draws="layer.one-length")
class CausalSelfAttention(Layer):
    def build(self, shape):
        super().build(shape)
        self.mask = causal_mask(shape[1])

    def call(self, x, attention_mask=None):
        q, k, v = self.heads(x)
        mask = self.mask if attention_mask is None else attention_mask
        return self.projection(
            merge_heads(scaled_dot_product_attention(q, k, v, mask, self.dropout))
        )
