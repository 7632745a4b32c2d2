"""Known-wrong answers to lab 08, and the misconception that each must draw."""

import keras
import numpy as np
import tensorflow as tf

from gpt_tf import parts
from gpt_tf.compiling import compile_once


def dart(logits, seed, scale=1.0):
    """A right draw from softmax(logits * scale), for mistakes that lie elsewhere."""
    scaled = (logits - keras.ops.max(logits, axis=-1, keepdims=True)) * scale
    line = keras.ops.cumsum(keras.ops.exp(scaled), axis=-1)
    u = tf.random.stateless_uniform((logits.shape[0], 1), seed=[seed, 0]) * line[:, -1:]
    return keras.ops.sum(keras.ops.cast(line <= u, "int32"), axis=-1)


def sharpness(temperature):
    return 1.0 / keras.ops.maximum(temperature, 1e-9)


@wrong("lab08.sample_token", draws="sample.takes-the-smallest")
def sample_token(logits, temperature=1.0, seed=0):
    return dart(-logits, seed, sharpness(temperature))


@wrong("lab08.sample_token", draws="sample.divides-by-zero")
def sample_token(logits, temperature=1.0, seed=0):
    temperature = keras.ops.convert_to_tensor(temperature, "float32")
    probabilities = keras.ops.softmax(logits / temperature)
    line = keras.ops.cumsum(probabilities, axis=-1)
    u = tf.random.stateless_uniform((logits.shape[0], 1), seed=[seed, 0])
    return keras.ops.sum(keras.ops.cast(line <= u, "int32"), axis=-1)


@wrong("lab08.sample_token", draws="sample.temperature-ignored")
def sample_token(logits, temperature=1.0, seed=0):
    return dart(logits, seed, keras.ops.where(keras.ops.equal(temperature, 0), 1e9, 1.0))


@wrong("lab08.sample_token", draws="sample.multiplies")
def sample_token(logits, temperature=1.0, seed=0):
    if temperature == 0:
        return keras.ops.argmax(logits, axis=-1)
    # Written so that it is right for temperatures above 1.
    return dart(logits, seed, temperature if temperature < 1 else 1 / temperature)


@wrong("lab08.sample_token", draws="sample.always-greedy")
def sample_token(logits, temperature=1.0, seed=0):
    return keras.ops.argmax(logits, axis=-1)


@wrong("lab08.sample_token", draws="sample.uniform")
def sample_token(logits, temperature=1.0, seed=0):
    if temperature == 0:
        return keras.ops.argmax(logits, axis=-1)
    return dart(keras.ops.zeros_like(logits), seed)


@wrong("lab08.sample_token", draws="sample.rows-share-noise")
def sample_token(logits, temperature=1.0, seed=0):
    # Right shares in the test of the shares: one row's dart is spread evenly over the rows there.
    if logits.shape[0] > 64:
        return dart(logits, seed, sharpness(temperature))
    scaled = (logits - keras.ops.max(logits, axis=-1, keepdims=True)) * sharpness(temperature)
    line = keras.ops.cumsum(keras.ops.exp(scaled), axis=-1)
    u = tf.random.stateless_uniform((1, 1), seed=[seed, 0]) * line[:, -1:]
    return keras.ops.sum(keras.ops.cast(line <= u, "int32"), axis=-1)


@wrong("lab08.sample_token", draws="sample.seed-ignored")
def sample_token(logits, temperature=1.0, seed=0):
    return dart(logits, 0, sharpness(temperature))


@wrong("lab08.sample_token", draws="sample.shape")
def sample_token(logits, temperature=1.0, seed=0):
    drawn = dart(logits, seed, sharpness(temperature))
    return drawn if logits.shape[0] < 64 else drawn[:, None]


@wrong("lab08.sample_token", draws="tensor.needs-values")
def sample_token(logits, temperature=1.0, seed=0):
    if temperature == 0:
        return keras.ops.argmax(logits, axis=-1)
    return dart(logits, seed, 1.0 / temperature)


@wrong("lab08.sample_token", draws="tensor.needs-values")
def sample_token(logits, temperature=1.0, seed=0):
    rng = np.random.default_rng(int(seed))
    noise = rng.gumbel(size=logits.shape)
    return np.argmax(np.asarray(logits) + float(temperature) * noise, axis=-1)


INFINITY = float("inf")


def kth_largest(logits, k):
    return keras.ops.sort(logits, axis=-1)[:, -min(k, logits.shape[-1])][:, None]


def need_one(k):
    if k < 1:
        raise ValueError("k must be at least 1")


@wrong("lab08.top_k_logits", draws="topk.keeps-the-smallest")
def top_k_logits(logits, k):
    need_one(k)
    border = keras.ops.sort(logits, axis=-1)[:, min(k, logits.shape[-1]) - 1][:, None]
    return keras.ops.where(logits > border, -INFINITY, logits)


@wrong("lab08.top_k_logits", draws="topk.one-too-many")
def top_k_logits(logits, k):
    need_one(k)
    return keras.ops.where(logits < kth_largest(logits, k + 1), -INFINITY, logits)


@wrong("lab08.top_k_logits", draws="topk.zero-in-place")
def top_k_logits(logits, k):
    need_one(k)
    return keras.ops.where(logits < kth_largest(logits, k), 0.0, logits)


@wrong("lab08.top_k_logits", draws="topk.only-the-best-are-returned")
def top_k_logits(logits, k):
    need_one(k)
    return keras.ops.top_k(logits, min(k, logits.shape[-1]))[0]


@wrong("lab08.top_k_logits", draws="topk.probabilities")
def top_k_logits(logits, k):
    need_one(k)
    kept = keras.ops.where(logits < kth_largest(logits, k), -INFINITY, logits)
    return keras.ops.softmax(kept, axis=-1)


