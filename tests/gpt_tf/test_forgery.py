"""No attack gets points that it did not earn, costs another exercise its points, or harms anybody.

The attacks are in tests/attacks/. A submission holds two honest exercises and the attack.
"""

import contextlib
import errno
import os
import platform
import re
import socket
import subprocess
import sys
import threading
import zipfile

import numpy as np
import pytest

from gpt_tf.course import __main__ as command
from gpt_tf.course import extract, grade, layout, processes, remote, runner, sandbox, wire, worker

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
    yield tmp_path, victim.pid
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


def submission(name, seed, folder, victim):
    """Returns (bytes of a submission with an attack, names of the exercises that it tries).

    Args:
        name: str, one of ATTACKS.
        seed: int, of the tests, which the attack is told backwards.
        folder: path of a folder like that of the results.
        victim: int, pid of a process of the same user.
    """
    attack = ATTACKS[name] + RUN * ("def attack()" in ATTACKS[name])
    data = handed_in(
        attack, TMP=str(folder), VICTIM=victim, GRADER=os.getpid(), ROOT=str(layout.ROOT),
        DEES=str(seed)[::-1],
    )  # fmt: skip
    return data, set(re.findall(r"(?m)^def (\w+)", attack)) & set(EXERCISES)


def test_there_are_enough_attacks():
    assert len(ATTACKS) >= 25 and len(ATTACKS) == len(CELLS)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gets_what_its_honest_part_deserves(workers, bystanders, name):
    probes = "def attack()" in ATTACKS[name]
    data, tried = submission(name, SEED, *bystanders)
    graded = grade.grade_one(workers, "student.py", data, LAB, SEED)
    if graded.missing and probes:
        pytest.skip(f"this machine cannot keep all from student code: {graded.missing}")
    results = {r.exercise.split(".")[1]: r for r in graded.results}
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


# ------------------------------------------------------------------------- below Python: the kernel


@pytest.fixture(scope="module")
def confined(workers):
    """A submission whose `number` makes a system call, and returns the number of its error."""
    text = f"{TOOLS}\n\ndef number(*call):\n    ctypes.set_errno(0)\n"
    text += "    return the_libc().syscall(*call), ctypes.get_errno()\n"
    with remote.RemoteSubmission(workers, "student.py", text.encode(), LAB) as made:
        made.load()
        if made.missing:
            pytest.skip(f"this machine cannot keep all from student code: {made.missing}")
        yield made


@pytest.mark.parametrize("name", sandbox._FORBIDDEN)
def test_the_kernel_denies_a_call(confined, name):
    call = sandbox._FORBIDDEN[name][sandbox._MACHINES[platform.machine()][0]]
    if call is None:
        pytest.skip(f"this machine has no {name}")
    assert confined.call("number", call, 0, 0, 0, 0, 0) == (-1, errno.EPERM)


def test_calls_that_an_argument_decides(confined):
    column = sandbox._MACHINES[platform.machine()][0]
    prlimit, prctl, fcntl = (sandbox._DECIDED[i][0][column] for i in (1, 2, 3))
    denied = (-1, errno.EPERM)
    assert confined.call("number", prlimit, 1, 7, 0, 0) == denied
    assert confined.call("number", prctl, 1, 0) == denied
    assert confined.call("number", fcntl, 0, 8, 1) == denied
    assert confined.call("number", fcntl, 0, 1) == (0, 0)  # F_GETFD


# ----------------------------------------------------------- the grader's side, without any process


class Forger:
    """Workers of which each sends prepared frames, whatever it is asked."""

    def __init__(self, *frames, limits=FAST):
        self.frames, self.limits, self.started = frames, limits, 0

    def start(self):
        self.started += 1
        mine, theirs = socket.socketpair()
        threading.Thread(target=self.send, args=(theirs,), daemon=True).start()
        return processes.Process(mine, [], lambda: None)

    def send(self, channel):
        with channel, contextlib.suppress(OSError):
            channel.sendall(b"".join(self.frames))
            channel.recv(2**20)
            channel.shutdown(socket.SHUT_WR)
            while channel.recv(2**20):
                pass


LOADED = wire.encode(["loaded", []])
ANSWERS = [
    None, 1, "ok", [], {}, ["ok"], ["ok", 1, 2], ["passed", 1], [["ok"], 1], ["wrong"],
    ["wrong", 1],
    ["wrong", "x", "mask.no-mask", 0.0], ["crashed", "E", "m", None, "t"], ["crashed", "E"],
    ["not attempted", None], ["loaded", []], ["running", 1],
]  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_an_answer_that_is_none_is_a_crash(answer):
    workers = Forger(LOADED, wire.encode(answer))
    graded = grade.grade_one(workers, "student.py", b"", LAB, SEED)
    assert {r.status for r in graded.results} == {"crashed"} and graded.points == 0


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        ["loaded"],
        ["loaded", 1],
        ["running", []],
        ["running"],
        ["ok", 1],
        ["not a lab", 1],
    ],
    ids=repr,
)
def test_a_file_that_does_not_load_has_no_points(answer):
    for first in (b"", wire.encode(["running", 3])):
        workers = Forger(first, wire.encode(answer))
        graded = grade.grade_one(workers, "student.py", b"", LAB, SEED)
        assert graded.points == 0 and not graded.failed
        assert workers.started <= 6


