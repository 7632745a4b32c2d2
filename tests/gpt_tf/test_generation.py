"""The solutions' generation as a whole: cache and no cache agree, and compile once."""

import dataclasses

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from gpt_tf import parts  # noqa: E402
from gpt_tf.compiling import compile_once, pays_off  # noqa: E402
from gpt_tf.config import GPTConfig  # noqa: E402

SMALL = GPTConfig(29, 32, num_layers=2, num_heads=3, hidden_dim=12)


def make(config):
    keras.utils.set_random_seed(5)
    model = parts.GPT(config)
    model(np.zeros((1, 2), int))
    rng = np.random.default_rng(5)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) / 2)
    return model


def prompt(length, batch=3):
    return np.random.default_rng(length).integers(0, 29, size=(batch, length))


@pytest.mark.parametrize(
    "changes",
    [{}, {"normalize_first": False}, {"attention_window": 5}, {"head_dim": 7, "dropout": 0.5}],
    ids=["gpt2", "gpt1", "gpt3", "dropout"],
)
def test_same_text_with_and_without_cache(changes):
    model = make(dataclasses.replace(SMALL, **changes))
    for temperature in (0.0, 1.0):
        texts = [parts.generate(model, prompt(7), 20, temperature, 1, c) for c in (True, False)]
        np.testing.assert_array_equal(*texts)


def test_same_text_under_xla():
    # Large enough that it is compiled by XLA.
    model = make(GPTConfig(29, 32, num_layers=1, num_heads=3, hidden_dim=96))
    assert pays_off(model)
    written = parts.generate(model, prompt(5), 6, 0.0)
    for _ in range(6):
        last = np.asarray(model(written[:, :-1]))[:, -1].argmax(axis=-1)
        np.testing.assert_array_equal(written[:, -1], last)
        written = written[:, :-1]


def traces(model):
    return sum(f.experimental_get_tracing_count() for f in vars(model)["_compiled_once"].values())


def test_compiled_once():
    model = make(SMALL)
    parts.generate(model, prompt(5), 9)
    assert traces(model) == 1
    # Other lengths of about the same size, temperatures and seeds share what is compiled.
    parts.generate(model, prompt(8), 3, temperature=0.3, seed=4)
    parts.generate(model, prompt(6), 10, temperature=0)
    assert traces(model) == 1
    parts.generate(model, prompt(5, batch=2), 9)
    assert traces(model) == 2


def test_compile_once_tells_functions_apart():
    model, made = make(SMALL), []

    def compiled(factor):
        @compile_once(model, factor)
        def multiply(x):
            made.append(factor)
            return x * factor

        return multiply

    three = keras.ops.convert_to_tensor(3)
    assert [int(compiled(f)(three)) for f in (2, 5, 2, 5)] == [6, 15, 6, 15]
    assert made == [2, 5]
    assert not pays_off(model)


def test_only_the_last_token_fits():
    model = make(SMALL)
    assert parts.generate(model, prompt(31), 1).shape == (3, 32)
    np.testing.assert_array_equal(parts.generate(model, prompt(32), 0), prompt(32))
    with pytest.raises(ValueError, match="32 tokens of prompt and 1 new ones are 33"):
        parts.generate(model, prompt(32), 1)
