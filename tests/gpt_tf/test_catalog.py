"""The catalog: every row counted, and one clear sentence for everything that can be missing."""

import dataclasses
import gzip
import hashlib
import os
import subprocess
import sys
import zipfile

import pytest

from gpt_tf import catalog

NEEDS_DATA = pytest.mark.skipif(
    not os.environ.get("GPT_TF_DATA"), reason="GPT_TF_DATA names no folder of data sets"
)
TEXTS = ("tinyshakespeare", "gutenberg", "wikitext-2")
# As the data folder's own description states them; not read from the catalog under test.
ROWS = {
    "tinyshakespeare": {"train": 40000},
    "wikitext-2": {"validation": 3760, "test": 4358},
    "sst2": {"train": 6920, "validation": 872, "test": 1821},
    "nsmc": {"train": 30000, "test": 10000, "unlabelled": 29135},
    "cola": {"train": 8551, "validation": 527, "out_of_domain": 516},
    "sick": {"train": 4500, "validation": 500, "test": 4927},
    "snli": {"validation": 9842},
    "rte": {"train": 2490, "validation": 277},
    "kor_nli": {"validation": 2490, "test": 5010},
    "stsb": {"train": 5749, "validation": 1500, "test": 1379},
    "kor_sts": {"train": 5749, "validation": 1500, "test": 1379},
    "openbookqa": {"train": 4957, "validation": 500, "test": 500, "facts": 1326},
    "dream": {"train": 6116, "validation": 2040, "test": 2041},
    "lambada": {"test": 5153},
    "nq_open": {"validation": 3610},
    "multi30k": {"train": 29000, "validation": 1014, "test": 1000},
    "gpt1_bpe": {"vocabulary": 40478, "merges": 40000},
    "gpt2_bpe": {"vocabulary": 50257, "merges": 50000},
    "korean_chatbot": {"train": 11823},
}
SUMS = (
    "two_digit_addition two_digit_subtraction two_digit_multiplication three_digit_addition "
    "three_digit_subtraction four_digit_addition four_digit_subtraction five_digit_addition "
    "five_digit_subtraction six_digit_addition six_digit_subtraction single_digit_three_ops "
    "sum_of_digits"
).split()
PUZZLES = "cycle_letters_in_word random_insertion_in_word reversed_words".split()
ROWS["gpt3_arithmetic"] = dict.fromkeys(SUMS, 2000)
ROWS["gpt3_word_scrambling"] = dict.fromkeys(PUZZLES, 10000)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """An empty data folder and an empty cache."""
    data, cache = tmp_path / "data", tmp_path / "cache"
    data.mkdir()
    monkeypatch.setenv("GPT_TF_DATA", str(data))
    monkeypatch.setenv("GPT_TF_CACHE", str(cache))
    return data, cache


def set_with(monkeypatch, **changes):
    """Puts a data set named "tiny" with one file into the catalog."""
    file = catalog.File(path="rows.tsv", split="train", rows=2, sha256="0" * 64, reader="tsv")
    file = dataclasses.replace(file, **changes)
    about = dict(title="", use="", licence="", citation="", note="")
    description = catalog.Description(
        name="tiny", columns=("text", "label"), files=(file,), **about
    )
    monkeypatch.setattr(catalog, "_read_catalog", lambda: {"tiny": description})
    return description


def served(tmp_path, content):
    """An address that needs no network."""
    source = tmp_path / "published"
    source.write_bytes(content)
    return source.as_uri()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def sentence_of(error):
    message = str(error.value)
    assert "\n" not in message and message.endswith((".", "downloaded."))
    return message


# ------------------------------------------------------------------------------------ the catalog


def test_has_the_22_sets():
    assert set(catalog.names()) == set(ROWS) | {"gutenberg"}
    assert len(catalog.names()) == 22


@pytest.mark.parametrize("name", catalog.names())
def test_describes_every_set(name):
    description = catalog.describe(name)
    assert description.title and description.licence and description.citation
    assert description.columns and description.files
    for file in description.files:
        assert len(file.sha256) == 64 and file.rows > 0
        assert file.address.startswith("https://") or (name, file.split) == ("nsmc", "unlabelled")


def test_unknown_names_name_the_known_ones():
    with pytest.raises(ValueError, match="no data set named 'sst3'.*sst2"):
        catalog.describe("sst3")
    with pytest.raises(ValueError, match="no split 'dev'.*validation"):
        catalog.load("sst2", "dev")
    with pytest.raises(ValueError, match="no file 'a.txt'.*train.tsv"):
        catalog.path("sst2", "a.txt")