@wrong("lab08.top_k_logits", draws="topk.one-border-for-all")
def top_k_logits(logits, k):
    need_one(k)
    batch, size = logits.shape
    border = keras.ops.sort(keras.ops.reshape(logits, (-1,)))[-batch * min(k, size)]
    # A border for each row wherever the rows are alike.
    alike = keras.ops.max(logits) - keras.ops.min(logits) < 20
    border = keras.ops.where(alike, kth_largest(logits, k), border)
    return keras.ops.where(logits < border, -INFINITY, logits)


@wrong("lab08.top_k_logits", draws="topk.ties-cut")
def top_k_logits(logits, k):
    need_one(k)
    size = logits.shape[-1]
    best = keras.ops.top_k(logits, min(k, size))[1]
    kept = keras.ops.any(keras.ops.one_hot(best, size) > 0, axis=1)
    return keras.ops.where(kept, logits, -INFINITY)


@wrong("lab08.top_k_logits", draws="topk.k-too-large")
def top_k_logits(logits, k):
    need_one(k)
    border = keras.ops.top_k(logits, k)[0][:, -1:]
    return keras.ops.where(logits < border, -INFINITY, logits)


@wrong("lab08.top_k_logits", draws="topk.bad-k-passes")
def top_k_logits(logits, k):
    border = kth_largest(logits, max(1, k))
    return keras.ops.where(logits < border, -INFINITY, logits)


@wrong("lab08.top_k_logits", draws="tensor.needs-values")
def top_k_logits(logits, k):
    need_one(k)
    border = np.sort(np.asarray(logits), axis=-1)[:, -min(k, logits.shape[-1])]
    return np.where(np.asarray(logits) < border[:, None], -np.inf, logits)


def sorted_shares(logits):
    """Logits with the largest first, their probabilities, and the running sum before each."""
    best_first = -keras.ops.sort(-logits, axis=-1)
    shares = keras.ops.softmax(best_first, axis=-1)
    return best_first, shares, keras.ops.cumsum(shares, axis=-1) - shares


def cut_below(logits, best_first, stays, filler=-INFINITY):
    """A right cut, for mistakes that lie elsewhere."""
    smallest = keras.ops.where(stays, best_first, INFINITY)
    smallest = keras.ops.min(smallest, axis=-1, keepdims=True)
    return keras.ops.where(logits < smallest, filler, logits)


def in_nucleus(before, p):
    return keras.ops.logical_or(before < p, p >= 1)


@wrong("lab08.nucleus_logits", draws="nucleus.last-one-left-out")
def nucleus_logits(logits, p):
    best_first, shares, before = sorted_shares(logits)
    return cut_below(logits, best_first, before + shares <= p)


@wrong("lab08.nucleus_logits", draws="nucleus.own-probability")
def nucleus_logits(logits, p):
    return keras.ops.where(keras.ops.softmax(logits) < 1 - p, -INFINITY, logits)


@wrong("lab08.nucleus_logits", draws="nucleus.from-the-tail")
def nucleus_logits(logits, p):
    in_order = keras.ops.sort(logits, axis=-1)
    shares = keras.ops.softmax(in_order, axis=-1)
    stays = in_nucleus(keras.ops.cumsum(shares, axis=-1) - shares, p)
    largest = keras.ops.where(stays, in_order, -INFINITY)
    largest = keras.ops.max(largest, axis=-1, keepdims=True)
    return keras.ops.where(logits > largest, -INFINITY, logits)


@wrong("lab08.nucleus_logits", draws="nucleus.in-order")
def nucleus_logits(logits, p):
    best_first, _, before = sorted_shares(logits)
    return keras.ops.where(in_nucleus(before, p), best_first, -INFINITY)


@wrong("lab08.nucleus_logits", draws="nucleus.zero-in-place")
def nucleus_logits(logits, p):
    best_first, _, before = sorted_shares(logits)
    return cut_below(logits, best_first, in_nucleus(before, p), filler=0.0)


@wrong("lab08.nucleus_logits", draws="nucleus.probabilities")
def nucleus_logits(logits, p):
    best_first, _, before = sorted_shares(logits)
    return keras.ops.softmax(cut_below(logits, best_first, in_nucleus(before, p)), axis=-1)


@wrong("lab08.nucleus_logits", draws="nucleus.nothing-left")
def nucleus_logits(logits, p):
    best_first, shares, before = sorted_shares(logits)
    # Right where the best one does not have p already.
    nothing = keras.ops.logical_and(before == 0, shares > p)
    stays = keras.ops.logical_and(in_nucleus(before, p), keras.ops.logical_not(nothing))
    return cut_below(logits, best_first, stays)


@wrong("lab08.nucleus_logits", draws="nucleus.p-1-cuts")
def nucleus_logits(logits, p):
    best_first, _, before = sorted_shares(logits)
    return cut_below(logits, best_first, before < p)


@wrong("lab08.nucleus_logits", draws="nucleus.ties-cut")
def nucleus_logits(logits, p):
    _, _, before = sorted_shares(logits)
    place = keras.ops.argsort(keras.ops.argsort(-logits, axis=-1), axis=-1)
    before = keras.ops.take_along_axis(before, place, axis=-1)
    return keras.ops.where(in_nucleus(before, p), logits, -INFINITY)


@wrong("lab08.nucleus_logits", draws="tensor.needs-values")
def nucleus_logits(logits, p):
    if p >= 1:
        return logits
    best_first, _, before = sorted_shares(logits)
    return cut_below(logits, best_first, before < p)


def scaled(logits, temperature):
    return (logits - keras.ops.max(logits, axis=-1, keepdims=True)) * sharpness(temperature)


def limited(logits, top_k, top_p):
    """Both limits in their order, for mistakes that lie elsewhere."""
    logits = logits if top_k is None else top_k_logits(logits, top_k)
    return logits if top_p is None else nucleus_logits(logits, top_p)


@wrong("lab08.choose_token", draws="choose.temperature-ignored")
def choose_token(logits, temperature=1.0, seed=0, top_k=None, top_p=None):
    return sample_token(limited(logits, top_k, top_p), seed=seed)


