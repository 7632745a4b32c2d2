"""Notebooks as they really come in, each graded as a fair person would.

Each test takes lab 04's notebook with the solutions pasted in and mangles it. The points and the
statuses that it should get are written here by hand; what is not named has passed. Points: mask 2,
weights 4, attention 3, split 2, merge 2, layer 5. The layer calls all the others, and the attention
calls the weights: where these are not right, the solution's stand in.
"""

import copy
import json
import re
import unicodedata

import jupytext
import nbformat
import pytest

from gpt_tf.course import build, grade, layout, processes

SHORT = {
    "mask": "causal_mask",
    "weights": "attention_weights",
    "attention": "scaled_dot_product_attention",
    "split": "split_heads",
    "merge": "merge_heads",
    "layer": "CausalSelfAttention",
}
STUDENT, SOLVED = build.notebooks(layout.solution_file(4))


@pytest.fixture(scope="module")
def workers():
    with processes.Workers() as made:
        yield made


@pytest.fixture
def graded(workers):
    """Grades a notebook, or text or bytes of a file."""

    def of(content, name="lab.ipynb"):
        if isinstance(content, nbformat.NotebookNode):
            content = json.dumps(content)
        data = content.encode() if isinstance(content, str) else content
        return grade.grade_one(workers, name, data, lab=4, seed=20260801)

    return of


def expect(graded, points, **others):
    """Compares the points, and the statuses other than "passed", by the short names above."""
    short = {f"lab04.{name}": key for key, name in SHORT.items()}
    found = {short[r.exercise]: r.status for r in graded.results if r.status != "passed"}
    assert found == others, [r.message for r in graded.results]
    assert graded.points == points


def message(graded, key):
    return next(r.message for r in graded.results if r.exercise == f"lab04.{SHORT[key]}")


def solved_notebook():
    """Returns the student notebook with the solutions pasted in."""
    notebook = copy.deepcopy(STUDENT)
    for mine, right in zip(notebook.cells, SOLVED.cells, strict=True):
        if "raise NotImplementedError" in mine.source:
            mine.source = re.sub(r"(?m)^ *### (BEGIN|END) SOLUTION\n?", "", right.source)
    return notebook


def place(notebook, key):
    """Returns the number of the cell that defines an exercise."""
    start = re.compile(rf"(?m)^(def|class) {SHORT[key]}\b")
    return next(i for i, c in enumerate(notebook.cells) if start.search(c.source))


def answer(notebook, key):
    """Returns the text of the cell that defines an exercise."""
    return notebook.cells[place(notebook, key)].source


def put(notebook, key, *texts):
    """Puts other code cells in the place of an exercise's."""
    at = place(notebook, key)
    notebook.cells[at : at + 1] = [nbformat.v4.new_code_cell(text) for text in texts]


def add(notebook, *texts, at=None):
    """Adds code cells, at the end if no place is given."""
    at = len(notebook.cells) if at is None else at
    notebook.cells[at:at] = [nbformat.v4.new_code_cell(text) for text in texts]


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


# ------------------------------------------------------------------------------------ the container


def test_metadata_that_lies(graded):
    notebook = solved_notebook()
    notebook.metadata = {"kernelspec": {"name": "julia", "language": "julia"}, "lab": 7}
    for number, cell in enumerate(code(notebook)):
        cell.metadata = {"exercise": "lab04.causal_mask", "points": 100, "deletable": False}
        cell.execution_count = 1000 - number
        cell.id = "same"
    expect(graded(notebook), 18)


def test_only_cell_types_and_text_are_left(graded):
    cells = [
        {"cell_type": c.cell_type, "source": c.source.splitlines(True) if i % 2 else c.source}
        for i, c in enumerate(solved_notebook().cells)
        if not c.source.startswith("check(")
    ]  # fmt: skip
    expect(graded(json.dumps({"cells": cells})), 18)


def test_every_cell_twice(graded):
    notebook = solved_notebook()
    notebook.cells = [copy.deepcopy(cell) for cell in notebook.cells for _ in range(2)]
    expect(graded(notebook), 18)


