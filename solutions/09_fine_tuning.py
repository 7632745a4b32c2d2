# %% [markdown]
# # Lab 09 · Fine-tuning
#
# A pre-trained GPT knows how text goes on. You want it to tell good reviews from bad ones. The
# tempting way is a new network on top for each task. GPT-1 does the opposite: it changes the
# **input** until every task looks like a text to read, and adds a single linear layer
# (GPT-1, sections 3.2 and 3.3, figure 1).
#
# You build that here: the four input forms, the head, and the loss. Then you fine-tune a small
# pre-trained GPT on one task of each form, beside baselines and beside the same GPT without
# pre-training.

# %%
import dataclasses
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

from gpt_tf import finetuning, parts, presets, results, tasks, zero_shot

# %% [markdown]
# ## 9.1 When the text is too long
#
# The model reads a fixed number of positions. Some inputs hold two texts, and together they may
# be too long. Something has to go, and what goes decides what the model can know.
#
# * Cut the joined row at its end, and the second text disappears. The model is then asked whether
#   a premise entails nothing.
# * So the **longest** text gives up a token, again and again, until both fit. A short text stays
#   whole.
# * Which token? The **first** one. In a passage followed by its question the question stands at
#   the end, and in a review the verdict often does.


# %% exercise="lab09.shorten" points=3 minutes=15 difficulty=2
def shorten(texts, room):
    """Shortens texts until they fit together; the longest gives up its first token each time.

    Of equally long texts the one that comes earlier in the list gives up its token.

    Args:
        texts: list of lists of int, the token ids of one or more texts; left as they are.
        room: int, how many tokens the texts may have in all.

    Returns:
        List of lists of int: the end of each text, in the same order.

    Raises:
        ValueError: a text is empty, or `room` is less than one token for each text.

    Example:
        >>> shorten([[1, 2, 3, 4, 5], [6, 7]], room=4)
        [[4, 5], [6, 7]]
    """
    ### BEGIN SOLUTION
    if not all(texts):
        raise ValueError("A text has no tokens; leave that example out.")
    if room < len(texts):
        raise ValueError(f"{len(texts)} texts do not fit into {room} tokens; give a longer length.")
    kept = [len(text) for text in texts]
    while sum(kept) > room:
        kept[kept.index(max(kept))] -= 1
    return [text[-size:] for text, size in zip(texts, kept, strict=True)]
    ### END SOLUTION


# %%
check("lab09.shorten")

# %% [markdown]
# ## 9.2 One text
#
# Classification needs one text. Two special tokens frame it: **start** and **extract**. Neither
# occurs in the pre-training text; what they mean is learned while fine-tuning.
#
# The extract token stands last for a reason. Attention is causal, so only the last position has
# read everything. What the model says about the text is taken from there.
#
# A batch is a rectangle, so the rows are padded to one length. The padding goes **behind** the
# extract token: no position looks ahead, so none ever sees it.


# %% exercise="lab09.classification_input" points=2 minutes=10 difficulty=1
def classification_input(text, tokens, length):
    """Frames one text: start, text, extract, then padding (GPT-1, figure 1).

    Args:
        text: list of int, the token ids of the text.
        tokens: dict with the ids of the special tokens: "start", "delimiter", "extract", "pad".
        length: int, number of tokens of the row.

    Returns:
        List of `length` int. A text that is too long is cut by `shorten`.

    Raises:
        ValueError: as `shorten`, for an empty text or a length below 3.

    Example:
        >>> tokens = {"start": 90, "delimiter": 91, "extract": 92, "pad": 93}
        >>> classification_input([5, 6], tokens, length=6)
        [90, 5, 6, 92, 93, 93]
    """
    ### BEGIN SOLUTION
    (text,) = shorten([text], length - 2)
    row = [tokens["start"], *text, tokens["extract"]]
    return row + [tokens["pad"]] * (length - len(row))
    ### END SOLUTION


# %%
check("lab09.classification_input")

# %% [markdown]
# ## 9.3 Two texts in an order
#
# Entailment asks: given the premise, must the hypothesis be true? The order matters. "A dog runs"
# entails "an animal runs", and not the other way round. A **delimiter** token stands between the
# two.


