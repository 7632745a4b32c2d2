"""Tests of lab 11. The model is a small GPT with random weights; the reference is in float64."""

import dataclasses

import numpy as np
from reference import gpt as reference_gpt
from reference import prompts as reference

from gpt_tf.config import GPTConfig
from gpt_tf.course.testing import Part, exercise, expect, expect_close, expect_equal

CONFIG = GPTConfig(11, 14, num_layers=1, num_heads=2, hidden_dim=6)
PROMPT, NOTHING = [3, 7, 1, 9], [6, 2]
CANDIDATES = [[2, 5], [8], [4, 10, 6], [1, 1, 3, 2]]


def make_model(rng):
    """Returns (Part, weights) of a GPT whose guesses are far from equal."""
    w = reference_gpt.random_weights(CONFIG, rng)
    return Part("GPT", {"config": CONFIG}, w, np.zeros((1, 3), "int32")), w


def expect_value_error(submission, name, *args, what, misconception=None, **kwargs):
    """The call must raise a ValueError."""
    error = submission.error(name, *args, **kwargs)
    expect(error is not None, f"{what} raised nothing, expected a ValueError", misconception)
    expect(error[0] == "ValueError", f"{what} raised {error[0]}, expected a ValueError")


@exercise("lab11.score_candidates")
def test_sums_of_log_probabilities(submission, rng):
    model, w = make_model(rng)
    given = (PROMPT, CANDIDATES, w, CONFIG)
    expect_close(
        submission.call("score_candidates", model, PROMPT, CANDIDATES),
        reference.scores(*given),
        misconceptions={
            "score.position-of-the-token": reference.scores(*given, shift=0),
            "score.padding-counts": reference.padded_scores(*given),
            "score.prompt-counts": reference.prompt_scores(*given),
            "score.mean": reference.scores(*given, reduce=np.mean),
            "score.first-token-only": reference.scores(*given, reduce=lambda x: x[0]),
            "score.no-softmax": reference.logit_sums(*given),
            "score.sign": -reference.scores(*given),
        },
        tolerance=1e-4,
        what="score_candidates of 4 candidates of 2, 1, 3 and 4 tokens",
    )


@exercise("lab11.score_candidates")
def test_one_short_candidate(submission, rng):
    model, w = make_model(rng)
    for prompt in ([5], [5, 2, 8, 8, 1, 7, 3, 10]):
        expect_close(
            submission.call("score_candidates", model, prompt, [[9]]),
            reference.scores(prompt, [[9]], w, CONFIG),
            tolerance=1e-4,
            what=f"score_candidates of a prompt of {len(prompt)} and a candidate of 1 token",
        )


@exercise("lab11.score_candidates")
def test_nothing_to_score(submission, rng):
    model, _ = make_model(rng)
    for prompt, candidates, what in (
        ([], CANDIDATES, "score_candidates without a prompt"),
        (PROMPT, [[2], []], "score_candidates of an empty candidate"),
    ):
        expect_value_error(
            submission, "score_candidates", model, prompt, candidates, what=what,
            misconception="score.nothing-accepted",
        )  # fmt: skip


@exercise("lab11.normalised_scores")
def test_score_for_each_token(submission):
    scores, lengths = np.array([-6.0, -2.5, -9.0, -1.0]), np.array([3, 2, 4, 1])
    expect_close(
        submission.call("normalised_scores", scores, lengths),
        reference.normalised(scores, lengths),
        misconceptions={
            "normalise.product": scores * lengths,
            "normalise.nothing": scores,
            "normalise.minus-length": scores - lengths,
        },
        what="normalised_scores(scores, lengths)",
    )


@exercise("lab11.normalised_scores")
def test_against_the_unconditional(submission):
    scores, lengths = np.array([-6.0, -2.5, -9.0]), np.array([3, 2, 4])
    anyway = np.array([-8.0, -2.0, -12.5])
    expect_close(
        submission.call("normalised_scores", scores, lengths, unconditional=anyway),
        reference.normalised(scores, lengths, anyway),
        misconceptions={
            "normalise.ratio-of-logs": scores / anyway,
            "normalise.difference-reversed": anyway - scores,
            "normalise.both-at-once": reference.normalised(scores, lengths, anyway) / lengths,
            "normalise.unconditional-ignored": reference.normalised(scores, lengths),
        },
        what="normalised_scores(scores, lengths, unconditional)",
    )


@exercise("lab11.normalised_scores")
def test_random_scores(submission, rng):
    scores, anyway = -rng.uniform(1, 20, size=(2, 5))
    lengths = rng.integers(1, 9, size=5)
    what = f"normalised_scores of {np.round(scores, 2).tolist()}"
    found = submission.call("normalised_scores", scores, lengths)
    expect_close(found, reference.normalised(scores, lengths), what=what)
    found = submission.call("normalised_scores", scores, lengths, unconditional=anyway)
    right = reference.normalised(scores, lengths, anyway)
    expect_close(found, right, what=f"{what}, unconditional")


