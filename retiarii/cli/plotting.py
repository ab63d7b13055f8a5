"""`retiarii plot`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Literal, TypeAlias

from retiarii.cli.ending import complain
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
    if not path.suffix or path.is_dir():
        raise ExperimentError(f"{path} is no file of a picture; give one that ends with .png, .svg or .pdf")
    try:
        figure = drawings[kind]()
    except ExperimentError as error:
        raise ExperimentError(str(error).replace("plot_history()", "--kind history")) from error
    try:
        with warnings.catch_warnings(record=True, action="always", category=UserWarning) as caught:
            figure.savefig(path)
    except ValueError as error:
        raise ExperimentError(f"{path} can't be drawn: {error}") from error
    except OSError as error:
        raise ExperimentError(f"{path} can't be written: {error.strerror}") from error
    for remark in dict.fromkeys([str(warning.message) for warning in caught]):
        complain(f"retiarii: {remark}")
    show(str(path))
