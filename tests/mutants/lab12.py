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


def log_probabilities(model, prompt_ids, candidates, before=1):
    """Returns (log-probabilities of the candidates' tokens, which of them are no padding)."""
    if not prompt_ids or not all(candidates):
        raise ValueError("nothing to score")
    first, longest = len(prompt_ids), max(map(len, candidates))
    rows = [[*prompt_ids, *c, *[0] * (longest - len(c) + 1)] for c in candidates]
    rows = np.array(rows, "int32")
    predicted = keras.ops.log_softmax(model(rows))[:, first - before : first - before + longest]
    targets = rows[:, first : first + longest, None]
    real = np.array([[i < len(c) for i in range(longest)] for c in candidates])
    return keras.ops.take_along_axis(predicted, targets, axis=-1)[..., 0], real


@wrong("lab12.score_candidates", draws="score.position-of-the-token")
def score_candidates(model, prompt_ids, candidates):
    taken, real = log_probabilities(model, prompt_ids, candidates, before=0)
    return keras.ops.sum(keras.ops.where(real, taken, 0.0), axis=1)


@wrong("lab12.score_candidates", draws="score.padding-counts")
def score_candidates(model, prompt_ids, candidates):
    taken, _ = log_probabilities(model, prompt_ids, candidates)
    return keras.ops.sum(taken, axis=1)


@wrong("lab12.score_candidates", draws="score.mean")
def score_candidates(model, prompt_ids, candidates):
    taken, real = log_probabilities(model, prompt_ids, candidates)
    return keras.ops.sum(keras.ops.where(real, taken, 0.0), axis=1) / real.sum(axis=1)


@wrong("lab12.score_candidates", draws="score.first-token-only")
def score_candidates(model, prompt_ids, candidates):
    taken, _ = log_probabilities(model, prompt_ids, candidates)
    return taken[:, 0]


@wrong("lab12.score_candidates", draws="score.no-log")
def score_candidates(model, prompt_ids, candidates):
    taken, real = log_probabilities(model, prompt_ids, candidates)
    return keras.ops.sum(keras.ops.where(real, keras.ops.exp(taken), 0.0), axis=1)


@wrong("lab12.score_candidates", draws="score.sign")
def score_candidates(model, prompt_ids, candidates):
    taken, real = log_probabilities(model, prompt_ids, candidates)
    return -keras.ops.sum(keras.ops.where(real, taken, 0.0), axis=1)


@wrong("lab12.score_candidates", draws="score.prompt-counts")
def score_candidates(model, prompt_ids, candidates):
    taken, real = log_probabilities(
        model, prompt_ids[:1], [[*prompt_ids[1:], *c] if c else c for c in candidates]
    )
    return keras.ops.sum(keras.ops.where(real, taken, 0.0), axis=1)


@wrong("lab12.score_candidates", draws="score.no-softmax")
def score_candidates(model, prompt_ids, candidates):
    if not prompt_ids or not all(candidates):
        raise ValueError("nothing to score")
    found = []
    for candidate in candidates:
        logits = model(np.array([[*prompt_ids, *candidate]], "int32"))[0]
        at = len(prompt_ids) - 1
        found.append(sum(logits[at + i, token] for i, token in enumerate(candidate)))
    return keras.ops.stack(found)


@wrong("lab12.score_candidates", draws="score.nothing-accepted")
def score_candidates(model, prompt_ids, candidates):
    prompt_ids = prompt_ids or [0]
    empty = np.array([not c for c in candidates])
    taken, real = log_probabilities(model, prompt_ids, [c or [0] for c in candidates])
    return keras.ops.sum(keras.ops.where(real & ~empty[:, None], taken, 0.0), axis=1)


@wrong("lab12.score_candidates", draws="score.last-token-only")
def score_candidates(model, prompt_ids, candidates):
    taken, real = log_probabilities(model, prompt_ids, candidates)
    last = real.sum(axis=1) - 1
    return keras.ops.take_along_axis(taken, last[:, None], axis=1)[:, 0]


@wrong("lab12.score_candidates", draws="argument.changed")
def score_candidates(model, prompt_ids, candidates):
    taken, real = log_probabilities(model, prompt_ids, candidates)
    longest = max(map(len, candidates))
    for candidate in candidates:
        candidate.extend([0] * (longest - len(candidate)))
    return keras.ops.sum(keras.ops.where(real, taken, 0.0), axis=1)


