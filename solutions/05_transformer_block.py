# %% [markdown]
# # Lab 05 · The Transformer block
#
# Attention moves information between positions. It does not think about what it found. In GPT
# every attention layer is followed by a small network that does, at each position on its own. Put
# the two together, add a way around each, keep the numbers in a healthy range, and you have the
# **Transformer block**. GPT-1 stacks 12 of them, GPT-3 stacks 96.
#
# You build its four pieces: layer normalisation, the GELU, the feed-forward layer and the residual
# connection. Then you wire them in two ways. GPT-1 normalises **after** each sum (post-norm), GPT-2
# **before** each sub-layer (pre-norm). It looks like a detail. At the end you measure what it does
# to a deep stack.

# %%
import keras
import keras_hub
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from gpt_tf import corpora, parts

# %% [markdown]
# ## 5.1 Layer normalisation
#
# A block adds to what comes in. After many blocks some positions hold large numbers and some hold
# small ones. The next layer would have to cope with both.
#
# Layer normalisation gives each position the same scale: subtract the mean of its features, divide
# by their standard deviation. Then a learned gain `gamma` and a learned shift `beta`, one of each
# for every feature, give back whatever scale turns out to be useful.
#
# Three details:
#
# * Each position is on its own: the mean runs over the **last axis** only. Otherwise a position
#   would learn something about its future.
# * The variance is the plain mean of the squares, divided by n and not by n - 1. `epsilon` goes
#   **inside** the square root, so that a constant vector does not divide by zero.
# * With 16-bit numbers, squares overflow and small differences vanish. So compute in float32 and
#   cast only the result.


