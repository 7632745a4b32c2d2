"""What grading ends with: a page of the class, and a page of its own for each submission.

Plain HTML that opens from the disk. A student decides on file names, messages and code, so all that
is shown goes through jinja2's escaping, and no name becomes a path without `page_links`.
"""

import pathlib
import statistics

import jinja2

from gpt_tf.course import layout, names, runner

# Each status, in the order of the bars, with its sign in the table.
SIGNS = {
    "passed": "✓",
    "wrong": "✗",
    "crashed": "!",
    "timed out": "∞",
    "not attempted": "–",
    "grader error": "?",
}
ATTEMPTED = ("passed", "wrong", "crashed", "timed out")
HINTS = ("a question", "a direction", "the place to look")
SLOWEST = 5  # submissions that are listed
LONGEST = 1500  # characters of one message
MOST_PROBLEMS = 20  # sentences about one file

FRAME = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>
  :root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #dfe4ea;
          --paper: #fff; --card: #f6f8fa; --link: #1a5fb4; --on: #fff;
          --passed: #2b7a57; --wrong: #c8454f; --crashed: #b5610f; --timed-out: #7753b3;
          --not-attempted: #7b8696; --grader-error: #1f2937 }
  @media screen and (prefers-color-scheme: dark) {
    :root { --ink: #e6eaf0; --soft: #9aa6b5; --line: #323b47; --paper: #12161c; --card: #1b212a;
            --link: #7ab4ff; --on: #0d1117;
            --passed: #5fbf94; --wrong: #f0808a; --crashed: #eaa35a; --timed-out: #b79ae8;
            --not-attempted: #8b96a5; --grader-error: #e6eaf0 }
  }
  * { box-sizing: border-box; print-color-adjust: exact; -webkit-print-color-adjust: exact }
  body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif;
         max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 4rem; color: var(--ink);
         background: var(--paper); overflow-wrap: anywhere }
  h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem }
  h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; padding-bottom: .3rem;
       border-bottom: 1px solid var(--line) }
  h3 { font-size: 1rem; margin: 0 }
  p { margin: .4rem 0 } a { color: var(--link) } ol, ul { padding-left: 1.3rem }
  .soft { color: var(--soft); font-size: .9rem }
  .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem;
           margin: 1.25rem 0 }
  .tile { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
          padding: .7rem .9rem }
  .tile b { display: block; font-size: 1.6rem; line-height: 1.25; font-weight: 650 }
  .alarm { border: 1px solid var(--wrong); border-left-width: .4rem; border-radius: .4rem;
           padding: .6rem .9rem; margin: 1rem 0 }
  nav { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin-top: .8rem; font-size: .92rem }
  .bar { display: flex; height: 1.35rem; border-radius: .35rem; overflow: hidden; margin: .35rem 0 }
  .bar span { min-width: .3rem; text-align: center; color: var(--on); font-size: .8rem;
              line-height: 1.35rem; overflow: hidden; white-space: nowrap }
  .passed { --is: var(--passed) } .wrong { --is: var(--wrong) } .crashed { --is: var(--crashed) }
  .timed-out { --is: var(--timed-out) } .not-attempted { --is: var(--not-attempted) }
  .grader-error { --is: var(--grader-error) }
  .bar span { background: var(--is) }
  .key { display: flex; flex-wrap: wrap; gap: .1rem 1rem; font-size: .88rem }
  .key span::before, .status::before { content: ""; display: inline-block; width: .65rem;
              height: .65rem; margin-right: .4rem; border-radius: .15rem; background: var(--is) }
  .status { color: var(--is); font-weight: 600; white-space: nowrap }
  .row { padding: .9rem 0; border-bottom: 1px solid var(--line); break-inside: avoid }
  .row:last-child { border-bottom: 0 }
  .head { display: flex; flex-wrap: wrap; gap: .1rem .8rem; align-items: baseline }
  .head .right { margin-left: auto; white-space: nowrap; font-variant-numeric: tabular-nums }
  .histogram { display: flex; align-items: flex-end; gap: 3%; margin: 1rem 0 .5rem;
               max-width: 40rem }
  .histogram div { flex: 1 1 0; min-width: 0; text-align: center; font-size: .8rem;
                   overflow-wrap: normal }
  .histogram i { display: block; background: var(--link); border-radius: .2rem .2rem 0 0;
                 min-height: 1px }
  .histogram span { display: block; color: var(--soft); border-top: 1px solid var(--line);
                    padding-top: .2rem; line-height: 1.2 }
  .mistake { display: grid; grid-template-columns: 6.5rem 1fr; gap: 0 1rem }
  .mistake > b { font-size: 1.5rem; font-weight: 650; line-height: 1.2 }
  .mistake > b span { display: block; font-size: .88rem; font-weight: 400; color: var(--soft) }
  .wide { overflow-x: auto }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
  th { font-size: .82rem; color: var(--soft); font-weight: 600; text-align: left;
       vertical-align: bottom }
  th, td { padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line) }
  th { overflow-wrap: normal } td.name { min-width: 15rem }
  td.number { text-align: right; white-space: nowrap } th.number { text-align: right }
  td.sign, th.sign { text-align: center; padding: .35rem .2rem; min-width: 1.7rem }
  td.sign { color: var(--is); font-weight: 700 }
  tr { break-inside: avoid } td.meters { width: 6.6rem }
  .meter { width: 6rem; height: .5rem; border-radius: .25rem; background: var(--line);
           overflow: hidden }
  .meter i { display: block; height: 100%; background: var(--passed) }
  pre { background: var(--card); border: 1px solid var(--line); border-radius: .4rem;
        padding: .6rem .8rem; margin: .5rem 0; white-space: pre-wrap; unicode-bidi: isolate;
        font: .86rem/1.5 ui-monospace, Consolas, "DejaVu Sans Mono", monospace }
  details { margin: .3rem 0 } summary { cursor: pointer }
  details p { margin: .2rem 0 .5rem 1.1rem }
  .tag { font-size: .78rem; color: var(--soft); border: 1px solid var(--line); border-radius: 1rem;
         padding: .05rem .55rem; white-space: nowrap }
  @media (max-width: 32rem) {
    .meters { display: none } td.name { min-width: 9rem } .histogram span { height: 2.6rem }
    .mistake { grid-template-columns: 4.5rem 1fr }
  }
  @media print {
    body { font-size: 11pt; max-width: none; padding: 0 } nav { display: none }
    details::details-content { content-visibility: visible; block-size: auto }
    .wide { overflow: visible }
  }
