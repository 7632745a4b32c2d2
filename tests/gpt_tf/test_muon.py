"""Muon in fewer products, beside Keras's."""

import keras
import numpy as np
import pytest

from gpt_tf.muon import GramMuon


def newton_schulz(x, steps, a=3.4445, b=-4.7750, c=2.0315):
    """The five steps as they are published, in float64, by the singular values alone."""
    u, values, v = np.linalg.svd(x.astype("float64"), full_matrices=False)
    values = values / np.linalg.norm(values)
    for _ in range(steps):
        values = a * values + b * values**3 + c * values**5
    return u @ np.diag(values) @ v


@pytest.mark.parametrize("shape", [(16, 64), (64, 16), (16, 32), (16, 31), (24, 24)])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_steps_are_those_of_newton_and_schulz(shape, steps):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    expected = newton_schulz(x, steps)
    optimizer = GramMuon()
    found = optimizer.zeropower_via_newtonschulz5(keras.ops.convert_to_tensor(x), steps)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_a_matrix_of_low_rank_keeps_its_rank_and_does_not_blow_up():
    rng = np.random.default_rng(1)
    x = (rng.normal(size=(32, 4)) @ rng.normal(size=(4, 128))).astype("float32")
    keras_steps = keras.optimizers.Muon().zeropower_via_newtonschulz5
    for scale in (1e-6, 1.0, 1e6):
        tensor = keras.ops.convert_to_tensor(x * np.float32(scale))
        found = np.asarray(GramMuon().zeropower_via_newtonschulz5(tensor, 5))
        values = np.linalg.svd(found)[1]
        assert 0.6 < values[3] and values[0] < 1.3 and values[4] < 0.01
        np.testing.assert_allclose(found, keras_steps(tensor, 5), atol=2e-3)
    zero = GramMuon().zeropower_via_newtonschulz5(keras.ops.zeros((4, 16)), 5)
    np.testing.assert_array_equal(zero, np.zeros((4, 16)))


def test_it_trains_as_the_one_of_keras_does():
    weights = []
    for kind in (keras.optimizers.Muon, GramMuon):
        keras.utils.set_random_seed(2)
        model = keras.Sequential([keras.layers.Dense(32, use_bias=False), keras.layers.Dense(3)])
        model.build((None, 8))
        model.compile(kind(learning_rate=1e-2, weight_decay=0.1), loss="mse")
        rng = np.random.default_rng(2)
        data = rng.normal(size=(64, 8)), rng.normal(size=(64, 3))
        model.fit(*data, epochs=3, verbose=0, shuffle=False)
        weights.append(model.get_weights())
    for mine, theirs in zip(*reversed(weights), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)
    assert GramMuon.from_config(GramMuon(momentum=0.8).get_config()).momentum == 0.8
