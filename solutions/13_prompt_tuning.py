# %% [markdown]
# # Lab 13 · Prompt tuning and LoRA
#
# Lab 09 fine-tuned **all** of a GPT. For ten tasks you then keep ten copies of it. Lab 12 trained
# nothing and wrote the task into the prompt. What such a prompt calls up depends on the wording,
# and for a small model it is little. Is there something between?
#
# Two answers, and you build both:
#
# * **P-tuning** (Liu et al. 2021, "GPT Understands, Too", section 3): the model stays as it is.
#   The prompt's words are replaced by vectors, and gradient descent finds the vectors.
# * **LoRA** (Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", section 4): the
#   model's kernels stay as they are. Beside some of them learns a product of two thin matrices.
#
# At the end one plot shows them all: accuracy against the number of trained parameters, from a
# prompt that you wrote by hand to fine-tuning everything.

# %%
import dataclasses
import os
import timeit

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from gpt_tf import ablation, finetuning, parts, presets, tables, tasks, tuning

# %% [markdown]
# ## 13.1 Vectors in the place of words
#
# A prompt such as `Q: Anna has a rake. A:` is six or so tokens, looked up in a table. What the
# blocks see are the vectors. Which words would make the best prompt? Words can only be tried out
# one by one. But the blocks never asked for words. They take any vector, and a vector can be moved
# a little in the direction that lowers the loss.
#
# So write the prompt with **placeholders**: two before the text, say, and two behind it. They are
# tokens like others, so that all positions come out right. After the lookup you throw their vectors
# away and put the learned ones there: the first one at the row's first placeholder, the second one
# at the second, and so on.
#
# The texts of a batch differ in length, so the placeholders behind them stand at another position
# in each row. Counting helps: `keras.ops.cumsum` over the mask tells at each place how many
# placeholders there were so far.


# %% exercise="lab13.insert_prompt" points=4 minutes=20 difficulty=2
def insert_prompt(embedded, is_prompt, prompt):
    """Puts learned vectors where the placeholders of each row stand (P-tuning, section 3.2).

    Args:
        embedded: float tensor of shape (batch, T, hidden_dim), what the embedding layer gave.
        is_prompt: boolean tensor of shape (batch, T), True at placeholders. No row has more of them
            than the prompt has vectors.
        prompt: float tensor of shape (n, hidden_dim), the vectors, in the order of the places.

    Returns:
        Float tensor of shape (batch, T, hidden_dim). The k-th placeholder of a row has the prompt's
        k-th vector; all else is as it was.

    Example:
        >>> embedded = keras.ops.zeros((1, 4, 1))
        >>> is_prompt = keras.ops.array([[True, False, True, False]])
        >>> insert_prompt(embedded, is_prompt, keras.ops.array([[7.0], [8.0]]))
        [[[7.0], [0.0], [8.0], [0.0]]]
    """
    ### BEGIN SOLUTION
    number = keras.ops.cumsum(keras.ops.cast(is_prompt, "int32"), axis=1) - 1
    vectors = keras.ops.take(prompt, keras.ops.maximum(number, 0), axis=0)
    return keras.ops.where(is_prompt[:, :, None], vectors, embedded)
    ### END SOLUTION


# %%
check("lab13.insert_prompt")

# %% [markdown]
# ## 13.2 An encoder for the vectors
#
# You could train the n vectors as they are. The authors of P-tuning found two things hard about
# that (section 3.3). Trained embeddings are spread out unevenly, and from a bad start gradient
# descent gets stuck. And the words of a prompt depend on each other, while n loose vectors do not.
#
# So they train the vectors **through** a small network. A bidirectional LSTM reads the vectors from
# both sides, and two dense layers with a ReLU between them follow:
#
# prompt = MLP(BiLSTM(vectors))
#
# The network is needed only while training. Once that is over, you compute the prompt a last time,
# keep its n vectors, and throw the encoder away.
#
# Keras wants each layer to be called with something. Here it is the **places**: the numbers 0 to
# n - 1 of the vectors, from which the layer looks them up.


