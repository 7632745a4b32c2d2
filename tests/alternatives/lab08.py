"""Known-right answers to lab 08, written differently."""

import collections

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


@right("lab08.top_k_logits", because="sorting finds the border, too")
def top_k_logits(logits, k):
    if k <= 0:
        raise ValueError(f"k is {k}; at least one token is needed")
    border = keras.ops.sort(logits, axis=-1)[:, -k if k < logits.shape[-1] else 0]
    forbidden = keras.ops.less(logits, border[:, None])
    return logits + keras.ops.where(forbidden, -np.inf, 0.0)


@right("lab08.top_k_logits", because="a token stays if fewer than k are larger than it")
def top_k_logits(logits, k):
    if k < 1:
        raise ValueError("k must be at least 1")
    larger = logits[:, None, :] > logits[:, :, None]
    larger = keras.ops.sum(keras.ops.cast(larger, "int32"), axis=-1)
    return keras.ops.where(larger < k, logits, keras.ops.full_like(logits, -np.inf))


@right("lab08.nucleus_logits", because="each token may ask all others whether they are likelier")
def nucleus_logits(logits, p):
    shares = keras.ops.softmax(logits, axis=-1)
    likelier = keras.ops.cast(logits[:, None, :] > logits[:, :, None], shares.dtype)
    before = keras.ops.sum(likelier * shares[:, None, :], axis=-1)
    stays = keras.ops.logical_or(before < p, keras.ops.greater_equal(p, 1.0))
    return keras.ops.where(stays, logits, -np.inf)


@right("lab08.nucleus_logits", because="the place of the border may be counted, then looked up")
def nucleus_logits(logits, p):
    p = tf.convert_to_tensor(p, logits.dtype)
    best_first = tf.sort(logits, direction="DESCENDING")
    before = tf.cumsum(tf.nn.softmax(best_first), axis=-1, exclusive=True)
    count = tf.reduce_sum(tf.cast(before < p, tf.int32), axis=-1)
    count = tf.where(p < 1, count, logits.shape[-1])
    border = tf.gather(best_first, count - 1, batch_dims=1)[:, None]
    return tf.where(logits >= border, logits, -np.inf)


@right("lab08.choose_token", because="greedy may be decided at the end, by what was asked")
def choose_token(logits, temperature=1.0, seed=0, top_k=None, top_p=None):
    temperature = tf.cast(temperature, tf.float32)
    hot = logits / tf.where(temperature > 0, temperature, 1.0)
    if top_k is not None:
        hot = top_k_logits(hot, top_k)
    if top_p is not None:
        hot = nucleus_logits(hot, top_p)
    drawn = sample_token(hot, 1.0, seed)
    return tf.where(temperature > 0, drawn, tf.argmax(logits, axis=-1, output_type=tf.int32))


@right("lab08.choose_token", because="a nucleus of 1 and all tokens limit nothing")
def choose_token(logits, temperature=1.0, seed=0, top_k=None, top_p=None):
    below = logits - keras.ops.max(logits, axis=-1, keepdims=True)
    below = below / keras.ops.maximum(keras.ops.cast(temperature, "float32"), 1e-8)
    best = top_k_logits(below, logits.shape[-1] if top_k is None else top_k)
    return sample_token(nucleus_logits(best, 1.0 if top_p is None else top_p), 1.0, seed)


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


@right("lab08.pad_prompts", because="lists can be filled up before they become an array")
def pad_prompts(prompts, filler=0):
    rows = [list(np.asarray(prompt)) for prompt in prompts]
    if not rows or any(len(row) == 0 for row in rows):
        raise ValueError("give at least one prompt, and at least one token in each")
    longest = max(len(row) for row in rows)
    filled = [row + [filler] * (longest - len(row)) for row in rows]
    return np.array(filled, "int32"), np.array([len(row) for row in rows], "int32")


@right("lab08.pad_prompts", because="Keras fills up sequences itself")
def pad_prompts(prompts, filler=0):
    rows = [np.asarray(prompt).astype("int32").tolist() for prompt in prompts]
    lengths = np.array(list(map(len, rows)), "int32")
    if not lengths.size or not lengths.all():
        raise ValueError("a prompt is empty")
    filled = keras.utils.pad_sequences(rows, padding="post", value=filler, dtype="int32")
    return filled, lengths


@right("lab08.context_start", because="the window may walk there")
def context_start(place, window):
    if window <= 1:
        raise ValueError("a window of 1 is full with the new token")
    start = 0
    while place >= start + window:
        start += window // 2
    return start


