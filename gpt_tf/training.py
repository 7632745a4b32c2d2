"""Pre-training: batches, recipe, a loop that can be stopped and resumed, evaluation, saving.

The model, the loss and the schedule are the parts of labs 06 and 07. The rest is Keras: `compile`,
`fit`, a callback, and a training step that adds up the gradients of parts of a batch.
"""

import contextlib
import dataclasses
import itertools
import statistics
import time
import zlib

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from gpt_tf import checkpoint, logs, parts
from gpt_tf.compiling import compile_once, pays_off, with_xla
from gpt_tf.config import GPTConfig
from gpt_tf.muon import GramMuon
from gpt_tf.recipes import Recipe as Recipe  # training.Recipe, for those who train
from gpt_tf.schedules import WarmupCosine, WarmupLinear

AUTO_STEPS = 1000  # a shorter run would not earn back what timing costs
_TRIALS, _TRIAL_STEPS = 3, 4  # stretches of each setting, and steps in a stretch


def schedule(recipe):
    """Returns the learning rate of a recipe: a `WarmupCosine`, or a `WarmupLinear`."""
    settings = recipe.peak_rate, recipe.warmup_steps, recipe.decay_steps or recipe.steps
    if recipe.decay == "linear":
        return WarmupLinear(*settings)
    return WarmupCosine(*settings, recipe.final_fraction)


def make_optimizer(recipe):
    """Makes the optimizer of a recipe, with clipping; for GPT-3's, AdamW (appendix B).

    Weights of matrices decay, those of positions too; biases and the norms' gamma and beta do not.

    Args:
        recipe: `Recipe`.

    Returns:
        `keras.optimizers.AdamW`, or `muon.GramMuon`, not built yet.

    Example:
        >>> make_optimizer(Recipe(steps=100)).name
        'adamw'
    """
    common = {
        "learning_rate": schedule(recipe),
        "weight_decay": recipe.weight_decay,
        "epsilon": recipe.epsilon,
        "global_clipnorm": recipe.clip,
    }
    if recipe.optimizer == "muon":
        optimizer = GramMuon(
            adam_beta_1=recipe.beta_1,
            adam_beta_2=recipe.beta_2,
            adam_weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
            **common,
        )
    else:
        optimizer = keras.optimizers.AdamW(beta_1=recipe.beta_1, beta_2=recipe.beta_2, **common)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def windows(tokens, length, batch_size, steps, seed, start=0):
    """Draws random windows of a stream of tokens.

    Batch number i depends on `seed` and i only, so a resumed run sees the batches that it would
    have seen.

    Args:
        tokens: int array of any shape, read as one stream; `parts.pack_documents` makes it.
        length: int, tokens in a window.
        batch_size: int, windows in a batch.
        steps: int, number of the batch after the last one.
        seed: int.
        start: int, number of the first batch.

    Returns:
        `tf.data.Dataset` of steps - start pairs (tokens, tokens), int32 of shape
        (batch_size, length): what `parts.next_token_loss` takes for targets is the input itself.

    Raises:
        ValueError: the stream is shorter than one window.

    Example:
        >>> windows(np.arange(1000), length=8, batch_size=4, steps=10, seed=0)
    """
    with tf.device("CPU"):  # where tf.data works
        stream = tf.constant(_stream(tokens, length))
    places = stream.shape[0] - length + 1

    def batch(number):
        first = tf.random.stateless_uniform(
            [batch_size], seed=[seed, number], maxval=places, dtype=tf.int32
        )
        rows = tf.gather(stream, first[:, None] + tf.range(length)[None, :])
        return rows, rows

    dataset = tf.data.Dataset.range(start, steps).map(batch).prefetch(4)
    options = tf.data.Options()
    # Its thread would keep `fit` waiting after the last step.
    options.autotune.enabled = False
    return dataset.with_options(options)


