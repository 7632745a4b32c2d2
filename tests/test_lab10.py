"""Tests of lab 10. The models are small GPTs with random weights, no two axes of one size."""

import dataclasses
import itertools

import numpy as np
from reference import gpt as reference_gpt
from reference import transfer as reference

from gpt_tf.config import GPTConfig
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

LAYERS = 3
CONFIG = GPTConfig(11, 7, LAYERS, num_heads=2, hidden_dim=5, head_dim=3, intermediate_dim=8)
GPT1 = dataclasses.replace(CONFIG, normalize_first=False)
BASE = {"task": "reviews", "blocks": 4, "pretrained": True, "lambda": 0.5}
CHANGES = {
    "no pre-training": {"pretrained": False},
    "no auxiliary LM": {"lambda": 0.0},
    "half the blocks": {"blocks": 2},
}
TABLE = {"changed": [0.71, 0.66, 0.79, 0.62, 0.7], "base": [0.80, 0.73, 0.91, 0.68, 0.75]}


def make_model(rng, config=CONFIG):
    """Returns (Part, weights) of a GPT; each call makes another one."""
    w = reference_gpt.random_weights(config, rng)
    return Part("GPT", {"config": config}, w, np.zeros((1, 2), int)), w


def part_of(name):
    """Returns the part of a GPT that a weight is of: a block is one, each table is one."""
    pieces = name.split(".")
    return pieces[0] if pieces[0] == "final_norm" else ".".join(pieces[:2])


def parts_in(names):
    """Returns the parts that some weights are of, from the bottom up."""
    found = {part_of(name) for name in names}
    return [part for part in reference.part_names(LAYERS) if part in found]


def carried_by(found, source, target, what):
    """Returns the parts of `found` whose weights are the source's; the others are the target's."""
    same = {
        name: [np.array_equal(value, w[name].astype("float32")) for w in (source, target)]
        for name, value in found.items()
    }
    strange = [name for name, (ours, theirs) in same.items() if not ours and not theirs]
    expect(not strange, f"{what}: {strange[:1]} is neither the source's nor the target's")
    came = parts_in([name for name, (ours, _) in same.items() if ours])
    stayed = parts_in([name for name, (_, theirs) in same.items() if theirs])
    for part in came:
        expect(part not in stayed, f"{what}: only some weights of {part} came over")
    return came


@exercise("lab10.transfer_blocks")
def test_embeddings_and_two_blocks(submission, rng):
    (source, ours), (target, theirs) = make_model(rng), make_model(rng)
    what = "transfer_blocks(source, target, 2) of 3 blocks"
    submission.call("transfer_blocks", source, target, 2)
    tokens, positions, first, second, third, norm = reference.part_names(LAYERS)
    expect_equal(
        carried_by(submission.weights_of(target), ours, theirs, what),
        reference.carried(LAYERS, 2),
        misconceptions={
            "transfer.nothing": [],
            "transfer.no-embeddings": [first, second],
            "transfer.no-positions": [tokens, first, second],
            "transfer.one-fewer": [tokens, positions, first],
            "transfer.one-more": [tokens, positions, first, second, third],
            "transfer.last-blocks": [tokens, positions, second, third],
            "transfer.one-block": [tokens, positions, second],
            "transfer.norm-too-early": [tokens, positions, first, second, norm],
            "transfer.everything": reference.part_names(LAYERS),
        },
        what=f"{what}: the parts of the target that are the source's",
    )


@exercise("lab10.transfer_blocks")
def test_the_source_stays(submission, rng):
    (source, ours), (target, theirs) = make_model(rng), make_model(rng)
    submission.call("transfer_blocks", source, target, 1)
    what = "transfer_blocks(source, target, 1)"
    expect(
        not carried_by(submission.weights_of(source), theirs, ours, what),
        f"{what}: the source has weights of the target now",
        "transfer.wrong-way",
    )


@exercise("lab10.transfer_blocks")
def test_the_embeddings_alone(submission, rng):
    (source, ours), (target, theirs) = make_model(rng), make_model(rng)
    what = "transfer_blocks(source, target, 0)"
    submission.call("transfer_blocks", source, target, 0)
    expect_equal(
        carried_by(submission.weights_of(target), ours, theirs, what),
        reference.carried(LAYERS, 0),
        misconceptions={
            "transfer.zero-is-all": reference.part_names(LAYERS),
            "transfer.nothing": [],
        },
        what=f"{what}: the parts of the target that are the source's",
    )


