"""A choice: one of a list, a subset, or a number.

Each kind has a `label`, a `default`, a `size`, and `values()`, `random(rng)` and `check(value)`.
"""

from __future__ import annotations

from typing import TypeAlias

from retiarii.domain.categorical import Categorical
from retiarii.domain.numeric import Numeric
from retiarii.domain.subset import Subset

__all__ = ["Categorical", "Choice", "Numeric", "Subset"]

Choice: TypeAlias = Categorical | Subset | Numeric
