"""Presets, and the command that makes them."""

import json
import os
import re

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from gpt_tf import __main__ as command  # noqa: E402
from gpt_tf import corpora, job, parts, preset_card, presets, pretraining, training  # noqa: E402
from gpt_tf.config import GPTConfig  # noqa: E402
from gpt_tf.course import layout  # noqa: E402
from gpt_tf.tokenizer import Tokenizer  # noqa: E402

TEXT = "The old gardener planted a yellow rose. Nobody had seen it grow. " * 40


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train([TEXT], 300, special_tokens=job.SPECIAL)


@pytest.fixture(scope="module")
def model(tokenizer):
    keras.utils.set_random_seed(5)
    made = parts.GPT(GPTConfig(tokenizer.vocabulary_size, 12, 1, 2, 8))
    made(np.zeros((1, 2), "int32"))
    return made


def test_what_is_saved_comes_back_in_16_bits(model, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setenv("GPT_TF_MY_WORK", str(tmp_path))
    folder = presets.save(model, tokenizer)
    assert folder == tmp_path / "preset"
    again, same = presets.load("mine")
    assert again.config == model.config and same.encode(TEXT) == tokenizer.encode(TEXT)
    for new, old in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old.astype("float16").astype("float32"))


def test_a_missing_preset_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no preset in .*nothing"):
        presets.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="Those of the course: "):
        presets.load("nano-martian")


def test_two_that_do_not_belong_together(model, tokenizer, tmp_path):
    presets.save(model, tokenizer, tmp_path)
    Tokenizer.train([TEXT], 290, special_tokens=job.SPECIAL).save(tmp_path / presets.VOCABULARY)
    with pytest.raises(ValueError, match="knows 300 tokens and its vocabulary has 290"):
        presets.load(tmp_path)


def test_a_weight_that_16_bits_cannot_hold(model, tokenizer, tmp_path):
    weights = model.get_weights()
    model.set_weights([weights[0] + 1e6, *weights[1:]])
    try:
        with pytest.raises(ValueError, match="too large for float16"):
            presets.save(model, tokenizer, tmp_path)
    finally:
        model.set_weights(weights)
    assert not (tmp_path / presets.MODEL).exists()


# ---------------------------------------------------------------------------------- what is shipped


def test_the_courses_preset_is_small_and_knows_english():
    assert "nano-en" in presets.names()
    size = sum(file.stat().st_size for file in (layout.PRESETS / "nano-en").iterdir())
    assert size <= 10e6
    model, tokenizer = presets.load()
    tokenizer.token_id(job.END)
    real = np.array(tokenizer.encode("He looked at the door, and then he said that he would go."))
    shuffled = np.random.default_rng(0).permutation(real)
    losses = [training.evaluate(model, tokens, 32) for tokens in (real, shuffled)]
    assert losses[0] < 0.6 * losses[1]


@pytest.mark.skipif("GPT_TF_DATA" not in os.environ, reason="needs GPT_TF_DATA, for the novels")
def test_its_card_tells_its_loss_on_a_book_that_it_never_saw():
    card = (layout.PRESETS / "nano-en" / presets.CARD).read_text(encoding="utf-8")
    said = float(re.search(r"\| nano-en, .*? \| ([\d.]+) \|", card)[1])
    measured = preset_card.bits_a_byte(*presets.load(), corpora.novels("test"))
    assert said == pytest.approx(measured, abs=0.002)


# -------------------------------------------------------------------------------------- the command


@pytest.fixture
def tiny(monkeypatch):
    size = pretraining.Size(
        GPTConfig(280, 64, 1, 2, 8), {"steps": 20, "batch_size": 2, "warmup_steps": 2}
    )
    monkeypatch.setitem(pretraining.SIZES, "nano", size)


