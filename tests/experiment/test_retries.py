"""Trials whose node is lost: run again, counted, and given up in the end."""

from __future__ import annotations

import pytest

from retiarii import Experiment
from retiarii.engine import Interrupted, Reported, Started
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import SequentialEngine
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS, SampleSpace


class Losing(SequentialEngine):
    """Loses the node that runs trial 2, so many times, and that which trial 3 waits for, once."""

    def __init__(self, losses):
        super().__init__()
        self.losses = losses
        self.waits = 1

    def advance(self, listen, timeout):
        number = self._waiting[0].number if self._waiting else None
        if number == 2 and self.losses:
            self.losses -= 1
            self._waiting.popleft()
            listen(Started(number, "n1"))
            listen(Reported(number, 0.5))
            listen(Interrupted(number, f"the node n1 was lost, {self.losses} to go"))
        elif number == 3 and self.waits:
            self.waits -= 1
            self._waiting.popleft()
            listen(Interrupted(number, "the node n2 was lost"))
        else:
            super().advance(listen, timeout)


def experiment(tmp_path, strategy=None, **options):
    return Experiment(
        SampleSpace(DOMAINS["flat"]),
        FunctionalEvaluator(lambda sample: float(sample["width"]), argument="sample"),
        strategy or GridSearch(),
        directory=tmp_path,
        name="search",
        **options,
    )


@pytest.mark.parametrize("max_retries", [1, 3])
def test_a_trial_whose_node_was_lost_runs_again_and_is_counted(tmp_path, max_retries, caplog):
    search = experiment(tmp_path, engine=Losing(max_retries), max_retries=max_retries)
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed"] * 6
    assert [trial.sample for trial in search.trials] == list(DOMAINS["flat"].grid())
    assert [trial.interruptions for trial in search.trials] == [0, 0, max_retries, 1, 0, 0]
    assert search.trials[2].intermediates == ()
    lost = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert lost[0] == f"trial 2 was lost: the node n1 was lost, {max_retries - 1} to go"
    assert len(lost) == max_retries + 1


@pytest.mark.parametrize("max_retries", [1, 3])
def test_a_trial_whose_node_is_lost_too_often_fails(tmp_path, max_retries):
    search = experiment(tmp_path, engine=Losing(max_retries + 1), max_retries=max_retries)
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed"] * 2 + ["failed"] + ["completed"] * 3
    failed = search.trials[2]
    assert failed.interruptions == max_retries + 1
    assert failed.error == (
        f"given up: it was cut off {max_retries + 1} times, in the end because the node n1 was lost, 0 to go"
    )
    assert failed.ended is not None
    assert search.trials == Experiment.load(tmp_path, "search").trials


def test_a_trial_that_was_lost_counts_on_when_the_search_goes_on(tmp_path):
    class Broken(Losing):
        def advance(self, listen, timeout):
            if not self.losses:
                raise ConnectionError("all nodes were lost")
            super().advance(listen, timeout)

    with pytest.raises(ConnectionError):
        experiment(tmp_path, engine=Broken(2), max_retries=3).run(progress=False)
    states = [(trial.state, trial.interruptions) for trial in Experiment.load(tmp_path, "search")]
    assert states == [("completed", 0)] * 2 + [("interrupted", 2)]
    search = experiment(tmp_path, engine=Losing(2), max_retries=3)
    search.run(progress=False)
    assert (search.trials[2].state, search.trials[2].interruptions) == ("failed", 4)
    assert [trial.state for trial in search.trials[3:]] == ["completed"] * 3


def test_the_strategy_is_told_once_of_a_trial_that_runs_again(tmp_path):
    class Listening(GridSearch):
        def bind(self, domain, objectives, seed):
            super().bind(domain, objectives, seed)
            self.told = []

        def tell(self, trial):
            super().tell(trial)
            self.told.append((trial.number, trial.state))

    strategy = Listening()
    experiment(tmp_path, strategy=strategy, engine=Losing(2), max_trials=4).run(progress=False)
    assert strategy.told == [(number, state) for number in range(4) for state in ("waiting", "completed")]
