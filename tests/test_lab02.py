"""Tests of lab 02. Words that repeat symbols, and counts of all sizes, so that no slip can hide."""

import itertools

from reference import bpe as reference

from gpt_tf.course.testing import exercise, expect, expect_equal

LITTLE = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
MIXED = "It's 2024,  안녕 naïve v2\n\n  we'LL x_y don't!? ½\t"
CUT = [
    "It",
    "'s",
    " 2024",
    ",",
    " ",
    " 안녕",
    " naïve",
    " v",
    "2",
    "\n\n ",
    " we",
    "'",
    "LL",
    " x",
    "_",
]
CUT += ["y", " don", "'t", "!?", " ½", "\t"]


def random_word(rng, letters="abc", longest=9):
    return "".join(rng.choice(list(letters), size=rng.integers(1, longest + 1)))


def random_words(rng, number=30):
    return {random_word(rng): int(rng.integers(1, 20)) for _ in range(number)}


def ranks_of(merges):
    return {pair: rank for rank, pair in enumerate(merges)}


@exercise("lab02.count_pairs")
def test_pairs_weigh_as_much_as_their_word(submission):
    words = {("b", "a", "b", "a", "n"): 5, ("a", "a", "a"): 3, ("low", "er"): 7}
    words |= {("n", "low", "er"): 2, ("x",): 11, ("er", "n"): 1}
    expect_equal(
        submission.call("count_pairs", words),
        reference.pairs(words),
        misconceptions={
            "pairs.words-weigh-the-same": reference.pairs(words, weigh=False),
            "pairs.once-a-word": reference.pairs(words, once=True),
            "pairs.no-overlap": reference.pairs(words, overlap=False),
            "pairs.order-lost": reference.pairs(words, sort=True),
            "pairs.joined": {a + b: n for (a, b), n in reference.pairs(words).items()},
            "pairs.symbols-torn": reference.pairs({"".join(w): n for w, n in words.items()}),
            "pairs.overwritten": {p: n for w, n in words.items() for p in itertools.pairwise(w)},
            "pairs.rare-left-out": reference.pairs({w: n for w, n in words.items() if n > 1}),
            "pairs.last-missed": reference.pairs({w[:-1]: n for w, n in words.items()}),
        },
        what=f"count_pairs({words})",
    )


@exercise("lab02.count_pairs")
def test_nothing_to_count(submission):
    expect_equal(submission.call("count_pairs", {}), {}, what="count_pairs({})")
    expect_equal(submission.call("count_pairs", {("x",): 4}), {}, what='count_pairs({("x",): 4})')


@exercise("lab02.count_pairs")
def test_random_words(submission, rng):
    words = {tuple(word): n for word, n in random_words(rng).items()}
    expect_equal(submission.call("count_pairs", words), reference.pairs(words))


@exercise("lab02.merge_pair")
def test_every_place_from_the_left(submission):
    symbols, pair = ["a", "a", "a", "b", "a", "a"], ("a", "a")
    expect_equal(
        submission.call("merge_pair", symbols, pair),
        reference.merge(symbols, pair),
        misconceptions={
            "merge.first-place-only": reference.merge(symbols, pair, times=1),
            "merge.symbol-used-twice": reference.merge_overlapping(symbols, pair),
            "merge.from-the-right": reference.merge(symbols, pair, backwards=True),
        },
        what=f"merge_pair({symbols}, {pair})",
    )


@exercise("lab02.merge_pair")
def test_whole_symbols(submission):
    symbols, pair = ["xa", "b", "a", "b", "a", "bc", "b", "a"], ("a", "b")
    turned = reference.merge(reference.merge(symbols, pair), ("b", "a"))
    expect_equal(
        submission.call("merge_pair", symbols, pair),
        reference.merge(symbols, pair),
        misconceptions={
            "merge.letters-not-symbols": reference.merge_text(symbols, pair),
            "merge.either-order": turned,
            "merge.end-lost": reference.merge(symbols, pair)[:-1],
        },
        what=f"merge_pair({symbols}, {pair})",
    )
    # The letters of "a" and "bc" are those of the pair, the symbols are not.
    symbols, pair = ["ab", "c", "a", "bc"], ("ab", "c")
    expect_equal(
        submission.call("merge_pair", symbols, pair),
        ["abc", "a", "bc"],
        misconceptions={"merge.letters-not-symbols": ["abc", "abc"]},
        what=f"merge_pair({symbols}, {pair})",
    )


