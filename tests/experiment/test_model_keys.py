"""Samples have one key if their models are the same to the evaluator, and only then."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch.nn import functional

from retiarii import Experiment, ModelSpace, Mutator, nn
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment.joint import Joint
from retiarii.experiment.keys import key_of
from retiarii.strategies import GridSearch, RegularizedEvolution
from retiarii.strategies.digest import digest
from retiarii.testing import DOMAINS, SampleSpace


class Space(ModelSpace):
    """A space with one module, which has the choices."""

    example_inputs = (torch.zeros(2, 4),)

    def __init__(self, part):
        super().__init__()
        self.part = part

    def forward(self, x):
        return self.part(x)


def keys(space, argument="module", **arguments):
    joint = Joint(space, FunctionalEvaluator(float, argument=argument, **arguments))
    key = key_of(joint)
    return [key(sample) for sample in joint.domain.grid()]


def distinct(space, **options):
    found = keys(space, **options)
    return len({*found}), len(found)


def test_equal_models_have_one_key():
    part = nn.LayerChoice([nn.ReLU(), nn.ReLU(), nn.Tanh()], label="act")
    assert distinct(Space(part)) == (2, 3)
    assert distinct(Space(part), argument="graph") == (2, 3)


def test_a_sample_is_compared_as_it_is_where_the_evaluator_gets_it():
    part = nn.LayerChoice([nn.ReLU(), nn.ReLU()], label="act")
    assert keys(Space(part), argument="sample") == [digest({"act": 0}), digest({"act": 1})]


def test_a_space_without_graphs_has_its_samples_compared():
    space = SampleSpace(DOMAINS["flat"])
    assert keys(space) == [digest(sample) for sample in space.domain.grid()]


@pytest.mark.parametrize(
    "part",
    [
        lambda: nn.Dropout(nn.ValueChoice([0.1, 0.2, 0.3], label="rate")),
        lambda: nn.Sequential(nn.LazyLinear(4), nn.LeakyReLU(nn.ValueChoice([0.1, 0.2, 0.3], label="slope"))),
        lambda: nn.BatchNorm1d(4, momentum=nn.ValueChoice([0.1, 0.2, 0.3], label="momentum")),
        lambda: nn.Linear(4, nn.ValueChoice([1, 2, 3], label="width")),
        lambda: nn.LayerChoice([nn.Linear(4, 4, bias=False), nn.Linear(4, 4), nn.Identity()], label="layer"),
    ],
)
def test_what_makes_a_difference_in_training_alone_makes_one(part):
    assert distinct(Space(part())) == (3, 3)


class Dropped(torch.nn.Module):
    """Drops out by a function."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        return functional.dropout(x, self.rate, self.training)


class Untraceable(torch.nn.Module):
    """A module that stays as it is written, and may hold anything."""

    def __init__(self, held, layer=None):
        super().__init__()
        self.held = held
        self.layer = torch.nn.Identity() if layer is None else layer

    def forward(self, x):
        if x.sum() > 0:
            return self.layer(x)
        return x + 1


def three(label="held"):
    return nn.ValueChoice([1, 2, 3], label=label)


@pytest.mark.filterwarnings("ignore::retiarii.OpaqueWarning")
@pytest.mark.parametrize(
    "part",
    [
        lambda: Dropped(nn.ValueChoice([0.1, 0.2, 0.3], label="rate")),
        lambda: Untraceable(three()),
        lambda: Untraceable(three() * 2 + 1),
        lambda: Untraceable([three(), "text"]),
        lambda: Untraceable({"a": (0, three())}),
        lambda: Untraceable([three(), lambda x: x]),
        lambda: Untraceable(OrderedDict(a=three())),
        lambda: Untraceable(lambda x: x, nn.LayerChoice([nn.Linear(4, 4), nn.ReLU(), nn.Tanh()], label="layer")),
        lambda: Untraceable(0, nn.LayerChoice([nn.Linear(4, 4), nn.ReLU(), nn.Tanh()], label="layer")),
        lambda: Untraceable(0, nn.Repeat(nn.Linear(4, 4), (1, 3), label="depth")),
        lambda: Untraceable(0, nn.Linear(4, three())),
        lambda: Untraceable(0, torch.nn.Sequential(nn.Dropout(nn.ValueChoice([0.1, 0.2, 0.3], label="rate")))),
    ],
)
@pytest.mark.parametrize("argument", ["module", "graph"])
def test_what_is_decided_inside_modules_that_cannot_be_traced_makes_a_difference(part, argument):
    assert distinct(Space(part()), argument=argument) == (3, 3)


class Trained(ModelSpace):
    """Has a loss, a weight of it, and a head, for training alone."""

    example_inputs = (torch.zeros(2, 4),)

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.loss = nn.LayerChoice([nn.MSELoss(), nn.L1Loss()], label="loss")
        self.weight = nn.ValueChoice([0.1, 1.0], label="weight")
        self.head = nn.Linear(4, nn.ValueChoice([2, 3], label="head"))

    def forward(self, x):
        return self.layer(x)


