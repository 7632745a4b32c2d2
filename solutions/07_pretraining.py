# %% [markdown]
# # Lab 07 · Pre-training
#
# You have a model. It knows nothing yet: every token is as likely as every other.
#
# GPT learns from plain text. Nobody labels anything: the text itself says which token comes next.
# GPT-1 maximises the sum of log P(u_i | u_{i-k}, ..., u_{i-1}) over a large corpus (GPT-1, section
# 3.1, L1). In Keras that looks like one call of `fit` on a lot of text. It is not. Two things
# decide what comes out, and you write both:
#
# * **the data**: which sources, how often each, what is thrown away, what stands there twice, and
#   how documents become rows (GPT-3, section 2.2 and appendix A),
# * **the training step**: the loss, the learning rate, the gradient, the update.
#
# Then you pre-train a GPT on real English, watch its loss fall, and measure it against the models
# of lab 01. You keep it at the end: the later labs can start from it.

# %%
import dataclasses
import functools
import inspect
import os
import tempfile
import zlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from gpt_tf import corpora, job, parts, presets, training, world
from gpt_tf.compiling import compile_once, pays_off
from gpt_tf.config import GPTConfig
from gpt_tf.tokenizer import Tokenizer

# %% [markdown]
# ## 7.1 A mixture of sources
#
# GPT-3 was trained on 300 billion tokens from five sources. It did not simply read them all, one
# after another. Each source got a **weight**: the share of the training tokens that is drawn from
# it. Good text got more weight than its size would give it.
#
# How often does the model then read each source? Of a budget of B tokens, a source with the share w
# gives w B. If it has n tokens, that is w B / n times the whole source. One time through is an
# **epoch**. Below 1, part of the source is never seen. Far above 1, the model begins to learn it by
# heart.
#
# Weights are often written down without care: as percent, as "twice as much of this", or rounded.
# Only their ratios count. So make them shares first: divide by their sum.


# %% exercise="lab07.mixture_epochs" points=2 minutes=10 difficulty=1
def mixture_epochs(tokens, weights, budget):
    """Computes how many epochs of each source a run reads (GPT-3, section 2.2, table 2.2).

    Args:
        tokens: list of n numbers, the size of each source in tokens.
        weights: list of n numbers, how much of each source is in the mixture; only their ratios
            count, so they need not sum to 1. A weight may be 0.
        budget: number, tokens that the whole run reads, in the unit of `tokens`.

    Returns:
        Float array of shape (n,), or a list of n floats.

    Raises:
        ValueError: as many weights as sources are needed; a size is not above 0; a weight is
            negative; or all weights are 0.

    Example:
        >>> mixture_epochs(tokens=[100, 20], weights=[3, 1], budget=200)
        [1.5, 2.5]
    """
    ### BEGIN SOLUTION
    tokens, weights = np.asarray(tokens, "float64"), np.asarray(weights, "float64")
    if tokens.shape != weights.shape:
        raise ValueError(f"{len(tokens)} sources have {len(weights)} weights; give one for each.")
    if np.any(tokens <= 0):
        raise ValueError("A source has no tokens; leave it out.")
    if np.any(weights < 0) or not np.any(weights > 0):
        raise ValueError("Weights must not be negative, and one must be above 0.")
    return budget * weights / weights.sum() / tokens
    ### END SOLUTION


# %%
check("lab07.mixture_epochs")

# %% [markdown]
# Now let your function check a paper. Table 2.2 of GPT-3 prints for each source its size, its
# weight and the epochs at 300 billion tokens. Add up the printed weights: they make 101%, so they
# were rounded. The sizes were rounded, too. How far could that move the epochs? The last columns
# say it: the least and the most that sizes and weights can give that round to the printed ones.

# %%
PAPER_SOURCES = ("Common Crawl", "WebText2", "Books1", "Books2", "Wikipedia")
BILLIONS, PERCENT = np.array([410, 19, 12, 55, 3]), np.array([60, 22, 8, 8, 3])
PRINTED, BUDGET = np.array([0.44, 2.9, 1.9, 0.43, 3.4]), 300

computed = np.asarray(mixture_epochs(BILLIONS, PERCENT, BUDGET))
least = BUDGET * (PERCENT - 0.5) / 100 / (BILLIONS + 0.5)
most = BUDGET * (PERCENT + 0.5) / 100 / (BILLIONS - 0.5)
follows = np.abs(computed / PRINTED - 1) < 0.02
explained = (least <= PRINTED) & (PRINTED <= most)
print(f"{'epochs at 300 billion tokens':30} printed  computed  rounding allows")
for i, source in enumerate(PAPER_SOURCES):
    word = "follows" if follows[i] else "rounding" if explained[i] else "does not follow"
    span = f"{least[i]:.2f} to {most[i]:.2f}"
    print(f"{source:30} {PRINTED[i]:7.2f}  {computed[i]:8.2f}  {span}  {word}")

figure, axis = plt.subplots(figsize=(8, 3.6))
places = np.arange(len(PAPER_SOURCES))
axis.bar(places - 0.2, PRINTED, 0.4, label="printed in table 2.2")
axis.bar(places + 0.2, computed, 0.4, label="computed from its tokens and weights")
# Where nearly the whole of a small number may be rounding, the bar is long.
bars = np.clip([computed - least, most - computed], 0, None)
axis.errorbar(places + 0.2, computed, bars, fmt="none", color="black", capsize=4)
axis.axhline(1, color="gray", linestyle=":", label="read exactly once")
axis.set_xticks(places, PAPER_SOURCES)
axis.set(ylabel="epochs", ylim=(0, 6))
axis.set_title("How often GPT-3 read its sources (lines: what rounding allows)")
axis.legend()
plt.show()

# %% [markdown]
# Two rows follow. Of the others, look at the last columns: where rounding may explain the printed
# value, and where it cannot. A table in a famous paper may be wrong, and three lines of code find
# it. The point of the table stands all the same: less than half of Common Crawl was read, and the
# text that OpenAI held to be good was read two to three times.
#
# ## 7.2 Drawing from the mixture
#
# How do you train on such a mixture? Before each document, draw the source that it comes from. The
# weights are the probabilities.
#
# Draw with the generator `rng` that you are given and with nothing else. Then the same seed gives
# the same order of documents, and a run can be repeated.


# %% exercise="lab07.draw_sources" points=2 minutes=5 difficulty=1
def draw_sources(weights, count, rng):
    """Draws which source each document comes from (GPT-3, section 2.2).

    Args:
        weights: list of n numbers, as in `mixture_epochs`; they need not sum to 1.
        count: int, number of documents.
        rng: `numpy.random.Generator`, the only source of chance.

    Returns:
        Int array of shape (count,), or a list of ints: numbers of sources, 0 to n - 1, each drawn
        on its own.

    Example:
        >>> draw_sources([3, 1], 8, np.random.default_rng(7))
        [0, 1, 1, 0, 0, 1, 0, 1]
    """
    ### BEGIN SOLUTION
    shares = np.asarray(weights, "float64")
    return rng.choice(len(shares), size=count, p=shares / shares.sum())
    ### END SOLUTION


# %%
check("lab07.draw_sources")

