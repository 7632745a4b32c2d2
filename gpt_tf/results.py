"""`python -m gpt_tf results`: ten labelled sets, with pre-training and without, over several seeds.

Makes `docs/results.md` and `docs/results.json`, which lab 09 shows. A cell is one fine-tuning: a
set, a model, a seed. Each is kept when it is done, so a run that was stopped goes on with the next.
The English sets start from a preset; for the Korean ones a model of the same size is pre-trained
first, on film reviews without labels.
"""

import argparse
import dataclasses
import hashlib
import importlib.metadata
import json
import pathlib
import platform
import shutil

import numpy as np
from tqdm.auto import tqdm

from gpt_tf import job, quiet
from gpt_tf.course import layout

ARMS = {"without": "without pre-training", "with": "pre-trained"}
COMMAND = "python -m gpt_tf results"
PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn")
DOCS = layout.ROOT / "docs"


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a set is fine-tuned; the same with pre-training and without.

    Args:
        examples: int, most training examples, drawn with seed 0; a tenth of them is held out.
        length: int, most tokens in a row.
        epochs: int, passes; the best one on the held-out examples is kept.
        language: str, "en" or "ko": which model.
        part_of: str, the set of which this is a smaller part; empty for a set of its own.
    """

    examples: int
    length: int
    epochs: int
    language: str = "en"
    part_of: str = ""


# As much as two cores do in about an hour and a half; a set's longest texts are shortened.
PLANS = {
    "sst2": Plan(8000, 64, 3),
    "cola": Plan(8000, 32, 3),
    "nsmc": Plan(5000, 64, 3, "ko"),
    "sick": Plan(3000, 64, 4),
    "rte": Plan(1200, 96, 3),
    "kor_nli": Plan(2000, 96, 3, "ko"),
    "stsb": Plan(1500, 64, 4),
    "kor_sts": Plan(1200, 64, 4, "ko"),
    "openbookqa": Plan(1500, 48, 3),
    "dream": Plan(400, 128, 3),
}
# What more examples give; fewer examples are read more often.
CURVES = {
    f"{name}-{count}": dataclasses.replace(PLANS[name], examples=count, epochs=epochs, part_of=name)
    for name in ("sst2", "nsmc")
    for count, epochs in ((250, 12), (1000, 6), (3000, 4))
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides the numbers; equal settings resume each other.

    Args:
        preset: str, name or folder of the English model.
        weights: str, digest of its weights, so that another model's cells are not taken for its.
        plans: dict of set name to the fields of its `Plan`.
        tuning: dict, fields of `finetuning.Settings` that all sets share.
        scored: int, most test examples of a set, drawn with seed 0.
        korean_steps: int, updates of pre-training on the Korean reviews.
        korean_batch: int, rows in a batch there.
    """

    preset: str = "nano-en"
    weights: str = ""
    plans: dict = dataclasses.field(
        default_factory=lambda: {
            name: dataclasses.asdict(plan) for name, plan in (PLANS | CURVES).items()
        }
    )
    tuning: dict = dataclasses.field(
        default_factory=lambda: {
            "batch_size": 16,
            "peak_rate": 1e-3,
            "warmup_fraction": 0.1,
            "hold_out": 0.1,
            "reports": 1,
            "score_reports": False,
        }
    )
    scored: int = 1000
    korean_steps: int = 1000
    korean_batch: int = 12

    def shortened(self):
        """Returns the same run made small: it shows that everything works, and learns little."""
        plans = {
            name: plan | {"examples": 40, "length": 48, "epochs": 1}
            for name, plan in self.plans.items()
        }
        return dataclasses.replace(self, plans=plans, scored=40, korean_steps=4, korean_batch=2)


