"""`Cell`: a small network of nodes, each of which adds up operations on earlier nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, cast

import torch
from torch import nn

from retiarii.domain.expression import Call, Expression
from retiarii.errors import SpaceError
from retiarii.graph.choose import current_tracer
from retiarii.nn.answer import answer_of
from retiarii.nn.cell_candidates import Operations, Place
from retiarii.nn.compound import Compound
from retiarii.nn.input_choice import InputChoice
from retiarii.nn.layer_choice import LayerChoice
from retiarii.nn.switch import Switch

MERGES = ("all", "loose_end")


class Cell(Compound):
    """A cell of the NASNet search space: what stands in it and how it is wired is searched.

    The first nodes are the inputs. Every further node adds up `num_ops_per_node` operations, each on one earlier node.
    The output concatenates nodes that are no inputs. In a sample, `<label>/op_<node>_<k>` is the operation, the index
    or key of a candidate, and `<label>/input_<node>_<k>` what it takes, such as `[0]`; nodes count from the inputs on.

    Source: Zoph et al., "Learning Transferable Architectures for Scalable Image Recognition", CVPR 2018, section 3;
    NNI's `Cell`.

    Shapes: called with its inputs, or with one list of them, which the operations make equal in shape; to a tensor of
    that shape with the sizes in dimension `concat_dim` added up.

    Args:
        op_candidates: a list, or a dict with text keys, of modules (copied for each place) and functions of
            `(node, op, input)` that make one; or one such function that gives a list or dict of modules. Functions that
            look at `input`, to choose a stride say, are called for each node that may be taken.
        num_nodes: the number of nodes that are no inputs.
        num_ops_per_node: the number of operations of each.
        num_predecessors: the number of inputs.
        merge_op: "all" concatenates all nodes, "loose_end" only those that no other node takes.
        preprocessor: turns the list of inputs into a list of the same length, before anything else.
        postprocessor: turns the output and the list of original inputs into what the cell returns.
        concat_dim: the dimension to concatenate along.
        label: its name; without one, its path in the space.

    Attributes:
        num_outputs: how many nodes the output concatenates, for the channels of what follows; undecided with
            "loose_end" until a sample comes.

    Raises:
        SpaceError: a number that is none from 1 on, an unknown `merge_op`, or candidates that are no modules.

    Example:
        >>> import torch
        >>> from retiarii import nn
        >>> operations = {"conv": lambda node, op, source: nn.Conv2d(16, 16, 3, padding=1), "skip": nn.Identity()}
        >>> cell = nn.Cell(operations, num_nodes=4, num_ops_per_node=2, num_predecessors=2, label="cell")
        >>> cell([torch.zeros(1, 16, 8, 8), torch.zeros(1, 16, 8, 8)]).shape
        torch.Size([1, 64, 8, 8])
    """

    def __init__(  # noqa: PLR0917  the order of the predecessor, whose users give them by position
        self,
        op_candidates: Operations | Callable[[int, int, int], Operations],
        num_nodes: int,
        num_ops_per_node: int = 1,
        num_predecessors: int = 1,
        merge_op: str = "all",
        preprocessor: Callable[[list[Any]], Sequence[Any]] | None = None,
        postprocessor: Callable[[Any, list[Any]], Any] | None = None,
        concat_dim: int = 1,
        *,
        label: str | None = None,
    ) -> None:
        super().__init__(label)
        counts = {"num_nodes": num_nodes, "num_ops_per_node": num_ops_per_node, "num_predecessors": num_predecessors}
        self._check(counts, merge_op)
        self.num_predecessors = num_predecessors
        self.concat_dim = concat_dim
        self.preprocessor = preprocessor
        self.postprocessor = postprocessor
        self.inputs = nn.ModuleList()
        self.ops = nn.ModuleList()
        for node in range(num_predecessors, num_predecessors + num_nodes):
            self._add_node(node, num_ops_per_node, op_candidates)
        self.outputs: Any = self._outputs(num_nodes, merge_op)
        self.num_outputs: Any = num_nodes if merge_op == "all" else Call("len", (self.outputs,))

    def _check(self, counts: Mapping[str, Any], merge_op: str) -> None:
        for name, count in counts.items():
            if type(count) is not int or count < 1:
                raise SpaceError(f"the Cell {self.label!r} has {name}={count!r}; give a number from 1 on")
        if merge_op not in MERGES:
            raise SpaceError(f"the Cell {self.label!r} has merge_op={merge_op!r}; give one of {', '.join(MERGES)}")

    def _add_node(self, node: int, count: int, candidates: Any) -> None:
        inputs, ops = nn.ModuleList(), nn.ModuleList()
        for k in range(count):
            source = self.named(InputChoice(node, n_chosen=1), f"input_{node}_{k}")
            place = Place(self.label, node, k, self.within(f"op_{node}_{k}"), source)
            choice = LayerChoice(place.candidates(candidates), place.label)
            inputs.append(source)
            ops.append(self.named(choice, f"op_{node}_{k}"))
        self.inputs.append(inputs)
        self.ops.append(ops)

    def _outputs(self, num_nodes: int, merge_op: str) -> Any:
        low, high = self.num_predecessors, self.num_predecessors + num_nodes
        if merge_op == "all":
            return list(range(low, high))
        taken = [cast("InputChoice", choice).symbol for choices in self.inputs for choice in cast("Any", choices)]
        return Call("unused", (low, high, *taken))

    def undecided(self) -> Mapping[str, Expression]:
        return {"outputs": self.outputs} if isinstance(self.outputs, Expression) else {}

    @property
    def output_node_indices(self) -> Any:
        """The nodes that the output concatenates: a list, or an expression that is still undecided."""
        return self.outputs if isinstance(self.outputs, Expression) else list(self.outputs)

    def forward(self, *inputs: Any) -> Any:
        given = self._given(inputs)
        if len(given) != self.num_predecessors:
            raise SpaceError(f"the Cell {self.label!r} takes {self.num_predecessors} inputs and got {len(given)}")
        nodes = list(given if self.preprocessor is None else self.preprocessor(given))
        if len(nodes) != self.num_predecessors:
            raise SpaceError(
                f"the preprocessor of the Cell {self.label!r} gave {len(nodes)} values for {self.num_predecessors}"
            )
        for sources, ops in zip(self.inputs, self.ops, strict=True):
            nodes.append(self._node(cast("Any", sources), cast("Any", ops), nodes))
        merged = self._merged(nodes)
        return merged if self.postprocessor is None else self.postprocessor(merged, given)

    def _given(self, inputs: tuple[Any, ...]) -> list[Any]:
        """The inputs; a value that stands for several while the forward is traced is taken apart."""
        if len(inputs) != 1:
            return list(inputs)
        (alone,) = inputs
        if issubclass(type(alone), list | tuple):
            return list(alone)
        if self.num_predecessors > 1 and current_tracer() is not None and not issubclass(type(alone), torch.Tensor):
            return [alone[index] for index in range(self.num_predecessors)]
        return [alone]

    def _node(self, sources: Sequence[nn.Module], ops: Sequence[nn.Module], nodes: list[Any]) -> Any:
        total = None
        for source, op in zip(sources, ops, strict=True):
            value = _chosen(op, source, nodes) if isinstance(op, LayerChoice) else op(source(nodes))
            total = value if total is None else total + value
        return total

    def _merged(self, nodes: list[Any]) -> Any:
        chosen = self.outputs
        if isinstance(chosen, Expression):
            shown = range(self.num_predecessors, len(nodes))
            return answer_of(self, "outputs", chosen).combine(nodes, "concat", shown, self.concat_dim)
        return nodes[chosen[0]] if len(chosen) == 1 else torch.cat([nodes[index] for index in chosen], self.concat_dim)


def _chosen(op: LayerChoice, source: nn.Module, nodes: list[Any]) -> Any:
    """The value of a choice of which some candidates are others for other inputs."""
    by_input = dict(enumerate(nodes))
    if not any(isinstance(candidate, Switch) for candidate in op):
        return op(source(nodes))
    taken = cache(lambda: source(nodes))

    def run(candidate: nn.Module) -> Any:
        return candidate(by_input if isinstance(candidate, Switch) else taken())

    return op.answer.select(op.candidates, run)
