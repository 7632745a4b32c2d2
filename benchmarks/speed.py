"""Speed of the course's GPT beside `keras_hub.models.GPT2CausalLM`, in one run.

    python benchmarks/speed.py                      # three sizes, and generation
    python benchmarks/speed.py --sizes small        # one of them
    python benchmarks/speed.py --sizes              # none: generation only
    python benchmarks/speed.py --short              # a toy size: does it still run?

Training: both models have the same sizes, see the same tokens, and take the same step through
`train_on_batch`: forward, `parts.next_token_loss`, backward, AdamW. The course's model is inside of
its `training.Trainer`, as in pre-training; keras_hub's is compiled itself. The tokens are random
ids, because no step is quicker or slower for what they say. Both models, each in both settings
(float32 with XLA, mixed_bfloat16 as a graph), take turns in short stretches, and every round gives
one ratio of each pair. On a machine with other work, tokens a second change from minute to minute;
the ratio of two neighbours in time changes less. One process is faster or slower than the next by
some percent for as long as it lives, so the rounds come from several. Medians over all of them are
printed, and the quartiles of the ratio, which show how much to trust it. The ratio of the processor
time, summed over the cores, stands beside it: other work disturbs it least, but it does not see how
well the cores were shared.

Generation: greedy, the same prompt and number of new tokens, in float32, with and without the
key-value cache, beside `GPT2CausalLM.generate` with XLA and as a graph. Copies of a large array are
timed in the same rounds: a step cannot take less time than it takes to read all weights.

PyTorch's GPT-2 of `transformers` joins the training where both packages are installed.
"""

import argparse
import concurrent.futures
import dataclasses
import functools
import importlib.util
import multiprocessing
import os
import pathlib
import statistics
import sys
import time

import numpy as np
from tqdm.auto import tqdm

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from gpt_tf import parts, training  # noqa: E402
from gpt_tf.config import GPTConfig  # noqa: E402

SETTINGS = {"float32 XLA": ("float32", True), "bfloat16 graph": ("mixed_bfloat16", False)}
COURSE, HUB, TORCH = "course", "keras_hub", "transformers"
CACHE, NO_CACHE, COPY = "course, cache", "course, no cache", "copy"
SLICE_SECONDS = 0.5  # shortest stretch that is timed: the first step after another model is slow
TRAINING_COLUMNS = (
    "size",
    "blocks x width",
    "batch",
    "vocabulary",
    "model",
    "setting",
    "tokens/s",
    "of matmul rate",
)
GENERATION_COLUMNS = ("batch", "prompt + new", "model", "tokens/s", "of bandwidth limit")
RATIO_COLUMNS = ("course / model", "quartiles", "in processor time")


@dataclasses.dataclass(frozen=True)
class Timing:
    """How long one call took.

    Args:
        wall: float, seconds on the clock.
        processor: float, seconds of processor time, summed over the cores.
    """

    wall: float
    processor: float


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


def timing(step, repeats=1):
    """Times `repeats` calls of a function that returns when its work is done; their mean."""
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        step()
    return Timing(
        (time.perf_counter() - wall) / repeats, (time.process_time() - processor) / repeats
    )


def take_turns(steps, rounds, bar):
    """Times several functions round by round, in an order that is reversed every second round.

    Args:
        steps: dict {name: (function without arguments, calls in a row)}.
        rounds: int.
        bar: `tqdm`, moved on by one after each timing.

    Returns:
        dict {name: list of `rounds` `Timing`}.
    """
    timings = {name: [] for name in steps}
    for number in range(rounds):
        for name in list(steps) if number % 2 == 0 else reversed(steps):
            timings[name].append(timing(*steps[name]))
            bar.update()
    return timings


def ratios(timings, others, clock="wall"):
    """Returns, for each round, how many times as fast the first is as the other."""
    pairs = zip(timings, others, strict=True)
    return [getattr(other, clock) / getattr(own, clock) for own, other in pairs]


def median_seconds(timings):
    """Returns the median of the seconds on the clock."""
    return statistics.median(timing.wall for timing in timings)


def ratio_cells(timings, others):
    """Returns the cells of `RATIO_COLUMNS`: how many times as fast the first is as the other."""
    walls = ratios(timings, others)
    low, middle, high = np.percentile(walls, [25, 50, 75])
    processor = statistics.median(ratios(timings, others, "processor"))
    return f"{middle:.2f}", f"{low:.2f} to {high:.2f}", f"{processor:.2f}"


