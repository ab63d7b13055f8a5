"""Trials that are ended early, in a search."""

from __future__ import annotations

import contextlib
import json
import math

import numpy as np
import pytest
import torch

from retiarii import Experiment, ExperimentError, ModelSpace, Stopper, TrialStopped, report_intermediate
from retiarii import nn as space_nn
from retiarii.engine import Completed, Failed, Failure, Interrupted, Reported, Started
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import ProcessEngine, SequentialEngine
from retiarii.stoppers import ASHA, MedianRule
from retiarii.strategies import GridSearch, Random
from retiarii.testing import DOMAINS, SampleSpace


class After(Stopper):
    """Stops the trials of width 32 after two reports, and writes down what it is shown."""

    def bind(self, objectives):
        super().bind(objectives)
        self.seen = []

    def should_stop(self, trial):
        self.seen.append((trial.number, trial.state, len(trial.intermediates)))
        return trial.sample["width"] == 32 and len(trial.intermediates) == 2

    def tell(self, trial):
        self.seen.append((trial.number, trial.state, len(trial.intermediates)))


def curve(sample):
    for step in range(4):
        report_intermediate(step + sample["kernel"])
    return 100.0


def experiment(tmp_path, function=curve, stopper=None, strategy=None, domain="flat", **options):
    return Experiment(
        SampleSpace(DOMAINS[domain]),
        FunctionalEvaluator(function, argument="sample"),
        strategy or GridSearch(),
        stopper=stopper or After(),
        directory=tmp_path,
        **{"name": "search", **options},
    )


def test_a_stopped_trial_keeps_what_it_reported_and_the_search_goes_on(tmp_path):
    search = experiment(tmp_path)
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed"] * 2 + ["stopped"] * 2 + ["completed"] * 2
    stopped = search.trials[2]
    assert stopped.intermediates == (3.0, 4.0)
    assert stopped.metrics == {"default": 4.0}
    assert stopped.duration is not None
    assert stopped.ended is not None
    assert Experiment.load(tmp_path, "search").trials == search.trials
    assert search.stopper.seen[4:12] == [
        (0, "completed", 4),
        *[(1, "running", step) for step in (1, 2, 3, 4)],
        (1, "completed", 4),
        (2, "running", 1),
        (2, "running", 2),
    ]
    assert search.stopper.seen[12] == (2, "stopped", 2)


@pytest.mark.parametrize("engine", [ProcessEngine(workers=1), ProcessEngine(workers=1, trials_per_message=3)])
def test_what_a_trial_does_after_it_was_stopped_makes_no_difference(tmp_path, engine):
    searches = [experiment(tmp_path, name=name) for name in ("here", "there")]
    searches[1].engine = engine
    for search in searches:
        search.run(progress=False)
    here, there = ([(t.state, t.metrics, t.intermediates) for t in search.trials] for search in searches)
    assert here == there


class Late(SequentialEngine):
    """Hears of the end of a trial too late."""

    def __init__(self, end):
        super().__init__()
        self.end = end

    def advance(self, listen, timeout):
        if not self._waiting:
            return
        number = self._waiting.popleft().number
        for event in (Started(number, "there"), Reported(number, 1.0), Reported(number, 2.0), Reported(number, 3.0)):
            listen(event)
        listen(self.end(number))


@pytest.mark.parametrize(
    "end",
    [
        lambda number: Completed(number, {"default": 5.0}, 0.1),
        lambda number: Failed(number, Failure("worker died", "it died", "", ""), 0.1),
        lambda number: Interrupted(number, "the node is lost"),
    ],
)
def test_a_trial_that_was_to_stop_has_stopped_whatever_its_engine_says(tmp_path, end):
    search = experiment(tmp_path, engine=Late(end), max_retries=0)
    with contextlib.suppress(ExperimentError):  # where those before and after fail, they are the first three to end
        search.run(progress=False)
    assert [(search.trials[n].state, search.trials[n].intermediates) for n in (2, 3)] == [("stopped", (1.0, 2.0))] * 2
    assert "stopped" not in {trial.state for trial in search.trials if trial.number not in (2, 3)}
    asked = [step for number, state, step in search.stopper.seen if number == 2 and state == "running"]
    assert asked == [1, 2], "it is not shown any more once it is to be stopped"


