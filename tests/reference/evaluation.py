"""Measures of answers, translations and studies, by counting and by scipy; and known mistakes."""

import collections
import re

import numpy as np
from scipy import stats


def normalised(text):
    """SQuAD's normalisation, by regular expressions."""
    text = re.sub(r"[^\w\s]|_", "", text.lower())
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def f1(mine, right, shared=None):
    """F1 of two lists of words, from precision and recall."""
    if not mine or not right:
        return float(mine == right)
    if shared is None:
        left, shared = list(right), 0
        for word in mine:
            if word in left:
                left.remove(word)
                shared += 1
    if not shared:
        return 0.0
    precision, recall = shared / len(mine), shared / len(right)
    return 2 * precision * recall / (precision + recall)


def grams(text, n):
    return [tuple(text[i : i + n]) for i in range(len(text) - n + 1)]


def clipped(mine, rights, n):
    """How many n-grams of `mine` are in one of the references, each as often as there."""
    available = collections.Counter()
    for right in rights:
        available |= collections.Counter(grams(right, n))
    return sum((collections.Counter(grams(mine, n)) & available).values())


def closest(mine, rights):
    return sorted((abs(len(r) - len(mine)), len(r)) for r in rights)[0][1]


def bleu(
    translations, references, orders=(1, 2, 3, 4), matches=clipped, length=closest, mean=None,
    penalty=None,
):  # fmt: skip
    """BLEU; the arguments replace a piece of it by another, such as a mistake."""
    pairs = list(zip(translations, references, strict=True))
    precisions = [
        sum(matches(m, r, n) for m, r in pairs) / sum(len(grams(m, n)) for m, _ in pairs)
        for n in orders
    ]
    if not all(precisions):
        return 0.0
    ratio = sum(length(m, r) for m, r in pairs) / sum(len(m) for m, _ in pairs)
    factor = np.exp(min(0.0, 1.0 - ratio)) if penalty is None else penalty(ratio)
    return float((stats.gmean if mean is None else mean)(precisions) * factor)


def overlap(training, tests, n):
    """Shares of runs that are in the training text, by looking for each run in each text."""

    def is_there(run):
        return any(run == tuple(text[i : i + n]) for text in training for i in range(len(text)))

    return [
        float(np.mean([is_there(run) for run in grams(text, n)])) if len(text) >= n else 0.0
        for text in tests
    ]


def accuracies(counts):
    decided = np.array([row[:2] for row in counts if row[0] + row[1] > 0], "float64")
    return decided[:, 0] / decided.sum(axis=1)


def interval(values, confidence=0.95):
    """(mean, low, high) by scipy."""
    values = np.asarray(values, "float64")
    low, high = stats.t.interval(
        confidence, len(values) - 1, loc=values.mean(), scale=stats.sem(values)
    )
    return np.array([values.mean(), low, high])


def around(values, margin):
    """(mean, low, high) with another margin."""
    mean = np.mean(values)
    return np.array([mean, mean - margin, mean + margin])
