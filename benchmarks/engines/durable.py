"""What a trial costs in a whole search: strategy, engine, and a record that is on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from engines.rows import compared, taken
from engines.searches import folder_in, search
from engines.subject import CANDIDATES, WORKERS, Spent, labels, no_op
from retiarii.callback import Callback
from retiarii.engine import Engine
from retiarii.execution import ProcessEngine, SequentialEngine
from retiarii.trial import Trial

OPTUNA = "optuna, SQLite"
QUICKEST = "ProcessEngine, 16 a message"
LIMIT = 1 / 20
WARM = 64
EARLY, LATE = 500, 20_000
_names = count()


class Marks(Callback):
    """Looks at the clocks when so many trials have ended."""

    def __init__(self, *marks: int) -> None:
        self._marks = marks
        self._ended = 0
        self._seen: list[Spent] = []

    def on_trial_end(self, trial: Trial) -> None:
        """Counts it."""
        self._ended += 1
        if self._ended in self._marks:
            self._seen.append(Spent.after() if len(self._seen) % 2 else Spent.before())

    @property
    def between(self) -> list[Spent]:
        """What a trial took from the first mark to the second, from the third to the fourth, and so on."""
        marks, seen = iter(self._marks), iter(self._seen)
        pairs = zip(zip(marks, marks, strict=True), zip(seen, seen, strict=True), strict=True)
        return [end.since(begin, late - early) for (early, late), (begin, end) in pairs]


def searched(directory: Path, strategy: str, engine: Engine, marks: Sequence[int]) -> list[Spent]:
    """Runs an experiment up to the last mark; what a trial took between marks."""
    marked = Marks(*marks)
    search(directory / f"search{next(_names)}", strategy, engine, marks[-1], marked).run(progress=False)
    return marked.between


def optuna_trials(directory: Path, count: int) -> Spent:
    """What a trial of optuna takes that is asked for and told, with the same choices."""
    import optuna  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = f"sqlite:///{directory / f'optuna{next(_names)}.db'}"
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0), direction="maximize")

    def step() -> None:
        trial = study.ask()
        sample = {label: trial.suggest_categorical(label, range(CANDIDATES)) for label in labels()}
        study.tell(trial, no_op(sample))

    for _ in range(8):
        step()
    begin = Spent.before()
    for _ in range(count):
        step()
    return Spent.after().since(begin, count)


def engines() -> dict[str, Callable[[], Engine]]:
    """Those that are compared."""
    return {
        "SequentialEngine": SequentialEngine,
        "ProcessEngine": lambda: ProcessEngine(WORKERS),
        QUICKEST: lambda: ProcessEngine(WORKERS, trials_per_message=16),
    }


def durable_rows(directory: Path, repeats: int, scale: int) -> Iterator[dict[str, Any]]:
    """Searches beside optuna."""
    found: dict[str, list[Spent]] = {name: [] for name in [*engines(), OPTUNA]}
    rng = np.random.default_rng(0)
    turns = [str(name) for _ in range(repeats) for name in rng.permutation([*found])]
    with folder_in(directory) as folder:
        for name in turns:
            if name == OPTUNA:
                found[name].append(optuna_trials(folder, 20 * scale))
            else:
                found[name] += searched(folder, "Random", engines()[name](), (WARM, WARM + 1_024 * scale))
    for name, spent in found.items():
        yield taken(f"a search with {name}" if name != OPTUNA else name, spent)
    for name in engines():
        yield compared(f"a search with {name}", found[name], OPTUNA, found[OPTUNA], LIMIT)


def growth_rows(directory: Path, repeats: int) -> Iterator[dict[str, Any]]:
    """What a trial costs late in a search, against early in the same."""
    marks = (EARLY - 300, EARLY + 300, LATE - 2_000, LATE)
    for strategy in ("Random", "RegularizedEvolution"):
        with folder_in(directory) as folder:
            runs = [searched(folder, strategy, engines()[QUICKEST](), marks) for _ in range(repeats)]
        early, late = [run[0] for run in runs], [run[1] for run in runs]
        yield compared(f"{strategy} after {LATE} trials", late, f"after {EARLY}", early, 1.25)
