"""The results over several seeds: the grid, what is kept of it, the numbers, the page."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from scipy import stats

from gpt_tf import __main__ as command
from gpt_tf import finetuning, presets, results, tasks
from gpt_tf.course import layout
from gpt_tf.tasks import Example, Task

SETTINGS = results.Settings("nano-en", "digest")
LABELS = [0, 1] * 20


def a_task(name="sst2"):
    examples = [Example((f"text {i}",), label) for i, label in enumerate(LABELS)]
    return Task(name, "classification", ("bad", "good"), "accuracy", examples, examples)


def predictions(right):
    """Predictions of which the first `right` are right."""
    return [label if i < right else 1 - label for i, label in enumerate(LABELS)]


@pytest.fixture
def grid(monkeypatch):
    """Stands in for data and training: (pre-trained?, seed) decides how many are right."""
    calls = []

    def finetune(gpt, task, tokenizer, settings, seed, label):
        calls.append((task.name, gpt, seed, settings))
        found = predictions(20 + 2 * seed + (10 if gpt == "pre-trained" else 0))
        scores = {metric: tasks.score(task, found, metric) for metric in task.metrics}
        return {"score": scores["accuracy"], "scores": scores, "predictions": found, "history": {}}

    monkeypatch.setattr(results, "task_of", lambda settings, name: a_task(name))
    monkeypatch.setattr(presets, "load", lambda name: ("pre-trained", None))
    monkeypatch.setattr(finetuning, "untrained", lambda gpt, seed: "fresh")
    monkeypatch.setattr(finetuning, "finetune", finetune)
    monkeypatch.setattr(results, "_pretrain_korean", lambda run, folder: {"tokens": 1})
    monkeypatch.setattr(keras.backend, "clear_session", lambda: None)
    return calls


def test_each_cell_once(grid, tmp_path):
    results.execute(SETTINGS, ["sst2"], 2, tmp_path)
    assert [call[:3] for call in grid] == [
        ("sst2", model, seed) for seed in (0, 1) for model in ("fresh", "pre-trained")
    ]
    # More sets and more seeds go on with what there is.
    results.execute(SETTINGS, ["sst2", "cola"], 3, tmp_path)
    assert len(grid) == 2 * 2 * 3
    assert len({call[3] for call in grid if call[0] == "cola"}) == 1


def test_a_stopped_run_keeps_its_cells(grid, tmp_path, monkeypatch):
    finetune, done = finetuning.finetune, []

    def stopped(*arguments):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(1)
        return finetune(*arguments)

    monkeypatch.setattr(finetuning, "finetune", stopped)
    with pytest.raises(KeyboardInterrupt):
        results.execute(SETTINGS, ["sst2"], 3, tmp_path)
    monkeypatch.setattr(finetuning, "finetune", finetune)
    results.execute(SETTINGS, ["sst2"], 3, tmp_path)
    assert len(grid) == 6


def test_another_models_cells_are_not_taken(grid, tmp_path):
    results.execute(SETTINGS, ["sst2"], 2, tmp_path)
    other = dataclasses.replace(SETTINGS, weights="another digest")
    with pytest.raises(ValueError, match=r"other settings \(weights\)"):
        results.execute(other, ["sst2"], 2, tmp_path)


def test_the_numbers(grid, tmp_path):
    (row,) = results.execute(SETTINGS, ["sst2"], 3, tmp_path)["sets"]
    assert (row["train"], row["test"], row["baselines"]["majority"]["accuracy"]) == (40, 40, 0.5)
    without, with_it = np.array([20, 22, 24]) / 40, np.array([30, 32, 34]) / 40
    for arm, values in (("without", without), ("with", with_it)):
        low, high = stats.t.interval(0.95, 2, values.mean(), values.std(ddof=1) / 3**0.5)
        found = [row[arm][key] for key in ("mean", "low", "high")]
        np.testing.assert_allclose(found, [values.mean(), low, high])
        assert row[arm]["seeds"] == pytest.approx(values)
    assert row["gain"]["mean"] == pytest.approx(0.25)
    # The same for each seed, and 10 of 40 examples: no chance, over seeds or examples.
    np.testing.assert_allclose(row["gain"]["by_seeds"], 0.25)
    low, high = row["gain"]["by_examples"]
    assert 0.1 < low < 0.2 and 0.3 < high < 0.4 and not row["gain"]["chance"]


def test_what_may_be_chance():
    clear, unclear = np.linspace(0.1, 0.2, 50), np.linspace(-0.1, 0.2, 50)
    assert not results._difference([0.1, 0.11, 0.12], clear)["chance"]
    assert results._difference([0.1, 0.11, 0.12], unclear)["chance"]
    assert results._difference([0.3, -0.1, 0.2], clear)["chance"]
    assert not results._difference([-0.1, -0.11, -0.12], -clear)["chance"]


def test_the_page(grid, tmp_path):
    report = results.execute(SETTINGS, ["sst2", "cola"], 3, tmp_path / "run")
    page = results.write(report, tmp_path / "docs").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "docs/results.json").read_text()) == report
    assert "python -m gpt_tf results --preset nano-en --seeds 3 --sets sst2 cola" in page
    assert "0.550 ± 0.124" in page and "0.800 ± 0.124" in page and "+0.250 |" in page
    assert "Pre-training helps on 2 of 2 sets; on 2 of them" in page
    assert report["versions"]["keras"] in page
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} == {12, 5, 8}
    assert "| cola | pre-trained | 0.800 |" in page
    assert "0.550 ± 0.124" in results.table(report)


def test_a_part_of_a_set_counts_as_no_set(grid, tmp_path):
    report = results.execute(SETTINGS, ["sst2", "sst2-250", "nsmc-1000"], 2, tmp_path)
    page = results.markdown(report)
    assert "Pre-training helps on 1 of 1 sets" in page
    before, after = page.split("## What more examples give")
    assert "| sst2 |" in before and "| sst2-250 | classification" not in before
    assert (tmp_path / "korean.json").is_file()
    assert "| sst2-250 | classification" in after and "| nsmc-1000 | classification" in after
    assert len(results.plot(report).axes[0].get_yticklabels()) == 1


def entry(name, train, pretrained, bag, part_of=""):
    """One set of a report, as far as the curves read it."""
    arm = {"mean": pretrained, "low": pretrained - 0.1, "high": pretrained + 0.1}
    return {
        "name": name, "part_of": part_of, "train": train, "metrics": ["accuracy"],
        "baselines": {"bag_of_words": {"accuracy": bag}}, "with": arm, "without": arm,
        "over_bag": {"mean": pretrained - bag},
    }  # fmt: skip


def test_what_a_curve_says_of_more_examples():
    whole = entry("sst2", 1024, 0.7, bag=0.9)
    parts = [entry("sst2-512", 512, 0.6, 0.5, "sst2"), entry("sst2-256", 256, 0.5, 0.5, "sst2")]
    report = {"sets": [whole, entry("cola", 512, 0.1, 0.2), *parts]}
    curves = results.learning_curves(report)
    assert list(curves) == ["sst2"]
    assert [each["train"] for each in curves["sst2"]] == [256, 512, 1024]
    # 0.1 more for each doubling: from 0.7 with 1,024 to 0.9 with 4,096.
    curve = curves["sst2"]
    assert results.examples_needed(curve) == pytest.approx((0.1, 4096))
    (sentence,) = results._reading_of_curves(report)
    assert "from 256 to 1,024 examples" in sentence and "+0.100" in sentence
    assert "the bag of words of 1,024 examples with about 4,100" in sentence

    whole["with"]["mean"], whole["over_bag"]["mean"] = 0.9, 0.0
    assert "at least as good as the bag of words" in results._reading_of_curves(report)[0]
    for each in report["sets"]:
        each["with"]["mean"], each["over_bag"]["mean"] = 0.3, -0.1
    assert results.examples_needed(curve)[1] == float("inf")
    assert "reach" not in results._reading_of_curves(report)[0]


def test_the_curves_have_units():
    parts = [entry("sst2-512", 512, 0.6, 0.5, "sst2")]
    axis = results.plot_curves({"sets": [entry("sst2", 1024, 0.7, 0.9), *parts]}).axes[0]
    assert axis.get_xlabel() == "training examples" and "accuracy" in axis.get_ylabel()
    assert [text.get_text() for text in axis.get_xticklabels()] == ["512", "1,024"]
    assert len(axis.get_lines()) == 3
    assert results.plot_curves({"sets": [entry("sst2", 1024, 0.7, 0.9)]}) is None


def test_the_plot_has_units(grid, tmp_path):
    axis = results.plot(results.execute(SETTINGS, ["sst2", "cola"], 2, tmp_path)).axes[0]
    assert "share right" in axis.get_xlabel() and "2 seeds" in axis.get_title()
    assert [text.get_text() for text in axis.get_yticklabels()] == [
        "sst2 (accuracy)",
        "cola (accuracy)",
    ]


def test_readme_says_what_the_table_shows():
    sets = json.loads((layout.ROOT / "docs" / "results.json").read_text(encoding="utf-8"))["sets"]
    sets = [each for each in sets if not each["part_of"]]
    gains = [each["with"]["mean"] - each["without"]["mean"] for each in sets]
    words = "none one two three four five six seven eight nine ten".split()
    helped = sum(gain > 0 for gain in gains)
    readme = " ".join((layout.ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"On {words[helped]} of {words[len(gains)]} real sets the fine-tuned" in readme
    assert f"without pre-training; on {words[len(gains) - helped]} it does not." in readme
    sure = sum(each["gain"]["mean"] > 0 and not each["gain"]["chance"] for each in sets)
    assert f"On {words[sure]} of them the gain is no chance." in readme


def test_no_results_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "DOCS", tmp_path)
    assert results.read() is None


def test_bad_requests(tmp_path):
    with pytest.raises(ValueError, match="no set 'mnli'; there are sst2, cola"):
        results.execute(SETTINGS, ["mnli"], 3, tmp_path)
    with pytest.raises(ValueError, match="1 seed shows no spread"):
        results.execute(SETTINGS, ["sst2"], 1, tmp_path)


def test_no_preset_is_one_sentence(tmp_path, capsys):
    assert command.main(["results", "--preset", str(tmp_path / "nowhere")]) == 1
    error = capsys.readouterr().err
    assert "no preset in" in error and "Traceback" not in error and error.count("\n") == 1


def test_every_set_has_a_plan_that_works():
    for name, plan in results.PLANS.items():
        assert name in tasks.real_names()
        assert plan.language == ("ko" if name.startswith("kor_") or name == "nsmc" else "en")
    for name, plan in results.CURVES.items():
        assert name == f"{plan.part_of}-{plan.examples}"
        assert plan.examples < results.PLANS[plan.part_of].examples
    how = finetuning.Settings(length=48, epochs=1, **SETTINGS.tuning)
    assert how.hold_out > 0 and len(results.PLANS) == 10
