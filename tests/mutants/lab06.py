"""Known-wrong answers to lab 06, and the misconception that each must draw."""

import dataclasses

import keras

from gpt_tf import parts


def shapes(config, head_dim=None, inner=None):
    """Sizes that the wrong counts below begin with: (embeddings, one block, one norm)."""
    width = config.hidden_dim
    attended = config.num_heads * (head_dim or config.head_dim)
    inner = inner or config.intermediate_dim
    embeddings = (config.vocabulary_size + config.max_sequence_length) * width
    attention = 3 * width * attended + 3 * attended + attended * width + width
    feed_forward = 2 * width * inner + inner + width
    return embeddings, attention + feed_forward + 4 * width, 2 * width


@wrong("lab06.count_parameters", draws="count.untied-output")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    output = config.vocabulary_size * config.hidden_dim
    return embeddings + config.num_layers * block + norm * config.normalize_first + output


@wrong("lab06.count_parameters", draws="count.output-bias")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    output = config.vocabulary_size
    return embeddings + config.num_layers * block + norm * config.normalize_first + output


@wrong("lab06.count_parameters", draws="count.final-norm")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    return embeddings + config.num_layers * block


@wrong("lab06.count_parameters", draws="count.final-norm")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    return embeddings + config.num_layers * block + norm


@wrong("lab06.count_parameters", draws="count.no-biases")
def count_parameters(config):
    width, attended = config.hidden_dim, config.num_heads * config.head_dim
    embeddings = (config.vocabulary_size + config.max_sequence_length) * width
    block = 4 * width * attended + 2 * width * config.intermediate_dim + 4 * width
    return embeddings + config.num_layers * block + 2 * width * config.normalize_first


@wrong("lab06.count_parameters", draws="count.no-norms")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    return embeddings + config.num_layers * (block - 2 * norm)


@wrong("lab06.count_parameters", draws="count.one-norm-a-block")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    return embeddings + config.num_layers * (block - norm) + norm * config.normalize_first


@wrong("lab06.count_parameters", draws="count.gain-only")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    final = norm // 2 * config.normalize_first
    return embeddings + config.num_layers * (block - norm) + final


@wrong("lab06.count_parameters", draws="count.no-positions")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    embeddings = config.vocabulary_size * config.hidden_dim
    return embeddings + config.num_layers * block + norm * config.normalize_first


@wrong("lab06.count_parameters", draws="count.no-embeddings")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    return config.num_layers * block + norm * config.normalize_first


@wrong("lab06.count_parameters", draws="count.head-dim-ignored")
def count_parameters(config):
    embeddings, block, norm = shapes(config, head_dim=config.hidden_dim / config.num_heads)
    return int(embeddings + config.num_layers * block + norm * config.normalize_first)


@wrong("lab06.count_parameters", draws="count.inner-width-ignored")
def count_parameters(config):
    embeddings, block, norm = shapes(config, inner=4 * config.hidden_dim)
    return embeddings + config.num_layers * block + norm * config.normalize_first


@wrong("lab06.count_parameters", draws="count.no-projection")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    block -= (config.num_heads * config.head_dim + 1) * config.hidden_dim
    return embeddings + config.num_layers * block + norm * config.normalize_first


@wrong("lab06.count_parameters", draws="count.no-qkv-biases")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    block -= 3 * config.num_heads * config.head_dim
    return embeddings + config.num_layers * block + norm * config.normalize_first


@wrong("lab06.count_parameters", draws="count.no-feed-forward-biases")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    block -= config.intermediate_dim + config.hidden_dim
    return embeddings + config.num_layers * block + norm * config.normalize_first


@wrong("lab06.count_parameters", draws="count.one-block")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    return embeddings + block + norm * config.normalize_first


@wrong("lab06.count_parameters", draws="count.final-norm-in-each-block")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    return embeddings + config.num_layers * (block + norm * config.normalize_first)


@wrong("lab06.count_parameters", draws="count.not-whole")
def count_parameters(config):
    embeddings, block, norm = shapes(config)
    norms = 2 * config.num_layers + config.normalize_first
    return embeddings + config.num_layers * (block - 2 * norm) + norms / 0.5 * config.hidden_dim


