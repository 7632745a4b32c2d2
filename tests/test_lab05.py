"""Tests of lab 05. Every axis has a size of its own, so that a swapped one cannot hide."""

import math
import warnings

import numpy as np
from reference import attention, blocks

from gpt_tf.course.testing import (
    Part,
    exercise,
    expect,
    expect_close,
    expect_compiles,
    expect_no_crash,
)

BATCH, LENGTH, HIDDEN_DIM, INTERMEDIATE_DIM = 2, 7, 10, 13
HEADS, HEAD_DIM = 3, 4
# A block is a chain of eight float32 operations on sums of many products.
CHAIN = 1e-4


def norm_weights(rng):
    return {"gamma": rng.normal(size=HIDDEN_DIM) + 1, "beta": rng.normal(size=HIDDEN_DIM)}


def feed_forward_weights(rng):
    return {
        "expand.kernel": rng.normal(size=(HIDDEN_DIM, INTERMEDIATE_DIM)) / 2,
        "expand.bias": rng.normal(size=INTERMEDIATE_DIM),
        "contract.kernel": rng.normal(size=(INTERMEDIATE_DIM, HIDDEN_DIM)) / 2,
        "contract.bias": rng.normal(size=HIDDEN_DIM),
    }


def block_weights(rng):
    width = HEADS * HEAD_DIM
    groups = {
        "attention": {
            "qkv.kernel": rng.normal(size=(HIDDEN_DIM, 3 * width)) / 2,
            "qkv.bias": rng.normal(size=3 * width),
            "projection.kernel": rng.normal(size=(width, HIDDEN_DIM)) / 2,
            "projection.bias": rng.normal(size=HIDDEN_DIM),
        },
        "attention_norm": norm_weights(rng),
        "feed_forward": feed_forward_weights(rng),
        "feed_forward_norm": norm_weights(rng),
    }
    return {f"{group}.{name}": w for group, names in groups.items() for name, w in names.items()}


def config(**more):
    sizes = {"num_heads": HEADS, "head_dim": HEAD_DIM, "intermediate_dim": INTERMEDIATE_DIM}
    return sizes | more


@exercise("lab05.LayerNorm")
def test_each_position_on_its_own(submission, rng):
    # Small numbers with a large offset: what epsilon and the mean do then shows.
    x = rng.normal(size=(BATCH, LENGTH, HIDDEN_DIM)) * 0.05 + 0.3
    w = norm_weights(rng)
    epsilon = 3e-3
    gamma, beta = w["gamma"], w["beta"]

    def norm(**mistakes):
        return blocks.layer_norm(x, gamma, beta, epsilon, **mistakes)

    expect_close(
        submission.layer("LayerNorm", {"epsilon": epsilon}, w, x),
        norm(),
        misconceptions={
            "norm.epsilon-outside-the-root": norm(outside=True),
            "norm.epsilon-ignored": blocks.layer_norm(x, gamma, beta, 1e-5),
            "norm.epsilon-left-out": blocks.layer_norm(x, gamma, beta, 0.0),
            "norm.unbiased-variance": norm(ddof=1),
            "norm.over-positions": norm(axis=1),
            "norm.over-all": norm(axis=(1, 2)),
            "norm.mean-not-subtracted": norm(centre=False),
            "norm.spread-around-zero": (x - x.mean(-1, keepdims=True))
            / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon)
            * gamma
            + beta,
            "norm.no-root": (x - x.mean(-1, keepdims=True))
            / (x.var(-1, keepdims=True) + epsilon)
            * gamma
            + beta,
            "norm.gain-after-shift": (blocks.layer_norm(x, epsilon=epsilon) + beta) * gamma,
            "norm.no-gain-and-shift": blocks.layer_norm(x, epsilon=epsilon),
        },
        tolerance=3e-5,
        what="LayerNorm(epsilon=0.003)(x)",
    )