</style>
</head>
<body>
{% block body %}{% endblock %}
</body>
</html>
"""

CLASS = """\
{% extends "frame" %}
{% macro to(name) -%}
  <a href="{{ links[name] | urlencode }}"><bdi>{{ name | cut(60) }}</bdi></a>
{%- endmacro %}
{% macro all_of(names) -%}
  {% for name in names %}{{ to(name) }}{{ ", " if not loop.last }}{% endfor %}
{%- endmacro %}
{% block body %}
<header>
<h1>{{ title }}</h1>
<p class="soft">Class report. {{ exercises | length }} exercises, {{ total }} points.</p>
<nav>
  <a href="#exercises">Exercises</a> <a href="#mistakes">Mistakes</a>
  <a href="#failures">Failures</a> <a href="#slowest">Slowest</a>
  <a href="#students">Students</a>
</nav>
</header>
{% if failed %}
<div class="alarm"><b>The grader itself failed on {{ failed | length }} of {{ count }}
submissions.</b> That is no fault of the students: these have no points, and the mean and the
median are of the other {{ count - failed | length }}. Somebody has to look at
{{ all_of(failed) }}.</div>
{% endif %}
<div class="tiles">
  <div class="tile"><b>{{ count }}</b>submissions</div>
  <div class="tile"><b>{{ mean }}</b>mean points of {{ total }}</div>
  <div class="tile"><b>{{ median }}</b>median points of {{ total }}</div>
  <div class="tile"><b>{{ full }}</b>with all points</div>