# %% exercise="lab13.PromptEncoder" points=5 minutes=25 difficulty=2
@keras.saving.register_keras_serializable("gpt_tf")
class PromptEncoder(keras.layers.Layer):
    """Learned prompt vectors, read by a BiLSTM and an MLP (P-tuning, section 3.3).

    Weights:
        vectors: (prompt_length, hidden_dim), starts at N(0, 0.02).

    Sub-layers:
        lstm: `keras.layers.Bidirectional` around an LSTM with hidden_dim / 2 units, so that both
            directions, one behind the other, are hidden_dim wide at each place.
        inner: `keras.layers.Dense`, hidden_dim wide, with ReLU.
        outer: `keras.layers.Dense`, hidden_dim wide.

    Args:
        prompt_length: int, number of vectors n.
        hidden_dim: int, width of the GPT's embeddings; even.

    Call arguments:
        places: int tensor of shape (k,), the vectors that are read, in this order; numbers from
            0 to n - 1, such as `keras.ops.arange(n)`.

    Returns:
        Float tensor of shape (k, hidden_dim), the prompt.

    Raises:
        ValueError: hidden_dim is odd.

    Example:
        >>> PromptEncoder(prompt_length=3, hidden_dim=8)(keras.ops.arange(3)).shape
        (3, 8)
    """

    def __init__(self, prompt_length, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.prompt_length = prompt_length
        self.hidden_dim = hidden_dim
        ### BEGIN SOLUTION
        if hidden_dim % 2:
            raise ValueError(f"hidden_dim is {hidden_dim}; two directions need an even number.")
        self.lstm = keras.layers.Bidirectional(
            keras.layers.LSTM(hidden_dim // 2, return_sequences=True)
        )
        self.inner = keras.layers.Dense(hidden_dim, activation="relu")
        self.outer = keras.layers.Dense(hidden_dim)
        ### END SOLUTION

    def build(self, places_shape):
        # Given: the sub-layers are built for what they will read.
        for layer in (self.lstm, self.inner, self.outer):
            layer.build((1, self.prompt_length, self.hidden_dim))
        ### BEGIN SOLUTION
        self.vectors = self.add_weight(
            shape=(self.prompt_length, self.hidden_dim),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="vectors",
        )
        ### END SOLUTION

    def call(self, places):
        # Keras's layers want a batch: make one of a single row, and take it off again.
        ### BEGIN SOLUTION
        vectors = keras.ops.take(self.vectors, places, axis=0)[None]
        return self.outer(self.inner(self.lstm(vectors)))[0]
        ### END SOLUTION

    def get_config(self):
        sizes = {"prompt_length": self.prompt_length, "hidden_dim": self.hidden_dim}
        return super().get_config() | sizes


# %%
check("lab13.PromptEncoder")

# %% [markdown]
# ## 13.3 In behind the embedding
#
# Now lead the prompt through your GPT. Its `call` goes from tokens to logits in one go: embedding,
# blocks, final norm where there is one, tied logits (lab 06). The prompt comes in after the first
# of these steps.
#
# The embedding layer adds the position to each token before you can put anything in. A learned
# vector takes the place of that sum, so it brings no position from the table along; what it needs
# to know about its place it has to learn.


# %% exercise="lab13.prompted_logits" points=4 minutes=15 difficulty=2
def prompted_logits(model, tokens, is_prompt, prompt):
    """Runs a GPT with learned vectors at the placeholders (P-tuning, section 3.2).

    Args:
        model: `parts.GPT` with weights, see lab 06, without an attention_window.
        tokens: int tensor of shape (batch, T); any token of the vocabulary at the placeholders.
        is_prompt: boolean tensor of shape (batch, T), True at placeholders.
        prompt: float tensor of shape (n, hidden_dim).

    Returns:
        Float tensor of shape (batch, T, vocabulary_size), the logits.

    Example:
        >>> prompted_logits(model, tokens, tokens == 9, encoder(keras.ops.arange(4)))
    """
    ### BEGIN SOLUTION
    x = insert_prompt(model.embedding(tokens), is_prompt, prompt)
    for block in model.blocks:
        x = block(x)
    if model.final_norm is not None:
        x = model.final_norm(x)
    return model.embedding.logits(x)
    ### END SOLUTION


# %%
check("lab13.prompted_logits")

# %% [markdown]
# ## 13.4 A small change beside a large kernel
#
# The other way. Fine-tuning turns a kernel W into W + ΔW. ΔW has as many numbers as W. Does it need
# them? Hu et al. guess that what a task changes has a low **rank**: it can be written as a product
# of two thin matrices. So they train just these:
#
# y = x W + b + (alpha / r) x A B
#
# A goes from the input's width down to r, and B from r up to the output's width. (The paper writes
# columns where Keras writes rows, so its order is B A.)
#
# Three things are decided with care:
#
# * W and b hold still. Only A and B learn.
# * **B starts at zero**, and A at random. So at the start the product is zero and the layer does
#   what it did before. If both were zero, neither would get a gradient.
# * **alpha / r** keeps the size of the change about the same when you try another r, so that the
#   learning rate need not change with it.
#
# Multiply x by A first. x A has r columns; A B would be as large as W.


# %% exercise="lab13.LoRADense" points=5 minutes=25 difficulty=2
@keras.saving.register_keras_serializable("gpt_tf")
class LoRADense(keras.layers.Layer):
    """A dense layer that holds still, and a low-rank change beside it (LoRA, section 4.1).

    Weights:
        lora_a: (input width, rank), starts at Keras's "he_uniform".
        lora_b: (rank, units), starts at zero.

    Sub-layers:
        dense: the given layer; none of its weights learns.

    Args:
        dense: `keras.layers.Dense` without activation.
        rank: int, r.
        alpha: float, scales the change by alpha / rank; the rank itself if None.

    Call arguments:
        x: float tensor of shape (..., input width).

    Returns:
        Float tensor of shape (..., units): dense(x) + alpha / rank x A B.

    Example:
        >>> layer = LoRADense(keras.layers.Dense(6), rank=2, alpha=4)
        >>> layer(keras.ops.ones((5, 3))).shape, len(layer.trainable_weights)
        ((5, 6), 2)
    """

    def __init__(self, dense, rank, alpha=None, **kwargs):
        super().__init__(**kwargs)
        self.dense = dense
        self.rank = rank
        self.alpha = rank if alpha is None else alpha

    def build(self, input_shape):
        # A layer of a trained GPT is built already. `trainable` reaches only weights that exist.
        if not self.dense.built:
            self.dense.build(input_shape)
        ### BEGIN SOLUTION
        self.dense.trainable = False
        self.lora_a = self.add_weight(
            shape=(input_shape[-1], self.rank), initializer="he_uniform", name="lora_a"
        )
        self.lora_b = self.add_weight(
            shape=(self.rank, self.dense.units), initializer="zeros", name="lora_b"
        )
        ### END SOLUTION

    def call(self, x):
        ### BEGIN SOLUTION
        change = keras.ops.matmul(keras.ops.matmul(x, self.lora_a), self.lora_b)
        return self.dense(x) + self.alpha / self.rank * change
        ### END SOLUTION


# %%
check("lab13.LoRADense")

# %% [markdown]
# ## 13.5 Into the GPT
#
# Where does LoRA go? Hu et al. adapt attention's projections only, and leave the feed-forward
# layers alone (section 4.2). In your GPT queries, keys and values come out of one layer,
# `attention.qkv`. That one you replace in each block.
#
# And all the rest must hold still: embeddings, norms, feed-forward layers. Each weight has a
# `trainable` of its own, and `model.weights` lists them all. Do that **before** you put the new
# layers in, or A and B hold still, too. Do not set `model.trainable`: that flag stays with the
# model, and then nothing in it learns any more, whatever you add.
#
# Keras does not let you add a layer to one that is built. `tuning.swap(layer, name, new)` does it
# all the same: it is `setattr`, with Keras's lock opened for that moment.


# %% exercise="lab13.add_lora" points=4 minutes=15 difficulty=2
def add_lora(model, rank):
    """Freezes a GPT and puts LoRA into the attention of each block (LoRA, section 4.2).

    Args:
        model: `parts.GPT` with weights, see lab 06; changed in place. Each `attention.qkv` of its
            blocks becomes a `LoRADense` around what was there.
        rank: int, r; alpha is the same.

    Raises:
        ValueError: rank is less than 1, or more than hidden_dim.

    Example:
        >>> add_lora(gpt, rank=4)
        >>> [weight.name for weight in gpt.trainable_weights][:2]
        ["lora_a", "lora_b"]
    """
    ### BEGIN SOLUTION
    if not 1 <= rank <= model.config.hidden_dim:
        raise ValueError(f"rank is {rank}; choose one from 1 to {model.config.hidden_dim}.")
    for weight in model.weights:
        weight.trainable = False
    for block in model.blocks:
        adapted = LoRADense(block.attention.qkv, rank)
        adapted.build((None, None, model.config.hidden_dim))
        tuning.swap(block.attention, "qkv", adapted)
    ### END SOLUTION


# %%
check("lab13.add_lora")

# %% [markdown]
# ## 13.6 Gone without a trace
#
# While it trains, LoRA makes each forward pass a little slower: two more products. Afterwards you
# can get rid of them. x W + (alpha / r) x A B is x times **one** matrix. Compute it once, put it
# into a plain dense layer, and the model is as fast as before (section 4.1, "No Additional
# Inference Latency"). A learned prompt cannot do that: its places stay in every text.


# %% exercise="lab13.merge_lora" points=2 minutes=5 difficulty=1
def merge_lora(kernel, lora_a, lora_b, alpha=None):
    """Adds a low-rank change to the kernel beside which it was trained (LoRA, section 4.1).

    Args:
        kernel: float tensor of shape (input width, units).
        lora_a: float tensor of shape (input width, rank).
        lora_b: float tensor of shape (rank, units).
        alpha: float, as in `LoRADense`; the rank if None.

    Returns:
        Float tensor of shape (input width, units).

    Example:
        >>> merge_lora(keras.ops.ones((1, 2)), keras.ops.array([[3.0]]), keras.ops.array([[0, 1.]]))
        [[1.0, 4.0]]
    """
    ### BEGIN SOLUTION
    rank = lora_a.shape[1]
    scale = 1.0 if alpha is None else alpha / rank
    return kernel + scale * keras.ops.matmul(lora_a, lora_b)
    ### END SOLUTION


# %%
check("lab13.merge_lora")

# %% [markdown]
# ## 13.7 The same as Keras's
#
# Keras has LoRA built in: `dense.enable_lora(rank)`. It is the best check for yours. Take the first
# block's `qkv` of a trained GPT, twice. One gets Keras's LoRA, the other one yours, both the same A
# and B. Outputs and gradients have to agree.

# %%
preset, tokenizer = presets.load()
qkv = preset.blocks[0].attention.qkv
rng = np.random.default_rng(13)
x = rng.normal(size=(2, 7, preset.config.hidden_dim)).astype("float32")


def copy_of(dense):
    """Returns another Dense with the same weights."""
    twin = keras.layers.Dense.from_config(dense.get_config())
    twin.build(x.shape)
    twin.set_weights(dense.get_weights())
    return twin


theirs, ours = copy_of(qkv), LoRADense(copy_of(qkv), rank=4, alpha=8)
theirs.enable_lora(rank=4, lora_alpha=8)
ours.build(x.shape)
pairs = [(ours.lora_a, theirs.lora_kernel_a), (ours.lora_b, theirs.lora_kernel_b)]
for mine, keras_own in pairs:
    mine.assign(rng.normal(size=mine.shape) / 10)
    keras_own.assign(mine)


def output_and_gradients(layer, weights):
    """Returns the layer's output, and the gradients of the sum of its squares."""
    with tf.GradientTape() as tape:
        output = layer(x)
        loss = keras.ops.sum(output**2)
    return [output, *tape.gradient(loss, [weight.value for weight in weights])]


found = zip(
    ("outputs", "gradient of A", "gradient of B"),
    output_and_gradients(ours, [mine for mine, _ in pairs]),
    output_and_gradients(theirs, [keras_own for _, keras_own in pairs]),
    strict=True,
)
for name, mine, keras_own in found:
    gap = np.abs(np.asarray(mine) - keras_own).max() / np.abs(keras_own).max()
    print(f"{name:<14} largest difference {gap:.1e} of the largest value")
for name, layer in (("yours", ours), ("Keras's", theirs)):
    print(f"{name:<14} {[tuple(weight.shape) for weight in layer.trainable_weights]} learn")

# %% [markdown]
# The last two lines show the one difference. Keras freezes the kernel and lets the bias learn.
# Yours follows the paper: nothing of the pre-trained layer learns.
#
# ## 13.8 Two tasks, one readout
#
# Two tasks from the course's little world. Each label has a word, and the answer is the label's
# word that is likeliest to come next: your `label_word_probabilities` from lab 10.
#
# * **kind**: of which of twelve kinds is a thing? The preset has read sentences such as "A plum is
#   a fruit". It has never seen the question.
# * **likes**: somebody said how something was. Is it true that they like it? For this it must know
#   whether a word praises, and put it together with a second sentence.
#
# The validation examples are about things and adjectives that no training example has.
#
# Frozen, LoRA and fine-tuning all read the text as `Q: ... A:`. For the learned prompt there are
# placeholders instead, shown here as `_`.

# %%
settings = tuning.Settings()
settings = settings.shortened() if short() else settings
known = {task.name: task for task in tuning.tasks_of(settings)}
for task in known.values():
    words = [tokenizer.decode([token]) for token in tuning.label_ids(task, tokenizer)]
    print(f"{task.name}: {len(task.train)} to train on, {len(task.validation)} to validate")
    print(f"    label words {words}")
    for method in ("zero-shot", "prompt"):
        tokens, is_prompt, lengths = tuning.rows_of(
            task, task.train[:1], tokenizer, settings, method
        )
        shown = [
            "_" if hole else tokenizer.decode([token])
            for token, hole in zip(tokens[0].tolist(), is_prompt[0], strict=True)
        ]
        print(f"    {method:<10} {'|'.join(shown[: lengths[0]])}")

# %% [markdown]
# How many numbers learn? Keras counts them: look at "Trainable params" at the end of each summary.

# %%
for method in ("prompt", "LoRA 4"):
    print(f"\n{method}")
    tuning.model_for(preset, known["likes"], tokenizer, method, settings).summary()

# %% [markdown]
# The prompt's encoder has more to learn than LoRA has. But it is thrown away in the end: what you
# keep for a task is the prompt itself. So there are two numbers to a method: those that **learn**
# and those that are **kept**.
#
# ## 13.9 Live: a prompt and LoRA
#
# Both ways on both tasks, with one seed. The frozen model with your hand-written `Q: ... A:` stands
# beside them.

# %%
runs = [(name, method) for name in known for method in ("zero-shot", "prompt", "LoRA 4")]
if short():
    runs = [("kind", "prompt"), ("likes", "LoRA 4")]
live = {
    (name, method): tuning.teach(preset, known[name], tokenizer, method, settings, seed=0)
    for name, method in runs
}

# %%
figure, axes = plt.subplots(1, 2, figsize=(12, 3.8), sharey=True, layout="constrained")
window = min(10, settings.steps)
for axis, name in zip(axes, known, strict=True):
    for (task_name, method), (_, result) in live.items():
        if task_name == name and result["losses"]:
            smooth = np.convolve(result["losses"], np.ones(window) / window, mode="valid")
            axis.plot(np.arange(window, settings.steps + 1), smooth, label=method)
    axis.set(xlabel="training step", title=f"{name} (mean of {window} steps)")
    axis.set_ylim(0, None)
    axis.legend()
axes[0].set_ylabel("loss of the label's word (nats)")
plt.show()

# %%
print(f"{'':<8}{'':<12}{'accuracy':>9}{'learn':>10}{'kept':>8}{'ms a step':>11}")
for name, task in known.items():
    for baseline, score in tasks.baselines(task).items():
        print(f"{name:<8}{baseline.replace('_', ' '):<12}{score:>9.3f}")
    for (task_name, method), (_, result) in live.items():
        if task_name != name:
            continue
        pace = f"{1000 * result['seconds'] / settings.steps:.0f}" if result["seconds"] else "-"
        line = f"{name:<8}{method:<12}{result['accuracy']:>9.3f}{result['trainable']:>10,}"
        print(f"{line}{result['kept']:>8,}{pace:>11}")
error = (0.25 / len(known["likes"].validation)) ** 0.5
print(f"one standard error of such an accuracy is at most {error:.3f}")

# %% [markdown]
# Compare three things:
#
# * **Accuracy**, first with the baselines and then with each other. A difference below two standard
#   errors may be chance.
# * **What is kept.** For each task the whole prompt is a page of numbers, and LoRA a booklet. The
#   model itself is there once, for all tasks.
# * **Time.** Few numbers learn, but a step is not that much shorter. To reach the prompt or the
#   A and B of block 0, the gradient has to come back through the whole model. What is saved is
#   memory: the optimizer's two numbers for each weight that learns.
#
# ## 13.10 Can you read it?
#
# The learned vectors stand where words stood. Are they words? Here are the nearest tokens to each,
# by lab 03's `nearest_tokens`. Beside them stands the cosine, and for comparison how near a token
# has its nearest neighbour.

# %%
model, _ = live["kind", "prompt"]
prompt = np.asarray(model.encoder(keras.ops.arange(model.places)))
token_table = np.asarray(preset.embedding.token_embeddings)
directions = token_table / np.linalg.norm(token_table, axis=1, keepdims=True)
for place, vector in enumerate(prompt):
    # As if the vector were one more token, behind all others.
    extended = keras.ops.array(np.concatenate([token_table, vector[None]]))
    near = np.asarray(parts.nearest_tokens(extended, len(token_table), 4)).tolist()
    cosine = directions[near[0]] @ vector / np.linalg.norm(vector)
    where = "before" if place < settings.before else "behind"
    words = [tokenizer.decode([token]) for token in near]
    print(f"{where} the text: cosine {cosine:.2f} to {words}")
some = directions[np.random.default_rng(13).choice(len(directions), 200, replace=False)]
nearest = np.sort(some @ directions.T, axis=1)[:, -2]
print(f"a token and the token nearest to it: cosine {nearest.mean():.2f} on average")
lengths = [np.linalg.norm(rows, axis=1).mean() for rows in (prompt, token_table)]
print(f"length of the learned vectors {lengths[0]:.1f}, of the tokens {lengths[1]:.1f} on average")

# %% [markdown]
# Where the cosines are well below those between tokens, no word comes near these vectors: the
# prompt is not one that anybody could have typed. That is its strength, and it is why nobody can
# read what it says.
#
# ## 13.11 One plain model again
#
# Put the trained A and B back into the kernels, with your `merge_lora`, into a copy of the preset.
# It must say what the model with LoRA says.

# %%
adapted = live["likes", "LoRA 4"][0].gpt
merged = finetuning.clone_gpt(preset)
for plain, block in zip(merged.blocks, adapted.blocks, strict=True):
    lora = block.attention.qkv
    kernel = merge_lora(lora.dense.kernel, lora.lora_a, lora.lora_b, lora.alpha)
    plain.attention.qkv.kernel.assign(kernel)
task = known["likes"]
tokens, _, _ = tuning.rows_of(task, task.validation[:32], tokenizer, settings, "zero-shot")
gpts = {"preset": preset, "LoRA": adapted, "merged": merged}
logits = {name: np.asarray(gpt(tokens)) for name, gpt in gpts.items()}
for name in ("preset", "merged"):
    gap = np.abs(logits[name] - logits["LoRA"]).max()
    print(f"{name:<7} against LoRA: largest difference of a logit {gap:.1e}")
for name, gpt in gpts.items():
    seconds = min(timeit.repeat(lambda gpt=gpt: gpt(tokens), number=1, repeat=5))
    print(f"{name:<7} {gpt.count_params():,} parameters, {1000 * seconds:.0f} ms for 32 texts")

# %% [markdown]
# ## 13.12 All ways, from the table
#
# One seed is an anecdote (lab 10). From here on nothing is trained: what you see is read from
# `datasets/tuning.json`, with nine ways, two tasks and several seeds. The cell prints the command
# that made it. A seed decides the new weights, the order of the examples, and which solved examples
# "few-shot" shows.
#
# * **zero-shot**, **few-shot**: frozen, with your `build_prompt` of lab 12 and no or eight solved
#   examples.
# * **vectors alone**: a learned prompt without your encoder.
# * **LoRA 1, 4, 16**: the number is the rank.
# * **last block**: your `freeze` of lab 10 holds all else still.
# * **everything**: lab 09's fine-tuning, but with the label's word in place of a new head.
#
# Each way has a learning rate of its own (`tuning.METHODS`), found by a few tries with a seed that
# is not in the table. A longer search might move each of the points.

# %%
table = tables.read("tuning")
results = table["results"]
print(f"the table was made by: {table['command']}")
print(f"its preset has {table['parameters']:,} parameters, yours {preset.count_params():,}")
names = list(dict.fromkeys(result["cell"]["task"] for result in results))
shown = [m for m in tuning.METHODS if any(r["cell"]["method"] == m for r in results)]


def scores_of(task, method, what="accuracy"):
    """Returns a number of each seed's result, the seeds in their order; none where it never ran."""
    found = ablation.scores(results, {"task": task, "method": method})
    return np.array([score[what] for score in found.values()])


print(f"\n{'':<16}{'learn':>10}{'kept':>11}" + "".join(f"{name:>22}" for name in names))
for method in shown:
    one = next(r["score"] for r in results if r["cell"]["method"] == method)
    line = f"{method:<16}{one['trainable']:>10,}{one['kept']:>11,}"
    for name in names:
        scores = scores_of(name, method)
        if len(scores):
            line += f"{f'{scores.mean():.3f} ({scores.min():.3f}-{scores.max():.3f})':>22}"
    print(line)

# %%
size = (6.2 * len(names), 4.6)
figure, axes = plt.subplots(1, len(names), figsize=size, sharey=True, layout="constrained")
marks = ("k:", "k--", "C0v", "C0o", "C1s", "C1D", "C1^", "C2P", "C3*")
styles = dict(zip(tuning.METHODS, marks, strict=True))
for axis, name in zip(axes, names, strict=True):
    for method in shown:
        scores, style = scores_of(name, method), styles[method]
        if not len(scores):
            continue
        middle = scores.mean()
        if tuning.METHODS[method] is None:
            axis.axhline(middle, color="k", linestyle=style[1:], label=f"{method} (0 learn)")
            continue
        count, kept = (scores_of(name, method, what)[0] for what in ("trainable", "kept"))
        bars = [[middle - scores.min()], [scores.max() - middle]]
        axis.errorbar(count, middle, bars, fmt=style, capsize=4, markersize=8, label=method)
        if kept != count:
            axis.plot([kept, count], [middle, middle], "C0:", linewidth=1)
            axis.plot(kept, middle, style, markersize=8, fillstyle="none")
    axis.set(xscale="log", xlabel="parameters that learn (hollow: that are kept)", title=name)
axes[0].set_ylabel("accuracy (share right)")
axes[0].set_ylim(0, 1.05)
figure.legend(*axes[-1].get_legend_handles_labels(), loc="outside right center")
seeds = {result["cell"]["seed"] for result in results}
figure.suptitle(f"Mean over seeds ({len(seeds)}); bars from the lowest to the highest")
plt.show()

# %% [markdown]
# And are the differences more than luck? Pair by seed, as in lab 10, with your `paired_interval`.

# %%
for name in names if len(seeds) > 1 else ():
    for first, second in (
        ("prompt", "few-shot"),
        ("prompt", "vectors alone"),
        ("LoRA 4", "prompt"),
        ("LoRA 4", "everything"),
        ("LoRA 16", "LoRA 1"),
    ):
        scores = [scores_of(name, method) for method in (first, second)]
        gap, margin = parts.paired_interval(*scores)
        verdict = "may be chance" if abs(gap) <= margin else ""
        print(f"{name:<8}{f'{first} - {second}':<26}{gap:+.3f} ± {margin:.3f}  {verdict}")

# %% [markdown]
# How to read it:
#
# * **"kind"**: with a prompt written by hand the frozen model gets few right, with solved examples
#   too. Every way that learns gets all or nearly all, about things that stood in no training
#   example. So the knowledge was in the model, and the question was at fault. The smallest way, six
#   vectors, is enough to ask it rightly.
# * **"likes"**: here a learned prompt hardly does better than guessing, and LoRA does. A prompt can
#   only call up what the frozen blocks can do with a text. To see whether a word praises, and to
#   hold that against a second sentence, something inside has to change. LoRA shows how little: rank
#   4 trains less than a hundredth of what "everything" does.
# * **More is not better.** Look where "everything" stands, and at the length of its bar. With so
#   few examples it can learn the training words by heart, and what the preset knew about other
#   words goes under.
# * The three LoRA points and the last lines of the table above: does the rank matter here?
#
# Two things keep this from being the last word on prompts. In 13.9 the prompt's loss on "likes"
# was still falling when training ended. And the model is small: Lester et al. (2021, "The Power of
# Scale for Parameter-Efficient Prompt Tuning") find that learned prompts come close to fine-tuning
# in large models and fall behind in small ones. This one is smaller than all of theirs.
#
# ## 13.13 A real set, where it is on your disk
#
# With `GPT_TF_DATA` set, the next cell does the same on SST-2: film reviews, good or bad. The
# Korean course from which this lab takes P-tuning did it on NSMC with a GPT that reads Korean. The
# preset reads English only, so NSMC would tell you nothing about the methods.

# %%
if os.environ.get("GPT_TF_DATA"):
    real = tuning.tasks_of(dataclasses.replace(settings, data="real"))[-1]
    scores = tasks.baselines(real)
    for method in ("LoRA 4",) if short() else ("zero-shot", "prompt", "LoRA 4"):
        _, result = tuning.teach(preset, real, tokenizer, method, settings)
        scores[method] = result["accuracy"]
    for name, score in scores.items():
        print(f"{real.name}  {name.replace('_', ' '):<14}{score:.3f}")
else:
    print("GPT_TF_DATA is not set: no real set here.")

# %% [markdown]
# A small model that has read five megabytes knows little about films. Beside the bag of words you
# see what there is to be had from 480 examples.
#
# ## 13.14 Questions
#
# 1. The prompt of this lab stands before **and** behind the text. What can the vectors in front do
#    that those behind cannot, in a model with a causal mask? Set `before` or `behind` to 0 in
#    `tuning.Settings` and try.
# 2. You merge LoRA for task A into the kernels, then train LoRA for task B on top and merge it,
#    too. What becomes of task A? And how do you get back to the preset?
# 3. A hundred users want a hundred tasks in **one** batch. Which of the ways in the plot can do
#    that, without a hundred models?
#
# ## What you know now
#
# * A prompt need not be words. Its vectors can be learned while the model holds still, and an
#   encoder that makes them is thrown away afterwards.
# * LoRA learns a product of two thin matrices beside a kernel that holds still. B starts at zero,
#   alpha / r sets its size, and in the end it can be merged.
# * "How many learn" and "how many are kept" are two numbers. Neither is the time that a step takes.
