"""Tests of the class report: numbers counted by hand, links, hostile names, a browser."""

import html.parser
import pathlib
import re
import shutil
import subprocess
import urllib.parse

import pytest

from gpt_tf.course import __main__ as command
from gpt_tf.course import grade, layout, report, runner

LAB = 4
NAMES = [exercise.name for exercise in layout.index()[layout.lab_stem(LAB)]]
VOID = {"meta", "br", "img", "link", "hr", "input"}
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def graded(name, problems=(), seconds=1.0, own=(), borrowed=(), missing=(), **answers):
    """Makes a Graded in which all passed but `answers`: {exercise: (status, message, mistake)}."""
    results = []
    for exercise in NAMES:
        status, message, mistake = (*answers.get(exercise, ("passed",)), "", None)[:3]
        results.append(runner.Result(f"lab04.{exercise}", status, message, "", mistake))
    ids = [[f"lab04.{e}" for e in names] for names in (own, borrowed)]
    return grade.Graded(name, results, list(problems), list(missing), seconds, *ids)


NO_SCALE = ("wrong", "the weights: largest difference 0.289", "attention.no-scale")


@pytest.fixture
def five():
    """Points of the lab: 2 + 4 + 3 + 2 + 2 + 5 = 18."""
    return [
        graded("anna.ipynb", seconds=2.0, own=NAMES),  # 18
        graded(  # 18 - 4 = 14
            "ben.ipynb",
            seconds=4.5,
            own=NAMES[1:],
            borrowed=NAMES[:1],
            missing=["a limit of cpu"],
            attention_weights=NO_SCALE,
        ),
        graded(  # 18 - 4 - 3 - 5 = 6
            "chloe.ipynb",
            problems=["chloe.ipynb, code cell 3, line 2: invalid syntax."],
            seconds=3.0,
            attention_weights=NO_SCALE,
            scaled_dot_product_attention=("not attempted", "it is not written yet."),
            CausalSelfAttention=("crashed", "CausalSelfAttention raised TypeError: no"),
        ),
        grade.unread("dan.pdf", LAB, "dan.pdf ends in .pdf; a lab ends in .ipynb or .py."),  # 0
        graded(  # none
            "eve.ipynb",
            seconds=31.0,
            attention_weights=("wrong", "the weights: another difference"),
            split_heads=("timed out", "split_heads did not end within 20 seconds"),
            merge_heads=("grader error", "the test itself failed: the secret is 31415"),
        ),
    ]


class Page(html.parser.HTMLParser):
    """A page's text, links and tags; fails where tags do not balance."""

    def __init__(self, path):
        super().__init__()
        self.path, self.words, self.links, self.ids, self.tags = path, [], [], set(), set()
        self.open, self.attributes = [], set()
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        attributes = dict(attributes)
        self.links += [attributes["href"]] if "href" in attributes else []
        self.ids |= {attributes["id"]} if "id" in attributes else set()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def section(page, start, end):
    """Returns the text between two headings."""
    return page.text[page.text.index(start) :].split(end)[0]


def page_of(out, made, name):
    return Page(out / report.page_links(made)[name])


# -------------------------------------------------------------------------------------- the numbers


def test_the_class_in_numbers(five, tmp_path):
    page = Page(report.write(five, tmp_path))
    # Without eve, whose points are not known: 18, 14, 6 and 0.
    for said in ("5 submissions", "9.5 mean points", "10 median points", "1 with all points"):
        assert said in page.text
    assert "failed on 1 of 5 submissions" in page.text and "of the other 4" in page.text
    assert "Passed least: attention_weights , by 1 of 5." in page.text


def test_the_distribution():
    found = report.bins([18, 14, 6, 0], 18)
    assert {b["label"]: b["count"] for b in found if b["count"]} == {
        "0–1": 1,
        "6–7": 1,
        "14–15": 1,
        "18": 1,
    }
    assert len(found) == 10
    assert [b["count"] for b in report.bins([0, 3, 3], 3)] == [1, 0, 0, 2]
    assert report.bins([], 18) == []


def test_the_exercises_in_numbers(five, tmp_path):
    page = Page(report.write(five, tmp_path))
    told = {
        name: section(page, f"{number} · {name}", f" {number + 1} · ").split("Mistakes")[0]
        for number, name in enumerate(NAMES, 1)
    }
    assert "4 passed (80%) 1 not attempted (20%)" in told["causal_mask"]
    assert "1 passed (20%) 3 wrong (60%) 1 not attempted (20%)" in told["attention_weights"]
    assert "3 passed (60%) 2 not attempted (40%)" in told["scaled_dot_product_attention"]
    assert "3 passed (60%) 1 timed out (20%) 1 not attempted (20%)" in told["split_heads"]
    assert "3 passed (60%) 1 not attempted (20%) 1 grader error (20%)" in told["merge_heads"]
    assert "3 passed (60%) 1 crashed (20%) 1 not attempted (20%)" in told["CausalSelfAttention"]


