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
from gpt_tf import parts, tables
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
        head_dim: int, width of a head, the same for all; there are as many as fit into the width.
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

# %% [markdown]
# ## 14.7 What is live and what is drawn from a table
#
# A law needs many runs: each size of model with each amount of text. That is half an hour or more
# of training. So you train a rung or two here, and the rest comes from a table:
#
# * **Live**: the rungs in `asked` below. Ask for others, if you have the time.
# * **From the table**: `datasets/ladder.json` has all runs, and the next cell prints the command
#   that made it. It shows its progress, and stopped, it goes on where it was. All fits and
#   predictions below are computed here, by your functions.
#
# The text is the offline corpus, the English in the docstrings of the packages that you have
# installed, in 512 tokens. A small vocabulary keeps embeddings and logits cheap. Two rules make the
# runs comparable:
#
# * **Fresh text.** No token is read twice in a run. A model that sees its text again and again
#   learns that text by heart, and the law for new text no longer holds.
# * **A schedule of its own.** Each run's learning rate rises, then falls until its own last update.
#   The loss that a long run has half-way is worse than that of a run that was to end there.

# %%
table = tables.read("ladder")
settings = runs.Settings(**table["settings"])
results, trials = runs.split_results(table["results"])
widths = sorted({result["cell"]["hidden_dim"] for result in results})
sizes = settings.vocabulary_size, settings.max_sequence_length
rungs = {shape["hidden_dim"]: GPTConfig(*sizes, **shape) for shape in training_ladder(widths)}
print(f"the table was made by: {table['command']}")
print(f"its text had {table['tokens']['training']:,} tokens; batch: "
      f"{settings.batch_size * settings.max_sequence_length} tokens")  # fmt: skip
print(f"{'width':>6}{'blocks':>8}{'heads':>7}{'N':>10}{'with all':>10}{'rate':>9}")
for width, config in rungs.items():
    print(
        f"{width:>6}{config.num_layers:>8}{config.num_heads:>7}"
        f"{non_embedding_parameters(config):>10,}{parts.count_parameters(config):>10,}"
        f"{runs.rate_of(width):>9.4f}"
    )

# %% [markdown]
# Compare N with the last but one column. In the smallest model most numbers are embeddings, in the
# largest few are. Had you drawn the law against all parameters, its small end would be bent.
#
# The rate falls as the width grows, as in GPT-3's table 2.1; more on that at the end.
#
# ## 14.8 Live: the lowest rungs
#
# Each line is one model, trained from the start on fresh text, then measured on other text. With
# the same packages your losses are those of the table, up to rounding. With other versions the text
# is a little different, and so are they.

# %%
asked = [(width, min(runs.TOKENS)) for width in widths[:2]]  # (width, tokens to train on)
if short():
    settings = runs.Settings(vocabulary_size=300, max_sequence_length=16, validation_windows=8)
    asked = [(widths[0], 256)]
text = runs.Text(settings, characters=30_000 if short() else None)
for width, tokens in asked:
    sizes = settings.vocabulary_size, settings.max_sequence_length
    config = GPTConfig(*sizes, **training_ladder([width])[0])
    live = runs.measure(config, text, tokens, runs.rate_of(width), settings=settings)
    known = [r["score"]["loss"] for r in results if r["cell"] == runs.cell_of(width, tokens)]
    beside = f", in the table {known[0]:.3f}" if known else ""
    print(
        f"width {width}, {tokens:,} tokens: loss {live['loss']:.3f} nats a token{beside} "
        f"({live['seconds']:.0f} seconds)"
    )

# %% [markdown]
# ## 14.9 Three lines
#
# Now all runs of the table, on log axes. What is on the three axes belongs together: C = 6 N D.
#
# * **Left**, L(N): a line for each amount of text. Dashed: your fit for the largest amount.
# * **Middle**, L(D): a line for each size of model. Dashed: your fit for the largest model.
# * **Right**, L(C): every run is a point. Black are those that no run of as little compute beats:
#   the frontier, as in GPT-3's figure 3.1. Dashed: your fit for these.

