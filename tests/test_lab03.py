"""Tests of lab 03. Every axis has a size of its own, so that a swapped one cannot hide."""

import numpy as np
from reference import embeddings as reference
from reference.attention import softmax

from gpt_tf.course.submission import Crashed
from gpt_tf.course.testing import (
    exercise,
    expect,
    expect_close,
    expect_compiles,
    expect_equal,
    expect_no_crash,
    expect_written,
)

BATCH, LENGTH, VOCABULARY, POSITIONS, HIDDEN = 2, 5, 7, 9, 11
SIZES = {
    "vocabulary_size": VOCABULARY,
    "max_sequence_length": POSITIONS,
    "hidden_dim": HIDDEN,
}


def some_tokens(rng, length=LENGTH):
    """Tokens that hold the first and the last id, and one id twice."""
    tokens = rng.integers(0, VOCABULARY, size=(BATCH, length))
    tokens[0, 0], tokens[1, -1] = 0, VOCABULARY - 1
    tokens[0, 1:3] = 3
    return tokens


def tables(rng):
    return {
        "token_embeddings": rng.normal(size=(VOCABULARY, HIDDEN)),
        "position_embeddings": rng.normal(size=(POSITIONS, HIDDEN)),
    }


@exercise("lab03.embed_tokens")
def test_a_row_for_each_token(submission, rng):
    tokens, table = some_tokens(rng), rng.normal(size=(VOCABULARY, HIDDEN))
    right = reference.embed(tokens, table)
    rows = np.linalg.norm(table, axis=1, keepdims=True)
    expect_close(
        submission.call("embed_tokens", tokens, table),
        right,
        misconceptions={
            "embedding.columns": table.T[tokens],
            "embedding.ids-from-one": reference.embed(tokens, np.roll(table, 1, axis=0)),
            "embedding.scaled": right * np.sqrt(HIDDEN),
            "embedding.unit-length": reference.embed(tokens, table / rows),
            "embedding.averaged": right.mean(axis=1),
            "embedding.one-hot": reference.one_hot(tokens, VOCABULARY),
            "embedding.zero-is-padding": right * (tokens != 0)[..., None],
        },
        what="embed_tokens(tokens, token_embeddings)",
    )


@exercise("lab03.embed_tokens")
def test_one_token(submission, rng):
    table = rng.normal(size=(VOCABULARY, HIDDEN))
    expect_close(
        submission.call("embed_tokens", np.array([[4]]), table),
        table[None, [4]],
        what="embed_tokens of one token",
    )


@exercise("lab03.embed_tokens")
def test_look_up_can_be_trained(submission, rng):
    table = rng.normal(size=(VOCABULARY, HIDDEN))
    expect_compiles(
        lambda: submission.compiled("embed_tokens", some_tokens(rng), table), "embed_tokens"
    )


@exercise("lab03.tied_logits")
def test_scores_by_dot_product(submission, rng):
    hidden = rng.normal(size=(BATCH, LENGTH, HIDDEN)) * 2
    table = rng.normal(size=(VOCABULARY, HIDDEN))
    right = reference.logits(hidden, table)
    sums = np.exp(right).sum(axis=-1, keepdims=True)
    lengths = np.linalg.norm(table, axis=1)
    expect_close(
        submission.call("tied_logits", hidden, table),
        right,
        misconceptions={
            "logits.softmax": np.exp(right) / sums,
            "logits.log-softmax": right - np.log(sums),
            "logits.reshaped": hidden @ table.reshape(HIDDEN, VOCABULARY),
            "logits.cosine": right / lengths / np.linalg.norm(hidden, axis=-1, keepdims=True),
            "logits.scaled": right / np.sqrt(HIDDEN),
            "logits.last-only": right[:, -1],
        },
        what="tied_logits(hidden, token_embeddings)",
    )