</div>
{% if bins %}
<div class="histogram" role="img"
  aria-label="Submissions by points: {% for b in bins %}{{ b.label }}: {{ b.count }}; {% endfor %}">
{% for b in bins %}
  <div>{{ b.count or "" }}<i style="height: {{ b.height }}rem"></i><span>{{ b.label }}</span></div>
{% endfor %}
</div>
<p class="soft">Submissions by points.</p>
{% endif %}
<p>Passed least: <b>{{ hardest.name }}</b>, by {{ hardest.passed }} of {{ count }}.
{% if mistakes %}Most frequent mistake: <b>{{ mistakes[0].id or "none that is known" }}</b> in
{{ mistakes[0].exercise }}, {{ mistakes[0].count }} of the {{ mistakes[0].attempted }} who tried.
{% endif %}</p>

<section id="exercises">
<h2>Exercises</h2>
{% for e in exercises %}
<div class="row">
  <div class="head"><h3>{{ loop.index }} · {{ e.name }}</h3>
  <span class="soft">{{ e.title }}, {{ e.points }} points</span></div>
  <div class="bar" aria-hidden="true">{% for s in e.shares %}
    <span class="{{ s.css }}" style="flex: {{ s.count }}">{{ s.count }}</span>{% endfor %}</div>
  <div class="key">{% for s in e.shares %}
    <span class="{{ s.css }}">{{ s.count }} {{ s.status }} ({{ s.percent }}%)</span>{% endfor %}
  </div>
</div>
{% endfor %}
</section>

<section id="mistakes">
<h2>Mistakes, most frequent first</h2>
<p class="soft">Shares are of those who attempted the exercise: passed, wrong, crashed or timed
out.</p>
{% for m in mistakes %}
<div class="row mistake">
  <b>{{ m.percent }}% <span>({{ m.count }} of {{ m.attempted }})</span></b>
  <div>
  <p>wrong in <b>{{ m.exercise }}</b>{% if m.known %}: <code>{{ m.id }}</code>{% endif %}</p>
  {% if m.known %}
  <p>{{ m.hints[0] }}</p>
  {% else %}
  <p>A wrong answer that is no known mistake.</p>
  {% endif %}
  <details><summary class="soft">{{ "more hints, and who" if m.known else "who" }}</summary>
  {% for hint in m.hints[1:] %}<p>{{ hint }}</p>{% endfor %}
  <p>{{ all_of(m.who) }}</p></details>
  </div>
</div>
{% else %}
<p>No wrong answer.</p>
{% endfor %}
</section>

<section id="failures">
<h2>Failures and their causes</h2>
{% for kind in failures %}
<details{{ " open" if kind.rows | length <= 10 }}>
<summary><b>{{ kind.title }}: {{ kind.rows | length }}</b></summary>
{% for row in kind.rows %}
<div class="row"><div class="head">{{ to(row.name) }}<span class="soft">{{ row.where }}</span></div>
<pre>{{ row.why | cut(400) }}</pre></div>
{% endfor %}
</details>
{% else %}
<p>None: each file was read whole, and no answer crashed or ran out of time.</p>
{% endfor %}
</section>

<section id="slowest">
<h2>Slowest</h2>
<p class="soft">Seconds to grade one submission; the median is
{{ "%.1f" | format(seconds) }} s.</p>
<table>
{% for g in slowest %}
<tr><td class="name">{{ to(g.name) }}</td>
<td class="number">{{ "%.1f" | format(g.seconds) }} s</td></tr>
{% endfor %}
</table>
</section>

<section id="machine">
<h2>What this machine could not keep from student code</h2>
{% for what, number in missing %}
<p>{{ what }} ({{ number }} of {{ count }} submissions)</p>
{% else %}
<p>Nothing on the grader's list: its limits held for each submission whose code was run.</p>
{% endfor %}
</section>

<section id="students">
<h2>Students, fewest points first</h2>
<div class="key">{% for status, sign in signs.items() %}
  <span class="{{ css(status) }}">{{ sign }} {{ status }}</span>{% endfor %}</div>