def evaluate(model, tokens, length, batch_size=16, limit=None):
    """Measures the mean loss over consecutive windows, each token predicted once.

    Args:
        model: `parts.GPT`.
        tokens: int array of any shape, read as one stream of at least 2 tokens.
        length: int, tokens in a window, at least 2; windows overlap by one token, which the first
            of them predicts and the next one only reads.
        batch_size: int, windows computed at once.
        limit: int or None, at most that many windows, evenly spread; None takes all.

    Returns:
        float, mean loss in nats a token.

    Raises:
        ValueError: fewer than 2 tokens, or a token that is not in the model's vocabulary.

    Example:
        >>> evaluate(model, validation_tokens, length=128)
    """
    stream = _stream(tokens, 2)
    _check_vocabulary(model, stream)
    rows, real = _consecutive(stream, length)
    if limit is not None and limit < len(rows):
        chosen = np.linspace(0, len(rows) - 1, limit).astype(int)
        rows, real = rows[chosen], real[chosen]

    @compile_once(model, parts.next_token_loss)
    def batch_loss(rows, real):
        return parts.next_token_loss(rows, model(rows, training=False), real)

    total = 0.0
    for i in range(0, len(rows), batch_size):
        # The last batch is filled up, so that all have one shape and one compiled function.
        missing = ((0, max(0, i + batch_size - len(rows))), (0, 0))
        batch = [np.pad(x[i : i + batch_size], missing) for x in (rows, real)]
        total += float(batch_loss(*map(tf.constant, batch))) * batch[1][:, 1:].sum()
    return float(total / real[:, 1:].sum())


