"""Tracing with example inputs: real tensors without storage flow through the forward, and what is done is recorded."""

from __future__ import annotations

import copy
import inspect
import operator
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import torch
from torch import fx, nn
from torch.autograd.function import Function
from torch.nn.modules.lazy import LazyModuleMixin

from retiarii.errors import TraceError
from retiarii.graph.interception import apply_of
from retiarii.graph.numbers import Number, TrainingFlag
from retiarii.graph.record import RecordMode
from retiarii.graph.state import modes
from retiarii.graph.structure import flat, is_record, map_structure, parts, remade
from retiarii.graph.tracer import GraphTracer
from retiarii.graph.turns import TURN, at_once


class ExampleTracer(GraphTracer):
    """Records a forward along values whose shapes and types are known; the contents of tensors are not.

    Attributes:
        DEVICE: what a forward sees as the device of its inputs. It is recorded as "the first input's device"; the
            number tells it from a device that the forward names itself.
    """

    DEVICE = torch.device("cpu", 64)

    def __init__(self, examples: tuple[Any, ...] | Mapping[str, Any]) -> None:
        super().__init__()
        self.examples = examples
        self.is_paused = False
        self._nodes: dict[int, fx.Node] = {}
        self._alive: list[Any] = []
        self._first: fx.Node | None = None
        self._shadows: dict[int, torch.Tensor] = {}

    def record(self, module: nn.Module) -> fx.Graph:
        """The recorded forward; shapes are computed in evaluation mode, which does not ask for a large enough batch."""
        with TURN:
            as_before = at_once(modes(module))
            try:
                module.train(False)
                return super().record(module)
            finally:
                as_before()

    # --- values ----------------------------------------------------------------------------------------------------

    def track(self, value: Any, node: fx.Node) -> Any:
        """Remember that `node` made `value`, and the parts of it that are tensors."""
        if isinstance(value, torch.Tensor):
            self._nodes[id(value)] = node
            self._alive.append(value)
            return value
        for key, item in (parts(value) or {}).items():
            if isinstance(item, torch.Tensor) or parts(item) is not None:
                self.track(item, self._part(value, node, key))
        return value

    def _part(self, value: Any, node: fx.Node, key: Any) -> fx.Node:
        by = getattr if is_record(value) else operator.getitem
        return self.create_node("call_function", by, (node, key), {})

    def shadow(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor of the same shape and type without storage."""
        if tensor.is_meta:
            return tensor
        known = self._shadows.get(id(tensor))
        if known is None:
            with torch._C.DisableTorchFunction():
                known = self._shadows[id(tensor)] = tensor.detach().to("meta")
            self._alive.append(tensor)
        return known

    def plain(self, value: Any) -> Any:
        """The value as torch takes it while nothing is recorded."""
        if isinstance(value, torch.Tensor):
            return self.shadow(value)
        if isinstance(value, Number):
            return int(value)
        if isinstance(value, torch.device):
            return torch.device("meta")
        if isinstance(value, TrainingFlag):
            return False
        if isinstance(value, fx.Proxy):
            raise TraceError("it uses a value that differs in kind between training and evaluation")
        return value

    def create_arg(self, a: Any) -> Any:
        if isinstance(a, torch.Tensor):
            node = self._nodes.get(id(a))
            if node is not None:
                if node._erased or node in self._hidden:
                    raise TraceError("it keeps a tensor from one call of its forward for another")
                return node
            if a.is_meta and id(a) not in self._stored:
                raise TraceError("it makes a tensor in a way that can't be followed")
        if isinstance(a, Number | TrainingFlag):
            return a.node(self)
        if isinstance(a, torch.device) and a == self.DEVICE and self._first is not None:
            first = self._first
            return self.shared_node("device", lambda: self.create_node("call_function", getattr, (first, "device"), {}))
        return super().create_arg(a)

    def node_of(self, value: Any) -> fx.Node | None:
        return self._nodes.get(id(value)) if isinstance(value, torch.Tensor) else super().node_of(value)

    def value_of(self, node: fx.Node, like: Any) -> Any:
        if isinstance(like, torch.Tensor):
            with torch._C.DisableTorchFunction():
                twin = torch.empty_like(self.shadow(like))
            return self.track(twin, node)
        if isinstance(like, int) and not isinstance(like, bool):
            return Number.made(int(like), self, lambda: node)
        return super().value_of(node, like)

    def stored_value(self, node: fx.Node, tensor: torch.Tensor) -> Any:
        return tensor

    def load(self, path: str, tensor: torch.Tensor) -> Any:
        return tensor

    def training_value(self) -> Any:
        return False if self.is_paused else TrainingFlag()

    # --- recording -------------------------------------------------------------------------------------------------

    def recording(self) -> Any:
        return RecordMode(self)

    def inputs(self, signature: inspect.Signature) -> tuple[list[Any], dict[str, Any]]:
        try:
            bound = _bound(signature, self.examples)
        except TraceError as error:
            self.refusal = str(error)
            return [], {}
        by_position = any(
            signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL for name in bound.arguments
        )
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            parameter = signature.parameters[name]
            if parameter.kind is parameter.VAR_POSITIONAL:
                node = self.create_node("placeholder", f"*{name}", (), {})
                args.extend(self._example(item, node, index) for index, item in enumerate(value))
            elif parameter.kind is parameter.VAR_KEYWORD:
                kwargs.update({key: self._keyword(key, item) for key, item in value.items()})
            elif parameter.kind is parameter.KEYWORD_ONLY:
                kwargs[name] = self._keyword(name, value)
            elif by_position or parameter.kind is parameter.POSITIONAL_ONLY:
                args.append(self._input(name, value, parameter.default))
            else:
                kwargs[name] = self._input(name, value, parameter.default)
        return args, kwargs

    def _keyword(self, name: str, value: Any) -> Any:
        given = self._input(name, value, inspect.Parameter.empty)
        for node in self.graph.nodes:
            if node.op == "placeholder" and node.target == name:
                node.meta["keyword"] = True
        return given

    def _input(self, name: str, value: Any, default: Any) -> Any:
        if value is None or isinstance(value, bool | str):
            return value
        known = () if default is inspect.Parameter.empty else (default,)
        return self._shaped(value, self.create_node("placeholder", name, known, {}))

    def _example(self, value: Any, node: fx.Node, key: Any, *, named: bool = False) -> Any:
        if value is None or isinstance(value, bool | str):
            return value
        by = getattr if named else operator.getitem
        return self._shaped(value, self.create_node("call_function", by, (node, key), {}))

    def _shaped(self, value: Any, node: fx.Node) -> Any:
        if isinstance(value, torch.Tensor):
            with torch._C.DisableTorchFunction():
                shadow = value.detach().to("meta")
            self._first = self._first or node
            return self.track(shadow, node)
        if isinstance(value, int):
            return Number.made(value, self, lambda: node)
        inside = parts(value)
        if inside is None:
            return value
        named = is_record(value)
        return remade(value, {key: self._example(item, node, key, named=named) for key, item in inside.items()})

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self.is_paused:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def call_leaf(self, module: nn.Module, path: str, args: Any, kwargs: Any) -> Any:
        with self._at(path):
            node = self.create_node("call_module", path, self.create_arg(args), self.create_arg(kwargs))
            try:
                result = self._run(module, args, kwargs)
            except Exception:
                if path:
                    raise
                return self.proxy(node)
            return self.track(result, node)

    def choice(
        self, function: Callable[..., Any], args: tuple[Any, ...], options: Any, example: Callable[[Any], Any]
    ) -> Any:
        node = self.create_node("call_function", function, self.create_arg(args), {})
        given = map_structure(self.plain, list(options))
        with self.pause(), torch.no_grad(), torch._C.DisableTorchFunction():
            taken = {id(leaf) for leaf in flat(given)}
            result = map_structure(lambda leaf: _new(leaf, taken), example(given))
        return self.track(result, node)

    def custom_function(self, cls: type[Function], apply: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self.is_paused:
            return apply(cls, *args, **kwargs)
        bound = apply_of(cls)
        node = self.create_node("call_function", bound, self.create_arg(args), self.create_arg(kwargs))
        with self.pause():
            return self.track(apply(cls, *map_structure(self.plain, args)), node)

    def check_alike(self, left: Any, right: Any) -> None:
        if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
            shapes = [tuple(int(size) for size in self.shadow(value).shape) for value in (left, right)]
            if shapes[0] != shapes[1]:
                raise TraceError(f"its result has the shape {shapes[0]} in training and {shapes[1]} in evaluation")

    @contextmanager
    def pause(self) -> Iterator[None]:
        """While it lasts, torch computes shapes and nothing is recorded."""
        before, self.is_paused = self.is_paused, True
        try:
            yield
        finally:
            self.is_paused = before

    def _run(self, module: nn.Module, args: Any, kwargs: Any) -> Any:
        """What a module returns, as far as its shapes go."""
        given = map_structure(self.plain, (args, kwargs))
        if isinstance(module, LazyModuleMixin):
            module = copy.deepcopy(module)  # its first call would give the user's layer its weights
        try:
            with self.pause(), torch.no_grad():
                result = module(*given[0], **given[1])
        except (RuntimeError, NotImplementedError, TraceError, ValueError, TypeError):
            result = self._run_on_zeros(module, given)
        taken = {id(leaf) for leaf in flat(given)}
        with torch._C.DisableTorchFunction():
            return map_structure(lambda leaf: _new(leaf, taken), result)

    def _run_on_zeros(self, module: nn.Module, given: tuple[Any, Any]) -> Any:
        """A forward that looks at the values of tensors needs some: zeros are valid for most."""

        def filled(leaf: Any) -> Any:
            return torch.zeros(leaf.shape, dtype=leaf.dtype) if isinstance(leaf, torch.Tensor) else leaf

        with self.pause(), torch.no_grad(), torch._C.DisableTorchFunction():
            args, kwargs = map_structure(filled, given)
            return module(*args, **kwargs)

    def cached(self, key: Any, create: Callable[[], fx.Node]) -> fx.Node:
        """A node that several values share, made where it is first needed."""
        return self.shared_node(key, create)

    def iter(self, obj: fx.Proxy) -> NoReturn:
        raise TraceError("it loops over a value that differs in kind between training and evaluation")


def _new(leaf: Any, taken: Container[int]) -> Any:
    """A leaf without storage; another object than any of `taken`, for a layer may return what it was given."""
    if not isinstance(leaf, torch.Tensor):
        return leaf
    return torch.empty_like(leaf, device="meta") if id(leaf) in taken else leaf.to("meta")


def _bound(signature: inspect.Signature, examples: tuple[Any, ...] | Mapping[str, Any]) -> inspect.BoundArguments:
    own = signature.replace(parameters=list(signature.parameters.values())[1:])
    try:
        return own.bind(**examples) if isinstance(examples, Mapping) else own.bind(*examples)
    except TypeError as error:
        raise TraceError(f"example_inputs don't fit forward{own}: {error}") from None
