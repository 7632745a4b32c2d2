"""Known-wrong answers to lab 02, and the misconception that each must draw."""

import collections
import itertools
import re
import unicodedata

import regex


@wrong("lab02.count_pairs", draws="pairs.words-weigh-the-same")
def count_pairs(words):
    return collections.Counter(pair for word in words for pair in itertools.pairwise(word))


@wrong("lab02.count_pairs", draws="pairs.once-a-word")
def count_pairs(words):
    counts = collections.Counter()
    for word, count in words.items():
        for pair in set(itertools.pairwise(word)):
            counts[pair] += count
    return counts


@wrong("lab02.count_pairs", draws="pairs.no-overlap")
def count_pairs(words):
    counts = collections.Counter()
    for word, count in words.items():
        last = None
        for i, pair in enumerate(itertools.pairwise(word)):
            if last == (i - 1, pair):
                continue
            counts[pair] += count
            last = (i, pair)
    return counts


@wrong("lab02.count_pairs", draws="pairs.order-lost")
def count_pairs(words):
    counts = collections.Counter()
    for word, count in words.items():
        for pair in itertools.pairwise(word):
            counts[tuple(sorted(pair))] += count
    return counts


@wrong("lab02.count_pairs", draws="pairs.joined")
def count_pairs(words):
    counts = collections.Counter()
    for word, count in words.items():
        for left, right in itertools.pairwise(word):
            counts[left + right] += count
    return counts


@wrong("lab02.count_pairs", draws="pairs.symbols-torn")
def count_pairs(words):
    counts = collections.Counter()
    for word, count in words.items():
        for pair in itertools.pairwise("".join(word)):
            counts[pair] += count
    return counts


@wrong("lab02.count_pairs", draws="pairs.overwritten")
def count_pairs(words):
    counts = {}
    for word, count in words.items():
        for pair in itertools.pairwise(word):
            counts[pair] = count
    return counts


@wrong("lab02.count_pairs", draws="pairs.last-missed")
def count_pairs(words):
    counts = collections.Counter()
    for word, count in words.items():
        for i in range(len(word) - 2):
            counts[word[i], word[i + 1]] += count
    return counts


@wrong("lab02.count_pairs", draws="pairs.rare-left-out")
def count_pairs(words):
    counts = collections.Counter()
    for word, count in words.items():
        if count > 1:
            for pair in itertools.pairwise(word):
                counts[pair] += count
    return counts


@wrong("lab02.merge_pair", draws="merge.first-place-only")
def merge_pair(symbols, pair):
    symbols = list(symbols)
    for i in range(len(symbols) - 1):
        if (symbols[i], symbols[i + 1]) == pair:
            return [*symbols[:i], "".join(pair), *symbols[i + 2 :]]
    return symbols


@wrong("lab02.merge_pair", draws="merge.symbol-used-twice")
def merge_pair(symbols, pair):
    starts = {i for i in range(len(symbols)) if tuple(symbols[i : i + 2]) == pair}
    merged = []
    for i, symbol in enumerate(symbols):
        if i in starts:
            merged.append("".join(pair))
        elif i - 1 not in starts:
            merged.append(symbol)
    return merged


@wrong("lab02.merge_pair", draws="merge.from-the-right")
def merge_pair(symbols, pair):
    symbols = list(symbols)
    for i in range(len(symbols) - 2, -1, -1):
        if tuple(symbols[i : i + 2]) == pair:
            symbols[i : i + 2] = ["".join(pair)]
    return symbols


@wrong("lab02.merge_pair", draws="merge.letters-not-symbols")
def merge_pair(symbols, pair):
    return " ".join(symbols).replace(" ".join(pair), "".join(pair)).split()


@wrong("lab02.merge_pair", draws="merge.letters-not-symbols")
def merge_pair(symbols, pair):
    merged, i = [], 0
    while i < len(symbols):
        found = "".join(symbols[i : i + 2]) == "".join(pair) and symbols[i] != "".join(pair)
        merged.append("".join(pair) if found else symbols[i])
        i += 2 if found else 1
    return merged


