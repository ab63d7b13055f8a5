"""What users get wrong: each message names the place, and what to do."""

from __future__ import annotations

import warnings

import pytest
import torch

from retiarii import ModelSpace, Mutator, apply_fixed_architecture, nn
from retiarii.errors import (
    ChoiceUsedAsValueError,
    DomainError,
    FormatError,
    GraphError,
    MutationError,
    SampleError,
    SpaceError,
)

X = torch.zeros(2, 4)


class Space(ModelSpace):
    """A space of whatever a function puts in it."""

    def __init__(self, fill=lambda space: None, forward=lambda space, x: space.op(x)):
        super().__init__()
        self.op = nn.LayerChoice([nn.Linear(4, 4), nn.Identity()], label="op")
        self.how = forward
        fill(self)

    def forward(self, x):
        return self.how(self, x)


def put(name, make):
    """A space with one more attribute."""
    return lambda: Space(lambda space: setattr(space, name, make()))


def value(candidates=(8, 16), label="width"):
    return nn.ValueChoice(candidates, label=label)


def linears(count):
    return [nn.Linear(4, 4) for _ in range(count)]


def inside(outer, inner):
    """A choice in a candidate of another."""
    return nn.LayerChoice([nn.ReLU(), nn.LayerChoice([nn.ReLU(), nn.GELU()], label=inner)], label=outer)


class Early(ModelSpace):
    def __init__(self):
        self.op = nn.LayerChoice([nn.ReLU()])


class Never(ModelSpace):
    def __init__(self):
        pass


class AsksTooSoon(ModelSpace):
    def __init__(self):
        super().__init__()
        self.count = self.size


class Unlike(ModelSpace):
    made = 0

    def __init__(self):
        super().__init__()
        Unlike.made += 1
        self.op = nn.LayerChoice(linears(2 + Unlike.made), label="op")

    def forward(self, x):
        return self.op(x)


class Edit(Mutator):
    """A mutator of whatever a function does."""

    def __init__(self, edit, label="edit"):
        super().__init__(label)
        self.edit = edit

    def mutate(self, graph):
        self.edit(self, graph)


