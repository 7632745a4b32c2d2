"""Logs of a run: what they hold, and that a row that was there before does not come twice."""

import pytest

pytest.importorskip("tensorflow")

from log_readers import READ  # noqa: E402

from gpt_tf import logs  # noqa: E402

OLD = [{"step": 0, "learning_rate": 0.0, "validation_loss": 4.5}]
NEW = {"step": 10, "learning_rate": 0.25, "loss": 3.5}


@pytest.mark.parametrize("name", READ)
def test_a_log_begins_with_what_the_run_knows(name, tmp_path):
    path = tmp_path / "deep" / name
    for _ in range(2):  # the second time as after a kill: rows beyond the checkpoint go
        log = logs.open_log(path, OLD)
        log.add(NEW)
        assert READ[name](path) == [*OLD, NEW]  # at once, before it is closed
        log.close()
    assert READ[name](path) == [*OLD, NEW]


def test_nothing_but_summaries_is_deleted(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    logs.open_log(tmp_path, []).close()
    assert (tmp_path / "notes.txt").read_text() == "mine"
