"""Known-wrong answers to lab 08, and the misconception that each must draw."""

import keras
import numpy as np
import tensorflow as tf

from gpt_tf import parts


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


def check_input(model, prompt, new_tokens, temperature):
    length = prompt.shape[1]
    if length < 1 or length + new_tokens > model.config.max_sequence_length or temperature < 0:
        raise ValueError("empty prompt, too many tokens for max_sequence_length, or temperature")


def write(model, prompt, new_tokens, temperature, seeds):
    """A right loop, for mistakes that lie elsewhere."""
    check_input(model, prompt, new_tokens, temperature)
    tokens = prompt
    logits, cache = decode_step(model, prompt, make_cache(model, prompt.shape[0]), 0)
    for seed in range(new_tokens):
        newest = sample_token(logits, temperature, seeds[seed])[:, None]
        tokens = keras.ops.concatenate([tokens, newest], axis=1)
        if tokens.shape[1] < prompt.shape[1] + new_tokens:
            logits, cache = decode_step(model, newest, cache, tokens.shape[1] - 1)
    return tokens


def seeds_of(seed, count):
    return [1000 * seed + i for i in range(count)]


@wrong("lab08.generate", draws="generate.no-prompt")
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    tokens = write(model, prompt, new_tokens, temperature, seeds_of(seed, new_tokens))
    return tokens[:, prompt.shape[1] :]


@wrong("lab08.generate", draws="generate.one-too-few")
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    return write(model, prompt, new_tokens, temperature, seeds_of(seed, new_tokens))[:, :-1]


@wrong("lab08.generate", draws="generate.one-too-many")
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    check_input(model, prompt, new_tokens, temperature)
    return write(model, prompt, new_tokens + 1, temperature, seeds_of(seed, new_tokens + 1))


@wrong("lab08.generate", draws="generate.repeats-one-token")
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    check_input(model, prompt, new_tokens, temperature)
    logits, _ = decode_step(model, prompt, make_cache(model, prompt.shape[0]), 0)
    draws = [sample_token(logits, temperature, s) for s in seeds_of(seed, new_tokens)]
    return keras.ops.concatenate([prompt, keras.ops.stack(draws, axis=1)], axis=1)


@wrong("lab08.generate", draws="generate.prompt-only")
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    write(model, prompt, new_tokens, temperature, seeds_of(seed, new_tokens))
    return prompt


@wrong("lab08.generate", draws="generate.temperature-ignored")
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    check_input(model, prompt, new_tokens, temperature)
    return write(model, prompt, new_tokens, 0.0, seeds_of(seed, new_tokens))


@wrong("lab08.generate", draws="generate.steps-share-noise")
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    return write(model, prompt, new_tokens, temperature, [seed] * new_tokens)


@wrong("lab08.generate", draws="generate.rows-share-noise")
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    rows = [
        write(model, prompt[i : i + 1], new_tokens, temperature, seeds_of(seed, new_tokens))
        for i in range(prompt.shape[0])
    ]
    return keras.ops.concatenate(rows, axis=0)


@wrong("lab08.generate", draws="generate.seed-ignored")
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    return write(model, prompt, new_tokens, temperature, seeds_of(0, new_tokens))


@wrong("lab08.generate", draws="generate.bad-input-passes")
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    room = model.config.max_sequence_length - new_tokens
    if prompt.shape[1] == 0:
        prompt = np.zeros((prompt.shape[0], 1), "int32")
    seeds = seeds_of(seed, new_tokens)
    return write(model, prompt[:, -room:], new_tokens, abs(temperature), seeds)


@wrong("lab08.generate", draws="generate.other-draws")
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    if use_cache:
        return write(model, prompt, new_tokens, temperature, seeds_of(seed, new_tokens))
    check_input(model, prompt, new_tokens, temperature)
    # Without the cache it always takes the likeliest token.
    for _ in range(new_tokens):
        newest = keras.ops.argmax(model(prompt)[:, -1:], axis=-1)
        prompt = keras.ops.concatenate([prompt, keras.ops.cast(newest, "int32")], axis=1)
    return prompt
