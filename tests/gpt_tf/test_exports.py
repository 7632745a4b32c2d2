"""Tests of what Gradescope and GitHub Classroom get: formats, safe names, the autograder's zip."""

import ast
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import zipfile

import nbformat
import pytest
import yaml

from gpt_tf.course import __main__ as command
from gpt_tf.course import autograder, exports, grade, layout
from gpt_tf.course.names import safe_names
from gpt_tf.course.runner import Result

# Of lab 04, as its notebook shows them; 18 together.
POINTS = {
    "causal_mask": 2,
    "attention_weights": 4,
    "scaled_dot_product_attention": 3,
    "split_heads": 2,
    "merge_heads": 2,
    "CausalSelfAttention": 5,
}


def graded(name="anna.ipynb", problems=(), **others):
    """Returns a Graded of lab 04, all passed but `others`: {exercise: fields of its Result}."""
    results = [Result(f"lab04.{e}", *others.get(e, ("passed",))) for e in POINTS]
    return grade.Graded(name, results, list(problems), [], 12.345)


WRONG = graded(
    problems=["anna.ipynb, code cell 9, line 2: invalid syntax."],
    causal_mask=("wrong", "causal_mask(5) at (0, 1): yours True", "test_x", "mask.no-mask", 3.0),
    split_heads=("not attempted", "split_heads is not written yet."),
)
BROKEN = graded(
    causal_mask=("grader error", "the test itself failed, not your code: KeyError: '/home/prof'"),
    split_heads=("crashed", "split_heads raised ValueError: no"),
)


# ------------------------------------------------------------------------------------------ formats


def test_gradescope_results():
    results = exports.gradescope(WRONG)
    tests = results.pop("tests")
    assert results == {
        "score": 14,  # 18 without 2 and 2
        "execution_time": 12.3,
        "output": "anna.ipynb, code cell 9, line 2: invalid syntax.",
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
    }
    assert [test["max_score"] for test in tests] == list(POINTS.values())
    assert [test["score"] for test in tests] == [0, 4, 3, 0, 2, 5]
    assert [test["number"] for test in tests] == ["1", "2", "3", "4", "5", "6"]
    output = tests[0].pop("output").splitlines()
    assert output[:2] == [
        "lab04.causal_mask   wrong   0/2",
        "  causal_mask(5) at (0, 1): yours True",
    ]
    assert output[2].startswith("  hint 1 of 3: ")
    assert tests[0] == {
        "number": "1",
        "name": "causal_mask (4.1 Who may look at whom)",
        "score": 0,
        "max_score": 2,
        "status": "failed",
        "output_format": "text",
        "visibility": "visible",
        "tags": ["wrong"],
        "extra_data": {"exercise": "lab04.causal_mask", "misconception": "mask.no-mask"},
    }
    assert tests[1]["status"] == "passed" and tests[1]["tags"] == ["passed"]
    assert tests[3]["status"] == "failed" and tests[3]["tags"] == ["not attempted"]


def test_classroom_results():
    results = exports.classroom(WRONG)
    tests = results.pop("tests")
    assert results == {"version": 1, "status": "fail", "max_score": 18}
    assert [test["score"] for test in tests] == [0, 4, 3, 0, 2, 5]
    assert [test["status"] for test in tests] == ["fail", "pass", "pass", "fail", "pass", "pass"]
    assert tests[1] == {
        "name": "attention_weights (4.2 How much each position looks)",
        "status": "pass",
        "message": None,
        "test_code": "",
        "filename": "",
        "line_no": 0,
        "score": 4,
    }
    message = "lab04.split_heads   not attempted   0/2\n  split_heads is not written yet."
    assert (tests[3]["message"], tests[3]["test_code"]) == (message, message)
    assert exports.classroom(graded())["status"] == "pass"


def test_a_fault_of_the_grader_is_no_score():
    """Gradescope adds up the tests' scores where there is no other: there are none, either."""
    results = exports.gradescope(BROKEN)
    assert not {"score", "tests"} & set(results)
    assert "no score yet" in results["output"] and "lab04.causal_mask" in results["output"]
    other = exports.classroom(BROKEN)
    # The reporter of Classroom leaves a result without a max_score out of the points it sends.
    assert (other["status"], other["max_score"], len(other["tests"])) == ("error", 0, 1)
    assert other["tests"][0]["status"] == "error"
    for text in (exports.dumps(results), exports.dumps(other)):
        assert "/home/prof" not in text and "split_heads" not in text


