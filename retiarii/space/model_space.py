"""`ModelSpace`: a model with choices in it."""

from __future__ import annotations

import copy
import pathlib
from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from torch import nn

from retiarii.domain import Domain
from retiarii.domain.arithmetic import resolving
from retiarii.domain.constraint import Constraint, Limit
from retiarii.domain.expression import Expression
from retiarii.domain.value import Sample
from retiarii.errors import SpaceError
from retiarii.graph.choose import current_tracer
from retiarii.graph.tracing import Examples
from retiarii.graph.turns import TURN
from retiarii.nn.answer import default_value
from retiarii.space.decisions import HELD, decisions_of, undecided
from retiarii.space.defaults import Defaults, Place, shaped_parameters, undecided_attributes
from retiarii.space.freeze import Freezer
from retiarii.space.lazy import remember_lazy
from retiarii.space.mutator import Mutator
from retiarii.space.plain import plain_class
from retiarii.space.remade import remade
from retiarii.space.requirements import Rule, accepted, as_constraint, check_costs, requirements_of
from retiarii.space.survey import domain_of, survey
from retiarii.space.variants import SpaceGraph, Variants

if TYPE_CHECKING:
    from retiarii.space.summary import Summary


class Derived:
    """A property of a space that gives way to a submodule or attribute of the same name."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__

    def __get__(self, space: Any, owner: type) -> Any:
        if space is None:
            return self
        for table in (
            space.__dict__.get("_modules"),
            space.__dict__.get("_parameters"),
            space.__dict__.get("_buffers"),
        ):
            if table and self.name in table:
                return table[self.name]
        return self.function(space)


class SpaceType(ABCMeta):
    """The class of model spaces: remembers how a space was made, and looks at its choices once it is complete."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        space = super().__call__(*args, **kwargs)
        if "_modules" not in vars(space):
            raise SpaceError(f"{cls.__name__}.__init__ has not called super().__init__(): call it first")
        vars(space)["_space_made_by"] = (cls, args, kwargs)
        root = space.rewritten()
        remember_lazy(root)
        vars(space)["_space_domain"] = Domain(*domain_of(survey(root)), requirements_of(root))
        vars(space)["_space_undecided"] = undecided_attributes(space)
        vars(space)["_space_shaped"] = shaped_parameters(space)
        if not space.mutators:
            _complete(space)  # tells of constraints that are written wrongly
        check_costs(space, _rules(space))
        return space


