"""Known-right answers to lab 13, written differently."""

import keras
import numpy as np

from gpt_tf import parts, tuning


@right("lab13.insert_prompt", because="a table of which vector stands where is a matrix product")
def insert_prompt(embedded, is_prompt, prompt):
    here = keras.ops.cast(is_prompt, "float32")
    number = keras.ops.cumsum(here, axis=1) - here
    which = keras.ops.one_hot(keras.ops.cast(number, "int32"), prompt.shape[0])
    return embedded * (1 - here[..., None]) + (which * here[..., None]) @ prompt


@right("lab13.insert_prompt", because="one vector after the other may be put in")
def insert_prompt(embedded, is_prompt, prompt):
    number = keras.ops.cumsum(keras.ops.cast(is_prompt, "int32"), axis=-1)
    for index in range(prompt.shape[0]):
        here = keras.ops.logical_and(is_prompt, number == index + 1)
        embedded = keras.ops.where(keras.ops.expand_dims(here, -1), prompt[index], embedded)
    return embedded


@right("lab13.PromptEncoder", because="an LSTM may be given to each direction by hand")
class PromptEncoder(keras.layers.Layer):
    def __init__(self, prompt_length, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        if hidden_dim / 2 != hidden_dim // 2:
            raise ValueError("hidden_dim must be even")
        self.prompt_length, self.hidden_dim = prompt_length, hidden_dim
        units = int(hidden_dim / 2)
        self.lstm = keras.layers.Bidirectional(
            keras.layers.LSTM(units, return_sequences=True),
            backward_layer=keras.layers.LSTM(units, return_sequences=True, go_backwards=True),
        )
        self.inner = keras.layers.Dense(hidden_dim)
        self.outer = keras.layers.Dense(hidden_dim)

    def build(self, places_shape):
        for layer in (self.lstm, self.inner, self.outer):
            layer.build((1, self.prompt_length, self.hidden_dim))
        self.vectors = self.add_weight(
            shape=(self.prompt_length, self.hidden_dim),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02 / 0.87962566),
        )

    def call(self, places):
        read = self.lstm(keras.ops.expand_dims(keras.ops.take(self.vectors, places, axis=0), 0))
        return keras.ops.squeeze(self.outer(keras.ops.relu(self.inner(read))), 0)


