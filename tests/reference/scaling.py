"""Scaling laws once more: sizes, compute, lines through logs, intervals, the best size."""

import numpy as np
from scipy import optimize

from reference.transfer import t_quantile


def matrices(config, attended=None, query_key_value=3, feed_forward=2, layers=None, biases=False):
    """Weights of the blocks, one matrix after another; the arguments after `config` make mistakes.

    `biases` counts biases and the blocks' norms as well.
    """
    attended = config.num_heads * config.head_dim if attended is None else attended
    inner, width = config.intermediate_dim, config.hidden_dim
    shapes = [(width, attended)] * query_key_value + [(attended, width)]
    shapes += [(width, inner), (inner, width)][:feed_forward]
    block = sum(rows * columns + biases * columns for rows, columns in shapes)
    return (config.num_layers if layers is None else layers) * (block + biases * 4 * width)


def shapes(hidden_dims, head_dim=16, aspect=32, least=2, rounded=np.floor):
    """The rungs of a ladder; `least` and `rounded` make mistakes."""
    return [
        {
            "hidden_dim": width,
            "num_layers": int(max(least, rounded(width / aspect))),
            "num_heads": width // head_dim,
        }
        for width in np.sort(hidden_dims).tolist()
    ]


def line(u, v):
    """(slope, intercept) of the least squares line, by the normal equations."""
    design = np.stack([u, np.ones(len(u))], axis=1)
    return np.linalg.solve(design.T @ design, design.T @ np.asarray(v))


def power_law(x, losses):
    """(constant, alpha) of (constant / x)^alpha."""
    slope, intercept = line(np.log(x), np.log(losses))
    return [np.exp(intercept / -slope), -slope]


def prediction(
    x, losses, new_x, confidence=0.95, divisor=None, own=1.0, line=1.0, tails=2, normal=False
):
    """[loss, low, high]; the arguments after `confidence` make mistakes.

    `own` and `line` are parts of the variance: the new point's own scatter, and what is not known
    about the line.
    """
    u, v, new = np.log(x), np.log(losses), np.log(new_x)
    n = len(u)
    design = np.stack([u - u.mean(), np.ones(n)], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ v
    at = np.array([new - u.mean(), 1.0])
    variance = np.sum((v - design @ coefficients) ** 2) / (n - 2 if divisor is None else divisor)
    quantile = t_quantile(1 - (1 - confidence) / tails, np.inf if normal else n - 2)
    margin = quantile * np.sqrt(variance * (own + line * at @ inverse @ at))
    middle = at @ coefficients
    return np.exp([middle, middle - margin, middle + margin])


def best_size(law, operations):
    """(parameters, tokens) at which the law is lowest, by a search for the root of its slope."""

    def slope(log_n):
        log_d = np.log(operations / 6) - log_n
        lacks_size = law["alpha"] * law["a"] * np.exp(-law["alpha"] * log_n)
        return law["beta"] * law["b"] * np.exp(-law["beta"] * log_d) - lacks_size

    root = optimize.brentq(slope, -50, 150, xtol=1e-13)
    return [np.exp(root), operations / 6 / np.exp(root)]
