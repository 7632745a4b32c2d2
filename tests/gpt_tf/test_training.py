"""Pre-training: batches, optimizer, resuming, evaluation, saving."""

import dataclasses

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from gpt_tf import checkpoint, parts, training  # noqa: E402
from gpt_tf.config import GPTConfig  # noqa: E402

CONFIG = GPTConfig(31, 16, num_layers=1, num_heads=2, hidden_dim=12, dropout=0.2)
RECIPE = training.Recipe(steps=40, batch_size=4, peak_rate=1e-2, warmup_steps=5)
TEXT = np.tile(np.arange(23), 60)
HELD_OUT = np.tile(np.arange(23), 9)


def make(config=CONFIG):
    keras.utils.set_random_seed(3)
    return parts.GPT(config)


def pretrain(folder=None, model=None, recipe=RECIPE, text=TEXT, **settings):
    model = model or make()
    return training.pretrain(model, text, HELD_OUT, recipe, folder, save_seconds=0, **settings)


@pytest.fixture(scope="module")
def uninterrupted():
    model = make()
    return pretrain(model=model), [np.array(w) for w in model.weights]


class Stop(Exception):
    """Stands for Ctrl-C, or for a kill."""


def stop_at(monkeypatch, step):
    """Makes the next run fail in the middle of its work at a step."""
    original = training._Run.on_train_batch_end

    def fails(self, batch, logs=None):
        if self.step + 1 == step:
            raise Stop
        original(self, batch, logs)

    monkeypatch.setattr(training._Run, "on_train_batch_end", fails)


def test_loss_falls_from_a_uniform_guess(uninterrupted):
    history, _ = uninterrupted
    assert history["step"] == [10, 20, 30, 40]
    assert history["validation_step"] == [0, 10, 20, 30, 40]
    assert history["validation_loss"][0] == pytest.approx(np.log(31), abs=0.1)
    assert history["validation_loss"][-1] < 2.5
    assert history["loss"][-1] < history["loss"][0]


def test_stopped_and_resumed_is_the_same_run(uninterrupted, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch, pytest.raises(Stop):
        stop_at(patch, 27)
        pretrain(tmp_path)
    model = make()
    history = pretrain(tmp_path, model)
    assert "resumed from step 20" in capsys.readouterr().out
    expected, weights = uninterrupted
    assert history["step"] == expected["step"]
    assert history["loss"] == pytest.approx(expected["loss"], abs=1e-5)
    assert history["validation_loss"] == pytest.approx(expected["validation_loss"], abs=1e-5)
    for found, right in zip(model.weights, weights, strict=True):
        np.testing.assert_allclose(found, right, atol=1e-5)

    # What has ended is not trained again, and its weights come back.
    again = make()
    assert pretrain(tmp_path, again) == history
    np.testing.assert_array_equal(again.weights[0], model.weights[0])

    # The newest file damaged: the one before it serves.
    newest = checkpoint.files(tmp_path)[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    assert pretrain(tmp_path)["loss"] == pytest.approx(expected["loss"], abs=1e-5)
    said = capsys.readouterr().out
    assert "is damaged" in said and "resumed from step 30" in said


def test_another_run_in_the_folder_is_named(tmp_path):
    short = training.Recipe(steps=10, batch_size=4)
    pretrain(tmp_path, recipe=short)
    wide = make(dataclasses.replace(CONFIG, hidden_dim=14, head_dim=7))
    with pytest.raises(ValueError, match=r"hidden_dim 12 \(now 14\).*another folder, or delete"):
        pretrain(tmp_path, wide, short)
    with pytest.raises(ValueError, match=r"peak_rate 0.001 \(now 0.5\)"):
        pretrain(tmp_path, recipe=dataclasses.replace(short, peak_rate=0.5))
    with pytest.raises(ValueError, match=r"checksum"):
        pretrain(tmp_path, recipe=short, text=TEXT[::-1])
    arrays, details = checkpoint.load(tmp_path)
    checkpoint.save(tmp_path, 11, dict(list(arrays.items())[:-1]), details)
    with pytest.raises(ValueError, match="built in another way"):
        pretrain(tmp_path, recipe=short)
    checkpoint.save(tmp_path, 12, arrays, {})
    with pytest.raises(ValueError, match=r"of another run: vocabulary_size None \(now 31\)"):
        pretrain(tmp_path, recipe=short)


def test_dropout_acts_in_training_only():
    recipe = training.Recipe(steps=10, batch_size=4, peak_rate=0.0)
    rng, start, losses = np.random.default_rng(5), None, []
    for rate in (0.0, 0.9):
        model = make(dataclasses.replace(CONFIG, dropout=rate))
        model(np.zeros((1, 2), int))
        start = start or [rng.normal(size=w.shape) for w in model.weights]
        model.set_weights(start)
        losses.append(pretrain(model=model, recipe=recipe))
    assert abs(losses[0]["loss"][0] - losses[1]["loss"][0]) > 0.1
    assert losses[0]["validation_loss"] == pytest.approx(losses[1]["validation_loss"])


def test_batches_depend_on_seed_and_number_only():
    def batches(seed, start):
        found = training.windows(TEXT, 8, 3, 7, seed, start)
        return [x.numpy() for x, y in found if np.array_equal(x, y)]

    whole = batches(1, 0)
    assert len(whole) == 7 and whole[0].shape == (3, 8) and whole[0].dtype == np.int32
    np.testing.assert_array_equal(whole[4:], batches(1, 4))
    assert not np.array_equal(whole, batches(2, 0))
    assert not np.array_equal(whole[0], whole[1])
    # Windows are runs of the stream, and the last token can be reached.
    assert np.all((np.diff(whole, axis=-1) == 1) | (np.diff(whole, axis=-1) == -22))
    reached = {int(x.numpy().max()) for x, _ in training.windows(np.arange(9), 8, 1, 20, 0)}
    assert reached == {7, 8}


def test_schedule_is_that_of_the_lab():
    schedule = training.WarmupCosine(2.0, 10, 110, 0.1)
    rates = [float(schedule(step)) for step in (0, 5, 10, 60, 110, 200)]
    assert rates == pytest.approx([0.0, 1.0, 2.0, 1.1, 0.2, 0.2])
    again = training.WarmupCosine.from_config(schedule.get_config())
    assert float(again(5)) == pytest.approx(1.0)


def test_what_decays():
    model = make()
    model(np.zeros((1, 2), int))
    # Without a gradient, only the decay moves a weight.
    recipe = training.Recipe(steps=10, peak_rate=0.5, weight_decay=0.1)
    for weight in model.weights:
        weight.assign(np.ones(weight.shape))
    optimizer = training.make_optimizer(recipe)
    zeros = [np.zeros(w.shape, "float32") for w in model.trainable_variables]
    optimizer.apply(list(map(keras.ops.convert_to_tensor, zeros)), model.trainable_variables)
    decayed = {w.name for w in model.weights if np.all(np.array(w) < 1)}
    kept = {w.name for w in model.weights if np.all(np.array(w) == 1)}
    assert decayed == {"kernel", "token_embeddings", "position_embeddings"}
    assert kept == {"bias", "gamma", "beta"}


def test_evaluate_predicts_every_token_once():
    model, rng = make(), np.random.default_rng(5)
    model(np.zeros((1, 2), int))
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) / 2)
    tokens, length = rng.integers(0, 31, size=53), 9
    losses = []
    for first in range(0, len(tokens) - 1, length - 1):
        window = tokens[first : first + length]
        log_p = keras.ops.log_softmax(model(window[None]))[0].numpy()
        losses += [-log_p[t, window[t + 1]] for t in range(len(window) - 1)]
    assert len(losses) == 52
    for batch_size in (1, 4, 50):
        found = training.evaluate(model, tokens, length, batch_size)
        assert found == pytest.approx(np.mean(losses), rel=1e-5)
    spread = training.evaluate(model, tokens, length, 2, limit=3)
    windows = [losses[8 * i : 8 * i + 8] for i in (0, 3, 6)]
    assert spread == pytest.approx(np.mean(sum(windows, [])), rel=1e-5)


