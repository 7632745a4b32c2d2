# %% [markdown]
# # Lab 06 · GPT
#
# You have all the pieces: embeddings (lab 03), masked self-attention (lab 04), blocks (lab 05).
# Now you put them together, and the result is GPT. GPT-1, GPT-2 and GPT-3 are one design with other
# numbers and three small changes. One class covers them all:
#
# | | norms | start of the residual weights | attention |
# |---|---|---|---|
# | GPT-1 (2018), section 3.1 | after each sub-layer | N(0, 0.02) | sees the whole past |
# | GPT-2 (2019), section 2.3 | before each sub-layer, and one at the end | smaller | the same |
# | GPT-3 (2020), section 2.1 | as GPT-2 | as GPT-2 | every second block sees a band |
#
# At the end you check your model against another implementation, number by number, and put the
# real weights of GPT-2 into it.

# %%
import dataclasses
import math

import keras
import keras_hub
import matplotlib.pyplot as plt
import numpy as np
from tqdm.auto import tqdm

from gpt_tf import corpora, gpt2_weights, parts
from gpt_tf.config import PAPER, GPTConfig

# %% [markdown]
# ## 6.1 How large is a GPT?
#
# *GPT-3 has 175 billion parameters.* Where are they? You can count them without a computer that
# could hold them: every weight's shape follows from the configuration.
#
# Count each weight once:
#
# * the token table, V x width, and the position table. The output is the token table again;
# * in each block the attention: three projections from the width to `num_heads x head_dim`, and one
#   back. A dense layer from a to b has a x b weights and b biases;
# * in each block the feed-forward layer: to `intermediate_dim` and back;
# * in each block two LayerNorms, with a gain and a shift for each feature;
# * one more LayerNorm at the end, if the model normalises first.


# %% exercise="lab06.count_parameters" points=3 minutes=15 difficulty=2
def count_parameters(config):
    """Counts the trainable numbers of a GPT by formula, without making one.

    Args:
        config: `GPTConfig`. Query, key and value projections go from hidden_dim to
            num_heads x head_dim, the attention's output projection goes back.

    Returns:
        int, number of parameters; the output layer is the token embedding and counts once.

    Example:
        >>> count_parameters(GPTConfig(5, 3, num_layers=1, num_heads=1, hidden_dim=2))
        94
    """
    ### BEGIN SOLUTION
    width, attended = config.hidden_dim, config.num_heads * config.head_dim
    embeddings = (config.vocabulary_size + config.max_sequence_length) * width
    attention = (width + 1) * 3 * attended + (attended + 1) * width
    feed_forward = (width + 1) * config.intermediate_dim + (config.intermediate_dim + 1) * width
    norm = 2 * width
    block = attention + feed_forward + 2 * norm
    return embeddings + config.num_layers * block + (norm if config.normalize_first else 0)
    ### END SOLUTION


# %%
check("lab06.count_parameters")

# %% [markdown]
# ## 6.2 A calm start
#
# Each block adds to the residual stream twice: once after attention, once after the feed-forward
# layer. Sums of many random numbers grow. With 48 blocks the stream would be much louder at the
# end than at the beginning, before training has even begun.
#
# GPT-2's answer: make the weights that write into the stream smaller at the start, by the square
# root of the number of writes. Why the root? When independent numbers are added, their variances
# add up.
#
# (This is what the paper says. The code that was released with GPT-2 starts with 0.02 everywhere.)


# %% exercise="lab06.residual_stddev" points=1 minutes=5 difficulty=1
def residual_stddev(num_layers, stddev=0.02):
    """Scales the initial weights that write into the residual stream (GPT-2, section 2.3).

    Args:
        num_layers: int, number of blocks; each writes twice.
        stddev: float, standard deviation of all other weights.

    Returns:
        float, stddev / sqrt(number of writes).

    Example:
        >>> residual_stddev(num_layers=8)
        0.005
    """
    ### BEGIN SOLUTION
    return stddev / (2 * num_layers) ** 0.5
    ### END SOLUTION


# %%
check("lab06.residual_stddev")

