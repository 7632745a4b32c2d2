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


def test_a_constant_that_a_comprehension_computes():
    # Python 3.12 and later count its variable among the names around it.
    made = module("import math", "A = [math.sqrt(i) for i in (4, 9)]", "def f(): return A").module()
    assert made.f() == [2, 3]


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


def test_work_through_packages_is_left_out_too():
    source = module(
        "import functools\nfrom math import *\nfrom gpt_tf import corpora",
        "def train(): raise ValueError",
        "loss = functools.reduce(max, [train() for _ in range(3)])",
        "texts = len(corpora.docstrings('train'))",
        "if True:\n    model = train()",
        "for step in range(10**9):\n    weights = step",
        "ROOT = sqrt(4)\nwrapped = functools.cache(train)",
        "def f(): return loss, texts, model, weights, ROOT, wrapped",
    )
    assert [name for name in ("loss", "texts", "model", "weights") if source.defines(name)] == []
    assert source.left_out["loss"].startswith("cell 2, line 1: loss comes from code that grading")
    assert source.defines("ROOT") and source.defines("wrapped")
    assert source.module().failures == {}


def test_a_function_of_the_students_own_is_none_of_pythons():
    source = module("def sum(x): raise ValueError", "y = sum([1])", "def f(): return y")
    assert not source.defines("y")


def test_blocks_keep_their_conditions_and_lose_their_work():
    source = module(
        "try:\n    import no_such_package as fast\nexcept ImportError as error:\n    fast = None\n"
        "    print('slow')",
        "if fast is None:\n    def f(): return 1\nelse:\n    def f(): return 2",
        "with open('data') as file:\n    def g(): return 3",
    )
    assert source.module().f() == 1 and source.module().failures == {}
    assert "print" not in source.text()
    assert not source.defines("g") and "cell 2, line 1" in source.left_out["g"]


def test_a_name_of_an_exercise_is_an_answer_whoever_uses_it():
    assert module("def mine(n): return n", "causal_mask = mine").module().causal_mask(3) == 3
    assert not module("def mine(n): return n", "other = mine").defines("other")


def test_a_stub_below_an_answer_is_left_out_and_one_above_stays():
    stub = "def f():\n    raise NotImplementedError"
    assert module("def f(): return 1", stub).module().f() == 1
    assert module(stub, "def f(): return f.__name__").module().f() == "f"
    # An unreachable rest of the stub makes no answer a stub.
    rest = "def f():\n    return 2\n    raise NotImplementedError"
    assert module("def f(): return 1", rest).module().f() == 2


def test_text_that_looks_like_magics_is_left_alone():
    made = module("def f():\n    return (5\n    % 3, '''\n%time\n!ls\n''')").module()
    assert made.f() == (2, "\n%time\n!ls\n")


def test_shell_and_notebook_functions_do_nothing():
    made = module("def f():\n    !exit 1\n    display(1)\n    return 2", "here = !pwd").module()
    assert made.f() == 2


def test_magics_are_blanked():
    assert module("%matplotlib inline\n!ls\ndef f():\n    return 1").module().f() == 1
    assert module("%%bash\nls", "def f(): return 1").problems == ()


def test_a_cell_that_does_not_parse_is_named_and_costs_nothing_else():
    source = module("def f(): return 1", "def g(:\n  pass")
    assert source.module().f() == 1
    assert source.problems == ("cell 1, line 1: invalid syntax.",)


@pytest.mark.parametrize("text", ["x = " + "-" * 9999 + "1", "x = 1" + " + 1" * 9999, "x = 1\0"])
def test_a_cell_that_python_cannot_hold_costs_nothing_else(text):
    source = module(text, "def f(): return 1")
    assert source.module().f() == 1
    assert len(source.problems) == 1 and source.problems[0].startswith("cell 0, line 1: ")


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


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", ["old.ipynb", "old.IPYNB", "old (1).ipynb.txt", "old.json"])
def test_old_notebook_formats_under_names_that_browsers_give(tmp_path, version, name):
    path = tmp_path / name
    cell = {"cell_type": "code", "input": ["def f():\n", "    return 1"]}
    path.write_text(json.dumps({"nbformat": version, "worksheets": [{"cells": [cell]}]}))
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
