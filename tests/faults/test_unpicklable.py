"""Evaluators that cannot be sent to a worker: that is said, and where it is in them, before anything has begun."""

from __future__ import annotations

import ctypes
import functools
import io
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import types
import weakref

import psutil
import pytest
import torch
from torch.utils.data import DataLoader

from retiarii.domain import Categorical, Domain
from retiarii.errors import ExperimentError
from retiarii.evaluator import Evaluator
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import ProcessEngine
from retiarii.experiment import Experiment
from retiarii.strategies import GridSearch
from retiarii.testing import SampleSpace

SPACE = SampleSpace(Domain([Categorical("choice", ("a", "b"))]))


def score(sample, **arguments):
    return 1.0


class Holder:
    def __init__(self, value):
        self.inner = types.SimpleNamespace(value=value)


class Own(Evaluator):
    argument = "sample"

    def __init__(self, value):
        self.cache = {"first": [value]}

    def evaluate(self, model):
        return 1.0


def closing_over(value):
    def inner(sample):
        return float(bool(value))

    return FunctionalEvaluator(inner, argument="sample")


def given(**arguments):
    return FunctionalEvaluator(score, argument="sample", **arguments)


def opened():
    return tempfile.TemporaryFile()


KINDS = {
    "lock": (threading.Lock, lambda value: given(lock=value), "evaluator.arguments['lock']"),
    "generator": (lambda: iter(letter for letter in "ab"), closing_over, "evaluator.function.<variable value>"),
    "file": (opened, lambda value: given(files=["a", value]), "evaluator.arguments['files'][1]"),
    "socket": (socket.socket, lambda value: given(holder=Holder(value)), "evaluator.arguments['holder'].inner"),
    "sqlite": (lambda: sqlite3.connect(":memory:"), Own, "evaluator.cache['first'][0]"),
    "thread": (lambda: threading.Thread(target=print), lambda value: given(a={"b": value}), "evaluator.arguments['a']"),
    "event": (threading.Event, Own, "evaluator.cache['first'][0]"),
    "weak reference": (
        lambda: weakref.ref(Holder),
        lambda value: given(seen={value}),
        "evaluator.arguments['seen'][0]",
    ),
    "frame": (sys._getframe, lambda value: given(frame=value), "evaluator.arguments['frame']"),
    "pointer": (lambda: ctypes.pointer(ctypes.c_int(1)), lambda value: given(at=value), "evaluator.arguments['at']"),
    "process": (
        lambda: subprocess.Popen([sys.executable, "-c", ""]),
        lambda value: given(process=value),
        "evaluator.arguments['process']",
    ),
    "iterator of a loader": (
        lambda: iter(DataLoader(torch.ones(4, 1))),
        lambda value: given(batches=value),
        "evaluator.arguments['batches']",
    ),
    "partial": (
        threading.RLock,
        lambda value: FunctionalEvaluator(functools.partial(score, lock=value), argument="sample"),
        "evaluator.function.keywords['lock']",
    ),
    "bound method": (
        threading.Condition,
        lambda value: FunctionalEvaluator(functools.partial(print, Own(value).evaluate), argument="sample"),
        "evaluator.function.args[0].__self__.cache['first'][0]",
    ),
}


@pytest.fixture
def value(request):
    made = KINDS[request.param][0]()
    yield made
    if isinstance(made, subprocess.Popen):
        made.wait()
    if isinstance(made, socket.socket | sqlite3.Connection | io.IOBase):
        made.close()


@pytest.mark.parametrize(("kind", "value"), [(kind, kind) for kind in KINDS], indirect=["value"], ids=list(KINDS))
def test_it_says_where_the_trouble_is(tmp_path, kind, value):
    _, made, path = KINDS[kind]
    search = Experiment(SPACE, made(value), GridSearch(), name="first", directory=tmp_path, engine=ProcessEngine(2))
    before = {child.pid for child in psutil.Process(os.getpid()).children()}
    with pytest.raises(ExperimentError) as error:
        search.run(progress=False)
    assert path in str(error.value)
    assert "make it inside the evaluation" in str(error.value)
    assert {child.pid for child in psutil.Process(os.getpid()).children()} <= before
    assert Experiment.load(tmp_path, "first").trials == []


def test_the_same_experiment_goes_on_once_it_can_be_sent(tmp_path):
    broken = Experiment(SPACE, Own(threading.Lock()), GridSearch(), name="first", directory=tmp_path, seed=0)
    broken.engine = ProcessEngine(1)
    with pytest.raises(ExperimentError):
        broken.run(progress=False)
    mended = Experiment(SPACE, Own(1), GridSearch(), name="first", directory=tmp_path, engine=ProcessEngine(1), seed=0)
    mended.run(progress=False)
    assert [trial.state for trial in mended.trials] == ["completed"] * 2