def test_bad_text_is_named():
    model = make()
    with pytest.raises(ValueError, match="5 tokens, one window needs 16"):
        training.pretrain(model, np.arange(5), HELD_OUT, RECIPE)
    with pytest.raises(ValueError, match="Token 99 is not in the model's vocabulary of 31"):
        training.pretrain(model, np.full(100, 99), HELD_OUT, RECIPE)
    with pytest.raises(ValueError, match="Token -1"):
        training.evaluate(model, [3, -1], 4, 1)
    with pytest.raises(ValueError, match="steps must be at least 1"):
        training.Recipe(steps=0)
    with pytest.raises(ValueError, match="warm-up"):
        training.make_optimizer(training.Recipe(steps=5, warmup_steps=9))


def test_saved_model_comes_back(tmp_path):
    model = make()
    with pytest.raises(ValueError, match="no weights yet"):
        training.save_model(model, tmp_path / "m.npz")
    tokens = np.arange(6)[None]
    expected = model(tokens)
    training.save_model(model, tmp_path / "m.npz")
    loaded = training.load_model(tmp_path / "m.npz")
    assert loaded.config == model.config
    np.testing.assert_allclose(loaded(tokens), expected, rtol=1e-6)


def test_a_pretrained_model_is_one_that_keras_can_save(tmp_path):
    # An optimizer and a loss left on the model would be saved with it, and stop the loading.
    model = make()
    pretrain(model=model, recipe=training.Recipe(steps=2, batch_size=4))
    model.save(tmp_path / "m.keras")
    tokens = np.arange(6)[None]
    # Other tests may have put another answer's GPT into Keras's list of classes.
    with keras.saving.custom_object_scope({"gpt_tf>GPT": parts.GPT}):
        loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded(tokens), model(tokens), rtol=1e-6)


def test_what_is_no_saved_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        training.load_model(tmp_path / "m.npz")
    checkpoint.write(tmp_path / "other.npz", {"x": np.ones(3)}, {"step": 3})
    with pytest.raises(ValueError, match="not a saved model"):
        training.load_model(tmp_path / "other.npz")
    checkpoint.write(tmp_path / "wrong.npz", {"00000": np.ones(3)}, {"config": CONFIG.to_dict()})
    with pytest.raises(ValueError, match="other shapes"):
        training.load_model(tmp_path / "wrong.npz")