# %% exercise="lab09.entailment_input" points=2 minutes=10 difficulty=1
def entailment_input(premise, hypothesis, tokens, length):
    """Joins two texts: start, premise, delimiter, hypothesis, extract, padding (figure 1).

    Args:
        premise: list of int, the token ids of what is given.
        hypothesis: list of int, the token ids of what may follow from it.
        tokens: dict with the ids of the special tokens: "start", "delimiter", "extract", "pad".
        length: int, number of tokens of the row.

    Returns:
        List of `length` int. Texts that are too long together are cut by `shorten`.

    Raises:
        ValueError: as `shorten`, for an empty text or a length below 5.

    Example:
        >>> tokens = {"start": 90, "delimiter": 91, "extract": 92, "pad": 93}
        >>> entailment_input([5, 6], [7], tokens, length=7)
        [90, 5, 6, 91, 7, 92, 93]
    """
    ### BEGIN SOLUTION
    premise, hypothesis = shorten([premise, hypothesis], length - 3)
    row = [tokens["start"], *premise, tokens["delimiter"], *hypothesis, tokens["extract"]]
    return row + [tokens["pad"]] * (length - len(row))
    ### END SOLUTION


# %%
check("lab09.entailment_input")

# %% [markdown]
# ## 9.4 Two texts without an order
#
# "Are these two sentences alike?" has no first and second. But a causal model reads one of them
# first, and would treat it differently. GPT-1 reads the pair **both ways**, as two rows, and adds
# up what comes out (that is the head's work, below).


# %% exercise="lab09.similarity_inputs" points=2 minutes=5 difficulty=1
def similarity_inputs(a, b, tokens, length):
    """Makes two rows of a pair: a before b, and b before a (GPT-1, section 3.3).

    Args:
        a: list of int, the token ids of one text.
        b: list of int, the token ids of the other.
        tokens: dict with the ids of the special tokens: "start", "delimiter", "extract", "pad".
        length: int, number of tokens of each row.

    Returns:
        List of two lists of `length` int.

    Raises:
        ValueError: as `entailment_input`.

    Example:
        >>> tokens = {"start": 90, "delimiter": 91, "extract": 92, "pad": 93}
        >>> similarity_inputs([5, 6], [7], tokens, length=6)
        [[90, 5, 6, 91, 7, 92], [90, 7, 91, 5, 6, 92]]
    """
    ### BEGIN SOLUTION
    orders = [(a, b), (b, a)]
    return [entailment_input(first, second, tokens, length) for first, second in orders]
    ### END SOLUTION


# %%
check("lab09.similarity_inputs")

# %% [markdown]
# ## 9.5 One question, several answers
#
# For multiple choice each answer gets a row of its own, behind the same passage and question. The
# model reads each one as if it were the only one. They meet in the softmax, not in the text.


# %% exercise="lab09.multiple_choice_inputs" points=3 minutes=10 difficulty=2
def multiple_choice_inputs(context, answers, tokens, length):
    """Makes one row for each answer: start, context, delimiter, answer, extract, padding.

    Args:
        context: list of int, the token ids of the passage and its question.
        answers: list of lists of int, the token ids of each answer.
        tokens: dict with the ids of the special tokens: "start", "delimiter", "extract", "pad".
        length: int, number of tokens of each row.

    Returns:
        List of len(answers) lists of `length` int. Each row is cut for itself: a long answer
        takes nothing from the others' rows.

    Raises:
        ValueError: as `entailment_input`.

    Example:
        >>> tokens = {"start": 90, "delimiter": 91, "extract": 92, "pad": 93}
        >>> multiple_choice_inputs([5, 6], [[7], [8, 9]], tokens, length=7)
        [[90, 5, 6, 91, 7, 92, 93], [90, 5, 6, 91, 8, 9, 92]]
    """
    ### BEGIN SOLUTION
    return [entailment_input(context, answer, tokens, length) for answer in answers]
    ### END SOLUTION


# %%
check("lab09.multiple_choice_inputs")

# %% [markdown]
# ## 9.6 What the model has to say
#
# The blocks give one vector for each position. The one that counts is at the extract token, and
# that stands somewhere else in every row. The last position would be wrong: in a short row it is
# padding.


