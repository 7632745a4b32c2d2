"""Known-wrong answers to lab 10, and the misconception that each must draw."""

import itertools

import keras
import numpy as np
from scipy import stats


def demand(source, target, num_blocks):
    """The errors as they should be, for mistakes that lie elsewhere."""
    if not 0 <= num_blocks <= len(source.blocks):
        raise ValueError("no such number of blocks")
    if [w.shape for w in source.weights] != [w.shape for w in target.weights]:
        raise ValueError("other shapes")


def copy(source, target, layers):
    for path in layers:
        old, new = source, target
        for name in path:
            old, new = (x[name] if isinstance(name, int) else getattr(x, name) for x in (old, new))
        new.set_weights(old.get_weights())


def blocks(numbers):
    return [("blocks", number) for number in numbers]


@wrong("lab10.transfer_blocks", draws="transfer.nothing")
def transfer_blocks(source, target, num_blocks):
    demand(source, target, num_blocks)
    # get_weights gives copies, and what is written into these, the model never sees.
    for old, new in zip(source.blocks[:num_blocks], target.blocks, strict=False):
        new.get_weights()[:] = old.get_weights()


@wrong("lab10.transfer_blocks", draws="transfer.no-embeddings")
def transfer_blocks(source, target, num_blocks):
    demand(source, target, num_blocks)
    copy(source, target, blocks(range(num_blocks)))
    if num_blocks == len(source.blocks):
        copy(source, target, [("final_norm",)])


@wrong("lab10.transfer_blocks", draws="transfer.no-positions")
def transfer_blocks(source, target, num_blocks):
    demand(source, target, num_blocks)
    target.embedding.token_embeddings.assign(source.embedding.token_embeddings)
    copy(source, target, blocks(range(num_blocks)))


@wrong("lab10.transfer_blocks", draws="transfer.one-fewer")
def transfer_blocks(source, target, num_blocks):
    demand(source, target, num_blocks)
    copy(source, target, [("embedding",), *blocks(range(num_blocks - 1))])


@wrong("lab10.transfer_blocks", draws="transfer.one-more")
def transfer_blocks(source, target, num_blocks):
    demand(source, target, num_blocks)
    copy(source, target, [("embedding",), *blocks(range(min(num_blocks + 1, len(source.blocks))))])


@wrong("lab10.transfer_blocks", draws="transfer.last-blocks")
def transfer_blocks(source, target, num_blocks):
    demand(source, target, num_blocks)
    total = len(source.blocks)
    copy(source, target, [("embedding",), *blocks(range(total - num_blocks, total))])


@wrong("lab10.transfer_blocks", draws="transfer.one-block")
def transfer_blocks(source, target, num_blocks):
    demand(source, target, num_blocks)
    copy(source, target, [("embedding",), *blocks([num_blocks - 1] * (num_blocks > 0))])


@wrong("lab10.transfer_blocks", draws="transfer.norm-too-early")
def transfer_blocks(source, target, num_blocks):
    demand(source, target, num_blocks)
    copy(source, target, [("embedding",), *blocks(range(num_blocks)), ("final_norm",)])


@wrong("lab10.transfer_blocks", draws="transfer.everything")
def transfer_blocks(source, target, num_blocks):
    demand(source, target, num_blocks)
    target.set_weights(source.get_weights())


@wrong("lab10.transfer_blocks", draws="transfer.wrong-way")
def transfer_blocks(source, target, num_blocks):
    demand(source, target, num_blocks)
    # Exchanges the weights instead of copying them.
    layers = [("embedding",), *blocks(range(num_blocks))]
    kept = [target.embedding.get_weights()]
    kept += [block.get_weights() for block in target.blocks[:num_blocks]]
    copy(source, target, layers)
    for layer, weights in zip([source.embedding, *source.blocks], kept, strict=False):
        layer.set_weights(weights)


@wrong("lab10.transfer_blocks", draws="transfer.zero-is-all")
def transfer_blocks(source, target, num_blocks):
    demand(source, target, num_blocks)
    copy(source, target, [("embedding",), *blocks(range(num_blocks or len(source.blocks)))])
    if not num_blocks or num_blocks == len(source.blocks):
        copy(source, target, [("final_norm",)])


@wrong("lab10.transfer_blocks", draws="transfer.no-final-norm")
def transfer_blocks(source, target, num_blocks):
    demand(source, target, num_blocks)
    copy(source, target, [("embedding",), *blocks(range(num_blocks))])


