"""Samples by the dozen that keep the constraints, as checking many together costs little more than one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from retiarii.domain import Domain, Sample
from retiarii.domain.sieve import Sieve

_TOGETHER = 256
_MOST_ROUNDS = 100


def uniform(domain: Domain, count: int, rng: np.random.Generator) -> list[Sample]:
    """Samples, each choice drawn by itself, that keep the constraints.

    Raises:
        ConstraintError: none was found.
    """
    free = domain.unconstrained
    return within(domain, count, lambda tries: [free.random(rng) for _ in range(tries)], rng)


def within(domain: Domain, count: int, draw: Callable[[int], list[Sample]], rng: np.random.Generator) -> list[Sample]:
    """As many of the samples that `draw` gives as are wanted, of those that keep the constraints.

    Where they are too rare, those that were found are drawn again, and if there are none, a random one.

    Args:
        domain: Knows the constraints.
        count: How many.
        draw: Gives so many samples, by chance.
        rng: Where chance comes from.

    Raises:
        ConstraintError: none was found.
    """
    if not domain.constraints:
        return draw(count)
    sieve, kept = Sieve(domain.constraints), list[Sample]()
    for _ in range(_MOST_ROUNDS):
        kept += sieve.passing(draw(_TOGETHER))
        if len(kept) >= count:
            return kept[:count]
    kept = kept or [domain.random(rng)]
    return [kept[int(rng.random() * len(kept))] for _ in range(count)]
