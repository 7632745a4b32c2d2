"""`python -m gpt_tf.preset_card FOLDER`: writes the card of a preset, with what is measured now.

    python -m gpt_tf.preset_card presets/nano-en --beside runs/latest

The losses are of text that no preset was trained on, in bits a byte: models with other vocabularies
can be compared in them, in nats a token they cannot.
"""

import argparse
import dataclasses
import json
import pathlib
import string
import sys

import numpy as np

from gpt_tf import corpora, job, parts, presets, pretraining, quiet
from gpt_tf.course import layout

TEMPLATE = string.Template("""\
# $name

A small GPT that is already trained: `model, tokenizer = presets.load("$name")`. $parameters
parameters: $layers blocks, $heads heads, width $width, context $context, $vocabulary tokens of
byte-pair encoding. Kept in 16 bits, $megabytes MB.

## Text

$text

## Settings

$settings

It read $seen tokens.

## Loss

On text that it was not trained on, measured by `python -m gpt_tf.preset_card`:

$losses

## What it writes

Temperature 0.8, the first try. The prompt is in bold.

$samples

## What it can and cannot do

It spells, it builds sentences in the manner of its books and manuals, and it keeps to a subject for
a line or two. It is a start for fine-tuning. It knows next to nothing about the world, it loses the
thread of a story, it cannot do sums, and what it states is not to be believed. It reads English
only: other languages fall apart into bytes.

## How to make it again

```
$command
```
""")
PROMPTS = (
    "It was a cold morning, and the old man",
    "This function returns the number of",
    "In the garden there was a",
)


def bits_a_byte(model, tokenizer, documents):
    """Measures a model's loss on documents, in bits a byte of their UTF-8 text.

    Args:
        model: `parts.GPT`.
        tokenizer: `Tokenizer` with the token `job.END`.
        documents: list of str; each counts one byte more, for its end.

    Returns:
        float.

    Example:
        >>> bits_a_byte(*presets.load(), corpora.novels("test"))
    """
    from gpt_tf import training

    end = tokenizer.token_id(job.END)
    rows = tokenizer.encode_documents(documents)
    stream = np.concatenate([np.append(row, end) for row in rows]).astype("int32")
    nats = training.evaluate(model, stream, model.config.max_sequence_length) * (len(stream) - 1)
    return nats / np.log(2) / sum(len(text.encode("utf-8")) + 1 for text in documents)


def held_out():
    """Returns {what it is: documents} of text that no preset was trained on."""
    return {
        "The Time Machine, a whole book": corpora.novels("test"),
        "chapters of the other books": corpora.novels("validation"),
        "docstrings": corpora.docstrings("validation"),
    }


def write(folder, beside=()):
    """Measures a preset, and writes its card into its folder.

    Args:
        folder: path of what `python -m gpt_tf pretrain` left.
        beside: list of paths of other presets or runs, measured beside it.

    Returns:
        Path of the card.

    Raises:
        FileNotFoundError, ValueError: as `presets.load`; or the folder holds no run's report.
    """
    folder = pathlib.Path(folder)
    model, tokenizer = presets.load(folder)
    try:
        settings, tokens, report = (
            json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("settings", "tokens", "pretraining")
        )
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"There is no {error.filename}; a card needs what the pre-training left beside the "
            "preset."
        ) from error
    size, recipe = model.config, pretraining.Settings(**settings).recipe()
    card = TEMPLATE.substitute(
        name=folder.name,
        parameters=f"{model.count_params():,}",
        layers=size.num_layers,
        heads=size.num_heads,
        width=size.hidden_dim,
        context=size.max_sequence_length,
        vocabulary=f"{size.vocabulary_size:,}",
        megabytes=f"{(folder / presets.MODEL).stat().st_size / 1e6:.1f}",
        text=_text(settings, tokens),
        settings="\n".join(
            f"- {k}: {v}" for k, v in dataclasses.asdict(recipe).items() if v is not None
        ),
        seen=f"{report['tokens_seen']:,}",
        losses=_losses([folder, *map(pathlib.Path, beside)]),
        samples=_samples(model, tokenizer),
        command=_command(settings, folder),
    )
    layout.write(folder / presets.CARD, card)
    return folder / presets.CARD


def _text(settings, tokens):
    rows = ["| source | tokens | read so many times as often |", "|---|---|---|"]
    for source, count in tokens["tokens"].items():
        rows.append(f"| {source} | {count:,} | {settings['data'].count(source)} |")
    return "\n".join(rows)


def _losses(folders):
    texts = held_out()
    rows = [f"| bits a byte | {' | '.join(texts)} |", f"|---|{'---|' * len(texts)}"]
    for folder in folders:
        model, tokenizer = presets.load(folder)
        bits = [f"{bits_a_byte(model, tokenizer, documents):.3f}" for documents in texts.values()]
        name = {"latest": "`make course`"}.get(folder.name, folder.name)
        rows.append(f"| {name}, {model.count_params():,} parameters | {' | '.join(bits)} |")
    return "\n".join(rows)


def _samples(model, tokenizer, new_tokens=60):
    written = []
    for prompt in PROMPTS:
        ids = np.asarray([tokenizer.encode(prompt)], "int32")
        room = min(new_tokens, model.config.max_sequence_length - ids.shape[1])
        tokens = np.asarray(parts.generate(model, ids, room, temperature=0.8, seed=0))[0]
        text = tokenizer.decode([int(t) for t in tokens[ids.shape[1] :]]).split(job.END)[0]
        written.append(f"> **{prompt}** {' '.join(text.split())}")
    return "\n\n".join(written)


def _command(settings, folder):
    made = ["python -m gpt_tf pretrain", f"--size {settings['size']}"]
    made.append(f"--data {' '.join(settings['data'])}")
    made += [f"--{k.replace('_', '-')} {settings[k]}" for k in ("steps", "batch_size", "seed")
             if settings.get(k)]  # fmt: skip
    return f"{' '.join(made)} --out presets/{folder.name}"


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m gpt_tf.preset_card", description=__doc__.splitlines()[0]
    )
    parser.add_argument("folder", help="what `python -m gpt_tf pretrain` left")
    parser.add_argument("--beside", nargs="*", default=(), help="other presets or runs")
    options = parser.parse_args(arguments)
    quiet.load_tensorflow()
    try:
        print(write(options.folder, options.beside))
    except (ValueError, LookupError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
