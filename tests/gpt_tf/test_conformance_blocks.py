"""The labs' blocks compute what keras_hub's `TransformerDecoder` computes with the same weights."""

import functools

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from gpt_tf import parts

BATCH, LENGTH, HEADS, HEAD_DIM, INTERMEDIATE_DIM = 2, 7, 3, 4, 29
HIDDEN_DIM = HEADS * HEAD_DIM


def tanh_gelu(x):
    return keras.ops.gelu(x, approximate=True)


@functools.cache
def pair(normalize_first):
    """Returns (the labs' block, keras_hub's decoder) with the same random weights."""
    block = parts.TransformerBlock(
        HEADS, HEAD_DIM, INTERMEDIATE_DIM, normalize_first=normalize_first
    )
    decoder = keras_hub.layers.TransformerDecoder(
        INTERMEDIATE_DIM,
        HEADS,
        activation=tanh_gelu,
        layer_norm_epsilon=1e-5,
        normalize_first=normalize_first,
    )
    x = keras.ops.zeros((BATCH, LENGTH, HIDDEN_DIM))
    block(x)
    decoder(x)
    rng = np.random.default_rng(5)
    for weight in block.trainable_variables:
        centre = 1.0 if weight.name == "gamma" else 0.0
        weight.assign(rng.normal(centre, 0.5, size=weight.shape))
    copy_weights(block, decoder)
    return block, decoder


def copy_weights(block, decoder):
    """Gives a decoder the weights of a block; keras_hub keeps each head on an axis of its own."""
    named = {w.path.split("/", 1)[1]: w for w in decoder.trainable_variables}
    kernels = np.split(np.asarray(block.attention.qkv.kernel), 3, axis=-1)
    biases = np.split(np.asarray(block.attention.qkv.bias), 3, axis=-1)
    for name, kernel, bias in zip(("query", "key", "value"), kernels, biases, strict=True):
        heads = kernel.reshape(HIDDEN_DIM, HEADS, HEAD_DIM)
        named.pop(f"self_attention/{name}/kernel").assign(heads)
        named.pop(f"self_attention/{name}/bias").assign(bias.reshape(HEADS, HEAD_DIM))
    projection = np.asarray(block.attention.projection.kernel)
    named.pop("self_attention/attention_output/kernel").assign(
        projection.reshape(HEADS, HEAD_DIM, HIDDEN_DIM)
    )
    named.pop("self_attention/attention_output/bias").assign(block.attention.projection.bias)
    for theirs, ours in (
        ("self_attention_layer_norm", block.attention_norm),
        ("feedforward_layer_norm", block.feed_forward_norm),
    ):
        named.pop(f"{theirs}/gamma").assign(ours.gamma)
        named.pop(f"{theirs}/beta").assign(ours.beta)
    for theirs, ours in (
        ("feedforward_intermediate_dense", block.feed_forward.expand),
        ("feedforward_output_dense", block.feed_forward.contract),
    ):
        named.pop(f"{theirs}/kernel").assign(ours.kernel)
        named.pop(f"{theirs}/bias").assign(ours.bias)
    assert not named, f"weights left as they were: {sorted(named)}"


@pytest.fixture(params=[True, False], ids=["pre-norm", "post-norm"])
def both(request):
    return pair(request.param)


@pytest.fixture
def x():
    return tf.constant(np.random.default_rng(1).normal(size=(BATCH, LENGTH, HIDDEN_DIM)), "float32")


def test_outputs_are_equal(both, x):
    block, decoder = both
    np.testing.assert_allclose(block(x), decoder(x), atol=1e-4)


def test_gradients_are_equal(both, x):
    weights = np.random.default_rng(2).normal(size=x.shape)
    gradients = []
    for layer in both:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(layer(x) * weights)
        gradients.append(tape.gradient(total, x))
    np.testing.assert_allclose(*gradients, atol=1e-4, rtol=1e-4)


def test_padding_mask(both, x):
    block, decoder = both
    real = np.arange(LENGTH) < np.array([[LENGTH], [4]])
    mask = np.tril(np.ones((LENGTH, LENGTH), bool)) & real[:, None, None, :]
    ours = block(x, attention_mask=tf.constant(mask))
    np.testing.assert_allclose(
        np.asarray(ours)[real],
        np.asarray(decoder(x, decoder_padding_mask=tf.constant(real)))[real],
        atol=1e-4,
    )


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_compiled_is_equal(both, x, jit_compile):
    block, _ = both
    compiled = tf.function(block, jit_compile=jit_compile)
    np.testing.assert_allclose(compiled(x), block(x), atol=1e-5)


def test_length_unknown_until_the_call(both, x):
    block, _ = both
    inputs = keras.Input((None, HIDDEN_DIM))
    model = keras.Model(inputs, block(inputs))
    for length in (LENGTH, 3):
        np.testing.assert_allclose(
            model.predict(x[:, :length], verbose=0), block(x[:, :length]), atol=1e-5
        )


def test_saved_and_loaded_is_equal(both, x, tmp_path):
    block, _ = both
    inputs = keras.Input((LENGTH, HIDDEN_DIM))
    keras.Model(inputs, block(inputs)).save(tmp_path / "block.keras")
    # Other tests may have put another answer's block into Keras's list of classes.
    with keras.saving.custom_object_scope({"gpt_tf>TransformerBlock": parts.TransformerBlock}):
        loaded = keras.models.load_model(tmp_path / "block.keras")
    np.testing.assert_allclose(loaded(x), block(x), atol=1e-6)


def test_layer_norm_is_keras_own(x):
    ours, theirs = parts.LayerNorm(), keras.layers.LayerNormalization(epsilon=1e-5)
    np.testing.assert_allclose(ours(3 * x + 5), theirs(3 * x + 5), atol=1e-5)


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def policy(request):
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy(request.param)
    yield request.param
    keras.mixed_precision.set_global_policy(before)


def test_half_precision(both, x, policy):
    block, _ = both
    half = parts.TransformerBlock(
        HEADS, HEAD_DIM, INTERMEDIATE_DIM, normalize_first=block.normalize_first
    )
    half(x)
    half.set_weights(block.get_weights())
    assert half.attention_norm.gamma.dtype == "float32"
    found = half(x)
    assert keras.backend.standardize_dtype(found.dtype) == policy.removeprefix("mixed_")
    # bfloat16 has 8 bits of precision; the block's results are of size 1 to 10.
    np.testing.assert_allclose(
        keras.ops.cast(found, "float32"), block(x), atol=0.25 if "bfloat16" in policy else 0.03
    )


def test_layer_norm_in_half_precision_keeps_large_numbers(policy):
    x = np.array([[-800.0, 300.0, 600.0, -100.0, 500.0]])
    found = keras.ops.cast(parts.LayerNorm()(x), "float32")
    np.testing.assert_allclose(found, parts.LayerNorm(dtype="float32")(x), atol=2e-2)
