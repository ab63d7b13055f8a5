"""`retiarii export`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from retiarii.cli.ending import complain
from retiarii.cli.found import loaded, place
from retiarii.cli.tables import as_json, show, show_json
from retiarii.cli.written import written
from retiarii.errors import ExperimentError
from retiarii.experiment.history import History
from retiarii.experiment.plan import Plan
from retiarii.trial import Trial

if TYPE_CHECKING:
    from retiarii.cli.models import ModelFormat, Models

Form: TypeAlias = Literal["code", "json", "onnx", "pt2"]

_ENDINGS = {"code": "py", "onnx": "onnx", "pt2": "pt2"}
_FORMAT, _VERSION = "retiarii-models", 1


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be exported, and where to."""

    form: Form
    top: int
    space_path: str | None = None
    folder: Path | None = None
    input_shape: str | None = None
    overwrite: bool = False


def export_models(name: str, directory: Path | None, order: Order) -> None:
    """Writes the best models of an experiment.

    Raises:
        ExperimentError: there is no such experiment, or no trial of it has completed; a file is there already, or can't
            be written; or a model can't be exported.
        ConfigError: the space can't be found or made, or the shape is none.
    """
    where = place(directory)
    history = loaded(where, name)
    best = history.top(order.top)
    if not best:
        raise ExperimentError(f"there is no model to export: of {len(history)} trials none has completed")
    if order.form == "json":
        _write_json(_document(name, history, best), order)
    else:
        _write_models(where / name, history.plan, best, order, order.form)


def _document(name: str, history: History, best: Sequence[Trial]) -> dict[str, Any]:
    models = [{"trial": trial.number, "metrics": dict(trial.metrics), "sample": dict(trial.sample)} for trial in best]
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "experiment": name,
        "space": None if history.plan is None else history.plan.space,
        "objectives": dict(history.objectives),
        "models": models,
    }


def _write_json(document: dict[str, Any], order: Order) -> None:
    if order.folder is None:
        show_json(document)
        return
    text = as_json(document, indent=2)
    path = order.folder / "models.json"
    with written([path], overwrite=order.overwrite) as (partial,):
        partial.write_text(f"{text}\n", encoding="utf-8")
    show(str(path))


def _write_models(folder: Path, plan: Plan | None, best: Sequence[Trial], order: Order, form: ModelFormat) -> None:
    from retiarii.cli.models import Models  # noqa: PLC0415  what comes before needs no torch

    models = Models.of(folder, plan, order.space_path, order.input_shape)
    best = _fitting(models, best)
    target = Path(f"{folder.name}-{form}") if order.folder is None else order.folder
    paths = [target / f"trial-{trial.number}.{_ENDINGS[form]}" for trial in best]
    with written(paths, overwrite=order.overwrite) as partials:
        remarks: dict[str, list[int]] = {}
        for trial, partial in zip(best, partials, strict=True):
            for remark in models.write(trial, form, partial):
                remarks.setdefault(remark, []).append(trial.number)
    for path in paths:
        show(str(path))
    for remark, numbers in remarks.items():
        complain(f"retiarii: trial {', '.join(map(str, numbers))}: {remark}")
    if form == "code":
        kept = [shlex.quote(path) for trial in best for key, path in trial.files.items() if key == "checkpoint"]
        complain(f"retiarii: the code has no weights{'; trained ones are in ' + ', '.join(kept) if kept else ''}")


def _fitting(models: Models, best: Sequence[Trial]) -> list[Trial]:
    """The trials that are in the space. Others there are where a search went on in a smaller one."""
    misfits = {trial.number: why for trial in best if (why := models.misfit(trial)) is not None}
    said = [f"trial {number} is not in the space as it is now: {why}" for number, why in misfits.items()]
    if len(misfits) == len(best):
        raise ExperimentError(f"{'; '.join(said)}; give a higher --top for others, or --format json")
    for line in said:
        complain(f"retiarii: {line}")
    return [trial for trial in best if trial.number not in misfits]
