"""Tests of lab 09. Every axis has a size of its own; the special tokens' ids are in no order."""

import numpy as np
from reference import fine_tuning as reference

from gpt_tf.course.submission import Crashed
from gpt_tf.course.testing import (
    exercise,
    expect,
    expect_close,
    expect_compiles,
    expect_equal,
    expect_value_error,
)

TOKENS = {"start": 91, "delimiter": 40, "extract": 77, "pad": 3}
START, DELIMITER, EXTRACT, PAD = TOKENS.values()
LONG, SHORT = [11, 12, 13, 14, 15, 16, 17], [21, 22]
ANSWERS = [[31], [41, 42, 43], [51, 52]]
BATCH, HIDDEN, CLASSES = 3, 5, 6


def some_texts(rng, number):
    """Draws texts of 1 to 9 tokens."""
    return [rng.integers(100, 999, size=n).tolist() for n in rng.integers(1, 10, size=number)]


@exercise("lab09.shorten")
def test_the_longest_gives_up_its_first_tokens(submission):
    third = [31, 32, 33, 34]
    expect_equal(
        submission.call("shorten", [LONG, SHORT, third], 8),
        reference.shorten([LONG, SHORT, third], 8),
        misconceptions={
            "shorten.cuts-the-end": [LONG[:3], SHORT, third[:3]],
            "shorten.first-only": [LONG[-2:], SHORT, third],
            "shorten.equal-shares": [LONG[-2:], SHORT, third[-2:]],
            "shorten.last-text-lost": [LONG, SHORT[-1:], []],
            "shorten.nothing-cut": [LONG, SHORT, third],
        },
        what="shorten of texts of 7, 2 and 4 tokens to 8",
    )


@exercise("lab09.shorten")
def test_of_equals_the_earlier_gives(submission):
    a, b = [1, 2, 3, 4, 5], [6, 7, 8, 9, 10]
    expect_equal(
        submission.call("shorten", [a, b], 7),
        reference.shorten([a, b], 7),
        misconceptions={"shorten.later-first": [a[-4:], b[-3:]]},
        what="shorten of two texts of 5 tokens to 7",
    )


@exercise("lab09.shorten")
def test_what_fits_stays(submission):
    for texts, room in (([LONG, SHORT], 9), ([LONG, SHORT], 50), ([[5]], 1)):
        what = f"shorten({texts}, {room})"
        expect_equal(submission.call("shorten", texts, room), texts, what=what)
    expect_equal(submission.call("shorten", [LONG, SHORT], 2), [[17], [22]], what="to 2 tokens")


@exercise("lab09.shorten")
def test_what_cannot_be_shortened(submission):
    for texts, room, what in (
        ([LONG, SHORT], 1, "shorten of two texts to 1 token"),
        ([LONG, []], 20, "shorten of an empty text"),
        ([LONG], 0, "shorten to 0 tokens"),
    ):
        expect_value_error(
            submission, "shorten", texts, room, what=what, misconception="shorten.no-error"
        )


@exercise("lab09.shorten")
def test_random_texts(submission, rng):
    texts = some_texts(rng, 3)
    room = int(rng.integers(3, sum(map(len, texts))))
    what = f"shorten({texts}, {room})"
    expect_equal(submission.call("shorten", texts, room), reference.shorten(texts, room), what=what)


@exercise("lab09.classification_input")
def test_one_text_with_room_to_spare(submission):
    expect_equal(
        submission.call("classification_input", SHORT, TOKENS, 7),
        reference.row([SHORT], TOKENS, 7),
        misconceptions={
            "input.no-start": [*SHORT, EXTRACT, PAD, PAD, PAD, PAD],
            "input.no-extract": [START, *SHORT, PAD, PAD, PAD, PAD],
            "input.not-padded": [START, *SHORT, EXTRACT],
            "input.padding-in-front": reference.row([SHORT], TOKENS, 7, pad_left=True),
            "input.extract-behind-padding": [START, *SHORT, PAD, PAD, PAD, EXTRACT],
            "input.delimiter-for-extract": [START, *SHORT, DELIMITER, PAD, PAD, PAD],
        },
        what=f"classification_input({SHORT}, tokens, 7)",
    )


