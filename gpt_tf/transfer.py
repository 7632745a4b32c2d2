"""`python -m gpt_tf transfer`: GPT-1's section 5 at our size, and the table that lab 10 draws from.

Three experiments. "ablations": what pre-training, the auxiliary loss and the Transformer are worth
(table 5), with a small GPT and an LSTM of as many parameters, both pre-trained here on the same
text. "zero-shot": what these two can do before any fine-tuning, as they read (figure 2, right).
"blocks": how much of a preset has to be carried over, or may be frozen (figure 2, left).
"""

import dataclasses
import functools
import json
import pathlib

import keras
import numpy as np

from gpt_tf import (
    ablation,
    finetuning,
    job,
    parts,
    presets,
    tables,
    tasks,
    training,
    world,
    zero_shot,
)
from gpt_tf.config import GPTConfig
from gpt_tf.course import layout
from gpt_tf.lstm import LSTMModel
from gpt_tf.tokenizer import Tokenizer

EXPERIMENTS = ("zero-shot", "ablations", "blocks")

# GPT-1, table 5: average, then CoLA (Matthews), SST-2 (accuracy), MRPC (F1), STS-B (Pearson), QQP
# (F1), MNLI, QNLI and RTE (accuracy), in percent.
PAPER_SETS = ("average", "CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE")
PAPER = {
    "full": (74.7, 45.4, 91.3, 82.3, 82.0, 70.3, 81.8, 88.1, 56.0),
    "no pre-training": (59.9, 18.9, 84.0, 79.4, 30.9, 65.5, 75.7, 71.2, 53.8),
    "no auxiliary LM": (75.0, 47.9, 92.0, 84.9, 83.2, 69.8, 81.1, 86.9, 54.4),
    "LSTM": (69.1, 30.3, 90.5, 83.2, 71.8, 68.1, 73.7, 81.1, 54.6),
}
# The set of the paper that asks for much the same, where there is one.
PAPER_SET = {"sentiment": "SST-2", "average": "average"}

# What the small models read: passages on what they are asked. From text on all subjects they would
# learn the same, in several times as many steps.
SUBJECTS = ("person", "day", "kinds", "opinion_words", "review", "questions")