@exercise("lab03.tied_logits")
def test_a_token_scores_with_its_own_row(submission):
    # One-hot vectors make the logits readable: position t scores token t and no other.
    hidden = np.eye(3, 4)[None]
    expect_close(
        submission.call("tied_logits", hidden, np.eye(4)),
        [[[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]],
        what="tied_logits of unit vectors",
    )


@exercise("lab03.tied_logits")
def test_logits_can_be_trained(submission, rng):
    hidden, table = rng.normal(size=(BATCH, LENGTH, HIDDEN)), rng.normal(size=(VOCABULARY, HIDDEN))
    expect_compiles(lambda: submission.compiled("tied_logits", hidden, table), "tied_logits")


@exercise("lab03.TokenAndPositionEmbedding")
def test_initial_weights(submission):
    sizes = {"vocabulary_size": 401, "max_sequence_length": 203, "hidden_dim": 64}
    weights = submission.weights("TokenAndPositionEmbedding", sizes, np.zeros((2, 3), int))
    shapes = {name: weight.shape for name, weight in sorted(weights.items())}
    expect(
        list(shapes) != ["token_embeddings"],
        "the layer has no weight position_embeddings: its positions are not learned",
        "embedding.positions-fixed",
    )
    expect(
        (64, 401) not in shapes.values() and list(shapes.values()).count((401, 64)) < 2,
        f"the layer has two matrices for tokens, one too many: {shapes}",
        "embedding.untied",
    )
    wanted = {"position_embeddings": (203, 64), "token_embeddings": (401, 64)}
    expect(shapes == wanted, f"the weights are {shapes}, expected {wanted}")
    for name, weight in weights.items():
        spread = float(np.std(weight))
        expect(spread > 0, f"{name} starts at one value only", "embedding.init-constant")
        expect(
            abs(spread - 0.02) < 0.001,
            f"{name} starts with standard deviation {spread:.4f}, expected 0.02",
            "embedding.init-spread",
        )
        # 13,000 normal numbers reach beyond two standard deviations, uniform ones do not.
        expect(
            abs(float(np.mean(weight))) < 0.002 and float(np.max(np.abs(weight))) > 0.04,
            f"{name} starts with mean {float(np.mean(weight)):.4f} and largest size "
            f"{float(np.max(np.abs(weight))):.4f}; that is not N(0, 0.02)",
            "embedding.init-spread",
        )


@exercise("lab03.TokenAndPositionEmbedding")
def test_adds_token_and_position(submission, rng):
    tokens, w = some_tokens(rng), tables(rng)
    right = reference.token_and_position(tokens, w)
    token, position = reference.embed(tokens, w["token_embeddings"]), w["position_embeddings"]
    expect_close(
        submission.layer("TokenAndPositionEmbedding", SIZES, w, tokens),
        right,
        misconceptions={
            "embedding.no-positions": token,
            "embedding.positions-from-one": token + position[1 : LENGTH + 1],
            "embedding.one-position-for-all": token + position[0],
            "embedding.last-positions": token + position[-LENGTH:],
            "embedding.position-by-row": token + position[:BATCH, None],
            "embedding.position-by-id": token + position[tokens],
            "embedding.multiplied": token * position[:LENGTH],
            "embedding.scaled": token * np.sqrt(HIDDEN) + position[:LENGTH],
            "embedding.concatenated": np.concatenate(
                [token, np.broadcast_to(position[:LENGTH], token.shape)], axis=-1
            ),
        },
        what="TokenAndPositionEmbedding(tokens)",
    )


@exercise("lab03.TokenAndPositionEmbedding")
def test_start_shifts_the_positions(submission, rng):
    tokens, w = some_tokens(rng), tables(rng)
    for start in (3, np.array(3)):
        expect_close(
            submission.layer("TokenAndPositionEmbedding", SIZES, w, tokens, start=start),
            reference.token_and_position(tokens, w, start=3),
            misconceptions={
                "embedding.start-ignored": reference.token_and_position(tokens, w),
                "embedding.positions-from-one": reference.token_and_position(tokens, w, start=4),
            },
            what=f"TokenAndPositionEmbedding(tokens, start={start!r})",
        )


@exercise("lab03.TokenAndPositionEmbedding")
def test_the_longest_and_the_shortest_text(submission, rng):
    w = tables(rng)
    for length, start in ((POSITIONS, 0), (1, POSITIONS - 1)):
        tokens = rng.integers(0, VOCABULARY, size=(BATCH, length))
        expect_close(
            submission.layer("TokenAndPositionEmbedding", SIZES, w, tokens, start=start),
            reference.token_and_position(tokens, w, start=start),
            what=f"TokenAndPositionEmbedding of {length} tokens from position {start}",
        )


@exercise("lab03.TokenAndPositionEmbedding")
def test_another_length_than_it_was_built_with(submission, rng):
    tokens, w = some_tokens(rng), tables(rng)
    what = "TokenAndPositionEmbedding of 5 tokens, built with 2"
    with expect_no_crash(what, "layer.one-length"):
        found = submission.layer(
            "TokenAndPositionEmbedding", SIZES, w, tokens, example=tokens[:1, :2]
        )
    expect_close(found, reference.token_and_position(tokens, w), what=what)


@exercise("lab03.TokenAndPositionEmbedding")
def test_too_long_is_a_clear_error(submission, rng):
    w = tables(rng)
    for length, start in ((POSITIONS + 1, 0), (2, POSITIONS - 1)):
        tokens = rng.integers(0, VOCABULARY, size=(BATCH, length))
        raised = "nothing"
        try:
            submission.layer("TokenAndPositionEmbedding", SIZES, w, tokens, start=start)
        except Crashed as error:
            raised = error.type
        expect(
            raised == "ValueError",
            f"{length} tokens from position {start} with max_sequence_length={POSITIONS} raise "
            f"{raised}, expected ValueError",
            "embedding.too-long",
        )


@exercise("lab03.TokenAndPositionEmbedding")
def test_dropout_on_the_sum(submission, rng):
    tokens, w = some_tokens(rng), tables(rng)
    config = SIZES | {"dropout": 0.5}
    quiet = reference.token_and_position(tokens, w)
    found, training = (
        submission.layer("TokenAndPositionEmbedding", config, w, tokens, training=on)
        for on in (False, True)
    )
    expect(
        np.allclose(found, quiet, atol=1e-4),
        "TokenAndPositionEmbedding(dropout=0.5) drops outside training, too",
        "embedding.dropout-always",
    )
    # At rate 0.5 an entry of the sum becomes 0 or twice what it was, token and position alike.
    kept = training != 0
    expect(
        np.allclose(training[kept], 2 * quiet[kept], rtol=1e-4, atol=1e-4),
        "with training=True and dropout=0.5 the entries of the sum are not all 0 or doubled",
        "embedding.dropout-missing",
    )
    dropped = 1 - float(np.mean(kept))
    expect(
        0.2 < dropped < 0.8,
        f"with dropout=0.5 a share of {dropped:.2f} of the sum is 0 while training",
        "embedding.dropout-missing",
    )


@exercise("lab03.TokenAndPositionEmbedding")
def test_without_values(submission, rng):
    for start in ({}, {"start": np.array(3)}):
        expect_compiles(
            lambda start=start: submission.layer(
                "TokenAndPositionEmbedding", SIZES, None, some_tokens(rng), compiled=True, **start
            ),
            f"TokenAndPositionEmbedding(tokens{', start=a tensor' if start else ''})",
            "embedding.needs-values",
        )


@exercise("lab03.TokenAndPositionEmbedding")
def test_logits_use_the_same_matrix(submission, rng):
    w, hidden = tables(rng), rng.normal(size=(BATCH, LENGTH, HIDDEN))
    ask = ("TokenAndPositionEmbedding", SIZES, w)
    # Raises for a layer of which nothing is written, which is no mistake.
    submission.layer(*ask, tokens := some_tokens(rng))
    found = expect_written(
        lambda: submission.layer(*ask, hidden, method="logits", example=tokens),
        "TokenAndPositionEmbedding.logits",
        "embedding.logits-not-written",
    )
    expect_close(
        found,
        reference.logits(hidden, w["token_embeddings"]),
        misconceptions={
            "embedding.logits-scaled": reference.logits(hidden, w["token_embeddings"])
            / np.sqrt(HIDDEN),
            "logits.softmax": softmax(reference.logits(hidden, w["token_embeddings"])),
        },
        what="embedding.logits(hidden)",
    )


def directions(rng):
    """A table whose order by angle, by dot product and by distance all differ.

    Returns:
        (table (9, 6), index, ids by growing angle from the row `index`).
    """
    angles = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 3.0])
    lengths = np.array([1.0, 0.1, 7.0, 0.5, 3.0, 1.1, 0.2, 2.0, 1.0])
    flat = np.stack([np.cos(angles), np.sin(angles)], axis=1) * lengths[:, None]
    turned = flat @ np.linalg.qr(rng.normal(size=(6, 6)))[0][:2]
    place = rng.permutation(len(flat))
    table = np.empty_like(turned)
    table[place] = turned
    return table, int(place[0]), place[1:]