@wrong("lab06.residual_stddev", draws="init.root-of-half")
def residual_stddev(num_layers, stddev=0.02):
    return stddev / (2 * num_layers**0.5)


@wrong("lab06.residual_stddev", draws="init.one-write-a-block")
def residual_stddev(num_layers, stddev=0.02):
    return stddev / num_layers**0.5


@wrong("lab06.residual_stddev", draws="init.no-root")
def residual_stddev(num_layers, stddev=0.02):
    return stddev / (2 * num_layers)


@wrong("lab06.residual_stddev", draws="init.multiplied")
def residual_stddev(num_layers, stddev=0.02):
    return stddev * (2 * num_layers) ** 0.5


@wrong("lab06.residual_stddev", draws="init.stddev-ignored")
def residual_stddev(num_layers, stddev=0.02):
    return 0.02 / (2 * num_layers) ** 0.5


@wrong("lab06.residual_stddev", draws="init.unscaled")
def residual_stddev(num_layers, stddev=0.02):
    return stddev


def band_of(length, rule):
    """The mask of a rule on (looking position, looked-at position)."""
    position = keras.ops.arange(length)
    return rule(position[:, None], position[None, :])


def need(window):
    if window < 1:
        raise ValueError("window")


@wrong("lab06.banded_causal_mask", draws="band.one-too-many")
def banded_causal_mask(length, window):
    need(window)
    return band_of(length, lambda i, j: (i >= j) & (i - j <= window))


@wrong("lab06.banded_causal_mask", draws="band.one-too-few")
def banded_causal_mask(length, window):
    need(window)
    return band_of(length, lambda i, j: (i >= j) & (i - j < window - 1))


@wrong("lab06.banded_causal_mask", draws="band.no-band")
def banded_causal_mask(length, window):
    return parts.causal_mask(length)


@wrong("lab06.banded_causal_mask", draws="band.sees-the-future")
def banded_causal_mask(length, window):
    need(window)
    return band_of(length, lambda i, j: keras.ops.abs(i - j) < window)


@wrong("lab06.banded_causal_mask", draws="band.upside-down")
def banded_causal_mask(length, window):
    need(window)
    return band_of(length, lambda i, j: (j >= i) & (j - i < window))


@wrong("lab06.banded_causal_mask", draws="band.outside")
def banded_causal_mask(length, window):
    need(window)
    return band_of(length, lambda i, j: (i >= j) & (i - j >= window))


@wrong("lab06.banded_causal_mask", draws="band.strided")
def banded_causal_mask(length, window):
    need(window)
    return band_of(length, lambda i, j: (i >= j) & ((i - j) % window == 0))


