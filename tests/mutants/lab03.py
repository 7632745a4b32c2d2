"""Known-wrong answers to lab 03, and the misconception that each must draw."""

import keras
import numpy as np


@wrong("lab03.embed_tokens", draws="embedding.columns")
def embed_tokens(tokens, token_embeddings):
    return keras.ops.take(keras.ops.transpose(token_embeddings), tokens, axis=0)


@wrong("lab03.embed_tokens", draws="embedding.ids-from-one")
def embed_tokens(tokens, token_embeddings):
    size = token_embeddings.shape[0]
    return keras.ops.take(token_embeddings, (tokens - 1) % size, axis=0)


@wrong("lab03.embed_tokens", draws="embedding.scaled")
def embed_tokens(tokens, token_embeddings):
    # As in the first Transformer; GPT does not.
    return keras.ops.take(token_embeddings, tokens, axis=0) * token_embeddings.shape[1] ** 0.5


@wrong("lab03.embed_tokens", draws="embedding.unit-length")
def embed_tokens(tokens, token_embeddings):
    return keras.ops.take(keras.ops.normalize(token_embeddings, axis=-1), tokens, axis=0)


@wrong("lab03.embed_tokens", draws="embedding.averaged")
def embed_tokens(tokens, token_embeddings):
    return keras.ops.mean(keras.ops.take(token_embeddings, tokens, axis=0), axis=1)


@wrong("lab03.embed_tokens", draws="embedding.one-hot")
def embed_tokens(tokens, token_embeddings):
    return keras.ops.one_hot(tokens, token_embeddings.shape[0])


@wrong("lab03.embed_tokens", draws="tensor.needs-values")
def embed_tokens(tokens, token_embeddings):
    return np.asarray(token_embeddings)[np.asarray(tokens)]


@wrong("lab03.embed_tokens", draws="embedding.zero-is-padding")
def embed_tokens(tokens, token_embeddings):
    real = keras.ops.cast(tokens != 0, token_embeddings.dtype)
    return keras.ops.take(token_embeddings, tokens, axis=0) * real[..., None]


@wrong("lab03.tied_logits", draws="tensor.needs-values")
def tied_logits(hidden, token_embeddings):
    return np.asarray(hidden) @ np.asarray(token_embeddings).T


@wrong("lab03.tied_logits", draws="logits.softmax")
def tied_logits(hidden, token_embeddings):
    return keras.ops.softmax(hidden @ keras.ops.transpose(token_embeddings))


@wrong("lab03.tied_logits", draws="logits.log-softmax")
def tied_logits(hidden, token_embeddings):
    return keras.ops.log_softmax(hidden @ keras.ops.transpose(token_embeddings))


@wrong("lab03.tied_logits", draws="logits.reshaped")
def tied_logits(hidden, token_embeddings):
    return hidden @ keras.ops.reshape(token_embeddings, token_embeddings.shape[::-1])


@wrong("lab03.tied_logits", draws="logits.cosine")
def tied_logits(hidden, token_embeddings):
    rows = keras.ops.normalize(token_embeddings, axis=-1)
    return keras.ops.normalize(hidden, axis=-1) @ keras.ops.transpose(rows)


@wrong("lab03.tied_logits", draws="logits.scaled")
def tied_logits(hidden, token_embeddings):
    return hidden @ keras.ops.transpose(token_embeddings) / hidden.shape[-1] ** 0.5


@wrong("lab03.tied_logits", draws="logits.last-only")
def tied_logits(hidden, token_embeddings):
    return hidden[:, -1] @ keras.ops.transpose(token_embeddings)


