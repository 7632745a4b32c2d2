"""Running text to pre-train on: always there, from the catalog, or your own.

`docstrings` is the offline corpus: the English that documents the packages which the course needs
anyway. `real` reads novels, plays and encyclopedia articles through `gpt_tf.catalog`. `text_file`
reads a file of yours. All give documents, and all keep training and validation apart by document.

`python -m gpt_tf.corpora` prints how large each corpus is.
"""

import ast
import hashlib
import importlib.metadata
import importlib.util
import inspect
import json
import os
import pathlib
import platform
import re
import sysconfig
import warnings

from tqdm.auto import tqdm

from gpt_tf import catalog

_PACKAGES = ("tensorflow", "numpy", "keras", "matplotlib", "keras_hub")
_DISTRIBUTIONS = {"keras_hub": "keras-hub"}  # the name to install, where it is not the import name
_STANDARD_LIBRARY = "the standard library"
_RECIPE = 1  # raise it when the cleaning changes: it is part of the cache's key
_VALIDATION_SHARE = 0.05
_SHORTEST_DOCUMENT = 60  # characters
_PASSAGE = 2000  # characters, where a text has no chapters
_REPEATABLE = 80  # characters of a paragraph that may return in running text
_SHORTEST_TEXT = 1000  # characters in a user's own file
_SPLITS = ("train", "validation")
_HELD_OUT = "The Time Traveller"  # words of the novel that no model is trained on


def docstrings(split="train"):
    """Collects English prose from the docstrings of the installed packages.

    The sources of tensorflow, numpy, keras, matplotlib, keras_hub and the standard library are
    parsed, not imported. Code, tables of arguments and markup are taken out, sentences stay.
    Paragraphs that occur twice are kept once. The first call takes about a minute and writes a
    file to `gpt_tf.catalog.cache_dir()`; later calls read it. Plays the part that BooksCorpus plays
    in GPT-1 (section 4.1).

    Args:
        split: "train" or "validation" (about 5% of the documents). A docstring is always in the
            same split, because its own hash decides.

    Returns:
        List of str, one document a docstring, paragraphs separated by an empty line.

    Raises:
        ValueError: another split.

    Example:
        >>> documents = docstrings("validation")
    """
    _check_split(split, _SPLITS)
    versions = _versions()
    key = hashlib.sha256(json.dumps(versions, sort_keys=True).encode()).hexdigest()[:12]
    cached = catalog.cache_dir() / f"docstrings-{key}.jsonl"
    documents = _read_cache(cached)
    if documents is None:
        documents = _collect_docstrings()
        _write_cache(cached, documents)
    return [text for which, text in documents if which == split]


def real(split="train"):
    """Reads novels, plays and Wikipedia articles through the catalog.

    Documents are chapters of the ten novels of `gutenberg`, passages of about 2,000 characters of
    `tinyshakespeare`, and articles of `wikitext-2`. Of the last only the validation file is used
    for "train" and "validation": its test file is held out, and is what "test" returns.

    Args:
        split: "train", "validation" (about 5% of the documents), or "test".

    Returns:
        List of str, one a document, paragraphs separated by an empty line.

    Raises:
        ValueError: another split, or a file that is not what the catalog describes.
        FileNotFoundError: a file that is on no disk and cannot be downloaded.

    Example:
        >>> chapters = real("train")
    """
    _check_split(split, (*_SPLITS, "test"))
    if split == "test":
        return _unique(_articles(catalog.text("wikitext-2", "test")), _REPEATABLE)
    documents = [chapter for novel in catalog.load("gutenberg") for chapter in _chapters(novel)]
    documents += _passages(catalog.text("tinyshakespeare"), _PASSAGE)
    documents += _articles(catalog.text("wikitext-2", "validation"))
    return [text for text in _unique(documents, _REPEATABLE) if _split_of(text) == split]


