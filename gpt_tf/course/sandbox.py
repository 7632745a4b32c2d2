"""Takes from this process what a student's answer does not need: files, network, processes.

`confine` is called in a fresh process, before any code of a student is run, and cannot be undone.
On Linux the kernel keeps it: Landlock for files, seccomp for processes, signals and sockets.
Python's own audit hook says no as well, with a sentence that a student can read; where it stands
alone (macOS), code that goes past Python goes past it too.
"""

import contextlib
import ctypes
import errno
import os
import pathlib
import platform
import resource
import struct
import sys

from gpt_tf.course import layout

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9

# Landlock's rights (linux/landlock.h), and its three system calls, the same on each machine.
_READ_FILE, _READ_DIR, _EXECUTE, _WRITE_FILE, _TRUNCATE = 1 << 2, 1 << 3, 1 << 0, 1 << 1, 1 << 14
_OF_FILES = _READ_FILE | _WRITE_FILE | _EXECUTE | _TRUNCATE
_RIGHTS_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446

# System calls that start, stop, read or change other processes, or open sockets.
_FORBIDDEN = {
    "x86_64": {
        "arch": 0xC000003E,
        "clone": 56,
        "prlimit": 302,
        "calls": (
            41, 42, 49, 50, 53,  # socket, connect, bind, listen, socketpair
            57, 58, 59, 322,  # fork, vfork, execve, execveat
            62, 129, 200, 234, 297,  # kill, rt_sigqueueinfo, tkill, tgkill, rt_tgsigqueueinfo
            101, 310, 311,  # ptrace, process_vm_readv, process_vm_writev
            165, 272, 308, 298, 321,  # mount, unshare, setns, perf_event_open, bpf
        ),
    },
    "aarch64": {
        "arch": 0xC00000B7,
        "clone": 220,
        "prlimit": 261,
        "calls": (
            198, 203, 200, 201, 199,
            221, 281,
            129, 138, 130, 131, 240,
            117, 270, 271,
            40, 97, 268, 241, 280,
        ),
    },
}  # fmt: skip
# Of pidfd_send_signal, io_uring_setup, io_uring_enter, pidfd_open and pidfd_getfd, on both.
_FORBIDDEN_EVERYWHERE = (424, 425, 426, 434, 438)
_CLONE3, _CLONE_THREAD = 435, 0x00010000

_EVENTS = {
    "socket.": "the network",
    "subprocess.": "other programs",
    "os.exec": "other programs",
    "os.fork": "other processes",
    "os.forkpty": "other processes",
    "os.posix_spawn": "other programs",
    "os.spawn": "other programs",
    "os.startfile": "other programs",
    "os.system": "other programs",
    "pty.spawn": "other programs",
    "os.kill": "signals to other processes",
    "os.killpg": "signals to other processes",
    "signal.pthread_kill": "signals to other processes",
    "ctypes.dlopen": "libraries loaded by hand",
    "ctypes.dlsym": "libraries loaded by hand",
    "urllib.": "the network",
}


# All that student code finds in its environment, besides HOME and TMPDIR.
ENVIRONMENT = {
    "PATH": os.defpath,
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "MPLBACKEND": "agg",
    "CUDA_VISIBLE_DEVICES": "-1",
}


class NotAllowed(PermissionError):
    """What student code tried is not possible while it is graded."""


def readable():
    """Returns the folders that code needs to run: Python, its packages, and this package."""
    found = {sys.prefix, sys.base_prefix, sys.exec_prefix, *_SYSTEM}
    found |= {str(layout.ROOT / "gpt_tf"), str(layout.ROOT / "datasets")}
    found |= {p for p in sys.path if p.endswith(("site-packages", "dist-packages"))}
    return sorted(str(pathlib.Path(p).resolve()) for p in found if os.path.exists(p))


_SYSTEM = (
    "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/urandom",
    "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system",
)  # fmt: skip


def confine(scratch, limits):
    """Confines this process for good.

    Args:
        scratch: path of a folder, the only place where files may be written.
        limits: dict of int: "cpu_seconds", "file_bytes", and "memory_bytes" (beyond what the
            process has now; 0: no limit).

    Returns:
        List of str, what this machine could not take away, empty if nothing is missing.
    """
    os.chdir(scratch)
    os.environ.clear()
    os.environ.update(ENVIRONMENT | {"HOME": str(scratch), "TMPDIR": str(scratch)})
    missing = _limit(limits)
    # TensorFlow reads its own command line.
    allowed = [*readable(), f"/proc/{os.getpid()}"] if os.path.isdir("/proc/self") else readable()
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if libc is None:
        missing += [
            "files outside Python's own functions",
            "network outside Python's own functions",
        ]
    else:
        libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if not _landlock(libc, allowed, scratch):
            missing.append("files outside Python's own functions (no Landlock in this kernel)")
        if not _seccomp(libc):
            missing.append("network outside Python's own functions (no seccomp in this kernel)")
    sys.addaudithook(_hook(allowed, str(scratch)))
    return missing


