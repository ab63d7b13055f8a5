from __future__ import annotations

import copy
import pickle
import types

import pytest
import torch
from agreement import assert_plain, assert_same, run_code
from torch import nn

import retiarii.nn
from retiarii import ModelSpace, Mutator
from retiarii.errors import SampleError, SpaceError

X = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.body = nn.Conv2d(8, 8, 3, padding=1)
        self.act = nn.ReLU()
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = self.act(self.body(self.act(self.stem(x))))
        return self.head(x.mean((2, 3)))


class Chosen(ModelSpace):
    """A space whose own choices say how many convolutions there are."""

    def __init__(self, most=2):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 1)
        self.body = retiarii.nn.Repeat(lambda index: nn.Conv2d(8, 8, 3, padding=1), (1, most), label="depth")
        self.skip = retiarii.nn.InputChoice(1)
        self.act = retiarii.nn.LayerChoice({"relu": nn.ReLU(), "conv": nn.Conv2d(8, 8, 3, padding=1)}, label="act")

    def forward(self, x):
        x = self.stem(x)
        y = self.skip([x])
        x = self.act(self.body(x))
        return x if y is None else x + y


class Kernel(Mutator):
    """One kernel size for all convolutions that keep their width."""

    def mutate(self, graph):
        size = self.choice([1, 3, 5])
        for node in graph.find(op=nn.Conv2d, where=keeps_width):
            node.update(kernel_size=size, padding=size // 2)


class Kernels(Mutator):
    """A kernel size for each of them."""

    def mutate(self, graph):
        for node in graph.find(op=nn.Conv2d, where=keeps_width):
            size = self.choice([1, 3])
            node.update(kernel_size=size, padding=size // 2)


class Activation(Mutator):
    def mutate(self, graph):
        op = self.choice([nn.ReLU, nn.GELU, nn.SiLU])
        for node in graph.find(op=nn.ReLU):
            node.replace(op)


class Deepen(Mutator):
    def mutate(self, graph):
        (node,) = graph.find(scope="body")
        for _ in range(self.choice([0, 1, 2])):
            node = graph.insert_after(node, nn.Conv2d(8, 8, 1) if self.choice([True, False]) else nn.BatchNorm2d(8))


class Normalized(Mutator):
    """A norm, or none, after every convolution there is."""

    def mutate(self, graph):
        for node in graph.find(op=nn.Conv2d):
            if self.choice([False, True]):
                graph.insert_after(node, nn.BatchNorm2d(node.parameters["out_channels"]))


class Surgery(Mutator):
    """Every way of rewriting."""

    def mutate(self, graph):
        (stem,), (body,), (head,) = (graph.find(scope=scope) for scope in ("stem", "body", "head"))
        (relu, _) = graph.find(op=nn.ReLU)
        match self.choice(["before", "on", "around", "remove", "function", "method"]):
            case "before":
                graph.insert_before(head, nn.Dropout(0.5))
            case "on":
                graph.insert_on((relu, body), nn.BatchNorm2d, num_features=8)
            case "around":
                user = body.users[0]
                graph.connect(graph.add(torch.add, body, stem), user)
            case "remove":
                graph.remove(body)
            case "function":
                body.replace(torch.tanh)
            case "method":
                body.replace("square")


def keeps_width(node):
    return node.parameters["in_channels"] == node.parameters["out_channels"]


def assert_agree(space, sample, x=X):
    model, graph = space.freeze(sample), space.graph.apply(sample)
    assert_plain(model)
    assert_same(model, graph.to_module(), x)
    assert_same(model, run_code(graph.to_code()), x)
    return graph


@pytest.mark.parametrize("seed", range(5))
def test_models_of_mutators_agree_in_all_forms(seed):
    space = ModelSpace.from_module(Plain(), [Kernel("kernel"), Activation("act"), Deepen("deepen"), Normalized("norm")])
    assert_agree(space, space.random(seed=seed))


def test_one_choice_has_the_label_of_its_mutator_and_several_are_numbered():
    space = ModelSpace.from_module(Plain(), [Kernel("kernel"), Normalized(), Activation("act")])
    assert space.labels == ("kernel", "Normalized/0", "Normalized/1", "act")
    assert space.size == 3 * 4 * 3 == len(list(space.grid()))
    assert space.default() == {"kernel": 1, "Normalized/0": False, "Normalized/1": False, "act": 0}


def test_choices_that_depend_on_earlier_ones_are_active_under_them():
    space = ModelSpace.from_module(Plain(), [Deepen("deepen")])
    assert space.size == 1 + 2 + 4
    assert list(space.grid())[:3] == [
        {"deepen/0": 0},
        {"deepen/0": 1, "deepen/1": True},
        {"deepen/0": 1, "deepen/1": False},
    ]
    assert len({space.graph.apply(sample).fingerprint() for sample in space.grid()}) == 7
    with pytest.raises(SampleError, match="deepen/2"):
        space.freeze({"deepen/0": 2, "deepen/1": True})


def test_a_mutator_may_depend_on_what_another_one_did():
    space = ModelSpace.from_module(Plain(), [Deepen("deepen"), Kernels("kernels")])
    samples = list(space.grid())
    convolutions = [1 + sum(sample.get(f"deepen/{index}") is True for index in (1, 2)) for sample in samples]
    kernels = [sum(label.startswith("kernels") for label in sample) for sample in samples]
    assert kernels == convolutions
    assert len(samples) == space.size == sum(2**count for count in (1, 2, 1, 3, 2, 2, 1))
    for seed in range(5):
        assert_agree(space, space.random(seed=seed))


def test_a_mutator_may_depend_on_choices_of_the_model():
    space = ModelSpace.from_module(Chosen(), [Kernels("kernels")])
    assert space.labels[:3] == ("depth", "skip", "act")
    ways = {(depth, act): 2 ** (depth + (act == "conv")) for depth in (1, 2) for act in ("relu", "conv")}
    assert space.size == 2 * sum(ways.values()) == len(list(space.grid()))
    assert not space.contains({"depth": 1, "skip": [], "act": "relu", "kernels/0": 1, "kernels/9": 3})
    for seed in range(6):
        assert_agree(space, space.random(seed=seed))


def test_so_it_may_where_there_are_too_many_models_to_try_all():
    class Larger(ModelSpace):
        def __init__(self):
            super().__init__()
            self.chosen = Chosen(3)
            acts = [retiarii.nn.LayerChoice([nn.ReLU(), nn.Tanh(), nn.GELU()], label=f"act{i}") for i in range(6)]
            self.acts = nn.Sequential(*acts)

        def forward(self, x):
            return self.acts(self.chosen(x))

    space = ModelSpace.from_module(Larger(), [Kernels("kernels"), Activation("relu")])
    ways = sum(2 ** (depth + conv) for depth in (1, 2, 3) for conv in (0, 1))
    assert space.size == 3**6 * 2 * ways * 3
    for seed in range(8):
        sample = space.random(seed=seed)
        assert_agree(space, sample)


@pytest.mark.parametrize("way", range(6))
def test_every_way_of_rewriting(way):
    space = ModelSpace.from_module(Plain(), [Surgery("surgery")])
    before = space.graph.to_json()
    samples = list(space.grid())
    assert_agree(space, samples[way])
    assert len({space.graph.apply(sample).fingerprint() for sample in samples}) == len(samples) == 6
    assert space.graph.to_json() == before


def test_the_model_stays_as_it_is():
    model = Plain()
    space = ModelSpace.from_module(model, [Deepen()])
    weights = copy.deepcopy(model.state_dict())
    space.freeze(space.random(seed=3))(X)
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())
    assert torch.equal(space(X), model(X))
    assert {"space", "domain"}.isdisjoint(vars(model))


def test_weights_are_inherited_where_they_fit():
    model = Plain().eval()
    space = ModelSpace.from_module(model, [Kernel("kernel"), Activation("act")]).eval()
    frozen = space.freeze({"kernel": 3, "act": 0}, inherit_weights=True)
    assert torch.equal(frozen(X), model(X))
    wider = space.freeze({"kernel": 5, "act": 0}, inherit_weights=True)
    assert torch.equal(wider.stem.weight, model.stem.weight)
    assert wider.body.weight.shape == (8, 8, 5, 5)


def test_a_space_brings_its_labels_and_its_mutators():
    first = ModelSpace.from_module(Chosen(), [Activation("act2")])
    second = ModelSpace.from_module(first, [Kernel("kernel")])
    assert second.labels == (*Chosen().labels, "act2", "kernel")
    sample = second.random(seed=1)
    assert_agree(second, sample)


def test_a_class_may_bring_mutators():
    class Own(Chosen):
        mutators = (Kernel("kernel"),)

    space = Own(3)
    assert space.size == 3 * 2 * 2 * 3
    assert_agree(space, space.random(seed=0))


def test_copies_know_the_same():
    space = ModelSpace.from_module(Chosen(), [Kernels("kernels")])
    sample = space.random(seed=4)
    for twin in (copy.deepcopy(space), pickle.loads(pickle.dumps(space))):  # noqa: S301
        assert twin.domain == space.domain
        assert twin.graph.apply(sample).fingerprint() == space.graph.apply(sample).fingerprint()


def test_candidates_that_are_values_are_themselves_and_others_their_index():
    seen = types.SimpleNamespace()

    class Ask(Mutator):
        def mutate(self, graph):
            seen.picked = [
                self.choice(c) for c in ([1, "a", None, (2, 3)], [nn.ReLU, 3], [[1], [2]], [4, 4], [True, 1])
            ]

    space = ModelSpace.from_module(Plain(), [Ask("ask")])
    assert [choice.candidates for choice in space.domain.choices.values()] == [
        (1, "a", None, (2, 3)),
        (0, 1),
        (0, 1),
        (0, 1),
        (True, 1),
    ]
    space.graph.apply({"ask/0": (2, 3), "ask/1": 1, "ask/2": 0, "ask/3": 1, "ask/4": 1})
    assert seen.picked == [(2, 3), 3, [1], 4, 1]
    assert type(seen.picked[4]) is int
    space.graph.apply({**space.default(), "ask/4": True})
    assert seen.picked[4] is True


def test_too_many_ways_are_refused():
    class Endless(Mutator):
        def mutate(self, graph):
            total = 0
            for _ in range(40):
                total += self.choice(list(range(2 + total % 2)))

    space = ModelSpace.from_module(Plain(), [Endless("endless")])
    with pytest.raises(SpaceError, match="'endless' depend on one another in more than 4096 ways; split"):
        space.size  # noqa: B018


def test_the_order_of_mutators_is_that_of_the_list():
    class First(Mutator):
        def mutate(self, graph):
            graph.insert_after(graph.find(scope="body")[0], nn.ReLU())

    def count(mutators):
        graph = ModelSpace.from_module(Plain(), mutators).graph.apply({"Activation": 1})
        return len(graph.find(op=nn.GELU))

    assert (count([First(), Activation()]), count([Activation(), First()])) == (3, 2)
