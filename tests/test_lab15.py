"""Tests of lab 15. Expected values by counting in tests/reference, by scipy and by keras_hub."""

import keras_hub
import numpy as np
import tensorflow as tf
from reference import evaluation as reference
from scipy import stats

from gpt_tf import detection
from gpt_tf.course.testing import (
    exercise,
    expect,
    expect_close,
    expect_equal,
    expect_no_crash,
    expect_value_error,
)

# Participants who differ much, and one who is not sure of anything.
COUNTS = [[6, 2, 4], [1, 9, 2], [0, 0, 12], [11, 1, 0], [4, 4, 4], [3, 7, 2]]
FIRST, SECOND = [0.9, 0.7, 1.0, 0.8, 0.85], [0.5, 0.2, 0.8]
PAGE = """the old man went into the garden and the old dog went with him
he sat down under a tree and the dog sat down beside him
then he said that the garden was his and that the tree was his too""".splitlines()


def numbers(found, count, what):
    """Returns a result of several floats as an array; anything else is wrong."""
    good = isinstance(found, (list, tuple)) and len(found) == count
    good = good and all(np.ndim(x) == 0 and isinstance(x, (int, float, np.number)) for x in found)
    expect(good, f"{what} gave {found!r}, expected {count} numbers")
    return np.array(found, "float64")


@exercise("lab15.answer_scores")
def test_exact_match_and_f1(submission):
    # Two of the five words are shared; "old" stands twice in one and once in the other.
    mine, right = "Old, old garden, blue house!", "the old garden of Anna Lee Brown Junior Smith"
    words, others = reference.normalised(mine), reference.normalised(right)
    f1 = reference.f1(words, others)
    plain = mine.split(), right.split()
    found = numbers(submission.call("answer_scores", mine, [right]), 2, "answer_scores")
    expect_close(
        found,
        [0.0, f1],
        misconceptions={
            "answer.precision-only": [0.0, 2 / 5],
            "answer.recall-only": [0.0, 2 / 8],
            "answer.words-as-set": [0.0, reference.f1(sorted(set(words)), others)],
            "answer.repeats-count": [0.0, reference.f1(words, others, shared=3)],
            "answer.not-normalised": [0.0, reference.f1(*plain)],
            "answer.arithmetic-mean": [0.0, (2 / 5 + 2 / 8) / 2],
        },
        what=f"answer_scores({mine!r}, [{right!r}])",
    )


@exercise("lab15.answer_scores")
def test_several_right_answers(submission):
    answers = ["a red house", "The big house by the sea.", "the barn"]
    mine = "big house, sea"
    all_f1 = [reference.f1(*map(reference.normalised, (mine, right))) for right in answers]
    found = numbers(submission.call("answer_scores", mine, answers), 2, "answer_scores")
    expect_close(
        found,
        [0.0, max(all_f1)],
        misconceptions={
            "answer.first-only": [0.0, all_f1[0]],
        },
        what=f"answer_scores with {len(answers)} right answers",
    )


@exercise("lab15.answer_scores")
def test_the_same_words(submission):
    for mine, answers in (
        ("The GARDEN.", ["house", "garden"]),
        ("an apple", ["Apple!", "pear"]),
    ):
        what = f"answer_scores({mine!r}, {answers})"
        found = submission.call("answer_scores", mine, answers)
        expect_close(
            numbers(found, 2, what),
            [1.0, 1.0],
            misconceptions={"answer.exact-not-normalised": [0.0, 1.0]},
            what=what,
        )
    found = submission.call("answer_scores", "green garden gate", ["garden gate green"])
    what = "answer_scores of the same words in another order"
    expect_close(numbers(found, 2, what), [0.0, 1.0], what=what)


@exercise("lab15.answer_scores")
def test_no_words_left(submission):
    for mine, right, expected in (
        ("", "garden", 0.0),
        ("the", "garden", 0.0),
        ("garden", "the", 0.0),
        ("A!", "the", 1.0),
    ):
        what = f"answer_scores({mine!r}, [{right!r}])"
        found = numbers(submission.call("answer_scores", mine, [right]), 2, what)
        expect_close(found, [expected, expected], what=what)
    expect_value_error(submission, "answer_scores", "garden", [], what="without a right answer")


