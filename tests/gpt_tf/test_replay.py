"""No exercise can be passed by a table of what its tests ask with the public seed.

The attacker runs the published tests on the solution, notes each call with its result, and hands in
the notes. Grading draws a secret seed, so that it asks something else.
"""

import numpy as np
import pytest

from gpt_tf.config import GPTConfig
from gpt_tf.course import extract, layout, runner, wire
from gpt_tf.course.submission import Part, Submission, Wrong

# A function without arguments is its table.
CONSTANT = {"lab02.bytes_to_unicode"}
SECRET = 7


def as_plain(value):
    """Puts into plain data what tests send besides, so that equal calls have equal bytes."""
    if isinstance(value, Part):
        return "part", [value.name, value.config, value.weights, value.example]
    if isinstance(value, GPTConfig):
        return "config", value.to_dict()
    return "generator", value.bit_generator.state


class Noted(Submission):
    """A submission that notes what it is asked, and what it answers each time."""

    def __init__(self, source):
        super().__init__(source)
        self.notes = {}

    def ask(self, *question):
        call = wire.encode(question, as_plain)
        try:
            result = super().ask(*question)
        except Exception as error:
            self.notes.setdefault(call, []).append(error)
            raise
        self.notes.setdefault(call, []).append(result)
        return result


class Replayed(Noted):
    """Answers from another one's notes, and knows nothing else."""

    def __init__(self, noted):
        super().__init__(noted.source)
        self.notes = {call: list(results) for call, results in noted.notes.items()}

    def ask(self, *question):
        call = wire.encode(question, as_plain)
        if not self.notes.get(call):
            raise Wrong("this was not asked before")
        # A training step gives something else when it is asked again.
        result = self.notes[call].pop(0)
        if isinstance(result, Exception):
            raise result
        return result


@pytest.mark.parametrize("exercise", layout.exercises())
def test_notes_of_the_public_seed_do_not_pass(exercise):
    solution = extract.from_file(layout.solution_file(layout.exercises()[exercise].lab))
    noted = Noted(solution)
    assert runner.run(exercise, noted).status == "passed"
    # The notes are good for the public seed, so they are the attack that they claim to be.
    assert runner.run(exercise, Replayed(noted)).status == "passed"
    expected = "passed" if exercise in CONSTANT else "wrong"
    assert runner.run(exercise, Replayed(noted), seed=SECRET).status == expected


def test_a_note_tells_calls_apart():
    calls = [("f", 1), ("f", 1.0), ("f", np.ones(1)), ("f", [1]), ("f", Part("A", {"n": 1}))]
    assert len({wire.encode(call, as_plain) for call in calls}) == len(calls)
