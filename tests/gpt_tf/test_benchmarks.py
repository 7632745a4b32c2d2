"""The benchmarks run, at a toy size, and their figures are what their columns say."""

import collections
import dataclasses
import importlib
import pathlib
import sys

import numpy as np
import pytest

from gpt_tf.config import GPTConfig

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def on_the_path():
    # By their names, because the processes that they start have to find them, too.
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def speed(on_the_path):
    return importlib.import_module("speed")


def rows_under(columns, output):
    """Returns the rows of the printed table with these columns, as {column: cell}."""
    lines = output.splitlines()
    at = next(i for i, line in enumerate(lines) if _cells(line) == list(columns))
    rows = []
    for line in lines[at + 2 :]:
        if len(_cells(line)) != len(columns):
            break
        rows.append(dict(zip(columns, _cells(line), strict=True)))
    return rows


def _cells(line):
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_a_short_run_prints_both_tables(speed, capsys):
    speed.main(["--short"])
    output = capsys.readouterr().out
    training = rows_under(speed.TRAINING_COLUMNS + speed.RATIO_COLUMNS, output)
    for model in ("course", "keras_hub"):
        rows = [row for row in training if row["model"] == model]
        assert len(rows) == len(speed.SETTINGS)
        assert sum("(best)" in row["setting"] for row in rows) == 1
    for row in training:
        assert float(row["tokens/s"].replace(",", "")) > 0
        assert float(row["course / model"]) > 0
        if row["model"] == "course" and "(best)" in row["setting"]:
            assert row["course / model"] == "1.00"
    assert "toy: course (" in output
    generation = rows_under(speed.GENERATION_COLUMNS + speed.RATIO_COLUMNS, output)
    assert [row["model"] for row in generation] == [
        "course, cache",
        "keras_hub, XLA",
        "keras_hub, graph",
        "course, no cache",
    ]
    assert {row["prompt + new"] for row in generation} == {"4 + 12"}
    assert all(row["of bandwidth limit"].endswith("%") for row in generation)


def test_timings_of_several_processes_are_joined(speed):
    timings, other = speed.in_processes(2, speed.bench_generation, speed.TOY.config, 2, 3, 0, 999)
    assert {len(found) for found in timings.values()} == {2 * 3}
    assert {len(found) for found in other.values()} == {2 * 1}


@pytest.mark.parametrize("model_name", ["course", "keras_hub"])
def test_every_layer_computes_in_the_setting_it_is_listed_under(speed, model_name):
    import keras

    tokens = speed.random_tokens(speed.TOY, seed=0)
    model, _ = speed.built_model(model_name, speed.TOY.config, "mixed_bfloat16", tokens)
    layers = [x for x in model._flatten_layers() if isinstance(x, keras.layers.Dense)]
    assert layers and {layer.compute_dtype for layer in layers} == {"bfloat16"}
    assert keras.config.dtype_policy().name == "float32"


def test_operations_of_a_token(speed):
    config = GPTConfig(5, 3, num_layers=1, num_heads=1, hidden_dim=2)
    # Attention 24, feed-forward 42, three norms of 4; five rows of 2; one block, 3 x 2.
    blocks, output, attention = 24 + 42 + 12, 10, 6
    assert speed.flops_per_token(config) == 6 * (blocks + output) + 12 * attention


def test_the_bandwidth_limit_is_the_time_of_reading_the_weights(speed):
    config = GPTConfig(5, 4, num_layers=1, num_heads=1, hidden_dim=2)
    # Attention 24, feed-forward 42, three norms of 4, five tokens of 2; no positions.
    weights = 4 * (24 + 42 + 12 + 10)
    assert speed.bytes_per_step(config) == weights
    # 1,000 bytes are copied in 1 second, so 2,000 move; 3 steps take 4 seconds.
    found = {"course, cache": timings(speed, 4.0), "copy": timings(speed, 1.0)}
    slow = found | {"course, no cache": timings(speed, 8.0)}
    rows = speed.generation_rows(config, 7, found, slow, copied=1000)
    assert [row[:3] for row in rows] == [
        ("7", "1 + 3", "course, cache"),
        ("7", "1 + 3", "course, no cache"),
    ]
    assert [row[4] for row in rows] == [f"{3 * weights / 2000 / s:.0%}" for s in (4, 8)]
    assert rows[1][5] == "2.00"


