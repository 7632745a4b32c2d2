"""Starts and ends the confined processes in which student code runs.

A server (`gpt_tf.course.worker`) imports TensorFlow once and makes them, on this machine or in a
Docker container. The grader only ever speaks to it and to them through sockets.
"""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from gpt_tf.course import layout, sandbox, wire

DOCKERFILE = pathlib.Path(__file__).with_name("Dockerfile")
_PATIENCE = 120.0  # seconds for TensorFlow's import, and for a process to confine itself
_TENSORFLOW = 2 * 2**30  # bytes that a container needs before any student code runs


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a student's code may use.

    Args:
        seconds: float, wall-clock time of one request.
        exercise_seconds: float, wall-clock time of all requests of one exercise.
        cpu_seconds: int, processor time of one process.
        memory_bytes: int, beyond what TensorFlow takes; 0 for no limit.
        file_bytes: int, size of one file in the scratch folder.
        disk_bytes: int, size of all of them; looked at four times a second.
        threads: int, looked at as often.
    """

    seconds: float = 20.0
    exercise_seconds: float = 60.0
    cpu_seconds: int = 120
    memory_bytes: int = 4 * 2**30
    file_bytes: int = 16 * 2**20
    disk_bytes: int = 256 * 2**20
    threads: int = 2000

    def of_process(self):
        """Returns those that the server and the process itself keep, as a dict of int."""
        fields = dataclasses.asdict(self)
        return {n: v for n, v in fields.items() if n not in ("seconds", "exercise_seconds")}


class Workers:
    """Makes confined processes; use it in a `with` statement.

    Args:
        limits: `Limits`.
        fork: bool, fork them from a server that has imported TensorFlow once; else each imports it
            anew, which takes seconds. None: fork where that works (Linux).
        container: str or None, a Docker image in which they run; see `find_docker`.

    Example:
        >>> with Workers() as workers:
        ...     submission = RemoteSubmission(workers, "04.ipynb", data, lab=4)
    """

    def __init__(self, limits=None, fork=None, container=None):
        if sys.platform == "win32":
            raise OSError("Grading needs Linux or macOS; on Windows, use WSL.")
        self.limits = limits or Limits()
        self.fork = (sys.platform == "linux" or bool(container)) if fork is None else fork
        self.container = container
        self.control = self.server = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the server and its processes; `start` makes a new one."""
        if self.server is not None:
            self.control.close()
            # The server ends its processes, deletes their files, and then itself.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.wait(10)
            self.server.kill()
            self.server.wait()
            self.server = None

    def start(self):
        """Starts a process.

        Returns:
            `Process`, confined and ready to be loaded.

        Raises:
            RuntimeError: it could not be started.
        """
        mine, theirs = socket.socketpair()
        try:
            if self.server is None or self.server.poll() is not None:
                self._serve()
            request = ["start", self.limits.of_process()]
            try:
                pid = _ask(self.control, request, [theirs.fileno()])
            except wire.Closed:  # it has just ended
                self._serve()
                pid = _ask(self.control, request, [theirs.fileno()])
            theirs.close()  # or nobody would notice that the process is gone
            missing = wire.decode(wire.receive(mine, _PATIENCE))
        except wire.BadFrame as error:
            mine.close()
            raise RuntimeError(f"The process for student code could not start: {error}.") from error
        finally:
            theirs.close()
        control = self.control
        return Process(mine, missing, lambda: _ask(control, ["end", pid]))

    def _serve(self):
        self.close()
        if self.container:
            self.control, self.server = _serve_in_container(self.container, self.limits)
        else:
            self.control, self.server = _serve_here(self.fork)
        wire.receive(self.control, _PATIENCE)


class Process:
    """One confined process and the socket to it.

    Args:
        channel: `socket.socket`.
        missing: list of str, see `sandbox.confine`.
        end: function that ends the process for certain, and deletes its files.
    """

    def __init__(self, channel, missing, end):
        self.channel, self.missing = channel, missing
        self._end = end

    def send(self, frame, seconds):
        """Sends a frame; raises `wire.BadFrame`."""
        wire.send(self.channel, frame, seconds)

    def receive(self, seconds):
        """Returns the plain data that comes within so many seconds; raises `wire.BadFrame`."""
        return wire.decode(wire.receive(self.channel, seconds))

    def stop(self):
        """Ends the process."""
        self.channel.close()
        # A server that is gone has taken its processes along.
        with contextlib.suppress(wire.BadFrame):
            self._end()


