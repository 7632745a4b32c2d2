"""The fine-tuner: rows, the model around GPT and head, the loop, and what it says to bad input."""

import dataclasses

import keras
import numpy as np
import pytest

from gpt_tf import finetuning, parts, tasks
from gpt_tf.config import GPTConfig
from gpt_tf.tasks import Example, Task
from gpt_tf.tokenizer import Tokenizer

CONFIG = GPTConfig(261, 32, num_layers=1, num_heads=2, hidden_dim=16)
FAST = finetuning.Settings(length=24, batch_size=8, epochs=2, peak_rate=1e-2, reports=1)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.from_merges([], ["<|endoftext|>", *finetuning.TOKENS.values()])


@pytest.fixture
def gpt():
    keras.utils.set_random_seed(1)
    model = parts.GPT(CONFIG)
    model(np.zeros((1, 2), "int32"))
    return model


def classification(count=24):
    """Texts of x or of o: anything that learns at all tells them apart."""
    examples = [Example((("x " if i % 2 else "o ") * 3 + str(i),), i % 2) for i in range(count)]
    return Task("letters", "classification", ("o", "x"), "accuracy", examples, examples[:10])


def similarity():
    pairs = [Example(("a b", "a b" if s > 2 else "c"), float(s)) for s in (0, 1.5, 3, 4.25, 5)]
    return Task("alike", "similarity", (), "pearson", pairs, pairs)


def entailment():
    pairs = [Example(("a dog", "an animal"), 0), Example(("a cat", "a hat"), 2)]
    labels = ("entailment", "neutral", "contradiction")
    return Task("follows", "entailment", labels, "accuracy", pairs, pairs)


def multiple_choice():
    questions = [Example(("a? b?", "a", "b", "cc"), 0), Example(("b? c?", "b", "aa", "c"), 2)]
    return Task("choose", "multiple_choice", ("0", "1", "2"), "accuracy", questions, questions)


ALL = [classification, entailment, similarity, multiple_choice]


@pytest.mark.parametrize(
    ("make", "rows", "classes"), zip(ALL, (1, 1, 2, 3), (2, 3, 6, 3), strict=True)
)
def test_rows_of_each_form(tokenizer, make, rows, classes):
    task = make()
    made, targets = finetuning.rows_of(task, task.train, tokenizer, 20)
    assert made.shape == (len(task.train), rows, 20) and made.dtype == np.int32
    assert targets.shape == (len(task.train), classes)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
    tokens = finetuning.task_tokens(tokenizer)
    assert (made[..., 0] == tokens["start"]).all()
    assert ((made == tokens["extract"]).sum(axis=-1) == 1).all()
    means = targets @ np.arange(classes)
    np.testing.assert_allclose(means, [e.label for e in task.train], rtol=1e-6)


@pytest.mark.parametrize("make", ALL)
def test_logits_do_not_depend_on_padding(gpt, tokenizer, make):
    task = make()
    tokens, classes = finetuning.task_tokens(tokenizer), finetuning.num_classes(task)
    model = finetuning.TaskModel(gpt, task.form, classes, tokens)
    short, long = (
        model(finetuning.rows_of(task, task.train[:2], tokenizer, n)[0]) for n in (20, 30)
    )
    assert short.shape == (2, classes)
    np.testing.assert_allclose(short, long, atol=1e-5)


def test_similarity_has_no_order(gpt, tokenizer):
    tokens = finetuning.task_tokens(tokenizer)
    model = finetuning.TaskModel(gpt, "similarity", 6, tokens)
    rows = [
        finetuning.rows_of(similarity(), [Example(texts, 1.0)], tokenizer, 20)[0]
        for texts in (("a b c", "d"), ("d", "a b c"))
    ]
    np.testing.assert_allclose(model(rows[0]), model(rows[1]), atol=1e-6)


@pytest.mark.parametrize("make", ALL)
def test_loss_is_the_sum_of_its_parts(gpt, tokenizer, make):
    task = make()
    tokens, classes = finetuning.task_tokens(tokenizer), finetuning.num_classes(task)
    rows, targets = finetuning.rows_of(task, task.train[:2], tokenizer, 20)
    model = finetuning.TaskModel(gpt, task.form, classes, tokens, 0.0, language_weight=0.3)
    loss, found_task, found_language = map(float, model.train_losses(rows, targets))
    log_p = keras.ops.convert_to_numpy(keras.ops.log_softmax(model(rows)))
    task_loss = -np.mean(np.sum(targets * log_p, axis=1))
    # One row of each example is read: the right answer's, or the first. Special tokens are no text.
    chosen = [e.label if task.form == "multiple_choice" else 0 for e in task.train[:2]]
    losses = []
    for row in (rows[i, c] for i, c in enumerate(chosen)):
        predicted = keras.ops.convert_to_numpy(keras.ops.log_softmax(gpt(row[None])))[0]
        losses += [
            -predicted[t, row[t + 1]]
            for t in range(len(row) - 1)
            if row[t + 1] not in tokens.values()
        ]
    assert found_task == pytest.approx(task_loss, rel=1e-4)
    assert found_language == pytest.approx(np.mean(losses), rel=1e-4)
    assert loss == pytest.approx(task_loss + 0.3 * np.mean(losses), rel=1e-4)


