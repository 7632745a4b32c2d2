"""Tests of lab 07. Every axis has a size of its own, so that a swapped one cannot hide."""

import math

import numpy as np
from reference import pretraining as reference

from gpt_tf.course.testing import (
    exercise,
    expect,
    expect_close,
    expect_compiles,
    expect_equal,
    expect_no_crash,
)

DOCUMENTS = [[5, 6, 7, 8, 9], [11], [12, 13, 14], [15, 16, 17]]
BATCH, LENGTH, VOCABULARY = 3, 5, 7


def sample(rng, scale=2.0):
    tokens = rng.integers(0, VOCABULARY, size=(BATCH, LENGTH))
    return tokens, rng.normal(size=(BATCH, LENGTH, VOCABULARY)) * scale


@exercise("lab07.pack_documents")
def test_one_stream_cut_into_rows(submission):
    # 12 tokens and 4 delimiters fill rows of 4 exactly, the last delimiter included.
    packed = np.asarray(submission.call("pack_documents", DOCUMENTS, 4, 3))
    per_document = [reference.rows([*d, 3], 4) for d in DOCUMENTS]
    own_rows = [reference.rows([*d, 3], 4, filler=3) for d in DOCUMENTS]
    expect_equal(
        packed,
        reference.rows(reference.stream(DOCUMENTS, 3), 4),
        misconceptions={
            "pack.no-delimiter": reference.rows(reference.stream(DOCUMENTS, 3, "nowhere"), 4),
            "pack.delimiter-between": reference.rows(reference.stream(DOCUMENTS, 3, "between"), 4),
            "pack.delimiter-before": reference.rows(reference.stream(DOCUMENTS, 3, "before"), 4),
            "pack.one-row-each": np.concatenate(own_rows),
            "pack.cut-each-document": np.concatenate(per_document),
        },
        what="pack_documents(documents, length=4, delimiter=3)",
    )
    expect(
        packed.dtype.kind in "iu",
        f"pack_documents gives {packed.dtype}, expected int32",
        "pack.not-integers",
    )


@exercise("lab07.pack_documents")
def test_documents_may_be_arrays(submission):
    documents, mistake = [np.array(d) for d in DOCUMENTS], "pack.delimiter-added"
    with expect_no_crash("pack_documents of arrays", mistake):
        packed = np.asarray(submission.call("pack_documents", documents, 4, 3))
    expect_equal(
        packed,
        reference.rows(reference.stream(DOCUMENTS, 3), 4),
        misconceptions={mistake: reference.rows([t + 3 for d in DOCUMENTS for t in d], 4)},
        what="pack_documents(documents as arrays, length=4, delimiter=3)",
    )


@exercise("lab07.pack_documents")
def test_the_rest_is_dropped(submission):
    whole = reference.stream(DOCUMENTS, 3)
    expect_equal(
        np.asarray(submission.call("pack_documents", DOCUMENTS, 6, 3)),
        reference.rows(whole, 6),
        misconceptions={"pack.rest-padded": reference.rows(whole, 6, filler=3)},
        what="pack_documents(documents, length=6, delimiter=3), 16 tokens in all",
    )


@exercise("lab07.pack_documents")
def test_too_little_text_gives_no_row(submission):
    packed = np.asarray(submission.call("pack_documents", [[1, 2]], 9, 3))
    expect(
        packed.shape == (0, 9),
        f"3 tokens do not fill a row of 9: expected shape (0, 9), yours is {packed.shape}",
        "pack.rest-padded",
    )
    with expect_no_crash("pack_documents([], 9, 3)", "pack.no-documents"):
        shape = np.shape(submission.call("pack_documents", [], 9, 3))
    expect(
        shape == (0, 9),
        f"pack_documents([], 9, 3): expected shape (0, 9), yours is {shape}",
        "pack.no-documents",
    )


@exercise("lab07.pack_documents")
def test_bad_input_is_named(submission):
    for documents, length, named in (
        ([[1, 2], []], 2, "empty"),
        ([[1, 2]], 0, "length"),
        ([[1, 2]], -1, "length"),
    ):
        error = submission.error("pack_documents", documents, length, 3)
        expect(
            error is not None and error[0] == "ValueError" and named in error[1],
            f"pack_documents({documents}, length={length}, delimiter=3) should raise a ValueError "
            f"whose message has the word {named!r}; yours gives {error}",
            "pack.bad-input-passes",
        )


@exercise("lab07.pack_documents")
def test_random_documents(submission, rng):
    documents = [rng.integers(5, 90, size=n).tolist() for n in rng.integers(1, 9, size=7)]
    length, delimiter = int(rng.integers(2, 9)), int(rng.integers(0, 5))
    expect_equal(
        np.asarray(submission.call("pack_documents", documents, length, delimiter)),
        reference.rows(reference.stream(documents, delimiter), length),
        what=f"pack_documents({documents}, {length}, {delimiter})",
    )