@exercise("lab15.answer_scores")
def test_any_words(submission, rng):
    draw = lambda size: " ".join(rng.choice(list("bcdefg"), size))  # noqa: E731
    for _ in range(4):
        mine, answers = draw(5), [draw(4), draw(7)]
        pairs = [tuple(map(reference.normalised, (mine, right))) for right in answers]
        expected = [float(any(a == b for a, b in pairs)), max(reference.f1(*p) for p in pairs)]
        what = f"answer_scores({mine!r}, {answers})"
        found = submission.call("answer_scores", mine, answers)
        expect_close(numbers(found, 2, what), expected, what=what)


def mean_of_sentences(translations, references):
    pairs = zip(translations, references, strict=True)
    return float(np.mean([reference.bleu([m], [r]) for m, r in pairs]))


# The first sentence is short of its reference, and repeats itself.
TRANSLATIONS = [
    "the the old man went into the house".split(),
    "he sat down under a tree and slept".split(),
]
REFERENCES = [
    ["the old man went into the house and slept".split()],
    ["he sat down under a large tree and fell asleep".split()],
]


def unclipped(mine, rights, n):
    return sum(gram in reference.grams(rights[0], n) for gram in reference.grams(mine, n))


@exercise("lab15.bleu")
def test_bleu_with_one_reference(submission):
    given = TRANSLATIONS, REFERENCES
    expect_close(
        submission.call("bleu", *given),
        reference.bleu(*given),
        misconceptions={
            "bleu.not-clipped": reference.bleu(*given, matches=unclipped),
            "bleu.mean-of-sentences": mean_of_sentences(*given),
            "bleu.no-brevity-penalty": reference.bleu(*given, penalty=lambda ratio: 1.0),
            "bleu.arithmetic-mean": reference.bleu(*given, mean=np.mean),
            "bleu.four-grams-only": reference.bleu(*given, orders=(4,)),
        },
        what="bleu of two sentences",
    )


@exercise("lab15.bleu")
def test_the_library_agrees(submission):
    # A long translation, so that nothing is taken off for brevity.
    long = [[*TRANSLATIONS[0], "and", "slept", "and", "slept"], TRANSLATIONS[1] * 2]
    for translations in (TRANSLATIONS, long):
        metric = keras_hub.metrics.Bleu(tokenizer=tf.strings.split)
        metric.update_state(
            [[" ".join(right) for right in rights] for rights in REFERENCES],
            [" ".join(mine) for mine in translations],
        )
        right = float(metric.result())
        mistakes = {}
        if translations is long:
            longer = reference.bleu(long, REFERENCES, penalty=lambda ratio: np.exp(1 - ratio))
            mistakes = {"bleu.long-ones-rewarded": longer}
        expect_close(
            submission.call("bleu", translations, REFERENCES),
            right,
            mistakes,
            what="bleu, beside keras_hub.metrics.Bleu",
        )


@exercise("lab15.bleu")
def test_bleu_with_several_references(submission):
    mine = ["the dog sat under the tree and the dog slept".split()]
    rights = [
        "the dog sat".split(),
        "it sat under the tree and the dog was asleep there".split(),
        "a dog sat under the tree and slept and slept and dreamt until the evening came".split(),
    ]
    expect_close(
        submission.call("bleu", mine, [rights]),
        reference.bleu(mine, [rights]),
        misconceptions={
            "bleu.first-reference-only": reference.bleu(mine, [rights[:1]]),
            "bleu.shortest-reference": reference.bleu(
                mine, [rights], length=lambda _, r: min(map(len, r))
            ),
        },
        what="bleu of a sentence with three references",
    )
    # 8 and 12 words are equally close to 10: the shorter counts, and nothing is taken off.
    rights = ["the dog sat under the tree and slept".split(),
              "the dog sat under the tree and the dog slept very well".split()]  # fmt: skip
    for order in (rights, rights[::-1]):
        expect_close(
            submission.call("bleu", mine, [order]),
            reference.bleu(mine, [rights]),
            what="bleu of 10 words with references of 8 and 12",
        )


@exercise("lab15.bleu")
def test_bleu_of_nothing_in_common(submission):
    for mine, rights in (
        ([["a", "b", "c", "d"]], [[["e", "f", "g", "h"]]]),
        ([["a", "b", "c"]], [[["a", "b", "c"]]]),  # no 4-gram
        ([[]], [[["a", "b"]]]),
    ):
        what = f"bleu({mine}, {rights})"
        expect_close(submission.call("bleu", mine, rights), 0.0, what=what)
    short = [["a", "b", "c"]], [[["a", "b", "d"]]]
    expect_close(
        submission.call("bleu", *short, max_order=2),
        reference.bleu(*short, orders=(1, 2)),
        what="bleu(..., max_order=2)",
    )
    expect_value_error(submission, "bleu", [["a"]], [], what="bleu with too few references")
    expect_value_error(submission, "bleu", [["a"]], [[]], what="bleu without a reference")