def test_finetune_learns_and_leaves_the_model_alone(gpt, tokenizer):
    before = gpt.get_weights()
    task = classification()
    settings = dataclasses.replace(FAST, epochs=8, dropout=0.0)
    done = finetuning.finetune(gpt, task, tokenizer, settings, seed=3, label="test")
    history = done["history"]
    assert all(np.array_equal(a, b) for a, b in zip(before, gpt.get_weights(), strict=True))
    assert done["score"] == history["score"][-1] == done["scores"]["f1"] == 1.0
    assert done["predictions"] == [example.label for example in task.validation]
    assert history["step"] == [3 * (i + 1) for i in range(8)]
    assert history["task_loss"][-1] < history["task_loss"][0]
    assert history["language_loss"][-1] < history["language_loss"][0]
    sums = np.add(history["task_loss"], 0.5 * np.array(history["language_loss"]))
    np.testing.assert_allclose(history["loss"], sums, rtol=1e-4)


def test_the_same_seed_gives_the_same_curve(gpt, tokenizer):
    curves = [
        finetuning.finetune(gpt, classification(), tokenizer, FAST, seed=s)["history"]["loss"]
        for s in (5, 5, 6)
    ]
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-5)
    assert not np.allclose(curves[0], curves[2], rtol=1e-5)


def test_fewer_reports_change_nothing_else(gpt, tokenizer):
    often, seldom = (
        finetuning.finetune(gpt, classification(), tokenizer, dataclasses.replace(FAST, **how))
        for how in ({"epochs": 4, "reports": 1}, {"epochs": 4, "reports": 0.5})
    )
    assert seldom["history"]["step"] == often["history"]["step"][1::2]
    assert seldom["history"]["score"] == often["history"]["score"][1::2]


def test_the_score_can_wait_for_the_last_step(gpt, tokenizer):
    always, once = (
        finetuning.finetune(
            gpt, classification(), tokenizer, dataclasses.replace(FAST, score_reports=wanted)
        )
        for wanted in (True, False)
    )
    expected = [None] * (len(always["history"]["score"]) - 1) + [always["score"]]
    assert once["history"] == always["history"] | {"score": expected}
    assert once["score"] == always["score"]


@pytest.mark.parametrize("make", [similarity, multiple_choice])
def test_finetune_of_few_examples(gpt, tokenizer, make):
    settings = dataclasses.replace(FAST, epochs=1, language_weight=0.0)
    done = finetuning.finetune(gpt, make(), tokenizer, settings)
    assert np.isfinite(done["score"]) and done["history"]["language_loss"] == [0.0]


def test_dropout_works_in_training_only(tokenizer):
    keras.utils.set_random_seed(1)
    gpt = parts.GPT(dataclasses.replace(CONFIG, dropout=0.5))
    gpt(np.zeros((1, 2), "int32"))
    task, tokens = classification(), finetuning.task_tokens(tokenizer)
    rows, _ = finetuning.rows_of(task, task.train[:2], tokenizer, 20)
    model = finetuning.TaskModel(gpt, task.form, 2, tokens, dropout=0.0)
    np.testing.assert_array_equal(model(rows), model(rows))
    states = [np.asarray(model(rows, training=True)[1]) for _ in range(2)]
    assert not np.allclose(*states)


def test_clone_is_another_model_with_the_same_weights(gpt):
    twin = finetuning.clone_gpt(gpt)
    tokens = np.arange(10).reshape(2, 5)
    np.testing.assert_array_equal(twin(tokens), gpt(tokens))
    twin.embedding.token_embeddings.assign(twin.embedding.token_embeddings * 0)
    assert not np.allclose(twin(tokens), gpt(tokens))


