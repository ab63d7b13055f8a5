"""Growing undecided layers in place, so that all that may be decided of them share one set of weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from retiarii.domain.choice import Choice
from retiarii.domain.expression import Expression, lift
from retiarii.domain.reach import reachable
from retiarii.domain.value import Value
from retiarii.errors import SampleError, SpaceError
from retiarii.graph.decide import sizes
from retiarii.graph.turns import unwarned
from retiarii.nn.choice import ChoiceModule
from retiarii.nn.layers import decided_arguments, open_arguments
from retiarii.nn.narrow import NarrowLayers, empty_layer, stay
from retiarii.nn.parameter import ShapedParameter, replace_data
from retiarii.nn.slices import cut, fits

MOST_JOINT = 100_000
"""As many joint values of the choices in one layer's arguments are tried to find the largest shapes."""


def grow(model: nn.Module) -> None:
    """Make the undecided layers and parameters of a model, in place, as large as anything decided of them needs.

    From then on a layer computes what its arguments are decided to be (see `Answer`; its default without any) with
    parts of its weights (see `retiarii.nn.slices`). A tensor that has to grow gets new numbers, as torch starts the
    largest layer with; others stay as they are, and tied parameters stay tied. It may be called again.

    Continuous choices, as for the rate of a dropout, are tried at their ends and their default.

    Args:
        model: a space, or any module with undecided layers or `ShapedParameter`s in it.

    Raises:
        SpaceError: a layer's arguments have more than 100,000 joint values, can't be decided so that a layer can be
            made, or decide how many dimensions or submodules it has; or the layer is lazy.
    """
    choices = {id(module.symbol): module.choice for module in model.modules() if isinstance(module, ChoiceModule)}
    for path, module in model.named_modules():
        for parameter in module._parameters.values():
            if isinstance(parameter, ShapedParameter):
                _grow_parameter(parameter, choices)
        if "choice_arguments" in vars(module) and "narrow_layers" not in vars(module):
            place = f" at {path!r}" if path else ""
            _grow_layer(module, f"nn.{type(module).__name__}{place}", choices)


Known = Mapping[int, Choice | None]
"""What there is to choose, by the identity of the symbol of a module that is a choice."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What a layer may become."""

    arguments: dict[str, Any]
    empty: nn.Module
    shapes: dict[str, torch.Size]

    @property
    def size(self) -> int:
        return sum(map(math.prod, self.shapes.values()))


def _grow_layer(layer: nn.Module, named: str, choices: Known) -> None:
    expression = open_arguments(layer)
    candidates = _candidates(layer, expression, named, choices)
    candidates.sort(key=lambda candidate: candidate.size, reverse=True)
    _check_submodules(layer, candidates, named)
    _check_gradients(candidates, named)
    _fill(layer, _wanted(layer, _largest(candidates, named)), candidates)
    if isinstance(layer, nn.RNNBase):
        vars(layer)["flatten_parameters"] = stay
    vars(layer)["narrow_layers"] = NarrowLayers(expression)


def _candidates(layer: nn.Module, expression: Expression, named: str, choices: Known) -> list[_Candidate]:
    found: list[_Candidate] = []
    failure: Exception | None = None
    values = {cast("tuple[Any, ...]", value): None for value in _values(expression, named, choices)}
    for value in values:
        arguments = decided_arguments(layer, value)
        try:
            empty = empty_layer(cast("Any", type(layer)).__wraps__, arguments)
        except Exception as error:  # noqa: BLE001  arguments that no layer takes are in no model, whatever torch raises
            failure = error
            continue
        found.append(_Candidate(arguments, empty, _shapes(empty, named)))
    if not found:
        raise SpaceError(f"no decided arguments of {named} make a layer: {failure or 'none can be computed'}")
    return found


def _values(expression: Expression, named: str, choices: Known) -> list[Value]:
    """What an expression may be."""
    options = {symbol.label: _options(symbol, named, choices) for symbol in expression.symbols}
    values = reachable(expression, options, MOST_JOINT)
    if values is None:
        count = math.prod(map(len, options.values()))
        raise SpaceError(
            f"{named} depends on {', '.join(expression.labels)}, which have {count} joint values; at most {MOST_JOINT} "
            "can share weights: use fewer candidates or choices in one layer"
        )
    return values


def _options(symbol: Any, named: str, choices: Known) -> list[Value]:
    choice: Any = getattr(symbol, "choice", None) or choices.get(id(symbol))
    if choice is None:
        raise SpaceError(f"{named} depends on {symbol.label!r}, which no choice in the model decides: grow the space")
    if choice.size == math.inf:
        return [choice.low, choice.default, choice.high]
    if choice.size > MOST_JOINT:
        raise SpaceError(
            f"{named} depends on {symbol.label!r}, which has {choice.size} values; at most {MOST_JOINT} can share "
            "weights: use fewer candidates"
        )
    return list(choice.values())


def _shapes(layer: nn.Module, named: str) -> dict[str, torch.Size]:
    tensors = [*layer.named_parameters(), *layer.named_buffers()]
    if any(is_lazy(tensor) for _, tensor in tensors):
        raise SpaceError(f"{named} is lazy, so its shapes are not known: give the size of its input")
    return {name: tensor.shape for name, tensor in tensors}


