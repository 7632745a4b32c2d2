"""Prompts, and likelihoods of candidates in NumPy float64, one at a time and without padding."""

import numpy as np

from reference import fine_tuning, gpt


def prompt(description, shots, query):
    """Solved examples and a query, a line each."""
    text = description
    for question, answer in shots:
        text += f"\nQ: {question} A: {answer}"
    return text + f"\nQ: {query} A:"


def log_probabilities(prompt, candidate, w, config, shift=1):
    """log P of each token of the candidate, predicted `shift` positions before it."""
    row = np.array([[*prompt, *candidate]])
    predicted = fine_tuning.log_softmax(gpt.logits(row, w, config))[0]
    return np.array(
        [predicted[len(prompt) + i - shift, token] for i, token in enumerate(candidate)]
    )


def scores(prompt, candidates, w, config, reduce=np.sum, shift=1):
    """One number for each candidate: the sum of its tokens' log-probabilities."""
    return np.array([reduce(log_probabilities(prompt, c, w, config, shift)) for c in candidates])


def padded_scores(prompt, candidates, w, config, pad=0):
    """The mistake of counting padding as part of a candidate."""
    longest = max(map(len, candidates))
    filled = [c + [pad] * (longest - len(c)) for c in candidates]
    return scores(prompt, filled, w, config)


def prompt_scores(prompt, candidates, w, config):
    """The mistake of counting the prompt's own tokens too (all but the first)."""
    return np.array(
        [log_probabilities(prompt[:1], [*prompt[1:], *c], w, config).sum() for c in candidates]
    )


def logit_sums(prompt, candidates, w, config):
    """The mistake of adding logits that no softmax has seen."""
    found = []
    for candidate in candidates:
        logits = gpt.logits(np.array([[*prompt, *candidate]]), w, config)[0]
        at = len(prompt) - 1
        found.append(sum(logits[at + i, token] for i, token in enumerate(candidate)))
    return np.array(found)


def normalised(scores, lengths, unconditional=None):
    """log P for each token, or log of P(candidate | prompt) / P(candidate | another prompt)."""
    return scores / lengths if unconditional is None else scores - unconditional


# Ways to rate candidates, from the log-probabilities of each one's tokens (list of arrays) after
# the prompt and after another prompt.


def by_sum(found, _other):
    """log P(candidate)."""
    return np.array([logs.sum() for logs in found])


def by_mean(found, _other):
    """log P(candidate) for each token."""
    return np.array([logs.mean() for logs in found])


def by_ratio(found, other):
    """log of P(candidate | prompt) / P(candidate | another prompt)."""
    return by_sum(found, None) - by_sum(other, None)


def softmax(x):
    """Over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def calibrated(scores, blank_scores):
    """Probabilities, divided by the mean of those after blank questions, made to sum to 1."""
    anyway = np.mean([softmax(row) for row in blank_scores], axis=0)
    weights = softmax(scores) / anyway
    return weights / weights.sum()


def rows(inputs, outputs, mark):
    """Input, output, mark, input, output, mark: symbol by symbol."""
    return np.array(
        [
            [symbol for x, y in zip(xs, ys, strict=True) for symbol in (*x, y, mark)]
            for xs, ys in zip(inputs, outputs, strict=True)
        ]
    )


def by_shots(logits, outputs, m, shift=1, over="tasks", every=None):
    """Share of right outputs; what is said `shift` positions before an output is its prediction."""
    right = np.zeros(outputs.shape)
    for task, shot in np.ndindex(*outputs.shape):
        place = shot * (every or m + 2) + m - shift
        right[task, shot] = logits[task, place].argmax() == outputs[task, shot]
    return right.mean(axis=0 if over == "tasks" else 1)
