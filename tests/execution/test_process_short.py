"""Short trials in worker processes: what is done to run them fast makes no difference otherwise."""

from __future__ import annotations

import functools
import os
import signal
import time

import pytest
from trials import ends_of, jobs, opened

from retiarii.engine import Completed, Failed, Stopped
from retiarii.execution import ProcessEngine

LONG = 100_000
PATIENCE = 60


def note(file, act, sample):
    """Writes down that a trial runs; one of them is different."""
    with file.open("a") as notes:
        notes.write(f"{sample['width']}\n")
    if sample["width"] == LONG:
        act()
    return float(sample["width"])


def hurried(engine, room=4):
    """Gives an engine short trials until it has so much room; they are fewer than LONG."""
    count, until = 0, time.monotonic() + PATIENCE
    while engine.room < room:
        assert time.monotonic() < until, f"after {count} trials it has room for {engine.room}"
        ends_of(engine, jobs(10, count))
        count += 10


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "worker died"),
        (lambda: time.sleep(600), "time limit"),
    ],
)
def test_a_trial_that_waits_in_a_worker_when_that_ends_runs_once_elsewhere(act, kind, tmp_path):
    file = tmp_path / "notes"
    with opened(ProcessEngine(workers=2, trial_timeout=1.5), functools.partial(note, file, act)) as engine:
        hurried(engine, room=16)
        file.unlink()
        engine.submit(jobs(16, LONG))
        assert [len(worker.jobs) for worker in engine._crew.workers] == [8, 8], "some wait in the worker that ends"
        ends = ends_of(engine, jobs(44, LONG + 16), many=60)
    failed = ends.pop(LONG)
    assert isinstance(failed, Failed)
    assert failed.failure.kind == kind
    assert all(isinstance(end, Completed) and end.metrics["default"] == number for number, end in ends.items())
    assert sorted(map(int, file.read_text().split())) == [*range(LONG, LONG + 60)]


def test_the_time_limit_begins_with_the_trial_not_with_its_waiting():
    def evaluate(sample):
        time.sleep(1.2 if sample["width"] >= LONG else 0)
        return 1.0

    with opened(ProcessEngine(workers=2, trial_timeout=2.2), evaluate) as engine:
        hurried(engine, room=16)
        assert all(isinstance(end, Completed) for end in ends_of(engine, jobs(4, LONG)).values())


def test_a_worker_whose_trial_takes_longer_gets_one_after_another():
    def evaluate(sample):
        time.sleep(0.05 if sample["width"] >= LONG else 0)
        return 1.0

    with opened(ProcessEngine(workers=2), evaluate) as engine:
        hurried(engine)
        ends_of(engine, jobs(8, LONG))
        assert engine.room == 2


def test_after_a_long_trial_a_worker_must_have_had_more_short_ones():
    def evaluate(sample):
        time.sleep(1.1 if sample["width"] >= LONG else 0)
        return 1.0

    with opened(ProcessEngine(workers=2), evaluate) as engine:
        hurried(engine)
        ends_of(engine, jobs(2, LONG))
        ends_of(engine, jobs(40, 50_000))
        assert engine.room == 2


def test_very_short_trials_wait_in_the_worker_for_one_another():
    with opened(ProcessEngine(workers=2), lambda sample: 1.0) as engine:
        hurried(engine, room=16)


def test_messages_of_several_trials_come_two_at_a_time():
    with opened(ProcessEngine(workers=2, trials_per_message=4), lambda sample: 1.0) as engine:
        hurried(engine, room=16)
        ends_of(engine, jobs(200, LONG))
        assert engine.room <= 16


def test_one_that_was_sent_alone_is_to_blame_whatever_waits_behind_it(tmp_path):
    act = functools.partial(time.sleep, 600)
    evaluate = functools.partial(note, tmp_path / "notes", act)
    with opened(ProcessEngine(workers=2, trial_timeout=1.5, trials_per_message=16), evaluate) as engine:
        hurried(engine, room=64)
        (tmp_path / "notes").unlink()
        engine.submit(jobs(1, LONG))
        ends = ends_of(engine, jobs(39, LONG + 1), many=40)
    assert [number for number, end in ends.items() if isinstance(end, Failed)] == [LONG]
    assert sorted(map(int, (tmp_path / "notes").read_text().split())) == [*range(LONG, LONG + 40)]


def test_what_waits_in_a_worker_may_be_taken_back():
    def evaluate(sample):
        time.sleep(0.3 if sample["width"] >= LONG else 0)
        return 1.0

    with opened(ProcessEngine(workers=2), evaluate) as engine:
        hurried(engine, room=16)
        engine.submit(jobs(16, LONG))
        for number in range(LONG + 2, LONG + 16):
            engine.cancel(number)
        ends = ends_of(engine, [], many=16)
    stopped = [number for number, end in ends.items() if isinstance(end, Stopped)]
    assert len(stopped) >= 12, "some may have begun before they were taken back"


@pytest.mark.parametrize("arguments", [{"workers": 1}, {"workers": 2, "memory_limit": "4GB"}])
def test_one_worker_and_those_with_a_limit_of_memory_get_one_after_another(arguments):
    with opened(ProcessEngine(**arguments), lambda sample: 1.0) as engine:
        ends_of(engine, jobs(60))
        assert engine.room == engine.workers


@pytest.mark.parametrize("per_message", [1, 16])
@pytest.mark.parametrize("pause", [0, 0.001])
def test_what_is_printed_past_python_belongs_to_its_trial(per_message, pause, tmp_path):
    def evaluate(sample):
        if sample["width"] % 3 == 0:
            os.write(1, b"trial %d" % sample["width"])
            time.sleep(pause)  # so that it is read meanwhile
        return 1.0

    with opened(ProcessEngine(workers=2, trials_per_message=per_message), evaluate, folder=tmp_path) as engine:
        ends_of(engine, jobs(200))
    printed = {path.parent.name: path.read_text() for path in tmp_path.glob("*/output.txt")}
    assert printed == {str(number): f"trial {number}" for number in range(0, 200, 3)}


def test_an_evaluation_may_close_what_it_prints_to(tmp_path):
    def evaluate(sample):
        if sample["width"] == 1:
            print("the last thing it says", flush=True)
            os.close(1)
        return 1.0

    with opened(ProcessEngine(workers=1), evaluate, folder=tmp_path) as engine:
        assert all(isinstance(end, Completed) for end in ends_of(engine, jobs(4)).values())
    assert (tmp_path / "1" / "output.txt").read_text() == "the last thing it says\n"
