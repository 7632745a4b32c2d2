"""The labs' GPT computes what keras_hub's `GPT2Backbone` computes, and counts as published."""

import dataclasses

import keras
import keras_hub
import numpy as np
import pytest

from gpt_tf import gpt2_weights, parts
from gpt_tf.config import PAPER, GPTConfig

TOLERANCE = 1e-4
SMALL = GPTConfig(13, 9, num_layers=3, num_heads=3, hidden_dim=12, intermediate_dim=20)


@pytest.fixture(scope="module")
def backbone():
    """A small `GPT2Backbone` with random weights, biases and gains included."""
    sizes = ("vocabulary_size", "num_layers", "num_heads", "hidden_dim", "intermediate_dim")
    made = keras_hub.models.GPT2Backbone(
        **{name: getattr(SMALL, name) for name in sizes},
        dropout=0.0,
        max_sequence_length=SMALL.max_sequence_length,
    )
    rng = np.random.default_rng(6)
    for weight in made.weights:
        centre = 1.0 if weight.path.endswith("gamma") else 0.0
        weight.assign(rng.normal(centre, 0.4, size=weight.shape))
    return made


@pytest.fixture(scope="module")
def model(backbone):
    """The labs' GPT with the same weights."""
    made = parts.GPT(gpt2_weights.config_of(backbone))
    made.build((None, None))
    parts.load_gpt2_weights(made, gpt2_weights.released_arrays(backbone))
    return made


@pytest.fixture(scope="module")
def tokens():
    return np.random.default_rng(7).integers(0, SMALL.vocabulary_size, size=(4, 7)).astype("int32")


def theirs(backbone, tokens):
    """Returns (hidden states, logits) of the backbone, nothing padded."""
    inputs = {"token_ids": tokens, "padding_mask": np.ones_like(tokens)}
    hidden = backbone(inputs, training=False)
    return hidden, backbone.token_embedding(hidden, reverse=True)


def close(ours, expected):
    np.testing.assert_allclose(ours, expected, rtol=0, atol=TOLERANCE * np.max(np.abs(expected)))


def test_sizes_agree(backbone, model):
    assert dataclasses.replace(model.config, dropout=0.0) == SMALL
    assert model.count_params() == backbone.count_params() == parts.count_parameters(SMALL)


def test_hidden_states_and_logits_equal(backbone, model, tokens):
    hidden, logits = theirs(backbone, tokens)
    close(model.hidden_states(tokens), hidden)
    close(model(tokens), logits)


def test_equal_at_one_token_and_at_full_length(backbone, model):
    rng = np.random.default_rng(8)
    for length in (1, SMALL.max_sequence_length):
        tokens = rng.integers(0, SMALL.vocabulary_size, size=(2, length)).astype("int32")
        close(model(tokens), theirs(backbone, tokens)[1])


def test_gradients_equal(backbone, model, tokens):
    import tensorflow as tf

    def gradient(call, table):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.log_softmax(call())[..., 3])
        return tf.convert_to_tensor(tape.gradient(loss, table))

    ours = gradient(lambda: model(tokens), model.embedding.token_embeddings.value)
    other = gradient(lambda: theirs(backbone, tokens)[1], backbone.token_embedding.embeddings.value)
    close(ours, other)


def test_counts_of_the_papers():
    # GPT-1: section 3.1 with the published vocabulary of 40,478 tokens. GPT-2: the released models.
    published = {
        "gpt1": 116_534_784,
        "gpt2-small": 124_439_808,
        "gpt2-medium": 354_823_168,
        "gpt2-large": 774_030_080,
        "gpt2-xl": 1_557_611_200,
    }
    for name, count in published.items():
        assert parts.count_parameters(PAPER[name]) == count, name


@pytest.mark.parametrize("name", [name for name in PAPER if name.startswith("gpt3")])
def test_counts_of_gpt3(name):
    layers, width, heads, head_dim = {
        "gpt3-small": (12, 768, 12, 64),
        "gpt3-medium": (24, 1024, 16, 64),
        "gpt3-large": (24, 1536, 16, 96),
        "gpt3-xl": (24, 2048, 24, 128),
        "gpt3-2.7b": (32, 2560, 32, 80),
        "gpt3-6.7b": (32, 4096, 32, 128),
        "gpt3-13b": (40, 5140, 40, 128),
        "gpt3-175b": (96, 12288, 96, 128),
    }[name]
    inside = heads * head_dim
    kernels = 4 * width * inside + 8 * width * width
    biases = (3 * inside + width) + (4 * width + width)
    expected = (50257 + 2048) * width + layers * (kernels + biases + 4 * width) + 2 * width
    assert parts.count_parameters(PAPER[name]) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"normalize_first": False},
        {"head_dim": 5},
        {"attention_window": 2},
        {"intermediate_dim": 7, "num_layers": 1},
    ],
    ids=str,
)
def test_counts_equal_the_model(change):
    config = dataclasses.replace(SMALL, **change)
    model = parts.GPT(config)
    model.build((None, None))
    assert model.count_params() == parts.count_parameters(config)


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_dropout_acts_in_fit_and_not_in_evaluate(rate):
    keras.utils.set_random_seed(6)
    tokens = np.arange(24).reshape(2, 12) % 13
    model = parts.GPT(GPTConfig(13, 12, 1, 2, hidden_dim=32, dropout=rate))
    model(tokens)
    rng = np.random.default_rng(6)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    # A learning rate of 0, so that the weights stay as they are.
    model.compile(keras.optimizers.SGD(0.0), loss=parts.next_token_loss)
    fitted = model.fit(tokens, tokens, verbose=0).history["loss"][0]
    quiet = float(parts.next_token_loss(tokens, model(tokens)))
    assert model.evaluate(tokens, tokens, verbose=0) == pytest.approx(quiet, rel=1e-4)
    assert (abs(fitted / quiet - 1) > 1e-3) == (rate > 0)


def test_saved_and_loaded_model_is_the_same(model, tokens, tmp_path):
    model.save(tmp_path / "gpt.keras")
    # Other tests may have put another answer's GPT into Keras's list of classes.
    with keras.saving.custom_object_scope({"gpt_tf>GPT": parts.GPT}):
        loaded = keras.models.load_model(tmp_path / "gpt.keras")
    assert loaded.config == model.config
    np.testing.assert_array_equal(loaded(tokens), model(tokens))


def test_loss_starts_at_the_logarithm_of_the_vocabulary():
    for first in (True, False):
        config = GPTConfig(301, 16, 2, 2, hidden_dim=32, normalize_first=first)
        keras.utils.set_random_seed(6)
        tokens = np.random.default_rng(6).integers(0, 301, size=(8, 16))
        loss = keras.losses.sparse_categorical_crossentropy(
            tokens[:, 1:], parts.GPT(config)(tokens)[:, :-1], from_logits=True
        )
        assert abs(float(np.mean(loss)) - np.log(301)) < 0.05


def test_no_network_is_one_clear_sentence(monkeypatch):
    def no_network(*_):
        raise OSError("no route")

    monkeypatch.setattr(keras_hub.models.GPT2Backbone, "from_preset", no_network)
    with pytest.raises(FileNotFoundError, match="gpt2_base_en.*could not be downloaded.*network"):
        gpt2_weights.fetch()
