"""Known-right answers to lab 11, written differently."""

import math

import keras
import numpy as np


@right("lab11.task_as_text", because="one task after the other, each checked where it is written")
def task_as_text(task, text="", question=""):
    lines = [text.strip()] if text.strip() else []
    if task == "answer":
        if not question.strip():
            raise ValueError("What is the question?")
        lines.append("Q: " + question.strip() + " A:")
    elif not lines:
        raise ValueError("There is no text.")
    elif task == "summarise":
        lines.append("TL;DR:")
    elif task == "translate":
        lines[0] += " ="
    else:
        raise ValueError("The task is unknown.")
    return "\n".join(lines)


@right("lab11.task_as_text", because="templates may be filled with format")
def task_as_text(task, text="", question=""):
    templates = {"translate": "{0} =", "summarise": "{0}\nTL;DR:", "answer": "{0}\nQ: {1} A:"}
    if task not in templates or (task == "answer" and not question.strip()):
        raise ValueError("unknown task or no question")
    if task != "answer" and not text.strip():
        raise ValueError("no text")
    return templates[task].format(text.strip(), question.strip()).removeprefix("\n")


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


@right("lab11.last_word", because="the last white space can be looked for from the right")
def last_word(passage):
    passage = passage.rstrip()
    cut = len(passage) - 1
    while cut > 0 and not passage[cut].isspace():
        cut -= 1
    if not passage[: max(cut, 0)].strip():
        raise ValueError("There are no two words.")
    return passage[:cut], passage[cut:]


@right("lab11.last_word", because="the word is what rsplit leaves, and its space comes before it")
def last_word(passage):
    passage = passage.rstrip()
    try:
        _, word = passage.rsplit(maxsplit=1)
    except ValueError:
        raise ValueError("Give at least two words.") from None
    target = passage[-len(word) - 1 :]
    return passage.removesuffix(target), target


@right("lab11.last_word_prediction", because="a sum of picked log-softmaxes, one token at a time")
def last_word_prediction(model, context_ids, target_ids, forbidden_ids=()):
    if not len(context_ids) or not len(target_ids):
        raise ValueError("There is nothing to predict.")
    total, right, row = 0.0, True, list(context_ids)
    for place, token in enumerate(target_ids):
        logits = np.array(model(np.array([row], "int32"))[0, -1], "float64")
        shifted = logits - logits.max()
        total += shifted[token] - np.log(np.exp(shifted).sum())
        allowed = [i for i in range(len(logits)) if place or i not in forbidden_ids]
        right = right and max(allowed, key=lambda i, logits=logits: logits[i]) == token
        row.append(token)
    return float(total), bool(right)


@right("lab11.last_word_prediction", because="a large penalty forbids as well, in Keras operations")
def last_word_prediction(model, context_ids, target_ids, forbidden_ids=()):
    log_likelihood = float(score_candidates(model, context_ids, [target_ids])[0])
    row = keras.ops.convert_to_tensor([context_ids + target_ids], "int32")
    logits = model(row)[:, len(context_ids) - 1 : -1]
    if target_ids[0] in forbidden_ids:
        return log_likelihood, False
    if len(forbidden_ids):
        one_hot = keras.ops.one_hot(keras.ops.array(forbidden_ids), logits.shape[-1])
        penalty = 1e6 * keras.ops.sum(one_hot, axis=0)
        first = logits[:, :1] - penalty
        logits = keras.ops.concatenate([first, logits[:, 1:]], axis=1)
    written = keras.ops.argmax(logits[0], axis=-1)
    return log_likelihood, bool(keras.ops.all(written == keras.ops.array(target_ids)))


@right("lab11.text_log_probabilities", because="all windows' spans first, then the sums")
def text_log_probabilities(model, tokens, length, stride):
    count = len(tokens)
    if count < 2 or stride < 1 or stride > length - 1:
        raise ValueError("There is no such window.")
    ends = [*range(min(length, count), count, stride), count]
    found = []
    for before, end in zip([1, *ends], ends, strict=False):
        window = np.array([tokens[max(0, end - length) : end]], "int32")
        losses = keras.losses.sparse_categorical_crossentropy(
            window[:, 1:], model(window)[:, :-1], from_logits=True
        )
        found += np.array(-losses)[0].tolist()[len(losses[0]) - (end - before) :]
    return keras.ops.convert_to_tensor(found)


@right("lab11.text_log_probabilities", because="each token can be told by its own window")
def text_log_probabilities(model, tokens, length, stride):
    if len(tokens) < 2 or not 1 <= stride < length:
        raise ValueError("impossible")
    found = []
    for place in range(1, len(tokens)):
        moves = max(0, -(-(place + 1 - length) // stride))
        end = min(length + moves * stride, len(tokens))
        begin = max(0, end - length)
        logits = model(np.array([tokens[begin:end]], "int32"))[0, place - begin - 1]
        found.append(keras.ops.log_softmax(logits)[tokens[place]])
    return keras.ops.stack(found)


@right("lab11.bits_per_byte", because="log2 of a probability is its log over ln 2")
def bits_per_byte(nats_per_token, num_tokens, text):
    size = len(text.encode())
    if size == 0:
        raise ValueError("There are no bytes.")
    return nats_per_token * math.log2(math.e) * num_tokens / size


@right("lab11.bits_per_byte", because="bits of a token first, then tokens of a byte")
def bits_per_byte(nats_per_token, num_tokens, text):
    data = bytes(text, "utf-8")
    if not data:
        raise ValueError("empty text")
    return (nats_per_token / np.log(2)) * (num_tokens / len(data))
