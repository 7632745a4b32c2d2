"""Speed of the course's GPT beside `keras_hub.models.GPT2CausalLM`, in one run.

    python benchmarks/speed.py                      # three sizes, and generation
    python benchmarks/speed.py --sizes small        # one of them
    python benchmarks/speed.py --short              # a toy size: does it still run?

Training: both models have the same sizes, see the same tokens, and take the same step through
`train_on_batch`: forward, `parts.next_token_loss`, backward, AdamW. The tokens are random ids,
because no step is quicker or slower for what they say. First each model is tried in each setting
(float32 with XLA, mixed_bfloat16 as a graph). Then the two, each in its best setting, take turns,
and each round gives one ratio. On a machine with other work, tokens a second change from minute to
minute; the ratio of two neighbours in time changes little. Medians over the rounds are printed.

Generation: greedy, the same prompt and number of new tokens, in float32, with and without the
key-value cache, beside `GPT2CausalLM.generate` in the better one of XLA and graph.

PyTorch's GPT-2 of `transformers` joins the training where both packages are installed.
"""

import argparse
import dataclasses
import functools
import gc
import importlib.util
import pathlib
import statistics
import sys
import time

import numpy as np
from tqdm.auto import tqdm

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from gpt_tf import parts  # noqa: E402
from gpt_tf.config import GPTConfig  # noqa: E402

SETTINGS = {"float32 XLA": ("float32", True), "bfloat16 graph": ("mixed_bfloat16", False)}
COURSE, HUB, TORCH = "course", "keras_hub", "transformers"
TRIAL_ROUNDS = 3  # of each model in each setting, to find its best one
SLICE_SECONDS = 0.5  # shortest stretch that is timed
TRAINING_COLUMNS = (
    "size",
    "blocks x width",
    "batch",
    "vocabulary",
    "model",
    "best setting",
    "tokens/s",
    "of matmul rate",
    "course / model",
)
GENERATION_COLUMNS = ("batch", "prompt + new", "model", "tokens/s", "course / model")


@dataclasses.dataclass(frozen=True)
class Size:
    """A model and the batch that it is trained on.

    Args:
        config: `GPTConfig`; a row of the batch is as long as its context.
        batch_size: int, rows in a batch.
    """

    config: GPTConfig
    batch_size: int

    @property
    def tokens(self):
        """int, tokens in a batch."""
        return self.batch_size * self.config.max_sequence_length


SIZES = {
    "small": Size(GPTConfig(65, 64, num_layers=4, num_heads=4, hidden_dim=128), 12),
    "wide": Size(GPTConfig(65, 256, num_layers=6, num_heads=6, hidden_dim=384), 16),
    "vocabulary": Size(GPTConfig(8192, 128, num_layers=6, num_heads=6, hidden_dim=384), 16),
}
TOY = Size(GPTConfig(65, 16, num_layers=1, num_heads=2, hidden_dim=32), 2)


def flops_per_token(config):
    """Counts the floating-point operations of one training step, for each token.

    Matrix products only: 6 N + 6 V D + 12 L T A. A weight costs a multiplication and an addition
    forward and twice that backward, so 6 operations; N are the parameters of the blocks (Kaplan et
    al. 2020, section 2.1), V D those of the output layer. Attention multiplies queries by keys and
    weights by values, 2 T A operations each forward and twice that backward; A is
    num_heads x head_dim, L num_layers, T the length. The masked half of the square counts: it is
    computed too.

    Args:
        config: `GPTConfig`.

    Returns:
        int, operations for one token.

    Example:
        >>> flops_per_token(GPTConfig(65, 64, num_layers=4, num_heads=4, hidden_dim=128))
        5203200
    """
    width = config.hidden_dim
    embeddings = (config.vocabulary_size + config.max_sequence_length) * width
    blocks = parts.count_parameters(config) - embeddings
    output = config.vocabulary_size * width
    attended = config.num_heads * config.head_dim
    return 6 * (blocks + output) + 12 * config.num_layers * config.max_sequence_length * attended


# ----------------------------------------------------------------------------------------- timing


def seconds(step, repeats=1):
    """Times `repeats` calls of a function that returns when its work is done; mean in seconds."""
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - start) / repeats


