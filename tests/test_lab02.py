"""Tests of lab 02. Words that repeat symbols, and counts of all sizes, so that no slip can hide."""

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
    words |= {("n", "low", "er"): 2, ("x",): 11}
    expect_equal(
        submission.call("count_pairs", words),
        reference.pairs(words),
        misconceptions={
            "pairs.words-weigh-the-same": reference.pairs(words, weigh=False),
            "pairs.once-a-word": reference.pairs(words, once=True),
            "pairs.no-overlap": reference.pairs(words, overlap=False),
            "pairs.order-lost": reference.pairs(words, sort=True),
            "pairs.joined": {a + b: n for (a, b), n in reference.pairs(words).items()},
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
        },
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


@exercise("lab02.train_bpe")
def test_low_lower_newest_widest(submission):
    right = reference.train(LITTLE, 8)
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
        },
        what=f"train_bpe({LITTLE}, 8)",
    )


@exercise("lab02.train_bpe")
def test_until_nothing_is_left(submission):
    words = {"aab": 2, "ba": 1, "c": 9}
    error = submission.error("train_bpe", words, 50)
    expect(
        error is None,
        f"train_bpe({words}, 50) raised {error}; expected all merges that there are",
        "train.runs-out",
    )
    expect_equal(
        submission.call("train_bpe", words, 50),
        reference.train(words, 50),
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
    for _ in range(20):
        symbols = list(random_word(rng, longest=14))
        expect_equal(
            submission.call("apply_merges", symbols, ranks_of(merges)),
            reference.apply(symbols, merges),
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
    expect_equal(
        submission.call("bytes_to_unicode"),
        right,
        misconceptions={
            "bytes.themselves": {byte: chr(byte) for byte in right},
            "bytes.all-moved": {byte: chr(256 + byte) for byte in right},
            "bytes.moved-by-256": {b: chr(256 + b) if b in moved else chr(b) for b in right},
            "bytes.soft-hyphen-kept": table_that_keeps(moved - {173}),
            "bytes.ends-left-out": table_that_keeps(moved | {126, 172, 255}),
            "bytes.turned-round": {character: byte for byte, character in right.items()},
        },
        what="bytes_to_unicode()",
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
    right = sorted(range(256), key=lambda b: reference.byte_table()[b])
    expect_equal(order, right, what="list(bytes_to_unicode())")


@exercise("lab02.pre_tokenize")
def test_cuts_where_gpt2_cuts(submission):
    expect_equal(
        submission.call("pre_tokenize", MIXED),
        CUT,
        misconceptions=reference.wrong_cuts(MIXED),
        what=f"pre_tokenize({MIXED!r})",
    )


@exercise("lab02.pre_tokenize")
def test_all_english_endings(submission):
    text = "I'm, we're, they've, it's, can't, he'll, she'd"
    right = ["I", "'m", ",", " we", "'re", ",", " they", "'ve", ",", " it", "'s", ",", " can"]
    right += ["'t", ",", " he", "'ll", ",", " she", "'d"]
    expect_equal(submission.call("pre_tokenize", text), right, what=f"pre_tokenize({text!r})")


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
        expect_equal(submission.call("pre_tokenize", text), right, what=f"pre_tokenize({text!r})")


@exercise("lab02.pre_tokenize")
def test_random_pieces(submission, rng):
    # Pieces that can only be cut in one way, so that the right cut is known beforehand.
    pieces = list(rng.choice([" dog", " 7", " !?", " 고양이", " été", " x", " 10"], size=12))
    expect_equal(submission.call("pre_tokenize", "".join(pieces)), pieces)


@exercise("lab02.bpe_encode")
def test_ids_of_the_merged_bytes(submission):
    pieces = ["low", " lowest", "!"]
    # A merge that would cross the border between two pre-tokens.
    words = {"low": 5, "Ġlowest": 3, "Ġlow": 4}
    merges = [("t", "!"), *reference.train(words, 9)]
    vocabulary = {token: 2 * i + 1 for token, i in reference.vocabulary(merges).items()}
    text, right = "".join(pieces), reference.encode(pieces, vocabulary, merges)
    tokens = [t for p in pieces for t in reference.apply(reference.to_bytes(p), merges)]
    ranks = ranks_of(merges)
    expect_equal(
        submission.call("bpe_encode", text, vocabulary, ranks),
        right,
        misconceptions={
            "encode.not-cut": reference.encode([text], vocabulary, merges),
            "encode.not-merged": reference.encode(pieces, vocabulary, []),
            "encode.spaces-lost": reference.encode([p.strip() for p in pieces], vocabulary, merges),
            "encode.tokens-not-ids": tokens,
            "encode.nested": [reference.encode([p], vocabulary, merges) for p in pieces],
        },
        what=f"bpe_encode({text!r}, ...) with the merges {merges}",
    )


@exercise("lab02.bpe_encode")
def test_any_text_has_ids(submission):
    merges = reference.train({"".join(reference.to_bytes(w)): 3 for w in (" é", " 비가", "와")}, 6)
    vocabulary = reference.vocabulary(merges)
    pieces = ["é", " 비가", " 와서", " 🙂", "\n"]
    text = "".join(pieces)
    error = submission.error("bpe_encode", text, vocabulary, ranks_of(merges))
    expect(
        error is None,
        f"bpe_encode({text!r}, ...) raised {error}; its UTF-8 bytes all have a token",
        "encode.characters-not-bytes",
    )
    expect_equal(
        submission.call("bpe_encode", text, vocabulary, ranks_of(merges)),
        reference.encode(pieces, vocabulary, merges),
        what=f"bpe_encode({text!r}, ...)",
    )


@exercise("lab02.bpe_encode")
def test_empty_text(submission):
    expect_equal(submission.call("bpe_encode", "", reference.vocabulary([]), {}), [])


@exercise("lab02.bpe_decode")
def test_bytes_are_joined_first(submission):
    text = "비 a é\n🙂"
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
        error is None,
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