def pretrain(
    model,
    tokens,
    validation_tokens,
    recipe,
    folder=None,
    label="pre-training",
    save_seconds=10.0,
    log_every=10,
    validations=10,
    validation_windows=64,
    callbacks=(),
    log=None,
    devices=1,
    micro_batch_size=None,
):
    """Trains a model to predict the next token, with a bar, and resumes a run that was stopped.

    Stopped at any moment, even by kill -9, the same call goes on from the last checkpoint and
    gives the losses that an uninterrupted run would have given.

    The recipe's precision says how the matrix products are computed. "float32" takes the model as
    it is, with XLA where that pays. "bfloat16" trains a twin of the model under Keras's policy
    mixed_bfloat16 (mixed_float16 with loss scaling on a GPU without bfloat16 units); weights, loss
    and optimizer stay in float32. Logits are rounded to 16 bits before the loss takes them up: a
    product with the token table in float32 would cost a T4 more time than all of GPT-2's blocks.
    "auto" times a few steps of both, says which is faster, and keeps it, in a resumed run too. That
    takes as long as compiling the model twice, so a run of fewer than `AUTO_STEPS` steps takes
    float32 without a trial.

    The folder belongs to the model, the text and the recipe. All else may change when a run goes
    on: it decides how the same updates are computed, and what is written down.

    Args:
        model: `parts.GPT`; windows have its config's max_sequence_length.
        tokens: int array of any shape, the training stream.
        validation_tokens: int array of any shape, the validation stream.
        recipe: `Recipe`.
        folder: str or path for the checkpoints; None keeps none.
        label: str, shown at the bar.
        save_seconds: float, seconds between checkpoints; one is always written at the end.
        log_every: int, steps that one entry of the history averages over.
        validations: int, how often to validate, after a first time at step 0; 0 never does. Always
            in the model's own precision.
        validation_windows: int, most windows of a validation.
        callbacks: iterable of `keras.callbacks.Callback`, called after the trainer's own. Their
            `model` is a `Trainer`, whose `gpt` is what learns; all steps are one epoch.
        log: str or path, where each entry of the history is written, too: a CSV file where it ends
            in .csv, else a folder for TensorBoard (see `gpt_tf.logs`). None writes none.
        devices: int, or "all": GPUs (where there is none: TensorFlow's logical CPUs) that share
            each batch equally.
        micro_batch_size: int or None, rows that a device computes at once. The gradients of all
            parts of a batch are added up before the update, so memory is saved and nothing else
            changes. None computes all rows at once.

    Returns:
        dict of lists: "step" and "loss" (mean of the training losses since the entry before),
        "validation_step" and "validation_loss"; losses in nats a token.

    Raises:
        ValueError: the folder holds checkpoints of another model, recipe or text; the tokens are
            too few, or not in the vocabulary; the batch cannot be shared as asked; or there are
            fewer devices.

    Example:
        >>> history = pretrain(model, train, validation, Recipe(steps=500), "runs/mine")
    """
    length = model.config.max_sequence_length
    stream = _stream(tokens, length)
    _check_vocabulary(model, stream)
    strategy = strategy_of(devices)
    replicas = strategy.num_replicas_in_sync
    rows = rows_at_once(recipe.batch_size, replicas, micro_batch_size)
    model(stream[None, :length])
    details = {
        "config": model.config.to_dict(),
        "recipe": dataclasses.asdict(recipe),
        "text": {"tokens": len(stream), "checksum": zlib.crc32(stream.tobytes())},
    }
    found = None if folder is None else checkpoint.load(folder)
    if found is not None:
        _check_same(found[1], details, folder)
    chosen = found[1]["policy"] if found else _policy(recipe)
    timed = chosen is None
    if timed:
        batches = windows(stream, length, rows * replicas, recipe.steps, recipe.seed)
        chosen = _fastest(model, recipe, strategy, batches, label)
    micro_batches = recipe.batch_size // (rows * replicas)
    trainer = _make_trainer(model, recipe, chosen, strategy, micro_batches)
    run = _Run(model, trainer, recipe, details | {"policy": chosen}, folder, label)
    if found is not None:
        run.resume(*found)
    elif timed:
        run.save()  # a run that is killed before its next checkpoint does not choose again
    with contextlib.ExitStack() as stack:
        if log is not None:
            run.log = stack.enter_context(contextlib.closing(logs.open_log(log, run.rows())))
        if run.step < recipe.steps:
            run.log_every, run.save_seconds = log_every, save_seconds
            run.validate_every = max(1, recipe.steps // validations) if validations else None
            run.validate = lambda: evaluate(
                model, validation_tokens, length, limit=validation_windows
            )
            batches = windows(
                stream, length, recipe.batch_size, recipe.steps, recipe.seed, run.step
            )
            run.bar = stack.enter_context(
                tqdm(total=recipe.steps, initial=run.step, desc=label, unit="step")
            )
            _part_random_numbers(strategy, trainer.gpt)
            trainer.fit(batches, callbacks=[run, *callbacks], verbose=0, shuffle=False)
    run.copy_to_model()
    return run.history


def strategy_of(devices):
    """Chooses the devices that share each batch.

    Args:
        devices: int, or "all".

    Returns:
        `tf.distribute.MirroredStrategy` over so many GPUs, or logical CPUs where there is no GPU;
        for 1 the default strategy, which changes nothing.

    Raises:
        ValueError: there are fewer devices, or the number is less than 1.

    Example:
        >>> strategy_of("all").num_replicas_in_sync
        1
    """
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    count = len(names) if devices == "all" else devices
    if not 1 <= count <= len(names):
        raise ValueError(
            f"Training on {devices} {kind}s is not possible here, where TensorFlow sees "
            f"{len(names)}; give a number from 1 to {len(names)}, or all."
        )
    if count == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(names[:count])


def rows_at_once(batch_size, devices, micro_batch_size):
    """Returns how many rows a device computes at once.

    Args:
        batch_size: int, rows in a batch.
        devices: int, how many share it.
        micro_batch_size: int, or None for all rows of the device's share.

    Raises:
        ValueError: the batch cannot be divided so.

    Example:
        >>> rows_at_once(512, 2, 16)
        16
    """
    share = batch_size // devices
    if share * devices != batch_size:
        raise ValueError(
            f"A batch of {batch_size} rows cannot be shared equally by {devices} devices; choose a "
            f"multiple of {devices}."
        )
    if micro_batch_size is None:
        return share
    if micro_batch_size < 1 or share % micro_batch_size:
        raise ValueError(
            f"{share} rows of a batch on each device cannot be computed {micro_batch_size} at a "
            f"time; choose a divisor of {share}."
        )
    return micro_batch_size


def half_policy():
    """Returns the dtype policy of Keras that computes in 16 bits on this machine.

    Returns:
        str, "mixed_bfloat16"; "mixed_float16" where a GPU is too old for bfloat16 (before compute
        capability 8.0; a T4 has 7.5).

    Example:
        >>> half_policy()
        'mixed_bfloat16'
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        capability = tf.config.experimental.get_device_details(gpu).get("compute_capability")
        if capability is not None and capability < (8, 0):
            return "mixed_float16"
    return "mixed_bfloat16"


def _policy(recipe):
    """Returns the dtype policy that a recipe asks for, None where a trial is to choose it."""
    if recipe.precision == "auto" and recipe.steps >= AUTO_STEPS:
        return None
    return half_policy() if recipe.precision == "bfloat16" else "float32"


class Trainer(keras.Model):
    """The model inside another, which keeps what `compile` makes: optimizer and metric.

    Compiled itself, the model would hold the optimizer's memory as long as it lives, and
    `model.save` would write it into the file.

    Args:
        model: `parts.GPT`, or another model from tokens to logits.
        micro_batches: int, equal parts in which a device computes its rows of a batch.
        fast_graph: bool, for a step that runs as a graph on a CPU: loss, activations and update are
            compiled with XLA, each for itself (see `compiling.with_xla`), and the two halves of an
            even number of rows are computed side by side. The update stays the same but for
            rounding, and for what dropout draws in each half.

    Example:
        >>> trainer = Trainer(model)
        >>> trainer.compile(make_optimizer(recipe), jit_compile=True)
    """

    def __init__(self, model, micro_batches=1, fast_graph=False):
        super().__init__()
        self.gpt = model
        self.micro_batches = micro_batches
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self._loss, self._update = parts.next_token_loss, self._apply
        self._side_by_side = fast_graph
        if fast_graph:
            self._loss = with_xla(parts.next_token_loss)
            self._update = tf.function(self._apply, jit_compile=True, autograph=False)
            _compile_activations(model)

    def call(self, tokens, training=None):
        return self.gpt(tokens, training=training)

    def train_step(self, data):
        """Takes one update, in a replica of the strategy; `data` begins with the tokens."""
        tokens = data[0]
        if self.micro_batches == 1:
            loss, gradients = self._loss_and_gradients(tokens)
        else:
            loss, gradients = self._accumulated(tokens)
        replicas = self.distribute_strategy.num_replicas_in_sync
        if replicas > 1:
            # Keras clips before it adds up the replicas' gradients, and finds an overflow of
            # float16 in its own ones only. So each gets the whole gradient first; what Keras adds
            # up afterwards is the same in each, hence the division (and that of the clip).
            replica = tf.distribute.get_replica_context()
            gradients = replica.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
            gradients = [gradient / replicas for gradient in gradients]
        self._update(list(map(tf.convert_to_tensor, gradients)))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def _apply(self, gradients):
        self.optimizer.apply(gradients, self.trainable_variables)

    def _loss_and_gradients(self, tokens):
        rows = tokens.shape[0]
        if not self._side_by_side or rows is None or rows % 2:
            return self._loss_and_gradients_of(tokens)
        # Small matrix products keep one core busy, however many there are.
        halves = [self._loss_and_gradients_of(half) for half in tf.split(tokens, 2)]
        losses, gradients = zip(*halves, strict=True)
        pairs = zip(*(map(tf.convert_to_tensor, g) for g in gradients), strict=True)
        return sum(losses) / 2, [(one + other) / 2 for one, other in pairs]

    def _loss_and_gradients_of(self, tokens):
        with tf.GradientTape() as tape:
            loss = self._loss(tokens, self(tokens, training=True))
            scaled = self.optimizer.scale_loss(loss)
        return loss, tape.gradient(scaled, self.trainable_variables)

    def _accumulated(self, tokens):
        """Returns the mean loss and gradients over the parts of a batch, one in memory at a time.

        Keras's own accumulation counts parts as steps, in the schedule too, and does not work on
        several devices.
        """
        count = self.micro_batches
        tokens = tf.reshape(tokens, (count, -1, tokens.shape[1]))
        zeros = [tf.zeros(v.shape) for v in self.trainable_variables]

        def add(number, total, sums):
            loss, gradients = self._loss_and_gradients(tokens[number])
            sums = [s + tf.convert_to_tensor(g) for s, g in zip(sums, gradients, strict=True)]
            return number + 1, total + loss, sums

        _, total, sums = tf.while_loop(
            lambda number, *_: number < count, add, (0, 0.0, zeros), maximum_iterations=count
        )
        return total / count, [s / count for s in sums]


def _compile_activations(model):
    """Compiles each `keras.layers.Activation` in a model with XLA, and its change of format."""
    layers = [x for x in model._flatten_layers() if isinstance(x, keras.layers.Activation)]
    compiled = {}
    for layer in layers:
        key = layer.activation, layer.compute_dtype
        compiled[key] = compiled.get(key) or with_xla(_in_format(*key))
        layer.activation, layer.autocast = compiled[key], False


def _in_format(function, dtype):
    """Returns the function as one that computes in `dtype`, whatever goes in and out."""
    return lambda x: tf.cast(function(tf.cast(x, dtype)), x.dtype)


@contextlib.contextmanager
def _dtype_policy(name):
    """Sets Keras's policy for the layers that are made meanwhile."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _copy(source, target):
    """Copies the weights and the states of dropout's random numbers between two equal models."""
    for variable, copied in zip(source.variables, target.variables, strict=True):
        copied.assign(keras.ops.convert_to_numpy(variable))


def _part_random_numbers(strategy, model):
    """Gives each device random numbers of its own, so that dropout drops other things there."""
    states = [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]

    def part():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        for state in states:
            state.assign(state + keras.ops.cast([number, 0], state.dtype))

    if strategy.num_replicas_in_sync > 1:
        strategy.run(part)


def _make_trainer(model, recipe, policy, strategy, micro_batches=1, twin=False):
    """Makes a compiled `Trainer` of the model, or of its twin under a policy and a strategy."""
    replicas = strategy.num_replicas_in_sync
    with strategy.scope():
        learner = model
        if twin or policy != "float32" or replicas > 1:
            with _dtype_policy(policy):
                learner = type(model)(model.config)
                # Called here, because layers that are made in `build` take the policy, too.
                learner(np.zeros((1, 2), "int32"))
            _copy(model, learner)
        jitted = _is_jitted(model, policy, replicas)
        trainer = Trainer(learner, micro_batches, _is_fast_graph(policy, replicas) and not jitted)
        trainer(np.zeros((1, 2), "int32"))  # `fit` would build it with tokens that are floats
        optimizer = make_optimizer(dataclasses.replace(recipe, clip=recipe.clip / replicas))
        if policy == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        trainer.compile(optimizer, jit_compile=jitted)
        optimizer.build(learner.trainable_variables)
        return trainer


def _is_jitted(model, policy, replicas):
    """Returns whether to compile with XLA: not on several devices, nor in 16 bits on a CPU."""
    has_gpu = bool(tf.config.list_logical_devices("GPU"))
    return replicas == 1 and (policy == "float32" or has_gpu) and pays_off(model)


def _is_fast_graph(policy, replicas):
    """Returns whether the graph may be made fast for a CPU: in 16 bits, on one device."""
    return replicas == 1 and policy == "mixed_bfloat16"


def _fastest(model, recipe, strategy, batches, label):
    """Times both precisions in turns, on twins of the model; says and returns the faster policy."""
    policies = ("float32", half_policy())
    clock = _Clock()
    seconds = {policy: [] for policy in policies}
    trainers = {p: _make_trainer(model, recipe, p, strategy, twin=True) for p in policies}
    for trial, (policy, trainer) in itertools.product(range(1 + _TRIALS), trainers.items()):
        trainer.fit(batches.take(_TRIAL_STEPS), callbacks=[clock], verbose=0, shuffle=False)
        if trial:  # the first one has compiled
            seconds[policy] += clock.seconds()
    fast, slow = sorted(policies, key=lambda policy: statistics.median(seconds[policy]))
    ratio = statistics.median(seconds[slow]) / statistics.median(seconds[fast])
    names = {p: f"{p} ({'XLA' if t.jit_compile else 'graph'})" for p, t in trainers.items()}
    print(f"{label}: {names[fast]} is {ratio:.2f} times as fast here as {names[slow]}; it is taken")
    return fast


class _Clock(keras.callbacks.Callback):
    """Notes when a step ends."""

    def on_train_begin(self, logs=None):
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())

    def seconds(self):
        """Returns how long each step took, but for the first one, which fetches its batch."""
        return np.diff(self.ends).tolist()