@wrong("lab10.transfer_blocks", draws="transfer.needs-final-norm")
def transfer_blocks(source, target, num_blocks):
    demand(source, target, num_blocks)
    copy(source, target, [("embedding",), *blocks(range(num_blocks))])
    if num_blocks == len(source.blocks):
        target.final_norm.set_weights(source.final_norm.get_weights())


@wrong("lab10.transfer_blocks", draws="transfer.no-error")
def transfer_blocks(source, target, num_blocks):
    layers = [("embedding",), *blocks(range(min(num_blocks, len(source.blocks))))]
    if num_blocks == len(source.blocks) and source.final_norm is not None:
        layers.append(("final_norm",))
    copy(source, target, layers)


@wrong("lab10.transfer_blocks", draws="transfer.half-copied")
def transfer_blocks(source, target, num_blocks):
    target.embedding.set_weights(source.embedding.get_weights())
    demand(source, target, num_blocks)
    copy(source, target, blocks(range(num_blocks)))
    if num_blocks == len(source.blocks) and source.final_norm is not None:
        copy(source, target, [("final_norm",)])


def check_number(model, num_blocks):
    if num_blocks is not None and not 0 <= num_blocks <= len(model.blocks):
        raise ValueError("no such number of blocks")


@wrong("lab10.freeze", draws="freeze.nothing")
def freeze(model, num_blocks):
    check_number(model, num_blocks)
    for layer in [model.embedding, *model.blocks[:num_blocks]]:
        layer.frozen = True


@wrong("lab10.freeze", draws="freeze.everything")
def freeze(model, num_blocks):
    check_number(model, num_blocks)
    model.trainable = num_blocks is None


@wrong("lab10.freeze", draws="freeze.no-embeddings")
def freeze(model, num_blocks):
    check_number(model, num_blocks)
    for index, block in enumerate(model.blocks):
        block.trainable = num_blocks is None or index >= num_blocks


@wrong("lab10.freeze", draws="freeze.inverted")
def freeze(model, num_blocks):
    check_number(model, num_blocks)
    model.trainable = False
    for layer in [model.embedding, *model.blocks[:num_blocks]]:
        layer.trainable = True


@wrong("lab10.freeze", draws="freeze.last-blocks")
def freeze(model, num_blocks):
    check_number(model, num_blocks)
    model.trainable = True
    model.embedding.trainable = num_blocks is None
    for index, block in enumerate(reversed(model.blocks)):
        block.trainable = num_blocks is None or index >= num_blocks


@wrong("lab10.freeze", draws="freeze.one-fewer")
def freeze(model, num_blocks):
    check_number(model, num_blocks)
    layers = [model.embedding, *model.blocks]
    for index, layer in enumerate(layers):
        layer.trainable = num_blocks is None or index >= max(num_blocks, 1)


@wrong("lab10.freeze", draws="freeze.one-more")
def freeze(model, num_blocks):
    check_number(model, num_blocks)
    model.embedding.trainable = num_blocks is None
    for index, block in enumerate(model.blocks):
        block.trainable = num_blocks is None or index > num_blocks


@wrong("lab10.freeze", draws="freeze.norm-too")
def freeze(model, num_blocks):
    check_number(model, num_blocks)
    model.trainable = num_blocks is None
    for block in model.blocks[num_blocks:]:
        block.trainable = True


@wrong("lab10.freeze", draws="freeze.zero-is-none")
def freeze(model, num_blocks):
    check_number(model, num_blocks)
    model.embedding.trainable = not num_blocks
    for index, block in enumerate(model.blocks):
        block.trainable = not num_blocks or index >= num_blocks


@wrong("lab10.freeze", draws="freeze.none-is-no-number")
def freeze(model, num_blocks):
    if not 0 <= num_blocks <= len(model.blocks):
        raise ValueError("no such number of blocks")
    model.embedding.trainable = False
    for index, block in enumerate(model.blocks):
        block.trainable = index >= num_blocks


@wrong("lab10.freeze", draws="freeze.never-thaws")
def freeze(model, num_blocks):
    check_number(model, num_blocks)
    if num_blocks is None:
        return
    model.embedding.trainable = False
    for block in model.blocks[:num_blocks]:
        block.trainable = False


@wrong("lab10.freeze", draws="freeze.never-thaws")
def freeze(model, num_blocks):
    check_number(model, num_blocks)
    # It is True already, and setting an attribute to the value that it has does nothing.
    model.trainable = True
    if num_blocks is not None:
        for layer in [model.embedding, *model.blocks[:num_blocks]]:
            layer.trainable = False