def test_the_command_makes_a_preset_and_goes_on_with_it(tiny, tmp_path, capsys):
    text = tmp_path / "garden.txt"
    text.write_text("\n\n".join(f"{i}: {TEXT[: 60 + i]}" for i in range(40)), encoding="utf-8")
    out = tmp_path / "out"
    arguments = ["pretrain", "--data", str(text), str(text), "--steps", "6", "--out", str(out)]
    assert command.main(arguments) == 0
    printed = capsys.readouterr().out
    model, tokenizer = presets.load(out)
    assert model.config.hidden_dim == 8 and tokenizer.vocabulary_size == 280
    report = json.loads((out / "pretraining.json").read_text(encoding="utf-8"))
    # Against arithmetic: 6 steps of 2 rows of 64 tokens, and bits from nats.
    assert report["tokens_seen"] == 6 * 2 * 64 and report["history"]["step"][-1] == 6
    _, held_out = corpora.text_file(text)
    ends = tokenizer.token_id(job.END)
    stream = np.concatenate([[*tokenizer.encode(t), ends] for t in held_out])
    nats = training.evaluate(model, stream, 64) * len(stream)
    size = sum(len(t.encode()) + 1 for t in held_out)
    assert report["bits"][str(text)] == pytest.approx(nats / np.log(2) / size, rel=1e-3)
    assert f"{model.count_params():,} parameters" in printed
    assert command.main(arguments) == 0 and "pretraining: done before" in capsys.readouterr().out
    assert command.main([*arguments, "--steps", "7"]) == 1
    assert "another folder" in capsys.readouterr().err


def test_a_card_says_what_was_measured(tiny, tmp_path, monkeypatch, capsys):
    text = tmp_path / "garden.txt"
    text.write_text("\n\n".join(f"{i}: {TEXT[: 60 + i]}" for i in range(40)), encoding="utf-8")
    folders = [str(tmp_path / name) for name in ("one", "two")]
    for folder in folders:
        command.main(["pretrain", "--data", str(text), "--steps", "2", "--out", folder])
    unseen = ["A rose, a yellow rose, and no tulip at all.", "Nobody had planted it there."]
    monkeypatch.setattr(preset_card, "held_out", lambda: {"two lines": unseen})
    assert preset_card.main([folders[0], "--beside", folders[1]]) == 0
    card = (tmp_path / "one" / presets.CARD).read_text(encoding="utf-8")
    model, tokenizer = presets.load(folders[0])
    # Against another way to add up the same loss: each token's, one row.
    rows = [[*tokenizer.encode(t), tokenizer.token_id(job.END)] for t in unseen]
    stream = np.concatenate(rows)[None]
    step = model.config.max_sequence_length - 1
    nats = 0.0
    for start in range(0, stream.shape[1] - 1, step):
        row = stream[:, start : start + step + 1]
        logits = keras.ops.convert_to_numpy(model(row)).astype("float64")[0, :-1]
        logits -= logits.max(axis=-1, keepdims=True)
        right = np.take_along_axis(logits, row[0, 1:, None], axis=-1)[:, 0]
        nats -= np.sum(right - np.log(np.exp(logits).sum(axis=-1)))
    bits = nats / np.log(2) / sum(len(t.encode()) + 1 for t in unseen)
    assert f"| one, {model.count_params():,} parameters | {bits:.3f} |" in card
    assert "| two, " in card and f"--data {text} --steps 2" in card
    assert all(prompt in card for prompt in preset_card.PROMPTS)
    (tmp_path / "one" / "tokens.json").unlink()
    assert preset_card.main([folders[0]]) == 1
    assert "a card needs what the pre-training left" in capsys.readouterr().err


def test_a_source_named_twice_is_read_twice_as_often(tiny, tmp_path, monkeypatch):
    seen = {}

    def recorded(model, tokens, *_, **__):
        seen["tokens"] = tokens
        return {"step": [], "loss": []}

    monkeypatch.setattr(training, "pretrain", recorded)
    files = []
    for name in ("rose", "tulip"):
        files.append(str(tmp_path / f"{name}.txt"))
        text = "\n\n".join(f"{name} {i}: {TEXT[: 90 + i]}" for i in range(30))
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    data = (files[0], files[1], files[1])
    report = pretraining.pretrain(pretraining.Settings(data=data), tmp_path / "out")
    first, second = (report["tokens"][file] for file in files)
    assert len(seen["tokens"]) == first + 2 * second


def test_a_missing_text_is_one_sentence(tmp_path, capsys):
    arguments = ["pretrain", "--data", str(tmp_path / "no.txt"), "--out", str(tmp_path / "out")]
    assert command.main(arguments) == 1
    assert "There is no file" in capsys.readouterr().err