@wrong("lab02.merge_pair", draws="merge.end-lost")
def merge_pair(symbols, pair):
    merged, i = [], 0
    while i < len(symbols) - 1:
        found = (symbols[i], symbols[i + 1]) == pair
        merged.append("".join(pair) if found else symbols[i])
        i += 2 if found else 1
    return merged


@wrong("lab02.merge_pair", draws="merge.either-order")
def merge_pair(symbols, pair):
    for left, right in (pair, pair[::-1]):
        merged, i = [], 0
        while i < len(symbols):
            found = list(symbols[i : i + 2]) == [left, right]
            merged.append(left + right if found else symbols[i])
            i += 2 if found else 1
        symbols = merged
    return symbols


@wrong("lab02.merge_pair", draws="argument.changed")
def merge_pair(symbols, pair):
    if isinstance(symbols, tuple):
        symbols = list(symbols)
    i = 0
    while i < len(symbols) - 1:
        if (symbols[i], symbols[i + 1]) == pair:
            symbols[i : i + 2] = ["".join(pair)]
        i += 1
    return symbols


@wrong("lab02.train_bpe", draws="train.words-weigh-the-same")
def train_bpe(word_counts, num_merges):
    words, merges = dict.fromkeys(map(tuple, word_counts), 1), []
    while len(merges) < num_merges and (counts := count_pairs(words)):
        merges.append(min(counts, key=lambda pair: (-counts[pair], pair)))
        words = {tuple(merge_pair(word, merges[-1])): n for word, n in words.items()}
    return merges


@wrong("lab02.train_bpe", draws="train.largest-of-equals")
def train_bpe(word_counts, num_merges):
    words, merges = {tuple(w): n for w, n in word_counts.items()}, []
    while len(merges) < num_merges and (counts := count_pairs(words)):
        merges.append(max(counts, key=lambda pair: (counts[pair], pair)))
        words = {tuple(merge_pair(word, merges[-1])): n for word, n in words.items()}
    return merges


@wrong("lab02.train_bpe", draws="train.first-of-equals")
def train_bpe(word_counts, num_merges):
    words, merges = {tuple(w): n for w, n in word_counts.items()}, []
    while len(merges) < num_merges and (counts := count_pairs(words)):
        merges.append(max(counts, key=counts.get))
        words = {tuple(merge_pair(word, merges[-1])): n for word, n in words.items()}
    return merges


@wrong("lab02.train_bpe", draws="train.never-recounted")
def train_bpe(word_counts, num_merges):
    counts = count_pairs({tuple(word): n for word, n in word_counts.items()})
    return sorted(counts, key=lambda pair: (-counts[pair], pair))[:num_merges]


@wrong("lab02.train_bpe", draws="train.rarest")
def train_bpe(word_counts, num_merges):
    words, merges = {tuple(w): n for w, n in word_counts.items()}, []
    while len(merges) < num_merges and (counts := count_pairs(words)):
        merges.append(min(counts, key=lambda pair: (counts[pair], pair)))
        words = {tuple(merge_pair(word, merges[-1])): n for word, n in words.items()}
    return merges


@wrong("lab02.train_bpe", draws="train.tokens-not-pairs")
def train_bpe(word_counts, num_merges):
    words, merges = {tuple(w): n for w, n in word_counts.items()}, []
    while len(merges) < num_merges and (counts := count_pairs(words)):
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append("".join(best))
        words = {tuple(merge_pair(word, best)): n for word, n in words.items()}
    return merges


@wrong("lab02.train_bpe", draws="train.runs-out")
def train_bpe(word_counts, num_merges):
    words, merges = {tuple(w): n for w, n in word_counts.items()}, []
    for _ in range(num_merges):
        counts = count_pairs(words)
        merges.append(min(counts, key=lambda pair: (-counts[pair], pair)))
        words = {tuple(merge_pair(word, merges[-1])): n for word, n in words.items()}
    return merges


@wrong("lab02.train_bpe", draws="train.one-too-many")
def train_bpe(word_counts, num_merges):
    words, merges = {tuple(w): n for w, n in word_counts.items()}, []
    while len(merges) <= num_merges and (counts := count_pairs(words)):
        merges.append(min(counts, key=lambda pair: (-counts[pair], pair)))
        words = {tuple(merge_pair(word, merges[-1])): n for word, n in words.items()}
    return merges


