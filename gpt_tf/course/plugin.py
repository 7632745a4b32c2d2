"""The pytest side of grading: `pytest tests/test_lab04.py --submission FILE`."""

import dataclasses
import re

import pytest

from gpt_tf.course import layout, runner, submission


def pytest_addoption(parser):
    group = parser.getgroup("gpt_tf")
    group.addoption(
        "--submission",
        metavar="FILE",
        help='a notebook or .py file to grade, or "solutions"; default: the notebook in labs/',
    )
    group.addoption(
        "--seed", type=int, default=runner.PUBLIC_SEED, help="of the tests' random numbers"
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "exercise(name): a test of that exercise")


@pytest.fixture(scope="module")
def submission_of_lab(request):
    """The Submission that this lab's tests speak to."""
    lab = int(re.search(r"test_lab(\d\d)", request.path.name)[1])
    chosen = request.config.getoption("--submission")
    seed = request.config.getoption("--seed")
    if chosen == "solutions":
        return submission.of_solution(lab, seed)
    try:
        return submission.of_file(chosen or layout.notebook_file(lab), seed)
    except (FileNotFoundError, ValueError) as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(name="submission")
def fixture_submission(submission_of_lab):
    """What a test calls the student's code through; see `gpt_tf.course.submission`."""
    return submission_of_lab


@pytest.fixture
def rng(request):
    """A random generator of the test's own."""
    return runner.make_rng(request.function.__name__, request.config.getoption("--seed"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    mark = item.get_closest_marker("exercise")
    if mark is None or report.when == "teardown":
        return
    if report.when == "setup" and report.passed:
        return
    result = runner.Result(mark.args[0], "passed")
    if call.excinfo is not None:
        status, message, misconception, ratio = runner.classify(call.excinfo.value)
        result = runner.Result(mark.args[0], status, message, item.name, misconception, ratio)
        if status != "grader error":
            # A student reads what differs; the test's own traceback would hide it.
            report.longrepr = result.report()
    # A dict, because reports may come from another process (pytest-xdist).
    report.graded = dataclasses.asdict(result)


def pytest_report_teststatus(report):
    if getattr(report, "graded", {}).get("status") == "not attempted":
        return "not attempted", "-", "NOT ATTEMPTED"


def pytest_terminal_summary(terminalreporter):
    results = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if not hasattr(report, "graded"):
                continue
            result = runner.Result(**report.graded)
            # The first test that failed speaks for its exercise.
            known = results.setdefault(result.exercise, result)
            if known.status == "passed":
                results[result.exercise] = result
    if not results:
        return
    known = layout.exercises()
    terminalreporter.section("exercises")
    for name in sorted(results, key=list(known).index):
        result = results[name]
        line = f"{name:45s} {result.status:14s} {result.points}/{known[name].points}"
        terminalreporter.write_line(line, green=result.status == "passed")
    earned = sum(r.points for r in results.values())
    total = sum(known[name].points for name in results)
    terminalreporter.write_line(f"{'points':45s} {'':14s} {earned}/{total}")
