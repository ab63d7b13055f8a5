"""A supernet trained on random paths: each step is the path's own, the fair order is fair, and the best is found."""

from __future__ import annotations

import one_shot_task as task
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from retiarii import Experiment, ModelSpace, nn
from retiarii.domain import Categorical, Domain, Numeric, Predicate, Subset, Symbol
from retiarii.errors import ExperimentError
from retiarii.evaluators import Classification, Lightning
from retiarii.one_shot import Session
from retiarii.strategies import SPOS, GridSearch, RandomOneShot
from retiarii.strategies.one_shot.fair_order import FairOrder
from retiarii.strategies.one_shot.supernet import Supernet


class Space(ModelSpace):
    """Two choices of layers, one of them of fewer, and one of width."""

    def __init__(self, limit=None):
        super().__init__()
        width = nn.ValueChoice([4, 6], label="width")
        self.first = nn.LayerChoice([nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8)], label="first")
        self.second = nn.LayerChoice([nn.Linear(8, 8), nn.Tanh()], label="second")
        self.body = nn.Sequential(nn.Linear(8, width), nn.BatchNorm1d(width), nn.ReLU())
        self.head = nn.Linear(width, 3)
        if limit is not None:
            self.constrain(self.first.symbol + self.second.symbol <= limit)

    def forward(self, x):
        return self.head(self.body(self.second(self.first(x))))


def loader(count=48, batch=12):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, 8, generator=generator)
    return DataLoader(TensorDataset(x, torch.randint(3, (count,), generator=generator)), batch, shuffle=True)


def evaluator(epochs=2, **arguments):
    data = {"train_dataloaders": loader(), "val_dataloaders": loader()}
    return Classification(num_classes=3, max_epochs=epochs, **{"learning_rate": 0.05, **data, **arguments})


def session(folder, scorer, seed=3, **arguments):
    return Session(seed=seed, folder=folder, objectives=scorer.objectives, **arguments)


class Noting(pl.Callback):
    """Notes the weights at the beginning, and then the batches and the samples that they train."""

    def __init__(self):
        self.batches, self.samples, self.start = [], [], {}

    def on_fit_start(self, trainer, pl_module):
        space = pl_module.supernet.space
        self.start = {name: value.clone() for name, value in space.state_dict().items()}
        follow = pl_module.supernet.follow

        def followed(sample):
            if trainer.training and not (self.samples and self.samples[-1] is sample):
                self.samples.append(sample)
            follow(sample)

        pl_module.supernet.follow = followed

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.batches.append([part.clone() for part in batch])


def by_hand(noting, paths, rate, clip=None):
    """The weights after plain steps of SGD, each of which trains `paths` of the noted samples with one batch."""
    space = Space()
    supernet = Supernet(space)
    space.load_state_dict(noting.start)
    samples = iter(noting.samples)
    for x, y in noting.batches:
        space.zero_grad()
        for _ in range(paths):
            with supernet.following(next(samples)):
                functional.cross_entropy(space(x), y).backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(space.parameters(), clip)
        torch.optim.SGD(space.parameters(), rate).step()
    assert next(samples, None) is None
    return space.state_dict()


@pytest.mark.parametrize(("order", "paths"), [("uniform", 1), ("fair", 3)])
def test_training_is_plain_steps_on_the_paths(order, paths, tmp_path):
    noting, space = Noting(), Space()
    sgd = {"optimizer": torch.optim.SGD, "gradient_clip_val": 0.5}
    scorer = evaluator(callbacks=[noting], **sgd)
    RandomOneShot(order=order).train(space, scorer, session(tmp_path, scorer))
    assert len(noting.batches) == 8
    for name, value in by_hand(noting, paths, rate=0.05, clip=0.5).items():
        torch.testing.assert_close(space.state_dict()[name], value)


