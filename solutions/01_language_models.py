# %% [markdown]
# # Lab 01 · Language models
#
# GPT is a language model: it guesses the next word. Everything else in this course grows out of
# that one game. So you start with the game itself, and with the two players that came before GPT.
#
# You build an **n-gram model**, which counts what followed the last few words. Then you build an
# **LSTM**, a network that reads word by word. Both play on the same real text, and both are scored
# by the same number, perplexity. At the end you see what counting can do, where it breaks down, and
# why the papers of this course train networks instead.

# %%
import collections
import math
import re

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from gpt_tf import corpora

# %% [markdown]
# ## 1.1 Text is its own label
#
# Most machine learning needs people who label examples. A language model does not. Take any text,
# cover a word, and the word itself is the answer. Every position of every book is an exercise with
# its solution attached.
#
# GPT-1 writes the game as a sum (section 3.1, equation 1). It wants the largest
#
# $$L_1(\mathcal{U}) = \sum_i \log P(u_i \mid u_{i-k}, \ldots, u_{i-1}; \Theta)$$
#
# In words: for each token $u_i$, how probable did the model find it, given the $k$ tokens before?
# Take the logarithm, add up. $\Theta$ stands for all that the model has learned. Today that is a
# table of counts first, and the weights of a network afterwards.

# %%
NURSERY = "the cat sat on the mat and the cat saw the dog and the dog sat on the cat".split()

for i in range(3, 7):
    print(f"given {' '.join(NURSERY[i - 3 : i]):15s} guess: {NURSERY[i]}")

# %% [markdown]
# ## 1.2 Count what followed
#
# The simplest way to guess: look up what came next the last time. An n-gram is n tokens in a row.
# Its first n - 1 tokens are the **context**, its last one is the **token** to guess. You count, for
# each context, how often each token followed.
#
# With n = 1 the context is empty: you just count words. With n = 3 two words decide the guess.
#
# Your table is a dict of dicts: `counts[context][token]`. A context is always a tuple, also when it
# holds one token or none.


# %% exercise="lab01.count_ngrams" points=3 minutes=10 difficulty=1
def count_ngrams(tokens, n):
    """Counts which token followed each context of n - 1 tokens.

    This is the model of GPT-1, section 3.1, equation 1, with k = n - 1 and a table as Theta.

    Args:
        tokens: list of str or int, the text in order.
        n: int, tokens in an n-gram, its context included; at least 1.

    Returns:
        Dict {context: {token: count}}. A context is a tuple of n - 1 tokens. It holds only what
        occurred; a text shorter than n gives an empty dict.

    Raises:
        ValueError: n is below 1.

    Example:
        >>> count_ngrams(["a", "b", "a", "c"], n=2)
        {('a',): {'b': 1, 'c': 1}, ('b',): {'a': 1}}
    """
    ### BEGIN SOLUTION
    if n < 1:
        raise ValueError(f"n is {n}, but an n-gram has at least 1 token.")
    counts = {}
    for start in range(len(tokens) - n + 1):
        *context, token = tokens[start : start + n]
        followers = counts.setdefault(tuple(context), {})
        followers[token] = followers.get(token, 0) + 1
    return counts
    ### END SOLUTION


# %%
check("lab01.count_ngrams")

# %% [markdown]
# Look at your table. Each row of it is a small language model of its own.

# %%
for context, followers in count_ngrams(NURSERY, n=2).items():
    print(f"after {context[0]:4s} {followers}")

# %% [markdown]
# ## 1.3 Never say never
#
# Counts become probabilities: divide by the sum of the row. But then whatever did not occur gets
# probability 0. One such word in a new text, and the probability of the whole text is 0. The model
# claims that the text cannot exist, while you are reading it.
#
# The mend is called **additive smoothing**: pretend that every token of the vocabulary followed
# every context `alpha` more times than you saw. To keep the sum at 1, the row's total grows too, by
# `alpha` for each of the V tokens:
#
# $$P(\text{token} \mid \text{context}) =
# \frac{\text{count} + \alpha}{\text{total of the context} + \alpha V}$$
#
# A context that you never saw has an empty row. What does the formula give there? A shrug: every
# token gets 1 / V.


