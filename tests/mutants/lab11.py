"""Known-wrong answers to lab 11, and the misconception that each must draw."""

import math

import keras
import numpy as np


def wording(task, text, question):
    """Returns the stripped text and question; raises where `task_as_text` should."""
    text, question = text.strip(), question.strip()
    if task not in ("translate", "answer", "summarise"):
        raise ValueError("unknown")
    if not (question if task == "answer" else text):
        raise ValueError("empty")
    return text, question


@wrong("lab11.task_as_text", draws="task.space-at-the-end")
def task_as_text(task, text="", question=""):
    text, question = wording(task, text, question)
    if task == "translate":
        return f"{text} = "
    if task == "summarise":
        return f"{text}\nTL;DR: "
    return f"{text}\nQ: {question} A: ".lstrip()


@wrong("lab11.task_as_text", draws="task.instruction-first")
def task_as_text(task, text="", question=""):
    text, question = wording(task, text, question)
    if task == "translate":
        return f"{text} ="
    if task == "summarise":
        return f"TL;DR:\n{text}"
    return f"Q: {question}\n{text} A:" if text else f"Q: {question} A:"


@wrong("lab11.task_as_text", draws="task.one-line")
def task_as_text(task, text="", question=""):
    text, question = wording(task, text, question)
    if task == "translate":
        return f"{text} ="
    if task == "summarise":
        return f"{text} TL;DR:"
    return f"{text} Q: {question} A:".strip()


@wrong("lab11.task_as_text", draws="task.no-space")
def task_as_text(task, text="", question=""):
    text, question = wording(task, text, question)
    ends = {"translate": "=", "summarise": "\nTL;DR:", "answer": f"\nQ: {question} A:"}
    return (text + ends[task]).lstrip()


@wrong("lab11.task_as_text", draws="task.no-document")
def task_as_text(task, text="", question=""):
    text, question = wording(task, text, question)
    if task == "answer":
        return f"Q: {question} A:"
    return f"{text} =" if task == "translate" else f"{text}\nTL;DR:"


@wrong("lab11.task_as_text", draws="task.empty-line")
def task_as_text(task, text="", question=""):
    text, question = wording(task, text, question)
    if task == "answer":
        return f"{text}\nQ: {question} A:"
    return f"{text} =" if task == "translate" else f"{text}\nTL;DR:"


@wrong("lab11.task_as_text", draws="task.not-stripped")
def task_as_text(task, text="", question=""):
    wording(task, text, question)
    if task == "answer":
        return f"{text}\nQ: {question} A:" if text else f"Q: {question} A:"
    return f"{text} =" if task == "translate" else f"{text}\nTL;DR:"


@wrong("lab11.task_as_text", draws="task.anything-goes")
def task_as_text(task, text="", question=""):
    text, question = text.strip(), question.strip()
    if task == "translate":
        return f"{text} ="
    if task == "summarise":
        return f"{text}\nTL;DR:"
    return f"{text}\nQ: {question} A:".lstrip()


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


@wrong("lab11.last_word", draws="word.space-in-context")
def last_word(passage):
    passage = passage.rstrip()
    words = passage.split()
    if len(words) < 2:
        raise ValueError("too short")
    cut = len(passage) - len(words[-1])
    return passage[:cut], passage[cut:]


@wrong("lab11.last_word", draws="word.space-lost")
def last_word(passage):
    context, word = passage.rsplit(maxsplit=1)
    return context, word


@wrong("lab11.last_word", draws="word.context-changed")
def last_word(passage):
    *words, word = passage.split()
    if not words:
        raise ValueError("too short")
    return " ".join(words), f" {word}"


@wrong("lab11.last_word", draws="word.spaces-only")
def last_word(passage):
    passage = passage.strip()
    if len(passage.split()) < 2:
        raise ValueError("too short")
    cut = passage.rindex(" ")
    return passage[:cut], passage[cut:]


@wrong("lab11.last_word", draws="word.always-a-space")
def last_word(passage):
    passage = passage.rstrip()
    words = passage.split()
    if len(words) < 2:
        raise ValueError("too short")
    return passage[: -len(words[-1]) - 1], f" {words[-1]}"


@wrong("lab11.last_word", draws="word.all-white-space")
def last_word(passage):
    if len(passage.split()) < 2:
        raise ValueError("too short")
    passage = passage.rstrip()
    context = passage[: -len(passage.split()[-1])].rstrip()
    return context, passage[len(context) :]


@wrong("lab11.last_word", draws="word.not-stripped")
def last_word(passage):
    if len(passage.split()) < 2:
        raise ValueError("too short")
    cut = max(place for place, character in enumerate(passage) if character.isspace())
    return passage[:cut], passage[cut:]