# %% exercise="lab05.LayerNorm" points=4 minutes=15 difficulty=2
@keras.saving.register_keras_serializable("gpt_tf")
class LayerNorm(keras.layers.Layer):
    """Normalises the features of each position (GPT-1, section 4.1; GPT-2, section 2.3).

    gamma (x - mean) / sqrt(variance + epsilon) + beta, over the last axis, computed in float32.

    Weights:
        gamma: float32, shape (hidden_dim,), the gain; starts at 1.
        beta: float32, shape (hidden_dim,), the shift; starts at 0.

    Args:
        epsilon: float, added to the variance.

    Call arguments:
        x: float tensor of shape (..., hidden_dim).

    Returns:
        Tensor of the shape of x, in the layer's compute dtype.

    Example:
        >>> LayerNorm()(keras.ops.array([[1.0, 2.0, 3.0]]))
        [[-1.2247, 0.0, 1.2247]]
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        # autocast=False keeps these two in float32 when the rest of the model is not.
        width = input_shape[-1:]
        ### BEGIN SOLUTION
        self.gamma = self.add_weight(
            shape=width, initializer="ones", name="gamma", dtype="float32", autocast=False
        )
        self.beta = self.add_weight(
            shape=width, initializer="zeros", name="beta", dtype="float32", autocast=False
        )
        ### END SOLUTION

    def call(self, x):
        ### BEGIN SOLUTION
        x = keras.ops.cast(x, "float32")
        mean, variance = keras.ops.moments(x, axes=-1, keepdims=True)
        normal = (x - mean) * keras.ops.rsqrt(variance + self.epsilon)
        return keras.ops.cast(normal * self.gamma + self.beta, self.compute_dtype)
        ### END SOLUTION


# %%
check("lab05.LayerNorm")

# %% [markdown]
# ## 5.2 GELU
#
# Two linear layers in a row are one linear layer. Something bent has to stand between them. ReLU
# cuts off everything below zero; where it cuts, no gradient comes back. GPT-1 uses the **GELU**: it
# multiplies x by the probability that a standard normal number is below x. Large numbers pass,
# very negative ones are held back, and in between it is smooth.
#
# That probability needs the error function. The GPT models compute a close approximation in its
# place:
#
# $$\mathrm{gelu}(x) \approx \frac{x}{2}\left(1 + \tanh\left(\sqrt{2/\pi}\,
# (x + 0.044715\,x^3)\right)\right)$$
#
# Take this form. The released weights were trained with it.


# %% exercise="lab05.gelu" points=2 minutes=5 difficulty=1
def gelu(x):
    """The Gaussian error linear unit in its tanh form (GPT-1, section 4.1).

    Args:
        x: float tensor of any shape.

    Returns:
        Float tensor of the shape and dtype of x.

    Example:
        >>> gelu(keras.ops.array([-1.0, 0.0, 1.0]))
        [-0.1588, 0.0, 0.8412]
    """
    ### BEGIN SOLUTION
    bend = keras.ops.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + bend)
    ### END SOLUTION


# %%
check("lab05.gelu")

# %% [markdown]
# ## 5.3 The feed-forward layer
#
# Attention has gathered; now each position works on what it has. One dense layer makes the vector
# wider (in GPT four times), the GELU bends it, and a second dense layer brings it back. The same
# weights serve every position, so nothing moves between positions here.
#
# About two thirds of a block's weights are in this layer.


# %% exercise="lab05.FeedForward" points=3 minutes=10 difficulty=2
@keras.saving.register_keras_serializable("gpt_tf")
class FeedForward(keras.layers.Layer):
    """Two dense layers with a GELU between them, at each position (GPT-1, section 4.1).

    Sub-layers:
        expand: `keras.layers.Dense` from hidden_dim to intermediate_dim.
        contract: `keras.layers.Dense` from intermediate_dim to hidden_dim.

    Args:
        intermediate_dim: int, inner width.
        residual_stddev: float, standard deviation of the initial kernel of `contract` (GPT-2,
            section 2.3 scales it; see lab 06). The kernel of `expand` starts at N(0, 0.02).

    Call arguments:
        x: float tensor of shape (batch, T, hidden_dim).

    Returns:
        Float tensor of shape (batch, T, hidden_dim).

    Example:
        >>> FeedForward(intermediate_dim=48)(keras.ops.ones((2, 5, 12))).shape
        (2, 5, 12)
    """

    def __init__(self, intermediate_dim, residual_stddev=0.02, **kwargs):
        super().__init__(**kwargs)
        self.residual_stddev = residual_stddev
        normal = keras.initializers.RandomNormal
        ### BEGIN SOLUTION
        self.expand = keras.layers.Dense(intermediate_dim, kernel_initializer=normal(stddev=0.02))
        # In 16 bits each step of the GELU would be rounded.
        self.activation = keras.layers.Activation(gelu, dtype="float32")
        ### END SOLUTION

    def build(self, input_shape):
        # The second layer ends in the width that came in.
        ### BEGIN SOLUTION
        self.contract = keras.layers.Dense(
            input_shape[-1],
            kernel_initializer=keras.initializers.RandomNormal(stddev=self.residual_stddev),
        )
        self.expand.build(input_shape)
        self.contract.build((*input_shape[:-1], self.expand.units))
        ### END SOLUTION

    def call(self, x):
        ### BEGIN SOLUTION
        return self.contract(self.activation(self.expand(x)))
        ### END SOLUTION


# %%
check("lab05.FeedForward")

# %% [markdown]
# ## 5.4 A way around
#
# A deep stack is hard to train when every signal has to pass every layer. The residual connection
# gives each sub-layer a way around it: the input is **added** to what the sub-layer makes of it.
#
# Where does the normalisation go? The papers differ:
#
# * GPT-1 (post-norm) normalises the **sum**: `norm(x + sublayer(x))`.
# * GPT-2 (pre-norm) normalises only what the **sub-layer** reads: `x + sublayer(norm(x))`. The way
#   around is then free of any operation from the first block to the last.


# %% exercise="lab05.residual_connection" points=3 minutes=10 difficulty=2
def residual_connection(x, sublayer, norm, normalize_first):
    """Leads x through a sub-layer and around it (GPT-1, section 3.1; GPT-2, section 2.3).

    Args:
        x: float tensor of shape (batch, T, hidden_dim).
        sublayer: function from such a tensor to another one of the same shape.
        norm: function of the same kind, such as a `LayerNorm`.
        normalize_first: bool, True for GPT-2's pre-norm, False for GPT-1's post-norm.

    Returns:
        Float tensor of shape (batch, T, hidden_dim).

    Example:
        >>> def double(y): return 2 * y
        >>> def add_ten(y): return y + 10
        >>> residual_connection(1, double, add_ten, normalize_first=True)
        23
        >>> residual_connection(1, double, add_ten, normalize_first=False)
        13
    """
    ### BEGIN SOLUTION
    if normalize_first:
        return x + sublayer(norm(x))
    return norm(x + sublayer(x))
    ### END SOLUTION


# %%
check("lab05.residual_connection")

# %% [markdown]
# ## 5.5 The block
#
# Now the whole block: attention and its residual connection, then the feed-forward layer and its
# own. Each of the two has a `LayerNorm` of its own.
#
# While training, GPT-1 drops a tenth of what each sub-layer returns, **before** it is added. What
# goes around is never dropped.
#
# The attention layer is yours from lab 04: `parts.CausalSelfAttention`.


# %% exercise="lab05.TransformerBlock" points=5 minutes=20 difficulty=3
@keras.saving.register_keras_serializable("gpt_tf")
class TransformerBlock(keras.layers.Layer):
    """One block of GPT: attention, then feed-forward (GPT-1, section 3.1; GPT-2, section 2.3).

    Sub-layers:
        attention: `parts.CausalSelfAttention`, with `dropout` on its weights.
        attention_norm: `LayerNorm`.
        feed_forward: `FeedForward`.
        feed_forward_norm: `LayerNorm`.
        dropout: `keras.layers.Dropout` on the result of each sub-layer.

    Args:
        num_heads: int, number of attention heads.
        head_dim: int, width of a head.
        intermediate_dim: int, inner width of the feed-forward layer.
        dropout: float in [0, 1), rate on attention weights and on both sub-layers' results.
        normalize_first: bool, True for GPT-2's pre-norm, False for GPT-1's post-norm.
        residual_stddev: float, standard deviation of the initial kernels that write to the
            residual stream; see lab 06.

    Call arguments:
        x: float tensor of shape (batch, T, hidden_dim).
        attention_mask: as in `CausalSelfAttention`; the causal mask if None.

    Returns:
        Float tensor of shape (batch, T, hidden_dim).

    Example:
        >>> TransformerBlock(3, 4, intermediate_dim=48)(keras.ops.ones((2, 5, 12))).shape
        (2, 5, 12)
    """

    def __init__(
        self,
        num_heads,
        head_dim,
        intermediate_dim,
        dropout=0.0,
        normalize_first=True,
        residual_stddev=0.02,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.normalize_first = normalize_first
        ### BEGIN SOLUTION
        self.attention = parts.CausalSelfAttention(num_heads, head_dim, dropout, residual_stddev)
        self.attention_norm = LayerNorm()
        self.feed_forward = FeedForward(intermediate_dim, residual_stddev)
        self.feed_forward_norm = LayerNorm()
        self.dropout = keras.layers.Dropout(dropout)
        ### END SOLUTION

    def build(self, input_shape):
        for layer in (
            self.attention,
            self.attention_norm,
            self.feed_forward,
            self.feed_forward_norm,
        ):
            layer.build(input_shape)

    def call(self, x, attention_mask=None):
        ### BEGIN SOLUTION
        def attend(y):
            return self.dropout(self.attention(y, attention_mask=attention_mask))

        def work(y):
            return self.dropout(self.feed_forward(y))

        x = residual_connection(x, attend, self.attention_norm, self.normalize_first)
        return residual_connection(x, work, self.feed_forward_norm, self.normalize_first)
        ### END SOLUTION


# %%
check("lab05.TransformerBlock")

# %% [markdown]
# ## 5.6 Experiment: GELU beside ReLU
#
# Left the two functions and the exact GELU, right their slopes. The slope is what the gradient is
# multiplied by on its way back.

# %%
x = tf.constant(np.linspace(-4, 4, 401), "float32")
curves = {
    "GELU, tanh form": gelu,
    "GELU, exact": lambda z: keras.ops.gelu(z, approximate=False),
    "ReLU": keras.ops.relu,
}
values, slopes = {}, {}
for name, function in curves.items():
    with tf.GradientTape() as tape:
        tape.watch(x)
        values[name] = function(x)
    slopes[name] = tape.gradient(values[name], x)

figure, axes = plt.subplots(1, 2, figsize=(10, 3.6))
for axis, lines, label in (
    (axes[0], values, "output (no unit)"),
    (axes[1], slopes, "slope (no unit)"),
):
    for (name, line), style in zip(lines.items(), ("-", ":", "--"), strict=True):
        axis.plot(x, line, style, label=name)
    axis.set(xlabel="input (no unit)", ylabel=label)
    axis.legend()
figure.tight_layout()
plt.show()

gap = np.abs(values["GELU, tanh form"] - values["GELU, exact"])
print(f"largest gap between the two GELUs: {gap.max():.1e}, at x = {x[gap.argmax()]:.1f}")

# %% [markdown]
# Below zero ReLU's slope is 0: a feature that is always negative never learns again. GELU's slope
# fades slowly, and is even negative for a while. Between the two forms of the GELU you see no
# difference, but the line above measures one. So take the form that the released weights expect.

# %% [markdown]
# ## 5.7 Experiment: your block and a library's
#
# `keras_hub` has a Transformer block of its own, written by others. Give it the weights of yours
# and compare. It keeps each head on an axis of its own, so the kernels have to be reshaped.


# %%
def copy_weights(block, decoder, num_heads):
    """Gives keras_hub's TransformerDecoder the weights of a TransformerBlock."""
    target = {w.path.split("/", 1)[1]: w for w in decoder.trainable_variables}
    attention, feed_forward = block.attention, block.feed_forward
    width = attention.qkv.kernel.shape[0]
    kernels = np.split(np.asarray(attention.qkv.kernel), 3, axis=-1)
    biases = np.split(np.asarray(attention.qkv.bias), 3, axis=-1)
    for name, kernel, bias in zip(("query", "key", "value"), kernels, biases, strict=True):
        target[f"self_attention/{name}/kernel"].assign(kernel.reshape(width, num_heads, -1))
        target[f"self_attention/{name}/bias"].assign(bias.reshape(num_heads, -1))
    projection = np.asarray(attention.projection.kernel).reshape(num_heads, -1, width)
    target["self_attention/attention_output/kernel"].assign(projection)
    target["self_attention/attention_output/bias"].assign(attention.projection.bias)
    for name, layer, weights in (
        ("self_attention_layer_norm", block.attention_norm, ("gamma", "beta")),
        ("feedforward_layer_norm", block.feed_forward_norm, ("gamma", "beta")),
        ("feedforward_intermediate_dense", feed_forward.expand, ("kernel", "bias")),
        ("feedforward_output_dense", feed_forward.contract, ("kernel", "bias")),
    ):
        for weight in weights:
            target[f"{name}/{weight}"].assign(getattr(layer, weight))