@exercise("lab05.LayerNorm")
def test_starts_as_plain_normalisation(submission, rng):
    x = rng.normal(size=(BATCH, LENGTH, HIDDEN_DIM))
    initial = submission.weights("LayerNorm", {}, x)
    found = {name: (w.shape, str(w.dtype)) for name, w in initial.items()}
    wanted = {name: ((HIDDEN_DIM,), "float32") for name in ("gamma", "beta")}
    expect(found == wanted, f"LayerNorm's weights are {found}, expected {wanted}")
    expect_close(
        submission.layer("LayerNorm", {}, None, x),
        blocks.layer_norm(x),
        misconceptions={
            "norm.gain-starts-at-zero": 0 * x,
            "norm.default-epsilon": blocks.layer_norm(x, epsilon=1e-3),
        },
        what="a fresh LayerNorm()(x)",
    )


@exercise("lab05.LayerNorm")
def test_any_number_of_axes(submission, rng):
    for shape in ((BATCH, HIDDEN_DIM), (BATCH, 3, LENGTH, HIDDEN_DIM)):
        x, mistake = rng.normal(size=shape), "norm.axis-by-number"
        with expect_no_crash(f"LayerNorm of an x of shape {shape}", mistake):
            found = submission.layer("LayerNorm", {}, None, x)
        expect_close(
            found,
            blocks.layer_norm(x),
            misconceptions={mistake: blocks.layer_norm(x, axis=2)} if len(shape) == 4 else {},
            what=f"LayerNorm()(x) with x of shape {shape}",
        )


@exercise("lab05.LayerNorm")
def test_norm_can_be_trained(submission, rng):
    x = rng.normal(size=(BATCH, LENGTH, HIDDEN_DIM))
    expect_compiles(lambda: submission.layer("LayerNorm", {}, None, x, compiled=True), "LayerNorm")


@exercise("lab05.LayerNorm")
def test_constant_features(submission):
    x = np.full((1, 2, HIDDEN_DIM), 3.0)
    expect_close(
        submission.layer("LayerNorm", {}, None, x),
        0 * x,
        what="LayerNorm()(x) where all features of a position are equal",
    )


@exercise("lab05.LayerNorm")
def test_computes_in_float32(submission):
    # Their squares are beyond float16, which ends at 65,504.
    x = np.array([[-800.0, 300.0, 600.0, -100.0, 500.0]])
    with expect_no_crash("LayerNorm in mixed_float16", "norm.weights-autocast"):
        normal = submission.layer("LayerNorm", {"dtype": "mixed_float16"}, None, x)
    expect_close(
        normal,
        blocks.layer_norm(x),
        misconceptions={"norm.half-precision": 0 * x},
        tolerance=1e-2,  # the result itself has float16's three digits
        what='LayerNorm(dtype="mixed_float16")(x) for x of some hundreds',
    )
    expect(
        normal.dtype == np.float16,
        f"LayerNorm(dtype='mixed_float16') returns {normal.dtype}, expected float16",
        "norm.result-not-cast",
    )


@exercise("lab05.LayerNorm")
def test_the_gain_is_not_rounded(submission):
    # Of features that are 1 and -1 nothing is left but what float16 cannot hold: 1.0003 - 1.
    x = np.tile([1.0, -1.0], 5) * np.full((1, 2, 1), 100.0)
    w = {"gamma": np.full(HIDDEN_DIM, 1.0003), "beta": np.full(HIDDEN_DIM, -1.0)}
    normal = submission.layer("LayerNorm", {"dtype": "mixed_float16"}, w, x)
    expect_close(
        normal[..., ::2],
        blocks.layer_norm(x, w["gamma"], w["beta"])[..., ::2],
        misconceptions={"norm.weights-autocast": 0 * x[..., ::2]},
        what='LayerNorm(dtype="mixed_float16")(x) with a gamma of 1.0003',
    )


