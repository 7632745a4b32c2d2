"""The learning rates of pre-training and of fine-tuning."""

import numpy as np
import pytest

from gpt_tf import schedules, training
from gpt_tf.recipes import Recipe


def test_the_cosine_is_that_of_the_lab():
    schedule = schedules.WarmupCosine(2.0, 10, 110, 0.1)
    rates = [float(schedule(step)) for step in (0, 5, 10, 60, 110, 200)]
    assert rates == pytest.approx([0.0, 1.0, 2.0, 1.1, 0.2, 0.2])
    again = schedules.WarmupCosine.from_config(schedule.get_config())
    assert float(again(5)) == pytest.approx(1.0)


def test_the_line():
    rate = schedules.WarmupLinear(2.0, 4, 12)
    steps = (0, 1, 4, 8, 12, 13)
    np.testing.assert_allclose([rate(s) for s in steps], [0, 0.5, 2, 1, 0, 0])
    again = schedules.WarmupLinear.from_config(rate.get_config())
    assert float(again(8)) == 1.0
    without = schedules.WarmupLinear(2.0, 0, 4)
    np.testing.assert_allclose([without(s) for s in range(5)], [2, 1.5, 1, 0.5, 0])


def test_a_recipe_chooses_its_decay():
    recipe = Recipe(steps=110, peak_rate=2.0, warmup_steps=10, final_fraction=0.0, decay="linear")
    rates = [float(training.schedule(recipe)(step)) for step in (0, 5, 10, 35, 60, 110)]
    np.testing.assert_allclose(rates, [0, 1, 2, 1.5, 1, 0], atol=1e-6)