@exercise("lab02.merge_pair")
def test_tuples_and_short_words(submission):
    for symbols in (("a", "b"), ("b",), (), ["c", "a", "b"]):
        expect_equal(
            submission.call("merge_pair", symbols, ("a", "b")),
            reference.merge(symbols, ("a", "b")),
            what=f"merge_pair({symbols}, ('a', 'b'))",
        )


@exercise("lab02.merge_pair")
def test_merges_in_random_words(submission, rng):
    for _ in range(5):
        symbols, pair = list(random_word(rng, longest=14)), tuple(rng.choice(list("abc"), size=2))
        pair = tuple(map(str, pair))
        expect_equal(
            submission.call("merge_pair", symbols, pair),
            reference.merge(symbols, pair),
            what=f"merge_pair({symbols}, {pair})",
        )


@exercise("lab02.train_bpe")
def test_low_lower_newest_widest(submission):
    right = reference.train(LITTLE, 8)
    marked = {(*word, "</w>"): count for word, count in LITTLE.items()}
    expect_equal(
        submission.call("train_bpe", LITTLE, 8),
        right,
        misconceptions={
            "train.words-weigh-the-same": reference.train(LITTLE, 8, weigh=False),
            "train.largest-of-equals": reference.train(LITTLE, 8, tie=max),
            "train.first-of-equals": reference.train(LITTLE, 8, tie=next),
            "train.rarest": reference.train(LITTLE, 8, best=min),
            "train.never-recounted": reference.train(LITTLE, 8, recount=False),
            "train.tokens-not-pairs": [a + b for a, b in right],
            "train.one-too-many": reference.train(LITTLE, 9),
            "train.end-of-word-added": reference.train(marked, 8),
            "train.old-pairs-stay": reference.train_without_subtracting(LITTLE, 8),
        },
        what=f"train_bpe({LITTLE}, 8)",
    )


@exercise("lab02.train_bpe")
def test_until_nothing_is_left(submission):
    words = {"aab": 2, "ba": 1, "c": 9}
    error = submission.error("train_bpe", words, 50)
    expect(
        error is None or error[0] not in ("ValueError", "IndexError", "KeyError", "StopIteration"),
        f"train_bpe({words}, 50) raised {error}; expected all merges that there are",
        "train.runs-out",
    )
    expect_equal(
        submission.call("train_bpe", words, 50),
        reference.train(words, 50),
        misconceptions={"train.once-is-enough": reference.train(words, 2)},
        what=f"train_bpe({words}, 50)",
    )
    expect_equal(submission.call("train_bpe", words, 0), [], what=f"train_bpe({words}, 0)")


@exercise("lab02.train_bpe")
def test_words_of_symbols(submission):
    words = {(*word, "</w>"): count for word, count in LITTLE.items()}
    expect_equal(
        submission.call("train_bpe", words, 10),
        reference.train(words, 10),
        misconceptions={
            "train.symbols-torn": reference.train({"".join(w): words[w] for w in words}, 10)
        },
        what=f"train_bpe({words}, 10)",
    )


@exercise("lab02.train_bpe")
def test_same_as_counting_all_anew(submission, rng):
    words = random_words(rng, 60)
    expect_equal(
        submission.call("train_bpe", words, 60),
        reference.train(words, 60),
        what="train_bpe of 60 random words",
    )


@exercise("lab02.train_bpe")
def test_a_new_pair_that_occurs_once(submission):
    expect_equal(
        submission.call("train_bpe", {"abcd": 1}, 9),
        [("a", "b"), ("ab", "c"), ("abc", "d")],
        what='train_bpe({"abcd": 1}, num_merges=9)',
    )


@exercise("lab02.apply_merges")
def test_each_merge_at_all_its_places(submission):
    merges, symbols = [("a", "b"), ("ab", "d")], list("cababd")
    expect_equal(
        submission.call("apply_merges", symbols, ranks_of(merges)),
        ["c", "ab", "abd"],
        misconceptions={
            "apply.one-place": ["c", "ab", "a", "b", "d"],
            "apply.once": ["c", "ab", "ab", "d"],
            "apply.rank-zero": symbols,
            "apply.joined": ["cababd"],
        },
        what=f"apply_merges({symbols}, ...) with the merges {merges}",
    )


