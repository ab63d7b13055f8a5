"""A supernet trained on what a controller draws: its rewards, its proposals, and that the best is found."""

from __future__ import annotations

import json

import one_shot_task as task
import pytest
import pytorch_lightning as pl
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from retiarii import Experiment, ModelSpace, nn
from retiarii.errors import ExperimentError, MetricError, SpaceError
from retiarii.evaluators import Classification, Lightning
from retiarii.one_shot import Session
from retiarii.profiler import Parameters
from retiarii.strategies import ENAS, Penalty, RandomOneShot
from retiarii.strategies.one_shot.recalibration import by_batch
from retiarii.strategies.one_shot.rewards import Rewards, validation_batches


class Space(ModelSpace):
    def __init__(self):
        super().__init__()
        width = nn.ValueChoice([4, 6], label="width")
        self.op = nn.LayerChoice({"linear": nn.Linear(8, 8), "tanh": nn.Tanh()}, label="op")
        self.skips = nn.InputChoice(2, label="skips")
        self.body = nn.Sequential(nn.Linear(8, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        more = self.skips([x, self.op(x)])
        return self.head(self.body(x if more is None else x + more))


def loader(count=48, batch=12):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, 8, generator=generator)
    return DataLoader(TensorDataset(x, torch.randint(3, (count,), generator=generator)), batch)


def evaluator(epochs=2, **arguments):
    data = {"train_dataloaders": loader(), "val_dataloaders": loader()}
    return Classification(num_classes=3, max_epochs=epochs, **{"learning_rate": 0.05, **data, **arguments})


def small(**arguments):
    return ENAS(**{"controller_steps": 3, "samples_per_step": 2, "warmup_epochs": 0, "candidates": 3, **arguments})


def session(folder, scorer, **arguments):
    return Session(seed=3, folder=folder, objectives=scorer.objectives, **arguments)


class Task(pl.LightningModule):
    """Logs what it is told to, in the way that it is told."""

    def __init__(self, model, way):
        super().__init__()
        self.net, self.way = model, way
        self.accuracy = MulticlassAccuracy(3, average="micro")
        self.seen = []

    def training_step(self, batch, batch_idx):
        return functional.cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        outputs = self.net(batch[0])
        match self.way:
            case "number":
                self.log("acc", (outputs.argmax(1) == batch[1]).float().mean())
            case "metric":
                self.accuracy(outputs, batch[1])
                self.log("acc", self.accuracy)
            case "updated":
                self.accuracy.update(outputs, batch[1])
                self.log_dict({"acc": self.accuracy, "other": 1.0})
            case "end":
                self.seen.append((outputs.argmax(1) == batch[1]).float().mean())

    def on_validation_epoch_end(self):
        if self.way == "end":
            self.log("acc", torch.stack(self.seen).mean())
            self.seen.clear()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.05)


@pytest.mark.parametrize("way", ["number", "metric", "updated", "end"])
def test_a_reward_is_the_metric_of_one_batch(way, tmp_path):
    scorer = Lightning(
        lambda model: Task(model, way),
        metric={"acc": "maximize"},
        max_epochs=1,
        train_dataloaders=loader(),
        val_dataloaders=loader(),
    )
    checked = []

    class Checking(pl.Callback):
        def on_train_end(self, trainer, pl_module):
            space, batch = pl_module.supernet.space, next(validation_batches(pl_module, 0))
            before = {name: value.clone() for name, value in pl_module.state_dict().items()}
            samples = [space.random(0), space.random(1)]
            with by_batch(pl_module.task):
                earned = Rewards(pl_module, "acc", "minimize", None).of(samples, batch, 0)
            assert all(torch.equal(before[name], value) for name, value in pl_module.state_dict().items())
            for sample, reward in zip(samples, earned.tolist(), strict=True):
                model = space.freeze(sample, inherit_weights=True)
                model.body[3].eval()
                right = (model(batch[0]).argmax(1) == batch[1]).float().mean()
                checked.append((reward, -right.item()))

    scorer.arguments["callbacks"] = [Checking()]
    small().train(Space(), scorer, session(tmp_path, scorer))
    assert len(checked) == 2
    assert all(reward == pytest.approx(expected) for reward, expected in checked)


