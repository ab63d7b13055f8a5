"""Samples that are tried before a strategy is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from retiarii.domain import Domain, Sample, Value
from retiarii.errors import ExperimentError, SampleError
from retiarii.strategies.digest import digest
from retiarii.strategies.middleware import Middleware
from retiarii.strategy import Objectives
from retiarii.trial import Trial


class FirstSamples(Middleware):
    """Proposes given samples first, in their order; the strategy inside learns from their trials.

    Args:
        samples: Samples of the domain, such as networks known to be good.

    Raises:
        ExperimentError: they are no list of dicts; or (when the search starts) one is no sample of the domain.
    """

    def __init__(self, samples: Iterable[Mapping[str, Value]]) -> None:
        given = [samples] if isinstance(samples, Mapping) else list(samples)
        if isinstance(samples, Mapping) or not all(isinstance(sample, Mapping) for sample in given):
            raise ExperimentError(f"FirstSamples takes a list of samples, as in [{{'width': 64}}], not {samples!r}")
        self.samples = [dict(sample) for sample in given]

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self._left: dict[bytes, Sample] = {}
        for number, given in enumerate(self.samples, 1):
            try:
                sample = domain.canonical(given)
            except SampleError as error:
                raise ExperimentError(f"FirstSamples: sample {number} does not fit the space: {error}") from error
            self._left[digest(sample)] = sample

    def ask(self) -> Sample | None:
        if self._left:
            return self._left.pop(next(iter(self._left)))
        return super().ask()

    def tell(self, trial: Trial) -> None:
        if self._left:
            self._left.pop(digest(trial.sample), None)
        super().tell(trial)
