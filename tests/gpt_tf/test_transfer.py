"""Lab 10's experiments: the LSTM, the questions, the models that are made, and the command."""

import collections
import dataclasses
import json
import re

import numpy as np
import pytest

from gpt_tf import __main__ as command
from gpt_tf import (
    finetuning,
    job,
    parts,
    presets,
    tables,
    tasks,
    training,
    transfer,
    world,
    zero_shot,
)
from gpt_tf.config import GPTConfig
from gpt_tf.lstm import LSTMModel, units_like
from gpt_tf.tokenizer import Tokenizer

CONFIG = GPTConfig(400, 24, num_layers=2, num_heads=2, hidden_dim=16)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(world.documents(200), 400, special_tokens=job.SPECIAL)


def model_of(kind, config=CONFIG, seed=1):
    return transfer.new_model(kind, config, seed)


# --------------------------------------------------------------------------------------- the LSTM


@pytest.mark.parametrize("shape", [(65, 64, 4, 4, 128), (1000, 32, 2, 3, 48), (40, 8, 1, 1, 4)])
def test_an_lstm_as_large_as_the_blocks(shape):
    config = GPTConfig(*shape)
    gpt, lstm = (model_of(kind, config).count_params() for kind in ("GPT", "LSTM"))
    assert lstm <= gpt
    # One unit more would be too many.
    units = units_like(config)
    larger = LSTMModel(config, units + 1)
    larger(np.zeros((1, 2), "int32"))
    assert larger.count_params() > gpt


def test_the_lstm_sees_no_future_and_all_of_the_past():
    model = model_of("LSTM")
    tokens = np.random.default_rng(1).integers(0, 400, size=(3, 9))
    changed = tokens.copy()
    changed[:, 5] = (changed[:, 5] + 1) % 400
    before, after = (np.asarray(model(t)) for t in (tokens, changed))
    np.testing.assert_allclose(after[:, :5], before[:, :5], atol=1e-6)
    assert (np.abs(after - before).max(axis=-1)[:, 5:] > 1e-7).all()


def test_the_lstm_is_copied_with_its_weights():
    model = model_of("LSTM")
    twin = finetuning.clone_gpt(model)
    assert type(twin) is LSTMModel and twin.units == model.units
    tokens = np.arange(12).reshape(2, 6)
    np.testing.assert_array_equal(twin(tokens), model(tokens))
    np.testing.assert_allclose(
        model(tokens), model.embedding.logits(model.hidden_states(tokens)), atol=1e-6
    )


# -------------------------------------------------------------------------------------- questions


def test_questions_have_right_answers_and_fair_chances():
    kind, word, pronoun, reading = asked = zero_shot.questions(count=120)
    kinds, tables = zero_shot.lexicon.kinds().values(), zero_shot.lexicon.tables()["opinions"]
    for prompt, words, answer in zip(kind.prompts, kind.words, kind.answers, strict=True):
        thing, article = re.fullmatch(r"An? (.+) is (an?)", prompt).groups()
        right = next(k.noun for k in kinds if thing in (*k.words, *k.held_out))
        assert words[answer] == f" {right}" and len(set(words)) == 4
        assert all(zero_shot.lexicon.an(w[1:]).split()[0] == article for w in words)
    good = {w.capitalize() for w in (*tables["good"], *tables["good_held_out"])}
    for prompt, words, answer in zip(word.prompts, word.words, word.answers, strict=True):
        assert words[answer] == (" good" if prompt.split()[0] in good else " bad")
    she = {person.name for person in world.people() if person.pronoun == "she"}
    for prompt, words, answer in zip(pronoun.prompts, pronoun.words, pronoun.answers, strict=True):
        assert words[answer] == (" She" if prompt.split()[0] in she else " He")
    for prompt, words, answer in zip(reading.prompts, reading.words, reading.answers, strict=True):
        assert prompt.endswith(" A:") and "\nQ: Who " in prompt
        assert words[answer][1:] in prompt and len(set(words)) == 4
    assert [q.chance for q in asked] == [0.25, 0.5, 0.5, 0.25]
    # No place among the words is the better guess.
    for q in asked:
        assert abs(np.mean(np.array(q.answers) == 0) - q.chance) < 0.12


