"""Recipes of the papers, against their arithmetic."""

import dataclasses

import pytest

from gpt_tf import config, pretraining, recipes
from gpt_tf.recipes import PAPER, Recipe, updates


def test_tokens_become_updates():
    # GPT-3 Small: 0.5M tokens in windows of 2,048; 375M and 260B tokens in batches of those.
    rows = round(0.5e6 / 2048)
    assert rows == 244
    small = PAPER["gpt3-small"]
    assert small["batch_size"] == rows
    assert small["warmup_steps"] == 750 == round(375e6 / (rows * 2048))
    assert small["decay_steps"] == 520_300 == round(260e9 / (rows * 2048))
    assert small["steps"] == 600_346 == round(300e9 / (rows * 2048))
    assert updates(10, 4, 2) == 1 and updates(1, 4, 2) == 1 and updates(13, 4, 2) == 2


@pytest.mark.parametrize(
    ("name", "batch", "rate"),
    [  # Brown et al. 2020, table 2.1
        ("small", 0.5e6, 6.0e-4), ("medium", 0.5e6, 3.0e-4), ("large", 0.5e6, 2.5e-4),
        ("xl", 1e6, 2.0e-4), ("2.7b", 1e6, 1.6e-4), ("6.7b", 2e6, 1.2e-4),
        ("13b", 2e6, 1.0e-4), ("175b", 3.2e6, 0.6e-4),
    ],
)  # fmt: skip
def test_table_2_1(name, batch, rate):
    found = Recipe(**PAPER[f"gpt3-{name}"])
    length = config.PAPER[f"gpt3-{name}"].max_sequence_length
    assert found.batch_size * length == pytest.approx(batch, abs=length / 2)
    assert found.peak_rate == pytest.approx(rate)
    seen = found.batch_size * length
    assert found.warmup_steps * seen == pytest.approx(375e6, abs=seen / 2)
    assert found.decay_steps * seen == pytest.approx(260e9, abs=seen / 2)
    assert (found.beta_1, found.beta_2, found.epsilon) == (0.9, 0.95, 1e-8)
    assert (found.clip, found.weight_decay, found.final_fraction) == (1.0, 0.1, 0.1)


def test_gpt1_and_what_gpt2_does_not_say():
    gpt1 = Recipe(steps=100_000, **PAPER["gpt1"])
    assert (gpt1.batch_size, gpt1.peak_rate, gpt1.warmup_steps) == (64, 2.5e-4, 2000)
    assert (gpt1.final_fraction, gpt1.weight_decay, gpt1.beta_2) == (0.0, 0.01, 0.999)
    assert PAPER["gpt2-small"] == {"batch_size": 512}
    assert PAPER.keys() == config.PAPER.keys()


def test_each_paper_has_a_learning_rate_that_ends_where_it_says():
    training = pytest.importorskip("gpt_tf.training")
    rate = training.schedule(Recipe(**PAPER["gpt3-small"]))
    found = [float(rate(step)) for step in (375, 750, 520_300, 600_346)]
    assert found == pytest.approx([3e-4, 6e-4, 6e-5, 6e-5], rel=1e-4)
    rate = training.schedule(Recipe(steps=10_000, **PAPER["gpt1"]))
    found = [float(rate(step)) for step in (1000, 2000, 6000, 10_000)]
    assert found == pytest.approx([1.25e-4, 2.5e-4, 1.25e-4, 0], abs=1e-9)


def test_sizes_of_the_command_are_the_papers():
    gpt1, gpt2 = (pretraining.Settings(size=name).recipe() for name in ("gpt1", "gpt2"))
    own = {"steps": 0, "precision": "", "seed": 0}  # the command's, in no paper
    paper = Recipe(steps=1, **PAPER["gpt1"])
    assert dataclasses.asdict(gpt1) | own == dataclasses.asdict(paper) | own
    assert (gpt2.batch_size, gpt2.peak_rate, gpt2.decay_steps) == (512, 6e-4, None)
    assert gpt2.warmup_steps == 715 == round(375e6 / (512 * 1024))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"steps": 0}, "steps must be at least 1, not 0"),
        ({"batch_size": -3}, "batch_size must be at least 1, not -3"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"optimizer": "sgd"}, "optimizer must be one of adamw, muon, not 'sgd'"),
        ({"decay": "stairs"}, "decay must be one of cosine, linear, not 'stairs'"),
        ({"decay": "linear"}, "A linear decay ends at 0, not at 0.1 of the peak"),
        ({"precision": "int8"}, "precision must be one of float32, bfloat16, auto, not 'int8'"),
    ],
)
def test_a_bad_field_is_named(fields, said):
    with pytest.raises(ValueError, match=said):
        recipes.Recipe(**{"steps": 5} | fields)