def test_the_old_format(graded):
    cells = [
        {"cell_type": "code", "language": "python", "input": c.source, "prompt_number": 1}
        if c.cell_type == "code"
        else {"cell_type": c.cell_type, "source": c.source}
        for c in solved_notebook().cells
    ]
    old = {"nbformat": 3, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}
    expect(graded(json.dumps(old)), 18)


def test_line_ends_of_all_systems_and_a_byte_order_mark(graded):
    notebook = solved_notebook()
    for number, cell in enumerate(code(notebook)):
        cell.source = cell.source.replace("\n", ("\r\n", "\r", "\n")[number % 3])
    text = json.dumps(notebook, indent=1).replace("\n", "\r\n")
    expect(graded(b"\xef\xbb\xbf" + text.encode()), 18)


def test_outputs_of_50_megabytes(graded):
    notebook = solved_notebook()
    picture = nbformat.v4.new_output("display_data", {"image/png": "iVBOR" * 2**20})
    for cell in code(notebook)[-10:]:
        cell.outputs = [picture]
    data = json.dumps(notebook).encode()
    assert len(data) > 50e6
    expect(graded(data), 18)


@pytest.mark.parametrize(
    "name",
    [
        "submission_123/Übung 4 (1) 김민수.ipynb",
        "kim_minsu_12345_67890_04_causal_self_attention-1.ipynb.txt",
    ],
)
def test_names_that_browsers_and_portals_give(graded, name, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(solved_notebook()), encoding="utf-8")
    [(found, data)] = grade.find(tmp_path).items()
    expect(graded(data, found), 18)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("lab.ipynb", b"", "lab.ipynb is not a Jupyter notebook (it is empty)"),
        ("lab.py", b" \n", "lab.py is not Python (it is empty)"),
        ("lab.ipynb", b"%PDF-1.7\n%\xe2\xe3", "lab.ipynb is not a text file (it is a PDF)"),
        ("lab.py", b"%PDF-1.4", "lab.py is not Python (it is a PDF)"),
        ("lab.ipynb", b"PK\x03\x04\x14\0", "lab.ipynb is not a text file (it is a zip file)"),
        ("lab.ipynb", b"<!DOCTYPE html>", "lab.ipynb is not a Jupyter notebook (it is a web page)"),
        ("lab.py", "# \uae40".encode("cp949"), "lab.py is not a text file (it is not in UTF-8)"),
        ("lab.pdf", b"%PDF-1.7", "lab.pdf ends in .pdf"),
        (
            "lab.ipynb",
            b'{"cells": [\n<<<<<<< HEAD\n]}',
            "lab.ipynb is not a Jupyter notebook (it holds Git's conflict marks",
        ),
    ],
)
def test_files_that_are_no_lab(graded, name, data, says):
    found = graded(data, name)
    expect(found, 0, **dict.fromkeys(SHORT, "not attempted"))
    assert found.problems[0].startswith(says) and "\n" not in found.problems[0]


def test_a_notebook_without_cells(graded):
    found = graded('{"cells": []}')
    expect(found, 0, **dict.fromkeys(SHORT, "not attempted"))
    assert message(found, "mask") == "lab.ipynb defines no causal_mask."


# ---------------------------------------------------------------------------------- cells and order


def test_answers_that_split_cell_has_cut(graded):
    notebook = solved_notebook()
    # In the docstring, so that neither half is Python; before a return; between two methods.
    for key, before in (
        ("mask", "    Returns:"),
        ("weights", "    return"),
        ("layer", "    def call"),
    ):
        text = answer(notebook, key)
        at = text.index(before)
        put(notebook, key, text[:at].rstrip("\n"), text[at:])
    found = graded(notebook)
    expect(found, 18)
    assert found.problems == []


