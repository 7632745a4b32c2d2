"""Tests of lab 13. Sizes differ on every axis; the references are in float64."""

import dataclasses

import numpy as np
from reference import gpt as reference_gpt
from reference import tuning as reference

from gpt_tf.config import GPTConfig
from gpt_tf.course.submission import Crashed, NotAttempted
from gpt_tf.course.testing import (
    Part,
    exercise,
    expect,
    expect_close,
    expect_compiles,
    expect_equal,
    expect_no_crash,
    expect_value_error,
)

CONFIG = GPTConfig(11, 9, num_layers=2, num_heads=2, hidden_dim=6, intermediate_dim=7)
GPT1 = dataclasses.replace(CONFIG, normalize_first=False)
# Two placeholders before a text and two behind it; texts of 3, 1 and 4 tokens; the rest is padding.
LENGTHS = [3, 1, 4]
IS_PROMPT = np.array([[j < 2 or n + 2 <= j < n + 4 for j in range(9)] for n in LENGTHS])
ENCODER = {"prompt_length": 4, "hidden_dim": 6}
INPUT, UNITS, RANK, ALPHA = 5, 7, 2, 6.0


def make_model(rng, config=CONFIG):
    """Returns (Part, weights) of a GPT with random weights."""
    w = reference_gpt.random_weights(config, rng)
    return Part("GPT", {"config": config}, w, np.zeros((1, 2), int)), w


@exercise("lab13.insert_prompt")
def test_placeholders_get_the_vectors(submission, rng):
    embedded, prompt = rng.normal(size=(3, 9, 5)), rng.normal(size=(4, 5))
    count = IS_PROMPT.cumsum(axis=1)
    down = np.maximum(IS_PROMPT.cumsum(axis=0) - 1, 0)
    by_position = prompt[np.minimum(np.arange(9), 3)]

    def chosen(vectors, mask=IS_PROMPT):
        return np.where(mask[..., None], vectors, embedded)

    expect_close(
        submission.call("insert_prompt", embedded, IS_PROMPT, prompt),
        reference.insert(embedded, IS_PROMPT, prompt),
        misconceptions={
            "insert.off-by-one": chosen(prompt[np.minimum(count, 3)]),
            "insert.by-position": chosen(by_position),
            "insert.down-the-batch": chosen(prompt[down]),
            "insert.one-vector": chosen(prompt.mean(axis=0)),
            "insert.inverted": chosen(prompt[np.maximum(count - 1, 0)], ~IS_PROMPT),
            "insert.added": chosen(embedded + prompt[np.maximum(count - 1, 0)]),
            "insert.all-in-front": np.concatenate(
                [np.broadcast_to(prompt, (3, 4, 5)), embedded], axis=1
            ),
            "insert.first-places": np.concatenate(
                [np.broadcast_to(prompt, (3, 4, 5)), embedded[:, 4:]], axis=1
            ),
        },
        what="insert_prompt of 4 vectors, 2 before each text and 2 behind it",
    )


@exercise("lab13.insert_prompt")
def test_any_placeholders(submission, rng):
    embedded, prompt = rng.normal(size=(4, 6, 3)), rng.normal(size=(5, 3))
    # Each row has some, and none has more than there are vectors.
    is_prompt = rng.random((4, 6)) < 0.5
    is_prompt[:, 0], is_prompt[:, 5] = True, False
    expect_close(
        submission.call("insert_prompt", embedded, is_prompt, prompt),
        reference.insert(embedded, is_prompt, prompt),
        what=f"insert_prompt with placeholders {is_prompt.astype(int).tolist()}",
    )
    nowhere = np.zeros((4, 6), bool)
    found = submission.call("insert_prompt", embedded, nowhere, prompt)
    expect_close(found, embedded, what="insert_prompt without a placeholder")


@exercise("lab13.insert_prompt")
def test_insert_in_a_compiled_step(submission, rng):
    embedded, prompt = rng.normal(size=(3, 9, 5)), rng.normal(size=(4, 5))
    found = expect_compiles(
        lambda: submission.compiled("insert_prompt", embedded, IS_PROMPT, prompt), "insert_prompt"
    )
    expect_close(found, reference.insert(embedded, IS_PROMPT, prompt), what="insert_prompt")


