"""Tests of student code in a process of its own: the same answers, and nothing else gets out."""

import os
import sys
import textwrap

import numpy as np
import pytest

from gpt_tf.course import layout, processes, remote, runner, sandbox
from gpt_tf.course.extract import NotALab
from gpt_tf.course.submission import Crashed, NotAttempted, Part, TimedOut, Wrong

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part is Linux's")
FAST = processes.Limits(seconds=5.0, cpu_seconds=60, memory_bytes=2 * 2**30, file_bytes=2**20)


@pytest.fixture(scope="module")
def workers():
    with processes.Workers(FAST) as made:
        yield made


@pytest.fixture
def student(workers):
    """Makes a submission to lab 4 of a text; each is ended after the test."""
    made = []

    def of(text, lab=4):
        data = textwrap.dedent(text).encode()
        made.append(remote.RemoteSubmission(workers, "student.py", data, lab))
        return made[-1]

    yield of
    for submission in made:
        submission.restart()


# --------------------------------------------------------------------------------- the same answers


def solution(lab):
    return layout.solution_file(lab).read_bytes()


@pytest.mark.parametrize("lab", [int(stem[:2]) for stem in layout.index()])
def test_the_solutions_pass_with_a_secret_seed(workers, lab):
    with remote.RemoteSubmission(workers, "solution.py", solution(lab), lab) as submission:
        for exercise in layout.index()[layout.lab_stem(lab)]:
            result = runner.run(exercise.id, submission, seed=31415)
            assert result.status == "passed", result.report(hint=3)


def test_an_untouched_notebook_is_not_attempted(workers):
    data = layout.notebook_file(4).read_bytes()
    with remote.RemoteSubmission(workers, "lab.ipynb", data, 4) as submission:
        for exercise in layout.index()[layout.lab_stem(4)]:
            assert runner.run(exercise.id, submission).status == "not attempted"


def test_without_forking():
    with processes.Workers(FAST, fork=False) as workers:
        with remote.RemoteSubmission(workers, "solution.py", solution(4), 4) as submission:
            assert runner.run("lab04.causal_mask", submission).status == "passed"


def test_errors_keep_their_words(student):
    submission = student(
        """
        def causal_mask(length):
            raise TypeError("five is too much")

        def split_heads(x, num_heads):
            return object()
        """
    )
    assert submission.error("causal_mask", 5) == ("TypeError", "five is too much")
    with pytest.raises(Crashed, match=r"causal_mask raised TypeError: five.*\n.*line 3"):
        submission.call("causal_mask", 5)
    with pytest.raises(Wrong, match="returned a object"):
        submission.call("split_heads", np.zeros(3), 1)
    with pytest.raises(NotAttempted, match="defines no merge_heads"):
        submission.call("merge_heads", np.zeros(3))


def test_what_is_noticed_besides_the_result(student):
    submission = student(
        """
        import keras

        def pop(texts):
            return texts.pop()

        def decide(x):
            return x if x > 0 else -x

        class Scale(keras.layers.Layer):
            def build(self, shape):
                self.scale = self.add_weight(shape=shape[-1:], initializer="ones")

            def call(self, x):
                return x * self.scale

        def double(layer):
            layer.scale.assign(2 * layer.scale)
        """
    )
    with pytest.raises(Wrong, match="pop changed what it was given") as caught:
        submission.call("pop", [1, 2])
    assert caught.value.misconception == "argument.changed"
    assert submission.call("decide", np.array(-1.0)) == 1
    with pytest.raises(Crashed):
        submission.compiled("decide", np.array(-1.0))
    part = Part("Scale", {}, None, np.ones((1, 2)))
    submission.call("double", part)
    assert submission.weights_of(part)["scale"].tolist() == [2, 2]


def test_parts_of_later_labs_are_not_to_be_had(student):
    submission = student(
        """
        from gpt_tf import parts

        def causal_mask(length):
            return parts.causal_mask(length)

        def earlier(x):
            return parts.bytes_to_unicode()[x]
        """
    )
    with pytest.raises(Crashed, match="write it yourself"):
        submission.call("causal_mask", 5)
    assert submission.call("earlier", 65) == "A"


# --------------------------------------------------------------------- what costs one exercise only


LOOP = """
def forever():
    while True:
        pass

def leave():
    import os
    os._exit(0)

def quit():
    raise SystemExit

def fine(x):
    return x + 1
"""


def test_a_loop_costs_itself_only(student, workers, monkeypatch):
    monkeypatch.setattr(workers, "limits", processes.Limits(seconds=1.0))
    submission = student(LOOP)
    with pytest.raises(TimedOut, match="forever did not end within 1 seconds"):
        submission.call("forever")
    assert submission.call("fine", 1) == 2


@pytest.mark.parametrize("name", ["leave", "quit"])
def test_an_exit_costs_itself_only(student, name):
    submission = student(LOOP)
    with pytest.raises(Crashed):
        submission.call(name)
    assert submission.call("fine", 1) == 2


def test_a_definition_that_hangs_is_left_out(student, workers, monkeypatch):
    monkeypatch.setattr(workers, "limits", processes.Limits(seconds=1.0))
    submission = student(
        """
        def before(x):
            return x

        def hangs(x=[None for i in iter(int, 1)]):
            return x

        import os
        class Ends:
            os._exit(0)

        def after(x):
            return x
        """
    )
    assert submission.call("before", 1) == submission.call("after", 1) == 1
    with pytest.raises(Crashed, match="this definition did not end within 1 seconds"):
        submission.call("hangs")
    with pytest.raises(Crashed, match="this definition ended its process"):
        submission.call("Ends")


