# %% [markdown]
# # Lab 13 · Prompt tuning and LoRA
#
# Lab 09 fine-tuned **all** of a GPT. For ten tasks you then keep ten copies of it. Lab 12 trained
# nothing and wrote the task into the prompt. What such a prompt calls up depends on the wording,
# and for a small model it is little. Is there something between?
#
# Two answers, and you build both:
#
# * **P-tuning** (Liu et al. 2021, "GPT Understands, Too", section 3): the model stays as it is.
#   The prompt's words are replaced by vectors, and gradient descent finds the vectors.
# * **LoRA** (Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", section 4): the
#   model's kernels stay as they are. Beside some of them learns a product of two thin matrices.
#
# At the end one plot shows them all: accuracy against the number of trained parameters, from a
# prompt that you wrote by hand to fine-tuning everything.

# %%
import dataclasses
import time

import keras
import matplotlib.pyplot as plt
import numpy as np

from gpt_tf import ablation, finetuning, parts, presets, tuning

# %% [markdown]
# ## 13.1 Vectors in the place of words
#
# A prompt such as `Q: Anna has a rake. A:` is six or so tokens, looked up in a table. What the
# blocks see are the vectors. Which words would make the best prompt? Words can only be tried out
# one by one. But the blocks never asked for words. They take any vector, and a vector can be moved
# a little in the direction that lowers the loss.
#
# So write the prompt with **placeholders**: two before the text, say, and two behind it. They are
# tokens like others, so that all positions come out right. After the lookup you throw their vectors
# away and put the learned ones there: the first one at the row's first placeholder, the second one
# at the second, and so on.
#
# The texts of a batch differ in length, so the placeholders behind them stand at another position
# in each row. Counting helps: `keras.ops.cumsum` over the mask tells at each place how many
# placeholders there were so far.


# %% exercise="lab13.insert_prompt" points=4 minutes=20 difficulty=2
def insert_prompt(embedded, is_prompt, prompt):
    """Puts learned vectors where the placeholders of each row stand (P-tuning, section 3.2).

    Args:
        embedded: float tensor of shape (batch, T, hidden_dim), what the embedding layer gave.
        is_prompt: boolean tensor of shape (batch, T), True at placeholders. No row has more of them
            than the prompt has vectors.
        prompt: float tensor of shape (n, hidden_dim), the vectors, in the order of the places.

    Returns:
        Float tensor of shape (batch, T, hidden_dim). The k-th placeholder of a row has the prompt's
        k-th vector; all else is as it was.

    Example:
        >>> embedded = keras.ops.zeros((1, 4, 1))
        >>> is_prompt = keras.ops.array([[True, False, True, False]])
        >>> insert_prompt(embedded, is_prompt, keras.ops.array([[7.0], [8.0]]))
        [[[7.0], [0.0], [8.0], [0.0]]]
    """
    ### BEGIN SOLUTION
    number = keras.ops.cumsum(keras.ops.cast(is_prompt, "int32"), axis=1) - 1
    vectors = keras.ops.take(prompt, keras.ops.maximum(number, 0), axis=0)
    return keras.ops.where(is_prompt[:, :, None], vectors, embedded)
    ### END SOLUTION


# %%
check("lab13.insert_prompt")

# %% [markdown]
# ## 13.2 An encoder for the vectors
#
# You could train the n vectors as they are. The authors of P-tuning found two things hard about
# that (section 3.3). Trained embeddings are spread out unevenly, and from a bad start gradient
# descent gets stuck. And the words of a prompt depend on each other, while n loose vectors do not.
#
# So they train the vectors **through** a small network. A bidirectional LSTM reads the vectors from
# both sides, and two dense layers with a ReLU between them follow:
#
# prompt = MLP(BiLSTM(vectors))
#
# The network is needed only while training. Once that is over, you compute the prompt a last time,
# keep its n vectors, and throw the encoder away.
#
# Keras wants each layer to be called with something. Here it is the **places**: the numbers 0 to
# n - 1 of the vectors, from which the layer looks them up.


