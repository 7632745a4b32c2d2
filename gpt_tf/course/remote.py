"""The submission fixture for grading: the student's code runs in another, confined process.

It has the methods of `submission.Submission`, so that the same tests speak to both. Whatever the
other process does, the tests, the expected values and the score stay here.
"""

import dataclasses
import itertools
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

import numpy as np

from gpt_tf.config import GPTConfig
from gpt_tf.course import layout, sandbox, wire
from gpt_tf.course.extract import NotALab
from gpt_tf.course.submission import Crashed, NotAttempted, Part, Submission, TimedOut, Wrong

_PATIENCE = 120.0  # seconds for TensorFlow's import, and for a worker to confine itself
_MOST_SKIPPED = 5  # definitions that may hang or end the process, before the file is given up


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a student's code may use.

    Args:
        seconds: float, wall-clock time of one request.
        cpu_seconds: int, processor time of one worker.
        memory_bytes: int, beyond what TensorFlow takes; 0 for no limit.
        file_bytes: int, size of one file in the scratch folder.
    """

    seconds: float = 20.0
    cpu_seconds: int = 120
    memory_bytes: int = 4 * 2**30
    file_bytes: int = 16 * 2**20

    def of_process(self):
        """Returns what `sandbox.confine` takes."""
        fields = dataclasses.asdict(self)
        return {name: value for name, value in fields.items() if name != "seconds"}


class Workers:
    """Makes confined processes; use it in a `with` statement.

    Args:
        limits: `Limits`.
        fork: bool, fork them from a server that has imported TensorFlow once; else each imports it
            anew, which takes seconds. None: fork where that works (Linux).

    Example:
        >>> with Workers() as workers:
        ...     submission = RemoteSubmission(workers, "04.ipynb", data, lab=4)
    """

    def __init__(self, limits=None, fork=None):
        if sys.platform == "win32":
            raise OSError("Grading needs Linux or macOS; on Windows, use WSL.")
        self.limits = limits or Limits()
        self.fork = sys.platform == "linux" if fork is None else fork
        self.control = self.server = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.server is not None:
            self.control.close()
            self.server.kill()
            self.server.wait()
            self.server = None

    def start(self):
        """Starts a worker.

        Returns:
            `_Process`, confined and ready to be loaded.

        Raises:
            RuntimeError: it could not be started.
        """
        scratch = tempfile.TemporaryDirectory(prefix="gpt_tf-")
        mine, theirs = socket.socketpair()
        request = {"scratch": scratch.name, "limits": self.limits.of_process()}
        try:
            process = (self._forked if self.fork else self._spawned)(theirs, mine, request)
            missing = wire.decode(wire.receive(mine, _PATIENCE))
        except wire.BadFrame as error:
            raise RuntimeError(f"The process for student code could not start: {error}.") from error
        finally:
            theirs.close()
        return _Process(mine, process, scratch, missing)

    def _forked(self, theirs, _mine, request):
        if self.server is None or self.server.poll() is not None:
            self.control, other = socket.socketpair()
            self.server = _python(other)
            other.close()
            wire.receive(self.control, _PATIENCE)
        socket.send_fds(self.control, [wire.encode(request)], [theirs.fileno()])
        pid = wire.decode(wire.receive(self.control, _PATIENCE))
        return lambda: os.kill(pid, signal.SIGKILL)

    def _spawned(self, theirs, mine, request):
        started = _python(theirs, "--once")
        wire.send(mine, wire.encode(request))

        def stop():
            started.kill()
            started.wait()

        return stop


def _python(channel, *options):
    # Nothing of the grader's environment goes along, nor its current folder.
    environment = {name: os.environ[name] for name in ("LANG", "HOME") if name in os.environ}
    environment |= sandbox.ENVIRONMENT | {"PYTHONPATH": str(layout.ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "gpt_tf.course.worker", str(channel.fileno()), *options],
        pass_fds=[channel.fileno()], env=environment, cwd=tempfile.gettempdir(),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


class _Process:
    """One confined process and the socket to it."""

    def __init__(self, channel, stop, scratch, missing):
        self.channel, self.missing = channel, missing
        self._stop, self._scratch = stop, scratch

    def ask(self, frame, seconds):
        wire.send(self.channel, frame)
        return wire.decode(wire.receive(self.channel, seconds))

    def stop(self):
        self.channel.close()
        try:
            self._stop()
        except ProcessLookupError:
            pass
        self._scratch.cleanup()


class RemoteSubmission(Submission):
    """A student's code, run in a process of its own that is replaced when it crashes or hangs.

    Args:
        workers: `Workers`.
        name: str, the file's name, shown in messages.
        data: bytes, what is in the file.
        lab: int, the lab under grading; the code may use the solutions of those before it.
        seed: int, for Keras before each call; it must not tell the seed of the tests.
        earlier: dict {lab: text}, other code for the labs before; None: the solutions.

    Raises:
        extract.NotALab: the file is neither a notebook nor Python; raised by `load`.
    """

    def __init__(self, workers, name, data, lab, seed=0, earlier=None):
        self.workers, self.name, self.data, self.seed = workers, name, data, seed
        self.earlier = solutions_before(lab) if earlier is None else earlier
        self.problems, self.skipped = [], {}
        self.asked = False  # whether code has run since the process was new
        self._process = None
        self._numbers, self._known = itertools.count(), {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.restart()

    @property
    def missing(self):
        """What this machine cannot keep from student code; see `sandbox.confine`."""
        return self._ready().missing

    def restart(self):
        """Ends the process; the next call gets a new one."""
        if self._process is not None:
            self._process.stop()
        self._process, self.asked = None, False

    def call(self, name, *args, **kwargs):
        return self._ask(name, "call", (name, *args), kwargs)

    def compiled(self, name, *args, **kwargs):
        return self._ask(name, "compiled", (name, *args), kwargs)

    def layer(self, name, config, weights, *inputs, **options):
        return self._ask(name, "layer", (name, config, weights, *inputs), options)

    def weights(self, name, config, *inputs):
        return self._ask(name, "weights", (name, config, *inputs), {})

    def weights_of(self, part):
        return self._ask(part.name, "weights_of", (part,), {})

    def load(self):
        """Reads the file in a process; a definition that hangs or ends it is left out."""
        while self._process is None:
            process = self.workers.start()
            request = ["load", self.name, self.data, self.seed, self.earlier, self.skipped]
            running = None
            try:
                answer = process.ask(wire.encode(request), self.workers.limits.seconds)
                while answer[0] == "running":
                    running = answer[1]
                    answer = wire.decode(wire.receive(process.channel, self.workers.limits.seconds))
            except wire.BadFrame as error:
                process.stop()
                if running is None or len(self.skipped) >= _MOST_SKIPPED:
                    raise NotALab(f"{self.name} could not be read: {error}.") from error
                self.skipped[running] = _in_words(error, self.workers.limits)
                continue
            if answer[0] == "not a lab":
                process.stop()
                raise NotALab(str(answer[1]))
            self.problems = [str(p) for p in answer[1]]
            self._process = process

    def _ready(self):
        self.load()
        return self._process

    def _ask(self, name, method, arguments, options):
        frame = wire.encode(["ask", method, arguments, options], self._leave)
        process, self.asked = self._ready(), True
        try:
            status, *answer = process.ask(frame, self.workers.limits.seconds)
        except wire.Silent as error:
            self.restart()
            raise TimedOut(f"{name} {_in_words(error, self.workers.limits)}") from error
        except (wire.BadFrame, TypeError, ValueError) as error:
            self.restart()
            raise Crashed.told(name, type(error).__name__, _in_words(error, None)) from error
        if status == "ok":
            return answer[0]
        if status == "not attempted":
            raise NotAttempted(str(answer[0]))
        if status == "wrong":
            raise Wrong(str(answer[0]), _text(answer[1]), None)
        kind, message, lines, text = (answer + [""] * 4)[:4]
        raise Crashed.told(name, str(kind), str(message), list(map(str, lines)), str(text))

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


def _in_words(error, limits):
    if isinstance(error, wire.Silent):
        return f"did not end within {limits.seconds:g} seconds"
    if isinstance(error, wire.Closed):
        return "ended its process"
    return f"sent what cannot be read ({error})"


def _text(value):
    return value if isinstance(value, str) else None
