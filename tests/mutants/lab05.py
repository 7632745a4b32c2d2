"""Known-wrong answers to lab 05, and the misconception that each must draw."""

import keras
import numpy as np

from gpt_tf import parts


class Norm(keras.layers.Layer):
    """What the wrong norms below have in common."""

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, shape):
        kept = {"shape": shape[-1:], "dtype": "float32", "autocast": False}
        self.gamma = self.add_weight(initializer="ones", **kept)
        self.beta = self.add_weight(initializer="zeros", **kept)

    def finish(self, normal):
        return keras.ops.cast(normal * self.gamma + self.beta, self.compute_dtype)


@wrong("lab05.LayerNorm", draws="norm.epsilon-outside-the-root")
class LayerNorm(Norm):
    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        return self.finish(centred / (keras.ops.std(x, axis=-1, keepdims=True) + self.epsilon))


@wrong("lab05.LayerNorm", draws="norm.epsilon-ignored")
class LayerNorm(Norm):
    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        variance = keras.ops.var(x, axis=-1, keepdims=True)
        return self.finish(centred / keras.ops.sqrt(variance + 1e-5))


@wrong("lab05.LayerNorm", draws="norm.unbiased-variance")
class LayerNorm(Norm):
    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        variance = keras.ops.sum(centred**2, axis=-1, keepdims=True) / (x.shape[-1] - 1)
        return self.finish(centred / keras.ops.sqrt(variance + self.epsilon))


@wrong("lab05.LayerNorm", draws="norm.over-positions")
class LayerNorm(Norm):
    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=1, keepdims=True)
        variance = keras.ops.var(x, axis=1, keepdims=True)
        return self.finish(centred / keras.ops.sqrt(variance + self.epsilon))


@wrong("lab05.LayerNorm", draws="norm.over-all")
class LayerNorm(Norm):
    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=(1, 2), keepdims=True)
        variance = keras.ops.var(x, axis=(1, 2), keepdims=True)
        return self.finish(centred / keras.ops.sqrt(variance + self.epsilon))


@wrong("lab05.LayerNorm", draws="norm.mean-not-subtracted")
class LayerNorm(Norm):
    def call(self, x):
        x = keras.ops.cast(x, "float32")
        square = keras.ops.mean(x**2, axis=-1, keepdims=True)
        return self.finish(x / keras.ops.sqrt(square + self.epsilon))


@wrong("lab05.LayerNorm", draws="norm.spread-around-zero")
class LayerNorm(Norm):
    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        square = keras.ops.mean(x**2, axis=-1, keepdims=True)
        return self.finish(centred / keras.ops.sqrt(square + self.epsilon))


@wrong("lab05.LayerNorm", draws="norm.epsilon-left-out")
class LayerNorm(Norm):
    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        return self.finish(centred / keras.ops.std(x, axis=-1, keepdims=True))


@wrong("lab05.LayerNorm", draws="norm.weights-autocast")
class LayerNorm(Norm):
    def build(self, shape):
        self.gamma = self.add_weight(shape=shape[-1:], initializer="ones")
        self.beta = self.add_weight(shape=shape[-1:], initializer="zeros")

    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        variance = keras.ops.var(x, axis=-1, keepdims=True)
        return self.finish(centred / keras.ops.sqrt(variance + self.epsilon))


@wrong("lab05.LayerNorm", draws="norm.no-root")
class LayerNorm(Norm):
    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        return self.finish(centred / (keras.ops.var(x, axis=-1, keepdims=True) + self.epsilon))


@wrong("lab05.LayerNorm", draws="norm.gain-after-shift")
class LayerNorm(Norm):
    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        variance = keras.ops.var(x, axis=-1, keepdims=True)
        normal = centred / keras.ops.sqrt(variance + self.epsilon)
        return keras.ops.cast((normal + self.beta) * self.gamma, self.compute_dtype)


@wrong("lab05.LayerNorm", draws="norm.no-gain-and-shift")
class LayerNorm(Norm):
    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        variance = keras.ops.var(x, axis=-1, keepdims=True)
        return keras.ops.cast(centred / keras.ops.sqrt(variance + self.epsilon), self.compute_dtype)


