# %% [markdown]
# # Lab 06 · GPT
#
# Draft.

# %%
import keras
import numpy as np

from gpt_tf import parts
from gpt_tf.config import PAPER, GPTConfig

# %% [markdown]
# ## 6.1 How many numbers


# %% exercise="lab06.count_parameters" points=3 minutes=15 difficulty=2
def count_parameters(config):
    """Counts the trainable numbers of a GPT by formula, without making one.

    Args:
        config: `GPTConfig`. Query, key and value projections go from hidden_dim to
            num_heads x head_dim, the attention's output projection goes back.

    Returns:
        int, number of parameters; the output layer is the token embedding and counts once.

    Example:
        >>> count_parameters(GPTConfig(5, 3, num_layers=1, num_heads=1, hidden_dim=2))
        88
    """
    ### BEGIN SOLUTION
    width, attended = config.hidden_dim, config.num_heads * config.head_dim
    embeddings = (config.vocabulary_size + config.max_sequence_length) * width
    attention = (width + 1) * 3 * attended + (attended + 1) * width
    feed_forward = (width + 1) * config.intermediate_dim + (config.intermediate_dim + 1) * width
    norm = 2 * width
    block = attention + feed_forward + 2 * norm
    return embeddings + config.num_layers * block + (norm if config.normalize_first else 0)
    ### END SOLUTION


# %%
check("lab06.count_parameters")

# %% [markdown]
# ## 6.2 A calm start


# %% exercise="lab06.residual_stddev" points=1 minutes=5 difficulty=1
def residual_stddev(num_layers, stddev=0.02):
    """Scales the initial weights that write into the residual stream (GPT-2, section 2.3).

    Args:
        num_layers: int, number of blocks; each writes twice.
        stddev: float, standard deviation of all other weights.

    Returns:
        float, stddev / sqrt(number of writes).

    Example:
        >>> residual_stddev(num_layers=8)
        0.005
    """
    ### BEGIN SOLUTION
    return stddev / (2 * num_layers) ** 0.5
    ### END SOLUTION


# %%
check("lab06.residual_stddev")

# %% [markdown]
# ## 6.3 A band


# %% exercise="lab06.banded_causal_mask" points=2 minutes=10 difficulty=1
def banded_causal_mask(length, window):
    """Marks the `window` latest positions that each position may see (GPT-3, section 2.1).

    Args:
        length: int, number of positions T.
        window: int, how many positions are seen: the position itself and the window - 1 before it.

    Returns:
        Boolean tensor of shape (T, T); entry (i, j) is True where position i may see position j.

    Raises:
        ValueError: window is less than 1.

    Example:
        >>> banded_causal_mask(3, window=2)
        [[True, False, False], [True, True, False], [False, True, True]]
    """
    ### BEGIN SOLUTION
    if window < 1:
        raise ValueError(f"window must be at least 1, not {window}: a position sees itself.")
    position = keras.ops.arange(length)
    distance = position[:, None] - position[None, :]
    return keras.ops.logical_and(distance >= 0, distance < window)
    ### END SOLUTION


# %%
check("lab06.banded_causal_mask")

# %% [markdown]
# ## 6.4 The model