def test_what_forward_does_not_show_makes_a_difference():
    assert distinct(Trained()) == (8, 8)


def started(change):
    layer = nn.Linear(4, 4)
    change(layer)
    return layer


def test_weights_that_start_otherwise_or_are_not_trained_make_a_difference():
    candidates = [
        nn.Linear(4, 4),
        nn.Linear(4, 4),
        started(lambda layer: torch.nn.init.zeros_(layer.weight)),
        started(lambda layer: layer.bias.requires_grad_(False)),
    ]
    assert distinct(Space(nn.LayerChoice(candidates, label="layer"))) == (4, 4)
    part = nn.Sequential(*[nn.LayerChoice(candidates[::2], label=label) for label in "ab"])
    assert distinct(Space(part)) == (4, 4)


class Looking(ModelSpace):
    """A forward that asks what was chosen."""

    example_inputs = (torch.zeros(2, 4),)

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
        self.act = nn.LayerChoice([nn.ReLU(), nn.ReLU()], label="act")
        self.depth = nn.ValueChoice([1, 2, 3], label="depth")

    def forward(self, x):
        for number, layer in enumerate(self.layers):
            if self.depth > number:
                x = self.act(layer(x))
        return x


def test_a_forward_that_asks_what_was_chosen_is_seen_through():
    assert distinct(Looking()) == (3, 6)


class Widen(Mutator):
    def mutate(self, graph):
        (node,) = graph.find(torch.nn.Linear)
        node.update(out_features=self.choice([4, 8, 16]))


def test_decisions_of_mutators_are_seen_in_the_graph():
    space = ModelSpace.from_module(torch.nn.Sequential(torch.nn.Linear(4, 4)), [Widen(label="width")])
    assert distinct(space) == (3, 3)
    act = nn.LayerChoice([nn.ReLU(), nn.ReLU()], label="act")
    space = ModelSpace.from_module(torch.nn.Sequential(torch.nn.Linear(4, 4), act), [Widen(label="width")])
    assert distinct(space) == (3, 6)


class Failing(Mutator):
    fails = False

    def mutate(self, graph):
        if self.choice([0, 1, 2]) > 0 and self.fails:
            raise ZeroDivisionError("in a mutator")


def test_samples_without_a_graph_are_compared_as_they_are(monkeypatch):
    space = ModelSpace.from_module(torch.nn.Sequential(torch.nn.Linear(4, 4)), [Failing(label="number")])
    assert space.size == 3
    monkeypatch.setattr(Failing, "fails", True)
    found = keys(space)
    assert found[1:] == [digest({"number": 1}), digest({"number": 2})]
    assert found[0] != digest({"number": 0})


class Hopeless(ModelSpace):
    def __init__(self):
        super().__init__()
        self.act = nn.LayerChoice([nn.ReLU(), nn.ReLU()], label="act")

    def forward(self, x, y):
        traces.append(1)
        raise ValueError("no forward")


traces = []


def test_a_space_that_cannot_be_traced_is_not_traced_for_every_sample(tmp_path):
    space = Hopeless()
    key = key_of(Joint(space, FunctionalEvaluator(float)))
    assert key({"act": 0}) == digest({"act": 0})
    traces.clear()
    assert key({"act": 1}) == digest({"act": 1})
    assert traces == []
    search = Experiment(space, FunctionalEvaluator(lambda model: model(1, 2)), GridSearch(), directory=tmp_path)
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["failed"] * 2
    assert "no forward" in search.trials[0].error


def test_what_is_decided_of_the_evaluator_makes_a_difference():
    space = Space(nn.LayerChoice([nn.ReLU(), nn.ReLU()], label="act"))
    rates = nn.ValueChoice([0.1, 0.2], label="lr")
    assert distinct(space, lr=rates) == (2, 4)
    assert distinct(space, lr=rates, argument="sample") == (4, 4)


def test_labels_whose_values_look_alike_are_told_apart():
    class Two(ModelSpace):
        example_inputs = (torch.zeros(2, 4),)

        def __init__(self):
            super().__init__()
            self.one = nn.ValueChoice([1, True, 1.0, "1"], label="one")
            self.other = nn.ValueChoice([True, 1], label="other")

        def forward(self, x):
            return x

    assert distinct(Two()) == (8, 8)


def counted(tmp_path, **options):
    part = nn.Sequential(
        nn.LayerChoice([nn.ReLU(), nn.ReLU()], label="one"), nn.LayerChoice([nn.Tanh(), nn.Sigmoid()], label="other")
    )
    search = Experiment(
        Space(part), FunctionalEvaluator(lambda model: 1.0), GridSearch(), directory=tmp_path, name="one", **options
    )
    search.run(progress=False)
    return search


def test_a_search_tries_no_model_twice(tmp_path):
    search = counted(tmp_path)
    assert [trial.sample for trial in search.trials] == [{"one": 0, "other": 0}, {"one": 0, "other": 1}]
    assert [trial.number for trial in search.trials] == [0, 1]


