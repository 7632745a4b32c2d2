"""Byte-pair encoding, slow and plain, and the mistakes that are made in it."""

import re


def pairs(words, weigh=True, once=False, overlap=True, sort=False):
    """{(left, right): count}; the arguments after `words` make known mistakes."""
    total = {}
    for word, count in words.items():
        found, i = [], 0
        while i + 1 < len(word):
            found.append((word[i], word[i + 1]))
            skip = not overlap and i + 2 < len(word) and word[i] == word[i + 1] == word[i + 2]
            i += 2 if skip else 1
        found = [tuple(sorted(pair)) for pair in found] if sort else found
        for pair in dict.fromkeys(found) if once else found:
            total[pair] = total.get(pair, 0) + (count if weigh else 1)
    return total


def merge(symbols, pair, times=None, backwards=False):
    """Symbols with each (left, right) joined; `times` and `backwards` make known mistakes."""
    symbols, done = list(symbols), 0
    if backwards:
        joined = merge([s[::-1] for s in symbols[::-1]], (pair[1][::-1], pair[0][::-1]))
        return [s[::-1] for s in joined[::-1]]
    for i in range(len(symbols)):
        if (times is None or done < times) and symbols[i : i + 2] == list(pair):
            symbols[i : i + 2] = ["".join(pair)]
            done += 1
    return symbols


def merge_overlapping(symbols, pair):
    """The mistake of using one symbol twice: a a a becomes aa aa."""
    result, used = [], False
    for i, symbol in enumerate(symbols):
        if list(symbols[i : i + 2]) == list(pair):
            result.append("".join(pair))
            used = True
        elif not used:
            result.append(symbol)
        else:
            used = False
    return result


def merge_text(symbols, pair):
    """The mistake of replacing text: letters of larger symbols are joined too."""
    return " ".join(symbols).replace(" ".join(pair), "".join(pair)).split(" ")


def train(word_counts, num_merges, weigh=True, tie=min, best=max, recount=True):
    """Merges by counting all anew each time; the arguments after `num_merges` make mistakes."""
    words = {tuple(word): (count if weigh else 1) for word, count in word_counts.items()}
    if not recount:
        first = pairs(words)
        return sorted(first, key=lambda p: (-first[p], p))[:num_merges]
    merges = []
    while len(merges) < num_merges and (counts := pairs(words)):
        top = best(counts.values())
        merges.append(tie(pair for pair in counts if counts[pair] == top))
        grown = {}
        for word, count in words.items():
            new = tuple(merge(word, merges[-1]))
            grown[new] = grown.get(new, 0) + count
        words = grown
    return merges


def train_without_subtracting(word_counts, num_merges):
    """The mistake of adding the new pairs after a merge and not taking the old ones off."""
    words, merges = {tuple(word): count for word, count in word_counts.items()}, []
    counts = pairs(words)
    while len(merges) < num_merges and counts:
        best = min(counts, key=lambda p: (-counts[p], p))
        merges.append(best)
        counts.pop(best)
        for pair, count in pairs({tuple(merge(w, best)): n for w, n in words.items()}).items():
            if "".join(best) in pair:
                counts[pair] = count
        words = {tuple(merge(word, best)): count for word, count in words.items()}
    return merges


def apply(symbols, merges):
    """Each merge in its order, over the whole word."""
    for pair in merges:
        symbols = merge(symbols, pair)
    return symbols


def apply_leftmost(symbols, merges):
    """The mistake of taking the leftmost pair that has a merge."""
    symbols = list(symbols)
    while True:
        places = [i for i in range(len(symbols) - 1) if (symbols[i], symbols[i + 1]) in merges]
        if not places:
            return symbols
        symbols[places[0] : places[0] + 2] = ["".join(symbols[places[0] : places[0] + 2])]


def apply_latest(symbols, merges):
    """The mistake of taking the pair that was learned last."""
    symbols = list(symbols)
    while True:
        found = [p for p in zip(symbols, symbols[1:], strict=False) if p in merges]
        if not found:
            return symbols
        symbols = merge(symbols, max(found, key=merges.index))


def apply_longest(symbols, merges):
    """The mistake of taking the longest token that fits, from left to right."""
    text, tokens, result = "".join(symbols), {a + b for a, b in merges}, []
    while text:
        size = next(n for n in range(len(text), 0, -1) if n == 1 or text[:n] in tokens)
        result.append(text[:size])
        text = text[size:]
    return result


def byte_table():
    """GPT-2's stand-ins, from three ranges of visible characters."""
    table, hidden = {}, []
    for byte in range(256):
        if "!" <= chr(byte) <= "~" or "¡" <= chr(byte) <= "¬" or "®" <= chr(byte) <= "ÿ":
            table[byte] = chr(byte)
        else:
            hidden.append(byte)
    for n, byte in enumerate(hidden):
        table[byte] = chr(0x100 + n)
    return table


def to_bytes(text, encoding="utf-8"):
    """The text's bytes, each as its stand-in."""
    return [byte_table()[byte] for byte in text.encode(encoding)]


def from_bytes(characters, errors="replace"):
    """The text that stand-ins stand for."""
    byte_of = {character: byte for byte, character in byte_table().items()}
    return bytes(byte_of[c] for c in characters).decode("utf-8", errors=errors)


def from_bytes_one_by_one(token):
    """The mistake of taking each byte for a character."""
    byte_of = {character: byte for byte, character in byte_table().items()}
    return "".join(chr(byte_of[c]) for c in token)


def encode(pieces, vocabulary, merges):
    """Ids of a text that is already cut into pre-tokens."""
    return [vocabulary[token] for piece in pieces for token in apply(to_bytes(piece), merges)]


def vocabulary(merges):
    """{token: id}: the 256 bytes, then what the merges make."""
    tokens = list(byte_table().values()) + [a + b for a, b in merges]
    return {token: i for i, token in enumerate(tokens)}


# Ways to cut text that are not GPT-2's, as patterns of Python's own `re`.
WRONG_CUTS = {
    "pre.spaces-lost": r"\S+",
    "pre.words-only": r"\s?\S+|\s+",
    "pre.space-stands-alone": r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d+|(?:_|[^\w\s])+|\s+(?!\S)|\s+",
    "pre.spaces-not-left": r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:_|[^\w\s])+|\s+",
    "pre.ascii-letters": r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+"
    r"| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+",
    "pre.digits-in-words": r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W_]+| ?(?:_|[^\w\s])+|\s+(?!\S)|\s+",
    "pre.no-endings": r" ?[^\W\d_]+| ?\d+| ?(?:_|[^\w\s])+|\s+(?!\S)|\s+",
    "pre.digits-in-threes": r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d{1,3}"
    r"| ?(?:_|[^\w\s])+|\s+(?!\S)|\s+",
    "pre.endings-in-capitals": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)| ?[^\W\d_]+| ?\d+"
    r"| ?(?:_|[^\w\s])+|\s+(?!\S)|\s+",
}


def wrong_cuts(text):
    """{misconception: pieces} of the wrong ways to cut a text."""
    return {name: re.findall(pattern, text) for name, pattern in WRONG_CUTS.items()}
