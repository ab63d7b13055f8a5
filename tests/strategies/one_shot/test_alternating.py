"""Training weights and architecture in turns, by the user's own task, data and trainer."""

from __future__ import annotations

import math

import one_shot_steps as steps
import one_shot_task as task
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins import MixedPrecision
from torch._dynamo.utils import counters
from torch.optim import SGD
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR
from torchmetrics import SumMetric

from retiarii import Experiment, ExperimentError, ModelSpace, nn
from retiarii.strategies import DARTS, GDAS, GumbelDARTS, Proxyless

METHODS = [DARTS, GumbelDARTS, GDAS, Proxyless]


def weights_of(space):
    return {name: value.clone() for name, value in space.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class Counting(steps.Task):
    """Counts what it trains with, and keeps what it was called with."""

    def __init__(self, model):
        super().__init__(model)
        self.examples = SumMetric()
        self.batches = []

    def training_step(self, batch, batch_idx):
        self.examples(len(batch[0]))
        self.log("examples", self.examples, on_step=False, on_epoch=True)
        loss = super().training_step(batch, batch_idx)
        self.log("share", len(batch[0]) * 1.0, on_step=False, on_epoch=True)
        return loss

    def on_train_batch_start(self, batch, batch_idx):
        self.batches.append(len(batch[0]))

    def transfer_batch_to_device(self, batch, device, dataloader_idx):
        assert len(batch) == 2
        return super().transfer_batch_to_device(batch, device, dataloader_idx)


def test_only_the_batches_of_the_weights_are_logged_and_counted(tmp_path):
    tasks = []
    made = steps.evaluator(lambda model: tasks.append(Counting(model)) or tasks[0], train_dataloaders=steps.loader(20))
    logged = {}
    made.arguments["callbacks"] = [Watch(logged)]
    steps.trained(DARTS(), tmp_path, made)
    assert logged["examples"] == 20
    assert logged["share"] == pytest.approx((3 * 6 * 6 + 2 * 2) / 20)
    assert logged["steps"] == 8
    assert tasks[0].batches == [6, 6, 6, 2] * 2


class Watch(pl.Callback):
    def __init__(self, logged):
        self.logged = logged

    def on_train_epoch_end(self, trainer, pl_module):
        self.logged.update({name: float(value) for name, value in trainer.callback_metrics.items()})
        self.logged["steps"] = trainer.global_step
        self.logged["rates"] = [group["lr"] for group in trainer.optimizers[0].param_groups]


def test_validation_sees_the_mixture(tmp_path):
    logged = {}
    _, trained, _ = steps.trained(DARTS(), tmp_path, callbacks=[Watch(logged)])
    module = trained.evaluator.module
    module.supernet.engage()
    module.supernet.decide(module.distribution())
    batches = list(steps.loader(12, 1))
    losses = [module.task.loss(batch).item() for batch in batches]
    module.supernet.release()
    assert logged["val_loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_architecture_leaves_no_gradients_in_the_weights(method):
    module = steps.attached(method())
    module.trainer.fit_loop.max_epochs = 3
    before = [number.detach().clone() for number in module.architecture.parameters()]
    module.train_architecture(steps.pair(), 0)
    assert all(parameter.grad is None for parameter in module.parameters())
    assert any(not torch.equal(*pair) for pair in zip(before, module.architecture.parameters(), strict=True))


def test_epochs_of_warm_up_leave_the_architecture_alone(tmp_path):
    _, trained, weights = steps.trained(DARTS(warmup_epochs=2), tmp_path, epochs=3)
    assert weights[0] == weights[1] != weights[2]
    proposed = trained.strategy
    proposed.bind(steps.Net().domain, {"val_loss": "minimize"}, 0)
    assert proposed.ask()["width"] == max(weights[2]["width"], key=weights[2]["width"].get)
    assert proposed.ask() == proposed.ask()


def stepping(form):
    """A task whose learning rate falls to a tenth after each epoch, said in one of Lightning's ways."""

    class Scheduled(steps.Task):
        def configure_optimizers(self):
            optimizer = SGD(self.parameters(), lr=0.1)
            falling = StepLR(optimizer, 1)
            return {
                "lists": ([optimizer], [falling]),
                "dict": {"optimizer": optimizer, "lr_scheduler": falling},
                "list": [optimizer],
                "steps": {"optimizer": optimizer, "lr_scheduler": {"scheduler": falling, "interval": "step"}},
            }[form]

    return Scheduled


@pytest.mark.parametrize(("form", "rate"), [("lists", 1e-3), ("dict", 1e-3), ("list", 0.1), ("steps", 1e-9)])
def test_schedules_of_the_learning_rate_are_followed(form, rate, tmp_path):
    logged = {}
    watch = Watch(logged)
    watch.on_fit_end = lambda trainer, module: Watch.on_train_epoch_end(watch, trainer, module)
    steps.trained(DARTS(), tmp_path, task=stepping(form), callbacks=[watch])
    assert logged["rates"] == pytest.approx([rate])


def test_the_trainer_clips_the_gradients_of_the_weights_and_adds_up_batches(tmp_path):
    logged, space = {}, steps.Single()
    before = weights_of(space)
    settings = {"momentum": 0.0, "weight_decay": 0.0, "gradient_clip_val": 1e-6, "accumulate_grad_batches": 2}
    _, _, weights = steps.trained(
        DARTS(inherit_weights=True), tmp_path, space=space, callbacks=[Watch(logged)], **settings
    )
    moved = [(value - before[name]).abs().max() for name, value in space.state_dict().items()]
    assert 0 < max(moved) < 1e-6
    assert logged["steps"] == 4
    assert weights[0] != weights[1]


def test_half_precision_is_the_trainers_affair(tmp_path):
    made = []
    _, _, weights = steps.trained(DARTS(), tmp_path / "bf16", precision="bf16-mixed")
    assert weights[0] != weights[1]
    for scale in (1.0, 4096.0, 1e30):
        plugin = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=1000))
        plain = {"architecture_optimizer": SGD, "architecture_learning_rate": 0.1}
        _, _, weights = steps.trained(DARTS(**plain), tmp_path / str(scale), plugins=[plugin])
        made.append(weights[1])
    assert made[0]["operator"] == pytest.approx(made[1]["operator"], rel=1e-3)
    assert made[2]["operator"] != pytest.approx(made[1]["operator"], rel=1e-3)


