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
    expect_no_crash,
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


def visible(logits, forbidden=-99.0):
    """Logits with a number in place of minus infinity, so that a distance can be measured."""
    logits = np.asarray(logits, "float64")
    return np.where(np.isneginf(logits), forbidden, logits)


def some_logits(rng, rows=3, size=7):
    """Rows of clearly different logits, in an order of their own."""
    return rng.permuted(np.tile(np.arange(size) - 2.5, (rows, 1)), axis=1)


@exercise("lab08.top_k_logits")
def test_only_the_best_stay(submission, rng):
    logits, k = some_logits(rng), 3
    in_order = -np.sort(-logits, axis=1)
    expect_close(
        visible(submission.call("top_k_logits", logits, k)),
        visible(reference_top_k := generation.top_k(logits, k)),
        misconceptions={
            "topk.keeps-the-smallest": visible(-generation.top_k(-logits, k, np.inf)),
            "topk.one-too-many": visible(generation.top_k(logits, k + 1)),
            "topk.zero-in-place": generation.top_k(logits, k, 0.0),
            "topk.only-the-best-are-returned": in_order[:, :k],
            "topk.probabilities": softmax_of(reference_top_k),
        },
        what="top_k_logits(logits, k=3), with -99 for minus infinity",
    )
    expect_compiles(lambda: submission.compiled("top_k_logits", logits, k), "top_k_logits")


@exercise("lab08.top_k_logits")
def test_each_row_has_its_own_border(submission, rng):
    logits = some_logits(rng) + np.array([[0.0], [50.0], [-50.0]])
    border = np.sort(logits, axis=None)[-3 * 3]
    expect_close(
        visible(submission.call("top_k_logits", logits, 3)),
        visible(generation.top_k(logits, 3)),
        misconceptions={
            "topk.one-border-for-all": visible(np.where(logits < border, -np.inf, logits)),
        },
        what="top_k_logits of rows that are 50 apart, with -99 for minus infinity",
    )


@exercise("lab08.top_k_logits")
def test_equal_logits_stay_together(submission):
    logits = np.array([[1.0, 2.0, 1.0, 0.0, 1.0], [3.0, 0.0, 3.0, -1.0, 0.0]])
    first_only = np.array([[1.0, 2.0, -np.inf, -np.inf, -np.inf], [3.0, *[-np.inf] * 4]])
    first_only[1, 2] = 3.0
    expect_close(
        visible(submission.call("top_k_logits", logits, 2)),
        visible(generation.top_k(logits, 2)),
        misconceptions={"topk.ties-cut": visible(first_only)},
        what="top_k_logits(k=2) of logits among which some are equal, with -99 for minus infinity",
    )


@exercise("lab08.top_k_logits")
def test_k_of_all_sizes(submission, rng):
    logits = some_logits(rng)
    with expect_no_crash("top_k_logits with k larger than the vocabulary", "topk.k-too-large"):
        found = submission.call("top_k_logits", logits, 8)
    expect_close(found, logits, what="top_k_logits of 7 tokens with k=8")
    for k in (1, 7):
        expect_close(
            visible(submission.call("top_k_logits", logits, k)),
            visible(generation.top_k(logits, k)),
            what=f"top_k_logits of 7 tokens with k={k}, with -99 for minus infinity",
        )
    for k in (0, -2):
        error = submission.error("top_k_logits", logits, k)
        expect(
            error is not None and error[0] == "ValueError",
            f"top_k_logits(logits, k={k}) should raise a ValueError; yours gives {error}",
            "topk.bad-k-passes",
        )


# Together the first two have less than 0.7, the first three more.
SHARES = np.array([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])


def logits_of(shares, rng, rows=3):
    """Rows of logits with these probabilities, each in an order and at a height of its own."""
    shuffled = rng.permuted(np.tile(shares, (rows, 1)), axis=1)
    return np.log(shuffled) + np.arange(rows)[:, None]