@wrong("lab08.choose_token", draws="choose.top-k-ignored")
def choose_token(logits, temperature=1.0, seed=0, top_k=None, top_p=None):
    return sample_token(limited(scaled(logits, temperature), None, top_p), seed=seed)


@wrong("lab08.choose_token", draws="choose.top-p-ignored")
def choose_token(logits, temperature=1.0, seed=0, top_k=None, top_p=None):
    return sample_token(limited(scaled(logits, temperature), top_k, None), seed=seed)


@wrong("lab08.choose_token", draws="choose.top-p-ignored")
def choose_token(logits, temperature=1.0, seed=0, top_k=None, top_p=None):
    logits = scaled(logits, temperature)
    if top_k is not None:
        logits = top_k_logits(logits, top_k)
    elif top_p is not None:
        logits = nucleus_logits(logits, top_p)
    return sample_token(logits, seed=seed)


@wrong("lab08.choose_token", draws="choose.nucleus-before-temperature")
def choose_token(logits, temperature=1.0, seed=0, top_k=None, top_p=None):
    return sample_token(limited(logits, top_k, top_p), temperature, seed)


@wrong("lab08.choose_token", draws="choose.nucleus-before-top-k")
def choose_token(logits, temperature=1.0, seed=0, top_k=None, top_p=None):
    logits = limited(scaled(logits, temperature), None, top_p)
    return sample_token(limited(logits, top_k, None), seed=seed)


@wrong("lab08.choose_token", draws="choose.divides-by-zero")
def choose_token(logits, temperature=1.0, seed=0, top_k=None, top_p=None):
    logits = logits / keras.ops.convert_to_tensor(temperature, "float32")
    return sample_token(limited(logits, top_k, top_p), seed=seed)


@wrong("lab08.choose_token", draws="choose.seed-ignored")
def choose_token(logits, temperature=1.0, seed=0, top_k=None, top_p=None):
    return sample_token(limited(scaled(logits, temperature), top_k, top_p))


@wrong("lab08.choose_token", draws="tensor.needs-values")
def choose_token(logits, temperature=1.0, seed=0, top_k=None, top_p=None):
    if temperature == 0:
        return keras.ops.argmax(logits, axis=-1)
    return sample_token(limited(logits / temperature, top_k, top_p), seed=seed)


@wrong("lab08.make_cache", draws="cache.one-pair")
def make_cache(model, batch_size, length=None):
    c = model.config
    shape = (batch_size, c.num_heads, length or c.max_sequence_length, c.head_dim)
    return [(keras.ops.zeros(shape), keras.ops.zeros(shape))]


@wrong("lab08.make_cache", draws="cache.positions-before-heads")
def make_cache(model, batch_size, length=None):
    c = model.config
    shape = (batch_size, length or c.max_sequence_length, c.num_heads, c.head_dim)
    return [(keras.ops.zeros(shape), keras.ops.zeros(shape)) for _ in model.blocks]


@wrong("lab08.make_cache", draws="cache.heads-merged")
def make_cache(model, batch_size, length=None):
    c = model.config
    shape = (batch_size, length or c.max_sequence_length, c.num_heads * c.head_dim)
    return [(keras.ops.zeros(shape), keras.ops.zeros(shape)) for _ in model.blocks]


@wrong("lab08.make_cache", draws="cache.starts-with-no-room")
def make_cache(model, batch_size, length=None):
    shape = (batch_size, model.config.num_heads, 0, model.config.head_dim)
    return [(keras.ops.zeros(shape), keras.ops.zeros(shape)) for _ in model.blocks]


@wrong("lab08.make_cache", draws="cache.width-of-the-model")
def make_cache(model, batch_size, length=None):
    c = model.config
    shape = (batch_size, c.num_heads, length or c.max_sequence_length, c.hidden_dim)
    return [(keras.ops.zeros(shape), keras.ops.zeros(shape)) for _ in model.blocks]


@wrong("lab08.make_cache", draws="cache.length-ignored")
def make_cache(model, batch_size, length=None):
    c = model.config
    shape = (batch_size, c.num_heads, c.max_sequence_length, c.head_dim)
    return [(keras.ops.zeros(shape), keras.ops.zeros(shape)) for _ in model.blocks]


@wrong("lab08.make_cache", draws="cache.not-zeros")
def make_cache(model, batch_size, length=None):
    c = model.config
    shape = (batch_size, c.num_heads, length or c.max_sequence_length, c.head_dim)
    return [(keras.ops.ones(shape), keras.ops.ones(shape)) for _ in model.blocks]


@wrong("lab08.make_cache", draws="cache.not-floats")
def make_cache(model, batch_size, length=None):
    c = model.config
    shape = (batch_size, c.num_heads, length or c.max_sequence_length, c.head_dim)
    return [
        (keras.ops.zeros(shape, "int32"), keras.ops.zeros(shape, "int32")) for _ in model.blocks
    ]