# %% exercise="lab01.smoothed_probability" points=3 minutes=10 difficulty=2
def smoothed_probability(counts, context, token, vocabulary_size, alpha):
    """Turns counts into P(token | context) by additive smoothing.

    Args:
        counts: dict {context: {token: count}} as `count_ngrams` makes it. Only read it: a question
            must not put new contexts into the table.
        context: tuple of tokens, as long as the contexts in `counts`; it may be a new one.
        token: str or int, the token that follows; it may be new too.
        vocabulary_size: int, number V of tokens that the language has, seen or not.
        alpha: float, at least 0, count that each token gets as a gift.

    Returns:
        Float in [0, 1]. Over the whole vocabulary it sums to 1.

    Raises:
        ValueError: alpha is 0 and the context never occurred, so nothing is known.

    Example:
        >>> counts = {("a",): {"b": 3}}
        >>> smoothed_probability(counts, ("a",), "c", vocabulary_size=5, alpha=1)
        0.125
    """
    ### BEGIN SOLUTION
    followers = counts.get(context, {})
    total = sum(followers.values()) + alpha * vocabulary_size
    if total == 0:
        raise ValueError(f"The context {context} never occurred; give an alpha above 0.")
    return (followers.get(token, 0) + alpha) / total
    ### END SOLUTION


# %%
check("lab01.smoothed_probability")

# %% [markdown]
# Watch what alpha does to the words that may follow "the". Small: the model trusts what it saw.
# Large: it believes in nothing.

# %%
words = sorted(set(NURSERY))
after_one = count_ngrams(NURSERY, n=2)
figure, axes = plt.subplots(figsize=(7, 3))
for shift, alpha in enumerate((0, 0.1, 1, 10)):
    bars = [smoothed_probability(after_one, ("the",), w, len(words), alpha) for w in words]
    axes.bar(np.arange(len(words)) + 0.2 * shift - 0.3, bars, width=0.2, label=f"alpha {alpha}")
axes.set_xticks(range(len(words)), words)
axes.set(xlabel="next word", ylabel='P(word | "the")', title="Smoothing by alpha")
axes.legend()
plt.show()

# %% [markdown]
# ## 1.4 The probability of a text
#
# Now the sum that GPT-1 maximises. Slide along the text. For each token that has a full context,
# ask the table how probable it is, and take the natural logarithm.
#
# Why logarithms? A text of a thousand words has a probability like 0.0000..., with thousands of
# zeros. A computer rounds that to 0. A sum of logarithms stays a plain number.
#
# The first n - 1 tokens have no full context. Skip them.


# %% exercise="lab01.ngram_log_probabilities" points=3 minutes=10 difficulty=2
def ngram_log_probabilities(tokens, counts, n, vocabulary_size, alpha):
    """Computes log P of each token, given the n - 1 tokens before it.

    The terms of the sum in GPT-1, section 3.1, equation 1, with k = n - 1.

    Args:
        tokens: list of str or int, the text to score.
        counts: dict {context: {token: count}} of `count_ngrams(other_tokens, n)`.
        n: int, tokens in an n-gram, its context included.
        vocabulary_size: int, number V of tokens that the language has.
        alpha: float above 0, as in `smoothed_probability`.

    Returns:
        List of float, natural logarithms (nats), one for each of tokens[n - 1], tokens[n], ...;
        an empty list if the text is shorter than n.

    Example:
        >>> counts = {(): {"a": 3, "b": 1}}
        >>> ngram_log_probabilities(["b", "a"], counts, n=1, vocabulary_size=2, alpha=1)
        [-1.0986, -0.4055]
    """
    ### BEGIN SOLUTION
    found = []
    for i in range(n - 1, len(tokens)):
        context = tuple(tokens[i - n + 1 : i])
        found.append(
            math.log(smoothed_probability(counts, context, tokens[i], vocabulary_size, alpha))
        )
    return found
    ### END SOLUTION


# %%
check("lab01.ngram_log_probabilities")

