"""Whether a search may go on from what is recorded, and what becomes of that where it has changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from retiarii import Experiment, ExperimentError, Trial
from retiarii.domain import Categorical, Domain
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment.record_file import FILE
from retiarii.experiment.records import Records
from retiarii.strategies import GridSearch, Random
from retiarii.testing import DOMAINS, SampleSpace

FLAT = DOMAINS["flat"]
OTHER = Domain([Categorical("width", (16, 128)), Categorical("kernel", (3, 5))])


class Listening(GridSearch):
    """Writes down what it is told."""

    def bind(self, domain, objectives, seed):
        super().bind(domain, objectives, seed)
        self.told = []

    def tell(self, trial):
        super().tell(trial)
        self.told.append((trial.number, trial.state))


def both(sample):
    return {"score": float(sample["width"]), "size": float(sample["width"] * sample["kernel"])}


def experiment(tmp_path, strategy=None, domain=FLAT, function=lambda sample: float(sample["width"]), **options):
    evaluator = FunctionalEvaluator(function, argument="sample")
    options = {"name": "one", **options}
    return Experiment(SampleSpace(domain), evaluator, strategy or GridSearch(), directory=tmp_path, **options)


def dump(tmp_path):
    with closing(sqlite3.connect(tmp_path / "one" / FILE)) as file:
        return [*file.iterdump()]


def test_an_old_search_is_not_touched_where_that_is_wanted(tmp_path):
    experiment(tmp_path, max_trials=3, resume=False).run(progress=False)
    before = dump(tmp_path)
    again = experiment(tmp_path, resume=False)
    said = r"one holds an experiment of 3 trials, and resume is False; choose another name, or go on with it by resume="
    with pytest.raises(ExperimentError, match=said):
        again.run(progress=False)
    assert dump(tmp_path) == before
    again.resume = True
    again.run(progress=False)
    assert len(again.trials) == 6


def test_a_record_without_a_search_is_no_old_one(tmp_path):
    (tmp_path / "one").mkdir()
    Records(tmp_path / "one").close()
    experiment(tmp_path, resume=False, max_trials=1).run(progress=False)


def test_the_same_search_goes_on_anyway_as_it_would(tmp_path):
    whole = experiment(tmp_path, Random(), name="whole", seed=4)
    whole.run(progress=False)
    for limit in (2, 5, 6):
        experiment(tmp_path, Random(), seed=4, max_trials=limit, resume="anyway").run(progress=False)
    found = Experiment.load(tmp_path, "one").trials
    assert [(trial.sample, trial.seed) for trial in found] == [(trial.sample, trial.seed) for trial in whole.trials]


def test_of_another_space_what_fits_is_kept(tmp_path):
    experiment(tmp_path, max_trials=4, seed=0).run(progress=False)
    records = Records(tmp_path / "one")
    running = Trial(4, {"width": 64, "kernel": 3}, seed=4).running(host="gone")
    records.save([running, Trial(5, {"width": 16, "kernel": 5}, seed=5)])
    records.close()
    strategy = Listening()
    with pytest.raises(ExperimentError, match=r'make it what it was; resume="anyway" goes on with what still fits'):
        experiment(tmp_path, strategy, OTHER, seed=0).run(progress=False)
    search = experiment(tmp_path, strategy, OTHER, seed=0, resume="anyway", deduplicate=False)
    search.run(progress=False)
    assert strategy.told[:4] == [(0, "completed"), (1, "completed"), (5, "waiting"), (5, "completed")]
    assert {number for number, _ in strategy.told} == {0, 1, 5, 6, 7}
    assert [trial.state for trial in search.trials[:6]] == ["completed"] * 4 + ["failed", "completed"]
    assert search.trials[4].error == "not run: its sample does not fit the space as it is now"
    assert [trial.sample["width"] for trial in search.trials[:4]] == [16, 16, 32, 32]
    assert search.best.metric == 128.0
    plan = Experiment.load(tmp_path, "one").plan
    assert plan.choices["width"]["candidates"] == [16, 128]


def test_what_has_become_of_it_is_the_search_from_then_on(tmp_path):
    experiment(tmp_path, max_trials=3, seed=0).run(progress=False)
    experiment(tmp_path, domain=OTHER, seed=0, max_trials=4, resume="anyway").run(progress=False)
    strategy = Listening()
    again = experiment(tmp_path, strategy, OTHER, seed=0)
    again.run(progress=False)
    assert strategy.told[:3] == [(0, "completed"), (1, "completed"), (3, "completed")]
    assert [trial.sample for trial in again.trials[3:]] == [{"width": 128, "kernel": kernel} for kernel in (3, 5)]
    with pytest.raises(ExperimentError, match=r"choice 'width': was .*128.*, is .*64"):
        experiment(tmp_path, seed=0).run(progress=False)


def test_trials_that_are_given_up_count_to_the_limit(tmp_path):
    experiment(tmp_path, max_trials=2, seed=0).run(progress=False)
    records = Records(tmp_path / "one")
    records.save([Trial(2, {"width": 32, "kernel": 3}, seed=2)])
    records.close()
    search = experiment(tmp_path, domain=OTHER, seed=0, max_trials=4, resume="anyway")
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed", "completed", "failed", "completed"]


def test_with_another_seed_it_goes_on_by_that(tmp_path):
    experiment(tmp_path, Random(), seed=1, max_trials=3).run(progress=False)
    with pytest.raises(ExperimentError, match=r"\n  seed: was 1, is 2\n"):
        experiment(tmp_path, Random(), seed=2).run(progress=False)
    search = experiment(tmp_path, Random(), seed=2, resume="anyway")
    search.run(progress=False)
    assert [trial.seed for trial in search.trials] == [1, 2, 3, 5, 6, 7]
    assert Experiment.load(tmp_path, "one").plan.seed == 2
    assert experiment(tmp_path, Random(), seed=2).limits == search.limits
    drawn = experiment(tmp_path, Random(), resume="anyway")
    drawn.run(progress=False)
    assert drawn.seed == 2


def test_objectives_can_change_places(tmp_path):
    def picky(sample):
        if sample["width"] == 32:
            raise ValueError(sample)
        return both(sample)

    first = {"score": "maximize", "size": "minimize"}
    swapped = {"size": "minimize", "score": "maximize"}
    search = experiment(tmp_path, function=picky, objectives=first, max_trials=5, seed=0)
    search.run(progress=False)
    assert search.best.sample == {"width": 64, "kernel": 3}
    with pytest.raises(ExperimentError, match=r"objectives: was \{'score'.*\}, is \{'size'"):
        experiment(tmp_path, function=picky, objectives=swapped, seed=0).run(progress=False)
    search = experiment(tmp_path, function=picky, objectives=swapped, seed=0, resume="anyway")
    search.run(progress=False)
    assert search.best.sample == {"width": 16, "kernel": 3}
    assert search.best.metric == 48.0
    assert all([*trial.metrics] == ["size", "score"] for trial in search.trials if trial.metrics)
    loaded = Experiment.load(tmp_path, "one")
    assert (loaded.best, loaded.objectives) == (search.best, swapped)
    assert [trial.metric for trial in loaded.top(9)] == [48.0, 80.0, 192.0, 320.0]


def test_a_direction_can_change(tmp_path):
    experiment(tmp_path, max_trials=6, seed=0).run(progress=False)
    search = experiment(tmp_path, objectives={"default": "minimize"}, seed=0, resume="anyway")
    search.run(progress=False)
    assert Experiment.load(tmp_path, "one").best.metric == search.best.metric == 16.0


def test_one_objective_of_several_may_be_left_and_come_back(tmp_path):
    objectives = [{"score": "maximize", "size": "minimize"}, {"size": "minimize"}, {"score": "maximize"}]
    best = []
    for limit, wanted in enumerate(objectives, 4):
        search = experiment(tmp_path, function=both, objectives=wanted, max_trials=limit, seed=0, resume="anyway")
        search.run(progress=False)
        best.append(Experiment.load(tmp_path, "one").best.metric)
    assert best == [32.0, 48.0, 64.0]


def test_objectives_that_no_trial_has_are_refused_and_nothing_is_changed(tmp_path):
    experiment(tmp_path, function=both, objectives={"score": "maximize"}, max_trials=3, seed=0).run(progress=False)
    before = dump(tmp_path)
    search = experiment(
        tmp_path, function=both, objectives={"size": "minimize", "speed": "maximize"}, seed=0, resume="anyway"
    )
    said = "trial 0 has the metrics score, size, so the objectives cannot become size, speed; choose another name"
    with pytest.raises(ExperimentError, match=said):
        search.run(progress=False)
    assert dump(tmp_path) == before


def test_a_change_is_logged(tmp_path):
    experiment(tmp_path, seed=0, max_trials=1).run(progress=False)
    experiment(tmp_path, seed=1, max_trials=2, resume="anyway").run(progress=False)
    log = (tmp_path / "one" / "log.jsonl").read_text()
    assert '"level": "warning"' in log
    assert "the experiment goes on with a change: seed: was 0, is 1" in log


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"resume": "always"}, "resume is 'always'; expected True, False or \"anyway\""),
        ({"resume": None}, "resume is None; expected True"),
        ({"max_retries": -1}, "max_retries is -1; expected an integer from 0"),
        ({"max_retries": True}, "max_retries is True; expected an integer from 0"),
        ({"max_retries": None}, "max_retries is None; expected an integer from 0"),
    ],
)
def test_unusable_arguments_are_named(tmp_path, options, said):
    with pytest.raises(ExperimentError, match=said):
        experiment(tmp_path, **options)