def execute(settings, sets, seeds, folder):
    """Fills the grid of cells, or what is left of it.

    Args:
        settings: `Settings`.
        sets: list of str, of `PLANS` and `CURVES`.
        seeds: int, at least 2: below that there is no spread.
        folder: path, where the cells are kept.

    Returns:
        dict, the report that `markdown`, `table` and `plot` show.

    Raises:
        ValueError: an unknown set, too few seeds, or a folder that holds a run with other settings.
        FileNotFoundError: a set that is on no disk and cannot be downloaded, or no such preset.
    """
    unknown = [name for name in sets if name not in settings.plans]
    if unknown:
        raise ValueError(f"There is no set {unknown[0]!r}; there are {', '.join(settings.plans)}.")
    if seeds < 2:
        raise ValueError(f"{seeds} seed shows no spread; ask for at least 2.")
    run = job.Run(settings, folder)
    cells = [(name, seed, arm) for name in sets for seed in range(seeds) for arm in ARMS]
    found = {}
    with tqdm(cells, desc="all cells", unit="cell") as bar:
        for name, seed, arm in bar:
            found[name, seed, arm] = run.stage(
                f"{name}-{arm}-{seed}", lambda cell=(name, seed, arm): _cell(run, *cell)
            )
    rows = []
    for name in sets:
        base = run.stage(f"{name}-baselines", lambda name=name: _baselines(run, name))
        cells = {arm: [found[name, seed, arm] for seed in range(seeds)] for arm in ARMS}
        rows.append(_summary(run, name, base["predictions"], cells))
    return {
        "command": f"{COMMAND} --preset {settings.preset} --seeds {seeds} --sets {' '.join(sets)}",
        "settings": dataclasses.asdict(settings),
        "seeds": seeds,
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in PACKAGES},
        "sets": rows,
    }


def task_of(settings, name):
    """Returns a set's `tasks.Task`, cut to its plan, with its test examples for validation."""
    from gpt_tf import tasks

    task = tasks.real_task(settings.plans[name]["part_of"] or name, test=True)
    cut = {"train": settings.plans[name]["examples"], "validation": settings.scored}
    return dataclasses.replace(
        task, **{part: tasks.drawn(getattr(task, part), most) for part, most in cut.items()}
    )


def _cell(run, name, seed, arm):
    """Fine-tunes one model on one set with one seed."""
    import keras

    from gpt_tf import finetuning, presets

    keras.backend.clear_session()  # else the graphs of all cells add up in memory
    settings, plan = run.settings, run.settings.plans[name]
    preset = settings.preset if plan["language"] == "en" else _korean(run)
    gpt, tokenizer = presets.load(preset)
    if arm == "without":
        gpt = finetuning.untrained(gpt, seed)
    how = finetuning.Settings(length=plan["length"], epochs=plan["epochs"], **settings.tuning)
    label = f"{name}, {ARMS[arm]}, seed {seed}"
    return finetuning.finetune(gpt, task_of(settings, name), tokenizer, how, seed, label)


def _baselines(run, name):
    """Returns the predictions of majority and bag of words."""
    from gpt_tf import tasks

    found = tasks.baselines(task_of(run.settings, name), predictions=True)
    return {"predictions": {key: [float(v) for v in values] for key, values in found.items()}}


def _korean(run):
    """Pre-trains a model of the preset's size on Korean reviews; returns its folder."""
    folder = run.folder / "korean"
    run.stage("korean", lambda: _pretrain_korean(run, folder))
    return folder


def _pretrain_korean(run, folder):
    import keras

    from gpt_tf import catalog, parts, presets, training
    from gpt_tf.tokenizer import Tokenizer

    settings = run.settings
    reviews = catalog.load("nsmc", "unlabelled")
    held_out, reviews = reviews[::20], [r for i, r in enumerate(reviews) if i % 20]
    gpt, _ = presets.load(settings.preset)
    tokenizer = Tokenizer.train(reviews, gpt.config.vocabulary_size, special_tokens=job.SPECIAL)
    end = tokenizer.token_id(job.END)
    streams = [
        np.concatenate([np.append(row, end) for row in tokenizer.encode_documents(texts)])
        for texts in (reviews, held_out)
    ]
    keras.utils.set_random_seed(0)
    # Few reviews, read several times: without dropout the model would know them by heart.
    config = dataclasses.replace(gpt.config, vocabulary_size=tokenizer.vocabulary_size, dropout=0.1)
    model = parts.GPT(config)
    model(np.zeros((1, 2), "int32"))
    recipe = training.Recipe(
        steps=settings.korean_steps,
        batch_size=settings.korean_batch,
        peak_rate=5e-3,
        warmup_steps=settings.korean_steps // 20,
        final_fraction=0.0,
        optimizer="muon",
    )
    history = training.pretrain(
        model, *streams, recipe, run.folder / "korean-checkpoints", "Korean reviews"
    )
    presets.save(model, tokenizer, folder)
    return {"tokens": len(streams[0]), "validation_loss": history["validation_loss"]}


# ---------------------------------------------------------------------------------- what came of it


def interval(values):
    """Returns the mean of a few values and its 95% interval by Student's t.

    Args:
        values: sequence of at least 2 floats.

    Returns:
        (mean, low, high), floats.

    Example:
        >>> interval([0.7, 0.8, 0.9])  # t(2) = 4.303 standard errors to each side
        (0.8, 0.552, 1.048)
    """
    from scipy import stats

    mean, error = float(np.mean(values)), float(stats.sem(values))
    reach = error * float(stats.t.ppf(0.975, len(values) - 1))
    return mean, mean - reach, mean + reach