@exercise("lab05.gelu")
def test_tanh_form(submission, rng):
    x = rng.uniform(-4, 4, size=(3, 41))
    expect_close(
        submission.call("gelu", x),
        blocks.gelu(x),
        misconceptions={
            "gelu.exact-form": blocks.exact_gelu(x),
            "gelu.relu": np.maximum(x, 0),
            "gelu.sigmoid-form": x / (1 + np.exp(-1.702 * x)),
            "gelu.silu": x / (1 + np.exp(-x)),
            "gelu.no-half": 2 * blocks.gelu(x),
            "gelu.no-x": blocks.gelu(x) / x,
            "gelu.cube-outside": x
            / 2
            * (1 + np.tanh(math.sqrt(2 / math.pi) * x + 0.044715 * x**3)),
            "gelu.no-cube": x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * x)),
            "gelu.root-upside-down": x
            / 2
            * (1 + np.tanh(math.sqrt(math.pi / 2) * (x + 0.044715 * x**3))),
            "gelu.square": x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**2))),
            "gelu.no-root": x / 2 * (1 + np.tanh(2 / math.pi * (x + 0.044715 * x**3))),
        },
        # The exact form is at most 4.7e-4 away, and ten tolerances must fit below that.
        tolerance=5e-6,
        what="gelu(x)",
    )


@exercise("lab05.gelu")
def test_far_from_zero(submission):
    expect_close(
        submission.call("gelu", np.array([-1000.0, -30.0, 0.0, 30.0, 1000.0])),
        [0.0, 0.0, 0.0, 30.0, 1000.0],
        what="gelu of -1000, -30, 0, 30, 1000",
    )


@exercise("lab05.gelu")
def test_gelu_can_be_trained(submission, rng):
    x = rng.normal(size=(3, 5))
    expect_compiles(lambda: submission.compiled("gelu", x), "gelu")


@exercise("lab05.FeedForward")
def test_matches_the_formula(submission, rng):
    x = rng.normal(size=(BATCH, LENGTH, HIDDEN_DIM))
    w = feed_forward_weights(rng)
    inner = x @ w["expand.kernel"] + w["expand.bias"]
    both = blocks.gelu(blocks.feed_forward(x, w))
    expect_close(
        submission.layer("FeedForward", {"intermediate_dim": INTERMEDIATE_DIM}, w, x),
        blocks.feed_forward(x, w),
        misconceptions={
            "feed-forward.no-activation": blocks.feed_forward(x, w, lambda y: y),
            "feed-forward.relu": blocks.feed_forward(x, w, lambda y: np.maximum(y, 0)),
            "feed-forward.exact-gelu": blocks.feed_forward(x, w, blocks.exact_gelu),
            "feed-forward.activation-first": blocks.feed_forward(blocks.gelu(x), w, lambda y: y),
            "feed-forward.activation-on-output": blocks.gelu(
                blocks.feed_forward(x, w, lambda y: y)
            ),
            "feed-forward.activation-twice": both,
            "feed-forward.adds-input": x + blocks.feed_forward(x, w),
            "feed-forward.stops-inside": blocks.gelu(inner),
        },
        tolerance=4e-6,  # the two forms of GELU differ by 5e-4 at most
        what="FeedForward(x)",
    )
    expect_compiles(
        lambda: submission.layer(
            "FeedForward", {"intermediate_dim": INTERMEDIATE_DIM}, None, x, compiled=True
        ),
        "FeedForward",
    )


@exercise("lab05.FeedForward")
def test_nothing_random_in_training(submission, rng):
    x, w = rng.normal(size=(BATCH, LENGTH, HIDDEN_DIM)), feed_forward_weights(rng)
    sizes = {"intermediate_dim": INTERMEDIATE_DIM}
    training = submission.layer("FeedForward", sizes, w, x, training=True)
    expect(
        np.allclose(training, blocks.feed_forward(x, w), rtol=1e-3, atol=1e-3),
        "FeedForward gives something else with training=True than without",
        "feed-forward.dropout",
    )


@exercise("lab05.FeedForward")
def test_initial_kernels(submission, rng):
    x = rng.normal(size=(1, 2, 64))
    made = {"intermediate_dim": 300, "residual_stddev": 0.005}
    initial = submission.weights("FeedForward", made, x)
    kernels = {n: initial.get(f"{n}.kernel") for n in ("expand", "contract")}
    for name, stddev in (("expand", 0.02), ("contract", 0.005)):
        kernel = kernels[name]
        expect(kernel is not None, f"FeedForward has no weight {name}.kernel")
        # Of 19,200 draws the deviation is within 1% or so of the true one.
        found = float(kernel.std())
        expect(
            abs(found / stddev - 1) < 0.05,
            f"FeedForward(residual_stddev=0.005): {name}.kernel starts with standard deviation "
            f"{found:.4f}, expected {stddev}",
            "feed-forward.initial-kernels",
        )


