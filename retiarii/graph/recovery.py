"""The constructor arguments of a user's module, found in its attributes and tried out."""

from __future__ import annotations

import inspect
import json
import random
import sys
import threading
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from retiarii.graph.anatomy import Anatomy, Describe, is_filled, is_open
from retiarii.graph.encoding import encode
from retiarii.graph.held import Holdings, members
from retiarii.graph.layers import Reader, canonical_arguments, constructor_parameters, plan_of
from retiarii.graph.restored import revived
from retiarii.graph.spec import ChoiceSpec, LayerSpec, OpaqueSpec, Spec
from retiarii.graph.turns import unwarned
from retiarii.graph.values import Argument

_LOCKS = (type(threading.Lock()), type(threading.RLock()))
_COMPARABLE = (bool, int, float, complex, str, tuple, list, dict)
_MISSING = inspect.Parameter.empty


def constructor_arguments(module: nn.Module, anatomy: Anatomy, describe: Describe) -> dict[str, Argument] | None:
    """The arguments with which the module's class makes an equal module; None where they can't be found out.

    For each parameter of the constructor, what the module holds under that name is taken, `name` or `_name`. Then a
    second module is made from these and compared with the first: submodules, attributes, shapes, what is tied.

    Args:
        module: any module of a user.
        anatomy: what it is made of.
        describe: describes the modules among the arguments.
    """
    if is_open(anatomy.spec) or "__class__" in anatomy.spec.unwritable:
        return None
    try:
        arguments = _candidates(module, describe)
    except LookupError:
        return None
    needs_values = anatomy.has_values and not any(part.is_meta for part in (*module.parameters(), *module.buffers()))
    for device in ("cpu",) if needs_values else ("meta", "cpu"):
        twin = _twin(type(module), arguments, device, describe)
        if twin is not None:
            return arguments if _are_equal(anatomy, twin, needs_values) else None
    return None


def _candidates(module: nn.Module, describe: Describe) -> dict[str, Argument]:
    known = dict(members(module)) | module._modules | module._buffers | module._parameters
    readers = _readers(type(module))
    holdings = Holdings(lambda value: describe(value) if isinstance(value, nn.Module) else None)
    parameters = _parameters(type(module))
    found: dict[str, Argument] = {}
    for name, default in parameters.items():
        try:
            value = _value(module, name, default, known, readers)
            if value is not default:
                found[name] = holdings.held(value)
        except (LookupError, AttributeError):
            if default is _MISSING:
                raise LookupError(f"nothing is known of {name!r}") from None
    found |= canonical_arguments({name: value for name, value in found.items() if name in readers})
    return {name: value for name, value in found.items() if not _is_same(value, parameters[name])}


def _is_same(value: Argument, default: Any) -> bool:
    return type(value) is type(default) and isinstance(value, _COMPARABLE) and bool(value == default)


def _value(module: nn.Module, name: str, default: Any, known: Mapping[str, Any], readers: Mapping[str, Reader]) -> Any:
    if name in readers:
        return readers[name](module)
    value = known[name] if name in known else known[f"_{name}"]
    return _meant(value, default) if isinstance(value, nn.Module | torch.Tensor | None) else value


def _meant(value: nn.Module | torch.Tensor | None, default: Any) -> Any:
    """What was given for a part that the constructor made: whether to make it, its class, or how many."""
    if isinstance(default, bool):
        return value is not None
    if isinstance(default, type) and default is not _MISSING and isinstance(value, nn.Module):
        return type(value)
    if isinstance(default, int) and isinstance(value, nn.ModuleList | nn.Sequential):
        return len(value)
    return value


def _parameters(cls: Any) -> dict[str, Any]:
    """The parameters that can be given by name, and their defaults."""
    layer = _layer_class(cls)
    if layer is not None and cls.__init__ is layer.__init__:
        return dict(constructor_parameters(layer))
    if cls.__init__ is nn.Module.__init__:
        return {}
    found = {}
    for name, parameter in list(inspect.signature(cls.__init__).parameters.items())[1:]:
        if parameter.kind is parameter.POSITIONAL_ONLY and parameter.default is _MISSING:
            raise LookupError(f"{name!r} can't be given by name")
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            found[name] = parameter.default
    return found