@wrong("lab02.train_bpe", draws="train.end-of-word-added")
def train_bpe(word_counts, num_merges):
    words, merges = {(*w, "</w>"): n for w, n in word_counts.items()}, []
    while len(merges) < num_merges and (counts := count_pairs(words)):
        merges.append(min(counts, key=lambda pair: (-counts[pair], pair)))
        words = {tuple(merge_pair(word, merges[-1])): n for word, n in words.items()}
    return merges


@wrong("lab02.train_bpe", draws="train.once-is-enough")
def train_bpe(word_counts, num_merges):
    words, merges = {tuple(w): n for w, n in word_counts.items()}, []
    while len(merges) < num_merges and (counts := count_pairs(words)):
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        if counts[best] < 2:
            break
        merges.append(best)
        words = {tuple(merge_pair(word, best)): n for word, n in words.items()}
    return merges


@wrong("lab02.train_bpe", draws="train.old-pairs-stay")
def train_bpe(word_counts, num_merges):
    words, merges = {tuple(w): n for w, n in word_counts.items()}, []
    counts = count_pairs(words)
    while len(merges) < num_merges and counts:
        merges.append(min(counts, key=lambda pair: (-counts[pair], pair)))
        words = {tuple(merge_pair(word, merges[-1])): n for word, n in words.items()}
        del counts[merges[-1]]
        new = "".join(merges[-1])
        counts |= {pair: n for pair, n in count_pairs(words).items() if new in pair}
    return merges


@wrong("lab02.train_bpe", draws="train.symbols-torn")
def train_bpe(word_counts, num_merges):
    words, merges = {tuple("".join(w)): n for w, n in word_counts.items()}, []
    while len(merges) < num_merges and (counts := count_pairs(words)):
        merges.append(min(counts, key=lambda pair: (-counts[pair], pair)))
        words = {tuple(merge_pair(word, merges[-1])): n for word, n in words.items()}
    return merges


@wrong("lab02.train_bpe", draws="argument.changed")
def train_bpe(word_counts, num_merges):
    for word in [w for w in word_counts if isinstance(w, str)]:
        word_counts[tuple(word)] = word_counts.pop(word)
    words, merges = word_counts, []
    while len(merges) < num_merges and (counts := count_pairs(words)):
        merges.append(min(counts, key=lambda pair: (-counts[pair], pair)))
        words = {tuple(merge_pair(word, merges[-1])): n for word, n in words.items()}
    return merges


@wrong("lab02.apply_merges", draws="apply.leftmost")
def apply_merges(symbols, ranks):
    symbols, i = list(symbols), 0
    while i + 1 < len(symbols):
        if (symbols[i], symbols[i + 1]) in ranks:
            symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
            i = 0
        else:
            i += 1
    return symbols


@wrong("lab02.apply_merges", draws="apply.latest")
def apply_merges(symbols, ranks):
    while known := [pair for pair in itertools.pairwise(symbols) if pair in ranks]:
        symbols = merge_pair(symbols, max(known, key=ranks.get))
    return list(symbols)


@wrong("lab02.apply_merges", draws="apply.longest")
def apply_merges(symbols, ranks):
    word, tokens, pieces = "".join(symbols), {a + b for a, b in ranks}, []
    while word:
        size = len(word)
        while size > 1 and word[:size] not in tokens:
            size -= 1
        pieces.append(word[:size])
        word = word[size:]
    return pieces


@wrong("lab02.apply_merges", draws="apply.once")
def apply_merges(symbols, ranks):
    known = [pair for pair in itertools.pairwise(symbols) if pair in ranks]
    return merge_pair(symbols, min(known, key=ranks.get)) if known else list(symbols)


@wrong("lab02.apply_merges", draws="apply.joined")
def apply_merges(symbols, ranks):
    return ["".join(symbols)] if symbols else []


@wrong("lab02.apply_merges", draws="apply.rank-zero")
def apply_merges(symbols, ranks):
    symbols = list(symbols)
    # The first merge has the rank 0, which counts as false.
    while known := [pair for pair in itertools.pairwise(symbols) if ranks.get(pair)]:
        symbols = merge_pair(symbols, min(known, key=ranks.get))
    return symbols


