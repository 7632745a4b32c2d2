"""Known-wrong answers to lab 07, and the misconception that each must draw."""

import keras
import numpy as np


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