@exercise("lab10.transfer_blocks")
def test_all_blocks_bring_the_final_norm(submission, rng):
    (source, ours), (target, theirs) = make_model(rng), make_model(rng)
    what = f"transfer_blocks(source, target, {LAYERS})"
    submission.call("transfer_blocks", source, target, LAYERS)
    expect_equal(
        carried_by(submission.weights_of(target), ours, theirs, what),
        reference.carried(LAYERS, LAYERS),
        misconceptions={"transfer.no-final-norm": reference.part_names(LAYERS, final_norm=False)},
        what=f"{what}: the parts of the target that are the source's",
    )


@exercise("lab10.transfer_blocks")
def test_a_model_without_a_final_norm(submission, rng):
    (source, ours), (target, theirs) = make_model(rng, GPT1), make_model(rng, GPT1)
    what = f"transfer_blocks(source, target, {LAYERS}) of GPT-1, which has no final norm"
    with expect_no_crash(what, "transfer.needs-final-norm"):
        submission.call("transfer_blocks", source, target, LAYERS)
    came = carried_by(submission.weights_of(target), ours, theirs, what)
    expect_equal(came, reference.carried(LAYERS, LAYERS, final_norm=False), what=what)


@exercise("lab10.transfer_blocks")
def test_what_cannot_be_carried_over(submission, rng):
    (source, _), (target, theirs) = make_model(rng), make_model(rng)
    # Its embeddings fit, and its blocks do not.
    other, _ = make_model(rng, dataclasses.replace(CONFIG, intermediate_dim=9))
    for first, number, what in (
        (source, LAYERS + 1, f"transfer_blocks of {LAYERS + 1} of {LAYERS} blocks"),
        (source, -1, "transfer_blocks of -1 blocks"),
        (other, 1, "transfer_blocks between two shapes"),
    ):
        expect_value_error(
            submission, "transfer_blocks", first, target, number, what=what,
            misconception="transfer.no-error",
        )  # fmt: skip
    found = submission.weights_of(target)
    kept = all(np.array_equal(v, theirs[n].astype("float32")) for n, v in found.items())
    expect(
        kept, "after the errors the target has other weights than before", "transfer.half-copied"
    )


@exercise("lab10.freeze")
def test_two_blocks_hold_still(submission, rng):
    model, _ = make_model(rng)
    submission.call("freeze", model, 2)
    tokens, positions, first, second, third, norm = reference.part_names(LAYERS)
    expect_equal(
        parts_in(submission.weights_of(model)),
        reference.learning(LAYERS, 2),
        misconceptions={
            "freeze.nothing": reference.part_names(LAYERS),
            "freeze.everything": [],
            "freeze.no-embeddings": [tokens, positions, third, norm],
            "freeze.inverted": [tokens, positions, first, second],
            "freeze.last-blocks": [first, norm],
            "freeze.one-fewer": [second, third, norm],
            "freeze.one-more": [norm],
            "freeze.norm-too": [third],
        },
        what="freeze(model, 2) of 3 blocks: the parts that still learn",
    )


@exercise("lab10.freeze")
def test_the_embeddings_alone_hold_still(submission, rng):
    model, _ = make_model(rng)
    submission.call("freeze", model, 0)
    expect_equal(
        parts_in(submission.weights_of(model)),
        reference.learning(LAYERS, 0),
        misconceptions={
            "freeze.zero-is-none": reference.part_names(LAYERS),
            "freeze.one-more": reference.learning(LAYERS, 1),
        },
        what="freeze(model, 0): the parts that still learn",
    )


@exercise("lab10.freeze")
def test_what_was_frozen_can_learn_again(submission, rng):
    for later in (1, None):
        model, _ = make_model(rng)
        with expect_no_crash(f"freeze(model, {later})", "freeze.none-is-no-number"):
            for number in (3, later):
                submission.call("freeze", model, number)
        expect_equal(
            parts_in(submission.weights_of(model)),
            reference.learning(LAYERS, later),
            misconceptions={"freeze.never-thaws": reference.learning(LAYERS, 3)},
            what=f"freeze(model, 3), then freeze(model, {later}): the parts that still learn",
        )


