"""Tests of lab 11. The model is a small GPT with random weights; the reference is in float64."""

import dataclasses

import numpy as np
from reference import gpt as reference_gpt
from reference import likelihoods
from reference import prompts as reference

from gpt_tf.config import GPTConfig
from gpt_tf.course.testing import (
    Part,
    exercise,
    expect,
    expect_close,
    expect_equal,
    expect_value_error,
)

CONFIG = GPTConfig(11, 14, num_layers=1, num_heads=2, hidden_dim=6)
PROMPT, NOTHING = [3, 7, 1, 9], [6, 2]
CANDIDATES = [[2, 5], [8], [4, 10, 6], [1, 1, 3, 2]]


def make_model(rng):
    """Returns (Part, weights) of a GPT whose guesses are far from equal."""
    w = reference_gpt.random_weights(CONFIG, rng)
    return Part("GPT", {"config": CONFIG}, w, np.zeros((1, 3), "int32")), w


@exercise("lab11.task_as_text")
def test_translation_and_summary(submission):
    expect_equal(
        submission.call("task_as_text", "translate", "The cat sleeps."),
        "The cat sleeps. =",
        misconceptions={
            "task.space-at-the-end": "The cat sleeps. = ",
            "task.no-space": "The cat sleeps.=",
        },
        what='task_as_text("translate", "The cat sleeps.")',
    )
    expect_equal(
        submission.call("task_as_text", "summarise", "It rained.\nThe match was off."),
        "It rained.\nThe match was off.\nTL;DR:",
        misconceptions={
            "task.instruction-first": "TL;DR:\nIt rained.\nThe match was off.",
            "task.space-at-the-end": "It rained.\nThe match was off.\nTL;DR: ",
            "task.one-line": "It rained.\nThe match was off. TL;DR:",
        },
        what='task_as_text("summarise", ...)',
    )


@exercise("lab11.task_as_text")
def test_question_with_and_without_a_document(submission):
    expect_equal(
        submission.call("task_as_text", "answer", "Ben is a baker.", "Who is Ben?"),
        "Ben is a baker.\nQ: Who is Ben? A:",
        misconceptions={
            "task.instruction-first": "Q: Who is Ben?\nBen is a baker. A:",
            "task.space-at-the-end": "Ben is a baker.\nQ: Who is Ben? A: ",
            "task.one-line": "Ben is a baker. Q: Who is Ben? A:",
            "task.no-document": "Q: Who is Ben? A:",
        },
        what='task_as_text("answer", "Ben is a baker.", "Who is Ben?")',
    )
    expect_equal(
        submission.call("task_as_text", "answer", question="Who is Ben?"),
        "Q: Who is Ben? A:",
        misconceptions={"task.empty-line": "\nQ: Who is Ben? A:"},
        what='task_as_text("answer", question="Who is Ben?")',
    )


@exercise("lab11.task_as_text")
def test_white_space_is_cut_off(submission, rng):
    words = ["".join(rng.choice(list("abcDEFG"), size=5)) for _ in range(3)]
    text = f"\n {words[0]}  {words[1]} \n"
    expect_equal(
        submission.call("task_as_text", "summarise", text),
        f"{words[0]}  {words[1]}\nTL;DR:",
        misconceptions={"task.not-stripped": f"{text}\nTL;DR:"},
        what=f'task_as_text("summarise", {text!r})',
    )
    expect_equal(
        submission.call("task_as_text", "answer", text, f" {words[2]}? "),
        f"{words[0]}  {words[1]}\nQ: {words[2]}? A:",
        what=f'task_as_text("answer", {text!r}, ...)',
    )


@exercise("lab11.task_as_text")
def test_nothing_to_do(submission):
    for args in (
        ("translate", " "),
        ("summarise",),
        ("answer", "A document."),
        ("sing", "A song.", "Which?"),
    ):
        expect_value_error(
            submission, "task_as_text", *args, what=f"task_as_text{args}",
            misconception="task.anything-goes",
        )  # fmt: skip


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
    expect_equal(choice, 0, what="choose_candidate of three equal candidates")


