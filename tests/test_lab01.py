"""Tests of lab 01. Counts, vocabularies and widths all differ, so that no mix-up can hide."""

import math

import numpy as np
from reference import ngrams as reference

from gpt_tf.course.testing import exercise, expect, expect_close, expect_compiles, expect_equal

# Five letters; seven are known, so that two have never been seen.
TEXT = list("abracadabracab")
VOCABULARY = list("abcdrxyz")
BATCH, LENGTH, VOCABULARY_SIZE, EMBEDDING_DIM, UNITS = 2, 5, 11, 4, 6
DRAWS = 400


def bigrams():
    return reference.counts(TEXT, 2)


@exercise("lab01.count_ngrams")
def test_counts_of_three(submission):
    right = reference.counts(TEXT, 3)
    longer = reference.counts(TEXT, 4)
    counts = submission.call("count_ngrams", TEXT, 3)
    expect_equal(
        counts,
        right,
        misconceptions={
            "counts.last-missed": reference.counts(TEXT, 3, stop=0),
            "counts.no-overlap": reference.counts(TEXT, 3, step=3),
            "counts.wraps-around": reference.counts(TEXT, 3, wrap=True),
            "counts.context-too-long": longer,
            "counts.flat": {(*c, t): m for c, row in right.items() for t, m in row.items()},
            "counts.seen-or-not": {c: dict.fromkeys(row, 1) for c, row in right.items()},
            "counts.starts-at-zero": {
                c: {t: m - 1 for t, m in row.items()} for c, row in right.items()
            },
            "counts.shares": {
                c: {t: m / sum(row.values()) for t, m in row.items()} for c, row in right.items()
            },
            "counts.short-contexts": {(): {"a": 1}, ("a",): {"b": 1}} | right,
            "counts.context-joined": {"".join(c): row for c, row in right.items()},
            "counts.context-reversed": {c[::-1]: row for c, row in right.items()},
            "counts.list-of-followers": {
                c: [TEXT[i + 2] for i in range(len(TEXT) - 2) if tuple(TEXT[i : i + 2]) == c]
                for c in right
            },
        },
        what=f"count_ngrams({TEXT}, 3){first_difference(counts, right)}",
    )


def first_difference(counts, right):
    """Names one context that two tables do not agree on; a whole table is too much to read."""
    contexts = [*right, *counts] if isinstance(counts, dict) else []
    wrong = [c for c in contexts if counts.get(c) != right.get(c)]
    if not wrong:
        return ""
    found = [table.get(wrong[0], "no such context") for table in (counts, right)]
    return f", after {wrong[0]!r} (yours {found[0]}, expected {found[1]})"


@exercise("lab01.count_ngrams")
def test_one_word_and_none_of_context(submission):
    tokens = [4, 7, 4, 4, 9]
    expect_equal(
        submission.call("count_ngrams", tokens, 2),
        {(4,): {7: 1, 4: 1, 9: 1}, (7,): {4: 1}},
        misconceptions={"counts.context-no-tuple": {4: {7: 1, 4: 1, 9: 1}, 7: {4: 1}}},
        what=f"count_ngrams({tokens}, 2)",
    )
    expect_equal(
        submission.call("count_ngrams", tokens, 1),
        {(): {4: 3, 7: 1, 9: 1}},
        misconceptions={"counts.context-no-tuple": {4: 3, 7: 1, 9: 1}},
        what=f"count_ngrams({tokens}, 1)",
    )


@exercise("lab01.count_ngrams")
def test_text_shorter_than_n(submission):
    expect_equal(submission.call("count_ngrams", ["a", "b"], 2), {("a",): {"b": 1}})
    expect_equal(
        submission.call("count_ngrams", ["a", "b"], 3), {}, what="count_ngrams of 2 tokens, n=3"
    )
    expect_equal(submission.call("count_ngrams", [], 1), {}, what="count_ngrams([], 1)")


@exercise("lab01.count_ngrams")
def test_n_below_one(submission):
    for n in (0, -1):
        raised = submission.error("count_ngrams", TEXT, n)
        expect(
            raised is not None and raised[0] == "ValueError",
            f"count_ngrams(tokens, {n}) should raise a ValueError",
            "counts.no-error",
        )