def novels(split="train"):
    """Reads the public-domain books of the catalog: ten novels and the plays of Shakespeare.

    Documents are as in `real`. Stands for BooksCorpus (GPT-1, section 4.1).

    Args:
        split: "train" or "validation" (about 5% of the chapters) of nine novels and the plays, or
            "test": The Time Machine, a whole book that is in neither.

    Returns:
        List of str, one a document, paragraphs separated by an empty line.

    Raises:
        ValueError, FileNotFoundError: as `real`.

    Example:
        >>> chapters = novels("test")
    """
    _check_split(split, (*_SPLITS, "test"))
    books = [_chapters(novel) for novel in catalog.load("gutenberg")]
    held_out = next(book for book in books if any(_HELD_OUT in chapter for chapter in book))
    if split == "test":
        return held_out
    documents = [chapter for book in books if book is not held_out for chapter in book]
    documents += _passages(catalog.text("tinyshakespeare"), _PASSAGE)
    return [text for text in _unique(documents, _REPEATABLE) if _split_of(text) == split]


def text_file(path):
    """Reads a text file of your own, and keeps every tenth passage for validation.

    Args:
        path: str or path of a UTF-8 text file of at least 1,000 characters.

    Returns:
        Two lists of str, the training and the validation documents: passages of up to about
        2,000 characters that end where a paragraph ends, if there are paragraphs.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a folder, not UTF-8, empty, or too short.

    Example:
        >>> train, validation = text_file("my_novel.txt")
    """
    path = pathlib.Path(path)
    text = _read_text(path)
    passages = _unique(_passages(text, min(_PASSAGE, len(text) // 10)), _REPEATABLE)
    if len(passages) < 2:
        raise ValueError(f"{path} repeats one passage over and over: give a text that varies.")
    step = min(10, len(passages))
    validation = passages[step - 1 :: step]
    held_out = set(validation)
    return [passage for passage in passages if passage not in held_out], validation


def summary():
    """Measures each corpus that is at hand.

    Returns:
        List of (corpus, split, documents, characters); the corpus of real text is left out where
        its files are neither on disk nor to be had.

    Example:
        >>> rows = summary()
    """
    rows = [("docstrings", split, docstrings(split)) for split in _SPLITS]
    try:
        rows += [("real", split, real(split)) for split in (*_SPLITS, "test")]
    except FileNotFoundError as error:
        print(f"No real text: {error}")
    return [(name, split, len(texts), sum(map(len, texts))) for name, split, texts in rows]


def _check_split(split, known):
    if split not in known:
        raise ValueError(f"There is no split {split!r}; choose one of {', '.join(known)}.")


# ------------------------------------------------------------------------------- split and repeats


def _normalise(text):
    return " ".join(text.lower().split())


def _digest(text):
    return hashlib.sha256(_normalise(text).encode()).digest()


def _split_of(text):
    share = int.from_bytes(_digest(text)[:4], "big") / 2**32
    return "validation" if share < _VALIDATION_SHARE else "train"


def _unique(documents, repeatable=0):
    """Keeps the first of equal documents and paragraphs; drops what becomes too short.

    Paragraphs of fewer than `repeatable` characters may return: in a novel, "Yes." is no copy.
    """
    seen, kept = set(), []
    for document in documents:
        paragraphs = []
        for paragraph in document.split("\n\n"):
            digest = _digest(paragraph)
            if digest not in seen or len(paragraph) < repeatable:
                seen.add(digest)
                paragraphs.append(paragraph)
        text = "\n\n".join(paragraphs)
        # A document of one paragraph has the paragraph's digest, which has just been noted.
        whole = _digest(text) + b"document"
        if len(text) >= _SHORTEST_DOCUMENT and whole not in seen:
            seen.add(whole)
            kept.append(text)
    return kept


# ------------------------------------------------------------------------------ docstrings: finding


def _versions():
    versions = {_STANDARD_LIBRARY: platform.python_version(), "recipe": _RECIPE}
    for package in _PACKAGES:
        versions[package] = importlib.metadata.version(_DISTRIBUTIONS.get(package, package))
    return versions


def _package_folder(package):
    if package == _STANDARD_LIBRARY:
        return pathlib.Path(sysconfig.get_path("stdlib"))
    return pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0])


def _sources():
    """Yields the Python files of each package, in an order that does not change."""
    for package in (*_PACKAGES, _STANDARD_LIBRARY):
        folder = _package_folder(package)
        for file in sorted(folder.rglob("*.py")):
            inside = set(file.relative_to(folder).parts)
            if not inside & {"site-packages", "dist-packages", "test", "tests", "idle_test"}:
                yield file


def _docstrings_of(file):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the parsed source, such as invalid escapes
            tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError, RecursionError):
        return  # a template, or a sample of broken code
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented):
            docstring = ast.get_docstring(node)
            if docstring:
                yield docstring


