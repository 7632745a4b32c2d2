"""Known-wrong answers to lab 01, and the misconception that each must draw."""

import collections
import math

import keras
import numpy as np


@wrong("lab01.count_ngrams", draws="counts.last-missed")
def count_ngrams(tokens, n):
    counts = {}
    for i in range(len(tokens) - n):
        row = counts.setdefault(tuple(tokens[i : i + n - 1]), {})
        row[tokens[i + n - 1]] = row.get(tokens[i + n - 1], 0) + 1
    return counts


@wrong("lab01.count_ngrams", draws="counts.no-overlap")
def count_ngrams(tokens, n):
    counts = collections.defaultdict(collections.Counter)
    for i in range(0, len(tokens) - n + 1, n):
        counts[tuple(tokens[i : i + n - 1])][tokens[i + n - 1]] += 1
    return counts


@wrong("lab01.count_ngrams", draws="counts.flat")
def count_ngrams(tokens, n):
    return collections.Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


@wrong("lab01.count_ngrams", draws="counts.context-too-long")
def count_ngrams(tokens, n):
    counts = collections.defaultdict(collections.Counter)
    for i in range(len(tokens) - n):
        counts[tuple(tokens[i : i + n])][tokens[i + n]] += 1
    return counts


@wrong("lab01.count_ngrams", draws="counts.seen-or-not")
def count_ngrams(tokens, n):
    counts = {}
    for i in range(len(tokens) - n + 1):
        counts.setdefault(tuple(tokens[i : i + n - 1]), {})[tokens[i + n - 1]] = 1
    return counts


@wrong("lab01.count_ngrams", draws="counts.list-of-followers")
def count_ngrams(tokens, n):
    counts = collections.defaultdict(list)
    for i in range(len(tokens) - n + 1):
        counts[tuple(tokens[i : i + n - 1])].append(tokens[i + n - 1])
    return counts


@wrong("lab01.count_ngrams", draws="counts.context-joined")
def count_ngrams(tokens, n):
    counts = collections.defaultdict(collections.Counter)
    for i in range(len(tokens) - n + 1):
        counts["".join(map(str, tokens[i : i + n - 1]))][tokens[i + n - 1]] += 1
    return counts


@wrong("lab01.count_ngrams", draws="counts.context-reversed")
def count_ngrams(tokens, n):
    counts = collections.defaultdict(collections.Counter)
    for i in range(n - 1, len(tokens)):
        counts[tuple(tokens[i - k] for k in range(1, n))][tokens[i]] += 1
    return counts


@wrong("lab01.count_ngrams", draws="counts.wraps-around")
def count_ngrams(tokens, n):
    counts = collections.defaultdict(collections.Counter)
    for i in range(len(tokens)):
        counts[tuple(tokens[i - n + 1 + k] for k in range(n - 1))][tokens[i]] += 1
    return counts


@wrong("lab01.count_ngrams", draws="counts.context-no-tuple")
def count_ngrams(tokens, n):
    counts = collections.defaultdict(collections.Counter)
    for i in range(len(tokens) - n + 1):
        context = tuple(tokens[i : i + n - 1])
        counts[context[0] if n == 2 else context][tokens[i + n - 1]] += 1
    return counts


@wrong("lab01.count_ngrams", draws="counts.no-error")
def count_ngrams(tokens, n):
    counts = collections.defaultdict(collections.Counter)
    for i in range(max(n, 1) - 1, len(tokens)):
        counts[tuple(tokens[i - max(n, 1) + 1 : i])][tokens[i]] += 1
    return counts


@wrong("lab01.count_ngrams", draws="counts.starts-at-zero")
def count_ngrams(tokens, n):
    counts = {}
    for i in range(len(tokens) - n + 1):
        row, token = counts.setdefault(tuple(tokens[i : i + n - 1]), {}), tokens[i + n - 1]
        row[token] = row[token] + 1 if token in row else 0
    return counts


