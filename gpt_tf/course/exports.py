"""Results in the forms that other systems read: Gradescope and GitHub Classroom.

Where the grader itself failed there is no score in either of them, so that nobody gets a zero.
"""

import json
import pathlib

from gpt_tf.course import layout
from gpt_tf.course.names import safe_names
from gpt_tf.course.runner import printable


def write(graded, out):
    """Writes `gradescope/NAME.json` and `classroom/NAME.json` for each submission.

    Args:
        graded: list of `grade.Graded`.
        out: path of a folder; those two are made in it.
    """
    stems = safe_names(g.name for g in graded)
    for folder, form in (("gradescope", gradescope), ("classroom", classroom)):
        for g in graded:
            layout.write(pathlib.Path(out) / folder / f"{stems[g.name]}.json", dumps(form(g)))


def dumps(results):
    """Returns what `gradescope` or `classroom` gave as JSON text."""
    return json.dumps(results, indent=1, ensure_ascii=False) + "\n"


def gradescope(graded):
    """Returns one submission's results as Gradescope's results.json.

    The form is that of "Autograder Specifications" in Gradescope's documentation, section "Output
    format". It asks for a score of the whole or of each test; where the grader failed there is
    neither, so Gradescope cannot take the submission for graded.

    Args:
        graded: `grade.Graded`.

    Returns:
        dict of plain data.
    """
    results = {
        "output": printable("\n".join(graded.problems)),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "execution_time": round(graded.seconds, 1),
    }
    if graded.failed:
        return results | {"output": _no_score(graded)}
    tests = [
        {
            "number": str(number),
            "name": _title(result),
            "score": result.points,
            "max_score": _most(result),
            "status": "passed" if result.status == "passed" else "failed",
            "output": printable(result.report()),
            "output_format": "text",
            "visibility": "visible",
            "tags": [result.status],
            "extra_data": {"exercise": result.exercise, "misconception": result.misconception},
        }
        for number, result in enumerate(graded.results, 1)
    ]
    return results | {"score": graded.points, "tests": tests}


def classroom(graded):
    """Returns one submission's results as the graders of GitHub Classroom give them.

    The form is that of the actions `classroom-resources/autograding-python-grader` and
    `autograding-io-grader`; `autograding-grading-reporter` reads it, in base64, from an environment
    variable. It leaves a `max_score` of 0 out of the points that it reports, and fails its step at
    the status "error": so it is where the grader failed.

    Args:
        graded: `grade.Graded`.

    Returns:
        dict of plain data.
    """
    if graded.failed:
        tests = [_classroom_test(graded.name, "error", _no_score(graded))]
        return {"version": 1, "status": "error", "max_score": 0, "tests": tests}
    tests = []
    for result in graded.results:
        if result.status == "passed":
            tests.append(_classroom_test(_title(result), "pass", None, result.points))
        else:
            tests.append(_classroom_test(_title(result), "fail", printable(result.report())))
    return {
        "version": 1,
        "status": "pass" if all(test["status"] == "pass" for test in tests) else "fail",
        "max_score": sum(_most(result) for result in graded.results),
        "tests": tests,
    }


def _classroom_test(name, status, message, score=0):
    return {
        "name": name,
        "status": status,
        "message": message,
        # The reporter shows an error's message; of a failed test it shows this.
        "test_code": message if status == "fail" else "",
        "filename": "",
        "line_no": 0,
        "score": score,
    }


def _no_score(graded):
    failed = ", ".join(r.exercise for r in graded.results if r.status == "grader error")
    return (
        f"There is no score yet: the grader itself failed on {failed}. That is not your fault and "
        "no zero; your instructor has to look at it and grade again."
    )


def _title(result):
    exercise = layout.exercises()[result.exercise]
    return f"{exercise.name} ({exercise.title})"


def _most(result):
    return layout.exercises()[result.exercise].points