def _collect_docstrings():
    documents = []
    for file in tqdm(list(_sources()), desc="Reading docstrings", unit="file"):
        documents += [clean_docstring(docstring) for docstring in _docstrings_of(file)]
    return [(_split_of(text), text) for text in _unique(documents)]


# ----------------------------------------------------------------------------- docstrings: cleaning

_LISTS = re.compile(
    r"(args|arguments|(other |call |keyword )?(args|arguments|parameters|params)|kwargs|keywords"
    r"|returns?|yields?|raises|warns|attributes|(input|output)( shape)?s?|properties|fields)\s*:*",
    re.IGNORECASE,
)
_NOT_PROSE = re.compile(
    r"(examples?|usages?|demos?|references?|see also|methods|todo|authors?|since|compatibility)"
    r"( usage)?\s*:*",
    re.IGNORECASE,
)
_ENTRY = re.compile(r"[*`\w., ]{1,60}(\([^)]*\))?\s*:(\s+|$)")  # "name (type): what it is"
_LIST_ITEM = re.compile(r"([-*+•]|\(?\d+[.)])\s+")
_UNDERLINE = re.compile(r"\s*([-=~^\"*#])\1{2,}\s*")
_STARTS_PROSE = re.compile(r"[A-Z][a-z]*'?[a-z]* [a-z](?!.* : )")
_CODE, _NEXT = ">>>", "\0"  # marks among the lines of a block
_MARKUP = (
    (re.compile(r"!?\[([^\]]+)\]\([^)]*\)"), r"\1"),  # [text](address)
    (re.compile(r":[a-z][\w:.+-]*:`~?([^`<]+?)(?:\s*<[^`]*>)?`", re.I), r"\1"),  # :role:`text`
    (re.compile(r"`([^`<]+?)\s*<[^`>]+>`_{0,2}"), r"\1"),  # `text <address>`_
    (re.compile(r"`{1,3}([^`\n]+)`{1,3}_{0,2}"), r"\1"),
    (re.compile(r"\*\*([^*\n]+)\*\*"), r"\1"),
    (re.compile(r"(?<![\w*])\*([^*\s][^*\n]*)\*(?![\w*])"), r"\1"),
    (re.compile(r"\|([A-Za-z][\w. ]*)\|"), r"\1"),  # |substitution|
    (re.compile(r"\s*\[\w+\]_"), ""),  # a citation
)
_SENTENCE_END = re.compile(
    r"(?<![ .][A-Za-z])(?<!e\.g)(?<!i\.e)(?<!etc)(?<!vs)(?<!cf)[.!?][\"')]*\s+(?=[\"'(]?[A-Z])"
)
_SENTENCE = re.compile(r"[\"'(]?[A-Z].*[.!?][\"')]*\Z", re.DOTALL)
_CODE_MARK = re.compile(r"[{}<>=|\\^~@$#&]|::|__|https?:|www\.|\S\(\)\.|\.\.\.")
_FINITE = re.compile(
    r"\b(is|are|was|were|be|will|would|can|could|must|should|may|might|has|have|does|do|if)\b"
)
_COMMON = re.compile(
    r"\b(the|a|an|of|to|is|are|be|in|for|and|or|that|this|it|with|if|as|by|from|on|not|will|can)\b",
    re.IGNORECASE,
)


def clean_docstring(docstring):
    """Keeps the English sentences of a docstring.

    Left out are doctests and other code, fenced and indented blocks, sections that list arguments,
    returned values, errors or examples, directives, tables, and markup around words.

    Args:
        docstring: str, as written in the source.

    Returns:
        str, paragraphs separated by an empty line; empty if no sentence is left.

    Example:
        >>> clean_docstring("Adds two ``int`` numbers.\\n\\nArgs:\\n  a: The first one.")
        'Adds two int numbers.'
    """
    blocks = _prose_blocks(inspect.cleandoc(docstring).replace("\t", "    "))
    paragraphs = [_sentences(block, in_list) for block, in_list in blocks]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _prose_blocks(docstring):
    """Yields (lines, in_list): paragraphs, and the descriptions in lists of arguments."""
    docstring = re.sub(r"```.*?(```|\Z)|\$\$.*?(\$\$|\Z)", "\n\n", docstring, flags=re.DOTALL)
    lines = [line.rstrip() for line in docstring.split("\n")]
    block, section = [], "prose"
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if _UNDERLINE.fullmatch(line):
            continue
        title = line.strip(" #*")
        kind = _section(title, line.startswith("#") or bool(_UNDERLINE.fullmatch(following)))
        left_margin = bool(line) and not line[0].isspace()
        if section != "prose" and not block and left_margin and _STARTS_PROSE.match(line):
            # Google's sections end where the margin is reached again after an empty line. NumPy's
            # do not, but there a name and a type stand at the margin, and no sentence.
            kind = kind or "paragraph"
        if kind or not line:
            yield block, section == "list"
            block = []
        if kind:
            section = "prose" if kind == "paragraph" else kind
        if line and kind in (None, "paragraph") and section != "drop":
            block = _extend(block, line, section)
            if block is None:
                block = [_CODE]
    yield block, section == "list"


