# %% [markdown]
# # Lab 08 · Generation
#
# GPT-2 and GPT-3 are known for what they write. It looks as if they wrote a text in one piece. They
# do not. A model does one thing only: it gives a probability for each token that may come next. To
# write, you choose one, append it, and ask again.
#
# So two questions decide what comes out, and how fast. **How do you choose?** The most likely token
# each time, a draw, a draw among the best few? And **what do you compute again** for each token?
# Asked naively, the model reads the whole text again every time. You stop that with a **key-value
# cache**, and every GPT in use has one.
#
# You build both, you let a trained model write, and you measure what each way of choosing does to
# the text and what the cache saves.

# %%
import os
import statistics
import textwrap
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from gpt_tf import corpora, parts, presets
from gpt_tf.compiling import compile_once, count_traces, rounded_up
from gpt_tf.config import PAPER, GPTConfig
from gpt_tf.job import END

# %% [markdown]
# ## 8.1 One token at a time
#
# Here is a model that has read something already: the course's own, `"nano-en"`. If you saved one
# in lab 07, write `PRESET = "mine"`, and this lab runs on yours.
#
# Look at what it gives you. Each line is one question to the model: the text so far, and the five
# likeliest tokens with their probabilities. Then the likeliest one is appended, and the model is
# asked again. That is all that writing is.

# %%
PRESET = "nano-en"
model, tokenizer = presets.load(PRESET)
tokens = tokenizer.encode("There was a")
for _ in range(6):
    probabilities = np.asarray(keras.ops.softmax(model(np.array([tokens]))[0, -1]))
    best = np.argsort(-probabilities)[:5]
    shown = ", ".join(f"{tokenizer.decode([int(i)])!r} {probabilities[i]:.0%}" for i in best)
    print(f"{tokenizer.decode(tokens)!r} -> {shown}")
    tokens.append(int(best[0]))

# %% [markdown]
# ## 8.2 From logits to a token
#
# The most likely token is not always the best one: a model that always takes it soon repeats
# itself. So you draw. The **temperature** says how boldly: the logits are divided by it before the
# softmax. Below 1 the likely tokens get even likelier, above 1 the rare ones get their chance, and
# towards 0 only the most likely one is left. That is called **greedy**.
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
# ## 8.3 Only the best k
#
# A vocabulary has thousands of tokens, and most of them make no sense at a given place. Each one is
# very unlikely. But there are so many that a plain draw hits one of them every few words, and the
# model goes on from the nonsense as if it were meant.
#
# **Top-k** cuts this tail off: only the k likeliest tokens may be drawn. GPT-2 wrote its summaries
# with k = 2 (GPT-2, section 3.6).
#
# To forbid a token, set its logit to minus infinity, as in lab 04: the softmax gives it exactly 0.
# The rest are drawn as before, and their probabilities sum to 1 again by themselves.
#
# Equal logits are treated alike. If several stand at the border, all of them stay.
#
# `keras.ops.top_k(logits, k)` returns the k largest ones, the largest first, and where they are.


# %% exercise="lab08.top_k_logits" points=2 minutes=10 difficulty=1
def top_k_logits(logits, k):
    """Forbids all but the k likeliest tokens.

    Args:
        logits: float tensor of shape (batch, V).
        k: int, how many tokens stay in each row; all of them where k is larger than V.

    Returns:
        Float tensor of shape (batch, V): the logits, with minus infinity in place of each one that
        is smaller than the k-th largest of its row. Tokens equal to the k-th largest all stay.

    Raises:
        ValueError: k is less than 1.

    Example:
        >>> top_k_logits(keras.ops.convert_to_tensor([[0.0, 3.0, 1.0]]), k=2)
        [[-inf, 3.0, 1.0]]
    """
    ### BEGIN SOLUTION
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}: one token has to be left.")
    best = keras.ops.top_k(logits, min(k, logits.shape[-1]))[0]
    return keras.ops.where(logits < best[:, -1:], float("-inf"), logits)
    ### END SOLUTION


# %%
check("lab08.top_k_logits")

