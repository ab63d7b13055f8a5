"""What somebody meant who wrote a plain value where an object belongs."""

from __future__ import annotations

from typing import Any

from retiarii.cli.config.names import UnknownNameError, registered
from retiarii.cli.config.schema import with_arguments


def meant(value: Any, field: str) -> str:
    """What to write instead, to be put behind a message; nothing if the value stands for no object.

    Args:
        value: A text or a mapping.
        field: Of the config, whose names may be used.
    """
    if isinstance(value, dict):
        return f"; for one that is made, write {with_arguments(value)}" if isinstance(value.get("name"), str) else ""
    if _is_import_path(value):
        return f"; for what lies there, write {{import: {value}}}"
    return f"; for one that is made, write {{name: {value}}}" if _is_registered(value, field) else ""


def _is_import_path(text: str) -> bool:
    return "." in text and all(word.isidentifier() for word in text.replace(":", ".").split("."))


def _is_registered(text: str, field: str) -> bool:
    try:
        return registered(text, field) is not None
    except UnknownNameError:
        return False
