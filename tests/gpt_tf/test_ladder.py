"""Lab 14's ladder: fresh text, the runs, the law of both, the table and the command."""

import json

import numpy as np
import pytest

from gpt_tf import __main__ as command
from gpt_tf import corpora, ladder, parts, tables
from gpt_tf.config import PAPER

LAW = {"floor": 1.5, "a": 20.0, "alpha": 0.3, "b": 300.0, "beta": 0.4}
SMALL = ladder.Settings(
    vocabulary_size=300, max_sequence_length=16, batch_size=2, validation_windows=4
)


@pytest.fixture
def some_text(monkeypatch):
    """The offline corpus is large; these are sentences of one kind, none of them twice."""
    words = ["model", "tensor", "layer", "weight", "value", "shape", "axis", "batch"]

    def documents(split):
        first = 0 if split == "train" else 500
        return [
            f"The {words[i % 8]} number {i} has a {words[i // 8 % 8]} of its own."
            for i in range(first, first + (400 if split == "train" else 40))
        ]

    monkeypatch.setattr(corpora, "docstrings", documents)


# ----------------------------------------------------------------------------------- fresh text


def rows_of(batches):
    return [row.tolist() for tokens, _ in batches for row in tokens.numpy()]


def test_no_token_is_dealt_twice():
    rows = rows_of(ladder.fresh_batches(np.arange(1003), 10, 4, 25, seed=3))
    assert len(rows) == 100
    # Windows of the stream, all of them, each once, and not in the stream's order.
    assert sorted(rows) == np.arange(1000).reshape(100, 10).tolist()
    assert rows != sorted(rows)


def test_a_short_run_sees_the_beginning_of_a_long_one():
    stream = np.arange(1000)
    short, long, other = (
        rows_of(ladder.fresh_batches(stream, 10, 4, steps, seed))
        for steps, seed in ((5, 0), (20, 0), (5, 1))
    )
    assert short == long[:20] and short != other


def test_targets_are_the_tokens():
    for tokens, targets in ladder.fresh_batches(np.arange(60), 10, 2, 3, seed=0):
        np.testing.assert_array_equal(tokens, targets)
        assert tokens.shape == (2, 10)


def test_text_that_would_be_read_again():
    with pytest.raises(ValueError, match="1,040 tokens, and the text has 1,030"):
        ladder.fresh_batches(np.arange(1030), 10, 4, 26, seed=0)


# -------------------------------------------------------------------------------------- the rungs


def test_six_sizes_over_two_orders_of_magnitude():
    sizes = [
        parts.non_embedding_parameters(ladder.config_of(width, ladder.Settings()))
        for width in ladder.HIDDEN_DIMS
    ]
    assert len(sizes) >= 6 and sizes == sorted(sizes)
    assert sizes[-1] / sizes[0] > 100


def test_wider_models_learn_at_lower_rates():
    rates = [ladder.rate_of(width) for width in ladder.HIDDEN_DIMS]
    assert rates == sorted(rates, reverse=True)


def test_the_table_of_the_paper():
    batches, rates = np.array(list(ladder.TABLE_2_1.values())).T
    assert list(ladder.TABLE_2_1) == [name for name in PAPER if name.startswith("gpt3")]
    assert (np.diff(rates) < 0).all() and (np.diff(batches) >= 0).all()


def test_cells_are_parted():
    results = [{"cell": cell, "score": {"loss": 3.0}} for cell in ladder.all_cells(seeds=2)]
    rungs, trials = ladder.split_results(results)
    assert len(rungs) == 2 * len(ladder.HIDDEN_DIMS) * len(ladder.TOKENS)
    tried = len(ladder.TRIED_DIMS) * (len(ladder.TRIED_RATES) + 1)
    assert len(trials) == tried  # the rung's own rate beside those that were tried
    fewer = ladder.all_cells(most_tokens=ladder.TOKENS[0])
    assert {cell["tokens"] for cell in fewer} == {ladder.TOKENS[0]}


def test_training_lowers_the_loss_and_can_be_repeated(some_text):
    text = ladder.Text(SMALL)
    config = ladder.config_of(16, SMALL)
    first, second = (
        ladder.measure(config, text, 3200, 1e-2, settings=SMALL)["loss"] for _ in range(2)
    )
    # A model that knows nothing has the log of the vocabulary.
    assert first < np.log(text.tokenizer.vocabulary_size) - 0.5
    assert second == pytest.approx(first, rel=1e-4)