@exercise("lab03.TokenAndPositionEmbedding")
def test_no_dropout_unless_asked(submission, rng):
    tokens, w = some_tokens(rng), tables(rng)
    expect_close(
        submission.layer("TokenAndPositionEmbedding", SIZES, w, tokens, training=True),
        reference.token_and_position(tokens, w),
        what="TokenAndPositionEmbedding(tokens, training=True) without a dropout",
    )


@exercise("lab03.nearest_tokens")
def test_nearest_by_angle(submission, rng):
    table, index, right = directions(rng)
    cosine = reference.cosine(table, index)
    dots = table @ table[index]
    distance = np.linalg.norm(table - table[index], axis=1)
    k = 4
    assert np.array_equal(right[:k], reference.order(cosine, k, without=index))
    expect_equal(
        submission.call("nearest_tokens", table, index, k),
        right[:k],
        misconceptions={
            "neighbours.dot-product": reference.order(dots, k, without=index),
            "neighbours.dot-product-with-itself": reference.order(dots, k),
            "neighbours.distance": reference.order(-distance, k, without=index),
            "neighbours.itself": reference.order(cosine, k),
            "neighbours.itself-and-one-more": reference.order(cosine, k + 1),
            "neighbours.farthest": reference.order(-cosine, k, without=index),
        },
        what=f"nearest_tokens(table, {index}, {k})",
    )