@exercise("lab01.count_ngrams")
def test_counts_of_a_random_text(submission, rng):
    n, tokens = int(rng.integers(1, 5)), rng.integers(0, 4, size=rng.integers(20, 40)).tolist()
    right = reference.counts(tokens, n)
    counts = submission.call("count_ngrams", tokens, n)
    what = f"count_ngrams({tokens}, {n}){first_difference(counts, right)}"
    expect_equal(counts, right, what=what)


@exercise("lab01.smoothed_probability")
def test_seen_and_unseen_tokens(submission):
    size, alpha = 29, 0.3
    table = {("to", "be"): {"or": 5, "a": 2}, ("or", "not"): {"to": 4}}
    table |= {("not", "be"): {"a": 3}, ("to", "go"): {"or": 2}}
    vocabulary = ["to", "or", "a", *range(size - 3)]
    right = reference.probabilities(table, ("to", "be"), vocabulary, alpha)
    for token, count in (("to", 0), ("or", 5)):
        # An unseen token shows that nothing is smoothed; a seen one, that only the unseen are.
        unsmoothed = "smoothing.only-unseen" if count else "smoothing.none"
        expect_close(
            submission.call("smoothed_probability", table, ("to", "be"), token, size, alpha),
            right[vocabulary.index(token)],
            misconceptions={
                unsmoothed: count / 7,
                "smoothing.total-not-raised": (count + alpha) / 7,
                "smoothing.total-raised-once": (count + alpha) / (7 + alpha),
                "smoothing.seen-types-only": (count + alpha) / (7 + alpha * 2),
                "smoothing.always-one": (count + 1) / (7 + size),
                "smoothing.whole-table": (count + alpha) / (16 + alpha * size),
                "smoothing.context-cut-short": (count + alpha) / (10 + alpha * size),
                "smoothing.followers-not-counts": (count + alpha) / (2 + alpha * size),
                "smoothing.total-raised-by-size": (count + alpha) / (7 + size),
            },
            tolerance=1e-6,
            what=f"P({token!r} after ('to', 'be')), counts {table}, V {size}, alpha {alpha}",
        )


@exercise("lab01.smoothed_probability")
def test_context_that_never_occurred(submission):
    arguments = (bigrams(), ("z",), "a", 23, 0.5)
    raised = submission.error("smoothed_probability", *arguments)
    expect(
        raised is None or raised[0] != "KeyError",
        "smoothed_probability raises an error for a context that is not in the table",
        "smoothing.new-context-crashes",
    )
    expect_close(
        submission.call("smoothed_probability", *arguments),
        1 / 23,
        misconceptions={"smoothing.new-context-zero": 0.0, "smoothing.new-context-alpha": 0.5},
        tolerance=1e-6,
        what="P('a' after ('z',)), a context that never occurred, V 23",
    )


@exercise("lab01.smoothed_probability")
def test_without_smoothing(submission):
    table = {(): {8: 3, 2: 1}}
    expect_close(
        submission.call("smoothed_probability", table, (), 8, 17, 0), 0.75, what="P(8), alpha 0"
    )
    expect_close(
        submission.call("smoothed_probability", table, (), 5, 17, 0), 0.0, what="P(5), alpha 0"
    )
    raised = submission.error("smoothed_probability", {}, ("z",), "a", 17, 0)
    expect(
        raised is not None and raised[0] == "ValueError",
        "smoothed_probability with alpha 0 and a new context should raise a ValueError",
        "smoothing.zero-over-zero",
    )


@exercise("lab01.smoothed_probability")
def test_probabilities_of_a_random_text(submission, rng):
    tokens, size = rng.integers(0, 5, size=30).tolist(), int(rng.integers(6, 40))
    table, alpha = reference.counts(tokens, 2), float(rng.uniform(0.1, 2))
    for token in range(6):
        context = (tokens[token],)
        right = reference.probabilities(table, context, range(size), alpha)[token]
        expect_close(
            submission.call("smoothed_probability", table, context, token, size, alpha),
            right,
            tolerance=1e-6,
            what=f"P({token} after {context}), V {size}, alpha {alpha:.3g}",
        )


