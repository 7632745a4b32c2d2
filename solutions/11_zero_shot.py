# %% [markdown]
# # Lab 11 · Zero-shot: tasks that nobody taught
#
# A language model learns one thing: which token comes next. GPT-2's claim is that this one thing
# has many tasks inside. A web page says "translated into French:" and goes on in French. An article
# ends in "TL;DR:" and then in one sentence. Whoever predicts such pages well must translate a
# little, and summarise a little. Nobody labelled anything for it (GPT-2, section 2).
#
# So you can ask a model for a task without training it: you write a text whose likely continuation
# **is** the answer. That is called **zero-shot**. You build what GPT-2's section 3 needs for it:
#
# * a task as text;
# * a choice between given answers, by their likelihood;
# * the last word of a passage, LAMBADA's test;
# * the likelihood of a text longer than the model's window;
# * **bits per byte**, a measure in which models with different tokenizers can be compared.
#
# At the end the course's small model sits GPT-2's exams, and real GPT-2 beside it where it can be
# fetched. Expect the small one to fail most of them. How it fails is the lesson.

# %%
import math
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

from gpt_tf import (
    catalog,
    corpora,
    endings,
    gpt2_weights,
    parts,
    presets,
    prompting,
    world,
    zero_shot,
)
from gpt_tf.config import PAPER
from gpt_tf.job import END
from gpt_tf.tokenizer import Tokenizer

# %% [markdown]
# ## 11.1 The task is in the text
#
# A model trained for one task learns P(output | input). One model for many tasks has to be told
# which one is meant: P(output | input, task). You could give the task as a number, or as a part of
# the network. GPT-2 writes it down in the same text as the input (section 2). Then the output layer
# needs nothing new, and neither does the training.
#
# Three wordings from the paper:
#
# * **Translation**: `a sentence =`. The model is to see that the other side of the sign is the same
#   sentence in another language (section 3.7; the paper shows solved pairs first, which is lab 12's
#   subject).
# * **Question answering**: the document, then the question, then `A:` (section 3.5). Without a
#   document the model has to know the answer (section 3.8).
# * **Summary**: the article, then `TL;DR:` (section 3.6).
#
# What comes last decides. The text ends where the output has to begin, and **not** in a space:
# byte-pair encoding keeps the space with the word behind it (lab 02), so the output brings its own.


# %% exercise="lab11.task_as_text" points=3 minutes=10 difficulty=1
def task_as_text(task, text="", question=""):
    r"""Writes a task and its input as one text, for a model to continue (GPT-2, sections 2 and 3).

    Args:
        task: str, "translate", "answer" or "summarise".
        text: str, the sentence, the document or the article. "answer" may do without.
        question: str, what is asked; only for "answer".

    Returns:
        Str. "translate": the text, a space and "=". "answer": the text on a line of its own if
        there is one, then "Q: ", the question and " A:". "summarise": the text, then "TL;DR:" on a
        line of its own. White space around text and question is cut off first.

    Raises:
        ValueError: another task, "answer" without a question, or another one without a text.

    Example:
        >>> task_as_text("answer", "Ben is a baker.", "Who is Ben?")
        'Ben is a baker.\nQ: Who is Ben? A:'
    """
    ### BEGIN SOLUTION
    text, question = text.strip(), question.strip()
    written = {
        "translate": f"{text} =",
        "answer": f"{text}\nQ: {question} A:".lstrip(),
        "summarise": f"{text}\nTL;DR:",
    }
    if task not in written:
        raise ValueError(f"There is no task {task!r}; choose one of {', '.join(written)}.")
    if not (question if task == "answer" else text):
        raise ValueError(f"{task}: the input is empty.")
    return written[task]
    ### END SOLUTION


# %%
check("lab11.task_as_text")

# %% [markdown]
# ## 11.2 How likely is this answer?
#
# You could let the model write, and compare its text with the answer. For a choice between given
# answers there is a better way: ask how likely each one is. A text's probability is the product of
# its tokens' probabilities, each given all that stands before it. In logs the product is a sum:
#
# log P(answer | prompt) = sum over i of log P(token i | prompt, tokens before i)
#
# Mind the shift. What the model says about a token stands one position **before** it. The first
# token of the answer is predicted at the prompt's last position.
#
# The candidates differ in length. Pad them on the right, so that all of them go through the model
# in one batch, and count no padding.


# %% exercise="lab11.score_candidates" points=5 minutes=25 difficulty=3
def score_candidates(model, prompt_ids, candidates):
    """Scores each candidate by its log-likelihood after a prompt (GPT-3, section 2.4).

    Args:
        model: a GPT, or any function from int tokens (batch, T) to logits
            (batch, T, vocabulary_size).
        prompt_ids: list of int, the token ids of the prompt, at least one.
        candidates: list of lists of int, the token ids of each answer, at least one each.

    Returns:
        Float tensor of shape (number of candidates,): log P(candidate | prompt) in nats, the sum
        over the candidate's tokens.

    Raises:
        ValueError: the prompt or a candidate has no tokens.

    Example:
        >>> model = lambda tokens: keras.ops.zeros((*tokens.shape, 10))
        >>> score_candidates(model, [1, 2], [[3], [4, 5]])
        [-2.303, -4.605]
    """
    ### BEGIN SOLUTION
    if not prompt_ids or not all(candidates):
        raise ValueError("The prompt and each candidate need at least one token.")
    first, longest = len(prompt_ids), max(map(len, candidates))
    real = np.array([[i < len(c) for i in range(longest)] for c in candidates])
    rows = np.array([[*prompt_ids, *c, *[0] * (longest - len(c))] for c in candidates], "int32")
    logits = model(keras.ops.convert_to_tensor(rows))[:, first - 1 : -1]
    log_probabilities = keras.ops.log_softmax(keras.ops.cast(logits, "float32"), axis=-1)
    taken = keras.ops.take_along_axis(log_probabilities, rows[:, first:, None], axis=-1)[..., 0]
    return keras.ops.sum(keras.ops.where(real, taken, 0.0), axis=1)
    ### END SOLUTION


