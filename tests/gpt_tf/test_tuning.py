"""Lab 13's experiment: rows, models in which exactly the right weights learn, the command."""

import dataclasses
import re

import keras
import numpy as np
import pytest

from gpt_tf import __main__ as command
from gpt_tf import job, parts, presets, tables, tuning, world
from gpt_tf.config import GPTConfig
from gpt_tf.tokenizer import Tokenizer

SHORT = tuning.Settings().shortened()
CONFIG = GPTConfig(700, 96, num_layers=2, num_heads=2, hidden_dim=8)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(world.documents(300), 700, special_tokens=job.SPECIAL)


@pytest.fixture(scope="module")
def gpt(tokenizer):
    keras.utils.set_random_seed(1)
    model = parts.GPT(dataclasses.replace(CONFIG, vocabulary_size=tokenizer.vocabulary_size))
    model(np.zeros((1, 2), "int32"))
    return model


@pytest.fixture(scope="module")
def likes():
    return tuning.tasks_of(SHORT)[1]


# ------------------------------------------------------------------------------------------- rows


def test_the_text_stands_between_placeholders(likes, tokenizer):
    tokens, is_prompt, lengths = tuning.rows_of(likes, likes.train, tokenizer, SHORT, "prompt")
    assert tokens.shape == is_prompt.shape == (16, lengths.max())
    hole = tokenizer.token_id("<|pad|>")
    for example, ids, mask, length in zip(likes.train, tokens, is_prompt, lengths, strict=True):
        assert mask.sum() == SHORT.before + SHORT.behind
        assert mask[: SHORT.before].all() and mask[length - SHORT.behind : length].all()
        assert (ids[mask] == hole).all() and (ids[length:] == hole).all()
        question, _ = tuning.prompting.question_and_answers(likes, example)
        text = tokenizer.decode(ids[SHORT.before : length - SHORT.behind].tolist())
        assert text and question.endswith(text)


def test_a_long_text_loses_its_beginning(likes, tokenizer):
    settings = dataclasses.replace(SHORT, length=5)
    tokens, _, lengths = tuning.rows_of(likes, likes.train[:1], tokenizer, settings, "prompt")
    assert lengths[0] == 5 + SHORT.before + SHORT.behind
    question = tuning.prompting.question_and_answers(likes, likes.train[0])[0]
    ids = tokens[0, SHORT.before : SHORT.before + 5].tolist()
    assert ids == tokenizer.encode(question)[-5:]


def test_solved_examples_stand_before_the_question(likes, tokenizer):
    zero, few = (
        tuning.rows_of(likes, likes.validation, tokenizer, SHORT, method)
        for method in ("zero-shot", "few-shot")
    )
    assert not zero[1].any() and not few[1].any()
    asked = tokenizer.decode(zero[0][0, : zero[2][0]].tolist())
    whole = tokenizer.decode(few[0][0, : few[2][0]].tolist())
    assert asked.endswith(" A:") and whole.endswith("A:")
    lines = whole.split("\n")
    assert len(lines) == SHORT.shots + 1
    for line in lines[:-1]:
        assert re.fullmatch(r"Q: .* A: (Yes|No)\.", line)
    # What does not fit is left out, from the first example on.
    settings = dataclasses.replace(SHORT, context=int(few[2].max()) - 1)
    fitted = tuning.rows_of(likes, likes.validation, tokenizer, settings, "few-shot")
    kept = [tokenizer.decode(ids[:n].tolist()) for ids, n in zip(fitted[0], fitted[2], strict=True)]
    assert {text.count("\n") for text in kept} == {SHORT.shots - 1, SHORT.shots}
    assert fitted[2].max() <= settings.context


def test_label_words_are_told_apart(likes, tokenizer):
    yes, no = tuning.label_ids(likes, tokenizer)
    assert " Yes.".startswith(tokenizer.decode([yes])) and " No.".startswith(tokenizer.decode([no]))
    one = [tuning.tasks.Example(("A text.",), 0)]
    same = dataclasses.replace(likes, form="classification", labels=("zzz", "zzq"), train=one)
    with pytest.raises(ValueError, match="begin with the same token"):
        tuning.label_ids(same, tokenizer)


