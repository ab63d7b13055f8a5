"""What stands between Lightning and the user's task hands on all that is meant for that."""

from __future__ import annotations

import copy
import inspect

import pytest
import pytorch_lightning as pl
import torch
from one_shot_plain import Space, Task
from torch.utils.data import DataLoader, TensorDataset

from retiarii import Experiment, ModelSpace, nn
from retiarii.errors import ExperimentError
from retiarii.evaluators import Lightning
from retiarii.strategies import DARTS, RandomOneShot
from retiarii.strategies.one_shot.module import SupernetModule
from retiarii.strategies.one_shot.supernet import Supernet

NEVER_CALLED_IN_TRAINING = {
    *(name for name in dir(pl.LightningModule) if "test" in name or "predict" in name),
    *("configure_sharded_model", "to_onnx", "to_tensorrt", "to_torchscript"),
}
OF_THE_USER_TO_CALL = {
    *("all_gather", "clip_gradients", "freeze", "unfreeze", "log", "log_dict", "print", "save_hyperparameters"),
    *("lr_schedulers", "manual_backward", "optimizers", "toggle_optimizer", "toggled_optimizer", "untoggle_optimizer"),
    *("load_from_checkpoint", "remove_ignored_hparams"),
}
REPLACED = {
    "teardown": "the task stays set up, for the architectures that are scored",
    "train_dataloader": "the evaluator has the training data",
}


def loader(count=24):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, 4, generator=generator)
    return DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), 8)


def run(task, strategy, directory, *, space=None, trials=2, **settings):
    data = {"train_dataloaders": loader(), "val_dataloaders": loader()}
    scorer = Lightning(task, metric="val_loss", max_epochs=2, **{**data, **settings})
    made = Space() if space is None else space
    experiment = Experiment(made, scorer, strategy, seed=0, directory=directory, name="one", max_trials=trials)
    experiment.run(progress=False)
    return experiment


def hooks():
    """The public methods of a LightningModule that are not those of every torch module."""
    return {
        name
        for name, value in inspect.getmembers(pl.LightningModule, callable)
        if not name.startswith("_") and (name not in dir(torch.nn.Module)) and not isinstance(value, type)
    }


def overriding(name):
    def hook(self, *args, **kwargs):
        raise LookupError(name)

    return type(f"Overriding_{name}", (Task,), {name: hook})


@pytest.mark.parametrize("name", sorted(hooks() - NEVER_CALLED_IN_TRAINING - OF_THE_USER_TO_CALL))
def test_every_hook_of_the_task_is_handed_on(name):
    space = Space()
    module = SupernetModule(overriding(name)(space), Supernet(space))
    if name in REPLACED:
        return
    arguments = {"on_save_checkpoint": [{}], "on_load_checkpoint": [{}], "setup": ["fit"]}.get(name)
    if arguments is None:
        own = inspect.signature(getattr(pl.LightningModule, name)).parameters.values()
        arguments = [None for parameter in list(own)[1:] if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    module.trainer = pl.Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu")
    with pytest.raises(LookupError, match=name):
        getattr(module, name)(*arguments)


def test_hooks_that_are_not_there_are_not_made_up():
    space = Space()
    module = SupernetModule(Task(space), Supernet(space))
    assert not {"prepare_data", "on_after_batch_transfer", "on_validation_model_eval"} & vars(module).keys()


@pytest.mark.parametrize("strategy", [DARTS, RandomOneShot])
def test_backward_is_the_tasks_and_steps_need_no_index(strategy, tmp_path):
    calls = []

    class Own(Task):
        def training_step(self, batch):
            return super().training_step(batch, 0)

        def validation_step(self, batch):
            super().validation_step(batch, 0)

        def backward(self, loss):
            calls.append(loss)
            loss.backward()

    assert len(run(Own, strategy(), tmp_path).trials) == 2
    assert len(calls) == 6


def test_a_task_is_set_up_once_as_for_training_also_when_all_is_trained(tmp_path):
    stages = []

    class SetUp(Task):
        def setup(self, stage):
            stages.append(stage)

    run(SetUp, RandomOneShot(), tmp_path, trials=1)
    run(SetUp, RandomOneShot(), tmp_path, trials=2)
    assert stages == ["fit", "fit"]


class Average(Task):
    def __init__(self, model):
        super().__init__(model)
        self.average = torch.optim.swa_utils.AveragedModel(model)


class Teacher(Task):
    def __init__(self, model):
        super().__init__(model)
        self.hidden = {"teachers": None, "one": copy.deepcopy(model.body)}


class Late(Task):
    def setup(self, stage):
        self.late = copy.deepcopy(self.model)


@pytest.mark.parametrize(
    ("task", "name"), [(Average, "Average.average"), (Teacher, "Teacher.hidden"), (Late, "Late.late")]
)
def test_copies_of_the_space_are_refused(task, name, tmp_path):
    with pytest.raises(ExperimentError, match=rf"{name} has a copy of the space, .*freeze\(sample\)"):
        run(task, RandomOneShot(), tmp_path)


def test_a_frozen_teacher_is_welcome(tmp_path):
    teacher = Space().freeze({"width": 2})

    class Taught(Task):
        def __init__(self, model):
            super().__init__(model)
            self.teacher = teacher

    assert len(run(Taught, RandomOneShot(), tmp_path).trials) == 2


def test_a_task_without_validation_step_is_refused_before_it_trains(tmp_path):
    class Blind(Task):
        validation_step = pl.LightningModule.validation_step

        def training_step(self, batch, batch_idx):
            raise AssertionError

    with pytest.raises(ExperimentError, match="Blind has no validation_step"):
        run(Blind, RandomOneShot(), tmp_path)


@pytest.mark.parametrize("strategy", [DARTS, RandomOneShot])
@pytest.mark.parametrize(
    ("change", "message"),
    [(torch.Tensor.detach, "no gradient: compute it from what the model gives"), (lambda x: x.repeat(2), r"\(2,\)")],
)
def test_a_loss_that_trains_nothing_is_refused(strategy, change, message, tmp_path):
    class Wrong(Task):
        def training_step(self, batch, batch_idx):
            return change(super().training_step(batch, batch_idx))

    with pytest.raises(ExperimentError, match=message):
        run(Wrong, strategy(), tmp_path)


class NoParameters(ModelSpace):
    def __init__(self):
        super().__init__()
        self.pick = nn.LayerChoice([nn.ReLU(), nn.Identity()], label="pick")

    def forward(self, x):
        return self.pick(x)


@pytest.mark.parametrize("strategy", [DARTS, RandomOneShot])
def test_a_space_without_parameters_is_refused(strategy, tmp_path):
    with pytest.raises(ExperimentError, match="NoParameters and its task have no trainable parameters"):
        run(Task, strategy(), tmp_path, space=NoParameters())
