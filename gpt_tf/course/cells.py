"""Reads a lab's file into cells, and each cell into Python, as Jupyter would read it.

Files come in old and new notebook formats, as scripts, with any line ends and a few encodings.
IPython's own lines (`%`, `!`, `?`) never act; the code under `%%time` is code like any other. Which
definitions are then taken out of the cells is up to `extract`.
"""

import ast
import collections
import dataclasses
import io
import json
import pathlib
import re
import tokenize

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# Cell magics under which stands Python that runs here; others make the cell something else.
RUNS_PYTHON = {"time", "timeit", "capture", "prun"}
ENDINGS = (".ipynb", ".py")
_FIRST_BYTES = {
    b"%pdf": "a PDF",
    b"pk\x03\x04": "a zip file",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
}
_BAD_TEXT = (SyntaxError, ValueError, RecursionError, MemoryError)


class NotALab(ValueError):
    """The file is neither a notebook nor Python text; the message says what it is."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One cell.

    Args:
        label: str, what tracebacks and messages call it.
        text: str, what is in it.
        above: int, lines of the same file above it; 0 in a notebook.
        kind: str, "code", or what else a notebook calls it.
    """

    label: str
    text: str
    above: int = 0
    kind: str = "code"

    def lines(self):
        """Returns the lines that line numbers in tracebacks count."""
        return ["\n"] * self.above + self.text.splitlines(keepends=True)


def of_bytes(path, data):
    """Splits a file into cells.

    Args:
        path: path or str; its ending says what the file should be.
        data: bytes, what is in it.

    Returns:
        List of Cell.

    Raises:
        NotALab: the file is not what its ending says, or has another ending.
    """
    path = pathlib.Path(path)
    # Browsers save a notebook as .ipynb.txt or .json.
    ending = pathlib.Path(re.sub(r"(\.(txt|json))+$", "", path.name.lower())).suffix
    text = _decoded(data)
    is_notebook = text is not None and re.match(r'(?s)\s*\{.*?"(cells|worksheets)"', text)
    if ending not in ENDINGS and not is_notebook:
        raise NotALab(f"{path} ends in {path.suffix or 'nothing'}; a lab ends in .ipynb or .py.")
    start = data[:200].lstrip().lower()
    what = next((f"it is {w}" for sign, w in _FIRST_BYTES.items() if start.startswith(sign)), None)
    if text is None:
        raise NotALab(
            f"{path} is not a text file ({what or 'it is not in UTF-8'}); a lab is a Jupyter "
            "notebook (.ipynb) or Python (.py)."
        )
    if ending == ".ipynb" or is_notebook:
        return _of_notebook(path, text, what)
    if what is not None or not text.strip():
        raise NotALab(f"{path} is not Python ({what or 'it is empty'}); hand in the lab itself.")
    return of_script(path, text)


def of_script(path, text):
    """Splits Python text into cells, at the markers of the percent format if it has any."""
    cells, above = [], 0
    for block in _blocks(text):
        marker = re.match(r"# ?%%(.*)", block)
        is_text = marker and re.match(r".*\[(markdown|md|raw)\]|\s*(md|raw)\s*$", marker[1])
        cells.append(Cell(str(path), block, above, "text" if is_text else "code"))
        above += block.count("\n")
    return cells


def read(cells):
    """Parses cells as IPython does.

    A definition that "split cell" has cut in two is put together again: a cell that is no Python by
    itself, or begins indented, is tried as the end of the one above.

    Args:
        cells: list of Cell.

    Returns:
        (list of (Cell, ast.Module) of those that are Python, list of str: one sentence for each
        cell that is not, or that hides a definition where no code is run).
    """
    done, hidden = [], []
    for cell in cells:
        cell = dataclasses.replace(cell, text=_unix(cell.text))
        if cell.kind != "code":
            for name in _definitions(cell.text):
                hidden.append(f"{cell.label}: {name} is not read, this is no code cell.")
            continue
        tree, problem = _parsed(cell)
        if done and (problem or re.match(r"(\s*\n)*[ \t]", cell.text)):
            above = done[-1][0]
            same = above.label == cell.label
            joined = dataclasses.replace(
                above,
                label=above.label if same else f"{above.label} and the next",
                text=above.text + ("" if above.text.endswith("\n") else "\n") + cell.text,
            )
            if _is_python(joined.text):
                done[-1] = (joined, *_parsed(joined))
                continue
        done.append((cell, tree, problem))
    for cell, tree, _ in done:
        hidden += [
            f"{cell.label}: {name} is not read, %%{magic} makes this no Python cell."
            for magic, text in _cell_magics(tree) for name in _definitions(text)
        ]  # fmt: skip
    problems = [problem for _, _, problem in done if problem]
    return [(cell, tree) for cell, tree, problem in done if not problem], problems + hidden


