"""What a search keeps in memory of its trials, which may be very many."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from retiarii import Experiment, Strategy
from retiarii.callback import Callback
from retiarii.domain import Categorical, Domain
from retiarii.engine import Completed, Engine, Reported, Started
from retiarii.evaluators import FunctionalEvaluator
from retiarii.strategies import Random
from retiarii.testing import SampleSpace

BEGIN, FIRST, LAST = 1000, 1300, 2600
DOMAIN = Domain([Categorical(f"choice{index}", tuple("abcdefgh")) for index in range(12)])
SAME = dict.fromkeys(DOMAIN.labels, "a")


class Forgetful(Strategy):
    """Keeps nothing."""

    def ask(self):
        return {**SAME}


class Together(Engine):
    """Fifty trials at a time, that take no time."""

    def __init__(self):
        self.batch = []

    def open(self, assignment):
        self.batch.clear()

    @property
    def room(self):
        return 0 if self.batch else 50

    def submit(self, jobs):
        self.batch.extend(jobs)

    def advance(self, listen, timeout):
        for job in self.batch:
            listen(Started(job.number, "here"))
            listen(Reported(job.number, 0.5))
            listen(Completed(job.number, {"default": float(job.number)}, 0.0))
        self.batch.clear()

    def cancel(self, number):
        raise AssertionError


class Probe(Callback):
    """Looks at how much memory is in use, early and late."""

    def __init__(self):
        self.seen = []

    def on_trial_end(self, trial):
        ended = trial.number + 1
        if ended == BEGIN:
            tracemalloc.start()
        if ended in (FIRST, LAST):
            gc.collect()
            self.seen.append(tracemalloc.get_traced_memory()[0])
        if ended == LAST:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("strategy", "deduplicate", "most"), [(Forgetful(), False, 16), (Random(), True, 150)], ids=["search", "random"]
)
def test_a_trial_more_takes_few_bytes(tmp_path, strategy, deduplicate, most):
    probe = Probe()
    search = Experiment(
        SampleSpace(DOMAIN),
        FunctionalEvaluator(len, argument="sample"),
        strategy,
        engine=Together(),
        callbacks=[probe],
        directory=tmp_path,
        deduplicate=deduplicate,
        max_trials=LAST,
        seed=0,
    )
    search.run(progress=False)
    first, last = probe.seen
    assert (last - first) / (LAST - FIRST) < most
    assert search.best.number == LAST - 1
