"""Tests of lab 12: the text of a prompt, character by character."""

from reference import prompts as reference

from gpt_tf.course.testing import exercise, expect, expect_equal

SHOTS = [("sea otter", "loutre de mer"), ("cheese", "fromage")]
DESCRIPTION, QUERY = "Translate English to French:", "mint"


def expect_value_error(submission, name, *args, what, misconception=None, **kwargs):
    """The call must raise a ValueError."""
    error = submission.error(name, *args, **kwargs)
    expect(error is not None, f"{what} raised nothing, expected a ValueError", misconception)
    expect(error[0] == "ValueError", f"{what} raised {error[0]}, expected a ValueError")


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
