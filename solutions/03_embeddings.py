# %% [markdown]
# # Lab 03 · Embeddings
#
# Draft.

# %%
import keras

# %% [markdown]
# ## 3.1 A row for each token


# %% exercise="lab03.embed_tokens" points=1 minutes=5 difficulty=1
def embed_tokens(tokens, token_embeddings):
    """Looks up the vector of each token: U We (GPT-1, section 3.1).

    Args:
        tokens: int tensor of shape (batch, T), token ids from 0 to V - 1.
        token_embeddings: float tensor of shape (V, hidden_dim), the matrix We.

    Returns:
        Float tensor of shape (batch, T, hidden_dim).

    Example:
        >>> table = keras.ops.convert_to_tensor([[0.0, 0.0], [1.0, 10.0], [2.0, 20.0]])
        >>> embed_tokens(keras.ops.convert_to_tensor([[2, 1]]), table)
        [[[2.0, 20.0], [1.0, 10.0]]]
    """
    ### BEGIN SOLUTION
    return keras.ops.take(token_embeddings, tokens, axis=0)
    ### END SOLUTION


# %%
check("lab03.embed_tokens")

# %% [markdown]
# ## 3.2 Back to tokens


# %% exercise="lab03.tied_logits" points=2 minutes=10 difficulty=2
def tied_logits(hidden, token_embeddings):
    """Scores each token of the vocabulary: h We^T (GPT-1, section 3.1).

    Args:
        hidden: float tensor of shape (batch, T, hidden_dim), what the last block gave.
        token_embeddings: float tensor of shape (V, hidden_dim), the matrix We, the same one that
            embeds the input.

    Returns:
        Float tensor of shape (batch, T, V), the logits: no softmax yet.

    Example:
        >>> tied_logits(keras.ops.ones((2, 5, 4)), keras.ops.ones((7, 4))).shape
        (2, 5, 7)
    """
    ### BEGIN SOLUTION
    return keras.ops.matmul(hidden, keras.ops.transpose(token_embeddings))
    ### END SOLUTION


# %%
check("lab03.tied_logits")

# %% [markdown]
# ## 3.3 Words have an order


# %% exercise="lab03.TokenAndPositionEmbedding" points=4 minutes=20 difficulty=2
@keras.saving.register_keras_serializable("gpt_tf")
class TokenAndPositionEmbedding(keras.layers.Layer):
    """The entrance and the exit of GPT: h0 = U We + Wp, and logits h We^T (GPT-1, section 3.1).

    Weights:
        token_embeddings: (vocabulary_size, hidden_dim), the matrix We.
        position_embeddings: (max_sequence_length, hidden_dim), the matrix Wp.
        Both start at N(0, 0.02) (GPT-1, section 4.1).

    Args:
        vocabulary_size: int, number of tokens V.
        max_sequence_length: int, number of positions that have a vector.
        hidden_dim: int, width of a vector.
        dropout: float in [0, 1), rate on the sum while training.

    Call arguments:
        tokens: int tensor of shape (batch, T).
        start: int, or int tensor of shape (), position of the first token. Generation (lab 08)
            feeds one token at a time and says where it stands. Passed by keyword.

    Returns:
        Float tensor of shape (batch, T, hidden_dim).

    Raises:
        ValueError: the tokens reach beyond max_sequence_length.

    Example:
        >>> embedding = TokenAndPositionEmbedding(65, max_sequence_length=16, hidden_dim=8)
        >>> embedding(keras.ops.ones((2, 5), "int32")).shape
        (2, 5, 8)
    """

    def __init__(self, vocabulary_size, max_sequence_length, hidden_dim, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.max_sequence_length = max_sequence_length
        self.hidden_dim = hidden_dim
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, tokens_shape):
        # Make the two weights with self.add_weight(shape=..., initializer=..., name=...).
        ### BEGIN SOLUTION
        normal = keras.initializers.RandomNormal
        self.token_embeddings = self.add_weight(
            shape=(self.vocabulary_size, self.hidden_dim),
            initializer=normal(stddev=0.02),
            name="token_embeddings",
        )
        self.position_embeddings = self.add_weight(
            shape=(self.max_sequence_length, self.hidden_dim),
            initializer=normal(stddev=0.02),
            name="position_embeddings",
        )
        ### END SOLUTION

    def call(self, tokens, start=0):
        length = tokens.shape[1]
        ### BEGIN SOLUTION
        end = start + length if isinstance(start, int) else length
        if end > self.max_sequence_length:
            raise ValueError(
                f"The tokens reach position {end}, but max_sequence_length is "
                f"{self.max_sequence_length}; shorten the text or make a longer model."
            )
        positions = keras.ops.slice(self.position_embeddings, (start, 0), (length, self.hidden_dim))
        return self.dropout(embed_tokens(tokens, self.token_embeddings) + positions)
        ### END SOLUTION

    def logits(self, hidden):
        """Returns the logits (batch, T, V) of hidden states (batch, T, hidden_dim)."""
        ### BEGIN SOLUTION
        return tied_logits(hidden, self.token_embeddings)
        ### END SOLUTION


# %%
check("lab03.TokenAndPositionEmbedding")

# %% [markdown]
# ## 3.4 Neighbours


# %% exercise="lab03.nearest_tokens" points=2 minutes=10 difficulty=2
def nearest_tokens(token_embeddings, index, k):
    """Finds the tokens whose vectors point most nearly the same way (cosine similarity).

    Args:
        token_embeddings: float tensor of shape (V, hidden_dim).
        index: int, the token whose neighbours are wanted.
        k: int, how many, from 1 to V - 1.

    Returns:
        Int tensor of shape (k,): the nearest token first, without `index` itself.

    Raises:
        ValueError: k is not from 1 to V - 1.

    Example:
        >>> table = keras.ops.convert_to_tensor([[1.0, 0.0], [9.0, 1.0], [0.0, 1.0], [-1.0, 0.0]])
        >>> nearest_tokens(table, index=0, k=2)
        [1, 2]
    """
    ### BEGIN SOLUTION
    vocabulary_size = token_embeddings.shape[0]
    if not 1 <= k < vocabulary_size:
        raise ValueError(f"k must be from 1 to {vocabulary_size - 1}, not {k}.")
    directions = keras.ops.normalize(token_embeddings, axis=-1)
    similarity = keras.ops.matmul(directions, directions[index])
    itself = keras.ops.arange(vocabulary_size) == index
    return keras.ops.top_k(keras.ops.where(itself, float("-inf"), similarity), k)[1]
    ### END SOLUTION


# %%
check("lab03.nearest_tokens")