def test_the_clone_has_a_dropout_of_its_own(gpt):
    twin = finetuning.clone_gpt(gpt, dropout=0.25)
    assert (twin.config.dropout, gpt.config.dropout) == (0.25, 0.0)
    tokens = np.arange(10).reshape(2, 5)
    np.testing.assert_array_equal(twin(tokens), gpt(tokens))
    assert not np.allclose(twin(tokens, training=True), gpt(tokens, training=True))


def test_what_is_frozen_stays_as_it_is(gpt, tokenizer, monkeypatch):
    """Lab 10 freezes blocks: neither the copy nor fine-tuning may thaw them."""
    gpt.blocks[0].trainable = False
    made = []
    clone = finetuning.clone_gpt
    monkeypatch.setattr(finetuning, "clone_gpt", lambda *a: made.append(clone(*a)) or made[-1])
    finetuning.finetune(gpt, classification(), tokenizer, FAST)
    for before, after in zip(gpt.weights, made[0].weights, strict=True):
        frozen = any(before is weight for weight in gpt.blocks[0].weights)
        assert frozen == np.array_equal(before, after), before.path


def test_the_same_model_without_pre_training(gpt):
    one, same, other = (finetuning.untrained(gpt, seed) for seed in (1, 1, 2))
    assert one.config == gpt.config
    table = [np.asarray(model.embedding.token_embeddings) for model in (one, same, other)]
    np.testing.assert_array_equal(table[0], table[1])
    assert not np.allclose(table[0], table[2])


def test_held_out_examples_choose_the_weights(gpt, tokenizer, monkeypatch):
    """The best report counts, not the last, and the validation examples do not choose it."""
    judged = []
    scores = iter([0.5, 0.9, 0.7, 0.9])

    def score(task, predictions, metric=None):
        if metric is not None:  # the end: the validation examples
            return 0.25
        judged.append(task.validation)
        return next(scores)

    weights = []
    monkeypatch.setattr(tasks, "score", score)
    predict = finetuning.predict
    monkeypatch.setattr(
        finetuning,
        "predict",
        lambda model, *rest: weights.append(model.get_weights()) or predict(model, *rest),
    )
    task = classification()
    validation = [Example((f"x {i}",), 1) for i in range(4)]
    task = dataclasses.replace(task, validation=validation)
    settings = dataclasses.replace(FAST, epochs=4, hold_out=0.25)
    done = finetuning.finetune(gpt, task, tokenizer, settings)
    assert done["history"]["score"] == [0.5, 0.9, 0.7, 0.9] and done["score"] == 0.25
    assert len(done["predictions"]) == 4
    for held_out in judged:
        assert len(held_out) == 6 and all(example in task.train for example in held_out)
    # Predictions: one a report, and one at the end, with the weights of the second report.
    same = [all(map(np.array_equal, weights[-1], each)) for each in weights[:-1]]
    assert same == [False, True, False, False]


def test_held_out_examples_are_not_trained_on(gpt, tokenizer, monkeypatch):
    seen = []
    rows_of = finetuning.rows_of

    def spy(task, examples, *rest):
        seen.append(examples)
        return rows_of(task, examples, *rest)

    monkeypatch.setattr(finetuning, "rows_of", spy)
    task = classification()
    settings = dataclasses.replace(FAST, epochs=1, hold_out=0.01)
    finetuning.finetune(gpt, task, tokenizer, settings)
    train, held_out, validation = seen
    assert len(held_out) == 1 and len(train) == 23 and validation == task.validation
    assert not [example for example in train if example in held_out]
    with pytest.raises(ValueError, match="hold_out 0.9.* no examples to learn from"):
        one = dataclasses.replace(task, train=task.train[:1])
        finetuning.finetune(gpt, one, tokenizer, dataclasses.replace(FAST, hold_out=0.9))


def test_with_xla_the_losses_are_the_same(gpt, tokenizer, monkeypatch):
    settings = dataclasses.replace(FAST, epochs=1, dropout=0.0)
    graph = finetuning.finetune(gpt, classification(), tokenizer, settings)
    monkeypatch.setattr(finetuning, "XLA_STEPS", 1)
    monkeypatch.setattr(finetuning, "pays_off", lambda model: True)
    compiled = finetuning.finetune(gpt, classification(), tokenizer, settings)
    for name in ("task_loss", "language_loss"):
        assert compiled["history"][name] == pytest.approx(graph["history"][name], rel=1e-3)


