"""Models as files that need none of their code: made, written, and compared with the model once loaded again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from retiarii.errors import ExperimentError, ProfileError
from retiarii.evaluators.programs import exported_program, missing_for_onnx, onnx_program
from retiarii.graph.structure import flat
from retiarii.profiler.inputs import inputs_of

ProgramFormat: TypeAlias = Literal["pt2", "onnx"]

_RELATIVE, _ABSOLUTE = 1e-3, 1e-4


@dataclass(frozen=True, slots=True)
class Example:
    """What a model is called with, with data."""

    args: Sequence[Any]
    kwargs: Mapping[str, Any]

    @property
    def tensors(self) -> list[Tensor]:
        return [each for each in flat([*self.args, *self.kwargs.values()]) if isinstance(each, Tensor)]


def example(space: Any, shape: Sequence[int] | None = None) -> Example:
    """Inputs for the models of a space: of a shape, or of those that the space says.

    Args:
        space: It may have `example_inputs`, or an `input_shape`.
        shape: Of a single tensor of numbers.

    Raises:
        ExperimentError: there is no shape, and the space says none.
    """
    try:
        args, kwargs = inputs_of(space, None if shape is None else tuple(shape)).tensors("cpu")
    except ProfileError as error:
        raise ExperimentError(str(error)) from error
    return Example(args, kwargs)


def program(model: nn.Module, inputs: Example, form: ProgramFormat) -> Any:
    """A model as a `torch.export.ExportedProgram`, or as a `torch.onnx.ONNXProgram`.

    Raises:
        ExperimentError: it can't be exported, or ONNX is not installed.
    """
    if form == "onnx" and missing_for_onnx():
        raise ExperimentError(f"ONNX needs {missing_for_onnx()}: pip install 'retiarii[onnx]'")
    _check_callable(model, inputs)
    try:
        traced = exported_program(model, inputs.args, inputs.kwargs)
        return traced if form == "pt2" else onnx_program(traced)
    except Exception as error:
        raise ExperimentError(f"{type(model).__name__} can't be exported as {form}: {_first_line(error)}") from error


def write_program(model: nn.Module, inputs: Example, form: ProgramFormat, path: Path) -> str:
    """Writes a model to a file, and sees that what is loaded from there computes the same.

    Returns:
        Why that can't be seen, if so; else an empty text.

    Raises:
        ExperimentError: it can't be exported, or the outputs differ.
    """
    made = program(model, inputs, form)
    if form == "pt2":
        torch.export.save(made, path)
    else:
        made.save(path, external_data=False)
    try:
        found = _loaded_outputs(path, inputs, form)
    except Exception as error:
        if form == "pt2" or find_spec("onnxruntime") is not None:
            raise
        return f"onnx.reference can't run it ({_named(error)}); pip install onnxruntime to have it checked"
    expected = _outputs(model, inputs)
    if len(found) != len(expected) or not all(map(_close, found, expected)):
        raise ExperimentError(
            f"{path.name} doesn't compute what the model computes, so it was not kept; does the model in evaluation "
            "mode give the same outputs for the same inputs?"
        )
    return ""


def load_weights(model: nn.Module, path: Path) -> str:
    """Puts the weights of a checkpoint into the model that they were trained in.

    Args:
        model: As it was before the training.
        path: A file of `torch.save` with a state dict, alone or as "state_dict", as Lightning writes it.

    Returns:
        Why it can't be done, if so; else an empty text.
    """
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  what is no checkpoint makes torch.load fail in any way
        return _named(error)
    state = held.get("state_dict", held) if isinstance(held, dict) else {}
    own = model.state_dict()
    for prefix in _prefixes([*own], [*state]):
        if all(f"{prefix}{name}" in state and _fits(value, state[f"{prefix}{name}"]) for name, value in own.items()):
            model.load_state_dict({name: state[f"{prefix}{name}"] for name in own})
            return ""
    return "it doesn't hold the weights of this model"


def _prefixes(own: Sequence[str], others: Sequence[str]) -> list[str]:
    """What may stand before the names of a model's weights where the model is a part of something."""
    return [name.removesuffix(own[0]) for name in others if own and name.endswith(own[0])]


def _fits(own: Any, other: Any) -> bool:
    return isinstance(other, Tensor) and own.shape == other.shape


def _outputs(model: nn.Module, inputs: Example) -> list[Tensor]:
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return [each for each in flat(model(*inputs.args, **inputs.kwargs)) if isinstance(each, Tensor)]
    finally:
        model.train(was_training)


def _check_callable(model: nn.Module, inputs: Example) -> None:
    try:
        _outputs(model, inputs)
    except Exception as error:
        shapes = ", ".join([str(tuple(tensor.shape)) for tensor in inputs.tensors])
        raise ExperimentError(
            f"{type(model).__name__} can't be called with an input of shape {shapes}: {_first_line(error)}"
        ) from error


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _loaded_outputs(path: Path, inputs: Example, form: ProgramFormat) -> list[Tensor]:
    if form == "pt2":
        with torch.no_grad():
            outputs = torch.export.load(path).module()(*inputs.args, **inputs.kwargs)
        return [each for each in flat(outputs) if isinstance(each, Tensor)]
    run, names = _runner(path)
    given = {name: tensor.numpy() for name, tensor in zip(names, inputs.tensors, strict=True)}
    return [torch.as_tensor(each) for each in run(None, given)]


def _runner(path: Path) -> tuple[Callable[..., Any], Sequence[str]]:
    """What runs an ONNX file, and the names of its inputs."""
    if find_spec("onnxruntime") is not None:
        session = import_module("onnxruntime").InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return session.run, [given.name for given in session.get_inputs()]
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415  an optional dependency

    evaluator = ReferenceEvaluator(str(path))
    return evaluator.run, evaluator.input_names


def _close(found: Tensor, expected: Tensor) -> bool:
    return found.shape == expected.shape and torch.allclose(
        found, expected.to(found.dtype), rtol=_RELATIVE, atol=_ABSOLUTE * max(1.0, float(expected.abs().max()))
    )