<div class="wide"><table>
<thead><tr><th>submission</th><th class="number">points</th><th class="meters"></th>
{% for e in exercises %}<th class="sign" title="{{ e.name }}">{{ loop.index }}</th>{% endfor %}
<th class="number">own</th><th class="number">same</th>
{% if chained %}<th class="number">own, earlier labs</th>
<th class="number">same, earlier labs</th>{% endif %}
</tr></thead>
<tbody>
{% for g in students %}
<tr><td class="name">{{ to(g.name) }}</td>
<td class="number">{{ "?" if g.points is none else g.points }}/{{ total }}</td>
<td class="meters">{% if g.points is not none %}<div class="meter"><i style="width:
{{ "%.0f" | format(100 * g.points / total) }}%"></i></div>{% endif %}</td>
{% for r in g.results %}<td class="sign {{ css(r.status) }}"
title="{{ exercises[loop.index0].name }}: {{ r.status }}"
aria-label="{{ r.status }}">{{ signs[r.status] }}</td>{% endfor %}
<td class="number">{{ counted(g, g.own, True) }}</td>
<td class="number">{{ counted(g, g.borrowed, True) }}</td>
{% if chained %}<td class="number">{{ counted(g, g.own, False) }}</td>
<td class="number">{{ counted(g, g.borrowed, False) }}</td>{% endif %}
</tr>
{% endfor %}
</tbody></table></div>
<p class="soft">Own: exercises whose code the student wrote. Same: as the solution, but for layout,
comments and docstrings. Short answers are often written just so, and the points are the same.</p>
</section>
{% endblock %}
"""

# No link to the class: this page may be handed to the student it is about.
STUDENT = """\
{% extends "frame" %}
{% block body %}
<header>
<p class="soft">{{ lab }}</p>
<h1><bdi>{{ g.name | cut(300) }}</bdi></h1>
</header>
{% if g.points is none %}
<div class="alarm">The grader itself failed here. That is no fault of this submission; its points
are not known yet.</div>
{% else %}
<div class="tiles">
  <div class="tile"><b>{{ g.points }} of {{ total }}</b>points</div>
  <div class="tile"><b>{{ passed }} of {{ answers | length }}</b>exercises passed</div>
</div>
{% endif %}
{% if g.problems %}
<section>
<h2>About the file</h2>
<ul>{% for problem in g.problems[:most] %}<li>{{ problem | cut(400) }}</li>{% endfor %}
{% if g.problems | length > most %}<li>and {{ g.problems | length - most }} more</li>{% endif %}
</ul>
</section>
{% endif %}
<section>
<h2>Exercises</h2>
{% for a in answers %}
<div class="row">
  <div class="head"><h3>{{ loop.index }} · {{ a.exercise.name }}</h3>
    <span class="soft">{{ a.exercise.title }}</span></div>
  <div class="head"><span class="status {{ css(a.result.status) }}">{{ a.result.status }}</span>
    {% if a.whose %}<span class="tag">{{ a.whose }}</span>{% endif %}
    <span class="right">{{ a.points }}/{{ a.exercise.points }}</span></div>
  {% if a.message %}<pre>{{ a.message | cut(longest) }}</pre>{% endif %}
  {% for hint in a.hints %}
  <details><summary>Hint {{ loop.index }}: {{ hint_names[loop.index0] }}</summary>
  <p>{{ hint }}</p></details>
  {% endfor %}
