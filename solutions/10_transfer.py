# %% [markdown]
# # Lab 10 · Transfer
#
# Lab 09 fine-tuned a GPT. Does pre-training help? That sounds like one question with one answer.
# It is many. A pre-trained model is embeddings, and a pile of blocks, and a body of habits from
# reading; fine-tuning adds a second loss. Each of these can be taken away on its own, and then you
# see what it was worth. Taking things away to see what they were worth is called an **ablation**.
#
# GPT-1's section 5 does it three times. It carries over only the first blocks of the pre-trained
# model (figure 2, left). It asks the model about tasks that it was never trained on, again and
# again while it reads (figure 2, right). And it leaves out pre-training, or the auxiliary loss, or
# the Transformer itself (table 5).
#
# You build the tools for all three, then you run them at our size. The last tool matters most: it
# says whether a difference is one, or chance.

# %%
import dataclasses

import keras
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from gpt_tf import ablation, finetuning, presets, tables, tasks, transfer, zero_shot

# %% [markdown]
# ## 10.1 Carry some of it over
#
# Take two GPTs of the same shape. One has read a lot, the other is fresh. Copy a part of the first
# into the second, and fine-tune the second: what it then does better than a fresh one, it owes to
# that part.
#
# Which parts can be copied? Block 3 has learned to work on what block 2 gives. On top of a fresh
# block 2 it would find nothing that it knows. So you copy from the bottom up: the embeddings, then
# block 0, then block 1, and so on.
#
# The final norm belongs to the last block. It comes over when all the blocks do, and then the two
# models are the same.
#
# Copy the **values**, not the layers. `layer.get_weights()` and `layer.set_weights(...)` do that.
# If both models held the same layer, fine-tuning one would change the other.


# %% exercise="lab10.transfer_blocks" points=4 minutes=15 difficulty=2
def transfer_blocks(source, target, num_blocks):
    """Copies the embeddings and the first blocks of one GPT into another (GPT-1, section 5).

    Args:
        source: `parts.GPT` with weights, see lab 06; it stays as it is.
        target: `parts.GPT` with weights, of the same shape; its further blocks stay as they are.
        num_blocks: int, number of blocks; with 0 the embeddings (tokens and positions) come alone,
            with all blocks the final norm comes, too, where the model has one.

    Raises:
        ValueError: num_blocks is negative or more than there are, or the two models have different
            shapes. The target then keeps the weights that it had.

    Example:
        >>> transfer_blocks(pretrained, fresh, num_blocks=2)
    """
    ### BEGIN SOLUTION
    if not 0 <= num_blocks <= len(source.blocks):
        raise ValueError(f"num_blocks is {num_blocks}; the source has {len(source.blocks)} blocks.")
    if [w.shape for w in source.weights] != [w.shape for w in target.weights]:
        raise ValueError("The two models have different shapes; make both with one configuration.")
    pairs = [(source.embedding, target.embedding)]
    pairs += list(zip(source.blocks, target.blocks, strict=True))[:num_blocks]
    if num_blocks == len(source.blocks) and source.final_norm is not None:
        pairs.append((source.final_norm, target.final_norm))
    for trained, fresh in pairs:
        fresh.set_weights(trained.get_weights())
    ### END SOLUTION


# %%
check("lab10.transfer_blocks")

# %% [markdown]
# ## 10.2 Hold it still
#
# There is a second way to ask what a block knows: do not let it learn any more. If the task can be
# solved by training only what lies above, the block below had what it takes.
#
# In Keras a layer learns unless its `trainable` is False. Setting it for a layer sets it for all
# that is inside. Two things to mind:
#
# * `compile` looks at `trainable` once. So freeze first, compile afterwards. `finetune` does.
# * The function should say of **every** part whether it learns. Then you can call it again with
#   another number, and nothing is left over from the last call. `model.trainable = True` is no way
#   to let go of everything: the model's own flag was True all along, and setting an attribute to
#   the value that it has does nothing.