# %%
check("lab11.score_candidates")

# %% [markdown]
# ## 11.3 Two unfair advantages
#
# A sum of log-probabilities favours **short** answers: each further token can only lower it. GPT-3
# divides by the number of tokens.
#
# It also favours answers that are common **anyway**: "the" is likely after every prompt. For some
# tasks GPT-3 therefore asks how much more likely the prompt has made the answer. It divides by the
# answer's probability after a prompt that says nothing but "Answer:". In logs, that is a
# difference.


# %% exercise="lab11.normalised_scores" points=3 minutes=10 difficulty=2
def normalised_scores(scores, lengths, unconditional=None):
    """Makes log-likelihoods of different answers comparable (GPT-3, section 2.4).

    Args:
        scores: float tensor of shape (n,), log P(answer | prompt) in nats.
        lengths: int tensor of shape (n,), number of tokens of each answer.
        unconditional: float tensor of shape (n,), log P(answer | "Answer:") in nats, or None.

    Returns:
        Float tensor of shape (n,). Without `unconditional` the score for each token; with it
        log(P(answer | prompt) / P(answer | "Answer:")), where lengths play no part.

    Example:
        >>> scores, lengths = keras.ops.array([-2.0, -3.0]), keras.ops.array([1, 2])
        >>> normalised_scores(scores, lengths)
        [-2.0, -1.5]
        >>> normalised_scores(scores, lengths, unconditional=keras.ops.array([-1.0, -4.0]))
        [-1.0, 1.0]
    """
    ### BEGIN SOLUTION
    if unconditional is not None:
        return scores - unconditional
    return scores / keras.ops.cast(lengths, scores.dtype)
    ### END SOLUTION


# %%
check("lab11.normalised_scores")

# %% [markdown]
# ## 11.4 Choose
#
# Now put the pieces together: score, normalise, take the best.


# %% exercise="lab11.choose_candidate" points=4 minutes=15 difficulty=2
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    """Chooses the answer that the model finds most likely after a prompt (GPT-3, section 2.4).

    Args:
        model: as in `score_candidates`.
        prompt_ids: list of int, the token ids of the prompt.
        candidates: list of lists of int, the token ids of each answer.
        normalise: str. "none" takes the plain sums; "length" the score for each token;
            "unconditional" the scores against those after `answer_prompt_ids`.
        answer_prompt_ids: list of int, the token ids of a prompt that says nothing, such as
            "Answer:"; only "unconditional" needs it.

    Returns:
        Int, the place of the best candidate in the list; the first of equally good ones.

    Raises:
        ValueError: `normalise` is another word, or "unconditional" comes without
            `answer_prompt_ids`.

    Example:
        >>> model = lambda tokens: keras.ops.zeros((*tokens.shape, 10))
        >>> choose_candidate(model, [1, 2], [[3, 3], [4]], normalise="none")
        1
    """
    ### BEGIN SOLUTION
    if normalise not in ("none", "length", "unconditional"):
        raise ValueError(f'normalise is {normalise!r}; choose "none", "length" or "unconditional".')
    if normalise == "unconditional" and not answer_prompt_ids:
        raise ValueError('"unconditional" needs answer_prompt_ids, such as those of "Answer:".')
    scores = score_candidates(model, prompt_ids, candidates)
    if normalise == "length":
        lengths = keras.ops.array([len(c) for c in candidates])
        scores = normalised_scores(scores, lengths)
    elif normalise == "unconditional":
        anyway = score_candidates(model, answer_prompt_ids, candidates)
        scores = normalised_scores(scores, None, anyway)
    return int(keras.ops.argmax(scores))
    ### END SOLUTION


# %%
check("lab11.choose_candidate")

# %% [markdown]
# ## 11.5 A passage and its last word
#
# LAMBADA has passages of novels that stop before their last word. People guess the word when they
# have read the whole passage, and fail when they see the last sentence alone. So a model that
# guesses it has used what stands far back (GPT-2, section 3.3).
#
# A row of the data set is the whole passage. You cut it yourself, and the space is the point again:
# it belongs to the word, since that is how the model learned its tokens. Cut it off on the left
# side, and you test how well the model copes with a broken text.


# %% exercise="lab11.last_word" points=2 minutes=5 difficulty=1
def last_word(passage):
    r"""Cuts a passage before its last word (GPT-2, section 3.3).

    Args:
        passage: str, words with white space between them. White space at its very end is cut off.

    Returns:
        (context, target): str, str. The target is the last word with the one character of white
        space that stands before it; the context is all that comes earlier, unchanged.

    Raises:
        ValueError: fewer than two words.

    Example:
        >>> last_word("He said:\n\nHand me my hat")
        ('He said:\n\nHand me my', ' hat')
    """
    ### BEGIN SOLUTION
    words, passage = passage.split(), passage.rstrip()
    if len(words) < 2:
        raise ValueError(f"{passage!r} has no word that could be left out behind another one.")
    cut = len(passage) - len(words[-1]) - 1
    return passage[:cut], passage[cut:]
    ### END SOLUTION


# %%
check("lab11.last_word")