def test_easy_tasks_hold_words_out():
    kind, sentiment, pronoun = found = zero_shot.easy_tasks()
    trained, asked = (
        {e.texts[0].split()[0] for e in split} for split in (pronoun.train, pronoun.validation)
    )
    assert trained and asked and not trained & asked
    tables, kinds = zero_shot.lexicon.tables()["opinions"], zero_shot.lexicon.kinds()
    held_out = {word for k in kinds.values() for word in k.held_out}
    held_out |= {*tables["good_held_out"], *tables["bad_held_out"]}
    for task in (kind, sentiment):
        for split, expected in ((task.train, False), (task.validation, True)):
            for example in split:
                found_one = any(re.search(rf"\b{w}\b", example.texts[0]) for w in held_out)
                assert found_one == expected, example
    for example in kind.validation:
        thing = re.search(r" has an? (.+)\.", example.texts[0])[1]
        assert thing in kinds[kind.labels[example.label]].held_out
    for example in sentiment.validation:
        word = re.search(r" was (\S+)\. ", example.texts[0])[1]
        assert word in tables[f"{sentiment.labels[example.label]}_held_out"]
    for task in (sentiment, pronoun):
        assert 0.4 < np.mean([e.label for e in task.validation]) < 0.6
    assert all(len(task.train) > 200 and len(task.validation) > 150 for task in found)


def test_tasks_in_all_forms_hold_words_out():
    kind, likes, alike, which = found = zero_shot.tasks_in_all_forms(200, 200)
    assert [task.form for task in found] == list(tasks.FORMS)
    kinds, opinions = zero_shot.lexicon.kinds(), zero_shot.lexicon.tables()["opinions"]
    kind_of = {
        zero_shot.lexicon.an(word): (name, held_out)
        for name, each in kinds.items()
        for held_out, words in ((False, each.words), (True, each.held_out))
        for word in words
    }
    noun_of = {zero_shot.lexicon.an(each.noun): name for name, each in kinds.items()}
    for part, held_out in (("train", False), ("validation", True)):
        for example in getattr(kind, part):
            thing = re.fullmatch(r"\S+ has (.+)\.", example.texts[0])[1]
            assert kind_of[thing] == (kind.labels[example.label], held_out)
        for example in getattr(likes, part):
            name, noun, word = re.fullmatch(
                r"(\S+) said that the (.+) was (\S+)\.", example.texts[0]
            ).groups()
            assert example.texts[1] == f"{name} likes the {noun}."
            side = ("good", "bad")[example.label] + "_held_out" * held_out
            assert word in opinions[side]
        for example in getattr(alike, part):
            things = [text[0].lower() + text[1:-1] for text in example.texts]
            assert things[0] != things[1]
            (one, new), (other, also_new) = (kind_of[thing] for thing in things)
            assert new == also_new == held_out
            assert example.label == (5.0 if one == other else 0.0)
        for example in getattr(which, part):
            asked = noun_of[re.search(r" has (.+)\. What does", example.texts[0])[1]]
            of_kinds = [kind_of[thing] for thing in example.texts[1:]]
            assert [name == asked for name, _ in of_kinds].index(True) == example.label
            assert len({name for name, _ in of_kinds}) == 4
            assert all(new == held_out for _, new in of_kinds)
    # A majority knows nothing: the labels are balanced.
    for task, share in ((kind, 1 / len(kinds)), (likes, 1 / 2), (alike, 1 / 2), (which, 1 / 4)):
        counts = collections.Counter(e.label for e in task.validation)
        assert max(counts.values()) / 200 < share + 0.12
    assert zero_shot.tasks_in_all_forms(5, 5) != zero_shot.tasks_in_all_forms(5, 5, seed=1)