@exercise("lab10.freeze")
def test_no_weight_changes(submission, rng):
    model, w = make_model(rng)
    for number in (2, None):
        submission.call("freeze", model, number)
    found = submission.weights_of(model)
    same = all(np.array_equal(v, w[n].astype("float32")) for n, v in found.items())
    expect(same, "freeze(model, 2) changed a weight")


@exercise("lab10.freeze")
def test_blocks_that_there_are_not(submission, rng):
    model, _ = make_model(rng)
    for number in (LAYERS + 1, -1):
        expect_value_error(
            submission, "freeze", model, number, what=f"freeze(model, {number}) of {LAYERS} blocks",
            misconception="freeze.no-error",
        )  # fmt: skip


def some_logits(rng):
    """Returns logits (3, 6, 11), lengths, and four label words a row."""
    label_ids = np.array([rng.permutation(11)[:4] for _ in range(3)])
    return rng.normal(size=(3, 6, 11)) * 2, np.array([4, 6, 2]), label_ids


@exercise("lab10.label_word_probabilities")
def test_the_words_after_each_text(submission, rng):
    given = some_logits(rng)
    logits, lengths, label_ids = given
    right = reference.label_words(*given)
    expect_close(
        submission.call("label_word_probabilities", *given),
        right,
        misconceptions={
            "words.last-position": reference.label_words(logits, [6, 6, 6], label_ids),
            "words.first-position": reference.label_words(logits, [1, 1, 1], label_ids),
            "words.position-behind": reference.label_words(*given, shift=0),
            "words.position-before": reference.label_words(*given, shift=-2),
            "words.all-words": reference.label_words(*given, restrict=False),
            "words.logits": reference.label_words(*given, normalise=False),
            "words.log": np.log(right),
            "words.one-row-for-all": reference.label_words(logits, lengths, label_ids[[0, 0, 0]]),
            "words.guess": right.argmax(axis=1),
        },
        what="label_word_probabilities of texts of 4, 6 and 2 tokens, 4 labels",
    )


@exercise("lab10.label_word_probabilities")
def test_unlikely_words(submission, rng):
    # Another word is so likely that nothing is left for the label words in 32 bits.
    logits, lengths, label_ids = rng.normal(size=(1, 3, 7)), np.array([2]), np.array([[5, 1]])
    logits[0, 1, 3] = 120.0
    expect_close(
        submission.call("label_word_probabilities", logits, lengths, label_ids),
        reference.label_words(logits, lengths, label_ids),
        misconceptions={
            "words.zero-by-zero": np.full((1, 2), np.nan),
            "words.kept-from-zero": np.full((1, 2), 0.5),
            "words.all-words": np.zeros((1, 2)),
        },
        # Logits of this size have fewer digits behind the point.
        tolerance=1e-4,
        what="label_word_probabilities where another word is all but certain",
    )


@exercise("lab10.label_word_probabilities")
def test_label_words_in_a_compiled_step(submission, rng):
    given = some_logits(rng)
    found = expect_compiles(
        lambda: submission.compiled("label_word_probabilities", *given), "label_word_probabilities"
    )
    expect_close(found, reference.label_words(*given), what="label_word_probabilities, compiled")


@exercise("lab10.ablation_grid")
def test_seed_by_seed(submission):
    right = reference.grid(BASE, CHANGES, [3, 8])
    one, two, three = CHANGES.values()

    def with_seeds(versions):
        return [version | {"seed": seed} for seed in (3, 8) for version in versions]

    combinations = itertools.product(({}, one), ({}, two), ({}, three))
    expect_equal(
        submission.call("ablation_grid", BASE, CHANGES, [3, 8]),
        right,
        misconceptions={
            "grid.version-by-version": [cell for i in range(4) for cell in right[i::4]],
            "grid.no-base": right[1:4] + right[5:],
            "grid.no-seed": [BASE | change for change in ({}, one, two, three)] * 2,
            "grid.first-seed-only": right[:4],
            "grid.adds-up": with_seeds(
                [BASE, BASE | one, BASE | one | two, BASE | one | two | three]
            ),
            "grid.all-combinations": with_seeds([BASE | a | b | c for a, b, c in combinations]),
            "grid.changes-only": with_seeds([BASE, one, two, three]),
            "grid.one-dict": [BASE | one | two | three | {"seed": 8}] * 8,
        },
        what="ablation_grid of 3 changes and the seeds 3 and 8",
    )


