"""Which samples are no trials yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from retiarii.domain import Sample
from retiarii.strategies.digest import digest
from retiarii.strategies.digest_set import DigestSet
from retiarii.strategies.numbers import Numbers
from retiarii.trial import Trial


class Untried:
    """Keeps a strategy from proposing a sample twice.

    A proposal may become no trial: then it is untried again when the next trial is told, so that a resumed search,
    which does not know of it, goes on in the same way. That needs a search that tells new trials in state "waiting";
    in one that never did, all proposals are trials.

    Args:
        samples: Gives all samples, or those worth a walk, in an order.
    """

    def __init__(self, samples: Callable[[], Iterator[Sample]]) -> None:
        self._samples = samples
        self._ahead: Iterator[Sample] | None = None
        self._again: Iterator[Sample] = iter(())
        self._passed: dict[bytes, Sample] = {}
        self._trials = DigestSet()
        self._refused: set[bytes] = set()
        self._numbers = Numbers()
        self._proposed: set[bytes] = set()
        self._latest: tuple[Sample, bytes] = {}, b""
        self._are_announced = False

    def __len__(self) -> int:
        """How many samples are trials, proposed, or refused."""
        return len(self._trials) + len(self._proposed) + len(self._refused)

    def add(self, sample: Sample) -> bool:
        """Takes note of a proposal; whether it is new."""
        mark = digest(sample)
        if mark in self._trials or mark in self._proposed or mark in self._refused:
            return False
        self._proposed.add(mark)
        self._latest = sample, mark
        return True

    def next(self) -> Sample | None:
        """Proposes the first sample in the order that is new, if there is one."""
        if self._ahead is None:
            self._ahead = self._samples()
        for sample in chain(self._again, self._ahead):
            mark = digest(sample)
            if mark in self._trials or mark in self._refused:
                continue
            self._passed[mark] = sample
            if mark not in self._proposed:
                self._proposed.add(mark)
                self._latest = sample, mark
                return sample
        return None

    def refuse(self, sample: Sample) -> bool:
        """Takes note of a proposal that will be no trial whenever it comes; whether that is new."""
        mark = digest(sample)
        if mark in self._trials or mark in self._refused:
            return False
        self._refused.add(mark)
        self._proposed.discard(mark)
        self._passed.pop(mark, None)
        return True

    def tell(self, trial: Trial) -> None:
        """Takes note of a trial."""
        if self._numbers.add(trial.number):
            sample, mark = self._latest
            if trial.sample is not sample:
                mark = digest(trial.sample)
            self._trials.add(mark)
            self._refused.discard(mark)
            self._proposed.discard(mark)
            self._passed.pop(mark, None)
        self._are_announced |= trial.state == "waiting"
        if self._are_announced:
            self._proposed.clear()
            self._again = iter([*self._passed.values()])
