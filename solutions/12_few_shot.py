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
import collections
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

from gpt_tf import catalog, in_context, parts, presets, prompting, tables, tasks, zero_shot

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
# ## 12.2 Which examples?
#
# The examples have to come from somewhere: from the training set, at random. Draw them blindly, and
# of four examples all four may be positive. The model sees a pattern in that, too: the answer is
# always "Good".
#
# So draw a **balanced** choice: of each label as many as of any other, give or take one. Then mix
# them. In a prompt where all the good ones come last, "Good" is the last word that the model has
# read, and it tends to be said again.
#
# Fix the seed, or nobody will ever see your result again.


# %% exercise="lab12.balanced_examples" points=4 minutes=20 difficulty=2
def balanced_examples(labels, count, seed):
    """Draws the solved examples of a prompt, as evenly from the labels as they allow.

    Args:
        labels: list, the label of each example that there is.
        count: int, how many to draw.
        seed: int; equal seeds draw the same examples.

    Returns:
        List of `count` different int, places in `labels`, in random order. No label is drawn more
        than once more often than another one that still has examples left.

    Raises:
        ValueError: more examples than there are, or fewer than none.

    Example:
        >>> drawn = balanced_examples(["good", "good", "good", "bad"], count=2, seed=0)
        >>> sorted(["good", "good", "good", "bad"][i] for i in drawn)
        ['bad', 'good']
    """
    ### BEGIN SOLUTION
    if not 0 <= count <= len(labels):
        raise ValueError(f"{count} examples cannot be drawn from {len(labels)}.")
    dice = np.random.default_rng(seed)
    mixed = dice.permutation(len(labels)).tolist()
    drawn_before = collections.Counter()
    rounds = []
    for place in mixed:  # the first of each label, then the second of each, and so on
        rounds.append(drawn_before[labels[place]])
        drawn_before[labels[place]] += 1
    first = np.argsort(rounds, kind="stable")[:count]
    return dice.permutation([mixed[i] for i in first]).astype(int).tolist()
    ### END SOLUTION


# %%
check("lab12.balanced_examples")

# %% [markdown]
# ## 12.3 What the model would have said anyway
#
# Lab 11 scored answers by their likelihood. In a prompt with examples, one more thing distorts the
# scores: a model prefers some answers whatever the question is, because they are common words,
# because they came last, because they came often.
#
# You can measure that preference. Put a question that says nothing in the place of the real one,
# such as "N/A", and leave the rest of the prompt as it is. What the model answers now is its
# preference alone. Then divide it out:
#
# P(answer) is proportional to P(answer | prompt) / P(answer | prompt with "N/A" for a question)
#
# This is **contextual calibration** (Zhao et al. 2021, "Calibrate Before Use"; an extension, GPT-3
# does not do it). They take several questions that say nothing, and the mean of the probabilities.


# %% exercise="lab12.calibrated_probabilities" points=3 minutes=15 difficulty=2
def calibrated_probabilities(scores, blank_scores):
    """Divides out what the model answers to a question that says nothing (Zhao et al. 2021).

    Args:
        scores: float tensor of shape (n,), log P of each candidate after the prompt, in nats.
        blank_scores: float tensor of shape (m, n), the same for m prompts that differ in the query
            alone, which says nothing.

    Returns:
        Float tensor of shape (n,) that sums to 1. Among the candidates each prompt's probabilities
        sum to 1, too, before the mean over the m prompts is taken.

    Example:
        >>> calibrated_probabilities(np.log([0.6, 0.3]), np.log([[0.8, 0.1]]))
        [0.2, 0.8]
    """
    ### BEGIN SOLUTION
    scores, blank_scores = map(keras.ops.convert_to_tensor, (scores, blank_scores))
    anyway = keras.ops.mean(keras.ops.softmax(blank_scores, axis=-1), axis=0)
    weighted = keras.ops.softmax(scores) / anyway
    return weighted / keras.ops.sum(weighted)
    ### END SOLUTION


# %%
check("lab12.calibrated_probabilities")

# %% [markdown]
# ## 12.4 A sequence of examples
#
# Can a small model learn from examples at all? GPT-3 was not trained for it: its text happens to
# hold passages in which a pattern repeats. A small model on two cores will not find enough of them.
# So at the end of this lab you train on text that has nothing else: sequences of examples, each
# sequence from a task that was drawn for it alone.
#
# The tasks speak in symbols. An input is one symbol or a few, an output is one symbol, and a mark
# ends each example. It does what the end of a line does in a prompt:
#
# a → q, b → z, a → q, ... becomes a q ; b z ; a q ; ...


