# %% [markdown]
# # Lab 08 · Generation
#
# Your model gives a probability for each next token. To write text, you draw one, append it, and
# ask again. GPT-2 and GPT-3 did all they are known for in this way: a prompt goes in, and the
# model goes on.
#
# Asked naively, the model reads the whole text again for every token. But the keys and values of
# the past never change: no position sees its future, so nothing that comes later can alter them.
# You compute them once and keep them. This is the **key-value cache**, and every GPT in use has
# one.
#
# You build it here, and you measure what it saves.

# %%
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from gpt_tf import corpora, parts, training
from gpt_tf.compiling import compile_once
from gpt_tf.config import PAPER, GPTConfig

# %% [markdown]
# ## 8.1 From logits to a token
#
# The most likely token is not always the best one: a model that always takes it soon repeats
# itself. So you draw. The **temperature** says how boldly: the logits are divided by it before the
# softmax. Below 1 the likely tokens get even likelier, above 1 the rare ones get their chance, and
# towards 0 only the most likely one is left.
#
# To draw, lay the probabilities side by side: they fill a line of length 1. Throw a dart at it. The
# token whose piece it hits is your draw. In code: a running sum of the probabilities, one random
# number for each row, and a count of the sums that lie at or below it.
#
# Two things to take care of:
#
# * A temperature of 0 must not divide by 0. Subtract the largest logit first, so that it stands at
#   0 and all others below. Divide by a tiny number then, and only the largest one is left.
# * Later a compiled loop calls your function, with a seed that is a tensor. `keras.random` wants a
#   plain number; `tf.random.stateless_uniform(shape, seed=[seed, 0])` takes both.


# %% exercise="lab08.sample_token" points=3 minutes=15 difficulty=2
def sample_token(logits, temperature=1.0, seed=0):
    """Draws a token from softmax(logits / temperature) for each row.

    Args:
        logits: float tensor of shape (batch, V).
        temperature: float, or float tensor of shape (), at least 0; 0 takes the largest logit.
        seed: int, or int tensor of shape (); the same seed gives the same draw.

    Returns:
        int32 tensor of shape (batch,): one token id a row, each row drawn on its own.

    Example:
        >>> sample_token(keras.ops.convert_to_tensor([[0.0, 3.0, 1.0]]), temperature=0)
        [1]
    """
    ### BEGIN SOLUTION
    logits = keras.ops.cast(logits, "float32")
    below_best = logits - keras.ops.max(logits, axis=-1, keepdims=True)
    line = keras.ops.cumsum(
        keras.ops.exp(below_best / keras.ops.maximum(temperature, 1e-9)), axis=-1
    )
    dart = tf.random.stateless_uniform((logits.shape[0], 1), seed=[seed, 0]) * line[:, -1:]
    return keras.ops.sum(keras.ops.cast(line <= dart, "int32"), axis=-1)
    ### END SOLUTION


# %%
check("lab08.sample_token")

# %% [markdown]
# ## 8.2 An empty cache
#
# Each block has keys and values of its own, so the cache has two tensors for each block. They are
# made at full length from the start: compiled code wants tensors whose shape does not change. The
# places that are not filled yet hold zeros, and nobody looks at them.


# %% exercise="lab08.make_cache" points=2 minutes=5 difficulty=1
def make_cache(model, batch_size, length=None):
    """Makes an empty key-value cache for a model.

    Args:
        model: `parts.GPT`; its `config` knows all sizes.
        batch_size: int, number of texts.
        length: int or None, number of positions S that the cache has room for; the model's
            max_sequence_length if None.

    Returns:
        List with one pair (keys, values) for each block, both float tensors of zeros of shape
        (batch_size, num_heads, S, head_dim).

    Example:
        >>> cache = make_cache(model, batch_size=2)
        >>> len(cache) == model.config.num_layers
        True
    """
    ### BEGIN SOLUTION
    config = model.config
    shape = (batch_size, config.num_heads, length or config.max_sequence_length, config.head_dim)
    dtype = model.compute_dtype
    return [
        (keras.ops.zeros(shape, dtype), keras.ops.zeros(shape, dtype))
        for _ in range(config.num_layers)
    ]
    ### END SOLUTION