def test_widths_hold_little_padding():
    lengths = np.array([5] * 6 + [13] * 4 + [30])
    rows = np.where(np.arange(32) < lengths[:, None], 7, 0)[:, None]
    few, many = (finetuning._widths([rows], 0, steps) for steps in (1, 10_000))
    assert few == [32] and many == [8, 16, 32]
    # With two: 10 rows of 16 and one of 32 are less than 6 of 8 and 5 of 32.
    assert finetuning._widths([rows], 0, finetuning.STEPS_A_WIDTH) == [16, 32]


def test_batches_are_cut_and_lose_nothing():
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 31, size=50)
    rows = np.where(np.arange(32) < lengths[:, None], lengths[:, None], 0)[:, None]
    settings = finetuning.Settings(batch_size=8, epochs=3)
    batches = list(finetuning._batches(rows, lengths, [8, 16, 32], 0, settings, seed=1))
    assert len(batches) == 3 * 7
    for batch, targets in batches:
        assert batch.shape[-1] in (8, 16, 32)
        # No token is cut off.
        np.testing.assert_array_equal((batch[:, 0] != 0).sum(axis=1), targets)
    for epoch in range(3):
        targets = np.concatenate([t for _, t in batches[7 * epoch : 7 * epoch + 7]])
        assert len(targets) == 56
        assert not set(lengths) - set(targets)
    assert sum(batch.shape[-1] for batch, _ in batches) < 0.8 * 32 * len(batches)


def test_predictions_come_back_in_their_order(gpt, tokenizer):
    texts = [Example(("x" * (1 + 7 * i % 15),), 0) for i in range(11)]
    task = dataclasses.replace(classification(), validation=texts)
    rows, _ = finetuning.rows_of(task, texts, tokenizer, 24)
    model = finetuning.TaskModel(gpt, task.form, 2, finetuning.task_tokens(tokenizer))
    expected = np.concatenate([model(rows[i : i + 1]) for i in range(len(rows))])
    for widths in (None, [8, 16, 24]):
        found = finetuning.predict(model, rows, 4, widths)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_predictions():
    logits = np.array([[0.0, 0.0, 9.0], [5.0, 0.0, 0.0]])
    assert finetuning.predictions_of("entailment", logits).tolist() == [2, 0]
    even = finetuning.predictions_of("similarity", np.zeros((2, 6)))
    np.testing.assert_allclose(even, [2.5, 2.5])


def test_unknown_labels(tokenizer):
    for task, label in ((classification(), 2), (classification(), -1), (similarity(), 5.5)):
        examples = [task.train[0], dataclasses.replace(task.train[0], label=label)]
        with pytest.raises(ValueError, match=f"{task.name}, example 2 has the label {label}"):
            finetuning.rows_of(task, examples, tokenizer, 20)


def test_empty_text(tokenizer):
    with pytest.raises(ValueError, match="follows, example 1: text 2 is empty"):
        finetuning.rows_of(entailment(), [Example(("a dog", " "), 0)], tokenizer, 20)


def test_wrong_number_of_texts(tokenizer):
    with pytest.raises(ValueError, match="choose, example 1 has 3 texts, the task needs 4"):
        finetuning.rows_of(multiple_choice(), [Example(("a", "b", "c"), 0)], tokenizer, 20)


def test_length_too_short(tokenizer):
    with pytest.raises(ValueError, match="follows, example 1: .*length"):
        finetuning.rows_of(entailment(), entailment().train, tokenizer, 4)


def test_length_beyond_the_model(gpt, tokenizer):
    settings = dataclasses.replace(FAST, length=33)
    with pytest.raises(ValueError, match="Rows of 33 tokens .* reads 32"):
        finetuning.finetune(gpt, classification(), tokenizer, settings)


def test_vocabulary_without_special_tokens(gpt):
    bare = Tokenizer.from_merges([], ["<|endoftext|>"])
    with pytest.raises(ValueError, match=r"no token <\|start\|>"):
        finetuning.finetune(gpt, classification(), bare, FAST)


def test_nothing_to_learn_from(gpt, tokenizer):
    task = dataclasses.replace(classification(), train=[])
    with pytest.raises(ValueError, match="letters needs examples"):
        finetuning.finetune(gpt, task, tokenizer, FAST)


def test_settings():
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        finetuning.Settings(epochs=0)
    with pytest.raises(ValueError, match="reports must be more than 0"):
        finetuning.Settings(reports=0)
    with pytest.raises(ValueError, match="hold_out must be in"):
        finetuning.Settings(hold_out=1)


def test_world_task_runs_through(gpt, tokenizer):
    task = tasks.world_tasks(train=8, validation=4)[1]
    done = finetuning.finetune(gpt, task, tokenizer, dataclasses.replace(FAST, epochs=1))
    assert 0 <= done["score"] <= 1
