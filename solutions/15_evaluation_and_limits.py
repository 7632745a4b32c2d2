# %% [markdown]
# # Lab 15 · Evaluation and limits
#
# A model has answered, translated, written. Is it any good? A number would be fine, but every
# number in the papers hides decisions. When do two answers count as the same? Was the test in the
# training text? Can people tell its texts from people's, and how sure are you of that?
#
# You build the measures: exact match and F1, BLEU, the overlap between training and test text
# (GPT-3, section 4 and appendix C), and the statistics of the study in which people guess who wrote
# the news (GPT-3, section 3.9.4). Given answers that match table 3.12, your code prints its
# intervals, its t and its p. Then you turn all of it on the course's own model, and look for the
# limits that the paper names (section 5).

# %%
import contextlib
import io
import math
import os
from collections import Counter

import keras_hub
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import display
from scipy import stats
from tqdm.auto import tqdm

from gpt_tf import closing, corpora, detection, job, parts, presets, pretraining, world, zero_shot
from gpt_tf.course import layout
from gpt_tf.evaluation import normalise_answer, words
from gpt_tf.job import END
from gpt_tf.world import lexicon

# %% [markdown]
# ## 15.1 An answer that is nearly right
#
# The right answer is "in the garden". The model says "In the old garden." Right or wrong?
#
# **Exact match** says: wrong, but be fair about it. Case, punctuation and articles don't count.
# `normalise_answer`, which you are given, takes them out and makes "in old garden" of it.
#
# **F1** gives points for the words that are right. Two shares matter: how many of the model's words
# are in the right answer (precision), and how many of the right answer's words the model has
# (recall). F1 is their harmonic mean, 2 · precision · recall / (precision + recall). A word that
# stands twice in one text and once in the other is shared once.
#
# Often several answers are right. The best one counts, for each measure on its own. Reading
# comprehension in GPT-3 is reported in this way (table 3.7, F1 for CoQA, DROP, QuAC and SQuADv2).


# %% exercise="lab15.answer_scores" points=4 minutes=20 difficulty=2
def answer_scores(predicted, answers):
    """Compares an answer with the right ones: exact match and F1 over words (as in SQuAD).

    Args:
        predicted: str, the model's answer.
        answers: list of str, the right answers, at least one.

    Returns:
        (exact_match, f1): floats from 0 to 1, each the best over the answers. All texts go through
        `normalise_answer` first. F1 with an answer of which no words are left is 1 if the model's
        has none, either, and else 0.

    Raises:
        ValueError: there is no right answer.

    Example:
        >>> answer_scores("In the old garden.", ["the garden", "in the garden"])
        (0.0, 0.8)
    """
    ### BEGIN SOLUTION
    if not answers:
        raise ValueError("Give at least one right answer.")
    mine = normalise_answer(predicted)
    exact, best = 0.0, 0.0
    for right in map(normalise_answer, answers):
        exact = max(exact, float(mine == right))
        shared = (Counter(mine.split()) & Counter(right.split())).total()
        total = len(mine.split()) + len(right.split())
        # 2 P R / (P + R) with P = shared / mine and R = shared / right.
        best = max(best, 2 * shared / total if total else 1.0)
    return exact, best
    ### END SOLUTION


# %%
check("lab15.answer_scores")

# %% [markdown]
# ## 15.2 Is it a good translation?
#
# A translation has no single right answer. **BLEU** (Papineni et al. 2002) counts how many of its
# n-grams stand in a reference by a person, for n from 1 to 4. GPT-3's translation results are BLEU
# scores (table 3.4).
#
# * **Clipping.** "the the the the" has four words that stand in the reference. So an n-gram counts
#   at most as often as it stands in one of the references; of several references the one that has
#   it most often.
# * **The whole corpus at once.** Add up the matches of all sentences, and the numbers of n-grams of
#   all sentences, then divide: one precision for each n. A single sentence may well have no
#   matching 4-gram; a corpus has some.
# * **Geometric mean** of the four precisions. If one of them is 0, BLEU is 0.
# * **Brevity penalty.** "the" alone would have precision 1. With c words in all translations and r
#   in the references, BLEU is multiplied by exp(1 - r/c) if c < r. A long translation needs no
#   penalty: its precision suffers. Of several references the one of the closest length counts for
#   r, of two equally close ones the shorter.


# %% exercise="lab15.bleu" points=6 minutes=35 difficulty=3
def bleu(translations, references, max_order=4):
    """Measures translations by the n-grams that they share with references (BLEU, for a corpus).

    Args:
        translations: list of lists of str, the words of each translation.
        references: list of lists of lists of str: for each translation its references, at least
            one, each a list of words.
        max_order: int, the longest n-grams.

    Returns:
        Float from 0 to 1 (papers print it times 100); 0 if for some n nothing matches.

    Raises:
        ValueError: different numbers of translations and references, or one without reference.

    Example:
        >>> bleu([["a", "b", "c", "d"]], [[["a", "b", "c", "d", "e"]]])
        0.779
    """
    ### BEGIN SOLUTION
    if len(translations) != len(references) or not all(references):
        raise ValueError("Give each translation at least one reference.")
    matches, totals = [0] * max_order, [0] * max_order
    length = reference_length = 0
    for mine, rights in zip(translations, references, strict=True):
        length += len(mine)
        reference_length += min((abs(len(r) - len(mine)), len(r)) for r in rights)[1]
        for n in range(1, max_order + 1):
            counts, *others = (
                Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))
                for text in (mine, *rights)
            )
            for gram, count in counts.items():
                matches[n - 1] += min(count, max(other[gram] for other in others))
            totals[n - 1] += counts.total()
    if not all(matches):
        return 0.0
    mean = sum(math.log(m / t) for m, t in zip(matches, totals, strict=True)) / max_order
    return math.exp(mean + min(0.0, 1 - reference_length / length))
    ### END SOLUTION


# %%
check("lab15.bleu")

# %% [markdown]
# ## 15.3 Had it seen the test?
#
# A model that has read the web may have read the test, too. Then a good score says that it
# remembers. GPT-3 looks for **13-grams**: runs of 13 words that stand in a test text and somewhere
# in the training text (appendix C). A run of 13 equal words is hardly chance; one of 3 is.
#
# Case and punctuation don't count, `words` sees to that. And a run never crosses from one text
# into the next: the end of one and the beginning of another are no sentence.
#
# The training text is large, the test small. So it is enough to remember the n-grams of the test,
# and to go through the training text once and look which of them turn up.