def test_methods_that_are_attached_in_other_cells(graded):
    notebook = solved_notebook()
    head, heads, call = re.split(r"(?m)^    (?=def heads|def call)", answer(notebook, "layer"))
    add_to = "def add_to(cls):\n    return lambda f: setattr(cls, f.__name__, f)"
    call = call.replace("\n    ", "\n").replace("def call", "def my_call")
    heads = heads.replace("\n    ", "\n")
    put(notebook, "layer", head, add_to, f"@add_to(CausalSelfAttention)\n{heads}", call)
    add(notebook, "CausalSelfAttention.call = my_call")
    expect(graded(notebook), 18)


def test_a_class_that_is_written_on_top_of_its_stub(graded):
    notebook = solved_notebook()
    written = answer(notebook, "layer").split("\n", 1)[1]
    written = written.replace("keras.layers.Layer", "CausalSelfAttention", 1)
    stub = answer(STUDENT, "layer").replace("        raise NotImplementedError", "        pass", 2)
    put(notebook, "layer", stub, written.replace("super().__init__", "keras.layers.Layer.__init__")
        .replace("__init__(**kwargs)", "__init__(self, **kwargs)"))  # fmt: skip
    expect(graded(notebook), 18)


def test_a_deleted_exercise(graded):
    notebook = solved_notebook()
    put(notebook, "merge")
    found = graded(notebook)
    expect(found, 16, merge="not attempted")
    assert message(found, "merge") == "lab.ipynb defines no merge_heads."
    assert "with the solution's merge_heads in place of yours" in message(found, "layer")


def test_an_exercise_left_as_it_was(graded):
    notebook = solved_notebook()
    put(notebook, "merge", answer(STUDENT, "merge"))
    found = graded(notebook)
    expect(found, 16, merge="not attempted")
    assert message(found, "merge") == "merge_heads is not written yet."


def test_two_exercises_left_as_they_were(graded):
    notebook = solved_notebook()
    for key in ("merge", "layer"):
        put(notebook, key, answer(STUDENT, key))
    expect(graded(notebook), 11, merge="not attempted", layer="not attempted")


def test_a_syntax_error_in_one_cell(graded):
    notebook = solved_notebook()
    # The lab's code cells: setup, imports, then each exercise and its check: split_heads is the
    # ninth. Its body stands below a docstring that ends in line 14.
    text = answer(notebook, "split").replace("keras.ops.shape(x)", "keras.ops.shape(x))")
    put(notebook, "split", text)
    found = graded(notebook)
    expect(found, 16, split="not attempted")
    [problem] = found.problems
    assert problem == "lab.ipynb, code cell 9, line 15: unmatched ')'."
    assert f"not read: {problem}" in message(found, "split")


def test_answers_in_new_cells_above_and_below_the_stubs(graded):
    notebook, unsolved = solved_notebook(), copy.deepcopy(STUDENT)
    above = [answer(notebook, key) for key in ("mask", "split", "layer")]
    below = [answer(notebook, key) for key in ("weights", "attention", "merge")]
    add(unsolved, *above, at=place(unsolved, "mask"))
    add(unsolved, *below)
    expect(graded(unsolved), 18)


def test_redefined_later(graded):
    notebook = solved_notebook()
    right = answer(notebook, "weights")
    put(notebook, "weights", right.replace("** 0.5", ""))
    add(notebook, right)
    # No mask at all: the layer would see the future, too.
    add(notebook, "def causal_mask(length):\n    return keras.ops.ones((length, length), 'bool')")
    expect(graded(notebook), 16, mask="wrong")


def test_cells_in_the_opposite_order(graded):
    notebook = solved_notebook()
    notebook.cells[3:] = notebook.cells[:2:-1]
    expect(graded(notebook), 18)


def test_names_that_are_used_again_or_deleted(graded):
    notebook = solved_notebook()
    add(
        notebook,
        "mask = causal_mask(5)\nweights = attention_weights(*np.ones((2, 1, 1, 5, 4)), mask)",
        "attention_weights = weights[0]",
        "split_heads = split_heads(np.ones((1, 5, 12)), 3)",
        "del causal_mask, mask",
    )
    expect(graded(notebook), 18)