rng = np.random.default_rng(5)
inputs = tf.constant(rng.normal(size=(2, 20, 64)), "float32")
for normalize_first, paper in ((False, "post-norm, GPT-1"), (True, "pre-norm, GPT-2")):
    block = TransformerBlock(4, 16, intermediate_dim=256, normalize_first=normalize_first)
    decoder = keras_hub.layers.TransformerDecoder(
        256, 4, activation=gelu, layer_norm_epsilon=1e-5, normalize_first=normalize_first
    )
    block(inputs), decoder(inputs)
    # Other weights than the initial ones: with biases of 0 and gains of 1 a swap would not show.
    for weight in block.trainable_variables:
        weight.assign(weight + rng.normal(0, 0.2, size=weight.shape))
    copy_weights(block, decoder, num_heads=4)
    ours, theirs = np.asarray(block(inputs)), np.asarray(decoder(inputs))
    gap = np.abs(ours - theirs).max()
    print(f"{paper:17s} largest difference {gap:.1e}, outputs up to {np.abs(ours).max():.1f}")

# %% [markdown]
# What is left is rounding: float32 has about seven digits. Your block is the one that GPT-2 and,
# with the norm moved, GPT-1 are made of. The dropout is outside this comparison, because chance
# cannot be compared number by number.

# %% [markdown]
# ## 5.8 Experiment: two ways to wire a deep stack
#
# Now stack 24 of your blocks. The tokens are the bytes of real text, the docstrings of the packages
# that you have installed; the 256 bytes are also where GPT-2's vocabulary begins.
#
# One thing needs care. GPT starts its kernels at N(0, 0.02), whatever the width. In a narrow model
# the sums are short, so the branches would hardly say anything. Here the kernels start at
# 1 / sqrt(width), which is what 0.02 is for a model of width 2,500.

