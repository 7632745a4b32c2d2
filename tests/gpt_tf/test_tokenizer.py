"""The tokenizer against the `tokenizers` library, an implementation by others, and bad input."""

import json
import os
import pathlib
import random

import numpy as np
import pytest
import tokenizers
from reference import bpe as reference

from gpt_tf import parts
from gpt_tf.tokenizer import Tokenizer

PAGE = """\
It's a small page, and it doesn't have much to say:
"We've 3 cats," she'd said, 'they'll eat 12½ fish'!
Don't SHOUT. I'M HERE, WE'RE NOT... naïve café — coöperation;
Ångström, Σίσυφος ΣΑΣ, İstanbul, straße.

오늘 아침에는 비가 와서 버스를 타고 학교에 갔습니다. (정말?) 값은 3,500원이에요 ㅋㅋㅋ
中文也有一句。日本語のカタカナも。 عربى ١٢٣ हिन्दी 3rd x² Ⅷ

def area(width, height=1.5):\n\treturn {"w": width ** 2, 'h': [height] * 10}  # TODO: 100%
    $x_y != `z`
    if a<=b and not c: print(f"{a:>10}\\n", end='')\r\n
🙂🙂 🚀→☕ 🌧️ 👩‍🔬 🥰 🫠 ½ ™ © \u200b\u00a0\u3000\ufeff \x00\x1c\x85 \ufffd \ue000
the end  \n\n\n  """
EDGES = ["", " ", "  ", "\n", "\n\n", "a\n\nb", "a\n b", " \n a", "a  b", "a   b ", "\t\ta", "x \t"]
EDGES += [
    "don't",
    "DON'T",
    "'s",
    "''s",
    "' s",
    "it's's",
    "'re're",
    "don’t",
    "I'll've",
    "<unk>",
    "</w>",
]
EDGES += [
    "<|endoftext|>",
    "a<|endoftext|>b",
    "٣٬٤",
    "\u066c",
    "\u096c",
    "한",
    "ㅎ",
    "e\u0301",
    "🏳️‍🌈",
]
EDGES += ["\x00", "\x1c", "a\x85b", "a\u2028b", "a\u00a0b", "\u3000", "\ufeff", "_", "a_b", "1_000"]
DOCUMENTS = [
    "The weather is fine today, and tomorrow it isn't. The cats don't mind the weather!",
    "def f(x):\n    return x + 1\n\n\nprint(f(10), f(100), f(1000))\n",
    "오늘은 날씨가 좋아요. 내일은 날씨가 나빠요. 고양이는 날씨를 몰라요.",
    "aaa aaaa aaaaaaa aaaaa banana bananas 🙂🙂🙂",
]


def oracle(tokenizer):
    """The `tokenizers` library with the same vocabulary and merges."""
    gpt1 = tokenizer.kind == "gpt1"
    ending = {"end_of_word_suffix": "</w>", "unk_token": "<unk>"} if gpt1 else {}
    model = tokenizers.models.BPE(tokenizer.vocabulary, list(tokenizer.merges), **ending)
    judge = tokenizers.Tokenizer(model)
    if gpt1:
        judge.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
        judge.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
        judge.decoder = tokenizers.decoders.BPEDecoder(suffix="</w>")
    else:
        judge.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        judge.decoder = tokenizers.decoders.ByteLevel()
    return judge


def random_texts(number=300, seed=0):
    draw = random.Random(seed)
    alphabet = list(" \n\t'aAbst10.!-_é한글日🙂\u0301\u200d½$") + ["  ", "'s", "'re", " the", "ing"]
    return ["".join(draw.choices(alphabet, k=draw.randint(1, 30))) for _ in range(number)]


def assert_same(tokenizer, texts):
    judge = oracle(tokenizer)
    for text in texts:
        assert tokenizer.encode(text) == judge.encode(text).ids, repr(text)