@exercise("lab02.apply_merges")
def test_the_earliest_merge_first(submission):
    # On these two words each mistake gives a value of its own, or the right one.
    merges = reference.train({"abd": 5, "bcdbb": 2, "aaa": 6, "abad": 3, "daaab": 3}, 6)
    for word in ("daaabd", "aaadbd"):
        symbols = list(word)
        right = reference.apply(symbols, merges)
        wrong = {
            "apply.leftmost": reference.apply_leftmost(symbols, merges),
            "apply.latest": reference.apply_latest(symbols, merges),
            "apply.longest": reference.apply_longest(symbols, merges),
            "apply.once": reference.merge(symbols, merges[0]),
            "apply.joined": ["".join(symbols)],
            "apply.rank-zero": reference.apply(symbols, merges[1:]),
        }
        expect_equal(
            submission.call("apply_merges", symbols, ranks_of(merges)),
            right,
            misconceptions={name: value for name, value in wrong.items() if value != right},
            what=f"apply_merges({symbols}, ...) with the merges {merges}",
        )


@exercise("lab02.apply_merges")
def test_random_spelling(submission, rng):
    merges = reference.train(random_words(rng), 20)
    # The order of learning is what `ranks` says, not the order in which it holds the pairs.
    ranks = dict(reversed(ranks_of(merges).items()))
    for _ in range(20):
        symbols = list(random_word(rng, longest=14))
        right = reference.apply(symbols, merges)
        turned = reference.apply(symbols, merges[::-1])
        expect_equal(
            submission.call("apply_merges", symbols, ranks),
            right,
            misconceptions={"apply.dict-order": turned} if turned != right else {},
            what=f"apply_merges({symbols}, ...) with the merges {merges}",
        )


@exercise("lab02.apply_merges")
def test_nothing_to_merge(submission):
    for symbols in ([], ["z"], ["b", "a"]):
        expect_equal(
            submission.call("apply_merges", symbols, {("a", "b"): 0}),
            symbols,
            what=f"apply_merges({symbols}, {{('a', 'b'): 0}})",
        )


@exercise("lab02.bytes_to_unicode")
def test_all_256_bytes(submission):
    right = reference.byte_table()
    moved = {byte for byte in right if right[byte] != chr(byte)}
    table = submission.call("bytes_to_unicode")
    entry = ""
    if isinstance(table, dict):
        wrong = [byte for byte in range(256) if table.get(byte) != right[byte]]
        if wrong:
            entry = (
                f" of byte {wrong[0]} (yours {table.get(wrong[0], 'no entry')!r}, expected "
                f"{right[wrong[0]]!r}; {len(wrong)} of 256 differ)"
            )
    expect_equal(
        table,
        right,
        misconceptions={
            "bytes.themselves": {byte: chr(byte) for byte in right},
            "bytes.all-moved": {byte: chr(256 + byte) for byte in right},
            "bytes.moved-by-256": {b: chr(256 + b) if b in moved else chr(b) for b in right},
            "bytes.soft-hyphen-kept": table_that_keeps(moved - {173}),
            "bytes.space-kept": table_that_keeps(moved - {32}),
            "bytes.hidden-left-out": {b: c for b, c in right.items() if b not in moved},
            "bytes.ends-left-out": table_that_keeps(moved | {126, 172, 255}),
            "bytes.turned-round": {character: byte for byte, character in right.items()},
        },
        what=f"bytes_to_unicode(){entry}",
    )


def table_that_keeps(moved):
    stand_ins = {byte: chr(256 + n) for n, byte in enumerate(sorted(moved))}
    return {byte: stand_ins.get(byte, chr(byte)) for byte in range(256)}


@exercise("lab02.bytes_to_unicode")
def test_order_is_that_of_the_ids(submission):
    order = list(submission.call("bytes_to_unicode"))
    expect(
        order != list(range(256)),
        "the entries stand in the order 0, 1, 2, ...; expected the visible bytes first: 33, 34",
        "bytes.order",
    )
    right = sorted(range(256), key=reference.byte_table().get)
    expect_equal(order, right, what="list(bytes_to_unicode())")


def expect_cut(submission, text, right, misconceptions=None):
    """Compares the pieces of a text, and names the first piece that differs."""
    pieces = submission.call("pre_tokenize", text)
    place = ""
    if isinstance(pieces, (list, tuple)):
        both = itertools.zip_longest(pieces, right, fillvalue="nothing more")
        for i, (mine, expected) in enumerate(both):
            if mine != expected:
                place = f" at piece {i} (yours {mine!r}, expected {expected!r})"
                break
    expect_equal(pieces, right, misconceptions, what=f"pre_tokenize({text!r}){place}")


@exercise("lab02.pre_tokenize")
def test_cuts_where_gpt2_cuts(submission):
    expect_cut(submission, MIXED, CUT, reference.wrong_cuts(MIXED))