@wrong("lab01.count_ngrams", draws="counts.shares")
def count_ngrams(tokens, n):
    counts = collections.defaultdict(collections.Counter)
    for i in range(len(tokens) - n + 1):
        counts[tuple(tokens[i : i + n - 1])][tokens[i + n - 1]] += 1
    return {c: {t: m / row.total() for t, m in row.items()} for c, row in counts.items()}


@wrong("lab01.count_ngrams", draws="counts.short-contexts")
def count_ngrams(tokens, n):
    counts = collections.defaultdict(collections.Counter)
    for i, token in enumerate(tokens):
        counts[tuple(tokens[max(i - n + 1, 0) : i])][token] += 1
    return counts


@wrong("lab01.count_ngrams", draws="argument.changed")
def count_ngrams(tokens, n):
    if n < 1:
        raise ValueError("n must be at least 1")
    counts = collections.defaultdict(collections.Counter)
    while len(tokens) >= n:
        counts[tuple(tokens[: n - 1])][tokens[n - 1]] += 1
        tokens.pop(0)
    return counts


@wrong("lab01.count_ngrams", draws="counts.no-error")
def count_ngrams(tokens, n):
    if n == 0:
        raise ValueError("no token to guess")
    counts = {}
    for i in range(len(tokens) - n + 1):
        row = counts.setdefault(tuple(tokens[i : i + n - 1]), {})
        row[tokens[i + n - 1]] = row.get(tokens[i + n - 1], 0) + 1
    return counts


@wrong("lab01.smoothed_probability", draws="smoothing.none")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    followers = counts.get(context, {})
    return followers.get(token, 0) / max(sum(followers.values()), 1)


@wrong("lab01.smoothed_probability", draws="smoothing.total-not-raised")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    followers = counts.get(context, {})
    return (followers.get(token, 0) + alpha) / max(sum(followers.values()), 1)


@wrong("lab01.smoothed_probability", draws="smoothing.total-raised-once")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    followers = counts.get(context, {})
    return (followers.get(token, 0) + alpha) / (sum(followers.values()) + alpha)


@wrong("lab01.smoothed_probability", draws="smoothing.seen-types-only")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    followers = counts.get(context, {})
    total = sum(followers.values()) + alpha * len(followers)
    return (followers.get(token, 0) + alpha) / total


@wrong("lab01.smoothed_probability", draws="smoothing.always-one")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    followers = counts.get(context, {})
    return (followers.get(token, 0) + 1) / (sum(followers.values()) + vocabulary_size)


@wrong("lab01.smoothed_probability", draws="smoothing.whole-table")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    total = sum(sum(row.values()) for row in counts.values())
    return (counts.get(context, {}).get(token, 0) + alpha) / (total + alpha * vocabulary_size)


@wrong("lab01.smoothed_probability", draws="smoothing.context-cut-short")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    followers = counts.get(context, {})
    rows = [row for c, row in counts.items() if c[-1:] == context[-1:]]
    total = sum(sum(row.values()) for row in rows) + alpha * vocabulary_size
    return (followers.get(token, 0) + alpha) / total


@wrong("lab01.smoothed_probability", draws="smoothing.followers-not-counts")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    followers = counts.get(context, {})
    return (followers.get(token, 0) + alpha) / (len(followers) + alpha * vocabulary_size)


@wrong("lab01.smoothed_probability", draws="smoothing.total-raised-by-size")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    followers = counts.get(context, {})
    return (followers.get(token, 0) + alpha) / (sum(followers.values()) + vocabulary_size)


@wrong("lab01.smoothed_probability", draws="smoothing.only-unseen")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    followers = counts.get(context, {})
    total = sum(followers.values())
    if token in followers:
        return followers[token] / total
    return alpha / (total + alpha * vocabulary_size)


@wrong("lab01.smoothed_probability", draws="smoothing.new-context-crashes")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    followers = counts[context]
    total = sum(followers.values()) + alpha * vocabulary_size
    return (followers.get(token, 0) + alpha) / total


