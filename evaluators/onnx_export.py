"""Trained models as ONNX files."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from retiarii.errors import ExperimentError
from retiarii.evaluators.programs import exported_program, missing_for_onnx, onnx_program

FILE = "model.onnx"


def check_onnx(wanted: bool) -> None:
    """Sees that models can be exported, if that is wanted.

    Raises:
        ExperimentError: what it takes is not installed.
    """
    missing = missing_for_onnx() if wanted else ""
    if missing:
        raise ExperimentError(f"export_onnx=True needs {missing}: pip install 'retiarii[onnx]'")


def export_onnx(model: nn.Module, example: Tensor, folder: Path) -> Path:
    """Writes a model to `model.onnx` in a folder, for any number of examples, and leaves it as it was.

    Args:
        model: The model.
        example: Inputs of one example, of shape (1, ...).
        folder: Made if there is none.

    Returns:
        The path of the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = next(model.parameters()).device
    onnx_program(exported_program(model, [example.to(device)])).save(folder / FILE, external_data=False)
    return folder / FILE