# %% exercise="lab06.GPT" points=6 minutes=30 difficulty=3
@keras.saving.register_keras_serializable("gpt_tf")
class GPT(keras.Model):
    """The whole decoder: GPT-1 (section 3.1), GPT-2 (section 2.3) or GPT-3 (section 2.1).

    Sub-layers:
        embedding: `parts.TokenAndPositionEmbedding`, with the configuration's dropout.
        blocks: list of `parts.TransformerBlock`. With normalize_first, residual_stddev is
            `residual_stddev(num_layers)`; GPT-1 keeps 0.02 everywhere.
        final_norm: `parts.LayerNorm` with normalize_first, else None.

    Args:
        config: `GPTConfig`. With attention_window, blocks 1, 3, 5, ... (counting from 0) see only
            the window; the others, and all without attention_window, see the whole past.

    Call arguments:
        tokens: int tensor of shape (batch, T).

    Returns:
        Float tensor of shape (batch, T, vocabulary_size), the logits.

    Raises:
        ValueError: more tokens than max_sequence_length.

    Example:
        >>> model = GPT(GPTConfig(65, 16, num_layers=2, num_heads=2, hidden_dim=8))
        >>> model(keras.ops.ones((3, 5), "int32")).shape
        (3, 5, 65)
    """

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        ### BEGIN SOLUTION
        self.embedding = parts.TokenAndPositionEmbedding(
            config.vocabulary_size,
            config.max_sequence_length,
            config.hidden_dim,
            dropout=config.dropout,
        )
        stddev = residual_stddev(config.num_layers) if config.normalize_first else 0.02
        self.blocks = [
            parts.TransformerBlock(
                config.num_heads,
                config.head_dim,
                config.intermediate_dim,
                dropout=config.dropout,
                normalize_first=config.normalize_first,
                residual_stddev=stddev,
            )
            for _ in range(config.num_layers)
        ]
        self.final_norm = parts.LayerNorm() if config.normalize_first else None
        ### END SOLUTION

    def hidden_states(self, tokens):
        """Returns what the last block (and the final norm) gives: (batch, T, hidden_dim)."""
        ### BEGIN SOLUTION
        band = None
        if self.config.attention_window is not None:
            length = keras.ops.shape(tokens)[1]
            band = banded_causal_mask(length, self.config.attention_window)
        x = self.embedding(tokens)
        for index, block in enumerate(self.blocks):
            x = block(x, attention_mask=band if index % 2 else None)
        return x if self.final_norm is None else self.final_norm(x)
        ### END SOLUTION

    def call(self, tokens):
        ### BEGIN SOLUTION
        return self.embedding.logits(self.hidden_states(tokens))
        ### END SOLUTION

    # Given: makes all weights at once, and lets Keras save the model to a file and load it again.
    def build(self, tokens_shape):
        self.embedding.build(tokens_shape)
        for layer in [*self.blocks, self.final_norm]:
            if layer is not None:
                layer.build((*tokens_shape, self.config.hidden_dim))

    def get_config(self):
        return {"config": self.config.to_dict(), "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(GPTConfig(**config["config"]), name=config["name"])


# %%
check("lab06.GPT")

# %% [markdown]
# ## 6.5 Real weights


# %% exercise="lab06.load_gpt2_weights" points=4 minutes=20 difficulty=3
def load_gpt2_weights(model, arrays):
    """Puts the weights of a released GPT-2 into your model.

    Args:
        model: `GPT` with normalize_first, of the same sizes, called at least once.
        arrays: dict {name: array}, under the names of the released checkpoint. For a block N:
            "hN/ln_1/g", "hN/ln_1/b", "hN/attn/c_attn/w", "hN/attn/c_attn/b", "hN/attn/c_proj/w",
            "hN/attn/c_proj/b", "hN/ln_2/g", "hN/ln_2/b", "hN/mlp/c_fc/w", "hN/mlp/c_fc/b",
            "hN/mlp/c_proj/w", "hN/mlp/c_proj/b"; around the blocks "wte", "wpe", "ln_f/g",
            "ln_f/b". Kernels are (in, out), sometimes with a leading axis of 1.

    Raises:
        ValueError: a name is missing, a name is left over, or an array has another shape than
            the model's weight. The model is then unchanged.

    Example:
        >>> load_gpt2_weights(model, arrays)
    """
    ### BEGIN SOLUTION
    targets = {
        "wte": model.embedding.token_embeddings,
        "wpe": model.embedding.position_embeddings,
        "ln_f/g": model.final_norm.gamma,
        "ln_f/b": model.final_norm.beta,
    }
    for index, block in enumerate(model.blocks):
        dense = {
            "attn/c_attn": block.attention.qkv,
            "attn/c_proj": block.attention.projection,
            "mlp/c_fc": block.feed_forward.expand,
            "mlp/c_proj": block.feed_forward.contract,
        }
        norms = {"ln_1": block.attention_norm, "ln_2": block.feed_forward_norm}
        for name, layer in dense.items():
            targets[f"h{index}/{name}/w"] = layer.kernel
            targets[f"h{index}/{name}/b"] = layer.bias
        for name, layer in norms.items():
            targets[f"h{index}/{name}/g"] = layer.gamma
            targets[f"h{index}/{name}/b"] = layer.beta
    unmatched = sorted(set(targets) ^ set(arrays))
    if unmatched:
        where = "the arrays lack" if unmatched[0] in targets else "the model has no place for"
        raise ValueError(f"Another size of GPT-2: {where} {unmatched[0]!r}; check num_layers.")
    values = {}
    for name, variable in targets.items():
        value = np.asarray(arrays[name])
        if value.ndim > len(variable.shape) and value.shape[0] == 1:
            value = value[0]
        if value.shape != tuple(variable.shape):
            raise ValueError(
                f"{name} has shape {value.shape}, the model's weight {tuple(variable.shape)}; "
                "make the model with the checkpoint's sizes."
            )
        values[name] = value
    for name, variable in targets.items():
        variable.assign(values[name])
    ### END SOLUTION


# %%
check("lab06.load_gpt2_weights")