def test_accuracy_is_that_of_the_likelier_word(tokenizer):
    config = dataclasses.replace(
        CONFIG, vocabulary_size=tokenizer.vocabulary_size, max_sequence_length=64
    )
    model = model_of("GPT", config)
    asked = zero_shot.questions(count=40)[2]
    expected = []
    for prompt, words, answer in zip(asked.prompts, asked.words, asked.answers, strict=True):
        logits = np.asarray(model(np.array([tokenizer.encode(prompt)])))[0, -1]
        scores = [logits[tokenizer.encode(word)[0]] for word in words]
        expected.append(np.argmax(scores) == answer)
    assert zero_shot.accuracy(model, tokenizer, asked) == pytest.approx(np.mean(expected))


def test_questions_that_cannot_be_asked(tokenizer):
    model = model_of("GPT", dataclasses.replace(CONFIG, max_sequence_length=4))
    asked = zero_shot.Questions("long", ("one two three four five six",), ((" a", " b"),), (0,))
    with pytest.raises(ValueError, match="'long' has .* tokens, and the model reads 4"):
        zero_shot.accuracy(model, tokenizer, asked)
    same = zero_shot.Questions("same", ("one",), ((" zzz", " zzq"),), (0,))
    with pytest.raises(ValueError, match="begin with the same token"):
        zero_shot.accuracy(model, tokenizer, same)
    # Beside others it is left out, and counts neither as right nor as wrong.
    model = model_of("GPT")
    others = [(" yes", " no"), (" no", " yes")]
    mixed = zero_shot.Questions("mixed", ("on", "on", "on"), (others[0], same.words[0], others[1]),
                                (0, 0, 0))  # fmt: skip
    assert zero_shot.accuracy(model, tokenizer, mixed) == 0.5


# ------------------------------------------------------------------------------- the experiments


def test_what_is_frozen_stays_in_fine_tuning(tokenizer):
    config = dataclasses.replace(CONFIG, vocabulary_size=tokenizer.vocabulary_size)
    source = model_of("GPT", config)
    model = transfer.with_blocks(source, 2, 1, seed=5)
    twin = finetuning.clone_gpt(model)
    learns = [w.path.split("/", 1)[1] for w in twin.trainable_weights]
    assert len(learns) == len(model.trainable_weights) < len(model.weights)
    task_model = finetuning.TaskModel(
        twin, "classification", 2, finetuning.task_tokens(tokenizer), language_weight=0.5
    )
    rows = np.random.default_rng(2).integers(0, 300, size=(4, 1, 8))
    rows[:, :, -1] = tokenizer.token_id("<|extract|>")
    before = [w.copy() for w in twin.get_weights()]
    targets = np.eye(2, dtype="float32")[[0, 1, 0, 1]]
    task_model(rows)
    batches = [(rows, targets)] * 3  # the rate rises from 0
    list(finetuning._train(task_model, batches, finetuning.Settings(epochs=1), steps=3))
    changed = [not np.array_equal(a, b) for a, b in zip(before, twin.get_weights(), strict=True)]
    frozen = [not w.trainable for w in model.weights]
    assert [not c for c in changed] == frozen


def test_only_what_is_asked_for_comes_over():
    source = model_of("GPT", seed=1)
    fresh, nothing = (transfer.with_blocks(source, n, None, seed=2) for n in (1, None))
    same = [
        np.array_equal(a, b)
        for a, b in zip(nothing.get_weights(), fresh.get_weights(), strict=True)
    ]
    assert not all(same) and any(same)
    tokens = np.arange(6)[None]
    assert not np.allclose(nothing(tokens), source(tokens), atol=1e-4)
    whole = transfer.with_blocks(source, 2, None, seed=2)
    np.testing.assert_array_equal(whole(tokens), source(tokens))


def test_answers_at_each_checkpoint_survive_a_stop(tmp_path):
    settings = dataclasses.replace(transfer.Settings().shortened(), steps=6)
    text = transfer.small_text(settings)
    config = transfer.small_config(settings, text[0])
    given = (*text, settings, "GPT", 0)
    whole = transfer.read_and_ask(model_of("GPT", config), *given, tmp_path / "whole")
    assert set(whole) == {"kind", "word", "pronoun", "reading"}
    assert all(len(curve) == len(settings.checkpoints) for curve in whole.values())

    asked = []
    kept, zero_shot_accuracy = zero_shot.accuracy, zero_shot.accuracy

    def stops(model, tokenizer, questions):
        asked.append(questions.name)
        if len(asked) == 10:  # at the third checkpoint
            raise KeyboardInterrupt
        return zero_shot_accuracy(model, tokenizer, questions)

    zero_shot.accuracy = stops
    try:
        with pytest.raises(KeyboardInterrupt):
            transfer.read_and_ask(model_of("GPT", config), *given, tmp_path / "cut")
    finally:
        zero_shot.accuracy = kept
    again = transfer.read_and_ask(model_of("GPT", config), *given, tmp_path / "cut")
    assert again == whole