# %% [markdown]
# Here are the sources of this lab. `docstrings` is the English that documents the Python packages
# this course uses. `world` is the generated little world that the tasks of lab 09 are about. If you
# have the course's catalog of real text (`GPT_TF_DATA` names its folder), novels come in as well.
# To do without them, set `USE_NOVELS = False`.

# %%
USE_NOVELS = bool(os.environ.get("GPT_TF_DATA"))


def read_sources(split):
    """Returns {source: list of documents} of a split."""
    seed, size = {"train": (7, 3000), "validation": (8, 60)}[split]
    found = {"docstrings": corpora.docstrings(split), "world": world.documents(size, seed=seed)}
    if USE_NOVELS:
        found["novels"] = corpora.novels(split)
    return found


sources, held_out = read_sources("train"), read_sources("validation")
WEIGHTS = {"docstrings": 3, "world": 1, "novels": 2}
names = list(sources)
weights = [WEIGHTS[name] for name in names]
drawn = draw_sources(weights, 1000, np.random.default_rng(7))
print("the first draws:", *(names[i] for i in drawn[:6]))
for i, name in enumerate(names):
    characters = sum(map(len, sources[name]))
    print(
        f"{name:12} {len(sources[name]):6,} documents, {characters:9,} characters, weight "
        f"{weights[i]}, drawn {np.mean(np.asarray(drawn) == i):.1%}"
    )

# %% [markdown]
# ## 7.3 Throwing text away
#
# Most of what is on the web is not worth reading: menus, lists, machine-made filler. GPT-3's
# authors trained a small classifier to tell text from a good source from text of the raw crawl
# (GPT-3, appendix A). Its features are word counts, where each word's place in the vector is its
# hash. So no vocabulary is needed. On top sits a logistic regression. scikit-learn has both, so you
# are handed the classifier.
#
# The interesting part is what to do with the scores. Keeping only documents above 0.5 would throw
# away good text that merely looks unusual. The paper draws instead, and keeps a document if
#
# `np.random.pareto(9) > 1 - score`
#
# A score near 1 is kept nearly always. A low score has a small chance, but it has one. `pareto(9)`
# draws a number above 0, mostly a small one.
#
# The generator `rng` has a method `pareto`, too. Use that one, and draw a number for **each**
# document.


# %% exercise="lab07.keep_by_quality" points=2 minutes=10 difficulty=2
def keep_by_quality(scores, rng, alpha=9.0):
    """Decides which documents to keep: those with pareto(alpha) > 1 - score (GPT-3, appendix A).

    Args:
        scores: list of n floats in [0, 1], how probable it is that each document is a good one.
        rng: `numpy.random.Generator`, the only source of chance.
        alpha: float above 0; the larger, the fewer documents with low scores are kept.

    Returns:
        Boolean array of shape (n,), or a list of bools: True where the document is kept.

    Raises:
        ValueError: a score is outside [0, 1].

    Example:
        >>> keep_by_quality([0.0, 0.5, 1.0], np.random.default_rng(0))
        [False, False, True]
    """
    ### BEGIN SOLUTION
    scores = np.asarray(scores, "float64")
    if np.any((scores < 0) | (scores > 1)):
        raise ValueError("A score is outside [0, 1]; give probabilities, not logits.")
    return rng.pareto(alpha, size=scores.shape) > 1 - scores
    ### END SOLUTION


# %%
check("lab07.keep_by_quality")

# %% [markdown]
# Now you need something bad. You make a crawl: real docstrings, and as many pieces of junk of four
# kinds. The classifier learns from half of the good ones and from two kinds of the junk. It never
# sees the other two kinds before it has to judge them.