def _check_submodules(layer: nn.Module, candidates: Iterable[_Candidate], named: str) -> None:
    own = {path for path, _ in layer.named_modules()}
    for candidate in candidates:
        missing = [path for path, _ in candidate.empty.named_modules() if path not in own]
        if missing:
            raise SpaceError(
                f"{named} has {missing[0]!r} only for some of its arguments, so that it can't share weights: let a "
                "LayerChoice or Repeat say which modules there are"
            )


def _check_gradients(candidates: Iterable[_Candidate], named: str) -> None:
    shapes = {candidate.shapes["weight"] for candidate in candidates if getattr(candidate.empty, "sparse", False)}
    if len(shapes) > 1:
        raise SpaceError(f"{named} has sparse gradients, which weights of several shapes can't share: leave out sparse")


def _largest(candidates: Iterable[_Candidate], named: str) -> dict[str, torch.Size]:
    """The shape of each tensor that all of its shapes fit into."""
    found: dict[str, torch.Size] = {}
    for candidate in candidates:
        for name, shape in candidate.shapes.items():
            before = found.setdefault(name, shape)
            if len(before) != len(shape):
                raise SpaceError(
                    f"the {name} of {named} may have the shapes {tuple(before)} and {tuple(shape)}, and can't be "
                    "shared: let a LayerChoice choose between layers of so many dimensions"
                )
            found[name] = torch.Size(map(max, before, shape))
    return found


def _wanted(layer: nn.Module, largest: Mapping[str, torch.Size]) -> dict[str, torch.Size]:
    """The shapes of the tensors that have to grow; one that is tied to another layer's may be larger already."""
    found = {}
    for name, shape in largest.items():
        _, table, leaf = _place(layer, name)
        before = table.get(leaf)
        if before is None or not fits(before.shape, shape):
            found[name] = shape if before is None else torch.Size(map(max, shape, before.shape))
    return found


def _place(layer: nn.Module, name: str) -> tuple[nn.Module, dict[str, Any], str]:
    """The module that has a tensor, its table of parameters or buffers, and the name in it."""
    path, _, leaf = name.rpartition(".")
    owner = layer.get_submodule(path)
    table: dict[str, Any] = owner._buffers if leaf in owner._buffers else owner._parameters
    return owner, table, leaf


def _fill(layer: nn.Module, wanted: Mapping[str, torch.Size], candidates: list[_Candidate]) -> None:
    """Give tensors their new shapes, and numbers as torch starts the largest candidates with."""
    made: dict[str, Tensor] = {}
    for candidate, names in _makers(wanted, candidates):
        with unwarned():
            fresh = cast("Any", type(layer)).__wraps__(**candidate.arguments)
        for name in names:
            owner, table, leaf = _place(fresh, name)
            if name not in made:
                made[name] = _enlarged(layer, name, table[leaf], wanted[name])
            cut(owner, leaf, made[name].shape, table[leaf].shape).put(made[name], table[leaf])
            _put(layer, name, made[name], isinstance(table[leaf], nn.Parameter))


def _makers(wanted: Mapping[str, torch.Size], candidates: list[_Candidate]) -> list[tuple[_Candidate, list[str]]]:
    """The candidates whose tensors cover those that are wanted, and which of their tensors do; the largest last."""
    found: dict[int, list[str]] = {}
    for name in wanted:
        shapes = {candidate.shapes[name] for candidate in candidates if name in candidate.shapes}
        outer = [shape for shape in shapes if not any(shape != other and fits(other, shape) for other in shapes)]
        for shape in outer:
            first = next(index for index, each in enumerate(candidates) if each.shapes.get(name) == shape)
            found.setdefault(first, []).append(name)
    return [(candidates[index], found[index]) for index in sorted(found, reverse=True)]


def _enlarged(layer: nn.Module, name: str, fresh: Tensor, shape: torch.Size) -> Tensor:
    """A tensor of zeros, with the numbers that were there before, for the place of a smaller one."""
    owner, table, leaf = _place(layer, name)
    before: Tensor | None = table.get(leaf)
    like = next(layer.parameters(), fresh) if before is None else before
    is_alike = fresh.is_floating_point() and like.is_floating_point()
    made = torch.zeros(shape, dtype=like.dtype if is_alike else fresh.dtype, device=like.device)
    if before is not None:
        cut(owner, leaf, shape, before.shape).put(made, before)
    return made


def _put(layer: nn.Module, name: str, tensor: Tensor, is_parameter: bool) -> None:
    owner, _, leaf = _place(layer, name)
    before = owner._parameters.get(leaf)
    if before is not None:
        replace_data(before, tensor)
    elif is_parameter:
        owner._parameters[leaf] = nn.Parameter(tensor)
    else:
        owner._buffers[leaf] = tensor


def _grow_parameter(parameter: ShapedParameter, choices: Known) -> None:
    named = f"a parameter of shape {parameter.choice_shape}"
    shape = parameter.shape
    for value in _values(cast("Expression", lift(parameter.choice_shape)), named, choices):
        try:
            needed = sizes(cast("Any", value), {})
        except SampleError:
            continue
        shape = torch.Size(map(max, shape, needed))
    if shape != parameter.shape:
        parameter.enlarge(shape)
