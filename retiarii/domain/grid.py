"""A walk through all samples, or through those that keep some constraints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import cast

from retiarii.domain.activity import Condition
from retiarii.domain.choice import Choice
from retiarii.domain.constraint import Constraint
from retiarii.domain.requirement import Requirement
from retiarii.domain.sieve import Sieve, batch_sizes
from retiarii.domain.value import Sample, Value

Steps = Sequence[tuple[Choice, Condition | None]]
Trail = list[tuple[int, Iterator[Value]]]
Check = Callable[[Sample], bool]

MOST_IN_A_ROW = 1_000_000
"""As many samples may be refused one after another."""


def walk(steps: Steps) -> Iterator[Sample]:
    """All samples of `steps`, lazily, each once; the last label changes fastest."""
    return cast(Iterator[Sample], _walk(steps, {}))


def walk_within(steps: Steps, rules: Sequence[Constraint]) -> Iterator[Sample]:
    """The samples of the walk that keep the rules, of which requirements come first.

    A requirement is checked as soon as the choices that it names are decided, and cuts off the branch if it is broken;
    other rules are given whole samples, in batches.

    Raises:
        ConstraintError: No sample keeps the rules, or `MOST_IN_A_ROW` one after another do not.
    """
    sieve = Sieve(rules)
    requirements = [rule for rule in rules if isinstance(rule, Requirement)]
    return _sifted(_walk(steps, _checks(steps, requirements, sieve)), sieve, len(requirements))


def sifted(samples: Iterator[Sample], rules: Sequence[Constraint]) -> Iterator[Sample]:
    """Those of the samples that keep the rules.

    Raises:
        ConstraintError: None of them keeps the rules, or `MOST_IN_A_ROW` one after another do not.
    """
    return _sifted(samples, Sieve(rules), 0)


def _sifted(samples: Iterator[Sample | None], sieve: Sieve, first: int) -> Iterator[Sample]:
    """Those that keep the rules from number `first` on; one that breaks an earlier rule is None already."""
    in_a_row, has_any = 0, False
    for batch in batch_sizes():
        together = list(islice(samples, batch))
        if not together:
            break
        if in_a_row >= MOST_IN_A_ROW:
            raise sieve.error(
                f"none of {in_a_row:,} samples in a row is within {sieve.named}, although some further on may be: "
                "put the choices in another order, or draw at random"
            )
        found = sieve.passing([sample for sample in together if sample is not None], first)
        yield from found
        has_any = has_any or bool(found)
        in_a_row = 0 if found else in_a_row + len(together)
    if not has_any:
        raise sieve.error(f"no sample at all is within {sieve.named}")


def _checks(steps: Steps, requirements: Sequence[Requirement], sieve: Sieve) -> dict[int, Check]:
    places = {choice.label: place for place, (choice, _) in enumerate(steps, 1)}
    due: dict[int, list[int]] = {}
    for number, requirement in enumerate(requirements):
        due.setdefault(max([places[label] for label in requirement.labels], default=0), []).append(number)

    def check(numbers: list[int]) -> Check:
        return lambda sample: not any(sieve.refuses(sample, number) for number in numbers)

    return {place: check(numbers) for place, numbers in due.items()}


def _walk(steps: Steps, checks: Mapping[int, Check]) -> Iterator[Sample | None]:
    """See `walk`.

    Args:
        steps: The choices and their conditions.
        checks: By number of decided (or inactive) choices, whether samples that begin like this one are worth a look.

    Yields:
        A sample, or None for a beginning that is not worth a look.
    """
    sample: Sample = {}
    trail: Trail = []
    start: int | None = 0
    while start is not None:
        worthwhile = _complete(steps, checks, start, sample, trail)
        yield dict(sample) if worthwhile else None
        start = _advance(steps, sample, trail)


def _complete(steps: Steps, checks: Mapping[int, Check], start: int, sample: Sample, trail: Trail) -> bool:
    """Decides the choices from number `start` on, each by its first value."""
    for position in range(start, len(steps)):
        if position in checks and not checks[position](sample):
            return False
        choice, condition = steps[position]
        if condition is None or condition.verdict(sample):
            values = choice.values()
            sample[choice.label] = next(values)
            trail.append((position, values))
    return len(steps) not in checks or checks[len(steps)](sample)


def _advance(steps: Steps, sample: Sample, trail: Trail) -> int | None:
    """Gives the last choice that has one its next value; the number of the choice after it, None at the end."""
    while trail:
        position, values = trail[-1]
        label = steps[position][0].label
        try:
            sample[label] = next(values)
        except StopIteration:
            del sample[label]
            trail.pop()
        else:
            return position + 1
    return None
