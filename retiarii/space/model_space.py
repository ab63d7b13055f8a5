"""`ModelSpace`: a model with choices in it."""

from __future__ import annotations

import copy
from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from retiarii.domain import Domain
from retiarii.domain.arithmetic import resolving
from retiarii.domain.value import Sample
from retiarii.errors import SpaceError
from retiarii.graph.choose import current_tracer
from retiarii.graph.tracing import Examples
from retiarii.space.defaults import Defaults, default_value, undecided_attributes
from retiarii.space.freeze import Freezer
from retiarii.space.mutator import Mutator
from retiarii.space.plain import plain_class
from retiarii.space.survey import domain_of, survey
from retiarii.space.variants import SpaceGraph, Variants


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
        vars(space)["_space_domain"] = Domain(*domain_of(survey(space.rewritten())))
        vars(space)["_space_undecided"] = undecided_attributes(space)
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
    __derived_attributes__ = ("_space_made_by", "_space_domain", "_space_undecided", "_space_variants")

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
            return MutatedSpace(copy.deepcopy(model.rewritten()), (*model.mutators, *mutators), example_inputs)
        return MutatedSpace(copy.deepcopy(model), tuple(mutators), example_inputs)

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

    def contains(self, sample: Mapping[str, Any]) -> bool:
        """Whether the sample decides a model of this space."""
        return _complete(self).contains(dict(sample))

    def validate(self, sample: Mapping[str, Any]) -> None:
        """Raise SampleError, with the label and what was expected, unless the sample decides a model of this space."""
        _complete(self).validate(dict(sample))

    def random(self, seed: int | None = None) -> Sample:
        """A sample drawn choice by choice; the same for the same seed."""
        return _complete(self).random(np.random.default_rng(seed))

    def grid(self) -> Iterator[Sample]:
        """All samples, lazily."""
        return _complete(self).grid()

    def default(self) -> Sample:
        """The sample of the model that the space itself computes."""
        return _complete(self).default()

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
        decided = _complete(self).canonical(dict(sample))
        if not self.mutators:
            return Freezer(decided, ModelSpace).freeze(copy.deepcopy(self) if inherit_weights else remade(self))
        model = _variants(self).model_graph(decided).to_module().train(self.training)
        if inherit_weights:
            before = Freezer(decided, ModelSpace).freeze(copy.deepcopy(self.rewritten()))
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
        with resolving(default_value), Defaults(self, vars(self).get("_space_undecided", ())):
            return super().__call__(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_space_variants"}

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


_METHODS = frozenset({"contains", "default", "freeze", "from_module", "grid", "random", "rewritten", "validate"})


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
    return _variants(space).domain if space.mutators else domain


def _variants(space: ModelSpace) -> Variants:
    known: Variants | None = space.__dict__.get("_space_variants")
    if known is None:
        domain: Domain = space.__dict__["_space_domain"]
        known = Variants(space.rewritten(), domain, space.mutators, space.example_inputs)
        space.__dict__["_space_variants"] = known
    return known


def remade(space: ModelSpace) -> nn.Module:
    """The space made anew, so that its weights are fresh.

    Raises:
        SpaceError: it is not the same any more.
    """
    cls, args, kwargs = space.__dict__["_space_made_by"]
    try:
        given = copy.deepcopy((args, kwargs))
    except TypeError as error:
        raise SpaceError(
            f"{cls.__name__} was made with an argument that can't be copied ({error}), so it can't be made anew with "
            "fresh weights; give it another argument, or use freeze(..., inherit_weights=True)"
        ) from error
    try:
        made: nn.Module = cls(*given[0], **given[1])
    except Exception as error:
        error.add_note(
            f"{cls.__name__} is made anew, for fresh weights, from the arguments that it was first made with"
        )
        raise
    before, now = _parts(made), _parts(space)
    if before != now:
        different = sorted({path for path, _ in before ^ now})
        raise SpaceError(
            f"{cls.__name__} was changed after it was made, or its __init__ makes something else each time: see "
            f"{different[0]!r}; make it whole in __init__, or use freeze(..., inherit_weights=True)"
        )
    return made.train(space.training)


def _parts(space: nn.Module) -> set[tuple[str, str]]:
    parts = {(path, type(module).__name__.removeprefix("Lazy")) for path, module in space.named_modules()}
    domain = space.__dict__["_space_domain"]
    return parts | {(label, repr(choice)) for label, choice in domain.choices.items()}


def _inherit(model: nn.Module, before: nn.Module) -> None:
    own, state = model.state_dict(), before.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    model.load_state_dict({**own, **fitting})
