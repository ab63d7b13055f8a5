"""Values computed under `torch.no_grad`: recorded steps do not know of it, so their results are detached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import fx, nn

if TYPE_CHECKING:
    from retiarii.graph.tracer import GraphTracer

_NO_GRADIENT = ("getattr", "size", "dim", "numel", "arange", "eq", "ne", "lt", "le", "gt", "ge", "detach")


def detach_where_needed(tracer: GraphTracer, recorded: fx.Graph, module: nn.Module) -> None:
    """Insert `detach()` where a value without gradient could get one from a parameter or an input."""
    if not any(node.meta.get("no_grad") for node in recorded.nodes):
        return
    carries: dict[fx.Node, bool] = {}
    for node in list(recorded.nodes):
        carries[node] = _carries(node, module, carries)
        if not node.meta.get("no_grad") or not carries[node]:
            continue
        outside = [user for user in node.users if not user.meta.get("no_grad")]
        if not outside:
            continue
        with recorded.inserting_after(node):
            detached = recorded.call_method("detach", (node,))
        carries[detached] = False
        tracer.paths[detached] = tracer.paths.get(node, "")
        if node in tracer.modes:
            tracer.modes[detached] = tracer.modes[node]
        for user in outside:
            user.replace_input_with(node, detached)


def _carries(node: fx.Node, module: nn.Module, carries: dict[fx.Node, bool]) -> bool:
    """Whether a step's result may carry a gradient."""
    target: Any = node.target
    if node.op == "placeholder":
        return True
    if node.op == "get_attr":
        owner, _, name = target.rpartition(".")
        return name in module.get_submodule(owner)._parameters if _has(module, owner) else False
    if (
        node.op == "call_module"
        and _has(module, target)
        and any(True for _ in module.get_submodule(target).parameters())
    ):
        return True
    name = target if isinstance(target, str) else getattr(target, "__name__", "")
    return name not in _NO_GRADIENT and any(carries.get(used, False) for used in node.all_input_nodes)


def _has(module: nn.Module, path: str) -> bool:
    try:
        module.get_submodule(path)
    except AttributeError:
        return False
    return True
