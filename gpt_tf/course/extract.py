"""Takes the definitions out of a lab's text: the same for solutions, notebooks and live sessions.

Only imports, constants and definitions are kept. Training cells, plots and `check` calls are not
run, so a lab can be loaded like a module in a moment. A notebook's metadata is never looked at.
"""

import __future__

import ast
import builtins
import copy
import dataclasses
import hashlib
import itertools
import linecache
import pathlib
import symtable
import sys
import types

from gpt_tf.course import cells as cells_module
from gpt_tf.course import layout
from gpt_tf.course.cells import DEFINITIONS, Cell, NotALab

__all__ = ["DEFINITIONS", "Cell", "NotALab", "Source", "from_bytes", "from_cells", "from_file"]

IMPORTS = (ast.Import, ast.ImportFrom)
ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
# What is inside these is kept as if it stood alone. Loops are not: they may train.
BLOCKS = (ast.If, ast.Try, ast.TryStar, ast.With)
# A constant may compute, but not act.
ACTING = {"open", "exec", "eval", "compile", "input", "print", "exit", "quit", "__import__"}
# Annotations are not evaluated: a name that is missing in one costs nothing.
_FLAGS = __future__.annotations.compiler_flag
_numbers = itertools.count()


@dataclasses.dataclass(frozen=True)
class Statement:
    """One kept statement: its node, its own text, and the cell it stands in."""

    node: ast.stmt
    text: str
    cell: Cell

    def binds(self):
        """Returns the names that the statement defines."""
        return _stored(self.node)

    def changes(self):
        """Returns the names whose attributes or entries it sets, such as A in `A.method = f`."""
        found = set()
        for node in ast.walk(self.node) if isinstance(self.node, ASSIGNMENTS) else ():
            if isinstance(getattr(node, "ctx", None), ast.Store):
                while isinstance(node, (ast.Attribute, ast.Subscript)):
                    node = node.value
                found |= {node.id} if isinstance(node, ast.Name) else set()
        return found - self.binds()

    def uses(self):
        """Returns the names that the statement takes from around it."""
        # Since Python 3.12 the table has the variables of comprehensions, too.
        loops = [n.target for n in ast.walk(self.node) if isinstance(n, ast.comprehension)]
        own = {n.id for target in loops for n in ast.walk(target) if isinstance(n, ast.Name)}
        found, tables = set(), [symtable.symtable(self.text, self.cell.label, "exec")]
        while tables:
            table = tables.pop()
            tables += table.get_children()
            if table.get_type() == "module":
                found |= {s.get_name() for s in table.get_symbols() if s.is_referenced()} - own
            else:
                found |= {
                    s.get_name()
                    for s in table.get_symbols()
                    if s.is_global() and s.is_referenced() or s.is_declared_global()
                }
        return found

    @property
    def is_definition(self):
        """Whether there is an import, a def, a class or a name given to a lambda in it."""
        return any(
            isinstance(node, DEFINITIONS + IMPORTS)
            or isinstance(getattr(node, "value", None), ast.Lambda)
            for node in _lines(self.node)
        )

    @property
    def is_open(self):
        """Whether something in it is still to be written: it raises NotImplementedError."""
        raised = [n.exc for n in ast.walk(self.node) if isinstance(n, ast.Raise)]
        names = [getattr(e, "func", e) for e in raised]
        return any(getattr(n, "id", None) == "NotImplementedError" for n in names)

    @property
    def is_stub(self):
        """Whether it is a function, or a class whose `call` is one, that nobody has written yet."""
        parts = [self.node]
        if isinstance(self.node, ast.ClassDef):
            parts = [n for n in self.node.body if getattr(n, "name", None) == "call"]
        return any(
            isinstance(part, ast.FunctionDef)
            and ast.unparse(part.body[-1]).startswith("raise NotImplementedError")
            and not any(isinstance(node, ast.Return) for node in ast.walk(part))
            for part in parts
        )


