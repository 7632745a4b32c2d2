"""What a lab's tests are written with: `exercise`, `expect_close`, `expect_equal`, `expect`.

Expected values come from an independent reference. A misconception is the value that a known
mistake computes: when a wrong answer equals it, the mistake is named, whatever the code looks like.
"""

import contextlib
import dataclasses
import functools

import numpy as np
import pytest

from gpt_tf.course.submission import Crashed, NotAttempted, Part, Wrong

__all__ = [
    "Part",
    "exercise",
    "expect",
    "expect_close",
    "expect_compiles",
    "expect_equal",
    "expect_no_crash",
    "expect_value_error",
    "expect_written",
    "margins",
]

# What NumPy raises for something that it cannot make numbers of.
NO_NUMBERS = (TypeError, ValueError, OverflowError)
_margins = []


@dataclasses.dataclass
class Running:
    """The test that runs now, by which `recording` finds what the reference answers to it.

    Args:
        lab: str, such as "lab04".
        test: str, its name.
        generator: dict, the state in which its `rng` began, or None if it takes none.
        calls: int, how often it has called the reference so far.
    """

    lab: str
    test: str
    generator: dict | None
    calls: int = 0


running = None


class BadTest(AssertionError):
    """A test cannot tell a right answer from a known mistake: the grader's own error."""


def exercise(name):
    """Marks a test function as part of an exercise's tests.

    Args:
        name: str, the exercise, such as "lab04.causal_mask".

    Example:
        >>> @exercise("lab04.causal_mask")
        ... def test_nobody_sees_the_future(submission): ...
    """

    def mark(function):
        @functools.wraps(function)
        def test(**arguments):
            global running
            state = arguments["rng"].bit_generator.state if "rng" in arguments else None
            running = Running(name.split(".")[0], function.__name__, state)
            function(**arguments)

        test.exercise = name
        return pytest.mark.exercise(name)(test)

    return mark


def expect(condition, message, misconception=None):
    """Raises Wrong with `message` (and the mistake's id) unless `condition` holds."""
    if not condition:
        raise Wrong(message, misconception)


def expect_compiles(ask, what, misconception="tensor.needs-values"):
    """Expects an answer where training asks it: in a `tf.function`, where tensors have no values.

    What goes through NumPy there fails; outside it has no gradient, so that a model would not
    learn through it.

    Args:
        ask: function without arguments that asks the submission, compiled.
        what: str, what is asked, for the message.
        misconception: str, the id of the mistake.

    Returns:
        What `ask` returns.

    Raises:
        Wrong: it fails; the message has the student's line.
    """
    try:
        return ask()
    except Crashed as error:
        where = "".join(f"\n  at {line}" for line in error.lines[-1:])
        raise Wrong(
            f"{what} fails in a compiled step, as training has it: there a tensor has a shape, but "
            f"no values yet{where}",
            misconception,
        ) from None


@contextlib.contextmanager
def expect_no_crash(what, misconception):
    """Names the mistake that makes an answer crash here, in a `with` statement.

    Args:
        what: str, what is asked inside, for the message.
        misconception: str, the id of the mistake.

    Raises:
        Wrong: in place of `Crashed`.
    """
    try:
        yield
    except Crashed as error:
        raise Wrong(f"{what}: {error}", misconception) from None


def expect_value_error(submission, name, *args, what, misconception=None, **kwargs):
    """Calls a function of the submission, which must raise a ValueError.

    Args:
        submission: what the test was given.
        name: str, of the function.
        *args, **kwargs: its arguments.
        what: str, the call, for the message.
        misconception: str, the id of the mistake of raising nothing.

    Raises:
        Wrong: it raises nothing, or something else.

    Example:
        >>> expect_value_error(submission, "greedy", [], what="greedy of no logits")
    """
    error = submission.error(name, *args, **kwargs)
    expect(error is not None, f"{what} raised nothing, expected a ValueError", misconception)
    expect(error[0] == "ValueError", f"{what} raised {error[0]}, expected a ValueError")


def expect_written(ask, what, misconception):
    """Asks for one method of a class of which others are known to be written.

    Args:
        ask: function without arguments that asks the submission for it.
        what: str, the method, for the message.
        misconception: str, the id of "it is not written".

    Returns:
        What `ask` returns.

    Raises:
        Wrong: the method still raises NotImplementedError.
    """
    try:
        return ask()
    except NotAttempted:
        raise Wrong(f"{what} is not written yet", misconception) from None


