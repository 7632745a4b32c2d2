"""Tests of lab 12: prompts, their examples and answers, and what examples bring."""

import numpy as np
from reference import prompts as reference

from gpt_tf.course.testing import (
    exercise,
    expect,
    expect_close,
    expect_equal,
    expect_value_error,
)

SHOTS = [("sea otter", "loutre de mer"), ("cheese", "fromage")]
DESCRIPTION, QUERY = "Translate English to French:", "mint"


@exercise("lab12.build_prompt")
def test_few_shot(submission):
    lines = [DESCRIPTION, "Q: sea otter A: loutre de mer", "Q: cheese A: fromage", "Q: mint A:"]
    expect_equal(
        submission.call("build_prompt", DESCRIPTION, SHOTS, QUERY),
        "\n".join(lines),
        misconceptions={
            "prompt.space-at-the-end": "\n".join(lines) + " ",
            "prompt.line-at-the-end": "\n".join(lines) + "\n",
            "prompt.no-description": "\n".join(lines[1:]),
            "prompt.no-answers": "\n".join(
                [DESCRIPTION, "Q: sea otter A:", "Q: cheese A:", "Q: mint A:"]
            ),
            "prompt.examples-reversed": "\n".join([lines[0], lines[2], lines[1], lines[3]]),
            "prompt.query-first": "\n".join([lines[0], lines[3], lines[1], lines[2]]),
            "prompt.no-label-at-the-end": "\n".join([*lines[:3], "Q: mint"]),
            "prompt.one-line": " ".join(lines),
            "prompt.one-example": "\n".join([lines[0], lines[2], lines[3]]),
        },
        what="build_prompt with 2 examples",
    )


@exercise("lab12.build_prompt")
def test_zero_and_one_shot(submission):
    zero = submission.call("build_prompt", DESCRIPTION, [], QUERY)
    expect_equal(zero, f"{DESCRIPTION}\nQ: mint A:", what="build_prompt without examples")
    expect_equal(
        submission.call("build_prompt", "", SHOTS[:1], QUERY),
        "Q: sea otter A: loutre de mer\nQ: mint A:",
        misconceptions={"prompt.empty-line": "\nQ: sea otter A: loutre de mer\nQ: mint A:"},
        what='build_prompt with the description ""',
    )


@exercise("lab12.build_prompt")
def test_other_labels(submission):
    expect_equal(
        submission.call("build_prompt", "", SHOTS[1:], QUERY, "English", output_label="French"),
        "English: cheese French: fromage\nEnglish: mint French:",
        misconceptions={"prompt.labels-ignored": "Q: cheese A: fromage\nQ: mint A:"},
        what='build_prompt with the labels "English" and "French"',
    )


@exercise("lab12.build_prompt")
def test_empty_query(submission):
    for query in ("", "  "):
        what = f"build_prompt with the query {query!r}"
        expect_value_error(
            submission, "build_prompt", DESCRIPTION, SHOTS, query, what=what,
            misconception="prompt.empty-query",
        )  # fmt: skip


@exercise("lab12.build_prompt")
def test_any_words(submission, rng):
    words = ["".join(rng.choice(list("abcDEFG"), size=5)) for _ in range(8)]
    description, query, *rest = words
    shots = list(zip(rest[::2], rest[1::2], strict=True))
    # The same input may be shown twice.
    shots.append((shots[0][0], query))
    expect_equal(
        submission.call("build_prompt", description, shots, query),
        reference.prompt(description, shots, query),
        what=f"build_prompt({description!r}, {shots}, {query!r})",
    )


def kinds(labels, drawn):
    """The labels of the drawn examples; places that there are not count as their own label."""
    return [labels[i] if 0 <= i < len(labels) else f"no place {i}" for i in drawn]


def draw_balanced(submission, labels, count, seed):
    """Draws, and checks how many were drawn and that none was drawn twice."""
    drawn = submission.call("balanced_examples", labels, count, seed=seed)
    what = f"balanced_examples({labels}, {count}, seed={seed})"
    expect(
        len(drawn) == count,
        f"{what} drew {len(drawn)} examples, expected {count}",
        "balanced.number",
    )
    expect(
        len(set(drawn)) == count,
        f"{what} drew an example twice: {drawn}",
        "balanced.twice",
    )
    expect(set(drawn) <= set(range(len(labels))), f"{what} is {drawn}, which are no places in it")
    return drawn, what