class ModelSpace(nn.Module, metaclass=SpaceType):
    """A model with choices in it. Subclass it and write `__init__` and `forward` as for any `nn.Module`.

    As a module it is an ordinary model, with every choice at its default. A submodule may be called `size`, `labels`,
    `domain` or `graph`; it then hides the property of that name.

    Attributes:
        example_inputs: inputs to trace along (see `retiarii.graph.trace`), if a subclass or an instance sets them.
        mutators: what rewrites the graph of each model.
    """

    example_inputs: Examples | None = None
    mutators: Sequence[Mutator] = ()
    __derived_attributes__ = (
        "_space_constraints",
        "_space_domain",
        "_space_decisions",
        "_space_made_by",
        "_space_shaped",
        "_space_undecided",
        "_space_variants",
    )

    @classmethod
    def from_module(
        cls, model: nn.Module, mutators: Sequence[Mutator], *, example_inputs: Examples | None = None
    ) -> ModelSpace:
        """The space of what mutators make of a model, which may itself hold choices, or be a space.

        Args:
            model: any module; it stays as it is.
            mutators: applied in this order, after those of a model that is a space.
            example_inputs: inputs to trace along, if the model needs them.
        """
        if isinstance(model, ModelSpace):
            example_inputs = model.example_inputs if example_inputs is None else example_inputs
            made = MutatedSpace(_copied(model.rewritten()), (*model.mutators, *mutators), example_inputs)
            vars(made)["_space_constraints"] = tuple(map(as_constraint, _rules(model)))
            vars(made).pop("_space_variants", None)
            check_costs(made, _rules(made))
            return made
        return MutatedSpace(_copied(model), tuple(mutators), example_inputs)

    # --- what strategies see ---------------------------------------------------------------------------------------

    @Derived
    def domain(self) -> Domain:
        """The labelled choices and their conditions, free of torch."""
        return _complete(self)

    @Derived
    def labels(self) -> tuple[str, ...]:
        """The names of the choices."""
        return _complete(self).labels

    @Derived
    def size(self) -> int | float:
        """The number of distinct samples; `math.inf` with continuous choices."""
        return _complete(self).size

    def constrain(self, rule: Rule) -> Self:
        """Keep to the samples that a rule allows, beside all rules before; in place, in `__init__` or later::

            space.constrain(space.width * space.depth <= 64)
            space.constrain(flops <= 3e8)
            space.constrain(lambda sample: sample["width"] != sample["depth"])

        Args:
            rule: an expression over choices, a limit on a cost (any `Constraint`), or a function of a sample that
                gives True or False. An expression holds where it depends on choices that are not part of the model.

        Returns:
            The space.

        Raises:
            SpaceError: it is none of these, or limits a cost of a space with other choices.
            DomainError: it names an unknown label (where it is given in `__init__`, when that has ended).
            ConstraintError: the bounds of the cost tell that no model is within the limit.
        """
        given = accepted(rule)
        is_complete = "_space_domain" in vars(self)
        if is_complete:
            check_costs(self, [given])
        if isinstance(given, Limit) and not (is_complete and _is_met(self, given)):
            given.check_bounds()
        if is_complete:
            _variants(self).constrain(given)
        vars(self)["_space_constraints"] = (*_rules(self), given)
        return self

    def contains(self, sample: Mapping[str, Any]) -> bool:
        """Whether the sample decides a model of this space."""
        return _complete(self).contains(sample)

    def validate(self, sample: Mapping[str, Any]) -> None:
        """Raise SampleError, with the label and what was expected, unless the sample decides a model of this space."""
        _complete(self).validate(sample)

    def random(self, seed: int | None = None) -> Sample:
        """A sample drawn choice by choice; the same for the same seed.

        Raises:
            ConstraintError: the constraints refuse 10,000 drawn samples.
        """
        return _complete(self).random(np.random.default_rng(seed))

    def grid(self) -> Iterator[Sample]:
        """All samples, lazily.

        Raises:
            ConstraintError: the constraints refuse all of them, or a million in a row.
        """
        return _complete(self).grid()

    def default(self) -> Sample:
        """The sample of the model that the space itself computes; if constraints refuse it, a random one."""
        return _complete(self).default()

    def summary(self, inputs: Any = None, *, full: bool = False) -> Summary:
        """What there is to choose, as a table: for `print`, notebooks and rich consoles.

        Above it are the number of samples, the constraints, and the parameters and FLOPs of the smallest and the
        largest model.

        Args:
            inputs: what models are called with, as for `retiarii.profiler.Flops`; by default the space's
                `example_inputs`, or one element of its `input_shape`. Without any there are no FLOPs.
            full: a line for each label, instead of one for labels that differ in numbers alone.
        """
        from retiarii.space.summary import summarize  # noqa: PLC0415  rich is needed for this alone

        return summarize(self, _complete(self), inputs, full=full)

    def draw(self, path: str | pathlib.Path, *, depth: int | None = None, scope: str = "") -> pathlib.Path:
        """Write a picture of the whole space, choices included; see `retiarii.graph.draw.draw` for the arguments."""
        return _variants(self).graph.draw(path, depth=depth, scope=scope, choices=_complete(self).choices)

    # --- models ----------------------------------------------------------------------------------------------------

    @Derived
    def graph(self) -> SpaceGraph:
        """The whole space as a graph, choices included; `graph.apply(sample)` is one model's."""
        return _variants(self).graph

    def freeze(self, sample: Mapping[str, Any], inherit_weights: bool = False) -> nn.Module:
        """The plain model that the sample decides, with nothing of this project in it.

        Args:
            sample: label to value.
            inherit_weights: start from the space's weights wherever they fit, instead of fresh ones.

        Raises:
            SampleError: the sample is not of this space.
            SpaceError: fresh weights are wanted, and the space was changed after it was made.
        """
        decided = _complete(self).canonical(sample)
        with undecided(self):
            return self._frozen(decided, inherit_weights)

    def _frozen(self, decided: Sample, inherit_weights: bool) -> nn.Module:
        if not self.mutators and self.rewritten() is self:
            return Freezer(decided, ModelSpace, inherit_weights).model(
                _copied(self) if inherit_weights else remade(self, decided)
            )
        model = _variants(self).model_graph(decided).to_module().train(self.training)
        if inherit_weights:
            before = Freezer(decided, ModelSpace, inherits=True).model(_copied(self.rewritten()))
            _inherit(model, before)
        return model

    @classmethod
    def __plain_class__(cls) -> type[nn.Module]:
        """The class of models that are made of this space."""
        return plain_class(cls, ModelSpace)

    def rewritten(self) -> nn.Module:
        """The module whose graph mutators rewrite."""
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current_tracer() is not None:
            return super().__call__(*args, **kwargs)
        decisions = decisions_of(self)
        if decisions is not None:
            with resolving(decisions.resolve):
                return super().__call__(*args, **kwargs)
        attributes, parameters = _undecided(self)
        if not attributes and not parameters:
            with resolving(default_value):
                return super().__call__(*args, **kwargs)
        with TURN, resolving(default_value), Defaults(self, attributes, parameters):
            return super().__call__(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in (HELD, "_space_variants")}

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _METHODS or (isinstance(value, nn.Module) and name in ("mutators", "example_inputs")):
            raise SpaceError(
                f"{type(self).__name__}.{name} belongs to every model space: give what you assign another name"
            )
        if isinstance(value, nn.Module) and "_modules" not in self.__dict__:
            raise SpaceError(
                f"{type(self).__name__}.{name} is assigned before super().__init__(): call that first in __init__"
            )
        super().__setattr__(name, value)


