"""N-gram counts, their probabilities, perplexity and an LSTM, step by step in float64.

The keyword arguments after the first ones make known mistakes.
"""

import numpy as np


def counts(tokens, n, step=1, stop=1, wrap=False):
    """{context: {token: count}} of all n-grams, found by looking at every pair of places."""
    if wrap:
        tokens = [*tokens, *tokens[: n - 1]]
    grams = [tuple(tokens[i : i + n]) for i in range(0, len(tokens) - n + stop, step)]
    table = {}
    for gram in grams:
        context, token = gram[:-1], gram[-1]
        table.setdefault(context, {})[token] = grams.count(gram)
    return table


def probabilities(table, context, vocabulary, alpha, temperature=1.0):
    """(V,) of float64: smoothed by alpha, then sharpened or flattened by the temperature."""
    row = np.array([table.get(context, {}).get(token, 0) for token in vocabulary], "float64")
    p = (row + alpha) / np.sum(row + alpha)
    p = p ** (1 / temperature)
    return p / p.sum()


def log_probabilities(tokens, table, n, vocabulary, alpha, shift=0, flip=False):
    """(len(tokens) - n + 1,) of float64, in nats; `shift` moves the context to the right."""
    found = []
    for i in range(n - 1, len(tokens)):
        context = tokens[i - n + 1 + shift : i + shift]
        context = tuple(reversed(context)) if flip else tuple(context)
        p = probabilities(table, context, vocabulary, alpha)
        found.append(np.log(p[vocabulary.index(tokens[i])]))
    return np.array(found)


def perplexity(p):
    """The inverse of the probabilities' geometric mean."""
    return np.prod(p) ** (-1 / len(p))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_logits(tokens, w, skip=None, backwards=False, bag=False):
    """(batch, T, V) of logits; gates in Keras's order: input, forget, candidate, output.

    Args:
        tokens: int array of shape (batch, T).
        w: dict with the weights of embedding, lstm.cell and output_logits.
        skip: int or None, a token at which the state stands still.
        backwards: bool, reads from right to left and gives its outputs in that order.
        bag: bool, forgets the state at each position.
    """
    batch, length = tokens.shape
    vectors = w["embedding.embeddings"][tokens]
    units = w["lstm.cell.recurrent_kernel"].shape[0]
    states = np.zeros((batch, length, units))
    for b in range(batch):
        h, c = np.zeros(units), np.zeros(units)
        for t in range(length):
            place = length - 1 - t if backwards else t
            if bag:
                h, c = np.zeros(units), np.zeros(units)
            if tokens[b, place] != skip:
                z = vectors[b, place] @ w["lstm.cell.kernel"] + w["lstm.cell.bias"]
                z = z + h @ w["lstm.cell.recurrent_kernel"]
                i, f, g, o = np.split(z, 4)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(c)
            states[b, t] = h
    return states @ w["output_logits.kernel"] + w["output_logits.bias"]


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