# %% [markdown]
# ## 8.4 The nucleus
#
# How large should k be? After *New* a handful of tokens are likely; after *the* there are
# thousands. One k is too many here and too few there.
#
# **Nucleus sampling**, or top-p, asks for probability in place of a number: keep the likeliest
# tokens until together they have the probability p, and forbid the rest (Holtzman et al. 2020, "The
# Curious Case of Neural Text Degeneration", section 3.1). Where the model is sure, one token stays.
# Where it is not, hundreds do.
#
# Put as a rule for one token: it stays if all tokens that are **likelier** than it have less than p
# together. The best one always stays then, since nothing is likelier. And equal ones stay or go
# together.
#
# In code: sort the logits, the largest first. Take the running sum of their probabilities, without
# the token itself. Find the smallest logit that stays, and forbid what is below.
#
# Two things to take care of:
#
# * p = 1 must keep everything. A running sum of thousands of rounded numbers may reach 1 too early,
#   so say it expressly.
# * p may be a tensor, too: no `if` on it. `keras.ops.where` and `keras.ops.logical_or` decide
#   without one.


# %% exercise="lab08.nucleus_logits" points=4 minutes=20 difficulty=3
def nucleus_logits(logits, p):
    """Forbids all but the likeliest tokens that together have probability p (top-p).

    Args:
        logits: float tensor of shape (batch, V).
        p: float, or float tensor of shape (), above 0 and at most 1.

    Returns:
        Float tensor of shape (batch, V): the logits, with minus infinity in place of each token for
        which the likelier ones have p or more together. The likeliest one always stays, p = 1 keeps
        all, and equal logits stay or go together.

    Example:
        >>> logits = keras.ops.log(keras.ops.convert_to_tensor([[0.1, 0.6, 0.3]]))
        >>> nucleus_logits(logits, p=0.7)
        [[-inf, -0.51, -1.2]]
    """
    ### BEGIN SOLUTION
    best_first = keras.ops.flip(keras.ops.sort(logits, axis=-1), axis=-1)
    probabilities = keras.ops.softmax(best_first, axis=-1)
    likelier = keras.ops.cumsum(probabilities, axis=-1) - probabilities
    stays = keras.ops.logical_or(likelier < p, p >= 1)
    smallest = keras.ops.min(
        keras.ops.where(stays, best_first, float("inf")), axis=-1, keepdims=True
    )
    return keras.ops.where(logits < smallest, float("-inf"), logits)
    ### END SOLUTION


# %%
check("lab08.nucleus_logits")

# %% [markdown]
# ## 8.5 One choice
#
# Now put the three together. Their order matters: the temperature comes first, because it decides
# how likely each token is. Then top-k, then the nucleus of what top-k left, then the draw.
#
# Mind temperature 0 again: the nucleus and the draw must see one token that has everything. Your
# way from 8.2 does it: the largest logit at 0, the others below, divided by a tiny number.


# %% exercise="lab08.choose_token" points=2 minutes=10 difficulty=2
def choose_token(logits, temperature=1.0, seed=0, top_k=None, top_p=None):
    """Chooses the next token of each row: greedy, by temperature, top-k, nucleus, or all of them.

    Args:
        logits: float tensor of shape (batch, V).
        temperature: float, or float tensor of shape (), at least 0; 0 takes the largest logit.
        seed: int, or int tensor of shape ().
        top_k: int or None, how many tokens may be drawn; None allows all.
        top_p: float, float tensor of shape (), or None: the probability of the nucleus, at this
            temperature and of the tokens that top_k left. None allows all.

    Returns:
        int32 tensor of shape (batch,): one token id a row.

    Raises:
        ValueError: top_k is less than 1.

    Example:
        >>> choose_token(keras.ops.convert_to_tensor([[0.0, 3.0, 1.0]]), temperature=2.0, top_k=1)
        [1]
    """
    ### BEGIN SOLUTION
    logits = keras.ops.cast(logits, "float32")
    logits = logits - keras.ops.max(logits, axis=-1, keepdims=True)
    logits = logits / keras.ops.maximum(temperature, 1e-9)
    if top_k is not None:
        logits = top_k_logits(logits, top_k)
    if top_p is not None:
        logits = nucleus_logits(logits, top_p)
    return sample_token(logits, seed=seed)
    ### END SOLUTION


# %%
check("lab08.choose_token")