# %% [markdown]
# ## 1.5 One number for how lost you are
#
# A sum depends on how long the text is. Take the mean instead, change its sign, and you have the
# average surprise per token. Then undo the logarithm:
#
# $$\text{perplexity} = \exp\Bigl(-\frac{1}{N} \sum_i \log P(u_i \mid \ldots)\Bigr)$$
#
# Read it as a number of choices. A model with perplexity 20 is as lost as someone who throws a
# fair die with 20 sides. A model that knows nothing has the perplexity V, the size of the
# vocabulary. A model that knows every word beforehand has 1. The papers of this course report it
# throughout: GPT-2, table 3, scores one and the same model on text after text with it.


# %% exercise="lab01.perplexity" points=2 minutes=5 difficulty=1
def perplexity(log_probabilities):
    """Computes exp of the mean negative log-probability.

    Args:
        log_probabilities: list of float or float array of shape (N,), natural logarithms (nats)
            of the probability that the model gave to each token that came.

    Returns:
        Float, at least 1: the number of equally likely choices that would be as surprising.

    Raises:
        ValueError: there are no log-probabilities.

    Example:
        >>> perplexity([math.log(0.25), math.log(0.25)])
        4.0
    """
    ### BEGIN SOLUTION
    if len(log_probabilities) == 0:
        raise ValueError("There are no log-probabilities: the text is shorter than one n-gram.")
    return float(np.exp(-np.mean(log_probabilities)))
    ### END SOLUTION


# %%
check("lab01.perplexity")

# %% [markdown]
# Score two sentences with the table of the nursery text. The second one has the same words in a
# new order. Which order does the model find less surprising?

# %%
for sentence in ("the dog sat on the mat", "mat the on sat dog the"):
    scores = ngram_log_probabilities(sentence.split(), after_one, 2, len(words), alpha=0.1)
    print(f"{sentence}: perplexity {perplexity(scores):.1f}")

# %% [markdown]
# ## 1.6 Let it speak
#
# A model that knows P(next token) can write: draw a token, put it at the end, ask again. This loop
# is called autoregressive generation. GPT-3 writes its news articles with the very same loop.
#
# **Temperature** says how bold the draw is. Raise each probability to the power 1 / temperature
# and scale them to sum to 1. Below 1, the likely gets likelier. Above 1, the rare gets its chance.
# At exactly 0 there is no draw: you take the most likely token.
#
# Mind small temperatures: 0.01 to the power of 500 is 0 on a computer, and 0 / 0 is no
# probability. Only the ratios between the probabilities matter.
#
# Draw with the generator `rng` that is passed in, and with no other. Then a seed repeats the text.


# %% exercise="lab01.sample_next" points=3 minutes=15 difficulty=2
def sample_next(counts, context, vocabulary, alpha, rng, temperature=1.0):
    """Draws the next token from the smoothed probabilities.

    Args:
        counts: dict {context: {token: count}} as `count_ngrams` makes it.
        context: tuple of tokens, as long as the contexts in `counts`.
        vocabulary: list of str or int, the V tokens to choose from.
        alpha: float above 0, as in `smoothed_probability`.
        rng: `numpy.random.Generator`, the only source of chance.
        temperature: float, at least 0. Probabilities are raised to the power 1 / temperature and
            scaled to sum to 1; 0 takes the most likely token (the first of equals).

    Returns:
        One token of the vocabulary.

    Raises:
        ValueError: the temperature is negative.

    Example:
        >>> counts = {("a",): {"b": 3}}
        >>> sample_next(counts, ("a",), ["a", "b"], 0.1, np.random.default_rng(0), temperature=0)
        'b'
    """
    ### BEGIN SOLUTION
    if temperature < 0:
        raise ValueError(f"The temperature is {temperature}; give 0 or more.")
    size = len(vocabulary)
    found = [smoothed_probability(counts, context, token, size, alpha) for token in vocabulary]
    if temperature == 0:
        return vocabulary[int(np.argmax(found))]
    # The largest becomes 1 first, so that a power of small numbers cannot round all of them to 0.
    weights = (np.asarray(found) / max(found)) ** (1 / temperature)
    return vocabulary[rng.choice(size, p=weights / weights.sum())]
    ### END SOLUTION