# %% exercise="lab12.task_rows" points=2 minutes=10 difficulty=1
def task_rows(inputs, outputs, mark):
    """Writes examples one behind the other: input, output, mark, input, output, mark, ...

    Args:
        inputs: int tensor of shape (tasks, shots, m), the m symbols of each input.
        outputs: int tensor of shape (tasks, shots), the symbol of each output.
        mark: int, the symbol that ends each example.

    Returns:
        Int tensor of shape (tasks, shots * (m + 2)), a row for each task.

    Example:
        >>> task_rows(np.array([[[1, 2], [3, 4]]]), np.array([[8, 9]]), mark=0)
        [[1, 2, 8, 0, 3, 4, 9, 0]]
    """
    ### BEGIN SOLUTION
    marks = np.full((*outputs.shape, 1), mark)
    examples = np.concatenate([inputs, outputs[:, :, None], marks], axis=2)
    return examples.reshape(len(examples), -1)
    ### END SOLUTION


# %%
check("lab12.task_rows")

# %% [markdown]
# ## 12.5 Accuracy against the number of examples
#
# A decoder says what comes next at **every** position. So one pass over a row answers all your
# questions: before the first output it has seen no example, before the second one, before the third
# two. Read the model's choice at the last symbol of each input, and compare it with the output that
# follows.


# %% exercise="lab12.accuracy_by_shots" points=4 minutes=15 difficulty=2
def accuracy_by_shots(logits, outputs, num_inputs):
    """Measures how often the next output is right after 0, 1, 2, ... examples (GPT-3, figure 1.2).

    Args:
        logits: float tensor of shape (tasks, T, vocabulary_size): what a GPT says at each position
            of the rows from `task_rows`, so T = shots * (num_inputs + 2).
        outputs: int tensor of shape (tasks, shots), the right outputs.
        num_inputs: int, symbols in an input.

    Returns:
        Float tensor of shape (shots,): entry k is the share of tasks whose output is right after k
        examples.

    Example:
        >>> logits = np.zeros((1, 6, 3)); logits[0, 3, 1] = 1.0
        >>> accuracy_by_shots(logits, np.array([[2, 1]]), num_inputs=1)
        [0.0, 1.0]
    """
    ### BEGIN SOLUTION
    before_output = np.asarray(logits)[:, num_inputs - 1 :: num_inputs + 2]
    return np.mean(before_output.argmax(axis=-1) == outputs, axis=0)
    ### END SOLUTION


# %%
check("lab12.accuracy_by_shots")
# %% [markdown]
# ## 12.6 Tasks that are drawn as you go
#
# Now the experiment. `gpt_tf.in_context` is given to you. It draws tasks of four families:
#
# * **mapping**: six symbols, each with a label of its own choice. `a → q` holds in this sequence
#   and nowhere else.
# * **copying**: two symbols, and always the first one, or always the second one, is copied.
# * **classes**: the symbols fall into four classes, always the same ones. What the classes are
#   called is new each time.
# * **sums in a base**: two digits, and the last digit of their sum. The base, 5 to 10, is new.
#
# Before the first example nobody can know the answer. Whoever gets better with each example has
# read the examples.
#
# Four more families are never trained on: mapping **pairs** of symbols, copying one of **three**,
# **other** classes, **differences** in a base.

# %%
settings = in_context.Settings()
settings = settings.shortened() if short() else settings
print("an input -> its output; a row is one task")
for family in in_context.TRAINED | in_context.HELD_OUT:
    print(family)
    inputs, outputs = in_context.draw(family, count=2, shots=7, seed=12)
    for xs, ys in zip(inputs, outputs, strict=True):
        shown = [f"{' '.join(map(str, x))} -> {y}" for x, y in zip(xs, ys, strict=True)]
        print("   ", "   ".join(shown))

# %% [markdown]
# A part of each batch has no tasks in it. These rows are random symbols that repeat themselves: the
# shortest way to learn that what came before tells what comes next. Without them a small model
# stays for a long time at "one of the labels that I have seen". The first steps have mappings only;
# then all four families come.
#
# You train the smallest model here, one block and a width of 32.

# %%
live, losses = in_context.train(settings, "small", seed=12)
print(f"{live.count_params():,} parameters; loss {losses[0]:.2f}, and {losses[-1]:.2f} at the end")
for family in in_context.TRAINED:
    found = in_context.accuracies(live, family, settings.tasks, seed=12)
    shots = [k for k in in_context.SHOTS if k < len(found)]
    print(f"{family:<16}" + "".join(f"   {k} shown: {found[k]:4.0%}" for k in shots))