# %%
n = np.array([non_embedding_parameters(rungs[r["cell"]["hidden_dim"]]) for r in results])
d = np.array([r["cell"]["tokens"] for r in results])
loss = np.array([r["score"]["loss"] for r in results])
c = petaflop_days(n, d)
best = runs.frontier(c, loss)
ticks = np.arange(np.floor(5 * loss.min()) / 5, loss.max() + 0.1, 0.2)
fits = {
    "N": (n, d == d.max(), "parameters N, without embeddings"),
    "D": (d, n == n.max(), "training tokens D"),
    "C": (c, np.isin(np.arange(len(c)), best), "compute C (petaflop/s-days)"),
}


def draw_lines(axis, x, by):
    """Draws loss against x, a line for each value of `by`."""
    values = np.unique(by)
    for value, shade in zip(
        values, plt.cm.viridis(np.linspace(0.9, 0.0, len(values))), strict=True
    ):
        order = np.argsort(x[by == value])
        axis.plot(x[by == value][order], loss[by == value][order], "o-", color=shade,
                  label=f"{value:,}", markersize=4)  # fmt: skip


def draw_fit(axis, x, losses):
    """Draws the power law of some points, a little beyond them."""
    constant, alpha = fit_power_law(x, losses)
    line = np.geomspace(x.min() / 1.5, x.max() * 1.5, 50)
    axis.plot(line, (constant / line) ** alpha, "--", color="tab:red", linewidth=2)


figure, axes = plt.subplots(1, 3, figsize=(15, 4.6), sharey=True, layout="constrained")
draw_lines(axes[0], n, d)
draw_lines(axes[1], d, n)
axes[2].plot(c, loss, "o", color="tab:blue", alpha=0.4, markersize=5)
axes[2].plot(c[best], loss[best], "ko", markersize=5)
for axis, (name, (x, chosen, label)) in zip(axes, fits.items(), strict=True):
    draw_fit(axis, x[chosen], loss[chosen])
    _, alpha = fit_power_law(x[chosen], loss[chosen])
    axis.set(xscale="log", yscale="log", xlabel=label)
    axis.set_title(f"L({name}) falls as {name} to the power -{alpha:.3f}")
    axis.set_yticks(ticks, [f"{tick:.1f}" for tick in ticks])
    axis.minorticks_off()
axes[1].set_xticks(counts := np.unique(d), [f"{count / 1e6:.2g}M" for count in counts])
axes[0].set_ylabel("validation loss (nats a token)")
axes[0].legend(title="training tokens D", fontsize=8)
axes[1].legend(title="parameters N", fontsize=8)
plt.show()

# %% [markdown]
# How steep are the lines, and how sure is that? The slope of a fitted line has a standard error,
# and with Student's t an interval, as in lab 10.

# %%
paper = {"N": "0.076 (Kaplan et al.)", "C": "0.048 (GPT-3, figure 3.1)"}
print(f"{'':<6}{'points':>6}{'alpha':>9}{'95% interval':>18}{'twice as much':>16}   paper")
for name, (x, chosen, _) in fits.items():
    line = stats.linregress(np.log(x[chosen]), np.log(loss[chosen]))
    margin = stats.t.ppf(0.975, chosen.sum() - 2) * line.stderr
    interval = f"{-line.slope - margin:.3f} to {-line.slope + margin:.3f}"
    print(
        f"L({name}){chosen.sum():>8}{-line.slope:>9.3f}{interval:>18}"
        f"{f'loss x {2**line.slope:.3f}':>16}   {paper.get(name, '')}"
    )

# %% [markdown]
# Don't expect the exponents of the papers. Theirs come from models that read as much as they could
# use, in another text and with a vocabulary of 50,257. The exponent depends on text and tokens.
# What carries over is the shape.
#
# And look where the shape fails. On the left, the lines for few tokens flatten out on the right
# side: a large model that reads little is held up by the text, not by its size. On the right, the
# points above the frontier are runs that spent their compute badly: small models that read long, or
# large ones that read little.
#
# ## 14.10 Predict the largest
#
# Now hide the largest model. Fit on all the smaller ones, predict, then look.
#
# First with the straight line L(N), all models having read the most tokens: your `predict_loss`.

