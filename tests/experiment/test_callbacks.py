"""Who hears of trials, when, and what an error of theirs does."""

from __future__ import annotations

import sys

import pytest

from retiarii import Experiment, ExperimentError
from retiarii.callback import Callback
from retiarii.engine import Completed, Engine, Started, Stopped
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import SequentialEngine
from retiarii.experiment.reader import Reader
from retiarii.experiment.records import Records
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS, SampleSpace


class Listening(Callback):
    """Writes down what it hears, and what is on disk by then."""

    def __init__(self, folder):
        self.folder = folder
        self.heard = []

    def on_trial_start(self, trial):
        assert trial.state == "running"
        recorded = Reader(self.folder).trial(trial.number)
        assert recorded == trial or recorded.has_ended
        self.heard.append(("start", trial.number))

    def on_trial_end(self, trial):
        assert Reader(self.folder).trial(trial.number) == trial
        self.heard.append((trial.state, trial.number))

    def on_experiment_end(self, ending):
        assert Reader(self.folder).runs()[-1].ending == ending
        self.heard.append(("end", ending))


class Together(Engine):
    """Trials of a batch end in one `advance`, the last one first; those of width 32 are stopped."""

    def __init__(self, room=3):
        self.batch = []
        self.most = room

    def open(self, assignment):
        self.batch.clear()

    @property
    def room(self):
        return 0 if self.batch else self.most

    def submit(self, jobs):
        self.batch.extend(jobs)

    def advance(self, listen, timeout):
        for job in self.batch:
            listen(Started(job.number, "here"))
        for job in reversed(self.batch):
            metrics = {"default": float(job.sample["width"])}
            listen(Stopped(job.number, 0.0) if job.sample["width"] == 32 else Completed(job.number, metrics, 0.0))
        self.batch.clear()

    def cancel(self, number):
        raise AssertionError


def score(sample):
    return float(sample["width"])


def experiment(tmp_path, *callbacks, function=score, strategy=None, **options):
    evaluator = FunctionalEvaluator(function, argument="sample")
    options = {"strategy": strategy or GridSearch(), "name": "one", "directory": tmp_path, "seed": 0, **options}
    return Experiment(SampleSpace(DOMAINS["flat"]), evaluator, callbacks=callbacks, **options)


def test_what_is_heard_has_been_recorded(tmp_path):
    def picky(sample):
        if sample["kernel"] == 5:
            raise ValueError(sample)
        return score(sample)

    listening = Listening(tmp_path / "one")
    experiment(tmp_path, listening, function=picky, max_trials=3).run(progress=False)
    ending = ("end", "the limit of 3 trials is reached")
    trials = [("start", 0), ("completed", 0), ("start", 1), ("failed", 1), ("start", 2), ("completed", 2)]
    assert listening.heard == [*trials, ending]
    again = Listening(tmp_path / "one")
    experiment(tmp_path, again, function=picky, max_trials=3).run(progress=False)
    before = ("end", "the limit of 3 trials was reached before; a higher one goes on")
    assert again.heard == [before], "what ended in an earlier run is not heard of again"


def test_all_hear_in_the_order_in_which_they_are_given(tmp_path):
    heard = []

    class Named(Callback):
        def __init__(self, name):
            self.name = name

        def on_trial_end(self, trial):
            heard.append((self.name, trial.number))

    experiment(tmp_path, Named("a"), Named("b"), max_trials=2).run(progress=False)
    assert heard == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]