# %% [markdown]
# ## 11.6 Does the model know it?
#
# Two numbers tell. The word's **likelihood** gives the perplexity of LAMBADA: the sum over the
# word's tokens, as in 11.2. And **accuracy** asks: left alone, would the model write this word? It
# would if at each of the word's tokens that very token has the largest logit. One pass through the
# model answers both.
#
# GPT-2's authors saw that most wrong guesses were words that go on with the sentence well and could
# not end it: *the*, *his*, *very*. So they filtered such **stop words** out. It took their largest
# model from 52.66% to 63.24% (GPT-2, section 3.3).
#
# Filtering means: these tokens may not be chosen. Set their logits to minus infinity and look for
# the largest again. Mind two things:
#
# * Only at the **first** token of the word. What stands there inside a longer word is no stop word.
# * Only for the choice. The likelihood, and with it the perplexity, stays what the model said.


# %% exercise="lab11.last_word_prediction" points=5 minutes=25 difficulty=3
def last_word_prediction(model, context_ids, target_ids, forbidden_ids=()):
    """Says how likely a passage's last word is, and whether the model would write it.

    The test of GPT-2, section 3.3.

    Args:
        model: as in `score_candidates`.
        context_ids: list of int, the token ids of the passage without its last word, at least one.
        target_ids: list of int, the token ids of the last word, at least one.
        forbidden_ids: list of int, tokens that may not be chosen as the word's first one; they
            change nothing else.

    Returns:
        (log_likelihood, right): float, log P(target | context) in nats; and bool, True if each of
        the target's tokens has the largest logit where it is predicted.

    Raises:
        ValueError: the context or the target has no tokens.

    Example:
        >>> model = lambda tokens: keras.ops.one_hot(tokens + 1, 10)
        >>> last_word_prediction(model, [1, 2], [3, 4])
        (-3.073, True)
        >>> last_word_prediction(model, [1, 2], [3, 4], forbidden_ids=[3])
        (-3.073, False)
    """
    ### BEGIN SOLUTION
    log_likelihood = float(score_candidates(model, context_ids, [target_ids])[0])
    tokens = keras.ops.convert_to_tensor([[*context_ids, *target_ids]], "int32")
    logits = np.array(model(tokens)[0, len(context_ids) - 1 : -1])
    logits[0, list(forbidden_ids)] = -np.inf
    return log_likelihood, bool(np.all(np.argmax(logits, axis=-1) == target_ids))
    ### END SOLUTION


# %%
check("lab11.last_word_prediction")

# %% [markdown]
# ## 11.7 Texts longer than the window
#
# GPT-2 reads 1,024 tokens at once, your model 256. A whole book is longer. You could cut it into
# pieces and add up their likelihoods. But then the first tokens of each piece are guessed from
# nothing, 256 tokens apart, and the model looks worse than it is.
#
# So let the window **slide**. It moves on by `stride` tokens, and each time only the tokens that
# are new in it are counted. The others are there to be read. A small stride gives each token much
# context and costs many passes through the model; a large one is cheap.
#
# Take a text of 8 tokens, a window of 5 and a stride of 2. Counted tokens are in brackets:
#
# ```
# a [b  c  d  e]
#       c  d  e [f  g]
#          d  e  f  g [h]
# ```
#
# The first token of all is counted never: nothing stands before it. And look at the last window: it
# ends with the text and is as long as the others, so it moves on by less.


# %% exercise="lab11.text_log_probabilities" points=5 minutes=25 difficulty=3
def text_log_probabilities(model, tokens, length, stride):
    """Computes the log-probability of each token of a text of any length, by a sliding window.

    Args:
        model: as in `score_candidates`.
        tokens: list of int, the whole text, at least two tokens.
        length: int, number of tokens in a window. Only a text that is shorter makes a shorter one.
        stride: int, 1 to length - 1, by how many tokens the window moves on; the last one moves on
            by what is left.

    Returns:
        Float tensor of shape (number of tokens - 1,): log P of each token but the first, in nats,
        given the tokens before it in the first window that has it.

    Raises:
        ValueError: fewer than two tokens, or a stride that is not 1 to length - 1.

    Example:
        >>> model = lambda tokens: keras.ops.zeros((*tokens.shape, 10))
        >>> text_log_probabilities(model, [1, 2, 3, 4], length=3, stride=1)
        [-2.303, -2.303, -2.303]
    """
    ### BEGIN SOLUTION
    if len(tokens) < 2 or not 1 <= stride < length:
        raise ValueError(
            f"{len(tokens)} tokens, window {length}, stride {stride}: take at least two tokens and "
            "a stride of 1 to length - 1."
        )
    found, counted, end = [], 1, min(length, len(tokens))
    while counted < len(tokens):
        window = keras.ops.convert_to_tensor([tokens[max(0, end - length) : end]], "int32")
        log_probabilities = keras.ops.log_softmax(keras.ops.cast(model(window), "float32"), axis=-1)
        taken = keras.ops.take_along_axis(log_probabilities[0, :-1], window[0, 1:, None], axis=-1)[
            :, 0
        ]
        found.append(taken[counted - end :])
        counted, end = end, min(end + stride, len(tokens))
    return keras.ops.concatenate(found)
    ### END SOLUTION


# %%
check("lab11.text_log_probabilities")