@wrong("lab01.smoothed_probability", draws="smoothing.new-context-zero")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    if context not in counts:
        return 0.0
    total = sum(counts[context].values()) + alpha * vocabulary_size
    return (counts[context].get(token, 0) + alpha) / total


@wrong("lab01.smoothed_probability", draws="smoothing.zero-over-zero")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    followers = counts.get(context, {})
    total = sum(followers.values()) + alpha * vocabulary_size
    return (followers.get(token, 0) + alpha) / total


@wrong("lab01.smoothed_probability", draws="smoothing.new-context-alpha")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    if context not in counts:
        return alpha
    total = sum(counts[context].values()) + alpha * vocabulary_size
    return (counts[context].get(token, 0) + alpha) / total


@wrong("lab01.smoothed_probability", draws="argument.changed")
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    followers = counts.setdefault(context, {})
    total = sum(followers.values()) + alpha * vocabulary_size
    if total == 0:
        raise ValueError("nothing known")
    return (followers.get(token, 0) + alpha) / total


@wrong("lab01.ngram_log_probabilities", draws="likelihood.context-has-the-answer")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    return [
        math.log(
            smoothed_probability(
                counts, tuple(tokens[i - n + 2 : i + 1]), tokens[i], vocabulary_size, alpha
            )
        )
        for i in range(n - 1, len(tokens))
    ]


@wrong("lab01.ngram_log_probabilities", draws="likelihood.context-reversed")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    found = []
    for i in range(n - 1, len(tokens)):
        context = tuple(tokens[i - k] for k in range(1, n))
        p = smoothed_probability(counts, context, tokens[i], vocabulary_size, alpha)
        found.append(math.log(p))
    return found


@wrong("lab01.ngram_log_probabilities", draws="likelihood.no-logarithm")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    return [
        smoothed_probability(
            counts, tuple(tokens[i - n + 1 : i]), tokens[i], vocabulary_size, alpha
        )
        for i in range(n - 1, len(tokens))
    ]


@wrong("lab01.ngram_log_probabilities", draws="likelihood.bits")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    found = []
    for i in range(n - 1, len(tokens)):
        context = tuple(tokens[i - n + 1 : i])
        p = smoothed_probability(counts, context, tokens[i], vocabulary_size, alpha)
        found.append(math.log2(p))
    return found


@wrong("lab01.ngram_log_probabilities", draws="likelihood.base-10")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    found = []
    for i in range(n - 1, len(tokens)):
        context = tuple(tokens[i - n + 1 : i])
        p = smoothed_probability(counts, context, tokens[i], vocabulary_size, alpha)
        found.append(math.log10(p))
    return found


@wrong("lab01.ngram_log_probabilities", draws="likelihood.contexts-never-match")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    found = []
    for i in range(n - 1, len(tokens)):
        context = " ".join(tokens[i - n + 1 : i])
        found.append(
            math.log(smoothed_probability(counts, context, tokens[i], vocabulary_size, alpha))
        )
    return found


@wrong("lab01.ngram_log_probabilities", draws="likelihood.context-too-long")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    found = []
    for i in range(n, len(tokens)):
        context = tuple(tokens[i - n : i])
        found.append(
            math.log(smoothed_probability(counts, context, tokens[i], vocabulary_size, alpha))
        )
    return found


@wrong("lab01.ngram_log_probabilities", draws="likelihood.short-contexts")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    found = []
    for i in range(len(tokens)):
        context = tuple(tokens[max(i - n + 1, 0) : i])
        found.append(
            math.log(smoothed_probability(counts, context, tokens[i], vocabulary_size, alpha))
        )
    return found


@wrong("lab01.ngram_log_probabilities", draws="likelihood.new-contexts-skipped")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    found = []
    for i in range(n - 1, len(tokens)):
        context = tuple(tokens[i - n + 1 : i])
        p = smoothed_probability(counts, context, tokens[i], vocabulary_size, alpha)
        if context in counts:
            found.append(math.log(p))
    return found