@exercise("lab09.classification_input")
def test_one_text_that_is_too_long(submission):
    expect_equal(
        submission.call("classification_input", LONG, TOKENS, 6),
        [START, 14, 15, 16, 17, EXTRACT],
        misconceptions={
            "input.extract-cut-off": [START, *LONG][:6],
            "input.start-cut-off": [*LONG, EXTRACT][-6:],
            "input.cuts-the-end": [START, 11, 12, 13, 14, EXTRACT],
        },
        what="classification_input of 7 tokens to a length of 6",
    )
    exact = submission.call("classification_input", LONG, TOKENS, 9)
    expect_equal(exact, [START, *LONG, EXTRACT], what="7 tokens to a length of 9")


@exercise("lab09.classification_input")
def test_one_text_that_cannot_be(submission):
    for text, length in (([], 8), (LONG, 2)):
        what = f"classification_input of {len(text)} tokens to a length of {length}"
        expect_value_error(
            submission, "classification_input", text, TOKENS, length, what=what,
            misconception="input.no-error",
        )  # fmt: skip


@exercise("lab09.classification_input")
def test_any_text(submission, rng):
    (text,) = some_texts(rng, 1)
    length = int(rng.integers(4, 14))
    expect_equal(
        submission.call("classification_input", text, TOKENS, length),
        reference.row(reference.shorten([text], length - 2), TOKENS, length),
        what=f"classification_input({text}, tokens, {length})",
    )


@exercise("lab09.entailment_input")
def test_two_texts_with_room_to_spare(submission):
    expect_equal(
        submission.call("entailment_input", SHORT, [31, 32, 33], TOKENS, 10),
        reference.row([SHORT, [31, 32, 33]], TOKENS, 10),
        misconceptions={
            "input.swapped-texts": reference.row([[31, 32, 33], SHORT], TOKENS, 10),
            "input.no-delimiter": [START, *SHORT, 31, 32, 33, EXTRACT, PAD, PAD, PAD],
            "input.no-extract": [START, *SHORT, DELIMITER, 31, 32, 33, PAD, PAD, PAD],
            "input.two-starts": [START, *SHORT, START, 31, 32, 33, EXTRACT, PAD, PAD],
            "input.not-padded": [START, *SHORT, DELIMITER, 31, 32, 33, EXTRACT],
        },
        what=f"entailment_input({SHORT}, [31, 32, 33], tokens, 10)",
    )


@exercise("lab09.entailment_input")
def test_two_texts_that_are_too_long(submission):
    expect_equal(
        submission.call("entailment_input", LONG, SHORT, TOKENS, 8),
        [START, 15, 16, 17, DELIMITER, *SHORT, EXTRACT],
        misconceptions={
            "input.second-text-cut": [START, *LONG],
            "input.extract-cut-off": [START, 14, 15, 16, 17, DELIMITER, *SHORT],
            "input.cuts-the-end": [START, 11, 12, 13, DELIMITER, *SHORT, EXTRACT],
        },
        what="entailment_input of 7 and 2 tokens to a length of 8",
    )
    least = submission.call("entailment_input", LONG, SHORT, TOKENS, 5)
    expect_equal(least, [START, 17, DELIMITER, 22, EXTRACT], what="the shortest row, of 5")


@exercise("lab09.entailment_input")
def test_two_texts_that_cannot_be(submission):
    for a, b, length in (([], SHORT, 9), (SHORT, [], 9), (SHORT, LONG, 4)):
        what = f"entailment_input of {len(a)} and {len(b)} tokens to a length of {length}"
        expect_value_error(
            submission, "entailment_input", a, b, TOKENS, length, what=what,
            misconception="input.no-error",
        )  # fmt: skip


