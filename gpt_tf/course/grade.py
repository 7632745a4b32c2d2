"""Grades a class: each submission in a confined process, several at a time, resumable."""

import concurrent.futures
import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import multiprocessing
import pathlib
import secrets
import time
import zipfile

from tqdm import tqdm

from gpt_tf.course import extract, layout, remote, runner

ENDINGS = (".ipynb", ".py")
LARGEST = 100 * 2**20  # bytes of one submission


@dataclasses.dataclass(frozen=True)
class Graded:
    """What came of one submission.

    Args:
        name: str, its path below what was given to grade.
        results: list of `runner.Result`, one for each exercise of the lab.
        problems: list of str: cells that do not parse, or why the file could not be read.
        missing: list of str, what the machine could not keep from the code.
        seconds: float, wall-clock time.
    """

    name: str
    results: list
    problems: list
    missing: list
    seconds: float

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
        is lost without a word; hidden files and those that macOS adds are not.

    Raises:
        FileNotFoundError: there is nothing at that path.
        ValueError: there are no files in it.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no {path}; name a file, a folder or a zip to grade.")
    if path.is_dir():
        files = {p.relative_to(path).as_posix(): p for p in path.rglob("*") if p.is_file()}
        found = {n: p.read_bytes()[: LARGEST + 1] for n, p in files.items() if not _is_litter(n)}
    elif path.suffix == ".zip":
        found = _unzipped(path)
    else:
        found = {path.name: path.read_bytes()}
    if not found:
        raise ValueError(f"There are no files in {path}; a submission is a .ipynb or .py file.")
    return dict(sorted(found.items()))


def _unzipped(path):
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                m for m in archive.infolist() if not m.is_dir() and not _is_litter(m.filename)
            ]
            return {m.filename: _member(archive, m) for m in members}
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is not a zip file; fetch it again.") from error


def _member(archive, member):
    with archive.open(member) as file:
        return file.read(LARGEST + 1)


def _is_litter(name):
    parts = pathlib.PurePosixPath(name).parts
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def grade_one(workers, name, data, lab, seed):
    """Grades one submission.

    An exercise that fails after another one has run in the same process gets a second try in a new
    one: code that broke the process for others costs its own points only.

    Args:
        workers: `remote.Workers`.
        name: str.
        data: bytes of the file.
        lab: int.
        seed: int, of the tests' random numbers; a secret.

    Returns:
        Graded.
    """
    begun = time.monotonic()
    exercises = layout.index()[layout.lab_stem(lab)]
    # The code is told a seed of its own, which says nothing about the tests'.
    own = int.from_bytes(hashlib.sha256(f"worker {seed}".encode()).digest()[:4], "big")
    with remote.RemoteSubmission(workers, name, data, lab, own) as submission:
        try:
            if len(data) > LARGEST:
                raise extract.NotALab(f"{name} has more than {LARGEST >> 20} MB.")
            submission.load()
        except extract.NotALab as error:
            unread = [runner.Result(e.id, "not attempted", str(error)) for e in exercises]
            return Graded(name, unread, [str(error)], [], time.monotonic() - begun)
        results, used = [], False
        for exercise in exercises:
            result = runner.run(exercise.id, submission, seed)
            if used and result.status not in ("passed", "timed out"):
                submission.restart()
                result = runner.run(exercise.id, submission, seed)
            results.append(result)
            used = submission.asked and (used or result.status != "not attempted")
        problems, missing = submission.problems, submission.missing
    return Graded(name, results, problems, missing, time.monotonic() - begun)


def grade(lab, path, out, jobs=2, seed=None, limits=None):
    """Grades all submissions; what was graded before, with the same tests, is not done again.

    Args:
        lab: int.
        path: see `find`.
        out: path of a folder for the results; made if need be.
        jobs: int, how many are graded at the same time.
        seed: int, of the tests' random numbers; None: a secret one, kept in `out` so that a
            grading that was stopped goes on with it.
        limits: `remote.Limits`, or None.

    Returns:
        List of Graded, in the order of their names.

    Raises:
        ValueError, FileNotFoundError: no such lab, or as `find`.
    """
    layout.lab_stem(lab)
    submissions = find(path)
    out = pathlib.Path(out)
    seed = _secret(out) if seed is None else seed
    done = {}
    for name, data in submissions.items():
        kept = _kept(out, lab, name, data, seed)
        with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
            done[name] = Graded.from_json(kept.read_text(encoding="utf-8"))
    left = {name: data for name, data in submissions.items() if name not in done}
    for graded in _in_parallel(left, lab, seed, jobs, limits, len(done)):
        kept = _kept(out, lab, graded.name, submissions[graded.name], seed)
        # A fault of the grader's own is no result: it is tried again the next time.
        if not graded.failed:
            layout.write(kept, graded.to_json())
        done[graded.name] = graded
    return [done[name] for name in submissions]


def _in_parallel(submissions, lab, seed, jobs, limits, before):
    if not submissions:
        return
    # A fresh interpreter for each: student code's server must not be a copy of this process.
    pool = concurrent.futures.ProcessPoolExecutor(
        min(jobs, len(submissions)), multiprocessing.get_context("spawn"), _begin, (limits,)
    )
    with pool, tqdm(total=before + len(submissions), initial=before, unit="submission") as bar:
        waiting = [pool.submit(_one, n, data, lab, seed) for n, data in submissions.items()]
        try:
            for future in concurrent.futures.as_completed(waiting):
                yield future.result()
                bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_workers = None


def _begin(limits):
    global _workers
    _workers = remote.Workers(limits)


def _one(name, data, lab, seed):
    return grade_one(_workers, name, data, lab, seed)


def _secret(out):
    """Returns the seed that is kept in the folder of results, or draws one."""
    path = out / ".seed"
    if not path.is_file():
        layout.write(path, str(secrets.randbits(48)))
        path.chmod(0o600)
    return int(path.read_text(encoding="ascii"))


def _kept(out, lab, name, data, seed):
    """Returns the path of a submission's result: another one for other tests or another file."""
    digest = hashlib.sha256(f"{lab} {name} {seed} {_of_the_tests(lab)} ".encode() + data)
    return out / "graded" / f"{digest.hexdigest()[:24]}.json"


def _of_the_tests(lab):
    """Returns a digest of all that decides a lab's results besides the submission."""
    files = [layout.TESTS / f"test_lab{lab:02d}.py", *(layout.TESTS / "reference").glob("*.py")]
    files += [
        *(layout.TESTS / "hints" / f"{name}.toml" for name in ("common", f"lab{lab:02d}")),
        *(layout.ROOT / "gpt_tf").rglob("*.py"),
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


def as_csv(graded):
    """Returns the class as CSV: name, points, the status of each exercise, problems of the file.

    Points are empty where the grader failed.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["submission", "points", *(r.exercise for r in graded[0].results), "problems"])
    for g in graded:
        points = "" if g.points is None else g.points
        writer.writerow([g.name, points, *(r.status for r in g.results), " ".join(g.problems)])
    return text.getvalue()
