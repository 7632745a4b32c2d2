"""Tests of lab 07. Every axis has a size of its own, so that a swapped one cannot hide."""

import dataclasses
import math

import numpy as np
from reference import gpt
from reference import pretraining as reference

from gpt_tf.config import GPTConfig
from gpt_tf.course.submission import Crashed
from gpt_tf.course.testing import (
    Part,
    exercise,
    expect,
    expect_close,
    expect_compiles,
    expect_equal,
    expect_no_crash,
)

DOCUMENTS = [[5, 6, 7, 8, 9], [11], [12, 13, 14], [15, 16, 17]]
BATCH, LENGTH, VOCABULARY = 3, 5, 7
SIZES = [40, 7, 12, 5]
WEIGHTS = [6, 3, 0, 11]  # they sum to 20
DRAWS = 500_000
ALPHABET = "Alpha beta  gamma\tdelta Beta gamma delta epsilon"
# 0 and 2 agree in 6 of 8 places, 2 and 4 in 4, 0 and 4 in 2, 0 and 6 in 1; 1 and 3 are equal, and
# 5 has the numbers of 0 in other places.
GROUPS = [
    [11, 12, 13, 14, 15, 16, 17, 18],
    [21, 22, 23, 24, 25, 26, 27, 28],
    [11, 12, 13, 14, 15, 16, 37, 38],
    [21, 22, 23, 24, 25, 26, 27, 28],
    [11, 12, 43, 44, 45, 46, 37, 38],
    [18, 17, 16, 15, 14, 13, 12, 11],
    [11, 92, 93, 94, 95, 96, 97, 98],
]
TINY = GPTConfig(VOCABULARY, LENGTH, 1, num_heads=2, hidden_dim=4, head_dim=1, intermediate_dim=6)
RATE = 0.5


@exercise("lab07.mixture_epochs")
def test_epochs_follow_from_sizes_and_weights(submission):
    shares = reference.epochs([1] * 4, WEIGHTS, 1)
    expect_close(
        submission.call("mixture_epochs", SIZES, WEIGHTS, 90),
        reference.epochs(SIZES, WEIGHTS, 90),
        misconceptions={
            "mixture.not-shares": reference.epochs(SIZES, WEIGHTS, 90, total=1),
            "mixture.percent": reference.epochs(SIZES, WEIGHTS, 90, total=100),
            "mixture.share-of-the-largest": reference.epochs(SIZES, WEIGHTS, 90, total=11),
            "mixture.tokens-read": [90 * share for share in shares],
            "mixture.budget-ignored": reference.epochs(SIZES, WEIGHTS, 1),
            "mixture.weights-ignored": reference.epochs(SIZES, [1] * 4, 90),
            "mixture.weighted-by-size": [90 * w / np.dot(SIZES, WEIGHTS) for w in WEIGHTS],
        },
        what=f"mixture_epochs({SIZES}, {WEIGHTS}, budget=90)",
    )


@exercise("lab07.mixture_epochs")
def test_any_mixture(submission, rng):
    n = int(rng.integers(2, 7))
    tokens, weights = rng.integers(1, 50, n).tolist(), rng.uniform(0.1, 5, n).tolist()
    expect_close(
        submission.call("mixture_epochs", tokens, weights, 120.5),
        reference.epochs(tokens, weights, 120.5),
        what=f"mixture_epochs({tokens}, {weights}, budget=120.5)",
    )
    billions, shares = [0.5, 12.0], [0.7, 0.3]
    expect_close(
        submission.call("mixture_epochs", billions, shares, 3),
        reference.epochs(billions, shares, 3),
        what=f"mixture_epochs({billions}, {shares}, budget=3)",
    )


@exercise("lab07.mixture_epochs")
def test_impossible_mixtures(submission):
    for tokens, weights in (
        ([10, 20], [1]),
        ([10, 0], [1, 1]),
        ([10, -5], [1, 1]),
        ([10, 20], [2, -1]),
        ([10, 20], [0, 0]),
    ):
        error = submission.error("mixture_epochs", tokens, weights, 9)
        expect(
            error is not None and error[0] == "ValueError",
            f"mixture_epochs({tokens}, {weights}, 9) should raise a ValueError; yours gives "
            f"{error}",
            "mixture.impossible-passes",
        )