</div>
{% endfor %}
</section>
{% if earlier %}
<section id="earlier">
<h2>Earlier labs</h2>
<p class="soft">This lab was graded on the student's own earlier labs. Where an exercise was not
written, the solution stood in.</p>
<div class="wide"><table>
{% for e in earlier %}
<tr><td>{{ e.id }}</td><td>{{ e.whose }}</td></tr>
{% endfor %}
</table></div>
</section>
{% endif %}
{% if g.borrowed %}
<p class="soft">Same as the solution: the code differs from the solution's at most in layout,
comments and docstrings. Short answers are often written just so, and the points are the same.</p>
{% endif %}
{% endblock %}
"""


def write(graded, out):
    """Writes `index.html` and `students/*.html`.

    Args:
        graded: list of `grade.Graded` of one lab, at least one.
        out: path of the folder of results.

    Returns:
        Path of the class page.
    """
    out, pages = pathlib.Path(out), _environment()
    links = page_links(graded)
    for g in graded:
        layout.write(out / links[g.name], pages.get_template("student").render(student_page(g)))
    layout.write(out / "index.html", pages.get_template("class").render(class_page(graded)))
    return out / "index.html"


def page_links(graded):
    """Returns {name of a submission: path of its page below the folder of results}."""
    stems = names.safe_names(g.name for g in graded)
    return {name: f"students/{stem}.html" for name, stem in stems.items()}


def class_page(graded):
    """Returns all that the class page shows, as a dict.

    Args:
        graded: list of `grade.Graded` of one lab.
    """
    exercises = [layout.exercises()[r.exercise] for r in graded[0].results]
    total = sum(e.points for e in exercises)
    points = [g.points for g in graded if g.points is not None]
    lab = exercises[0].lab
    return {
        "title": lab_title(lab),
        "links": page_links(graded),
        "count": len(graded),
        "total": total,
        "mean": f"{statistics.mean(points):.1f}" if points else "?",
        "median": f"{statistics.median(points):g}" if points else "?",
        "full": points.count(total),
        "bins": bins(points, total),
        "failed": [g.name for g in graded if g.failed],
        "exercises": (rows := [_exercise(e, graded) for e in exercises]),
        "hardest": min(rows, key=lambda row: row["passed"]),
        "mistakes": mistakes(graded),
        "failures": failures(graded),
        "slowest": sorted(graded, key=lambda g: (-g.seconds, g.name))[:SLOWEST],
        "seconds": statistics.median(g.seconds for g in graded),
        "missing": _missing(graded),
        "students": sorted(graded, key=lambda g: (-1 if g.failed else g.points, g.name)),
        "chained": any(_of(lab, g.own + g.borrowed, False) for g in graded),
        # Where nothing could be compared, nothing is claimed.
        "counted": lambda g, ids, here: len(_of(lab, ids, here)) if g.own or g.borrowed else "–",
    }


def student_page(g):
    """Returns all that a submission's page shows, as a dict."""
    exercises = [layout.exercises()[r.exercise] for r in g.results]
    lab = exercises[0].lab
    whose = dict.fromkeys(g.own, "own code") | dict.fromkeys(g.borrowed, "same as the solution")
    return {
        "title": f"{lab_title(lab)}: {g.name}",
        "lab": lab_title(lab),
        "g": g,
        "total": sum(e.points for e in exercises),
        "passed": sum(r.status == "passed" for r in g.results),
        "answers": [
            {
                "exercise": e,
                "result": r,
                "points": "?" if r.status == "grader error" else r.points,
                # What a test of ours fell over may tell what it expects.
                "message": "" if r.status == "grader error" else r.message,
                "hints": runner.hints().get(r.misconception, []),
                "whose": whose.get(e.id) if r.status != "not attempted" else None,
            }
            for e, r in zip(exercises, g.results, strict=True)
        ],
        "earlier": [
            {"id": e.id, "whose": whose.get(e.id, "the solution stood in")}
            for e in layout.exercises().values()
            if e.lab in {int(i[3:5]) for i in whose} - {lab}
        ],
    }


def lab_title(lab):
    """Returns a lab's number and name, such as "Lab 04: causal self attention"."""
    number, name = layout.lab_stem(lab).split("_", 1)
    return f"Lab {number}: {name.replace('_', ' ')}"


