"""The recorder of a forward: `torch.fx` with modules that may fail, branches on `training`, and honest in-place ops."""

from __future__ import annotations

import inspect
import threading
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.autograd.function import Function
from torch.overrides import _get_current_function_mode_stack
from torch.utils import _pytree as pytree

from retiarii.domain.expression import Expression
from retiarii.errors import SpaceError, TraceError
from retiarii.graph.branches import by_mode, is_training, unify
from retiarii.graph.choose import at_work, combine, current_tracer, select
from retiarii.graph.factories import FactoryMode
from retiarii.graph.interception import (
    apply_by_class,
    apply_of,
    intercept,
    module_attribute,
    module_methods,
    others,
    restore_modes,
    training_flags,
)
from retiarii.graph.layers import describe_layer
from retiarii.graph.names import import_path, usual_paths
from retiarii.graph.proxy import StoredTensor, Value
from retiarii.graph.spec import Spec
from retiarii.graph.state import State
from retiarii.graph.structure import alike, is_record, parts, zip_structures
from retiarii.graph.turns import TURN, Call, at_once
from retiarii.graph.types import TypeQuestions

_CALLABLES = types.FunctionType | types.BuiltinFunctionType | type
_PLAIN = (int, float, str, bool, type(None), tuple, list, dict, slice, fx.Node)
_RESHAPING = frozenset(
    (
        "resize_",
        "resize_as_",
        "squeeze_",
        "unsqueeze_",
        "transpose_",
        "t_",
        "swapaxes_",
        "swapdims_",
        "set_",
        "as_strided_",
    )
)
_MARKS = (is_training, by_mode, select, combine)
_DROPPED_DEFAULTS = (type(None), bool, str)


