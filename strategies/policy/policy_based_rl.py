"""Search by reinforcement learning."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from retiarii.domain import Domain, Sample
from retiarii.domain.sieve import Sieve
from retiarii.errors import ExperimentError
from retiarii.strategies.digest import digest
from retiarii.strategies.policy.decisions import Options
from retiarii.strategies.policy.episodes import Episodes
from retiarii.strategies.policy.learner import Learner, own_surroundings
from retiarii.strategies.score import single_objective
from retiarii.strategy import Objectives, Strategy
from retiarii.trial import Trial

_TEMPERATURES = (1.0, 1.0, 1.0, 1.0, 1.5, 2.0, 3.0)
_DRAWN_PER_SAMPLE = 4


class PolicyBasedRL(Strategy):
    """A recurrent network that decides one choice after another, trained by proximal policy optimisation.

    A sample is an episode: a step for each active choice in the domain's order, each given all before it; a subset
    takes a step for each candidate (in or out), and a number of a range is one of at most 10 parts of the range, from
    which it is drawn. Whenever so many trials have ended as `samples_per_update` says, the policy learns from them,
    whoever proposed them.

    The reward of a trial follows from the share s of all trials so far that it beats, so it depends neither on the
    scale nor on the direction of the metric: -log(1 - s), which tells the best few apart most. A trial without a
    metric is worse than all with one.

    What is known already is not proposed again: samples are drawn from the policy by the dozen, and where all are
    known, from a policy that is more and more uncertain; at last they are random.

    Source: Zoph and Le 2017 ("Neural architecture search with reinforcement learning"), with the update of Schulman et
    al. 2017 ("Proximal policy optimization algorithms"), as tianshou has it: clipped at 0.2, the paper's, with ratios
    of whole samples, and repeated 5 times on a whole batch. The defaults are what did best in searches of 200 trials
    in NAS-Bench-Macro, NAS-Bench-201 and a space of 4^12 samples whose neighbouring choices interact.

    Args:
        samples_per_update: How many trials the policy learns from at a time, at least 2. Fewer make it sure sooner.
        learning_rate: Of Adam. Half of it takes longer, and is stuck more rarely.
        entropy: How much the policy is kept from being sure. Three times as much is too slow for 200 trials.

    Raises:
        ExperimentError: A number is out of its range; or (when the search starts) there are several objectives.
        ConstraintError: (when a sample is due) none was found that keeps the constraints.
    """

    def __init__(self, *, samples_per_update: int = 10, learning_rate: float = 0.01, entropy: float = 0.01) -> None:
        if not isinstance(samples_per_update, int) or samples_per_update <= 1:
            raise ExperimentError(
                f"PolicyBasedRL(samples_per_update={samples_per_update!r}): give an integer from 2, "
                "as a trial is good or bad compared with others"
            )
        if not 0 < learning_rate < math.inf:
            raise ExperimentError(f"PolicyBasedRL(learning_rate={learning_rate!r}): give a positive number")
        if not 0 <= entropy < math.inf:
            raise ExperimentError(f"PolicyBasedRL(entropy={entropy!r}): give a number from 0")
        self.samples_per_update = samples_per_update
        self.learning_rate = learning_rate
        self.entropy = entropy

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self._score = single_objective(self)
        self._episodes = Episodes(domain)
        self._learner = self._new_learner() if self._episodes.widths else None
        self._told: set[bytes] = set()
        self._asked: set[bytes] = set()
        self._scores: list[float] = []
        self._taken: list[list[int]] = []
        self._drawn: list[list[tuple[bytes, Sample]]] = []

    def ask(self) -> Sample | None:
        rng = self.rng()
        for key, sample in self._likely(rng):
            if key not in self._told and key not in self._asked:
                self._asked.add(key)
                return dict(sample)
        return self.domain.random(rng)

    def tell(self, trial: Trial) -> None:
        super().tell(trial)
        self._told.add(digest(trial.sample))
        self._asked.clear()
        if not trial.has_ended:
            return
        score = self._score(trial)
        self._scores.append(-math.inf if score is None else score)
        self._taken.append(self._episodes.options(trial.sample))
        if len(self._taken) == self.samples_per_update:
            self._learn()

    def _new_learner(self) -> Learner:
        widths, rate, entropy = self._episodes.widths, self.learning_rate, self.entropy
        return Learner(widths, learning_rate=rate, entropy=entropy, seed=self.seed)

    def _learn(self) -> None:
        taken: Options = np.array(self._taken, dtype=np.int64)
        self._taken = []
        self._drawn = []
        if self._learner is not None:
            self._learner.learn(taken, self._episodes.legal(taken), _rewards(self._scores, len(taken)))

    def _likely(self, rng: np.random.Generator) -> Iterator[tuple[bytes, Sample]]:
        """Samples that were drawn from the policy as it is, the surest first; `rng` says with which to begin."""
        if self._learner is None:
            return
        for level in range(len(_TEMPERATURES)):
            if level == len(self._drawn):
                self._drawn.append(self._draw(self._learner, level))
            samples = self._drawn[level]
            first = int(rng.integers(len(samples))) if samples else 0
            yield from samples[first:]
            yield from samples[:first]

    def _draw(self, learner: Learner, level: int) -> list[tuple[bytes, Sample]]:
        """Samples that keep the constraints; the same until the policy changes."""
        rng = np.random.default_rng([self.seed, len(self._scores) // self.samples_per_update, level])
        count = self.samples_per_update * _DRAWN_PER_SAMPLE
        with own_surroundings([self.seed]):
            samples = self._episodes.draw(learner.walk(), count, _TEMPERATURES[level], rng)
        return [(digest(sample), sample) for sample in Sieve(self.domain.constraints).passing(samples)]


def _rewards(scores: list[float], last: int) -> NDArray[np.float64]:
    """What the `last` of all trials earned, by the share of all that each one beats; it beats half of its equals."""
    ordered = np.sort(scores)
    latest = scores[-last:]
    beaten = np.searchsorted(ordered, latest) + np.searchsorted(ordered, latest, side="right")
    rewards: NDArray[np.float64] = -np.log1p(-beaten / (2 * len(scores)))
    return rewards
