"""The labs' training step does what Keras's `fit` does."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from gpt_tf import parts, training  # noqa: E402
from gpt_tf.config import GPTConfig  # noqa: E402

CONFIG = GPTConfig(31, 16, num_layers=1, num_heads=2, hidden_dim=12)
# The gradient of this model is longer than the limit, so that clipping counts.
RECIPE = training.Recipe(steps=6, batch_size=4, peak_rate=1e-2, warmup_steps=2, clip=0.05)
TEXT = np.tile(np.arange(23), 60)


def made():
    keras.utils.set_random_seed(3)
    model = parts.GPT(CONFIG)
    model.build((None, None))
    return model


def test_steps_by_hand_are_those_of_fit():
    fitted = made()
    history = training.pretrain(fitted, TEXT, TEXT[:200], RECIPE, log_every=1)

    model, losses, norms = made(), [], []
    optimizer = training.make_optimizer(RECIPE)
    optimizer.global_clipnorm = None  # the step clips
    for tokens, _ in training.windows(TEXT, 16, RECIPE.batch_size, RECIPE.steps, RECIPE.seed):
        loss, norm = parts.training_step(model, optimizer, tokens, RECIPE.clip)
        losses.append(float(loss))
        norms.append(float(norm))

    assert min(norms) > RECIPE.clip
    np.testing.assert_allclose(losses, history["loss"], atol=1e-5)
    # Adam divides small gradients by small numbers, so their rounding shows.
    for found, expected in zip(model.weights, fitted.weights, strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-4)
