"""Pre-training: batches, optimizer, resuming, evaluation, saving."""

import dataclasses

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from log_readers import READ  # noqa: E402

from gpt_tf import checkpoint, parts, recipes, training  # noqa: E402
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


def test_a_run_may_do_without_validation(uninterrupted, tmp_path, monkeypatch):
    history, weights = uninterrupted
    model = make()
    found = pretrain(model=model, validations=0)
    assert found["step"] == history["step"] and found["validation_step"] == []
    assert found["loss"] == pytest.approx(history["loss"], rel=1e-5)
    for mine, expected in zip(model.weights, weights, strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-5)
    with monkeypatch.context() as patch, pytest.raises(Stop):
        stop_at(patch, 25)
        pretrain(tmp_path, validations=0, log=tmp_path / "log.csv")
    found = pretrain(tmp_path, validations=10, log=tmp_path / "log.csv")
    assert found["step"] == [10, 20, 30, 40] and found["validation_step"] == [20, 30, 40]
    assert found["validation_loss"][1:] == pytest.approx(history["validation_loss"][3:], rel=1e-4)
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "10", "20", "30", "40"]


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


@pytest.mark.parametrize("name", recipes.OPTIMIZERS)
def test_what_decays(name):
    model = make()
    model(np.zeros((1, 2), int))
    # Without a gradient, only the decay moves a weight.
    recipe = training.Recipe(steps=10, peak_rate=0.5, weight_decay=0.1, optimizer=name)
    for weight in model.weights:
        weight.assign(np.ones(weight.shape))
    optimizer = training.make_optimizer(recipe)
    zeros = [np.zeros(w.shape, "float32") for w in model.trainable_variables]
    optimizer.apply(list(map(keras.ops.convert_to_tensor, zeros)), model.trainable_variables)
    decayed = {w.name for w in model.weights if np.all(np.array(w) < 1)}
    kept = {w.name for w in model.weights if np.all(np.array(w) == 1)}
    assert decayed == {"kernel", "token_embeddings", "position_embeddings"}
    assert kept == {"bias", "gamma", "beta"}


def test_muon_takes_matrices_only():
    model, rng = make(), np.random.default_rng(3)
    model(np.zeros((1, 2), int))
    weights = model.trainable_variables
    before = [np.array(w) for w in weights]
    rate = 0.01
    recipe = training.Recipe(
        steps=10, peak_rate=rate, warmup_steps=0, weight_decay=0.0, clip=1e9, optimizer="muon"
    )
    gradients = [rng.normal(size=w.shape).astype("float32") for w in weights]
    optimizer = training.make_optimizer(recipe)
    optimizer.apply(list(map(keras.ops.convert_to_tensor, gradients)), weights)
    matrices = 0
    for weight, old, gradient in zip(weights, before, gradients, strict=True):
        change = old - np.array(weight)
        if change.ndim == 2 and "embedding" not in weight.path:
            matrices += 1
            # All directions of a gradient count alike: the singular values are about 1, times
            # 0.2 sqrt(longer side), which gives an entry about the size of one of AdamW's.
            found = np.linalg.svd(change / (rate * 0.2 * np.sqrt(max(change.shape))))[1]
            assert 0.6 < found.min() and found.max() < 1.3
            spread = np.linalg.svd(gradient)[1]
            assert spread.max() / spread.min() > 2
        else:
            # AdamW's first update is the rate, in the direction of each entry's sign.
            np.testing.assert_allclose(change, rate * np.sign(gradient), rtol=0.02)
    assert matrices == 4 * model.config.num_layers  # attention's two, the feed-forward's two