@exercise("lab03.nearest_tokens")
def test_one_and_all(submission, rng):
    table, index, right = directions(rng)
    for k in (1, len(right)):
        expect_equal(
            submission.call("nearest_tokens", table, index, k),
            right[:k],
            what=f"nearest_tokens(table, {index}, {k})",
        )


@exercise("lab03.nearest_tokens")
def test_more_than_there_are(submission, rng):
    table, index, _ = directions(rng)
    for k in (0, len(table)):
        error = submission.error("nearest_tokens", table, index, k)
        expect(
            error is not None and error[0] == "ValueError",
            f"nearest_tokens of {len(table)} tokens with k={k} raises "
            f"{error[0] if error else 'nothing'}, expected ValueError",
            "neighbours.k-unchecked",
        )


@exercise("lab03.nearest_tokens")
def test_a_twin_is_a_neighbour(submission, rng):
    # Row 2 is row 5 once more, so that the token itself is not the first of all.
    table = rng.normal(size=(7, 4))
    table[:, 0] = -1 - np.abs(table[:, 0])
    table[[2, 5]] = [1.0, 0.0, 0.0, 0.0]
    expect_equal(
        submission.call("nearest_tokens", table, 5, 1),
        [2],
        misconceptions={"neighbours.first-is-itself": [5]},
        what="nearest_tokens(table, 5, 1) where row 2 equals row 5",
    )
