"""The grader, proved from both sides: no known-wrong answer passes, every known-right one does."""

import collections

import pytest

from gpt_tf.course import layout, proof, runner
from gpt_tf.course.testing import margins

LABS = [int(stem[:2]) for stem in layout.index()]
WRONG = [a for lab in LABS for a in proof.wrong_answers(lab)]
RIGHT = [a for lab in LABS for a in proof.right_answers(lab)]


@pytest.mark.parametrize("answer", WRONG, ids=lambda a: a.label)
def test_wrong_answer_fails_with_its_hint(answer):
    result = runner.run(answer.exercise, answer.submission())
    assert result.status in ("wrong", "crashed"), result
    assert result.misconception == answer.note, result
    # A wrong answer is far from the tolerance, so that rounding cannot let it through.
    assert result.ratio is None or result.ratio >= 10, result


@pytest.mark.parametrize("answer", RIGHT, ids=lambda a: a.label)
def test_right_answer_passes(answer):
    with margins() as found:
        result = runner.run(answer.exercise, answer.submission())
    assert result.status == "passed", result.message
    # A right answer is well inside the tolerance, so that another processor cannot fail it.
    assert max(found, default=0) <= 0.1, f"{max(found):.2g} of the tolerance"


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