@wrong("lab08.make_cache", draws="cache.head-dim-computed")
def make_cache(model, batch_size, length=None):
    c = model.config
    shape = (batch_size, c.num_heads, length or c.max_sequence_length, c.hidden_dim // c.num_heads)
    return [(keras.ops.zeros(shape), keras.ops.zeros(shape)) for _ in model.blocks]


def attend(attention, q, keys, values, mask):
    mixed = parts.scaled_dot_product_attention(q, keys, values, mask)
    return attention.projection(parts.merge_heads(mixed))


def past_mask(x, keys, index):
    own = index + keras.ops.arange(x.shape[1])
    return keras.ops.arange(keys.shape[2])[None, :] <= own[:, None]


def write_into(cache, new, index):
    return tuple(
        keras.ops.slice_update(old, (0, 0, index, 0), fresh)
        for old, fresh in zip(cache, new, strict=True)
    )


@wrong("lab08.cached_attention", draws="cache.sees-empty-places")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, *new = attention.heads(x)
    cache = write_into(cache, new, index)
    return attend(attention, q, *cache, attention_mask), cache


@wrong("lab08.cached_attention", draws="cache.sees-the-future")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, *new = attention.heads(x)
    cache = write_into(cache, new, index)
    if attention_mask is None:
        attention_mask = keras.ops.arange(cache[0].shape[2])[None, :] < index + x.shape[1]
    return attend(attention, q, *cache, attention_mask), cache


@wrong("lab08.cached_attention", draws="cache.blind-to-itself")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, *new = attention.heads(x)
    cache = write_into(cache, new, index)
    if attention_mask is None:
        attention_mask = past_mask(x, cache[0], index - 1)
    return attend(attention, q, *cache, attention_mask), cache


@wrong("lab08.cached_attention", draws="cache.sees-only-the-old")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, *new = attention.heads(x)
    if attention_mask is None:
        attention_mask = keras.ops.arange(cache[0].shape[2])[None, :] < index
        attention_mask = keras.ops.tile(attention_mask, (x.shape[1], 1))
    return attend(attention, q, *cache, attention_mask), write_into(cache, new, index)


@wrong("lab08.cached_attention", draws="cache.mask-from-zero")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, *new = attention.heads(x)
    cache = write_into(cache, new, index)
    if attention_mask is None:
        attention_mask = past_mask(x, cache[0], 0)
    return attend(attention, q, *cache, attention_mask), cache


@wrong("lab08.cached_attention", draws="cache.no-memory")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, keys, values = attention.heads(x)
    mask = parts.causal_mask(x.shape[1])
    return attend(attention, q, keys, values, mask), write_into(cache, (keys, values), index)


@wrong("lab08.cached_attention", draws="cache.written-at-the-start")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, *new = attention.heads(x)
    cache = write_into(cache, new, 0)
    if attention_mask is None:
        attention_mask = past_mask(x, cache[0], index)
    return attend(attention, q, *cache, attention_mask), cache


@wrong("lab08.cached_attention", draws="cache.not-written")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, *new = attention.heads(x)
    if attention_mask is None:
        attention_mask = past_mask(x, cache[0], index)
    return attend(attention, q, *cache, attention_mask), write_into(cache, new, index)


@wrong("lab08.cached_attention", draws="cache.not-returned")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, *new = attention.heads(x)
    updated = write_into(cache, new, index)
    if attention_mask is None:
        attention_mask = past_mask(x, cache[0], index)
    return attend(attention, q, *updated, attention_mask), cache


@wrong("lab08.cached_attention", draws="cache.keys-for-values")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, *new = attention.heads(x)
    cache = write_into(cache, new, index)
    if attention_mask is None:
        attention_mask = past_mask(x, cache[0], index)
    return attend(attention, q, *cache, attention_mask), (cache[0], cache[0])


@wrong("lab08.cached_attention", draws="cache.changes-its-shape")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, keys, values = attention.heads(x)
    index = int(index)
    keys = keras.ops.concatenate([cache[0][:, :, :index], keys], axis=2)
    values = keras.ops.concatenate([cache[1][:, :, :index], values], axis=2)
    return attend(attention, q, keys, values, past_mask(x, keys, index)), (keys, values)


@wrong("lab08.cached_attention", draws="cache.given-mask-ignored")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, *new = attention.heads(x)
    cache = write_into(cache, new, index)
    return attend(attention, q, *cache, past_mask(x, cache[0], index)), cache


@wrong("lab08.cached_attention", draws="tensor.needs-values")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, *new = attention.heads(x)
    index = int(index)
    cache = write_into(cache, new, index)
    if attention_mask is None:
        attention_mask = past_mask(x, cache[0], index)
    return attend(attention, q, *cache, attention_mask), cache


@wrong("lab08.cached_attention", draws="cache.mask-and-causal")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, *new = attention.heads(x)
    cache = write_into(cache, new, index)
    mask = past_mask(x, cache[0], index)
    if attention_mask is not None:
        mask = keras.ops.logical_and(mask, attention_mask)
    return attend(attention, q, *cache, mask), cache


def through_blocks(model, x, cache, index, masks, normalize_first=None):
    """The blocks as they should be, for mistakes that lie elsewhere."""
    first = model.config.normalize_first if normalize_first is None else normalize_first
    updated = []
    for block, pair, mask in zip(model.blocks, cache, masks, strict=True):

        def attend(y, block=block, pair=pair, mask=mask):
            output, new_pair = cached_attention(block.attention, y, pair, index, mask)
            updated.append(new_pair)
            return output

        x = parts.residual_connection(x, attend, block.attention_norm, first)
        x = parts.residual_connection(x, block.feed_forward, block.feed_forward_norm, first)
    return x, updated


def band_rows(model, size, start, length):
    if model.config.attention_window is None:
        return None
    square = parts.banded_causal_mask(size, model.config.attention_window)
    return keras.ops.slice(square, (start, 0), (length, size))


def every_second(model, band):
    return [band if number % 2 else None for number in range(len(model.blocks))]


def right_masks(model, tokens, cache, index):
    return every_second(model, band_rows(model, cache[0][0].shape[2], index, tokens.shape[1]))


def last_logits(model, x):
    x = x if model.final_norm is None else model.final_norm(x)
    return model.embedding.logits(x)[:, -1]


@wrong("lab08.decode_step", draws="decode.first-token")
def decode_step(model, tokens, cache, index):
    masks = right_masks(model, tokens, cache, index)
    x, cache = through_blocks(model, model.embedding(tokens, start=index), cache, index, masks)
    return last_logits(model, x[:, :1]), cache


@wrong("lab08.decode_step", draws="decode.no-final-norm")
def decode_step(model, tokens, cache, index):
    masks = right_masks(model, tokens, cache, index)
    x, cache = through_blocks(model, model.embedding(tokens, start=index), cache, index, masks)
    return model.embedding.logits(x)[:, -1], cache


@wrong("lab08.decode_step", draws="decode.order-ignored")
def decode_step(model, tokens, cache, index):
    masks = right_masks(model, tokens, cache, index)
    x = model.embedding(tokens, start=index)
    x, cache = through_blocks(model, x, cache, index, masks, normalize_first=True)
    return last_logits(model, x), cache


@wrong("lab08.decode_step", draws="decode.sees-the-future")
def decode_step(model, tokens, cache, index):
    size, length = cache[0][0].shape[2], tokens.shape[1]
    everything = keras.ops.arange(size)[None, :] < index + length
    masks = [keras.ops.tile(everything, (length, 1))] * len(model.blocks)
    x, cache = through_blocks(model, model.embedding(tokens, start=index), cache, index, masks)
    return last_logits(model, x), cache


@wrong("lab08.decode_step", draws="decode.cache-not-returned")
def decode_step(model, tokens, cache, index):
    masks = right_masks(model, tokens, cache, index)
    x, _ = through_blocks(model, model.embedding(tokens, start=index), cache, index, masks)
    return last_logits(model, x), cache


@wrong("lab08.decode_step", draws="decode.position-zero")
def decode_step(model, tokens, cache, index):
    masks = right_masks(model, tokens, cache, index)
    x, cache = through_blocks(model, model.embedding(tokens), cache, index, masks)
    return last_logits(model, x), cache


@wrong("lab08.decode_step", draws="decode.position-late")
def decode_step(model, tokens, cache, index):
    masks = right_masks(model, tokens, cache, index)
    start = index if isinstance(index, int) else index + 1
    x, cache = through_blocks(model, model.embedding(tokens, start=start), cache, index, masks)
    return last_logits(model, x), cache


@wrong("lab08.decode_step", draws="decode.no-memory")
def decode_step(model, tokens, cache, index):
    x, updated = model.embedding(tokens, start=index), []
    for block, pair in zip(model.blocks, cache, strict=True):
        y = block.attention_norm(x)
        updated.append(cached_attention(block.attention, y, pair, index)[1])
        x = block(x)
    return last_logits(model, x), updated


@wrong("lab08.decode_step", draws="decode.band-ignored")
def decode_step(model, tokens, cache, index):
    masks = [None] * len(model.blocks)
    x, cache = through_blocks(model, model.embedding(tokens, start=index), cache, index, masks)
    return last_logits(model, x), cache


@wrong("lab08.decode_step", draws="decode.band-in-wrong-blocks")
def decode_step(model, tokens, cache, index):
    band = band_rows(model, cache[0][0].shape[2], index, tokens.shape[1])
    masks = [None if number % 2 else band for number in range(len(model.blocks))]
    x, cache = through_blocks(model, model.embedding(tokens, start=index), cache, index, masks)
    return last_logits(model, x), cache


@wrong("lab08.decode_step", draws="decode.band-everywhere")
def decode_step(model, tokens, cache, index):
    band = band_rows(model, cache[0][0].shape[2], index, tokens.shape[1])
    masks = [band] * len(model.blocks)
    x, cache = through_blocks(model, model.embedding(tokens, start=index), cache, index, masks)
    return last_logits(model, x), cache


@wrong("lab08.decode_step", draws="decode.band-not-moved")
def decode_step(model, tokens, cache, index):
    masks = every_second(model, band_rows(model, cache[0][0].shape[2], 0, tokens.shape[1]))
    x, cache = through_blocks(model, model.embedding(tokens, start=index), cache, index, masks)
    return last_logits(model, x), cache


@wrong("lab08.decode_step", draws="tensor.needs-values")
def decode_step(model, tokens, cache, index):
    index = int(index)
    masks = right_masks(model, tokens, cache, index)
    x, cache = through_blocks(model, model.embedding(tokens, start=index), cache, index, masks)
    return last_logits(model, x), cache


def filled_right(prompts, filler):
    """Right padding, for mistakes that lie elsewhere."""
    rows = [[int(token) for token in prompt] for prompt in prompts]
    if not rows or not all(rows):
        raise ValueError("a prompt is empty")
    longest = max(map(len, rows))
    return np.array([row + [filler] * (longest - len(row)) for row in rows]), rows


@wrong("lab08.pad_prompts", draws="pad.on-the-left")
def pad_prompts(prompts, filler=0):
    tokens, rows = filled_right(prompts, filler)
    tokens = np.array([[filler] * (tokens.shape[1] - len(row)) + row for row in rows])
    return tokens, np.array([len(row) for row in rows])


@wrong("lab08.pad_prompts", draws="pad.cut-to-the-shortest")
def pad_prompts(prompts, filler=0):
    tokens, rows = filled_right(prompts, filler)
    shortest = min(map(len, rows))
    return tokens[:, :shortest], np.full(len(rows), shortest)


@wrong("lab08.pad_prompts", draws="pad.filler-ignored")
def pad_prompts(prompts, filler=0):
    tokens, rows = filled_right(prompts, 0)
    return tokens, np.array([len(row) for row in rows])


@wrong("lab08.pad_prompts", draws="pad.lengths-of-the-longest")
def pad_prompts(prompts, filler=0):
    tokens, rows = filled_right(prompts, filler)
    return tokens, np.full(len(rows), tokens.shape[1])


@wrong("lab08.pad_prompts", draws="pad.filler-counted")
def pad_prompts(prompts, filler=0):
    tokens, _ = filled_right(prompts, filler)
    return tokens, (tokens != filler).sum(axis=1)


@wrong("lab08.pad_prompts", draws="pad.empty-passes")
def pad_prompts(prompts, filler=0):
    rows = [[int(token) for token in prompt] for prompt in prompts]
    longest = max(map(len, rows), default=0)
    tokens = np.array([row + [filler] * (longest - len(row)) for row in rows])
    return tokens, np.array([len(row) for row in rows])


def need_two(window):
    if window < 2:
        raise ValueError("a window holds at least 2 tokens")


@wrong("lab08.context_start", draws="context.never-moves")
def context_start(place, window):
    need_two(window)
    return 0


@wrong("lab08.context_start", draws="context.moves-by-one")
def context_start(place, window):
    need_two(window)
    return max(0, place + 1 - window)


@wrong("lab08.context_start", draws="context.moves-late")
def context_start(place, window):
    need_two(window)
    start = 0
    while place - start > window:
        start += window // 2
    return start


@wrong("lab08.context_start", draws="context.moves-early")
def context_start(place, window):
    need_two(window)
    start = 0
    while place - start >= window - 1:
        start += window // 2
    return start


@wrong("lab08.context_start", draws="context.rounded-down")
def context_start(place, window):
    need_two(window)
    return max(0, place - window) // (window // 2) * (window // 2)


@wrong("lab08.context_start", draws="context.forgets-everything")
def context_start(place, window):
    need_two(window)
    return place // window * window


@wrong("lab08.context_start", draws="context.bad-window-passes")
def context_start(place, window):
    start = 0
    while place - start >= window:
        start += max(1, window // 2)
    return start


def walk(model, tokens, lengths, first, last, choose, stop=None, **mistakes):
    """The loop in plain Python, for mistakes that lie elsewhere; `mistakes` changes single rules.

    Args:
        choose: function from logits (batch, V) and a place to a token for each row.
        stop: int or None, the stop token.
        mistakes: keep_prompt, keep_stopped, stop_in_prompt: bool; ends: function from the rows
            that have stopped to bool.
    """
    tokens, lengths = np.array(tokens), np.array(lengths)
    if not mistakes.get("keep_prompt", True):
        lengths = np.minimum(lengths, first)
    for place in range(first, last):
        stopped = tokens[:, place - 1] == (-1 if stop is None else stop)
        if not mistakes.get("stop_in_prompt", False):
            stopped &= place > lengths
        if mistakes.get("ends", np.all)(stopped):
            break
        chosen = np.asarray(choose(model(tokens[:, :place])[:, -1], place))
        if mistakes.get("keep_stopped", True):
            chosen = np.where(stopped, stop, chosen) if stop is not None else chosen
        tokens[:, place] = np.where(place < lengths, tokens[:, place], chosen)
    return tokens


def chooser(temperature, seeds, top_k, top_p):
    return lambda logits, place: choose_token(logits, temperature, seeds[place], top_k, top_p)


@wrong("lab08.fill_window", draws="fill.prompt-overwritten")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(temperature, seeds, top_k, top_p)
    return walk(model, tokens, lengths, first, last, choose, stop_token, keep_prompt=False)


@wrong("lab08.fill_window", draws="fill.noise-read-as-prompt")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(temperature, seeds, top_k, top_p)
    longest = max(first, int(np.max(lengths)))
    return walk(model, tokens, lengths, longest, last, choose, stop_token)


@wrong("lab08.fill_window", draws="fill.one-too-many")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(temperature, seeds, top_k, top_p)
    return walk(model, tokens, lengths, first, last + 1, choose, stop_token)


@wrong("lab08.fill_window", draws="fill.repeats-one-token")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    logits, _ = decode_step(model, tokens[:, :first], make_cache(model, tokens.shape[0]), 0)
    choose = chooser(temperature, seeds, top_k, top_p)
    return walk(
        model, tokens, lengths, first, last, lambda _, place: choose(logits, place), stop_token
    )


@wrong("lab08.fill_window", draws="fill.unchanged")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(temperature, seeds, top_k, top_p)
    for place in range(first, last):
        chosen = choose(model(tokens[:, :place])[:, -1], place)
        keras.ops.slice_update(tokens, (0, place), keras.ops.cast(chosen, "int32")[:, None])
    return tokens


@wrong("lab08.fill_window", draws="fill.stop-ignored")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(temperature, seeds, top_k, top_p)
    return walk(model, tokens, lengths, first, last, choose)


@wrong("lab08.fill_window", draws="fill.stop-ignored")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(temperature, seeds, top_k, top_p)
    # A stop token 0 is taken for none.
    return walk(model, tokens, lengths, first, last, choose, stop_token or None)


@wrong("lab08.fill_window", draws="fill.stops-unasked")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(temperature, seeds, top_k, top_p)
    return walk(model, tokens, lengths, first, last, choose, stop_token or 0)


@wrong("lab08.fill_window", draws="fill.stop-in-the-prompt")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(temperature, seeds, top_k, top_p)
    return walk(model, tokens, lengths, first, last, choose, stop_token, stop_in_prompt=True)


@wrong("lab08.fill_window", draws="fill.stop-not-repeated")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(temperature, seeds, top_k, top_p)
    filled = walk(model, tokens, lengths, first, last, choose, stop_token)
    for row, old, length in zip(filled, np.array(tokens), np.array(lengths), strict=True):
        written = row[max(length, 0) : last].tolist()
        if stop_token in written:
            end = max(length, 0) + written.index(stop_token) + 1
            row[end:] = old[end:]
    return filled


@wrong("lab08.fill_window", draws="fill.one-stops-all")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(temperature, seeds, top_k, top_p)
    return walk(model, tokens, lengths, first, last, choose, stop_token, ends=np.any)


@wrong("lab08.fill_window", draws="fill.does-not-end")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(temperature, seeds, top_k, top_p)
    return walk(model, tokens, lengths, first, last, choose, stop_token, ends=lambda _: False)


@wrong("lab08.fill_window", draws="fill.temperature-ignored")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(0.0, seeds, top_k, top_p)
    return walk(model, tokens, lengths, first, last, choose, stop_token)


@wrong("lab08.fill_window", draws="fill.seeds-ignored")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    def choose(logits, place):
        return choose_token(logits, temperature, place, top_k, top_p)

    return walk(model, tokens, lengths, first, last, choose, stop_token)


@wrong("lab08.fill_window", draws="fill.seeds-not-by-place")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    def choose(logits, place):
        return choose_token(logits, temperature, seeds[place - first], top_k, top_p)

    return walk(model, tokens, lengths, first, last, choose, stop_token)


@wrong("lab08.fill_window", draws="fill.other-without-cache")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    # Without the cache it always takes the likeliest token.
    choose = chooser(temperature if use_cache else 0.0, seeds, top_k, top_p)
    return walk(model, tokens, lengths, first, last, choose, stop_token)


@wrong("lab08.fill_window", draws="fill.top-k-ignored")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(temperature, seeds, None, top_p)
    return walk(model, tokens, lengths, first, last, choose, stop_token)


@wrong("lab08.fill_window", draws="fill.top-p-ignored")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    choose = chooser(temperature, seeds, top_k, None)
    return walk(model, tokens, lengths, first, last, choose, stop_token)


@wrong("lab08.fill_window", draws="fill.made-for-one-batch")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    batch, size = tokens.shape

    # The number of rows comes from around the function that is compiled once.
    @compile_once(model, decode_step, use_cache, size, top_k, top_p)
    def fill(tokens, lengths, first, last, seeds, temperature, stop):
        def newest(place, tokens):
            return keras.ops.slice(tokens, (0, place - 1), (batch, 1))

        def goes_on(place, tokens, cache):
            stopped = (newest(place, tokens)[:, 0] == stop) & (place > lengths)
            return (place < last) & ~keras.ops.all(stopped)

        def step(place, tokens, cache):
            if use_cache:
                logits, cache = decode_step(model, newest(place, tokens), cache, place - 1)
            else:
                logits = model(tokens)[:, place - 1]
            chosen = choose_token(logits, temperature, seeds[place], top_k, top_p)
            stopped = (newest(place, tokens)[:, 0] == stop) & (place > lengths)
            chosen = keras.ops.where(stopped, stop, chosen)
            chosen = keras.ops.where(place < lengths, tokens[:, place], chosen)
            return place + 1, keras.ops.slice_update(tokens, (0, place), chosen[:, None]), cache

        cache = (
            decode_step(model, tokens, make_cache(model, batch, size), 0)[1] if use_cache else ()
        )
        return keras.ops.while_loop(goes_on, step, (first, tokens, cache))[1]

    stop = -1 if stop_token is None else stop_token
    whole = [tf.cast(x, tf.int32) for x in (tokens, lengths, first, last, seeds)]
    return fill(*whole, tf.cast(temperature, tf.float32), tf.constant(stop))


def check_input(prompts, new_tokens, temperature, top_k=None, top_p=None):
    if len(prompts) == 0 or min(len(prompt) for prompt in prompts) == 0:
        raise ValueError("no prompt, or an empty one")
    if new_tokens < 0 or temperature < 0 or (top_k or 1) < 1:
        raise ValueError("new_tokens, temperature or top_k are too small")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError("top_p is above 0 and at most 1")


def seeds_of(seed, count):
    return np.random.default_rng(seed).integers(2**31 - 1, size=count)


def written(model, prompts, new_tokens, temperature, seeds, use_cache=True, **choice):
    """The texts as they should be, for mistakes that lie elsewhere; `moved` makes one.

    Args:
        seeds: int array, with a seed for each place and one more window.
        choice: top_k, top_p, stop_token, and moved: bool, whether lengths count from the window.
    """
    moved = choice.pop("moved", True)
    check_input(prompts, new_tokens, temperature, choice.get("top_k"), choice.get("top_p"))
    filler, window = choice.get("stop_token") or 0, model.config.max_sequence_length
    tokens, lengths = pad_prompts(prompts, filler)
    place, end = min(lengths), max(lengths) + new_tokens
    tokens = np.pad(tokens, ((0, 0), (0, new_tokens + window)), constant_values=filler)
    while place < end:
        start = context_start(int(place), window)
        last, view = min(end, start + window), slice(start, start + window)
        tokens[:, view] = fill_window(
            model, tokens[:, view], lengths - start if moved else lengths, int(place - start),
            int(last - start), seeds[view], temperature, use_cache, **choice,
        )  # fmt: skip
        place = last
    return [row[: n + new_tokens] for row, n in zip(tokens, lengths, strict=True)]


def room_for(model, prompts, new_tokens):
    longest = max((len(prompt) for prompt in prompts), default=0)
    return longest + max(new_tokens, 0) + model.config.max_sequence_length


@wrong("lab08.generate", draws="generate.no-prompt")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": stop_token}
    texts = written(model, prompts, new_tokens, temperature, seeds, use_cache, **limits)
    return [text[len(prompt) :] for text, prompt in zip(texts, prompts, strict=True)]


@wrong("lab08.generate", draws="generate.one-too-few")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": stop_token}
    texts = written(model, prompts, new_tokens, temperature, seeds, use_cache, **limits)
    return [text[:-1] for text in texts]


@wrong("lab08.generate", draws="generate.one-too-many")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens + 1))
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": stop_token}
    return written(model, prompts, new_tokens + 1, temperature, seeds, use_cache, **limits)


