"""How a lab's text becomes code: what is kept, what is left out, what is said about bad files."""

import json

import pytest

from gpt_tf.course import extract, layout


def module(*cells):
    return extract.from_cells("lab", [extract.Cell(f"cell {i}", c) for i, c in enumerate(cells)])


def test_the_last_definition_wins():
    made = module("def f(): return 1", "def f(): return 2").module()
    assert made.f() == 2


def test_training_cells_are_not_run():
    source = module("import math", "def f(): return math.pi", "f()\nraise SystemExit")
    assert source.module().f() == pytest.approx(3.14159, abs=1e-5)


def test_constants_that_a_definition_needs_are_kept():
    source = module("import math", "A = math.sqrt(4)\nB = A + 1\nC = 9", "def f(): return B")
    assert source.module().f() == 3
    assert not source.defines("C")


def test_a_constant_below_its_use_is_kept():
    assert module("def f(): return LATE", "LATE = 7").module().f() == 7


def test_lambdas_and_aliases_are_definitions():
    made = module("square = lambda x: x * x", "def f(): return g(3)", "g = square").module()
    assert made.f() == 9


def test_work_that_no_definition_needs_is_left_out():
    source = module("x = [i for i in range(10**9)]", "def f(x): return x")
    assert not source.defines("x")


def test_calls_of_the_students_own_code_are_left_out():
    source = module("def f(): raise ValueError", "y = f()", "def g(): return y")
    assert not source.defines("y")
    assert source.module().failures == {}


def test_magics_are_blanked():
    assert module("%matplotlib inline\n!ls\ndef f():\n    return 1").module().f() == 1
    assert module("%%bash\nls", "def f(): return 1").problems == ()


def test_a_cell_that_does_not_parse_is_named_and_costs_nothing_else():
    source = module("def f(): return 1", "def g(:\n  pass")
    assert source.module().f() == 1
    assert source.problems == ("cell 1, line 1: invalid syntax.",)


def test_a_failing_import_fails_its_own_names_only():
    made = module("import no_such_package", "def f(): return 1").module()
    assert made.f() == 1
    assert isinstance(made.failures["no_such_package"], ModuleNotFoundError)


def test_python_files_keep_their_line_numbers():
    path = next(layout.SOLUTIONS.glob("04_*.py"))
    source = extract.from_file(path)
    node = next(s.node for s in source.statements if "causal_mask" in s.binds())
    assert path.read_text(encoding="utf-8").splitlines()[node.lineno - 1].startswith("def causal_m")


def test_windows_line_ends_and_byte_order_mark(tmp_path):
    path = tmp_path / "lab.py"
    path.write_bytes(b"\xef\xbb\xbfdef f():\r\n    return 1\r\n")
    assert extract.from_file(path).module().f() == 1


def test_old_notebook_format(tmp_path):
    path = tmp_path / "old.ipynb"
    cell = {"cell_type": "code", "input": ["def f():\n", "    return 1"]}
    path.write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": [cell]}]}))
    assert extract.from_file(path).module().f() == 1


def test_saved_text_is_python_again():
    source = module("import math\nA = 2", "@staticmethod\ndef f(): return A")
    again = module(source.text())
    assert again.defines("f") and again.defines("A")


@pytest.mark.parametrize(
    "name, content, says",
    [
        ("lab.ipynb", b"not json", "not a Jupyter notebook"),
        ("lab.ipynb", b"[1, 2]", "not a Jupyter notebook"),
        ("lab.ipynb", b'{"cells": [{}]}', "not a Jupyter notebook"),
        ("lab.ipynb", b"", "not a Jupyter notebook"),
        ("lab.ipynb", b"%PDF-1.7 \xff\xfe", "not a text file"),
        ("lab.pdf", b"%PDF-1.7", "a lab ends in .ipynb or .py"),
    ],
)
def test_what_is_no_lab_is_said_in_one_sentence(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(extract.NotALab, match=says) as caught:
        extract.from_file(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        extract.from_file(tmp_path / "none.ipynb")