@exercise("lab08.nucleus_logits")
def test_the_likeliest_with_p_together(submission, rng):
    logits, p = logits_of(SHARES, rng), 0.7
    own = softmax_of(logits)
    in_order = -np.sort(-logits, axis=1)
    kept = generation.nucleus(logits, p)
    tail = np.array([[own[i][own[i] < q].sum() for q in own[i]] for i in range(len(own))])

    def where(stays):
        return visible(np.where(stays, logits, -np.inf))

    expect_close(
        visible(submission.call("nucleus_logits", logits, p)),
        visible(kept),
        misconceptions={
            "nucleus.last-one-left-out": where(own > SHARES[2] + 0.01),
            "nucleus.own-probability": where(own >= 1 - p),
            "nucleus.from-the-tail": where(tail < p),
            "nucleus.in-order": visible(generation.nucleus(in_order, p)),
            "nucleus.zero-in-place": generation.nucleus(logits, p, 0.0),
            "nucleus.probabilities": softmax_of(kept),
        },
        what="nucleus_logits(logits, p=0.7), with -99 for minus infinity",
    )


@exercise("lab08.nucleus_logits")
def test_small_p_keeps_the_best(submission, rng):
    logits = logits_of(SHARES, rng)
    for p in (0.3, 1e-6):
        expect_close(
            visible(submission.call("nucleus_logits", logits, p)),
            visible(generation.nucleus(logits, p)),
            misconceptions={"nucleus.nothing-left": np.full(logits.shape, -99.0)},
            what=f"nucleus_logits(logits, p={p:g}), with -99 for minus infinity",
        )


@exercise("lab08.nucleus_logits")
def test_p_of_one_keeps_all(submission, rng):
    # The best one has all but a billionth: rounded, nothing is left for the others.
    logits = rng.permuted(np.tile([22.0, 0.0, -1.0, -2.0, -3.0], (2, 1)), axis=1)
    best = logits == 22
    expect_close(
        visible(submission.call("nucleus_logits", logits, 1.0)),
        logits,
        misconceptions={"nucleus.p-1-cuts": visible(np.where(best, logits, -np.inf))},
        what="nucleus_logits(logits, p=1), with -99 for minus infinity",
    )


@exercise("lab08.nucleus_logits")
def test_equal_logits_stay_or_go_together(submission, rng):
    shares = np.array([0.3, 0.3, 0.2, 0.2])
    logits = np.log(shares)[None]
    for p, kept_by_place in ((0.2, 1), (0.75, 3)):
        cut = np.where(np.arange(4) < kept_by_place, logits, -np.inf)
        expect_close(
            visible(submission.call("nucleus_logits", logits, p)),
            visible(generation.nucleus(logits, p)),
            misconceptions={"nucleus.ties-cut": visible(cut)},
            what=f"nucleus_logits of probabilities 0.3, 0.3, 0.2, 0.2 with p={p:g}, with -99 for "
            "minus infinity",
        )


@exercise("lab08.nucleus_logits")
def test_p_as_a_tensor_and_forbidden_tokens(submission, rng):
    logits, p = logits_of(SHARES, rng), np.array(0.5)
    expect_compiles(lambda: submission.compiled("nucleus_logits", logits, p), "nucleus_logits")
    # Top-k may have forbidden some before.
    logits = generation.top_k(logits, 3)
    expect_close(
        visible(submission.call("nucleus_logits", logits, p)),
        visible(generation.nucleus(logits, 0.5)),
        what="nucleus_logits of logits that top-k has cut, with -99 for minus infinity",
    )
    expect_close(
        visible(submission.call("nucleus_logits", logits, np.array(1.0))),
        visible(logits),
        what="nucleus_logits of logits that top-k has cut, p=1 as a tensor, with -99 for minus "
        "infinity",
    )


def chosen(submission, logits, temperature, **limits):
    """How often each token is chosen, from half a million equal rows."""
    rows = np.tile(np.asarray(logits, "float32"), (500_000, 1))
    drawn = np.asarray(submission.call("choose_token", rows, temperature, 3, **limits))
    expect(
        drawn.shape == (len(rows),) and drawn.dtype.kind in "iu",
        f"choose_token of {len(rows)} rows: expected as many whole numbers, yours has shape "
        f"{drawn.shape} and type {drawn.dtype}",
    )
    return np.bincount(drawn, minlength=len(logits)) / len(rows)


def shares_of(logits, temperature, top_k=None, top_p=None, nucleus_first=False):
    """The shares that `choose_token` should give; the last argument makes a mistake."""
    logits = np.asarray([logits], "float64") / temperature
    if nucleus_first and top_p is not None:
        logits = generation.nucleus(logits, top_p)
    if top_k is not None:
        logits = generation.top_k(logits, top_k)
    if top_p is not None and not nucleus_first:
        logits = generation.nucleus(logits, top_p)
    return softmax_of(logits)[0]


