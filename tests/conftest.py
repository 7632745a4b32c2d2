"""Counts what tests/test_proof.py proved, and prints the numbers at the end of the run."""

import collections

import pytest

PROVED = pytest.StashKey()


def pytest_configure(config):
    config.stash[PROVED] = collections.Counter()


@pytest.fixture
def record_proof(request):
    """Counts one answer that was proved."""

    def record(kind):
        request.config.stash[PROVED][kind] += 1

    return record


def pytest_terminal_summary(terminalreporter, config):
    from gpt_tf.course import layout, proof

    proved = config.stash[PROVED]
    if not proved:
        return
    labs = [int(stem[:2]) for stem in layout.index()]
    totals = {
        "wrong answers that fail with their hint": sum(len(proof.wrong_answers(n)) for n in labs),
        "right answers that pass": sum(len(proof.right_answers(n)) for n in labs),
    }
    terminalreporter.section("proof of the tests")
    for kind, total in totals.items():
        terminalreporter.write_line(f"{kind}: {proved[kind]} of {total}")
