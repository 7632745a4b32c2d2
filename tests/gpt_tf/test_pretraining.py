"""`python -m gpt_tf pretrain`: what it takes, what it refuses, what it leaves. See test_presets."""

import importlib
import pathlib
import random

import pytest

pytest.importorskip("keras")

from log_readers import READ  # noqa: E402

from gpt_tf import __main__ as command  # noqa: E402
from gpt_tf import pretraining, recipes, training, world  # noqa: E402

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "world.txt"
    path.write_text("\n\n".join(world.documents(200, seed=1)), encoding="utf-8")
    return path


def run(text, out, *more):
    arguments = ["--size", "toy", "--steps", "20", "--data", str(text), "--out", str(out)]
    return command.main(["pretrain", *arguments, *more])


def test_help_names_all_sizes_and_what_they_are(capsys):
    with pytest.raises(SystemExit):
        command.main(["pretrain", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "gpt2 12 blocks of width 768, context 1,024; 100,000 updates of 512 rows" in said
    assert f"in runs of {training.AUTO_STEPS:,} steps" in said
    for option in ("--precision", "--devices", "--micro-batch-size", "--log", "--save-seconds"):
        assert option in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--steps", "0"], "steps must be at least 1, not 0"),
        (["--batch-size", "-1"], "batch_size must be at least 1, not -1"),
        (["--seed", "-5"], "seed must be at least 0, not -5"),
        (["--devices", "7"], "Training on 7 "),
        (["--micro-batch-size", "3"], "cannot be computed 3 at a time; choose a divisor of 4"),
        (["--data", "nowhere.txt"], "no file"),
        (["--fresh"], "holds no run to forget: nothing was deleted"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(
    arguments, said, text, tmp_path, capsys
):
    mine = tmp_path / "thesis.txt"
    mine.write_text("all of it")
    assert run(text, tmp_path, *arguments) == 1
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == [mine]


def test_a_file_is_no_folder(text, capsys):
    assert run(text, text) == 1
    assert "is a file; name a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--devices", "some"], "'some' is no number of devices; give one, or all"),
        (["--precision", "int8"], "--precision"),
        (["--size", "huge"], "'gpt2'"),
        (["--log", "paper"], "--log"),
    ],
)
def test_a_word_that_is_not_known(arguments, said, capsys):
    with pytest.raises(SystemExit):
        command.main(["pretrain", *arguments])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "name"), [("csv", "log.csv"), ("tensorboard", "tensorboard"), ("none", None)]
)
def test_the_log_is_where_it_was_asked_for(kind, name, text, tmp_path):
    out = tmp_path / "out"
    assert run(text, out, "--log", kind, "--precision", "bfloat16", "--micro-batch-size", "2") == 0
    logs = {file for file in ("log.csv", "tensorboard") if (out / file).exists()}
    assert logs == ({name} if name else set())
    if name:
        # 20 steps, so each is logged; and validation before the first.
        rows = READ[{"tensorboard": "board"}.get(name, name)](out / name)
        assert [row["step"] for row in rows] == list(range(21))


def test_how_may_change_and_what_may_not(text, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(text, out, "--precision", "float32") == 0
    assert run(text, out, "--precision", "float32", "--micro-batch-size", "1") == 0
    assert run(text, out, "--precision", "bfloat16") == 1
    assert "other settings (precision)" in capsys.readouterr().err
    assert run(text, out, "--precision", "bfloat16", "--fresh") == 0


def test_settings_become_a_recipe():
    short = pretraining.Settings(size="nano", steps=100, precision="float32", seed=3).recipe()
    assert (short.steps, short.warmup_steps, short.seed) == (100, 10, 3)
    assert pretraining.Settings(size="gpt1").recipe().precision == "auto"
    assert pretraining.Settings(size="gpt1").recipe().warmup_steps == 2000
    assert isinstance(short, recipes.Recipe)


def test_killed_five_times_it_ends_as_if_undisturbed(text, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    kills = importlib.import_module("kills")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    arguments = ["--size", "toy", "--steps", "1000", "--save-seconds", "0", "--data", str(text)]
    arguments += ["--precision", "float32"]
    assert command.main(["pretrain", *arguments, "--out", str(whole)]) == 0
    seed = random.randrange(10**6)
    steps = kills.killed(arguments, killed, kills=5, spread=0.1, rng=random.Random(seed))
    assert len(steps) == 5 and steps == sorted(set(steps)), seed
    # 0.02 is asked for; the same batches and states give the same numbers.
    assert kills.compare(whole, killed) < 1e-5, seed
    assert READ["log.csv"](killed / "log.csv") == READ["log.csv"](whole / "log.csv")
