"""The search that is measured, and the folders for its record."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from engines.subject import Table, no_op
from retiarii import Experiment, strategies
from retiarii.callback import Callback
from retiarii.domain import Sample
from retiarii.engine import Engine
from retiarii.evaluators import FunctionalEvaluator


def search(
    place: Path,
    strategy: str,
    engine: Engine,
    trials: int,
    *callbacks: Callback,
    function: Callable[[Sample], float] = no_op,
) -> Experiment:
    """An experiment whose record is at a place, with a strategy of that name and its defaults."""
    return Experiment(
        Table(),
        FunctionalEvaluator(function, argument="sample"),
        getattr(strategies, strategy)(),
        engine=engine,
        name=place.name,
        directory=place.parent,
        max_trials=trials,
        callbacks=callbacks,
        seed=0,
    )


@contextmanager
def folder_in(directory: Path) -> Iterator[Path]:
    """A new folder, removed afterwards."""
    folder = Path(mkdtemp(prefix="overhead-", dir=directory))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
