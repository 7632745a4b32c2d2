"""The grader, proved from both sides: no known-wrong answer passes, every known-right one does."""

import collections

import pytest

from gpt_tf.course import layout, proof, runner

WRONG = [a for a in proof.answers() if a.wrong]
RIGHT = [a for a in proof.answers() if not a.wrong]


@pytest.mark.parametrize("answer", WRONG, ids=lambda a: a.label)
def test_wrong_answer_fails_with_its_hint(answer, record_property):
    prove(answer, record_property)


@pytest.mark.parametrize("answer", RIGHT, ids=lambda a: a.label)
def test_right_answer_passes(answer, record_property):
    prove(answer, record_property)


def prove(answer, record_property):
    outcome = answer.outcome()
    # For tests/conftest.py, which compares them all with docs/grader-proof.md.
    record_property("proof", {"label": answer.label, "outcome": outcome.to_dict()})
    assert not answer.fault(outcome)


@pytest.mark.parametrize("exercise", layout.exercises())
def test_enough_answers(exercise):
    wrong, right = ([a for a in known if a.exercise == exercise] for known in (WRONG, RIGHT))
    assert len(wrong) >= 5, f"{exercise} has {len(wrong)} wrong answers in tests/mutants/"
    assert len(right) >= 2, f"{exercise} has {len(right)} right ones in tests/alternatives/"


def test_every_hint_is_drawn():
    undrawn = set(runner.hints()) - {a.note for a in WRONG}
    assert not undrawn, "no wrong answer shows that a test can draw these"


def test_answers_name_exercises():
    unknown = {a.exercise for a in WRONG + RIGHT} - set(layout.exercises())
    assert not unknown


def test_every_drawn_hint_has_three_levels():
    missing = [a.note for a in WRONG if len(runner.hints().get(a.note, [])) != 3]
    assert not missing


def test_labels_do_not_repeat():
    counts = collections.Counter(a.label for a in WRONG + RIGHT)
    assert not [label for label, n in counts.items() if n > 1]


def test_the_text_of_an_answer_is_what_a_student_would_hand_in():
    assert not [a.label for a in WRONG + RIGHT if "@wrong" in a.source.text()]
    assert not [a.label for a in WRONG + RIGHT if "@right" in a.source.text()]
