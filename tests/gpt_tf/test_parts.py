"""Whose code `parts` takes, and what it says where there is none."""

import pytest

from gpt_tf import parts
from gpt_tf.course import layout

MINE = "def causal_mask(length):\n    return 'mine'\n"


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setenv("GPT_TF_MY_WORK", str(tmp_path))
    monkeypatch.setenv("GPT_TF_PARTS", "mine")
    return tmp_path / "lab04" / "causal_mask.py"


def test_the_solution_where_nothing_is_saved(work):
    assert parts.causal_mask(1).shape == (1, 1)
    assert parts.which()["causal_mask"].endswith("04_causal_self_attention.py")


def test_mine_where_it_is_saved(work):
    layout.write(work, MINE)
    assert parts.causal_mask(1) == "mine"
    assert parts.which()["causal_mask"] == str(work)


def test_a_newer_answer_replaces_an_older_one(work):
    layout.write(work, MINE)
    assert parts.causal_mask(1) == "mine"
    layout.write(work, MINE.replace("mine", "newer"))
    assert parts.causal_mask(1) == "newer"


def test_solutions_only(work, monkeypatch):
    layout.write(work, MINE)
    monkeypatch.setenv("GPT_TF_PARTS", "solutions")
    assert parts.causal_mask(1).shape == (1, 1)


def test_a_part_that_is_not_solved_yet(work, monkeypatch, tmp_path):
    monkeypatch.setattr(layout, "SOLUTIONS", tmp_path / "nothing")
    with pytest.raises(parts.PartMissing, match=r"causal_mask is a part of lab 4, .* not solved"):
        parts.causal_mask(1)


def test_a_part_that_no_lab_has():
    with pytest.raises(AttributeError, match="No lab has a part called 'Transformer'.*causal_mask"):
        parts.Transformer  # noqa: B018


def test_another_word_than_mine_or_solutions(monkeypatch):
    monkeypatch.setenv("GPT_TF_PARTS", "yours")
    with pytest.raises(ValueError, match="set it to 'mine' or 'solutions'"):
        parts.mode()


def test_a_lab_that_does_not_exist():
    with pytest.raises(ValueError, match="There is no lab 99; the labs are .*4"):
        layout.lab_stem(99)
