"""Tasks in one form: real and generated, their metrics and their baselines."""

import dataclasses
import os

import numpy as np
import pytest

from gpt_tf import catalog, tasks
from gpt_tf.tasks import Example, Task

NEEDS_DATA = pytest.mark.skipif(
    not os.environ.get("GPT_TF_DATA"), reason="GPT_TF_DATA names no folder of data sets"
)
SIZES = {  # training and validation examples
    "sst2": (6920, 872),
    "cola": (8551, 527),
    "nsmc": (30000, 10000),
    "sick": (4500, 500),
    "sick_relatedness": (4500, 500),
    "rte": (2490, 277),
    "kor_nli": (2490, 5010),
    "stsb": (5749, 1500),
    "kor_sts": (5749, 1500),
    "openbookqa": (4957, 500),
    "dream": (6116, 2040),
}
TEXTS = {"classification": {1}, "entailment": {2}, "similarity": {2}, "multiple_choice": {4, 5}}


def task(form="classification", metric="accuracy", labels=("no", "yes"), examples=()):
    examples = list(examples)
    return Task("mine", form, labels, metric, examples, examples)


def check_form(found):
    assert found.form in tasks.FORMS
    for example in [*found.train, *found.validation]:
        assert len(example.texts) in TEXTS[found.form]
        assert all(isinstance(text, str) and text for text in example.texts)
        if found.form == "similarity":
            assert isinstance(example.label, float) and 0 <= example.label <= 5
        else:
            assert isinstance(example.label, int) and 0 <= example.label < len(found.labels)


# ----------------------------------------------------------------------------------- world and real


def test_world_tasks():
    found = tasks.world_tasks(train=60, validation=24, seed=1)
    assert [each.form for each in found] == list(tasks.FORMS)
    assert [each.metric for each in found] == ["accuracy", "accuracy", "pearson", "accuracy"]
    for each in found:
        assert (len(each.train), len(each.validation)) == (60, 24)
        check_form(each)
    assert found == tasks.world_tasks(train=60, validation=24, seed=1)


@NEEDS_DATA
@pytest.mark.parametrize("name", tasks.real_names())
def test_real_tasks(name):
    found = tasks.real_task(name)
    check_form(found)
    if name in SIZES:
        assert (len(found.train), len(found.validation)) == SIZES[name]
    if found.form != "similarity":
        used = {example.label for example in found.train}
        assert used == set(range(len(found.labels)))


@NEEDS_DATA
def test_snli_shares_no_premise():
    found = tasks.real_task("snli")
    train = {example.texts[0] for example in found.train}
    assert not train & {example.texts[0] for example in found.validation}
    assert len(found.train) + len(found.validation) == 9842


@NEEDS_DATA
def test_the_right_label_goes_with_the_right_text():
    first = catalog.load("openbookqa")[0]
    example = tasks.real_task("openbookqa").train[0]
    choices = {choice["label"]: choice["text"] for choice in first["question"]["choices"]}
    assert example.texts[1 + example.label] == choices[first["answerKey"]]
    row = catalog.load("sick", "validation")[0]
    example = tasks.real_task("sick").validation[0]
    assert tasks.real_task("sick").labels[example.label].upper() == row["entailment_judgment"]
    dialogue = catalog.load("dream")[0]
    example = tasks.real_task("dream").train[0]
    assert example.texts[1 + example.label] == dialogue["answer"]
    assert example.texts[0].endswith(dialogue["question"])


@NEEDS_DATA
def test_test_examples_where_there_are_any():
    sizes = {"sst2": 1821, "sick": 4927, "stsb": 1379, "cola": 527, "nsmc": 10000}
    for name, size in sizes.items():
        assert len(tasks.real_task(name, test=True).validation) == size
    plain, test = (tasks.real_task("sst2", test=chosen) for chosen in (False, True))
    assert plain.train == test.train and plain.validation != test.validation


@NEEDS_DATA
def test_words_are_put_together_again():
    text = tasks.real_task("sst2").train[2].texts[0]
    assert text.startswith("they presume their audience won't sit still for a sociology lesson, ")