@exercise("lab01.ngram_log_probabilities")
def test_each_word_after_its_context(submission):
    table, tokens, alpha = reference.counts(TEXT, 3), list("cabadrabyra"), 0.2

    def score(**mistakes):
        return reference.log_probabilities(tokens, table, 3, VOCABULARY, alpha, **mistakes)

    right = score()
    known = [i for i in range(len(right)) if tuple(tokens[i : i + 2]) in table]
    expect_close(
        submission.call("ngram_log_probabilities", tokens, table, 3, len(VOCABULARY), alpha),
        right,
        misconceptions={
            "likelihood.context-has-the-answer": score(shift=1),
            "likelihood.context-reversed": score(flip=True),
            "likelihood.no-logarithm": np.exp(right),
            "likelihood.bits": right / math.log(2),
            "likelihood.base-10": right / math.log(10),
            "likelihood.contexts-never-match": np.full(9, math.log(1 / 8)),
            "likelihood.context-too-long": np.full(8, math.log(1 / 8)),
            "likelihood.short-contexts": np.append(np.full(2, math.log(1 / 8)), right),
            "likelihood.new-contexts-skipped": right[known],
            "likelihood.sign": -right,
            "likelihood.first-missed": right[1:],
            "likelihood.last-missed": right[:-1],
            "likelihood.summed": right.sum(),
            "likelihood.mean": right.mean(),
        },
        tolerance=1e-6,
        what=f"ngram_log_probabilities of {len(tokens)} tokens, n=3",
    )


@exercise("lab01.ngram_log_probabilities")
def test_other_orders_and_short_texts(submission):
    for n in (1, 2):
        table = reference.counts(TEXT, n)
        expect_close(
            submission.call("ngram_log_probabilities", list("badxa"), table, n, 8, 0.7),
            reference.log_probabilities(list("badxa"), table, n, VOCABULARY, 0.7),
            tolerance=1e-6,
            what=f"ngram_log_probabilities of 5 tokens, n={n}",
        )
    for tokens in ([], ["a"]):
        expect_close(
            submission.call("ngram_log_probabilities", tokens, bigrams(), 2, 8, 0.7),
            [],
            what=f"ngram_log_probabilities({tokens}, n=2)",
        )


@exercise("lab01.ngram_log_probabilities")
def test_log_probabilities_of_a_random_text(submission, rng):
    n, size = int(rng.integers(1, 4)), int(rng.integers(6, 12))
    known, tokens = (rng.integers(0, 5, size=k).tolist() for k in (40, int(rng.integers(8, 20))))
    table, alpha = reference.counts(known, n), float(rng.uniform(0.1, 2))
    expect_close(
        submission.call("ngram_log_probabilities", tokens, table, n, size, alpha),
        reference.log_probabilities(tokens, table, n, range(size), alpha),
        tolerance=1e-6,
        what=f"ngram_log_probabilities of {len(tokens)} random tokens, n={n}",
    )


@exercise("lab01.perplexity")
def test_perplexity_of_known_probabilities(submission):
    p = [0.5, 0.02, 0.1, 0.35]
    logs = [math.log(x) for x in p]
    right = (0.5 * 0.02 * 0.1 * 0.35) ** (-1 / 4)
    for given in (logs, np.array(logs)):
        expect_close(
            submission.call("perplexity", given),
            right,
            misconceptions={
                "perplexity.base-2": right ** math.log(2),
                "perplexity.not-negated": 1 / right,
                "perplexity.sum": right**4,
                "perplexity.no-exp": math.log(right),
                "perplexity.bits": math.log2(right),
                "perplexity.mean-of-inverses": sum(1 / x for x in p) / 4,
                "perplexity.mean-of-probabilities": 4 / sum(p),
            },
            tolerance=1e-4,
            what=f"perplexity of the probabilities {p}",
        )


@exercise("lab01.perplexity")
def test_certain_fair_and_impossible(submission):
    expect_close(submission.call("perplexity", [0.0]), 1.0, what="perplexity([0.0])")
    raised = submission.error("perplexity", [-math.log(37)] * 500)
    expect(
        raised is None or raised[0] not in ("ZeroDivisionError", "OverflowError"),
        f"perplexity of 500 tokens raises {raised and ': '.join(raised)}",
        "perplexity.product-vanishes",
    )
    expect_close(
        submission.call("perplexity", [-math.log(37)] * 500),
        37.0,
        misconceptions={"perplexity.product-vanishes": np.inf},
        tolerance=1e-4,
        what="perplexity of 500 throws of a fair die with 37 sides",
    )
    expect_close(
        submission.call("perplexity", np.array([-1.0, -np.inf])),
        np.inf,
        what="perplexity where one token had probability 0",
    )


