"""Trained models with their tokenizers: what labs 08 to 13 start from, so that nobody waits.

A preset is a folder with a model, its vocabulary and a card that tells how it was made.
`presets/nano-en` comes with the course.
"""

import pathlib

from gpt_tf import training
from gpt_tf.course import layout
from gpt_tf.tokenizer import Tokenizer

MODEL, VOCABULARY, CARD = "model.npz", "vocabulary.json", "README.md"


def names():
    """Returns the names of the presets that came with the course.

    Example:
        >>> names()
        ['nano-en']
    """
    return sorted(path.parent.name for path in layout.PRESETS.glob(f"*/{MODEL}"))


def folder_of(name):
    """Returns the path of a preset: of one of `names()`, of "mine", or the folder itself."""
    if str(name) == "mine":
        return layout.my_work() / "preset"
    return layout.PRESETS / name if str(name) in names() else pathlib.Path(name)


def load(name="nano-en"):
    """Loads a trained GPT and its tokenizer.

    Args:
        name: str or path: one of `names()`; "mine", the model that you saved in lab 07; or a folder
            that `save` or `python -m gpt_tf pretrain` wrote.

    Returns:
        (`parts.GPT`, `Tokenizer`).

    Raises:
        FileNotFoundError: there is no such preset; the message lists those that there are.
        ValueError: a file in it is damaged, or the two do not belong together.

    Example:
        >>> model, tokenizer = load("nano-en")
    """
    folder = folder_of(name)
    if not all((folder / file).is_file() for file in (MODEL, VOCABULARY)):
        known = ", ".join(names()) or "none here"
        raise FileNotFoundError(
            f"There is no preset in {folder}. Those of the course: {known}. Yours is called "
            '"mine" once you have saved it in lab 07.'
        )
    model, tokenizer = training.load_model(folder / MODEL), Tokenizer.load(folder / VOCABULARY)
    if model.config.vocabulary_size != tokenizer.vocabulary_size:
        raise ValueError(
            f"The model in {folder} knows {model.config.vocabulary_size:,} tokens and its "
            f"vocabulary has {tokenizer.vocabulary_size:,}; save the two together again."
        )
    return model, tokenizer


def save(model, tokenizer, name="mine"):
    """Writes a preset, its weights in 16 bits: half the size, and the same loss to three digits.

    Args:
        model: `parts.GPT`, called at least once.
        tokenizer: `Tokenizer`.
        name: str or path: "mine", or a folder; made if need be.

    Returns:
        Path of the folder.

    Raises:
        ValueError: the model has no weights yet, or one that 16 bits cannot hold.

    Example:
        >>> folder = save(model, tokenizer)
    """
    folder = folder_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    training.save_model(model, folder / MODEL, dtype="float16")
    tokenizer.save(folder / VOCABULARY)
    return folder