def test_answers_where_no_code_is_run(graded):
    notebook = solved_notebook()
    notebook.cells[place(notebook, "merge")].cell_type = "raw"
    notebook.cells[place(notebook, "split")].cell_type = "markdown"
    put(notebook, "mask", "%%writefile mask.py\n" + answer(notebook, "mask"))
    found = graded(notebook)
    gone = dict.fromkeys(("mask", "split", "merge"), "not attempted")
    expect(found, 12, **gone)
    assert "raw cell 1: merge_heads is not read, this is no code cell." in message(found, "merge")
    assert "code cell 3: causal_mask is not read, %%writefile" in message(found, "mask")
    assert any("split_heads is not read" in problem for problem in found.problems)


# ------------------------------------------------------------------------------------ IPython's own


def test_magics_shell_lines_and_help(graded):
    notebook = solved_notebook()
    add(notebook, "%load_ext autoreload\n%autoreload 2\n!pip install einops && exit 1", at=1)
    put(notebook, "mask", f"!pip install -q \\\n  einops\n{answer(notebook, 'mask')}\ncausal_mask?")
    put(notebook, "weights", f"\n%%time\n{answer(notebook, 'weights')}\n?attention_weights")
    put(notebook, "merge", f"%%capture out\n%matplotlib inline\n{answer(notebook, 'merge')}")
    text = answer(notebook, "split")
    text = text.replace("    return", "    !ls\n    %time y = x\n    here = !pwd\n    return")
    put(notebook, "split", text.replace("heads = keras", "heads = %time keras"))
    put(notebook, "attention", answer(notebook, "attention"), "files = !ls\nx = %time f()\n%pwd")
    found = graded(notebook)
    expect(found, 18)
    assert found.problems == []


def test_lines_are_right_below_a_magic(graded):
    notebook = solved_notebook()
    put(notebook, "merge", "\n%%time\n\ndef merge_heads(x):\n    return x +\n")
    put(notebook, "split", "%time 1\n!ls\ndef split_heads(x, n):\n    return x / None")
    found = graded(notebook)
    expect(found, 14, merge="not attempted", split="crashed")
    assert found.problems == ["lab.ipynb, code cell 11, line 5: invalid syntax."]
    assert "code cell 9, line 4: return x / None" in message(found, "split")


def test_colab_forms_and_what_only_notebooks_allow(graded):
    notebook = solved_notebook()
    put(
        notebook,
        "mask",
        f"#@title The mask {{ display-mode: 'form' }}\n{answer(notebook, 'mask')};",
    )
    add(
        notebook,
        'filler = -1e9 #@param {type:"number"}\nrate: float = 0.1 #@param {type:"slider"}',
        "import asyncio\nawait asyncio.sleep(0)\nasync with lock:\n    got = await queue.get()",
        "if (count := 3) > 2: print(count);",
        "from __future__ import annotations",
        at=place(notebook, "weights"),
    )
    hints = "def attention_weights(q: Tensor, k: Float[Tensor, 'b h s d'], mask: Mask = None)"
    text = re.sub(r"def attention_weights\(.*\)", hints, answer(notebook, "weights"))
    put(notebook, "weights", text.replace('float("-inf")', "filler"))
    found = graded(notebook)
    expect(found, 18)
    assert found.problems == []


# -------------------------------------------------------------------------- definitions of any kind


def test_helpers_and_constants_before_and_after_their_use(graded):
    notebook = solved_notebook()
    put(
        notebook,
        "weights",
        """
def attention_weights(q, k, mask=None):
    scores = product(q, k) * inverse_root(q)
    if mask is not None:
        scores = keras.ops.where(mask, scores, NEGATIVE)
    return softmaxed(scores)
""",
    )
    add(notebook, "NEGATIVE, AXES = -np.inf, {'last': -1}\nAXES['first'] = 0")
    add(notebook, "HALF = tf.constant(1.0)\nHALF /= 2", "rng = np.random.default_rng(0)")
    add(
        notebook,
        "product = lambda q, k: q @ keras.ops.swapaxes(k, -1, -2)",
        "def inverse_root(q):\n    global calls\n    calls += 1\n    rng.random()\n"
        "    return q.shape[-1] ** -HALF",
        "calls = 0",
        "def softmaxed(x):\n    return keras.ops.softmax(x, axis=AXES['last'])",
    )
    expect(graded(notebook), 18)


