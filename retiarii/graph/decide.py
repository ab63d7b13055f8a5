"""Descriptions of modules without what a sample has decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retiarii.domain.nested import evaluate_nested, symbols_in
from retiarii.errors import SampleError
from retiarii.graph.spec import ChoiceSpec, LayerSpec, OpaqueSpec, Spec


def fallen_child(choice: ChoiceSpec, sample: Mapping[str, Any]) -> str | int | None:
    """The name of the chosen child, or the number of the children that stay; None where there is no child to choose."""
    if choice.kind == "inputs" or any(label not in sample for label in choice.choice.labels):
        return None
    value = choice.choice.evaluate(sample)
    if choice.kind == "repeat":
        return int(value)
    for key, child in zip(choice.keys, choice.children, strict=True):
        if key == value and type(key) is type(value):
            return child
    raise SampleError(f"{choice.choice!r} is {value!r}, not one of {list(choice.keys)}")


def decided(spec: Spec, sample: Mapping[str, Any]) -> Spec:
    """A description without expressions; the same object for the same decisions."""
    labels = spec.cache.get("labels")
    if labels is None:
        labels = spec.cache["labels"] = _labels(spec)
    key = (*[_hashable(sample.get(label)) for label in labels],)
    known: Spec | None = spec.cache.get(key)
    if known is None:
        known = spec.cache[key] = _decided(spec, sample)
    return known


def _hashable(value: Any) -> Any:
    return (type(value), tuple(value) if isinstance(value, list) else value)


def _labels(spec: Spec) -> tuple[str, ...]:
    found: dict[str, None] = {}
    parts: list[Any] = []
    if isinstance(spec, LayerSpec):
        parts.append(dict(spec.arguments))
    elif isinstance(spec, OpaqueSpec):
        parts.append(dict(spec.attributes))
    else:
        parts.append([spec.choice])
    for part in parts:
        found.update(dict.fromkeys(symbol.label for symbol in symbols_in(part)))
    for child in spec.children.values():
        found.update(dict.fromkeys(_labels(child)))
    return tuple(found)


def _decided(spec: Spec, sample: Mapping[str, Any]) -> Spec:
    if isinstance(spec, LayerSpec):
        from retiarii.graph.layers import canonical_arguments  # noqa: PLC0415

        return LayerSpec(spec.cls, canonical_arguments(evaluate_nested(dict(spec.arguments), sample)))
    if isinstance(spec, ChoiceSpec):
        if spec.kind == "inputs":
            return _chosen(spec, sample)
        fallen = fallen_child(spec, sample)
        if isinstance(fallen, str):
            return decided(spec.children[fallen], sample)
        kept = list(spec.children.items())[:fallen]
        return OpaqueSpec(
            "torch.nn.Sequential", {}, {}, {name: decided(child, sample) for name, child in kept}, arguments=None
        )
    children = {name: decided(child, sample) for name, child in spec.children.items()}
    attributes = evaluate_nested(dict(spec.attributes), sample)
    return OpaqueSpec(spec.cls, attributes, spec.tensors, children, spec.reason, spec.unwritable)


def _chosen(spec: ChoiceSpec, sample: Mapping[str, Any]) -> Spec:
    from retiarii.graph.chosen import chosen_spec  # noqa: PLC0415  graphs can be decided without torch

    return chosen_spec(spec.choice.evaluate(sample), spec.keys[0])
