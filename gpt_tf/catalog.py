"""The real data sets of the course: where they are published, and how they are read.

`datasets/catalog.toml` holds what differs from set to set; this module holds what is the same. A
file is looked for in the folder named by the environment variable GPT_TF_DATA (as
`<folder>/<set>/<file>`), then in the cache (GPT_TF_CACHE, or `~/.cache/gpt_tf`), and is
downloaded only then.
"""

import csv
import dataclasses
import functools
import gzip
import hashlib
import io
import json
import os
import pathlib
import socket
import tomllib
import zipfile

_FOLDER = pathlib.Path(__file__).resolve().parents[1] / "datasets"
_DOWNLOAD_SECONDS = 60  # of silence, before a download is given up


@dataclasses.dataclass(frozen=True)
class File:
    """One file of a data set.

    Args:
        path: str, name below the folder of its set, with forward slashes.
        split: str, the split it belongs to ("train", "validation", "test", ...).
        rows: int, number of rows; for running text, of line ends.
        sha256: str, 64 hexadecimal digits: the file whose rows were counted.
        url: str, published address; empty if there is none.
        archive: str, address of the zip file that holds it; empty if it stands alone.
        member: str, its name inside the archive.
        published: "same" if the address gives these very bytes, "other" if it gives another
            version, whose hash is not known here.
        published_rows: int or None, rows of that other version, where known.
        reader: str, how it is read (see the head of catalog.toml).
        header: bool, True if the first row names the columns.
        column: str, the column that its lines fill, in a set with one file a column.
        skip: int, lines to leave out at the top.
        strip: str, characters to take off both ends of a line.
        quoted_passes: int, how often a csv writer quoted a cell.
    """

    path: str
    split: str
    rows: int
    sha256: str
    url: str = ""
    archive: str = ""
    member: str = ""
    published: str = "same"
    published_rows: int | None = None
    reader: str = "text"
    header: bool = False
    column: str = ""
    skip: int = 0
    strip: str = ""
    quoted_passes: int = 0

    @property
    def address(self):
        """str, where the file is published; empty if nowhere."""
        return self.url or self.archive


@dataclasses.dataclass(frozen=True)
class Description:
    """What the catalog knows about a data set.

    Args:
        name: str.
        title: str, what it is.
        use: str, its use in the GPT papers.
        licence: str, licence or terms.
        citation: str, whom to cite.
        note: str, what to know before use; may be empty.
        columns: tuple of str, the columns of a row; ("text",) for running text.
        files: tuple of `File`.
    """

    name: str
    title: str
    use: str
    licence: str
    citation: str
    note: str
    columns: tuple[str, ...]
    files: tuple[File, ...]

    @property
    def rows(self):
        """dict of split name to number of rows (for running text: of line ends)."""
        counts = {}
        for file in self.files:
            # Files of one column each hold the same rows, so they count once.
            counts[file.split] = file.rows + (0 if file.column else counts.get(file.split, 0))
        return counts


def names():
    """Lists the data sets of the catalog.

    Returns:
        List of str.

    Example:
        >>> names()[:2]
        ['tinyshakespeare', 'gutenberg']
    """
    return list(_read_catalog())


def describe(name):
    """Tells what the catalog knows about a data set.

    Args:
        name: str, one of `names()`.

    Returns:
        A `Description`.

    Raises:
        ValueError: no such data set.

    Example:
        >>> describe("sst2").rows
        {'train': 6920, 'validation': 872, 'test': 1821}
    """
    catalog = _read_catalog()
    if name not in catalog:
        raise ValueError(
            f"There is no data set named {name!r}; the catalog has {', '.join(catalog)}."
        )
    return catalog[name]


