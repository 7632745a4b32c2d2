"""How long a student waits for a verdict: each exercise's check, on the solution.

    python benchmarks/checks.py              # all labs
    python benchmarks/checks.py 4 8          # some

The answers are run as `check` runs them, in one process. The first call of a process, which starts
TensorFlow, is listed by itself; each exercise is then checked `--rounds` times, and the median and
the first of them are printed: the first one is what a student meets.
"""

import argparse
import pathlib
import statistics
import sys
import time

from tqdm.auto import tqdm

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from gpt_tf.course import layout, runner, submission  # noqa: E402


def seconds_of_a_check(exercise):
    """Returns the seconds from a fresh copy of the solution to the verdict.

    Args:
        exercise: `layout.Exercise`.

    Raises:
        RuntimeError: the solution did not pass.
    """
    begun = time.perf_counter()
    result = runner.run(exercise.id, submission.of_solution(exercise.lab))
    if result.status != "passed":
        raise RuntimeError(result.report())
    return time.perf_counter() - begun


def main(arguments=None):
    """Prints the table; returns {exercise: [seconds of each round]}."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labs", nargs="*", type=int, help="numbers of labs; default: all")
    parser.add_argument("--rounds", type=int, default=3, help="checks of each (default: 3)")
    options = parser.parse_args(arguments)
    exercises = [
        e for e in layout.exercises().values() if not options.labs or e.lab in options.labs
    ]
    if not exercises or options.rounds < 1:
        parser.error("there is nothing to check: no such lab, or no rounds")
    print(f"the first call of this process: {seconds_of_a_check(exercises[0]):.2f} s\n")
    found = {}
    for exercise in tqdm(exercises, unit="exercise"):
        found[exercise.id] = [seconds_of_a_check(exercise) for _ in range(options.rounds)]
    print(f"{'exercise':45s} {'first':>7s} {'median':>7s}  seconds")
    for name, seconds in found.items():
        print(f"{name:45s} {seconds[0]:7.2f} {statistics.median(seconds):7.2f}")
    slowest = max(found, key=lambda name: found[name][0])
    print(f"\nthe slowest first check: {slowest}, {found[slowest][0]:.2f} s")
    return found


if __name__ == "__main__":
    main()
