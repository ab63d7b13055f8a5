"""Graphs as JSON text and back."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from contextlib import contextmanager

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from retiarii.domain.expression import Call, Expression, Symbol
from retiarii.errors import FormatError, GraphError
from retiarii.graph import Graph, trace
from retiarii.graph.node import Record
from retiarii.graph.operation import (
    Attribute,
    ByMode,
    Combine,
    Function,
    Input,
    Layer,
    Method,
    Output,
    Select,
    Tensor,
    Training,
)
from retiarii.graph.spec import ChoiceSpec, LayerSpec, OpaqueSpec, TensorSpec
from retiarii.graph.values import Held, Named, Ref

LAYER = LayerSpec("torch.nn.Linear", {"in_features": 3, "out_features": Symbol("width"), "bias": True})
TENSOR = TensorSpec("parameter", (2, 3), "float32", {"normal": [0.0, 0.5]})
WIDTH = Call("add", (Call("mul", (Symbol("width"), 2)), float("inf")))
TAGS = ("tuple", "dict", "slice", "float", "node", "named", "expression", "module", "held", "kind")


def held():
    """One of each kind of thing that an opaque module may hold."""
    return {
        "a": Held("set", {"items": [1, 2, 3]}),
        "b": Held("mapping", {"class": Named("collections.OrderedDict"), "items": [[1, "one"], [(2, None), "two"]]}),
        "c": Held("device", {"name": "cuda:1"}),
        "d": Held("tensor", {"tensor": TensorSpec("constant", (4,), "int64", {"range": [0, 2]}, trainable=False)}),
        "e": Held("partial", {"function": Named("torch.relu"), "args": (1,), "keywords": {"inplace": True}}),
        "f": Held("object", {"class": Named("mine.Thing"), "state": {"x": [1.5, ...], "training": True}}),
        "g": Held("call", {"function": Named("numpy.float64"), "args": (0.5,)}),
        "0.owner": Held("child", {"of": "module", "path": ""}),
        "bias": Held("empty", {"of": "parameter"}),
    }


def everything():
    """A graph with every kind of node, value and description."""

    def record(operation, *args, mode=None, **kwargs):
        return Record(operation, args, kwargs, "body.0", "body.0:op:0", mode)

    opaque = OpaqueSpec(
        "mine.Block", held(), {"p": TENSOR}, {"0": LAYER}, "it loops", {"_forward_hooks": "code"}, {"size": 3}
    )
    inner = ChoiceSpec("layer", Symbol("act"), ("relu", 1), {"relu": LAYER, "b": opaque})
    arguments = {"encoder_layer": LAYER, "activation": Named("torch.nn.functional.gelu")}
    records = {
        "x": record(Input()),
        "rest": record(Input((), variadic=True)),
        "scale": record(Input((float("-inf"),), keyword=True)),
        "weird name: 'é\n\"": record(Tensor("body.p")),
        "layer": record(Layer("body.0"), Ref("x"), memory={"k": [Ref("x"), None]}),
        "add": record(Function("torch.add"), Ref("x"), 2, alpha=0.5, mode=True),
        "view": record(Method("view"), Ref("add"), -1, WIDTH, mode=False),
        "shape": record(Attribute("shape"), Ref("view")),
        "item": record(Function("operator.getitem"), Ref("shape"), (..., slice(None, 3, None), None, [1, 2j])),
        "training": record(Training()),
        "by_mode": record(ByMode(), Ref("add"), 0.1),
        "select": record(Select(Symbol("op"), ("a", (1, 2))), Ref("x"), Ref("by_mode")),
        "combine": record(Combine(Symbol("inputs"), "concat"), Ref("x"), Ref("select")),
        "output": record(Output(), {"out": (Ref("combine"), Named("torch.float16")), 1: {"node": "x"}}),
    }
    modules = {"body.0": opaque, "body.1": LayerSpec("torch.nn.TransformerEncoder", arguments), "body.2": inner}
    tensors = {"body.p": TENSOR, "body.b": dataclasses.replace(TENSOR, kind="buffer", values={"fill": math.nan})}
    scopes, ties = {"": "mine.<locals>.Net", "body": "torch.nn.Sequential"}, {"head.weight": "body.1.weight"}
    choices = {"body.2": ChoiceSpec("repeat", Call("int", (Symbol("depth"),)), (), {"0": LAYER, "1": LAYER})}
    return Graph("Net", records, modules, tensors, scopes, ties, choices)


def same(left, right):
    """Whether two parts of graphs are equal, types and the order of dicts included."""
    if type(left) is not type(right) and not (isinstance(left, Expression) and isinstance(right, Expression)):
        return False
    if isinstance(left, Expression):
        return json.dumps(left.to_json()) == json.dumps(right.to_json())
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    if dataclasses.is_dataclass(left):
        names = [field.name for field in dataclasses.fields(left) if field.repr]
        return all(same(getattr(left, name), getattr(right, name)) for name in names)
    return repr(left) == repr(right)


def same_graphs(left, right):
    parts = ("name", "records", "modules", "tensors", "scopes", "ties", "choices")
    return all(same(getattr(left, name), getattr(right, name)) for name in parts)


def with_argument(value):
    """A graph whose second node takes this argument."""
    records = {
        "x": Record(Input(), (), {}, "", "a"),
        "y": Record(Function("torch.add"), (Ref("x"), value), {}, "", "b"),
        "output": Record(Output(), (Ref("y"),), {}, "", "c"),
    }
    return Graph("Net", records, {}, {}, {}, {})


def test_every_part_survives():
    graph = everything()
    text = graph.to_json()
    again = Graph.from_json(text, trusted=("mine",))
    assert same_graphs(again, graph)
    assert again.to_json() == text
    assert text.isascii()
    assert "\n" not in text


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.scale = nn.Parameter(torch.randn(8, 1, 1))
        self.register_buffer("mean", torch.randn(8, 1, 1), persistent=False)
        self.head = nn.Linear(8, 2)

    def forward(self, x, *, gain=1.0):
        y = functional.max_pool2d(self.stem(x), 2) * self.scale + self.mean
        y = functional.dropout(y, 0.5, self.training) * gain
        y = torch.cat([y.mean((2, 3)), y.amax((2, 3))])[:, None, ...].to(torch.float64).float()
        return {"logits": self.head(y), "size": x.size(0)}


def test_a_traced_graph_survives():
    graph = trace(Net())
    again = Graph.from_json(graph.to_json())
    assert same_graphs(again, graph)
    assert again.fingerprint() == graph.fingerprint()


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 3)
        self.limits = {1: float("inf")}

    def forward(self, x):
        return self.inner(x) if x.sum() > 0 else x


def test_an_opaque_module_needs_trust():
    with pytest.warns(UserWarning, match="opaque"):
        graph = trace(nn.Sequential(Gate(), nn.Linear(3, 3)))
    package = Gate.__module__.partition(".")[0]
    with pytest.raises(
        FormatError, match=rf"modules\['?0'?\]\.class: '{Gate.__module__}.Gate'.*trusted=\('{package}',\)"
    ):
        Graph.from_json(graph.to_json())
    assert same_graphs(Graph.from_json(graph.to_json(), trusted=(package,)), graph)


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(), st.sampled_from(TAGS),
    st.just(...), st.just(Ref("x")), st.just(Named("torch.float32")),
)  # fmt: skip
keys = st.one_of(st.sampled_from(TAGS), st.text(), st.integers(), st.tuples(st.booleans(), st.text()))
arguments = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
        st.builds(slice, inner, inner, inner),
    ),
    max_leaves=8,
)


@given(arguments)
def test_every_argument_survives(value):
    text = with_argument(value).to_json()
    again = Graph.from_json(text)
    assert same(again.records["y"].args[1], value)
    assert again.to_json() == text


def test_a_dict_that_looks_like_a_tag_stays_a_dict():
    value = [{"node": "x"}, {"dict": [["a", 1]]}, {"float": "nan"}, {"expression": {"choice": "w"}}]
    assert Graph.from_json(with_argument(value).to_json()).records["y"].args[1] == value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.zeros(2), r"node 'y': tensor\(\[0., 0.\]\), a Tensor, can't be written as JSON"),
        ({3j: 1}, r"node 'y': 3j can't be written as a key"),
        (Ref("output"), r"node 'y' takes the value of %output, which no node before it gives"),
    ],
)
def test_what_is_no_data_is_not_written(value, message):
    with pytest.raises(GraphError, match=message):
        with_argument(value).to_json()


def test_what_could_not_be_read_is_not_written():
    value = []
    for _ in range(300):
        value = [value]
    with pytest.raises(GraphError, match="nested more than 200 levels deep"):
        with_argument(value).to_json()


# --- texts from elsewhere -------------------------------------------------------------------------------------------

HOSTILE_TEXT = {
    "": "the text is no JSON",
    "[]": "the graph: expected an object",
    "[" * 100_000: "nested more than 200 levels",
    "[" * 250 + "]" * 250: "nested more than 200 levels",
    "[" + "0," * 2_000_001 + "0]": "at most 2000000",
    '{"a": 1, "a": 2}': "the key 'a' stands twice",
    "[NaN]": "'NaN' is no finite number",
    "[-Infinity]": "'-Infinity' is no finite number",
    "[1e999]": "'1e999' is no finite number",
    "9" * 5000: "the text is no JSON",
    "\ufeff{}": "the text is no JSON",
    '{"format": "retiarii-experiment", "version": 1}': "'retiarii-experiment' is not 'retiarii-graph'",
    '{"format": "retiarii-graph", "version": "1"}': "version: '1' is no version",
    '{"format": "retiarii-graph", "version": true}': "version: True is no version",
    '{"format": "retiarii-graph", "version": 2}': "reads up to 1: upgrade it with `pip install --upgrade retiarii`",
    '{"format": "retiarii-graph", "version": 1}': "the graph: the key 'name' is missing",
}


@pytest.mark.parametrize("text", HOSTILE_TEXT, ids=lambda text: text[:20])
def test_hostile_text(text):
    with pytest.raises(FormatError) as caught:
        Graph.from_json(text)
    assert HOSTILE_TEXT[text] in str(caught.value)


def test_only_text_is_read():
    with pytest.raises(FormatError, match="expected JSON text, not b'abc'"):
        Graph.from_json(b"abc")


def changed(change):
    """The text of `everything`, after a change of its data."""
    data = json.loads(everything().to_json())
    change(data)
    return json.dumps(data)


def node(data, name):
    return next(item for item in data["nodes"] if item["name"] == name)


def operation(**values):
    return lambda data: node(data, "add")["operation"].update(values)


def argument(value):
    return lambda data: node(data, "add")["args"].__setitem__(0, value)


def thing(**parts):
    return argument({"held": parts})


def name(path):
    return {"named": path}


HOSTILE = [
    (lambda data: data.update(extra=1), "the graph: unknown key 'extra'; known are format, version"),
    (lambda data: data.update(nodes={}), "nodes: expected an array, found {}"),
    (lambda data: data.update(nodes=[]), "nodes: the last node is the one output; this graph has 0"),
    (lambda data: data["nodes"].pop(), "nodes: the last node is the one output; this graph has 0"),
    (lambda data: data["nodes"].reverse(), "nodes[0].args[0].out[0]: there is no node 'combine' before this place"),
    (lambda data: data["nodes"].append(data["nodes"][0]), "nodes[14].name: 'x' stands twice"),
    (lambda data: data.update(name=None), "name: expected text, found None"),
    (lambda data: data["modules"].update({"a..b": {}}), "modules: '' can't be the name of something"),
    (lambda data: data["modules"].update({"a.__class__": {}}), "modules: '__class__' can't be the name"),
    (lambda data: data["modules"].update({"_modules": {}}), "modules: '_modules' can't be the name"),
    (lambda data: data["modules"].update(a={"kind": "exec"}), "modules.a.kind: 'exec' is none of layer, opaque"),
    (lambda data: data["modules"]["body.0"].update({"class": "os.system"}), "modules['body.0'].class: 'os.system' is"),
    (lambda data: data["modules"]["body.0"]["attributes"].update(_forward_hooks=1), "'_forward_hooks' can't be"),
    (lambda data: data["modules"]["body.2"].update(keys=[]), "modules['body.2'].keys: 0 keys for 2 candidates"),
    (lambda data: data["choices"]["body.2"].update(choice=3), "choices['body.2'].choice: expected an expression"),
    (lambda data: data["choices"]["body.2"]["children"].update({"0": None}), "children['0']: expected an object"),
    (operation(kind="shell"), "nodes[5].operation.kind: 'shell' is none of input, output, layer"),
    (operation(kind="layer"), "nodes[5].operation: unknown key 'path'; known are kind, target"),
    (operation(kind=["function"]), "nodes[5].operation.kind: ['function'] is none of"),
    (operation(path="os.system"), "nodes[5].operation.path: 'os.system' is no function of torch"),
    (operation(path=7), "nodes[5].operation.path: expected text, found 7"),
    (argument({"node": "output"}), "nodes[5].args[0]: there is no node 'output' before this place"),
    (argument({"node": "add"}), "nodes[5].args[0]: there is no node 'add' before this place"),
    (argument({"call": "os.system"}), "nodes[5].args[0]: 'call' is none of tuple, dict, slice"),
    (argument({"tuple": [], "list": []}), "nodes[5].args[0]: an object in a value has one key"),
    (argument({"tuple": [1, {"slice": [1]}]}), "nodes[5].args[0][1]: expected a start, a stop and a step"),
    (argument({"dict": [[[1], 2]]}), "nodes[5].args[0]: the key [1] is no plain value"),
    (argument({"dict": [[1, 2], [1.0, 3]]}), "nodes[5].args[0]: the key 1.0 stands twice"),
    (argument({"dict": [[{"node": "x"}, 2]]}), "nodes[5].args[0][0]: there is no node 'x' before this place"),
    (argument({"float": "1.5"}), "nodes[5].args[0]: expected a number"),
    (argument({"ellipsis": "..."}), "nodes[5].args[0]: expected null, found '...'"),
    (argument({"named": "subprocess.Popen"}), "nodes[5].args[0]: 'subprocess.Popen' is no data type"),
    (argument({"expression": {"operator": "exec", "arguments": ["1"]}}), "nodes[5].args[0]: unknown operator 'exec'"),
    (argument({"expression": {"operator": "add", "arguments": [1] * 99_999}}), "nodes[5].args[0]: operator 'add'"),
    (thing(kind="call", function=name("os.system"), args={"tuple": ["ls"]}),
     "nodes[5].args[0].function: 'os.system' is no function that only computes"),
    (thing(kind="call", function="torch.relu", args={"tuple": []}), "function: expected an object"),
    (thing(kind="call", function=name("torch.relu"), args=[]), "args: expected a tuple, found"),
    (thing(**{"kind": "object", "class": name("os.Popen"), "state": {"dict": []}}), "class: 'os.Popen' is"),
    (thing(**{"kind": "object", "class": name("mine.C"), "state": {"dict": [["__class__", 1]]}}),
     "nodes[5].args[0].state: '__class__' can't be an attribute"),
    (thing(kind="device", name="cpu; ls"), "nodes[5].args[0].name: 'cpu; ls' is no device"),
    (thing(kind="child", of="hook", path=""), "of: 'hook' is none of module, parameter, buffer"),
    (thing(kind="child", of="module", path="a.__class__"), "path: '__class__' can't be the name"),
    (lambda data: data["modules"]["body.0"]["attributes"].update({"a.__class__": 1}), "'__class__' can't be the name"),
    (thing(kind="pickle"), "nodes[5].args[0].kind: 'pickle' is none of set"),
    (lambda data: node(data, "add")["kwargs"].update({"a b": 1}), "nodes[5].kwargs: 'a b' is no Python name"),
    (lambda data: node(data, "add")["kwargs"].update({"class": 1}), "nodes[5].kwargs: 'class' is no Python name"),
    (lambda data: node(data, "add").update(mode=1), "nodes[5].mode: expected true or false, found 1"),
    (lambda data: node(data, "x").update(args=[1]), "nodes[0].args: 1 arguments do not fit a node of kind 'input'"),
    (lambda data: node(data, "x").update(kwargs={"a": 1}), "nodes[0].kwargs: a node of kind 'input' takes no"),
    (lambda data: node(data, "layer")["operation"].update(target="gone"), "target: the graph describes no module"),
    (lambda data: node(data, "select")["args"].pop(), "nodes[11].args: 1 arguments do not fit a node of kind 'select'"),
    (lambda data: node(data, "combine")["operation"].update(reduction="max"), "reduction: 'max' is none of sum"),
    (lambda data: node(data, "view")["operation"].update(name="sort") or node(data, "view")["kwargs"].update(key=1),
     "nodes[6].kwargs.key: sort calls its key"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), HOSTILE, ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_hostile_data(change, message):
    with pytest.raises(FormatError) as caught:
        Graph.from_json(changed(change), trusted=("mine",))
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1000


# --- texts changed at random ----------------------------------------------------------------------------------------

TEXT = everything().to_json()
WORDS = [
    "os.system",
    "torch.load",
    "builtins.eval",
    "mine.os",
    "__class__",
    "../x",
    "x",
    "layer",
    "torch.nn.Linear",
    "",
]
WATCHED = ("import", "open", "exec", "compile", "os.", "subprocess.", "socket.", "ctypes.", "pickle.", "marshal.")
events: list[str] = []
watching = [False]


def watch(event, details):
    if watching[0] and event.startswith(WATCHED):
        events.append(f"{event} {details}")


sys.addaudithook(watch)


@contextmanager
def nothing_happens():
    """Whatever is read inside, nothing is imported, opened, compiled or started."""
    before = set(sys.modules)
    events.clear()
    watching[0] = True
    try:
        yield
    finally:
        watching[0] = False
    assert not events
    assert set(sys.modules) == before


def named(part):
    """Every import path in a part of a graph."""
    if isinstance(part, Named | Function):
        yield part.path
    elif isinstance(part, LayerSpec | OpaqueSpec):
        yield part.cls
    if isinstance(part, dict):
        part = [*part, *part.values()]
    elif dataclasses.is_dataclass(part):
        part = [getattr(part, field.name) for field in dataclasses.fields(part)]
    for item in part if isinstance(part, list | tuple) else ():
        yield from named(item)


def read(text):
    """Reads a text that may be anything: what is no error can be written again, and names only what is trusted."""
    try:
        with nothing_happens():
            graph = Graph.from_json(text, trusted=("mine",))
    except FormatError as error:
        assert len(str(error)) < 2000
        return
    again = graph.to_json()
    assert Graph.from_json(again, trusted=("mine",)).to_json() == again
    assert not {*named([graph.records, graph.modules])} & {*WORDS[:3]}


def test_the_watch_sees_what_happens(tmp_path):
    with pytest.raises(AssertionError, match="open"), nothing_happens():
        (tmp_path / "file").write_text("")


plain = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 10**30), st.floats(), st.sampled_from(WORDS), st.text(max_size=3)
)
tags = st.sampled_from(TAGS)
mutants = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(tags | st.sampled_from(WORDS), inner, max_size=2),
    max_leaves=5,
)


def slots(data):
    """Every place in JSON data, as a container and a key."""
    for key, item in list(data.items()) if isinstance(data, dict) else enumerate(data):
        yield data, key
        if isinstance(item, dict | list):
            yield from slots(item)


@settings(max_examples=500)
@given(st.data())
def test_changed_data_is_refused_or_understood(data):
    changing = json.loads(TEXT)
    for _ in range(data.draw(st.integers(1, 3))):
        places = list(slots(changing))
        container, key = places[data.draw(st.integers(0, len(places) - 1))]
        how = data.draw(st.sampled_from(["replace", "replace", "drop", "copy", "rename"]))
        if how == "drop":
            del container[key]
        elif how == "rename" and isinstance(container, dict):
            container[data.draw(st.sampled_from([*WORDS, *TAGS]))] = container.pop(key)
        else:
            other, place = places[data.draw(st.integers(0, len(places) - 1))]
            container[key] = json.loads(json.dumps(other[place])) if how == "copy" else data.draw(mutants)
    read(json.dumps(changing))


@settings(max_examples=500)
@given(st.integers(0, len(TEXT)), st.integers(0, 40), st.text(st.sampled_from('{}[]",:0aN.\\- \ud800'), max_size=6))
def test_changed_text_is_refused_or_understood(start, length, replacement):
    read(TEXT[:start] + replacement + TEXT[start + length :])
