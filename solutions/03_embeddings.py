# %% [markdown]
# # Lab 03 · Embeddings
#
# The tokenizer of lab 02 turned text into numbers. But token 311 is not larger than token 310 in
# any useful sense: the numbers are only names. A network needs something that it can compare,
# add and shift a little in training. So each token gets a vector.
#
# GPT-1 says it in one line (section 3.1): $h_0 = U W_e + W_p$. In words: look up a vector for each
# token, look up a vector for each position, add the two. The same paper says in another line how
# GPT speaks: $P(u) = \mathrm{softmax}(h_n W_e^T)$. The matrix that reads also writes.
#
# You build the entrance and the exit of GPT here. Then you train the smallest model that needs
# nothing else, on real text, and look at what its vectors have learned.

# %%
import collections
import re

import keras
import matplotlib.pyplot as plt
import numpy as np
from tqdm.auto import tqdm

from gpt_tf import corpora
from gpt_tf.config import PAPER

# %% [markdown]
# ## 3.1 A row for each token
#
# Why vectors? Two words that are used alike should look alike to the model. Then what it learns
# about *returns* helps it with *gives*. Names cannot look alike. Vectors can.
#
# All vectors stand in one matrix $W_e$, one row a token. The paper writes the look-up as a
# product, $U W_e$: each row of $U$ is 0 everywhere but for a 1 at its token. Such a product picks
# out rows. You need not multiply by all these zeros: take the rows.
#
# Write it with `keras.ops`, here and in all labs to come. It has NumPy's functions under the same
# names, but it remembers what it did, and training needs that: gradients go back the way the
# numbers came. NumPy forgets, and your model would never learn.


# %% exercise="lab03.embed_tokens" points=1 minutes=5 difficulty=1
def embed_tokens(tokens, token_embeddings):
    """Looks up the vector of each token: U We (GPT-1, section 3.1).

    Args:
        tokens: int tensor of shape (batch, T), token ids from 0 to V - 1.
        token_embeddings: float tensor of shape (V, hidden_dim), the matrix We.

    Returns:
        Float tensor of shape (batch, T, hidden_dim).

    Example:
        >>> table = keras.ops.convert_to_tensor([[0.0, 0.0], [1.0, 10.0], [2.0, 20.0]])
        >>> embed_tokens(keras.ops.convert_to_tensor([[2, 1]]), table)
        [[[2.0, 20.0], [1.0, 10.0]]]
    """
    ### BEGIN SOLUTION
    return keras.ops.take(token_embeddings, tokens, axis=0)
    ### END SOLUTION


# %%
check("lab03.embed_tokens")

# %% [markdown]
# ## 3.2 Back to tokens
#
# At the far end of the model stands a vector $h$ again, one for each position. It has to become a
# score for every token of the vocabulary: the **logits**.
#
# GPT uses the same matrix for that. The score of a token is the dot product of $h$ with the
# token's own row. So the model says *this word comes next* by turning $h$ towards the word's
# vector. Reading and writing share what they learn, and a large matrix is saved. You count how
# large in 3.5.


# %% exercise="lab03.tied_logits" points=2 minutes=10 difficulty=2
def tied_logits(hidden, token_embeddings):
    """Scores each token of the vocabulary: h We^T (GPT-1, section 3.1).

    Args:
        hidden: float tensor of shape (batch, T, hidden_dim), what the last block gave.
        token_embeddings: float tensor of shape (V, hidden_dim), the matrix We, the same one that
            embeds the input.

    Returns:
        Float tensor of shape (batch, T, V), the logits: no softmax yet.

    Example:
        >>> tied_logits(keras.ops.ones((2, 5, 4)), keras.ops.ones((7, 4))).shape
        (2, 5, 7)
    """
    ### BEGIN SOLUTION
    return keras.ops.matmul(hidden, keras.ops.transpose(token_embeddings))
    ### END SOLUTION


# %%
check("lab03.tied_logits")

# %% [markdown]
# ## 3.3 Words have an order
#
# *Dog bites man* and *man bites dog* hold the same three rows of $W_e$. Attention (lab 04) looks
# at a set of vectors: it cannot tell which came first. Somebody has to write the place into the
# vector.
#
# The first Transformer used fixed sine waves for this. GPT learns the positions instead: a second
# matrix $W_p$ with one row for each place, added to the token's row. That is simple, and it has a
# price: a position that has no row cannot be used. GPT-1 has 512 rows, and that is how much it can
# read at once.
#
# Now write the layer. `build` makes the two matrices, `call` adds their rows and applies dropout
# to the sum, `logits` is the way out. Mind two things in `call`:
#
# * A text that is too long must raise a `ValueError` that says so.
# * `start` is the place of the first token. It is 0 now. In lab 08 you generate one token at a
#   time, and then it says where that token stands. It may be a tensor.
#
# The second needs care. To be fast, Keras first draws your `call` as a graph and runs the graph
# afterwards. While it draws, a tensor has a shape but no number. You cannot ask `if start > 3`,
# and `int(start)` fails. So check the length only if `start` is an `int`. And cut with
# `keras.ops.slice`: it takes a start that is a tensor and a length that is a number.


