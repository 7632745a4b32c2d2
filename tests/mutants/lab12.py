"""Known-wrong answers to lab 12, and the misconception that each must draw."""

import keras
import numpy as np


@wrong("lab12.build_prompt", draws="prompt.space-at-the-end")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [description] if description else []
    for x, y in [*examples, (query, "")]:
        lines.append(f"{input_label}: {x} {output_label}: {y}")
    return "\n".join(lines)


@wrong("lab12.build_prompt", draws="prompt.line-at-the-end")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    text = f"{description}\n" if description else ""
    for x, y in examples:
        text += f"{input_label}: {x} {output_label}: {y}\n"
    return text + f"{input_label}: {query} {output_label}:\n"


@wrong("lab12.build_prompt", draws="prompt.no-description")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    return "\n".join([*lines, f"{input_label}: {query} {output_label}:"])


@wrong("lab12.build_prompt", draws="prompt.no-answers")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    inputs = [x for x, _ in examples] + [query]
    lines = [description] if description else []
    return "\n".join([*lines, *(f"{input_label}: {x} {output_label}:" for x in inputs)])


@wrong("lab12.build_prompt", draws="prompt.examples-reversed")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [f"{input_label}: {query} {output_label}:"]
    for x, y in examples:
        lines.insert(0, f"{input_label}: {x} {output_label}: {y}")
    return "\n".join([description, *lines] if description else lines)