def test_parameters_off_the_path_have_no_gradients_and_stay(tmp_path):
    seen = []

    class Looking(pl.Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            sample = pl_module.drawn(0, len(seen) % 4)
            space = pl_module.supernet.space
            seen.append(sample["first"])
            for key, candidate in space.first.candidates.items():
                grads = [parameter.grad is not None for parameter in candidate.parameters()]
                assert all(grads) if key == sample["first"] else not any(grads)

    scorer = evaluator(callbacks=[Looking()])
    RandomOneShot().train(Space(), scorer, session(tmp_path, scorer))
    assert len(set(seen)) > 1


def test_samples_keep_constraints_and_accumulated_gradients_are_of_several(tmp_path):
    noting, space = Noting(), Space(limit=1)
    scorer = evaluator(3, callbacks=[noting], accumulate_grad_batches=2)
    trained = RandomOneShot().train(space, scorer, session(tmp_path, scorer))
    assert len(noting.samples) == 12
    assert all(space.contains(sample) for sample in noting.samples)
    assert len({str(sample) for sample in noting.samples}) > 3
    trained.strategy.bind(space.domain, scorer.objectives, 0)
    assert space.contains(trained.strategy.ask())


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4), rounds=st.integers(1, 8), seed=st.integers(0, 99))
def test_the_fair_order_trains_every_candidate_as_often(sizes, rounds, seed):
    domain = Domain([Categorical(f"c{place}", tuple(range(size))) for place, size in enumerate(sizes)])
    order = FairOrder(domain, seed)
    assert order.paths == max(sizes)
    dealt = [sample for _ in range(rounds) for sample in order.deal()]
    for label, choice in domain.choices.items():
        counts = [sum(sample[label] == value for sample in dealt) for value in choice.values()]
        assert counts == order.counts()[label].tolist()
        assert max(counts) - min(counts) <= (order.paths * rounds % choice.size > 0)


def test_the_fair_order_gives_each_candidate_its_turn_where_it_is_active():
    choices = [
        Categorical("outer", ("inner", "none")),
        Categorical("inner", (0, 1, 2)),
        Subset("inputs", 3, 1, 1),
        Numeric("rate", 0.0, 1.0),
    ]
    domain = Domain(choices, {"inner": ((Symbol("outer") == "inner",),)})
    order = FairOrder(domain, 0)
    dealt = [sample for _ in range(6) for sample in order.deal()]
    assert all(domain.contains(sample) for sample in dealt)
    active = [sample["inner"] for sample in dealt if sample["outer"] == "inner"]
    assert len(active) == 9
    assert [active.count(value) for value in range(3)] == [3, 3, 3]
    assert sorted([sample["inputs"][0] for sample in dealt]) == [0] * 6 + [1] * 6 + [2] * 6
    assert len({sample["rate"] for sample in dealt}) == 18


def test_the_fair_order_is_as_fair_as_constraints_allow():
    choices = [Categorical(f"c{place}", (0, 1, 2)) for place in range(3)]
    domain = Domain(choices).constrained(Predicate(lambda sample: sum(sample.values()) <= 3))
    order = FairOrder(domain, 0)
    dealt = [sample for _ in range(40) for sample in order.deal()]
    assert all(domain.contains(sample) for sample in dealt)
    for label in domain.labels:
        counts = [sum(sample[label] == value for sample in dealt) for value in range(3)]
        assert max(counts) - min(counts) <= 12, counts


class TwoOptimizers(pl.LightningModule):
    """A task that makes its steps itself, and takes a batch alone."""

    def __init__(self, model):
        super().__init__()
        self.net = model
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        loss = functional.cross_entropy(self.net(batch[0]), batch[1])
        for optimizer in self.optimizers():
            optimizer.zero_grad()
        self.manual_backward(loss)
        for optimizer in self.optimizers():
            optimizer.step()

    def validation_step(self, batch, batch_idx):
        self.log("good", -functional.cross_entropy(self.net(batch[0]), batch[1]))

    def configure_optimizers(self):
        head = list(self.net.head.parameters())
        rest = [parameter for name, parameter in self.net.named_parameters() if not name.startswith("head")]
        return torch.optim.SGD(head, 0.1), torch.optim.Adam(rest, 0.01)


def manual():
    return Lightning(
        TwoOptimizers, metric={"good": "maximize"}, max_epochs=2, train_dataloaders=loader(), val_dataloaders=loader()
    )


