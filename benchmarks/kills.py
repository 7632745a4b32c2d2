"""Kills a run of pre-training at random moments, as kill -9 does, and compares what comes of it.

    python benchmarks/kills.py                                    # toy size, on a text of its own
    python benchmarks/kills.py --kills 10 -- --size nano --steps 600 --save-seconds 5
    python benchmarks/kills.py -- --size small --data my_text.txt --steps 300

What follows `--` goes to `python -m gpt_tf pretrain`. The same command runs twice: once
undisturbed, and once killed again and again. A kill comes at a random moment after the run has
saved something new, so that the run moves on between two kills. At the end all checkpoints are
read, and both runs must have the same losses within 0.02; they should be equal.
"""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gpt_tf import checkpoint, world  # noqa: E402

TOLERANCE = 0.02  # nats a token
_LOOK_SECONDS = 0.005


def pretrain(arguments, out):
    """Starts the command in a process of its own, which writes what it says beside its folder.

    Returns:
        `subprocess.Popen`.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "gpt_tf", "pretrain", *arguments, "--out", str(out)]
    # Not into a pipe: one that nobody reads from is full after a while, and the run would wait.
    with open(said_in(out), "w", encoding="utf-8") as file:
        return subprocess.Popen(command, env=environment, stdout=file, stderr=file)


def said_in(out):
    """Returns the path of the file that holds what a run has said."""
    return out.with_name(out.name + ".txt")


def finish(process, out):
    """Waits for a run; raises RuntimeError with what it said last, if it failed."""
    if process.wait():
        said = said_in(out).read_text(encoding="utf-8").splitlines()
        raise RuntimeError(f"The run ended with {process.returncode}: {said[-1:]}")


def killed(arguments, out, kills, spread, rng):
    """Runs the command, kills it so many times, and lets it end.

    Args:
        arguments: list of str, of the command.
        out: path of the run's folder.
        kills: int.
        spread: float, seconds; a kill comes up to so long after the run has saved something.
        rng: `random.Random`, draws the moments.

    Returns:
        List of int, the step of the last whole checkpoint at each kill.

    Raises:
        RuntimeError: the run failed by itself, or was done before it was killed so often.
    """
    steps = []
    for _ in range(kills):
        process, before = pretrain(arguments, out), newest(out)
        while newest(out) == before and process.poll() is None:
            time.sleep(_LOOK_SECONDS)
        time.sleep(rng.uniform(0, spread))
        if process.poll() is not None:
            finish(process, out)
            raise RuntimeError(
                f"The run was done after {len(steps)} kills: take more --steps, or fewer --kills."
            )
        process.kill()
        process.wait()
        found = checkpoint.load(out / "checkpoints")
        steps.append(found[1]["step"])
    finish(pretrain(arguments, out), out)
    return steps


def newest(out):
    """Returns the name of a run's newest checkpoint, None if it has none."""
    names = [path.name for path in checkpoint.files(out / "checkpoints")]
    return names[-1] if names else None


def compare(whole, other):
    """Compares two runs that have ended.

    Returns:
        float, the largest difference between their losses, in nats a token.

    Raises:
        ValueError: a checkpoint is damaged, or the losses belong to other steps.
    """
    found = []
    for out in (whole, other):
        for path in checkpoint.files(out / "checkpoints"):
            _, details = checkpoint.read(path)
        if list((out / "checkpoints").glob(".*")):
            raise ValueError(f"{out} holds half a checkpoint")
        found.append(details["history"])
    if any(found[0][name] != found[1][name] for name in ("step", "validation_step")):
        raise ValueError("The two runs have not logged the same steps.")
    losses = [np.array(history["loss"] + history["validation_loss"]) for history in found]
    return float(np.max(np.abs(losses[0] - losses[1])))


def write_text(path):
    """Writes a text to train on: passages of the generated world."""
    path.write_text("\n\n".join(world.documents(400, seed=1)), encoding="utf-8")


def main(arguments=None):
    """Runs both and prints what came of it; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    at = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], usage="%(prog)s [options] [-- options of pretrain]"
    )
    parser.add_argument("--kills", type=int, default=5, help="default: 5")
    parser.add_argument(
        "--spread", type=float, default=0.3, help="seconds until a kill, at most (default: 0.3)"
    )
    parser.add_argument("--seed", type=int, help="of the moments (default: another each time)")
    options = parser.parse_args(arguments[:at])
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        own = arguments[at + 1 :] or ["--size", "toy", "--steps", "2000", "--save-seconds", "0"]
        if "--data" not in own:
            write_text(folder / "world.txt")
            own += ["--data", str(folder / "world.txt")]
        begun = time.perf_counter()
        finish(pretrain(own, folder / "whole"), folder / "whole")
        seconds = time.perf_counter() - begun
        rng = random.Random(seed)
        steps = killed(own, folder / "killed", options.kills, options.spread, rng)
        difference = compare(folder / "whole", folder / "killed")
    print(f"undisturbed: {seconds:.0f} s")
    print(f"killed {len(steps)} times (seed {seed}), with a checkpoint of step {steps}")
    print(f"no damaged checkpoint; largest difference of the losses: {difference:.1e} nats a token")
    return int(difference > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
