"""Which keyword arguments go to whom: to the trainer, the task, and whatever makes loaders."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from retiarii.errors import ExperimentError

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

EVALUATORS_OWN = frozenset({"metric", "train_dataloaders", "val_dataloaders", "datamodule"})
"""What the evaluator takes itself, so that nobody else gets it."""


@dataclass(frozen=True, slots=True)
class Taker:
    """Something that is called with some of the arguments.

    Attributes:
        name: What it is called towards the user.
        known: The names of the arguments that it knows.
        needed: Those of them that it must get.
        takes_any: Whether it takes others, too.
    """

    name: str
    known: frozenset[str]
    needed: Sequence[str] = ()
    takes_any: bool = False

    @classmethod
    def of(cls, function: Callable[..., Any], *, given: int = 0) -> Self:
        """What a function or class takes beside its first `given` arguments."""
        name = getattr(function, "__qualname__", None) or repr(function)
        try:
            parameters = [*inspect.signature(function).parameters.values()]
        except (TypeError, ValueError):  # written in C: its arguments can't be seen
            return cls(name, frozenset(), takes_any=True)
        if given and not any(parameter.kind is not inspect.Parameter.KEYWORD_ONLY for parameter in parameters):
            raise ExperimentError(f"{name} takes no argument for the model; its first one has to be the model")
        is_open = parameters[:1] and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL
        named = [parameter for parameter in parameters[0 if is_open else given :] if parameter.kind in _NAMED]
        return cls(
            name,
            frozenset([parameter.name for parameter in named]),
            [parameter.name for parameter in named if parameter.default is inspect.Parameter.empty],
            any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters),
        )

    def part(self, arguments: Mapping[str, Any], others: Sequence[Taker] = ()) -> dict[str, Any]:
        """The arguments that are for this one: those it knows, and, if it takes any, those that no other one knows."""
        known_elsewhere = {name for other in others for name in other.known}
        return {
            name: value
            for name, value in arguments.items()
            if name in self.known or (self.takes_any and name not in known_elsewhere)
        }


def check_arguments(arguments: Iterable[str], takers: Sequence[Taker]) -> None:
    """Sees that somebody takes each argument, and that nobody lacks one.

    Raises:
        ExperimentError: it says which, and what looks like it.
    """
    given = set(arguments)
    known = {name: taker.name for taker in takers for name in taker.known}
    if not any(taker.takes_any for taker in takers):
        for name in sorted(given - known.keys()):
            close = difflib.get_close_matches(name, known, n=1)
            others = ", ".join(map(repr, sorted(takers[0].known))) or "no others"
            hint = f"did you mean {close[0]!r} ({known[close[0]]})?" if close else f"{takers[0].name} takes {others}"
            names = " or ".join([taker.name for taker in takers])
            raise ExperimentError(f"{name!r} is no argument of {names}; {hint}")
    for taker in takers:
        missing = [name for name in taker.needed if name not in given]
        if missing:
            names, taken = ", ".join(map(repr, missing)), [name for name in missing if name in EVALUATORS_OWN]
            hint = f"; {taken[0]!r} is the evaluator's own: give {taker.name} its by functools.partial" if taken else ""
            raise ExperimentError(f"{taker.name} needs {names}, which the evaluator was not given{hint}")
