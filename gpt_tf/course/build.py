"""One source a lab: turns solutions/NN_name.py into the student notebook and the executed one."""

import ast
import copy
import hashlib
import json
import os
import re
import time

import jupytext
import nbclient
import nbformat
from nbgrader.preprocessors import ClearSolutions
from tqdm import tqdm

from gpt_tf.course import extract, layout

STARS = {1: "★☆☆", 2: "★★☆", 3: "★★★"}
WIDGET = "application/vnd.jupyter.widget-view+json"
FIRST_CELL = """\
# Run this cell first. In Colab it fetches the course; elsewhere it finds it.
import pathlib
import subprocess
import sys

folders = [pathlib.Path.cwd(), *pathlib.Path.cwd().parents, pathlib.Path("{folder}").resolve()]
if not any((f / "gpt_tf").is_dir() for f in folders):
    subprocess.run(["git", "clone", "--depth", "1", "{address}", "{folder}"], check=True)
sys.path.insert(0, str(next(f for f in folders if (f / "gpt_tf").is_dir())))

from gpt_tf.course import check, short, start

start(lab={lab}, parts="{parts}")"""


class BadSource(ValueError):
    """A lab's source breaks a rule; the message names the file, the place and the rule."""


def sources():
    """Returns the paths of all labs' sources, in order."""
    return sorted(layout.SOLUTIONS.glob("[0-9][0-9]_*.py"))


def build(paths, execute=True, language="en"):
    """Writes student notebooks, solution notebooks, the index and README's table.

    Args:
        paths: list of paths of sources to build.
        execute: bool, run the solution notebooks and keep their outputs. Without, those of the
            last run are kept.
        language: str, whose cells to take where a text exists in several.

    Raises:
        BadSource: see there.
        RuntimeError: a cell failed; the message has the cell and its error.
    """
    layout.write(layout.INDEX, index_text(paths))
    layout.index.cache_clear()
    for path in tqdm(paths, desc="labs", unit="lab"):
        student, solution = notebooks(path, language)
        layout.write(layout.LABS / f"{path.stem}.ipynb", dumps(student))
        executed = path.with_suffix(".ipynb")
        if execute:
            seconds = run(solution, path.stem)
            tqdm.write(f"solutions/{executed.name} ran from top to bottom in {seconds:.0f} s")
        elif executed.is_file():
            keep_outputs(solution, nbformat.read(executed, 4))
        layout.write(executed, dumps(solution))
    layout.write(layout.ROOT / "README.md", readme())


def differences(language="en"):
    """Returns one sentence for each thing that a build would change, or that breaks a rule."""
    found = []
    if not layout.INDEX.is_file() or layout.INDEX.read_text(encoding="utf-8") != index_text():
        found.append("The index of exercises is not what the build makes.")
    for path in sources():
        student, solution = notebooks(path, language)
        lab = layout.LABS / f"{path.stem}.ipynb"
        if not lab.is_file() or lab.read_text(encoding="utf-8") != dumps(student):
            found.append(f"labs/{lab.name} is not what the build makes.")
        found += leaks(path, student)
        executed = path.with_suffix(".ipynb")
        if not executed.is_file():
            found.append(f"solutions/{executed.name} is missing.")
            continue
        old = nbformat.read(executed, 4)
        keep_outputs(solution, old)
        if dumps(solution) != executed.read_text(encoding="utf-8"):
            found.append(f"solutions/{executed.name} is older than its source.")
        if any(c.cell_type == "code" and c.execution_count is None for c in old.cells):
            found.append(f"solutions/{executed.name} has cells that were not run.")
    known = {p.stem for p in sources()}
    for orphan in sorted(layout.LABS.glob("*.ipynb")):
        if orphan.stem not in known:
            found.append(f"labs/{orphan.name} has no source in solutions/.")
    if (layout.ROOT / "README.md").read_text(encoding="utf-8") != readme():
        found.append("README's table of labs is not what the build makes.")
    return found


def notebooks(path, language="en"):
    """Makes a lab's two notebooks from its source, without running anything.

    Args:
        path: path of solutions/NN_name.py.
        language: str, "en" or another that some cells are tagged with.

    Returns:
        (student notebook, solution notebook).

    Raises:
        BadSource: an exercise lacks something, or stands where it should not.
    """
    lab = int(path.stem[:2])
    cells = in_language(jupytext.read(path, fmt="py:percent").cells, language)
    exercises = read_exercises(path, cells)
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    made = []
    for cell in cells:
        if "exercise" in cell.metadata:
            made[-1].source += "\n\n" + badge(exercises[cell.metadata["exercise"]])
        made.append(make[cell.cell_type](cell.source))
    solution = nbformat.v4.new_notebook(cells=made)
    solution.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    student = copy.deepcopy(solution)
    student, _ = clear_solutions().preprocess(student, {})
    for notebook, folder, parts in (
        (student, "labs", "mine"),
        (solution, "solutions", "solutions"),
    ):
        address = layout.address()
        notebook.cells[0].source += "\n\n" + colab_badge(f"{folder}/{path.stem}.ipynb")
        first = FIRST_CELL.format(
            lab=lab, parts=parts, address=address, folder=address.rsplit("/", 1)[-1]
        )
        notebook.cells.insert(1, nbformat.v4.new_code_cell(first))
        name_cells(notebook, lab)
    return student, solution


