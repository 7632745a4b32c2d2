# %% [markdown]
# # Lab 04 · Masked self-attention
#
# An n-gram model sees a few words back. An LSTM squeezes everything it read into one vector.
# Attention does neither: each position looks back at every earlier position and takes what it
# needs. That is the heart of GPT.
#
# You build it here in five small steps, up to the layer that GPT-1 describes as "multi-headed
# self-attention over the input context tokens" (GPT-1, section 3.1). Then you look at what the
# layer looks at, and you prove that no position sees its future.

# %%
import keras
import numpy as np

from gpt_tf import corpora, parts, plots

# %% [markdown]
# ## 4.1 Who may look at whom
#
# A language model guesses the next token. Position 3 must not see position 4: it would be reading
# the answer. The loss would look wonderful, and the model would be useless.
#
# You stop it with a mask: a table that says who may look at whom. Row i belongs to the position
# that looks, column j to the position that is looked at.


# %% exercise="lab04.causal_mask" points=2 minutes=5 difficulty=1
def causal_mask(length):
    """Marks which positions each position may attend to (GPT-1, section 3.1).

    Args:
        length: int, number of positions T.

    Returns:
        Boolean tensor of shape (T, T); entry (i, j) is True where position i may see position j.

    Example:
        >>> causal_mask(3)
        [[True, False, False], [True, True, False], [True, True, True]]
    """
    ### BEGIN SOLUTION
    position = keras.ops.arange(length)
    return position[:, None] >= position[None, :]
    ### END SOLUTION


# %%
check("lab04.causal_mask")

# %% [markdown]
# ## 4.2 How much each position looks
#
# Each position sends out a **query**: what am I looking for? Each position offers a **key**: what
# do I have? The dot product of a query and a key says how well they fit. A softmax turns one
# position's scores into weights that sum to 1.
#
# Two details decide whether it works:
#
# * The scores are divided by the square root of the head width. A sum of many products is large,
#   and the softmax of large numbers puts everything on one position. Then nothing learns.
# * Forbidden positions get a score of minus infinity **before** the softmax. Their weight is then
#   exactly 0, and the others still sum to 1.


# %% exercise="lab04.attention_weights" points=4 minutes=15 difficulty=2
def attention_weights(q, k, mask=None):
    """Computes how much each position attends to each other one.

    softmax(q k^T / sqrt(head_dim)), with forbidden positions at exactly 0.

    Args:
        q: float tensor of shape (batch, heads, T, head_dim), the queries.
        k: float tensor of shape (batch, heads, S, head_dim), the keys.
        mask: boolean tensor that broadcasts to (batch, heads, T, S), True where looking is
            allowed; each row needs at least one True. None allows everything.

    Returns:
        Float tensor of shape (batch, heads, T, S); each row sums to 1.

    Example:
        >>> q = k = keras.ops.ones((1, 1, 3, 4))
        >>> attention_weights(q, k, causal_mask(3))[0, 0, 2]
        [0.333, 0.333, 0.333]
    """
    ### BEGIN SOLUTION
    scores = keras.ops.matmul(q / q.shape[-1] ** 0.5, keras.ops.swapaxes(k, -1, -2))
    if mask is not None:
        scores = keras.ops.where(mask, scores, float("-inf"))
    return keras.ops.softmax(scores, axis=-1)
    ### END SOLUTION


# %%
check("lab04.attention_weights")

# %% [markdown]
# ## 4.3 What each position takes away
#
# Looking is not enough: a position also takes something home. Each position offers a **value**.
# The result is the sum of the values, each times its weight.
#
# During training, GPT-1 drops some of the weights at random (dropout 0.1), so that no position
# relies on a single other one.


# %% exercise="lab04.scaled_dot_product_attention" points=3 minutes=10 difficulty=2
def scaled_dot_product_attention(q, k, v, mask=None, dropout=None):
    """Mixes the values by the attention weights.

    Args:
        q: float tensor of shape (batch, heads, T, head_dim), the queries.
        k: float tensor of shape (batch, heads, S, head_dim), the keys.
        v: float tensor of shape (batch, heads, S, head_dim), the values.
        mask: as in `attention_weights`.
        dropout: function from weights to weights, such as a `keras.layers.Dropout`, or None.

    Returns:
        Float tensor of shape (batch, heads, T, head_dim).

    Example:
        >>> q = k = v = keras.ops.ones((1, 2, 5, 4))
        >>> scaled_dot_product_attention(q, k, v).shape
        (1, 2, 5, 4)
    """
    ### BEGIN SOLUTION
    weights = attention_weights(q, k, mask)
    if dropout is not None:
        weights = dropout(weights)
    return keras.ops.matmul(weights, v)
    ### END SOLUTION


# %%
check("lab04.scaled_dot_product_attention")

# %% [markdown]
# ## 4.4 Several heads
#
# One softmax can point at one thing. Language needs several at once: the subject of the verb, the
# word before, the opening bracket. So the width is cut into heads, and each head attends on its
# own.
#
# A head is a slice of the **width**: features 0 to head_dim - 1 are head 0. A bare `reshape` to
# the final shape would mix positions into heads. Reshape first, then swap two axes.


