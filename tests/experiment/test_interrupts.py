"""Ctrl-C and SIGTERM, sent to real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, nullcontext

import pytest

from retiarii import Experiment
from retiarii.callback import Callback
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import ProcessEngine
from retiarii.experiment.interrupts import Interrupts
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS, SampleSpace

SEARCH = """
import sys
from retiarii import Experiment
from retiarii.evaluators import FunctionalEvaluator
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS, SampleSpace

def score(sample):
    print("begun", flush=True)
    assert sys.stdin.readline()
    return float(sample["width"])

evaluator = FunctionalEvaluator(score, argument="sample")
search = Experiment(SampleSpace(DOMAINS["flat"]), evaluator, GridSearch(), directory=sys.argv[1], name="one")
try:
    search.run()
finally:
    print("left", flush=True)
"""


class Running:
    """A search whose trials end when they are told to."""

    def __init__(self, process):
        self.process = process

    def expect(self, line):
        assert self.process.stdout.readline() == f"{line}\n"

    def finish_trial(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def send(self, number):
        """Sends a signal, and waits until it is taken note of."""
        self.process.send_signal(number)
        while (line := self.process.stderr.readline()) and "finishing what runs" not in line:
            continue
        return line

    def end(self):
        """The exit status, and what was said since."""
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said


@contextmanager
def running(directory):
    """One whose second trial runs."""
    pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    command = [sys.executable, "-W", "error", "-c", SEARCH, directory]
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            search = Running(process)
            search.expect("begun")
            search.finish_trial()
            search.expect("begun")
            yield search
        finally:
            process.kill()


def trials_and_run(directory):
    history = Experiment.load(directory, "one")
    (run,) = history.runs
    assert run.ended is not None
    return [(trial.state, trial.interruptions) for trial in history], run.ending


def resumed(directory):
    evaluator = FunctionalEvaluator(lambda sample: float(sample["width"]), argument="sample")
    search = Experiment(SampleSpace(DOMAINS["flat"]), evaluator, GridSearch(), directory=directory, name="one")
    search.run(progress=False)
    return [(trial.state, trial.interruptions) for trial in search.trials]


@pytest.mark.filterwarnings("ignore:some of the trials:UserWarning")
@pytest.mark.parametrize(
    ("number", "status", "again"),
    [(signal.SIGINT, -signal.SIGINT, "Ctrl-C again"), (signal.SIGTERM, 143, "another one")],
)
def test_one_signal_finishes_what_runs_and_stops(tmp_path, number, status, again):
    with running(tmp_path) as search:
        said = search.send(number)
        assert said == f"retiarii: {number.name}: finishing what runs; {again} stops at once\n"
        search.finish_trial()
        search.expect("left")
        found, said = search.end()
    assert found == status
    assert f"interrupted; the same experiment goes on from {tmp_path / 'one'}" in said
    assert ("KeyboardInterrupt" in said) == (number is signal.SIGINT)
    assert trials_and_run(tmp_path) == ([("completed", 0)] * 2, "it was interrupted")
    assert resumed(tmp_path) == [("completed", 0)] * 6


@pytest.mark.filterwarnings("ignore:some of the trials:UserWarning")
@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        (signal.SIGINT, signal.SIGINT, -signal.SIGINT),
        (signal.SIGTERM, signal.SIGTERM, 143),
        (signal.SIGINT, signal.SIGTERM, 143),
        (signal.SIGTERM, signal.SIGINT, -signal.SIGINT),
    ],
)
def test_two_signals_stop_at_once(tmp_path, first, second, status):
    with running(tmp_path) as search:
        search.send(first)
        search.process.send_signal(second)
        search.expect("left")
        found, _ = search.end()
    assert found == status
    assert trials_and_run(tmp_path) == ([("completed", 0), ("interrupted", 0)], "it was interrupted")
    assert resumed(tmp_path) == [("completed", 0)] * 6


class Asking(Callback):
    """Asks for the end of the search, as Ctrl-C does, when its first trial has ended."""

    def on_trial_end(self, trial):
        if trial.number == 0:
            signal.raise_signal(signal.SIGTERM)


@pytest.mark.filterwarnings("ignore:some of the trials:UserWarning")
@pytest.mark.parametrize(
    ("options", "expected"),
    [({"callbacks": [Asking()]}, pytest.raises(SystemExit)), ({"max_duration": 0.5}, nullcontext())],
)
def test_what_a_worker_has_not_begun_is_not_begun_any_more(tmp_path, options, expected):
    def score(sample):
        time.sleep(0.6 if sample["width"] == 16 else 2.0)  # the first two are quick, the others not to be begun
        return float(sample["width"])

    engine = ProcessEngine(workers=1, trials_per_message=6)
    evaluator = FunctionalEvaluator(score, argument="sample")
    options = {"directory": tmp_path, "name": "one", "engine": engine, **options}
    with expected:
        Experiment(SampleSpace(DOMAINS["flat"]), evaluator, GridSearch(), **options).run(progress=False)
    trials, _ = trials_and_run(tmp_path)
    assert trials[0] == ("completed", 0)
    assert trials[-2:] == [("interrupted", 0)] * 2
    assert resumed(tmp_path) == [("completed", 0)] * 6


def test_a_trial_that_was_cut_off_waits_on_where_there_is_no_time_for_it(tmp_path):
    def interrupted(sample):
        raise KeyboardInterrupt

    options = {"directory": tmp_path, "name": "one"}
    evaluator = FunctionalEvaluator(interrupted, argument="sample")
    with pytest.raises(KeyboardInterrupt):
        Experiment(SampleSpace(DOMAINS["flat"]), evaluator, GridSearch(), **options).run(progress=False)
    again = Experiment(SampleSpace(DOMAINS["flat"]), evaluator, GridSearch(), max_duration=1e-9, **options)
    again.run(progress=False)
    assert [trial.state for trial in again.trials] == ["interrupted"]
    assert resumed(tmp_path) == [("completed", 0)] * 6


def test_the_log_says_so(tmp_path):
    with running(tmp_path) as search:
        search.send(signal.SIGTERM)
        search.finish_trial()
        search.end()
    last = json.loads((tmp_path / "one" / "log.jsonl").read_text().splitlines()[-1])
    assert last["message"] == "the run ends: it was interrupted"


def handlers():
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


@pytest.fixture
def own_handler():
    """A handler of ours, so that it is seen whether it comes back."""

    def handle(number, frame):
        raise AssertionError

    before = signal.signal(signal.SIGTERM, handle)
    yield handle
    signal.signal(signal.SIGTERM, before)


def test_handlers_come_back(own_handler):
    before = handlers()
    assert before[1] is own_handler
    with Interrupts(shown=False) as interrupts:
        assert before[0] not in handlers()
        assert own_handler not in handlers()
    assert handlers() == before
    with pytest.raises(ZeroDivisionError), Interrupts(shown=False):
        raise ZeroDivisionError
    assert handlers() == before
    assert interrupts.asked == ""
    interrupts.obey()


def test_a_signal_is_noted_and_obeyed_when_that_is_asked_for(capsys):
    with Interrupts(shown=False) as interrupts:
        interrupts.be_patient()
        signal.raise_signal(signal.SIGTERM)
        assert interrupts.asked == "SIGTERM"
    with pytest.raises(SystemExit) as e:
        interrupts.obey()
    assert e.value.code == 143
    with pytest.raises(KeyboardInterrupt), Interrupts(shown=False) as interrupts:
        interrupts.be_patient()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert interrupts.asked == "SIGINT"
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_the_first_signal_is_obeyed_at_once_while_nothing_runs(number, error):
    with pytest.raises(error), Interrupts(shown=False):
        signal.raise_signal(number)


def test_a_signal_that_is_ignored_stays_so():
    """As under nohup, or in a job that a shell runs in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts(shown=False) as interrupts:
            interrupts.be_patient()
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            signal.raise_signal(signal.SIGINT)
            assert interrupts.asked == ""
            signal.raise_signal(signal.SIGTERM)
            assert interrupts.asked == "SIGTERM"
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_nothing_is_installed(tmp_path, own_handler):
    before = handlers()
    seen = []

    def score(sample):
        seen.append(handlers())
        return 1.0

    evaluator = FunctionalEvaluator(score, argument="sample")
    search = Experiment(SampleSpace(DOMAINS["flat"]), evaluator, GridSearch(), directory=tmp_path, name="one")
    thread = threading.Thread(target=search.run, args=(False,))
    thread.start()
    thread.join()
    assert len(search.trials) == 6
    assert seen == [before] * 6


def test_a_callback_or_a_strategy_may_be_cut_off_too(tmp_path):
    """A second Ctrl-C comes at any moment, not only while an evaluation runs."""

    class Slow(GridSearch):
        def tell(self, trial):
            super().tell(trial)
            if trial.number == 2 and trial.has_ended and not interrupted:
                interrupted.append(trial.number)
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)

    interrupted = []
    evaluator = FunctionalEvaluator(lambda sample: float(sample["width"]), argument="sample")
    space = SampleSpace(DOMAINS["flat"])
    search = Experiment(space, evaluator, Slow(), directory=tmp_path, name="one")
    with pytest.raises(KeyboardInterrupt):
        search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed"] * 3
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed"] * 6
