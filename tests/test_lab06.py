"""Tests of lab 06. Every axis has a size of its own, so that a swapped one cannot hide."""

import dataclasses
import math
import warnings

import numpy as np
from reference import attention, blocks
from reference import gpt as reference

from gpt_tf.config import PAPER, GPTConfig
from gpt_tf.course.submission import Crashed
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

BATCH, LENGTH = 2, 6
SIZES = {"num_heads": 3, "hidden_dim": 10, "head_dim": 4, "intermediate_dim": 14}
# As few blocks as each test can do with: a check has to answer in a second or two.
GPT2 = GPTConfig(13, 8, num_layers=3, **SIZES)
GPT1 = GPTConfig(13, 8, num_layers=2, normalize_first=False, **SIZES)
GPT3 = GPTConfig(13, 8, num_layers=4, attention_window=3, **SIZES)
RELEASED = GPTConfig(13, 8, num_layers=2, num_heads=3, hidden_dim=12)


def some_tokens(rng, length=LENGTH, batch=BATCH):
    return rng.integers(0, GPT2.vocabulary_size, size=(batch, length))


@exercise("lab06.count_parameters")
def test_small_models_with_odd_sizes(submission):
    for first in (True, False):
        config = GPTConfig(211, 17, 3, 3, 10, 14, head_dim=4, normalize_first=first)
        right = reference.count(config)
        width, vocabulary = config.hidden_dim, config.vocabulary_size
        square = dataclasses.replace(config, num_heads=1, head_dim=width)
        four = dataclasses.replace(config, intermediate_dim=4 * width)
        norm = 2 * width
        expect_equal(
            submission.call("count_parameters", config),
            right,
            misconceptions={
                "count.untied-output": right + vocabulary * width,
                "count.output-bias": right + vocabulary,
                "count.no-biases": reference.count(config, leave_out=["bias"]),
                "count.no-norms": reference.count(config, leave_out=["norm"]),
                "count.no-qkv-biases": reference.count(config, leave_out=["qkv.bias"]),
                "count.no-feed-forward-biases": reference.count(
                    config, leave_out=["expand.bias", "contract.bias"]
                ),
                "count.one-block": reference.count(dataclasses.replace(config, num_layers=1)),
                "count.final-norm-in-each-block": right + (config.num_layers - first) * norm,
                "count.one-norm-a-block": right - config.num_layers * norm,
                "count.gain-only": reference.count(config, leave_out=["norm.beta"]),
                "count.final-norm": right + (-norm if config.normalize_first else norm),
                "count.no-positions": reference.count(config, leave_out=["position"]),
                "count.no-embeddings": reference.count(config, leave_out=["embedding"]),
                "count.head-dim-ignored": reference.count(square),
                "count.inner-width-ignored": reference.count(four),
                "count.no-projection": reference.count(config, leave_out=["projection"]),
            },
            what=f"count_parameters(config with normalize_first={config.normalize_first})",
        )


@exercise("lab06.count_parameters")
def test_released_models(submission):
    # What GPT-1 counts to, and the sizes of the four GPT-2 models that were released.
    released = {
        "gpt1": 116_534_784,
        "gpt2-small": 124_439_808,
        "gpt2-medium": 354_823_168,
        "gpt2-large": 774_030_080,
        "gpt2-xl": 1_557_611_200,
    }
    for name, right in released.items():
        expect_equal(
            submission.call("count_parameters", PAPER[name]),
            right,
            what=f'count_parameters(PAPER["{name}"])',
        )


@exercise("lab06.count_parameters")
def test_a_model_of_random_sizes(submission, rng):
    vocabulary, length, layers, heads, width, inner, head = rng.integers(2, 60, size=7).tolist()
    config = GPTConfig(vocabulary, length, layers, heads, width, inner, head_dim=head)
    found = submission.call("count_parameters", config)
    expect_equal(found, reference.count(config), what=f"count_parameters({config})")
    expect(
        type(found) is int,
        f"count_parameters gives a {type(found).__name__}, expected an int",
        "count.not-whole",
    )


@exercise("lab06.residual_stddev")
def test_two_writes_a_block(submission):
    for layers, stddev in ((12, 3.0), (1, 0.5), (50, 7.0)):
        right = reference.residual_stddev(layers, stddev)
        plain = reference.residual_stddev(layers, 0.02)
        expect_close(
            submission.call("residual_stddev", layers, stddev),
            right,
            misconceptions={
                "init.one-write-a-block": stddev / math.sqrt(layers),
                "init.root-of-half": stddev / (2 * math.sqrt(layers)),
                "init.no-root": stddev / (2 * layers),
                "init.multiplied": stddev * math.sqrt(2 * layers),
                "init.stddev-ignored": plain,
                "init.unscaled": stddev,
            },
            tolerance=1e-6,
            what=f"residual_stddev({layers}, stddev={stddev})",
        )


