"""The whole GPT from its pieces, and the shapes of its weights (GPT-1 to GPT-3)."""

import math

import numpy as np

from reference import blocks, embeddings


def shapes(config):
    """{weight path: shape} of a GPT, written down once more."""
    hidden, attended = config.hidden_dim, config.num_heads * config.head_dim
    block = {
        "attention.qkv.kernel": (hidden, 3 * attended),
        "attention.qkv.bias": (3 * attended,),
        "attention.projection.kernel": (attended, hidden),
        "attention.projection.bias": (hidden,),
        "attention_norm.gamma": (hidden,),
        "attention_norm.beta": (hidden,),
        "feed_forward.expand.kernel": (hidden, config.intermediate_dim),
        "feed_forward.expand.bias": (config.intermediate_dim,),
        "feed_forward.contract.kernel": (config.intermediate_dim, hidden),
        "feed_forward.contract.bias": (hidden,),
        "feed_forward_norm.gamma": (hidden,),
        "feed_forward_norm.beta": (hidden,),
    }
    found = {
        "embedding.token_embeddings": (config.vocabulary_size, hidden),
        "embedding.position_embeddings": (config.max_sequence_length, hidden),
    }
    for index in range(config.num_layers):
        found |= {f"blocks.{index}.{name}": shape for name, shape in block.items()}
    if config.normalize_first:
        found |= {"final_norm.gamma": (hidden,), "final_norm.beta": (hidden,)}
    return found


def count(config, leave_out=()):
    """Number of parameters without the weights whose path contains a word of `leave_out`."""
    kept = {n: s for n, s in shapes(config).items() if not any(word in n for word in leave_out)}
    return sum(math.prod(shape) for shape in kept.values())


def random_weights(config, rng, size=0.5):
    """{weight path: array}: large enough that no mistake hides in rounding."""
    drawn = {name: rng.normal(size=shape) * size for name, shape in shapes(config).items()}
    return {n: w + 1 if n.endswith("gamma") else w for n, w in drawn.items()}


def residual_stddev(layers, stddev):
    """Spread of the initial kernels that write into the residual stream, twice in each block."""
    return stddev / math.sqrt(2 * layers)


def band(length, window):
    """(T, T) of bool: the position itself and the window - 1 before it."""
    return np.array([[0 <= i - j < window for j in range(length)] for i in range(length)])


def mask_of(config, index, length):
    """GPT-3's rule: blocks 1, 3, 5, ... see a band. None means the whole past."""
    if config.attention_window is None or index % 2 == 0:
        return None
    return band(length, config.attention_window)


def hidden_states(
    tokens, w, config, layers=None, mask=mask_of, normalize_first=None, final_norm=True
):
    """What the last block and the final norm give; the arguments after `config` make mistakes.

    Args:
        tokens: (batch, T) of int.
        w: {weight path: array}, as `random_weights` makes it.
        config: `GPTConfig`.
        layers: which blocks, in their order; all if None.
        mask: function (config, index, length) -> (T, T) of bool, or None for the whole past.
        normalize_first: bool, the order inside the blocks; the configuration's if None.
        final_norm: bool, False leaves it out.
    """
    if normalize_first is None:
        normalize_first = config.normalize_first
    x = embeddings.token_and_position(tokens, blocks.below(w, "embedding"))
    for index in range(config.num_layers) if layers is None else layers:
        weights = blocks.below(w, f"blocks.{index}")
        seen = mask(config, index, x.shape[1])
        x = blocks.block(x, weights, config.num_heads, normalize_first, seen)
    if config.normalize_first and final_norm:
        x = blocks.layer_norm(x, w["final_norm.gamma"], w["final_norm.beta"])
    return x


def logits(tokens, w, config, **mistakes):
    """The whole model: (batch, T, V)."""
    hidden = hidden_states(tokens, w, config, **mistakes)
    return embeddings.logits(hidden, w["embedding.token_embeddings"])


def released(w, config):
    """The same weights under the names of the released GPT-2 checkpoint."""
    names = {
        "attention_norm.gamma": "ln_1/g",
        "attention_norm.beta": "ln_1/b",
        "attention.qkv.kernel": "attn/c_attn/w",
        "attention.qkv.bias": "attn/c_attn/b",
        "attention.projection.kernel": "attn/c_proj/w",
        "attention.projection.bias": "attn/c_proj/b",
        "feed_forward_norm.gamma": "ln_2/g",
        "feed_forward_norm.beta": "ln_2/b",
        "feed_forward.expand.kernel": "mlp/c_fc/w",
        "feed_forward.expand.bias": "mlp/c_fc/b",
        "feed_forward.contract.kernel": "mlp/c_proj/w",
        "feed_forward.contract.bias": "mlp/c_proj/b",
    }
    arrays = {
        "wte": w["embedding.token_embeddings"],
        "wpe": w["embedding.position_embeddings"],
        "ln_f/g": w["final_norm.gamma"],
        "ln_f/b": w["final_norm.beta"],
    }
    for index in range(config.num_layers):
        arrays |= {f"h{index}/{new}": w[f"blocks.{index}.{old}"] for old, new in names.items()}
    return arrays
