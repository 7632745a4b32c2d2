# %% [markdown]
# # Lab 09 · Fine-tuning
#
# A pre-trained GPT knows how text goes on. You want it to tell good reviews from bad ones. The
# tempting way is a new network on top for each task. GPT-1 does the opposite: it changes the
# **input** until every task looks like a text to read, and adds a single linear layer
# (GPT-1, sections 3.2 and 3.3, figure 1).
#
# You build that here: the four input forms, the head, and the loss. Then you fine-tune a small GPT
# and watch the two halves of its loss.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from gpt_tf import finetuning, parts, tasks
from gpt_tf.config import GPTConfig
from gpt_tf.tokenizer import Tokenizer

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
# One thing is new. The rows are padded, and nothing can be learned from guessing padding: it would
# be easy, and it would drown the rest. Only real tokens count.


# %% exercise="lab09.language_loss" points=3 minutes=10 difficulty=2
def language_loss(tokens, logits, pad):
    """Computes L1 as a loss on padded rows (GPT-1, sections 3.1 and 3.2).

    Args:
        tokens: int tensor of shape (batch, T).
        logits: float tensor of shape (batch, T, vocabulary_size), what the model says at each
            position about the token after it.
        pad: int, id of the padding token.

    Returns:
        Float tensor of shape (), the mean negative log-likelihood in nats for each token that is
        predicted and is not padding. `parts.next_token_loss` of lab 07 takes a mask.

    Example:
        >>> tokens, logits = keras.ops.array([[1, 2, 0, 0]]), keras.ops.zeros((1, 4, 3))
        >>> language_loss(tokens, logits, pad=0)
        1.0986
    """
    ### BEGIN SOLUTION
    return parts.next_token_loss(tokens, logits, mask=keras.ops.not_equal(tokens, pad))
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
# Before you train anything, look at what the model will read. Below is one example of each task of
# the course's little world, as your functions lay it out. Each has its target, too. Where a passage
# was too long its row begins in the middle; the question is still there.

# %%
settings = finetuning.Settings(
    length=64,
    batch_size=32,
    epochs=1 if short() else 9,
    peak_rate=2e-3,
    reports=2,
)
world = tasks.world_tasks(train=96 if short() else 1200, validation=64 if short() else 300, seed=9)
texts = [text for task in world for example in task.train for text in example.texts]
tokenizer = Tokenizer.train(texts, 500, special_tokens=finetuning.TOKENS.values())
for task in world:
    rows, targets = finetuning.rows_of(task, task.train[:1], tokenizer, settings.length)
    print(f"{task.form}, target {np.round(targets[0], 2)}")
    for row in rows[0]:
        text = tokenizer.decode(row)
        padding = text.count("<|pad|>")
        print("   ", text.replace("<|pad|>", ""), f"+ {padding} padding")

# %% [markdown]
# ## 9.13 Fine-tune
#
# Now train. The task is the first one: is an opinion good or bad? The opinions deny ("not
# boring"), grant and turn round ("although the room was poor, ..."), so counting words is not
# enough. `gpt_tf.finetuning.finetune` is given to you: it puts your head on a copy of a GPT and
# follows GPT-1's schedule. Read it. It is short.
#
# The GPT here is small and **fresh**: it was not pre-trained. That makes it plain what fine-tuning
# alone can do. It is trained twice, with lambda 0.5 and with lambda 0, so that you see what the
# second loss changes.

# %%
keras.utils.set_random_seed(9)
config = GPTConfig(
    tokenizer.vocabulary_size,
    settings.length,
    num_layers=2,
    num_heads=4,
    hidden_dim=64,
    dropout=0.1,
)
gpt = parts.GPT(config)
gpt(np.zeros((1, 2), "int32"))
opinions = world[0]
runs = {}
for weight in (0.5, 0.0):
    how = finetuning.Settings(**(vars(settings) | {"language_weight": weight}))
    runs[weight] = finetuning.finetune(gpt, opinions, tokenizer, how, seed=9, label=f"{weight=}")
baselines = tasks.baselines(opinions)

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 4))
for weight, run in runs.items():
    history = run["history"]
    axes[0].plot(history["step"], history["task_loss"], "o-", label=f"lambda {weight}")
    axes[2].plot(history["step"], history["score"], "o-", label=f"lambda {weight}")
history = runs[0.5]["history"]
axes[1].plot(history["step"], history["language_loss"], "o-", label="lambda 0.5")
axes[0].axhline(np.log(2), color="gray", linestyle=":", label="guessing, log 2")
axes[1].axhline(
    np.log(config.vocabulary_size), color="gray", linestyle=":", label="guessing, log V"
)
for (name, value), style in zip(baselines.items(), (":", "--"), strict=True):
    axes[2].axhline(value, color="gray", linestyle=style, label=name.replace("_", " "))
for axis, label, title in (
    (axes[0], "L2 (nats an example)", "The task, while training"),
    (axes[1], "L1 (nats a token)", "The task's texts, while training"),
    (axes[2], "accuracy (share right)", "The task, on validation examples"),
):
    axis.set_xlabel("step (updates)")
    axis.set_ylabel(label)
    axis.set_title(title)
    axis.legend()
figure.tight_layout()
plt.show()

# %%
print(f"{len(opinions.train)} training examples, {len(opinions.validation)} validation examples")
for name, value in baselines.items():
    print(f"{name.replace('_', ' '):22s} accuracy {value:.3f}")
for weight, run in runs.items():
    print(f"fresh GPT, lambda {weight:<4} accuracy {run['score']:.3f}")
error = (0.25 / len(opinions.validation)) ** 0.5
print(f"a difference below {2 * error:.3f} may be chance (two standard errors at most)")

# %% [markdown]
# How to read the three plots:
#
# * **L2** starts at log 2: a head from N(0, 0.02) has no opinion yet. If yours starts much higher,
#   the head's weights are too large. It may stay there for a while before it falls: the model must
#   find out first what the extract token is for.
# * **L1** falls from the start. The opinions use few words in few patterns, and each token of each
#   text says something about them. L2 gets one label an example.
# * **Accuracy** is measured on other examples, and half of these contain words that the training
#   examples never use. A fresh model cannot know what "dismal" means. A pre-trained one can have
#   read it. Compare the model's accuracy with the bag of words, not with 0.
#
# Is the run with lambda 0.5 better than the one with lambda 0? Look at the last line before you
# answer. One run each is no proof. GPT-1 found that the auxiliary loss helps on larger data sets
# and not on smaller ones; on average over its eight tasks the model without it was even slightly
# better, 75.0 against 74.7 (GPT-1, table 5).
#
# ## 9.14 Questions
#
# 1. The extract token is never seen in pre-training, so its embedding is random when fine-tuning
#    begins. Why does it not matter much?
# 2. For multiple choice, `TaskModel` computes L1 on the row with the right answer only. What would
#    the model learn from the others? GPT-1's paper does not say which rows it used.
# 3. A model that reads in both directions, such as BERT, takes its answer from the **first**
#    position. Why would that fail here?
#
# ## What you know now
#
# * Any of the four tasks is a text to read, once start, delimiter and extract tokens are in it.
# * The head is one linear layer. Similarity adds two orders; multiple choice scores row by row.
# * L3 = L2 + lambda L1: the task's loss, and reading on beside it, with padding left out.
# * A long text gives way from its front, and no text disappears.
