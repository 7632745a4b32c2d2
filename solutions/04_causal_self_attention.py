# %% [markdown]
# # Lab 04 · Masked self-attention
#
# An n-gram model sees a few words back. An LSTM squeezes everything it read into one vector.
# Attention does neither: each position looks back at every earlier position and takes what it
# needs. That is the heart of GPT.
#
# You build it here in six small steps, up to the layer that GPT-1 describes as "multi-headed
# self-attention over the input context tokens" (GPT-1, section 3.1). Then you train it on real
# English, you look at what it looks at, and you prove that no position sees its future.

# %%
import collections
import re

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from tqdm.keras import TqdmCallback

from gpt_tf import corpora, parts

# %% [markdown]
# ## 4.1 Who may look at whom
#
# A language model guesses the next token. Position 3 must not see position 4: it would be reading
# the answer. The loss would look wonderful, and the model would be useless.
#
# You stop it with a mask: a table that says who may look at whom. Row i belongs to the position
# that looks, column j to the position that is looked at.


# %% exercise="lab04.causal_mask" points=2 minutes=5 difficulty=1
def causal_mask(length):
    """Marks which positions each position may attend to (GPT-1, section 3.1).

    Args:
        length: int, number of positions T.

    Returns:
        Boolean tensor of shape (T, T); entry (i, j) is True where position i may see position j.

    Example:
        >>> causal_mask(3)
        [[True, False, False], [True, True, False], [True, True, True]]
    """
    ### BEGIN SOLUTION
    position = keras.ops.arange(length)
    return position[:, None] >= position[None, :]
    ### END SOLUTION


# %%
check("lab04.causal_mask")

# %% [markdown]
# ## 4.2 How much each position looks
#
# Each position sends out a **query**: what am I looking for? Each position offers a **key**: what
# do I have? The dot product of a query and a key says how well they fit. A softmax turns one
# position's scores into weights that sum to 1.
#
# Two details decide whether it works:
#
# * The scores are divided by the square root of the head width. A sum of many products is large,
#   and the softmax of large numbers puts everything on one position. Then nothing learns.
# * Forbidden positions get a score of minus infinity **before** the softmax. Their weight is then
#   exactly 0, and the others still sum to 1.


# %% exercise="lab04.attention_weights" points=4 minutes=15 difficulty=2
def attention_weights(q, k, mask=None):
    """Computes how much each position attends to each other one.

    softmax(q k^T / sqrt(head_dim)), with forbidden positions at exactly 0.

    Args:
        q: float tensor of shape (batch, heads, T, head_dim), the queries.
        k: float tensor of shape (batch, heads, S, head_dim), the keys.
        mask: boolean tensor that broadcasts to (batch, heads, T, S), True where looking is
            allowed; each row needs at least one True. None allows everything.

    Returns:
        Float tensor of shape (batch, heads, T, S); each row sums to 1.

    Example:
        >>> q = k = keras.ops.ones((1, 1, 3, 4))
        >>> attention_weights(q, k, causal_mask(3))[0, 0, 2]
        [0.333, 0.333, 0.333]
    """
    ### BEGIN SOLUTION
    scores = keras.ops.matmul(q / q.shape[-1] ** 0.5, keras.ops.swapaxes(k, -1, -2))
    if mask is not None:
        scores = keras.ops.where(mask, scores, float("-inf"))
    return keras.ops.softmax(scores, axis=-1)
    ### END SOLUTION


# %%
check("lab04.attention_weights")

# %% [markdown]
# ## 4.3 What each position takes away
#
# Looking is not enough: a position also takes something home. Each position offers a **value**.
# The result is the sum of the values, each times its weight.
#
# During training, GPT-1 drops some of the weights at random (dropout 0.1), so that no position
# relies on a single other one.