def bins(points, total):
    """Counts submissions by points, in at most ten steps of the same width.

    Args:
        points: list of int.
        total: int, the most points there are.

    Returns:
        List of dicts: label ("4–5"), count, height (of the bar, in rem); empty without points.
    """
    width = -(-(total + 1) // 10)
    steps = [range(low, min(low + width, total + 1)) for low in range(0, total + 1, width)]
    counts = [sum(p in step for p in points) for step in steps]
    labels = [str(s[0]) if len(s) == 1 else f"{s[0]}–{s[-1]}" for s in steps]
    return [
        {"label": label, "count": count, "height": f"{7 * count / max(counts):.2f}"}
        for label, count in zip(labels, counts, strict=True)
        if points
    ]


def mistakes(graded):
    """Counts the misconceptions of a class, the most frequent first.

    Args:
        graded: list of `grade.Graded`.

    Returns:
        List of dicts: exercise, id, known (whether it is a misconception that has hints), hints,
        count, attempted (all who have a verdict and wrote something), percent, who (names).
    """
    who, attempted = {}, {}
    for g in graded:
        for r in g.results:
            if r.status in ATTEMPTED:
                attempted[r.exercise] = attempted.get(r.exercise, 0) + 1
            if r.status == "wrong":
                known = r.misconception if r.misconception in runner.hints() else ""
                who.setdefault((r.exercise, known), []).append(g.name)
    found = [
        {
            "exercise": layout.exercises()[exercise].name,
            "id": mistake,
            "known": bool(mistake),
            "hints": runner.hints().get(mistake, []),
            "count": len(names),
            "attempted": attempted[exercise],
            "percent": percent(len(names), attempted[exercise]),
            "who": names,
        }
        for (exercise, mistake), names in who.items()
    ]
    return sorted(found, key=lambda m: (-m["count"] / m["attempted"], m["exercise"], m["id"]))


def failures(graded):
    """Sorts what went wrong with code and files, not with answers, by its cause.

    Args:
        graded: list of `grade.Graded`.

    Returns:
        List of dicts: title, and rows, each a dict of name, where (an exercise, or "") and why.
    """

    def of(status):
        return [
            {"name": g.name, "where": layout.exercises()[r.exercise].name, "why": r.message}
            for g in graded
            for r in g.results
            if r.status == status
        ]

    def problems(whole):
        return [
            {"name": g.name, "where": "", "why": "\n".join(g.problems[:MOST_PROBLEMS])}
            for g in graded
            if g.problems and _unread(g) == whole
        ]

    kinds = {
        "The grader itself failed": of("grader error"),
        "Files that could not be read, or are not there": problems(True),
        "Files with a part that could not be read": problems(False),
        "Crashed": of("crashed"),
        "Timed out": of("timed out"),
    }
    return [{"title": title, "rows": rows} for title, rows in kinds.items() if rows]


def percent(count, of):
    """Returns a share in percent as text without digits after the point."""
    return f"{100 * count / of:.0f}"


def _exercise(exercise, graded):
    statuses = [r.status for g in graded for r in g.results if r.exercise == exercise.id]
    return {
        "name": exercise.name,
        "title": exercise.title,
        "points": exercise.points,
        "passed": statuses.count("passed"),
        "shares": [
            {
                "status": status,
                "css": _css(status),
                "count": statuses.count(status),
                "percent": percent(statuses.count(status), len(statuses)),
            }
            for status in SIGNS
            if status in statuses
        ],
    }


def _unread(g):
    """Whether no code of the file was read: each exercise says why, in the same words."""
    return all(r.message in g.problems for r in g.results)


def _missing(graded):
    found = [what for g in graded for what in g.missing]
    return [(what, found.count(what)) for what in sorted(set(found))]


def _of(lab, ids, here):
    return [i for i in ids if (layout.exercises()[i].lab == lab) == here]


def _css(status):
    return status.replace(" ", "-")


def _cut(text, most):
    left = len(text) - most
    return text if left <= 0 else f"{text[:most]}… ({left} characters more)"


def _printable(value):
    if not isinstance(value, str) or isinstance(value, jinja2.utils.markupsafe.Markup):
        return value
    return runner.printable(value, len(value))


def _environment():
    made = jinja2.Environment(
        loader=jinja2.DictLoader({"frame": FRAME, "class": CLASS, "student": STUDENT}),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["cut"] = _cut
    made.globals |= {
        "css": _css,
        "hint_names": HINTS,
        "longest": LONGEST,
        "most": MOST_PROBLEMS,
        "signs": SIGNS,
    }
    return made
