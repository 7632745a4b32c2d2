"""Known-right answers to lab 12, written differently."""

import random

import keras
import numpy as np


@right("lab12.build_prompt", because="text may be put together piece by piece")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if query.strip() == "":
        raise ValueError("The query is empty.")
    text = description + "\n" if description else ""
    for example in examples:
        text += input_label + ": " + example[0] + " " + output_label + ": " + example[1] + "\n"
    return text + input_label + ": " + query + " " + output_label + ":"


@right("lab12.build_prompt", because="the query is an example whose answer is still missing")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query or query.isspace():
        raise ValueError("There is nothing to answer.")
    parts = [description, "\n"] if description else []
    for given, answer in (*examples, (query, None)):
        parts.append(f"{input_label}: {given} {output_label}:")
        if answer is not None:
            parts.append(f" {answer}\n")
    return "".join(parts)


@right("lab12.balanced_examples", because="one label after the other may be dealt in turn")
def balanced_examples(labels, count, seed):
    if count < 0 or count > len(labels):
        raise ValueError("Not so many examples.")
    rng = random.Random(seed)
    piles = {}
    for place, label in enumerate(labels):
        piles.setdefault(label, []).append(place)
    piles = list(piles.values())
    rng.shuffle(piles)
    for pile in piles:
        rng.shuffle(pile)
    drawn = []
    while len(drawn) < count:
        for pile in piles:
            if pile and len(drawn) < count:
                drawn.append(pile.pop())
    rng.shuffle(drawn)
    return drawn


@right("lab12.balanced_examples", because="the label drawn least often so far may come next")
def balanced_examples(labels, count, seed):
    if count not in range(len(labels) + 1):
        raise ValueError("Not so many examples.")
    rng = np.random.default_rng(seed)
    left, drawn = list(rng.permutation(len(labels))), []
    for _ in range(count):
        had = [labels[i] for i in drawn]
        following = min(left, key=lambda i: had.count(labels[i]))
        left.remove(following)
        drawn.append(following)
    return [int(i) for i in rng.permutation(drawn)]


@right("lab12.calibrated_probabilities", because="in logs, a quotient is a difference")
def calibrated_probabilities(scores, blank_scores):
    of_blank = blank_scores - keras.ops.logsumexp(blank_scores, axis=1, keepdims=True)
    anyway = keras.ops.logsumexp(of_blank, axis=0)
    return keras.ops.softmax(scores - anyway)


@right("lab12.calibrated_probabilities", because="NumPy computes it as well")
def calibrated_probabilities(scores, blank_scores):
    blanks = [np.exp(row) / np.exp(row).sum() for row in np.asarray(blank_scores)]
    weights = np.exp(np.asarray(scores)) / (sum(blanks) / len(blanks))
    return weights / weights.sum()


@right("lab12.task_rows", because="a row may be filled place by place")
def task_rows(inputs, outputs, mark):
    tasks, shots, m = inputs.shape
    rows = np.full((tasks, shots * (m + 2)), mark)
    for i in range(m):
        rows[:, i :: m + 2] = inputs[:, :, i]
    rows[:, m :: m + 2] = outputs
    return rows


@right("lab12.task_rows", because="lists can be put together as well")
def task_rows(inputs, outputs, mark):
    rows = []
    for xs, ys in zip(inputs, outputs, strict=True):
        row = []
        for x, y in zip(xs, ys, strict=True):
            row += [*x, y, mark]
        rows.append(row)
    return np.array(rows)


@right("lab12.accuracy_by_shots", because="the examples may be counted one by one")
def accuracy_by_shots(logits, outputs, num_inputs):
    guesses = keras.ops.convert_to_numpy(keras.ops.argmax(logits, axis=-1))
    found = []
    for k in range(outputs.shape[1]):
        place = (k + 1) * (num_inputs + 2) - 3
        found.append(float(np.mean(guesses[:, place] == np.asarray(outputs)[:, k])))
    return np.array(found)


@right("lab12.accuracy_by_shots", because="each example may get an axis of its own")
def accuracy_by_shots(logits, outputs, num_inputs):
    tasks, shots = outputs.shape
    guesses = keras.ops.argmax(logits, axis=-1)
    guesses = keras.ops.reshape(guesses, (tasks, shots, num_inputs + 2))[:, :, -3]
    right = keras.ops.cast(keras.ops.equal(guesses, outputs), "float32")
    return keras.ops.mean(right, axis=0)