@exercise("lab11.choose_candidate")
def test_unknown_normalisation(submission, rng):
    model, _ = make_model(rng)
    for kwargs in ({"normalise": "lenght"}, {"normalise": "unconditional"}):
        expect_value_error(
            submission, "choose_candidate", model, PROMPT, CANDIDATES, what=f"with {kwargs}",
            misconception="choose.anything-goes", **kwargs,
        )  # fmt: skip


@exercise("lab11.last_word")
def test_the_space_goes_with_the_word(submission):
    expect_equal(
        submission.call("last_word", "he put on his hat"),
        ("he put on his", " hat"),
        misconceptions={
            "word.space-in-context": ("he put on his ", "hat"),
            "word.space-lost": ("he put on his", "hat"),
        },
        what='last_word("he put on his hat")',
    )


@exercise("lab11.last_word")
def test_other_white_space(submission):
    passage = 'One.\n\n"Two  three,"\nsaid\t Four'
    expect_equal(
        submission.call("last_word", passage),
        ('One.\n\n"Two  three,"\nsaid\t', " Four"),
        misconceptions={
            "word.context-changed": ('One. "Two three," said', " Four"),
            "word.all-white-space": ('One.\n\n"Two  three,"\nsaid', "\t Four"),
        },
        what=f"last_word({passage!r})",
    )
    expect_equal(
        submission.call("last_word", "yes, he\nsaid"),
        ("yes, he", "\nsaid"),
        misconceptions={
            "word.spaces-only": ("yes,", " he\nsaid"),
            "word.always-a-space": ("yes, he", " said"),
        },
        what=f"last_word({'yes, he' + chr(10) + 'said'!r})",
    )
    expect_equal(
        submission.call("last_word", "no, he said \n"),
        ("no, he", " said"),
        misconceptions={"word.not-stripped": ("no, he said ", "\n")},
        what="last_word of a passage with white space at its end",
    )


@exercise("lab11.last_word")
def test_context_and_target_make_the_passage(submission, rng):
    for count in (2, 4):
        sizes = rng.integers(1, 6, size=count)
        words = ["".join(rng.choice(list("abcé가"), size=n)) for n in sizes]
        passage = " ".join(words)
        expect_equal(
            submission.call("last_word", passage),
            (" ".join(words[:-1]), f" {words[-1]}"),
            what=f"last_word({passage!r})",
        )


@exercise("lab11.last_word")
def test_one_word_or_none(submission):
    for passage in ("alone", "", " alone "):
        expect_value_error(
            submission, "last_word", passage, what=f"last_word({passage!r})",
            misconception="word.nothing-accepted",
        )  # fmt: skip


def both(result):
    """Takes a (log_likelihood, right) apart, whatever tuple or list it is."""
    shape = isinstance(result, (tuple, list)) and len(result) == 2
    expect(shape, f"last_word_prediction returned {result!r}, expected (log_likelihood, right)")
    log_likelihood, right = result
    expect(
        type(log_likelihood) is float and type(right) is bool,
        f"last_word_prediction returned a {type(log_likelihood).__name__} and a "
        f"{type(right).__name__}, expected a float and a bool",
        "last.types",
    )
    return log_likelihood, right


def draw_words(rng):
    """Returns (Part, weights, plain, forbidden, filtered).

    `plain` is what the model writes. With `forbidden`, which begins as `plain` does and has the
    second token of `filtered`, it writes `filtered`.
    """
    while True:
        model, w = make_model(rng)
        plain = likelihoods.greedy(PROMPT, 3, w, CONFIG)
        filtered = likelihoods.greedy(PROMPT, 3, w, CONFIG, forbidden=plain[:1])
        forbidden = [plain[0], filtered[1]]
        again = likelihoods.greedy(PROMPT, 3, w, CONFIG, forbidden)
        # Not a repeated token anywhere: each mistake then shows.
        if again == filtered and len({plain[0], *filtered}) == 4:
            steps = [
                np.sort(likelihoods.logits_after([*PROMPT, *filtered[:i]], w, CONFIG))
                for i in range(3)
            ]
            if min(np.min(np.diff(s[-3:])) for s in steps) > 1e-2:
                return model, w, plain, forbidden, filtered