@exercise("lab12.balanced_examples")
def test_every_example_once(submission, rng):
    labels = rng.permutation(["a"] * 3 + ["b"] * 5).tolist()
    draw_balanced(submission, labels, len(labels), seed=int(rng.integers(100)))
    draw_balanced(submission, labels, 0, seed=int(rng.integers(100)))


@exercise("lab12.balanced_examples")
def test_as_many_of_each_label(submission, rng):
    labels = rng.permutation(["a"] * 14 + ["b"] * 5 + ["c"] * 4).tolist()
    for seed in rng.integers(1000, size=4).tolist():
        for count in (6, 8):
            drawn, what = draw_balanced(submission, labels, count, seed)
            counts = [kinds(labels, drawn).count(label) for label in "abc"]
            expect(
                max(counts) - min(counts) <= 1,
                f"{what} drew {counts} of the labels a, b and c, expected them to be even",
                "balanced.blind",
            )
    drawn, what = draw_balanced(submission, ["a", "b", "a", "a", "a", "a"], 4, seed=1)
    expect(
        1 in drawn,
        f"{what} left out the only b, while it drew {len(drawn)} of a",
        "balanced.blind",
    )


@exercise("lab12.balanced_examples")
def test_the_labels_are_mixed(submission, rng):
    labels = rng.permutation(["a"] * 15 + ["b"] * 15).tolist()
    changes = []
    for seed in rng.integers(1000, size=6).tolist():
        drawn, _ = draw_balanced(submission, labels, 12, seed)
        found = kinds(labels, drawn)
        changes.append(sum(x != y for x, y in zip(found, found[1:], strict=False)))
    # Mixed, a line of 6 a's and 6 b's changes its label 6 times on average.
    expect(
        min(changes) < 11 and max(changes) > 1,
        f"6 draws of 6 a's and 6 b's change the label {changes} times: they are not mixed",
        "balanced.not-mixed",
    )


@exercise("lab12.balanced_examples")
def test_the_seed_decides(submission, rng):
    labels = rng.permutation(["a"] * 15 + ["b"] * 15).tolist()
    seeds = rng.choice(1000, size=4, replace=False).tolist()
    found = [submission.call("balanced_examples", labels, 6, seed=seed) for seed in seeds]
    for seed, before in zip(seeds, found, strict=True):
        again = submission.call("balanced_examples", labels, 6, seed=seed)
        expect(
            again == before,
            f"with seed {seed} the first call drew {before} and the second {again}",
            "balanced.seed-ignored",
        )
    expect(
        len({tuple(sorted(drawn)) for drawn in found}) > 1,
        f"with {len(seeds)} different seeds the same examples were drawn: {sorted(found[0])}",
        "balanced.always-the-same",
    )


@exercise("lab12.balanced_examples")
def test_more_examples_than_there_are(submission):
    for count in (5, -1):
        expect_value_error(
            submission, "balanced_examples", ["a", "b", "a", "b"], count, seed=0,
            what=f"balanced_examples of 4 examples with count {count}",
            misconception="balanced.too-many",
        )  # fmt: skip


@exercise("lab12.calibrated_probabilities")
def test_the_preference_is_divided_out(submission, rng):
    for candidates, blanks in ((2, 1), (4, 3)):
        scores = rng.normal(-4, 1.5, size=candidates)
        blank_scores = rng.normal(-6, 1.5, size=(blanks, candidates))
        several = {
            "calibrated.mean-of-logs": reference.softmax(scores - blank_scores.mean(axis=0)),
            "calibrated.first-blank-only": reference.softmax(scores - blank_scores[0]),
            "calibrated.blank-sums-not-1": reference.softmax(
                scores - np.log(np.exp(blank_scores).mean(axis=0))
            ),
        }
        anyway = reference.softmax(blank_scores).mean(axis=0)
        logs = scores - blank_scores.mean(axis=0)
        expect_close(
            submission.call("calibrated_probabilities", scores, blank_scores),
            reference.calibrated(scores, blank_scores),
            misconceptions={
                "calibrated.not-divided": reference.softmax(scores),
                "calibrated.multiplied": reference.softmax(scores + np.log(anyway)),
                "calibrated.no-sum": reference.softmax(scores) / anyway,
                "calibrated.logs-summed": logs / logs.sum(),
                "calibrated.logs": np.log(reference.calibrated(scores, blank_scores)),
            }
            | (several if blanks > 1 else {}),
            what=f"calibrated_probabilities of {candidates} candidates and {blanks} blank prompts",
        )