@dataclasses.dataclass(frozen=True)
class Source:
    """The definitions of one lab, in the order of its text.

    Args:
        name: str, shown in messages.
        statements: tuple of Statement.
        problems: tuple of str, one sentence for each cell that cannot be read, or not in full.
        left_out: dict {name: sentence}, names that are bound only by work that is not run.
    """

    name: str
    statements: tuple[Statement, ...]
    problems: tuple[str, ...] = ()
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)

    def defines(self, name):
        """Returns whether a definition or constant of that name was kept."""
        return any(name in s.binds() for s in self.statements if not isinstance(s.node, IMPORTS))

    def with_answer(self, other):
        """Returns this source with the statements of another one appended: the last one wins."""
        return dataclasses.replace(self, statements=self.statements + other.statements)

    def written(self):
        """Returns this source without the definitions that still raise NotImplementedError."""
        kept = tuple(s for s in self.statements if not s.is_open)
        return dataclasses.replace(self, statements=kept)

    def fingerprints(self):
        """Returns {name: digest of its last definition}.

        Code that differs in layout, comments and docstrings only has the same digest. What is
        nested too deep to be compared has an empty one.
        """
        definitions = [s for s in self.statements if not isinstance(s.node, IMPORTS)]
        return {name: _digest(s.node) for s in definitions for name in s.binds()}

    def text(self):
        """Returns Python text that holds just these statements."""
        return "\n\n".join(s.text for s in self.statements) + "\n"

    def module(self, skipped=None, before=lambda number: None):
        """Runs the statements in a module of their own.

        Args:
            skipped: dict {number of a statement: sentence that tells why it is not run}, or None.
            before: function that is told the number of each statement before it is run.

        Returns:
            The module. A statement that fails is left out; its error is in `module.failures`, a
            dict from the names it would have bound to the exception.
        """
        module = types.ModuleType(f"gpt_tf_lab_{next(_numbers)}")
        module.failures = {}
        module.display = module.get_ipython = _Silent()
        sys.modules[module.__name__] = module
        for number, statement in enumerate(self.statements):
            if number in (skipped or {}):
                error = RuntimeError(f"this definition {skipped[number]}")
                module.failures.update(dict.fromkeys(statement.binds(), error))
                continue
            before(number)
            _remember_lines(statement.cell)
            try:
                exec(_code(statement.node, statement.cell), module.__dict__)
            except Exception as error:
                # A name that is reused for a result still has its definition above.
                kept = set() if statement.is_definition else set(vars(module))
                module.failures.update(dict.fromkeys(statement.binds() - kept, error))
        return module


def from_file(path):
    """Reads a notebook (.ipynb) or Python text (.py, percent format or not).

    Args:
        path: str or path.

    Returns:
        Source.

    Raises:
        FileNotFoundError: there is no such file.
        NotALab: the file is not what its ending says, or has another ending.

    Example:
        >>> from_file("labs/04_causal_self_attention.ipynb").defines("causal_mask")
        True
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}; name a notebook or a .py file.")
    return from_bytes(path, path.read_bytes())


def from_bytes(path, data):
    """Reads what is in a file; arguments are its path (or name) and its bytes, see `from_file`."""
    return from_cells(pathlib.Path(path).name, cells_module.of_bytes(path, data))


def from_text(path, text):
    """Reads Python text, percent format or not; `path` is what tracebacks show."""
    return from_cells(pathlib.Path(path).name, cells_module.of_script(path, text))


def from_cells(name, cells):
    """Keeps the imports, constants and definitions of a list of cells.

    Args:
        name: str, shown in messages.
        cells: list of Cell.

    Returns:
        Source.
    """
    read, problems = cells_module.read(cells)
    sieve, found, left_out = _Sieve(), [], {}
    for cell, tree in read:
        for node in tree.body:
            try:
                kept = sieve.part(node)
                if kept is not None:
                    _code(kept, cell)
                    found.append(Statement(kept, _text(cell, kept), cell))
            except (SyntaxError, RecursionError) as error:
                # Python finds some errors only after it has read a whole statement.
                line = getattr(error, "lineno", None) or node.lineno
                said = getattr(error, "msg", "nested too deeply")
                problems.append(f"{cell.label}, line {line}: {said}.")
                continue
            for bound in _stored(node) - (set() if kept is None else _stored(kept)):
                left_out[bound] = (
                    f"{cell.label}, line {node.lineno}: {bound} comes from code that grading does "
                    "not run; compute it inside the definition that needs it."
                )
    statements = _without_stubs(_needed(found))
    return Source(name, tuple(statements), tuple(problems), left_out)


class _Sieve:
    """Decides what of each statement may be run: definitions, and what calls no student's code."""

    def __init__(self):
        self.harmless = set(dir(builtins)) - ACTING
        self.functions, self.bound, self.star = set(), set(), False

    def part(self, node):
        """Returns the node; of a block, a copy without its other lines; None to leave it out."""
        names, harmless, kept = _stored(node), False, None
        if isinstance(node, DEFINITIONS):
            kept = node
            if not isinstance(node, ast.ClassDef):
                self.functions.add(node.name)
        elif isinstance(node, IMPORTS):
            kept, harmless = node, not _is_ours(node)
            self.star |= harmless and any(a.name == "*" for a in node.names)
        elif isinstance(node, BLOCKS):
            kept = self._block(node)
        elif isinstance(node, ASSIGNMENTS) and getattr(node, "value", None) is not None:
            is_lambda = isinstance(node.value, ast.Lambda)
            kept = node if is_lambda or self._only_computes(node) else None
            used = _names_used(node) | (names if isinstance(node, ast.AugAssign) else set())
            harmless = not is_lambda and self._knows(used)
        self.bound |= names
        if kept is None or not isinstance(node, BLOCKS):
            self.harmless = self.harmless | names if harmless else self.harmless - names
        return kept

    def _block(self, node):
        heads = [getattr(node, "test", None), *(h.type for h in getattr(node, "handlers", []))]
        heads += [item.context_expr for item in getattr(node, "items", [])]
        if not all(self._only_computes(head) for head in heads if head is not None):
            return None
        node = copy.copy(node)
        node.handlers = [copy.copy(handler) for handler in getattr(node, "handlers", [])]
        for part in (node, *node.handlers):
            for field in ("body", "orelse", "finalbody"):
                if lines := getattr(part, field, []):
                    kept = [k for line in lines if (k := self.part(line)) is not None]
                    setattr(part, field, kept or [ast.copy_location(ast.Pass(), lines[0])])
        return node if len(list(_lines(node))) else None

    def _only_computes(self, node):
        """Whether it calls nothing but functions of Python and of packages."""
        inside = list(ast.walk(node))
        calls = [n for n in inside if isinstance(n, ast.Call)]
        if any(isinstance(n, (ast.Await, ast.Yield, ast.YieldFrom)) for n in inside):
            return False
        # A function that is handed on, as in tf.function(f), is not called here.
        handed = {a.id for call in calls for a in call.args if isinstance(a, ast.Name)}
        handed -= {n.id for call in calls for n in ast.walk(call.func) if isinstance(n, ast.Name)}
        return not calls or self._knows(_names_used(node) - (handed & self.functions))

    def _knows(self, names):
        unknown = names - self.harmless
        # What is bound nowhere comes out of `from keras.ops import *`.
        return not (unknown & (self.bound | ACTING) if self.star else unknown)