# %%
check("lab01.sample_next")

# %%
rng = np.random.default_rng(1)
for temperature in (0, 0.5, 1, 3):
    text = ["the"]
    while len(text) < 12:
        text.append(sample_next(after_one, (text[-1],), words, 0.01, rng, temperature))
    print(f"temperature {temperature}: {' '.join(text)}")

# %% [markdown]
# ## 1.7 A network that reads
#
# To a table, "returns the array" and "returns a tensor" have nothing in common. What it learned
# about one context says nothing about another, however alike they are.
#
# A network does not look contexts up. It **computes** its guess from them, with the same weights
# everywhere. Three layers are enough:
#
# * `embedding` turns each token into a vector. Words that are used alike can get vectors alike.
# * `lstm` reads the vectors from left to right and keeps a state, a memory of all it has read.
#   It must hand out its state at **every** position, because there is a guess at every position.
# * `output_logits` turns each state into V scores. These are logits: no softmax here, the loss
#   does that itself, and more exactly.
#
# GPT-1 compares its Transformer with an LSTM too (section 5, table 5). You repeat that in lab 10.


# %% exercise="lab01.LSTMLanguageModel" points=4 minutes=15 difficulty=2
@keras.saving.register_keras_serializable("gpt_tf")
class LSTMLanguageModel(keras.Model):
    """Guesses the next token at every position from all tokens up to it.

    The recurrent counterpart of GPT (GPT-1, section 5, compares the two).

    Sub-layers:
        embedding: `keras.layers.Embedding`, vocabulary_size vectors of width embedding_dim.
        lstm: `keras.layers.LSTM` with `units` units and Keras's usual activations.
        output_logits: `keras.layers.Dense` from units to vocabulary_size.

    Args:
        vocabulary_size: int, number V of tokens.
        embedding_dim: int, width of a token's vector.
        units: int, width of the LSTM's state.

    Call arguments:
        tokens: int tensor of shape (batch, T). Every id is a word, 0 too: there is no padding.

    Returns:
        Float tensor of logits, of shape (batch, T, vocabulary_size). Those at position t are for
        the token at position t + 1.

    Example:
        >>> model = LSTMLanguageModel(vocabulary_size=11, embedding_dim=4, units=6)
        >>> model(np.zeros((2, 5), "int32")).shape
        (2, 5, 11)
    """

    def __init__(self, vocabulary_size, embedding_dim, units, **kwargs):
        super().__init__(**kwargs)
        ### BEGIN SOLUTION
        self.embedding = keras.layers.Embedding(vocabulary_size, embedding_dim)
        self.lstm = keras.layers.LSTM(units, return_sequences=True)
        self.output_logits = keras.layers.Dense(vocabulary_size)
        ### END SOLUTION

    def call(self, tokens):
        ### BEGIN SOLUTION
        return self.output_logits(self.lstm(self.embedding(tokens)))
        ### END SOLUTION


# %%
check("lab01.LSTMLanguageModel")

# %% [markdown]
# ## 1.8 Real text
#
# Now both players meet real English: sentences from the documentation of Python and of the very
# packages that this course runs on. Nobody labelled it.
#
# You cut it into words and marks, and put `<end>` after each document. The vocabulary is the most
# frequent words. All others become `<unk>`, for unknown. That is a blemish: guessing `<unk>` is
# easier than guessing the word, and no sample can ever contain a rare word. Lab 02 mends it. It is
# the same for both players here, so the comparison stays fair.

# %%
# short() is True only where GPT_TF_SHORT=1 asks for a quick run on little text.
VOCABULARY_SIZE = 2000
TRAINING_WORDS = 60_000 if short() else 600_000
LENGTH = 32  # words that the LSTM reads in one go
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+|[^\w\s]")


def to_words(documents):
    """Cuts documents into one list of words and marks, with <end> after each document."""
    return [word for text in documents for word in [*WORD.findall(text.lower()), "<end>"]]


