"""A supernet computes every model of its space, and mixtures of them."""

from __future__ import annotations

import copy
import itertools

import one_shot_primitives as primitives
import pytest
import torch

from retiarii import ModelSpace, nn
from retiarii.errors import SpaceError
from retiarii.strategies.one_shot.architecture import Architecture
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.one_shot.ways import Ways

PRIMITIVES = primitives.PRIMITIVES


def samples(space, count=12):
    if space.size <= count:
        return list(space.grid())
    return [space.random(seed) for seed in range(count)]


@pytest.mark.parametrize("name", PRIMITIVES)
@pytest.mark.parametrize("is_training", [True, False], ids=["train", "eval"])
def test_a_path_is_the_frozen_model_bit_by_bit(name, is_training):
    torch.manual_seed(0)
    space = PRIMITIVES[name]()
    supernet = Supernet(space)
    x = torch.randn(6, primitives.FEATURES)
    for sample in samples(space):
        space.train(is_training)
        model = space.freeze(sample, inherit_weights=True)
        torch.manual_seed(1)
        expected = model(x)
        torch.manual_seed(1)
        with supernet.following(sample):
            found = space(x)
        assert torch.equal(found, expected), sample
        found.square().sum().backward()
        expected.square().sum().backward()
        total = sum(parameter.grad.double().sum() for parameter in model.parameters() if parameter.grad is not None)
        own = sum(parameter.grad.double().sum() for parameter in space.parameters() if parameter.grad is not None)
        torch.testing.assert_close(own, total)
        space.zero_grad()


MULTILINEAR = [
    *("`LayerChoice`", "`LayerChoice` with names", "`LayerChoice` inside a `LayerChoice`", "`InputChoice` of one"),
    *("`InputChoice` of two, their mean", "`InputChoice` of two, concatenated", "`InputChoice` of two, as a list"),
    *("`InputChoice` of any number", "`Repeat`"),
]
"""In these what is weighed goes through linear layers alone, so that a mixture is the expectation of the models."""


def architecture_of(space):
    architecture = Architecture(space.domain)
    for number in architecture.numbers:
        number.data = torch.randn(number.shape, dtype=torch.float64)
    return architecture


def mixture(architecture):
    return {
        label: Ways(values, architecture.probabilities(label), len(values))
        for label, values in architecture.values.items()
    }


def likelihood(architecture, sample):
    total = torch.ones((), dtype=torch.float64)
    for label, value in sample.items():
        place = architecture.values[label].index(tuple(value) if isinstance(value, list) else value)
        total = total * architecture.probabilities(label)[place]
    return total


@pytest.mark.parametrize("name", MULTILINEAR)
def test_a_mixture_is_the_weighted_sum_of_the_models(name):
    torch.manual_seed(0)
    space = PRIMITIVES[name]().double()
    supernet, architecture = Supernet(space), architecture_of(space)
    x = torch.randn(4, primitives.FEATURES, dtype=torch.float64)
    models = [(space.freeze(sample, inherit_weights=True), sample) for sample in space.grid()]
    supernet.engage()
    supernet.decide(mixture(architecture))
    found = space(x)
    expected = sum(model(x) * likelihood(architecture, sample) for model, sample in models)
    torch.testing.assert_close(found, expected)
    targets = torch.randn_like(found)
    numbers = list(architecture.numbers)
    by_mixture = torch.autograd.grad((found * targets).sum(), numbers)
    by_hand = torch.autograd.grad((expected * targets).sum(), numbers)
    for ours, theirs in zip(by_mixture, by_hand, strict=True):
        torch.testing.assert_close(ours, theirs)


WEIGHED = [name for name in PRIMITIVES if name not in ("`NasBench101Cell`", "`InputChoice` of any number, as a list")]
WEIGHED = [name for name in WEIGHED if "looks at" not in name or "layers" in name or "operations" in name]
WEIGHED = [name for name in WEIGHED if name not in ("`ValueChoice` out of a range", "`Repeat` that forward loops over")]


