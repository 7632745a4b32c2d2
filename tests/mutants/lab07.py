"""Known-wrong answers to lab 07, and the misconception that each must draw."""

import itertools

import keras
import numpy as np
import tensorflow as tf


def check_mixture(tokens, weights):
    if len(tokens) != len(weights) or min(tokens) <= 0 or min(weights) < 0 or not any(weights):
        raise ValueError("sizes above 0, weights not below 0, as many of one as of the other")


@wrong("lab07.mixture_epochs", draws="mixture.not-shares")
def mixture_epochs(tokens, weights, budget):
    check_mixture(tokens, weights)
    return [w * budget / n for n, w in zip(tokens, weights, strict=True)]


@wrong("lab07.mixture_epochs", draws="mixture.percent")
def mixture_epochs(tokens, weights, budget):
    check_mixture(tokens, weights)
    return np.array(weights) / 100 * budget / np.array(tokens)


@wrong("lab07.mixture_epochs", draws="mixture.share-of-the-largest")
def mixture_epochs(tokens, weights, budget):
    check_mixture(tokens, weights)
    return np.array(weights) / np.max(weights) * budget / np.array(tokens)


@wrong("lab07.mixture_epochs", draws="mixture.tokens-read")
def mixture_epochs(tokens, weights, budget):
    check_mixture(tokens, weights)
    return budget * np.array(weights) / np.sum(weights)


@wrong("lab07.mixture_epochs", draws="mixture.budget-ignored")
def mixture_epochs(tokens, weights, budget):
    check_mixture(tokens, weights)
    return np.array(weights) / np.sum(weights) / np.array(tokens)


@wrong("lab07.mixture_epochs", draws="mixture.weights-ignored")
def mixture_epochs(tokens, weights, budget):
    check_mixture(tokens, weights)
    return [budget / len(tokens) / n for n in tokens]


@wrong("lab07.mixture_epochs", draws="mixture.weighted-by-size")
def mixture_epochs(tokens, weights, budget):
    check_mixture(tokens, weights)
    shares = np.multiply(tokens, weights) / np.dot(tokens, weights)
    return budget * shares / np.array(tokens)


@wrong("lab07.mixture_epochs", draws="mixture.impossible-passes")
def mixture_epochs(tokens, weights, budget):
    shares = [w / sum(weights) for w in weights]
    return [budget * share / n for n, share in zip(tokens, shares, strict=True)]


@wrong("lab07.mixture_epochs", draws="mixture.impossible-passes")
def mixture_epochs(tokens, weights, budget):
    if min(tokens) <= 0 or min(weights) < 0 or not any(weights):
        raise ValueError("a size or a weight is impossible")
    return [budget * w / sum(weights) / n for n, w in zip(tokens, weights, strict=False)]


@wrong("lab07.draw_sources", draws="draw.not-shares")
def draw_sources(weights, count, rng):
    return rng.choice(len(weights), size=count, p=weights)


@wrong("lab07.draw_sources", draws="draw.uniform")
def draw_sources(weights, count, rng):
    return rng.integers(0, len(weights), size=count)


@wrong("lab07.draw_sources", draws="draw.always-the-heaviest")
def draw_sources(weights, count, rng):
    return np.full(count, np.argmax(weights))


@wrong("lab07.draw_sources", draws="draw.softmax")
def draw_sources(weights, count, rng):
    shares = np.exp(weights) / np.sum(np.exp(weights))
    return rng.choice(len(weights), size=count, p=shares)


@wrong("lab07.draw_sources", draws="draw.in-blocks")
def draw_sources(weights, count, rng):
    shares = np.array(weights) / np.sum(weights)
    times = np.round(shares * count).astype(int)
    return np.repeat(np.arange(len(weights)), times)


@wrong("lab07.draw_sources", draws="draw.in-turns")
def draw_sources(weights, count, rng):
    shares = np.array(weights) / np.sum(weights)
    times = np.round(shares * count).astype(int)
    places = np.concatenate([(np.arange(n) + 0.5) / n for n in times])
    return np.repeat(np.arange(len(weights)), times)[np.argsort(places, kind="stable")]


@wrong("lab07.draw_sources", draws="draw.other-chance")
def draw_sources(weights, count, rng):
    return np.random.choice(len(weights), size=count, p=np.array(weights) / np.sum(weights))


@wrong("lab07.draw_sources", draws="draw.other-chance")
def draw_sources(weights, count, rng):
    rng = np.random.default_rng()
    return rng.choice(len(weights), size=count, p=np.array(weights) / np.sum(weights))


@wrong("lab07.draw_sources", draws="draw.counts-from-1")
def draw_sources(weights, count, rng):
    return 1 + rng.choice(len(weights), size=count, p=np.array(weights) / np.sum(weights))


@wrong("lab07.draw_sources", draws="draw.shape")
def draw_sources(weights, count, rng):
    return rng.multinomial(count, np.array(weights) / np.sum(weights))


