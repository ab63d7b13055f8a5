from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from torch import fx
from torch.autograd.function import Function

from retiarii import Experiment, ModelSpace, nn
from retiarii.evaluators import FunctionalEvaluator
from retiarii.graph import trace
from retiarii.graph.choose import current_tracer
from retiarii.graph.names import import_path, resolve
from retiarii.graph.turns import TURN, unwarned
from retiarii.strategies import Random

ROUNDS = 12
PATIENCE = 60


class Doubled(Function):
    @staticmethod
    def forward(context: Any, x: torch.Tensor) -> torch.Tensor:
        return x * 2

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> Any:
        return gradients[0] * 2


class Block(torch.nn.Module):
    def __init__(self, width: Any) -> None:
        super().__init__()
        self.layer, self.drop = nn.Linear(8, width), nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> Any:
        y = self.layer(x)
        return self.drop(y) if self.training else y + torch.zeros(y.shape[0], 1)


class Net(ModelSpace):
    def __init__(self) -> None:
        super().__init__()
        self.width = nn.ValueChoice([4, 8, 16], label="width")
        self.stem = nn.Sequential(*[nn.Linear(8, 8) for _ in range(6)])
        self.block, self.head = Block(self.width), nn.Linear(self.width, 2)
        self.act = nn.LayerChoice({"relu": nn.ReLU(), "tanh": nn.Tanh()}, label="act")

    def forward(self, x: torch.Tensor) -> Any:
        return self.head(self.act(self.block(self.stem(x)))) * self.width


class Waiting(torch.nn.Module):
    """Is traced for as long as another thread needs."""

    reached, go_on = threading.Event(), threading.Event()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.reached.set()
        self.go_on.wait(PATIENCE)
        return x + torch.zeros(1)


def replaceable() -> list[Any]:
    module = torch.nn.Module
    torch_functions = [torch.zeros, torch.arange, torch.is_tensor, torch.jit.isinstance, torch.compiler.is_compiling]
    function = [Function.__dict__["apply"].__func__, torch.autograd.function._is_setup_context_defined]
    fixed = [fx._symbolic_trace.CURRENT_PATCHER, fx._symbolic_trace._is_fx_tracing_flag, "isinstance" in globals()]
    thread = [current_tracer(), torch.is_grad_enabled()]
    return [module.__call__, module.__getattr__, *torch_functions, *function, *fixed, *thread]


@pytest.fixture(autouse=True)
def left_as_it_was() -> Iterator[None]:
    """Threads take turns as often as they can, and nothing is replaced at the end."""
    before, interval = replaceable(), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
    assert replaceable() == before


def at_the_same_time(*works: Callable[[], object]) -> None:
    with ThreadPoolExecutor(len(works)) as threads:
        for ended in [threads.submit(work) for work in works]:
            ended.result(PATIENCE)


@pytest.fixture
def while_tracing() -> Iterator[None]:
    """Another thread is in the middle of a trace."""
    Waiting.reached.clear()
    Waiting.go_on.clear()
    thread = threading.Thread(target=trace, args=(Waiting(),))
    thread.start()
    Waiting.reached.wait(PATIENCE)
    timer = threading.Timer(PATIENCE / 2, Waiting.go_on.set)
    timer.start()
    yield
    Waiting.go_on.set()
    timer.cancel()
    thread.join()


def score(model: Any) -> float:
    return float(model(torch.zeros(2, 8)).detach().sum())


def test_experiments_run_in_several_threads(tmp_path: Path) -> None:
    def search(name: str) -> None:
        for number in range(2):
            experiment = Experiment(
                Net(), FunctionalEvaluator(score), Random(), name=f"{name}{number}", directory=tmp_path, seed=0
            )
            experiment.run(progress=False)
            assert {trial.state for trial in experiment.trials} == {"completed"}

    at_the_same_time(*[lambda name=name: search(name) for name in "abc"])


def test_threads_that_trace_find_the_same_graphs() -> None:
    expected = Net().graph.fingerprint()
    example = torch.zeros(2, 8)
    along = trace(Block(4), (example,)).fingerprint()
    found: list[str] = []

    def make() -> None:
        found.extend([Net().graph.fingerprint() for _ in range(ROUNDS)])

    def follow() -> None:
        assert {trace(Block(4), (example,)).fingerprint() for _ in range(ROUNDS)} == {along}

    at_the_same_time(make, follow, make)
    assert found == [expected] * (2 * ROUNDS)