@pytest.mark.parametrize("name", WEIGHED)
def test_gradients_of_a_mixture_are_right(name):
    torch.manual_seed(0)
    space = PRIMITIVES[name]().double().eval()
    supernet, architecture = Supernet(space), architecture_of(space)
    supernet.engage()
    x = torch.randn(3, primitives.FEATURES, dtype=torch.float64)

    def output(*numbers):
        named = dict(zip([name for name, _ in architecture.named_parameters()], numbers, strict=True))
        labels = torch.func.functional_call(Distribution(architecture), named_of(named), ())
        supernet.decide(labels)
        return space(x).sum()

    assert torch.autograd.gradcheck(output, tuple(architecture.numbers), eps=1e-5, atol=1e-4)


class Distribution(torch.nn.Module):
    """The mixture of an architecture, as a module, so that its numbers can be replaced for a call."""

    def __init__(self, architecture):
        super().__init__()
        self.architecture = architecture

    def forward(self):
        return mixture(self.architecture)


def named_of(named):
    return {f"architecture.{name}": value for name, value in named.items()}


def test_each_choice_gets_gradients():
    for name in WEIGHED:
        space = PRIMITIVES[name]().double()
        supernet, architecture = Supernet(space), architecture_of(space)
        supernet.engage()
        supernet.decide(mixture(architecture))
        space(torch.randn(4, primitives.FEATURES, dtype=torch.float64)).square().sum().backward()
        for label, values in architecture.values.items():
            gradient = architecture.number(label).grad
            assert gradient is not None, (name, label)
            assert len(values) == 1 or gradient.abs().sum() > 0, (name, label)


@pytest.mark.parametrize("name", WEIGHED)
def test_of_two_paths_only_the_first_is_trained(name):
    """As ProxylessNAS has it: the second one counts with 0, and its gate gets a gradient all the same."""
    torch.manual_seed(0)
    space = PRIMITIVES[name]().double()
    supernet = Supernet(space)
    x = torch.randn(4, primitives.FEATURES, dtype=torch.float64)
    one, two = space.random(0), space.random(1)
    gates = {label: torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True) for label in space.labels}
    values = {label: [one.get(label, two.get(label)), two.get(label, one.get(label))] for label in space.labels}
    labels = {}
    for label, pair in values.items():
        first, second = [tuple(value) if isinstance(value, list) else value for value in pair]
        if first is None:
            first = second = next(iter(Architecture(space.domain).values[label]))
        labels[label] = Ways((first,), gates[label][:1], 1) if first == second else Ways((first, second), gates[label])
    torch.manual_seed(1)
    with supernet.following(one):
        expected = space(x)
    supernet.engage()
    supernet.decide(labels)
    torch.manual_seed(1)
    found = space(x)
    if name != "`ValueChoice` in `Dropout`":
        torch.testing.assert_close(found, expected)
    found.square().sum().backward()
    assert all(gates[label].grad is not None for label in one)


def test_after_release_a_space_computes_its_default():
    torch.manual_seed(0)
    space = PRIMITIVES["`ValueChoice`s in an expression"]().eval()
    x = torch.randn(4, primitives.FEATURES)
    supernet = Supernet(space)
    expected = space.freeze(space.default(), inherit_weights=True)(x)
    with supernet.following(space.random(3)):
        space(x)
    assert torch.equal(space(x), expected)


def test_a_supernet_can_be_copied_while_it_is_engaged():
    space = PRIMITIVES["`Cell` of loose ends"]()
    supernet, architecture = Supernet(space), architecture_of(space)
    supernet.engage()
    supernet.decide(mixture(architecture))
    sample = space.random(0)
    x = torch.randn(4, primitives.FEATURES)
    frozen = space.freeze(sample, inherit_weights=True)(x)
    twin = copy.deepcopy(space)
    supernet.release()
    assert torch.equal(twin.freeze(sample, inherit_weights=True)(x), frozen)