# %% exercise="lab04.scaled_dot_product_attention" points=3 minutes=10 difficulty=2
def scaled_dot_product_attention(q, k, v, mask=None, dropout=None):
    """Mixes the values by the attention weights.

    Args:
        q: float tensor of shape (batch, heads, T, head_dim), the queries.
        k: float tensor of shape (batch, heads, S, head_dim), the keys.
        v: float tensor of shape (batch, heads, S, head_dim), the values.
        mask: as in `attention_weights`.
        dropout: function from weights to weights, such as a `keras.layers.Dropout`, or None.

    Returns:
        Float tensor of shape (batch, heads, T, head_dim).

    Example:
        >>> q = k = v = keras.ops.ones((1, 2, 5, 4))
        >>> scaled_dot_product_attention(q, k, v).shape
        (1, 2, 5, 4)
    """
    ### BEGIN SOLUTION
    weights = attention_weights(q, k, mask)
    if dropout is not None:
        weights = dropout(weights)
    return keras.ops.matmul(weights, v)
    ### END SOLUTION


# %%
check("lab04.scaled_dot_product_attention")

# %% [markdown]
# ## 4.4 Several heads
#
# One softmax can point at one thing. Language needs several at once: the subject of the verb, the
# word before, the opening bracket. So the width is cut into heads, and each head attends on its
# own.
#
# A head is a slice of the **width**: features 0 to head_dim - 1 are head 0. A bare `reshape` to
# the final shape would mix positions into heads. Reshape first, then swap two axes.


