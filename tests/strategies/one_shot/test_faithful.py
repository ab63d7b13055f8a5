"""A mixture with all weight on one model has to be that model; where it can not be, the first step says so."""

from __future__ import annotations

import one_shot_primitives as primitives
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from retiarii import Experiment, ModelSpace, nn
from retiarii.errors import SpaceError
from retiarii.evaluators import Classification
from retiarii.strategies import DARTS, GDAS, GumbelDARTS, Proxyless
from retiarii.strategies.one_shot.architecture import Architecture
from retiarii.strategies.one_shot.faithful import check_mixtures
from retiarii.strategies.one_shot.supernet import Supernet


class Wide(ModelSpace):
    """Two layers of searched width, and something that joins them."""

    share = 2

    def __init__(self):
        super().__init__()
        self.width = nn.ValueChoice([4, 8], label="width")
        self.act = nn.LayerChoice([nn.ReLU(), nn.Tanh()], label="act")
        self.one, self.two = nn.Linear(8, self.width), nn.Linear(8, self.width)
        self.head = nn.Linear(self.share * self.width, 3)

    def forward(self, x):
        return self.head(self.joined(self.one(x), self.act(self.two(x))))

    def joined(self, one, two):
        return torch.cat([one, two], 1)


class Softmax(Wide):
    share = 1

    def joined(self, one, two):
        return (one + two).softmax(1)


class Sum(Wide):
    share = 1

    def joined(self, one, two):
        return torch.relu(one) * two


class Flag(Wide):
    """A plain attribute that is no superset: with it the model is another one."""

    share = 1

    def __init__(self):
        super().__init__()
        self.is_shifted = self.act.symbol == 1

    def joined(self, one, two):
        return one + two + 5 if self.is_shifted else one + two


def run(strategy, space, tmp_path):
    x = torch.randn(32, 8, generator=torch.Generator().manual_seed(0))
    loader = DataLoader(TensorDataset(x, (x.sum(1) > 0).long()), 16)
    evaluator = Classification(num_classes=3, max_epochs=1, train_dataloaders=loader, val_dataloaders=loader)
    experiment = Experiment(space, evaluator, strategy, seed=0, directory=tmp_path)
    experiment.run(progress=False)
    return experiment.best


@pytest.mark.parametrize("strategy", [DARTS, GumbelDARTS, Proxyless])
def test_what_is_not_computed_channel_by_channel_is_refused(strategy, tmp_path):
    with pytest.raises(SpaceError, match=rf"{strategy.__name__} can't search the choice 'width': with width=4 .*GDAS"):
        run(strategy(), Wide(), tmp_path)


def test_methods_that_take_one_value_at_a_time_search_it(tmp_path):
    assert run(GDAS(), Wide(), tmp_path) is not None


def test_so_is_a_softmax_over_channels(tmp_path):
    with pytest.raises(SpaceError, match="'width'"):
        run(DARTS(), Softmax(), tmp_path)


def test_so_is_a_condition_that_changes_the_model(tmp_path):
    with pytest.raises(SpaceError, match="'act'"):
        run(DARTS(), Flag(), tmp_path)


def test_what_is_computed_channel_by_channel_is_searched(tmp_path):
    assert run(DARTS(), Sum(), tmp_path) is not None


def test_the_check_leaves_no_trace():
    torch.manual_seed(0)
    space = primitives.PRIMITIVES["`ValueChoice`s in an expression"]()
    supernet, architecture = Supernet(space), Architecture(space.domain)
    supernet.engage()
    before = {name: value.clone() for name, value in space.state_dict().items()}
    state = torch.get_rng_state()
    x = torch.randn(4, primitives.FEATURES, generator=torch.Generator().manual_seed(0))
    check_mixtures(supernet, architecture, "DARTS", lambda: space(x))
    assert torch.equal(torch.get_rng_state(), state)
    assert space.training
    assert not space._forward_hooks
    assert all(torch.equal(before[name], value) for name, value in space.state_dict().items())
