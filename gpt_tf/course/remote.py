"""The submission fixture for grading: the student's code runs in another, confined process.

It has the methods of `submission.Submission`, so that the same tests speak to both. Whatever the
other process does, the tests, the expected values and the score stay here.
"""

import itertools
import pathlib
import time

import numpy as np

from gpt_tf.config import GPTConfig
from gpt_tf.course import layout, wire
from gpt_tf.course.extract import NotALab
from gpt_tf.course.submission import (
    CHANGED,
    Crashed,
    NotAttempted,
    Part,
    Submission,
    TimedOut,
    Wrong,
)

_MOST_SKIPPED = 5  # definitions that may hang or end the process, before the file is given up
# What a process may answer, and the types of what comes with it: student code can send anything.
_BELOW = {"read": (list, dict), "not a lab": (str,)}
_LOADING = {"read": (dict,), "running": (int,), "loaded": (list,), "not a lab": (str,)}
_ASKED = {
    "ok": (object,),
    "not attempted": (str,),
    "wrong": (str, str),
    "crashed": (str, str, list, str),
}


class RemoteSubmission(Submission):
    """A student's code, run in a process of its own that is replaced when it crashes or hangs.

    Args:
        workers: `processes.Workers`.
        name: str, the file's name, shown in messages.
        data: bytes, what is in the file.
        lab: int, the lab under grading; the code may use the solutions of those before it.
        seed: int, for Keras before each call; it must not tell the seed of the tests.
        earlier: dict {lab: text}, other code for the labs before; None: the solutions.
        below: dict {lab: (name, bytes)}, the student's own files of labs before: what is written
            there is used in place of `earlier`.
        lent: str, definitions that take the place of the file's own.

    After `load`, `written` is {lab: {name: fingerprint}} of what the student wrote, here and in
    those files; see `extract.Source.fingerprints`.

    Raises:
        extract.NotALab: the file is neither a notebook nor Python; raised by `load`.
    """

    def __init__(self, workers, name, data, lab, seed=0, earlier=None, below=None, lent=""):
        self.workers, self.name, self.data, self.seed = workers, name, data, seed
        self.lab, self.below, self.lent, self.notes = lab, dict(below or {}), lent, {}
        self.earlier = solutions_before(lab) if earlier is None else earlier
        self.problems, self.skipped, self.written = [], {}, {}
        self.missing = []  # what this machine cannot keep from student code, once it is loaded
        self.asked = False  # whether code has run since the process was new
        self._process = None
        self._numbers, self._known = itertools.count(), {}
        self.renew()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.restart()

    def with_lent(self, text):
        """Returns a submission of the same file, in a process of its own, with other definitions.

        Args:
            text: str, Python text; what it defines takes the place of the file's own.
        """
        made = RemoteSubmission(
            self.workers, self.name, self.data, self.lab, self.seed, self.earlier, self.below, text
        )
        made.skipped = dict(self.skipped)
        return made

    def renew(self):
        """Gives the next exercise its time; see `processes.Limits.exercise_seconds`."""
        self._left = self.workers.limits.exercise_seconds

    def restart(self):
        """Ends the process; the next call gets a new one."""
        if self._process is not None:
            self._process.stop()
        self._process, self.asked = None, False

    def load(self):
        """Reads the file in a process; a definition that hangs or ends it is left out."""
        while self._process is None:
            process = self.workers.start()
            self.missing = process.missing
            what = self.name, self.data, self.seed, self.earlier, self.skipped, self.lent
            request, running = ["load", *what], None
            if not all(self._put_below(process, *file) for file in self.below.copy().items()):
                process.stop()
                continue
            try:
                status, answer = self._exchange(process, wire.encode(request), _LOADING)
                while status in ("read", "running"):
                    if status == "running":
                        running = answer
                    else:
                        # Only the first one was surely sent before any code of theirs ran.
                        self.written.setdefault(self.lab, answer)
                    status, answer = self._exchange(process, b"", _LOADING)
            except wire.BadFrame as error:
                process.stop()
                if running in (None, *self.skipped) or len(self.skipped) >= _MOST_SKIPPED:
                    raise NotALab(
                        f"{self.name} could not be read: {self._words(error)}."
                    ) from error
                self.skipped[running] = self._words(error)
                continue
            except BaseException:
                process.stop()
                raise
            if status == "not a lab":
                process.stop()
                raise NotALab(answer)
            self.problems = [*map(str, answer), *itertools.chain(*self.notes.values())]
            self._process = process

    def _put_below(self, process, lab, file):
        """Hands over the student's own earlier lab; returns False if the process is lost by it."""
        name, data = file
        lost = False
        try:
            request = wire.encode(["below", lab, name, data])
            status, *answer = self._exchange(process, request, _BELOW)
        except wire.BadFrame as error:
            why = f"{name} could not be read: {self._words(error)}."
            lost, status, answer = True, "not a lab", [why]
        if status == "read":
            self.notes[lab], self.written[lab] = [str(problem) for problem in answer[0]], answer[1]
            return True
        self.notes[lab] = [f"{answer[0]} The solution of lab {lab} was used."]
        del self.below[lab]
        return not lost

    def ask(self, kind, name, arguments, options):
        frame = wire.encode(["ask", kind, name, arguments, options], self._leave)
        try:
            self.load()
        except NotALab as error:
            raise Crashed.told(name, "NotALab", str(error)) from error
        self.asked = True
        try:
            status, *answer = self._exchange(self._process, frame, _ASKED)
        except wire.Silent as error:
            self.restart()
            raise TimedOut(f"{name} {self._words(error)}") from error
        except wire.BadFrame as error:
            self.restart()
            raise Crashed.told(name, type(error).__name__, self._words(error)) from error
        if status == "ok":
            return answer[0]
        if status == "not attempted":
            raise NotAttempted(answer[0])
        if status == "wrong":
            raise Wrong(answer[0], CHANGED if answer[1] == CHANGED else None)
        kind, message, lines, text = answer
        raise Crashed.told(name, kind, message, [str(line) for line in lines], text)

    def _exchange(self, process, frame, expected):
        """Sends a frame; returns the answer, a list as `expected` has it."""
        begun = time.monotonic()
        seconds = max(0.0, min(self.workers.limits.seconds, self._left))
        try:
            process.send(frame, seconds)
            answer = process.receive(seconds)
        finally:
            self._left -= time.monotonic() - begun
        if isinstance(answer, list) and answer and isinstance(answer[0], str):
            types = expected.get(answer[0], ())
            if len(types) == len(answer) - 1 > 0 and all(map(isinstance, answer[1:], types)):
                return answer
        raise wire.BadFrame("it is no answer")

    def _words(self, error):
        if isinstance(error, wire.Silent):
            limits = self.workers.limits
            if self._left <= 0:
                return f"took more than {limits.exercise_seconds:g} seconds, with all of its calls"
            return f"did not end within {limits.seconds:g} seconds"
        if isinstance(error, wire.Closed):
            return "ended its process"
        return f"sent what cannot be read ({error})"

    def _leave(self, value):
        """Puts into plain data what only tests send."""
        if isinstance(value, Part):
            # Kept, so that its id is not given to another one.
            number, _ = self._known.setdefault(id(value), (next(self._numbers), value))
            return "part", [number, value.name, value.config, value.weights, value.example]
        if isinstance(value, GPTConfig):
            return "config", value.to_dict()
        if isinstance(value, np.random.Generator):
            return "generator", value.bit_generator.state
        raise TypeError(f"a test may not send a {type(value).__name__}; see Submission.call")


def solutions_before(lab):
    """Returns {number: text} of the solutions of the labs before one."""
    files = {int(stem[:2]): layout.solution_file(int(stem[:2])) for stem in layout.index()}
    return {
        number: pathlib.Path(file).read_text(encoding="utf-8")
        for number, file in files.items()
        if number < lab and file.is_file()
    }