@exercise("lab06.residual_stddev")
def test_default_is_the_papers(submission):
    expect_close(
        submission.call("residual_stddev", 8),
        0.005,
        tolerance=1e-6,
        what="residual_stddev(8)",
    )


@exercise("lab06.residual_stddev")
def test_stddev_of_any_depth(submission, rng):
    layers, stddev = int(rng.integers(2, 100)), float(rng.uniform(0.01, 5))
    expect_close(
        submission.call("residual_stddev", layers, stddev),
        reference.residual_stddev(layers, stddev),
        tolerance=1e-6,
        what=f"residual_stddev({layers}, stddev={stddev:.4g})",
    )


@exercise("lab06.banded_causal_mask")
def test_the_latest_positions_only(submission):
    mask = submission.call("banded_causal_mask", 7, 3)
    right = reference.band(7, 3)
    row, column = np.indices((7, 7))
    lower = attention.causal(7)
    expect_equal(
        mask,
        right,
        misconceptions={
            "band.one-too-many": reference.band(7, 4),
            "band.one-too-few": reference.band(7, 2),
            "band.no-band": lower,
            "band.sees-the-future": np.abs(row - column) < 3,
            "band.upside-down": right.T,
            "band.outside": lower & ~right,
            "band.strided": lower & ((row - column) % 3 == 0),
            "band.cut-into-pieces": lower & (row // 3 == column // 3),
        },
        what="banded_causal_mask(7, 3)",
    )
    is_tensor = isinstance(mask, np.ndarray)
    expect(
        is_tensor, f"banded_causal_mask(7, 3) is a {type(mask).__name__}, expected a boolean tensor"
    )
    expect(
        mask.dtype == bool,
        f"banded_causal_mask(7, 3) holds {mask.dtype}, expected bool",
        "band.not-bool",
    )


@exercise("lab06.banded_causal_mask")
def test_narrowest_widest_shortest(submission):
    for length, window in ((5, 1), (5, 5), (5, 9), (1, 3)):
        expect_equal(
            submission.call("banded_causal_mask", length, window),
            reference.band(length, window),
            what=f"banded_causal_mask({length}, {window})",
        )


@exercise("lab06.banded_causal_mask")
def test_a_window_without_positions(submission):
    for window in (0, -2):
        error = submission.error("banded_causal_mask", 5, window)
        expect(
            error is not None and error[0] == "ValueError",
            f"banded_causal_mask(5, {window}) raises {error[0] if error else 'nothing'}, expected "
            "ValueError",
            "band.window-unchecked",
        )


@exercise("lab06.banded_causal_mask")
def test_band_of_any_width(submission, rng):
    length, window = int(rng.integers(8, 30)), int(rng.integers(2, 8))
    expect_equal(
        submission.call("banded_causal_mask", length, window),
        reference.band(length, window),
        what=f"banded_causal_mask({length}, {window})",
    )


@exercise("lab06.GPT")
def test_its_weights(submission, rng):
    sizes = {"hidden_dim": 40, "head_dim": 8, "intermediate_dim": 50}
    for first, layers, wanted in ((True, 2, 0.02 / math.sqrt(2 * 2)), (False, 1, 0.02)):
        config = GPTConfig(13, 8, layers, 6, normalize_first=first, **sizes)
        weights = submission.weights("GPT", {"config": config}, some_tokens(rng))
        found = {name: weight.shape for name, weight in weights.items()}
        _compare_weights(found, reference.shapes(config), config)
        for name in ("attention.projection.kernel", "feed_forward.contract.kernel"):
            spread = float(np.std([weights[f"blocks.{i}.{name}"] for i in range(layers)]))
            expect(
                abs(spread / wanted - 1) < 0.2,
                f"with normalize_first={first}, the {name} of the blocks start with standard "
                f"deviation {spread:.4f}, expected {wanted:.4f}",
                "gpt.residual-init" if first else "gpt.gpt1-init",
            )


def _compare_weights(found, right, config):
    missing, extra = sorted(set(right) - set(found)), sorted(set(found) - set(right))
    which = f"GPT with normalize_first={config.normalize_first}"
    no_blocks = any(name.startswith("blocks.") for name in missing)
    expect(not no_blocks, f"{which} has no {', '.join(missing)[:200]}", "gpt.same-block-again")
    no_norm = all(name.startswith("final_norm") for name in missing)
    mistake = "gpt.no-final-norm" if no_norm else None
    expect(not missing, f"{which} has no {', '.join(missing)}", mistake)
    final_norm = any(name.startswith("final_norm") for name in extra)
    expect(not final_norm, f"{which} has {', '.join(extra)}", "gpt.final-norm-in-gpt1")
    expect(not extra, f"{which} has weights nobody asked for: {', '.join(extra)}", "gpt.untied")
    for name, shape in right.items():
        mistake = "gpt.head-dim-ignored" if ".attention." in name else "gpt.inner-width-ignored"
        expect(
            found[name] == shape,
            f"{which}: {name} has shape {found[name]}, expected {shape}",
            mistake if name.startswith("blocks.") else None,
        )


def _final_norm(x, w, epsilon=1e-5):
    return blocks.layer_norm(x, w["final_norm.gamma"], w["final_norm.beta"], epsilon)


@exercise("lab06.GPT")
def test_gpt2_matches_the_formulas(submission, rng):
    tokens, w = some_tokens(rng), reference.random_weights(GPT2, rng)
    right = reference.logits(tokens, w, GPT2)
    sums = np.exp(right - right.max(axis=-1, keepdims=True)).sum(axis=-1, keepdims=True)
    expect_close(
        submission.layer("GPT", {"config": GPT2}, w, tokens),
        right,
        misconceptions={
            "gpt.no-final-norm": reference.logits(tokens, w, GPT2, final_norm=False),
            "gpt.norm-twice": _final_norm(reference.hidden_states(tokens, w, GPT2), w)
            @ w["embedding.token_embeddings"].T,
            "gpt.blocks-reversed": reference.logits(tokens, w, GPT2, layers=[2, 1, 0]),
            "gpt.last-block-only": reference.logits(tokens, w, GPT2, layers=[2]),
            "gpt.first-block-only": reference.logits(tokens, w, GPT2, layers=[0]),
            "gpt.a-block-missing": reference.logits(tokens, w, GPT2, layers=[0, 1]),
            "gpt.normalize-first-ignored": reference.logits(tokens, w, GPT2, normalize_first=False),
            "gpt.probabilities": np.exp(right - right.max(axis=-1, keepdims=True)) / sums,
            "gpt.last-position-only": right[:, -1],
        },
        tolerance=1e-4,
        what="GPT(tokens), normalize_first=True",
    )


@exercise("lab06.GPT")
def test_gpt1_matches_the_formulas(submission, rng):
    tokens, w = some_tokens(rng), reference.random_weights(GPT1, rng)
    try:
        # As `fit` finds out whether it can say that it trains.
        found = submission.layer("GPT", {"config": GPT1}, w, tokens, method="call", training=False)
    except Crashed as error:
        expect(
            error.type != "TypeError" or "'training'" not in error.message,
            "GPT.call has no argument `training`: in `fit`, dropout would stay off",
            "gpt.training-not-named",
        )
        raise
    expect_close(
        found,
        reference.logits(tokens, w, GPT1),
        misconceptions={
            "gpt.normalize-first-ignored": reference.logits(tokens, w, GPT1, normalize_first=True),
        },
        tolerance=1e-4,
        what="GPT(tokens), normalize_first=False",
    )


@exercise("lab06.GPT")
def test_gpt3_bands_every_second_block_of_a_full_context(submission, rng):
    tokens = some_tokens(rng, GPT3.max_sequence_length)
    w = reference.random_weights(GPT3, rng)

    def with_bands(where, window=GPT3.attention_window):
        def mask(config, index, length):
            return reference.band(length, window) if where(index) else None

        return reference.logits(tokens, w, GPT3, mask=mask)

    # Built on a single token: that must work too, and no mask may outlive the text it is for.
    with warnings.catch_warnings():
        # Keras warns of a softmax over one value, and a student would look for the mistake.
        warnings.simplefilter("ignore")
        with expect_no_crash("attention_window=3, one token and then eight", "gpt.band-size"):
            found = submission.layer("GPT", {"config": GPT3}, w, tokens, example=tokens[:1, :1])
    expect_close(
        found,
        reference.logits(tokens, w, GPT3),
        misconceptions={
            "gpt.no-band": with_bands(lambda index: False),
            "gpt.band-everywhere": with_bands(lambda index: True),
            "gpt.band-on-even": with_bands(lambda index: index % 2 == 0),
            "gpt.band-in-the-last": with_bands(lambda index: index == GPT3.num_layers - 1),
            "gpt.band-in-the-second-half": with_bands(lambda index: index >= GPT3.num_layers // 2),
        },
        tolerance=1e-4,
        what="GPT(tokens), attention_window=3",
    )


@exercise("lab06.GPT")
def test_hidden_states(submission, rng):
    config = dataclasses.replace(GPT2, num_layers=1)
    # One text only: an axis of length 1 must stay.
    tokens, w = some_tokens(rng, batch=1), reference.random_weights(config, rng)
    # A quiet residual stream, so that the last norm's epsilon shows.
    for name in w:
        if name.startswith("embedding") or ".projection." in name or ".contract." in name:
            w[name] = w[name] / 20
    before_norm = reference.hidden_states(tokens, w, config, final_norm=False)
    # Raises for a model of which nothing is written, which is no mistake.
    submission.layer("GPT", {"config": config}, w, tokens)
    found = expect_written(
        lambda: submission.layer("GPT", {"config": config}, w, tokens, method="hidden_states"),
        "GPT.hidden_states",
        "gpt.hidden-not-written",
    )
    expect_close(
        found,
        reference.hidden_states(tokens, w, config),
        misconceptions={
            "gpt.hidden-before-norm": before_norm,
            "gpt.norm-epsilon": _final_norm(before_norm, w, epsilon=1e-3),
            "gpt.hidden-are-logits": reference.logits(tokens, w, config),
        },
        tolerance=1e-4,
        what="GPT.hidden_states(tokens)",
    )


@exercise("lab06.GPT")
def test_too_long_is_a_clear_error(submission, rng):
    raised = "nothing"
    try:
        tokens = some_tokens(rng, GPT2.max_sequence_length + 1)
        submission.layer("GPT", {"config": dataclasses.replace(GPT2, num_layers=1)}, None, tokens)
    except Crashed as error:
        raised = error.type
    expect(
        raised == "ValueError",
        f"a text longer than max_sequence_length raises {raised}, expected ValueError",
        "gpt.too-long",
    )


@exercise("lab06.GPT")
def test_dropout_while_training(submission, rng):
    config = dataclasses.replace(GPT2, dropout=0.5, num_layers=1)
    w = reference.random_weights(config, rng)
    # The first text is all zeros until the blocks write, so only their dropout moves it. In the
    # others the blocks write next to nothing, so only the embedding's dropout moves them.
    tokens = np.concatenate([np.zeros((1, LENGTH), int), np.tile(1 + np.arange(LENGTH), (16, 1))])
    table = w["embedding.token_embeddings"]
    table[0], table[1:] = 0.0, 0.5 + np.abs(table[1:])
    w["embedding.position_embeddings"][:] = 0.0
    w |= {"final_norm.gamma": np.ones(config.hidden_dim), "final_norm.beta": 0 * table[0]}
    w = {n: a / 1000 if ".projection." in n or ".contract." in n else a for n, a in w.items()}
    found = expect_compiles(
        lambda: submission.layer(
            "GPT", {"config": config}, w, tokens, compiled=True, training=True
        ),
        "GPT",
    )
    moved = np.max(np.abs(found - reference.logits(tokens, w, config)), axis=(1, 2))
    by_embedding, by_blocks = np.max(moved[1:]) > 1, moved[0] > 0.1
    expect(by_embedding or by_blocks, "with training=True nothing is dropped", "gpt.no-dropout")
    expect(by_embedding, "with training=True the embedding drops nothing", "gpt.embedding-dropout")
    expect(by_blocks, "with training=True the blocks drop nothing", "gpt.block-dropout")
    # All entries of those texts are above 0. So the smallest of a position are those dropped.
    states = np.linalg.lstsq(table, found[1:].reshape(-1, len(table)).T)[0].T
    dropped = np.mean(states - states.min(axis=1, keepdims=True) < 0.2)
    expect(
        0.4 < dropped < 0.6,
        f"with dropout=0.5 a share of {dropped:.2f} of the embeddings is 0 behind the blocks",
        "gpt.dropout-twice",
    )


@exercise("lab06.load_gpt2_weights")
def test_every_array_finds_its_place(submission, rng):
    tokens = some_tokens(rng)
    before, w = (reference.random_weights(RELEASED, rng) for _ in range(2))
    arrays = reference.released(w, RELEASED)

    def logits(weights):
        return reference.logits(tokens, weights, RELEASED)

    def replaced(change):
        """The weights of `w`, those for which `change` returns a name taken from elsewhere."""
        return logits({name: w[change(name) or name] for name in w})

    def kept(word):
        """The weights of `w`, but those with `word` in their path never loaded."""
        return logits({name: before[name] if word in name else w[name] for name in w})

    swap = {"attention_norm": "feed_forward_norm", "feed_forward_norm": "attention_norm"}
    swapped_norms = replaced(
        lambda n: ".".join(swap.get(p, p) for p in n.split(".")) if n.startswith("blocks") else n
    )
    gain_for_shift = replaced(
        lambda n: n[:-5] + "beta" if n.endswith("gamma") else n.replace(".beta", ".gamma")
    )
    first_everywhere = replaced(
        lambda n: ".".join(["blocks.0", *n.split(".")[2:]]) if n.startswith("blocks") else n
    )
    reversed_blocks = replaced(
        lambda n: (
            f"blocks.{RELEASED.num_layers - 1 - int(n.split('.')[1])}." + ".".join(n.split(".")[2:])
            if n.startswith("blocks")
            else n
        )
    )
    transposed = logits({n: v.T if n.endswith("projection.kernel") else v for n, v in w.items()})
    expect_close(
        submission.layer(
            "GPT", {"config": RELEASED}, before, tokens, prepare=("load_gpt2_weights", arrays)
        ),
        logits(w),
        misconceptions={
            "load.nothing-loaded": logits(before),
            "load.norms-swapped": swapped_norms,
            "load.gain-for-shift": gain_for_shift,
            "load.first-block-everywhere": first_everywhere,
            "load.blocks-reversed": reversed_blocks,
            "load.projection-transposed": transposed,
            "load.no-biases": kept("bias"),
            "load.no-norms": kept("norm"),
            "load.no-final-norm": kept("final_norm"),
            "load.no-positions": kept("position_embeddings"),
        },
        tolerance=1e-4,
        what="GPT(tokens) after load_gpt2_weights",
    )


@exercise("lab06.load_gpt2_weights")
def test_a_leading_axis_of_one(submission, rng):
    tokens, w = some_tokens(rng), reference.random_weights(RELEASED, rng)
    arrays = reference.released(w, RELEASED)
    arrays = {n: a[None] if n.endswith("/w") else a for n, a in arrays.items()}
    with expect_no_crash("kernels of shape (1, in, out)", "load.leading-axis"):
        found = submission.layer(
            "GPT", {"config": RELEASED}, None, tokens, prepare=("load_gpt2_weights", arrays)
        )
    expect_close(
        found,
        reference.logits(tokens, w, RELEASED),
        tolerance=1e-4,
        what="GPT(tokens) after load_gpt2_weights with kernels of shape (1, in, out)",
    )


@exercise("lab06.load_gpt2_weights")
def test_another_size_is_a_clear_error(submission, rng):
    w = reference.random_weights(RELEASED, rng)
    arrays = reference.released(w, RELEASED)
    wide = {name: array for name, array in arrays.items()}
    wide["wpe"] = np.concatenate([arrays["wpe"], arrays["wpe"]])
    turned = arrays | {"h0/mlp/c_fc/w": arrays["h0/mlp/c_fc/w"].T}
    lost = {name: array for name, array in arrays.items() if name != "h1/mlp/c_fc/b"}
    deeper = arrays | {name.replace("h1/", "h2/"): a for name, a in arrays.items() if "h1/" in name}
    cases = {
        "an array is missing": (lost, "load.missing-unnoticed"),
        "the arrays have one block more than the model": (deeper, "load.rest-unnoticed"),
        "the arrays have one name more": (
            arrays | {"h0/attn/bias": np.zeros(3)},
            "load.rest-unnoticed",
        ),
        "wpe has more rows than the model has positions": (wide, "load.shape-unnoticed"),
        "a kernel is (out, in)": (turned, "load.shape-unnoticed"),
    }
    before = reference.random_weights(RELEASED, rng)
    model = Part("GPT", {"config": RELEASED}, before, some_tokens(rng, 2))
    for what, (given, mistake) in cases.items():
        error = submission.error("load_gpt2_weights", model, given)
        raised = error[0] if error else "nothing"
        expect(raised == "ValueError", f"{what}: it raises {raised}, expected ValueError", mistake)
        after = submission.weights_of(model)
        changed = [n for n, old in before.items() if not np.allclose(after[n], old, atol=1e-5)]
        expect(
            not changed,
            f"{what}: it raises ValueError, but the model has lost its {', '.join(changed[:3])}",
            "load.half-loaded",
        )