@NEEDS_DATA
@pytest.mark.parametrize("name", ROWS)
def test_counts_every_row(name):
    assert catalog.describe(name).rows == ROWS[name]
    for split, count in ROWS[name].items():
        if name in TEXTS:
            assert sum(_line_ends(name, split)) == count
            continue
        rows = catalog.load(name, split)
        assert len(rows) == count
        if isinstance(rows[0], dict):
            assert set(rows[0]) == set(catalog.describe(name).columns)


def _line_ends(name, split):
    for file in catalog.describe(name).files:
        if file.split == split:
            yield catalog.path(name, file.path).read_bytes().count(b"\n")


@NEEDS_DATA
def test_counts_every_line_of_the_novels():
    for file in catalog.describe("gutenberg").files:
        assert catalog.path("gutenberg", file.path).read_bytes().count(b"\n") == file.rows


@NEEDS_DATA
def test_running_text_is_whole():
    # Characters and tokens (a line end is one) as the data folder's own description states them.
    assert len(catalog.text("tinyshakespeare")) == 1_115_394
    for split, count in (("validation", 217_646), ("test", 245_569)):
        text = catalog.text("wikitext-2", split)
        assert len(text.split()) + text.count("\n") == count


@NEEDS_DATA
def test_novels_lose_header_and_footer():
    novels = catalog.load("gutenberg")
    assert len(novels) == 10
    for novel in novels:
        assert "\r" not in novel and "\ufeff" not in novel
        assert "PROJECT GUTENBERG EBOOK" not in novel
        assert "Section 1. General Terms of Use" not in novel
    assert catalog.text("gutenberg") == "\n\n".join(novels)


@NEEDS_DATA
def test_reads_what_is_easily_misread():
    reviews = catalog.load("nsmc", "train")
    assert not any(row["document"].startswith('"""') for row in reviews)
    assert {row["label"] for row in catalog.load("korean_chatbot")} == {"0", "1", "2"}
    assert {row["label"] for row in reviews} == {"0", "1"}
    assert "\r" not in catalog.load("sick", "test")[0]["entailment_judgment"]
    assert catalog.load("openbookqa", "facts")[0] == "A bee is a pollinating animal"
    assert catalog.load("gpt2_bpe", "merges")[0] == "Ġ t"
    pair = catalog.load("multi30k", "test")[0]
    assert pair["en"].startswith("A man") and pair["de"].startswith("Ein Mann")


@NEEDS_DATA
def test_a_table_is_no_text():
    with pytest.raises(ValueError, match="sst2 .train. is a table"):
        catalog.text("sst2")


# --------------------------------------------------------------------------- where files are found


def test_looks_in_the_folder_first(folders, monkeypatch):
    content = b"good film\t1\nbad film\t0\n"
    set_with(monkeypatch, sha256=sha256(content), url="https://nowhere.invalid/rows.tsv")
    (folders[0] / "tiny").mkdir()
    (folders[0] / "tiny" / "rows.tsv").write_bytes(content)
    assert catalog.load("tiny") == [
        {"text": "good film", "label": "1"},
        {"text": "bad film", "label": "0"},
    ]


def test_downloads_once_then_reads_the_cache(folders, monkeypatch, tmp_path):
    content = b"good film\t1\nbad film\t0\n"
    set_with(monkeypatch, sha256=sha256(content), url=served(tmp_path, content))
    assert len(catalog.load("tiny")) == 2
    (tmp_path / "published").unlink()
    assert len(catalog.load("tiny")) == 2
    assert [file.name for file in (folders[1] / "tiny").iterdir()] == ["rows.tsv"]


def test_a_broken_cached_file_is_fetched_again(folders, monkeypatch, tmp_path):
    content = b"good film\t1\nbad film\t0\n"
    set_with(monkeypatch, sha256=sha256(content), url=served(tmp_path, content))
    (folders[1] / "tiny").mkdir(parents=True)
    (folders[1] / "tiny" / "rows.tsv").write_bytes(content[:7])
    assert len(catalog.load("tiny")) == 2


def test_takes_only_the_named_member_of_an_archive(folders, monkeypatch, tmp_path):
    content = b"good film\t1\nbad film\t0\n"
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("set/rows.tsv", content)
        archive.writestr("../evil.txt", b"no")
    address = (tmp_path / "archive.zip").as_uri()
    set_with(monkeypatch, sha256=sha256(content), archive=address, member="set/rows.tsv")
    assert len(catalog.load("tiny")) == 2
    assert [file.name for file in folders[1].rglob("*") if file.is_file()] == ["rows.tsv"]