def take_turns(steps, rounds, repeats, bar):
    """Times several functions round by round, in an order that is reversed every second round.

    Args:
        steps: dict {name: function without arguments}.
        rounds: int.
        repeats: int, calls in a row, or dict {name: int}.
        bar: `tqdm`, moved on by one after each timing.

    Returns:
        dict {name: list of `rounds` floats}, seconds a call.
    """
    times = {name: [] for name in steps}
    for number in range(rounds):
        for name in list(steps) if number % 2 == 0 else reversed(steps):
            count = repeats[name] if isinstance(repeats, dict) else repeats
            times[name].append(seconds(steps[name], count))
            bar.update()
    return times


def ratio(times, other_times):
    """Returns the median over the rounds of how many times as fast the first is."""
    return statistics.median(b / a for a, b in zip(times, other_times, strict=True))


def matmul_step(dtype, width):
    """Makes a function that multiplies two square matrices: what this machine can do at best."""
    import tensorflow as tf

    matrix = tf.cast(tf.random.stateless_normal((width, width), seed=(0, 0)), dtype)
    product = tf.function(lambda: tf.matmul(matrix, matrix))
    return lambda: product()[0, 0].numpy()


# --------------------------------------------------------------------------------------- training


def make_model(name, config):
    """Builds one of the models with the sizes of a configuration, without dropout.

    Args:
        name: COURSE or HUB.
        config: `GPTConfig`.

    Returns:
        `keras.Model`, and the function that turns token ids into what the model takes.
    """
    if name == COURSE:
        return parts.GPT(config), lambda tokens: tokens
    import keras_hub

    backbone = keras_hub.models.GPT2Backbone(
        config.vocabulary_size,
        config.num_layers,
        config.num_heads,
        config.hidden_dim,
        config.intermediate_dim,
        dropout=0.0,
        max_sequence_length=config.max_sequence_length,
    )
    return keras_hub.models.GPT2CausalLM(backbone), with_padding_mask


def with_padding_mask(tokens):
    """Returns token ids as the inputs of a keras_hub model: every token is real."""
    return {"token_ids": tokens, "padding_mask": np.ones_like(tokens)}


def training_step(name, setting, size, seed):
    """Builds a model and makes the function that trains it for one step.

    Args:
        name: COURSE, HUB or TORCH.
        setting: str, a key of `SETTINGS`.
        size: `Size`.
        seed: int, of the weights and of the tokens.

    Returns:
        Function without arguments that takes a step and returns the loss, a float.
    """
    if name == TORCH:
        return torch_training_step(setting, size, seed)
    import keras

    dtype, jit_compile = SETTINGS[setting]
    keras.utils.set_random_seed(seed)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        model, to_inputs = make_model(name, size.config)
    finally:
        keras.config.set_dtype_policy(before)
    # keras_hub's own default would be an accuracy, which the course's model does not compute.
    no_metrics = {"weighted_metrics": None} if name == HUB else {}
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-4),
        loss=parts.next_token_loss,
        jit_compile=jit_compile,
        **no_metrics,
    )
    tokens = random_tokens(size, seed)
    inputs = to_inputs(tokens)
    return lambda: float(model.train_on_batch(inputs, tokens, return_dict=True)["loss"])


def torch_training_step(setting, size, seed):
    """Does for the GPT-2 of `transformers` what `training_step` does for the Keras models.

    PyTorch has no XLA here: "float32 XLA" stands for plain float32, "bfloat16 graph" for autocast.
    """
    import torch
    import transformers

    torch.manual_seed(seed)
    config = size.config
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=config.vocabulary_size,
            n_positions=config.max_sequence_length,
            n_layer=config.num_layers,
            n_head=config.num_heads,
            n_embd=config.hidden_dim,
            n_inner=config.intermediate_dim,
            embd_pdrop=0.0,
            resid_pdrop=0.0,
            attn_pdrop=0.0,
        )
    ).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    tokens = torch.from_numpy(random_tokens(size, seed)).long()
    bfloat16 = SETTINGS[setting][0] == "mixed_bfloat16"

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


def random_tokens(size, seed):
    """Draws a batch of token ids, int32 of shape (batch_size, max_sequence_length)."""
    shape = (size.batch_size, size.config.max_sequence_length)
    return np.random.default_rng(seed).integers(0, size.config.vocabulary_size, shape, "int32")


def training_models():
    """Lists the models that can be trained on this machine."""
    torch_is_here = all(importlib.util.find_spec(name) for name in ("torch", "transformers"))
    return [COURSE, HUB] + ([TORCH] if torch_is_here else [])


