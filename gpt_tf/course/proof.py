"""The known-wrong and known-right answers, with which the tests themselves are tested."""

import ast
import dataclasses

from gpt_tf.course import extract, layout, runner
from gpt_tf.course.submission import Submission
from gpt_tf.course.testing import margins

FAR, NEAR = 10, 0.1  # how many tolerances a wrong answer must, and a right one may, be away


@dataclasses.dataclass(frozen=True)
class Answer:
    """One answer to an exercise, as a student might write it.

    Args:
        exercise: str, its id.
        note: str, the misconception that a wrong answer must draw, or why a right one is right.
        line: int, where it stands.
        source: `extract.Source`, its definition and the imports of its file.
        wrong: bool, whether it is a wrong one.
    """

    exercise: str
    note: str
    line: int
    source: extract.Source
    wrong: bool

    @property
    def label(self):
        return f"{self.exercise}-{self.note.replace(' ', '_')}-line{self.line}"

    def submission(self):
        """Returns the lab's solution with this answer in its place."""
        lab = layout.exercises()[self.exercise].lab
        solution = extract.from_file(layout.solution_file(lab))
        return Submission(solution.with_answer(self.source))

    def outcome(self):
        """Runs the exercise's tests on it, with the public seed; returns an `Outcome`."""
        with margins() as found:
            result = runner.run(self.exercise, self.submission())
        return Outcome(result, max(found, default=None))

    def fault(self, outcome):
        """Returns what is not as it must be, in words; empty if nothing.

        Args:
            outcome: `Outcome` of this answer.
        """
        result = outcome.result
        if not self.wrong:
            if result.status != "passed":
                return f"a right answer is {result.status}: {result.message}"
            # So that another processor cannot fail it.
            far = outcome.margin is not None and outcome.margin > NEAR
            return f"a right answer is {outcome.margin:.2g} tolerances away" if far else ""
        if result.status not in ("wrong", "crashed"):
            return f"a wrong answer is {result.status}. {result.message}"
        if result.misconception != self.note:
            return f"it draws {result.misconception}, not {self.note}: {result.message}"
        # So that rounding cannot let it through.
        near = result.ratio is not None and result.ratio < FAR
        return f"a wrong answer is only {result.ratio:.2g} tolerances away" if near else ""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one answer.

    Args:
        result: `runner.Result`.
        margin: float or None, the largest distance among the comparisons of floats that passed, in
            tolerances; None if there were none.
    """

    result: runner.Result
    margin: float | None = None

    def to_dict(self):
        """Returns the same as a dict of plain data; `from_dict` reads it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields):
        """Returns the Outcome that `to_dict` wrote."""
        return cls(runner.Result(**fields["result"]), fields["margin"])


def answers(labs=None):
    """Returns the Answers of some labs (list of int; None: all), each lab's wrong ones first."""
    labs = [int(stem[:2]) for stem in layout.index()] if labs is None else labs
    return [a for lab in labs for a in (*wrong_answers(lab), *right_answers(lab))]


def wrong_answers(lab):
    """Returns the Answers of tests/mutants/labNN.py, each decorated @wrong(exercise, draws=...)."""
    return _answers(layout.TESTS / "mutants" / f"lab{lab:02d}.py", "wrong", "draws")


def right_answers(lab):
    """Returns the Answers of tests/alternatives/labNN.py, each @right(exercise, because=...)."""
    return _answers(layout.TESTS / "alternatives" / f"lab{lab:02d}.py", "right", "because")


def _answers(path, decorator, keyword):
    if not path.is_file():
        return []
    source = extract.from_file(path)
    shared = tuple(s for s in source.statements if not _call_of(decorator, s.node))
    found = []
    for statement in source.statements:
        call = _call_of(decorator, statement.node)
        if call is None:
            continue
        note = next(k.value.value for k in call.keywords if k.arg == keyword)
        node = statement.node
        node.decorator_list = [d for d in node.decorator_list if d is not call]
        answer = dataclasses.replace(statement, node=node, text=ast.unparse(node))
        answer = extract.Source(path.name, (*shared, answer))
        found.append(Answer(call.args[0].value, note, node.lineno, answer, decorator == "wrong"))
    return found


def _call_of(decorator, node):
    calls = [d for d in getattr(node, "decorator_list", []) if isinstance(d, ast.Call)]
    return next((c for c in calls if getattr(c.func, "id", None) == decorator), None)
