"""Loads TensorFlow without the lines that it writes about the machine when it starts."""

import contextlib
import os
import sys


def load_tensorflow():
    """Imports TensorFlow and Keras and runs one operation, with file descriptor 2 turned away.

    TensorFlow writes a dozen lines about instruction sets and absent GPUs past Python and past
    TF_CPP_MIN_LOG_LEVEL; the first thing a newcomer sees should not look like an error. Python's
    own errors and warnings still come.

    Example:
        >>> load_tensorflow()
    """
    with _descriptor_turned_away(2):
        import keras
        import tensorflow as tf

        keras.ops.zeros(1)
        tf.config.list_logical_devices()


@contextlib.contextmanager
def _descriptor_turned_away(number):
    sys.stderr.flush()
    kept, nowhere = os.dup(number), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    try:
        yield
    finally:
        os.dup2(kept, number)
        os.close(kept)
        os.close(nowhere)
