# %% [markdown]
# # Lab 12 · Few-shot: tasks without training
#
# In lab 09 a new task cost you labelled examples and gradient steps. GPT-3 asks for neither. You
# **write** the task: a description, a few solved examples, then the question. The model reads them
# and goes on. Nothing is updated (GPT-3, section 2, figure 2.1).
#
# You build the two halves here: the prompt that goes in, and the scores that come out. At the end
# you see why a raw score must not be trusted.

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
# ## 12.2 How likely is this answer?
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


# %% exercise="lab12.score_candidates" points=5 minutes=25 difficulty=3
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
check("lab12.score_candidates")

# %% [markdown]
# ## 12.3 Two unfair advantages
#
# A sum of log-probabilities favours **short** answers: each further token can only lower it. GPT-3
# divides by the number of tokens.
#
# It also favours answers that are common **anyway**: "the" is likely after every prompt. For some
# tasks GPT-3 therefore asks how much more likely the prompt has made the answer. It divides by the
# answer's probability after a prompt that says nothing but "Answer:". In logs, that is a
# difference.


# %% exercise="lab12.normalised_scores" points=3 minutes=10 difficulty=2
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
check("lab12.normalised_scores")

# %% [markdown]
# ## 12.4 Choose
#
# Now put the pieces together: score, normalise, take the best.


# %% exercise="lab12.choose_candidate" points=4 minutes=15 difficulty=2
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
check("lab12.choose_candidate")

# %% [markdown]
# ## 12.5 Scores of a real model
#
# Now with a model that has read something. You train a small GPT for about a minute on texts of
# the course's little world: who is what, what is used for what, questions with their answers. No
# task is trained, only the next token.

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
steps = 20 if short() else 500
recipe = training.Recipe(steps=steps, batch_size=16, peak_rate=3e-3, warmup_steps=steps // 10)
model = parts.GPT(config)
history = training.pretrain(model, train, validation, recipe, label="little world")
print(f"loss on texts not trained on: {history['validation_loss'][-1]:.3f} nats a token")
print(f"guessing: {np.log(config.vocabulary_size):.3f} nats a token")

# %% [markdown]
# One question, five answers. One of them is right, and one is much longer than the rest.

# %%
question = "What can you use to play in the wind?"
answers = ["A kite.", "A hammer.", "A microscope.", "Yes.", "A small green piece of furniture."]
prompt_ids = tokenizer.encode(build_prompt("", [], question))
nothing_ids = tokenizer.encode("A:")
candidates = [tokenizer.encode(f" {answer}") for answer in answers]
lengths = np.array([len(c) for c in candidates])

sums = score_candidates(model, prompt_ids, candidates)
anyway = score_candidates(model, nothing_ids, candidates)
ways = {
    "none": (sums, "log P (nats)"),
    "length": (normalised_scores(sums, lengths), "log P (nats a token)"),
    "unconditional": (normalised_scores(sums, lengths, anyway), "log P - log P anyway (nats)"),
}

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 3.5), sharey=True)
for axis, (way, (scores, unit)) in zip(axes, ways.items(), strict=True):
    best = choose_candidate(model, prompt_ids, candidates, way, nothing_ids)
    colours = ["tab:orange" if i == best else "tab:blue" for i in range(len(answers))]
    axis.barh(range(len(answers)), np.asarray(scores), color=colours)
    axis.set_title(f'normalise="{way}"')
    axis.set_xlabel(unit)
axes[0].set_yticks(
    range(len(answers)), [f"{a} ({n} tokens)" for a, n in zip(answers, lengths, strict=True)]
)
axes[0].set_ylabel("answer")
axes[0].invert_yaxis()
figure.suptitle(f"Q: {question} (the chosen answer is orange)")
figure.tight_layout()
plt.show()

# %% [markdown]
# One question is an anecdote. So ask about many. Each question below has four answers that are
# things of the world, and exactly one is right. Guessing gets a quarter of them. The prompt is
# zero-shot and one-shot: the example is about another thing.

# %%
uses = {
    "play in the wind": "kite", "drive in nails": "hammer", "cut wood": "saw",
    "gather leaves": "rake", "turn bolts": "wrench", "carve stone": "chisel",
    "cross the lake": "boat", "write letters": "desk", "bake bread": "oven",
    "catch fish": "net", "sew clothes": "needle", "fry eggs": "pan",
    "ride to school": "bicycle", "keep the beat": "drum", "write stories": "pen",
    "plough the field": "tractor", "drive to town": "car", "look at small things": "microscope",
}  # fmt: skip


def ask(purpose, thing, shots, way, rng):
    """Returns whether the model chooses the right one of four things."""
    others = [other for other in uses.values() if other != thing]
    options = [thing, *rng.choice(others, 3, replace=False)]
    order = rng.permutation(4)
    examples = [(p, t) for p, t in uses.items() if t not in options][:shots]
    prompt = build_prompt(
        "",
        [(f"What can you use to {p}?", f"A {t}.") for p, t in examples],
        f"What can you use to {purpose}?",
    )
    candidates = [tokenizer.encode(f" A {options[i]}.") for i in order]
    return (
        order[choose_candidate(model, tokenizer.encode(prompt), candidates, way, nothing_ids)] == 0
    )


asked = list(uses.items())[: 3 if short() else None]
for shots in (0, 1):
    for way in ways:
        rng = np.random.default_rng(12)
        right = [ask(purpose, thing, shots, way, rng) for purpose, thing in asked]
        print(f'{shots}-shot, "{way}": {sum(right)} of {len(right)} right')

# %% [markdown]
# How to read this:
#
# * In the left plot the long answer has no chance, whatever the question is. In the middle one it
#   may come out well: most of its tokens are easy to guess once the first ones are there.
# * "Yes." is a common answer after "A:" in these texts. Look at how its bar changes from the left
#   plot to the right one.
# * In the list, look first at whether the zero-shot numbers are above a quarter. Then compare the
#   three ways. With so few questions a difference of two or three means nothing.
#
# Does the example help? A model this small has learned the form of a question from its texts
# already, so an example in the prompt tells it little. In GPT-3 the gap between zero, one and few
# examples grows with the size of the model (GPT-3, figure 1.2). Do not expect it here.
#
# ## 12.6 Questions
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
# * An answer's score is the sum of its tokens' log-probabilities, each predicted one position
#   earlier.
# * Sums favour short answers and common ones. Dividing by the length, or by the likelihood after a
#   prompt that says nothing, makes up for it.