def _decoded(data):
    """Returns a file's text, or None where it is none."""
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = data.decode("utf-16")
        else:
            # UTF-8, or what a line such as `# -*- coding: cp949 -*-` at the top says.
            lines = io.BytesIO(data.replace(b"\r", b"\n")).readline
            text = data.decode(tokenize.detect_encoding(lines)[0])
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return None
    return None if "\0" in text else _unix(text)


def _unix(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _of_notebook(path, text, what):
    try:
        notebook = json.loads(text)
        # Formats 2 and 3 keep their cells in worksheets and call the text "input".
        sheets = notebook.get("worksheets") or [notebook]
        cells, counts = [], collections.Counter()
        for cell in [c for sheet in sheets for c in sheet["cells"]]:
            kind = cell["cell_type"]
            counts[kind] += 1
            source = cell.get("source", cell.get("input")) or ""
            label = f"{path.name}, {kind} cell {counts[kind]}"
            cells.append(Cell(label, "".join(source), kind=kind))
        return cells
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if re.search(r"(?m)^<{7} ", text):
            what = "it holds Git's conflict marks, <<<<<<<: choose one side"
        what = what or ("no list of cells in it" if text.strip() else "it is empty")
        raise NotALab(
            f"{path} is not a Jupyter notebook ({what}); save the lab again as .ipynb and give "
            "that file."
        ) from error


def _blocks(text):
    """Cuts a script at its markers; one that has none and is no Python, at its empty lines."""
    blocks = re.split(r"(?m)^(?=# ?%%)", text)
    if len(blocks) == 1 and not _is_python(text):
        blocks = re.split(r"(?<=\n\n)(?=[^\s)\]}])", text)
    return blocks


def _is_python(text):
    try:
        ast.parse(text)
    except _BAD_TEXT:
        return False
    return True


def _parsed(cell):
    """Returns (tree, None), or (an empty tree, sentence that says what is wrong)."""
    try:
        return ast.increment_lineno(_parse(cell.text), cell.above), None
    except _BAD_TEXT as error:
        line = (getattr(error, "lineno", None) or 1) + cell.above
        said = getattr(error, "msg", None) or str(error) or "nested too deeply"
        return ast.Module([], []), f"{cell.label}, line {line}: {said}."


def _parse(text):
    try:
        tree = ast.parse(text)
    except SyntaxError:
        tree = ast.parse(_without_ipython(text))
    return _Timed().visit(tree)


def _without_ipython(text):
    """Turns IPython's own lines into calls of get_ipython(), with IPython's own means."""
    # Imported where it is needed: most cells are plain Python.
    from IPython.core.inputtransformer2 import TransformerManager

    first = re.match(r"(\s*\n)?", text).end()
    body = re.sub(r"^# ?%%.*", "", text[first:])
    try:
        changed = TransformerManager().transform_cell(body)
    except Exception:
        return text  # whatever it stumbled over, Python says what is wrong
    blank = re.match(r"(\s*\n)?", body)[0].count("\n")
    return "\n" * (text[:first].count("\n") + blank) + changed


def _magic(node):
    """Returns (method, *arguments) of get_ipython().method(arguments), or None."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    if ast.unparse(node.func.value) != "get_ipython()":
        return None
    return node.func.attr, *(a.value if isinstance(a, ast.Constant) else "" for a in node.args)


def _cell_magics(tree):
    """Yields (name, text below it) of the cell magics that are no Python."""
    for node in tree.body:
        found = _magic(getattr(node, "value", None))
        if found is not None and found[0] == "run_cell_magic" and len(found) == 4:
            yield found[1], str(found[3])


def _definitions(text):
    """Returns the names of the functions and classes in a text, if it is Python."""
    if not re.search(r"(?m)^(def|class|async def) ", text) or not _is_python(text):
        return []
    return [node.name for node in ast.parse(text).body if isinstance(node, DEFINITIONS)]


class _Timed(ast.NodeTransformer):
    """Puts what %time, %%time and the like run in their place."""

    def visit_Expr(self, node):
        match _magic(node.value):
            case ("run_cell_magic", magic, _, str(text)) if magic in RUNS_PYTHON:
                return self._statements(text, node.lineno)
            case ("run_line_magic", "time", str(text)) if _is_python(text):
                return self._statements(text, node.lineno - 1)
        return self.generic_visit(node)

    def visit_Call(self, node):
        match _magic(node):
            case ("run_line_magic", "time", str(text)) if _is_python(f"({text})"):
                expression = ast.parse(f"({text})").body[0].value
                return ast.increment_lineno(expression, node.lineno - 1)
        return self.generic_visit(node)

    def _statements(self, text, above):
        try:
            return ast.increment_lineno(_parse(text + "\npass"), above).body
        except SyntaxError as error:
            error.lineno = (error.lineno or 1) + above
            raise
