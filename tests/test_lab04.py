"""Tests of lab 04. Every axis has a size of its own, so that a swapped one cannot hide."""

import warnings

import numpy as np
from reference import attention as reference

from gpt_tf.course.testing import (
    Part,
    exercise,
    expect,
    expect_close,
    expect_compiles,
    expect_equal,
    expect_no_crash,
    expect_written,
)

BATCH, HEADS, LENGTH, HEAD_DIM = 2, 3, 7, 4


def layer_weights(rng, hidden_dim=10):
    width = HEADS * HEAD_DIM
    return {
        "qkv.kernel": rng.normal(size=(hidden_dim, 3 * width)) / 2,
        "qkv.bias": rng.normal(size=3 * width),
        "projection.kernel": rng.normal(size=(width, hidden_dim)),
        "projection.bias": rng.normal(size=hidden_dim),
    }


@exercise("lab04.causal_mask")
def test_past_and_present_only(submission):
    mask = submission.call("causal_mask", 5)
    lower = reference.causal(5)
    expect_equal(
        mask,
        lower,
        misconceptions={
            "mask.sees-the-future": lower.T,
            "mask.blind-to-itself": np.tril(lower, -1),
            "mask.sees-one-ahead": np.tril(np.ones((5, 5), bool), 1),
            "mask.inverted": ~lower,
            "mask.no-mask": np.ones((5, 5), bool),
            "mask.additive": np.where(lower, 0.0, -np.inf),
        },
        what="causal_mask(5)",
    )
    is_tensor = isinstance(mask, np.ndarray)
    expect(is_tensor, f"causal_mask(5) is a {type(mask).__name__}, expected a boolean tensor")
    expect(mask.dtype == bool, f"causal_mask(5) holds {mask.dtype}, expected bool", "mask.not-bool")


@exercise("lab04.causal_mask")
def test_one_position(submission):
    expect_equal(submission.call("causal_mask", 1), [[True]], what="causal_mask(1)")


@exercise("lab04.causal_mask")
def test_mask_of_any_length(submission, rng):
    length = int(rng.integers(6, 40))
    expect_equal(
        submission.call("causal_mask", length),
        reference.causal(length),
        what=f"causal_mask({length})",
    )


@exercise("lab04.attention_weights")
def test_weights_without_mask(submission, rng):
    q, k = rng.normal(size=(2, BATCH, HEADS, LENGTH, HEAD_DIM)) * 1.5
    expect_close(
        submission.call("attention_weights", q, k),
        reference.weights(q, k),
        misconceptions={
            "attention.no-scale": reference.weights(q, k, scale=1.0),
            "attention.scale-by-width": reference.weights(q, k, scale=1 / HEAD_DIM),
            "attention.scale-multiplied": reference.weights(q, k, scale=HEAD_DIM**0.5),
            "attention.scale-by-length": reference.weights(q, k, scale=LENGTH**-0.5),
            "attention.scale-by-all-heads": reference.weights(
                q, k, scale=(HEADS * HEAD_DIM) ** -0.5
            ),
            "attention.scale-after-softmax": reference.weights(q, k, scale=1.0) / HEAD_DIM**0.5,
            "attention.no-softmax": np.einsum("bhtd,bhsd->bhts", q, k) / HEAD_DIM**0.5,
            "attention.own-mask": reference.weights(q, k, reference.causal(LENGTH)),
            "attention.softmax-over-queries": reference.weights(q, k, axis=-2),
            "attention.keys-ask": reference.weights(k, q),
        },
        what="attention_weights(q, k)",
    )


@exercise("lab04.attention_weights")
def test_weights_with_mask(submission, rng):
    q, k = rng.normal(size=(2, BATCH, HEADS, LENGTH, HEAD_DIM)) * 1.5
    mask = reference.causal(LENGTH)
    # So that the last row, too, has something to hide: a mask read the wrong way round then shows.
    mask[-1, 0] = False
    right = reference.weights(q, k, mask)
    weights = submission.call("attention_weights", q, k, mask)
    expect_close(
        weights,
        right,
        misconceptions={
            "attention.mask-ignored": reference.weights(q, k),
            "attention.mask-after-softmax": reference.weights(q, k) * mask,
            "attention.mask-zero": reference.weights(q, k, mask, filler=0.0),
            "attention.mask-minus-one": reference.weights(q, k, mask, filler=-1.0),
            "attention.mask-inverted": reference.weights(q, k, ~mask),
            "attention.mask-nan": np.nan * right,
            "attention.own-mask": reference.weights(q, k, reference.causal(LENGTH)),
        },
        what="attention_weights(q, k, mask)",
    )