def test_what_is_no_lab(workers):
    for name, data in (("a.ipynb", b"%PDF-1.4 \xff"), ("b.ipynb", b"{}"), ("c.txt", b"")):
        with pytest.raises(NotALab, match=name):
            remote.RemoteSubmission(workers, name, data, 4).load()


# ------------------------------------------------------------------------------- what is taken away


def attempt(student, body, *arguments):
    """Runs a body in a worker; returns what it returned, or the name of its error."""
    submission = student(
        "def attempt(*arguments):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    )
    try:
        return submission.call("attempt", *arguments)
    except Crashed as error:
        return error.type


@linux
def test_nothing_is_missing_on_this_machine(student):
    assert student("x = 1").missing == []


@pytest.mark.parametrize(
    "path",
    [
        layout.solution_file(4),
        layout.TESTS / "test_lab04.py",
        layout.TESTS / "reference" / "attention.py",
        layout.ROOT / "pyproject.toml",
        "/etc/passwd",
        f"/proc/{os.getpid()}/environ",
        f"/proc/{os.getpid()}/mem",
    ],
    ids=["solution", "tests", "reference", "project", "system", "environment", "memory"],
)
def test_files_cannot_be_read(student, path):
    assert attempt(student, "return open(arguments[0]).read()", str(path)) == "NotAllowed"
    # TensorFlow reads in C++, where no hook of Python's is asked.
    around = "import tensorflow as tf\nreturn tf.io.read_file(arguments[0]).numpy()"
    assert attempt(student, around, str(path)) == "PermissionDeniedError"


@linux
def test_folders_cannot_be_listed(student):
    body = "import os\nreturn os.listdir(arguments[0])"
    assert attempt(student, body, str(layout.SOLUTIONS)) == "PermissionError"
    assert attempt(student, body, "/proc") == "PermissionError"


def test_files_can_be_written_in_the_scratch_folder_only(student, tmp_path):
    body = """
        import tensorflow as tf
        tf.io.write_file(arguments[0], "x")
        return tf.io.read_file(arguments[0]).numpy()
        """
    assert attempt(student, body, "mine.txt") == b"x"
    target = tmp_path / "theirs.txt"
    assert attempt(student, body, str(target)) == "PermissionDeniedError"
    assert attempt(student, "open(arguments[0], 'w')", str(target)) == "NotAllowed"
    assert not target.exists()


def test_the_environment_is_clean(student, monkeypatch):
    monkeypatch.setenv("A_SECRET", "31415")
    body = "import os\nreturn sorted(os.environ)"
    assert attempt(student, body) == sorted([*sandbox.ENVIRONMENT, "HOME", "TMPDIR"])


@linux
@pytest.mark.parametrize(
    "body",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import os; os.fork()",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.kill(os.getppid(), 9)",
        "import ctypes; ctypes.CDLL(None).fork()",
        # Below the hook: the C functions that Python's own are made of.
        "import _socket; _socket.socket().connect(('127.0.0.1', 9))",
        "import _posixsubprocess, os; r, w = os.pipe(); _posixsubprocess.fork_exec("
        "[b'true'], [b'/usr/bin/true'], True, (w,), None, None, -1, -1, -1, -1, -1, -1, r, w, "
        "True, False, -1, None, None, None, -1, None, True)",
    ],
    ids=lambda body: body.split(";")[1][:30],
)
def test_no_network_and_no_processes(student, body):
    assert attempt(student, body) in ("NotAllowed", "PermissionError")


@linux
def test_the_kernel_says_no_where_python_is_not_asked(student):
    # The hook's own list is emptied first, as an attacker could.
    start = "import socket, os, gc\nfrom gpt_tf.course import sandbox\nsandbox._EVENTS.clear()\n"
    assert attempt(student, start + "os.fork()") == "PermissionError"
    assert attempt(student, start + "socket.socket()") == "PermissionError"
    assert attempt(student, start + "os.execv('/bin/true', ['true'])") == "PermissionError"
    assert attempt(student, start + "os.kill(os.getppid(), 9)") == "PermissionError"


def test_threads_still_start(student):
    body = """
        import threading
        done = []
        thread = threading.Thread(target=done.append, args=(1,))
        thread.start()
        thread.join()
        return done
        """
    assert attempt(student, body) == [1]


@linux
def test_memory_has_an_end(student):
    body = "import numpy as np\nreturn int(np.ones(2**29).sum())"  # 4 GB
    assert attempt(student, body) in ("MemoryError", "_ArrayMemoryError")


def test_files_have_an_end(student):
    body = "open('giant', 'wb').write(b'x' * 2**24)"
    assert attempt(student, body) in ("OSError", "Closed")


def test_an_answer_has_an_end(student):
    with pytest.raises(Wrong, match="128 MB, more than 64 MB"):
        attempt(student, "import numpy as np\nreturn np.zeros(2**24)")


def test_readable_names_no_answers():
    places = sandbox.readable()
    for hidden in (layout.SOLUTIONS, layout.TESTS, layout.ROOT):
        assert not any(os.fspath(hidden).startswith(f"{place}{os.sep}") for place in places)
        assert os.fspath(hidden) not in places