# %% exercise="lab03.TokenAndPositionEmbedding" points=4 minutes=20 difficulty=2
@keras.saving.register_keras_serializable("gpt_tf")
class TokenAndPositionEmbedding(keras.layers.Layer):
    """The entrance and the exit of GPT: h0 = U We + Wp, and logits h We^T (GPT-1, section 3.1).

    Weights:
        token_embeddings: (vocabulary_size, hidden_dim), the matrix We.
        position_embeddings: (max_sequence_length, hidden_dim), the matrix Wp.
        Both start at N(0, 0.02) (GPT-1, section 4.1).

    Args:
        vocabulary_size: int, number of tokens V.
        max_sequence_length: int, number of positions that have a vector.
        hidden_dim: int, width of a vector.
        dropout: float in [0, 1), rate on the sum while training.

    Call arguments:
        tokens: int tensor of shape (batch, T).
        start: int, or int tensor of shape (), position of the first token. Generation (lab 08)
            feeds one token at a time and says where it stands. Passed by keyword.

    Returns:
        Float tensor of shape (batch, T, hidden_dim).

    Raises:
        ValueError: the tokens reach beyond max_sequence_length.

    Example:
        >>> embedding = TokenAndPositionEmbedding(65, max_sequence_length=16, hidden_dim=8)
        >>> embedding(keras.ops.ones((2, 5), "int32")).shape
        (2, 5, 8)
    """

    def __init__(self, vocabulary_size, max_sequence_length, hidden_dim, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.max_sequence_length = max_sequence_length
        self.hidden_dim = hidden_dim
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, tokens_shape):
        # Make the two weights with self.add_weight(shape=..., initializer=..., name=...).
        ### BEGIN SOLUTION
        normal = keras.initializers.RandomNormal
        self.token_embeddings = self.add_weight(
            shape=(self.vocabulary_size, self.hidden_dim),
            initializer=normal(stddev=0.02),
            name="token_embeddings",
        )
        self.position_embeddings = self.add_weight(
            shape=(self.max_sequence_length, self.hidden_dim),
            initializer=normal(stddev=0.02),
            name="position_embeddings",
        )
        ### END SOLUTION

    def call(self, tokens, start=0):
        length = tokens.shape[1]
        ### BEGIN SOLUTION
        end = start + length if isinstance(start, int) else length
        if end > self.max_sequence_length:
            raise ValueError(
                f"The tokens reach position {end}, but max_sequence_length is "
                f"{self.max_sequence_length}; shorten the text or make a longer model."
            )
        positions = keras.ops.slice(self.position_embeddings, (start, 0), (length, self.hidden_dim))
        return self.dropout(embed_tokens(tokens, self.token_embeddings) + positions)
        ### END SOLUTION

    def logits(self, hidden):
        """Returns the logits (batch, T, V) of hidden states (batch, T, hidden_dim)."""
        ### BEGIN SOLUTION
        return tied_logits(hidden, self.token_embeddings)
        ### END SOLUTION


# %%
check("lab03.TokenAndPositionEmbedding")

# %% [markdown]
# ## 3.4 Who is near whom
#
# How do you look at 64 numbers? You don't. You ask for neighbours: which tokens have nearly the
# same vector?
#
# Near by **angle**, not by distance. A frequent word may have a long vector and a rare word a short
# one, and still mean nearly the same. The cosine of the angle is the dot product of the two
# vectors after each is brought to length 1.


