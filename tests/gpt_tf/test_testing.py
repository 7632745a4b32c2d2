"""The comparisons that tests are written with: they must fail where they should."""

import numpy as np
import pytest

from gpt_tf.course import runner, submission
from gpt_tf.course.submission import Crashed, NotAttempted, Wrong
from gpt_tf.course.testing import (
    BadTest,
    expect_close,
    expect_compiles,
    expect_equal,
    expect_no_crash,
    expect_written,
)

RIGHT = np.array([1.0, 2.0, 3.0])


class Always:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __array__(self, dtype=None, copy=None):
        raise TypeError


def test_close_passes_within_the_tolerance():
    expect_close(RIGHT + 1e-6, RIGHT)


@pytest.mark.parametrize(
    "actual",
    [RIGHT + 1e-3, RIGHT[:2], [1.0, np.nan, 3.0], [np.inf] * 3, "text", None, [[1], [2, 3]]],
)
def test_close_fails_on_anything_else(actual):
    with pytest.raises(Wrong):
        expect_close(actual, RIGHT)


def test_the_message_has_the_place_and_both_values():
    with pytest.raises(Wrong, match=r"largest difference 0.5 at \(1,\): yours 2.5, expected 2"):
        expect_close([1.0, 2.5, 3.0], RIGHT)


def test_the_first_dict_that_differs_is_shown():
    right = [{"seed": 1}, {"seed": 2}, {"seed": 3}]
    said = r"cells at 1: yours \{'seed': 9\}, expected \{'seed': 2\} \(1 of 3 entries differ\)"
    with pytest.raises(Wrong, match=said):
        expect_equal([right[0], {"seed": 9}, right[2]], right, what="cells")


def test_a_known_mistake_is_named():
    mistakes = {"other": RIGHT * 3, "doubled": RIGHT * 2}
    with pytest.raises(Wrong) as caught:
        expect_close(RIGHT * 2, RIGHT, mistakes)
    assert caught.value.misconception == "doubled" and caught.value.ratio > 10


def test_a_mistake_that_gives_nan_is_named_however_far_the_nan_spread():
    mistakes = {"doubled": RIGHT * 2, "nan": RIGHT * np.nan}
    for actual in (RIGHT * np.nan, [np.nan, 0.0, 3.0]):
        with pytest.raises(Wrong) as caught:
            expect_close(actual, RIGHT, mistakes)
        assert caught.value.misconception == "nan"
    with pytest.raises(Wrong) as caught:
        expect_close([np.nan, 0.0], RIGHT, mistakes)
    assert caught.value.misconception is None


def test_a_mistake_too_near_the_right_answer_is_the_tests_fault():
    with pytest.raises(BadTest):
        expect_close(RIGHT, RIGHT, {"near": RIGHT + 1e-5})
    with pytest.raises(BadTest):
        expect_equal([1], [1], {"same": [1]})


def test_equal_minds_types_that_matter():
    expect_equal((1, 2), [1, 2])
    for actual, right in [([1, 2], [1, 2, 3]), (True, 1), ("1", 1), (None, 0), ({"a": 1}, {})]:
        with pytest.raises(Wrong):
            expect_equal(actual, right)


def test_what_a_student_made_does_not_get_out():
    with pytest.raises(Wrong, match="returned a Always"):
        submission.plain(Always())
    assert type(submission.plain(type("MyInt", (int,), {})(3))) is int
    assert type(submission.plain(np.float32(2))) is float
    assert type(submission.plain(np.ma.array([1, 2]))) is np.ndarray


def test_unlucky_numbers_are_drawn_again(monkeypatch):
    drawn = []

    def unlucky(rng):
        drawn.append(rng.random())
        if len(drawn) < 3:
            raise BadTest("a mistake looks right")

    monkeypatch.setattr(runner, "tests_of", lambda _: [unlucky])
    assert runner.run("lab04.causal_mask", None, seed=7).status == "passed"
    assert len(set(drawn)) == 3


def test_a_test_that_never_tells_them_apart_is_the_graders_error(monkeypatch):
    def hopeless(rng):
        raise BadTest("a mistake looks right")

    monkeypatch.setattr(runner, "tests_of", lambda _: [hopeless])
    assert runner.run("lab04.causal_mask", None).status == "grader error"


def raising(error):
    raise error


def test_a_crash_or_a_hole_is_given_its_name():
    crash = Crashed("f", TypeError("no values"))
    with pytest.raises(Wrong, match="f fails in a compiled step") as caught:
        expect_compiles(lambda: raising(crash), "f")
    assert caught.value.misconception == "tensor.needs-values"
    with pytest.raises(Wrong, match="f of 2: f raised TypeError: no values") as caught:
        with expect_no_crash("f of 2", "its.name"):
            raise crash
    assert caught.value.misconception == "its.name"
    with pytest.raises(Wrong, match="F.g is not written yet"):
        expect_written(lambda: raising(NotAttempted("F")), "F.g", "its.name")
    assert expect_compiles(lambda: 3, "f") == expect_written(lambda: 3, "F.g", "its.name") == 3