def expect_equal(actual, expected, misconceptions=None, what="the result"):
    """Compares numbers, text and containers exactly.

    Args:
        actual, expected: plain data; arrays are compared with their shape and values.
        misconceptions: dict {id: value a known mistake gives}, or None.
        what: str, what is compared, for the message.

    Raises:
        Wrong: they differ.
        BadTest: a misconception gives the expected value.
    """
    for name, wrong in (misconceptions or {}).items():
        if _same(wrong, expected):
            raise BadTest(f"{name} gives the expected value of {what}")
    if _same(actual, expected):
        return
    found = next((n for n, w in (misconceptions or {}).items() if _same(actual, w)), None)
    raise Wrong(_first_difference(actual, expected, what), found)


def expect_close(actual, expected, misconceptions=None, tolerance=1e-5, what="the result"):
    """Compares arrays of floats within a tolerance.

    Args:
        actual: array, what the student's code gave.
        expected: array, float64, from an independent reference.
        misconceptions: dict {id: array a known mistake gives}, or None.
        tolerance: float, largest difference allowed, relative to the largest of 1 and the
            expected values' largest size.
        what: str, what is compared, for the message.

    Raises:
        Wrong: they differ; the message has the largest difference, where it is, and both values.
        BadTest: a misconception is within ten tolerances of the expected value.
    """
    expected = np.asarray(expected, "float64")
    tolerance = tolerance * max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    for name, wrong in (misconceptions or {}).items():
        if _distance(wrong, expected) <= 10 * tolerance:
            raise BadTest(f"{name} is within ten tolerances of the expected {what}")
    with contextlib.suppress(*NO_NUMBERS):
        actual = np.asarray(actual, "float64")
    if not isinstance(actual, np.ndarray):
        raise Wrong(f"{what}: expected numbers, yours is {_short(actual)}")
    ratio = _distance(actual, expected) / tolerance
    if ratio <= 1:
        _margins.append(ratio)
        return
    close = {n: _distance_to_mistake(actual, w) for n, w in (misconceptions or {}).items()}
    found = min(close, key=close.get, default=None)
    if found is not None and not close[found] <= tolerance:
        found = None
    raise Wrong(_difference(actual, expected, tolerance, what), found, ratio)


@contextlib.contextmanager
def margins():
    """Collects how far the passed comparisons were, in tolerances; see tests/test_proof.py."""
    _margins.clear()
    yield _margins


def _distance(actual, expected):
    try:
        actual, expected = np.asarray(actual, "float64"), np.asarray(expected, "float64")
    except NO_NUMBERS:
        return np.inf
    if actual.shape != expected.shape:
        return np.inf
    # Equal infinities are no difference; a NaN is one, unless it is expected.
    same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        gap = np.where(same, 0.0, np.abs(actual - expected))
    return float(np.max(np.where(np.isnan(gap), np.inf, gap), initial=0.0))


def _distance_to_mistake(actual, mistake):
    """Where the mistake has NaN, any NaN is it: how far a NaN spreads depends on the processor."""
    with contextlib.suppress(*NO_NUMBERS):
        if np.isnan(mistake).any() and np.shape(actual) == np.shape(mistake):
            return 0.0 if np.isnan(actual).any() else np.inf
    return _distance(actual, mistake)


def _difference(actual, expected, tolerance, what):
    if actual.shape != expected.shape:
        return f"{what}: yours has shape {actual.shape}, expected {expected.shape}"
    with np.errstate(invalid="ignore"):
        gap = np.where(actual == expected, 0.0, np.abs(actual - expected))
    gap = np.where(np.isnan(gap), np.inf, gap)
    at = np.unravel_index(np.argmax(gap), gap.shape)
    place = f" at {tuple(int(i) for i in at)}" if at else ""
    return (
        f"{what}: largest difference {gap[at]:.3g}{place}: yours {actual[at]:.6g}, "
        f"expected {expected[at]:.6g} (tolerance {tolerance:.1g})"
    )


def _first_difference(actual, expected, what):
    with contextlib.suppress(*NO_NUMBERS):
        mine, right = np.asarray(actual), np.asarray(expected)
        if mine.ndim and mine.shape == right.shape and np.any(differ := mine != right):
            at = tuple(int(i) for i in np.argwhere(differ)[0])
            place = at[0] if len(at) == 1 else at
            # Of an array of numbers a number, of one of other things such a thing.
            yours, expected = (
                x.tolist() if isinstance(x, np.generic) else x for x in (mine[at], right[at])
            )
            return (
                f"{what} at {place}: yours {_short(yours)}, expected "
                f"{_short(expected)} ({int(differ.sum())} of {differ.size} entries differ)"
            )
    return f"{what}: yours {_short(actual)}, expected {_short(expected)}"


def _same(a, b):
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        with contextlib.suppress(*NO_NUMBERS):
            a, b = np.asarray(a), np.asarray(b)
            return a.shape == b.shape and a.dtype.kind in "biuf" and bool(np.all(a == b))
        return False
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    return bool(a == b)


def _short(value, limit=120):
    text = np.array2string(value, threshold=20) if isinstance(value, np.ndarray) else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 3] + "..."