class _Run(keras.callbacks.Callback):
    """What pre-training does between steps: bar, history, validation, checkpoints, log."""

    def __init__(self, model, trainer, recipe, details, folder, label):
        super().__init__()
        self.gpt, self.learner, self.recipe = model, trainer.gpt, recipe
        self.details, self.folder, self.label = details, folder, label
        # Weights, the states of dropout's random numbers, and the optimizer's memory.
        variables = [*self.learner.variables, *trainer.optimizer.variables]
        self.state = {f"{i:05d}": v for i, v in enumerate(variables)}
        self.history = {"step": [], "loss": [], "validation_step": [], "validation_loss": []}
        self.step, self.log = 0, None

    def resume(self, arrays, details):
        """Takes up a checkpoint."""
        shapes = {name: tuple(variable.shape) for name, variable in self.state.items()}
        if shapes != {name: value.shape for name, value in arrays.items()}:
            raise ValueError(
                f"The checkpoint in {self.folder} is of a GPT that was built in another way; name "
                "another folder, or delete this one."
            )
        for name, variable in self.state.items():
            variable.assign(arrays[name])
        self.step, self.history = details["step"], details["history"]
        print(f"{self.label}: resumed from step {self.step:,}")

    def save(self):
        """Writes a checkpoint of this step."""
        self.saved = time.monotonic()
        if self.folder is not None:
            arrays = {n: keras.ops.convert_to_numpy(v) for n, v in self.state.items()}
            checkpoint.save(
                self.folder, self.step, arrays, self.details | {"history": self.history}
            )

    def copy_to_model(self):
        """Gives the model what its twin has learned, if it is a twin that learns."""
        if self.learner is not self.gpt:
            _copy(self.learner, self.gpt)

    def rows(self):
        """Returns the history as rows of a log."""
        steps = sorted({*self.history["step"], *self.history["validation_step"]})
        return [self._row(step) for step in steps]

    def _row(self, step):
        row = {"step": step, "learning_rate": float(schedule(self.recipe)(step))}
        for name, steps in (("loss", "step"), ("validation_loss", "validation_step")):
            if step in self.history[steps]:
                row[name] = self.history[name][self.history[steps].index(step)]
        return row

    def on_train_begin(self, logs=None):
        self.total = self.recipe.steps
        self.saved = time.monotonic()
        if self.validate_every and not self.history["validation_step"]:
            self._validate()
            if self.step == 0:  # a later step has its row already
                self._log()

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        self.bar.update()
        if self.step % self.log_every and self.step < self.total:
            return
        self.history["step"].append(self.step)
        self.history["loss"].append(float(logs["loss"]))
        # Keras reports the mean since the last reset.
        self.model.reset_metrics()
        if self.validate_every:
            since = self.step - self.history["validation_step"][-1]
            if since >= self.validate_every or (since and self.step == self.total):
                self._validate()
        self._show()
        self._log()
        if self.step == self.total or time.monotonic() - self.saved >= self.save_seconds:
            self.save()

    def _validate(self):
        self.copy_to_model()
        self.history["validation_step"].append(self.step)
        self.history["validation_loss"].append(self.validate())

    def _log(self):
        if self.log is not None:
            self.log.add(self._row(self.step))

    def _show(self):
        losses = {"loss": self.history["loss"], "validation": self.history["validation_loss"]}
        self.bar.set_postfix({name: f"{found[-1]:.3f}" for name, found in losses.items() if found})


