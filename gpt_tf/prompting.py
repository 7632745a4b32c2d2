"""Solves labelled tasks by prompt alone, as GPT-3 does (sections 2 and 2.4): nothing is trained.

Prompts are lab 12's and scores lab 11's, reached through `parts`. This module adds the wording of
each task, the choice of solved examples, and what to do when they do not fit into the context.
"""

import dataclasses

import keras
import numpy as np
from tqdm import tqdm

from gpt_tf import parts, tasks
from gpt_tf.compiling import compile_once

# What a class is called in an answer. Others answer with their own name.
ANSWERS = {
    "negative": "Bad.",
    "positive": "Good.",
    "unacceptable": "No.",
    "acceptable": "Yes.",
    "entailment": "Yes.",
    "neutral": "Nobody knows.",
    "contradiction": "No.",
    "not_entailment": "No.",
}
LENGTH_STEP = 32  # prompts are padded to a multiple of it: few shapes, few traces


@dataclasses.dataclass(frozen=True)
class Wording:
    """How a task is put into words.

    Args:
        description: str, the first line of the prompt.
        question: str with {0}, {1}, ... for the example's texts.
        normalise: str, how candidates are compared; see `parts.choose_candidate`. Answers that
            are the same in each question keep their plain sums; answers that differ are compared
            token by token.
    """

    description: str
    question: str
    normalise: str = "none"


WORDINGS = {
    "classification": Wording("Good or bad?", "{0}"),
    "cola": Wording("Is the sentence correct?", "{0}"),
    "entailment": Wording("Does it follow?", "{0} Is it true that {1}?"),
    "similarity": Wording("How alike are they, from 0 to 5?", "{0} And: {1}"),
    "multiple_choice": Wording("Answer the question.", "{0}", normalise="length"),
}


def wording_of(task):
    """Returns a task's `Wording`: its own where `WORDINGS` has its name, else its form's."""
    return WORDINGS.get(task.name) or WORDINGS[task.form]


def question_and_answers(task, example):
    """Puts an example into words.

    Args:
        task: `tasks.Task`.
        example: `tasks.Example` of the task.

    Returns:
        (question, answers): str, list of str. For similarity the answers are the scores 0 to 5,
        for multiple choice the example's own.

    Raises:
        ValueError: a text of the example is empty.
    """
    if not all(text.strip() for text in example.texts):
        raise ValueError(f"{task.name}: an example has an empty text; leave it out.")
    texts = [" ".join(text.split()) for text in example.texts]
    if task.form == "entailment":
        # The hypothesis goes on a sentence that has begun.
        texts[1] = texts[1].rstrip(".")
    question = wording_of(task).question.format(*texts)
    if task.form == "multiple_choice":
        return question, [text[:1].upper() + text[1:].rstrip(".") + "." for text in texts[1:]]
    if task.form == "similarity":
        return question, [str(score) for score in range(6)]
    return question, [ANSWERS.get(label, f"{label}.") for label in task.labels]


def fitted_prompt(tokenizer, task, shown, example, room):
    """Writes the prompt of one question, with as many solved examples as fit.

    Args:
        tokenizer: `Tokenizer`.
        task: `tasks.Task`.
        shown: list of `tasks.Example`, the solved examples; where they do not fit, the first ones
            are left out. A question that is too long on its own loses its beginning.
        example: `tasks.Example`, the question.
        room: int, the model's context in tokens, prompt and answer together.

    Returns:
        (prompt ids, candidates, fitted): list of int, list of lists of int, and int, the number
        of solved examples that are in the prompt.

    Raises:
        ValueError: an empty text, or an answer that leaves no room for a prompt.
    """
    wording = wording_of(task)
    solved = []
    for other in shown:
        question, answers = question_and_answers(task, other)
        solved.append((question, answers[int(round(other.label))]))
    question, answers = question_and_answers(task, example)
    candidates = [tokenizer.encode(f" {answer}") for answer in answers]
    room -= max(map(len, candidates))
    if room < 1:
        raise ValueError(f"{task.name}: an answer is longer than the context; leave it out.")
    for first in range(len(solved) + 1):
        prompt = parts.build_prompt(wording.description, solved[first:], question)
        ids = tokenizer.encode(prompt)
        if len(ids) <= room:
            return ids, candidates, len(solved) - first
    return ids[-room:], candidates, 0