@exercise("lab01.perplexity")
def test_perplexity_of_nothing(submission):
    raised = submission.error("perplexity", [])
    # The one of Python's own `statistics` is a ValueError as well.
    expect(
        raised is not None and raised[0] in ("ValueError", "StatisticsError"),
        "perplexity([]) should raise a ValueError",
        "perplexity.of-nothing",
    )


@exercise("lab01.perplexity")
def test_perplexity_of_random_probabilities(submission, rng):
    p = rng.uniform(0.05, 1, size=rng.integers(3, 9))
    expect_close(
        submission.call("perplexity", np.log(p).tolist()),
        reference.perplexity(p),
        tolerance=1e-4,
        what=f"perplexity of the probabilities {np.round(p, 3).tolist()}",
    )


def draw(submission, table, context, vocabulary, alpha, temperature, number=DRAWS):
    """Draws with a new generator each time; all seeds differ."""
    return [
        submission.call(
            "sample_next",
            table,
            context,
            vocabulary,
            alpha,
            np.random.default_rng([7, seed]),
            temperature=temperature,
        )
        for seed in range(number)
    ]


def expect_draws(drawn, vocabulary, right, misconceptions, what):
    """Judges draws by likelihood: the right distribution must explain them best, and well."""
    strange = next((x for x in drawn if x not in vocabulary), None)
    expect(strange is None, f"{what}: {strange!r} is not in the vocabulary", "sample.index")
    expect(
        len(set(drawn)) > 1,
        f"{what}: {len(drawn)} draws with {len(drawn)} generators all gave {drawn[0]!r}",
        "sample.always-the-same",
    )
    shares = np.array([drawn.count(token) for token in vocabulary]) / len(drawn)
    fits = {
        name: float(shares @ np.log(np.maximum(p, 1e-12)))
        for name, p in {None: right, **misconceptions}.items()
    }
    best = max(fits, key=fits.get)
    # A simulation of a million right answers failed this twice at most, for each use below.
    far = np.abs(shares - right).sum() / 2
    expect(
        best is None and far < 0.15,
        f"{what}: you draw {np.round(shares, 2).tolist()}, expected about "
        f"{np.round(right, 2).tolist()}",
        best,
    )


@exercise("lab01.sample_next")
def test_greedy_at_temperature_zero(submission):
    table, vocabulary = {("a",): {"x": 2, "y": 7, "z": 4}}, ["z", "x", "q", "y"]
    error = submission.error(
        "sample_next", table, ("a",), vocabulary, 0.1, np.random.default_rng(0), temperature=0
    )
    expect(
        error is None or error[0] not in ("ZeroDivisionError", "ValueError", "OverflowError"),
        f"sample_next with temperature=0 raises {error and ': '.join(error)}",
        "sample.temperature-zero",
    )
    drawn = draw(submission, table, ("a",), vocabulary, 0.1, 0, number=12)
    expect(3 not in drawn, "sample_next gave 3, a place in the vocabulary", "sample.index")
    expect(
        set(drawn) == {"y"},
        f"sample_next with temperature=0: yours are {drawn}, expected 'y' each time",
        "sample.temperature-zero",
    )


@exercise("lab01.sample_next")
def test_first_of_equals_at_temperature_zero(submission):
    # "z" and "y" came equally often; in the vocabulary "z" stands first, in the table "y" does.
    table, vocabulary = {("a",): {"x": 2, "y": 7, "z": 7}}, ["x", "z", "q", "y"]
    drawn = draw(submission, table, ("a",), vocabulary, 0.1, 0, number=12)
    expect(
        set(drawn) == {"z"},
        f"sample_next with temperature=0, counts {table} and vocabulary {vocabulary}: yours are "
        f"{drawn}, expected 'z' each time",
        "sample.equals",
    )
    error = submission.error(
        "sample_next", table, ("q",), vocabulary, 0.1, np.random.default_rng(0), temperature=0
    )
    expect(
        error is None,
        f"sample_next with temperature=0 after a new context raises {error and ': '.join(error)}",
        "sample.new-context",
    )
    drawn = draw(submission, table, ("q",), vocabulary, 0.1, 0, number=3)
    expect(
        set(drawn) == {"x"},
        f"sample_next with temperature=0 after a new context: yours are {drawn}, expected 'x'",
        "sample.equals",
    )