@wrong("lab11.last_word", draws="word.nothing-accepted")
def last_word(passage):
    passage = passage.rstrip()
    words = passage.split()
    if not words:
        return "", ""
    cut = max(0, len(passage) - len(words[-1]) - 1)
    return passage[:cut], passage[cut:]


def looked_up(model, context_ids, target_ids, forbidden_ids=(), shift=1):
    """Returns (log-probabilities, logits with the filter) at the places of the target."""
    if not context_ids or not target_ids:
        raise ValueError("nothing to predict")
    row = np.array([[*context_ids, *target_ids]], "int32")
    first = len(context_ids) - shift
    logits = np.array(model(row)[0, first : first + len(target_ids)])
    logs = np.array(keras.ops.log_softmax(logits))[range(len(target_ids)), target_ids]
    logits[0, list(forbidden_ids)] = -np.inf
    return logs, logits


@wrong("lab11.last_word_prediction", draws="last.mean")
def last_word_prediction(model, context_ids, target_ids, forbidden_ids=()):
    logs, logits = looked_up(model, context_ids, target_ids, forbidden_ids)
    return float(logs.mean()), logits.argmax(axis=-1).tolist() == target_ids


@wrong("lab11.last_word_prediction", draws="last.first-token-only")
def last_word_prediction(model, context_ids, target_ids, forbidden_ids=()):
    logs, logits = looked_up(model, context_ids, target_ids, forbidden_ids)
    return float(logs.sum()), bool(logits[0].argmax() == target_ids[0])


@wrong("lab11.last_word_prediction", draws="last.position-of-the-token")
def last_word_prediction(model, context_ids, target_ids, forbidden_ids=()):
    logs, _ = looked_up(model, context_ids, target_ids)
    _, logits = looked_up(model, context_ids, target_ids, forbidden_ids, shift=0)
    return float(logs.sum()), logits.argmax(axis=-1).tolist() == target_ids


@wrong("lab11.last_word_prediction", draws="last.filter-in-likelihood")
def last_word_prediction(model, context_ids, target_ids, forbidden_ids=()):
    _, logits = looked_up(model, context_ids, target_ids, forbidden_ids)
    logs = np.array(keras.ops.log_softmax(logits))[range(len(target_ids)), target_ids]
    return float(logs.sum()), logits.argmax(axis=-1).tolist() == target_ids


@wrong("lab11.last_word_prediction", draws="last.filter-everywhere")
def last_word_prediction(model, context_ids, target_ids, forbidden_ids=()):
    logs, logits = looked_up(model, context_ids, target_ids)
    logits[:, list(forbidden_ids)] = -np.inf
    return float(logs.sum()), logits.argmax(axis=-1).tolist() == target_ids


@wrong("lab11.last_word_prediction", draws="last.filter-ignored")
def last_word_prediction(model, context_ids, target_ids, forbidden_ids=()):
    logs, logits = looked_up(model, context_ids, target_ids)
    return float(logs.sum()), logits.argmax(axis=-1).tolist() == target_ids


@wrong("lab11.last_word_prediction", draws="last.types")
def last_word_prediction(model, context_ids, target_ids, forbidden_ids=()):
    logs, logits = looked_up(model, context_ids, target_ids, forbidden_ids)
    return float(logs.sum()), logits.argmax(axis=-1) == target_ids


@wrong("lab11.last_word_prediction", draws="last.nothing-accepted")
def last_word_prediction(model, context_ids, target_ids, forbidden_ids=()):
    if not target_ids:
        return 0.0, True
    logs, logits = looked_up(model, context_ids or [0], target_ids, forbidden_ids)
    return float(logs.sum()), logits.argmax(axis=-1).tolist() == target_ids


def log_p(model, tokens):
    """Returns log P of all tokens but the first."""
    logits = model(np.array([tokens], "int32"))[0, :-1]
    return np.array(keras.ops.log_softmax(logits))[range(len(tokens) - 1), tokens[1:]]


def refuse(tokens, length, stride):
    """Raises where `text_log_probabilities` should."""
    if len(tokens) < 2 or not 0 < stride < length:
        raise ValueError("impossible")


@wrong("lab11.text_log_probabilities", draws="windows.counted-twice")
def text_log_probabilities(model, tokens, length, stride):
    refuse(tokens, length, stride)
    end = min(length, len(tokens))
    found = [log_p(model, tokens[:end])]
    while end < len(tokens):
        end = min(end + stride, len(tokens))
        found.append(log_p(model, tokens[end - length : end]))
    return keras.ops.concatenate(found)


