"""Tests of lab 08. Every axis has a size of its own, so that a swapped one cannot hide."""

import dataclasses

import numpy as np
from reference import attention, generation, gpt

from gpt_tf.config import GPTConfig
from gpt_tf.course.testing import (
    Part,
    exercise,
    expect,
    expect_close,
    expect_compiles,
    expect_equal,
)

BATCH, HEADS, HEAD_DIM, SIZE = 2, 3, 4, 9
SIZES = {"num_heads": HEADS, "hidden_dim": 10, "head_dim": HEAD_DIM, "intermediate_dim": 14}
GPT2 = GPTConfig(13, SIZE, num_layers=2, **SIZES)
GPT1 = GPTConfig(13, SIZE, num_layers=2, normalize_first=False, **SIZES)
GPT3 = GPTConfig(13, SIZE, num_layers=3, attention_window=3, **SIZES)
SMALL = GPTConfig(13, 16, num_layers=1, **SIZES)


def some_tokens(rng, length):
    return rng.integers(0, 13, size=(BATCH, length))


def model(config, w=None):
    return Part("GPT", {"config": config}, w, np.zeros((1, 2), int))


def softmax_of(logits):
    return attention.softmax(np.asarray(logits, "float64"))


def frequencies(submission, logits, temperature, draws=500_000):
    """How often each token is drawn, from that many equal rows."""
    rows = np.tile(np.asarray(logits, "float32"), (draws, 1))
    drawn = np.asarray(submission.call("sample_token", rows, temperature, 3))
    expect(
        drawn.shape == (draws,) and drawn.dtype.kind in "iu",
        f"sample_token of {draws} rows: expected {draws} whole numbers, yours has shape "
        f"{drawn.shape} and type {drawn.dtype}",
        "sample.shape",
    )
    return np.bincount(drawn, minlength=len(logits)) / draws


@exercise("lab08.sample_token")
def test_temperature_zero_is_greedy(submission, rng):
    # All above 0, so that a division by 0 makes infinities of all of them.
    logits = rng.permuted(np.tile(np.arange(7.0) + 1, (5, 1)), axis=1)
    logits[:, 0] = 4.5
    expect_equal(
        np.asarray(submission.call("sample_token", logits, 0.0)),
        logits.argmax(axis=1),
        misconceptions={
            "sample.takes-the-smallest": logits.argmin(axis=1),
            "sample.divides-by-zero": np.zeros(5, int),
        },
        what="sample_token(logits, temperature=0)",
    )


@exercise("lab08.sample_token")
def test_draws_from_the_softmax(submission):
    hot, cold = [8.0, 0.0, -4.0, 2.0, 0.0], [1.0, 0.5, 0.0, -0.5]
    # Half a million draws: their frequencies are within 0.003 of the probabilities.
    expect_close(
        frequencies(submission, hot, 4.0),
        softmax_of(np.divide(hot, 4)),
        misconceptions={
            "sample.temperature-ignored": softmax_of(hot),
            "sample.always-greedy": np.eye(5)[0],
            "sample.uniform": np.full(5, 0.2),
        },
        tolerance=0.03,
        what="share of each token in many draws at temperature 4",
    )
    expect_close(
        frequencies(submission, cold, 0.25),
        softmax_of(np.multiply(cold, 4)),
        misconceptions={
            "sample.temperature-ignored": softmax_of(cold),
            "sample.multiplies": softmax_of(np.divide(cold, 4)),
        },
        tolerance=0.03,
        what="share of each token in many draws at temperature 0.25",
    )


