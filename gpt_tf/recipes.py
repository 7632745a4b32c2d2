"""How a GPT is trained: `Recipe`, and what the three papers say about theirs.

`PAPER` has the names of `config.PAPER`. Each value holds the fields of a `Recipe` that the paper
names, and no others; what it leaves out is `Recipe`'s default. `updates` turns tokens into steps.
"""

import dataclasses

from gpt_tf.config import PAPER as _MODELS

DECAYS = ("cosine", "linear")
OPTIMIZERS = ("adamw", "muon")
PRECISIONS = ("float32", "bfloat16", "auto")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a model is trained; the optimizer's defaults are those of GPT-3 (appendix B).

    Args:
        steps: int, number of updates.
        batch_size: int, windows in a batch.
        peak_rate: float, highest learning rate.
        warmup_steps: int, updates until the peak.
        final_fraction: float in [0, 1], learning rate at the end, as a share of the peak.
        decay_steps: int or None, the update at which the rate stops falling, warm-up included; it
            stays where it is from there on. None: at the last one.
        decay: str, how the rate falls: along a "cosine", as in the papers' pre-training, or in a
            "linear" way, as in GPT-1's fine-tuning, which ends at 0.
        weight_decay: float, AdamW's decoupled decay.
        beta_1: float, AdamW's decay of the mean of the gradients.
        beta_2: float, AdamW's decay of the mean of their squares.
        epsilon: float, AdamW's guard against a division by 0.
        clip: float, largest global norm of a gradient.
        optimizer: str, "adamw" as in the papers; or "muon", which is younger than they are: it
            gives a matrix's update singular values near 1, for matrices other than embeddings, and
            is AdamW elsewhere. A step costs more and learns more.
        momentum: float, Muon's decay of the sum of the gradients of those matrices.
        precision: str, the number format of the matrix products: "float32", "bfloat16", or "auto"
            for the faster one (see `training.pretrain`). Weights, loss and optimizer are float32.
        seed: int, decides which windows are drawn.

    Raises:
        ValueError: steps or batch_size is less than 1, the seed is negative, there is no such
            decay, optimizer or precision, or a linear decay is to end above 0.

    Example:
        >>> Recipe(steps=1000, peak_rate=6e-4, warmup_steps=100).batch_size
        16
    """

    steps: int
    batch_size: int = 16
    peak_rate: float = 1e-3
    warmup_steps: int = 0
    final_fraction: float = 0.1
    decay_steps: int | None = None
    decay: str = "cosine"
    weight_decay: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.95
    epsilon: float = 1e-8
    clip: float = 1.0
    optimizer: str = "adamw"
    momentum: float = 0.95
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self):
        for name, least in (("steps", 1), ("batch_size", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}.")
        choices = {"decay": DECAYS, "optimizer": OPTIMIZERS, "precision": PRECISIONS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}."
                )
        if self.decay == "linear" and self.final_fraction:
            raise ValueError(
                f"A linear decay ends at 0, not at {self.final_fraction:g} of the peak; set "
                "final_fraction to 0, or take the cosine."
            )


def updates(tokens, batch_size, length):
    """Converts tokens, in which GPT-3's paper counts, into updates.

    Args:
        tokens: number of tokens that training sees.
        batch_size: int, windows in a batch.
        length: int, tokens in a window.

    Returns:
        int, the nearest number of updates, at least 1.

    Example:
        >>> updates(300e9, 244, 2048)  # 300e9 / (244 x 2048) = 300e9 / 499,712
        600346
    """
    return max(1, round(tokens / (batch_size * length)))


# Batch in tokens and learning rate of GPT-3's table 2.1, as printed.
TABLE_2_1 = {
    "gpt3-small": (0.5e6, 6.0e-4),
    "gpt3-medium": (0.5e6, 3.0e-4),
    "gpt3-large": (0.5e6, 2.5e-4),
    "gpt3-xl": (1e6, 2.0e-4),
    "gpt3-2.7b": (1e6, 1.6e-4),
    "gpt3-6.7b": (2e6, 1.2e-4),
    "gpt3-13b": (2e6, 1.0e-4),
    "gpt3-175b": (3.2e6, 0.6e-4),
}


def _gpt3(name):
    """Section 2.1, table 2.1 and appendix B, tokens converted with the context of 2,048."""
    batch_tokens, rate = TABLE_2_1[name]
    length = _MODELS[name].max_sequence_length
    # Small: 0.5M / 2,048 = 244 windows. The paper rounds: 0.5M may well have been 2**19, or 256.
    batch_size = round(batch_tokens / length)
    return {
        "steps": updates(300e9, batch_size, length),
        "batch_size": batch_size,
        "peak_rate": rate,
        # Small: 375M / (244 x 2,048) = 750 updates.
        "warmup_steps": updates(375e6, batch_size, length),
        "final_fraction": 0.1,
        # Small: 260B / (244 x 2,048) = 520,300 updates; the other 40B tokens are at 10%.
        "decay_steps": updates(260e9, batch_size, length),
        "weight_decay": 0.1,
        "beta_1": 0.9,
        "beta_2": 0.95,
        "epsilon": 1e-8,
        "clip": 1.0,
    }


# GPT-1, section 4.1. "Adam" without numbers is taken for that of its authors (Kingma and Ba 2015),
# and "a modified version of L2 regularization" is the decoupled decay of AdamW. Its 100 epochs are
# updates(100 * tokens, 64, 512) of a text of so many tokens. It names no clipping.
_GPT1 = {
    "batch_size": 64,
    "peak_rate": 2.5e-4,
    "warmup_steps": 2000,
    "final_fraction": 0.0,
    "weight_decay": 0.01,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
}

# GPT-2, section 2.3, names the batch and nothing else: section 3 says that the rate of each size
# was tuned by hand, and not to what.
_GPT2 = {"batch_size": 512}

# GPT-3's batch grew from 32k tokens to that of table 2.1 over the first billions; here it does not.
PAPER = {
    name: _gpt3(name) if name in TABLE_2_1 else _GPT1 if name == "gpt1" else _GPT2
    for name in _MODELS
}