@exercise("lab02.pre_tokenize")
def test_all_english_endings(submission):
    text = "I'm, we're, they've, it's, can't, he'll, she'd"
    right = ["I", "'m", ",", " we", "'re", ",", " they", "'ve", ",", " it", "'s", ",", " can"]
    right += ["'t", ",", " he", "'ll", ",", " she", "'d"]
    expect_cut(
        submission, text, right, {"pre.no-endings": reference.wrong_cuts(text)["pre.no-endings"]}
    )
    # An ending takes no space before it, and needs the straight apostrophe.
    expect_cut(submission, "the 's", ["the", " '", "s"], {"pre.ending-with-space": ["the", " 's"]})
    expect_cut(submission, "it’s", ["it", "’", "s"], {"pre.curly-apostrophe": ["it", "’s"]})


@exercise("lab02.pre_tokenize")
def test_letters_and_digits_of_any_script(submission):
    expect_cut(submission, "x²5½", ["x", "²5½"], {"pre.digits-only": ["x", "²", "5", "½"]})
    # In "e" and a combining accent the accent is no letter, as vowel signs in Hindi are none.
    expect_cut(
        submission,
        "e\N{COMBINING ACUTE ACCENT}t",
        ["e", "\N{COMBINING ACUTE ACCENT}", "t"],
        {"pre.accents-joined": ["e\N{COMBINING ACUTE ACCENT}t"], "pre.normalised": ["ét"]},
    )


@exercise("lab02.pre_tokenize")
def test_white_space_at_the_ends(submission):
    for text, right in {
        "": [],
        " ": [" "],
        "a  ": ["a", "  "],
        "   a": ["  ", " a"],
        "a\nb": ["a", "\n", "b"],
        "a \n b": ["a", " \n", " b"],
        "٣4 ²": ["٣4", " ²"],
    }.items():
        expect_cut(submission, text, right)


@exercise("lab02.pre_tokenize")
def test_random_pieces(submission, rng):
    # Pieces that can only be cut in one way, so that the right cut is known beforehand.
    pieces = list(rng.choice([" dog", " 7", " !?", " 고양이", " été", " x", " 10"], size=12))
    expect_equal(submission.call("pre_tokenize", "".join(pieces)), pieces)


@exercise("lab02.bpe_encode")
def test_ids_of_the_merged_bytes(submission):
    pieces = ["low", " slow", " Low", " lowest", " lowest", "!"]
    # A merge that would cross the border between two pre-tokens.
    words = {"low": 5, "Ġlowest": 3, "Ġlow": 4}
    merges = [("t", "!"), *reference.train(words, 9)]
    vocabulary = {token: 2 * i + 1 for token, i in reference.vocabulary(merges).items()}
    text, right = "".join(pieces), reference.encode(pieces, vocabulary, merges)
    tokens = [t for p in pieces for t in reference.apply(reference.to_bytes(p), merges)]
    ranks = ranks_of(merges)
    error = submission.error("bpe_encode", text, vocabulary, ranks)
    whole = repr("".join(reference.to_bytes(" slow")))
    expect(
        error != ("KeyError", whole),
        f"bpe_encode({text!r}, ...) looks up {whole} as a whole; it is no token",
        "encode.not-spelled",
    )
    expect_equal(
        submission.call("bpe_encode", text, vocabulary, ranks),
        right,
        misconceptions={
            "encode.not-cut": reference.encode([text], vocabulary, merges),
            "encode.not-merged": reference.encode(pieces, vocabulary, []),
            "encode.lower-case": reference.encode([p.lower() for p in pieces], vocabulary, merges),
            "encode.spaces-lost": reference.encode([p.strip() for p in pieces], vocabulary, merges),
            "encode.tokens-not-ids": tokens,
            "encode.repeats-lost": reference.encode(dict.fromkeys(pieces), vocabulary, merges),
            "encode.nested": [reference.encode([p], vocabulary, merges) for p in pieces],
        },
        what=f"bpe_encode({text!r}, ...) with the merges {merges}",
    )


@exercise("lab02.bpe_encode")
def test_any_text_has_ids(submission):
    merges = reference.train({"".join(reference.to_bytes(w)): 3 for w in (" é", " 비가", "와")}, 6)
    vocabulary = reference.vocabulary(merges)
    pieces = ["é", " 비가", " 와서", " e", "\N{COMBINING ACUTE ACCENT}", " 🙂", "\n"]
    text, right = "".join(pieces), reference.encode(pieces, vocabulary, merges)
    normalised = [*pieces[:3], " é", *pieces[5:]]
    error = submission.error("bpe_encode", text, vocabulary, ranks_of(merges))
    expect(
        error is None or error[0] not in ("KeyError", "UnicodeEncodeError"),
        f"bpe_encode({text!r}, ...) raised {error}; its UTF-8 bytes all have a token",
        "encode.characters-not-bytes",
    )
    expect_equal(
        submission.call("bpe_encode", text, vocabulary, ranks_of(merges)),
        right,
        misconceptions={
            "encode.line-end-lost": right[:-1],
            "encode.normalised": reference.encode(normalised, vocabulary, merges),
        },
        what=f"bpe_encode({text!r}, ...)",
    )