def cut_rows(tokens, length):
    """Cuts a text into rows of `length` tokens; the rest at the end is dropped."""
    count = len(tokens) // length
    return np.asarray(tokens[: count * length], "int32").reshape(count, length)


def shuffled(documents, seed):
    """Returns the documents in an order that the seed decides."""
    return [documents[i] for i in np.random.default_rng(seed).permutation(len(documents))]


train_words = to_words(shuffled(corpora.docstrings("train"), seed=1))[:TRAINING_WORDS]
common = collections.Counter(train_words).most_common(VOCABULARY_SIZE - 1)
vocabulary = ["<unk>", *(word for word, _ in common)]
word_id = {word: i for i, word in enumerate(vocabulary)}
train = [word_id.get(word, 0) for word in train_words]
validation_words = to_words(shuffled(corpora.docstrings("validation"), seed=1))
validation = [word_id.get(word, 0) for word in validation_words]
print(f"{len(train):,} words to learn from, {len(validation):,} others to test on")
print(f"{validation.count(0) / len(validation):.1%} of the others are <unk>")
print(" ".join(vocabulary[i] for i in train[:40]))

# %% [markdown]
# One rule keeps the comparison honest: **every model guesses the same words of the same text.**
# You cut the validation text into rows of 33 words and take a few hundred of them. In each row,
# every model guesses the words from the fifth on, from the words before them in the row. So the
# 5-gram model has its four words of context, and the LSTM has between 4 and 32. No training
# document is in the validation text.
#
# For each n you try four values of alpha and keep the one that is best on the validation text. This
# flatters the score a little. The LSTM will be flattered in the same way.

# %%
ORDERS = (1, 2, 3, 4, 5)
ALPHAS = (1, 0.1, 0.01, 0.001)
SKIP = max(ORDERS) - 1  # words at the start of a row that no model has to guess
rows = cut_rows(validation, LENGTH + 1)[: 160 if short() else 800]
seen_rows = cut_rows(train, LENGTH + 1)[: len(rows)]


def score_rows(rows, counts, n, vocabulary_size, alpha):
    """Returns the log-probabilities of all words to guess: a list of float, in nats."""
    found = []
    for row in rows.tolist():
        found += ngram_log_probabilities(row[SKIP - n + 1 :], counts, n, vocabulary_size, alpha)
    return found


tables = {n: count_ngrams(train, n) for n in tqdm(ORDERS, desc="counting")}
validation_scores = {
    (n, alpha): score_rows(rows, tables[n], n, VOCABULARY_SIZE, alpha)
    for n in tqdm(ORDERS, desc="scoring")
    for alpha in ALPHAS
}
print(f"every model guesses {len(validation_scores[1, ALPHAS[0]]):,} words")
ngram_perplexity = {key: perplexity(scores) for key, scores in validation_scores.items()}
best_alpha = {n: min(ALPHAS, key=lambda alpha, n=n: ngram_perplexity[n, alpha]) for n in ORDERS}
train_perplexity = {
    n: perplexity(score_rows(seen_rows, tables[n], n, VOCABULARY_SIZE, best_alpha[n]))
    for n in ORDERS
}
for n in ORDERS:
    print(
        f"n = {n}, best alpha {best_alpha[n]:5}: perplexity {train_perplexity[n]:6.1f} on text it "
        f"has seen, {ngram_perplexity[n, best_alpha[n]]:6.1f} on new text"
    )


# %% [markdown]
# Why does a longer context not help? Count how many of the contexts in the validation text never
# occurred in the training text. There the table can only shrug.


# %%
def share_of_new_contexts(rows, counts, n):
    """Returns the share, 0 to 1, of the words to guess whose context is not in the table."""
    contexts = [tuple(r[i - n + 1 : i]) for r in rows.tolist() for i in range(SKIP, len(r))]
    return sum(context not in counts for context in contexts) / len(contexts)


new_contexts = [share_of_new_contexts(rows, tables[n], n) for n in ORDERS]
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
for alpha in ALPHAS:
    left.plot(
        ORDERS, [ngram_perplexity[n, alpha] for n in ORDERS], "o-", label=f"new text, alpha {alpha}"
    )