@exercise("lab15.bleu")
def test_bleu_of_any_words(submission, rng):
    draw = lambda size: rng.choice(list("abc"), size).tolist()  # noqa: E731
    mine = [draw(9), draw(7), draw(8)]
    rights = [[draw(8), draw(11)], [draw(7)], [draw(12), draw(6), draw(9)]]
    expect_close(
        submission.call("bleu", mine, rights), reference.bleu(mine, rights), what="bleu of letters"
    )


TRAINING = [line.split() for line in PAGE]
TESTS = [
    "so the old man went into the garden and the old man went into the house".split(),
    "the garden was his and he sat down a under tree".split(),
    "beside him then he said nothing more".split(),
    "went into".split(),
]


def across_texts(training, tests, n):
    return reference.overlap([sum(training, [])], tests, n)


def different_runs(training, tests, n):
    found = [
        [reference.overlap(training, [list(run)], n)[0] for run in set(reference.grams(text, n))]
        for text in tests
    ]
    return [float(np.mean(shares or [0])) for shares in found]


@exercise("lab15.ngram_overlap")
def test_shares_of_runs(submission):
    n = 3
    right = reference.overlap(TRAINING, TESTS, n)
    known = {frozenset(run) for text in TRAINING for run in reference.grams(text, n)}
    as_bags = [
        float(np.mean([frozenset(run) in known for run in reference.grams(text, n)] or [0]))
        for text in TESTS
    ]
    words = {word for text in TRAINING for word in text}
    expect_close(
        submission.call("ngram_overlap", TRAINING, TESTS, n=n),
        right,
        misconceptions={
            "overlap.across-texts": across_texts(TRAINING, TESTS, n),
            "overlap.each-run-once": different_runs(TRAINING, TESTS, n),
            "overlap.yes-or-no": [float(share > 0) for share in right],
            "overlap.words-not-runs": [
                float(np.mean([word in words for word in text])) for text in TESTS
            ],
            "overlap.new-runs": [1 - share for share in right],
            "overlap.last-run-missing": reference.overlap(
                TRAINING, [text[:-1] for text in TESTS], n
            ),
            "overlap.order-ignored": as_bags,
        },
        what="ngram_overlap(training, tests, n=3)",
    )


@exercise("lab15.ngram_overlap")
def test_thirteen_words_are_the_default(submission):
    tests = [TRAINING[0][:13], TRAINING[0][:12] + ["her"], [*TRAINING[0][1:], "too"]]
    expect_close(
        submission.call("ngram_overlap", TRAINING, tests),
        reference.overlap(TRAINING, tests, 13),
        what="ngram_overlap without n",
    )


@exercise("lab15.ngram_overlap")
def test_short_texts(submission):
    tests = [["the", "old"], [], TRAINING[1][:5]]
    found = submission.call("ngram_overlap", TRAINING, tests, n=5)
    expect_close(found, [0.0, 0.0, 1.0], what="ngram_overlap of texts of 2, 0 and 5 words, n=5")
    expect_close(
        submission.call("ngram_overlap", [["the"], []], tests, n=2),
        [0.0, 0.0, 0.0],
        what="ngram_overlap with a training text of one word",
    )
    expect_value_error(submission, "ngram_overlap", TRAINING, TESTS, n=0, what="n=0")


@exercise("lab15.ngram_overlap")
def test_any_texts(submission, rng):
    draw = lambda size: rng.choice(list("abcd"), size).tolist()  # noqa: E731
    training, tests = [draw(20), draw(15)], [draw(9), draw(12), draw(3)]
    for n in (1, 2, 4):
        expect_close(
            submission.call("ngram_overlap", training, tests, n=n),
            reference.overlap(training, tests, n),
            what=f"ngram_overlap of letters, n={n}",
        )