# %% exercise="lab09.extract_state" points=3 minutes=15 difficulty=2
def extract_state(hidden, tokens, extract):
    """Takes each row's hidden state at its extract token (h_l^m in GPT-1, section 3.2).

    Args:
        hidden: float tensor of shape (batch, T, hidden_dim), the last block's states.
        tokens: int tensor of shape (batch, T); each row holds `extract` once.
        extract: int, id of the extract token.

    Returns:
        Float tensor of shape (batch, hidden_dim).

    Example:
        >>> hidden = keras.ops.reshape(keras.ops.arange(6.0), (1, 3, 2))
        >>> extract_state(hidden, keras.ops.array([[90, 92, 93]]), extract=92)
        [[2.0, 3.0]]
    """
    ### BEGIN SOLUTION
    # A row of ones and zeros picks the state, wherever it stands.
    chosen = keras.ops.cast(keras.ops.equal(tokens, extract), hidden.dtype)
    return keras.ops.einsum("bt,bth->bh", chosen, hidden)
    ### END SOLUTION


# %%
check("lab09.extract_state")

# %% [markdown]
# ## 9.7 One linear layer
#
# Now the only new weights of fine-tuning. Every example arrives as one or more rows, so the states
# have the shape (batch, rows, hidden_dim). The four forms differ in what becomes of the rows:
#
# | form | rows of an example | what the head does |
# |---|---|---|
# | classification, entailment | 1 | linear layer: a number for each class |
# | similarity | 2, both orders | **adds** the states, linear layer: a number for each score |
# | multiple choice | 1 for each answer | linear layer on each row: a number for each answer |
#
# A sum over one row is that row. So the first two lines of the table are the same code.
#
# The layer is new, so it starts at N(0, 0.02) like all of GPT-1's weights, and gets dropout 0.1 on
# its input (GPT-1, section 4.1).


