"""The experiment as its users see it."""

from __future__ import annotations

import math
import stat
import subprocess
import sys

import pytest
import torch

from retiarii import Experiment, ExperimentError
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import SequentialEngine
from retiarii.strategies import GridSearch, Random
from retiarii.testing import DOMAINS, SampleSpace


class Built:
    """The graph of one linear layer."""

    def __init__(self, sample):
        self.sample = sample

    def to_code(self):
        return f"width = {self.sample['width']}"


class LinearSpace(SampleSpace):
    """Models of one layer, without the rest of a model space."""

    @property
    def graph(self):
        return self

    def apply(self, sample):
        return Built(sample)

    def freeze(self, sample):
        return torch.nn.Linear(sample["kernel"], sample["width"])


def parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def experiment(directory, *, function=parameters, argument="module", strategy=None, **options):
    evaluator = FunctionalEvaluator(function, argument=argument)
    return Experiment(LinearSpace(DOMAINS["flat"]), evaluator, strategy or Random(), directory=directory, **options)


def test_a_search_over_modules(tmp_path):
    search = experiment(tmp_path, name="modules", max_trials=6, seed=0)
    search.run(progress=False)
    assert len(search.trials) == 6
    assert search.top(1) == [search.best]
    assert search.best.metric == 64 * 5 + 64
    assert search.best.sample == {"width": 64, "kernel": 5}
    assert [trial.metric for trial in search.top(3)] == [384.0, 256.0, 192.0]


def test_models_leave_in_four_forms(tmp_path):
    search = experiment(tmp_path, max_trials=6, seed=0)
    search.run(progress=False)
    assert search.export_top_models(2) == ["width = 64", "width = 64"]
    assert search.export_top_models(1, format="code") == ["width = 64"]
    assert search.export_top_models(1, format="sample") == [{"width": 64, "kernel": 5}]
    assert search.export_top_models(1, format="module")[0].out_features == 64
    assert search.export_top_models(1, format="graph")[0].sample == {"width": 64, "kernel": 5}
    assert len(search.export_top_models(100)) == 6
    with pytest.raises(ExperimentError, match="format is 'yaml'; expected one of 'code', 'sample', 'module', 'graph'"):
        search.export_top_models(1, format="yaml")


def test_nothing_can_be_exported_where_nothing_has_completed(tmp_path):
    with pytest.raises(ExperimentError, match="no model to export: of 0 trials none has completed"):
        experiment(tmp_path).export_top_models(1)


def test_objectives_are_those_of_the_experiment_first(tmp_path):
    def two(model):
        return {"size": parameters(model), "width": model.out_features}

    search = experiment(tmp_path, function=two, objectives={"width": "minimize"}, strategy=GridSearch())
    search.run(progress=False)
    assert search.best.metrics == {"width": 16.0, "size": 64.0}
    assert search.best.metric == 16.0
    assert Experiment.load(tmp_path, search.name).best == search.best


def test_several_objectives_leave_a_front(tmp_path):
    def two(model):
        return {"width": model.out_features, "size": parameters(model)}

    objectives = {"width": "maximize", "size": "minimize"}
    search = experiment(tmp_path, function=two, objectives=objectives, strategy=GridSearch())
    search.run(progress=False)
    front = search.pareto_front()
    assert [trial.sample for trial in front] == [{"width": width, "kernel": 3} for width in (64, 32, 16)]
    loaded = Experiment.load(tmp_path, search.name)
    assert loaded.pareto_front() == front
    reference = {"width": 0.0, "size": 300.0}
    assert search.hypervolume(reference) == loaded.hypervolume(reference) > 0


def test_pictures_are_those_of_the_history(tmp_path):
    pytest.importorskip("matplotlib")
    search = experiment(tmp_path, objectives={"default": "maximize", "other": "minimize"}, strategy=GridSearch())
    search.evaluator.function = lambda model: {"default": model.out_features, "other": -parameters(model)}
    search.run(progress=False)
    for picture in (search.plot_history(), search.plot_pareto(), search.plot_importance()):
        assert picture.axes


def test_a_loaded_experiment_is_what_was_run(tmp_path):
    search = experiment(tmp_path, name="kept", max_trials=5)
    search.run(progress=False)
    loaded = Experiment.load(str(tmp_path), "kept")
    assert loaded.trials == search.trials
    assert loaded.top(2) == search.top(2)
    assert loaded.objectives == {"default": "maximize"}


