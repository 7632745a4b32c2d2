"""Tiny Shakespeare by characters, at the size that nanoGPT publishes for a CPU.

    python benchmarks/shakespeare.py                      # all three recipes
    python benchmarks/shakespeare.py --recipes ours       # one of them
    python benchmarks/shakespeare.py --short              # a few steps: does it run?

4 blocks, 4 heads, width 128, context 64, 65 characters. Three recipes: `ours`, which is to need no
more time than PyTorch's GPT-2 of `transformers` takes for nanoGPT's 2,000 steps at that size;
`nanogpt`, the settings that its README publishes (2,000 steps of 12 rows); and `faster-rate`, the
same steps and rows with four times its learning rate. The loss is over the whole last tenth of the
text, which no recipe trains on, each character predicted once.

Where `torch` and `transformers` are installed, PyTorch takes those 2,000 steps while `ours` trains,
the two by turns: a machine that others use, too, is not as fast from one minute to the next, and
so both see the same of it. Elsewhere PyTorch's time is `--budget`. Seconds begin when a model is
there and end before its loss. They are those of `training.pretrain`, with compiling, on one side
and those of PyTorch's steps on the other.
"""

import argparse
import dataclasses
import pathlib
import sys
import time

import numpy as np
from tqdm.auto import tqdm

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
    # A step costs more than twice the time of one below: Muon, and enough rows to make it worth it.
    # Each character is seen 1.5 times, so the rate and the momentum are those of a short run.
    "ours": Recipe(
        steps=770, batch_size=32, peak_rate=2e-2, warmup_steps=30, final_fraction=0.0,
        decay="linear", weight_decay=0.1, beta_1=0.9, beta_2=0.99, clip=1.0, optimizer="muon",
        momentum=0.85,
    ),
    "nanogpt": NANOGPT,
    "faster-rate": dataclasses.replace(NANOGPT, peak_rate=4e-3),
}  # fmt: skip
WANTED = {"faster-rate": 1.85, "ours": 1.60}  # nats a character
BUDGET = 112.0  # seconds of 2,000 steps in PyTorch, where they were measured on two cores
TURNS = 20


def read_text():
    """Returns the characters as tokens, (training, validation), and how many kinds there are."""
    text = catalog.text("tinyshakespeare")
    alphabet = sorted(set(text))
    number = {character: i for i, character in enumerate(alphabet)}
    tokens = np.array([number[character] for character in text], "int32")
    cut = int(0.9 * len(tokens))
    return tokens[:cut], tokens[cut:], len(alphabet)


def train(recipe, train_tokens, validation_tokens, seed, other=None):
    """Trains a fresh model.

    Args:
        recipe: `Recipe`.
        train_tokens, validation_tokens: int32 arrays.
        seed: int, of weights and windows.
        other: `TorchRun` or None, what to train by turns with it.

    Returns:
        (float, loss over the validation text in nats a character; float, seconds).
    """
    import keras

    from gpt_tf import training

    keras.utils.set_random_seed(seed)
    recipe = dataclasses.replace(recipe, seed=seed)
    model = parts.GPT(CONFIG)
    model(train_tokens[None, : CONFIG.max_sequence_length])  # makes the weights

    def turn(batch, logs=None):
        done = batch + 1
        if done * TURNS // recipe.steps > batch * TURNS // recipe.steps:
            other.train_to(done / recipe.steps)

    turns = [] if other is None else [keras.callbacks.LambdaCallback(on_train_batch_end=turn)]
    begun = time.perf_counter()
    training.pretrain(
        model, train_tokens, validation_tokens, recipe,
        log_every=50, validations=0, callbacks=turns,
    )  # fmt: skip
    seconds = time.perf_counter() - begun - (other.seconds if other else 0)
    return training.evaluate(model, validation_tokens, CONFIG.max_sequence_length, 64), seconds


