"""Stand-ins for model spaces."""

from __future__ import annotations

from dataclasses import dataclass

from retiarii.domain import Domain, Sample


@dataclass(frozen=True, slots=True)
class SampleSpace:
    """A space without models, whose graph and whose model are the sample: for tables, and for tests of a search."""

    domain: Domain

    @property
    def graph(self) -> SampleSpace:
        return self

    def apply(self, sample: Sample, /) -> Sample:
        return self.domain.canonical(sample)

    def freeze(self, sample: Sample, /) -> Sample:
        return self.domain.canonical(sample)