# %% [markdown]
# ## 11.8 Bits per byte
#
# Perplexity is the exponential of the mean over the **tokens**. One model cuts "unbelievable" into
# one token, another into five. The first one has to guess once, among many; the second one five
# times, and mostly it is easy. Their perplexities have different units. To compare them is to
# compare a price for a box with a price for a kilo.
#
# What both have in common is the text. The likelihood of the **whole text** does not ask how it was
# cut. So spread it over something that no tokenizer decides: the text's bytes in UTF-8. And take
# logs of base 2, since then the result says how many bits a compressor with this model would need
# for each byte.
#
# bits per byte = (nats per token x number of tokens) / (ln 2 x number of bytes)
#
# The same trick with words in place of bytes gives the perplexities in GPT-2's table 3: there the
# likelihood is spread over the data set's own words, whatever the model's tokens are (section 3.1).


# %% exercise="lab11.bits_per_byte" points=2 minutes=10 difficulty=1
def bits_per_byte(nats_per_token, num_tokens, text):
    """Turns a loss for each token into one that does not depend on the tokenizer.

    Args:
        nats_per_token: float, mean of -log P over the tokens of the text, in nats.
        num_tokens: int, how many tokens the mean is over: all those that the text was cut into.
        text: str, the text itself.

    Returns:
        Float, bits for each byte of the text in UTF-8.

    Raises:
        ValueError: the text is empty.

    Example:
        >>> bits_per_byte(math.log(256), 5, "hello")
        8.0
    """
    ### BEGIN SOLUTION
    if not text:
        raise ValueError("The text is empty, so there are no bytes to spread the loss over.")
    return nats_per_token * num_tokens / math.log(2) / len(text.encode("utf-8"))
    ### END SOLUTION


# %%
check("lab11.bits_per_byte")

# %% [markdown]
# ## 11.9 Who sits the exam
#
# The course's small model, `nano-en`: 2.6 million parameters, trained on documentation, on the
# course's little world and on some novels. Write `presets.load("mine")` for yours from lab 07. None
# of what follows trains it.
#
# Beside it, if there is a network, the smallest GPT-2, in your own GPT through your own loader
# (lab 06). It has nearly fifty times as many parameters, and it has read far more. On a CPU it
# takes its time, so of each set it gets the first 25 only.

# %%
models = {"nano-en": presets.load("nano-en")}
if short():
    print("The short setting downloads nothing, so real GPT-2 is left out.")
else:
    try:
        config, arrays, _ = gpt2_weights.fetch("gpt2_base_en")
        files = [catalog.path("gpt2_bpe", file) for file in ("encoder.json", "vocab.bpe")]
    except FileNotFoundError as reason:
        print(reason)
    else:
        gpt2 = parts.GPT(config)
        gpt2.build((None, None))
        parts.load_gpt2_weights(gpt2, arrays)
        models["GPT-2"] = gpt2, Tokenizer.from_files(*files)

# A graph for each of a few lengths is faster than a model that is called step by step.
run = {name: prompting.Padded(model) for name, (model, _) in models.items()}
for name, (model, tokenizer) in models.items():
    print(
        f"{name}: {model.count_params():,} parameters, window of "
        f"{model.config.max_sequence_length} tokens, vocabulary {tokenizer.vocabulary_size:,}"
    )

# %% [markdown]
# ## 11.10 Given answers
#
# Five sets of questions, none of them trained for. Four are about the course's little world, which
# the small model has read about (lab 10 has met them): of what kind is a thing, is a word for
# something good or bad, is a name a she or a he, and who did it, in a passage. The fifth is real
# text: which of four sentences ends a paragraph of documentation that no model of the course was
# trained on? The three wrong ones end other texts.
#
# Each gets a prompt that says nothing, for the third way of scoring.

# %%
COUNT = 4 if short() else 100
held_out = corpora.docstrings("validation")
asked = [*zero_shot.questions(COUNT, seed=11), endings.sentence_endings(held_out, COUNT, seed=11)]
NOTHING = {
    "kind": "It is a",
    "word": "It is a word for something",
    "pronoun": ".",
    "reading": "A:",
    "ending": ".",
}
for q in asked:
    print(f"{q.name:<9}{len(q.prompts):>4} questions, chance {q.chance:.2f}")
    print(f"    ...{q.prompts[0][-70:]!r}")
    for place, word in enumerate(q.words[0]):
        print(f"    {'->' if place == q.answers[0] else '  '} {word!r}")

# %% [markdown]
# First one question, through your `choose_candidate`: all three ways on the first paragraph.


# %%
def ids_of(tokenizer, prompt, words, window):
    """Returns the tokens of a prompt and of its candidates; a long prompt loses its beginning."""
    candidates = [tokenizer.encode(word) for word in words]
    return tokenizer.encode(prompt)[-(window - max(map(len, candidates))) :], candidates


WAYS = ("none", "length", "unconditional")
LIMITS = {"nano-en": None, "GPT-2": 25}  # so many of each set; None is all
model, tokenizer = models["nano-en"]
ending = asked[-1]
prompt_ids, candidates = ids_of(
    tokenizer, ending.prompts[0], ending.words[0], model.config.max_sequence_length
)
print(f"lengths in tokens: {[len(c) for c in candidates]}, right is {ending.answers[0]}")
for way in WAYS:
    nothing_ids = tokenizer.encode(NOTHING["ending"])
    choice = choose_candidate(run["nano-en"], prompt_ids, candidates, way, nothing_ids)
    print(f'normalise="{way}" chooses {choice}')

# %% [markdown]
# And now all questions. The function below does what `choose_candidate` does, for all three ways at
# once, so that nothing is scored twice. It also notes whether the choice was the shortest
# candidate.


