"""One source a lab: what the build makes, and what it refuses."""

import nbformat
import pytest

from gpt_tf.course import layout

pytest.importorskip("jupytext", reason="building labs needs requirements-dev.txt")
pytest.importorskip("nbgrader", reason="building labs needs requirements-dev.txt")

from gpt_tf.course import build  # noqa: E402

LAB = '''\
# %% [markdown]
# # Lab 04 · Title

# %% [markdown] lang="en"
# ## 4.1 Why

# %% [markdown] lang="ko"
# ## 4.1 왜

# %% exercise="lab04.causal_mask" points=2 minutes=5 difficulty=1
def causal_mask(length):
    """Says what it does."""
    ### BEGIN SOLUTION
    secret_number = length * 12345678
    return secret_number
    ### END SOLUTION

# %%
check("lab04.causal_mask")
'''


@pytest.fixture
def lab(tmp_path):
    path = tmp_path / "04_title.py"
    path.write_text(LAB, encoding="utf-8")
    return path


def texts(notebook):
    return "\n".join(c.source for c in notebook.cells)


def test_students_get_the_stub_and_solutions_stay(lab):
    student, solution = build.notebooks(lab)
    assert "raise NotImplementedError" in texts(student)
    assert "secret_number" not in texts(student) and "secret_number" in texts(solution)


def test_notebooks_start_with_the_bootstrap_and_the_badges(lab):
    student, solution = build.notebooks(lab)
    assert 'start(lab=4, parts="mine")' in student.cells[1].source
    assert 'start(lab=4, parts="solutions")' in solution.cells[1].source
    assert layout.address() in student.cells[1].source
    assert "labs/04_title.ipynb" in student.cells[0].source
    assert "`★☆☆` · 5 minutes · 2 points" in texts(student)


def test_builds_are_repeatable_to_the_byte(lab):
    first, second = build.notebooks(lab), build.notebooks(lab)
    assert [build.dumps(n) for n in first] == [build.dumps(n) for n in second]


def test_cell_ids_are_unique_and_follow_the_text(lab):
    ids = [c.id for c in build.notebooks(lab)[0].cells]
    assert len(set(ids)) == len(ids)
    lab.write_text(LAB.replace("# %%\ncheck", "# %% [markdown]\n# New.\n\n# %%\ncheck"))
    assert set(ids) - {c.id for c in build_without_rules(lab).cells} == set()


def build_without_rules(lab):
    text = lab.read_text(encoding="utf-8").replace("# %% [markdown]\n# New.\n\n", "")
    lab.write_text(text + "\n# %% [markdown]\n# New.\n", encoding="utf-8")
    return build.notebooks(lab)[0]


def test_languages(lab):
    assert "왜" in texts(build.notebooks(lab, "ko")[0])
    assert "Why" not in texts(build.notebooks(lab, "ko")[0])
    assert "왜" not in texts(build.notebooks(lab, "en")[0])
    # A text without a translation stays in English.
    assert "Why" in texts(build.notebooks(lab, "fr")[0])


@pytest.mark.parametrize(
    "old, new, rule",
    [
        ('    """Says what it does."""\n', "", "with a docstring"),
        (" points=2", "", "has no points"),
        (" minutes=5", "", "has no minutes"),
        (" difficulty=1", "", "has no difficulty"),
        ("difficulty=1", "difficulty=4", "difficulty other than"),
        ('check("lab04.causal_mask")', "pass", "not followed by a cell check"),
        ("    ### BEGIN SOLUTION\n", "", "has no ### BEGIN SOLUTION"),
        ('exercise="lab04.causal_mask"', 'exercise="lab05.causal_mask"', "must begin with lab04"),
        ("lab04.causal_mask", "lab04.other", "must define other"),
        ("causal_mask", "never_tested", "has no tests"),
        ("# # Lab 04 · Title", "# Title", "the first cell must begin with"),
        (' exercise="lab04.causal_mask"', "", "a solution in a cell without exercise"),
    ],
)
def test_a_broken_rule_is_named(lab, old, new, rule):
    lab.write_text(LAB.replace(old, new), encoding="utf-8")
    with pytest.raises(build.BadSource, match=rule) as caught:
        build.notebooks(lab)
    assert "04_title.py" in str(caught.value)


def test_a_solution_line_in_a_student_notebook_is_found(lab):
    student, solution = build.notebooks(lab)
    assert build.leaks(lab, student) == []
    assert "secret_number = length * 12345678" in build.leaks(lab, solution)[0]


def test_outputs_are_kept_for_cells_whose_text_is_the_same(lab):
    old = build.notebooks(lab)[1]
    for cell in old.cells:
        if cell.cell_type == "code":
            cell.execution_count = 7
    lab.write_text(LAB.replace("12345678", "12345679"), encoding="utf-8")
    new = build.notebooks(lab)[1]
    build.keep_outputs(new, old)
    counts = [c.execution_count for c in new.cells if c.cell_type == "code"]
    assert counts == [7, None, 7]


def test_a_cell_that_fails_is_named(lab):
    lab.write_text(LAB.replace('check("lab04.causal_mask")', '1 / 0  # check("lab04.causal_mask")'))
    notebook = build.notebooks(lab)[1]
    del notebook.cells[1]
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        build.run(notebook, "04_title")


def test_plots_are_kept_whatever_the_backend_for_scripts(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    source = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    assert 0 < build.run(notebook, "a plot") < 600  # seconds
    assert any("image/png" in output.get("data", {}) for output in notebook.cells[0].outputs)


def test_the_labs_in_the_repository_have_no_outputs():
    for path in layout.LABS.glob("*.ipynb"):
        assert '"outputs": []' in path.read_text(encoding="utf-8")
        assert '"output_type"' not in path.read_text(encoding="utf-8")