@exercise("lab04.attention_weights")
def test_weights_with_a_mask_of_another_shape(submission, rng):
    q, k = rng.normal(size=(2, BATCH, HEADS, LENGTH, HEAD_DIM))
    # Which keys are there at all, another choice in each text, as for texts of several lengths.
    mask = np.arange(LENGTH) < np.array([3, 5])[:, None, None, None]
    expect_close(
        submission.call("attention_weights", q, k, mask),
        reference.weights(q, k, mask),
        misconceptions={
            "attention.own-mask": reference.weights(q, k, reference.causal(LENGTH)),
            "attention.mask-and-causal": reference.weights(q, k, mask & reference.causal(LENGTH)),
        },
        what="attention_weights with a mask of shape (batch, 1, 1, S)",
    )


@exercise("lab04.attention_weights")
def test_forbidden_positions_get_exactly_nothing(submission, rng):
    # Scores of some hundreds: whatever stands in place of a forbidden one must be far below.
    q, k = rng.normal(size=(2, BATCH, HEADS, LENGTH, HEAD_DIM)) * 15
    mask = reference.causal(LENGTH)
    weights = submission.call("attention_weights", q, k, mask)
    leak = float(np.max(np.where(mask, 0.0, weights)))
    expect(
        leak == 0,
        f"attention_weights(q, k, mask) with large scores: a forbidden position gets {leak:.3g}",
        "attention.mask-too-weak",
    )
    expect_close(
        weights,
        reference.weights(q, k, mask),
        tolerance=2e-3,  # a score of 500 has four digits behind the point in float32
        what="attention_weights(q, k, mask) with scores of some hundreds",
    )


@exercise("lab04.attention_weights")
def test_weights_can_be_trained(submission, rng):
    q, k = rng.normal(size=(2, BATCH, HEADS, LENGTH, HEAD_DIM))
    mask = reference.causal(LENGTH)
    expect_compiles(
        lambda: submission.compiled("attention_weights", q, k, mask), "attention_weights"
    )


@exercise("lab04.attention_weights")
def test_more_keys_than_queries(submission, rng):
    q = rng.normal(size=(BATCH, HEADS, 2, HEAD_DIM))
    k = rng.normal(size=(BATCH, HEADS, 5, HEAD_DIM))
    expect_close(
        submission.call("attention_weights", q, k),
        reference.weights(q, k),
        what="attention_weights with 2 queries and 5 keys",
    )


@exercise("lab04.attention_weights")
def test_weights_of_wider_heads(submission, rng):
    # The root of 4 is its half, too; that of 9 is not.
    q, k = rng.normal(size=(2, BATCH, HEADS, LENGTH, 9))
    expect_close(
        submission.call("attention_weights", q, k),
        reference.weights(q, k),
        what="attention_weights(q, k) with heads of width 9",
    )


@exercise("lab04.scaled_dot_product_attention")
def test_matches_the_formula(submission, rng):
    q, k, v = rng.normal(size=(3, BATCH, HEADS, LENGTH, HEAD_DIM))
    lower = reference.causal(LENGTH)
    # Not the causal mask, so that a function that makes one of its own is found out.
    mask = lower.T
    expect_close(
        submission.call("scaled_dot_product_attention", q, k, v, mask),
        reference.attention(q, k, v, mask),
        misconceptions={
            "attention.mask-ignored": reference.attention(q, k, v),
            "attention.own-mask": reference.attention(q, k, v, lower),
            "attention.mixes-keys": reference.attention(q, k, k, mask),
            "attention.no-scale": reference.attention(q, k, v, mask, scale=1.0),
            "attention.weights-transposed": np.einsum(
                "bhst,bhsd->bhtd", reference.weights(q, k, mask), v
            ),
        },
        what="scaled_dot_product_attention(q, k, v, mask)",
    )