@exercise("lab07.draw_sources")
def test_drawn_by_weight(submission):
    weights = [6, 1, 3]
    try:
        found = submission.call("draw_sources", weights, DRAWS, np.random.default_rng(4))
    except Crashed as error:
        expect("sum to 1" not in str(error), f"draw_sources: {error}", "draw.not-shares")
        raise
    drawn = np.asarray(found)
    expect(
        drawn.shape == (DRAWS,) and drawn.dtype.kind in "iu",
        f"draw_sources({weights}, {DRAWS:,}, rng): expected {DRAWS:,} whole numbers, yours has "
        f"shape {drawn.shape} and type {drawn.dtype}",
        "draw.shape",
    )
    expect(
        drawn.min() >= 0 and drawn.max() <= 2,
        f"three sources have the numbers 0 to 2; yours go from {drawn.min()} to {drawn.max()}",
        "draw.counts-from-1",
    )
    expect_close(
        np.bincount(drawn, minlength=3) / DRAWS,
        [0.6, 0.1, 0.3],
        misconceptions={
            "draw.uniform": np.full(3, 1 / 3),
            "draw.always-the-heaviest": [1, 0, 0],
            "draw.softmax": np.exp(weights) / np.exp(weights).sum(),
        },
        tolerance=0.02,
        what=f"share of each source in {DRAWS:,} draws with the weights {weights}",
    )


@exercise("lab07.draw_sources")
def test_each_draw_on_its_own(submission, rng):
    chance = np.random.default_rng(int(rng.integers(2**31)))
    drawn = np.asarray(submission.call("draw_sources", [0.5, 0.5], 4000, chance))
    changes = int(np.sum(drawn[1:] != drawn[:-1]))
    what = f"two equal weights, 4,000 draws: the source changes {changes:,} times, expected ~2,000"
    expect(changes > 1700, what, "draw.in-blocks")
    expect(changes < 2300, what, "draw.in-turns")


@exercise("lab07.draw_sources")
def test_chance_comes_from_the_generator(submission):
    first, again, other = (
        np.asarray(submission.call("draw_sources", [1, 2], 200, np.random.default_rng(seed)))
        for seed in (1, 1, 2)
    )
    expect(
        np.array_equal(first, again),
        "two generators of the same seed draw different sources",
        "draw.other-chance",
    )
    expect(
        not np.array_equal(first, other),
        "generators of the seeds 1 and 2 draw the same 200 sources",
        "draw.other-chance",
    )


@exercise("lab07.draw_sources")
def test_no_weight_and_no_draws(submission):
    drawn = submission.call("draw_sources", [2, 0, 1], 500, np.random.default_rng(6))
    expect(
        1 not in np.asarray(drawn),
        "a source of weight 0 is drawn",
        "draw.uniform",
    )
    shape = np.shape(submission.call("draw_sources", [2, 1], 0, np.random.default_rng(6)))
    expect(shape == (0,), f"no draws: expected shape (0,), yours is {shape}", "draw.shape")


@exercise("lab07.keep_by_quality")
def test_share_that_is_kept(submission):
    scores, times = [0.0, 0.5, 0.8, 1.0], 100_000
    given = [score for score in scores for _ in range(times)]
    kept = np.asarray(submission.call("keep_by_quality", given, np.random.default_rng(3), 1.0))
    expect(
        kept.shape == (len(given),) and kept.dtype.kind == "b",
        f"keep_by_quality of {len(given):,} scores: expected as many True or False, yours has "
        f"shape {kept.shape} and type {kept.dtype}",
        "quality.not-flags",
    )
    right = reference.pareto_share(scores, 1)
    expect_close(
        kept.reshape(len(scores), times).mean(axis=1),
        right,
        misconceptions={
            "quality.threshold": [0, 0, 1, 1],
            "quality.coin": scores,
            "quality.upside-down": reference.pareto_share([1 - s for s in scores], 1),
            "quality.keeps-the-rest": [1 - share for share in right],
            "quality.pareto-from-1": [1, 1, 1, 1],
            "quality.alpha-ignored": reference.pareto_share(scores, 9),
        },
        tolerance=0.04,
        what=f"share kept of many documents with the scores {scores}, alpha=1",
    )


@exercise("lab07.keep_by_quality")
def test_a_draw_for_each_document(submission, rng):
    chance = np.random.default_rng(int(rng.integers(2**31)))
    kept = submission.call("keep_by_quality", [0.5] * 200, chance, 1.0)
    expect(
        len(set(np.asarray(kept).tolist())) == 2,
        "200 documents with the score 0.5 are all kept, or all dropped",
        "quality.one-draw",
    )


@exercise("lab07.keep_by_quality")
def test_drawn_from_the_generator(submission):
    first, again, other = (
        np.asarray(
            submission.call("keep_by_quality", [0.5] * 200, np.random.default_rng(seed), 1.0)
        )
        for seed in (1, 1, 2)
    )
    expect(
        np.array_equal(first, again),
        "two generators of the same seed keep different documents",
        "quality.other-chance",
    )
    expect(
        not np.array_equal(first, other),
        "generators of the seeds 1 and 2 keep the same documents out of 200",
        "quality.other-chance",
    )


@exercise("lab07.keep_by_quality")
def test_alpha_is_9_unless_given(submission):
    given = [0.9] * 200
    expect_equal(
        np.asarray(submission.call("keep_by_quality", given, np.random.default_rng(2))),
        np.asarray(submission.call("keep_by_quality", given, np.random.default_rng(2), 9.0)),
        what="keep_by_quality without alpha, compared with alpha=9",
    )


