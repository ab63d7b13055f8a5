"""What is trained is written down, and what can't be used is missed early."""

from __future__ import annotations

import json
from pathlib import Path

import one_shot_primitives as primitives
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

from retiarii import Experiment
from retiarii.errors import ExperimentError, MetricError
from retiarii.evaluators import Classification
from retiarii.strategies import DARTS, GDAS, RandomOneShot


def space():
    return primitives.PRIMITIVES["`ValueChoice`s in an expression"]()


def evaluator(epochs=1, **arguments):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(24, primitives.FEATURES, generator=generator)
    loader = DataLoader(TensorDataset(x, torch.randint(primitives.CLASSES, (24,), generator=generator)), 12)
    return Classification(
        num_classes=primitives.CLASSES,
        max_epochs=epochs,
        train_dataloaders=loader,
        val_dataloaders=loader,
        **arguments,
    )


def trained(directory, strategy, made=None, resume=True, **arguments):
    made = space() if made is None else made
    options = {"seed": 0, "directory": directory, "name": "one", "resume": resume}
    experiment = Experiment(made, evaluator(**arguments), strategy, **options)
    experiment.run(progress=False)
    return experiment


def weights(made):
    return {name: value.clone() for name, value in made.space.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("strategy", [DARTS, RandomOneShot])
def test_the_same_seed_trains_the_same_supernet_whatever_the_space_was(strategy, tmp_path):
    torch.manual_seed(1)
    first = trained(tmp_path / "a", strategy())
    torch.manual_seed(2)
    second = trained(tmp_path / "b", strategy())
    third = trained(tmp_path / "c", strategy(), made=first.space)
    assert same(weights(first), weights(second))
    assert same(weights(second), weights(third))
    assert [(trial.sample, trial.metrics) for trial in first.trials] == [
        (trial.sample, trial.metrics) for trial in third.trials
    ]


def test_inherited_weights_are_where_training_starts(tmp_path):
    before = trained(tmp_path / "a", RandomOneShot())
    start = weights(before)
    after = trained(
        tmp_path / "b", RandomOneShot(inherit_weights=True), made=before.space, learning_rate=0.0, weight_decay=0.0
    )
    moved = {name: value for name, value in weights(after).items() if "running" not in name and "batches" not in name}
    assert all(torch.equal(start[name], value) for name, value in moved.items())


@pytest.mark.filterwarnings("ignore:some of the trials:UserWarning")
def test_what_was_scored_with_a_finished_supernet_is_not_mixed_with_more(tmp_path):
    trained(tmp_path, DARTS(), epochs=1)
    with pytest.raises(ExperimentError, match=r"with \[max_epochs, max_steps\] = \[1, -1\], and now they are"):
        trained(tmp_path, DARTS(), epochs=3)


class Keeping(pl.Callback):
    """One whose state can't be read back without trust."""

    def state_dict(self):
        return {"path": Path("somewhere")}


def test_a_checkpoint_that_could_not_be_read_is_noticed_in_the_first_epoch(tmp_path):
    with pytest.raises(ExperimentError, match=r"its checkpoint would hold what is no plain data \(pathlib"):
        trained(tmp_path, DARTS(), epochs=9, callbacks=[Keeping()])


def test_a_checkpoint_of_the_users_own_is_kept_beside(tmp_path):
    keeper = ModelCheckpoint(dirpath=tmp_path / "own", filename="mine")
    trained(tmp_path, DARTS(), callbacks=[keeper], enable_checkpointing=True)
    assert (tmp_path / "own" / "mine.ckpt").exists()
    assert (tmp_path / "one" / "supernet" / "last.ckpt").exists()


@pytest.mark.parametrize("strategy", [DARTS, GDAS])
def test_a_warm_up_that_takes_all_epochs_is_refused(strategy, tmp_path):
    with pytest.raises(ExperimentError, match=rf"{strategy.__name__}\(warmup_epochs=2\) leaves none of max_epochs=2"):
        trained(tmp_path, strategy(warmup_epochs=2), epochs=2)


def test_validation_may_be_rare(tmp_path):
    trained(tmp_path, DARTS(), epochs=3, check_val_every_n_epoch=None, val_check_interval=5)


def test_a_supernet_of_other_settings_is_not_gone_on_with(tmp_path):
    trained(tmp_path, DARTS())
    with pytest.raises(ExperimentError, match=r"was trained with the settings .*: give the experiment another name"):
        trained(tmp_path, DARTS(second_order=True))
    with pytest.raises(ExperimentError, match="GDAS"):
        trained(tmp_path, GDAS())


def test_a_broken_note_is_an_error(tmp_path):
    experiment = trained(tmp_path, DARTS())
    note = tmp_path / "one" / "supernet" / "supernet.json"
    assert json.loads(note.read_text())["method"] == "DARTS"
    note.write_text("{")
    with pytest.raises(ExperimentError, match=r"supernet.json can't be read"):
        experiment.run(progress=False)


def test_a_broken_checkpoint_is_an_error(tmp_path):
    experiment = trained(tmp_path, DARTS())
    (tmp_path / "one" / "supernet" / "last.ckpt").write_bytes(b"nothing")
    with pytest.raises(ExperimentError, match=r"last.ckpt can't be read .*: remove it to train anew"):
        experiment.run(progress=False)


def test_an_objective_that_is_never_logged_is_missed_after_the_first_epoch(tmp_path):
    experiment = Experiment(
        space(), evaluator(50), DARTS(), seed=0, directory=tmp_path, name="one", objectives={"val_f1": "maximize"}
    )
    with pytest.raises(MetricError, match=r"the objective 'val_f1' was not logged; the task has logged .*'val_acc'"):
        experiment.run(progress=False)
    assert not experiment.weights


def test_a_supernet_of_other_layers_is_not_gone_on_with(tmp_path):
    class Other(type(space())):
        def make(self):
            return torch.nn.Sequential(super().make(), torch.nn.Linear(primitives.FEATURES, primitives.FEATURES))

    trained(tmp_path, DARTS())
    Other.__name__ = type(space()).__name__
    with pytest.raises(ExperimentError, match=r"models: they are others, though made of the same choices: .*body"):
        trained(tmp_path, DARTS(), made=Other())
    with pytest.raises(ExperimentError, match=r"has other weights: .* is of shape .* there and .* now"):
        trained(tmp_path, DARTS(), made=Other(), resume="anyway")
