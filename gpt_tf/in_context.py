"""`python -m gpt_tf in-context`: GPTs that learn from examples, with no update of a weight.

Each sequence that they are trained on holds examples of one task, and the task is drawn for this
sequence alone. What the output of the next example is can only be known from the examples before
it: so the model has to learn how to learn from examples (GPT-3, section 1 and figure 1.1, calls it
in-context learning). A part of each batch are sequences that repeat themselves: the shortest way to
learn that what came before tells what comes next.

A family is a kind of task. Some families are never trained on.
"""

import dataclasses
import functools

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from gpt_tf import ablation, parts, tables, training
from gpt_tf.config import GPTConfig

SYMBOLS = 64
MARK = SYMBOLS  # ends each example
SHOTS = (0, 1, 2, 4, 8, 16)


# ------------------------------------------------------------------------------------- the families


def _mapping(rng, count, shots, least=6):
    """Six symbols (or from `least` to six), each with a label of its own choice."""
    return _table(rng, count, shots, 1, least)


def _pair_mapping(rng, count, shots):
    """As mapping, with pairs of symbols that have a label."""
    return _table(rng, count, shots, 2)


def _table(rng, count, shots, num_inputs, least=6):
    keys = np.argsort(rng.random((count, SYMBOLS)), axis=1)[:, : 6 * num_inputs]
    keys, labels = keys.reshape(count, 6, num_inputs), rng.integers(0, SYMBOLS, (count, 6))
    used = rng.integers(least, 7, (count, 1))
    asked = (rng.random((count, shots)) * used).astype(int)
    inputs = np.take_along_axis(keys, asked[..., None], axis=1)
    return inputs, np.take_along_axis(labels, asked, axis=1)


def _copy(rng, count, shots, num_inputs=2):
    """Several symbols, one of which is copied: always the one at the same place."""
    inputs = rng.integers(0, SYMBOLS, (count, shots, num_inputs))
    place = rng.integers(0, num_inputs, (count, 1, 1))
    return inputs, np.take_along_axis(inputs, place, axis=2)[..., 0]


def _classes(rng, count, shots, group=lambda symbols: symbols % 4):
    """The 64 symbols are in 4 classes, always the same ones; what these are called is new."""
    inputs = rng.integers(0, SYMBOLS, (count, shots, 1))
    names = np.argsort(rng.random((count, SYMBOLS)), axis=1)[:, :4]
    return inputs, np.take_along_axis(names, group(inputs[..., 0]), axis=1)


def _sum(rng, count, shots, sign=1):
    """Two digits, and the last digit of their sum in a base from 5 to 10."""
    base = rng.integers(5, 11, (count, 1))
    inputs = (rng.random((count, shots, 2)) * base[..., None]).astype(int)
    return inputs, (inputs[..., 0] + sign * inputs[..., 1]) % base


