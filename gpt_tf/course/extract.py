"""Takes the definitions out of a lab's text: the same for solutions, notebooks and live sessions.

Only imports, constants and definitions are kept. Training cells, plots and `check` calls are not
run, so a lab can be loaded like a module in a moment. A notebook's metadata is never looked at.
"""

import ast
import builtins
import copy
import dataclasses
import hashlib
import itertools
import json
import linecache
import pathlib
import re
import symtable
import sys
import types

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
# A constant may compute, but not act.
ACTING = {"open", "exec", "eval", "compile", "input", "print", "exit", "quit", "__import__"}
_numbers = itertools.count()


class NotALab(ValueError):
    """The file is neither a notebook nor Python text; the message says what it is."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One cell of code: its text, and the name that tracebacks show for it."""

    label: str
    text: str


@dataclasses.dataclass(frozen=True)
class Statement:
    """One kept statement: its node, its own text, and the cell it stands in."""

    node: ast.stmt
    text: str
    cell: Cell

    def binds(self):
        """Returns the names that the statement defines."""
        if isinstance(self.node, DEFINITIONS):
            return {self.node.name}
        if isinstance(self.node, IMPORTS):
            return {(a.asname or a.name).split(".")[0] for a in self.node.names}
        targets = getattr(self.node, "targets", None) or [self.node.target]
        return {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}

    def uses(self):
        """Returns the names that the statement takes from around it."""
        found, tables = set(), [symtable.symtable(self.text, self.cell.label, "exec")]
        while tables:
            table = tables.pop()
            tables += table.get_children()
            outer = table.get_type() == "module"
            found |= {
                s.get_name()
                for s in table.get_symbols()
                if s.is_referenced() and (outer or s.is_global())
            }
        return found

    @property
    def is_definition(self):
        """Whether it is an import, a def, a class or a name given to a lambda."""
        lambdas = isinstance(getattr(self.node, "value", None), ast.Lambda)
        return isinstance(self.node, DEFINITIONS + IMPORTS) or lambdas

    @property
    def is_open(self):
        """Whether something in it is still to be written: it raises NotImplementedError."""
        raised = [n.exc for n in ast.walk(self.node) if isinstance(n, ast.Raise)]
        names = [getattr(e, "func", e) for e in raised]
        return any(getattr(n, "id", None) == "NotImplementedError" for n in names)

    @property
    def is_ours(self):
        """Whether it imports from this package, whose calls may load data or train."""
        modules = [getattr(self.node, "module", "") or ""]
        modules += [a.name for a in getattr(self.node, "names", [])]
        return isinstance(self.node, IMPORTS) and any(m.startswith("gpt_tf") for m in modules)


@dataclasses.dataclass(frozen=True)
class Source:
    """The definitions of one lab, in the order of its text.

    Args:
        name: str, shown in messages.
        statements: tuple of Statement.
        problems: tuple of str, one sentence for each cell that does not parse.
    """

    name: str
    statements: tuple[Statement, ...]
    problems: tuple[str, ...] = ()

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
        sys.modules[module.__name__] = module
        for number, statement in enumerate(self.statements):
            if number in (skipped or {}):
                error = RuntimeError(f"this definition {skipped[number]}")
                module.failures.update(dict.fromkeys(statement.binds(), error))
                continue
            before(number)
            _remember_lines(statement.cell)
            tree = ast.Module([statement.node], type_ignores=[])
            try:
                exec(compile(tree, statement.cell.label, "exec"), module.__dict__)
            except Exception as error:
                module.failures.update(dict.fromkeys(statement.binds(), error))
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
    path = pathlib.Path(path)
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise NotALab(
            f"{path} is not a text file; a lab is a Jupyter notebook (.ipynb) or Python (.py)."
        ) from error
    if path.suffix == ".ipynb":
        return from_cells(path.name, _notebook_cells(path, text))
    if path.suffix == ".py":
        return from_text(path, text)
    raise NotALab(f"{path} ends in {path.suffix or 'nothing'}; a lab ends in .ipynb or .py.")


