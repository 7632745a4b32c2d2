"""Pre-training: batches, recipe, a loop that can be stopped and resumed, evaluation, saving.

The model, the loss and the schedule are the parts of labs 06 and 07. Everything else is Keras:
`compile`, `fit` and a callback.
"""

import dataclasses
import time
import zlib

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from gpt_tf import checkpoint, parts
from gpt_tf.compiling import compile_once, pays_off
from gpt_tf.config import GPTConfig


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a model is trained; the optimizer's defaults are those of GPT-3 (appendix B).

    Args:
        steps: int, number of updates.
        batch_size: int, windows in a batch.
        peak_rate: float, highest learning rate.
        warmup_steps: int, updates until the peak.
        final_fraction: float in [0, 1], learning rate at the end, as a share of the peak.
        weight_decay: float, AdamW's decoupled decay.
        beta_1: float, AdamW's decay of the mean of the gradients.
        beta_2: float, AdamW's decay of the mean of their squares.
        epsilon: float, AdamW's guard against a division by 0.
        clip: float, largest global norm of a gradient.
        seed: int, decides which windows are drawn.

    Raises:
        ValueError: steps or batch_size is less than 1.

    Example:
        >>> Recipe(steps=1000, peak_rate=6e-4, warmup_steps=100).batch_size
        16
    """

    steps: int
    batch_size: int = 16
    peak_rate: float = 1e-3
    warmup_steps: int = 0
    final_fraction: float = 0.1
    weight_decay: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.95
    epsilon: float = 1e-8
    clip: float = 1.0
    seed: int = 0

    def __post_init__(self):
        for name in ("steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}.")


@keras.saving.register_keras_serializable("gpt_tf")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """`parts.warmup_cosine` as a schedule of Keras (GPT-1, section 4.1).

    Args:
        peak, warmup_steps, total_steps, final_fraction: as in `parts.warmup_cosine`.

    Example:
        >>> float(WarmupCosine(1e-3, 10, 100)(5))
        0.0005
    """

    def __init__(self, peak, warmup_steps, total_steps, final_fraction=0.0):
        self.settings = {
            "peak": peak,
            "warmup_steps": warmup_steps,
            "total_steps": total_steps,
            "final_fraction": final_fraction,
        }
        # Says now what is wrong with the settings, not in the first step.
        parts.warmup_cosine(0, **self.settings)

    def __call__(self, step):
        return parts.warmup_cosine(step, **self.settings)

    def get_config(self):
        return dict(self.settings)


def make_optimizer(recipe):
    """Makes AdamW with clipping, for GPT-3's recipe (appendix B).

    Weights of matrices decay, those of positions too; biases and the norms' gamma and beta do not.

    Args:
        recipe: `Recipe`.

    Returns:
        `keras.optimizers.AdamW`, not built yet.

    Example:
        >>> make_optimizer(Recipe(steps=100)).name
        'adamw'
    """
    rate = WarmupCosine(recipe.peak_rate, recipe.warmup_steps, recipe.steps, recipe.final_fraction)
    optimizer = keras.optimizers.AdamW(
        rate,
        weight_decay=recipe.weight_decay,
        beta_1=recipe.beta_1,
        beta_2=recipe.beta_2,
        epsilon=recipe.epsilon,
        global_clipnorm=recipe.clip,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def windows(tokens, length, batch_size, steps, seed, start=0):
    """Draws random windows of a stream of tokens.

    Batch number i depends on `seed` and i only, so a resumed run sees the batches that it would
    have seen.

    Args:
        tokens: int array of any shape, read as one stream; `parts.pack_documents` makes it.
        length: int, tokens in a window.
        batch_size: int, windows in a batch.
        steps: int, number of the batch after the last one.
        seed: int.
        start: int, number of the first batch.

    Returns:
        `tf.data.Dataset` of steps - start pairs (tokens, tokens), int32 of shape
        (batch_size, length): what `parts.next_token_loss` takes for targets is the input itself.

    Raises:
        ValueError: the stream is shorter than one window.

    Example:
        >>> windows(np.arange(1000), length=8, batch_size=4, steps=10, seed=0)
    """
    stream = tf.constant(_stream(tokens, length))
    places = stream.shape[0] - length + 1

    def batch(number):
        first = tf.random.stateless_uniform(
            [batch_size], seed=[seed, number], maxval=places, dtype=tf.int32
        )
        rows = tf.gather(stream, first[:, None] + tf.range(length)[None, :])
        return rows, rows

    dataset = tf.data.Dataset.range(start, steps).map(batch).prefetch(4)
    options = tf.data.Options()
    # Its thread would keep `fit` waiting after the last step.
    options.autotune.enabled = False
    return dataset.with_options(options)


def evaluate(model, tokens, length, batch_size=16, limit=None):
    """Measures the mean loss over consecutive windows, each token predicted once.

    Args:
        model: `parts.GPT`.
        tokens: int array of any shape, read as one stream of at least 2 tokens.
        length: int, tokens in a window, at least 2; windows overlap by one token, which the first
            of them predicts and the next one only reads.
        batch_size: int, windows computed at once.
        limit: int or None, at most that many windows, evenly spread; None takes all.

    Returns:
        float, mean loss in nats a token.

    Raises:
        ValueError: fewer than 2 tokens, or a token that is not in the model's vocabulary.

    Example:
        >>> evaluate(model, validation_tokens, length=128)
    """
    stream = _stream(tokens, 2)
    _check_vocabulary(model, stream)
    rows, real = _consecutive(stream, length)
    if limit is not None and limit < len(rows):
        chosen = np.linspace(0, len(rows) - 1, limit).astype(int)
        rows, real = rows[chosen], real[chosen]

    @compile_once(model, parts.next_token_loss)
    def batch_loss(rows, real):
        return parts.next_token_loss(rows, model(rows, training=False), real)

    total = 0.0
    for i in range(0, len(rows), batch_size):
        # The last batch is filled up, so that all have one shape and one compiled function.
        missing = ((0, max(0, i + batch_size - len(rows))), (0, 0))
        batch = [np.pad(x[i : i + batch_size], missing) for x in (rows, real)]
        total += float(batch_loss(*map(tf.constant, batch))) * batch[1][:, 1:].sum()
    return float(total / real[:, 1:].sum())


def pretrain(
    model,
    tokens,
    validation_tokens,
    recipe,
    folder=None,
    label="pre-training",
    save_seconds=10.0,
    log_every=10,
    validations=10,
    validation_windows=64,
):
    """Trains a model to predict the next token, with a bar, and resumes a run that was stopped.

    Stopped at any moment, even by kill -9, the same call goes on from the last checkpoint and
    gives the losses that an uninterrupted run would have given.

    Args:
        model: `parts.GPT`; windows have its config's max_sequence_length.
        tokens: int array of any shape, the training stream.
        validation_tokens: int array of any shape, the validation stream.
        recipe: `Recipe`.
        folder: str or path for the checkpoints; None keeps none.
        label: str, shown at the bar.
        save_seconds: float, seconds between checkpoints; one is always written at the end.
        log_every: int, steps that one entry of the history averages over.
        validations: int, how often to validate, after a first time at step 0.
        validation_windows: int, most windows of a validation.

    Returns:
        dict of lists: "step" and "loss" (mean of the training losses since the entry before),
        "validation_step" and "validation_loss"; losses in nats a token.

    Raises:
        ValueError: the folder holds checkpoints of another model, recipe or text; or the tokens
            are too few, or not in the vocabulary.

    Example:
        >>> history = pretrain(model, train, validation, Recipe(steps=500), "runs/mine")
    """
    length = model.config.max_sequence_length
    stream = _stream(tokens, length)
    _check_vocabulary(model, stream)
    trainer = Trainer(model)
    trainer(stream[None, :length])
    trainer.compile(make_optimizer(recipe), loss=parts.next_token_loss, jit_compile=pays_off(model))
    trainer.optimizer.build(model.trainable_variables)
    run = _Run(
        [*model.variables, *trainer.optimizer.variables],
        details={
            "config": model.config.to_dict(),
            "recipe": dataclasses.asdict(recipe),
            "text": {"tokens": len(stream), "checksum": zlib.crc32(stream.tobytes())},
        },
        folder=folder,
        label=label,
    )
    run.resume()
    if run.step < recipe.steps:
        run.log_every, run.save_seconds = log_every, save_seconds
        run.validate_every = max(1, recipe.steps // validations)
        run.validate = lambda: evaluate(model, validation_tokens, length, limit=validation_windows)
        batches = windows(stream, length, recipe.batch_size, recipe.steps, recipe.seed, run.step)
        with tqdm(total=recipe.steps, initial=run.step, desc=label, unit="step") as run.bar:
            trainer.fit(batches, callbacks=[run], verbose=0, shuffle=False)
    return run.history


class Trainer(keras.Model):
    """The model inside another, which keeps what `compile` makes: optimizer, loss, metrics.

    Compiled itself, the model would hold the optimizer's memory as long as it lives, and
    `model.save` would write a loss into the file that `keras.models.load_model` does not find.

    Args:
        model: `parts.GPT`, or another model from tokens to logits.

    Example:
        >>> trainer = Trainer(model)
        >>> trainer.compile(make_optimizer(recipe), loss=parts.next_token_loss, jit_compile=True)
    """

    def __init__(self, model):
        super().__init__()
        self.gpt = model

    def call(self, tokens, training=None):
        return self.gpt(tokens, training=training)


class _Run(keras.callbacks.Callback):
    """What pre-training does between steps: bar, history, validation, checkpoints."""

    def __init__(self, variables, details, folder, label):
        super().__init__()
        self.details, self.folder, self.label = details, folder, label
        # Weights, the states of dropout's random numbers, and the optimizer's memory.
        self.state = {f"{i:05d}": v for i, v in enumerate(variables)}
        self.history = {"step": [], "loss": [], "validation_step": [], "validation_loss": []}
        self.step = 0

    def resume(self):
        """Takes up the folder's last checkpoint, if it has one."""
        found = None if self.folder is None else checkpoint.load(self.folder)
        if found is None:
            return
        arrays, details = found
        _check_same(details, self.details, self.folder)
        shapes = {name: tuple(variable.shape) for name, variable in self.state.items()}
        if shapes != {name: value.shape for name, value in arrays.items()}:
            raise ValueError(
                f"The checkpoint in {self.folder} is of a GPT that was built in another way; name "
                "another folder, or delete this one."
            )
        for name, variable in self.state.items():
            variable.assign(arrays[name])
        self.step, self.history = details["step"], details["history"]
        print(f"{self.label}: resumed from step {self.step:,}")

    def save(self):
        """Writes a checkpoint of this step."""
        self.saved = time.monotonic()
        if self.folder is not None:
            arrays = {n: keras.ops.convert_to_numpy(v) for n, v in self.state.items()}
            checkpoint.save(
                self.folder, self.step, arrays, self.details | {"history": self.history}
            )

    def on_train_begin(self, logs=None):
        self.total = self.details["recipe"]["steps"]
        self.saved = time.monotonic()
        if not self.history["validation_step"]:
            self._validate()

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        self.bar.update()
        if self.step % self.log_every and self.step < self.total:
            return
        self.history["step"].append(self.step)
        self.history["loss"].append(float(logs["loss"]))
        # Keras reports the mean since the last reset.
        self.model.reset_metrics()
        if self.step - self.history["validation_step"][-1] >= self.validate_every:
            self._validate()
        if self.step == self.total and self.history["validation_step"][-1] < self.step:
            self._validate()
        self._show()
        if self.step == self.total or time.monotonic() - self.saved >= self.save_seconds:
            self.save()

    def _validate(self):
        self.history["validation_step"].append(self.step)
        self.history["validation_loss"].append(self.validate())

    def _show(self):
        losses = {
            "loss": self.history["loss"][-1],
            "validation": self.history["validation_loss"][-1],
        }
        self.bar.set_postfix({name: f"{value:.3f}" for name, value in losses.items()})