def encoder_weights(rng, length=4, width=6):
    """Returns {path: array} of random weights, large enough for ReLU to cut."""
    shapes = reference.encoder_shapes(length, width)
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


@exercise("lab13.PromptEncoder")
def test_weights_of_the_encoder(submission):
    found = submission.weights("PromptEncoder", ENCODER, np.arange(4))
    right = reference.encoder_shapes(4, 6)
    outside = {name: shape for name, shape in right.items() if not name.startswith("lstm")}
    one = {"kernel": (6, 24), "recurrent_kernel": (6, 24), "bias": (24,)}
    expect_equal(
        {name: tuple(w.shape) for name, w in found.items()},
        right,
        misconceptions={
            "encoder.one-direction": outside | {f"lstm.cell.{n}": s for n, s in one.items()},
            "encoder.no-vectors": {n: s for n, s in right.items() if n != "vectors"},
        },
        what="the weights of PromptEncoder(4, 6) and their shapes",
    )


@exercise("lab13.PromptEncoder")
def test_encoder_matches_the_formula(submission, rng):
    w, places = encoder_weights(rng), np.arange(4)
    expect_close(
        submission.layer("PromptEncoder", ENCODER, w, places),
        reference.encoder(places, w),
        misconceptions={
            "encoder.no-relu": reference.encoder(places, w, inner=lambda x: x),
            "encoder.relu-at-the-end": reference.encoder(places, w, outer=reference.relu),
            "encoder.not-read": reference.encoder(places, w, read=False),
        },
        what="PromptEncoder(4, 6) at the places 0 to 3",
    )


@exercise("lab13.PromptEncoder")
def test_encoder_reads_the_places_it_is_given(submission, rng):
    w, places = encoder_weights(rng), np.array([3, 0, 3, 1])
    expect_close(
        submission.layer("PromptEncoder", ENCODER, w, places),
        reference.encoder(places, w),
        misconceptions={"encoder.places-ignored": reference.encoder(np.arange(4), w)},
        what="PromptEncoder(4, 6) at the places 3, 0, 3, 1",
    )
    found = submission.layer("PromptEncoder", ENCODER, w, np.array([2, 1]))
    expect_close(found, reference.encoder([2, 1], w), what="PromptEncoder(4, 6) at the places 2, 1")


@exercise("lab13.PromptEncoder")
def test_initial_vectors(submission):
    sizes = {"prompt_length": 60, "hidden_dim": 40}
    vectors = submission.weights("PromptEncoder", sizes, np.arange(60))["vectors"]
    # Of 2,400 draws the deviation is within 5% or so of the true one.
    expect(
        0.9 < vectors.std() / 0.02 < 1.1 and abs(vectors.mean()) < 0.005,
        f"PromptEncoder's vectors start with mean {vectors.mean():.4f} and standard deviation "
        f"{vectors.std():.4f}, expected 0 and 0.02",
    )


@exercise("lab13.PromptEncoder")
def test_odd_width(submission):
    error = None
    try:
        submission.weights("PromptEncoder", {"prompt_length": 2, "hidden_dim": 5}, np.arange(2))
    except Crashed as crashed:
        error = crashed.type
    what = "PromptEncoder of hidden_dim 5"
    expect(error is not None, f"{what} raised nothing", "encoder.odd-width")
    expect(error == "ValueError", f"{what} raised {error}, expected a ValueError")


@exercise("lab13.prompted_logits")
def test_the_prompt_goes_through_the_gpt(submission, rng):
    model, w = make_model(rng)
    tokens, prompt = rng.integers(0, 11, size=(3, 9)), rng.normal(size=(4, 6))
    given = (tokens, IS_PROMPT, prompt, w, CONFIG)
    nowhere = np.zeros_like(IS_PROMPT)
    no_positions = w | {"embedding.position_embeddings": np.zeros((9, 6))}
    expect_close(
        submission.call("prompted_logits", model, tokens, IS_PROMPT, prompt),
        reference.prompted_logits(*given),
        misconceptions={
            "prompted.not-inserted": reference.prompted_logits(tokens, nowhere, *given[2:]),
            "prompted.positions-added": reference.prompted_logits(*given, positions=True),
            "prompted.no-positions": reference.prompted_logits(*given[:3], no_positions, CONFIG),
            "prompted.no-final-norm": reference.prompted_logits(*given, norm=False),
            "prompted.behind-the-blocks": reference.prompted_logits(*given, late=True),
            "prompted.last-block": reference.prompted_logits(*given, layers=1),
            "prompted.no-blocks": reference.prompted_logits(*given, layers=0),
        },
        tolerance=1e-4,
        what="prompted_logits of 4 vectors around 3 texts, 2 blocks",
    )