# %%
length, width, depth = 48, 64, 6 if short() else 24
text = "\n\n".join(corpora.docstrings("validation"))
stream = np.frombuffer(text.encode("utf-8"), "uint8").astype("int32")
starts = np.arange(0, len(stream) - length, length)
windows = stream[starts[:, None] + np.arange(length + 1)]
print(f"{len(stream):,} bytes, {len(windows):,} windows")


class Stack(keras.Model):
    """Embedding, blocks, tied logits: a GPT in small (lab 06 builds the real one)."""

    def __init__(self, num_layers, normalize_first, length=48, hidden_dim=64, num_heads=4):
        super().__init__()
        self.embedding = parts.TokenAndPositionEmbedding(256, length, hidden_dim)
        self.blocks = [
            TransformerBlock(
                num_heads,
                hidden_dim // num_heads,
                intermediate_dim=4 * hidden_dim,
                normalize_first=normalize_first,
            )
            for _ in range(num_layers)
        ]
        # A pre-norm stack ends with a sum that nothing has normalised, so GPT-2 adds a last norm.
        self.last_norm = LayerNorm() if normalize_first else None

    def call(self, tokens):
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return self.embedding.logits(self.last_norm(x) if self.last_norm else x)


def fresh_stack(num_layers, normalize_first, tokens, seed=5):
    """Makes a stack whose kernels start at N(0, 1 / width)."""
    keras.utils.set_random_seed(seed)
    stack = Stack(num_layers, normalize_first)
    stack(tokens)
    for block in stack.blocks:
        for weight in block.trainable_variables:
            if weight.name == "kernel":
                weight.assign(weight / 0.02 / stack.embedding.hidden_dim**0.5)
    return stack


