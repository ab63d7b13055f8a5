"""Python's operators, written once for everything that stands for an undecided value."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

from retiarii.domain.operators import OPERATORS

if TYPE_CHECKING:
    from retiarii.domain.expression import Expression

Resolver: TypeAlias = "Callable[[Any], Any]"
_resolver: ContextVar[Resolver | None] = ContextVar("resolver", default=None)


@contextmanager
def resolving(function: Resolver) -> Iterator[None]:
    """Within the block, an expression used as a plain value has the value `function(expression)`."""
    token = _resolver.set(function)
    try:
        yield
    finally:
        _resolver.reset(token)


def active_resolver() -> Resolver | None:
    """The function given to the innermost `resolving` block around, if any."""
    return _resolver.get()


Method: TypeAlias = "Callable[[Any, object], Expression]"


def _dyadic(name: str) -> tuple[Method, Method]:
    def method(self: Arithmetic, other: object) -> Any:
        try:
            return self._call(name, self, other)
        except TypeError:
            return _with_foreign(name, self, self, other)

    def reflected(self: Arithmetic, other: object) -> Any:
        try:
            return self._call(name, other, self)
        except TypeError:
            return _with_foreign(name, self, other, self)

    return method, reflected


def _monadic(name: str) -> Callable[[Any], Expression]:
    def method(self: Arithmetic) -> Expression:
        return self._call(name, self)

    return method


def _with_foreign(name: str, own: Arithmetic, left: object, right: object) -> Any:
    resolve = _resolver.get()
    other = right if left is own else left
    if resolve is None or _records_operations(other):
        return NotImplemented
    value = resolve(own)
    return OPERATORS[name].function(*((value, other) if left is own else (other, value)))


def _records_operations(operand: object) -> bool:
    kind = type(operand)
    return kind.__module__.startswith("torch.fx") or getattr(kind, "records_operations", False) is True


class Arithmetic(ABC):
    """Operators that build calls, and conversions that need a decided value."""

    __slots__ = ()
    __array_ufunc__ = None  # numpy numbers on the left leave the operation to us

    @abstractmethod
    def _call(self, name: str, *arguments: object) -> Expression:
        """Operator `name` on `arguments`; TypeError if no expression can hold one of them."""

    @abstractmethod
    def _undecided(self) -> Exception:
        """The error for use as a plain value."""

    def _resolved(self) -> Any:
        resolve = _resolver.get()
        if resolve is None:
            raise self._undecided()
        return resolve(self)

    __add__, __radd__ = _dyadic("add")
    __sub__, __rsub__ = _dyadic("sub")
    __mul__, __rmul__ = _dyadic("mul")
    __truediv__, __rtruediv__ = _dyadic("truediv")
    __floordiv__, __rfloordiv__ = _dyadic("floordiv")
    __mod__, __rmod__ = _dyadic("mod")
    __pow__, __rpow__ = _dyadic("pow")
    __and__, __rand__ = _dyadic("and")
    __or__, __ror__ = _dyadic("or")
    __lt__, __gt__ = _dyadic("lt")[0], _dyadic("gt")[0]
    __le__, __ge__ = _dyadic("le")[0], _dyadic("ge")[0]
    __eq__, __ne__ = _dyadic("eq")[0], _dyadic("ne")[0]  # type: ignore[assignment]
    __hash__ = object.__hash__
    __invert__ = _monadic("not")
    __neg__ = _monadic("neg")
    __pos__ = _monadic("pos")
    __abs__ = _monadic("abs")
    __floor__ = _monadic("floor")
    __ceil__ = _monadic("ceil")
    __trunc__ = _monadic("trunc")

    def __round__(self, digits: int | None = None) -> Expression:
        return self._call("round", self, *(() if digits is None else (digits,)))

    def __getitem__(self, index: object) -> Expression:
        return self._call("getitem", self, index)

    def __bool__(self) -> bool:
        return bool(self._resolved())

    def __int__(self) -> int:
        return int(self._resolved())

    def __float__(self) -> float:
        return float(self._resolved())

    def __index__(self) -> int:
        return operator.index(self._resolved())

    def __len__(self) -> int:
        return len(self._resolved())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._resolved())

    def __contains__(self, item: object) -> bool:
        return item in self._resolved()