@wrong("lab05.LayerNorm", draws="norm.gain-starts-at-zero")
class LayerNorm(Norm):
    def build(self, shape):
        kept = {"shape": shape[-1:], "dtype": "float32", "autocast": False}
        self.gamma = self.add_weight(initializer="zeros", **kept)
        self.beta = self.add_weight(initializer="zeros", **kept)

    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        variance = keras.ops.var(x, axis=-1, keepdims=True)
        return self.finish(centred / keras.ops.sqrt(variance + self.epsilon))


@wrong("lab05.LayerNorm", draws="norm.half-precision")
class LayerNorm(Norm):
    def call(self, x):
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        variance = keras.ops.mean(keras.ops.square(centred), axis=-1, keepdims=True)
        normal = centred * keras.ops.rsqrt(variance + self.epsilon)
        return self.finish(keras.ops.cast(normal, "float32"))


@wrong("lab05.LayerNorm", draws="norm.result-not-cast")
class LayerNorm(Norm):
    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        variance = keras.ops.var(x, axis=-1, keepdims=True)
        return centred / keras.ops.sqrt(variance + self.epsilon) * self.gamma + self.beta


@wrong("lab05.LayerNorm", draws="norm.default-epsilon")
class LayerNorm(keras.layers.LayerNormalization):
    pass


@wrong("lab05.LayerNorm", draws="norm.axis-by-number")
class LayerNorm(Norm):
    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=2, keepdims=True)
        variance = keras.ops.var(x, axis=2, keepdims=True)
        return self.finish(centred / keras.ops.sqrt(variance + self.epsilon))


@wrong("lab05.LayerNorm", draws="tensor.needs-values")
class LayerNorm(Norm):
    def call(self, x):
        x = np.asarray(x, "float32")
        centred = x - x.mean(axis=-1, keepdims=True)
        return self.finish(centred / np.sqrt(x.var(axis=-1, keepdims=True) + self.epsilon))


@wrong("lab05.gelu", draws="gelu.exact-form")
def gelu(x):
    return keras.activations.gelu(x)


@wrong("lab05.gelu", draws="gelu.relu")
def gelu(x):
    return keras.ops.maximum(x, 0)


@wrong("lab05.gelu", draws="gelu.sigmoid-form")
def gelu(x):
    return x * keras.ops.sigmoid(1.702 * x)


@wrong("lab05.gelu", draws="gelu.silu")
def gelu(x):
    return keras.ops.silu(x)


@wrong("lab05.gelu", draws="gelu.no-half")
def gelu(x):
    return x * (1 + keras.ops.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))


@wrong("lab05.gelu", draws="gelu.no-x")
def gelu(x):
    return 0.5 * (1 + keras.ops.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))


@wrong("lab05.gelu", draws="gelu.cube-outside")
def gelu(x):
    return 0.5 * x * (1 + keras.ops.tanh((2 / np.pi) ** 0.5 * x + 0.044715 * x**3))


@wrong("lab05.gelu", draws="gelu.no-cube")
def gelu(x):
    return 0.5 * x * (1 + keras.ops.tanh((2 / np.pi) ** 0.5 * x))


@wrong("lab05.gelu", draws="gelu.root-upside-down")
def gelu(x):
    return 0.5 * x * (1 + keras.ops.tanh((np.pi / 2) ** 0.5 * (x + 0.044715 * x**3)))


@wrong("lab05.gelu", draws="gelu.square")
def gelu(x):
    return 0.5 * x * (1 + keras.ops.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**2)))


@wrong("lab05.gelu", draws="gelu.no-root")
def gelu(x):
    return 0.5 * x * (1 + keras.ops.tanh(2 / np.pi * (x + 0.044715 * x**3)))


@wrong("lab05.gelu", draws="tensor.needs-values")
def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