# %% exercise="lab15.ngram_overlap" points=4 minutes=20 difficulty=2
def ngram_overlap(training, tests, n=13):
    """Measures how much of each test text stands in the training text (GPT-3, appendix C).

    Args:
        training: list of lists of str, the words of each training text.
        tests: list of lists of str, the words of each test text.
        n: int, at least 1, number of words in a run.

    Returns:
        List of float, for each test text the share of its runs of n words, counted as often as
        they stand there, that occur in a training text; 0.0 for a text of fewer than n words.

    Raises:
        ValueError: n is less than 1.

    Example:
        >>> ngram_overlap([["a", "b", "c", "d"]], [["b", "c", "d", "b"], ["a"]], n=2)
        [0.667, 0.0]
    """
    ### BEGIN SOLUTION
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}.")

    def ngrams(text):
        return [tuple(text[i : i + n]) for i in range(len(text) - n + 1)]

    wanted = {gram for text in tests for gram in ngrams(text)}
    seen = {gram for text in training for gram in ngrams(text) if gram in wanted}
    shares = []
    for text in tests:
        found = [gram in seen for gram in ngrams(text)]
        shares.append(sum(found) / len(found) if found else 0.0)
    return shares
    ### END SOLUTION


# %%
check("lab15.ngram_overlap")

# %% [markdown]
# ## 15.4 What each person got right
#
# In GPT-3's study each participant reads news and says of each text who wrote it: a person, a
# model, or "I don't know". A participant's accuracy is the share of right answers among those in
# which the participant **decided**: whoever does not know is neither right nor wrong. Guessing
# gives 50%.
#
# Why one number for each participant, and not one for all answers together? The answers of one
# person are no independent trials: a careful reader gets most of them right, a tired one few. The
# participants are what was drawn at random, so they are what you count.


# %% exercise="lab15.participant_accuracies" points=2 minutes=10 difficulty=1
def participant_accuracies(counts):
    """Computes each participant's accuracy among the answers in which they decided.

    GPT-3, section 3.9.4.

    Args:
        counts: list of [right, wrong, dont_know] of int, one entry for each participant.

    Returns:
        List of float from 0 to 1, in the same order. Who never decided has no accuracy and is left
        out.

    Example:
        >>> participant_accuracies([[6, 2, 4], [0, 0, 12], [5, 5, 2]])
        [0.75, 0.5]
    """
    ### BEGIN SOLUTION
    return [right / (right + wrong) for right, wrong, _ in counts if right + wrong]
    ### END SOLUTION


# %%
check("lab15.participant_accuracies")

# %% [markdown]
# ## 15.5 How sure is the mean?
#
# Other participants would give another mean. Its standard error is s / sqrt(n), and the interval
# reaches t standard errors to each side, with Student's t for n - 1 degrees of freedom. You know
# this from lab 10, where you needed it for differences between pairs. There, `stats.t.ppf` gave the
# quantile. Remember that 5% outside means 2.5% on each side.


# %% exercise="lab15.mean_interval" points=3 minutes=10 difficulty=1
def mean_interval(values, confidence=0.95):
    """Computes a mean and its confidence interval by Student's t.

    Args:
        values: list of float, one for each participant, at least two.
        confidence: float between 0 and 1, how often such an interval holds the true mean.

    Returns:
        (mean, low, high): floats.

    Raises:
        ValueError: fewer than two values.

    Example:
        >>> mean_interval([0.5, 0.75, 0.7])
        (0.65, 0.321, 0.979)
    """
    ### BEGIN SOLUTION
    if len(values) < 2:
        raise ValueError("A mean needs at least two values for an interval.")
    mean = float(np.mean(values))
    error = np.std(values, ddof=1) / len(values) ** 0.5
    margin = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1) * error)
    return mean, mean - margin, mean + margin
    ### END SOLUTION


# %%
check("lab15.mean_interval")

# %% [markdown]
# ## 15.6 Is one model harder to tell than the other?
#
# One group of people judged texts by a **control** model that writes badly on purpose, another
# group judged texts by the 175B model. The means differ. So would those of two groups that judged
# the same model. By how much, the spread inside the groups tells.
#
# These are different people, so nothing can be paired. Student's **two-sample t-test** supposes
# that both groups have the same true variance, and estimates it from all values together, each
# group around its own mean:
#
# variance = (sum of squares of the first + sum of squares of the second) / (n1 + n2 - 2)
#
# t = (mean1 - mean2) / sqrt(variance · (1/n1 + 1/n2))
#
# p is the chance of a t this far from 0 **on either side**, if there were no difference, with
# n1 + n2 - 2 degrees of freedom. A computer's 1 - 0.99999999999999999999 is 0. So do not subtract
# from 1: `stats.t.sf`, the survival function, computes the small tail itself.


# %% exercise="lab15.two_sample_t_test" points=4 minutes=20 difficulty=2
def two_sample_t_test(first, second):
    """Tests whether two groups have different means (Student's t-test, pooled variance).

    Args:
        first: list of float, at least two values.
        second: list of float, at least two; the groups may have different sizes.

    Returns:
        (t, p): floats. t is positive if the first mean is larger; p is two-sided.

    Raises:
        ValueError: a group has fewer than two values, or no value differs from its group's mean.

    Example:
        >>> two_sample_t_test([0.8, 0.9, 1.0], [0.5, 0.6, 0.4, 0.5])
        (6.0, 0.0018)
    """
    ### BEGIN SOLUTION
    if min(len(first), len(second)) < 2:
        raise ValueError("Each group needs at least two values.")
    freedom = len(first) + len(second) - 2
    squares = sum(float(np.var(group)) * len(group) for group in (first, second))
    if squares == 0:
        raise ValueError("Nothing varies inside the groups, so there is no measure of chance.")
    error = (squares / freedom * (1 / len(first) + 1 / len(second))) ** 0.5
    t = float(np.mean(first) - np.mean(second)) / error
    return t, float(2 * stats.t.sf(abs(t), freedom))
    ### END SOLUTION


# %%
check("lab15.two_sample_t_test")

