"""Compiles a function once for a model, and finds it again at the next call."""

import tensorflow as tf


def compile_once(model, *uses, jit_compile=True):
    """Makes a decorator that compiles a function for a model, unless that was done before.

    A compiled function is kept on the model. The same text of the function with the same `uses`
    finds it again, so that a function defined inside another one is not compiled at each call.

    Args:
        model: keras.Model that the function calls.
        *uses: hashable; whatever else decides what the function does, such as other functions
            that it calls, or a flag. Other `uses` compile anew.
        jit_compile: bool, compile with XLA.

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
            known[key] = tf.function(function, jit_compile=jit_compile, autograph=False)
        return known[key]

    return decorate
