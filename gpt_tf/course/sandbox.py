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
_CAPABILITIES_VERSION = 0x20080522

# Landlock's rights (linux/landlock.h), and its three system calls, the same on each machine.
_READ_FILE, _READ_DIR, _EXECUTE, _WRITE_FILE, _TRUNCATE = 1 << 2, 1 << 3, 1 << 0, 1 << 1, 1 << 14
_OF_FILES = _READ_FILE | _WRITE_FILE | _EXECUTE | _TRUNCATE
_RIGHTS_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446

# What seccomp calls the machines it knows; the columns below.
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
# System calls that are denied: their numbers on x86_64 and on aarch64, where each has one.
_FORBIDDEN = {
    # sockets
    "socket": (41, 198), "socketpair": (53, 199), "bind": (49, 200), "listen": (50, 201),
    "connect": (42, 203),
    # other programs and processes, and signals to them
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272),
    "setpriority": (141, 140), "ioprio_set": (251, 30), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119), "sched_setattr": (314, 274), "sched_setaffinity": (203, 122),
    # what Landlock does not look at: the modes, owners, times and attributes of files
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "lchown": (94, None), "fchown": (93, 55), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "removexattrat": (466, 466), "file_setattr": (469, 469), "truncate": (76, 45),
    "open_by_handle_at": (304, 265), "inotify_init": (253, None), "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    # what outlives a process, or holds memory that no limit counts
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190),
    "semop": (65, 193), "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186),
    "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180),
    "mq_unlink": (241, 181), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    # ways around all this
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "mount": (165, 40),
    "unshare": (272, 97), "setns": (308, 268), "perf_event_open": (298, 241), "bpf": (321, 280),
    "userfaultfd": (323, 282),
}  # fmt: skip
_CLONE3 = 435
_X32 = 0x40000000  # on x86_64 the same calls have numbers with this bit, too
# Calls of which one argument decides: numbers, index of the argument, how it is tested, whether
# the call is allowed when the test says yes.
_EQUAL, _ANY_BIT = 0x15, 0x45
_DECIDED = [
    ((56, 220), 0, _ANY_BIT, 0x00010000, True),  # clone: threads (CLONE_THREAD) only
    ((302, 261), 0, _EQUAL, 0, True),  # prlimit: this process's own limits only
    ((157, 167), 0, _EQUAL, _PR_SET_PDEATHSIG, False),  # prctl: it ends with its server
    # fcntl and ioctl can have the kernel send any signal to any process, when a file is ready:
    # F_SETOWN, F_SETSIG, F_SETOWN_EX, FIOSETOWN, SIOCSPGRP.
    *(((72, 25), 1, _EQUAL, command, False) for command in (8, 10, 15)),
    *(((16, 29), 1, _EQUAL, command, False) for command in (0x8901, 0x8902)),
]

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
    scratch = os.path.realpath(scratch)
    os.chdir(scratch)
    os.environ.clear()
    os.environ.update(ENVIRONMENT | {"HOME": scratch, "TMPDIR": scratch})
    missing = _limit(limits)
    # TensorFlow reads its own command line.
    allowed = [*readable(), f"/proc/{os.getpid()}"] if os.path.isdir("/proc/self") else readable()
    missing += [f"{name}/, which lies where Python itself does" for name in _bare(allowed)]
    if sys.platform == "linux":
        missing += _by_the_kernel(allowed, scratch)
    else:
        missing += [
            "files outside Python's own functions",
            "network outside Python's own functions",
        ]
    sys.addaudithook(_hook(allowed, scratch))
    return missing


def _bare(allowed):
    """Returns the names of the folders with answers that can be read all the same."""
    answers = (layout.SOLUTIONS, layout.TESTS)
    return [a.name for a in answers if any(a.is_relative_to(place) for place in allowed)]


def _by_the_kernel(allowed, scratch):
    """Has Linux keep this process from everything else; returns what it cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    missing = []
    # Where memory runs out, this process is ended first, and not the grader.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # A grader that is root may raise limits, change any file's mode, load modules: no longer.
    head, none = struct.pack("=Ii", _CAPABILITIES_VERSION, 0), bytes(24)
    if libc.capset(head, none) != 0:
        missing.append("the rights of root")
    if len(os.listdir("/proc/self/task")) > 1:
        missing.append("threads that ran before (they are not confined)")
    version = _landlock(libc, allowed, scratch)
    if version == 0:
        missing.append("files outside Python's own functions (no Landlock in this kernel)")
    elif version < 3:
        missing.append("emptying files that it may read (this kernel's Landlock is too old)")
    if not _seccomp(libc):
        missing.append("network outside Python's own functions (no seccomp in this kernel)")
    return missing


def _limit(limits):
    wanted = {
        "RLIMIT_CPU": limits["cpu_seconds"],
        "RLIMIT_FSIZE": limits["file_bytes"],
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": 256,
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
    """Allows reading below some folders and everything below one.

    Returns:
        int, Landlock's version; 0: it does not hold.
    """
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return 0
    every = (1 << _RIGHTS_BY_VERSION.get(version, 16)) - 1
    handled = ctypes.c_uint64(every)
    rules = libc.syscall(_CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(8), 0)
    if rules < 0:
        return 0
    reading = _READ_FILE | _READ_DIR | _EXECUTE
    for path, rights in [*((p, reading) for p in allowed), (scratch, every), ("/dev/null", every)]:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rights &= every if os.path.isdir(path) else _OF_FILES & every
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, place), 12)
        failed = libc.syscall(_ADD_RULE, rules, 1, rule, 0)
        os.close(place)
        if failed:
            return 0
    held = libc.syscall(_RESTRICT_SELF, rules, 0) == 0
    os.close(rules)
    return version if held else 0


def _seccomp(libc):
    """Forbids the system calls above; returns whether it holds."""
    if platform.machine() not in _MACHINES:
        return False
    code = b"".join(_filter(*_MACHINES[platform.machine()]))
    text = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(
        struct.pack("=H6xQ", len(code) // 8, ctypes.addressof(text)), 16
    )
    return libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0) == 0


def _filter(column, machine):
    """Returns the instructions of a classic BPF program (linux/filter.h), 8 bytes each.

    Args:
        column: int, which of the numbers above are this machine's.
        machine: int, what seccomp calls it.
    """
    load, at_least, give = 0x20, 0x35, 0x06
    allow, kill = 0x7FFF0000, 0x80000000
    deny, unknown = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
    number, arch, arguments = 0, 4, 16

    def instruction(code, value, yes=0, no=0):
        return struct.pack("=HBBI", code, yes, no, value)

    yield instruction(load, arch)
    yield instruction(_EQUAL, machine, 1, 0)
    yield instruction(give, kill)
    yield instruction(load, number)
    yield instruction(at_least, _X32, 0, 1)
    yield instruction(give, deny)
    # glibc takes ENOSYS for an older kernel and starts its threads with clone, which can be looked
    # into; the arguments of clone3 cannot.
    yield instruction(_EQUAL, _CLONE3, 0, 1)
    yield instruction(give, unknown)
    for numbers in _FORBIDDEN.values():
        if numbers[column] is not None:
            yield instruction(_EQUAL, numbers[column], 0, 1)
            yield instruction(give, deny)
    for numbers, index, test, value, allowed in _DECIDED:
        yield instruction(load, number)
        yield instruction(_EQUAL, numbers[column], 0, 3)
        yield instruction(load, arguments + 8 * index)
        yield instruction(test, value, int(allowed), int(not allowed))
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
