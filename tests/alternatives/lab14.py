"""Known-right answers to lab 14, written differently."""

import numpy as np
from scipy import optimize, stats


@right("lab14.non_embedding_parameters", because="the six matrices may be listed")
def non_embedding_parameters(config):
    width, attended = config.hidden_dim, config.num_heads * config.head_dim
    shapes = [(width, attended)] * 3 + [(attended, width)]
    shapes += [(width, config.intermediate_dim), (config.intermediate_dim, width)]
    return sum(rows * columns for rows, columns in shapes for _ in range(config.num_layers))


@right("lab14.non_embedding_parameters", because="what all matrices share may come first")
def non_embedding_parameters(config):
    inner = 2 * config.num_heads * config.head_dim + config.intermediate_dim
    return 2 * config.num_layers * config.hidden_dim * inner


@right("lab14.petaflop_days", because="the unit may come first")
def petaflop_days(parameters, tokens):
    return parameters * (tokens / 1.44e19)


@right("lab14.petaflop_days", because="forward and backward may be added up")
def petaflop_days(parameters, tokens):
    forward, backward = 2.0 * parameters * tokens, 4.0 * parameters * tokens
    return (forward + backward) / 1e15 / 86_400


@right("lab14.training_ladder", because="the widths may be sorted at the end")
def training_ladder(hidden_dims, head_dim=16, aspect=32):
    if any(width // head_dim * head_dim != width for width in hidden_dims):
        raise ValueError("A width is not a multiple of the width of a head.")
    found = [
        dict(hidden_dim=w, num_layers=2 if w < 3 * aspect else w // aspect, num_heads=w // head_dim)
        for w in hidden_dims
    ]
    return sorted(found, key=lambda rung: rung["hidden_dim"])


@right("lab14.training_ladder", because="NumPy's integers are as good")
def training_ladder(hidden_dims, head_dim=16, aspect=32):
    widths = np.sort(np.asarray(hidden_dims))
    heads, rest = np.divmod(widths, head_dim)
    if rest.any():
        raise ValueError("head_dim does not divide a width")
    depths = np.maximum(widths // aspect, 2)
    names = ("hidden_dim", "num_layers", "num_heads")
    return [dict(zip(names, rung, strict=True)) for rung in zip(widths, depths, heads, strict=True)]


@right("lab14.fit_power_law", because="polyfit fits a line, too")
def fit_power_law(x, losses):
    if len(set(x)) < 2 or min(*x, *losses) <= 0:
        raise ValueError("There is no line through these.")
    slope, intercept = np.polyfit(np.log10(x), np.log10(losses), 1)
    return 10 ** (-intercept / slope), -slope


@right("lab14.fit_power_law", because="the slope is a covariance over a variance")
def fit_power_law(x, losses):
    x, losses = np.array(x), np.array(losses)
    if (x <= 0).any() or (losses <= 0).any() or x.min() == x.max():
        raise ValueError("There is no line through these.")
    u, v = np.log(x), np.log(losses)
    alpha = -((u - u.mean()) * (v - v.mean())).sum() / ((u - u.mean()) ** 2).sum()
    return np.exp(u.mean() + v.mean() / alpha), alpha


@right("lab14.predict_loss", because="a design matrix gives the three parts at once")
def predict_loss(x, losses, new_x, confidence=0.95):
    design = np.stack([np.ones(len(x)), np.log(x)], axis=1)
    fit, squares, _, _ = np.linalg.lstsq(design, np.log(losses), rcond=None)
    new = np.array([1.0, np.log(new_x)])
    freedom = len(x) - 2
    variance = squares[0] / freedom * (1 + new @ np.linalg.inv(design.T @ design) @ new)
    low, high = stats.t.interval(confidence, freedom, loc=new @ fit, scale=np.sqrt(variance))
    return np.exp(new @ fit), np.exp(low), np.exp(high)


@right("lab14.predict_loss", because="around the mean, height and slope are independent")
def predict_loss(x, losses, new_x, confidence=0.95):
    u, v = np.log(x) - np.log(new_x), np.log(losses)
    line = stats.linregress(u, v)
    n = len(u)
    scatter = ((v - line.intercept - line.slope * u) ** 2).sum() / (n - 2)
    # With the new point at 0, the intercept is the prediction.
    factor = np.exp(
        stats.t.isf((1 - confidence) / 2, n - 2) * (scatter + line.intercept_stderr**2) ** 0.5
    )
    loss = np.exp(line.intercept)
    return loss, loss / factor, loss * factor


@right("lab14.compute_optimal", because="the root of the slope may be searched for")
def compute_optimal(law, compute):
    products = compute * 1e15 * 86400 / 6

    def slope(log_n):
        size = law["alpha"] * law["a"] * np.exp(-law["alpha"] * log_n)
        text = law["beta"] * law["b"] * (np.exp(log_n) / products) ** law["beta"]
        return np.log(size) - np.log(text)

    n = np.exp(optimize.brentq(slope, -40, 120, xtol=1e-12))
    return float(n), float(products / n)


@right("lab14.compute_optimal", because="the tokens may be found first")
def compute_optimal(law, compute):
    products = compute / petaflop_days(1, 1)
    alpha, beta = law["alpha"], law["beta"]
    balance = (beta * law["b"]) / (alpha * law["a"])
    tokens = (balance * products**alpha) ** (1 / (alpha + beta))
    return products / tokens, tokens