@wrong("lab12.build_prompt", draws="prompt.query-first")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [description, f"{input_label}: {query} {output_label}:"]
    lines += [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    return "\n".join(line for line in lines if line)


@wrong("lab12.build_prompt", draws="prompt.no-label-at-the-end")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    lines = [description, *lines, f"{input_label}: {query}"]
    return "\n".join(line for line in lines if line)


@wrong("lab12.build_prompt", draws="prompt.empty-line")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    return "\n".join([description, *lines, f"{input_label}: {query} {output_label}:"])


@wrong("lab12.build_prompt", draws="prompt.labels-ignored")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [description, *(f"Q: {x} A: {y}" for x, y in examples), f"Q: {query} A:"]
    return "\n".join(line for line in lines if line)


@wrong("lab12.build_prompt", draws="prompt.empty-query")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    lines = [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    lines = [description, *lines, f"{input_label}: {query} {output_label}:"]
    return "\n".join(line for line in lines if line)


@wrong("lab12.build_prompt", draws="prompt.one-line")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    solved = [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    lines = [description, *solved, f"{input_label}: {query} {output_label}:"]
    return " ".join(line for line in lines if line)


@wrong("lab12.build_prompt", draws="prompt.one-example")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    line = ""
    for x, y in examples:
        line = f"{input_label}: {x} {output_label}: {y}"
    lines = [description, line, f"{input_label}: {query} {output_label}:"]
    return "\n".join(line for line in lines if line)


@wrong("lab12.build_prompt", draws="argument.changed")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    # An example whose answer is still missing.
    examples += [(query, "")]
    lines = [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    return "\n".join([description, *lines] if description else lines).rstrip()


@wrong("lab12.balanced_examples", draws="balanced.blind")
def balanced_examples(labels, count, seed):
    if not 0 <= count <= len(labels):
        raise ValueError("not so many")
    return np.random.default_rng(seed).permutation(len(labels))[:count].tolist()


@wrong("lab12.balanced_examples", draws="balanced.not-mixed")
def balanced_examples(labels, count, seed):
    if not 0 <= count <= len(labels):
        raise ValueError("not so many")
    rng = np.random.default_rng(seed)
    kinds = sorted(set(labels))
    piles = {kind: [i for i in range(len(labels)) if labels[i] == kind] for kind in kinds}
    for pile in piles.values():
        rng.shuffle(pile)
    drawn = []
    while len(drawn) < count:
        for kind in kinds:
            if piles[kind] and len(drawn) < count:
                drawn.append(int(piles[kind].pop()))
    return sorted(drawn, key=lambda i: labels[i])


@wrong("lab12.balanced_examples", draws="balanced.always-the-same")
def balanced_examples(labels, count, seed):
    if not 0 <= count <= len(labels):
        raise ValueError("not so many")
    ranks = [labels[:i].count(labels[i]) for i in range(len(labels))]
    drawn = np.argsort(ranks, kind="stable")[:count]
    return np.random.default_rng(0).permutation(drawn).tolist()


@wrong("lab12.balanced_examples", draws="balanced.seed-ignored")
def balanced_examples(labels, count, seed):
    if not 0 <= count <= len(labels):
        raise ValueError("not so many")
    rng = np.random.default_rng()
    mixed = rng.permutation(len(labels)).tolist()
    ranks = [[labels[j] for j in mixed[:i]].count(labels[mixed[i]]) for i in range(len(mixed))]
    drawn = np.argsort(ranks, kind="stable")[:count]
    return rng.permutation([mixed[i] for i in drawn]).astype(int).tolist()


@wrong("lab12.balanced_examples", draws="balanced.twice")
def balanced_examples(labels, count, seed):
    if not 0 <= count <= len(labels):
        raise ValueError("not so many")
    rng = np.random.default_rng(seed)
    kinds = sorted(set(labels))
    drawn = []
    for k in range(count):
        kind = kinds[k % len(kinds)]
        drawn.append(int(rng.choice([i for i in range(len(labels)) if labels[i] == kind])))
    return rng.permutation(drawn).astype(int).tolist()


@wrong("lab12.balanced_examples", draws="balanced.number")
def balanced_examples(labels, count, seed):
    if not 0 <= count <= len(labels):
        raise ValueError("not so many")
    rng = np.random.default_rng(seed)
    drawn = []
    for kind in sorted(set(labels)):
        of_kind = [i for i in range(len(labels)) if labels[i] == kind]
        drawn += rng.permutation(of_kind)[: count // len(set(labels))].tolist()
    return rng.permutation(drawn).astype(int).tolist()


@wrong("lab12.balanced_examples", draws="balanced.too-many")
def balanced_examples(labels, count, seed):
    rng = np.random.default_rng(seed)
    mixed = rng.permutation(len(labels)).tolist()
    ranks = [[labels[j] for j in mixed[:i]].count(labels[mixed[i]]) for i in range(len(mixed))]
    drawn = np.argsort(ranks, kind="stable")[: max(count, 0)]
    return rng.permutation([mixed[i] for i in drawn]).astype(int).tolist()


@wrong("lab12.calibrated_probabilities", draws="calibrated.not-divided")
def calibrated_probabilities(scores, blank_scores):
    return keras.ops.softmax(scores)


@wrong("lab12.calibrated_probabilities", draws="calibrated.multiplied")
def calibrated_probabilities(scores, blank_scores):
    anyway = keras.ops.mean(keras.ops.softmax(blank_scores, axis=-1), axis=0)
    weighted = keras.ops.softmax(scores) * anyway
    return weighted / keras.ops.sum(weighted)


@wrong("lab12.calibrated_probabilities", draws="calibrated.no-sum")
def calibrated_probabilities(scores, blank_scores):
    anyway = keras.ops.mean(keras.ops.softmax(blank_scores, axis=-1), axis=0)
    return keras.ops.softmax(scores) / anyway


@wrong("lab12.calibrated_probabilities", draws="calibrated.logs-summed")
def calibrated_probabilities(scores, blank_scores):
    logs = scores - keras.ops.mean(blank_scores, axis=0)
    return logs / keras.ops.sum(logs)


@wrong("lab12.calibrated_probabilities", draws="calibrated.logs")
def calibrated_probabilities(scores, blank_scores):
    anyway = keras.ops.mean(keras.ops.softmax(blank_scores, axis=-1), axis=0)
    return keras.ops.log_softmax(scores - keras.ops.log(anyway))


@wrong("lab12.calibrated_probabilities", draws="calibrated.mean-of-logs")
def calibrated_probabilities(scores, blank_scores):
    return keras.ops.softmax(scores - keras.ops.mean(blank_scores, axis=0))


@wrong("lab12.calibrated_probabilities", draws="calibrated.first-blank-only")
def calibrated_probabilities(scores, blank_scores):
    return keras.ops.softmax(scores - blank_scores[0])


@wrong("lab12.calibrated_probabilities", draws="calibrated.blank-sums-not-1")
def calibrated_probabilities(scores, blank_scores):
    weighted = keras.ops.exp(scores) / keras.ops.mean(keras.ops.exp(blank_scores), axis=0)
    return weighted / keras.ops.sum(weighted)


@wrong("lab12.task_rows", draws="rows.output-first")
def task_rows(inputs, outputs, mark):
    marks = np.full((*outputs.shape, 1), mark)
    examples = np.concatenate([outputs[:, :, None], inputs, marks], axis=2)
    return examples.reshape(len(examples), -1)


@wrong("lab12.task_rows", draws="rows.outputs-behind")
def task_rows(inputs, outputs, mark):
    marks = np.full(outputs.shape, mark)
    return np.concatenate([np.reshape(inputs, (len(inputs), -1)), outputs, marks], axis=1)


@wrong("lab12.task_rows", draws="rows.one-symbol")
def task_rows(inputs, outputs, mark):
    examples = np.stack([inputs[:, :, 0], outputs, np.full(outputs.shape, mark)], axis=2)
    return examples.reshape(len(examples), -1)


@wrong("lab12.task_rows", draws="rows.not-flat")
def task_rows(inputs, outputs, mark):
    marks = np.full((*outputs.shape, 1), mark)
    return np.concatenate([inputs, outputs[:, :, None], marks], axis=2)


@wrong("lab12.task_rows", draws="rows.transposed")
def task_rows(inputs, outputs, mark):
    marks = np.full((*outputs.shape, 1), mark)
    examples = np.concatenate([inputs, outputs[:, :, None], marks], axis=2)
    return examples.transpose(0, 2, 1).reshape(len(examples), -1)


@wrong("lab12.task_rows", draws="rows.no-mark")
def task_rows(inputs, outputs, mark):
    examples = np.concatenate([inputs, outputs[:, :, None]], axis=2)
    return examples.reshape(len(examples), -1)


@wrong("lab12.task_rows", draws="rows.mark-before-output")
def task_rows(inputs, outputs, mark):
    marks = np.full((*outputs.shape, 1), mark)
    examples = np.concatenate([inputs, marks, outputs[:, :, None]], axis=2)
    return examples.reshape(len(examples), -1)


@wrong("lab12.accuracy_by_shots", draws="shots.no-shift")
def accuracy_by_shots(logits, outputs, num_inputs):
    guesses = np.asarray(logits)[:, num_inputs :: num_inputs + 2].argmax(axis=-1)
    return np.mean(guesses == outputs, axis=0)


@wrong("lab12.accuracy_by_shots", draws="shots.first-symbol")
def accuracy_by_shots(logits, outputs, num_inputs):
    guesses = np.asarray(logits)[:, :: num_inputs + 2].argmax(axis=-1)
    return np.mean(guesses == outputs, axis=0)


@wrong("lab12.accuracy_by_shots", draws="shots.by-task")
def accuracy_by_shots(logits, outputs, num_inputs):
    guesses = np.asarray(logits)[:, num_inputs - 1 :: num_inputs + 2].argmax(axis=-1)
    return np.mean(guesses == outputs, axis=1)


@wrong("lab12.accuracy_by_shots", draws="shots.one-number")
def accuracy_by_shots(logits, outputs, num_inputs):
    guesses = np.asarray(logits)[:, num_inputs - 1 :: num_inputs + 2].argmax(axis=-1)
    return np.mean(guesses == outputs)


@wrong("lab12.accuracy_by_shots", draws="shots.so-far")
def accuracy_by_shots(logits, outputs, num_inputs):
    guesses = np.asarray(logits)[:, num_inputs - 1 :: num_inputs + 2].argmax(axis=-1)
    right = np.mean(guesses == outputs, axis=0)
    return np.cumsum(right) / np.arange(1, len(right) + 1)


@wrong("lab12.accuracy_by_shots", draws="shots.percent")
def accuracy_by_shots(logits, outputs, num_inputs):
    guesses = np.asarray(logits)[:, num_inputs - 1 :: num_inputs + 2].argmax(axis=-1)
    return 100 * np.mean(guesses == outputs, axis=0)


@wrong("lab12.accuracy_by_shots", draws="shots.mark-forgotten")
def accuracy_by_shots(logits, outputs, num_inputs):
    guesses = np.asarray(logits)[:, num_inputs - 1 :: num_inputs + 1].argmax(axis=-1)
    return np.mean(guesses[:, : outputs.shape[1]] == outputs, axis=0)
