"""A rule that proposals must keep."""

from __future__ import annotations

from collections.abc import Callable

from retiarii.domain import Domain, Limit, Partial, Predicate, Requirement, Sample
from retiarii.domain.constraint import Constraint
from retiarii.domain.expression import Expression
from retiarii.errors import ExperimentError
from retiarii.strategies.middleware import Middleware
from retiarii.strategy import Objectives


class Filter(Middleware):
    """Lets a strategy propose only what keeps a rule, as if the space had one more constraint.

    Args:
        rule: A function of a sample that gives True or False, a limit on a cost (`flops <= 3e8`) or any other
            constraint, or an expression over choices.

    Raises:
        ExperimentError: it is none of these.
    """

    def __init__(self, rule: Callable[[Sample], bool] | Constraint | Expression) -> None:
        self.rule = _as_constraint(rule)

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain.constrained(self._rule_within(domain)), objectives, seed)

    def _rule_within(self, domain: Domain) -> Constraint:
        """The rule; a cost sees of each sample what its space knows, which may have been joined by other choices."""
        space = getattr(self.rule.cost, "space", None) if isinstance(self.rule, Limit) else None
        if space is None or {*domain.labels} <= {*space.domain.labels}:
            return self.rule
        return Partial(self.rule, frozenset(space.domain.labels))


def _as_constraint(rule: object) -> Constraint:
    if isinstance(rule, Constraint):
        return rule
    if isinstance(rule, Expression):
        return Requirement(rule)
    if isinstance(rule, type) or not callable(rule):
        raise ExperimentError(f"Filter takes a function of a sample, a constraint or an expression, not {rule!r}")
    return Predicate(rule)