@exercise("lab09.entailment_input")
def test_any_two_texts(submission, rng):
    texts, length = some_texts(rng, 2), int(rng.integers(6, 20))
    expect_equal(
        submission.call("entailment_input", *texts, TOKENS, length),
        reference.row(reference.shorten(texts, length - 3), TOKENS, length),
        what=f"entailment_input({texts[0]}, {texts[1]}, tokens, {length})",
    )


@exercise("lab09.similarity_inputs")
def test_both_orders(submission):
    forward = reference.row([SHORT, [31, 32, 33]], TOKENS, 9)
    backward = reference.row([[31, 32, 33], SHORT], TOKENS, 9)
    expect_equal(
        submission.call("similarity_inputs", SHORT, [31, 32, 33], TOKENS, 9),
        [forward, backward],
        misconceptions={
            "similarity.one-order-twice": [forward, forward],
            "similarity.one-order": [forward],
            "similarity.one-row": forward,
            "similarity.orders-swapped": [backward, forward],
            "similarity.row-reversed": [forward, forward[::-1]],
            "similarity.texts-reversed": [
                forward, reference.row([[33, 32, 31], SHORT[::-1]], TOKENS, 9),
            ],
        },
        what=f"similarity_inputs({SHORT}, [31, 32, 33], tokens, 9)",
    )  # fmt: skip


@exercise("lab09.similarity_inputs")
def test_both_orders_of_long_texts(submission):
    a, b = LONG, [61, 62, 63, 64, 65, 66]
    short_a, short_b = reference.shorten([a, b], 7)
    expect_equal(
        submission.call("similarity_inputs", a, b, TOKENS, 10),
        [
            reference.row([short_a, short_b], TOKENS, 10),
            reference.row(reference.shorten([b, a], 7), TOKENS, 10),
        ],
        misconceptions={
            "similarity.one-cut-for-both": [
                reference.row(texts, TOKENS, 10)
                for texts in ([short_a, short_b], [short_b, short_a])
            ],
        },
        what="similarity_inputs of 7 and 6 tokens to a length of 10",
    )


@exercise("lab09.similarity_inputs")
def test_both_orders_of_any_two_texts(submission, rng):
    a, b = some_texts(rng, 2)
    length = int(rng.integers(6, 20))
    expect_equal(
        submission.call("similarity_inputs", a, b, TOKENS, length),
        [
            reference.row(reference.shorten(texts, length - 3), TOKENS, length)
            for texts in ([a, b], [b, a])
        ],
        what=f"similarity_inputs({a}, {b}, tokens, {length})",
    )


@exercise("lab09.multiple_choice_inputs")
def test_a_row_for_each_answer(submission):
    expect_equal(
        submission.call("multiple_choice_inputs", SHORT, ANSWERS, TOKENS, 9),
        [reference.row([SHORT, answer], TOKENS, 9) for answer in ANSWERS],
        misconceptions={
            "choice.one-row": [reference.row([SHORT, sum(ANSWERS, [])], TOKENS, 12)],
            "choice.without-context": [reference.row([a], TOKENS, 9) for a in ANSWERS],
            "choice.answer-first": [reference.row([a, SHORT], TOKENS, 9) for a in ANSWERS],
            "choice.first-answer-only": [reference.row([SHORT, ANSWERS[0]], TOKENS, 9)],
            "choice.flat": sum([reference.row([SHORT, a], TOKENS, 9) for a in ANSWERS], []),
        },
        what="multiple_choice_inputs of a context of 2 tokens and 3 answers, length 9",
    )


@exercise("lab09.multiple_choice_inputs")
def test_each_row_is_cut_for_itself(submission):
    answers = [[41, 42, 43], [31]]
    shared = LONG[-3:]
    expect_equal(
        submission.call("multiple_choice_inputs", LONG, answers, TOKENS, 9),
        [reference.row(reference.shorten([LONG, a], 6), TOKENS, 9) for a in answers],
        misconceptions={
            "choice.one-cut-for-all": [reference.row([shared, a], TOKENS, 9) for a in answers],
        },
        what="multiple_choice_inputs of a context of 7 tokens, answers of 3 and 1, length 9",
    )


