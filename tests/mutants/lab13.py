"""Known-wrong answers to lab 13, and the misconception that each must draw."""

import keras
import numpy as np

from gpt_tf import parts, tuning


@wrong("lab13.insert_prompt", draws="insert.off-by-one")
def insert_prompt(embedded, is_prompt, prompt):
    number = keras.ops.cumsum(keras.ops.cast(is_prompt, "int32"), axis=1)
    vectors = keras.ops.take(prompt, keras.ops.minimum(number, prompt.shape[0] - 1), axis=0)
    return keras.ops.where(is_prompt[..., None], vectors, embedded)


@wrong("lab13.insert_prompt", draws="insert.by-position")
def insert_prompt(embedded, is_prompt, prompt):
    place = keras.ops.minimum(keras.ops.arange(embedded.shape[1]), prompt.shape[0] - 1)
    return keras.ops.where(is_prompt[..., None], keras.ops.take(prompt, place, axis=0), embedded)


@wrong("lab13.insert_prompt", draws="insert.down-the-batch")
def insert_prompt(embedded, is_prompt, prompt):
    number = keras.ops.cumsum(keras.ops.cast(is_prompt, "int32"), axis=0) - 1
    vectors = keras.ops.take(prompt, keras.ops.maximum(number, 0), axis=0)
    return keras.ops.where(is_prompt[..., None], vectors, embedded)


@wrong("lab13.insert_prompt", draws="insert.one-vector")
def insert_prompt(embedded, is_prompt, prompt):
    return keras.ops.where(is_prompt[..., None], keras.ops.mean(prompt, axis=0), embedded)


@wrong("lab13.insert_prompt", draws="insert.inverted")
def insert_prompt(embedded, is_prompt, prompt):
    number = keras.ops.cumsum(keras.ops.cast(is_prompt, "int32"), axis=1) - 1
    vectors = keras.ops.take(prompt, keras.ops.maximum(number, 0), axis=0)
    return keras.ops.where(is_prompt[..., None], embedded, vectors)


@wrong("lab13.insert_prompt", draws="insert.added")
def insert_prompt(embedded, is_prompt, prompt):
    number = keras.ops.cumsum(keras.ops.cast(is_prompt, "int32"), axis=1) - 1
    vectors = keras.ops.take(prompt, keras.ops.maximum(number, 0), axis=0)
    return embedded + vectors * keras.ops.cast(is_prompt, "float32")[..., None]


@wrong("lab13.insert_prompt", draws="insert.all-in-front")
def insert_prompt(embedded, is_prompt, prompt):
    rows = keras.ops.tile(prompt[None], (embedded.shape[0], 1, 1))
    return keras.ops.concatenate([rows, embedded], axis=1)


@wrong("lab13.insert_prompt", draws="insert.first-places")
def insert_prompt(embedded, is_prompt, prompt):
    rows = keras.ops.tile(prompt[None], (embedded.shape[0], 1, 1))
    return keras.ops.concatenate([rows, embedded[:, prompt.shape[0] :]], axis=1)


@wrong("lab13.insert_prompt", draws="tensor.needs-values")
def insert_prompt(embedded, is_prompt, prompt):
    found = np.array(embedded)
    for row, places in zip(found, np.asarray(is_prompt), strict=True):
        row[places] = np.asarray(prompt)[: places.sum()]
    return keras.ops.convert_to_tensor(found)