# %% [markdown]
# ## 8.6 An empty cache
#
# Now to speed. Asked naively, the model reads the whole text again for each token. But the keys and
# values of the past never change: no position sees its future, so nothing that comes later can
# alter them. You compute them once and keep them. This is the **key-value cache**.
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
# ## 8.7 Attention that remembers
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
# ## 8.8 One step through the whole model
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
# ## 8.9 Prompts of different lengths
#
# A computer that takes one text through the model can often take sixteen in nearly the same time.
# So you write several texts at once. Their prompts have different lengths, and a tensor has one:
# the short ones have to be filled up.
#
# On which side? Positions decide it. In front, filling would move the prompt to other positions,
# with other vectors, and it would have to be hidden from attention. Behind, the prompt stands where
# it would stand alone, and the causal mask hides the filling anyway: nobody looks ahead.
#
# So fill on the right, and remember how long each prompt is. Do not try to find it out later by
# looking for the filling: it is a token like any other, and a prompt may have it.


# %% exercise="lab08.pad_prompts" points=2 minutes=10 difficulty=1
def pad_prompts(prompts, filler=0):
    """Puts prompts of different lengths into one array, filled up on the right.

    Args:
        prompts: list of lists of int (or an int array of shape (batch, T)), one prompt a row.
        filler: int, the token to fill up with.

    Returns:
        (tokens, lengths): int32 NumPy array of shape (batch, T) with T the longest prompt's length,
        and int32 NumPy array of shape (batch,), the number of tokens of each prompt.

    Raises:
        ValueError: there is no prompt, or one is empty.

    Example:
        >>> pad_prompts([[5, 6, 7], [8]])
        (array([[5, 6, 7], [8, 0, 0]]), array([3, 1]))
    """
    ### BEGIN SOLUTION
    rows = [np.asarray(prompt, "int32") for prompt in prompts]
    lengths = np.array([len(row) for row in rows], "int32")
    if len(rows) == 0 or lengths.min() == 0:
        raise ValueError("A prompt is empty: give at least one token, such as <|endoftext|>.")
    tokens = np.full((len(rows), lengths.max()), filler, "int32")
    for number, row in enumerate(rows):
        tokens[number, : len(row)] = row
    return tokens, lengths
    ### END SOLUTION


# %%
check("lab08.pad_prompts")

# %% [markdown]
# ## 8.10 When the window is full
#
# Your model has a vector for each of its positions and no more: that is its **window**. What if the
# text gets longer?
#
# It has to forget its beginning. The plain way is to let the window slide by one token at a time.
# But then every token moves to another position each time, all keys and values change with it, and
# the cache is worth nothing.
#
# So slide rarely and far. When no place is left for the next token, forget the older half (W // 2
# tokens of a window of W), and read the rest again from position 0. Then there is room for another
# half. It costs one reading for each half window, and the rest of the time the cache works as
# always.
#
# Write the rule as a function: at which token of the text does the window begin when the token at
# `place` is written? That token needs a place in the window, too.