@exercise("lab09.multiple_choice_inputs")
def test_any_context_and_answers(submission, rng):
    context, *answers = some_texts(rng, 6)
    length = int(rng.integers(6, 20))
    expect_equal(
        submission.call("multiple_choice_inputs", context, answers, TOKENS, length),
        [
            reference.row(reference.shorten([context, a], length - 3), TOKENS, length)
            for a in answers
        ],
        what=f"multiple_choice_inputs({context}, {answers}, tokens, {length})",
    )


@exercise("lab09.extract_state")
def test_the_state_at_the_extract_token(submission, rng):
    rows = [[SHORT], [LONG], [[61, 62, 63, 64]]]
    tokens = np.array([reference.row(texts, TOKENS, 11) for texts in rows])
    hidden = rng.normal(size=(len(rows), 11, HIDDEN))
    expect_close(
        submission.call("extract_state", hidden, tokens, EXTRACT),
        reference.extract_state(hidden, tokens, EXTRACT),
        misconceptions={
            "extract.last-position": hidden[:, -1],
            "extract.first-position": hidden[:, 0],
            "extract.mean": hidden.mean(axis=1),
            "extract.token-before": reference.extract_state(hidden, tokens, EXTRACT, shift=-1),
            "extract.token-behind": reference.extract_state(hidden, tokens, EXTRACT, shift=1),
            "extract.one-place-for-all": hidden[:, len(SHORT) + 1],
        },
        what="extract_state of rows with the extract token at 3, 8 and 5",
    )


@exercise("lab09.extract_state")
def test_one_row_without_padding(submission, rng):
    tokens, hidden = np.array([[START, 5, EXTRACT]]), rng.normal(size=(1, 3, HIDDEN))
    actual = submission.call("extract_state", hidden, tokens, EXTRACT)
    expect_close(actual, hidden[:, 2], what="extract_state of one row without padding")
    expect_compiles(
        lambda: submission.compiled("extract_state", hidden, tokens, EXTRACT), "extract_state"
    )


def head_weights(rng, outputs):
    kernel, bias = rng.normal(size=(HIDDEN, outputs)), rng.normal(size=outputs)
    return {"linear.kernel": kernel, "linear.bias": bias}


def run_head(submission, form, weights, states, **kwargs):
    config = {"form": form, "num_classes": weights["linear.bias"].size, "dropout": 0.0}
    return submission.layer("TaskHead", config, weights, states, **kwargs)


@exercise("lab09.TaskHead")
def test_one_row(submission, rng):
    w, states = head_weights(rng, CLASSES), rng.normal(size=(BATCH, 1, HIDDEN))
    logits = reference.head(states, w["linear.kernel"], w["linear.bias"], "classification")
    for form in ("classification", "entailment"):
        expect_close(
            run_head(submission, form, w, states),
            logits,
            misconceptions={
                "head.softmax": reference.softmax(logits),
                "head.keeps-rows": logits[:, None],
                "head.no-bias": logits - w["linear.bias"],
            },
            what=f"TaskHead({form!r}, {CLASSES}) on states of shape {states.shape}",
        )


@exercise("lab09.TaskHead")
def test_both_orders_are_added(submission, rng):
    w, states = head_weights(rng, CLASSES), rng.normal(size=(BATCH, 2, HIDDEN))
    kernel, bias = w["linear.kernel"], w["linear.bias"]
    expect_close(
        run_head(submission, "similarity", w, states),
        reference.head(states, kernel, bias, "similarity"),
        misconceptions={
            "head.mean-of-rows": states.mean(axis=1) @ kernel + bias,
            "head.first-row-only": states[:, 0] @ kernel + bias,
            "head.product-of-rows": states.prod(axis=1) @ kernel + bias,
            "head.adds-logits": states.sum(axis=1) @ kernel + 2 * bias,
            "head.keeps-rows": states @ kernel + bias,
        },
        what=f"TaskHead('similarity', {CLASSES}) on states of shape {states.shape}",
    )


