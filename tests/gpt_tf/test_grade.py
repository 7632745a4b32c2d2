"""Tests of grading a class: finding, isolation, results that stay, a stopped run that goes on."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest

from gpt_tf.course import __main__ as command
from gpt_tf.course import grade, layout, processes, remote, swap

LAB = 4
EXERCISES = [exercise.id for exercise in layout.index()[layout.lab_stem(LAB)]]
TOTAL = sum(layout.exercises()[name].points for name in EXERCISES)
SOLUTION = layout.solution_file(LAB).read_text(encoding="utf-8")
WITHOUT_MASK = TOTAL - layout.exercises()["lab04.causal_mask"].points
NO_MASK = "def causal_mask(length):\n    return keras.ops.ones((length, length), bool)\n"


@pytest.fixture(scope="module")
def workers():
    with processes.Workers(processes.Limits(seconds=5.0)) as made:
        yield made


def statuses(graded):
    return {result.exercise.split(".")[1]: result.status for result in graded.results}


def with_answer(text):
    return f"{SOLUTION}\n\n# %%\n{text}\n".encode()


# ------------------------------------------------------------------------------------------ finding


def test_a_file_a_folder_and_a_zip(tmp_path):
    folder = tmp_path / "class"
    (folder / "anna").mkdir(parents=True)
    (folder / "anna" / "lab.ipynb").write_bytes(b"{}")
    (folder / "ben.py").write_bytes(b"x = 1")
    (folder / ".DS_Store").write_bytes(b"litter")
    (folder / "essay.pdf").write_bytes(b"%PDF")
    packed = tmp_path / "class.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
        archive.writestr("__MACOSX/._ben.py", "litter")
    expected = {"anna/lab.ipynb": b"{}", "ben.py": b"x = 1", "essay.pdf": b"%PDF"}
    assert grade.find(folder) == expected
    assert grade.find(packed) == expected
    assert grade.find(folder / "ben.py") == {"ben.py": b"x = 1"}


def test_nothing_to_grade(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        grade.find(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no files"):
        grade.find(tmp_path)
    (tmp_path / "broken.zip").write_bytes(b"not a zip")
    with pytest.raises(ValueError, match=r"broken.zip is not a zip"):
        grade.find(tmp_path / "broken.zip")


# -------------------------------------------------------------------------------------- one student


def test_the_solution_gets_all_points(workers):
    graded = grade.grade_one(workers, "solution.py", SOLUTION.encode(), LAB, seed=1)
    assert graded.points == TOTAL and set(statuses(graded).values()) == {"passed"}


def test_the_untouched_notebook_gets_none(workers):
    data = layout.notebook_file(LAB).read_bytes()
    graded = grade.grade_one(workers, "lab.ipynb", data, LAB, seed=1)
    assert graded.points == 0 and set(statuses(graded).values()) == {"not attempted"}


def test_a_wrong_answer_costs_its_own_points(workers):
    graded = grade.grade_one(workers, "student.py", with_answer(NO_MASK), LAB, seed=1)
    assert graded.points == WITHOUT_MASK
    [wrong] = [r for r in graded.results if r.status != "passed"]
    assert (wrong.status, wrong.misconception) == ("wrong", "mask.no-mask")


# The class calls the student's own causal_mask.
USERS = [e for e in EXERCISES if "lab04.causal_mask" in swap.called_by(e)]


@pytest.mark.parametrize("mask", [NO_MASK, "def causal_mask(n):\n    raise NotImplementedError\n"])
def test_what_calls_it_is_tried_with_the_solution(workers, mask):
    # As a student would: in the place of the exercise, so that no other definition is there.
    data = SOLUTION.replace("def causal_mask(", "def _unused(") + f"\n\n# %%\n{mask}"
    graded = grade.grade_one(workers, "student.py", data.encode(), LAB, seed=1)
    assert graded.points == WITHOUT_MASK
    said = {r.exercise: r.message for r in graded.results if r.status == "passed"}
    assert USERS and set(USERS) < set(said)
    for exercise, message in said.items():
        assert message == (
            "It is right: it passes with the solution's causal_mask in place of yours."
            if exercise in USERS
            else ""
        )


def test_what_has_a_mistake_of_its_own_stays_wrong(workers):
    own = "CausalSelfAttention = _Before = CausalSelfAttention\n"
    own += "class CausalSelfAttention(_Before):\n    def call(self, x):\n"
    own += "        return 2 * super().call(x)\n"
    graded = grade.grade_one(workers, "student.py", with_answer(NO_MASK + own), LAB, seed=1)
    points = layout.exercises()["lab04.CausalSelfAttention"].points
    assert graded.points == WITHOUT_MASK - points
    assert statuses(graded)["CausalSelfAttention"] == "wrong"


def test_no_word_of_the_second_try_is_heard(workers):
    spy = "def causal_mask(length):\n    return 'mine'\n\n"
    spy += "class CausalSelfAttention(keras.layers.Layer):\n"
    spy += "    def __init__(self, *args, **kwargs):\n"
    spy += "        raise RuntimeError(f'the mask is {causal_mask(2)}')\n"
    graded = grade.grade_one(workers, "student.py", with_answer(spy), LAB, seed=1)
    last = next(r for r in graded.results if r.exercise == "lab04.CausalSelfAttention")
    assert last.status == "crashed" and "the mask is mine" in last.message


def test_an_exercise_gets_no_solution_that_holds_its_own(workers):
    thief = "def scaled_dot_product_attention(*_):\n    raise NotImplementedError\n\n"
    thief += "def attention_weights(q, k, mask=None):\n"
    thief += "    values = keras.ops.eye(k.shape[-2])\n"
    thief += "    return scaled_dot_product_attention(q, k, values, mask)\n"
    solved = SOLUTION.replace("def scaled_dot_product_attention(", "def _unused(")
    data = f"{solved}\n\n# %%\n{thief}"
    graded = grade.grade_one(workers, "student.py", data.encode(), LAB, seed=1)
    found = statuses(graded)
    assert found["attention_weights"] != "passed"
    assert found["scaled_dot_product_attention"] == "not attempted"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("while True: pass", "timed out"),
        ("import os; os._exit(0)", "crashed"),
        ("raise SystemExit", "crashed"),
        # What another exercise needs is broken on the way: it is tried again without that.
        ("keras.ops.softmax = keras.ops.matmul = None", "wrong"),
    ],
)
def test_a_bad_answer_costs_no_other_exercise(workers, body, status):
    data = with_answer(f"def causal_mask(length):\n    {body}")
    graded = grade.grade_one(workers, "student.py", data, LAB, seed=1)
    found = statuses(graded)
    assert found.pop("causal_mask") == status
    assert set(found.values()) == {"passed"}
    assert graded.points == WITHOUT_MASK


def test_a_file_that_cannot_be_read(workers):
    graded = grade.grade_one(workers, "essay.ipynb", b"%PDF-1.4", LAB, seed=1)
    assert graded.points == 0 and "essay.ipynb is not a Jupyter notebook" in graded.problems[0]


def test_a_fault_of_the_grader_is_no_zero(workers, monkeypatch):
    def broken(*_args, **_kwargs):
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(remote.RemoteSubmission, "call", broken)
    graded = grade.grade_one(workers, "solution.py", SOLUTION.encode(), LAB, seed=1)
    assert graded.failed and graded.points is None
    assert grade.as_csv([graded]).splitlines()[1].startswith("solution.py,,grader error")


# ---------------------------------------------------------------------------------------- the class


@pytest.fixture
def school(tmp_path):
    """A folder of two submissions, one of which has a cell that does not parse."""
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "anna.py").write_text(SOLUTION, encoding="utf-8")
    (folder / "ben.py").write_text("# %%\ndef causal_mask(length)\n", encoding="utf-8")
    return folder


def test_a_class_from_the_command_line(school, tmp_path, capsys):
    out = tmp_path / "report"
    assert command.main(["grade", "lab04", str(school), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert f"anna.py   {TOTAL}/{TOTAL}  all passed." in printed
    assert f"ben.py     0/{TOTAL}  all not attempted. ben.py, line 2" in printed
    lines = (out / "results.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == ",".join(["submission", "points", *EXERCISES, "problems"])
    assert lines[1] == f"anna.py,{TOTAL},{','.join(['passed'] * len(EXERCISES))},"
    assert lines[2].startswith("ben.py,0,not attempted") and "line 2" in lines[2]


def test_what_was_graded_is_not_graded_again(school, tmp_path, monkeypatch):
    out = tmp_path / "report"
    calls = []

    def counted(_, left, *_rest):
        for name, (_, _, _, seed, _) in left.items():
            calls.append((name, seed))
            results = [grade.runner.Result(e, "passed") for e in EXERCISES]
            yield name, grade.Graded(name, results, [], [], 1.0)

    monkeypatch.setattr(grade, "in_parallel", counted)
    first = grade.grade(LAB, school, out)
    assert grade.grade(LAB, school, out) == first and len(calls) == 2
    (school / "ben.py").write_text("changed", encoding="utf-8")
    grade.grade(LAB, school, out)
    assert [name for name, _ in calls] == ["anna.py", "ben.py", "ben.py"]
    assert len({seed for _, seed in calls}) == 1  # the secret stays with the folder
    assert oct((out / ".seed").stat().st_mode)[-2:] == "00"


def test_a_damaged_result_is_graded_again(school, tmp_path, monkeypatch):
    calls = []

    def counted(_, left, *_rest):
        for name in left:
            calls.append(name)
            results = [grade.runner.Result(EXERCISES[0], "passed")]
            yield name, grade.Graded(name, results, [], [], 1.0)

    monkeypatch.setattr(grade, "in_parallel", counted)
    grade.grade(LAB, school, tmp_path / "report", seed=1)
    kept = sorted((tmp_path / "report" / "graded").glob("*.json"))
    kept[0].write_text("{half", encoding="utf-8")
    grade.grade(LAB, school, tmp_path / "report", seed=1)
    assert len(calls) == 3


def test_results_survive_json():
    results = [grade.runner.Result(EXERCISES[0], "wrong", "largest", "test_x", "mask.no-mask", 2.5)]
    graded = grade.Graded("김.ipynb", results, ["a problem"], [], 1.5)
    assert grade.Graded.from_json(graded.to_json()) == graded
    assert json.loads(graded.to_json())["name"] == "김.ipynb"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lab99", "."], "There is no lab 99"),
        (["attention", "."], "attention is no lab"),
        (["lab04", "nowhere"], "There is no nowhere"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command.main(["grade", *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_submission_that_is_too_large(workers, monkeypatch):
    monkeypatch.setattr(grade, "LARGEST", 100)
    graded = grade.grade_one(workers, "big.py", b"#" * 101, LAB, seed=1)
    assert graded.points == 0 and "more than" in graded.problems[0]


def test_killed_in_the_middle_it_goes_on_and_ends_with_the_same_report(tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    for number, answer in enumerate(["", NO_MASK, "def split_heads(x, num_heads):\n    return x"]):
        (folder / f"{number}.py").write_bytes(with_answer(answer))

    def started(out):
        options = ["grade", "lab04", str(folder), "--out", str(tmp_path / out), "--jobs", "1"]
        return subprocess.Popen(
            [sys.executable, "-m", "gpt_tf.course", *options, "--seed", "11"],
            cwd=layout.ROOT, start_new_session=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def pages(out):
        files = [tmp_path / out / "results.csv", *sorted((tmp_path / out / "students").iterdir())]
        return {file.name: file.read_text(encoding="utf-8") for file in files}

    kept = tmp_path / "killed" / "graded"
    first = started("killed")
    while not list(kept.glob("*.json")):
        assert first.poll() is None
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    before = {file.name: file.stat().st_mtime_ns for file in kept.glob("*.json")}
    assert 1 <= len(before) < 3 and not (tmp_path / "killed" / "results.csv").exists()
    assert started("killed").wait() == 0
    assert before.items() <= {f.name: f.stat().st_mtime_ns for f in kept.glob("*.json")}.items()
    assert started("whole").wait() == 0
    assert pages("killed") == pages("whole") and len(pages("whole")) == 4