# %% exercise="lab10.freeze" points=3 minutes=10 difficulty=1
def freeze(model, num_blocks):
    """Lets everything in a GPT learn but its embeddings and its first blocks.

    Args:
        model: `parts.GPT` with weights.
        num_blocks: int, number of blocks that are frozen, with the embeddings below them; 0 freezes
            the embeddings alone. None freezes nothing. The final norm always learns.

    Raises:
        ValueError: num_blocks is negative or more than there are.

    Example:
        >>> freeze(model, 2)
        >>> model.embedding.trainable, [block.trainable for block in model.blocks]
        (False, [False, False, True, True])
    """
    ### BEGIN SOLUTION
    frozen = -1 if num_blocks is None else num_blocks
    if num_blocks is not None and not 0 <= num_blocks <= len(model.blocks):
        raise ValueError(f"num_blocks is {num_blocks}; the model has {len(model.blocks)} blocks.")
    model.embedding.trainable = frozen < 0
    for index, block in enumerate(model.blocks):
        block.trainable = index >= frozen
    ### END SOLUTION


# %%
check("lab10.freeze")

# %% [markdown]
# ## 10.3 Ask it before you teach it
#
# Why does pre-training help at all? GPT-1's guess: to predict the next word well, a model must
# learn to do some of the tasks on the way. If so, it can do them **before** it is fine-tuned, and
# better the longer it has read.
#
# To find out, put the task so that the next word answers it. For the sentiment of a review GPT-1
# appends the word "very" and looks at two words only: is "positive" more likely to come next, or
# "negative"? All other words are left out of account.
#
# Two things go wrong easily:
#
# * The texts of a batch are padded at their ends. What the model says after a text stands at that
#   text's last token. Behind it there is only padding.
# * Leave the other words out **before** the softmax. The label words may have tiny chances; divided
#   by each other afterwards, these may be 0 / 0.


# %% exercise="lab10.label_word_probabilities" points=4 minutes=15 difficulty=2
def label_word_probabilities(logits, lengths, label_ids):
    """Says how likely each label's word comes next, among these words only (GPT-1, section 5).

    Args:
        logits: float tensor of shape (batch, T, vocabulary_size), what the model says at each
            position about the token after it. Rows are padded at their ends.
        lengths: int tensor of shape (batch,), number of tokens of each text without its padding,
            1 to T.
        label_ids: int tensor of shape (batch, classes), the token of each label's word; each row
            may have words of its own.

    Returns:
        Float tensor of shape (batch, classes); each row sums to 1.

    Example:
        >>> logits = keras.ops.array([[[0.0, 5.0, 0.0], [1.0, 9.0, 1.0], [7.0, 0.0, 0.0]]])
        >>> label_word_probabilities(logits, keras.ops.array([2]), keras.ops.array([[0, 2]]))
        [[0.5, 0.5]]
    """
    ### BEGIN SOLUTION
    last = keras.ops.take_along_axis(logits, lengths[:, None, None] - 1, axis=1)[:, 0]
    return keras.ops.softmax(keras.ops.take_along_axis(last, label_ids, axis=1), axis=-1)
    ### END SOLUTION


# %%
check("lab10.label_word_probabilities")

# %% [markdown]
# ## 10.4 One thing at a time
#
# An ablation compares a **base** with changed versions of it. Each version differs from the base in
# one thing, so a difference in the score has one cause. Change two things at once, and you know the
# sum of two effects and neither of them.
#
# One run of one version with one seed is a **cell**. A dict says all about it: the settings, and
# the seed.
#
# In which order? All versions with the first seed, then all with the second. If you have to stop
# after an hour, you have whole comparisons with few seeds. The other way round you would have a
# well-measured base and nothing to compare it with.


# %% exercise="lab10.ablation_grid" points=3 minutes=15 difficulty=2
def ablation_grid(base, changes, seeds):
    """Lists the cells of an ablation: base and versions of it, each with each seed.

    Args:
        base: dict {setting: value}; it stays as it is.
        changes: dict {name: {setting: value}}, for each version the one setting that it changes.
        seeds: list of int.

    Returns:
        List of dicts, each with the base's settings and "seed". Seed by seed: first the base, then
        the versions in their order.

    Raises:
        ValueError: a version changes no setting or several, a setting that the base does not have,
            or a setting to the value that it has in the base.

    Example:
        >>> ablation_grid({"blocks": 4, "lambda": 0.5}, {"no LM": {"lambda": 0.0}}, seeds=[7])
        [{"blocks": 4, "lambda": 0.5, "seed": 7}, {"blocks": 4, "lambda": 0.0, "seed": 7}]
    """
    ### BEGIN SOLUTION
    for name, change in changes.items():
        if len(change) != 1:
            raise ValueError(f"{name!r} changes {len(change)} settings; change one at a time.")
        for setting, value in change.items():
            if setting not in base:
                known = ", ".join(base)
                raise ValueError(f"{name!r}: the base has no setting {setting!r}; it has {known}.")
            if base[setting] == value:
                raise ValueError(f"{name!r}: {setting} is {value!r} in the base already.")
    versions = [base, *(base | change for change in changes.values())]
    return [version | {"seed": seed} for seed in seeds for version in versions]
    ### END SOLUTION


