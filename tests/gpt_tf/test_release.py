"""A student repository: it holds what was chosen, gives nothing else away, and checks answers."""

import ast
import json
import os
import pathlib
import re
import subprocess
import sys
import zlib

import nbformat
import pytest

from gpt_tf.course import __main__, layout, proof, release, runner, submission

LABS, SOLVED = [1, 2, 3, 4], [1, 2, 3]
# Lines of solutions that are everybody's.
GENERIC = {
    "raise ValueError(",
    "if attention_mask is None:",
    "length = tokens.shape[1]",
    "x = self.embedding(tokens)",
    "self.dropout = keras.layers.Dropout(dropout)",
    "self.embedding = parts.TokenAndPositionEmbedding(",
    'step = keras.ops.cast(step, "float32")',
    "config.vocabulary_size,",
    "config.max_sequence_length,",
    "config.hidden_dim,",
    "dropout=config.dropout,",
    "with tf.GradientTape() as tape:",
    "for cell in cells:",
    "weight.trainable = False",
}
# Run in the release, by its own code: prints what it makes of answers to lab 04.
JUDGE = """
import json, sys
import pytest
from gpt_tf.course import extract, layout, runner, submission

answers = json.load(open(sys.argv[1]))
found = [
    runner.run(exercise, submission.Submission(extract.from_text("a.py", text)))
    for exercise, text in answers
]
untouched = submission.of_file(layout.notebook_file(4))
ids = [e.id for e in layout.index()[layout.lab_stem(4)]]
secret = runner.run("lab04.merge_heads", submission.of_file(sys.argv[2]), seed=7)
print(json.dumps({
    "package": extract.__file__,
    "answers": [[r.status, r.misconception, r.report(3)] for r in found],
    "untouched": [runner.run(e, untouched).status for e in ids],
    "secret": [secret.status, secret.message],
    "pytest": int(pytest.main(["-q", "tests/test_lab04.py", "--submission", sys.argv[2]])),
}), file=open(sys.argv[3], "w"))
"""


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """The folder of a release of labs 1 to 4 with the solutions of 1 to 3."""
    folder = tmp_path_factory.mktemp("release") / "student-repo"
    release.release("1-4", "1-3", folder)
    return folder