# %%
def make_junk(good, count, rng):
    """Makes bad documents out of good ones, and of Python's own source.

    Args:
        good: list of str.
        count: int, documents of each kind.
        rng: `numpy.random.Generator`.

    Returns:
        Dict {kind: list of str}.
    """
    code = inspect.getsource(inspect).splitlines()
    chosen = [good[i].split() for i in rng.choice(len(good), count, replace=False)]
    return {
        "code": ["\n".join(code[i : i + 8]) for i in rng.integers(0, len(code) - 8, count)],
        "shuffled letters": [
            " ".join("".join(rng.permutation(list(w))) for w in words) for words in chosen
        ],
        "one phrase repeated": [" ".join(words[:4] * (len(words) // 4 + 1)) for words in chosen],
        "shuffled words": [" ".join(rng.permutation(words)) for words in chosen],
    }


def train_classifier(good, bad):
    """Fits a logistic regression on hashed word counts; returns it."""
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    features = HashingVectorizer(n_features=2**14, alternate_sign=False)
    classifier = make_pipeline(features, LogisticRegression(C=100.0, max_iter=1000))
    return classifier.fit(good + bad, [1] * len(good) + [0] * len(bad))


rng = np.random.default_rng(7)
count = 100 if short() else 600
order = rng.permutation(len(sources["docstrings"]))
good = [sources["docstrings"][i] for i in order[: 8 * count]]
learned, crawled = good[: 2 * count], good[2 * count : 6 * count]
junk = make_junk(good, 2 * count, rng)
known = junk["code"][:count] + junk["shuffled letters"][:count]
classifier = train_classifier(learned, known)

crawl = {"docstrings": crawled} | {kind: found[count:] for kind, found in junk.items()}
scores = {kind: classifier.predict_proba(texts)[:, 1] for kind, texts in crawl.items()}
kept = {kind: np.asarray(keep_by_quality(scores[kind], rng)) for kind in crawl}
print(f"{'':22} documents  mean score  above 0.5  kept by the Pareto rule")
for kind, found in scores.items():
    print(
        f"{kind:22} {len(found):9,}  {found.mean():10.2f}  {np.mean(found > 0.5):9.1%}  "
        f"{kept[kind].mean():8.1%}"
    )

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
edges = np.linspace(0, 1, 21)
for kind, found in scores.items():
    shares = np.histogram(found, edges)[0] / len(found)
    left.plot((edges[1:] + edges[:-1]) / 2, shares, "o-", markersize=3, label=kind)
left.set(xlabel="score (probability of being good)", ylabel="share of the documents")
left.set_title("What the classifier thinks")
left.legend(fontsize=8)
grid = np.linspace(0, 1, 101)
for alpha in (2, 9, 30):
    draws = keep_by_quality(np.repeat(grid, 2000), np.random.default_rng(0), alpha)
    right.plot(grid, np.reshape(draws, (-1, 2000)).mean(axis=1), label=f"alpha {alpha}")
right.set(xlabel="score (probability of being good)", ylabel="share kept")
right.set_title("The Pareto rule")
right.legend()
figure.tight_layout()
plt.show()

# %% [markdown]
# Read the table from the bottom. Shuffled words have the same word counts as good text, so the
# classifier cannot tell them apart. It never looks at the order. And the Pareto rule has a price:
# it throws away good documents as well, wherever the classifier is not quite sure. GPT-3's authors
# could afford that. They had far more text than they could train on.
#
# ## 7.4 Almost the same text
#
# The web repeats itself. The same licence, the same news agency's text, the same page with another
# date. A model that reads a text a hundred times learns it by heart, and if a copy of it stands in
# the validation text as well, your validation loss lies.
#
# Exact copies are easy to find. Near copies need a measure. Cut each document into **shingles**:
# all runs of a few words, as they overlap. Two documents are alike if they share many of theirs.
# The **Jaccard similarity** is the number of shared shingles over the number of all of them:
#
# $$J(A, B) = \frac{|A \cap B|}{|A \cup B|}$$
#
# It is 1 for the same sets and 0 for sets with nothing in common.


# %% exercise="lab07.shingles" points=2 minutes=10 difficulty=1
def shingles(text, size):
    """Cuts a text into its overlapping runs of words.

    Args:
        text: str. Words are what white space separates; case does not count.
        size: int, words in a shingle, at least 1.

    Returns:
        Set of str: words in small letters, joined by one space. A text with fewer words than
        `size` gives one shingle of all its words; a text without words gives the empty set.

    Raises:
        ValueError: size is less than 1.

    Example:
        >>> sorted(shingles("The cat  sat on the mat", size=3))
        ['cat sat on', 'on the mat', 'sat on the', 'the cat sat']
    """
    ### BEGIN SOLUTION
    if size < 1:
        raise ValueError(f"size must be at least 1, not {size}.")
    words = text.lower().split()
    if not words:
        return set()
    starts = range(max(len(words) - size, 0) + 1)
    return {" ".join(words[i : i + size]) for i in starts}
    ### END SOLUTION


# %%
check("lab07.shingles")


# %%
def jaccard(first, second):
    """Returns the share of all elements of two sets that is in both."""
    return len(first & second) / len(first | second)


for other in ("Returns the mean of the array.", "Returns the sum of the array.", "Opens a file."):
    similarity = jaccard(shingles("Returns the mean of an array.", 2), shingles(other, 2))
    print(f"{similarity:.2f}  {other}")

# %% [markdown]
# ## 7.5 MinHash
#
# To compare every pair of a billion documents, sets are too large. **MinHash** turns a set into a
# short list of numbers, its **signature**, from which the similarity can be estimated.
#
# The idea: a hash function throws all shingles into a random order. Which one comes first? Take the
# union of two sets. Each of its elements is equally likely to be the first. It belongs to both sets
# with probability J. Exactly then do the two sets have the same smallest hash. So:
#
# > the smallest hashes of two sets are equal with probability J.
#
# One hash function gives one yes or no. With k functions, the share of equal numbers is an estimate
# of J. GPT-3's authors used 10 (appendix A).
#
# A simple family of hash functions, one for each pair of numbers a and b, with a large prime p:
#
# $$h(x) = (a x + b) \bmod p$$
#
# Here x is a whole number. Your shingles become whole numbers below, by a checksum. The numbers are
# large: mind in how many bits you compute. `keras.ops` takes 32 bits for whole numbers; a NumPy
# array of `int64` has room enough.


# %% exercise="lab07.minhash_signature" points=3 minutes=15 difficulty=2
def minhash_signature(items, a, b, prime):
    """Computes the MinHash signature of a set: the smallest value of each hash function.

    GPT-3 removes near-duplicates with it (appendix A).

    Args:
        items: set of int, each at least 0 and below 2**32.
        a: list of k ints, from 1 to prime - 1.
        b: list of k ints, from 0 to prime - 1.
        prime: int, at most 2**31 - 1.

    Returns:
        Int array of shape (k,), or a list of k ints: entry i is the smallest (a[i] x + b[i]) mod
        prime over all x of `items`.

    Raises:
        ValueError: there are no items.

    Example:
        >>> minhash_signature({2, 5}, a=[3, 4], b=[1, 0], prime=11)
        [5, 8]
    """
    ### BEGIN SOLUTION
    if not items:
        raise ValueError("An empty set has no smallest hash; leave the document out.")
    x = np.array(sorted(items), "int64")
    a, b = np.asarray(a, "int64"), np.asarray(b, "int64")
    return ((a[:, None] * x + b[:, None]) % prime).min(axis=1)
    ### END SOLUTION


# %%
check("lab07.minhash_signature")

# %% [markdown]
# Does it work? Take a document, replace more and more of its words, and compare the exact
# similarity with the share of equal numbers in the signatures. A signature of 10 numbers knows
# eleven similarities only. One of 128 knows better.

# %%
PRIME = 2**31 - 1


def draw_hashes(count, seed):
    """Draws the numbers a and b of `count` hash functions."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, PRIME, count).tolist(), rng.integers(0, PRIME, count).tolist()


def signature_of(text, hashes, size=3):
    """Computes the signature of a text's shingles."""
    items = {zlib.crc32(shingle.encode("utf-8")) for shingle in shingles(text, size)}
    return minhash_signature(items, *hashes, PRIME)


def blurred(text, share, rng):
    """Replaces a share of a text's words."""
    return " ".join(
        w if rng.random() > share else f"word{rng.integers(1000)}" for w in text.split()
    )


original = max(sources["docstrings"][:2000], key=len)
rng = np.random.default_rng(7)
copies = [blurred(original, share, rng) for share in np.linspace(0, 0.6, 60)]
exact = [jaccard(shingles(original, 3), shingles(copy, 3)) for copy in copies]
figure, axis = plt.subplots(figsize=(5.4, 4.4))
for count, mark in ((10, "s"), (128, "o")):
    hashes = draw_hashes(count, seed=count)
    base = np.asarray(signature_of(original, hashes))
    estimates = [np.mean(base == np.asarray(signature_of(c, hashes))) for c in copies]
    axis.plot(exact, estimates, mark, markersize=4, alpha=0.7, label=f"{count} hash functions")
axis.plot([0, 1], [0, 1], color="gray", linestyle=":", label="exact")
axis.set(xlabel="Jaccard similarity of the shingles", ylabel="share of equal numbers")
axis.set_title("MinHash estimates a similarity")
axis.legend()
plt.show()

# %% [markdown]
# ## 7.6 Keeping one of each group
#
# Now throw the near copies away. Go through the documents in order. Keep a document, unless its
# signature agrees with that of a document **that you kept** in at least `threshold` of the numbers.
#
# So the first of a group stays. Why compare with the kept ones only? Suppose B is close to A, and C
# is close to B, but C is not close to A. B goes. C has no near copy left, so it stays.
#
# Below you give it thousands of documents, so millions of pairs. Let NumPy compare one signature
# with many others at once.


# %% exercise="lab07.drop_near_duplicates" points=3 minutes=15 difficulty=2
def drop_near_duplicates(signatures, threshold):
    """Finds the documents to keep, the first of each group of near copies (GPT-3, appendix A).

    Args:
        signatures: list of n signatures, each a list (or array) of k ints.
        threshold: float in (0, 1]: a document is dropped if the share of numbers that its signature
            has in common, place by place, with that of a document kept before it is at least this.

    Returns:
        List of int, the numbers of the documents that are kept, ascending, counted from 0.

    Raises:
        ValueError: threshold is not above 0, or above 1.

    Example:
        >>> drop_near_duplicates([[1, 2, 3, 4], [5, 6, 7, 8], [1, 2, 3, 9]], threshold=0.75)
        [0, 1]
    """
    ### BEGIN SOLUTION
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, not {threshold}.")
    signatures = np.asarray(signatures)
    left = np.ones(len(signatures), bool)
    for number, signature in enumerate(signatures):
        if left[number]:
            agreement = np.mean(signatures[number + 1 :] == signature, axis=1)
            left[number + 1 :] &= agreement < threshold
    return np.flatnonzero(left).tolist()
    ### END SOLUTION


# %%
check("lab07.drop_near_duplicates")

# %% [markdown]
# What is in the docstrings? `corpora.docstrings` has thrown exact copies away already, paragraph by
# paragraph. See what is left for you.

# %%
HASHES = draw_hashes(64, seed=7)
candidates = [sources["docstrings"][i] for i in order[: 400 if short() else 5000]]
signatures = np.array([signature_of(text, HASHES) for text in tqdm(candidates, desc="MinHash")])
found = {t: drop_near_duplicates(signatures, t) for t in (0.3, 0.5, 0.7, 0.9)}
for threshold, kept_numbers in found.items():
    print(f"threshold {threshold}: {1 - len(kept_numbers) / len(candidates):.1%} are near copies")

THRESHOLD = 0.5
unique = [candidates[i] for i in found[THRESHOLD]]
dropped = sorted(set(range(len(candidates))) - set(found[THRESHOLD]))
for number in dropped[:: max(1, len(dropped) // 3)][:3]:
    agreement = np.mean(signatures[found[THRESHOLD]] == signatures[number], axis=1)
    twin = candidates[found[THRESHOLD][int(np.argmax(agreement))]]
    print(f"\nabout {agreement.max():.0%} alike:")
    print("  dropped:", " ".join(candidates[number].split())[:200])
    print("  kept:   ", " ".join(twin.split())[:200])

# %% [markdown]
# Read the pairs. These are functions that do the same for another type, or one package that took
# its words from another. Is the second one worth a place in the training text? Where you draw that
# line is a choice, and the threshold is where you make it.
#
# ## 7.7 Documents into rows
#
# Documents have all lengths. A batch needs one. You could pad the short ones, but then the model
# spends its time on padding.
#
# GPT-3 packs instead: all documents stand one after another in a single stream, with a special
# token after each, and the stream is cut into rows of the full length (GPT-3, section 2.3). A row
# may hold the end of one document and the start of the next. The delimiter tells the model that
# the two have nothing to do with each other. No special mask is needed.
#
# The last few tokens may not fill a row. They are dropped.


# %% exercise="lab07.pack_documents" points=3 minutes=10 difficulty=2
def pack_documents(documents, length, delimiter):
    """Joins documents into one stream and cuts it into rows (GPT-3, section 2.3 and appendix B).

    Args:
        documents: list of lists (or arrays) of int, the token ids of each document.
        length: int, tokens in a row.
        delimiter: int, the token id that follows each document, the last one too.

    Returns:
        int32 NumPy array of shape (n, length); what does not fill a row at the end is dropped, so
        n may be 0.

    Raises:
        ValueError: a document is empty, or length is less than 1.

    Example:
        >>> pack_documents([[1, 2, 3], [4, 5]], length=3, delimiter=0)
        [[1, 2, 3], [0, 4, 5]]
    """
    ### BEGIN SOLUTION
    if length < 1:
        raise ValueError(f"length must be at least 1, not {length}.")
    pieces = [np.zeros(0, "int32")]
    for number, document in enumerate(documents):
        if len(document) == 0:
            raise ValueError(f"Document {number} is empty; leave it out.")
        pieces += [np.asarray(document, "int32"), np.asarray([delimiter], "int32")]
    stream = np.concatenate(pieces)
    rows = len(stream) // length
    return stream[: rows * length].reshape(rows, length)
    ### END SOLUTION


# %%
check("lab07.pack_documents")

# %% [markdown]
# ## 7.8 The loss
#
# At position t the model has read tokens 0 to t. It should predict token t + 1. So the targets are
# the tokens themselves, moved by one place. The last position has no target.
#
# The loss is the mean of -log P(target), in **nats** (natural logarithm). An untrained model is at
# about log(vocabulary_size). Check that whenever you start a training run: a value far away from
# it means a mistake.
#
# Two details:
#
# * Logits are large: batch x length x vocabulary_size numbers. Cutting off the last position with
#   `logits[:, :-1]` copies nearly all of them. Move the targets instead, and give the last
#   position the weight 0.
# * Logits may come in 16 bits. A sum of exponentials needs 32.


# %% exercise="lab07.next_token_loss" points=5 minutes=20 difficulty=2
def next_token_loss(tokens, logits, mask=None):
    """Computes the mean cross-entropy of predicting each next token (GPT-1, section 3.1, L1).

    Args:
        tokens: tensor of shape (batch, T), the token ids, with T of at least 2. Keras hands them
            over as floats; they are whole numbers all the same.
        logits: float tensor of shape (batch, T, vocabulary_size); position t has read tokens 0 to
            t.
        mask: boolean tensor of shape (batch, T), True where a token is real, False where it is
            padding. Only real targets count. None means that all are real.

    Returns:
        float32 tensor of shape (), in nats per target; 0 if there is no real target.

    Raises:
        ValueError: T is less than 2, so that there is nothing to predict.

    Example:
        >>> tokens = keras.ops.convert_to_tensor([[3, 1, 2]])
        >>> next_token_loss(tokens, keras.ops.zeros((1, 3, 4)))
        1.386
    """
    ### BEGIN SOLUTION
    length = tokens.shape[1]
    if length is not None and length < 2:
        raise ValueError("One token leaves nothing to predict; give rows of at least two tokens.")
    targets = keras.ops.cast(keras.ops.roll(tokens, -1, axis=1), "int32")
    losses = keras.ops.sparse_categorical_crossentropy(
        targets, keras.ops.cast(logits, "float32"), from_logits=True
    )
    counts = keras.ops.ones_like(losses)
    if mask is not None:
        counts = keras.ops.cast(keras.ops.roll(mask, -1, axis=1), "float32")
    # The roll brought the first token to the end, where it is nobody's target.
    has_target = keras.ops.arange(keras.ops.shape(losses)[1]) < keras.ops.shape(losses)[1] - 1
    counts = keras.ops.where(has_target, counts, 0.0)
    return keras.ops.sum(losses * counts) / keras.ops.maximum(keras.ops.sum(counts), 1.0)
    ### END SOLUTION


# %%
check("lab07.next_token_loss")

# %% [markdown]
# ## 7.9 A learning rate that rises, then falls
#
# At the start the gradients are large and Adam has seen few of them. Big steps would throw the
# weights about. So the rate starts at 0 and rises in a straight line: **warm-up**. At the end the
# rate falls to let the weights settle: half a **cosine**, flat at both ends.
#
# GPT-1 warms up over 2,000 updates and falls to 0 (GPT-1, section 4.1). GPT-3 falls to 10% of the
# peak and stays there (GPT-3, appendix B).


# %% exercise="lab07.warmup_cosine" points=3 minutes=15 difficulty=2
def warmup_cosine(step, peak, warmup_steps, total_steps, final_fraction=0.0):
    """Gives the learning rate at a step (GPT-1, section 4.1; GPT-3, appendix B).

    Args:
        step: int, or number tensor of shape (): updates done so far, from 0.
        peak: float, the highest rate, reached at step warmup_steps.
        warmup_steps: int, updates of the linear rise from 0; 0 starts at the peak.
        total_steps: int, the update at which the cosine ends, warm-up included.
        final_fraction: float in [0, 1], the rate at the end and after it, as a share of the peak.

    Returns:
        float32 tensor of shape ().

    Raises:
        ValueError: warmup_steps is not less than total_steps.

    Example:
        >>> [float(warmup_cosine(s, 1.0, 10, 110, 0.1)) for s in (0, 5, 10, 60, 110, 200)]
        [0.0, 0.5, 1.0, 0.55, 0.1, 0.1]
    """
    ### BEGIN SOLUTION
    if warmup_steps >= total_steps:
        raise ValueError(
            f"A warm-up of {warmup_steps} steps leaves nothing of {total_steps} steps in all; "
            "shorten the warm-up or train longer."
        )
    step = keras.ops.cast(step, "float32")
    progress = keras.ops.clip((step - warmup_steps) / (total_steps - warmup_steps), 0.0, 1.0)
    cosine = (1.0 + keras.ops.cos(np.pi * progress)) / 2
    rise = step / max(warmup_steps, 1)
    factor = final_fraction + (1.0 - final_fraction) * cosine
    return peak * keras.ops.where(step < warmup_steps, rise, factor)
    ### END SOLUTION


# %%
check("lab07.warmup_cosine")

# %% [markdown]
# ## 7.10 One training step
#
# Now the heart of it. `fit` does this thousands of times:
#
# 1. the model reads a batch, in training mode, so that dropout is on;
# 2. the loss says how surprised it was;
# 3. the **gradient** says, for each weight, in which direction the loss grows. TensorFlow notes all
#    computations inside a `tf.GradientTape` and goes back through them;
# 4. the gradient is **clipped**: if it is too long, it is made shorter;
# 5. the optimizer changes the weights.
#
# Why clip? Now and then a batch is so odd that its gradient is a hundred times as long as usual.
# One such step can spoil what a thousand steps have learned. GPT-3 clips the **global norm** at 1.0
# (appendix B): the length of all gradients together, as if they were one vector,
#
# $$\|g\| = \sqrt{\sum_{\text{weights}} g^2}$$
#
# If it is above the limit, all gradients are multiplied by the same factor, limit / norm. So the
# direction stays. If it is below, they stay as they are. `tf.clip_by_global_norm` does it, or three
# lines of your own.
#
# Return the norm before clipping, too. It is the pulse of a training run: look at it when a loss
# curve does something strange.


# %% exercise="lab07.training_step" points=5 minutes=25 difficulty=3
def training_step(model, optimizer, tokens, clip_norm):
    """Does one update of a model on one batch (GPT-1, section 4.1; GPT-3, appendix B).

    Args:
        model: `keras.Model` from tokens to logits, such as `parts.GPT`; its trainable weights
            change.
        optimizer: `keras.optimizers.Optimizer`, which keeps its own memory from step to step.
        tokens: int tensor of shape (batch, T).
        clip_norm: float above 0, the largest global norm of the gradient.

    Returns:
        (loss, norm): float32 tensors of shape (). The loss in nats per target, before the update;
        the global norm of its gradient, before clipping.

    Example:
        >>> optimizer = keras.optimizers.SGD(0.1)
        >>> loss, norm = training_step(model, optimizer, tokens, clip_norm=1.0)
    """
    ### BEGIN SOLUTION
    with tf.GradientTape() as tape:
        loss = next_token_loss(tokens, model(tokens, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    gradients, norm = tf.clip_by_global_norm(gradients, clip_norm)
    optimizer.apply(gradients, model.trainable_variables)
    return loss, norm
    ### END SOLUTION


# %%
check("lab07.training_step")

# %% [markdown]
# ## 7.11 Experiment: from documents to rows
#
# All your pieces, one after another. First a vocabulary: byte pairs, as in lab 02, with the special
# tokens that the later labs need. A small one, because each token costs a row of the embedding.
#
# Then the mixture. Draw a source, take its next document, and go round again where a source has run
# out. One thing needs care: a weight is a share of the text, but you draw documents, and a chapter
# of a novel is as long as fifty docstrings. So divide each weight by the mean length of a document.

# %%
LENGTH = 64 if short() else 128
CHARACTERS = 150_000 if short() else 2_400_000
sources["docstrings"] = unique + [sources["docstrings"][i] for i in order[len(candidates) :]]


def mix(sources, weights, characters, rng):
    """Draws documents from the sources until there is enough.

    Args:
        sources: dict {name: list of str}.
        weights: list of numbers, the share of each source in the text.
        characters: int, how much text to draw.
        rng: `numpy.random.Generator`.

    Returns:
        Dict {name: list of str}, what was drawn from each source.
    """
    names, left = list(sources), characters
    lengths = [np.mean([len(text) for text in sources[name]]) for name in names]
    per_document = [w / length for w, length in zip(weights, lengths, strict=True)]
    # No document is shorter than 60 characters.
    numbers = draw_sources(per_document, characters // 60, rng)
    found = {name: [] for name in names}
    for number in numbers:
        name = names[number]
        text = sources[name][len(found[name]) % len(sources[name])]
        found[name].append(text)
        left -= len(text)
        if left <= 0:
            break
    return found


drawn = mix(sources, weights, CHARACTERS, np.random.default_rng(7))
tokenizer = Tokenizer.train(
    [text for texts in drawn.values() for text in texts],
    vocabulary_size=400 if short() else 2048,
    special_tokens=job.SPECIAL,
)
END = tokenizer.token_id(job.END)


def rows_of(texts):
    """Encodes texts and packs them."""
    return pack_documents(tokenizer.encode_documents(texts), LENGTH, END)


def characters_in(texts):
    """Returns how many characters some texts have together."""
    return sum(map(len, texts))


def first(texts, characters):
    """Returns the first documents of a list, about as many as make up that many characters."""
    return texts[: int(np.searchsorted(np.cumsum([len(t) for t in texts]), characters)) + 1]


encoded = {name: tokenizer.encode_documents(texts) for name, texts in drawn.items()}
documents = [tokens for found in encoded.values() for tokens in found]
documents = [documents[i] for i in np.random.default_rng(7).permutation(len(documents))]
train = pack_documents(documents, LENGTH, END)
validation_texts = [t for name in names for t in first(held_out[name], CHARACTERS // 60)]
validation = rows_of(validation_texts)
validation_bytes = sum(len(text.encode("utf-8")) + 1 for text in validation_texts)
print(f"{tokenizer.vocabulary_size:,} tokens in the vocabulary")
print(f"{train.size:,} tokens to train on, {validation.size:,} to validate on")
print("the first row:", tokenizer.decode(train[0]))

# %%
read = {name: sum(len(tokens) + 1 for tokens in found) for name, found in encoded.items()}
# A source that was not read in full, or more than once: its size follows from its characters.
sizes = [read[n] * characters_in(sources[n]) / characters_in(drawn[n]) for n in names]
asked = mixture_epochs(sizes, weights, sum(read.values()))
print("              weight  share of the tokens  epochs by the weights  epochs that came out")
for name, weight, size, epochs in zip(names, weights, sizes, asked, strict=True):
    print(
        f"{name:12} {weight / sum(weights):7.0%}  {read[name] / sum(read.values()):19.0%}  "
        f"{epochs:21.2f}  {read[name] / size:20.2f}"
    )

# %% [markdown]
# What you asked for and what came out are close, not equal: chance draws the sources, and a
# character is not a token. The small source has been read more often than the large one, as in
# table 2.2.
#
# ## 7.12 Experiment: is the data half the work?
#
# Take the crawl of 7.3, half of it junk. Train the same small model three times, with the same
# number of steps:
#
# * on the whole crawl,
# * on what your Pareto rule kept,
# * on the good documents alone, as an ideal filter would leave them.
#
# Then measure each on good text that it has not seen. The loop below is a training run with nothing
# hidden: your schedule, your step. It is compiled once, and then used for many runs.


# %%
@functools.cache
def workbench(config):
    """Makes a model, its optimizer and its compiled step; returns them and all first values."""
    keras.utils.set_random_seed(7)
    model = parts.GPT(config)
    model.build((None, None))
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.1, beta_2=0.95, epsilon=1e-8)
    optimizer.build(model.trainable_variables)
    variables = [*model.variables, *optimizer.variables]
    first = [keras.ops.convert_to_numpy(v) for v in variables]
    step = tf.function(
        lambda tokens: training_step(model, optimizer, tokens, clip_norm=1.0),
        jit_compile=pays_off(model),
        autograph=False,
    )
    return model, optimizer, step, variables, first


def short_run(config, rows, steps, rate, batch_size):
    """Trains a fresh model for a few steps.

    Returns:
        (losses, norms, loss): of each step, arrays of shape (steps,), and on the validation rows.
    """
    model, optimizer, step, variables, first = workbench(config)
    for variable, value in zip(variables, first, strict=True):
        variable.assign(value)
    found = []
    batches = training.windows(rows, config.max_sequence_length, batch_size, steps, seed=7)
    for number, (tokens, _) in enumerate(tqdm(batches, total=steps, unit="step", leave=False)):
        optimizer.learning_rate = warmup_cosine(number, rate, steps // 10, steps, 0.1)
        found.append([float(x) for x in step(tokens)])
    losses, norms = np.transpose(found)
    return losses, norms, training.evaluate(model, validation, config.max_sequence_length)


BLOCKS = 1 if short() else 2


def small_config(width):
    """Returns the configuration of a small model of that width."""
    return GPTConfig(tokenizer.vocabulary_size, 64, BLOCKS, num_heads=2, hidden_dim=width)


STEPS = 10 if short() else 500
diets = {
    "the whole crawl": [text for found in crawl.values() for text in found],
    "kept by the Pareto rule": [
        text
        for kind, found in crawl.items()
        for text, keep in zip(found, kept[kind], strict=True)
        if keep
    ],
    "good documents alone": crawl["docstrings"],
}
diet_runs = {}
for name, texts in diets.items():
    rows = rows_of([texts[i] for i in np.random.default_rng(7).permutation(len(texts))])
    diet_runs[name] = short_run(small_config(64), rows, STEPS, rate=4e-3, batch_size=4)
    print(f"{name:24} {rows.size:8,} tokens: loss on good text {diet_runs[name][2]:.3f}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4))
for name, (losses, norms, loss) in diet_runs.items():
    smooth = np.convolve(losses, np.ones(20) / 20, "valid") if len(losses) > 20 else losses
    line = left.plot(smooth, label=name)
    left.plot(STEPS, loss, "o", color=line[0].get_color())
    right.plot(norms, linewidth=0.7, label=name)
left.set(xlabel="step (updates)", ylabel="loss (nats a token)", xlim=(0, None))
left.set_title("Three diets (lines: own training text; dots: unseen good text)")
left.legend()
right.axhline(1.0, color="black", linestyle=":", label="clip_norm")
right.set(yscale="log", xlabel="step (updates)", ylabel="norm of the gradient (before clipping)")
right.set_title("The pulse")
right.legend()
figure.tight_layout()
plt.show()

# %% [markdown]
# Compare the dots, not the lines. The lines are losses on three different texts: junk that repeats
# itself is easy to predict, so a low line may mean a bad diet. Only the dots are on the same text.
# A word of care: these are single runs of a small model, so a difference in the second digit after
# the point may be chance. And the filter's diet still holds the two kinds of junk that it let
# through.
#
# On the right is what your step returned besides the loss. Where a curve stands above the dotted
# line, the step was clipped. A peak there is an odd batch; look for one, and for what the loss does
# at that place.
#
# ## 7.13 Experiment: the real run
#
# Before you train, you need something to compare with. Two guesses need no network at all: every
# token equally likely, and every token as often as in the training text. The second is the unigram
# model. A model that is not below it has not learned to use its context.
#
# `gpt_tf.training.pretrain` is given to you. It is what you just wrote, as a Keras program: it
# compiles your model with your loss, follows your schedule with AdamW, clips, validates, and keeps
# checkpoints if you name a folder. Read it. It is short. `callbacks` are called after each step;
# the one below lets the model write now and then.

# %%
token_counts = np.bincount(train.ravel(), minlength=tokenizer.vocabulary_size) + 1
unigram = -np.log(token_counts / token_counts.sum())[validation.ravel()].mean()
uniform = np.log(tokenizer.vocabulary_size)
print(f"uniform {uniform:.3f} nats a token, unigram {unigram:.3f} nats a token")


# %%
def write_on(model, prompt, count, temperature=0.7, seed=7):
    """Lets a model continue a text: one token after another, the whole text read anew each time.

    Args:
        model: `parts.GPT`.
        prompt: str.
        count: int, tokens to write.
        temperature: float above 0, divides the logits.
        seed: int.

    Returns:
        Str, the prompt and what follows, up to the end of the document.
    """

    @compile_once(model)
    def next_logits(tokens, last):
        return model(tokens, training=False)[0, last]

    rng, tokens = np.random.default_rng(seed), tokenizer.encode(prompt)
    while len(tokens) < min(len(tokenizer.encode(prompt)) + count, LENGTH):
        padded = np.zeros((1, LENGTH), "int32")
        padded[0, : len(tokens)] = tokens
        logits = next_logits(tf.constant(padded), tf.constant(len(tokens) - 1))
        scores = np.asarray(logits, "float64") / temperature
        p = np.exp(scores - scores.max())
        tokens.append(int(rng.choice(len(p), p=p / p.sum())))
        if tokens[-1] == END:
            break
    return tokenizer.decode(tokens)


class Samples(keras.callbacks.Callback):
    """Lets the model write after some of the steps."""

    def __init__(self, prompts, steps):
        super().__init__()
        self.prompts, self.steps, self.step, self.texts = prompts, steps, 0, {}

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        if self.step in self.steps:
            self.texts[self.step] = [write_on(self.model.gpt, p, 40) for p in self.prompts]


keras.utils.set_random_seed(7)
config = GPTConfig(
    tokenizer.vocabulary_size,
    LENGTH,
    num_layers=1 if short() else 4,
    num_heads=4,
    hidden_dim=32 if short() else 128,
)
steps = 20 if short() else 720
recipe = training.Recipe(
    steps=steps, batch_size=8, peak_rate=4e-3, warmup_steps=steps // 10, final_fraction=0.1
)
model = parts.GPT(config)
model.build((None, None))
PROMPTS = ("Returns the", "In the evening")
samples = Samples(PROMPTS, {1, steps // 20, steps // 4, steps})
history = training.pretrain(model, train, validation, recipe, label="mine", callbacks=[samples])
print(f"the model has {model.count_params():,} parameters")
print(f"it read {steps * recipe.batch_size * LENGTH / train.size:.1f} epochs of its text")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
left.plot([float(warmup_cosine(s, 4e-3, steps // 10, steps, 0.1)) for s in range(steps)])
left.set(xlabel="step (updates)", ylabel="learning rate (per update)")
left.set_title("Warm-up, then cosine")
right.plot(history["step"], history["loss"], label="training")
right.plot(history["validation_step"], history["validation_loss"], "o-", label="validation")
right.axhline(uniform, color="gray", linestyle=":", label="uniform")
right.axhline(unigram, color="gray", linestyle="--", label="unigram")
right.set(xlabel="step (updates)", ylabel="loss (nats a token)")
right.set_title("Pre-training")
right.legend()
plt.show()

# %% [markdown]
# How to read a loss curve:
#
# * It starts near log(vocabulary_size). If yours does not, look for a mistake before you go on.
# * It falls fast to the unigram line. Until there, the model has only learned which tokens are
#   frequent. Where it crosses the line, it begins to use its context.
# * Then it bends. From here on, each further step of the same height takes much longer. Lab 14 is
#   about the law behind that.
# * The last part falls a little faster again: the learning rate goes down, and the weights settle.
# * Training and validation stay close as long as the model sees most text for the first time. If
#   the validation curve turns up while the training curve falls, the model learns its text by
#   heart.
#
# And this is what the model wrote on the way:

# %%
for step, texts in samples.texts.items():
    for text in texts:
        print(f"step {step:4}: {' '.join(text.split())}")

# %% [markdown]
# First noise, then frequent words, then pieces of sentences. Look at the last ones: grammar comes
# before sense. A model of this size, after so short a run, knows how sentences about functions
# sound. It does not know what the functions do.
#
# ## 7.14 Experiment: against lab 01
#
# In lab 01 you built n-gram models and an LSTM. Now all of them meet on the same training text, the
# same tokens and the same validation text. The LSTM gets as many steps, as many tokens in a step
# and the same optimizer, with the peak rate that it had in lab 01.
#
# Perplexity is a number a token, so it depends on the vocabulary. **Bits a byte** do not: the
# total of -log2 P over the whole text, over its length in bytes. With it you can compare models
# whose tokens differ, and you will in lab 11.


# %%
def bits_a_byte(loss):
    """Turns nats a token, on the validation text, into bits a byte."""
    return loss * validation.size / np.log(2) / validation_bytes


def score_ngrams(n, alphas=(1, 0.1, 0.01, 0.001)):
    """Returns the best loss of an n-gram model of lab 01 over a few alphas, in nats a token."""
    counts = parts.count_ngrams(train.ravel().tolist(), n)
    text = validation.ravel().tolist()
    size = tokenizer.vocabulary_size
    return min(
        -np.mean(parts.ngram_log_probabilities(text, counts, n, size, alpha)) for alpha in alphas
    )


losses = {"uniform": uniform}
for n in tqdm((1, 2, 3), desc="n-grams"):
    losses[f"{n}-gram"] = score_ngrams(n)

# %%
# The LSTM goes through its text one token after another, which is slow for long rows. So it reads
# shorter rows, and more of them.
LSTM_LENGTH = 32
keras.utils.set_random_seed(7)
lstm = parts.LSTMLanguageModel(tokenizer.vocabulary_size, embedding_dim=128, units=160)
its_recipe = dataclasses.replace(recipe, peak_rate=8e-3)
lstm.compile(training.make_optimizer(its_recipe), loss=next_token_loss, jit_compile=False)
per_batch = recipe.batch_size * LENGTH // LSTM_LENGTH
batches = training.windows(train, LSTM_LENGTH, per_batch, steps, seed=0)
with tqdm(total=steps, desc="LSTM", unit="step") as bar:
    progress = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.update())
    lstm.fit(batches, verbose=0, shuffle=False, callbacks=[progress])
losses["LSTM"] = lstm.evaluate(validation, validation, batch_size=16, verbose=0)
losses["GPT"] = training.evaluate(model, validation, LENGTH)
print(f"the LSTM has {lstm.count_params():,} parameters, the GPT {model.count_params():,}")
print("             nats a token  perplexity  bits a byte")
for name, loss in losses.items():
    print(f"{name:12} {loss:12.3f}  {np.exp(loss):10.1f}  {bits_a_byte(loss):11.2f}")

# %%
figure, axis = plt.subplots(figsize=(7, 3.6))
bars = axis.bar(list(losses), [bits_a_byte(loss) for loss in losses.values()])
axis.bar_label(bars, fmt="%.2f", padding=2)
axis.set(ylabel="bits a byte of validation text\n(lower is better)")
axis.margins(y=0.12)
axis.set_title("The models of lab 01 and yours, on the same text")
plt.show()

# %% [markdown]
# Start with the n-grams. One word of context is worth a lot. Does a second one help, or is the text
# too small for it, as in lab 01? They read their text once and remember all of it.
#
# A network has to find out by small steps what a table just writes down. In a short run a table may
# be ahead of a network. But a table that has read everything can only wait for more text. A network
# gets better with each step, and you stopped it early.
#
# And the LSTM may be as good as your GPT, or better. It is made to read in order. A Transformer has
# to learn first that the words just before matter most, and what it can do beyond that, look far
# back, is worth little in short documents. GPT-1 measured the same pair at its own scale (table 5),
# and lab 10 comes back to it. These are single runs in a few minutes of one computer.
#
# ## 7.15 Experiment: stop and resume
#
# Real runs are stopped: power fails, a machine is taken away, you close the lid. A run that can go
# on must keep more than the weights. Adam remembers means of the gradients and of their squares.
# The schedule needs the step. And the batches must go on where they were.
#
# Here is a small run three ways: in one go; stopped in the middle, as Ctrl-C does; and taken up
# again from its last checkpoint, with a **fresh** model.


# %%
class StopAt(keras.callbacks.Callback):
    """Stops a run after some steps, as Ctrl-C would."""

    def __init__(self, step):
        super().__init__()
        self.left = step

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


tiny = GPTConfig(tokenizer.vocabulary_size, LENGTH, num_layers=1, num_heads=2, hidden_dim=32)
total, STOP = (40, 27) if short() else (160, 98)
plan = training.Recipe(steps=total, batch_size=4, peak_rate=8e-3, warmup_steps=10)


def tiny_run(folder=None, callbacks=()):
    """Trains a tiny model, with checkpoints if there is a folder; returns its history."""
    return training.pretrain(
        parts.GPT(tiny), train, validation, plan, folder, log_every=5, save_seconds=0,
        validation_windows=16, callbacks=callbacks,
    )  # fmt: skip


keras.utils.set_random_seed(7)
whole = tiny_run()
with tempfile.TemporaryDirectory() as folder:
    keras.utils.set_random_seed(7)
    try:
        tiny_run(folder, [StopAt(STOP)])
    except KeyboardInterrupt:
        print(f"stopped after step {STOP}")
    keras.utils.set_random_seed(8)  # other first weights: all must come from the checkpoint
    resumed = tiny_run(folder)
difference = np.max(np.abs(np.subtract(whole["loss"], resumed["loss"])))
print(f"largest difference between the two curves: {difference:.1e} nats a token")

# %%
figure, axis = plt.subplots(figsize=(7, 3.8))
axis.plot(whole["step"], whole["loss"], color="C0", linewidth=5, alpha=0.4, label="in one go")
at = resumed["step"].index(STOP // 5 * 5) + 1
axis.plot(resumed["step"][:at], resumed["loss"][:at], "C1", label="until it was stopped")
axis.plot(resumed["step"][at - 1 :], resumed["loss"][at - 1 :], "C2", label="resumed")
axis.axvline(resumed["step"][at - 1], color="gray", linestyle=":", label="last checkpoint")
axis.set(xlabel="step (updates)", ylabel="training loss (nats a token)")
axis.set_title("Stopped and resumed")
axis.legend()
plt.show()

# %% [markdown]
# ## 7.16 Experiment: bigger model, smaller rate
#
# Table 2.1 of GPT-3 has two columns that people copy without asking: the larger the model, the
# smaller the learning rate and the larger the batch. From 125 million parameters to 175 billion,
# the rate goes from 6.0e-4 to 0.6e-4, and the batch from 0.5 to 3.2 million tokens.
#
# First the rate. Two widths, several rates, all else equal. Where is the lowest point of each
# curve?

# %%
SWEEP_STEPS = 8 if short() else 240
RATES = (4e-3, 3.2e-2) if short() else (1e-3, 4e-3, 1.6e-2, 6.4e-2)
WIDTHS = (64,) if short() else (16, 64)  # 64 is that of 7.12
by_width = {}
for width in WIDTHS:
    size = small_config(width)
    by_width[width] = [short_run(size, train, SWEEP_STEPS, rate, 4)[2] for rate in RATES]
    found = "  ".join(f"{r:g}: {x:.3f}" for r, x in zip(RATES, by_width[width], strict=True))
    print(f"width {width:3}, loss at rate {found}")

# %% [markdown]
# Then the batch. Three sizes, once with the same number of **steps** and once with the same number
# of **tokens**, so that the small batch gets more steps.

# %%
BATCHES = (4,) if short() else (1, 4, 16)
by_batch = {}
for batch in BATCHES:
    same_steps = short_run(small_config(64), train, SWEEP_STEPS, 4e-3, batch)[2]
    same_tokens = short_run(small_config(64), train, SWEEP_STEPS * 4 // batch, 4e-3, batch)[2]
    by_batch[batch] = same_steps, same_tokens
    print(f"batch {batch:2}: same steps {same_steps:.3f}, same tokens {same_tokens:.3f}")

# %%
TABLE_21 = {  # GPT-3, table 2.1: parameters, batch in tokens, learning rate
    125e6: (0.5e6, 6.0e-4), 350e6: (0.5e6, 3.0e-4), 760e6: (0.5e6, 2.5e-4), 1.3e9: (1e6, 2.0e-4),
    2.7e9: (1e6, 1.6e-4), 6.7e9: (2e6, 1.2e-4), 13e9: (2e6, 1.0e-4), 175e9: (3.2e6, 0.6e-4),
}  # fmt: skip
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4))
for width, found in by_width.items():
    line = left.plot(RATES, found, "o-", label=f"width {width}")
    best = int(np.argmin(found))
    left.plot(RATES[best], found[best], "*", markersize=16, color=line[0].get_color())
left.set(xscale="log", xlabel="peak learning rate (per update)")
left.set(ylabel="validation loss (nats a token)", title="Ours: width and rate (star: best)")
left.legend()
middle.plot(BATCHES, [found[0] for found in by_batch.values()], "o-", label="same steps")
middle.plot(BATCHES, [found[1] for found in by_batch.values()], "s-", label="same tokens")
middle.set_xscale("log", base=2)
middle.set(xlabel="batch (rows)", ylabel="validation loss (nats a token)")
middle.set_title("Ours: batch")
middle.legend()
right.plot(list(TABLE_21), [rate for _, rate in TABLE_21.values()], "o-", label="rate")
right.set(xscale="log", yscale="log", xlabel="parameters", ylabel="learning rate (per update)")
right.set_title("GPT-3: table 2.1")
other = right.twinx()
other.plot(list(TABLE_21), [batch for batch, _ in TABLE_21.values()], "s--C1", label="batch")
other.set(yscale="log", ylabel="batch (tokens)")
right.legend(loc="center left")
other.legend(loc="upper center")
figure.tight_layout()
plt.show()

# %% [markdown]
# Left: does the star of the wider model stand further to the left? One seed and few rates give a
# coarse answer, so look at the whole curves: which width suffers first when the rate grows? Do not
# ask which width is better. In so short a run a small model may well be ahead.
#
# Middle: with the same steps, a larger batch is better; its gradient is less noisy. With the same
# tokens it is another matter: a large batch has few steps, and a very small one wastes them on
# noise. The best lies between. So why does GPT-3 take batches of millions of tokens? Because a
# thousand machines can share one batch, but not one step after another; there a larger batch costs
# no time. And the better a model is, the more its gradients from different texts disagree, so the
# more of them are worth averaging. GPT-3's authors measured that noise to choose the batch (section
# 2.3). On one computer, try a small batch first.
#
# ## 7.17 Keep it
#
# A preset is a model, its tokenizer and nothing else. Yours is called "mine". Labs 08 to 13 start
# from a model that comes with the course and was trained for longer. To start from yours, they take
# `presets.load("mine")`.

# %%
if short():
    print("A short run is not worth keeping, so nothing is saved.")
else:
    presets.save(model, tokenizer)
    again, _ = presets.load("mine")
    loss = training.evaluate(again, validation, LENGTH)
    print(f"loss of what was saved {loss:.3f}, of the model {losses['GPT']:.3f} nats a token")

# %% [markdown]
# ## Questions to think about
#
# 1. In 7.11 you divided each weight by the mean length of a source's documents. What would the
#    model have read without that? Which source would have won?
# 2. Your filter learned from code and shuffled letters. What would it do to a good text about code,
#    or in Korean? Who is missing from a model whose training text was filtered like that?
# 3. A row may hold the end of one document and the start of the next. What could the model learn
#    from that which is not true of the language? What would you lose by forbidding it?
# 4. Leave out the warm-up (`warmup_steps=0`) and train again with a peak ten times as high. Print
#    the norms that `training_step` returns. What happens in the first steps, and what does clipping
#    do?
# 5. Suppose that a copy of your validation text is in the training text. Which curve of 7.13 would
#    look different, and could you tell?
#
# ## What you know now
#
# * The data is half the work: weights, quality, copies and packing decide what the model reads.
# * Epochs follow from size, weight and budget. A printed table need not follow from itself.
# * A filter that counts words is blind to their order, and every filter throws away good text.
# * MinHash turns the question "how alike?" into "how many numbers are equal?".
# * A training step is: predict, loss, gradient, clip, update. A schedule around it, and that is
#   all.
# * The loss starts near log(vocabulary_size), meets the unigram line, then bends.
# * A run that resumes keeps weights, the optimizer's memory, the step and the order of the batches.
# * Bits a byte compare models whose tokens differ.