class Plain(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


def edited(edit):
    """The mutated graph of a plain model."""
    return lambda: ModelSpace.from_module(Plain(), mutators=[Edit(edit)]).graph.apply({})


def node(graph, scope):
    (found,) = graph.find(scope=scope)
    return found


def forget(mutator, graph):
    del graph.records[node(graph, "first").name]
    graph.touch()


def written(text):
    def apply(path):
        path.write_text(text)
        apply_fixed_architecture(Space(), path)

    return apply


CHOICES = {
    "one label, two choices": (
        put("other", lambda: nn.LayerChoice(linears(3), label="op")),
        SpaceError,
        ["'op'", "LayerChoice at 'op' is one of 0, 1", "LayerChoice at 'other' is one of 0, 1, 2", "different labels"],
    ),
    "one label, a module and a value": (
        put("other", lambda: nn.Linear(4, value((1, 2), "op"))),
        SpaceError,
        ["'op'", "at 'op'", "ValueChoice at 'other.out_features'", "different labels"],
    ),
    "no candidates": (
        lambda: nn.LayerChoice([], label="op"),
        SpaceError,
        ["LayerChoice 'op'", "no candidates", "at least one"],
    ),
    "no values": (
        lambda: nn.ValueChoice([], label="width"),
        SpaceError,
        ["ValueChoice 'width'", "no candidates", "at least one"],
    ),
    "a text for a list": (
        lambda: nn.ValueChoice("relu", label="act"),
        SpaceError,
        ["'act'", "list of values", "'relu'"],
    ),
    "one value twice": (lambda: value((8, 8)), DomainError, ["'width'", "8 twice", "remove one"]),
    "a value that JSON lacks": (lambda: value((nn.ReLU, nn.GELU)), DomainError, ["'width'", "ReLU", "strings"]),
    "a class for a module": (
        lambda: nn.LayerChoice([nn.ReLU, nn.GELU()], label="act"),
        SpaceError,
        ["candidate 0", "LayerChoice 'act'", "make one, ReLU(...)"],
    ),
    "a function for a module": (
        lambda: nn.LayerChoice([torch.relu], label="act"),
        SpaceError,
        ["candidate 0", "'act'", "give a module"],
    ),
    "a dot in a key": (
        lambda: nn.LayerChoice({"conv.3": nn.ReLU()}, label="op"),
        SpaceError,
        ["'op'", "'conv.3'", "no dot"],
    ),
    "a number for a key": (lambda: nn.LayerChoice({3: nn.ReLU()}, label="op"), SpaceError, ["'op'", "3", "a text"]),
    "more than there are": (
        lambda: nn.InputChoice(2, n_chosen=3, label="skip"),
        SpaceError,
        ["InputChoice 'skip'", "n_chosen=3 of 2", "1 to 2"],
    ),
    "none of them": (
        lambda: nn.InputChoice(2, n_chosen=0, label="skip"),
        SpaceError,
        ["'skip'", "n_chosen=0", "None for any number"],
    ),
    "nothing to choose from": (
        lambda: nn.InputChoice(label="skip"),
        SpaceError,
        ["InputChoice 'skip'", "n_candidates", "from 1 on"],
    ),
    "two numbers of inputs": (
        lambda: nn.InputChoice(2, ["a"], label="skip"),
        SpaceError,
        ["'skip'", "n_candidates=2", "names 1", "give one"],
    ),
    "an unknown reduction": (
        lambda: nn.InputChoice(2, reduction="max", label="skip"),
        SpaceError,
        ["'skip'", "'max'", "sum, mean, concat, none"],
    ),
    "two labels": (
        lambda: nn.LayerChoice([nn.ReLU()], label="op", key="mix"),
        SpaceError,
        ["'op'", "'mix'", "the same", "give one"],
    ),
    "two counts": (
        lambda: nn.InputChoice(2, n_chosen=1, n_selected=2, label="skip"),
        SpaceError,
        ["'skip'", "n_chosen=1", "n_selected=2", "give one"],
    ),
    "a label that is no text": (
        lambda: nn.ReLU() and nn.LayerChoice([nn.ReLU()], label=3),
        SpaceError,
        ["LayerChoice", "3", "text"],
    ),
    "too few blocks": (
        lambda: nn.Repeat(linears(2), (1, 3), label="depth"),
        SpaceError,
        ["Repeat 'depth'", "3 deep", "2 blocks", "one for each place"],
    ),
    "a negative depth": (lambda: nn.Repeat(nn.ReLU(), -1, label="depth"), SpaceError, ["'depth'", "-1", "from 0 on"]),
    "a depth upside down": (
        lambda: nn.Repeat(nn.ReLU(), (3, 1), label="depth"),
        SpaceError,
        ["'depth'", "(3, 1)", "(low, high)"],
    ),
    "a broken depth": (
        lambda: nn.Repeat(nn.ReLU(), value((1, 2)) / 2),
        SpaceError,
        ["Repeat", "width / 2", "0.5", "from 0 on"],
    ),
    "a depth without end": (
        lambda: nn.Repeat(nn.ReLU(), nn.ValueChoice.uniform(0, 3, label="d")),
        SpaceError,
        ["Repeat", "d", "whole numbers"],
    ),
    "two labels of a depth": (
        lambda: nn.Repeat(nn.ReLU(), value((1, 2)), label="depth"),
        SpaceError,
        ["'depth'", "width", "give one label"],
    ),
    "nothing to repeat": (lambda: nn.Repeat(3, 2, label="depth"), SpaceError, ["'depth'", "3", "give a module"]),
    "a factory that forgets": (
        lambda: nn.Repeat(lambda index: None, 2, label="depth"),
        SpaceError,
        ["block 0", "'depth'", "None", "return"],
    ),
    "a range upside down": (
        lambda: nn.ValueChoice.randint(5, 1, label="width"),
        DomainError,
        ["'width'", "low=5", "high=1", "low < high"],
    ),
    "an unknown argument": (
        lambda: nn.Linear(4, out=value()),
        SpaceError,
        ["nn.Linear", "out", "unexpected keyword", "'width': 8"],
    ),
    "too many arguments": (
        lambda: nn.Linear(4, value(), True, 3),
        SpaceError,
        ["nn.Linear takes 3 arguments", "in_features", "got 4"],
    ),
    "a loop over a width": (lambda: range(value()), ChoiceUsedAsValueError, ["'width'", "not decided", "argument"]),
    "a branch on a width": (lambda: 1 if value() > 8 else 2, ChoiceUsedAsValueError, ["width > 8", "condition"]),
}

SPACES = {
    "a choice in a plain list": (
        put("ops", lambda: [nn.LayerChoice([nn.ReLU()], label="act")]),
        SpaceError,
        ["ops is a plain list", "LayerChoice 'act'", "nn.ModuleList"],
    ),
    "a choice deep in a plain dict": (
        put("ops", lambda: {"a": nn.Sequential(nn.Linear(4, value()))}),
        SpaceError,
        ["ops is a plain dict", "Linear", "nn.ModuleDict"],
    ),
    "the name of a method": (put("freeze", nn.ReLU), SpaceError, ["Space.freeze", "another name"]),
    "the name of an attribute": (put("mutators", nn.ReLU), SpaceError, ["Space.mutators", "another name"]),
    "a module too early": (Early, SpaceError, ["Early.op", "super().__init__()", "first"]),
    "no super": (Never, SpaceError, ["Never.__init__", "super().__init__()"]),
    "asked too early": (AsksTooSoon, SpaceError, ["AsksTooSoon", "__init__ has ended"]),
    "a circle": (
        put("other", lambda: nn.LayerChoice([inside("a", "b"), inside("b", "a")], label="other")),
        SpaceError,
        ["circle", "'a'", "'b'", "label of its own"],
    ),
    "a choice made in forward": (
        lambda: Space(forward=lambda space, x: nn.LayerChoice([nn.ReLU()], label="late")(x))(X),
        SpaceError,
        ["LayerChoice", "'late'", "in forward", "__init__"],
    ),
    "a choice made in forward, seen while it is traced": (
        lambda: Space(forward=lambda space, x: nn.LayerChoice([nn.ReLU()], label="late")(x)).graph,
        SpaceError,
        ["LayerChoice", "'late'", "in forward", "__init__"],
    ),
    "a value made in forward": (
        lambda: Space(forward=lambda space, x: x * value())(X),
        SpaceError,
        ["ValueChoice", "'width'", "__init__"],
    ),
    "too few inputs": (
        lambda: Space(
            lambda space: setattr(space, "skip", nn.InputChoice(2, label="skip")),
            lambda space, x: space.skip([x]),
        )(X),
        SpaceError,
        ["InputChoice 'skip'", "from 2 inputs", "got 1"],
    ),
    "changed after it was made": (
        lambda: changed(Space()).freeze({"op": 0}),
        SpaceError,
        ["Space", "'extra'", "__init__", "inherit_weights=True"],
    ),
    "another each time": (lambda: Unlike().freeze({"op": 0}), SpaceError, ["Unlike", "'op", "each time"]),
    "made of what can't be copied": (
        lambda: Space(forward=(how for how in [])).freeze({"op": 0}),
        SpaceError,
        ["Space", "can't be copied", "inherit_weights=True"],
    ),
}


def changed(space):
    space.extra = nn.ReLU()
    return space


SAMPLES = {
    "an unknown label": ({"op": 0, "opp": 1}, ["'opp'", "nearest", "'op'"]),
    "a missing label": ({}, ["'op'", "one of 0, 1"]),
    "a value that is no candidate": ({"op": 2}, ["'op' is 2", "one of 0, 1"]),
    "a value of another type": ({"op": "0"}, ["'op' is '0' (str)", "one of 0, 1"]),
    "a flag for a number": ({"op": True}, ["'op' is True (bool)", "one of 0, 1"]),
    "a sample of another space": ({"width": 8}, ["'width'", "the labels are 'op'"]),
}

REWRITES = {
    "a cycle": (
        edited(lambda mutator, graph: graph.connect(node(graph, "second"), node(graph, "first"))),
        MutationError,
        ["'edit'", "cycle", "'first'", "'second'"],
    ),
    "a node that is gone": (edited(forget), MutationError, ["'edit'", "'relu'", "'first'"]),
    "an output cut off": (
        edited(lambda mutator, graph: graph.connect(graph.add(torch.zeros, 2), graph.output)),
        MutationError,
        ["'edit'", "output", "(x)"],
    ),
    "an unknown argument": (
        edited(lambda mutator, graph: node(graph, "first").update(width=3)),
        MutationError,
        ["'edit'", "'first'", "'width'", "out_features"],
    ),
    "no layer to update": (
        edited(lambda mutator, graph: graph.find(op=torch.relu)[0].update(inplace=True)),
        MutationError,
        ["'edit'", "'relu'", "no layer"],
    ),
    "no such edge": (
        edited(lambda mutator, graph: graph.insert_on((node(graph, "first"), graph.output), nn.ReLU)),
        MutationError,
        ["'edit'", "'output'", "'first'", "no such edge"],
    ),
    "no such node": (edited(lambda mutator, graph: graph["third"]), MutationError, ["'edit'", "'third'"]),
    "a layer without its arguments": (
        edited(lambda mutator, graph: node(graph, "first").replace(nn.Linear)),
        MutationError,
        ["'edit'", "Linear", "give"],
    ),
    "a choice from nothing": (
        edited(lambda mutator, graph: mutator.choice([])),
        MutationError,
        ["'edit'", "no candidates", "at least one"],
    ),
    "a choice outside mutate": (
        lambda: Edit(lambda mutator, graph: None).choice([1, 2]),
        MutationError,
        ["'edit'", "outside mutate()"],
    ),
    "two mutators of one label": (
        lambda: ModelSpace.from_module(Plain(), [Edit(lambda m, g: m.choice([1, 2])), Edit(lambda m, g: None)]).size,
        SpaceError,
        ["'edit'", "label of its own"],
    ),
    "the label of a choice": (
        lambda: ModelSpace.from_module(Space(), [Edit(lambda m, g: m.choice([1, 2]), label="op")]).size,
        SpaceError,
        ["'op'", "mutator and the model", "another label"],
    ),
    "a graph rewritten by hand": (
        lambda: by_hand().apply({"op": 0, "skip": []}),
        GraphError,
        ["by hand", "skip", "Mutator"],
    ),
}


def by_hand():
    space = Space(
        lambda space: setattr(space, "skip", nn.InputChoice(1, label="skip")),
        lambda space, x: space.op(x) if space.skip([x]) is None else space.op(x) + x,
    )
    graph = space.graph
    graph.find(op=nn.Linear)[0].update(bias=False)
    return graph


FILES = {
    "no JSON": ("{op: 0}", FormatError, ["architecture.json", "no JSON"]),
    "no object": ("[0]", FormatError, ["architecture.json", "list", "label to value"]),
    "an unknown label": ('{"op": 0, "other": 1}', SampleError, ["'other'", "'op'"]),
    "a missing label": ("{}", SampleError, ["'op'", "0, 1"]),
    "two flags": ('{"op": [true, true]}', SampleError, ["'op'", "0, 1"]),
    "an unknown name": ('{"op": "conv9"}', SampleError, ["'op'", "conv9", "0, 1"]),
}


def assert_says(caught, words):
    message = str(caught.value)
    missing = [word for word in words if word not in message]
    assert not missing, f"{missing} not in: {message}"


def rows(table):
    return pytest.mark.parametrize(("make", "kind", "words"), table.values(), ids=list(table))


@rows({**CHOICES, **SPACES, **REWRITES})
def test_mistakes_in_spaces_and_mutators(make, kind, words):
    with warnings.catch_warnings(), pytest.raises(kind) as caught:
        make()
    assert_says(caught, words)


@pytest.mark.parametrize(("sample", "words"), SAMPLES.values(), ids=list(SAMPLES))
@pytest.mark.parametrize(
    "use",
    [lambda space, sample: space.validate(sample), ModelSpace.freeze, lambda space, sample: space.graph.apply(sample)],
    ids=["validate", "freeze", "apply"],
)
def test_mistakes_in_samples(use, sample, words):
    space = Space()
    assert not space.contains(sample)
    with pytest.raises(SampleError) as caught:
        use(space, sample)
    assert_says(caught, words)


@rows(FILES)
def test_mistakes_in_files(make, kind, words, tmp_path):
    path = tmp_path / "architecture.json"
    path.write_text(make)
    with pytest.raises(kind) as caught:
        apply_fixed_architecture(Space(), path)
    assert_says(caught, words)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        apply_fixed_architecture(Space(), tmp_path / "nowhere.json")


def test_an_error_of_a_mutator_keeps_its_type_and_names_the_mutator():
    with pytest.raises(IndexError) as caught:
        edited(lambda mutator, graph: graph.find(op=nn.Conv2d)[0])()
    assert "'edit'" in caught.value.__notes__[0]