def test_loading_ends(monkeypatch):
    running = wire.encode(["running", 1])
    workers = Forger(running * 3000, limits=processes.Limits(exercise_seconds=0.05))
    graded = grade.grade_one(workers, "student.py", b"", LAB, SEED)
    assert graded.points == 0 and "could not be read" in graded.problems[0]


def test_what_a_process_says_is_cleaned():
    fake = "\x1b[2J\rzoe.py  18/18  all passed.\n\u202e\ud800" + "x" * 50_000
    workers = Forger(wire.encode(["loaded", [fake]]), wire.encode(["wrong", fake, ""]))
    graded = grade.grade_one(workers, "student.py", b"", LAB, SEED)
    for text in (*graded.problems, graded.results[0].message):
        assert len(text) <= 2000 and not set("\x1b\r\u202e\ud800") & set(text)
    assert "\n" not in graded.problems[0]
    graded.to_json().encode()


DEEP = [[]]
for _ in range(40):
    DEEP = [DEEP]
HOSTILE = {
    "None": None, "text": "passed", "nan": float("nan"), "list": [], "dict": {}, "huge": 10**400,
    "huge in a list": [10**400], "a number": 1, "nothing": np.zeros(0), "text in an array":
    np.array(["a"]), "ragged": [[1], [1, 2]], "deep": DEEP, "three": (1, 2, 3),
    "a large shape": np.zeros((0, 2**40)),
}  # fmt: skip


class Same:
    """Gives the same answer to everything; in `with`, as a right one that always passes."""

    def __init__(self, answer):
        self.answer = answer

    def call(self, *_args, **_options):
        return self.answer

    layer = weights = call

    def error(self, *_args, **_options):
        return None


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_a_test_that_stumbles_over_an_answer_is_not_the_graders_fault(monkeypatch, answer):
    monkeypatch.setattr(runner, "_passes", lambda *_: True)
    for exercise in layout.exercises():
        result = runner.run(exercise, Same(answer), SEED, solution=lambda: None)
        assert result.status == "wrong", result.report()


def test_a_test_that_stumbles_over_the_solution_is(monkeypatch):
    def stumbles(submission):
        return submission.call("causal_mask", 3).no_such_attribute

    monkeypatch.setattr(runner, "tests_of", lambda _: [stumbles])
    for right, status in ((None, "grader error"), (ZeroDivisionError(), "wrong")):
        solution = contextlib.nullcontext(Same(right))
        if right is not None:
            solution.enter_result.answer = type("Right", (), {"no_such_attribute": 1})
        result = runner.run("lab04.causal_mask", Same(None), SEED, solution=lambda s=solution: s)
        assert result.status == status


# ----------------------------------------------------------------- what is handed in, and left over


def test_links_are_not_followed(tmp_path):
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "lab.py").write_text("x = 1")
    (tmp_path / "ben.py").symlink_to(layout.solution_file(LAB))
    (tmp_path / "zoe").symlink_to(tmp_path / "anna")
    found = grade.find(tmp_path)
    assert found["anna/lab.py"] == b"x = 1"
    assert found["ben.py"] == os.fsencode(layout.solution_file(LAB))
    assert sorted(found) == ["anna/lab.py", "ben.py", "zoe"]


def test_names_in_a_zip_lead_nowhere(tmp_path):
    path = tmp_path / "class.zip"
    names = ["../../etc/a.py", "/b.py", "..\\c.py", "d\x1b[2J\n.py", "e.py", "=1+1.py"]
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("e.py", "the other")
    found = grade.find(path)
    replaced = "\N{REPLACEMENT CHARACTER}"
    expected = ["=1+1.py", "again e.py", "b.py", "c.py", f"d{replaced}[2J .py", "e.py", "etc/a.py"]
    assert sorted(found) == sorted(expected)
    assert {found["e.py"], found["again e.py"]} == {b"e.py", b"the other"}
    graded = [grade.Graded(name, [], [], [], 0.0) for name in sorted(found)]
    assert grade.as_csv(graded).splitlines()[1].startswith("'=1+1.py,")


def test_a_zip_that_unfolds_into_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr(grade, "LARGEST", 1000)
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.ipynb", b"0" * 10**7)
    assert len(grade.find(path)["bomb.ipynb"]) == 1001


