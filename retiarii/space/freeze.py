"""From a space and a sample to a plain model, by putting chosen modules in the places of choices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from retiarii.domain.nested import contains_expression, evaluate_nested
from retiarii.errors import SampleError
from retiarii.nn.choice import ChoiceModule
from retiarii.nn.compound import Compound
from retiarii.nn.parameter import ShapedParameter
from retiarii.nn.slices import cut, fits
from retiarii.space.defaults import is_open, is_users
from retiarii.space.lazy import lazy_again
from retiarii.space.plain import plain_class


class Freezer:
    """Turns modules with choices into plain ones, in place.

    Args:
        sample: decides every active choice.
        space: the base class that plain models do without.
        inherits: whether a layer that decides otherwise than the default takes the parts of the weights that it uses.
    """

    def __init__(self, sample: Mapping[str, Any], space: Any, inherits: bool = False) -> None:
        self.sample = sample
        self.space = space
        self.inherits = inherits
        self._done: dict[int, nn.Module | None] = {}
        self._parameters: dict[int, nn.Parameter] = {}
        self._kept: list[Any] = []
        self._shared: set[int] = set()

    def model(self, space: nn.Module) -> nn.Module:
        """The plain model for a space."""
        times = Counter([id(parameter) for _, parameter in space.named_parameters(remove_duplicate=False)])
        self._shared = {parameter for parameter, count in times.items() if count > 1}
        frozen = self.freeze(space)
        if frozen is None:
            raise SampleError(f"the sample leaves nothing of {type(space).__name__}")
        return frozen

    def freeze(self, module: nn.Module) -> nn.Module | None:
        """The plain module for this one, the same for the same; None where nothing stands in its place."""
        if id(module) not in self._done:
            self._kept.append(module)
            frozen = self._done[id(module)] = self._replacement(module)
            if frozen is module:
                self._freeze_inside(module)
                self._tie(module, module)
        return self._done[id(module)]

    def _replacement(self, module: nn.Module) -> nn.Module | None:
        if isinstance(module, ChoiceModule):
            return module.decided(self.sample, self.freeze)
        arguments = module.__dict__.get("choice_arguments")
        if arguments is None:
            return lazy_again(module)
        return self._layer(module, evaluate_nested(arguments, self.sample))

    def _layer(self, module: nn.Module, arguments: dict[str, Any]) -> nn.Module:
        """A layer of torch with decided arguments; it keeps the weights if they still fit, or parts of them."""
        wrapped = type(module).__wraps__  # type: ignore[attr-defined]
        layer = _placed(wrapped(**arguments), module)
        self._freeze_inside(layer)
        state = module.state_dict()
        if _shapes(layer.state_dict()) == _shapes(state):
            layer.load_state_dict(state)
        elif self.inherits:
            _inherit(layer, state)
        self._tie(module, layer)
        return _in_mode(layer, module)

    def _tie(self, module: nn.Module, made: nn.Module) -> None:
        """Let what stands for a module of the space share the parameters that the module shares, where they fit."""
        if not self._shared:
            return
        own = {name: holder for name, holder in _holders(made).items() if "." not in name or made is not module}
        for name, parameter in module.named_parameters(recurse=made is not module, remove_duplicate=False):
            if id(parameter) not in self._shared or name not in own:
                continue
            leaf = name.rpartition(".")[2]
            self._kept.append(parameter)
            first = self._parameters.setdefault(id(parameter), own[name][leaf])
            if first.shape == own[name][leaf].shape:
                own[name][leaf] = first

    def _freeze_inside(self, module: nn.Module) -> None:
        for name, child in list(module._modules.items()):
            if child is None:
                continue
            frozen = module._modules[name] = self.freeze(child)
            if frozen is None:
                del module._modules[name]
        self._shape_parameters(module)
        for name, value in list(vars(module).items()):
            if not is_users(module, name):
                continue
            decided = self._decided(value)
            if decided is not value:
                module.__dict__[name] = decided
        if isinstance(module, self.space):
            for name in self.space.__derived_attributes__:
                module.__dict__.pop(name, None)
            module.__class__ = plain_class(type(module), self.space)
        elif type(module).__module__.startswith("retiarii.nn."):
            module.__dict__.pop("_inner", None)
            module.__class__ = plain_class(type(module), Compound)

    def _shape_parameters(self, module: nn.Module) -> None:
        for name, parameter in module._parameters.items():
            if not isinstance(parameter, ShapedParameter):
                continue
            if id(parameter) not in self._parameters:
                self._kept.append(parameter)
                self._parameters[id(parameter)] = parameter.decided(self.sample)
            module._parameters[name] = self._parameters[id(parameter)]

    def _decided(self, value: Any) -> Any:
        """What a plain attribute is in the frozen model."""
        if isinstance(value, nn.Module):
            return self.freeze(value) if is_open(value) else value
        if isinstance(value, dict) and any(map(is_open, value.values())):
            return {key: self._decided(item) for key, item in value.items()}
        if isinstance(value, list | tuple) and any(map(is_open, value)):
            items = [self._decided(item) for item in value]
            return items if isinstance(value, list) else tuple(items)
        return evaluate_nested(value, self.sample) if contains_expression(value) else value


def _holders(module: nn.Module) -> dict[str, Any]:
    """For the name of each parameter the table that holds it."""
    return {
        f"{path}.{name}" if path else name: owner._parameters
        for path, owner in module.named_modules(remove_duplicate=False)
        for name, parameter in owner._parameters.items()
        if parameter is not None and not is_lazy(parameter)
    }


def _inherit(layer: nn.Module, state: Mapping[str, Any]) -> None:
    """Give a layer the parts that it uses of a larger one's tensors, as far as those are large enough."""
    for path, owner in layer.named_modules():
        for name, tensor in (*owner._parameters.items(), *owner._buffers.items()):
            whole = state.get(f"{path}.{name}" if path else name)
            if tensor is None or whole is None or is_lazy(tensor) or is_lazy(whole):
                continue
            if fits(whole.shape, tensor.shape):
                tensor.data.copy_(cut(owner, name, whole.shape, tensor.shape).of(whole))


def _in_mode(made: nn.Module, like: nn.Module) -> nn.Module:
    return made.train(like.training)


def _placed(layer: nn.Module, like: nn.Module) -> nn.Module:
    """The layer on the device and in the data type of another, and as trainable."""
    first = next(like.parameters(), None)
    if first is None:
        return layer
    layer = layer.to(first.device, first.dtype if first.is_floating_point() else None)
    trainable = {name: parameter.requires_grad for name, parameter in like.named_parameters()}
    for name, parameter in layer.named_parameters():
        if not is_lazy(parameter):
            parameter.requires_grad_(trainable.get(name, True))
    return layer


def _shapes(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if is_lazy(value) else getattr(value, "shape", None) for name, value in state.items()}