def path(name, file):
    """Finds a file of a data set on this machine, and downloads it where it is missing.

    Args:
        name: str, one of `names()`.
        file: str, a `File.path` of that set.

    Returns:
        `pathlib.Path` of a file whose hash is the catalog's, where the catalog knows it.

    Raises:
        ValueError: no such set or file, or a file in GPT_TF_DATA whose hash differs.
        FileNotFoundError: the file is on no disk and cannot be downloaded.

    Example:
        >>> path("gpt2_bpe", "vocab.bpe").name
        'vocab.bpe'
    """
    return _find(name, _file(name, file))[0]


def load(name, split="train"):
    """Reads one split of a data set.

    Args:
        name: str, one of `names()`.
        split: str, one of the keys of `describe(name).rows`.

    Returns:
        List of dict, one a row, with the columns of `describe(name)`; cells of tsv and csv files
        are strings. For running text a list of str, one a file; for a list of lines, one a line.

    Raises:
        ValueError: no such set or split, a file that is not what the catalog describes (hash,
            number of rows, number of cells), or text that is not UTF-8.
        FileNotFoundError: the file is on no disk and cannot be downloaded.

    Example:
        >>> load("sst2", "validation")[0]["label"]
        '0'
    """
    description = describe(name)
    files = [file for file in description.files if file.split == split]
    if not files:
        raise ValueError(
            f"The data set {name} has no split {split!r}; it has {', '.join(description.rows)}."
        )
    if files[0].column:
        columns = [_read_file(name, file) for file in files]
        keys = [file.column for file in files]
        return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]
    return [row for file in files for row in _read_file(name, file)]


def text(name, split="train"):
    """Reads running text as one string.

    Args:
        name: str, a data set of running text (tinyshakespeare, gutenberg, wikitext-2).
        split: str, one of the keys of `describe(name).rows`.

    Returns:
        str, the files of the split joined by an empty line, with line ends of one character.

    Raises:
        ValueError: a set of rows, or any error of `load`.
        FileNotFoundError: as `load`.

    Example:
        >>> text("tinyshakespeare")[:14]
        'First Citizen:'
    """
    documents = load(name, split)
    if not documents or not isinstance(documents[0], str):
        raise ValueError(f"{name} ({split}) is a table, not running text: read it with load().")
    return "\n\n".join(documents)


def cache_dir():
    """Names the folder for downloads and for what is computed once.

    Returns:
        `pathlib.Path`: GPT_TF_CACHE, or `~/.cache/gpt_tf`. It need not exist yet.
    """
    chosen = os.environ.get("GPT_TF_CACHE")
    return pathlib.Path(chosen) if chosen else pathlib.Path.home() / ".cache" / "gpt_tf"


# ---------------------------------------------------------------------------------- the catalog


@functools.cache
def _read_catalog():
    with open(_FOLDER / "catalog.toml", "rb") as source:
        entries = tomllib.load(source)
    return {name: _describe_entry(name, entry) for name, entry in entries.items()}


def _describe_entry(name, entry):
    own = {field.name for field in dataclasses.fields(Description)}
    shared = {key: value for key, value in entry.items() if key not in own}
    files = tuple(_describe_file(shared | file) for file in entry["files"])
    about = {key: entry.get(key, "") for key in ("title", "use", "licence", "citation", "note")}
    return Description(name=name, columns=tuple(entry["columns"]), files=files, **about)


def _describe_file(fields):
    published_name = fields.pop("published_name", fields["path"])
    fields["url"] = fields.get("url", "").format(file=published_name)
    fields.setdefault("member", fields["path"] if fields.get("archive") else "")
    return File(**fields)


def _file(name, wanted):
    files = {file.path: file for file in describe(name).files}
    if wanted not in files:
        raise ValueError(f"The data set {name} has no file {wanted!r}; it has {', '.join(files)}.")
    return files[wanted]


# -------------------------------------------------------------------------------- finding a file