def _layer_class(cls: Any) -> Any:
    """The layer of `torch.nn` that a class derives from."""
    return next((base for base in cls.__mro__ if plan_of(base) is not None), None)


def _readers(cls: Any) -> dict[str, Reader]:
    layer = _layer_class(cls)
    plan = plan_of(layer) if layer is not None else None
    return dict(plan.readers) if plan is not None else {}


def _twin(cls: Any, arguments: Mapping[str, Argument], device: str, describe: Describe) -> Anatomy | None:
    """What a module is made of that is made from these arguments; None if its constructor refuses them."""
    with _quiet():
        try:
            with torch.device(device):
                made = cls(**{name: revived(value) for name, value in arguments.items()})
            return Anatomy(made, describe)
        except Exception:  # noqa: BLE001  a constructor that gets other arguments than it was written for raises anything
            return None


@contextmanager
def _quiet() -> Iterator[None]:
    """While it lasts, random numbers are drawn from copies of the generators, and nobody is warned."""
    numpy = sys.modules.get("numpy")
    state, numpy_state = random.getstate(), numpy.random.get_state() if numpy is not None else None
    with unwarned(), torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            random.setstate(state)
            if numpy is not None:
                numpy.random.set_state(numpy_state)


def _are_equal(first: Anatomy, second: Anatomy, with_values: bool) -> bool:
    if first.unwritable.keys() != second.unwritable.keys():
        return False
    if not all(_alike(value, second.unwritable[path]) for path, value in first.unwritable.items()):
        return False
    fills = _fills(second.spec)
    if with_values and any(fills.get(path, fill) != fill for path, fill in _fills(first.spec).items()):
        return False
    return json.dumps(_plain(first.spec, with_values)) == json.dumps(_plain(second.spec, with_values))


def _fills(spec: Spec, path: str = "") -> dict[str, Any]:
    """The parameters that hold one number throughout, as new ones do and trained ones don't."""
    if not isinstance(spec, OpaqueSpec):
        return {}
    own = {f"{path}.{name}": tensor.values.get("fill") for name, tensor in spec.tensors.items() if is_filled(tensor)}
    for name, child in spec.children.items():
        own |= _fills(child, f"{path}.{name}")
    return own


def _plain(spec: Spec, with_values: bool) -> Any:
    """A description, without the values that training changes."""
    if isinstance(spec, LayerSpec):
        return [spec.cls, {name: encode(value) for name, value in spec.arguments.items()}]
    if isinstance(spec, ChoiceSpec):
        return [spec.kind]
    tensors = [
        [name, tensor.kind, tensor.shape, tensor.dtype, tensor.trainable, tensor.persistent]
        + ([encode(dict(tensor.values))] if with_values and not tensor.persistent else [])
        for name, tensor in spec.tensors.items()
    ]
    attributes = {name: encode(value) for name, value in spec.attributes.items()}
    children = [[name, _plain(child, with_values)] for name, child in spec.children.items()]
    unwritable = sorted(spec.unwritable.keys() - spec.tensors.keys())
    return [spec.cls, unwritable, sorted(attributes.items()), tensors, children]


def _alike(first: Any, second: Any) -> bool:
    """Whether two things that can't be written are as good as one."""
    if first is second:
        return True
    if isinstance(first, types.FunctionType) and isinstance(second, types.FunctionType):
        return first.__code__ is second.__code__ and _bound(first) == _bound(second)
    if isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second):
        return all(map(_alike, first, second))
    if isinstance(first, types.MethodType) and isinstance(second, types.MethodType):
        return _alike(first.__func__, second.__func__)
    if isinstance(first, torch.Generator) and isinstance(second, torch.Generator):
        return torch.equal(first.get_state(), second.get_state())
    return isinstance(first, _LOCKS) and type(first) is type(second)


def _bound(function: types.FunctionType) -> Any:
    """What a function took from where it was defined; equal for functions that do the same."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return function.__defaults__, function.__kwdefaults__, cells