def _summary(run, name, base, cells):
    """Puts a set's cells together: means, intervals, and which differences may be chance."""
    from gpt_tf import tasks

    task = task_of(run.settings, name)
    scores = {arm: [cell["score"] for cell in done] for arm, done in cells.items()}
    summary = {
        "name": name,
        "form": task.form,
        "metrics": list(task.metrics),
        "part_of": run.settings.plans[name]["part_of"],
        "train": len(task.train),
        "test": len(task.validation),
        "baselines": {
            key: {m: tasks.score(task, predictions, m) for m in task.metrics}
            for key, predictions in base.items()
        },
    }
    for arm, done in cells.items():
        mean, low, high = interval(scores[arm])
        summary[arm] = {
            "mean": mean,
            "low": low,
            "high": high,
            "seeds": scores[arm],
            "metrics": {
                m: float(np.mean([cell["scores"][m] for cell in done])) for m in task.metrics
            },
        }
    # Draws of test examples, the same ones for all; each model's mean over its seeds.
    draws = {
        arm: np.mean([tasks.resampled(task, cell["predictions"]) for cell in done], axis=0)
        for arm, done in cells.items()
    }
    bag = summary["baselines"]["bag_of_words"][task.metric]
    summary["gain"] = _difference(
        np.subtract(scores["with"], scores["without"]), draws["with"] - draws["without"]
    )
    summary["over_bag"] = _difference(
        np.subtract(scores["with"], bag),
        draws["with"] - tasks.resampled(task, base["bag_of_words"]),
    )
    return summary


def _difference(over_seeds, over_draws):
    """Describes a difference: it may be chance if other seeds or other examples could undo it."""
    mean, *by_seeds = interval(over_seeds)
    by_examples = np.quantile(over_draws, [0.025, 0.975]).tolist()
    chance = any(low <= 0 <= high for low, high in (by_seeds, by_examples))
    return {"mean": mean, "by_seeds": by_seeds, "by_examples": by_examples, "chance": chance}


# ------------------------------------------------------------------------------------- how it looks


def read():
    """Returns the report of `docs/results.json`, or None where there is none."""
    path = DOCS / "results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _whole(report):
    """Returns the sets that are no part of another one."""
    return [each for each in report["sets"] if not each["part_of"]]


def _cells_of_table(sets):
    """Returns the table's rows of text, the head first."""
    head = ("set", "form", "train", "test", "metric", "majority", "bag of words")
    rows = [(*head, "without pre-training", "pre-trained", "gain", "over the bag of words")]
    for each in sets:
        metric = each["metrics"][0]
        base = [f"{each['baselines'][b][metric]:.3f}" for b in ("majority", "bag_of_words")]
        arms = []
        for arm in ARMS:
            reach = each[arm]["high"] - each[arm]["mean"]
            arms.append(f"{each[arm]['mean']:.3f} ± {reach:.3f}")
        differences = [
            f"{each[which]['mean']:+.3f}{' ?' if each[which]['chance'] else ''}"
            for which in ("gain", "over_bag")
        ]
        size = [f"{each[part]:,}" for part in ("train", "test")]
        form = each["form"].replace("_", " ")
        rows.append((each["name"], form, *size, metric, *base, *arms, *differences))
    return rows


def table(report):
    """Returns the results as text for a terminal or a notebook."""
    rows = _cells_of_table(report["sets"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, *_reading(report)])


def _reading(report):
    """Returns the sentences below the table; every number in them is counted here."""
    sets = _whole(report)
    helped = [each for each in sets if each["gain"]["mean"] > 0]
    sure = [each for each in helped if not each["gain"]["chance"]]
    above = [each["name"] for each in sets if each["over_bag"]["mean"] >= 0]
    return [
        f"± is the 95% interval of the mean over {report['seeds']} seeds (Student's t).",
        "? marks a difference that may be chance: its 95% interval over the seeds, or that over "
        "the test examples (bootstrap), has 0 in it.",
        f"Pre-training helps on {len(helped)} of {len(sets)} sets; on {len(sure)} of them the gain "
        "is no chance in this sense.",
        f"At least as good as the bag of words: {', '.join(above) or 'none'}.",
    ]