@pytest.mark.parametrize(
    "name", ["`ValueChoice` that forward looks at", "`ShapedParameter`", "`Repeat` that forward loops over"]
)
def test_an_engaged_space_is_traced_and_frozen_as_it_was_written(name):
    torch.manual_seed(0)
    space = PRIMITIVES[name]()
    supernet = Supernet(space)
    fresh = {repr(sample): PRIMITIVES[name]().graph.apply(sample).fingerprint() for sample in space.grid()}
    x = torch.randn(4, primitives.FEATURES)
    first = next(space.grid())
    with supernet.following(first):
        before = space(x)
        for sample in space.grid():
            assert space.graph.apply(sample).fingerprint() == fresh[repr(sample)]
            model = space.freeze(sample, inherit_weights=True)
            assert torch.equal(space(x), before), "what was decided still is"
            supernet.follow(sample)
            assert torch.equal(space(x), model(x))
            supernet.follow(first)


def test_a_choice_that_is_not_decided_is_an_error():
    space = PRIMITIVES["`LayerChoice`"]()
    Supernet(space).engage()
    with pytest.raises(SpaceError, match=r"the LayerChoice at 'body' \(label 'op'\) runs in a supernet that has not"):
        space(torch.zeros(1, primitives.FEATURES))


def test_candidates_of_different_shapes_cannot_be_weighed():
    class Uneven(ModelSpace):
        def __init__(self):
            super().__init__()
            self.op = nn.LayerChoice([nn.Linear(8, 3), nn.Linear(8, 4)], label="op")

        def forward(self, x):
            return self.op(x)

    space = Uneven()
    supernet = Supernet(space)
    supernet.engage()
    supernet.decide(mixture(architecture_of(space)))
    with pytest.raises(SpaceError, match=r"the LayerChoice at 'op' .* shapes \(2, 3\) and \(2, 4\), .*RandomOneShot"):
        space(torch.zeros(2, 8))


def test_samples_of_a_space_with_mutators_share_nothing():
    class Nothing(ModelSpace):
        def __init__(self):
            super().__init__()
            self.op = nn.LayerChoice([nn.Linear(8, 3), nn.Linear(8, 3)], label="op")

        def forward(self, x):
            return self.op(x)

    space = Nothing()
    space.mutators = (object(),)
    with pytest.raises(SpaceError, match="Nothing has mutators"):
        Supernet(space)


def test_every_path_of_a_cell_runs():
    space = PRIMITIVES["`NasBench101Cell`"]()
    supernet = Supernet(space)
    x = torch.randn(2, primitives.FEATURES)
    for sample in itertools.islice(space.grid(), 40):
        with supernet.following(sample):
            assert space(x).shape == (2, primitives.CLASSES)


def test_one_sample_leaves_nothing_to_the_next():
    torch.manual_seed(0)
    space = PRIMITIVES["`NasBench101Cell`"]()
    supernet = Supernet(space)
    x = torch.randn(2, primitives.FEATURES)
    supernet.engage()
    for seed in range(40):
        sample = space.random(seed)
        supernet.follow(sample)
        assert torch.equal(space(x), space.freeze(sample, inherit_weights=True)(x)), sample


class Read(ModelSpace):
    """As cells do: a plain attribute says whether any operation may take an input."""

    def __init__(self):
        super().__init__()
        self.picks = nn.ModuleList([nn.InputChoice(2, n_chosen=1, label=f"pick{place}") for place in range(2)])
        self.is_read = (self.picks[0].symbol == (1,)) | (self.picks[1].symbol == (1,))
        self.fit, self.head = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x):
        inputs = [x, self.fit(x[:, :4]) if self.is_read else x[:, :4]]
        return self.head(sum(pick(inputs) for pick in self.picks))


def test_of_conditions_that_forward_looks_at_it_counts_whether_any_holds():
    space = Read()
    supernet, architecture = Supernet(space), architecture_of(space)
    x = torch.randn(2, primitives.FEATURES)
    supernet.engage()
    supernet.decide(mixture(architecture))
    assert space(x).shape == (2, 3)
    supernet.follow({"pick0": [0], "pick1": [0]})
    assert space.is_read is False


def test_a_flag_that_forward_looks_at_has_no_value_in_a_mixture():
    space = PRIMITIVES["`ValueChoice` that forward looks at"]()
    supernet, architecture = Supernet(space), architecture_of(space)
    supernet.engage()
    supernet.decide(mixture(architecture))
    with pytest.raises(SpaceError, match=r"the forward looks at is_deep, of which several values count at once"):
        space(torch.randn(2, primitives.FEATURES))