def _section(title, is_heading):
    """Tells which section a line opens, or None if it is no heading."""
    if title and _LISTS.fullmatch(title):
        return "list"
    if title and _NOT_PROSE.fullmatch(title):
        return "drop"
    return "prose" if title and is_heading else None


def _extend(block, line, section):
    """Adds a line to its block; None if the line shows that the block is code."""
    text = line.strip()
    if text.startswith((".. ", "@", ">>>")):
        return None
    if section == "list":
        entry = _ENTRY.match(text)
        if entry and " : " not in text and _CODE not in block:
            return [*block, _NEXT, text[entry.end() :]]
        return [*block, _NEXT] if " : " in text else [*block, text]
    in_item = bool(block) and _LIST_ITEM.match(block[-1].strip())
    if line[0].isspace() and not in_item and not _LIST_ITEM.match(text):
        return None
    return [*block, line]


def _sentences(block, in_list):
    """Joins the lines of a block and keeps what reads as a sentence."""
    if _CODE in block:
        return ""
    pieces = [[]]
    for line in block:
        if line == _NEXT or _LIST_ITEM.match(line.strip()):
            pieces.append([])
        if line != _NEXT:
            pieces[-1].append(line.strip())
    kept = []
    for piece in pieces:
        text = _plain(" ".join(piece))
        kept += [
            sentence
            for sentence in split_sentences(text)
            # Most of what a list says is no sentence ("A tensor."): there a verb is asked for.
            if _reads_as_english(sentence) and (not in_list or _FINITE.search(sentence))
        ]
    return " ".join(dict.fromkeys(kept))  # arguments of one kind share their sentences


def _plain(text):
    """Takes list marks and markup off."""
    text = _LIST_ITEM.sub("", text, count=1) if _LIST_ITEM.match(text) else text
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return re.sub(r"\s+", " ", text).replace(" .", ".").strip()