def test_the_scratch_folder_goes_whatever_is_in_it(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    here = os.getcwd()
    os.chdir(scratch)
    try:
        for _ in range(1500):
            os.mkdir("folder")
            os.chdir("folder")
        os.mkdir("closed", 0)
    finally:
        os.chdir(here)
    assert not worker.small(scratch, 2**40)
    worker.remove(scratch)
    assert not scratch.exists()


def test_a_scratch_folder_is_small_or_not(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 2**20)
    assert worker.small(tmp_path, 2 * 2**20) and not worker.small(tmp_path, 2**19)


def test_nothing_is_left_of_the_server(tmp_path):
    with processes.Workers(FAST, fork=False) as made:
        process = made.start()
        server = made.server
    assert server.poll() is not None
    with pytest.raises(wire.Closed):
        process.receive(5)
    process.stop()


# ----------------------------------------------------------------------------------- in a container


def test_the_docker_command():
    limits = processes.Limits(memory_bytes=2**30, disk_bytes=2**20, threads=50)
    command = processes.docker_command("an-image", "/somewhere/control-1", limits, user=7, group=8)
    package, sets = layout.ROOT / "gpt_tf", layout.ROOT / "datasets"
    assert " ".join(command) == (
        "docker run --rm --pull never --network none --ipc none --read-only "
        "--tmpfs /scratch:rw,nosuid,nodev,mode=1777,size=1048576 "
        "--memory 3221225472 --memory-swap 3221225472 --pids-limit 50 --ulimit core=0 "
        "--cap-drop ALL --security-opt no-new-privileges --user 7:8 --workdir /scratch "
        f"--volume {package}:{package}:ro --volume {sets}:{sets}:ro "
        "--volume /somewhere/control-1:/somewhere/control-1:ro "
        "--env TF_CPP_MIN_LOG_LEVEL=3 --env MPLBACKEND=agg --env CUDA_VISIBLE_DEVICES=-1 "
        f"--env PYTHONPATH={layout.ROOT} --env TMPDIR=/scratch "
        "an-image python -m gpt_tf.course.worker /somewhere/control-1/control"
    )
    unlimited = processes.docker_command("i", "/f", processes.Limits(memory_bytes=0), 7, 8)
    assert "--memory" not in unlimited


DOCKER = """#!/bin/sh
echo "$@" >> {log}
[ "$1" = image ] && {{ [ "$3" = an-image ] || {{ echo "no such image" >&2; exit 1; }}; exit 0; }}
while [ "$1" != an-image ]; do
  [ "$1" = --env ] && case "$2" in TMPDIR=*) ;; *) export "$2" ;; esac
  shift
done
shift 2
exec {python} "$@"
"""


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """A docker that takes its own options off and runs the rest here; returns its log."""
    made = tmp_path / "bin" / "docker"
    made.parent.mkdir()
    log = tmp_path / "log"
    made.write_text(DOCKER.format(log=log, python=sys.executable))
    made.chmod(0o755)
    monkeypatch.setenv("PATH", str(made.parent), prepend=os.pathsep)
    return log


def test_a_submission_is_graded_in_a_container(docker, tmp_path, capsys):
    path = tmp_path / "student.py"
    path.write_bytes(handed_in(ATTACKS["an exit without a word"]))
    out = tmp_path / "report"
    arguments = ["grade", "lab04", str(path), "--out", str(out), "--container", "an-image"]
    assert command.main(arguments) == 0
    assert "split_heads" not in capsys.readouterr().out  # it passed
    line = (out / "results.csv").read_text(encoding="utf-8").splitlines()[1]
    honest = sum(EXERCISES[name] for name in HONEST)
    assert line.startswith(f"student.py,{honest},crashed,not attempted,not attempted,passed,passed")
    first, second = docker.read_text().splitlines()
    assert first == "image inspect an-image" and second.startswith("run --rm --pull never")


def test_an_image_that_is_not_there(docker, tmp_path, capsys):
    (tmp_path / "a.py").write_text("x = 1")
    arguments = ["grade", "lab04", str(tmp_path / "a.py"), "--out", str(tmp_path), "--container"]
    assert command.main(arguments) == 1
    said = capsys.readouterr().err
    assert "Docker cannot give the image gpt-tf (no such image)" in said and said.count("\n") == 1
    assert f"docker build -t gpt-tf -f {processes.DOCKERFILE}" in said
    assert processes.DOCKERFILE.is_file()


def test_no_docker(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.py").write_text("x = 1")
    arguments = ["grade", "lab04", str(tmp_path / "a.py"), "--out", str(tmp_path), "--container"]
    assert command.main(arguments) == 1
    assert "no docker command on this machine" in capsys.readouterr().err


def test_a_container_that_does_not_start(docker, monkeypatch):
    docker.parent.joinpath("bin", "docker").write_text("#!/bin/sh\nexit 125\n")
    with processes.Workers(container="an-image") as made:
        with pytest.raises(RuntimeError, match="an-image did not start Python"):
            made.start()