def test_without_a_name_every_search_is_a_new_one(tmp_path):
    names = []
    for _ in range(3):
        search = experiment(tmp_path, max_trials=1)
        assert search.name is None
        search.run(progress=False)
        names.append(search.name)
    assert len({*names}) == 3
    assert all(name.startswith("LinearSpace-") for name in names)
    assert all((tmp_path / name).is_dir() for name in names)


def test_run_again_goes_on_in_the_same_folder(tmp_path):
    search = experiment(tmp_path, max_trials=2)
    search.run(progress=False)
    name = search.name
    search.run(progress=False)
    assert search.name == name
    assert len(search.trials) == 2


def test_by_default_it_lies_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    search = experiment(None, name="here", max_trials=1)
    monkeypatch.chdir("/")
    search.run(progress=False)
    assert (tmp_path / "retiarii-experiments" / "here").is_dir()


def test_the_folder_is_for_its_owner(tmp_path):
    experiment(tmp_path, name="private", max_trials=1).run(progress=False)
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700


def test_making_one_writes_nothing(tmp_path):
    experiment(tmp_path / "new", name="one")
    assert not (tmp_path / "new").exists()


def test_a_directory_that_cannot_be_is_one_error_before_any_training(tmp_path):
    (tmp_path / "file").write_text("in the way")
    built = []
    search = experiment(tmp_path / "file" / "below", function=built.append, name="one")
    with pytest.raises(ExperimentError, match=r"cannot be recorded in .*below: Not a directory; choose another"):
        search.run(progress=False)
    assert not built


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../up", "/etc", "a\\b", "a\0b"])
def test_a_name_is_that_of_a_folder(tmp_path, name):
    with pytest.raises(ExperimentError, match="the name of an experiment is that of a folder"):
        experiment(tmp_path, name=name)
    with pytest.raises(ExperimentError, match="the name of an experiment is that of a folder"):
        Experiment.load(tmp_path, name)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_trials": 0}, "max_trials is 0; expected a positive integer"),
        ({"max_trials": True}, "max_trials is True"),
        ({"max_trials": 2.5}, r"max_trials is 2\.5"),
        ({"max_duration": 0}, "max_duration is 0; expected seconds"),
        ({"max_duration": math.nan}, "max_duration is nan"),
        ({"max_duration": "1h"}, "max_duration is '1h'"),
        ({"seed": -1}, "seed is -1; expected an integer from 0"),
        ({"seed": 1.0}, r"seed is 1\.0"),
        ({"objectives": {}}, "objectives is empty"),
        ({"objectives": "maximize"}, "objectives is 'maximize'; give metrics with directions, as in {'accuracy'"),
        ({"objectives": ["acc", "size"]}, r"objectives is \['acc', 'size'\]; give metrics with directions"),
        ({"objectives": []}, r"objectives is \[\]; give metrics with directions"),
        ({"objectives": {"accuracy": "max"}}, "objective 'accuracy' is 'max'; expected 'maximize' or 'minimize'"),
        ({"engine": "sequential"}, r"got 'sequential' as its engine; give one, such as SequentialEngine\(\)"),
        ({"engine": SequentialEngine}, r"got the class SequentialEngine as its engine"),
        ({"deduplicate": None}, "got None as deduplicate; give True or False"),
        ({"strategy": Random}, r"got the class Random as its strategy; give one, such as Random\(\)"),
    ],
)
def test_an_unusable_argument_is_named_with_its_value(tmp_path, options, said):
    with pytest.raises(ExperimentError, match=said):
        experiment(tmp_path, **options)


def test_a_function_is_no_evaluator_and_a_module_is_no_space(tmp_path):
    with pytest.raises(ExperimentError, match="as its evaluator; wrap a function in FunctionalEvaluator"):
        Experiment(LinearSpace(DOMAINS["flat"]), parameters, Random())
    with pytest.raises(ExperimentError, match=r"got Linear as its space, .* use ModelSpace\.from_module"):
        Experiment(torch.nn.Linear(2, 2), FunctionalEvaluator(parameters), Random())


def test_the_room_is_light():
    code = "import retiarii.experiment, sys; print({'torch', 'rich', 'pandas', 'networkx'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
