"""Known-right answers to lab 02, written differently."""

import re

import regex


@right("lab02.count_pairs", because="a plain dict and indices count as well")
def count_pairs(words):
    counts = {}
    for word in words:
        for i in range(len(word) - 1):
            pair = (word[i], word[i + 1])
            counts[pair] = counts.get(pair, 0) + words[word]
    return counts


@right("lab02.count_pairs", because="zip of a word with itself, one later, gives the neighbours")
def count_pairs(words):
    pairs = [(pair, n) for word, n in words.items() for pair in zip(word, word[1:], strict=False)]
    return {pair: sum(n for other, n in pairs if other == pair) for pair, _ in pairs}


@right("lab02.merge_pair", because="a stack that joins its top is the same from left to right")
def merge_pair(symbols, pair):
    left, right_one = pair
    merged, fresh = [], False
    for symbol in symbols:
        if merged and not fresh and merged[-1] == left and symbol == right_one:
            merged[-1] += symbol
            fresh = True
        else:
            merged.append(symbol)
            fresh = False
    return merged


@right("lab02.merge_pair", because="whole symbols can be matched in text, between separators")
def merge_pair(symbols, pair):
    text = "".join(f"<{s}>" for s in symbols)
    joined = "<" + pair[0] + pair[1] + ">"
    return re.findall(r"<(.+?)>", text.replace(f"<{pair[0]}><{pair[1]}>", joined))


@right("lab02.train_bpe", because="recounting everything is slow, and right")
def train_bpe(word_counts, num_merges):
    words = [(list(word), count) for word, count in word_counts.items()]
    merges = []
    for _ in range(num_merges):
        counts = {}
        for word, count in words:
            for pair in zip(word, word[1:], strict=False):
                counts[pair] = counts.get(pair, 0) + count
        if not counts:
            break
        top = max(counts.values())
        merges.append(sorted(pair for pair, count in counts.items() if count == top)[0])
        words = [(merge_pair(word, merges[-1]), count) for word, count in words]
    return merges


@right("lab02.train_bpe", because="counts kept up to date, and the best one searched each time")
def train_bpe(word_counts, num_merges):
    words = [tuple(word) for word in word_counts]
    sizes = list(word_counts.values())
    counts = dict(count_pairs(dict(zip(words, sizes, strict=True))))
    merges = []
    while counts and len(merges) < num_merges:
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        for i, word in enumerate(words):
            new = tuple(merge_pair(word, best))
            if new == word:
                continue
            for sign, symbols in ((-1, word), (1, new)):
                for pair, n in count_pairs({symbols: sizes[i]}).items():
                    counts[pair] = counts.get(pair, 0) + sign * n
            words[i] = new
        counts = {pair: n for pair, n in counts.items() if n > 0}
    return merges


@right("lab02.apply_merges", because="each merge in its order over the word gives the same")
def apply_merges(symbols, ranks):
    for pair in sorted(ranks, key=ranks.get):
        symbols = merge_pair(symbols, pair)
    return list(symbols)


@right("lab02.apply_merges", because="one place at a time, the leftmost of the earliest merge")
def apply_merges(symbols, ranks):
    symbols = list(symbols)
    while len(symbols) > 1:
        rank, i = min(
            (ranks.get((symbols[i], symbols[i + 1]), float("inf")), i)
            for i in range(len(symbols) - 1)
        )
        if rank == float("inf"):
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    return symbols


@right("lab02.bytes_to_unicode", because="Python knows which characters can be seen")
def bytes_to_unicode():
    visible = [b for b in range(256) if chr(b).isprintable() and not chr(b).isspace()]
    hidden = sorted(set(range(256)) - set(visible))
    characters = [*map(chr, visible), *(chr(256 + i) for i in range(len(hidden)))]
    return dict(zip(visible + hidden, characters, strict=True))


@right("lab02.bytes_to_unicode", because="characters written out as ranges")
def bytes_to_unicode():
    table = {}
    for first, last in (("!", "~"), ("¡", "¬"), ("®", "ÿ")):
        for byte in range(ord(first), ord(last) + 1):
            table[byte] = chr(byte)
    new = 256
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(new)
            new += 1
    return table


@right("lab02.pre_tokenize", because="a compiled pattern in parts, and an iterator")
def pre_tokenize(text):
    pattern = regex.compile(
        r"""'(?:[stmd]|re|ve|ll)
        | [ ]?\p{Letter}+
        | [ ]?\p{Number}+
        | [ ]?[^\s\p{Letter}\p{Number}]+
        | \s+(?!\S)
        | \s+""",
        flags=regex.VERBOSE,
    )
    return [match.group() for match in pattern.finditer(text)]


@right("lab02.pre_tokenize", because="white space before white space or the end, in other words")
def pre_tokenize(text):
    endings = "'s|'t|'re|'ve|'m|'ll|'d"
    runs = "| ?".join(["", r"\p{L}+", r"\p{N}+", r"[^\s\p{L}\p{N}]+"])
    return regex.findall(endings + runs + r"|\s+(?=\s|$)|\s", text)


@right("lab02.bpe_encode", because="a generator over pre-tokens and a dict's own method")
def bpe_encode(text, vocabulary, ranks):
    def tokens():
        table = bytes_to_unicode()
        for piece in pre_tokenize(text):
            yield from apply_merges([*map(table.get, piece.encode())], ranks)

    return list(map(vocabulary.get, tokens()))


@right("lab02.bpe_encode", because="a whole pre-token may be looked up first, once it is merged")
def bpe_encode(text, vocabulary, ranks):
    ids, remembered = [], {}
    for piece in pre_tokenize(text):
        if piece not in remembered:
            symbols = list("".join(bytes_to_unicode()[b] for b in bytes(piece, "utf8")))
            remembered[piece] = tuple(vocabulary[t] for t in apply_merges(symbols, ranks))
        ids.extend(remembered[piece])
    return ids


@right("lab02.bpe_decode", because="bytes may be joined token by token, and decoded at the end")
def bpe_decode(ids, tokens):
    byte_of = {character: byte for byte, character in bytes_to_unicode().items()}
    written = bytearray()
    for i in ids:
        try:
            written.extend(byte_of[character] for character in tokens[i])
        except KeyError:
            raise ValueError(f"id {i} is not in the vocabulary") from None
    return written.decode("utf-8", "replace")


@right("lab02.bpe_decode", because="str.translate turns stand-ins into Latin-1, which is bytes")
def bpe_decode(ids, tokens):
    missing = [i for i in ids if i not in tokens]
    if missing:
        raise ValueError(f"no token has the id {missing[0]}")
    table = {ord(character): chr(byte) for byte, character in bytes_to_unicode().items()}
    text = "".join(tokens[i] for i in ids).translate(table)
    return text.encode("latin-1").decode("utf-8", errors="replace")