# %% exercise="lab03.nearest_tokens" points=2 minutes=10 difficulty=2
def nearest_tokens(token_embeddings, index, k):
    """Finds the tokens whose vectors point most nearly the same way (cosine similarity).

    Args:
        token_embeddings: float tensor of shape (V, hidden_dim).
        index: int, the token whose neighbours are wanted.
        k: int, how many, from 1 to V - 1.

    Returns:
        Int tensor of shape (k,): the nearest token first, without `index` itself.

    Raises:
        ValueError: k is not from 1 to V - 1.

    Example:
        >>> table = keras.ops.convert_to_tensor([[1.0, 0.0], [9.0, 1.0], [0.0, 1.0], [-1.0, 0.0]])
        >>> nearest_tokens(table, index=0, k=2)
        [1, 2]
    """
    ### BEGIN SOLUTION
    vocabulary_size = token_embeddings.shape[0]
    if not 1 <= k < vocabulary_size:
        raise ValueError(f"k must be from 1 to {vocabulary_size - 1}, not {k}.")
    directions = keras.ops.normalize(token_embeddings, axis=-1)
    similarity = keras.ops.matmul(directions, directions[index])
    itself = keras.ops.arange(vocabulary_size) == index
    return keras.ops.top_k(keras.ops.where(itself, float("-inf"), similarity), k)[1]
    ### END SOLUTION


# %%
check("lab03.nearest_tokens")

# %% [markdown]
# ## 3.5 What tying saves
#
# Without tying, the model would hold a second matrix of the shape of $W_e$ for its output. Here is
# how large that matrix is in the models of the three papers, and what it would weigh in 32-bit
# floats. The positions are there for comparison.

# %%
print(f"{'model':<12} {'V':>6} {'width':>6} {'tokens We':>12} {'positions Wp':>13} {'saved':>9}")
for name, config in PAPER.items():
    tokens = config.vocabulary_size * config.hidden_dim
    positions = config.max_sequence_length * config.hidden_dim
    print(
        f"{name:<12} {config.vocabulary_size:>6} {config.hidden_dim:>6} {tokens:>12,} "
        f"{positions:>13,} {tokens * 4 / 1e6:>6,.0f} MB"
    )

gpt1 = PAPER["gpt1"].vocabulary_size * PAPER["gpt1"].hidden_dim
print(f"\nGPT-1: tying saves {gpt1:,} parameters; without it, about 117 million would become")
print(f"{(117e6 + gpt1) / 1e6:.0f} million.")

# %% [markdown]
# The GPT-2 paper gives 117 million as the size of a model like GPT-1. Set the saving beside it:
# more than a quarter of the model. In lab 06 you count the rest.
#
# ## 3.6 Words from real documentation
#
# Now let vectors learn something. The text is the English of the docstrings that came with the
# packages you installed. To keep neighbours readable, a token is a whole word here, a digit or a
# punctuation mark. Words outside the vocabulary become `<rare>`.


# %%
def read_words(split):
    """Returns the words of a split of the docstring corpus, in order, as one list of str."""
    pattern = re.compile(r"[a-z]+|[0-9]|[.,]")
    return [word for text in corpora.docstrings(split) for word in pattern.findall(text.lower())]


train_words, validation_words = read_words("train"), read_words("validation")
counts = collections.Counter(train_words)
vocabulary = ["<rare>"] + [word for word, _ in counts.most_common(2999)]
index = {word: i for i, word in enumerate(vocabulary)}
known = np.mean([word in index for word in train_words])
print(f"{len(train_words):,} words, {len(counts):,} different; the {len(vocabulary):,} tokens of")
print(f"the vocabulary cover {known:.1%} of the text. The most frequent: {vocabulary[1:11]}")

# %% [markdown]
# The task is the one of all this course: guess the next word. The model sees the `CONTEXT` words
# before it.

# %%
CONTEXT = 8


def windows(words):
    """Returns every run of CONTEXT words, (n, CONTEXT), and the word that follows each, (n,)."""
    ids = np.array([index.get(word, 0) for word in words], "int32")
    runs = np.lib.stride_tricks.sliding_window_view(ids, CONTEXT + 1)
    return runs[:, :-1], runs[:, -1]


x, y = windows(train_words)
x_validation, y_validation = windows(validation_words)
print("seen:", [vocabulary[i] for i in x[0]], " next:", vocabulary[y[0]])

# %% [markdown]
# ## 3.7 The smallest model that has an entrance and an exit
#
# Between `embedding(tokens)` and `embedding.logits(...)` stands almost nothing: a small dense
# layer that works on each position alone, a sum over the positions, another dense layer. The sum
# does not know about order. Whatever the model knows about order, it knows through $W_p$.


# %%
class NextWord(keras.Model):
    """Guesses the next word from a sum over the words before it.

    Args:
        vocabulary_size: int, number of tokens V.
        context: int, number of words that are seen.
        hidden_dim: int, width of the vectors.

    Call arguments:
        tokens: int tensor of shape (batch, context).

    Returns:
        Float tensor of shape (batch, V), the logits of the next word.
    """

    def __init__(self, vocabulary_size, context, hidden_dim):
        super().__init__()
        self.embedding = TokenAndPositionEmbedding(vocabulary_size, context, hidden_dim)
        self.each = keras.layers.Dense(hidden_dim, activation="gelu")
        self.all = keras.layers.Dense(hidden_dim)

    def call(self, tokens):
        seen = self.each(self.embedding(tokens))
        return self.embedding.logits(self.all(keras.ops.sum(seen, axis=1)))


