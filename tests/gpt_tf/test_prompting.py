"""Tasks by prompt alone: wording, fitting into the context, answers, errors."""

import dataclasses

import keras
import numpy as np
import pytest

from gpt_tf import parts, prompting, tasks
from gpt_tf.config import GPTConfig
from gpt_tf.tasks import Example, Task
from gpt_tf.tokenizer import Tokenizer

CONFIG = GPTConfig(257, 96, num_layers=1, num_heads=2, hidden_dim=16)
SENTIMENT = Task(
    "reviews",
    "classification",
    ("negative", "positive"),
    "accuracy",
    [Example((f"It was {word}.",), label) for word, label in (("bad", 0), ("good", 1), ("ok", 1))],
    [Example(("I liked it.",), 1), Example(("I hated it.",), 0), Example(("Well made.",), 1)],
)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.from_merges([], ["<|endoftext|>"])


class Parrot:
    """Stands in for a GPT: expects each byte to follow as it did in one text."""

    config = CONFIG

    def __init__(self, text):
        table = np.zeros((257, 257), "float32")
        for one, next_one in zip(text, text[1:], strict=False):
            table[one, next_one] += 4
        self.table = keras.ops.convert_to_tensor(table)

    def __call__(self, tokens, training=False):
        return keras.ops.take(self.table, tokens, axis=0)


def test_wording_of_each_form():
    for task in tasks.world_tasks(train=2, validation=2):
        question, answers = prompting.question_and_answers(task, task.train[0])
        assert "\n" not in question and task.train[0].texts[0].split()[-1].strip(".?") in question
        expected = {"similarity": 6, "multiple_choice": 4}.get(task.form, len(task.labels))
        assert len(answers) == expected == len(set(answers))
    assert prompting.question_and_answers(SENTIMENT, SENTIMENT.train[0])[1] == ["Bad.", "Good."]


def test_every_label_of_the_real_tasks_has_a_word():
    for source in tasks._REAL.values():
        if source.form in ("classification", "entailment"):
            names = source.names or source.labels
            words = [prompting.ANSWERS[name] for name in names]
            assert len(set(words)) == len(names)


def test_prompt_with_all_examples(tokenizer):
    ids, candidates, fitted = prompting.fitted_prompt(
        tokenizer, SENTIMENT, SENTIMENT.train[:2], SENTIMENT.validation[0], 200
    )
    assert tokenizer.decode(ids) == (
        "Good or bad?\nQ: It was bad. A: Bad.\nQ: It was good. A: Good.\nQ: I liked it. A:"
    )
    assert [tokenizer.decode(c) for c in candidates] == [" Bad.", " Good."]
    assert fitted == 2


def test_oldest_examples_are_dropped(tokenizer):
    ids, _, fitted = prompting.fitted_prompt(
        tokenizer, SENTIMENT, SENTIMENT.train, SENTIMENT.validation[0], 65
    )
    text = tokenizer.decode(ids)
    assert fitted == 1 and "It was ok." in text and "It was good." not in text
    assert len(ids) + len(" Good.") <= 65


def test_long_question_loses_its_beginning(tokenizer):
    ids, _, fitted = prompting.fitted_prompt(
        tokenizer, SENTIMENT, SENTIMENT.train, SENTIMENT.validation[0], 18
    )
    assert fitted == 0 and tokenizer.decode(ids) == "I liked it. A:"[-12:]


def test_answers_come_from_the_model(tokenizer):
    for word, score in (("Good.", 2 / 3), ("Bad.", 1 / 3)):
        parrot = Parrot(tokenizer.encode(f"A: {word}"))
        assert prompting.evaluate_prompts(parrot, tokenizer, SENTIMENT, 0, 3) == pytest.approx(
            score
        )


def test_count_and_seed_choose_the_questions(tokenizer):
    parrot = Parrot(tokenizer.encode("A: Good."))
    scores = {prompting.evaluate_prompts(parrot, tokenizer, SENTIMENT, 1, 1, s) for s in range(8)}
    assert scores == {0.0, 1.0}


def test_examples_are_the_same_for_each_model(tokenizer, monkeypatch):
    seen = []
    score = parts.score_candidates

    def spy(model, prompt, candidates):
        seen.append(tuple(prompt))
        return score(model, prompt, candidates)

    similarity = Task("alike", "similarity", (), "pearson", *[
        [Example((f"{i} cats", "a cat"), float(i)) for i in range(5)]
    ] * 2)  # fmt: skip
    monkeypatch.setattr(parts, "score_candidates", spy, raising=False)
    for text in ("A: 5", "A: 0"):
        prompting.answer_prompts(Parrot(tokenizer.encode(text)), tokenizer, similarity, 2, 4)
    assert len(seen) == 10 and seen[:5] == seen[5:]


def test_it_says_how_many_examples_fitted(tokenizer, capsys):
    parrot = Parrot(tokenizer.encode("A: Good."))
    long = dataclasses.replace(SENTIMENT, train=[Example(("word " * 10,), 1)] * 5)
    prompting.evaluate_prompts(parrot, tokenizer, long, 5, 2)
    assert "of 5 examples 0.0 fitted" in capsys.readouterr().out


def test_padding_changes_nothing():
    keras.utils.set_random_seed(0)
    gpt = parts.GPT(CONFIG)
    padded = prompting.Padded(gpt)
    for length in (1, 33, 96):
        tokens = keras.ops.convert_to_tensor(np.arange(2 * length).reshape(2, length) % 257)
        assert np.allclose(padded(tokens), gpt(tokens), atol=1e-5)


def test_all_forms_with_a_gpt(tokenizer):
    keras.utils.set_random_seed(0)
    gpt = parts.GPT(CONFIG)
    gpt(np.zeros((1, 2), "int32"))
    for task in tasks.world_tasks(train=4, validation=2):
        score = prompting.evaluate_prompts(gpt, tokenizer, task, 1, 2)
        assert -1 <= score <= 1


def test_bad_input(tokenizer):
    parrot = Parrot([1, 2])
    with pytest.raises(ValueError, match="reviews has 3 training examples; 4 cannot be shown"):
        prompting.evaluate_prompts(parrot, tokenizer, SENTIMENT, 4, 2)
    with pytest.raises(ValueError, match="reviews: ask at least one question"):
        prompting.evaluate_prompts(parrot, tokenizer, SENTIMENT, 0, 0)
    empty = dataclasses.replace(SENTIMENT, validation=[Example(("",), 0)])
    with pytest.raises(ValueError, match="reviews: an example has an empty text"):
        prompting.evaluate_prompts(parrot, tokenizer, empty, 0, 1)
    with pytest.raises(ValueError, match="longer than the context"):
        prompting.fitted_prompt(tokenizer, SENTIMENT, [], SENTIMENT.validation[0], 5)
