"""What the NumPy reference answers to the tests, without its code: a release holds only this.

The n-th call that a test makes of the reference is the same whatever the student's code gives, so
its answer is found by n. Arguments are not compared: they are not the same to the last digit on
each machine. What a call takes from a random generator is taken again.
"""

import contextlib
import functools
import types
import zlib

import numpy as np

from gpt_tf.course import layout, testing, wire
from gpt_tf.course.submission import plain


class NotRecorded(RuntimeError):
    """A test asks for what is not recorded; the message says why."""


class Recorder:
    """Notes what the reference answers to the tests of one lab.

    Example:
        >>> recorder = Recorder()
        >>> with recorder.listening(runner.test_module(4)):
        ...     runner.run("lab04.causal_mask", submission.of_solution(4))
        >>> file.write_bytes(recorder.to_bytes())
    """

    def __init__(self):
        self._notes = {}
        self._inside = False

    @contextlib.contextmanager
    def listening(self, tests):
        """Stands between a lab's tests and the reference.

        Args:
            tests: module of tests/test_labNN.py.
        """
        names = vars(tests)
        modules = {
            name: value
            for name, value in names.items()
            if isinstance(value, types.ModuleType) and value.__name__.startswith("reference.")
        }
        names.update({name: self._stand_in(module) for name, module in modules.items()})
        try:
            yield
        finally:
            names.update(modules)

    def to_bytes(self):
        """Returns the notes as bytes, for the file that `reference_module` reads."""
        return zlib.compress(wire.encode(self._notes), 9)

    def _stand_in(self, module):
        path = module.__name__.removeprefix("reference.")
        functions = {
            name: functools.partial(self._ask, f"{path}.{name}", value)
            for name, value in vars(module).items()
            if callable(value)
        }
        return types.SimpleNamespace(**functions)

    def _ask(self, name, function, *arguments, **options):
        # A function that the test hands over may call the reference too. It will not be run again.
        if self._inside:
            return function(*arguments, **options)
        self._inside = True
        try:
            answer = plain(function(*arguments, **options))
        finally:
            self._inside = False
        states = [g.bit_generator.state for g in _generators(arguments, options)]
        running = testing.running
        _, frames = self._notes.setdefault(running.test, [running.generator, []])
        frames.append(wire.encode([name, answer, states]))
        # As it will be read, so that the solution shows that this is enough.
        return wire.decode(frames[-1])[1]


def reference_module(name):
    """Returns what stands for a module of the reference where only recordings are.

    In a release, it is the `__getattr__` of the package `reference`.

    Args:
        name: str, such as "attention".
    """
    if name.startswith("__"):
        raise AttributeError(name)
    return _Replayed(name)


class _Replayed:
    def __init__(self, module):
        self._module = module

    def __getattr__(self, function):
        return functools.partial(_replay, f"{self._module}.{function}")


def _replay(name, *arguments, **options):
    running = testing.running
    generator, frames = _notes(running.lab).get(running.test, (None, []))
    if running.generator != generator:
        raise NotRecorded("This repository holds the expected values for the public seed only.")
    # Read anew each time: a test may write into what it gets.
    recorded = [wire.decode(frame) for frame in frames[running.calls : running.calls + 1]]
    if not recorded or recorded[0][0] != name:
        raise NotRecorded(f"{running.test} is not the test that was recorded; fetch it again.")
    _, answer, states = recorded[0]
    running.calls += 1
    for generator, state in zip(_generators(arguments, options), states, strict=True):
        generator.bit_generator.state = state
    return answer


@functools.cache
def _notes(lab):
    path = layout.TESTS / "reference" / f"{lab}.bin"
    return wire.decode(zlib.decompress(path.read_bytes()))


def _generators(arguments, options):
    given = (*arguments, *options.values())
    return [value for value in given if isinstance(value, np.random.Generator)]
