"""Runs the cells of an ablation: with a bar, one after another, and goes on where it was stopped.

What is left to run, and how sure a difference is, are lab 10's, reached through `parts`.
"""

import hashlib
import json
import pathlib

from tqdm.auto import tqdm

from gpt_tf import parts
from gpt_tf.course import layout


def run(cells, measure, folder=None, label="cells"):
    """Measures each cell that has no result yet.

    Args:
        cells: list of dicts of what JSON can hold, as `parts.ablation_grid` makes them.
        measure: function from a cell to a score, or to more that JSON can hold.
        folder: str or path, where each result is a file, written whole or not at all; None keeps
            them in memory only.
        label: str, shown at the bar.

    Returns:
        List of dicts {"cell": dict, "score": what `measure` gave}: all that the folder holds, those
        of other grids too.

    Raises:
        ValueError: a file in the folder is no result.

    Example:
        >>> run([{"rate": 0.1, "seed": 1}], lambda cell: train(**cell), "runs/rates")
    """
    results = [] if folder is None else read(folder)
    left = parts.cells_to_run(cells, results)
    with tqdm(total=len(left), desc=label, unit="cell") as bar:
        for cell in left:
            bar.set_postfix_str(", ".join(f"{k}={v}" for k, v in cell.items()))
            # As it will be read again, so that a first run gives what a resumed one does.
            text = json.dumps({"cell": cell, "score": measure(cell)}, indent=1)
            if folder is not None:
                layout.write(_file_of(cell, folder), text)
            results.append(json.loads(text))
            bar.update()
    return results


def read(folder):
    """Reads the results that are in a folder.

    Args:
        folder: str or path, which need not exist.

    Returns:
        List of dicts {"cell", "score"}.

    Raises:
        ValueError: a file in it is no result.
    """
    results = []
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
            results.append({"cell": dict(result["cell"]), "score": result["score"]})
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is no result of a cell; delete it, or move it away."
            ) from error
    return results


def in_order(results, cells):
    """Picks the results of some cells, in the order of the cells.

    Args:
        results: list of dicts {"cell", "score"}, in any order, as a folder gives them.
        cells: list of dicts, each of which has a result.

    Returns:
        List of dicts {"cell", "score"}, one for each cell.

    Example:
        >>> in_order([{"cell": {"seed": 1}, "score": 0.7}], [{"seed": 1}])[0]["score"]
        0.7
    """
    return [next(result for result in results if result["cell"] == cell) for cell in cells]


def scores(results, settings):
    """Finds the scores of one version, a seed after the other.

    Args:
        results: list of dicts {"cell", "score"}.
        settings: dict, the cell without its seed.

    Returns:
        dict {seed: score}, in the order of the seeds.

    Example:
        >>> scores([{"cell": {"rate": 0.1, "seed": 1}, "score": 0.7}], {"rate": 0.1})
        {1: 0.7}
    """
    found = {}
    for result in results:
        cell = dict(result["cell"])
        seed = cell.pop("seed")
        if cell == settings:
            found[seed] = result["score"]
    return dict(sorted(found.items()))


def difference(results, base, change):
    """Estimates what a change does to the score, over the seeds that both versions have.

    Args:
        results: list of dicts {"cell", "score"}.
        base: dict, the settings of the base.
        change: dict, the setting that differs.

    Returns:
        (difference, margin): floats, as from `parts.paired_interval`.

    Raises:
        ValueError: there are fewer than two such seeds.
    """
    before, after = scores(results, base), scores(results, base | change)
    seeds = [seed for seed in before if seed in after]
    return parts.paired_interval([after[s] for s in seeds], [before[s] for s in seeds])


def _file_of(cell, folder):
    """Returns the path of a cell's result: the same for the same settings in any order."""
    text = json.dumps(cell, sort_keys=True)
    return pathlib.Path(folder) / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
