"""The process in which a student's code runs, and the server that makes such processes.

`python -m gpt_tf.course.worker CONTROL` is the server: it imports TensorFlow once, and forks for
each request that comes through the socket CONTROL. The new process confines itself, then answers
through a socket of its own: it takes a lab's file and runs what `remote.RemoteSubmission` asks for.
Neither process ever holds a test or an expected value. Of the lab under grading, a process is given
the solution of an exercise only to try another one that calls it, once its own has failed; all that
is then heard from it is whether that one passes.
"""

import argparse
import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import numpy as np

from gpt_tf import parts
from gpt_tf.config import GPTConfig
from gpt_tf.course import extract, sandbox, wire
from gpt_tf.course.submission import Crashed, NotAttempted, Part, Submission, Wrong

_LOOK = 0.25  # seconds between two looks at what the processes take
_MOST_FILES = 10_000


def preload():
    """Imports what labs import, so that each forked process has it; runs no operation."""
    import keras  # noqa: F401
    import keras_hub  # noqa: F401
    import regex  # noqa: F401
    import tensorflow  # noqa: F401
    import tqdm.auto  # noqa: F401


class Server:
    """Starts and ends confined workers for the grader.

    Args:
        control: `socket.socket`, a Unix socket. A request is ["start", limits], which brings the
            worker's own socket with it and is answered by its pid; or ["end", pid], answered by
            None once nothing of that worker is left.
        fork: bool, whether a worker is a copy of this process, else a new interpreter.
    """

    def __init__(self, control, fork=True):
        self.control, self.fork = control, fork
        self.workers = {}  # {pid: (scratch folder, limits)}

    def serve(self):
        """Answers until the grader hangs up; then ends all workers."""
        if self.fork:
            preload()
        wire.send(self.control, wire.encode("ready"))
        while True:
            while not select.select([self.control], [], [], _LOOK)[0]:
                self.look()
            message, descriptors, _, _ = socket.recv_fds(self.control, 2**16, 1)
            if not message:
                break
            kind, argument = wire.decode(message)
            answer = self.start(argument, *descriptors) if kind == "start" else self.end(argument)
            wire.send(self.control, wire.encode(answer))
        for pid in list(self.workers):
            self.end(pid)

    def start(self, limits, descriptor):
        """Starts a worker; returns its pid."""
        scratch = tempfile.mkdtemp(prefix="gpt_tf-")
        pid = os.fork()
        if pid == 0:
            self.control.close()
            request = {"scratch": scratch, "limits": limits}
            if self.fork:
                run(socket.socket(fileno=descriptor), request)
            os.set_inheritable(descriptor, True)
            command = [sys.executable, "-m", __spec__.name, str(descriptor)]
            os.execv(sys.executable, [*command, "--once", json.dumps(request)])
        os.close(descriptor)
        self.workers[pid] = scratch, limits
        return pid

    def end(self, pid):
        """Kills a worker and deletes its files. Until then no other process can have its pid."""
        scratch, _ = self.workers.pop(pid)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        remove(scratch)

    def look(self):
        """Kills workers that take more than their limits of what no kernel's limit counts."""
        for pid, (scratch, limits) in self.workers.items():
            if threads_of(pid) > limits["threads"] or not small(scratch, limits["disk_bytes"]):
                os.kill(pid, signal.SIGKILL)