@exercise("lab07.keep_by_quality")
def test_scores_are_probabilities(submission):
    for scores in ([0.5, 1.5], [-0.1, 0.5]):
        error = submission.error("keep_by_quality", scores, np.random.default_rng(2))
        expect(
            error is not None and error[0] == "ValueError",
            f"keep_by_quality({scores}, rng) should raise a ValueError; yours gives {error}",
            "quality.logits-pass",
        )
    shape = np.shape(submission.call("keep_by_quality", [], np.random.default_rng(2)))
    expect(shape == (0,), f"no scores: expected shape (0,), yours is {shape}")


@exercise("lab07.shingles")
def test_overlapping_runs_of_words(submission):
    right = reference.shingles(ALPHABET, 3)
    expect_equal(
        submission.call("shingles", ALPHABET, 3),
        right,
        misconceptions={
            "shingles.case-kept": reference.shingles(ALPHABET, 3, lower=False),
            "shingles.last-missed": reference.shingles(ALPHABET, 3, last=False),
            "shingles.no-overlap": reference.shingles(ALPHABET, 3, step=3),
            "shingles.words-run-together": reference.shingles(ALPHABET, 3, joint=""),
            "shingles.of-characters": {
                ALPHABET[i : i + 3].lower() for i in range(len(ALPHABET) - 2)
            },
            "shingles.single-words": reference.shingles(ALPHABET, 1),
            "shingles.no-set": [" ".join(ALPHABET.lower().split()[i : i + 3]) for i in range(6)],
            "shingles.tuples": {tuple(s.split()) for s in right},
            "shingles.white-space-kept": {
                " ".join(ALPHABET.lower().split(" ")[i : i + 3]) for i in range(6)
            },
        },
        what=f"shingles({ALPHABET!r}, size=3)",
    )


@exercise("lab07.shingles")
def test_repeated_runs_count_once(submission):
    expect_equal(
        submission.call("shingles", "a b a b a", 2),
        {"a b", "b a"},
        misconceptions={"shingles.no-set": ["a b", "b a", "a b", "b a"]},
        what="shingles('a b a b a', size=2)",
    )


@exercise("lab07.shingles")
def test_any_text(submission, rng):
    text, size = " ".join(rng.choice(list("abcdef"), size=12)), int(rng.integers(2, 5))
    expect_equal(
        submission.call("shingles", text, size),
        reference.shingles(text, size),
        what=f"shingles({text!r}, size={size})",
    )


@exercise("lab07.shingles")
def test_short_texts(submission):
    for text, size, right in (
        ("Two words", 3, {"two words"}),
        ("Two words", 2, {"two words"}),
        ("one", 1, {"one"}),
        (" \n", 2, set()),
        ("", 1, set()),
    ):
        wrong = {"shingles.empty-shingle": {""}} if not right else {}
        if len(text.split()) < size and right:
            wrong = {"shingles.short-text-lost": set()}
        expect_equal(
            submission.call("shingles", text, size),
            right,
            misconceptions=wrong,
            what=f"shingles({text!r}, size={size})",
        )


@exercise("lab07.shingles")
def test_a_shingle_has_a_word(submission):
    for size in (0, -2):
        error = submission.error("shingles", "a b c", size)
        expect(
            error is not None and error[0] == "ValueError",
            f"shingles('a b c', size={size}) should raise a ValueError; yours gives {error}",
            "shingles.size-passes",
        )


@exercise("lab07.minhash_signature")
def test_smallest_hash_of_each_function(submission):
    items, a, b, prime = {3, 14, 8, 20}, [5, 11, 2, 7, 22], [4, 0, 9, 1, 17], 23
    raw = [[y * x + z for x in items] for y, z in zip(a, b, strict=True)]
    first = [(y * min(items) + z) % prime for y, z in zip(a, b, strict=True)]
    last = [min((y * (x + z)) % prime for x in items) for y, z in zip(a, b, strict=True)]
    no_b = [min(y * x % prime for x in items) for y in a]
    per_item = [min((y * x + z) % prime for y, z in zip(a, b, strict=True)) for x in sorted(items)]
    expect_equal(
        np.asarray(submission.call("minhash_signature", items, a, b, prime)),
        np.asarray(reference.minhash(items, a, b, prime)),
        misconceptions={
            "minhash.largest": np.array(reference.minhash(items, a, b, prime, best=max)),
            "minhash.hash-of-the-smallest": np.array(first),
            "minhash.no-remainder": np.array([min(row) for row in raw]),
            "minhash.remainder-too-early": np.array(
                [min(y * x % prime + z for x in items) for y, z in zip(a, b, strict=True)]
            ),
            "minhash.b-in-the-brackets": np.array(last),
            "minhash.no-b": np.array(no_b),
            "minhash.over-functions": np.array(per_item),
        },
        what=f"minhash_signature({items}, a={a}, b={b}, prime={prime})",
    )


