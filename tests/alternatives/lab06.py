"""Known-right answers to lab 06, written differently."""

import math

import keras
import numpy as np

from gpt_tf import parts


@right("lab06.count_parameters", because="a list of shapes is as good as a formula")
def count_parameters(config):
    width, attended = config.hidden_dim, config.num_heads * config.head_dim
    norm = [(width,), (width,)]
    block = [
        *norm,
        *[(width, attended), (attended,)] * 3,
        (attended, width),
        (width,),
        *norm,
        (width, config.intermediate_dim),
        (config.intermediate_dim,),
        (config.intermediate_dim, width),
        (width,),
    ]
    shapes = [(config.vocabulary_size, width), (config.max_sequence_length, width)]
    shapes += block * config.num_layers
    if config.normalize_first:
        shapes += norm
    return sum(math.prod(shape) for shape in shapes)


@right("lab06.count_parameters", because="layer by layer, each kernel with its bias")
def count_parameters(config):
    def dense(inputs, outputs):
        return inputs * outputs + outputs

    hidden, heads = config.hidden_dim, config.num_heads * config.head_dim
    total = sum(rows * hidden for rows in (config.vocabulary_size, config.max_sequence_length))
    for _ in range(config.num_layers):
        total += 3 * dense(hidden, heads) + dense(heads, hidden)
        total += dense(hidden, config.intermediate_dim) + dense(config.intermediate_dim, hidden)
    norms = 2 * config.num_layers + bool(config.normalize_first)
    return total + norms * (hidden + hidden)


@right("lab06.residual_stddev", because="the root of a product is the product of the roots")
def residual_stddev(num_layers, stddev=0.02):
    return float(stddev * np.power(num_layers, -0.5) * np.sqrt(0.5))


@right("lab06.residual_stddev", because="tensors count too")
def residual_stddev(num_layers, stddev=0.02):
    return stddev * keras.ops.rsqrt(keras.ops.cast(2 * num_layers, "float64"))


@right("lab06.banded_causal_mask", because="a band is a triangle without a smaller one")
def banded_causal_mask(length, window):
    if window <= 0:
        raise ValueError("too narrow")
    ones = np.ones((length, length), bool)
    return np.tril(ones) & ~np.tril(ones, -window)


@right("lab06.banded_causal_mask", because="lab 04's mask without the distant past")
def banded_causal_mask(length, window):
    if window <= 0:
        raise ValueError("too narrow")
    row = keras.ops.expand_dims(keras.ops.arange(length), 1)
    return keras.ops.logical_and(parts.causal_mask(length), keras.ops.arange(length) > row - window)


@right("lab06.GPT", because="the masks may be made for each block, and the width in call")
class GPT(keras.Model):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        first = config.normalize_first
        self.embedding = parts.TokenAndPositionEmbedding(
            vocabulary_size=config.vocabulary_size,
            max_sequence_length=config.max_sequence_length,
            hidden_dim=config.hidden_dim,
            dropout=config.dropout,
        )
        self.blocks = []
        for _ in range(config.num_layers):
            block = parts.TransformerBlock(
                num_heads=config.num_heads,
                head_dim=config.head_dim,
                intermediate_dim=config.intermediate_dim,
                dropout=config.dropout,
                normalize_first=first,
                residual_stddev=0.02 / (2 * config.num_layers) ** 0.5 if first else 0.02,
            )
            self.blocks.append(block)
        self.final_norm = None
        if first:
            self.final_norm = parts.LayerNorm()

    def hidden_states(self, tokens):
        x, length = self.embedding(tokens), tokens.shape[1]
        for index in range(self.config.num_layers):
            window = self.config.attention_window or length
            mask = banded_causal_mask(length, window if index % 2 == 1 else length)
            x = self.blocks[index](x, attention_mask=mask[None, None])
        if self.config.normalize_first:
            x = self.final_norm(x)
        return x

    def call(self, tokens, training=None):
        return parts.tied_logits(self.hidden_states(tokens), self.embedding.token_embeddings)


