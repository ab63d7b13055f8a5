"""Trials in worker processes: what becomes of those that hang, die, take too much or leave something behind."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from accidents import (
    at_one,
    come_back_twice,
    crash,
    have_a_thread,
    interrupt,
    keep_memory,
    kill_oneself,
    leave,
    leave_children,
    let_a_child_take_memory,
    own_a_child,
    print_much,
    quit_politely,
    report_from_a_fork,
    share_memory,
    sleep,
    stop_oneself,
    take_memory,
    write_everywhere,
)
from trials import alive, children, ends_of, jobs, opened

from retiarii import ExperimentError, report_intermediate
from retiarii.engine import Completed, Failed, Interrupted, Reported, Started, Stopped
from retiarii.execution import ProcessEngine


def one_fails(engine, act, count=4, folder=None):
    """The failure of trial 1, where all others go well."""
    with opened(engine, at_one(act), folder=folder):
        ends = ends_of(engine, jobs(count))
    failed = ends.pop(1)
    assert isinstance(failed, Failed), failed
    assert all(isinstance(end, Completed) and end.metrics["default"] == number for number, end in ends.items()), ends
    return failed.failure


@pytest.mark.parametrize("per_message", [1, 4])
@pytest.mark.parametrize(
    ("act", "said"),
    [
        (kill_oneself, "worker died (signal 9 (SIGKILL); was it out of memory?"),
        (crash, "worker died (signal 11 (SIGSEGV)"),
        (leave, "worker died (exit code 3"),
        (quit_politely, "the evaluation called exit(3)"),
        (interrupt, ""),
    ],
)
def test_a_trial_that_ends_its_process_fails_alone(act, said, per_message):
    failure = one_fails(ProcessEngine(workers=1, trials_per_message=per_message), act)
    assert failure.message.startswith(said)
    assert said in failure.text


def test_the_last_words_are_told_and_kept(tmp_path):
    failure = one_fails(ProcessEngine(workers=1), kill_oneself, folder=tmp_path)
    assert "these were its last words" in failure.text
    assert (tmp_path / "1" / "output.txt").read_text() == "these were its last words\n"
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_a_worker_that_died_is_said_to_have_held_what_it_held_before():
    def act():
        held = bytearray(150_000_000)
        del held
        time.sleep(1)  # so that it is looked at meanwhile
        os._exit(3)

    bytearray(400_000_000)  # so that this process has held more, and more than when the worker is started
    ballast = bytearray(300_000_000)
    message = one_fails(ProcessEngine(workers=1), act).message
    del ballast
    assert 150 <= float(re.search(r"peak at least ([\d.]+) MB", message)[1]) < 300


def test_a_crash_is_told_with_the_place_in_the_code():
    assert "Fatal Python error: Segmentation fault" in one_fails(ProcessEngine(workers=1), crash).text


@pytest.mark.parametrize("act", [sleep, stop_oneself])
@pytest.mark.parametrize("per_message", [1, 4])
def test_a_trial_that_hangs_is_killed(act, per_message):
    failure = one_fails(ProcessEngine(workers=1, trial_timeout=2, trials_per_message=per_message), act)
    assert (failure.kind, failure.message) == ("time limit", "ran longer than trial_timeout=2 s, and was killed")


def test_every_trial_has_the_time_limit_to_itself():
    with opened(
        ProcessEngine(workers=1, trial_timeout=2, trials_per_message=4), lambda sample: time.sleep(0.6) or 1.0
    ) as engine:
        assert all(isinstance(end, Completed) for end in ends_of(engine, jobs(4)).values())


def test_what_a_trial_had_reported_before_it_died_is_heard():
    def evaluate(sample):
        report_intermediate(1.0)
        os.kill(os.getpid(), signal.SIGKILL)

    events = []
    with opened(ProcessEngine(workers=1, trials_per_message=3), evaluate) as engine:
        ends_of(engine, jobs(3), events.append)
    for number in range(3):
        assert [type(event) for event in events if event.number == number] == [Started, Reported, Failed]


def test_results_before_a_death_are_not_lost_and_nothing_is_told_twice():
    events = []
    with opened(ProcessEngine(workers=2, trials_per_message=8), at_one(kill_oneself)) as engine:
        ends = ends_of(engine, jobs(16), events.append)
    assert [number for number, end in ends.items() if isinstance(end, Failed)] == [1]
    assert len(events) == 32


def test_a_child_that_is_left_is_killed(tmp_path):
    note = tmp_path / "numbers"

    with opened(
        ProcessEngine(workers=1, trials_per_message=2), at_one(functools.partial(leave_children, note))
    ) as engine:
        ends = ends_of(engine, jobs(4))
        assert all(isinstance(end, Completed) for end in ends.values())
        assert not [number for number in map(int, note.read_text().split()) if alive(number)]


def test_a_thread_that_is_left_harms_nobody():
    with opened(ProcessEngine(workers=1), at_one(have_a_thread)) as engine:
        ends = ends_of(engine, jobs(3))
        (worker,) = children()
    assert all(isinstance(end, Completed) for end in ends.values())
    assert not worker.is_running()


def test_a_trial_that_takes_too_much_memory_is_killed():
    failure = one_fails(ProcessEngine(workers=1, memory_limit="200MB"), take_memory)
    assert failure.kind == "memory limit"
    said = re.fullmatch(r"used (\d+) MB with memory_limit=200 MB, and was killed", failure.message)
    assert int(said[1]) >= 200


def test_memory_of_children_counts():
    assert one_fails(ProcessEngine(workers=1, memory_limit="300MB"), let_a_child_take_memory).kind == "memory limit"


def test_memory_that_children_share_counts_once():
    with opened(ProcessEngine(workers=1, memory_limit="450MB"), at_one(share_memory)) as engine:
        assert all(isinstance(end, Completed) for end in ends_of(engine, jobs(3)).values())


def test_children_that_end_with_what_is_no_longer_used_are_not_left_behind():
    with opened(ProcessEngine(workers=1), own_a_child) as engine:
        assert len({end.metrics["default"] for end in ends_of(engine, jobs(2)).values()}) == 1


def test_memory_that_is_kept_is_not_charged_to_the_next_trial():
    with opened(ProcessEngine(workers=1, memory_limit="250MB"), keep_memory) as engine:
        ends = ends_of(engine, jobs(3))
    assert len({end.metrics["default"] for end in ends.values()}) == 3


def test_a_limit_that_no_worker_can_keep_is_refused():
    with (
        pytest.raises(ExperimentError, match="memory_limit=1 MB is less than"),
        opened(ProcessEngine(workers=1, memory_limit="1MB"), at_one(sleep)),
    ):
        pass


def test_a_trial_that_fails_when_everything_is_told_to_end_is_interrupted():
    def evaluate(sample):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        for process in (psutil.Process(), *psutil.Process().children()):
            process.terminate()
        if child.wait() != 0:
            raise RuntimeError("the child was killed")
        return 1.0

    with opened(ProcessEngine(workers=1), evaluate) as engine:
        end = ends_of(engine, jobs(1))[0]
        assert isinstance(end, Interrupted)
        assert end.reason == "its worker was sent SIGTERM while it ran, and it failed: the child was killed"
        assert isinstance(ends_of(engine, jobs(1))[0], Interrupted), "the worker goes on"


def test_that_a_trial_runs_is_known_while_it_does(tmp_path):
    def evaluate(sample):
        until = time.monotonic() + 20
        while not (tmp_path / "go").exists():
            assert time.monotonic() < until, "nobody has noticed"
            time.sleep(0.01)
        return 1.0

    events = []
    with opened(ProcessEngine(workers=1), evaluate) as engine:
        engine.submit(jobs(1))
        engine.advance(events.append, 30.0)
        assert [type(event) for event in events] == [Started]
        (tmp_path / "go").touch()
        while len(events) < 2:
            engine.advance(events.append, 1.0)
    assert isinstance(events[1], Completed)


def test_a_trial_leaves_memory_and_a_thread_at_once():
    def evaluate(sample):
        sys.modules["__main__"].kept = bytes(60_000_000)
        threading.Thread(target=time.sleep, args=(60,)).start()
        return 1.0

    with opened(ProcessEngine(workers=1, memory_limit="150MB"), evaluate) as engine:
        events = []
        for job in jobs(3):
            engine.submit([job])
            time.sleep(0.5)  # so that what is said of both comes together
            while not (events and isinstance(events[-1], Completed) and events[-1].number == job.number):
                engine.advance(events.append, 1.0)
    assert [type(event) for event in events] == [Started, Completed] * 3


def test_what_is_printed_may_have_zeros_in_it(tmp_path):
    def act():
        print("before\0after", flush=True)
        os._exit(3)

    one_fails(ProcessEngine(workers=1), act, folder=tmp_path)
    assert (tmp_path / "1" / "output.txt").read_bytes() == b"before\0after\n"


def test_the_end_of_what_is_printed_is_kept(tmp_path):
    with opened(ProcessEngine(workers=1, trials_per_message=4), print_much, folder=tmp_path) as engine:
        ends_of(engine, jobs(4))
    texts = [(tmp_path / str(number) / "output.txt").read_text() for number in range(4)]
    assert texts[0].startswith("x" * 60_000)
    assert len(texts[0]) <= 1 << 16
    for number, text in enumerate(texts[1:], 1):
        assert text == f"this is {number} \\udcffand this\nand that"


def test_a_trial_that_is_cancelled_while_others_share_its_message():
    def evaluate(sample):
        for _ in range(1000):
            report_intermediate(1.0)
            time.sleep(0.01)
        return 1.0

    def cancel(event):
        if isinstance(event, Started) and event.number == 0:
            engine.cancel(2)
        if isinstance(event, Reported):
            engine.cancel(event.number)

    with opened(ProcessEngine(workers=1, trials_per_message=3), evaluate) as engine:
        ends = ends_of(engine, jobs(3), cancel)
    assert all(isinstance(end, Stopped) for end in ends.values())
    assert ends[2].duration == 0


def test_a_process_that_comes_back_from_a_fork_says_nothing():
    with opened(ProcessEngine(workers=1), at_one(come_back_twice)) as engine:
        assert all(isinstance(end, Completed) for end in ends_of(engine, jobs(3)).values())


def test_a_process_that_an_evaluation_has_forked_cannot_report(tmp_path):
    failure = one_fails(ProcessEngine(workers=1), report_from_a_fork, folder=tmp_path)
    assert failure.message == "the child ended with 7"
    assert "called in a process that the evaluation has forked" in (tmp_path / "1" / "output.txt").read_text()


@pytest.mark.parametrize("data", [b"\xff" * 100, b"\0" * 100])
def test_what_a_trial_writes_into_the_socket_of_its_worker_fails_it_alone(data):
    failure = one_fails(ProcessEngine(workers=1), functools.partial(write_everywhere, data))
    assert failure.kind == "worker died"
    assert "wrote into the socket of its worker" in failure.message


def test_one_worker_is_given_trials_when_all_of_a_message_have_ended():
    rooms = []
    with opened(ProcessEngine(workers=1, trials_per_message=3), at_one(kill_oneself)) as engine:
        for first in (0, 3):
            engine.submit(jobs(3, first))
            heard = []
            while sum(not isinstance(event, Started) for event in heard) < 3:
                rooms.append(engine.room)
                engine.advance(heard.append, 0.5)
            assert engine.room == 3
    assert set(rooms) == {0}