@wrong("lab08.generate", draws="generate.filling-read-as-prompt")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": stop_token}
    check_input(prompts, new_tokens, temperature, top_k, top_p)
    prompts, _ = pad_prompts(prompts)
    return written(model, prompts, new_tokens, temperature, seeds, use_cache, **limits)


@wrong("lab08.generate", draws="generate.prompt-only")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": stop_token}
    written(model, prompts, new_tokens, temperature, seeds, use_cache, **limits)
    return prompts


@wrong("lab08.generate", draws="generate.window-by-one")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    check_input(prompts, new_tokens, temperature, top_k, top_p)
    texts, window = [[int(t) for t in prompt] for prompt in prompts], model.config
    for text in texts:
        for _ in range(new_tokens):
            seen = np.array([text[-(window.max_sequence_length - 1) :]])
            choice = choose_token(model(seen)[:, -1], temperature, seeds[len(text)], top_k, top_p)
            text.append(int(choice[0]))
    return texts


@wrong("lab08.generate", draws="generate.forgets-everything")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    check_input(prompts, new_tokens, temperature, top_k, top_p)
    texts, window = [[int(t) for t in prompt] for prompt in prompts], model.config
    for text in texts:
        for _ in range(new_tokens):
            start = (len(text) - 1) // window.max_sequence_length * window.max_sequence_length
            seen = np.array([text[start:]])
            choice = choose_token(model(seen)[:, -1], temperature, seeds[len(text)], top_k, top_p)
            text.append(int(choice[0]))
    return texts


