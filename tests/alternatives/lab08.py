"""Known-right answers to lab 08, written differently."""

import keras
import numpy as np
import tensorflow as tf

from gpt_tf import parts


@right("lab08.sample_token", because="the largest noisy logit is a draw from the softmax, too")
def sample_token(logits, temperature=1.0, seed=0):
    uniform = tf.random.stateless_uniform(tf.shape(logits), seed=[seed, 0], minval=1e-30)
    noise = -keras.ops.log(-keras.ops.log(uniform))
    return keras.ops.argmax(logits + temperature * noise, axis=-1)


@right("lab08.sample_token", because="TensorFlow draws from logits itself")
def sample_token(logits, temperature=1.0, seed=0):
    sharp = logits / tf.maximum(tf.cast(temperature, tf.float32), 1e-6)
    drawn = tf.random.stateless_categorical(sharp, 1, seed=[seed, 0], dtype=tf.int32)[:, 0]
    greedy = tf.argmax(logits, axis=-1, output_type=tf.int32)
    return tf.where(tf.equal(tf.cast(temperature, tf.float32), 0.0), greedy, drawn)


@right("lab08.make_cache", because="NumPy's zeros are as good, and lists as good as pairs")
def make_cache(model, batch_size, length=None):
    c = model.config
    size = c.max_sequence_length if length is None else length
    zeros = np.zeros((batch_size, c.num_heads, size, c.head_dim), "float32")
    return [[zeros, zeros.copy()] for _ in range(c.num_layers)]


@right("lab08.make_cache", because="one tensor for all blocks has the same pairs in it")
def make_cache(model, batch_size, length=None):
    heads, head_dim = model.config.num_heads, model.config.head_dim
    size = length or model.config.max_sequence_length
    return keras.ops.zeros((len(model.blocks), 2, batch_size, heads, size, head_dim))


@right("lab08.cached_attention", because="rows of the square causal mask, and einsum")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, k, v = attention.heads(x)
    length, size = x.shape[1], cache[0].shape[2]
    keys = keras.ops.slice_update(cache[0], (0, 0, index, 0), k)
    values = keras.ops.slice_update(cache[1], (0, 0, index, 0), v)
    if attention_mask is None:
        attention_mask = keras.ops.slice(parts.causal_mask(size), (index, 0), (length, size))
    scores = keras.ops.einsum("bhtd,bhsd->bhts", q, keys) / q.shape[-1] ** 0.5
    weights = keras.ops.softmax(keras.ops.where(attention_mask, scores, -1e30))
    mixed = keras.ops.einsum("bhts,bhsd->bthd", weights, values)
    batch, _, heads, head_dim = mixed.shape
    mixed = keras.ops.reshape(mixed, (batch, length, heads * head_dim))
    return attention.projection(mixed), (keys, values)


@right("lab08.cached_attention", because="old and new may be told apart by their places")
def cached_attention(attention, x, cache, index, attention_mask=None):
    q, *new = attention.heads(x)
    place = keras.ops.arange(cache[0].shape[2])
    row = keras.ops.clip(place - index, 0, x.shape[1] - 1)
    inside = keras.ops.logical_and(place >= index, place < index + x.shape[1])[:, None]
    keys, values = (
        keras.ops.where(inside, keras.ops.take(fresh, row, axis=2), old)
        for old, fresh in zip(cache, new, strict=True)
    )
    if attention_mask is None:
        attention_mask = place[None, :] - index <= keras.ops.arange(x.shape[1])[:, None]
    attended = parts.scaled_dot_product_attention(q, keys, values, attention_mask)
    return attention.projection(parts.merge_heads(attended)), [keys, values]