def test_texts_that_json_readers_choke_on():
    message = "split_heads raised ValueError: \ud800\x00\x1b[31m" + "a" * 10_000
    results = exports.gradescope(graded(split_heads=("crashed", message), problems=["\udcff"]))
    text = exports.dumps(results)
    text.encode("utf-8")
    output = json.loads(text)["tests"][3]["output"]
    assert "ValueError: \ufffd\ufffd\ufffd[31maaa" in output and len(output) == 2000


# -------------------------------------------------------------------------------------- file names


def test_safe_names():
    names = [
        "anna/lab 04.ipynb",
        "anna/lab_04.ipynb",
        "ANNA/Lab-04.ipynb",
        "Anna\\lab-04.ipynb",
        "../../etc/passwd",
        ".hidden",
        "...",
        "김철수 (1).ipynb",
        'a<b>:"|?*\n.py',
        "-2",
    ]
    assert list(safe_names(names).values()) == [
        "anna_lab_04.ipynb",
        "anna_lab_04.ipynb-2",
        "ANNA_Lab-04.ipynb",
        "Anna_lab-04.ipynb-2",
        "_.._etc_passwd",
        "hidden",
        "submission",
        "김철수__1_.ipynb",
        "a_b_______.py",
        "-2",
    ]


def test_a_suffix_may_be_taken_too():
    assert list(safe_names(["a b", "a_b-2", "a_b"]).values()) == ["a_b", "a_b-2", "a_b-3"]
    assert list(safe_names(["a-2", "a b", "a_b"]).values()) == ["a-2", "a_b", "a_b-2"]


def test_long_names_stay_apart():
    # Four bytes a letter in UTF-8; and the same name in the form that macOS gives.
    names = ["x" * 300, "x" * 301, "\U00020000" * 90, "\U00020000" * 91, "e\u0301", "\u00e9"]
    stems = list(safe_names(names).values())
    assert stems[:2] == ["x" * 80, "x" * 78 + "-2"]
    assert stems[2:4] == ["\U00020000" * 50, "\U00020000" * 49 + "-2"]
    assert stems[4:] == ["\u00e9", "\u00e9-2"]


def test_grade_writes_a_file_for_each(tmp_path, monkeypatch, capsys):
    both = [WRONG, graded("ben/../lab.ipynb")]
    monkeypatch.setattr(grade, "grade", lambda *_, **__: both)
    assert command.main(["grade", "lab04", ".", "--out", str(tmp_path)]) == 0
    for form in (exports.gradescope, exports.classroom):
        folder = tmp_path / form.__name__
        assert sorted(p.name for p in folder.iterdir()) == [
            "anna.ipynb.json",
            "ben_.._lab.ipynb.json",
        ]
        written = json.loads((folder / "anna.ipynb.json").read_text(encoding="utf-8"))
        assert written == form(WRONG)


# ----------------------------------------------------------------------------- the autograder's zip


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    path = tmp_path_factory.mktemp("gradescope") / "lab04.zip"
    assert command.main(["gradescope", "lab04", "--out", str(path)]) == 0
    return path


def test_the_zip_holds_what_it_needs_and_no_answer(packed):
    with zipfile.ZipFile(packed) as archive:
        names = set(archive.namelist())
        text = b"\n".join(archive.read(name) for name in names).decode()
        modes = {m.filename: stat.S_IMODE(m.external_attr >> 16) for m in archive.infolist()}
    assert {"setup.sh", "run_autograder", "tests/test_lab04.py", "tests/hints/lab04.toml"} <= names
    assert {n for n in names if n.startswith("solutions/")} == {
        "solutions/01_language_models.py",
        "solutions/02_byte_pair_encoding.py",
        "solutions/03_embeddings.py",
    }
    outside = {n for n in names if not n.startswith(("gpt_tf/", "datasets/", "solutions/"))}
    assert {n.split("/")[1] for n in outside if n.startswith("tests/")} == {
        "test_lab04.py",
        "reference",
        "hints",
    }
    assert not any(part in n for n in names for part in ("mutants", "alternatives", "/.", "pyc"))
    # Lines of a solution that nothing else has.
    for lab in (n for n in layout.index() if n >= "04"):
        solution = (layout.SOLUTIONS / f"{lab}.py").read_text(encoding="utf-8")
        blocks = re.findall(r"(?s)### BEGIN SOLUTION\n(.*?)### END SOLUTION", solution)
        assert blocks and not any(block in text for block in blocks)
    assert (modes["run_autograder"], modes["tests/test_lab04.py"]) == (0o755, 0o644)


