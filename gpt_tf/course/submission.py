"""What a test may do with a student's code: send plain data in, get plain data out.

A test never touches an object that student code made. Inputs and results are numbers, text, arrays
and containers of these, so that the same tests can speak to code in another process.
"""

import contextlib
import dataclasses
import functools
import operator
import re
import traceback

import numpy as np

from gpt_tf import config as config_module
from gpt_tf.course import extract, layout

PLAIN = (bool, int, float, str, bytes, type(None))
CHANGED = "argument.changed"  # the one mistake that is seen where the code runs


class NotAttempted(Exception):
    """The exercise still raises NotImplementedError, or its definition is not there."""


class Wrong(Exception):
    """The answer differs from the right one.

    Args:
        message: str, what differs.
        misconception: str or None, the id of the mistake that was recognised.
        ratio: float or None, how many tolerances away the answer is.
    """

    def __init__(self, message, misconception=None, ratio=None):
        super().__init__(message)
        self.message, self.misconception, self.ratio = message, misconception, ratio


class TimedOut(Exception):
    """The student's code did not end in time."""


class Crashed(Exception):
    """The student's code raised an error; `lines` are its own lines of the traceback.

    Args:
        name: str, what was called.
        error: Exception.
        note: str, lines that tell where the error comes from, or "".
    """

    def __init__(self, name, error, note=""):
        self.type, self.message = type(error).__name__, str(error)
        own = [f for f in traceback.extract_tb(error.__traceback__) if _is_own(f)]
        self.lines = [f"{f.filename}, line {f.lineno}: {f.line}" for f in own]
        where = f"\n  at {self.lines[-1]}" if self.lines else ""
        # Keras says in bold what happened, between which call it was and all its arguments.
        bold = re.search(r"\x1b\[1m([^\x1b\n]+)", self.message)
        lines = [bold[1]] if bold else self.message.splitlines()
        first = next((m for m in lines if m.strip()), "")
        super().__init__(f"{name} raised {self.type}: {first}{where}{note}")

    @classmethod
    def told(cls, name, kind, message, lines=(), text=""):
        """Makes the Crashed of an error that was raised in another process."""
        told = cls.__new__(cls)
        told.type, told.message, told.lines = kind, message, list(lines)
        Exception.__init__(told, text or f"{name} {message}")
        return told


def _is_own(frame):
    """Whether a line of a traceback is the student's own."""
    return "gpt_tf" not in frame.filename and "-packages" not in frame.filename