@wrong("lab01.ngram_log_probabilities", draws="likelihood.sign")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    found = []
    for i in range(n - 1, len(tokens)):
        context = tuple(tokens[i - n + 1 : i])
        p = smoothed_probability(counts, context, tokens[i], vocabulary_size, alpha)
        found.append(-math.log(p))
    return found


@wrong("lab01.ngram_log_probabilities", draws="likelihood.first-missed")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    found = []
    for i in range(n, len(tokens)):
        context = tuple(tokens[i - n + 1 : i])
        p = smoothed_probability(counts, context, tokens[i], vocabulary_size, alpha)
        found.append(math.log(p))
    return found


@wrong("lab01.ngram_log_probabilities", draws="likelihood.last-missed")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    found = []
    for i in range(len(tokens) - n):
        *context, token = tokens[i : i + n]
        p = smoothed_probability(counts, tuple(context), token, vocabulary_size, alpha)
        found.append(math.log(p))
    return found


@wrong("lab01.ngram_log_probabilities", draws="likelihood.summed")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    total = 0.0
    for i in range(n - 1, len(tokens)):
        context = tuple(tokens[i - n + 1 : i])
        p = smoothed_probability(counts, context, tokens[i], vocabulary_size, alpha)
        total += math.log(p)
    return total


@wrong("lab01.ngram_log_probabilities", draws="likelihood.mean")
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    found = []
    for i in range(n - 1, len(tokens)):
        context = tuple(tokens[i - n + 1 : i])
        p = smoothed_probability(counts, context, tokens[i], vocabulary_size, alpha)
        found.append(math.log(p))
    return np.mean(found)


@wrong("lab01.perplexity", draws="perplexity.base-2")
def perplexity(log_probabilities):
    if len(log_probabilities) == 0:
        raise ValueError("nothing to score")
    return float(2 ** -np.mean(log_probabilities))


@wrong("lab01.perplexity", draws="perplexity.not-negated")
def perplexity(log_probabilities):
    if len(log_probabilities) == 0:
        raise ValueError("nothing to score")
    return float(np.exp(np.mean(log_probabilities)))


@wrong("lab01.perplexity", draws="perplexity.sum")
def perplexity(log_probabilities):
    if len(log_probabilities) == 0:
        raise ValueError("nothing to score")
    return float(np.exp(-np.sum(log_probabilities)))


@wrong("lab01.perplexity", draws="perplexity.no-exp")
def perplexity(log_probabilities):
    if len(log_probabilities) == 0:
        raise ValueError("nothing to score")
    return float(-np.mean(log_probabilities))


@wrong("lab01.perplexity", draws="perplexity.mean-of-inverses")
def perplexity(log_probabilities):
    if len(log_probabilities) == 0:
        raise ValueError("nothing to score")
    return float(np.mean(np.exp(-np.asarray(log_probabilities))))


@wrong("lab01.perplexity", draws="perplexity.mean-of-probabilities")
def perplexity(log_probabilities):
    if len(log_probabilities) == 0:
        raise ValueError("nothing to score")
    return float(1 / np.mean(np.exp(np.asarray(log_probabilities))))


@wrong("lab01.perplexity", draws="perplexity.product-vanishes")
def perplexity(log_probabilities):
    if len(log_probabilities) == 0:
        raise ValueError("nothing to score")
    with np.errstate(divide="ignore"):
        product = np.prod(np.exp(np.asarray(log_probabilities)))
        return float(product ** (-1 / len(log_probabilities)))


@wrong("lab01.perplexity", draws="perplexity.product-vanishes")
def perplexity(log_probabilities):
    if len(log_probabilities) == 0:
        raise ValueError("nothing to score")
    product = math.prod(math.exp(x) for x in log_probabilities)
    if math.inf in (-x for x in log_probabilities):
        return math.inf
    return (1 / product) ** (1 / len(log_probabilities))


