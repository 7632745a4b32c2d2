"""Writes a student repository: chosen labs and solutions, and nothing that gives the others away.

Left out are wrong and right answers, all that serves grading, and the NumPy reference, which is
nearly the solution: in its place are the values that it gives the tests with the public seed.
"""

import dataclasses
import json
import pathlib
import re
import string
import tempfile

from tqdm import tqdm

from gpt_tf.course import layout, recording, runner, submission

AS_THEY_ARE = ("LICENSE", ".gitignore", "requirements.txt", "constraints.txt")
# Of gpt_tf/course/, what `start`, `check` and pytest need.
FOR_STUDENTS = (
    "__init__", "cells", "extract", "layout", "plugin", "recording", "runner", "session",
    "submission", "testing", "wire",
)  # fmt: skip
WHOLE_JOB = """
`GPT_TF_PARTS=mine make course` runs the whole job on your code: pre-training, four tasks, few-shot.
"""
REFERENCE = '''\
"""What the tests compare with: values for the public seed, not the code that computes them."""

from gpt_tf.course.recording import reference_module as __getattr__  # noqa: F401
'''


def release(labs, solutions, out, address=None):
    """Writes a student repository.

    Args:
        labs: str, the labs to release, such as "1-6", "1-3,5" or "all".
        solutions: str, whose solutions to release, such as "1-3" or "none".
        out: str or path of a folder that is not there yet, or empty.
        address: str or None, where students will find the repository, since notebooks fetch it
            from there in Colab. None: the course's own address, with the folder's name at its end.

    Returns:
        str, the address.

    Raises:
        ValueError: no such lab, a solution without its lab, or an address that is not GitHub's.
        FileExistsError: there is something in `out`.
        RuntimeError: a solution does not pass its tests.
    """
    out = pathlib.Path(out).resolve()
    known = [int(stem[:2]) for stem in layout.index()]
    labs, solutions = numbers(labs, known), numbers(solutions, known)
    if not labs:
        raise ValueError("A release needs a lab at least; name some, such as --labs 1-6.")
    alone = sorted(set(solutions) - set(labs))
    if alone:
        raise ValueError(
            f"The solution of lab {alone[0]} is to be released, and lab {alone[0]} is not."
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is there already; nothing is overwritten, name a new folder.")
    address = address or f"{layout.address().rsplit('/', 1)[0]}/{out.name}"
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise ValueError(f"{address} is not like https://github.com/OWNER/NAME; give --address.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
        whole = pathlib.Path(folder) / "release"
        for name, data in files(labs, solutions, address).items():
            path = whole / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if out.exists():
            out.rmdir()
        whole.rename(out)
    return address


def numbers(text, known):
    """Reads a choice of labs.

    Args:
        text: str, numbers and ranges with commas, "all" or "none".
        known: list of int, the labs there are.

    Returns:
        Sorted list of int. A range stands for the labs that there are between its ends.

    Raises:
        ValueError: it is no such text, or names a lab that there is not.

    Example:
        >>> numbers("1-3,9", [1, 2, 3, 4, 9])
        [1, 2, 3, 9]
    """
    if text in ("all", "none"):
        return list(known) if text == "all" else []
    found = set()
    for piece in text.split(","):
        ends = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", piece)
        if ends is None:
            raise ValueError(f'{text!r} names no labs; write "1-6", "1-3,5", "all" or "none".')
        first, last = int(ends[1]), int(ends[2] or ends[1])
        for lab in (first, last):
            if lab not in known:
                there = ", ".join(map(str, known))
                raise ValueError(f"There is no lab {lab}; the labs are {there}.")
        if last < first:
            raise ValueError(f"{piece.strip()} is no range; write {last}-{first}.")
        found.update(lab for lab in known if first <= lab <= last)
    return sorted(found)


def files(labs, solutions, address):
    """Makes all files of a release.

    Args:
        labs, solutions: lists of int.
        address: str.

    Returns:
        dict {path below the release: bytes}.
    """
    everything = len(labs) == len(layout.index())
    paths = [layout.ROOT / name for name in AS_THEY_ARE] + handed_out(everything)
    paths.append(layout.TESTS / "hints/common.toml")
    texts = {}
    for lab in labs:
        paths += [layout.TESTS / f"test_lab{lab:02d}.py", layout.TESTS / f"hints/lab{lab:02d}.toml"]
        texts |= _texts(layout.notebook_file(lab))
    for lab in solutions:
        source = layout.solution_file(lab)
        texts |= _texts(source, source.with_suffix(".ipynb"))
    texts |= {
        "README.md": readme(labs, solutions, everything),
        "Makefile": makefile(["notebook", *["course"] * everything]),
        "pyproject.toml": without_ruff((layout.ROOT / "pyproject.toml").read_text("utf-8")),
        "tests/reference/__init__.py": REFERENCE,
        layout.INDEX.relative_to(layout.ROOT).as_posix(): index_text(labs),
    }
    old, new = (a.removeprefix("https://github.com/") for a in (layout.address(), address))
    found = {path.relative_to(layout.ROOT).as_posix(): path.read_bytes() for path in paths}
    found |= {name: text.replace(old, new).encode() for name, text in texts.items()}
    for lab in tqdm(labs, desc="expected values", unit="lab"):
        found[f"tests/reference/lab{lab:02d}.bin"] = expected_values(lab)
    return found


def _texts(*paths):
    return {p.relative_to(layout.ROOT).as_posix(): p.read_text(encoding="utf-8") for p in paths}


def handed_out(everything):
    """Returns the paths of what all students are handed: the package's files and the data's.

    The job as a whole (`python -m gpt_tf`) needs all labs, so it is left out without `everything`.
    """
    package, course = layout.ROOT / "gpt_tf", layout.INDEX.parent
    found = [p for p in sorted(package.rglob("*.py")) if course not in p.parents]
    if not everything:
        found.remove(package / "__main__.py")
    found += [course / f"{name}.py" for name in FOR_STUDENTS]
    data = [*(layout.ROOT / "datasets").iterdir(), *layout.PRESETS.rglob("*")]
    return found + sorted(p for p in data if p.is_file())


def expected_values(lab):
    """Records what the reference answers to a lab's tests, with the public seed, on the solution.

    Args:
        lab: int.

    Returns:
        bytes, see `recording.Recorder.to_bytes`.

    Raises:
        RuntimeError: the solution does not pass.
    """
    recorder, solution = recording.Recorder(), submission.of_solution(lab)
    with recorder.listening(runner.test_module(lab)):
        for exercise in layout.index()[layout.lab_stem(lab)]:
            result = runner.run(exercise.id, solution)
            if result.status != "passed":
                raise RuntimeError(f"The solution does not pass: {result.report()}")
    return recorder.to_bytes()


def index_text(labs):
    """Returns the index of the exercises of these labs, as JSON text."""
    kept = {
        stem: [dataclasses.asdict(e) for e in exercises]
        for stem, exercises in layout.index().items()
        if int(stem[:2]) in labs
    }
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"


def makefile(targets):
    """Returns the Makefile with these targets and what they need, and no others."""
    text = (layout.ROOT / "Makefile").read_text(encoding="utf-8")
    kept = []
    for block in text.rstrip("\n").split("\n\n"):
        first = block.partition("\n")[0]
        rule = re.match(r"(\S+):", first)
        if first.startswith("#"):
            lines = block.splitlines()
            named = {line: re.match(r"#   make (\S+)", line) for line in lines}
            block = "\n".join(n for n in lines if not named[n] or named[n][1] in targets)
        elif first.startswith(".PHONY"):
            block = ".PHONY: " + " ".join(targets)
        elif rule and rule[1] not in (*targets, "$(VENV)/ready"):
            continue
        kept.append(block)
    return "\n\n".join(kept) + "\n"


def without_ruff(text):
    """Returns the text of pyproject.toml without the tables for the course's authors."""
    return re.sub(r"(?ms)^\[tool\.ruff.*?(?=^\[(?!tool\.ruff)|\Z)", "", text)


def readme(labs, solutions, everything):
    """Returns what students read first."""
    course = (layout.ROOT / "README.md").read_text(encoding="utf-8")
    table = re.search(r"(?s)<!-- labs -->\n(.*)<!-- /labs -->", course)[1].splitlines()
    rows = [row for row in table if not re.match(r"\| \[\d", row) or int(row[3:5]) in labs]
    template = pathlib.Path(__file__).with_name("student_readme.md").read_text(encoding="utf-8")
    return string.Template(template).substitute(
        table="\n".join(rows),
        first=f"{labs[0]:02d}",
        solved=", ".join(map(str, solutions)) or "none",
        whole_job=WHOLE_JOB if everything else "",
        seed=runner.PUBLIC_SEED,
    )