@exercise("lab15.participant_accuracies")
def test_accuracies(submission):
    counts = np.array(COUNTS, "float64")
    decided = [row for row in counts if row[:2].sum()]
    right, wrong, _ = np.array(decided).T
    with expect_no_crash("participant_accuracies", "accuracy.undecided-is-nan"):
        found = submission.call("participant_accuracies", COUNTS)
    expect_close(
        found,
        reference.accuracies(COUNTS),
        misconceptions={
            "accuracy.unknown-is-wrong": counts[:, 0] / counts.sum(axis=1),
            "accuracy.unknown-is-half": (counts @ [1.0, 0.0, 0.5]) / counts.sum(axis=1),
            "accuracy.all-together": right.sum() / (right + wrong).sum(),
            "accuracy.mean": np.mean(right / (right + wrong)),
            "accuracy.undecided-is-zero": np.insert(right / (right + wrong), 2, 0.0),
            "accuracy.undecided-is-nan": np.insert(right / (right + wrong), 2, np.nan),
            "accuracy.share-wrong": wrong / (right + wrong),
        },
        what="participant_accuracies of six participants",
    )


@exercise("lab15.participant_accuracies")
def test_table_3_12_means(submission):
    for name, counts in detection.answers_like_table_3_12().items():
        found = submission.call("participant_accuracies", counts)
        what = f"participant_accuracies, {name}"
        expect_close(found, reference.accuracies(counts), what=what)
        printed = f"{100 * np.mean(found):.0f}"
        expect_equal(printed, str(detection.PAPER[name]["mean"]), what=f"the mean of {name}")


@exercise("lab15.participant_accuracies")
def test_any_counts(submission, rng):
    counts = rng.integers(0, 9, size=(7, 3)).tolist()
    counts.insert(int(rng.integers(7)), [0, 0, 4])
    what = f"participant_accuracies({counts})"
    expect_close(
        submission.call("participant_accuracies", counts), reference.accuracies(counts), what=what
    )


@exercise("lab15.participant_accuracies")
def test_all_right_and_all_wrong(submission):
    counts = [[5, 0, 0], [0, 3, 1], [0, 0, 2]]
    what = f"participant_accuracies({counts})"
    expect_close(submission.call("participant_accuracies", counts), [1.0, 0.0], what=what)


@exercise("lab15.mean_interval")
def test_interval_by_students_t(submission):
    n, deviation = len(FIRST), np.std(FIRST, ddof=1)
    error, quantile = deviation / n**0.5, stats.t.ppf(0.975, n - 1)
    expect_close(
        numbers(submission.call("mean_interval", FIRST), 3, "mean_interval"),
        reference.interval(FIRST),
        misconceptions={
            "interval.normal-quantile": reference.around(FIRST, 1.959964 * error),
            "interval.divided-by-n": reference.around(FIRST, quantile * np.std(FIRST) / n**0.5),
            "interval.spread-not-error": reference.around(FIRST, quantile * deviation),
            "interval.one-sided": reference.around(FIRST, stats.t.ppf(0.95, n - 1) * error),
            "interval.n-degrees-of-freedom": reference.around(FIRST, stats.t.ppf(0.975, n) * error),
            "interval.one-error-wide": reference.around(FIRST, error),
        },
        what=f"mean_interval({FIRST})",
    )


@exercise("lab15.mean_interval")
def test_other_confidence(submission, rng):
    values = rng.uniform(size=7).tolist()
    for confidence in (0.5, 0.99):
        expect_close(
            numbers(submission.call("mean_interval", values, confidence), 3, "mean_interval"),
            reference.interval(values, confidence),
            misconceptions={"interval.always-95": reference.interval(values)},
            what=f"mean_interval({np.round(values, 3).tolist()}, {confidence})",
        )


@exercise("lab15.mean_interval")
def test_table_3_12_intervals(submission):
    for name, counts in detection.answers_like_table_3_12().items():
        values = reference.accuracies(counts).tolist()
        found = numbers(submission.call("mean_interval", values), 3, "mean_interval")
        printed = [f"{100 * value:.0f}" for value in found]
        said = [str(detection.PAPER[name][key]) for key in ("mean", "low", "high")]
        expect_equal(printed, said, what=f"mean, low and high of {name}, in per cent")


@exercise("lab15.mean_interval")
def test_two_values_are_enough(submission):
    found = numbers(submission.call("mean_interval", [0.4, 0.6]), 3, "mean_interval")
    expect_close(found, reference.interval([0.4, 0.6]), what="mean_interval([0.4, 0.6])")


@exercise("lab15.mean_interval")
def test_one_value_has_no_interval(submission):
    for values in ([0.5], []):
        what = f"mean_interval({values})"
        expect_value_error(
            submission, "mean_interval", values, what=what, misconception="interval.one-value"
        )


