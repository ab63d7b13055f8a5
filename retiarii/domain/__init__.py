"""What strategies see of a model space: labelled choices, conditions, samples. Plain Python and numpy."""

from __future__ import annotations

from retiarii.domain.activity import Alternatives
from retiarii.domain.arithmetic import Resolver, active_resolver, resolving
from retiarii.domain.choice import Categorical, Choice, Numeric, Subset
from retiarii.domain.constraint import Constraint, Cost, Limit, Predicate
from retiarii.domain.domain import Domain
from retiarii.domain.expression import Argument, Call, Expression, Symbol
from retiarii.domain.functions import condition, expression_from_json, maximum, minimum, to_float, to_int
from retiarii.domain.nested import contains_expression, evaluate_nested, symbols_in
from retiarii.domain.partial import Partial
from retiarii.domain.requirement import Requirement
from retiarii.domain.shares import index_at
from retiarii.domain.value import Sample, Value

__all__ = [
    "Alternatives",
    "Argument",
    "Call",
    "Categorical",
    "Choice",
    "Constraint",
    "Cost",
    "Domain",
    "Expression",
    "Limit",
    "Numeric",
    "Partial",
    "Predicate",
    "Requirement",
    "Resolver",
    "Sample",
    "Subset",
    "Symbol",
    "Value",
    "active_resolver",
    "condition",
    "contains_expression",
    "evaluate_nested",
    "expression_from_json",
    "index_at",
    "maximum",
    "minimum",
    "resolving",
    "symbols_in",
    "to_float",
    "to_int",
]
