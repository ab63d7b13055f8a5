"""Values and samples: what a choice can be decided to, and what an architecture is."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

# A JSON value. A tuple stands for a JSON list.
Value: TypeAlias = "bool | int | float | str | Sequence[Value] | Mapping[str, Value] | None"

# label -> value; JSON values only; labels of inactive choices are absent.
Sample: TypeAlias = dict[str, Value]


def frozen(value: Value) -> Value:
    """`value` with every list in it made a tuple, and every numpy scalar and every kind of float a plain one."""
    if isinstance(value, np.generic):
        return frozen(value.item())
    if isinstance(value, list | tuple):
        return tuple([frozen(item) for item in value])
    if isinstance(value, dict):
        return {name: frozen(item) for name, item in value.items()}
    return float(value) if isinstance(value, float) else value


def identity(value: object) -> Hashable:
    """A key equal for the same JSON values only: `1`, `1.0` and `True` differ, a list equals a tuple.

    Raises:
        TypeError: `value` is not a JSON value (NaN and infinity are none).
    """
    kind = type(value)
    if value is None or kind in (int, str, bool):
        return kind, value
    if isinstance(value, float) and math.isfinite(value):
        return float, float(value)
    if isinstance(value, list | tuple):
        return tuple, tuple([identity(item) for item in value])
    if isinstance(value, dict) and all(type(name) is str for name in value):
        return dict, frozenset((name, identity(item)) for name, item in value.items())
    raise TypeError(f"{value!r} ({kind.__name__}) is not a JSON value")