def _find(name, file):
    """Returns the path of a file, and True if it came from GPT_TF_DATA."""
    local = _local_path(name, file)
    if local is not None:
        return local, True
    cached = cache_dir() / name / file.path
    # A cached file with another hash is a leftover of an older catalog: it is fetched again.
    if cached.is_file() and (file.published == "other" or _sha256(cached) == file.sha256):
        return cached, False
    if not file.address:
        raise FileNotFoundError(
            f"{file.path} of the data set {name} is published nowhere: put it at "
            f"{name}/{file.path} in a folder and name that folder in GPT_TF_DATA."
        )
    _download(name, file, cached)
    return cached, False


def _local_path(name, file):
    folder = os.environ.get("GPT_TF_DATA")
    if not folder:
        return None
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"GPT_TF_DATA names {folder}, which is no folder: correct it, or unset it to download."
        )
    local = pathlib.Path(folder) / name / file.path
    if not local.is_file():
        return None
    found = _sha256(local)
    if file.published == "same" and found != file.sha256:
        raise ValueError(
            f"{local} is truncated or another version: its sha256 begins {found[:16]}, not "
            f"{file.sha256[:16]}; replace it by {file.address}, or delete it to have it downloaded."
        )
    return local


def _sha256(file):
    status = os.stat(file)
    return _sha256_of(str(file), status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=512)
def _sha256_of(file, _size, _changed):
    with open(file, "rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


# ----------------------------------------------------------------------------------- downloading


def _download(name, file, target):
    """Downloads a file to `target`, which appears only when it is whole and its hash is right."""
    checksum = file.sha256 if file.published == "same" and not file.archive else None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fetched = _fetch(file.address, target.parent, checksum)
    except Exception as error:
        raise FileNotFoundError(
            f"{file.path} of the data set {name} could not be fetched from {file.address} "
            f"({_reason(error)}): check the network, or put the file at {name}/{file.path} in a "
            "folder and name that folder in GPT_TF_DATA."
        ) from None
    try:
        if file.archive:
            _extract(name, file, fetched, target)
        else:
            os.replace(fetched, target)
    finally:
        fetched.unlink(missing_ok=True)


def _fetch(address, folder, checksum):
    import keras  # slow to import, and needed by a download only

    partial = f"download-{os.getpid()}.part"
    (folder / partial).unlink(missing_ok=True)  # get_file would take a leftover for the file
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_SECONDS)
    try:
        fetched = keras.utils.get_file(
            partial, address, file_hash=checksum, cache_dir=str(folder), cache_subdir="."
        )
    except BaseException:
        (folder / partial).unlink(missing_ok=True)
        raise
    finally:
        socket.setdefaulttimeout(before)
    return pathlib.Path(fetched)


def _reason(error):
    reason = " ".join(str(error).split()) or type(error).__name__
    if "corrupted" in reason:
        return "the download is broken or another version: its sha256 differs from the catalog's"
    return reason if len(reason) <= 120 else reason[:117] + "..."


def _extract(name, file, archive, target):
    """Takes one named member out of a zip file, and checks its hash where it is known."""
    try:
        with zipfile.ZipFile(archive) as source:
            content = source.read(file.member)
    except (zipfile.BadZipFile, KeyError):
        raise ValueError(
            f"{file.archive} is not a zip file that holds {file.member}: get it by hand, put it at "
            f"{name}/{file.path} in a folder and name that folder in GPT_TF_DATA."
        ) from None
    if file.published == "same" and hashlib.sha256(content).hexdigest() != file.sha256:
        raise ValueError(
            f"{file.member} in {file.archive} is another version than the catalog's (its sha256 "
            f"differs): put the right one at {name}/{file.path} in a folder named by GPT_TF_DATA."
        )
    partial = target.with_name(f"{target.name}.part-{os.getpid()}")
    partial.write_bytes(content)
    os.replace(partial, target)


# --------------------------------------------------------------------------------------- reading


def _read_file(name, file):
    found, is_local = _find(name, file)
    where = f"{file.path} of the data set {name} ({found})"
    rows = _READERS[file.reader](_decode(found, where), describe(name), file, where)
    _check_rows(rows, file, where, is_local)
    return rows