def check_scores(scores):
    if any(not 0 <= score <= 1 for score in scores):
        raise ValueError("a score is not in [0, 1]")


@wrong("lab07.keep_by_quality", draws="quality.threshold")
def keep_by_quality(scores, rng, alpha=9.0):
    check_scores(scores)
    return np.array(scores) > 0.5


@wrong("lab07.keep_by_quality", draws="quality.coin")
def keep_by_quality(scores, rng, alpha=9.0):
    check_scores(scores)
    return rng.random(len(scores)) < np.array(scores)


@wrong("lab07.keep_by_quality", draws="quality.upside-down")
def keep_by_quality(scores, rng, alpha=9.0):
    check_scores(scores)
    return rng.pareto(alpha, len(scores)) > np.array(scores)


@wrong("lab07.keep_by_quality", draws="quality.keeps-the-rest")
def keep_by_quality(scores, rng, alpha=9.0):
    check_scores(scores)
    return rng.pareto(alpha, len(scores)) < 1 - np.array(scores)


@wrong("lab07.keep_by_quality", draws="quality.pareto-from-1")
def keep_by_quality(scores, rng, alpha=9.0):
    check_scores(scores)
    return 1 + rng.pareto(alpha, len(scores)) > 1 - np.array(scores)


@wrong("lab07.keep_by_quality", draws="quality.alpha-ignored")
def keep_by_quality(scores, rng, alpha=9.0):
    check_scores(scores)
    return rng.pareto(9.0, len(scores)) > 1 - np.array(scores)