def published(name, *files):
    folder = os.environ.get("GPT_TF_DATA")
    paths = [pathlib.Path(folder or "") / name / file for file in files]
    if not folder or not all(path.is_file() for path in paths):
        pytest.skip(f"{name} is not in the folder that GPT_TF_DATA names")
    return Tokenizer.from_files(*paths, kind=name.removesuffix("_bpe"))


@pytest.fixture(scope="module")
def gpt2():
    return published("gpt2_bpe", "encoder.json", "vocab.bpe")


@pytest.fixture(scope="module")
def gpt1():
    return published("gpt1_bpe", "encoder_bpe_40000.json", "vocab_40000.bpe")


@pytest.fixture(scope="module")
def small():
    return Tokenizer.train(DOCUMENTS, 400, special_tokens=["<|endoftext|>", "start"])


@pytest.fixture(scope="module")
def small_gpt1(tmp_path_factory):
    """A vocabulary of GPT-1's kind, trained here and read from two files like the published one."""
    words = {}
    for word in " ".join(DOCUMENTS).lower().split():
        key = (*word[:-1], word[-1] + "</w>")
        words[key] = words.get(key, 0) + 1
    merges = parts.train_bpe(words, 80)
    symbols = sorted({symbol for word in words for symbol in word})
    made = ["".join(pair) for pair in merges]
    return Tokenizer.from_files(
        *write_files(tmp_path_factory.mktemp("gpt1"), ["<unk>", *symbols, *made], merges), "gpt1"
    )