# %% [markdown]
# ## 12.7 Three sizes, three seeds
#
# Three sizes and three seeds take longer than a lab may, so the picture draws from a table that
# ships with the course. Its command stands beside it: it is part of the course, and you can run it.
# The black crosses are the model that you trained above.
#
# The lines are means over the seeds. The bands reach from the lowest seed to the highest.

# %%
table = tables.read("in-context")
print(f"from a table, made by: {table['command']}")


def draw_families(axes, families, results, sizes):
    """Draws accuracy against the number of examples, a picture for each family."""
    for axis, family in zip(axes, families, strict=True):
        for size in sizes:
            seeds = in_context.curves(results, size, family)
            shots = np.arange(seeds.shape[1])
            (line,) = axis.plot(shots, seeds.mean(axis=0), label=size)
            low, high = seeds.min(axis=0), seeds.max(axis=0)
            axis.fill_between(shots, low, high, color=line.get_color(), alpha=0.2)
        axis.set(title=family, xlabel="examples shown", ylim=(0, 1.02), xlim=(0, 16))


parameters = {r["cell"]["size"]: r["score"]["parameters"] for r in table["results"]}
figure, axis = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
draw_families([axis], ["mapping"], table["results"], parameters)
for line, (size, count) in zip(axis.lines, parameters.items(), strict=True):
    line.set_label(f"{size}: {count:,} parameters")
found = in_context.accuracies(live, "mapping", settings.tasks, seed=12)[:17]
axis.plot(range(len(found)), found, "kx", label="small, trained above")
axis.set_ylabel("right outputs (share)")
axis.set_title("Symbols whose labels are told by the examples alone")
axis.legend()
plt.show()

# %% [markdown]
# GPT-3's figure 1.2 shows the same with models that are a million times larger. What to look for:
#
# * The left end. With no example the answer is in no model's weights, so all begin at the bottom.
# * The rise. Whatever is gained comes from the examples: no weight changes meanwhile.
# * One step is easy: to say **some** label that stood in the row. It is right one time in six. Only
#   what is above that was learned from the right example.
# * The gap between the sizes. The paper's point is that it grows with the number of examples. Where
#   two bands overlap, this table cannot tell the two sizes apart.
#
# Now all families. Above are those that were trained on, with tasks that were not; below are those
# that were never trained on. Sums begin high: one that stays below the base needs no example.

# %%
figure, axes = plt.subplots(2, 4, figsize=(15, 7), sharey=True, layout="constrained")
for row, families in zip(axes, (in_context.TRAINED, in_context.HELD_OUT), strict=True):
    draw_families(row, families, table["results"], parameters)
    row[0].set_ylabel("right outputs (share)")
axes[0, 0].legend()
figure.suptitle("Above: families that were trained on. Below: families that were not.")
plt.show()
largest = list(parameters)[-1]
for family in in_context.TRAINED | in_context.HELD_OUT:
    mean = in_context.curves(table["results"], largest, family).mean(axis=0)
    last = min(16, len(mean) - 1)
    print(f"{largest}, {family:<24} {mean[0]:4.0%} with none, {mean[last]:4.0%} with {last}")

# %% [markdown]
# Look at the lower row before you say that the model can learn from examples. It can learn **what
# it was trained to learn**: a new mapping, not a new kind of task. GPT-3's authors leave the same
# question open for theirs: does it learn a task from its examples, or does it recognise one that
# its training text contained (GPT-3, section 5)? Here you know the training text, so you can tell.
#
# ## 12.8 A model that has read text
#
# Nobody trained `nano-en` to learn from examples. It has read documentation, novels and texts of
# the little world. Does it get better with examples all the same? The question is whether an
# adjective is one of praise or of blame. The world's texts have told it about each of them.
#
# Three **wordings**, three pairs of **label names**, and each with several draws of the examples.
# All of these should be beside the point.

# %%
gpt, tokenizer = presets.load("nano-en")
forward = prompting.Padded(gpt)
WINDOW = gpt.config.max_sequence_length
ASKED, DRAWS = (2, 1) if short() else (28, 3)
WORDINGS = {
    "as the texts say it": "{0} is a word for something",
    "with a sentence": "The soup was {1}. {0} is a word for something",
    "a bare word": "{1}",
}
NAMES = [("good", "bad"), ("right", "wrong"), ("bad", "good")]


def answers(description, wording, names, pool, texts, shots, seed, blanks=("N/A", "-")):
    """Returns (scores of the two names, their scores after questions that say nothing)."""
    drawn = balanced_examples([label for _, label in pool], shots, seed)
    solved = [(wording(pool[i][0]), names[pool[i][1]]) for i in drawn]
    candidates = [tokenizer.encode(f" {name}") for name in names]

    def scores(query):
        prompt = tokenizer.encode(build_prompt(description, solved, query))
        room = WINDOW - max(map(len, candidates))
        return np.asarray(parts.score_candidates(forward, prompt[-room:], candidates))

    asked = np.array([scores(wording(text)) for text in texts])
    return asked, np.array([scores(blank) for blank in blanks])


