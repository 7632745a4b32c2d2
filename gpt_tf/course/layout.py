"""Where things are: the folders of the course, its labs, and the index of its exercises."""

import dataclasses
import functools
import json
import os
import pathlib
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOLUTIONS = ROOT / "solutions"
LABS = ROOT / "labs"
TESTS = ROOT / "tests"
PRESETS = ROOT / "presets"
INDEX = pathlib.Path(__file__).with_name("exercises.json")


@dataclasses.dataclass(frozen=True)
class Exercise:
    """One exercise: `id` is the lab and the name of the definition that students write.

    Args:
        id: str, such as "lab04.causal_mask".
        title: str, heading under which it stands.
        points: int, what a right answer earns.
        minutes: int, time a student should need.
        difficulty: int, 1 to 3.
    """

    id: str
    title: str
    points: int
    minutes: int
    difficulty: int

    @property
    def lab(self):
        return int(self.id[3:5])

    @property
    def name(self):
        return self.id.split(".", 1)[1]


@functools.cache
def index():
    """Returns {lab stem: [Exercise, ...]}, as the last build of the labs found it."""
    labs = json.loads(INDEX.read_text(encoding="utf-8"))
    return {stem: [Exercise(**e) for e in exercises] for stem, exercises in labs.items()}


def exercises():
    """Returns {exercise id: Exercise} of all labs."""
    return {e.id: e for lab in index().values() for e in lab}


def lab_number(text):
    """Returns the number in a lab's name: 4 of "lab04", "04" or "4".

    Raises:
        ValueError: there is none.
    """
    number = text.removeprefix("lab")
    if not number.isdecimal():
        raise ValueError(f"{text} is no lab; write lab04, for one.")
    return int(number)


def lab_stem(lab):
    """Returns a lab's file name without its ending.

    Args:
        lab: int, the lab's number.

    Raises:
        ValueError: there is no such lab; the message lists those that exist.

    Example:
        >>> lab_stem(4)
        '04_causal_self_attention'
    """
    for stem in index():
        if int(stem[:2]) == lab:
            return stem
    numbers = ", ".join(str(int(stem[:2])) for stem in index())
    raise ValueError(f"There is no lab {lab}; the labs are {numbers}.")


def solution_file(lab):
    """Returns the path that a lab's solution has, whether the file is there or not."""
    return SOLUTIONS / f"{lab_stem(lab)}.py"


def notebook_file(lab):
    """Returns the path of a lab's student notebook."""
    return LABS / f"{lab_stem(lab)}.ipynb"


def my_work():
    """Returns the folder of the student's green answers: `my_work`, or $GPT_TF_MY_WORK."""
    return pathlib.Path(os.environ.get("GPT_TF_MY_WORK", ROOT / "my_work"))


def address():
    """Returns the repository's public address, from pyproject.toml, its only home."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def write(path, text):
    """Writes a text file whole or not at all: to a temporary name first, then renamed.

    Half of a character, which student code can put into a message, is written as its number: in
    JSON it is read back as what it was.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    os.replace(part, path)
