"""Tests of the whole job's frame: settings, stages, what a run's folder keeps, its page.

What the stages compute is tested beside their modules; CI runs the job itself in its short setting.
"""

import base64
import dataclasses
import json
import struct

import numpy as np
import pytest

from gpt_tf import __main__ as command
from gpt_tf import closing, job, page
from gpt_tf.course import layout

SHORT = job.Settings().shortened()


# ------------------------------------------------------------------------------------------- stages


def test_a_stage_is_done_once(tmp_path, capsys):
    calls = []

    def work():
        calls.append(1)
        return {"answer": 42}

    for _ in range(2):
        result = job.Run(SHORT, tmp_path).stage("thinking", work)
        assert result["answer"] == 42 and result["seconds"] >= 0
    assert len(calls) == 1
    assert "thinking: done before" in capsys.readouterr().out


def test_a_stage_that_was_stopped_leaves_nothing(tmp_path):
    def work():
        raise KeyboardInterrupt

    run = job.Run(SHORT, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run.stage("thinking", work)
    assert run.stage("thinking", lambda: {"answer": 1})["answer"] == 1


def test_a_folder_belongs_to_its_settings(tmp_path):
    job.Run(SHORT, tmp_path)
    job.Run(SHORT, tmp_path)
    with pytest.raises(ValueError, match=r"other settings \(seed, steps\).*--fresh"):
        job.Run(dataclasses.replace(SHORT, seed=1, steps=7), tmp_path)


def test_the_folders_name_follows_the_settings():
    names = {SHORT.name, job.Settings().name, dataclasses.replace(SHORT, data="real").name}
    assert len(names) == 3
    assert dataclasses.replace(SHORT).name == SHORT.name
    assert dataclasses.replace(SHORT, data="real").name.startswith("real-")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    target = tmp_path / "tokens"
    target.write_text("old")
    with pytest.raises(OSError), job.replacing(target) as part:
        part.write_text("half")
        raise OSError("disk full")
    assert target.read_text() == "old"
    with job.replacing(target) as part:
        part.write_text("new")
    assert target.read_text() == "new"


# ----------------------------------------------------------------------------------- what is handed


def test_tasks_are_cut_so_that_each_costs_the_same():
    settings = dataclasses.replace(SHORT, examples=40, validation=9)
    cut = {task.form: (len(task.train), len(task.validation)) for task in job.tasks_of(settings)}
    assert cut == {
        "classification": (40, 9),
        "entailment": (40, 9),
        "similarity": (20, 9),
        "multiple_choice": (10, 9),
    }


def test_own_text_is_split_by_passage(tmp_path):
    text = tmp_path / "mine.txt"
    text.write_text("\n\n".join(f"Passage number {i} of this text. " * 9 for i in range(60)))
    settings = dataclasses.replace(SHORT, data="text", text=str(text))
    train, validation = job.documents_of(settings)
    assert len(train) > len(validation) > 0
    assert not set(train) & set(validation)


def test_unigram_loss():
    # Counts 3, 1, 0 with one added to each: 4/7, 2/7, 1/7.
    found = job.unigram_loss(np.array([0, 0, 0, 1]), np.array([0, 2]), 3)
    assert found == pytest.approx(-(np.log(4 / 7) + np.log(1 / 7)) / 2)


# --------------------------------------------------------------------------------- the command line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--text", "nowhere.txt"], "nowhere.txt"),
        (["--text", "short.txt"], "short.txt"),
    ],
)
def test_bad_text_is_one_sentence(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.txt").write_text("Too short.")
    assert command.main([*arguments, "--short", "--run", str(tmp_path / "run")]) == 1
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error and error.count("\n") == 1


def test_ctrl_c_says_how_to_go_on(monkeypatch, capsys):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "execute", stopped)
    assert command.main(["--short"]) == 130
    assert "the same command goes on" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--data", "none"], ["--data", "real", "--text", "a.txt"]])
