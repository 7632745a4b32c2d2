"""What a run ends with: a table for the terminal, and a page that opens without a server."""

import base64
import html
import io
import math

import jinja2

from gpt_tf.course import layout

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>gpt-tf: a run of the whole course</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
         color: #222; background: #fff }
  table { border-collapse: collapse; margin: 1rem 0 }
  th, td { padding: .3rem .8rem; border-bottom: 1px solid #ddd; text-align: right }
  th:first-child, td:first-child { text-align: left }
  .wide { overflow-x: auto }
  .note { color: #555; font-size: .9rem }
  figure { margin: 1rem 0 } img { max-width: 100%; height: auto }
  blockquote { margin: .5rem 0 1.5rem; padding: .5rem 1rem; background: #f5f5f5;
               white-space: pre-wrap }
  .prompt { color: #777 }
</style>
<h1>A GPT, from raw text to few-shot prompts</h1>
<p>{{ intro }}</p>

<h2>Scores</h2>
{% for table in tables %}
<h3>{{ table.title }}</h3>
<p class="note">{{ table.note }}</p>
<div class="wide"><table>
  <tr>{% for name in table.header %}<th>{{ name }}</th>{% endfor %}</tr>
  {% for row in table.rows %}
  <tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
  {% endfor %}
</table></div>
{% endfor %}

<h2>Curves</h2>
{% for figure in figures %}
<figure><img alt="{{ figure.title }}" src="data:image/png;base64,{{ figure.data }}">
<figcaption class="note">{{ figure.title }}</figcaption></figure>
{% endfor %}

<h2>What it writes</h2>
<p class="note">The grey words were given, from text that it never trained on; the rest it wrote.
Temperature 0 always takes the likeliest token.</p>
{% for sample in samples %}
<p class="note">temperature {{ sample.temperature }}</p>
<blockquote><span class="prompt">{{ sample.prompt }}</span>{{ sample.text }}</blockquote>
{% endfor %}

<h2>Settings</h2>
<table>
  {% for name, value in settings.items() %}
  <tr><td>{{ name }}</td><td>{{ value }}</td></tr>
  {% endfor %}
</table>
<p class="note">Whose code ran: {{ whose }}</p>
</html>
"""


def tables(report):
    """Returns the tables of a run, each a dict of title, note, header and rows of text."""
    pretraining, settings = report["pretraining"], report["settings"]
    losses = [
        ("by frequency alone", pretraining["unigram_loss"]),
        ("without pre-training", pretraining["untrained_loss"]),
        ("after pre-training", pretraining["loss"]),
    ]
    language = {
        "title": "Language model",
        "note": f"{pretraining['parameters']:,} parameters, {pretraining['tokens_seen']:,} tokens "
        "seen; validation text was never trained on.",
        "header": ["model", "loss (nats a token)", "perplexity"],
        "rows": [[name, f"{loss:.3f}", f"{math.exp(loss):.1f}"] for name, loss in losses],
    }
    fewest = min(t["validation"] for t in report["tasks"])
    tasks = {
        "title": "Fine-tuned on the four tasks",
        "note": "Higher is better. The last column is the same model, fine-tuned after "
        f"pre-training; one seed ({settings['seed']}). Accuracies that differ by less than about "
        f"{chance(fewest):.0f} points may differ by chance. Accuracy is in percent, Pearson's "
        "correlation times 100. Majority guesses the commonest label, or the mean, whose "
        "correlation counts as 0.",
        "header": ["task", "metric", "majority", "bag of words", "no pre-training", "pre-trained"],
        "rows": [
            [f"{t['name']} ({t['form'].replace('_', ' ')})", t["metric"]]
            + [percent(t["scores"][k]) for k in ("majority", "bag_of_words", "without", "with")]
            for t in report["tasks"]
        ],
    }
    shots = [str(s) for s in settings["shots"]]
    asked = min(p["questions"] for p in report["prompts"])
    prompts = {
        "title": "By prompt alone, no training",
        "note": "Accuracy in percent when the answer is the likeliest candidate after a prompt "
        "with 0, 1 or more solved examples. A model this small is often no better than guessing; "
        f"accuracies that differ by less than about {chance(asked):.0f} points may differ by "
        "chance.",
        "header": ["task", "questions", "majority", "model", *(f"{s} shown" for s in shots)],
        "rows": [
            [p["name"], str(p["questions"]), percent(p["majority"]), said]
            + [percent(p["scores"][model][s]) for s in shots]
            for p in report["prompts"]
            for model, said in (("without", "not pre-trained"), ("with", "pre-trained"))
        ],
    }
    return [language, tasks, prompts]


def chance(count):
    """Returns two standard errors, in points, of the difference of two accuracies near one half.

    Args:
        count: int, examples that each accuracy was measured on.
    """
    return 200 * math.sqrt(2 * 0.25 / count)


def percent(score):
    """Returns a score between 0 and 1 as text in percent."""
    return f"{100 * score:.1f}"


def table(report):
    """Returns the tables as text for a terminal."""
    lines = []
    for made in tables(report):
        rows = [made["header"], *made["rows"]]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines.append(made["title"])
        for row in rows:
            first, *rest = (c.rjust(w) for c, w in zip(row, widths, strict=True))
            lines.append("  " + "  ".join([row[0].ljust(widths[0]), *rest]))
        lines.append("")
    return "\n".join(lines)


def figures(report):
    """Returns the run's figures, each a dict of title and PNG data in base64."""
    history = report["pretraining"]["history"]
    return [
        figure(
            "Pre-training: loss of each step, and on text never trained on",
            "optimizer steps",
            "loss (nats a token)",
            {
                "training": (history["step"], history["loss"]),
                "validation": (history["validation_step"], history["validation_loss"]),
            },
        ),
        *(
            figure(
                f"Fine-tuning on {t['name']}: loss of the task (L2)",
                "optimizer steps",
                "loss (nats)",
                {
                    f"{k} pre-training": (h["step"], h["task_loss"])
                    for k, h in t["histories"].items()
                },
            )
            for t in report["tasks"]
        ),
    ]


def figure(title, xlabel, ylabel, curves):
    """Draws curves and returns {"title", "data"}.

    Args:
        title, xlabel, ylabel: str; labels with units.
        curves: dict {name: (x, y)}.
    """
    # Without pyplot: no window system is needed, and no state stays behind.
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(7, 3.5), layout="constrained")
    axes = drawn.subplots()
    for name, (x, y) in curves.items():
        axes.plot(x, y, marker="o" if len(x) < 30 else None, label=name)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.grid(alpha=0.3)
    axes.legend()
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=110)
    return {"title": title, "data": base64.b64encode(buffer.getvalue()).decode()}


def write(report, folder):
    """Writes index.html with everything inside.

    Args:
        report: dict, see `gpt_tf.job.execute`.
        folder: path of the run.

    Returns:
        Path of the page.
    """
    settings = report["settings"]
    text = {
        "offline": "the docstrings of installed Python packages and a small generated world",
        "real": "novels, plays and Wikipedia from the catalog",
        "text": html.unescape(settings["text"]),
    }[settings["data"]]
    mine = [name for name, path in report["parts"].items() if "solutions" not in path]
    filled = (
        jinja2.Environment(autoescape=True)
        .from_string(PAGE)
        .render(
            intro=f"Everything on this page was measured in one run, on {text}.",
            tables=tables(report),
            figures=figures(report),
            samples=report["samples"]["samples"],
            settings=settings,
            whose="your own " + ", ".join(mine) if mine else "the solutions'.",
        )
    )
    layout.write(folder / "index.html", filled)
    return folder / "index.html"