@exercise("lab04.scaled_dot_product_attention")
def test_dropout_acts_on_the_weights(submission, rng):
    q, k, v = rng.normal(size=(3, BATCH, HEADS, LENGTH, HEAD_DIM))
    # Adds 1 to each weight: a stand-in for dropout that leaves nothing to chance.
    add_one = Part("keras.layers.Rescaling", {"scale": 1.0, "offset": 1.0})
    lower = reference.causal(LENGTH)
    masked = np.einsum("bhts,bhsd->bhtd", reference.weights(q, k, lower) + 1, v)
    for mask in (None, lower):
        right = np.einsum("bhts,bhsd->bhtd", reference.weights(q, k, mask) + 1, v)
        expect_close(
            submission.call("scaled_dot_product_attention", q, k, v, mask=mask, dropout=add_one),
            right,
            misconceptions={
                "attention.dropout-ignored": reference.attention(q, k, v, mask),
                "attention.dropout-on-output": reference.attention(q, k, v, mask) + 1,
            }
            | ({"attention.own-mask": masked} if mask is None else {}),
            what="scaled_dot_product_attention with a dropout that adds 1 to its input",
        )


@exercise("lab04.scaled_dot_product_attention")
def test_dropout_decides_itself_when_to_act(submission, rng):
    q, k, v = rng.normal(size=(3, BATCH, HEADS, LENGTH, HEAD_DIM))
    dropout = Part("keras.layers.Dropout", {"rate": 0.5})
    found = submission.call("scaled_dot_product_attention", q, k, v, dropout=dropout)
    expect(
        np.allclose(found, reference.attention(q, k, v), atol=1e-4),
        "scaled_dot_product_attention with a keras.layers.Dropout drops outside training, too",
        "attention.dropout-always",
    )


@exercise("lab04.scaled_dot_product_attention")
def test_one_query_for_many_keys(submission, rng):
    q = rng.normal(size=(BATCH, HEADS, 1, HEAD_DIM))
    k, v = rng.normal(size=(2, BATCH, HEADS, 5, HEAD_DIM))
    expect_close(
        submission.call("scaled_dot_product_attention", q, k, v),
        reference.attention(q, k, v),
        what="scaled_dot_product_attention with 1 query and 5 keys",
    )
    expect_compiles(
        lambda: submission.compiled("scaled_dot_product_attention", q, k, v),
        "scaled_dot_product_attention",
    )


@exercise("lab04.split_heads")
def test_heads_are_slices_of_the_width(submission, rng):
    x = rng.normal(size=(BATCH, LENGTH, HEADS * HEAD_DIM))
    right = reference.split_heads(x, HEADS)
    expect_close(
        submission.call("split_heads", x, HEADS),
        right,
        misconceptions={
            "heads.reshape-only": x.reshape(right.shape),
            "heads.interleaved": np.moveaxis(x.reshape(BATCH, LENGTH, HEAD_DIM, HEADS), -1, 1),
            "heads.not-swapped": np.swapaxes(right, 1, 2),
            "heads.positions-last": np.swapaxes(right, 2, 3),
            "heads.in-the-batch": np.concatenate(np.split(x, HEADS, axis=-1)),
        },
        what=f"split_heads(x, {HEADS})",
    )
    expect_compiles(lambda: submission.compiled("split_heads", x, HEADS), "split_heads")


@exercise("lab04.merge_heads")
def test_heads_side_by_side(submission, rng):
    x = rng.normal(size=(BATCH, HEADS, LENGTH, HEAD_DIM))
    right = reference.merge_heads(x)
    expect_close(
        submission.call("merge_heads", x),
        right,
        misconceptions={
            "heads.reshape-only": x.reshape(right.shape),
            "heads.interleaved": np.moveaxis(x, 1, -1).reshape(right.shape),
            "heads.summed": x.sum(axis=1),
            "heads.averaged": x.mean(axis=1),
            "heads.not-merged": np.swapaxes(x, 1, 2),
            "heads.one-after-another": np.concatenate(list(np.swapaxes(x, 0, 1)), axis=1),
        },
        what="merge_heads(x)",
    )
    expect_compiles(lambda: submission.compiled("merge_heads", x), "merge_heads")