# %%
check("lab10.ablation_grid")

# %% [markdown]
# ## 10.5 What is done is done
#
# A grid of twenty cells runs for an hour. The laptop sleeps, the session ends, a cell fails. Then
# nothing that was measured may be measured again. And tomorrow you add a seed, and only that seed
# should run.
#
# So before anything runs, you look at what is there. A result belongs to a cell if **all** settings
# are the same, the seed too. Not if they merely stand at the same place in the list: the list may
# have changed. And not if the result lacks a setting that the cell has: when it was measured,
# nobody thought of that setting, and it may have had any value.
#
# `gpt_tf.ablation.run` calls your function. It then measures what is left, with a bar, and writes
# each result under its own name when it is whole.


# %% exercise="lab10.cells_to_run" points=3 minutes=10 difficulty=1
def cells_to_run(cells, results):
    """Lists the cells that have no result yet.

    Args:
        cells: list of dicts, as `ablation_grid` makes them; two grids may share some.
        results: list of dicts {"cell": dict, "score": ...}, in any order; there may be results of
            cells that are not asked for.

    Returns:
        List of dicts, the cells without a result, in their order, each once.

    Example:
        >>> cells = [{"blocks": 0, "seed": 1}, {"blocks": 4, "seed": 1}]
        >>> cells_to_run(cells, [{"cell": {"seed": 1, "blocks": 0}, "score": 0.7}])
        [{"blocks": 4, "seed": 1}]
    """
    ### BEGIN SOLUTION
    done = [result["cell"] for result in results]
    left = []
    for cell in cells:
        if cell not in done and cell not in left:
            left.append(cell)
    return left
    ### END SOLUTION


# %%
check("lab10.cells_to_run")

# %% [markdown]
# ## 10.6 A difference, and how sure you are of it
#
# Base: 0.81, 0.74, 0.78. Without the auxiliary loss: 0.79, 0.73, 0.75. Is the second one worse? The
# two sets overlap. But look at them pair by pair: with each seed it is worse, by about the same.
#
# A seed decides the start, the order of the examples, and dropout. Good luck with a seed is good
# luck for both versions. So you take the difference **for each seed**, and the luck cancels. That
# is a paired comparison.
#
# You have n differences, and you want to know their mean. It would come out otherwise with other
# seeds. By how much? The standard error of a mean is s / sqrt(n), where s is the standard
# deviation, with n - 1 below the fraction line, since the mean itself was taken from the same
# numbers.
#
# If you knew the true spread, 1.96 standard errors to each side would do for 95%. You don't: you
# estimated it from a handful of numbers. **Student's t** makes up for that. With three seeds it
# takes 4.30 standard errors; `stats.t.ppf` knows. If 0 lies inside the interval, the difference may
# be chance.


# %% exercise="lab10.paired_interval" points=4 minutes=20 difficulty=2
def paired_interval(changed, base, confidence=0.95):
    """Estimates a mean difference over seeds, with its confidence interval.

    Args:
        changed: list of float, the changed version's score with each seed.
        base: list of float, the base's scores with the same seeds, in the same order.
        confidence: float between 0 and 1, how often such an interval holds the true difference.

    Returns:
        (difference, margin): floats, the mean of changed - base, and half the width of its interval
        by Student's t; the interval is difference - margin to difference + margin.

    Raises:
        ValueError: different numbers of scores, or fewer than two seeds.

    Example:
        >>> paired_interval([0.79, 0.73, 0.75], [0.81, 0.74, 0.78])
        (-0.02, 0.0248)
    """
    ### BEGIN SOLUTION
    if len(changed) != len(base) or len(base) < 2:
        raise ValueError(
            f"{len(changed)} and {len(base)} scores: give one of each for at least two seeds."
        )
    differences = np.asarray(changed, "float64") - np.asarray(base, "float64")
    standard_error = differences.std(ddof=1) / len(differences) ** 0.5
    quantile = stats.t.ppf((1 + confidence) / 2, df=len(differences) - 1)
    return float(differences.mean()), float(quantile * standard_error)
    ### END SOLUTION


