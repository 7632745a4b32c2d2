"""Fine-tunes a GPT on a labelled task, as GPT-1 does (sections 3.2, 3.3 and 4.1).

The input forms, the head and the losses are lab 09's, reached through `parts`. This module adds
what is left: rows for a whole task, a Keras model around GPT and head, and the training loop.
"""

import dataclasses
import itertools
import math

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from gpt_tf import parts, tasks
from gpt_tf.compiling import compile_once, pays_off
from gpt_tf.schedules import WarmupLinear

TOKENS = {
    "start": "<|start|>",
    "delimiter": "<|delimiter|>",
    "extract": "<|extract|>",
    "pad": "<|pad|>",
}
HIGHEST_SCORE = 5  # similarity scores go from 0 to 5
STEPS_A_WIDTH = 200  # so many steps save more time than one more trace takes
XLA_STEPS = 800  # so many steps earn back what XLA takes to compile, once for each length


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
        dropout: float in [0, 1), rate on the head's input and everywhere in the GPT, whatever it
            was pre-trained with.
        weight_decay: float, on all weights but biases and LayerNorm's.
        clip: float, longest gradient (global norm).
        reports: float, how often in an epoch the losses are noted; 0.5 is once in two epochs.
        score_reports: bool, score the validation examples at each report, which costs a pass over
            them; else only after the last step.
        hold_out: float in [0, 1), share of the training examples that is not trained on but decides
            which report's weights are kept: those with the best score on them. The validation
            examples decide nothing then. 0 keeps the last step's weights.

    Raises:
        ValueError: a number that is too small, or too large.
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
    hold_out: float = 0.0

    def __post_init__(self):
        for name in ("length", "batch_size", "epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if self.reports <= 0:
            raise ValueError(f"reports must be more than 0, not {self.reports}.")
        if not 0 <= self.hold_out < 1:
            raise ValueError(f"hold_out must be in [0, 1), not {self.hold_out}.")


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
        self.gpt, self.form, self.tokens = gpt, form, dict(tokens)
        self.language_weight = language_weight
        self.head = parts.TaskHead(form, num_classes, dropout)

    def call(self, rows, training=False):
        count, length = rows.shape[1:]
        flat = keras.ops.reshape(rows, (-1, length))
        hidden = self.gpt.hidden_states(flat)
        states = parts.extract_state(hidden, flat, self.tokens["extract"])
        logits = self.head(keras.ops.reshape(states, (-1, count, states.shape[-1])))
        if not training:
            return logits
        return logits, keras.ops.reshape(hidden, (-1, count, length, hidden.shape[-1]))

    def train_losses(self, rows, targets):
        """Computes what is minimised, as in training.

        Args:
            rows: int tensor of shape (batch, rows, T).
            targets: float tensor of shape (batch, num_classes).

        Returns:
            Three float tensors of shape (): L3, L2 and L1 as losses; L1 is 0 where lambda is.
        """
        logits, hidden = self(rows, training=True)
        task = parts.task_loss(targets, logits)
        if not self.language_weight:
            return task, task, keras.ops.zeros(())
        tokens, states = self._text_to_read(rows, targets, hidden)
        language = parts.language_loss(
            tokens, self.gpt.embedding.logits(states), list(self.tokens.values())
        )
        return parts.combined_loss(task, language, self.language_weight), task, language

    def _text_to_read(self, rows, targets, hidden):
        """Returns tokens (batch, T) and states (batch, T, hidden_dim) of one row an example."""
        if self.form != "multiple_choice":
            return rows[:, 0], hidden[:, 0]
        chosen = keras.ops.cast(targets, rows.dtype)[:, :, None]
        states = keras.ops.einsum("br,brth->bth", keras.ops.cast(targets, hidden.dtype), hidden)
        return keras.ops.sum(rows * chosen, axis=1), states


def clone_gpt(gpt, dropout=None):
    """Copies a GPT with its weights, so that the original stays as it is.

    Args:
        gpt: a `parts.GPT`, built (called once), or a model like it (lab 10 has an LSTM).
        dropout: float in [0, 1), the copy's rate, or None for the original's. Weights do not
            depend on it. A model whose configuration has no dropout keeps what it has.

    Returns:
        Another model of the same class, configuration and weights. Weights that are not trained in
        the original are not trained in the copy.
    """
    settings = gpt.get_config()
    inner = settings.get("config", {})
    if dropout is not None and "dropout" in inner:
        settings = settings | {"config": inner | {"dropout": dropout}}
    twin = type(gpt).from_config(settings)
    twin(np.zeros((1, 2), "int32"))
    twin.set_weights(gpt.get_weights())
    for mine, theirs in zip(twin.weights, gpt.weights, strict=True):
        mine.trainable = theirs.trainable
    return twin


def untrained(gpt, seed=0):
    """Makes the same model without pre-training, to compare with (GPT-1, table 5).

    Args:
        gpt: a `parts.GPT`, or a model like it; it stays as it is.
        seed: int, of the weights.

    Returns:
        Another model of the same class and configuration, with fresh weights.
    """
    keras.utils.set_random_seed(seed)
    fresh = type(gpt).from_config(gpt.get_config())
    fresh(np.zeros((1, 2), "int32"))
    return fresh


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
        Dict of plain numbers: "score" (the task's metric on the validation examples, at the end),
        "scores" (each of the task's metrics by name), "predictions" (one for each validation
        example), and "history", a dict of lists with one entry for each report: "step", "loss"
        (L3), "task_loss" (L2), "language_loss" (L1) as means over the steps since the last report,
        and "score" (None where it was not measured; on the held-out examples, if there are any).

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
    learned, judged = _hold_out(task, settings.hold_out, seed)
    train, judge, final = (
        rows_of(task, examples, tokenizer, settings.length)
        for examples in (learned.train, judged.validation, task.validation)
    )
    tokens = task_tokens(tokenizer)
    steps = settings.epochs * math.ceil(len(train[0]) / settings.batch_size)
    widths = _widths([rows for rows, _ in (train, judge, final)], tokens["pad"], steps)

    keras.utils.set_random_seed(seed)
    model = TaskModel(
        clone_gpt(gpt, settings.dropout), task.form, num_classes(task), tokens, settings.dropout,
        settings.language_weight,
    )  # fmt: skip
    model(train[0][:1])

    def predictions(rows):
        logits = predict(model, rows, settings.batch_size, widths)
        return predictions_of(task.form, logits)

    history = {name: [] for name in ("step", "loss", "task_loss", "language_loss", "score")}
    best = None
    batches = _batches(*train, widths, tokens["pad"], settings, seed)
    with tqdm(batches, total=steps, desc=label or task.name, unit="step") as bar:
        for step, losses in _train(model, bar, settings, steps):
            score, found = None, None
            if settings.score_reports or settings.hold_out or step == steps:
                found = predictions(judge[0])
                score = float(tasks.score(judged, found))
            for name, value in zip(history, (step, *losses, score), strict=True):
                history[name].append(value)
            shown = {"L2": losses[1], "score": score}
            bar.set_postfix({name: f"{v:.3f}" for name, v in shown.items() if v is not None})
            if settings.hold_out and (best is None or score > best[0]):
                best = score, model.get_weights()
    if best is not None:
        model.set_weights(best[1])
        found = predictions(final[0])
    scores = {name: float(tasks.score(task, found, name)) for name in task.metrics}
    return {
        "score": scores[task.metric],
        "scores": scores,
        "predictions": found.tolist(),
        "history": history,
    }


def predict(model, rows, batch_size=32, widths=None):
    """Returns the logits of many examples, in batches of one size.

    Args:
        model: `TaskModel`, called once.
        rows: int array of shape (n, rows, T).
        batch_size: int.
        widths: list of int, rising, the last one at least the longest row: the lengths to which
            batches are cut; T if None.

    Returns:
        Float array of shape (n, classes).
    """

    # Without XLA: a pass over a few examples never earns back what it takes to compile.
    @compile_once(model, jit_compile=False)
    def logits_of(rows):
        return model(rows)

    widths = widths or [rows.shape[-1]]
    group = np.searchsorted(widths, _used(rows, model.tokens["pad"]))
    order = np.argsort(group, kind="stable")
    found = []
    for begin in range(0, len(rows), batch_size):
        chosen = order[begin : begin + batch_size]
        width = widths[group[chosen].max()]
        # Filled up, so that all batches of a width have one shape and one compiled function.
        logits = logits_of(rows[np.resize(chosen, batch_size)][..., :width])
        found.append(np.asarray(logits)[: len(chosen)])
    found = np.concatenate(found)
    return found[np.argsort(order, kind="stable")]


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


def _hold_out(task, share, seed):
    """Returns two tasks: one to learn from, one whose validation examples judge each report."""
    if not share:
        return task, task
    count = max(1, round(share * len(task.train)))
    order = np.random.default_rng(seed).permutation(len(task.train))
    held_out, kept = ([task.train[i] for i in part] for part in (order[:count], order[count:]))
    if not kept:
        raise ValueError(f"hold_out {share} leaves {task.name} no examples to learn from.")
    return dataclasses.replace(task, train=kept), dataclasses.replace(task, validation=held_out)


def _used(rows, pad):
    """Returns how many columns of rows (n, rows, T) each example needs."""
    real = (rows != pad).any(axis=1)
    return real.shape[1] - real[:, ::-1].argmax(axis=1)


def _widths(parts_of_task, pad, steps):
    """Chooses the few lengths to which batches are cut, so that they hold little padding.

    Each length is traced for itself, so a short run has one: the longest.
    """
    longest = parts_of_task[0].shape[-1]
    used = np.concatenate([_used(rows, pad) for rows in parts_of_task])
    rounded = np.minimum(longest, 8 * -(-used // 8))
    lengths, counts = np.unique(rounded, return_counts=True)
    wanted = min(len(lengths), 1 + steps // STEPS_A_WIDTH, 4)
    shorter = itertools.combinations(lengths[:-1].tolist(), wanted - 1)
    choices = [[*some, int(lengths[-1])] for some in shorter]
    return min(choices, key=lambda w: counts @ np.array(w)[np.searchsorted(w, lengths)])


def _batches(rows, targets, widths, pad, settings, seed):
    """Yields the arrays of each step; a batch holds examples of about the same length."""
    rng = np.random.default_rng(seed)
    group = np.searchsorted(widths, _used(rows, pad))
    count = math.ceil(len(rows) / settings.batch_size)
    for _ in range(settings.epochs):
        # The last batch is filled up with examples that come twice in this epoch.
        order = np.resize(rng.permutation(len(rows)), count * settings.batch_size)
        order = order[np.argsort(group[order], kind="stable")]
        for batch in rng.permutation(order.reshape(count, settings.batch_size)):
            yield rows[batch][..., : widths[group[batch].max()]], targets[batch]


def _train(model, batches, settings, steps):
    """Takes a step for each batch; yields (step, [L3, L2, L1]) where a report is due.

    The losses are means over the steps since the last report.
    """
    optimizer, weights = _optimizer(settings, steps), model.trainable_variables
    optimizer.build(weights)

    @compile_once(model, jit_compile=steps >= XLA_STEPS and pays_off(model))
    def update(rows, targets):
        with tf.GradientTape() as tape:
            losses = model.train_losses(rows, targets)
        optimizer.apply(tape.gradient(losses[0], weights), weights)
        return losses

    count = min(steps, max(1, round(settings.epochs * settings.reports)))
    due = {round(steps * (i + 1) / count) for i in range(count)}
    since = []
    for step, batch in enumerate(batches, 1):
        since.append([float(loss) for loss in update(*batch)])
        if step in due:
            yield step, np.mean(since, axis=0).tolist()
            since = []


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
