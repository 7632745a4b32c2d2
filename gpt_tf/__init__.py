"""The shared package of the course: what students are handed. What they write is in `solutions/`.

Importing this package is quick: TensorFlow is loaded only by the modules that compute with it.
"""

import os

from gpt_tf import memory

memory.keep_freed()
# Read once, by the first import of Keras and of TensorFlow.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
