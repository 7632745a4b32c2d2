"""Runs an exercise's tests on a submission, and puts the outcome into words."""

import dataclasses
import functools
import importlib.util
import inspect
import sys
import tomllib
import unicodedata
import zlib

import numpy as np

from gpt_tf.course import layout
from gpt_tf.course.submission import Crashed, NotAttempted, TimedOut, Wrong
from gpt_tf.course.testing import BadTest

PUBLIC_SEED = 2018
_DRAWS = 5  # of a test's random numbers, until they tell its known mistakes from the right answer
# What a test raises that cannot go on with what an answer gave: no numbers, too few, another shape.
_UNUSABLE = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of one exercise.

    Args:
        exercise: str, its id.
        status: "passed", "wrong", "not attempted", "crashed", "timed out" or "grader error".
        message: str, what differs; when passed empty, or whose code stood in.
        test: str, name of the test that failed; empty when passed.
        misconception: str or None, id of the recognised mistake.
        ratio: float or None, distance of a wrong answer in tolerances.
    """

    exercise: str
    status: str
    message: str = ""
    test: str = ""
    misconception: str | None = None
    ratio: float | None = None

    @property
    def points(self):
        """Points earned: all when every test of the exercise passed, else none."""
        return layout.exercises()[self.exercise].points if self.status == "passed" else 0

    def report(self, hint=1):
        """Returns what a student reads: status, points, what differs, one hint.

        Args:
            hint: int, which hint to show, 1 to 3.
        """
        total = layout.exercises()[self.exercise].points
        lines = [f"{self.exercise}   {self.status}   {self.points}/{total}"]
        lines += [f"  {line}" for line in self.message.splitlines()]
        known = hints().get(self.misconception, [])
        if known:
            hint = min(max(hint, 1), len(known))
            lines.append(f"  hint {hint} of {len(known)}: {known[hint - 1]}")
            if hint < len(known):
                lines.append(f'  for the next one: check("{self.exercise}", hint={hint + 1})')
        return "\n".join(lines)


def printable(text, longest=2000):
    """Returns a text without what could lead a terminal astray, and not longer than that.

    Args:
        text: str, which a student may have written.
        longest: int, characters.
    """
    text = text if len(text) <= longest else f"{text[: longest - 3]}..."
    return "".join(c if _is_harmless(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _is_harmless(character):
    return character.isprintable() or character in "\n\t" or unicodedata.category(character) == "Zs"


def classify(error):
    """Returns (status, message, misconception, ratio) for what a test raised."""
    if isinstance(error, Wrong):
        return "wrong", error.message, error.misconception, error.ratio
    if isinstance(error, NotAttempted):
        return "not attempted", str(error), None, None
    if isinstance(error, Crashed):
        return "crashed", str(error), None, None
    if isinstance(error, TimedOut):
        return "timed out", str(error), None, None
    message = f"the test itself failed, not your code: {type(error).__name__}: {error}"
    return "grader error", message, None, None


def run(exercise, submission, seed=PUBLIC_SEED, solution=None):
    """Runs all tests of an exercise, until one fails.

    Args:
        exercise: str, its id, such as "lab04.causal_mask".
        submission: `Submission`.
        seed: int, decides every random number that the tests draw.
        solution: function that returns a right Submission for a `with` statement, or None. Where a
            test stumbles, it decides whose fault that is: the test's, if it stumbles here, too.

    Returns:
        Result.

    Raises:
        ValueError: no such exercise; the message lists those of the lab.
    """
    tests = tests_of(exercise)
    for test in tests:
        try:
            _run_test(test, submission, seed)
        except Exception as error:
            if isinstance(error, _UNUSABLE) and solution and _passes(test, solution, seed):
                error = Wrong(
                    "the test cannot go on with what came back, and can with the solution's: "
                    f"{type(error).__name__}: {error}"
                )
            status, message, misconception, ratio = classify(error)
            message = printable(message)
            return Result(exercise, status, message, test.__name__, misconception, ratio)
    return Result(exercise, "passed")


def _passes(test, solution, seed):
    with solution() as submission:
        try:
            _run_test(test, submission, seed)
        except Exception:
            return False
    return True


def _run_test(test, submission, seed):
    """Runs a test; where its random numbers make a mistake look right, it draws others."""
    for draw in range(_DRAWS):
        try:
            return test(**arguments(test, submission, seed, draw))
        except BadTest:
            if draw == _DRAWS - 1:
                raise


def arguments(test, submission, seed, draw=0):
    """Returns what a test function asks for by name: `submission`, `rng`, or both."""
    offered = {"submission": submission, "rng": make_rng(test.__name__, seed, draw)}
    return {name: offered[name] for name in inspect.signature(test).parameters}


def make_rng(test_name, seed, draw=0):
    """Returns a test's own random generator, the same whatever ran before it."""
    return np.random.default_rng([seed, zlib.crc32(test_name.encode()), *[draw] * (draw > 0)])


def tests_of(exercise):
    """Returns the test functions of an exercise, in the order of their file."""
    known = layout.exercises()
    if exercise not in known:
        near = [e for e in known if e.split(".")[0] == str(exercise).split(".")[0]] or list(known)
        raise ValueError(f"There is no exercise {exercise!r}; there are: {', '.join(near)}.")
    module = test_module(known[exercise].lab)
    found = [f for f in vars(module).values() if getattr(f, "exercise", None) == exercise]
    if not found:
        raise ValueError(f"{exercise} has no tests in tests/test_lab{known[exercise].lab:02d}.py.")
    return found


@functools.cache
def test_module(lab):
    """Returns the loaded module of tests/test_labNN.py."""
    if str(layout.TESTS) not in sys.path:
        sys.path.insert(0, str(layout.TESTS))
    path = layout.TESTS / f"test_lab{lab:02d}.py"
    spec = importlib.util.spec_from_file_location(f"gpt_tf_tests_lab{lab:02d}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def hints():
    """Returns {misconception id: [question, direction, place]} of all labs."""
    found = {}
    for path in sorted((layout.TESTS / "hints").glob("*.toml")):
        found |= tomllib.loads(path.read_text(encoding="utf-8"))
    return found
