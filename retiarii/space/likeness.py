"""Whether two spaces, perhaps of different processes, make the same models."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from hashlib import blake2b
from typing import Any, cast

from torch import nn

from retiarii.domain.value import Sample
from retiarii.graph import Graph
from retiarii.graph.digests import character, outline, tensor_digest
from retiarii.graph.opaque import ORIGINAL
from retiarii.graph.spec import ChoiceSpec, OpaqueSpec, Spec, TensorSpec
from retiarii.graph.values import Held, Named, leaves, map_argument
from retiarii.space.model_space import ModelSpace
from retiarii.space.variants import SpaceGraph, Variants

_BYTES = 4
_MOST_PARTS = 64
_MOST_MODELS = 8
_DIGITS = 5
_OURS = ("retiarii.", "torch.")


def graph_mark(graph: SpaceGraph) -> str:
    """What is another one for a space that makes other models of the same samples, and the same in every process.

    Neither weights nor other tensors of many different numbers count: they may be drawn, and differ by a last digit.
    Nor does it in which file users' classes are, which is another one where that is run as a program.
    Where one graph doesn't show all models, since the forward looks at choices or mutators rewrite them, some of them
    are looked at.
    """
    whole = _comparable(graph).fingerprint()
    variants = graph.variants
    if variants is None or not (graph.answers or variants.mutators):
        return whole
    models = [_model_mark(variants, sample) for sample in _some_samples(variants)]
    return blake2b(" ".join([whole, *models]).encode(), digest_size=16).hexdigest()


def part_marks(graph: Graph) -> dict[str, str]:
    """What is another one for each part that is another one: modules and what is inside, by path; "" is the forward.

    Where there are too many paths they are cut off.
    """
    for depth in (2, 1):
        parts = _parts(_comparable(graph), depth)
        if len(parts) <= _MOST_PARTS:
            return parts
    return {}


def unseen_classes(space: ModelSpace, graph: SpaceGraph | None) -> list[type]:
    """The classes of users whose code the mark of a graph doesn't show, or shows in part; all without a graph."""
    kinds: list[type] = [type(mutator) for mutator in space.mutators]
    if graph is None or graph.answers:
        kinds += [type(module) for module in (space, *space.rewritten().modules())]
    if graph is not None:
        kinds += [type(module) for spec in graph.modules.values() for module in _opaque_modules(spec)]
    return [kind for kind in dict.fromkeys(kinds) if not f"{kind.__module__}.".startswith(_OURS)]


def _some_samples(variants: Variants) -> Iterator[Sample]:
    """Of all labels the first candidate, the second, and so on; constraints may refuse them."""
    domain = variants.domain.unconstrained
    most = max([choice.size for choice in domain.choices.values()], default=0)
    count = _MOST_MODELS if most > _MOST_MODELS else int(most)
    for number in range(count):
        yield domain.at([(number + 0.5) / count] * len(domain.choices))


def _model_mark(variants: Variants, sample: Sample) -> str:
    try:
        return _comparable(variants.made(sample)).fingerprint()
    except Exception as error:  # noqa: BLE001  users' code may raise anything for a sample that no trial will have
        return type(error).__name__


def _parts(graph: Graph, depth: int) -> dict[str, str]:
    found: dict[str, list[bytes]] = defaultdict(list)
    for path, spec in sorted(graph.modules.items()):
        found[_cut(path, depth)].append(path.encode() + character(spec).digest)
    for path, tensor in sorted(graph.tensors.items()):
        found[_cut(path, depth)].append(path.encode() + tensor_digest(tensor))
    for record in graph.records.values():
        found[_cut(record.scope, depth)].append(outline(record).digest)
    return {path: blake2b(b"".join(written), digest_size=_BYTES).hexdigest() for path, written in found.items()}


def _cut(path: str, depth: int) -> str:
    return ".".join(path.split(".")[:depth])


def _opaque_modules(spec: Spec) -> Iterator[nn.Module]:
    if isinstance(spec, OpaqueSpec):
        original = spec.cache.get(ORIGINAL)
        module = None if original is None else original()
        yield from [] if module is None else module.modules()
    for child in spec.children.values():
        yield from _opaque_modules(child)


def _comparable(graph: Graph) -> Graph:
    """The same graph without what may be another one though the models are the same.

    That are the numbers of tensors that hold many different ones, and in which files users' classes are.
    """
    modules = {path: _bare(spec) for path, spec in graph.modules.items()}
    tensors = {path: _bare(tensor) for path, tensor in graph.tensors.items()}
    return Graph(graph.name, graph.records, modules, tensors, graph.scopes, graph.ties, graph.choices)


def _bare(value: Any) -> Any:
    """A description of a part of a graph, made comparable; that of a module where nothing is to do stays the object."""
    if isinstance(value, TensorSpec):
        return replace(value, values=_rounded(value.values), cache={})
    if isinstance(value, Named):
        return Named(_without_file(value.path))
    if isinstance(value, Held):
        is_array = value.parts.get("function") == Named("numpy.array")
        return Held("array", {}) if is_array else Held(value.kind, _all_bare(value.parts))
    if not isinstance(value, Spec):
        return value
    held = {part.name: getattr(value, part.name) for part in fields(value) if part.name not in ("cache", "choice")}
    bare = {name: _all_bare(part) if isinstance(part, Mapping) else part for name, part in held.items()}
    if not isinstance(value, ChoiceSpec):
        bare["cls"] = _without_file(value.cls)
    is_same = all(bare[name] is held[name] for name in held)
    return value if is_same else replace(cast(Any, value), cache={}, **bare)


def _without_file(path: str) -> str:
    return path if path.startswith((*_OURS, "builtins.")) else path.rpartition(".")[2]


def _rounded(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """How a tensor starts, but for what chance or another processor may have made of it."""
    fill = values.get("fill")
    if isinstance(fill, float):
        return {"fill": float(f"{fill:.{_DIGITS}g}")}
    return {"bytes": ""} if "bytes" in values else values


def _all_bare(values: Mapping[str, Any]) -> Mapping[str, Any]:
    inside = [leaf for value in values.values() for leaf in leaves(value)]
    if not any(isinstance(leaf, TensorSpec | Held | Named | Spec) for leaf in inside):
        return values
    return {name: map_argument(_bare, value) for name, value in values.items()}