def plot(report):
    """Draws each set's scores with their intervals, beside the baselines.

    Args:
        report: dict, of `execute` or `read`.

    Returns:
        `matplotlib.figure.Figure`.
    """
    import matplotlib.pyplot as plt

    sets = _whole(report)
    figure, axis = plt.subplots(figsize=(9, 1.2 + 0.6 * len(sets)))
    for place, each in enumerate(sets):
        metric = each["metrics"][0]
        for name, marker in (("majority", "|"), ("bag_of_words", "x")):
            label = None if place else name.replace("_", " ")
            axis.plot(each["baselines"][name][metric], -place, marker, color="gray", label=label)
        for number, (arm, label) in enumerate(ARMS.items()):
            found, y = each[arm], -place - 0.2 * (number + 1)
            axis.plot([found["low"], found["high"]], [y, y], color=f"C{number}", alpha=0.5)
            axis.plot(found["mean"], y, "o", color=f"C{number}", label=None if place else label)
    axis.set_yticks(
        [-place - 0.2 for place in range(len(sets))],
        [f"{each['name']} ({each['metrics'][0]})" for each in sets],
    )
    axis.set_xlabel("score on the test examples (share right, or correlation)")
    axis.set_title(f"Means over {report['seeds']} seeds, with 95% intervals")
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    return figure


def learning_curves(report):
    """Collects the sets of which smaller parts were run, too.

    Args:
        report: dict, of `execute` or `read`.

    Returns:
        dict {name: list of the report's entries, from few training examples to all}.
    """
    found = {}
    for whole in _whole(report):
        smaller = [each for each in report["sets"] if each["part_of"] == whole["name"]]
        if smaller:
            found[whole["name"]] = sorted([*smaller, whole], key=lambda each: each["train"])
    return found


def examples_needed(curve):
    """Draws a line through the pre-trained model's scores, as far as the bag of words.

    Args:
        curve: list, of `learning_curves`.

    Returns:
        (gain, examples): floats; what twice as many examples give (least squares), and with how
        many the line reaches the bag of words of all of them: infinite if it rises too little.
    """
    doublings = np.log2([each["train"] for each in curve])
    gain, start = np.polyfit(doublings, [each["with"]["mean"] for each in curve], 1)
    metric = curve[-1]["metrics"][0]
    wanted = curve[-1]["baselines"]["bag_of_words"][metric]
    power = (wanted - start) / gain if gain > 0 else np.inf
    return float(gain), float(2**power) if power < 60 else float("inf")


def _reading_of_curves(report):
    """Returns a sentence for each curve."""
    sentences = []
    for name, curve in learning_curves(report).items():
        gain, examples = examples_needed(curve)
        few, many = curve[0]["train"], curve[-1]["train"]
        text = (
            f"{name}: from {few:,} to {many:,} examples, twice as many give the pre-trained model "
            f"{gain:+.3f}."
        )
        if curve[-1]["over_bag"]["mean"] >= 0:
            text += f" With {many:,} it is at least as good as the bag of words."
        elif np.isfinite(examples):
            text += (
                f" Going on like that it would reach the bag of words of {many:,} examples with "
                f"about {float(f'{examples:.2g}'):,.0f}: a guess, beyond what was measured."
            )
        sentences.append(text)
    return sentences


def plot_curves(report):
    """Draws the scores against the number of training examples, where smaller parts were run.

    Args:
        report: dict, of `execute` or `read`.

    Returns:
        `matplotlib.figure.Figure`, or None if there are no smaller parts.
    """
    import matplotlib.pyplot as plt

    curves = learning_curves(report)
    if not curves:
        return None
    size = (6 * len(curves), 4)
    figure, axes = plt.subplots(1, len(curves), figsize=size, squeeze=False, layout="constrained")
    for axis, (name, curve) in zip(axes[0], curves.items(), strict=True):
        examples, metric = [each["train"] for each in curve], curve[-1]["metrics"][0]
        bag = [each["baselines"]["bag_of_words"][metric] for each in curve]
        axis.plot(examples, bag, "x--", color="gray", label="bag of words")
        for number, (arm, label) in enumerate(ARMS.items()):
            mean, low, high = ([each[arm][k] for each in curve] for k in ("mean", "low", "high"))
            axis.fill_between(examples, low, high, color=f"C{number}", alpha=0.15)
            axis.plot(examples, mean, "o-", color=f"C{number}", label=label)
        axis.set_xscale("log")
        axis.set_xticks(examples, [f"{count:,}" for count in examples])
        axis.minorticks_off()
        axis.set(title=name, xlabel="training examples", ylabel=f"{metric} on the test examples")
    axes[0, 0].legend()
    return figure


