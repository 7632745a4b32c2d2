"""File names that every system takes, for the names of submissions."""

import unicodedata

_LONGEST = 80  # characters
_LARGEST = 200  # bytes in UTF-8; file systems take 255, and an ending is added


def safe_names(names):
    """Gives each name a file stem of letters, digits, dots, hyphens and underscores.

    Args:
        names: iterable of str, such as the paths of submissions; no two are the same.

    Returns:
        dict {name: stem}, in the same order. No two stems are the same, not even where case does
        not count; none is empty, longer than 80 characters, or begins with a dot.

    Example:
        >>> safe_names(["anna/lab 04.ipynb"])
        {'anna/lab 04.ipynb': 'anna_lab_04.ipynb'}
    """
    stems, taken = {}, set()
    for name in names:
        stem, number = _stem(name), 1
        while stem.casefold() in taken:
            number += 1
            stem = _stem(name, f"-{number}")
        taken.add(stem.casefold())
        stems[name] = stem
    return stems


def _stem(name, suffix=""):
    # The same letters may come in two forms; macOS gives the one of which accents fall off.
    letters = unicodedata.normalize("NFC", name)
    kept = "".join(c if c.isalnum() or c in "._-" else "_" for c in letters).lstrip(".")
    kept = kept[: _LONGEST - len(suffix)].encode()[: _LARGEST - len(suffix)]
    return (kept.decode(errors="ignore") or "submission") + suffix
