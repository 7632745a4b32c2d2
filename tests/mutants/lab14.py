"""Known-wrong answers to lab 14, and the misconception that each must draw."""

import numpy as np
from scipy import stats

PER_DAY = 1e15 * 86400


@wrong("lab14.non_embedding_parameters", draws="size.twelve-d-squared")
def non_embedding_parameters(config):
    return 12 * config.num_layers * config.hidden_dim**2


@wrong("lab14.non_embedding_parameters", draws="size.attended-is-width")
def non_embedding_parameters(config):
    width = config.hidden_dim
    return config.num_layers * (4 * width * width + 2 * width * config.intermediate_dim)


@wrong("lab14.non_embedding_parameters", draws="size.head-is-attended")
def non_embedding_parameters(config):
    width = config.hidden_dim
    return config.num_layers * 2 * width * (2 * config.head_dim + config.intermediate_dim)


@wrong("lab14.non_embedding_parameters", draws="size.embeddings")
def non_embedding_parameters(config):
    width, attended = config.hidden_dim, config.num_heads * config.head_dim
    blocks = config.num_layers * 2 * width * (2 * attended + config.intermediate_dim)
    return blocks + (config.vocabulary_size + config.max_sequence_length) * width


@wrong("lab14.non_embedding_parameters", draws="size.biases-and-norms")
def non_embedding_parameters(config):
    width, attended = config.hidden_dim, config.num_heads * config.head_dim
    block = (width + 1) * 3 * attended + (attended + 1) * width
    block += (width + 1) * config.intermediate_dim + (config.intermediate_dim + 1) * width
    return config.num_layers * (block + 4 * width)


@wrong("lab14.non_embedding_parameters", draws="size.one-block")
def non_embedding_parameters(config):
    attended = config.num_heads * config.head_dim
    return 2 * config.hidden_dim * (2 * attended + config.intermediate_dim)


@wrong("lab14.non_embedding_parameters", draws="size.three-attention-matrices")
def non_embedding_parameters(config):
    attended = config.num_heads * config.head_dim
    block = 3 * config.hidden_dim * attended + 2 * config.hidden_dim * config.intermediate_dim
    return config.num_layers * block


@wrong("lab14.non_embedding_parameters", draws="size.one-feed-forward-matrix")
def non_embedding_parameters(config):
    attended = config.num_heads * config.head_dim
    block = 4 * config.hidden_dim * attended + config.hidden_dim * config.intermediate_dim
    return config.num_layers * block


@wrong("lab14.petaflop_days", draws="compute.forward-only")
def petaflop_days(parameters, tokens):
    return 2 * parameters * tokens / PER_DAY


@wrong("lab14.petaflop_days", draws="compute.one-operation")
def petaflop_days(parameters, tokens):
    return parameters * tokens / PER_DAY


@wrong("lab14.petaflop_days", draws="compute.no-unit")
def petaflop_days(parameters, tokens):
    return 6.0 * parameters * tokens


@wrong("lab14.petaflop_days", draws="compute.seconds")
def petaflop_days(parameters, tokens):
    return 6 * parameters * tokens / 1e15


@wrong("lab14.petaflop_days", draws="compute.no-petaflop")
def petaflop_days(parameters, tokens):
    return 6 * parameters * tokens / 86400


@wrong("lab14.petaflop_days", draws="compute.hours")
def petaflop_days(parameters, tokens):
    return 6 * parameters * tokens / (1e15 * 3600)


@wrong("lab14.petaflop_days", draws="compute.sum")
def petaflop_days(parameters, tokens):
    return 6 * (parameters + tokens) / PER_DAY


@wrong("lab14.petaflop_days", draws="compute.rounded")
def petaflop_days(parameters, tokens):
    return np.round(6 * parameters * tokens / PER_DAY, 6)