# %% exercise="lab09.TaskHead" points=5 minutes=20 difficulty=3
@keras.saving.register_keras_serializable("gpt_tf")
class TaskHead(keras.layers.Layer):
    """Turns the states at the extract tokens into one logit for each possible answer.

    GPT-1, sections 3.2 (softmax(h_l^m W_y); the softmax itself is in the loss) and 3.3.

    Sub-layers:
        dropout: `keras.layers.Dropout` on the states, before the linear layer.
        linear: `keras.layers.Dense`, kernel from N(0, 0.02), bias from 0.

    Args:
        form: str, "classification", "entailment", "similarity" or "multiple_choice".
        num_classes: int, number of classes; multiple choice has no use for it, since there each
            row is an answer.
        dropout: float in [0, 1), rate on the states while training.

    Call arguments:
        states: float tensor of shape (batch, rows, hidden_dim).

    Returns:
        Float tensor of logits: (batch, rows) for multiple choice, else (batch, num_classes).

    Raises:
        ValueError: `form` is another word.

    Example:
        >>> TaskHead("similarity", num_classes=6)(keras.ops.ones((4, 2, 8))).shape
        (4, 6)
        >>> TaskHead("multiple_choice")(keras.ops.ones((4, 3, 8))).shape
        (4, 3)
    """

    def __init__(self, form, num_classes=1, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.form = form
        ### BEGIN SOLUTION
        forms = ("classification", "entailment", "similarity", "multiple_choice")
        if form not in forms:
            raise ValueError(f"{form!r} is no form of a task; the forms are {', '.join(forms)}.")
        self.dropout = keras.layers.Dropout(dropout)
        self.linear = keras.layers.Dense(
            1 if form == "multiple_choice" else num_classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        )
        ### END SOLUTION

    def build(self, input_shape):
        ### BEGIN SOLUTION
        self.linear.build(input_shape)
        ### END SOLUTION

    def call(self, states):
        ### BEGIN SOLUTION
        if self.form == "multiple_choice":
            return keras.ops.squeeze(self.linear(self.dropout(states)), axis=-1)
        return self.linear(self.dropout(keras.ops.sum(states, axis=1)))
        ### END SOLUTION


# %%
check("lab09.TaskHead")

# %% [markdown]
# ## 9.8 A score is a class, or lies between two
#
# Three forms have a label such as 0, 1 or 2. Similarity has a score such as 3.6. You could predict
# the number itself and punish the squared error. Or you can ask for a distribution over the whole
# scores 0 to 5 whose mean is 3.6: 0.4 on 3, and 0.6 on 4.
#
# Here it is the distribution. All four forms then have the same loss, a softmax and a negative
# log-likelihood, and lambda below weighs like against like. And a label 2 needs no case of its
# own: it is a score that lies on a class.


# %% exercise="lab09.label_distribution" points=3 minutes=10 difficulty=2
def label_distribution(labels, num_classes):
    """Turns labels, or scores between them, into distributions over the classes.

    A score y gives 1 - (y - k) to the class k just below it and y - k to the class k + 1, so that
    the distribution's mean is y. A label that is whole gives 1 to its class.

    Args:
        labels: tensor of shape (batch,), int or float, from 0 to num_classes - 1.
        num_classes: int, number of classes.

    Returns:
        Float tensor of shape (batch, num_classes); each row sums to 1.

    Example:
        >>> label_distribution(keras.ops.array([2.0, 0.25]), num_classes=3)
        [[0.0, 0.0, 1.0], [0.75, 0.25, 0.0]]
    """
    ### BEGIN SOLUTION
    labels = keras.ops.cast(labels, "float32")[:, None]
    classes = keras.ops.arange(num_classes, dtype="float32")
    return keras.ops.maximum(0.0, 1.0 - keras.ops.abs(labels - classes))
    ### END SOLUTION


# %%
check("lab09.label_distribution")

# %% [markdown]
# ## 9.9 The task's loss
#
# GPT-1 **maximises** L2(C), the sum of log P(y | text) over the examples. Keras minimises, so you
# turn the sign round. You also take the mean in place of the sum: then the learning rate does not
# depend on the batch size.


# %% exercise="lab09.task_loss" points=3 minutes=10 difficulty=2
def task_loss(targets, logits):
    """Computes L2 as a loss: the mean negative log-likelihood (GPT-1, section 3.2).

    Args:
        targets: float tensor of shape (batch, classes), each row a distribution; see
            `label_distribution`.
        logits: float tensor of shape (batch, classes).

    Returns:
        Float tensor of shape (), in nats an example.

    Example:
        >>> task_loss(keras.ops.array([[1.0, 0.0]]), keras.ops.array([[0.0, 0.0]]))
        0.693
    """
    ### BEGIN SOLUTION
    log_probabilities = keras.ops.log_softmax(keras.ops.cast(logits, "float32"), axis=-1)
    return -keras.ops.mean(keras.ops.sum(targets * log_probabilities, axis=-1))
    ### END SOLUTION


# %%
check("lab09.task_loss")

# %% [markdown]
# ## 9.10 Keep reading
#
# Fine-tuning has few examples, and the model soon knows them by heart. GPT-1 lets it go on with
# its old job at the same time: predict the next token of the task's own texts. That is L1, the
# loss of lab 07.
#
# One thing is new: not every token of a row is text. Which of them should L1 ask for? Ask the
# pre-trained model first. Below is a row, and what each of its tokens costs: its negative
# log-likelihood before any fine-tuning.

# %%
gpt, tokenizer = presets.load()
tokens = finetuning.task_tokens(tokenizer)
texts = ["Maya bought a red apple at the market.", "Maya bought a fruit."]
ids = [tokenizer.encode(text) for text in texts]
row = entailment_input(*ids, tokens, sum(map(len, ids)) + 6)
log_probabilities = np.asarray(keras.ops.log_softmax(gpt(np.array([row]))))[0]
costs = [-log_probabilities[place, token] for place, token in enumerate(row[1:])]

figure, axis = plt.subplots(figsize=(11, 4), layout="constrained")
colors = ["C1" if token in tokens.values() else "C0" for token in row[1:]]
axis.bar(range(len(costs)), costs, color=colors)
axis.axhline(np.log(gpt.config.vocabulary_size), color="gray", linestyle=":")
axis.text(len(costs), np.log(gpt.config.vocabulary_size), "guessing, log V", color="gray")
axis.set_xticks(
    range(len(costs)), [tokenizer.decode([t]) for t in row[1:]], rotation=60, ha="right"
)
axis.set_xlabel("token to predict (orange: special)")
axis.set_ylabel("cost (nats)")
axis.set_title("What each token costs the pre-trained model, before fine-tuning")
plt.show()

# %% [markdown]
# The words cost a few nats each. The special tokens cost more than a blind guess would: the model
# has never met them, and has learned never to say them. Count them, and the first gradients of
# fine-tuning are about your frame, not about the text. They push hardest against what pre-training
# has built.
#
# Padding is worse still. It is easy to learn (after padding comes padding) and there is a lot of
# it, so it drowns the rest.
#
# So only text counts, and a special token is never a **target**. It may well be read: the first
# word is predicted from the start token, and the second text from the delimiter. (The GPT-1 paper
# does not say what is left out. This is a choice, and the plot is its reason.)


# %% exercise="lab09.language_loss" points=3 minutes=15 difficulty=2
def language_loss(tokens, logits, special):
    """Computes L1 as a loss, on the text of the rows (GPT-1, sections 3.1 and 3.2).

    Args:
        tokens: int tensor of shape (batch, T).
        logits: float tensor of shape (batch, T, vocabulary_size), what the model says at each
            position about the token after it.
        special: list of int, ids of the tokens that are no text: start, delimiter, extract and
            padding, in any order.

    Returns:
        Float tensor of shape (), the mean negative log-likelihood in nats for each token that is
        predicted and is text. `parts.next_token_loss` of lab 07 takes a mask.

    Example:
        >>> tokens, logits = keras.ops.array([[3, 1, 2, 4, 0]]), keras.ops.zeros((1, 5, 6))
        >>> language_loss(tokens, logits, special=[3, 4, 0])
        1.7918
    """
    ### BEGIN SOLUTION
    is_text = keras.ops.ones_like(tokens, dtype="bool")
    for token in special:
        is_text = keras.ops.logical_and(is_text, keras.ops.not_equal(tokens, token))
    return parts.next_token_loss(tokens, logits, mask=is_text)
    ### END SOLUTION


# %%
check("lab09.language_loss")

# %% [markdown]
# ## 9.11 Both together
#
# GPT-1's objective is L3 = L2 + lambda L1 with lambda 0.5. Both signs were turned round, so both
# are losses, and the sum is one too.


# %% exercise="lab09.combined_loss" points=1 minutes=5 difficulty=1
def combined_loss(task_loss, language_loss, weight=0.5):
    """Computes L3 = L2 + lambda L1, as a loss to minimise (GPT-1, section 3.2).

    Args:
        task_loss: float or float tensor of shape (), L2 in nats an example.
        language_loss: float or float tensor of shape (), L1 in nats a token.
        weight: float, lambda.

    Returns:
        The same kind of number, the loss to minimise.

    Example:
        >>> combined_loss(1.0, 4.0, weight=0.5)
        3.0
    """
    ### BEGIN SOLUTION
    return task_loss + weight * language_loss
    ### END SOLUTION


# %%
check("lab09.combined_loss")

# %% [markdown]
# ## 9.12 Look at your rows
#
# Before you train anything, look at what the model will read. Below is one example of each form,
# as your functions lay it out, with its target. Where the real data sets are on your disk
# (`GPT_TF_DATA`), these are SST-2, SICK, STS-B and OpenBookQA.
#
# Elsewhere they are four small tasks of the course's little world: of what kind is a thing
# ("kind"), does somebody like what they talk about ("likes"), are two things of one kind ("alike"),
# and which of four things is of a kind ("which"). The validation examples are about things and
# adjectives that occur in **no training example**. Only a model that has read about them can know.

# %%
EXAMPLES, VALIDATION = (48, 48) if short() else (480, 300)
if os.environ.get("GPT_TF_DATA"):
    shown, length = tasks.real_tasks(limit=EXAMPLES), 64
    epochs = dict.fromkeys(tasks.FORMS, 4)
else:
    shown, length = zero_shot.tasks_in_all_forms(EXAMPLES, VALIDATION, seed=9), 24
    # To compare is harder to learn than to judge one text: it takes more epochs.
    epochs = {"classification": 4, "entailment": 4, "similarity": 8, "multiple_choice": 5}
if short():
    shown = shown[:1]
settings = {
    task.name: finetuning.Settings(
        length=length,
        batch_size=8,
        epochs=1 if short() else epochs[task.form],
        peak_rate=1e-3,
        warmup_fraction=0.1,
        reports=2,
        score_reports=False,
    )
    for task in shown
}
for task in shown:
    rows, targets = finetuning.rows_of(task, task.train[:1], tokenizer, length)
    print(f"{task.name} ({task.form}), target {np.round(targets[0], 2)}")
    for row in rows[0]:
        text = tokenizer.decode(row)
        padding = text.count("<|pad|>")
        print("   ", text.replace("<|pad|>", ""), f"+ {padding} padding")

# %% [markdown]
# And how much of the model is new? For each task the head, and nothing else:

# %%
for task in shown:
    head = TaskHead(task.form, finetuning.num_classes(task))
    head.build((None, None, gpt.config.hidden_dim))
    share = head.count_params() / (gpt.count_params() + head.count_params())
    print(
        f"{task.name:24s} {gpt.count_params():,} weights of the GPT + {head.count_params():,} of "
        f"the head ({share:.3%} are new)"
    )

# %% [markdown]
# ## 9.13 Fine-tune, and hold the results against something
#
# A score alone says little. You need to know three others:
#
# * **majority**: always say the most frequent answer. It has learned nothing about the text.
# * **bag of words** with logistic regression: it knows which words there are, and not their order.
# * **the same GPT without pre-training**: same input, same head, same steps, random weights.
#
# `gpt_tf.finetuning.finetune` is given to you: it puts your head on a copy of a GPT and trains all
# of it on your L3, with GPT-1's schedule (warm-up, then a line to 0) and dropout 0.1 everywhere.
# The learning rate is higher than GPT-1's 6.25e-5, because a small model takes larger steps. Read
# it. It is short.

# %%
found, runs = {}, {}
for task in shown:
    runs[task.name] = {
        "without pre-training": finetuning.finetune(
            finetuning.untrained(gpt, seed=9),
            task,
            tokenizer,
            settings[task.name],
            seed=9,
            label=f"{task.name}, without pre-training",
        ),
        "pre-trained": finetuning.finetune(
            gpt, task, tokenizer, settings[task.name], seed=9, label=f"{task.name}, pre-trained"
        ),
    }
    found[task.name] = tasks.baselines(task, predictions=True) | {
        name: run["predictions"] for name, run in runs[task.name].items()
    }

# %% [markdown]
# How sure are these numbers? Other validation examples would have given other scores. So draw the
# validation examples again, with repetition, a few hundred times (a **bootstrap**), and see where
# the middle 95% of the scores lie.

# %%
figure, axis = plt.subplots(figsize=(9, 1.2 + 1.2 * len(shown)), layout="constrained")
print(f"{'task':26s}{'metric':>10s}   score and 95% interval over the validation examples")
for place, task in enumerate(shown):
    for number, (name, predictions) in enumerate(found[task.name].items()):
        score = tasks.score(task, predictions)
        low, high = np.quantile(tasks.resampled(task, predictions), [0.025, 0.975])
        y = -place - 0.16 * number
        axis.plot([low, high], [y, y], color=f"C{number}", alpha=0.5)
        axis.plot(score, y, "o", color=f"C{number}", label=None if place else name)
        print(f"{task.name:26s}{task.metric:>10s}   {score:.3f} ({low:.3f} to {high:.3f})  {name}")
axis.set_yticks([-place - 0.24 for place in range(len(shown))], [task.name for task in shown])
axis.set_xlabel("score (accuracy, or Pearson's correlation for similarity)")
axis.set_title(f"Fine-tuned on {EXAMPLES} examples, beside the baselines")
axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# Read it line by line. Where two intervals overlap by much, the difference may be chance. Ask of
# each task:
#
# * Is the pre-trained model above the same model without pre-training? That is what reading gave.
# * Is it above the bag of words? If not, word order and meaning gave nothing that this small model
#   could use with so few examples. That happens, and it is worth knowing.
# * Is anything above the majority? If not, the task is too hard for all of them.
#
# ## 9.14 What L3 adds
#
# One more run of the first task, with lambda 0: the task's loss alone.

# %%
task = shown[0]
alone = dataclasses.replace(settings[task.name], language_weight=0.0)
curves = {
    "lambda 0.5": runs[task.name]["pre-trained"],
    "lambda 0": finetuning.finetune(gpt, task, tokenizer, alone, seed=9, label="lambda 0"),
}
figure, axes = plt.subplots(1, 2, figsize=(11, 4))
for name, run in curves.items():
    history = run["history"]
    axes[0].plot(history["step"], history["task_loss"], "o-", label=name)
history = curves["lambda 0.5"]["history"]
axes[1].plot(history["step"], history["language_loss"], "o-", label="lambda 0.5")
guess = np.log(finetuning.num_classes(task))
axes[0].axhline(guess, color="gray", linestyle=":", label="guessing, log(classes)")
for axis, label, title in (
    (axes[0], "L2 (nats an example)", "The task, while training"),
    (axes[1], "L1 (nats a token)", "The task's texts, while training"),
):
    axis.set_xlabel("step (updates)")
    axis.set_ylabel(label)
    axis.set_title(title)
    axis.legend()
figure.tight_layout()
plt.show()
difference = tasks.resampled(task, curves["lambda 0.5"]["predictions"]) - tasks.resampled(
    task, curves["lambda 0"]["predictions"]
)
low, high = np.quantile(difference, [0.025, 0.975])
print(f"{task.name}, {task.metric}: lambda 0.5 {curves['lambda 0.5']['score']:.3f}, ", end="")
print(f"lambda 0 {curves['lambda 0']['score']:.3f}; 95% of the difference: {low:.3f} to {high:.3f}")

# %% [markdown]
# How to read the plots:
#
# * **L2** starts near log(classes): a head from N(0, 0.02) has no opinion yet. If yours starts much
#   higher, the head's weights are too large.
# * **L1** falls, too. The texts of one task are more alike than those of pre-training, and each
#   token says something about them. L2 gets one label an example.
# * Does lambda 0.5 beat lambda 0? Look at the interval of the difference before you answer. GPT-1
#   found that the auxiliary loss helps on larger data sets and not on smaller ones; on average over
#   its eight tasks the model without it was even slightly better, 75.0 against 74.7 (GPT-1,
#   table 5).
#
# ## 9.15 Ten sets, several seeds
#
# A run depends on its seed, too: on the head's first weights, on dropout, on the order of the
# examples. One run of each is no proof. `python -m gpt_tf results` runs ten real sets, with and
# without pre-training, over several seeds, and keeps what came of it in `docs/results.json`. It
# takes hours, so the cell below only shows that file where there is one. The command is part of the
# course, and you can run it with your own model.

# %%
report = results.read()
if report is None:
    print("There is no docs/results.json here: python -m gpt_tf results makes it.")
else:
    print(results.table(report))
    results.plot(report)
    results.plot_curves(report)
    plt.show()

# %% [markdown]
# In the first plot, each dot is a mean over the seeds, each line its 95% interval by Student's t.
# With three seeds the interval reaches 4.3 standard errors to each side, so it is wide. Count the
# sets on which pre-training helps, and those on which the difference may be chance.
#
# The second plot, where there is one, shows what more labelled examples give. Words alone go far
# when the task is opinion: a bag of words counts them, and needs no text to have been read before.
# Which of the curves still rises at its right end?
#
# ## 9.16 Questions
#
# 1. The special tokens are never seen in pre-training, so the model has no idea of them when
#    fine-tuning begins. Why does it not matter much?
# 2. For multiple choice, `TaskModel` computes L1 on the row with the right answer only. What would
#    the model learn from the others? GPT-1's paper does not say which rows it used.
# 3. A model that reads in both directions, such as BERT, takes its answer from the **first**
#    position. Why would that fail here?
#
# ## What you know now
#
# * Any of the four tasks is a text to read, once start, delimiter and extract tokens are in it. The
#   input changes; the model does not.
# * The head is one linear layer. Similarity adds two orders; multiple choice scores row by row.
# * L3 = L2 + lambda L1: the task's loss, and reading on beside it, where only text counts.
# * A long text gives way from its front, and no text disappears.
# * A result is read beside its baselines, beside the same model without pre-training, and with its
#   spread over examples and seeds.
