"""What trials leave running in a worker: either it is replaced, or what was left serves other trials as well."""

from __future__ import annotations

import functools
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time

import pytest
from leavings import (
    always,
    at_one,
    drop_executor,
    drop_loader,
    exhaust_files,
    give_up_on_executor,
    have_a_thread,
    leave_a_child_beside_a_loader,
    leave_files,
    loader,
    set_timer,
    spin,
    use_executor,
    use_for_long,
    use_loader,
)
from trials import alive, ends_of, jobs, opened

from retiarii.engine import Completed
from retiarii.execution import ProcessEngine
from retiarii.execution.process import children, threads
from retiarii.execution.process.files import Files
from retiarii.execution.process.leftovers import Leftovers

needs_times_of_threads = pytest.mark.skipif(sys.platform != "linux", reason="the system must tell how threads work")


@pytest.fixture
def few_files():
    """Lets this process, and those that it starts, open 256 files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def seen_by_trials(function, count=4, per_message=1):
    """What trials tell that run one after another, as `leavings.seen` puts it."""
    with opened(ProcessEngine(workers=1, trials_per_message=per_message), function) as engine:
        ends = ends_of(engine, jobs(count))
    assert all(isinstance(end, Completed) for end in ends.values()), ends
    return [ends[number].metrics for number in range(count)]


def workers(seen):
    """Which worker ran each trial, counted from 0."""
    numbers = [metrics["default"] for metrics in seen]
    return [[*dict.fromkeys(numbers)].index(number) for number in numbers]


@pytest.mark.parametrize("act", [spin, use_for_long])
def test_a_thread_that_is_no_daemon_ends_with_its_worker(act, caplog):
    seen = seen_by_trials(at_one(functools.partial(have_a_thread, act, daemon=False)))
    assert workers(seen) == [0, 0, 1, 1]
    (warning,) = caplog.messages
    assert warning.startswith("trial 1 left")
    assert "thread 'left-alone' (no daemon)" in warning


def test_a_daemon_that_is_idle_stays(caplog):
    seen = seen_by_trials(at_one(functools.partial(have_a_thread, use_for_long, daemon=True)))
    assert workers(seen) == [0, 0, 0, 0]
    assert seen[3]["threads"] == seen[0]["threads"] + 1
    assert not caplog.messages


@needs_times_of_threads
@pytest.mark.parametrize("count", [1, 8])
def test_daemons_that_are_busy_end_with_their_worker(count, caplog):
    seen = seen_by_trials(at_one(functools.partial(have_a_thread, spin, count, daemon=True)))
    assert workers(seen) == [0, 0, 1, 1]
    assert "thread 'left-alone' (a daemon)" in caplog.text


def test_daemons_that_become_ever_more_end_with_their_worker():
    seen = seen_by_trials(always(functools.partial(have_a_thread, use_for_long, 11, daemon=True)))
    assert workers(seen) == [0, 0, 0, 1]


def test_an_executor_that_waits_for_work_serves_all_trials(caplog):
    last = workers(seen_by_trials(always(use_executor), 50))[-1]
    assert last == len(caplog.messages) <= 1, "if its threads had to wait for a core themselves"


def test_an_executor_that_is_given_up_on_ends_with_its_worker(caplog):
    def evaluate(sample):
        use_executor()
        return at_one(give_up_on_executor)(sample)

    assert workers(seen_by_trials(evaluate)) == [0, 0, 1, 1]
    assert "thread 'pool_" in caplog.text


def test_an_executor_that_is_dropped_leaves_nothing(caplog):
    seen = seen_by_trials(always(drop_executor))
    assert workers(seen) == [0, 0, 0, 0]
    assert len({metrics["threads"] for metrics in seen}) == 1
    assert not caplog.messages


@pytest.mark.parametrize("per_message", [1, 2])
@pytest.mark.parametrize("timer", [signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF])
def test_a_timer_of_one_trial_does_not_end_the_next(timer, per_message):
    seen = seen_by_trials(functools.partial(set_timer, timer), 2, per_message)
    assert workers(seen) == [0, 0]


def test_a_timer_that_ran_before_all_trials_goes_on():
    signal.setitimer(signal.ITIMER_PROF, 1000)
    try:
        leftovers = Leftovers()
        leftovers.stop_timers()
        assert signal.getitimer(signal.ITIMER_PROF)[0] > 0
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def test_a_loader_with_persistent_workers_serves_all_trials(caplog):
    seen = seen_by_trials(always(use_loader))
    assert workers(seen) == [0, 0, 0, 0]
    assert {metrics["child"] for metrics in seen} == {seen[0]["child"]}
    assert not caplog.messages
    assert not alive(int(seen[0]["child"]))


def test_a_loader_with_persistent_workers_that_is_dropped_leaves_nothing():
    seen = seen_by_trials(at_one(drop_loader))
    assert workers(seen) == [0, 0, 0, 0]
    assert [metrics["children"] > 0 for metrics in seen] == [False, True, False, False]


def test_a_child_beside_those_of_a_loader_ends_with_its_worker(caplog):
    seen = seen_by_trials(leave_a_child_beside_a_loader)
    assert workers(seen) == [0, 0, 1, 1]
    (warning,) = caplog.messages
    assert "(sleep 600)" in warning
    assert not alive(int(seen[1]["child"]))


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # where there is one core
def test_loaders_that_become_ever_more_are_found(monkeypatch):
    monkeypatch.setattr(children, "_MANY", 1)
    leftovers, loaders, found = Leftovers(), [], []
    for _ in range(2):
        loaders.append(loader.__wrapped__())
        assert len(list(loaders[-1])) == 4
        found.append(leftovers.found())
    loaders.clear()
    assert [len(described) for described in found] == [0, 2]


@needs_times_of_threads
def test_a_daemon_that_becomes_busy_later_is_found(monkeypatch):
    monkeypatch.setattr(threads, "_AGAIN", 0.3)
    leftovers, begins, ends = Leftovers(), threading.Event(), threading.Event()

    def work():
        begins.wait()
        while not ends.is_set():
            pass

    thread = threading.Thread(target=work, name="late", daemon=True)
    thread.start()
    assert not leftovers.found()
    begins.set()
    time.sleep(0.4)
    found = leftovers.found()
    ends.set()
    thread.join()
    assert found == ["thread 'late' (a daemon)"]


def test_what_ran_before_the_first_trial_is_not_left_behind():
    with subprocess.Popen(["sleep", "600"]) as child:  # noqa: S607
        leftovers = Leftovers()
        assert not leftovers.found()
        with subprocess.Popen(["sleep", "600"]) as other:  # noqa: S607
            assert leftovers.found() == [f"process {other.pid} (sleep 600)"]
            other.kill()
        assert not leftovers.found()
        child.kill()


@pytest.mark.usefixtures("few_files")
@pytest.mark.parametrize("per_message", [1, 2])
def test_files_that_are_left_open_end_with_their_worker(per_message, caplog):
    seen = seen_by_trials(always(functools.partial(leave_files, 70)), 8, per_message)
    assert workers(seen) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len(caplog.messages) >= 3
    for warning in caplog.messages:
        count = int(re.fullmatch(r"trial [1357] left behind: (\d+) open files", warning)[1])
        assert 140 <= count < 256


@pytest.mark.usefixtures("few_files")
def test_files_that_only_a_cycle_keeps_open_are_not_left_behind(caplog):
    seen = seen_by_trials(always(functools.partial(leave_files, 150, in_a_cycle=True)))
    assert workers(seen) == [0, 0, 0, 0]
    assert not caplog.messages


@pytest.mark.parametrize("per_message", [1, 4])
def test_what_cannot_be_looked_for_is_left_behind_and_no_later_trial_is_to_blame(per_message, caplog):
    def evaluate(sample):
        if sample["width"] == 1:
            exhaust_files()
        return {"default": float(os.getpid())}

    assert len({*workers(seen_by_trials(evaluate, 8, per_message))}) == 2
    (warning,) = caplog.messages
    assert "left behind: something that can't be looked for (OSError: [Errno 24] Too many open files" in warning


@pytest.mark.usefixtures("few_files")
def test_files_that_were_open_before_the_first_trial_do_not_count():
    first = [open(os.devnull) for _ in range(150)]  # noqa: SIM115
    files = Files()
    later = [open(os.devnull) for _ in range(20)]  # noqa: SIM115
    assert not files.are_many()
    time.sleep(0.002)
    later += [open(os.devnull) for _ in range(40)]  # noqa: SIM115
    (described,) = files.left()
    assert described.endswith(" open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    assert not files.are_many()
    for file in (*first, *later):
        file.close()