@exercise("lab13.prompted_logits")
def test_a_gpt_without_a_final_norm(submission, rng):
    model, w = make_model(rng, GPT1)
    tokens, prompt = rng.integers(0, 11, size=(3, 9)), rng.normal(size=(4, 6))
    what = "prompted_logits of GPT-1, which has no final norm"
    with expect_no_crash(what, "prompted.needs-final-norm"):
        found = submission.call("prompted_logits", model, tokens, IS_PROMPT, prompt)
    right = reference.prompted_logits(tokens, IS_PROMPT, prompt, w, GPT1)
    expect_close(found, right, tolerance=1e-4, what=what)


def dense(rng):
    """Returns (Part, kernel, bias) of a Dense with these weights."""
    kernel, bias = rng.normal(size=(INPUT, UNITS)), rng.normal(size=UNITS)
    config = {"units": UNITS}
    for name, value in (("kernel", kernel), ("bias", bias)):
        constant = {"class_name": "Constant", "config": {"value": value.tolist()}}
        config[f"{name}_initializer"] = constant
    return Part("keras.layers.Dense", config), kernel, bias


@exercise("lab13.LoRADense")
def test_only_the_change_learns(submission, rng):
    config = {"dense": dense(rng)[0], "rank": RANK, "alpha": ALPHA}
    found = submission.weights("LoRADense", config, rng.normal(size=(4, INPUT)))
    right = {"lora_a": (INPUT, RANK), "lora_b": (RANK, UNITS)}
    bias = {"dense.bias": (UNITS,)}
    expect_equal(
        {name: tuple(w.shape) for name, w in found.items()},
        right,
        misconceptions={
            "lora.base-learns": right | bias | {"dense.kernel": (INPUT, UNITS)},
            "lora.bias-learns": right | bias,
        },
        what=f"the weights of LoRADense that learn, rank {RANK}, and their shapes",
    )


@exercise("lab13.LoRADense")
def test_the_start(submission, rng):
    config = {"dense": Part("keras.layers.Dense", {"units": 3}), "rank": 8}
    found = submission.weights("LoRADense", config, rng.normal(size=(2, 150)))
    a, b = found["lora_a"], found["lora_b"]
    expect(
        not b.any(),
        f"lora_b starts with numbers up to {np.abs(b).max():.3g}, expected zeros",
        "lora.b-not-zero",
    )
    expect(a.any(), "lora_a starts at zero, and so does lora_b", "lora.a-zero")
    # he_uniform: evenly between -limit and limit; of 1,200 draws the deviation is within 5% or so.
    limit = (6 / 150) ** 0.5
    expect(
        np.abs(a).max() <= limit + 1e-6 and abs(a.std() / limit * 3**0.5 - 1) < 0.1,
        f"lora_a starts with standard deviation {a.std():.4f}, expected {limit / 3**0.5:.4f}, "
        "Keras's he_uniform",
    )


@exercise("lab13.LoRADense")
def test_the_change_is_added(submission, rng):
    layer, kernel, bias = dense(rng)
    x = rng.normal(size=(3, 4, INPUT))
    a, b = rng.normal(size=(INPUT, RANK)), rng.normal(size=(RANK, UNITS))
    given, w = (x, kernel, bias, a, b), {"lora_a": a, "lora_b": b}
    config = {"dense": layer, "rank": RANK, "alpha": ALPHA}
    right = reference.lora(*given, ALPHA / RANK)
    expect_close(
        submission.layer("LoRADense", config, w, x),
        right,
        misconceptions={
            "lora.no-scale": reference.lora(*given, 1.0),
            "lora.alpha-not-divided": reference.lora(*given, ALPHA),
            "lora.no-base": ALPHA / RANK * (x @ a @ b),
        },
        what=f"LoRADense(x), rank {RANK}, alpha {ALPHA}",
    )
    found = expect_compiles(
        lambda: submission.layer("LoRADense", config, w, x, compiled=True), "LoRADense"
    )
    expect_close(found, right, what="LoRADense(x), compiled")
    config = {"dense": layer, "rank": RANK}
    found = submission.layer("LoRADense", config, w, x)
    expect_close(found, reference.lora(*given, 1.0), what="LoRADense(x) without alpha")


