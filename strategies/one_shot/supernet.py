"""The supernet: a space whose forward follows one architecture, or weighs several."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from torch import nn

from retiarii.domain.expression import Call, Decided, Expression
from retiarii.domain.nested import resolve_nested
from retiarii.domain.value import Sample
from retiarii.errors import SampleError, SpaceError
from retiarii.nn.answer import default_value
from retiarii.nn.choice import ChoiceModule
from retiarii.nn.compound import Compound
from retiarii.nn.growth import grow
from retiarii.nn.parameter import ShapedParameter
from retiarii.space import ModelSpace
from retiarii.space.decisions import HELD
from retiarii.strategies.one_shot.answers import SuperAnswer
from retiarii.strategies.one_shot.layers import masked
from retiarii.strategies.one_shot.plain_values import PlainValues
from retiarii.strategies.one_shot.ways import Ways

SHAPED = "ShapedParameter"


@dataclass(frozen=True, slots=True)
class Site:
    """A place in a supernet that asks how something is decided."""

    path: str
    """Of the module, in the space."""

    module: nn.Module
    name: str
    """What the module calls the expression; the name of a parameter, where it is its shape."""

    primitive: str
    """What the user wrote there, such as "LayerChoice" or "Conv2d"."""

    expression: Expression
    answer: SuperAnswer

    @property
    def labels(self) -> tuple[str, ...]:
        return self.expression.labels


class Supernet:
    """All models of a space in one, which share their weights.

    It works in place: the layers of the space grow to the largest that any model needs, and, between `engage` and
    `release`, the space's forward, as its user wrote it, does what `follow` or `decide` said last. Before and after, it
    is an ordinary space that computes its default, with the weights of the supernet;
    `space.freeze(sample, inherit_weights=True)` takes the parts of them that a model uses.

    Args:
        space: A model space without mutators.

    Attributes:
        space: The module to call.
        sites: The places in it that ask.

    Raises:
        SpaceError: the space has mutators, or nothing to choose.
    """

    def __init__(self, space: ModelSpace) -> None:
        if space.mutators:
            raise SpaceError(
                f"{type(space).__name__} has mutators, whose models share no modules and so no weights: write the "
                "choices into the model to train a supernet of it, or search it with a multi-trial strategy"
            )
        self.space = space
        self.domain = space.domain
        grow(space)
        self.sites = tuple(sites_of(space))
        self._alike = _alike(self.sites)
        self._parameters = _Parameters([site for site in self.sites if site.primitive == SHAPED])
        self._attributes = _Attributes(space)
        self._plain_values = PlainValues()
        self._resolve: Callable[[Expression], Any] = default_value

    def engage(self) -> None:
        """Let the space's forward ask the supernet, from now on."""
        for site in self.sites:
            if site.primitive != SHAPED:
                vars(site.module).setdefault("answers", {})[site.name] = site.answer
        vars(self.space)[HELD] = self

    def follow(self, sample: Sample) -> None:
        """Let the forward compute the model of a sample."""
        decided = Decided(sample)
        for first, *others in self._alike:
            ways = first.ways = _path(first.expression, decided)
            for answer in others:
                answer.ways = ways
        self._settle(partial(Expression.evaluate, sample=decided))

    def decide(self, labels: Mapping[str, Ways]) -> None:
        """Let the forward weigh what the ways of all labels say."""
        for first, *others in self._alike:
            ways = first.ways = first.joint.ways(labels)
            for answer in others:
                answer.ways = ways
        options = {label: ways.values for label, ways in labels.items()}
        self._settle(partial(self._plain_values.of, options=options))

    def release(self) -> None:
        """Give the space back: it computes its default again."""
        for site in self.sites:
            site.module.__dict__.pop("answers", None)
        self._attributes.restore()
        self._parameters.restore()
        vars(self.space).pop(HELD, None)

    @contextmanager
    def following(self, sample: Sample) -> Iterator[None]:
        """Within the block, and only there, the space computes the model of a sample."""
        self.engage()
        self.follow(sample)
        try:
            yield
        finally:
            self.release()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Within the block the space is as undecided as it was written; then it is engaged, and decided as before."""
        resolve = self._resolve
        self.release()
        try:
            yield
        finally:
            self.engage()
            self._settle(resolve)

    def resolve(self, expression: Expression) -> Any:
        """The value of an expression that forward looks at."""
        return self._resolve(expression)

    def _settle(self, resolve: Callable[[Expression], Any]) -> None:
        self._resolve = resolve
        self._attributes.decide(resolve)
        self._parameters.decide()


class _Attributes:
    """The attributes of a space's modules that follow what is decided."""

    def __init__(self, space: ModelSpace) -> None:
        places = vars(space).get("_space_undecided", ())
        self._attributes = [(vars(space.get_submodule(path)), name) for path, name in places]
        self._undecided = [attributes[name] for attributes, name in self._attributes]

    def decide(self, resolve: Callable[[Expression], Any]) -> None:
        for (attributes, name), undecided in zip(self._attributes, self._undecided, strict=True):
            try:
                attributes[name] = resolve_nested(undecided, resolve)
            except (SampleError, SpaceError):  # it can't be told, which matters only if the forward asks for it
                attributes[name] = undecided

    def restore(self) -> None:
        for (attributes, name), undecided in zip(self._attributes, self._undecided, strict=True):
            attributes[name] = undecided