# %% exercise="lab08.context_start" points=2 minutes=15 difficulty=2
def context_start(place, window):
    """Says where the model's window begins when the token at a place of a text is written.

    The window begins at 0 as long as `place` is in it. After that it moves on by window // 2 tokens
    whenever `place` would fall out of it.

    Args:
        place: int, at least 0: the place in the text, counted from 0, of the token to be written.
        window: int, at least 2: how many tokens the window holds, the new one included.

    Returns:
        int, a multiple of window // 2. The model sees the tokens from there to place - 1.

    Raises:
        ValueError: the window is smaller than 2: no token would be left to look at.

    Example:
        >>> [context_start(place, window=6) for place in (1, 5, 6, 8, 9)]
        [0, 0, 3, 3, 6]
    """
    ### BEGIN SOLUTION
    if window < 2:
        raise ValueError(f"A window of {window} leaves no token to look at; it needs at least 2.")
    too_many = place + 1 - window
    # Divided and rounded up.
    moves = -(-too_many // (window // 2))
    return max(0, moves) * (window // 2)
    ### END SOLUTION


# %%
check("lab08.context_start")

# %% [markdown]
# ## 8.11 Filling a window
#
# Now the loop: a step, a choice, the next step with the token that was chosen. It fills the places
# `first` to `last` - 1 of one window, for all rows at once.
#
# **Rows with longer prompts.** All rows walk from place to place together, from the shortest
# prompt's end on. Where a row still has prompt, it keeps the prompt's token. The choice is used
# only where the prompt is over.
#
# **Rows that have stopped.** A model says that its text is over by a token, such as
# `<|endoftext|>`. From then on, that row writes the stop token again and again. So its newest token
# tells whether it has stopped: it is the stop token, and it was written, not part of the prompt.
# When all rows have stopped, the loop ends.
#
# Two things make it fast:
#
# * **The whole loop is compiled.** A Python loop hands over one token at a time and waits each
#   time. `keras.ops.while_loop(condition, body, state)` runs inside compiled code, as long as the
#   condition holds. What it carries along (`state`) keeps its shape.
# * **It is compiled once.** Compiling takes seconds. `compile_once(model, *uses)` from the course
#   is a decorator for a function inside your function: it finds the compiled one again at the next
#   call. All that changes from call to call must come in as an argument of it, as a tensor. What
#   never changes for the same `uses` may come from around it: flags, numbers such as top_k, and
#   sizes of tensors.
#
# A prompt of 5 tokens and one of 6 would have two shapes, and a new shape compiles anew. So take
# the first `rounded_up(first, size)` tokens for the prefill: 8, 16, 32, ... What is too much does
# no harm: each step writes its keys and values over the filling before anybody may look at it.


# %% exercise="lab08.fill_window" points=6 minutes=45 difficulty=3
def fill_window(
    model,
    tokens,
    lengths,
    first,
    last,
    seeds,
    temperature=1.0,
    use_cache=True,
    top_k=None,
    top_p=None,
    stop_token=None,
):
    """Writes tokens into the free places of one window of text.

    Args:
        model: `parts.GPT`.
        tokens: int array or tensor of shape (batch, size), with size at most the model's
            max_sequence_length. All tokens before `first` are there.
        lengths: int array or tensor of shape (batch,): places before it are prompt and stay as they
            are. It may lie before the window (below 0) or behind it (above size).
        first, last: int, the first place to write, at least 1, and the one after the last.
        seeds: int array or tensor of shape (size,), the seed of the choice at each place.
        temperature, top_k, top_p: as in `choose_token`, all of them numbers or None.
        use_cache: bool, False takes the whole window through the model for each token. The tokens
            are the same, it only takes longer.
        stop_token: int or None. A row that has written it goes on with it; when all rows have,
            writing ends, and the places that follow keep what they had.

    Returns:
        int32 NumPy array of shape (batch, size).

    Example:
        >>> tokens = np.array([[1, 2, 3, 0, 0, 0]])
        >>> fill_window(model, tokens, np.array([3]), first=3, last=6, seeds=np.arange(6)).shape
        (1, 6)
    """
    ### BEGIN SOLUTION
    room = rounded_up(first, tokens.shape[1])
    nucleus = top_p is not None

    @compile_once(model, decode_step, choose_token, use_cache, room, top_k, nucleus)
    def fill(tokens, lengths, first, last, seeds, temperature, top_p, stop_token):
        batch, size = tokens.shape

        def newest(place, tokens):
            return keras.ops.slice(tokens, (0, place - 1), (batch, 1))

        def has_stopped(place, tokens):
            written = place > lengths
            return keras.ops.logical_and(written, newest(place, tokens)[:, 0] == stop_token)

        def goes_on(place, tokens, cache):
            all_stopped = keras.ops.all(has_stopped(place, tokens))
            return keras.ops.logical_and(place < last, keras.ops.logical_not(all_stopped))

        def step(place, tokens, cache):
            if use_cache:
                logits, cache = decode_step(model, newest(place, tokens), cache, place - 1)
            else:
                logits = keras.ops.take(model(tokens, training=False), place - 1, axis=1)
            seed = keras.ops.take(seeds, place)
            chosen = choose_token(logits, temperature, seed, top_k, top_p if nucleus else None)
            chosen = keras.ops.where(has_stopped(place, tokens), stop_token, chosen)
            there = keras.ops.slice(tokens, (0, place), (batch, 1))[:, 0]
            chosen = keras.ops.where(place < lengths, there, chosen)
            return place + 1, keras.ops.slice_update(tokens, (0, place), chosen[:, None]), cache

        cache = ()
        if use_cache:
            _, cache = decode_step(model, tokens[:, :room], make_cache(model, batch, size), 0)
        return keras.ops.while_loop(goes_on, step, (first, tokens, cache))[1]

    integers = (tokens, lengths, first, last, seeds)
    tokens, lengths, first, last, seeds = (
        keras.ops.convert_to_tensor(number, "int32") for number in integers
    )
    temperature = keras.ops.convert_to_tensor(temperature, "float32")
    top_p = keras.ops.convert_to_tensor(top_p if nucleus else 1.0, "float32")
    # No token has the id -1.
    stop_token = keras.ops.convert_to_tensor(-1 if stop_token is None else stop_token, "int32")
    filled = fill(tokens, lengths, first, last, seeds, temperature, top_p, stop_token)
    return keras.ops.convert_to_numpy(filled)
    ### END SOLUTION


# %%
check("lab08.fill_window")

# %% [markdown]
# ## 8.12 Writing
#
# The last piece puts it together: check what was asked, fill up the prompts, make the seeds, fill
# window after window, cut out the texts.
#
# * Make an array with room for everything: the longest prompt, the new tokens, and one more window,
#   so that a window may begin anywhere. Fill it with the stop token: if all rows stop early, it is
#   there already.
# * The window of `fill_window` holds max_sequence_length tokens. A short text needs no such large
#   one: `rounded_up(end, max_sequence_length)` is enough.
# * Each step needs noise of its own, so draw a seed for each **place** of the text. Take NumPy's
#   generator: its first numbers are the same however many you ask for. So the first ten tokens stay
#   the same when you ask for twenty.
# * Places count from the beginning of the text, but `fill_window` counts from the beginning of its
#   window.


# %% exercise="lab08.generate" points=6 minutes=40 difficulty=3
def generate(
    model,
    prompts,
    new_tokens,
    temperature=1.0,
    seed=0,
    use_cache=True,
    top_k=None,
    top_p=None,
    stop_token=None,
):
    """Writes on from each prompt, token by token.

    A text longer than the model's max_sequence_length forgets its beginning, as `context_start`
    says. A prompt in a batch is continued, greedily, as it would be alone.

    Args:
        model: `parts.GPT`.
        prompts: list of lists of int, or int array of shape (batch, T): prompts of any lengths.
        new_tokens: int, how many tokens to write after each prompt.
        temperature: float, at least 0, as in `choose_token`.
        seed: int, decides all draws. Asking for more tokens does not change the first ones.
        use_cache: bool, False takes the whole text through the model for each token. The tokens
            are the same, it only takes longer.
        top_k: int of at least 1, or None, as in `choose_token`.
        top_p: float above 0 and at most 1, or None, as in `choose_token`.
        stop_token: int or None. A text that has written it is filled up with it; when all texts
            have, writing ends.

    Returns:
        List of int32 NumPy arrays, one for each prompt, of the prompt's length + new_tokens: the
        prompt and what follows.

    Raises:
        ValueError: no prompt, an empty one, fewer than 0 new tokens, a temperature below 0, top_k
            below 1, or top_p outside of what it may be.

    Example:
        >>> [len(text) for text in generate(model, [[1, 2, 3], [4]], new_tokens=5, temperature=0)]
        [8, 6]
    """
    ### BEGIN SOLUTION
    if new_tokens < 0:
        raise ValueError(f"new_tokens must be at least 0, not {new_tokens}.")
    if temperature < 0:
        raise ValueError(f"The temperature must be at least 0, not {temperature}.")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be at least 1, or None for all tokens, not {top_k}.")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, not {top_p}; None is as 1.")
    filler = 0 if stop_token is None else stop_token
    tokens, lengths = pad_prompts(prompts, filler)
    place, end = int(min(lengths)), int(max(lengths)) + new_tokens
    window = model.config.max_sequence_length
    size = rounded_up(end, window)
    tokens = np.pad(tokens, ((0, 0), (0, new_tokens + size)), constant_values=filler)
    seeds = np.random.default_rng(seed).integers(2**31 - 1, size=end + size)
    while place < end:
        start = context_start(place, window)
        last = min(end, start + window)
        view = slice(start, start + size)
        tokens[:, view] = fill_window(
            model,
            tokens[:, view],
            lengths - start,
            place - start,
            last - start,
            seeds[view],
            temperature,
            use_cache,
            top_k,
            top_p,
            stop_token,
        )
        place = last
    return [row[: n + new_tokens] for row, n in zip(tokens, lengths, strict=True)]
    ### END SOLUTION


# %%
check("lab08.generate")

# %% [markdown]
# ## 8.13 How varied is a text?
#
# "It repeats itself" should be a number. Cut the text into **n-grams**, its pieces of n tokens: a
# text of 5 tokens has 4 pieces of 2, each beginning one token later. Count how many different ones
# there are among all of them. This share is called **distinct-n** (after Li et al. 2016, "A
# Diversity-Promoting Objective Function for Neural Conversation Models", who divide by the number
# of tokens). A text that goes round in circles has few.
#
# Over several texts you count once for all of them: ten texts that all say the same are not varied.
# No piece crosses from one text into the next.


# %% exercise="lab08.distinct_ngrams" points=2 minutes=10 difficulty=1
def distinct_ngrams(texts, n):
    """Measures how varied texts are: different n-grams among all n-grams (distinct-n).

    Args:
        texts: list of lists of int, the texts as tokens.
        n: int, at least 1, tokens in a piece.

    Returns:
        float, the number of different n-grams of all texts together, divided by their number.

    Raises:
        ValueError: n is less than 1, or no text has n tokens.

    Example:
        >>> distinct_ngrams([[1, 2, 1, 2]], n=2)
        0.667
    """
    ### BEGIN SOLUTION
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}.")
    ngrams = [tuple(text[i : i + n]) for text in texts for i in range(len(text) - n + 1)]
    if not ngrams:
        raise ValueError(f"No text has {n} tokens; give a longer one, or take a smaller n.")
    return len(set(ngrams)) / len(ngrams)
    ### END SOLUTION