def save_model(model, path, dtype="float32"):
    """Writes a model's configuration and weights into one file.

    Args:
        model: `parts.GPT`, called at least once.
        path: str or path, ends in .npz.
        dtype: str, how numbers are kept: "float32", or "float16" for a file half as large.

    Raises:
        ValueError: the model has no weights yet, or one that is too large for float16.

    Example:
        >>> save_model(model, "runs/mine/model.npz")
    """
    if not model.weights:
        raise ValueError("The model has no weights yet; call it once on a batch of tokens.")
    with np.errstate(over="ignore"):  # said below, in words
        arrays = {
            f"{i:05d}": keras.ops.convert_to_numpy(w).astype(dtype)
            for i, w in enumerate(model.weights)
        }
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError(
            f"A weight is not a number, or too large for {dtype}; train again, or keep float32."
        )
    checkpoint.write(path, arrays, {"config": model.config.to_dict()})


def load_model(path):
    """Makes a model from a file that `save_model` wrote.

    Args:
        path: str or path.

    Returns:
        `parts.GPT` with its weights.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or holds something else.

    Example:
        >>> model = load_model("runs/mine/model.npz")
    """
    arrays, details = checkpoint.read(path)
    if "config" not in details or "step" in details:
        raise ValueError(f"{path} is not a saved model; save one with save_model(model, path).")
    model = parts.GPT(GPTConfig(**details["config"]))
    model(np.zeros((1, 2), "int32"))
    shapes = {f"{i:05d}": tuple(w.shape) for i, w in enumerate(model.weights)}
    if shapes != {name: value.shape for name, value in arrays.items()}:
        raise ValueError(f"{path} holds weights of other shapes than its configuration says.")
    model.set_weights([arrays[name] for name in shapes])
    return model