def rungs(widths, head_dim, depth, heads=None, check=True):
    """A ladder, with a function for the depth and one for the heads."""
    if check and any(width % head_dim for width in widths):
        raise ValueError("no multiple")
    heads = heads or (lambda width: width // head_dim)
    return [{"hidden_dim": w, "num_layers": depth(w), "num_heads": heads(w)} for w in widths]


@wrong("lab14.training_ladder", draws="ladder.rounded")
def training_ladder(hidden_dims, head_dim=16, aspect=32):
    return rungs(sorted(hidden_dims), head_dim, lambda width: max(2, round(width / aspect)))


@wrong("lab14.training_ladder", draws="ladder.one-block")
def training_ladder(hidden_dims, head_dim=16, aspect=32):
    return rungs(sorted(hidden_dims), head_dim, lambda width: max(1, width // aspect))


@wrong("lab14.training_ladder", draws="ladder.no-block")
def training_ladder(hidden_dims, head_dim=16, aspect=32):
    return rungs(sorted(hidden_dims), head_dim, lambda width: width // aspect)


@wrong("lab14.training_ladder", draws="ladder.two-blocks")
def training_ladder(hidden_dims, head_dim=16, aspect=32):
    return rungs(sorted(hidden_dims), head_dim, lambda width: 2)


@wrong("lab14.training_ladder", draws="ladder.heads-as-blocks")
def training_ladder(hidden_dims, head_dim=16, aspect=32):
    def depth(width):
        return max(2, width // aspect)

    return rungs(sorted(hidden_dims), head_dim, depth, heads=depth)


@wrong("lab14.training_ladder", draws="ladder.caller-s-order")
def training_ladder(hidden_dims, head_dim=16, aspect=32):
    return rungs(hidden_dims, head_dim, lambda width: max(2, width // aspect))


@wrong("lab14.training_ladder", draws="ladder.fixed-aspect")
def training_ladder(hidden_dims, head_dim=16, aspect=32):
    return rungs(sorted(hidden_dims), head_dim, lambda width: max(2, width // 32))


@wrong("lab14.training_ladder", draws="ladder.no-error")
def training_ladder(hidden_dims, head_dim=16, aspect=32):
    widths = sorted(hidden_dims)
    return rungs(widths, head_dim, lambda width: max(2, width // aspect), check=False)


@wrong("lab14.training_ladder", draws="argument.changed")
def training_ladder(hidden_dims, head_dim=16, aspect=32):
    hidden_dims.sort()
    return rungs(hidden_dims, head_dim, lambda width: max(2, width // aspect))


def demand(x, losses):
    if len(set(x)) < 2 or min(x) <= 0 or min(losses) <= 0:
        raise ValueError("no line")


@wrong("lab14.fit_power_law", draws="law.slope")
def fit_power_law(x, losses):
    demand(x, losses)
    slope, intercept = np.polyfit(np.log(x), np.log(losses), 1)
    return float(np.exp(-intercept / slope)), float(slope)


@wrong("lab14.fit_power_law", draws="law.sign-of-the-constant")
def fit_power_law(x, losses):
    demand(x, losses)
    slope, intercept = np.polyfit(np.log(x), np.log(losses), 1)
    return float(np.exp(intercept / slope)), float(-slope)


@wrong("lab14.fit_power_law", draws="law.factor")
def fit_power_law(x, losses):
    demand(x, losses)
    slope, intercept = np.polyfit(np.log(x), np.log(losses), 1)
    return float(np.exp(intercept)), float(-slope)


@wrong("lab14.fit_power_law", draws="law.order")
def fit_power_law(x, losses):
    demand(x, losses)
    slope, intercept = np.polyfit(np.log(x), np.log(losses), 1)
    return float(-slope), float(np.exp(-intercept / slope))


@wrong("lab14.fit_power_law", draws="law.losses-not-logged")
def fit_power_law(x, losses):
    demand(x, losses)
    slope, intercept = np.polyfit(np.log(x), losses, 1)
    return float(np.exp(-intercept / slope)), float(-slope)


@wrong("lab14.fit_power_law", draws="law.first-and-last")
def fit_power_law(x, losses):
    demand(x, losses)
    alpha = -np.log(losses[-1] / losses[0]) / np.log(x[-1] / x[0])
    return float(x[0] * losses[0] ** (1 / alpha)), float(alpha)


@wrong("lab14.fit_power_law", draws="law.mixed-logs")
def fit_power_law(x, losses):
    demand(x, losses)
    line = stats.linregress(np.log10(x), np.log10(losses))
    return float(np.exp(-line.intercept / line.slope)), float(-line.slope)


@wrong("lab14.fit_power_law", draws="law.no-error")
def fit_power_law(x, losses):
    slope, intercept = np.polyfit(np.log(x), np.log(losses), 1)
    return float(np.exp(-intercept / slope)), float(-slope)


def predicted(x, losses, new_x, confidence, own=1.0, line=True, divisor=2, tails=2, quantile=None):
    """(middle, margin) in logs; the arguments after `confidence` make mistakes."""
    u, v, new = np.log(x), np.log(losses), np.log(new_x)
    fit = np.poly1d(np.polyfit(u, v, 1))
    variance = own + line * (1 / len(u) + (new - u.mean()) ** 2 / (len(u) * u.var()))
    variance *= ((v - fit(u)) ** 2).sum() / (len(u) - divisor)
    share = 1 - (1 - confidence) / tails
    quantile = quantile or stats.t.ppf(share, len(u) - 2)
    return float(fit(new)), float(quantile * np.sqrt(variance))


def ends(middle, margin):
    return tuple(float(np.exp(x)) for x in (middle, middle - margin, middle + margin))


@wrong("lab14.predict_loss", draws="predict.line-only")
def predict_loss(x, losses, new_x, confidence=0.95):
    return ends(*predicted(x, losses, new_x, confidence, own=0.0))


@wrong("lab14.predict_loss", draws="predict.scatter-only")
def predict_loss(x, losses, new_x, confidence=0.95):
    return ends(*predicted(x, losses, new_x, confidence, line=False))


@wrong("lab14.predict_loss", draws="predict.normal")
def predict_loss(x, losses, new_x, confidence=0.95):
    quantile = stats.norm.ppf((1 + confidence) / 2)
    return ends(*predicted(x, losses, new_x, confidence, quantile=quantile))


@wrong("lab14.predict_loss", draws="predict.divided-by-n")
def predict_loss(x, losses, new_x, confidence=0.95):
    return ends(*predicted(x, losses, new_x, confidence, divisor=0))


@wrong("lab14.predict_loss", draws="predict.one-tail")
def predict_loss(x, losses, new_x, confidence=0.95):
    return ends(*predicted(x, losses, new_x, confidence, tails=1))


@wrong("lab14.predict_loss", draws="predict.margin")
def predict_loss(x, losses, new_x, confidence=0.95):
    loss, low, high = ends(*predicted(x, losses, new_x, confidence))
    return loss, loss - low, high - loss


@wrong("lab14.predict_loss", draws="predict.margin-of-losses")
def predict_loss(x, losses, new_x, confidence=0.95):
    middle, margin = predicted(x, losses, new_x, confidence)
    loss = float(np.exp(middle))
    return loss, loss - margin, loss + margin


@wrong("lab14.predict_loss", draws="predict.always-95")
def predict_loss(x, losses, new_x, confidence=0.95):
    return ends(*predicted(x, losses, new_x, 0.95))


def best(law, products, exponent="beta", upside_down=False, equal=False):
    """(N, D) with N D = products; the arguments after it make mistakes."""
    ratio = law["a"] / law["b"]
    if not equal:
        ratio *= law["alpha"] / law["beta"]
    if upside_down:
        ratio = 1 / ratio
    n = (ratio * products ** law[exponent]) ** (1 / (law["alpha"] + law["beta"]))
    return n, products / n


@wrong("lab14.compute_optimal", draws="optimal.equal-terms")
def compute_optimal(law, compute):
    return best(law, compute * PER_DAY / 6, equal=True)


@wrong("lab14.compute_optimal", draws="optimal.upside-down")
def compute_optimal(law, compute):
    return best(law, compute * PER_DAY / 6, upside_down=True)


@wrong("lab14.compute_optimal", draws="optimal.exponents-swapped")
def compute_optimal(law, compute):
    return best(law, compute * PER_DAY / 6, exponent="alpha")


@wrong("lab14.compute_optimal", draws="optimal.no-six")
def compute_optimal(law, compute):
    return best(law, compute * PER_DAY)


@wrong("lab14.compute_optimal", draws="optimal.six-once")
def compute_optimal(law, compute):
    n, _ = best(law, compute * PER_DAY / 6)
    return n, compute * PER_DAY / n


@wrong("lab14.compute_optimal", draws="optimal.unit")
def compute_optimal(law, compute):
    return best(law, compute / 6)


@wrong("lab14.compute_optimal", draws="optimal.order")
def compute_optimal(law, compute):
    n, d = best(law, compute * PER_DAY / 6)
    return d, n


@wrong("lab14.compute_optimal", draws="optimal.half-and-half")
def compute_optimal(law, compute):
    n = (compute * PER_DAY / 6) ** 0.5
    return n, n