# %% exercise="lab04.split_heads" points=2 minutes=10 difficulty=2
def split_heads(x, num_heads):
    """Cuts the width into heads.

    Args:
        x: float tensor of shape (batch, T, heads x head_dim).
        num_heads: int, number of heads.

    Returns:
        Float tensor of shape (batch, heads, T, head_dim).

    Example:
        >>> split_heads(keras.ops.ones((2, 5, 12)), num_heads=3).shape
        (2, 3, 5, 4)
    """
    ### BEGIN SOLUTION
    batch, length, width = keras.ops.shape(x)
    heads = keras.ops.reshape(x, (batch, length, num_heads, width // num_heads))
    return keras.ops.swapaxes(heads, 1, 2)
    ### END SOLUTION


# %%
check("lab04.split_heads")

# %% [markdown]
# ## 4.5 Back to one
#
# Afterwards the heads are laid side by side again. This undoes `split_heads` exactly.


# %% exercise="lab04.merge_heads" points=2 minutes=5 difficulty=1
def merge_heads(x):
    """Lays the heads side by side: the inverse of `split_heads`.

    Args:
        x: float tensor of shape (batch, heads, T, head_dim).

    Returns:
        Float tensor of shape (batch, T, heads x head_dim).

    Example:
        >>> merge_heads(keras.ops.ones((2, 3, 5, 4))).shape
        (2, 5, 12)
    """
    ### BEGIN SOLUTION
    batch, num_heads, length, head_dim = keras.ops.shape(x)
    return keras.ops.reshape(keras.ops.swapaxes(x, 1, 2), (batch, length, num_heads * head_dim))
    ### END SOLUTION


# %%
check("lab04.merge_heads")

# %% [markdown]
# ## 4.6 The layer
#
# Now put it together. One dense layer makes queries, keys and values in a single product (faster
# than three). After the heads are merged, a second dense layer mixes what they found.
#
# `__init__` makes the sub-layers, `heads` makes queries, keys and values, `call` does the rest.
# The names of the sub-layers matter: the tests put weights into them, and lab 06 loads GPT-2's.


# %% exercise="lab04.CausalSelfAttention" points=5 minutes=20 difficulty=3
@keras.saving.register_keras_serializable("gpt_tf")
class CausalSelfAttention(keras.layers.Layer):
    """Masked multi-head self-attention (GPT-1, section 3.1; GPT-2, section 2.3).

    Sub-layers:
        qkv: `keras.layers.Dense` from hidden_dim to 3 x num_heads x head_dim; its output holds
            the queries first, then the keys, then the values.
        projection: `keras.layers.Dense` from num_heads x head_dim to hidden_dim.
        dropout: `keras.layers.Dropout` on the attention weights.

    Args:
        num_heads: int, number of heads.
        head_dim: int, width of a head.
        dropout: float in [0, 1), rate on the attention weights while training.
        residual_stddev: float, standard deviation of the projection's initial kernel (GPT-2,
            section 2.3 scales it; see lab 06). All other kernels start at N(0, 0.02).

    Call arguments:
        x: float tensor of shape (batch, T, hidden_dim).
        attention_mask: boolean tensor that broadcasts to (batch, heads, T, T), True where looking
            is allowed; the causal mask if None.

    Returns:
        Float tensor of shape (batch, T, hidden_dim).

    Example:
        >>> CausalSelfAttention(num_heads=3, head_dim=4)(keras.ops.ones((2, 5, 12))).shape
        (2, 5, 12)
    """

    def __init__(self, num_heads, head_dim, dropout=0.0, residual_stddev=0.02, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.residual_stddev = residual_stddev
        normal = keras.initializers.RandomNormal
        ### BEGIN SOLUTION
        width = num_heads * head_dim
        self.qkv = keras.layers.Dense(3 * width, kernel_initializer=normal(stddev=0.02))
        self.dropout = keras.layers.Dropout(dropout)
        ### END SOLUTION

    def build(self, input_shape):
        # The projection ends in the width that came in.
        ### BEGIN SOLUTION
        self.projection = keras.layers.Dense(
            input_shape[-1],
            kernel_initializer=keras.initializers.RandomNormal(stddev=self.residual_stddev),
        )
        self.qkv.build(input_shape)
        self.projection.build((*input_shape[:-1], self.num_heads * self.head_dim))
        ### END SOLUTION

    def heads(self, x):
        """Returns queries, keys and values, each (batch, heads, T, head_dim)."""
        ### BEGIN SOLUTION
        parts_of_x = keras.ops.split(self.qkv(x), 3, axis=-1)
        return [split_heads(part, self.num_heads) for part in parts_of_x]
        ### END SOLUTION

    def call(self, x, attention_mask=None):
        ### BEGIN SOLUTION
        q, k, v = self.heads(x)
        if attention_mask is None:
            attention_mask = causal_mask(keras.ops.shape(x)[1])
        attended = scaled_dot_product_attention(q, k, v, attention_mask, self.dropout)
        return self.projection(merge_heads(attended))
        ### END SOLUTION


# %%
check("lab04.CausalSelfAttention")