def accuracy(scores, labels, blank_scores=None):
    """Returns the share of right choices, calibrated or not."""
    if blank_scores is not None:
        scores = [calibrated_probabilities(row, blank_scores) for row in scores]
    return float(np.mean(np.argmax(scores, axis=1) == labels))


# The words of the world, each with 0 for praise and 1 for blame: some to ask about, some to show.
opinions = next(task for task in zero_shot.easy_tasks(10_000, 10_000) if task.name == "sentiment")
words = {
    split: sorted({(e.texts[0].split(" was ")[1].split(".")[0], e.label) for e in examples})
    for split, examples in (("show", opinions.train), ("ask", opinions.validation))
}
rng = np.random.default_rng(12)
asked = [words["ask"][i] for i in rng.permutation(len(words["ask"]))[:ASKED]]
texts, labels = [word for word, _ in asked], np.array([label for _, label in asked])
print(f"{len(words['show'])} words to show, {len(asked)} asked about: {', '.join(texts[:6])}, ...")

# %%
KS = (0, 2) if short() else (0, 2, 4, 8)
found = {}  # {(wording, names, shots): [(plain, calibrated) for each draw]}
for kind, wording in WORDINGS.items():
    for names in NAMES:
        for k in KS:
            found[kind, names, k] = []
            for seed in range(DRAWS if k else 1):
                scores, blanks = answers(
                    "", lambda word, w=wording: w.format(word.capitalize(), word), names,
                    words["show"], texts, k, seed,
                )  # fmt: skip
                pair = accuracy(scores, labels), accuracy(scores, labels, blanks)
                found[kind, names, k].append(pair)

figure, axes = plt.subplots(1, 3, figsize=(14, 4.2), sharey=True, layout="constrained")
for axis, kind in zip(axes, WORDINGS, strict=True):
    for number, names in enumerate(NAMES):
        for column, style in ((0, "o-"), (1, "x:")):
            draws = [[pair[column] for pair in found[kind, names, k]] for k in KS]
            label = f"{names[0]} / {names[1]}" + (", calibrated" if column else "")
            axis.plot(KS, [np.mean(d) for d in draws], style, color=f"C{number}", label=label)
            for k, d in zip(KS, draws, strict=True):
                axis.plot([k + 0.1 * number] * 2, [min(d), max(d)], color=f"C{number}", alpha=0.4)
    axis.axhline(0.5, color="gray", linestyle=":")
    axis.set(title=kind, xlabel="examples shown", ylim=(0, 1.02))
axes[0].set_ylabel("right answers (share)")
axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1))
figure.suptitle("Is a word one of praise or of blame? Upright bars: the draws of the examples")
plt.show()
everything = [pair for pairs in found.values() for pair in pairs]
for column, way in enumerate(("plain", "calibrated")):
    values = [pair[column] for pair in everything]
    low, mean, high = min(values), np.mean(values), max(values)
    print(f"{way:<11} lowest {low:.2f}, mean {mean:.2f}, highest {high:.2f}")
error = (0.25 / len(asked)) ** 0.5
print(f"one standard error of each accuracy is at most {error:.2f}")

# %% [markdown]
# Ask the picture:
#
# * Which wording works without any example? The model has read this very sentence often.
# * Do examples help? A model that has not learned to read examples may as well be confused by them.
# * The third pair of names is the first one turned round: praise is to be called "bad". A model
#   that learned from its examples would follow them. One that knows what it knows will not.
# * What does calibration do, on average and at its worst?
#
# And mind what a paper could have made of it: take the best wording, the best names and the best
# draw, and print that number alone. So report the spread.
#
# ## 12.9 GPT-3's own sets
#
# The same on real sets, where they are at hand: reviews in English (SST-2) and Korean (NSMC, each
# with two wordings, and a model that has hardly seen Korean), and GPT-3's arithmetic and scrambled
# words (sections 3.9.1 and 3.9.2), where the model has to write the answer. Elsewhere the cell says
# that they are missing.

