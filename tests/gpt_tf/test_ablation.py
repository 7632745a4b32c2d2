"""The runner of ablations: what is done is not done again, and a kill leaves no half result."""

import json

import pytest
from scipy import stats

from gpt_tf import ablation

CELLS = [{"rate": rate, "seed": seed} for seed in (1, 2, 5) for rate in (0.1, 0.2)]
SCORES = [0.51, 0.62, 0.47, 0.59, 0.55, 0.6]


class Measure:
    """Gives each cell its score of `SCORES`, notes what it was asked, and stops at one of them."""

    def __init__(self, stop_at=None):
        self.asked, self.stop_at = [], stop_at

    def __call__(self, cell):
        if cell == self.stop_at:
            raise KeyboardInterrupt
        self.asked.append(cell)
        return SCORES[CELLS.index(cell)]


def test_a_stopped_grid_goes_on(tmp_path):
    first, second = Measure(stop_at=CELLS[3]), Measure()
    with pytest.raises(KeyboardInterrupt):
        ablation.run(CELLS, first, tmp_path)
    # What a kill while writing may leave behind.
    (tmp_path / ".half.json.123").write_text('{"cell": {"ra')
    results = ablation.run(CELLS, second, tmp_path)
    assert (first.asked, second.asked) == (CELLS[:3], CELLS[3:])
    assert sorted(r["score"] for r in results) == sorted(SCORES)
    assert ablation.run(CELLS, Measure(stop_at=CELLS[0]), tmp_path)


def test_without_a_folder_it_keeps_results_in_memory():
    results = ablation.run(CELLS, Measure())
    assert results == [
        {"cell": c, "score": s} for c, s in zip(CELLS, SCORES, strict=True)
    ]  # fmt: skip


def test_settings_in_another_order_are_the_same_cell(tmp_path):
    ablation.run(CELLS[:1], Measure(), tmp_path)
    turned = dict(reversed(CELLS[0].items()))
    assert len(ablation.run([turned], Measure(stop_at=turned), tmp_path)) == 1


def test_the_results_of_some_cells_in_their_order():
    results = [{"cell": {"seed": seed}, "score": seed / 10} for seed in (3, 1, 2)]
    assert ablation.in_order(results, [{"seed": 1}, {"seed": 3}]) == [results[1], results[0]]


@pytest.mark.parametrize("text", ['{"cell": {"ra', "[]", '{"cell": {"seed": 1}}'])
def test_what_is_no_result_is_named(tmp_path, text):
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(ValueError, match="odd.json is no result of a cell; delete it"):
        ablation.read(tmp_path)


def test_a_difference_pairs_by_seed(tmp_path):
    results = ablation.run(CELLS, Measure(), tmp_path)
    # A seed that only one version has takes no part.
    results.append({"cell": {"rate": 0.1, "seed": 9}, "score": 0.99})
    assert ablation.scores(results, {"rate": 0.2}) == {1: 0.62, 2: 0.59, 5: 0.6}
    difference, margin = ablation.difference(results, {"rate": 0.1}, {"rate": 0.2})
    ends = stats.ttest_rel(SCORES[1::2], SCORES[::2]).confidence_interval()
    assert difference - margin == pytest.approx(ends.low)
    assert difference + margin == pytest.approx(ends.high)


def test_a_result_is_one_readable_file(tmp_path):
    ablation.run(CELLS[:1], Measure(), tmp_path)
    (path,) = tmp_path.glob("*.json")
    assert json.loads(path.read_text()) == {"cell": CELLS[0], "score": SCORES[0]}
