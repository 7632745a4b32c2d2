"""Known-right answers to lab 07, written differently."""

import bisect
import collections
import itertools

import keras
import numpy as np
import tensorflow as tf


@right("lab07.mixture_epochs", because="one source after another is the same")
def mixture_epochs(tokens, weights, budget):
    if len(tokens) != len(weights):
        raise ValueError("as many weights as sources, please")
    if any(n <= 0 for n in tokens) or any(w < 0 for w in weights) or sum(weights) == 0:
        raise ValueError("a size or a weight is impossible")
    total = sum(weights)
    return [budget * (w / total) / n for n, w in zip(tokens, weights, strict=True)]


@right("lab07.mixture_epochs", because="keras.ops divides as well as NumPy")
def mixture_epochs(tokens, weights, budget):
    if len(tokens) != len(weights) or min(tokens) <= 0 or min(weights) < 0 or max(weights) == 0:
        raise ValueError("impossible mixture")
    tokens, weights = (keras.ops.convert_to_tensor(x, "float64") for x in (tokens, weights))
    return weights * budget / (tokens * keras.ops.sum(weights))


@right("lab07.draw_sources", because="a place on the line of summed weights is a draw, too")
def draw_sources(weights, count, rng):
    edges = np.cumsum(weights)
    return np.searchsorted(edges, rng.uniform(0, edges[-1], size=count), side="right")


@right("lab07.draw_sources", because="draws may be made one by one, and given as a list")
def draw_sources(weights, count, rng):
    edges = list(itertools.accumulate(weights))
    return [bisect.bisect(edges, edges[-1] * u) for u in rng.random(count).tolist()]


@right("lab07.keep_by_quality", because="a document at a time is slower, not wrong")
def keep_by_quality(scores, rng, alpha=9.0):
    kept = []
    for score in scores:
        if score < 0 or score > 1:
            raise ValueError("a score is no probability")
        kept.append(bool(rng.pareto(alpha) > 1 - score))
    return kept


@right("lab07.keep_by_quality", because="a uniform number can be turned into a Pareto one")
def keep_by_quality(scores, rng, alpha=9.0):
    scores = np.asarray(scores, float)
    if not np.all((scores >= 0) & (scores <= 1)):
        raise ValueError("scores must be in [0, 1]")
    return rng.random(scores.shape) < (2 - scores) ** -alpha


@right("lab07.shingles", because="words can be zipped with those behind them")
def shingles(text, size):
    if size < 1:
        raise ValueError("size must be positive")
    words = text.lower().split()
    if 0 < len(words) < size:
        return {" ".join(words)}
    return {" ".join(run) for run in zip(*(words[i:] for i in range(size)), strict=False)}


@right("lab07.shingles", because="a window that slides finds the same runs")
def shingles(text, size):
    if size < 1:
        raise ValueError("size must be positive")
    found, window = set(), collections.deque(maxlen=size)
    for word in text.split():
        window.append(word.lower())
        if len(window) == size:
            found.add(" ".join(window))
    return found or ({" ".join(window)} if window else set())


@right("lab07.minhash_signature", because="Python's whole numbers have no last bit")
def minhash_signature(items, a, b, prime):
    if len(items) == 0:
        raise ValueError("the set is empty")
    return [min((y * x + z) % prime for x in items) for y, z in zip(a, b, strict=True)]


@right("lab07.minhash_signature", because="the smallest so far can be kept, item by item")
def minhash_signature(items, a, b, prime):
    if not items:
        raise ValueError("empty set")
    a, b = np.array(a, "uint64"), np.array(b, "uint64")
    smallest = np.full(len(a), prime, "uint64")
    for x in items:
        smallest = np.minimum(smallest, (a * np.uint64(x) + b) % np.uint64(prime))
    return smallest.astype("int64")


@right("lab07.drop_near_duplicates", because="kept signatures may be compared one by one")
def drop_near_duplicates(signatures, threshold):
    if threshold <= 0 or threshold > 1:
        raise ValueError("threshold is a share")
    kept = []
    for number, new in enumerate(signatures):
        for other in kept:
            equal = sum(int(x == y) for x, y in zip(new, signatures[other], strict=True))
            if equal >= threshold * len(new):
                break
        else:
            kept.append(number)
    return kept


@right("lab07.drop_near_duplicates", because="a growing table of kept signatures is as good")
def drop_near_duplicates(signatures, threshold):
    if not 0 < threshold <= 1:
        raise ValueError("threshold is a share")
    if not len(signatures):
        return []
    rows = np.asarray(signatures)
    kept = [0]
    for i in range(1, len(rows)):
        if (rows[kept] == rows[i]).mean(axis=1).max() < threshold:
            kept.append(i)
    return kept


