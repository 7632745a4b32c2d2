"""Changes the solutions mechanically, one small change at a time, to see whether a test notices.

An operator is a function from a node of the syntax tree to the nodes that may stand in its place.
"""

import ast
import collections
import dataclasses
import difflib

from gpt_tf.course import extract, layout

COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr, ast.LShift: ast.RShift,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One exercise's solution with one change.

    Args:
        exercise: str, its id.
        operator: str, the name of the kind of change.
        place: str, the function or method that is changed, such as "LayerNorm.call".
        change: str, the lines taken out (each after "-") and put in ("+"), as `ast.unparse` writes
            them. Where the same change is possible at several places, the later ones end in a
            comment, "# place 2".
        text: str, the whole changed definition.
    """

    exercise: str
    operator: str
    place: str
    change: str
    text: str

    def lab_text(self):
        """Returns the definitions of the lab's solution, with the changed one in its place."""
        known = layout.exercises()[self.exercise]
        source = extract.from_file(layout.solution_file(known.lab))
        texts = [self.text if known.name in s.binds() else s.text for s in source.statements]
        return "\n\n".join(texts) + "\n"


def compare(node):
    """Turns a comparison into its neighbour: < into <=, == into !=, `in` into `not in`."""
    if isinstance(node, ast.Compare):
        for i, operator in enumerate(node.ops):
            others = [*node.ops[:i], COMPARISONS[type(operator)](), *node.ops[i + 1 :]]
            yield _with(node, ops=others)


def arithmetic(node):
    """Turns + into - and the other way round, * into / and so on."""
    if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in ARITHMETIC:
        yield _with(node, op=ARITHMETIC[type(node.op)]())


def sign(node):
    """Takes a minus away."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and _number(node) is None:
        yield node.operand


def axis(node):
    """Takes the neighbouring axis: -1 into -2, 0 into 1."""
    if isinstance(node, ast.keyword) and node.arg in ("axis", "axes"):
        value = _number(node.value)
        if value is not None:
            neighbour = {-1: -2, 0: 1}.get(value, value - 1)
            yield _with(node, value=ast.Constant(neighbour))


def number(node):
    """Makes an integer one larger (0 and 1: each the other, 1 also 2), doubles a fraction."""
    value = _number(node)
    if isinstance(value, int):
        yield ast.Constant(value + 1)
        if value == 1:
            yield ast.Constant(0)
    if isinstance(value, float):
        yield ast.Constant(value * 2 if value else 1.0)


def truth(node):
    """Turns True into False, `and` into `or`, and the other way round."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())


def negation(node):
    """Takes a `not` away."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand


def string(node):
    """Adds a character to a text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield ast.Constant(node.value + "_")


def statement(node):
    """Leaves out an assignment or a call."""
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.Expr)):
        yield ast.Pass()


def loop(node):
    """Turns `break` into `continue` and the other way round."""
    if isinstance(node, (ast.Break, ast.Continue)):
        yield ast.Continue() if isinstance(node, ast.Break) else ast.Break()


def branch(node):
    """Takes a branch always, or never; a loop with a condition, never."""
    if isinstance(node, (ast.If, ast.IfExp)):
        yield _with(node, test=ast.Constant(True))
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        yield _with(node, test=ast.Constant(False))
    if isinstance(node, ast.comprehension) and node.ifs:
        yield _with(node, ifs=[])
        yield _with(node, ifs=[ast.Constant(False)])


def keyword(node):
    """Leaves out one keyword argument of a call."""
    if isinstance(node, ast.Call):
        for i, argument in enumerate(node.keywords):
            if argument.arg is not None:
                yield _with(node, keywords=node.keywords[:i] + node.keywords[i + 1 :])


def swap(node):
    """Swaps the first two arguments of a call."""
    if isinstance(node, ast.Call) and len(node.args) > 1:
        first, second, *others = node.args
        if not isinstance(first, ast.Starred) and not isinstance(second, ast.Starred):
            yield _with(node, args=[second, first, *others])


def unwrap(node):
    """Gives back a call's first argument in place of its result."""
    if isinstance(node, ast.Call) and node.args and not isinstance(node.args[0], ast.Starred):
        yield node.args[0]


OPERATORS = (
    compare, arithmetic, sign, axis, number, truth, negation, string, statement, loop, branch,
    keyword, swap, unwrap,
)  # fmt: skip


def mutants(exercise):
    """Makes all mutants of an exercise's solution.

    Args:
        exercise: str, its id, such as "lab04.causal_mask".

    Returns:
        List of Mutant, in the order of the text, each another one.

    Raises:
        ValueError: the solution has no such definition.
    """
    known = layout.exercises()[exercise]
    source = extract.from_file(layout.solution_file(known.lab))
    nodes = [s.node for s in source.statements if known.name in s.binds()]
    if not nodes:
        raise ValueError(f"{source.name} defines no {known.name}.")
    return [Mutant(exercise, *change) for change in changes(nodes[-1])]


def changes(definition):
    """Makes all changes of one definition.

    Args:
        definition: `ast.FunctionDef` or `ast.ClassDef`; it is the same afterwards.

    Yields:
        (operator, place, change, text), see `Mutant`.
    """
    original = ast.unparse(definition)
    seen, times = {original}, collections.Counter()
    for parent, holder, key, place in list(_places(definition, definition.name)):
        node = holder[key]
        for operator in OPERATORS:
            for other in operator(node):
                if isinstance(parent, ast.Expr) and not isinstance(other, ast.Call):
                    continue  # As good as leaving the statement out.
                holder[key] = other
                text = ast.unparse(definition)
                holder[key] = node
                if text in seen:
                    continue
                seen.add(text)
                change = _difference(original, text)
                times[change] += 1
                if times[change] > 1:
                    change += f"  # place {times[change]}"
                yield operator.__name__, place, change, text


def _places(node, place):
    """Yields (parent, list or dict that holds it, key, place) of each node that may be changed."""
    if isinstance(node, ast.Raise) or _number(node) is not None:
        return  # The words of an error are no promise; a negative number is changed as one.
    for field in node._fields:
        if field in ("decorator_list", "annotation", "returns", "ctx", "op", "ops"):
            continue
        value = getattr(node, field)
        children = value if isinstance(value, list) else [value]
        for i, child in enumerate(children):
            if not isinstance(child, ast.AST) or _is_docstring(child):
                continue
            nested = isinstance(child, extract.DEFINITIONS)
            below = f"{place}.{child.name}" if nested else place
            yield node, *((value, i) if value is children else (vars(node), field)), below
            yield from _places(child, below)


def _is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _number(node):
    """Returns the number that a node writes, with its sign, else None."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand)
        return None if value is None else -value
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return value if type(value) in (int, float) else None


def _with(node, **fields):
    return type(node)(**{**dict(ast.iter_fields(node)), **fields})


def _difference(before, after):
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return "\n".join(f"{line[0]} {line[2:].strip()}" for line in lines if line[0] in "-+")