ROWS = 20000  # of the validation text, on which every loss below is measured


def validation_loss(model, size=2000):
    """Returns the mean loss in nats a word on the first ROWS rows of the validation text."""
    losses = [
        keras.losses.sparse_categorical_crossentropy(
            y_validation[i : i + size], model(x_validation[i : i + size]), from_logits=True
        )
        for i in range(0, min(ROWS, len(x_validation)), size)
    ]
    return float(np.mean(np.concatenate(losses)))


keras.utils.set_random_seed(3)
model = NextWord(len(vocabulary), CONTEXT, hidden_dim=64)
start_loss = validation_loss(model)
before = np.asarray(model.embedding.token_embeddings)
positions_before = np.asarray(model.embedding.position_embeddings)

# %% [markdown]
# Two numbers to measure against. A model that knows nothing gives each of V words the same
# chance: a loss of ln V. A model that knows only how frequent words are (lab 01's unigram) is
# better. Anything below that comes from the context.

# %%
frequency = np.array([counts[word] for word in vocabulary], float)
frequency[0] = len(train_words) - frequency.sum()
unigram_loss = -np.mean(np.log(frequency / frequency.sum())[y_validation[:ROWS]])
print(f"ln V {np.log(len(vocabulary)):.3f}, untrained model {start_loss:.3f}")
print(f"unigram {unigram_loss:.3f} nats a word")

# %%
# short() is True only where GPT_TF_SHORT=1 asks for a quick run.
steps = 60 if short() else len(x) // 512
order = np.random.default_rng(3).permutation(len(x))
model.compile(
    keras.optimizers.Adam(3e-3),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    jit_compile=True,
)
losses = []
for step in tqdm(range(steps), unit="step"):
    rows = order[step * 512 : (step + 1) * 512]
    losses.append(float(model.train_on_batch(x[rows], y[rows])))
    model.reset_metrics()
after = np.asarray(model.embedding.token_embeddings)
trained_loss = validation_loss(model)
print(f"after {steps:,} steps: {trained_loss:.3f} nats a word on validation text")

# %%
figure, axes = plt.subplots(figsize=(8, 3.5))
axes.plot(losses, linewidth=0.5, color="tab:blue", label="training batches")
for value, name, colour in (
    (np.log(len(vocabulary)), "no knowledge, ln V", "tab:gray"),
    (unigram_loss, "word frequencies only", "tab:orange"),
    (trained_loss, "this model, validation", "tab:green"),
):
    axes.axhline(value, color=colour, linestyle="--", label=f"{name}: {value:.2f}")
axes.set(xlabel="training step", ylabel="loss (nats a word)", title="Next word from eight words")
axes.legend()
plt.show()

# %% [markdown]
# Look for three parts of the curve. First it drops to the orange line: the model has learned which
# words are frequent. There it rests for a while. Then it falls again, and all that it gains below
# the orange line comes from the eight words before.
#
# ## 3.8 Neighbours before and after
#
# Before training, all vectors are noise, and so are the neighbours. Training never said which
# words are alike. It only asked for the next word.

# %%
for word in ("two", "array", "returns", "true", "if", "image", "computes", "the"):
    if word in index:
        for name, table in (("before", before), ("after", after)):
            near = np.asarray(nearest_tokens(table, index[word], 5))
            print(f"{word:<9} {name:<7} {', '.join(vocabulary[i] for i in near)}")

# %% [markdown]
# A few pretty examples prove little. So here is a number over many words. Many words also occur
# with an *s* at the end: *tensor* and *tensors*, *return* and *returns*. Where does the form with
# *s* stand in the list of the word's neighbours? Chance puts it in the middle of the vocabulary.


# %%
def ranks_with_s(table):
    """Returns, for each pair word and word + s, the place of the latter among the neighbours."""
    pairs = [(index[w], index[w + "s"]) for w in vocabulary if len(w) > 2 and w + "s" in index]
    lengths = np.linalg.norm(table, axis=1)
    found = []
    for word, with_s in pairs:
        cosine = table @ table[word] / lengths / lengths[word]
        # The word itself is always above, so the nearest neighbour gets place 1.
        found.append(np.sum(cosine > cosine[with_s]))
    return np.array(found)


