"""What an ablation needs, once more: which parts come over, label words, grids, intervals."""

import itertools
import json

import numpy as np
from scipy import integrate, optimize, special


def part_names(num_layers, final_norm=True):
    """The parts of a GPT whose weights come over or learn together, from the bottom up."""
    blocks = [f"blocks.{index}" for index in range(num_layers)]
    entrance = ["embedding.token_embeddings", "embedding.position_embeddings"]
    return [*entrance, *blocks, *["final_norm"] * final_norm]


def carried(num_layers, num_blocks, final_norm=True):
    """The parts that come over."""
    names = part_names(num_layers, final_norm)
    return names if num_blocks == num_layers else names[: 2 + num_blocks]


def learning(num_layers, num_blocks, final_norm=True):
    """The parts that still learn when so many blocks are frozen; None is none at all."""
    names = part_names(num_layers, final_norm)
    return names if num_blocks is None else names[2 + num_blocks :]


def softmax(x):
    """Probabilities along the last axis."""
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def label_words(logits, lengths, label_ids, shift=-1, restrict=True, normalise=True):
    """(batch, classes), one row after another; the arguments after `label_ids` make mistakes."""
    rows = []
    for row, length, ids in zip(logits, lengths, label_ids, strict=True):
        said = row[(length + shift) % len(row)]
        if not normalise:
            rows.append(said[ids])
        else:
            rows.append(softmax(said[ids]) if restrict else softmax(said)[ids])
    return np.array(rows)


def grid(base, changes, seeds):
    """The cells, seed by seed."""
    found = []
    for seed, change in itertools.product(seeds, [{}, *changes.values()]):
        cell = {name: change.get(name, value) for name, value in base.items()}
        cell["seed"] = seed
        found.append(cell)
    return found


def to_run(cells, results):
    """The cells without a result, told apart by their text."""
    texts = [json.dumps(cell, sort_keys=True) for cell in cells]
    done = {json.dumps(result["cell"], sort_keys=True) for result in results}
    first = {text: cell for text, cell in zip(texts[::-1], cells[::-1], strict=True)}
    return [first[text] for text in dict.fromkeys(texts) if text not in done]


def t_quantile(probability, freedom):
    """The quantile of Student's t, from its density."""
    if freedom == np.inf:
        return float(np.sqrt(2) * special.erfinv(2 * probability - 1))
    scale = special.gamma((freedom + 1) / 2) / special.gamma(freedom / 2)
    scale /= np.sqrt(freedom * np.pi)

    def mass(end):
        area, _ = integrate.quad(lambda x: (1 + x * x / freedom) ** (-(freedom + 1) / 2), 0, end)
        return scale * area - (probability - 0.5)

    return optimize.brentq(mass, 0, 1e4, xtol=1e-12)


def interval(changed, base, confidence=0.95, freedom=None, ddof=1, tails=2, root=True, paired=True):
    """(difference, margin); the arguments after `confidence` make mistakes."""
    n = len(base)
    differences = [a - b for a, b in zip(changed, base, strict=True)]
    mean = sum(differences) / n
    if paired:
        variance = sum((d - mean) ** 2 for d in differences) / (n - ddof)
    else:
        variance = np.var(changed, ddof=1) + np.var(base, ddof=1)
    freedom = (n - 1 if paired else 2 * n - 2) if freedom is None else freedom
    spread = np.sqrt(variance / n) if root else np.sqrt(variance)
    return [mean, t_quantile(1 - (1 - confidence) / tails, freedom) * spread]
