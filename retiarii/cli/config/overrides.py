"""`--set key.path=value`: values of the command line in place of those of a file."""

from __future__ import annotations

import reprlib
import shlex
from collections.abc import Sequence
from typing import Any

from retiarii.cli.config.document import Document, parsed_option
from retiarii.cli.config.problems import ConfigError, Path, nearest, shown
from retiarii.cli.config.scalars import inline
from retiarii.cli.config.schema import PARTS, Config, is_component


def override(document: Document, settings: Sequence[str]) -> None:
    """Sets values of a document, each setting as in "strategy.population_size=20".

    The value is YAML, such as `20`, `[1, 2]` or `{name: TPE}`. The word "arguments" may be left out of the way.

    Raises:
        ConfigError: a setting leads nowhere.
    """
    for setting in settings:
        way, equals, text = setting.partition("=")
        if not equals or not way:
            raise ConfigError(f"--set {setting}: give KEY=VALUE, as in --set max_trials=20")
        if not setting.isascii() and setting != setting.encode(errors="replace").decode():
            raise ConfigError(f"--set {setting}: has bytes that are no text in UTF-8")
        value = parsed_option(text, f"--set {way}") if text.strip() else None
        place(document, "--set", way, value)


def place(document: Document, option: str, way: str, value: Any) -> None:
    """Puts a value that an option gives where the way leads.

    Raises:
        ConfigError: the way leads nowhere.
    """
    if not isinstance(document.value, dict):
        raise ConfigError(f"{document.source}:1: give a mapping of fields, such as `strategy: Random`")
    steps = way.split(".")
    try:
        if len(steps) > 1 and steps[0] in Config.model_fields and document.value.get(steps[0]) is None:
            raise LookupError(f"{steps[0]} is not in the config; give it whole, as in {_whole(steps, value)}")
        path, holder = _followed(document.value, steps)
    except LookupError as error:
        raise ConfigError(f"{option} {way}: {error.args[0]}") from None
    holder[path[-1]] = value
    document.forget(path)
    document.options[path] = option


def _whole(steps: Sequence[str], value: Any) -> str:
    """The setting that gives a field together with the value within it that was meant."""
    field, *inner = steps
    if field not in (*PARTS, "objectives"):
        return f"--set {field}=..." if field not in ("costs", "import_from") else f"--set '{field}=[...]'"
    if field in PARTS and inner == ["name"]:
        return f"--set {shlex.quote(f'{field}={inline(value)}')}"
    for step in reversed([step for step in inner if step != "arguments"]):
        value = {step: value}
    whole = {"name": "NAME", "arguments": value} if field in PARTS else value
    return f"--set {shlex.quote(f'{field}={inline(whole)}')}"


def _followed(root: dict[str, Any], steps: Sequence[str]) -> tuple[Path, Any]:
    """Where the steps lead: the path of it, and the mapping or list that it is in."""
    if steps[0] not in Config.model_fields:
        raise LookupError(f"{steps[0]!r} is unknown{nearest(steps[0], Config.model_fields)}")
    path: Path = ()
    holder: Any = root
    for number, step in enumerate(steps):
        if _is_part(path, holder) and step != "name":
            holder["arguments"] = {} if holder.get("arguments") is None else holder["arguments"]
            path, holder = (path, holder) if step == "arguments" else ((*path, "arguments"), holder["arguments"])
        key = _key(holder, step, path)
        path = (*path, key)
        if number < len(steps) - 1:
            holder = _within(holder, key, path)
    return path, holder


def _key(holder: Any, step: str, path: Path) -> str | int:
    if isinstance(holder, dict):
        return step
    if not isinstance(holder, list):
        raise LookupError(f"{shown(path)} is {reprlib.repr(holder)}, which has no {step}")
    if not (step.isascii() and step.isdigit() and int(step) < len(holder)):
        raise LookupError(f"{shown(path)} has {len(holder)} entries, numbered from 0, and {step!r} is none of them")
    return int(step)


def _within(holder: Any, key: str | int, path: Path) -> Any:
    """What the holder has there. The name alone of a component becomes a mapping with it."""
    if isinstance(holder, dict) and holder.get(str(key)) is None:
        raise LookupError(f"{shown(path)!r} is unknown{nearest(str(key), holder)}")
    if isinstance(holder[key], str) and _is_place_of_part(path):
        holder[key] = {"name": holder[key]}
    return holder[key]


def _is_part(path: Path, value: Any) -> bool:
    return isinstance(value, dict) and (_is_place_of_part(path) or ("arguments" in path and is_component(value)))


def _is_place_of_part(path: Path) -> bool:
    return (len(path) == 1 and path[0] in PARTS) or (len(path) == 2 and path[0] == "costs")  # noqa: PLR2004
