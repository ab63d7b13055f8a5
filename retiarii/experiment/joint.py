"""What an evaluator leaves open joins the choices of the space: both are searched together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from retiarii.domain import Choice, Domain, Partial, Requirement, Sample, Symbol, Value
from retiarii.engine import Space
from retiarii.errors import ExperimentError, SampleError
from retiarii.evaluator import Evaluator
from retiarii.experiment.open_arguments import open_symbols, refuse_unsearched, with_values


class Joint:
    """A space and an evaluator with one domain, whose samples decide about both.

    Labels that both have are one choice. The space, and what is said about it (constraints, costs), sees its own part
    of a sample alone.

    Args:
        space: The model space.
        evaluator: It may leave value choices open, and expressions over them, in dicts, lists, tuples and dataclasses,
            too. One without a label is called after what it stands for.

    Attributes:
        domain: That of the space, followed by the evaluator's own choices.

    Raises:
        ExperimentError: a label is there twice for different choices, or for one that not every model has; or a choice
            is where it can't be searched.
    """

    def __init__(self, space: Space, evaluator: Evaluator) -> None:
        self.space = space
        self.evaluator = evaluator
        refuse_unsearched(evaluator, space)
        self._open = {name: value for name, value in evaluator.searchable().items() if open_symbols(value)}
        self._labels: dict[str, str] = {}
        self._added: dict[str, Choice] = {}
        found = [(name, symbol) for name, value in self._open.items() for symbol in open_symbols(value)]
        self._taken = {*space.domain.labels, *[symbol.label for _, symbol in found if self._is_labelled(symbol)]}
        for name, symbol in found:
            self._join(name, symbol)
        self.domain = self._joined() if self._added else space.domain

    @property
    def open_labels(self) -> tuple[str, ...]:
        """The labels that the evaluator depends on, its own and the space's."""
        return tuple(self._labels.values())

    def part(self, sample: Sample) -> Sample:
        """What a sample decides of the space."""
        if not self._added:
            return sample
        return {label: value for label, value in sample.items() if label not in self._added}

    def rest(self, sample: Sample) -> dict[str, Value]:
        """The values of a sample that the evaluator depends on, by label."""
        return {label: sample[label] for label in self._labels.values()}

    def decided(self, sample: Sample) -> dict[str, Any]:
        """What a sample decides of the evaluator: the values of what that leaves open, by name.

        Raises:
            SampleError: an expression can't be computed; it says of which argument.
            Exception: whatever a dataclass raises that is made with the values.
        """
        values = {symbol: sample[label] for symbol, label in self._labels.items()}
        return {name: _decided(name, value, values) for name, value in self._open.items()}

    def _is_labelled(self, symbol: Symbol) -> bool:
        """Whether the label is the user's, or the space's because the choice is in the space, too."""
        return getattr(symbol, "is_labelled", True) or symbol.label in self.space.domain.choices

    def _join(self, name: str, symbol: Symbol) -> None:
        domain, is_labelled = self.space.domain, self._is_labelled(symbol)
        if symbol.label in self._labels and not is_labelled:
            return
        label = symbol.label if is_labelled else self._free(name)
        known = self._added.get(label, domain.choices.get(label))
        choice = self._choice(name, symbol, label, known)
        if known is not None and known != choice:
            where = "the evaluator" if label in self._added else "the space"
            raise ExperimentError(
                f"the evaluator's {name!r} has the choice {choice!r}, and {where} has {known!r}: give one of them "
                "another label, or make them equal to decide both at once"
            )
        if label in domain.conditions:
            raise ExperimentError(
                f"the evaluator's {name!r} depends on {label!r}, which not every model of the space has: give the "
                "evaluator a choice with a label of its own"
            )
        self._labels[symbol.label] = label
        if known is None:
            self._added[label] = choice

    def _choice(self, name: str, symbol: Symbol, label: str, known: Choice | None) -> Choice:
        own: Choice | None = getattr(symbol, "choice", known)
        if own is None:
            raise ExperimentError(f"the evaluator's {name!r} depends on {label!r}, which is no choice of the space")
        return own if own.label == label else replace(own, label=label)

    def _free(self, name: str) -> str:
        label, number = name, 0
        while label in self._taken:
            number += 1
            label = f"{name}_{number}"
        self._taken.add(label)
        return label

    def _joined(self) -> Domain:
        domain = self.space.domain
        labels = frozenset(domain.labels)
        rules = [rule if isinstance(rule, Requirement) else Partial(rule, labels) for rule in domain.constraints]
        return Domain([*domain.choices.values(), *self._added.values()], domain.conditions, rules)


def _decided(name: str, value: Any, sample: Sample) -> Any:
    try:
        return with_values(value, sample)
    except SampleError as error:
        raise SampleError(f"the evaluator's {name!r}: {error}") from error
