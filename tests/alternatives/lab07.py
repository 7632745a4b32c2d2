"""Known-right answers to lab 07, written differently."""

import itertools

import keras
import numpy as np
import tensorflow as tf


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