# %%
check("lab08.distinct_ngrams")

# %% [markdown]
# ## 8.14 Experiment: what each way of choosing writes
#
# Three prompts of different lengths, one batch, four ways to choose. Where the model writes
# `<|endoftext|>`, the text is over.
#
# Read them as you would read a student's essay. Where does it go round in circles? Where does it
# fall apart? Which one would you rather read?

# %%
PROMPTS = ["The", "Returns the number of", "It was late in the evening, and the old man"]
NEW = 20 if short() else 100
WAYS = {
    "greedy": {"temperature": 0.0},
    "temperature 1.5": {"temperature": 1.5},
    "top-k, k = 40": {"top_k": 40},
    "nucleus, p = 0.9": {"top_p": 0.9},
}
if short():
    # Each limit compiles a loop of its own.
    del WAYS["top-k, k = 40"]
stop_token = tokenizer.token_id(END)
prompts = [tokenizer.encode(prompt) for prompt in PROMPTS]
for way, choice in WAYS.items():
    print(f"=== {way}")
    for prompt, text in zip(
        prompts, generate(model, prompts, NEW, seed=1, stop_token=stop_token, **choice), strict=True
    ):
        written = tokenizer.decode([int(token) for token in text[len(prompt) :]]).split(END)[0]
        print(textwrap.fill(f"[{tokenizer.decode(prompt)}]{written}", 100), end="\n\n")