@exercise("lab07.minhash_signature")
def test_large_numbers(submission, rng):
    prime = 2**31 - 1
    items = set(rng.integers(2**31, 2**32, size=9).tolist())
    a = rng.integers(2**30, prime, size=6).tolist()
    b = rng.integers(2**30, prime, size=6).tolist()
    x, y, z = (np.array(v, "int64") for v in (sorted(items), a, b))
    with np.errstate(over="ignore"):
        narrow = y.astype("int32")[:, None] * x.astype("int32") + z.astype("int32")[:, None]
    rounded = (y.astype("float64")[:, None] * x + z[:, None]) % prime
    what = f"minhash_signature({items}, a={a}, b={b}, prime=2**31 - 1)"
    with expect_no_crash(what, "minhash.too-few-bits"):
        found = np.asarray(submission.call("minhash_signature", items, a, b, prime))
    expect_equal(
        found,
        np.asarray(reference.minhash(items, a, b, prime)),
        misconceptions={
            "minhash.too-few-bits": (narrow % np.int32(prime)).min(axis=1),
            "minhash.rounded": rounded.min(axis=1),
        },
        what=what,
    )


@exercise("lab07.minhash_signature")
def test_equal_with_the_probability_of_the_similarity(submission, rng):
    # 40 of 100 elements are shared; 400 functions agree in 40% of the cases, give or take 7%.
    x = rng.choice(2**31, size=100, replace=False).tolist()
    prime = 2**31 - 1
    a, b = (rng.integers(1, prime, size=400).tolist() for _ in range(2))
    one, two = (
        np.asarray(submission.call("minhash_signature", items, a, b, prime))
        for items in (set(x[:70]), set(x[30:]))
    )
    share = float(np.mean(one == two))
    expect(
        0.25 < share < 0.55,
        f"two sets with a similarity of 0.4: {share:.2f} of 400 numbers are equal, expected ~0.4",
    )


@exercise("lab07.minhash_signature")
def test_one_item_and_none(submission):
    expect_equal(
        np.asarray(submission.call("minhash_signature", {6}, [3, 5], [1, 2], 7)),
        np.array([5, 4]),
        what="minhash_signature({6}, a=[3, 5], b=[1, 2], prime=7)",
    )
    error = submission.error("minhash_signature", set(), [3, 5], [1, 2], 7)
    expect(
        error is not None and error[0] == "ValueError",
        f"minhash_signature of an empty set should raise a ValueError; yours gives {error}",
        "minhash.empty-passes",
    )


@exercise("lab07.drop_near_duplicates")
def test_first_of_each_group(submission):
    right = reference.first_of_groups(GROUPS, 0.5)
    dropped = [i for i in range(len(GROUPS)) if i not in right]
    expect_equal(
        submission.call("drop_near_duplicates", GROUPS, 0.5),
        right,
        misconceptions={
            "near.all-earlier": reference.first_of_groups(GROUPS, 0.5, earlier="all"),
            "near.only-the-one-before": reference.first_of_groups(GROUPS, 0.5, earlier="last"),
            "near.exact-only": reference.first_of_groups(GROUPS, 1.0),
            "near.keeps-the-last": sorted(
                len(GROUPS) - 1 - i for i in reference.first_of_groups(GROUPS[::-1], 0.5)
            ),
            "near.drops-the-first-too": [5, 6],
            "near.gives-the-dropped": dropped,
            "near.gives-flags": [i in right for i in range(len(GROUPS))],
            "near.gives-signatures": [GROUPS[i] for i in right],
            "near.counts-not-shares": [0, 1, 5],
            "near.places-ignored": [0, 1, 4, 6],
        },
        what="drop_near_duplicates(seven signatures of 8 numbers, threshold=0.5)",
    )


@exercise("lab07.drop_near_duplicates")
def test_at_the_threshold(submission):
    given = [[1, 2, 3, 4], [1, 2, 3, 9], [1, 2, 7, 8]]
    expect_equal(
        submission.call("drop_near_duplicates", given, 0.75),
        reference.first_of_groups(given, 0.75),
        misconceptions={
            "near.strictly-above": reference.first_of_groups(given, 0.75, strictly=True)
        },
        what=f"drop_near_duplicates({given}, threshold=0.75)",
    )


@exercise("lab07.drop_near_duplicates")
def test_any_signatures(submission, rng):
    given = rng.integers(0, 3, size=(12, 8)).tolist()
    for threshold in (0.5, 1.0):
        expect_equal(
            submission.call("drop_near_duplicates", given, threshold),
            reference.first_of_groups(given, threshold),
            what=f"drop_near_duplicates({given}, {threshold})",
        )