def threads_of(pid):
    """Returns how many threads a process has, 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/task"))
    return 0


def small(folder, most):
    """Returns whether all in a folder takes at most so many bytes, and few files."""
    count, size, folders = 0, 0, [folder]
    while folders and count <= _MOST_FILES and size <= most:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in itertools.islice(entries, _MOST_FILES):
                    count += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except FileNotFoundError:
            pass  # deleted in the meantime
        except OSError:
            return False  # closed, or too deep for the system's own names: nobody needs that
    return count <= _MOST_FILES and size <= most


def remove(folder):
    """Deletes a folder, whatever a student left in it."""
    with contextlib.suppress(OSError, RecursionError):
        shutil.rmtree(folder)
        return
    # Folders that may not be entered, or that lie deeper than Python can follow.
    for option in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
        subprocess.run([*option, "--", folder], check=False, stderr=subprocess.DEVNULL)


def run(channel, request):
    """Becomes a worker: confines this process, answers, and never returns.

    Args:
        channel: `socket.socket` to the grader.
        request: dict with "scratch" (path) and "limits", see `sandbox.confine`.
    """
    status = 1
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        missing = sandbox.confine(request["scratch"], request["limits"])
        wire.send(channel, wire.encode(missing))
        Worker(channel).serve()
        status = 0
    except wire.BadFrame:
        pass  # the grader is gone, or has heard enough
    finally:
        # Without the hooks that student code may have left for the end.
        os._exit(status)


class Worker:
    """Answers a grader's requests about one lab's file.

    Args:
        channel: `socket.socket`.
    """

    def __init__(self, channel):
        self.channel = channel
        self.submission = None
        self.below, self.sent = {}, {}

    def serve(self):
        """Answers until the grader hangs up."""
        while True:
            kind, *arguments = wire.decode(wire.receive(self.channel), self._arrive)
            answer = getattr(self, f"on_{kind}")(*arguments)
            try:
                frame = wire.encode(answer)
            except (TypeError, wire.TooLarge) as error:
                frame = wire.encode(["wrong", f"The result cannot be read: {error}.", ""])
            wire.send(self.channel, frame)

    def on_below(self, number, name, data):
        """Takes the student's own file of an earlier lab; `on_load` comes after it.

        Args:
            number: int, the earlier lab.
            name: str, the file's name.
            data: bytes, what is in it.

        Returns:
            ["read", problems, fingerprints of what is written there], or ["not a lab", sentence].
        """
        try:
            source = extract.from_bytes(name, data).written()
        except ValueError as error:
            return ["not a lab", str(error)]
        self.below[number] = source
        return ["read", list(source.problems), source.fingerprints()]

    def on_load(self, name, data, seed, earlier, skipped, lent):
        """Takes a lab's file, and runs its definitions.

        Before the first of them runs, ["read", fingerprints of what is written there] is sent.

        Args:
            name: str, the file's name.
            data: bytes, what is in it.
            seed: int, for Keras before each call.
            earlier: dict {lab: str}, the text of the labs before it. What `on_below` took is put
                on top: the student's own definitions, and these where the student wrote none.
            skipped: dict {number: sentence} of statements that ended a process before.
            lent: str, definitions that take the place of the file's own.

        Returns:
            ["loaded", problems], or ["not a lab", sentence].
        """
        try:
            source = extract.from_bytes(name, data)
        except ValueError as error:
            return ["not a lab", str(error)]
        wire.send(self.channel, wire.encode(["read", source.written().fingerprints()]))
        below = {n: extract.from_text(f"lab {n}", text) for n, text in earlier.items()}
        for n, mine in self.below.items():
            below[n] = below[n].with_answer(mine) if n in below else mine
        parts.take_from(below)
        lent = extract.from_text("the solution", lent)
        self.submission = Submission(source.with_answer(lent), seed)
        self.submission.load(skipped, self._before)
        return ["loaded", list(source.problems)]

    def on_ask(self, *question):
        """Asks the submission; returns ["ok", its result] or what went wrong."""
        try:
            return ["ok", self.submission.ask(*question)]
        except NotAttempted as error:
            return ["not attempted", str(error)]
        except Wrong as error:
            return ["wrong", error.message, error.misconception or ""]
        except Crashed as error:
            return ["crashed", error.type, error.message, error.lines, str(error)]

    def _before(self, number):
        # Should the statement hang or end the process, the grader knows which one it was.
        wire.send(self.channel, wire.encode(["running", number]))

    def _arrive(self, tag, value):
        """Makes what a test sent: a Part that was sent before is the same Part again."""
        if tag == "part":
            number, *fields = value
            if number not in self.sent:
                self.sent[number] = Part(*fields)
            return self.sent[number]
        if tag == "config":
            return GPTConfig(**value)
        if tag == "generator":
            generator = np.random.default_rng(0)
            generator.bit_generator.state = value
            return generator
        raise wire.BadFrame(f"a test sent a {tag!r}")


def main(arguments=None):
    """Runs the server, or with --once a single worker; never returns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("control", help="number of an inherited socket, or path of a Unix socket")
    parser.add_argument("--spawn", action="store_true", help="new interpreters, no forks")
    parser.add_argument("--once", type=json.loads, metavar="REQUEST", help="be one worker")
    options = parser.parse_args(arguments)
    if options.control.isdigit():
        channel = socket.socket(fileno=int(options.control))
    else:
        channel = socket.socket(socket.AF_UNIX)
        channel.connect(options.control)
    if options.once:
        preload()
        run(channel, options.once)
    Server(channel, fork=not options.spawn).serve()
    # Nothing is left to tidy up, and unloading TensorFlow takes seconds.
    os._exit(0)


if __name__ == "__main__":
    main()