class _Parameters:
    """The parameters of undecided shape: what is decided of them hides the whole ones."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self._sites = sites

    def decide(self) -> None:
        for site in self._sites:
            ways = site.answer.ways
            whole = site.module._parameters[site.name]
            if ways is None or not isinstance(whole, ShapedParameter):
                vars(site.module).pop(site.name, None)
                continue
            vars(site.module)[site.name] = whole.part(ways.values[0]) if ways.is_path else masked(whole, ways)

    def restore(self) -> None:
        for site in self._sites:
            vars(site.module).pop(site.name, None)


def sites_of(space: ModelSpace) -> Iterator[Site]:
    """The places in a space that ask how something is decided."""
    for path, module in space.named_modules():
        for name, expression in _asked(module).items():
            yield _site(path, module, name, type(module).__name__, expression)
        for name, parameter in module._parameters.items():
            if isinstance(parameter, ShapedParameter):
                shape = Call("tuple", parameter.choice_shape)
                yield _site(path, module, name, SHAPED, shape)


def is_open(module: nn.Module) -> bool:
    """Whether something of a module, beside its parts, is for a supernet to decide."""
    return _asks(module) or any(isinstance(parameter, ShapedParameter) for parameter in module._parameters.values())


def _asks(module: nn.Module) -> bool:
    return isinstance(module, ChoiceModule | Compound) or "choice_arguments" in vars(module)


def _asked(module: nn.Module) -> Mapping[str, Expression]:
    return cast("Any", module).undecided() if _asks(module) else {}


def _site(path: str, module: nn.Module, name: str, primitive: str, expression: Expression) -> Site:
    labels = expression.labels
    place = f"the {primitive} at {path!r} ({'label' if len(labels) == 1 else 'labels'} {', '.join(map(repr, labels))})"
    return Site(path, module, name, primitive, expression, SuperAnswer(expression, place))


def _alike(sites: Iterable[Site]) -> list[list[SuperAnswer]]:
    """The answers, those for equal expressions together: many layers ask for the same width."""
    found: dict[str, list[SuperAnswer]] = {}
    for site in sites:
        found.setdefault(json.dumps(site.expression.to_json()), []).append(site.answer)
    return list(found.values())


def _path(expression: Expression, sample: Decided) -> Ways | None:
    """The value under a sample; None where the sample leaves it open, because the model has no such place."""
    try:
        return Ways((expression.evaluate(sample),))
    except SampleError:
        return None
