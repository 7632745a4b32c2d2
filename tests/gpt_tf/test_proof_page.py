"""The published proof: what the pages say, and that a run which finds something else fails."""

import functools
import os
import re
import subprocess
import sys

import pytest

from gpt_tf.course import layout, proof, proof_page, survivors
from gpt_tf.course.mutate import Mutant
from gpt_tf.course.runner import Result

MASK = "lab04.causal_mask"
WRONG = proof.Answer(MASK, "mask.no-mask", 7, None, True)
FAR = proof.Answer(MASK, "mask.inverted", 12, None, True)
RIGHT = proof.Answer(MASK, "made of a triangle", 20, None, False)


def failed(note="mask.no-mask", ratio=None, status="wrong", test="test_past"):
    return proof.Outcome(Result(MASK, status, "differs", test, note, ratio))


def found(**others):
    outcomes = {
        WRONG.label: failed(),
        FAR.label: failed("mask.inverted", 3210.0),
        RIGHT.label: proof.Outcome(Result(MASK, "passed"), 0.0213),
    }
    return outcomes | others


def matrix(**others):
    return proof_page.kill_matrix([WRONG, FAR, RIGHT], found(**others))


def row(page, start):
    return [cell.strip() for cell in _line(page, start).strip("|").split("|")]


def _line(page, start):
    (line,) = [line for line in page.splitlines() if line.startswith(start)]
    return line


def test_the_page_has_the_totals_and_a_line_for_each_exercise():
    page = matrix()
    assert "2 of 2 wrong answers to 1 exercises are killed" in page
    assert "1 of 1 right answers pass" in page
    assert row(page, f"| [{MASK}]")[1:] == ["2", "all", "≈ 3,000", "1", "all", "~ 0.02"]


def test_the_page_tells_each_answers_test_status_hint_and_distance():
    page = matrix()
    place, note, hint, test, status, far = row(page, "| [line 7]")
    assert place == "[line 7](../tests/mutants/lab04.py#L7)"
    assert (note, test, status, far) == ("`mask.no-mask`", "`test_past`", "wrong", "exact")
    assert hint == "Does any entry of your table depend on its row and its column?"
    assert row(page, "| [line 12]")[-1] == "≈ 3,000"
    assert row(page, "| [line 20]") == [
        "[line 20](../tests/alternatives/lab04.py#L20)", "made of a triangle", "~ 0.02",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "outcome, says",
    [
        (proof.Outcome(Result(MASK, "passed")), "a wrong answer is passed"),
        (failed("mask.inverted"), "it draws mask.inverted, not mask.no-mask"),
        (failed(ratio=9.0), "a wrong answer is only 9 tolerances away"),
        (failed(status="grader error"), "a wrong answer is grader error"),
    ],
)
def test_a_wrong_answer_that_is_not_killed_stands_out(outcome, says):
    page = matrix(**{WRONG.label: outcome})
    assert "1 of 2 wrong answers" in page
    assert f"**survives**: {says}" in _line(page, "| [line 7]")
    assert row(page, f"| [{MASK}]")[2] == "**1**"


def test_a_right_answer_that_fails_or_is_near_the_tolerance_stands_out():
    for outcome, says in [
        (failed(None), "a right answer is wrong: differs"),
        (proof.Outcome(Result(MASK, "passed"), 0.5), "a right answer is 0.5 tolerances away"),
    ]:
        page = matrix(**{RIGHT.label: outcome})
        assert "0 of 1 right answers pass" in page
        assert says in _line(page, "| [line 20]")


@pytest.mark.parametrize(
    "ratio, text",
    [
        (None, "exact"), (float("inf"), "no number"), (10.4, "≈ 10"), (3499.0, "≈ 3,000"),
        (3501.0, "≈ 4,000"), (2.6e9, "≈ 3e+09"),
    ],
)  # fmt: skip
def test_distances_have_one_digit(ratio, text):
    assert proof_page.distance(ratio) == text


@pytest.mark.parametrize(
    "ratio, same", [(1610.0, True), (6400.0, True), (900.0, False), (7e9, False), (None, False)]
)
def test_distances_may_differ_by_a_factor_of_two(ratio, same):
    other = matrix(**{FAR.label: failed("mask.inverted", ratio)})
    assert (proof_page.differences(matrix(), other) == []) is same