class Feed(keras.layers.Layer):
    """What the wrong feed-forward layers below have in common."""

    def __init__(self, intermediate_dim, residual_stddev=0.02, **kwargs):
        super().__init__(**kwargs)
        self.stddev = residual_stddev
        normal = keras.initializers.RandomNormal
        self.expand = keras.layers.Dense(intermediate_dim, kernel_initializer=normal(stddev=0.02))

    def build(self, shape):
        normal = keras.initializers.RandomNormal(stddev=self.stddev)
        self.contract = keras.layers.Dense(shape[-1], kernel_initializer=normal)
        self.expand.build(shape)
        self.contract.build((*shape[:-1], self.expand.units))


@wrong("lab05.FeedForward", draws="feed-forward.no-activation")
class FeedForward(Feed):
    def call(self, x):
        return self.contract(self.expand(x))


@wrong("lab05.FeedForward", draws="feed-forward.relu")
class FeedForward(Feed):
    def call(self, x):
        return self.contract(keras.ops.relu(self.expand(x)))


@wrong("lab05.FeedForward", draws="feed-forward.exact-gelu")
class FeedForward(Feed):
    def call(self, x):
        return self.contract(keras.activations.gelu(self.expand(x)))


@wrong("lab05.FeedForward", draws="feed-forward.activation-first")
class FeedForward(Feed):
    def call(self, x):
        return self.contract(self.expand(gelu(x)))


@wrong("lab05.FeedForward", draws="feed-forward.activation-on-output")
class FeedForward(Feed):
    def call(self, x):
        return gelu(self.contract(self.expand(x)))


@wrong("lab05.FeedForward", draws="feed-forward.activation-twice")
class FeedForward(Feed):
    def call(self, x):
        return gelu(self.contract(gelu(self.expand(x))))


@wrong("lab05.FeedForward", draws="feed-forward.adds-input")
class FeedForward(Feed):
    def call(self, x):
        return x + self.contract(gelu(self.expand(x)))


@wrong("lab05.FeedForward", draws="feed-forward.stops-inside")
class FeedForward(Feed):
    def call(self, x):
        return gelu(self.expand(x))


@wrong("lab05.FeedForward", draws="feed-forward.initial-kernels")
class FeedForward(Feed):
    def build(self, shape):
        self.contract = keras.layers.Dense(shape[-1])

    def call(self, x):
        return self.contract(gelu(self.expand(x)))


@wrong("lab05.FeedForward", draws="feed-forward.initial-kernels")
class FeedForward(Feed):
    def build(self, shape):
        normal = keras.initializers.RandomNormal(stddev=0.02)
        self.contract = keras.layers.Dense(shape[-1], kernel_initializer=normal)

    def call(self, x):
        return self.contract(gelu(self.expand(x)))


@wrong("lab05.FeedForward", draws="feed-forward.dropout")
class FeedForward(Feed):
    def __init__(self, intermediate_dim, residual_stddev=0.02, **kwargs):
        super().__init__(intermediate_dim, residual_stddev, **kwargs)
        self.dropout = keras.layers.Dropout(0.1)

    def call(self, x):
        return self.dropout(self.contract(gelu(self.expand(x))))


@wrong("lab05.residual_connection", draws="residual.no-way-around")
def residual_connection(x, sublayer, norm, normalize_first):
    return sublayer(norm(x)) if normalize_first else norm(sublayer(x))


@wrong("lab05.residual_connection", draws="residual.other-place")
def residual_connection(x, sublayer, norm, normalize_first):
    return norm(x + sublayer(x)) if normalize_first else x + sublayer(norm(x))


@wrong("lab05.residual_connection", draws="residual.other-place")
def residual_connection(x, sublayer, norm, normalize_first):
    return x + sublayer(norm(x))


@wrong("lab05.residual_connection", draws="residual.norm-on-branch-output")
def residual_connection(x, sublayer, norm, normalize_first):
    return x + sublayer(norm(x)) if normalize_first else x + norm(sublayer(x))


@wrong("lab05.residual_connection", draws="residual.normalised-way-around")
def residual_connection(x, sublayer, norm, normalize_first):
    if normalize_first:
        x = norm(x)
        return x + sublayer(x)
    return norm(x + sublayer(x))