def test_a_missing_metric_names_what_is_logged(tmp_path):
    class Missing(pl.Callback):
        def on_train_end(self, trainer, pl_module):
            batch = next(validation_batches(pl_module, 0))
            with by_batch(pl_module.task), pytest.raises(MetricError, match=r"no 'f1' .*logged: 'val_loss', 'val_acc'"):
                Rewards(pl_module, "f1", "maximize", None).of([pl_module.supernet.space.random(0)], batch, 0)

    scorer = evaluator(1, callbacks=[Missing()])
    small().train(Space(), scorer, session(tmp_path, scorer))


def test_what_is_not_finite_earns_as_little_as_the_worst(tmp_path):
    class Breaking(pl.Callback):
        """Makes the metric of one candidate infinite, and in the end that of all."""

        def on_train_start(self, trainer, pl_module):
            self.model = pl_module.supernet.space
            self.model.op["linear"].register_forward_hook(lambda module, inputs, output: output * self.factor)
            self.factor = 1.0

        def on_validation_start(self, trainer, pl_module):
            self.factor = float("nan")

        def on_validation_end(self, trainer, pl_module):
            self.factor = 1.0

        def on_train_end(self, trainer, pl_module):
            self.factor = float("inf")
            rewards = Rewards(pl_module, "val_loss", "minimize", None)
            kinds = [("linear", [1]), ("tanh", [1]), ("tanh", [0])]
            samples = [{"op": op, "skips": skips, "width": 4} for op, skips in kinds]
            batch = next(validation_batches(pl_module, 0))
            with by_batch(pl_module.task):
                earned = rewards.of(samples, batch, 0).tolist()
                assert earned[0] == min(earned[1:])
                with pytest.raises(MetricError, match="'val_loss' is a finite number for none of 1 architectures"):
                    rewards.of(samples[:1], batch, 0)

    scorer = evaluator(1, callbacks=[Breaking()])
    small().train(Space(), scorer, session(tmp_path, scorer))


class Interrupting(pl.Callback):
    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 2:
            raise RuntimeError("interrupted")


@pytest.mark.parametrize("algorithm", ["reinforce", "ppo"])
def test_a_resumed_training_equals_one_without_a_break(algorithm, tmp_path):
    spaces, recorded = [Space(), Space(), Space()], [{}, {}]
    whole, broken, resumed = evaluator(4), evaluator(4, callbacks=[Interrupting()]), evaluator(4)
    strategy = lambda: small(algorithm=algorithm, warmup_epochs=1)  # noqa: E731
    at_once = strategy().train(spaces[0], whole, session(tmp_path / "a", whole, record=recorded[0].__setitem__))
    parted = session(tmp_path / "b", broken, record=recorded[1].__setitem__)
    with pytest.raises(RuntimeError, match="interrupted"):
        strategy().train(spaces[1], broken, parted)
    in_parts = strategy().train(spaces[2], resumed, parted)
    for one, two in zip(spaces[0].state_dict().values(), spaces[2].state_dict().values(), strict=True):
        assert torch.equal(one, two)
    assert recorded[0] == recorded[1]
    assert recorded[0].keys() == {0, 1, 2, 3}
    for trained, space in ((at_once, spaces[0]), (in_parts, spaces[2])):
        trained.strategy.bind(space.domain, whole.objectives, 0)
    assert at_once.strategy.ask() == in_parts.strategy.ask()
    assert recorded[0][0] != recorded[0][3]
    assert recorded[0][3]["skips"].keys() == {0, 1}
    assert sum(recorded[0][3]["op"].values()) == pytest.approx(1)


def test_warm_up_leaves_the_controller_alone(tmp_path):
    recorded, scorer = {}, evaluator(4)
    small(warmup_epochs=None).train(Space(), scorer, session(tmp_path, scorer, record=recorded.__setitem__))
    assert recorded[0] == recorded[1]
    assert recorded[1] != recorded[2] != recorded[3]


def test_costs_shape_rewards(tmp_path):
    class Wide(ModelSpace):
        def __init__(self):
            super().__init__()
            width = nn.ValueChoice([2, 64], label="width")
            self.net = nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 3))

        def forward(self, x):
            return self.net(x)

    recorded, scorer, space = {}, evaluator(3), Wide()
    penalty = Penalty(Parameters(space), target=100, weight=5.0)
    strategy = ENAS(penalty=penalty, warmup_epochs=0, learning_rate=0.02)
    strategy.check(space, scorer, scorer.objectives)
    strategy.train(space, scorer, session(tmp_path, scorer, record=recorded.__setitem__))
    assert recorded[2]["width"][2] > 0.8


