"""`python -m gpt_tf.course build`: for authors and instructors."""

import argparse
import os
import pathlib
import sys

IMAGE = "gpt-tf"  # of --container without a name


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m gpt_tf.course", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("build", help="make labs/ and solutions/*.ipynb from solutions/")
    command.add_argument("labs", nargs="*", type=int, help="numbers of labs; default: all")
    command.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    command.add_argument("--no-execute", action="store_true", help="keep the outputs there are")
    command.add_argument("--language", default="en", help="of the text cells (default: en)")
    command = commands.add_parser("execute", help="run the solution notebooks, write nothing")
    command.add_argument("labs", nargs="*", type=int, help="numbers of labs; default: all")
    command.add_argument("--short", action="store_true", help="their short setting, as CI does")
    command = commands.add_parser("grade", help="grade submissions, each in a confined process")
    command.add_argument("lab", help="such as lab04")
    command.add_argument("submissions", help="a notebook, a .py file, a folder, or a zip of them")
    command.add_argument("--out", default="report", help="folder for the results (default: report)")
    command.add_argument("--jobs", type=int, default=2, help="graded at a time (default: 2)")
    command.add_argument("--seed", type=int, help="of the tests' numbers (default: a secret one)")
    command.add_argument(
        "--container", nargs="?", const=IMAGE, metavar="IMAGE",
        help=f"run the code in Docker containers of this image (default: {IMAGE})",
    )  # fmt: skip
    command.add_argument(
        "--chain", action="store_true", help="the student's own earlier labs below this one"
    )
    command = commands.add_parser("gradescope", help="make the autograder zip for Gradescope")
    command.add_argument("lab", help="such as lab04")
    command.add_argument("--out", help="the zip (default: gradescope-labNN.zip)")
    command = commands.add_parser("release", help="write a student repository")
    command.add_argument("--labs", default="all", help='such as "1-6" or "1-3,5" (default: all)')
    command.add_argument("--solutions", default="none", help="in the same way (default: none)")
    command.add_argument("--out", required=True, help="a new folder")
    command.add_argument("--address", help="where it will be on GitHub, for Colab")
    command = commands.add_parser("proof", help="test the tests, and publish it under docs/")
    command.add_argument("labs", nargs="*", type=int, help="only these, writing nothing")
    command.add_argument("--mechanical", action="store_true", help="mutants of the solutions")
    command.add_argument("--jobs", type=int, default=2, help="answers at a time (default: 2)")
    options = parser.parse_args(arguments)
    try:
        return COMMANDS[options.command](options)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def build(options):
    """Builds or checks the labs; returns the exit status."""
    from gpt_tf.course import build

    if options.check:
        found = build.differences(options.language)
        print("\n".join(found) or "labs/ and solutions/ are what the build makes.")
        return 1 if found else 0
    build.build(chosen(options.labs), not options.no_execute, options.language)
    return 0


def execute(options):
    """Runs solution notebooks without keeping them; returns the exit status."""
    from gpt_tf.course import build

    if options.short:
        os.environ["GPT_TF_SHORT"] = "1"
    for path in chosen(options.labs):
        seconds = build.run(build.notebooks(path)[1], path.stem)
        print(f"solutions/{path.stem}.ipynb ran from top to bottom in {seconds:.0f} s", flush=True)
    return 0


def grade(options):
    """Grades submissions; returns 1 where the grader itself failed."""
    from gpt_tf.course import exports, grade, layout, report

    lab = layout.lab_number(options.lab)
    graded = grade.grade(
        lab, options.submissions, options.out, options.jobs, options.seed,
        container=options.container, chain=options.chain,
    )  # fmt: skip
    exports.write(graded, options.out)
    target = pathlib.Path(options.out) / "results.csv"
    layout.write(target, grade.as_csv(graded))
    print(grade.table(graded))
    print(f"\n{len(graded)} submissions; {target}; {report.write(graded, options.out)}")
    for what in sorted({what for g in graded for what in g.missing}):
        print(f"Not kept from student code on this machine: {what}.")
    failed = [g.name for g in graded if g.failed]
    if failed:
        print(f"The grader itself failed on {', '.join(failed)}; these have no points.")
    return 1 if failed else 0


def gradescope(options):
    """Makes a lab's autograder for Gradescope; returns the exit status."""
    from gpt_tf.course import autograder, layout

    lab = layout.lab_number(options.lab)
    target = pathlib.Path(options.out or f"gradescope-lab{lab:02d}.zip")
    autograder.pack(lab, target)
    points = sum(exercise.points for exercise in layout.index()[layout.lab_stem(lab)])
    print(f"{target}: upload it to a programming assignment of {points} points in Gradescope.")
    return 0


def release(options):
    """Writes a student repository; returns the exit status."""
    from gpt_tf.course import release

    address = release.release(options.labs, options.solutions, options.out, options.address)
    print(f"{options.out} is written; in Colab, its notebooks fetch {address} (see --address).")
    return 0


def proof(options):
    """Runs the known answers, or the mechanical mutants; returns 1 where one is not as it must be.

    The pages are written when all labs are run.
    """
    from gpt_tf.course import layout, proof, proof_page, survivors, trial

    os.environ["GPT_TF_PARTS"] = "solutions"
    labs = [layout.lab_stem(lab) and lab for lab in options.labs] or None
    if options.mechanical:
        mutants, known = survivors.all_mutants(labs or survivors.LABS), survivors.reasons()
        results = trial.of_mutants(mutants, options.jobs)
        left = survivors.surviving(mutants, results)
        page, path = survivors.page(mutants, results, known), survivors.PAGE
        faults = [survivors.entry(m) for m, _ in left if (m.exercise, m.change) not in known]
        print(f"{len(mutants) - len(left)} of {len(mutants)} mutants killed.")
    else:
        answers = proof.answers(labs)
        outcomes = trial.of_answers(answers, options.jobs)
        page, path = proof_page.kill_matrix(answers, outcomes), proof_page.PAGE
        said = [(a.label, a.fault(outcomes[a.label])) for a in answers]
        faults = [f"{label}: {fault}" for label, fault in said if fault]
        print(f"{len(answers) - len(faults)} of {len(answers)} answers are judged as they must be.")
    print("\n".join(faults), end="\n" if faults else "")
    if labs is None:
        layout.write(path, page)
        print(path.relative_to(layout.ROOT))
    return 1 if faults else 0


def chosen(labs):
    """Returns the sources of the labs with these numbers; of all if there are none."""
    from gpt_tf.course import build

    found = {int(path.name[:2]): path for path in build.sources()}
    unknown = [str(lab) for lab in labs if lab not in found]
    if unknown:
        raise build.BadSource(
            f"There is no lab {', '.join(unknown)} in solutions/; the labs are "
            f"{', '.join(str(n) for n in found)}."
        )
    return [found[lab] for lab in labs] or list(found.values())


COMMANDS = {
    "build": build,
    "execute": execute,
    "grade": grade,
    "gradescope": gradescope,
    "proof": proof,
    "release": release,
}

if __name__ == "__main__":
    sys.exit(main())