# %%
check("lab08.make_cache")

# %% [markdown]
# ## 8.3 Attention that remembers
#
# Now attention gets the new tokens only. It makes their queries, keys and values, writes the keys
# and values into the cache at their places, and lets the new queries look at everything in the
# cache.
#
# Everything? Not quite. The new token number i stands at position `index` + i. It sees positions 0
# to `index` + i, and nothing after: neither the later ones of the new tokens, nor the places that
# are not filled yet.
#
# `keras.ops.slice_update(tensor, start, update)` returns a tensor with a part replaced. All that
# attention itself needs you have from lab 04: `attention.heads`, `attention.projection`,
# `parts.scaled_dot_product_attention` and `parts.merge_heads`.


# %% exercise="lab08.cached_attention" points=5 minutes=25 difficulty=3
def cached_attention(attention, x, cache, index, attention_mask=None):
    """Attends from new positions to all positions so far, and adds the new ones to the cache.

    Args:
        attention: `parts.CausalSelfAttention`.
        x: float tensor of shape (batch, T, hidden_dim), the T new positions.
        cache: pair (keys, values), float tensors of shape (batch, num_heads, S, head_dim), filled
            up to position index - 1. What stands at `index` and after it is not to be used.
        index: int, or int tensor of shape (), position of the first new token.
        attention_mask: boolean tensor of shape (T, S), True where a new position may look; None
            lets each see its past and itself.

    Returns:
        (output, cache): float tensor of shape (batch, T, hidden_dim), and the pair (keys, values)
        with the new positions filled in at index to index + T - 1.

    Example:
        >>> attention = parts.CausalSelfAttention(num_heads=3, head_dim=4)
        >>> cache = (keras.ops.zeros((2, 3, 16, 4)), keras.ops.zeros((2, 3, 16, 4)))
        >>> output, cache = cached_attention(attention, keras.ops.ones((2, 1, 12)), cache, index=0)
        >>> output.shape
        (2, 1, 12)
    """
    ### BEGIN SOLUTION
    q, new_keys, new_values = attention.heads(x)
    keys = keras.ops.slice_update(cache[0], (0, 0, index, 0), new_keys)
    values = keras.ops.slice_update(cache[1], (0, 0, index, 0), new_values)
    if attention_mask is None:
        own_position = index + keras.ops.arange(x.shape[1])
        attention_mask = keras.ops.arange(keys.shape[2])[None, :] <= own_position[:, None]
    attended = parts.scaled_dot_product_attention(q, keys, values, attention_mask)
    return attention.projection(parts.merge_heads(attended)), (keys, values)
    ### END SOLUTION


# %%
check("lab08.cached_attention")

# %% [markdown]
# ## 8.4 One step through the whole model
#
# A step takes new tokens through embedding, blocks and output layer. It works for the whole prompt
# at once (this is called **prefill**) and later for one token at a time.
#
# Only attention looks at other positions, so only attention needs the cache. All else is as in the
# block of lab 05, and `parts.residual_connection` wires it: give it a function that calls your
# `cached_attention` in place of the block's attention.
#
# Three things to take care of:
#
# * The embedding must know where the new tokens stand: `model.embedding(tokens, start=index)`.
# * Only the last position predicts something new, so only its logits are computed.
# * GPT-3's blocks 1, 3, 5, ... see a band (lab 06). Their masks are rows `index` and following of
#   the square mask. `keras.ops.slice` cuts them out, even where `index` is a tensor.