def save_model(model, path, dtype="float32"):
    """Writes a model's configuration and weights into one file.

    Args:
        model: `parts.GPT`, called at least once.
        path: str or path, ends in .npz.
        dtype: str, how numbers are kept: "float32", or "float16" for a file half as large.

    Raises:
        ValueError: the model has no weights yet, or one that is too large for float16.

    Example:
        >>> save_model(model, "runs/mine/model.npz")
    """
    if not model.weights:
        raise ValueError("The model has no weights yet; call it once on a batch of tokens.")
    with np.errstate(over="ignore"):  # said below, in words
        arrays = {
            f"{i:05d}": keras.ops.convert_to_numpy(w).astype(dtype)
            for i, w in enumerate(model.weights)
        }
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError(
            f"A weight is not a number, or too large for {dtype}; train again, or keep float32."
        )
    checkpoint.write(path, arrays, {"config": model.config.to_dict()})


def load_model(path):
    """Makes a model from a file that `save_model` wrote.

    Args:
        path: str or path.

    Returns:
        `parts.GPT` with its weights.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or holds something else.

    Example:
        >>> model = load_model("runs/mine/model.npz")
    """
    arrays, details = checkpoint.read(path)
    if "config" not in details or "step" in details:
        raise ValueError(f"{path} is not a saved model; save one with save_model(model, path).")
    model = parts.GPT(GPTConfig(**details["config"]))
    model(np.zeros((1, 2), "int32"))
    shapes = {f"{i:05d}": tuple(w.shape) for i, w in enumerate(model.weights)}
    if shapes != {name: value.shape for name, value in arrays.items()}:
        raise ValueError(f"{path} holds weights of other shapes than its configuration says.")
    model.set_weights([arrays[name] for name in shapes])
    return model


