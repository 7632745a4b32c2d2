"""Configurations: defaults, the papers' sizes, and what a wrong size says."""

import pytest

from gpt_tf.config import PAPER, GPTConfig


def test_defaults_follow_the_papers():
    config = GPTConfig(65, 64, num_layers=4, num_heads=4, hidden_dim=128)
    assert (config.head_dim, config.intermediate_dim) == (32, 512)


def test_thirteen_configurations():
    assert len(PAPER) == 13
    differ = [n for n, c in PAPER.items() if c.num_heads * c.head_dim != c.hidden_dim]
    assert differ == ["gpt3-xl", "gpt3-13b"]


def test_round_trip():
    assert GPTConfig(**PAPER["gpt3-xl"].to_dict()) == PAPER["gpt3-xl"]


@pytest.mark.parametrize(
    "sizes, says",
    [
        ({"num_layers": 0}, "num_layers must be at least 1"),
        ({"attention_window": 0}, "attention_window must be at least 1"),
        ({"num_heads": 3}, "not a multiple of num_heads 3"),
        ({"dropout": 1.0}, "dropout must be in"),
    ],
)
def test_a_wrong_size_is_named(sizes, says):
    right = {"num_layers": 4, "num_heads": 4, "hidden_dim": 128}
    with pytest.raises(ValueError, match=says):
        GPTConfig(65, 64, **(right | sizes))
