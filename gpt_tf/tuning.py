"""`python -m gpt_tf tuning`: ways to teach a GPT a task, and the table that lab 13 draws from.

Each way answers in the same manner: the label's word that is likeliest to come next (GPT-1, section
5; P-tuning, section 3.2). So they differ in what learns, and in nothing else. The learned prompt
and LoRA are lab 13's, what is frozen and the label words lab 10's, reached through `parts`.
"""

import argparse
import dataclasses
import functools
import hashlib
import json
import math
import pathlib
import shutil
import time

import keras
import numpy as np
from tqdm.auto import tqdm

from gpt_tf import ablation, finetuning, parts, presets, tasks, zero_shot
from gpt_tf.compiling import pays_off
from gpt_tf.course import layout

TABLE = layout.ROOT / "datasets" / "tuning.json"


def swap(layer, name, new):
    """Puts another layer into the place of a sub-layer, though the layer around it is built.

    Args:
        layer: `keras.layers.Layer`.
        name: str, the attribute.
        new: `keras.layers.Layer`.

    Raises:
        AttributeError: the layer has no such attribute.

    Example:
        >>> swap(block.attention, "qkv", LoRADense(block.attention.qkv, rank=4))
    """
    getattr(layer, name)
    # Keras opens the same lock where it adds weights itself, in `Dense.enable_lora`.
    layer._tracker.unlock()
    try:
        setattr(layer, name, new)
    finally:
        layer._tracker.lock()


@keras.saving.register_keras_serializable("gpt_tf")
class LabelWordModel(keras.Model):
    """A GPT that answers with one of a few words, read off behind the text.

    Args:
        gpt: `parts.GPT` with weights.
        label_ids: list of int, the token of each label's word.
        encoder: layer from places (n,) to a prompt (n, hidden_dim), or None for no learned prompt.
        places: int, n.

    Call arguments:
        inputs: tuple of tokens (batch, T) of int, is_prompt (batch, T) of bool, and lengths
            (batch,) of int, the number of tokens without padding.

    Returns:
        Float tensor of shape (batch, classes), the chance of each label among the labels.
    """

    def __init__(self, gpt, label_ids, encoder=None, places=0, **kwargs):
        super().__init__(**kwargs)
        self.gpt, self.encoder, self.places = gpt, encoder, places
        self.label_ids = tuple(label_ids)

    def call(self, inputs):
        tokens, is_prompt, lengths = inputs
        if self.encoder is None:
            logits = self.gpt(tokens)
        else:
            prompt = self.encoder(keras.ops.arange(self.places))
            logits = parts.prompted_logits(self.gpt, tokens, is_prompt, prompt)
        words = keras.ops.tile(keras.ops.array([self.label_ids]), (keras.ops.shape(tokens)[0], 1))
        return parts.label_word_probabilities(logits, lengths, words)


class PlainPrompt(keras.layers.Layer):
    """Learned prompt vectors without an encoder, to compare with `parts.PromptEncoder`.

    Args:
        prompt_length: int, number of vectors n.
        hidden_dim: int, their width.

    Call arguments:
        places: int tensor of shape (k,).

    Returns:
        Float tensor of shape (k, hidden_dim).
    """

    def __init__(self, prompt_length, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.prompt_length, self.hidden_dim = prompt_length, hidden_dim

    def build(self, places_shape):
        self.vectors = self.add_weight(
            shape=(self.prompt_length, self.hidden_dim),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="vectors",
        )

    def call(self, places):
        return keras.ops.take(self.vectors, places, axis=0)
