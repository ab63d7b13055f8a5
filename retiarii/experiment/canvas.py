"""Empty pictures in the style of this library, and how far their axes reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray

from retiarii.errors import ExperimentError
from retiarii.trial import Direction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOT, LINE, BAD, GRAY = "#2f6db3", "#d9621a", "#b3261e", "#6b7280"

_LARGE = 1e5
_DECADES = 2.0
_FAR_OUT = 3.0
_MARGIN = 0.06
_LEGEND_DOT = 24.0
_DOTS_PER_INCH = 150


def canvas(columns: int, rows: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure that belongs to no window, with axes in rows, each `width` by `height` inches.

    Raises:
        ExperimentError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  an optional dependency
    except ImportError as error:
        raise ExperimentError("pictures need matplotlib; install it with: pip install 'retiarii[plot]'") from error
    figure = Figure(figsize=(columns * width, rows * height), dpi=_DOTS_PER_INCH, layout="constrained")
    grid: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in grid:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e5e7eb", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(color=GRAY, labelcolor="#374151")
    return figure, grid


def legend(axes: Axes) -> None:
    """A legend above the axes, where it hides nothing; its dots are large enough to be seen."""
    from matplotlib.collections import PathCollection  # noqa: PLC0415

    entries = axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2, fontsize="small"
    )
    for handle in entries.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([_LEGEND_DOT])


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis for an objective: which part of it is shown, and how.

    Attributes:
        name: The objective.
        direction: What is better.
        low: The lowest value that is shown.
        high: The highest value that is shown.
        logarithmic: Whether equal ratios have equal lengths.
    """

    name: str
    direction: Direction
    low: float
    high: float
    logarithmic: bool

    @classmethod
    def of(cls, name: str, direction: Direction, values: NDArray[np.float64], keep: NDArray[np.float64]) -> Self:
        """One that shows all values but those far worse than the rest, which would press the others together.

        Far worse is what lies three times the distance between the quartiles beyond the worse of them (Tukey's outer
        fence). Costs that differ by more than a factor of 100 are shown logarithmically.

        Args:
            name: The objective.
            direction: What is better.
            values: At least one.
            keep: Some of the values, which must be seen in any case.
        """
        logarithmic = direction == "minimize" and values.min() > 0 and np.log10(values.max() / values.min()) > _DECADES
        scaled, kept = (np.log10(values), np.log10(keep)) if logarithmic else (values, keep)
        low, lower, upper, high = np.quantile(scaled, [0.0, 0.25, 0.75, 1.0])
        far = _FAR_OUT * (upper - lower)
        if far > 0 and direction == "maximize":
            low = min(scaled[scaled >= lower - far].min(), kept.min(initial=high))
        elif far > 0:
            high = max(scaled[scaled <= upper + far].max(), kept.max(initial=low))
        margin = _MARGIN * (high - low) or _MARGIN * abs(high) or _MARGIN
        ends = np.array([low - margin, high + margin])
        shown_low, shown_high = (10**ends if logarithmic else ends).tolist()
        return cls(name, direction, shown_low, shown_high, bool(logarithmic))

    @property
    def worst(self) -> float:
        """The end of the axis where values are bad."""
        return self.low if self.direction == "maximize" else self.high

    def shows(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which values are within, of the same shape."""
        return (values >= self.low) & (values <= self.high)

    def put_on(self, axes: Axes, side: Literal["x", "y"]) -> None:
        """Makes it one of the two axes."""
        from matplotlib.ticker import EngFormatter, FuncFormatter, ScalarFormatter  # noqa: PLC0415

        wish = "higher is better" if self.direction == "maximize" else "lower is better"
        shape = "log" if self.logarithmic else "linear"
        axes.set(
            **{f"{side}label": f"{self.name} ({wish})", f"{side}scale": shape, f"{side}lim": (self.low, self.high)}
        )
        axis = axes.xaxis if side == "x" else axes.yaxis
        if max(abs(self.low), abs(self.high)) >= _LARGE:
            axis.set_major_formatter(EngFormatter(sep=""))
        elif self.logarithmic:
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        else:
            axis.set_major_formatter(ScalarFormatter(useOffset=False))