def loss_and_gradients(model, windows):
    """Returns the mean next-byte loss (nats) and, for each block, its list of gradients."""
    with tf.GradientTape() as tape:
        logits = model(windows[:, :-1])
        loss = keras.ops.mean(
            keras.losses.sparse_categorical_crossentropy(windows[:, 1:], logits, from_logits=True)
        )
    return float(loss), tape.gradient(loss, [b.trainable_variables for b in model.blocks])


# %% [markdown]
# First question: how much gradient reaches each block? The picture shows the norm of the gradient
# of all weights of a block, before any training.

# %%
batch = windows[:8]
styles = {"post-norm (GPT-1)": (False, "o-"), "pre-norm (GPT-2)": (True, "s-")}
figure, axis = plt.subplots(figsize=(7, 3.8))
for name, (normalize_first, style) in styles.items():
    stack = fresh_stack(depth, normalize_first, batch[:, :-1])
    loss, gradients = loss_and_gradients(stack, batch)
    norms = np.array([tf.linalg.global_norm(g) for g in gradients])
    axis.semilogy(np.arange(1, depth + 1), norms, style, label=name)
    print(
        f"{name:18s} loss {loss:.2f} nats (ln 256 = {np.log(256):.2f}), "
        f"gradient of block 2 / of the last block: {norms[1] / norms[-1]:.1f}"
    )
axis.set(xlabel="block, counted from the input", ylabel="gradient norm (nats)")
axis.legend()
plt.show()

