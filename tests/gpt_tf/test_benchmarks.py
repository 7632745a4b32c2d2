"""`make bench` runs, at a toy size, and its figures are what its columns say."""

import importlib.util
import pathlib

import pytest

from gpt_tf.config import GPTConfig

FILE = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "speed.py"


@pytest.fixture(scope="module")
def speed():
    spec = importlib.util.spec_from_file_location("benchmark_speed", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
    training = {row["model"]: row for row in rows_under(speed.TRAINING_COLUMNS, output)}
    assert {"course", "keras_hub"} <= set(training)
    for row in training.values():
        assert row["best setting"] in (*speed.SETTINGS, "float32", "bfloat16")
        assert float(row["tokens/s"].replace(",", "")) > 0
        assert float(row["course / model"]) > 0
    assert training["course"]["course / model"] == "1.00"
    generation = rows_under(speed.GENERATION_COLUMNS, output)
    assert [row["model"].split(",")[0] for row in generation] == ["course", "keras_hub", "course"]
    assert {row["prompt + new"] for row in generation} == {"4 + 12"}


def test_operations_of_a_token(speed):
    config = GPTConfig(5, 3, num_layers=1, num_heads=1, hidden_dim=2)
    # Attention 24, feed-forward 42, three norms of 4; five rows of 2; one block, 3 x 2.
    blocks, output, attention = 24 + 42 + 12, 10, 6
    assert speed.flops_per_token(config) == 6 * (blocks + output) + 12 * attention


def test_the_three_sizes_of_the_issue(speed):
    found = {name: (size.config, size.batch_size) for name, size in speed.SIZES.items()}
    assert [
        (c.num_layers, c.hidden_dim, batch, c.max_sequence_length, c.vocabulary_size)
        for c, batch in found.values()
    ] == [(4, 128, 12, 64, 65), (6, 384, 16, 256, 65), (6, 384, 16, 128, 8192)]


def test_a_ratio_is_taken_round_by_round(speed):
    # The second round fell on a busy moment; both were slow in it, so the ratio stays.
    assert speed.ratio([1.0, 10.0, 1.0], [1.5, 15.0, 1.5]) == 1.5


def test_each_model_gets_its_own_best_setting(speed):
    a, b = speed.SETTINGS
    trial = {
        ("course", a): [1.0, 9.0, 1.0],
        ("course", b): [2.0, 2.0, 2.0],
        ("keras_hub", a): [3.0],
        ("keras_hub", b): [2.5],
    }
    assert speed.best_settings(trial) == {"course": a, "keras_hub": b}


@pytest.mark.parametrize("words", [["--sizes", "huge"], ["--rounds", "0"]])
def test_an_option_that_makes_no_sense(speed, words, capsys):
    with pytest.raises(SystemExit):
        speed.read_arguments(words)
    assert words[0] in capsys.readouterr().err