def test_arguments_that_exclude_each_other(arguments, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert "--data" in capsys.readouterr().err


# ----------------------------------------------------------------------------------------- the page


@pytest.fixture
def report():
    """A report of made-up numbers, no two of them alike."""
    curve = {"step": [1, 2, 3], "task_loss": [0.9, 0.7, 0.6]}
    forms = ("classification", "similarity")
    return {
        "settings": dataclasses.asdict(SHORT),
        "pretraining": {
            "history": {
                "step": [10, 20],
                "loss": [5.0, 4.0],
                "validation_step": [0, 20],
                "validation_loss": [6.0, 4.5],
            },
            "parameters": 1234567,
            "loss": 4.321,
            "untrained_loss": 6.543,
            "unigram_loss": 5.678,
            "tokens_seen": 98765,
        },
        "tasks": [
            {
                "name": f"some_{form}",
                "form": form,
                "metric": "accuracy",
                "validation": 200,
                "scores": {
                    "majority": 0.111 + i / 2,
                    "bag_of_words": 0.222 + i / 2,
                    "without": 0.333 + i / 2,
                    "with": 0.444 + i / 2,
                },
                "histories": {"with": curve, "without": curve},
            }
            for i, form in enumerate(forms)
        ],
        "prompts": [
            {
                "name": "some_classification",
                "questions": 40,
                "majority": 0.555,
                "scores": {
                    "without": {"0": 0.123, "1": 0.234},
                    "with": {"0": 0.345, "1": 0.456},
                },
            }
        ],
        "samples": {"samples": [{"prompt": "<b>Once", "temperature": 0.8, "text": " & then"}]},
        "parts": {"GPT": "/course/solutions/06_gpt.py", "causal_mask": "/course/my_work/x.py"},
    }


def test_the_page_shows_every_number_once_measured(report, tmp_path):
    text = page.write(report, tmp_path).read_text(encoding="utf-8")
    for shown in ("4.321", "6.543", "5.678", "1,234,567", "98,765", "75.3"):  # 75.3 = exp(4.321)
        assert shown in text, shown
    for percent in ("11.1", "22.2", "33.3", "44.4", "61.1", "55.5", "12.3", "45.6"):
        assert f"<td>{percent}</td>" in text, percent
    # Two standard errors of the difference: 200 * sqrt(2 * 0.25 / 200).
    assert "about 10 points" in text
    assert "your own causal_mask" in text


def test_what_a_model_wrote_is_text_not_html(report, tmp_path):
    text = page.write(report, tmp_path).read_text(encoding="utf-8")
    assert "&lt;b&gt;Once" in text and "<b>Once" not in text


def test_the_page_needs_no_server(report, tmp_path):
    text = page.write(report, tmp_path).read_text(encoding="utf-8")
    assert "http" not in text and text.count('src="data:image/png;base64,') == 3


def test_figures_are_pictures_with_units(report):
    for figure in page.figures(report):
        data = base64.b64decode(figure["data"])
        width, height = struct.unpack(">II", data[16:24])
        assert data[:8] == b"\x89PNG\r\n\x1a\n" and width > 600 and height > 300


def test_the_terminals_table_is_aligned(report):
    lines = page.table(report).splitlines()
    tasks = lines[lines.index("Fine-tuned on the four tasks") + 1 :][:3]
    assert len({len(line) for line in tasks}) == 1
    assert "some_similarity (similarity)" in tasks[2] and tasks[2].endswith("94.4")


def test_a_report_survives_json(report, tmp_path):
    again = json.loads(json.dumps(report))
    assert page.table(again) == page.table(report)


# ------------------------------------------------------------------------------------- the picture


def test_the_picture_shows_the_run_and_whose_the_parts_are(report, tmp_path, monkeypatch):
    mine = tmp_path / "my_work"
    monkeypatch.setattr(layout, "my_work", lambda: mine)
    saved = closing.parts.saved_file(layout.exercises()["lab04.causal_mask"])
    saved.parent.mkdir(parents=True)
    saved.write_text("def causal_mask(length): ...\n")
    whose = closing.owners()
    assert set(whose) == set(layout.exercises())
    assert [id_ for id_, owner in whose.items() if owner == "yours"] == ["lab04.causal_mask"]
    assert whose["lab06.GPT"] == "borrowed"
    monkeypatch.setattr(layout, "SOLUTIONS", tmp_path)
    assert closing.owners()["lab06.GPT"] == "missing"

    loss, scores, samples, drawn = closing.picture(report, whose).axes
    curves = {line.get_label(): line.get_xydata().tolist() for line in loss.lines}
    assert curves["training"] == [[10, 5.0], [20, 4.0]]
    assert curves["validation"] == [[0, 6.0], [20, 4.5]]
    dots = {line.get_label(): line.get_xydata().tolist() for line in scores.lines}
    assert dots["pre-trained"] == [[0.444, 0], [0.944, -1]]
    assert dots["no pre-training"] == [[0.333, 0], [0.833, -1]]
    assert "<b>Once [...] & then" in samples.texts[0].get_text()
    shown = [text.get_text() for text in drawn.get_legend().get_texts()]
    assert shown == ["1 yours", f"{len(whose) - 1} borrowed", "0 missing"]
    assert len([p for p in drawn.patches if p.get_width()]) == len(whose)


def test_the_picture_of_a_run_as_a_command(report, tmp_path, capsys):
    run, out = tmp_path / "run", tmp_path / "mine.png"
    assert command.main(["picture", "--run", str(run), "--out", str(out)]) == 1
    assert "make course" in capsys.readouterr().err
    layout.write(run / closing.REPORT, json.dumps(report))
    assert command.main(["picture", "--run", str(run), "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    assert "lab06.GPT" in capsys.readouterr().out
