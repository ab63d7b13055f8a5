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

_SMALL, _LARGE, _NAMELESS = 1e-3, 1e5, 1e30
_DECADES = 2.0
_MOST_DECADES = 200.0
_FAR_OUT = 3.0
_PRESSED = 0.25
_MOST_LETTERS = 24
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


def short(name: str, most: int = _MOST_LETTERS) -> str:
    """A name in at most so many letters and on one line: its middle is left out, control characters are spelt out."""
    name = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)
    if len(name) <= most:
        return name
    end = most // 2
    return f"{name[: most - end - 1]}…{name[-end:]}"


def legend(axes: Axes, columns: int) -> None:
    """A legend above the axes, where it hides nothing; its dots are large enough to be seen."""
    from matplotlib.collections import PathCollection  # noqa: PLC0415

    entries = axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, frameon=False, borderaxespad=0.2, fontsize="small"
    )
    for text in entries.get_texts():
        text.set_parse_math(False)
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
        """One that shows all values, or all but those so much worse than the rest that they would press it together.

        Costs that differ by more than a factor of 100 are shown logarithmically, and others, too, if that is enough to
        show them all. Otherwise, left out is what lies three times the distance between the quartiles beyond the worse
        of them (Tukey's outer fence), but only if it would leave less than a quarter of the axis to all others.

        Args:
            name: The objective.
            direction: What is better.
            values: At least one, from -1e307 to 1e307.
            keep: Some of the values, which must be seen in any case.
        """
        low, high = _reach(values, direction, keep)
        logarithmic = False
        if direction == "minimize" and values.min() > 0 and np.abs(np.log10(values)).max() < _MOST_DECADES:
            least, most = _reach(np.log10(values), direction, np.log10(keep))
            logarithmic = most - least > _DECADES or high < values.max() <= 10**most
            low, high = (least, most) if logarithmic else (low, high)
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

    def arrow(self, side: Literal["x", "y"]) -> str:
        """The marker for what lies beyond the worse end, if this is the axis of that side."""
        down, up = ("<", ">") if side == "x" else ("v", "^")
        return down if self.direction == "maximize" else up

    def put_on(self, axes: Axes, side: Literal["x", "y"]) -> None:
        """Makes it one of the two axes."""
        from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullFormatter, ScalarFormatter  # noqa: PLC0415

        wish = "higher is better" if self.direction == "maximize" else "lower is better"
        shape = "log" if self.logarithmic else "linear"
        axes.set(**{f"{side}scale": shape, f"{side}lim": (self.low, self.high)})
        axis = axes.xaxis if side == "x" else axes.yaxis
        axis.set_label_text(f"{short(self.name)} ({wish})", parse_math=False)
        if self.logarithmic:
            few = self.high / self.low < 10**_DECADES
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
            axis.set_minor_formatter(NullFormatter())
        largest = max(abs(self.low), abs(self.high))
        if _LARGE <= largest < _NAMELESS:
            axis.set_major_formatter(EngFormatter(sep=""))
        elif self.logarithmic or not _SMALL <= largest < _NAMELESS:
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        else:
            axis.set_major_formatter(ScalarFormatter(useOffset=False))


def _reach(values: NDArray[np.float64], direction: Direction, keep: NDArray[np.float64]) -> tuple[float, float]:
    """From where to where an axis has to reach, without a margin."""
    low, lower, upper, high = np.quantile(values, [0.0, 0.25, 0.75, 1.0]).tolist()
    far = _FAR_OUT * (upper - lower)
    if direction == "maximize":
        near = float(min(values[values >= lower - far].min(), keep.min(initial=high))), high
    else:
        near = low, float(max(values[values <= upper + far].max(), keep.max(initial=low)))
    pressed = near[1] - near[0] < _PRESSED * (high - low)
    return near if far > 0 and pressed else (low, high)