@wrong("lab10.freeze", draws="freeze.no-error")
def freeze(model, num_blocks):
    model.embedding.trainable = num_blocks is None
    for index, block in enumerate(model.blocks):
        block.trainable = num_blocks is None or index >= num_blocks


def at(logits, positions, label_ids):
    """What is said at a position of each row about some words."""
    positions = keras.ops.convert_to_tensor(positions)
    said = keras.ops.take_along_axis(logits, positions[:, None, None], axis=1)[:, 0]
    return keras.ops.take_along_axis(said, label_ids, axis=1)


@wrong("lab10.label_word_probabilities", draws="words.last-position")
def label_word_probabilities(logits, lengths, label_ids):
    return keras.ops.softmax(keras.ops.take_along_axis(logits[:, -1], label_ids, axis=1))


@wrong("lab10.label_word_probabilities", draws="words.first-position")
def label_word_probabilities(logits, lengths, label_ids):
    return keras.ops.softmax(keras.ops.take_along_axis(logits[:, 0], label_ids, axis=1))


@wrong("lab10.label_word_probabilities", draws="words.position-behind")
def label_word_probabilities(logits, lengths, label_ids):
    return keras.ops.softmax(at(logits, lengths % logits.shape[1], label_ids))


@wrong("lab10.label_word_probabilities", draws="words.position-before")
def label_word_probabilities(logits, lengths, label_ids):
    return keras.ops.softmax(at(logits, lengths - 2, label_ids))


@wrong("lab10.label_word_probabilities", draws="words.all-words")
def label_word_probabilities(logits, lengths, label_ids):
    return at(keras.ops.softmax(logits), lengths - 1, label_ids)


@wrong("lab10.label_word_probabilities", draws="words.logits")
def label_word_probabilities(logits, lengths, label_ids):
    return at(logits, lengths - 1, label_ids)


@wrong("lab10.label_word_probabilities", draws="words.log")
def label_word_probabilities(logits, lengths, label_ids):
    return keras.ops.log_softmax(at(logits, lengths - 1, label_ids))


@wrong("lab10.label_word_probabilities", draws="words.one-row-for-all")
def label_word_probabilities(logits, lengths, label_ids):
    last = keras.ops.take_along_axis(logits, lengths[:, None, None] - 1, axis=1)[:, 0]
    return keras.ops.softmax(keras.ops.take(last, label_ids[0], axis=1))


@wrong("lab10.label_word_probabilities", draws="words.guess")
def label_word_probabilities(logits, lengths, label_ids):
    return keras.ops.argmax(at(logits, lengths - 1, label_ids), axis=-1)


@wrong("lab10.label_word_probabilities", draws="words.zero-by-zero")
def label_word_probabilities(logits, lengths, label_ids):
    chances = at(keras.ops.softmax(logits), lengths - 1, label_ids)
    return chances / keras.ops.sum(chances, axis=1, keepdims=True)


@wrong("lab10.label_word_probabilities", draws="words.kept-from-zero")
def label_word_probabilities(logits, lengths, label_ids):
    chances = at(keras.ops.softmax(logits), lengths - 1, label_ids) + 1e-9
    return chances / keras.ops.sum(chances, axis=1, keepdims=True)


@wrong("lab10.label_word_probabilities", draws="tensor.needs-values")
def label_word_probabilities(logits, lengths, label_ids):
    rows = zip(np.array(logits), np.array(lengths), np.array(label_ids), strict=True)
    scores = np.array([row[length - 1][ids] for row, length, ids in rows])
    return keras.ops.softmax(keras.ops.convert_to_tensor(scores))


def check_changes(base, changes):
    """The errors as they should be, for mistakes that lie elsewhere."""
    for change in changes.values():
        if len(change) != 1 or not set(change) <= set(base):
            raise ValueError("one setting of the base at a time")
        if any(base[setting] == value for setting, value in change.items()):
            raise ValueError("no change")


@wrong("lab10.ablation_grid", draws="grid.version-by-version")
def ablation_grid(base, changes, seeds):
    check_changes(base, changes)
    return [base | change | {"seed": s} for change in ({}, *changes.values()) for s in seeds]


@wrong("lab10.ablation_grid", draws="grid.no-base")
def ablation_grid(base, changes, seeds):
    check_changes(base, changes)
    return [base | change | {"seed": seed} for seed in seeds for change in changes.values()]


