"""Workers from their start to their end, which is also that of whoever started them."""

from __future__ import annotations

import json
import linecache
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from accidents import hear_signals, process
from trials import alive, assignment, children, ends_of, jobs, opened

from retiarii import ExperimentError, hub
from retiarii.engine import Completed, Job
from retiarii.execution import ProcessEngine
from retiarii.execution.process import spawned
from retiarii.execution.process.resources import amount, cores, environment, gpus, readable

SCRIPT = """
import os, resource, subprocess, sys, time
from retiarii.engine import Assignment, Completed, Job
from retiarii.evaluator import Evaluator
from retiarii.execution import ProcessEngine

class Mine(Evaluator):
    argument = "sample"

    def evaluate(self, sample):
        return helper(sample)

def helper(sample):
    if sample["width"] >= 1:
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        print("busy", flush=True)
        time.sleep(600 if sample["width"] == 1 else 0)
    while sample["width"] == 2:
        print("busy", flush=True)
    return {"default": 1.0, "arguments": len(sys.argv)}

if __name__ == "__main__":
    if count := int(os.environ.get("FILES", "0")):
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        files = [open(os.devnull) for _ in range(count)]
    engine = ProcessEngine(workers=2)
    engine.open(Assignment(None, Mine(), {"default": "maximize"}))
    for width in map(int, sys.argv[1:]):
        engine.submit([Job(width, {"width": width})])
        ends = []
        while not any(isinstance(event, Completed) for event in ends):
            engine.advance(ends.append, 0.5)
            print(*[child.pid for child in __import__("psutil").Process().children(recursive=True)], flush=True)
    print(ends[-1].metrics, flush=True)
    engine.close()
"""

PICKLING = """
import dataclasses, enum, multiprocessing, pickle
from retiarii.engine import Assignment, Completed, Job
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import ProcessEngine

class Color(enum.Enum):
    RED = 1

@dataclasses.dataclass
class Batch:
    size: int

def main(number):
    return Batch(number)

def evaluate(sample):
    color, batch = pickle.loads(pickle.dumps((Color.RED, Batch(1))))
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert color is Color.RED and batch == Batch(1)
        return float(sum(batch.size for batch in pool.map(main, [1, 2])))

engine = ProcessEngine(workers=1)
engine.open(Assignment(None, FunctionalEvaluator(evaluate, argument="sample"), {"default": "maximize"}))
engine.submit([Job(0, {})])
ends = []
while not ends or not hasattr(ends[-1], "duration"):
    engine.advance(ends.append, 0.5)
print(ends[-1].metrics if isinstance(ends[-1], Completed) else ends[-1].failure.text)
engine.close()
"""