# %%
def sit_exam(name, q):
    """Returns {way: (right, shortest)}: arrays of bool over the questions."""
    model, tokenizer = models[name]
    window, nothing_ids = model.config.max_sequence_length, tokenizer.encode(NOTHING[q.name])
    found = {way: ([], []) for way in WAYS}
    questions = list(zip(q.prompts, q.words, q.answers, strict=True))
    for prompt, words, answer in questions[: LIMITS[name]]:
        prompt_ids, candidates = ids_of(tokenizer, prompt, words, window)
        lengths = np.array([len(c) for c in candidates])
        sums = score_candidates(run[name], prompt_ids, candidates)
        anyway = score_candidates(run[name], nothing_ids, candidates)
        rated = (
            sums,
            normalised_scores(sums, lengths),
            normalised_scores(sums, lengths, anyway),
        )
        for way, scores in zip(WAYS, rated, strict=True):
            best = int(np.argmax(scores))
            found[way][0].append(best == answer)
            found[way][1].append(lengths[best] == lengths.min())
    return {way: (np.array(right), np.array(short)) for way, (right, short) in found.items()}


exams = {name: {q.name: sit_exam(name, q) for q in asked} for name in models}


# %%
def share(values):
    """Returns a share in percent, and one standard error of it."""
    mean = np.mean(values)
    return 100 * mean, 100 * (mean * (1 - mean) / len(values)) ** 0.5


LABELS = {"none": "sum", "length": "for each token", "unconditional": "against a prompt of nothing"}
figure, axes = plt.subplots(
    len(models), 2, figsize=(13, 4 * len(models)), squeeze=False, layout="constrained",
    width_ratios=(3, 1),
)  # fmt: skip
for (left, right), (name, exam) in zip(axes, exams.items(), strict=True):
    places = np.arange(len(asked))
    for shift, way in enumerate(WAYS):
        heights, errors = np.array([share(exam[q.name][way][0]) for q in asked]).T
        left.bar(places + 0.27 * (shift - 1), heights, 0.25, yerr=errors, label=LABELS[way])
        height, error = share(exam["ending"][way][1])
        right.bar(shift, height, 0.7, yerr=error)
    for place, q in enumerate(asked):
        label = "guessing" if place == 0 else None
        left.hlines(100 * q.chance, place - 0.42, place + 0.42, "k", "dotted", label=label)
    left.set_xticks(places, [q.name for q in asked])
    left.set(ylabel="right (%)", ylim=(0, 112), title=f"{name}: five sets, three ways to score")
    left.legend(ncols=4, loc="upper center", fontsize="small")
    right.axhline(100 / 4, color="k", linestyle="dotted")
    right.set_xticks(range(3), ["sum", "for each\ntoken", "against\nnothing"])
    right.set(
        ylabel="shortest chosen (%)", ylim=(0, 112), title='"ending": a taste for short ones?'
    )
plt.show()

# %% [markdown]
# How to read it (bars are one standard error to each side):
#
# * **What the model has read, it can be asked.** Compare each group with its dotted line. A set at
#   the line was not learned, whatever the scoring: no way to score gets out what is not in there.
# * **Where all candidates have the same length, the first two ways are the same.** A she and a he
#   are one token each. The scoring can show only where lengths differ: hardly in "kind", and very
#   much in "ending".
# * **The right picture is about that set.** If scores were fair, the shortest of four would be
#   chosen about as often as it is right. The sum's bar says how far it is from that.
# * **The third way** takes away what a candidate is worth anyway, its length included. It needs a
#   prompt of nothing that fits the question; question 1 at the end is about that.
#
# Which way to take must be decided before you look at the test set. GPT-3 decided for each data set
# on its validation examples.
#
# ## 11.11 The last word
#
# Passages of three sources: new documents of the little world, paragraphs of documentation that was
# held out, and LAMBADA's first passages where the data is at hand (`GPT_TF_DATA`). For the first
# two, paragraphs were chosen that do not end in a stop word.

# %%
PASSAGES = 6 if short() else 150
new_documents = world.documents(1000, seed=1111)
sets = {
    "world": endings.last_word_passages(new_documents, PASSAGES),
    "documentation": endings.last_word_passages(held_out, PASSAGES),
}
if os.environ.get("GPT_TF_DATA"):
    sets["LAMBADA"] = [row["text"] for row in catalog.load("lambada", "test")[:PASSAGES]]
else:
    print("LAMBADA is not at hand: GPT_TF_DATA names the folder that has it.")
for name, passages in sets.items():
    context, target = last_word(passages[0])
    print(f"{name}: ...{context[-80:]!r} -> {target!r}")


# %%
def predict_last_words(name, passages):
    """Returns dict of arrays over passages: nats, and right without and with the filter."""
    model, tokenizer = models[name]
    stop, found = endings.stop_tokens(tokenizer), []
    for passage in passages[: LIMITS[name]]:
        text, word = last_word(passage)
        target = tokenizer.encode(word)
        context = tokenizer.encode(text)[-(model.config.max_sequence_length - len(target)) :]
        nats, plain = last_word_prediction(run[name], context, target)
        _, filtered = last_word_prediction(run[name], context, target, stop)
        found.append((nats, plain, filtered, len(target), word in text))
    columns = ("nats", "plain", "filtered", "tokens", "seen")
    return dict(zip(columns, np.array(found).T, strict=True))