def named(number, path, shapes):
    """Returns {path: shape} of LoRA at one layer of the first blocks."""
    return {
        f"blocks.{index}.{path}.{name}": shape
        for index in range(number)
        for name, shape in zip(("lora_a", "lora_b"), shapes, strict=True)
    }


@exercise("lab13.add_lora")
def test_what_learns(submission, rng):
    model, _ = make_model(rng)
    try:
        submission.call("add_lora", model, 2)
    except Crashed as error:
        # Keras's own words for a plain `block.attention.qkv = ...`.
        expect("new elements of state" not in error.message, str(error), "add.plain-setattr")
        raise
    right = named(2, "attention.qkv", ((6, 2), (2, 18)))
    replaced = ("attention.qkv.kernel", "attention.qkv.bias")
    others = {n: s for n, s in reference_gpt.shapes(CONFIG).items() if not n.endswith(replaced)}
    norm = {n: s for n, s in others.items() if n.startswith("final_norm")}
    expect_equal(
        {name: tuple(w.shape) for name, w in submission.weights_of(model).items()},
        right,
        misconceptions={
            "add.rest-learns": right | others,
            "add.norm-learns": right | norm,
            "add.nothing-learns": {},
            "add.one-block": named(1, "attention.qkv", ((6, 2), (2, 18))),
            "add.projection": named(2, "attention.projection", ((6, 2), (2, 6))),
        },
        what="add_lora(model, 2) of 2 blocks: the weights that learn and their shapes",
    )


@exercise("lab13.add_lora")
def test_nothing_is_changed_yet(submission, rng):
    model, _ = make_model(rng)
    text = (model, rng.integers(0, 11, size=(1, 5)), np.zeros((1, 5), bool), np.zeros((1, 6)))
    try:
        before = submission.call("prompted_logits", *text)
    except (NotAttempted, Crashed):
        before = None  # it is how a test asks a GPT, and an exercise of its own
    submission.call("add_lora", model, 3)
    if before is None:
        return
    expect(
        np.allclose(submission.call("prompted_logits", *text), before, atol=1e-4),
        "after add_lora, and before any training, the model says something else than before",
        "add.fresh-kernel",
    )


@exercise("lab13.add_lora")
def test_ranks_that_make_no_sense(submission, rng):
    model, _ = make_model(rng)
    for rank in (0, 7):
        expect_value_error(
            submission, "add_lora", model, rank, what=f"add_lora of rank {rank} to width 6",
            misconception="add.any-rank",
        )  # fmt: skip
    found = {name: tuple(w.shape) for name, w in submission.weights_of(model).items()}
    expect_equal(found, reference_gpt.shapes(CONFIG), what="after these errors: what learns")


@exercise("lab13.merge_lora")
def test_one_kernel(submission, rng):
    kernel = rng.normal(size=(INPUT, UNITS))
    a, b = rng.normal(size=(INPUT, RANK)), rng.normal(size=(RANK, UNITS))
    change = a @ b
    expect_close(
        submission.call("merge_lora", kernel, a, b, ALPHA),
        kernel + ALPHA / RANK * change,
        misconceptions={
            "merge.no-scale": kernel + change,
            "merge.alpha-not-divided": kernel + ALPHA * change,
            "merge.wrong-axis": kernel + ALPHA / INPUT * change,
            "merge.kernel-scaled": ALPHA / RANK * (kernel + change),
            "merge.kernel-lost": ALPHA / RANK * change,
            "merge.subtracted": kernel - ALPHA / RANK * change,
        },
        what=f"merge_lora of rank {RANK}, alpha {ALPHA}",
    )


@exercise("lab13.merge_lora")
def test_alpha_is_the_rank_unless_told(submission, rng):
    kernel = rng.normal(size=(4, 6))
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(3, 6))
    for options in ((), (None,)):
        expect_close(
            submission.call("merge_lora", kernel, a, b, *options),
            kernel + a @ b,
            misconceptions={"merge.alpha-is-one": kernel + a @ b / 3},
            what="merge_lora of rank 3 without alpha",
        )