GROWTH = """
import json, psutil
from accidents import process
from trials import ends_of, jobs, opened
from retiarii.execution import ProcessEngine

def held():
    me = psutil.Process()
    return me.num_fds(), me.num_threads(), len(me.children(recursive=True))

before = held()
with opened(ProcessEngine(workers=2, trials_per_message=4), process) as engine:
    ends_of(engine, jobs(2000))
    early, memory = held(), psutil.Process().memory_info().rss
    served = {end.metrics["default"] for end in ends_of(engine, jobs(2000)).values()}
    late, grown = held(), psutil.Process().memory_info().rss - memory
print(json.dumps([before, early, late, held(), grown, len(served)]))
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "search.py"
    path.write_text(SCRIPT)
    return path


def test_what_a_script_defines_itself_arrives(script):
    done = subprocess.run([sys.executable, script, "0"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "{'default': 1.0, 'arguments': 2.0}"
    assert done.stderr == ""


def test_what_a_script_defines_itself_can_be_pickled_in_a_worker(tmp_path):
    path = tmp_path / "search.py"
    path.write_text(PICKLING)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    assert done.stdout == "{'default': 3.0}\n"


@pytest.mark.parametrize(
    ("width", "files"),
    [("1", "0"), ("2", "0"), ("1", "1100")],
    ids=["while it sleeps", "while it prints", "while it has many open files"],
)
def test_all_is_gone_when_the_driving_process_is_killed(script, width, files):
    command, environment = [sys.executable, script, width], {**os.environ, "FILES": files}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as driver:
        numbers = []
        while len(numbers) < 3:
            numbers = [int(number) for number in driver.stdout.readline().split()]
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    until = time.monotonic() + 20
    while any(map(alive, numbers)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not [number for number in numbers if alive(number)]


def test_one_worker_serves_many_trials_and_nothing_grows():
    command = [sys.executable, "-c", GROWTH]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    before, early, late, after, grown, served = json.loads(done.stdout)
    assert (late, after) == (early, before), "file descriptors, threads, processes"
    assert grown < 5_000_000
    assert served == 2


def test_many_deaths_leave_nothing_behind():
    before = psutil.Process().num_fds()

    def die(sample):
        os.kill(os.getpid(), signal.SIGKILL)

    with opened(ProcessEngine(workers=2), die) as engine:
        ends_of(engine, jobs(8))
        assert len(children()) == 2
    assert not children()
    assert psutil.Process().num_fds() == before


def test_an_idle_worker_that_dies_is_replaced():
    with opened(ProcessEngine(workers=1), process) as engine:
        first = ends_of(engine, jobs(1))[0].metrics["default"]
        os.kill(int(first), signal.SIGKILL)
        until = time.monotonic() + 30
        while int(first) in [child.pid for child in children()] and time.monotonic() < until:
            engine.advance(print, 0.1)
            time.sleep(0.01)
        assert isinstance(ends_of(engine, jobs(1, 1))[1], Completed)


def test_an_engine_that_is_open_is_opened_by_nobody_else():
    with opened(ProcessEngine(workers=1), process) as engine:
        with pytest.raises(ExperimentError, match="make one for each"):
            engine.open(assignment(process))
        assert isinstance(ends_of(engine, jobs(1))[0], Completed)


def test_close_ends_what_runs_at_once():
    with opened(ProcessEngine(workers=2), lambda sample: time.sleep(600)) as engine:
        engine.submit(jobs(2))
        engine.advance(print, 0.1)
        workers = children()
    assert len(workers) == 2
    assert not any(worker.is_running() for worker in workers)


def test_ctrl_c_in_the_middle_leaves_nothing_behind():
    def interrupt(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), opened(ProcessEngine(workers=2), lambda sample: time.sleep(600)) as engine:
        engine.submit(jobs(2))
        engine.advance(interrupt, 1)
    assert not children()


def test_signals_for_the_whole_group_do_not_reach_a_trial():
    with opened(ProcessEngine(workers=1), hear_signals) as engine:
        assert ends_of(engine, jobs(1))[0].metrics["default"] == -signal.SIGTERM


def test_what_cannot_be_loaded_is_told_before_anything_starts():
    def explode_there():
        raise ImportError("not on this side")

    class Refusing:
        def __reduce__(self):
            return explode_there, ()

    with (
        pytest.raises(ExperimentError, match=r"can't load the evaluator(?s:.*)not on this side"),
        opened(ProcessEngine(workers=1), lambda sample, x: 1.0, x=Refusing()),
    ):
        pass
    assert not children()


def test_workers_that_die_before_they_are_ready_are_not_started_for_ever():
    def die_there():
        print("so long")
        os.kill(os.getpid(), signal.SIGKILL)

    class Deadly:
        def __reduce__(self):
            return die_there, ()

    with (
        pytest.raises(ExperimentError, match=r"3 workers in a row died(?s:.*)SIGKILL(?s:.*)so long"),
        opened(ProcessEngine(workers=1), lambda sample, x: 1.0, x=Deadly()),
    ):
        pass


def test_a_worker_that_loads_for_long_is_spoken_of_once(monkeypatch, caplog):
    monkeypatch.setattr(spawned, "_TO_LOAD", 0.1)

    def load():
        time.sleep(1)
        return 1.0

    class Slow:
        def __reduce__(self):
            return load, ()

    with opened(ProcessEngine(workers=1), lambda sample, x: x, x=Slow()) as engine:
        assert isinstance(ends_of(engine, jobs(1))[0], Completed)
    (warning,) = caplog.messages
    assert re.fullmatch(r"worker 0 \(process \d+\) has not loaded .* yet, and runs no trials", warning)


def test_an_assignment_of_many_megabytes_arrives():
    def length(sample, x):
        return float(len(x))

    with opened(ProcessEngine(workers=2), length, x=b"x" * 30_000_000) as engine:
        assert {end.metrics["default"] for end in ends_of(engine, jobs(4)).values()} == {30_000_000.0}


def test_what_is_unpicklable_is_told_before_a_process_is_started():
    with (
        pytest.raises(ExperimentError, match=r"evaluator\.arguments\['x'\] holds a _thread\.lock"),
        opened(ProcessEngine(workers=1), lambda sample, x: 1.0, x=threading.Lock()),
    ):
        pass


@pytest.mark.parametrize("argument", ["module", "graph"])
def test_models_of_the_hub_are_made_in_the_worker(argument):
    space = hub.NASBench201(2, 1)

    def nodes(model):
        return float(len(list(model.parameters())) if hasattr(model, "parameters") else len(model.nodes))

    with opened(ProcessEngine(workers=1), nodes, argument, space) as engine:
        ends = ends_of(engine, [Job(0, space.random(1))])
    expected = space.freeze(space.random(1)) if argument == "module" else space.graph.apply(space.random(1))
    assert ends[0].metrics["default"] == nodes(expected)


def test_workers_share_the_cores(monkeypatch):
    def threads(sample):
        import torch  # noqa: PLC0415

        return {"default": float(os.environ["OMP_NUM_THREADS"]), "torch": float(torch.get_num_threads())}

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with opened(ProcessEngine(workers=1), threads) as engine:
        assert set(ends_of(engine, jobs(1))[0].metrics.values()) == {float(cores())}
    assert environment(0, 1000, "cpu")["MKL_NUM_THREADS"] == "1"


def test_fewer_threads_are_never_made_more(monkeypatch):
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1,2")  # the second for nested levels
    assert [environment(0, 1, "cpu")[name] for name in names] == ["1", "1", "1"]
    monkeypatch.setenv("MKL_NUM_THREADS", "2")
    assert environment(0, 1, "cpu")["MKL_NUM_THREADS"] == str(min(2, cores()))


def test_workers_share_the_gpus(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    assert gpus("auto") == ["3", "5"]
    assert [environment(place, 3, "auto")["CUDA_VISIBLE_DEVICES"] for place in range(3)] == ["3", "5", "3"]
    assert environment(0, 1, [7])["CUDA_VISIBLE_DEVICES"] == "7"
    assert environment(0, 1, "cpu")["CUDA_VISIBLE_DEVICES"] == ""
    assert ProcessEngine().workers == 2
    assert ProcessEngine(devices="cpu").workers == cores()


@pytest.mark.parametrize(
    ("text", "count"),
    [("4GB", 4 * 10**9), ("1.5 gib", 3 * 2**29), ("512 MiB", 2**29), ("100", 100), (7, 7), ("3k", 3000)],
)
def test_amounts_of_memory(text, count):
    assert amount(text, "memory_limit") == count


@pytest.mark.parametrize("text", ["much", "4 GBit", "-1", 0, -5, True, 1.5, ""])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ExperimentError, match=r"memory_limit is .*; expected a number of bytes, or a text such as"):
        ProcessEngine(memory_limit=text)


def test_amounts_for_readers():
    assert [readable(count) for count in (12, 1500, 5.1e9, 2e12)] == ["12 bytes", "1.5 kB", "5.1 GB", "2e+03 GB"]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"workers": wrong} for wrong in (0, "2", [1], True, 1.5, float("nan"))),
        *({"trials_per_message": wrong} for wrong in (0, None, "2", True, 1.5, float("inf"))),
        *({"trial_timeout": wrong} for wrong in (0, float("nan"), "2", [1], True)),
        *({"devices": wrong} for wrong in ("gpu", 3, True, 1.5, [], [True], [1.5], [-1], ["cuda:0"], [""], {"a": 1})),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ExperimentError, match=next(iter(wrong))):
        ProcessEngine(**wrong)


def test_the_code_of_a_notebook_is_known_in_workers(monkeypatch):
    cell = "def evaluate(sample):\n    import inspect\n    raise ValueError(inspect.getsource(evaluate))\n"
    lines = cell.splitlines(keepends=True)
    monkeypatch.setitem(linecache.cache, "<cell 1>", (len(cell), None, lines, "<cell 1>"))
    names = {"__name__": "__main__"}
    exec(compile(cell, "<cell 1>", "exec"), names)  # noqa: S102  as notebooks do
    with opened(ProcessEngine(workers=1), names["evaluate"]) as engine:
        failure = ends_of(engine, jobs(1))[0].failure
    assert cell.strip() in failure.message
    assert "raise ValueError(inspect.getsource(evaluate))" in failure.text.split("ValueError: def")[0]