@exercise("lab09.TaskHead")
def test_one_score_for_each_answer(submission, rng):
    w, states = head_weights(rng, 1), rng.normal(size=(BATCH, 4, HIDDEN))
    scores = reference.head(states, w["linear.kernel"], w["linear.bias"], "multiple_choice")
    expect_close(
        run_head(submission, "multiple_choice", w, states),
        scores,
        misconceptions={
            "head.answers-added": states.sum(axis=1) @ w["linear.kernel"] + w["linear.bias"],
            "head.keeps-last-axis": scores[..., None],
            "head.softmax": reference.softmax(scores),
        },
        what=f"TaskHead('multiple_choice') on states of shape {states.shape}",
    )


@exercise("lab09.TaskHead")
def test_head_starts_small(submission):
    config = {"form": "classification", "num_classes": 8}
    w = submission.weights("TaskHead", config, np.ones((2, 1, 100)))
    expect({"linear.kernel", "linear.bias"} == set(w), f"TaskHead's weights are {sorted(w)}")
    spread = w["linear.kernel"].std()
    expect(
        0.016 < spread < 0.024,
        f"the kernel's initial standard deviation is {spread:.3g}, expected 0.02",
        "head.initial-scale",
    )


@exercise("lab09.TaskHead")
def test_dropout_acts_on_the_states_while_training(submission):
    config = {"form": "classification", "num_classes": 1, "dropout": 0.5}
    states = np.ones((7, 1, 200))
    w = {"linear.kernel": np.ones((200, 1)), "linear.bias": np.zeros(1)}
    training = submission.layer("TaskHead", config, w, states, training=True)
    # On the states, each row's sum is 2 x the number of states kept: 200 on average, seldom 200.
    expect(
        not np.allclose(training, 200), "dropout 0.5 changes nothing in training", "head.no-dropout"
    )
    expect(
        not np.all(np.isin(np.round(training), (0, 400))),
        "dropout acts on the logits, expected on the states",
        "head.dropout-on-logits",
    )
    expect(
        np.allclose(training / 2, np.round(training / 2), atol=1e-3),
        "with dropout=0.5 in training, the states that are kept are not doubled",
        "head.dropout-rate",
    )
    expect(
        np.allclose(submission.layer("TaskHead", config, w, states), 200, rtol=1e-3),
        "TaskHead(dropout=0.5) drops outside training, too",
        "head.dropout-always",
    )


@exercise("lab09.TaskHead")
def test_head_can_be_trained(submission, rng):
    for form, rows in (("similarity", 2), ("multiple_choice", 4)):
        states, config = rng.normal(size=(BATCH, rows, HIDDEN)), {"form": form, "num_classes": 2}
        expect_compiles(
            lambda states=states, config=config: submission.layer(
                "TaskHead", config, None, states, compiled=True
            ),
            f"TaskHead({form!r})",
        )


@exercise("lab09.TaskHead")
def test_unknown_form(submission):
    try:
        submission.layer("TaskHead", {"form": "regression"}, None, np.ones((2, 1, HIDDEN)))
    except Crashed as error:
        raised = error.type
    else:
        raised = "nothing"
    expect(
        raised == "ValueError",
        f"TaskHead('regression') raised {raised}, expected a ValueError",
        "head.any-form",
    )


@exercise("lab09.TaskHead")
def test_multiple_choice_has_one_output_and_drops_too(submission, rng):
    # One passage alone, and a number of classes, for which multiple choice has no use.
    config = {"form": "multiple_choice", "num_classes": CLASSES, "dropout": 0.5}
    w, states = head_weights(rng, 1), rng.normal(size=(1, 4, HIDDEN))
    right = reference.head(states, w["linear.kernel"], w["linear.bias"], "multiple_choice")
    expect_close(
        submission.layer("TaskHead", config, w, states),
        right,
        what=f"TaskHead('multiple_choice', {CLASSES}) on states of shape {states.shape}",
    )
    training = submission.layer("TaskHead", config, w, states, training=True)
    expect(
        not np.allclose(training, right),
        "dropout 0.5 changes nothing in multiple choice while training",
        "head.no-dropout",
    )