@exercise("lab08.sample_token")
def test_rows_and_seeds(submission):
    even = np.zeros((64, 11))
    first = submission.call("sample_token", even, 1.0, 5)
    expect(
        len(set(np.asarray(first).tolist())) > 1,
        "64 rows of equal logits all draw the same token; each row should draw on its own",
        "sample.rows-share-noise",
    )
    expect_equal(
        submission.call("sample_token", even, 1.0, np.array(5)),
        first,
        what="a second draw with the same seed, as a tensor",
    )
    expect(
        np.any(np.asarray(submission.call("sample_token", even, 1.0, 6)) != np.asarray(first)),
        "seeds 5 and 6 draw the same 64 tokens",
        "sample.seed-ignored",
    )


@exercise("lab08.sample_token")
def test_in_a_compiled_loop(submission, rng):
    # There the temperature and the seed are tensors, too.
    logits, rest = rng.normal(size=(3, 5)), (np.array(0.7, "float32"), np.array(5))
    expect_compiles(lambda: submission.compiled("sample_token", logits, *rest), "sample_token")
    expect_equal(
        submission.call("sample_token", logits, np.array(0.0), np.array(5)),
        logits.argmax(axis=1),
        what="sample_token(logits, temperature=0 as a tensor)",
    )


@exercise("lab08.sample_token")
def test_rows_far_apart_do_not_mind_each_other(submission, rng):
    logits = rng.permuted(np.tile(np.arange(7.0), (3, 1)), axis=1) * 100
    logits += np.array([[0.0], [5000.0], [-5000.0]])
    for temperature in (0.0, 1.0):
        expect_equal(
            np.asarray(submission.call("sample_token", logits, temperature)),
            logits.argmax(axis=1),
            what=f"sample_token of rows that are 5000 apart at temperature {temperature:g}",
        )


@exercise("lab08.sample_token")
def test_temperature_1_and_seed_0_unless_given(submission, rng):
    logits = rng.normal(size=(64, 11)) * 2
    expect_equal(
        submission.call("sample_token", logits),
        submission.call("sample_token", logits, 1.0, 0),
        what="sample_token without temperature and seed, compared with temperature=1 and seed=0",
    )


def shapes_of(cache):
    return [[tuple(np.shape(x)) for x in pair] for pair in cache]


