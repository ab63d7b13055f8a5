"""What a trial takes of a cluster, as the user says it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from retiarii.errors import ExperimentError


def checked_resources(said: Mapping[str, float]) -> dict[str, float]:
    """The resources a trial takes, by the names of Ray; one CPU, unless it is said.

    Raises:
        ExperimentError: a name or an amount makes no sense.
    """
    if not isinstance(said, Mapping):
        raise ExperimentError(f"resources_per_trial is {said!r}; expected a mapping such as {{'CPU': 2, 'GPU': 0.5}}")
    for name, amount in said.items():
        _check(name, amount)
    return {"CPU": 1.0, **{name: float(amount) for name, amount in said.items()}}


def _check(name: str, amount: float) -> None:
    place = f"resources_per_trial[{name!r}]"
    if not isinstance(name, str):
        raise ExperimentError(f"{place}: the name of a resource is a text, such as 'CPU'")
    for known in ("CPU", "GPU", "memory"):
        if name != known and name.lower() in {known.lower(), f"num_{known.lower()}s"}:
            raise ExperimentError(f"{place}: Ray calls this {known!r}")
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount < math.inf:
        raise ExperimentError(f"{place} is {amount!r}; expected a number that is not negative")
    if amount > 1 and not float(amount).is_integer():
        raise ExperimentError(f"{place} is {amount!r}; above 1, Ray hands out whole ones only")