@right("lab06.GPT", because="pairs of blocks, training handed on by hand, einsum for the logits")
class GPT(keras.Model):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config, c = config, config
        sizes = c.vocabulary_size, c.max_sequence_length, c.hidden_dim, c.dropout
        self.embedding = parts.TokenAndPositionEmbedding(*sizes)
        spread = residual_stddev(c.num_layers) if c.normalize_first else residual_stddev(1, 0.02)
        spread = spread if c.normalize_first else 0.02
        sizes = c.num_heads, c.head_dim, c.intermediate_dim, c.dropout, c.normalize_first, spread
        self.blocks = [parts.TransformerBlock(*sizes) for _ in range(c.num_layers)]
        self.final_norm = {True: parts.LayerNorm, False: lambda: None}[c.normalize_first]()

    def hidden_states(self, tokens, training=None):
        window = self.config.attention_window
        band = banded_causal_mask(tokens.shape[1], window) if window else None
        x = self.embedding(tokens, training=training)
        for dense, banded in zip(self.blocks[::2], [*self.blocks[1::2], None], strict=False):
            x = dense(x, training=training)
            if banded is not None:
                x = banded(x, attention_mask=band, training=training)
        return self.final_norm(x) if self.final_norm else x

    def call(self, tokens, training=False):
        x = self.hidden_states(tokens, training)
        return keras.ops.einsum("btd,vd->btv", x, self.embedding.token_embeddings)


@right("lab06.load_gpt2_weights", because="the model's own order of layers can lead the way")
def load_gpt2_weights(model, arrays):
    pairs = [
        ("wte", model.embedding.token_embeddings),
        ("wpe", model.embedding.position_embeddings),
    ]
    for n, block in enumerate(model.blocks):
        attention, feed_forward = block.attention, block.feed_forward
        pairs += [
            (f"h{n}/ln_1/g", block.attention_norm.gamma),
            (f"h{n}/ln_1/b", block.attention_norm.beta),
            (f"h{n}/attn/c_attn/w", attention.qkv.kernel),
            (f"h{n}/attn/c_attn/b", attention.qkv.bias),
            (f"h{n}/attn/c_proj/w", attention.projection.kernel),
            (f"h{n}/attn/c_proj/b", attention.projection.bias),
            (f"h{n}/ln_2/g", block.feed_forward_norm.gamma),
            (f"h{n}/ln_2/b", block.feed_forward_norm.beta),
            (f"h{n}/mlp/c_fc/w", feed_forward.expand.kernel),
            (f"h{n}/mlp/c_fc/b", feed_forward.expand.bias),
            (f"h{n}/mlp/c_proj/w", feed_forward.contract.kernel),
            (f"h{n}/mlp/c_proj/b", feed_forward.contract.bias),
        ]
    pairs += [("ln_f/g", model.final_norm.gamma), ("ln_f/b", model.final_norm.beta)]
    if {name for name, _ in pairs} != set(arrays):
        raise ValueError("not the same names")
    loaded = {name: np.asarray(array) for name, array in arrays.items()}
    for name, variable in pairs:
        array = loaded[name]
        if name.endswith("/w") and array.ndim == 3:
            array = array.reshape(array.shape[1:])
        if array.shape != tuple(variable.shape):
            raise ValueError("not the same shape")
        loaded[name] = array
    for name, variable in pairs:
        variable.assign(loaded[name])


@right("lab06.load_gpt2_weights", because="a name can be followed through the attributes")
def load_gpt2_weights(model, arrays):
    words = {
        "ln_1/g": "attention_norm.gamma",
        "ln_1/b": "attention_norm.beta",
        "attn/c_attn/w": "attention.qkv.kernel",
        "attn/c_attn/b": "attention.qkv.bias",
        "attn/c_proj/w": "attention.projection.kernel",
        "attn/c_proj/b": "attention.projection.bias",
        "ln_2/g": "feed_forward_norm.gamma",
        "ln_2/b": "feed_forward_norm.beta",
        "mlp/c_fc/w": "feed_forward.expand.kernel",
        "mlp/c_fc/b": "feed_forward.expand.bias",
        "mlp/c_proj/w": "feed_forward.contract.kernel",
        "mlp/c_proj/b": "feed_forward.contract.bias",
    }
    if len(arrays) != len(words) * len(model.blocks) + 4:
        raise ValueError("another number of arrays than the model has weights")
    found = []
    for name, array in arrays.items():
        if name[0] == "h":
            number, rest = name[1:].split("/", 1)
            target, path = model.blocks[int(number)], words[rest]
        else:
            paths = {"wte": "token_embeddings", "wpe": "position_embeddings"}
            paths |= {"ln_f/g": "gamma", "ln_f/b": "beta"}
            target = model.final_norm if name.startswith("ln_f") else model.embedding
            path = paths[name]
        for word in path.split("."):
            target = getattr(target, word)
        array = keras.ops.convert_to_tensor(array)
        array = array[0] if len(array.shape) > len(target.shape) else array
        if array.shape != target.shape:
            raise ValueError(f"{name} has another shape")
        found.append((target, array))
    for target, array in found:
        target.assign(array)
