"""The loop: when it ends, what it does with errors, several trials at a time."""

from __future__ import annotations

import math
from collections import deque

import pytest

from retiarii import Experiment, ExperimentError, Strategy, report_intermediate
from retiarii.engine import Engine, Failed, Failure, Started
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import SequentialEngine
from retiarii.execution.running import run
from retiarii.strategies import GridSearch, Random
from retiarii.testing import DOMAINS, SampleSpace


class OutOfOrder(Engine):
    """Keeps three trials; the one submitted last ends first."""

    def __init__(self):
        self.batches = []
        self.jobs = []
        self.closed = 0

    def open(self, assignment):
        self.assignment = assignment

    @property
    def room(self):
        return 3 - len(self.jobs)

    def submit(self, jobs):
        self.batches.append(len(jobs))
        self.jobs.extend(jobs)

    def advance(self, listen, timeout):
        job = self.jobs.pop()
        listen(Started(job.number, "here"))
        listen(run(self.assignment, job, lambda value: None))

    def cancel(self, number):
        raise AssertionError

    def close(self):
        self.jobs.clear()
        self.closed += 1


class Dying(SequentialEngine):
    """Says of every trial, without an exception at hand, that its worker died."""

    def advance(self, listen, timeout):
        number = self._waiting.popleft().number
        listen(Started(number, "elsewhere"))
        listen(Failed(number, Failure("WorkerDied", "signal 9", "", "the worker died (signal 9)"), 0.5))


def score(sample):
    return sample["width"] * sample["kernel"]


def experiment(tmp_path, function=score, strategy=None, domain="flat", **options):
    return Experiment(
        SampleSpace(DOMAINS[domain]),
        FunctionalEvaluator(function, argument="sample"),
        strategy or GridSearch(),
        directory=tmp_path,
        name="search",
        **options,
    )


def test_ends_when_the_space_is_exhausted(tmp_path):
    search = experiment(tmp_path)
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed"] * 6
    assert search.ending == "the strategy has nothing more to propose: all 6 samples of the space were tried"
    assert search.best.metric == 320


def test_ends_at_the_limit_of_trials(tmp_path):
    search = experiment(tmp_path, max_trials=4, strategy=Random())
    search.run(progress=False)
    assert [trial.number for trial in search.trials] == [0, 1, 2, 3]
    assert search.ending == "the limit of 4 trials is reached"


def test_ends_at_the_limit_of_time_after_the_trial_that_runs(tmp_path):
    search = experiment(tmp_path, max_duration=1e-9)
    search.run(progress=False)
    assert search.trials == []
    assert search.ending == "the time limit of 1e-09 s is reached"


def test_failed_trials_count_and_are_told(tmp_path):
    def picky(sample):
        if sample["kernel"] == 5:
            raise ValueError(f"width {sample['width']} is too much")
        return 1.0

    search = experiment(tmp_path, picky, max_trials=4)
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed", "failed"] * 2
    assert "ValueError: width 16 is too much" in search.trials[1].error
    assert search.trials[1].metric is None


def test_a_trial_knows_what_happened_to_it(tmp_path):
    def reporting(sample):
        report_intermediate(0.5)
        report_intermediate({"loss": 1})
        return {"default": 2, "size": 3}

    search = experiment(tmp_path, reporting, max_trials=1)
    search.run(progress=False)
    (trial,) = search.trials
    assert trial.metrics == {"default": 2.0, "size": 3.0}
    assert trial.intermediates == (0.5, {"loss": 1.0})
    assert trial.started <= trial.ended
    assert trial.duration >= 0
    assert trial.host


def test_the_same_error_in_the_first_three_trials_stops_the_search(tmp_path):
    def broken(sample):
        raise RuntimeError("no data here")

    search = experiment(tmp_path, broken)
    with pytest.raises(ExperimentError, match=r"first 3 trials failed with the same error.*RuntimeError: no data") as e:
        search.run(progress=False)
    assert isinstance(e.value.__cause__, RuntimeError)
    assert f"({__file__}:{broken.__code__.co_firstlineno + 1})" in str(e.value)
    assert [trial.state for trial in search.trials] == ["failed"] * 3
    assert [trial.state for trial in Experiment.load(tmp_path, "search").trials] == ["failed"] * 3


