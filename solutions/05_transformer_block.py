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
# to the gradients of a deep stack.

# %%
import keras
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
        centred = x - keras.ops.mean(x, axis=-1, keepdims=True)
        variance = keras.ops.mean(keras.ops.square(centred), axis=-1, keepdims=True)
        normal = centred * keras.ops.rsqrt(variance + self.epsilon)
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
        return self.contract(gelu(self.expand(x)))
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