def test_the_best_is_what_was_validated_best(tmp_path):
    experiment = Experiment(Space(), evaluator(), small(candidates=4), seed=0, directory=tmp_path)
    experiment.run(progress=False)
    assert len(experiment.trials) == 5
    assert len({str(trial.sample) for trial in experiment.trials}) == 5
    assert experiment.best.metric == max(trial.metric for trial in experiment.trials)
    assert [entry.epoch for entry in experiment.weights] == [0, 1]


class Ranks(pl.Callback):
    """Writes down, in each process, which samples were followed, and the parameters in the end."""

    def __init__(self, folder):
        self.folder, self.followed = folder, []

    def on_fit_start(self, trainer, pl_module):
        follow = pl_module.supernet.follow

        def followed(sample):
            self.followed.append(sample)
            follow(sample)

        pl_module.supernet.follow = followed

    def on_train_end(self, trainer, pl_module):
        parameters = {name: value.tolist() for name, value in pl_module.named_parameters()}
        content = {"followed": self.followed, "parameters": parameters}
        (self.folder / f"{trainer.global_rank}.json").write_text(json.dumps(content))


@pytest.mark.parametrize("strategy", [small(), RandomOneShot(order="fair")], ids=["ENAS", "fair"])
def test_two_processes_follow_the_same_samples_and_end_alike(strategy, tmp_path):
    several = {"accelerator": "cpu", "devices": 2, "strategy": "ddp_fork", "callbacks": [Ranks(tmp_path)]}
    space, scorer = Space(), evaluator(2, **several)
    trained = strategy.train(space, scorer, session(tmp_path / "supernet", scorer))
    first, second = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert first == second
    assert len(first["followed"]) >= 8
    here = {name: value.tolist() for name, value in trained.evaluator.module.named_parameters()}
    assert here == first["parameters"]
    trained.strategy.bind(space.domain, scorer.objectives, 0)
    assert trained.evaluator.evaluate(trained.strategy.ask()).keys() >= {"val_acc"}


def test_a_continuous_choice_is_refused_with_its_label_and_what_works():
    class Continuous(ModelSpace):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(nn.ValueChoice.uniform(0.0, 0.5, label="rate"))
            self.op = nn.LayerChoice([nn.Linear(8, 3), nn.Linear(8, 3)], label="op")

        def forward(self, x):
            return self.op(self.drop(x))

    scorer = evaluator()
    with pytest.raises(
        SpaceError, match=r"ENAS can't search the choice 'rate' of the Dropout at 'drop'.*RandomOneShot"
    ):
        ENAS().check(Continuous(), scorer, scorer.objectives)


def test_wrong_arguments(tmp_path):
    for arguments, message in [
        ({"algorithm": "a2c"}, "reinforce.*ppo"),
        ({"controller_steps": 0}, "give an integer from 1"),
        ({"samples_per_step": 1}, "give an integer from 2"),
        ({"learning_rate": 0}, "give a positive number"),
        ({"baseline_decay": 1}, "from 0 to below 1"),
        ({"skip_rate": 1.0}, "between 0 and 1"),
    ]:
        with pytest.raises(ExperimentError, match=message):
            ENAS(**arguments)
    scorer = evaluator(2)
    with pytest.raises(ExperimentError, match=r"warmup_epochs=2\) leaves none of max_epochs=2"):
        ENAS(warmup_epochs=2).train(Space(), scorer, session(tmp_path / "a", scorer))
    scorer = evaluator(2, limit_val_batches=0)
    with pytest.raises(ExperimentError, match="limit_val_batches is 0"):
        ENAS().train(Space(), scorer, session(tmp_path / "b", scorer))


def test_the_known_best_is_found(tmp_path):
    experiment = Experiment(task.KnownBest(), task.evaluator(epochs=20), ENAS(), seed=0, directory=tmp_path)
    experiment.run(progress=False)
    assert experiment.best.sample == task.BEST
