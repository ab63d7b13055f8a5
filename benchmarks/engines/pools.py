"""What Python and joblib have for running functions in processes."""

from __future__ import annotations

import multiprocessing
import random
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from typing import Any

import numpy as np

from engines.subject import WORKERS, Subject, no_op
from retiarii.domain import Sample

_WINDOW = 8


class Pool(Subject):
    """`submit` of an executor, with a window of trials on their way, whose results are taken in their order."""

    def open(self) -> None:
        self._executor = self._made()

    def _made(self) -> Executor:
        return ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn"))

    def run(self, samples: Sequence[Sample]) -> None:
        pending: deque[Future[float]] = deque()
        for sample in samples:
            if len(pending) == _WINDOW:
                pending.popleft().result()
            pending.append(self._executor.submit(no_op, sample))
        for future in pending:
            future.result()

    def close(self) -> None:
        self._executor.shutdown()


class AwaitedPool(Pool):
    """`submit`, with the next trial sent as soon as any has ended, as a search does that lets none wait for another."""

    def run(self, samples: Sequence[Sample]) -> None:
        pending: set[Future[float]] = set()
        for sample in samples:
            if len(pending) == _WINDOW:
                _, pending = wait(pending, return_when=FIRST_COMPLETED)
            pending.add(self._executor.submit(no_op, sample))
        wait(pending)


class MappedPool(Pool):
    """`map` of an executor in chunks, where all that will be run is known beforehand."""

    def run(self, samples: Sequence[Sample]) -> None:
        assert len(list(self._executor.map(no_op, samples, chunksize=16))) == len(samples)


class Loky(Pool):
    """The executor that joblib is built on."""

    def _made(self) -> Executor:
        from loky import get_reusable_executor  # noqa: PLC0415

        executor: Executor = get_reusable_executor(max_workers=WORKERS, timeout=600)
        return executor

    def close(self) -> None:
        self._executor.shutdown(wait=True)


class Joblib(Subject):
    """`joblib.Parallel`, which finds out by itself how many trials make a batch, and knows all of them beforehand."""

    def open(self) -> None:
        import joblib  # noqa: PLC0415

        self._task: Any = joblib.delayed(no_op)
        self._parallel: Any = joblib.Parallel(n_jobs=WORKERS)
        self._parallel.__enter__()

    def run(self, samples: Sequence[Sample]) -> None:
        assert len(self._parallel(self._task(sample) for sample in samples)) == len(samples)

    def close(self) -> None:
        from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415

        self._parallel.__exit__(None, None, None)
        get_reusable_executor().shutdown(wait=True)


class Seeds(Subject):
    """Starting the generators of `random` and numpy anew, as every engine does for each trial."""

    def open(self) -> None:
        return None

    def run(self, samples: Sequence[Sample]) -> None:
        for number in range(len(samples)):
            random.seed(number)
            np.random.seed(number)

    def close(self) -> None:
        return None


class Calls(Subject):
    """Calls of the function, one after another."""

    def open(self) -> None:
        return None

    def run(self, samples: Sequence[Sample]) -> None:
        for sample in samples:
            no_op(sample)

    def close(self) -> None:
        return None