def test_distances_beyond_a_million_are_compared_too():
    pages = [matrix(**{FAR.label: failed("mask.inverted", r)}) for r in (2e6, 3e6, 3e9)]
    assert proof_page.differences(pages[0], pages[1]) == []
    assert proof_page.differences(pages[0], pages[2]) != []


def test_margins_are_not_compared():
    other = matrix(**{RIGHT.label: proof.Outcome(Result(MASK, "passed"), 0.0)})
    assert other != matrix() and proof_page.differences(matrix(), other) == []


@pytest.mark.parametrize(
    "outcome",
    [
        failed(test="test_other"),
        failed(status="crashed"),
        failed("mask.inverted"),
        failed(ratio=50),
    ],
)
def test_another_test_status_or_hint_is_a_difference(outcome):
    lines = proof_page.differences(matrix(), matrix(**{WRONG.label: outcome}))
    assert any(line.startswith("- | [line 7]") for line in lines)
    assert any(line.startswith("+ | [line 7]") for line in lines)


def test_an_answer_that_came_or_went_is_a_difference():
    fewer = proof_page.kill_matrix([WRONG, RIGHT], found())
    lines = proof_page.differences(matrix(), fewer)
    assert any(line.startswith("- | [line 12]") for line in lines)


PROJECT = {
    "conftest.py": """
import importlib.util, pathlib
from gpt_tf.course import proof, proof_page

HERE = pathlib.Path(__file__).parent
MASK = "lab04.causal_mask"
WRONG = proof.Answer(MASK, "mask.no-mask", 7, None, True)
RIGHT = proof.Answer(MASK, "made of a triangle", 20, None, False)
proof.answers = lambda labs=None: [WRONG, RIGHT]
proof_page.PAGE = HERE / "page.md"
spec = importlib.util.spec_from_file_location("the_real_conftest", CONFTEST)
real = importlib.util.module_from_spec(spec)
spec.loader.exec_module(real)


def pytest_configure(config):
    config.pluginmanager.register(real)
""",
    "test_proof.py": """
import pytest
from gpt_tf.course import proof
from gpt_tf.course.runner import Result

MASK = "lab04.causal_mask"
WRONG = Result(MASK, "wrong", "differs", "test_past", "mask.no-mask")


@pytest.mark.parametrize("label", ["lab04.causal_mask-mask.no-mask-line7"])
def test_wrong_answer_fails_with_its_hint(label, record_property):
    record_property("proof", {"label": label, "outcome": proof.Outcome(WRONG).to_dict()})


@pytest.mark.parametrize("label", ["lab04.causal_mask-made_of_a_triangle-line20"])
def test_right_answer_passes(label, record_property):
    outcome = proof.Outcome(Result(MASK, "passed"), 0.0213)
    record_property("proof", {"label": label, "outcome": outcome.to_dict()})
""",
}