def answer_prompts(model, tokenizer, task, shots, seed=0):
    """Answers every validation example of a task by prompt.

    Each question gets solved examples of its own, drawn from the training examples; the same ones
    for each model and the same seed.

    Args:
        model: a `parts.GPT`.
        tokenizer: `Tokenizer`, the model's.
        task: `tasks.Task`.
        shots: int, how many solved examples to show.
        seed: int, of the choice of examples.

    Returns:
        (predictions, fitted): list of int or (similarity: the scores' mean by their likelihood)
        float, for `tasks.score`; and float, the mean number of examples that fitted.

    Raises:
        ValueError: more shots than training examples, or as `fitted_prompt`.
    """
    if not 0 <= shots <= len(task.train):
        raise ValueError(
            f"{task.name} has {len(task.train)} training examples; {shots} cannot be shown."
        )
    forward = Padded(model)
    nothing = tokenizer.encode("A:")
    normalise = wording_of(task).normalise
    predictions, fitted = [], []
    questions = tqdm(task.validation, desc=f"{task.name}, {shots} shown", unit="question")
    for number, example in enumerate(questions):
        rng = np.random.default_rng([seed, number])
        shown = [task.train[i] for i in rng.choice(len(task.train), shots, replace=False)]
        prompt, candidates, fits = fitted_prompt(
            tokenizer, task, shown, example, model.config.max_sequence_length
        )
        fitted.append(fits)
        if task.form == "similarity":
            weights = keras.ops.softmax(parts.score_candidates(forward, prompt, candidates))
            predictions.append(float(np.asarray(weights, "float64") @ np.arange(len(candidates))))
        else:
            predictions.append(
                parts.choose_candidate(forward, prompt, candidates, normalise, nothing)
            )
    return predictions, float(np.mean(fitted))


def evaluate_prompts(model, tokenizer, task, shots, count, seed=0):
    """Scores a model on a task by prompt alone: zero-, one- or few-shot (GPT-3, section 2).

    Args:
        model: a `parts.GPT`, built; it is not trained.
        tokenizer: `Tokenizer`, the model's.
        task: `tasks.Task`.
        shots: int, solved examples to show; 0 and 1 are GPT-3's zero- and one-shot. Where fewer
            fit into the context, a sentence says how many did.
        count: int, number of validation examples to ask; all if there are fewer.
        seed: int, of the choice of questions and of examples.

    Returns:
        float, the task's metric over these questions.

    Raises:
        ValueError: a count below 1, no validation examples, or as `answer_prompts`.

    Example:
        >>> evaluate_prompts(gpt, tokenizer, world_tasks()[0], shots=4, count=100)
    """
    if count < 1 or not task.validation:
        raise ValueError(f"{task.name}: ask at least one question; there are {count} to ask.")
    chosen = np.random.default_rng(seed).permutation(len(task.validation))[:count]
    asked = dataclasses.replace(task, validation=[task.validation[i] for i in chosen])
    predictions, fitted = answer_prompts(model, tokenizer, asked, shots, seed)
    if fitted < shots:
        print(
            f"{task.name}: of {shots} examples {fitted:.1f} fitted on average into the context of "
            f"{model.config.max_sequence_length} tokens."
        )
    return float(tasks.score(asked, predictions))


class Padded:
    """Runs a GPT as a graph on few different lengths; what is padded on, nobody sees.

    Texts of many lengths would otherwise be one graph each. Lengths are rounded up to a multiple
    of 32, and what stands after a text cannot change what the model says about it.

    Args:
        model: `parts.GPT`, built.

    Example:
        >>> Padded(model)(keras.ops.ones((2, 5), "int32")).shape
        (2, 5, 4096)
    """

    def __init__(self, model):
        self.longest = model.config.max_sequence_length

        # Without XLA: few calls of each length never earn back what it takes to compile.
        @compile_once(model, jit_compile=False)
        def logits(tokens):
            return model(tokens, training=False)

        self.graph = logits

    def __call__(self, tokens):
        length = tokens.shape[1]
        padded = min(self.longest, -(-length // LENGTH_STEP) * LENGTH_STEP)
        tokens = keras.ops.pad(tokens, ((0, 0), (0, padded - length)))
        return self.graph(tokens)[:, :length]
