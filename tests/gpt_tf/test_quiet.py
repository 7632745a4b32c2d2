"""TensorFlow starts without its lines, and what comes after still gets through."""

import subprocess
import sys

from gpt_tf.course import layout

CODE = """
import os
from gpt_tf import quiet
quiet.load_tensorflow()
import tensorflow as tf
tf.zeros(3) + 1
os.write(2, b"through the descriptor\\n")
"""


def test_nothing_but_what_comes_after():
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=layout.ROOT, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "through the descriptor\n")