@wrong("lab06.banded_causal_mask", draws="band.cut-into-pieces")
def banded_causal_mask(length, window):
    need(window)
    return band_of(length, lambda i, j: (i >= j) & (i // window == j // window))


@wrong("lab06.banded_causal_mask", draws="band.not-bool")
def banded_causal_mask(length, window):
    need(window)
    seen = band_of(length, lambda i, j: (i >= j) & (i - j < window))
    return keras.ops.cast(seen, "float32")


@wrong("lab06.banded_causal_mask", draws="band.window-unchecked")
def banded_causal_mask(length, window):
    return band_of(length, lambda i, j: (i >= j) & (i - j < window))


@wrong("lab06.banded_causal_mask", draws="band.window-unchecked")
def banded_causal_mask(length, window):
    if not window:
        raise ValueError("window")
    return band_of(length, lambda i, j: (i >= j) & (i - j < window))


class Model(keras.Model):
    """What the wrong models below have in common: right, but for what each of them changes."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.embedding = self.make_embedding()
        self.blocks = self.make_blocks()
        self.final_norm = parts.LayerNorm() if self.has_final_norm() else None

    def make_embedding(self):
        c = self.config
        return parts.TokenAndPositionEmbedding(
            c.vocabulary_size, c.max_sequence_length, c.hidden_dim, dropout=c.dropout
        )

    def make_blocks(self):
        return [self.make_block() for _ in range(self.config.num_layers)]

    def make_block(self):
        c = self.config
        stddev = residual_stddev(c.num_layers) if c.normalize_first else 0.02
        settings = {"dropout": c.dropout, "normalize_first": c.normalize_first}
        settings |= {"residual_stddev": stddev} | self.other_settings()
        return parts.TransformerBlock(
            settings.pop("num_heads", c.num_heads),
            settings.pop("head_dim", c.head_dim),
            settings.pop("intermediate_dim", c.intermediate_dim),
            **settings,
        )

    def other_settings(self):
        return {}

    def has_final_norm(self):
        return self.config.normalize_first

    def has_band(self, index):
        return index % 2 == 1

    def route(self):
        return self.blocks

    def norm(self, x):
        return x if self.final_norm is None else self.final_norm(x)

    def hidden_states(self, tokens):
        x = self.embedding(tokens)
        window = self.config.attention_window
        for index, block in enumerate(self.route()):
            banded = window is not None and self.has_band(index)
            mask = banded_causal_mask(tokens.shape[1], window) if banded else None
            x = block(x, attention_mask=mask)
        return self.norm(x)

    def call(self, tokens, training=None):
        return self.embedding.logits(self.hidden_states(tokens))


@wrong("lab06.GPT", draws="gpt.same-block-again")
class GPT(Model):
    def make_blocks(self):
        return [self.make_block()] * self.config.num_layers


@wrong("lab06.GPT", draws="gpt.no-final-norm")
class GPT(Model):
    def has_final_norm(self):
        return False


@wrong("lab06.GPT", draws="gpt.no-final-norm")
class GPT(Model):
    def norm(self, x):
        self.final_norm and self.final_norm(x)
        return x


@wrong("lab06.GPT", draws="gpt.norm-epsilon")
class GPT(Model):
    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        if config.normalize_first:
            self.final_norm = keras.layers.LayerNormalization()


@wrong("lab06.GPT", draws="gpt.norm-twice")
class GPT(Model):
    def call(self, tokens, training=None):
        return self.embedding.logits(self.norm(self.hidden_states(tokens)))


@wrong("lab06.GPT", draws="gpt.hidden-not-written")
class GPT(Model):
    def hidden_states(self, tokens):
        raise NotImplementedError

    def call(self, tokens, training=None):
        return self.embedding.logits(super().hidden_states(tokens))


@wrong("lab06.GPT", draws="gpt.band-size")
class GPT(Model):
    def hidden_states(self, tokens):
        x = self.embedding(tokens)
        size, window = self.config.max_sequence_length, self.config.attention_window
        band = None if window is None else banded_causal_mask(size, window)
        for index, block in enumerate(self.blocks):
            x = block(x, attention_mask=band if index % 2 else None)
        return self.norm(x)


@wrong("lab06.GPT", draws="gpt.final-norm-in-gpt1")
class GPT(Model):
    def has_final_norm(self):
        return True


@wrong("lab06.GPT", draws="gpt.untied")
class GPT(Model):
    def call(self, tokens, training=None):
        if not hasattr(self, "output_logits"):
            self.output_logits = keras.layers.Dense(self.config.vocabulary_size)
        return self.output_logits(self.hidden_states(tokens))


@wrong("lab06.GPT", draws="gpt.head-dim-ignored")
class GPT(Model):
    def other_settings(self):
        return {"head_dim": self.config.hidden_dim // self.config.num_heads}


@wrong("lab06.GPT", draws="gpt.inner-width-ignored")
class GPT(Model):
    def other_settings(self):
        return {"intermediate_dim": 4 * self.config.hidden_dim}


@wrong("lab06.GPT", draws="gpt.residual-init")
class GPT(Model):
    def other_settings(self):
        return {"residual_stddev": 0.02}


@wrong("lab06.GPT", draws="gpt.gpt1-init")
class GPT(Model):
    def other_settings(self):
        return {"residual_stddev": residual_stddev(self.config.num_layers)}


@wrong("lab06.GPT", draws="gpt.normalize-first-ignored")
class GPT(Model):
    def other_settings(self):
        return {"normalize_first": True}


@wrong("lab06.GPT", draws="gpt.normalize-first-ignored")
class GPT(Model):
    def other_settings(self):
        return {"normalize_first": False}


@wrong("lab06.GPT", draws="gpt.blocks-reversed")
class GPT(Model):
    def route(self):
        return list(self.blocks)[::-1]


@wrong("lab06.GPT", draws="gpt.last-block-only")
class GPT(Model):
    def hidden_states(self, tokens):
        embedded = self.embedding(tokens)
        for block in self.blocks:
            x = block(embedded)
        return self.norm(x)


@wrong("lab06.GPT", draws="gpt.first-block-only")
class GPT(Model):
    def hidden_states(self, tokens):
        x = self.embedding(tokens)
        for block in self.blocks[1:]:
            block(x)
        return self.norm(self.blocks[0](x))


@wrong("lab06.GPT", draws="gpt.a-block-missing")
class GPT(Model):
    def hidden_states(self, tokens):
        x = self.embedding(tokens)
        for block in self.blocks:
            before, x = x, block(x)
        return self.norm(before)


@wrong("lab06.GPT", draws="gpt.probabilities")
class GPT(Model):
    def call(self, tokens, training=None):
        return keras.ops.softmax(super().call(tokens))


@wrong("lab06.GPT", draws="gpt.last-position-only")
class GPT(Model):
    def call(self, tokens, training=None):
        return super().call(tokens)[:, -1]


@wrong("lab06.GPT", draws="gpt.no-band")
class GPT(Model):
    def has_band(self, index):
        return False


@wrong("lab06.GPT", draws="gpt.band-everywhere")
class GPT(Model):
    def has_band(self, index):
        return True


@wrong("lab06.GPT", draws="gpt.band-on-even")
class GPT(Model):
    def has_band(self, index):
        return index % 2 == 0


@wrong("lab06.GPT", draws="gpt.band-in-the-second-half")
class GPT(Model):
    def has_band(self, index):
        return index >= self.config.num_layers / 2


@wrong("lab06.GPT", draws="gpt.hidden-before-norm")
class GPT(Model):
    def hidden_states(self, tokens):
        x = self.embedding(tokens)
        for index, block in enumerate(self.blocks):
            window = self.config.attention_window
            banded = window is not None and index % 2
            x = block(x, banded_causal_mask(tokens.shape[1], window) if banded else None)
        return x

    def call(self, tokens, training=None):
        return self.embedding.logits(self.norm(self.hidden_states(tokens)))


@wrong("lab06.GPT", draws="gpt.hidden-are-logits")
class GPT(Model):
    def hidden_states(self, tokens):
        return self.embedding.logits(super().hidden_states(tokens))

    def call(self, tokens, training=None):
        return self.hidden_states(tokens)


@wrong("lab06.GPT", draws="gpt.too-long")
class GPT(Model):
    def call(self, tokens, training=None):
        return super().call(tokens[:, -self.config.max_sequence_length :])


@wrong("lab06.GPT", draws="gpt.embedding-dropout")
class GPT(Model):
    def make_embedding(self):
        c = self.config
        return parts.TokenAndPositionEmbedding(
            c.vocabulary_size, c.max_sequence_length, c.hidden_dim
        )


@wrong("lab06.GPT", draws="gpt.block-dropout")
class GPT(Model):
    def other_settings(self):
        return {"dropout": 0.0}


@wrong("lab06.GPT", draws="gpt.no-dropout")
class GPT(Model):
    def hidden_states(self, tokens):
        x = self.embedding(tokens, training=False)
        window = self.config.attention_window
        for index, block in enumerate(self.blocks):
            banded = window is not None and index % 2
            mask = banded_causal_mask(tokens.shape[1], window) if banded else None
            x = block(x, attention_mask=mask, training=False)
        return self.norm(x)


@wrong("lab06.GPT", draws="gpt.no-dropout")
class GPT(Model):
    def __init__(self, config, **kwargs):
        super().__init__(dataclasses.replace(config, dropout=0.0), **kwargs)


@wrong("lab06.GPT", draws="gpt.training-not-named")
class GPT(Model):
    def call(self, tokens):
        return super().call(tokens)


@wrong("lab06.GPT", draws="gpt.band-in-the-last")
class GPT(Model):
    def has_band(self, index):
        return index == self.config.num_layers - 1


@wrong("lab06.GPT", draws="gpt.dropout-twice")
class GPT(Model):
    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        # The embedding drops its sum already.
        self.dropout = keras.layers.Dropout(config.dropout)

    def hidden_states(self, tokens):
        x = self.dropout(self.embedding(tokens))
        window = self.config.attention_window
        for index, block in enumerate(self.blocks):
            banded = window is not None and index % 2
            x = block(x, banded_causal_mask(tokens.shape[1], window) if banded else None)
        return self.norm(x)


@wrong("lab06.GPT", draws="gpt.dropout-twice")
class GPT(Model):
    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.dropout = keras.layers.Dropout(config.dropout)

    def norm(self, x):
        return super().norm(self.dropout(x))


@wrong("lab06.GPT", draws="tensor.needs-values")
class GPT(Model):
    def norm(self, x):
        return super().norm(keras.ops.convert_to_tensor(keras.ops.convert_to_numpy(x)))


def places(model):
    """{released name: variable}, right as it is."""
    found = {
        "wte": model.embedding.token_embeddings,
        "wpe": model.embedding.position_embeddings,
        "ln_f/g": model.final_norm.gamma,
        "ln_f/b": model.final_norm.beta,
    }
    for n, block in enumerate(model.blocks):
        for name, layer in {
            "ln_1": block.attention_norm,
            "ln_2": block.feed_forward_norm,
        }.items():
            found |= {f"h{n}/{name}/g": layer.gamma, f"h{n}/{name}/b": layer.beta}
        for name, layer in {
            "attn/c_attn": block.attention.qkv,
            "attn/c_proj": block.attention.projection,
            "mlp/c_fc": block.feed_forward.expand,
            "mlp/c_proj": block.feed_forward.contract,
        }.items():
            found |= {f"h{n}/{name}/w": layer.kernel, f"h{n}/{name}/b": layer.bias}
    return found


def fill(targets, arrays, shaped=True):
    if not set(targets) <= set(arrays):
        raise ValueError("a name is missing")
    values = {
        name: keras.ops.reshape(arrays[name], variable.shape) if shaped else arrays[name]
        for name, variable in targets.items()
    }
    for name, variable in targets.items():
        variable.assign(values[name])


def count_must_agree(model, arrays):
    if len(arrays) != 12 * len(model.blocks) + 4:
        raise ValueError("another number of arrays")


@wrong("lab06.load_gpt2_weights", draws="load.shape-unnoticed")
def load_gpt2_weights(model, arrays):
    targets, values = places(model), {}
    if set(targets) != set(arrays):
        raise ValueError("other names")
    for name, variable in targets.items():
        array = keras.ops.convert_to_tensor(arrays[name])
        array = array[0] if len(array.shape) > len(variable.shape) else array
        turned = array.shape != variable.shape
        values[name] = keras.ops.transpose(array) if turned else array
        if values[name].shape != variable.shape:
            raise ValueError(name)
    for name, variable in targets.items():
        variable.assign(values[name])


@wrong("lab06.load_gpt2_weights", draws="load.nothing-loaded")
def load_gpt2_weights(model, arrays):
    for name, variable in places(model).items():
        variable = keras.ops.reshape(arrays[name], variable.shape)


@wrong("lab06.load_gpt2_weights", draws="load.norms-swapped")
def load_gpt2_weights(model, arrays):
    targets = places(model)
    for n in range(len(model.blocks)):
        for end in "gb":
            one, two = f"h{n}/ln_1/{end}", f"h{n}/ln_2/{end}"
            targets[one], targets[two] = targets[two], targets[one]
    fill(targets, arrays)


@wrong("lab06.load_gpt2_weights", draws="load.gain-for-shift")
def load_gpt2_weights(model, arrays):
    targets = places(model)
    for name in [n for n in targets if n.endswith("/g")]:
        other = name[:-1] + "b"
        targets[name], targets[other] = targets[other], targets[name]
    fill(targets, arrays)


@wrong("lab06.load_gpt2_weights", draws="load.first-block-everywhere")
def load_gpt2_weights(model, arrays):
    for name, variable in places(model).items():
        first = "/".join(["h0", *name.split("/")[1:]]) if name[0] == "h" else name
        variable.assign(arrays[first])


@wrong("lab06.load_gpt2_weights", draws="load.blocks-reversed")
def load_gpt2_weights(model, arrays):
    last = len(model.blocks) - 1
    for name, variable in places(model).items():
        block, *rest = name.split("/")
        if block[0] == "h":
            name = "/".join([f"h{last - int(block[1:])}", *rest])
        variable.assign(arrays[name])


@wrong("lab06.load_gpt2_weights", draws="load.projection-transposed")
def load_gpt2_weights(model, arrays):
    turned = {
        n: keras.ops.transpose(a) if n.endswith("attn/c_proj/w") else a for n, a in arrays.items()
    }
    fill(places(model), turned)


@wrong("lab06.load_gpt2_weights", draws="load.no-biases")
def load_gpt2_weights(model, arrays):
    kept = {n: v for n, v in places(model).items() if not n.endswith("/b") or "ln_" in n}
    fill(kept, arrays)


@wrong("lab06.load_gpt2_weights", draws="load.no-norms")
def load_gpt2_weights(model, arrays):
    fill({n: v for n, v in places(model).items() if "ln_" not in n}, arrays)


@wrong("lab06.load_gpt2_weights", draws="load.no-final-norm")
def load_gpt2_weights(model, arrays):
    fill({n: v for n, v in places(model).items() if "ln_f" not in n}, arrays)


@wrong("lab06.load_gpt2_weights", draws="load.no-positions")
def load_gpt2_weights(model, arrays):
    fill({n: v for n, v in places(model).items() if n != "wpe"}, arrays)


@wrong("lab06.load_gpt2_weights", draws="load.leading-axis")
def load_gpt2_weights(model, arrays):
    count_must_agree(model, arrays)
    fill(places(model), arrays, shaped=False)


@wrong("lab06.load_gpt2_weights", draws="load.missing-unnoticed")
def load_gpt2_weights(model, arrays):
    targets = places(model)
    fill({name: v for name, v in targets.items() if name in arrays}, arrays)


@wrong("lab06.load_gpt2_weights", draws="load.rest-unnoticed")
def load_gpt2_weights(model, arrays):
    fill(places(model), arrays)


@wrong("lab06.load_gpt2_weights", draws="load.shape-unnoticed")
def load_gpt2_weights(model, arrays):
    count_must_agree(model, arrays)
    for name, variable in places(model).items():
        rows = keras.ops.reshape(arrays[name], (-1, *variable.shape[1:]))
        variable.assign(rows[: variable.shape[0]])


@wrong("lab06.load_gpt2_weights", draws="load.half-loaded")
def load_gpt2_weights(model, arrays):
    left = dict(arrays)
    for name, variable in places(model).items():
        if name not in left:
            raise ValueError(f"{name} is missing")
        array = keras.ops.convert_to_tensor(left.pop(name))
        array = array[0] if len(array.shape) > len(variable.shape) else array
        if array.shape != variable.shape:
            raise ValueError(f"{name} has another shape")
        variable.assign(array)
    if left:
        raise ValueError(f"{sorted(left)} are left over")


@wrong("lab06.load_gpt2_weights", draws="load.half-loaded")
def load_gpt2_weights(model, arrays):
    # A weight complains of another shape by itself, and with a ValueError.
    targets = places(model)
    if set(targets) != set(arrays):
        raise ValueError("other names")
    for name, variable in targets.items():
        array = keras.ops.convert_to_tensor(arrays[name])
        variable.assign(array[0] if len(array.shape) > len(variable.shape) else array)


@wrong("lab06.load_gpt2_weights", draws="load.rest-unnoticed")
def load_gpt2_weights(model, arrays):
    blocks = {name.split("/")[0] for name in arrays if name[0] == "h"}
    if len(blocks) != len(model.blocks):
        raise ValueError("another number of blocks")
    fill(places(model), arrays)
