"""Reads the known-wrong and known-right answers, with which the tests themselves are tested."""

import ast
import dataclasses

from gpt_tf.course import extract, layout
from gpt_tf.course.submission import Submission


@dataclasses.dataclass(frozen=True)
class Answer:
    """One answer to an exercise, as a student might write it.

    Args:
        exercise: str, its id.
        note: str, the misconception that a wrong answer must draw, or why a right one is right.
        line: int, where it stands.
        source: `extract.Source`, its definition and the imports of its file.
    """

    exercise: str
    note: str
    line: int
    source: extract.Source

    @property
    def label(self):
        return f"{self.exercise}-{self.note.replace(' ', '_')}-line{self.line}"

    def submission(self):
        """Returns the lab's solution with this answer in its place."""
        lab = layout.exercises()[self.exercise].lab
        solution = extract.from_file(layout.solution_file(lab))
        return Submission(solution.with_answer(self.source))


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
        found.append(Answer(call.args[0].value, note, node.lineno, answer))
    return found


def _call_of(decorator, node):
    calls = [d for d in getattr(node, "decorator_list", []) if isinstance(d, ast.Call)]
    return next((c for c in calls if getattr(c.func, "id", None) == decorator), None)