def bench_training(label, size, rounds, seed, matmul_width):
    """Times the training of every model at one size.

    Args:
        label: str, name of the size.
        size: `Size`.
        rounds: int, rounds of the models in their best settings.
        seed: int.
        matmul_width: int, side of the square matrices that measure the machine.

    Returns:
        List of rows, one a model, with the cells of `TRAINING_COLUMNS`; and the tokens a second of
        every model in every setting, as dict {(model, setting): float}.
    """
    pairs = [(name, setting) for name in training_models() for setting in SETTINGS]
    total = len(pairs) * (1 + TRIAL_ROUNDS) + rounds * (len(training_models()) + len(SETTINGS))
    with tqdm(total=total, desc=f"training, {label}", unit="timing") as bar:
        steps = {}
        for name, setting in pairs:
            bar.set_postfix_str(f"compiling {name}, {setting}")
            steps[name, setting] = training_step(name, setting, size, seed)
            steps[name, setting]()
            bar.update()
        bar.set_postfix_str("")
        repeats = max(1, round(SLICE_SECONDS / min(map(seconds, steps.values()))))
        trial = take_turns(steps, TRIAL_ROUNDS, repeats, bar)
        best = best_settings(trial)

        contest = {name: steps[name, setting] for name, setting in best.items()}
        for setting in SETTINGS:
            dtype = SETTINGS[setting][0].removeprefix("mixed_")
            contest[setting] = matmul_step(dtype, matmul_width)
            contest[setting]()
        times = take_turns(contest, rounds, {name: repeats for name in best} | _ones(SETTINGS), bar)
    work = flops_per_token(size.config) * size.tokens / (2 * matmul_width**3)
    rows = []
    for name, setting in best.items():
        share = work * ratio(times[name], times[setting])
        speed = size.tokens / statistics.median(times[name])
        against = ratio(times[COURSE], times[name])
        rows.append(training_row(label, size, name, setting, speed, share, against))
    return rows, {pair: size.tokens / statistics.median(trial[pair]) for pair in pairs}


def _ones(names):
    return dict.fromkeys(names, 1)


def best_settings(trial):
    """Returns {model: setting} with the smallest median of {(model, setting): seconds}."""
    medians = {pair: statistics.median(times) for pair, times in trial.items()}
    best = {}
    for name, setting in sorted(medians, key=medians.get):
        best.setdefault(name, setting)
    return {name: best[name] for name in (COURSE, HUB, TORCH) if name in best}


def training_row(label, size, name, setting, speed, share, against):
    """Returns the cells of `TRAINING_COLUMNS`; PyTorch's "float32 XLA" is plain float32."""
    config = size.config
    if name == TORCH:
        setting = setting.split()[0]
    return (
        label,
        f"{config.num_layers} x {config.hidden_dim}",
        f"{size.batch_size} x {config.max_sequence_length}",
        f"{config.vocabulary_size:,}",
        name,
        setting,
        f"{speed:,.0f}",
        f"{share:.0%}",
        f"{against:.2f}",
    )


# ------------------------------------------------------------------------------------- generation


