"""Pictures of a search. They need matplotlib, which `pip install 'retiarii[plot]'` brings.

Each gives a figure of its own: `figure.savefig("history.png")`. Nothing is opened, and no display is needed.

Names are written as they are, never as mathematics, and long ones are shortened in the middle. Values beyond 1e307 or
-1e307, which no axis can hold, are drawn there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retiarii.errors import ExperimentError
from retiarii.experiment.canvas import BAD, DOT, GRAY, LINE, Scale, canvas, legend, short
from retiarii.experiment.importance import label_importance
from retiarii.experiment.outcomes import completed, values
from retiarii.trial import State, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

    from retiarii.experiment.history import History

_MOST_LABELS = 20
_MOST_LETTERS = 32
_LARGEST = 1e307
_SMALLEST_ARROW = 16.0
_MOST_VECTORS = 2000
_PER_ROW = 3


def plot_history(history: History) -> Figure:
    """The primary objective of each trial by its number, and the best so far as a line.

    Stopped trials are hollow, at the last value that they reported. What has no value, such as a failed trial, is
    marked at the foot. Trials that have not ended are not shown.

    Costs that differ much have a logarithmic axis. Trials so much worse than the rest that these could not be told
    apart any more lie outside the frame: they are triangles at its edge, and the legend counts them.

    Raises:
        ExperimentError: no trial has completed, or matplotlib is not installed.
    """
    trials = _some_completed(history)
    name, direction = next(iter(history.objectives.items()))
    measured = [trial for trial in _in_state(history, "stopped") if name in trial.metrics]
    metrics = _drawable(trials + measured, name)
    scale = Scale.of(name, direction, metrics, keep=metrics[:0])
    figure, (axes,) = canvas(1, 1, width=8, height=4.5)
    scale.put_on(axes, "y")
    axes.set_xlabel("trial")
    axes.locator_params(axis="x", integer=True)
    full: dict[str, Any] = {"s": _dot_size(len(trials)), "color": DOT, "linewidths": 0, "alpha": 0.6}
    _draw_values(axes, trials, scale, full, f"completed ({len(trials)})")
    _draw_best(axes, trials, scale)
    hollow: dict[str, Any] = {"s": _dot_size(len(history)), "facecolors": "none", "edgecolors": GRAY}
    _draw_values(axes, measured, scale, hollow, f"stopped ({len(measured)})")
    _count_outside(axes, int(np.count_nonzero(~scale.shows(metrics))), scale.arrow("y"))
    silent = [trial for trial in _in_state(history, "stopped") if name not in trial.metrics]
    _mark_foot(axes, silent, "|", GRAY, "stopped without a value")
    _mark_foot(axes, _in_state(history, "failed"), "x", BAD, "failed")
    legend(axes, columns=3)
    return figure


def plot_pareto(history: History) -> Figure:
    """The objectives of each completed trial against each other, coloured by trial number, with the Pareto front.

    With two objectives the front is a staircase: all below it (or wherever it is worse) is dominated. With more, each
    pair has a picture, in which the trials on the front of all objectives are marked.

    Stopped and failed trials are not shown: their values are not final, and the front is among completed ones.

    Costs that differ much have a logarithmic axis. Trials so much worse than the rest, in one of the two, that these
    could not be told apart any more lie outside the frame: they are triangles at its edge, and the legend counts them.
    Those on the front always lie inside.

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
        legend(axes, columns=2)
    for axes in grid[len(pairs) :]:
        axes.set_axis_off()
    bar = figure.colorbar(dots, ax=grid, label="trial", aspect=40, pad=0.02)
    bar.outline.set_visible(False)
    return figure


