# %% [markdown]
# # Lab 12 · Few-shot: tasks without training
#
# In lab 09 a new task cost you labelled examples and gradient steps. GPT-3 asks for neither. You
# **write** the task: a description, a few solved examples, then the question. The model reads them
# and goes on. Nothing is updated (GPT-3, section 2, figure 2.1).
#
# You build the prompt that goes in. What comes out you can score already: lab 11's
# `choose_candidate` compares given answers by their likelihood. At the end you see why a raw score
# must not be trusted.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from gpt_tf import parts, training, world
from gpt_tf.config import GPTConfig
from gpt_tf.tokenizer import Tokenizer

# %% [markdown]
# ## 12.1 Zero, one, few
#
# The three settings of GPT-3 differ only in the number of solved examples:
#
# * **zero-shot**: a description of the task, and the question;
# * **one-shot**: one solved example before the question;
# * **few-shot**: as many as the context holds, 10 to 100 in GPT-3.
#
# So one function makes all three. Examples and question look exactly alike, except that the
# question's answer is missing. The model is to see a pattern, and go on with it.
#
# One small thing decides a lot: the prompt ends in `A:` and **not** in a space. Byte-pair encoding
# keeps the space with the word behind it (lab 02). After `A:` the answer ` yes` is the token that
# the model saw in training; after a space on its own it is not.


