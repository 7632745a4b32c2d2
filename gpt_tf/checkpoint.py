"""Checkpoints that survive a kill: one .npz file of arrays and JSON, without pickle.

A file is written under another name, forced to the disk and renamed, so that a file under its own
name is whole. The last two are kept: should one be damaged all the same, the other serves.
"""

import contextlib
import json
import os
import pathlib
import zipfile
import zlib

import numpy as np

KEPT = 2
_DETAILS = "details.json"
_DAMAGE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error)


class Damaged(ValueError):
    """A file is not one that this module wrote, or not all of it is there."""


def write(path, arrays, details):
    """Writes arrays and a few details into one file, whole or not at all.

    Args:
        path: str or path, ends in .npz; its folder is made.
        arrays: dict {name: NumPy array} of numbers.
        details: dict of what JSON can hold.

    Raises:
        OSError: the disk is full or may not be written. A file of that name stays as it was.

    Example:
        >>> write("model.npz", {"weights": np.ones(3)}, {"step": 7})
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            np.savez(file, **arrays, **{_DETAILS: np.asarray(json.dumps(details))})
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)


def read(path):
    """Reads what `write` wrote, and verifies every byte by the checksums of the file.

    Args:
        path: str or path.

    Returns:
        (arrays, details): dict {name: NumPy array}, and the dict of details.

    Raises:
        FileNotFoundError: there is no such file.
        Damaged: the file is cut short, altered, or of another kind.

    Example:
        >>> arrays, details = read("model.npz")
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}; check the name, or train and save it.")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
            return arrays, json.loads(str(arrays.pop(_DETAILS)))
    except _DAMAGE as error:
        raise Damaged(
            f"{path} is damaged or no file of this course; take another copy, or delete it."
        ) from error


def save(folder, step, arrays, details):
    """Writes the checkpoint of a step into a folder, and deletes all but the last two.

    Args:
        folder: str or path; made if it is not there.
        step: int, updates done.
        arrays, details: as in `write`.

    Raises:
        OSError: as in `write`; the earlier checkpoints stay.

    Example:
        >>> save("runs/mine", 100, {"weights": np.ones(3)}, {"loss": 2.5})
    """
    folder = pathlib.Path(folder)
    write(folder / f"checkpoint-{step:08d}.npz", arrays, details | {"step": step})
    for old in files(folder)[:-KEPT]:
        old.unlink()
    # A process that was killed while writing left its part behind.
    for part in folder.glob(".checkpoint-*.part"):
        part.unlink(missing_ok=True)


def load(folder):
    """Reads the newest checkpoint of a folder that is whole, and says so if a newer one is not.

    Args:
        folder: str or path, which need not exist.

    Returns:
        (arrays, details) as from `read`, with "step" in the details; None if there is none.

    Example:
        >>> arrays, details = load("runs/mine")
    """
    for path in reversed(files(folder)):
        try:
            return read(path)
        except Damaged:
            print(f"{path} is damaged; going back to the one before it.")
    return None


def files(folder):
    """Returns the checkpoint files of a folder, the oldest first."""
    return sorted(pathlib.Path(folder).glob("checkpoint-*.npz"))


def _sync_folder(folder):
    # Makes the new name last through a power cut; Windows has no such call.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