def _says_unwritten(error):
    """Whether a NotImplementedError is a lab's own: TensorFlow and Keras raise it, too."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return _is_own(last) and "raise NotImplementedError" in (last.line or "")


@dataclasses.dataclass(frozen=True)
class Part:
    """A layer or model to be made where the student's code runs, as an argument of a call.

    The same Part in several calls is made once: building a model takes a good part of a second.

    Args:
        name: str, a class of the lab under test or of an earlier lab, or one of Keras's own,
            such as "keras.layers.Rescaling".
        config: dict, its constructor's arguments.
        weights: dict {dotted path: array} such as {"blocks.0.attention.qkv.kernel": ...}, or None
            to keep the initial ones. A path that ends in "." stands for everything below it.
        example: array or tuple of arrays, an input to build it with.
    """

    name: str
    config: dict
    weights: dict | None = None
    example: object = None


class Submission:
    """A student's code, run in this process.

    Args:
        source: `extract.Source`, the definitions of one lab.
        seed: int, given to Keras before each call, so that a result can be repeated.
    """

    def __init__(self, source, seed=0):
        self.source, self.seed = source, seed
        self._made = None
        self._parts = {}

    def call(self, name, *args, **kwargs):
        """Calls a function of the lab.

        Args:
            name: str, the function's name.
            *args, **kwargs: plain data and `Part`s. Arrays arrive as tensors (float32 or int32),
                also inside lists, tuples and dicts; everything else arrives as it is.

        Returns:
            Its result as plain data, tensors as NumPy arrays.

        Raises:
            NotAttempted, Crashed, Wrong: see there. Wrong, too, if it changed a list, dict or set
                that it was given.
        """
        return self.ask("call", name, args, kwargs)

    def compiled(self, name, *args, **kwargs):
        """Calls a function of the lab as `call` does, but compiled, as training calls it.

        The tensors that it gets have a shape, but no values.
        """
        return self.ask("compiled", name, args, kwargs)

    def error(self, name, *args, **kwargs):
        """Calls a function that should raise; returns (type name, message), else None."""
        try:
            self.call(name, *args, **kwargs)
        except Crashed as error:
            return error.type, error.message
        return None

    def layer(self, name, config, weights, *inputs, **options):
        """Makes a layer or model, sets its weights, and calls it.

        Args:
            name: str, the class.
            config: dict, its constructor's arguments.
            weights: dict {dotted path: array}, all its weights; None keeps the initial ones.
            *inputs, **options: what it is called with, as in `call`, but for these options:
            method: str or None, a method to call in place of the layer itself.
            prepare: tuple or None, a function of the lab that is called with the layer first, and
                its further arguments, such as ("load_gpt2_weights", arrays).
            example: array or tuple of arrays, an input to build it with; `inputs` if None. For a
                method that takes something else than the layer does.
            compiled: bool, calls it as `compiled` does.

        Returns:
            The result as plain data.
        """
        return self.ask("layer", name, (config, weights, *inputs), options)

    def weights(self, name, config, *inputs):
        """Returns {dotted path: array} of the initial weights of a layer built on `inputs`.

        Paths are the layer's own attribute names, such as "blocks.0.attention.qkv.kernel".
        """
        return self.ask("weights", name, (config, *inputs), {})

    def weights_of(self, part):
        """Returns {dotted path: array} of the weights that a `Part` has after the calls so far."""
        return self.ask("weights_of", part.name, (part,), {})

    def ask(self, kind, name, arguments, options):
        """What the methods above do: all that a test asks comes through here.

        Args:
            kind: str, the method's name.
            name: str, what is called or made.
            arguments, options: the others of that method, tuple and dict.
        """
        action = {
            "call": self._call,
            "compiled": functools.partial(self._call, wrap=_compiled),
            "layer": self._layer,
            "weights": self._weights,
            "weights_of": self._weights_of,
        }[kind]
        return self._run(name, lambda: action(name, arguments, options))

    def _call(self, name, arguments, options, wrap=lambda function: function):
        args, kwargs = self._send(arguments), self._send(options)
        result = wrap(self._find(name))(*args, **kwargs)
        before = [*arguments, *options.values()]
        _expect_unchanged(name, before, [*args, *kwargs.values()])
        return result

    def _layer(self, name, arguments, options):
        config, weights, *inputs = arguments
        options = dict(options)
        named = ("method", "prepare", "example", "compiled")
        method, prepare, example, compiled = (options.pop(key, None) for key in named)
        part = Part(name, config, weights, tuple(inputs) if example is None else example)
        layer = self._make(part, under_test=True)
        if prepare is not None:
            self._find(prepare[0])(layer, *self._send(prepare[1:]))
        target = getattr(layer, method) if method else layer
        target = _compiled(target) if compiled else target
        return target(*self._send(inputs), **self._send(options))

    def _weights(self, name, arguments, _options):
        config, *inputs = arguments
        layer = self._make(Part(name, config, None, tuple(inputs)), under_test=True)
        return {path: w.numpy() for path, w in _named_weights(layer).items()}

    def _weights_of(self, _name, arguments, _options):
        return {path: w.numpy() for path, w in _named_weights(self._send(arguments[0])).items()}

    def load(self, *how):
        """Runs the lab's definitions; arguments as in `extract.Source.module`."""
        self._made = self.source.module(*how)

    def _module(self):
        if self._made is None:
            self.load()
        return self._made

    def _find(self, name):
        module = self._module()
        if name in module.failures:
            raise module.failures[name]
        if not hasattr(module, name):
            raise NotAttempted(f"{self.source.name} defines no {name}.{self._unread(name)}")
        return getattr(module, name)

    def _unread(self, name):
        """Returns the lines that may tell why a name is not there."""
        source = self.source
        found = [source.left_out[name]] if name in source.left_out else source.problems
        return "".join(f"\n  not read: {sentence}" for sentence in found)

    def _crashed(self, name, error):
        """Makes a Crashed that names the cause, where a name is missing."""
        for _ in range(len(self._module().failures) + 1):
            # Keras makes an error of its own of what a layer raised; the words stay.
            missing = re.search(r"name '(\w+)' is not defined", str(error))
            if not isinstance(error, NameError) or missing is None:
                break
            if missing[1] not in self._module().failures:
                return Crashed(name, error, self._unread(missing[1]))
            error = self._module().failures[missing[1]]
        return Crashed(name, error)

    def _run(self, name, action):
        import keras

        keras.utils.set_random_seed(self.seed)
        try:
            result = action()
        except (NotAttempted, Wrong):
            raise
        except Exception as error:
            if isinstance(error, NotImplementedError) and _says_unwritten(error):
                raise NotAttempted(f"{_unwritten(name, error)}{self._unread(name)}") from error
            raise self._crashed(name, error) from error
        return plain(result, name)

    def _send(self, value):
        import keras

        if isinstance(value, Part):
            # The Part itself is kept too, so that its id is not given to another one.
            if id(value) not in self._parts:
                self._parts[id(value)] = value, self._make(value)
            return self._parts[id(value)][1]
        if isinstance(value, np.ndarray):
            if value.dtype.kind in "OSU":
                raise TypeError("a test may send numbers in arrays, nothing else")
            kinds = {"f": "float32", "i": "int32", "u": "int32"}
            dtype = kinds.get(value.dtype.kind, value.dtype)
            return keras.ops.convert_to_tensor(value.astype(dtype))
        if type(value) in (list, tuple):
            return type(value)(self._send(v) for v in value)
        if type(value) is dict:
            return {k: self._send(v) for k, v in value.items()}
        if type(value) is set:
            return set(value)
        if isinstance(value, PLAIN + (config_module.GPTConfig, np.random.Generator)):
            return value
        raise TypeError(f"a test may not send a {type(value).__name__}; see Submission.call")

    def _make(self, part, under_test=False):
        if part.name.startswith("keras."):
            import keras

            return operator.attrgetter(part.name.removeprefix("keras."))(keras)(**part.config)
        try:
            made = self._find(part.name)
        except NotAttempted:
            from gpt_tf import parts

            known = any(e.name == part.name for e in layout.exercises().values())
            if under_test or not known or self.source.defines(part.name):
                raise
            try:
                made = parts.resolve(part.name)
            except parts.PartMissing as missing:
                raise NotAttempted(str(missing)) from missing
        layer = made(**self._send(part.config))
        example = part.example if isinstance(part.example, tuple) else (part.example,)
        layer(*self._send(example))
        if part.weights is not None:
            _set_weights(part.name, layer, part.weights)
        return layer


