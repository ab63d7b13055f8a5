"""Samples as episodes: the decisions of a domain, one after another, and those that a policy takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retiarii.domain import Choice, Domain, Sample
from retiarii.domain.activity import Condition
from retiarii.strategies.policy.decisions import Decisions, Options, decisions

Scores: TypeAlias = NDArray[np.float32]

NONE = -1
"""Stands for the option of a step that is left out because its choice is inactive."""


class Walk(Protocol):
    """A policy's way through one step after another, for several samples at the same time."""

    def start(self, samples: int) -> Scores:
        """The scores (logits) of the first step's options: shape (samples, options)."""

    def advance(self, taken: Options) -> Scores:
        """The scores of the next step's options, after the last step's were `taken`: one for each sample."""


class Episodes:
    """The steps of a domain: those of each choice in the domain's order.

    Args:
        domain: What samples are made of.
        decide: How a choice is decided.

    Attributes:
        widths: The number of options of each step.
    """

    def __init__(self, domain: Domain, decide: Callable[[Choice], Decisions] = decisions) -> None:
        conditions = {label: Condition(label, given) for label, given in domain.conditions.items()}
        self._choices = [(label, decide(choice), conditions.get(label)) for label, choice in domain.choices.items()]
        self.widths = tuple(width for _, decided, _ in self._choices for width in decided.widths)

    def options(self, sample: Sample) -> list[int]:
        """The option of each step that leads to a canonical sample; -1 where a step is left out."""
        taken: list[int] = []
        for label, decided, _ in self._choices:
            taken += decided.options(sample[label]) if label in sample else [NONE] * len(decided.widths)
        return taken

    def legal(self, taken: Options) -> NDArray[np.bool_]:
        """Which options could have been taken: shape (samples, steps, widest step).

        The first only where a step was left out, so that nothing is decided there.
        """
        legal = np.zeros((*taken.shape, max(self.widths)), dtype=bool)
        step = 0
        for _, decided, _ in self._choices:
            first = step
            for width in decided.widths:
                legal[:, step, :width] = decided.legal(taken[:, first:step])
                step += 1
        legal[taken == NONE] = np.arange(max(self.widths)) == 0
        return legal

    def draw(self, walk: Walk, samples: int, temperature: float, rng: np.random.Generator) -> list[Sample]:
        """Samples of the domain without its constraints, as likely as a policy makes them.

        Args:
            walk: The policy's, at its beginning.
            samples: How many.
            temperature: What scores are divided by: above 1 makes options more equally likely.
            rng: Where chance comes from.
        """
        drawn: list[Sample] = [{} for _ in range(samples)]
        step = 0
        taken = np.full(samples, NONE)
        for label, decided, condition in self._choices:
            active = [row for row in range(samples) if condition is None or condition.verdict(drawn[row])]
            options = np.full((samples, len(decided.widths)), NONE)
            for place in range(len(decided.widths)):
                scores = walk.advance(taken) if step else walk.start(samples)
                legal = decided.legal(options[active, :place])
                options[active, place] = _drawn(scores[active] / temperature, legal, rng)
                taken = options[:, place]
                step += 1
            for row, each in zip(active, options[active].tolist(), strict=True):
                drawn[row][label] = decided.value(each, rng)
        return drawn


def _drawn(scores: Scores, legal: NDArray[np.bool_], rng: np.random.Generator) -> Options:
    """An option for each row, with the probabilities of a softmax over the legal ones."""
    possible = np.where(legal, scores.astype(np.float64), -np.inf)
    cumulative = np.exp(possible - possible.max(axis=1, keepdims=True, initial=-np.inf)).cumsum(axis=1)
    total = cumulative[:, -1:]
    thresholds = np.minimum(rng.random((len(scores), 1)) * total, np.nextafter(total, 0.0))
    taken: Options = (cumulative <= thresholds).sum(axis=1)
    return taken
