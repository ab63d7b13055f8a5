"""Latency as a sum over operators, each measured once."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch

from retiarii.domain import Value
from retiarii.errors import BuildError, FormatError, ProfileError
from retiarii.graph.jsontext import dump, parse, shown
from retiarii.profiler.amount import Amount, Numbers
from retiarii.profiler.averaging import everything, expectation_of, explained
from retiarii.profiler.columns import Column, Frame
from retiarii.profiler.diagrams import Diagrams
from retiarii.profiler.evaluation import Call, Result
from retiarii.profiler.expectation import Expectation
from retiarii.profiler.guards import masked
from retiarii.profiler.inputs import Given, inputs_of
from retiarii.profiler.latency import Latency, check_count
from retiarii.profiler.operators import runnable, signature, takes_time
from retiarii.profiler.profile import Samples, Space, profile_of
from retiarii.profiler.sites import Site
from retiarii.profiler.timing import Timing, timed
from retiarii.profiler.walk import Walk

FORMAT = "retiarii latency table 1"
_NANOSECONDS = 1e9
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class TableError:
    """How far a table is from measured models.

    Attributes:
        relative: the median of the relative errors, without sign.
        rank: Spearman's rank correlation; 1 where the table orders all models rightly, NaN for fewer than two models.
        samples: how many models were measured.
    """

    relative: float
    rank: float
    samples: int


class LatencyTable(Amount):
    """The seconds of a forward in evaluation mode, as the sum over the model's operators of what each takes by itself.

    An operator is a layer or function with its arguments and the shapes of its inputs. What a table does not know it
    refuses: `cover(samples)` measures it. A sum knows nothing of what operators do to one another (caches, work that
    goes on at the same time), so look at `error(samples)` before trusting more than the order of models.

    `LatencyTable.measure(space)` makes one.

    Attributes:
        timings: of each operator, by its signature.
        device: where it was measured.
    """

    name = "latency"

    def __init__(self, space: Space, inputs: Given = None, *, device: str = "cpu", batch: int | None = None) -> None:
        self.space = space
        self.device = torch.device(device)
        self.timings: dict[str, Timing] = {}
        self._inputs = inputs_of(space, inputs) if batch is None else inputs_of(space, inputs).with_batch(batch)
        self._signatures: dict[Result, str] = {}

    @classmethod
    def measure(
        cls,
        space: Space,
        inputs: Given = None,
        *,
        device: str = "cpu",
        batch: int | None = None,
        warmup: int = 3,
        repeats: int = 10,
        samples: int | Samples | None = 200,
        seed: int = 0,
    ) -> Self:
        """A table of the operators of some samples.

        Args:
            space: the model space.
            inputs: what models are called with, as for `Flops`.
            device: where operators run.
            batch: the size of the first dimension of all inputs, in place of theirs.
            warmup: calls of an operator before the first reading.
            repeats: readings of each operator.
            samples: those whose operators are measured, or how many are drawn at random; None for all of the space.
            seed: of the drawing.

        Raises:
            ProfileError: no inputs are known, a number is none, or an operator can't be run by itself.
        """
        table = cls(space, inputs, device=device, batch=batch)
        if isinstance(samples, int):
            check_count("samples", samples, 1)
            rng = np.random.default_rng(seed)
            samples = [space.domain.random(rng) for _ in range(samples)]
        table.cover(samples, warmup=warmup, repeats=repeats)
        return table

    def cover(self, samples: Samples | None = None, *, warmup: int = 3, repeats: int = 10) -> int:
        """Measure operators that the table does not know yet; how many these are.

        Args:
            samples: whose operators; by default all of the space.
            warmup: calls of an operator before the first reading.
            repeats: readings of each operator.

        Raises:
            ProfileError: an operator can't be run by itself; or those of all samples are not known, see `expectation`.
        """
        check_count("warmup", warmup, 0)
        check_count("repeats", repeats, 1)
        missing = self._missing(samples)
        for text, call in missing.items():
            try:
                run = runnable(call, self.device)
                self.timings[text] = timed(run, self.device, warmup=warmup, repeats=repeats)
            except (RuntimeError, BuildError, TypeError, ValueError, IndexError) as error:
                raise ProfileError(f"{text} can't be measured on {self.device} by itself: {error}") from error
        return len(missing)

    def all(self, samples: Sequence[Mapping[str, Value]]) -> Numbers:
        self._check_covered(samples)
        total = np.zeros(len(samples), np.int64)
        for walk, frame, rows in self._profile.parts(samples):
            for column in self._amounts(walk, frame):
                total[rows] += column.ids
        return total / _NANOSECONDS

    def expectation(self) -> Expectation:
        """What samples take on average, for any probabilities of the values of labels.

        Raises:
            ProfileError: the table lacks operators, or the average can't be found; see `Cost.expectation`.
        """
        self._check_covered(None)
        return expectation_of(self._profile, self._amounts, 1 / _NANOSECONDS)

    def error(self, samples: Samples, *, warmup: int = 3, repeats: int = 10) -> TableError:
        """How far the table is from models that are built and measured whole.

        Args:
            samples: whose models.
            warmup: forwards of each before the first reading.
            repeats: readings of each.
        """
        latency = Latency(self.space, self._inputs, device=str(self.device), warmup=warmup, repeats=repeats)
        expected, found = latency(list(samples)), self(list(samples))
        return TableError(
            float(np.median(np.abs(found / expected - 1))), _rank_correlation(expected, found), len(found)
        )

    # --- files -----------------------------------------------------------------------------------------------------

    def save(self, path: str | pathlib.Path) -> None:
        """Write the table as JSON."""
        operators = {text: [timing.median, timing.spread] for text, timing in self.timings.items()}
        described = {"format": FORMAT, "device": str(self.device), "inputs": self._called_with, "operators": operators}
        pathlib.Path(path).write_text(dump(described), encoding="utf-8")

    @classmethod
    def load(cls, path: str | pathlib.Path, space: Space, inputs: Given = None, *, batch: int | None = None) -> Self:
        """A table that was saved, for a space.

        Args:
            path: of the file, from wherever it comes.
            space: the model space.
            inputs: what models are called with.
            batch: see `measure`.

        Raises:
            FormatError: the file holds no such table, or one for other inputs.
        """
        described = _read(pathlib.Path(path))
        table = cls(space, inputs, device=described["device"], batch=batch)
        if described["inputs"] != table._called_with:
            raise FormatError(f"{path} is of models called with {described['inputs']}, not with {table._called_with}")
        for text, seconds in described["operators"].items():
            table.timings[text] = Timing(*seconds)
        return table

    @property
    def _called_with(self) -> str:
        return signature(Call("function", "forward", self._inputs.args, self._inputs.kwargs))

    @property
    def _profile(self) -> Any:
        return profile_of(self.space, self._inputs)

    def _check_covered(self, samples: Samples | None) -> None:
        missing = self._missing(samples)
        if not missing:
            return
        named = "; ".join(list(missing)[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        whose, given = ("these samples", "samples") if samples is not None else ("all samples", "")
        raise ProfileError(
            f"the latency table lacks {len(missing)} operators of {whose}: {named}{more}; measure them on "
            f"{self.device} with table.cover({given})"
        )

    def _missing(self, samples: Samples | None) -> dict[str, Call]:
        found: dict[str, Call] = {}
        for result in self._results_of_all() if samples is None else self._results(samples):
            text = self._signature(result)
            if text not in self.timings:
                found[text] = result.call
        return found

    def _results(self, samples: Samples) -> Iterator[Result]:
        """The distinct steps of samples that take time."""
        for walk, frame, _ in self._profile.parts(samples):
            for visit in walk.visits(frame):
                yield from _timed_results(visit.site, visit.outcomes)

    def _results_of_all(self) -> Iterator[Result]:
        diagrams = Diagrams()
        with explained(self._profile, diagrams):
            for walk, frame, fits in everything(self._profile, diagrams):
                for visit in walk.visits(frame):
                    yield from _timed_results(visit.site, masked(frame, visit.outcomes, fits))

    def _amounts(self, walk: Walk, frame: Frame) -> Iterator[Column]:
        for visit in walk.visits(frame):
            yield visit.site.amounts(visit.outcomes, self._nanoseconds)

    def _signature(self, result: Result) -> str:
        known = self._signatures.get(result)
        if known is None:
            known = self._signatures[result] = signature(result.call)
        return known

    def _nanoseconds(self, result: Result) -> int:
        timing = self.timings.get(self._signature(result)) if takes_time(result) else None
        return 0 if timing is None else round(timing.median * _NANOSECONDS)

    def __repr__(self) -> str:
        return f"LatencyTable({type(self.space).__name__}, device={str(self.device)!r}, {len(self.timings)} operators)"


def _timed_results(site: Site, outcomes: Column) -> Iterator[Result]:
    for number in np.unique(outcomes.ids):
        yield from filter(takes_time, site.outcomes[number] if number >= 0 else ())


def _rank_correlation(first: Numbers, second: Numbers) -> float:
    ranks = [np.argsort(np.argsort(numbers)).astype(float) for numbers in (first, second)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]) if len(first) > 1 else float("nan")


def _read(path: pathlib.Path) -> dict[str, Any]:
    found = parse(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise FormatError(f"{path} is no latency table: it does not say format {FORMAT!r}")
    device, operators = found.get("device"), found.get("operators")
    if not isinstance(device, str) or not isinstance(operators, dict) or not isinstance(found.get("inputs"), str):
        raise FormatError(f"{path}: expected texts as device and inputs, and an object as operators")
    try:
        torch.device(device)
    except RuntimeError as error:
        raise FormatError(f"{path}: {shown(device)} is no device") from error
    for text, seconds in operators.items():
        if not _are_seconds(seconds):
            raise FormatError(
                f"{path}: {shown(text)} takes {shown(seconds)}; expected two numbers of seconds from 0 on"
            )
    return found


def _are_seconds(value: Any) -> bool:
    return isinstance(value, list) and len(value) == len(("median", "spread")) and all(map(_is_second, value))


def _is_second(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