@exercise("lab12.calibrated_probabilities")
def test_the_published_arithmetic(submission):
    expect_close(
        submission.call("calibrated_probabilities", np.log([0.6, 0.3]), np.log([[0.8, 0.1]])),
        np.array([0.2, 0.8]),
        what="calibrated_probabilities(log [0.6, 0.3], log [[0.8, 0.1]])",
    )


@exercise("lab12.task_rows")
def test_input_then_output_then_mark(submission, rng):
    for shape in ((3, 4, 2), (2, 5, 3)):
        inputs = rng.integers(0, 90, size=shape)
        outputs = rng.integers(100, 190, size=shape[:2])
        tasks, shots, m = shape
        ends = np.full((tasks, shots, 1), 200)
        x, y = inputs, outputs[..., None]
        both = np.concatenate([x, y, ends], axis=2)
        orders = {
            "rows.output-first": [y, x, ends],
            "rows.one-symbol": [x[..., :1], y, ends],
            "rows.no-mark": [x, y],
            "rows.mark-before-output": [x, ends, y],
        }
        mistakes = {
            name: np.concatenate(order, axis=2).reshape(tasks, -1) for name, order in orders.items()
        }
        mistakes["rows.outputs-behind"] = np.concatenate(
            [x.reshape(tasks, -1), outputs, ends[..., 0]], axis=1
        )
        mistakes["rows.not-flat"] = both
        mistakes["rows.transposed"] = both.transpose(0, 2, 1).reshape(tasks, -1)
        expect_close(
            submission.call("task_rows", inputs, outputs, mark=200),
            reference.rows(inputs, outputs, 200),
            misconceptions=mistakes,
            what=f"task_rows of {tasks} tasks with {shots} examples of {m} symbols",
        )


@exercise("lab12.task_rows")
def test_one_symbol_each(submission, rng):
    inputs, outputs = rng.integers(1, 90, size=(2, 3, 1)), rng.integers(1, 90, size=(2, 3))
    expect_close(
        submission.call("task_rows", inputs, outputs, mark=0),
        reference.rows(inputs, outputs, 0),
        what="task_rows of 2 tasks with 3 examples of 1 symbol",
    )


@exercise("lab12.accuracy_by_shots")
def test_share_of_right_outputs(submission, rng):
    tasks, shots, m = 8, 5, 3
    while True:
        logits = rng.normal(size=(tasks, shots * (m + 2), 4))
        outputs = rng.integers(0, 4, size=(tasks, shots))
        right = reference.by_shots(logits, outputs, m)
        mistakes = {
            "shots.no-shift": reference.by_shots(logits, outputs, m, shift=0),
            "shots.first-symbol": reference.by_shots(logits, outputs, m, shift=m),
            "shots.so-far": np.cumsum(right) / np.arange(1, shots + 1),
            "shots.percent": 100 * right,
            "shots.mark-forgotten": reference.by_shots(logits, outputs, m, every=m + 1),
        }
        if all(np.abs(wrong - right).max() > 0.1 for wrong in mistakes.values()):
            break
    mistakes["shots.by-task"] = reference.by_shots(logits, outputs, m, over="shots")
    mistakes["shots.one-number"] = right.mean()
    expect_close(
        submission.call("accuracy_by_shots", logits, outputs, num_inputs=m),
        right,
        misconceptions=mistakes,
        what=f"accuracy_by_shots of {tasks} tasks with {shots} examples of {m} symbols",
    )


@exercise("lab12.accuracy_by_shots")
def test_a_model_that_knows_from_the_second_example_on(submission):
    outputs = np.array([[2, 1, 0], [1, 1, 2], [0, 2, 1], [2, 0, 0]])
    logits = np.zeros((4, 9, 3))
    logits[:, 0, 1] = 1.0  # before any example it always says 1
    for k in (1, 2):
        logits[np.arange(4), 3 * k, outputs[:, k]] = 5.0
    expect_close(
        submission.call("accuracy_by_shots", logits, outputs, num_inputs=1),
        np.array([0.25, 1.0, 1.0]),
        what="accuracy_by_shots of a model that is right after 1 and 2 examples",
    )
