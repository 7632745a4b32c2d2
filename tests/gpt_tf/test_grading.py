"""Grading as its users meet it: pytest on a notebook, and `check` in a live one."""

import os
import subprocess
import sys

import nbformat
import pytest

from gpt_tf.course import extract, layout, runner, submission

TITLE = "04_causal_self_attention"


def grade(*arguments):
    command = [sys.executable, "-m", "pytest", "tests/test_lab04.py", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *arguments], cwd=layout.ROOT, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


def notebook_with_solutions(tmp_path):
    """The student notebook, with the solutions pasted in."""
    student = nbformat.read(layout.LABS / f"{TITLE}.ipynb", 4)
    solution = nbformat.read(layout.SOLUTIONS / f"{TITLE}.ipynb", 4)
    for mine, right in zip(student.cells, solution.cells, strict=True):
        if "raise NotImplementedError" in mine.source:
            mine.source = right.source
    path = tmp_path / "solved.ipynb"
    nbformat.write(student, path)
    return path


def test_the_untouched_notebook_is_not_attempted_without_a_traceback():
    code, printed = grade("--submission", f"labs/{TITLE}.ipynb")
    known = [e.id for e in layout.exercises().values() if e.lab == 4]
    for name in known:
        line = next((row for row in printed.splitlines() if row.startswith(name)), printed)
        assert "not attempted" in line and "0/" in line
    assert code == 1
    assert "Traceback" not in printed and "Error" not in printed and " failed" not in printed


@pytest.mark.parametrize("what", ["untouched", "deleted"])
@pytest.mark.parametrize("exercise", layout.exercises())
def test_every_test_says_that_such_an_answer_is_not_attempted(exercise, what):
    lab = layout.exercises()[exercise].lab
    source = extract.from_file(layout.LABS / f"{layout.lab_stem(lab)}.ipynb")
    if what == "deleted":
        source = extract.from_cells("a notebook without cells", [])
    for test in runner.tests_of(exercise):
        arguments = runner.arguments(test, submission.Submission(source), seed=0)
        with pytest.raises(submission.NotAttempted):
            test(**arguments)


def test_the_notebook_in_labs_is_the_default():
    assert "not attempted" in grade()[1]


def test_with_the_solutions_pasted_in_all_pass(tmp_path):
    code, printed = grade("--submission", str(notebook_with_solutions(tmp_path)))
    assert code == 0, printed
    total = sum(e.points for e in layout.exercises().values() if e.lab == 4)
    assert f"{total}/{total}" in printed


def test_the_solutions_pass_with_another_seed():
    code, printed = grade("--submission", "solutions", "--seed", "7")
    assert code == 0, printed


def test_the_exact_gelu_is_told_from_the_tanh_form_with_any_seed():
    solution = submission.of_solution(5)
    for seed in range(60):
        result = runner.run("lab05.FeedForward", solution, seed)
        assert result.status == "passed", f"seed {seed}: {result.message}"


def test_a_wrong_answer_shows_what_differs_and_a_hint(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text(
        "import keras\ndef causal_mask(length):\n"
        "    return keras.ops.triu(keras.ops.ones((length, length), 'bool'))\n"
    )
    code, printed = grade("--submission", str(path))
    assert code == 1
    assert "lab04.causal_mask   wrong   0/2" in printed
    assert "hint 1 of 3" in printed and "Traceback" not in printed


def test_a_crash_shows_the_students_line(tmp_path):
    path = tmp_path / "crash.py"
    path.write_text("def causal_mask(length):\n    return length / 0\n")
    code, printed = grade("--submission", str(path))
    assert "causal_mask raised ZeroDivisionError: division by zero" in printed
    assert "crash.py, line 2: return length / 0" in printed


@pytest.mark.parametrize(
    "name, content, says",
    [
        ("a.ipynb", "no notebook", "not a Jupyter notebook"),
        ("b.ipynb", None, "There is no file"),
    ],
)
def test_a_submission_that_is_none(tmp_path, name, content, says):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    code, printed = grade("--submission", str(path))
    assert code == 4 and says in printed and "Traceback" not in printed


def test_an_exercise_that_does_not_exist():
    with pytest.raises(ValueError, match="There is no exercise 'lab04.mask'.*lab04.causal_mask"):
        runner.run("lab04.mask", submission.of_solution(4))


def test_a_test_that_fails_itself_is_the_graders_error():
    status, message, *_ = runner.classify(KeyError("x"))
    assert status == "grader error" and "the test itself failed" in message


CHECK = f"""
import sys
sys.path.insert(0, {str(layout.ROOT)!r})
from gpt_tf.course import check, start
start(lab=4)
"""
WRONG = "def causal_mask(length):\n    return keras.ops.ones((length, length), 'bool')"
RIGHT = WRONG.replace("keras.ops.ones", "keras.ops.tril(keras.ops.ones") + ")"


def test_check_in_a_live_notebook(tmp_path):
    nbclient = pytest.importorskip("nbclient", reason="needs requirements-dev.txt")
    cells = [
        CHECK, "import keras", 'check("lab04.causal_mask")', "def causal_mask(length:",
        WRONG, 'check("lab04.causal_mask", hint=2)', RIGHT, 'check("lab04.causal_mask")',
    ]  # fmt: skip
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    environment = {**os.environ, "GPT_TF_MY_WORK": str(tmp_path)}
    client = nbclient.NotebookClient(
        notebook, timeout=300, allow_errors=True, kernel_name="python3"
    )
    client.execute(env=environment)
    printed = [
        "".join(o.get("text", "") for o in c.outputs if o.get("name") != "stderr")
        for c in notebook.cells
    ]
    assert printed[0].startswith("Lab 04 is ready")
    assert "not attempted" in printed[2]
    assert "lab04.causal_mask   wrong   0/2" in printed[5] and "hint 2 of 3" in printed[5]
    assert printed[7].strip() == "lab04.causal_mask   passed   2/2"
    saved = tmp_path / "lab04" / "causal_mask.py"
    assert "keras.ops.tril" in saved.read_text()