def in_language(cells, language):
    """Keeps the untagged cells, and of neighbouring tagged ones those of `language`.

    Where a text has no cell in that language, the English one stays.
    """
    kept, group = [], []
    for cell in [*cells, None]:
        tag = cell.metadata.get("lang") if cell is not None else None
        # A group is one text in several languages: each language at most once.
        if tag is None or tag in {c.metadata["lang"] for c in group}:
            kept += [c for c in group if c.metadata["lang"] == language] or [
                c for c in group if c.metadata["lang"] == "en"
            ]
            group = []
        if tag is not None:
            group.append(cell)
        elif cell is not None:
            kept.append(cell)
    return kept


def read_exercises(path, cells):
    """Returns {exercise id: layout.Exercise} of a lab's cells, in order.

    Raises:
        BadSource: an exercise has no docstring, title, points, minutes, difficulty, solution,
            `check` cell below it, or tests; or its id does not name its definition.
    """
    lab, found = f"lab{path.stem[:2]}", {}
    tests = layout.TESTS / f"test_{lab}.py"
    tested = tests.read_text(encoding="utf-8") if tests.is_file() else ""
    if not cells or not re.match(r"# Lab \d\d · \S", cells[0].source):
        raise BadSource(f'{path.name}: the first cell must begin with "# Lab {lab[3:]} · title".')
    for i, cell in enumerate(cells):
        name = cell.metadata.get("exercise")
        if name is None:
            if "### BEGIN SOLUTION" in cell.source:
                raise BadSource(f"{path.name}: a solution in a cell without exercise=...")
            continue

        def need(condition, rule, name=name):
            if not condition:
                raise BadSource(f"{path.name}: {name} {rule}.")

        need(name.startswith(lab + "."), f"must begin with {lab}.")
        need(name not in found, "stands twice")
        definition = name.split(".", 1)[1]
        need(has_docstring(cell.source, definition), f"must define {definition}, with a docstring")
        need(
            "### BEGIN SOLUTION" in cell.source and "### END SOLUTION" in cell.source,
            "has no ### BEGIN SOLUTION ... ### END SOLUTION",
        )
        for key in ("points", "minutes", "difficulty"):
            need(isinstance(cell.metadata.get(key), int), f"has no {key}=<number>")
        need(cell.metadata["difficulty"] in STARS, "has a difficulty other than 1, 2 or 3")
        need(i and cells[i - 1].cell_type == "markdown", "has no text above it that says why")
        headings = [
            m for c in cells[:i] if c.cell_type == "markdown"
            for m in re.findall(r"(?m)^## (.+)$", c.source)
        ]  # fmt: skip
        need(headings, "stands under no ## heading")
        following = cells[i + 1].source if i + 1 < len(cells) else ""
        need(f'check("{name}")' in following, f'is not followed by a cell check("{name}")')
        need(f'@exercise("{name}")' in tested, f"has no tests in tests/{tests.name}")
        found[name] = layout.Exercise(
            name, headings[-1], *(cell.metadata[k] for k in ("points", "minutes", "difficulty"))
        )
    return found


def has_docstring(text, name):
    """Returns whether Python text defines `name` at its top level, with a docstring."""
    return any(
        isinstance(node, extract.DEFINITIONS) and node.name == name and ast.get_docstring(node)
        for node in ast.parse(text).body
    )


def badge(exercise):
    """Returns the line above an exercise: difficulty, minutes, points."""
    points = f"{exercise.points} point{'s' if exercise.points > 1 else ''}"
    return f"`{STARS[exercise.difficulty]}` · {exercise.minutes} minutes · {points}"


def colab_badge(path):
    """Returns the Markdown of a badge that opens a notebook of the repository in Colab."""
    where = layout.address().removeprefix("https://github.com/")
    image = "https://colab.research.google.com/assets/colab-badge.svg"
    link = f"https://colab.research.google.com/github/{where}/blob/main/{path}"
    return f"[![Open In Colab]({image})]({link})"


def clear_solutions():
    """Returns nbgrader's preprocessor that replaces solutions, with this course's stub."""
    clear = ClearSolutions()
    clear.code_stub = {"python": "raise NotImplementedError"}
    clear.enforce_metadata = False
    return clear