def test_a_task_with_manual_optimisation_is_trained_by_uniform_samples_alone(tmp_path):
    scorer, space = manual(), Space()
    trained = RandomOneShot().train(space, scorer, session(tmp_path / "a", scorer))
    assert set(trained.evaluator.evaluate(space.random(0))) == {"good"}
    with pytest.raises(ExperimentError, match=r"fair.*TwoOptimizers makes its steps itself.*uniform"):
        RandomOneShot(order="fair").train(Space(), scorer, session(tmp_path / "b", scorer))


class Interrupting(pl.Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == self.epoch:
            raise RuntimeError("interrupted")


@pytest.mark.parametrize("order", ["uniform", "fair"])
def test_a_resumed_training_equals_one_without_a_break(order, tmp_path):
    spaces = [Space(), Space(), Space()]
    whole, broken, resumed = evaluator(4), evaluator(4, callbacks=[Interrupting(2)]), evaluator(4)
    at_once = RandomOneShot(order=order).train(spaces[0], whole, session(tmp_path / "a", whole))
    with pytest.raises(RuntimeError, match="interrupted"):
        RandomOneShot(order=order).train(spaces[1], broken, session(tmp_path / "b", broken))
    in_parts = RandomOneShot(order=order).train(spaces[2], resumed, session(tmp_path / "b", resumed))
    for one, two in zip(spaces[0].state_dict().values(), spaces[2].state_dict().values(), strict=True):
        assert torch.equal(one, two)
    sample = spaces[0].random(0)
    assert at_once.evaluator.evaluate(sample) == in_parts.evaluator.evaluate(sample)


def test_the_search_ends_with_the_space_and_finds_its_best(tmp_path):
    space = Space()
    experiment = Experiment(space, evaluator(), SPOS(), seed=0, directory=tmp_path)
    experiment.run(progress=False)
    assert len(experiment.trials) == space.size == 12
    assert experiment.best.metric == max(trial.metric for trial in experiment.trials)
    assert not experiment.weights


def test_models_that_compute_the_same_have_the_same_score(tmp_path):
    space, scorer = Space(), evaluator()
    trained = RandomOneShot().train(space, scorer, session(tmp_path, scorer))
    space.first[2].load_state_dict(space.first[0].state_dict())
    one, two = [trained.evaluator.evaluate({"first": key, "second": 1, "width": 4}) for key in (0, 2)]
    assert one == two


def test_the_user_says_who_searches_and_how_long(tmp_path):
    given = Experiment(
        *(Space(), evaluator(1), RandomOneShot(search=GridSearch())), seed=0, directory=tmp_path, name="a", max_trials=3
    )
    given.run(progress=False)
    assert [trial.sample["width"] for trial in given.trials] == [4, 6, 4]
    objectives = {"val_acc": "maximize", "val_loss": "minimize"}
    several = Experiment(
        *(Space(), evaluator(1), RandomOneShot()), seed=0, directory=tmp_path, name="b", objectives=objectives
    )
    several.run(progress=False)
    assert len(several.trials) == 12


def test_an_optimizer_without_the_models_parameters_is_missed_at_once(tmp_path):
    other = torch.nn.Parameter(torch.zeros(1))
    scorer = evaluator(optimizer=lambda parameters, lr, weight_decay: torch.optim.SGD([other], lr))
    with pytest.raises(ExperimentError, match="no optimizer with any of the parameters of Space"):
        RandomOneShot().train(Space(), scorer, session(tmp_path, scorer))


def test_wrong_arguments():
    with pytest.raises(ExperimentError, match=r"order='strict'.*uniform.*fair"):
        RandomOneShot(order="strict")
    with pytest.raises(ExperimentError, match="give a multi-trial strategy"):
        RandomOneShot(search=RandomOneShot())


def test_compiled_candidates_compute_the_same(tmp_path):
    spaces, scorer = [Space(), Space()], evaluator(1)
    for place, how in enumerate([False, {"backend": "eager"}]):
        RandomOneShot(compile=how).train(spaces[place], scorer, session(tmp_path / str(place), scorer))
    for one, two in zip(spaces[0].state_dict().values(), spaces[1].state_dict().values(), strict=True):
        torch.testing.assert_close(one, two)


def test_the_known_best_is_found(tmp_path):
    experiment = Experiment(task.KnownBest(), task.evaluator(epochs=20), RandomOneShot(), seed=0, directory=tmp_path)
    experiment.run(progress=False)
    assert experiment.best.sample == task.BEST
