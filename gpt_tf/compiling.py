"""Compiles a function once for a model, and finds it again at the next call."""

import contextlib

import keras
import tensorflow as tf

SMALLEST = 100_000  # parameters
ROW_PARTS = 4
_compiled = set()  # names of the functions that compile anew on purpose


def _is_news(record):
    """Drops TensorFlow's warning about many traces: here each shape is to have its own."""
    message = record.getMessage()
    return "retracing" not in message or not any(name in message for name in _compiled)


tf.get_logger().addFilter(_is_news)


def pays_off(model):
    """Returns whether XLA is worth its time for a model.

    XLA takes seconds to compile and then runs up to twice as fast; a tiny model never earns that
    back.

    Args:
        model: keras.Model with weights.

    Returns:
        bool, True from 100,000 parameters on.

    Example:
        >>> model.compile(jit_compile=pays_off(model))
    """
    return model.count_params() >= SMALLEST


def compile_once(model, *uses, jit_compile=None):
    """Makes a decorator that compiles a function for a model, unless that was done before.

    A compiled function is kept on the model. The same text of the function with the same `uses`
    finds it again, so that a function defined inside another one is not compiled at each call.
    Compiled with XLA, it is inside of `rows_in_parts`.

    Args:
        model: keras.Model with weights, which the function calls.
        *uses: hashable; whatever else decides what the function does, such as other functions
            that it calls, or a flag. Other `uses` compile anew.
        jit_compile: bool, compile with XLA; `pays_off(model)` if None.

    Returns:
        Decorator from a function of tensors to a `tf.function`. The function must take all that
        changes between calls as arguments.

    Example:
        >>> @compile_once(model)
        ... def logits(tokens):
        ...     return model(tokens)
    """

    def decorate(function):
        # Straight into the instance: Keras would track, and save, what is set as an attribute.
        known = vars(model).setdefault("_compiled_once", {})
        key = (function.__code__, uses, jit_compile)
        if key not in known:
            jit = pays_off(model) if jit_compile is None else jit_compile
            _compiled.add(f"<function {function.__qualname__} at ")
            written = rows_in_parts()(function) if jit else function
            known[key] = tf.function(written, jit_compile=jit, autograph=False)
        return known[key]

    return decorate


@contextlib.contextmanager
def rows_in_parts():
    """Lets each `keras.layers.Dense` that is called meanwhile multiply a single row in parts.

    XLA gives the product of one row with a kernel to one core, and writing one text is little else.
    The parts of the row, each with its part of the kernel, are a batch of products, which it shares
    out among the cores. The sum is the same but for rounding. Other inputs, and those on a GPU, are
    multiplied as always.

    Returns:
        Context manager, which is a decorator, too. Afterwards the layers are as before.

    Example:
        >>> with rows_in_parts():
        ...     logits, cache = decode_step(model, token, cache, position)
    """
    if tf.config.list_logical_devices("GPU"):
        yield
        return
    keras.layers.Dense.call = _call_in_parts
    try:
        yield
    finally:
        keras.layers.Dense.call = _call_whole


_call_whole = keras.layers.Dense.call


def _call_in_parts(layer, inputs, training=None):
    width, units = layer.kernel.shape
    if tuple(inputs.shape[:-1]) != (1,) * (len(inputs.shape) - 1) or width % ROW_PARTS:
        return _call_whole(layer, inputs, training=training)
    rows = keras.ops.reshape(inputs, (ROW_PARTS, 1, -1))
    kernels = keras.ops.reshape(layer.kernel, (ROW_PARTS, -1, units))
    result = keras.ops.sum(keras.ops.matmul(rows, kernels), axis=0)
    result = keras.ops.reshape(result, (*inputs.shape[:-1], units))
    if layer.bias is not None:
        result = keras.ops.add(result, layer.bias)
    return result if layer.activation is None else layer.activation(result)


def with_xla(function):
    """Compiles a function alone with XLA, to be called in a graph that is not.

    It is for what passes numbers through memory, such as a loss or an activation: a graph does that
    once for each operation, XLA once for all. Matrix products may be faster as a graph. The
    gradient is compiled, too. It computes anew what it needs besides the function's arguments: that
    is faster than to write it down and to read it back.

    Args:
        function: function of tensors to one tensor, without variables.

    Returns:
        Such a function, through which gradients flow to the arguments that are floats.

    Example:
        >>> activation = with_xla(parts.gelu)
    """

    def gradients(inputs, upstream):
        with tf.GradientTape() as tape:
            tape.watch([x for x in inputs if x.dtype.is_floating])
            result = function(*inputs)
        return tape.gradient(result, inputs, upstream)

    forward, backward = (
        tf.function(f, jit_compile=True, autograph=False) for f in (function, gradients)
    )

    @tf.custom_gradient
    def compiled(*inputs):
        return forward(*inputs), lambda upstream: backward(inputs, upstream)

    return compiled


def count_traces(model):
    """Counts how often the functions of `compile_once` were compiled for a model so far.

    Args:
        model: keras.Model.

    Returns:
        int; each new shape of an argument, and each other `uses`, compiles anew.

    Example:
        >>> count_traces(model)
        0
    """
    known = vars(model).get("_compiled_once", {})
    return sum(function.experimental_get_tracing_count() for function in known.values())


def rounded_up(length, most):
    """Rounds a length up, so that nearby lengths share a shape and with it what is compiled.

    Args:
        length: int, number of tokens.
        most: int, the longest that there may be.

    Returns:
        int, the smallest of 8, 16, 32, 64, ... that is at least `length`, but never above `most`.

    Example:
        >>> [rounded_up(n, most=100) for n in (3, 9, 33, 90)]
        [8, 16, 64, 100]
    """
    return min(most, max(8, 1 << (length - 1).bit_length()))
