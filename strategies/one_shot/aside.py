"""Letting a task run a batch so that nobody sees it."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeAlias, cast

import pytorch_lightning as pl
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection

LOGS = ("log", "log_dict")
_CONTAINERS = (list, dict, set, deque)


class Aside:
    """Runs a task with nothing logged, and leaves the task as if nothing had been.

    Its metrics and buffers, its plain attributes, and the lists, dicts and sets among these, are what they were; so are
    those of its parts. The model is left to itself.

    Args:
        task: The user's module.
        model: Its model.
    """

    def __init__(self, task: pl.LightningModule, model: nn.Module) -> None:
        self._task = task
        self._model = model
        self._twins: list[_Held] | None = None
        self._parts: list[nn.Module] = []

    @contextmanager
    def __call__(self, hear: Hear | None = None) -> Iterator[None]:
        """Within the block.

        Args:
            hear: is called with the name and the value of what would be logged; the metrics among the values have seen
                nothing but what happened in the block.
        """
        self._exchange()
        before = [_State(part) for part in self._parts]
        vars(self._task).update(zip(LOGS, _logs(hear), strict=True))
        try:
            yield
        finally:
            for state in before:
                state.restore()
            for _, _, metric in self._exchange():
                if isinstance(metric, MetricCollection) or metric.update_called:
                    metric.reset()

    def _exchange(self) -> list[_Held]:
        """Puts the metrics' copies in their place, or the metrics in that of the copies; gives what was there."""
        if self._twins is None:
            self._twins = [(holder, name, copy.deepcopy(metric)) for holder, name, metric in _metrics(self._task)]
            self._parts = list(_parts(self._task, self._model))
        before: list[_Held] = [(holder, name, cast("Metric", holder[name])) for holder, name, _ in self._twins]
        for holder, name, twin in self._twins:
            holder[name] = twin
        self._twins = before
        return before


_Held: TypeAlias = tuple[dict[str, nn.Module | None], str, Metric | MetricCollection]
"""What holds a metric, under which name, and the metric."""


def _metrics(module: nn.Module) -> Iterator[_Held]:
    for name, child in module._modules.items():
        if isinstance(child, Metric | MetricCollection):
            yield module._modules, name, child
        elif child is not None:
            yield from _metrics(child)


def _parts(module: nn.Module, model: nn.Module) -> Iterator[nn.Module]:
    """A module and its parts, without the model and metrics."""
    if module is model or isinstance(module, Metric | MetricCollection):
        return
    yield module
    for child in module.children():
        yield from _parts(child, model)


class _State:
    """What a module has at hand beside parameters and other modules.

    Buffers are exchanged for copies, not overwritten in the end: gradients may still need what was computed with.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._attributes = {name: value for name, value in vars(module).items() if name not in _internal()}
        self._contents = list(_contents(self._attributes))
        self._buffers: dict[str, Tensor | None] = dict(module._buffers)
        module._buffers.update({name: None if held is None else held.clone() for name, held in self._buffers.items()})

    def restore(self) -> None:
        attributes = vars(self._module)
        for name in [name for name in attributes if name not in _internal() and name not in self._attributes]:
            del attributes[name]
        attributes.update(self._attributes)
        for container, content in self._contents:
            _fill(container, content)
        self._module._buffers.clear()
        self._module._buffers.update(self._buffers)


@cache
def _internal() -> frozenset[str]:
    """The attributes that are Lightning's and torch's own."""
    return frozenset(vars(pl.LightningModule()))


def _contents(attributes: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """The containers among the values, and among their items, each with a copy of what it holds."""
    waiting, seen = list(attributes.values()), set[int]()
    while waiting:
        value = waiting.pop()
        if type(value).__hash__ is not None or not isinstance(value, _CONTAINERS) or id(value) in seen:
            continue
        seen.add(id(value))
        yield value, copy.copy(value)
        waiting += value.values() if isinstance(value, dict) else value


def _fill(container: Any, content: Any) -> None:
    container.clear()
    if isinstance(container, list | deque):
        container.extend(content)
    else:
        container.update(content)


Hear: TypeAlias = Callable[[str, Any], None]


def _logs(hear: Hear | None) -> tuple[Callable[..., None], Callable[..., None]]:
    """What stands for `log` and `log_dict`."""

    def log(name: str, value: Any, *args: Any, **kwargs: Any) -> None:
        if hear is not None:
            hear(name, value)

    def log_dict(dictionary: Mapping[str, Any], *args: Any, **kwargs: Any) -> None:
        for name, value in dictionary.items():
            log(name, value)

    return log, log_dict