@wrong("lab12.normalised_scores", draws="normalise.product")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is not None:
        return scores - unconditional
    return scores * keras.ops.cast(lengths, "float32")


@wrong("lab12.normalised_scores", draws="normalise.nothing")
def normalised_scores(scores, lengths, unconditional=None):
    return scores


@wrong("lab12.normalised_scores", draws="normalise.minus-log-length")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is not None:
        return scores - unconditional
    return scores - keras.ops.log(keras.ops.cast(lengths, "float32"))


@wrong("lab12.normalised_scores", draws="normalise.ratio-of-logs")
def normalised_scores(scores, lengths, unconditional=None):
    return scores / keras.ops.cast(lengths if unconditional is None else unconditional, "float32")


@wrong("lab12.normalised_scores", draws="normalise.difference-reversed")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is not None:
        return unconditional - scores
    return scores / keras.ops.cast(lengths, "float32")


@wrong("lab12.normalised_scores", draws="normalise.both-at-once")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is not None:
        scores = scores - unconditional
    return scores / keras.ops.cast(lengths, "float32")


@wrong("lab12.normalised_scores", draws="normalise.unconditional-ignored")
def normalised_scores(scores, lengths, unconditional=None):
    return scores / keras.ops.cast(lengths, "float32")


@wrong("lab12.normalised_scores", draws="normalise.minus-length")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is not None:
        return scores - unconditional
    return scores - keras.ops.cast(lengths, "float32")


@wrong("lab12.normalised_scores", draws="normalise.by-all-tokens")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is not None:
        return scores - unconditional
    return scores / keras.ops.cast(keras.ops.sum(lengths), "float32")


@wrong("lab12.normalised_scores", draws="normalise.to-probabilities")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is not None:
        scores = scores - unconditional
    return keras.ops.softmax(scores)


@wrong("lab12.normalised_scores", draws="normalise.sum-of-logs")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is not None:
        return scores + unconditional
    return scores / keras.ops.cast(lengths, "float32")


def all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids, extra=0):
    """Returns what a choice is made from; raises where `choose_candidate` should."""
    if normalise not in ("none", "length", "unconditional"):
        raise ValueError("unknown")
    if normalise == "unconditional" and not answer_prompt_ids:
        raise ValueError("no answer prompt")
    scores = score_candidates(model, prompt_ids, candidates)
    if normalise == "none":
        return scores
    if normalise == "unconditional":
        return scores - score_candidates(model, answer_prompt_ids, candidates)
    return scores / np.array([len(c) + extra for c in candidates], "float32")


@wrong("lab12.choose_candidate", draws="choose.worst")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return int(keras.ops.argmin(scores))


@wrong("lab12.choose_candidate", draws="choose.always-by-length")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return int(keras.ops.argmax(scores / np.array([len(c) for c in candidates], "float32")))


@wrong("lab12.choose_candidate", draws="choose.never-by-length")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    if normalise == "length":
        normalise = "none"
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return int(keras.ops.argmax(scores))


@wrong("lab12.choose_candidate", draws="choose.prompt-in-length")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    scores = all_scores(
        model, prompt_ids, candidates, normalise, answer_prompt_ids, extra=len(prompt_ids)
    )
    return int(keras.ops.argmax(scores))


@wrong("lab12.choose_candidate", draws="choose.unconditional-ignored")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    if normalise == "unconditional" and answer_prompt_ids:
        normalise = "none"
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return int(keras.ops.argmax(scores))


@wrong("lab12.choose_candidate", draws="choose.difference-reversed")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return int(keras.ops.argmax(-scores if normalise == "unconditional" else scores))


@wrong("lab12.choose_candidate", draws="choose.answer-prompt-only")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    if normalise == "unconditional" and answer_prompt_ids:
        prompt_ids, normalise = answer_prompt_ids, "none"
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return int(keras.ops.argmax(scores))


@wrong("lab12.choose_candidate", draws="choose.anything-goes")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    if normalise == "unconditional" and not answer_prompt_ids:
        normalise = "none"
    if normalise not in ("none", "length", "unconditional"):
        normalise = "length"
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return int(keras.ops.argmax(scores))


@wrong("lab12.choose_candidate", draws="choose.last-of-equals")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return sorted(range(len(candidates)), key=np.asarray(scores).tolist().__getitem__)[-1]


@wrong("lab12.choose_candidate", draws="choose.both-at-once")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    if normalise == "unconditional":
        scores = scores / np.array([len(c) for c in candidates], "float32")
    return int(keras.ops.argmax(scores))