def test_a_search_so_stopped_goes_on_once_the_error_is_mended(tmp_path):
    with pytest.raises(ExperimentError):
        experiment(tmp_path, lambda sample: None).run(progress=False)
    mended = experiment(tmp_path)
    mended.run(progress=False)
    assert [trial.state for trial in mended.trials] == ["failed"] * 3 + ["completed"] * 3


def test_different_errors_do_not_stop_the_search(tmp_path):
    def picky(sample):
        raise ValueError(sample)

    search = experiment(tmp_path, picky)
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["failed"] * 6
    assert search.best is None


def test_the_same_error_later_on_does_not_stop_the_search(tmp_path):
    numbers = iter(range(100))

    def tired(sample):
        if next(numbers) > 0:
            raise ValueError("tired")
        return 1.0

    search = experiment(tmp_path, tired)
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed"] + ["failed"] * 5


def test_the_same_failure_without_an_exception_stops_the_search_too(tmp_path):
    search = experiment(tmp_path, engine=Dying())
    with pytest.raises(ExperimentError, match=r"WorkerDied: signal 9$") as e:
        search.run(progress=False)
    assert e.value.__cause__ is None
    assert search.trials[0].error == "the worker died (signal 9)"


@pytest.mark.parametrize("value", [None, math.nan, math.inf, "0.5", True, [1], {"other": 1.0, "more": 2.0}])
def test_nonsense_as_a_metric_costs_the_trial_and_no_more(tmp_path, value):
    def now_and_then(sample):
        return value if sample["width"] == 32 else 1.0

    search = experiment(tmp_path, now_and_then)
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed"] * 2 + ["failed"] * 2 + ["completed"] * 2
    assert "MetricError" in search.trials[2].error


def test_several_at_a_time_in_any_order(tmp_path):
    engine = OutOfOrder()
    search = experiment(tmp_path, engine=engine)
    search.run(progress=False)
    assert [trial.number for trial in search.trials] == list(range(6))
    assert [trial.sample for trial in search.trials] == list(DOMAINS["flat"].grid())
    assert engine.batches == [3, 1, 1, 1]
    assert engine.closed == 1


def test_a_strategy_is_told_of_every_trial_when_it_is_made_and_when_it_has_ended(tmp_path):
    class Listening(GridSearch):
        def bind(self, domain, objectives, seed):
            super().bind(domain, objectives, seed)
            self.told = []

        def ask(self):
            self.told.append("ask")
            return super().ask()

        def tell(self, trial):
            super().tell(trial)
            self.told.append((trial.number, trial.state))

    strategy = Listening()
    experiment(tmp_path, strategy=strategy, engine=OutOfOrder(), max_trials=4, deduplicate=False).run(progress=False)
    begun = [entry for number in range(3) for entry in ("ask", (number, "waiting"))]
    ended = [(number, "completed") for number in (2, 3, 1, 0)]
    assert strategy.told == [*begun, ended[0], "ask", (3, "waiting"), *ended[1:]]


class Moody(GridSearch):
    def ask(self):
        if self.known < 2:
            return super().ask()
        self.ending = "two are enough"
        return None


@pytest.mark.parametrize("deduplicate", [True, False])
def test_a_strategy_may_say_why_it_ends(tmp_path, deduplicate):
    search = experiment(tmp_path, strategy=Moody(), deduplicate=deduplicate)
    search.run(progress=False)
    assert len(search.trials) == 2
    assert search.ending == "the strategy has nothing more to propose: two are enough"


class Repeating(Strategy):
    """Proposes one sample again and again."""

    def ask(self):
        return {"width": 16, "kernel": 3}


def test_samples_are_not_repeated_unless_that_is_wanted(tmp_path):
    search = experiment(tmp_path / "once", strategy=Repeating(), seed=0)
    search.run(progress=False)
    samples = [trial.sample for trial in search.trials]
    assert samples[0] == {"width": 16, "kernel": 3}
    assert sorted(map(str, samples)) == sorted(map(str, DOMAINS["flat"].grid()))
    search = experiment(tmp_path / "again", strategy=Repeating(), deduplicate=False, max_trials=3)
    search.run(progress=False)
    assert [trial.sample for trial in search.trials] == samples[:1] * 3


