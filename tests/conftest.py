"""Prints at the end of the run how many known answers tests/test_proof.py proved."""

PROOFS = {
    "test_wrong_answer_fails_with_its_hint": "wrong answers that fail with their hint",
    "test_right_answer_passes": "right answers that pass",
}


def pytest_terminal_summary(terminalreporter):
    reports = [
        report
        for category in ("passed", "failed")
        for report in terminalreporter.stats.get(category, [])
        if report.when == "call"
    ]
    for test, what in PROOFS.items():
        run = [report for report in reports if f"::{test}[" in report.nodeid]
        if run:
            passed = sum(report.passed for report in run)
            terminalreporter.write_line(f"{what}: {passed} of {len(run)}")