@right("lab08.decode_step", because="the wiring may be written out, and all logits computed")
def decode_step(model, tokens, cache, index):
    c, updated = model.config, []
    size = cache[0][0].shape[2]
    distance = index + keras.ops.arange(tokens.shape[1])[:, None] - keras.ops.arange(size)[None]
    dense = distance >= 0
    band = None
    if c.attention_window is not None:
        band = keras.ops.logical_and(dense, distance < c.attention_window)
    x = model.embedding(tokens, start=index)
    for i, (block, pair) in enumerate(zip(model.blocks, cache, strict=True)):
        mask = dense if band is None or i % 2 == 0 else band
        y = block.attention_norm(x) if c.normalize_first else x
        y, pair = cached_attention(block.attention, y, pair, index, mask)
        updated.append(pair)
        x = x + y if c.normalize_first else block.attention_norm(x + y)
        y = block.feed_forward(block.feed_forward_norm(x) if c.normalize_first else x)
        x = x + y if c.normalize_first else block.feed_forward_norm(x + y)
    if c.normalize_first:
        x = model.final_norm(x)
    return model.embedding.logits(x)[:, -1], updated


@right("lab08.decode_step", because="rows of the square masks, taken by the new tokens' positions")
def decode_step(model, tokens, cache, index):
    config, size = model.config, cache[0][0].shape[2]
    position = keras.ops.arange(tokens.shape[1]) + index
    masks = [keras.ops.take(parts.causal_mask(size), position, axis=0)]
    if config.attention_window is not None:
        band = parts.banded_causal_mask(size, config.attention_window)
        masks.append(keras.ops.take(band, position, axis=0))
    x, cache = model.embedding(tokens, start=index), list(cache)

    def keep(y):
        return y

    for i, block in enumerate(model.blocks):
        norms = block.attention_norm, block.feed_forward_norm
        pre, post = (norms, (keep, keep)) if config.normalize_first else ((keep, keep), norms)
        mask = masks[i % len(masks)]
        y, cache[i] = cached_attention(block.attention, pre[0](x), cache[i], index, mask)
        x = post[0](x + y)
        x = post[1](x + block.feed_forward(pre[1](x)))
    last = (model.final_norm or keep)(x[:, -1])
    return keras.ops.matmul(last, keras.ops.transpose(model.embedding.token_embeddings)), cache


@right("lab08.generate", because="a plain Python loop is slower, not wrong")
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    prompt = np.asarray(prompt)
    batch, length = prompt.shape
    if not 0 < length <= model.config.max_sequence_length - new_tokens or temperature < 0:
        raise ValueError("max_sequence_length, an empty prompt, or a negative temperature")
    tokens, cache = prompt, make_cache(model, batch)
    for step in range(new_tokens):
        if not use_cache:
            logits = model(tokens)[:, -1]
        elif step == 0:
            logits, cache = decode_step(model, tokens, cache, 0)
        else:
            logits, cache = decode_step(model, tokens[:, -1:], cache, tokens.shape[1] - 1)
        drawn = np.asarray(sample_token(logits, temperature, 7919 * seed + step))
        tokens = np.concatenate([tokens, drawn[:, None]], axis=1)
    return tokens


@right("lab08.generate", because="one step may be compiled in place of the loop")
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    batch, length = prompt.shape
    end = length + new_tokens
    if length < 1 or end > model.config.max_sequence_length or temperature < 0:
        raise ValueError("max_sequence_length, an empty prompt, or a negative temperature")

    @tf.function(autograph=False)
    def step(tokens, cache, index, seed):
        logits, cache = decode_step(model, tokens, cache, index)
        return sample_token(logits, temperature, seed)[:, None], cache

    draws = np.random.default_rng(seed).integers(0, 2**31 - 1, size=new_tokens)
    found, newest, cache = [prompt], prompt, make_cache(model, batch, end)
    for i, draw in enumerate(draws.astype("int32")):
        index = 0 if i == 0 else length + i - 1
        newest, cache = step(newest, cache, tf.constant(index), tf.constant(draw))
        found.append(newest)
    return np.concatenate(found, axis=1)