def from_text(path, text):
    """Reads Python text, percent format or not; `path` is what tracebacks show."""
    return from_cells(pathlib.Path(path).name, _python_cells(path, text))


def from_cells(name, cells):
    """Keeps the imports, constants and definitions of a list of cells.

    Args:
        name: str, shown in messages.
        cells: list of Cell.

    Returns:
        Source.
    """
    kept, problems = [], []
    for cell in cells:
        cell = dataclasses.replace(cell, text=_without_magics(cell.text))
        try:
            tree = ast.parse(cell.text, cell.label)
        except SyntaxError as error:
            problems.append(f"{cell.label}, line {error.lineno}: {error.msg}.")
            continue
        kept += [Statement(n, _own_text(cell.text, n), cell) for n in tree.body if _is_kept(n)]
    return Source(name, tuple(_drop_unneeded(kept)), tuple(problems))


def _notebook_cells(path, text):
    try:
        notebook = json.loads(text)
        # Format 3 keeps its cells in worksheets and calls the text "input".
        sheets = notebook.get("worksheets") or [notebook]
        cells = [c for sheet in sheets for c in sheet["cells"]]
        code = [c.get("source", c.get("input", "")) for c in cells if c["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotALab(
            f"{path} is not a Jupyter notebook (no list of cells in it); save the lab again as "
            ".ipynb and give that file."
        ) from error
    return [Cell(f"{path.name}, code cell {i}", "".join(c)) for i, c in enumerate(code, 1)]


def _python_cells(path, text):
    """Splits percent format at its markers; line numbers stay those of the file."""
    cells, line = [], 0
    for block in re.split(r"(?m)^(?=# %%)", text):
        if not block.startswith("# %% [markdown]"):
            cells.append(Cell(str(path), "\n" * line + block))
        line += block.count("\n")
    return cells


def _without_magics(text):
    """Blanks IPython's % and ! lines; a cell magic (%%) makes the cell something else."""
    if text.lstrip().startswith("%%"):
        return ""
    return re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", text)


def _own_text(text, node):
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def _digest(node):
    try:
        node = copy.deepcopy(node)
        for inner in ast.walk(node):
            if isinstance(inner, DEFINITIONS) and ast.get_docstring(inner, clean=False) is not None:
                inner.body = inner.body[1:]
        return hashlib.sha256(ast.dump(node).encode("utf-8", "backslashreplace")).hexdigest()
    except RecursionError:
        return ""


def _is_kept(node):
    if isinstance(node, DEFINITIONS + IMPORTS):
        return True
    if isinstance(node, ast.AnnAssign):
        return node.value is not None and isinstance(node.target, ast.Name)
    return isinstance(node, ast.Assign)


def _drop_unneeded(statements):
    """Leaves out assignments that no definition needs, or that would run more than a constant."""
    harmless = set(dir(builtins)) - ACTING
    candidates = []
    for s in statements:
        acts = any(isinstance(n, ast.Call) for n in ast.walk(s.node))
        if s.is_definition or not acts or s.uses() <= harmless:
            candidates.append(s)
            if isinstance(s.node, IMPORTS) and not s.is_ours or not s.is_definition:
                harmless |= s.binds()
    needed, kept = set(), []
    for s in reversed(candidates):
        if s.is_definition or s.binds() & needed:
            kept.append(s)
            needed |= s.uses()
    # A definition may need a constant that stands below it.
    late = [s for s in candidates if s not in kept and s.binds() & needed]
    return [s for s in candidates if s in kept or s in late]


def _remember_lines(cell):
    """Lets tracebacks and `inspect` find the lines of a cell that is no file."""
    lines = cell.text.splitlines(keepends=True)
    linecache.cache[cell.label] = (len(cell.text), None, lines, cell.label)
