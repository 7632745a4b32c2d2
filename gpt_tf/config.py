"""Sizes of a GPT, and the thirteen configurations that the three papers print."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class GPTConfig:
    """Everything that decides a GPT's shape, in the words of `keras_hub.models.GPT2Backbone`.

    Args:
        vocabulary_size: int, number of tokens V.
        max_sequence_length: int, longest context T, in tokens.
        num_layers: int, number of Transformer blocks.
        num_heads: int, attention heads in a block.
        hidden_dim: int, width of the residual stream.
        intermediate_dim: int, inner width of the feed-forward layer; 4 x hidden_dim if None.
        head_dim: int, width of one head; hidden_dim / num_heads if None.
        dropout: float in [0, 1), rate on residuals, embeddings and attention weights.
        normalize_first: bool, True for GPT-2 and GPT-3 (LayerNorm before each sub-layer, and one
            after the last block), False for GPT-1 (LayerNorm after each residual sum).
        attention_window: int or None. None: every layer is dense. W: every second layer sees only
            the W latest positions (GPT-3, section 2.1: "locally banded sparse attention").

    Raises:
        ValueError: a size that is not positive, or a width that the heads do not divide.

    Example:
        >>> GPTConfig(65, 64, num_layers=4, num_heads=4, hidden_dim=128).head_dim
        32
    """

    vocabulary_size: int
    max_sequence_length: int
    num_layers: int
    num_heads: int
    hidden_dim: int
    intermediate_dim: int | None = None
    head_dim: int | None = None
    dropout: float = 0.0
    normalize_first: bool = True
    attention_window: int | None = None

    def __post_init__(self):
        if self.intermediate_dim is None:
            object.__setattr__(self, "intermediate_dim", 4 * self.hidden_dim)
        for field in dataclasses.fields(self):
            size = getattr(self, field.name)
            if field.type in (int, int | None) and size is not None and size < 1:
                raise ValueError(f"{field.name} must be at least 1, not {size}.")
        if self.head_dim is None:
            if self.hidden_dim % self.num_heads:
                raise ValueError(
                    f"hidden_dim {self.hidden_dim} is not a multiple of num_heads "
                    f"{self.num_heads}; change one, or give head_dim."
                )
            object.__setattr__(self, "head_dim", self.hidden_dim // self.num_heads)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), not {self.dropout}.")

    def to_dict(self):
        """Returns the configuration as a dict of plain numbers; `GPTConfig(**d)` undoes it."""
        return dataclasses.asdict(self)


def _gpt2(num_layers, hidden_dim, num_heads):
    return GPTConfig(50257, 1024, num_layers, num_heads, hidden_dim, dropout=0.1)


def _gpt3(num_layers, hidden_dim, num_heads, head_dim):
    # 128 is this course's choice: the paper does not print the width of the band.
    return GPTConfig(
        50257, 2048, num_layers, num_heads, hidden_dim, head_dim=head_dim, attention_window=128
    )


# GPT-1: sections 3.1 and 4.1. GPT-2: table 2, heads from the released models. GPT-3: table 2.1,
# as printed (for XL and 13B, heads x head width differs from the width).
PAPER = {
    "gpt1": GPTConfig(40478, 512, 12, 12, 768, dropout=0.1, normalize_first=False),
    "gpt2-small": _gpt2(12, 768, 12),
    "gpt2-medium": _gpt2(24, 1024, 16),
    "gpt2-large": _gpt2(36, 1280, 20),
    "gpt2-xl": _gpt2(48, 1600, 25),
    "gpt3-small": _gpt3(12, 768, 12, 64),
    "gpt3-medium": _gpt3(24, 1024, 16, 64),
    "gpt3-large": _gpt3(24, 1536, 16, 96),
    "gpt3-xl": _gpt3(24, 2048, 24, 128),
    "gpt3-2.7b": _gpt3(32, 2560, 32, 80),
    "gpt3-6.7b": _gpt3(32, 4096, 32, 128),
    "gpt3-13b": _gpt3(40, 5140, 40, 128),
    "gpt3-175b": _gpt3(96, 12288, 96, 128),
}