def matmul_step(dtype, width):
    """Makes a function that multiplies two square matrices: what this machine can do at best."""
    import tensorflow as tf

    matrix = tf.cast(tf.random.stateless_normal((width, width), seed=(0, 0)), dtype)
    product = tf.function(lambda: tf.matmul(matrix, matrix))
    return lambda: product()[0, 0].numpy()


def copy_step(size):
    """Makes a function that copies `size` bytes on all cores: how fast this machine's memory is."""
    source, target = np.ones(size, "uint8"), np.empty(size, "uint8")
    cores = os.cpu_count() or 1
    pairs = list(zip(np.array_split(target, cores), np.array_split(source, cores), strict=True))
    pool = concurrent.futures.ThreadPoolExecutor(cores)
    return lambda: list(pool.map(lambda pair: np.copyto(*pair), pairs))


def bytes_per_step(config):
    """Counts the bytes of weights that one step of generation has to read, in float32.

    All but the position embeddings, of which a step reads a single row. The token embeddings are
    the output layer, too, and are read whole.

    Args:
        config: `GPTConfig`.

    Returns:
        int, bytes. A batch reads them once for all its texts.

    Example:
        >>> bytes_per_step(GPTConfig(65, 64, num_layers=4, num_heads=4, hidden_dim=128))
        3206912
    """
    positions = config.max_sequence_length * config.hidden_dim
    return 4 * (parts.count_parameters(config) - positions)


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


def built_model(name, config, dtype, tokens):
    """Builds a model whose every layer computes in a number format.

    Args:
        name: COURSE or HUB.
        config: `GPTConfig`.
        dtype: str, a dtype policy of Keras.
        tokens: int array of shape (batch, T).

    Returns:
        `keras.Model` with its weights, and the tokens as its inputs.
    """
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        model, to_inputs = make_model(name, config)
        inputs = to_inputs(tokens)
        # Called here, because layers that are made in `build` take the policy of that moment.
        model(inputs)
    finally:
        keras.config.set_dtype_policy(before)
    return model, inputs


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
    tokens = random_tokens(size, seed)
    model, inputs = built_model(name, size.config, dtype, tokens)
    optimizer = keras.optimizers.AdamW(1e-4)
    if name == COURSE:
        model = training.Trainer(model, fast_graph=not jit_compile)
        model.compile(optimizer, jit_compile=jit_compile)
    else:
        # keras_hub's own default would be an accuracy, which the course's model does not compute.
        model.compile(
            optimizer, parts.next_token_loss, jit_compile=jit_compile, weighted_metrics=None
        )
    return lambda: float(model.train_on_batch(inputs, tokens, return_dict=True)["loss"])


def torch_model(config):
    """Builds the GPT-2 of `transformers` with the sizes of a configuration, without dropout."""
    import transformers

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
            bos_token_id=None,  # by default the last of 50,257 tokens
            eos_token_id=None,
        )
    )
    return model.train()


def torch_training_step(setting, size, seed):
    """Does for the GPT-2 of `transformers` what `training_step` does for the Keras models.

    Settings decide the number format only: PyTorch runs eagerly, bfloat16 by autocast.
    """
    import torch

    torch.manual_seed(seed)
    model = torch_model(size.config)
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
    """Times the training of every model in every setting at one size.

    Args:
        label: str, name of the size.
        size: `Size`.
        rounds: int.
        seed: int.
        matmul_width: int, side of the square matrices that measure the machine.

    Returns:
        dict {(model, setting): list of `Timing`, seconds a step}, and dict {setting: list of
        `Timing`, seconds a product of two matrices in the setting's number format}.
    """
    pairs = [(name, setting) for name in training_models() for setting in SETTINGS]
    total = len(pairs) + rounds * (len(pairs) + len(SETTINGS))
    with tqdm(total=total, desc=f"training, {label}", unit="timing") as bar:
        steps = {}
        for name, setting in pairs:
            bar.set_postfix_str(f"compiling {name}, {setting}")
            steps[name, setting] = training_step(name, setting, size, seed)
            steps[name, setting]()
            bar.update()
        bar.set_postfix_str("")
        fastest = min(timing(step).wall for step in steps.values())
        repeats = max(1, round(SLICE_SECONDS / fastest))
        contest = {pair: (step, repeats) for pair, step in steps.items()}
        for setting, (dtype, _) in SETTINGS.items():
            product = matmul_step(dtype.removeprefix("mixed_"), matmul_width)
            product()
            contest[setting] = (product, 1)
        timings = take_turns(contest, rounds, bar)
    return {p: timings[p] for p in pairs}, {setting: timings[setting] for setting in SETTINGS}