def _stream(tokens, least):
    stream = np.asarray(tokens, "int32").reshape(-1)
    if len(stream) < least:
        raise ValueError(
            f"The text has {len(stream)} tokens, one window needs {least}; give more text, or a "
            "smaller max_sequence_length."
        )
    return stream


def _check_vocabulary(model, stream):
    # A compiled look-up of a token that is not there gives some other token's vector, silently.
    low, high = int(stream.min()), int(stream.max())
    if low < 0 or high >= model.config.vocabulary_size:
        raise ValueError(
            f"Token {low if low < 0 else high} is not in the model's vocabulary of "
            f"{model.config.vocabulary_size}; use the tokenizer that the model was made for."
        )


def _consecutive(stream, length):
    """Returns rows (n, length) that overlap by one token, and where they hold real tokens."""
    count = -(-(len(stream) - 1) // (length - 1))
    short = count * (length - 1) + 1 - len(stream)
    padded, real = np.pad(stream, (0, short)), np.pad(np.ones(len(stream), bool), (0, short))
    places = np.arange(count)[:, None] * (length - 1) + np.arange(length)[None, :]
    return padded[places], real[places]


def _check_same(found, wanted, folder):
    differences = [
        f"{name} {found.get(group, {}).get(name)} (now {value})"
        for group in ("config", "recipe", "text")
        for name, value in wanted[group].items()
        if found.get(group, {}).get(name) != value
    ]
    if differences:
        raise ValueError(
            f"The checkpoint in {folder} is of another run: {', '.join(differences)}; name another "
            "folder, or delete this one."
        )
