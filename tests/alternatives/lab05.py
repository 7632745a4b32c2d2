"""Known-right answers to lab 05, written differently."""

import keras
import numpy as np

from gpt_tf import parts


@right("lab05.LayerNorm", because="the variance by hand, with the gain taken into the scale")
class LayerNorm(keras.layers.Layer):
    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.gamma = self.add_weight(shape=(input_shape[-1],), initializer="ones", autocast=False)
        self.beta = self.add_weight(shape=(input_shape[-1],), initializer="zeros", autocast=False)

    def call(self, x):
        x = keras.ops.cast(x, "float32")
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        variance = keras.ops.mean(keras.ops.square(centred), axis=-1, keepdims=True)
        scale = self.gamma / keras.ops.sqrt(variance + self.epsilon)
        return keras.ops.cast(centred * scale + self.beta, self.compute_dtype)


@right("lab05.LayerNorm", because="Keras's own layer inside, with GPT's epsilon")
class LayerNorm(keras.layers.LayerNormalization):
    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(epsilon=epsilon, **kwargs)


@right("lab05.gelu", because="Keras's operation in its tanh form")
def gelu(x):
    return keras.ops.gelu(x, approximate=True)


@right("lab05.gelu", because="(1 + tanh(u)) / 2 is the sigmoid of 2u")
def gelu(x):
    return x * keras.ops.sigmoid(2 * np.sqrt(2 / np.pi) * x * (1 + 0.044715 * x * x))


@right("lab05.FeedForward", because="the activation may sit in the first dense layer")
class FeedForward(keras.layers.Layer):
    def __init__(self, intermediate_dim, residual_stddev=0.02, **kwargs):
        super().__init__(**kwargs)
        self.sizes = intermediate_dim, residual_stddev

    def build(self, input_shape):
        normal = keras.initializers.RandomNormal
        self.expand = keras.layers.Dense(
            self.sizes[0], activation=gelu, kernel_initializer=normal(stddev=0.02)
        )
        self.contract = keras.layers.Dense(
            input_shape[-1], kernel_initializer=normal(stddev=self.sizes[1])
        )
        self.expand.build(input_shape)
        self.contract.build((*input_shape[:-1], self.sizes[0]))

    def call(self, x):
        return self.contract(self.expand(x))


@right("lab05.FeedForward", because="the products may be written out with the layers' own weights")
class FeedForward(keras.layers.Layer):
    def __init__(self, intermediate_dim, residual_stddev=0.02, **kwargs):
        super().__init__(**kwargs)
        self.intermediate_dim = intermediate_dim
        self.start = keras.initializers.RandomNormal(stddev=0.02)
        self.residual_start = keras.initializers.RandomNormal(stddev=residual_stddev)

    def build(self, input_shape):
        hidden_dim = input_shape[-1]
        self.expand = keras.layers.Dense(self.intermediate_dim, kernel_initializer=self.start)
        self.contract = keras.layers.Dense(hidden_dim, kernel_initializer=self.residual_start)
        self.expand.build((None, hidden_dim))
        self.contract.build((None, self.intermediate_dim))

    def call(self, x):
        inner = keras.ops.einsum("btd,di->bti", x, self.expand.kernel) + self.expand.bias
        return keras.ops.matmul(gelu(inner), self.contract.kernel) + self.contract.bias


@right("lab05.residual_connection", because="the two places of the norm can be chosen one by one")
def residual_connection(x, sublayer, norm, normalize_first):
    inner = norm(x) if normalize_first else x
    total = keras.ops.add(x, sublayer(inner))
    return total if normalize_first else norm(total)


@right("lab05.residual_connection", because="one wiring, with a norm that does nothing on one side")
def residual_connection(x, sublayer, norm, normalize_first):
    def keep(y):
        return y

    before, after = (norm, keep) if normalize_first else (keep, norm)
    return after(sublayer(before(x)) + x)


@right("lab05.TransformerBlock", because="the two cases may be written out")
class TransformerBlock(keras.layers.Layer):
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
        self.attention = parts.CausalSelfAttention(
            num_heads, head_dim, dropout=dropout, residual_stddev=residual_stddev
        )
        self.feed_forward = FeedForward(intermediate_dim, residual_stddev)
        self.attention_norm, self.feed_forward_norm = LayerNorm(), LayerNorm()
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, input_shape):
        self.attention.build(input_shape)
        self.attention_norm.build(input_shape)
        self.feed_forward.build(input_shape)
        self.feed_forward_norm.build(input_shape)

    def call(self, x, attention_mask=None):
        if self.normalize_first:
            x = x + self.dropout(self.attention(self.attention_norm(x), attention_mask))
            return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        x = self.attention_norm(x + self.dropout(self.attention(x, attention_mask)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


@right("lab05.TransformerBlock", because="the sub-layers may be built by their first call")
class TransformerBlock(keras.layers.Layer):
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
        self.first = normalize_first
        self.attention = parts.CausalSelfAttention(num_heads, head_dim, dropout, residual_stddev)
        self.feed_forward = FeedForward(intermediate_dim, residual_stddev)
        self.attention_norm = LayerNorm()
        self.feed_forward_norm = LayerNorm()
        self.dropout = keras.layers.Dropout(dropout)

    def call(self, x, attention_mask=None):
        mask = parts.causal_mask(x.shape[1]) if attention_mask is None else attention_mask
        for norm, layer, masks in (
            (self.attention_norm, self.attention, {"attention_mask": mask}),
            (self.feed_forward_norm, self.feed_forward, {}),
        ):
            inner = norm(x) if self.first else x
            x = x + self.dropout(layer(inner, **masks))
            x = x if self.first else norm(x)
        return x