# %%
largest = n == n.max()


def report(what, predicted, measured):
    """Prints a prediction beside the result."""
    guess, low, high = predicted
    inside = "inside" if low <= measured <= high else "outside"
    print(f"{what:<32} predicted {guess:.3f} ({low:.3f} to {high:.3f}), measured {measured:.3f}: "
          f"error {guess / measured - 1:+.1%}, {inside} the interval")  # fmt: skip


for tokens in np.unique(d):
    known = (d == tokens) & ~largest
    (measured,) = loss[(d == tokens) & largest]
    line = predict_loss(n[known], loss[known], n.max())
    report(f"L(N), {tokens:,} tokens:", line, measured)

# %% [markdown]
# The line does not know that the text ends. Where the lines in the picture flatten out, it goes on
# falling, and promises too much: an error below 0.
#
# The law of both knows: L(N, D) = floor + a / N^alpha + b / D^beta. `runs.fit_law` fits its five
# numbers to all runs of the smaller models at once, by least squares on the logs. It gives the law,
# and a function that predicts, with an interval of the same kind as yours.

# %%
law, predict = runs.fit_law(n[~largest], d[~largest], loss[~largest])
print("fitted to the smaller models:", ", ".join(f"{k} {v:.3g}" for k, v in law.items()))
for tokens in np.unique(d):
    (measured,) = loss[(d == tokens) & largest]
    report(f"L(N, D), {tokens:,} tokens:", predict(n.max(), tokens), measured)

# %%
figure, axis = plt.subplots(figsize=(8, 5), layout="constrained")
for tokens, shade in zip(np.unique(d), plt.cm.viridis(np.linspace(0.9, 0.0, 4)), strict=False):
    known = (d == tokens) & ~largest
    line = np.geomspace(n.min() / 1.3, n.max() * 1.5, 60)
    axis.plot(line, runs.loss_of(law, line, tokens), color=shade, linewidth=1)
    axis.plot(n[known], loss[known], "o", color=shade, label=f"{tokens:,}")
    guess, low, high = predict(n.max(), tokens)
    axis.errorbar(n.max() * 0.93, guess, [[guess - low], [high - guess]], fmt="D", color=shade,
                  capsize=4, markersize=5)  # fmt: skip
    axis.plot(n.max() * 1.07, loss[(d == tokens) & largest], "*", color="tab:red", markersize=12)
axis.plot([], [], "kD", label="predicted, with 95% interval", markersize=5)
axis.plot([], [], "*", color="tab:red", label="measured afterwards", markersize=12)
axis.set(xscale="log", yscale="log", xlabel="parameters N, without embeddings")
axis.set(ylabel="validation loss (nats a token)", title="The largest model, predicted and measured")
axis.set_yticks(ticks, [f"{tick:.1f}" for tick in ticks])
axis.minorticks_off()
axis.legend(title="training tokens D", fontsize=9)
plt.show()

# %%
most = d.max()
(measured,) = loss[(d == most) & largest]
guess, low, high = predict(n.max(), most)
print(f"the largest model, {n.max():,} parameters, {most:,} tokens")
print(f"    prediction {guess:.3f} nats a token ({low:.3f} to {high:.3f})")
print(f"    result     {measured:.3f}")
print(f"    error      {guess / measured - 1:+.2%}")

# %% [markdown]
# Before you believe it, ask two things. What would a lazy guess have cost: "the same loss as the
# largest model that I have"? And how far could you have looked ahead? Each line below fits the law
# to the models up to some size only.