TRAINED = {"mapping": _mapping, "copying": _copy, "classes": _classes, "sums in a base": _sum}
# While training, some mappings are of fewer symbols: there, remembering pays sooner.
EASIER = {"mapping": functools.partial(_mapping, least=1)}
HELD_OUT = {
    "mapping of pairs": _pair_mapping,
    "copying one of three": functools.partial(_copy, num_inputs=3),
    "other classes": functools.partial(_classes, group=lambda symbols: symbols // 16),
    "differences in a base": functools.partial(_sum, sign=-1),
}


def draw(family, count, shots, seed):
    """Draws tasks of a family, and examples of each.

    Args:
        family: str, of `TRAINED` or `HELD_OUT`.
        count: int, number of tasks.
        shots: int, examples of each task.
        seed: int.

    Returns:
        (inputs, outputs): int arrays of shape (count, shots, symbols in an input) and
        (count, shots).

    Raises:
        ValueError: there is no such family.

    Example:
        >>> inputs, outputs = draw("mapping", count=2, shots=16, seed=0)
    """
    families = TRAINED | HELD_OUT
    if family not in families:
        raise ValueError(f"There is no family {family!r}; there are {', '.join(families)}.")
    return families[family](np.random.default_rng(seed), count, shots)


def _repeats(rng, count, length):
    """Random symbols, again and again from a period of 2 to half the length on."""
    period = rng.integers(2, length // 2 + 1, (count, 1))
    symbols = rng.integers(0, SYMBOLS, (count, length))
    return np.take_along_axis(symbols, np.arange(length) % period, axis=1)


# ----------------------------------------------------------------------------------------- training


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides the results; equal settings share a folder and resume each other.

    Args:
        sizes: dict {name: (num_layers, num_heads, hidden_dim)}, from small to large.
        length: int, tokens in a sequence.
        steps, batch_size, peak_rate: of training, the same for all sizes. The optimizer is Muon:
            AdamW stays much longer at "one of the labels that I have seen".
        early: float, share of the steps in which all tasks are mappings: they are the shortest way
            to find out that examples tell something.
        repeats: (float, float), share of a batch that repeats itself, in these steps and later.
        stddev: float, of the embeddings' initial weights. From GPT's 0.02, symbols are told apart
            late.
        tasks: int, tasks of a family that a model is asked, none of which it was trained on.
    """

    sizes: dict = dataclasses.field(
        default_factory=lambda: {"small": (1, 2, 32), "medium": (2, 2, 64), "large": (3, 2, 96)}
    )
    length: int = 51
    steps: int = 3000
    batch_size: int = 64
    peak_rate: float = 1e-2
    early: float = 0.4
    repeats: tuple[float, float] = (0.5, 0.125)
    stddev: float = 0.1
    tasks: int = 500

    def shortened(self):
        """Returns the same made small: it shows that everything works, and learns little."""
        return dataclasses.replace(self, steps=5, batch_size=8, tasks=20)

    def config(self, size):
        """Returns the `GPTConfig` of a size."""
        num_layers, num_heads, hidden_dim = self.sizes[size]
        return GPTConfig(SYMBOLS + 1, self.length, num_layers, num_heads, hidden_dim)

    def recipe(self, seed):
        """Returns the `training.Recipe`."""
        return training.Recipe(
            steps=self.steps, batch_size=self.batch_size, peak_rate=self.peak_rate,
            warmup_steps=self.steps // 20, final_fraction=0.0, optimizer="muon", seed=seed,
        )  # fmt: skip


def batch(settings, seed, early=False):
    """Draws one batch: some rows repeat themselves, the others are tasks, as many of each family.

    Args:
        settings: Settings.
        seed: anything that NumPy makes a generator of.
        early: bool, take mappings only.

    Returns:
        int32 array of shape (batch_size, length).
    """
    rng, length = np.random.default_rng(seed), settings.length
    families = ["mapping"] if early else TRAINED
    repeats = settings.repeats[0 if early else 1]
    each = int(settings.batch_size * (1 - repeats)) // len(families)
    rows = [_repeats(rng, settings.batch_size - each * len(families), length)]
    for family in (EASIER.get(name, TRAINED[name]) for name in families):
        rows.append(parts.task_rows(*family(rng, each, length), MARK)[:, :length])
    return np.concatenate(rows).astype("int32")


def train(settings, size, seed, label=""):
    """Trains a GPT on tasks that are drawn as it goes: it sees none twice.

    Args:
        settings: Settings.
        size: str, of the settings' sizes.
        seed: int, of the weights and the tasks.
        label: str, shown at the bar; the size if empty.

    Returns:
        (`parts.GPT`, list of float: the loss of each step in nats a token).

    Example:
        >>> model, losses = train(Settings(steps=100), "small", seed=0)
    """
    keras.utils.set_random_seed(seed)
    model = parts.GPT(settings.config(size))
    model(np.zeros((1, 2), "int32"))
    rng = np.random.default_rng(seed)
    table = model.embedding.token_embeddings
    table.assign(rng.normal(0, settings.stddev, table.shape))
    # Waves: "one place back" is then the same turn everywhere, and need not be learned for each.
    waves = keras_hub.layers.SinePositionEncoding()(
        np.zeros((1, *model.embedding.position_embeddings.shape))
    )
    model.embedding.position_embeddings.assign(settings.stddev * 2**0.5 * waves[0])
    trainer = training.Trainer(model)
    # A few steps never earn back what XLA takes to compile.
    trainer.compile(training.make_optimizer(settings.recipe(seed)), jit_compile=settings.steps > 50)
    losses = []
    with tqdm(total=settings.steps, desc=label or size, unit="step") as bar:
        for step in range(settings.steps):
            rows = tf.constant(
                batch(settings, [seed, step], early=step < settings.early * settings.steps)
            )
            losses.append(float(trainer.train_on_batch(rows, return_dict=True)["loss"]))
            trainer.reset_metrics()
            bar.update()
            if step % 20 == 0:
                bar.set_postfix(loss=f"{losses[-1]:.3f}")
    return model, losses


def accuracies(model, family, tasks=500, seed=0):
    """Measures how often the next output is right after so many examples; no weight changes.

    Args:
        model: a GPT, or any function from tokens (n, T) to logits (n, T, SYMBOLS + 1) that has a
            `config`.
        family: str, of `TRAINED` or `HELD_OUT`.
        tasks: int, number of tasks drawn.
        seed: int, of the draw; training draws others.

    Returns:
        Float array: entry k is the share of right outputs after k examples, as far as the
        sequence reaches.

    Example:
        >>> accuracies(model, "mapping")[16]
    """
    length = model.config.max_sequence_length
    # 2^32 - 1 stands for no step of training.
    inputs, outputs = draw(family, tasks, length, [seed, 2**32 - 1])
    shots = length // (inputs.shape[2] + 2)
    rows = parts.task_rows(inputs[:, :shots], outputs[:, :shots], MARK).astype("int32")
    logits = np.concatenate([np.asarray(model(rows[i : i + 100])) for i in range(0, tasks, 100)])
    return np.asarray(parts.accuracy_by_shots(logits, outputs[:, :shots], inputs.shape[2]))


# --------------------------------------------------------------------------- table and command line


def measure(settings, size, seed):
    """Trains a model of a size, and asks it tasks of each family.

    Args:
        settings: Settings.
        size: str, of the settings' sizes.
        seed: int.

    Returns:
        dict {"parameters": int, "loss": float (mean of the last tenth, in nats a token),
        "accuracies": {family: list of float, see `accuracies`}}.
    """
    model, losses = train(settings, size, seed, f"{size}, seed {seed}")
    return {
        "parameters": model.count_params(),
        "loss": float(np.mean(losses[-(len(losses) // 10 or 1) :])),
        "accuracies": {
            family: accuracies(model, family, settings.tasks, seed).tolist()
            for family in TRAINED | HELD_OUT
        },
    }


def curves(results, size, family):
    """Collects the accuracies of a size on a family.

    Args:
        results: list of {"cell": {"size", "seed"}, "score": what `measure` gave}.
        size, family: str.

    Returns:
        Float array of shape (seeds, shots).
    """
    return np.array(
        [r["score"]["accuracies"][family] for r in results if r["cell"]["size"] == size]
    )


def main(arguments):
    """Runs the command line, a list of str; returns the exit status."""
    options = tables.parser("in-context", __doc__).parse_args(arguments)
    settings = Settings().shortened() if options.short else Settings()
    folder = tables.run_folder("in-context", dataclasses.asdict(settings))
    tables.begin(folder, options.fresh)
    cells = [
        {"size": size, "seed": seed} for seed in range(options.seeds) for size in settings.sizes
    ]
    known = ablation.run(
        cells, lambda cell: measure(settings, **cell), folder / "cells", "models trained"
    )
    return tables.finish(
        "in-context", arguments, options.table, folder, settings,
        results=ablation.in_order(known, cells),
    )  # fmt: skip
