"""The study of human detection: its data, its quiz, and simulated participants."""

import builtins
import importlib.util

import numpy as np
import pytest
from scipy import stats

from gpt_tf import detection, parts
from gpt_tf.detection import Passage, Quiz

PASSAGES = [Passage("one", True), Passage("two", False), Passage("three", True)]


def summary(counts):
    """Mean, low, high in per cent as the table prints them, and the share of "I don't know"."""
    accuracies = parts.participant_accuracies(counts)
    interval = [f"{100 * value:.0f}" for value in parts.mean_interval(accuracies)]
    unknown = np.sum(counts, axis=0)[2] / np.sum(counts)
    return accuracies, [*interval, f"{100 * unknown:.1f}"]


def test_the_students_functions_print_table_3_12():
    found = {name: summary(c) for name, c in detection.answers_like_table_3_12().items()}
    for name, (_, printed) in found.items():
        said = detection.PAPER[name]
        assert printed == [str(said[key]) for key in ("mean", "low", "high", "dont_know")]
    groups = [accuracies for accuracies, _ in found.values()]
    t, p = parts.two_sample_t_test(*groups)
    assert (f"{t:.1f}", f"{p:.1e}") == ("12.7", "3.2e-23")
    assert stats.ttest_ind(*groups).pvalue == pytest.approx(p, rel=1e-9)


def test_only_108_to_110_degrees_of_freedom_fit():
    t = np.linspace(12.65, 12.75, 1001)[:-1]
    fits = []
    for freedom in range(50, 200):
        p = 2 * stats.t.sf(t, freedom)
        if np.any((p >= 3.15e-23) & (p < 3.25e-23)):
            fits.append(freedom)
    assert fits == [108, 109, 110]
    sizes = [len(counts) for counts in detection.answers_like_table_3_12().values()]
    assert sum(sizes) - 2 in fits


def test_each_invented_participant_has_twelve_passages():
    for counts in detection.answers_like_table_3_12().values():
        assert {sum(row) for row in counts} == {12}


def test_counts():
    assert detection.count_answers(PASSAGES, [True, True, None]) == [1, 1, 1]
    assert detection.count_answers(PASSAGES, [True, False, True]) == [3, 0, 0]


def test_half_of_the_drawn_passages_are_a_models():
    people, model = list("abcdef"), list("ABCDEF")
    drawn = detection.draw_passages(people, model, 6, np.random.default_rng(0))
    assert len({p.text for p in drawn}) == 6
    assert all(p.text.isupper() == p.by_model for p in drawn)
    assert sum(p.by_model for p in drawn) == 3


@pytest.mark.parametrize("size", [0, 3, 14])
def test_passages_that_cannot_be_drawn(size):
    with pytest.raises(ValueError, match="even size"):
        detection.draw_passages(list("abcdef"), list("ABCDEF"), size, np.random.default_rng(0))


def test_a_simulated_participant_who_knows():
    people, model = list("abcdef"), list("ABCDEF")
    found = detection.simulate(lambda text, rng: text.isupper(), people, model, 3, size=4)
    assert found == [[4, 0, 0]] * 3
    found = detection.simulate(lambda text, rng: None, people, model, 2, size=4)
    assert found == [[0, 0, 4]] * 2


def test_simulated_guesses_depend_on_the_seed_alone():
    people, model = list("abcdefgh"), list("ABCDEFGH")

    def guess(text, rng):
        return bool(rng.integers(2))

    def ask(seed):
        return detection.simulate(guess, people, model, 20, size=8, seed=seed)

    assert ask(1) == ask(1) != ask(2)


def test_a_quiz_counts_whole_rounds():
    quiz = Quiz(PASSAGES, size=2)
    assert quiz.counts() == []
    quiz.answer(True)
    assert quiz.counts() == []
    quiz.answer(None)
    quiz.answer(False)
    assert quiz.counts() == [[1, 0, 1]]
    assert quiz.is_over()
    with pytest.raises(ValueError, match="All passages"):
        quiz.answer(True)


def test_a_quiz_that_makes_no_sense():
    with pytest.raises(ValueError, match="at least one"):
        Quiz([])
    with pytest.raises(ValueError, match="at least one"):
        Quiz(PASSAGES, size=0)
    with pytest.raises(ValueError, match="no answer"):
        Quiz(PASSAGES).answer("model")


def without_widgets(monkeypatch, typed):
    """Takes the widgets away, and types one line after the other; then nobody is there."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ipywidgets" else find(name)
    )
    lines = iter(typed)

    def read(_prompt):
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(builtins, "input", read)


def test_a_typed_quiz(monkeypatch, capsys):
    without_widgets(monkeypatch, ["m", "who knows", " P ", "?"])
    quiz = Quiz(PASSAGES, size=3)
    quiz.show()
    assert quiz.choices == [True, False, None]
    assert quiz.counts() == [[2, 0, 1]]
    shown = capsys.readouterr().out
    assert "'who knows' is no answer." in shown
    assert all(passage.text in shown for passage in PASSAGES)
    assert "Thank you" in shown


def test_a_typed_quiz_can_be_left_and_gone_on_with(monkeypatch):
    without_widgets(monkeypatch, ["m", "", "p"])
    quiz = Quiz(PASSAGES)
    quiz.show()
    assert quiz.choices == [True]
    quiz.show()
    assert quiz.choices == [True, False]


def test_a_quiz_with_nobody_there(monkeypatch, capsys):
    without_widgets(monkeypatch, [])
    Quiz(PASSAGES).show()
    assert "Nobody is here" in capsys.readouterr().out


def test_a_quiz_with_buttons(monkeypatch):
    pytest.importorskip("ipywidgets")
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    quiz = Quiz([Passage("a <b>\nc", True), *PASSAGES], size=2)
    quiz.show()
    text, row = shown[0].children
    assert "a &lt;b&gt;<br>c" in text.value
    for button in (*row.children, row.children[0]):
        button.click()
    assert quiz.choices == [True, False, None, True]
    assert quiz.counts() == [[1, 1, 0], [1, 0, 1]]
    assert all(button.disabled for button in row.children)
    assert "Thank you" in text.value