def test_a_copy_is_whole(speed, monkeypatch):
    copied = []
    monkeypatch.setattr(np, "copyto", lambda target, source: copied.append((target, source)))
    speed.copy_step(1001)()
    assert sum(len(target) for target, _ in copied) == 1001
    assert all(len(target) == len(source) for target, source in copied)


def test_the_three_sizes_of_the_issue(speed):
    found = {name: (size.config, size.batch_size) for name, size in speed.SIZES.items()}
    assert [
        (c.num_layers, c.hidden_dim, batch, c.max_sequence_length, c.vocabulary_size)
        for c, batch in found.values()
    ] == [(4, 128, 12, 64, 65), (6, 384, 16, 256, 65), (6, 384, 16, 128, 8192)]


def timings(speed, *seconds):
    return [speed.Timing(wall, 2 * wall) for wall in seconds]


def test_a_ratio_is_taken_round_by_round(speed):
    # The second round fell on a busy moment; both were slow in it, so the ratio stays.
    course, other = timings(speed, 1.0, 10.0, 1.0), timings(speed, 1.5, 15.0, 1.5)
    assert speed.ratio_cells(course, other) == ("1.50", "1.50 to 1.50", "1.50")


def test_each_model_is_judged_in_its_own_best_setting(speed):
    a, b = speed.SETTINGS
    measured = {
        ("course", a): timings(speed, 1.0, 9.0, 1.0),
        ("course", b): timings(speed, 2.0, 2.0, 2.0),
        ("keras_hub", a): timings(speed, 3.0, 3.0, 3.0),
        ("keras_hub", b): timings(speed, 2.5, 9.0, 2.5),
    }
    assert speed.best_settings(measured) == {"course": a, "keras_hub": b}
    assert f"course ({a}) is 2.50 times as fast as keras_hub ({b})" in speed.verdict("x", measured)


def test_the_order_turns_round_every_second_round(speed):
    calls = []
    steps = {name: (lambda name=name: calls.append(name), 1) for name in "ab"}
    found = speed.take_turns(steps, rounds=2, bar=speed.tqdm(disable=True))
    assert calls == ["a", "b", "b", "a"]
    assert {name: len(own) for name, own in found.items()} == {"a": 2, "b": 2}


@pytest.mark.parametrize("words", [["--sizes", "huge"], ["--rounds", "0"]])
def test_an_option_that_makes_no_sense(speed, words, capsys):
    with pytest.raises(SystemExit):
        speed.read_arguments(words)
    assert words[0] in capsys.readouterr().err


def test_checks_are_timed(capsys):
    checks = importlib.import_module("checks")
    found = checks.main(["3", "--rounds", "1"])
    assert all(0 < seconds < 60 for [seconds] in found.values()) and len(found) == 4
    output = capsys.readouterr().out
    assert all(name in output for name in found) and "the slowest first check: lab03." in output
    with pytest.raises(SystemExit):
        checks.main(["77"])


def test_a_class_holds_all_kinds_and_knows_what_to_expect(tmp_path):
    grading = importlib.import_module("grading")
    handed = grading.a_class(100, 0, tmp_path, victim=0)
    assert collections.Counter(h.kind for h in handed) == grading.SHARES
    assert len({h.name for h in handed}) == 100
    by_kind = {h.kind: h for h in handed}
    assert set().union(*by_kind["right"].expected.values()) == {"passed"}
    assert grading.FAILED in by_kind["wrong"].expected.values()
    # A mistake costs its own exercise and no other.
    for h in handed:
        if h.kind == "wrong":
            assert [s for s in h.expected.values() if s != {"passed"}] == [grading.FAILED]