def test_mistakes_are_shares_of_those_who_tried(five, tmp_path):
    page = Page(report.write(five, tmp_path))
    # Dan did not try: two of four had no scale, one was wrong in a way of his own.
    mistakes = section(page, "Mistakes, most frequent first", "Failures and their causes")
    assert "50% (2 of 4) wrong in attention_weights : attention.no-scale" in mistakes
    assert runner.hints()["attention.no-scale"][0] in mistakes
    assert "25% (1 of 4) wrong in attention_weights A wrong answer that is no known" in mistakes
    assert mistakes.count("wrong in") == 2


def test_an_invented_mistake_is_none(tmp_path):
    made = [graded("a.py", causal_mask=("wrong", "x", "attention.invented"))]
    (mistake,) = report.mistakes(made)
    assert not mistake["known"] and mistake["count"] == 1


def test_failures_slowest_and_the_machine(five, tmp_path):
    page = Page(report.write(five, tmp_path))
    failures = section(page, "Failures and their causes", "Slowest")
    assert "The grader itself failed: 1 eve.ipynb merge_heads the test itself failed" in failures
    assert "could not be read, or are not there: 1 dan.pdf dan.pdf ends in .pdf" in failures
    assert "Files with a part that could not be read: 1 chloe.ipynb" in failures
    assert "Crashed: 1 chloe.ipynb CausalSelfAttention" in failures
    assert "Timed out: 1 eve.ipynb split_heads split_heads did not end" in failures
    slowest = section(page, "Seconds to grade one", "What this machine")
    assert re.findall(r"(\w+)\.\w+ (\d+\.\d) s", slowest) == [
        ("eve", "31.0"),
        ("ben", "4.5"),
        ("chloe", "3.0"),
        ("anna", "2.0"),
        ("dan", "0.0"),
    ]
    assert "the median is 3.0 s" in slowest
    assert "a limit of cpu (1 of 5 submissions)" in page.text


def test_students_with_the_fewest_points_first(five, tmp_path):
    page = Page(report.write(five, tmp_path))
    table = section(page, "Students, fewest points first", "Own: exercises")
    rows = re.findall(r"(\w+)\.\w+ (\?|\d+)/18 ((?:[✓✗!∞–?] ){6})(\d|–) (\d|–)", table)
    assert rows == [
        ("eve", "?", "✓ ✗ ✓ ∞ ? ✓ ", "–", "–"),
        ("dan", "0", "– – – – – – ", "–", "–"),
        ("chloe", "6", "✓ ✗ – ✓ ✓ ! ", "–", "–"),
        ("ben", "14", "✓ ✗ ✓ ✓ ✓ ✓ ", "5", "1"),
        ("anna", "18", "✓ ✓ ✓ ✓ ✓ ✓ ", "6", "0"),
    ]


def test_a_class_without_a_mistake(tmp_path):
    page = Page(report.write([graded("anna.ipynb")], tmp_path))
    assert "No wrong answer." in page.text and "none crashed" not in page.text
    assert "Nothing on the grader's list" in page.text


def test_a_class_of_which_no_points_are_known(tmp_path):
    made = [graded("eve.ipynb", causal_mask=("grader error", "x"))]
    assert "? mean points" in Page(report.write(made, tmp_path)).text


# ------------------------------------------------------------------------------------- the student


def test_what_a_student_reads(five, tmp_path):
    report.write(five, tmp_path)
    text = page_of(tmp_path, five, "ben.ipynb").text
    assert "14 of 18 points 5 of 6 exercises passed" in text
    assert "2 · attention_weights" in text and "wrong own code 0/4" in text
    assert "the weights: largest difference 0.289" in text
    question, direction, place = runner.hints()["attention.no-scale"]
    assert f"Hint 1: a question {question}" in text
    assert f"Hint 2: a direction {direction}" in text
    assert f"Hint 3: the place to look {place}" in text
    assert "passed same as the solution 2/2" in text
    assert "anna" not in text and "chloe" not in text
    assert "chloe.ipynb, code cell 3, line 2" in page_of(tmp_path, five, "chloe.ipynb").text


def test_a_fault_of_the_grader_tells_the_student_nothing(five, tmp_path):
    report.write(five, tmp_path)
    text = page_of(tmp_path, five, "eve.ipynb").text
    assert "That is no fault of this submission" in text and "grader error ?/2" in text
    assert "31415" not in text


def test_parts_of_earlier_labs(tmp_path):
    made = graded("anna/04.ipynb", own=["causal_mask"])
    made.own.append("lab03.embed_tokens")
    made.borrowed.append("lab02.count_pairs")
    page = Page(report.write([made], tmp_path))
    assert "own, earlier labs same, earlier labs" in page.text
    text = section(
        page_of(tmp_path, [made], "anna/04.ipynb"), "Earlier labs", "Same as the solution:"
    )
    assert "lab02.count_pairs same as the solution lab02.merge_pair the solution stood in" in text
    assert "lab01" not in text and "lab04" not in text


# ----------------------------------------------------------------------------- what students decide


