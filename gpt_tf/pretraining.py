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

from gpt_tf import config, job, quiet, recipes
from gpt_tf.course import layout

SOURCES = ("docstrings", "world", "novels")
_WORLD_DOCUMENTS = 20_000
_SAVE_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Size:
    """A model and how long it is trained.

    Args:
        model: `config.GPTConfig`, with the most tokens that the vocabulary may have.
        recipe: dict, fields of `training.Recipe`.
    """

    model: config.GPTConfig
    recipe: dict


# nano and small: found by trial on two cores. gpt1: its paper's, but for the number of updates.
# gpt2: its paper names the batch only, so GPT-3's rate and schedule for the same size are used; its
# warm-up of 375M tokens is 375e6 / (512 x 1,024) = 715 updates.
SIZES = {
    "toy": Size(
        config.GPTConfig(300, 32, num_layers=1, num_heads=2, hidden_dim=16),
        {"steps": 200, "batch_size": 4, "peak_rate": 1e-2},
    ),
    "nano": Size(
        config.GPTConfig(4096, 256, num_layers=4, num_heads=4, hidden_dim=192),
        {
            "steps": 4000,
            "batch_size": 12,
            "peak_rate": 5e-3,
            "warmup_steps": 100,
            "final_fraction": 0.0,
            "optimizer": "muon",
        },
    ),
    "small": Size(
        config.GPTConfig(8192, 256, num_layers=6, num_heads=6, hidden_dim=384),
        {"steps": 20_000, "batch_size": 16, "peak_rate": 1e-3, "warmup_steps": 500},
    ),
    "gpt1": Size(config.PAPER["gpt1"], recipes.PAPER["gpt1"] | {"steps": 100_000}),
    "gpt2": Size(
        config.PAPER["gpt2-small"],
        recipes.PAPER["gpt3-small"]
        | recipes.PAPER["gpt2-small"]
        | {
            "steps": 100_000,
            "decay_steps": None,
            "warmup_steps": recipes.updates(375e6, 512, 1024),
        },
    ),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides a run of pre-training.

    Args:
        size: str, one of `SIZES`.
        data: tuple of str, each one of `SOURCES` or the path of a text file. A source that is named
            twice is read twice as often as the others (GPT-3, table 2.2, gives better text more
            epochs, too).
        steps, batch_size: int, or None for those of the size.
        precision: str, one of `recipes.PRECISIONS`.
        seed: int, of everything random.
    """

    size: str = "nano"
    data: tuple[str, ...] = SOURCES
    steps: int | None = None
    batch_size: int | None = None
    precision: str = "auto"
    seed: int = 0

    def recipe(self):
        """Returns the `recipes.Recipe`; in a short run the warm-up is at most a tenth of it."""
        names = ("steps", "batch_size", "precision", "seed")
        chosen = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        recipe = recipes.Recipe(**SIZES[self.size].recipe | chosen)
        warmup_steps = min(recipe.warmup_steps, recipe.steps // 10)
        return dataclasses.replace(recipe, warmup_steps=warmup_steps)


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


def pretrain(settings, folder, fresh=False, **how):
    """Trains a GPT, or goes on with it, and leaves a preset.

    Args:
        settings: Settings.
        folder: path, for the preset and for what the run needs to go on.
        fresh: bool, delete what an earlier run left there.
        **how: `devices`, `micro_batch_size`, `save_seconds` and `log` of `training.pretrain`, which
            may change when a run goes on.

    Returns:
        dict: "history" of `training.pretrain`, "parameters", "tokens" {source: tokens in training},
        "loss" {source: nats a token of validation text}, "bits" {source: bits a byte of it}.

    Raises:
        ValueError, FileNotFoundError: as `job.Run`, `documents` and `training.pretrain`. What can
            be known to be wrong is said before anything is written.
    """
    folder = pathlib.Path(folder)
    check(settings, folder, fresh, **how)
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    run = job.Run(settings, folder)
    tokens = run.stage("tokens", lambda: tokenize(run))
    return tokens | run.stage("pretraining", lambda: _train(run, tokens["bytes"], how))


def check(settings, folder, fresh, devices=1, micro_batch_size=None, **_):
    """Raises what can be known to be wrong before any work: numbers, devices, folder, files."""
    from gpt_tf import corpora, training

    recipe = settings.recipe()
    replicas = training.strategy_of(devices).num_replicas_in_sync
    training.rows_at_once(recipe.batch_size, replicas, micro_batch_size)
    has_run = (folder / job.SETTINGS).is_file()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; name a folder for the run.")
    if fresh and folder.exists() and not has_run:
        raise ValueError(f"{folder} holds no run to forget: nothing was deleted; name another.")
    for source in settings.data:
        if source not in SOURCES and (fresh or not has_run):
            corpora.text_file(source)


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


def _train(run, sizes, how):
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
        log_every=max(1, recipe.steps // 200), validation_windows=256,
        **{"save_seconds": _SAVE_SECONDS} | how,
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


def read_arguments(arguments=None):
    """Reads the command line.

    Args:
        arguments: list of str, or None for those of the process.

    Returns:
        (Settings, path of the run's folder, dict of `pretrain`'s **how, whether to begin anew).
    """
    parser = argparse.ArgumentParser(
        prog="python -m gpt_tf pretrain",
        description="Pre-trains a GPT of a size that you choose, on text that you choose.\n"
        "Stopped, even by kill -9, the same command goes on from the last checkpoint; what\n"
        "stands under `how` may be another then.",
        epilog="\n".join(["sizes:", *map(_size_line, SIZES), *_EXAMPLES]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what, how = parser.add_argument_group("what"), parser.add_argument_group("how")
    what.add_argument("--size", choices=SIZES, default="nano", help="of the model (default: nano)")
    what.add_argument(
        "--data", nargs="+", default=SOURCES, metavar="SOURCE",
        help=f"{', '.join(SOURCES)} (default: all of them), or a UTF-8 text file; named twice, it "
        "is read twice as often",
    )  # fmt: skip
    what.add_argument("--steps", type=int, help="updates (default: the size's)")
    what.add_argument("--batch-size", type=int, metavar="ROWS", help="default: the size's")
    what.add_argument(
        "--precision", choices=recipes.PRECISIONS, default="auto",
        help="of matrix products; auto (default) times a few steps of both and keeps the faster, "
        "in runs of 1,000 steps and more; bfloat16 is float16 with loss scaling on an older GPU",
    )  # fmt: skip
    what.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    what.add_argument("--out", metavar="FOLDER", help="of the preset (default: runs/SIZE)")
    what.add_argument("--fresh", action="store_true", help="forget what an earlier run left there")
    how.add_argument(
        "--devices", type=_devices, default=1, metavar="N|all",
        help="GPUs that share each batch (default: 1); CPUs where there is no GPU",
    )  # fmt: skip
    how.add_argument(
        "--micro-batch-size", type=int, metavar="ROWS",
        help="rows that a device computes at once, to save memory; the update stays that of the "
        "whole batch (default: all of its rows)",
    )  # fmt: skip
    how.add_argument(
        "--log", choices=("csv", "tensorboard", "none"), default="csv",
        help="losses and rates in FOLDER/log.csv (default), FOLDER/tensorboard, or not at all",
    )  # fmt: skip
    how.add_argument(
        "--save-seconds", type=float, default=_SAVE_SECONDS, metavar="SECONDS",
        help=f"between checkpoints (default: {_SAVE_SECONDS:g})",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    data = tuple(
        source if source in SOURCES else str(pathlib.Path(source).resolve())
        for source in options.data
    )
    settings = Settings(
        options.size, data, options.steps, options.batch_size, options.precision, options.seed
    )
    folder = pathlib.Path(options.out or layout.ROOT / "runs" / options.size)
    logs = {"csv": folder / "log.csv", "tensorboard": folder / "tensorboard", "none": None}
    how = {
        "devices": options.devices,
        "micro_batch_size": options.micro_batch_size,
        "save_seconds": options.save_seconds,
        "log": logs[options.log],
    }
    return settings, folder, how, options.fresh


_EXAMPLES = (
    "",
    "examples:",
    "  python -m gpt_tf pretrain --size toy --data my.txt      to see in a minute that it works",
    "  python -m gpt_tf pretrain --size nano                   a model for a laptop",
    "  python -m gpt_tf pretrain --size gpt2 --data big.txt --devices all --micro-batch-size 16",
)


def _size_line(name):
    size = SIZES[name]
    model, recipe = size.model, size.recipe
    return (
        f"  {name:<6}{model.num_layers:>3} blocks of width {model.hidden_dim}, context "
        f"{model.max_sequence_length:,}; {recipe['steps']:,} updates of {recipe['batch_size']} rows"
    )


def _devices(text):
    if text != "all" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of devices; give one, or all")
    return text if text == "all" else int(text)


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    settings, folder, how, fresh = read_arguments(arguments)
    quiet.load_tensorflow()
    print(summary(pretrain(settings, folder, fresh, **how)))
    print(f'A preset: presets.load("{folder}")')
    return 0


if __name__ == "__main__":
    sys.exit(main())