# %%
check("lab10.paired_interval")

# %% [markdown]
# ## 10.7 What is live and what is drawn from a table
#
# A difference with an error bar needs several seeds, several tasks and several models. That is more
# than you want to wait for in a notebook. So each experiment below has two halves:
#
# * **Live**: a small piece of it runs here, with one seed, through your functions.
# * **From the table**: `datasets/transfer.json` holds all results of a longer run. The cell below
#   prints the command that made it. Run it yourself if you like; it shows its progress, and
#   stopped, it goes on where it was. What you read off the table is computed here, by your
#   `paired_interval`.
#
# The pre-trained model to start from is the course's preset. Write `presets.load("mine")` for yours
# from lab 07, or the name of a folder.

# %%
table = tables.read("transfer")
settings = transfer.Settings(**table["settings"])
preset, tokenizer = presets.load()
total = len(preset.blocks)
print(f"the table was made by: {table['command']}")
print(
    f"preset: {preset.count_params():,} parameters in {total} blocks here, "
    f"{table['preset']['parameters']:,} in {table['preset']['blocks']} blocks in the table"
)

# %% [markdown]
# ## 10.8 Live: how much must come over?
#
# The task is opinions from the course's little world: is a word one of praise or of blame? The
# validation examples have words that no training example has, such as "splendid". Whoever knows
# them has read them somewhere.
#
# Each run makes a fresh GPT, carries something over into it with your `transfer_blocks`, and
# fine-tunes it. Four versions: nothing, the embeddings, half of the blocks, all of it. In the last
# one everything came over and your `freeze` holds it still, so only the final norm and the new head
# can learn.

# %%
easy = zero_shot.easy_tasks(*(16, 16) if short() else (settings.examples, settings.validation))
opinions = next(task for task in easy if task.name == "sentiment")
for example in (*opinions.train[:2], *opinions.validation[:2]):
    print(f"{opinions.labels[example.label]:<6} {example.texts[0]}")

