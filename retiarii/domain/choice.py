"""A choice: one of a list, a subset, or a number.

Each kind has a `label`, a `default`, a `size`, and `check(value)`. Its values come as `values()`, `nth(index)` in the
same order, `at(share)` for a number from [0, 1), and `random(rng)`; all but one of them as `other_at(value, share)`,
and those near it as `others(value)`.
"""

from __future__ import annotations

from typing import TypeAlias

from retiarii.domain.categorical import Categorical
from retiarii.domain.numeric import Numeric
from retiarii.domain.subset import Subset

__all__ = ["Categorical", "Choice", "Numeric", "Subset"]

Choice: TypeAlias = Categorical | Subset | Numeric
