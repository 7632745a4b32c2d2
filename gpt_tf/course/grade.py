"""Grades a class: each submission in a confined process, several at a time, resumable."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import os
import pathlib
import secrets
import time
import zipfile

from gpt_tf.course import extract, layout, processes, remote, runner, swap
from gpt_tf.course.pool import in_parallel

LARGEST = 60 * 2**20  # bytes of one submission, less than `wire` carries


@dataclasses.dataclass(frozen=True)
class Graded:
    """What came of one submission.

    Args:
        name: str, its path below what was given to grade.
        results: list of `runner.Result`, one for each exercise of the lab.
        problems: list of str: cells that do not parse, or why the file could not be read.
        missing: list of str, what the machine could not keep from the code.
        seconds: float, wall-clock time.
        own: list of str, ids of the exercises that the student wrote, see `swap.whose`; with
            `chain`, those of earlier labs, too.
        borrowed: list of str, ids of those whose code is the same as the solution's.
    """

    name: str
    results: list
    problems: list
    missing: list
    seconds: float
    own: list = dataclasses.field(default_factory=list)
    borrowed: list = dataclasses.field(default_factory=list)

    @property
    def points(self):
        """Points earned; None where the grader failed, which is not the student's fault."""
        return None if self.failed else sum(result.points for result in self.results)

    @property
    def failed(self):
        """Whether a test itself failed: somebody has to look."""
        return any(result.status == "grader error" for result in self.results)

    def to_json(self):
        """Returns the same as text; `from_json` reads it."""
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text):
        """Returns the Graded that `to_json` wrote."""
        fields = json.loads(text)
        results = [runner.Result(**result) for result in fields.pop("results")]
        return cls(results=results, **fields)


def find(path):
    """Finds the submissions in a file, a folder or a zip.

    Args:
        path: str or path: a notebook, a .py file, a folder with such files at any depth, or a zip
            of them, as Canvas, Moodle and Gradescope give it.

    Returns:
        dict {name: bytes}, sorted by name. Files with another ending are there too, so that none
        is lost without a word; hidden files and those that macOS adds are not. A link is taken for
        the text that names its target, as in a zip: it could lead to somebody else's answer.

    Raises:
        FileNotFoundError: there is nothing at that path.
        ValueError: there are no files in it.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no {path}; name a file, a folder or a zip to grade.")
    if path.is_dir():
        files = [p for p in path.rglob("*") if p.is_symlink() or p.is_file()]
        pairs = [(p.relative_to(path).as_posix(), _read(p)) for p in files]
    elif path.suffix == ".zip":
        pairs = _unzipped(path)
    else:
        pairs = [(path.name, _start(path.open("rb")))]
    found = {}
    for name, data in sorted(pairs):
        if not _is_litter(name):
            found[_free(_line(name), found)] = data
    if not found:
        raise ValueError(f"There are no files in {path}; a submission is a .ipynb or .py file.")
    return found


def _unzipped(path):
    try:
        with zipfile.ZipFile(path) as archive:
            files = [m for m in archive.infolist() if not m.is_dir()]
            return [(_inside(m.filename), _start(archive.open(m))) for m in files]
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is not a zip file; fetch it again.") from error


def _inside(name):
    """Returns a zip's name for a file without the steps that lead out of the folder."""
    parts = pathlib.PurePosixPath(name.replace("\\", "/")).parts
    return "/".join(part for part in parts if part not in ("/", ".."))


def _read(path):
    return os.fsencode(path.readlink()) if path.is_symlink() else _start(path.open("rb"))


def _start(file):
    """Returns as much of an open file as shows that it is too large."""
    with file:
        return file.read(LARGEST + 1)


def _line(text):
    """Returns a student's text as one line that can be printed."""
    return runner.printable(text).replace("\n", " ")


def _free(name, taken):
    return name if name not in taken else _free(f"again {name}", taken)