def test_the_best_is_one_that_completed(tmp_path):
    def falling(sample):
        for step in range(4):
            report_intermediate(sample["width"] * 10 - step)
        return 1.0

    search = experiment(tmp_path, falling)
    search.run(progress=False)
    assert search.trials[2].metric == 319.0
    assert search.best.state == "completed"
    assert {trial.state for trial in search.top(6)} == {"completed"}
    assert len(search.top(6)) == 4
    assert Experiment.load(tmp_path, "search").best == search.best


def test_the_strategy_is_told_of_it(tmp_path):
    class Listening(GridSearch):
        def tell(self, trial):
            super().tell(trial)
            if trial.state == "stopped":
                told.append((trial.number, trial.metrics))

    told = []
    experiment(tmp_path, strategy=Listening()).run(progress=False)
    assert told == [(2, {"default": 4.0}), (3, {"default": 6.0})]


class Steps:
    """The cost of a sample of the flat domain."""

    name = "steps"

    def __call__(self, samples):
        return np.array([sample["width"] * 2 for sample in samples])


@pytest.mark.parametrize(
    ("report", "metrics"),
    [
        ({"loss": 0.5, "accuracy": 0.25}, {"accuracy": 0.25, "steps": 64.0, "loss": 0.5}),
        ({"loss": 0.5}, {}),
        (0.75, {"accuracy": 0.75, "steps": 64.0}),
        ({"accuracy": 0.25, "steps": -1.0}, {"accuracy": 0.25, "steps": 64.0}),
    ],
)
def test_costs_join_what_was_reported_last(tmp_path, report, metrics):
    def reporting(sample):
        report_intermediate(9.0)
        report_intermediate(report)
        return 1.0

    objectives = {"accuracy": "maximize", "steps": "minimize"}
    search = experiment(tmp_path, reporting, costs=Steps(), objectives=objectives)
    search.run(progress=False)
    assert [*search.trials[2].metrics.items()] == [*metrics.items()]
    assert search.stopper.objectives == {"accuracy": "maximize"}


def test_a_trial_that_was_given_up_has_no_metrics(tmp_path):
    def hopeless(sample):
        raise TrialStopped

    search = experiment(tmp_path, hopeless, costs=Steps())
    search.run(progress=False)
    assert [(trial.state, trial.metrics, trial.metric) for trial in search.trials] == [("stopped", {}, None)] * 6
    assert search.best is None


def test_reports_without_the_metric_end_the_search_with_what_was_missing(tmp_path):
    def reporting(sample):
        report_intermediate({"loss": 1.0, "time": 2.0})
        return {"accuracy": 1.0}

    search = experiment(tmp_path, reporting, MedianRule(), objectives={"accuracy": "maximize"})
    with pytest.raises(ExperimentError, match=r"trial 0 reported .*'loss': 1\.0.* MedianRule looks at 'accuracy'"):
        search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["interrupted"]


def test_a_record_that_cannot_be_written_is_no_failed_trial(tmp_path):
    class Breaking(After):
        def should_stop(self, trial):
            raise OSError("no space left")

    def careless(sample):
        with contextlib.suppress(BaseException):
            report_intermediate(1.0)
        return 1.0

    search = experiment(tmp_path, careless, Breaking())
    with pytest.raises(OSError, match="no space left"):
        search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["interrupted"]


@pytest.mark.parametrize("stopper", [ASHA, "ASHA"])
def test_what_is_no_stopper_is_refused(tmp_path, stopper):
    with pytest.raises(ExperimentError, match=r"ASHA.* as its stopper; give one, such as ASHA\(\)"):
        experiment(tmp_path, stopper=stopper)


