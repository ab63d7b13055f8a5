"""Trials on a cluster of Ray."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from retiarii import ExperimentError, report_intermediate
from retiarii.engine import Assignment, Completed, Failed, Interrupted, Job, Reported, Started, Stopped
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import RayEngine
from retiarii.testing import DOMAINS, SampleSpace
from retiarii.testing.engines import EngineConformance

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")


PATIENCE = 120.0


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """A machine that starts no trials, and one that does."""
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        cluster.add_node(num_cpus=2)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


class TestConformance(EngineConformance):
    patience = PATIENCE

    def make(self):
        return RayEngine(workers=1, trials_per_message=4)


def assignment(function):
    evaluator = FunctionalEvaluator(function, argument="sample")
    return Assignment(SampleSpace(DOMAINS["flat"]), evaluator, {"default": "maximize"})


def ran(engine, function, samples, hear=lambda event: None):
    """What is heard of trials, one for each sample; those that are interrupted run again."""
    jobs = [Job(number, sample) for number, sample in enumerate(samples)]
    heard = {job.number: [] for job in jobs}
    left = [*jobs]

    def listen(event):
        heard[event.number].append(event)
        if isinstance(event, Interrupted):
            left.append(jobs[event.number])
        hear(event)

    until = time.monotonic() + PATIENCE
    engine.open(assignment(function))
    try:
        while not all(events and isinstance(events[-1], Completed | Failed | Stopped) for events in heard.values()):
            assert time.monotonic() < until, heard
            room = engine.room
            engine.submit(left[:room])
            del left[:room]
            engine.advance(listen, 1.0)
    finally:
        engine.close()
    return [*heard.values()]


def misbehave(sample):
    with Path(sample["log"]).open("a", encoding="utf-8") as log:
        log.write(f"{sample['does']}\n")
    match sample["does"]:
        case "raise":
            raise RuntimeError("the user's own message")
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            sys.exit(3)
        case "hang":
            time.sleep(600)
        case "report and die":
            report_intermediate(1)
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGKILL)
    return float("nan") if sample["does"] == "nan" else 1.0


def test_what_a_trial_does_costs_that_trial_alone(tmp_path):
    expected = {
        "good": None,
        "raise": ("RuntimeError", "the user's own message"),
        "die": ("worker died", "killed, out of memory, or crashed"),
        "exit": ("SystemExit", "the evaluation called exit(3)"),
        "nan": ("MetricError", "metric 'default' is nan"),
        "hang": ("time limit", "longer than trial_timeout=4 s"),
        "well": None,
    }
    samples = [{"does": does, "log": str(tmp_path / "log")} for does in expected]
    engine = RayEngine(workers=1, trial_timeout=4, trials_per_message=8)
    for (does, reason), events in zip(expected.items(), ran(engine, misbehave, samples), strict=True):
        assert [type(event) for event in events] == [Started, Completed if reason is None else Failed], does
        if reason is not None:
            failure = events[-1].failure
            assert reason[1] in failure.text
            assert (failure.kind, reason[1] in failure.message, failure.exception) == (reason[0], True, None)


def test_in_a_message_the_trial_that_ran_longer_is_known(tmp_path):
    log = tmp_path / "log"
    samples = [{"does": does, "log": str(log)} for does in ("good", "report and die", "well")]
    first, second, third = ran(RayEngine(workers=1, trials_per_message=3), misbehave, samples)
    assert [type(events[-1]) for events in (first, second, third)] == [Completed, Failed, Completed]
    assert second[:2] == [Started(1, second[0].host), Reported(1, 1.0)]
    assert log.read_text(encoding="utf-8").split("\n") == ["good", "report and die", "well", ""]


def endless(sample):
    while True:
        report_intermediate(1)
        time.sleep(0.01)


def test_trials_of_a_message_are_cancelled():
    engine = RayEngine(workers=1, trials_per_message=3)

    def cancel(event):
        if isinstance(event, Started):
            engine.cancel(2)
        if isinstance(event, Reported):
            engine.cancel(event.number)

    first, second, third = ran(engine, endless, [{}, {}, {}], cancel)
    assert isinstance(first[-1], Stopped)
    assert isinstance(second[-1], Stopped)
    assert third == [Stopped(2, 0.0)]


def wait_for_file(sample):
    while sample["slow"] and not Path(sample["file"]).exists():
        time.sleep(0.05)
    return 1.0


def test_a_trial_whose_node_is_lost_is_interrupted_and_the_others_run(cluster, tmp_path):
    """The trials that run wait for a file; both nodes hold one of them, and the first to be known is lost."""
    nodes = [cluster.add_node(num_cpus=1, resources={"spare": 1}) for _ in range(2)]
    samples = [{"slow": number < 2, "file": str(tmp_path / "go")} for number in range(5)]
    started = []

    def lose(event):
        if isinstance(event, Started):
            started.append(event.number)
        if sorted(started) == [0, 1] and len(nodes) == 2:
            cluster.remove_node(nodes.pop())
        if isinstance(event, Interrupted):
            (tmp_path / "go").touch()

    engine = RayEngine(workers=2, resources_per_trial={"spare": 1})
    try:
        heard = ran(engine, wait_for_file, samples, lose)
    finally:
        cluster.remove_node(nodes.pop())
    assert all(isinstance(events[-1], Completed) for events in heard)
    (interrupted,) = (event for events in heard for event in events if isinstance(event, Interrupted))
    assert interrupted.number < 2
    assert "node" in interrupted.reason


def test_a_worker_that_dies_while_it_is_idle_costs_no_trial():
    engine, ends = RayEngine(workers=1), []

    def listen(event):
        if not isinstance(event, Started):
            ends.append(event.metrics["default"])

    engine.open(assignment(lambda sample: os.getpid()))
    try:
        engine.submit([Job(0, {})])
        while len(ends) < 1:
            engine.advance(listen, 1.0)
        os.kill(int(ends[0]), signal.SIGKILL)
        while not engine._places[0].is_dead:
            time.sleep(0.1)
        engine.submit([Job(1, {})])
        while len(ends) < 2:
            engine.advance(listen, 1.0)
    finally:
        engine.close()
    assert ends[0] != ends[1]


class Homesick:
    """Can be unpacked nowhere else."""

    def __reduce__(self):
        return _at_home, (os.getpid(),)

    def __call__(self, sample):
        return 1.0


def _at_home(process):
    if process != os.getpid():
        raise LookupError("this is not my home")
    return Homesick()


def test_what_cannot_be_unpacked_is_refused_at_the_start():
    with pytest.raises(ExperimentError, match="LookupError: this is not my home") as refused:
        RayEngine(workers=1).open(assignment(Homesick()))
    assert "\x1b" not in str(refused.value), "colours are for terminals"


def test_what_cannot_be_packed_is_refused_at_the_start():
    lock = threading.Lock()
    with pytest.raises(ExperimentError, match="lock"):
        RayEngine(workers=1).open(assignment(lambda sample: lock.locked()))


@pytest.mark.parametrize("resources", [{"GPU": 1000}, {"CPU": 3}, {"unheard of": 1}])
def test_a_trial_for_which_no_node_has_room_is_refused(resources):
    with pytest.raises(ExperimentError, match="has room for a trial, which takes"):
        RayEngine(resources_per_trial=resources).open(assignment(endless))


def test_the_close_of_a_cluster_that_was_joined_before_leaves_it_alone():
    engine = RayEngine()
    engine.open(assignment(endless))
    engine.submit([Job(0, {})])
    engine.advance(lambda event: None, 0.1)
    engine.close()
    assert ray.is_initialized()


def test_an_engine_that_is_open_is_opened_by_nobody_else():
    engine = RayEngine(workers=1)
    try:
        engine.open(assignment(lambda sample: 1.0))
        with pytest.raises(ExperimentError, match="make one for each"):
            engine.open(assignment(lambda sample: 2.0))
    finally:
        engine.close()


def quick_but_for_some(sample):
    """Writes down what ran; long enough to be asked about, where it is slow."""
    with Path(sample["log"]).open("a", encoding="utf-8") as log:
        log.write(f"{sample['number']} ")
    if sample["does"] == "be slow":
        time.sleep(0.3)
    if sample["does"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return float(sample["number"])


@pytest.mark.parametrize("a_message", [1, 4])
def test_messages_that_wait_behind_others_lose_no_trial_and_blame_none(a_message, tmp_path):
    """Two workers, so that quick trials are sent ahead; most deaths come right after a trial that is known to run."""
    log = tmp_path / "log"
    does = ["be quick"] * 150
    does[60:64] = ["be slow", "die"] * 2
    does[100], does[140] = "die", "be slow"
    samples = [{"number": number, "does": what, "log": str(log)} for number, what in enumerate(does)]
    heard = ran(RayEngine(workers=2, trials_per_message=a_message), quick_but_for_some, samples)
    for what, events in zip(does, heard, strict=True):
        assert isinstance(events[-1], Failed if what == "die" else Completed)
        assert sum(isinstance(event, Started) for event in events) == 1
    begun = log.read_text(encoding="utf-8").split()
    assert sorted({*begun}, key=int) == [str(number) for number in range(150)]
    slow = [number for number, what in enumerate(does) if what == "be slow"]
    assert a_message > 1 or all(begun.count(str(number)) == 1 for number in slow), "what is known to run runs once"
