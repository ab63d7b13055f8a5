"""What modules hold beside tensors and submodules, as data.

A `Held` of these kinds stands for what is neither a plain value nor has an import path:

    set, frozenset      items
    mapping             class, items (pairs of key and value): a dict of the standard library
    device              name
    tensor              tensor (its description)
    partial             function, args, keywords: a `functools.partial`
    call                function, args: what calling the function or class makes
    object              class, state: an instance with these attributes
    child               of ("module", "parameter" or "buffer"), path: a part of the opaque module itself
    empty               of ("module", "parameter", "buffer" or "temporary"): a registered name that holds None
"""

from __future__ import annotations

import collections
import copyreg
import enum
import functools
import types
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from retiarii.domain.expression import Expression
from retiarii.domain.nested import contains_expression
from retiarii.graph.assembly import held
from retiarii.graph.names import import_path, resolve
from retiarii.graph.restored import revived
from retiarii.graph.tensors import describe_tensor
from retiarii.graph.values import Argument, Held, Named

_SCALARS = frozenset((bool, int, float, complex, str, type(None), type(...)))
_MAPPINGS = (dict, collections.OrderedDict, collections.Counter)
_IMPORTABLE = (type, types.FunctionType, types.BuiltinFunctionType)
_OF_TORCH = (torch.Tensor, torch.device, torch.dtype, torch.memory_format, torch.layout)
_NUMBERS = "biuf"