_METHODS = frozenset(
    {"constrain", "contains", "default", "draw", "freeze", "from_module"}
    | {"grid", "random", "rewritten", "summary", "validate"}
)


class MutatedSpace(ModelSpace):
    """A model that mutators rewrite."""

    def __init__(self, model: nn.Module, mutators: tuple[Mutator, ...], example_inputs: Examples | None) -> None:
        super().__init__()
        self.model = model
        self.mutators = mutators
        self.example_inputs = example_inputs

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the unchanged model computes."""
        return self.model(*args, **kwargs)

    def rewritten(self) -> nn.Module:
        return self.model


def _complete(space: ModelSpace) -> Domain:
    """The domain of a space, its mutators' choices included."""
    domain: Domain | None = space.__dict__.get("_space_domain")
    if domain is None:
        raise SpaceError(f"{type(space).__name__} is not complete yet: its domain is known when __init__ has ended")
    return _variants(space).domain


_FEW = 256


def _is_met(space: ModelSpace, limit: Limit) -> bool:
    """Whether some of a few samples are within a limit, so that its bounds, which may take long, tell nothing new."""
    if not hasattr(limit.cost, "bounds"):
        return True
    domain, rng = _complete(space).unconstrained, np.random.default_rng(0)
    return bool(limit.which_hold([domain.random(rng) for _ in range(_FEW)]).any())


def _undecided(space: ModelSpace) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
    return vars(space).get("_space_undecided", ()), vars(space).get("_space_shaped", ())


def _rules(space: ModelSpace) -> tuple[Expression | Constraint, ...]:
    given: tuple[Expression | Constraint, ...] = vars(space).get("_space_constraints", ())
    return given


def _variants(space: ModelSpace) -> Variants:
    known: Variants | None = space.__dict__.get("_space_variants")
    if known is None:
        domain: Domain = space.__dict__["_space_domain"]
        known = Variants(space.rewritten(), domain, space.mutators, space.example_inputs, _rules(space))
        known = space.__dict__.setdefault("_space_variants", known)
    return known


def _copied(module: nn.Module) -> nn.Module:
    """A copy of a module, while no other thread traces it."""
    with TURN:
        return copy.deepcopy(module)


def _inherit(model: nn.Module, before: nn.Module) -> None:
    own, state = model.state_dict(), before.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    model.load_state_dict({**own, **fitting})