# %% exercise="lab12.build_prompt" points=3 minutes=15 difficulty=2
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    r"""Writes a task as text (GPT-3, figure 2.1): zero-, one- or few-shot by len(examples).

    Args:
        description: str, what the task is; "" for none.
        examples: list of (input, output) pairs of str, in the order in which they shall stand.
        query: str, the input to be answered.
        input_label: str, the word before each input.
        output_label: str, the word before each output.

    Returns:
        Str. The description, each example and the query have a line of their own. The text ends in
        the last label's colon.

    Raises:
        ValueError: the query is empty.

    Example:
        >>> build_prompt("Add.", [("1 plus 2", "3")], "2 plus 2")
        'Add.\nQ: 1 plus 2 A: 3\nQ: 2 plus 2 A:'
    """
    ### BEGIN SOLUTION
    if not query.strip():
        raise ValueError("The query is empty; give the input that the model shall answer.")
    solved = [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    lines = [description, *solved, f"{input_label}: {query} {output_label}:"]
    return "\n".join(line for line in lines if line)
    ### END SOLUTION


# %%
check("lab12.build_prompt")

# %% [markdown]
# ## 12.2 Scores of a real model
#
# Now with a model that has read something. You train a small GPT for about a minute on texts of
# the course's little world: who does what, which words mean the same, questions with their
# answers. No task is trained, only the next token.

# %%
documents = world.documents(300 if short() else 4000, seed=12)
tokenizer = Tokenizer.train(documents, 500 if short() else 800, special_tokens=["<|endoftext|>"])
LENGTH = 64
train = parts.pack_documents(
    [tokenizer.encode(text) for text in documents], LENGTH, tokenizer.token_id("<|endoftext|>")
)
validation, train = train[: len(train) // 20], train[len(train) // 20 :]
print(documents[0])
print(f"{train.size:,} tokens to train on, vocabulary {tokenizer.vocabulary_size}")

# %%
keras.utils.set_random_seed(12)
config = GPTConfig(
    tokenizer.vocabulary_size, LENGTH, num_layers=2, num_heads=4, hidden_dim=32 if short() else 96
)
steps = 20 if short() else 600
recipe = training.Recipe(steps=steps, batch_size=16, peak_rate=4e-3, warmup_steps=steps // 10)
model = parts.GPT(config)
history = training.pretrain(model, train, validation, recipe, label="little world")
print(f"loss on texts not trained on: {history['validation_loss'][-1]:.3f} nats a token")
print(f"guessing: {np.log(config.vocabulary_size):.3f} nats a token")

# %% [markdown]
# One question, six answers. The first one is right. They differ in length, and in how common they
# are after "A:" in these texts. Lab 11's `score_candidates` and `normalised_scores` rate them, your
# own ones if you have solved that lab.
#
# This question was picked because the three ways of scoring disagree on it.

# %%
question = "What is another word for conceal?"
answers = ["Hide.", "Sell.", "Buy.", "Hold on to.", "Find fault with.", "Yes."]
prompt_ids = tokenizer.encode(build_prompt("", [], question))
nothing_ids = tokenizer.encode("A:")
candidates = [tokenizer.encode(f" {answer}") for answer in answers]
lengths = np.array([len(c) for c in candidates])

sums = parts.score_candidates(model, prompt_ids, candidates)
anyway = parts.score_candidates(model, nothing_ids, candidates)
ways = {
    "none": (sums, "log P (nats)"),
    "length": (parts.normalised_scores(sums, lengths), "log P (nats a token)"),
    "unconditional": (
        parts.normalised_scores(sums, lengths, anyway),
        "log P - log P anyway (nats)",
    ),
}

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 3.5), sharey=True)
for axis, (way, (scores, unit)) in zip(axes, ways.items(), strict=True):
    best = parts.choose_candidate(model, prompt_ids, candidates, way, nothing_ids)
    colours = ["tab:orange" if i == best else "tab:blue" for i in range(len(answers))]
    axis.barh(range(len(answers)), np.asarray(scores), color=colours)
    axis.set_title(f'normalise="{way}"')
    axis.set_xlabel(unit)
    axis.locator_params(axis="x", nbins=5)
axes[0].set_yticks(
    range(len(answers)), [f"{a} ({n} tokens)" for a, n in zip(answers, lengths, strict=True)]
)
axes[0].set_ylabel("answer")
axes[0].invert_yaxis()
figure.suptitle(f"Q: {question} (the chosen answer is orange)")
figure.tight_layout()
plt.show()

# %% [markdown]
# How to read the plot:
#
# * On the left each further token makes the bar longer. Compare the bars with the numbers of
#   tokens.
# * In the middle, an answer comes out well whose later tokens are easy to guess: after "Find
#   fault", what else but "with" could follow? Dividing by the length pays for these tokens, too.
# * On the right, look at "Yes.". It is a common answer in these texts, so it gets a large
#   subtraction. An answer that hardly ever occurs gets a large bonus, deserved or not.
#
# One question is an anecdote. So ask about all the words that follow. Each question has four
# answers, drawn at random, and one of them is right.

# %%
pairs = [
    ("conceal", "hide"), ("mend", "repair"), ("purchase", "buy"), ("discover", "find"),
    ("mislay", "lose"), ("raise", "lift"), ("lower", "put down"), ("retain", "keep"),
    ("hand over", "give away"), ("wreck", "break"), ("reveal", "show"), ("shove", "push"),
    ("tug", "pull"), ("commend", "praise"), ("disparage", "criticise"), ("trade away", "sell"),
]  # fmt: skip
words = dict(pairs) | {b: a for a, b in pairs}


def ask(word, shots, way, rng):
    """Returns whether the model chooses the right one of four words, with `shots` examples."""
    others = [w for w in words if w not in (word, words[word])]
    options = [words[word], *rng.choice(others, 3, replace=False)]
    shown = rng.choice(others, shots, replace=False)
    solved = [(f"What is another word for {w}?", words[w].capitalize() + ".") for w in shown]
    prompt = build_prompt("", solved, f"What is another word for {word}?")
    ids = [tokenizer.encode(f" {option.capitalize()}.") for option in options]
    return parts.choose_candidate(model, tokenizer.encode(prompt), ids, way, nothing_ids) == 0


asked = list(words)[: 3 if short() else None]
for shots in (0, 1):
    for way in ways:
        rng = np.random.default_rng(12)
        right = sum(ask(word, shots, way, rng) for word in asked)
        print(f'{shots}-shot, "{way}": {right} of {len(asked)} right')
chance, spread = len(asked) / 4, (len(asked) * 0.25 * 0.75) ** 0.5
print(f"guessing: {chance:.0f} right, and {chance + 2 * spread:.0f} or more only seldom")

# %% [markdown]
# Look at the last line first: which of the numbers are more than luck? This model is very small
# and has read for a minute. It knows what an answer looks like, and little more. That is the honest
# result, and it is GPT-3's point from the other side: what a prompt can call up must have been
# learned before, and how well examples help grows with the size of the model (GPT-3, figure 1.2).
#
# ## 12.3 Questions
#
# 1. GPT-3 compares answers by their likelihood for each token, and for a few data sets by the ratio
#    to "Answer:". How would you decide which one to use, without looking at the test set?
# 2. The prompt ends in "A:". Put a space behind it and print the scores again. What changes, and
#    which tokens is it about?
# 3. Few-shot results depend on which examples are shown, and in which order. How would you report
#    an accuracy that does justice to that?
#
# ## What you know now
#
# * A task can be written into the prompt: a description, solved examples, a question.
# * Zero-, one- and few-shot differ in the number of solved examples, and in nothing else.
# * Sums favour short answers and common ones. Dividing by the length, or by the likelihood after a
#   prompt that says nothing, makes up for it, and each of the two has its own way of going wrong.
