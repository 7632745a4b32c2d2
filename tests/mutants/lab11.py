"""Known-wrong answers to lab 11, and the misconception that each must draw."""

import keras
import numpy as np


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


@wrong("lab11.score_candidates", draws="score.position-of-the-token")
def score_candidates(model, prompt_ids, candidates):
    taken, real = log_probabilities(model, prompt_ids, candidates, before=0)
    return keras.ops.sum(keras.ops.where(real, taken, 0.0), axis=1)


@wrong("lab11.score_candidates", draws="score.padding-counts")
def score_candidates(model, prompt_ids, candidates):
    taken, _ = log_probabilities(model, prompt_ids, candidates)
    return keras.ops.sum(taken, axis=1)


@wrong("lab11.score_candidates", draws="score.mean")
def score_candidates(model, prompt_ids, candidates):
    taken, real = log_probabilities(model, prompt_ids, candidates)
    return keras.ops.sum(keras.ops.where(real, taken, 0.0), axis=1) / real.sum(axis=1)


@wrong("lab11.score_candidates", draws="score.first-token-only")
def score_candidates(model, prompt_ids, candidates):
    taken, _ = log_probabilities(model, prompt_ids, candidates)
    return taken[:, 0]


@wrong("lab11.score_candidates", draws="score.sign")
def score_candidates(model, prompt_ids, candidates):
    taken, real = log_probabilities(model, prompt_ids, candidates)
    return -keras.ops.sum(keras.ops.where(real, taken, 0.0), axis=1)


@wrong("lab11.score_candidates", draws="score.prompt-counts")
def score_candidates(model, prompt_ids, candidates):
    taken, real = log_probabilities(
        model, prompt_ids[:1], [[*prompt_ids[1:], *c] if c else c for c in candidates]
    )
    return keras.ops.sum(keras.ops.where(real, taken, 0.0), axis=1)


@wrong("lab11.score_candidates", draws="score.no-softmax")
def score_candidates(model, prompt_ids, candidates):
    if not prompt_ids or not all(candidates):
        raise ValueError("nothing to score")
    found = []
    for candidate in candidates:
        logits = model(np.array([[*prompt_ids, *candidate]], "int32"))[0]
        at = len(prompt_ids) - 1
        found.append(sum(logits[at + i, token] for i, token in enumerate(candidate)))
    return keras.ops.stack(found)


@wrong("lab11.score_candidates", draws="score.nothing-accepted")
def score_candidates(model, prompt_ids, candidates):
    prompt_ids = prompt_ids or [0]
    empty = np.array([not c for c in candidates])
    taken, real = log_probabilities(model, prompt_ids, [c or [0] for c in candidates])
    return keras.ops.sum(keras.ops.where(real & ~empty[:, None], taken, 0.0), axis=1)


@wrong("lab11.normalised_scores", draws="normalise.product")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is not None:
        return scores - unconditional
    return scores * keras.ops.cast(lengths, "float32")


@wrong("lab11.normalised_scores", draws="normalise.nothing")
def normalised_scores(scores, lengths, unconditional=None):
    return scores


@wrong("lab11.normalised_scores", draws="normalise.ratio-of-logs")
def normalised_scores(scores, lengths, unconditional=None):
    return scores / keras.ops.cast(lengths if unconditional is None else unconditional, "float32")


@wrong("lab11.normalised_scores", draws="normalise.difference-reversed")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is not None:
        return unconditional - scores
    return scores / keras.ops.cast(lengths, "float32")


@wrong("lab11.normalised_scores", draws="normalise.both-at-once")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is not None:
        scores = scores - unconditional
    return scores / keras.ops.cast(lengths, "float32")


@wrong("lab11.normalised_scores", draws="normalise.unconditional-ignored")
def normalised_scores(scores, lengths, unconditional=None):
    return scores / keras.ops.cast(lengths, "float32")


@wrong("lab11.normalised_scores", draws="normalise.minus-length")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is not None:
        return scores - unconditional
    return scores - keras.ops.cast(lengths, "float32")


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


@wrong("lab11.choose_candidate", draws="choose.worst")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return int(keras.ops.argmin(scores))


@wrong("lab11.choose_candidate", draws="choose.always-by-length")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return int(keras.ops.argmax(scores / np.array([len(c) for c in candidates], "float32")))


@wrong("lab11.choose_candidate", draws="choose.never-by-length")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    if normalise == "length":
        normalise = "none"
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return int(keras.ops.argmax(scores))


@wrong("lab11.choose_candidate", draws="choose.prompt-in-length")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    scores = all_scores(
        model, prompt_ids, candidates, normalise, answer_prompt_ids, extra=len(prompt_ids)
    )
    return int(keras.ops.argmax(scores))


@wrong("lab11.choose_candidate", draws="choose.unconditional-ignored")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    if normalise == "unconditional" and answer_prompt_ids:
        normalise = "none"
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return int(keras.ops.argmax(scores))


@wrong("lab11.choose_candidate", draws="choose.difference-reversed")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return int(keras.ops.argmax(-scores if normalise == "unconditional" else scores))


@wrong("lab11.choose_candidate", draws="choose.anything-goes")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    if normalise == "unconditional" and not answer_prompt_ids:
        normalise = "none"
    if normalise not in ("none", "length", "unconditional"):
        normalise = "length"
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    return int(keras.ops.argmax(scores))


@wrong("lab11.choose_candidate", draws="choose.both-at-once")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    scores = all_scores(model, prompt_ids, candidates, normalise, answer_prompt_ids)
    if normalise == "unconditional":
        scores = scores / np.array([len(c) for c in candidates], "float32")
    return int(keras.ops.argmax(scores))
