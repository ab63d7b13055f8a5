"""What happens in the course of a training: reports, early stops, interruptions, files."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger

import retiarii.nn as rnn
from retiarii import Experiment, ExperimentError, ModelSpace, Stopper, TrialStopped
from retiarii.evaluator import Reporting
from retiarii.evaluators import Classification
from retiarii.strategies import GridSearch


class Line(ModelSpace):
    def __init__(self):
        super().__init__()
        self.layer = rnn.Linear(2, 2, bias=rnn.ValueChoice([True, False], label="bias"))

    def forward(self, inputs):
        return self.layer(inputs)


class AfterTwo(Stopper):
    """Stops the first trial after its second report."""

    def should_stop(self, trial):
        return trial.number == 0 and len(trial.intermediates) == 2


class Diary(pl.Callback):
    def __init__(self):
        self.lines = []

    def on_train_epoch_end(self, trainer, pl_module):
        self.lines.append(trainer.current_epoch)

    def teardown(self, trainer, pl_module, stage):
        self.lines.append("end")


def searched(tmp_path, evaluator, **arguments):
    experiment = Experiment(Line(), evaluator, GridSearch(), seed=0, directory=tmp_path, name="line", **arguments)
    experiment.run(progress=False)
    return experiment


def reported(evaluator, model):
    reports = []
    with Reporting(reports.append):
        evaluator.evaluate(model)
    return reports


@pytest.mark.parametrize("arguments", [{}, {"min_epochs": 5}])
def test_a_stopped_trial_ends_its_training(data, tmp_path, arguments):
    diary = Diary()
    evaluator = Classification(num_classes=2, max_epochs=5, callbacks=[diary], **arguments, **data)
    stopped, completed = searched(tmp_path, evaluator, stopper=AfterTwo()).trials
    assert (stopped.state, len(stopped.intermediates)) == ("stopped", 2)
    assert (completed.state, len(completed.intermediates)) == ("completed", 5)
    assert stopped.metrics == stopped.intermediates[-1]
    assert [line for line in diary.lines if line != "end"] == [0, 1, 0, 1, 2, 3, 4]
    assert diary.lines.count("end") == 2 - ("min_epochs" in arguments)


def test_a_search_is_not_started_again_for_each_device(data, network):
    evaluator = Classification(num_classes=2, max_epochs=1, accelerator="cpu", devices=2, **data)
    with pytest.raises(ExperimentError, match="with devices=2 Lightning would start the whole program again"):
        reported(evaluator, network())


def test_epochs_that_are_not_validated_are_not_reported(data, network):
    evaluator = Classification(num_classes=2, max_epochs=4, check_val_every_n_epoch=2, **data)
    assert [sorted(report) for report in reported(evaluator, network())] == [["train_loss", "val_acc", "val_loss"]] * 2


def test_an_epoch_that_is_validated_twice_is_reported_once(data, network):
    assert len(reported(Classification(num_classes=2, max_epochs=2, val_check_interval=1, **data), network())) == 2


def test_without_validation_each_epoch_is_reported(data, network):
    evaluator = Classification(num_classes=2, max_epochs=3, train_dataloaders=data["train_dataloaders"])
    assert [sorted(report) for report in reported(evaluator, network())] == [["train_acc", "train_loss"]] * 3


def test_what_was_not_logged_anew_is_not_reported_again(data, network):
    class Once(pl.Callback):
        def on_validation_epoch_end(self, trainer, pl_module):
            if trainer.current_epoch == 0:
                pl_module.log("val_once", 1.0)

    evaluator = Classification(num_classes=2, max_epochs=2, callbacks=[Once()], **data)
    first, second = reported(evaluator, network())
    assert first.keys() - second.keys() == {"val_once"}


def test_outside_an_experiment_nobody_has_to_listen(data, network):
    assert "val_acc" in Classification(num_classes=2, max_epochs=1, **data).evaluate(network())
    with pytest.raises(TrialStopped), Reporting(stop):
        Classification(num_classes=2, max_epochs=1, **data).evaluate(network())


def stop(report):
    raise TrialStopped


def test_ctrl_c_stays_what_it_is(data, network):
    class Impatient(pl.Callback):
        def on_train_batch_end(self, *_):
            os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        Classification(num_classes=2, max_epochs=1, callbacks=[Impatient()], **data).evaluate(network())
    assert signal.getsignal(signal.SIGINT) == handler


def test_the_best_checkpoint_is_on_the_trial(data, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    evaluator = Classification(num_classes=2, learning_rate=0.1, max_epochs=3, enable_checkpointing=True, **data)
    searched(tmp_path, evaluator)
    for trial in Experiment.load(tmp_path, "line").trials:
        path = Path(trial.files["checkpoint"])
        assert path.is_relative_to(tmp_path / "line" / "trials" / str(trial.number))
        saved = torch.load(path, weights_only=True)
        accuracies = [report["val_acc"] for report in trial.intermediates]
        assert saved["epoch"] == accuracies.index(max(accuracies))
    assert not [*Path().iterdir()]


def test_the_objectives_of_the_experiment_count(data, tmp_path):
    evaluator = Classification(num_classes=2, learning_rate=0.1, max_epochs=3, enable_checkpointing=True, **data)
    evaluator.objectives = {"val_f1": "maximize"}
    for trial in searched(tmp_path, evaluator, objectives={"val_loss": "minimize"}).trials:
        losses = [report["val_loss"] for report in trial.intermediates]
        assert torch.load(trial.files["checkpoint"], weights_only=True)["epoch"] == losses.index(min(losses))


def test_every_checkpoint_is_on_the_trial(data, network, tmp_path):
    kept = [
        ModelCheckpoint(filename="a", monitor="val_loss"),
        ModelCheckpoint(filename="b", monitor="val_acc", mode="max"),
        ModelCheckpoint(save_last=True, save_top_k=0),
    ]
    with Reporting(lambda report: None, tmp_path) as reporting:
        Classification(num_classes=2, max_epochs=1, callbacks=kept, **data).evaluate(network())
    names = {name: Path(path).name for name, path in reporting.files.items()}
    assert names == {"checkpoint": "a.ckpt", "checkpoint_2": "b.ckpt", "checkpoint_3": "last.ckpt"}


def test_what_a_callback_is_made_of_cannot_be_searched(data, tmp_path):
    patience = rnn.ValueChoice([1, 2], label="patience")
    evaluator = Classification(num_classes=2, callbacks=[EarlyStopping("val_loss", patience=patience)], **data)
    with pytest.raises(
        ExperimentError,
        match=r"'callbacks' has the choice 'patience' in an attribute of EarlyStopping, .*configure_callb",
    ):
        searched(tmp_path, evaluator)


def test_the_users_checkpoint_and_logger_go_where_they_say(data, tmp_path):
    evaluator = Classification(
        num_classes=2,
        max_epochs=1,
        callbacks=ModelCheckpoint(tmp_path / "kept", monitor="val_loss", filename="model"),
        logger=CSVLogger(tmp_path, name="logs"),
        log_every_n_steps=1,
        **data,
    )
    names = [Path(trial.files["checkpoint"]).name for trial in searched(tmp_path, evaluator).trials]
    assert names == ["model.ckpt", "model-v1.ckpt"]
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["version_0", "version_1"]


def test_callbacks_that_keep_a_state_begin_anew(data, network):
    patience = EarlyStopping("val_loss", patience=1, min_delta=10.0)
    diary = Diary()
    evaluator = Classification(num_classes=2, max_epochs=5, callbacks=[patience, diary], **data)
    assert [len(reported(evaluator, network())) for _ in range(2)] == [2, 2]
    assert diary.lines == [0, 1, "end", 0, 1, "end"], "others are left alone"
    assert patience.wait_count == 1, "it is the user's own that trains"