# %% [markdown]
# ## 6.3 A band
#
# Attention compares each position with each earlier one. Twice the text costs four times the work.
# GPT-3 saves a part of it: every second block looks only at the latest positions. On the table of
# who may see whom that is a band along the diagonal.
#
# It is lab 04's mask with one more condition.


# %% exercise="lab06.banded_causal_mask" points=2 minutes=10 difficulty=1
def banded_causal_mask(length, window):
    """Marks the `window` latest positions that each position may see (GPT-3, section 2.1).

    Args:
        length: int, number of positions T.
        window: int, how many positions are seen: the position itself and the window - 1 before it.

    Returns:
        Boolean tensor of shape (T, T); entry (i, j) is True where position i may see position j.

    Raises:
        ValueError: window is less than 1.

    Example:
        >>> banded_causal_mask(3, window=2)
        [[True, False, False], [True, True, False], [False, True, True]]
    """
    ### BEGIN SOLUTION
    if window < 1:
        raise ValueError(f"window must be at least 1, not {window}: a position sees itself.")
    position = keras.ops.arange(length)
    distance = position[:, None] - position[None, :]
    return keras.ops.logical_and(distance >= 0, distance < window)
    ### END SOLUTION


# %%
check("lab06.banded_causal_mask")

# %% [markdown]
# ## 6.4 The model
#
# Tokens go in. The embedding makes vectors of them. Each block works on what the block before it
# gave. GPT-2 and GPT-3 normalise once more at the end. The embedding turns the result into logits.
#
# `hidden_states` is everything up to the last norm. It is a method of its own because lab 09 puts
# other heads on it.
#
# Why has GPT-1 no norm at the end? Its blocks end with one already.
#
# And why does `call` take `training`, which you need not use? Dropout acts in training only. `fit`
# says that it is training to a model whose `call` names `training`, and to no other. Leave the
# name out, and dropout stays off, without a warning. With the name there, you have nothing to hand
# on: Keras passes the value to all layers below by itself.


