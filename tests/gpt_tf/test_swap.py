"""Swap-in: whose code an answer is, and grading on the student's own earlier labs."""

import pytest

from gpt_tf.course import __main__ as command
from gpt_tf.course import extract, grade, layout, processes, remote, runner, swap

SOLUTION = {lab: layout.solution_file(lab).read_text(encoding="utf-8") for lab in (4, 5)}
LAB4 = [exercise.id for exercise in layout.index()[layout.lab_stem(4)]]
LAB5 = [exercise.id for exercise in layout.index()[layout.lab_stem(5)]]
# It sees the future.
WRONG = "\n\n# %%\ndef causal_mask(length):\n    return keras.ops.ones((length, length), bool)\n"


@pytest.fixture(scope="module")
def workers():
    with processes.Workers(processes.Limits(seconds=10.0)) as made:
        yield made


def lab5(workers, below=None):
    return grade.grade_one(workers, "anna/05.py", SOLUTION[5].encode(), 5, seed=1, below=below)


def student(workers, text, below=None):
    return remote.RemoteSubmission(workers, "anna/05.py", text.encode(), 5, below=below)


# --------------------------------------------------------------------------------------- whose code


def prints(text):
    return extract.from_text("x.py", text).fingerprints()


def test_comments_layout_and_docstrings_do_not_count():
    solution = (
        'class A:\n    """It."""\n\n    def f(self, x):\n        """It."""\n        return x + 1\n'
    )
    same = "class A:\n    def f(self, x):  # mine\n        return (x +\n                1)\n"
    assert prints(solution) == prints(same) != prints(same.replace("1", "2"))


def test_the_last_definition_counts():
    first, last = "def f():\n    return 1\n", "def f():\n    return 2\n"
    assert prints(first + last) == prints(last) != prints(first)


def test_what_is_open_is_not_written():
    text = (
        "def f(x):\n    raise NotImplementedError\n"
        "class A:\n    def g(self):\n        raise NotImplementedError('later')\n"
        "def h(x):\n    raise ValueError\n"
    )
    assert list(extract.from_text("x.py", text).written().fingerprints()) == ["h"]


def test_untouched_notebooks_have_no_answers_and_solutions_have_all():
    for stem, exercises in layout.index().items():
        names = {exercise.name for exercise in exercises}
        untouched = extract.from_file(layout.LABS / f"{stem}.ipynb").written().fingerprints()
        assert not names & untouched.keys()
        solution = extract.from_file(layout.SOLUTIONS / f"{stem}.py").written().fingerprints()
        assert names <= solution.keys()


def test_own_and_same():
    mine = extract.from_text("x.py", SOLUTION[4] + WRONG).written().fingerprints()
    own, borrowed = swap.whose({4: mine})
    assert own == ["lab04.causal_mask"] and borrowed == LAB4[1:]


def test_without_solutions_nothing_is_claimed(monkeypatch, tmp_path):
    monkeypatch.setattr(layout, "SOLUTIONS", tmp_path)
    swap._of_solution.cache_clear()
    assert swap.whose({4: prints("def causal_mask(length):\n    return 1\n")}) == ([], [])
    swap._of_solution.cache_clear()


def test_what_cannot_be_compared_is_not_claimed():
    assert swap.whose({4: {"causal_mask": ""}}) == ([], [])


# ------------------------------------------------------------------------- what calls what in a lab


def test_exercises_that_a_solution_calls():
    called = {e: {c.split(".")[1] for c in swap.called_by(e)} for e in LAB4}
    assert called["lab04.causal_mask"] == called["lab04.attention_weights"] == set()
    assert called["lab04.scaled_dot_product_attention"] == {"attention_weights"}
    # attention_weights through scaled_dot_product_attention.
    assert called["lab04.CausalSelfAttention"] == {e.split(".")[1] for e in LAB4[:-1]}


@pytest.mark.parametrize("exercise", list(layout.exercises()))
def test_what_is_lent_holds_nothing_else(exercise):
    names = {e.name for e in layout.index()[layout.lab_stem(int(exercise[3:5]))]}
    lent = extract.from_text("x.py", swap.solution_of([exercise]))
    assert names & lent.fingerprints().keys() == {exercise.split(".")[1]}
    assert not lent.module().failures


# --------------------------------------------------------------------------- a folder for a student


def test_files_are_sorted_into_students():
    files = {
        "class/anna/04_causal_self_attention.ipynb": b"4",
        "class/anna/Lab 05 (final).py": b"5",
        "class/anna/06_gpt.ipynb": b"6",
        "class/anna/05_notes.txt": b"",
        "class/anna/figures/05.png": b"",
        "class/anna/work.py": b"",
        "class/ben/lab04.ipynb": b"4",
        "class/carl/essay.pdf": b"",
        "class/dora/lab_5.ipynb": b"5",
    }
    submissions, below, absent = swap.by_student(files, 5)
    assert submissions == {"class/anna/Lab 05 (final).py": b"5", "class/dora/lab_5.ipynb": b"5"}
    assert below["class/anna/Lab 05 (final).py"] == {
        4: ("class/anna/04_causal_self_attention.ipynb", b"4")
    }
    assert below["class/dora/lab_5.ipynb"] == {}
    assert absent == ["class/ben", "class/carl"]