left.plot(ORDERS, list(train_perplexity.values()), "k--", label="text it has seen, best alpha")
left.set(yscale="log", xticks=ORDERS, xlabel="n (words in an n-gram)")
left.set(ylabel="perplexity (choices a word)", title="More context, more over-fitting")
left.legend(fontsize=8)
right.bar(ORDERS, [100 * share for share in new_contexts])
right.set(xlabel="n (words in an n-gram)", ylabel="contexts never seen in training (%)")
right.set(title="The table runs out of rows", ylim=(0, 100))
figure.tight_layout()
plt.show()

# %% [markdown]
# Read the left plot first. On text that the table has seen, the perplexity falls or stays low as n
# grows: a long context nearly always has one single follower, and the table knows it by heart. On
# new text the curve turns. The gap between the two is **over-fitting**.
#
# The right plot says why. With 2,000 words there are 2,000 contexts of one word, but 16 million
# million contexts of four. No text is long enough to fill such a table.
#
# There is a clever way out without any network: ask all five tables and average their
# probabilities. Where the long context is new, the short ones still answer. Real n-gram models
# work with finer versions of this idea. It is the strongest rival that counting can send today.

# %%
mixed = np.mean([np.exp(validation_scores[n, best_alpha[n]]) for n in ORDERS], axis=0)
mixed_perplexity = perplexity(np.log(mixed))
best_n = min(ORDERS, key=lambda n: ngram_perplexity[n, best_alpha[n]])
best_single = ngram_perplexity[best_n, best_alpha[best_n]]
print(f"best single table: n = {best_n}, perplexity {best_single:.1f}")
print(f"average of all five tables: perplexity {mixed_perplexity:.1f}")

# %% [markdown]
# ## 1.9 The LSTM on the same text
#
# Same words, same vocabulary, same guesses. The network starts with random weights, so at first its
# perplexity is near 2,000. It reads the training text several times over. You stop to score it now
# and then on the validation text, and you keep the weights of the best stop, as you kept the best
# alpha.

# %%
EMBEDDING_DIM, UNITS = (32, 32) if short() else (128, 128)
BATCH = 32  # rows in a training step
STOPS, STEPS = (2, 10) if short() else (8, 280)  # scored after every STEPS steps