@right("lab08.context_start", because="full halves may be counted from the first that is too many")
def context_start(place, window):
    if window < 2:
        raise ValueError("the window must hold 2 tokens")
    half = window // 2
    return 0 if place < window else half * (1 + (place - window) // half)


@right("lab08.fill_window", because="a plain Python loop is slower, not wrong")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    tokens, lengths = np.array(tokens), np.array(lengths)
    logits, cache = None, make_cache(model, len(tokens))
    over = (lengths < first) & (tokens[:, first - 1] == stop_token)
    for place in range(first, last):
        if np.all(over):
            break
        if not use_cache:
            logits = model(tokens[:, :place])[:, -1]
        elif place == first:
            logits, cache = decode_step(model, tokens[:, :place], cache, 0)
        else:
            logits, cache = decode_step(model, tokens[:, place - 1 : place], cache, place - 1)
        drawn = np.asarray(choose_token(logits, temperature, seeds[place], top_k, top_p))
        for row in range(len(tokens)):
            if place >= lengths[row]:
                tokens[row, place] = stop_token if over[row] else drawn[row]
                over[row] = over[row] or drawn[row] == stop_token
    return tokens


@right("lab08.fill_window", because="the state may say which rows have stopped")
def fill_window(
    model, tokens, lengths, first, last, seeds, temperature=1.0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    tokens, lengths, seeds = (tf.cast(x, tf.int32) for x in (tokens, lengths, seeds))
    stop, size = tf.constant(-1 if stop_token is None else stop_token), tokens.shape[1]
    place_of = tf.range(size)[None]

    @tf.function(autograph=False)
    def run(tokens, place):
        def body(place, tokens, over, cache):
            if use_cache:
                newest = tf.gather(tokens, [place - 1], axis=1)
                newest = tf.ensure_shape(newest, (tokens.shape[0], 1))
                logits, cache = decode_step(model, newest, cache, place - 1)
            else:
                logits = tf.gather(model(tokens), place - 1, axis=1)
            new = choose_token(logits, temperature, seeds[place], top_k, top_p)
            new = tf.where(over, stop, tf.cast(new, tf.int32))
            mine = (place_of == place) & (lengths <= place)[:, None]
            tokens = tf.where(mine, new[:, None], tokens)
            return place + 1, tokens, over | ((new == stop) & (lengths <= place)), cache

        over = (lengths < place) & (tf.gather(tokens, place - 1, axis=1) == stop)
        cache = make_cache(model, tokens.shape[0], size)
        if use_cache:
            cache = decode_step(model, tokens, cache, 0)[1]
        state = place, tokens, over, cache
        return tf.while_loop(
            lambda place, tokens, over, cache: (place < last) & ~tf.reduce_all(over), body, state
        )[1]

    return run(tokens, tf.constant(first)).numpy()


@right("lab08.generate", because="each text may have its own window in a Python loop")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    if new_tokens < 0 or temperature < 0 or (top_k is not None and top_k < 1):
        raise ValueError("new_tokens, temperature or top_k is too small")
    if top_p is not None and (top_p <= 0 or top_p > 1):
        raise ValueError("top_p")
    if len(prompts) == 0 or any(len(prompt) == 0 for prompt in prompts):
        raise ValueError("no prompt, or an empty one")
    window, texts = model.config.max_sequence_length, []
    for number, prompt in enumerate(prompts):
        text = [int(token) for token in prompt]
        for step in range(new_tokens):
            if step and text[-1] == stop_token:
                text.append(stop_token)
                continue
            seen = np.array([text[context_start(len(text), window) :]])
            noise = 1_000_003 * seed + 7919 * number + len(text)
            drawn = choose_token(model(seen)[:, -1], temperature, noise, top_k, top_p)
            text.append(int(drawn[0]))
        texts.append(text)
    return texts


@right("lab08.generate", because="rows may be written one after another, window by window")
def generate(
    model, prompts, new_tokens, temperature=1.0, seed=0, use_cache=True,
    top_k=None, top_p=None, stop_token=None,
):  # fmt: skip
    if not (new_tokens >= 0 and temperature >= 0 and (top_k is None or top_k >= 1)):
        raise ValueError("new_tokens, temperature and top_k")
    if not (top_p is None or 0 < top_p <= 1):
        raise ValueError("top_p")
    pad_prompts(prompts)
    window, texts = model.config.max_sequence_length, []
    for number, prompt in enumerate(prompts):
        text = np.full(len(prompt) + new_tokens + window, stop_token or 0, "int32")
        text[: len(prompt)] = prompt
        seeds = np.random.default_rng([seed, number]).integers(0, 2**31 - 1, len(text))
        place, end = len(prompt), len(prompt) + new_tokens
        while place < end:
            start = context_start(place, window)
            view, last = slice(start, start + window), min(end, start + window)
            text[view] = fill_window(
                model, text[None, view], np.array([len(prompt) - start]), place - start,
                last - start, seeds[view], temperature, use_cache, top_k, top_p, stop_token,
            )[0]  # fmt: skip
            place = last
        texts.append(text[:end])
    return texts


@right("lab08.distinct_ngrams", because="shifted copies of a text give its pieces")
def distinct_ngrams(texts, n):
    if n < 1:
        raise ValueError("n must be at least 1")
    found = [piece for text in texts for piece in zip(*(text[i:] for i in range(n)), strict=False)]
    if len(found) == 0:
        raise ValueError("no text is long enough")
    return len(set(found)) / len(found)


@right("lab08.distinct_ngrams", because="a counter has each piece once, and their sum")
def distinct_ngrams(texts, n):
    counts = collections.Counter()
    for text in texts:
        counts.update(tuple(text[i - n : i]) for i in range(n, len(text) + 1))
    if n < 1 or not counts:
        raise ValueError("n, or the texts, are too small")
    return len(counts) / counts.total()