@exercise("lab05.FeedForward")
def test_initial_kernel_unless_told(submission, rng):
    x = rng.normal(size=(1, 2, 64))
    initial = submission.weights("FeedForward", {"intermediate_dim": 300}, x)
    found = float(np.std(initial.get("contract.kernel", 0.0)))
    expect(
        abs(found / 0.02 - 1) < 0.05,
        f"FeedForward without a residual_stddev: contract.kernel starts with standard deviation "
        f"{found:.4f}, expected 0.02",
        "feed-forward.initial-kernels",
    )


@exercise("lab05.residual_connection")
def test_pre_norm(submission, rng):
    _check_residual(submission, rng, True)


@exercise("lab05.residual_connection")
def test_post_norm(submission, rng):
    _check_residual(submission, rng, False)


def _check_residual(submission, rng, normalize_first):
    """Uses Keras's own layers, so that a mistake in LayerNorm is not counted here again."""
    x = rng.normal(size=(BATCH, LENGTH, HIDDEN_DIM)) * 1.5 + 1
    sublayer = Part("keras.layers.Activation", {"activation": "softsign"})
    norm = Part("keras.layers.LayerNormalization", {"epsilon": 1e-5})

    def softsign(y):
        return y / (1 + np.abs(y))

    normal = blocks.layer_norm
    pre, post = (blocks.residual(x, softsign, normal, first) for first in (True, False))
    no_sum, other = softsign(normal(x)), post
    twice = normal(pre)
    if not normalize_first:
        no_sum, other = normal(softsign(x)), pre
        twice = normal(normal(x) + softsign(normal(x)))
    expect_close(
        submission.call("residual_connection", x, sublayer, norm, normalize_first),
        pre if normalize_first else post,
        misconceptions={
            "residual.no-way-around": no_sum,
            "residual.other-place": other,
            "residual.norm-on-branch-output": x + normal(softsign(x)),
            "residual.normalised-way-around": normal(x) + softsign(normal(x)),
            "residual.sum-not-normalised": normal(x) + softsign(x),
            "residual.no-norm": x + softsign(x),
            "residual.normalised-twice": twice,
        },
        what=f"residual_connection(x, sublayer, norm, normalize_first={normalize_first})",
    )


@exercise("lab05.TransformerBlock")
def test_pre_norm_block(submission, rng):
    _check_block(submission, rng, True)


@exercise("lab05.TransformerBlock")
def test_post_norm_block(submission, rng):
    _check_block(submission, rng, False)


def _check_block(submission, rng, normalize_first):
    # A quiet stream into the pre-norm, so that its epsilon shows.
    x = rng.normal(size=(BATCH, LENGTH, HIDDEN_DIM)) * (0.1 if normalize_first else 1.0)
    w = block_weights(rng)
    swapped = dict(w)
    for name in ("gamma", "beta"):
        swapped[f"attention_norm.{name}"] = w[f"feed_forward_norm.{name}"]
        swapped[f"feed_forward_norm.{name}"] = w[f"attention_norm.{name}"]
    one_norm = w | {f"feed_forward_norm.{n}": w[f"attention_norm.{n}"] for n in ("gamma", "beta")}

    def block(weights=w, first=normalize_first, **mistakes):
        return blocks.block(x, weights, HEADS, first, **mistakes)

    attend, attention_norm, work, work_norm = _steps(w)
    attended = blocks.residual(x, attend, attention_norm, normalize_first)

    def no_way_around(x, sublayer, norm, normalize_first):
        return sublayer(norm(x)) if normalize_first else norm(sublayer(x))

    epsilon = {"block.norm-epsilon": block(norm={"epsilon": 1e-3})} if normalize_first else {}
    expect_close(
        submission.layer("TransformerBlock", config(normalize_first=normalize_first), w, x),
        block(),
        misconceptions={
            "block.other-norm-order": block(first=not normalize_first),
            "block.no-residual": block(wire=no_way_around),
            "block.one-norm-for-both": block(one_norm),
            "block.norms-swapped": block(swapped),
            "block.feed-forward-first": _feed_forward_first(x, w, normalize_first),
            "block.side-by-side": _side_by_side(x, w, normalize_first),
            "block.attention-only": attended,
            "block.attention-lost": blocks.residual(x, work, work_norm, normalize_first),
            "block.sees-the-future": block(mask=np.ones((LENGTH, LENGTH), bool)),
            **epsilon,
        },
        tolerance=CHAIN,
        what=f"TransformerBlock(normalize_first={normalize_first})(x)",
    )