@wrong("lab11.text_log_probabilities", draws="windows.last-one-shorter")
def text_log_probabilities(model, tokens, length, stride):
    refuse(tokens, length, stride)
    found, counted, begin = [], 1, 0
    while counted < len(tokens):
        window = tokens[begin : begin + length]
        found.append(log_p(model, window)[counted - begin - len(window) :])
        counted, begin = begin + len(window), begin + stride
    return keras.ops.concatenate(found)


@wrong("lab11.text_log_probabilities", draws="windows.stride-ignored")
def text_log_probabilities(model, tokens, length, stride):
    refuse(tokens, length, stride)
    begins = range(0, len(tokens) - 1, length - 1)
    return keras.ops.concatenate([log_p(model, tokens[b : b + length]) for b in begins])


@wrong("lab11.text_log_probabilities", draws="windows.never-forgets")
def text_log_probabilities(model, tokens, length, stride):
    refuse(tokens, length, stride)
    return keras.ops.convert_to_tensor(log_p(model, tokens))


@wrong("lab11.text_log_probabilities", draws="windows.end-left-out")
def text_log_probabilities(model, tokens, length, stride):
    refuse(tokens, length, stride)
    end = min(length, len(tokens))
    found = [log_p(model, tokens[:end])]
    while end + stride < len(tokens):
        end += stride
        found.append(log_p(model, tokens[end - length : end])[-stride:])
    return keras.ops.concatenate(found)


@wrong("lab11.text_log_probabilities", draws="windows.position-of-the-token")
def text_log_probabilities(model, tokens, length, stride):
    refuse(tokens, length, stride)
    found, counted, end = [], 1, min(length, len(tokens))
    while counted < len(tokens):
        window = tokens[max(0, end - length) : end]
        logs = keras.ops.log_softmax(model(np.array([window], "int32"))[0])
        found.append(np.array(logs)[range(len(window)), window][counted - end :])
        counted, end = end, min(end + stride, len(tokens))
    return keras.ops.concatenate(found)


@wrong("lab11.text_log_probabilities", draws="windows.no-softmax")
def text_log_probabilities(model, tokens, length, stride):
    refuse(tokens, length, stride)
    found, counted, end = [], 1, min(length, len(tokens))
    while counted < len(tokens):
        window = tokens[max(0, end - length) : end]
        logits = np.array(model(np.array([window], "int32"))[0])
        found.append(logits[range(len(window) - 1), window[1:]][counted - end :])
        counted, end = end, min(end + stride, len(tokens))
    return keras.ops.concatenate(found)


@wrong("lab11.text_log_probabilities", draws="windows.anything-goes")
def text_log_probabilities(model, tokens, length, stride):
    if len(tokens) < 2:
        return keras.ops.zeros(0)
    stride = min(max(1, stride), length - 1)
    found, counted, end = [], 1, min(length, len(tokens))
    while counted < len(tokens):
        found.append(log_p(model, tokens[max(0, end - length) : end])[counted - end :])
        counted, end = end, min(end + stride, len(tokens))
    return keras.ops.concatenate(found)


@wrong("lab11.bits_per_byte", draws="bits.characters")
def bits_per_byte(nats_per_token, num_tokens, text):
    if not text:
        raise ValueError("empty")
    return nats_per_token * num_tokens / math.log(2) / len(text)


@wrong("lab11.bits_per_byte", draws="bits.nats")
def bits_per_byte(nats_per_token, num_tokens, text):
    if not text:
        raise ValueError("empty")
    return nats_per_token * num_tokens / len(text.encode("utf-8"))


@wrong("lab11.bits_per_byte", draws="bits.a-token")
def bits_per_byte(nats_per_token, num_tokens, text):
    if not text:
        raise ValueError("empty")
    return nats_per_token / math.log(2)


@wrong("lab11.bits_per_byte", draws="bits.times-ln-2")
def bits_per_byte(nats_per_token, num_tokens, text):
    if not text:
        raise ValueError("empty")
    return nats_per_token * num_tokens * math.log(2) / len(text.encode("utf-8"))


@wrong("lab11.bits_per_byte", draws="bits.tokens-ignored")
def bits_per_byte(nats_per_token, num_tokens, text):
    if not text:
        raise ValueError("empty")
    return nats_per_token / math.log(2) / len(text.encode("utf-8"))


@wrong("lab11.bits_per_byte", draws="bits.words")
def bits_per_byte(nats_per_token, num_tokens, text):
    if not text:
        raise ValueError("empty")
    return nats_per_token * num_tokens / math.log(2) / len(text.split())


@wrong("lab11.bits_per_byte", draws="bits.nothing-accepted")
def bits_per_byte(nats_per_token, num_tokens, text):
    return nats_per_token * num_tokens / math.log(2) / max(1, len(text.encode("utf-8")))