@wrong("lab10.ablation_grid", draws="grid.no-seed")
def ablation_grid(base, changes, seeds):
    check_changes(base, changes)
    return [base | change for seed in seeds for change in ({}, *changes.values())]


@wrong("lab10.ablation_grid", draws="grid.first-seed-only")
def ablation_grid(base, changes, seeds):
    check_changes(base, changes)
    for seed in seeds:
        return [base | change | {"seed": seed} for change in ({}, *changes.values())]


@wrong("lab10.ablation_grid", draws="grid.adds-up")
def ablation_grid(base, changes, seeds):
    check_changes(base, changes)
    cells = []
    for seed in seeds:
        cell = {**base, "seed": seed}
        cells.append(dict(cell))
        for change in changes.values():
            cell.update(change)
            cells.append(dict(cell))
    return cells


@wrong("lab10.ablation_grid", draws="grid.all-combinations")
def ablation_grid(base, changes, seeds):
    check_changes(base, changes)
    cells = []
    for seed in seeds:
        for picked in itertools.product(*(({}, change) for change in changes.values())):
            cell = {**base, "seed": seed}
            for change in picked:
                cell.update(change)
            cells.append(cell)
    return cells


@wrong("lab10.ablation_grid", draws="grid.changes-only")
def ablation_grid(base, changes, seeds):
    check_changes(base, changes)
    return [cell | {"seed": seed} for seed in seeds for cell in (base, *changes.values())]


@wrong("lab10.ablation_grid", draws="grid.one-dict")
def ablation_grid(base, changes, seeds):
    check_changes(base, changes)
    cell, cells = dict(base), []
    for seed in seeds:
        for change in ({}, *changes.values()):
            cell.update(change, seed=seed)
            cells.append(cell)
    return cells


@wrong("lab10.ablation_grid", draws="argument.changed")
def ablation_grid(base, changes, seeds):
    check_changes(base, changes)
    cells = []
    for seed in seeds:
        base["seed"] = seed
        cells += [base | change for change in ({}, *changes.values())]
    return cells


@wrong("lab10.ablation_grid", draws="grid.two-at-once")
def ablation_grid(base, changes, seeds):
    for change in changes.values():
        if not change or any(base.get(key, value) == value for key, value in change.items()):
            raise ValueError("no change of the base")
    return [base | change | {"seed": seed} for seed in seeds for change in ({}, *changes.values())]


@wrong("lab10.ablation_grid", draws="grid.no-change")
def ablation_grid(base, changes, seeds):
    for change in changes.values():
        if len(change) > 1 or not set(change) <= set(base):
            raise ValueError("one setting of the base at a time")
    return [base | change | {"seed": seed} for seed in seeds for change in ({}, *changes.values())]


@wrong("lab10.ablation_grid", draws="grid.unknown-setting")
def ablation_grid(base, changes, seeds):
    for change in changes.values():
        if len(change) != 1 or any(base.get(key) == value for key, value in change.items()):
            raise ValueError("one change at a time")
    return [base | change | {"seed": seed} for seed in seeds for change in ({}, *changes.values())]


@wrong("lab10.cells_to_run", draws="todo.counts")
def cells_to_run(cells, results):
    return cells[len(results) :]


@wrong("lab10.cells_to_run", draws="todo.done-ones")
def cells_to_run(cells, results):
    done = [result["cell"] for result in results]
    return [cell for cell in cells if cell in done]


@wrong("lab10.cells_to_run", draws="todo.everything")
def cells_to_run(cells, results):
    # Compares a cell with whole results.
    left = []
    for cell in cells:
        if cell not in results and cell not in left:
            left.append(cell)
    return left


@wrong("lab10.cells_to_run", draws="todo.text-of-a-dict")
def cells_to_run(cells, results):
    done = {str(result["cell"]) for result in results}
    left = {str(cell): cell for cell in cells}
    return [cell for text, cell in left.items() if text not in done]


@wrong("lab10.cells_to_run", draws="todo.seed-ignored")
def cells_to_run(cells, results):
    def settings(cell):
        return {k: v for k, v in cell.items() if k != "seed"}

    done, left = [settings(result["cell"]) for result in results], []
    for cell in cells:
        if settings(cell) not in done and cell not in left:
            left.append(cell)
    return left


@wrong("lab10.cells_to_run", draws="todo.other-order")
def cells_to_run(cells, results):
    done, left = [result["cell"] for result in results], []
    for cell in cells:
        if cell not in done and cell not in left:
            left.insert(0, cell)
    return left


