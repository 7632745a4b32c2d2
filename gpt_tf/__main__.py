"""`python -m gpt_tf`: the course's whole job, from raw text to a page of results.

`python -m gpt_tf pretrain`: pre-training alone, of any size; see `gpt_tf.pretraining`.
`python -m gpt_tf results`: ten sets, with pre-training and without; see `gpt_tf.results`.
`python -m gpt_tf picture`: what you built, on one picture; see `gpt_tf.closing`.

The experiments of some labs at full length: `python -m gpt_tf transfer` (lab 10), `in-context`
(lab 12), `tuning` (lab 13) and `ladder` (lab 14); see the modules of these names.
"""

import argparse
import importlib
import pathlib
import sys

from gpt_tf import job, quiet

COMMANDS = {
    "pretrain": "pretraining",
    "results": "results",
    "picture": "closing",
    "transfer": "transfer",
    "in-context": "in_context",
    "tuning": "tuning",
    "ladder": "ladder",
}
# These load TensorFlow as soon as they are imported.
WITH_TENSORFLOW = ("transfer", "in-context", "tuning", "ladder")


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments and arguments[0] in COMMANDS:
            if arguments[0] in WITH_TENSORFLOW:
                quiet.load_tensorflow()
            module = importlib.import_module(f"gpt_tf.{COMMANDS[arguments[0]]}")
            return module.main(arguments[1:])
        return whole_job(arguments)
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        return 130
    except (ValueError, LookupError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 1


def whole_job(arguments):
    """Runs the course's job; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m gpt_tf", description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--data",
        choices=("offline", "real"),
        default="offline",
        help="offline: docstrings and a generated world (default); real: the catalog's sets",
    )
    source.add_argument("--text", metavar="FILE", help="pre-train on your own text (UTF-8)")
    parser.add_argument("--run", metavar="FOLDER", help="where results and checkpoints go")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run left")
    parser.add_argument("--short", action="store_true", help="a tiny run, to see that it works")
    options = parser.parse_args(arguments)
    text = str(pathlib.Path(options.text).resolve()) if options.text else ""
    settings = job.Settings("text" if text else options.data, text, options.seed)
    if options.short:
        settings = settings.shortened()
    quiet.load_tensorflow()
    page = job.execute(settings, options.run, options.fresh)
    print(f"The page of results: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
