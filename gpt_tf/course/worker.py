"""The process in which a student's code runs, and the server that makes such processes.

`python -m gpt_tf.course.worker FD` is the server: it imports TensorFlow once, and forks for each
request that comes through the socket FD. The new process confines itself, then answers through a
socket of its own: it takes a lab's file and runs what `remote.RemoteSubmission` asks for. Neither
process ever holds a test, an expected value or the solution of the lab under grading.
"""

import argparse
import os
import signal
import socket
import sys

import numpy as np

from gpt_tf import parts
from gpt_tf.config import GPTConfig
from gpt_tf.course import extract, sandbox, wire
from gpt_tf.course.submission import Crashed, NotAttempted, Part, Submission, Wrong


def preload():
    """Imports what labs import, so that each forked process has it; runs no operation."""
    import keras  # noqa: F401
    import keras_hub  # noqa: F401
    import regex  # noqa: F401
    import tensorflow  # noqa: F401
    import tqdm.auto  # noqa: F401


def serve_forks(control):
    """Forks a confined worker for each request, until the other side hangs up.

    Args:
        control: `socket.socket`, a Unix socket; a request brings the worker's own socket with it.
    """
    preload()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries the dead
    wire.send(control, wire.encode("ready"))
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 2**16, 1)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            control.close()
            run(socket.socket(fileno=descriptors[0]), wire.decode(message))
        os.close(descriptors[0])
        wire.send(control, wire.encode(pid))


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
                frame = wire.encode(["wrong", f"The result cannot be read: {error}.", None, None])
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

    def on_load(self, name, data, seed, earlier, skipped):
        """Takes a lab's file, and runs its definitions.

        Before the first of them runs, ["read", fingerprints of what is written there] is sent.

        Args:
            name: str, the file's name.
            data: bytes, what is in it.
            seed: int, for Keras before each call.
            earlier: dict {lab: str}, the text of the labs before it. What `on_below` took is put
                on top: the student's own definitions, and these where the student wrote none.
            skipped: dict {number: sentence} of statements that ended a process before.

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
        self.submission = Submission(source, seed)
        self.submission.load(skipped, self._before)
        return ["loaded", list(source.problems)]

    def on_ask(self, method, arguments, options):
        """Calls a method of the submission; returns ["ok", its result] or what went wrong."""
        try:
            return ["ok", getattr(self.submission, method)(*arguments, **options)]
        except NotAttempted as error:
            return ["not attempted", str(error)]
        except Wrong as error:
            return ["wrong", error.message, error.misconception, error.ratio]
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
    """Runs the server, or with --once a single worker; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("descriptor", type=int, help="number of an inherited socket")
    parser.add_argument("--once", action="store_true", help="be one worker, do not fork")
    options = parser.parse_args(arguments)
    channel = socket.socket(fileno=options.descriptor)
    if options.once:
        preload()
        run(channel, wire.decode(wire.receive(channel)))
    serve_forks(channel)
    return 0


if __name__ == "__main__":
    sys.exit(main())