@exercise("lab10.ablation_grid")
def test_a_base_alone(submission):
    expect_equal(
        submission.call("ablation_grid", {"blocks": 1}, {}, [5]),
        [{"blocks": 1, "seed": 5}],
        what="ablation_grid without changes",
    )


@exercise("lab10.ablation_grid")
def test_a_version_that_is_none(submission):
    for change, what, misconception in (
        ({"blocks": 2, "lambda": 0.0}, "changes two settings", "grid.two-at-once"),
        ({}, "changes nothing", "grid.no-change"),
        ({"blocks": 4}, "sets blocks to what they are in the base", "grid.no-change"),
        ({"block": 2}, "changes a setting that the base lacks", "grid.unknown-setting"),
    ):
        expect_value_error(
            submission, "ablation_grid", BASE, CHANGES | {"odd": change}, [1],
            what=f"ablation_grid with a version that {what}", misconception=misconception,
        )  # fmt: skip


@exercise("lab10.ablation_grid")
def test_any_grid(submission, rng):
    names = [f"setting {number}" for number in rng.permutation(20)[:5]]
    base = {name: int(rng.integers(10)) for name in names}
    changes = {
        f"other {name}": {name: base[name] + 1 + int(rng.integers(9))} for name in names[1:4]
    }
    seeds = rng.permutation(50)[:3].tolist()
    expect_equal(
        submission.call("ablation_grid", base, changes, seeds),
        reference.grid(base, changes, seeds),
        what=f"ablation_grid({base}, {changes}, {seeds})",
    )


def some_cells():
    """Returns the 8 cells of a grid of 4 versions and 2 seeds."""
    return reference.grid(BASE, CHANGES, [3, 8])


def results_of(cells):
    return [{"cell": cell, "score": 0.5 + number / 100} for number, cell in enumerate(cells)]


@exercise("lab10.cells_to_run")
def test_what_has_no_result(submission):
    cells = some_cells()
    # In another order; one with its settings in another order, and one of another grid.
    turned = dict(reversed(cells[1].items()))
    results = results_of([cells[6], BASE | {"seed": 99}, turned])
    right = reference.to_run(cells, results)
    expect_equal(
        submission.call("cells_to_run", cells, results),
        right,
        misconceptions={
            "todo.counts": cells[3:],
            "todo.done-ones": [cells[1], cells[6]],
            "todo.everything": cells,
            "todo.text-of-a-dict": cells[:6] + cells[7:],
            "todo.seed-ignored": [cells[3], cells[7]],
            "todo.other-order": right[::-1],
        },
        what="cells_to_run of 8 cells, the 7th and the 2nd measured",
    )


@exercise("lab10.cells_to_run")
def test_the_seed_counts(submission):
    cells = some_cells()
    results = results_of(cells[:4])
    expect_equal(
        submission.call("cells_to_run", cells, results),
        cells[4:],
        misconceptions={"todo.seed-ignored": []},
        what="cells_to_run of seeds 3 and 8, seed 3 measured",
    )


@exercise("lab10.cells_to_run")
def test_a_result_without_the_new_setting(submission):
    old = {"blocks": 4, "seed": 1}
    cells = [old | {"dropout": 0.0}, old | {"dropout": 0.1}]
    expect_equal(
        submission.call("cells_to_run", cells, results_of([old])),
        cells,
        misconceptions={"todo.old-settings": []},
        what="cells_to_run of cells with a setting that the result lacks",
    )
    expect_equal(
        submission.call("cells_to_run", [old], results_of(cells)),
        [old],
        misconceptions={"todo.more-settings": []},
        what="cells_to_run of a cell that lacks a setting of the results",
    )