class Holdings:
    """Writes values as data.

    Args:
        known: the description of a value that is known otherwise, such as a submodule; None for any other.
    """

    def __init__(self, known: Callable[[Any], Argument | None]) -> None:
        self._known = known
        self._open: set[int] = set()

    def held(self, value: Any) -> Argument:
        """A value as data.

        Raises:
            LookupError: it can't be written: a lambda, an open file, an object with no importable class.
        """
        if type(value) in _SCALARS:
            return value
        if id(value) in self._open:
            raise LookupError(f"a {type(value).__name__} that contains itself")
        self._open.add(id(value))
        try:
            return self._nest(value)
        except RecursionError:
            raise LookupError("nested too deeply") from None
        finally:
            self._open.discard(id(value))

    def _nest(self, value: Any) -> Argument:
        kind = type(value)
        if kind is tuple:
            return tuple([self.held(item) for item in value])
        if kind is list:
            return [self.held(item) for item in value]
        if kind is slice:
            return slice(*[self.held(part) for part in (value.start, value.stop, value.step)])
        if kind is dict and all(type(key) is str for key in value):
            return {key: self.held(item) for key, item in value.items()}
        if kind in (set, frozenset):
            return _made(kind.__name__, items=sorted([self.held(item) for item in value], key=repr))
        if kind in _MAPPINGS:
            items = [[self.held(key), self.held(item)] for key, item in value.items()]
            return _made("mapping", **{"class": Named(importable(kind)), "items": items})
        known = self._known(value)
        return known if known is not None else self._thing(value)

    def _thing(self, value: Any) -> Argument:
        if isinstance(value, Expression):
            return value
        if isinstance(value, _OF_TORCH):
            return _of_torch(value)
        if isinstance(value, enum.Enum):
            return self._member(value)
        if isinstance(value, functools.partial):
            function, keywords = self.held(value.func), self.held(dict(value.keywords))
            return _made("partial", function=function, args=self.held(value.args), keywords=keywords)
        if isinstance(value, types.MethodType) and not isinstance(value.__self__, type):
            return _made("call", function=Named("types.MethodType"), args=self.held((value.__func__, value.__self__)))
        if isinstance(value, (*_IMPORTABLE, types.MethodType)):
            return Named(importable(value))
        if isinstance(value, range):
            return self._call(range, (value.start, value.stop, value.step))
        if isinstance(value, weakref.ref) and value() is not None:
            return self._call(weakref.ref, (value(),))
        if type(value).__module__ == "numpy":
            return self._number(value)
        return self._object(value)

    def _member(self, value: enum.Enum) -> Argument:
        if value.name is not None and value.name in type(value).__members__:
            return Named(f"{importable(type(value))}.{value.name}")
        return self._call(type(value), (value.value,))

    def _number(self, value: Any) -> Argument:
        """A number or array of numpy."""
        kind = getattr(getattr(value, "dtype", None), "kind", "")
        if kind not in _NUMBERS or 0 in value.shape:
            raise LookupError(f"a numpy.{type(value).__name__} that is no number and no array of numbers")
        if not hasattr(value, "__setitem__"):
            return self._call(type(value), (value.item(),))
        import numpy  # noqa: PLC0415  who holds an array has loaded it

        return self._call(numpy.array, (value.tolist(), str(value.dtype)))

    def _object(self, value: Any) -> Argument:
        """Any other object, along the lines of how it would be copied."""
        try:
            reduced = value.__reduce_ex__(2)
        except Exception as error:  # noqa: BLE001  classes say in many ways that their instances can't be copied
            raise LookupError(f"a {_class_name(value)}: {error}") from None
        if isinstance(reduced, str):
            return Named(_found(f"{value.__module__}.{reduced}", value))
        function, args, state, listed, mapped = (*reduced, None, None, None)[:5]
        if function is copyreg.__newobj__:  # type: ignore[attr-defined]
            function, args = args[0], args[1:]
        if function is type(value) and not args and listed is None and mapped is None:
            return self._instance(value)
        if listed is not None and (content := list(listed)):
            args = (content, *args[1:])
        if mapped is not None:
            args = (*args, [list(pair) for pair in mapped])
        if state and state != value:
            raise LookupError(f"a {_class_name(value)} that has attributes beside its content")
        return self._same(self._call(function, args), value)

    def _instance(self, value: Any) -> Argument:
        """An object that is nothing but its attributes."""
        cls: Any = type(value)
        described = _made("object", **{"class": Named(importable(cls)), "state": self.held(dict(members(value)))})
        try:
            held(cls, dict(members(value)))
        except (TypeError, AttributeError) as error:
            raise LookupError(f"a {_class_name(value)}: {error}") from None
        return described

    def _call(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Held:
        return _made("call", function=Named(importable(function)), args=tuple([self.held(arg) for arg in args]))

    def _same(self, described: Held, value: Any) -> Held:
        """The description, if it makes an equal object."""
        try:
            again = revived(described)
            is_same = type(again) is type(value) and bool(again == value)
        except Exception as error:  # noqa: BLE001  whatever a class raises that can't be called so
            raise LookupError(f"a {_class_name(value)} that can't be made again: {error}") from None
        if not is_same:
            raise LookupError(f"a {_class_name(value)} that is another one when it is made again")
        return described


def importable(thing: Any) -> str:
    """The import path of a class or function, which leads to just that.

    Raises:
        LookupError: there is none: a lambda, or something defined inside a function.
    """
    return _found(import_path(thing), thing)


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of an instance, in its `__dict__` and in slots."""
    for name, item in getattr(value, "__dict__", {}).items():
        if name != "__orig_class__":
            yield name, item
    for name in slots(type(value)):
        if hasattr(value, name):
            yield name, getattr(value, name)


def slots(cls: type) -> tuple[str, ...]:
    """The names of all slots of a class, as they are stored."""
    names = []
    for owner in cls.__mro__:
        own: Mapping[str, Any] = vars(owner)
        names += [name for name, thing in own.items() if isinstance(thing, types.MemberDescriptorType)]
    return tuple(name for name in dict.fromkeys(names) if not name.startswith("__"))


def _made(kind: str, **parts: Argument) -> Held:
    if contains_expression(parts):
        raise LookupError("an open choice inside an object that is no plain list, tuple or dict")
    return Held(kind, parts)


def _found(path: str, thing: Any) -> str:
    try:
        found = resolve(path)
    except (ImportError, ValueError) as error:
        raise LookupError(f"{thing!r}: {error}") from None
    if found is not thing and found != thing:
        raise LookupError(f"{path} is something else than {thing!r}")
    return path


def _of_torch(value: Any) -> Argument:
    if isinstance(value, torch.device):
        return Held("device", {"name": str(value)})
    if not isinstance(value, torch.Tensor):
        return Named(str(value))
    if type(value) not in (torch.Tensor, torch.nn.Parameter) or value.layout is not torch.strided or value.is_quantized:
        raise LookupError(f"a {type(value).__name__} that is not stored plainly")
    if value.is_meta:
        raise LookupError("a tensor on the meta device, which has no values")
    return Held("tensor", {"tensor": describe_tensor(value, constant=True)})


def _class_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
