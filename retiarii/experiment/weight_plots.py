"""A picture of how the architecture weights of a supernet change; see `retiarii.experiment.plots` for all pictures."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from retiarii.errors import ExperimentError
from retiarii.experiment.canvas import GRAY, canvas, legend, short
from retiarii.experiment.weights import EpochWeights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_LABELS = 12
_PER_ROW = 3
_FEW_EPOCHS = 30
_MARGIN = 0.03
_OTHER: Mapping[str, Any] = {"color": GRAY, "linewidth": 0.7, "zorder": 1, "label": "_"}
_COLORS = ("#2f6db3", "#d9621a", "#2e8b57", "#8e5bb5", "#b3261e", "#1f9aa8", "#b08900", "#c2528b")


def plot_weights(weights: Sequence[EpochWeights]) -> Figure:
    """The weight of each candidate by epoch, a panel for each label.

    Of more than twelve labels those are shown whose last weights differ most, the most decided first, and the title
    says of how many. Of more than eight candidates those with the largest last weights have colours and names; the
    others are grey.

    Raises:
        ExperimentError: no architecture weights were recorded, or matplotlib is not installed.
    """
    labels = list(dict.fromkeys(label for epoch in weights for label in epoch.weights))
    if not labels:
        raise ExperimentError(
            "there are no architecture weights to draw: they are recorded while a supernet is trained by a strategy "
            "that has some, such as DARTS()"
        )
    shown = _most_decided(weights, labels)
    columns = min(len(shown), _PER_ROW)
    figure, grid = canvas(columns, math.ceil(len(shown) / columns), width=7.0 if columns == 1 else 4.5, height=3.2)
    for axes, label in zip(grid, shown, strict=False):
        _draw_label(axes, weights, label)
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    if len(shown) < len(labels):
        figure.suptitle(f"the {len(shown)} most decided of {len(labels)} labels", fontsize="medium")
    return figure


def _most_decided(weights: Sequence[EpochWeights], labels: list[str]) -> list[str]:
    """All labels in their order, if there are few; otherwise those whose last weights differ most, these first."""
    if len(labels) <= _MOST_LABELS:
        return labels
    return sorted(labels, key=lambda label: -_spread(weights, label))[:_MOST_LABELS]


def _spread(weights: Sequence[EpochWeights], label: str) -> float:
    """The difference of the largest two of the last weights of a label; of a single candidate, its weight."""
    largest = sorted(_last(weights, label).values(), reverse=True)
    return largest[0] - largest[1] if len(largest) > 1 else sum(largest)


def _last(weights: Sequence[EpochWeights], label: str) -> dict[Hashable, float]:
    return next(dict(epoch.weights[label]) for epoch in reversed(weights) if label in epoch.weights)


def _draw_label(axes: Axes, weights: Sequence[EpochWeights], label: str) -> None:
    rows = [(epoch.epoch, epoch.weights[label]) for epoch in weights if label in epoch.weights]
    candidates = list(dict.fromkeys(candidate for _, row in rows for candidate in row))
    colors = _colors(candidates, _last(weights, label))
    look: dict[str, Any] = {"marker": "o" if len(rows) <= _FEW_EPOCHS else None, "markersize": 3}
    for candidate in candidates:
        points = [(epoch, row[candidate]) for epoch, row in rows if candidate in row]
        named = {"color": colors.get(candidate), "linewidth": 1.6, "label": _name(candidate)}
        axes.plot(*zip(*points, strict=True), **look, **(named if candidate in colors else _OTHER))
    if len(candidates) > len(colors):
        axes.plot([], [], **{**_OTHER, "label": f"{len(candidates) - len(colors)} others"})
    axes.set_ylabel(f"weight in {short(label)}", parse_math=False)
    axes.set_xlabel("epoch")
    axes.locator_params(axis="x", integer=True)
    if all(0 <= weight <= 1 for _, row in rows for weight in row.values()):
        axes.set_ylim(-_MARGIN, 1 + _MARGIN)
    legend(axes, columns=3)


def _colors(candidates: Sequence[Hashable], last: Mapping[Hashable, float]) -> dict[Hashable, str]:
    """Those with the largest last weights, in the order of all, and what they are drawn in."""
    named = set(sorted(candidates, key=lambda candidate: -last.get(candidate, 0.0))[: len(_COLORS)])
    return dict(zip([candidate for candidate in candidates if candidate in named], _COLORS, strict=False))


def _name(candidate: Hashable) -> str:
    """As a legend shows it, which leaves out what begins with an underscore."""
    name = short(str(candidate))
    return f" {name}" if name.startswith("_") else name
