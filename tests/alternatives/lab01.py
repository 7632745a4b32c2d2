"""Known-right answers to lab 01, written differently."""

import collections
import math
import statistics

import keras
import numpy as np


@right("lab01.count_ngrams", because="a defaultdict of Counters is a dict of dicts")
def count_ngrams(tokens, n):
    if n < 1:
        raise ValueError("n must be at least 1")
    counts = collections.defaultdict(collections.Counter)
    for i in range(n - 1, len(tokens)):
        counts[tuple(tokens[i - n + 1 : i])][tokens[i]] += 1
    return counts


@right("lab01.count_ngrams", because="a window that slides along the text, of n tokens at most")
def count_ngrams(tokens, n):
    if n < 1:
        raise ValueError("no token to guess")
    counts, window = {}, collections.deque(maxlen=n)
    for token in tokens:
        window.append(token)
        if len(window) == n:
            counts.setdefault(tuple(window)[:-1], collections.Counter()).update([token])
    return counts


@right("lab01.count_ngrams", because="zip over shifted copies gives the same n-grams")
def count_ngrams(tokens, n):
    if n <= 0:
        raise ValueError("n must be positive")
    counts = {}
    shifted = [tokens[k:] for k in range(n)]
    for gram, count in collections.Counter(zip(*shifted, strict=False)).items():
        counts.setdefault(gram[:-1], {})[gram[-1]] = count
    return counts


@right("lab01.smoothed_probability", because="asking first whether the context is there is as good")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    if context in counts:
        row = counts[context]
        count = row[token] if token in row else 0
        return (count + alpha) / (alpha * vocabulary_size + sum(row.values()))
    if alpha == 0:
        raise ValueError("unknown context and no smoothing")
    return 1 / vocabulary_size


@right("lab01.smoothed_probability", because="a mix of the shares and of 1 / V is the same formula")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    row = collections.Counter(counts.get(context, {}))
    total, gift = sum(row.values()), alpha * vocabulary_size
    if total + gift == 0:
        raise ValueError("nothing known")
    share = row[token] / total if total else 0.0
    return np.float64((share * total + gift / vocabulary_size) / (total + gift))


@right("lab01.ngram_log_probabilities", because="an array instead of a list")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    grams = [tokens[i : i + n] for i in range(len(tokens) - n + 1)]
    p = [smoothed_probability(counts, tuple(g[:-1]), g[-1], vocabulary_size, alpha) for g in grams]
    return np.log(np.array(p))


@right("lab01.ngram_log_probabilities", because="log(a / b) is log a minus log b")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    found = []
    for i in range(n - 1, len(tokens)):
        row = counts.get(tuple(tokens[i - n + 1 : i]), {})
        total = sum(row.values()) + alpha * vocabulary_size
        found.append(math.log(row.get(tokens[i], 0) + alpha) - math.log(total))
    return found


@right("lab01.perplexity", because="math.exp on Python's own sum is as good")
def perplexity(log_probabilities):
    values = [float(x) for x in log_probabilities]
    if not values:
        raise ValueError("no tokens")
    return math.exp(-sum(values) / len(values))


@right("lab01.perplexity", because="Python's statistics raises a ValueError of its own")
def perplexity(log_probabilities):
    return math.exp(-statistics.fmean(log_probabilities))


@right("lab01.perplexity", because="Keras's operations give it as a tensor")
def perplexity(log_probabilities):
    values = keras.ops.convert_to_tensor(log_probabilities, dtype="float64")
    if values.shape[0] == 0:
        raise ValueError("no tokens")
    return keras.ops.exp(-keras.ops.mean(values))


@right("lab01.perplexity", because="the geometric mean of the inverse probabilities is the same")
def perplexity(log_probabilities):
    logs = np.asarray(log_probabilities, "float64")
    if logs.size == 0:
        raise ValueError("no tokens")
    with np.errstate(divide="ignore"):
        return np.prod((1 / np.exp(logs)) ** (1 / logs.size))


@right("lab01.sample_next", because="a threshold on the running sum draws the same distribution")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    if temperature < 0:
        raise ValueError("negative temperature")
    size = len(vocabulary)
    p = np.array([smoothed_probability(counts, context, t, size, alpha) for t in vocabulary])
    if temperature == 0:
        return vocabulary[p.argmax()]
    logs = np.log(p) / temperature
    weights = np.exp(logs - logs.max())
    place = np.searchsorted(np.cumsum(weights), rng.random() * weights.sum(), side="right")
    return vocabulary[min(int(place), size - 1)]


@right("lab01.sample_next", because="the generator may choose the token itself")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    if temperature < 0:
        raise ValueError("negative temperature")
    size = len(vocabulary)
    chance = {t: smoothed_probability(counts, context, t, size, alpha) for t in vocabulary}
    best = max(vocabulary, key=chance.get)
    if temperature == 0:
        return best
    weights = [(chance[t] / chance[best]) ** (1 / temperature) for t in vocabulary]
    return rng.choice(vocabulary, p=np.array(weights) / sum(weights))


@right("lab01.sample_next", because="the largest of log p / T plus Gumbel noise is such a draw")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    if temperature < 0:
        raise ValueError("negative temperature")
    size = len(vocabulary)
    scores = np.log([smoothed_probability(counts, context, t, size, alpha) for t in vocabulary])
    if temperature > 0:
        scores = scores / temperature + rng.gumbel(size=size)
    return vocabulary[int(np.argmax(scores))]


@right("lab01.LSTMLanguageModel", because="an RNN layer around the cell is the same LSTM")
class LSTMLanguageModel(keras.Model):
    def __init__(self, vocabulary_size, embedding_dim, units):
        super().__init__()
        self.embedding = keras.layers.Embedding(vocabulary_size, embedding_dim)
        self.lstm = keras.layers.RNN(keras.layers.LSTMCell(units), return_sequences=True)
        self.output_logits = keras.layers.Dense(vocabulary_size)

    def call(self, tokens, training=False):
        states = self.lstm(self.embedding(tokens), training=training)
        return self.output_logits(states)


@right("lab01.LSTMLanguageModel", because="sub-layers may be made in build, from a saved config")
class LSTMLanguageModel(keras.Model):
    def __init__(self, vocabulary_size, embedding_dim, units, **kwargs):
        super().__init__(**kwargs)
        self.sizes = {"vocabulary": vocabulary_size, "embedding": embedding_dim, "units": units}

    def build(self, input_shape):
        self.embedding = keras.layers.Embedding(self.sizes["vocabulary"], self.sizes["embedding"])
        self.lstm = keras.layers.LSTM(self.sizes["units"], return_sequences=True, unroll=True)
        self.output_logits = keras.layers.Dense(self.sizes["vocabulary"])

    def call(self, tokens):
        vectors = keras.ops.take(self.embedding(tokens), keras.ops.arange(tokens.shape[1]), axis=1)
        return self.output_logits(self.lstm(vectors))
