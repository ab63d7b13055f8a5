"""Small domains with something special in each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from retiarii.domain import Categorical, Domain, Numeric, Predicate, Requirement, Sample, Subset, Symbol


def _conditional() -> Domain:
    depth = Symbol("depth")
    layers = [Categorical(f"layer{index}", ("conv", "pool")) for index in (1, 2, 3)]
    deep = {f"layer{index}": ((depth >= index,),) for index in (2, 3)}
    return Domain([Categorical("depth", (1, 2, 3)), *layers], deep)


def _is_odd(sample: Sample) -> bool:
    return sum([len(str(value)) for value in sample.values()]) % 2 == 1


def _constrained() -> Domain:
    depth, width, most = Symbol("depth"), Symbol("width"), Symbol("most")
    sizes = [Categorical("depth", (1, 2, 3)), Categorical("width", (8, 16, 32)), Categorical("most", (16, 64))]
    rules = [Requirement(width * depth <= most), Predicate(_is_odd)]
    return Domain([*sizes, Categorical("kernel", (3, 5, 11))], {"kernel": ((depth > 1,),)}, rules)


def _rare() -> Domain:
    """One sample in a hundred keeps the constraint."""
    digits = [Categorical(f"digit{index}", tuple(range(10))) for index in range(4)]
    first, last = Symbol("digit0"), Symbol("digit3")
    return Domain(digits, constraints=[Requirement(first + last <= 0)])


DOMAINS: Mapping[str, Domain] = MappingProxyType(
    {
        "flat": Domain([Categorical("width", (16, 32, 64)), Categorical("kernel", (3, 5))]),
        "single": Domain([Categorical("only", ("this",))]),
        "look-alikes": Domain([Categorical("value", (1, True, 1.0, "1", None, (1,), 0, False))]),
        "conditional": _conditional(),
        "constrained": _constrained(),
        "subsets": Domain([Subset("inputs", 4, 1, 2), Categorical("sum", (True, False))]),
        "integers": Domain([Numeric("layers", 1, 5, integer=True), Numeric("units", 1, 64, integer=True, log=True)]),
        "continuous": Domain([Numeric("rate", 1e-4, 1.0, log=True), Categorical("size", ("small", "large"))]),
        "two": Domain([Categorical("act", ("relu", "tanh"))]),
        "numbers": Domain(
            [Numeric("rate", 1e-4, 1.0, log=True), Numeric("decay", 0.0, 1.0), Numeric("units", 1, 9, True)]
        ),
        "rare": _rare(),
        "large": Domain([Categorical(f"choice{index}", ("a", "b", "c", "d")) for index in range(50)]),
    }
)
"""By name; the large one has 10^30 samples."""
