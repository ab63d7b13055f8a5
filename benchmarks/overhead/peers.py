"""Other libraries on the same domain, in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import process_time_ns
from typing import Any

import hyperopt
import numpy as np
import optuna
import pyglove
from hyperopt.base import Domain
from optuna.distributions import CategoricalDistribution, FloatDistribution

from overhead.subject import CANDIDATES, CATEGORIES, NUMBERS, Subject, labels, metrics_of

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Optuna(Subject):
    """`ask`, the suggestions, and `tell`, with storage in memory.

    Args:
        sampler: The name of its class.
        recorded: The number of trials.
        steps: How many steps are measured at a time.
        objectives: How many.
        foreign: Whether the recorded trials are random ones, rather than its own.
    """

    def __init__(self, sampler: str, recorded: int, steps: int, *, objectives: int = 1, foreign: bool = True) -> None:
        super().__init__(f"optuna {sampler}", recorded, steps)
        self._class, self._objectives, self._foreign = getattr(optuna.samplers, sampler), objectives, foreign

    def begin(self, recorded: int) -> None:
        self._study = optuna.create_study(sampler=self._class(seed=0), directions=["maximize"] * self._objectives)
        if not self._foreign:
            for _ in range(recorded):
                self.step()
            return
        candidates, number = CategoricalDistribution(range(CANDIDATES)), FloatDistribution(0.0, 1.0)
        kinds = dict(zip(labels(), [candidates] * CATEGORIES + [number] * NUMBERS, strict=True))
        self._study.add_trials(
            [
                optuna.create_trial(params=sample, distributions=kinds, values=self._values(sample))
                for sample in random_samples(recorded)
            ]
        )

    def step(self) -> int:
        begin = process_time_ns()
        trial = self._study.ask()
        names = labels()
        for name in names[:CATEGORIES]:
            trial.suggest_categorical(name, range(CANDIDATES))
        for name in names[CATEGORIES:]:
            trial.suggest_float(name, 0.0, 1.0)
        asked = process_time_ns() - begin
        values = self._values(trial.params)
        begin = process_time_ns()
        self._study.tell(trial, values)
        return asked + process_time_ns() - begin

    def _values(self, sample: Mapping[str, Any]) -> list[float]:
        return [*metrics_of(sample).values()][: self._objectives]


class Hyperopt(Subject):
    """`tpe.suggest` alone; what it takes to record a trial is not counted."""

    def __init__(self, recorded: int, steps: int) -> None:
        super().__init__("hyperopt tpe.suggest", recorded, steps)
        names = labels()
        space = {name: hyperopt.hp.choice(name, list(range(CANDIDATES))) for name in names[:CATEGORIES]}
        space |= {name: hyperopt.hp.uniform(name, 0.0, 1.0) for name in names[CATEGORIES:]}
        self._domain = Domain(lambda sample: 0.0, space)

    def begin(self, recorded: int) -> None:
        self._trials = hyperopt.Trials()
        numbers = self._trials.new_trial_ids(recorded)
        samples = random_samples(recorded)
        documents = [self._document(number, sample) for number, sample in zip(numbers, samples, strict=True)]
        self._trials.insert_trial_docs(documents)
        self._trials.refresh()

    def step(self) -> int:
        (number,) = self._trials.new_trial_ids(1)
        begin = process_time_ns()
        (document,) = hyperopt.tpe.suggest([number], self._domain, self._trials, number)
        taken = process_time_ns() - begin
        sample = {name: values[0] for name, values in document["misc"]["vals"].items()}
        self._trials.insert_trial_docs([self._document(number, sample)])
        self._trials.refresh()
        return taken

    def _document(self, number: int, sample: Mapping[str, Any]) -> dict[str, Any]:
        places = {
            "tid": number,
            "cmd": self._domain.cmd,
            "idxs": {name: [number] for name in sample},
            "vals": {name: [value] for name, value in sample.items()},
        }
        result = {"status": hyperopt.STATUS_OK, "loss": -metrics_of(sample)["score"]}
        (document,) = self._trials.new_trial_docs([number], [None], [result], [places])
        document["state"] = hyperopt.JOB_STATE_DONE
        return dict(document)


class PyGlove(Subject):
    """`pg.sample`: proposal, decoding, and feedback."""

    def __init__(self, algorithm: str, recorded: int, steps: int) -> None:
        super().__init__(f"pyglove {algorithm}", recorded, steps)
        self._algorithm = algorithm

    def begin(self, recorded: int) -> None:
        names = labels()
        space = {name: pyglove.oneof([*range(CANDIDATES)]) for name in names[:CATEGORIES]}
        space |= {name: pyglove.floatv(0.0, 1.0) for name in names[CATEGORIES:]}
        random = self._algorithm == "random"
        algorithm = pyglove.geno.Random(seed=0) if random else pyglove.evolution.regularized_evolution(seed=0)
        self._samples = iter(pyglove.sample(pyglove.Dict(space), algorithm))
        for _ in range(recorded):
            self.step()

    def step(self) -> int:
        begin = process_time_ns()
        sample, feedback = next(self._samples)
        asked = process_time_ns() - begin
        score = metrics_of(sample)["score"]
        begin = process_time_ns()
        feedback(score)
        return asked + process_time_ns() - begin


def random_samples(count: int) -> Iterator[dict[str, Any]]:
    """Always the same ones."""
    rng = np.random.default_rng(1)
    for _ in range(count):
        values = [*rng.integers(CANDIDATES, size=CATEGORIES).tolist(), *rng.random(NUMBERS).tolist()]
        yield dict(zip(labels(), values, strict=True))
