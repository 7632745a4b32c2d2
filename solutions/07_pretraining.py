# %% [markdown]
# # Lab 07 · Pre-training
#
# You have a model. It knows nothing yet: every token is as likely as every other.
#
# GPT learns from plain text. Nobody labels anything: the text itself says which token comes next.
# GPT-1 maximises the sum of log P(u_i | u_{i-k}, ..., u_{i-1}) over a large corpus (GPT-1, section
# 3.1, L1). That one sentence needs three things, and you write them here:
#
# * text cut into rows of one length, so that no computation is wasted,
# * the loss,
# * a learning rate that rises, then falls.
#
# Then you pre-train a small GPT on real English and watch its loss fall.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from gpt_tf import corpora, parts, training
from gpt_tf.config import GPTConfig

# %% [markdown]
# ## 7.1 Documents into rows
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
# ## 7.2 The loss
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
# ## 7.3 A learning rate that rises, then falls
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
# ## 7.4 A real run
#
# Now you put the three together. To keep it small, the tokens are bytes: 256 of them and a
# delimiter. The text is the English that documents the Python packages this course uses.
#
# First the data. Look at the first row: does it hold one document, or more than one?

# %%
DELIMITER = 256
LENGTH = 128


def read(split, documents):
    """Returns the packed bytes of the first `documents` documents of a split."""
    texts = corpora.docstrings(split)[:documents]
    return pack_documents([list(t.encode("utf-8")) for t in texts], LENGTH, DELIMITER)


train = read("train", 300 if short() else 8000)
validation = read("validation", 40 if short() else 400)
print(f"training {train.size:,} tokens, validation {validation.size:,} tokens")
shown = b"".join(b" [delimiter] " if t == DELIMITER else bytes([t]) for t in train[0].tolist())
print("the first row:", shown.decode("utf-8", "replace"))

# %% [markdown]
# Before you train, you need something to compare with. Two guesses need no network at all:
#
# * every token equally likely: log(vocabulary_size),
# * every token as often as in the training text: the unigram model of lab 01.
#
# A model that is not below the second one has not learned to use its context.

# %%
counts = np.bincount(train.ravel(), minlength=DELIMITER + 1) + 1
unigram = -np.log(counts / counts.sum())[validation.ravel()].mean()
uniform = np.log(DELIMITER + 1)
print(f"uniform {uniform:.3f} nats a token, unigram {unigram:.3f} nats a token")

# %% [markdown]
# Now the model and the recipe. `gpt_tf.training.pretrain` is given to you: it compiles your model
# with your loss, follows your schedule with AdamW, and keeps checkpoints if you name a folder. Read
# it. It is short.

# %%
keras.utils.set_random_seed(7)
config = GPTConfig(
    DELIMITER + 1,
    LENGTH,
    num_layers=2 if short() else 4,
    num_heads=4,
    hidden_dim=32 if short() else 128,
)
steps = 40 if short() else 500
recipe = training.Recipe(
    steps=steps, batch_size=16, peak_rate=2e-3, warmup_steps=steps // 10, final_fraction=0.1
)
model = parts.GPT(config)
history = training.pretrain(model, train, validation, recipe, label="bytes")
print(f"the model has {model.count_params():,} parameters")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
left.plot([float(warmup_cosine(s, 2e-3, steps // 10, steps, 0.1)) for s in range(steps)])
left.set_xlabel("step (updates)")
left.set_ylabel("learning rate (per update)")
left.set_title("Warm-up, then cosine")
right.plot(history["step"], history["loss"], label="training")
right.plot(history["validation_step"], history["validation_loss"], "o-", label="validation")
right.axhline(uniform, color="gray", linestyle=":", label="uniform")
right.axhline(unigram, color="gray", linestyle="--", label="unigram")
right.set_xlabel("step (updates)")
right.set_ylabel("loss (nats a token)")
right.set_title("Pre-training on bytes of English")
right.legend()
plt.show()

# %%
loss = training.evaluate(model, validation, LENGTH, batch_size=16)
print(f"validation loss {loss:.3f} nats a byte, {loss / np.log(2):.3f} bits a byte")
print(f"unigram         {unigram:.3f} nats a byte, {unigram / np.log(2):.3f} bits a byte")
print(f"perplexity      {np.exp(loss):.2f} against {np.exp(unigram):.2f} of the unigram model")

# %% [markdown]
# How to read the curve:
#
# * The first point of the training curve is an average over the first few steps, so it may lie
#   below the uniform line already.
# * Where the curve crosses the unigram line, the model begins to use its context.
# * The two curves stay close together as long as the model sees most text for the first time.
#
# This is a small model and a short run. A loss like this one comes from knowing which letters
# follow which, and how common words are spelled. It is far from knowing what the words mean. More
# text, more parameters and more steps all lower the curve further, and GPT-2 and GPT-3 are about
# how far that goes.
#
# ## 7.5 Questions
#
# 1. A row may hold the end of one document and the start of the next. What could the model learn
#    from that which is not true of the language? What would you lose by forbidding it?
# 2. Your loss is in nats a byte. A model with a vocabulary of 8,192 tokens reports nats a token.
#    Which of two such models is better? What do you need to know to compare them?
# 3. Leave out the warm-up (`warmup_steps=0`) and train again with a peak ten times as high. What
#    happens in the first steps, and does the run recover?
#
# ## What you know now
#
# * Text needs no labels: the targets are the tokens, moved by one place.
# * Packing wastes nothing; the delimiter says where a document ends.
# * The loss starts near log(vocabulary_size), and the first things to beat are a uniform guess and
#   a unigram model.
# * The learning rate rises to its peak, then follows half a cosine down.