# %% [markdown]
# ## 15.7 Table 3.12, from answers
#
# The paper prints summaries, not the participants' answers. So here are **invented** answers, made
# to fit: `detection.answers_like_table_3_12()`. How they are spread within each group is arbitrary.
# What is not arbitrary is how many participants there are. t and p together give away the degrees
# of freedom, as the next cell shows: only 108 to 110 of them fit both printed numbers, which makes
# 110 to 112 participants in both groups together. The paper speaks of around 80 for each model
# (section 3.9.4). Perhaps some were left out, or the test was another one: that it was two-sided
# and pooled is our assumption.

# %%
for freedom in (90, 107, 108, 109, 110, 111, 130, 158):
    ps = [2 * stats.t.sf(t, freedom) for t in (12.65, 12.75)]
    fits = "  fits" if ps[1] < 3.25e-23 and ps[0] >= 3.15e-23 else ""
    print(f"{freedom:3} degrees of freedom: t 12.65 to 12.75 is p {ps[0]:.2g} to {ps[1]:.2g}{fits}")

# %%
answers = detection.answers_like_table_3_12()
accuracies = {name: participant_accuracies(counts) for name, counts in answers.items()}
t, p = two_sample_t_test(accuracies["control"], accuracies["GPT-3 175B"])
DONT_KNOW = "I don't know"
print(f"{'':12}{'mean (95% interval)':>22}{DONT_KNOW:>14}{'t (p)':>18}")
for name, counts in answers.items():
    mean, low, high = (100 * value for value in mean_interval(accuracies[name]))
    unknown = 100 * np.sum(counts, axis=0)[2] / np.sum(counts)
    test = "" if name == "control" else f"{t:.1f} ({p:.1e})"
    interval = f"{mean:.0f}% ({low:.0f}-{high:.0f})"
    print(f"{name:12}{interval:>22}{f'{unknown:.1f}%':>14}{test:>18}")
    said = detection.PAPER[name]
    test = f"{said['t']} ({said['p']:.1e})" if "t" in said else ""
    interval = f"{said['mean']}% ({said['low']}-{said['high']})"
    print(f"{'  the paper':12}{interval:>22}{said['dont_know']:>13}%{test:>18}")

# %% [markdown]
# Read the row of the 175B model with care. Its interval holds 50%: these people may as well have
# tossed a coin. That is all that it says. It is no proof that nobody can tell.
#
# ## 15.8 Experiment: answers and translations
#
# Now the course's own model, or yours if you write "mine". Two kinds of questions from the little
# world: four people do something somewhere, and one thing is asked; and English sentences to be
# translated into Velish, an invented language of which it has read examples and a dictionary. It
# answers by writing, greedily; nothing is trained.

# %%
PRESET = "nano-en"
model, tokenizer = presets.load(PRESET)
stop = tokenizer.token_id(END)


def write(prompts, new_tokens, temperature=0.0):
    """Returns what the model writes after each prompt, up to the end of the text."""
    ids = [tokenizer.encode(prompt) for prompt in prompts]
    texts = parts.generate(model, ids, new_tokens, temperature, seed=15, stop_token=stop)
    ends = [text[len(prompt) :].tolist() for prompt, text in zip(ids, texts, strict=True)]
    return [tokenizer.decode(end).split(END)[0] for end in ends]


def as_question(example):
    """Returns (passage and question as in the model's training text, question word, answers)."""
    text = example.texts[0]
    begin = max(text.rfind(word) for word in (" Who ", " What ", " Where "))
    prompt = f"{text[:begin]}\nQ:{text[begin:]} A:"
    return prompt, text[begin:].split()[0], example.texts[1:]


asked = world.examples("multiple_choice", 8 if short() else 128, seed=15, split="validation")
questions = [as_question(example) for example in asked]
written = [text.split("\n")[0] for text in write([prompt for prompt, _, _ in questions], 10)]
scores, guesses = {}, []
for (_, word, options), example, text in zip(questions, asked, written, strict=True):
    right = options[example.label]
    scores.setdefault(word, []).append(answer_scores(text, [right]))
    # What an answer scores that is drawn from the passage: the mean over the four that it names.
    guesses.append(np.mean([answer_scores(option, [right]) for option in options], axis=0))
for (prompt, _, options), example, text in list(zip(questions, asked, written, strict=True))[:3]:
    exact, f1 = answer_scores(text, [options[example.label]])
    print(f"{prompt}{text}   [right: {options[example.label]}; EM {exact:.0f}, F1 {f1:.2f}]\n")
from_passage = [
    answer_scores(text, options)[0] for (*_, options), text in zip(questions, written, strict=True)
]
print(f"{np.mean(from_passage):.0%} of the answers are one of the four that the passage names.")

# %% [markdown]
# And the translations. Two solved examples stand in each prompt. Your BLEU is printed beside the
# library's: `keras_hub.metrics.Bleu`, which splits at spaces here, as you do. With one reference
# for each sentence the two agree. (With several, the library takes the shortest reference's length
# where you take the closest.)

# %%
to_translate = world.examples("translation", 8 if short() else 128, seed=15, split="validation")
shown = "\n".join(e.texts[0] + e.label for e in world.examples("translation", 2, seed=16))
prompts = [f"{shown}\n{example.texts[0]}" for example in to_translate]
targets = [example.label.split() for example in to_translate]
rng = np.random.default_rng(15)
versions = {
    PRESET: [text.split("\n")[0].split() for text in write(prompts, 14)],
    "right, last word missing": [words_of[:-1] for words_of in targets],
    "right, first two words swapped": [[t[1], t[0], *t[2:]] for t in targets],
    "right words, shuffled": [list(rng.permutation(t)) for t in targets],
    "another sentence's translation": [targets[i - 1] for i in range(len(targets))],
}


def library_bleu(translations):
    """Returns the BLEU of keras_hub's metric."""
    metric = keras_hub.metrics.Bleu(tokenizer=tf.strings.split)
    metric.update_state([[" ".join(t)] for t in targets], [" ".join(t) for t in translations])
    return float(metric.result())


measured = {name: bleu(v, [[t] for t in targets]) for name, v in versions.items()}
print(f"{'':34}{'yours':>8}{'keras_hub':>12}")
for name, translations in versions.items():
    print(f"{name:34}{100 * measured[name]:8.2f}{100 * library_bleu(translations):12.2f}")
