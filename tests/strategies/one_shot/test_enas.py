"""The controller is a distribution, learns by the gradients of its formulas, and finds what is best."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from retiarii import Experiment, ModelSpace, nn
from retiarii.domain import Categorical, Domain, Numeric, Predicate, Subset, Symbol
from retiarii.errors import ExperimentError, MetricError, SpaceError
from retiarii.evaluators import Classification, Lightning
from retiarii.one_shot import Session
from retiarii.profiler import Parameters
from retiarii.strategies import ENAS, Penalty, RandomOneShot
from retiarii.strategies.one_shot.controller import Controller, entropies, log_probabilities
from retiarii.strategies.one_shot.recalibration import by_batch
from retiarii.strategies.one_shot.reinforcement import Baseline, Learner, clipped, divergence, reinforced
from retiarii.strategies.one_shot.rewards import Rewards, validation_batches

_spec = importlib.util.spec_from_file_location("task", Path(__file__).with_name("task.py"))
task = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(task)

TWO = Domain([Categorical("a", (0, 1, 2)), Categorical("b", ("x", "y"))])
MIXED = Domain(
    [
        Categorical("outer", ("deep", "flat")),
        Numeric("depth", 1, 3, integer=True),
        Subset("any", 3),
        Subset("one", 3, 1, 1),
        Subset("most", 3, 2, 3),
        Categorical("only", (7,)),
    ],
    {"depth": ((Symbol("outer") == "deep",),)},
)


def controller_of(domain, spread=1.5):
    torch.manual_seed(0)
    controller = Controller(domain).double()
    controller.bias.data = spread * torch.randn(controller.bias.shape, dtype=torch.float64)
    controller.weight.data *= 20
    return controller


def learner_of(controller, algorithm="reinforce", **settings):
    wanted = {"learning_rate": 0.01, "entropy_weight": 0.0, "skip_weight": 0.0, "skip_rate": 0.4, **settings}
    return Learner(controller, algorithm=algorithm, **wanted)


def likely(controller, samples):
    taken = controller.options(samples)
    return log_probabilities(controller(taken), taken).exp()


@pytest.mark.parametrize("domain", [TWO, MIXED], ids=["two", "mixed"])
def test_the_controller_is_a_distribution_over_all_samples(domain):
    controller, samples = controller_of(domain), list(domain.grid())
    probabilities = likely(controller, samples)
    torch.testing.assert_close(probabilities.sum(), torch.ones((), dtype=torch.float64))
    drawn = controller.draw(4000, np.random.default_rng(0))
    counts = np.array([sum(sample == one for one in drawn) for sample in samples])
    expected = probabilities.detach().numpy() * len(drawn)
    rare = expected < 5
    statistic = ((counts - expected) ** 2 / expected)[~rare].sum()
    freedom = (~rare).sum()
    assert statistic < freedom + 4 * math.sqrt(2 * freedom)


def test_choices_that_are_not_active_are_left_out():
    controller = controller_of(MIXED)
    deep = next(sample for sample in MIXED.grid() if sample["outer"] == "deep")
    flat = {label: value for label, value in deep.items() if label != "depth"} | {"outer": "flat"}
    entropy = entropies(controller(controller.options([deep, flat])))
    assert entropy[0, 1] > 0
    assert entropy[1, 1] == 0
    assert "depth" not in MIXED.canonical(flat)


def test_draws_keep_constraints():
    domain = MIXED.constrained(Predicate(lambda sample: len(sample["any"]) == 2))
    drawn = controller_of(domain).draw(50, np.random.default_rng(0))
    assert len(drawn) == 50
    assert all(domain.contains(sample) for sample in drawn)
    rare = TWO.constrained(Predicate(lambda sample: sample == {"a": 1, "b": "y"}))
    never = controller_of(rare)
    never.bias.data[0] = torch.tensor([1e3, -1e3, -1e3])
    assert never.draw(3, np.random.default_rng(0)) == [{"a": 1, "b": "y"}] * 3


def test_marginals_are_the_probabilities_of_candidates():
    controller, samples = controller_of(MIXED), list(MIXED.grid())
    found = controller.marginals(3000, np.random.default_rng(0))
    probabilities = likely(controller, samples).tolist()

    def exact(holds, given=lambda sample: True):
        pairs = [(sample, chance) for sample, chance in zip(samples, probabilities, strict=True) if given(sample)]
        return sum(chance for sample, chance in pairs if holds(sample)) / sum(chance for _, chance in pairs)

    assert found["outer"] == pytest.approx({key: exact(lambda s, k=key: s["outer"] == k) for key in ("deep", "flat")})
    is_deep = lambda sample: "depth" in sample  # noqa: E731
    depths = {depth: exact(lambda s, d=depth: s["depth"] == d, is_deep) for depth in (1, 2, 3)}
    assert found["depth"] == pytest.approx(depths, abs=0.01)
    for label in ("any", "one", "most"):
        inside = {index: exact(lambda s, i=index, name=label: i in s[name]) for index in range(3)}
        assert found[label] == pytest.approx(inside, abs=0.01)
    assert found["only"] == {7: 1.0}


def gradients(controller, loss):
    return torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(controller.parameters()))])


def test_the_gradient_of_reinforce_is_that_of_the_expected_reward():
    controller, samples = controller_of(TWO), list(TWO.grid())
    rewards = torch.tensor([0.3, 1.0, -0.5, 0.2, 0.0, 2.0], dtype=torch.float64)
    probabilities = likely(controller, samples)
    exact = gradients(controller, (probabilities * rewards).sum())

    learner, baseline = learner_of(controller), 0.4
    taken = controller.options(samples)
    before = log_probabilities(controller(taken), taken).detach()
    mean = torch.zeros_like(exact)
    for place, chance in enumerate(before.exp()):
        one = slice(place, place + 1)
        mean -= chance * gradients(controller, learner.loss(taken[one], rewards[one] - baseline, before[one]))
    torch.testing.assert_close(mean, exact)

    drawn = controller.draw(6000, np.random.default_rng(1))
    earned = torch.stack([rewards[samples.index(sample)] for sample in drawn]) - baseline
    taken = controller.options(drawn)
    estimate = -gradients(controller, learner.loss(taken, earned, torch.zeros(len(drawn), dtype=torch.float64)))
    assert torch.linalg.vector_norm(estimate - exact) < 0.1 * torch.linalg.vector_norm(exact)


def test_entropy_and_skips_are_in_the_loss_by_their_formulas():
    domain = Domain([Categorical("a", (0, 1, 2)), Subset("skips", 2)])
    controller = controller_of(domain)
    taken = controller.options([{"a": 1, "skips": [0]}])
    scores = controller(taken)[0]
    chances = [scores[0].exp(), scores[1, :2].exp(), scores[2, :2].exp()]
    entropy = sum(-(chance * chance.log()).sum() for chance in chances) / 3
    skips = [chance[1] * (chance[1] / 0.3).log() + chance[0] * (chance[0] / 0.7).log() for chance in chances[1:]]
    nothing = torch.zeros(1, dtype=torch.float64)
    learner = learner_of(controller, entropy_weight=0.5, skip_weight=0.8, skip_rate=0.3)
    loss = learner.loss(taken, nothing, nothing)
    torch.testing.assert_close(loss, -0.5 * entropy + 0.8 * sum(skips) / 2)
    sure = torch.tensor([[-1e9, 0.0]])
    assert divergence(sure, 0.4).item() == pytest.approx(-math.log(0.4))


def test_ratios_are_clipped():
    ratios = torch.tensor([0.5, 0.9, 1.1, 1.5, 0.5, 1.5], dtype=torch.float64)
    advantages = torch.tensor([1.0, 1.0, 1.0, 1.0, -1.0, -1.0], dtype=torch.float64)
    now = ratios.log().requires_grad_()
    gain = clipped(now, torch.zeros(6, dtype=torch.float64), advantages)
    torch.testing.assert_close(gain, torch.tensor([0.5, 0.9, 1.1, 1.2, -0.8, -1.5], dtype=torch.float64))
    (slope,) = torch.autograd.grad(gain.sum(), now)
    torch.testing.assert_close(slope, torch.tensor([0.5, 0.9, 1.1, 0.0, 0.0, -1.5], dtype=torch.float64))
    assert torch.equal(reinforced(now, now, advantages), advantages * now)


def test_the_baseline_is_a_moving_average_in_units_of_the_spread():
    baseline = Baseline(0.75)
    first = torch.tensor([1.0, 3.0], dtype=torch.float64)
    torch.testing.assert_close(baseline.advantages(first), torch.tensor([-1.0, 1.0], dtype=torch.float64))
    second = baseline.advantages(torch.tensor([6.0, 6.0], dtype=torch.float64))
    assert baseline.mean.item() == 0.75 * 2 + 0.25 * 6
    assert baseline.variance.item() == 0.75 * 1 + 0.25 * 9
    torch.testing.assert_close(second, torch.full((2,), 3 / math.sqrt(3), dtype=torch.float64))
    scaled = Baseline(0.75)
    torch.testing.assert_close(scaled.advantages(100 * first - 7), torch.tensor([-1.0, 1.0], dtype=torch.float64))


@pytest.mark.parametrize("algorithm", ["reinforce", "ppo"])
def test_both_algorithms_learn_what_is_best(algorithm):
    torch.manual_seed(0)
    controller, baseline = Controller(MIXED), Baseline(0.9)
    learner = learner_of(controller, algorithm, entropy_weight=0.01)
    best = {"outer": "deep", "depth": 3, "any": [0, 2], "one": [2], "most": [0, 1], "only": 7}
    rng = np.random.default_rng(0)
    for _ in range(120):
        drawn = controller.draw(8, rng)
        rewards = [sum(sample.get(label) == value for label, value in best.items()) for sample in drawn]
        advantages = baseline.advantages(torch.tensor(rewards, dtype=torch.float64))
        learner.learn(controller.options(drawn), advantages)
    assert controller.likeliest(100, rng) == best


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