class Plain(pl.LightningDataModule):
    def __init__(self):
        super().__init__()
        self.changed = 0

    def train_dataloader(self):
        return steps.loader()

    def val_dataloader(self):
        return steps.loader(12, 1)

    def on_after_batch_transfer(self, batch, dataloader_idx):
        assert isinstance(batch, list)
        return [batch[0] * 2, batch[1]]


@pytest.mark.parametrize("split", [None, 0.5])
def test_a_data_module_trains_both(split, tmp_path):
    datamodule = Plain()
    made = {"train_dataloaders": None, "val_dataloaders": None, "datamodule": datamodule}
    logged = {}
    _, _, weights = steps.trained(DARTS(split=split), tmp_path, **made, callbacks=[Watch(logged)])
    assert weights[0] != weights[1]
    assert logged["steps"] == (8 if split is None else 4)


@pytest.mark.filterwarnings("ignore::retiarii.OpaqueWarning")
@pytest.mark.parametrize("method", METHODS)
def test_the_best_architecture_is_found_where_it_is_known(method, tmp_path):
    experiment = Experiment(task.KnownBest(), task.evaluator(epochs=10), method(), seed=1, directory=tmp_path)
    experiment.run(progress=False)
    assert experiment.best.sample == task.BEST


class Interruption(pl.Callback):
    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 2:
            raise RuntimeError("the power is gone")


class Schedules(steps.Task):
    """Has schedules by the step and by what is monitored, and drops units at random."""

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=0.05)
        falling, waiting = StepLR(optimizer, 1, 0.7), ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
        return [optimizer], [falling, {"scheduler": waiting, "monitor": "val_loss"}]

    def loss(self, batch):
        return super().loss((torch.nn.functional.dropout(batch[0], 0.2), batch[1]))


@pytest.mark.parametrize("strategy", [*[method() for method in METHODS], DARTS(second_order=True, split=0.5)])
def test_a_training_that_goes_on_is_the_same_bit_by_bit(strategy, tmp_path):
    settings = {"epochs": 4, "task": Schedules}
    whole, _, weights = steps.trained(strategy, tmp_path / "whole", **settings)
    with pytest.raises(RuntimeError, match="the power is gone"):
        steps.trained(strategy, tmp_path / "parts", callbacks=[Interruption()], **settings)
    parts, _, rest = steps.trained(strategy, tmp_path / "parts", **settings)
    assert same(weights_of(whole), weights_of(parts))
    assert rest == {epoch: weights[epoch] for epoch in (2, 3)}


class Two(steps.Task):
    def configure_optimizers(self):
        return [SGD(self.parameters(), 0.1), SGD(self.parameters(), 0.1)]


class None_(steps.Task):
    def configure_optimizers(self):
        return None


class Manual(steps.Task):
    def __init__(self, model):
        super().__init__(model)
        self.automatic_optimization = False


class Broken(steps.Task):
    def training_step(self, batch, batch_idx):
        return self.loss(batch) * (math.nan if self.current_epoch == 1 else 1.0)


class Detached(steps.Task):
    def training_step(self, batch, batch_idx):
        return self.loss(batch).detach()