def _stream(tokens, least):
    stream = np.asarray(tokens, "int32").reshape(-1)
    if len(stream) < least:
        raise ValueError(
            f"The text has {len(stream)} tokens, one window needs {least}; give more text, or a "
            "smaller max_sequence_length."
        )
    return stream


def _check_vocabulary(model, stream):
    # A compiled look-up of a token that is not there gives some other token's vector, silently.
    low, high = int(stream.min()), int(stream.max())
    if low < 0 or high >= model.config.vocabulary_size:
        raise ValueError(
            f"Token {low if low < 0 else high} is not in the model's vocabulary of "
            f"{model.config.vocabulary_size}; use the tokenizer that the model was made for."
        )


def _consecutive(stream, length):
    """Returns rows (n, length) that overlap by one token, and where they hold real tokens."""
    count = -(-(len(stream) - 1) // (length - 1))
    short = count * (length - 1) + 1 - len(stream)
    padded, real = np.pad(stream, (0, short)), np.pad(np.ones(len(stream), bool), (0, short))
    places = np.arange(count)[:, None] * (length - 1) + np.arange(length)[None, :]
    return padded[places], real[places]


def _check_same(found, wanted, folder):
    differences = [
        f"{name} {found.get(group, {}).get(name)} (now {value})"
        for group in ("config", "recipe", "text")
        for name, value in wanted[group].items()
        if found.get(group, {}).get(name) != value
    ]
    if differences:
        raise ValueError(
            f"The checkpoint in {folder} is of another run: {', '.join(differences)}; name another "
            "folder, or delete this one."
        )