def test_a_model_trains_while_another_thread_traces() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.BatchNorm1d(8), Block(4))
    done = threading.Event()

    def train() -> None:
        while not done.is_set():
            loss = Doubled.apply(model(torch.randn(4, 8))).sum()
            loss.backward()

    def make() -> None:
        try:
            for seed in range(ROUNDS):
                space = Net()
                space.graph.apply(space.random(seed)).to_module()
        finally:
            done.set()

    at_the_same_time(train, make)


def test_one_space_serves_several_threads() -> None:
    for _ in range(3):
        space, x = Net(), torch.zeros(2, 8)

        def freeze(space: ModelSpace = space, x: torch.Tensor = x) -> None:
            for seed in range(ROUNDS):
                sample = space.random(seed)
                assert space.freeze(sample, inherit_weights=seed % 2 == 0).training
                assert space.graph.apply(sample).to_module()(x).shape == (2, 2)

        def run(space: ModelSpace = space, x: torch.Tensor = x) -> None:
            for _ in range(ROUNDS):
                assert space(x).shape == (2, 2)

        at_the_same_time(freeze, run, run, freeze)
        assert repr(space.width) == repr(Net().width)


def test_other_threads_see_nothing_of_a_trace(while_tracing: None) -> None:
    block = Block(4)
    assert current_tracer() is None
    assert block(torch.zeros(2, 8)).shape == (2, 4)
    assert Doubled.apply(torch.ones(1)).item() == 2
    assert not torch.compiler.is_compiling()
    assert set(Net().labels) == {"width", "act"}
    assert Net().contains({"width": 4, "act": "relu"})


def test_paths_are_those_of_the_functions_themselves(while_tracing: None) -> None:
    resolve.cache_clear()
    assert import_path(torch.zeros) == "torch.zeros"
    assert import_path(Doubled.apply).endswith("Doubled.apply")
    kept = [resolve("torch.zeros"), resolve("torch.is_tensor"), resolve(f"{__name__}.Doubled.apply")]
    Waiting.go_on.set()
    with TURN:
        assert kept == [torch.zeros, torch.is_tensor, Doubled.apply]


def test_a_function_kept_from_anothers_trace_is_recorded_later(while_tracing: None) -> None:
    kept = torch.ones
    Waiting.go_on.set()

    class Late(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return kept(x.shape[0]) + x

    graph = trace(Late())
    assert "torch.ones" in [graph.describe(name) for name in graph.records]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_can_trace(while_tracing: None) -> None:
    threading.Timer(0.2, Waiting.go_on.set).start()
    child = os.fork()
    if not child:
        os._exit(0 if TURN.acquire(timeout=PATIENCE) and current_tracer() is None else 1)
    assert os.waitpid(child, 0)[1] == 0


def interrupted_at(event: int, work: Callable[[], object]) -> bool:
    """Whether Ctrl-C came: where a call begins or has ended, which is where Python looks for signals."""
    count = 0

    def count_events(frame: FrameType, kind: str, argument: object) -> None:
        nonlocal count
        if kind in ("call", "c_return") and frame.f_code.co_name != "interrupted_at":
            count += 1
            if count == event:
                raise KeyboardInterrupt

    sys.setprofile(count_events)
    try:
        work()
    except (KeyboardInterrupt, AssertionError):  # torch.fx makes the latter of the former, where it begins
        pass
    finally:
        sys.setprofile(None)
    return count >= event


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # where generators are closed
@pytest.mark.parametrize(("examples", "step"), [(None, 31), ((torch.zeros(2, 8),), 211)], ids=["without", "along"])
def test_an_interrupted_trace_leaves_all_as_it_was(examples: Any, step: int) -> None:
    block, before = Block(4), replaceable()
    state = [{**vars(module)} for module in block.modules()]
    trace(block, examples)  # what is done but once in a process
    event = 0
    while interrupted_at(event := event + step, lambda: trace(block, examples)):
        assert replaceable() == before
        assert [{**vars(module)} for module in block.modules()] == state
        assert block(torch.ones(2, 8)).shape == (2, 4)
    while torch._C._len_torch_function_stack():  # what torch itself leaves, when it is interrupted
        torch._C._pop_torch_function_stack()
    assert event > 30 * step


def test_warnings_are_given_again_whatever_other_threads_do() -> None:
    before = list(warnings.filters)
    with unwarned():
        other = warnings.catch_warnings()
        other.__enter__()
        warnings.warn("not heard", UserWarning, stacklevel=1)
    with pytest.raises(UserWarning):
        warnings.warn("heard", UserWarning, stacklevel=1)
    other.__exit__(None, None, None)
    assert list(warnings.filters) == before