@wrong("lab02.apply_merges", draws="apply.one-place")
def apply_merges(symbols, ranks):
    symbols = list(symbols)
    for pair in sorted(ranks, key=ranks.get):
        for i in range(len(symbols) - 1):
            if (symbols[i], symbols[i + 1]) == pair:
                symbols[i : i + 2] = ["".join(pair)]
                break
    return symbols


@wrong("lab02.apply_merges", draws="apply.dict-order")
def apply_merges(symbols, ranks):
    for pair in ranks:
        symbols = merge_pair(symbols, pair)
    return list(symbols)


@wrong("lab02.apply_merges", draws="argument.changed")
def apply_merges(symbols, ranks):
    while known := [pair for pair in itertools.pairwise(symbols) if pair in ranks]:
        best = min(known, key=ranks.get)
        i = 0
        while i < len(symbols) - 1:
            if (symbols[i], symbols[i + 1]) == best:
                symbols[i] += symbols.pop(i + 1)
            i += 1
    return symbols


@wrong("lab02.bytes_to_unicode", draws="bytes.themselves")
def bytes_to_unicode():
    return {byte: chr(byte) for byte in range(256)}


@wrong("lab02.bytes_to_unicode", draws="bytes.all-moved")
def bytes_to_unicode():
    return {byte: chr(byte + 256) for byte in range(256)}


@wrong("lab02.bytes_to_unicode", draws="bytes.moved-by-256")
def bytes_to_unicode():
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {byte: chr(byte) for byte in visible}
    return table | {byte: chr(256 + byte) for byte in range(256) if byte not in visible}