@exercise("lab09.TaskHead")
def test_defaults_of_the_head(submission):
    # 2,000 states of width 1. Of them 200 are dropped at the default rate; the deviation is 13.
    states = np.ones((2000, 1, 1))
    w = {"linear.kernel": np.ones((1, 1)), "linear.bias": np.zeros(1)}
    training = submission.layer("TaskHead", {"form": "entailment"}, w, states, training=True)
    dropped = float(np.mean(np.asarray(training) == 0))
    expect(
        0.07 < dropped < 0.13,
        f"TaskHead('entailment') without a dropout drops {dropped:.0%} of the states while "
        "training, expected 10%",
    )


@exercise("lab09.label_distribution")
def test_scores_between_classes(submission):
    labels = np.array([3.6, 0.0, 1.25, 5.0, 4.75])
    right = reference.label_distribution(labels, 6)
    nearest, below = np.eye(6)[[4, 0, 1, 5, 5]], np.eye(6)[[3, 0, 1, 5, 4]]
    mirrored = right.copy()
    for i in (0, 2, 4):
        k = int(labels[i])
        mirrored[i, [k, k + 1]] = right[i, [k + 1, k]]
    expect_close(
        submission.call("label_distribution", labels, 6),
        right,
        misconceptions={
            "targets.nearest-class": nearest,
            "targets.class-below": below,
            "targets.mirrored": mirrored,
            "targets.numbers": labels,
            "targets.classes-from-one": np.maximum(
                0, 1 - np.abs(labels[:, None] - np.arange(1, 7))
            ),
            "targets.transposed": right.T,
        },
        tolerance=1e-4,
        what="label_distribution([3.6, 0, 1.25, 5, 4.75], 6)",
    )


@exercise("lab09.label_distribution")
def test_whole_labels(submission):
    labels = np.array([2, 0, 1, 2])
    actual = submission.call("label_distribution", labels, 3)
    expect_close(actual, np.eye(3)[labels], what="label_distribution([2, 0, 1, 2], 3)")


@exercise("lab09.label_distribution")
def test_random_scores(submission, rng):
    classes = int(rng.integers(3, 9))
    labels = rng.uniform(0, classes - 1, size=5)
    expect_close(
        submission.call("label_distribution", labels, classes),
        reference.label_distribution(labels, classes),
        tolerance=1e-4,
        what=f"label_distribution({np.round(labels, 3).tolist()}, {classes})",
    )


@exercise("lab09.task_loss")
def test_mean_negative_log_likelihood(submission, rng):
    targets = reference.label_distribution([2.0, 0.25, 1.5, 3.0, 0.0], CLASSES)
    logits = rng.normal(size=(5, CLASSES)) * 2
    right, probabilities = reference.task_loss(targets, logits), reference.softmax(logits)
    picked = logits[np.arange(5), targets.argmax(axis=1)]
    expect_close(
        submission.call("task_loss", targets, logits),
        right,
        misconceptions={
            "task-loss.sign": -right,
            "task-loss.sum": 5 * right,
            "task-loss.mean-over-classes": right / CLASSES,
            "task-loss.softmax-twice": reference.task_loss(targets, probabilities),
            "task-loss.no-softmax": -np.mean(np.sum(targets * logits, axis=1)),
            "task-loss.no-log": -np.mean(np.sum(targets * probabilities, axis=1)),
            "task-loss.largest-class-only": np.mean(
                np.log(np.exp(logits).sum(axis=1)) - picked
            ),
            "task-loss.squared-error": np.mean((probabilities - targets) ** 2),
        },
        what="task_loss of 5 examples in 4 classes",
    )  # fmt: skip


@exercise("lab09.task_loss")
def test_sure_logits_stay_finite(submission):
    targets, logits = np.array([[1.0, 0.0]]), np.array([[-200.0, 0.0]])
    expect_close(
        submission.call("task_loss", targets, logits),
        200.0,
        misconceptions={
            "task-loss.log-of-zero": np.inf,
            "task-loss.log-of-almost-zero": -np.log(1e-7),
        },
        what="task_loss for logits (-200, 0) when the first class is right",
    )
    expect_compiles(lambda: submission.compiled("task_loss", targets, logits), "task_loss")