def t_and_log_p(found, what):
    """Returns [t, log10 p]: p of very different sizes can be compared in logs."""
    t, p = numbers(found, 2, what)
    expect(p >= 0, f"{what}: p is {p:.3g}, expected a chance between 0 and 1")
    with np.errstate(divide="ignore"):
        return [t, np.log10(p)]


def with_error(first, second, error, freedom, tail=2):
    """Returns [t, log10 p] of two groups, with another standard error or degrees of freedom."""
    t = (np.mean(first) - np.mean(second)) / error
    return [t, np.log10(tail * stats.t.sf(abs(t), freedom))]


@exercise("lab15.two_sample_t_test")
def test_t_and_p(submission):
    for first, second in ((FIRST, SECOND), (SECOND, FIRST)):
        n, m = len(first), len(second)
        right = stats.ttest_ind(first, second)
        a, b = np.var(first, ddof=1), np.var(second, ddof=1)
        each = (1 / n + 1 / m) ** 0.5
        pooled = (((n - 1) * a + (m - 1) * b) / (n + m - 2)) ** 0.5 * each
        welch = stats.ttest_ind(first, second, equal_var=False)
        what = f"two_sample_t_test({first}, {second})"
        both = (first, second)
        sign = {}
        if right.statistic < 0:
            tail = 2 * stats.t.sf(right.statistic, n + m - 2)
            sign["t-test.sign-of-t"] = [right.statistic, np.log10(tail)]
        expect_close(
            t_and_log_p(submission.call("two_sample_t_test", first, second), what),
            [right.statistic, np.log10(right.pvalue)],
            misconceptions={
                "t-test.welch": [welch.statistic, np.log10(welch.pvalue)],
                "t-test.one-sided": with_error(*both, pooled, n + m - 2, tail=1),
                "t-test.reversed": [-right.statistic, np.log10(right.pvalue)],
                "t-test.mean-of-variances": with_error(
                    *both, ((a + b) / 2) ** 0.5 * each, n + m - 2
                ),
                "t-test.all-degrees-of-freedom": with_error(*both, pooled, n + m),
            } | sign,
            tolerance=1e-4,
            what=f"{what}, t and log10(p)",
        )  # fmt: skip


@exercise("lab15.two_sample_t_test")
def test_table_3_12_t_and_p(submission):
    control, model = (
        reference.accuracies(counts).tolist()
        for counts in detection.answers_like_table_3_12().values()
    )
    found = submission.call("two_sample_t_test", control, model)
    t, log_p = t_and_log_p(found, "two_sample_t_test of table 3.12")
    said = detection.PAPER["GPT-3 175B"]
    # What is left of 1 - 0.9999... is 0, or the size of a float's last digit.
    expect(
        -30 < log_p < -17,
        f"two_sample_t_test of table 3.12: p is {found[1]:.2g}, expected {said['p']:.1e}",
        "t-test.tail-by-subtraction",
    )
    printed = [f"{t:.1f}", f"{found[1]:.1e}"]
    expect_equal(printed, [str(said["t"]), f"{said['p']:.1e}"], what="t and p of table 3.12")


@exercise("lab15.two_sample_t_test")
def test_any_groups(submission, rng):
    first, second = rng.normal(size=9).tolist(), rng.normal(0.5, 2, size=6).tolist()
    right = stats.ttest_ind(first, second)
    what = "two_sample_t_test of normal values"
    expect_close(
        t_and_log_p(submission.call("two_sample_t_test", first, second), what),
        [right.statistic, np.log10(right.pvalue)],
        tolerance=1e-4,
        what=f"{what}, t and log10(p)",
    )


@exercise("lab15.two_sample_t_test")
def test_two_values_are_enough_for_a_group(submission):
    first, second = [0.4, 0.6], [0.9, 0.8]
    right = stats.ttest_ind(first, second)
    what = f"two_sample_t_test({first}, {second})"
    expect_close(
        t_and_log_p(submission.call("two_sample_t_test", first, second), what),
        [right.statistic, np.log10(right.pvalue)],
        tolerance=1e-4,
        what=f"{what}, t and log10(p)",
    )


@exercise("lab15.two_sample_t_test")
def test_too_few_values(submission):
    for first, second in (([0.5], SECOND), (FIRST, [0.5]), ([0.5, 0.5], [1.0, 1.0, 1.0])):
        expect_value_error(
            submission, "two_sample_t_test", first, second,
            what=f"two_sample_t_test({first}, {second})",
            misconception="t-test.one-value",
        )  # fmt: skip