# %% exercise="lab04.split_heads" points=2 minutes=10 difficulty=2
def split_heads(x, num_heads):
    """Cuts the width into heads.

    Args:
        x: float tensor of shape (batch, T, heads x head_dim).
        num_heads: int, number of heads.

    Returns:
        Float tensor of shape (batch, heads, T, head_dim).

    Example:
        >>> split_heads(keras.ops.ones((2, 5, 12)), num_heads=3).shape
        (2, 3, 5, 4)
    """
    ### BEGIN SOLUTION
    batch, length, width = keras.ops.shape(x)
    heads = keras.ops.reshape(x, (batch, length, num_heads, width // num_heads))
    return keras.ops.swapaxes(heads, 1, 2)
    ### END SOLUTION


# %%
check("lab04.split_heads")

# %% [markdown]
# ## 4.5 Back to one
#
# Afterwards the heads are laid side by side again. This undoes `split_heads` exactly.


# %% exercise="lab04.merge_heads" points=2 minutes=5 difficulty=1
def merge_heads(x):
    """Lays the heads side by side: the inverse of `split_heads`.

    Args:
        x: float tensor of shape (batch, heads, T, head_dim).

    Returns:
        Float tensor of shape (batch, T, heads x head_dim).

    Example:
        >>> merge_heads(keras.ops.ones((2, 3, 5, 4))).shape
        (2, 5, 12)
    """
    ### BEGIN SOLUTION
    batch, num_heads, length, head_dim = keras.ops.shape(x)
    return keras.ops.reshape(keras.ops.swapaxes(x, 1, 2), (batch, length, num_heads * head_dim))
    ### END SOLUTION


# %%
check("lab04.merge_heads")

# %% [markdown]
# ## 4.6 The layer
#
# Now put it together. One dense layer makes queries, keys and values in a single product (faster
# than three). After the heads are merged, a second dense layer mixes what they found.
#
# `__init__` makes the sub-layers, `heads` makes queries, keys and values, `call` does the rest.
# The names of the sub-layers matter: the tests put weights into them, and lab 06 loads GPT-2's.


# %% exercise="lab04.CausalSelfAttention" points=5 minutes=20 difficulty=3
@keras.saving.register_keras_serializable("gpt_tf")
class CausalSelfAttention(keras.layers.Layer):
    """Masked multi-head self-attention (GPT-1, section 3.1; GPT-2, section 2.3).

    Sub-layers:
        qkv: `keras.layers.Dense` from hidden_dim to 3 x num_heads x head_dim; its output holds
            the queries first, then the keys, then the values.
        projection: `keras.layers.Dense` from num_heads x head_dim to hidden_dim.
        dropout: `keras.layers.Dropout` on the attention weights.

    Args:
        num_heads: int, number of heads.
        head_dim: int, width of a head.
        dropout: float in [0, 1), rate on the attention weights while training.
        residual_stddev: float, standard deviation of the projection's initial kernel (GPT-2,
            section 2.3 scales it; see lab 06). All other kernels start at N(0, 0.02).

    Call arguments:
        x: float tensor of shape (batch, T, hidden_dim).
        attention_mask: boolean tensor that broadcasts to (batch, heads, T, T), True where looking
            is allowed; the causal mask if None.

    Returns:
        Float tensor of shape (batch, T, hidden_dim).

    Example:
        >>> CausalSelfAttention(num_heads=3, head_dim=4)(keras.ops.ones((2, 5, 12))).shape
        (2, 5, 12)
    """

    def __init__(self, num_heads, head_dim, dropout=0.0, residual_stddev=0.02, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.residual_stddev = residual_stddev
        normal = keras.initializers.RandomNormal
        ### BEGIN SOLUTION
        width = num_heads * head_dim
        self.qkv = keras.layers.Dense(3 * width, kernel_initializer=normal(stddev=0.02))
        self.dropout = keras.layers.Dropout(dropout)
        ### END SOLUTION

    def build(self, input_shape):
        # The projection ends in the width that came in.
        ### BEGIN SOLUTION
        self.projection = keras.layers.Dense(
            input_shape[-1],
            kernel_initializer=keras.initializers.RandomNormal(stddev=self.residual_stddev),
        )
        self.qkv.build(input_shape)
        self.projection.build((*input_shape[:-1], self.num_heads * self.head_dim))
        ### END SOLUTION

    def heads(self, x):
        """Returns queries, keys and values, each (batch, heads, T, head_dim)."""
        ### BEGIN SOLUTION
        # One move for all: the queries' heads come first, then the keys', then the values'.
        return keras.ops.split(split_heads(self.qkv(x), 3 * self.num_heads), 3, axis=1)
        ### END SOLUTION

    def call(self, x, attention_mask=None):
        ### BEGIN SOLUTION
        q, k, v = self.heads(x)
        if attention_mask is None:
            attention_mask = causal_mask(keras.ops.shape(x)[1])
        attended = scaled_dot_product_attention(q, k, v, attention_mask, self.dropout)
        return self.projection(merge_heads(attended))
        ### END SOLUTION


# %%
check("lab04.CausalSelfAttention")

# %% [markdown]
# ## 4.7 Experiment: why the scores are divided
#
# Take random queries and keys whose numbers are of size 1, as at the start of training. Make the
# heads wider and wider. How evenly does a position look around?
#
# The **entropy** of its weights says so. It is ln(64) = 4.16 nats when all 64 positions get the
# same weight, and 0 when one position gets everything.
#
# The second curve says how much a weight still moves when its score moves: the sum of the
# derivatives dw/ds = w (1 - w). Where it is 0, no gradient comes through, and nothing is learned.


# %%
def entropy_and_movement(head_dim, scale, positions=64):
    """Measures the weights of random queries and keys: mean entropy (nats), mean sum of dw/ds."""
    rng = np.random.default_rng(head_dim)
    q, k = rng.normal(size=(2, 1, 16, positions, head_dim)).astype("float32")
    w = np.asarray(attention_weights(q * scale * head_dim**0.5, k), "float64")
    entropy = -np.sum(w * np.log(np.maximum(w, 1e-300)), axis=-1)
    return entropy.mean(), np.sum(w * (1 - w), axis=-1).mean()


head_dims = 2 ** np.arange(10)
scaled = np.array([entropy_and_movement(d, scale=d**-0.5) for d in head_dims])
unscaled = np.array([entropy_and_movement(d, scale=1.0) for d in head_dims])

figure, axes = plt.subplots(1, 2, figsize=(10, 3.6))
for axis, column, label in (
    (axes[0], 0, "mean entropy of the weights (nats)"),
    (axes[1], 1, "mean sum of dw/ds (no unit)"),
):
    axis.plot(head_dims, scaled[:, column], "o-", label="divided by sqrt(head_dim)")
    axis.plot(head_dims, unscaled[:, column], "s-", label="not divided")
    axis.set(xlabel="head width (features)", ylabel=label, ylim=(0, None))
    axis.set_xscale("log", base=2)
axes[0].axhline(np.log(64), color="grey", linestyle=":", label="all 64 positions alike")
axes[0].set_ylim(0, 4.6)
axes[0].legend(loc=(0.5, 0.5), fontsize=8)
axes[1].legend(loc="lower left", fontsize=8)
figure.tight_layout()
plt.show()

at_64 = list(head_dims).index(64)
print(f"head width 64, divided:     entropy {scaled[at_64, 0]:.2f}, dw/ds {scaled[at_64, 1]:.2f}")
print(
    f"head width 64, not divided: entropy {unscaled[at_64, 0]:.2f}, dw/ds {unscaled[at_64, 1]:.2f}"
)

# %% [markdown]
# With the division the width does not matter. Without it, a head of GPT's width (64) begins its
# life staring at one or two positions chosen by chance, and hardly any gradient tells it to look
# elsewhere.

# %% [markdown]
# ## 4.8 Experiment: a model that only attends
#
# Now real text: the English in the docstrings of the packages that you have installed. A token is
# a word here, and the 2,000 most frequent ones make the vocabulary. All others become `<unk>`.

# %%
train_texts = corpora.docstrings("train")[: 600 if short() else 6000]
validation_texts = corpora.docstrings("validation")[: 50 if short() else 300]
length, vocabulary_size = 32, 2000


def to_words(text):
    """Cuts a text into lower-case words and single signs."""
    return re.findall(r"[a-z]+|[^\sa-z]", text.lower())


def to_windows(texts, ids, length):
    """Makes one stream of token ids of all texts and cuts it: int array (windows, length + 1)."""
    stream = np.array([ids.get(word, 0) for text in texts for word in to_words(text)], "int32")
    starts = np.arange(0, len(stream) - length, length)
    return stream[starts[:, None] + np.arange(length + 1)]


counts = collections.Counter(word for text in train_texts for word in to_words(text))
vocabulary = ["<unk>"] + [word for word, _ in counts.most_common(vocabulary_size - 1)]
ids = {word: i for i, word in enumerate(vocabulary)}
train_windows = to_windows(train_texts, ids, length)
validation_windows = to_windows(validation_texts, ids, length)
print(f"{len(train_windows):,} windows to train on, {len(validation_windows):,} to validate on")

# %% [markdown]
# The smallest language model with attention: lab 03's embedding, one attention layer with a way
# around it (lab 05 tells why), and the embedding again to score the next word.
#
# Train it twice. Once with the **decoder mask** of GPT: the past only. Once with the **encoder
# mask** of BERT: every position sees every position. Nothing else differs.


# %%
class AttentionLM(keras.Model):
    """Token and position embedding, one attention layer around which a sum leads, tied logits."""

    def __init__(self, vocabulary_size, mask, hidden_dim=64, num_heads=4):
        super().__init__()
        self.mask = mask
        self.embedding = parts.TokenAndPositionEmbedding(vocabulary_size, len(mask), hidden_dim)
        self.attention = CausalSelfAttention(num_heads, hidden_dim // num_heads)

    def call(self, tokens, attention_mask=None):
        if attention_mask is None:
            attention_mask = self.mask[: tokens.shape[1], : tokens.shape[1]]
        x = self.embedding(tokens)
        return self.embedding.logits(x + self.attention(x, attention_mask=attention_mask))

    def weights_of(self, tokens):
        """Returns the attention weights, float array (batch, heads, T, T)."""
        q, k, _ = self.attention.heads(self.embedding(tokens))
        size = tokens.shape[1]
        return np.asarray(attention_weights(q, k, self.mask[:size, :size]))


def train(model, windows, steps, batch_size=32):
    """Trains a model to predict each next token of the windows."""
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensor_slices((windows[:, :-1], windows[:, 1:]))
    data = data.shuffle(len(windows), seed=4).repeat().batch(batch_size).with_options(options)
    model.compile(
        optimizer=keras.optimizers.Adam(1e-2),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=True,
    )
    # The data are shuffled above; `fit` would warn that it does not shuffle them again.
    bar = TqdmCallback(epochs=1, verbose=1)
    model.fit(data, epochs=1, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=[bar])


def mean_loss(model, windows, mask):
    """Measures the mean cross-entropy of each next token, in nats."""
    losses = [
        keras.losses.sparse_categorical_crossentropy(
            batch[:, 1:], model(batch[:, :-1], attention_mask=mask), from_logits=True
        )
        for batch in np.array_split(windows, max(1, len(windows) // 64))
    ]
    return float(np.mean(np.concatenate(losses)))


past_only = np.asarray(causal_mask(length))
everything = np.ones((length, length), dtype=bool)
keras.utils.set_random_seed(4)
sample = validation_windows[:100, :-1]
decoder, encoder = (AttentionLM(len(vocabulary), mask) for mask in (past_only, everything))
fresh_weights = []
for model in (decoder, encoder):
    model(sample)
    fresh_weights.append(model.weights_of(sample))
    train(model, train_windows, steps=20 if short() else 600)

# %%
print(f"guessing evenly: {np.log(len(vocabulary)):.2f} nats a word")
print("                                    own mask   past only   (validation loss, nats a word)")
for name, model in (("decoder mask, as in GPT", decoder), ("encoder mask, as in BERT", encoder)):
    own, past = (mean_loss(model, validation_windows, m) for m in (model.mask, past_only))
    print(f"trained with the {name:24s} {own:6.2f}      {past:6.2f}")

# %% [markdown]
# Read the second row. With every position in sight the loss is far too good for so small a model.
# It did not learn English; it learned to look one word ahead and copy. When you generate text
# there is no word ahead. Hide it, and compare the loss with that of guessing evenly.
#
# So an encoder mask and next-token prediction do not go together. BERT keeps the encoder mask and
# changes the task: it hides some words of the input and guesses those from both sides. That is
# good for understanding a finished sentence. GPT keeps the task and gives up the right side. That
# is why GPT can write.

# %% [markdown]
# ## 4.9 Experiment: what it looks at
#
# A sentence from the validation text, so the model has not seen it. Each picture is one head of
# the decoder. A row is the word that looks; the darker a cell, the more it takes from that word.
# Above: before training. Below: after.


# %%
def find_sentence(texts, ids, least=12, most=16):
    """Finds a sentence of known words, the one in which words repeat the most."""
    sentences = [to_words(s) for t in texts for s in re.findall(r"[^.\n]+\.", t)]
    known = [s for s in sentences if least <= len(s) <= most and all(w in ids for w in s)]
    return max(known, key=lambda s: sum(len(w) > 3 and s.count(w) > 1 for w in s))


def show_weights(axis, weights, words, title):
    """Draws a table of attention weights, with the words at both sides."""
    axis.imshow(weights, cmap="Blues", vmin=0, vmax=1)
    axis.set_xticks(range(len(words)), words, rotation=90, fontsize=7)
    axis.set_yticks(range(len(words)), words, fontsize=7)
    axis.set_title(title, fontsize=9)


sentence = find_sentence(corpora.docstrings("validation"), ids)
tokens = np.array([[ids[word] for word in sentence]], "int32")
keras.utils.set_random_seed(4)
fresh = AttentionLM(len(vocabulary), past_only)
fresh(tokens)

figure, axes = plt.subplots(2, 4, figsize=(14, 7.6), layout="constrained")
for row, (name, model) in enumerate((("fresh", fresh), ("trained", decoder))):
    for head, weights in enumerate(model.weights_of(tokens)[0]):
        show_weights(axes[row, head], weights, sentence, f"{name}, head {head}")
figure.supxlabel("word looked at")
figure.supylabel("word that looks")
bar = figure.colorbar(axes[0, 0].images[0], ax=axes, shrink=0.6)
bar.set_label("attention weight (no unit)")
plt.show()

# %% [markdown]
# A fresh layer spreads its attention evenly over the past: every row is pale, and paler the
# further down. After training the heads have become choosy, and each in its own way. Look for a
# head that stays on the present word, for one that finds the same kind of word again, and for one
# that keeps to commas and small words; not every training run has all three. Take care with the
# reading: a dark cell says where the layer looks, not why.
#
# Does a habit show over many sentences? Average the weights by distance: 0 is the word itself, -1
# the word before, +1 the word after.


# %%
def by_distance(weights, distances):
    """Averages attention weights (batch, heads, T, T) over the positions at each distance."""
    means = weights.mean(axis=0)
    size = means.shape[-1]
    # The same rows for each distance, so that the averages can be compared.
    rows = np.arange(-min(distances), size - max(distances))
    return np.stack([means[:, rows, rows + d] for d in distances]).mean(axis=-1)


distances = np.arange(-8, 4)
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), sharey=True)
for axis, name, model, before in zip(
    axes, ("decoder mask", "encoder mask"), (decoder, encoder), fresh_weights, strict=True
):
    trained = by_distance(model.weights_of(sample), distances)
    for head, curve in enumerate(trained.T):
        axis.plot(distances, curve, "o-", label=f"head {head}")
    even = by_distance(before, distances).mean(axis=1)
    axis.plot(distances, even, "k--", label="fresh, mean of heads")
    axis.axvspan(0.5, distances[-1] + 0.5, color="grey", alpha=0.15, label="the future")
    axis.set(title=f"trained with the {name}", xlabel="distance looked (words)")
    print(
        f"{name}: most of head {trained.max(0).argmax()}'s weight lies at distance "
        f"{distances[trained.max(1).argmax()]:+d}: {trained.max():.2f} on average"
    )
axes[0].set_ylabel("mean attention weight (no unit)")
axes[0].legend(fontsize=8)
figure.tight_layout()
plt.show()

# %% [markdown]
# The decoder's curves are 0 in the grey part, all of them. Where do the encoder's heads crowd? At
# +1, the answer.

# %% [markdown]
# ## 4.10 Experiment: no position sees its future
#
# You have a mask, but do you have a proof? A forgotten mask raises no error. So probe the whole
# model from outside: change word j, and see at which positions i the output moves.
#
# Do it for every j. A model that keeps to the past moves only at i >= j: below the diagonal.


# %%
def probe(model, tokens, other):
    """Changes one token at a time: (T, T), how far the logits of position i move for token j."""
    size = tokens.shape[1]
    original = np.repeat(tokens, size, axis=0)
    changed = original.copy()
    np.fill_diagonal(changed, np.where(tokens[0] == other, other + 1, other))
    difference = np.abs(model(changed) - model(original))
    return difference.max(axis=-1).T


figure, axes = plt.subplots(2, 2, figsize=(9, 9), layout="constrained")
for row, (name, model) in enumerate((("decoder", decoder), ("encoder", encoder))):
    size = len(sentence)
    moved = probe(model, tokens, other=ids["value"])
    future = moved[np.triu_indices(size, k=1)]
    print(
        f"{name}: largest move at an earlier position {future.max():.3g}, "
        f"at the same or a later one {moved[np.tril_indices(size)].max():.3g}"
    )
    axes[row, 0].imshow(model.mask[:size, :size], cmap="Greys", vmin=0, vmax=2)
    axes[row, 0].set(title=f"{name} mask (dark: may look)")
    axes[row, 0].set(xlabel="position looked at", ylabel="position that looks")
    picture = axes[row, 1].imshow(np.where(moved > 0, moved, np.nan), norm="log", cmap="viridis")
    axes[row, 1].set(title=f"{name}: what moves (white: exactly nothing)")
    axes[row, 1].set(xlabel="position j whose word was changed", ylabel="position i of the output")
    figure.colorbar(picture, ax=axes[row, 1], shrink=0.8, label="largest move of a logit (nats)")
plt.show()

# %% [markdown]
# The decoder's upper half is white: exactly 0, not merely small. And the picture repeats the mask.
# This probe works on any model that turns tokens into logits. Keep it for the GPT of lab 06.

# %% [markdown]
# ## Questions to think about
#
# 1. The mask throws away nearly half of all scores after they were computed. How many scores does
#    one head compute for a context of 1,024 tokens, and how many for 2,048? What does that mean
#    for GPT-3's price?
# 2. Someone shows you a training curve that falls to 0.3 nats a word within minutes. Which two
#    measurements of this lab would you ask for before you believe it?
# 3. Leave the position embedding out and shuffle all words but the last. Does the output at the
#    last position change? Try it, and say why "the dog bit the man" needs positions.
#
# ## What you know now
#
# * Attention is a weighted mean of values; the weights are a softmax of how well queries and keys
#   fit.
# * The scores are divided by the square root of the head width, or the softmax freezes.
# * The mask goes in before the softmax. It makes the difference between a model that writes (GPT)
#   and one that reads from both sides (BERT).
# * Heads are slices of the width, each with an attention of its own.
# * Whether a model sees its future can be measured from outside, in one line. Measure it.
#
# Attention only moves information around. In lab 05 you give each position something to think
# with, and wire the two into the block that GPT repeats 12 to 96 times.
