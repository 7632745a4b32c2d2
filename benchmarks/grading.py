"""How long it takes to grade a class, beside a fresh kernel for each submission, in one run.

    python benchmarks/grading.py                                 # 100 submissions, 25 kernels
    python benchmarks/grading.py --submissions 20 --kernels 4    # fewer
    python benchmarks/grading.py --kernels 0                     # without the kernels

The class hands in lab 04: the solutions, right and wrong answers of `tests/alternatives` and
`tests/mutants`, notebooks mangled in ways that happen, and attacks. `python -m gpt_tf.course grade`
grades them in one command with two jobs; each result is compared with what is expected, and one
that differs ends the benchmark with 1. The first submission of each job waits for TensorFlow's
import, so the seconds a submission are counted from the moment when the first ones are done.

Then every so many of the same submissions, attacks aside (nothing would hold them), are graded by
running the notebook in a kernel of its own through nbclient: the first cell, the student's
definitions and the `check` of each exercise, two at a time as well. The lab's training cells are
left out, which a grader that runs notebooks from top to bottom would have to wait for.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import csv
import dataclasses
import functools
import json
import multiprocessing
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import nbclient
import nbformat
from tqdm.auto import tqdm

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "gpt_tf")]

import test_forgery  # noqa: E402

from gpt_tf.course import build, extract, layout, proof, swap  # noqa: E402

LAB = 4
JOBS = 2
EXERCISES = [exercise.id for exercise in layout.index()[layout.lab_stem(LAB)]]
START = f"from gpt_tf.course.session import check, start\nstart(lab={LAB}, parts='solutions')"
FAILED = {"wrong", "crashed"}


SHARES = {"right": 25, "wrong": 35, "mangled": 20, "attack": 20}  # of 100


@dataclasses.dataclass(frozen=True)
class Handed:
    """What one student hands in, and what the grader must make of it.

    Args:
        name: str, the file's name.
        data: bytes, what is in it.
        expected: dict {exercise: set of the statuses that are right}.
    """

    name: str
    data: bytes
    expected: dict

    @property
    def kind(self):
        return self.name.split("_")[0]


def a_class(count, seed, folder, victim):
    """Draws a class of submissions: right and wrong answers, mangled notebooks, attacks.

    Args:
        count: int, how many.
        seed: int, decides which.
        folder: path of a folder, victim: int, pid of a process: what attacks may try to harm.

    Returns:
        List of Handed.
    """
    rng = random.Random(seed)
    attacked = functools.partial(attack, folder=folder, victim=victim)
    makers = {"right": right, "wrong": wrong, "mangled": mangled, "attack": attacked}
    kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
    rng.shuffle(kinds)
    chosen = [kinds[i % len(kinds)] for i in range(count)]
    return [makers[kind](f"{kind}_{number:03d}", rng) for number, kind in enumerate(chosen)]


def right(name, rng):
    """The lab's notebook with the solutions, or with one known alternative."""
    answer = rng.choice([None, *proof.right_answers(LAB)])
    text = None if answer is None else answer.source.text()
    return Handed(f"{name}.ipynb", as_bytes(notebook(text)), dict.fromkeys(EXERCISES, {"passed"}))


def wrong(name, rng):
    """The lab's notebook with the solutions, and one known-wrong answer in a cell below."""
    answer = rng.choice(proof.wrong_answers(LAB))
    expected = dict.fromkeys(EXERCISES, {"passed"}) | {answer.exercise: FAILED}
    return Handed(f"{name}.ipynb", as_bytes(notebook(answer.source.text())), expected)


def mangled(name, rng):
    """The lab's notebook with the solutions, in a state that happens."""
    made = notebook()
    way = rng.choice(["metadata", "twice", "lines", "broken", "magics", "old", "outputs"])
    if way == "metadata":
        made = {"cells": [{k: c[k] for k in ("cell_type", "source")} for c in made.cells]}
    elif way == "twice":
        made.cells += made.cells
    elif way == "broken":
        made.cells.insert(3, nbformat.v4.new_code_cell("for step in range(10)\n    print(step"))
    elif way == "magics":
        made.cells.insert(1, nbformat.v4.new_code_cell("!pip list\n%matplotlib inline\nkeras?"))
    elif way == "old":
        made = nbformat.v3.convert.upgrade(nbformat.convert(made, 3))
    elif way == "outputs":
        code = [cell for cell in made.cells if cell.cell_type == "code"]
        code[0].outputs = [nbformat.v4.new_output("stream", text="step 1\n" * 1_000_000)]
    data = as_bytes(made)
    if way == "lines":
        data = b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")
    return Handed(f"{name}_{way}.ipynb", data, dict.fromkeys(EXERCISES, {"passed"}))