def run_project(folder, page, *options):
    for name, text in PROJECT.items():
        text = text.replace("CONFTEST", repr(str(layout.TESTS / "conftest.py")))
        (folder / name).write_text(text)
    (folder / "page.md").write_text(page, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    environment = {**os.environ, "PYTHONPATH": str(layout.ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "in two workers"])
def test_a_run_that_finds_something_else_fails(tmp_path, options):
    if options:
        pytest.importorskip("xdist", reason="needs requirements-dev.txt")
    page = proof_page.kill_matrix([WRONG, RIGHT], found())
    code, printed = run_project(tmp_path, page, *options)
    assert code == 0 and "wrong answers that fail with their hint: 1 of 1" in printed, printed
    code, printed = run_project(tmp_path, page.replace("`test_past`", "`test_other`"), *options)
    assert code == 1 and "2 passed" in printed, printed
    assert "python -m gpt_tf.course proof" in printed and "- | [line 7]" in printed


def test_a_part_of_the_run_is_compared_with_nothing(tmp_path):
    code, printed = run_project(tmp_path, "another page", "-k", "right")
    assert code == 0 and "1 passed" in printed, printed


def test_a_page_that_is_missing_fails_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(proof, "answers", lambda labs=None: [WRONG, FAR, RIGHT])
    monkeypatch.setattr(proof_page, "PAGE", tmp_path / "page.md")
    assert "make it again" in proof_page.compare(found())[0]
    (tmp_path / "page.md").write_text(matrix(), encoding="utf-8")
    assert proof_page.compare(found()) == []


MUTANTS = [Mutant(MASK, "compare", "causal_mask", f"- a\n+ {name}", name) for name in "bcd"]
RESULTS = [Result(MASK, "wrong"), Result(MASK, "passed"), Result(MASK, "grader error", "oh")]


def test_the_mutants_page_counts_and_tells_each_survivor_with_its_reason():
    page = survivors.page(MUTANTS, RESULTS, {(MASK, "- a\n+ c"): ("equivalent", "Same sum.")})
    assert "**1 of 3 mutants are killed: 33.3%.** 2 survive: 1 equivalent, 1 no reason." in page
    assert row(page, "| lab04 ")[1:] == ["3", "1", "0", "0", "2", "33%"]
    assert "```diff\n- a\n+ c\n```\n\n*equivalent*: Same sum." in page
    assert "*no reason*: **grader error**: oh" in page


def test_other_mutants_have_another_digest():
    digests = {survivors.digest(m) for m in (MUTANTS, MUTANTS[:2], MUTANTS[::-1])}
    assert len(digests) == 3


@pytest.mark.parametrize(
    "text",
    [
        'change = "- a"\ncategory = "equivalent"\nreason = ""',
        'change = "- a"\ncategory = "because"\nreason = "Because."',
        'change = "- a"\nreason = "Because."',
    ],
)
def test_a_survivor_needs_a_category_and_a_reason(tmp_path, monkeypatch, text):
    monkeypatch.setattr(survivors, "REASONS", tmp_path / "survivors.toml")
    survivors.REASONS.write_text(f'[["{MASK}"]]\n{text}\n')
    with pytest.raises(ValueError, match="survivors.toml, lab04.causal_mask"):
        survivors.reasons()


def test_what_is_printed_for_a_new_survivor_can_be_filled_in(tmp_path, monkeypatch):
    monkeypatch.setattr(survivors, "REASONS", tmp_path / "survivors.toml")
    entry = survivors.entry(MUTANTS[0]).replace('category = ""', 'category = "tolerance"')
    survivors.REASONS.write_text(entry.replace('reason = ""', 'reason = "Tiny."'))
    assert survivors.reasons() == {(MASK, "- a\n+ b"): ("tolerance", "Tiny.")}


@functools.cache
def all_mutants():
    return survivors.all_mutants()


def test_the_mutants_page_is_that_of_these_solutions():
    page = survivors.PAGE.read_text(encoding="utf-8")
    again = f"the solutions have other mutants than docs/{survivors.PAGE.name}; make it again: "
    assert survivors.digest(all_mutants()) in page, again + survivors.COMMAND


def test_every_survivor_on_the_page_has_a_reason_and_every_reason_is_needed():
    page, known = survivors.PAGE.read_text(encoding="utf-8"), survivors.reasons()
    labs = {int(exercise[3:5]) for exercise, _ in known}
    exist = {(m.exercise, m.change) for m in survivors.all_mutants(labs)}
    assert not set(known) - exist, "reasons for mutants that are no more"
    known = {key: why for key, why in known.items() if int(key[0][3:5]) in survivors.LABS}
    assert "*no reason*" not in page
    assert page.count("```diff") == len(known)
    for (_, change), (category, reason) in known.items():
        assert f"```diff\n{change}\n```\n\n*{category}*: {reason}" in page


def test_the_readme_has_the_pages_share():
    page = survivors.PAGE.read_text(encoding="utf-8")
    count, share = re.search(r"of (\d+) mutants are killed: ([\d.]+%)", page).groups()
    readme = " ".join((layout.ROOT / "README.md").read_text(encoding="utf-8").split())
    said = (
        f"Of {int(count):,} small changes made to the solutions by machine the tests notice {share}"
    )
    assert said in readme
