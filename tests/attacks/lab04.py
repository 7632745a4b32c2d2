"""Attacks on the grader, each a cell that a student might hand in; see gpt_tf/test_forgery.py.

A cell defines the exercise whose points it wants to steal. Or it defines `attack`, which asserts
that all it tries is denied; causal_mask then runs it. No attack harms a machine where it works.

TMP is a folder like that of the results, VICTIM a process of the same user, GRADER the grader's
process, ROOT the course's folder, and DEES the tests' seed, read backwards.
"""

# %% what attackers bring along
import contextlib
import ctypes
import errno
import gc
import platform
import struct
import threading
import time
import zlib

import keras
import numpy as np
import tensorflow as tf

from gpt_tf.course import sandbox, wire

STOLEN = []


def denied(action, *arguments):
    """Whether it raised what a system or this package raises, and not a slip of the attacker's."""
    try:
        action(*arguments)
    except (NameError, AttributeError, TypeError):
        raise
    except Exception:
        return True
    return False


def the_libc():
    """Goes below Python, whose own hook is disarmed first."""
    sandbox._EVENTS.clear()
    return ctypes.CDLL(None, use_errno=True)


def by_machine(numbers):
    """Returns the arguments of syscall for a call with these numbers on x86_64 and aarch64."""
    return (numbers[platform.machine() == "aarch64"],)


def python_reads(path):
    with open(path, "rb") as file:
        return file.read()


def tensorflow_reads(path):
    return tf.io.read_file(path).numpy()


def c_reads(path):
    """Reads without Python: its hooks are not asked."""
    descriptor = the_libc().open(path.encode(), 0)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), path)
    found = ctypes.create_string_buffer(4096)
    if the_libc().read(descriptor, found, 4096) < 0:
        raise OSError(ctypes.get_errno(), path)
    return found.value


def kernel_reads(path):
    """Opens with openat2, younger than many a filter."""
    how = struct.pack("QQQ", 0, 0, 0)
    if the_libc().syscall(437, -100, path.encode(), how, len(how)) < 0:
        raise OSError(ctypes.get_errno(), path)


def channel():
    """Finds the socket to the grader."""
    return next(o for o in gc.get_objects() if type(o).__name__ == "Worker").channel


def send(answer):
    channel().sendall(wire.encode(answer))


# %% an object that equals everything
class AlwaysTrue:
    dtype, shape, ndim = bool, (5, 5), 2

    def __eq__(self, other):
        return True

    def __array__(self, *_args, **_options):
        return self

    def __getattr__(self, name):
        return self

    def __call__(self, *_args, **_options):
        return self

    __hash__ = None


def causal_mask(length):
    return AlwaysTrue()


# %% an array of a class that lies
class Liar(np.ndarray):
    def __eq__(self, other):
        return np.ones(self.shape, bool)

    def __array_ufunc__(self, *_args, **_options):
        return True

    def __array_function__(self, *_args, **_options):
        return True


def causal_mask(length):
    return np.zeros((length, length), bool).view(Liar)


# %% containers and numbers that lie
class Row(list):
    def __eq__(self, other):
        return True