def test_momentum_is_what_muon_keeps_of_the_gradients_before():
    model, rng = make(), np.random.default_rng(4)
    model(np.zeros((1, 2), int))
    weights = model.trainable_variables
    recipe = training.Recipe(
        steps=10, peak_rate=1e-3, weight_decay=0.0, clip=1e9, optimizer="muon", momentum=0.6
    )
    optimizer = training.make_optimizer(recipe)
    gradients = [[rng.normal(size=w.shape).astype("float32") for w in weights] for _ in range(2)]
    for step in gradients:
        optimizer.apply(list(map(keras.ops.convert_to_tensor, step)), weights)
    for weight, first, second, found in zip(weights, *gradients, optimizer.momentums, strict=True):
        if len(weight.shape) == 2 and "embedding" not in weight.path:
            np.testing.assert_allclose(found, 0.6 * first + second, atol=1e-5)
        else:  # AdamW's mean
            np.testing.assert_allclose(found, 0.9 * 0.1 * first + 0.1 * second, atol=1e-5)


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


# --------------------------------------------------------------------------------- parts of a batch


# Rounding differs from one way to add up to another; a larger epsilon does not blow it up where the
# gradient is nearly 0, as that of a key's bias is.
IN_PARTS = training.Recipe(
    steps=6, batch_size=12, peak_rate=1e-2, warmup_steps=3, clip=0.05, epsilon=1e-4
)
NO_DROPOUT = dataclasses.replace(CONFIG, dropout=0.0)


@pytest.mark.parametrize(("jit_compile", "sizes"), [(False, [4, 1]), (True, [4])])
def test_a_batch_in_parts_gives_the_update_of_the_whole(jit_compile, sizes, monkeypatch):
    monkeypatch.setattr(training, "_is_jitted", lambda *_: jit_compile)
    found = {}
    for size in (None, *sizes):
        model = make(NO_DROPOUT)
        history = pretrain(model=model, recipe=IN_PARTS, log_every=1, micro_batch_size=size)
        found[size] = history["loss"], model.get_weights()
    for size in sizes:
        assert found[size][0] == pytest.approx(found[None][0], abs=1e-5)
        for part, whole in zip(found[size][1], found[None][1], strict=True):
            np.testing.assert_allclose(part, whole, atol=1e-5)


def test_each_part_drops_out_something_else():
    trainer = training.Trainer(make(dataclasses.replace(CONFIG, dropout=0.5)), micro_batches=2)
    trainer.compile(training.make_optimizer(RECIPE))
    twice = np.tile(np.arange(8), (2, 1))
    trainer(twice)
    both, _ = trainer._accumulated(keras.ops.convert_to_tensor(twice, "int32"))
    first = trainer._loss_and_gradients(keras.ops.convert_to_tensor(twice[:1], "int32"))[0]
    assert abs(float(both) - float(first)) > 1e-4


# ------------------------------------------------------------------------------------------ 16 bits


class Watch(keras.callbacks.Callback):
    """Notes which formats the learner has, and stops the run after a step."""

    def __init__(self, stop_after=None):
        super().__init__()
        self.stop_after = stop_after

    def on_train_batch_end(self, batch, logs=None):
        learner = self.model.gpt
        dense = [x for x in learner._flatten_layers() if isinstance(x, keras.layers.Dense)]
        self.computed = {layer.compute_dtype for layer in dense}
        self.kept = {weight.dtype for weight in learner.trainable_variables}
        if batch + 1 == self.stop_after:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.loss = self.model._loss_and_gradients(keras.ops.convert_to_tensor([[1, 2, 3]]))[0]