@NEEDS_DATA
def test_limit_draws_the_same_examples():
    found = tasks.real_task("sst2", limit=50)
    assert (len(found.train), len(found.validation)) == (50, 50)
    assert found == tasks.real_task("sst2", limit=50)
    assert [each.name for each in tasks.real_tasks(5)] == ["sst2", "sick", "stsb", "openbookqa"]


# ---------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("name", "row", "known"),
    [
        ("sst2", {"sentence": "fine", "label": "2"}, "0, 1"),
        ("stsb", {"sentence1": "a", "sentence2": "b", "score": "high"}, "numbers from 0 to 5"),
        ("stsb", {"sentence1": "a", "sentence2": "b", "score": "7"}, "numbers from 0 to 5"),
        (
            "openbookqa",
            {"question": {"stem": "q", "choices": [{"text": "t", "label": "A"}]}, "answerKey": "E"},
            "A",
        ),
        ("dream", {"turns": ["a"], "question": "q", "choice": ["x", "y"], "answer": "z"}, "x, y"),
    ],
)
def test_unknown_label(monkeypatch, name, row, known):
    monkeypatch.setattr(catalog, "load", lambda *_: [row])
    with pytest.raises(ValueError, match="is unknown; known are") as error:
        tasks.real_task(name)
    message = str(error.value)
    written = next(row[key] for key in ("label", "score", "answerKey", "answer") if key in row)
    assert name in message and "row 1" in message and repr(written) in message
    assert known in message and "\n" not in message


def test_unknown_task_and_limit():
    with pytest.raises(ValueError, match="no real task 'mnli'.*sst2.*dream"):
        tasks.real_task("mnli")
    with pytest.raises(ValueError, match="limit is 0"):
        tasks.real_task("sst2", limit=0)


# ---------------------------------------------------------------------------------------- metrics


def test_scores():
    four = [Example((text,), label) for text, label in zip("abcd", (1, 0, 1, 1), strict=True)]
    assert tasks.score(task(examples=four), [1, 0, 0, 1]) == 0.75
    # Matthews by hand: TP 2, TN 1, FP 0, FN 1 -> 2 / sqrt(2 * 3 * 1 * 2)
    matthews = tasks.score(task(metric="matthews", examples=four), np.array([1, 0, 0, 1]))
    assert matthews == pytest.approx(2 / 12**0.5)
    assert tasks.score(task(metric="matthews", examples=four), [1, 1, 1, 1]) == 0


def test_f1_is_the_mean_over_the_classes():
    labels = (0, 0, 1, 2, 2, 2)
    six = [Example((str(i),), label) for i, label in enumerate(labels)]
    three = task(labels=("a", "b", "c"), examples=six)
    # a: precision 1/2, recall 1/2; b: never said; c: precision 3/4, recall 1.
    found = tasks.score(three, [0, 2, 0, 2, 2, 2], "f1")
    assert found == pytest.approx((1 / 2 + 0 + 6 / 7) / 3)


def test_spearman_sees_ranks_only():
    pairs = [Example(("a", "b"), label) for label in (0.0, 1.0, 2.0, 5.0)]
    similar = task("similarity", "pearson", (), pairs)
    assert tasks.score(similar, [1, 10, 100, 1e6], "spearman") == pytest.approx(1)
    assert tasks.score(similar, [1, 10, 100, 1e6]) < 0.95
    assert tasks.score(similar, [2, 2, 2, 2], "spearman") == 0
    # 1 - 6 sum d^2 / (n (n^2 - 1)), by hand for one swap of neighbours
    assert tasks.score(similar, [2, 1, 3, 4], "spearman") == pytest.approx(1 - 6 * 2 / (4 * 15))


def test_each_task_says_its_metrics():
    assert task("similarity", "pearson").metrics == ("pearson", "spearman")
    assert task(metric="matthews").metrics == ("matthews", "accuracy", "f1")
    assert task("multiple_choice").metrics == ("accuracy",)
    with pytest.raises(ValueError, match="no metric 'bleu'; there are accuracy, f1"):
        tasks.score(task(examples=[Example(("a",), 1)]), [1], "bleu")