# %%
how = settings.fine_tuning(preset=True)
how = dataclasses.replace(how, epochs=1 if short() else how.epochs)
base = {"blocks": total, "frozen": None}
changes = {
    "nothing": {"blocks": None},
    "embeddings": {"blocks": 0},
    "half of the blocks": {"blocks": total // 2},
    "all, and frozen": {"frozen": total},
}


def fine_tune_blocks(cell):
    """Returns the accuracy of one cell."""
    model = transfer.with_blocks(preset, cell["blocks"], cell["frozen"], cell["seed"])
    return finetuning.finetune(model, opinions, tokenizer, how, cell["seed"], "one cell")["score"]


cells = ablation_grid(base, changes, seeds=[0])
live = ablation.run(cells[:1] if short() else cells, fine_tune_blocks)

# %%
baselines = tasks.baselines(opinions)
print(f"{'majority':<22}{baselines['majority']:.3f}")
print(f"{'bag of words':<22}{baselines['bag_of_words']:.3f}")
for name, change in {**changes, "all of it": {}}.items():
    for score in ablation.scores(live, base | change).values():
        print(f"{name:<22}{score:.3f}")
error = (0.25 / len(opinions.validation)) ** 0.5
print(f"one standard error of such an accuracy is at most {error:.3f}")

# %% [markdown]
# One run each. What you would like to believe about these numbers, you cannot: another seed might
# turn two of them round. Now the same with all numbers of blocks, several seeds and at least two
# tasks, from the table.
#
# The bars are 95% intervals of the **mean** over the seeds, by Student's t. The grey line is the
# majority's score.


# %%
def mean_and_margin(scores):
    """Returns the mean of scores over seeds and half the width of its interval."""
    return paired_interval(scores, [0.0] * len(scores))


def points_of(results, versions, base):
    """Returns arrays (means, margins), one entry for each version."""
    found = [list(ablation.scores(results, base | version).values()) for version in versions]
    return np.array([mean_and_margin(scores) for scores in found]).T


by_blocks = table["results"]["blocks"]
depth = table["preset"]["blocks"]
names = list(dict.fromkeys(result["cell"]["task"] for result in by_blocks))
figure, axes = plt.subplots(1, 2, figsize=(12, 4.2), sharey=True, layout="constrained")
for name in names:
    base = transfer.blocks_base(name, depth)
    carried = [*transfer.carried(depth).values(), {}]
    frozen = [{}, *transfer.frozen(depth).values()]
    for axis, versions in zip(axes, (carried, frozen), strict=True):
        means, margins = points_of(by_blocks, versions, base)
        axis.errorbar(range(len(versions)), means, margins, fmt="o-", capsize=3, label=name)
axes[0].set_xticks(range(depth + 2), ["nothing", "embed-\ndings", *range(1, depth + 1)])
axes[0].set(xlabel="blocks carried over (all of it learns)", ylabel="accuracy (share right)")
counts = [change["frozen"] for change in transfer.frozen(depth).values()]
axes[1].set_xticks(range(len(counts) + 1), ["nothing", "embed-\ndings", *counts[1:]])
axes[1].set(xlabel="blocks frozen, and the embeddings (all of it came over)")
axes[0].set_ylim(-0.03, 1.03)  # an interval of few seeds can reach further than a share can
axes[0].set_title("Carrying over (GPT-1, figure 2, left)")
axes[1].set_title("Freezing")
axes[0].legend()
plt.show()

# %% [markdown]
# Look at it point by point, and let the intervals speak. The next cell takes each step of the left
# picture, one block more each time, and asks whether it may be chance.

# %%
steps = transfer.carried(depth) | {f"{depth} blocks": {"blocks": depth}}
print(f"{'':<26}" + "".join(f"{name:>26}" for name in names))
for before, after in zip(list(steps), list(steps)[1:], strict=False):
    line = f"{f'{before} -> {after}':<26}"
    for name in names:
        base = transfer.blocks_base(name, depth) | steps[before]
        gain, margin = ablation.difference(by_blocks, base, steps[after])
        verdict = "chance?" if abs(gain) <= margin else ""
        line += f"{f'{gain:+.3f} ± {margin:.3f} {verdict:7}':>26}"
    print(line)

# %% [markdown]
# GPT-1 found that "each transformer layer provides further benefits", up to 9 points on MultiNLI.
# Count your own table's steps up that are not marked. Where most of the gain comes with the first
# blocks, the task needs what these blocks know: what words mean in their sentence. Later blocks
# know more about which word comes next, and a task may have no use for that.
#
# In the right picture nothing below the frozen blocks can adapt. A curve that stays level says that
# the frozen part had what the task needs, and that you could have trained with a fraction of the
# memory. Lab 13 makes use of that.

# %% [markdown]
# ## 10.9 Live: what it can do before it is taught
#
# Now a small GPT that starts from nothing and reads the world's passages. At a few steps it stops
# and is asked four sets of questions. Each ends where one word decides. Nothing is trained on them;
# your `label_word_probabilities` reads the answer off.

# %%
asked = zero_shot.questions(settings.questions)
for q in asked:
    print(f"{q.name:<10} {len(q.prompts)} questions, chance {q.chance:.2f}")
    print(f"    {q.prompts[0]!r} -> {' or '.join(q.words[0])}: {q.words[0][q.answers[0]]}")

# %%
small = dataclasses.replace(
    settings.shortened() if short() else settings,
    documents=300 if short() else 6000,
    steps=6 if short() else 900,
    checkpoints=(0, 3, 6) if short() else (0, 100, 200, 400, 600, 900),
)
text = transfer.small_text(small)
config = transfer.small_config(small, text[0])
small_gpt = transfer.new_model("GPT", config, seed=0)
skill = transfer.read_and_ask(small_gpt, *text, small, "GPT", seed=0)

# %% [markdown]
# Left: this run. Right: the same from the table, with a larger model that reads longer, several
# seeds, and beside it an **LSTM** with as many parameters as the GPT's blocks that reads the same
# text in the same order (`gpt_tf/lstm.py`; GPT-1 did the same).
#
# To lay several tasks over each other, each is put between chance (0) and all right (1), as in
# GPT-1's figure. The curve is the mean over the four sets. Bars are 95% intervals over the seeds.


# %%
def skills(answers, asked):
    """Returns {set: relative skill at each checkpoint} of {set: accuracies}, and their mean."""
    found = {q.name: transfer.relative(answers[q.name], q.chance) for q in asked}
    return found | {"mean": np.mean(list(found.values()), axis=0)}


by_model = {
    kind: [
        skills(answers, asked)
        for answers in ablation.scores(table["results"]["zero-shot"], {"model": kind}).values()
    ]
    for kind in ("GPT", "LSTM")
}
figure, axes = plt.subplots(1, 3, figsize=(15, 4.2), layout="constrained")
for name, curve in skills(skill, asked).items():
    style = "k-" if name == "mean" else "o--"
    axes[0].plot(small.checkpoints, curve, style, label=name)
for kind, style in (("GPT", "o-"), ("LSTM", "s--")):
    curves = np.array([run["mean"] for run in by_model[kind]])
    means, margins = np.array([mean_and_margin(list(column)) for column in curves.T]).T
    axes[1].errorbar(settings.checkpoints, means, margins, fmt=style, capsize=3, label=kind)
    last = [[run[q.name][-1] for run in by_model[kind]] for q in asked]
    means, margins = np.array([mean_and_margin(scores) for scores in last]).T
    shift = -0.1 if kind == "GPT" else 0.1
    places = np.arange(len(asked)) + shift
    axes[2].errorbar(places, means, margins, fmt=style[0], capsize=3, label=kind)
for axis, title in zip(axes, ("live: one small GPT", "table: mean of the four sets"), strict=False):
    axis.set_xscale("symlog", linthresh=100)
    axis.set(xlabel="pre-training steps (updates)", title=title)
axes[2].set_xticks(range(len(asked)), [q.name for q in asked])
axes[2].set_title("table: each set after the last step")
for axis in axes:
    axis.axhline(0, color="gray", linestyle=":")
    axis.set_ylabel("relative skill (0 chance, 1 all right)")
    axis.legend()
plt.show()

# %%
seeds = len(by_model["GPT"])
print(f"GPT - LSTM after {settings.checkpoints[-1]:,} steps, over {seeds} seeds:")
for name in [*(q.name for q in asked), "mean"]:
    gpt, lstm = ([run[name][-1] for run in by_model[kind]] for kind in ("GPT", "LSTM"))
    lead, margin = paired_interval(gpt, lstm)
    print(f"{name:<10} {lead:+.3f} ± {margin:.3f}  {'chance?' if abs(lead) <= margin else ''}")

# %% [markdown]
# How to read the three pictures:
#
# * At step 0 all is chance, up to luck: a skill of 0.1 or -0.1 on two hundred questions is nothing.
# * The sets are learned one after another, not together. "Kind" and "word" are one fact about one
#   word. "Reading" asks for a person who was named further up: something has to look back, and to
#   know that "praised" and "commended" are the same. A set that stays at chance is a result, too:
#   this model, in this time, has not learned it.
# * GPT-1 found that its Transformer's skill rose steadily and that the LSTM's varied more between
#   runs. Compare the lengths of the bars, and the table below the picture, with that.
#
# ## 10.10 Live: one column of table 5
#
# Pre-training, the auxiliary loss: each is taken away alone. The small GPT that you have just
# trained is the base. One seed, one task, the same opinions as above.

# %%
how = settings.fine_tuning()
base = transfer.ablation_base(opinions.name)
changes = {name: change for name, change in transfer.CHANGES.items() if name != "LSTM"}


def fine_tune_small(cell):
    """Returns the accuracy of one cell."""
    gpt = small_gpt if cell["pretrained"] else transfer.new_model("GPT", config, cell["seed"])
    weighted = dataclasses.replace(how, language_weight=cell["language_weight"])
    return finetuning.finetune(gpt, opinions, text[0], weighted, cell["seed"], "one cell")["score"]


cells = ablation_grid(base, changes, seeds=[0])
live = ablation.run(cells[:1] if short() else cells, fine_tune_small)
for name, change in {"full": {}, **changes}.items():
    for score in ablation.scores(live, base | change).values():
        print(f"{name:<18}{score:.3f}")

# %% [markdown]
# ## 10.11 Table 5, ours beside the paper's
#
# And the whole from the table: three tasks, all changes, several seeds. Each seed has a
# pre-training of its own. Beside our average stands the paper's, and beside the opinions its SST-2.
# It has no set that asks for kinds or pronouns. The paper prints one number for each set, with no
# error bars.

# %%
ablations = table["results"]["ablations"]
names = list(dict.fromkeys(result["cell"]["task"] for result in ablations))
gains = {}  # {(change, task): the difference in points, for each seed}
for name, change in transfer.CHANGES.items():
    for task in names:
        base = transfer.ablation_base(task)
        before, after = (ablation.scores(ablations, base | c) for c in ({}, change))
        gains[name, task] = [100 * (after[seed] - before[seed]) for seed in before]
    gains[name, "average"] = np.mean([gains[name, task] for task in names], axis=0).tolist()

print(f"{'':<18}{'':<12}{'ours (points)':>17}{'paper':>18}")
verdicts = []  # (may be chance, same sign as the paper's)
for (name, task), values in gains.items():
    ours, margin = mean_and_margin(values)
    chance, paper, said = abs(ours) <= margin, "", ""
    if task in transfer.PAPER_SET:
        column = transfer.PAPER_SETS.index(transfer.PAPER_SET[task])
        theirs = transfer.PAPER[name][column] - transfer.PAPER["full"][column]
        paper, said = f"{theirs:+.1f} {transfer.PAPER_SET[task]}", "other sign"
        said = "same sign" if ours * theirs > 0 else said
        verdicts.append((chance, said == "same sign"))
    said = f"{said}, may be chance" if chance and said else "may be chance" if chance else said
    print(f"{name:<18}{task:<12}{ours:>+8.1f} ± {margin:<6.1f}{paper:>18}   {said}")

# %%
clear = [same for chance, same in verdicts if not chance]
print(f"{len(verdicts)} differences have one of the paper beside them.")
print(f"{len(verdicts) - len(clear)} of these may be chance.")
print(
    f"Of the other {len(clear)}, {sum(clear)} have the paper's sign and {clear.count(False)} not."
)
for task in names:
    scores = list(ablation.scores(ablations, transfer.ablation_base(task)).values())
    mean, margin = mean_and_margin(scores)
    print(f"full model, {task}: {100 * mean:.1f} ± {100 * margin:.1f}")

# %% [markdown]
# Four things to bear in mind before you draw a conclusion from the table:
#
# * **The tasks are easy.** They were made so that a model of this size can learn them, and so that
#   only reading tells what the validation examples ask. "No pre-training" has to lose here. How
#   much it loses on a real set, the paper can tell you, and this table cannot.
# * **"May be chance" is not "no effect".** It says that with so many seeds you cannot tell. Three
#   seeds make wide intervals: t is 4.30. Ten seeds would make them less than half as wide.
# * **Many comparisons.** Of twenty intervals at 95%, one misses on average. A table of a dozen
#   differences should be read with that in mind.
# * **A task near chance shows nothing.** Look at the full model's scores in the last lines. Where
#   it has not learned the task, taking something away cannot hurt.
#
# The paper's own row "no auxiliary LM" is a lesson in this: its average is higher without the
# auxiliary loss, 75.0 against 74.7 (GPT-1, table 5). The paper reads a trend from the columns:
# "larger datasets benefit from the auxiliary objective but smaller datasets do not". Without error
# bars, how sure would you be?
#
# ## 10.12 Questions
#
# 1. You carry over all blocks but not the embeddings. What do you expect, and why does
#    `transfer_blocks` not offer it? Try it.
# 2. Your seeds change the start and the order of the examples. The validation examples are always
#    the same. What luck does your interval leave out of account?
# 3. "No pre-training" and "LSTM" change one setting each. Does each change one **thing**? Think of
#    learning rates that suit one model and not the other.
#
# ## What you know now
#
# * Pre-training is no single thing: embeddings and each block, the auxiliary loss and the kind of
#   network have a worth of their own, and an ablation measures one at a time.
# * Some of a task is learned by reading alone; label words at the end of a text show how much.
# * A grid has base, changes and seeds; it runs seed by seed, and what is done is done.
# * A difference without its interval is an anecdote. Pair by seed, use Student's t, and look
#   whether 0 lies inside.