@exercise("lab04.CausalSelfAttention")
def test_layer_matches_the_formula(submission, rng):
    x = rng.normal(size=(BATCH, LENGTH, 10))
    w = layer_weights(rng)
    config = {"num_heads": HEADS, "head_dim": HEAD_DIM}
    width = HEADS * HEAD_DIM
    swapped = w | {f"qkv.{n}": np.roll(w[f"qkv.{n}"], width, axis=-1) for n in ("kernel", "bias")}
    everything = np.ones((LENGTH, LENGTH), bool)
    identity = w | {"projection.kernel": np.eye(width, 10), "projection.bias": np.zeros(10)}
    expect_close(
        submission.layer("CausalSelfAttention", config, w, x),
        reference.causal_self_attention(x, w, HEADS),
        misconceptions={
            "attention.no-causal-mask": reference.causal_self_attention(x, w, HEADS, everything),
            "attention.one-head": reference.causal_self_attention(x, w, 1),
            "attention.no-scale": reference.causal_self_attention(x, w, HEADS, scale=1.0),
            "attention.qkv-order": reference.causal_self_attention(x, swapped, HEADS),
            "attention.no-projection": reference.causal_self_attention(x, identity, HEADS),
        },
        what="CausalSelfAttention(x)",
    )


@exercise("lab04.CausalSelfAttention")
def test_layer_takes_a_mask(submission, rng):
    x = rng.normal(size=(BATCH, LENGTH, 10))
    w = layer_weights(rng)
    near = np.abs(np.subtract.outer(np.arange(LENGTH), np.arange(LENGTH))) < 3
    # One mask for all texts, and one for each.
    for mask in (near, np.stack([near, ~near])[:, None]):
        expect_close(
            submission.layer(
                "CausalSelfAttention",
                {"num_heads": HEADS, "head_dim": HEAD_DIM},
                w,
                x,
                attention_mask=mask,
            ),
            reference.causal_self_attention(x, w, HEADS, mask),
            misconceptions={
                "attention.given-mask-ignored": reference.causal_self_attention(x, w, HEADS),
                "attention.mask-and-causal": reference.causal_self_attention(
                    x, w, HEADS, near & reference.causal(LENGTH)
                ),
            },
            what=f"CausalSelfAttention(x, attention_mask=mask of shape {mask.shape})",
        )


@exercise("lab04.CausalSelfAttention")
def test_dropout_only_while_training(submission, rng):
    x = rng.normal(size=(BATCH, LENGTH, 10))
    w = layer_weights(rng)
    config = {"num_heads": HEADS, "head_dim": HEAD_DIM, "dropout": 0.5}
    right = reference.causal_self_attention(x, w, HEADS)
    quiet, training = (
        submission.layer("CausalSelfAttention", config, w, x, training=on) for on in (False, True)
    )
    expect(
        np.max(np.abs(quiet - right)) < 1e-3,
        "CausalSelfAttention(dropout=0.5) drops outside training, too",
        "attention.dropout-always",
    )
    expect(
        np.max(np.abs(training - right)) > 0.1,
        "CausalSelfAttention(dropout=0.5) gives the same with and without training=True",
        "attention.dropout-ignored",
    )


@exercise("lab04.CausalSelfAttention")
def test_dropout_drops_whole_looks(submission, rng):
    width = HEADS * HEAD_DIM
    x = rng.normal(size=(50, 2, width))
    w = layer_weights(rng, width)
    w |= {"projection.kernel": np.eye(width), "projection.bias": np.zeros(width)}
    config = {"num_heads": HEADS, "head_dim": HEAD_DIM, "dropout": 0.5}
    training = submission.layer("CausalSelfAttention", config, w, x, training=True)
    values = np.split(x @ w["qkv.kernel"] + w["qkv.bias"], 3, axis=-1)[2]
    # Position 0 looks at itself alone: each head keeps this look, and doubles it, or drops it.
    found, kept = (y[:, 0].reshape(50, HEADS, HEAD_DIM) for y in (training, 2 * values))
    whole = np.all(np.abs(found) < 1e-3, axis=-1) | np.all(np.abs(found - kept) < 1e-3, axis=-1)
    expect(
        np.all(whole),
        "CausalSelfAttention(dropout=0.5) while training: position 0 looks at itself alone, so "
        f"each head gives all of it or nothing; {np.mean(~whole):.0%} of yours give a part of it",
        "attention.dropout-elsewhere",
    )


