"""`retiarii plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from retiarii.cli.found import loaded, place
from retiarii.cli.tables import show
from retiarii.errors import ExperimentError

Kind: TypeAlias = Literal["history", "pareto", "importance", "weights"]


def plot_experiment(name: str, directory: Path | None, kind: Kind, output: Path | None) -> None:
    """Draws a picture of an experiment to a file.

    Raises:
        ExperimentError: there is no such experiment, or nothing in it to draw; matplotlib is not installed; or the file
            can't be written.
    """
    history = loaded(place(directory), name)
    drawings = {
        "history": history.plot_history,
        "pareto": history.plot_pareto,
        "importance": history.plot_importance,
        "weights": history.plot_weights,
    }
    path = Path(f"{name}-{kind}.png") if output is None else output
    figure = drawings[kind]()
    try:
        figure.savefig(path)
    except ValueError as error:
        raise ExperimentError(f"{path} can't be drawn: {error}") from error
    except OSError as error:
        raise ExperimentError(f"{path} can't be written: {error.strerror}") from error
    show(str(path))
