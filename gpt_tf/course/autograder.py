"""The autograder that Gradescope runs: makes its zip, and grades a submission in its container.

The zip and the folders are those of "Autograder Specifications" in Gradescope's documentation:
`setup.sh` and `run_autograder` at the top of the zip, which is unpacked into /autograder/source;
a submission in /autograder/submission; its results in /autograder/results/results.json.
"""

import argparse
import pathlib
import re
import secrets
import signal
import sys
import zipfile

from gpt_tf.course import cells, exports, grade, layout, processes

FOLDER = pathlib.Path(__file__).with_name("gradescope")
SCRIPTS = ("setup.sh", "run_autograder")
# Gradescope stops an autograder after 10 minutes, if not set otherwise, and gives a zero.
_MOST_SECONDS = 9 * 60


def pack(lab, target):
    """Writes the zip to upload in "Configure Autograder"; the same files give the same bytes.

    It holds what grading this lab needs: the tests with their reference and hints, this package,
    and the solutions of the labs before it and of itself (which tells an answer that a test
    stumbles over from a test that stumbles), but not those of later labs.

    Args:
        lab: int.
        target: path of the zip.

    Raises:
        ValueError: there is no such lab.
        OSError: a file that is needed is not there, or the zip cannot be written.
    """
    files = {path.relative_to(layout.ROOT).as_posix(): path.read_bytes() for path in needed(lab)}
    for name in SCRIPTS:
        text = (FOLDER / name).read_text(encoding="utf-8")
        files[name] = text.replace("lab00", f"lab{lab:02d}").encode()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name)  # dated 1980, whenever it is made
            entry.create_system = 3  # Unix, so that the mode below counts
            entry.external_attr = (0o755 if name in SCRIPTS else 0o644) << 16
            archive.writestr(entry, data)


def needed(lab):
    """Returns the paths of the course's files that grading a lab needs."""
    solutions = [stem for stem in layout.index() if stem <= layout.lab_stem(lab)]
    return [
        layout.ROOT / "requirements.txt",
        layout.ROOT / "constraints.txt",
        *(layout.ROOT / "gpt_tf").rglob("*.py"),
        layout.INDEX,
        *(layout.ROOT / "datasets").glob("*.toml"),
        layout.TESTS / f"test_lab{lab:02d}.py",
        *(layout.TESTS / "reference").glob("*.py"),
        *(layout.TESTS / "hints").glob("*.toml"),
        *(layout.SOLUTIONS / f"{stem}.py" for stem in solutions),
    ]


def choose(names, lab):
    """Chooses the one file of a submission that is the lab.

    Args:
        names: iterable of str, the files' paths.
        lab: int.

    Returns:
        str: the only notebook or .py file; of several the one with the lab's name, else the one
        with its number.

    Raises:
        ValueError: none, or more than one; the message is for the student.
    """
    stem = layout.lab_stem(lab)
    files = [name for name in names if name.lower().endswith(cells.ENDINGS)]
    named = [name for name in files if pathlib.PurePosixPath(name).stem == stem]
    number = re.compile(rf"(?<!\d)0*{lab}(?!\d)")
    numbered = [name for name in files if number.search(pathlib.PurePosixPath(name).name)]
    for found in (files, named, numbered):
        if len(found) == 1:
            return found[0]
    there = f"there are {len(files)}: {', '.join(files)}" if files else "there is none"
    raise ValueError(f"Hand in one notebook, {stem}.ipynb; of notebooks and .py files {there}.")


def run(lab, folder):
    """Grades the submission in a folder laid out as Gradescope's /autograder.

    What is printed is for the instructor; Gradescope does not show it to students.

    Args:
        lab: int.
        folder: path of the folder that holds `submission` and `results`.

    Returns:
        int, the exit status: 1 where the grader itself failed.
    """
    folder, seed = pathlib.Path(folder), secrets.randbits(48)
    try:
        files = grade.find(folder / "submission")
        name = choose(files, lab)
    except ValueError as error:
        graded = grade.unread("submission", lab, str(error))
    else:
        with processes.Workers() as workers:
            graded = grade.grade_one(workers, name, files[name], lab, seed)
    results = exports.dumps(exports.gradescope(graded))
    layout.write(folder / "results" / "results.json", results)
    print(grade.table([graded]))
    for result in graded.results:
        if result.status == "grader error":
            print(f"{result.exercise}: {result.message}")
    for what in graded.missing:
        print(f"Not kept from student code in this container: {what}.")
    print(f"The same tests on your machine: python -m gpt_tf.course grade --seed {seed} ...")
    return 1 if graded.failed else 0


def main(arguments=None):
    """Runs what `run_autograder` calls; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lab", help="such as lab04")
    parser.add_argument("folder", help="that holds submission/ and results/")
    options = parser.parse_args(arguments)
    # Not an Exception: a test that is interrupted would be taken for one that failed.
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("Grading took too long."))
    signal.alarm(_MOST_SECONDS)
    return run(layout.lab_number(options.lab), options.folder)


if __name__ == "__main__":
    sys.exit(main())