@exercise("lab08.choose_token")
def test_temperature_and_top_k(submission):
    logits, temperature = [4.0, 0.0, -0.1, -0.2, -0.3, -0.4], 6.0
    expect_close(
        chosen(submission, logits, temperature, top_k=2),
        shares_of(logits, temperature, 2),
        misconceptions={
            "choose.temperature-ignored": shares_of(logits, 1.0, 2),
            "choose.top-k-ignored": shares_of(logits, temperature),
        },
        tolerance=0.03,
        what="share of each token, choose_token(logits, temperature=6, top_k=2)",
    )


@exercise("lab08.choose_token")
def test_top_k_then_nucleus(submission):
    # Of the best three the first has 0.56; of all it has 0.4.
    logits = np.log([0.4, 0.2, 0.1, 0.09, 0.11, 0.1])
    expect_close(
        chosen(submission, logits, 1.0, top_k=3, top_p=0.55),
        shares_of(logits, 1.0, 3, 0.55),
        misconceptions={
            "choose.nucleus-before-top-k": shares_of(logits, 1.0, 3, 0.55, nucleus_first=True),
            "choose.top-p-ignored": shares_of(logits, 1.0, 3),
        },
        tolerance=0.03,
        what="share of each token, choose_token(logits, top_k=3, top_p=0.55)",
    )


@exercise("lab08.choose_token")
def test_temperature_then_nucleus(submission):
    # At temperature 1 the first one has more than 0.6; at 8 two of them are needed.
    logits, temperature, top_p = [4.0, 2.0, 0.0, -40.0], 8.0, 0.6
    cold = generation.nucleus(np.array([logits]), top_p)
    expect_close(
        chosen(submission, logits, temperature, top_p=top_p),
        shares_of(logits, temperature, top_p=top_p),
        misconceptions={"choose.nucleus-before-temperature": softmax_of(cold / temperature)[0]},
        tolerance=0.03,
        what="share of each token, choose_token(logits, temperature=8, top_p=0.6)",
    )


@exercise("lab08.choose_token")
def test_greedy_with_every_limit(submission, rng):
    logits = rng.permuted(np.tile(np.arange(7.0) + 1, (5, 1)), axis=1)
    for limits in ({}, {"top_k": 3}, {"top_p": 0.9}, {"top_k": 3, "top_p": np.array(1.0)}):
        expect_equal(
            np.asarray(submission.call("choose_token", logits, 0.0, 0, **limits)),
            logits.argmax(axis=1),
            misconceptions={"choose.divides-by-zero": np.zeros(5, int)},
            what=f"choose_token(logits, temperature=0, {limits})",
        )


@exercise("lab08.choose_token")
def test_seeds_of_choices(submission):
    even = np.zeros((64, 11))
    first = np.asarray(submission.call("choose_token", even, 1.0, 5))
    expect(
        np.any(np.asarray(submission.call("choose_token", even, 1.0, 6)) != first),
        "choose_token with seeds 5 and 6 chooses the same 64 tokens",
        "choose.seed-ignored",
    )
    expect_equal(
        np.asarray(submission.call("choose_token", even, 1.0, np.array(5))),
        first,
        what="a second choice with the same seed, as a tensor",
    )
    expect_equal(
        submission.call("choose_token", even),
        submission.call("choose_token", even, 1.0, 0),
        what="choose_token without temperature and seed, compared with temperature=1 and seed=0",
    )