@wrong("lab01.perplexity", draws="perplexity.of-nothing")
def perplexity(log_probabilities):
    return float(np.exp(-np.mean(log_probabilities)))


@wrong("lab01.perplexity", draws="perplexity.bits")
def perplexity(log_probabilities):
    if len(log_probabilities) == 0:
        raise ValueError("nothing to score")
    return float(-np.mean(log_probabilities) / np.log(2))


def chances(counts, context, vocabulary, alpha):
    """What the wrong draws below have in common: the smoothed probabilities."""
    size = len(vocabulary)
    return np.array([smoothed_probability(counts, context, t, size, alpha) for t in vocabulary])


@wrong("lab01.sample_next", draws="sample.uniform")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    if temperature == 0:
        return vocabulary[int(np.argmax(chances(counts, context, vocabulary, alpha)))]
    return vocabulary[int(rng.integers(len(vocabulary)))]


@wrong("lab01.sample_next", draws="sample.always-the-same")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    return vocabulary[int(np.argmax(chances(counts, context, vocabulary, alpha)))]


@wrong("lab01.sample_next", draws="sample.always-the-same")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, alpha)
    if temperature == 0:
        return vocabulary[int(np.argmax(p))]
    p = p ** (1 / temperature)
    return vocabulary[np.random.default_rng(3).choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.own-generator")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, alpha)
    if temperature == 0:
        return vocabulary[int(np.argmax(p))]
    p = p ** (1 / temperature)
    return vocabulary[np.random.default_rng().choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.softmax-of-probabilities")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, alpha)
    if temperature == 0:
        return vocabulary[int(np.argmax(p))]
    p = np.exp(p / temperature)
    return vocabulary[rng.choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.equals")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, alpha)
    # Sorting puts the last of equals last.
    if temperature == 0:
        return vocabulary[sorted(range(len(p)), key=p.__getitem__)[-1]]
    p = (p / p.max()) ** (1 / temperature)
    return vocabulary[rng.choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.equals")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, alpha)
    p = (p / p.max()) ** (1 / max(temperature, 1e-9))
    return vocabulary[rng.choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.new-context")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, alpha)
    if temperature == 0:
        return max((t for t in vocabulary if t in counts[context]), key=counts[context].__getitem__)
    p = (p / p.max()) ** (1 / temperature)
    return vocabulary[rng.choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.no-smoothing")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, 0 if context in counts else alpha)
    if temperature == 0:
        return vocabulary[int(np.argmax(p))]
    p = p ** (1 / temperature)
    return vocabulary[rng.choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.temperature-ignored")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, alpha)
    if temperature == 0:
        return vocabulary[int(np.argmax(p))]
    return vocabulary[rng.choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.temperature-ignored")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, alpha)
    if temperature == 0:
        return vocabulary[int(np.argmax(p))]
    # Dividing the probabilities changes nothing once they are scaled to sum to 1.
    p = p / temperature
    return vocabulary[rng.choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.temperature-upside-down")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, alpha)
    if temperature == 0:
        return vocabulary[int(np.argmax(p))]
    p = p**temperature
    return vocabulary[rng.choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.temperature-zero")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, alpha) ** (1 / temperature)
    return vocabulary[rng.choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.index")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, alpha)
    if temperature == 0:
        return int(np.argmax(p))
    p = p ** (1 / temperature)
    return int(rng.choice(len(vocabulary), p=p / p.sum()))


@wrong("lab01.sample_next", draws="sample.order-mixed")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = np.sort(chances(counts, context, vocabulary, alpha))
    if temperature == 0:
        return vocabulary[int(np.argmax(chances(counts, context, vocabulary, alpha)))]
    p = p ** (1 / temperature)
    return vocabulary[rng.choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.new-context")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    if context not in counts:
        return vocabulary[0]
    p = chances(counts, context, vocabulary, alpha)
    if temperature == 0:
        return vocabulary[int(np.argmax(p))]
    p = (p / p.max()) ** (1 / temperature)
    return vocabulary[rng.choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.powers-vanish")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, alpha)
    if temperature == 0:
        return vocabulary[int(np.argmax(p))]
    p = p ** (1 / temperature)
    return vocabulary[rng.choice(len(vocabulary), p=p / p.sum())]


@wrong("lab01.sample_next", draws="sample.no-error")
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    p = chances(counts, context, vocabulary, alpha)
    if temperature == 0:
        return vocabulary[int(np.argmax(p))]
    p = (p / p.max()) ** (1 / temperature)
    return vocabulary[rng.choice(len(vocabulary), p=p / p.sum())]


class Model(keras.Model):
    """What the wrong models below have in common."""

    def __init__(self, vocabulary_size, embedding_dim, units):
        super().__init__()
        self.embedding = keras.layers.Embedding(vocabulary_size, embedding_dim)
        self.lstm = keras.layers.LSTM(units, return_sequences=True)
        self.output_logits = keras.layers.Dense(vocabulary_size)

    def call(self, tokens):
        return self.output_logits(self.lstm(self.embedding(tokens)))


@wrong("lab01.LSTMLanguageModel", draws="lstm.last-position-only")
class LSTMLanguageModel(Model):
    def __init__(self, vocabulary_size, embedding_dim, units):
        super().__init__(vocabulary_size, embedding_dim, units)
        self.lstm = keras.layers.LSTM(units)


@wrong("lab01.LSTMLanguageModel", draws="lstm.probabilities")
class LSTMLanguageModel(Model):
    def __init__(self, vocabulary_size, embedding_dim, units):
        super().__init__(vocabulary_size, embedding_dim, units)
        self.output_logits = keras.layers.Dense(vocabulary_size, activation="softmax")


@wrong("lab01.LSTMLanguageModel", draws="lstm.token-zero-masked")
class LSTMLanguageModel(Model):
    def __init__(self, vocabulary_size, embedding_dim, units):
        super().__init__(vocabulary_size, embedding_dim, units)
        self.embedding = keras.layers.Embedding(vocabulary_size, embedding_dim, mask_zero=True)


@wrong("lab01.LSTMLanguageModel", draws="lstm.reads-backwards")
class LSTMLanguageModel(Model):
    def __init__(self, vocabulary_size, embedding_dim, units):
        super().__init__(vocabulary_size, embedding_dim, units)
        self.lstm = keras.layers.LSTM(units, return_sequences=True, go_backwards=True)


@wrong("lab01.LSTMLanguageModel", draws="lstm.reads-the-future")
class LSTMLanguageModel(Model):
    def call(self, tokens):
        states = self.lstm(keras.ops.flip(self.embedding(tokens), axis=1))
        return self.output_logits(keras.ops.flip(states, axis=1))


@wrong("lab01.LSTMLanguageModel", draws="lstm.no-memory")
class LSTMLanguageModel(Model):
    def call(self, tokens):
        batch, length = tokens.shape
        vectors = self.embedding(tokens)
        steps = keras.ops.reshape(vectors, (batch * length, 1, vectors.shape[-1]))
        states = keras.ops.reshape(self.lstm(steps), (batch, length, -1))
        return self.output_logits(states)


@wrong("lab01.LSTMLanguageModel", draws="lstm.dropout")
class LSTMLanguageModel(Model):
    def call(self, tokens, training=False):
        states = self.lstm(self.embedding(tokens))
        return self.output_logits(keras.layers.Dropout(0.5)(states, training=training))


@wrong("lab01.LSTMLanguageModel", draws="tensor.needs-values")
class LSTMLanguageModel(Model):
    def call(self, tokens):
        states = np.asarray(self.lstm(self.embedding(tokens)))
        return self.output_logits(states)