def _decode(found, where):
    try:
        content = found.read_bytes()
        if found.name.endswith(".gz"):
            content = gzip.decompress(content)
        decoded = content.decode("utf-8-sig")
    except (EOFError, OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{where} cannot be read ({_reason(error)}): it is truncated or not UTF-8; "
            "delete it to have it downloaded."
        ) from None
    return decoded.replace("\r\n", "\n")


def _check_rows(rows, file, where, is_local):
    # Texts that are published in changing editions have no number of rows to hold them to.
    counts = {file.rows} if is_local or file.published == "same" else set()
    if file.published == "other":
        counts |= {file.published_rows} if file.published_rows else set()
    if file.reader in ("text", "novel") or not counts or len(rows) in counts:
        return
    expected = " or ".join(f"{count:,}" for count in sorted(counts))
    raise ValueError(
        f"{where} has {len(rows):,} rows where {expected} are expected: it is truncated or another "
        "version; delete it to have it downloaded."
    )


def _lines(decoded):
    """Splits at line ends only: str.splitlines would also split at characters inside a cell."""
    lines = decoded.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _unquote(cell, passes):
    for _ in range(passes):
        if len(cell) >= 2 and cell[0] == cell[-1] == '"':
            cell = cell[1:-1].replace('""', '"')
    return cell


def _tsv(decoded, description, file, where):
    cells = [
        [_unquote(cell, file.quoted_passes) for cell in line.split("\t")]
        for line in _lines(decoded)
    ]
    return _table(cells, description, file, where)


def _csv(decoded, description, file, where):
    return _table(list(csv.reader(io.StringIO(decoded))), description, file, where)


def _table(cells, description, file, where):
    columns = description.columns
    if file.header and cells:
        if tuple(cells[0]) != columns:
            raise ValueError(
                f"{where} begins with the columns {cells[0]} where {list(columns)} are expected: "
                "it is not the file that the catalog describes."
            )
        cells = cells[1:]
    for number, row in enumerate(cells, 1):
        if len(row) != len(columns):
            raise ValueError(
                f"{where}, row {number}, has {len(row)} cells where {len(columns)} are expected: "
                "the file is truncated or was edited; delete it to have it downloaded."
            )
    return [{key: cell.strip() for key, cell in zip(columns, row, strict=True)} for row in cells]


def _json(content, where):
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{where} is not whole JSON ({error}): it is truncated; delete it to have it "
            "downloaded."
        ) from None


def _jsonl(decoded, _description, _file, where):
    return [_json(line, f"{where}, row {number}") for number, line in enumerate(_lines(decoded), 1)]


def _text_lines(decoded, _description, file, _where):
    return [line.strip(file.strip) if file.strip else line for line in _lines(decoded)[file.skip :]]


def _text(decoded, _description, _file, _where):
    return [decoded]


def _novel(decoded, _description, _file, where):
    """Keeps what stands between Project Gutenberg's header and footer."""
    lines = decoded.split("\n")
    starts = [i for i, line in enumerate(lines) if line.startswith("*** START OF")]
    ends = [i for i, line in enumerate(lines) if line.startswith("*** END OF")]
    if not starts or not ends:
        raise ValueError(
            f"{where} lacks the line that begins '*** {'END' if starts else 'START'} OF': it is "
            "truncated or no Project Gutenberg text; delete it to have it downloaded."
        )
    return ["\n".join(lines[starts[0] + 1 : ends[-1]]).strip()]


def _dream(decoded, _description, _file, where):
    return [
        {"id": name, "turns": turns, **question}
        for turns, questions, name in _json(decoded, where)
        for question in questions
    ]


def _vocabulary(decoded, _description, _file, where):
    return [{"token": token, "id": index} for token, index in _json(decoded, where).items()]


_READERS = {
    "tsv": _tsv,
    "csv": _csv,
    "jsonl": _jsonl,
    "lines": _text_lines,
    "text": _text,
    "novel": _novel,
    "dream": _dream,
    "vocabulary": _vocabulary,
}