def _limit(limits):
    wanted = {
        "RLIMIT_CPU": limits["cpu_seconds"],
        "RLIMIT_FSIZE": limits["file_bytes"],
        "RLIMIT_CORE": 0,
    }
    if limits["memory_bytes"]:
        wanted["RLIMIT_AS"] = _virtual_memory() + limits["memory_bytes"]
    missing = []
    for name, value in wanted.items():
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (AttributeError, ValueError, OSError):
            missing.append(f"a limit of {name.removeprefix('RLIMIT_').lower()}")
    return missing


def _virtual_memory():
    with contextlib.suppress(OSError), open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
    return 2**36


def _landlock(libc, allowed, scratch):
    """Allows reading below some folders and everything below one; returns whether it holds."""
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    every = (1 << _RIGHTS_BY_VERSION.get(version, 16)) - 1
    handled = ctypes.c_uint64(every)
    rules = libc.syscall(_CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(8), 0)
    if rules < 0:
        return False
    reading = _READ_FILE | _READ_DIR | _EXECUTE
    for path, rights in [*((p, reading) for p in allowed), (scratch, every), ("/dev/null", every)]:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rights &= every if os.path.isdir(path) else _OF_FILES & every
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, place), 12)
        failed = libc.syscall(_ADD_RULE, rules, 1, rule, 0)
        os.close(place)
        if failed:
            return False
    held = libc.syscall(_RESTRICT_SELF, rules, 0) == 0
    os.close(rules)
    return held


def _seccomp(libc):
    """Forbids the system calls above; returns whether it holds."""
    machine = _FORBIDDEN.get(platform.machine())
    if machine is None:
        return False
    code = b"".join(_filter(machine))
    text = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(
        struct.pack("=H6xQ", len(code) // 8, ctypes.addressof(text)), 16
    )
    return libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0) == 0


def _filter(machine):
    """Returns the instructions of a classic BPF program (linux/filter.h), 8 bytes each."""
    load, equal, any_bit, give = 0x20, 0x15, 0x45, 0x06
    allow, kill = 0x7FFF0000, 0x80000000
    deny, unknown = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS

    def instruction(code, value, yes=0, no=0):
        return struct.pack("=HBBI", code, yes, no, value)

    number, arch, first_argument = 0, 4, 16
    yield instruction(load, arch)
    yield instruction(equal, machine["arch"], 1, 0)
    yield instruction(give, kill)
    yield instruction(load, number)
    # glibc takes ENOSYS for an older kernel and starts its threads with clone, which can be looked
    # into; the arguments of clone3 cannot.
    yield instruction(equal, _CLONE3, 0, 1)
    yield instruction(give, unknown)
    for call in (*machine["calls"], *_FORBIDDEN_EVERYWHERE):
        yield instruction(equal, call, 0, 1)
        yield instruction(give, deny)
    # Threads may be started, processes may not.
    yield instruction(equal, machine["clone"], 0, 4)
    yield instruction(load, first_argument)
    yield instruction(any_bit, _CLONE_THREAD, 1, 0)
    yield instruction(give, deny)
    yield instruction(give, allow)
    # Limits of this process (0) may be read, others' may not be touched.
    yield instruction(equal, machine["prlimit"], 0, 3)
    yield instruction(load, first_argument)
    yield instruction(equal, 0, 1, 0)
    yield instruction(give, deny)
    yield instruction(give, allow)


def _hook(allowed, scratch):
    """Returns an audit hook that raises NotAllowed, for those who ask through Python."""
    places = tuple(f"{p}{os.sep}" for p in (*allowed, scratch))
    files = {*allowed, scratch, os.devnull}
    mine = f"{scratch}{os.sep}"
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def hook(event, arguments):
        if event == "open":
            path, _, flags = arguments
            if not isinstance(path, (str, bytes)):
                return
            path = os.path.realpath(os.fsdecode(path))
            if flags & writing and path != os.devnull and not path.startswith(mine):
                raise NotAllowed(f"{path} cannot be written while a lab is graded")
            if path not in files and not path.startswith(places):
                raise NotAllowed(f"{path} cannot be read while a lab is graded")
            return
        for prefix, what in _EVENTS.items():
            if event.startswith(prefix):
                raise NotAllowed(f"{what} cannot be used while a lab is graded ({event})")

    return hook