for name, table in (("before", before), ("after", after)):
    ranks = ranks_with_s(table)
    print(
        f"{name:<7} {len(ranks)} pairs: median place {np.median(ranks):,.0f} of "
        f"{len(vocabulary):,}, among the ten nearest {np.mean(ranks <= 10):.0%}"
    )

# %% [markdown]
# A picture of some words: 64 numbers pressed into 2 by principal components, made for each panel
# on its own. Words of one colour are used alike. Look whether they stand together on the right.

# %%
GROUPS = {
    "small numbers": "one two three four five",
    "what functions do": "returns computes creates converts calculates",
    "containers": "array list tuple dictionary matrix",
    "types": "int float string integer boolean complex",
    "conditions": "if when whether unless otherwise",
}


def flatten(table, words):
    """Returns the first two principal components of some words' directions, (n, 2)."""
    rows = table[[index[word] for word in words]]
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows - rows.mean(axis=0)
    return rows @ np.linalg.svd(rows, full_matrices=False)[2][:2].T


def spread(places, width=0.22, height=0.045):
    """Moves labels up until none covers another: {word: (x, y)} in, the same out."""
    labels = {}
    for word, (x, y) in sorted(places.items(), key=lambda item: item[1][1]):
        while any(abs(x - u) < width and abs(y - v) < height for u, v in labels.values()):
            y += height / 4
        labels[word] = (x, y)
    return labels


groups = {name: [w for w in words.split() if w in index] for name, words in GROUPS.items()}
shown = [word for words in groups.values() for word in words]
figure, panels = plt.subplots(1, 2, figsize=(12, 6.5), layout="constrained")
for axes, title, table in zip(panels, ("before", "after"), (before, after), strict=True):
    place = dict(zip(shown, flatten(table, shown), strict=True))
    labels = spread(place)
    for name, words in groups.items():
        dots = axes.scatter(*np.array([place[word] for word in words]).T, label=name)
        line = {"arrowstyle": "-", "color": "lightgray"}
        for word in words:
            x, y = labels[word]
            colour = dots.get_facecolor()[0]
            axes.annotate(
                word, place[word], (x + 0.03, y), va="center", color=colour, arrowprops=line
            )
    axes.margins(x=0.2, y=0.15)
    axes.set(xlabel="first component (no unit)", ylabel="second component (no unit)", title=title)
figure.legend(*panels[1].get_legend_handles_labels(), loc="outside lower center", ncols=5)
plt.show()

# %% [markdown]
# ## 3.9 What the positions learned
#
# Take the trained model and give it the position vectors in reverse: it now believes that the
# latest word is the oldest. The words are the same. If order did not matter, neither would this.

# %%
positions = np.asarray(model.embedding.position_embeddings)
model.embedding.position_embeddings.assign(positions[::-1])
reversed_loss = validation_loss(model)
model.embedding.position_embeddings.assign(positions)
print(f"right order {trained_loss:.3f}, reversed positions {reversed_loss:.3f} nats a word")

# %%
figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for axes, title, table in zip(
    panels, ("before", "after"), (positions_before, positions), strict=True
):
    directions = table / np.linalg.norm(table, axis=1, keepdims=True)
    image = axes.imshow(directions @ directions.T, vmin=-1, vmax=1, cmap="RdBu")
    axes.set(xlabel=f"position ({CONTEXT - 1} is the latest word)", ylabel="position", title=title)
figure.colorbar(image, ax=panels, label="cosine of two position vectors")
plt.show()

# %% [markdown]
# Look at the right panel. Before training no position is like another. After it, positions far
# back are alike: it matters little whether a word stood six or seven places ago. The latest
# positions are different from all others: the last word says most about the next one.
#
# Be fair to this model. It sums up eight words and forgets everything before them. It cannot let
# one word ask another for something. That is what attention is for.
#
# ## 3.10 Questions to think about
#
# 1. With tying, the logits are largest for the token whose row points most nearly the way of $h$,
#    but also for tokens with long rows. Which words would you expect to have long rows, and why?
#    Check it: `np.linalg.norm(after, axis=1)`.
# 2. GPT adds position vectors to token vectors. Both have the same width. What would change if they
#    were laid side by side, and what would it cost in lab 04's attention?
# 3. A model was trained with 512 positions. You give it `max_sequence_length=1024` and copy the
#    512 rows. What does it know about position 700?
#
# ## What you know now
#
# * A token is a row of a matrix, and so is a position. GPT's input is their sum.
# * The output layer is the same matrix once more. It saves more than a quarter of GPT-1.
# * Vectors that are trained to guess the next word put words together that are used alike.
# * Positions are learned too. Without them the model would read a bag of words.
