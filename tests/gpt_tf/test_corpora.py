"""The corpora: clean prose, nothing in two splits, and a cache that mends itself."""

import importlib.util
import os
import pathlib

import pytest

from gpt_tf import catalog, corpora

NEEDS_DATA = pytest.mark.skipif(
    not os.environ.get("GPT_TF_DATA"), reason="GPT_TF_DATA names no folder of data sets"
)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Three packages of a few files in place of the installed ones, and an empty cache."""
    monkeypatch.setenv("GPT_TF_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "package"
    source.mkdir()
    for i in range(400):
        body = f'"""The number {_words(i)} is the one that this module is about, and no other.\n\n'
        body += 'All rights are kept by the people who wrote this small package.\n"""\n'
        (source / f"module{i}.py").write_text(body, encoding="utf-8")
    (source / "broken.py").write_text("def f(:\n", encoding="utf-8")
    monkeypatch.setattr(corpora, "_PACKAGES", ("numpy",))
    monkeypatch.setattr(corpora, "_package_folder", lambda name: source)
    return source


def _words(number):
    names = "zero one two three four five six seven eight nine".split()
    return " ".join(names[int(digit)] for digit in f"{number:03d}")


def paragraphs(documents):
    return {corpora._normalise(p) for text in documents for p in text.split("\n\n")}


# ---------------------------------------------------------------------------------------- cleaning


def test_keeps_sentences_and_drops_the_rest():
    docstring = """Computes the ``mean`` of a :class:`Tensor`, see `the guide <https://a.b>`_.

    The result is **always** finite, and the [norm](https://c.d) of it is at most one.

        code = that(is_indented)

    >>> mean([1, 2])
    1.5

    ```python
    The fence hides this sentence of code, although it reads well.
    ```

    .. note:: This directive goes away with its sentence.

    It has two uses:

    * The first one is to be read by people.
    * The second one is to be forgotten
      by all the others.

    Args:
        x: float tensor.
        axis: An int. It must be smaller than the rank of the tensor.

    Returns:
        A tensor.

    Example:

        The example is not kept, as it explains some code.
    """
    cleaned = corpora.clean_docstring(docstring)
    assert "Computes the mean of a Tensor, see the guide." in cleaned
    assert "The result is always finite, and the norm of it is at most one." in cleaned
    assert "The first one is to be read by people." in cleaned
    assert "The second one is to be forgotten by all the others." in cleaned
    assert "It must be smaller than the rank of the tensor." in cleaned
    for gone in (
        "code",
        "mean([",
        "1.5",
        "directive",
        "float tensor",
        "A tensor",
        "example",
        "`",
        "*",
    ):
        assert gone not in cleaned


def test_drops_numpy_tables_of_parameters():
    docstring = """Return the median of an array.

    Parameters
    ----------
    a : array_like
        The input. It will be converted to an array if it is none.
    axis : int

    See Also
    --------
    mean : The other one is not kept here.

    Notes
    -----
    The median of an even number of values is the mean of the middle two.
    """
    cleaned = corpora.clean_docstring(docstring)
    assert cleaned.startswith("Return the median of an array.")
    assert cleaned.endswith("The median of an even number of values is the mean of the middle two.")
    assert "array_like" not in cleaned and "other one" not in cleaned and "---" not in cleaned


# ---------------------------------------------------------------------------------- the docstrings


def test_no_docstring_and_no_paragraph_is_in_both_splits(small):
    train, validation = corpora.docstrings("train"), corpora.docstrings("validation")
    assert len(train) + len(validation) == 400
    assert 5 <= len(validation) <= 45  # about 5%
    assert not paragraphs(train) & paragraphs(validation)
    everything = "\n\n".join(train + validation)
    assert everything.count("All rights are kept") == 1  # a repeated paragraph is kept once


def test_a_docstring_keeps_its_split_when_others_come_and_go(small):
    before = set(corpora.docstrings("validation"))
    for file in list(small.iterdir())[:200]:
        file.unlink()
    for cached in catalog.cache_dir().iterdir():
        cached.unlink()
    after = corpora.docstrings("train")
    assert before.isdisjoint(after)