# %% [markdown]
# An honest word. A model of this size has learned how words are spelled, which word likes to follow
# which, and what a sentence, a dialogue or a docstring looks like. It does not know what it is
# talking about, and hardly a sentence has anything to do with the one before. That is the model,
# and no way of choosing mends it. What choosing decides is the rest: greedy text gets caught in a
# loop, because what it has just written makes the same words likelier still. Hot text draws from
# the tail until it is nonsense. Top-k and the nucleus keep away from both ends.
#
# Now a text of three windows' length. Nothing special is to be seen in it, and that is the point:
# the window moved on while it was written. Beside it, how often a loop was compiled for this model
# so far. It is a small number, though you have asked for texts of several lengths.

# %%
size = model.config.max_sequence_length
long_text = generate(model, prompts, NEW if short() else 3 * size, seed=3, top_p=0.9)[-1]
starts = sorted({context_start(place, size) for place in range(1, len(long_text))})
print(f"{len(long_text)} tokens; the window of {size} began at {starts}")
print(f"loops compiled for this model so far: {count_traces(model)}")
ending = tokenizer.decode([int(token) for token in long_text[-60:]])
print(textwrap.fill(f"... {ending}", 100))

# %% [markdown]
# ## 8.15 Experiment: repetition and variety against temperature
#
# Now as numbers. The prompts are the beginnings of pieces of **held-out text**, which the model has
# never seen: *The Time Machine* if you have the real data (`GPT_TF_DATA`), docstrings otherwise.
# The model writes on from each, at each temperature, with no limit, with top-k and with the
# nucleus.
#
# What is a good number? Not the highest: nonsense is varied, too. The measure of all this is what
# the **people** wrote after the same prompts. It is the horizontal line.
#
# Two views: distinct-1, -2, -3 over all texts together, and **repetition**, the share of 4-grams in
# a text that stood in the same text before.