@exercise("lab11.last_word_prediction")
def test_likelihood(submission, rng):
    model, w, plain, forbidden, filtered = draw_words(rng)
    for target, name in ((plain, "what the model writes"), ([5, 2], "another word")):
        logs = reference.log_probabilities(PROMPT, target, w, CONFIG)
        log_likelihood, _ = both(submission.call("last_word_prediction", model, PROMPT, target))
        expect_close(
            log_likelihood,
            logs.sum(),
            misconceptions={
                "last.mean": logs.mean(),
                "last.first-token-only": logs[0],
            },
            tolerance=1e-4,
            what=f"the log-likelihood of {name}",
        )
    logs = reference.log_probabilities(PROMPT, filtered, w, CONFIG)
    left = np.delete(likelihoods.logits_after(PROMPT, w, CONFIG), forbidden)
    among_the_rest = left.max() - np.log(np.exp(left).sum())
    found = submission.call("last_word_prediction", model, PROMPT, filtered, forbidden)
    expect_close(
        both(found)[0],
        logs.sum(),
        misconceptions={"last.filter-in-likelihood": among_the_rest + logs[1:].sum()},
        tolerance=1e-4,
        what="the log-likelihood with forbidden tokens",
    )


@exercise("lab11.last_word_prediction")
def test_right_without_a_filter(submission, rng):
    model, w, plain, _, filtered = draw_words(rng)
    wrong_end = [*plain[:-1], (plain[-1] + 1) % CONFIG.vocabulary_size]
    for target, right, mistake in (
        (plain, True, "last.position-of-the-token"),
        (plain[:1], True, None),
        (wrong_end, False, "last.first-token-only"),
        (filtered, False, None),
    ):
        _, found = both(submission.call("last_word_prediction", model, PROMPT, target))
        expect(
            found is right,
            f"right is {found} for the target {target}, expected {right}: the model writes {plain}",
            mistake,
        )


@exercise("lab11.last_word_prediction")
def test_right_with_a_filter(submission, rng):
    model, _, plain, forbidden, filtered = draw_words(rng)
    for banned, target, right, mistake in (
        (forbidden[:1], filtered, True, "last.filter-ignored"),
        (forbidden, filtered, True, "last.filter-everywhere"),
        (forbidden, plain, False, "last.filter-ignored"),
    ):
        found = both(submission.call("last_word_prediction", model, PROMPT, target, banned))[1]
        expect(
            found is right,
            f"right is {found} for the target {target} with {banned} forbidden, expected {right}: "
            f"the model writes {filtered}",
            mistake,
        )


@exercise("lab11.last_word_prediction")
def test_nothing_to_predict(submission, rng):
    model, _ = make_model(rng)
    for context, target in (([], [1]), (PROMPT, [])):
        expect_value_error(
            submission, "last_word_prediction", model, context, target,
            what=f"last_word_prediction(model, {context}, {target})",
            misconception="last.nothing-accepted",
        )  # fmt: skip


def tail_short(count, length, stride):
    """The mistake of a last window that moves on by a full stride and gets shorter."""
    found = [(0, min(length, count), 1)]
    while found[-1][1] < count:
        begin, end, _ = found[-1]
        found.append((begin + stride, min(end + stride, count), end))
    return found