@pytest.fixture(scope="module")
def environment():
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("GPT_TF_MY", "PYTHONPATH"))}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="module")
def judged(student, environment, tmp_path_factory):
    """What the release makes of the wrong, then the right answers to lab 04, and of more."""
    answers = proof.wrong_answers(4) + proof.right_answers(4)
    folder = tmp_path_factory.mktemp("judge")
    asked, told = folder / "asked.json", folder / "told.json"
    asked.write_text(json.dumps([[a.exercise, text_of_answer(a)] for a in answers]))
    command = [sys.executable, "-c", JUDGE, asked, layout.solution_file(4), told]
    run = subprocess.run(command, cwd=student, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(told.read_text())


def text_of_answer(answer):
    statements = answer.submission().source.statements
    return "\n\n".join(ast.unparse(s.node) for s in statements)


def names_in(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def text_in(path):
    """All that can be read in a file: strings of JSON without their escapes, zipped bytes."""
    if path.suffix == ".bin":
        return zlib.decompress(path.read_bytes()).decode("latin-1")
    if path.suffix == ".npz":
        return path.read_bytes().decode("latin-1")
    text = path.read_text(encoding="utf-8")
    return "\n".join(strings_in(json.loads(text))) if path.suffix == ".ipynb" else text


def strings_in(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inside in value.values() if isinstance(value, dict) else value:
            yield from strings_in(inside)


def solution_lines(lab):
    """Lines of a lab's solutions that its student notebook does not show."""
    shown = text_in(layout.notebook_file(lab))
    text = layout.solution_file(lab).read_text(encoding="utf-8")
    blocks = re.findall(r"(?s)### BEGIN SOLUTION\n(.*?)### END SOLUTION", text)
    lines = {line.strip() for block in blocks for line in block.splitlines()}
    return {n for n in lines if len(re.sub(r"\s", "", n)) >= 12 and n not in shown} - GENERIC


def test_no_line_of_another_solution_is_in_it(student):
    texts = {name: text_in(student / name) for name in names_in(student)}
    given, kept = {}, {}
    for stem in layout.index():
        lab = int(stem[:2])
        (given if lab in SOLVED else kept)[stem] = solution_lines(lab)
    assert all(given.values()) and all(kept.values())
    assert all(line in texts[f"solutions/{stem}.py"] for stem in given for line in given[stem])
    secret = set().union(*kept.values()) - set().union(*given.values())
    assert not [(name, line) for name, text in texts.items() for line in secret if line in text]


def test_it_holds_what_was_chosen(student):
    stems = [stem for stem in layout.index() if int(stem[:2]) in LABS]
    found = names_in(student)
    assert {n for n in found if n.startswith("labs/")} == {f"labs/{stem}.ipynb" for stem in stems}
    assert {n for n in found if n.startswith("solutions/")} == {
        f"solutions/{stem}.{ending}" for stem in stems[:3] for ending in ("py", "ipynb")
    }
    assert {n for n in found if n.startswith("tests/")} == {
        "tests/reference/__init__.py",
        *(f"tests/test_lab{lab:02d}.py" for lab in LABS),
        "tests/hints/common.toml",
        *(f"tests/hints/lab{lab:02d}.toml" for lab in LABS),
        *(f"tests/reference/lab{lab:02d}.bin" for lab in LABS),
    }
    assert {n.split("/")[0] for n in found} == {
        "LICENSE", "Makefile", "README.md", ".gitignore", "constraints.txt", "datasets", "gpt_tf",
        "labs", "presets", "pyproject.toml", "requirements.txt", "solutions", "tests",
    }  # fmt: skip
    index = json.loads((student / "gpt_tf/course/exercises.json").read_text(encoding="utf-8"))
    assert list(index) == stems
    assert not {"proof", "grade", "remote", "worker", "release", "build"} & {
        p.stem for p in (student / "gpt_tf/course").iterdir()
    }


def test_no_code_of_the_reference_is_in_it(student):
    texts = [text_in(student / name) for name in names_in(student)]
    # What students write has its name in their notebooks.
    theirs = "|".join(exercise.name for exercise in layout.exercises().values())
    for file in (layout.TESTS / "reference").glob("[a-z]*.py"):
        code = file.read_text(encoding="utf-8")
        heads = re.findall(rf"(?m)^def (?!(?:{theirs})\()\w+\(.*\):$", code)
        assert heads
        assert not [head for head in heads for text in texts if head in text]


def test_notebooks_fetch_the_student_repository(student):
    old = layout.address().removeprefix("https://github.com/")
    new = f"{old.split('/')[0]}/student-repo"
    first = nbformat.read(student / "labs/04_causal_self_attention.ipynb", 4).cells[1].source
    assert f'"https://github.com/{new}"' in first
    assert not [n for n in names_in(student) if old in text_in(student / n)]


def test_readme_and_makefile_speak_of_what_is_there(student):
    readme = (student / "README.md").read_text(encoding="utf-8")
    assert all((student / link).is_file() for link in re.findall(r"\]\((labs/.*?)\)", readme))
    assert "labs/04_" in readme and "labs/05_" not in readme and "$" not in readme
    makefile = (student / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^([\w$()/.]+):", makefile) == [".PHONY", "notebook", "$(VENV)/ready"]


def test_right_answers_pass_there(judged):
    assert pathlib.Path(judged["package"]).parents[2].name == "student-repo"
    assert judged["pytest"] == 0
    right = judged["answers"][-len(proof.right_answers(4)) :]
    assert {status for status, _, _ in right} == {"passed"}


def test_wrong_answers_draw_their_hints_there(judged):
    compared = set()
    verdicts = judged["answers"][: len(proof.wrong_answers(4))]
    for answer, verdict in zip(proof.wrong_answers(4), verdicts, strict=True):
        status, misconception, report = verdict
        assert status in ("wrong", "crashed"), answer.label
        assert misconception == answer.note, answer.label
        if answer.exercise not in compared:
            # To the last digit and the third hint.
            assert report == runner.run(answer.exercise, answer.submission()).report(3)
            compared.add(answer.exercise)
    assert len(compared) == 6


def test_an_untouched_lab_is_not_attempted(judged):
    assert judged["untouched"] == ["not attempted"] * 6


def test_another_seed_is_refused_in_a_sentence(judged):
    status, message = judged["secret"]
    assert status == "grader error"
    assert "holds the expected values for the public seed only." in message


# What a student may try below the exercises of lab 04.
AND_MORE = """
from gpt_tf import parts

for name in ("TokenAndPositionEmbedding", "causal_mask"):
    getattr(parts, name)
    print(parts.which()[name])
try:
    check("lab07.pack_documents")
except ValueError as error:
    print(error)
"""


def test_a_lab_is_solved_there(student, environment, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="see requirements-dev.txt")
    for name in {*os.environ} - {*environment}:
        monkeypatch.delenv(name)
    lab = nbformat.read(layout.solution_file(4).with_suffix(".ipynb"), 4)
    last = max(i for i, cell in enumerate(lab.cells) if cell.source.startswith("check("))
    lab.cells = [*lab.cells[: last + 1], nbformat.v4.new_code_cell(AND_MORE)]
    for cell in lab.cells:
        cell.source = cell.source.replace('parts="solutions"', 'parts="mine"')
    place = {"metadata": {"path": str(student / "labs")}}
    nbclient.NotebookClient(lab, timeout=300, kernel_name="python3", resources=place).execute()
    said = "".join(strings_in([cell.get("outputs", []) for cell in lab.cells]))
    exercises = layout.index()[layout.lab_stem(4)]
    for exercise in exercises:
        assert f"{exercise.id}   passed   {exercise.points}/{exercise.points}" in said
    saved = {p.stem for p in (student / "my_work/lab04").iterdir()}
    assert saved == {exercise.name for exercise in exercises}
    assert str(student / "solutions/03_embeddings.py") in said
    assert str(student / "my_work/lab04/causal_mask.py") in said
    assert "There is no exercise 'lab07.pack_documents'; there are: lab01.count_ngrams, " in said


def test_the_command_writes_the_same_bytes(student, tmp_path, capsys):
    out = tmp_path / "student-repo"
    assert __main__.main(["release", "--labs", "2", "--solutions", "2", "--out", str(out)]) == 0
    assert f"{out} is written" in capsys.readouterr().out
    same = names_in(out) - {"README.md", "gpt_tf/course/exercises.json"}
    assert "tests/reference/lab02.bin" in same
    assert all((out / name).read_bytes() == (student / name).read_bytes() for name in same)


@pytest.mark.parametrize(
    "options, said",
    [
        (["--labs", "1-4", "--solutions", "3-5"], "The solution of lab 5 is to be released"),
        (["--labs", "77"], "There is no lab 77; the labs are 1, 2, "),
        (["--labs", "one"], "'one' names no labs"),
        (["--labs", "4-2"], "4-2 is no range; write 2-4."),
        (["--labs", "none"], "A release needs a lab at least"),
        (["--address", "gitlab.com/a/b"], "gitlab.com/a/b is not like https://github.com/"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(options, said, tmp_path, capsys):
    out = tmp_path / "out"
    assert __main__.main(["release", *options, "--out", str(out)]) == 1
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert __main__.main(["release", "--labs", "2", "--out", str(tmp_path)]) == 1
    assert "is there already; nothing is overwritten" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_ranges_take_the_labs_that_there_are():
    known = [1, 2, 3, 4, 7, 9, 12]
    assert release.numbers("1-3,9", known) == [1, 2, 3, 9]
    assert release.numbers(" 12, 3 - 9", known) == [3, 4, 7, 9, 12]
    assert release.numbers("all", known) == known
    assert release.numbers("none", known) == []
    with pytest.raises(ValueError, match="no lab 8"):
        release.numbers("7-8", known)


def test_all_labs_hold_the_whole_job(monkeypatch):
    monkeypatch.setattr(release, "expected_values", lambda lab: b"")
    numbers = [int(stem[:2]) for stem in layout.index()]
    files = release.files(numbers, [], "https://github.com/a/b")
    assert "gpt_tf/__main__.py" in files and b"\ncourse: " in files["Makefile"]
    assert b"make course" in files["README.md"]
    assert not [name for name in files if name.startswith("solutions/")]


def test_a_solution_that_fails_is_not_recorded(monkeypatch):
    wrong = next(a for a in proof.wrong_answers(4) if a.exercise == "lab04.causal_mask")
    monkeypatch.setattr(submission, "of_solution", lambda lab: wrong.submission())
    with pytest.raises(RuntimeError, match="The solution does not pass: lab04.causal_mask"):
        release.expected_values(4)
    assert runner.test_module(4).reference.__name__ == "reference.attention"


@pytest.mark.parametrize("lab", [int(stem[:2]) for stem in layout.index()])
def test_tests_ask_the_reference_only_while_they_run(lab):
    """A default or a constant taken from it would be made before anybody listens."""
    path = layout.TESTS / f"test_lab{lab:02d}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = [n for n in tree.body if getattr(n, "module", None) == "reference"]
    names = {a.asname or a.name for n in imports for a in n.names}
    assert names
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            early = [*node.args.defaults, *node.args.kw_defaults, *node.decorator_list]
        else:
            early = [] if node in imports else [node]
        used = {n.id for e in early if e for n in ast.walk(e) if isinstance(n, ast.Name)}
        assert not used & names, f"{path.name}, line {node.lineno}"