def test_the_same_files_give_the_same_zip(packed, tmp_path):
    autograder.pack(4, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


@pytest.mark.parametrize(
    ("lab", "said"), [("lab99", "There is no lab 99"), ("lab\u00b2", "lab\u00b2 is no lab")]
)
def test_no_zip_of_no_lab(lab, said, tmp_path, capsys):
    assert command.main(["gradescope", lab, "--out", str(tmp_path / "x.zip")]) == 1
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not list(tmp_path.iterdir())


def test_setup_names_files_that_are_in_the_zip(packed):
    with zipfile.ZipFile(packed) as archive:
        setup, names = archive.read("setup.sh").decode(), archive.namelist()
    files = re.findall(r"-[rc] (\S+)", setup)
    assert len(files) == 2 and set(files) <= set(names)
    for script in autograder.SCRIPTS:
        subprocess.run(["bash", "-n", autograder.FOLDER / script], check=True)


@pytest.mark.parametrize("stem", layout.index())
def test_what_the_tests_import_is_in_the_zip(stem):
    """So that no lab's autograder lacks a module; the one of lab 04 is run below."""
    lab = int(stem[:2])
    names = {path.relative_to(layout.ROOT).as_posix() for path in autograder.needed(lab)}
    test = layout.TESTS / f"test_lab{lab:02d}.py"
    imported = set()
    for node in ast.walk(ast.parse(test.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            imported |= {(node.module, alias.name) for alias in node.names}
    ours = [(m, n) for m, n in imported if m.split(".")[0] in ("gpt_tf", "reference")]
    assert ours
    for module, name in ours:
        folder = "" if module.startswith("gpt_tf") else "tests/"
        path = folder + module.replace(".", "/")
        assert {f"{path}.py", f"{path}/{name}.py"} & names, (module, name)


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["my work.ipynb"], "my work.ipynb"),
        (["notes.pdf", "a/HOMEWORK.IPYNB"], "a/HOMEWORK.IPYNB"),
        (["04_causal_self_attention.ipynb", "helpers.py"], "04_causal_self_attention.ipynb"),
        (["lab4_final.ipynb", "lab14.ipynb", "lab3.ipynb"], "lab4_final.ipynb"),
        (["x/04_causal_self_attention.ipynb", "lab04.py"], "x/04_causal_self_attention.ipynb"),
    ],
)
def test_the_file_that_is_the_lab(files, chosen):
    assert autograder.choose(files, 4) == chosen


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["essay.pdf"], "there is none"),
        (["a.ipynb", "b.ipynb"], "there are 2: a.ipynb, b.ipynb"),
        (["lab04.ipynb", "lab04 (1).ipynb"], "there are 2"),
    ],
)
def test_no_file_or_more_than_one_is_the_lab(files, said):
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        autograder.choose(files, 4)
    assert "04_causal_self_attention.ipynb" in str(error.value)


# --------------------------------------------------------------------------------- as in Gradescope


@pytest.fixture
def container(packed, tmp_path):
    """A folder laid out as Gradescope's /autograder, without the packages of setup.sh."""
    folder = tmp_path / "autograder"
    for name in ("source", "submission", "results"):
        (folder / name).mkdir(parents=True)
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder / "source")
    shutil.copy(folder / "source" / "run_autograder", folder / "run_autograder")
    (folder / "run_autograder").chmod(0o755)
    (folder / "submission_metadata.json").write_text('{"id": 1}', encoding="utf-8")
    return folder


def run(folder, python=sys.executable):
    """Runs the autograder; returns (what the instructor sees, exit status, results.json)."""
    done = subprocess.run(
        ["./run_autograder"],
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder), "GPT_TF_PYTHON": str(python)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    results = (folder / "results" / "results.json").read_text(encoding="utf-8")
    return done.stdout, done.returncode, json.loads(results)


def test_a_submission_is_graded_as_in_gradescope(container):
    secret, score = container / "source/tests/test_lab04.py", container / "results/results.json"
    wrong = f"""
class CausalSelfAttention(keras.layers.Layer):
    def __init__(self, **config):
        opened = []
        for path, mode in (({str(secret)!r}, "r"), ({str(score)!r}, "a")):
            try:
                open(path, mode).close()
                opened.append(path)
            except OSError:
                pass
        raise ValueError(f"opened {{opened}}")
"""
    notebook = nbformat.read(layout.SOLUTIONS / "04_causal_self_attention.ipynb", 4)
    notebook.cells.append(nbformat.v4.new_code_cell(wrong))
    nbformat.write(notebook, container / "submission" / "homework.ipynb")
    (container / "submission" / "notes.txt").write_text("hello", encoding="utf-8")
    printed, status, results = run(container)
    assert status == 0, printed
    assert results["score"] == 18 - 5
    assert [test["status"] for test in results["tests"]] == ["passed"] * 5 + ["failed"]
    assert "raised ValueError: opened []" in results["tests"][5]["output"]
    assert "homework.ipynb   13/18  CausalSelfAttention crashed" in printed
    assert re.search(r"--seed \d+", printed) and "--seed" not in json.dumps(results)


