"""What is sent to workers, and what can't be."""

from __future__ import annotations

import contextvars
import functools
import pickle
import socket
import sqlite3
import sys
import tempfile
import threading

import pytest
import torch
from torch import nn as torch_nn
from trials import assignment

from retiarii import ExperimentError, ModelSpace, nn
from retiarii.engine import Assignment
from retiarii.evaluator import Evaluator
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution.shipping import packed, unpacked
from retiarii.hub import NASBench201


class Holder:
    def __init__(self, value):
        self.value = value


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Shy:
    def __getstate__(self):
        raise ValueError("no state for anybody")


class Items(list):
    pass


def circle():
    one, two = Holder(None), Holder(None)
    one.value, two.value = two, one
    two.lock = threading.Lock()
    return one


def module_with_hook():
    module = torch_nn.Sequential(torch_nn.Linear(1, 1))
    module[0].hook = threading.Lock()
    return module


def numbers():
    yield 1


def temporary():
    return tempfile.TemporaryFile()


KINDS = {
    "lock": (threading.Lock, "", "a _thread.lock"),
    "reentrant lock": (threading.RLock, "", "a _thread.RLock"),
    "condition": (threading.Condition, "._lock", "a _thread.RLock"),
    "thread": (threading.Thread, "._started._cond._lock", "a _thread.lock"),
    "generator": (numbers, "", "a generator"),
    "connection": (lambda: sqlite3.connect(":memory:"), "", "a sqlite3.Connection"),
    "socket": (socket.socket, "", "a socket.socket"),
    "file": (temporary, "", "a _io.BufferedRandom"),
    "frame": (sys._getframe, "", "a frame"),
    "context": (lambda: contextvars.ContextVar("x"), "", "a _contextvars.ContextVar"),
    "loader": (lambda: iter(torch.utils.data.DataLoader([1])), "", "_SingleProcessDataLoaderIter"),
    "object in a dict in a list": (lambda: Holder({"a": [1, threading.Lock()]}), ".value['a'][1]", "a _thread.lock"),
    "slot": (lambda: Slotted(threading.Lock()), ".value", "a _thread.lock"),
    "state of its own": (Shy, "", "no state for anybody"),
    "circle": (circle, ".value.lock", "a _thread.lock"),
    "list of a class": (lambda: Items([threading.Lock()]), "[0]", "a _thread.lock"),
    "module": (module_with_hook, ".0.hook", "a _thread.lock"),
    "partial": (lambda: functools.partial(print, threading.Lock()), ".args[0]", "a _thread.lock"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_sent_is_named(kind):
    make, path, what = KINDS[kind]
    held = make()
    try:
        with pytest.raises(ExperimentError) as raised:
            packed(assignment(lambda sample, loader: 1.0, loader=held))
    finally:
        getattr(held, "close", int)()
    assert str(raised.value).startswith(f"evaluator.arguments['loader']{path} holds ")
    assert what in str(raised.value)
    assert "make it inside the evaluation" in str(raised.value)


def test_what_a_function_takes_along_is_named():
    lock = threading.Lock()

    def function(sample):
        with lock:
            return 1.0

    with pytest.raises(ExperimentError, match=r"evaluator\.function\.<variable lock> holds a _thread\.lock"):
        packed(assignment(function))


def test_attributes_of_an_evaluator_are_named():
    class Own(Evaluator):
        argument = "sample"

        def __init__(self):
            self.connection = sqlite3.connect(":memory:")

        def evaluate(self, model):
            return 1.0

    evaluator = Own()
    with pytest.raises(ExperimentError, match=r"^evaluator\.connection holds a sqlite3\.Connection"):
        packed(Assignment(None, evaluator, {}))
    evaluator.connection.close()


def test_a_space_that_cannot_be_sent_is_no_trouble_where_samples_are_wanted():
    space = Holder(threading.Lock())
    assert unpacked(packed(assignment(lambda sample: 1.0, space=space))).space is None
    with pytest.raises(ExperimentError, match=r"^space\.value holds a _thread\.lock"):
        packed(assignment(lambda model: 1.0, "module", space))


def test_functions_without_a_name_arrive():
    factor = 3
    sent = unpacked(packed(assignment(lambda sample: factor * sample["width"])))
    assert sent.evaluator.evaluate({"width": 2}) == 6


class Local(ModelSpace):
    def __init__(self):
        super().__init__()
        self.mode = nn.LayerChoice({"good": nn.ReLU(), "bad": nn.Tanh()}, label="mode")
        self.size = nn.Linear(4, nn.ValueChoice([1, 2], label="size"))

    def forward(self, x):
        return self.size(self.mode(x))


@pytest.mark.parametrize("make", [lambda: NASBench201(2, 1), Local])
def test_spaces_arrive_whole(make):
    space = make()
    sent = unpacked(packed(assignment(lambda model: 1.0, "module", space))).space
    sample = space.random(3)
    assert sent.domain.size == space.domain.size
    assert str(sent.freeze(sample)) == str(space.freeze(sample))
    assert sent.graph.apply(sample).fingerprint() == space.graph.apply(sample).fingerprint()


def test_nothing_but_a_pickle_is_sent():
    evaluator = FunctionalEvaluator(print, argument="sample", x=nn.ValueChoice([1, 2], label="x"))
    sent, _, _ = pickle.loads(packed(Assignment(None, evaluator, {"default": "maximize"})))  # noqa: S301
    assert sent.objectives == {"default": "maximize"}
    assert sent.evaluator.decided({"x": 2}).arguments == {"x": 2}