def test_a_truncated_cache_is_built_again(small):
    first = corpora.docstrings("train")
    (cached,) = catalog.cache_dir().iterdir()
    whole = cached.read_bytes()
    cached.write_bytes(whole[: len(whole) // 2])
    assert corpora.docstrings("train") == first
    assert cached.read_bytes() == whole
    cached.write_bytes(b"")
    assert corpora.docstrings("train") == first


def test_the_cache_is_read(small, monkeypatch):
    first = corpora.docstrings("train")
    monkeypatch.setattr(corpora, "_collect_docstrings", lambda: pytest.fail("collected again"))
    assert corpora.docstrings("train") == first


def test_a_cache_that_cannot_be_written_is_no_failure(small, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GPT_TF_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="GPT_TF_CACHE"):
        assert len(corpora.docstrings("train")) > 300


def test_real_packages_give_english(tmp_path, monkeypatch):
    """One package suffices: all of them take a minute."""
    monkeypatch.setenv("GPT_TF_CACHE", str(tmp_path))
    (folder,) = importlib.util.find_spec("numpy").submodule_search_locations
    monkeypatch.setattr(corpora, "_PACKAGES", ())
    monkeypatch.setattr(corpora, "_package_folder", lambda name: pathlib.Path(folder))
    train, validation = corpora.docstrings("train"), corpora.docstrings("validation")
    assert len(train) > 500 and sum(map(len, train)) > 200_000 and validation
    assert not paragraphs(train) & paragraphs(validation)
    text = " ".join(train).lower()
    assert ">>>" not in text and "::" not in text and "array_like\n" not in text
    assert text.count(" the ") > 0.02 * len(text.split())


def test_unknown_split():
    with pytest.raises(ValueError, match="no split 'dev'.*train, validation"):
        corpora.docstrings("dev")
    with pytest.raises(ValueError, match="no split 'dev'.*test"):
        corpora.real("dev")


# ---------------------------------------------------------------------------------------- real text


@NEEDS_DATA
def test_novels_keep_a_whole_book_apart():
    found = {split: corpora.novels(split) for split in ("train", "validation", "test")}
    assert all("The Time Traveller" not in text for text in found["train"] + found["validation"])
    assert any("The Time Traveller" in text for text in found["test"])
    assert not set(found["train"]) & set(found["validation"])
    for words in ("Mr. Darcy", "Count Dracula", "First Citizen"):
        assert any(words in text for text in found["train"])
    with pytest.raises(ValueError, match="split"):
        corpora.novels("all")


@NEEDS_DATA
def test_real_text_keeps_documents_apart():
    splits = {split: corpora.real(split) for split in ("train", "validation", "test")}
    assert len(splits["train"]) > 500 and 10 < len(splits["validation"]) < 100
    long = {
        split: {p for p in paragraphs(documents) if len(p) >= 80}
        for split, documents in splits.items()
    }
    assert not long["train"] & long["validation"]
    assert not long["train"] & long["test"]
    for documents in splits.values():
        assert not any("<unk>" in text or "\r" in text or " @-@ " in text for text in documents)


@NEEDS_DATA
def test_chapters_are_whole():
    documents = corpora.real("train") + corpora.real("validation")
    alice = [text for text in documents if text.startswith("CHAPTER I. Down the Rabbit-Hole")]
    assert len(alice) == 1 and alice[0].count("\n\n") > 10
    assert len({text for text in documents if text.startswith("Chapter ")}) > 50


# ---------------------------------------------------------------------------------- a file of yours


def write(tmp_path, content):
    file = tmp_path / "mine.txt"
    file.write_bytes(content)
    return file


def test_own_text_is_split_by_passage(tmp_path):
    text = "\r\n\r\n".join(f"This is paragraph number {i} of my own book." for i in range(2000))
    train, validation = corpora.text_file(write(tmp_path, b"\xef\xbb\xbf" + text.encode()))
    assert len(validation) == pytest.approx(len(train) / 9, abs=1)
    assert not paragraphs(train) & paragraphs(validation)
    assert train[0].startswith("This is paragraph number 0") and "\r" not in train[0]
    everything = "\n\n".join(train + validation)
    assert all(f"number {i} of" in everything for i in range(2000))


@pytest.mark.parametrize("gap", ["", " "])
def test_own_text_without_paragraphs(tmp_path, gap):
    text = gap.join(f"word{i}" for i in range(3000))
    train, validation = corpora.text_file(write(tmp_path, text.encode()))
    assert train and validation
    assert max(map(len, train + validation)) <= 6000


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b" \n\n ", "is empty"),
        (b"Too short.", r"is too short \(10 characters\)"),
        ("Größe ".encode("latin-1") * 500, "is not UTF-8"),
        ((b"The same again. " * 10 + b"\n\n") * 50, "repeats one passage"),
    ],
)
def test_own_text_that_cannot_be_used(tmp_path, content, complaint):
    with pytest.raises(ValueError, match=complaint) as error:
        corpora.text_file(write(tmp_path, content))
    assert "mine.txt" in str(error.value) and "\n" not in str(error.value)


def test_own_text_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file .*absent.txt"):
        corpora.text_file(tmp_path / "absent.txt")
    with pytest.raises(ValueError, match="is a folder"):
        corpora.text_file(tmp_path)


def test_sentences_end_before_a_capital_letter():
    text = "It rains. Take a coat, e.g. Mine.  Is it 3.5 or 4.0? Yes"
    assert corpora.split_sentences(text) == [
        "It rains.",
        "Take a coat, e.g. Mine.",
        "Is it 3.5 or 4.0?",
        "Yes",
    ]
    assert corpora.split_sentences(" ") == []