@right("lab07.pack_documents", because="a flat list and a reshape are the same rows")
def pack_documents(documents, length, delimiter):
    if length < 1:
        raise ValueError("length must be at least 1")
    stream = []
    for document in documents:
        if not len(document):
            raise ValueError("one of the documents is empty")
        stream.extend(document)
        stream.append(delimiter)
    stream = stream[: len(stream) - len(stream) % length]
    return np.reshape(np.array(stream, dtype=np.int32), (-1, length))


@right("lab07.pack_documents", because="rows can be taken off the stream one by one")
def pack_documents(documents, length, delimiter):
    if length < 1 or not all(len(d) for d in documents):
        raise ValueError("every document needs a token (none may be empty), and length is >= 1")
    stream = itertools.chain.from_iterable([*d, delimiter] for d in documents)
    rows = []
    while len(row := list(itertools.islice(stream, length))) == length:
        rows.append(row)
    return np.array(rows, "int32").reshape(len(rows), length)


@right("lab07.next_token_loss", because="slices and a log-softmax are slower, not wrong")
def next_token_loss(tokens, logits, mask=None):
    if tokens.shape[1] < 2:
        raise ValueError("nothing to predict")
    log_p = keras.ops.log_softmax(keras.ops.cast(logits, "float32")[:, :-1], axis=-1)
    targets = keras.ops.cast(tokens[:, 1:], "int32")
    losses = -keras.ops.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]
    weights = keras.ops.ones_like(losses)
    if mask is not None:
        weights = keras.ops.cast(mask[:, 1:], "float32")
    return keras.ops.sum(losses * weights) / keras.ops.maximum(keras.ops.sum(weights), 1.0)


@right("lab07.next_token_loss", because="TensorFlow's own operation takes weights of 0, too")
def next_token_loss(tokens, logits, mask=None):
    batch, length = tokens.shape
    if length < 2:
        raise ValueError("nothing to predict")
    padding = tf.zeros((batch, 1), tf.int32)
    targets = tf.concat([tf.cast(tokens, tf.int32)[:, 1:], padding], axis=1)
    real = tf.ones((batch, length), bool) if mask is None else tf.cast(mask, bool)
    real = tf.concat([real[:, 1:], tf.zeros((batch, 1), bool)], axis=1)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, tf.cast(logits, tf.float32))
    return tf.math.divide_no_nan(
        tf.reduce_sum(tf.where(real, losses, 0.0)), tf.reduce_sum(tf.cast(real, tf.float32))
    )


@right("lab07.warmup_cosine", because="a sine squared is half a cosine, too")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    if warmup_steps >= total_steps:
        raise ValueError("no room for the cosine")
    step = keras.ops.minimum(keras.ops.cast(step, "float32"), total_steps)
    left = (total_steps - step) / (total_steps - warmup_steps)
    falling = keras.ops.square(keras.ops.sin(np.pi / 2 * left))
    falling = falling * (1 - final_fraction) + final_fraction
    if warmup_steps == 0:
        return peak * falling
    return peak * keras.ops.where(step >= warmup_steps, falling, step / warmup_steps)


@right("lab07.warmup_cosine", because="Keras has this schedule")
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    if warmup_steps >= total_steps:
        raise ValueError("no room for the cosine")
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup_steps else peak,
        decay_steps=total_steps - warmup_steps,
        alpha=final_fraction,
        warmup_target=peak if warmup_steps else None,
        warmup_steps=warmup_steps,
    )
    return schedule(keras.ops.cast(step, "float32"))


@right("lab07.training_step", because="three lines clip as well as one")
def training_step(model, optimizer, tokens, clip_norm):
    with tf.GradientTape() as tape:
        logits = model(tokens, training=True)
        loss = next_token_loss(tokens, logits)
    gradients = tape.gradient(loss, model.trainable_weights)
    norm = keras.ops.sqrt(sum(keras.ops.sum(keras.ops.square(g)) for g in gradients))
    factor = clip_norm / keras.ops.maximum(norm, clip_norm)
    optimizer.apply_gradients(
        [(g * factor, w) for g, w in zip(gradients, model.trainable_weights, strict=True)]
    )
    return loss, norm


@right("lab07.training_step", because="the longest vector is all gradients in a row")
def training_step(model, optimizer, tokens, clip_norm):
    weights = model.trainable_variables
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for weight in weights:
            tape.watch(weight.value)
        loss = next_token_loss(tokens, model(tokens, training=True))
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    norm = tf.norm(tf.concat([tf.reshape(g, [-1]) for g in gradients], axis=0))
    gradients = tf.cond(
        norm > clip_norm, lambda: [g * (clip_norm / norm) for g in gradients], lambda: gradients
    )
    optimizer.apply(gradients, weights)
    return [loss, norm]