def test_decorators_lambdas_and_wrapped_functions(graded):
    notebook = solved_notebook()
    add(
        notebook,
        "import functools\ndef logged(f):\n    @functools.wraps(f)\n"
        "    def inner(*a, **k):\n        return f(*a, **k)\n    return inner",
        at=3,
    )
    put(notebook, "mask", f"@functools.cache\n{answer(notebook, 'mask')}")
    put(notebook, "weights", f"@logged\n{answer(notebook, 'weights')}")
    put(notebook, "merge", f"@tf.function\n{answer(notebook, 'merge')}")
    put(notebook, "split", "split_heads = lambda x, n: keras.ops.swapaxes(keras.ops.reshape("
        "x, (x.shape[0], x.shape[1], n, x.shape[2] // n)), 1, 2)")  # fmt: skip
    mine = answer(notebook, "attention").replace("def scaled", "def my_scaled")
    put(notebook, "attention", mine)
    add(
        notebook,
        "scaled_dot_product_attention = functools.partial(my_scaled_dot_product_attention)",
    )
    put(notebook, "layer", answer(notebook, "layer").replace("class Causal", "class MyCausal"))
    add(notebook, "CausalSelfAttention = MyCausalSelfAttention")
    # The lab's own cells below name the layer; without them it is still asked for.
    notebook.cells = [c for c in notebook.cells if "class AttentionLM" not in c.source]
    expect(graded(notebook), 18)


def test_definitions_inside_if_try_and_with(graded):
    notebook = solved_notebook()

    def indented(key):
        return answer(notebook, key).replace("\n", "\n    ")

    put(notebook, "mask", f"if True:\n    {indented('mask')}\n    train(causal_mask)\nelse:\n"
        "    causal_mask = None")  # fmt: skip
    put(notebook, "weights", "from keras.ops import *\nLAST = int(convert_to_numpy(-1))\n"
        "with tf.device('/CPU:0'):\n    "
        + indented("weights").replace("axis=-1", "axis=LAST"))  # fmt: skip
    put(notebook, "merge", "try:\n    import no_such_package as einops\nexcept ImportError:\n"
        "    einops = None\n    !pip install einops\n"
        "if einops is None:\n    " + indented("merge"))  # fmt: skip
    found = graded(notebook)
    expect(found, 18)
    assert found.problems == []


def test_a_constant_that_comes_out_of_training(graded):
    notebook = solved_notebook()
    put(
        notebook,
        "weights",
        "history = train(decoder, train_windows, steps=10**9)\nSCALE = history.mean()",
        answer(notebook, "weights").replace("q.shape[-1] ** 0.5", "SCALE"),
    )
    found = graded(notebook)
    expect(found, 14, weights="crashed")
    expected = (
        "lab.ipynb, code cell 5, line 2: SCALE comes from code that grading does not run; "
        "compute it inside the definition that needs it."
    )
    assert expected in message(found, "weights")


def test_a_package_that_is_not_installed(graded):
    notebook = solved_notebook()
    add(
        notebook, "import numpy as np, no_such_package\nfrom no_such_package import rearrange", at=3
    )
    put(notebook, "merge", "def merge_heads(x):\n    return rearrange(x, 'b h t d -> b t (h d)')")
    found = graded(notebook)
    expect(found, 16, merge="crashed")
    assert "No module named 'no_such_package'" in message(found, "merge")