@exercise("lab07.pack_documents")
def test_rows_of_one_token_and_int32(submission):
    packed = submission.call("pack_documents", [[1, 2]], 1, 3)
    expect_equal(np.asarray(packed), [[1], [2], [3]], what="pack_documents([[1, 2]], length=1)")
    found = getattr(packed, "dtype", type(packed).__name__)
    expect(found == np.int32, f"pack_documents returns {found}, expected int32")


@exercise("lab07.next_token_loss")
def test_predicts_the_next_token(submission, rng):
    tokens, logits = sample(rng)
    right = reference.next_token_loss(tokens, logits)
    losses = reference.target_losses(tokens, logits)
    count = BATCH * (LENGTH - 1)
    probabilities = np.exp(reference.log_softmax(logits))
    mean = {
        shift: np.mean(list(reference.target_losses(tokens, logits, shift).values()))
        for shift in (0, -1)
    }
    first_again = [-reference.log_softmax(logits)[b, -1, tokens[b, 0]] for b in range(BATCH)]
    expect_close(
        submission.call("next_token_loss", tokens, logits),
        right,
        misconceptions={
            "loss.not-shifted": mean[0],
            "loss.backwards": mean[-1],
            "loss.wraps-around": (sum(losses.values()) + sum(first_again)) / (BATCH * LENGTH),
            "loss.divides-by-all-positions": right * count / (BATCH * LENGTH),
            "loss.summed": right * count,
            "loss.summed-over-positions": right * (LENGTH - 1),
            "loss.in-bits": right / math.log(2),
            "loss.softmax-twice": reference.next_token_loss(tokens, probabilities),
        },
        what="next_token_loss(tokens, logits)",
    )


@exercise("lab07.next_token_loss")
def test_only_real_targets_count(submission, rng):
    tokens, logits = sample(rng)
    mask = np.arange(LENGTH)[None] < np.array([[5], [4], [2]])
    losses = reference.target_losses(tokens, logits)
    of_inputs = [v for (b, t), v in losses.items() if mask[b, t - 1]]
    real = [v for place, v in losses.items() if mask[place]]
    by_row = [np.mean([v for (b, t), v in losses.items() if b == r and mask[b, t]]) for r in (0, 1)]
    by_row.append(losses[2, 1])
    expect_close(
        submission.call("next_token_loss", tokens, logits, mask),
        reference.next_token_loss(tokens, logits, mask),
        misconceptions={
            "loss.mask-ignored": reference.next_token_loss(tokens, logits),
            "loss.mask-of-inputs": np.mean(of_inputs),
            "loss.divides-by-all-targets": sum(real) / (BATCH * (LENGTH - 1)),
            "loss.mean-of-rows": np.mean(by_row),
        },
        what="next_token_loss(tokens, logits, mask) with rows of 5, 4 and 2 real tokens",
    )


@exercise("lab07.next_token_loss")
def test_first_token_is_nobodys_target(submission, rng):
    tokens, logits = sample(rng)
    mask = np.ones((BATCH, LENGTH), bool)
    mask[:, 0] = False
    expect_close(
        submission.call("next_token_loss", tokens, logits, mask),
        reference.next_token_loss(tokens, logits),
        what="next_token_loss(tokens, logits, mask), only the first tokens not real",
    )


@exercise("lab07.next_token_loss")
def test_large_logits(submission, rng):
    tokens, logits = sample(rng, scale=200.0)
    expect_close(
        submission.call("next_token_loss", tokens, logits),
        reference.next_token_loss(tokens, logits),
        what="next_token_loss(tokens, logits) with logits in the hundreds",
    )


@exercise("lab07.next_token_loss")
def test_tokens_as_floats(submission, rng):
    tokens, logits = sample(rng)
    expect_close(
        submission.call("next_token_loss", tokens.astype("float32"), logits),
        reference.next_token_loss(tokens, logits),
        what="next_token_loss(tokens, logits) with tokens as floats, as Keras hands them over",
    )


@exercise("lab07.next_token_loss")
def test_loss_can_be_trained(submission, rng):
    tokens, logits = sample(rng)
    mask = np.arange(LENGTH)[None] < np.array([[5], [4], [2]])
    for given in ((), (mask,)):
        expect_compiles(
            lambda given=given: submission.compiled("next_token_loss", tokens, logits, *given),
            "next_token_loss",
        )


