"""Puts many answers to the test, several at a time.

What came of each is kept in runs/proof under a digest of all that decides it, so that a run that
was stopped goes on, and another one does only what has changed.
"""

import contextlib
import dataclasses
import functools
import hashlib
import json

from gpt_tf.course import layout, processes, proof, remote, runner
from gpt_tf.course.pool import in_parallel

KEPT = layout.ROOT / "runs" / "proof"
# Modules of this package that have no part in a result.
IDLE = ("__main__", "mutate", "pool", "proof_page", "survivors")


def of_answers(answers, jobs=2):
    """Runs the tests on known answers, as tests/test_proof.py does.

    Args:
        answers: list of `proof.Answer`.
        jobs: int, how many at the same time.

    Returns:
        dict {label: `proof.Outcome`}, in the order of the answers.
    """
    keys = {a.label: _key(a.exercise, f"{a.note} {a.source.text()}") for a in answers}
    found = _all(_of_answer, dict(zip(keys.values(), answers, strict=True)), jobs)
    return {label: proof.Outcome.from_dict(found[key]) for label, key in keys.items()}


def of_mutants(mutants, jobs=2):
    """Runs the tests on mechanical mutants, each in a confined process that may hang or crash.

    Args:
        mutants: list of `mutate.Mutant`.
        jobs: int, how many at the same time.

    Returns:
        List of `runner.Result`, one for each mutant.
    """
    keys = [_key(m.exercise, m.text) for m in mutants]
    found = _all(_of_mutant, dict(zip(keys, mutants, strict=True)), jobs)
    return [runner.Result(**found[key]) for key in keys]


def _of_answer(answer):
    return answer.outcome().to_dict()


def _of_mutant(mutant):
    global _workers
    _workers = _workers or processes.Workers()
    lab = layout.exercises()[mutant.exercise].lab
    data = mutant.lab_text().encode()
    with remote.RemoteSubmission(_workers, "mutant.py", data, lab) as submission:
        return dataclasses.asdict(runner.run(mutant.exercise, submission))


_workers = None  # of this process


def _all(one, items, jobs):
    """Returns {key: one(item)} for a dict {key: item}; what is kept is not done again."""
    done = {}
    for key in items:
        with contextlib.suppress(FileNotFoundError, ValueError):
            done[key] = json.loads((KEPT / f"{key}.json").read_text(encoding="utf-8"))
    left = {key: (item,) for key, item in items.items() if key not in done}
    for key, result in in_parallel(one, left, jobs, len(done), "answer"):
        layout.write(KEPT / f"{key}.json", json.dumps(result))
        done[key] = result
    return done


def _key(exercise, text):
    """Returns the name under which a result is kept: another one where anything has changed."""
    lab = layout.exercises()[exercise].lab
    return hashlib.sha256(f"{exercise} {_around(lab)} {text}".encode()).hexdigest()[:24]


@functools.cache
def _around(lab):
    """Returns a digest of all that decides a lab's results besides the answer."""
    labs = [int(stem[:2]) for stem in layout.index()]
    files = [layout.solution_file(n) for n in labs if n <= lab]
    files += [layout.TESTS / f"test_lab{lab:02d}.py", *(layout.TESTS / "reference").glob("*.py")]
    files += [f for f in (layout.ROOT / "gpt_tf").rglob("*.py") if f.stem not in IDLE]
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files))).hexdigest()