def in_processes(count, function, *arguments):
    """Calls a function that times something in fresh processes, one after the other.

    Args:
        count: int, number of processes.
        function: function of this module that returns dicts {name: list of `Timing`}.
        *arguments: its arguments.

    Returns:
        List of such dicts, each with the timings of all processes.
    """
    spawn = multiprocessing.get_context("spawn")
    results = []
    for _ in range(count):
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as pool:
            results.append(pool.submit(function, *arguments).result())
    return [
        {name: [timing for one in dicts for timing in one[name]] for name in dicts[0]}
        for dicts in zip(*results, strict=True)
    ]


def best_settings(timings):
    """Returns {model: its fastest setting}, of {(model, setting): list of `Timing`}."""
    best = {}
    for name, setting in sorted(timings, key=lambda pair: median_seconds(timings[pair])):
        best.setdefault(name, setting)
    return best


def training_rows(label, size, timings, products, matmul_width):
    """Returns a row for each model and setting, `TRAINING_COLUMNS` and then `RATIO_COLUMNS`.

    The ratios are those of the course's GPT, in its best setting, to the row's.
    """
    config, best = size.config, best_settings(timings)
    course = timings[COURSE, best[COURSE]]
    work = flops_per_token(config) * size.tokens / (2 * matmul_width**3)
    rows = []
    for (name, setting), own in timings.items():
        share = work * statistics.median(ratios(own, products[setting]))
        rows.append(
            (
                label,
                f"{config.num_layers} x {config.hidden_dim}",
                f"{size.batch_size} x {config.max_sequence_length}",
                f"{config.vocabulary_size:,}",
                name,
                setting_name(name, setting) + (" (best)" if best[name] == setting else ""),
                f"{size.tokens / median_seconds(own):,.0f}",
                f"{share:.0%}",
                *ratio_cells(course, own),
            )
        )
    return rows


def setting_name(name, setting):
    """Returns a setting in words: PyTorch runs neither XLA nor a graph here."""
    return setting.split()[0] if name == TORCH else setting


def verdict(label, timings):
    """Says in one line how the course's best setting stands to the best one of each other model."""
    best = best_settings(timings)
    course = timings[COURSE, best[COURSE]]
    lines = []
    for name in best.keys() - {COURSE}:
        middle, quartiles, processor = ratio_cells(course, timings[name, best[name]])
        setting = setting_name(name, best[name])
        lines.append(
            f"{label}: {COURSE} ({best[COURSE]}) is {middle} times as fast as {name} "
            f"({setting}); quartiles {quartiles}, in processor time {processor}"
        )
    return "\n".join(sorted(lines))


# ------------------------------------------------------------------------------------- generation


