"""Known-right answers to lab 11, written differently."""

import keras
import numpy as np


@right("lab11.score_candidates", because="one candidate after the other needs no padding")
def score_candidates(model, prompt_ids, candidates):
    if len(prompt_ids) == 0 or min(map(len, candidates)) == 0:
        raise ValueError("Nothing to score.")
    found = []
    for candidate in candidates:
        row = np.array([[*prompt_ids, *candidate]], "int32")
        losses = keras.ops.sparse_categorical_crossentropy(
            row[:, 1:], model(row)[:, :-1], from_logits=True
        )
        found.append(-keras.ops.sum(losses[0, len(prompt_ids) - 1 :]))
    return keras.ops.stack(found)


@right("lab11.score_candidates", because="one-hot rows pick the candidates' tokens")
def score_candidates(model, prompt_ids, candidates):
    if not prompt_ids or [] in candidates:
        raise ValueError("Nothing to score.")
    longest = max(len(c) for c in candidates)
    rows = np.zeros((len(candidates), len(prompt_ids) + longest), "int32")
    real = np.zeros(rows.shape, "float32")
    for i, candidate in enumerate(candidates):
        rows[i, : len(prompt_ids)] = prompt_ids
        end = len(prompt_ids) + len(candidate)
        rows[i, len(prompt_ids) : end], real[i, len(prompt_ids) : end] = candidate, 1
    logits = model(keras.ops.convert_to_tensor(rows))
    predicted = keras.ops.log_softmax(logits)[:, :-1]
    wanted = keras.ops.one_hot(rows[:, 1:], logits.shape[-1]) * real[:, 1:, None]
    return keras.ops.sum(predicted * wanted, axis=(1, 2))


@right("lab11.normalised_scores", because="a quotient of probabilities has the same log")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is None:
        return scores / keras.ops.cast(lengths, "float32")
    return keras.ops.log(keras.ops.exp(scores) / keras.ops.exp(unconditional))


@right("lab11.normalised_scores", because="subtract nothing, or divide by one")
def normalised_scores(scores, lengths, unconditional=None):
    if unconditional is None:
        unconditional = keras.ops.zeros_like(scores)
    else:
        lengths = keras.ops.ones_like(scores)
    return keras.ops.divide(scores - unconditional, lengths)


@right("lab11.choose_candidate", because="max over a Python list is an argmax")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    scores = np.asarray(score_candidates(model, prompt_ids, candidates))
    if normalise == "length":
        scores = scores / [len(c) for c in candidates]
    elif normalise == "unconditional":
        if answer_prompt_ids is None:
            raise ValueError("Give answer_prompt_ids.")
        scores = scores - np.asarray(score_candidates(model, answer_prompt_ids, candidates))
    elif normalise != "none":
        raise ValueError(f"There is no normalisation {normalise!r}.")
    scores = scores.tolist()
    return scores.index(max(scores))


@right("lab11.choose_candidate", because="one candidate at a time, the best so far kept")
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    def rate(candidate):
        score = float(score_candidates(model, prompt_ids, [candidate])[0])
        if normalise == "length":
            return score / len(candidate)
        if normalise == "unconditional":
            return score - float(score_candidates(model, answer_prompt_ids, [candidate])[0])
        return score

    if normalise not in {"none", "length", "unconditional"}:
        raise ValueError("normalise is unknown")
    if normalise == "unconditional" and answer_prompt_ids is None:
        raise ValueError("answer_prompt_ids is missing")
    best, highest = 0, -float("inf")
    for place, candidate in enumerate(candidates):
        rated = rate(candidate)
        if rated > highest:
            best, highest = place, rated
    return best