def split_sentences(text):
    """Splits English text where a sentence ends and a capital letter follows.

    Args:
        text: str.

    Returns:
        List of str, without white space at their ends.

    Example:
        >>> split_sentences("It rains. Take a coat, e.g. Mine.")
        ['It rains.', 'Take a coat, e.g. Mine.']
    """
    starts = [0, *(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]
    return [
        text[a:b].strip() for a, b in zip(starts, starts[1:], strict=False) if text[a:b].strip()
    ]


def _reads_as_english(sentence):
    if not _SENTENCE.match(sentence) or _CODE_MARK.search(sentence):
        return False
    words = sentence.split()
    plain = sum(
        bool(re.fullmatch(r"[\"'(]?[A-Za-z][A-Za-z'-]*[.,;:!?\"')]*", word)) for word in words
    )
    if not 4 <= len(words) <= 80 or plain < 0.75 * len(words):
        return False
    return len(words) < 8 or bool(_COMMON.search(sentence))


# -------------------------------------------------------------------------------- docstrings: cache


def _write_cache(path, documents):
    """Writes to a name of its own first, so that a stopped run leaves no half file behind."""
    body = "".join(json.dumps([which, text]) + "\n" for which, text in documents)
    head = json.dumps({"sha256": hashlib.sha256(body.encode()).hexdigest(), **_versions()})
    partial = path.with_name(f"{path.name}.part-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(f"{head}\n{body}", encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        warnings.warn(
            f"The docstring corpus could not be kept in {path.parent} ({error}): it is collected "
            "again next time; name a folder that can be written in GPT_TF_CACHE.",
            stacklevel=3,
        )


def _read_cache(path):
    """Returns (split, text) pairs, or None if the file is missing or broken."""
    try:
        head, body = path.read_text(encoding="utf-8").split("\n", 1)
        if json.loads(head)["sha256"] != hashlib.sha256(body.encode()).hexdigest():
            return None
        return [tuple(json.loads(line)) for line in body.splitlines()]
    except (OSError, ValueError, KeyError, TypeError):
        return None


# --------------------------------------------------------------------------- chapters and passages

_HEADING = re.compile(
    r"(?:chapter|letter|book|volume|adventure|stave|part)\s+(?:the\s+)?[\divxlc]+\b.*"
    r"|(?:[ivxlc]+|\d+)\.(?:\s.*)?|(?:chapter|book|volume|part) the \w+.*"
    r"|(?:adventure )?[ivxlc]+\. .*",
    re.IGNORECASE,
)


def _unwrap(text):
    """Joins the lines of each paragraph; paragraphs are separated by empty lines."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _chapters(novel):
    """Splits a novel at its chapter headings; tables of contents are too short to stay."""
    chapters, current = [], []
    for paragraph in re.split(r"\n\s*\n", novel.strip()):
        first = paragraph.strip().split("\n", 1)[0].strip()
        if _HEADING.fullmatch(first) and len(first) < 80:
            chapters.append("\n\n".join(current))
            current = []
        current.append(paragraph)
    chapters.append("\n\n".join(current))
    return [_unwrap(chapter) for chapter in chapters if len(chapter) >= _PASSAGE]


def _articles(text):
    """Splits WikiText at its titles ("= Title =") and undoes its spacing.

    Sentences in which a rare word was replaced by <unk> are left out, and so are headings.
    """
    articles, current = [], []
    for line in text.split("\n"):
        line = line.strip()
        if re.fullmatch(r"= [^=].* =", line):
            articles.append(current)
            current = []
        elif line and not line.startswith("= "):
            sentences = [s for s in split_sentences(join_tokens(line)) if "<unk>" not in s]
            current += [" ".join(sentences)] if sentences else []
    articles.append(current)
    return ["\n\n".join(article) for article in articles]


def join_tokens(line):
    """Undoes the spaces that some corpora put around marks and before n't.

    Args:
        line: str, tokens separated by spaces.

    Returns:
        str.

    Example:
        >>> join_tokens("it is n't long , is it ?")
        "it isn't long, is it?"
    """
    line = re.sub(r" @(.)@ ", r"\1", line)
    line = re.sub(r" ([.,;:!?)\]%])", r"\1", line)
    line = re.sub(r"([(\[$]) ", r"\1", line)
    line = re.sub(r'" ([^"]*?) "', r'"\1"', line)
    return re.sub(r" (n't|'s|'re|'ve|'ll|'d|'m|')(?=[\s.,;:!?)])", r"\1", line)


def _passages(text, size):
    """Gathers paragraphs into passages of about `size` characters; cuts what is far longer."""
    passages, current, length = [], [], 0
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        for piece in _pieces(paragraph, 2 * size):
            current.append(piece)
            length += len(piece)
            if length >= size:
                passages.append("\n\n".join(current))
                current, length = [], 0
    if current:
        passages.append("\n\n".join(current))
    return passages


def _pieces(paragraph, limit):
    while len(paragraph) > limit:
        cut = paragraph.rfind(" ", limit // 2, limit)
        cut = cut if cut > 0 else limit
        yield paragraph[:cut].rstrip()
        paragraph = paragraph[cut:].lstrip()
    yield paragraph


def _read_text(path):
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name one text file.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"There is no file {path}: check the name and the folder."
        ) from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 (byte {error.start:,} cannot be read): save it as UTF-8 text."
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise ValueError(f"{path} is empty: give a text of at least {_SHORTEST_TEXT:,} characters.")
    if len(text) < _SHORTEST_TEXT:
        raise ValueError(
            f"{path} is too short ({len(text):,} characters): give at least {_SHORTEST_TEXT:,}."
        )
    return text


if __name__ == "__main__":
    print(f"{'corpus':<12}{'split':<12}{'documents':>10}{'characters':>13}")
    for corpus_name, corpus_split, count, characters in summary():
        print(f"{corpus_name:<12}{corpus_split:<12}{count:>10,}{characters:>13,}")
