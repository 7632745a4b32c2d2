"""`python -m gpt_tf picture`: what you built, on one picture, for the end of the course.

It shows the last run of the whole job (`python -m gpt_tf`): its loss, its scores and what it
writes. And it shows the parts: which of them are yours, and which solutions you borrowed.
"""

import argparse
import json
import pathlib
import textwrap

from gpt_tf import parts
from gpt_tf.course import layout

REPORT = "report.json"  # in a run's folder
OWNERS = {"yours": "tab:green", "borrowed": "tab:orange", "missing": "white"}


def report(folder=None):
    """Reads what a run of the whole job found.

    Args:
        folder: path of the run's folder; None for runs/latest.

    Returns:
        dict, see `gpt_tf.job.execute`.

    Raises:
        FileNotFoundError: no run ended there.

    Example:
        >>> report()["pretraining"]["loss"]
    """
    path = pathlib.Path(folder or layout.ROOT / "runs" / "latest") / REPORT
    if not path.is_file():
        raise FileNotFoundError(
            f"No run of the whole job ended in {folder or 'runs/latest'}; `make course` (or "
            "python -m gpt_tf) makes one in some minutes."
        )
    return json.loads(path.read_text(encoding="utf-8"))


def owners():
    """Tells whose each part is.

    Returns:
        dict {exercise id: "yours" (a green answer is saved), "borrowed" (there is a solution), or
        "missing"}, in the order of the labs.

    Example:
        >>> owners()["lab04.causal_mask"]
        'yours'
    """
    found = {}
    for exercise in layout.exercises().values():
        if parts.saved_file(exercise).is_file():
            found[exercise.id] = "yours"
        elif layout.solution_file(exercise.lab).is_file():
            found[exercise.id] = "borrowed"
        else:
            found[exercise.id] = "missing"
    return found


def picture(run, whose):
    """Draws a run and its parts.

    Args:
        run: dict, of `report`.
        whose: dict, of `owners`.

    Returns:
        `matplotlib.figure.Figure` of four panels.

    Example:
        >>> picture(report(), owners()).savefig("built.png")
    """
    # Without pyplot: no window system is needed, and no state stays behind.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 9), layout="constrained")
    (loss, scores), (samples, whole) = figure.subplots(2, 2)
    trained = run["pretraining"]
    figure.suptitle(
        f"What you built: a GPT of {trained['parameters']:,} parameters that has read "
        f"{trained['tokens_seen']:,} tokens",
        fontsize=15,
    )
    _draw_loss(loss, trained)
    _draw_scores(scores, run["tasks"])
    _draw_samples(samples, run["samples"]["samples"])
    _draw_parts(whole, whose)
    return figure


def _draw_loss(axis, trained):
    history = trained["history"]
    axis.plot(history["step"], history["loss"], alpha=0.5, label="training")
    axis.plot(history["validation_step"], history["validation_loss"], "o-", label="validation")
    axis.axhline(trained["unigram_loss"], color="gray", linestyle=":", label="by frequency alone")
    axis.set(xlabel="step (updates)", ylabel="loss (nats a token)", title="It learned to read")
    axis.legend()


def _draw_scores(axis, tasks):
    looks = {
        "majority": ("|", "gray"),
        "bag_of_words": ("x", "gray"),
        "without": ("o", "tab:blue"),
        "with": ("o", "tab:orange"),
    }
    labels = {"without": "no pre-training", "with": "pre-trained", "bag_of_words": "bag of words"}
    for name, (marker, color) in looks.items():
        values = [task["scores"][name] for task in tasks]
        places = [-place for place in range(len(tasks))]
        label = labels.get(name, name)
        axis.plot(values, places, marker, color=color, markersize=9, label=label)
    axis.set_yticks(
        [-place for place in range(len(tasks))],
        [f"{task['form'].replace('_', ' ')}\n({task['metric']})" for task in tasks],
    )
    axis.set(xlabel="score on validation examples", title="It was fine-tuned on four tasks")
    axis.set_ylim(-len(tasks) + 0.5, 0.5)
    axis.grid(axis="x", alpha=0.3)
    axis.legend(loc="best")


def _draw_samples(axis, samples):
    lines = []
    for sample in [s for s in samples if s["temperature"] > 0][:3]:
        text = f"{sample['prompt']} [...] {sample['text']}"
        lines += textwrap.wrap(" ".join(text.split()), 68)[:6] + [""]
    axis.set_title("It writes (given words, then [...], then its own)")
    axis.text(0, 0.97, "\n".join(lines), va="top", family="monospace", fontsize=9, parse_math=False)
    axis.set_axis_off()


def _draw_parts(axis, whose):
    labs = sorted({layout.exercises()[id_].lab for id_ in whose})
    for row, lab in enumerate(labs):
        of_lab = [owner for id_, owner in whose.items() if layout.exercises()[id_].lab == lab]
        for column, owner in enumerate(of_lab):
            axis.barh(
                -row, 0.85, left=column, height=0.75, color=OWNERS[owner], edgecolor="black", lw=0.5
            )
    counts = {owner: list(whose.values()).count(owner) for owner in OWNERS}
    for owner, color in OWNERS.items():
        label = f"{counts[owner]} {owner}"
        axis.barh(0, 0, color=color, edgecolor="black", lw=0.5, label=label)
    axis.set_yticks([-row for row in range(len(labs))], [f"lab {lab:02d}" for lab in labs])
    axis.set(xlabel="exercises of the lab", title="Its parts", xticks=[])
    axis.legend(loc="lower right")


def main(arguments=None):
    """Draws the picture of a run into a file; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m gpt_tf picture", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--run", metavar="FOLDER", help="of the whole job (default: runs/latest)")
    parser.add_argument("--out", metavar="FILE", default="built.png", help="default: built.png")
    options = parser.parse_args(arguments)
    whose = owners()
    picture(report(options.run), whose).savefig(options.out, dpi=110)
    borrowed = [id_ for id_, owner in whose.items() if owner == "borrowed"]
    print(f"{options.out}: {list(whose.values()).count('yours')} of {len(whose)} parts are yours.")
    if borrowed:
        print(f"Borrowed: {', '.join(borrowed)}.")
    return 0