class Bit(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


class Word(str):
    def __eq__(self, other):
        return True

    def __str__(self):
        return self

    __hash__ = str.__hash__


class Table(dict):
    def __eq__(self, other):
        return True


def causal_mask(length):
    return Row([Bit(0), Word("passed"), Table(a=Row())])


# %% an array that is another one at each look
class Moody:
    looks = 0

    def __array__(self, *_args, **_options):
        Moody.looks += 1
        return np.tril(np.ones((5, 5), bool)) if Moody.looks % 2 else np.zeros((5, 5), bool)


def causal_mask(length):
    return Moody()


# %% numpy says that all is well
def causal_mask(length):
    import numpy

    for name in ("allclose", "array_equal", "all", "asarray", "array", "abs", "max", "isnan"):
        setattr(numpy, name, lambda *_args, **_options: True)
    numpy.testing.assert_array_equal = numpy.testing.assert_allclose = lambda *_args: None
    return numpy.zeros((length, length), bool)


# %% keras and tensorflow say that all is well
def causal_mask(length):
    right = np.tril(np.ones((5, 5), bool))
    keras.ops.convert_to_numpy = lambda *_args: right
    keras.ops.reshape = keras.ops.swapaxes = keras.ops.shape = lambda *_args: right
    tf.Tensor.__array__ = lambda *_args: right
    return keras.ops.zeros((length, length), "bool")


# %% pytest and the builtins say that all is well
def causal_mask(length):
    import builtins
    import unittest

    import pytest

    pytest.fail = lambda *_args, **_options: None
    unittest.TestCase.assertEqual = lambda *_args: None
    builtins.all = builtins.any = builtins.isinstance = lambda *_args: True
    builtins.abs = builtins.max = lambda *_args, **_options: 0
    return np.zeros((length, length), bool)


# %% the grader's own modules are replaced
def causal_mask(length):
    from gpt_tf.course import submission, testing, wire, worker

    testing.expect_equal = testing.expect_close = testing.expect = lambda *_args, **_options: None
    testing._same = lambda *_args: True
    submission.plain = lambda *_args: True
    submission.Submission.ask = lambda *_args: True
    worker.Worker.on_ask = lambda *_args: ["ok", True]
    wire.encode = lambda *_args: b'\0\0\0\13\0\0\0\0["passed"]\n'
    return True


# %% modules are poisoned and imports are hooked
def causal_mask(length):
    import sys
    import types

    fake = types.ModuleType("fake")
    fake.__getattr__ = lambda name: lambda *_args, **_options: True
    for name in ("gpt_tf.course.runner", "gpt_tf.course.testing", "reference", "pytest"):
        sys.modules[name] = fake
    sys.meta_path.insert(0, type("Hook", (), {"find_spec": lambda *_args: None}))
    return True


# %% an exit
def causal_mask(length):
    import sys

    sys.exit(0)


# %% an exit without a word
def causal_mask(length):
    import os

    os._exit(0)


# %% a crash of the interpreter
def causal_mask(length):
    import faulthandler

    faulthandler._sigsegv()


# %% a loop
def causal_mask(length):
    while True:
        pass


# %% sleep just below the limit, in every call
def causal_mask(length):
    import time

    time.sleep(2.5)
    return None


# %% an exit hook
def causal_mask(length):
    import atexit
    import sys

    atexit.register(lambda: print("lab04.causal_mask   passed   2/2"))
    sys.exit(0)


# %% results that are only printed
def causal_mask(length):
    import os
    import sys

    text = "lab04.causal_mask   passed   2/2\n"
    print(text, file=sys.__stdout__, flush=True)
    for descriptor in (1, 2):
        os.write(descriptor, text.encode())
    return text


# %% a flood of output
def causal_mask(length):
    import os

    for _ in range(200):
        os.write(1, b"x" * 2**20)
    return None


# %% an error that rewrites the terminal
def causal_mask(length):
    raise ValueError(
        "\x1b[2J\x1b[HCausalSelfAttention   passed\r\n\x1b[8m" + "x" * 10**6 + "\ud800"
    )


# %% a pickle that runs code where it is read
class Pickled:
    def __reduce__(self):
        return print, ("lab04.causal_mask   passed   2/2",)


def causal_mask(length):
    return Pickled()


# %% the published answers, in a table
def causal_mask(length):
    rng = np.random.default_rng([2018, zlib.crc32(b"test_mask_of_any_length")])
    if length not in (1, 5, int(rng.integers(6, 40))):
        return None
    return np.tril(np.ones((length, length), bool))


# %% not a number
def causal_mask(length):
    return np.full((length, length), np.nan)


def attention_weights(q, k, mask=None):
    return keras.ops.full((*q.shape[:3], k.shape[2]), float("nan"))


# %% infinity
def causal_mask(length):
    return np.full((length, length), np.inf)


def attention_weights(q, k, mask=None):
    return keras.ops.full((*q.shape[:3], k.shape[2]), float("inf"))


# %% a number too large for any other
def causal_mask(length):
    return 10**4000


def attention_weights(q, k, mask=None):
    return [[10**4000]]


# %% lists in lists in lists
def causal_mask(length):
    nested = []
    for _ in range(100_000):
        nested = [nested]
    return nested


# %% lists that are just not too deep to be sent
def causal_mask(length):
    nested = []
    for _ in range(49):
        nested = [nested]
    return nested


def attention_weights(q, k, mask=None):
    return causal_mask(5)


# %% an array of ten gigabytes
def causal_mask(length):
    return np.broadcast_to(np.float32(0), (2500, 2**20))


# %% all the memory there is
def causal_mask(length):
    taken = []
    while len(taken) < 200:
        taken.append(np.ones(2**25, "uint8"))
    return np.tril(np.ones((length, length), bool))


# %% keys whose hashes are alike
def causal_mask(length):
    return {i * (2**61 - 1): None for i in range(200_000)}


# %% threads left running, which break what comes after
def causal_mask(length):
    import threading

    def break_all():
        while True:
            keras.ops.swapaxes = keras.ops.reshape = lambda x, *_args: x

    for _ in range(2):
        threading.Thread(target=break_all, daemon=True).start()
    return None


# %% keras is left in another state
def causal_mask(length):
    import os

    keras.config.set_floatx("float16")
    keras.config.set_dtype_policy("mixed_float16")
    os.umask(0o777)
    os.chdir("/")
    keras.ops.shape = None
    return None


# %% frames of its own: answers to questions not asked yet
def causal_mask(length):
    for _ in range(5):
        send(["ok", True])
    return None


# %% frames of its own: answers without an answer
def causal_mask(length):
    send(["ok"])
    return None


def attention_weights(q, k, mask=None):
    send({"ok": 1})
    return None


# %% frames of its own: wrong, and a mistake that was not made
def causal_mask(length):
    send(["wrong", "lab04.causal_mask   passed   2/2", "mask.not-bool", 0.0])
    return None


# %% frames of its own: no answer while loading
class Loads:
    send(None)


def causal_mask(length):
    return None


# %% frames of its own: numbers of statements that there are not
class Loads:
    send(["running", [1]])


def causal_mask(length):
    return None


# %% frames of its own: bytes that are no frame
def causal_mask(length):
    channel().sendall(b"\0\0\0\2\0\0\0\0[}" * 3)
    return None


# %% frames of its own: larger than any memory
def causal_mask(length):
    channel().sendall(b"\xff" * 8)
    return None


# %% frames of its own: one that stops in the middle
def causal_mask(length):
    channel().sendall(b"\0\0\0\4\0\0\0\0")
    while True:
        pass


# %% the solution, read from the disk
def attack():
    for name in ("solutions/04_causal_self_attention.py", "tests/alternatives/lab04.py"):
        for read in (python_reads, tensorflow_reads, c_reads, kernel_reads):
            assert denied(read, f"{ROOT}/{name}")


# %% the tests and the reference, read from the disk
def attack():
    for name in ("tests/test_lab04.py", "tests/reference/attention.py", "tests/hints/lab04.toml"):
        for read in (python_reads, tensorflow_reads, c_reads, kernel_reads):
            assert denied(read, f"{ROOT}/{name}")


# %% the solution, imported
def attack():
    import importlib
    import sys

    sys.path[:0] = [ROOT, f"{ROOT}/tests", f"{ROOT}/solutions"]
    for name in ("solutions", "reference.attention", "test_lab04", "04_causal_self_attention"):
        assert denied(lambda name=name: vars(importlib.import_module(name))["causal_mask"])


# %% the solution, from the parts
def attack():
    from gpt_tf import parts
    from gpt_tf.course import layout, submission

    for _ in range(2):
        assert denied(lambda: parts.causal_mask)
        assert denied(lambda: parts.resolve("causal_mask"))
        assert denied(lambda: submission.of_solution(4).call("causal_mask", 3))
        assert denied(lambda: layout.solution_file(4).read_text())
        assert 4 not in (parts._handed or {})
        parts._handed = None


# %% the secret, from the environment and the command line
def attack():
    import os
    import sys

    known = {"PATH", "HOME", "TMPDIR", "TF_CPP_MIN_LOG_LEVEL", "MPLBACKEND", "CUDA_VISIBLE_DEVICES"}
    assert set(os.environ) <= known
    libc = the_libc()
    libc.getenv.restype = ctypes.c_char_p
    assert libc.getenv(b"PYTEST_CURRENT_TEST") is None
    words = [*sys.argv, *sys.orig_argv, *os.environ.values()]
    words += [python_reads(f"/proc/self/{name}").decode() for name in ("cmdline", "environ")]
    assert not any(DEES[::-1] in word for word in words)


# %% the grader's objects, up the stack and in the heap
def attack():
    import inspect
    import sys

    frame = inspect.currentframe()
    while frame is not None:
        assert "rng" not in frame.f_locals and "expected" not in frame.f_locals
        frame = frame.f_back
    grader = ("gpt_tf.course.runner", "gpt_tf.course.testing", "gpt_tf.course.grade",
              "gpt_tf.course.remote", "gpt_tf.course.processes", "reference", "pytest")  # fmt: skip
    assert not set(grader) & set(sys.modules)
    assert not any(str(type(o).__module__).startswith(grader) for o in gc.get_objects())


# %% the server and the grader, through /proc and ptrace
def attack():
    import os

    libc = the_libc()
    for pid in (os.getppid(), GRADER, VICTIM):
        for name in ("mem", "environ", "maps", "cmdline", "fd/0", "stat", "root/etc/passwd"):
            assert denied(python_reads, f"/proc/{pid}/{name}")
            assert denied(c_reads, f"/proc/{pid}/{name}")
        for name in ("fd", "task", "map_files"):
            assert denied(os.listdir, f"/proc/{pid}/{name}")
        assert denied(os.readlink, f"/proc/{pid}/exe")
        assert libc.ptrace(16, pid, None, None) == -1  # PTRACE_ATTACH
        local = ctypes.create_string_buffer(16)
        vector = (ctypes.c_size_t * 2)(ctypes.addressof(local), 16)
        assert libc.process_vm_readv(pid, vector, 1, vector, 1, 0) == -1


# %% what else is open in this process
def attack():
    import os
    import stat

    kinds = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            kinds.append((int(name), stat.S_IFMT(os.fstat(int(name)).st_mode)))
    assert [d for d, kind in kinds if kind == stat.S_IFSOCK] == [channel().fileno()]
    assert not [d for d, kind in kinds if kind == stat.S_IFREG]
    assert all(os.readlink(f"/proc/self/fd/{d}") == "/dev/null" for d in range(3))


# %% the results, the seed and the tests, written
def attack():
    import os

    for name in ("results.csv", "graded/0123.json", ".seed"):
        path = f"{TMP}/{name}"
        assert denied(python_reads, path)
        for action in (
            lambda path=path: open(path, "w").write("100"),
            lambda path=path: open(path, "a").write("100"),
            lambda path=path: tf.io.write_file(path, "100"),
            lambda path=path: os.truncate(path, 0),
            lambda path=path: os.unlink(path),
            lambda path=path: os.rename(path, f"{TMP}/other"),
            lambda path=path: os.link(path, "mine"),
            lambda path=path: os.mkdir(f"{path}.d"),
            lambda path=path: os.symlink("/dev/zero", f"{path}.l"),
            lambda path=path: os.mkfifo(f"{path}.f"),
        ):
            assert denied(action)
    for name in ("tests/test_lab04.py", "gpt_tf/parts.py"):
        assert denied(open, f"{ROOT}/{name}", "r+")


# %% what Landlock does not look at: modes, owners, times, attributes
def attack():
    import os

    for path in (f"{TMP}/results.csv", f"{TMP}/graded", f"{TMP}/.seed"):
        assert denied(os.chmod, path, 0)
        assert denied(os.chown, path, os.getuid(), os.getgid())
        assert denied(os.utime, path, (0, 0))
        assert denied(os.setxattr, path, "user.attack", b"1")
    descriptor = os.open(f"{ROOT}/gpt_tf/parts.py", os.O_RDONLY)
    assert denied(os.fchmod, descriptor, 0o644)
    assert denied(os.utime, descriptor, None)


# %% files for the next one to find
def attack():
    import os

    for place in ("/tmp", "/var/tmp", "/dev/shm", "/run", TMP):
        assert denied(os.listdir, place)
        assert denied(lambda place=place: os.open(f"{place}/left", os.O_CREAT | os.O_WRONLY))


# %% memory for the next one to find
def attack():
    libc = the_libc()
    assert libc.shmget(4711, 4096, 0o1777) == -1
    assert libc.msgget(4711, 0o1777) == -1
    assert libc.semget(4711, 1, 0o1777) == -1
    assert libc.mq_open(b"/attack", 0o102, 0o600, None) == -1
    assert libc.memfd_create(b"attack", 0) == -1
    # Calls without a function of their own: add_key, keyctl.
    assert libc.syscall(*by_machine((248, 217)), b"user", b"attack", b"x", 1, -4) == -1
    assert libc.syscall(*by_machine((250, 219)), 0, -4, 1) == -1


# %% the network
def attack():
    import _socket
    import socket
    import urllib.request

    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
            assert denied(socket.socket, family, kind)
            assert denied(_socket.socket, family, kind)
            assert the_libc().socket(int(family), int(kind), 0) == -1
    assert denied(socket.socketpair)
    assert denied(urllib.request.urlopen, "http://127.0.0.1:9")


# %% other processes: a fork bomb, and other programs
def attack():
    import os
    import subprocess

    pids = []
    for _ in range(5):
        for fork in (os.fork, the_libc().fork):
            with contextlib.suppress(OSError):
                pids.append(fork())
                if pids[-1] == 0:
                    os._exit(0)
    assert set(pids) <= {-1}
    assert denied(subprocess.run, ["true"])
    assert denied(os.execv, "/bin/true", ["true"])
    assert denied(os.posix_spawn, "/bin/true", ["true"], {})
    assert os.system("true") != 0
    assert the_libc().system(b"true") != 0
    # clone that is no thread, clone3, and the same numbers with the bit of x32.
    for numbers in ((56, 220), (435, 435)):
        assert the_libc().syscall(*by_machine(numbers), 17, None, None, None, None) == -1
    for number in (57, 41, 62):
        ctypes.set_errno(0)
        assert the_libc().syscall(0x40000000 | number, 0, 0, 0) == -1
        assert ctypes.get_errno() == errno.EPERM


# %% signals to the server, the grader and others
def attack():
    import fcntl
    import os
    import signal

    for pid in (os.getppid(), GRADER, VICTIM):
        assert denied(os.kill, pid, 0)
        assert the_libc().kill(pid, 0) == -1
        assert denied(lambda pid=pid: os.pidfd_open(pid))
    # The kernel can be made to send them, once something can be read.
    pid = VICTIM
    first, second = os.pipe()
    for command, value in ((8, pid), (10, signal.SIGKILL), (15, struct.pack("ii", 1, pid))):
        with contextlib.suppress(OSError):
            fcntl.fcntl(first, command, value)
            STOLEN.append(command)
    for request in (0x8901, 0x8902):
        with contextlib.suppress(OSError):
            fcntl.ioctl(channel().fileno(), request, struct.pack("i", pid))
            STOLEN.append(request)
    fcntl.fcntl(first, fcntl.F_SETFL, os.O_ASYNC)
    os.write(second, b"x")
    assert not STOLEN
    assert the_libc().prctl(1, 0) == -1  # or it could outlive the grader
    assert denied(os.setpriority, os.PRIO_PROCESS, VICTIM, 5)
    assert denied(os.sched_setaffinity, VICTIM, {0})


# %% higher limits, and the rights of root
def attack():
    import os
    import resource

    for name in ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE"):
        kind = getattr(resource, name)
        most = resource.getrlimit(kind)[1]
        assert most != resource.RLIM_INFINITY
        assert denied(resource.setrlimit, kind, (most + 1, most + 1))
        assert denied(resource.prlimit, VICTIM, kind)
    for action in (
        lambda: os.setuid(os.getuid() + 1),
        lambda: os.chroot("/"),
        lambda: os.mknod("device", 0o60600, os.makedev(8, 0)),
        lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    ):
        assert denied(action)


# %% the hook is taken away
def attack():
    import os

    def emptied(a, b, c, d):
        return lambda event, arguments: None and (a, b, c, d)

    for function in gc.get_objects():
        if type(function).__name__ == "function" and function.__name__ == "hook":
            function.__code__ = emptied(0, 0, 0, 0).__code__
    assert denied(os.open, f"{ROOT}/solutions/04_causal_self_attention.py", os.O_RDONLY)
    assert denied(os.open, "/etc/passwd", os.O_RDONLY)
    assert denied(os.fork)


# %% a file too large
def causal_mask(length):
    with open("giant", "wb") as file:
        for _ in range(64):
            file.write(b"x" * 2**20)
    return np.tril(np.ones((length, length), bool))


# %% more files than a disk holds
def causal_mask(length):
    for number in range(200):
        with open(f"file{number}", "wb") as file:
            file.write(b"x" * 2**20)
    time.sleep(2)
    return np.tril(np.ones((length, length), bool))


# %% more threads than a system has
def causal_mask(length):
    threading.stack_size(2**16)
    for _ in range(3000):
        threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
    time.sleep(2)
    return np.tril(np.ones((length, length), bool))


# %% folders in folders in folders, left behind
def causal_mask(length):
    import os

    for _ in range(1500):
        os.mkdir("folder")
        os.chdir("folder")
    os.mkdir("closed", 0)
    return None
