"""LayerNorm, GELU, feed-forward and the Transformer block in NumPy (GPT-1, 3.1; GPT-2, 2.3)."""

import math

import numpy as np

from reference import attention


def layer_norm(x, gamma=1.0, beta=0.0, epsilon=1e-5, axis=-1, ddof=0, centre=True, outside=False):
    """Normalised features; the arguments after `epsilon` make known mistakes."""
    x = np.asarray(x, "float64")
    mean = x.mean(axis=axis, keepdims=True)
    variance = x.var(axis=axis, keepdims=True, ddof=ddof)
    if not centre:
        mean, variance = 0.0, (x**2).mean(axis=axis, keepdims=True)
    spread = np.sqrt(variance) + epsilon if outside else np.sqrt(variance + epsilon)
    return (x - mean) / spread * gamma + beta


def gelu(x):
    """The tanh form."""
    return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def exact_gelu(x):
    """x times the probability that a standard normal number is below x."""
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def feed_forward(x, w, activation=gelu):
    """Two dense layers, with the weights of `w`: expand.kernel, expand.bias, contract.kernel ..."""
    return (
        activation(x @ w["expand.kernel"] + w["expand.bias"]) @ w["contract.kernel"]
        + w["contract.bias"]
    )


def below(w, prefix):
    """The weights of `w` below a prefix, without it."""
    return {k.removeprefix(prefix + "."): v for k, v in w.items() if k.startswith(prefix + ".")}


def residual(x, sublayer, norm, normalize_first):
    """A sub-layer with a way around it."""
    return x + sublayer(norm(x)) if normalize_first else norm(x + sublayer(x))


def block(x, w, num_heads, normalize_first, mask=None, wire=residual, norm=None, **mistakes):
    """The whole block; `wire`, `norm` (of `layer_norm`) and `activation` make known mistakes."""

    def attend(y):
        return attention.causal_self_attention(y, below(w, "attention"), num_heads, mask)

    def work(y):
        return feed_forward(y, below(w, "feed_forward"), **mistakes)

    def named(name):
        return lambda y: layer_norm(y, w[f"{name}.gamma"], w[f"{name}.beta"], **(norm or {}))

    x = wire(x, attend, named("attention_norm"), normalize_first)
    return wire(x, work, named("feed_forward_norm"), normalize_first)