@wrong("lab10.cells_to_run", draws="todo.old-settings")
def cells_to_run(cells, results):
    left = []
    for cell in cells:
        done = any(
            all(cell.get(key) == value for key, value in result["cell"].items())
            for result in results
        )
        if not done and cell not in left:
            left.append(cell)
    return left


@wrong("lab10.cells_to_run", draws="todo.more-settings")
def cells_to_run(cells, results):
    left = []
    for cell in cells:
        done = any(
            all(result["cell"].get(key) == value for key, value in cell.items())
            for result in results
        )
        if not done and cell not in left:
            left.append(cell)
    return left


@wrong("lab10.cells_to_run", draws="todo.twice")
def cells_to_run(cells, results):
    done = [result["cell"] for result in results]
    return [cell for cell in cells if cell not in done]


@wrong("lab10.cells_to_run", draws="argument.changed")
def cells_to_run(cells, results):
    for result in results:
        while result["cell"] in cells:
            cells.remove(result["cell"])
    return cells


def check_scores(changed, base):
    if len(changed) != len(base) or len(base) < 2:
        raise ValueError("at least two pairs are needed")


def spread(changed, base, confidence, tails=2, **kwargs):
    """Mean and t times the standard error, with the mistakes that the arguments make."""
    differences = np.array(changed) - np.array(base)
    n = len(differences)
    error = differences.std(ddof=kwargs.get("ddof", 1)) / np.sqrt(n)
    freedom = kwargs.get("freedom", n - 1)
    return float(differences.mean()), float(
        stats.t.ppf(1 - (1 - confidence) / tails, freedom) * error
    )


@wrong("lab10.paired_interval", draws="interval.wrong-way")
def paired_interval(changed, base, confidence=0.95):
    check_scores(changed, base)
    return spread(base, changed, confidence)


@wrong("lab10.paired_interval", draws="interval.not-paired")
def paired_interval(changed, base, confidence=0.95):
    check_scores(changed, base)
    ends = stats.ttest_ind(changed, base).confidence_interval(confidence)
    return float(ends.low + ends.high) / 2, float(ends.high - ends.low) / 2


@wrong("lab10.paired_interval", draws="interval.normal")
def paired_interval(changed, base, confidence=0.95):
    check_scores(changed, base)
    differences = np.array(changed) - np.array(base)
    error = differences.std(ddof=1) / len(base) ** 0.5
    return float(differences.mean()), float(stats.norm.ppf((1 + confidence) / 2) * error)


@wrong("lab10.paired_interval", draws="interval.freedom")
def paired_interval(changed, base, confidence=0.95):
    check_scores(changed, base)
    return spread(changed, base, confidence, freedom=len(base))


@wrong("lab10.paired_interval", draws="interval.population")
def paired_interval(changed, base, confidence=0.95):
    check_scores(changed, base)
    return spread(changed, base, confidence, ddof=0)


@wrong("lab10.paired_interval", draws="interval.one-tail")
def paired_interval(changed, base, confidence=0.95):
    check_scores(changed, base)
    return spread(changed, base, confidence, tails=1)


@wrong("lab10.paired_interval", draws="interval.deviation")
def paired_interval(changed, base, confidence=0.95):
    check_scores(changed, base)
    difference, margin = spread(changed, base, confidence)
    return difference, margin * len(base) ** 0.5


@wrong("lab10.paired_interval", draws="interval.standard-error")
def paired_interval(changed, base, confidence=0.95):
    check_scores(changed, base)
    differences = np.array(changed) - np.array(base)
    return float(differences.mean()), float(stats.sem(differences))


@wrong("lab10.paired_interval", draws="interval.whole-width")
def paired_interval(changed, base, confidence=0.95):
    check_scores(changed, base)
    difference, margin = spread(changed, base, confidence)
    return difference, 2 * margin


@wrong("lab10.paired_interval", draws="interval.ends")
def paired_interval(changed, base, confidence=0.95):
    check_scores(changed, base)
    difference, margin = spread(changed, base, confidence)
    return difference - margin, difference + margin


@wrong("lab10.paired_interval", draws="interval.always-95")
def paired_interval(changed, base, confidence=0.95):
    check_scores(changed, base)
    return spread(changed, base, 0.95)


@wrong("lab10.paired_interval", draws="interval.no-error")
def paired_interval(changed, base, confidence=0.95):
    return spread(changed, base, confidence)
