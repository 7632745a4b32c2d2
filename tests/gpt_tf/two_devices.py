"""Run by test_devices.py in a process of its own: two logical CPU devices train as one does.

Devices must be set before TensorFlow starts. Prints what the test compares, as JSON.
"""

import dataclasses
import json
import pathlib
import sys

import tensorflow as tf

[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras  # noqa: E402
import numpy as np  # noqa: E402

from gpt_tf import parts, training  # noqa: E402
from gpt_tf.config import GPTConfig  # noqa: E402

CONFIG = GPTConfig(31, 16, num_layers=1, num_heads=2, hidden_dim=12)
# A clip that bites, and an epsilon that does not blow up rounding where the gradient is nearly 0.
RECIPE = training.Recipe(20, batch_size=8, peak_rate=1e-2, clip=0.1, epsilon=1e-6)
TEXT = np.random.default_rng(3).permutation(np.tile(np.arange(23), 60))


def losses(recipe=RECIPE, config=CONFIG, folder=None, **how):
    keras.utils.set_random_seed(3)
    model = parts.GPT(config)
    history = training.pretrain(model, TEXT, TEXT[:200], recipe, folder, log_every=1, **how)
    return history["loss"] + history["validation_loss"]


class StopAt(keras.callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch + 1 >= self.step


class OwnNumbers(keras.callbacks.Callback):
    """Notes the states of dropout's random numbers on each device."""

    def on_train_begin(self, logs=None):
        strategy = self.model.distribute_strategy
        state = self.model.gpt.non_trainable_variables[0]
        values = strategy.run(lambda: tf.identity(state.value))
        self.states = [v.numpy().tolist() for v in strategy.experimental_local_results(values)]


def two_devices(folder):
    """Returns {what: losses}, and the states of dropout on both devices."""
    half = dataclasses.replace(RECIPE, precision="bfloat16")
    found = {"one": losses(), "two": losses(devices=2), "two, 16 bits": losses(half, devices=2)}
    training.half_policy = lambda: "mixed_float16"
    found["two, float16"] = losses(half, devices=2)
    losses(folder=folder, devices="all", micro_batch_size=2, callbacks=[StopAt(9)])
    found["two in parts, then one"] = losses(folder=folder)
    numbers, dropping = OwnNumbers(), dataclasses.replace(CONFIG, dropout=0.2)
    losses(config=dropping, devices=2, callbacks=[numbers, StopAt(1)])
    return found, numbers.states


if __name__ == "__main__":
    print(json.dumps(two_devices(pathlib.Path(sys.argv[1]))))
