"""Text to token ids and back, with the functions that you build in lab 02.

`Tokenizer.train` learns a byte-level vocabulary as GPT-2's was learned; `Tokenizer.from_files`
reads a published one. Counting, merging, encoding and decoding are `gpt_tf.parts`: your own answers
to lab 02, or the solution's. What is here is the rest: special tokens, files, a cache, progress.
"""

import collections
import itertools
import json
import pathlib
import unicodedata

import numpy as np
import regex
from tqdm import tqdm

from gpt_tf import parts
from gpt_tf.course import layout

KINDS = ("gpt1", "gpt2")
_FORMAT = 1
_FIELDS = ("kind", "vocabulary", "merges", "special_tokens")
_END_OF_WORD = "</w>"
_UNKNOWN = "<unk>"
_AGAIN = "fetch both files again"


class Tokenizer:
    """A byte-pair encoding with its vocabulary (GPT-1, section 4.1; GPT-2, section 2.2).

    Make one with `Tokenizer.train`, `Tokenizer.from_merges`, `Tokenizer.from_files` or
    `Tokenizer.load`. Pre-tokens are remembered once they are encoded, since texts repeat them.

    Args:
        vocabulary: dict {token: id}, str to int, without the special tokens.
        merges: list of (str, str), in the order in which they were learned.
        special_tokens: dict {name: id}, or None. No text is ever encoded to these ids.
        kind: "gpt2" (bytes, nothing is unknown) or "gpt1" (small letters, "</w>" at the end of a
            word, "<unk>" for a character that the vocabulary does not have).

    Raises:
        ValueError: another kind, two tokens with the same id, or a merge whose token has none.

    Example:
        >>> tokenizer = Tokenizer.train(["low lower"], vocabulary_size=258)
        >>> tokenizer.decode(tokenizer.encode("lowest"))
        'lowest'
    """

    def __init__(self, vocabulary, merges, special_tokens=None, kind="gpt2"):
        if kind not in KINDS:
            raise ValueError(f"There is no kind {kind!r} of tokenizer; choose one of {KINDS}.")
        self.kind = kind
        self.vocabulary = dict(vocabulary)
        self.merges = tuple(tuple(pair) for pair in merges)
        self.special_tokens = dict(special_tokens or {})
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._tokens = {i: token for token, i in self.vocabulary.items()}
        self._names = {i: name for name, i in self.special_tokens.items()}
        if len(self._tokens | self._names) != self.vocabulary_size:
            raise ValueError("Two tokens of the vocabulary have the same id; make it again.")
        lost = next((pair for pair in self.merges if "".join(pair) not in self.vocabulary), None)
        if lost is not None:
            raise ValueError(
                f"The merge {' '.join(lost)!r} makes a token that the vocabulary does not have: "
                "one of the two is cut short, or they belong to different vocabularies."
            )
        self._known = {}

    @classmethod
    def train(cls, texts, vocabulary_size, special_tokens=()):
        """Learns a byte-level vocabulary from texts, with a progress bar.

        Ids 0 to 255 are the bytes in the order of `parts.bytes_to_unicode`, then come the merges
        in their order, then the special tokens.

        Args:
            texts: iterable of str, the documents (or one str).
            vocabulary_size: int, number of tokens with bytes and special tokens; it gets smaller
                where the texts have no more pairs to merge, or where two merges make one token.
            special_tokens: list of str, names such as "<|endoftext|>".

        Returns:
            Tokenizer.

        Raises:
            ValueError: empty texts, a vocabulary_size too small, or a special name twice.
        """
        num_merges = vocabulary_size - 256 - len(_names_of(special_tokens))
        if num_merges < 0:
            raise ValueError(
                f"vocabulary_size {vocabulary_size} is too small: 256 bytes and "
                f"{len(special_tokens)} special tokens need {vocabulary_size - num_merges}."
            )
        texts = [texts] if isinstance(texts, str) else texts
        pre_tokenize, words = parts.pre_tokenize, collections.Counter()
        for text in tqdm(texts, desc="words", unit="document", delay=1):
            words.update(pre_tokenize(text))
        if not words:
            raise ValueError("The training text is empty: give at least one document with text.")
        stand_in = parts.bytes_to_unicode()
        in_bytes = {"".join(stand_in[b] for b in w.encode("utf-8")): n for w, n in words.items()}
        return cls.from_merges(parts.train_bpe(in_bytes, num_merges), special_tokens)

    @classmethod
    def from_merges(cls, merges, special_tokens=()):
        """Makes a byte-level tokenizer of a list of merges, with ids as in `train`.

        Args:
            merges: list of (str, str), as `parts.train_bpe` gives it, or the first part of it.
            special_tokens: list of str, names such as "<|endoftext|>".

        Returns:
            Tokenizer.

        Raises:
            ValueError: a special name twice, or one str in place of a list.
        """
        # Two ways to the same token give it one id, and the earlier merge goes first.
        merges = list(dict.fromkeys(tuple(pair) for pair in merges))
        tokens = [*parts.bytes_to_unicode().values(), *("".join(pair) for pair in merges)]
        vocabulary = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
        names = enumerate(_names_of(special_tokens), len(vocabulary))
        return cls(vocabulary, merges, {name: i for i, name in names})

    @classmethod
    def from_files(cls, encoder_json, merges_bpe, kind="gpt2"):
        """Reads a published vocabulary; `gpt_tf.catalog` has GPT-1's and GPT-2's.

        GPT-2's ids are exactly those of the released model. GPT-1's are those of the `tokenizers`
        library with BERT's cleaning and splitting, as GPT-1 is run today. The authors cleaned
        their text otherwise, and this leaves it out: `ftfy` mended broken characters; long dashes,
        ellipses and slanting quotes became "-", "..." and "'"; line ends and some marks were set
        apart by spaces, line ends staying as a token of their own; and spaCy split the words, so
        that "don't" became "do" and "n't". Accents stayed, where here they are taken off.

        Args:
            encoder_json: path of the JSON file {token: id}.
            merges_bpe: path of the merges, one "left right" a line, below a version line.
            kind: "gpt2" or "gpt1".

        Returns:
            Tokenizer. Tokens of the file that no text can give, such as "<|endoftext|>", are its
            special tokens.

        Raises:
            FileNotFoundError: a file is missing.
            ValueError: a file is cut short or no such file, the two do not belong together, or
                another kind.
        """
        encoder = _read_json(encoder_json, f"it is cut short or no vocabulary; {_AGAIN}")
        if not _is_vocabulary(encoder):
            raise ValueError(f"{encoder_json} holds no vocabulary {{token: id}}; {_AGAIN}.")
        merges = _read_merges(merges_bpe)
        made = {"".join(pair) for pair in merges} | {_UNKNOWN}
        suffix = _END_OF_WORD if kind == "gpt1" else ""
        others = [t for t in encoder if t not in made and len(t.removesuffix(suffix)) != 1]
        unmade = [t for t in others if not regex.fullmatch(r"<.+>", t)]
        if unmade:
            raise ValueError(
                f"{merges_bpe} has no merge for {len(unmade):,} tokens of the vocabulary, such as "
                f"{unmade[0]!r}: it is cut short, or belongs to another one; {_AGAIN}."
            )
        special = {name: encoder.pop(name) for name in others}
        return cls(encoder, merges, special, kind)

    @property
    def vocabulary_size(self):
        """int, number of tokens, special tokens included."""
        return len(self.vocabulary) + len(self.special_tokens)

    def token_id(self, name):
        """Returns the id of a special token.

        Args:
            name: str, such as "<|endoftext|>".

        Raises:
            ValueError: there is no special token of that name; the message lists those there are.
        """
        if name not in self.special_tokens:
            known = ", ".join(self.special_tokens) or "none"
            raise ValueError(
                f"There is no special token {name!r} (there are: {known}); "
                "name it in special_tokens when you train the tokenizer."
            )
        return self.special_tokens[name]

    def encode(self, text):
        """Turns a text into ids; the name of a special token in it is text like any other.

        Args:
            text: str.

        Returns:
            List of int.

        Raises:
            TypeError: not a str.

        Example:
            >>> Tokenizer.from_merges([("l", "o")]).encode("lo")
            [256]
        """
        if not isinstance(text, str):
            raise TypeError(
                f"encode takes one str, not a {type(text).__name__}; "
                "encode_documents takes a list of them."
            )
        pieces, known = self._pieces(text), self._known
        new = [piece for piece in dict.fromkeys(pieces) if piece not in known]
        if new:
            known.update(zip(new, self._encode_pieces(new), strict=True))
        return [i for piece in pieces for i in known[piece]]

    def encode_documents(self, texts):
        """Encodes many documents, with a progress bar.

        Args:
            texts: list of str.

        Returns:
            List of int32 arrays, one a document, of shape (number of its tokens,).
        """
        bar = tqdm(texts, desc="encode", unit="document", delay=1)
        return [np.asarray(self.encode(text), "int32") for text in bar]

    def decode(self, ids):
        """Turns ids back into text; special tokens are written with their names.

        Args:
            ids: list or array of int, of shape (number of tokens,).

        Returns:
            Str. For "gpt2" it is the very text that was encoded, and bytes that are no UTF-8 become
            U+FFFD; for "gpt1" it has small letters and spaces between words.

        Raises:
            ValueError: an id that the vocabulary does not have.

        Example:
            >>> Tokenizer.from_merges([("l", "o")]).decode([256])
            'lo'
        """
        ids = [int(i) for i in ids]
        unknown = next((i for i in ids if i not in self._tokens and i not in self._names), None)
        if unknown is not None:
            raise ValueError(
                f"There is no token {unknown}: this vocabulary has the ids 0 to "
                f"{self.vocabulary_size - 1:,}; decode with the tokenizer that encoded the text."
            )
        text = ""
        for special, run in itertools.groupby(ids, key=self._names.__contains__):
            run = list(run)
            text += "".join(self._names[i] for i in run) if special else self._text_of(run)
        return text

    def save(self, path):
        """Writes everything to one JSON file, whole or not at all.

        Args:
            path: str or path; `Tokenizer.load(path)` reads it.
        """
        content = {"format": _FORMAT} | {field: getattr(self, field) for field in _FIELDS}
        layout.write(path, json.dumps(content, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote.

        Args:
            path: str or path.

        Returns:
            Tokenizer.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is cut short, or not a tokenizer's.
        """
        content = _read_json(path, "it is cut short or no tokenizer; save it again")
        ours = isinstance(content, dict) and content.pop("format", None) == _FORMAT
        if not ours or set(content) != set(_FIELDS):
            raise ValueError(
                f"{path} is not a tokenizer that this version can read; save it again."
            )
        return cls(**content)

    def _pieces(self, text):
        if self.kind == "gpt2":
            return parts.pre_tokenize(text)
        return regex.findall(rf"[^\s{_MARKS}]+|[{_MARKS}]", _clean(text))

    def _encode_pieces(self, pieces):
        if self.kind == "gpt2":
            # A pre-token is cut no further, so this encodes one at a time.
            encode = parts.bpe_encode
            return [encode(piece, self.vocabulary, self._ranks) for piece in pieces]
        apply_merges, unknown = parts.apply_merges, self.vocabulary[_UNKNOWN]
        words = [[*piece[:-1], piece[-1] + _END_OF_WORD] for piece in pieces]
        return [
            [self.vocabulary.get(token, unknown) for token in apply_merges(word, self._ranks)]
            for word in words
        ]

    def _text_of(self, ids):
        if self.kind == "gpt2":
            return parts.bpe_decode(ids, self._tokens)
        words = "".join(self._tokens[i] for i in ids)
        return words.removesuffix(_END_OF_WORD).replace(_END_OF_WORD, " ")


# BERT's marks: Unicode's punctuation, and what looks like it in ASCII.
_MARKS = r"\p{P}$+<=>^`|~"
# Characters that BERT sets apart by spaces. The gap before U+2B920 is as it was published.
_CHINESE = (
    "\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f"
    "\U0002b740-\U0002b81f\U0002b920-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f"
)


def _clean(text):
    """Cleans a text as BERT does: no control characters, no accents, small letters."""
    text = regex.sub(r"[\t\n\r]", " ", text)
    text = regex.sub(r"[\p{Cc}\p{Cf}\p{Co}\uFFFD]", "", text)
    text = regex.sub(f"([{_CHINESE}])", r" \1 ", text)
    text = regex.sub(r"\p{Mn}", "", unicodedata.normalize("NFD", text))
    # One by one, because a sigma at the end of a word has a small letter of its own.
    return "".join(character.lower() for character in text)


def _names_of(special_tokens):
    if isinstance(special_tokens, str):
        raise ValueError(f"special_tokens is a list of names: write [{special_tokens!r}].")
    names = list(special_tokens)
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise ValueError(f"The special token {repeated!r} stands twice; name it once.")
    return names


def _read(path):
    path = pathlib.Path(path)
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"There is no file {path}: check the name, or fetch it with gpt_tf.catalog."
        ) from None
    except UnicodeDecodeError:
        raise ValueError(
            f"{path} is not UTF-8 text: it is cut short or another kind of file; make or fetch it "
            "again."
        ) from None


def _read_json(path, problem):
    try:
        return json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} cannot be read (line {error.lineno}): {problem}.") from None


def _is_vocabulary(encoder):
    return isinstance(encoder, dict) and sorted(map(str, encoder.values())) == sorted(
        map(str, range(len(encoder)))
    )


def _read_merges(path):
    # Not splitlines: some tokens hold characters that it takes for line ends.
    lines = _read(path).split("\n")
    merges = []
    for number, line in enumerate(lines, 1):
        if not line or (number == 1 and line.startswith("#version")):
            continue
        pair = tuple(line.split(" "))
        if len(pair) != 2 or not all(pair):
            raise ValueError(f"{path}, line {number}: {line!r} is not a merge; {_AGAIN}.")
        merges.append(pair)
    return merges
