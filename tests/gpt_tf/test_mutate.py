"""The operators that change solutions: what each makes of a line, written out by hand."""

import ast

import pytest

from gpt_tf.course import layout, mutate


def changed(source, operator=None):
    """The changed definitions as {operator: [the lines put in]}, or the list of one operator."""
    found = {}
    for name, _, change, _ in mutate.changes(ast.parse(source).body[0]):
        found.setdefault(name, []).append(change.split("+ ")[-1])
    return found if operator is None else found.get(operator, [])


def body(line):
    return f"def f(a, b, c):\n    {line}\n"


@pytest.mark.parametrize(
    "operator, line, expected",
    [
        ("compare", "return a < b", ["return a <= b"]),
        ("compare", "return a == b != c", ["return a != b != c", "return a == b == c"]),
        ("compare", "return a in b", ["return a not in b"]),
        ("arithmetic", "return a + b", ["return a - b"]),
        ("arithmetic", "return a * b", ["return a / b"]),
        ("arithmetic", "return a // b", ["return a * b"]),
        ("arithmetic", "a += b", ["a -= b"]),
        ("sign", "return -a", ["return a"]),
        ("axis", "return f(a, axis=-1)", ["return f(a, axis=-2)"]),
        ("axis", "return f(a, axis=0)", ["return f(a, axis=1)"]),
        ("number", "return 7", ["return 8"]),
        ("number", "return 0", ["return 1"]),
        ("number", "return 1", ["return 2", "return 0"]),
        ("number", "return -1", ["return 0"]),
        ("number", "return 0.5", ["return 1.0"]),
        ("number", "return 0.0", ["return 1.0"]),
        ("truth", "return True", ["return False"]),
        ("truth", "return a and b", ["return a or b"]),
        ("negation", "return not a", ["return a"]),
        ("string", "return 'x'", ["return 'x_'"]),
        ("statement", "a = b", ["pass"]),
        ("statement", "a(b)", ["pass"]),
        ("branch", "return a if b else c", ["return a if True else c", "return a if False else c"]),
        (
            "branch",
            "return [x for x in a if x]",
            ["return [x for x in a]", "return [x for x in a if False]"],
        ),
        ("keyword", "return f(a, b=1, c=2)", ["return f(a, c=2)", "return f(a, b=1)"]),
        ("swap", "return f(a, b, c)", ["return f(b, a, c)"]),
        ("unwrap", "return f(a, b)", ["return a"]),
    ],
)
def test_an_operator_makes_exactly_these(operator, line, expected):
    assert changed(body(line), operator) == expected


def test_a_loop_with_a_condition_is_never_entered_and_its_jumps_change():
    source = "def f(a):\n    while a:\n        break\n"
    assert changed(source) == {"branch": ["while False:"], "loop": ["continue"]}


def test_defaults_are_changed():
    assert changed("def f(a=1.0, b=True):\n    return a\n") == {
        "number": ["def f(a=2.0, b=True):"],
        "truth": ["def f(a=1.0, b=False):"],
    }


@pytest.mark.parametrize(
    "source",
    [
        'def f(a: "int"):\n    """Takes 1 < 2."""\n    return a\n',
        'def f(a):\n    raise ValueError(f"{a + 1} is " + "no")\n',
        "@register('name')\ndef f(a) -> 'int':\n    return a\n",
    ],
)
def test_words_for_people_and_decorators_are_left_alone(source):
    assert changed(source) == {}


def test_a_call_whose_result_nobody_takes_is_left_out_once():
    assert changed("def f(a):\n    a.append(a)\n") == {"statement": ["pass"]}


def test_all_changes_of_a_small_function():
    source = "def f(a):\n    if a > 1:\n        a = -a\n    return g(a, axis=-1)\n"
    assert [change[:3] for change in mutate.changes(ast.parse(source).body[0])] == [
        ("branch", "f", "- if a > 1:\n+ if True:"),
        ("branch", "f", "- if a > 1:\n+ if False:"),
        ("compare", "f", "- if a > 1:\n+ if a >= 1:"),
        ("number", "f", "- if a > 1:\n+ if a > 2:"),
        ("number", "f", "- if a > 1:\n+ if a > 0:"),
        ("statement", "f", "- a = -a\n+ pass"),
        ("sign", "f", "- a = -a\n+ a = a"),
        ("keyword", "f", "- return g(a, axis=-1)\n+ return g(a)"),
        ("unwrap", "f", "- return g(a, axis=-1)\n+ return a"),
        ("axis", "f", "- return g(a, axis=-1)\n+ return g(a, axis=-2)"),
        ("number", "f", "- return g(a, axis=-1)\n+ return g(a, axis=0)"),
    ]


def test_the_place_is_the_method_and_the_same_change_twice_is_told_apart():
    source = "class C:\n    def f(self):\n        return 3\n    def g(self):\n        return 3\n"
    found = [(place, change) for _, place, change, _ in mutate.changes(ast.parse(source).body[0])]
    assert found == [
        ("C.f", "- return 3\n+ return 4"),
        ("C.g", "- return 3\n+ return 4  # place 2"),
    ]


def test_the_definition_is_the_same_afterwards():
    tree = ast.parse(body("return f(a + 1, not b)")).body[0]
    before = ast.dump(tree)
    assert len(list(mutate.changes(tree))) > 3
    assert ast.dump(tree) == before


def test_a_mutant_is_the_lab_with_one_definition_changed():
    mutant = next(m for m in mutate.mutants("lab04.causal_mask") if m.operator == "compare")
    assert mutant.change == (
        "- return position[:, None] >= position[None, :]\n"
        "+ return position[:, None] > position[None, :]"
    )
    text = mutant.lab_text()
    assert text.count("def causal_mask(") == 1 and "position[:, None] > position" in text
    assert "class CausalSelfAttention" in text and "import keras" in text


@pytest.mark.parametrize("exercise", layout.exercises())
def test_every_exercise_has_mutants_that_parse_and_no_two_alike(exercise):
    found = mutate.mutants(exercise)
    assert found and len({m.change for m in found}) == len({m.text for m in found}) == len(found)
    for mutant in found:
        compile(mutant.text, "mutant", "exec")