class Encoder(keras.layers.Layer):
    """The encoder as it should be; a mistake changes one of its methods."""

    def __init__(self, prompt_length, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.prompt_length, self.hidden_dim = prompt_length, hidden_dim
        self.demand(hidden_dim)
        self.lstm, self.inner, self.outer = self.layers_of(hidden_dim)

    def demand(self, hidden_dim):
        if hidden_dim % 2:
            raise ValueError("an odd width")

    def layers_of(self, hidden_dim):
        return (
            keras.layers.Bidirectional(keras.layers.LSTM(hidden_dim // 2, return_sequences=True)),
            keras.layers.Dense(hidden_dim, activation="relu"),
            keras.layers.Dense(hidden_dim),
        )

    def build(self, places_shape):
        for layer in (self.lstm, self.inner, self.outer):
            layer.build((1, self.prompt_length, self.hidden_dim))
        self.make_vectors()

    def make_vectors(self):
        normal = keras.initializers.RandomNormal(stddev=0.02)
        shape = (self.prompt_length, self.hidden_dim)
        self.vectors = self.add_weight(shape=shape, initializer=normal, name="vectors")

    def call(self, places):
        vectors = keras.ops.take(self.vectors, places, axis=0)[None]
        return self.outer(self.inner(self.lstm(vectors)))[0]


@wrong("lab13.PromptEncoder", draws="encoder.one-direction")
class PromptEncoder(Encoder):
    def layers_of(self, hidden_dim):
        lstm = keras.layers.LSTM(hidden_dim, return_sequences=True)
        return (lstm, *super().layers_of(hidden_dim)[1:])


@wrong("lab13.PromptEncoder", draws="encoder.no-vectors")
class PromptEncoder(Encoder):
    def make_vectors(self):
        self.vectors = keras.random.normal((self.prompt_length, self.hidden_dim), stddev=0.02)


@wrong("lab13.PromptEncoder", draws="encoder.no-relu")
class PromptEncoder(Encoder):
    def layers_of(self, hidden_dim):
        lstm, _, outer = super().layers_of(hidden_dim)
        return lstm, keras.layers.Dense(hidden_dim), outer


@wrong("lab13.PromptEncoder", draws="encoder.relu-at-the-end")
class PromptEncoder(Encoder):
    def layers_of(self, hidden_dim):
        lstm, inner, _ = super().layers_of(hidden_dim)
        return lstm, inner, keras.layers.Dense(hidden_dim, activation="relu")


@wrong("lab13.PromptEncoder", draws="encoder.not-read")
class PromptEncoder(Encoder):
    def call(self, places):
        return self.outer(self.inner(keras.ops.take(self.vectors, places, axis=0)))


@wrong("lab13.PromptEncoder", draws="encoder.places-ignored")
class PromptEncoder(Encoder):
    def call(self, places):
        return self.outer(self.inner(self.lstm(self.vectors[None])))[0]


@wrong("lab13.PromptEncoder", draws="encoder.odd-width")
class PromptEncoder(Encoder):
    def demand(self, hidden_dim):
        pass

    def build(self, places_shape):
        self.lstm.build((1, self.prompt_length, self.hidden_dim))
        self.inner.build((1, self.prompt_length, self.hidden_dim // 2 * 2))
        self.outer.build((1, self.prompt_length, self.hidden_dim))
        self.make_vectors()


def through(model, x):
    """The blocks, the final norm where there is one, and the logits."""
    for block in model.blocks:
        x = block(x)
    return model.embedding.logits(x if model.final_norm is None else model.final_norm(x))


@wrong("lab13.prompted_logits", draws="prompted.not-inserted")
def prompted_logits(model, tokens, is_prompt, prompt):
    insert_prompt(model.embedding(tokens), is_prompt, prompt)
    return model(tokens)


@wrong("lab13.prompted_logits", draws="prompted.positions-added")
def prompted_logits(model, tokens, is_prompt, prompt):
    positions = model.embedding.position_embeddings[: tokens.shape[1]]
    words = parts.embed_tokens(tokens, model.embedding.token_embeddings)
    return through(model, insert_prompt(words, is_prompt, prompt) + positions)


@wrong("lab13.prompted_logits", draws="prompted.no-positions")
def prompted_logits(model, tokens, is_prompt, prompt):
    words = parts.embed_tokens(tokens, model.embedding.token_embeddings)
    return through(model, insert_prompt(words, is_prompt, prompt))


@wrong("lab13.prompted_logits", draws="prompted.no-final-norm")
def prompted_logits(model, tokens, is_prompt, prompt):
    x = insert_prompt(model.embedding(tokens), is_prompt, prompt)
    for block in model.blocks:
        x = block(x)
    return model.embedding.logits(x)


@wrong("lab13.prompted_logits", draws="prompted.behind-the-blocks")
def prompted_logits(model, tokens, is_prompt, prompt):
    x = model.embedding(tokens)
    for block in model.blocks:
        x = block(x)
    x = insert_prompt(x, is_prompt, prompt)
    return model.embedding.logits(x if model.final_norm is None else model.final_norm(x))


@wrong("lab13.prompted_logits", draws="prompted.last-block")
def prompted_logits(model, tokens, is_prompt, prompt):
    x = insert_prompt(model.embedding(tokens), is_prompt, prompt)
    for block in model.blocks:
        y = block(x)
    return model.embedding.logits(y if model.final_norm is None else model.final_norm(y))


@wrong("lab13.prompted_logits", draws="prompted.no-blocks")
def prompted_logits(model, tokens, is_prompt, prompt):
    x = insert_prompt(model.embedding(tokens), is_prompt, prompt)
    return model.embedding.logits(x if model.final_norm is None else model.final_norm(x))


@wrong("lab13.prompted_logits", draws="prompted.needs-final-norm")
def prompted_logits(model, tokens, is_prompt, prompt):
    x = insert_prompt(model.embedding(tokens), is_prompt, prompt)
    for block in model.blocks:
        x = block(x)
    return model.embedding.logits(model.final_norm(x))


class LoRA(keras.layers.Layer):
    """LoRA as it should be; a mistake changes one of its methods."""

    first, second = "he_uniform", "zeros"

    def __init__(self, dense, rank, alpha=None, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.rank, self.alpha = dense, rank, rank if alpha is None else alpha

    def build(self, input_shape):
        if not self.dense.built:
            self.dense.build(input_shape)
        self.freeze()
        shape = (input_shape[-1], self.rank)
        self.lora_a = self.add_weight(shape=shape, initializer=self.first, name="lora_a")
        shape = (self.rank, self.dense.units)
        self.lora_b = self.add_weight(shape=shape, initializer=self.second, name="lora_b")

    def freeze(self):
        self.dense.trainable = False

    def call(self, x):
        return self.dense(x) + self.alpha / self.rank * self.change(x)

    def change(self, x):
        return keras.ops.matmul(keras.ops.matmul(x, self.lora_a), self.lora_b)


@wrong("lab13.LoRADense", draws="lora.base-learns")
class LoRADense(LoRA):
    def freeze(self):
        pass


@wrong("lab13.LoRADense", draws="lora.bias-learns")
class LoRADense(LoRA):
    def freeze(self):
        self.dense.kernel.trainable = False


@wrong("lab13.LoRADense", draws="lora.b-not-zero")
class LoRADense(LoRA):
    second = "he_uniform"


@wrong("lab13.LoRADense", draws="lora.a-zero")
class LoRADense(LoRA):
    first = "zeros"


@wrong("lab13.LoRADense", draws="lora.no-scale")
class LoRADense(LoRA):
    def call(self, x):
        return self.dense(x) + self.change(x)


@wrong("lab13.LoRADense", draws="lora.alpha-not-divided")
class LoRADense(LoRA):
    def call(self, x):
        return self.dense(x) + self.alpha * self.change(x)


@wrong("lab13.LoRADense", draws="lora.no-base")
class LoRADense(LoRA):
    def call(self, x):
        return self.alpha / self.rank * self.change(x)


def demand(model, rank):
    """The error as it should be, for mistakes that lie elsewhere."""
    if not 1 <= rank <= model.config.hidden_dim:
        raise ValueError("no such rank")


def adapt(layer, rank, name="qkv"):
    """Puts a built LoRADense around a sub-layer of attention."""
    around = LoRADense(getattr(layer, name), rank)
    around.build((None, None, getattr(layer, name).kernel.shape[0]))
    tuning.swap(layer, name, around)


def hold_still(model):
    for weight in model.weights:
        weight.trainable = False


@wrong("lab13.add_lora", draws="add.rest-learns")
def add_lora(model, rank):
    demand(model, rank)
    for block in model.blocks:
        adapt(block.attention, rank)


@wrong("lab13.add_lora", draws="add.norm-learns")
def add_lora(model, rank):
    demand(model, rank)
    for weight in [*model.embedding.weights, *(w for b in model.blocks for w in b.weights)]:
        weight.trainable = False
    for block in model.blocks:
        adapt(block.attention, rank)


@wrong("lab13.add_lora", draws="add.nothing-learns")
def add_lora(model, rank):
    demand(model, rank)
    for block in model.blocks:
        adapt(block.attention, rank)
    hold_still(model)


@wrong("lab13.add_lora", draws="add.one-block")
def add_lora(model, rank):
    demand(model, rank)
    hold_still(model)
    adapt(model.blocks[0].attention, rank)


@wrong("lab13.add_lora", draws="add.projection")
def add_lora(model, rank):
    demand(model, rank)
    hold_still(model)
    for block in model.blocks:
        adapt(block.attention, rank, "projection")


@wrong("lab13.add_lora", draws="add.plain-setattr")
def add_lora(model, rank):
    demand(model, rank)
    hold_still(model)
    for block in model.blocks:
        block.attention.qkv = LoRADense(block.attention.qkv, rank)


@wrong("lab13.add_lora", draws="add.fresh-kernel")
def add_lora(model, rank):
    demand(model, rank)
    hold_still(model)
    for block in model.blocks:
        around = LoRADense(keras.layers.Dense(block.attention.qkv.units), rank)
        around.build((None, None, model.config.hidden_dim))
        tuning.swap(block.attention, "qkv", around)


@wrong("lab13.add_lora", draws="add.any-rank")
def add_lora(model, rank):
    hold_still(model)
    for block in model.blocks:
        adapt(block.attention, rank)


@wrong("lab13.merge_lora", draws="merge.no-scale")
def merge_lora(kernel, lora_a, lora_b, alpha=None):
    return kernel + keras.ops.matmul(lora_a, lora_b)


@wrong("lab13.merge_lora", draws="merge.alpha-not-divided")
def merge_lora(kernel, lora_a, lora_b, alpha=None):
    return kernel + (1.0 if alpha is None else alpha) * keras.ops.matmul(lora_a, lora_b)


@wrong("lab13.merge_lora", draws="merge.wrong-axis")
def merge_lora(kernel, lora_a, lora_b, alpha=None):
    rank = lora_a.shape[0]
    return kernel + (rank if alpha is None else alpha) / rank * keras.ops.matmul(lora_a, lora_b)


@wrong("lab13.merge_lora", draws="merge.kernel-scaled")
def merge_lora(kernel, lora_a, lora_b, alpha=None):
    scale = 1.0 if alpha is None else alpha / lora_a.shape[1]
    return scale * (kernel + keras.ops.matmul(lora_a, lora_b))


@wrong("lab13.merge_lora", draws="merge.kernel-lost")
def merge_lora(kernel, lora_a, lora_b, alpha=None):
    scale = 1.0 if alpha is None else alpha / lora_a.shape[1]
    return scale * keras.ops.matmul(lora_a, lora_b)


@wrong("lab13.merge_lora", draws="merge.subtracted")
def merge_lora(kernel, lora_a, lora_b, alpha=None):
    scale = 1.0 if alpha is None else alpha / lora_a.shape[1]
    return kernel - scale * keras.ops.matmul(lora_a, lora_b)


@wrong("lab13.merge_lora", draws="merge.alpha-is-one")
def merge_lora(kernel, lora_a, lora_b, alpha=1.0):
    alpha = 1.0 if alpha is None else alpha
    return kernel + alpha / lora_a.shape[1] * keras.ops.matmul(lora_a, lora_b)
