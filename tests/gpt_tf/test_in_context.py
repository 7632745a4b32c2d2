"""The tasks that are drawn as training goes, what is measured, and the command."""

import dataclasses
import json
import types

import numpy as np
import pytest

from gpt_tf import __main__ as command
from gpt_tf import in_context, tables

SHORT = in_context.Settings().shortened()


def test_a_mapping_is_one_within_its_row_and_another_in_the_next():
    for family, num_inputs in (("mapping", 1), ("mapping of pairs", 2)):
        inputs, outputs = in_context.draw(family, count=50, shots=16, seed=1)
        assert inputs.shape == (50, 16, num_inputs) and outputs.shape == (50, 16)
        tables = []
        for xs, ys in zip(inputs.tolist(), outputs.tolist(), strict=True):
            table = dict(zip(map(tuple, xs), ys, strict=True))
            assert [table[tuple(x)] for x in xs] == ys
            assert len(table) <= 6
            tables.append(tuple(sorted(table.items())))
        assert len(set(tables)) == 50
        assert max(map(len, tables)) == 6


def test_copying_is_always_from_one_place():
    for family, num_inputs in (("copying", 2), ("copying one of three", 3)):
        inputs, outputs = in_context.draw(family, count=60, shots=9, seed=2)
        places = [
            [i for i in range(num_inputs) if (xs[:, i] == ys).all()]
            for xs, ys in zip(inputs, outputs, strict=True)
        ]
        assert {place for found in places for place in found} == set(range(num_inputs))
        assert all(places)


def test_classes_are_the_same_and_their_names_are_not():
    for family, class_of in (("classes", lambda s: s % 4), ("other classes", lambda s: s // 16)):
        inputs, outputs = in_context.draw(family, count=30, shots=40, seed=3)
        names = []
        for xs, ys in zip(inputs[..., 0].tolist(), outputs.tolist(), strict=True):
            name = {class_of(x): y for x, y in zip(xs, ys, strict=True)}
            assert [name[class_of(x)] for x in xs] == ys
            assert len(set(name.values())) == len(name)
            names.append(tuple(sorted(name.items())))
        assert len(set(names)) > 25


def test_sums_and_differences_are_in_one_base():
    for family, sign in (("sums in a base", 1), ("differences in a base", -1)):
        inputs, outputs = in_context.draw(family, count=60, shots=12, seed=4)
        bases = []
        for xs, ys in zip(inputs, outputs, strict=True):
            found = [b for b in range(5, 11) if ((xs[:, 0] + sign * xs[:, 1]) % b == ys).all()]
            assert any((xs < b).all() for b in found)
            bases += found
        assert set(bases) == {5, 6, 7, 8, 9, 10}


def test_no_such_family():
    with pytest.raises(ValueError, match=r"'cipher'.*mapping.*differences in a base"):
        in_context.draw("cipher", 1, 1, 0)


def test_a_batch_is_tasks_and_repetition():
    settings = in_context.Settings()
    for early, repeats in ((True, 32), (False, 8)):
        rows = in_context.batch(settings, [7, 3], early)
        assert rows.shape == (64, 51) and rows.dtype == "int32"
        assert rows.min() >= 0 and rows.max() == in_context.MARK
        marked = (rows == in_context.MARK).any(axis=1)
        assert not marked[:repeats].any() and marked[repeats:].all()
        for row in rows[:repeats]:
            assert any((row[p:] == row[:-p]).all() for p in range(2, 26))
        # A mapping has one symbol and one label between its marks, and only mappings come early.
        mappings = (rows[repeats:, 2::3] == in_context.MARK).all(axis=1)
        assert mappings.all() == early and mappings.any()
    assert (in_context.batch(settings, [7, 3]) == in_context.batch(settings, [7, 3])).all()
    assert (in_context.batch(settings, [7, 3]) != in_context.batch(settings, [7, 4])).any()


class Remembers:
    """Says the label that stood behind the same input before; else symbol 0."""

    config = types.SimpleNamespace(max_sequence_length=51)

    def __call__(self, rows):
        logits = np.zeros((*rows.shape, in_context.SYMBOLS + 1))
        for row, said in zip(rows, logits, strict=True):
            for place in range(0, len(row), 3):
                before = [p for p in range(0, place, 3) if row[p] == row[place]]
                said[place, row[before[-1] + 1] if before else 0] = 1.0
        return logits


def test_accuracy_of_a_model_that_remembers():
    found = in_context.accuracies(Remembers(), "mapping", tasks=300, seed=5)
    assert found.shape == (17,)
    # After k examples, one of six symbols has been seen with probability 1 - (5/6)^k.
    expected = [1 - (5 / 6) ** k for k in range(17)]
    assert found == pytest.approx(expected, abs=0.1)
    assert found[0] < 0.06 and found[16] > 0.9


def test_a_short_run_makes_a_whole_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tables.layout, "ROOT", tmp_path)
    target = tmp_path / "table.json"
    with pytest.raises(FileNotFoundError, match="in-context --table"):
        tables.read("in-context", target)
    arguments = ["in-context", "--short", "--seeds", "1", "--table", str(target)]
    assert command.main(arguments) == 0
    table = tables.read("in-context", target)
    assert table["command"] == f"python -m gpt_tf {' '.join(arguments)}"
    assert [r["cell"] for r in table["results"]] == [
        {"size": size, "seed": 0} for size in SHORT.sizes
    ]
    counts = [r["score"]["parameters"] for r in table["results"]]
    assert counts == sorted(counts) and counts[0] < counts[-1] / 10
    for family in in_context.TRAINED | in_context.HELD_OUT:
        assert in_context.curves(table["results"], "large", family).shape[0] == 1
    target.unlink()
    assert command.main(arguments) == 0  # nothing is trained again
    assert json.loads(target.read_text()) == table


def test_the_table_of_the_repository_shows_what_lab_12_says():
    """Three seeds; with 16 examples the largest is far above no example, and above the smallest."""
    table = tables.read("in-context")
    results, sizes = table["results"], list(in_context.Settings().sizes)
    assert table["settings"] == json.loads(json.dumps(dataclasses.asdict(in_context.Settings())))
    assert [r["cell"] for r in results] == [
        {"size": size, "seed": seed} for seed in range(3) for size in sizes
    ]
    small, _, large = (in_context.curves(results, size, "mapping") for size in sizes)
    assert large.shape == (3, 17)
    assert (large[:, 16] - large[:, 0]).mean() >= 0.4
    assert (large[:, 16] - small[:, 16]).mean() >= 0.1