@wrong("lab05.residual_connection", draws="residual.sum-not-normalised")
def residual_connection(x, sublayer, norm, normalize_first):
    return x + sublayer(norm(x)) if normalize_first else norm(x) + sublayer(x)


@wrong("lab05.residual_connection", draws="residual.no-norm")
def residual_connection(x, sublayer, norm, normalize_first):
    return x + sublayer(x)


@wrong("lab05.residual_connection", draws="residual.normalised-twice")
def residual_connection(x, sublayer, norm, normalize_first):
    if normalize_first:
        x = x + sublayer(norm(x))
    else:
        x = x + sublayer(x)
    return norm(x)


class Block(keras.layers.Layer):
    """What the wrong blocks below have in common."""

    def __init__(
        self,
        num_heads,
        head_dim,
        intermediate_dim,
        dropout=0.0,
        normalize_first=True,
        residual_stddev=0.02,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.normalize_first = normalize_first
        self.attention = parts.CausalSelfAttention(num_heads, head_dim, dropout, residual_stddev)
        self.attention_norm = LayerNorm()
        self.feed_forward = FeedForward(intermediate_dim, residual_stddev)
        self.feed_forward_norm = LayerNorm()
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, shape):
        self.attention.build(shape)
        self.attention_norm.build(shape)
        self.feed_forward.build(shape)
        self.feed_forward_norm.build(shape)

    def around(self, x, sublayer, norm):
        return residual_connection(x, sublayer, norm, self.normalize_first)

    def call(self, x, attention_mask=None):
        x = self.around(
            x,
            lambda y: self.dropout(self.attention(y, attention_mask=attention_mask)),
            self.attention_norm,
        )
        return self.around(x, lambda y: self.dropout(self.feed_forward(y)), self.feed_forward_norm)


@wrong("lab05.TransformerBlock", draws="block.other-norm-order")
class TransformerBlock(Block):
    def around(self, x, sublayer, norm):
        return residual_connection(x, sublayer, norm, not self.normalize_first)


@wrong("lab05.TransformerBlock", draws="block.other-norm-order")
class TransformerBlock(Block):
    def around(self, x, sublayer, norm):
        return residual_connection(x, sublayer, norm, True)


@wrong("lab05.TransformerBlock", draws="block.no-residual")
class TransformerBlock(Block):
    def around(self, x, sublayer, norm):
        return sublayer(norm(x)) if self.normalize_first else norm(sublayer(x))


@wrong("lab05.TransformerBlock", draws="block.one-norm-for-both")
class TransformerBlock(Block):
    def around(self, x, sublayer, norm):
        return residual_connection(x, sublayer, self.attention_norm, self.normalize_first)


@wrong("lab05.TransformerBlock", draws="block.norms-swapped")
class TransformerBlock(Block):
    def around(self, x, sublayer, norm):
        swap = {id(self.attention_norm): self.feed_forward_norm}
        norm = swap.get(id(norm), self.attention_norm)
        return residual_connection(x, sublayer, norm, self.normalize_first)


@wrong("lab05.TransformerBlock", draws="block.feed-forward-first")
class TransformerBlock(Block):
    def call(self, x, attention_mask=None):
        x = self.around(x, lambda y: self.dropout(self.feed_forward(y)), self.feed_forward_norm)
        return self.around(
            x,
            lambda y: self.dropout(self.attention(y, attention_mask=attention_mask)),
            self.attention_norm,
        )


@wrong("lab05.TransformerBlock", draws="block.side-by-side")
class TransformerBlock(Block):
    def call(self, x, attention_mask=None):
        attended = self.attention(self.attention_norm(x), attention_mask=attention_mask)
        worked = self.feed_forward(self.feed_forward_norm(x))
        return x + self.dropout(attended) + self.dropout(worked)


@wrong("lab05.TransformerBlock", draws="block.attention-only")
class TransformerBlock(Block):
    def call(self, x, attention_mask=None):
        return self.around(
            x,
            lambda y: self.dropout(self.attention(y, attention_mask=attention_mask)),
            self.attention_norm,
        )