def write_files(folder, tokens, merges):
    encoder, bpe = folder / "encoder.json", folder / "vocab.bpe"
    encoder.write_text(json.dumps({token: i for i, token in enumerate(tokens)}), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    bpe.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return encoder, bpe


def small_files(folder, tokenizer):
    tokens = sorted(tokenizer.vocabulary, key=tokenizer.vocabulary.get)
    return write_files(folder, [*tokens, "<|endoftext|>"], tokenizer.merges)


class TestPublished:
    def test_gpt2_is_exact(self, gpt2):
        assert gpt2.vocabulary_size == 50257
        assert gpt2.token_id("<|endoftext|>") == 50256
        assert_same(gpt2, [PAGE, *PAGE.split("\n"), *EDGES, *random_texts()])

    def test_gpt2_comes_back(self, gpt2):
        for text in [PAGE, *EDGES, *random_texts()]:
            assert gpt2.decode(gpt2.encode(text)) == text

    def test_gpt1_is_exact(self, gpt1):
        assert gpt1.vocabulary_size == 40478
        assert_same(gpt1, [PAGE, *PAGE.split("\n"), *EDGES, *random_texts()])

    def test_gpt1_comes_back_in_small_letters(self, gpt1):
        for text in [PAGE, *EDGES]:
            ids = gpt1.encode(text)
            assert gpt1.decode(ids) == oracle(gpt1).decode(ids, skip_special_tokens=False)
        assert gpt1.decode(gpt1.encode("The  Cat sat.")) == "the cat sat ."

    def test_gpt2_ids_in_the_order_of_the_bytes(self, gpt2):
        assert list(gpt2.vocabulary)[:256] == list(parts.bytes_to_unicode().values())


class TestTrained:
    def test_same_ids_from_the_same_merges(self, small, small_gpt1):
        assert_same(small, [PAGE, *EDGES, *DOCUMENTS, *random_texts()])
        assert_same(small_gpt1, [PAGE, *EDGES, *DOCUMENTS, *random_texts()])

    def test_same_ids_through_files(self, small, tmp_path):
        read = Tokenizer.from_files(*small_files(tmp_path, small))
        assert read.special_tokens == {"<|endoftext|>": len(small.vocabulary)}
        assert [read.encode(t) for t in [PAGE, *EDGES]] == [small.encode(t) for t in [PAGE, *EDGES]]

    def test_every_text_comes_back(self, small):
        for text in [PAGE, *EDGES, *random_texts()]:
            assert small.decode(small.encode(text)) == text

    def test_merges_equal_a_naive_recount(self):
        draw = random.Random(4)
        for _ in range(20):
            words = {
                "".join(draw.choices("abcde", k=draw.randint(1, 12))): draw.randint(1, 30)
                for _ in range(80)
            }
            assert parts.train_bpe(words, 150) == reference.train(words, 150)

    def test_training_does_not_depend_on_the_order(self, small):
        again = Tokenizer.train(DOCUMENTS[::-1], 400, ["<|endoftext|>", "start"])
        assert again.merges == small.merges

    def test_cut_list_of_merges_is_the_smaller_vocabulary(self, small):
        smaller = Tokenizer.train(DOCUMENTS, 300)
        assert Tokenizer.from_merges(small.merges[:44]).vocabulary == smaller.vocabulary

    def test_no_more_pairs_than_there_are(self):
        tokenizer = Tokenizer.train(["ab ab"], 1000)
        assert tokenizer.vocabulary_size == 256 + len(tokenizer.merges) < 1000

    def test_one_id_for_a_token_made_twice(self):
        tokenizer = Tokenizer.from_merges([("a", "b"), ("ab", "c"), ("b", "c"), ("a", "bc")])
        assert tokenizer.vocabulary_size == 256 + 3
        assert_same(tokenizer, ["abc", "bc", "aabcbc"])

    def test_pre_tokens_are_cut_no_further(self):
        # The tokenizer encodes pre-token by pre-token, which is right only if this holds.
        for text in [PAGE, *EDGES, *random_texts()]:
            for piece in parts.pre_tokenize(text):
                assert parts.pre_tokenize(piece) == [piece]


class TestSpecialTokens:
    def test_ids_at_the_end(self, small):
        assert small.token_id("<|endoftext|>") == small.vocabulary_size - 2
        assert small.token_id("start") == small.vocabulary_size - 1

    def test_ordinary_text_never_gives_them(self, small):
        special = set(small.special_tokens.values())
        tokenizer = Tokenizer.train(["start " * 9, " start" * 9], 300, ["start"])
        for text in [PAGE, *EDGES, "start", " start", "<|endoftext|>start<|endoftext|>"]:
            assert not special & set(small.encode(text))
            assert tokenizer.token_id("start") not in tokenizer.encode(text)

    def test_decoded_with_their_names(self, small):
        end = small.token_id("<|endoftext|>")
        ids = [*small.encode("한 day"), end, end, *small.encode(" 🙂")]
        assert small.decode(ids) == "한 day<|endoftext|><|endoftext|> 🙂"

    @pytest.mark.parametrize("names", ["<|endoftext|>", ["a", "b", "a"]])
    def test_bad_names(self, names):
        with pytest.raises(ValueError, match="special"):
            Tokenizer.train(DOCUMENTS, 400, special_tokens=names)

    def test_unknown_name(self, small):
        with pytest.raises(ValueError, match="'<pad>'.*<|endoftext|>, start"):
            small.token_id("<pad>")


class TestInterface:
    def test_documents(self, small):
        encoded = small.encode_documents([*DOCUMENTS, ""])
        assert [a.dtype for a in encoded] == [np.int32] * 5
        assert [a.tolist() for a in encoded] == [small.encode(d) for d in [*DOCUMENTS, ""]]
        assert small.decode(encoded[0]) == DOCUMENTS[0]

    def test_half_a_character(self, small):
        plain = Tokenizer.from_merges([])
        assert plain.decode(plain.encode("a한")[:2]) == "a\N{REPLACEMENT CHARACTER}"

    def test_save_and_load(self, small, small_gpt1, tmp_path):
        for tokenizer in (small, small_gpt1):
            tokenizer.save(tmp_path / "deep" / "tokenizer.json")
            loaded = Tokenizer.load(tmp_path / "deep" / "tokenizer.json")
            assert vars(loaded) | {"_known": {}} == vars(tokenizer) | {"_known": {}}
            assert loaded.encode(PAGE) == tokenizer.encode(PAGE)

    def test_one_string_is_one_document(self):
        assert Tokenizer.train("ab ab", 257).merges == Tokenizer.train(["ab ab"], 257).merges


class TestBadInput:
    @pytest.mark.parametrize("texts", [[], [""], "", ["", ""]])
    def test_empty_training_text(self, texts):
        with pytest.raises(ValueError, match="training text is empty"):
            Tokenizer.train(texts, 300)

    def test_vocabulary_too_small(self):
        with pytest.raises(ValueError, match="256 bytes and 2 special tokens need 258"):
            Tokenizer.train(DOCUMENTS, 257, ["a", "b"])

    def test_no_text(self, small):
        with pytest.raises(TypeError, match="one str, not a list"):
            small.encode(["a"])

    @pytest.mark.parametrize("ids", [[400], [-1], [0, 10**9]])
    def test_id_out_of_range(self, small, ids):
        with pytest.raises(ValueError, match=f"no token {ids[-1]}: .* 0 to"):
            small.decode(ids)

    def test_kind(self, small, tmp_path):
        with pytest.raises(ValueError, match="kind 'gpt3'"):
            Tokenizer.from_files(*small_files(tmp_path, small), kind="gpt3")

    def test_missing_files(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="no file .*encoder.json"):
            Tokenizer.from_files(tmp_path / "encoder.json", tmp_path / "vocab.bpe")
        with pytest.raises(FileNotFoundError, match="no file .*mine.json"):
            Tokenizer.load(tmp_path / "mine.json")

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
    def test_truncated_vocabulary(self, small, tmp_path, share):
        encoder, bpe = small_files(tmp_path, small)
        truncate(encoder, share)
        with pytest.raises(ValueError, match="encoder.json .* cut short"):
            Tokenizer.from_files(encoder, bpe)

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.99])
    def test_truncated_merges(self, small, tmp_path, share):
        encoder, bpe = small_files(tmp_path, small)
        truncate(bpe, share)
        with pytest.raises(
            ValueError, match="vocab.bpe.*(no merge for|not a merge|cut short)|The merge .* cut"
        ):
            Tokenizer.from_files(encoder, bpe)

    def test_files_that_do_not_belong_together(self, small, tmp_path):
        other = Tokenizer.train(["other words, another list"], 290)
        (tmp_path / "a").mkdir()
        encoder, _ = small_files(tmp_path / "a", small)
        _, bpe = small_files(tmp_path, other)
        with pytest.raises(ValueError, match="belong"):
            Tokenizer.from_files(encoder, bpe)

    @pytest.mark.parametrize("content", ["[1, 2]", '{"a": "b"}', '{"a": 1, "b": 1}', "\udcff"])
    def test_no_vocabulary(self, small, tmp_path, content):
        encoder, bpe = small_files(tmp_path, small)
        encoder.write_bytes(content.encode("utf-8", errors="surrogateescape"))
        with pytest.raises(ValueError, match="no vocabulary|not UTF-8"):
            Tokenizer.from_files(encoder, bpe)

    @pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
    def test_truncated_tokenizer(self, small, tmp_path, share):
        small.save(tmp_path / "mine.json")
        truncate(tmp_path / "mine.json", share)
        with pytest.raises(ValueError, match="mine.json .* cut short"):
            Tokenizer.load(tmp_path / "mine.json")

    @pytest.mark.parametrize("content", ['{"format": 99}', '{"format": 1, "kind": "gpt2"}', "[]"])
    def test_some_other_json(self, tmp_path, content):
        (tmp_path / "mine.json").write_text(content)
        with pytest.raises(ValueError, match="mine.json is not a tokenizer"):
            Tokenizer.load(tmp_path / "mine.json")


def truncate(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