def _steps(w):
    """Returns the reference's two sub-layers and two norms, with their weights."""

    def norm(name):
        return lambda y: blocks.layer_norm(y, w[f"{name}.gamma"], w[f"{name}.beta"])

    def attend(y):
        return attention.causal_self_attention(y, blocks.below(w, "attention"), HEADS)

    def work(y):
        return blocks.feed_forward(y, blocks.below(w, "feed_forward"))

    return attend, norm("attention_norm"), work, norm("feed_forward_norm")


def _feed_forward_first(x, w, normalize_first):
    attend, attention_norm, work, work_norm = _steps(w)
    x = blocks.residual(x, work, work_norm, normalize_first)
    return blocks.residual(x, attend, attention_norm, normalize_first)


def _side_by_side(x, w, normalize_first):
    attend, attention_norm, work, work_norm = _steps(w)
    if normalize_first:
        return x + attend(attention_norm(x)) + work(work_norm(x))
    return work_norm(attention_norm(x + attend(x)) + work(x))


@exercise("lab05.TransformerBlock")
def test_block_passes_the_mask_on(submission, rng):
    x = rng.normal(size=(BATCH, LENGTH, HIDDEN_DIM))
    w = block_weights(rng)
    mask = np.abs(np.subtract.outer(np.arange(LENGTH), np.arange(LENGTH))) < 3
    expect_close(
        submission.layer("TransformerBlock", config(), w, x, attention_mask=mask),
        blocks.block(x, w, HEADS, True, mask),
        misconceptions={"block.mask-ignored": blocks.block(x, w, HEADS, True)},
        tolerance=CHAIN,
        what="TransformerBlock(x, attention_mask=mask)",
    )


@exercise("lab05.TransformerBlock")
def test_another_length_than_it_was_built_with(submission, rng):
    x, w = rng.normal(size=(BATCH, LENGTH, HIDDEN_DIM)), block_weights(rng)
    what = "TransformerBlock of 7 positions, built with 3"
    with expect_no_crash(what, "layer.one-length"):
        found = submission.layer("TransformerBlock", config(), w, x, example=x[:1, :3])
    right = blocks.block(x, w, HEADS, True)
    expect_close(found, right, tolerance=CHAIN, what=what)


@exercise("lab05.TransformerBlock")
def test_block_can_be_trained(submission, rng):
    x = rng.normal(size=(BATCH, LENGTH, HIDDEN_DIM))
    expect_compiles(
        lambda: submission.layer("TransformerBlock", config(), None, x, compiled=True),
        "TransformerBlock",
    )


@exercise("lab05.TransformerBlock")
def test_one_position_block(submission, rng):
    x = rng.normal(size=(1, 1, HIDDEN_DIM))
    w = block_weights(rng)
    with warnings.catch_warnings():
        # Keras warns that the softmax of a single score is always 1: here it should be.
        warnings.simplefilter("ignore")
        alone = submission.layer("TransformerBlock", config(), w, x)
    expect_close(
        alone,
        blocks.block(x, w, HEADS, True),
        tolerance=CHAIN,
        what="TransformerBlock on a sequence of one token",
    )


