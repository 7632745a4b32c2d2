"""`python -m gpt_tf ladder`: GPTs of growing size on fresh text, and the table lab 14 draws from.

A cell is one model, trained from the start on a number of tokens, with a schedule of its own that
ends there. So each loss is the final one of its run: what a longer run has on its way, at a rate
that is still high, is worse. No text is read twice.
"""

import dataclasses
import time

import keras
import numpy as np
import tensorflow as tf
from scipy import optimize, stats
from tqdm.auto import tqdm

from gpt_tf import ablation, corpora, job, parts, tables, training
from gpt_tf.config import GPTConfig
from gpt_tf.recipes import TABLE_2_1 as TABLE_2_1  # lab 14 draws it
from gpt_tf.tokenizer import Tokenizer


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides the losses; equal settings share a folder and resume each other.

    Args:
        vocabulary_size: int, tokens; few, so that embeddings and logits stay cheap.
        max_sequence_length: int, tokens that a model sees at once.
        batch_size: int, windows in a batch. The same for all: in the same time a small model learns
            more from many small batches.
        validation_windows: int, most windows over which the loss is measured.
    """

    vocabulary_size: int = 512
    max_sequence_length: int = 128
    batch_size: int = 4
    validation_windows: int = 512


# Which cells there are decides no loss, so more of them can be asked for in the same folder.
HIDDEN_DIMS = (16, 32, 48, 64, 96, 128)
TOKENS = tuple(2**k for k in (18, 19, 20, 21))
TRIED_DIMS = (16, 64, 128)
TRIED_RATES = (1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2)


def rate_of(hidden_dim):
    """Returns the peak learning rate of a rung: the wider, the lower, as in GPT-3's table 2.1.

    Tried out roughly with widths 16 to 128 on the fewest tokens. At twice its rate, width 32 came
    out worse than width 16.

    Args:
        hidden_dim: int, width.

    Example:
        >>> rate_of(64)
        0.0025
    """
    return float(f"{2.5e-3 * (hidden_dim / 64) ** -0.5:.2g}")


def cell_of(hidden_dim, tokens, rate=None, seed=0):
    """Returns the settings of one run, as a dict for `ablation.run`; the rung's rate if None."""
    rate = rate_of(hidden_dim) if rate is None else rate
    return {"hidden_dim": hidden_dim, "tokens": tokens, "rate": rate, "seed": seed}


def all_cells(seeds=1, most_tokens=TOKENS[-1]):
    """Returns the cells of the table: the ladder, fewest tokens first, then the trials of rates."""
    rungs = [
        cell_of(width, tokens, seed=seed)
        for tokens in TOKENS
        if tokens <= most_tokens
        for width in HIDDEN_DIMS
        for seed in range(seeds)
    ]
    return rungs + [cell_of(w, TOKENS[0], rate) for w in TRIED_DIMS for rate in TRIED_RATES]


def split_results(results):
    """Parts the runs of the ladder from the trials of rates.

    Args:
        results: list of {"cell", "score"}.

    Returns:
        (ladder, trials): two such lists. A trial at the very rate of its rung is in both.
    """
    ladder = [r for r in results if r["cell"]["rate"] == rate_of(r["cell"]["hidden_dim"])]
    trials = [
        r
        for r in results
        if r["cell"]["hidden_dim"] in TRIED_DIMS
        and r["cell"]["tokens"] == TOKENS[0]
        and r["cell"]["seed"] == 0
    ]
    return ladder, trials


def config_of(hidden_dim, settings):
    """Returns the `GPTConfig` of a rung, by `parts.training_ladder`."""
    (shape,) = parts.training_ladder([hidden_dim])
    return GPTConfig(settings.vocabulary_size, settings.max_sequence_length, **shape)