def test_it_does_if_it_is_told_to(tmp_path):
    search = counted(tmp_path, deduplicate=False)
    assert len(search.trials) == 4
    assert search.ending == "the strategy has nothing more to propose: all 4 samples of the space were tried"


def test_tried_models_are_known_when_the_search_goes_on(tmp_path):
    counted(tmp_path, max_trials=1)
    assert len(counted(tmp_path).trials) == 2


def searched(tmp_path, **options):
    layers = [nn.LayerChoice([nn.ReLU(), nn.ReLU(), nn.Tanh(), nn.Identity()], label=f"layer{i}") for i in range(4)]
    evaluator = FunctionalEvaluator(lambda model, bias: float(len(str(model)) % 7 + bias), bias=nn.ValueChoice([0, 1]))
    strategy = RegularizedEvolution(population_size=5, sample_size=3)
    search = Experiment(Space(nn.Sequential(*layers)), evaluator, strategy, directory=tmp_path, seed=4, **options)
    search.run(progress=False)
    return search


def test_a_search_over_models_in_pieces_is_the_same_as_one_in_one(tmp_path):
    whole = searched(tmp_path, name="whole", max_trials=30)
    assert len(whole.trials) == 30
    key = key_of(Joint(whole.space, whole.evaluator))
    assert len({key(trial.sample) for trial in whole.trials}) == 30
    for limit in (3, 4, 17, 30):
        pieces = searched(tmp_path, name="pieces", max_trials=limit)
        assert [trial.sample for trial in pieces.trials] == [trial.sample for trial in whole.trials[:limit]]


def scaled(factor):
    def act(x):
        return x * factor if x.mean() > 0 else x

    return act


class Act(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class WithoutGradient(torch.nn.Module):
    def __init__(self, is_frozen):
        super().__init__()
        self.layer = torch.nn.Linear(4, 4)
        self.is_frozen = is_frozen

    def forward(self, x):
        with torch.set_grad_enabled(not self.is_frozen):
            return self.layer(x)


def frozen(layer):
    return layer.requires_grad_(False)


@pytest.mark.filterwarnings("ignore::retiarii.OpaqueWarning")
@pytest.mark.parametrize(
    "candidates",
    [
        lambda: [Act(scaled(2)), Act(scaled(3))],
        lambda: [WithoutGradient(True), WithoutGradient(False)],
        lambda: [frozen(torch.nn.Sequential(nn.Linear(4, 4))), nn.Linear(4, 4)],
        lambda: [nn.ReLU(), hooked(nn.ReLU())],
    ],
)
def test_candidates_that_only_look_alike_are_different(candidates):
    assert distinct(Space(nn.LayerChoice(candidates(), label="which"))) == (2, 2)


def hooked(module):
    module.register_forward_hook(lambda module, inputs, output: output * 2)
    return module


def test_inputs_may_have_been_made_in_ways_that_a_graph_does_not_show():
    class Net(ModelSpace):
        example_inputs = (torch.zeros(2, 4),)

        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)
            self.which = nn.InputChoice(n_candidates=2, n_chosen=1, label="which")

        def forward(self, x):
            with torch.no_grad():
                fixed = self.layer(x)
            return self.which([self.layer(x), fixed])

    assert distinct(Net()) == (2, 2)


def test_equal_cells_are_found():
    part = nn.NasBench201Cell({"none": lambda *_: nn.Identity(), "conv": nn.Linear, "act": lambda *_: nn.ReLU()}, 4, 4)
    found, samples = distinct(Space(part))
    assert samples == 3**6
    assert found < 0.95 * samples


def test_layers_with_weights_are_different_outside_of_cells():
    trained = nn.Linear(4, 4)
    assert distinct(Space(nn.LayerChoice([trained, nn.Linear(4, 4), nn.Linear(4, 2)], label="layer"))) == (3, 3)


def test_a_choice_that_is_shown_but_decides_more_makes_a_difference():
    class Net(ModelSpace):
        example_inputs = (torch.zeros(2, 4),)

        def __init__(self):
            super().__init__()
            self.a, self.b = (nn.ValueChoice([2, 4], label=label) for label in "ab")
            self.layer = nn.Linear(4, self.a * self.b)
            self.head = nn.Linear(4, self.a)

        def forward(self, x):
            return self.layer(x)

    assert distinct(Net()) == (4, 4)


class Own(torch.nn.Module):
    """An operation as users write them."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = torch.nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


def test_equal_cells_are_found_among_operations_of_ones_own():
    wide, narrow = (lambda *_: Own(nn.Linear(4, 8), nn.Linear(8, 4))), (lambda *_: Own(nn.Linear(4, 4), nn.ReLU()))
    operations = {"none": lambda *_: nn.Identity(), "wide": wide, "narrow": narrow}
    found, samples = distinct(Space(nn.NasBench201Cell(operations, 4, 4)))
    assert samples == 3**6
    assert found < 0.95 * samples
