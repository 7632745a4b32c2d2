"""Fine-tunes a GPT on a labelled task, as GPT-1 does (sections 3.2, 3.3 and 4.1).

The input forms, the head and the losses are lab 09's, reached through `parts`. This module adds
what is left: rows for a whole task, a Keras model around GPT and head, and the training loop.
"""

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from gpt_tf import parts, tasks

TOKENS = {
    "start": "<|start|>",
    "delimiter": "<|delimiter|>",
    "extract": "<|extract|>",
    "pad": "<|pad|>",
}
HIGHEST_SCORE = 5  # similarity scores go from 0 to 5


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to fine-tune; the defaults are GPT-1's (section 4.1) where the paper gives them.

    Args:
        length: int, most tokens in a row; longer texts are shortened. Rows are made no longer
            than the task's longest.
        batch_size: int, examples in a batch.
        epochs: int, passes over the training examples.
        peak_rate: float, highest learning rate. GPT-1's is for 117M parameters; small models
            want more.
        warmup_fraction: float, share of the steps in which the rate rises from 0.
        language_weight: float, lambda in L3 = L2 + lambda L1; 0 leaves L1 out.
        dropout: float in [0, 1), rate on the head's input.
        weight_decay: float, on all weights but biases and LayerNorm's.
        clip: float, longest gradient (global norm).
        reports: float, how often in an epoch the losses are noted; 0.5 is once in two epochs.
        score_reports: bool, score the validation examples at each report, which costs a pass over
            them; else only after the last step.

    Raises:
        ValueError: a number that is too small.
    """

    length: int = 64
    batch_size: int = 32
    epochs: int = 3
    peak_rate: float = 6.25e-5
    warmup_fraction: float = 0.002
    language_weight: float = 0.5
    dropout: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    reports: float = 2
    score_reports: bool = True

    def __post_init__(self):
        for name in ("length", "batch_size", "epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if self.reports <= 0:
            raise ValueError(f"reports must be more than 0, not {self.reports}.")


@keras.saving.register_keras_serializable("gpt_tf")
class WarmupLinear(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises in a line from 0, then falls in a line to 0 (GPT-1, section 4.1).

    Args:
        peak: float, highest rate.
        warmup_steps: int, steps until the peak, at least 1.
        total_steps: int, step at which the rate is 0 again.

    Example:
        >>> [float(WarmupLinear(1.0, 2, 6)(step)) for step in (0, 1, 2, 4, 6)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    def __init__(self, peak, warmup_steps, total_steps):
        self.peak, self.warmup_steps, self.total_steps = peak, warmup_steps, total_steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        falling = max(1, self.total_steps - self.warmup_steps)
        down = (self.total_steps - step) / falling
        return self.peak * keras.ops.clip(keras.ops.minimum(step / self.warmup_steps, down), 0, 1)

    def get_config(self):
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
        }


@keras.saving.register_keras_serializable("gpt_tf")
class TaskModel(keras.Model):
    """A GPT with a head for one task (GPT-1, figure 1), trained on L3 = L2 + lambda L1.

    L1 reads one row of each example: for multiple choice the row with the right answer (the others
    are no text to learn from), for similarity the first order. GPT-1 does not say which.

    Args:
        gpt: a `parts.GPT`; it is trained too.
        form: str, one of `tasks.FORMS`.
        num_classes: int, number of classes or answers.
        tokens: dict, ids of "start", "delimiter", "extract" and "pad".
        dropout: float in [0, 1), rate on the head's input.
        language_weight: float, lambda.

    Call arguments:
        rows: int tensor of shape (batch, rows, T): 1 row, 2 (similarity) or one for each answer.

    Returns:
        Float tensor of logits (batch, num_classes). In training a pair: the logits, and the
        hidden states (batch, rows, T, hidden_dim) that L1 needs.

    Raises:
        ValueError: `form` is another word.
    """

    def __init__(self, gpt, form, num_classes, tokens, dropout=0.1, language_weight=0.5, **kwargs):
        super().__init__(**kwargs)
        self.gpt, self.form = gpt, form
        self.extract, self.pad = tokens["extract"], tokens["pad"]
        self.language_weight = language_weight
        self.head = parts.TaskHead(form, num_classes, dropout)
        self.task_tracker = keras.metrics.Mean(name="task_loss")
        self.language_tracker = keras.metrics.Mean(name="language_loss")

    def call(self, rows, training=False):
        count, length = rows.shape[1:]
        flat = keras.ops.reshape(rows, (-1, length))
        hidden = self.gpt.hidden_states(flat)
        states = parts.extract_state(hidden, flat, self.extract)
        logits = self.head(keras.ops.reshape(states, (-1, count, states.shape[-1])))
        if not training:
            return logits
        return logits, keras.ops.reshape(hidden, (-1, count, length, hidden.shape[-1]))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        logits, hidden = y_pred
        loss = parts.task_loss(y, logits)
        self.task_tracker.update_state(loss)
        if not self.language_weight:
            return loss
        tokens, states = self._text_to_read(x, y, hidden)
        language = parts.language_loss(tokens, self.gpt.embedding.logits(states), self.pad)
        self.language_tracker.update_state(language)
        return parts.combined_loss(loss, language, self.language_weight)

    def _text_to_read(self, rows, targets, hidden):
        """Returns tokens (batch, T) and states (batch, T, hidden_dim) of one row an example."""
        if self.form != "multiple_choice":
            return rows[:, 0], hidden[:, 0]
        chosen = keras.ops.cast(targets, rows.dtype)[:, :, None]
        states = keras.ops.einsum("br,brth->bth", keras.ops.cast(targets, hidden.dtype), hidden)
        return keras.ops.sum(rows * chosen, axis=1), states


def clone_gpt(gpt):
    """Copies a GPT with its weights, so that the original stays as it is.

    Args:
        gpt: a `parts.GPT`, built (called once).

    Returns:
        Another model of the same class, configuration and weights.
    """
    twin = type(gpt).from_config(gpt.get_config())
    twin(np.zeros((1, 2), "int32"))
    twin.set_weights(gpt.get_weights())
    return twin


def task_tokens(tokenizer):
    """Looks up the special tokens of the input forms.

    Args:
        tokenizer: `Tokenizer`, trained with the values of `TOKENS` among its special tokens.

    Returns:
        Dict {"start", "delimiter", "extract", "pad": id}.

    Raises:
        ValueError: the vocabulary lacks one; the message names it.
    """
    found = {}
    for name, text in TOKENS.items():
        try:
            found[name] = tokenizer.token_id(text)
        except (LookupError, ValueError) as error:
            raise ValueError(
                f"The vocabulary has no token {text}; train the tokenizer with "
                f"special_tokens that contain {', '.join(TOKENS.values())}."
            ) from error
    return found


def num_classes(task):
    """Returns how many logits a task needs: its labels, its answers, or the scores 0 to 5."""
    if task.form == "similarity":
        return HIGHEST_SCORE + 1
    if task.form == "multiple_choice":
        return len(task.train[0].texts) - 1
    return len(task.labels)


def rows_of(task, examples, tokenizer, length):
    """Turns labelled examples into the arrays that `TaskModel` trains on.

    Args:
        task: `tasks.Task`.
        examples: list of `tasks.Example` of the task.
        tokenizer: `Tokenizer`; see `task_tokens`.
        length: int, tokens in a row; longer texts are shortened (lab 09).

    Returns:
        (rows, targets): int32 array (n, rows, length), float32 array (n, classes).

    Raises:
        ValueError: an empty text, a label that the task does not have, a wrong number of texts,
            or a length too short for the form; the message names task and example.
    """
    if task.form not in tasks.FORMS:
        known = ", ".join(tasks.FORMS)
        raise ValueError(f"{task.name} has the form {task.form!r}; the forms are {known}.")
    tokens, classes = task_tokens(tokenizer), num_classes(task)
    rows = []
    for number, example in enumerate(examples, 1):
        where = f"{task.name}, example {number}"
        _check(where, task, example, classes)
        ids = [tokenizer.encode(text) for text in example.texts]
        try:
            rows.append(_rows(task.form, ids, tokens, length))
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
    labels = np.array([example.label for example in examples], "float32")
    targets = parts.label_distribution(labels, classes)
    return np.array(rows, "int32"), keras.ops.convert_to_numpy(targets)


def _check(where, task, example, classes):
    expected = {"classification": 1, "multiple_choice": classes + 1}.get(task.form, 2)
    if len(example.texts) != expected:
        raise ValueError(f"{where} has {len(example.texts)} texts, the task needs {expected}.")
    for number, text in enumerate(example.texts, 1):
        if not text.strip():
            raise ValueError(f"{where}: text {number} is empty; leave the example out.")
    label = example.label
    whole = task.form == "similarity" or label == int(label)
    if not (whole and 0 <= label <= classes - 1):
        known = f" ({', '.join(task.labels)})" if task.labels else ""
        raise ValueError(
            f"{where} has the label {label!r}, which {task.name} does not know; "
            f"labels go from 0 to {classes - 1}{known}."
        )


def _rows(form, ids, tokens, length):
    """Returns the rows of one example, each a list of `length` ids."""
    if form == "classification":
        return [parts.classification_input(ids[0], tokens, length)]
    if form == "entailment":
        return [parts.entailment_input(*ids, tokens, length)]
    if form == "similarity":
        return parts.similarity_inputs(*ids, tokens, length)
    return parts.multiple_choice_inputs(ids[0], ids[1:], tokens, length)


def finetune(gpt, task, tokenizer, settings=None, seed=0, label=""):
    """Fine-tunes a copy of a GPT on a task, and scores it on the validation examples.

    Args:
        gpt: a `parts.GPT`, pre-trained or fresh, built; it stays as it is.
        task: `tasks.Task`.
        tokenizer: `Tokenizer`; see `task_tokens`.
        settings: `Settings`, or None for GPT-1's.
        seed: int, of the head's weights, dropout and the order of the examples.
        label: str, shown at the progress bar; the task's name if empty.

    Returns:
        Dict of plain numbers: "score" (the task's metric after the last step) and "history", a
        dict of lists with one entry for each report: "step", "loss" (L3), "task_loss" (L2),
        "language_loss" (L1) as means over the steps since the last report, and "score" (None where
        it was not measured).

    Raises:
        ValueError: a length that the model cannot read, or as `rows_of`.

    Example:
        >>> finetune(gpt, world_tasks()[0], tokenizer, Settings(peak_rate=5e-4))["score"]
    """
    settings = settings or Settings()
    if settings.length > gpt.config.max_sequence_length:
        raise ValueError(
            f"Rows of {settings.length} tokens do not fit this GPT, which reads "
            f"{gpt.config.max_sequence_length}; lower the settings' length."
        )
    if not task.train or not task.validation:
        raise ValueError(f"{task.name} needs examples for training and for validation.")
    tokens = task_tokens(tokenizer)
    train, targets = rows_of(task, task.train, tokenizer, settings.length)
    validation, _ = rows_of(task, task.validation, tokenizer, settings.length)
    train, validation = _without_common_padding(train, validation, tokens["pad"])
    steps = settings.epochs * math.ceil(len(train) / settings.batch_size)
    reports = min(steps, max(1, round(settings.epochs * settings.reports)))
    window = steps // reports

    keras.utils.set_random_seed(seed)
    model = TaskModel(
        clone_gpt(gpt), task.form, num_classes(task), tokens, settings.dropout,
        settings.language_weight,
    )  # fmt: skip
    # "auto" is XLA on a GPU and a plain graph on a CPU, where compiling would take longer than it
    # saves in a few hundred steps.
    model.compile(optimizer=_optimizer(settings, window * reports), jit_compile="auto")
    # Built here, so that `fit` need not trace everything a second time to find the shapes.
    model(train[:1])
    model.optimizer.build(model.trainable_variables)
    batches = _batches(train, targets, settings.batch_size, seed)
    with tqdm(total=window * reports, desc=label or task.name, unit="step") as bar:

        def evaluate():
            logits = predict(model, validation, settings.batch_size)
            return float(tasks.score(task, predictions_of(task.form, logits)))

        report = _Report(bar, evaluate, settings.score_reports)
        model.fit(
            batches, epochs=reports, steps_per_epoch=window, verbose=0, shuffle=False,
            callbacks=[report],
        )  # fmt: skip
    return {"score": report.history["score"][-1], "history": report.history}


def predict(model, rows, batch_size=32):
    """Returns the logits of many examples, in batches of one size, so that one graph serves all.

    Args:
        model: `TaskModel`, compiled.
        rows: int array of shape (n, rows, T).
        batch_size: int.

    Returns:
        Float array of shape (n, classes).
    """
    logits = []
    for begin in range(0, len(rows), batch_size):
        batch = rows[begin : begin + batch_size]
        filled = np.resize(batch, (batch_size, *batch.shape[1:]))
        logits.append(np.asarray(model.predict_on_batch(filled))[: len(batch)])
    return np.concatenate(logits)


def predictions_of(form, logits):
    """Turns logits into what `tasks.score` takes.

    Args:
        form: str, the task's form.
        logits: float array of shape (n, classes).

    Returns:
        Array of shape (n,): for similarity the mean score of each distribution (float), else the
        likeliest class (int).
    """
    if form != "similarity":
        return np.argmax(logits, axis=1)
    logits = logits.astype("float64")
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights @ np.arange(logits.shape[1]) / weights.sum(axis=1)


def _without_common_padding(train, validation, pad):
    """Cuts the columns that hold only padding, down to a multiple of 8 tokens."""
    used = max(int(np.flatnonzero((rows != pad).any(axis=(0, 1)))[-1]) for rows in
               (train, validation)) + 1  # fmt: skip
    length = min(train.shape[-1], 8 * math.ceil(used / 8))
    return train[..., :length], validation[..., :length]


def _batches(rows, targets, batch_size, seed):
    options = tf.data.Options()
    # The autotuner's thread keeps `fit` waiting after the last step.
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_tensor_slices((rows, targets))
    dataset = dataset.shuffle(len(rows), seed=seed).repeat().batch(batch_size, drop_remainder=True)
    return dataset.prefetch(1).with_options(options)


def _optimizer(settings, steps):
    warmup = max(1, round(settings.warmup_fraction * steps))
    optimizer = keras.optimizers.AdamW(
        WarmupLinear(settings.peak_rate, warmup, steps),
        weight_decay=settings.weight_decay,
        global_clipnorm=settings.clip,
    )
    # Before the optimizer is built: afterwards this does nothing, and says nothing.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class _Report(keras.callbacks.Callback):
    """Moves the progress bar at each step; notes losses and score at the end of each epoch.

    An epoch of `fit` is the stretch between two reports here: Keras averages over it.
    """

    def __init__(self, bar, evaluate, score_always):
        super().__init__()
        self.bar, self.evaluate, self.score_always = bar, evaluate, score_always
        self.history = {
            name: [] for name in ("step", "loss", "task_loss", "language_loss", "score")
        }

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update()

    def on_epoch_end(self, epoch, logs=None):
        due = self.score_always or self.bar.n == self.bar.total
        values = {**logs, "score": self.evaluate() if due else None}
        self.history["step"].append(int(self.bar.n))
        for name in ("loss", "task_loss", "language_loss"):
            self.history[name].append(float(values[name]))
        self.history["score"].append(values["score"])
        shown = {"L2": values["task_loss"], "score": values["score"]}
        self.bar.set_postfix({name: f"{v:.3f}" for name, v in shown.items() if v is not None})