# ----------------------------------------------------------------------------------------- models


def summary_count(model):
    """Returns what Keras prints under "Trainable params"."""
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text))
    return int(re.search(r"Trainable params: ([\d,]+)", "\n".join(lines))[1].replace(",", ""))


@pytest.mark.parametrize(
    "method", ("zero-shot", "vectors alone", "prompt", "LoRA 4", "last block", "everything")
)
def test_exactly_the_right_weights_learn(method, gpt, likes, tokenizer):
    original = gpt.get_weights()
    model = tuning.model_for(gpt, likes, tokenizer, method, SHORT)
    places, width = SHORT.before + SHORT.behind, CONFIG.hidden_dim
    block = 12 * width**2 + 13 * width
    # BiLSTM with half the width to each side, two dense layers, and the vectors.
    encoder = 2 * 4 * (width * width // 2 + (width // 2) ** 2 + width // 2)
    encoder += 2 * (width**2 + width) + places * width
    expected = {
        "zero-shot": 0,
        "vectors alone": places * width,
        "prompt": encoder,
        "LoRA 4": 2 * 4 * (width + 3 * width),
        "last block": block + 2 * width,
        "everything": gpt.count_params(),
    }[method]
    assert tuning.count_trainable(model) == expected == summary_count(model)
    rows = tuning.rows_of(likes, likes.train, tokenizer, SHORT, method)
    weights = [w for w in model.weights if "seed" not in w.path]
    before = [np.array(w) for w in weights]
    losses = tuning.train(
        model, rows, tuning.labels_of(likes.train), 1e-2, SHORT
    ) if expected else []  # fmt: skip
    assert len(losses) == (SHORT.steps if expected else 0)
    changed = [not np.array_equal(a, w) for a, w in zip(before, weights, strict=True)]
    frozen = [not w.trainable for w in weights]
    assert not any(c and f for c, f in zip(changed, frozen, strict=True))
    assert any(changed) == bool(expected)
    # It worked on a copy.
    for old, new in zip(original, gpt.weights, strict=True):
        np.testing.assert_array_equal(old, new)
        assert new.trainable


def test_lora_begins_where_the_frozen_model_is(gpt, likes, tokenizer):
    rows = tuning.rows_of(likes, likes.validation, tokenizer, SHORT, "zero-shot")
    chances = [
        np.asarray(tuning.model_for(gpt, likes, tokenizer, method, SHORT)(rows))
        for method in ("zero-shot", "LoRA 4")
    ]
    np.testing.assert_allclose(*chances, atol=1e-6)
    np.testing.assert_allclose(chances[0].sum(axis=1), 1, atol=1e-6)


def test_a_prompt_that_can_say_all(gpt, likes, tokenizer):
    """One label is easy to learn, whatever the model: the loss must fall."""
    one = dataclasses.replace(likes, train=[e for e in likes.train if e.label == 0])
    settings = dataclasses.replace(SHORT, steps=30)
    for method in ("prompt", "LoRA 4"):
        _, result = tuning.teach(gpt, one, tokenizer, method, settings)
        assert np.mean(result["losses"][-5:]) < result["losses"][0] - 0.002, method
        assert (result["kept"] == result["trainable"]) == (method == "LoRA 4")


def test_lora_is_keras_s_own(gpt):
    """Outputs and gradients are those of `Dense.enable_lora`, and merging changes no output."""
    import tensorflow as tf

    rng = np.random.default_rng(2)
    x = rng.normal(size=(3, 4, 8)).astype("float32")
    a, b = rng.normal(size=(8, 2)), rng.normal(size=(2, 5))
    theirs, base = (keras.layers.Dense(5) for _ in range(2))
    theirs.build(x.shape)
    base.build(x.shape)
    base.set_weights(theirs.get_weights())
    ours = parts.LoRADense(base, rank=2, alpha=6)
    ours.build(x.shape)
    theirs.enable_lora(2, lora_alpha=6)
    found = []
    for layer, names in (
        (ours, ("lora_a", "lora_b")),
        (theirs, ("lora_kernel_a", "lora_kernel_b")),
    ):
        weights = [getattr(layer, name) for name in names]
        for weight, value in zip(weights, (a, b), strict=True):
            weight.assign(value)
        with tf.GradientTape() as tape:
            output = layer(x)
            loss = keras.ops.sum(output**3)
        found.append([output, *tape.gradient(loss, [w.value for w in weights])])
    for mine, right in zip(*found, strict=True):
        np.testing.assert_allclose(mine, right, rtol=1e-4, atol=1e-4)
    # Keras lets the bias learn, too.
    assert len(ours.trainable_weights) == len(theirs.trainable_weights) - 1 == 2
    merged = parts.merge_lora(base.kernel, ours.lora_a, ours.lora_b, 6)
    np.testing.assert_allclose(x @ np.asarray(merged) + base.bias, found[1][0], atol=1e-4)


def test_swap():
    class Outer(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = keras.layers.Dense(3)

        def call(self, x):
            return self.inner(x)

    outer = Outer()
    outer(np.ones((1, 2)))
    tuning.swap(outer, "inner", parts.LoRADense(outer.inner, rank=1))
    outer(np.ones((1, 2)))
    assert len(outer.trainable_weights) == 2
    with pytest.raises(AttributeError):
        tuning.swap(outer, "other", keras.layers.Dense(3))
    # Locked again.
    with pytest.raises(ValueError, match="cannot add new elements of state"):
        outer.further = keras.layers.Dense(3)


def test_an_unknown_method(gpt, likes, tokenizer):
    with pytest.raises(ValueError, match="There is no method 'LoRA'; there are zero-shot, "):
        tuning.model_for(gpt, likes, tokenizer, "LoRA", SHORT)


# ----------------------------------------------------------------------------------- the command


def test_the_command_makes_a_table_and_goes_on_with_it(
    gpt, tokenizer, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(tables.layout, "ROOT", tmp_path)
    preset = presets.save(gpt, tokenizer, tmp_path / "preset")
    asked = []

    def teach(gpt, task, tokenizer, method, settings, seed):
        asked.append((task.name, method, seed))
        return None, {"accuracy": 0.5, "losses": [1.0]}

    monkeypatch.setattr(tuning, "teach", teach)
    arguments = ["tuning", "--short", "--seeds", "2", "--preset", str(preset)]
    assert command.main(arguments) == 0
    table = tables.read("tuning", capsys.readouterr().out.split("The table: ")[1].strip())
    assert table["command"] == "python -m gpt_tf " + " ".join(arguments)
    assert table["parameters"] == gpt.count_params()
    assert len(table["results"]) == len(asked) == 2 * 2 * len(tuning.METHODS)
    # Seed by seed, so that a run that is stopped has whole comparisons.
    assert [seed for _, _, seed in asked] == sorted(seed for _, _, seed in asked)
    assert tuning.Settings(**table["settings"]) == dataclasses.replace(SHORT, preset=str(preset))
    monkeypatch.setattr(tuning, "teach", None)
    assert command.main(arguments) == 0


def test_what_is_missing_is_named(tmp_path, capsys):
    assert command.main(["tuning", "--preset", str(tmp_path / "no")]) == 1
    assert "There is no preset in" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match="python -m gpt_tf tuning --table"):
        tables.read("tuning", tmp_path / "no.json")


def test_the_table_of_the_repository_is_whole():
    """Every cell that lab 13 reads is there, for the same seeds, at least two."""
    table = tables.read("tuning")
    seeds = sorted({r["cell"]["seed"] for r in table["results"]})
    assert len(seeds) >= 2
    for task in {r["cell"]["task"] for r in table["results"]}:
        cells = parts.ablation_grid(tuning.base_of(task), tuning.changes(), seeds)
        assert not parts.cells_to_run(cells, table["results"])
    for result in table["results"]:
        assert 0 <= result["score"]["accuracy"] <= 1
        assert (result["score"]["trainable"] == 0) == (
            tuning.METHODS[result["cell"]["method"]] is None
        )