def _is_litter(name):
    parts = pathlib.PurePosixPath(name).parts
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def grade_one(workers, name, data, lab, seed, below=None):
    """Grades one submission.

    A mistake costs the points of its own exercise only. One that fails after another has run in the
    same process is tried again in a new one: that code may have broken the process. And one that
    calls others of the lab that failed is tried again with the solution's code in their place.

    Args:
        workers: `processes.Workers`.
        name: str.
        data: bytes of the file.
        lab: int.
        seed: int, of the tests' random numbers; a secret.
        below: dict {lab: (name, bytes)}, the student's own files of earlier labs, to be used in
            place of the solutions; None: the solutions.

    Returns:
        Graded.
    """
    begun = time.monotonic()
    exercises = layout.index()[layout.lab_stem(lab)]
    # The code is told a seed of its own, which says nothing about the tests'.
    own = int.from_bytes(hashlib.sha256(f"worker {seed}".encode()).digest()[:4], "big")

    def solution():
        right = layout.solution_file(lab).read_bytes()
        return remote.RemoteSubmission(workers, "solution.py", right, lab, own)

    with remote.RemoteSubmission(workers, name, data, lab, own, below=below) as submission:
        try:
            if len(data) > LARGEST:
                raise extract.NotALab(f"{name} has more than {LARGEST >> 20} MB.")
            submission.load()
        except extract.NotALab as error:
            return unread(name, lab, str(error), submission.missing, time.monotonic() - begun)
        results, used, failed = [], False, set()
        for exercise in exercises:
            submission.renew()
            result = runner.run(exercise.id, submission, seed, solution)
            if used and result.status not in ("passed", "timed out"):
                submission.restart()
                submission.renew()
                result = runner.run(exercise.id, submission, seed, solution)
            used = submission.asked and (used or result.status != "not attempted")
            if result.status not in ("passed", "grader error"):
                failed.add(exercise.id)
                lent = sorted(swap.called_by(exercise.id) & failed)
                if lent and exercise.name in submission.written.get(lab, {}):
                    with submission.with_lent(swap.solution_of(lent)) as helped:
                        again = runner.run(exercise.id, helped, seed, solution)
                    if again.status == "passed":
                        failed.remove(exercise.id)
                        result = dataclasses.replace(again, message=_with_lent(lent))
            results.append(result)
        problems = [_line(problem) for problem in submission.problems]
    whose, seconds = swap.whose(submission.written), time.monotonic() - begun
    return Graded(name, results, problems, submission.missing, seconds, *whose)


def _with_lent(exercises):
    names = " and ".join(layout.exercises()[e].name for e in exercises)
    return f"It is right: it passes with the solution's {names} in place of yours."


def unread(name, lab, why, missing=(), seconds=0.0, status="not attempted"):
    """Returns the Graded of a submission that has no results; `why` is a sentence."""
    why = _line(why)
    results = [runner.Result(e.id, status, why) for e in layout.index()[layout.lab_stem(lab)]]
    return Graded(name, results, [why], list(missing), seconds)