@wrong("lab02.bytes_to_unicode", draws="bytes.soft-hyphen-kept")
def bytes_to_unicode():
    visible = [*range(33, 127), *range(161, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    table = {byte: chr(byte) for byte in visible}
    return table | {byte: chr(256 + n) for n, byte in enumerate(hidden)}


@wrong("lab02.bytes_to_unicode", draws="bytes.space-kept")
def bytes_to_unicode():
    visible = [*range(32, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    table = {byte: chr(byte) for byte in visible}
    return table | {byte: chr(256 + n) for n, byte in enumerate(hidden)}


@wrong("lab02.bytes_to_unicode", draws="bytes.hidden-left-out")
def bytes_to_unicode():
    return {byte: chr(byte) for byte in [*range(33, 127), *range(161, 173), *range(174, 256)]}


@wrong("lab02.bytes_to_unicode", draws="bytes.ends-left-out")
def bytes_to_unicode():
    visible = [*range(33, 126), *range(161, 172), *range(174, 255)]
    hidden = [byte for byte in range(256) if byte not in visible]
    table = {byte: chr(byte) for byte in visible}
    return table | {byte: chr(256 + n) for n, byte in enumerate(hidden)}


@wrong("lab02.bytes_to_unicode", draws="bytes.turned-round")
def bytes_to_unicode():
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    table = {chr(byte): byte for byte in visible}
    return table | {chr(256 + n): byte for n, byte in enumerate(hidden)}


@wrong("lab02.bytes_to_unicode", draws="bytes.order")
def bytes_to_unicode():
    table, n = {}, 0
    for byte in range(256):
        if 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174:
            table[byte] = chr(byte)
        else:
            table[byte] = chr(256 + n)
            n += 1
    return table


@wrong("lab02.pre_tokenize", draws="pre.spaces-lost")
def pre_tokenize(text):
    return text.split()


@wrong("lab02.pre_tokenize", draws="pre.words-only")
def pre_tokenize(text):
    return re.findall(r"\s?\S+|\s+", text)


@wrong("lab02.pre_tokenize", draws="pre.space-stands-alone")
def pre_tokenize(text):
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}+|[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return regex.findall(pattern, text)


@wrong("lab02.pre_tokenize", draws="pre.spaces-not-left")
def pre_tokenize(text):
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+"
    return regex.findall(pattern, text)


@wrong("lab02.pre_tokenize", draws="pre.ascii-letters")
def pre_tokenize(text):
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?[a-zA-Z]+| ?[0-9]+| ?[^\sa-zA-Z0-9]+|\s+(?!\S)|\s+"
    return re.findall(pattern, text)


@wrong("lab02.pre_tokenize", draws="pre.digits-in-words")
def pre_tokenize(text):
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?[\p{L}\p{N}]+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return regex.findall(pattern, text)


@wrong("lab02.pre_tokenize", draws="pre.no-endings")
def pre_tokenize(text):
    return regex.findall(r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", text)


@wrong("lab02.pre_tokenize", draws="pre.endings-in-capitals")
def pre_tokenize(text):
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return regex.findall(pattern, text, flags=regex.IGNORECASE)


@wrong("lab02.pre_tokenize", draws="pre.ending-with-space")
def pre_tokenize(text):
    pattern = r" ?(?:'s|'t|'re|'ve|'m|'ll|'d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return regex.findall(pattern, text)


@wrong("lab02.pre_tokenize", draws="pre.curly-apostrophe")
def pre_tokenize(text):
    pattern = r"['’](?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return regex.findall(pattern, text)


@wrong("lab02.pre_tokenize", draws="pre.digits-only")
def pre_tokenize(text):
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\d+| ?[^\s\p{L}\d]+|\s+(?!\S)|\s+"
    return regex.findall(pattern, text)


@wrong("lab02.pre_tokenize", draws="pre.accents-joined")
def pre_tokenize(text):
    pattern = (
        r"'s|'t|'re|'ve|'m|'ll|'d| ?[\p{L}\p{M}]+| ?\p{N}+| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s+"
    )
    return regex.findall(pattern, text)


@wrong("lab02.pre_tokenize", draws="pre.normalised")
def pre_tokenize(text):
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return regex.findall(pattern, unicodedata.normalize("NFC", text))


@wrong("lab02.pre_tokenize", draws="pre.digits-in-threes")
def pre_tokenize(text):
    # As GPT-4 does.
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return regex.findall(pattern, text)


@wrong("lab02.bpe_encode", draws="encode.not-spelled")
def bpe_encode(text, vocabulary, ranks):
    stand_in = bytes_to_unicode()
    return [vocabulary["".join(stand_in[b] for b in p.encode())] for p in pre_tokenize(text)]


@wrong("lab02.bpe_encode", draws="encode.repeats-lost")
def bpe_encode(text, vocabulary, ranks):
    ids = {}
    for piece in pre_tokenize(text):
        symbols = [bytes_to_unicode()[byte] for byte in piece.encode("utf-8")]
        ids[piece] = [vocabulary[token] for token in apply_merges(symbols, ranks)]
    return sum(ids.values(), [])


@wrong("lab02.bpe_encode", draws="encode.line-end-lost")
def bpe_encode(text, vocabulary, ranks):
    ids = []
    for piece in pre_tokenize(text.strip()):
        symbols = [bytes_to_unicode()[byte] for byte in piece.encode("utf-8")]
        ids += [vocabulary[token] for token in apply_merges(symbols, ranks)]
    return ids


@wrong("lab02.bpe_encode", draws="encode.not-cut")
def bpe_encode(text, vocabulary, ranks):
    symbols = [bytes_to_unicode()[byte] for byte in text.encode("utf-8")]
    return [vocabulary[token] for token in apply_merges(symbols, ranks)]


@wrong("lab02.bpe_encode", draws="encode.not-merged")
def bpe_encode(text, vocabulary, ranks):
    return [vocabulary[bytes_to_unicode()[byte]] for byte in text.encode("utf-8")]


@wrong("lab02.bpe_encode", draws="encode.spaces-lost")
def bpe_encode(text, vocabulary, ranks):
    ids = []
    for piece in pre_tokenize(text):
        symbols = [bytes_to_unicode()[byte] for byte in piece.strip().encode("utf-8")]
        ids += [vocabulary[token] for token in apply_merges(symbols, ranks)]
    return ids


@wrong("lab02.bpe_encode", draws="encode.tokens-not-ids")
def bpe_encode(text, vocabulary, ranks):
    tokens = []
    for piece in pre_tokenize(text):
        tokens += apply_merges([bytes_to_unicode()[b] for b in piece.encode("utf-8")], ranks)
    return tokens


@wrong("lab02.bpe_encode", draws="encode.nested")
def bpe_encode(text, vocabulary, ranks):
    ids = []
    for piece in pre_tokenize(text):
        symbols = [bytes_to_unicode()[byte] for byte in piece.encode("utf-8")]
        ids.append([vocabulary[token] for token in apply_merges(symbols, ranks)])
    return ids


@wrong("lab02.bpe_encode", draws="encode.characters-not-bytes")
def bpe_encode(text, vocabulary, ranks):
    ids = []
    for piece in pre_tokenize(text):
        symbols = list(piece.replace(" ", "Ġ"))
        ids += [vocabulary[token] for token in apply_merges(symbols, ranks)]
    return ids


@wrong("lab02.bpe_encode", draws="encode.characters-not-bytes")
def bpe_encode(text, vocabulary, ranks):
    ids = []
    for piece in pre_tokenize(text):
        symbols = [bytes_to_unicode()[byte] for byte in piece.encode("ascii")]
        ids += [vocabulary[token] for token in apply_merges(symbols, ranks)]
    return ids


@wrong("lab02.bpe_encode", draws="encode.lower-case")
def bpe_encode(text, vocabulary, ranks):
    ids = []
    for piece in pre_tokenize(text.lower()):
        symbols = [bytes_to_unicode()[byte] for byte in piece.encode("utf-8")]
        ids += [vocabulary[token] for token in apply_merges(symbols, ranks)]
    return ids


@wrong("lab02.bpe_encode", draws="encode.normalised")
def bpe_encode(text, vocabulary, ranks):
    ids = []
    for piece in pre_tokenize(unicodedata.normalize("NFC", text)):
        symbols = [bytes_to_unicode()[byte] for byte in piece.encode("utf-8")]
        ids += [vocabulary[token] for token in apply_merges(symbols, ranks)]
    return ids


def bytes_of(text):
    """The bytes that the stand-ins of a text stand for."""
    byte_of = {character: byte for byte, character in bytes_to_unicode().items()}
    return bytes(byte_of[character] for character in text)


def known(ids, tokens):
    """What the wrong answers below do about unknown ids."""
    for i in ids:
        if i not in tokens:
            raise ValueError(f"unknown id {i}")
    return [tokens[i] for i in ids]


@wrong("lab02.bpe_decode", draws="decode.token-by-token")
def bpe_decode(ids, tokens):
    return "".join(bytes_of(t).decode("utf-8", errors="replace") for t in known(ids, tokens))


@wrong("lab02.bpe_decode", draws="decode.stand-ins-left")
def bpe_decode(ids, tokens):
    return "".join(known(ids, tokens))


@wrong("lab02.bpe_decode", draws="decode.only-spaces")
def bpe_decode(ids, tokens):
    return "".join(known(ids, tokens)).replace("Ġ", " ")


@wrong("lab02.bpe_decode", draws="decode.stripped")
def bpe_decode(ids, tokens):
    return bytes_of("".join(known(ids, tokens))).decode("utf-8", errors="replace").strip()


@wrong("lab02.bpe_decode", draws="decode.latin-1")
def bpe_decode(ids, tokens):
    return "".join(map(chr, bytes_of("".join(known(ids, tokens)))))


@wrong("lab02.bpe_decode", draws="decode.spaces-between")
def bpe_decode(ids, tokens):
    return b" ".join(map(bytes_of, known(ids, tokens))).decode("utf-8", errors="replace")


@wrong("lab02.bpe_decode", draws="decode.fails-on-half-a-character")
def bpe_decode(ids, tokens):
    return bytes_of("".join(known(ids, tokens))).decode("utf-8")


@wrong("lab02.bpe_decode", draws="decode.half-a-character-lost")
def bpe_decode(ids, tokens):
    return bytes_of("".join(known(ids, tokens))).decode("utf-8", errors="ignore")


@wrong("lab02.bpe_decode", draws="decode.unknown-id")
def bpe_decode(ids, tokens):
    return bytes_of("".join(tokens[i] for i in ids)).decode("utf-8", errors="replace")


@wrong("lab02.bpe_decode", draws="decode.unknown-id")
def bpe_decode(ids, tokens):
    return bytes_of("".join(tokens.get(i, "") for i in ids)).decode("utf-8", errors="replace")
