"""Tiny Shakespeare by characters, at the size that nanoGPT publishes for a CPU.

    python benchmarks/shakespeare.py                      # all three recipes
    python benchmarks/shakespeare.py --recipes ours       # one of them
    python benchmarks/shakespeare.py --short              # a few steps: does it run?

4 blocks, 4 heads, width 128, context 64, 65 characters. Three recipes: `nanogpt`, the settings
that its README publishes (2,000 steps of 12 rows); `faster-rate`, the same steps and rows with four
times its learning rate; and `ours`, which is to need no more time than PyTorch's GPT-2 of
`transformers` takes for those 2,000 steps of that size. Where `torch` and `transformers` are
installed, that time is measured in the same run, from `--torch-steps` of the steps; elsewhere it is
`--budget`. The loss is over the whole last tenth of the text, which no recipe trains on, each
character predicted once. Seconds are those of `training.pretrain`, with compiling, and with the two
validations that it needs; they are this machine's, at this moment, so the steps stand beside them.
"""

import argparse
import dataclasses
import pathlib
import sys
import time

import numpy as np

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1])]

import speed  # noqa: E402

from gpt_tf import catalog, parts, quiet  # noqa: E402
from gpt_tf.recipes import Recipe  # noqa: E402

CONFIG = speed.SIZES["small"].config
# github.com/karpathy/nanoGPT, README, "i only have a macbook": its training command.
NANOGPT = Recipe(
    steps=2000, batch_size=12, peak_rate=1e-3, warmup_steps=100, final_fraction=0.1,
    weight_decay=0.1, beta_1=0.9, beta_2=0.99, clip=1.0,
)  # fmt: skip
RECIPES = {
    "nanogpt": NANOGPT,
    "faster-rate": dataclasses.replace(NANOGPT, peak_rate=4e-3),
    # A step costs more than twice the processor time of one above: twice the rows, and Muon.
    "ours": Recipe(
        steps=1600, batch_size=24, peak_rate=5e-3, warmup_steps=100, final_fraction=0.0,
        weight_decay=0.1, beta_1=0.9, beta_2=0.99, clip=1.0, optimizer="muon",
    ),
}  # fmt: skip
WANTED = {"faster-rate": 1.85, "ours": 1.60}  # nats a character
BUDGET = 112.0  # seconds of 2,000 steps in PyTorch, where they were measured on two cores


def read_text():
    """Returns the characters as tokens, (training, validation), and how many kinds there are."""
    text = catalog.text("tinyshakespeare")
    alphabet = sorted(set(text))
    number = {character: i for i, character in enumerate(alphabet)}
    tokens = np.array([number[character] for character in text], "int32")
    cut = int(0.9 * len(tokens))
    return tokens[:cut], tokens[cut:], len(alphabet)


def train(recipe, train_tokens, validation_tokens, seed):
    """Trains a fresh model.

    Returns:
        (float, loss over the validation text in nats a character; float, seconds).
    """
    import keras

    from gpt_tf import training

    keras.utils.set_random_seed(seed)
    recipe = dataclasses.replace(recipe, seed=seed)
    begun = time.perf_counter()
    model = parts.GPT(CONFIG)
    training.pretrain(model, train_tokens, validation_tokens, recipe, log_every=50, validations=1)
    seconds = time.perf_counter() - begun
    return training.evaluate(model, validation_tokens, CONFIG.max_sequence_length, 64), seconds


def torch_seconds(steps):
    """Returns the seconds that PyTorch's GPT-2 takes for nanoGPT's steps, from so many of them."""
    step = speed.torch_training_step("float32 XLA", speed.SIZES["small"], 0)
    step()
    return RECIPES["nanogpt"].steps * speed.timing(step, steps).wall


def read_arguments(words=None):
    """Reads the command line; `words` stand in for it in a test."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--seed", type=int, default=0, help="of weights and windows")
    parser.add_argument(
        "--budget", type=float, default=BUDGET, metavar="SECONDS",
        help=f"for `ours`, where PyTorch is not installed (default {BUDGET:g})",
    )  # fmt: skip
    parser.add_argument("--torch-steps", type=int, default=200, help="timed (default 200)")
    parser.add_argument("--short", action="store_true", help="a few steps of each")
    return parser.parse_args(words)


def main(words=None):
    """Trains, and prints a line for each recipe.

    Args:
        words: list of str, the command line; `sys.argv` if None.

    Returns:
        dict {recipe: (loss, seconds)}.
    """
    options = read_arguments(words)
    quiet.load_tensorflow()
    train_tokens, validation_tokens, kinds = read_text()
    if options.short:
        validation_tokens = validation_tokens[:2000]
    print(
        f"{len(train_tokens):,} characters to train on, {len(validation_tokens):,} to validate on"
    )
    if kinds > CONFIG.vocabulary_size:
        raise ValueError(f"The text has {kinds} characters, the model {CONFIG.vocabulary_size}.")
    if speed.TORCH in speed.training_models():
        budget = torch_seconds(options.torch_steps)
        print(f"PyTorch's GPT-2: 2,000 steps in {budget:.0f} s, from {options.torch_steps} of them")
    else:
        budget = options.budget
        print(f"torch and transformers are not both installed: a given budget of {budget:.0f} s")
    found = {}
    for name in options.recipes:
        recipe = RECIPES[name]
        if options.short:
            recipe = dataclasses.replace(recipe, steps=4, warmup_steps=1)
        loss, seconds = train(recipe, train_tokens, validation_tokens, options.seed)
        found[name] = loss, seconds
        wanted = f" (wanted: {WANTED[name]:.2f})" if name in WANTED else ""
        print(
            f"{name}: validation loss {loss:.3f} nats a character{wanted}, "
            f"{recipe.steps:,} steps of {recipe.batch_size} rows in {seconds:.0f} s, "
            f"{seconds / budget:.2f} of PyTorch's time"
        )
    return found


if __name__ == "__main__":
    main()