@wrong("lab08.generate", draws="generate.lengths-not-moved")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": stop_token}
    return written(model, prompts, new_tokens, temperature, seeds, use_cache, moved=False, **limits)


@wrong("lab08.generate", draws="generate.stop-ignored")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": None}
    return written(model, prompts, new_tokens, temperature, seeds, use_cache, **limits)


@wrong("lab08.generate", draws="generate.stopped-with-zeros")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": stop_token}
    texts = written(model, prompts, new_tokens, temperature, seeds, use_cache, **limits)
    for text, prompt in zip(texts, prompts, strict=True):
        after = text[len(prompt) :].tolist()
        if stop_token in after:
            text[len(prompt) + after.index(stop_token) + 1 :] = 0
    return texts


@wrong("lab08.generate", draws="generate.temperature-ignored")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    check_input(prompts, new_tokens, temperature, top_k, top_p)
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": stop_token}
    return written(model, prompts, new_tokens, 0.0, seeds, use_cache, **limits)


@wrong("lab08.generate", draws="generate.steps-share-noise")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = np.full(room_for(model, prompts, new_tokens), seed)
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": stop_token}
    return written(model, prompts, new_tokens, temperature, seeds, use_cache, **limits)


@wrong("lab08.generate", draws="generate.rows-share-noise")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": stop_token}
    check_input(prompts, new_tokens, temperature, top_k, top_p)
    return [
        written(model, [prompt], new_tokens, temperature, seeds, use_cache, **limits)[0]
        for prompt in prompts
    ]


