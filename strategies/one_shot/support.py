"""What a one-shot method can't do with a space, said before it starts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from torch.optim import Optimizer

from retiarii.domain import Categorical, Choice, Expression, Numeric, Subset, Symbol
from retiarii.errors import ExperimentError, RetiariiError, SpaceError
from retiarii.evaluator import Trainable
from retiarii.nn.input_choice import InputChoice
from retiarii.nn.nasbench101 import NasBench101Cell
from retiarii.nn.repeat import Repeat
from retiarii.space import ModelSpace
from retiarii.strategies.one_shot.architecture import MOST_VALUES
from retiarii.strategies.one_shot.plain_values import are_numbers
from retiarii.strategies.one_shot.supernet import Site, sites_of
from retiarii.strategies.one_shot.ways import MOST_JOINT

_SAMPLED = "RandomOneShot or ENAS"


def check_space(space: ModelSpace, method: str, *, weighs: bool, at_once: float = math.inf) -> None:
    """See that a method can train a supernet of a space.

    Args:
        space: The space.
        method: What the strategy is called.
        weighs: Whether several candidates count at once, or one with a factor that gradients reach.
        at_once: So many values of a choice count in one step at most.

    Raises:
        SpaceError: it can't; it says for which label of which primitive, why, and what would work.
    """
    if space.mutators:
        raise SpaceError(
            f"{method} can't search {type(space).__name__}: its models are made by mutators ("
            f"{', '.join([type(mutator).__name__ for mutator in space.mutators])}), so they share no modules and no "
            "weights; write the choices into the model, or use a multi-trial strategy, such as RegularizedEvolution"
        )
    for problem in _problems(space, weighs, at_once):
        raise SpaceError(f"{method} can't search {problem}")


def check_controlled(space: ModelSpace, method: str) -> None:
    """See that a controller can decide all choices of a space, one value after another.

    Raises:
        SpaceError: it can't; it says for which label of which primitive, why, and what would work.
    """
    choices = space.domain.choices
    for label, choice in choices.items():
        if isinstance(choice, Subset) or choice.size <= MOST_VALUES:
            continue
        own = [site for site in sites_of(space) if label in site.labels]
        named = _named(own[0], label) if own else f"the choice {label!r}"
        many = "a continuous range" if choice.size == math.inf else f"{choice.size} values"
        raise SpaceError(
            f"{method} can't search {named}: it has {many}, and its controller needs an option for each value, of at "
            f"most {MOST_VALUES}; give a list of candidates, or use RandomOneShot, which draws them"
        )
    if all(choice.size == 1 for choice in choices.values()):
        raise SpaceError(f"{method} has nothing to decide: each choice has one value ({', '.join(choices)})")


def check_data(evaluator: Trainable, method: str) -> None:
    """See that there are data to validate architectures with.

    Raises:
        ExperimentError: there are none.
    """
    if evaluator.val_dataloaders is None and evaluator.datamodule is None:
        raise ExperimentError(
            f"{method} validates architectures with the weights of the supernet, and the {type(evaluator).__name__} "
            "evaluator has no validation data: give it val_dataloaders, or a datamodule"
        )


def check_optimizers(optimizers: Iterable[Optimizer], space: ModelSpace) -> None:
    """See that the task's optimizers train the supernet.

    Raises:
        ExperimentError: they have none of its parameters, or there are none.
    """
    trained = {id(weight) for each in optimizers for group in each.param_groups for weight in group["params"]}
    if not any(id(weight) in trained for weight in space.parameters()):
        raise ExperimentError(
            f"configure_optimizers of the task gives no optimizer with any of the parameters "
            f"of {type(space).__name__}, so nothing would be trained: give it the model's parameters()"
        )


def _problems(space: ModelSpace, weighs: bool, at_once: float) -> Iterator[str]:
    """Why the space can't be searched, as the rest of a sentence; those of the user's first choices first."""
    if not weighs:
        return
    sites = list(sites_of(space))
    for label, choice in space.domain.choices.items():
        own = [site for site in sites if label in site.labels]
        if not own:
            yield (
                f"the choice {label!r}: it decides nothing but what forward or a plain attribute looks at, where no "
                f"gradient can weigh its candidates; give it to a layer, write a LayerChoice, or use {_SAMPLED}"
            )
            continue
        if choice.size == math.inf:
            yield (
                f"{_named(own[0], label)}: it is a continuous range, of which no candidates can be weighed; give a "
                "list of candidates, or use RandomOneShot"
            )
        elif choice.size > MOST_VALUES:
            yield (
                f"{_named(own[0], label)}: it has {choice.size} values, and at most {MOST_VALUES} can be weighed at "
                "once; give fewer candidates, or use RandomOneShot"
            )
    for site in sites:
        yield from _site_problems(space, site, at_once)
    yield from _looked_at(space, sites, at_once)


def _site_problems(space: ModelSpace, site: Site, at_once: float) -> Iterator[str]:
    if isinstance(site.module, NasBench101Cell):
        yield (
            f"{_named(site, site.labels[0])}: its wiring decides how many channels its vertices have, so cells of "
            f"different wirings can't be weighed; use {_SAMPLED}, or a NasBench201Cell"
        )
    if isinstance(site.module, InputChoice) and site.module.outcome == "none" and site.module.n_chosen is None:
        yield (
            f"{_named(site, site.labels[0])}: it gives a list of any length (n_chosen=None with reduction='none'), "
            f"which can't be weighed; give n_chosen or another reduction, or use {_SAMPLED}"
        )
    count = math.prod([min(space.domain.choices[label].size, at_once) for label in site.labels])
    if len(site.labels) > 1 and count > MOST_JOINT:
        yield (
            f"the {site.primitive} at {site.path!r}: it depends on {len(site.labels)} choices "
            f"({', '.join(map(repr, site.labels))}), which can be decided in {count} ways, and at most {MOST_JOINT} "
            "can be weighed at once; use GDAS, which takes one at a time, RandomOneShot or ENAS"
        )


def _looked_at(space: ModelSpace, sites: Sequence[Site], at_once: float) -> Iterator[str]:
    """The choices whose one value the forward asks for, where no number among several values could stand for them."""
    asked = _asked(space)
    for site in sites:
        if isinstance(site.module, Repeat) and id(site.expression) in asked:
            yield (
                f"{_named(site, site.labels[0])}: forward goes through its blocks itself, so that depths can't be "
                f"weighed; call the Repeat as a whole, or use {_SAMPLED}"
            )
    for expression in asked.values():
        if not isinstance(expression, Symbol) or at_once == 1:
            continue
        if not _stands_for_all(space.domain.choices[expression.label]):
            yield (
                f"the choice {expression.label!r}: forward looks at its value, of which several count at once; write a "
                f"LayerChoice, or use {_SAMPLED}"
            )


def _asked(space: ModelSpace) -> dict[int, Expression]:
    """What the forward asks when it is traced; nothing, where it can't be."""
    try:
        answers = space.graph.answers
    except RetiariiError:
        return {}
    return {id(expression): expression for expression, _ in answers}


def _stands_for_all(choice: Choice) -> bool:
    """Whether there is one value for plain code: the largest number. Inputs that are chosen are weighed as such."""
    if isinstance(choice, Categorical):
        return are_numbers(choice.candidates)
    return isinstance(choice, Numeric | Subset)


def _named(site: Site, label: str) -> str:
    kind = "InputChoice" if isinstance(site.module, InputChoice) else site.primitive
    return f"the choice {label!r} of the {kind} at {site.path!r}"