@right("lab13.PromptEncoder", because="a one-hot row picks a vector")
class PromptEncoder(keras.layers.Layer):
    def __init__(self, prompt_length, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        if hidden_dim % 2 == 1:
            raise ValueError("hidden_dim is odd")
        self.prompt_length, self.hidden_dim = prompt_length, hidden_dim
        lstm = keras.layers.LSTM(hidden_dim // 2, return_sequences=True)
        self.lstm = keras.layers.Bidirectional(lstm, merge_mode="concat")
        self.inner = keras.layers.Dense(hidden_dim, activation=keras.ops.relu)
        self.outer = keras.layers.Dense(hidden_dim, activation="linear")

    def build(self, places_shape):
        self.vectors = self.add_weight(
            shape=(self.prompt_length, self.hidden_dim), initializer=self.start, name="v"
        )
        for layer in (self.outer, self.inner, self.lstm):
            layer.build((None, None, self.hidden_dim))

    def start(self, shape, dtype=None):
        return 0.02 * keras.random.normal(shape, dtype=dtype)

    def call(self, places):
        vectors = keras.ops.one_hot(places, self.prompt_length) @ self.vectors
        return self.outer(self.inner(self.lstm(vectors[None])))[0]


@right("lab13.prompted_logits", because="the tied logits are a product with the token table")
def prompted_logits(model, tokens, is_prompt, prompt):
    hidden = insert_prompt(model.embedding(tokens), is_prompt, prompt)
    for block in model.blocks:
        hidden = block(hidden)
    if model.config.normalize_first:
        hidden = model.final_norm(hidden)
    return parts.tied_logits(hidden, model.embedding.token_embeddings)


@right("lab13.prompted_logits", because="norm and blocks may stand in one list")
def prompted_logits(model, tokens, is_prompt, prompt):
    x = parts.embed_tokens(tokens, model.embedding.token_embeddings)
    x = x + model.embedding.position_embeddings[: tokens.shape[1]]
    x = insert_prompt(x, is_prompt, prompt)
    for layer in filter(None, [*model.blocks, model.final_norm]):
        x = layer(x)
    return model.embedding.logits(x)


@right("lab13.LoRADense", because="the product may be made first, as Keras does")
class LoRADense(keras.layers.Layer):
    def __init__(self, dense, rank, alpha=None, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.rank = dense, rank
        self.scale = 1.0 if alpha is None else alpha / rank

    def build(self, input_shape):
        if not self.dense.built:
            self.dense.build(input_shape)
        for weight in self.dense.weights:
            weight.trainable = False
        width, units = self.dense.kernel.shape
        self.lora_b = self.add_weight(shape=(self.rank, units), initializer="zeros")
        self.lora_a = self.add_weight(
            shape=(width, self.rank), initializer=keras.initializers.HeUniform()
        )

    def call(self, x):
        change = self.scale * keras.ops.matmul(self.lora_a, self.lora_b)
        return keras.ops.matmul(x, self.dense.kernel + change) + self.dense.bias


@right("lab13.LoRADense", because="the scale may be applied between A and B")
class LoRADense(keras.layers.Layer):
    def __init__(self, dense, rank, alpha=None, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.rank, self.alpha = dense, rank, alpha or rank

    def build(self, input_shape):
        if not self.dense.built:
            self.dense.build(input_shape)
        self.dense.trainable = False
        limit = np.sqrt(6 / input_shape[-1])
        self.lora_a = self.add_weight(
            shape=(input_shape[-1], self.rank),
            initializer=keras.initializers.RandomUniform(-limit, limit),
        )
        self.lora_b = self.add_weight(shape=(self.rank, self.dense.units), initializer="zeros")

    def call(self, x):
        return self.dense(x) + (x @ self.lora_a * (self.alpha / self.rank)) @ self.lora_b


@right("lab13.add_lora", because="parts may be frozen one by one, and the swap may come first")
def add_lora(model, rank):
    if rank < 1 or rank > model.config.hidden_dim:
        raise ValueError("no such rank")
    parts.freeze(model, len(model.blocks))
    if model.final_norm is not None:
        model.final_norm.trainable = False
    for block in model.blocks:
        tuning.swap(block.attention, "qkv", LoRADense(block.attention.qkv, rank))
        block.attention.qkv.build((1, 1, model.config.hidden_dim))


@right("lab13.add_lora", because="the learning ones may be told apart by their names afterwards")
def add_lora(model, rank):
    if rank not in range(1, model.config.hidden_dim + 1):
        raise ValueError("no such rank")
    learning = []
    for block in model.blocks:
        layer = LoRADense(block.attention.qkv, rank=rank)
        layer.build((None, model.config.hidden_dim))
        tuning.swap(block.attention, "qkv", layer)
        learning += [layer.lora_a, layer.lora_b]
    for weight in model.weights:
        weight.trainable = any(weight is mine for mine in learning)


@right("lab13.merge_lora", because="einsum sums over the rank")
def merge_lora(kernel, lora_a, lora_b, alpha=None):
    rank = lora_b.shape[0]
    scale = (rank if alpha is None else alpha) / rank
    return kernel + keras.ops.einsum("ir,ro->io", lora_a * scale, lora_b)


@right("lab13.merge_lora", because="one outer product a rank, added up")
def merge_lora(kernel, lora_a, lora_b, alpha=None):
    rank = lora_a.shape[-1]
    alpha = alpha or rank
    for index in range(rank):
        kernel = kernel + keras.ops.outer(lora_a[:, index], lora_b[index]) * (alpha / rank)
    return kernel