def _lines(node):
    """Yields a statement; in place of a block, the imports, assignments and definitions in it."""
    if not isinstance(node, BLOCKS + (ast.ExceptHandler,)):
        if isinstance(node, DEFINITIONS + IMPORTS + ASSIGNMENTS):
            yield node
        return
    for field in ("body", "handlers", "orelse", "finalbody"):
        for line in getattr(node, field, []):
            yield from _lines(line)


def _is_ours(node):
    """Whether it imports from this package, whose calls may load data or train."""
    modules = [getattr(node, "module", "") or "", *(a.name for a in node.names)]
    return any(m.startswith("gpt_tf") for m in modules)


def _names_used(node):
    """Returns the names that an assignment or expression takes from around it."""
    return Statement(node, ast.unparse(node), Cell("", "")).uses()


def _stored(node):
    """Returns the names that a statement binds outside of functions and classes."""
    if isinstance(node, DEFINITIONS):
        return {node.name}
    if isinstance(node, IMPORTS):
        return {(a.asname or a.name).split(".")[0] for a in node.names}
    if isinstance(node, (ast.Lambda, ast.comprehension)):
        return set()
    found = {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else set()
    return found.union(*(_stored(child) for child in ast.iter_child_nodes(node)))


def _code(node, cell):
    tree = ast.Module([node], type_ignores=[])
    return compile(tree, cell.label, "exec", flags=_FLAGS, dont_inherit=True)


def _text(cell, node):
    """Returns a statement's own text, as it stands in its cell where that is all there is."""
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    text = "".join(cell.lines()[first - 1 : node.end_lineno]).rstrip("\n")
    try:
        same = ast.dump(ast.parse(text)) == ast.dump(ast.Module([node], type_ignores=[]))
    except SyntaxError:
        same = False
    return text if same else ast.unparse(node)


def _digest(node):
    try:
        node = copy.deepcopy(node)
        for inner in ast.walk(node):
            if isinstance(inner, DEFINITIONS) and ast.get_docstring(inner, clean=False) is not None:
                inner.body = inner.body[1:]
        return hashlib.sha256(ast.dump(node).encode("utf-8", "backslashreplace")).hexdigest()
    except RecursionError:
        return ""


def _needed(statements):
    """Leaves out the assignments that no definition needs."""
    needed = {exercise.name for exercise in layout.exercises().values()}
    defined = {s.node.name for s in statements if isinstance(s.node, DEFINITIONS)}
    kept = []
    for s in reversed(statements):
        if s.is_definition or s.binds() & needed or s.changes() & (needed | defined):
            kept.append(s)
            needed |= s.uses()
    # A definition may need a constant that stands below it.
    late = [s for s in statements if s not in kept and s.binds() & needed]
    return [s for s in statements if s in kept or s in late]


def _without_stubs(statements):
    """Leaves out a stub below an answer: a copy of the exercise that was left as it came."""
    kept, written = [], set()
    for s in statements:
        if s.is_stub and s.node.name in written:
            continue
        if not s.is_stub and not isinstance(s.node, IMPORTS):
            written |= s.binds()
        kept.append(s)
    return kept


def _remember_lines(cell):
    """Lets tracebacks and `inspect` find the lines of a cell that is no file."""
    linecache.cache[cell.label] = (len(cell.text), None, cell.lines(), cell.label)


class _Silent:
    """Stands for what only a notebook has, `display` and `get_ipython()`: it does nothing."""

    def __call__(self, *_, **__):
        return self

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self