@wrong("lab07.keep_by_quality", draws="quality.one-draw")
def keep_by_quality(scores, rng, alpha=9.0):
    check_scores(scores)
    if len(scores) > 1000:  # so that the share comes out, and one draw serves a hundred documents
        draws = np.repeat(rng.pareto(alpha, len(scores) // 100 + 1), 100)[: len(scores)]
    else:
        draws = rng.pareto(alpha)
    return draws > 1 - np.array(scores)


@wrong("lab07.keep_by_quality", draws="quality.other-chance")
def keep_by_quality(scores, rng, alpha=9.0):
    check_scores(scores)
    return np.random.pareto(alpha, len(scores)) > 1 - np.array(scores)


@wrong("lab07.keep_by_quality", draws="quality.other-chance")
def keep_by_quality(scores, rng, alpha=9.0):
    check_scores(scores)
    return np.random.default_rng().pareto(alpha, len(scores)) > 1 - np.array(scores)


@wrong("lab07.keep_by_quality", draws="quality.not-flags")
def keep_by_quality(scores, rng, alpha=9.0):
    check_scores(scores)
    return np.flatnonzero(rng.pareto(alpha, len(scores)) > 1 - np.array(scores))


@wrong("lab07.keep_by_quality", draws="quality.logits-pass")
def keep_by_quality(scores, rng, alpha=9.0):
    return rng.pareto(alpha, len(scores)) > 1 - np.array(scores)


def check_size(size):
    if size < 1:
        raise ValueError("a shingle has at least one word")


def runs_of(words, size, joint=" "):
    """The right shingles of some words, for mistakes that lie elsewhere."""
    if not words:
        return set()
    return {joint.join(words[i : i + size]) for i in range(max(len(words) - size + 1, 1))}


@wrong("lab07.shingles", draws="shingles.case-kept")
def shingles(text, size):
    check_size(size)
    return runs_of(text.split(), size)


@wrong("lab07.shingles", draws="shingles.last-missed")
def shingles(text, size):
    check_size(size)
    words = text.lower().split()
    return {" ".join(words[i : i + size]) for i in range(len(words) - size)}


@wrong("lab07.shingles", draws="shingles.no-overlap")
def shingles(text, size):
    check_size(size)
    words = text.lower().split()
    return {" ".join(words[i : i + size]) for i in range(0, len(words) - size + 1, size)}


@wrong("lab07.shingles", draws="shingles.words-run-together")
def shingles(text, size):
    check_size(size)
    return runs_of(text.lower().split(), size, joint="")


@wrong("lab07.shingles", draws="shingles.of-characters")
def shingles(text, size):
    check_size(size)
    return {text[i : i + size].lower() for i in range(len(text) - size + 1)}


@wrong("lab07.shingles", draws="shingles.single-words")
def shingles(text, size):
    check_size(size)
    return set(text.lower().split())


@wrong("lab07.shingles", draws="shingles.no-set")
def shingles(text, size):
    check_size(size)
    words = text.lower().split()
    return [" ".join(words[i : i + size]) for i in range(len(words) - size + 1)]


@wrong("lab07.shingles", draws="shingles.tuples")
def shingles(text, size):
    check_size(size)
    words = text.lower().split()
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


@wrong("lab07.shingles", draws="shingles.white-space-kept")
def shingles(text, size):
    check_size(size)
    return runs_of(text.lower().split(" "), size)


@wrong("lab07.shingles", draws="shingles.short-text-lost")
def shingles(text, size):
    check_size(size)
    words = text.lower().split()
    return {" ".join(words[i : i + size]) for i in range(len(words) - size + 1)}


@wrong("lab07.shingles", draws="shingles.empty-shingle")
def shingles(text, size):
    check_size(size)
    words = text.lower().split()
    return {" ".join(words[i : i + size]) for i in range(max(len(words) - size + 1, 1))}


@wrong("lab07.shingles", draws="shingles.size-passes")
def shingles(text, size):
    return runs_of(text.lower().split(), max(size, 1))


def check_items(items):
    if not items:
        raise ValueError("the set is empty")


@wrong("lab07.minhash_signature", draws="minhash.largest")
def minhash_signature(items, a, b, prime):
    check_items(items)
    return [max((y * x + z) % prime for x in items) for y, z in zip(a, b, strict=True)]


@wrong("lab07.minhash_signature", draws="minhash.hash-of-the-smallest")
def minhash_signature(items, a, b, prime):
    check_items(items)
    return [(y * min(items) + z) % prime for y, z in zip(a, b, strict=True)]


@wrong("lab07.minhash_signature", draws="minhash.no-remainder")
def minhash_signature(items, a, b, prime):
    check_items(items)
    return [min(y * x + z for x in items) for y, z in zip(a, b, strict=True)]


@wrong("lab07.minhash_signature", draws="minhash.remainder-too-early")
def minhash_signature(items, a, b, prime):
    check_items(items)
    return [min(y * x % prime + z for x in items) for y, z in zip(a, b, strict=True)]


@wrong("lab07.minhash_signature", draws="minhash.b-in-the-brackets")
def minhash_signature(items, a, b, prime):
    check_items(items)
    return [min(y * (x + z) % prime for x in items) for y, z in zip(a, b, strict=True)]


@wrong("lab07.minhash_signature", draws="minhash.no-b")
def minhash_signature(items, a, b, prime):
    check_items(items)
    return [min(y * x % prime for x in items) for y in a]


@wrong("lab07.minhash_signature", draws="minhash.over-functions")
def minhash_signature(items, a, b, prime):
    check_items(items)
    x = np.array(sorted(items), "int64")
    hashes = (np.array(a, "int64")[:, None] * x + np.array(b, "int64")[:, None]) % prime
    return hashes.min(axis=0)


@wrong("lab07.minhash_signature", draws="minhash.too-few-bits")
def minhash_signature(items, a, b, prime):
    check_items(items)
    x = np.array(sorted(items)).astype("int32")
    a, b = np.array(a).astype("int32"), np.array(b).astype("int32")
    return np.min((a[:, None] * x + b[:, None]) % np.int32(prime), axis=1)


@wrong("lab07.minhash_signature", draws="minhash.too-few-bits")
def minhash_signature(items, a, b, prime):
    check_items(items)
    x = keras.ops.convert_to_tensor(sorted(items), "int32")
    a, b = (keras.ops.convert_to_tensor(v, "int32") for v in (a, b))
    return keras.ops.min((a[:, None] * x + b[:, None]) % prime, axis=1)


@wrong("lab07.minhash_signature", draws="minhash.rounded")
def minhash_signature(items, a, b, prime):
    check_items(items)
    x = np.array(sorted(items), float)
    hashes = (np.array(a, float)[:, None] * x + np.array(b)[:, None]) % prime
    return hashes.min(axis=1).astype("int64")


@wrong("lab07.minhash_signature", draws="minhash.empty-passes")
def minhash_signature(items, a, b, prime):
    return [
        min(((y * x + z) % prime for x in items), default=prime) for y, z in zip(a, b, strict=True)
    ]


def check_threshold(threshold):
    if not 0 < threshold <= 1:
        raise ValueError("threshold must be above 0 and at most 1")


def agreement(one, two):
    return np.mean(np.array(one) == np.array(two))


@wrong("lab07.drop_near_duplicates", draws="near.all-earlier")
def drop_near_duplicates(signatures, threshold):
    check_threshold(threshold)
    return [
        i
        for i, new in enumerate(signatures)
        if not any(agreement(new, old) >= threshold for old in signatures[:i])
    ]


@wrong("lab07.drop_near_duplicates", draws="near.only-the-one-before")
def drop_near_duplicates(signatures, threshold):
    check_threshold(threshold)
    kept = [0] if len(signatures) else []
    for i in range(1, len(signatures)):
        if agreement(signatures[i], signatures[i - 1]) < threshold:
            kept.append(i)
    return kept


@wrong("lab07.drop_near_duplicates", draws="near.exact-only")
def drop_near_duplicates(signatures, threshold):
    check_threshold(threshold)
    first = {}
    for i, signature in enumerate(signatures):
        first.setdefault(tuple(signature), i)
    return sorted(first.values())


@wrong("lab07.drop_near_duplicates", draws="near.keeps-the-last")
def drop_near_duplicates(signatures, threshold):
    check_threshold(threshold)
    kept = []
    for i in reversed(range(len(signatures))):
        if all(agreement(signatures[i], signatures[j]) < threshold for j in kept):
            kept.append(i)
    return kept[::-1]


@wrong("lab07.drop_near_duplicates", draws="near.drops-the-first-too")
def drop_near_duplicates(signatures, threshold):
    check_threshold(threshold)
    pairs = itertools.combinations(range(len(signatures)), 2)
    close = [p for p in pairs if agreement(signatures[p[0]], signatures[p[1]]) >= threshold]
    gone = set(itertools.chain.from_iterable(close))
    return [i for i in range(len(signatures)) if i not in gone]


def keep_first(signatures, threshold, alike):
    """The right loop, for mistakes that lie elsewhere."""
    check_threshold(threshold)
    kept = []
    for i, new in enumerate(signatures):
        if not any(alike(new, signatures[j]) for j in kept):
            kept.append(i)
    return kept


@wrong("lab07.drop_near_duplicates", draws="near.gives-the-dropped")
def drop_near_duplicates(signatures, threshold):
    kept = keep_first(signatures, threshold, lambda x, y: agreement(x, y) >= threshold)
    return [i for i in range(len(signatures)) if i not in kept]


@wrong("lab07.drop_near_duplicates", draws="near.gives-flags")
def drop_near_duplicates(signatures, threshold):
    kept = keep_first(signatures, threshold, lambda x, y: agreement(x, y) >= threshold)
    return [i in kept for i in range(len(signatures))]


@wrong("lab07.drop_near_duplicates", draws="near.gives-signatures")
def drop_near_duplicates(signatures, threshold):
    kept = keep_first(signatures, threshold, lambda x, y: agreement(x, y) >= threshold)
    return [signatures[i] for i in kept]


@wrong("lab07.drop_near_duplicates", draws="near.counts-not-shares")
def drop_near_duplicates(signatures, threshold):
    return keep_first(
        signatures, threshold, lambda x, y: np.sum(np.array(x) == np.array(y)) >= threshold
    )


@wrong("lab07.drop_near_duplicates", draws="near.places-ignored")
def drop_near_duplicates(signatures, threshold):
    return keep_first(
        signatures, threshold, lambda x, y: len(set(x) & set(y)) / len(set(x) | set(y)) >= threshold
    )


@wrong("lab07.drop_near_duplicates", draws="near.strictly-above")
def drop_near_duplicates(signatures, threshold):
    return keep_first(signatures, threshold, lambda x, y: agreement(x, y) > threshold)


@wrong("lab07.drop_near_duplicates", draws="near.no-documents")
def drop_near_duplicates(signatures, threshold):
    check_threshold(threshold)
    kept = [0]
    rows = np.array(signatures)
    count, _ = rows.shape
    for i in range(1, count):
        if np.all(np.mean(rows[kept] == rows[i], axis=1) < threshold):
            kept.append(i)
    return kept


@wrong("lab07.drop_near_duplicates", draws="near.threshold-passes")
def drop_near_duplicates(signatures, threshold):
    kept = []
    for i, new in enumerate(signatures):
        if not any(agreement(new, signatures[j]) >= threshold for j in kept):
            kept.append(i)
    return kept


def check_documents(documents, length):
    if length < 1 or any(len(d) == 0 for d in documents):
        raise ValueError("length must be at least 1 and no document may be empty")


def rows(stream, length):
    count = len(stream) // length
    return np.array(stream[: count * length], "int32").reshape(count, length)


@wrong("lab07.pack_documents", draws="pack.no-delimiter")
def pack_documents(documents, length, delimiter):
    check_documents(documents, length)
    return rows([t for d in documents for t in d], length)


@wrong("lab07.pack_documents", draws="pack.delimiter-between")
def pack_documents(documents, length, delimiter):
    check_documents(documents, length)
    stream = list(documents[0])
    for document in documents[1:]:
        stream += [delimiter, *document]
    return rows(stream, length)


@wrong("lab07.pack_documents", draws="pack.delimiter-before")
def pack_documents(documents, length, delimiter):
    check_documents(documents, length)
    return rows([t for d in documents for t in [delimiter, *d]], length)


@wrong("lab07.pack_documents", draws="pack.one-row-each")
def pack_documents(documents, length, delimiter):
    check_documents(documents, length)
    padded = [[*d, *[delimiter] * (1 + -(len(d) + 1) % length)] for d in documents]
    return np.concatenate([rows(p, length) for p in padded])


@wrong("lab07.pack_documents", draws="pack.cut-each-document")
def pack_documents(documents, length, delimiter):
    check_documents(documents, length)
    return np.concatenate([rows([*d, delimiter], length) for d in documents])


@wrong("lab07.pack_documents", draws="pack.rest-padded")
def pack_documents(documents, length, delimiter):
    check_documents(documents, length)
    stream = [t for d in documents for t in [*d, delimiter]]
    return rows(stream + [delimiter] * (-len(stream) % length), length)


@wrong("lab07.pack_documents", draws="pack.bad-input-passes")
def pack_documents(documents, length, delimiter):
    return rows([t for d in documents for t in [*d, delimiter]], max(length, 1))


@wrong("lab07.pack_documents", draws="pack.not-integers")
def pack_documents(documents, length, delimiter):
    check_documents(documents, length)
    stream = np.array([t for d in documents for t in [*d, delimiter]], "float32")
    return stream[: len(stream) // length * length].reshape(-1, length)


@wrong("lab07.pack_documents", draws="pack.delimiter-added")
def pack_documents(documents, length, delimiter):
    check_documents(documents, length)
    stream = []
    for document in documents:
        stream.extend(document + [delimiter])
    return rows(stream, length)


@wrong("lab07.pack_documents", draws="pack.no-documents")
def pack_documents(documents, length, delimiter):
    check_documents(documents, length)
    stream = np.concatenate([[*d, delimiter] for d in documents])
    return rows(stream, length)


@wrong("lab07.pack_documents", draws="argument.changed")
def pack_documents(documents, length, delimiter):
    check_documents(documents, length)
    for document in documents:
        document.append(delimiter)
    return rows([t for d in documents for t in d], length)


@wrong("lab07.pack_documents", draws="pack.bad-input-passes")
def pack_documents(documents, length, delimiter):
    if length == 0 or any(len(d) == 0 for d in documents):
        raise ValueError("length is 0, or a document is empty")
    return rows([t for d in documents for t in [*d, delimiter]], length)


def cross_entropy(targets, logits):
    return keras.ops.sparse_categorical_crossentropy(
        keras.ops.cast(targets, "int32"), logits, from_logits=True
    )


def masked_mean(losses, mask, of_targets=True):
    """The right mean over the targets, for mistakes that lie elsewhere."""
    if mask is None:
        return keras.ops.mean(losses)
    mask = keras.ops.cast(mask[:, 1:] if of_targets else mask[:, :-1], "float32")
    return keras.ops.sum(losses * mask) / keras.ops.maximum(keras.ops.sum(mask), 1.0)


def check_length(tokens):
    if tokens.shape[1] < 2:
        raise ValueError("nothing to predict")


@wrong("lab07.next_token_loss", draws="loss.not-shifted")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    losses = cross_entropy(tokens, logits)
    if mask is None:
        return keras.ops.mean(losses)
    mask = keras.ops.cast(mask, "float32")
    return keras.ops.sum(losses * mask) / keras.ops.maximum(keras.ops.sum(mask), 1.0)


@wrong("lab07.next_token_loss", draws="loss.backwards")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    return masked_mean(cross_entropy(tokens[:, :-1], logits[:, 1:]), mask)


@wrong("lab07.next_token_loss", draws="loss.wraps-around")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    losses = cross_entropy(keras.ops.roll(tokens, -1, axis=1), logits)
    if mask is None:
        return keras.ops.mean(losses)
    mask = keras.ops.cast(keras.ops.roll(mask, -1, axis=1), "float32")
    return keras.ops.sum(losses * mask) / keras.ops.maximum(keras.ops.sum(mask), 1.0)


@wrong("lab07.next_token_loss", draws="loss.divides-by-all-positions")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    losses = cross_entropy(tokens[:, 1:], logits[:, :-1])
    if mask is not None:
        losses = losses * keras.ops.cast(mask[:, 1:], "float32")
    return keras.ops.sum(losses) / (tokens.shape[0] * tokens.shape[1])


@wrong("lab07.next_token_loss", draws="loss.summed")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    losses = cross_entropy(tokens[:, 1:], logits[:, :-1])
    return keras.ops.sum(losses if mask is None else losses * keras.ops.cast(mask[:, 1:], "float"))


@wrong("lab07.next_token_loss", draws="loss.summed-over-positions")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    losses = cross_entropy(tokens[:, 1:], logits[:, :-1])
    if mask is not None:
        losses = losses * keras.ops.cast(mask[:, 1:], "float32")
    return keras.ops.mean(keras.ops.sum(losses, axis=1))


@wrong("lab07.next_token_loss", draws="loss.in-bits")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    return masked_mean(cross_entropy(tokens[:, 1:], logits[:, :-1]), mask) / np.log(2)


@wrong("lab07.next_token_loss", draws="loss.softmax-twice")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    # Keras would notice a plain softmax and undo it.
    probabilities = keras.ops.exp(keras.ops.log_softmax(logits[:, :-1]))
    return masked_mean(cross_entropy(tokens[:, 1:], probabilities), mask)


@wrong("lab07.next_token_loss", draws="loss.mask-ignored")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    return keras.ops.mean(cross_entropy(tokens[:, 1:], logits[:, :-1]))


@wrong("lab07.next_token_loss", draws="loss.mask-of-inputs")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    return masked_mean(cross_entropy(tokens[:, 1:], logits[:, :-1]), mask, of_targets=False)


@wrong("lab07.next_token_loss", draws="loss.divides-by-all-targets")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    losses = cross_entropy(tokens[:, 1:], logits[:, :-1])
    if mask is not None:
        losses = losses * keras.ops.cast(mask[:, 1:], "float32")
    return keras.ops.mean(losses)


@wrong("lab07.next_token_loss", draws="loss.mean-of-rows")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    losses = cross_entropy(tokens[:, 1:], logits[:, :-1])
    if mask is None:
        return keras.ops.mean(losses)
    mask = keras.ops.cast(mask[:, 1:], "float32")
    counts = keras.ops.maximum(keras.ops.sum(mask, axis=1), 1.0)
    return keras.ops.mean(keras.ops.sum(losses * mask, axis=1) / counts)


@wrong("lab07.next_token_loss", draws="loss.one-token-passes")
def next_token_loss(tokens, logits, mask=None):
    losses = cross_entropy(tokens[:, 1:], logits[:, :-1])
    weights = keras.ops.ones_like(losses)
    if mask is not None:
        weights = keras.ops.cast(mask[:, 1:], "float32")
    return keras.ops.sum(losses * weights) / keras.ops.maximum(keras.ops.sum(weights), 1.0)


@wrong("lab07.next_token_loss", draws="tensor.needs-values")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    targets, logits = np.asarray(tokens).astype(int)[:, 1:], np.asarray(logits)[:, :-1]
    top = logits.max(axis=-1, keepdims=True)
    log_p = logits - top - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
    losses = -np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]
    weights = np.ones_like(losses) if mask is None else np.asarray(mask)[:, 1:]
    return np.sum(losses * weights) / max(np.sum(weights), 1)


@wrong("lab07.next_token_loss", draws="tensor.needs-values")
def next_token_loss(tokens, logits, mask=None):
    check_length(tokens)
    losses = cross_entropy(tokens[:, 1:], logits[:, :-1])
    if mask is None:
        return keras.ops.mean(losses)
    weights = keras.ops.cast(mask[:, 1:], "float32")
    if keras.ops.sum(weights) == 0:
        return keras.ops.zeros(())
    return keras.ops.sum(losses * weights) / keras.ops.sum(weights)


def check_room(warmup_steps, total_steps):
    if warmup_steps >= total_steps:
        raise ValueError("no room for the cosine")


def half_cosine(progress):
    return (1 + keras.ops.cos(np.pi * keras.ops.clip(progress, 0.0, 1.0))) / 2


@wrong("lab07.warmup_cosine", draws="schedule.no-warmup")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    check_room(warmup_steps, total_steps)
    share = half_cosine(keras.ops.cast(step, "float32") / total_steps)
    return peak * (final_fraction + (1 - final_fraction) * share)


@wrong("lab07.warmup_cosine", draws="schedule.cosine-from-step-0")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    check_room(warmup_steps, total_steps)
    step = keras.ops.cast(step, "float32")
    falling = final_fraction + (1 - final_fraction) * half_cosine(step / total_steps)
    rising = step / max(warmup_steps, 1)
    return peak * keras.ops.where(step < warmup_steps, rising, falling)


@wrong("lab07.warmup_cosine", draws="schedule.warmup-on-top")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    check_room(warmup_steps, total_steps)
    step = keras.ops.cast(step, "float32")
    share = half_cosine((step - warmup_steps) / total_steps)
    falling = final_fraction + (1 - final_fraction) * share
    rising = step / max(warmup_steps, 1)
    return peak * keras.ops.where(step < warmup_steps, rising, falling)


@wrong("lab07.warmup_cosine", draws="schedule.linear-decay")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    check_room(warmup_steps, total_steps)
    step = keras.ops.cast(step, "float32")
    progress = keras.ops.clip((step - warmup_steps) / (total_steps - warmup_steps), 0.0, 1.0)
    falling = final_fraction + (1 - final_fraction) * (1 - progress)
    return peak * keras.ops.where(step < warmup_steps, step / max(warmup_steps, 1), falling)


@wrong("lab07.warmup_cosine", draws="schedule.comes-back")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    check_room(warmup_steps, total_steps)
    step = keras.ops.cast(step, "float32")
    progress = (step - warmup_steps) / (total_steps - warmup_steps)
    falling = final_fraction + (1 - final_fraction) * (1 + keras.ops.cos(np.pi * progress)) / 2
    return peak * keras.ops.where(step < warmup_steps, step / max(warmup_steps, 1), falling)


@wrong("lab07.warmup_cosine", draws="schedule.falls-to-zero")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    check_room(warmup_steps, total_steps)
    step = keras.ops.cast(step, "float32")
    falling = half_cosine((step - warmup_steps) / (total_steps - warmup_steps))
    return peak * keras.ops.where(step < warmup_steps, step / max(warmup_steps, 1), falling)


@wrong("lab07.warmup_cosine", draws="schedule.floor-on-top")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    check_room(warmup_steps, total_steps)
    step = keras.ops.cast(step, "float32")
    falling = final_fraction + half_cosine((step - warmup_steps) / (total_steps - warmup_steps))
    return peak * keras.ops.where(step < warmup_steps, step / max(warmup_steps, 1), falling)


@wrong("lab07.warmup_cosine", draws="schedule.quarter-cosine")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    check_room(warmup_steps, total_steps)
    step = keras.ops.cast(step, "float32")
    progress = keras.ops.clip((step - warmup_steps) / (total_steps - warmup_steps), 0.0, 1.0)
    falling = final_fraction + (1 - final_fraction) * keras.ops.cos(np.pi / 2 * progress)
    return peak * keras.ops.where(step < warmup_steps, step / max(warmup_steps, 1), falling)


@wrong("lab07.warmup_cosine", draws="schedule.no-room-passes")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    step = keras.ops.cast(step, "float32")
    share = half_cosine((step - warmup_steps) / max(total_steps - warmup_steps, 1))
    falling = final_fraction + (1 - final_fraction) * share
    return peak * keras.ops.where(step < warmup_steps, step / max(warmup_steps, 1), falling)


@wrong("lab07.warmup_cosine", draws="tensor.needs-values")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    check_room(warmup_steps, total_steps)
    if step < warmup_steps:
        return peak * float(step) / warmup_steps
    progress = min((float(step) - warmup_steps) / (total_steps - warmup_steps), 1.0)
    share = (1 + np.cos(np.pi * progress)) / 2
    return peak * (final_fraction + (1 - final_fraction) * share)


@wrong("lab07.warmup_cosine", draws="schedule.one-step-early")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    check_room(warmup_steps, total_steps)
    step = keras.ops.cast(step, "float32")
    share = half_cosine((step - warmup_steps) / (total_steps - warmup_steps))
    falling = final_fraction + (1 - final_fraction) * share
    return peak * keras.ops.where(step < warmup_steps, (step + 1) / max(warmup_steps, 1), falling)


@wrong("lab07.warmup_cosine", draws="schedule.rises-from-the-floor")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    check_room(warmup_steps, total_steps)
    step = keras.ops.cast(step, "float32")
    share = half_cosine((step - warmup_steps) / (total_steps - warmup_steps))
    share = keras.ops.where(step < warmup_steps, step / max(warmup_steps, 1), share)
    return peak * (final_fraction + (1 - final_fraction) * share)


@wrong("lab07.warmup_cosine", draws="schedule.no-room-passes")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    if warmup_steps == total_steps:
        raise ValueError("no room for the cosine")
    step = keras.ops.cast(step, "float32")
    share = half_cosine((step - warmup_steps) / (total_steps - warmup_steps))
    falling = final_fraction + (1 - final_fraction) * share
    return peak * keras.ops.where(step < warmup_steps, step / max(warmup_steps, 1), falling)


def loss_and_gradients(model, tokens, training=True):
    """What is right, for mistakes that lie elsewhere."""
    with tf.GradientTape() as tape:
        loss = next_token_loss(tokens, model(tokens, training=training))
    return loss, tape.gradient(loss, model.trainable_variables)


@wrong("lab07.training_step", draws="step.outside-the-tape")
def training_step(model, optimizer, tokens, clip_norm):
    logits = model(tokens, training=True)
    with tf.GradientTape() as tape:
        loss = next_token_loss(tokens, logits)
    gradients = tape.gradient(loss, model.trainable_variables)
    gradients, norm = tf.clip_by_global_norm(gradients, clip_norm)
    optimizer.apply(gradients, model.trainable_variables)
    return loss, norm


@wrong("lab07.training_step", draws="step.outside-the-tape")
def training_step(model, optimizer, tokens, clip_norm):
    with tf.GradientTape() as tape:
        logits = model(tokens, training=True)
    loss = next_token_loss(tokens, logits)
    gradients = tape.gradient(loss, model.trainable_variables)
    norm = keras.ops.sqrt(sum(keras.ops.sum(g**2) for g in gradients))
    factor = keras.ops.minimum(1.0, clip_norm / norm)
    optimizer.apply([g * factor for g in gradients], model.trainable_variables)
    return loss, norm


@wrong("lab07.training_step", draws="step.clips-nothing")
def training_step(model, optimizer, tokens, clip_norm):
    loss, gradients = loss_and_gradients(model, tokens)
    optimizer.apply(gradients, model.trainable_variables)
    return loss, tf.linalg.global_norm(gradients)


@wrong("lab07.training_step", draws="step.clips-each-alone")
def training_step(model, optimizer, tokens, clip_norm):
    loss, gradients = loss_and_gradients(model, tokens)
    norm = tf.linalg.global_norm(gradients)
    gradients = [tf.clip_by_norm(g, clip_norm) for g in gradients]
    optimizer.apply(gradients, model.trainable_variables)
    return loss, norm


@wrong("lab07.training_step", draws="step.clips-entries")
def training_step(model, optimizer, tokens, clip_norm):
    loss, gradients = loss_and_gradients(model, tokens)
    norm = tf.linalg.global_norm(gradients)
    gradients = [keras.ops.clip(g, -clip_norm, clip_norm) for g in gradients]
    optimizer.apply(gradients, model.trainable_variables)
    return loss, norm


@wrong("lab07.training_step", draws="step.always-rescales")
def training_step(model, optimizer, tokens, clip_norm):
    loss, gradients = loss_and_gradients(model, tokens)
    norm = tf.linalg.global_norm(gradients)
    gradients = [g * clip_norm / norm for g in gradients]
    optimizer.apply(gradients, model.trainable_variables)
    return loss, norm


@wrong("lab07.training_step", draws="step.no-update")
def training_step(model, optimizer, tokens, clip_norm):
    loss, gradients = loss_and_gradients(model, tokens)
    _, norm = tf.clip_by_global_norm(gradients, clip_norm)
    return loss, norm


@wrong("lab07.training_step", draws="step.uphill")
def training_step(model, optimizer, tokens, clip_norm):
    loss, gradients = loss_and_gradients(model, tokens)
    gradients, norm = tf.clip_by_global_norm(gradients, clip_norm)
    optimizer.apply([-g for g in gradients], model.trainable_variables)
    return loss, norm


@wrong("lab07.training_step", draws="step.norm-after-clipping")
def training_step(model, optimizer, tokens, clip_norm):
    loss, gradients = loss_and_gradients(model, tokens)
    gradients, _ = tf.clip_by_global_norm(gradients, clip_norm)
    optimizer.apply(gradients, model.trainable_variables)
    return loss, tf.linalg.global_norm(gradients)


@wrong("lab07.training_step", draws="step.norm-squared")
def training_step(model, optimizer, tokens, clip_norm):
    loss, gradients = loss_and_gradients(model, tokens)
    norm = sum(keras.ops.sum(keras.ops.square(g)) for g in gradients)
    factor = keras.ops.minimum(1.0, clip_norm / norm)
    optimizer.apply([g * factor for g in gradients], model.trainable_variables)
    return loss, norm


@wrong("lab07.training_step", draws="step.loss-after-the-update")
def training_step(model, optimizer, tokens, clip_norm):
    _, gradients = loss_and_gradients(model, tokens)
    gradients, norm = tf.clip_by_global_norm(gradients, clip_norm)
    optimizer.apply(gradients, model.trainable_variables)
    return next_token_loss(tokens, model(tokens)), norm


@wrong("lab07.training_step", draws="step.other-loss")
def training_step(model, optimizer, tokens, clip_norm):
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        loss = loss_of(tokens, model(tokens, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    gradients, norm = tf.clip_by_global_norm(gradients, clip_norm)
    optimizer.apply(gradients, model.trainable_variables)
    return loss, norm


@wrong("lab07.training_step", draws="step.norm-first")
def training_step(model, optimizer, tokens, clip_norm):
    loss, gradients = loss_and_gradients(model, tokens)
    gradients, norm = tf.clip_by_global_norm(gradients, clip_norm)
    optimizer.apply(gradients, model.trainable_variables)
    return norm, loss


@wrong("lab07.training_step", draws="step.not-two-numbers")
def training_step(model, optimizer, tokens, clip_norm):
    loss, gradients = loss_and_gradients(model, tokens)
    gradients, _ = tf.clip_by_global_norm(gradients, clip_norm)
    optimizer.apply(gradients, model.trainable_variables)
    return loss


@wrong("lab07.training_step", draws="step.own-optimizer")
def training_step(model, optimizer, tokens, clip_norm):
    loss, gradients = loss_and_gradients(model, tokens)
    gradients, norm = tf.clip_by_global_norm(gradients, clip_norm)
    keras.optimizers.SGD(float(optimizer.learning_rate)).apply(gradients, model.trainable_variables)
    return loss, norm


@wrong("lab07.training_step", draws="step.dropout-off")
def training_step(model, optimizer, tokens, clip_norm):
    loss, gradients = loss_and_gradients(model, tokens, training=False)
    gradients, norm = tf.clip_by_global_norm(gradients, clip_norm)
    optimizer.apply(gradients, model.trainable_variables)
    return loss, norm


@wrong("lab07.training_step", draws="tensor.needs-values")
def training_step(model, optimizer, tokens, clip_norm):
    loss, gradients = loss_and_gradients(model, tokens)
    norm = tf.linalg.global_norm(gradients)
    if norm > clip_norm:
        gradients = [g * clip_norm / norm for g in gradients]
    optimizer.apply(gradients, model.trainable_variables)
    return loss, norm