def bench_generation(config, batch_size, rounds, seed, copied):
    """Times greedy generation, with and without the cache, beside `GPT2CausalLM.generate`.

    Args:
        config: `GPTConfig`; a quarter of the context is the prompt, the rest is generated.
        batch_size: int, texts that are written at once.
        rounds: int. Without the cache a third as many: it is slow.
        seed: int, of weights and prompt.
        copied: int, bytes of the copy that measures the memory.

    Returns:
        dict {name: list of `Timing`} of all but the one without a cache, and such a dict of the
        course's GPT with and without it. Both have the copies of their rounds.
    """
    slow_rounds = max(1, rounds // 3)
    total = 4 + 4 * rounds + 3 * slow_rounds
    with tqdm(total=total, desc=f"generation, batch {batch_size}", unit="timing") as bar:
        steps = generation_steps(config, batch_size, seed)
        for name, step in steps.items():
            bar.set_postfix_str(f"compiling {name}")
            step()
            bar.update()
        bar.set_postfix_str("")
        copy = copy_step(copied)
        copy()
        steps[COPY] = copy
        slow = {name: (steps[name], 1) for name in (CACHE, NO_CACHE, COPY)}
        fast = {name: (step, 1) for name, step in steps.items() if name != NO_CACHE}
        timings = take_turns(fast, rounds, bar)
        slow_timings = take_turns(slow, slow_rounds, bar)
    return timings, slow_timings


def generation_rows(config, batch_size, timings, slow_timings, copied):
    """Returns a row for each way to generate, `GENERATION_COLUMNS` and then `RATIO_COLUMNS`.

    The ratios are those of the course's GPT with its cache to the row's. The limit is the time that
    the rounds' copies took, for as many bytes as the steps read; a copy moves each byte twice.
    """
    length = config.max_sequence_length
    new_tokens = length - length // 4
    read = new_tokens * bytes_per_step(config) / (2 * copied)
    rows = []
    for name in [name for name in timings if name != COPY] + [NO_CACHE]:
        found = slow_timings if name == NO_CACHE else timings
        own = found[name]
        share = read * statistics.median(ratios(own, found[COPY]))
        speed = batch_size * new_tokens / median_seconds(own)
        lengths = f"{length // 4} + {new_tokens}"
        rows.append(
            (
                str(batch_size),
                lengths,
                name,
                f"{speed:,.0f}",
                f"{share:.0%}",
                *ratio_cells(found[CACHE], own),
            )
        )
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
        CACHE: functools.partial(course, True),
        NO_CACHE: functools.partial(course, False),
        "keras_hub, XLA": hub(True),
        "keras_hub, graph": hub(False),
    }


# ----------------------------------------------------------------------------------------- output


def table(columns, rows):
    """Lays out rows of strings under their columns, as plain text."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def read_arguments(words=None):
    """Reads the command line; `words` stand in for it in a test."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--sizes", nargs="*", default=list(SIZES), help=f"of {', '.join(SIZES)}; none: no training"
    )
    parser.add_argument("--processes", type=int, default=3, help="one after the other (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="of each process (default 3)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and tokens")
    parser.add_argument("--no-generation", action="store_true", help="training only")
    parser.add_argument("--short", action="store_true", help="a toy size, two rounds")
    arguments = parser.parse_args(words)
    unknown = [name for name in arguments.sizes if name not in SIZES]
    if unknown:
        parser.error(f"--sizes knows {', '.join(SIZES)}, not {unknown[0]}.")
    for name in ("processes", "rounds"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} must be at least 1, not {getattr(arguments, name)}.")
    return arguments


def main(words=None):
    """Runs the benchmark and prints its tables.

    Args:
        words: list of str, the command line; `sys.argv` if None.
    """
    arguments = read_arguments(words)
    sizes = {"toy": TOY} if arguments.short else {name: SIZES[name] for name in arguments.sizes}
    rounds = 2 if arguments.short else arguments.rounds
    processes = 1 if arguments.short else arguments.processes
    counts = f"medians of {processes} x {rounds} rounds (processes x rounds of each)"
    rows = []
    for label, size in sizes.items():
        matmul_width = 256 if arguments.short else 2048
        timings, products = in_processes(
            processes, bench_training, label, size, rounds, arguments.seed, matmul_width
        )
        rows += training_rows(label, size, timings, products, matmul_width)
        # At once, so that a run that is stopped later has said what it found.
        print(verdict(label, timings), flush=True)
    if rows:
        print(f"\nTraining on random token ids, {counts}:")
        print(table(TRAINING_COLUMNS + RATIO_COLUMNS, rows))
        if TORCH not in training_models():
            print("(No third model: torch and transformers are not both installed.)")
    if not arguments.no_generation:
        config = TOY.config if arguments.short else SIZES["vocabulary"].config
        copied = 2**20 if arguments.short else 2**28
        rows = []
        for batch_size in (2,) if arguments.short else (1, 16):
            timings = in_processes(
                processes, bench_generation, config, batch_size, rounds, arguments.seed, copied
            )
            rows += generation_rows(config, batch_size, *timings, copied)
        print(f"\nGreedy generation in float32, {counts}:")
        print(table(GENERATION_COLUMNS + RATIO_COLUMNS, rows))
    print("\n'course / model' above 1: the course's GPT, in its best setting, is the faster one.")


if __name__ == "__main__":
    main()