@exercise("lab04.CausalSelfAttention")
def test_heads_for_later_labs(submission, rng):
    x = rng.normal(size=(BATCH, LENGTH, 10))
    w = layer_weights(rng)
    config = {"num_heads": HEADS, "head_dim": HEAD_DIM}
    thirds = np.split(x @ w["qkv.kernel"] + w["qkv.bias"], 3, axis=-1)
    right = np.array([reference.split_heads(third, HEADS) for third in thirds])
    # Raises for a layer of which nothing is written, which is no mistake.
    submission.layer("CausalSelfAttention", config, w, x)
    found = expect_written(
        lambda: submission.layer("CausalSelfAttention", config, w, x, method="heads"),
        "CausalSelfAttention.heads",
        "attention.heads-not-written",
    )
    expect_close(
        found,
        right,
        misconceptions={
            "attention.heads-not-split": np.array(thirds),
            "attention.qkv-order": right[[1, 2, 0]],
        },
        what="the queries, keys and values of CausalSelfAttention.heads(x)",
    )


@exercise("lab04.CausalSelfAttention")
def test_another_length_than_it_was_built_with(submission, rng):
    x, w = rng.normal(size=(BATCH, LENGTH, 10)), layer_weights(rng)
    config = {"num_heads": HEADS, "head_dim": HEAD_DIM}
    what = "CausalSelfAttention of 7 positions, built with 3"
    with expect_no_crash(what, "layer.one-length"):
        found = submission.layer("CausalSelfAttention", config, w, x, example=x[:1, :3])
    expect_close(found, reference.causal_self_attention(x, w, HEADS), what=what)


@exercise("lab04.CausalSelfAttention")
def test_layer_can_be_trained(submission, rng):
    x, config = rng.normal(size=(BATCH, LENGTH, 10)), {"num_heads": HEADS, "head_dim": HEAD_DIM}
    expect_compiles(
        lambda: submission.layer("CausalSelfAttention", config, None, x, compiled=True),
        "CausalSelfAttention(x)",
    )


@exercise("lab04.CausalSelfAttention")
def test_one_position_layer(submission, rng):
    x = rng.normal(size=(1, 1, 10))
    w = layer_weights(rng)
    with warnings.catch_warnings():
        # Keras warns that the softmax of a single score is always 1: here it should be.
        warnings.simplefilter("ignore")
        alone = submission.layer(
            "CausalSelfAttention", {"num_heads": HEADS, "head_dim": HEAD_DIM}, w, x
        )
    expect_close(
        alone,
        reference.causal_self_attention(x, w, HEADS),
        what="CausalSelfAttention on a sequence of one token",
    )


@exercise("lab04.CausalSelfAttention")
def test_initial_kernels(submission, rng):
    x = rng.normal(size=(1, 2, 64))
    config = {"num_heads": 4, "head_dim": 20, "residual_stddev": 0.005}
    initial = submission.weights("CausalSelfAttention", config, x)
    for name, stddev in (("qkv.kernel", 0.02), ("projection.kernel", 0.005)):
        expect(name in initial, f"CausalSelfAttention has no weight {name}")
        # Of some 5,000 draws the deviation is within 2% or so of the true one.
        found = float(initial[name].std())
        expect(
            abs(found / stddev - 1) < 0.07,
            f"CausalSelfAttention(residual_stddev=0.005): {name} starts with standard deviation "
            f"{found:.4f}, expected {stddev}",
            "attention.initial-kernels",
        )


@exercise("lab04.CausalSelfAttention")
def test_defaults_of_the_layer(submission, rng):
    x = rng.normal(size=(1, 5, 64))
    config = {"num_heads": 4, "head_dim": 20}
    initial = submission.weights("CausalSelfAttention", config, x)
    found = float(np.std(initial.get("projection.kernel", 0.0)))
    expect(
        abs(found / 0.02 - 1) < 0.07,
        f"CausalSelfAttention without a residual_stddev: projection.kernel starts with standard "
        f"deviation {found:.4f}, expected 0.02",
        "attention.initial-kernels",
    )
    quiet, training = (
        submission.layer("CausalSelfAttention", config, initial, x, training=t)
        for t in (False, True)
    )
    expect(
        np.allclose(quiet, training, atol=1e-6),
        "CausalSelfAttention without a dropout drops while training",
    )
