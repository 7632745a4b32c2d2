"""The solutions' generation as a whole: beside keras_hub's samplers, and compiled once."""

import dataclasses

import numpy as np
import pytest
import scipy.stats

keras = pytest.importorskip("keras")

from gpt_tf import parts  # noqa: E402
from gpt_tf.compiling import compile_once, count_traces, pays_off, rounded_up  # noqa: E402
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
    prompts = [[3, 8, 1, 4, 22], [5], [9, 9, 2]]
    # In the window of 32, and far beyond it.
    for temperature in (0.0, 1.0):
        cached, uncached = (
            parts.generate(model, prompts, 75, temperature, 1, cache, top_p=0.9)
            for cache in (True, False)
        )
        for text, other in zip(cached, uncached, strict=True):
            np.testing.assert_array_equal(text, other)


def test_same_text_under_xla():
    # Large enough that it is compiled by XLA.
    model = make(GPTConfig(29, 32, num_layers=1, num_heads=3, hidden_dim=96))
    assert pays_off(model)
    written = np.array(parts.generate(model, prompt(5), 6, 0.0))
    for _ in range(6):
        last = np.asarray(model(written[:, :-1]))[:, -1].argmax(axis=-1)
        np.testing.assert_array_equal(written[:, -1], last)
        written = written[:, :-1]


def test_compiled_once():
    model = make(SMALL)
    parts.generate(model, prompt(5), 9)
    assert count_traces(model) == 1
    # Other lengths of about the same size, temperatures and seeds share what is compiled.
    parts.generate(model, prompt(8), 3, temperature=0.3, seed=4)
    parts.generate(model, prompt(6), 10, temperature=0)
    parts.generate(model, [[1], [2, 3], [4, 5, 6]], 7, stop_token=3)
    assert count_traces(model) == 1
    parts.generate(model, prompt(5, batch=2), 9)
    assert count_traces(model) == 2


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


def test_a_longer_text_compiles_no_more():
    model = make(SMALL)
    counts = []
    for windows in (1.5, 2, 5):
        parts.generate(model, prompt(20), int(windows * SMALL.max_sequence_length), 0.0)
        counts.append(count_traces(model))
    # One for the prompt, one for the half window that is read again.
    assert counts[0] <= 2 and counts == counts[:1] * 3


def test_other_limits_compile_anew_and_other_numbers_in_them_do_not():
    model, found = make(SMALL), []
    for choice in ({}, {"top_p": 0.9}, {"top_p": 0.3}, {"top_k": 3}, {"stop_token": 4}):
        parts.generate(model, prompt(5), 9, **choice)
        found.append(count_traces(model))
    assert found == [1, 2, 2, 3, 3]


@pytest.mark.parametrize("length, rounded", [(1, 8), (8, 8), (9, 16), (64, 64), (65, 100)])
def test_lengths_are_rounded_up(length, rounded):
    assert rounded_up(length, 100) == rounded
    assert rounded_up(length, 6) == 6


def test_up_to_the_last_place_of_the_window_and_beyond():
    model = make(SMALL)
    inside = np.array(parts.generate(model, prompt(31), 1, 0.0))
    np.testing.assert_array_equal(inside[:, -1], np.asarray(model(prompt(31)))[:, -1].argmax(-1))
    np.testing.assert_array_equal(parts.generate(model, prompt(32), 0), prompt(32))
    # The first half is forgotten.
    beyond = np.array(parts.generate(model, prompt(32), 1, 0.0))
    last = np.asarray(model(prompt(32)[:, 16:]))[:, -1].argmax(-1)
    np.testing.assert_array_equal(beyond[:, -1], last)


# --------------------------------------------------------------- beside the samplers of keras_hub


def test_greedy_writes_what_the_greedy_sampler_of_keras_hub_writes():
    import keras_hub

    model, prompts, stop = make(SMALL), [[3, 8, 1, 4, 22], [5], [9, 9, 2]], 7
    new_tokens = 20
    tokens = np.zeros((3, 5 + new_tokens), "int32")
    mask = np.zeros(tokens.shape, bool)
    for row, text in enumerate(prompts):
        tokens[row, : len(text)], mask[row, : len(text)] = text, True

    def following(prompt, cache, index):
        return keras.ops.take(model(prompt), index - 1, axis=1), None, cache

    theirs = keras_hub.samplers.GreedySampler()(following, tokens, index=1, mask=mask)
    theirs = np.asarray(theirs)
    for stop in (None, int(theirs[0, 9])):
        ours = parts.generate(model, prompts, new_tokens, temperature=0, stop_token=stop)
        for text, row, asked in zip(ours, theirs, prompts, strict=True):
            written = row[len(asked) : len(text)].tolist()
            end = written.index(stop) + 1 if stop in written else new_tokens
            expected = written[:end] + [stop] * (new_tokens - end)
            assert text.tolist() == asked + expected


LOGITS = np.random.default_rng(8).normal(size=20).astype("float32") * 1.5


@pytest.mark.parametrize(
    "name, theirs, ours",
    [
        ("RandomSampler", {}, {}),
        ("TopKSampler", {"k": 6}, {"top_k": 6}),
        ("TopPSampler", {"p": 0.8}, {"top_p": 0.8}),
        ("TopPSampler", {"p": 0.3, "temperature": 2.5}, {"top_p": 0.3, "temperature": 2.5}),
        ("TopKSampler", {"k": 4, "temperature": 0.6}, {"top_k": 4, "temperature": 0.6}),
    ],
)
def test_draws_are_those_of_the_samplers_of_keras_hub(name, theirs, ours):
    # Their random numbers are not ours: the same tokens can be drawn, and as often.
    import keras_hub

    rows = np.tile(LOGITS, (40_000, 1))
    sampler = getattr(keras_hub.samplers, name)(seed=3, **theirs)
    drawn = sampler.get_next_token(sampler.compute_probabilities(rows))
    counts = np.stack(
        [
            np.bincount(np.asarray(tokens), minlength=len(LOGITS))
            for tokens in (drawn, parts.choose_token(rows, seed=3, **ours))
        ]
    )
    seen = counts.sum(axis=0) > 0
    np.testing.assert_array_equal(counts[0] > 0, counts[1] > 0)
    assert scipy.stats.chi2_contingency(counts[:, seen]).pvalue > 0.01
    if "top_p" in ours or "top_k" in ours:
        cut = LOGITS[None] / ours.get("temperature", 1.0)
        if "top_k" in ours:
            cut = parts.top_k_logits(keras.ops.convert_to_tensor(cut), ours["top_k"])
        else:
            cut = parts.nucleus_logits(keras.ops.convert_to_tensor(cut), ours["top_p"])
        np.testing.assert_array_equal(np.isfinite(np.asarray(cut))[0], seen)
