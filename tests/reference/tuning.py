"""Learned prompts and low-rank changes in NumPy float64, one place and one step at a time."""

import numpy as np

from reference import blocks, embeddings
from reference.ngrams import sigmoid


def insert(embedded, is_prompt, prompt):
    """Each row's placeholders, from left to right, get the prompt's vectors."""
    found = np.array(embedded)
    for row, places in zip(found, is_prompt, strict=True):
        for vector, place in zip(prompt, np.flatnonzero(places), strict=False):
            row[place] = vector
    return found


def lstm(vectors, w, prefix):
    """(n, units), read from left to right; gates in Keras's order."""
    units = w[f"{prefix}.recurrent_kernel"].shape[0]
    h, c, found = np.zeros(units), np.zeros(units), []
    for vector in vectors:
        z = vector @ w[f"{prefix}.kernel"] + h @ w[f"{prefix}.recurrent_kernel"]
        i, f, g, o = np.split(z + w[f"{prefix}.bias"], 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        found.append(h)
    return np.array(found)


def relu(x):
    return np.maximum(x, 0)


def encoder(places, w, inner=relu, outer=lambda x: x, read=True):
    """MLP(BiLSTM(vectors)); the arguments after `w` make mistakes."""
    x = w["vectors"][places]
    if read:
        forward = lstm(x, w, "lstm.forward_layer.cell")
        backward = lstm(x[::-1], w, "lstm.backward_layer.cell")[::-1]
        x = np.concatenate([forward, backward], axis=-1)
    x = inner(x @ w["inner.kernel"] + w["inner.bias"])
    return outer(x @ w["outer.kernel"] + w["outer.bias"])


def encoder_shapes(length, width):
    """{weight path: shape} of the encoder, written down once more."""
    units = width // 2
    cell = {
        "kernel": (width, 4 * units),
        "recurrent_kernel": (units, 4 * units),
        "bias": (4 * units,),
    }
    found = {"vectors": (length, width)}
    for direction in ("forward", "backward"):
        found |= {f"lstm.{direction}_layer.cell.{n}": shape for n, shape in cell.items()}
    for layer in ("inner", "outer"):
        found |= {f"{layer}.kernel": (width, width), f"{layer}.bias": (width,)}
    return found


def prompted_logits(
    tokens, is_prompt, prompt, w, config, layers=None, positions=False, norm=True, late=False
):
    """(batch, T, V); the arguments after `config` make mistakes.

    Args:
        layers: how many blocks each are fed with what the embedding gave; None: one after another.
        positions: bool, the prompt's vectors get their positions' vectors, too.
        norm: bool, False leaves the final norm out.
        late: bool, the prompt comes in behind the blocks.
    """
    x = embeddings.token_and_position(tokens, blocks.below(w, "embedding"))
    if positions:
        places = w["embedding.position_embeddings"][: x.shape[1]]
        x = insert(x - places, is_prompt, prompt) + places
    elif not late:
        x = insert(x, is_prompt, prompt)
    first = 0 if layers is None else config.num_layers - layers
    for index in range(first, config.num_layers):
        x = blocks.block(
            x, blocks.below(w, f"blocks.{index}"), config.num_heads, config.normalize_first
        )
    if late:
        x = insert(x, is_prompt, prompt)
    if config.normalize_first and norm:
        x = blocks.layer_norm(x, w["final_norm.gamma"], w["final_norm.beta"])
    return embeddings.logits(x, w["embedding.token_embeddings"])


def lora(x, kernel, bias, a, b, scale):
    """A dense layer and its change; `scale` is alpha / rank where it is right."""
    return x @ kernel + bias + scale * (x @ a @ b)