def grade(lab, path, out, jobs=2, seed=None, limits=None, container=None, chain=False):
    """Grades all submissions; what was graded before, with the same tests, is not done again.

    Args:
        lab: int.
        path: see `find`.
        out: path of a folder for the results; made if need be.
        jobs: int, how many are graded at the same time.
        seed: int, of the tests' random numbers; None: a secret one, kept in `out` so that a
            grading that was stopped goes on with it.
        limits: `processes.Limits`, or None.
        container: str, a Docker image to run the code in, or None; see `processes.find_docker`.
        chain: bool, use each student's own earlier labs in place of their solutions, see
            `swap.by_student`.

    Returns:
        List of Graded, in the order of their names.

    Raises:
        ValueError, FileNotFoundError: no such lab, or as `find` and `swap.by_student`.
        RuntimeError: there is no such container.
    """
    layout.lab_stem(lab)
    if container:
        processes.find_docker(container)
    submissions, below, absent = find(path), {}, []
    if chain:
        submissions, below, absent = swap.by_student(submissions, lab)
    out = pathlib.Path(out)
    seed = _secret(out) if seed is None else seed
    done = {}
    for name, data in submissions.items():
        kept = _kept(out, lab, name, data, seed, below.get(name))
        with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
            done[name] = Graded.from_json(kept.read_text(encoding="utf-8"))
    left = {
        name: (name, data, lab, seed, below.get(name))
        for name, data in submissions.items()
        if name not in done
    }
    workers = limits, None, container
    for name, graded in in_parallel(_one, left, jobs, len(done), "submission", _begin, workers):
        kept = _kept(out, lab, name, submissions[name], seed, below.get(name))
        # A fault of the grader's own is no result: it is tried again the next time.
        if not graded.failed:
            layout.write(kept, graded.to_json())
        done[name] = graded
    for name in absent:
        why = f"There is no file of lab {lab} in {name}: its name would begin with {lab:02d}."
        done[name] = unread(name, lab, why)
    return [done[name] for name in sorted(done)]


_workers = None


def _begin(*workers):
    global _workers
    _workers = processes.Workers(*workers)


def _one(name, data, lab, seed, below):
    try:
        return grade_one(_workers, name, data, lab, seed, below)
    except Exception as error:  # one submission's trouble is not the class's
        why = f"the grader itself failed: {type(error).__name__}: {error}"
        return unread(name, lab, why, status="grader error")


def _secret(out):
    """Returns the seed that is kept in the folder of results, or draws one."""
    path = out / ".seed"
    if not path.is_file():
        layout.write(path, str(secrets.randbits(48)))
        path.chmod(0o600)
    return int(path.read_text(encoding="ascii"))


def _kept(out, lab, name, data, seed, below):
    """Returns the path of a submission's result: another one for other tests or another file."""
    digest = hashlib.sha256(f"{lab} {name} {seed} {_of_the_tests(lab)} ".encode() + data)
    for number, (file, content) in (below or {}).items():
        digest.update(f" {number} {file} {len(content)} ".encode() + content)
    return out / "graded" / f"{digest.hexdigest()[:24]}.json"


def _of_the_tests(lab):
    """Returns a digest of all that decides a lab's results besides the submission."""
    files = [layout.TESTS / f"test_lab{lab:02d}.py", *(layout.TESTS / "reference").glob("*.py")]
    files += [
        *(layout.TESTS / "hints" / f"{name}.toml" for name in ("common", f"lab{lab:02d}")),
        *(layout.ROOT / "gpt_tf").rglob("*.py"),
        *layout.SOLUTIONS.glob("*.py"),
    ]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def table(graded):
    """Returns the class as text for a terminal, a line for each submission.

    Args:
        graded: list of Graded.
    """
    total = sum(layout.exercises()[r.exercise].points for r in graded[0].results)
    width = max(len(g.name) for g in graded)
    lines = []
    for g in graded:
        points = "?" if g.points is None else g.points
        lines.append(f"{g.name:{width}s}  {points:>3}/{total}  {_in_short(g)}")
    return "\n".join(lines)


def _in_short(graded):
    statuses = {result.status for result in graded.results}
    if len(statuses) == 1:
        return " ".join([f"all {statuses.pop()}.", *graded.problems])
    others = [r for r in graded.results if r.status != "passed"]
    return ", ".join(f"{r.exercise.split('.')[1]} {r.status}" for r in others)


def _no_formula(text):
    """A spreadsheet computes what starts like this, and its author may be a student."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def as_csv(graded):
    """Returns the class as CSV: name, points, the status of each exercise, problems of the file.

    Points are empty where the grader failed.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["submission", "points", *(r.exercise for r in graded[0].results), "problems"])
    for g in graded:
        points = "" if g.points is None else g.points
        texts = [_no_formula(text) for text in (g.name, " ".join(g.problems))]
        writer.writerow([texts[0], points, *(r.status for r in g.results), texts[1]])
    return text.getvalue()