class Layer(keras.layers.Layer):
    """What the wrong layers below have in common."""

    stddev = 0.02

    def __init__(self, vocabulary_size, max_sequence_length, hidden_dim, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.sizes = vocabulary_size, max_sequence_length, hidden_dim
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, tokens_shape):
        vocabulary_size, length, width = self.sizes
        start = keras.initializers.RandomNormal(stddev=self.stddev)
        self.token_embeddings = self.add_weight(shape=(vocabulary_size, width), initializer=start)
        self.position_embeddings = self.add_weight(shape=(length, width), initializer=start)

    def positions(self, length, start=0):
        if isinstance(start, int) and start + length > self.sizes[1]:
            raise ValueError("too long")
        return keras.ops.take(self.position_embeddings, start + keras.ops.arange(length), axis=0)

    def call(self, tokens, start=0):
        x = embed_tokens(tokens, self.token_embeddings)
        return self.dropout(x + self.positions(tokens.shape[1], start))

    def logits(self, hidden):
        return tied_logits(hidden, self.token_embeddings)


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.no-positions")
class TokenAndPositionEmbedding(Layer):
    def call(self, tokens, start=0):
        return self.dropout(embed_tokens(tokens, self.token_embeddings))


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.positions-from-one")
class TokenAndPositionEmbedding(Layer):
    def positions(self, length, start=0):
        return super().positions(length, start + 1)


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.one-position-for-all")
class TokenAndPositionEmbedding(Layer):
    def positions(self, length, start=0):
        return super().positions(1, start)


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.last-positions")
class TokenAndPositionEmbedding(Layer):
    def positions(self, length, start=0):
        return self.position_embeddings[-length:]


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.position-by-row")
class TokenAndPositionEmbedding(Layer):
    def call(self, tokens, start=0):
        x = embed_tokens(tokens, self.token_embeddings)
        return self.dropout(x + self.positions(tokens.shape[0], start)[:, None])


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.position-by-id")
class TokenAndPositionEmbedding(Layer):
    def call(self, tokens, start=0):
        x = embed_tokens(tokens, self.token_embeddings)
        return self.dropout(x + embed_tokens(tokens, self.position_embeddings))


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.multiplied")
class TokenAndPositionEmbedding(Layer):
    def call(self, tokens, start=0):
        x = embed_tokens(tokens, self.token_embeddings)
        return self.dropout(x * self.positions(tokens.shape[1], start))


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.scaled")
class TokenAndPositionEmbedding(Layer):
    def call(self, tokens, start=0):
        x = embed_tokens(tokens, self.token_embeddings) * self.sizes[2] ** 0.5
        return self.dropout(x + self.positions(tokens.shape[1], start))


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.concatenated")
class TokenAndPositionEmbedding(Layer):
    def call(self, tokens, start=0):
        x = embed_tokens(tokens, self.token_embeddings)
        positions = keras.ops.broadcast_to(self.positions(tokens.shape[1], start), x.shape)
        return self.dropout(keras.ops.concatenate([x, positions], axis=-1))


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.start-ignored")
class TokenAndPositionEmbedding(Layer):
    def positions(self, length, start=0):
        return super().positions(length)


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.too-long")
class TokenAndPositionEmbedding(Layer):
    def positions(self, length, start=0):
        # Text beyond the last position quietly keeps the last vector.
        place = keras.ops.minimum(start + keras.ops.arange(length), self.sizes[1] - 1)
        return keras.ops.take(self.position_embeddings, place, axis=0)


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.dropout-missing")
class TokenAndPositionEmbedding(Layer):
    def call(self, tokens, start=0):
        x = self.dropout(embed_tokens(tokens, self.token_embeddings))
        return x + self.positions(tokens.shape[1], start)


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.dropout-missing")
class TokenAndPositionEmbedding(Layer):
    def call(self, tokens, start=0):
        positions = self.dropout(self.positions(tokens.shape[1], start))
        return embed_tokens(tokens, self.token_embeddings) + positions


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.dropout-missing")
class TokenAndPositionEmbedding(Layer):
    def call(self, tokens, start=0):
        x = self.dropout(embed_tokens(tokens, self.token_embeddings))
        return x + self.dropout(self.positions(tokens.shape[1], start))


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.needs-values")
class TokenAndPositionEmbedding(Layer):
    def positions(self, length, start=0):
        if start + length > self.sizes[1]:
            raise ValueError("too long")
        return self.position_embeddings[start : start + length]


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.needs-values")
class TokenAndPositionEmbedding(Layer):
    def positions(self, length, start=0):
        places = start + keras.ops.arange(length)
        if int(places[-1]) >= self.sizes[1]:
            raise ValueError("too long")
        return keras.ops.take(self.position_embeddings, places, axis=0)


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.init-spread")
class TokenAndPositionEmbedding(Layer):
    def build(self, tokens_shape):
        vocabulary_size, length, width = self.sizes
        # As wide as N(0, 0.02), but flat.
        flat = keras.initializers.RandomUniform(-(0.0012**0.5), 0.0012**0.5)
        self.token_embeddings = self.add_weight(shape=(vocabulary_size, width), initializer=flat)
        self.position_embeddings = self.add_weight(shape=(length, width), initializer=flat)


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.init-spread")
class TokenAndPositionEmbedding(Layer):
    stddev = 1.0


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.init-constant")
class TokenAndPositionEmbedding(Layer):
    stddev = 0.0


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.logits-scaled")
class TokenAndPositionEmbedding(Layer):
    def logits(self, hidden):
        return tied_logits(hidden, self.token_embeddings) / hidden.shape[-1] ** 0.5


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.positions-fixed")
class TokenAndPositionEmbedding(Layer):
    def build(self, tokens_shape):
        super().build(tokens_shape)
        # The sines and cosines of the first Transformer.
        _, length, width = self.sizes
        angle = np.arange(length)[:, None] / 10000 ** (np.arange(width) // 2 * 2 / width)
        wave = np.where(np.arange(width) % 2, np.cos(angle), np.sin(angle))
        self.position_embeddings.trainable = False
        self.position_embeddings.assign(wave)


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.untied")
class TokenAndPositionEmbedding(Layer):
    def build(self, tokens_shape):
        super().build(tokens_shape)
        vocabulary_size, _, width = self.sizes
        self.output_embeddings = self.add_weight(shape=(vocabulary_size, width))

    def logits(self, hidden):
        return tied_logits(hidden, self.output_embeddings)


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.dropout-always")
class TokenAndPositionEmbedding(Layer):
    def call(self, tokens, start=0):
        x = embed_tokens(tokens, self.token_embeddings)
        return self.dropout(x + self.positions(tokens.shape[1], start), training=True)


@wrong("lab03.TokenAndPositionEmbedding", draws="logits.softmax")
class TokenAndPositionEmbedding(Layer):
    def logits(self, hidden):
        return keras.ops.softmax(tied_logits(hidden, self.token_embeddings))


@wrong("lab03.TokenAndPositionEmbedding", draws="embedding.logits-not-written")
class TokenAndPositionEmbedding(Layer):
    def logits(self, hidden):
        raise NotImplementedError


@wrong("lab03.TokenAndPositionEmbedding", draws="layer.one-length")
class TokenAndPositionEmbedding(Layer):
    def build(self, tokens_shape):
        super().build(tokens_shape)
        self.length = tokens_shape[1]

    def call(self, tokens, start=0):
        x = embed_tokens(tokens, self.token_embeddings)
        return self.dropout(x + self.positions(self.length, start))


@wrong("lab03.nearest_tokens", draws="neighbours.dot-product")
def nearest_tokens(token_embeddings, index, k):
    scores = keras.ops.matmul(token_embeddings, token_embeddings[index])
    itself = keras.ops.arange(len(scores)) == index
    return keras.ops.top_k(keras.ops.where(itself, float("-inf"), scores), k)[1]


@wrong("lab03.nearest_tokens", draws="neighbours.dot-product-with-itself")
def nearest_tokens(token_embeddings, index, k):
    return keras.ops.top_k(keras.ops.matmul(token_embeddings, token_embeddings[index]), k)[1]


@wrong("lab03.nearest_tokens", draws="neighbours.distance")
def nearest_tokens(token_embeddings, index, k):
    distance = keras.ops.norm(token_embeddings - token_embeddings[index], axis=-1)
    return keras.ops.argsort(distance)[1 : k + 1]


@wrong("lab03.nearest_tokens", draws="neighbours.itself")
def nearest_tokens(token_embeddings, index, k):
    rows = keras.ops.normalize(token_embeddings, axis=-1)
    return keras.ops.top_k(keras.ops.matmul(rows, rows[index]), k)[1]


@wrong("lab03.nearest_tokens", draws="neighbours.itself-and-one-more")
def nearest_tokens(token_embeddings, index, k):
    rows = keras.ops.normalize(token_embeddings, axis=-1)
    return keras.ops.top_k(keras.ops.matmul(rows, rows[index]), k + 1)[1]


@wrong("lab03.nearest_tokens", draws="neighbours.farthest")
def nearest_tokens(token_embeddings, index, k):
    rows = keras.ops.normalize(token_embeddings, axis=-1)
    return keras.ops.argsort(keras.ops.matmul(rows, rows[index]))[:k]


@wrong("lab03.nearest_tokens", draws="neighbours.k-unchecked")
def nearest_tokens(token_embeddings, index, k):
    rows = keras.ops.normalize(token_embeddings, axis=-1)
    return keras.ops.argsort(-keras.ops.matmul(rows, rows[index]))[1 : k + 1]


@wrong("lab03.nearest_tokens", draws="neighbours.first-is-itself")
def nearest_tokens(token_embeddings, index, k):
    if not 0 < k < token_embeddings.shape[0]:
        raise ValueError("no such k")
    rows = keras.ops.normalize(token_embeddings, axis=-1)
    return keras.ops.top_k(keras.ops.matmul(rows, rows[index]), k + 1)[1][1:]