def test_the_limit_of_trials_holds_for_several_at_a_time(tmp_path):
    search = experiment(tmp_path, engine=OutOfOrder(), max_trials=5)
    search.run(progress=False)
    assert len(search.trials) == 5


class Patient(Strategy):
    """Proposes in pairs: the next one only when both of the last were told."""

    def bind(self, domain, objectives, seed):
        super().bind(domain, objectives, seed)
        self.pending = deque(domain.grid())
        self.out = 0
        self.paused = 0

    def ask(self):
        if not self.pending or (self.out and len(self.pending) % 2 == 0):
            self.paused += bool(self.pending)
            return None
        self.out += 1
        return self.pending.popleft()

    def tell(self, trial):
        super().tell(trial)
        self.out -= trial.has_ended


def test_a_strategy_may_wait_for_what_is_out(tmp_path):
    strategy = Patient()
    search = experiment(tmp_path, strategy=strategy, engine=OutOfOrder())
    search.run(progress=False)
    assert len(search.trials) == 6
    assert strategy.paused > 0


class Wrong(GridSearch):
    def ask(self):
        return {"width": 17, "kernel": 3}


def test_a_proposal_outside_the_space_is_an_error_of_the_strategy(tmp_path):
    with pytest.raises(ExperimentError, match=r"Wrong proposed .* for trial 0: .*'width'.* 17"):
        experiment(tmp_path, strategy=Wrong()).run(progress=False)


class Raises(GridSearch):
    def tell(self, trial):
        super().tell(trial)
        if trial.has_ended:
            raise ZeroDivisionError("in the strategy")


def test_an_error_of_the_strategy_is_raised_and_the_trial_is_kept(tmp_path):
    engine = OutOfOrder()
    search = experiment(tmp_path, strategy=Raises(), engine=engine)
    with pytest.raises(ZeroDivisionError):
        search.run(progress=False)
    assert engine.closed == 1
    states = ["interrupted", "interrupted", "completed"]
    assert [trial.state for trial in search.trials] == states
    assert sorted(trial.state for trial in Experiment.load(tmp_path, "search").trials) == sorted(states)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_search_keeps_what_is_done_and_goes_on(tmp_path, error):
    numbers = iter(range(100))

    def interrupting(sample):
        if next(numbers) == 2:
            raise error
        return score(sample)

    search = experiment(tmp_path, interrupting)
    with pytest.raises(error):
        search.run(progress=False)
    states = ["completed", "completed", "interrupted"]
    assert [trial.state for trial in search.trials] == states
    assert [trial.state for trial in Experiment.load(tmp_path, "search").trials] == states
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed"] * 6


def test_seeds_of_trials_follow_from_the_seed_of_the_search(tmp_path):
    def seeds(name, seed):
        search = experiment(tmp_path / name, seed=seed)
        search.run(progress=False)
        return [trial.seed for trial in search.trials]

    assert seeds("one", 0) == seeds("two", 0)
    assert seeds("three", 7) == [7, 8, 9, 10, 11, 12], "a trial can be run again by hand from the seed of the search"


def test_a_step_costs_the_same_however_many_trials_there_are(tmp_path):
    """Counted in lines of Python that the loop runs, which depend on no clock."""
    search = experiment(tmp_path, lambda sample: 1.0, strategy=Random(), domain="large", max_trials=600)
    counts = _lines_by_trial(search)
    assert sum(counts[500:600]) <= 1.05 * sum(counts[100:200])


def _lines_by_trial(search):
    import sys  # noqa: PLC0415

    counts = []
    lines = 0

    def count(frame, event, argument):
        nonlocal lines
        lines += event == "line"
        return count

    original = search.evaluator.function

    def marking(sample):
        nonlocal lines
        counts.append(lines)
        lines = 0
        return original(sample)

    search.evaluator.function = marking
    before = sys.gettrace()
    sys.settrace(count)
    try:
        search.run(progress=False)
    finally:
        sys.settrace(before)
    return counts