@exercise("lab08.make_cache")
def test_a_pair_for_each_block(submission):
    for length in (None, 5):
        size = length or SIZE
        cache = submission.call("make_cache", model(GPT3), BATCH, **{"length": length})

        def cache_of(*shape, layers=3):
            return [[shape, shape]] * layers

        wrong = {
            "cache.one-pair": cache_of(BATCH, HEADS, size, HEAD_DIM, layers=1),
            "cache.positions-before-heads": cache_of(BATCH, size, HEADS, HEAD_DIM),
            "cache.heads-merged": cache_of(BATCH, size, HEADS * HEAD_DIM),
            "cache.starts-with-no-room": cache_of(BATCH, HEADS, 0, HEAD_DIM),
            "cache.width-of-the-model": cache_of(BATCH, HEADS, size, 10),
            "cache.head-dim-computed": cache_of(BATCH, HEADS, size, 10 // HEADS),
        }
        if length:
            wrong["cache.length-ignored"] = cache_of(BATCH, HEADS, SIZE, HEAD_DIM)
        expect_equal(
            shapes_of(cache),
            cache_of(BATCH, HEADS, size, HEAD_DIM),
            misconceptions=wrong,
            what=f"shapes in make_cache(model of 3 blocks, batch_size=2, length={length})",
        )
        expect(
            all(np.all(np.asarray(x) == 0) for pair in cache for x in pair),
            "make_cache gives numbers other than 0",
            "cache.not-zeros",
        )
        expect(
            all(np.asarray(x).dtype.kind == "f" for pair in cache for x in pair),
            "make_cache gives whole numbers, expected floats",
            "cache.not-floats",
        )


@exercise("lab08.make_cache")
def test_a_cache_of_any_size(submission, rng):
    batch, length = int(rng.integers(3, 9)), int(rng.integers(2, SIZE))
    expect_equal(
        shapes_of(submission.call("make_cache", model(GPT3), batch, length=length)),
        [[(batch, HEADS, length, HEAD_DIM)] * 2] * 3,
        what=f"shapes in make_cache(model of 3 blocks, batch_size={batch}, length={length})",
    )


def layer_weights(rng, hidden_dim=10):
    width = HEADS * HEAD_DIM
    return {
        "qkv.kernel": rng.normal(size=(hidden_dim, 3 * width)) / 2,
        "qkv.bias": rng.normal(size=3 * width),
        "projection.kernel": rng.normal(size=(width, hidden_dim)),
        "projection.bias": rng.normal(size=hidden_dim),
    }


def layer(w):
    config = {"num_heads": HEADS, "head_dim": HEAD_DIM}
    return Part("CausalSelfAttention", config, w, np.zeros((1, 2, 10)))


@exercise("lab08.cached_attention")
def test_new_positions_see_all_before(submission, rng):
    x, w = rng.normal(size=(BATCH, 6, 10)), layer_weights(rng)
    new, index, place = x[:, 4:], 4, np.arange(SIZE)
    cache = generation.filled(x[:, :4], w, HEADS, SIZE, rest=2.0)
    after = generation.filled(x, w, HEADS, SIZE, rest=2.0)
    at_start = tuple(
        np.concatenate([fresh[:, :, 4:6], old[:, :, 2:]], axis=2)
        for fresh, old in zip(after, cache, strict=True)
    )

    def looking(mask, memory=after):
        return generation.attend(new, *memory, mask, w, HEADS)

    output, updated = submission.call("cached_attention", layer(w), new, cache, index)
    expect_close(
        output,
        attention.causal_self_attention(x, w, HEADS)[:, 4:],
        misconceptions={
            "cache.sees-empty-places": looking(np.ones((2, SIZE), bool)),
            "cache.sees-the-future": looking(np.tile(place < 6, (2, 1))),
            "cache.blind-to-itself": looking(generation.past(3, 2, SIZE)),
            "cache.sees-only-the-old": looking(np.tile(place < 4, (2, 1))),
            "cache.mask-from-zero": looking(generation.past(0, 2, SIZE)),
            "cache.no-memory": attention.causal_self_attention(new, w, HEADS),
            "cache.written-at-the-start": looking(generation.past(index, 2, SIZE), at_start),
            "cache.not-written": looking(generation.past(index, 2, SIZE), cache),
        },
        tolerance=2e-5,
        what="output of cached_attention(attention, 2 new positions, cache, index=4)",
    )
    check_updated(updated, after, cache, at_start, until=6)


def check_updated(updated, after, before, at_start, until):
    """Compares the filled part of a cache, and its shape."""
    expect(
        len(updated) == 2 and all(np.shape(x) == after[0].shape for x in updated),
        f"cached_attention should return a cache of shape {after[0].shape}, twice; yours: "
        f"{[np.shape(x) for x in updated]}",
        "cache.changes-its-shape",
    )
    keys_twice = np.stack([after[0], after[0]])[:, :, :, :until]
    expect_close(
        np.stack(updated)[:, :, :, :until],
        np.stack(after)[:, :, :, :until],
        misconceptions={
            "cache.not-returned": np.stack(before)[:, :, :, :until],
            "cache.written-at-the-start": np.stack(at_start)[:, :, :, :until],
            "cache.keys-for-values": keys_twice,
        },
        tolerance=2e-5,
        what=f"the first {until} positions of the cache that cached_attention returns",
    )


@exercise("lab08.cached_attention")
def test_first_position(submission, rng):
    x, w = rng.normal(size=(BATCH, 1, 10)), layer_weights(rng)
    empty = tuple(np.zeros((BATCH, HEADS, SIZE, HEAD_DIM)) for _ in range(2))
    output, _ = submission.call("cached_attention", layer(w), x, empty, np.array(0))
    expect_close(
        output,
        attention.causal_self_attention(x, w, HEADS),
        tolerance=2e-5,
        what="output of cached_attention(attention, 1 position, empty cache, index=0 as a tensor)",
    )
    expect_compiles(
        lambda: submission.compiled("cached_attention", layer(w), x, empty, np.array(0)),
        "cached_attention",
    )


@exercise("lab08.cached_attention")
def test_takes_a_mask(submission, rng):
    x, w = rng.normal(size=(BATCH, 6, 10)), layer_weights(rng)
    after = generation.filled(x, w, HEADS, SIZE)
    mask = gpt.band(SIZE, 2)[4:6]
    # The caller may let the first new position look at the second one.
    joined, mask[0, 5] = mask.copy(), True
    output, _ = submission.call(
        "cached_attention",
        layer(w),
        x[:, 4:],
        generation.filled(x[:, :4], w, HEADS, SIZE),
        4,
        attention_mask=mask,
    )
    expect_close(
        output,
        generation.attend(x[:, 4:], *after, mask, w, HEADS),
        misconceptions={
            "cache.given-mask-ignored": attention.causal_self_attention(x, w, HEADS)[:, 4:],
            "cache.mask-and-causal": generation.attend(x[:, 4:], *after, joined, w, HEADS),
        },
        tolerance=2e-5,
        what="output of cached_attention(..., attention_mask=mask)",
    )


def steps(submission, config, w, tokens, cuts):
    """Feeds tokens in pieces that end at `cuts`; returns the last logits and the cache."""
    pair = np.zeros((BATCH, HEADS, config.max_sequence_length, HEAD_DIM))
    logits, cache, gpt_part = None, [(pair, pair)] * config.num_layers, model(config, w)
    for start, end in zip([0, *cuts], cuts, strict=False):
        # A compiled loop says where it is by a tensor.
        index = start if start == 0 else np.array(start)
        logits, cache = submission.call("decode_step", gpt_part, tokens[:, start:end], cache, index)
    return logits, cache


def everything(config, index, length):
    return np.ones((length, length), bool)


@exercise("lab08.decode_step")
def test_whole_prompt_at_once(submission, rng):
    tokens, w = some_tokens(rng, 5), gpt.random_weights(GPT2, rng)
    logits, cache = steps(submission, GPT2, w, tokens, [5])
    right = gpt.logits(tokens, w, GPT2)
    expect_close(
        logits,
        right[:, -1],
        misconceptions={
            "decode.first-token": right[:, 0],
            "decode.no-final-norm": gpt.logits(tokens, w, GPT2, final_norm=False)[:, -1],
            "decode.order-ignored": gpt.logits(tokens, w, GPT2, normalize_first=False)[:, -1],
            "decode.sees-the-future": gpt.logits(tokens, w, GPT2, mask=everything)[:, -1],
        },
        tolerance=2e-4,
        what="logits of decode_step(model, 5 tokens, empty cache, index=0)",
    )
    filled = [np.any(np.asarray(x)[:, :, :5] != 0) for pair in cache for x in pair]
    expect(
        len(cache) == GPT2.num_layers and all(filled),
        "the cache that decode_step returns is still empty, or lacks blocks",
        "decode.cache-not-returned",
    )


@exercise("lab08.decode_step")
def test_token_by_token(submission, rng):
    tokens, w = some_tokens(rng, 5), gpt.random_weights(GPT2, rng)

    def at(*rows):
        moved = generation.moved_positions(w, [*rows, *range(len(rows), SIZE)])
        return gpt.logits(tokens, moved, GPT2)[:, -1]

    alone = generation.moved_positions(w, [4, *range(1, SIZE)])
    logits, _ = steps(submission, GPT2, w, tokens, [3, 4, 5])
    expect_close(
        logits,
        gpt.logits(tokens, w, GPT2)[:, -1],
        misconceptions={
            "decode.position-zero": at(0, 1, 2, 0, 0),
            "decode.position-late": at(0, 1, 2, 4, 5),
            "decode.no-memory": gpt.logits(tokens[:, -1:], alone, GPT2)[:, -1],
        },
        tolerance=2e-4,
        what="logits after decode_step of 3 tokens, of 1, and of 1 more",
    )


@exercise("lab08.decode_step")
def test_in_a_compiled_step(submission, rng):
    pair = np.zeros((BATCH, HEADS, SMALL.max_sequence_length, HEAD_DIM))
    given = model(SMALL), some_tokens(rng, 1), [(pair, pair)], np.array(2)
    expect_compiles(lambda: submission.compiled("decode_step", *given), "decode_step")


@exercise("lab08.decode_step")
def test_post_norm(submission, rng):
    tokens, w = some_tokens(rng, 4), gpt.random_weights(GPT1, rng)
    logits, _ = steps(submission, GPT1, w, tokens, [3, 4])
    expect_close(
        logits,
        gpt.logits(tokens, w, GPT1)[:, -1],
        misconceptions={
            "decode.order-ignored": gpt.logits(tokens, w, GPT1, normalize_first=True)[:, -1]
        },
        tolerance=2e-4,
        what="logits of decode_step with normalize_first=False (GPT-1)",
    )


@exercise("lab08.decode_step")
def test_banded(submission, rng):
    tokens, w = some_tokens(rng, 7), gpt.random_weights(GPT3, rng)

    def masked(mask):
        return gpt.logits(tokens, w, GPT3, mask=mask)[:, -1]

    def band_where(odd):
        return lambda config, index, length: gpt.band(length, 3) if index % 2 == odd else None

    def not_moved(config, index, length):
        # The first five came at once; the last two each took the first rows of the table.
        table = gpt.band(length, 3)
        return np.concatenate([table[:5], table[:1], table[:1]]) if index % 2 else None

    logits, _ = steps(submission, GPT3, w, tokens, [5, 6, 7])
    expect_close(
        logits,
        gpt.logits(tokens, w, GPT3)[:, -1],
        misconceptions={
            "decode.band-ignored": masked(lambda *_: None),
            "decode.band-in-wrong-blocks": masked(band_where(0)),
            "decode.band-everywhere": masked(lambda config, index, length: gpt.band(length, 3)),
            "decode.band-not-moved": masked(not_moved),
        },
        tolerance=2e-4,
        what="logits of decode_step with attention_window=3",
    )


@exercise("lab08.decode_step")
def test_a_single_block(submission, rng):
    tokens, w = some_tokens(rng, 3), gpt.random_weights(SMALL, rng)
    logits, _ = steps(submission, SMALL, w, tokens, [3])
    expect_close(
        logits,
        gpt.logits(tokens, w, SMALL)[:, -1],
        tolerance=2e-4,
        what="logits of decode_step on a model of one block",
    )


def clear_case(rng, new_tokens):
    """Prompt, weights and greedy tokens whose every choice is clear, whatever the rounding."""
    while True:
        prompt, w = some_tokens(rng, 3), gpt.random_weights(SMALL, rng)
        tokens, margin = generation.greedy(prompt, w, SMALL, new_tokens)
        # One new token after another, so that a repeated one can be told.
        if margin > 0.05 and len(set(tokens[0, 3:].tolist())) > 2:
            return prompt, w, tokens


@exercise("lab08.generate")
def test_greedy_and_drawn(submission, rng):
    while True:
        prompt, w, tokens = clear_case(rng, SMALL.max_sequence_length - 3)
        following = gpt.logits(tokens, w, SMALL)[0, -1].argmax()
        # Where the window is full, one token too many is then another one than the last.
        if following != tokens[0, -1]:
            break
    # The dropout must not act. A model is built and compiled once for all that is asked here.
    gpt_part, right = model(dataclasses.replace(SMALL, dropout=0.5), w), tokens[:, :9]
    first = np.concatenate([prompt, np.repeat(tokens[:, 3:4], 6, axis=1)], axis=1)
    wrong = {
        "generate.no-prompt": right[:, 3:],
        "generate.one-too-few": right[:, :-1],
        "generate.one-too-many": tokens[:, :10],
        "generate.repeats-one-token": first,
        "generate.prompt-only": prompt,
    }
    for use_cache in (True, False):
        expect_equal(
            np.asarray(
                submission.call(
                    "generate", gpt_part, prompt, 6, temperature=0.0, use_cache=use_cache
                )
            ),
            right,
            misconceptions=wrong,
            what=f"generate(model, prompt of 3, 6 new tokens, 0, use_cache={use_cache})",
        )
    # What was compiled for a first prompt must not be left in the way of a second one.
    expect_equal(
        np.asarray(submission.call("generate", gpt_part, tokens[:1, :5], 11, temperature=0.0)),
        tokens[:1],
        what="generate(model, a second prompt of another length, 11 tokens up to the window's end)",
    )
    expect_draws(submission, gpt_part, *(np.repeat(x[:1], BATCH, axis=0) for x in (prompt, tokens)))


def expect_draws(submission, gpt_part, prompt, greedy):
    """Draws from equal prompts to the last position of the window, which must be filled too."""
    new_tokens = greedy.shape[1] - prompt.shape[1]

    def write(seed, **more):
        arguments = {"temperature": 1e6, "seed": seed} | more
        return np.asarray(submission.call("generate", gpt_part, prompt, new_tokens, **arguments))

    drawn = write(1)
    expect(
        drawn.shape == greedy.shape and np.all(drawn[:, :3] == prompt),
        f"generate should fill the window with the prompt and {new_tokens} new tokens, shape "
        f"{greedy.shape}; yours has shape {drawn.shape}",
    )
    expect(
        np.any(drawn != greedy),
        "at an enormous temperature, generate writes what it writes at temperature 0",
        "generate.temperature-ignored",
    )
    expect(
        any(len(set(row.tolist())) > 1 for row in drawn[:, 3:]),
        "at an enormous temperature, each text repeats a single token: every step draws alike",
        "generate.steps-share-noise",
    )
    expect(
        np.any(drawn != drawn[:1]),
        "at an enormous temperature, equal prompts go on alike",
        "generate.rows-share-noise",
    )
    again = write(1, use_cache=False)
    expect(
        again.shape == drawn.shape and np.all(again == drawn),
        "generate with use_cache=False draws other tokens than with the same seed and the cache",
        "generate.other-draws",
    )
    expect(
        np.any(write(2) != drawn),
        "generate writes the same with seeds 1 and 2",
        "generate.seed-ignored",
    )
    expect_equal(
        np.asarray(submission.call("generate", gpt_part, prompt, new_tokens)),
        write(0, temperature=1.0),
        what="generate without temperature and seed, compared with temperature=1 and seed=0",
    )


@exercise("lab08.generate")
def test_bad_input_is_named(submission):
    window, gpt_part = SMALL.max_sequence_length, model(SMALL)
    cases = {
        "an empty prompt": (np.zeros((BATCH, 0), int), 2, 1.0),
        f"a prompt of {window + 1} tokens": (np.zeros((BATCH, window + 1), int), 1, 1.0),
        f"{window - 2} tokens of prompt and 3 new ones": (np.zeros((1, window - 2), int), 3, 1.0),
        "a negative temperature": (np.zeros((BATCH, 3), int), 2, -1.0),
    }
    for case, (prompt, new_tokens, temperature) in cases.items():
        error = submission.error("generate", gpt_part, prompt, new_tokens, temperature)
        expect(
            error is not None and error[0] == "ValueError",
            f"generate with {case} (max_sequence_length is {window}) should raise a ValueError; "
            f"yours gives {error}",
            "generate.bad-input-passes",
        )