last_words = {
    name: {kind: predict_last_words(name, passages) for kind, passages in sets.items()}
    for name in models
}
print(
    f"{'':<25}{'perplexity':>13}{'blind':>9}{'right (%)':>12}{'filtered':>11}"
    f"{'tokens a word':>15}{'seen (%)':>10}"
)
for name, by_kind in last_words.items():
    for kind, found in by_kind.items():
        shares = ["{:.0f} ± {:.0f}".format(*share(found[way])) for way in ("plain", "filtered")]
        blind = models[name][1].vocabulary_size ** found["tokens"].mean()
        print(
            f"{name:<10}{kind:<15}{parts.perplexity(found['nats']):>13,.1f}{blind:>9.0e}"
            f"{shares[0]:>12}{shares[1]:>11}{found['tokens'].mean():>15.1f}"
            f"{100 * found['seen'].mean():>10.0f}"
        )

# %% [markdown]
# The perplexity is that of a word, not of a token: one prediction for each passage, whatever number
# of tokens the word has. "Blind" is what it would be if each token had the same chance. ± is one
# standard error: a gain by the filter that is smaller may be luck. (Where nothing is right, it
# prints 0. That is not never: more passages might hold some.)
#
# Compare the sources. The world's sentences end as the model has read thousands end. Documentation
# has habits that help. LAMBADA is made so that habits do not help. The last column says how often
# the word has stood in the passage before: whoever goes back for it could copy it. Does this model?
#
# What does the model write where it is wrong? The next cell shows passages whose word it misses
# without the filter, and the three tokens that it would write. The loop is the plainest there is:
# for so few tokens, lab 08's `generate` would take longer to compile than to run.


# %%
def write_on(name, prompt, new_tokens):
    """Returns what a model writes after a prompt, greedily."""
    model, tokenizer = models[name]
    tokens = tokenizer.encode(prompt)[-(model.config.max_sequence_length - new_tokens) :]
    for _ in range(new_tokens):
        logits = run[name](keras.ops.convert_to_tensor([tokens], "int32"))
        tokens.append(int(np.argmax(logits[0, -1])))
    return tokenizer.decode(tokens[-new_tokens:])


for kind, passages in sets.items():
    right = last_words["nano-en"][kind]["plain"]
    missed = [passage for passage, hit in zip(passages, right, strict=True) if not hit]
    for passage in missed[:2]:
        context, target = last_word(passage)
        print(f"{kind}: ...{context[-60:]!r}")
        print(f"    wanted {target!r}, written {write_on('nano-en', context, 3)!r}")

# %% [markdown]
# ## 11.12 The same text, cut in two ways
#
# Now the measure. Two small models from lab 01: one has counted which byte follows two bytes, the
# other which token of `nano-en`'s vocabulary follows one token. Both have counted the same
# documentation. Beside them stands `nano-en` itself. All are asked about the same text, which none
# of them has seen.
#
# An end-of-text token goes first, so that every token of the text has something before it and is
# counted.

# %%
SIZE = 20_000 if short() else 600_000  # characters that the two small models count
seen = "\n\n".join(corpora.docstrings("train"))[:SIZE]
_, tokenizer = models["nano-en"]
byte_counts = parts.count_ngrams(list(seen.encode("utf-8")), 3)
token_counts = parts.count_ngrams(tokenizer.encode(seen), 2)


def nats_of_bytes(text):
    """Returns -log P of each byte of a text."""
    tokens = [*b"\n\n", *text.encode("utf-8")]
    return -np.array(parts.ngram_log_probabilities(tokens, byte_counts, 3, 256, alpha=0.01))


def nats_of_tokens(text):
    """Returns -log P of each token of a text, by the counts of pairs."""
    tokenizer = models["nano-en"][1]
    tokens = [tokenizer.token_id(END), *tokenizer.encode(text)]
    size = tokenizer.vocabulary_size
    return -np.array(parts.ngram_log_probabilities(tokens, token_counts, 2, size, alpha=0.001))