def draw_until(rng, right, *wrong):
    """Draws models until right and wrong ways choose differently: (Part, right, wrong choices).

    A way takes each candidate's log-probabilities (list of arrays) after the prompt and after
    NOTHING, and gives one number for each candidate.
    """
    while True:
        model, w = make_model(rng)
        given = [
            [reference.log_probabilities(prompt, c, w, CONFIG) for c in CANDIDATES]
            for prompt in (PROMPT, NOTHING)
        ]
        rated = [way(*given) for way in (right, *wrong)]
        choices = [int(np.argmax(scores)) for scores in rated]
        clear = all(np.diff(np.sort(scores)[-2:]) > 1e-2 for scores in rated)
        if clear and len(set(choices)) == len(choices):
            return model, choices[0], choices[1:]


def by_row(scores, _anyway):
    return np.array([s.sum() / (len(PROMPT) + len(s)) for s in scores])


@exercise("lab11.choose_candidate")
def test_by_plain_sum(submission, rng):
    model, right, (longest, worst) = draw_until(
        rng, reference.by_sum, reference.by_mean, lambda *given: -reference.by_sum(*given)
    )
    expect_equal(
        submission.call("choose_candidate", model, PROMPT, CANDIDATES, normalise="none"),
        right,
        misconceptions={"choose.always-by-length": longest, "choose.worst": worst},
        what='choose_candidate(..., normalise="none")',
    )


@exercise("lab11.choose_candidate")
def test_by_length(submission, rng):
    model, right, (plain, with_prompt) = draw_until(
        rng, reference.by_mean, reference.by_sum, by_row
    )
    for kwargs in ({}, {"normalise": "length"}):
        expect_equal(
            submission.call("choose_candidate", model, PROMPT, CANDIDATES, **kwargs),
            right,
            misconceptions={
                "choose.never-by-length": plain,
                "choose.prompt-in-length": with_prompt,
            },
            what="choose_candidate by length",
        )


@exercise("lab11.choose_candidate")
def test_against_the_unconditional_choice(submission, rng):
    model, right, (plain, reverse, common) = draw_until(
        rng,
        reference.by_ratio,
        reference.by_sum,
        lambda *given: -reference.by_ratio(*given),
        lambda _, anyway: reference.by_sum(anyway, None),
    )
    kwargs = {"normalise": "unconditional", "answer_prompt_ids": NOTHING}
    choice = submission.call("choose_candidate", model, PROMPT, CANDIDATES, **kwargs)
    expect_equal(
        choice,
        right,
        misconceptions={
            "choose.unconditional-ignored": plain,
            "choose.difference-reversed": reverse,
        },
        what='choose_candidate(..., normalise="unconditional")',
    )


@exercise("lab11.choose_candidate")
def test_against_the_unconditional_lengths_play_no_part(submission, rng):
    def both(scores, anyway):
        return reference.by_ratio(scores, anyway) / [len(s) for s in scores]

    model, right, (by_length,) = draw_until(rng, reference.by_ratio, both)
    kwargs = {"normalise": "unconditional", "answer_prompt_ids": NOTHING}
    expect_equal(
        submission.call("choose_candidate", model, PROMPT, CANDIDATES, **kwargs),
        right,
        misconceptions={"choose.both-at-once": by_length},
        what='choose_candidate(..., normalise="unconditional")',
    )


@exercise("lab11.choose_candidate")
def test_first_of_equals_is_an_int(submission, rng):
    # With one token in the vocabulary all is certain: the scores are exactly equal. Those of a
    # larger one differ in the last digit from row to row on some processors.
    config = dataclasses.replace(CONFIG, vocabulary_size=1)
    w = reference_gpt.random_weights(config, rng)
    model = Part("GPT", {"config": config}, w, np.zeros((1, 3), "int32"))
    choice = submission.call("choose_candidate", model, [0, 0], [[0, 0], [0, 0], [0, 0]])
    expect(type(choice) is int, f"choose_candidate returned {choice!r}, expected an int")
    expect_equal(
        choice,
        0,
        misconceptions={"choose.last-of-equals": 2},
        what="choose_candidate of three equal candidates",
    )


@exercise("lab11.choose_candidate")
def test_unknown_normalisation(submission, rng):
    model, _ = make_model(rng)
    for kwargs in ({"normalise": "lenght"}, {"normalise": "unconditional"}):
        expect_value_error(
            submission, "choose_candidate", model, PROMPT, CANDIDATES, what=f"with {kwargs}",
            misconception="choose.anything-goes", **kwargs,
        )  # fmt: skip