def learning(sample):
    """Curves that cross, different for every sample."""
    digest = sum(map(ord, json.dumps(sample)))
    for step in range(1, 17):
        report_intermediate(digest % 17 * (1 - math.exp(-step / (1 + digest % 5))))
    return float(digest % 17)


@pytest.mark.filterwarnings("ignore:some of the trials:UserWarning")
@pytest.mark.parametrize(
    "stopper",
    [lambda: ASHA(reduction_factor=2, max_reports=16), lambda: MedianRule(min_trials=3)],
    ids=["asha", "median"],
)
def test_a_search_in_pieces_stops_the_same_trials(tmp_path, stopper):
    def outcome(trials):
        return [(trial.number, trial.sample, trial.state, trial.intermediates, trial.metrics) for trial in trials]

    options = {"strategy": Random(), "domain": "large", "seed": 5}
    whole = experiment(tmp_path, learning, stopper(), name="whole", max_trials=40, **options)
    whole.run(progress=False)
    states = {trial.state for trial in whole.trials}
    assert states == {"completed", "stopped"}
    for limit in (1, 7, 8, 25):
        experiment(tmp_path, learning, stopper(), name="pieces", max_trials=limit, **options).run(progress=False)
    numbers = iter(range(100))

    def interrupted(sample):
        if next(numbers) == 4:
            report_intermediate(1e9)
            raise KeyboardInterrupt
        return learning(sample)

    with pytest.raises(KeyboardInterrupt):
        experiment(tmp_path, interrupted, stopper(), name="pieces", max_trials=40, **options).run(progress=False)
    assert [trial.state for trial in Experiment.load(tmp_path, "pieces").trials][29:] == ["interrupted"]
    again = experiment(tmp_path, learning, stopper(), name="pieces", max_trials=40, **options)
    again.run(progress=False)
    assert outcome(again.trials) == outcome(whole.trials)


class Widths(ModelSpace):
    def __init__(self):
        super().__init__()
        width = space_nn.ValueChoice([1, 2, 16, 32], label="width")
        self.hidden = space_nn.Linear(2, width)
        self.act = space_nn.LayerChoice([space_nn.Tanh(), space_nn.Identity()], label="act")
        self.out = space_nn.Linear(width, 1)

    def forward(self, x):
        return self.out(self.act(self.hidden(x)))


def spiral(epochs):
    """Trains to tell whether two numbers have the same sign, which takes a hidden layer with bends."""

    def train(model):
        inputs = torch.rand(128, 2) * 2 - 1
        target = (inputs[:, :1] * inputs[:, 1:] > 0).float()
        optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(epochs):
            for _ in range(10):
                optimiser.zero_grad()
                loss = torch.nn.functional.binary_cross_entropy_with_logits(model(inputs), target)
                loss.backward()
                optimiser.step()
            report_intermediate(loss)
        return loss

    return train


def test_asha_saves_training_and_finds_what_is_as_good(tmp_path):
    def searched(name, stopper):
        search = Experiment(
            Widths(),
            FunctionalEvaluator(spiral(9)),
            GridSearch(),
            stopper=stopper,
            objectives={"loss": "minimize"},
            directory=tmp_path,
            name=name,
            seed=0,
        )
        search.run(progress=False)
        return search

    whole = searched("whole", None)
    early = searched("early", ASHA(reduction_factor=3, max_reports=9))
    assert {trial.state for trial in whole.trials} == {"completed"}
    reports = [sum(len(trial.intermediates) for trial in search.trials) for search in (whole, early)]
    assert reports[0] == 72
    assert reports[1] < 50
    assert early.best.metric <= sorted(trial.metric for trial in whole.trials)[2]
    for one, other in zip(whole.trials, early.trials, strict=True):
        assert one.intermediates[: len(other.intermediates)] == other.intermediates