@exercise("lab01.sample_next")
def test_draws_follow_the_probabilities(submission):
    table, vocabulary, alpha = {("a",): {"x": 2, "y": 16, "w": 1}}, ["z", "x", "y", "w"], 1.5
    right = reference.probabilities(table, ("a",), vocabulary, alpha)
    expect_draws(
        draw(submission, table, ("a",), vocabulary, alpha, 1.0),
        vocabulary,
        right,
        {
            "sample.uniform": np.full(4, 0.25),
            "sample.no-smoothing": np.array([0, 2, 16, 1]) / 19,
            "sample.softmax-of-probabilities": np.exp(right) / np.exp(right).sum(),
            "sample.order-mixed": np.sort(right),
        },
        "sample_next at temperature 1",
    )


@exercise("lab01.sample_next")
def test_a_seed_repeats_the_text(submission):
    table, vocabulary = {("a",): {"x": 2, "y": 3}}, ["x", "y", "z"]
    first, again = (draw(submission, table, ("a",), vocabulary, 1.0, 1.0, 40) for _ in range(2))
    expect(
        first == again,
        "sample_next draws other tokens from a generator with the same seed",
        "sample.own-generator",
    )


@exercise("lab01.sample_next")
def test_temperature_sharpens_and_flattens(submission):
    table, vocabulary, alpha = {(): {"x": 4, "y": 14, "w": 7}}, ["z", "x", "y", "w"], 2.0

    def at(t):
        return reference.probabilities(table, (), vocabulary, alpha, t)

    for temperature in (0.4, 4.0):
        expect_draws(
            draw(submission, table, (), vocabulary, alpha, temperature),
            vocabulary,
            at(temperature),
            {
                "sample.temperature-ignored": at(1.0),
                "sample.temperature-upside-down": at(1 / temperature),
            },
            f"sample_next at temperature {temperature}",
        )


@exercise("lab01.sample_next")
def test_context_never_seen(submission):
    drawn = draw(submission, {}, ("q",), ["u", "v"], 0.1, 1.0, number=40)
    expect(
        set(drawn) == {"u", "v"},
        "sample_next after a context that never occurred should draw from the whole vocabulary",
        "sample.new-context",
    )


@exercise("lab01.sample_next")
def test_tiny_temperature(submission):
    # Every probability to the power of 500 is 0 in float64; the largest must survive.
    table, vocabulary = {("a",): {"x": 9, "y": 8}}, [str(i) for i in range(90)] + ["x", "y"]
    arguments = (table, ("a",), vocabulary, 1.0, np.random.default_rng(0))
    raised = submission.error("sample_next", *arguments, temperature=0.002)
    expect(
        raised is None or raised[0] not in ("ValueError", "ZeroDivisionError", "OverflowError"),
        f"sample_next at temperature 0.002 raises {raised and ': '.join(raised)}",
        "sample.powers-vanish",
    )
    drawn = draw(submission, table, ("a",), vocabulary, 1.0, 0.002, number=5)
    expect(
        set(drawn) == {"x"},
        f"sample_next at temperature 0.002: yours are {drawn}, expected 'x' each time",
        "sample.powers-vanish",
    )


@exercise("lab01.sample_next")
def test_negative_temperature(submission):
    raised = submission.error(
        "sample_next",
        bigrams(),
        ("a",),
        VOCABULARY,
        1.0,
        np.random.default_rng(0),
        temperature=-1.0,
    )
    expect(
        raised is not None and raised[0] == "ValueError",
        "sample_next with temperature=-1 should raise a ValueError",
        "sample.no-error",
    )