def nats_of_model(name, text):
    """Returns -log P of each token of a text, by a GPT with a sliding window."""
    model, tokenizer = models[name]
    window = model.config.max_sequence_length
    tokens = [tokenizer.token_id(END), *tokenizer.encode(text)]
    return -np.asarray(text_log_probabilities(run[name], tokens, window, window // 2))


measures = {"3 bytes, counted": nats_of_bytes, "2 tokens, counted": nats_of_tokens}
measures |= {name: lambda text, name=name: nats_of_model(name, text) for name in models}

# %% [markdown]
# The texts: held-out documentation, new documents of the world, and two that you may replace by
# your own. WikiText-2's test articles come in where the data is at hand, with their spaces around
# marks undone, as GPT-2 did with "de-tokenizers" (section 3.1).

# %%
MY_ENGLISH = """\
The last bus had gone, so we walked. It was colder than I had thought, and Mina kept her hands in
her sleeves. Nobody said much until we reached the bridge. There she stopped, looked down at the
river, and told me that she would not come back in the spring. I did not know what to answer. A
train went by on the other side, all its windows lit, with nobody in it that we could see.
"""
MY_KOREAN = """\
마지막 버스는 이미 떠났고, 우리는 걸었다. 생각보다 추웠다. 다리에 이를 때까지 아무도 말을 하지
않았다. 그녀는 멈추어 서서 강을 내려다보며 봄에는 돌아오지 않겠다고 말했다.
"""
CHARACTERS = 600 if short() else 6000
texts = {
    "documentation": "\n\n".join(held_out)[:CHARACTERS],
    "world": "\n\n".join(new_documents)[:CHARACTERS],
    "my English": MY_ENGLISH,
    "my Korean": MY_KOREAN,
}
wikitext = None
if os.environ.get("GPT_TF_DATA"):
    lines = catalog.text("wikitext-2", "test").split("\n")[: 15 if short() else 160]
    wikitext = "\n".join(corpora.join_tokens(line.strip()) for line in lines)
    texts["WikiText-2"] = wikitext
else:
    print("WikiText-2 is not at hand: GPT_TF_DATA names the folder that has it.")

measured = {}  # {(model, text): (tokens, nats a token)}
for name, measure in measures.items():
    for kind, text in texts.items():
        nats = measure(text)
        measured[name, kind] = len(nats), float(nats.mean())

print(f"{'':<19}{'':<15}{'tokens':>8}{'perplexity a token':>20}{'bits a byte':>13}")
for (name, kind), (count, nats) in measured.items():
    bits = bits_per_byte(nats, count, texts[kind])
    print(f"{name:<19}{kind:<15}{count:>8,}{math.exp(nats):>20,.1f}{bits:>13.2f}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(15, 4), layout="constrained")
names = list(measures)
perplexities = [math.exp(measured[name, "documentation"][1]) for name in names]
bits = {
    (name, kind): bits_per_byte(nats, count, texts[kind])
    for (name, kind), (count, nats) in measured.items()
}
axes[0].barh(names, perplexities, log=True)
axes[0].set(
    xlabel="perplexity (choices a token)", xlim=(1, None), title="Documentation: not comparable"
)
axes[1].barh(names, [bits[name, "documentation"] for name in names], color="tab:orange")
axes[1].set(xlabel="bits a byte", title="Documentation: comparable")
for shift, name in enumerate(names):
    places = np.arange(len(texts)) + 0.2 * (shift - (len(names) - 1) / 2)
    axes[2].barh(places, [bits[name, kind] for kind in texts], 0.18, label=name)
axes[2].set_yticks(range(len(texts)), texts)
axes[2].axvline(8, color="k", linestyle="dotted", label="each byte alike: 8 bits")
axes[2].set(xlabel="bits a byte", title="All texts")
axes[2].legend(fontsize="small", loc="upper right")
for axis in axes:
    axis.invert_yaxis()
plt.show()

# %% [markdown]
# Look at the two left pictures, which are about one text. By perplexity a token, the counter of
# bytes looks best: it never has more than 256 choices. By bits a byte you see what it is worth.
# Compare the order of the bars. Only the second picture says who predicts the text best.
#
# Then the third picture. Each group is one text, and within a group you may compare. `nano-en` is
# at home in its own documentation and in its world. See what English that is neither costs it, and
# names and numbers as in WikiText-2.
#
# Korean it has never read: three bytes make one letter, and hardly any of them has come up in its
# text. To give each byte the same chance costs 8 bits, the dotted line. Whatever lies to the right
# of it is worse than knowing nothing: the model is sure, and of the wrong thing.
#
# Bits a byte of **different** texts are not comparable either: a Korean letter has three bytes of
# which the first ones are easy to guess once you know the script.
#
# ### What the stride does
#
# The same text and the same model, with three windows, each with three strides. The last stride is
# a whole window less one token: pieces that do not overlap.

# %%
text = texts["documentation"]
name, tokenizer = "nano-en", models["nano-en"][1]
tokens = [tokenizer.token_id(END), *tokenizer.encode(text)]
figure, axis = plt.subplots(figsize=(7.5, 4), layout="constrained")
for window in (32,) if short() else (32, 64, 256):
    strides = (window // 4, window // 2, window - 1)
    found = []
    for stride in strides:
        nats = -np.asarray(text_log_probabilities(run[name], tokens, window, stride))
        found.append(bits_per_byte(nats.mean(), len(nats), text))
        passes = 1 + max(0, math.ceil((len(tokens) - window) / stride))
        print(f"window {window}, stride {stride}: {passes} passes, {found[-1]:.4f} bits a byte")
    axis.plot(strides, found, "o-", label=f"window of {window} tokens")
axis.set_xscale("log", base=2)
axis.set_xticks([8, 16, 32, 64, 128, 256], [8, 16, 32, 64, 128, 256])
axis.set(
    xlabel="stride (tokens)", ylabel="bits a byte", title="A large stride makes a model look worse"
)
axis.legend()
plt.show()

# %% [markdown]
# See how much of it half a window already brings, and what the next halving costs in passes. A
# paper that reports a perplexity should say its window and its stride.
#
# ## 11.13 Beside GPT-2's table 3
#
# The paper's four models on LAMBADA and WikiText-2, without any training on them (GPT-2, table 3),
# and ours. For WikiText-2 the likelihood is spread over the data set's own words, so that the
# perplexity is one for each word, and the tokenizer plays no part. Ours is of the first articles
# only, and our de-tokenizer is not theirs. LAMBADA is the first passages, with the stop-word filter
# for the accuracy, as in the paper.

# %%
TABLE_3 = {
    "LAMBADA: right (%)": (45.99, 55.48, 60.12, 63.24),
    "LAMBADA: perplexity a word": (35.13, 15.60, 10.87, 8.63),
    "WikiText-2: perplexity a word": (29.41, 22.76, 19.93, 18.34),
}
sizes = [parts.count_parameters(PAPER[f"gpt2-{s}"]) for s in ("small", "medium", "large", "xl")]
ours = {}
for name in models:
    ours[name] = {}
    if "LAMBADA" in sets:
        found = last_words[name]["LAMBADA"]
        ours[name]["LAMBADA: right (%)"] = 100 * found["filtered"].mean()
        ours[name]["LAMBADA: perplexity a word"] = parts.perplexity(found["nats"])
    if wikitext is not None:
        words = sum(len(line.split()) + 1 for line in lines)  # a line's end counts, too
        count, nats = measured[name, "WikiText-2"]
        ours[name]["WikiText-2: perplexity a word"] = math.exp(nats * count / words)
    for what, value in ours[name].items():
        print(f"{name}: {what} {value:,.1f}")
if not ours["nano-en"]:
    print("Neither data set is at hand, so only the paper's numbers are in the picture.")

# %%
figure, axes = plt.subplots(1, 3, figsize=(15, 4), layout="constrained")
for axis, (what, values) in zip(axes, TABLE_3.items(), strict=True):
    axis.plot(sizes, values, "o-", label="GPT-2, table 3 (four sizes)")
    for name, (model, _) in models.items():
        if what in ours[name]:
            axis.plot(
                model.count_params(), ours[name][what], "*", markersize=14, label=f"{name}, here"
            )
    axis.set_xscale("log")
    if "perplexity" in what:
        axis.set_yscale("log")
    axis.set(xlabel="parameters", ylabel=what.split(": ")[1], title=what.split(":")[0])
    axis.legend(fontsize="small")
plt.show()

# %% [markdown]
# Two things about this picture. The perplexities of a small model on words that it has hardly met
# are astronomical: it cuts such a word into pieces, and each of them is a surprise of its own. And
# do not draw the paper's line on to ours. The paper's four models have read the same web pages;
# ours has read other texts, and far fewer of them. Lab 14 draws such lines through models that
# differ in size alone.
#
# ## 11.14 What it writes when you ask
#
# Last, the tasks as text, through your `task_as_text`: translation, a question about a passage, a
# question without one, a summary. The model writes greedily, and what it writes stands here as it
# is.

# %%
translations = world.examples("translation", 4 if short() else 60, seed=11, split="validation")
english = [e.texts[0].removeprefix("English: ").rpartition("\n")[0] for e in translations]
reading = next(q for q in asked if q.name == "reading")
passage, _, question = reading.prompts[0].removesuffix(" A:").rpartition("\nQ: ")
article = max((d.split("\n\n")[0] for d in held_out), key=lambda p: len(p) if len(p) < 500 else 0)
prompts = {
    "translate": task_as_text("translate", english[0]),
    "translate, as the world's texts have it": translations[0].texts[0],
    "answer, from a passage": task_as_text("answer", passage, question),
    "answer, from memory": task_as_text("answer", question="What is another word for repair?"),
    "summarise": task_as_text("summarise", article),
}
for what, prompt in prompts.items():
    print(f"=== {what}\n{prompt}")
    new_tokens = 4 if short() else 40 if what == "summarise" else 16
    for name in models:
        print(f"--- {name}: {write_on(name, prompt, new_tokens)!r}")
print(f"(the translation in the world's language: {translations[0].label!r})")

# %% [markdown]
# Read what stands there before you read on.
#
# The two wordings of translation ask for the same thing. GPT-2's has to be understood; the other
# one is how the documents of the world put it, and the small model has read many of them. To see
# whether this matters, measure it: for each sentence four translations to choose from, the right
# one and those of three other sentences, compared for each token.


# %%
def translation_accuracy(name, prompts, answers, rng):
    """Returns for each prompt whether the right one of four translations is chosen."""
    tokenizer, found = models[name][1], []
    for i, prompt in enumerate(prompts[: LIMITS[name]]):
        others = rng.choice([a for a in answers if a != answers[i]], 3, replace=False)
        candidates = [tokenizer.encode(str(a)) for a in (answers[i], *others)]
        found.append(choose_candidate(run[name], tokenizer.encode(prompt), candidates) == 0)
    return found


answers = [e.label for e in translations]
wordings = {
    "GPT-2's: sentence =": [task_as_text("translate", sentence) for sentence in english],
    "the world's: English: ... Velish:": [e.texts[0] for e in translations],
    "nothing but the sentence": english,
}
for name in models:
    for wording, written in wordings.items():
        right, error = share(
            translation_accuracy(name, written, answers, np.random.default_rng(11))
        )
        print(f"{name:<10}{wording:<36}{right:>5.0f}% ± {error:.0f} (guessing: 25%)")

# %% [markdown]
# The translations hold names, so more than guessing needs no Velish. What the wording adds to that,
# the rows tell.
#
# Zero-shot is not magic: the model does what its text has done, if you ask as its text asked. The
# web pages of GPT-2 ask in many ways. A small corpus asks in one, and the wording is half of the
# answer.
#
# ## 11.15 Questions
#
# 1. Set `NOTHING["kind"]` to a line end, `"\n"`, and sit the exam again. What changes in the third
#    bar of "kind"? What does the model expect at the beginning of a line?
# 2. A colleague reports a perplexity of 3.1 on your text; her model reads single characters. Yours
#    has 24, with 4.2 characters to a token. Whose model predicts better?
# 3. The stop-word filter was found by looking at the model's wrong guesses. Is the filtered number
#    still "zero-shot"? What would you print beside it?
# 4. `last_word_prediction` asks whether the word's tokens are written. It does not ask whether the
#    word ends there. Which wrong guesses does that let through? Does a larger vocabulary help?
#
# ## What you know now
#
# * A task can be a piece of text: P(output | input, task) is a language model's own question.
# * Given answers are compared by their likelihood. Sums favour short answers and common ones;
#   dividing by the length, or by the likelihood after a prompt that says nothing, makes up for it.
# * A word keeps its space, a filter belongs to the choice and not to the likelihood, and a window
#   that slides counts each token once.
# * Perplexity a token compares models with the same tokens only. Bits a byte, or nats a word,
#   spread the likelihood of the whole text over something that no tokenizer decides.
# * A model answers what its text has contained, in the form in which the text contained it.