def test_less_text(some_text):
    whole, less = ladder.Text(SMALL), ladder.Text(SMALL, characters=1000)
    assert len(less.train) < len(whole.train) / 5
    assert less.validation.size


# ---------------------------------------------------------------------------- the law of both


def grid():
    n, d = np.meshgrid([6e3, 2.5e4, 1e5, 4e5], [2.5e5, 1e6, 4e6])
    return n.ravel(), d.ravel()


def test_a_law_without_noise_is_found():
    n, d = grid()
    law, predict = ladder.fit_law(n, d, ladder.loss_of(LAW, n, d))
    for name, value in LAW.items():
        assert law[name] == pytest.approx(value, rel=1e-2), name
    loss, low, high = predict(2e6, 1e7)
    assert loss == pytest.approx(ladder.loss_of(LAW, 2e6, 1e7), rel=1e-3)
    assert low <= loss <= high and high - low < 0.01


def test_intervals_hold_what_they_promise():
    rng = np.random.default_rng(4)
    n, d = grid()
    inside = []
    for _ in range(40):
        measured = ladder.loss_of(LAW, n, d) * np.exp(rng.normal(0, 0.01, 12))
        _, predict = ladder.fit_law(n, d, measured)
        new = ladder.loss_of(LAW, 1e6, 4e6) * np.exp(rng.normal(0, 0.01))
        _, low, high = predict(1e6, 4e6, 0.8)
        inside.append(low <= new <= high)
    assert 0.65 < np.mean(inside) < 0.95


def test_too_few_runs():
    with pytest.raises(ValueError, match="at least 6 runs, not 5"):
        ladder.fit_law([1e4] * 5, [1e5] * 5, [3.0] * 5)


def test_the_frontier():
    assert ladder.frontier([1.0, 2.0, 3.0], [4.0, 4.5, 3.0]).tolist() == [0, 2]
    # In any order; of equally dear runs the better one; an equal loss for more is no gain.
    compute, losses = [5.0, 1.0, 1.0, 3.0, 4.0], [2.0, 4.0, 3.5, 3.5, 3.0]
    assert ladder.frontier(compute, losses).tolist() == [2, 4, 0]


# ------------------------------------------------------------------------------- table and command


def test_the_command_makes_a_table_and_goes_on_with_it(some_text, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tables.layout, "ROOT", tmp_path)
    arguments = ["ladder", "--short"]
    assert command.main(arguments) == 0
    table = tables.read("ladder", capsys.readouterr().out.split("The table: ")[1].strip())
    assert table["command"] == "python -m gpt_tf ladder --short"
    assert [r["cell"]["hidden_dim"] for r in table["results"]] == [16, 32]
    assert all(4 < r["score"]["loss"] < 7 for r in table["results"])
    monkeypatch.setattr(ladder, "measure", None)
    assert command.main(arguments) == 0


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m gpt_tf ladder --table"):
        tables.read("ladder", tmp_path / "no.json")


def test_the_table_of_the_repository_is_whole():
    """Every size has read every number of tokens, the text was fresh, and the law predicts."""
    table = tables.read("ladder")
    rungs, trials = ladder.split_results(table["results"])
    cells = [r["cell"] for r in rungs]
    tokens = {cell["tokens"] for cell in cells}
    wanted = [ladder.cell_of(width, count) for width in ladder.HIDDEN_DIMS for count in tokens]
    assert not parts.cells_to_run(wanted, rungs)
    assert len(tokens) >= 3 and max(tokens) <= table["tokens"]["training"]
    assert {r["cell"]["hidden_dim"] for r in trials} == set(ladder.TRIED_DIMS)

    settings = ladder.Settings(**table["settings"])
    sizes = [
        parts.non_embedding_parameters(ladder.config_of(c["hidden_dim"], settings)) for c in cells
    ]
    n, d = np.array(sizes), np.array([c["tokens"] for c in cells])
    losses = np.array([r["score"]["loss"] for r in rungs])
    smaller = n < n.max()
    _, predict = ladder.fit_law(n[smaller], d[smaller], losses[smaller])
    (measured,) = losses[~smaller & (d == d.max())]
    assert predict(n.max(), d.max())[0] == pytest.approx(measured, rel=0.03)
    assert json.dumps(table)
