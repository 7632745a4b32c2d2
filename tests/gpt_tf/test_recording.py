"""Recorded answers of a reference: whatever a test does with it, they are what it gave."""

import types

import numpy as np
import pytest

from gpt_tf.course import layout, recording, runner, testing

REFERENCE = """
import numpy as np

def double(x):
    return 2 * x

def apply(function, x):
    return function(x)

def draw(rng):
    return {"w": rng.normal(size=3)}

def largest(x):
    return np.float64(max(x))
"""
# Each puts what it sees into `found`; `extra` stands for what a student's code gave.
TESTS = """
from gpt_tf.course.testing import exercise

@exercise("lab04.causal_mask")
def test_draws(submission, rng):
    found.append([rng.integers(100), tiny.draw(rng)["w"].tolist(), rng.integers(100)])

@exercise("lab04.causal_mask")
def test_hands_a_function_over(submission):
    found.append([tiny.apply(lambda x: 1 + tiny.double(x), 5), tiny.double(7)])

@exercise("lab04.causal_mask")
def test_writes_into_what_it_gets(submission):
    array = tiny.double(np.ones(2))
    array[0] = 9
    found.append(array.tolist())

@exercise("lab04.causal_mask")
def test_takes_a_number(submission):
    found.append(tiny.largest([1.5, 2.5]))

@exercise("lab04.causal_mask")
def test_asks_otherwise(submission):
    found.append(tiny.largest([3]) if extra else tiny.double(3))
"""


@pytest.fixture
def tests(monkeypatch, tmp_path):
    """A module of tests that have been recorded, with the recordings in place of the reference."""
    tiny, module = types.ModuleType("reference.tiny"), types.ModuleType("tests")
    exec(REFERENCE, vars(tiny))
    vars(module).update(tiny=tiny, np=np, found=[], extra=False)
    exec(TESTS, vars(module))
    recorder = recording.Recorder()
    with recorder.listening(module):
        for name in [name for name in vars(module) if name.startswith("test_")]:
            run(module, name)
    assert module.tiny is tiny
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference/lab04.bin").write_bytes(recorder.to_bytes())
    monkeypatch.setattr(layout, "TESTS", tmp_path)
    monkeypatch.setattr(testing, "running", None)
    module.tiny = recording.reference_module("tiny")
    recording._notes.cache_clear()
    yield module
    recording._notes.cache_clear()


def run(module, name, seed=runner.PUBLIC_SEED):
    test = getattr(module, name)
    test(**runner.arguments(test, None, seed))
    return module.found[-1]


def test_what_is_drawn_by_the_reference_is_drawn_again(tests):
    before, drawn, after = run(tests, "test_draws")
    rng = runner.make_rng("test_draws", runner.PUBLIC_SEED)
    assert [before, drawn, after] == [
        rng.integers(100),
        rng.normal(size=3).tolist(),
        rng.integers(100),
    ]


def test_calls_inside_a_call_are_part_of_its_answer(tests):
    assert run(tests, "test_hands_a_function_over") == [11, 14]


def test_a_test_gives_the_same_each_time(tests):
    for _ in range(2):
        assert run(tests, "test_writes_into_what_it_gets") == [9.0, 2.0]
        assert run(tests, "test_takes_a_number") == 2.5


def test_another_seed_is_told(tests):
    with pytest.raises(recording.NotRecorded, match="for the public seed only"):
        run(tests, "test_draws", seed=7)
    # Where nothing is drawn, there is no other seed.
    assert run(tests, "test_takes_a_number", seed=7) == 2.5


def test_another_call_than_the_recorded_one_is_told(tests):
    tests.extra = True
    with pytest.raises(recording.NotRecorded, match="test_asks_otherwise is not the test"):
        run(tests, "test_asks_otherwise")


def test_one_call_more_than_recorded_is_told(tests):
    run(tests, "test_takes_a_number")
    with pytest.raises(recording.NotRecorded, match="test_takes_a_number is not the test"):
        tests.tiny.largest([1, 2])