@pytest.mark.parametrize("rows", [4, 3])
def test_a_fast_graph_changes_nothing(rows):
    tokens = TEXT[: rows * CONFIG.max_sequence_length].reshape(rows, -1)
    found = []
    for fast_graph in (False, True):
        model = make(NO_DROPOUT)
        trainer = training.Trainer(model, fast_graph=fast_graph)
        trainer.compile(training.make_optimizer(RECIPE), jit_compile=False)
        steps = [trainer.train_on_batch(tokens, tokens, return_dict=True) for _ in range(4)]
        found.append(
            ([float(step["loss"]) for step in steps], [np.array(w) for w in model.weights])
        )
    (losses, weights), (others, other_weights) = found
    assert losses == pytest.approx(others, rel=1e-5)
    assert losses[0] != losses[-1]
    for mine, theirs in zip(weights, other_weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_the_halves_of_a_fast_graph_drop_other_things():
    trainer = training.Trainer(make(dataclasses.replace(CONFIG, dropout=0.5)), fast_graph=True)
    trainer.compile(training.make_optimizer(RECIPE), jit_compile=False)
    twice = keras.ops.convert_to_tensor(np.tile(np.arange(8), (2, 1)), "int32")
    trainer(twice)
    seen = []
    of_rows = trainer._loss_and_gradients_of
    trainer._loss_and_gradients_of = lambda rows: seen.append(of_rows(rows)) or seen[-1]
    loss, _ = trainer._loss_and_gradients(twice)
    first, second = (float(loss) for loss, _ in seen)
    assert first != pytest.approx(second, abs=1e-4)
    assert float(loss) == pytest.approx((first + second) / 2, abs=1e-6)


def test_a_fast_graph_compiles_activations_once_for_all_blocks():
    model = make(dataclasses.replace(CONFIG, num_layers=2))
    training.Trainer(model, fast_graph=True)
    functions = {block.feed_forward.activation.activation for block in model.blocks}
    assert len(functions) == 1
    assert functions != {parts.gelu}
    plain = make(dataclasses.replace(CONFIG, num_layers=2))
    training.Trainer(plain)
    assert {block.feed_forward.activation.activation for block in plain.blocks} == {parts.gelu}


def test_a_compiled_activation_is_rounded_once():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make(NO_DROPOUT)
        model(np.zeros((1, 2), "int32"))
    finally:
        keras.config.set_dtype_policy(before)
    training.Trainer(model, fast_graph=True)
    x = keras.ops.cast(np.linspace(-3, 3, 301), "bfloat16")
    found = model.blocks[0].feed_forward.activation(x)
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    exact = np.array(keras.ops.cast(x, "float32"), "float64")
    wanted = 0.5 * exact * (1 + np.tanh((2 / np.pi) ** 0.5 * (exact + 0.044715 * exact**3)))
    found = np.array(keras.ops.cast(found, "float32"))
    # bfloat16 keeps 8 bits: rounded once, a number is off by a 256th of itself at most.
    np.testing.assert_allclose(found, wanted, rtol=2**-8, atol=1e-6)
    once_each_step = np.array(keras.ops.cast(parts.gelu(x), "float32"))
    assert not np.allclose(once_each_step, wanted, rtol=2**-8, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_16_bits_train_as_32_do(policy, uninterrupted, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "half_policy", lambda: policy)
    half = dataclasses.replace(RECIPE, precision="bfloat16")
    model, watch = make(), Watch()
    history = pretrain(model=model, recipe=half, callbacks=[watch])
    assert watch.computed == {policy.removeprefix("mixed_")} and watch.kept == {"float32"}
    assert watch.loss.dtype == "float32"
    expected, _ = uninterrupted
    assert history["loss"] == pytest.approx(expected["loss"], rel=0.03)
    assert history["loss"] != expected["loss"]
    # The model has what its twin has learned, and its own format.
    assert model.compute_dtype == "float32"
    last = training.evaluate(model, HELD_OUT, 16, limit=64)
    assert history["validation_loss"][-1] == pytest.approx(last, abs=1e-6)

    pretrain(tmp_path, recipe=half, callbacks=[Watch(stop_after=17)])
    resumed = make()
    assert pretrain(tmp_path, resumed, half)["loss"] == pytest.approx(history["loss"], abs=1e-5)
    for one, other in zip(resumed.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


AUTO = dataclasses.replace(RECIPE, precision="auto")


def test_the_faster_setting_is_kept_in_a_resumed_run(tmp_path, monkeypatch):
    chosen = []

    def fastest(*_):
        chosen.append("mixed_bfloat16")
        return chosen[-1]

    monkeypatch.setattr(training, "_fastest", fastest)
    monkeypatch.setattr(training, "AUTO_STEPS", RECIPE.steps)
    with monkeypatch.context() as patch, pytest.raises(Stop):
        stop_at(patch, 2)  # before the first checkpoint that training would write
        pretrain(tmp_path, recipe=AUTO)
    watch = Watch()
    pretrain(tmp_path, recipe=AUTO, callbacks=[watch])
    assert len(chosen) == 1 and watch.computed == {"bfloat16"}
    # In short runs a trial is not worth its time.
    monkeypatch.setattr(training, "AUTO_STEPS", RECIPE.steps + 1)
    pretrain(recipe=AUTO, callbacks=[watch])
    assert len(chosen) == 1 and watch.computed == {"float32"}


@pytest.mark.parametrize("faster", ["float32", "mixed_bfloat16"])
def test_the_trial_times_both_and_says_which(faster, monkeypatch, capsys):
    seen = []

    def seconds(clock):
        seen.append(clock.model.gpt.blocks[0].compute_dtype)
        assert len(clock.ends) == training._TRIAL_STEPS
        return [0.2 if seen[-1] in faster else 0.3] * 3

    monkeypatch.setattr(training._Clock, "seconds", seconds)
    model = make()
    model(np.zeros((1, 2), int))
    before = model.get_weights()
    batches = training.windows(TEXT, 16, 4, 40, 0)
    strategy = training.strategy_of(1)
    assert training._fastest(model, RECIPE, strategy, batches, "x") == faster
    assert seen == ["float32", "bfloat16"] * training._TRIALS
    assert f"x: {faster} (graph) is 1.50 times as fast here as " in capsys.readouterr().out
    np.testing.assert_equal(model.get_weights(), before)


# ---------------------------------------------------------------------------- callbacks and logs


def test_a_callback_may_stop_the_run(uninterrupted, tmp_path, capsys):
    stopped = pretrain(tmp_path, callbacks=[Watch(stop_after=17)])
    assert stopped["step"] == [10]
    assert pretrain(tmp_path)["loss"] == pytest.approx(uninterrupted[0]["loss"], abs=1e-5)
    assert "resumed from step 10" in capsys.readouterr().out


@pytest.mark.parametrize("name", READ)
def test_a_log_has_each_row_once_whatever_was_killed(name, uninterrupted, tmp_path, monkeypatch):
    log, history = tmp_path / name, uninterrupted[0]
    for stop in (27, 36):
        with monkeypatch.context() as patch, pytest.raises(Stop):
            stop_at(patch, stop)
            pretrain(tmp_path / "run", log=log)
        # As if the last checkpoint had not been reached: the log is ahead of the run.
        checkpoint.files(tmp_path / "run")[-1].unlink()
    pretrain(tmp_path / "run", log=log)
    rows = READ[name](log)
    assert [row["step"] for row in rows] == [0, 10, 20, 30, 40]
    assert "loss" not in rows[0]
    assert [row["loss"] for row in rows[1:]] == pytest.approx(history["loss"], abs=1e-5)
    found = [row["validation_loss"] for row in rows]
    assert found == pytest.approx(history["validation_loss"], abs=1e-5)
    # 5 steps up to 0.01, then half a cosine down to a tenth of it.
    assert rows[0]["learning_rate"] == 0
    assert rows[-1]["learning_rate"] == pytest.approx(1e-3)
    # Written again from the checkpoint alone.
    log.unlink() if log.is_file() else None
    pretrain(tmp_path / "run", log=log)
    assert READ[name](log) == rows


def test_what_is_no_saved_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        training.load_model(tmp_path / "m.npz")
    checkpoint.write(tmp_path / "other.npz", {"x": np.ones(3)}, {"step": 3})
    with pytest.raises(ValueError, match="not a saved model"):
        training.load_model(tmp_path / "other.npz")
    checkpoint.write(tmp_path / "wrong.npz", {"00000": np.ones(3)}, {"config": CONFIG.to_dict()})
    with pytest.raises(ValueError, match="other shapes"):
        training.load_model(tmp_path / "wrong.npz")