class Elsewhere(steps.Task):
    """Its loss and its optimizer have to do with a parameter of its own."""

    def __init__(self, model, is_trained=True):
        super().__init__(model)
        self.own = torch.nn.Parameter(torch.ones(()))
        self.is_trained = is_trained

    def training_step(self, batch, batch_idx):
        return self.own**2

    def configure_optimizers(self):
        return SGD(self.parameters() if self.is_trained else [self.own], lr=0.1)


class Choosy(steps.Task):
    """Leaves every other batch out."""

    def training_step(self, batch, batch_idx):
        return super().training_step(batch, batch_idx) if batch_idx % 2 else None


class Bare(ModelSpace):
    def __init__(self):
        super().__init__()
        self.pick = nn.InputChoice(2, n_chosen=1, label="pick")

    def forward(self, x):
        return self.pick([x, x * 2]).sum(1, keepdim=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task": Two}, "Two.configure_optimizers gave 2 optimizers"),
        ({"task": None_}, "None_.configure_optimizers gave 0 optimizers"),
        ({"task": Detached}, "has no gradient: compute it from what the model gives"),
        ({"task": Elsewhere}, r"Elsewhere\.training_step gives does not depend on the choices"),
        ({"task": Elsewhere, "is_trained": False}, "the optimizer of Elsewhere has none of the parameters of Net"),
        ({"task": Manual}, "Manual has automatic_optimization=False"),
        ({"task": Broken}, "the loss of the supernet is nan at step 4"),
        ({"space": Bare()}, "Bare and its task have no trainable parameters"),
        ({"val_dataloaders": []}, "0 validation loaders"),
    ],
)
def test_what_cannot_be_trained_is_said_in_words(settings, message, tmp_path):
    with pytest.raises(ExperimentError, match=message):
        steps.trained(DARTS(), tmp_path, **settings)


@pytest.mark.parametrize("strategy", [DARTS(second_order=True), Proxyless()])
@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")
def test_a_step_without_a_loss_is_left_out(strategy, tmp_path):
    _, _, weights = steps.trained(strategy, tmp_path, task=Choosy)
    assert weights[0] != weights[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"warmup_epochs": -1}, "warmup_epochs is -1"),
        ({"split": 1.0}, r"split is 1\.0"),
        ({"architecture_learning_rate": 0}, "architecture_learning_rate is 0"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ExperimentError, match=message):
        DARTS(**arguments)


def test_strategies_that_take_models_apart_are_refused():
    module = steps.attached(DARTS())
    module.trainer.strategy.__class__ = type("FSDPStrategy", (pl.strategies.ParallelStrategy,), {})
    with pytest.raises(ExperimentError, match="the trainer has FSDPStrategy"):
        module.adopt(module.trainer)


@pytest.mark.parametrize(
    ("method", "made", "backend", "graphs"),
    [(DARTS, steps.Single, "aot_eager", 3), (GumbelDARTS, steps.Net, "eager", 3), (Proxyless, steps.Net, "eager", 9)],
)
def test_a_compiled_supernet_trains_as_one_that_is_not(method, made, backend, graphs, tmp_path):
    plain, _, weights = steps.trained(method(), tmp_path / "plain", space=made())
    torch.compiler.reset()
    counters.clear()
    compiled = method(compile={"backend": backend})
    space, trained, same_weights = steps.trained(compiled, tmp_path / "compiled", space=made())
    assert not counters["graph_break"]
    assert 0 < counters["stats"]["unique_graphs"] <= graphs
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(space.state_dict()[name], value)
    for label, values in weights[1].items():
        assert same_weights[1][label] == pytest.approx(values)
    assert all(module._compiled_call_impl is None for module in space.modules())
    frozen = space.freeze(next(trained.evaluator.module.architecture.most_likely()), inherit_weights=True)
    assert frozen(torch.zeros(2, steps.FEATURES)).shape == (2, 1)


class Ranks(pl.Callback):
    """Writes down what each process ends with."""

    def __init__(self, folder):
        self.folder = folder

    def on_train_end(self, trainer, pl_module):
        numbers = [number.tolist() for number in pl_module.architecture.parameters()]
        weights = [weight.tolist() for weight in pl_module.weights()]
        torch.save([trainer.global_step, numbers, weights], self.folder / f"{trainer.global_rank}.pt")


@pytest.mark.parametrize("strategy", [DARTS(second_order=True), Proxyless()])
def test_two_processes_end_with_the_same_architecture_and_weights(strategy, tmp_path):
    several = {"strategy": "ddp_fork", "devices": 2}
    steps.trained(strategy, tmp_path / "x", callbacks=[Ranks(tmp_path)], **several)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert first == second
    assert first[0] == 2 * len(steps.loader()) // 2
