"""A real one-shot strategy in an experiment."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from retiarii import Experiment, ExperimentError

PROGRAM = Path(__file__).with_name("one_shot_search.py")


def ran(*arguments):
    command = [sys.executable, str(PROGRAM), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("one_shot_search", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def whole(program, tmp_path_factory):
    search = program.experiment(tmp_path_factory.mktemp("whole"), "one")
    search.run(progress=False)
    return search


def test_darts_is_an_experiment_like_any_other(program, whole):
    assert [row.epoch for row in whole.weights] == [0, 1, 2]
    assert {label: [*row] for label, row in whole.weights[-1].weights.items()} == {
        "width": [4, 8],
        "op": ["none", "drop"],
    }
    assert all(sum(row.values()) == pytest.approx(1) for row in whole.weights[-1].weights.values())
    assert whole.best.metric == whole.best.metrics["val_acc"]
    (sample,) = whole.export_top_models(1, format="sample")
    assert whole.space.contains(sample)
    assert whole.export_top_models(1)[0].startswith("import torch")
    loaded = Experiment.load(whole.directory, "one")
    assert (loaded.trials, loaded.weights) == (whole.trials, whole.weights)
    assert whole.plot_weights().axes


@pytest.mark.filterwarnings("ignore:some of the trials:UserWarning")
def test_run_again_it_is_loaded(program, whole):
    again = program.experiment(whole.directory, "one", [program.Killed(0, 0)])
    again.run(progress=False)
    assert program.outcome(again) == program.outcome(whole)


def test_a_training_that_was_killed_ends_in_the_same_weights(program, whole, tmp_path):
    killed = ran("killed", tmp_path, "1", "2")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(Experiment.load(tmp_path, "one").weights) == 1
    resumed = program.experiment(tmp_path, "one")
    resumed.run(progress=False)
    assert program.outcome(resumed) == program.outcome(whole)


def test_a_training_that_was_interrupted_ends_in_the_same_weights(program, whole, tmp_path, capsys):
    class Interrupted(program.Killed):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            if (trainer.current_epoch, batch_idx) == self.place:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        program.experiment(tmp_path, "one", [Interrupted(2, 1)]).run()
    assert f"retiarii: interrupted; the same experiment goes on from {tmp_path / 'one'}" in capsys.readouterr().err
    resumed = program.experiment(tmp_path, "one")
    resumed.run()
    said = capsys.readouterr().err
    assert "0 trials are kept, and the architecture weights of 2 epochs" in said
    assert "retiarii: supernet: epoch 2 of 3" in said
    assert f"{tmp_path / 'one' / 'supernet'}" in said
    assert program.outcome(resumed) == program.outcome(whole)


def test_the_second_part_goes_on_by_the_record(program, whole, tmp_path):
    for limit in (1, len(whole.trials)):
        part = program.experiment(tmp_path, "one", max_trials=limit)
        part.run(progress=False)
        assert program.outcome(part)["trials"] == program.outcome(whole)["trials"][:limit]


def test_another_method_does_not_go_on_with_it(program, whole):
    from retiarii.strategies import GDAS  # noqa: PLC0415

    other = program.experiment(whole.directory, "one")
    other.strategy = GDAS()
    with pytest.raises(ExperimentError, match="one-shot strategy: was DARTS, is GDAS"):
        other.run(progress=False)


def test_two_processes_train_together_and_end_with_the_same_trials(tmp_path):
    done = ran("together", tmp_path)
    assert done.returncode == 0, done.stderr
    first, other = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert (first["trials"], first["weights"]) == (other["trials"], other["weights"])
    assert first["trials"]
    assert other["ending"] == "the first of the processes that trained the supernet has searched it"
    assert len(Experiment.load(tmp_path, "one").trials) == len(first["trials"])
