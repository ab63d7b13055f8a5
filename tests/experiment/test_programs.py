"""Models as `torch.export` programs and ONNX files, and weights that were kept."""

from __future__ import annotations

import sys

import pytest
import torch
from onnx.reference import ReferenceEvaluator
from torch import nn

from retiarii import Experiment, ExperimentError, ModelSpace
from retiarii import nn as searchable
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment.programs import Example, example, load_weights, program, write_program
from retiarii.strategies import Random


class Small(ModelSpace):
    """A space that says what its models are called with."""

    input_shape = (3, 8, 8)

    def __init__(self):
        super().__init__()
        width = searchable.ValueChoice([2, 4], label="width")
        self.conv = searchable.Conv2d(3, width, 3)
        self.norm = searchable.BatchNorm2d(width)
        self.head = searchable.Linear(width, 5)

    def forward(self, images):
        return self.head(self.norm(self.conv(images)).mean((2, 3)))


class Named(nn.Module):
    def forward(self, left, *, right):
        return {"sum": left + right, "pair": (left, right * 2)}


class Noisy(nn.Module):
    def forward(self, inputs):
        return inputs + torch.rand_like(inputs)


@pytest.fixture
def experiment(tmp_path):
    search = Experiment(
        Small(),
        FunctionalEvaluator(lambda sample: sample["width"], argument="sample"),
        Random(),
        directory=tmp_path,
        seed=0,
    )
    search.run(progress=False)
    return search


def test_the_best_models_as_programs(experiment):
    images = torch.rand(7, 3, 8, 8)
    for made in experiment.export_top_models(2, format="pt2"):
        assert made.module()(images).shape == (7, 5)
    (converted,) = experiment.export_top_models(1, format="onnx")
    assert [given.name for given in converted.model.graph.inputs] == ["images"]


@pytest.mark.parametrize("form", ["pt2", "onnx"])
def test_a_file_computes_what_the_model_does_for_any_number_of_examples(form, tmp_path):
    model, path = Small().freeze({"width": 4}).train(), tmp_path / f"model.{form}"
    assert write_program(model, example(Small()), form, path) == ""
    assert model.training
    images = torch.rand(5, 3, 8, 8)
    expected = model.eval()(images).detach()
    if form == "pt2":
        found = torch.export.load(path).module()(images)
    else:
        (array,) = ReferenceEvaluator(str(path)).run(None, {"images": images.numpy()})
        found = torch.tensor(array)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("form", ["pt2", "onnx"])
def test_several_inputs_and_outputs(form, tmp_path):
    inputs = Example([torch.rand(2, 3)], {"right": torch.rand(2, 3)})
    assert write_program(Named(), inputs, form, tmp_path / f"model.{form}") == ""


def test_other_outputs_after_loading_are_an_error(tmp_path):
    with pytest.raises(ExperimentError, match=r"noisy\.pt2 doesn't compute what the model computes"):
        write_program(Noisy(), Example([torch.rand(2, 3)], {}), "pt2", tmp_path / "noisy.pt2")


def test_wrong_inputs_are_named():
    with pytest.raises(ExperimentError, match=r"can't be called with an input of shape \(2, 5, 8, 8\): .*channels"):
        program(Small().freeze({"width": 2}), example(Small(), (2, 5, 8, 8)), "pt2")


def test_what_is_no_program_is_an_error():
    class Branching(nn.Module):
        def forward(self, inputs):
            return inputs if inputs.sum() > 0 else -inputs

    with pytest.raises(ExperimentError, match="Branching can't be exported as pt2: "):
        program(Branching(), Example([torch.rand(2, 3)], {}), "pt2")


def test_a_space_that_does_not_say_its_inputs():
    class Silent(ModelSpace):
        def forward(self, inputs):
            return inputs

    with pytest.raises(ExperimentError, match="Silent does not say what its models are called with"):
        example(Silent())


def test_onnx_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ExperimentError, match=r"ONNX needs onnxscript: pip install 'retiarii\[onnx\]'"):
        program(Small().freeze({"width": 2}), example(Small()), "onnx")


def test_weights_are_found_under_whatever_name_the_model_had(tmp_path):
    trained, fresh = (Small().freeze({"width": 4}) for _ in range(2))
    for number, content in enumerate(
        [
            trained.state_dict(),
            {"state_dict": {f"model.{name}": value for name, value in trained.state_dict().items()}, "epoch": 3},
        ]
    ):
        path = tmp_path / f"{number}.ckpt"
        torch.save(content, path)
        fresh = Small().freeze({"width": 4})
        assert load_weights(fresh, path) == ""
        for name, value in trained.state_dict().items():
            torch.testing.assert_close(fresh.state_dict()[name], value)


def test_weights_that_do_not_fit_change_nothing(tmp_path):
    model = Small().freeze({"width": 4})
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.save(Small().freeze({"width": 2}).state_dict(), tmp_path / "other.ckpt")
    (tmp_path / "text.ckpt").write_text("text")
    torch.save({"state_dict": Named()}, tmp_path / "objects.ckpt")
    assert load_weights(model, tmp_path / "other.ckpt") == "it doesn't hold the weights of this model"
    for name in ("text", "objects", "missing"):
        assert load_weights(model, tmp_path / f"{name}.ckpt")
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name])
