"""What the parts of a search are made with, as JSON values: to be read and compared, never to be made again from."""

from __future__ import annotations

import inspect
import json
from typing import Any

from retiarii.domain.naming import plain_fields
from retiarii.evaluator import Evaluator
from retiarii.experiment.open_arguments import open_symbols
from retiarii.experiment.texts import checksum, shortened
from retiarii.experiment.things import Things, constructor_defaults

FORM = 2
"""Of descriptions, recorded beside them. Those of records without it have addresses in them, and lack arguments."""

_MOST_LETTERS = 2500
_FEW_LETTERS = 100
_MOST_ARGUMENTS = 40


def described(part: object) -> dict[str, Any]:
    """The class of a strategy, engine, evaluator or stopper, and the arguments that it still holds by their names.

    The same program gives the same in every process: there are no addresses, and no labels that nobody gave. Of code
    there is a mark, of choices what they range over, and of what is long the beginning and a checksum, so that it is a
    few thousand letters at most.
    """
    found = Things(arguments_of).component(part)
    return {**found, "arguments": _fitted(found["arguments"])}


def arguments_of(part: object) -> dict[str, Any]:
    """What a part holds of its arguments, and what an evaluator leaves to be searched."""
    own = [name for name in inspect.signature(type(part)).parameters if hasattr(part, name)]
    attributes = getattr(part, "__dict__", {})
    inherited = [name for name in constructor_defaults(type(part)) if name not in own and name in attributes]
    found = {name: getattr(part, name) for name in own}
    found |= {name: value for name in inherited if not _is_ours(value := attributes[name])}
    return found if not isinstance(part, Evaluator) else _with_searchable(found, part)


def _with_searchable(found: dict[str, Any], evaluator: Evaluator) -> dict[str, Any]:
    offered = dict(evaluator.searchable())
    if type(evaluator).searchable is Evaluator.searchable:
        lasting = plain_fields(evaluator)
        new = [name for name in offered if not name.startswith("_") and name not in found]
        return found | {name: offered[name] for name in new if name in lasting or open_symbols(offered[name])}
    given = found.pop("arguments", None)
    if given is not None and given is not evaluator.searchable():
        found["arguments"] = given
    return found | {f"arguments.{name}" if name in found else name: value for name, value in offered.items()}


def _is_ours(value: Any) -> bool:
    """What a class hands to the one that it is derived from, such as its task."""
    return isinstance(value, type) and value.__module__.startswith("retiarii.")


def _fitted(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments, the longest of them as the beginning of a text and a checksum until all are short enough."""
    texts = {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for name, value in arguments.items()
    }
    first = {shortened(name, _FEW_LETTERS): arguments[name] for name in [*arguments][:_MOST_ARGUMENTS]}
    if len(arguments) > _MOST_ARGUMENTS:
        first["..."] = f"{len(arguments):,} arguments ({checksum(json.dumps(texts, sort_keys=True))})"
    total = sum(map(len, texts.values()))
    for name in sorted(first, key=lambda name: -len(texts.get(name, ""))):
        text = texts.get(name, "")
        if total <= _MOST_LETTERS or len(text) <= _FEW_LETTERS:
            break
        first[name] = shortened(text, _FEW_LETTERS)
        total += _FEW_LETTERS - len(text)
    return first