def of_file(path, seed=0):
    """Returns the Submission of a notebook or .py file; raises as `extract.from_file` does."""
    return Submission(extract.from_file(path), seed)


def of_solution(lab, seed=0):
    """Returns the Submission of a lab's solution."""
    return of_file(layout.solution_file(lab), seed)


def plain(value, name="the result"):
    """Copies a result into plain data, so that nothing a student made goes on.

    Args:
        value: numbers, text, tensors, arrays and lists, tuples, sets and dicts of them.
        name: str, who returned it, for the message.

    Returns:
        The same in Python's own types; tensors and arrays as plain `np.ndarray`.

    Raises:
        Wrong: anything else.
    """
    if type(value) in PLAIN:
        return value
    if isinstance(value, (bool, int, float, str, bytes)) and not isinstance(value, np.generic):
        base = next(t for t in PLAIN if isinstance(value, t))
        return base(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return (tuple if isinstance(value, tuple) else list)(plain(v, name) for v in value)
    if isinstance(value, (set, frozenset)):
        return {plain(v, name) for v in value}
    if isinstance(value, dict):
        return {plain(k, name): plain(v, name) for k, v in value.items()}
    if isinstance(value, np.ndarray) or hasattr(value, "__array__"):
        with contextlib.suppress(Exception):
            array = np.array(value, subok=False)
            # NumPy has no bfloat16 of its own; float32 holds it exactly.
            return array.astype("float32") if array.dtype.kind == "V" else array
    raise Wrong(f"{name} returned a {type(value).__name__}; its docstring asks for something else.")


def _unwritten(name, error):
    """Says which exercise raised NotImplementedError: the one that was called, or one it calls."""
    place = traceback.extract_tb(error.__traceback__)[-1].name
    if place != name and any(e.name == place for e in layout.exercises().values()):
        return f"{name} calls {place}, which is not written yet."
    return f"{name} is not written yet."


def _compiled(function):
    import tensorflow as tf

    # As Keras compiles a training step: a Python `if` is not rewritten.
    return tf.function(function, autograph=False)


def _expect_unchanged(name, before, after):
    """Raises Wrong if an argument of plain data is not what it was; tensors cannot change."""
    for old, new in zip(before, after, strict=True):
        if not isinstance(old, PLAIN) and _is_plain(old) and old != new:
            raise Wrong(
                f"{name} changed what it was given: {_in_short(old)} became {_in_short(new)}.",
                CHANGED,
            )


def _is_plain(value):
    """Whether a value holds no array; a container of arrays, such as a cache, may be filled."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, (list, tuple, set)):
        return all(map(_is_plain, value))
    return isinstance(value, PLAIN)


def _in_short(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _set_weights(name, layer, weights):
    named = _named_weights(layer)
    missing = sorted(set(weights) - set(named))
    extra = sorted(set(named) - set(weights))
    if missing or extra:
        said = [f"has no weight {', '.join(missing)}"] if missing else []
        said += [f"has weights nobody asked for: {', '.join(extra)}"] if extra else []
        raise Wrong(f"{name} {' and '.join(said)}; use the attribute names of its docstring.")
    for path, value in weights.items():
        if tuple(named[path].shape) != np.shape(value):
            raise Wrong(
                f"{name}.{path} has shape {tuple(named[path].shape)}, expected {np.shape(value)}."
            )
        named[path].assign(value)


def _named_weights(layer):
    """Returns {dotted attribute path: variable}, each variable once, by its shortest path."""
    import keras

    names, queue, seen = {}, [("", layer)], set()
    while queue:
        prefix, item = queue.pop(0)
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, keras.Variable):
            if item.trainable:
                names[prefix.rstrip(".")] = item
        elif isinstance(item, (list, tuple)):
            queue += [(f"{prefix}{i}.", v) for i, v in enumerate(item)]
        elif isinstance(item, keras.layers.Layer):
            public = {k: v for k, v in vars(item).items() if not k.startswith("_")}
            # Dense and Embedding keep theirs behind an underscore.
            public |= {k: getattr(item, k) for k in ("kernel", "embeddings") if hasattr(item, k)}
            queue += [(f"{prefix}{k}.", v) for k, v in public.items()]
    return names
