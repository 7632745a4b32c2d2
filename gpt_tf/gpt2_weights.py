"""Real GPT-2 weights, under the names of the checkpoint that was released.

`keras_hub` keeps the same numbers in another arrangement: queries, keys and values apart, and an
axis for the heads. `released_arrays` undoes that, so that a student's `load_gpt2_weights` meets
the names that GPT-2 was published with.
"""

import numpy as np

from gpt_tf.config import GPTConfig

# keras_hub's names inside a block, and the released ones. The attention's are made by hand.
_PLAIN = {
    "self_attention_layer_norm/gamma": "ln_1/g",
    "self_attention_layer_norm/beta": "ln_1/b",
    "self_attention/attention_output/bias": "attn/c_proj/b",
    "feedforward_layer_norm/gamma": "ln_2/g",
    "feedforward_layer_norm/beta": "ln_2/b",
    "feedforward_intermediate_dense/kernel": "mlp/c_fc/w",
    "feedforward_intermediate_dense/bias": "mlp/c_fc/b",
    "feedforward_output_dense/kernel": "mlp/c_proj/w",
    "feedforward_output_dense/bias": "mlp/c_proj/b",
}


def config_of(backbone):
    """Reads the sizes of a `keras_hub.models.GPT2Backbone`.

    Args:
        backbone: `keras_hub.models.GPT2Backbone`.

    Returns:
        `GPTConfig` of a GPT of the same sizes.

    Example:
        >>> config_of(backbone).num_layers
        12
    """
    names = ("vocabulary_size", "max_sequence_length", "num_layers", "num_heads")
    names += ("hidden_dim", "intermediate_dim", "dropout")
    return GPTConfig(**{name: getattr(backbone, name) for name in names})


def released_arrays(backbone):
    """Takes the weights of a `GPT2Backbone` under the names of the released checkpoint.

    Args:
        backbone: `keras_hub.models.GPT2Backbone`.

    Returns:
        dict {name: float32 array} with "wte", "wpe", "ln_f/g", "ln_f/b" and twelve arrays a block,
        such as "h0/attn/c_attn/w" of shape (hidden_dim, 3 x hidden_dim).

    Example:
        >>> sorted(released_arrays(backbone))[:2]
        ['h0/attn/c_attn/b', 'h0/attn/c_attn/w']
    """
    norm = backbone.get_layer("layer_norm")
    arrays = {
        "wte": backbone.get_layer("token_embedding").embeddings,
        "wpe": backbone.get_layer("position_embedding").position_embeddings,
        "ln_f/g": norm.gamma,
        "ln_f/b": norm.beta,
    }
    for index in range(backbone.num_layers):
        layer = backbone.get_layer(f"transformer_layer_{index}")
        weights = {w.path.split(f"{layer.name}/", 1)[1]: np.asarray(w) for w in layer.weights}
        block = {released: weights[name] for name, released in _PLAIN.items()}
        block |= _attention(weights, backbone.hidden_dim)
        arrays |= {f"h{index}/{name}": array for name, array in block.items()}
    return {name: np.asarray(array, "float32") for name, array in arrays.items()}


def _attention(weights, hidden_dim):
    """Lays the heads side by side, and queries, keys and values one after another."""
    three = ("query", "key", "value")
    kernels = [weights[f"self_attention/{n}/kernel"].reshape(hidden_dim, -1) for n in three]
    biases = [weights[f"self_attention/{n}/bias"].reshape(-1) for n in three]
    projection = weights["self_attention/attention_output/kernel"].reshape(-1, hidden_dim)
    return {
        "attn/c_attn/w": np.concatenate(kernels, axis=-1),
        "attn/c_attn/b": np.concatenate(biases),
        "attn/c_proj/w": projection,
    }


def fetch(preset="gpt2_base_en"):
    """Downloads a released GPT-2 through `keras_hub`, once; later calls read its cache.

    Args:
        preset: str, one of `keras_hub.models.GPT2Backbone.presets`. "gpt2_base_en" has 124 million
            parameters; the download is about half a gigabyte.

    Returns:
        (GPTConfig, arrays, tokenizer): the sizes, the weights as `released_arrays` gives them, and
        the `keras_hub.models.GPT2Tokenizer` that goes with them.

    Raises:
        FileNotFoundError: neither in the cache nor to be downloaded.

    Example:
        >>> config, arrays, tokenizer = fetch()
    """
    import keras_hub

    try:
        backbone = keras_hub.models.GPT2Backbone.from_preset(preset)
        tokenizer = keras_hub.models.GPT2Tokenizer.from_preset(preset)
    # Each way of failing (no network, no such preset, no space) has a type of its own.
    except Exception as error:
        raise FileNotFoundError(
            f"The weights of {preset} are not on this machine and could not be downloaded "
            f"({type(error).__name__}); go on without them, or run this again with a network."
        ) from error
    return config_of(backbone), released_arrays(backbone), tokenizer