@exercise("lab07.drop_near_duplicates")
def test_nothing_to_drop_and_no_threshold(submission):
    with expect_no_crash("drop_near_duplicates([], 0.5)", "near.no-documents"):
        found = submission.call("drop_near_duplicates", [], 0.5)
    expect_equal(found, [], what="drop_near_duplicates([], 0.5)")
    for threshold in (0, -0.5, 1.5):
        error = submission.error("drop_near_duplicates", GROUPS, threshold)
        expect(
            error is not None and error[0] == "ValueError",
            f"drop_near_duplicates(signatures, threshold={threshold}) should raise a ValueError; "
            f"yours gives {error}",
            "near.threshold-passes",
        )


def sample(rng, scale=2.0):
    tokens = rng.integers(0, VOCABULARY, size=(BATCH, LENGTH))
    return tokens, rng.normal(size=(BATCH, LENGTH, VOCABULARY)) * scale


@exercise("lab07.pack_documents")
def test_one_stream_cut_into_rows(submission):
    # 12 tokens and 4 delimiters fill rows of 4 exactly, the last delimiter included.
    packed = np.asarray(submission.call("pack_documents", DOCUMENTS, 4, 3))
    per_document = [reference.rows([*d, 3], 4) for d in DOCUMENTS]
    own_rows = [reference.rows([*d, 3], 4, filler=3) for d in DOCUMENTS]
    expect_equal(
        packed,
        reference.rows(reference.stream(DOCUMENTS, 3), 4),
        misconceptions={
            "pack.no-delimiter": reference.rows(reference.stream(DOCUMENTS, 3, "nowhere"), 4),
            "pack.delimiter-between": reference.rows(reference.stream(DOCUMENTS, 3, "between"), 4),
            "pack.delimiter-before": reference.rows(reference.stream(DOCUMENTS, 3, "before"), 4),
            "pack.one-row-each": np.concatenate(own_rows),
            "pack.cut-each-document": np.concatenate(per_document),
        },
        what="pack_documents(documents, length=4, delimiter=3)",
    )
    expect(
        packed.dtype.kind in "iu",
        f"pack_documents gives {packed.dtype}, expected int32",
        "pack.not-integers",
    )


@exercise("lab07.pack_documents")
def test_documents_may_be_arrays(submission):
    documents, mistake = [np.array(d) for d in DOCUMENTS], "pack.delimiter-added"
    with expect_no_crash("pack_documents of arrays", mistake):
        packed = np.asarray(submission.call("pack_documents", documents, 4, 3))
    expect_equal(
        packed,
        reference.rows(reference.stream(DOCUMENTS, 3), 4),
        misconceptions={mistake: reference.rows([t + 3 for d in DOCUMENTS for t in d], 4)},
        what="pack_documents(documents as arrays, length=4, delimiter=3)",
    )


@exercise("lab07.pack_documents")
def test_the_rest_is_dropped(submission):
    whole = reference.stream(DOCUMENTS, 3)
    expect_equal(
        np.asarray(submission.call("pack_documents", DOCUMENTS, 6, 3)),
        reference.rows(whole, 6),
        misconceptions={"pack.rest-padded": reference.rows(whole, 6, filler=3)},
        what="pack_documents(documents, length=6, delimiter=3), 16 tokens in all",
    )


@exercise("lab07.pack_documents")
def test_too_little_text_gives_no_row(submission):
    packed = np.asarray(submission.call("pack_documents", [[1, 2]], 9, 3))
    expect(
        packed.shape == (0, 9),
        f"3 tokens do not fill a row of 9: expected shape (0, 9), yours is {packed.shape}",
        "pack.rest-padded",
    )
    with expect_no_crash("pack_documents([], 9, 3)", "pack.no-documents"):
        shape = np.shape(submission.call("pack_documents", [], 9, 3))
    expect(
        shape == (0, 9),
        f"pack_documents([], 9, 3): expected shape (0, 9), yours is {shape}",
        "pack.no-documents",
    )


@exercise("lab07.pack_documents")
def test_bad_input_is_named(submission):
    for documents, length, named in (
        ([[1, 2], []], 2, "empty"),
        ([[1, 2]], 0, "length"),
        ([[1, 2]], -1, "length"),
    ):
        error = submission.error("pack_documents", documents, length, 3)
        expect(
            error is not None and error[0] == "ValueError" and named in error[1],
            f"pack_documents({documents}, length={length}, delimiter=3) should raise a ValueError "
            f"whose message has the word {named!r}; yours gives {error}",
            "pack.bad-input-passes",
        )


@exercise("lab07.pack_documents")
def test_random_documents(submission, rng):
    documents = [rng.integers(5, 90, size=n).tolist() for n in rng.integers(1, 9, size=7)]
    length, delimiter = int(rng.integers(2, 9)), int(rng.integers(0, 5))
    expect_equal(
        np.asarray(submission.call("pack_documents", documents, length, delimiter)),
        reference.rows(reference.stream(documents, delimiter), length),
        what=f"pack_documents({documents}, {length}, {delimiter})",
    )


