"""Swap-in: whose code stands in a submission, and in the labs below it."""

import functools
import pathlib
import re

from gpt_tf.course import cells, extract, layout


def by_student(files, lab):
    """Sorts the files of a class into students, for `--chain`.

    A student is a folder; the files in it are named by the number of their lab, such as
    `anna/04_causal_self_attention.ipynb` or `anna/lab05.py`. Other files are left alone.

    Args:
        files: dict {name: bytes}, see `grade.find`.
        lab: int, the lab to grade.

    Returns:
        (submissions, below, absent): {name of the lab's file: bytes}; {the same name: {earlier
        lab: (name, bytes)}}; and a list of the folders in which there is no file of the lab.

    Raises:
        ValueError: a folder has two files of one lab, or a file stands in no student's folder.

    Example:
        >>> by_student({"anna/04.py": b"a", "anna/05.py": b"b", "ben/04.py": b"c"}, lab=5)
        ({'anna/05.py': b'b'}, {'anna/05.py': {4: ('anna/04.py', b'a')}}, ['ben'])
    """
    students = {}
    for name in files:
        labs = students.setdefault(pathlib.PurePosixPath(name).parent, {})
        number = lab_of(name)
        if number is not None and number <= lab:
            labs.setdefault(number, []).append(name)
    double = [names for labs in students.values() for names in labs.values() if len(names) > 1]
    if double:
        raise ValueError(
            f"Which one is to be graded, {' or '.join(double[0])}? With --chain, each student's "
            "folder holds one file of a lab."
        )
    submissions, below, absent = {}, {}, []
    for folder, labs in students.items():
        if lab in labs:
            name = labs[lab][0]
            submissions[name] = files[name]
            below[name] = {n: (m, files[m]) for n, [m] in sorted(labs.items()) if n < lab}
        elif folder == pathlib.PurePosixPath():
            stray = [name for name in files if "/" not in name and name.endswith(cells.ENDINGS)]
            if stray and not labs:
                raise ValueError(
                    f"{stray[0]} stands in no student's folder. With --chain, a submission is a "
                    f"folder such as anna/, with {lab:02d}.ipynb and earlier labs in it."
                )
        # A folder with pictures inside a student's folder is no other student.
        elif not any(students.get(parent) for parent in folder.parents):
            absent.append(str(folder))
    if not submissions and not absent:
        raise ValueError(f"There is no student's folder with a file of lab {lab} in it.")
    return submissions, below, absent


def lab_of(name):
    """Returns the lab that a file's name begins with, or None: 5 for "05_x.ipynb" or "lab5.py"."""
    path = pathlib.PurePosixPath(name)
    found = re.match(r"(?:lab[ _-]?)?(\d{1,2})(?!\d)", path.stem, re.IGNORECASE)
    return int(found[1]) if found and path.suffix in cells.ENDINGS else None


def whose(written):
    """Tells the student's own answers from those that are the same as the solution's.

    Comments, layout and docstrings do not count. An exercise of one line is often written just as
    the solution has it: the same is no proof that it was copied.

    Args:
        written: dict {lab: {name: fingerprint}}, see `remote.RemoteSubmission`.

    Returns:
        (own, borrowed): lists of exercise ids. An exercise that is not written, whose solution is
        not on this machine, or that could not be compared is in neither.
    """
    own, borrowed = [], []
    for exercise in layout.exercises().values():
        mine = written.get(exercise.lab, {}).get(exercise.name)
        solution = _of_solution(exercise.lab).get(exercise.name)
        if mine and solution:
            (borrowed if mine == solution else own).append(exercise.id)
    return own, borrowed


@functools.cache
def _of_solution(lab):
    path = layout.solution_file(lab)
    return extract.from_file(path).fingerprints() if path.is_file() else {}


@functools.cache
def called_by(exercise):
    """Finds the exercises of the same lab that an exercise's solution calls.

    Args:
        exercise: str, its id.

    Returns:
        frozenset of ids; those that are called by what it calls are among them.

    Example:
        >>> sorted(called_by("lab04.scaled_dot_product_attention"))
        ['lab04.attention_weights']
    """
    here = layout.exercises()[exercise]
    needed = _needed(here.lab, {here.name})
    bound = set().union(*(statement.binds() for statement in needed)) - {here.name}
    return frozenset(e.id for e in _exercises(here.lab) if e.name in bound)


def solution_of(exercises):
    """Returns the solution of some exercises of a lab, without that of the others.

    Args:
        exercises: list of ids.

    Returns:
        str, Python text: their definitions, and the imports, constants and helpers that these need.
    """
    known = layout.exercises()
    lab, names = known[exercises[0]].lab, {known[exercise].name for exercise in exercises}
    others = {e.name for e in _exercises(lab)} - names
    return "\n\n".join(statement.text for statement in _needed(lab, names, others)) + "\n"


def _exercises(lab):
    return layout.index()[layout.lab_stem(lab)]


def _needed(lab, names, without=frozenset()):
    """Returns the solution's statements that bind these names, and what these use, and so on."""
    statements = extract.from_file(layout.solution_file(lab)).statements
    while True:
        found = [s for s in statements if s.binds() & names]
        more = names.union(*(s.uses() for s in found)) - without
        if more == names:
            return found
        names = more
