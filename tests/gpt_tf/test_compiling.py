"""Functions compiled once for a model: found again, silent about shapes, each model its own."""

import logging

import keras
import numpy as np
import pytest
import tensorflow as tf

from gpt_tf import parts
from gpt_tf.compiling import compile_once, pays_off, rows_in_parts, with_xla
from gpt_tf.config import GPTConfig


@pytest.fixture
def model():
    model = parts.GPT(GPTConfig(11, 16, num_layers=1, num_heads=1, hidden_dim=4))
    model(np.zeros((1, 2), "int32"))
    return model


@pytest.fixture
def warnings():
    """Messages of TensorFlow's logger."""
    found = []
    handler = logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage())
    tf.get_logger().addHandler(handler)
    yield found
    tf.get_logger().removeHandler(handler)


def lengths_of(model):
    @compile_once(model)
    def length_of(tokens):
        return model(tokens).shape[1]

    return [int(length_of(tf.zeros((1, length), tf.int32))) for length in range(1, 10)]


def test_each_shape_compiles_without_a_warning(model, warnings):
    assert lengths_of(model) == list(range(1, 10))
    assert not [message for message in warnings if "retracing" in message]


def test_other_functions_are_still_warned_of(warnings):
    @tf.function
    def careless(tokens):
        return tokens

    for length in range(1, 10):
        careless(tf.zeros((1, length)))
    assert [message for message in warnings if "retracing" in message]


def test_is_compiled_once_for_a_model_and_its_uses(model):
    traced = []

    def doubled(factor):
        @compile_once(model, factor)
        def times(x):
            traced.append(factor)
            return factor * x

        return int(times(tf.constant(3)))

    assert [doubled(2), doubled(2), doubled(5)] == [6, 6, 15]
    assert traced == [2, 5]


def test_a_small_model_does_not_earn_xla_back(model):
    assert not pays_off(model)
    large = parts.GPT(GPTConfig(500, 16, num_layers=2, num_heads=2, hidden_dim=64))
    large(np.zeros((1, 2), "int32"))
    assert pays_off(large)


def test_with_xla_a_gradient_is_that_of_the_formula():
    x = np.random.default_rng(0).normal(size=(3, 5))
    scale = np.random.default_rng(1).normal(size=(5,))

    @with_xla
    def function(number, x, scale):
        return tf.tanh(x * tf.cast(number, tf.float32)) * scale

    @tf.function
    def gradients(x, scale):
        with tf.GradientTape() as tape:
            tape.watch([x, scale])
            result = tf.reduce_sum(function(tf.constant(2), x, scale) ** 2)
        return result, *tape.gradient(result, [x, scale])

    bend = np.tanh(2 * x)
    wanted = (
        np.sum((bend * scale) ** 2),
        2 * bend * scale**2 * (1 - bend**2) * 2,
        np.sum(2 * bend**2 * scale, axis=0),
    )
    found = gradients(*(tf.constant(a, tf.float32) for a in (x, scale)))
    for mine, expected in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-5)


def test_with_xla_nothing_but_the_arguments_waits_for_the_gradient():
    function = with_xla(lambda x: tf.exp(tf.tanh(x) ** 2))

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            result = function(x)
        return tape.gradient(result, x)

    graph = gradient.get_concrete_function(tf.TensorSpec((4,), tf.float32)).graph
    calls = [op for op in graph.get_operations() if op.type.endswith("PartitionedCall")]
    assert [len(op.outputs) for op in calls] == [1, 1]
    assert not [op for op in graph.get_operations() if op.type in ("Exp", "Tanh")]


def dense(width, activation=None, use_bias=True):
    """A layer with weights, and its outputs in float64."""
    layer = keras.layers.Dense(3, activation, use_bias=use_bias, bias_initializer="random_normal")
    layer.build((None, width))
    weights = [np.asarray(w, "float64") for w in layer.get_weights()]

    def expected(x):
        outputs = sum([x @ weights[0], *weights[1:]])
        return np.tanh(outputs) if activation else outputs

    return layer, expected


@pytest.mark.parametrize("shape", [(1, 8), (1, 1, 8), (1, 6), (2, 1, 8), (1, 2, 8)])
@pytest.mark.parametrize("activation", [None, "tanh"])
@pytest.mark.parametrize("use_bias", [True, False])
def test_rows_in_parts_are_the_rows_of_the_formula(shape, activation, use_bias):
    layer, expected = dense(shape[-1], activation, use_bias)
    x = np.random.default_rng(0).normal(size=shape)
    with rows_in_parts():
        found = layer(x.astype("float32"))
    np.testing.assert_allclose(found, expected(x), rtol=1e-5, atol=1e-6)


def test_a_gradient_through_rows_in_parts_is_that_of_the_formula():
    layer, _ = dense(8)
    x = tf.constant(np.random.default_rng(0).normal(size=(1, 8)), "float32")
    with rows_in_parts(), tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(x))
    gradient = tape.gradient(total, layer.kernel)
    np.testing.assert_allclose(gradient, np.tile(np.asarray(x).T, 3), rtol=1e-6)


def products_in(function, *arguments):
    graph = function.get_concrete_function(*arguments).graph
    return {op.type for op in graph.get_operations() if "MatMul" in op.type}


@pytest.mark.parametrize(
    ("rows", "jit_compile", "product"),
    [(1, True, "BatchMatMulV2"), (1, False, "MatMul"), (2, True, "MatMul")],
)
def test_xla_gets_one_row_in_parts(model, rows, jit_compile, product):
    layer, _ = dense(8)

    @compile_once(model, jit_compile=jit_compile)
    def outputs(x):
        return layer(x)

    assert products_in(outputs, tf.zeros((rows, 8))) == {product}


def test_layers_are_whole_again_afterwards():
    layer, _ = dense(8)
    with pytest.raises(ZeroDivisionError), rows_in_parts():
        raise ZeroDivisionError
    assert products_in(tf.function(layer), tf.zeros((1, 8))) == {"MatMul"}