EVIL = [
    "<script>alert(1)</script>.ipynb",
    "../../x.ipynb",
    "/etc/passwd",
    "..",
    "",
    "김민준.ipynb",
    "k" * 300 + ".ipynb",
    "\U00020000" * 300 + ".ipynb",
    "a/b.ipynb",
    "a_b.ipynb",
    "A_b.ipynb",
    "a_b.py",
    '" onmouseover="alert(1)',
    "{{ total }}{% raw %}.py",
    "\udce9.py",
    "\x00\x1b[31m\u202egnp.py",
    "index.html",
]
MESSAGE = "</pre></details><img src=x onerror=alert(1)>\x00\ud800&lt;" + "y" * 10**5


def test_names_and_messages_are_only_text(tmp_path):
    made = [
        graded(
            name,
            problems=[f"{name}<script>"] * 1000,
            causal_mask=("wrong", MESSAGE, "<b>mistake</b>"),
            split_heads=("crashed", MESSAGE),
            merge_heads=("timed out", MESSAGE),
        )
        for name in EVIL
    ]
    out = tmp_path / "deep" / "report"
    index = Page(report.write(made, out))
    files = {p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file()}
    students = {p for p in files if p.parent == pathlib.Path("deep/report/students")}
    assert files - students == {pathlib.Path("deep/report/index.html")}
    assert len({str(p).casefold() for p in students}) == len(EVIL)
    pages = [index, *(page_of(out, made, name) for name in EVIL)]
    for page in pages:
        assert not page.tags & {"script", "img", "mistake"}
        assert not any(a.startswith("on") or a == "src" for a in page.attributes)
        assert page.path.stat().st_size < 500_000
    assert "<script>alert(1)</script>.ipynb" in index.text
    assert "{{ total }}{% raw %}.py" in index.text


def test_each_link_leads_somewhere(five, tmp_path):
    made = [*five, graded("a/é 김?#%.ipynb")]
    index = Page(report.write(made, tmp_path))
    followed = set()
    for link in index.links:
        if link.startswith("#"):
            assert link[1:] in index.ids
        else:
            assert "//" not in link
            followed.add(tmp_path / urllib.parse.unquote(link))
    assert followed == set((tmp_path / "students").iterdir()) and len(followed) == 6
    for name in ("ben.ipynb", "a/é 김?#%.ipynb"):
        assert page_of(tmp_path, made, name).links == []


def test_half_a_character_survives_the_disk(tmp_path):
    made = graded("a.py", causal_mask=("crashed", "raised ValueError: \ud800"))
    layout.write(tmp_path / "kept.json", made.to_json())
    assert grade.Graded.from_json((tmp_path / "kept.json").read_text(encoding="utf-8")) == made


# ---------------------------------------------------------------------------- from the command line


def test_grade_writes_the_report(five, tmp_path, monkeypatch, capsys):
    for made in five:
        (tmp_path / "class").mkdir(exist_ok=True)
        (tmp_path / "class" / made.name).write_bytes(b"x = 1")
    monkeypatch.setattr(grade, "in_parallel", lambda *_: ((made.name, made) for made in five))
    out = tmp_path / "report"
    assert command.main(["grade", "lab04", str(tmp_path / "class"), "--out", str(out)]) == 1
    assert str(out / "index.html") in capsys.readouterr().out
    assert {p.name for p in out.iterdir()} >= {".seed", "graded", "index.html", "results.csv"}
    secret = (out / ".seed").read_text()
    pages = [out / "index.html", *(out / "students").iterdir()]
    assert len(pages) == 6 and not any(secret in p.read_text(encoding="utf-8") for p in pages)


# ---------------------------------------------------------------------------------------- a browser


@pytest.mark.skipif(BROWSER is None, reason="neither chromium nor google-chrome is installed")
def test_pages_fit_a_screen_and_a_phone(five, tmp_path):
    made = [*five, graded("k" * 300, problems=["p" * 300], causal_mask=("crashed", MESSAGE))]
    report.write(made, tmp_path)
    pages = ["index.html"] + [report.page_links(made)[n] for n in ("ben.ipynb", "k" * 300)]
    frames = "".join(
        f'<iframe src="{page}" style="border:0;width:{width}px"></iframe>'
        for page in pages
        for width in (1000, 390)
    )
    script = (
        "onload = () => document.body.dataset.widths = [...document.querySelectorAll('iframe')]"
        ".map(f => f.contentDocument.documentElement.scrollWidth + '/' + f.clientWidth).join()"
    )
    probe = tmp_path / "probe.html"
    probe.write_text(f"<body>{frames}<script>{script}</script>", encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    options += ["--hide-scrollbars", "--virtual-time-budget=10000"]
    options += [f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [BROWSER, *options, "--dump-dom", probe.as_uri()], capture_output=True, timeout=120
    )
    found = re.search(r'data-widths="([^"]*)"', done.stdout.decode())[1].split(",")
    assert found == ["1000/1000", "390/390"] * 3