@wrong("lab05.TransformerBlock", draws="block.attention-lost")
class TransformerBlock(Block):
    def call(self, x, attention_mask=None):
        self.around(
            x,
            lambda y: self.dropout(self.attention(y, attention_mask=attention_mask)),
            self.attention_norm,
        )
        return self.around(x, lambda y: self.dropout(self.feed_forward(y)), self.feed_forward_norm)


@wrong("lab05.TransformerBlock", draws="block.dropout-always")
class TransformerBlock(Block):
    def call(self, x, attention_mask=None):
        def drop(y):
            return self.dropout(y, training=True)

        x = self.around(
            x, lambda y: drop(self.attention(y, attention_mask=attention_mask)), self.attention_norm
        )
        return self.around(x, lambda y: drop(self.feed_forward(y)), self.feed_forward_norm)


@wrong("lab05.TransformerBlock", draws="block.attention-dropout-missing")
class TransformerBlock(Block):
    def __init__(self, num_heads, head_dim, intermediate_dim, dropout=0.0, **kwargs):
        super().__init__(num_heads, head_dim, intermediate_dim, dropout, **kwargs)
        stddev = kwargs.get("residual_stddev", 0.02)
        self.attention = parts.CausalSelfAttention(num_heads, head_dim, residual_stddev=stddev)


@wrong("lab05.TransformerBlock", draws="block.sees-the-future")
class TransformerBlock(Block):
    def call(self, x, attention_mask=None):
        if attention_mask is None:
            attention_mask = keras.ops.ones((x.shape[1], x.shape[1]), "bool")
        return super().call(x, attention_mask)


@wrong("lab05.TransformerBlock", draws="block.mask-ignored")
class TransformerBlock(Block):
    def call(self, x, attention_mask=None):
        return super().call(x)


@wrong("lab05.TransformerBlock", draws="block.dropout-missing")
class TransformerBlock(Block):
    def call(self, x, attention_mask=None):
        x = self.around(
            x, lambda y: self.attention(y, attention_mask=attention_mask), self.attention_norm
        )
        return self.around(x, self.feed_forward, self.feed_forward_norm)


@wrong("lab05.TransformerBlock", draws="block.dropout-on-the-sum")
class TransformerBlock(Block):
    def call(self, x, attention_mask=None):
        x = self.around(
            x, lambda y: self.attention(y, attention_mask=attention_mask), self.attention_norm
        )
        return self.dropout(self.around(self.dropout(x), self.feed_forward, self.feed_forward_norm))


@wrong("lab05.TransformerBlock", draws="block.residual-stddev-not-passed-on")
class TransformerBlock(Block):
    def __init__(self, num_heads, head_dim, intermediate_dim, dropout=0.0, **kwargs):
        kwargs.pop("residual_stddev", None)
        super().__init__(num_heads, head_dim, intermediate_dim, dropout, **kwargs)


@wrong("lab05.TransformerBlock", draws="block.norm-epsilon")
class TransformerBlock(Block):
    def __init__(self, *sizes, **kwargs):
        super().__init__(*sizes, **kwargs)
        self.attention_norm = keras.layers.LayerNormalization()
        self.feed_forward_norm = keras.layers.LayerNormalization()


@wrong("lab05.TransformerBlock", draws="block.dropout-twice")
class TransformerBlock(Block):
    def call(self, x, attention_mask=None):
        def attend(y):
            return self.dropout(self.attention(y, attention_mask=attention_mask))

        x = self.around(x, lambda y: self.dropout(attend(y)), self.attention_norm)
        return self.around(x, lambda y: self.dropout(self.feed_forward(y)), self.feed_forward_norm)


@wrong("lab05.TransformerBlock", draws="layer.one-length")
class TransformerBlock(Block):
    def build(self, shape):
        super().build(shape)
        self.mask = parts.causal_mask(shape[1])

    def call(self, x, attention_mask=None):
        return super().call(x, self.mask if attention_mask is None else attention_mask)