def test_answers_that_print_plot_show_and_ask(graded):
    notebook = solved_notebook()
    for key, line in (
        ("mask", "print(length, display(length))"),
        ("merge", "plt.plot([1, 2]); plt.title('heads'); plt.show();"),
        ("split", "num_heads = int(input('heads? '))"),
    ):
        put(
            notebook,
            key,
            re.sub(r"(?m)^    (?=return)", f"    {line}\n    ", answer(notebook, key)),
        )
    found = graded(notebook)
    expect(found, 16, split="crashed")
    assert "split_heads raised EOFError" in message(found, "split")


def test_tabs_and_spaces(graded):
    notebook = solved_notebook()
    put(notebook, "mask", answer(notebook, "mask").replace("    ", "\t"))
    put(notebook, "merge", "def merge_heads(x):\n    y = x\n\treturn y")
    found = graded(notebook)
    expect(found, 16, merge="not attempted")
    assert "code cell 11, line 3: inconsistent use of tabs and spaces" in found.problems[0]


def test_errors_that_python_finds_late(graded):
    notebook = solved_notebook()
    put(
        notebook,
        "merge",
        "def merge_heads(x, x):\n    return x",
        "return 5",
        "a = '\\0'; b = 1 +\0",
    )
    found = graded(notebook)
    expect(found, 16, merge="not attempted")
    assert "code cell 11, line 1: duplicate argument 'x'" in message(found, "merge")


def test_korean_names(graded):
    notebook = solved_notebook()
    composed = unicodedata.normalize("NFC", "가림막")
    apart = unicodedata.normalize("NFD", "가림막")
    assert composed != apart
    add(notebook, f"def {apart}(길이):  # 미래를 가린다\n    위치 = keras.ops.arange(길이)\n"
        "    return 위치[:, None] >= 위치[None, :]")  # fmt: skip
    put(
        notebook,
        "mask",
        f'def causal_mask(length):\n    """마스크"""\n    return {composed}(length)',
    )
    expect(graded(notebook, "김민수/실습 4.ipynb"), 18)


# -------------------------------------------------------------------------------------- .py files


def test_a_script_of_jupytext(graded):
    expect(graded(jupytext.writes(solved_notebook(), "py:light"), "lab.py"), 18)


@pytest.mark.parametrize(
    ("encoding", "cookie"), [("utf-16", ""), ("cp949", "# -*- coding: cp949 -*-")]
)
def test_scripts_of_old_machines(graded, encoding, cookie):
    text = "\n\n".join([cookie, "# 김민수", *(cell.source for cell in code(solved_notebook()))])
    expect(graded(text.replace("\n", "\r").encode(encoding), "lab.py"), 18)


def test_a_script_of_nbconvert(graded):
    notebook = solved_notebook()
    put(notebook, "mask", f"%%time\n{answer(notebook, 'mask')}")
    blocks = [
        f"get_ipython().run_cell_magic('time', '', {c.source[7:]!r})"
        if c.source.startswith("%%time\n")
        else f"# In[ ]:\n\n\n{c.source}"
        if c.cell_type == "code"
        else re.sub("(?m)^", "# ", c.source)
        for c in notebook.cells
    ]
    expect(graded("#!/usr/bin/env python\n# coding: utf-8\n\n" + "\n\n".join(blocks), "lab.py"), 18)


def test_a_script_of_colab_with_one_bad_cell(graded):
    notebook = solved_notebook()
    put(notebook, "split", "def split_heads(x, num_heads):\n    return x[\n")
    add(notebook, "get_ipython().system('pip install einops')\nx = get_ipython().getoutput('ls')")
    blocks = [c.source if c.cell_type == "code" else f'"""{c.source}\n"""' for c in notebook.cells]
    head = '# -*- coding: utf-8 -*-\n"""Lab.ipynb\n\nAutomatically generated by Colab.\n"""'
    text = "\n\n".join([head, *blocks]) + "\n"
    line = text[: text.index("return x[")].count("\n") + 1
    found = graded(text, "lab.py")
    expect(found, 16, split="not attempted")
    assert f"lab.py, line {line}: '[' was never closed" in message(found, "split")
