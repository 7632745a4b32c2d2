"""Likelihoods of last words and of long texts in NumPy float64, a token at a time."""

import numpy as np

from reference import fine_tuning, gpt


def logits_after(tokens, w, config):
    """What the model says about the token that follows these."""
    return gpt.logits(np.array([tokens]), w, config)[0, -1]


def greedy(context, length, w, config, forbidden=()):
    """The `length` tokens that the model writes; the first one is none of the forbidden."""
    written = []
    for place in range(length):
        found = logits_after([*context, *written], w, config).copy()
        if place == 0:
            found[list(forbidden)] = -np.inf
        written.append(int(np.argmax(found)))
    return written


def windows(count, length, stride):
    """(begin, end, first counted) of each window, by the rule in words: one token after another."""
    found = [(0, min(length, count), 1)]
    while found[-1][1] < count:
        end = min(found[-1][1] + stride, count)
        found.append((end - length, end, found[-1][1]))
    return found


def text_log_probabilities(tokens, w, config, spans, shift=1):
    """log P of the counted tokens of each (begin, end, first counted)."""
    found = []
    for begin, end, first in spans:
        predicted = fine_tuning.log_softmax(gpt.logits(np.array([tokens[begin:end]]), w, config))[0]
        found += [predicted[i - begin - shift, tokens[i]] for i in range(first, end)]
    return np.array(found)


def text_logits(tokens, w, config, spans):
    """The mistake of taking logits for log-probabilities."""
    found = []
    for begin, end, first in spans:
        logits = gpt.logits(np.array([tokens[begin:end]]), w, config)[0]
        found += [logits[i - begin - 1, tokens[i]] for i in range(first, end)]
    return np.array(found)