# %% exercise="lab08.decode_step" points=6 minutes=30 difficulty=3
def decode_step(model, tokens, cache, index):
    """Takes new tokens through the model, with the past in the cache.

    Args:
        model: `parts.GPT`, in the pre-norm or the post-norm form, dense or banded.
        tokens: int tensor of shape (batch, T), the new tokens.
        cache: list of pairs (keys, values), as `make_cache` makes it, filled up to index - 1.
        index: int, or int tensor of shape (), position of the first new token.

    Returns:
        (logits, cache): float tensor of shape (batch, V), what the last of the new tokens
        predicts, and the cache with the new tokens in it.

    Example:
        >>> tokens = keras.ops.ones((2, 5), "int32")
        >>> logits, cache = decode_step(model, tokens, make_cache(model, 2), index=0)
        >>> logits, cache = decode_step(model, tokens[:, :1], cache, index=5)
    """
    ### BEGIN SOLUTION
    config, length, size = model.config, tokens.shape[1], cache[0][0].shape[2]
    band = None
    if config.attention_window is not None:
        square = parts.banded_causal_mask(size, config.attention_window)
        band = keras.ops.slice(square, (index, 0), (length, size))
    x = model.embedding(tokens, start=index)
    updated = []
    for number, block in enumerate(model.blocks):

        def attend(y, block=block, number=number):
            mask = band if number % 2 else None
            output, pair = cached_attention(block.attention, y, cache[number], index, mask)
            updated.append(pair)
            return output

        first = config.normalize_first
        x = parts.residual_connection(x, attend, block.attention_norm, first)
        x = parts.residual_connection(x, block.feed_forward, block.feed_forward_norm, first)
    x = x[:, -1:]
    if model.final_norm is not None:
        x = model.final_norm(x)
    return model.embedding.logits(x)[:, 0], updated
    ### END SOLUTION


# %%
check("lab08.decode_step")

# %% [markdown]
# ## 8.5 Writing
#
# The loop is short: a step, a draw, the next step with the token that was drawn. Two things make
# it fast.
#
# **The whole loop is compiled.** A Python loop hands over one token at a time and waits each time.
# `keras.ops.fori_loop(first, end, body, state)` runs inside compiled code. What it carries along
# (`state`) keeps its shape, so the tokens stand in a tensor that is long enough from the start.
#
# **It is compiled once.** Compiling takes seconds. `compile_once(model, *uses)` from the course is
# a decorator for a function inside your function: it finds the compiled one again at the next
# call. All that changes from call to call must come in as an argument: prompt, lengths,
# temperature, seeds. What never changes for the same `uses` may come from around it.
#
# A prompt of 5 tokens and one of 6 have two shapes, and a new shape compiles anew. So fill prompts
# up to 8, 16, 32, ... tokens. What you filled in does no harm: the loop begins at the last real
# token, and each step writes its keys and values over the filling before anybody may look at it.
#
# Each step needs noise of its own. Draw a seed for each step before the loop begins.


# %% exercise="lab08.generate" points=6 minutes=40 difficulty=3
def generate(model, prompt, new_tokens, temperature=1.0, seed=0, use_cache=True):
    """Writes on from a prompt, token by token.

    Args:
        model: `parts.GPT`.
        prompt: int array or tensor of shape (batch, T), with T of at least 1.
        new_tokens: int, how many tokens to write; T + new_tokens may be at most the model's
            max_sequence_length.
        temperature: float, at least 0, as in `sample_token`.
        seed: int, decides all draws.
        use_cache: bool, False takes the whole text through the model for each token. The tokens
            are the same, it only takes longer.

    Returns:
        int32 NumPy array of shape (batch, T + new_tokens): the prompt and what follows.

    Raises:
        ValueError: the prompt is empty, prompt and new tokens do not fit into the model's
            max_sequence_length, or the temperature is negative.

    Example:
        >>> generate(model, np.array([[1, 2, 3]]), new_tokens=5, temperature=0).shape
        (1, 8)
    """
    ### BEGIN SOLUTION
    prompt = keras.ops.convert_to_numpy(prompt).astype("int32")
    batch, length = prompt.shape
    end, window = length + new_tokens, model.config.max_sequence_length
    if length == 0:
        raise ValueError("The prompt is empty; give at least one token, such as the delimiter.")
    if end > window:
        raise ValueError(
            f"{length} tokens of prompt and {new_tokens} new ones are {end}, but "
            f"max_sequence_length is {window}; shorten the prompt or write less."
        )
    if temperature < 0:
        raise ValueError(f"The temperature must be at least 0, not {temperature}.")
    # Rounded up to powers of two, so that nearby lengths share one compiled function.
    room, size = (min(window, 1 << (n - 1).bit_length()) for n in (length, end))

    @compile_once(model, decode_step, sample_token, use_cache, size)
    def write(prompt, length, end, temperature, seeds):
        def step(index, state):
            tokens, cache = state
            if use_cache:
                newest = keras.ops.slice(tokens, (0, index), (tokens.shape[0], 1))
                logits, cache = decode_step(model, newest, cache, index)
            else:
                logits = keras.ops.take(model(tokens, training=False), index, axis=1)
            chosen = sample_token(logits, temperature, keras.ops.take(seeds, index))[:, None]
            return keras.ops.slice_update(tokens, (0, index + 1), chosen), cache

        batch, room = prompt.shape
        tokens = keras.ops.pad(prompt, ((0, 0), (0, size - room)))
        cache = ()
        if use_cache:
            _, cache = decode_step(model, prompt, make_cache(model, batch, size), 0)
        return keras.ops.fori_loop(length - 1, end - 1, step, (tokens, cache))[0]

    seeds = keras.random.randint((size,), 0, 2**31 - 1, seed=seed)
    arguments = (np.pad(prompt, ((0, 0), (0, room - length))), length, end, np.float32(temperature))
    tokens = write(*map(keras.ops.convert_to_tensor, arguments), seeds)
    return keras.ops.convert_to_numpy(tokens)[:, :end]
    ### END SOLUTION


