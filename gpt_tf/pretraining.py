"""`python -m gpt_tf pretrain`: a GPT of a size that you choose, on text that you choose.

The model, the loss, the schedule and the packing are those of labs 06 and 07; `gpt_tf.training`
trains. What comes out is a preset, a folder that `presets.load` reads. It is how `presets/nano-en`
was made.
"""

import argparse
import dataclasses
import pathlib
import shutil
import sys

import numpy as np

from gpt_tf import config, job, quiet
from gpt_tf.course import layout

SOURCES = ("docstrings", "world", "novels")
_WORLD_DOCUMENTS = 20_000


@dataclasses.dataclass(frozen=True)
class Size:
    """A model and how long it is trained.

    Args:
        model: `config.GPTConfig`, with the most tokens that the vocabulary may have.
        recipe: dict, fields of `training.Recipe`.
    """

    model: config.GPTConfig
    recipe: dict


# nano and small: found by trial on two cores. gpt1: section 4.1 of its paper, with its batches but
# not its 100 epochs. gpt2: its paper names no rate; GPT-3's for the same size is used (table 2.1).
SIZES = {
    "nano": Size(
        config.GPTConfig(4096, 256, num_layers=4, num_heads=4, hidden_dim=192),
        {"steps": 2000, "batch_size": 12, "peak_rate": 3e-3, "warmup_steps": 100},
    ),
    "small": Size(
        config.GPTConfig(8192, 256, num_layers=6, num_heads=6, hidden_dim=384),
        {"steps": 20_000, "batch_size": 16, "peak_rate": 1e-3, "warmup_steps": 500},
    ),
    "gpt1": Size(
        config.PAPER["gpt1"],
        {"steps": 100_000, "batch_size": 64, "peak_rate": 2.5e-4, "warmup_steps": 2000,
         "final_fraction": 0.0, "weight_decay": 0.01, "beta_2": 0.999},
    ),
    "gpt2": Size(
        config.PAPER["gpt2-small"],
        {"steps": 100_000, "batch_size": 512, "peak_rate": 6e-4, "warmup_steps": 2000},
    ),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides a run of pre-training.

    Args:
        size: str, one of `SIZES`.
        data: tuple of str, each one of `SOURCES` or the path of a text file. A source that is named
            twice is read twice as often as the others (GPT-3, table 2.2, gives better text more
            epochs, too).
        steps, batch_size: int, or None for those of the size.
        seed: int, of everything random.
    """

    size: str = "nano"
    data: tuple[str, ...] = SOURCES
    steps: int | None = None
    batch_size: int | None = None
    seed: int = 0

    def recipe(self):
        """Returns the `training.Recipe`."""
        from gpt_tf import training

        chosen = {"steps": self.steps, "batch_size": self.batch_size, "seed": self.seed}
        fields = SIZES[self.size].recipe | {k: v for k, v in chosen.items() if v is not None}
        fields["warmup_steps"] = min(fields["warmup_steps"], fields["steps"] // 10)
        return training.Recipe(**fields)


def documents(source, split, seed=0):
    """Returns the documents of one source.

    Args:
        source: str, one of `SOURCES` or the path of a text file.
        split: "train" or "validation".
        seed: int, of the generated world.

    Raises:
        ValueError, FileNotFoundError: as the functions of `gpt_tf.corpora`.
    """
    from gpt_tf import corpora, world

    if source == "world":
        # Another seed tells another story: none of it is in the other split.
        count = _WORLD_DOCUMENTS if split == "train" else _WORLD_DOCUMENTS // 20
        return world.documents(count, seed=seed + (split == "validation"))
    if source in SOURCES:
        return getattr(corpora, source)(split)
    return corpora.text_file(source)[split == "validation"]


def pretrain(settings, folder):
    """Trains a GPT, or goes on with it, and leaves a preset.

    Args:
        settings: Settings.
        folder: path, for the preset and for what the run needs to go on.

    Returns:
        dict: "history" of `training.pretrain`, "parameters", "tokens" {source: tokens in training},
        "loss" {source: nats a token of validation text}, "bits" {source: bits a byte of it}.

    Raises:
        ValueError, FileNotFoundError: as `job.Run` and `documents`.
    """
    run = job.Run(settings, folder)
    tokens = run.stage("tokens", lambda: tokenize(run))
    return tokens | run.stage("pretraining", lambda: _train(run, tokens["bytes"]))


def tokenize(run):
    """Learns the vocabulary, and writes each source as tokens."""
    from gpt_tf import presets
    from gpt_tf.tokenizer import Tokenizer

    settings, counts, sizes = run.settings, {}, {}
    sources = dict.fromkeys(settings.data)
    texts = {source: documents(source, "train", settings.seed) for source in sources}
    most = SIZES[settings.size].model.vocabulary_size
    # Each source as often as it is read: so the vocabulary fits what the model will see.
    everything = [text for source in settings.data for text in texts[source]]
    tokenizer = Tokenizer.train(everything, most, special_tokens=job.SPECIAL)
    end = tokenizer.token_id(job.END)
    for number, source in enumerate(sources):
        held_out = documents(source, "validation", settings.seed)
        for split, kept in (("train", texts[source]), ("validation", held_out)):
            rows = tokenizer.encode_documents(kept)
            stream = np.concatenate([np.append(row, end) for row in rows]).astype("int32")
            with job.replacing(run.folder / f"{split}-{number}.npy") as part:
                with open(part, "wb") as file:
                    np.save(file, stream)
            if split == "train":
                counts[source] = len(stream)
        # A byte more for each document: the model predicts its end, too.
        sizes[source] = sum(len(text.encode("utf-8")) + 1 for text in held_out)
    with job.replacing(run.folder / presets.VOCABULARY) as part:
        tokenizer.save(part)
    return {"tokens": counts, "bytes": sizes}


def _train(run, sizes):
    import keras

    from gpt_tf import parts, presets, training
    from gpt_tf.tokenizer import Tokenizer

    settings, sources = run.settings, list(dict.fromkeys(run.settings.data))
    tokenizer = Tokenizer.load(run.folder / presets.VOCABULARY)
    streams = {
        split: {s: np.load(run.folder / f"{split}-{i}.npy") for i, s in enumerate(sources)}
        for split in ("train", "validation")
    }
    keras.utils.set_random_seed(settings.seed)
    model = parts.GPT(
        dataclasses.replace(SIZES[settings.size].model, vocabulary_size=tokenizer.vocabulary_size)
    )
    length = model.config.max_sequence_length
    model(np.zeros((1, 2), "int32"))
    recipe = settings.recipe()
    train = np.concatenate([streams["train"][source] for source in settings.data])
    validation = np.concatenate(list(streams["validation"].values()))
    history = training.pretrain(
        model, train, validation, recipe, run.folder / "checkpoints",
        log_every=max(1, recipe.steps // 200), save_seconds=60.0, validation_windows=256,
    )  # fmt: skip
    presets.save(model, tokenizer, run.folder)
    loss, bits = {}, {}
    for source, stream in streams["validation"].items():
        loss[source] = training.evaluate(model, stream, length)
        bits[source] = loss[source] * len(stream) / sizes[source] / np.log(2)
    return {
        "history": history,
        "parameters": model.count_params(),
        "tokens_seen": recipe.steps * recipe.batch_size * length,
        "loss": loss,
        "bits": bits,
    }


def summary(report):
    """Returns what came of a run as text for a terminal."""
    total = sum(report["tokens"].values())
    lines = [
        f"{report['parameters']:,} parameters read {report['tokens_seen']:,} tokens "
        f"of a text of {total:,}.",
        f"{'validation text':<20}{'nats a token':>14}{'bits a byte':>14}",
    ]
    for source, loss in report["loss"].items():
        lines.append(f"{source:<20}{loss:>14.3f}{report['bits'][source]:>14.3f}")
    return "\n".join(lines)


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m gpt_tf pretrain", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--size", choices=SIZES, default="nano", help="of the model")
    parser.add_argument(
        "--data", nargs="+", default=SOURCES, metavar="SOURCE",
        help=f"{', '.join(SOURCES)}, or a UTF-8 text file; named twice, it is read twice as often",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, help="updates (default: the size's)")
    parser.add_argument("--batch-size", type=int, help="rows in a batch (default: the size's)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument("--out", metavar="FOLDER", help="of the preset (default: runs/SIZE)")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run left")
    options = parser.parse_args(arguments)
    data = tuple(
        source if source in SOURCES else str(pathlib.Path(source).resolve())
        for source in options.data
    )
    settings = Settings(options.size, data, options.steps, options.batch_size, options.seed)
    folder = pathlib.Path(options.out or layout.ROOT / "runs" / options.size)
    if options.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    quiet.load_tensorflow()
    print(summary(pretrain(settings, folder)))
    print(f'A preset: presets.load("{folder}")')
    return 0


if __name__ == "__main__":
    sys.exit(main())
