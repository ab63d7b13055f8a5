"""Tasks of Ray, without more."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import ray

from engines.subject import Subject, no_op
from retiarii.domain import Sample

_WINDOW = 64


class RayTasks(Subject):
    """A task for each trial, with a window of them on their way, in the cluster that this process has joined."""

    def open(self) -> None:
        self._task: Any = ray.remote(no_op)

    def run(self, samples: Sequence[Sample]) -> None:
        pending: deque[Any] = deque()
        for sample in samples:
            if len(pending) == _WINDOW:
                ray.get(pending.popleft())
            pending.append(self._task.remote(sample))
        ray.get([*pending])

    def close(self) -> None:
        return None