# %%
print(
    f"{'models up to N':>15}{'ahead':>8}{'predicted':>11}{'error':>9}{'lazy guess':>12}   interval"
)
for size in np.unique(n)[2:-1]:
    known = n <= size
    _, guess_from = runs.fit_law(n[known], d[known], loss[known])
    guess, low, high = guess_from(n.max(), most)
    (lazy,) = loss[(n == size) & (d == most)]
    print(
        f"{size:>15,}{f'x {n.max() / size:.1f}':>8}{guess:>11.3f}{guess / measured - 1:>+9.2%}"
        f"{lazy / measured - 1:>+12.2%}   {low:.3f} to {high:.3f}"
    )

# %% [markdown]
# One step ahead the loss changes little, and a small error is no great feat: compare it with the
# lazy guess. From further away the lazy guess must get worse. Whether the law does, and how wide
# its intervals become, you see in the same lines. With few sizes it can put almost any number into
# its floor, and only the runs of larger models tell it off.
#
# And keep to the range of the picture. The command goes on to two million tokens without the limit
# `--tokens`. In a first try of these longer runs the models of middle width came out well below the
# law, all at once, while the smallest stayed near it. A law says what was measured between its
# ends, and a skill that begins to work beyond them is not in it.

# %% [markdown]
# ## 14.11 The best use of a budget
#
# The law of both, now fitted to all runs, answers the question of 14.6. Each curve below is one
# budget: all sizes of model that it can pay for, each with the tokens that are left. The dots are
# what your `compute_optimal` chooses.

# %%
law, predict = runs.fit_law(n, d, loss)
budgets = np.geomspace(np.quantile(c, 0.2), c.max(), 4)
figure, axes = plt.subplots(1, 2, figsize=(13, 4.6), layout="constrained")
for budget, shade in zip(budgets, plt.cm.viridis(np.linspace(0.9, 0.0, 4)), strict=True):
    line = np.geomspace(n.min() / 2, n.max() * 2, 100)
    tokens = budget / petaflop_days(line, 1)
    axes[0].plot(line, runs.loss_of(law, line, tokens), color=shade, label=f"{budget:.1e}")
    choice = compute_optimal(law, budget)
    axes[0].plot(choice[0], runs.loss_of(law, *choice), "o", color=shade, markersize=9)