@exercise("lab07.pack_documents")
def test_rows_of_one_token_and_int32(submission):
    packed = submission.call("pack_documents", [[1, 2]], 1, 3)
    expect_equal(np.asarray(packed), [[1], [2], [3]], what="pack_documents([[1, 2]], length=1)")
    found = getattr(packed, "dtype", type(packed).__name__)
    expect(found == np.int32, f"pack_documents returns {found}, expected int32")


@exercise("lab07.next_token_loss")
def test_predicts_the_next_token(submission, rng):
    tokens, logits = sample(rng)
    right = reference.next_token_loss(tokens, logits)
    losses = reference.target_losses(tokens, logits)
    count = BATCH * (LENGTH - 1)
    probabilities = np.exp(reference.log_softmax(logits))
    mean = {
        shift: np.mean(list(reference.target_losses(tokens, logits, shift).values()))
        for shift in (0, -1)
    }
    first_again = [-reference.log_softmax(logits)[b, -1, tokens[b, 0]] for b in range(BATCH)]
    expect_close(
        submission.call("next_token_loss", tokens, logits),
        right,
        misconceptions={
            "loss.not-shifted": mean[0],
            "loss.backwards": mean[-1],
            "loss.wraps-around": (sum(losses.values()) + sum(first_again)) / (BATCH * LENGTH),
            "loss.divides-by-all-positions": right * count / (BATCH * LENGTH),
            "loss.summed": right * count,
            "loss.summed-over-positions": right * (LENGTH - 1),
            "loss.in-bits": right / math.log(2),
            "loss.softmax-twice": reference.next_token_loss(tokens, probabilities),
        },
        what="next_token_loss(tokens, logits)",
    )


@exercise("lab07.next_token_loss")
def test_only_real_targets_count(submission, rng):
    tokens, logits = sample(rng)
    mask = np.arange(LENGTH)[None] < np.array([[5], [4], [2]])
    losses = reference.target_losses(tokens, logits)
    of_inputs = [v for (b, t), v in losses.items() if mask[b, t - 1]]
    real = [v for place, v in losses.items() if mask[place]]
    by_row = [np.mean([v for (b, t), v in losses.items() if b == r and mask[b, t]]) for r in (0, 1)]
    by_row.append(losses[2, 1])
    expect_close(
        submission.call("next_token_loss", tokens, logits, mask),
        reference.next_token_loss(tokens, logits, mask),
        misconceptions={
            "loss.mask-ignored": reference.next_token_loss(tokens, logits),
            "loss.mask-of-inputs": np.mean(of_inputs),
            "loss.divides-by-all-targets": sum(real) / (BATCH * (LENGTH - 1)),
            "loss.mean-of-rows": np.mean(by_row),
        },
        what="next_token_loss(tokens, logits, mask) with rows of 5, 4 and 2 real tokens",
    )


@exercise("lab07.next_token_loss")
def test_first_token_is_nobodys_target(submission, rng):
    tokens, logits = sample(rng)
    mask = np.ones((BATCH, LENGTH), bool)
    mask[:, 0] = False
    expect_close(
        submission.call("next_token_loss", tokens, logits, mask),
        reference.next_token_loss(tokens, logits),
        what="next_token_loss(tokens, logits, mask), only the first tokens not real",
    )


@exercise("lab07.next_token_loss")
def test_large_logits(submission, rng):
    tokens, logits = sample(rng, scale=200.0)
    expect_close(
        submission.call("next_token_loss", tokens, logits),
        reference.next_token_loss(tokens, logits),
        what="next_token_loss(tokens, logits) with logits in the hundreds",
    )


@exercise("lab07.next_token_loss")
def test_tokens_as_floats(submission, rng):
    tokens, logits = sample(rng)
    expect_close(
        submission.call("next_token_loss", tokens.astype("float32"), logits),
        reference.next_token_loss(tokens, logits),
        what="next_token_loss(tokens, logits) with tokens as floats, as Keras hands them over",
    )


@exercise("lab07.next_token_loss")
def test_loss_can_be_trained(submission, rng):
    tokens, logits = sample(rng)
    mask = np.arange(LENGTH)[None] < np.array([[5], [4], [2]])
    for given in ((), (mask,)):
        expect_compiles(
            lambda given=given: submission.compiled("next_token_loss", tokens, logits, *given),
            "next_token_loss",
        )


@exercise("lab07.next_token_loss")
def test_nothing_to_predict(submission, rng):
    tokens, logits = sample(rng)
    expect_close(
        submission.call("next_token_loss", tokens, logits, np.zeros((BATCH, LENGTH), bool)),
        0.0,
        what="next_token_loss without one real target",
    )
    error = submission.error("next_token_loss", tokens[:, :1], logits[:, :1])
    expect(
        error is not None and error[0] == "ValueError",
        f"next_token_loss of rows of one token should raise a ValueError; yours gives {error}",
        "loss.one-token-passes",
    )