@exercise("lab10.cells_to_run")
def test_a_cell_that_stands_twice(submission):
    cells = some_cells()
    expect_equal(
        submission.call("cells_to_run", [*cells[:3], cells[1], cells[3]], results_of(cells[:1])),
        cells[1:4],
        misconceptions={"todo.twice": [*cells[1:3], cells[1], cells[3]]},
        what="cells_to_run of 4 cells, one of them twice",
    )
    expect_equal(submission.call("cells_to_run", cells, []), cells, what="without any result")
    nothing = submission.call("cells_to_run", cells, results_of(cells))
    expect_equal(nothing, [], what="cells_to_run with all results")


@exercise("lab10.cells_to_run")
def test_any_cells(submission, rng):
    numbers = rng.integers(0, 3, size=(9, 2)).tolist()
    cells = [{"blocks": blocks, "seed": seed} for blocks, seed in numbers]
    results = results_of([{"seed": s, "blocks": b} for b, s in numbers[::4]])
    expect_equal(
        submission.call("cells_to_run", cells, results),
        reference.to_run(cells, results),
        what=f"cells_to_run({cells}, {results})",
    )


def interval_of(submission, *args):
    """Returns what the submission gives as a list of two numbers."""
    found = submission.call("paired_interval", *args)
    shape = np.shape(found)
    expect(shape == (2,), f"paired_interval returned something of shape {shape}, expected 2 floats")
    return list(found)


@exercise("lab10.paired_interval")
def test_difference_and_margin(submission):
    changed, base = TABLE["changed"], TABLE["base"]
    difference, margin = reference.interval(changed, base)
    expect_close(
        interval_of(submission, changed, base),
        [difference, margin],
        misconceptions={
            "interval.wrong-way": [-difference, margin],
            "interval.not-paired": reference.interval(changed, base, paired=False),
            "interval.normal": reference.interval(changed, base, freedom=np.inf),
            "interval.freedom": reference.interval(changed, base, freedom=len(base)),
            "interval.population": reference.interval(changed, base, ddof=0),
            "interval.one-tail": reference.interval(changed, base, tails=1),
            "interval.deviation": reference.interval(changed, base, root=False),
            "interval.standard-error": [difference, margin / reference.t_quantile(0.975, 4)],
            "interval.whole-width": [difference, 2 * margin],
            "interval.ends": [difference - margin, difference + margin],
        },
        what=f"paired_interval({changed}, {base})",
    )


@exercise("lab10.paired_interval")
def test_another_confidence(submission):
    changed, base = TABLE["changed"], TABLE["base"]
    expect_close(
        interval_of(submission, changed, base, 0.8),
        reference.interval(changed, base, 0.8),
        misconceptions={"interval.always-95": reference.interval(changed, base)},
        what="paired_interval with confidence 0.8",
    )


@exercise("lab10.paired_interval")
def test_luck_cancels(submission):
    # The seeds differ much, and the differences do not.
    base = [0.1, 0.5, 0.9]
    changed = [0.15, 0.55, 0.95]
    expect_close(
        interval_of(submission, changed, base),
        [0.05, 0.0],
        misconceptions={
            "interval.not-paired": reference.interval(changed, base, paired=False),
        },
        what="paired_interval of 3 equal differences",
    )


@exercise("lab10.paired_interval")
def test_too_few_seeds(submission):
    for changed, base, what in (
        ([0.5], [0.4], "of one seed"),
        ([], [], "of no seed"),
        ([0.5, 0.6, 0.7], [0.4, 0.5], "of 3 and 2 scores"),
        ([0.5], [0.4, 0.5], "of 1 and 2 scores"),
    ):
        expect_value_error(
            submission, "paired_interval", changed, base, what=f"paired_interval {what}",
            misconception="interval.no-error",
        )  # fmt: skip


@exercise("lab10.paired_interval")
def test_any_scores(submission, rng):
    changed, base = rng.uniform(0, 1, size=(2, int(rng.integers(3, 7)))).round(3).tolist()
    confidence = round(float(rng.uniform(0.6, 0.99)), 3)
    expect_close(
        interval_of(submission, changed, base, confidence),
        reference.interval(changed, base, confidence),
        what=f"paired_interval({changed}, {base}, {confidence})",
    )
    expect_close(
        interval_of(submission, changed[:2], base[:2]),
        reference.interval(changed[:2], base[:2]),
        what=f"paired_interval({changed[:2]}, {base[:2]})",
    )