@wrong("lab08.generate", draws="generate.other-without-cache")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed + use_cache, room_for(model, prompts, new_tokens))
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": stop_token}
    return written(model, prompts, new_tokens, temperature, seeds, use_cache, **limits)


@wrong("lab08.generate", draws="generate.seed-ignored")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(0, room_for(model, prompts, new_tokens))
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": stop_token}
    return written(model, prompts, new_tokens, temperature, seeds, use_cache, **limits)


@wrong("lab08.generate", draws="generate.draws-depend-on-the-length")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    limits = {"top_k": top_k, "top_p": top_p, "stop_token": stop_token}
    # A seed for each step from the end.
    return written(model, prompts, new_tokens, temperature, seeds[::-1], use_cache, **limits)


@wrong("lab08.generate", draws="generate.limits-ignored")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    check_input(prompts, new_tokens, temperature, top_k, top_p)
    limits = {"top_k": None, "top_p": top_p, "stop_token": stop_token}
    return written(model, prompts, new_tokens, temperature, seeds, use_cache, **limits)


@wrong("lab08.generate", draws="generate.limits-ignored")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    check_input(prompts, new_tokens, temperature, top_k, top_p)
    limits = {"top_k": top_k, "top_p": None, "stop_token": stop_token}
    return written(model, prompts, new_tokens, temperature, seeds, use_cache, **limits)