class Hearing(GridSearch):
    """Writes down what has ended on disk whenever it is told."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.seen = []

    def tell(self, trial):
        super().tell(trial)
        if trial.has_ended:
            self.seen.append((trial.number, [other.number for other in Reader(self.folder) if other.has_ended]))


def test_trials_that_end_together_are_written_in_one_go_before_anybody_hears(tmp_path, monkeypatch):
    written = []
    save = Records.save

    def saving(records, trials):
        written.append([trial.number for trial in trials if trial.has_ended])
        save(records, trials)

    monkeypatch.setattr(Records, "save", saving)
    strategy, listening = Hearing(tmp_path / "one"), Listening(tmp_path / "one")
    experiment(tmp_path, listening, strategy=strategy, engine=Together()).run(progress=False)
    assert [numbers for numbers in written if numbers] == [[2, 1, 0], [5, 4, 3]]
    first, all_of_them = [0, 1, 2], [0, 1, 2, 3, 4, 5]
    assert strategy.seen == [(2, first), (1, first), (0, first), (5, all_of_them), (4, all_of_them), (3, all_of_them)]
    starts = [("start", number) for number in range(3)]
    assert listening.heard[:6] == [*starts, ("stopped", 2), ("completed", 1), ("completed", 0)]


class Raising(Callback):
    def __init__(self, when, error, number=1):
        self.when = when
        self.error = error
        self.number = number

    def on_trial_start(self, trial):
        self._raise("start", trial)

    def on_trial_end(self, trial):
        self._raise("end", trial)

    def _raise(self, when, trial):
        if (when, trial.number) == (self.when, self.number):
            raise self.error


@pytest.mark.parametrize(
    "error", [ConnectionError("no route"), ValueError("\udcff"), KeyboardInterrupt(), SystemExit(3)]
)
@pytest.mark.parametrize(("when", "state"), [("start", "interrupted"), ("end", "completed")])
def test_an_error_ends_the_search_as_it_is_and_nothing_is_lost(tmp_path, when, state, error):
    last = Listening(tmp_path / "one")
    search = experiment(tmp_path, Raising(when, error), last)
    with pytest.raises(type(error)) as e:
        search.run(progress=False)
    assert e.value is error
    assert [trial.state for trial in search.trials] == ["completed", state]
    assert ("completed", 1) not in last.heard
    assert last.heard[-1][0] != "end"
    assert search.trials == Experiment.load(tmp_path, "one").trials
    (run,) = Experiment.load(tmp_path, "one").runs
    assert run.ended is not None
    again = experiment(tmp_path)
    again.run(progress=False)
    assert [trial.state for trial in again.trials] == ["completed"] * 6
    assert [trial.interruptions for trial in again.trials] == [0] * 6


def test_an_error_in_the_middle_of_trials_that_end_together_keeps_all_of_them(tmp_path):
    search = experiment(tmp_path, Raising("end", ConnectionError(), number=1), engine=Together())
    with pytest.raises(ConnectionError):
        search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed", "completed", "stopped"]
    strategy = Hearing(tmp_path / "one")
    experiment(tmp_path, strategy=strategy, max_trials=3).run(progress=False)
    assert [number for number, _ in strategy.seen] == [2, 1, 0]


def test_the_end_is_not_heard_where_there_is_an_error(tmp_path):
    def broken(sample):
        raise RuntimeError("no data")

    listening = Listening(tmp_path / "one")
    with pytest.raises(ExperimentError, match="first 3 trials failed"):
        experiment(tmp_path, listening, function=broken).run(progress=False)
    assert [name for name, _ in listening.heard] == ["start", "failed"] * 3


def test_an_engine_of_ones_own_is_closed_after_an_error(tmp_path):
    class Closing(SequentialEngine):
        closed = 0

        def close(self):
            super().close()
            self.closed += 1

    engine = Closing()
    with pytest.raises(ConnectionError):
        experiment(tmp_path, Raising("start", ConnectionError()), engine=engine).run(progress=False)
    assert engine.closed == 1


@pytest.mark.parametrize("callback", [print, Callback, "Ping", sys])
def test_what_is_no_callback_is_refused(tmp_path, callback):
    with pytest.raises(ExperimentError, match="a callback; derive it from Callback"):
        experiment(tmp_path, callback)


def test_one_by_itself_may_be_given_without_a_list(tmp_path):
    listening = Listening(tmp_path / "one")
    evaluator = FunctionalEvaluator(score, argument="sample")
    space = SampleSpace(DOMAINS["flat"])
    search = Experiment(
        space, evaluator, GridSearch(), callbacks=listening, name="one", directory=tmp_path, max_trials=1
    )
    search.run(progress=False)
    assert len(listening.heard) == 3


class Changing(Callback):
    """Tries to add something to the sample, as for a service that records parameters."""

    def on_trial_start(self, trial):
        parameters = {**trial.sample}
        parameters.pop("width")
        trial.sample["run"] = "x"


def test_a_sample_that_is_recorded_cannot_be_changed(tmp_path):
    with pytest.raises(TypeError, match=r"the sample of a trial can't be changed.*\{\*\*trial.sample\}"):
        experiment(tmp_path, Changing()).run(progress=False)
    assert Experiment.load(tmp_path, "one").trials[0].sample == {"width": 16, "kernel": 3}
