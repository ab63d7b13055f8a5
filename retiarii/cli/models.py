"""The models of an experiment, made of its space."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import torch

from retiarii.cli.config.problems import ConfigError
from retiarii.cli.config.search import Search
from retiarii.cli.found_space import found_space
from retiarii.cli.kept import FILE as CONFIG
from retiarii.domain import Sample
from retiarii.errors import ExperimentError, SampleError
from retiarii.experiment.plan import Plan
from retiarii.experiment.programs import Example, ProgramFormat, example, load_weights, write_program
from retiarii.trial import Trial

ModelFormat: TypeAlias = Literal["code", "onnx", "pt2"]


@dataclass(frozen=True, slots=True)
class Models:
    """Writes models of a space to files."""

    space: Any
    shape: tuple[int, ...] | None

    @classmethod
    def of(cls, folder: Path, plan: Plan | None, path: str | None, shape: str | None) -> Self:
        """Those of an experiment.

        Args:
            folder: That of the experiment.
            plan: What was searched.
            path: Of the space; else the config in the folder says it.
            shape: Of an input, in words.

        Raises:
            ExperimentError: there is neither a path nor a config, or it leads to another space than what was searched.
            ConfigError: the space can't be found or made, or the shape is none.
        """
        sizes = None if shape is None else _sizes(shape)
        space = found_space(path) if path is not None else _kept_space(folder)
        if plan is not None:
            _check_same(space, plan)
        return cls(space, sizes)

    def misfit(self, trial: Trial) -> str | None:
        """Why the model of a trial is none of the space; None if it is one."""
        try:
            self.space.domain.validate(self._own(trial.sample))
        except SampleError as error:
            return str(error)
        return None

    def write(self, trial: Trial, form: ModelFormat, path: Path) -> Iterator[str]:
        """Writes the model of a trial, and gives what is to be said of that.

        Raises:
            ExperimentError: it can't be exported so.
        """
        sample = self._own(trial.sample)
        if form == "code":
            path.write_text(self.space.graph.apply(sample).to_code(), encoding="utf-8")
        else:
            yield from self._write_program(trial, sample, form, path)

    def _own(self, sample: Sample) -> Sample:
        """What a sample says of the space; the rest is for the evaluator."""
        labels = self.space.domain.choices
        return {label: value for label, value in sample.items() if label in labels}

    def _write_program(self, trial: Trial, sample: Sample, form: ProgramFormat, path: Path) -> Iterator[str]:
        torch.manual_seed(trial.seed)
        model, inputs = self.space.freeze(sample), self._example()
        yield _weights_remark(model, trial)
        unchecked = write_program(model, inputs, form, path)
        if unchecked:
            yield f"what is in the file was not compared with the model: {unchecked}"

    def _example(self) -> Example:
        try:
            return example(self.space, self.shape)
        except ExperimentError as error:
            raise ExperimentError(f"{error}; or give --input-shape 1,3,32,32") from error


def _weights_remark(model: Any, trial: Trial) -> str:
    """Loads what the trial has kept, if it has; says what weights the model has."""
    kept = trial.files.get("checkpoint")
    if kept is None:
        return "the weights are fresh: no checkpoint was kept of the training"
    why_not = load_weights(model, Path(kept))
    return f"the weights are fresh: {kept} was not used: {why_not}" if why_not else f"the weights are those of {kept}"


def _sizes(shape: str) -> tuple[int, ...]:
    parts = shape.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise ConfigError(f"--input-shape is {shape!r}; give whole numbers from 1, such as 1,3,32,32")
    return tuple(map(int, parts))


def _kept_space(folder: Path) -> Any:
    config = folder / CONFIG
    if not config.is_file():
        raise ExperimentError(
            f"{folder} has no {CONFIG}, because no config began it but a program; say by --space where the space is, "
            "such as --space my_module:MySpace"
        )
    return Search.read(config).space()


def _check_same(space: Any, plan: Plan) -> None:
    """Sees that a space has the choices that were searched; what was searched beside is the evaluator's."""
    now = Plan.of(type(space).__name__, space.domain, plan.objectives, plan.seed).choices
    for label, choice in now.items():
        was, is_now = (json.dumps(each) for each in (plan.choices.get(label, "absent"), choice))
        if was != is_now:
            raise ExperimentError(
                f"{type(space).__name__} is not the space that was searched, {plan.space}: "
                f"choice {label!r}: was {was}, is {is_now}"
            )
