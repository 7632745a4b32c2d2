"""`python -m gpt_tf tuning`: ways to teach a GPT a task, and the table that lab 13 draws from.

Each way answers in the same manner: the label's word that is likeliest to come next (GPT-1, section
5; P-tuning, section 3.2). So they differ in what learns, and in nothing else. The learned prompt
and LoRA are lab 13's, what is frozen and the label words lab 10's, reached through `parts`.
"""

import dataclasses
import math
import time

import keras
import numpy as np
from tqdm.auto import tqdm

from gpt_tf import ablation, finetuning, parts, presets, prompting, tables, tasks, zero_shot
from gpt_tf.schedules import WarmupLinear

# What learns, and the highest rate at which it does; None trains nothing.
METHODS = {
    "zero-shot": None,
    "few-shot": None,
    "vectors alone": 3e-2,
    "prompt": 2e-3,
    "LoRA 1": 5e-3,
    "LoRA 4": 5e-3,
    "LoRA 16": 5e-3,
    "last block": 1e-3,
    "everything": 2e-4,
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides the results; equal settings share a folder and resume each other.

    Args:
        preset: str, name or folder of the GPT.
        data: "offline" (two tasks of the generated world), or "real" (sst2 as well).
        examples, validation: int, most examples of a task.
        steps, batch_size: int, of each training; the rate rises for a tenth of it, then falls.
        weight_decay, clip: float, as in `finetuning.Settings`.
        dropout: float, inside the GPT where the GPT itself learns.
        before, behind: int, learned vectors before and behind each text.
        shots: int, solved examples of "few-shot"; those that do not fit are left out.
        context: int, most tokens with solved examples.
        length: int, most tokens of a text; longer ones lose their beginning.
    """

    preset: str = "nano-en"
    data: str = "offline"
    examples: int = 480
    validation: int = 300
    steps: int = 240
    batch_size: int = 16
    weight_decay: float = 0.01
    clip: float = 1.0
    dropout: float = 0.0
    before: int = 2
    behind: int = 4
    shots: int = 8
    context: int = 256
    length: int = 64

    def shortened(self):
        """Returns the same made small: it shows that everything works, and learns little."""
        return dataclasses.replace(
            self, examples=16, validation=12, steps=3, batch_size=4, shots=2, length=24
        )


def swap(layer, name, new):
    """Puts another layer into the place of a sub-layer, though the layer around it is built.

    Args:
        layer: `keras.layers.Layer`.
        name: str, the attribute.
        new: `keras.layers.Layer`.

    Raises:
        AttributeError: the layer has no such attribute.

    Example:
        >>> swap(block.attention, "qkv", LoRADense(block.attention.qkv, rank=4))
    """
    getattr(layer, name)
    # Keras opens the same lock where it adds weights itself, in `Dense.enable_lora`.
    layer._tracker.unlock()
    try:
        setattr(layer, name, new)
    finally:
        layer._tracker.lock()


@keras.saving.register_keras_serializable("gpt_tf")
class LabelWordModel(keras.Model):
    """A GPT that answers with one of a few words, read off behind the text.

    Args:
        gpt: `parts.GPT` with weights.
        label_ids: list of int, the token of each label's word.
        encoder: layer from places (n,) to a prompt (n, hidden_dim), or None for no learned prompt.
        places: int, n.

    Call arguments:
        inputs: tuple of tokens (batch, T) of int, is_prompt (batch, T) of bool, and lengths
            (batch,) of int, the number of tokens without padding.

    Returns:
        Float tensor of shape (batch, classes), the chance of each label among the labels.
    """

    def __init__(self, gpt, label_ids, encoder=None, places=0, **kwargs):
        super().__init__(**kwargs)
        self.gpt, self.encoder, self.places = gpt, encoder, places
        self.label_ids = tuple(label_ids)

    def call(self, inputs):
        tokens, is_prompt, lengths = inputs
        if self.encoder is None:
            # Scores of the whole vocabulary at each place would take a third of the time.
            hidden = self.gpt.hidden_states(tokens)
            last = keras.ops.take_along_axis(hidden, lengths[:, None, None] - 1, axis=1)
            logits, lengths = self.gpt.embedding.logits(last), keras.ops.ones_like(lengths)
        else:
            prompt = self.encoder(keras.ops.arange(self.places))
            logits = parts.prompted_logits(self.gpt, tokens, is_prompt, prompt)
        words = keras.ops.tile(keras.ops.array([self.label_ids]), (keras.ops.shape(tokens)[0], 1))
        return parts.label_word_probabilities(logits, lengths, words)


# ------------------------------------------------------------------------------ texts as arrays


def tasks_of(settings):
    """Returns the tasks: "kind" and "likes" of the world, and sst2 with `data` "real"."""
    found = zero_shot.tasks_in_all_forms(settings.examples, settings.validation)[:2]
    if settings.data == "real":
        task = tasks.real_task("sst2", settings.examples)
        validation = tasks.drawn(task.validation, settings.validation)
        found.append(dataclasses.replace(task, validation=validation))
    return found


def label_ids(task, tokenizer):
    """Finds the token of each label's word: the first one of its answer, after a space.

    Args:
        task: `tasks.Task`, classification or entailment.
        tokenizer: `Tokenizer`.

    Returns:
        List of int.

    Raises:
        ValueError: two labels share a token.
    """
    _, answers = prompting.question_and_answers(task, task.train[0])
    found = [tokenizer.encode(f" {answer}")[0] for answer in answers]
    if len(set(found)) < len(found):
        raise ValueError(
            f"Two labels of {task.name} begin with the same token; give them other answers."
        )
    return found


def rows_of(task, examples, tokenizer, settings, method, seed=0):
    """Writes examples as the rows that a `LabelWordModel` reads.

    Args:
        task: `tasks.Task`, classification or entailment.
        examples: list of `tasks.Example` of the task.
        tokenizer: `Tokenizer`.
        settings: Settings.
        method: str, one of `METHODS`. With a learned prompt the text stands between placeholders;
            else it stands in "Q: ... A:", with solved examples before it for "few-shot".
        seed: int, of the choice of solved examples.

    Returns:
        (tokens, is_prompt, lengths): arrays (n, T) of int32, (n, T) of bool, (n,) of int32.

    Raises:
        ValueError: an empty text.
    """
    rng, hole, rows = np.random.default_rng(seed), tokenizer.token_id("<|pad|>"), []
    for example in examples:
        question, _ = prompting.question_and_answers(task, example)
        if learned(method):
            ids = parts.shorten([tokenizer.encode(question)], settings.length)[0]
            rows.append([hole] * settings.before + ids + [hole] * settings.behind)
            continue
        shots = settings.shots if method == "few-shot" else 0
        solved = []
        for index in rng.choice(len(task.train), shots, replace=False):
            asked, answers = prompting.question_and_answers(task, task.train[index])
            solved.append((asked, answers[int(task.train[index].label)]))
        ids = tokenizer.encode(parts.build_prompt("", solved, question))
        while solved and len(ids) > settings.context:
            solved = solved[1:]
            ids = tokenizer.encode(parts.build_prompt("", solved, question))
        rows.append(ids if solved else ids[-settings.length :])
    lengths = np.fromiter(map(len, rows), "int32")
    tokens = np.full((len(rows), lengths.max()), hole, "int32")
    for row, ids in zip(tokens, rows, strict=True):
        row[: len(ids)] = ids
    place = np.arange(tokens.shape[1])
    end = lengths[:, None]
    is_prompt = (place < settings.before) | ((place >= end - settings.behind) & (place < end))
    return tokens, is_prompt & learned(method), lengths


def learned(method):
    """Returns whether a method learns prompt vectors."""
    return method in ("prompt", "vectors alone")


# --------------------------------------------------------------------------------- models at work


def plain_prompt(prompt_length, hidden_dim):
    """Returns learned prompt vectors without an encoder, to compare with `parts.PromptEncoder`."""
    start = keras.initializers.RandomNormal(0.0, 0.02)
    return keras.layers.Embedding(prompt_length, hidden_dim, start)


def model_for(gpt, task, tokenizer, method, settings, seed=0):
    """Makes a model in which exactly that learns what the method trains.

    Args:
        gpt: `parts.GPT` with weights; it stays as it is.
        task: `tasks.Task`.
        tokenizer: `Tokenizer`.
        method: str, one of `METHODS`.
        settings: Settings.
        seed: int, of all new weights.

    Returns:
        `LabelWordModel`, built; not compiled.

    Raises:
        ValueError: there is no such method.
    """
    if method not in METHODS:
        raise ValueError(f"There is no method {method!r}; there are {', '.join(METHODS)}.")
    keras.utils.set_random_seed(seed)
    inside = method in ("last block", "everything")
    twin = finetuning.clone_gpt(gpt, settings.dropout if inside else None)
    encoder, places = None, settings.before + settings.behind
    if method.startswith("LoRA"):
        parts.add_lora(twin, int(method.split()[1]))
    elif method == "last block":
        parts.freeze(twin, len(twin.blocks) - 1)
    elif method != "everything":
        for weight in twin.weights:
            weight.trainable = False
    if learned(method):
        make = parts.PromptEncoder if method == "prompt" else plain_prompt
        encoder = make(places, gpt.config.hidden_dim)
    model = LabelWordModel(twin, label_ids(task, tokenizer), encoder, places)
    model(tuple(x[:1] for x in rows_of(task, task.train[:1], tokenizer, settings, method)))
    return model


def count_trainable(model):
    """Counts the numbers that learn, as `model.summary()` prints them under "Trainable params"."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def train(model, rows, labels, rate, settings, seed=0, label=""):
    """Trains what learns in a model on the label's word.

    Args:
        model: `LabelWordModel`.
        rows: as from `rows_of`.
        labels: int array of shape (n,).
        rate: float, the highest learning rate.
        settings: Settings.
        seed: int, of the order of the examples.
        label: str, shown at the bar.

    Returns:
        List of float, the loss of each step, in nats.
    """
    warmup = max(1, settings.steps // 10)
    optimizer = keras.optimizers.AdamW(
        WarmupLinear(rate, warmup, settings.steps),
        weight_decay=settings.weight_decay,
        global_clipnorm=settings.clip,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    # Without XLA: a few hundred steps do not earn back what it takes to compile.
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    rng, losses, order = np.random.default_rng(seed), [], []
    with tqdm(range(settings.steps), desc=label, unit="step", leave=False) as bar:
        for _ in bar:
            if len(order) < settings.batch_size:
                order = [*order, *rng.permutation(len(labels))]
            batch, order = order[: settings.batch_size], order[settings.batch_size :]
            loss = model.train_on_batch(tuple(x[batch] for x in rows), labels[batch])
            model.reset_metrics()
            losses.append(float(loss))
            bar.set_postfix_str(f"loss {losses[-1]:.3f}")
    return losses


def accuracy(model, rows, labels, size=50):
    """Measures how often the right label's word is the likeliest of them.

    Args:
        model: `LabelWordModel`.
        rows: as from `rows_of`.
        labels: int array of shape (n,).
        size: int, rows in a batch.

    Returns:
        float from 0 to 1.
    """
    right = []
    for begin in range(0, len(labels), size):
        batch = slice(begin, begin + size)
        chances = np.asarray(model(tuple(x[batch] for x in rows), training=False))
        right += (chances.argmax(axis=1) == labels[batch]).tolist()
    return float(np.mean(right))


def labels_of(examples):
    """Returns the labels of examples as an int array of shape (n,)."""
    return np.array([int(example.label) for example in examples], "int32")


def teach(gpt, task, tokenizer, method, settings, seed=0):
    """Teaches a GPT a task in one way, and measures it on the validation examples.

    Args:
        gpt, task, tokenizer, method, settings, seed: as in `model_for`.

    Returns:
        (model, result): the `LabelWordModel`, and a dict: "accuracy"; "trainable", the numbers that
        learned; "kept", those that have to be kept for the task afterwards; "seconds" of training,
        which begins with compiling; "losses" of each step.

    Example:
        >>> model, result = teach(gpt, task, tokenizer, "LoRA 4", Settings())
    """
    model = model_for(gpt, task, tokenizer, method, settings, seed)
    losses, seconds = [], 0.0
    if METHODS[method] is not None:
        rows = rows_of(task, task.train, tokenizer, settings, method)
        began = time.perf_counter()
        losses = train(
            model, rows, labels_of(task.train), METHODS[method], settings, seed,
            f"{task.name}, {method}",
        )  # fmt: skip
        seconds = time.perf_counter() - began
    rows = rows_of(task, task.validation, tokenizer, settings, method, seed)
    trainable = count_trainable(model)
    kept = model.places * gpt.config.hidden_dim if learned(method) else trainable
    return model, {
        "accuracy": accuracy(model, rows, labels_of(task.validation)),
        "trainable": trainable,
        "kept": kept,
        "seconds": seconds,
        "losses": losses,
    }


# -------------------------------------------------------------------------- table and command line


def base_of(task):
    """Returns the cell, without its seed, with which the other methods are compared."""
    return {"task": task, "method": "everything"}


def changes(methods=METHODS):
    """Returns {name: change} of all other methods, for `parts.ablation_grid`."""
    return {name: {"method": name} for name in methods if name != "everything"}


def run(settings, seeds, folder=None):
    """Runs each method on each task with each seed, as far as it is not done yet.

    Args:
        settings: Settings.
        seeds: list of int.
        folder: path where results are kept, or None.

    Returns:
        List of {"cell": {"task", "method", "seed"}, "score": dict of `teach` without the losses}.
    """
    gpt, tokenizer = presets.load(settings.preset)
    known = {task.name: task for task in tasks_of(settings)}
    cells = [c for name in known for c in parts.ablation_grid(base_of(name), changes(), seeds)]
    cells.sort(key=lambda cell: cell["seed"])

    def measure(cell):
        task, method, seed = known[cell["task"]], cell["method"], cell["seed"]
        _, result = teach(gpt, task, tokenizer, method, settings, seed)
        del result["losses"]
        return result

    return ablation.in_order(ablation.run(cells, measure, folder, "tuning"), cells)


def main(arguments):
    """Runs the command line, a list of str; returns the exit status."""
    parser = tables.parser("tuning", __doc__)
    parser.add_argument("--preset", default="nano-en", help="name or folder (default: nano-en)")
    parser.add_argument(
        "--data", choices=("offline", "real"), default="offline",
        help="offline: two tasks of the generated world (default); real: SST-2, too",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    settings = Settings(preset=options.preset, data=options.data)
    settings = settings.shortened() if options.short else settings
    gpt, _ = presets.load(settings.preset)
    # The rates decide the results, too.
    decides = [dataclasses.asdict(settings), METHODS]
    folder = tables.run_folder("tuning", decides, settings.preset)
    tables.begin(folder, options.fresh)
    results = run(settings, list(range(options.seeds)), folder / "cells")
    return tables.finish(
        "tuning", arguments, options.table, folder, settings,
        parameters=gpt.count_params(), results=results,
    )  # fmt: skip