print(f"\n{prompts[0].splitlines()[-2]}  ->  {' '.join(versions[PRESET][0])}")
print(f"right: {' '.join(targets[0])}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(13, 4), layout="constrained")
rows = {"all": sum(scores.values(), []), **scores, "drawn from\nthe passage": guesses}
places = np.arange(len(rows))
for shift, column, name in ((-0.2, 0, "exact match"), (0.2, 1, "F1")):
    means = [np.mean(values, axis=0)[column] for values in rows.values()]
    axes[0].bar(places + shift, means, width=0.4, label=name)
counts = [f"{name}\n({len(values)})" for name, values in rows.items()]
axes[0].set_xticks(places, counts)
axes[0].set(xlabel="question word (number of questions)", ylabel="mean score (0 to 1)", ylim=(0, 1))
axes[0].set_title(f"Questions, answered by {PRESET}")
axes[0].legend()
axes[1].barh(list(measured), [100 * value for value in measured.values()], color="tab:green")
axes[1].invert_yaxis()
axes[1].set(xlabel="BLEU (times 100)", xlim=(0, 100), title="Translations into Velish")
plt.show()

# %% [markdown]
# Compare the bars on the left with those at the right end of the same picture: an answer drawn from
# the passage at random is right one time in four. A model below that has not merely guessed badly:
# see above how often it did not even name something from the passage. And F1 is above exact match
# even for guesses. "In the hotel" and "in the park" share the word "in". So an F1 alone says
# little; a guess gets one, too.
#
# On the right, look at the swap. All words are right and only the first two have changed places,
# but in sentences of four to six words hardly a run of four is left, and BLEU is a product. It was
# made for long sentences and many of them. And it knows nothing of meaning: a sentence that says
# the opposite may lose one word.
#
# ## 15.9 Experiment: what stands in the training text?
#
# The model's training text came in kinds, and some of each was kept out of it, document by
# document. Is what was kept out really new to the model? Paragraphs that stand there twice were
# even removed before. With `GPT_TF_DATA` the novels, Wikipedia and LAMBADA are looked at as well.

# %%
REAL = bool(os.environ.get("GPT_TF_DATA"))
sources = ["docstrings", "world"] + (["novels"] if REAL else [])
amount = 300 if short() else None
training = {
    source: [words(text) for text in pretraining.documents(source, "train")[:amount]]
    for source in sources
}
held_out = {
    f"{source}, held out": pretraining.documents(source, "validation") for source in sources
}
held_out["questions of 15.8"] = [example.texts[0] for example in asked]
if REAL:
    from gpt_tf import catalog

    held_out["The Time Machine"] = corpora.novels("test")
    held_out["Wikipedia (test)"] = corpora.real("test")
    held_out["LAMBADA"] = [row["text"] for row in catalog.load("lambada", "test")]
everything = sum(training.values(), [])
print(f"{len(everything):,} training texts, {sum(map(len, everything)):,} words")

# %%
LENGTHS = (1, 5, 13) if short() else (1, 2, 3, 5, 8, 13, 20, 30)
overlaps = {}
with tqdm(total=len(held_out) * len(LENGTHS), desc="overlap", unit="pass") as bar:
    for name, texts in held_out.items():
        tests = [words(text) for text in texts[:amount]]
        for n in LENGTHS:
            overlaps[name, n] = np.array(ngram_overlap(everything, tests, n))
            bar.update()

# %%
figure, axes = plt.subplots(1, 2, figsize=(13, 4.2), layout="constrained", sharey=True)
for name, marker in zip(held_out, "osv^DP*", strict=False):
    runs = [overlaps[name, n].mean() for n in LENGTHS]
    texts = [(overlaps[name, n] > 0).mean() for n in LENGTHS]
    axes[0].plot(LENGTHS, runs, f"{marker}-", label=name)
    axes[1].plot(LENGTHS, texts, f"{marker}-", label=name)
for axis, title in zip(axes, ("share of the runs of words", "share of the texts"), strict=True):
    axis.axvline(13, color="gray", linestyle=":")
    axis.set_xscale("log")
    axis.set_xticks(LENGTHS, LENGTHS)
    axis.minorticks_off()
    axis.set_xlabel("length of the run n (words); dotted: 13")
    axis.set_title(f"Found in the training text: {title}")
axes[0].set_ylabel("share found (0 to 1)")
axes[1].legend()
plt.show()
print("A run of 13 words of the training text stands in")
for name in held_out:
    dirty = overlaps[name, 13] > 0
    print(f"{dirty.sum():6} of {len(dirty):5} texts ({dirty.mean():6.1%}): {name}")

# %% [markdown]
# (In the right picture a whole book is one text. One known run in it, and all of it counts.)
#
# Kept out is not the same as new. A docstring in one file repeats a sentence from another, with the
# rest rewritten; the little world has a limited stock of sentences. Look at the curve of the
# questions, too: short runs are all known, long ones are new, and neither says whether the answers
# can be looked up.
#
# Does it matter? GPT-3 compares the score on the clean part of each test with the score on all of
# it (section 4, figure 4.2). Here: the model's loss on the docstrings that share a run of 13 words
# with the training text, and on those that do not.


# %%
def nats_a_token(texts):
    """Returns each text's mean loss, in nats a token; its first 64 tokens count."""
    rows = [tokenizer.encode(text)[:64] for text in texts]
    found = []
    for i in range(0, len(rows), 64):
        sums = parts.score_candidates(model, [stop], rows[i : i + 64])
        found += (-np.asarray(sums) / [len(row) for row in rows[i : i + 64]]).tolist()
    return np.array(found)


texts = held_out["docstrings, held out"][: 60 if short() else 400]
dirty = overlaps["docstrings, held out", 13][: len(texts)] > 0
losses = nats_a_token(texts)
for name, group in (("clean", losses[~dirty]), ("dirty", losses[dirty]), ("all", losses)):
    if len(group) > 1:
        mean, low, high = mean_interval(group.tolist())
        print(f"{name:6}{len(group):5} texts: {mean:.3f} nats a token ({low:.3f} to {high:.3f})")
if min(dirty.sum(), (~dirty).sum()) > 1:
    t, p = two_sample_t_test(losses[~dirty].tolist(), losses[dirty].tolist())
    print(f"clean against dirty: t = {t:.1f} (p = {p:.1e})")

# %% [markdown]
# The loss on the clean texts is the honest one. How much of the gap is memory? That cannot be read
# off. The dirty texts are also the formulaic ones, which are easy to guess even for a model that
# has never seen them. GPT-3's authors have the same doubt: a clean part may differ from the rest in
# more than being clean (section 4).
#
# ## 15.10 Experiment: the longer it writes
#
# GPT-3's authors name repetition and contradiction over long texts first among its limits (section
# 5). Both can be counted.
#
# **Repetition.** A text of 700 tokens, from held-out prompts. At each place: did the last four
# tokens stand in this text before? People repeat themselves, too, the more so the longer they have
# written. So their text is in the picture.

# %%
TEXTS, PROMPT, LONG = (8, 8, 56) if short() else (12, 32, 736)
source = "The Time Machine" if REAL else "docstrings, held out"
stream = []
for text in held_out[source]:
    stream += [*tokenizer.encode(text), stop]
begins = np.linspace(0, len(stream) - PROMPT - LONG, TEXTS).astype(int)
people = [stream[begin : begin + PROMPT + LONG] for begin in begins]
long_texts = {f"people ({source})": people}
for temperature in (0.0, 0.7, 1.0):
    prompts = [piece[:PROMPT] for piece in people]
    texts = parts.generate(model, prompts, LONG, temperature, seed=15)
    long_texts[f"{PRESET}, temperature {temperature}"] = [text.tolist() for text in texts]


def was_there(tokens, n=4):
    """Returns for each place of a text whether the n tokens that end there stood in it before."""
    seen, found = set(), []
    for end in range(n, len(tokens) + 1):
        gram = tuple(tokens[end - n : end])
        found.append(gram in seen)
        seen.add(gram)
    return found


BIN = 28 if short() else 92
figure, axis = plt.subplots(figsize=(8, 4.2))
for (name, texts), marker in zip(long_texts.items(), "ks^o", strict=True):
    repeated = np.mean([was_there(text)[PROMPT - 3 :] for text in texts], axis=0)
    bins = repeated[: len(repeated) // BIN * BIN].reshape(-1, BIN).mean(axis=1)
    centres = PROMPT + BIN * (np.arange(len(bins)) + 0.5)
    style = "k*--" if name.startswith("people") else f"{marker}-"
    axis.plot(centres, bins, style, label=f"{name}: {repeated.mean():.0%}")
axis.axvline(model.config.max_sequence_length, color="gray", linestyle=":")
axis.set(xlabel="place in the text (tokens); dotted: the model's context is full", ylim=(0, 1.02))
axis.set_ylabel("share of 4-grams that stood there before")
axis.set_title("Repetition within a text, and its mean")
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# Greedy text goes round in circles, and once in one it hardly ever leaves it. Heat cures that. Then
# compare with the people's line, from both sides: whoever stays with a subject repeats its names
# and its phrases, so a text that repeats less than people do may only be one that has no subject.
#
# **Contradiction** is harder to count, since you need to know what contradicts what. In the little
# world that is known. Two probes:
#
# * A thing is of one kind. A plum is a fruit, so it is no tool. The model is asked both, and all
#   other kinds, each in a question of its own: "Is a plum a tool?" It says yes where " Yes" is
#   likelier than " No". A model that holds one opinion says yes once.
# * A person of the world is a she or a he throughout. The model writes about each of them; does
#   one text have both words?


# %%
def likelier(prompts, options):
    """Returns the place of the option whose first token is likelier next, for each prompt."""
    label_ids = np.array([[tokenizer.encode(f" {option}")[0] for option in options]])
    rows = [tokenizer.encode(prompt) for prompt in prompts]
    lengths = np.array([len(row) for row in rows])
    tokens = np.array([row + [stop] * (lengths.max() - len(row)) for row in rows], "int32")
    chances = parts.label_word_probabilities(
        model(tokens), lengths, np.repeat(label_ids, len(rows), axis=0)
    )
    return np.argmax(chances, axis=1)


kinds = list(lexicon.kinds().values())[: 3 if short() else None]
affirmed = {}  # (kind, thing): the kinds to which it says yes
for kind in kinds:
    things = (*kind.words, *kind.held_out)
    asks = [
        f"Is {lexicon.an(thing)} {lexicon.an(other.noun)}?" for thing in things for other in kinds
    ]
    said = likelier(asks, ["Yes", "No"]).reshape(len(things), len(kinds))
    for thing, row in zip(things, said, strict=True):
        affirmed[kind.noun, thing] = [
            other.noun for other, no in zip(kinds, row, strict=True) if not no
        ]
yes = np.array([len(said) for said in affirmed.values()])
right = np.mean([kind in said for (kind, _), said in affirmed.items()])
print(f"{len(yes)} things, each asked about {len(kinds)} kinds")
print(f"yes to its own kind: {right:.0%} of the things")
for name, share in (("one yes", yes == 1), ("several", yes > 1), ("none", yes == 0)):
    print(f"{name}: {np.mean(share):.0%}")
(kind, thing), said = next(iter(affirmed.items()))
print(f"{thing}, which is a kind of {kind}, is said to be: {', '.join(said) or 'nothing'}")

# %%
names = lexicon.names()[: 8 if short() else None]
prompts = [f"{name} got up early and went to the" for name, _, _ in names]
repeats, mixed = 1 if short() else 5, {}
for temperature in (0.7, 1.0, 1.3):
    spoken = [
        set(words(text)) for text in write(prompts * repeats, 56 if short() else 90, temperature)
    ]
    found = [{"she", "he"} <= said for said in spoken]
    mixed[temperature] = sum(found), len(found)
    print(f"temperature {temperature}: {sum(found)} of {len(found)} texts have both she and he")

# %%
figure, axes = plt.subplots(1, 2, figsize=(12, 3.8), layout="constrained")
axes[0].hist(yes, bins=np.arange(len(kinds) + 2) - 0.5, edgecolor="white")
axes[0].axvline(1, color="black", linestyle=":", label="no contradiction: one yes")
axes[0].set(xlabel="kinds of which it says yes (number)", ylabel="things (number)")
axes[0].margins(y=0.25)
axes[0].set_title(f"Is it a ...? Asked of {len(kinds)} kinds")
axes[0].legend()
rates = np.array([k / n for k, n in mixed.values()])
intervals = np.array(
    [stats.binomtest(k, n).proportion_ci(method="wilson") for k, n in mixed.values()]
)
axes[1].errorbar(list(mixed), rates, np.abs(intervals.T - rates), fmt="o", capsize=3)
axes[1].set(xlabel="temperature (no unit)", ylabel="share of texts with both", ylim=(0, None))
axes[1].set_title("She and he in one person's day (95% intervals)")
plt.show()

# %% [markdown]
# The two probes tell different stories. A text holds on to its person nearly always: the name, and
# every "she" so far, stand in it, and attention finds them. What a plum is stands nowhere in the
# question. There the model has only its weights. Take any one of its answers and it may look fine;
# ask about all kinds, and you see how much of an opinion is behind it.
#
# ## 15.11 Experiment: a person, or a model?
#
# Now the study itself. Passages of a few lines: each begins with the same words that a person
# wrote; then either the person goes on, or a model does. Two models: the preset, and as **control**
# the same preset at temperature 1.5, which writes badly on purpose.

# %%
PASSAGES, PROMPT, NEW = (8, 8, 56) if short() else (120, 12, 52)
begins = np.linspace(0, len(stream) - PROMPT - NEW, PASSAGES).astype(int)
pieces = [tokenizer.decode(stream[i : i + PROMPT + NEW]).replace(END, "\n\n") for i in begins]
prompts = [stream[i : i + PROMPT] for i in begins]
passages = {"people": pieces}
for name, choice in ((PRESET, {"temperature": 0.8}), ("control", {"temperature": 1.5})):
    texts = parts.generate(model, prompts, NEW, seed=15, **choice)
    passages[name] = [tokenizer.decode(text.tolist()).replace(END, "\n\n") for text in texts]
for name, texts in passages.items():
    print(f"--- {name}\n{texts[0]}\n")

# %% [markdown]
# Your turn. Run the next cell, and click. (Without `ipywidgets` you type: `m` for a model, `p` for
# a person, `?` for I don't know.) Six passages are a round; in GPT-3's study a round was one
# participant. Better: have friends do a round each. In a saved notebook there are no buttons until
# the cell is run.

# %%
rng = np.random.default_rng(315)
rounds = 1 if short() else 4
quizzes = {
    name: detection.Quiz(
        [
            passage
            for _ in range(rounds)
            for passage in detection.draw_passages(passages["people"], passages[name], 6, rng)
        ],
        title=f"Quiz {number}: who wrote this?",
    )
    for number, name in enumerate(["control", PRESET], 1)
}
for quiz in quizzes.values():
    quiz.show()

# %%
yours = {name: participant_accuracies(quiz.counts()) for name, quiz in quizzes.items()}
for name, values in yours.items():
    if len(values) < 2:
        print(f"{name}: {len(values)} whole rounds answered; the statistics need two at least.")
    else:
        mean, low, high = mean_interval(values)
        print(f"{name}: {mean:.0%} right ({low:.0%} to {high:.0%}) in {len(values)} rounds")
if min(map(len, yours.values())) > 1:
    t, p = two_sample_t_test(yours["control"], yours[PRESET])
    print(f"control against {PRESET}: t = {t:.2f} (p = {p:.2g})")

# %% [markdown]
# In this saved run nobody was there to click. So here are **simulated answerers**. They are not
# people, and nothing about people follows from them; they show what the statistics make of
# different readers. Each of 80 simulated participants gets 12 passages of their own.
#
# * **guesser** tosses a coin, and does not know one time in ten.
# * **speller** looks for words that it has never read. Whoever has two or more of them in so few
#   lines must be a model. With one, it doesn't know.
# * **the model** looks at the likelihood under the preset. It has seen some other passages by
#   people, and takes for a model's whatever is much likelier than these, or much less likely: more
#   than 1.96 standard deviations from their mean.

# %%
READ = {word for text in everything for word in text}
likelihood = {}
for texts in passages.values():
    likelihood |= dict(zip(texts, nats_a_token(texts), strict=True))
others = [stream[i + PROMPT + NEW : i + 2 * (PROMPT + NEW)] for i in begins[:-1]]
sample = nats_a_token([tokenizer.decode(tokens).replace(END, "\n\n") for tokens in others])
middle, spread = float(np.mean(sample)), float(np.std(sample, ddof=1))


def guesser(text, rng):
    return None if rng.random() < 0.1 else bool(rng.integers(2))


def speller(text, rng):
    unknown = sum(word not in READ for word in words(text))
    return None if unknown == 1 else unknown > 1


def the_model(text, rng):
    return abs(likelihood[text] - middle) > 1.96 * spread


study = {}
for answer in (guesser, speller, the_model):
    for seed, name in enumerate(("control", PRESET)):
        counts = detection.simulate(
            answer, passages["people"], passages[name],
            participants=8 if short() else 80, size=4 if short() else 12, seed=seed,
        )  # fmt: skip
        unknown = np.sum(counts, axis=0)[2] / np.sum(counts)
        study[answer.__name__, name] = participant_accuracies(counts), unknown

# %%
print(f"{'simulated':12}{'':10}{'mean (95% interval)':>22}{DONT_KNOW:>14}{'t (p)':>18}")
for (answer, name), (values, unknown) in study.items():
    mean, low, high = mean_interval(values)
    control, test = study[answer, "control"][0], ""
    if name != "control" and max(np.ptp(control), np.ptp(values)) > 0:
        test = "{:.1f} ({:.1e})".format(*two_sample_t_test(control, values))
    interval = f"{mean:.0%} ({low:.0%}-{high:.0%})"
    print(f"{answer:12}{name:10}{interval:>22}{unknown:>14.1%}{test:>18}")

# %%
figure, axis = plt.subplots(figsize=(9, 4.2), layout="constrained")
groups = {
    answer: [mean_interval(study[answer, name][0]) for name in ("control", PRESET)]
    for answer in dict.fromkeys(answer for answer, _ in study)
}
groups["people,\nGPT-3 table 3.12"] = [mean_interval(values) for values in accuracies.values()]
for shift, column, name in ((-0.08, 0, "control"), (0.08, 1, f"{PRESET}; in the paper 175B")):
    found = np.array([values[column] for values in groups.values()])
    places, errors = np.arange(len(groups)) + shift, np.abs(found[:, 1:].T - found[:, 0])
    axis.errorbar(places, found[:, 0], errors, fmt="o", capsize=4, label=name)
axis.axhline(0.5, color="gray", linestyle=":", label="a coin")
axis.set_xticks(range(len(groups)), [g.replace("_", " ") for g in groups])
axis.set(xlabel="who answers (the first three are simulated)", ylabel="accuracy (share right)")
axis.set_ylim(0.3, 1.02)
axis.set_title("Telling a model from people: mean and 95% interval")
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# Read it as the paper's table is read:
#
# * The guesser has no difference to show. If its p is below 0.05 all the same, that happens one
#   time in twenty.
# * The speller finds the control by its made-up words. Against the preset it has less to go by.
#   That is the form of table 3.12: a bad writer is found out, a better one is not, **by this
#   reader**.
# * The model measures something that no person can see. The control's text is far from likely.
#   Whether the preset's own text stands out depends on its temperature and on the people's text.
#   Greedy text is likelier than theirs, hot text is less likely, and somewhere between them the two
#   are alike on average. Change the 0.8 above and run it again.
# * The last pair is the one of 15.7. The paper's people had neither a word list nor a likelihood,
#   and much longer texts.
#
# So "52%" is a statement about a text, a reader, a length and an hour, and not about a model alone.
#
# ## 15.12 Experiment: limits that the paper names
#
# Three kinds of questions on which GPT-3 did badly (section 5): common-sense **physics** ("If I put
# cheese into the fridge, will it melt?"), **WiC** (does a word mean the same in two sentences?) and
# **ANLI** (does a sentence follow, where surface words mislead?). The items below were written for
# this lab; they are *like* these sets, few and easy. The model chooses by likelihood (lab 12), with
# "unconditional" where the answers are the same for all.

# %%
PHYSICS = [  # beginning, what happens, what does not
    ("If you put cheese into the fridge, it will", "stay cold.", "melt."),
    ("If you put ice on a hot stove, it will", "melt.", "freeze."),
    ("If you drop a glass on a stone floor, it will", "break.", "float."),
    ("If you leave wet clothes in the sun, they will get", "dry.", "wet."),
    ("If you put a stone into water, it will", "sink.", "swim."),
    ("If you let go of a ball, it will", "fall.", "rise."),
    ("If you pour water on a fire, it will", "go out.", "burn."),
    ("If you blow out a candle, the room gets", "dark.", "bright."),
    ("If you cut an apple in two, each half is", "smaller.", "larger."),
    ("If you fill a bag with bricks, it gets", "heavy.", "light."),
    ("If you heat water for a long time, it will", "boil.", "freeze."),
    ("If you sit on an egg, it will", "break.", "open."),
]
WIC = [  # word, two sentences, whether it means the same
    ("bank", "He sat on the bank of the river.", "She put her money into the bank.", False),
    ("bank", "The bank lends money.", "She works in a bank.", True),
    ("light", "The bag was light.", "He turned on the light.", False),
    ("light", "The light in the room was weak.", "A light shone from the window.", True),
    ("ring", "She wore a ring.", "I heard the ring of a bell.", False),
    ("ring", "The ring was made of gold.", "He lost a silver ring.", True),
    ("match", "He lit a match.", "They won the match.", False),
    ("match", "The match began at noon.", "We saw a match on Sunday.", True),
    ("cold", "The soup was cold.", "He caught a cold.", False),
    ("cold", "It was a cold morning.", "The water is cold.", True),
    ("letter", "He wrote a letter to his friend.", "The word has one letter too many.", False),
    ("letter", "A letter came by post.", "She read the letter aloud.", True),
]
ANLI = [  # premise, what may follow from it, whether it does
    ("Anna sold the boat that Paul had bought.", "Paul bought a boat.", True),
    ("Anna sold the boat that Paul had bought.", "Anna bought a boat.", False),
    ("Nobody but Kate saw the dog.", "Kate saw the dog.", True),
    ("Nobody but Kate saw the dog.", "Paul saw the dog.", False),
    ("Sam forgot to lock the door.", "The door was not locked.", True),
    ("Sam forgot to lock the door.", "Sam locked the door.", False),
    ("Mia is older than Noah.", "Noah is younger than Mia.", True),
    ("Mia is older than Noah.", "Noah is older than Mia.", False),
    ("The cake was gone before Emma came.", "Emma came after the cake was gone.", True),
    ("The cake was gone before Emma came.", "Emma ate the cake.", False),
    ("Zoe has three books and gave one away.", "Zoe has two books left.", True),
    ("Zoe has three books and gave one away.", "Zoe has three books left.", False),
]


def choose(prompt, options, normalise):
    """Returns the place of the option that the model finds most likely after the prompt."""
    ids = [tokenizer.encode(f" {option}") for option in options]
    nothing = tokenizer.encode("A:")
    return parts.choose_candidate(model, tokenizer.encode(prompt), ids, normalise, nothing)


YES_NO = ["Yes.", "No."]
chosen = {"physics": [], "WiC-like": [], "ANLI-like": []}  # of each: (choice, right one)
some = slice(4 if short() else None)
for begin, *ends in PHYSICS[some]:
    chosen["physics"].append((choose(begin, ends, "length"), 0))
for word, one, two, same in WIC[some]:
    prompt = parts.build_prompt("", [], f"{one} {two} Does {word} mean the same in both?")
    chosen["WiC-like"].append((choose(prompt, YES_NO, "unconditional"), 0 if same else 1))
for premise, claim, follows in ANLI[some]:
    prompt = parts.build_prompt("", [], f"{premise} Is it true that {claim.rstrip('.')}?")
    chosen["ANLI-like"].append((choose(prompt, YES_NO, "unconditional"), 0 if follows else 1))

# %%
figure, axis = plt.subplots(figsize=(8, 3), layout="constrained")
for place, (name, pairs) in enumerate(chosen.items()):
    right = sum(choice == answer for choice, answer in pairs)
    low, high = stats.binomtest(right, len(pairs)).proportion_ci(method="wilson")
    share = right / len(pairs)
    axis.errorbar(
        share, place, xerr=[[share - low], [high - share]], fmt="o", capsize=4, color="C0"
    )
    firsts = sum(choice == 0 for choice, _ in pairs)
    said = "" if name == "physics" else f", yes {firsts} times"
    print(f"{name:10} {right:2} of {len(pairs)} right ({low:.0%} to {high:.0%}){said}")
axis.axvline(0.5, color="gray", linestyle=":", label="guessing")
axis.set_yticks(range(len(chosen)), chosen)
axis.set(xlim=(0, 1), ylim=(-0.5, 2.5), xlabel="share right, with 95% interval (Wilson)")
axis.set_ylabel("kind of question")
axis.set_title(f"{PRESET} on questions like those of section 5")
axis.invert_yaxis()
axis.legend()
plt.show()

# %% [markdown]
# Twelve questions make very wide intervals. Whether an interval holds one half is the only thing to
# read off, and even a score above it would not show understanding: "melt" may simply be a rarer
# word than "stay cold". Look at how often it says yes: a model that always says the same is right
# on half of a balanced set. GPT-3, tens of thousands of times as large, was little better than
# chance on WiC and ANLI, few-shot (section 5). A limit like this is not mended by a better prompt.
#
# ## 15.13 What few-shot cannot tell us
#
# The model is shown solved examples and then answers better. Has it **learned** the task from them,
# at that moment? Or has it **recognised** a task that its training text was full of? GPT-3's
# authors say that they do not know (section 5).
#
# One thing you can try: lie to it. Show examples whose answers are all wrong. Whoever learns from
# examples must then answer wrongly as well, and fall below chance. Whoever only recognises the
# question does not care.

# %%
asked_words = next(q for q in zero_shot.questions(1000) if q.name == "word")
adjectives = [
    (text.split()[0].lower(), answer)
    for text, answer in zip(asked_words.prompts, asked_words.answers, strict=True)
]
VERDICTS = ["Good.", "Bad."]
QUESTION = "Is something {} good or bad?"


def with_examples(word, shots, lie, rng):
    """Returns a prompt that asks about a word, after solved examples that may all be lies."""
    others = [pair for pair in adjectives if pair[0] != word]
    shown = [others[i] for i in rng.choice(len(others), shots, replace=False)]
    solved = [(QUESTION.format(w), VERDICTS[1 - a if lie else a]) for w, a in shown]
    return parts.build_prompt("", solved, QUESTION.format(word))


shots = (0, 2) if short() else (0, 1, 2, 4, 8)
repeats = 1 if short() else 5
truth = np.array([answer for _, answer in adjectives])
curves = {"true examples": [], "every example a lie": []}
with tqdm(total=2 * len(shots) * repeats, desc="asking", unit="round") as bar:
    for lie, name in enumerate(curves):
        for k in shots:
            right = []
            for repeat in range(repeats):
                rng = np.random.default_rng([15, k, repeat])
                prompts = [with_examples(word, k, lie, rng) for word, _ in adjectives]
                right += (likelier(prompts, VERDICTS) == truth).tolist()
                bar.update()
            curves[name].append(np.mean(right))

# %%
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
for (name, values), style in zip(curves.items(), ("o-", "s--"), strict=True):
    axis.plot(shots, values, style, label=name)
axis.axhline(0.5, color="gray", linestyle=":", label="guessing")
axis.set(xlabel="examples in the prompt (number)", ylabel="share right, by the truth", ylim=(0, 1))
axis.set_xticks(shots)
axis.set_title(f"Is something dismal good or bad? {len(adjectives)} words")
axis.legend()
plt.show()
for name, values in curves.items():
    line = (f"{k:5} shown: {v:.2f}" for k, v in zip(shots, values, strict=True))
    print(f"{name:20}" + "".join(line))

# %% [markdown]
# If the two curves lie on each other, the examples have told the model nothing about **which**
# answer belongs to which word. What they gave it is the form: a question of this kind comes next,
# and one of these two words answers it. What the words mean, it had read before. If the lower curve
# drops below one half, it has taken the lies for the rule, and then it learns in the prompt. With
# so few words a gap of a tenth is nothing.
#
# A larger model may do otherwise. That is why the question is open: a good few-shot score looks the
# same in both cases.
#
# ## 15.14 Questions
#
# The first two have answers. The last three, as far as anybody knows, have none yet.
#
# 1. Your F1 gives points for a shared "in". Would leaving out more words than the articles be
#    fairer? What would become of "to be or not to be"?
# 2. A test of 12,000 texts is checked by 13-grams, and 9,000 are dirty. The score on the other
#    3,000 is as high as on all. Does that show that contamination did no harm? What else might it
#    mean?
# 3. Does a model that has read the web learn a task from ten examples, or find it again? Which
#    experiment would convince you, on a model whose training text you cannot see?
# 4. People tell model from person at 52%. What do we do with the news then? Is there a trace that
#    no better model can lose?
# 5. GPT-3 read 300 billion tokens (table 2.2), more than anybody hears or reads in a thousand
#    lives, and stumbles over cheese in a fridge. What does a child have that it lacks? Eyes, hands,
#    goals, another way of learning? Is the next word the wrong thing to learn from, or only too
#    little?
#
# ## What you know now
#
# * A score is a decision: what counts as the same, what is clipped, what a guess would get.
# * Held out is not the same as unseen. Count long runs of words, and look at the clean part.
# * One participant, one number; then a mean, an interval by Student's t, and a test between groups.
# * Models repeat and contradict themselves, and asking in two ways shows it.
# * A few-shot score does not say whether anything was learned in the prompt.
#
# ## What you built
#
# Fifteen labs ago a language model was a table of counts (lab 01). You have since written the
# tokens (02), the embeddings (03), attention (04), the block (05) and the whole GPT (06). You
# trained it on raw text (07) and let it write (08). You fine-tuned it (09), asked what it had
# carried over (10), gave it tasks in plain words (11, 12), trained a prompt in front of it (13) and
# saw how it grows (14). In this lab you measured it.
#
# Below is a picture of your own run: its loss, its scores, what it writes, and whose the parts are.
# It shows the last run of the whole job, `make course` (or `python -m gpt_tf`). Without one, a tiny
# run is made here. Its text makes no sense; the long one's does, a little.

# %%
try:
    run = closing.report()
except FileNotFoundError as missing:
    run = None
    print(missing)
    if not short():
        with contextlib.redirect_stdout(io.StringIO()):
            job.execute(job.Settings().shortened(), layout.ROOT / "runs" / "closing")
        run = closing.report(layout.ROOT / "runs" / "closing")
whose = closing.owners()
if run:
    display(closing.picture(run, whose))

# %%
borrowed = [exercise for exercise, owner in whose.items() if owner == "borrowed"]
print(f"{list(whose.values()).count('yours')} of {len(whose)} parts are yours.")
print(f"Borrowed from the solutions: {', '.join(borrowed) or 'none'}.")

# %% [markdown]
# Borrowed parts are no shame: they are what let you go on. Each of them is still there to be
# written. Take one, make its `check` green, and draw the picture again.
#
# Then train a larger one: `python -m gpt_tf pretrain --help`. It is your own code.