@exercise("lab11.text_log_probabilities")
def test_windows_slide(submission, rng):
    model, w = make_model(rng)
    tokens = rng.integers(0, CONFIG.vocabulary_size, size=14).tolist()
    spans = likelihoods.windows(14, 6, 3)
    right = likelihoods.text_log_probabilities(tokens, w, CONFIG, spans)
    steps = range(0, 14, 5)
    expect_close(
        submission.call("text_log_probabilities", model, tokens, 6, 3),
        right,
        misconceptions={
            "windows.position-of-the-token": likelihoods.text_log_probabilities(
                tokens, w, CONFIG, spans, shift=0
            ),
            "windows.no-softmax": likelihoods.text_logits(tokens, w, CONFIG, spans),
            "windows.never-forgets": likelihoods.text_log_probabilities(
                tokens, w, CONFIG, [(0, 14, 1)]
            ),
            "windows.last-one-shorter": likelihoods.text_log_probabilities(
                tokens, w, CONFIG, tail_short(14, 6, 3)
            ),
            "windows.counted-twice": likelihoods.text_log_probabilities(
                tokens, w, CONFIG, [(b, e, b + 1) for b, e, _ in spans]
            ),
            "windows.end-left-out": right[:11],
            "windows.stride-ignored": likelihoods.text_log_probabilities(
                tokens, w, CONFIG, [(b, min(b + 6, 14), b + 1) for b in steps if b < 13]
            ),
        },
        tolerance=1e-4,
        what="text_log_probabilities of 14 tokens, window 6, stride 3",
    )


@exercise("lab11.text_log_probabilities")
def test_any_window_and_stride(submission, rng):
    model, w = make_model(rng)
    drawn = rng.integers(0, CONFIG.vocabulary_size, size=11).tolist()
    for count, length, stride in ((11, 2, 1), (11, 7, 2), (11, 11, 3), (11, 14, 13), (2, 5, 4)):
        tokens = drawn[:count]
        spans = likelihoods.windows(count, length, stride)
        expect_close(
            submission.call("text_log_probabilities", model, tokens, length, stride),
            likelihoods.text_log_probabilities(tokens, w, CONFIG, spans),
            tolerance=1e-4,
            what=f"text_log_probabilities of {count} tokens, window {length}, stride {stride}",
        )


@exercise("lab11.text_log_probabilities")
def test_impossible_windows(submission, rng):
    model, _ = make_model(rng)
    for tokens, length, stride in (([3], 4, 2), ([3, 1, 2], 4, 0), ([3, 1, 2, 5, 6], 3, 3)):
        expect_value_error(
            submission, "text_log_probabilities", model, tokens, length, stride,
            what=f"text_log_probabilities(model, {tokens}, {length}, {stride})",
            misconception="windows.anything-goes",
        )  # fmt: skip


@exercise("lab11.bits_per_byte")
def test_bits_of_each_byte(submission, rng):
    text = "Ein Igel, 고슴도치, 🦔."
    size, count, nats = len(text.encode()), 13, float(rng.uniform(2, 4))
    expect_close(
        submission.call("bits_per_byte", nats, count, text),
        np.log2(np.exp(nats * count)) / size,
        misconceptions={
            "bits.characters": nats * count / np.log(2) / len(text),
            "bits.nats": nats * count / size,
            "bits.a-token": nats / np.log(2),
            "bits.times-ln-2": nats * count * np.log(2) / size,
            "bits.tokens-ignored": nats / np.log(2) / size,
            "bits.words": nats * count / np.log(2) / len(text.split()),
        },
        what=f"bits_per_byte({nats:.4f}, {count}, {text!r})",
    )


@exercise("lab11.bits_per_byte")
def test_a_model_that_knows_nothing_needs_eight_bits(submission):
    for text in ("hello", "ㄱ"):
        size = len(text.encode())
        expect_close(
            submission.call("bits_per_byte", float(np.log(256)), size, text),
            8.0,
            what=f"bits_per_byte(ln 256, {size}, {text!r})",
        )


@exercise("lab11.bits_per_byte")
def test_no_text(submission):
    expect_value_error(
        submission, "bits_per_byte", 2.5, 0, "", what="bits_per_byte of an empty text",
        misconception="bits.nothing-accepted",
    )  # fmt: skip
