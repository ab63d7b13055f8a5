"""What is shown while a search runs."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from terminals import terminal

from retiarii import Experiment, Trial
from retiarii.domain import Categorical, Domain
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment.progress import Lines, Live, Pace, duration
from retiarii.experiment.tally import Tally
from retiarii.strategies import GridSearch, Random
from retiarii.testing import DOMAINS, SampleSpace

SEARCH = """
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment import Experiment
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS, SampleSpace
import sys

def score(sample):
    print("from inside")
    return sample["width"] / sample["kernel"]

evaluator = FunctionalEvaluator(score, argument="sample")
search = Experiment(SampleSpace(DOMAINS["flat"]), evaluator, GridSearch(), directory=sys.argv[1], name="shown")
search.run(progress=sys.argv[2] == "shown")
print("rich" in sys.modules, "torch" in sys.modules)
"""


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def shown(metrics, step):
    """The lines that a search leaves whose trials end every `step` seconds."""
    clock, out = Clock(), io.StringIO()
    tally = Tally({"score": "maximize"})
    lines = Lines(Pace(len(metrics), 0, 0.0, None), out, clock)
    for number, metric in enumerate(metrics):
        running = Trial(number, {}).running()
        tally.put(running, None)
        lines.update(tally)
        clock.now += step
        ended = running.failed("Traceback") if metric is None else running.completed({"score": metric})
        tally.put(ended, running)
        lines.update(tally)
    return out.getvalue().splitlines()


def test_a_line_a_trial_where_trials_take_their_time():
    assert shown([0.5, None, 0.25], 2.0) == [
        "retiarii: 1/3 trials, best 0.5 (trial 0), 2 s/trial, 4 s left",
        "retiarii: 2/3 trials, best 0.5 (trial 0), 1 failed, 2 s/trial, 2 s left",
        "retiarii: 3/3 trials, best 0.5 (trial 0), 1 failed, 2 s/trial, 0 s left",
    ]


def test_ten_thousand_quick_trials_leave_few_lines():
    lines = shown([0.0] * 10_000, 0.001)
    assert len(lines) <= 12
    assert "1e+03 trials/s" in lines[-1]


def test_a_new_best_is_shown_at_once_but_not_without_end():
    lines = shown([0.0] * 500 + [1.0] + [0.0] * 300, 0.001)
    assert any("501/801 trials, best 1 (trial 500)" in line for line in lines)
    assert len(shown(range(10_000), 0.001)) <= 101


def test_time_left_follows_from_trials_or_from_the_limit_of_time():
    pace = Pace(total=100, before=10, begin=0.0, max_duration=None)
    assert pace.left(30, 40.0) == 140.0
    assert pace.left(10, 40.0) is None
    limited = Pace(total=100, before=10, begin=0.0, max_duration=60.0)
    assert limited.left(30, 40.0) == 20.0
    assert limited.left(99, 1000.0) == 0.0
    assert Pace(total=None, before=0, begin=0.0, max_duration=None).left(30, 40.0) is None


def test_time_left_goes_on_while_trials_run_and_waits_for_those_that_are_late():
    pace = Pace(total=8, before=0, begin=0.0, max_duration=None)
    assert pace.left(4, 3600.0) == 3600.0
    for minutes, alone, four in ((5, 55, 55), (15, 45, 45), (30, 45, 30), (60, 45, 0), (90, 45, 0)):
        assert pace.left(4, 3600.0, since=60.0 * minutes) == 60.0 * alone
        assert pace.left(4, 3600.0, since=60.0 * minutes, running=4) == 60.0 * four
    limited = Pace(total=None, before=0, begin=0.0, max_duration=60.0)
    assert limited.left(0, 0.0, since=15.0) == 45.0


def test_a_bar_looks_at_the_clock_between_the_ends_of_trials():
    clock, tally = Clock(), Tally({"score": "maximize", "cost": "minimize"})
    live = Live(Pace(4, 0, 0.0, None), clock)
    assert live.stand().said == []
    trials = [Trial(number, {}).running() for number in range(3)]
    ends = [trials[0].failed("Traceback"), trials[1].completed({"score": 0.5, "cost": 8.0})]
    for trial in trials:
        tally.put(trial, None)
    live.update(tally)
    clock.now = 3600.0
    for trial, end in zip(trials, ends, strict=False):
        tally.put(end, trial)
        live.update(tally)
    found = []
    for clock.now in (3600.0, 4500.0, 5399.0, 9000.0):
        assert live.stand().done == 2
        found.append(live.stand().said)
        live.update(tally)
    rest = ["best 0.5 (trial 1)", "1 failed", "1.8e+03 s/trial"]
    assert found == [[f"{left} left", *rest] for left in ("1:00:00", "45:00", "30:01", "30:00")]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.6, "1:00"), (245, "4:05"), (7207, "2:00:07")])
def test_durations_read_like_a_clock(seconds, text):
    assert duration(seconds) == text


def run(tmp_path, how, error=subprocess.PIPE):
    command = [sys.executable, "-W", "error", "-c", SEARCH, str(tmp_path), how]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=error, text=True, check=True, timeout=120)


def test_lines_and_the_outcome_go_to_stderr_and_need_nothing_heavy(tmp_path):
    done = run(tmp_path, "shown")
    assert done.stdout.splitlines() == ["from inside"] * 6 + ["False False"]
    assert "1/6 trials, best 5.33333 (trial 0)" in done.stderr
    assert "all 6 samples of the space were tried" in done.stderr
    assert f"Everything is in {tmp_path / 'shown'}" in done.stderr


def test_nothing_is_shown_unless_wanted(tmp_path):
    assert not run(tmp_path, "hidden").stderr


def test_a_resumed_search_says_so(tmp_path):
    run(tmp_path, "hidden")
    assert f"resuming {tmp_path / 'shown'}: 6 trials are kept" in run(tmp_path, "shown").stderr


def test_a_terminal_gets_a_bar_and_stdout_stays_apart(tmp_path):
    with terminal() as (end, shown):
        done = run(tmp_path, "shown", end)
    screen = shown.result()
    assert done.stdout.splitlines() == ["from inside"] * 6 + ["True False"]
    assert "6/6" in screen
    assert "best 21.3333 (trial 4)" in screen
    assert "from inside" not in screen


def test_an_interrupted_search_says_how_to_go_on(tmp_path, capsys):
    def interrupted(sample):
        raise KeyboardInterrupt

    evaluator = FunctionalEvaluator(interrupted, argument="sample")
    search = Experiment(SampleSpace(DOMAINS["flat"]), evaluator, GridSearch(), directory=tmp_path, name="one")
    with pytest.raises(KeyboardInterrupt):
        search.run()
    said = capsys.readouterr().err.splitlines()
    assert said == [f"retiarii: interrupted; the same experiment goes on from {tmp_path / 'one'}"]
    search.evaluator = FunctionalEvaluator(len, argument="sample")
    search.run()
    said = capsys.readouterr().err
    assert "0 trials are kept, 1 was under way and will be run again" in said


def test_a_space_of_any_size_can_be_shown(tmp_path, capsys):
    domain = Domain([Categorical(f"choice{index}", tuple(range(10))) for index in range(400)])
    evaluator = FunctionalEvaluator(len, argument="sample")
    Experiment(SampleSpace(domain), evaluator, Random(), directory=tmp_path, max_trials=2).run()
    assert "trials, best 400" in capsys.readouterr().err