# %%
TEXTS, PROMPT, NEW = (3, 8, 24) if short() else (32, 32, 128)
if os.environ.get("GPT_TF_DATA"):
    held_out, documents = "The Time Machine", corpora.novels("test")
else:
    held_out, documents = "docstrings", corpora.docstrings("validation")

stream = []
for document in documents:
    stream += [*tokenizer.encode(document), stop_token]
    if len(stream) > 4 * TEXTS * (PROMPT + NEW):
        break
begins = np.linspace(0, len(stream) - PROMPT - NEW, TEXTS).astype(int)
pieces = [stream[begin : begin + PROMPT + NEW] for begin in begins]
prompts = [piece[:PROMPT] for piece in pieces]
human = [piece[PROMPT:] for piece in pieces]
print(f"{len(pieces)} pieces of {held_out}: prompts of {PROMPT} tokens, {NEW} to write")


# %%
def measures(texts):
    """Returns [distinct-1, distinct-2, distinct-3, repetition] of texts."""
    repeated = [1 - distinct_ngrams([text], 4) for text in texts]
    return [distinct_ngrams(texts, n) for n in (1, 2, 3)] + [statistics.mean(repeated)]


TEMPERATURES = [0.0, 1.0] if short() else [0.0, 0.4, 0.7, 0.85, 1.0, 1.2, 1.5]
LIMITS = {"no limit": {}} | {way: WAYS[way] for way in list(WAYS)[2:]}
found = {}
with tqdm(total=len(LIMITS) * len(TEMPERATURES), desc="writing", unit="batch") as bar:
    for limit, choice in LIMITS.items():
        for temperature in TEMPERATURES:
            texts = generate(model, prompts, NEW, temperature, seed=5, **choice)
            found[limit, temperature] = measures([text[PROMPT:].tolist() for text in texts])
            bar.update()
of_people = measures(human)

# %%
NAMES = ["distinct-1", "distinct-2", "distinct-3", "repetition of 4-grams"]
figure, axes = plt.subplots(2, 2, figsize=(10, 7), sharex=True)
for column, (axis, name) in enumerate(zip(axes.flat, NAMES, strict=True)):
    for limit, marker in zip(LIMITS, "osv", strict=False):
        values = [found[limit, temperature][column] for temperature in TEMPERATURES]
        axis.plot(TEMPERATURES, values, f"{marker}-", label=limit)
    axis.axhline(of_people[column], color="black", linestyle=":", label=f"people ({held_out})")
    axis.set(title=name, ylim=(0, 1.02))
    axis.set_ylabel("share of different n-grams" if column < 3 else "share of repeated 4-grams")
for axis in axes[1]:
    axis.set_xlabel("temperature (no unit)")
axes[0, 0].legend(fontsize=8)
figure.tight_layout()
plt.show()

print(f"{'':24}" + "".join(f"{name:>24}" for name in NAMES))
rows = {"people": of_people} | {f"{k}, {t:g}": found[k, t] for k in LIMITS for t in TEMPERATURES}
for name, values in rows.items():
    print(f"{name:24}" + "".join(f"{value:24.1%}" for value in values))

# %% [markdown]
# Read the plot from left to right. At temperature 0 all ways are greedy, and the model repeats
# itself far more than people do. With rising temperature the repetition goes and variety comes.
# Without a limit it does not stop where people stop: in the end the text has more different pieces
# than theirs, because it makes no sense any more.
#
# Top-k and the nucleus cut off the tail, so at the same temperature their texts are less varied.
# But they do not behave alike when it gets hot. k tokens are k tokens, however hot. The nucleus is
# taken after the temperature: heat makes the tail likelier, and more and more of it comes into the
# nucleus. So with top-p, leave the temperature at 1 or below.
#
# Which one is nearest to the people, and at which temperature? Look at all four plots: the answer
# need not be the same in each. And remember what is in none of them: a text may have all its shares
# like a person's and still say nothing.