@exercise("lab09.language_loss")
def test_only_text_counts(submission, rng):
    texts = [[[5, 6], [4]], [[5, 7, 8, 9], [6, 4, 8]], [[4], [9, 5]]]
    special = {"start": 1, "delimiter": 0, "extract": 3, "pad": 2}
    tokens = np.array([reference.row(pair, special, 13) for pair in texts])
    logits = rng.normal(size=(3, 13, 11)) * 2
    real = ~np.isin(tokens, list(special.values()))
    expect_close(
        submission.call("language_loss", tokens, logits, [3, 1, 2, 0]),
        reference.language_loss(tokens, logits, real),
        misconceptions={
            "language.everything-counts": reference.language_loss(
                tokens, logits, np.ones_like(real)
            ),
            "language.frame-counts": reference.language_loss(tokens, logits, tokens != 2),
            "language.special-only": reference.language_loss(tokens, logits, ~real),
            "language.mask-of-inputs": reference.language_loss(tokens, logits, np.roll(real, 1, 1)),
            "language.mean-of-rows": np.mean(
                [
                    reference.language_loss(*(x[i : i + 1] for x in (tokens, logits, real)))
                    for i in range(3)
                ]
            ),
            "language.no-shift": reference.language_loss(tokens, logits, real, shift=0),
            "language.zero-but-counted": reference.language_loss(tokens, logits, real)
            * real[:, 1:].mean(),
            "task-loss.sign": -reference.language_loss(tokens, logits, real),
        },
        what="language_loss of pairs of texts, special tokens [3, 1, 2, 0] with padding 2",
    )
    expect_compiles(
        lambda: submission.compiled("language_loss", tokens, logits, [3, 1, 2, 0]), "language_loss"
    )


@exercise("lab09.language_loss")
def test_any_special_tokens(submission, rng):
    special = rng.choice(np.arange(3, 10), size=3, replace=False).tolist()
    tokens = rng.integers(0, 10, size=(2, 9))
    tokens[:, 4:6] = 1, 0  # at least two tokens of text; one has the id 0
    logits = rng.normal(size=(2, 9, 10)) * 2
    expect_close(
        submission.call("language_loss", tokens, logits, special),
        reference.language_loss(tokens, logits, ~np.isin(tokens, special)),
        what=f"language_loss of {tokens.tolist()}, special={special}",
    )


@exercise("lab09.combined_loss")
def test_the_sum(submission):
    expect_close(
        submission.call("combined_loss", 0.7, 3.0, weight=0.2),
        1.3,
        misconceptions={
            "combined.mix": 0.8 * 0.7 + 0.2 * 3.0,
            "combined.weight-on-task": 0.2 * 0.7 + 3.0,
            "combined.no-weight": 0.7 + 3.0,
            "combined.difference": 0.7 - 0.2 * 3.0,
            "combined.weight-on-both": 0.2 * (0.7 + 3.0),
        },
        what="combined_loss(0.7, 3.0, weight=0.2)",
    )


@exercise("lab09.combined_loss")
def test_weight_of_the_paper(submission):
    what = "combined_loss(1.0, 4.0)"
    expect_close(submission.call("combined_loss", 1.0, 4.0), 3.0, what=what)
    losses = np.array(1.5), np.array(4.0)
    alone = submission.call("combined_loss", *losses, weight=0.0)
    expect_close(alone, 1.5, what="combined_loss with weight 0")
    expect_compiles(lambda: submission.compiled("combined_loss", *losses), "combined_loss")


@exercise("lab09.combined_loss")
def test_any_sum(submission, rng):
    task, language, weight = rng.uniform(0.1, 3, size=3).tolist()
    expect_close(
        submission.call("combined_loss", task, language, weight=weight),
        reference.combined_loss(task, language, weight),
        what=f"combined_loss({task:.4g}, {language:.4g}, weight={weight:.4g})",
    )
