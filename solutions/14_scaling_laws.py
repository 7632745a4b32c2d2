# %% [markdown]
# # Lab 14 · Scaling laws
#
# GPT-3 has 175 billion parameters. Training it once cost so much that nobody could try a few sizes
# and keep the best one. So how did its authors know, before they began, that it would be worth it?
#
# They trained small models, and drew a line. On log axes the loss falls in a straight line with
# the size of the model, with the amount of text, and with the computing spent (Kaplan et al. 2020;
# GPT-3, figure 3.1). A line can be drawn on, beyond the models that you have.
#
# You do the same here, a few million times smaller: you build a ladder of models, fit the law to
# all rungs but the largest, predict that one's loss, and then look it up. A law that predicts is
# worth more than one that fits.

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from gpt_tf import ladder as runs
from gpt_tf import parts
from gpt_tf.config import PAPER, GPTConfig

# %% [markdown]
# ## 14.1 How large is a model?
#
# In lab 06 you counted every number in a GPT. For a scaling law that count is not the best one.
# Your smallest models have thousands of numbers in their embedding tables and few in their blocks.
# Kaplan et al. found a clean line only when they left the embeddings out. GPT-3's figure 3.1 does
# the same.
#
# They also left out biases and norms, which hardly count. What remains are six matrices in each
# block: query, key, value and the attention's output, each hidden_dim x attended, and two of the
# feed-forward layer, each hidden_dim x intermediate_dim. **Attended** is num_heads x head_dim.


# %% exercise="lab14.non_embedding_parameters" points=2 minutes=10 difficulty=1
def non_embedding_parameters(config):
    """Counts the weights in the matrices of a GPT's blocks (N of Kaplan et al. 2020).

    Args:
        config: `GPTConfig`. num_heads x head_dim may differ from hidden_dim.

    Returns:
        int, number of weights: no embeddings, no biases, no norms.

    Example:
        >>> non_embedding_parameters(GPTConfig(512, 128, num_layers=2, num_heads=1, hidden_dim=16))
        6144
    """
    ### BEGIN SOLUTION
    attended = config.num_heads * config.head_dim
    block = 4 * config.hidden_dim * attended + 2 * config.hidden_dim * config.intermediate_dim
    return config.num_layers * block
    ### END SOLUTION


# %%
check("lab14.non_embedding_parameters")

# %% [markdown]
# For most shapes that is 12 x num_layers x hidden_dim squared: four times 1 and twice 4. Here is
# GPT-3's table 2.1 by your function, beside the sizes that the paper gives in its names.

# %%
for name in runs.TABLE_2_1:
    config = PAPER[name]
    count, total = non_embedding_parameters(config), parts.count_parameters(config)
    print(f"{name:<12} N {count:>15,}   with all {total:>15,}   N is {count / total:.0%} of it")

# %% [markdown]
# ## 14.2 What does training cost?
#
# A weight meets each token once on the way forward: one multiplication and one addition. On the way
# back there are two such products, one for the gradient of the weight and one for the gradient of
# what came in. That makes 2 + 4 = 6 operations for each weight and token. So training costs
# C = 6 N D for D tokens (Kaplan et al. 2020; GPT-3, section 2 and figure 3.1).
#
# Such numbers are long. GPT-3 counts in **petaflop/s-days**: what a machine that does 10^15
# operations a second gets done in a day.


# %% exercise="lab14.petaflop_days" points=2 minutes=10 difficulty=1
def petaflop_days(parameters, tokens):
    """Estimates what training costs, C = 6 N D, in GPT-3's unit (figure 3.1).

    Args:
        parameters: number or array, N, the non-embedding parameters.
        tokens: number or array, D, how many tokens the model is trained on.

    Returns:
        Float, or array of floats, the operations in petaflop/s-days.

    Example:
        >>> petaflop_days(1e9, 1.44e13)
        1000.0
    """
    ### BEGIN SOLUTION
    operations = 6.0 * parameters * tokens
    return operations / (1e15 * 24 * 60 * 60)
    ### END SOLUTION


# %%
check("lab14.petaflop_days")

# %%
largest = PAPER["gpt3-175b"]
days = petaflop_days(non_embedding_parameters(largest), 300e9)
print(f"GPT-3 175B, trained on 300 billion tokens: {days:,.0f} petaflop/s-days")

