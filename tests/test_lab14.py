"""Tests of lab 14. Expected values come from arithmetic, and from another way to the same fit."""

import dataclasses

import numpy as np
from reference import scaling as reference

from gpt_tf.config import PAPER, GPTConfig
from gpt_tf.course.testing import (
    exercise,
    expect,
    expect_close,
    expect_equal,
    expect_value_error,
)

# No two sizes are the same; the heads together are not as wide as the model.
CONFIG = GPTConfig(11, 7, 3, num_heads=2, hidden_dim=10, head_dim=4, intermediate_dim=13)
DAY = 1e15 * 86400  # operations in a petaflop/s-day
SIZES = [1.2e4, 3.1e4, 1.4e5, 3.3e5, 2.6e6]
LOSSES = [4.61, 4.07, 3.35, 3.11, 2.39]
LAW = {"floor": 1.3, "a": 260.0, "alpha": 0.42, "b": 730.0, "beta": 0.31}


def logs_of(submission, name, *args, count=2):
    """Returns the logs of the `count` positive numbers that the submission gives."""
    found = submission.call(name, *args)
    expect(
        isinstance(found, (tuple, list)) and len(found) == count,
        f"{name} returned {found!r}, expected {count} floats",
    )
    numbers = [np.asarray(value) for value in found]
    expect(
        all(x.shape == () and x.dtype.kind in "if" for x in numbers),
        f"{name} returned {found!r}, expected {count} floats",
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(np.array(numbers, "float64"))


# ------------------------------------------------------------------------ non_embedding_parameters


@exercise("lab14.non_embedding_parameters")
def test_each_size_where_it_belongs(submission):
    right = reference.matrices(CONFIG)
    width = CONFIG.hidden_dim
    embeddings = (CONFIG.vocabulary_size + CONFIG.max_sequence_length) * width
    full = reference.matrices(CONFIG, biases=True)
    expect_equal(
        submission.call("non_embedding_parameters", CONFIG),
        right,
        misconceptions={
            "size.twelve-d-squared": 12 * CONFIG.num_layers * width**2,
            "size.attended-is-width": reference.matrices(CONFIG, attended=width),
            "size.head-is-attended": reference.matrices(CONFIG, attended=CONFIG.head_dim),
            "size.embeddings": right + embeddings,
            "size.biases-and-norms": full,
            "size.one-block": reference.matrices(CONFIG, layers=1),
            "size.three-attention-matrices": reference.matrices(CONFIG, query_key_value=2),
            "size.one-feed-forward-matrix": reference.matrices(CONFIG, feed_forward=1),
        },
        what="non_embedding_parameters of 3 blocks of width 10, 2 heads of 4, inner width 13",
    )


@exercise("lab14.non_embedding_parameters")
def test_the_papers_models(submission):
    # As printed, for most shapes: 12 x blocks x width squared.
    for name in ("gpt1", "gpt2-xl", "gpt3-175b"):
        config = PAPER[name]
        expect_equal(
            submission.call("non_embedding_parameters", config),
            12 * config.num_layers * config.hidden_dim**2,
            what=f"non_embedding_parameters of {name}",
        )


@exercise("lab14.non_embedding_parameters")
def test_any_shape(submission, rng):
    layers, heads, width, head, inner = (int(n) for n in rng.integers(2, 40, size=5))
    config = dataclasses.replace(
        CONFIG, num_layers=layers, num_heads=heads, hidden_dim=width, head_dim=head,
        intermediate_dim=inner,
    )  # fmt: skip
    expect_equal(
        submission.call("non_embedding_parameters", config),
        reference.matrices(config),
        what=f"non_embedding_parameters({config})",
    )


# ----------------------------------------------------------------------------------- petaflop_days


@exercise("lab14.petaflop_days")
def test_six_operations(submission):
    n, d = 3e9, 7e11
    right = 6 * n * d / DAY
    expect_close(
        submission.call("petaflop_days", n, d),
        right,
        misconceptions={
            "compute.forward-only": right / 3,
            "compute.one-operation": right / 6,
            "compute.no-unit": right * DAY,
            "compute.seconds": right * 86400,
            "compute.no-petaflop": right * 1e15,
            "compute.hours": right * 24,
            "compute.sum": 6 * (n + d) / DAY,
        },
        tolerance=1e-6,
        what="petaflop_days(3e9, 7e11)",
    )


@exercise("lab14.petaflop_days")
def test_gpt3(submission):
    # 175 billion parameters, 300 billion tokens; integers.
    expect_close(
        submission.call("petaflop_days", 175 * 10**9, 300 * 10**9),
        3645.8333333,
        what="petaflop_days(175000000000, 300000000000)",
    )


@exercise("lab14.petaflop_days")
def test_small_models_are_not_rounded_away(submission, rng):
    n, d = rng.uniform(1e3, 1e5), rng.uniform(1e4, 1e6)
    found = submission.call("petaflop_days", n, d)
    expect(np.shape(found) == (), f"petaflop_days({n}, {d}) returned {found!r}, expected a float")
    found = np.asarray(found)
    expect(found.dtype.kind in "if", f"petaflop_days({n}, {d}) returned {found!r}")
    expect_close(
        found * 1e15,
        6 * n * d / DAY * 1e15,
        misconceptions={"compute.rounded": 0.0},
        what=f"petaflop_days({n:.0f}, {d:.0f}) x 1e15",
    )


@exercise("lab14.petaflop_days")
def test_several_at_once(submission):
    n, d = np.array([2e9, 5e9, 4e10]), np.array([3e11, 8e10, 5e11])
    expect_close(
        submission.call("petaflop_days", n, d),
        6 * n * d / DAY,
        what="petaflop_days of three sizes and three numbers of tokens",
    )


# --------------------------------------------------------------------------------- training_ladder

WIDTHS = [192, 16, 112, 64, 48]


@exercise("lab14.training_ladder")
def test_depth_and_heads_grow(submission):
    right = reference.shapes(WIDTHS)

    def changed(**values):
        return [rung | {name: f(rung) for name, f in values.items()} for rung in right]

    expect_equal(
        submission.call("training_ladder", WIDTHS),
        right,
        misconceptions={
            "ladder.rounded": reference.shapes(WIDTHS, rounded=np.round),
            "ladder.one-block": reference.shapes(WIDTHS, least=1),
            "ladder.no-block": reference.shapes(WIDTHS, least=0),
            "ladder.two-blocks": changed(num_layers=lambda _: 2),
            "ladder.heads-as-blocks": changed(num_heads=lambda rung: rung["num_layers"]),
            "ladder.caller-s-order": [
                next(rung for rung in right if rung["hidden_dim"] == width) for width in WIDTHS
            ],
        },
        what=f"training_ladder({WIDTHS})",
    )


@exercise("lab14.training_ladder")
def test_other_heads_and_another_aspect(submission):
    widths = [24, 40, 72]
    expect_equal(
        submission.call("training_ladder", widths, 8, aspect=12),
        reference.shapes(widths, 8, 12),
        misconceptions={
            "ladder.fixed-aspect": reference.shapes(widths, 8),
        },
        what=f"training_ladder({widths}, 8, aspect=12)",
    )


@exercise("lab14.training_ladder")
def test_heads_that_do_not_fit(submission):
    for widths, head_dim in (([32, 40, 64], 16), ([8], 16), ([24], 10)):
        expect_value_error(
            submission, "training_ladder", widths, head_dim,
            what=f"training_ladder({widths}, {head_dim})", misconception="ladder.no-error",
        )  # fmt: skip


@exercise("lab14.training_ladder")
def test_any_ladder(submission, rng):
    head_dim, aspect = int(rng.integers(2, 20)), int(rng.integers(5, 60))
    widths = (rng.permutation(20)[:5] * head_dim + head_dim).tolist()
    expect_equal(
        submission.call("training_ladder", widths, head_dim, aspect),
        reference.shapes(widths, head_dim, aspect),
        what=f"training_ladder({widths}, {head_dim}, {aspect})",
    )


# ----------------------------------------------------------------------------------- fit_power_law


@exercise("lab14.fit_power_law")
def test_a_line_through_logs(submission):
    constant, alpha = reference.power_law(SIZES, LOSSES)
    u, v = np.log(SIZES), np.log(LOSSES)
    slope, intercept = reference.line(u, v)
    ends = np.polyfit(u[[0, -1]], v[[0, -1]], 1)
    with np.errstate(invalid="ignore"):  # the log of a negative exponent
        mistakes = {
            "law.slope": [np.exp(intercept / -slope), slope],
            "law.sign-of-the-constant": [np.exp(intercept / slope), alpha],
            "law.factor": [np.exp(intercept), alpha],
            "law.order": [alpha, constant],
            "law.losses-not-logged": power(*reference.line(u, LOSSES)),
            "law.first-and-last": power(*ends),
            "law.mixed-logs": [10 ** (np.log10(constant) / np.log(10)), alpha],
        }
        mistakes = {name: np.log(value) for name, value in mistakes.items()}
    expect_close(
        logs_of(submission, "fit_power_law", SIZES, LOSSES),
        np.log([constant, alpha]),
        misconceptions=mistakes,
        what=f"the logs of fit_power_law({SIZES}, {LOSSES})",
    )


def power(slope, intercept):
    """(constant, alpha) of a line that may be one through the wrong points."""
    return [np.exp(intercept / -slope), -slope]


@exercise("lab14.fit_power_law")
def test_the_law_of_kaplan(submission):
    sizes = [1e6, 3e7, 1e10]
    losses = [(8.8e13 / n) ** 0.076 for n in sizes]
    expect_close(
        logs_of(submission, "fit_power_law", sizes, losses),
        np.log([8.8e13, 0.076]),
        what="the logs of fit_power_law of three points of (8.8e13 / N)^0.076",
    )


@exercise("lab14.fit_power_law")
def test_two_points_and_small_numbers(submission):
    # Through two points there is one line. Compute in petaflop/s-days is far below 1.
    for x, losses in (([1e3, 1e5], [4.0, 2.0]), ([2e-11, 3e-10, 5e-8], [0.9, 0.7, 0.4])):
        expect_close(
            logs_of(submission, "fit_power_law", x, losses),
            np.log(reference.power_law(x, losses)),
            what=f"the logs of fit_power_law({x}, {losses})",
        )


@exercise("lab14.fit_power_law")
def test_what_is_no_line(submission):
    for x, losses, what in (
        ([1e4], [3.0], "one point"),
        ([1e4, 1e4], [3.0, 3.1], "two points of one x"),
        ([1e4, 0.0, 1e6], [4.0, 3.0, 2.0], "an x of 0"),
        ([1e4, 1e5, 1e6], [2.0, -1.0, 1.0], "a negative loss"),
    ):
        expect_value_error(
            submission, "fit_power_law", x, losses, what=f"fit_power_law of {what}",
            misconception="law.no-error",
        )  # fmt: skip


@exercise("lab14.fit_power_law")
def test_any_points(submission, rng):
    x = np.sort(10 ** rng.uniform(2, 9, size=int(rng.integers(2, 9)))).round().tolist()
    losses = [round((1e12 / n) ** 0.09 * rng.uniform(0.97, 1.03), 3) for n in x]
    expect_close(
        logs_of(submission, "fit_power_law", x, losses),
        np.log(reference.power_law(x, losses)),
        what=f"the logs of fit_power_law({x}, {losses})",
    )


# ------------------------------------------------------------------------------------ predict_loss


@exercise("lab14.predict_loss")
def test_loss_and_interval(submission):
    new = 8e6
    given = (SIZES, LOSSES, new)
    n = len(SIZES)
    middle, low, high = right = reference.prediction(*given)
    expect_close(
        logs_of(submission, "predict_loss", *given, count=3),
        np.log(right),
        misconceptions={
            "predict.line-only": np.log(reference.prediction(*given, own=0.0)),
            "predict.scatter-only": np.log(reference.prediction(*given, line=0.0)),
            "predict.normal": np.log(reference.prediction(*given, normal=True)),
            "predict.divided-by-n": np.log(reference.prediction(*given, divisor=n)),
            "predict.one-tail": np.log(reference.prediction(*given, tails=1)),
            "predict.margin": np.log([middle, middle - low, high - middle]),
            "predict.margin-of-losses": np.log([middle, *symmetric(*right)]),
        },
        what=f"the logs of predict_loss({SIZES}, {LOSSES}, {new:.0e})",
    )


def symmetric(middle, low, high):
    """The ends, where the margin in logs is taken for one of losses."""
    margin = np.log(high / middle)
    return middle - margin, middle + margin


@exercise("lab14.predict_loss")
def test_inside_the_points(submission):
    given = (SIZES, LOSSES, 1e5)
    expect_close(
        logs_of(submission, "predict_loss", *given, count=3),
        np.log(reference.prediction(*given)),
        what="the logs of predict_loss between the points",
    )


@exercise("lab14.predict_loss")
def test_another_confidence(submission):
    given = (SIZES, LOSSES, 8e6, 0.6)
    expect_close(
        logs_of(submission, "predict_loss", *given, count=3),
        np.log(reference.prediction(*given)),
        misconceptions={"predict.always-95": np.log(reference.prediction(SIZES, LOSSES, 8e6))},
        what="the logs of predict_loss with confidence 0.6",
    )


@exercise("lab14.predict_loss")
def test_any_prediction(submission, rng):
    x = np.sort(10 ** rng.uniform(3, 6, size=int(rng.integers(4, 9)))).round().tolist()
    losses = [round((1e12 / n) ** 0.09 * rng.uniform(0.97, 1.03), 3) for n in x]
    new, confidence = round(10 ** rng.uniform(6, 7)), round(float(rng.uniform(0.5, 0.98)), 3)
    given = (x, losses, float(new), confidence)
    expect_close(
        logs_of(submission, "predict_loss", *given, count=3),
        np.log(reference.prediction(*given)),
        what=f"the logs of predict_loss{given}",
    )


# --------------------------------------------------------------------------------- compute_optimal


@exercise("lab14.compute_optimal")
def test_the_lowest_loss(submission):
    compute = 2.5e-3
    n, d = right = reference.best_size(LAW, compute * DAY)
    a, alpha, b, beta = (LAW[name] for name in ("a", "alpha", "b", "beta"))
    products = compute * DAY / 6
    both = alpha + beta
    equal_terms = ((a / b) * products**beta) ** (1 / both)
    upside_down = ((beta * b / (alpha * a)) * products**beta) ** (1 / both)
    swapped = (alpha * a / (beta * b) * products**alpha) ** (1 / both)
    no_six = reference.best_size(LAW, 6 * compute * DAY)
    in_days = reference.best_size(LAW, compute)
    with np.errstate(invalid="ignore"):
        mistakes = {
            "optimal.equal-terms": [equal_terms, products / equal_terms],
            "optimal.upside-down": [upside_down, products / upside_down],
            "optimal.exponents-swapped": [swapped, products / swapped],
            "optimal.no-six": no_six,
            "optimal.six-once": [n, 6 * d],
            "optimal.unit": in_days,
            "optimal.order": [d, n],
            "optimal.half-and-half": [products**0.5, products**0.5],
        }
        mistakes = {name: np.log(value) for name, value in mistakes.items()}
    expect_close(
        logs_of(submission, "compute_optimal", LAW, compute),
        np.log(right),
        misconceptions=mistakes,
        what=f"the logs of compute_optimal({LAW}, {compute})",
    )


@exercise("lab14.compute_optimal")
def test_the_floor_does_not_matter(submission):
    for floor in (0.0, 5.0):
        law = LAW | {"floor": floor}
        expect_close(
            logs_of(submission, "compute_optimal", law, 1e-7),
            np.log(reference.best_size(law, 1e-7 * DAY)),
            what=f"the logs of compute_optimal({law}, 1e-07)",
        )


@exercise("lab14.compute_optimal")
def test_any_law(submission, rng):
    values = rng.uniform([1, 10, 0.2, 10, 0.2], [2, 900, 0.7, 900, 0.7]).round(3).tolist()
    law = dict(zip(LAW, values, strict=True))
    compute = float(f"{10 ** rng.uniform(-8, 3):.3g}")
    expect_close(
        logs_of(submission, "compute_optimal", law, compute),
        np.log(reference.best_size(law, compute * DAY)),
        what=f"the logs of compute_optimal({law}, {compute})",
    )