def test_an_archive_without_the_member(folders, monkeypatch, tmp_path):
    address = served(tmp_path, b"no zip file")
    set_with(monkeypatch, archive=address, member="set/rows.tsv")
    with pytest.raises(ValueError, match="not a zip file that holds set/rows.tsv") as error:
        catalog.load("tiny")
    assert "GPT_TF_DATA" in sentence_of(error)
    assert list((folders[1] / "tiny").iterdir()) == []


# --------------------------------------------------------------------------------------- bad input


def test_wrong_hash_in_the_folder(folders, monkeypatch):
    set_with(monkeypatch, sha256="ab" * 32, url="https://nowhere.invalid/rows.tsv")
    (folders[0] / "tiny").mkdir()
    local = folders[0] / "tiny" / "rows.tsv"
    local.write_bytes(b"good film\t1\n")
    with pytest.raises(ValueError, match="truncated or another version") as error:
        catalog.load("tiny")
    message = sentence_of(error)
    assert str(local) in message and "ab" * 8 in message
    assert sha256(b"good film\t1\n")[:16] in message and "https://nowhere.invalid" in message
    assert local.read_bytes() == b"good film\t1\n"  # nothing is lost


def test_wrong_hash_of_a_download(folders, monkeypatch, tmp_path):
    set_with(monkeypatch, url=served(tmp_path, b"good film\t1\n"))
    with pytest.raises(FileNotFoundError, match="sha256 differs") as error:
        catalog.load("tiny")
    sentence_of(error)
    assert list((folders[1] / "tiny").iterdir()) == []


def test_no_network(folders, monkeypatch):
    address = "http://127.0.0.1:9/rows.tsv"  # nobody listens on the discard port
    set_with(monkeypatch, url=address)
    with pytest.raises(FileNotFoundError, match="could not be fetched") as error:
        catalog.load("tiny")
    message = sentence_of(error)
    for word in ("tiny", "rows.tsv", "GPT_TF_DATA", address):
        assert word in message


def test_published_nowhere(folders, monkeypatch):
    set_with(monkeypatch)
    with pytest.raises(
        FileNotFoundError, match="rows.tsv of the data set tiny is published nowhere"
    ):
        catalog.load("tiny")


def test_folder_that_does_not_exist(folders, monkeypatch):
    monkeypatch.setenv("GPT_TF_DATA", str(folders[0] / "missing"))
    with pytest.raises(FileNotFoundError, match="missing, which is no folder"):
        catalog.load("sst2")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"good film\t1\n", "has 1 rows where 2 are expected"),
        (b"good film\t1\nbad fi", "row 2, has 1 cells where 2 are expected"),
        (b"good film\t1\nbad \xff\t0\n", "truncated or not UTF-8"),
    ],
)
def test_truncated_without_a_known_hash(folders, monkeypatch, content, complaint):
    set_with(monkeypatch, published="other")
    (folders[0] / "tiny").mkdir()
    (folders[0] / "tiny" / "rows.tsv").write_bytes(content)
    with pytest.raises(ValueError, match=complaint) as error:
        catalog.load("tiny")
    assert "tiny" in sentence_of(error)


def test_another_header(folders, monkeypatch):
    set_with(monkeypatch, published="other", header=True)
    (folders[0] / "tiny").mkdir()
    (folders[0] / "tiny" / "rows.tsv").write_bytes(b"a\tb\ngood film\t1\nbad film\t0\n")
    with pytest.raises(ValueError, match="begins with the columns"):
        catalog.load("tiny")


def test_truncated_gzip_json_and_novel(folders, monkeypatch):
    (folders[0] / "tiny").mkdir()
    whole = gzip.compress(b"one\ntwo\n")
    cases = [
        ("rows.gz", "lines", whole[:-6], "truncated or not UTF-8"),
        ("rows.jsonl", "jsonl", b'{"a": 1}\n{"a": ', "row 2 is not whole JSON"),
        ("novel.txt", "novel", b"*** START OF IT\nOnce", "'[*]{3} END OF'"),
    ]
    for name, reader, content, complaint in cases:
        set_with(monkeypatch, path=name, reader=reader, published="other")
        (folders[0] / "tiny" / name).write_bytes(content)
        with pytest.raises(ValueError, match=complaint):
            catalog.load("tiny")


def test_both_known_versions_of_a_rebuilt_set_are_taken(folders, monkeypatch):
    (folders[0] / "tiny").mkdir()
    set_with(monkeypatch, published="other", rows=2, published_rows=3)
    for count in (2, 3):
        (folders[0] / "tiny" / "rows.tsv").write_text("film\t1\n" * count, encoding="utf-8")
        assert len(catalog.load("tiny")) == count


def test_import_is_light():
    code = "import sys, gpt_tf.catalog, gpt_tf.corpora, gpt_tf.tasks; print('keras' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=catalog._FOLDER.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "False"