@pytest.mark.parametrize(
    ("name", "lab"),
    [("05_x.ipynb", 5), ("lab5.py", 5), ("a/LAB-12.ipynb", 12), ("2024.py", None), ("x5.py", None)],
)
def test_the_number_of_a_file(name, lab):
    assert swap.lab_of(name) == lab


def test_a_single_students_folder():
    submissions, below, absent = swap.by_student({"04.py": b"4", "05.py": b"5"}, 5)
    assert submissions == {"05.py": b"5"} and below == {"05.py": {4: ("04.py", b"4")}}
    assert absent == []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["a/05.py", "a/05.ipynb"], "Which one is to be graded, a/05.py or a/05.ipynb"),
        (["anna.ipynb", "ben.ipynb"], "anna.ipynb stands in no student's folder"),
        (["notes.txt"], "no student's folder with a file of lab 5"),
    ],
)
def test_folders_that_cannot_be_graded(files, said):
    with pytest.raises(ValueError, match=said):
        swap.by_student(dict.fromkeys(files, b""), 5)


def test_from_the_command_line(tmp_path, monkeypatch, capsys):
    for name in ("anna/04.py", "anna/05.py", "ben/04.py"):
        (tmp_path / "class" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "class" / name).write_text("x = 1", encoding="utf-8")
    seen = []

    def recorded(_, left, *_rest):
        seen.append([(name, data, below) for name, data, _, _, below in left.values()])
        for name in left:
            results = [runner.Result(e, "passed") for e in LAB5]
            yield name, grade.Graded(name, results, [], [], 1.0)

    monkeypatch.setattr(grade, "in_parallel", recorded)
    arguments = ["grade", "lab05", str(tmp_path / "class"), "--out", str(tmp_path / "out")]
    assert command.main([*arguments, "--chain"]) == 0
    assert seen == [[("anna/05.py", b"x = 1", {4: ("anna/04.py", b"x = 1")})]]
    assert "ben" in (printed := capsys.readouterr().out)
    assert "There is no file of lab 5 in ben" in printed
    # A changed earlier lab is another submission; without --chain, each file is one of its own.
    (tmp_path / "class" / "anna" / "04.py").write_text("x = 2", encoding="utf-8")
    command.main([*arguments, "--chain"])
    assert len(seen[1]) == 1
    command.main(arguments)
    assert [name for name, _, _ in seen[2]] == ["anna/04.py", "anna/05.py", "ben/04.py"]
    assert {below for _, _, below in seen[2]} == {None}


# ---------------------------------------------------------------------------------- grading with it


def test_without_a_chain_an_earlier_mistake_costs_nothing(workers):
    made = lab5(workers)
    assert [r.status for r in made.results] == ["passed"] * len(LAB5)
    assert made.own == [] and made.borrowed == LAB5


def test_in_a_chain_an_earlier_mistake_costs_what_stands_on_it(workers):
    made = lab5(workers, below={4: ("anna/04.py", (SOLUTION[4] + WRONG).encode())})
    failed = [r.exercise for r in made.results if r.status != "passed"]
    assert failed == ["lab05.TransformerBlock"]
    assert made.own == ["lab04.causal_mask"] and made.borrowed == LAB4[1:] + LAB5


def test_in_a_chain_the_solution_stands_in_for_what_is_not_written(workers):
    below = {4: ("anna/04.ipynb", layout.notebook_file(4).read_bytes())}
    with student(workers, SOLUTION[5], below) as submission:
        assert runner.run("lab05.TransformerBlock", submission).status == "passed"
        assert submission.problems == []
        assert swap.whose(submission.written) == ([], LAB5)


def test_in_a_chain_a_file_that_cannot_be_read_is_told_and_costs_nothing(workers):
    below = {
        2: ("anna/02.py", b"#" * (65 * 2**20)),
        3: ("anna/03.ipynb", b"%PDF-1.4"),
        4: ("anna/04.py", (SOLUTION[4] + WRONG).encode()),
    }
    with student(workers, SOLUTION[5], below) as submission:
        submission.load()
        first, second = submission.problems
        assert first.startswith("anna/02.py could not be read")
        assert second.startswith("anna/03.ipynb is not a Jupyter notebook")
        assert first.endswith("The solution of lab 2 was used.")
        assert submission.written.keys() == {4, 5}


def test_a_solution_that_was_pasted_into_a_later_lab(workers):
    text = SOLUTION[4] + "\n\n" + SOLUTION[5].replace("parts.Causal", "Causal")
    with student(workers, text) as submission:
        assert runner.run("lab05.TransformerBlock", submission).status == "passed"
        assert swap.whose(submission.written) == (LAB5[-1:], LAB5[:-1])


def test_code_cannot_change_whose_it_is(workers):
    lie = """

# %%
import gc
from gpt_tf.course import wire

def tell(function):
    worker = next(o for o in gc.get_objects() if type(o).__name__ == "Worker")
    wire.send(worker.channel, wire.encode(["read", {"told": "a lie"}]))
    return function

@tell
def gelu(x):
    return x
"""
    with student(workers, SOLUTION[5] + lie) as submission:
        submission.load()
        assert "told" not in submission.written[5] and "tell" in submission.written[5]
        assert swap.whose(submission.written)[0] == ["lab05.gelu"]