CHANGES = {
    "no pre-training": {"pretrained": False},
    "no auxiliary LM": {"language_weight": 0.0},
    "LSTM": {"model": "LSTM"},
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides the results; equal settings share a folder and resume each other.

    Args:
        preset: str, name or folder of the preset whose blocks are carried over.
        data: "offline" (tasks of the generated world), or "real" (sst2 and sick as well).
        vocabulary_size, max_sequence_length, num_layers, num_heads, hidden_dim: of the small GPT.
        documents: int, passages of the world that the small models read.
        steps, batch_size, peak_rate: of their pre-training, the same for both.
        checkpoints: tuple of int, the steps at which they are asked.
        questions: int, most questions of a set.
        examples, epochs, task_batch_size, task_rate: of fine-tuning the small models.
        validation: int, most validation examples.
        preset_epochs, preset_rate: of fine-tuning the preset.
        real_examples, real_validation: int, most examples of a real set.
        length: int, most tokens in a row of a task.
    """

    preset: str = "nano-en"
    data: str = "offline"
    vocabulary_size: int = 1200
    max_sequence_length: int = 64
    num_layers: int = 2
    num_heads: int = 4
    hidden_dim: int = 128
    documents: int = 20_000
    steps: int = 2400
    batch_size: int = 8
    peak_rate: float = 2e-3
    checkpoints: tuple[int, ...] = (0, 100, 200, 400, 600, 800, 1200, 1600, 2400)
    questions: int = 200
    examples: int = 256
    epochs: int = 6
    task_batch_size: int = 8
    task_rate: float = 1e-3
    preset_epochs: int = 6
    preset_rate: float = 1e-3
    validation: int = 200
    real_examples: int = 1000
    real_validation: int = 500
    length: int = 64

    def shortened(self):
        """Returns the same made small: it shows that everything works, and learns little."""
        return dataclasses.replace(
            self, vocabulary_size=500, max_sequence_length=128, num_layers=1, num_heads=2,
            hidden_dim=16, documents=300, steps=6, batch_size=2, checkpoints=(0, 3, 6),
            questions=20, examples=16, epochs=1, preset_epochs=1, validation=8, real_examples=16,
            real_validation=8,
        )  # fmt: skip

    def fine_tuning(self, preset=False, language_weight=0.5):
        """Returns the `finetuning.Settings` for the small models, or for the preset."""
        return finetuning.Settings(
            length=self.length,
            batch_size=self.task_batch_size,
            epochs=self.preset_epochs if preset else self.epochs,
            peak_rate=self.preset_rate if preset else self.task_rate,
            # GPT-1's 0.2% is less than one step here.
            warmup_fraction=0.1,
            language_weight=language_weight,
            score_reports=False,
        )


class Experiments:
    """The three experiments of a run, with their texts, tasks and models.

    Args:
        settings: Settings.
        folder: path, for results and checkpoints.
    """

    def __init__(self, settings, folder):
        self.settings, self.folder = settings, pathlib.Path(folder)
        self.models = {}

    def results(self, name, seeds):
        """Runs what is left of an experiment.

        Args:
            name: str, one of `EXPERIMENTS`.
            seeds: list of int.

        Returns:
            List of {"cell": dict, "score": float; for "zero-shot" a dict {set: [accuracy at each
            checkpoint]}}.
        """
        cells, measure = {
            "zero-shot": (self.zero_shot_cells, self.read_and_ask),
            "ablations": (self.ablation_cells, self.fine_tune_small),
            "blocks": (self.block_cells, self.fine_tune_preset),
        }[name]
        cells = sorted(cells(seeds), key=lambda cell: cell["seed"])
        known = ablation.run(cells, measure, self.folder / name, name)
        return ablation.in_order(known, cells)

    # ------------------------------------------------------------------------------------ the cells

    def zero_shot_cells(self, seeds):
        return parts.ablation_grid({"model": "GPT"}, {"LSTM": {"model": "LSTM"}}, seeds)

    def ablation_cells(self, seeds):
        cells = []
        for task in small_tasks(self.settings):
            cells += parts.ablation_grid(ablation_base(task.name), CHANGES, seeds)
        return cells

    def block_cells(self, seeds):
        total = len(self.preset[0].blocks)
        cells = []
        for task in preset_tasks(self.settings):
            base = blocks_base(task.name, total)
            cells += parts.ablation_grid(base, carried(total) | frozen(total), seeds)
        return cells

    # ------------------------------------------------------------------------------- how to measure

    def read_and_ask(self, cell):
        """Pre-trains a small model, and asks it at each checkpoint."""
        return self.pretrained(cell["model"], cell["seed"])[1]

    def fine_tune_small(self, cell):
        """Fine-tunes a small model on a task; returns its score."""
        if cell["pretrained"]:
            model, _ = self.pretrained(cell["model"], cell["seed"])
        else:
            model = new_model(cell["model"], self.config, cell["seed"])
        how = self.settings.fine_tuning(language_weight=cell["language_weight"])
        task = _named(small_tasks(self.settings), cell["task"])
        return finetuning.finetune(model, task, self.text[0], how, cell["seed"])["score"]

    def fine_tune_preset(self, cell):
        """Fine-tunes a fresh GPT into which a part of the preset came; returns its score."""
        preset, tokenizer = self.preset
        model = with_blocks(preset, cell["blocks"], cell["frozen"], cell["seed"])
        task = _named(preset_tasks(self.settings), cell["task"])
        how = self.settings.fine_tuning(preset=True)
        return finetuning.finetune(model, task, tokenizer, how, cell["seed"])["score"]

    # ---------------------------------------------------------------------------- texts and models

    @functools.cached_property
    def preset(self):
        """(`parts.GPT`, `Tokenizer`)."""
        return presets.load(self.settings.preset)

    @functools.cached_property
    def text(self):
        """(`Tokenizer`, training tokens, validation tokens): the small models' text."""
        return small_text(self.settings)

    @property
    def config(self):
        """`GPTConfig` of the small GPT."""
        return small_config(self.settings, self.text[0])

    def pretrained(self, kind, seed):
        """Pre-trains a small model, or finds it again.

        Args:
            kind: "GPT" or "LSTM".
            seed: int.

        Returns:
            (model, {set of questions: [accuracy at each checkpoint]}).
        """
        if (kind, seed) not in self.models:
            model = new_model(kind, self.config, seed)
            folder = self.folder / "checkpoints" / f"{kind}-{seed}"
            skill = read_and_ask(model, *self.text, self.settings, kind, seed, folder)
            self.models[kind, seed] = model, skill
        return self.models[kind, seed]


def ablation_base(task):
    """Returns the settings of GPT-1's full model, for `CHANGES`."""
    return {"task": task, "model": "GPT", "pretrained": True, "language_weight": 0.5}


def blocks_base(task, total):
    """Returns the settings of a preset that is carried over whole, with nothing frozen."""
    return {"task": task, "blocks": total, "frozen": None}


def carried(total):
    """Returns the versions of a base of `total` blocks to which less is carried over."""
    few = {f"{number} blocks": {"blocks": number} for number in range(1, total)}
    return {"nothing": {"blocks": None}, "embeddings": {"blocks": 0}} | few


def frozen(total):
    """Returns the versions of a base of `total` blocks in which none, half or all are frozen."""
    return {f"{n} blocks frozen": {"frozen": n} for n in sorted({0, total // 2, total})}


def with_blocks(source, num_blocks, num_frozen, seed):
    """Makes a fresh GPT like another one, carries a part over, and freezes a part.

    Args:
        source: `parts.GPT` with weights.
        num_blocks: int, for `parts.transfer_blocks`; None carries nothing over.
        num_frozen: int or None, for `parts.freeze`.
        seed: int, of the fresh weights.

    Returns:
        `parts.GPT`.
    """
    model = new_model("GPT", source.config, seed)
    if num_blocks is not None:
        parts.transfer_blocks(source, model, num_blocks)
    parts.freeze(model, num_frozen)
    return model


def new_model(kind, config, seed):
    """Makes a model with fresh weights, the same ones for the same seed.

    Args:
        kind: "GPT" or "LSTM".
        config: `GPTConfig`.
        seed: int.
    """
    keras.utils.set_random_seed(seed)
    model = {"GPT": parts.GPT, "LSTM": LSTMModel}[kind](config)
    model(np.zeros((1, 2), "int32"))
    return model


def small_config(settings, tokenizer):
    """Returns the `GPTConfig` of the small GPT, for the vocabulary that the tokenizer came to."""
    return GPTConfig(
        tokenizer.vocabulary_size, settings.max_sequence_length, settings.num_layers,
        settings.num_heads, settings.hidden_dim,
    )  # fmt: skip


def small_text(settings):
    """Returns (`Tokenizer`, training tokens, validation tokens) of the world's documents."""
    documents = world.documents(settings.documents, subjects=SUBJECTS)
    tokenizer = Tokenizer.train(documents, settings.vocabulary_size, special_tokens=job.SPECIAL)
    end = tokenizer.token_id(job.END)
    rows = [np.append(row, end) for row in tokenizer.encode_documents(documents)]
    held_out = max(1, len(rows) // 50)
    return tokenizer, np.concatenate(rows[held_out:]), np.concatenate(rows[:held_out])


def small_tasks(settings):
    """Returns the tasks of the ablations."""
    return zero_shot.easy_tasks(settings.examples, settings.validation)


def preset_tasks(settings):
    """Returns two of the easy tasks for the preset, and two real ones with `data` "real"."""
    found = [task for task in small_tasks(settings) if task.name != "pronoun"]
    if settings.data == "real":
        for name in ("sst2", "sick"):
            task = tasks.real_task(name)
            rng = np.random.default_rng(0)
            some = {
                split: [examples[i] for i in rng.permutation(len(examples))[:count]]
                for split, examples, count in (
                    ("train", task.train, settings.real_examples),
                    ("validation", task.validation, settings.real_validation),
                )
            }
            found.append(dataclasses.replace(task, **some))
    return found


def read_and_ask(model, tokenizer, train, validation, settings, kind, seed, folder=None):
    """Pre-trains a small model, and asks it the zero-shot questions at each checkpoint.

    Args:
        model: `parts.GPT` or `lstm.LSTMModel` with fresh weights.
        tokenizer, train, validation: as from `small_text`.
        settings: Settings.
        kind: "GPT" or "LSTM".
        seed: int, of the order of the text.
        folder: path, where checkpoints and answers are kept; None keeps none.

    Returns:
        dict {set of questions: [accuracy at each checkpoint]}.
    """
    recipe = training.Recipe(
        steps=settings.steps,
        batch_size=settings.batch_size,
        peak_rate=settings.peak_rate,
        warmup_steps=max(1, settings.steps // 20),
        seed=seed,
    )
    asked = zero_shot.questions(settings.questions)
    found = {} if folder is None else _answers_in(folder)

    def ask(step):
        if step in found:  # before the run was stopped
            return
        found[step] = {q.name: zero_shot.accuracy(model, tokenizer, q) for q in asked}
        if folder is not None:
            layout.write(folder / f"answers-{step:06d}.json", json.dumps(found[step]))

    training.pretrain(
        model, train, validation, recipe, folder, label=f"{kind}, seed {seed}", validations=1,
        callbacks=(AtSteps(settings.checkpoints, ask),),
    )  # fmt: skip
    if settings.steps in settings.checkpoints:
        ask(settings.steps)  # where it was stopped between the last step and its questions
    return {q.name: [found[step][q.name] for step in settings.checkpoints] for q in asked}


def _answers_in(folder):
    files = sorted(folder.glob("answers-*.json"))
    return {int(f.stem.split("-")[1]): json.loads(f.read_text(encoding="utf-8")) for f in files}


class AtSteps(keras.callbacks.Callback):
    """Calls a function after certain steps of training.

    Args:
        steps: collection of int, numbers of updates done; 0 is before the first.
        act: function of such a number.
    """

    def __init__(self, steps, act):
        super().__init__()
        self.steps, self.act = set(steps), act

    def on_train_begin(self, logs=None):
        self._act()

    def on_train_batch_end(self, batch, logs=None):
        self._act()

    def _act(self):
        # The optimizer counts on where a stopped run is resumed.
        step = int(self.model.optimizer.iterations)
        if step in self.steps:
            self.act(step)


def _named(found, name):
    return next(task for task in found if task.name == name)


# ------------------------------------------------------------------------- table and command line


def relative(accuracy, chance):
    """Puts an accuracy between chance and the best, as figure 2 of GPT-1 does.

    Every question of the world has one right answer, so the best is 1. (GPT-1 took the best model
    of its time.)

    Args:
        accuracy: float or array.
        chance: float, the accuracy of guessing.

    Returns:
        The same: 0 for guessing, 1 for all answers right; below 0 for worse than guessing.
    """
    return (np.asarray(accuracy) - chance) / (1 - chance)


def main(arguments):
    """Runs the command line, a list of str; returns the exit status."""
    parser = tables.parser("transfer", __doc__)
    parser.add_argument("--preset", default="nano-en", help="name or folder (default: nano-en)")
    parser.add_argument(
        "--data", choices=("offline", "real"), default="offline",
        help="offline: tasks of the generated world (default); real: SST-2 and SICK, too",
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, default=EXPERIMENTS)
    options = parser.parse_args(arguments)
    settings = Settings(preset=options.preset, data=options.data)
    settings = settings.shortened() if options.short else settings
    presets.load(settings.preset)  # says now, in a sentence, if it is not there
    folder = tables.run_folder("transfer", dataclasses.asdict(settings), settings.preset)
    tables.begin(folder, options.fresh)
    experiments, seeds = Experiments(settings, folder), list(range(options.seeds))
    results = {name: experiments.results(name, seeds) for name in options.only}
    model, _ = experiments.preset
    return tables.finish(
        "transfer", arguments, options.table, folder, settings,
        preset={"parameters": model.count_params(), "blocks": len(model.blocks)}, results=results,
    )  # fmt: skip
