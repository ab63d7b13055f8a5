"""What is said when a search has ended."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path

from retiarii.experiment.history import History
from retiarii.experiment.progress import duration
from retiarii.experiment.training import Training
from retiarii.stopper import Stopper
from retiarii.trial import Trial

_ROWS = 5
_WIDTH = 100
_LETTERS = 500
_REPORTING = "call report_intermediate(value) while the model is trained."


def report(
    history: History,
    folder: Path,
    ending: str,
    seconds: float,
    *,
    stopper: Stopper | None = None,
    training: Training | None = None,
) -> str:
    """The outcome of a run: why it ended, the best trials, and where everything lies.

    Args:
        history: The trials.
        folder: Where they lie.
        ending: Why the run ended.
        seconds: How long it took.
        stopper: That of the run; it is said if it had nothing to look at.
        training: Of the supernet, if there is one.
    """
    states = ", ".join(f"{count} {state}" for state, count in history.counts.items() if count)
    lines = [f"The search has ended after {duration(seconds)}: {ending}."]
    if training is not None:
        rest = duration(max(0.0, seconds - training.seconds))
        lines += [f"Of that, the supernet took {duration(training.seconds)}, and its architectures {rest}."]
    lines += [f"Trials: {states or 'none'}."]
    if history.best is not None:
        lines += ["", *_outcome(history)]
    if history.counts["failed"]:
        lines += ["", f"The error of the last failed trial: {_last_error(history)}"]
    if stopper is not None and history.counts["completed"] and not any(trial.intermediates for trial in history):
        lines += ["", f"No trial reported anything to {type(stopper).__name__}; {_REPORTING}"]
    if training is not None and training.checkpoint is not None:
        lines += ["", f"The supernet is in {training.checkpoint}"]
    return "\n".join([*lines, "", f"Everything is in {folder}"])


def resumed(folder: Path, history: History) -> str:
    """What is said before a search goes on."""
    again = len(history) - history.ended
    epochs = len(history.weights)
    tail = f", {again} {'was' if again == 1 else 'were'} under way and will be run again" if again else ""
    tail += f", and the architecture weights of {epochs} {'epoch' if epochs == 1 else 'epochs'}" if epochs else ""
    return f"retiarii: resuming {folder}: {history.ended} trials are kept{tail}"


def _outcome(history: History) -> list[str]:
    """The best trials; of several objectives, the Pareto front."""
    if len(history.objectives) == 1:
        return _table(history, history.top(_ROWS))
    front = history.pareto_front()
    first = f", of which the first {_ROWS}" if len(front) > _ROWS else ""
    return [
        f"Pareto front: {len(front)} {'trial' if len(front) == 1 else 'trials'}{first}",
        *_table(history, front[:_ROWS]),
    ]


def _table(history: History, trials: Sequence[Trial]) -> list[str]:
    rows = [("trial", *history.objectives, "sample")]
    rows += [_row(trial, [*history.objectives]) for trial in trials]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return [
        "  ".join([*(cell.rjust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]


def _row(trial: Trial, objectives: list[str]) -> tuple[str, ...]:
    sample = json.dumps(trial.sample)
    shown = sample if len(sample) <= _WIDTH else f"{sample[: _WIDTH - 1]}…"
    return (str(trial.number), *(f"{trial.metrics[name]:.6g}" for name in objectives), shown)


def _last_error(history: History) -> str:
    (last,) = history.failures(1)
    return textwrap.shorten(last.reason or "", _LETTERS, placeholder=" ...")