class TrainingAsked(BaseException):
    """A forward branches on `self.training`; not an Exception, so that a forward's own `except` lets it through."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """A module that could not be traced, and why."""

    path: str
    cls: str
    reason: str


class GraphTracer(fx.Tracer):
    """Records a forward without example inputs."""

    def __init__(self) -> None:
        super().__init__(autowrap_modules=())  # type: ignore[arg-type]
        self.path = ""
        self.paths: dict[fx.Node, str] = {}
        self.modes: dict[fx.Node, bool] = {}
        self.opaque: dict[str, Opaque] = {}
        self.specs: dict[str, Spec] = {}
        self.training: bool | None = None
        self.keep_numbers = True
        self.is_paused = False
        self.constants: dict[str, torch.Tensor] = {}
        self._branch = 0
        self._branches = 0
        self._shared: dict[tuple[int, Any], fx.Node] = {}
        self._stored: dict[int, tuple[str, torch.Tensor]] = {}
        self._hidden: set[fx.Node] = set()
        self._states: dict[int, State] = {}
        self._undoing: list[Call] = []
        self.questions = TypeQuestions()
        self.refusal: str | None = None
        self.extra: dict[str, nn.Module] = {}

    def record(self, module: nn.Module) -> fx.Graph:
        """The recorded forward of `module`. Torch, the module and its code are afterwards as they were, in any case."""
        with TURN:
            for path, tensor in (*module.named_parameters(), *module.named_buffers()):
                self._stored.setdefault(id(tensor), (path, tensor))
            usual_paths()  # learnt before tracing replaces some of torch's functions
            recorded = self._recorded(module)
        called = {node.target for node in recorded.nodes if node.op == "call_module"}
        self.opaque = {path: opaque for path, opaque in self.opaque.items() if path in called}
        return recorded

    def _recorded(self, module: nn.Module) -> fx.Graph:
        flags = [(inner.__dict__.__setitem__, "training", flag) for inner, flag in training_flags(module)]
        thread = [(at_work.__setitem__, slice(None), [*at_work]), (torch._C._set_grad_enabled, torch.is_grad_enabled())]
        modes = _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
        put_back = at_once(module_methods())
        undo = at_once(self._undoing, flags, self.questions.undoing, others(), thread)
        try:
            at_work.append((self, threading.get_ident()))
            with torch.enable_grad():
                return self._traced(module, put_back)
        finally:
            undo()
            restore_modes(modes)

    def _traced(self, module: nn.Module, put_back: Callable[[], object]) -> fx.Graph:
        try:
            return self.trace(module)
        except BaseException:
            put_back()
            raise

    # --- what torch.fx calls ---------------------------------------------------------------------------------------

    def create_args_for_root(
        self, root_fn: Callable[..., Any], is_module: bool, concrete_args: Any = None
    ) -> tuple[Any, list[Any]]:
        forward = inspect.unwrap(root_fn)
        args, kwargs = self.inputs(inspect.signature(forward))

        def run(root: nn.Module) -> Any:
            give_back = intercept(self, root)
            try:
                with self.recording():
                    return self.enter(root, "", self._started(root_fn), (root, *args), kwargs)
            finally:
                give_back()

        return run, [self.root]

    def create_node(
        self,
        kind: str,
        target: Any,
        args: Any,
        kwargs: Any,
        name: str | None = None,
        type_expr: Any | None = None,
    ) -> fx.Node:
        if kind == "call_method" and target in _RESHAPING:
            raise TraceError(f"it changes the shape of a tensor in place by {target}()")
        if kind == "call_function":
            if target not in _MARKS:
                import_path(target)
            if torch.is_autocast_enabled("cpu"):
                raise TraceError("it computes under autocast")
        node = self.graph.create_node(kind, target, args, kwargs, name, type_expr)
        self.paths[node] = self.path
        if not torch.is_grad_enabled():
            node.meta["no_grad"] = True
        return node

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return Value(node, self)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, fx.Proxy]) -> Any:
        return attr_val

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if current_tracer() is not self:
            return forward(*args, **kwargs)
        path = (self.submodule_paths or {}).get(m)
        if path is None:
            return self._unregistered(m, forward, args, kwargs)
        if self.is_leaf(m, path):
            return self.call_leaf(m, path, args, kwargs)
        return self.enter(m, path, forward, args, kwargs)

    def _unregistered(self, module: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """The value of a call of a module that the forward made itself, around registered ones or without weights."""
        own = [*module.parameters(), *module.buffers()]
        if any(id(tensor) not in self._stored for tensor in own):
            raise TraceError(f"it makes a {type(module).__name__} with weights of its own in its forward")
        spec = describe_layer(module) if not own else None
        if spec is None:
            return forward(*args, **kwargs)
        name = type(module).__name__.lower()
        path, number = f"{self.path}.{name}" if self.path else name, 0
        while path in self.extra or self._exists(path):
            number += 1
            path = f"{self.path}.{name}_{number}" if self.path else f"{name}_{number}"
        self.extra[path], self.specs[path] = module, spec
        return self.call_leaf(module, path, args, kwargs)

    def _exists(self, path: str) -> bool:
        owner, _, name = path.rpartition(".")
        return name in vars(self.root.get_submodule(owner)) or name in self.root.get_submodule(owner)._modules

    def create_arg(self, a: Any) -> Any:
        if isinstance(a, fx.Proxy):
            if a.node in self._hidden or a.node._erased:
                raise TraceError("it keeps a value from one call of its forward for another")
            return a.node
        if isinstance(a, torch.Tensor):
            stored = self._stored.get(id(a))
            return self.stored_node(stored[0]) if stored is not None else self.constant(a)
        if isinstance(a, Expression):
            return a
        return self._made(a) if _is_made(a) else super().create_arg(tuple(a) if isinstance(a, torch.Size) else a)

    def _made(self, value: Any) -> Any:
        """The argument for what fx has no literal for: numpy numbers, classes, functions, nests of own classes."""
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, nn.Module):
            raise TraceError(f"it passes a module on as an argument, a {type(value).__name__}")
        if isinstance(value, _CALLABLES):
            import_path(value)
            return value
        if is_record(value):
            known = {name: self.create_arg(item) for name, item in (parts(value) or {}).items() if item is not None}
            return self.create_node("call_function", type(value), (), known)
        if isinstance(value, tuple):
            return self.create_node("call_function", type(value), tuple([self.create_arg(item) for item in value]), {})
        inside = {key: self.create_arg(item) for key, item in value.items()}
        return self.create_node("call_function", type(value), (inside,), {})

    def to_bool(self, obj: fx.Proxy) -> bool:
        if obj.node.target is is_training:
            raise TrainingAsked
        raise TraceError("a value that depends on the inputs decides control flow")

    def iter(self, obj: fx.Proxy) -> Iterator[Any]:
        raise TraceError("it loops over a value whose length is not known without an example input")

    # --- what a tracer with example inputs does otherwise --------------------------------------------------------

    def recording(self) -> FactoryMode:
        """What is active while a forward runs."""
        return FactoryMode(self)

    def inputs(self, signature: inspect.Signature) -> tuple[list[Any], dict[str, Any]]:
        """A placeholder for each argument of the root's forward that varies."""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for parameter in list(signature.parameters.values())[1:]:
            if parameter.kind is parameter.VAR_KEYWORD or self._keeps_default(parameter):
                continue
            if parameter.kind is parameter.VAR_POSITIONAL:
                args.append(self.create_proxy("placeholder", f"*{parameter.name}", (), {}))
                self.refusal = f"it takes *{parameter.name}, whose number is not known without example inputs"
                continue
            default = () if parameter.default is parameter.empty else (parameter.default,)
            value = self.create_proxy("placeholder", parameter.name, default, {})
            value.node.meta["keyword"] = parameter.kind is parameter.KEYWORD_ONLY
            if parameter.kind is parameter.POSITIONAL_ONLY:
                args.append(value)
            else:
                kwargs[parameter.name] = value
        return args, kwargs

    def _started(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        """The root's forward, unless it can't even be called."""

        def call(*args: Any, **kwargs: Any) -> Any:
            if self.refusal is not None:
                raise TraceError(self.refusal)
            return forward(*args, **kwargs)

        return call

    def call_leaf(self, module: nn.Module, path: str, args: Any, kwargs: Any) -> Any:
        """The value of a call of a layer that is recorded whole."""
        with self._at(path):
            return self.create_proxy("call_module", path, args, kwargs)

    def load(self, path: str, tensor: torch.Tensor) -> Any:
        """The value of a parameter or buffer."""
        return StoredTensor(self.stored_node(path), self, tensor)

    def stored_node(self, path: str) -> fx.Node:
        """The node of a parameter or buffer."""

        def create() -> fx.Node:
            with self._at(path.rpartition(".")[0]):
                return self.create_node("get_attr", path, (), {})

        return self.shared_node(path, create)

    def shared_node(self, key: Any, create: Callable[[], fx.Node]) -> fx.Node:
        """A node that several values share: made where it is first needed, and again where that can't be seen."""
        for branch in (0, self._branch):
            known = self._shared.get((branch, key))
            if known is not None and not known._erased:
                return known
        made = self._shared[self._branch, key] = create()
        return made

    def choice(
        self, function: Callable[..., Any], args: tuple[Any, ...], options: Any, example: Callable[[Any], Any]
    ) -> Any:
        """The value of a choice among `options`; `example` computes one from them."""
        return self.create_proxy("call_function", function, args, {})

    def node_of(self, value: Any) -> fx.Node | None:
        """The node that made a value, if it was recorded."""
        return value.node if isinstance(value, fx.Proxy) else None

    def value_of(self, node: fx.Node, like: Any) -> Any:
        """A value that stands for a node; `like` has its shape and type."""
        return self.proxy(node)

    # --- modules ---------------------------------------------------------------------------------------------------

    def is_leaf(self, module: nn.Module, path: str) -> bool:
        """Whether the module is recorded as one call, because its class and arguments say all of it."""
        if path in self.specs:
            return True
        spec = describe_layer(module)
        if spec is not None:
            self.specs[path] = spec
        return spec is not None

    def enter(self, module: nn.Module, path: str, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """The value of a call whose inside is traced; where that fails, of one opaque call."""
        mark = self._last()
        state = State(module)
        if id(module) not in self._states:
            self._states[id(module)] = state
            self._undoing += state.undoing()
        self.questions.watch(module)
        apply_by_class(module)

        def restore() -> None:
            self._erase_after(mark)
            state.restore()
            apply_by_class(module)

        def run() -> Any:
            return state.checked(forward(*args, **kwargs))

        with self._at(path):
            try:
                return self._followed(run, restore)
            except SpaceError:
                raise
            except Exception as error:  # noqa: BLE001  whatever a forward raises, the module becomes opaque
                reason = error
                restore()
        return self._opaque_call(module, path, args if path else args[1:], kwargs, reason)

    def _followed(self, run: Callable[[], Any], restore: Callable[[], None]) -> Any:
        """The value of a forward; in both modes, if it asks for the mode."""
        try:
            return run()
        except TrainingAsked:
            if self.training is not None:
                raise
            restore()
        return self._both_modes(run)

    def _both_modes(self, forward: Callable[[], Any]) -> Any:
        train, train_nodes = self._in_mode(True, forward)
        self._hidden.update(train_nodes)
        try:
            evaluation, nodes = self._in_mode(False, forward)
        finally:
            self._hidden.difference_update(train_nodes)
        same, twins = unify(train_nodes, nodes)
        self.modes.update({node: True for node in train_nodes[same:]})
        self.modes.update({node: False for node in nodes[same:]})
        merged = self._merged(train, evaluation, twins)
        for node in reversed(nodes[:same]):
            self.graph.erase_node(node)
        return merged

    def _in_mode(self, mode: bool, forward: Callable[[], Any]) -> tuple[Any, list[fx.Node]]:
        start, self.training = self._last(), mode
        self._branches += 1
        self._branch = self._branches
        try:
            result = forward()
        finally:
            self.training, self._branch = None, 0
        return result, self._after(start)

    def _merged(self, train: Any, evaluation: Any, twins: dict[fx.Node, fx.Node]) -> Any:
        """One value for what two runs returned."""

        def merge(left: Any, right: Any) -> Any:
            ours = self.create_arg(left)
            theirs = self.create_arg(right)
            theirs = twins.get(theirs, theirs) if isinstance(theirs, fx.Node) else theirs
            if ours is theirs or (not isinstance(ours, fx.Node) and type(ours) is type(theirs) and ours == theirs):
                return left
            self.check_alike(left, right)
            return self.value_of(self.create_node("call_function", by_mode, (ours, theirs), {}), left)

        if alike(train, evaluation):
            return zip_structures(merge, train, evaluation)
        whole = self.create_arg(train)
        other = fx.map_arg(self.create_arg(evaluation), lambda node: twins.get(node, node))
        return self.proxy(self.create_node("call_function", by_mode, (whole, other), {}))

    def check_alike(self, left: Any, right: Any) -> None:
        """Raise TraceError if the two values of a branch on `training` can't stand for one another."""

    def _opaque_call(self, module: nn.Module, path: str, args: Any, kwargs: Any, reason: Exception) -> Any:
        result = self.call_leaf(module, path, args, kwargs)
        for inside in [inner for inner in self.opaque if inner == path or inner.startswith(f"{path}.") or not path]:
            del self.opaque[inside]
        cls = type(module)
        self.opaque[path] = Opaque(path, f"{cls.__module__}.{cls.__qualname__}", _words(reason))
        return result

    # --- small parts -----------------------------------------------------------------------------------------------

    def constant(self, tensor: torch.Tensor) -> fx.Node:
        """The node of a tensor that is no part of the module."""
        known = self.tensor_attrs.get(tensor)
        if known is None:
            known = f"constant_{sum(1 for name in self.tensor_attrs.values() if name.startswith('constant_'))}"
            self.tensor_attrs[tensor] = known
            self.constants[known] = tensor
        return self.create_node("get_attr", known, (), {})

    def _keeps_default(self, parameter: inspect.Parameter) -> bool:
        if parameter.default is parameter.empty:
            return False
        return isinstance(parameter.default, _DROPPED_DEFAULTS) or not self.keep_numbers

    def module_attribute(self, module: nn.Module, name: str) -> Any:
        """What a module gives for a name that is none of its plain attributes."""
        if name == "training" and "training" not in module.__dict__:
            return self.training if self.training is not None else self.training_value()
        value = module_attribute(module, name)
        if isinstance(value, torch.Tensor):
            stored = self._stored.get(id(value))
            if stored is not None:
                return self.load(*stored)
        return value

    def training_value(self) -> Any:
        """What `self.training` is while it may be either."""
        return self.proxy(self.create_node("call_function", is_training, (), {}))

    def custom_function(self, cls: type[Function], apply: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """The value of a call of a custom autograd function, recorded whole."""
        if any(isinstance(leaf, fx.Proxy) for leaf in pytree.tree_leaves((args, kwargs))):
            return self.create_proxy("call_function", apply_of(cls), args, kwargs)
        return apply(cls, *args, **kwargs)

    @contextmanager
    def _at(self, path: str) -> Iterator[None]:
        before, self.path = self.path, path
        try:
            yield
        finally:
            self.path = before

    def _last(self) -> fx.Node:
        return self.graph._root.prev

    def _after(self, mark: fx.Node) -> list[fx.Node]:
        found = []
        node = mark.next
        while node is not self.graph._root:
            found.append(node)
            node = node.next
        return found

    def _erase_after(self, mark: fx.Node) -> None:
        for node in reversed(self._after(mark)):
            self.graph.erase_node(node)


def _is_made(value: Any) -> bool:
    if type(value) in _PLAIN:
        return False
    own = isinstance(value, np.generic | nn.Module | OrderedDict | _CALLABLES) or is_record(value)
    return own or (isinstance(value, tuple) and hasattr(value, "_fields"))


def _words(error: Exception) -> str:
    text = str(error).strip().splitlines()
    first = text[0] if text else ""
    return first if isinstance(error, TraceError) else f"{type(error).__name__}: {first}"