# %% exercise="lab06.GPT" points=6 minutes=30 difficulty=3
@keras.saving.register_keras_serializable("gpt_tf")
class GPT(keras.Model):
    """The whole decoder: GPT-1 (section 3.1), GPT-2 (section 2.3) or GPT-3 (section 2.1).

    Sub-layers:
        embedding: `parts.TokenAndPositionEmbedding`, with the configuration's dropout.
        blocks: list of `parts.TransformerBlock`. With normalize_first, residual_stddev is
            `residual_stddev(num_layers)`; GPT-1 keeps 0.02 everywhere.
        final_norm: `parts.LayerNorm` with normalize_first, else None.

    Args:
        config: `GPTConfig`. With attention_window, blocks 1, 3, 5, ... (counting from 0) see only
            the window; the others, and all without attention_window, see the whole past.

    Call arguments:
        tokens: int tensor of shape (batch, T).
        training: bool or None, True turns dropout on.

    Returns:
        Float tensor of shape (batch, T, vocabulary_size), the logits.

    Raises:
        ValueError: more tokens than max_sequence_length.

    Example:
        >>> model = GPT(GPTConfig(65, 16, num_layers=2, num_heads=2, hidden_dim=8))
        >>> model(keras.ops.ones((3, 5), "int32")).shape
        (3, 5, 65)
    """

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        ### BEGIN SOLUTION
        self.embedding = parts.TokenAndPositionEmbedding(
            config.vocabulary_size,
            config.max_sequence_length,
            config.hidden_dim,
            dropout=config.dropout,
        )
        stddev = residual_stddev(config.num_layers) if config.normalize_first else 0.02
        self.blocks = [
            parts.TransformerBlock(
                config.num_heads,
                config.head_dim,
                config.intermediate_dim,
                dropout=config.dropout,
                normalize_first=config.normalize_first,
                residual_stddev=stddev,
            )
            for _ in range(config.num_layers)
        ]
        self.final_norm = parts.LayerNorm() if config.normalize_first else None
        ### END SOLUTION

    def hidden_states(self, tokens):
        """Returns what the last block (and the final norm) gives: (batch, T, hidden_dim)."""
        ### BEGIN SOLUTION
        band = None
        if self.config.attention_window is not None:
            length = keras.ops.shape(tokens)[1]
            band = banded_causal_mask(length, self.config.attention_window)
        x = self.embedding(tokens)
        for index, block in enumerate(self.blocks):
            x = block(x, attention_mask=band if index % 2 else None)
        return x if self.final_norm is None else self.final_norm(x)
        ### END SOLUTION

    # `training` is named for `fit`: Keras hands it on to the layers below by itself.
    def call(self, tokens, training=None):
        ### BEGIN SOLUTION
        return self.embedding.logits(self.hidden_states(tokens))
        ### END SOLUTION

    # Given: makes all weights at once, and lets Keras save the model to a file and load it again.
    def build(self, tokens_shape):
        self.embedding.build(tokens_shape)
        for layer in [*self.blocks, self.final_norm]:
            if layer is not None:
                layer.build((*tokens_shape, self.config.hidden_dim))

    def get_config(self):
        return {"config": self.config.to_dict(), "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(GPTConfig(**config["config"]), name=config["name"])


# %%
check("lab06.GPT")

# %% [markdown]
# ## 6.5 Real weights
#
# In 2019 OpenAI released the weights of GPT-2 as arrays with names: `wte` (word token embedding),
# `wpe` (word position embedding), `h0/attn/c_attn/w` and so on. If your model is GPT-2, each of
# them has a place in it. Find it.
#
# Two things to know:
#
# * `w` is a kernel of shape (in, out), as `Dense` has it. In the released file it has a leading
#   axis of 1, because the authors wrote dense layers as convolutions of width 1. `g` and `b` of a
#   norm are gain and shift.
# * A weight that is not loaded keeps its random start, and nothing tells you. So be strict: each
#   weight gets an array, each array has a weight, all shapes agree. Check all of this first and
#   assign afterwards.
#
# The variables of your model: `model.embedding.token_embeddings`, `block.attention.qkv.kernel`,
# `block.attention_norm.gamma` and so on. Labs 03 to 05 list them in their docstrings.


# %% exercise="lab06.load_gpt2_weights" points=4 minutes=20 difficulty=3
def load_gpt2_weights(model, arrays):
    """Puts the weights of a released GPT-2 into your model.

    Args:
        model: `GPT` with normalize_first, of the same sizes, called at least once.
        arrays: dict {name: array}, under the names of the released checkpoint. For a block N:
            "hN/ln_1/g", "hN/ln_1/b", "hN/attn/c_attn/w", "hN/attn/c_attn/b", "hN/attn/c_proj/w",
            "hN/attn/c_proj/b", "hN/ln_2/g", "hN/ln_2/b", "hN/mlp/c_fc/w", "hN/mlp/c_fc/b",
            "hN/mlp/c_proj/w", "hN/mlp/c_proj/b"; around the blocks "wte", "wpe", "ln_f/g",
            "ln_f/b". Kernels are (in, out), sometimes with a leading axis of 1.

    Raises:
        ValueError: a name is missing, a name is left over, or an array has another shape than
            the model's weight. The model then keeps the weights that it had.

    Example:
        >>> load_gpt2_weights(model, arrays)
    """
    ### BEGIN SOLUTION
    targets = {
        "wte": model.embedding.token_embeddings,
        "wpe": model.embedding.position_embeddings,
        "ln_f/g": model.final_norm.gamma,
        "ln_f/b": model.final_norm.beta,
    }
    for index, block in enumerate(model.blocks):
        dense = {
            "attn/c_attn": block.attention.qkv,
            "attn/c_proj": block.attention.projection,
            "mlp/c_fc": block.feed_forward.expand,
            "mlp/c_proj": block.feed_forward.contract,
        }
        norms = {"ln_1": block.attention_norm, "ln_2": block.feed_forward_norm}
        for name, layer in dense.items():
            targets[f"h{index}/{name}/w"] = layer.kernel
            targets[f"h{index}/{name}/b"] = layer.bias
        for name, layer in norms.items():
            targets[f"h{index}/{name}/g"] = layer.gamma
            targets[f"h{index}/{name}/b"] = layer.beta
    unmatched = sorted(set(targets) ^ set(arrays))
    if unmatched:
        where = "the arrays lack" if unmatched[0] in targets else "the model has no place for"
        raise ValueError(f"Another size of GPT-2: {where} {unmatched[0]!r}; check num_layers.")
    values = {}
    for name, variable in targets.items():
        value = np.asarray(arrays[name])
        if value.ndim > len(variable.shape) and value.shape[0] == 1:
            value = value[0]
        if value.shape != tuple(variable.shape):
            raise ValueError(
                f"{name} has shape {value.shape}, the model's weight {tuple(variable.shape)}; "
                "make the model with the checkpoint's sizes."
            )
        values[name] = value
    for name, variable in targets.items():
        variable.assign(values[name])
    ### END SOLUTION


# %%
check("lab06.load_gpt2_weights")

# %% [markdown]
# ## 6.6 The thirteen models of the three papers
#
# Your formula needs no memory, so count them all. The second column is what the papers print
# (GPT-1's 117M is from the GPT-2 paper). Memory is what the weights alone take in 32-bit floats,
# and what training with Adam takes at least: weights, gradients and two moments.

# %%
PRINTED = dict(
    zip(
        PAPER,
        "117M 117M 345M 762M 1542M 125M 350M 760M 1.3B 2.7B 6.7B 13B 175B".split(),
        strict=True,
    )
)
print(f"{'model':<12} {'printed':>8} {'counted':>16} {'blocks':>7} {'width':>6}", end="")
print(f" {'heads x head width':>19} {'weights':>10} {'training':>10}")
for name, config in PAPER.items():
    count = count_parameters(config)
    heads = f"{config.num_heads} x {config.head_dim} = {config.num_heads * config.head_dim}"
    print(
        f"{name:<12} {PRINTED[name]:>8} {count:>16,} {config.num_layers:>7} "
        f"{config.hidden_dim:>6} {heads:>19} {count * 4 / 1e9:>7,.1f} GB "
        f"{count * 16 / 1e9:>7,.0f} GB"
    )

# %% [markdown]
# Read the table slowly.
#
# * GPT-2's four sizes are larger than the paper prints. Your counts are those of the models that
#   were released, to the last digit.
# * A free Colab GPU has about 16 GB. Which of these models could you run on it, and which could you
#   train?
# * Two rows of GPT-3 have something odd in the column *heads x head width*. Find them before you
#   read on.
#
# The next cell counts these two again, as if heads x head width were the width. Compare with the
# printed sizes. Which reading fits better? The paper does not say; table 2.1 is as it is.

# %%
for name, config in PAPER.items():
    if config.num_heads * config.head_dim != config.hidden_dim:
        square = dataclasses.replace(config, num_heads=1, head_dim=config.hidden_dim)
        print(
            f"{name}: printed {PRINTED[name]}, counted {count_parameters(config) / 1e9:.3f}B, "
            f"with heads x head width = {config.hidden_dim}: {count_parameters(square) / 1e9:.3f}B"
        )

# %% [markdown]
# Where are the parameters? In the models of 12 blocks more than a quarter sits in the token table.
# In the largest nearly everything is in the blocks, two thirds of it in the feed-forward layers.
# The norms are in the picture, too, but you will not find them: less than 0.1% is too thin to see.


# %%
def shares(config):
    """Returns {part of the model: its share of all parameters, in percent}."""
    total, width = count_parameters(config), config.hidden_dim
    attended = config.num_heads * config.head_dim
    found = {
        "token table": config.vocabulary_size * width,
        "position table": config.max_sequence_length * width,
        "attention": config.num_layers * (4 * width * attended + 3 * attended + width),
    }
    norms = (4 * config.num_layers + 2 * config.normalize_first) * width
    found["feed-forward"] = total - sum(found.values()) - norms
    found["norms"] = norms
    return {name: 100 * count / total for name, count in found.items()}


figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
left = np.zeros(len(PAPER))
table = {name: shares(config) for name, config in PAPER.items()}
for part in table["gpt1"]:
    values = np.array([table[name][part] for name in PAPER])
    axes.barh(list(PAPER), values, left=left, label=part)
    left += values
axes.invert_yaxis()
axes.set(xlabel="share of the parameters (%)", xlim=(0, 100), title="Where the parameters are")
axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# ## 6.7 What an untrained GPT knows: nothing
#
# Before training, the logits are small noise, so the softmax gives each token nearly the same
# chance. The loss should be ln V. This is the cheapest test of a language model there is. A loss
# far above ln V means that the start is too loud; far below means that the model sees the answer.

# %%
for vocabulary_size in (256, 5000):
    for normalize_first in (False, True):
        config = GPTConfig(
            vocabulary_size, 32, 4, 4, hidden_dim=64, normalize_first=normalize_first
        )
        tokens = np.random.default_rng(6).integers(0, vocabulary_size, size=(8, 33))
        loss = keras.losses.sparse_categorical_crossentropy(
            tokens[:, 1:], GPT(config)(tokens[:, :-1]), from_logits=True
        )
        style = "GPT-2 style" if normalize_first else "GPT-1 style"
        print(
            f"V = {vocabulary_size:>5}, {style}: loss {float(np.mean(loss)):.4f} nats a token, "
            f"ln V = {math.log(vocabulary_size):.4f}"
        )

# %% [markdown]
# And here is what `residual_stddev` does: the size of the residual stream after each block of an
# untrained pre-norm model, once with 0.02 everywhere, once scaled.

# %%
depth = 6 if short() else 24
tokens = np.random.default_rng(6).integers(0, 256, size=(2, 32))
figure, axes = plt.subplots(figsize=(8, 3.8))
for label, stddev in (
    ("0.02 everywhere", 0.02),
    ("scaled by the number of writes", residual_stddev(depth)),
):
    keras.utils.set_random_seed(6)
    x = parts.TokenAndPositionEmbedding(256, 32, hidden_dim=128)(tokens)
    sizes = [float(keras.ops.std(x))]
    for _ in range(depth):
        x = parts.TransformerBlock(4, 32, 512, residual_stddev=stddev)(x)
        sizes.append(float(keras.ops.std(x)))
    axes.plot(sizes, marker=".", label=label)
    print(f"{label}: grows {sizes[-1] / sizes[0]:.1f} times over {depth} blocks")
axes.set(
    xlabel="blocks passed",
    ylabel="standard deviation of the\nresidual stream (no unit)",
    ylim=(0, None),
    title=f"An untrained model of {depth} blocks",
)
axes.legend()
plt.show()

# %% [markdown]
# ## 6.8 The same numbers as another implementation
#
# You wrote GPT. `keras_hub` has a GPT-2 too, written by others. Give both the same weights, and
# they must give the same numbers. The weights are random here, biases and gains as well, so that
# nothing is hidden by a zero. They go into your model through your own `load_gpt2_weights`.

# %%
backbone = keras_hub.models.GPT2Backbone(
    vocabulary_size=101,
    num_layers=3,
    num_heads=4,
    hidden_dim=32,
    intermediate_dim=128,
    dropout=0.0,
    max_sequence_length=24,
)
rng = np.random.default_rng(6)
for weight in backbone.weights:
    centre = 1.0 if weight.path.endswith("gamma") else 0.0
    weight.assign(rng.normal(centre, 0.3, size=weight.shape))

model = GPT(gpt2_weights.config_of(backbone))
model.build((None, None))
load_gpt2_weights(model, gpt2_weights.released_arrays(backbone))
tokens = rng.integers(0, 101, size=(4, 20)).astype("int32")
hidden = backbone({"token_ids": tokens, "padding_mask": np.ones_like(tokens)})
theirs = np.asarray(backbone.token_embedding(hidden, reverse=True))
ours = np.asarray(model(tokens))
print(f"{model.count_params():,} parameters in yours, {backbone.count_params():,} in theirs")
print(f"logits from {theirs.min():.2f} to {theirs.max():.2f}")
print(f"largest difference {np.max(np.abs(ours - theirs)):.2e}")

# %% [markdown]
# What is left is rounding: 32-bit floats keep about seven digits, and the two models add up in
# another order.
#
# ## 6.9 The band of GPT-3
#
# The left table is a dense block's mask, the one in the middle a banded block's. GPT-3's paper does
# not print the width of its band; this course's configurations take 128.
#
# A band saves work. But what becomes of a word far back? Count how far news can travel: in each
# block, a position hears from all that it may see, and from all that those have heard before. The
# right picture counts which share of the text can reach the last position.

# %%
LENGTH, WINDOW = 48, 8
dense = np.asarray(parts.causal_mask(LENGTH))
band = np.asarray(banded_causal_mask(LENGTH, WINDOW))


def heard(masks):
    """Returns the share of positions (%) that can reach the last one after each block."""
    reach, found = np.eye(LENGTH, dtype=bool), [100 / LENGTH]
    for mask in masks:
        reach = mask @ reach
        found.append(100 * reach[-1].mean())
    return found


figure, panels = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")
for axes, mask, title in zip(panels, (dense, band), ("dense", f"band of {WINDOW}"), strict=False):
    axes.imshow(mask, cmap="Blues", vmin=0, vmax=1.3)
    axes.set(xlabel="position looked at", ylabel="position that looks", title=title)
for label, masks in (
    ("bands only", [band] * 8),
    ("band, dense, band, ...", [band, dense] * 4),
    ("dense, band, dense, ... (GPT-3)", [dense, band] * 4),
):
    panels[2].plot(heard(masks), marker=".", label=label)
panels[2].set(
    xlabel="blocks passed", ylabel="text that the last position can hear (%)", title="reach"
)
panels[2].legend()
plt.show()

context = PAPER["gpt3-175b"].max_sequence_length
window = PAPER["gpt3-175b"].attention_window
pairs = [
    np.tril(np.ones((context, context), bool)),
    np.asarray(banded_causal_mask(context, window)),
]
print(f"pairs of positions at T = {context}: dense {pairs[0].sum():,}, ", end="")
print(f"band of {window} {pairs[1].sum():,} ({pairs[1].sum() / pairs[0].sum():.0%})")

# %% [markdown]
# Bands alone move news along by less than the band's width a block. One dense block is enough to
# hear everything. So GPT-3 alternates.
#
# An honest word: your model still computes all pairs and then hides most of them. It gives the
# right numbers, but it saves nothing. A program that skips the hidden pairs is another matter, and
# it needs its own GPU code.
#
# ## 6.10 Can it learn at all?
#
# Before you spend hours on training, do what practitioners do first: let the model learn one small
# batch by heart. If it cannot, something is broken. The text is eight pieces of real documentation,
# one byte a token. GPT-1 style and GPT-2 style start from the same seed.

# %%
SEQUENCE, PIECES = 64, 8
text = "\n\n".join(corpora.docstrings("validation")).encode()[: PIECES * (SEQUENCE + 1)]
batch = np.frombuffer(text, "uint8").reshape(PIECES, SEQUENCE + 1).astype("int32")
steps = 4 if short() else 120
curves, trained = {}, {}
for style, normalize_first in (("GPT-1 style", False), ("GPT-2 style", True)):
    keras.utils.set_random_seed(6)
    config = GPTConfig(256, SEQUENCE, 3, 4, hidden_dim=128, normalize_first=normalize_first)
    learner = trained[style] = GPT(config)
    learner.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    curves[style] = []
    for _ in tqdm(range(steps), desc=style, unit="step"):
        curves[style].append(float(learner.train_on_batch(batch[:, :-1], batch[:, 1:])))
        learner.reset_metrics()

# %%
figure, axes = plt.subplots(figsize=(8, 3.8))
for style, losses in curves.items():
    axes.plot(losses, label=f"{style}: {losses[-1]:.3f} at the end")
axes.axhline(math.log(256), color="gray", linestyle="--", label=f"ln V = {math.log(256):.2f}")
axes.set(xlabel="training step", ylabel="loss (nats a byte)", title="Eight pieces, by heart")
axes.legend()
plt.show()

# %% [markdown]
# Now ask for it. The model gets the first 16 bytes of a piece and writes on, always with the most
# likely byte.


# %%
def continue_greedily(model, tokens, length):
    """Appends the most likely token until `tokens`, a list of int, has `length` of them."""
    tokens = list(tokens)
    while len(tokens) < length:
        logits = np.asarray(model(np.array([tokens], "int32")))
        tokens.append(int(np.argmax(logits[0, -1])))
    return tokens


for style, learner in trained.items():
    written = continue_greedily(learner, batch[0, :16], 20 if short() else SEQUENCE)
    same = np.mean(np.array(written) == batch[0, : len(written)])
    print(f"{style}, {same:.0%} as in the text: {bytes(written).decode(errors='replace')!r}")
print(f"the text: {text[:SEQUENCE].decode(errors='replace')!r}")

# %% [markdown]
# This is memory, not language: eight pieces tell nothing about English. Lab 07 trains on millions
# of bytes and measures on text that the model has never seen.
#
# ## 6.11 Real GPT-2, in your code
#
# If there is a network, the next cell downloads the smallest GPT-2 (about half a gigabyte, kept for
# the next time) and puts it into **your** model through **your** loader. Nothing else computes the
# text below.

# %%
gpt2 = None
if short():
    print("The short setting downloads nothing, so real GPT-2 is left out.")
else:
    try:
        config, arrays, tokenizer = gpt2_weights.fetch("gpt2_base_en")
    except FileNotFoundError as reason:
        print(reason)
    else:
        gpt2 = GPT(config)
        gpt2.build((None, None))
        load_gpt2_weights(gpt2, arrays)
        print(f"{gpt2.count_params():,} released parameters are in your model")


# %%
def write_on(model, tokenizer, prompt, new_tokens, temperature=0.8, seed=6):
    """Continues a text with sampled tokens, the 40 most likely ones at each step.

    Args:
        model: `GPT`.
        tokenizer: `keras_hub.models.GPT2Tokenizer`.
        prompt: str.
        new_tokens: int, how many tokens to write.
        temperature: float, above 0; the lower, the more careful.
        seed: int, decides what is drawn.

    Returns:
        str, the prompt and what follows it.
    """
    rng = np.random.default_rng(seed)
    tokens = [int(t) for t in np.asarray(tokenizer(prompt))]
    for _ in tqdm(range(new_tokens), unit="token", leave=False):
        logits = np.asarray(model(np.array([tokens], "int32")))[0, -1].astype("float64")
        best = np.argsort(logits)[-40:]
        chances = np.exp((logits[best] - logits[best].max()) / temperature)
        tokens.append(int(rng.choice(best, p=chances / chances.sum())))
    return tokenizer.detokenize([tokens])[0]


if gpt2 is None:
    print("There are no real weights here, so nothing is written. The rest of the course goes on.")
else:
    for prompt in ("The meaning of life is", "In a shocking finding, scientists discovered"):
        print(write_on(gpt2, tokenizer, prompt, new_tokens=40), "\n")

# %% [markdown]
# If you see text above, look at it closely. It is grammatical, it keeps to its subject for a while,
# and it states things that are not so. Each step also runs over the whole text again; lab 08 mends
# that with a cache.
#
# ## 6.12 Questions to think about
#
# 1. Leave embeddings, biases and norms out of your formula. What remains, in terms of the number of
#    blocks and the width alone, when the inner width is four times the width? Lab 14 uses it.
# 2. A pre-norm model without its final norm would still train. What would its logits look like
#    after 48 blocks? The plot in 6.7 helps.
# 3. The band hides positions further back than its width. Yet the last position can depend on the
#    first one even in a model of bands only. How many blocks does it take for T = 2048 and a band
#    of 128?
#
# ## What you know now
#
# * GPT is an embedding, a pile of equal blocks, perhaps a norm, and the embedding again.
# * You can count any GPT from its configuration, and you know where its parameters are.
# * An untrained model has a loss of ln V, and a deep one needs a quieter start.
# * Your model computes what others' GPT-2 computes, so their weights work in it.