def bench_generation(config, batch_sizes, rounds, seed):
    """Times greedy generation, with and without the cache, beside `GPT2CausalLM.generate`.

    Args:
        config: `GPTConfig`; a quarter of the context is the prompt, the rest is generated.
        batch_sizes: tuple of int, rows generated at once.
        rounds: int. Without the cache a third as many: it is slow.
        seed: int, of weights and prompt.

    Returns:
        List of rows with the cells of `GENERATION_COLUMNS`.
    """
    rows = []
    rounds_without = max(1, rounds // 3)
    total = len(batch_sizes) * (4 + 3 * rounds + 2 * rounds_without)
    with tqdm(total=total, desc="generation", unit="timing") as bar:
        for batch_size in batch_sizes:
            steps = generation_steps(config, batch_size, seed)
            for name, step in steps.items():
                bar.set_postfix_str(f"compiling {name}")
                step()
                bar.update()
            bar.set_postfix_str("")
            without = "course, no cache"
            cached = {name: step for name, step in steps.items() if name != without}
            times = take_turns(cached, rounds, 1, bar)
            pair = {without: steps[without], "course, cache": steps["course, cache"]}
            slow_times = take_turns(pair, rounds_without, 1, bar)
            rows += generation_rows(config, batch_size, times, slow_times)
    return rows


def generation_steps(config, batch_size, seed):
    """Makes {name: function that generates a batch}, in float32."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(seed)
    length = config.max_sequence_length
    prompt_length, new_tokens = length // 4, length - length // 4
    ids = np.random.default_rng(seed).integers(0, config.vocabulary_size, (batch_size, length))
    ids = ids.astype("int32")
    prompt = ids[:, :prompt_length]
    ours, _ = make_model(COURSE, config)
    ours(prompt)

    def course(use_cache):
        tokens = parts.generate(ours, prompt, new_tokens, temperature=0.0, use_cache=use_cache)
        return np.asarray(tokens)

    def hub(jit_compile):
        model, to_inputs = make_model(HUB, config)
        model.compile(sampler=keras_hub.samplers.GreedySampler(), jit_compile=jit_compile)
        inputs = to_inputs(ids)
        inputs["padding_mask"][:, prompt_length:] = 0
        return lambda: np.asarray(model.generate(inputs, stop_token_ids=None)["token_ids"])

    return {
        "course, cache": functools.partial(course, True),
        "course, no cache": functools.partial(course, False),
        "keras_hub, XLA": hub(True),
        "keras_hub, graph": hub(False),
    }


def generation_rows(config, batch_size, times, slow_times):
    """Returns the rows of `GENERATION_COLUMNS`; of keras_hub only the faster of its two ways."""
    ours = "course, cache"
    hub = min((name for name in times if name != ours), key=lambda n: statistics.median(times[n]))
    slow = next(name for name in slow_times if name != ours)
    length = config.max_sequence_length
    new_tokens = length - length // 4

    def row(name, own_times, course_times):
        speed = batch_size * new_tokens / statistics.median(own_times)
        against = f"{ratio(course_times, own_times):.2f}"
        return (str(batch_size), f"{length // 4} + {new_tokens}", name, f"{speed:,.0f}", against)

    return [
        row(ours, times[ours], times[ours]),
        row(hub, times[hub], times[ours]),
        row(slow, slow_times[slow], slow_times[ours]),
    ]


# ----------------------------------------------------------------------------------------- output


def table(columns, rows):
    """Lays out rows of strings under their columns, as plain text."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def trial_lines(label, speeds):
    """Says what each model reached in each setting before the contest."""
    return [
        f"{label}: {name}, {setting}: {speed:,.0f} tokens/s"
        for (name, setting), speed in speeds.items()
    ]


def read_arguments(words=None):
    """Reads the command line; `words` stand in for it in a test."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=9, help="rounds of the contest (default 9)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and tokens")
    parser.add_argument("--no-generation", action="store_true", help="training only")
    parser.add_argument("--short", action="store_true", help="a toy size and two rounds")
    arguments = parser.parse_args(words)
    if arguments.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {arguments.rounds}.")
    return arguments


def main(words=None):
    """Runs the benchmark and prints its tables.

    Args:
        words: list of str, the command line; `sys.argv` if None.
    """
    arguments = read_arguments(words)
    sizes = {"toy": TOY} if arguments.short else {name: SIZES[name] for name in arguments.sizes}
    rounds = 2 if arguments.short else arguments.rounds
    import keras

    rows, trials = [], []
    for label, size in sizes.items():
        matmul_width = 256 if arguments.short else 2048
        own_rows, speeds = bench_training(label, size, rounds, arguments.seed, matmul_width)
        rows += own_rows
        trials += trial_lines(label, speeds)
        keras.backend.clear_session()
        gc.collect()
    print("\nBefore the contest, every setting (medians of", TRIAL_ROUNDS, "rounds):")
    print("\n".join(trials))
    print(f"\nTraining, each model in its best setting, in turns (medians of {rounds} rounds):")
    print(table(TRAINING_COLUMNS, rows))
    if not arguments.no_generation:
        config = TOY.config if arguments.short else SIZES["vocabulary"].config
        batch_sizes = (2,) if arguments.short else (1, 16)
        rows = bench_generation(config, batch_sizes, rounds, arguments.seed)
        print(f"\nGreedy generation, float32, in turns (medians of {rounds} rounds):")
        print(table(GENERATION_COLUMNS, rows))
    if TORCH not in training_models():
        print("\nNo third model: torch and transformers are not both installed.")
    print("'course / model' above 1: the course's GPT is the faster one.")


if __name__ == "__main__":
    main()
