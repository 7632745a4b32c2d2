"""Tables of results that ship with the course, and the frame of the commands that make them.

A table takes longer than a lab may. So it is a file under datasets/, which says what command made
it; the command goes on where it was stopped.
"""

import argparse
import dataclasses
import hashlib
import json
import pathlib
import shutil

from gpt_tf import presets
from gpt_tf.course import layout

FOLDER = layout.ROOT / "datasets"


def read(name, path=None):
    """Reads a table.

    Args:
        name: str, the command that makes it, such as "transfer".
        path: str or path; that of the shipped table if None.

    Returns:
        dict: "command", "settings" and what the command says of its table.

    Raises:
        FileNotFoundError: there is none; the message has the command that makes it.

    Example:
        >>> read("transfer")["command"]
        'python -m gpt_tf transfer --seeds 3 --table datasets/transfer.json'
    """
    path = pathlib.Path(path or FOLDER / file_of(name))
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no table {path}; python -m gpt_tf {name} --table {path} makes it."
        )
    return json.loads(path.read_text(encoding="utf-8"))


def file_of(name):
    """Returns the name of a command's table, such as "in_context.json" of "in-context"."""
    return f"{name.replace('-', '_')}.json"


def parser(name, description, seeds=3):
    """Makes the parser of a command; its own options are to be added.

    Args:
        name: str, of the command.
        description: str, the docstring of its module; the first line is shown.
        seeds: int, how many runs of each cell if nothing else is said.

    Returns:
        `argparse.ArgumentParser` with --seeds, --table, --short and --fresh.
    """
    made = argparse.ArgumentParser(
        prog=f"python -m gpt_tf {name}", description=description.splitlines()[0]
    )
    made.add_argument("--seeds", type=int, default=seeds, help=f"how many (default: {seeds})")
    made.add_argument("--table", metavar="FILE", help="where all results go (default: the run's)")
    made.add_argument("--short", action="store_true", help="a tiny run, to see that it works")
    made.add_argument("--fresh", action="store_true", help="forget what an earlier run left")
    return made


def run_folder(name, decides, preset=None):
    """Returns the folder of a run: another one for another thing that decides its results.

    Args:
        name: str, of the command.
        decides: what JSON can hold.
        preset: str, name or folder of a preset whose weights decide, too; None for none.

    Returns:
        path, which need not exist.
    """
    text = json.dumps(decides, sort_keys=True).encode()
    if preset is not None:
        text += (presets.folder_of(preset) / presets.MODEL).read_bytes()
    return layout.ROOT / "runs" / f"{name}-{hashlib.sha256(text).hexdigest()[:8]}"


def begin(folder, fresh):
    """Says where a run is kept, and forgets what is there if `fresh`."""
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"The run's folder is {folder}; stopped, the same command goes on from there.")


def finish(name, arguments, target, folder, settings, **rest):
    """Writes a table and says where it is.

    Args:
        name: str, of the command.
        arguments: list of str, with which it was called.
        target: str or None, the file; None for one in the run's folder.
        folder: path, of the run.
        settings: dataclass that decides the results.
        **rest: what JSON can hold: the other parts of the table.

    Returns:
        int, the command's exit status.
    """
    table = {
        "command": f"python -m gpt_tf {name} {' '.join(arguments)}".strip(),
        "settings": dataclasses.asdict(settings),
        **rest,
    }
    path = pathlib.Path(target or folder / "table" / file_of(name))
    layout.write(path, json.dumps(table, indent=1) + "\n")
    print(f"The table: {path}")
    return 0