@exercise("lab01.sample_next")
def test_greedy_on_a_random_table(submission, rng):
    vocabulary = rng.permutation(9).tolist()
    counts = rng.permutation(np.arange(1, 10)).tolist()
    table = {(): dict(zip(vocabulary, counts, strict=True))}
    right = max(table[()], key=table[()].get)
    drawn = draw(submission, table, (), vocabulary, 0.1, 0, number=2)
    expect(
        set(drawn) == {right},
        f"sample_next with temperature=0 and the counts {table[()]}: yours are {drawn}, "
        f"expected {right} each time",
    )


@exercise("lab01.sample_next")
def test_temperature_is_1_unless_given(submission):
    table, vocabulary = {("a",): {"x": 2, "y": 60}}, ["x", "y", "z"]

    def drawn(**options):
        generators = (np.random.default_rng([8, seed]) for seed in range(40))
        arguments = (table, ("a",), vocabulary, 1.0)
        return [submission.call("sample_next", *arguments, g, **options) for g in generators]

    expect(
        drawn() == drawn(temperature=1.0),
        "sample_next without a temperature draws others than with temperature=1",
    )


def lstm_weights(rng):
    return {
        "embedding.embeddings": rng.normal(size=(VOCABULARY_SIZE, EMBEDDING_DIM)),
        "lstm.cell.kernel": rng.normal(size=(EMBEDDING_DIM, 4 * UNITS)),
        "lstm.cell.recurrent_kernel": rng.normal(size=(UNITS, 4 * UNITS)),
        "lstm.cell.bias": rng.normal(size=4 * UNITS),
        "output_logits.kernel": rng.normal(size=(UNITS, VOCABULARY_SIZE)),
        "output_logits.bias": rng.normal(size=VOCABULARY_SIZE),
    }


LSTM_CONFIG = {
    "vocabulary_size": VOCABULARY_SIZE,
    "embedding_dim": EMBEDDING_DIM,
    "units": UNITS,
}


@exercise("lab01.LSTMLanguageModel")
def test_logits_at_every_position(submission, rng):
    # A weight that is missing, too many or of another shape is named when these are set.
    w = lstm_weights(rng)
    # Token 0 stands in the middle: it is a word like any other.
    tokens = np.array([[3, 0, 7, 10, 2], [5, 1, 0, 4, 8]])
    right = reference.lstm_logits(tokens, w)
    expect_close(
        submission.layer("LSTMLanguageModel", LSTM_CONFIG, w, tokens),
        right,
        misconceptions={
            "lstm.last-position-only": right[:, -1],
            "lstm.probabilities": reference.softmax(right),
            "lstm.token-zero-masked": reference.lstm_logits(tokens, w, skip=0),
            "lstm.reads-backwards": reference.lstm_logits(tokens, w, backwards=True),
            "lstm.reads-the-future": reference.lstm_logits(tokens, w, backwards=True)[:, ::-1],
            "lstm.no-memory": reference.lstm_logits(tokens, w, bag=True),
        },
        tolerance=1e-4,
        what="LSTMLanguageModel(tokens)",
    )


@exercise("lab01.LSTMLanguageModel")
def test_one_position(submission, rng):
    w = lstm_weights(rng)
    tokens = np.array([[6], [0], [9]])
    expect_close(
        submission.layer("LSTMLanguageModel", LSTM_CONFIG, w, tokens),
        reference.lstm_logits(tokens, w),
        tolerance=1e-4,
        what="LSTMLanguageModel(tokens) with one token in a row",
    )


@exercise("lab01.LSTMLanguageModel")
def test_nothing_random_in_training(submission, rng):
    w = lstm_weights(rng)
    tokens = rng.integers(1, VOCABULARY_SIZE, size=(BATCH, LENGTH))
    logits = submission.layer("LSTMLanguageModel", LSTM_CONFIG, w, tokens, training=True)
    right = reference.lstm_logits(tokens, w)
    expect(
        np.shape(logits) == right.shape and np.max(np.abs(logits - right)) < 1e-3,
        "LSTMLanguageModel gives other logits with training=True than without",
        "lstm.dropout",
    )
    expect_compiles(
        lambda: submission.layer("LSTMLanguageModel", LSTM_CONFIG, None, tokens, compiled=True),
        "LSTMLanguageModel",
    )