def test_nothing_to_grade_is_said_to_the_student(container):
    (container / "submission" / "essay.pdf").write_bytes(b"%PDF")
    printed, status, results = run(container)
    assert status == 0, printed
    assert results["score"] == 0 and "there is none" in results["output"]


@pytest.mark.parametrize("how", ["no Python", "a broken grader"])
def test_a_grader_that_fails_gives_no_score(container, how):
    (container / "submission" / "lab04.py").write_text("x = 1", encoding="utf-8")
    python = sys.executable
    if how == "no Python":
        python = container / "source" / ".venv" / "bin" / "python"
    else:
        (container / "source" / "gpt_tf" / "course" / "exercises.json").write_text("{half")
    printed, status, results = run(container, python)
    assert status != 0 and printed
    assert not {"score", "tests"} & set(results) and "no score yet" in results["output"]


def test_a_failed_test_gives_no_score(container, monkeypatch, capsys):
    """The exit status tells it, too; the cause is for the instructor's eyes."""
    (container / "submission" / "lab04.py").write_text("x = 1", encoding="utf-8")
    monkeypatch.setattr(grade, "grade_one", lambda *_: BROKEN)
    assert autograder.run(4, container) == 1
    results = json.loads((container / "results" / "results.json").read_text(encoding="utf-8"))
    assert results == exports.gradescope(BROKEN)
    assert "lab04.causal_mask: the test itself failed" in capsys.readouterr().out


def test_what_the_container_cannot_keep_is_said_to_the_instructor(container, monkeypatch, capsys):
    (container / "submission" / "lab04.py").write_text("x = 1", encoding="utf-8")
    open_door = grade.Graded("lab04.py", graded().results, [], ["files (no Landlock)"], 1.0)
    monkeypatch.setattr(grade, "grade_one", lambda *_: open_door)
    assert autograder.run(4, container) == 0
    assert "Not kept from student code in this container: files (no" in capsys.readouterr().out
    assert "Landlock" not in (container / "results" / "results.json").read_text(encoding="utf-8")


def test_grading_that_takes_too_long_gives_no_score(container, monkeypatch):
    (container / "submission" / "lab04.py").write_text("x = 1", encoding="utf-8")

    left = []

    def endless(*_):
        try:
            signal.raise_signal(signal.SIGALRM)
        except Exception:  # as a test that is interrupted would be caught
            return graded()
        finally:
            left.append(signal.alarm(0))

    monkeypatch.setattr(grade, "grade_one", endless)
    before = signal.getsignal(signal.SIGALRM)
    try:
        with pytest.raises(SystemExit, match="too long"):
            autograder.main(["lab04", str(container)])
    finally:
        signal.signal(signal.SIGALRM, before)
    assert 0 < left[0] < 600  # Gradescope's own limit, in seconds
    assert not list((container / "results").iterdir())


# ------------------------------------------------------------------------------------- the workflow


def test_the_workflow_hands_the_reporter_what_it_reads():
    text = (layout.ROOT / "docs" / "classroom.md").read_text(encoding="utf-8")
    workflow = yaml.safe_load(re.search(r"(?s)```yaml\n(.*?)```", text)[1])
    assert workflow["name"] == "Autograding Tests"  # Classroom looks for no other
    assert list(workflow["jobs"]) == ["run-autograding-tests"]
    steps = workflow["jobs"]["run-autograding-tests"]["steps"]
    reporter = steps[-1]
    runner = reporter["with"]["runners"]
    output = f"${{{{ steps.{runner}.outputs.result }}}}"
    assert reporter["env"] == {f"{runner.upper()}_RESULTS": output}
    graded = next(step for step in steps if step.get("id") == runner)
    assert 'result=$(base64 -w 0 report/classroom/*.json)" >> "$GITHUB_OUTPUT"' in graded["run"]
    words = re.search(r"python -m gpt_tf\.course (.+?) \|\|", graded["run"])[1].split()
    assert words[:2] == ["grade", "lab04"] and pathlib.PurePosixPath(words[2]).name in {
        path.name for path in layout.LABS.glob("*.ipynb")
    }