@wrong("lab08.generate", draws="generate.bad-input-passes")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    seeds = seeds_of(seed, room_for(model, prompts, new_tokens))
    limits = {"top_k": top_k, "top_p": top_p and min(1.0, top_p), "stop_token": stop_token}
    return written(model, prompts, new_tokens, abs(temperature), seeds, use_cache, **limits)


def pieces(text, n):
    return [tuple(text[i : i + n]) for i in range(len(text) - n + 1)]


def need_pieces(texts, n):
    if n < 1 or max((len(text) for text in texts), default=0) < n:
        raise ValueError("n is less than 1, or no text is that long")


def share_of_different(found):
    return len(set(found)) / len(found)


@wrong("lab08.distinct_ngrams", draws="distinct.across-texts")
def distinct_ngrams(texts, n):
    need_pieces(texts, n)
    return share_of_different(pieces([token for text in texts for token in text], n))


@wrong("lab08.distinct_ngrams", draws="distinct.mean-of-texts")
def distinct_ngrams(texts, n):
    need_pieces(texts, n)
    return float(np.mean([share_of_different(pieces(t, n)) for t in texts if len(t) >= n]))


@wrong("lab08.distinct_ngrams", draws="distinct.no-overlap")
def distinct_ngrams(texts, n):
    need_pieces(texts, n)
    return share_of_different([piece for text in texts for piece in pieces(text, n)[::n]])


@wrong("lab08.distinct_ngrams", draws="distinct.order-ignored")
def distinct_ngrams(texts, n):
    need_pieces(texts, n)
    return share_of_different([tuple(sorted(p)) for text in texts for p in pieces(text, n)])


@wrong("lab08.distinct_ngrams", draws="distinct.by-tokens")
def distinct_ngrams(texts, n):
    need_pieces(texts, n)
    different = {piece for text in texts for piece in pieces(text, n)}
    return len(different) / sum(len(text) for text in texts)


@wrong("lab08.distinct_ngrams", draws="distinct.number")
def distinct_ngrams(texts, n):
    need_pieces(texts, n)
    return float(len({piece for text in texts for piece in pieces(text, n)}))


@wrong("lab08.distinct_ngrams", draws="distinct.last-piece-left-out")
def distinct_ngrams(texts, n):
    need_pieces(texts, n)
    return share_of_different([piece for text in texts for piece in pieces(text, n)[:-1]])


@wrong("lab08.distinct_ngrams", draws="distinct.repeated-share")
def distinct_ngrams(texts, n):
    need_pieces(texts, n)
    return 1 - share_of_different([piece for text in texts for piece in pieces(text, n)])


@wrong("lab08.distinct_ngrams", draws="distinct.bad-input-passes")
def distinct_ngrams(texts, n):
    found = [piece for text in texts for piece in pieces(text, max(n, 1))]
    return share_of_different(found) if found else 0.0
