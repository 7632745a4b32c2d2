"""No attack gets points that it did not earn, costs another exercise its points, or harms anybody.

The attacks are in tests/attacks/. A submission holds two honest exercises and the attack.
"""

import os
import re
import subprocess
import sys

import pytest

from gpt_tf.course import extract, grade, layout, processes

LAB = 4
SEED = 2718281828
HONEST = ("split_heads", "merge_heads")
EXERCISES = {e.name: e.points for e in layout.index()[layout.lab_stem(LAB)]}
FAST = processes.Limits(
    seconds=5.0, exercise_seconds=8.0, cpu_seconds=60, memory_bytes=2 * 2**30,
    file_bytes=2 * 2**20, disk_bytes=32 * 2**20, threads=1000,
)  # fmt: skip
_, TOOLS, *CELLS = re.split(
    r"(?m)^(?=# %% )", (layout.TESTS / "attacks" / "lab04.py").read_text(encoding="utf-8")
)
ATTACKS = {cell.splitlines()[0].removeprefix("# %% "): cell for cell in CELLS}
RUN = """
def causal_mask(length):
    attack()
    raise RuntimeError("all was denied")
"""


@pytest.fixture(scope="module")
def workers():
    with processes.Workers(FAST) as made:
        yield made


@pytest.fixture
def bystanders(tmp_path):
    """A folder like that of the results, and a process; afterwards, both are as they were."""
    (tmp_path / "graded").mkdir()
    for name in ("results.csv", "graded/0123.json", ".seed"):
        (tmp_path / name).write_text("0", encoding="ascii")
    before = seen(tmp_path)
    victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield {"TMP": str(tmp_path), "VICTIM": victim.pid}
    alive = victim.poll() is None
    victim.kill()
    victim.communicate()
    assert alive and seen(tmp_path) == before


def seen(folder):
    paths = [folder, *sorted(folder.rglob("*"))]
    return [
        (p.name, p.stat().st_mode, p.stat().st_mtime_ns, p.is_dir() or p.read_text()) for p in paths
    ]


def honest_part():
    source = extract.from_file(layout.solution_file(LAB))
    return "\n\n".join(s.text for s in source.statements if s.binds() & set(HONEST))


def handed_in(attack, **constants):
    """Returns the bytes of a submission with an attack, which knows these constants."""
    lines = [f"{name} = {value!r}" for name, value in constants.items()]
    return "\n\n".join(["\n".join(lines), TOOLS, honest_part(), attack]).encode()


def test_there_are_enough_attacks():
    assert len(ATTACKS) >= 25 and len(ATTACKS) == len(CELLS)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gets_what_its_honest_part_deserves(workers, bystanders, name):
    probes = "def attack()" in ATTACKS[name]
    constants = bystanders | {
        "GRADER": os.getpid(),
        "ROOT": str(layout.ROOT),
        "DEES": str(SEED)[::-1],
    }
    data = handed_in(ATTACKS[name] + RUN * probes, **constants)
    graded = grade.grade_one(workers, "student.py", data, LAB, SEED)
    if graded.missing and probes:
        pytest.skip(f"this machine cannot keep all from student code: {graded.missing}")
    results = {r.exercise.split(".")[1]: r for r in graded.results}
    tried = set(re.findall(r"(?m)^def (\w+)", data.decode())) & set(EXERCISES) - set(HONEST)
    for exercise, result in results.items():
        if exercise in HONEST:
            assert result.status == "passed", result.report()
        elif exercise in tried:
            assert result.status in ("wrong", "crashed", "timed out"), result.report()
            assert result.misconception in (None, "attention.mask-nan")
            assert len(result.message) <= 2000 and "\x1b" not in result.message
        else:
            assert result.status == "not attempted", result.report()
    assert graded.points == sum(EXERCISES[name] for name in HONEST)
    if probes:
        assert "all was denied" in results["causal_mask"].message, results["causal_mask"].message