@exercise("lab07.next_token_loss")
def test_a_single_target(submission, rng):
    tokens, logits = sample(rng)
    tokens, logits = tokens[:1, :2], logits[:1, :2]
    expect_close(
        submission.call("next_token_loss", tokens, logits),
        reference.next_token_loss(tokens, logits),
        what="next_token_loss of one row of two tokens",
    )


def rates(steps, *args, **mistakes):
    return np.array([reference.learning_rate(s, *args, **mistakes) for s in steps])


@exercise("lab07.warmup_cosine")
def test_rises_then_falls(submission):
    steps, shape = (0, 3, 10, 27, 45, 79, 80, 97, 150), (2.0, 10, 80, 0.1)
    peak, warmup, total, final = shape
    right = rates(steps, *shape)

    def falls(share):
        return rates(steps, *shape, share=share)

    expect_close(
        [submission.call("warmup_cosine", s, *shape) for s in steps],
        right,
        misconceptions={
            "schedule.one-step-early": np.where(
                np.array(steps) < warmup, peak * (np.array(steps) + 1) / warmup, right
            ),
            "schedule.rises-from-the-floor": np.where(
                np.array(steps) < warmup,
                peak * (final + (1 - final) * np.array(steps) / warmup),
                right,
            ),
            "schedule.no-warmup": rates(steps, peak, 0, total, final),
            "schedule.cosine-from-step-0": falls(lambda s: reference.cosine(s / total)),
            "schedule.warmup-on-top": falls(lambda s: reference.cosine((s - warmup) / total)),
            "schedule.linear-decay": falls(lambda s: max(total - s, 0) / (total - warmup)),
            "schedule.comes-back": falls(
                lambda s: reference.cosine((s - warmup) / (total - warmup), stops=False)
            ),
            "schedule.falls-to-zero": rates(steps, peak, warmup, total, 0.0),
            "schedule.floor-on-top": np.where(
                np.array(steps) < warmup,
                right,
                rates(steps, peak, warmup, total, 0.0) + peak * final,
            ),
            "schedule.quarter-cosine": falls(
                lambda s: math.cos(math.pi / 2 * min((s - warmup) / (total - warmup), 1))
            ),
        },
        what=f"warmup_cosine(step, peak=2, 10, 80, 0.1) at steps {steps}",
    )


@exercise("lab07.warmup_cosine")
def test_without_warmup_down_to_zero(submission):
    steps = (0, 4, 20, 40, 41)
    expect_close(
        [submission.call("warmup_cosine", s, 3.0, 0, 40) for s in steps],
        rates(steps, 3.0, 0, 40),
        what=f"warmup_cosine(step, peak=3, warmup_steps=0, total_steps=40) at steps {steps}",
    )


@exercise("lab07.warmup_cosine")
def test_step_may_be_a_tensor(submission):
    steps = (2, 33)
    expect_close(
        [submission.call("warmup_cosine", np.array(s), 2.0, 10, 80, 0.1) for s in steps],
        rates(steps, 2.0, 10, 80, 0.1),
        what=f"warmup_cosine(step, peak=2, 10, 80, 0.1) with the steps {steps} as tensors",
    )
    # The optimizer asks for the rate inside the compiled step.
    expect_compiles(
        lambda: submission.compiled("warmup_cosine", np.array(33), 2.0, 10, 80, 0.1),
        "warmup_cosine",
    )


@exercise("lab07.warmup_cosine")
def test_warmup_must_leave_room(submission):
    for warmup in (50, 60):
        error = submission.error("warmup_cosine", 3, 1.0, warmup, 50)
        expect(
            error is not None and error[0] == "ValueError",
            f"warmup_cosine(step, peak, warmup_steps={warmup}, total_steps=50) should raise a "
            f"ValueError; yours gives {error}",
            "schedule.no-room-passes",
        )


@exercise("lab07.warmup_cosine")
def test_any_schedule(submission, rng):
    warmup, total = int(rng.integers(3, 20)), int(rng.integers(30, 200))
    shape = (float(rng.uniform(0.5, 4)), warmup, total, float(rng.uniform(0, 0.5)))
    steps = rng.integers(0, total + 10, size=6).tolist()
    expect_close(
        [submission.call("warmup_cosine", s, *shape) for s in steps],
        rates(steps, *shape),
        what=f"warmup_cosine(step, {', '.join(f'{x:.4g}' for x in shape)}) at steps {steps}",
    )


def tiny_model(rng, w=None, **changes):
    """A GPT of one block with known weights, and those weights."""
    config = dataclasses.replace(TINY, **changes)
    w = gpt.random_weights(config, rng) if w is None else w
    return Part("GPT", {"config": config}, w, np.zeros((1, 2), int)), w


def sgd(**settings):
    return Part("keras.optimizers.SGD", {"learning_rate": RATE} | settings)


