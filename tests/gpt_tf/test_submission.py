"""What a test may ask of a student's code, in this process: what is noticed besides the result."""

import textwrap

import numpy as np
import pytest

from gpt_tf.course import extract
from gpt_tf.course.submission import Crashed, NotAttempted, Part, Submission, Wrong

CODE = """
import keras
import numpy as np

def keeps(texts):
    return [text[1:] for text in texts]

def pops(texts):
    return [text.pop(0) for text in texts]

def fills(cache, table):
    cache[0] = cache[0] + 1
    return cache[0]

def adds(table):
    table.setdefault("new", 0)
    return table["new"]

def discards(numbers):
    numbers.discard(2)

def unwritten(x):
    raise NotImplementedError

def unwritten_below(x):
    return unwritten(x)

def through_numpy(x):
    return keras.ops.convert_to_tensor(np.tanh(x))

def decides(x):
    return x if x[0] > 0 else -x

def chooses(x):
    return keras.ops.where(x[0] > 0, x, -x)

class Scale(keras.layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight(shape=shape[-1:], initializer="ones")

    def call(self, x):
        return x * self.scale if x[0, 0] > 0 else x

def double(layer):
    layer.scale.assign(2 * layer.scale)
"""


@pytest.fixture(scope="module")
def student():
    return Submission(extract.from_text("student.py", textwrap.dedent(CODE)))


def test_a_changed_argument_is_wrong(student):
    assert student.call("keeps", [[1, 2], [3]]) == [[2], []]
    for name, argument in (("pops", [[1, 2], [3]]), ("adds", {"old": 1}), ("discards", {1, 2})):
        with pytest.raises(Wrong, match=f"{name} changed what it was given") as caught:
            student.call(name, argument)
        assert caught.value.misconception == "argument.changed"
    with pytest.raises(Wrong, match=r"\[\[1, 2\]\] became \[\[2\]\]"):
        student.call("pops", texts=[[1, 2]])


def test_what_the_test_holds_is_never_changed(student):
    texts, numbers = [[1, 2]], {1, 2}
    for name, argument in (("pops", texts), ("discards", numbers)):
        with pytest.raises(Wrong):
            student.call(name, argument)
    assert texts == [[1, 2]] and numbers == {1, 2}


def test_a_container_of_arrays_may_be_filled(student):
    # As a cache is, which the caller hands over for that.
    assert student.call("fills", [np.zeros(2)], float("nan")).tolist() == [1, 1]


def test_not_written_is_what_the_lab_raises_and_nothing_else(student):
    for name in ("unwritten", "unwritten_below"):
        with pytest.raises(NotAttempted):
            student.call(name, 1)
    # TensorFlow raises a NotImplementedError here.
    with pytest.raises(Crashed, match="NotImplementedError"):
        student.compiled("through_numpy", np.ones(2))


def test_compiled_tensors_have_no_values(student):
    x = np.array([-1.0, 2.0])
    assert student.call("through_numpy", x).shape == (2,)
    assert student.call("decides", x).tolist() == [1, -2]
    with pytest.raises(Crashed):
        student.compiled("decides", x)
    assert student.compiled("chooses", x).tolist() == [1, -2]
    assert student.layer("Scale", {}, None, x[None]).tolist() == [[-1, 2]]
    with pytest.raises(Crashed):
        student.layer("Scale", {}, None, x[None], compiled=True)


def test_the_weights_that_a_part_has_now(student):
    part = Part("Scale", {}, {"scale": np.array([1.0, 3.0])}, np.ones((1, 2)))
    assert student.weights_of(part)["scale"].tolist() == [1, 3]
    student.call("double", part)
    assert student.weights_of(part)["scale"].tolist() == [2, 6]
