"""Forwards that differ between training and evaluation: two recorded branches become one."""

from __future__ import annotations

from typing import Any, NoReturn

from torch import fx


def is_training() -> NoReturn:
    """Stands for `self.training` in a recorded graph."""
    raise NotImplementedError("a mark in a graph, never called")


def by_mode(training: Any, evaluation: Any) -> NoReturn:
    """Stands for `training if self.training else evaluation` in a recorded graph."""
    raise NotImplementedError("a mark in a graph, never called")


def unify(train: list[fx.Node], evaluation: list[fx.Node]) -> tuple[int, dict[fx.Node, fx.Node]]:
    """Join what two branches have in common at their start.

    Two steps that differ in constants alone are common: the constant becomes `by_mode(a, b)`.

    Returns:
        The number of common nodes, and for each of them in `evaluation` its twin in `train`.
    """
    twins: dict[fx.Node, fx.Node] = {}
    same = 0
    for left, right in zip(train, evaluation, strict=False):
        if left.op != right.op or left.target != right.target:
            break
        theirs = fx.map_arg((right.args, right.kwargs), lambda node: twins.get(node, node))
        joined = _join((left.args, left.kwargs), theirs, left)
        if joined is _DIFFERENT:
            break
        left.args, left.kwargs = joined
        twins[right] = left
        same += 1
    for node in evaluation[same:]:
        node.args = fx.map_arg(node.args, lambda n: twins.get(n, n))
        node.kwargs = fx.map_arg(node.kwargs, lambda n: twins.get(n, n))
    return same, twins


_DIFFERENT: Any = object()


def _join(left: Any, right: Any, at: fx.Node) -> Any:
    if isinstance(left, tuple | list) and type(left) is type(right) and len(left) == len(right):
        items = [_join(a, b, at) for a, b in zip(left, right, strict=True)]
        return _DIFFERENT if any(item is _DIFFERENT for item in items) else type(left)(items)
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        values = {key: _join(left[key], right[key], at) for key in left}
        return _DIFFERENT if any(value is _DIFFERENT for value in values.values()) else values
    if left is right or (type(left) is type(right) and not isinstance(left, fx.Node) and left == right):
        return left
    if isinstance(left, bool | int | float) and isinstance(right, bool | int | float):
        with at.graph.inserting_before(at):
            return at.graph.call_function(by_mode, (left, right))
    return _DIFFERENT