class TorchRun:
    """PyTorch's GPT-2 on its way through a recipe of AdamW.

    Args:
        recipe: `Recipe`.
        tokens: int32 array, to train on.
        seed: int, of weights and windows.

    Attributes:
        seconds: float, of its steps so far: windows, loss, gradients, clipping, update.
    """

    def __init__(self, recipe, tokens, seed):
        import torch

        from gpt_tf import training

        torch.manual_seed(seed)
        self.recipe, self.tokens, self.rng = recipe, tokens, np.random.default_rng(seed)
        self.model = speed.torch_model(CONFIG)
        weights = list(self.model.parameters())
        matrices = [weight for weight in weights if weight.ndim > 1]
        others = [weight for weight in weights if weight.ndim == 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices}, {"params": others, "weight_decay": 0.0}],
            betas=(recipe.beta_1, recipe.beta_2),
            eps=recipe.epsilon,
            weight_decay=recipe.weight_decay,
        )
        self.rates = np.asarray(training.schedule(recipe)(np.arange(recipe.steps))).tolist()
        self.step, self.seconds = 0, 0.0

    def train_to(self, share):
        """Takes the steps that are missing to a share of all."""
        begun = time.perf_counter()
        steps = range(self.step, round(share * self.recipe.steps))
        for self.step in tqdm(steps, desc="PyTorch", unit="step", leave=False):
            self._take(self.rates[self.step])
        self.step = steps.stop
        self.seconds += time.perf_counter() - begun

    def _take(self, rate):
        import torch

        length = CONFIG.max_sequence_length
        first = self.rng.integers(0, len(self.tokens) - length + 1, self.recipe.batch_size)
        rows = torch.from_numpy(self.tokens[first[:, None] + np.arange(length)]).long()
        loss = self.model(input_ids=rows, labels=rows).loss
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()

    def loss(self, tokens):
        """Returns the loss over a text, each token predicted once, as `training.evaluate`."""
        import torch

        total, length = 0.0, CONFIG.max_sequence_length
        for first in range(0, len(tokens) - 1, length - 1):
            row = torch.from_numpy(tokens[None, first : first + length]).long()
            with torch.no_grad():
                found = self.model(input_ids=row, labels=row).loss
            total += float(found) * (row.shape[1] - 1)
        return total / (len(tokens) - 1)


def read_arguments(words=None):
    """Reads the command line; `words` stand in for it in a test."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--seed", type=int, default=0, help="of weights and windows")
    parser.add_argument(
        "--budget", type=float, default=BUDGET, metavar="SECONDS",
        help=f"for `ours`, where PyTorch is not installed (default {BUDGET:g})",
    )  # fmt: skip
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
    recipes = {
        name: dataclasses.replace(recipe, steps=4, warmup_steps=1) if options.short else recipe
        for name, recipe in RECIPES.items()
    }
    data = train_tokens, validation_tokens, options.seed
    found = {}
    for name in options.recipes:
        other = None
        if name == "ours" and speed.TORCH in speed.training_models():
            other = TorchRun(recipes["nanogpt"], train_tokens, options.seed)
        found[name] = loss, seconds = train(recipes[name], *data, other)
        line = result(name, loss, recipes[name], seconds)
        if name == "ours":
            line += f", {seconds / (other.seconds if other else options.budget):.2f} of PyTorch's"
        print(line)
        if other is not None:
            loss = other.loss(validation_tokens)
            print(result(f"nanogpt in {speed.TORCH}", loss, other.recipe, other.seconds))
        elif name == "ours":
            print(f"(PyTorch's {options.budget:g} s are given: it is not installed here.)")
    return found


def result(name, loss, recipe, seconds):
    """Returns in words what came of a recipe."""
    wanted = f" (wanted: {WANTED[name]:.2f})" if name in WANTED else ""
    return (
        f"{name}: validation loss {loss:.3f} nats a character{wanted}, "
        f"{recipe.steps:,} steps of {recipe.batch_size} rows in {seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