def plot_importance(history: History) -> Figure:
    """For each objective the share of its variance that each label explains alone; see `label_importance`.

    Only completed trials count. Of many labels the 20 that matter most for the primary objective are shown, and the
    title says of how many.

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
        axes.set_yticks(range(len(labels)), [short(label, _MOST_LETTERS) for label in labels], parse_math=False)
        axes.bar_label(bars, [f"{length:.1%}" for length in lengths], padding=4, color="#374151", fontsize="small")
        axes.set_xlabel(f"share of the variance of\n{short(name)}", parse_math=False)
        axes.set_xlim(0, 1.15 * max([*lengths, 0.05]))
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


def _drawable(trials: Sequence[Trial], objective: str) -> NDArray[np.float64]:
    """The values of an objective, but none larger than an axis can hold."""
    return np.clip(values(trials, objective), -_LARGEST, _LARGEST)


def _in_state(history: History, state: State) -> list[Trial]:
    return [trial for trial in history.trials if trial.state == state]


def _dot_size(count: int) -> float:
    """The area of a dot in square points, such that few are large and many can be told apart."""
    return min(36.0, max(3.0, 6000 / count))


def _many(trials: Sequence[Trial]) -> bool:
    """Whether there are too many trials to be written one by one into a vector graphic."""
    return len(trials) > _MOST_VECTORS


def _draw_values(axes: Axes, trials: Sequence[Trial], scale: Scale, look: dict[str, Any], label: str) -> None:
    """Draws trials by number: dots where their values are, or triangles at the edge of the frame."""
    if not trials:
        return
    numbers, metrics = np.array([trial.number for trial in trials]), _drawable(trials, scale.name)
    shown = scale.shows(metrics)
    axes.scatter(numbers[shown], metrics[shown], **look, label=label, rasterized=_many(trials))
    if not shown.all():
        places, look = np.full(np.count_nonzero(~shown), scale.worst), look | {"s": max(look["s"], _SMALLEST_ARROW)}
        axes.scatter(numbers[~shown], places, **look, marker=scale.arrow("y"), clip_on=False, rasterized=_many(trials))


def _count_outside(axes: Axes, count: int, marker: str) -> None:
    if count:
        axes.scatter([], [], color=GRAY, marker=marker, label=f"{count} outside the frame (worse)")


def _draw_best(axes: Axes, trials: Sequence[Trial], scale: Scale) -> None:
    numbers, metrics = np.array([trial.number for trial in trials]), _drawable(trials, scale.name)
    best = (np.maximum if scale.direction == "maximize" else np.minimum).accumulate(metrics)
    first = metrics.tolist().index(best[-1])
    label = f"best: {trials[first].metrics[scale.name]:.6g} (trial {numbers[first]})"
    inside = np.where(scale.shows(best), best, np.nan)
    axes.step(numbers, inside, where="post", color=LINE, linewidth=1.8, label=label)
    axes.plot(numbers[first], best[-1], "o", color=LINE, markersize=7, markeredgecolor="white")


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
    """Makes the axes and draws the trials, in colours by number; gives what a colour bar is made for."""
    across, up = (_drawable(trials, name) for name in names)
    horizontal, vertical = (
        Scale.of(name, history.objectives[name], _drawable(trials, name), keep=_drawable(front, name)) for name in names
    )
    horizontal.put_on(axes, "x")
    vertical.put_on(axes, "y")
    numbers = np.array([trial.number for trial in trials])
    size = _dot_size(len(trials))
    look: dict[str, Any] = {"linewidths": 0, "alpha": 0.7, "cmap": "viridis_r", "rasterized": _many(trials)}
    look |= {"vmin": numbers.min(), "vmax": numbers.max()}
    aside, beyond = ~horizontal.shows(across), ~vertical.shows(up)
    shown = ~aside & ~beyond
    dots = axes.scatter(across[shown], up[shown], c=numbers[shown], s=size, **look)
    axes.scatter([], [], color=GRAY, label=f"completed ({len(trials)})")
    across, up = across.clip(horizontal.low, horizontal.high), up.clip(vertical.low, vertical.high)
    arrows = [(beyond, vertical.arrow("y")), (aside & ~beyond, horizontal.arrow("x"))]
    arrows = [(which, marker) for which, marker in arrows if which.any()]
    for which, marker in arrows:
        places = across[which], up[which], max(size, _SMALLEST_ARROW)
        axes.scatter(*places, numbers[which], marker=marker, clip_on=False, **look)
    if arrows:
        _count_outside(axes, int(np.count_nonzero(~shown)), arrows[0][1])
    return dots


def _draw_front(axes: Axes, front: Sequence[Trial], names: tuple[str, str], history: History) -> None:
    across, up = (_drawable(front, name) for name in names)
    label = f"Pareto front ({len(front)})"
    look: dict[str, Any] = {"color": LINE, "markersize": 6, "markeredgecolor": "white", "markeredgewidth": 0.8}
    if len(history.objectives) > len(names):
        axes.plot(across, up, "o", **look, label=label)
        return
    order = np.argsort(across)
    where = "steps-post" if history.objectives[names[0]] == "minimize" else "steps-pre"
    axes.plot(across[order], up[order], "o-", drawstyle=where, linewidth=1.6, **look, label=label)