# %%
check("lab08.generate")

# %% [markdown]
# ## 8.6 A model that writes
#
# To see it at work you need a model that has read something. You train a small one for a short
# while, as in lab 07, with bytes as tokens.

# %%
DELIMITER, LENGTH = 256, 128


def read(split, documents):
    """Returns the packed bytes of the first `documents` documents of a split."""
    texts = corpora.docstrings(split)[:documents]
    return parts.pack_documents([list(t.encode("utf-8")) for t in texts], LENGTH, DELIMITER)


keras.utils.set_random_seed(8)
config = GPTConfig(
    DELIMITER + 1,
    LENGTH,
    num_layers=2 if short() else 4,
    num_heads=4,
    hidden_dim=32 if short() else 128,
)
steps = 20 if short() else 300
recipe = training.Recipe(steps=steps, peak_rate=2e-3, warmup_steps=steps // 10)
model = parts.GPT(config)
history = training.pretrain(
    model, read("train", 8000), read("validation", 200), recipe, label="bytes", validations=2
)
print(f"validation loss {history['validation_loss'][-1]:.3f} nats a byte")

# %% [markdown]
# The same prompt at four temperatures. Temperature 0 gives the same text each time you run it.
#
# Look for two things. Where does the model begin to repeat itself? And where does it begin to
# invent words?

# %%
PROMPT = "Returns the "
prompt = np.array([list(PROMPT.encode("utf-8"))])
texts = {}
for temperature in (0.0, 0.5, 1.0, 1.5):
    written = generate(model, prompt, LENGTH - len(PROMPT), temperature, seed=1)[0]
    texts[temperature] = written
    text = bytes(min(t, 255) if t != DELIMITER else 10 for t in written.tolist())
    print(f"--- temperature {temperature}\n{text.decode('utf-8', 'replace')}")

# %% [markdown]
# A model of this size, trained for so short a time, writes words and some phrases. It does not
# write sense. What changes with the temperature shows all the same. Here it is as a number: the
# share of different four-byte pieces among all of them. A text that repeats itself has few.

# %%
for temperature, written in texts.items():
    pieces = [tuple(written[i : i + 4]) for i in range(len(written) - 3)]
    share = len(set(pieces)) / len(pieces)
    print(f"temperature {temperature}: {share:.0%} of the four-byte pieces are different ones")

# %% [markdown]
# ## 8.7 What the cache saves
#
# How long does one more token take when the text so far has t tokens?
#
# * Without the cache, the model takes all t tokens through all its blocks.
# * With the cache, it takes one token through, and only attention looks back.
#
# For speed it does not matter what a model has learned, so this one is larger and untrained. The
# two ways take turns, and each takes its fastest time, so that other work on your computer
# disturbs them alike. Times depend on your computer, so they are shown as multiples of the fastest
# one.

# %%
window = 64 if short() else 512
large = parts.GPT(
    GPTConfig(512, window, num_layers=1 if short() else 2, num_heads=4, hidden_dim=256)
)
some_tokens = np.random.default_rng(8).integers(0, 512, size=(1, window)).astype("int32")
large(some_tokens)


@compile_once(large)
def without_cache(tokens):
    return large(tokens)[:, -1]


@compile_once(large)
def with_cache(token, cache, index):
    return decode_step(large, token, cache, index)


def seconds(function, *arguments):
    """Returns how long one call takes, until its result is there."""
    begin = time.perf_counter()
    keras.ops.convert_to_numpy(keras.tree.flatten(function(*arguments))[0])
    return time.perf_counter() - begin


lengths = [n for n in (16, 32, 64, 128, 256, 512) if n <= window]
cache = make_cache(large, 1)
calls = {}
for n in lengths:
    calls["without", n] = (without_cache, keras.ops.convert_to_tensor(some_tokens[:, :n]))
    token = keras.ops.convert_to_tensor(some_tokens[:, n - 1 : n])
    calls["with", n] = (with_cache, token, cache, keras.ops.convert_to_tensor(n - 1))
times = {name: [] for name in calls}
for _ in range(3 if short() else 12):
    for name, call in calls.items():
        times[name].append(seconds(*call))
fastest = {name: min(found[1:]) for name, found in times.items()}

# %%
unit = min(fastest.values())
figure, axis = plt.subplots(figsize=(7, 4))
for way in ("without", "with"):
    axis.plot(lengths, [fastest[way, n] / unit for n in lengths], "o-", label=f"{way} cache")
axis.set_xscale("log", base=2)
axis.set_yscale("log", base=2)
axis.set_xlabel("length of the text so far (tokens)")
axis.set_ylabel("time for one more token\n(multiples of the fastest)")
axis.set_title("One more token, with and without the cache")
axis.legend()
plt.show()
for n in lengths:
    print(f"{n:4d} tokens: {fastest['without', n] / fastest['with', n]:5.1f} times faster with it")

# %% [markdown]
# Now whole texts through your `generate`, both ways, short and long. The first call of each
# compiles and does not count.

# %%
for count in [n - 16 for n in (32, 64, 128) if n <= window]:
    ways = {True: [], False: []}
    for _ in range(2 if short() else 4):
        for use_cache, found in ways.items():
            arguments = (large, some_tokens[:, :16], count, 0.0, 0, use_cache)
            found.append(seconds(generate, *arguments))
    ratio = min(ways[False][1:]) / min(ways[True][1:])
    print(f"{count:4d} new tokens after a prompt of 16: {ratio:.1f} times faster with the cache")

# %% [markdown]
# Without the cache, the time for one token grows with the text. For a whole text that adds up to
# its square, or more. With the cache, a token takes nearly the same time everywhere: most of it
# goes into reading the weights, and they are as many as before. So the longer the text, the more
# the cache saves.
#
# The cache is not free. It holds two vectors for each position, block and text. For the largest
# GPT-3 that is a lot:

# %%
gpt3 = PAPER["gpt3-175b"]
numbers = 2 * gpt3.num_layers * gpt3.num_heads * gpt3.head_dim * gpt3.max_sequence_length
print(f"GPT-3 175B, one text of {gpt3.max_sequence_length} tokens, 16-bit numbers: ", end="")
print(f"{2 * numbers / 2**30:.1f} GiB of keys and values")

# %% [markdown]
# ## 8.8 Questions
#
# 1. Why can you cache keys and values, but not in a model such as BERT, whose positions see their
#    future as well?
# 2. Your cache does not help while the prompt itself is read. Why not? And why is reading a prompt
#    of 100 tokens so much faster than writing 100 tokens?
# 3. A banded block sees the latest W positions only. How small could its cache be, and what would
#    you have to change?
#
# ## What you know now
#
# * A temperature trades repetition against invention; at 0, the draw is greedy.
# * Keys and values of the past never change, so they are computed once.
# * The same step serves prompt and single tokens; only the mask and the position depend on where
#   the new tokens stand.
# * A loop is fast when it is compiled as a whole, once.