def lstm_log_probabilities(model, rows):
    """Computes log P of the words to guess in each row.

    Args:
        model: LSTMLanguageModel.
        rows: int array of shape (N, length + 1).

    Returns:
        Float array of shape (N, length + 1 - SKIP), in nats.
    """
    found = []
    for batch in np.array_split(rows, -(-len(rows) // 80)):
        logits = model.predict_on_batch(batch[:, :-1])
        logs = keras.ops.convert_to_numpy(keras.ops.log_softmax(logits))
        found.append(np.take_along_axis(logs, batch[:, 1:, None], axis=-1)[:, SKIP - 1 :, 0])
    return np.concatenate(found)


keras.utils.set_random_seed(1)
lstm_model = LSTMLanguageModel(VOCABULARY_SIZE, EMBEDDING_DIM, UNITS)
train_rows = cut_rows(train, LENGTH + 1)
options = tf.data.Options()
options.autotune.enabled = False
dataset = tf.data.Dataset.from_tensor_slices((train_rows[:, :-1], train_rows[:, 1:]))
dataset = dataset.shuffle(len(train_rows), seed=1).repeat().batch(BATCH).with_options(options)

schedule = keras.optimizers.schedules.CosineDecay(8e-3, STOPS * STEPS, alpha=0.05)
lstm_model.compile(
    optimizer=keras.optimizers.Adam(schedule, clipnorm=1.0),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
curve = [perplexity(lstm_log_probabilities(lstm_model, rows).ravel())]
best_weights = []
bar = tqdm(total=STOPS * STEPS, desc="training", unit="step")


def score_now(epoch, logs):
    """Scores the model on the validation text, and keeps its weights if they are the best yet."""
    curve.append(perplexity(lstm_log_probabilities(lstm_model, rows).ravel()))
    if curve[-1] == min(curve):
        best_weights[:] = lstm_model.get_weights()


lstm_model.fit(
    dataset,
    epochs=STOPS,
    steps_per_epoch=STEPS,
    shuffle=False,  # the dataset shuffles itself
    verbose=0,
    callbacks=[
        keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: bar.update(), on_epoch_end=score_now
        )
    ],
)
bar.close()
lstm_model.set_weights(best_weights)
lstm_scores = lstm_log_probabilities(lstm_model, rows).ravel()
lstm_perplexity = perplexity(lstm_scores)

# %%
words_read = np.arange(len(curve)) * STEPS * BATCH * LENGTH
figure, axes = plt.subplots(figsize=(8, 4))
axes.plot(words_read / 1e6, curve, "o-", label="LSTM")
axes.axhline(best_single, color="C1", ls="--", label=f"best single table (n = {best_n})")
axes.axhline(mixed_perplexity, color="C2", ls=":", label="average of five tables")
axes.set(yscale="log", xlabel="words read in training (millions)")
axes.set(ylabel="validation perplexity (choices a word)", title="Learning to guess the next word")
axes.legend()
plt.show()

# %% [markdown]
# Now the scores, side by side. Beside each stands its size: how many counts a table keeps, and how
# many weights the network has. What does each model pay for its score?

# %%
table_size = {n: sum(len(followers) for followers in tables[n].values()) for n in ORDERS}
results = [
    (f"{n}-gram, alpha {best_alpha[n]}", ngram_perplexity[n, best_alpha[n]], table_size[n])
    for n in ORDERS
]
results.append(("average of five tables", mixed_perplexity, sum(table_size.values())))
results.append(("LSTM", lstm_perplexity, lstm_model.count_params()))
print(f"{'model':24s} {'perplexity':>10s} {'numbers it keeps':>17s}")
for name, score, size in results:
    print(f"{name:24s} {score:10.1f} {size:17,}")

# Both models guessed the same words, so their scores can be compared word by word.
gain = (lstm_scores - np.log(mixed)).reshape(len(rows), -1).mean(axis=1)
margin = 2 * gain.std(ddof=1) / len(rows) ** 0.5
print(f"\nLSTM against the average of five tables: {gain.mean():+.3f} ± {margin:.3f} nats a word")
print("(two standard errors; above 0, the LSTM is ahead)")
verdict = "too close to call" if abs(gain.mean()) < margin else "clear on this text"
print(f"The difference is {verdict}.")

# %% [markdown]
# How to read this honestly:
#
# * Beating the single tables is one thing. The average of all five is the rival to look at: it is
#   cheap, and it is strong. Read the last lines before you name a winner.
# * The margin holds for this one trained LSTM. Another seed gives another LSTM.
# * The LSTM's sizes and learning rate come from a handful of trials on this same kind of text. The
#   tables had only their alpha chosen, and their average nothing more.
# * All of these numbers belong to this text and to these 2,000 words. A perplexity from a paper has
#   another vocabulary and another text. You may not compare the two.
#
# One number hides **where** each model is good. Here is a prediction that you can test. If a
# network shares what it learned, it should shine where the table is in the dark: after words that
# never stood together in training. Where all four words before are known, the table can recite.
#
# So sort the words to guess by the longest context before them that occurred in training.


# %%
def longest_known_context(rows, tables):
    """Returns an int array: how many words of context were seen, for each word to guess."""
    targets = [(row, i) for row in rows.tolist() for i in range(SKIP, len(row))]
    return np.array(
        [
            max(n - 1 for n, table in tables.items() if tuple(row[i - n + 1 : i]) in table)
            for row, i in targets
        ]
    )


known = longest_known_context(rows, tables)
lengths = [k for k in range(SKIP + 1) if np.any(known == k)]
by_length = {
    "average of five tables": [perplexity(np.log(mixed[known == k])) for k in lengths],
    "LSTM": [perplexity(lstm_scores[known == k]) for k in lengths],
}
figure, axes = plt.subplots(figsize=(8, 4))
for shift, (name, scores) in zip((-0.2, 0.2), by_length.items(), strict=True):
    axes.bar(np.array(lengths) + shift, scores, width=0.4, label=name)
shares = [f"{k}\n({np.mean(known == k):.0%} of the words)" for k in lengths]
axes.set_xticks(lengths, shares)
axes.set(xlabel="longest context that occurred in training (words)")
axes.set(ylabel="perplexity (choices a word)", title="Who copes with the unknown?")
axes.legend()
plt.show()
for k, table, lstm in zip(lengths, *by_length.values(), strict=True):
    better = "LSTM" if lstm < table else "tables"
    print(f"{k} words known: tables {table:6.1f}, LSTM {lstm:6.1f}, better: {better}")

# %% [markdown]
# Does the prediction hold in your run? Each bar pair says who is less surprised, and the share
# below says how much it matters. Text that lies further from the training text moves to the left
# of this plot. There is far more of such text in the world than in any table.
#
# ## 1.10 Let both write
#
# Let every model go on from the same four words. Two things are worth watching: whether the text
# hangs together, and whether it is **new**. A long context with one follower cannot invent: it can
# only recite. So you look at the words that each model wrote, and measure the longest stretch of
# them that stands in the training text, word for word.


# %%
def continue_with_table(counts, n, start, length, rng):
    """Writes `length` words after the words `start`, almost without smoothing."""
    text = list(start)
    for _ in range(length):
        context = tuple(text[len(text) - n + 1 :])
        text.append(sample_next(counts, context, ALL_WORDS, 1e-9, rng))
    return text


def continue_with_lstm(model, start, length, rng):
    """Writes `length` words after the words `start`."""
    text = list(start)
    for _ in range(length):
        logits = keras.ops.convert_to_numpy(model(np.asarray([text[-LENGTH:]])))[0, -1]
        weights = np.exp(logits - logits.max()).astype("float64")
        text.append(int(rng.choice(VOCABULARY_SIZE, p=weights / weights.sum())))
    return text


def longest_copy(text, source):
    """Returns the length of the longest stretch of `text` that occurs in `source`, in words."""
    source, longest = f" {' '.join(source)} ", 0
    for start in range(len(text)):
        while (
            start + longest < len(text)
            and f" {' '.join(text[start : start + longest + 1])} " in source
        ):
            longest += 1
    return longest


ALL_WORDS = list(range(VOCABULARY_SIZE))
SAMPLE_WORDS = 10 if short() else 40
opening = [word_id[word] for word in ("<end>", "returns", "the", "number")]
rng = np.random.default_rng(1)
samples = {
    f"{n}-gram": continue_with_table(tables[n], n, opening, SAMPLE_WORDS, rng) for n in ORDERS
}
samples["LSTM"] = continue_with_lstm(lstm_model, opening, SAMPLE_WORDS, rng)
known_train = [vocabulary[i] for i in train]
for name, sample in samples.items():
    text = [vocabulary[i] for i in sample]
    copied = longest_copy(text[len(opening) :], known_train)
    print(f"{name} (longest copied stretch: {copied} words)\n  {' '.join(text)}\n")

# %% [markdown]
# Small tables babble: the words are right, the sentence goes nowhere. Large tables sound better.
# Compare the copied stretches before you admire them. The LSTM keeps no table of text, so it has to
# make most of its sentences. At this size they often lose their thread after one line.
#
# ## Questions to think about
#
# 1. Suppose that you had a thousand times more text. Which of the five tables would gain most? And
#    which column of the last table of numbers would become a problem?
# 2. With the perplexity of a model in hand, how many bits does it need per word, on average, to
#    store a text? (A fair coin has perplexity 2.)
# 3. The LSTM must press everything it read into one vector of fixed width. Which sentences would
#    make it fail? Keep your answer for lab 04.
#
# ## What you know now
#
# * A language model gives P(next token | tokens before). Any text trains it. No labels are needed.
# * Perplexity says among how many choices the model is lost. It only compares models with the same
#   vocabulary on the same text.
# * Counting over-fits and runs out of text as n grows. Smoothing and averaging delay that.
# * A network computes its guess with shared weights, so it can say something sensible about a
#   context it has never met. GPT goes on from there: same game, same score, a better reader.