@exercise("lab05.TransformerBlock")
def test_dropout_leaves_the_way_around(submission, rng):
    # Nearly all that the sub-layers return is dropped: most of x must come out as it went in.
    x = rng.normal(size=(BATCH, 50, HIDDEN_DIM))
    w = block_weights(rng)
    training = submission.layer("TransformerBlock", config(dropout=0.99), w, x, training=True)
    unchanged = np.isclose(training, x, atol=1e-4).mean()
    expect(
        unchanged > 0.9,
        "TransformerBlock(dropout=0.99) while training: about 98% of the features should come out "
        f"as they went in, because nearly all of both branches is dropped; yours: {unchanged:.0%}",
        "block.dropout-on-the-sum" if np.mean(training == 0) > 0.5 else "block.dropout-missing",
    )
    quiet = submission.layer("TransformerBlock", config(dropout=0.99), w, x)
    expect(
        np.allclose(quiet, blocks.block(x, w, HEADS, True), rtol=1e-3, atol=1e-3),
        "TransformerBlock(dropout=0.99) drops outside training, too",
        "block.dropout-always",
    )


@exercise("lab05.TransformerBlock")
def test_attention_weights_drop_too(submission, rng):
    x = rng.normal(size=(BATCH, 50, HIDDEN_DIM))
    w = block_weights(rng)
    # The second sub-layer writes nothing. So a feature that comes through is twice what attention
    # gave, if only the sub-layer's result was dropped, and something else if its weights were too.
    w = {n: np.zeros_like(v) if "contract" in n else v for n, v in w.items()}
    training = submission.layer("TransformerBlock", config(dropout=0.5), w, x, training=True)
    attend, attention_norm, _, _ = _steps(w)
    zero = np.isclose(training, x, atol=1e-5).mean()
    expect(
        0.35 < zero < 0.65,
        f"TransformerBlock(dropout=0.5) while training: of the attention's result {zero:.0%} is 0",
        "block.dropout-twice",
    )
    undropped = np.isclose(training - x, 2 * attend(attention_norm(x)), atol=1e-3).mean()
    expect(
        undropped < 0.1,
        "TransformerBlock(dropout=0.5) while training: no attention weight is dropped",
        "block.attention-dropout-missing",
    )


@exercise("lab05.TransformerBlock")
def test_initial_residual_kernels(submission, rng):
    x = rng.normal(size=(1, 2, 64))
    made = {"num_heads": 4, "head_dim": 16, "intermediate_dim": 200, "residual_stddev": 0.005}
    initial = submission.weights("TransformerBlock", made, x)
    for name, stddev in (
        ("attention.qkv", 0.02),
        ("attention.projection", 0.005),
        ("feed_forward.expand", 0.02),
        ("feed_forward.contract", 0.005),
    ):
        expect(f"{name}.kernel" in initial, f"TransformerBlock has no weight {name}.kernel")
        found = float(initial[f"{name}.kernel"].std())
        expect(
            abs(found / stddev - 1) < 0.1,
            f"TransformerBlock(residual_stddev=0.005): {name}.kernel starts with standard "
            f"deviation {found:.4f}, expected {stddev}",
            "block.residual-stddev-not-passed-on",
        )


@exercise("lab05.TransformerBlock")
def test_defaults_of_the_block(submission, rng):
    x = rng.normal(size=(1, 5, 64))
    made = {"num_heads": 4, "head_dim": 16, "intermediate_dim": 200}
    initial = submission.weights("TransformerBlock", made, x)
    found = float(np.std(initial.get("feed_forward.contract.kernel", 0.0)))
    expect(
        abs(found / 0.02 - 1) < 0.1,
        f"TransformerBlock without a residual_stddev: feed_forward.contract.kernel starts with "
        f"standard deviation {found:.4f}, expected 0.02",
        "block.residual-stddev-not-passed-on",
    )
    quiet, training = (
        submission.layer("TransformerBlock", made, initial, x, training=t) for t in (False, True)
    )
    expect(
        np.allclose(quiet, training, atol=1e-5),
        "TransformerBlock without a dropout drops while training",
    )