# %% exercise="lab13.PromptEncoder" points=5 minutes=25 difficulty=2
@keras.saving.register_keras_serializable("gpt_tf")
class PromptEncoder(keras.layers.Layer):
    """Learned prompt vectors, read by a BiLSTM and an MLP (P-tuning, section 3.3).

    Weights:
        vectors: (prompt_length, hidden_dim), starts at N(0, 0.02).

    Sub-layers:
        lstm: `keras.layers.Bidirectional` around an LSTM with hidden_dim / 2 units, so that both
            directions, one behind the other, are hidden_dim wide at each place.
        inner: `keras.layers.Dense`, hidden_dim wide, with ReLU.
        outer: `keras.layers.Dense`, hidden_dim wide.

    Args:
        prompt_length: int, number of vectors n.
        hidden_dim: int, width of the GPT's embeddings; even.

    Call arguments:
        places: int tensor of shape (k,), the vectors that are read, in this order; numbers from
            0 to n - 1, such as `keras.ops.arange(n)`.

    Returns:
        Float tensor of shape (k, hidden_dim), the prompt.

    Raises:
        ValueError: hidden_dim is odd.

    Example:
        >>> PromptEncoder(prompt_length=3, hidden_dim=8)(keras.ops.arange(3)).shape
        (3, 8)
    """

    def __init__(self, prompt_length, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.prompt_length = prompt_length
        self.hidden_dim = hidden_dim
        ### BEGIN SOLUTION
        if hidden_dim % 2:
            raise ValueError(f"hidden_dim is {hidden_dim}; two directions need an even number.")
        self.lstm = keras.layers.Bidirectional(
            keras.layers.LSTM(hidden_dim // 2, return_sequences=True)
        )
        self.inner = keras.layers.Dense(hidden_dim, activation="relu")
        self.outer = keras.layers.Dense(hidden_dim)
        ### END SOLUTION

    def build(self, places_shape):
        # Given: the sub-layers are built for what they will read.
        for layer in (self.lstm, self.inner, self.outer):
            layer.build((1, self.prompt_length, self.hidden_dim))
        ### BEGIN SOLUTION
        self.vectors = self.add_weight(
            shape=(self.prompt_length, self.hidden_dim),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="vectors",
        )
        ### END SOLUTION

    def call(self, places):
        # Keras's layers want a batch: make one of a single row, and take it off again.
        ### BEGIN SOLUTION
        vectors = keras.ops.take(self.vectors, places, axis=0)[None]
        return self.outer(self.inner(self.lstm(vectors)))[0]
        ### END SOLUTION

    def get_config(self):
        sizes = {"prompt_length": self.prompt_length, "hidden_dim": self.hidden_dim}
        return super().get_config() | sizes


# %%
check("lab13.PromptEncoder")

# %% [markdown]
# ## 13.3 In behind the embedding
#
# Now lead the prompt through your GPT. Its `call` goes from tokens to logits in one go: embedding,
# blocks, final norm where there is one, tied logits (lab 06). The prompt comes in after the first
# of these steps.
#
# The embedding layer adds the position to each token before you can put anything in. A learned
# vector takes the place of that sum, so it brings no position from the table along; what it needs
# to know about its place it has to learn.


# %% exercise="lab13.prompted_logits" points=4 minutes=15 difficulty=2
def prompted_logits(model, tokens, is_prompt, prompt):
    """Runs a GPT with learned vectors at the placeholders (P-tuning, section 3.2).

    Args:
        model: `parts.GPT` with weights, see lab 06, without an attention_window.
        tokens: int tensor of shape (batch, T); any token of the vocabulary at the placeholders.
        is_prompt: boolean tensor of shape (batch, T), True at placeholders.
        prompt: float tensor of shape (n, hidden_dim).

    Returns:
        Float tensor of shape (batch, T, vocabulary_size), the logits.

    Example:
        >>> prompted_logits(model, tokens, tokens == 9, encoder(keras.ops.arange(4)))
    """
    ### BEGIN SOLUTION
    x = insert_prompt(model.embedding(tokens), is_prompt, prompt)
    for block in model.blocks:
        x = block(x)
    if model.final_norm is not None:
        x = model.final_norm(x)
    return model.embedding.logits(x)
    ### END SOLUTION


# %%
check("lab13.prompted_logits")

# %% [markdown]
# ## 13.4 A small change beside a large kernel
#
# The other way. Fine-tuning turns a kernel W into W + ΔW. ΔW has as many numbers as W. Does it need
# them? Hu et al. guess that what a task changes has a low **rank**: it can be written as a product
# of two thin matrices. So they train just these:
#
# y = x W + b + (alpha / r) x A B
#
# A goes from the input's width down to r, and B from r up to the output's width. (The paper writes
# columns where Keras writes rows, so its order is B A.)
#
# Three things are decided with care:
#
# * W and b hold still. Only A and B learn.
# * **B starts at zero**, and A at random. So at the start the product is zero and the layer does
#   what it did before. If both were zero, neither would get a gradient.
# * **alpha / r** keeps the size of the change about the same when you try another r. You then need
#   not look for a new learning rate.
#
# Multiply x by A first. x A has r columns; A B would be as large as W.


# %% exercise="lab13.LoRADense" points=5 minutes=25 difficulty=2
@keras.saving.register_keras_serializable("gpt_tf")
class LoRADense(keras.layers.Layer):
    """A dense layer that holds still, and a low-rank change beside it (LoRA, section 4.1).

    Weights:
        lora_a: (input width, rank), starts at Keras's "he_uniform".
        lora_b: (rank, units), starts at zero.

    Sub-layers:
        dense: the given layer; none of its weights learns.

    Args:
        dense: `keras.layers.Dense` without activation.
        rank: int, r.
        alpha: float, scales the change by alpha / rank; the rank itself if None.

    Call arguments:
        x: float tensor of shape (..., input width).

    Returns:
        Float tensor of shape (..., units): dense(x) + alpha / rank x A B.

    Example:
        >>> layer = LoRADense(keras.layers.Dense(6), rank=2, alpha=4)
        >>> layer(keras.ops.ones((5, 3))).shape, len(layer.trainable_weights)
        ((5, 6), 2)
    """

    def __init__(self, dense, rank, alpha=None, **kwargs):
        super().__init__(**kwargs)
        self.dense = dense
        self.rank = rank
        self.alpha = rank if alpha is None else alpha

    def build(self, input_shape):
        # A layer of a trained GPT is built already. `trainable` reaches only weights that exist.
        if not self.dense.built:
            self.dense.build(input_shape)
        ### BEGIN SOLUTION
        self.dense.trainable = False
        self.lora_a = self.add_weight(
            shape=(input_shape[-1], self.rank), initializer="he_uniform", name="lora_a"
        )
        self.lora_b = self.add_weight(
            shape=(self.rank, self.dense.units), initializer="zeros", name="lora_b"
        )
        ### END SOLUTION

    def call(self, x):
        ### BEGIN SOLUTION
        change = keras.ops.matmul(keras.ops.matmul(x, self.lora_a), self.lora_b)
        return self.dense(x) + self.alpha / self.rank * change
        ### END SOLUTION


# %%
check("lab13.LoRADense")

# %% [markdown]
# ## 13.5 Into the GPT
#
# Where does LoRA go? Hu et al. adapt attention's projections only, and leave the feed-forward
# layers alone (section 4.2). In your GPT queries, keys and values come out of one layer,
# `attention.qkv`. That one you replace in each block.
#
# And all the rest must hold still: embeddings, norms, feed-forward layers. Each weight has a
# `trainable` of its own, and `model.weights` lists them all. Do that **before** you put the new
# layers in, or A and B hold still, too. Do not set `model.trainable`: that flag stays with the
# model, and then nothing in it learns any more, whatever you add.
#
# Keras does not let you add a layer to one that is built. `tuning.swap(layer, name, new)` does it
# all the same: it is `setattr`, with Keras's lock opened for that moment.


# %% exercise="lab13.add_lora" points=4 minutes=15 difficulty=2
def add_lora(model, rank):
    """Freezes a GPT and puts LoRA into the attention of each block (LoRA, section 4.2).

    Args:
        model: `parts.GPT` with weights, see lab 06; changed in place. Each `attention.qkv` of its
            blocks becomes a `LoRADense` around what was there.
        rank: int, r; alpha is the same.

    Raises:
        ValueError: rank is less than 1, or more than hidden_dim.

    Example:
        >>> add_lora(gpt, rank=4)
        >>> [weight.name for weight in gpt.trainable_weights][:2]
        ["lora_a", "lora_b"]
    """
    ### BEGIN SOLUTION
    if not 1 <= rank <= model.config.hidden_dim:
        raise ValueError(f"rank is {rank}; choose one from 1 to {model.config.hidden_dim}.")
    for weight in model.weights:
        weight.trainable = False
    for block in model.blocks:
        adapted = LoRADense(block.attention.qkv, rank)
        adapted.build((None, None, model.config.hidden_dim))
        tuning.swap(block.attention, "qkv", adapted)
    ### END SOLUTION


# %%
check("lab13.add_lora")

# %% [markdown]
# ## 13.6 Gone without a trace
#
# While it trains, LoRA makes each forward pass a little slower: two more products. Afterwards you
# can get rid of them. x W + (alpha / r) x A B is x times **one** matrix. Compute it once, put it
# into a plain dense layer, and the model is as fast as before (section 4.1, "No Additional
# Inference Latency"). A learned prompt cannot do that: its places stay in every text.


# %% exercise="lab13.merge_lora" points=2 minutes=5 difficulty=1
def merge_lora(kernel, lora_a, lora_b, alpha=None):
    """Adds a low-rank change to the kernel beside which it was trained (LoRA, section 4.1).

    Args:
        kernel: float tensor of shape (input width, units).
        lora_a: float tensor of shape (input width, rank).
        lora_b: float tensor of shape (rank, units).
        alpha: float, as in `LoRADense`; the rank if None.

    Returns:
        Float tensor of shape (input width, units).

    Example:
        >>> merge_lora(keras.ops.ones((1, 2)), keras.ops.array([[3.0]]), keras.ops.array([[0, 1.]]))
        [[1.0, 4.0]]
    """
    ### BEGIN SOLUTION
    rank = lora_a.shape[1]
    scale = 1.0 if alpha is None else alpha / rank
    return kernel + scale * keras.ops.matmul(lora_a, lora_b)
    ### END SOLUTION


# %%
check("lab13.merge_lora")
