"""How one job is run in the process it is in."""

from __future__ import annotations

import copy
import os
import random
import reprlib
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from retiarii.domain import Sample
from retiarii.engine import Assignment, Completed, Failed, Failure, Job, Space, Stopped
from retiarii.evaluator import Argument, Reporting, TrialStopped
from retiarii.metrics import check_metrics
from retiarii.trial import Report

_PLAIN = frozenset({int, float, str, bool, type(None)})


def run(assignment: Assignment, job: Job, receive: Callable[[Report], None]) -> Completed | Failed | Stopped:
    """Evaluates the model of a job, with the generators of `random`, numpy and torch started from the trial's seed.

    An error is the outcome of the trial. What is no `Exception` (Ctrl-C, `SystemExit`) is meant for the whole process,
    and is raised.

    Args:
        assignment: What the job has in common with others.
        job: The rest of what is needed.
        receive: Is called with each intermediate value, while the evaluation runs. It raises `TrialStopped` to stop the
            trial; then nothing counts that the evaluation does any more. Any other error in it is raised as it is.
    """
    begin = time.monotonic()
    folder = assignment.folder_of(job.number)
    with Reporting(receive, folder, assignment.objectives) as reporting:
        outcome = _outcome(assignment, job, folder)
    number, duration = job.number, time.monotonic() - begin
    if reporting.is_stopped or outcome is None:
        return Stopped(number, duration, reporting.files)
    if isinstance(outcome, Failure):
        return Failed(number, outcome, duration)
    return Completed(number, outcome, duration, reporting.files)


def exited(error: SystemExit) -> Failure:
    """What a call of `exit` comes to, in a process that has other trials to run."""
    failure = Failure.from_exception(error)
    message = f"the evaluation called exit({'' if error.code is None else reprlib.repr(error.code)})"
    return Failure(failure.kind, message, failure.place, f"{failure.text}{message}\n")


def _outcome(assignment: Assignment, job: Job, folder: str | None) -> Mapping[str, float] | Failure | None:
    """What an evaluation comes to; None if it is given up."""
    try:
        return _metrics(assignment, job, folder)
    except TrialStopped:
        return None
    except BaseExceptionGroup as group:
        return _outcome_of_group(group)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is the outcome of this trial)
        return Failure.from_exception(error)


def _outcome_of_group(group: BaseExceptionGroup[BaseException]) -> Failure | None:
    """What several errors come to, as of an `asyncio.TaskGroup`: those that give the trial up are put aside."""
    _, others = group.split(TrialStopped)
    if others is None:
        return None
    if not isinstance(others, Exception):
        raise group
    return Failure.from_exception(group)


def _metrics(assignment: Assignment, job: Job, folder: str | None) -> dict[str, float]:
    if folder is not None and os.access(folder, os.F_OK):
        shutil.rmtree(folder)  # of the same trial, cut off before its end
    evaluator = assignment.evaluator
    _seed(job.seed, torch_too=evaluator.argument != "sample" or "torch" in sys.modules)
    if job.decided:
        evaluator = evaluator.decided(job.decided)
    metrics = evaluator.evaluate(_argument(assignment.space, evaluator.argument, job.sample))
    return check_metrics(metrics, assignment.objectives, assignment.costs)


def _argument(space: Space, kind: Argument, sample: Sample) -> Any:
    sample = {**sample} if _PLAIN.issuperset(map(type, sample.values())) else copy.deepcopy(sample)
    match kind:
        case "module":
            return space.freeze(sample)
        case "graph":
            return space.graph.apply(sample)
        case "sample":
            return sample


def _seed(seed: int, *, torch_too: bool) -> None:
    random.seed(seed)
    np.random.seed(seed)
    if torch_too:
        import torch  # noqa: PLC0415

        torch.manual_seed(seed)