axes[0].set(xscale="log", xlabel="parameters N, without embeddings", ylim=(loss.min() - 0.1, 5))
axes[0].set(ylabel="loss by the law (nats a token)", title="One curve a budget")
axes[0].legend(title="petaflop/s-days", fontsize=9)
line = np.geomspace(c.min(), c.max(), 50)
chosen = np.array([compute_optimal(law, budget) for budget in line])
axes[1].plot(line, chosen[:, 0], "-", color="tab:blue", label="best N by the law")
axes[1].plot(line, chosen[:, 1], "-", color="tab:orange", label="best D by the law")
axes[1].plot(c[best], n[best], "o", color="tab:blue", label="N of the frontier's runs")
axes[1].plot(c[best], d[best], "o", color="tab:orange", label="D of the frontier's runs")
axes[1].set(xscale="log", yscale="log", xlabel="compute C (petaflop/s-days)")
axes[1].set(ylabel="parameters, or tokens", title="What to spend it on")
axes[1].legend(fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %%
print(f"{'budget':>10}{'best N':>12}{'best D':>13}{'tokens a parameter':>21}{'loss':>8}")
for budget in budgets:
    size, tokens = compute_optimal(law, budget)
    lowest = runs.loss_of(law, size, tokens)
    print(f"{budget:>10.1e}{size:>12,.0f}{tokens:>13,.0f}{tokens / size:>21.1f}{lowest:>8.3f}")

# %% [markdown]
# The curves are flat around their lowest points: half or twice the best size costs little. So the
# best N is known less well than the loss is. Look how far the dots of the frontier scatter about
# the lines on the right. There are only so many runs to choose from, and where a line leaves them,
# nobody has looked.
#
# GPT-3 was trained on 300 billion tokens with 175 billion parameters, fewer than two tokens a
# parameter. Kaplan's law had advised to let the model grow much faster than the text. Hoffmann et
# al. (2022) measured again, with schedules that end where each run ends, and found that both should
# grow alike. A law is no better than the runs that it is fitted to.
#
# ## 14.12 Learning rate and batch size
#
# All this rests on runs that were trained well. A rung with a bad learning rate lies above the
# line, and the law bends. What GPT-3 did about it is in its table 2.1: the larger the model, the
# lower the rate, and the larger the batch. Both are close to power laws, too.
#
# Left: rates that were tried with three of our rungs on few tokens, from the table. Middle and
# right: GPT-3's.

# %%
figure, axes = plt.subplots(1, 3, figsize=(15, 4.4), layout="constrained")
for width in sorted({r["cell"]["hidden_dim"] for r in trials}):
    tried = sorted((r["cell"]["rate"], r["score"]["loss"]) for r in trials
                   if r["cell"]["hidden_dim"] == width)  # fmt: skip
    rates, losses = np.array(tried).T
    (drawn,) = axes[0].plot(rates, losses, "o-", label=f"width {width}")
    place = losses.argmin()
    axes[0].plot(rates[place], losses[place], "o", color=drawn.get_color(), markersize=12)
    taken = rates == runs.rate_of(width)
    axes[0].plot(rates[taken], losses[taken], "kx", markersize=8, zorder=3)
axes[0].set(xscale="log", xlabel="peak learning rate", ylabel="validation loss (nats a token)")
axes[0].set_title(f"Ours, {min(runs.TOKENS):,} tokens")
axes[0].set_xticks(runs.TRIED_RATES, [f"{rate:g}" for rate in runs.TRIED_RATES])
axes[0].minorticks_off()
axes[0].plot([], [], "o", color="gray", markersize=12, label="lowest")
axes[0].plot([], [], "kx", markersize=8, label="the ladder's rate")
axes[0].legend(fontsize=9)
sizes = np.array([non_embedding_parameters(PAPER[name]) for name in runs.TABLE_2_1])
batches, rates = np.array(list(runs.TABLE_2_1.values())).T
line = np.geomspace(sizes.min(), sizes.max(), 50)
for axis, values, label in (
    (axes[1], rates, "learning rate"),
    (axes[2], batches, "batch size (tokens)"),
):
    constant, alpha = fit_power_law(sizes, values)
    axis.plot(sizes, values, "o")
    axis.plot(line, (constant / line) ** alpha, "--", color="tab:red")
    axis.set(xscale="log", yscale="log", xlabel="parameters N, without embeddings", ylabel=label)
    axis.set_title(f"GPT-3, table 2.1: as N to the power {-alpha:+.2f}")
plt.show()

# %% [markdown]
# A cross is the rate that the ladder used. It was chosen from a few rough trials on few tokens,
# some of them with the largest model: so the prediction above had this much help. Where a cross is
# not at the lowest point, that rung could have done better on so few tokens.
#
# Our rungs all have the same batch, since in the time that you have, small models learn more from
# many small batches. So you cannot see the right picture here, and you need not believe it.
#
# ## 14.13 Questions
#
# 1. The largest model was predicted from models a few times smaller. GPT-3 175B is more than ten
#    times as large as the next smaller one in table 2.1. Put 10 x `n.max()` into `predict`. What
#    happens to the interval, and what does it leave out?
# 2. What would the left picture of 14.9 look like with all parameters on its axis? Draw it.
# 3. Your text ends at about two million tokens. What would you do with a budget ten times the
#    largest here: a larger model, or the text a second time? How would you find out?
# 4. The loss falls smoothly. Did the skills in labs 10 and 12 come smoothly, too?
#
# ## What you know now
#
# * Loss falls as a power of parameters, tokens and compute, as long as none of the others holds it
#   up. On log axes that is a straight line.
# * Training costs 6 N D operations. Counted without embeddings, small and large models lie on one
#   line.
# * A prediction comes with an interval, is made before the result is known, and is compared with
#   something trivial.
# * A budget has a best size of model, and it is where more parameters and more text would help
#   alike. The law that tells it is only as good as the runs' learning rates.