def test_resampled_scores():
    labels = np.arange(400) % 2
    found = task(examples=[Example((str(i),), int(label)) for i, label in enumerate(labels)])
    mostly = np.where(np.arange(400) < 100, 1 - labels, labels)  # 75% right
    scores = tasks.resampled(found, mostly, times=400)
    assert scores.shape == (400,) and scores.mean() == pytest.approx(0.75, abs=0.01)
    # The standard error of a share.
    assert scores.std() == pytest.approx((0.75 * 0.25 / 400) ** 0.5, rel=0.15)
    np.testing.assert_array_equal(scores, tasks.resampled(found, mostly, times=400))
    # Drawn alike: a prediction with one mistake more is never above.
    worse = mostly.copy()
    worse[399] = 1 - worse[399]
    assert (tasks.resampled(found, worse, times=400) <= scores).all()
    with pytest.raises(ValueError, match="399 predictions"):
        tasks.resampled(found, mostly[1:])


def test_correlation_ignores_scale():
    pairs = [Example(("a", "b"), float(label)) for label in (0, 1, 2, 5)]
    similar = task("similarity", "pearson", (), pairs)
    assert tasks.score(similar, [10, 20, 30, 60]) == pytest.approx(1)
    assert tasks.score(similar, [3, 3, 3, 3]) == 0


def test_predictions_that_cannot_be_scored():
    one = task(examples=[Example(("a",), 1)])
    with pytest.raises(ValueError, match="1 validation examples, but there are 2 predictions"):
        tasks.score(one, [1, 1])
    with pytest.raises(ValueError, match="not a finite number"):
        tasks.score(one, [float("nan")])


# -------------------------------------------------------------------------------------- baselines


def test_baselines_learn_what_words_tell():
    reviews = [Example((f"a good film {i}",), 1) for i in range(20)]
    reviews += [Example((f"a bad film {i}",), 0) for i in range(19)]
    found = tasks.baselines(task(examples=reviews))
    assert found == {"majority": pytest.approx(20 / 39), "bag_of_words": 1.0}


def test_baselines_give_their_predictions():
    found = task(examples=[Example((f"a film {i}",), 1) for i in range(3)])
    predicted = tasks.baselines(found, predictions=True)
    assert predicted == {"majority": [1, 1, 1], "bag_of_words": [1, 1, 1]}


def test_baselines_of_pairs_see_what_is_shared():
    words = [f"word{i}" for i in range(60)]
    same = [Example((a, a), 0) for a in words]
    other = [Example((a, b), 1) for a, b in zip(words, words[1:], strict=False)]
    found = tasks.baselines(task("entailment", examples=same + other))
    assert found["bag_of_words"] > 0.95


def test_baseline_of_options_sees_the_overlap():
    examples = [
        Example((f"the {a} went home", a, f"{a}x", f"{a}y"), 0) for a in "abcdefghijklmnopqrst"
    ]
    found = tasks.baselines(task("multiple_choice", labels=("0", "1", "2"), examples=examples))
    assert found == {"majority": 1.0, "bag_of_words": 1.0}


def test_baselines_of_the_world():
    for each in tasks.world_tasks(1000, 400, seed=2):
        found = tasks.baselines(each)
        if each.form == "similarity":
            assert found["majority"] == 0 and 0.3 < found["bag_of_words"] < 0.85
        else:
            chance = 1 / len(each.labels)
            assert found["majority"] == pytest.approx(chance, abs=0.05)
            assert chance - 0.08 < found["bag_of_words"] < 0.75


def test_baselines_of_one_class_only():
    alike = [Example((text,), 1) for text in ("a", "b")]
    assert tasks.baselines(task(examples=alike)) == {"majority": 1.0, "bag_of_words": 1.0}
    with pytest.raises(ValueError, match="no training or no validation"):
        tasks.baselines(dataclasses.replace(task(), name="empty"))
