"""Pictures of a search. They need matplotlib, which `pip install 'retiarii[plot]'` brings.

Each gives a figure of its own: `figure.savefig("history.png")`. Nothing is opened, and no display is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retiarii.errors import ExperimentError
from retiarii.experiment.canvas import BAD, DOT, GRAY, LINE, Scale, canvas, legend
from retiarii.experiment.importance import label_importance
from retiarii.experiment.outcomes import completed, signs, values
from retiarii.trial import State, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

    from retiarii.experiment.history import History

_MOST_LABELS = 20
_MOST_VECTORS = 2000
_PER_ROW = 3


def plot_history(history: History) -> Figure:
    """The primary objective of each trial by its number, and the best so far as a line.

    Stopped trials are hollow, at the last value that they reported. What has no value, such as a failed trial, is
    marked at the foot. Trials far worse than the rest are marked at the edge, so that the rest can be told apart.

    Raises:
        ExperimentError: no trial has completed, or matplotlib is not installed.
    """
    trials = _some_completed(history)
    name, direction = next(iter(history.objectives.items()))
    metrics = values(trials, name)
    scale = Scale.of(name, direction, metrics, keep=metrics[:0])
    figure, (axes,) = canvas(1, 1, width=8, height=4.5)
    scale.put_on(axes, "y")
    axes.set_xlabel("trial")
    axes.locator_params(axis="x", integer=True)
    numbers = np.array([trial.number for trial in trials])
    shown = scale.shows(metrics)
    look: dict[str, Any] = {"s": _dot_size(len(trials)), "color": DOT, "linewidths": 0, "alpha": 0.6}
    axes.scatter(numbers[shown], metrics[shown], **look, label=f"completed ({len(trials)})", rasterized=_many(trials))
    _mark_outside(axes, numbers[~shown], scale)
    _draw_best(axes, numbers, metrics, history)
    _mark_stopped(axes, history, scale)
    _mark_foot(axes, _in_state(history, "failed"), "x", BAD, "failed")
    legend(axes)
    return figure


def plot_pareto(history: History) -> Figure:
    """The objectives of each completed trial against each other, coloured by trial number, with the Pareto front.

    With two objectives the front is a staircase: all below it (or wherever it is worse) is dominated. With more, each
    pair has a picture, in which the trials on the front of all objectives are marked.

    Raises:
        ExperimentError: there are fewer than two objectives, no trial has completed, or matplotlib is not installed.
    """
    if len(history.objectives) < 2:  # noqa: PLR2004
        only = ", ".join(map(repr, history.objectives)) or "none"
        raise ExperimentError(f"a Pareto front needs two objectives, and there is {only}; use plot_history()")
    trials, front = _some_completed(history), history.pareto_front()
    pairs = list(combinations(history.objectives, 2))
    columns = min(len(pairs), _PER_ROW)
    width = 7.0 if len(pairs) == 1 else 5.0
    figure, grid = canvas(columns, math.ceil(len(pairs) / columns), width=width, height=width * 0.7)
    for axes, (primary, other) in zip(grid, pairs, strict=False):
        dots = _draw_trials(axes, trials, front, (other, primary), history)
        _draw_front(axes, front, (other, primary), history)
        legend(axes)
    for axes in grid[len(pairs) :]:
        axes.set_axis_off()
    bar = figure.colorbar(dots, ax=grid, label="trial", aspect=40, pad=0.02)
    bar.outline.set_visible(False)
    return figure


def plot_importance(history: History) -> Figure:
    """For each objective the share of its variance that each label explains alone; see `label_importance`.

    Of many labels the 20 that matter most for the primary objective are shown.

    Raises:
        ExperimentError: no trial has completed, or matplotlib is not installed.
    """
    trials = _some_completed(history)
    shares = {name: label_importance(trials, name) for name in history.objectives}
    ranked = list(next(iter(shares.values())))
    labels = ranked[:_MOST_LABELS]
    height = 1.2 + 0.28 * len(labels)
    figure, grid = canvas(len(shares), 1, width=7.0 if len(shares) == 1 else 5.0, height=height)
    for axes, (name, share) in zip(grid, shares.items(), strict=True):
        lengths = [share[label] for label in labels]
        bars = axes.barh(range(len(labels)), lengths, color=DOT, height=0.65)
        axes.set_yticks(range(len(labels)), labels)
        axes.bar_label(bars, [f"{length:.1%}" for length in lengths], padding=4, color="#374151", fontsize="small")
        axes.set(xlabel=f"share of the variance of {name}", xlim=(0, 1.15 * max([*lengths, 0.05])))
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.grid(visible=False, axis="y")
        axes.invert_yaxis()
    for axes in grid[1:]:
        axes.tick_params(labelleft=False)
    if len(ranked) > len(labels):
        grid[0].set_title(f"the {len(labels)} most important of {len(ranked)} labels", loc="left", fontsize="medium")
    return figure


def _some_completed(history: History) -> list[Trial]:
    trials = completed(history.trials)
    if not trials:
        raise ExperimentError(f"there is nothing to draw: of {len(history)} trials none has completed")
    return trials


def _in_state(history: History, state: State) -> list[Trial]:
    return [trial for trial in history.trials if trial.state == state]


def _dot_size(count: int) -> float:
    """The area of a dot in square points, such that few are large and many can be told apart."""
    return min(36.0, max(3.0, 6000 / count))


def _many(trials: Sequence[Trial]) -> bool:
    """Whether there are too many trials to be written one by one into a vector graphic."""
    return len(trials) > _MOST_VECTORS


def _draw_best(axes: Axes, numbers: NDArray[np.int_], metrics: NDArray[np.float64], history: History) -> None:
    best = (np.maximum if signs(history.objectives)[0] < 0 else np.minimum).accumulate(metrics)
    first = metrics.tolist().index(best[-1])
    label = f"best: {best[-1]:.6g} (trial {numbers[first]})"
    axes.step(numbers, best, where="post", color=LINE, linewidth=1.8, label=label)
    axes.plot(numbers[first], best[-1], "o", color=LINE, markersize=7, markeredgecolor="white")


def _mark_outside(axes: Axes, numbers: NDArray[np.int_], scale: Scale) -> None:
    if not len(numbers):
        return
    marker, label = "v" if scale.worst == scale.low else "^", f"worse than shown ({len(numbers)})"
    places = np.full(len(numbers), scale.worst)
    axes.scatter(numbers, places, s=22, marker=marker, color=DOT, linewidths=0, alpha=0.6, clip_on=False, label=label)


def _mark_stopped(axes: Axes, history: History, scale: Scale) -> None:
    stopped = _in_state(history, "stopped")
    measured = [trial for trial in stopped if scale.name in trial.metrics]
    if measured:
        metrics = np.clip(values(measured, scale.name), scale.low, scale.high)
        numbers = [trial.number for trial in measured]
        size = _dot_size(len(history))
        axes.scatter(numbers, metrics, s=size, facecolors="none", edgecolors=GRAY, label=f"stopped ({len(measured)})")
    _mark_foot(
        axes, [trial for trial in stopped if scale.name not in trial.metrics], "|", GRAY, "stopped without a value"
    )


def _mark_foot(axes: Axes, trials: Sequence[Trial], marker: str, color: str, name: str) -> None:
    """Marks trials that have no value."""
    if trials:
        numbers, feet = [trial.number for trial in trials], np.full(len(trials), 0.03)
        look: dict[str, Any] = {
            "marker": marker,
            "color": color,
            "s": min(26.0, _dot_size(len(trials))),
            "linewidths": 1.0,
        }
        axes.scatter(numbers, feet, transform=axes.get_xaxis_transform(), label=f"{name} ({len(trials)})", **look)


def _draw_trials(
    axes: Axes, trials: Sequence[Trial], front: Sequence[Trial], names: tuple[str, str], history: History
) -> PathCollection:
    """Makes the axes and draws the trials as dots; gives what a colour bar is made for."""
    across, up = (values(trials, name) for name in names)
    horizontal, vertical = (
        Scale.of(name, history.objectives[name], values(trials, name), keep=values(front, name)) for name in names
    )
    horizontal.put_on(axes, "x")
    vertical.put_on(axes, "y")
    outside = len(trials) - np.count_nonzero(horizontal.shows(across) & vertical.shows(up))
    label = f"completed ({len(trials)}{f', {outside} not shown' if outside else ''})"
    look: dict[str, Any] = {"s": _dot_size(len(trials)), "linewidths": 0, "alpha": 0.7, "cmap": "viridis_r"}
    numbers = [trial.number for trial in trials]
    axes.scatter([], [], color=GRAY, label=label)
    return axes.scatter(across, up, c=numbers, rasterized=_many(trials), **look)


def _draw_front(axes: Axes, front: Sequence[Trial], names: tuple[str, str], history: History) -> None:
    across, up = (values(front, name) for name in names)
    label = f"Pareto front ({len(front)})"
    look: dict[str, Any] = {"color": LINE, "markersize": 6, "markeredgecolor": "white", "markeredgewidth": 0.8}
    if len(history.objectives) > len(names):
        axes.plot(across, up, "o", **look, label=label)
        return
    order = np.argsort(across)
    where = "steps-post" if history.objectives[names[0]] == "minimize" else "steps-pre"
    axes.plot(across[order], up[order], "o-", drawstyle=where, linewidth=1.6, **look, label=label)
