# %% [markdown]
# ## 12.2 How likely is this answer?
#
# You could let the model write, and compare its text with the answer. For a choice between given
# answers there is a better way: ask how likely each one is. A text's probability is the product of
# its tokens' probabilities, each given all that stands before it. In logs the product is a sum:
#
# log P(answer | prompt) = sum over i of log P(token i | prompt, tokens before i)
#
# Mind the shift. What the model says about a token stands one position **before** it. The first
# token of the answer is predicted at the prompt's last position.
#
# The candidates differ in length. Pad them on the right, so that all of them go through the model
# in one batch, and count no padding.


# %% exercise="lab11.score_candidates" points=5 minutes=25 difficulty=3
def score_candidates(model, prompt_ids, candidates):
    """Scores each candidate by its log-likelihood after a prompt (GPT-3, section 2.4).

    Args:
        model: a GPT, or any function from int tokens (batch, T) to logits
            (batch, T, vocabulary_size).
        prompt_ids: list of int, the token ids of the prompt, at least one.
        candidates: list of lists of int, the token ids of each answer, at least one each.

    Returns:
        Float tensor of shape (number of candidates,): log P(candidate | prompt) in nats, the sum
        over the candidate's tokens.

    Raises:
        ValueError: the prompt or a candidate has no tokens.

    Example:
        >>> model = lambda tokens: keras.ops.zeros((*tokens.shape, 10))
        >>> score_candidates(model, [1, 2], [[3], [4, 5]])
        [-2.303, -4.605]
    """
    ### BEGIN SOLUTION
    if not prompt_ids or not all(candidates):
        raise ValueError("The prompt and each candidate need at least one token.")
    first, longest = len(prompt_ids), max(map(len, candidates))
    real = np.array([[i < len(c) for i in range(longest)] for c in candidates])
    rows = np.array([[*prompt_ids, *c, *[0] * (longest - len(c))] for c in candidates], "int32")
    logits = model(keras.ops.convert_to_tensor(rows))[:, first - 1 : -1]
    log_probabilities = keras.ops.log_softmax(keras.ops.cast(logits, "float32"), axis=-1)
    taken = keras.ops.take_along_axis(log_probabilities, rows[:, first:, None], axis=-1)[..., 0]
    return keras.ops.sum(keras.ops.where(real, taken, 0.0), axis=1)
    ### END SOLUTION


# %%
check("lab11.score_candidates")

# %% [markdown]
# ## 12.3 Two unfair advantages
#
# A sum of log-probabilities favours **short** answers: each further token can only lower it. GPT-3
# divides by the number of tokens.
#
# It also favours answers that are common **anyway**: "the" is likely after every prompt. For some
# tasks GPT-3 therefore asks how much more likely the prompt has made the answer. It divides by the
# answer's probability after a prompt that says nothing but "Answer:". In logs, that is a
# difference.


# %% exercise="lab11.normalised_scores" points=3 minutes=10 difficulty=2
def normalised_scores(scores, lengths, unconditional=None):
    """Makes log-likelihoods of different answers comparable (GPT-3, section 2.4).

    Args:
        scores: float tensor of shape (n,), log P(answer | prompt) in nats.
        lengths: int tensor of shape (n,), number of tokens of each answer.
        unconditional: float tensor of shape (n,), log P(answer | "Answer:") in nats, or None.

    Returns:
        Float tensor of shape (n,). Without `unconditional` the score for each token; with it
        log(P(answer | prompt) / P(answer | "Answer:")), where lengths play no part.

    Example:
        >>> scores, lengths = keras.ops.array([-2.0, -3.0]), keras.ops.array([1, 2])
        >>> normalised_scores(scores, lengths)
        [-2.0, -1.5]
        >>> normalised_scores(scores, lengths, unconditional=keras.ops.array([-1.0, -4.0]))
        [-1.0, 1.0]
    """
    ### BEGIN SOLUTION
    if unconditional is not None:
        return scores - unconditional
    return scores / keras.ops.cast(lengths, scores.dtype)
    ### END SOLUTION


# %%
check("lab11.normalised_scores")

# %% [markdown]
# ## 12.4 Choose
#
# Now put the pieces together: score, normalise, take the best.


# %% exercise="lab11.choose_candidate" points=4 minutes=15 difficulty=2
def choose_candidate(model, prompt_ids, candidates, normalise="length", answer_prompt_ids=None):
    """Chooses the answer that the model finds most likely after a prompt (GPT-3, section 2.4).

    Args:
        model: as in `score_candidates`.
        prompt_ids: list of int, the token ids of the prompt.
        candidates: list of lists of int, the token ids of each answer.
        normalise: str. "none" takes the plain sums; "length" the score for each token;
            "unconditional" the scores against those after `answer_prompt_ids`.
        answer_prompt_ids: list of int, the token ids of a prompt that says nothing, such as
            "Answer:"; only "unconditional" needs it.

    Returns:
        Int, the place of the best candidate in the list; the first of equally good ones.

    Raises:
        ValueError: `normalise` is another word, or "unconditional" comes without
            `answer_prompt_ids`.

    Example:
        >>> model = lambda tokens: keras.ops.zeros((*tokens.shape, 10))
        >>> choose_candidate(model, [1, 2], [[3, 3], [4]], normalise="none")
        1
    """
    ### BEGIN SOLUTION
    if normalise not in ("none", "length", "unconditional"):
        raise ValueError(f'normalise is {normalise!r}; choose "none", "length" or "unconditional".')
    if normalise == "unconditional" and not answer_prompt_ids:
        raise ValueError('"unconditional" needs answer_prompt_ids, such as those of "Answer:".')
    scores = score_candidates(model, prompt_ids, candidates)
    if normalise == "length":
        lengths = keras.ops.array([len(c) for c in candidates])
        scores = normalised_scores(scores, lengths)
    elif normalise == "unconditional":
        anyway = score_candidates(model, answer_prompt_ids, candidates)
        scores = normalised_scores(scores, None, anyway)
    return int(keras.ops.argmax(scores))
    ### END SOLUTION


# %%
check("lab11.choose_candidate")