@exercise("lab08.choose_token")
def test_choosing_in_a_compiled_loop(submission, rng):
    logits, rest = rng.normal(size=(3, 5)), (np.array(0.7, "float32"), np.array(5))
    limits = {"top_k": 2, "top_p": np.array(0.9)}
    expect_compiles(
        lambda: submission.compiled("choose_token", logits, *rest, **limits), "choose_token"
    )
    error = submission.error("choose_token", logits, 1.0, 0, top_k=0)
    expect(
        error is not None and error[0] == "ValueError",
        f"choose_token with top_k=0 should raise a ValueError; yours gives {error}",
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


@exercise("lab08.pad_prompts")
def test_filled_up_on_the_right(submission, rng):
    # The filler is a token like any other: one prompt ends with it, one begins with it.
    prompts, filler = [[4, 9, 7, 2, 9], [9, 5], [3, 8, 9]], 9
    lengths = np.array([5, 2, 3])
    right = np.array([[4, 9, 7, 2, 9], [9, 5, 9, 9, 9], [3, 8, 9, 9, 9]])
    tokens, found = submission.call("pad_prompts", prompts, filler)
    expect_equal(
        np.asarray(tokens),
        right,
        misconceptions={
            "pad.on-the-left": np.array([[4, 9, 7, 2, 9], [9, 9, 9, 9, 5], [9, 9, 3, 8, 9]]),
            "pad.cut-to-the-shortest": right[:, :2],
            "pad.filler-ignored": np.array([[4, 9, 7, 2, 9], [9, 5, 0, 0, 0], [3, 8, 9, 0, 0]]),
        },
        what="tokens of pad_prompts(prompts of 5, 2 and 3 tokens, filler=9)",
    )
    expect_equal(
        np.asarray(found),
        lengths,
        misconceptions={
            "pad.lengths-of-the-longest": np.full(3, 5),
            "pad.filler-counted": (right != filler).sum(axis=1),
        },
        what="lengths of pad_prompts(prompts of 5, 2 and 3 tokens, filler=9)",
    )


@exercise("lab08.pad_prompts")
def test_arrays_and_the_filler_unless_given(submission, rng):
    prompts = some_tokens(rng, 4)
    tokens, lengths = submission.call("pad_prompts", prompts)
    expect_equal(np.asarray(tokens), prompts, what="tokens of pad_prompts(int array)")
    expect_equal(np.asarray(lengths), np.array([4, 4]), what="lengths of pad_prompts(int array)")
    tokens, lengths = submission.call("pad_prompts", [[5, 6, 8]])
    expect_equal(np.asarray(tokens), np.array([[5, 6, 8]]), what="tokens of one prompt")
    expect_equal(np.asarray(lengths), np.array([3]), what="lengths of one prompt")
    tokens, _ = submission.call("pad_prompts", [[5, 6], [7]])
    expect_equal(np.asarray(tokens), np.array([[5, 6], [7, 0]]), what="pad_prompts([[5, 6], [7]])")


@exercise("lab08.pad_prompts")
def test_empty_prompts_are_named(submission):
    for prompts in ([[5, 6], []], [[]], []):
        error = submission.error("pad_prompts", prompts)
        expect(
            error is not None and error[0] == "ValueError",
            f"pad_prompts({prompts}) should raise a ValueError; yours gives {error}",
            "pad.empty-passes",
        )


@exercise("lab08.context_start")
def test_where_the_window_begins(submission):
    for window in (8, 7):
        places = range(5 * window)
        found = [submission.call("context_start", place, window) for place in places]
        expect_equal(
            found,
            [generation.window_start(place, window) for place in places],
            misconceptions={
                "context.never-moves": [0 for _ in places],
                "context.moves-by-one": [max(0, place + 1 - window) for place in places],
                "context.moves-late": [
                    generation.window_start(max(0, place - 1), window) for place in places
                ],
                "context.moves-early": [
                    generation.window_start(place + 1, window) for place in places
                ],
                "context.rounded-down": [
                    max(0, place - window) // (window // 2) * (window // 2) for place in places
                ],
                "context.forgets-everything": [place // window * window for place in places],
            },
            what=f"[context_start(place, {window}) for place in range({5 * window})]",
        )


@exercise("lab08.context_start")
def test_windows_of_all_sizes(submission, rng):
    for window in (2, 3, int(rng.integers(20, 90))):
        places = [int(place) for place in rng.integers(1, 20 * window, size=5)]
        expect_equal(
            [submission.call("context_start", place, window) for place in places],
            [generation.window_start(place, window) for place in places],
            what=f"[context_start(place, {window}) for place in {places}]",
        )
    for window in (1, 0):
        error = submission.error("context_start", 3, window)
        expect(
            error is not None and error[0] == "ValueError",
            f"context_start(3, window={window}) should raise a ValueError; yours gives {error}",
            "context.bad-window-passes",
        )


def stop_in(text, length, last):
    """A token that a text writes in the middle and does not repeat at once, or None.

    Args:
        text: list of int, a prompt of `length` tokens and what follows.
        last: int, it stands before this place.
    """
    for place in range(length + 1, last):
        token = text[place]
        if token and token not in text[length:place] and text[place + 1] != token:
            return token
    return None


# How many tokens of each row are prompt, and which places are filled. Each call costs a tenth of a
# second whatever it does, so each of them asks several things.
# The token that stops is 0, which is false where a condition is asked for.
STOP = 0
ROWS, FIRST, LAST = (4, 7, 5), 4, 12


def continued(row, length, w, stop=None, last=LAST + 1):
    """A row's prompt of `length` tokens, continued up to place `last`: (list of int, margin)."""
    return generation.write(row[:length].tolist(), w, SMALL, max(0, last - length), stop)


def filled_in(tokens, rows, last=LAST):
    """The window's tokens with the places up to `last` from `rows`; the others keep theirs."""
    filled = tokens.copy()
    for i, row in enumerate(rows):
        filled[i, : min(last, len(row))] = row[:last]
    return filled


def clear_window(rng):
    """A window to be filled whose every greedy choice is clear, whatever the rounding.

    Returns:
        (w, tokens): weights, and (3, 16) of int with noise behind the prompts. Row 0 writes token
        STOP in the middle, row 1 does not, and row 2 has it at the end of its prompt.
    """
    while True:
        w = gpt.random_weights(SMALL, rng)
        tokens = rng.integers(0, 13, size=(len(ROWS), SMALL.max_sequence_length))
        stop = stop_in(continued(tokens[0], ROWS[0], w)[0], ROWS[0], LAST - 2)
        tokens[2, ROWS[2] - 1] = -1 if stop is None else stop
        rows, margins = zip(
            *(continued(row, n, w) for row, n in zip(tokens, ROWS, strict=True)), strict=True
        )
        varied = all(len(set(row[n:LAST])) > 2 for row, n in zip(rows, ROWS, strict=True))
        clear = varied and min(margins) > 0.01
        if clear and stop not in (None, *rows[1][ROWS[1] :], rows[2][ROWS[2]]):
            renamed = np.arange(13)
            renamed[[STOP, stop]] = stop, STOP
            table = "embedding.token_embeddings"
            return w | {table: w[table][renamed]}, renamed[tokens]


@exercise("lab08.fill_window")
def test_rows_walk_together(submission, rng):
    (w, tokens), stop = clear_window(rng), STOP
    # The dropout must not act. A model is built and compiled once for all that is asked here.
    part, seeds = model(dataclasses.replace(SMALL, dropout=0.5), w), np.arange(16)

    def rows(stop=stop, lengths=ROWS):
        return [continued(t, n, w, stop)[0] for t, n in zip(tokens, lengths, strict=True)]

    right = filled_in(tokens, rows())
    stopped_at = right[0].tolist().index(stop, ROWS[0])
    in_prompt, kept, ended, repeated = (right.copy() for _ in range(4))
    in_prompt[2, ROWS[2] : LAST] = stop
    for i, n in enumerate(ROWS):
        end = [*right[i, :LAST].tolist(), stop].index(stop, n) + 1
        kept[i, end:] = tokens[i, end:]
        repeated[i, n:LAST] = continued(tokens[i], FIRST, w)[0][FIRST]
    first_stop = min(
        [*row[:LAST], stop].index(stop, n) for row, n in zip(rows(), ROWS, strict=True)
    )
    ended[:, first_stop + 1 :] = tokens[:, first_stop + 1 :]
    found = submission.call(
        "fill_window", part, tokens, np.array(ROWS), FIRST, LAST, seeds, 0.0, stop_token=stop
    )
    expect_equal(
        np.asarray(found),
        right,
        misconceptions={
            "fill.prompt-overwritten": filled_in(tokens, rows(lengths=[FIRST] * 3)),
            "fill.noise-read-as-prompt": filled_in(tokens, rows(lengths=[max(ROWS)] * 3)),
            "fill.one-too-many": filled_in(tokens, rows(), LAST + 1),
            "fill.repeats-one-token": repeated,
            "fill.unchanged": tokens,
            "fill.stop-ignored": filled_in(tokens, rows(stop=None)),
            "fill.stop-in-the-prompt": in_prompt,
            "fill.stop-not-repeated": kept,
            "fill.one-stops-all": ended,
        },
        what=f"fill_window(model, tokens, lengths={ROWS}, first={FIRST}, last={LAST}, seeds, "
        f"temperature=0, stop_token={stop}), which row 0 writes at place {stopped_at} and which "
        f"ends row 2's prompt",
    )
    check_end(submission, part, tokens, seeds, stop)
    alike = np.tile(tokens[:1], (3, 1))
    check_choices(submission, part, w, alike, rows(stop=None)[0], rows()[0])


def check_end(submission, part, tokens, seeds, stop):
    """Both rows have stopped before, one in another window: nothing is left to do."""
    over = tokens[:2].copy()
    over[:, FIRST - 1] = stop
    on = over.copy()
    on[:, FIRST:LAST] = stop
    found = submission.call(
        "fill_window",
        part,
        over,
        np.array([-4, 2]),
        FIRST,
        LAST,
        seeds,
        0.0,
        False,
        stop_token=stop,
    )
    expect_equal(
        np.asarray(found),
        over,
        misconceptions={"fill.does-not-end": on},
        what=f"fill_window of two rows that have both written stop_token={stop} before place "
        f"{FIRST}, use_cache=False; the places that follow keep what they had",
    )


def check_choices(submission, part, w, tokens, row, stopped):
    """Temperature, seeds and limits reach the choice, with and without the cache; rows alike.

    `row` is the greedy text of each of them, `stopped` the one that ends at the stop token.
    """
    first, last, lengths = FIRST, LAST, np.full(3, FIRST)

    def fill(seeds, temperature, **more):
        given = part, tokens, lengths, first, last, seeds, temperature
        return np.asarray(submission.call("fill_window", *given, **more))

    seeds, best = np.arange(16), filled_in(tokens, [row] * 3)
    # Of the best two the first has more than 0.4, hot as it is; of all, five or so are needed.
    found = fill(seeds, 50.0, top_k=2, top_p=0.4)
    end = stopped.index(STOP, first) + 1
    expect(
        np.any(found[:, :end] != best[:, :end]) or np.all(found[:, end] == best[:, end]),
        f"fill_window without a stop_token goes on with token {STOP} once it has written it",
        "fill.stops-unasked",
    )
    drawn = fill(seeds, 3.0)
    expect(
        drawn.shape == best.shape and np.any(drawn != best),
        "fill_window with temperature=3 writes what it writes with temperature=0",
        "fill.temperature-ignored",
    )
    # Other seeds from the middle on.
    middle = first + 3
    changed = fill(np.where(seeds < middle, seeds, seeds + 99), 3.0)
    expect(
        np.any(changed != drawn),
        "fill_window writes the same with other seeds",
        "fill.seeds-ignored",
    )
    expect(
        np.all(changed[:, :middle] == drawn[:, :middle])
        and np.any(changed[:, middle : middle + 2] != drawn[:, middle : middle + 2]),
        f"fill_window(first={first}) with other seeds from place {middle} on should write other "
        f"tokens from that place on: the seed of a place is seeds[place]",
        "fill.seeds-not-by-place",
    )
    # Without the cache it was two rows before, and other places.
    with expect_no_crash(
        "fill_window, without the cache, of two rows and then of three", "fill.made-for-one-batch"
    ):
        uncached = fill(seeds, 3.0, use_cache=False)
    expect(
        np.all(uncached == drawn),
        "fill_window writes other tokens with use_cache=False than with the cache and equal seeds",
        "fill.other-without-cache",
    )
    ranks = [
        int(np.sum(logits > logits[found[i, place]]))
        for i in range(3)
        for place, logits in enumerate(gpt.logits(found[i : i + 1, :last], w, SMALL)[0, :-1], 1)
        if place >= first
    ]
    expect(
        np.all(found == best),
        "fill_window with top_k=2 and top_p=0.4 may write the likeliest token only; yours writes "
        f"others, the {max(ranks) + 1}. likeliest among them",
        "fill.top-p-ignored" if max(ranks) < 2 else "fill.top-k-ignored",
    )


PROMPTS, NEW = (3, 20, 4), 16


def clear_texts(rng):
    """Weights, prompts and greedy texts, each prompt alone, whose every choice is clear.

    The texts have one token more than NEW.
    """
    while True:
        w = gpt.random_weights(SMALL, rng)
        prompts = [rng.integers(0, 13, size=n).tolist() for n in PROMPTS]
        found = [generation.write(prompt, w, SMALL, NEW + 1) for prompt in prompts]
        texts, margins = zip(*found, strict=True)
        varied = all(len(set(text[n:])) > 2 for text, n in zip(texts, PROMPTS, strict=True))
        if min(margins) > 0.002 and varied and stop_in(texts[0], PROMPTS[0], PROMPTS[0] + 6):
            return w, prompts, texts


def as_lists(texts):
    """Texts as lists of int, whatever kind of array or list they come as."""
    return [np.asarray(text).tolist() for text in texts]


@exercise("lab08.generate")
def test_a_batch_is_as_each_prompt_alone(submission, rng):
    # The window of 16 moves several times, and one prompt is longer than it.
    w, prompts, texts = clear_texts(rng)
    # The dropout must not act. A model is built and compiled once for all that is asked here.
    part = model(dataclasses.replace(SMALL, dropout=0.5), w)

    def cut(new_tokens, begin=0):
        return [text[begin and n : n + new_tokens] for text, n in zip(texts, PROMPTS, strict=True)]

    def written(prompts, start=generation.window_start):
        return [generation.write(prompt, w, SMALL, NEW, start=start)[0] for prompt in prompts]

    padded = [prompt + [0] * (max(PROMPTS) - len(prompt)) for prompt in prompts]
    not_moved = cut(NEW)
    not_moved[1] = prompts[1] + [0] * NEW
    expect_equal(
        as_lists(submission.call("generate", part, prompts, NEW, 0.0)),
        cut(NEW),
        misconceptions={
            "generate.no-prompt": cut(NEW, begin=1),
            "generate.one-too-few": cut(NEW - 1),
            "generate.one-too-many": cut(NEW + 1),
            "generate.prompt-only": prompts,
            "generate.filling-read-as-prompt": written(padded),
            "generate.window-by-one": written(prompts, lambda at, size: max(0, at + 1 - size)),
            "generate.forgets-everything": written(prompts, lambda at, n: (at - 1) // n * n),
            "generate.lengths-not-moved": not_moved,
        },
        what=f"generate(model, prompts of {PROMPTS} tokens, {NEW} new ones, temperature=0) by a "
        f"model whose max_sequence_length is {SMALL.max_sequence_length}",
    )
    check_stop(submission, part, w, prompts[0], texts[0])
    check_draws(submission, part, prompts[0], texts[0])


def check_stop(submission, part, w, prompt, text):
    """When all texts have stopped, their rest is filled up."""
    stop = stop_in(text, len(prompt), len(prompt) + 6)
    right, _ = generation.write(prompt, w, SMALL, 10, stop)
    end = right.index(stop, len(prompt)) + 1
    expect_equal(
        as_lists(submission.call("generate", part, [prompt] * 3, 10, 0.0, stop_token=stop)),
        [right] * 3,
        misconceptions={
            "generate.stop-ignored": [text[: len(right)]] * 3,
            "generate.stopped-with-zeros": [right[:end] + [0] * (len(right) - end)] * 3,
        },
        what=f"generate with stop_token={stop} and three equal prompts of {len(prompt)} tokens",
    )


def check_draws(submission, part, prompt, greedy):
    """Draws from equal prompts."""
    asked, new_tokens = [prompt] * 3, 10

    def write(*choice, new_tokens=new_tokens, **more):
        texts = submission.call("generate", part, asked, new_tokens, *choice, **more)
        return np.array(as_lists(texts))

    drawn, best = write(1e6, 1), np.tile(greedy[: len(prompt) + new_tokens], (3, 1))
    expect(
        drawn.shape == best.shape and np.any(drawn != best),
        "at an enormous temperature, generate writes what it writes at temperature 0",
        "generate.temperature-ignored",
    )
    expect(
        any(len(set(row.tolist())) > 1 for row in drawn[:, len(prompt) :]),
        "at an enormous temperature, each text repeats a single token: every step draws alike",
        "generate.steps-share-noise",
    )
    expect(
        np.any(drawn != drawn[:1]),
        "at an enormous temperature, equal prompts go on alike",
        "generate.rows-share-noise",
    )
    shorter = write(1e6, 1, new_tokens=6)
    expect(
        np.all(shorter == drawn[:, : len(prompt) + 6]),
        "generate with the same seed writes other first tokens when it is asked for fewer",
        "generate.draws-depend-on-the-length",
    )
    expect(
        np.any(write(1e6, 2) != drawn),
        "generate writes the same with seeds 1 and 2",
        "generate.seed-ignored",
    )
    expect(
        np.all(write() == write(1.0, 0, use_cache=False)),
        "generate(model, prompts, 10) writes other tokens than with temperature=1, seed=0 and "
        "use_cache=False",
        "generate.other-without-cache",
    )
    expect(
        np.all(write(50.0, 1, top_k=2, top_p=0.4) == best),
        "generate with top_k=2 and top_p=0.4 may write the likeliest token only, and yours writes "
        "others",
        "generate.limits-ignored",
    )
    check_bad_input(submission, part)


def check_bad_input(submission, part):
    """Each of the cases of the docstring."""
    two = [[1, 2, 3], [4, 5, 6]]
    cases = {
        "an empty prompt": ([[1, 2], []], 2, {}),
        "no prompt": ([], 2, {}),
        "-1 new tokens": (two, -1, {}),
        "a negative temperature": (two, 2, {"temperature": -1.0}),
        "top_k=0": (two, 2, {"top_k": 0}),
        "top_p=0": (two, 2, {"top_p": 0.0}),
        "top_p=1.5": (two, 2, {"top_p": 1.5}),
    }
    for case, (prompts, new_tokens, more) in cases.items():
        error = submission.error("generate", part, prompts, new_tokens, **more)
        expect(
            error is not None and error[0] == "ValueError",
            f"generate with {case} should raise a ValueError; yours gives {error}",
            "generate.bad-input-passes",
        )
    # The borders of what is allowed.
    for limits in ({}, {"top_k": 1, "top_p": 1.0}):
        texts = as_lists(submission.call("generate", part, two, 0, **limits))
        expect_equal(texts, two, what=f"generate of 0 new tokens, with limits {limits}")


@exercise("lab08.distinct_ngrams")
def test_share_of_different_pieces(submission):
    texts, n = [[1, 2, 3, 1, 2], [2, 1, 4, 1, 2, 1], [5]], 2
    pieces = [[tuple(t[i : i + n]) for i in range(len(t) - n + 1)] for t in texts[:2]]
    flat = pieces[0] + pieces[1]
    joined = sum(texts, [])
    across = [tuple(joined[i : i + n]) for i in range(len(joined) - n + 1)]
    apart = [tuple(t[i : i + n]) for t in texts for i in range(0, len(t) - n + 1, n)]
    right = len(set(flat)) / len(flat)

    def share(found):
        return len(set(found)) / len(found)

    expect_close(
        submission.call("distinct_ngrams", texts, n),
        right,
        misconceptions={
            "distinct.across-texts": share(across),
            "distinct.mean-of-texts": np.mean([share(p) for p in pieces]),
            "distinct.no-overlap": share(apart),
            "distinct.order-ignored": share([tuple(sorted(p)) for p in flat]),
            "distinct.by-tokens": len(set(flat)) / len(joined),
            "distinct.number": float(len(set(flat))),
            "distinct.last-piece-left-out": share(pieces[0][:-1] + pieces[1][:-1]),
            "distinct.repeated-share": 1 - right,
        },
        what=f"distinct_ngrams({texts}, n=2)",
    )


@exercise("lab08.distinct_ngrams")
def test_pieces_of_every_size(submission, rng):
    texts = [rng.integers(0, 4, size=n).tolist() for n in (6, 9, 2)]
    for n in (1, 3, 9):
        pieces = [tuple(t[i : i + n]) for t in texts for i in range(len(t) - n + 1)]
        expect_close(
            submission.call("distinct_ngrams", texts, n),
            len(set(pieces)) / len(pieces),
            what=f"distinct_ngrams({texts}, n={n})",
        )
    for asked, n in ((texts, 0), (texts, 10), ([], 1)):
        error = submission.error("distinct_ngrams", asked, n)
        expect(
            error is not None and error[0] == "ValueError",
            f"distinct_ngrams({asked}, n={n}) should raise a ValueError; yours gives {error}",
            "distinct.bad-input-passes",
        )