# %% [markdown]
# ## 14.3 A ladder
#
# A law needs models of many sizes that differ in size and in nothing else. The tokenizer, the text,
# the context and the batch stay. Width grows, and GPT-3's table 2.1 shows how the rest goes with
# it: the depth grows, too, but more slowly, and a head keeps about the same width, so that there
# are more of them.
#
# Your ladder has the rule: one block for each `aspect` of width, rounded down, but never less than
# two. With one block only, a model cannot do things that all others can: what attention finds in
# one block, it can use in the next. Such a rung would lie off the line.


# %% exercise="lab14.training_ladder" points=3 minutes=15 difficulty=2
def training_ladder(hidden_dims, head_dim=16, aspect=32):
    """Chooses the shapes of a ladder of growing models (as GPT-3's table 2.1 goes).

    Args:
        hidden_dims: list of int, the widths, in any order.
        head_dim: int, width of a head, the same for all; the width decides how many heads there are.
        aspect: int, width for each block: num_layers is hidden_dim / aspect, rounded down, and at
            least 2.

    Returns:
        List of dicts {"hidden_dim": int, "num_layers": int, "num_heads": int}, the narrowest first.

    Raises:
        ValueError: a width is not a multiple of head_dim.

    Example:
        >>> training_ladder([128, 16])
        [{"hidden_dim": 16, "num_layers": 2, "num_heads": 1},
         {"hidden_dim": 128, "num_layers": 4, "num_heads": 8}]
    """
    ### BEGIN SOLUTION
    rungs = []
    for width in sorted(hidden_dims):
        if width % head_dim:
            raise ValueError(f"The width {width} is not a multiple of head_dim {head_dim}.")
        depth, heads = max(2, width // aspect), width // head_dim
        rungs.append({"hidden_dim": width, "num_layers": depth, "num_heads": heads})
    return rungs
    ### END SOLUTION


# %%
check("lab14.training_ladder")

# %% [markdown]
# ## 14.4 A straight line on log axes
#
# Kaplan et al. write the law as L(N) = (Nc / N)^alpha. The exponent alpha is how steep it is: with
# twice the parameters the loss is multiplied by 2^-alpha. Nc is the size at which the line would
# reach a loss of 1. It is far beyond all models and has no meaning of its own.
#
# Take the log of both sides:
#
# log L = alpha log Nc - alpha log N
#
# That is a straight line in log N. Its slope is -alpha, and its intercept is alpha log Nc. Fitting
# a line is one call (`stats.linregress` or `np.polyfit`). The same function fits L(D) and L(C).
#
# Why fit the logs, and not the curve itself? On a linear axis the largest model is everything, and
# all the small ones sit in a corner. On the log axis each rung has the same say.


# %% exercise="lab14.fit_power_law" points=4 minutes=15 difficulty=2
def fit_power_law(x, losses):
    """Fits L(x) = (constant / x)^alpha by least squares on log axes (Kaplan et al. 2020).

    Args:
        x: array of shape (n,), parameters, tokens or compute; positive.
        losses: array of shape (n,), the losses; positive.

    Returns:
        (constant, alpha): floats.

    Raises:
        ValueError: fewer than two different x, or a number that is not positive.

    Example:
        >>> fit_power_law([1e3, 1e5], [4.0, 2.0])
        (1e7, 0.1505)
    """
    ### BEGIN SOLUTION
    x, losses = np.asarray(x, "float64"), np.asarray(losses, "float64")
    if len(np.unique(x)) < 2 or min(x.min(), losses.min()) <= 0:
        raise ValueError("Give positive numbers, of at least two different x.")
    line = stats.linregress(np.log(x), np.log(losses))
    alpha = -line.slope
    return float(np.exp(line.intercept / alpha)), float(alpha)
    ### END SOLUTION


# %%
check("lab14.fit_power_law")

# %% [markdown]
# GPT-3's figure 3.1 gives L = 2.57 C^-0.048, with C in petaflop/s-days, and Kaplan et al. give
# L(N) = (8.8e13 / N)^0.076. Put points of these lines into your function, and it gives the numbers
# back. What they promise looks small:

# %%
sizes = np.array([1e6, 1e8, 1e10])
constant, alpha = fit_power_law(sizes, (8.8e13 / sizes) ** 0.076)
print(f"from three points of the line: constant {constant:.2g}, alpha {alpha:.3f}")
print(f"ten times the parameters: the loss times {10**-0.076:.3f}")
print(f"ten times the compute:    the loss times {10**-0.048:.3f}")

# %% [markdown]
# ## 14.5 Predict, and say how sure you are
#
# A prediction that is a single number can only be wrong. Give an interval with it, and say before
# you look how often such an interval holds the truth.
#
# You have n points (u, v) with u = log x and v = log L, and a line through them. Three things make
# a new point miss the line:
#
# * the points scatter about it, and so will the new one;
# * the height of the line is known only as well as n points tell: 1/n of that scatter;
# * so is its slope, which matters more the further you go from the middle of your points.
#
# Their variances add up. With s² = (sum of the squared residuals) / (n - 2), because two numbers of
# the line were taken from the same points:
#
# variance = s² (1 + 1/n + (u_new - mean u)² / sum (u - mean u)²)
#
# The interval is the line's value, plus and minus t times the square root of this, with Student's t
# for n - 2 degrees of freedom, as in lab 10. Then go back from logs to losses with exp.
#
# What the interval does not know: whether the law is a straight line at all.


# %% exercise="lab14.predict_loss" points=4 minutes=25 difficulty=3
def predict_loss(x, losses, new_x, confidence=0.95):
    """Predicts the loss at a new x from a power law, with the interval of a single new point.

    Args:
        x: list of n floats, at least three different ones; positive.
        losses: list of n floats, the losses; positive.
        new_x: float, where to predict; positive.
        confidence: float between 0 and 1, how often such an interval holds the new loss.

    Returns:
        (loss, low, high): floats, the predicted loss, and the ends of its interval.

    Example:
        >>> predict_loss([1e3, 1e4, 1e5], [4.0, 3.0, 2.2], 1e6)
        (1.638, 1.324, 2.026)
    """
    ### BEGIN SOLUTION
    u, v, new = np.log(x), np.log(losses), np.log(new_x)
    line = stats.linregress(u, v)
    middle = line.intercept + line.slope * new
    residuals = v - line.intercept - line.slope * u
    spread = 1 + 1 / len(u) + (new - u.mean()) ** 2 / ((u - u.mean()) ** 2).sum()
    deviation = np.sqrt((residuals**2).sum() / (len(u) - 2) * spread)
    margin = stats.t.ppf((1 + confidence) / 2, df=len(u) - 2) * deviation
    return tuple(float(np.exp(value)) for value in (middle, middle - margin, middle + margin))
    ### END SOLUTION


# %%
check("lab14.predict_loss")

# %% [markdown]
# ## 14.6 A larger model, or more text?
#
# The compute is given: C = 6 N D. With twice the parameters you can afford half the tokens. Too
# small a model cannot hold what it reads, too large a one reads too little. Between them is a best
# size.
#
# To find it you need a law of both, and there is a simple one (Hoffmann et al. 2022, section 3.3):
#
# L(N, D) = floor + a / N^alpha + b / D^beta
#
# The floor is what no model can know about the next token. The second term is what a model of N
# parameters lacks even with endless text, the third what is lacking because the text ends.
#
# Put D = C / (6 N) into it, and set the derivative by N to 0:
#
# alpha a / N^alpha = beta b / D^beta
#
# In words: at the best size, one percent more parameters would help exactly as much as one percent
# more text. Solve it for N. Mind the units: C is in petaflop/s-days, and 6 N D is not.


# %% exercise="lab14.compute_optimal" points=4 minutes=25 difficulty=3
def compute_optimal(law, compute):
    """Finds the size of model, and the tokens, with the lowest loss for a given compute.

    Args:
        law: dict {"floor", "a", "alpha", "b", "beta"} of floats, with
            L(N, D) = floor + a / N^alpha + b / D^beta; all but the floor are positive.
        compute: float, petaflop/s-days, see `petaflop_days`.

    Returns:
        (parameters, tokens): floats; training costs exactly `compute`.

    Example:
        >>> law = {"floor": 1.0, "a": 300.0, "alpha": 0.5, "b": 300.0, "beta": 0.5}
        >>> compute_optimal(law, 1e-3)
        (1.2e8, 1.2e8)
    """
    ### BEGIN SOLUTION
    products = compute / petaflop_days(1.0, 1.0)  # N D
    ratio = law["alpha"] * law["a"] / (law["beta"] * law["b"])
    # N^alpha = ratio D^beta, and D = products / N.
    parameters = (ratio * products ** law["beta"]) ** (1 / (law["alpha"] + law["beta"]))
    return parameters, products / parameters
    ### END SOLUTION


# %%
check("lab14.compute_optimal")