class Text:
    """The docstrings of the installed packages as tokens.

    Args:
        settings: Settings.
        characters: int or None, most characters to read; None reads all.
    """

    def __init__(self, settings, characters=None):
        train, validation = (corpora.docstrings(split) for split in ("train", "validation"))
        if characters is not None:
            train, validation = cut(train, characters), cut(validation, characters // 10)
        size = settings.vocabulary_size
        self.tokenizer = Tokenizer.train(train, size, special_tokens=job.SPECIAL)
        self.train, self.validation = self._stream(train), self._stream(validation)

    def _stream(self, documents):
        end = self.tokenizer.token_id(job.END)
        rows = [np.append(row, end) for row in self.tokenizer.encode_documents(documents)]
        return np.concatenate(rows).astype("int32")


def cut(documents, characters):
    """Returns the first documents that have so many characters together."""
    ends = np.cumsum([len(text) for text in documents])
    return documents[: int(np.searchsorted(ends, characters)) + 1]


def fresh_batches(tokens, length, batch_size, steps, seed):
    """Cuts a stream into windows and deals them out in a random order, none of them twice.

    Args:
        tokens: int array, the stream.
        length: int, tokens in a window.
        batch_size: int, windows in a batch.
        steps: int, batches.
        seed: int, of the order; a short run sees the beginning of what a long one sees.

    Returns:
        `tf.data.Dataset` of pairs (tokens, tokens), int32 of shape (batch_size, length).

    Raises:
        ValueError: the stream is too short, so that some text would have to be read again.

    Example:
        >>> fresh_batches(np.arange(1000), length=8, batch_size=4, steps=10, seed=0)
    """
    windows = np.asarray(tokens, "int32")[: len(tokens) // length * length].reshape(-1, length)
    if len(windows) < batch_size * steps:
        raise ValueError(
            f"{steps:,} batches of {batch_size} windows of {length} tokens are "
            f"{steps * batch_size * length:,} tokens, and the text has {len(tokens):,}: some would "
            "be read again. Train on fewer."
        )
    order = np.random.default_rng(seed).permutation(len(windows))[: batch_size * steps]
    rows = windows[order]
    dataset = tf.data.Dataset.from_tensor_slices((rows, rows)).batch(batch_size).prefetch(4)
    options = tf.data.Options()
    # Its thread would keep `fit` waiting after the last step.
    options.autotune.enabled = False
    return dataset.with_options(options)


def measure(config, text, tokens, rate, seed=0, settings=None):
    """Trains a model from the start on fresh text, and measures its loss on other text.

    The rate rises over a twentieth of the updates and falls to a tenth of its peak in a cosine,
    which ends with the last update (GPT-3, appendix B).

    Args:
        config: `GPTConfig`.
        text: `Text`.
        tokens: int, how many to train on.
        rate: float, peak learning rate.
        seed: int, of the first weights and of the order of the text.
        settings: Settings; the defaults if None.

    Returns:
        dict: "loss" in nats a token, on validation text, and "seconds".

    Raises:
        ValueError: the text is too short.

    Example:
        >>> measure(config, Text(Settings()), tokens=2**18, rate=4e-3)
    """
    settings = settings or Settings()
    length, batch_size = config.max_sequence_length, settings.batch_size
    steps = max(1, tokens // (batch_size * length))
    batches = fresh_batches(text.train, length, batch_size, steps, seed)
    keras.utils.set_random_seed(seed)
    model = parts.GPT(config)
    model(np.zeros((1, 2), "int32"))
    recipe = training.Recipe(steps, batch_size, peak_rate=rate, warmup_steps=steps // 20, seed=seed)
    trainer = training.Trainer(model)
    trainer(np.zeros((1, 2), "int32"))  # `fit` would build it with tokens that are floats
    trainer.compile(training.make_optimizer(recipe), jit_compile=training.pays_off(model))
    begun = time.monotonic()
    label = f"width {config.hidden_dim}, {tokens:,} tokens"
    with tqdm(total=steps, desc=label, unit="step", leave=False) as bar:
        shown = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.update())
        trainer.fit(batches, callbacks=[shown], verbose=0, shuffle=False)
    seconds = time.monotonic() - begun
    loss = training.evaluate(model, text.validation, length, limit=settings.validation_windows)
    return {"loss": loss, "seconds": seconds}


# ------------------------------------------------------------------------------- a law of N and D


def loss_of(law, parameters, tokens):
    """Returns floor + a / N^alpha + b / D^beta (Hoffmann et al. 2022, section 3.3).

    Args:
        law: dict {"floor", "a", "alpha", "b", "beta"} of floats.
        parameters: number or array, N, without embeddings.
        tokens: number or array, D, of training.
    """
    lacks_size = law["a"] / np.asarray(parameters, "float64") ** law["alpha"]
    return law["floor"] + lacks_size + law["b"] / np.asarray(tokens, "float64") ** law["beta"]


def fit_law(parameters, tokens, losses):
    """Fits `loss_of` to runs, by least squares of the logs of the losses.

    Args:
        parameters, tokens, losses: arrays of shape (runs,), at least 6 runs.

    Returns:
        (law, predict): the dict of `loss_of`, and a function from (parameters, tokens, confidence)
        to (loss, low, high), with the interval of a single new run.

    Raises:
        ValueError: fewer than 6 runs.

    Example:
        >>> law, predict = fit_law(parameters, tokens, losses)
        >>> predict(786432, 2**20, 0.95)
    """
    if len(losses) < 6:
        raise ValueError(f"A law with 5 numbers needs at least 6 runs, not {len(losses)}.")
    n, d, v = (np.log(np.asarray(x, "float64")) for x in (parameters, tokens, losses))
    middle_n, middle_d = n.mean(), d.mean()

    def log_loss(values, n, d):
        # Each term by its log at the middle of the runs: so all five have the same scale.
        floor, size, alpha, text, beta = values
        terms = (floor, size - alpha * (n - middle_n), text - beta * (d - middle_d))
        return np.logaddexp.reduce(np.broadcast_arrays(*terms))

    # From several starts, since the floor may be anywhere between almost nothing and the losses.
    starts = [
        (v.min() + np.log(share), v.mean() - 1, slope, v.mean() - 1, slope)
        for share in (0.2, 0.5, 0.8)
        for slope in (0.1, 0.4)
    ]
    low, high = (-5, -10, 0.01, -10, 0.01), (v.min(), v.max(), 2, v.max(), 2)
    fits = [
        optimize.least_squares(lambda p: log_loss(p, n, d) - v, start, bounds=(low, high))
        for start in starts
    ]
    best = min(fits, key=lambda fit: fit.cost)
    floor, size, alpha, text, beta = best.x
    law = {
        "floor": float(np.exp(floor)),
        "a": float(np.exp(size + alpha * middle_n)),
        "alpha": float(alpha),
        "b": float(np.exp(text + beta * middle_d)),
        "beta": float(beta),
    }
    freedom = len(v) - len(best.x)
    variance = 2 * best.cost / freedom
    # Numbers of the law that the runs hardly tell have a wide spread, which cancels in its losses.
    covariance = variance * np.linalg.pinv(best.jac.T @ best.jac)

    def predict(parameters, tokens, confidence=0.95):
        new = np.log(parameters), np.log(tokens)
        middle = float(log_loss(best.x, *new))
        slope = optimize.approx_fprime(best.x, lambda p: float(log_loss(p, *new)))
        spread = np.sqrt(variance + slope @ covariance @ slope)
        margin = stats.t.ppf((1 + confidence) / 2, freedom) * spread
        return tuple(float(np.exp(x)) for x in (middle, middle - margin, middle + margin))

    return law, predict


def frontier(compute, losses):
    """Finds the runs that no run of as little compute beats (GPT-3, figure 3.1).

    Args:
        compute, losses: arrays of shape (runs,).

    Returns:
        Int array, places of these runs, the cheapest first.

    Example:
        >>> frontier([1.0, 2.0, 3.0], [4.0, 4.5, 3.0])
        array([0, 2])
    """
    order = np.lexsort((losses, compute))
    sorted_losses = np.asarray(losses)[order]
    best_before = np.minimum.accumulate(np.concatenate([[np.inf], sorted_losses[:-1]]))
    return order[sorted_losses < best_before]


# ------------------------------------------------------------------------- table and command line


def main(arguments):
    """Runs the command line, a list of str; returns the exit status."""
    parser = tables.parser("ladder", __doc__, seeds=1)
    parser.add_argument(
        "--tokens", type=int, default=TOKENS[-1], metavar="N",
        help=f"no runs on more tokens (default: {TOKENS[-1]})",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    settings, cells, characters = Settings(), all_cells(options.seeds, options.tokens), None
    if options.short:
        settings = Settings(vocabulary_size=300, max_sequence_length=16, validation_windows=8)
        cells, characters = [cell_of(width, 256) for width in (16, 32)], 50_000
    folder = tables.run_folder("ladder", dataclasses.asdict(settings))
    tables.begin(folder, options.fresh)
    text = Text(settings, characters)
    sizes = {"training": len(text.train), "validation": len(text.validation)}
    print(f"{sizes['training']:,} tokens to train on, {sizes['validation']:,} to measure on")

    def measure_cell(cell):
        config = config_of(cell["hidden_dim"], settings)
        return measure(config, text, cell["tokens"], cell["rate"], cell["seed"], settings)

    known = ablation.run(cells, measure_cell, folder, "ladder")
    return tables.finish(
        "ladder", arguments, options.table, folder, settings,
        tokens=sizes, results=ablation.in_order(known, cells),
    )  # fmt: skip