def test_tiny_shakespeare_is_trained_and_measured(monkeypatch, capsys):
    shakespeare = importlib.import_module("shakespeare")
    text = "First Citizen:\nBefore we proceed any further, hear me speak.\n" * 200
    monkeypatch.setattr(shakespeare.catalog, "text", lambda name: text)
    monkeypatch.setattr(shakespeare, "CONFIG", GPTConfig(65, 16, 1, 2, 8))
    # Without PyTorch, whether it is installed or not.
    monkeypatch.setattr(shakespeare.speed, "training_models", lambda: ["course", "keras_hub"])
    found = shakespeare.main(["--short", "--budget", "50"])
    output = capsys.readouterr().out
    assert f"{len(text) * 9 // 10:,} characters to train on" in output
    assert "PyTorch's 50 s are given" in output and list(found) == list(shakespeare.RECIPES)
    for name, (loss, _) in found.items():
        assert 1 < loss < 4.5 and f"{name}: validation loss {loss:.3f} nats" in output
    assert f"{found['ours'][1] / 50:.2f} of PyTorch's" in output


def test_two_that_train_by_turns_both_take_all_their_steps(monkeypatch):
    shakespeare = importlib.import_module("shakespeare")
    monkeypatch.setattr(shakespeare, "CONFIG", GPTConfig(65, 16, 1, 2, 8))
    tokens = np.tile(np.arange(13, dtype="int32"), 60)
    recipe = dataclasses.replace(shakespeare.NANOGPT, steps=50, warmup_steps=5)

    class Other:
        seconds, shares = 0.0, []

        def train_to(self, share):
            self.shares.append(share)
            self.seconds += 1000.0

    alone, _ = shakespeare.train(recipe, tokens[:600], tokens[600:], 0)
    loss, seconds = shakespeare.train(recipe, tokens[:600], tokens[600:], 0, Other())
    assert loss == alone
    # 20 turns in 50 steps, the last of them at the end; their time is not this one's.
    assert len(Other.shares) == 20 and Other.shares[-1] == 1.0
    np.testing.assert_allclose(Other.shares, np.arange(1, 21) / 20, atol=0.02)
    assert -20_000 < seconds < -19_000


def test_pytorch_takes_the_steps_of_nanogpt(monkeypatch):
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    shakespeare = importlib.import_module("shakespeare")
    config = GPTConfig(65, 16, 1, 2, 8)
    monkeypatch.setattr(shakespeare, "CONFIG", config)
    tokens = np.tile(np.arange(13, dtype="int32"), 60)
    recipe = dataclasses.replace(shakespeare.NANOGPT, steps=60, warmup_steps=5, peak_rate=1e-2)
    run = shakespeare.TorchRun(recipe, tokens[:600], 0)
    run.train_to(0.5)
    assert run.step == 30 and run.seconds > 0
    run.train_to(1.0)
    assert run.step == 60 and 0 < run.loss(tokens[600:]) < 1.5 < np.log(65)
    # Each token once, in windows that overlap by one: a model that knows nothing is right by 1/65.
    with torch.no_grad():
        for weight in run.model.parameters():
            weight.zero_()
    assert run.loss(tokens[:50]) == pytest.approx(np.log(65), abs=1e-5)


def test_the_published_settings_of_nanogpt():
    recipe = importlib.import_module("shakespeare").RECIPES["nanogpt"]
    assert (recipe.steps, recipe.batch_size, recipe.warmup_steps) == (2000, 12, 100)
    assert recipe.peak_rate == 1e-3 and recipe.peak_rate * recipe.final_fraction == 1e-4
    assert (recipe.beta_1, recipe.beta_2) == (0.9, 0.99)


def test_kills_compares_what_two_runs_left(tmp_path):
    kills = importlib.import_module("kills")
    history = {"step": [5], "loss": [2.0], "validation_step": [0], "validation_loss": [3.0]}
    other = history | {"loss": [2.25]}
    for name, kept in (("a", history), ("b", other), ("c", history | {"step": [6]})):
        details = {"history": kept}
        kills.checkpoint.save(tmp_path / name / "checkpoints", 5, {"x": np.ones(2)}, details)
    assert kills.compare(tmp_path / "a", tmp_path / "b") == 0.25
    with pytest.raises(ValueError, match="same steps"):
        kills.compare(tmp_path / "a", tmp_path / "c")
    [file] = kills.checkpoint.files(tmp_path / "b" / "checkpoints")
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(ValueError, match="damaged"):
        kills.compare(tmp_path / "a", tmp_path / "b")