def attack(name, rng, folder, victim):
    """One of the attacks of tests/attacks, beside two honest answers."""
    title = rng.choice(list(test_forgery.ATTACKS))
    data, tried = test_forgery.submission(title, rng.getrandbits(48), folder, victim)
    names = {exercise: exercise.split(".")[1] for exercise in EXERCISES}
    expected = {
        e: {"passed"} if n in test_forgery.HONEST
        else FAILED | {"timed out"} if n in tried
        else {"not attempted"}
        for e, n in names.items()
    }  # fmt: skip
    return Handed(f"{name}.py", data, expected)


def notebook(answer=None):
    """Returns the lab's notebook with the solutions pasted in, and an answer in a cell below."""
    made = build.notebooks(layout.solution_file(LAB))[1]
    if answer is not None:
        made.cells.append(nbformat.v4.new_code_cell(answer))
    return made


def as_bytes(made):
    return json.dumps(made, ensure_ascii=False, indent=1).encode()


@contextlib.contextmanager
def a_victim():
    """Yields the pid of a process that does nothing; it has to be there at the end."""
    victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield victim.pid
    if victim.poll() is not None:
        raise RuntimeError("an attack has ended a process of yours")
    victim.kill()
    victim.communicate()


def grade(folder, out):
    """Grades a folder with the command that instructors use; returns its wall-clock seconds."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "gpt_tf.course", "grade", f"lab{LAB:02d}", str(folder)]
    subprocess.run([*command, "--out", str(out), "--jobs", str(JOBS)], cwd=ROOT, check=True)
    return time.perf_counter() - begun


def unexpected(handed, out):
    """Returns a line for each result that is not as expected."""
    with open(out / "results.csv", encoding="utf-8", newline="") as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    return [
        f"{h.name}: {exercise} is {rows[h.name][exercise]}, expected {' or '.join(sorted(right))}"
        for h in handed
        for exercise, right in h.expected.items()
        if rows[h.name][exercise] not in right
    ]


def in_a_kernel(handed):
    """Checks a submission in a kernel of its own; returns what the checks printed."""
    source = extract.from_bytes(handed.name, handed.data)
    checks = "\n".join(f"check({exercise!r})" for exercise in EXERCISES)
    cells = [START, source.text(), checks]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    nbclient.NotebookClient(made, timeout=600, resources={"metadata": {"path": ROOT}}).execute()
    return "".join(output.get("text", "") for output in made.cells[-1].outputs)


def time_kernels(handed):
    """Returns the wall-clock seconds of grading submissions in kernels, two at a time."""
    begun = time.perf_counter()
    pool = concurrent.futures.ProcessPoolExecutor(JOBS, multiprocessing.get_context("spawn"))
    with pool, tqdm(total=len(handed), desc="fresh kernels", unit="submission") as bar:
        for h, printed in zip(handed, pool.map(in_a_kernel, handed), strict=True):
            passed = {e for e in EXERCISES if f"{e}   passed" in printed}
            wanted = {e for e in EXERCISES if h.expected[e] == {"passed"}}
            # In a notebook, an exercise falls with those that it calls.
            wanted = {e for e in wanted if swap.called_by(e) <= wanted}
            if not wanted <= passed:
                raise RuntimeError(f"{h.name} passed {passed} in a kernel, expected {wanted}")
            bar.update()
    return time.perf_counter() - begun


def main(arguments=None):
    """Grades the class in both ways and prints what it took; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=100, help="in the class (default: 100)")
    parser.add_argument("--kernels", type=int, default=25, help="fresh kernels (default: 25)")
    parser.add_argument(
        "--seed", type=int, default=0, help="decides who hands in what (default: 0)"
    )
    options = parser.parse_args(arguments)
    if options.submissions < 2 or options.kernels < 0:
        parser.error("a class has 2 submissions at least, and kernels are counted from 0")
    with tempfile.TemporaryDirectory() as folder, a_victim() as victim:
        folder = pathlib.Path(folder)
        handed = a_class(options.submissions, options.seed, folder / "report", victim)
        for place, submissions in (("one", handed[:1]), ("class", handed)):
            (folder / place).mkdir()
            for h in submissions:
                (folder / place / h.name).write_bytes(h.data)
        first = grade(folder / "one", folder / "report of one")
        seconds = grade(folder / "class", folder / "report")
        wrong_results = unexpected(handed, folder / "report")
    counts = collections.Counter(h.kind for h in handed)
    print(f"\n{len(handed)} submissions ({', '.join(f'{n} {k}' for k, n in counts.items())})")
    each = (seconds - first) / (len(handed) - 1)
    print(
        f"graded in {seconds:.1f} s with {JOBS} jobs; the first of them alone takes {first:.1f} s"
    )
    print(f"past the first: {each:.2f} s a submission")
    print("\n".join(wrong_results) or f"all {len(handed)} as expected")
    if options.kernels:
        honest = [h for h in handed if h.kind != "attack"][: options.kernels]
        kernel = time_kernels(honest) / len(honest)
        print(f"{len(honest)} of them in a fresh kernel each: {kernel:.2f} s a submission,")
        print(f"{kernel / each:.1f} times as long")
    return 1 if wrong_results else 0


if __name__ == "__main__":
    sys.exit(main())