def _markdown_table(rows):
    """Returns lines of Markdown; the first row is the head."""
    head, *rest = rows
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rest)]


def markdown(report):
    """Returns the page `docs/results.md`."""
    from gpt_tf import tasks

    parts_of_sets = [each for each in report["sets"] if each["part_of"]]
    settings = report["settings"]
    plans = [("set", "model", "epochs", "longest row")]
    metrics = list(tasks.METRICS)
    others = [("set", "model", *metrics)]
    for each in report["sets"]:
        plan = settings["plans"][each["name"]]
        plans.append((each["name"], plan["language"], str(plan["epochs"]), str(plan["length"])))
        measured = {"bag of words": each["baselines"]["bag_of_words"]}
        measured |= {label: each[arm]["metrics"] for arm, label in ARMS.items()}
        for label, scores in measured.items():
            shown = (f"{scores[m]:.3f}" if m in scores else "" for m in metrics)
            others.append((each["name"], label, *shown))
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    tuning = ", ".join(f"{name} {value}" for name, value in settings["tuning"].items())
    return "\n".join(
        [
            "# Fine-tuning on ten sets, with pre-training and without",
            "",
            "Generated, do not edit. The command, which can be stopped and goes on where it was:",
            "",
            "```",
            report["command"],
            "```",
            "",
            f"Packages: {versions}. The numbers depend on the seeds and on rounding, not on the "
            "speed of the machine.",
            "",
            *_markdown_table(_cells_of_table(_whole(report))),
            "",
            *(f"- {sentence}" for sentence in _reading(report)),
            "",
            "## How it was done",
            "",
            f"The English sets start from the preset `{settings['preset']}`. The Korean ones start "
            "from a model of the same size that was pre-trained in the same run on "
            f"`ratings_neutral_unlabeled.txt` of NSMC, {settings['korean_steps']:,} updates of "
            f"{settings['korean_batch']} rows. *Without pre-training* is the same model with fresh "
            "weights, the same input, head, losses and settings. The bag of words is logistic "
            "regression (ridge for similarity), on the same training examples.",
            "",
            "A tenth of the training examples is held out; the epoch with the best score on them "
            "is kept. The test examples decide nothing. Where a set has a test file with labels, "
            "it is used; cola and rte have none, so their development file is, and kor_nli has no "
            "training file, so its development file is. Of large sets a part is drawn (see "
            f"`train` and `test`). Settings of all: {tuning}; the rest as `finetuning.Settings`.",
            "",
            *_markdown_table(plans),
            "",
            "## What more examples give",
            "",
            *(
                _markdown_table(_cells_of_table(parts_of_sets))
                if parts_of_sets
                else [f"`{COMMAND} --curves` draws smaller parts of sst2 and nsmc."]
            ),
            "",
            *(f"- {sentence}" for sentence in _reading_of_curves(report)),
            "",
            "## All metrics, means over the seeds",
            "",
            *_markdown_table(others),
            "",
        ]
    )


def write(report, folder=DOCS):
    """Writes results.md and results.json; returns the path of the page."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    layout.write(folder / "results.json", json.dumps(report, indent=1) + "\n")
    layout.write(folder / "results.md", markdown(report))
    return folder / "results.md"


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    from gpt_tf import presets

    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="nano-en", help='a preset, "mine", or a folder')
    parser.add_argument("--sets", nargs="+", default=list(PLANS), metavar="SET",
                        help=f"of {', '.join(PLANS)} (default: all)")  # fmt: skip
    parser.add_argument("--curves", action="store_true", help="smaller parts of sst2 and nsmc, too")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each cell (default: 3)")
    parser.add_argument("--run", metavar="FOLDER", help="of the cells (default: runs/results)")
    parser.add_argument("--out", default=DOCS, metavar="FOLDER", help="of the page (default: docs)")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run left")
    parser.add_argument("--short", action="store_true", help="a tiny run, to see that it works")
    options = parser.parse_args(arguments)
    folder = pathlib.Path(options.run or layout.ROOT / "runs" / "results")
    if options.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    quiet.load_tensorflow()
    presets.load(options.preset)  # says now what is wrong with it
    weights = (presets.folder_of(options.preset) / presets.MODEL).read_bytes()
    settings = Settings(options.preset, hashlib.sha256(weights).hexdigest()[:16])
    if options.short:
        settings = settings.shortened()
    sets = options.sets + (list(CURVES) if options.curves else [])
    report = execute(settings, sets, options.seeds, folder)
    print(table(report))
    print(f"The page of results: {write(report, options.out)}")
    return 0
