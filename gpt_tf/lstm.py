"""An LSTM language model with the interface of `parts.GPT`, to pre-train and fine-tune like it."""

import keras

from gpt_tf import parts
from gpt_tf.config import GPTConfig


def units_like(config):
    """Finds how many units an LSTM needs to have as many parameters as a GPT's blocks.

    Args:
        config: `GPTConfig`.

    Returns:
        int, for which LSTM and projection together come nearest to the blocks from below.

    Example:
        >>> units_like(GPTConfig(65, 64, num_layers=4, num_heads=4, hidden_dim=128))
        368
    """
    width = config.hidden_dim
    blocks = parts.count_parameters(config)
    blocks -= (config.vocabulary_size + config.max_sequence_length) * width
    units = 1
    # Four gates, each with a kernel for the input, one for the state, and a bias.
    while 4 * (width + units + 1) * units + (units + 1) * width + 4 * width <= blocks:
        units += 1
    return max(1, units - 1)


@keras.saving.register_keras_serializable("gpt_tf")
class LSTMModel(keras.Model):
    """A GPT whose blocks are replaced by one LSTM (GPT-1, section 5, table 5).

    Embeddings, norms, the way around the layer and the tied output are GPT's, so that it differs in
    one thing. GPT-1 took a single layer of 2,048 units.

    Args:
        config: `GPTConfig` of the GPT that it stands beside.
        units: int, width of the LSTM's state; `units_like(config)` if None.

    Call arguments:
        tokens: int tensor of shape (batch, T).
        training: bool or None, True turns the embedding's dropout on.

    Returns:
        Float tensor of shape (batch, T, vocabulary_size), the logits.

    Raises:
        ValueError: more tokens than max_sequence_length.

    Example:
        >>> model = LSTMModel(GPTConfig(65, 16, num_layers=2, num_heads=2, hidden_dim=8))
        >>> model(keras.ops.ones((3, 5), "int32")).shape
        (3, 5, 65)
    """

    def __init__(self, config, units=None, **kwargs):
        super().__init__(**kwargs)
        self.config, self.units = config, units or units_like(config)
        self.embedding = parts.TokenAndPositionEmbedding(
            config.vocabulary_size,
            config.max_sequence_length,
            config.hidden_dim,
            dropout=config.dropout,
        )
        self.norm, self.final_norm = parts.LayerNorm(), parts.LayerNorm()
        self.lstm = keras.layers.LSTM(self.units, return_sequences=True)
        self.narrow = keras.layers.Dense(config.hidden_dim)

    def hidden_states(self, tokens):
        """Returns what comes before the logits: (batch, T, hidden_dim)."""

        def read(x):
            return self.narrow(self.lstm(x))

        x = parts.residual_connection(self.embedding(tokens), read, self.norm, True)
        return self.final_norm(x)

    # `training` is named for `fit`, as in parts.GPT.
    def call(self, tokens, training=None):
        hidden = self.hidden_states(tokens)
        return self.embedding.logits(hidden)

    def build(self, tokens_shape):
        states = (*tokens_shape, self.config.hidden_dim)
        self.embedding.build(tokens_shape)
        for layer in (self.norm, self.lstm, self.final_norm):
            layer.build(states)
        self.narrow.build((*tokens_shape, self.units))

    def get_config(self):
        return {"config": self.config.to_dict(), "units": self.units, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(GPTConfig(**config["config"]), config["units"], name=config["name"])
