"""The picture of architecture weights: what it shows."""

from __future__ import annotations

import numpy as np
import pytest

from retiarii import ExperimentError
from retiarii.experiment import History
from retiarii.experiment.canvas import GRAY
from retiarii.experiment.plan import Plan
from retiarii.experiment.reader import Reader
from retiarii.experiment.records import Records, WeightsRecord
from retiarii.experiment.weight_plots import plot_weights
from retiarii.experiment.weights import EpochWeights
from retiarii.testing import DOMAINS

pytest.importorskip("matplotlib")


def decided(epochs, candidates, winner, share):
    """Weights that go from equal ones to `share` for the winner."""
    rows = []
    for part in np.linspace(0, 1, epochs):
        row = {candidate: (1 - part) / len(candidates) for candidate in candidates}
        row[winner] += part * share
        rows.append(row)
    return rows


def weights_of(**labels):
    epochs = len(next(iter(labels.values())))
    return [EpochWeights(epoch, {label: rows[epoch] for label, rows in labels.items()}) for epoch in range(epochs)]


def entries(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def panels(figure):
    return [axes for axes in figure.axes if axes.axison]


def test_a_panel_a_label_with_a_line_a_candidate():
    weights = weights_of(op=decided(5, ["conv", "skip"], "skip", 0.9), width=decided(5, [16, 32, 64], 32, 0.5))
    figure = plot_weights(weights)
    assert [axes.get_ylabel() for axes in panels(figure)] == ["weight in op", "weight in width"]
    op, width = panels(figure)
    assert entries(op) == ["conv", "skip"]
    assert entries(width) == ["16", "32", "64"]
    skip = op.get_lines()[1]
    assert skip.get_xdata().tolist() == [0, 1, 2, 3, 4]
    assert skip.get_ydata().tolist() == [row.weights["op"]["skip"] for row in weights]
    assert figure.get_suptitle() == ""


def test_those_of_a_record_are_drawn(tmp_path):
    records = Records(tmp_path)
    records.begin(Plan.of("Space", DOMAINS["flat"], {"accuracy": "maximize"}, 0, one_shot="DARTS"))
    for epoch, weight in enumerate((0.5, 0.75)):
        WeightsRecord(tmp_path)(epoch, {"op": {"conv": weight, "skip": 1 - weight}})
    records.close()
    (axes,) = panels(History({}, Reader(tmp_path)).plot_weights())
    assert axes.get_lines()[0].get_ydata().tolist() == [0.5, 0.75]


def test_of_many_labels_the_most_decided_are_shown():
    labels = {f"op{place}": decided(3, ["conv", "skip"], "conv", place / 40) for place in range(30)}
    figure = plot_weights(weights_of(**labels))
    assert [axes.get_ylabel() for axes in panels(figure)] == [f"weight in op{place}" for place in range(29, 17, -1)]
    assert figure.get_suptitle() == "the 12 most decided of 30 labels"


def test_of_many_candidates_the_likeliest_have_names():
    row = {number: number / 66 for number in range(12)}
    axes = panels(plot_weights([EpochWeights(0, {"depth": row})]))[0]
    assert entries(axes) == [*map(str, range(4, 12)), "4 others"]
    assert [line.get_color() for line in axes.get_lines()[:4]] == [GRAY] * 4


def test_names_are_written_as_they_are(tmp_path):
    names = ["$\\alpha", "_hidden", "a\nb", "x" * 99, "$x^2$"]
    figure = plot_weights(weights_of(**{"$y$": decided(2, names, "_hidden", 0.5)}))
    figure.savefig(tmp_path / "weights.svg")
    assert entries(panels(figure)[0]) == ["$\\alpha", " _hidden", "a\\nb", f"{'x' * 11}…{'x' * 12}", "$x^2$"]


def test_epochs_and_candidates_may_be_missing():
    weights = [EpochWeights(2, {"op": {"a": 1.0}}), EpochWeights(5, {"op": {"a": 3.0, "b": -1.0}}), EpochWeights(6, {})]
    lines = panels(plot_weights(weights))[0].get_lines()
    assert [line.get_xdata().tolist() for line in lines] == [[2, 5], [5]]
    assert panels(plot_weights(weights))[0].get_ylim()[1] > 3


@pytest.mark.parametrize("weights", [[], [EpochWeights(0, {})]])
def test_nothing_to_draw_is_an_error_that_says_why(weights):
    with pytest.raises(ExperimentError, match="no architecture weights to draw: they are recorded while a supernet"):
        plot_weights(weights)
