"""The course's whole job in one run: tokenizer, pre-training, four tasks, prompts, generation.

Each stage leaves its result in the run's folder, whole or not at all, so that a run that was
stopped goes on where it was. The code that learns is the labs' own, reached through `parts`.
"""

import contextlib
import dataclasses
import hashlib
import json
import pathlib
import shutil
import time

import numpy as np

from gpt_tf import config, parts
from gpt_tf.course import layout

END = "<|endoftext|>"
SETTINGS = "settings.json"  # in each run's folder
SPECIAL = (END, "<|start|>", "<|delimiter|>", "<|extract|>", "<|pad|>")


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides a run; equal settings share a folder and resume each other.

    Args:
        data: "offline" (docstrings and the generated world), "real" (the catalog's sets) or
            "text" (one file of the user's own, with the generated world's tasks).
        text: str, path of that file; empty unless data is "text".
        seed: int, of everything random.
        vocabulary_size, max_sequence_length, num_layers, num_heads, hidden_dim, dropout: of the
            model, see `GPTConfig`.
        characters: int, most characters of training text to read.
        world_documents: int, passages of the generated world beside the docstrings (offline).
        steps, batch_size, peak_rate: of pre-training. In the same time a small model learns more
            from many small batches than from few large ones; so it does in fine-tuning.
        examples, epochs, task_batch_size, task_rate: of fine-tuning, for each task. An example of
            similarity is two rows and one of multiple choice is four: these tasks take half and a
            quarter of the examples, so that each task costs about the same time.
        task_length: int, most tokens in a row of a task.
        validation: int, most validation examples of a task.
        prompts: int, questions put to the model for each number of examples shown.
        shots: tuple of int, numbers of examples shown.
        new_tokens: int, length of a sample.
    """

    data: str = "offline"
    text: str = ""
    seed: int = 0
    vocabulary_size: int = 2048
    max_sequence_length: int = 128
    num_layers: int = 4
    num_heads: int = 4
    hidden_dim: int = 128
    dropout: float = 0.0
    characters: int = 6_000_000
    world_documents: int = 20_000
    steps: int = 2700
    batch_size: int = 4
    peak_rate: float = 4e-3
    examples: int = 800
    epochs: int = 3
    task_batch_size: int = 8
    task_rate: float = 2e-3
    task_length: int = 64
    validation: int = 300
    prompts: int = 40
    shots: tuple[int, ...] = (0, 1, 4)
    new_tokens: int = 60

    def shortened(self):
        """Returns the same run made small: it shows that everything works, and learns little."""
        return dataclasses.replace(
            self, vocabulary_size=512, max_sequence_length=96, num_layers=2, hidden_dim=64,
            characters=200_000, world_documents=300, steps=30, batch_size=8, examples=64,
            epochs=1, validation=40, prompts=8, shots=(0, 1), new_tokens=10,
        )  # fmt: skip

    @property
    def name(self):
        """Returns the name of the run's folder: its data and a digest of all settings."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return f"{self.data}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def model_config(self, vocabulary_size):
        """Returns the GPTConfig, for the vocabulary that the tokenizer came to."""
        return config.GPTConfig(
            vocabulary_size, self.max_sequence_length, self.num_layers, self.num_heads,
            self.hidden_dim, dropout=self.dropout,
        )  # fmt: skip


class Run:
    """A run's folder, and the stages that were done in it.

    Args:
        settings: Settings.
        folder: path; runs/<name of the settings> if None.
    """

    def __init__(self, settings, folder=None):
        self.settings = settings
        self.folder = pathlib.Path(folder or layout.ROOT / "runs" / settings.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        known = self.folder / SETTINGS
        mine = json.loads(json.dumps(dataclasses.asdict(settings)))
        if known.is_file() and (theirs := json.loads(known.read_text(encoding="utf-8"))) != mine:
            differ = ", ".join(k for k in mine if theirs.get(k) != mine[k])
            raise ValueError(
                f"{self.folder} holds a run with other settings ({differ}); name another folder, "
                "or delete this one (--fresh)."
            )
        layout.write(known, json.dumps(mine, indent=1))

    def stage(self, name, work):
        """Returns what `work()` returned, from the folder if the stage was done before.

        Args:
            name: str, the stage; its result is kept in <name>.json.
            work: function of nothing that returns JSON-able data.
        """
        path = self.folder / f"{name}.json"
        if path.is_file():
            print(f"{name}: done before")
            return json.loads(path.read_text(encoding="utf-8"))
        print(f"{name} ...", flush=True)
        begun = time.monotonic()
        result = work()
        result["seconds"] = time.monotonic() - begun
        layout.write(path, json.dumps(result, indent=1, ensure_ascii=False))
        return json.loads(path.read_text(encoding="utf-8"))


def execute(settings, folder=None, fresh=False):
    """Runs the whole job, or what is left of it.

    Args:
        settings: Settings.
        folder: path of the run's folder, or None for runs/<name of the settings>.
        fresh: bool, delete what an earlier run left there.

    Returns:
        Path of the page of results.

    Raises:
        ValueError: the folder holds a run with other settings, or the data is not usable.
        FileNotFoundError, ConnectionError: data is missing; the message says which and the way out.
    """
    from gpt_tf import closing, page

    folder = pathlib.Path(folder or layout.ROOT / "runs" / settings.name)
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    run = Run(settings, folder)
    print(f"The run's folder is {folder}; stopped, the same command goes on from there.")
    report = {
        "settings": dataclasses.asdict(settings),
        "tokenizer": run.stage("tokenizer", lambda: train_tokenizer(run)),
        "pretraining": run.stage("pretraining", lambda: pretrain(run)),
    }
    report["tasks"] = [
        run.stage(f"task-{task.name}", lambda task=task: fine_tune(run, task))
        for task in tasks_of(settings)
    ]
    report["prompts"] = [
        run.stage(f"prompts-{task.name}", lambda task=task: prompt(run, task))
        for task in tasks_of(settings)
        if task.form != "similarity"
    ]
    report["samples"] = run.stage("samples", lambda: write_samples(run))
    report["parts"] = {name: str(path) for name, path in sorted(parts.which().items())}
    layout.write(run.folder / closing.REPORT, json.dumps(report, indent=1, ensure_ascii=False))
    target = page.write(report, run.folder)
    point_latest(run.folder)
    print("\n" + page.table(report))
    return target


def documents_of(settings):
    """Returns (training documents, validation documents) of a run's pre-training text."""
    from gpt_tf import corpora, world

    if settings.data == "text":
        train, validation = corpora.text_file(settings.text)
    elif settings.data == "real":
        train, validation = corpora.real("train"), corpora.real("validation")
    else:
        train, validation = corpora.docstrings("train"), corpora.docstrings("validation")
    order = np.random.default_rng(settings.seed).permutation(len(train))
    train = [train[i] for i in order]
    ends = np.cumsum([len(d) for d in train])
    train = train[: int(np.searchsorted(ends, settings.characters)) + 1]
    if settings.data == "offline":
        # Unlabelled text of the world that the tasks are about: what BooksCorpus is to GPT-1.
        count = settings.world_documents
        train = train + world.documents(count, seed=settings.seed)
        train = [train[i] for i in np.random.default_rng(settings.seed).permutation(len(train))]
        validation = validation + world.documents(count // 20, seed=settings.seed + 1)
    return train, validation[: max(20, len(train) // 20)]


def tasks_of(settings):
    """Returns the four tasks of a run, cut to its sizes."""
    from gpt_tf import tasks

    if settings.data == "real":
        found = tasks.real_tasks()
    else:
        found = tasks.world_tasks(settings.examples, settings.validation, seed=settings.seed)
    rng = np.random.default_rng(settings.seed)
    cut = []
    for task in found:
        most = settings.examples // {"similarity": 2, "multiple_choice": 4}.get(task.form, 1)
        train = [task.train[i] for i in rng.permutation(len(task.train))[:most]]
        validation = task.validation
        validation = [validation[i] for i in rng.permutation(len(validation))]
        cut.append(
            dataclasses.replace(task, train=train, validation=validation[: settings.validation])
        )
    return cut


def train_tokenizer(run):
    """Stage 1: a byte-pair vocabulary, and the text as tokens."""
    from gpt_tf.tokenizer import Tokenizer

    train, validation = documents_of(run.settings)
    tokenizer = Tokenizer.train(train, run.settings.vocabulary_size, special_tokens=SPECIAL)
    sizes = {"characters": sum(map(len, train)), "documents": len(train)}
    for name, documents in (("train", train), ("validation", validation)):
        rows = tokenizer.encode_documents(documents)
        stream = [np.append(row, tokenizer.token_id(END)) for row in rows]
        tokens = np.concatenate(stream).astype("int32")
        with replacing(run.folder / f"{name}.npy") as part, open(part, "wb") as file:
            np.save(file, tokens)
        sizes[f"{name}_tokens"] = len(tokens)
    with replacing(run.folder / "vocabulary.json") as part:
        tokenizer.save(part)
    return sizes | {"vocabulary_size": tokenizer.vocabulary_size}


def pretrain(run):
    """Stage 2: next-token prediction (GPT-1, section 3.1), with a loss on text never trained on."""
    from gpt_tf import training

    settings, tokenizer = run.settings, load_tokenizer(run)
    train, validation = (np.load(run.folder / f"{n}.npy") for n in ("train", "validation"))
    length = settings.max_sequence_length
    model = new_model(settings, tokenizer)
    untrained = training.evaluate(model, validation, length, limit=64)
    recipe = training.Recipe(
        steps=settings.steps,
        batch_size=settings.batch_size,
        peak_rate=settings.peak_rate,
        warmup_steps=max(1, settings.steps // 20),
        seed=settings.seed,
    )
    history = training.pretrain(
        model, train, validation, recipe, run.folder / "checkpoints",
        log_every=max(1, settings.steps // 100),
    )  # fmt: skip
    training.save_model(model, run.folder / "model.npz")
    return {
        "history": history,
        "parameters": model.count_params(),
        "loss": training.evaluate(model, validation, length),
        "untrained_loss": untrained,
        "unigram_loss": unigram_loss(train, validation, tokenizer.vocabulary_size),
        "tokens_seen": settings.steps * settings.batch_size * length,
    }


def fine_tune(run, task):
    """Stage 3: one task with and without pre-training, beside its baselines (GPT-1, 3.2)."""
    from gpt_tf import finetuning, tasks, training

    settings, tokenizer = run.settings, load_tokenizer(run)
    how = finetuning.Settings(
        length=settings.task_length,
        batch_size=settings.task_batch_size,
        epochs=settings.epochs,
        peak_rate=settings.task_rate,
        # GPT-1's 0.2% is less than one step here.
        warmup_fraction=0.1,
        score_reports=False,
    )
    scores = dict(tasks.baselines(task))
    models = {
        "without": new_model(settings, tokenizer),
        "with": training.load_model(run.folder / "model.npz"),
    }
    histories = {}
    for name, model in models.items():
        label = f"{task.name}, {name} pre-training"
        done = finetuning.finetune(model, task, tokenizer, how, settings.seed, label)
        scores[name], histories[name] = done["score"], done["history"]
    return {
        "name": task.name,
        "form": task.form,
        "metric": task.metric,
        "train": len(task.train),
        "validation": len(task.validation),
        "scores": scores,
        "histories": histories,
    }


def prompt(run, task):
    """Stage 4: the same task with no training at all, from a prompt (GPT-3, section 2)."""
    from gpt_tf import prompting, tasks, training

    settings, tokenizer = run.settings, load_tokenizer(run)
    models = {
        "without": new_model(settings, tokenizer),
        "with": training.load_model(run.folder / "model.npz"),
    }
    scores = {
        name: {
            str(shots): prompting.evaluate_prompts(
                model, tokenizer, task, shots, settings.prompts, settings.seed
            )
            for shots in settings.shots
        }
        for name, model in models.items()
    }
    return {
        "name": task.name,
        "form": task.form,
        "questions": min(settings.prompts, len(task.validation)),
        "majority": tasks.baselines(task)["majority"],
        "scores": scores,
    }


def write_samples(run):
    """Stage 5: what the model writes on, greedy and with temperature (GPT-2, section 3)."""
    from gpt_tf import training

    settings, tokenizer = run.settings, load_tokenizer(run)
    model = training.load_model(run.folder / "model.npz")
    validation = np.load(run.folder / "validation.npy")
    starts = np.flatnonzero(validation == tokenizer.token_id(END))
    written = []
    for start in starts[np.linspace(0, len(starts) - 2, 3).astype(int)]:
        begin = validation[start + 1 : start + 13]
        for temperature in (0.0, 0.8):
            tokens = parts.generate(
                model, begin[None], settings.new_tokens, temperature, seed=settings.seed
            )
            text = tokenizer.decode([int(t) for t in np.asarray(tokens)[0][len(begin) :]])
            written.append(
                {
                    "prompt": tokenizer.decode([int(t) for t in begin]),
                    "temperature": temperature,
                    "text": text.split(END)[0],
                }
            )
    return {"samples": written}


def new_model(settings, tokenizer):
    """Returns a GPT with fresh weights, the same ones for the same seed."""
    import keras

    keras.utils.set_random_seed(settings.seed)
    model = parts.GPT(settings.model_config(tokenizer.vocabulary_size))
    model(np.zeros((1, 2), "int32"))
    return model


def load_tokenizer(run):
    """Returns the run's tokenizer."""
    from gpt_tf.tokenizer import Tokenizer

    return Tokenizer.load(run.folder / "vocabulary.json")


def unigram_loss(train, validation, vocabulary_size):
    """Returns the loss, in nats a token, of guessing by frequency alone (one added to each)."""
    counts = np.bincount(train, minlength=vocabulary_size) + 1.0
    return float(-np.mean(np.log(counts / counts.sum())[validation]))


@contextlib.contextmanager
def replacing(path):
    """Gives a temporary path, which becomes `path` if all went well."""
    part = path.with_name("." + path.name)
    yield part
    part.replace(path)


def point_latest(folder):
    """Makes runs/latest lead to a run; a copy of its results where links are not allowed."""
    from gpt_tf import closing

    latest = layout.ROOT / "runs" / "latest"
    latest.parent.mkdir(exist_ok=True)
    if latest.is_symlink():
        latest.unlink()
    elif latest.is_dir():
        shutil.rmtree(latest)
    try:
        latest.symlink_to(folder.resolve(), target_is_directory=True)
    except OSError:
        latest.mkdir()
        for name in ("index.html", closing.REPORT):
            shutil.copy(folder / name, latest)
