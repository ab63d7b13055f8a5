"""Every sample more than once, for metrics with noise."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from retiarii.domain import Domain, Sample
from retiarii.strategies.arguments import check_integers
from retiarii.strategies.digest import digest
from retiarii.strategies.middleware import Middleware
from retiarii.strategy import Objectives
from retiarii.trial import Trial


@dataclass(slots=True)
class _Repeats:
    """The trials of one sample."""

    sample: Sample
    asked: int = 0
    numbers: set[int] = field(default_factory=set)
    ended: list[Trial] = field(default_factory=list)
    is_told: bool = False

    @property
    def number(self) -> int:
        """That of the one trial which the strategy inside knows: the lowest."""
        return min(self.numbers)

    @property
    def begun(self) -> int:
        return max(self.asked, len(self.numbers))


class RepeatedEvaluation(Middleware):
    """Proposes each sample several times in a row, and tells the strategy inside one trial with the mean metrics.

    The trials differ in their seeds. Those that fail are left out of the mean; where all do, the one told has failed.
    Each counts as a trial of the experiment.

    Args:
        times: How often, at least twice.

    Raises:
        ExperimentError: it is no integer from 2.
    """

    repeats = True

    def __init__(self, times: int) -> None:
        check_integers("RepeatedEvaluation", 2, times=times)
        self.times = times

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self._open: dict[bytes, _Repeats] = {}

    def ask(self) -> Sample | None:
        unfinished = [repeats for repeats in self._open.values() if repeats.begun < self.times]
        if unfinished:
            first = min(unfinished, key=lambda repeats: min(repeats.numbers, default=math.inf))
            first.asked = first.begun + 1
            return dict(first.sample)
        self._tell_waiting()
        sample = super().ask()
        # What is out already would mix its trials with those before: it may come again when they have ended.
        if sample is None or digest(sample) in self._open:
            return None
        self._open[digest(sample)] = _Repeats(sample, asked=1)
        return sample

    def tell(self, trial: Trial) -> None:
        super(Middleware, self).tell(trial)
        key = digest(trial.sample)
        repeats = self._open.setdefault(key, _Repeats(trial.sample))
        repeats.numbers.add(trial.number)
        if trial.has_ended:
            repeats.ended.append(trial)
        if len(repeats.ended) == self.times:
            del self._open[key]
            self.inner.tell(_merged(repeats))

    def _tell_waiting(self) -> None:
        """Tells what is out. Only now, as a resumed search tells ended trials first, which may not be the lowest."""
        for repeats in self._open.values():
            if repeats.numbers and not repeats.is_told:
                repeats.is_told = True
                self.inner.tell(Trial(repeats.number, repeats.sample))


def _merged(repeats: _Repeats) -> Trial:
    completed = [trial for trial in repeats.ended if trial.state == "completed"]
    if not completed:
        return replace(repeats.ended[-1], number=repeats.number)
    common = [name for name in completed[0].metrics if all(name in trial.metrics for trial in completed)]
    means = {name: sum([trial.metrics[name] / len(completed) for trial in completed]) for name in common}
    return replace(completed[-1], number=repeats.number, metrics=means)