@exercise("lab07.next_token_loss")
def test_nothing_to_predict(submission, rng):
    tokens, logits = sample(rng)
    expect_close(
        submission.call("next_token_loss", tokens, logits, np.zeros((BATCH, LENGTH), bool)),
        0.0,
        what="next_token_loss without one real target",
    )
    error = submission.error("next_token_loss", tokens[:, :1], logits[:, :1])
    expect(
        error is not None and error[0] == "ValueError",
        f"next_token_loss of rows of one token should raise a ValueError; yours gives {error}",
        "loss.one-token-passes",
    )


@exercise("lab07.next_token_loss")
def test_a_single_target(submission, rng):
    tokens, logits = sample(rng)
    tokens, logits = tokens[:1, :2], logits[:1, :2]
    expect_close(
        submission.call("next_token_loss", tokens, logits),
        reference.next_token_loss(tokens, logits),
        what="next_token_loss of one row of two tokens",
    )


def rates(steps, *args, **mistakes):
    return np.array([reference.learning_rate(s, *args, **mistakes) for s in steps])


@exercise("lab07.warmup_cosine")
def test_rises_then_falls(submission):
    steps, shape = (0, 3, 10, 27, 45, 79, 80, 97, 150), (2.0, 10, 80, 0.1)
    peak, warmup, total, final = shape
    right = rates(steps, *shape)

    def falls(share):
        return rates(steps, *shape, share=share)

    expect_close(
        [submission.call("warmup_cosine", s, *shape) for s in steps],
        right,
        misconceptions={
            "schedule.one-step-early": np.where(
                np.array(steps) < warmup, peak * (np.array(steps) + 1) / warmup, right
            ),
            "schedule.rises-from-the-floor": np.where(
                np.array(steps) < warmup,
                peak * (final + (1 - final) * np.array(steps) / warmup),
                right,
            ),
            "schedule.no-warmup": rates(steps, peak, 0, total, final),
            "schedule.cosine-from-step-0": falls(lambda s: reference.cosine(s / total)),
            "schedule.warmup-on-top": falls(lambda s: reference.cosine((s - warmup) / total)),
            "schedule.linear-decay": falls(lambda s: max(total - s, 0) / (total - warmup)),
            "schedule.comes-back": falls(
                lambda s: reference.cosine((s - warmup) / (total - warmup), stops=False)
            ),
            "schedule.falls-to-zero": rates(steps, peak, warmup, total, 0.0),
            "schedule.floor-on-top": np.where(
                np.array(steps) < warmup,
                right,
                rates(steps, peak, warmup, total, 0.0) + peak * final,
            ),
            "schedule.quarter-cosine": falls(
                lambda s: math.cos(math.pi / 2 * min((s - warmup) / (total - warmup), 1))
            ),
        },
        what=f"warmup_cosine(step, peak=2, 10, 80, 0.1) at steps {steps}",
    )


@exercise("lab07.warmup_cosine")
def test_without_warmup_down_to_zero(submission):
    steps = (0, 4, 20, 40, 41)
    expect_close(
        [submission.call("warmup_cosine", s, 3.0, 0, 40) for s in steps],
        rates(steps, 3.0, 0, 40),
        what=f"warmup_cosine(step, peak=3, warmup_steps=0, total_steps=40) at steps {steps}",
    )


@exercise("lab07.warmup_cosine")
def test_step_may_be_a_tensor(submission):
    steps = (2, 33)
    expect_close(
        [submission.call("warmup_cosine", np.array(s), 2.0, 10, 80, 0.1) for s in steps],
        rates(steps, 2.0, 10, 80, 0.1),
        what=f"warmup_cosine(step, peak=2, 10, 80, 0.1) with the steps {steps} as tensors",
    )
    # The optimizer asks for the rate inside the compiled step.
    expect_compiles(
        lambda: submission.compiled("warmup_cosine", np.array(33), 2.0, 10, 80, 0.1),
        "warmup_cosine",
    )


@exercise("lab07.warmup_cosine")
def test_warmup_must_leave_room(submission):
    for warmup in (50, 60):
        error = submission.error("warmup_cosine", 3, 1.0, warmup, 50)
        expect(
            error is not None and error[0] == "ValueError",
            f"warmup_cosine(step, peak, warmup_steps={warmup}, total_steps=50) should raise a "
            f"ValueError; yours gives {error}",
            "schedule.no-room-passes",
        )


@exercise("lab07.warmup_cosine")
def test_any_schedule(submission, rng):
    warmup, total = int(rng.integers(3, 20)), int(rng.integers(30, 200))
    shape = (float(rng.uniform(0.5, 4)), warmup, total, float(rng.uniform(0, 0.5)))
    steps = rng.integers(0, total + 10, size=6).tolist()
    expect_close(
        [submission.call("warmup_cosine", s, *shape) for s in steps],
        rates(steps, *shape),
        what=f"warmup_cosine(step, {', '.join(f'{x:.4g}' for x in shape)}) at steps {steps}",
    )
