"""Checkpoints: whole or not there, the last two kept, damage noticed."""

import numpy as np
import pytest

from gpt_tf import checkpoint

ARRAYS = {"a/0": np.arange(2000, dtype="float32").reshape(40, 50), "b": np.array(7, "int64")}


def test_what_goes_in_comes_out(tmp_path):
    checkpoint.write(tmp_path / "new" / "x.npz", ARRAYS, {"name": "Ünï", "rates": [0.1, 2.5e-4]})
    arrays, details = checkpoint.read(tmp_path / "new" / "x.npz")
    assert details == {"name": "Ünï", "rates": [0.1, 2.5e-4]}
    assert arrays.keys() == ARRAYS.keys()
    for name, value in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], value)
        assert arrays[name].dtype == value.dtype


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file .*x.npz"):
        checkpoint.read(tmp_path / "x.npz")


@pytest.mark.parametrize("kept", [0, 10, 4000, -1])
def test_a_file_cut_short_is_damaged(tmp_path, kept):
    path = tmp_path / "x.npz"
    checkpoint.write(path, ARRAYS, {})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(checkpoint.Damaged, match="x.npz is damaged"):
        checkpoint.read(path)


def test_one_wrong_bit_is_damage(tmp_path):
    path = tmp_path / "x.npz"
    checkpoint.write(path, ARRAYS, {})
    content = bytearray(path.read_bytes())
    content[3000] ^= 1
    path.write_bytes(content)
    with pytest.raises(checkpoint.Damaged):
        checkpoint.read(path)


def test_other_files_are_no_checkpoints(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.ones(3))
    np.savez(tmp_path / "pickled.npz", x=np.array([{"an": "object"}], dtype=object))
    (tmp_path / "text.npz").write_text("hello")
    for name in ("other", "pickled", "text"):
        with pytest.raises(checkpoint.Damaged):
            checkpoint.read(tmp_path / f"{name}.npz")


def test_two_are_kept_and_parts_removed(tmp_path):
    (tmp_path / ".checkpoint-00000010.npz.123.part").write_text("of a process that was killed")
    for step in (10, 20, 30):
        checkpoint.save(tmp_path, step, ARRAYS, {"loss": step})
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["checkpoint-00000020.npz", "checkpoint-00000030.npz"]
    assert checkpoint.load(tmp_path)[1] == {"loss": 30, "step": 30}


def test_falls_back_to_the_one_before(tmp_path, capsys):
    checkpoint.save(tmp_path, 10, ARRAYS, {})
    checkpoint.save(tmp_path, 20, ARRAYS, {})
    newest = tmp_path / "checkpoint-00000020.npz"
    newest.write_bytes(newest.read_bytes()[:500])
    assert checkpoint.load(tmp_path)[1]["step"] == 10
    assert "checkpoint-00000020.npz is damaged" in capsys.readouterr().out


def test_nothing_there(tmp_path):
    assert checkpoint.load(tmp_path) is None
    assert checkpoint.load(tmp_path / "nowhere") is None


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.npz"
    checkpoint.write(path, ARRAYS, {"step": 1})
    with pytest.raises(TypeError):
        checkpoint.write(path, ARRAYS, {"step": object()})
    assert checkpoint.read(path)[1] == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]
