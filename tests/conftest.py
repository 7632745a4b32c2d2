"""Prints at the end of the run how many known answers tests/test_proof.py proved.

Where it proved all of them, what it found is compared with docs/grader-proof.md; a difference
fails the run.
"""

import pytest

from gpt_tf.course import proof, proof_page

PROOFS = {
    "test_wrong_answer_fails_with_its_hint": "wrong answers that fail with their hint",
    "test_right_answer_passes": "right answers that pass",
}
REPORTS = []
DIFFERENCES = []


def pytest_runtest_logreport(report):
    if report.when == "call" and any(f"::{test}[" in report.nodeid for test in PROOFS):
        REPORTS.append(report)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    # With pytest-xdist each worker has a part of the reports; the process that they report to, all.
    if hasattr(session.config, "workerinput"):
        return
    found = [dict(report.user_properties).get("proof") for report in REPORTS]
    outcomes = {f["label"]: proof.Outcome.from_dict(f["outcome"]) for f in found if f}
    DIFFERENCES[:] = proof_page.compare(outcomes)
    if DIFFERENCES and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    for test, what in PROOFS.items():
        run = [report for report in REPORTS if f"::{test}[" in report.nodeid]
        if run:
            passed = sum(report.passed for report in run)
            terminalreporter.write_line(f"{what}: {passed} of {len(run)}")
    for line in DIFFERENCES:
        terminalreporter.write_line(line, red=True)
