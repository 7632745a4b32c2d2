"""Known-right answers to lab 10, written differently."""

import itertools
import json

import keras
import numpy as np
from scipy import stats


@right("lab10.transfer_blocks", because="one variable after another is as good")
def transfer_blocks(source, target, num_blocks):
    total = len(source.blocks)
    if num_blocks < 0 or num_blocks > total:
        raise ValueError("no such number of blocks")
    old = [*source.embedding.weights, *(w for b in source.blocks[:num_blocks] for w in b.weights)]
    new = [*target.embedding.weights, *(w for b in target.blocks[:num_blocks] for w in b.weights)]
    if num_blocks == total and source.final_norm:
        old += source.final_norm.weights
        new += target.final_norm.weights
    if len(source.weights) != len(target.weights) or any(
        a.shape != b.shape for a, b in zip(source.weights, target.weights, strict=True)
    ):
        raise ValueError("other shapes")
    for a, b in zip(old, new, strict=True):
        b.assign(a)


@right("lab10.transfer_blocks", because="everything may be copied, and the rest put back")
def transfer_blocks(source, target, num_blocks):
    if num_blocks not in range(len(source.blocks) + 1):
        raise ValueError("no such number of blocks")
    if [tuple(w.shape) for w in source.weights] != [tuple(w.shape) for w in target.weights]:
        raise ValueError("other shapes")
    kept = [block.get_weights() for block in target.blocks[num_blocks:]]
    norm = target.final_norm.get_weights() if target.final_norm is not None else None
    target.set_weights(source.get_weights())
    for block, weights in zip(target.blocks[num_blocks:], kept, strict=True):
        block.set_weights(weights)
    if kept and norm is not None:
        target.final_norm.set_weights(norm)


@right("lab10.freeze", because="first everything learns, then some of it does not")
def freeze(model, num_blocks):
    layers = [model.embedding, *model.blocks]
    for layer in layers:
        layer.trainable = True
    if num_blocks is None:
        return
    if num_blocks < 0 or num_blocks > len(model.blocks):
        raise ValueError("no such number of blocks")
    for layer in layers[: num_blocks + 1]:
        layer.trainable = False


@right("lab10.freeze", because="the variables have a flag of their own")
def freeze(model, num_blocks):
    if num_blocks is not None and num_blocks not in range(len(model.blocks) + 1):
        raise ValueError("no such number of blocks")
    layers = [model.embedding, *model.blocks]
    for number, layer in enumerate(layers):
        for weight in layer.weights:
            weight.trainable = num_blocks is None or number > num_blocks


@right("lab10.label_word_probabilities", because="one-hot rows pick position and words, too")
def label_word_probabilities(logits, lengths, label_ids):
    place = keras.ops.one_hot(lengths - 1, logits.shape[1])
    words = keras.ops.one_hot(label_ids, logits.shape[2])
    scores = keras.ops.einsum("btv,bt,bcv->bc", logits, place, words)
    return keras.ops.softmax(scores)


@right("lab10.label_word_probabilities", because="in logs nothing becomes 0")
def label_word_probabilities(logits, lengths, label_ids):
    log_p = keras.ops.log_softmax(logits, axis=-1)
    rows = keras.ops.arange(keras.ops.shape(logits)[0])
    size, vocabulary = logits.shape[1:]
    flat = keras.ops.reshape(log_p, (-1,))
    start = (rows * size + lengths - 1) * vocabulary
    chosen = keras.ops.take(flat, start[:, None] + label_ids)
    chosen = chosen - keras.ops.max(chosen, axis=1, keepdims=True)
    return keras.ops.exp(chosen) / keras.ops.sum(keras.ops.exp(chosen), axis=1, keepdims=True)


@right("lab10.ablation_grid", because="itertools.product and a copy of each")
def ablation_grid(base, changes, seeds):
    for name, change in changes.items():
        differing = [k for k, v in change.items() if base.get(k, base) != v]
        if len(differing) != 1 or len(change) != 1 or differing[0] not in base:
            raise ValueError(f"{name} is not one change of the base")
    versions = [{}] + list(changes.values())
    return [{**base, **change, "seed": seed} for seed, change in itertools.product(seeds, versions)]


@right("lab10.ablation_grid", because="plain loops; the seed may stand first in the dict")
def ablation_grid(base, changes, seeds):
    cells = []
    for seed in seeds:
        cells.append({"seed": seed, **base})
        for change in changes.values():
            if len(change) != 1:
                raise ValueError("one change at a time")
            ((setting, value),) = change.items()
            if setting not in base or base[setting] == value:
                raise ValueError("no change of the base")
            cell = {"seed": seed, **base}
            cell[setting] = value
            cells.append(cell)
    return cells


@right("lab10.cells_to_run", because="sorted text tells dicts apart as well")
def cells_to_run(cells, results):
    seen = {json.dumps(r["cell"], sort_keys=True) for r in results}
    left = []
    for cell in cells:
        key = json.dumps(cell, sort_keys=True)
        if key not in seen:
            seen.add(key)
            left.append(cell)
    return left


@right("lab10.cells_to_run", because="frozen sets of settings can be looked up")
def cells_to_run(cells, results):
    done = {frozenset(result["cell"].items()) for result in results}
    left = {frozenset(cell.items()): cell for cell in cells}
    return [cell for key, cell in left.items() if key not in done]


@right("lab10.paired_interval", because="scipy has the test and its interval")
def paired_interval(changed, base, confidence=0.95):
    if len(changed) != len(base) or len(base) < 2:
        raise ValueError("at least two pairs are needed")
    changed, base = np.array(changed), np.array(base)
    difference = float(np.mean(changed - base))
    if np.allclose(changed - base, difference):
        return difference, 0.0
    ends = stats.ttest_rel(changed, base).confidence_interval(confidence)
    return difference, float(ends.high - ends.low) / 2


@right("lab10.paired_interval", because="by hand, with the quantile from the other tail")
def paired_interval(changed, base, confidence=0.95):
    n = len(base)
    if n != len(changed) or n < 2:
        raise ValueError("at least two pairs are needed")
    differences = [a - b for a, b in zip(changed, base, strict=True)]
    mean = sum(differences) / n
    variance = sum((d - mean) ** 2 for d in differences) / (n - 1)
    return mean, stats.t.isf((1 - confidence) / 2, n - 1) * (variance / n) ** 0.5
