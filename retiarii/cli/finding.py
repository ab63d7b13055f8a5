"""What `retiarii doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["ok", "absent", "warning", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    area: str
    name: str
    found: str
    verdict: Verdict = "ok"
    """"absent" is what one may do without; what is "broken" is needed."""

    remedy: str = ""