def _ask(control, request, descriptors=()):
    """Sends a server a request, and sockets with it; returns the answer."""
    try:
        control.settimeout(_PATIENCE)
        socket.send_fds(control, [wire.encode(request)], descriptors)
    except OSError as error:
        raise wire.Closed(str(error)) from error
    return wire.decode(wire.receive(control, _PATIENCE))


def _serve_here(fork):
    """Returns (control socket, started server) on this machine."""
    mine, theirs = socket.socketpair()
    # Nothing of the grader's environment goes along, nor its current folder.
    environment = {name: os.environ[name] for name in ("LANG", "HOME") if name in os.environ}
    environment |= sandbox.ENVIRONMENT | {"PYTHONPATH": str(layout.ROOT)}
    command = [sys.executable, *_server(theirs.fileno(), fork)]
    with theirs:
        server = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=environment, cwd=tempfile.gettempdir(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    return mine, server


def _serve_in_container(image, limits):
    """Returns (control socket, started `docker run`) once the server in it has called."""
    with tempfile.TemporaryDirectory(prefix="gpt_tf-") as folder:
        listener = socket.socket(socket.AF_UNIX)
        with listener:
            listener.bind(os.path.join(folder, "control"))
            listener.listen()
            server = subprocess.Popen(
                docker_command(image, folder, limits, os.getuid(), os.getgid()),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            return _accept(listener, server, image), server


def _accept(listener, server, image):
    listener.settimeout(0.5)
    begun = time.monotonic()
    while server.poll() is None and time.monotonic() - begun < _PATIENCE:
        with contextlib.suppress(TimeoutError):
            return listener.accept()[0]
    server.kill()
    server.wait()
    raise RuntimeError(
        f"The container of {image} did not start Python with this course's packages; build it with "
        f"{_build_command(image)}"
    )


def docker_command(image, folder, limits, user, group):
    """Returns the command that runs a server in a container.

    It has no network, a root that cannot be written, no rights, and the package from this machine
    (without solutions and tests), at the paths that it has here.

    Args:
        image: str, a Docker image with Python and the course's packages.
        folder: str, where the socket "control" is, the grader's.
        limits: `Limits`.
        user, group: int, ids of whom it runs as.

    Returns:
        List of str.
    """
    shared = [str(layout.ROOT / "gpt_tf"), str(layout.ROOT / "datasets"), folder]
    environment = sandbox.ENVIRONMENT | {"PYTHONPATH": str(layout.ROOT), "TMPDIR": "/scratch"}
    del environment["PATH"]  # the image knows where its Python is
    memory = limits.memory_bytes and limits.memory_bytes + _TENSORFLOW
    return [
        "docker", "run", "--rm", "--pull", "never", "--network", "none", "--ipc", "none",
        "--read-only", "--tmpfs", f"/scratch:rw,nosuid,nodev,mode=1777,size={limits.disk_bytes}",
        *(("--memory", str(memory), "--memory-swap", str(memory)) if memory else ()),
        "--pids-limit", str(limits.threads), "--ulimit", "core=0", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", "--user", f"{user}:{group}", "--workdir", "/scratch",
        *(o for path in shared for o in ("--volume", f"{path}:{path}:ro")),
        *(o for name, value in environment.items() for o in ("--env", f"{name}={value}")),
        image, "python", *_server(os.path.join(folder, "control"), fork=True),
    ]  # fmt: skip


def _server(control, fork):
    return ["-m", "gpt_tf.course.worker", str(control), *(() if fork else ("--spawn",))]


def find_docker(image):
    """Makes sure that Docker is there and has an image.

    Args:
        image: str.

    Raises:
        RuntimeError: Docker is not there, does not run, or has no such image.
    """
    if shutil.which("docker") is None:
        raise RuntimeError(
            "--container needs Docker, and there is no docker command on this machine; install it, "
            "or leave --container out."
        )
    found = subprocess.run(
        ["docker", "image", "inspect", image], capture_output=True, text=True, check=False
    )
    if found.returncode:
        said = " ".join(found.stderr.split()) or "it gave no reason"
        raise RuntimeError(
            f"Docker cannot give the image {image} ({said}); build it with {_build_command(image)}"
        )


def _build_command(image):
    return f"docker build -t {image} -f {DOCKERFILE} {layout.ROOT}"