@exercise("lab02.bpe_encode")
def test_empty_text(submission):
    expect_equal(submission.call("bpe_encode", "", reference.vocabulary([]), {}), [])


@exercise("lab02.bpe_encode")
def test_ids_of_random_words(submission, rng):
    merges = reference.train(random_words(rng), 12)
    vocabulary = {t: i + 7 for t, i in reference.vocabulary(merges).items()}
    pieces = [random_word(rng), *(f" {random_word(rng)}" for _ in range(6))]
    text = "".join(pieces)
    expect_equal(
        submission.call("bpe_encode", text, vocabulary, ranks_of(merges)),
        reference.encode(pieces, vocabulary, merges),
        what=f"bpe_encode({text!r}, ...) with the merges {merges}",
    )


@exercise("lab02.bpe_decode")
def test_bytes_are_joined_first(submission):
    text = " 비 a é\r\n🙂\n"
    merges = [("ì", "Ħ"), *reference.train({"".join(reference.to_bytes(" a é")): 2}, 2)]
    vocabulary = {token: 3 * i for token, i in reference.vocabulary(merges).items()}
    tokens = {i: token for token, i in vocabulary.items()}
    ids = [vocabulary[token] for token in reference.apply(reference.to_bytes(text), merges)]
    written = [tokens[i] for i in ids]
    expect_equal(
        submission.call("bpe_decode", ids, tokens),
        text,
        misconceptions={
            "decode.token-by-token": "".join(map(reference.from_bytes, written)),
            "decode.stand-ins-left": "".join(written),
            "decode.only-spaces": "".join(written).replace("Ġ", " "),
            "decode.stripped": text.strip(),
            "decode.latin-1": "".join(map(reference.from_bytes_one_by_one, written)),
            "decode.spaces-between": reference.from_bytes("Ġ".join(written)),
        },
        what=f"bpe_decode of the ids of {text!r}",
    )


@exercise("lab02.bpe_decode")
def test_half_a_character(submission):
    tokens = dict(enumerate(reference.byte_table().values()))
    place = {token: i for i, token in tokens.items()}
    ids = [place[c] for c in reference.to_bytes("a비b")[:3]]
    error = submission.error("bpe_decode", ids, tokens)
    expect(
        error is None or not error[0].startswith("Unicode"),
        f"bpe_decode of half a character raised {error}; expected 'a\N{REPLACEMENT CHARACTER}'",
        "decode.fails-on-half-a-character",
    )
    expect_equal(
        submission.call("bpe_decode", ids, tokens),
        "a\N{REPLACEMENT CHARACTER}",
        misconceptions={"decode.half-a-character-lost": "a"},
        what="bpe_decode of 'a' and two of the three bytes of '비'",
    )


@exercise("lab02.bpe_decode")
def test_unknown_id(submission):
    tokens = {0: "a", 1: "b", 5: "ab"}
    error = submission.error("bpe_decode", [0, 4, 1], tokens)
    expect(
        error is not None and error[0] == "ValueError",
        f"bpe_decode([0, 4, 1], {tokens}) gave {error or 'no error'}; expected a ValueError",
        "decode.unknown-id",
    )
    expect(
        "4" in error[1], f"the message does not name the id 4: {error[1]!r}", "decode.unknown-id"
    )


@exercise("lab02.bpe_decode")
def test_nothing_to_decode(submission):
    expect_equal(submission.call("bpe_decode", [], {0: "a"}), "", what="bpe_decode([], ...)")


@exercise("lab02.bpe_decode")
def test_text_of_random_ids(submission, rng):
    tokens = dict(enumerate(reference.vocabulary(reference.train(random_words(rng), 12))))
    # Tokens of ASCII letters only, so that the bytes are whole characters.
    whole = [i for i, token in tokens.items() if token.isascii() and token.isalpha()]
    ids = [int(i) for i in rng.choice(whole, size=12)]
    expect_equal(
        submission.call("bpe_decode", ids, tokens),
        "".join(tokens[i] for i in ids),
        what=f"bpe_decode({ids}, ...)",
    )