def name_cells(notebook, lab):
    """Gives cells ids that depend on nothing but their text, so that builds are repeatable."""
    seen = set()
    for cell in notebook.cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        name, n = f"lab{lab:02d}-{digest}", 1
        while name in seen:
            n += 1
            name = f"lab{lab:02d}-{digest}-{n}"
        seen.add(name)
        cell.id = name
        cell.metadata = {}


def leaks(path, student):
    """Returns a sentence for each solution line that shows in a student notebook."""
    shown = {line.strip() for c in student.cells for line in c.source.splitlines()}
    found, inside = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.strip()
        if line == "### BEGIN SOLUTION":
            inside = True
        elif line == "### END SOLUTION":
            inside = False
        # Short lines such as `return x` or `else:` give nothing away.
        elif inside and len(line) > 30 and not line.startswith("super()") and line in shown:
            found.append(f"labs/{path.stem}.ipynb shows a solution line: {line}")
    return found


def run(notebook, name):
    """Runs a solution notebook in place, from the folder of the solutions.

    Returns:
        float, how long it took in seconds.

    Raises:
        RuntimeError: a cell failed; the message has the cell and its error.
    """
    bar = tqdm(total=len(notebook.cells), desc=name, unit="cell", leave=False)
    begin = time.monotonic()
    metadata = copy.deepcopy(notebook.metadata)
    client = nbclient.NotebookClient(
        notebook,
        timeout=1200,
        kernel_name="python3",
        resources={"metadata": {"path": str(layout.SOLUTIONS)}},
        on_cell_executed=lambda **_: bar.update(),
    )
    # Where MPLBACKEND names a backend for scripts, as CI does, the plots would be missing.
    plots = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    try:
        client.execute(env=os.environ | plots)
    except nbclient.exceptions.CellExecutionError as error:
        raise RuntimeError(f"solutions/{name}.ipynb: {error}") from error
    finally:
        bar.close()
    # The kernel adds its version and its widgets' state, which differ from machine to machine.
    notebook.metadata = metadata
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = tidy(cell.outputs)
    return time.monotonic() - begin


def tidy(outputs):
    """Leaves what a reader wants of a cell's outputs: no progress bars, streams in one piece."""
    kept = []
    for output in outputs:
        if WIDGET in output.get("data", {}):
            continue
        if output.output_type == "stream":
            if output.name == "stderr":
                continue
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
                continue
        kept.append(output)
    return kept


def keep_outputs(new, old):
    """Copies the outputs of cells whose id, and so whose text, is the same."""
    by_id = {c.id: c for c in old.cells if c.cell_type == "code"}
    for cell in new.cells:
        if cell.cell_type == "code" and cell.id in by_id:
            cell.outputs = by_id[cell.id].outputs
            cell.execution_count = by_id[cell.id].execution_count


def index_text(paths=()):
    """Returns the index of all exercises as JSON text, which `parts` and `check` read.

    Args:
        paths: the sources to read anew; the others' entries stay as they are. All if empty.
    """
    old = layout.index() if paths and layout.INDEX.is_file() else {}
    labs, homes = {}, {}
    for path in sources():
        if path not in (paths or sources()):
            if path.stem in old:
                labs[path.stem] = old[path.stem]
            continue
        cells = jupytext.read(path, fmt="py:percent").cells
        labs[path.stem] = list(read_exercises(path, in_language(cells, "en")).values())
    for stem, exercises in labs.items():
        for e in exercises:
            if e.name in homes:
                raise BadSource(f"{e.name} is a part of {homes[e.name]} and of {stem}.")
            homes[e.name] = stem
    entries = {stem: [vars(e) for e in exercises] for stem, exercises in labs.items()}
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"


def readme():
    """Returns README with its table of labs made anew between the two markers."""
    text = (layout.ROOT / "README.md").read_text(encoding="utf-8")
    rows = ["| lab | you build | exercises | minutes | |", "|---|---|---|---|---|"]
    for stem, exercises in layout.index().items():
        title = (layout.SOLUTIONS / f"{stem}.py").read_text(encoding="utf-8")
        title = re.search(r"# Lab \d\d · (.+)", title)[1]
        minutes = sum(e.minutes for e in exercises)
        rows.append(
            f"| [{stem[:2]}](labs/{stem}.ipynb) | {title} | {len(exercises)} | {minutes} "
            f"| {colab_badge(f'labs/{stem}.ipynb')} |"
        )
    pattern = r"(?s)(<!-- labs -->\n).*?(<!-- /labs -->)"
    return re.sub(pattern, lambda m: m[1] + "\n".join(rows) + "\n" + m[2], text)


def dumps(notebook):
    """Returns a notebook as text, the same bytes each time."""
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"