def step(submission, model, optimizer, tokens, clip_norm):
    """Asks for one step; returns (loss, norm)."""
    try:
        found = submission.call("training_step", model, optimizer, tokens, clip_norm)
    except Crashed as error:
        expect(
            "None" not in str(error) and "gradient" not in str(error).lower(),
            f"no gradient comes out of the tape: {error}",
            "step.outside-the-tape",
        )
        raise
    expect(
        isinstance(found, (tuple, list)) and len(found) == 2 and np.ndim(found[0]) == 0,
        f"training_step should return two numbers, (loss, norm); yours is {found!r}",
        "step.not-two-numbers",
    )
    return found


def flat(w):
    """All weights in one vector, in the order of their names."""
    return np.concatenate([np.ravel(w[name]) for name in sorted(w)])


@exercise("lab07.training_step")
def test_one_update(submission, rng):
    tokens = rng.integers(0, VOCABULARY, size=(BATCH, LENGTH))
    model, w = tiny_model(rng)
    g = reference.gradients(tokens, w, TINY)
    norm, logits = reference.global_norm(g), gpt.logits(tokens, w, TINY)
    limit = norm / 8
    right = reference.moved(w, reference.clipped(g, limit), RATE)
    wrong = {
        f"step.clips-{name}": flat(reference.moved(w, reference.clipped(g, limit, how), RATE))
        for name, how in (("nothing", "never"), ("each-alone", "each"), ("entries", "values"))
    }
    uphill = flat(reference.moved(w, reference.clipped(g, limit), -RATE))
    after = gpt.logits(tokens, right, TINY)
    loss_after = reference.next_token_loss(tokens, after)
    not_shifted = np.mean(list(reference.target_losses(tokens, logits, 0).values()))

    found_loss, found_norm = step(submission, model, sgd(), tokens, limit)
    what = f"training_step(GPT of one block, SGD({RATE}), tokens, clip_norm={limit:.3g})"
    expect_close(
        found_loss,
        reference.next_token_loss(tokens, logits),
        misconceptions={
            "step.loss-after-the-update": loss_after,
            "step.other-loss": not_shifted,
            "step.norm-first": norm,
        },
        what=f"the loss of {what}",
    )
    expect_close(
        found_norm,
        norm,
        misconceptions={"step.norm-after-clipping": limit, "step.norm-squared": norm**2},
        tolerance=1e-4,
        what=f"the norm of {what}",
    )
    expect_close(
        flat(submission.weights_of(model)),
        flat(right),
        misconceptions=wrong | {"step.no-update": flat(w), "step.uphill": uphill},
        tolerance=1e-4,
        what=f"all weights after {what}",
    )


@exercise("lab07.training_step")
def test_two_steps_that_need_no_clipping(submission, rng):
    tokens = rng.integers(0, VOCABULARY, size=(BATCH, LENGTH))
    model, w = tiny_model(rng)
    first = reference.gradients(tokens, w, TINY)
    middle = reference.moved(w, first, RATE)
    second = reference.gradients(tokens, middle, TINY)
    limit = 5 * max(reference.global_norm(first), reference.global_norm(second))
    rescaled = reference.moved(w, reference.clipped(first, limit, "always"), RATE)
    plain = reference.moved(middle, second, RATE)
    with_memory = reference.moved(plain, first, 0.5 * RATE)

    optimizer = sgd(momentum=0.5)
    step(submission, model, optimizer, tokens, limit)
    expect_close(
        flat(submission.weights_of(model)),
        flat(middle),
        misconceptions={"step.always-rescales": flat(rescaled)},
        tolerance=1e-4,
        what="all weights after a step whose gradient is five times shorter than clip_norm",
    )
    step(submission, model, optimizer, tokens, limit)
    expect_close(
        flat(submission.weights_of(model)),
        flat(with_memory),
        misconceptions={"step.own-optimizer": flat(plain)},
        tolerance=1e-4,
        what="all weights after a second step with the same SGD(momentum=0.5)",
    )


@exercise("lab07.training_step")
def test_dropout_is_on(submission, rng):
    tokens = rng.integers(0, VOCABULARY, size=(BATCH, LENGTH))
    model, w = tiny_model(rng, dropout=0.5)
    found, _ = step(submission, model, sgd(), tokens, 1.0)
    without = reference.next_token_loss(tokens, gpt.logits(tokens, w, TINY))
    expect(
        abs(found - without) > 1e-3,
        f"with dropout=0.5 the loss of a training step is {float(found):.5f}, exactly that of the "
        "model without dropout",
        "step.dropout-off",
    )


@exercise("lab07.training_step")
def test_step_compiles(submission, rng):
    tokens = rng.integers(0, VOCABULARY, size=(BATCH, LENGTH))
    model, _ = tiny_model(rng)
    expect_compiles(
        lambda: submission.compiled("training_step", model, sgd(), tokens, 1.0), "training_step"
    )