# %% [markdown]
# You may have read that gradients vanish in a deep post-norm stack. Look at the picture before you
# repeat it. Does either curve run towards 0 at the input? (The very first block is a case of its
# own: embeddings start small, and the first norm makes them 20 or more times larger.)
#
# So where is the trouble? Not in one gradient, but in what a **step** does. In post-norm everything
# passes through every norm, and each block works on what all blocks before it have changed. In
# pre-norm a block adds a little to a large sum.
#
# Second question: let every weight take one small step, as Adam's first step does: the same size
# for each, in the direction that lowers the loss. How far does the output move, for stacks of
# different depth? (Means of three stacks with different initial weights; the bars show the lowest
# and the highest.)


# %%
def move_of_logits(model, windows, step=3e-5):
    """Takes one signed gradient step in all blocks; returns how far the logits move, relatively."""
    before = model(windows[:, :-1])
    _, gradients = loss_and_gradients(model, windows)
    for block, block_gradients in zip(model.blocks, gradients, strict=True):
        for weight, gradient in zip(block.trainable_variables, block_gradients, strict=True):
            weight.assign_sub(step * tf.sign(gradient))
    after = model(windows[:, :-1])
    return float(tf.norm(after - before) / tf.norm(before))


depths, seeds = ([2, 4], [5]) if short() else ([2, 4, 8, 16], [5, 6, 7])
moves = {name: [] for name in styles}
for num_layers in tqdm(depths, desc="depths"):
    for name, (normalize_first, _) in styles.items():
        stacks = (fresh_stack(num_layers, normalize_first, batch[:, :-1], s) for s in seeds)
        moves[name].append([move_of_logits(stack, batch) for stack in stacks])

figure, axis = plt.subplots(figsize=(7, 3.8))
for name, (_, style) in styles.items():
    found = np.array(moves[name])
    mean = found.mean(axis=1)
    bars = np.stack([mean - found.min(axis=1), found.max(axis=1) - mean])
    axis.errorbar(depths, mean, bars, fmt=style, capsize=3, label=name)
    print(
        f"{name:18s} moves {mean[-1] / mean[0]:4.1f} times as far with {depths[-1]} blocks "
        f"as with {depths[0]}"
    )
axis.set(xlabel="number of blocks", ylabel="move of the logits / their size (no unit)")
axis.set_ylim(0, None)
axis.legend()
plt.show()

# %% [markdown]
# The step is the same everywhere. Compare how the two curves go on as the stack gets deeper. In
# pre-norm the stream grows with every block, so each new block counts less; in post-norm each one
# counts as much as the last, and the moves add up. Liu et al. (2020, "Understanding the Difficulty
# of Training Transformers") found the same in large models. It is one reason why post-norm models
# want a gentle warm-up of the learning rate (GPT-1 takes 2,000 updates; you build it in lab 07).
# GPT-2 and GPT-3 are pre-norm.
#
# An honest word: these are small models, on one batch, before training. You saw a cause of trouble
# and no failed training. With 12 blocks and a warm-up GPT-1 trained well.

# %% [markdown]
# ## Questions to think about
#
# 1. In the pre-norm stack, x is never normalised on its way around. How large does it get from
#    block to block if each branch adds numbers of size 1? What does GPT-2 do about it at
#    initialisation? (Lab 06 has the answer.)
# 2. GPT-2 puts one more LayerNorm after its last block. Why does GPT-1 not need it?
# 3. Take `beta` and all biases away. Which part of what the block can compute is lost?
#
# ## What you know now
#
# * LayerNorm gives each position the same scale, on its own, in float32.
# * GELU bends, and keeps a slope where ReLU has none. GPT uses the tanh form.
# * The feed-forward layer works on each position by itself; attention moves information between
#   them. A block is one of each, with a way around both.
# * Post-norm or pre-norm is one argument in your code. It decides how a deep stack answers to a
#   step, and it is the main change from GPT-1's block to GPT-2's.
#
# In lab 06 you stack your blocks into the whole GPT, in all thirteen sizes of the papers.
