"""What is proposed once a supernet is trained: architectures in an order that the training gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from retiarii.domain import Domain, Sample
from retiarii.strategies.digest import digest
from retiarii.strategy import Strategy
from retiarii.trial import Objectives, Trial


class Ranked(Strategy):
    """Proposes the first of some samples, each once.

    Args:
        samples: gives them, always in the same order.
        count: how many.
        ending: why there are no more, in words.
    """

    repeats = False

    def __init__(self, samples: Callable[[], Iterator[Sample]], count: int, ending: str) -> None:
        self._samples = samples
        self._count = count
        self._words = ending

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self._iterator = self._samples()
        self._drawn: list[tuple[Sample, bytes]] = []
        self._known: set[bytes] = set()

    def ask(self) -> Sample | None:
        for place in range(self._count):
            if place == len(self._drawn) and not self._draw():
                break
            sample, key = self._drawn[place]
            if key not in self._known:
                return sample
        self.ending = self._words
        return None

    def tell(self, trial: Trial) -> None:
        super().tell(trial)
        self._known.add(digest(trial.sample))

    def turned_away(self, sample: Sample, known: Sample) -> bool:
        self._known.add(digest(sample))
        return True

    def _draw(self) -> bool:
        """Draws the next sample; whether there was one."""
        following = next(self._iterator, None)
        if following is not None:
            self._drawn.append((following, digest(following)))
        return following is not None
