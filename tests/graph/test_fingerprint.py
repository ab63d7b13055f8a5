"""Equal fingerprints for what computes the same with the same layers, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from retiarii.errors import GraphError
from retiarii.graph import Graph, trace
from retiarii.graph.node import Record
from retiarii.graph.operation import Function, Input, Layer, Output
from retiarii.graph.operation import Tensor as Stored
from retiarii.graph.spec import LayerSpec, TensorSpec
from retiarii.graph.values import Ref

Forward = Callable[..., Any]

LINEAR = LayerSpec("torch.nn.Linear", {"in_features": 4, "out_features": 4, "bias": True})
BUFFER = TensorSpec("buffer", (4,), "float32", {"fill": 1.0})


class Model(nn.Module):
    """Two pairs of equal layers, two dropouts, two parameters and two buffers, for any forward over them."""

    def __init__(self, forward: Forward):
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Linear(4, 4) for _ in range(4))
        self.relu, self.relu2, self.relu_ = nn.ReLU(), nn.ReLU(), nn.ReLU(inplace=True)
        self.drop, self.drop2 = nn.Dropout(0.5), nn.Dropout(0.5)
        self.prelu, self.prelu2 = nn.PReLU(), nn.PReLU()
        self.w, self.v = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(4))
        self.register_buffer("p", torch.ones(4))
        self.register_buffer("q", torch.ones(4))
        self.register_buffer("r", torch.zeros(4))
        self.written = forward

    def forward(self, x: Tensor, y: Tensor) -> Any:
        return self.written(self, x, y)


def fingerprint_of(forward: Forward) -> str:
    graph = trace(Model(forward))
    assert not any(node.is_opaque for node in graph), "a forward of the tables could not be traced"
    return graph.fingerprint()


def written(text: str) -> Forward:
    """The forward with these statements, the last of which is its result."""
    *before, last = [line.strip() for line in text.split(";")]
    source = "def forward(m, x, y):\n" + "".join(f"    {line}\n" for line in [*before, f"return {last}"])
    space: dict[str, Any] = {"torch": torch, "F": F}
    exec(source, space)  # noqa: S102  the tables below
    found: Forward = space["forward"]
    return found


DIFFERENT = {
    "a layer called once or twice": ("h = m.a(x); h + h", "m.a(x) + m.a(x)"),
    "one layer or two equal ones": ("m.a(x) + m.a(x)", "m.a(x) + m.b(x)"),
    "one call or two equal layers": ("h = m.a(x); h + h", "m.a(x) + m.b(x)"),
    "one layer or two in a row": ("m.a(m.a(x))", "m.b(m.a(x))"),
    "which of two sums is multiplied by what": (
        "h = m.a(x); k = m.b(x); (h + k) * h",
        "h = m.a(x); k = m.b(x); (h + h) * k",
    ),
    "sums of equal layers": ("h = m.a(x); k = m.b(x); (h + k) * (h + k)", "h = m.a(x); k = m.b(x); (h + h) * (k + k)"),
    "weights shared across or along": ("m.a(m.b(x)) + m.a(m.b(y))", "m.a(m.b(x)) + m.b(m.a(y))"),
    "shared layers, crossed or not": (
        "m.a(F.relu(x)) * m.b(F.gelu(x)) - m.a(F.tanh(x)) * m.b(F.silu(x))",
        "m.a(F.relu(x)) * m.b(F.gelu(x)) - m.b(F.tanh(x)) * m.a(F.silu(x))",
    ),
    "two call sites, shared or not": ("m.a(x) * F.relu(m.a(y))", "m.a(x) * F.relu(m.b(y))"),
    "a parameter twice or two": ("(x * m.w) + (y * m.w)", "(x * m.w) + (y * m.v)"),
    "a slope shared or not": ("m.prelu(x) + m.prelu(y)", "m.prelu(x) + m.prelu2(y)"),
    "whose weight": ("m.a(x) - m.b(y) @ m.a.weight", "m.a(x) - m.b(y) @ m.b.weight"),
    "a weight of a layer or of its own": ("m.a(x) * m.a.bias", "m.a(x) * m.w"),
    "a parameter or a buffer": ("x * m.w", "x * m.p"),
    "buffers of other values": ("x * m.p", "x * m.r"),
    "two draws or one used twice": ("F.dropout(x) + F.dropout(x)", "h = F.dropout(x); h + h"),
    "two dropouts or one used twice": ("m.drop(x) + m.drop2(x)", "h = m.drop(x); h + h"),
    "two random tensors or one": ("x + torch.rand(4) - torch.rand(4)", "h = torch.rand(4); x + h - h"),
    "operands of a subtraction": ("x - y", "y - x"),
    "operands of a division": ("m.a(x) / y", "y / m.a(x)"),
    "matrix product": ("x @ y", "y @ x"),
    "which argument": ("m.a(x), y", "m.a(y), x"),
    "association": ("(x + y) + m.a(x)", "x + (y + m.a(x))"),
    "constants": ("x * 2", "x * 3"),
    "kinds of constants": ("x * 2", "x * 2.0"),
    "kinds of truth": ("x.sum(dim=1)", "x.sum(dim=True)"),
    "a list or a tuple": ("[x, y]", "(x, y)"),
    "keyword or position": ("torch.flatten(x, 1)", "torch.flatten(x, start_dim=1)"),
    "names of what is returned": ("{'a': x, 'b': y}", "{'b': x, 'a': y}"),
    "scale of the second summand": ("torch.add(x, y, alpha=2)", "torch.add(y, x, alpha=2)"),
    "shapes are joined in order": ("x.view(x.shape + y.shape)", "x.view(y.shape + x.shape)"),
    "sizes are joined in order": ("x.view(x.size()[:1] + y.size()[1:])", "x.view(y.size()[1:] + x.size()[:1])"),
    "constants are joined in order": ("x.view(x.shape + (1,))", "x.view((1,) + x.shape)"),
    "in place or not": ("m.relu(m.a(x))", "m.relu_(m.a(x))"),
    "read before or after a change": ("h = m.a(x); k = h * 2; m.relu_(h); k", "h = m.a(x); m.relu_(h); k = h * 2; k"),
    "read before or after +=": ("h = m.a(x); k = h * 2; h += y; h - k", "h = m.a(x); g = h; h += y; h - g * 2"),
    "read between two changes": (
        "h = m.a(x); h.mul_(2); k = F.gelu(h); h.add_(1); (h, k)",
        "h = m.a(x); h.mul_(2); h.add_(1); k = F.gelu(h); (h, k)",
    ),
    "order of two changes": ("h = m.a(x); h.mul_(2); h.add_(1); h", "h = m.a(x); h.add_(1); h.mul_(2); h"),
    "changed through a view": (
        "h = m.a(x); v = h.view(-1); k = F.gelu(h); v.mul_(2); (h, k)",
        "h = m.a(x); v = h.view(-1); v.mul_(2); k = F.gelu(h); (h, k)",
    ),
    "an item is set or not": ("h = m.a(x); h[:, 0] = 1; h", "h = m.a(x); h"),
    "which of two equal buffers changes": ("p = m.p; p.add_(1); p - m.q", "q = m.q; q.add_(1); m.p - q"),
    "an argument is changed or not": ("h = m.a(x); x.mul_(2); h", "h = m.a(x); h"),
}

EQUAL = {
    "names": ("m.a(x)", "m.b(x)"),
    "names of layers": ("m.a(x) - m.b(y)", "m.c(x) - m.d(y)"),
    "names of parameters": ("x * m.w", "x * m.v"),
    "a sum": ("x + y", "y + x"),
    "a product": ("m.a(x) * y", "y * m.a(x)"),
    "a constant on the left": ("2 * x", "x * 2"),
    "a sum of equal layers": ("m.a(x) + m.b(F.relu(x))", "m.a(F.relu(x)) + m.b(x)"),
    "functions of torch": ("torch.add(x, y) * torch.mul(x, 2)", "torch.mul(2, x) * torch.add(y, x)"),
    "comparison": ("(m.a(x) == y) & (m.b(x) == x)", "(x == m.b(x)) & (y == m.a(x))"),
    "order of independent steps": ("h = m.a(x); k = m.b(F.relu(y)); h - k", "k = m.b(F.relu(y)); h = m.a(x); h - k"),
    "order of independent draws": (
        "h = F.dropout(x); k = F.dropout(y); h - k",
        "k = F.dropout(y); h = F.dropout(x); h - k",
    ),
    "steps that nothing needs": ("h = m.a(x); m.b(h); x - y; h", "m.a(x)"),
    "one layer without weights, or two": ("m.relu(x) - m.relu(y)", "m.relu(x) - m.relu2(y)"),
    "one dropout called twice, or two": ("m.drop(x) + m.drop(y)", "m.drop(x) + m.drop2(y)"),
    "one buffer or two of equal values": ("x * m.p + y * m.p", "x * m.p + y * m.q"),
    "crossed pairs": (
        "h = m.a(x); k = m.b(x); (h - k) * (k - h)",
        "k = m.a(x); h = m.b(x); (h - k) * (k - h)",
    ),
    "pairs that go together": (
        "h = m.a(x); k = m.b(x); (h + k) - (m.c(h) + m.d(k))",
        "h = m.a(x); k = m.b(x); (k + h) - (m.d(k) + m.c(h))",
    ),
    "order of independent changes": (
        "h = m.a(x); k = m.b(y); h.mul_(2); k.add_(1); h - k",
        "h = m.a(x); k = m.b(y); k.add_(1); h.mul_(2); h - k",
    ),
    "order of changes that outlive the call": ("m.p.add_(1); m.r.mul_(2); x", "m.r.mul_(2); m.p.add_(1); x"),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_difference(name):
    one, other = DIFFERENT[name]
    assert fingerprint_of(written(one)) != fingerprint_of(written(other))


@pytest.mark.parametrize("name", EQUAL)
def test_equality(name):
    one, other = EQUAL[name]
    assert fingerprint_of(written(one)) == fingerprint_of(written(other))


def test_tied_weights_count():
    def tied(*, weight: bool, bias: bool = False) -> str:
        model = Model(lambda m, x, y: m.b(m.a(x)))
        if weight:
            model.b.weight = model.a.weight
        if bias:
            model.b.bias = model.a.bias
        return trace(model).fingerprint()

    found = {tied(weight=False), tied(weight=True), tied(weight=False, bias=True), tied(weight=True, bias=True)}
    assert len(found) == 4


def test_weights_and_scopes_do_not_count():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    before = trace(model).fingerprint()
    with torch.no_grad():
        model[0].weight.fill_(1.0)
    assert trace(model).fingerprint() == before == trace(nn.Sequential(model)).fingerprint()


def test_a_change_of_the_graph_is_seen():
    graph = trace(nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
    fork = graph.fork()
    fork.find(nn.Linear)[0].update(bias=False)
    assert fork.fingerprint() != graph.fingerprint()
    fork.find(nn.Linear)[0].update(bias=True)
    assert fork.fingerprint() == graph.fingerprint()


def small(name: str, records: dict[str, Record], *, tensors: dict[str, TensorSpec] | None = None) -> Graph:
    return Graph(name, records, {"a": LINEAR}, tensors or {}, {}, {})


def passed(operation: Any, *args: Any, **kwargs: Any) -> Record:
    return Record(operation, args, kwargs, "", "")


def test_arguments_by_keyword_alone_are_told_apart_by_name():
    def graph(name: str, *, keyword: bool) -> Graph:
        records = {
            "x": passed(Input()),
            name: passed(Input(keyword=keyword)),
            "out": passed(Output(), (Ref("x"), Ref(name))),
        }
        return small("Keyword", records)

    assert graph("y", keyword=True).fingerprint() != graph("z", keyword=True).fingerprint()
    assert graph("y", keyword=False).fingerprint() == graph("z", keyword=False).fingerprint()
    assert graph("y", keyword=True).fingerprint() != graph("y", keyword=False).fingerprint()


def test_steps_of_one_mode_are_told_apart():
    def graph(mode: bool | None) -> str:
        step = Record(Layer("a"), (Ref("x"),), {}, "", "", mode)
        return small("Mode", {"x": passed(Input()), "a": step, "out": passed(Output(), Ref("a"))}).fingerprint()

    assert len({graph(True), graph(False), graph(None)}) == 3


def test_a_change_in_training_alone_is_no_change_in_evaluation():
    def order_counts(*, changed: bool, read: bool) -> bool:
        double, change = Function("operator.mul"), Function("operator.iadd")
        records = {
            "x": passed(Input()),
            "h": passed(Layer("a"), Ref("x")),
            "change": Record(change, (Ref("h"), 1), {}, "", "", changed),
            "read": Record(double, (Ref("h"), 2), {}, "", "", read),
            "out": passed(Output(), Ref("read")),
        }
        moved = {name: records[name] for name in ("x", "h", "read", "change", "out")}
        return small("Mode", records).fingerprint() != small("Mode", moved).fingerprint()

    assert order_counts(changed=True, read=True)
    assert not order_counts(changed=True, read=False)
    assert not order_counts(changed=False, read=True)


def test_same_stored_tensor_read_by_two_nodes():
    def graph(second: str) -> str:
        records = {
            "p": passed(Stored("p")),
            "q": passed(Stored("p")),
            "out": passed(Output(), (Ref("p"), Ref(second))),
        }
        return small("Stored", records, tensors={"p": BUFFER}).fingerprint()

    assert graph("p") == graph("q")


def test_reference_to_nothing_is_an_error():
    graph = small("Broken", {"x": passed(Input()), "out": passed(Output(), Ref("lost"))})
    with pytest.raises(GraphError, match="Broken refers to 'lost'"):
        graph.fingerprint()


def test_a_cycle_is_an_error():
    add = Function("operator.add")
    records = {
        "x": passed(Input()),
        "one": passed(add, Ref("x"), Ref("other")),
        "other": passed(add, Ref("x"), Ref("one")),
        "sum": passed(add, Ref("one"), Ref("other")),
        "out": passed(Output(), Ref("sum")),
    }
    with pytest.raises(GraphError, match="takes its own value"):
        small("Circle", records).fingerprint()
