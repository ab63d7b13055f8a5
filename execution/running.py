"""How one job is run in the process it is in."""

from __future__ import annotations

import copy
import random
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from retiarii.engine import Completed, Failed, Failure, Job, Stopped
from retiarii.evaluator import Reporting, TrialStopped
from retiarii.metrics import check_metrics
from retiarii.trial import Report


def run(job: Job, receive: Callable[[Report], None]) -> Completed | Failed | Stopped:
    """Evaluates the model of a job, with the generators of `random`, numpy and torch started from the trial's seed.

    An error is the outcome of the trial. What is no `Exception` (Ctrl-C, `SystemExit`) is meant for the whole process,
    and is raised.

    Args:
        job: The trial and all that is needed for it.
        receive: Is called with each intermediate value, while the evaluation runs. It raises `TrialStopped` to stop the
            trial; then nothing counts that the evaluation does any more. Any other error in it is raised as it is.
    """
    begin = time.monotonic()
    with Reporting(receive, job.folder, job.objectives) as reporting:
        outcome = _outcome(job)
    number, duration = job.trial.number, time.monotonic() - begin
    if reporting.is_stopped or outcome is None:
        return Stopped(number, duration, reporting.files)
    if isinstance(outcome, Failure):
        return Failed(number, outcome, duration)
    return Completed(number, outcome, duration, reporting.files)


def _outcome(job: Job) -> Mapping[str, float] | Failure | None:
    """What an evaluation comes to; None if it is given up."""
    try:
        return _metrics(job)
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


def _metrics(job: Job) -> dict[str, float]:
    if job.folder is not None and job.folder.exists():
        shutil.rmtree(job.folder)  # of the same trial, cut off before its end
    _seed(job.trial.seed, torch_too=job.evaluator.argument != "sample" or "torch" in sys.modules)
    return check_metrics(job.evaluator.evaluate(_argument(job)), job.objectives, job.costs)


def _argument(job: Job) -> Any:
    sample = copy.deepcopy(job.sample)
    match job.evaluator.argument:
        case "module":
            return job.space.freeze(sample)
        case "graph":
            return job.space.graph.apply(sample)
        case "sample":
            return sample


def _seed(seed: int, *, torch_too: bool) -> None:
    random.seed(seed)
    np.random.seed(seed)
    if torch_too:
        import torch  # noqa: PLC0415

        torch.manual_seed(seed)