# %%
REAL = {
    "sst2": [
        ("Good or bad?", "{}", ("Good", "Bad")),
        ("", "Review: {} Sentiment:", ("positive", "negative")),
    ],
    "nsmc": [
        ("좋아요 또는 별로예요?", "{}", ("좋아요", "별로예요")),
        ("", "리뷰: {} 감정:", ("긍정", "부정")),
    ],
}
if os.environ.get("GPT_TF_DATA"):
    for name, wordings in REAL.items():
        task = tasks.real_task(name, limit=20 if short() else 400)
        # Label 1 is praise in both sets, and `names` begin with praise.
        pool = [(e.texts[0], 1 - int(e.label)) for e in task.train]
        some = task.validation[: 2 if short() else 40]
        labels = np.array([1 - int(e.label) for e in some])
        for description, wording, names in wordings:
            for k in KS[:3]:
                scores, blanks = answers(
                    description, wording.format, names, pool, [e.texts[0] for e in some], k, seed=0
                )
                plain, even = accuracy(scores, labels), accuracy(scores, labels, blanks)
                print(
                    f"{name}, {names[0]}/{names[1]}, {k} shown: {plain:.2f} plain, "
                    f"{even:.2f} calibrated"
                )
else:
    print("SST-2 and NSMC are not at hand: GPT_TF_DATA names the folder that has them.")


# %%
def write_answer(prompt, new_tokens=8):
    """Returns what the model writes behind a prompt, greedily, up to the end of the line."""
    ids = tokenizer.encode(prompt)[-(WINDOW - new_tokens) :]
    for _ in range(new_tokens):
        logits = forward(keras.ops.convert_to_tensor([ids], "int32"))
        ids.append(int(np.argmax(logits[0, -1])))
    return tokenizer.decode(ids[-new_tokens:]).split("\n")[0].strip()


if os.environ.get("GPT_TF_DATA"):
    for name, kind in (
        ("gpt3_arithmetic", "two_digit_addition"),
        ("gpt3_arithmetic", "single_digit_three_ops"),
        ("gpt3_word_scrambling", "reversed_words"),
        ("gpt3_word_scrambling", "cycle_letters_in_word"),
    ):
        rows = catalog.load(name, kind)[: 8 if short() else 30]
        solved = "".join(row["context"] + row["completion"] for row in rows[:4])
        right = []
        for row in rows[4:]:
            written = write_answer(solved + row["context"])
            right.append(written == row["completion"].strip())
        print(f"{kind}: {sum(right)} of {len(right)} right; the last one: wanted", end=" ")
        print(f"{rows[-1]['completion'].strip()!r}, written {written!r}")
else:
    print("GPT-3's arithmetic and scrambled words are not at hand: GPT_TF_DATA names the folder.")

# %% [markdown]
# GPT-3's 175 billion parameters add two digits without a mistake when they have seen examples
# (GPT-3, table 3.9: 100.0%). Yours most likely get none right. They have read few numbers, and no
# sums. Size alone would not help them: what a model can be asked for depends on what its text
# demanded.
#
# ## 12.10 Invented words, and code
#
# GPT-3 is given a word that does not exist, and uses it in a sentence (section 3.9.5: a "whatpu" is
# a small, furry animal). Others have had it turn descriptions into code. Here is what `nano-en`
# makes of both, with two examples each. Nothing is measured: read it.

# %%
NEW_WORD = build_prompt(
    "A new word, and a sentence with it.",
    [
        ("A whatpu is a small, furry animal.", "We saw three whatpus on the hill."),
        ("To farduddle is to jump up and down very fast.", "The children farduddle in the yard."),
    ],
    "A yalubalu is a vegetable that looks like a pumpkin.",
)
CODE = build_prompt(
    "A description, and the code.",
    [("the largest of a list x", "max(x)"), ("the number of items in a list x", "len(x)")],
    "the sum of a list x",
)
for prompt in (NEW_WORD, CODE):
    print(prompt, "...", write_answer(prompt, 4 if short() else 20), "\n")

# %% [markdown]
# ## 12.11 Questions
#
# 1. In 12.7, what would "the model has learned the mapping in its weights" look like in the
#    picture?
# 2. Train `live` again without the rows that repeat themselves. What changes, and after how many
#    steps? Why might repetition in web text have helped GPT-3?
# 3. The prompt ends in "A:". Put a space behind it, and ask again. What changes, and which tokens
#    is it about?
# 4. Few-shot results depend on the examples and on their order. How would you report an accuracy
#    that does justice to that?
#
# ## What you know now
#
# * A task can be written into the prompt: a description, solved examples, a question.
# * Zero-, one- and few-shot differ in the number of solved examples, and in nothing else.
# * A model can learn to learn from its context, and a larger one learns it better. It learns the
#   kinds of tasks that its text was full of.
# * Wording, label names, and the draw of the examples move the result. Balanced draws and
#   calibration take some of it away; an honest report shows the rest.
