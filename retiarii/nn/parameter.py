"""`ShapedParameter`: a parameter of a module, with choices in its shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, cast

import torch
from torch import nn

from retiarii.domain.nested import contains_expression, symbols_in
from retiarii.errors import SampleError, SpaceError
from retiarii.graph.decide import sizes
from retiarii.graph.spec import TensorSpec
from retiarii.graph.tensors import make_tensor


class ShapedParameter(nn.Parameter):
    """A parameter of a user's own module, with choices in its shape: `ShapedParameter((1, 1, width), std=0.02)`.

    Until a sample decides, it has the shape that the defaults give. In a frozen model there is an `nn.Parameter`, which
    keeps the leading part of the numbers where weights are inherited. Without a choice it is an `nn.Parameter` at once.

    Source: the class tokens and embeddings of transformers that are searched, such as AutoFormer (arXiv:2107.00651).

    Shapes: as given, once it is decided.

    Args:
        shape: sizes; numbers, choices or expressions of choices.
        mean: of the normal distribution that its numbers are drawn from.
        std: standard deviation of that; with 0 they are all equal to the mean.

    Attributes:
        choice_shape: the shape, choices included.

    Raises:
        SpaceError: a size is no whole number from 0 on.

    Example:
        >>> from retiarii import ModelSpace, nn
        >>> class Net(ModelSpace):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.token = nn.ShapedParameter((1, 1, nn.ValueChoice([16, 24], label="width")), std=0.02)
        ...
        ...     def forward(self, x):
        ...         return x + self.token
        >>> Net().freeze({"width": 24}).token.shape
        torch.Size([1, 1, 24])
    """

    choice_shape: tuple[Any, ...]
    start: tuple[float, float]

    def __new__(cls, shape: Sequence[Any], *, mean: float = 0.0, std: float = 0.0) -> Any:
        undecided, start = tuple(shape), (float(mean), float(std))
        defaults = {symbol.label: cast("Any", symbol).default for symbol in symbols_in(undecided)}
        try:
            data = _drawn(sizes(undecided, defaults), start)
        except SampleError as error:
            raise SpaceError(f"{error}; give whole numbers from 0 on, or choices between such") from error
        return cls._holding(data, undecided, start) if contains_expression(undecided) else nn.Parameter(data)

    @classmethod
    def _holding(
        cls, data: torch.Tensor, shape: tuple[Any, ...], start: tuple[float, float], is_trainable: bool = True
    ) -> Self:
        made = torch.Tensor._make_subclass(cls, data, is_trainable)
        made.choice_shape, made.start = shape, start
        return made

    def decided(self, sample: Mapping[str, Any]) -> nn.Parameter:
        """The parameter that a sample decides: new, with the leading part of these numbers.

        Raises:
            SampleError: a size is no whole number from 0 on.
        """
        shape = sizes(self.choice_shape, sample)
        data = _drawn(shape, self.start).to(self.device, self.dtype)
        shared = tuple([slice(min(sizes)) for sizes in zip(shape, self.shape, strict=True)])
        data[shared] = self.detach()[shared]
        return nn.Parameter(data, self.requires_grad)

    def part(self, shape: Sequence[int]) -> torch.Tensor:
        """The leading part of these sizes: a view, through which gradients reach it; itself if that is all of it.

        Raises:
            SpaceError: it is smaller; see `retiarii.nn.growth.grow`.
        """
        sizes = torch.Size(shape)
        if sizes == self.shape:
            return self
        if any(size > whole for size, whole in zip(sizes, self.shape, strict=True)):
            raise SpaceError(f"a parameter of shape {tuple(self.shape)} has no part of shape {tuple(sizes)}")
        return self[tuple(map(slice, sizes))]

    def enlarge(self, shape: Sequence[int]) -> None:
        """Make it larger, in place; its numbers become the leading ones, and the others are drawn.

        Args:
            shape: in no dimension smaller than it is.
        """
        data = _drawn(tuple(shape), self.start).to(self.device, self.dtype)
        data[tuple(map(slice, self.shape))] = self.detach()
        replace_data(self, data)

    def __tensor_spec__(self) -> TensorSpec:
        return TensorSpec("parameter", self.choice_shape, _name(self.dtype), _values(self.start), self.requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        known: Self | None = memo.get(id(self))
        if known is None:
            known = memo[id(self)] = self._holding(self.data.clone(), self.choice_shape, self.start, self.requires_grad)
        return known

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self)._holding, (self.data, self.choice_shape, self.start, self.requires_grad)


def replace_data(parameter: nn.Parameter, data: torch.Tensor) -> None:
    """Give a parameter numbers of another shape, in place.

    What computations that still last have noted of its shape is forgotten, which torch does for another data type only.
    """
    other = torch.float32 if data.dtype == torch.float64 else torch.float64
    parameter.grad = None
    parameter.data = data.new_empty(0, dtype=other)
    parameter.data = data


def _values(start: tuple[float, float]) -> dict[str, Any]:
    mean, deviation = start
    return {"normal": [mean, deviation]} if deviation else {"fill": mean}


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _drawn(shape: tuple[int, ...], start: tuple[float, float]) -> torch.Tensor:
    return make_tensor(TensorSpec("constant", shape, _name(torch.get_default_dtype()), _values(start)))