# %% [markdown]
# ## 8.16 Experiment: what the cache saves
#
# How long does a text of n tokens take? For its speed it does not matter what a model has learned,
# so this one is untrained and small.
#
# * Without the cache, each of the n tokens takes a whole window through the model: n times n.
# * With the cache, each token takes one token through, and only attention looks back: n times 1,
#   nearly.
#
# The two ways take turns, round by round, so that other work on your computer disturbs them alike.
# The first round compiles and does not count; of the others you see the median.

# %%
sizes = [16, 32] if short() else [32, 64, 128, 256]
small = parts.GPT(
    GPTConfig(512, sizes[-1], num_layers=2, num_heads=4, hidden_dim=32 if short() else 128)
)
small(np.zeros((1, 2), "int32"))
seconds = {(n, use_cache): [] for n in sizes for use_cache in (True, False)}
rounds = 2 if short() else 4
with tqdm(total=rounds * len(seconds), desc="timing", unit="text") as bar:
    for _ in range(rounds):
        for n, use_cache in seconds:
            begun = time.perf_counter()
            generate(small, [[1]], n - 1, temperature=0.0, use_cache=use_cache)
            seconds[n, use_cache].append(time.perf_counter() - begun)
            bar.update()
medians = {key: statistics.median(times[1:]) for key, times in seconds.items()}

# %%
figure, axis = plt.subplots(figsize=(7, 4.5))
for use_cache, power, style in ((False, 2, "s-"), (True, 1, "o-")):
    label = "with the cache" if use_cache else "without the cache"
    line = axis.plot(sizes, [medians[n, use_cache] for n in sizes], style, label=label)[0]
    last = medians[sizes[-1], use_cache]
    guide = [last * (n / sizes[-1]) ** power for n in sizes]
    power_name = "n" if power == 1 else "n squared"
    axis.plot(sizes, guide, ":", color=line.get_color(), label=f"as {power_name}")
axis.set_xscale("log", base=2)
axis.set_yscale("log")
axis.set_xlabel("length of the text n (tokens)")
axis.set_ylabel("time for the whole text (s)")
axis.legend()
plt.show()
for n in sizes:
    slow, fast = medians[n, False], medians[n, True]
    print(f"{n:4d} tokens: {slow:7.3f} s without, {fast:6.3f} s with, {slow / fast:5.1f} times")

# %% [markdown]
# So the longer the text, the more the cache saves. Why does a token still take time with it? All
# weights have to be read from memory once for each token, however little is computed with them. A
# batch of sixteen texts reads them once for all sixteen: that is why it is hardly slower than one.
#
# The cache is not free. It holds two vectors for each position, block and text. For the largest
# GPT-3 that is a lot:

# %%
gpt3 = PAPER["gpt3-175b"]
numbers = 2 * gpt3.num_layers * gpt3.num_heads * gpt3.head_dim * gpt3.max_sequence_length
print(f"GPT-3 175B, one text of {gpt3.max_sequence_length} tokens, 16-bit numbers: ", end="")
print(f"{2 * numbers / 2**30:.1f} GiB of keys and values")

# %% [markdown]
# ## 8.17 Questions
#
# 1. Why can you cache keys and values, but not in a model such as BERT, whose positions see their
#    future as well?
# 2. Your cache does not help while the prompt itself is read. Why not? And why is reading a prompt
#    of 100 tokens so much faster than writing 100 tokens?
# 3. Greedy takes the likeliest token at each step. Does it find the likeliest **text**? Make up
#    three tokens and their probabilities for which it does not.
#
# ## What you know now
#
# * A model writes one token at a time. It gives probabilities, and something outside of it chooses.
# * Greedy repeats itself, heat invents. Top-k and the nucleus cut off the tail from which the
#   nonsense comes, one by number, the other by probability.
# * Keys and values of the past never change, so they are computed once. When the window is full,
#   the text forgets its beginning.
# * Prompts of different lengths are filled up on the right, where the causal mask hides the
#   filling.
# * A loop is fast when it is compiled as a whole, once.