def test_relative_skill():
    assert transfer.relative([0.25, 0.625, 1.0], 0.25).tolist() == [0.0, 0.5, 1.0]


def test_the_paper_s_averages_are_those_of_its_columns():
    for row in transfer.PAPER.values():
        assert len(row) == len(transfer.PAPER_SETS)
        assert np.mean(row[1:]) == pytest.approx(row[0], abs=0.07)


def test_the_command_makes_a_table_and_goes_on_with_it(tokenizer, tmp_path, capsys, monkeypatch):
    config = dataclasses.replace(
        CONFIG, vocabulary_size=tokenizer.vocabulary_size, max_sequence_length=64
    )
    monkeypatch.setattr(tables.layout, "ROOT", tmp_path)
    preset = presets.save(model_of("GPT", config), tokenizer, tmp_path / "preset")
    # Fine-tuning has tests of its own.
    asked = []

    def finetune(gpt, task, tokenizer, settings, seed):
        asked.append((task.name, seed))
        return {"score": len(asked) / 100}

    monkeypatch.setattr(finetuning, "finetune", finetune)
    arguments = ["transfer", "--short", "--seeds", "1", "--preset", str(preset)]
    assert command.main(arguments) == 0
    printed = capsys.readouterr().out
    table = tables.read("transfer", printed.split("The table: ")[1].strip())
    assert table["command"] == "python -m gpt_tf " + " ".join(arguments)
    sizes = {name: len(found) for name, found in table["results"].items()}
    # 2 models; 3 tasks of 4 versions; 2 tasks of 1 + 3 + 3 versions for 2 blocks.
    assert sizes == {"zero-shot": 2, "ablations": 12, "blocks": 14}
    assert transfer.Settings(**table["settings"]).checkpoints == [0, 3, 6]
    assert len(asked) == 26
    monkeypatch.setattr(finetuning, "finetune", None)
    monkeypatch.setattr(training, "pretrain", None)
    assert command.main(arguments) == 0


def test_what_is_missing_is_named(tmp_path, capsys):
    assert command.main(["transfer", "--preset", str(tmp_path / "no")]) == 1
    assert "There is no preset in" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match="python -m gpt_tf transfer --table"):
        tables.read("transfer", tmp_path / "no.json")


def test_the_table_of_the_repository_is_whole():
    """Every cell that lab 10 reads is there, for the same seeds, at least two."""
    table = tables.read("transfer")
    results, depth = table["results"], table["preset"]["blocks"]
    seeds = {r["cell"]["seed"] for r in results["zero-shot"]}
    assert len(seeds) >= 2
    cells = parts.ablation_grid({"model": "GPT"}, {"LSTM": {"model": "LSTM"}}, sorted(seeds))
    wanted = {"zero-shot": cells, "ablations": [], "blocks": []}
    for task in {r["cell"]["task"] for r in results["ablations"]}:
        base = transfer.ablation_base(task)
        wanted["ablations"] += parts.ablation_grid(base, transfer.CHANGES, sorted(seeds))
    for task in {r["cell"]["task"] for r in results["blocks"]}:
        base = transfer.blocks_base(task, depth)
        changes = transfer.carried(depth) | transfer.frozen(depth)
        wanted["blocks"] += parts.ablation_grid(base, changes, sorted(seeds))
    for name, cells in wanted.items():
        assert not parts.cells_to_run(cells, results[name]), name
        asked = [r["cell"]["seed"] for r in results[name]]
        assert asked == sorted(asked), name
    assert json.dumps(table)
