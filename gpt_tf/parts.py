"""Your own answers, or the solutions: `from gpt_tf import parts; parts.CausalSelfAttention`.

Everything that the labs build is reached through this module, so that your code runs the later
labs, and a solution can be swapped in part by part. Set the environment variable `GPT_TF_PARTS`,
or call `start(lab=5, parts=...)`: "mine" takes your green answer from `my_work/` where there is
one and the solution elsewhere; "solutions" takes the solutions only.
"""

import functools
import os

from gpt_tf.course import extract, layout

MODES = ("mine", "solutions")
_taken = {}
_handed = None


class PartMissing(LookupError):
    """A part is neither solved nor handed out; the message names the lab to finish."""


def mode():
    """Returns "mine" or "solutions" (the default), from the environment variable GPT_TF_PARTS.

    Raises:
        ValueError: the variable holds another word.
    """
    chosen = os.environ.get("GPT_TF_PARTS", "solutions")
    if chosen not in MODES:
        raise ValueError(f"GPT_TF_PARTS is {chosen!r}; set it to 'mine' or 'solutions'.")
    return chosen


def saved_file(exercise):
    """Returns the path where a green answer to an exercise is kept."""
    return layout.my_work() / f"lab{exercise.lab:02d}" / f"{exercise.name}.py"


def take_from(sources):
    """Takes parts from these sources only, whatever else is on the disk; for grading.

    Args:
        sources: dict {lab: `extract.Source`}.
    """
    global _handed
    _handed = dict(sources)


def which():
    """Returns {name: file} of the parts taken so far, so that you can see whose they are."""
    return dict(_taken)


def resolve(name):
    """Finds a part by its name.

    Args:
        name: str, a definition of one of the labs, such as "CausalSelfAttention".

    Returns:
        The function or class.

    Raises:
        AttributeError: no lab has a part of that name.
        PartMissing: it is neither in `my_work/` nor in `solutions/`, or (in grading) it is no part
            of an earlier lab.
    """
    exercise = next((e for e in layout.exercises().values() if e.name == name), None)
    if exercise is None:
        known = ", ".join(sorted(e.name for e in layout.exercises().values()))
        raise AttributeError(f"No lab has a part called {name!r}. The parts are: {known}.")
    if _handed is not None:
        if exercise.lab not in _handed:
            raise PartMissing(
                f"{name} is a part of lab {exercise.lab}, whose parts cannot be taken while a lab "
                "that comes no later is graded: write it yourself."
            )
        return getattr(_handed_module(exercise.lab), name)
    files = [layout.solution_file(exercise.lab)]
    if mode() == "mine":
        files.insert(0, saved_file(exercise))
    path = next((f for f in files if f.is_file()), None)
    if path is None:
        raise PartMissing(
            f"{name} is a part of lab {exercise.lab}, which is not solved yet: make "
            f'check("{exercise.id}") green in labs/{layout.lab_stem(exercise.lab)}.ipynb, '
            f"or put that lab's solution into solutions/."
        )
    _taken[name] = str(path)
    return getattr(_module(path, path.stat().st_mtime_ns), name)


@functools.cache
def _module(path, _changed):
    return extract.from_file(path).module()


@functools.cache
def _handed_module(lab):
    return _handed[lab].module()


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return resolve(name)
