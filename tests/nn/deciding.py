"""Running a grown layer with decided arguments."""

from __future__ import annotations

from contextlib import contextmanager

import torch

from retiarii.graph.structure import flat
from retiarii.nn.answer import Answer


class Told(Answer):
    """The value of an expression under a sample."""

    def __init__(self, expression, sample):
        super().__init__(expression)
        self.sample = sample

    def value(self):
        return self.expression.evaluate(self.sample)


@contextmanager
def following(space, sample):
    """Within the block the grown layers of a space compute what a sample decides."""
    grown = [module for module in space.modules() if "narrow_layers" in vars(module)]
    for module in grown:
        vars(module)["answers"] = {name: Told(expression, sample) for name, expression in module.undecided().items()}
    try:
        yield
    finally:
        for module in grown:
            vars(module).pop("answers")


def computed(model, inputs):
    """What a model gives, and the gradients of its inputs; those of its parameters are in their places."""
    torch.manual_seed(0)
    model.zero_grad()
    given = [tensor.clone() for tensor in inputs]
    results = [result for result in flat(model(*given)) if isinstance(result, torch.Tensor)]
    trained = [result for result in results if result.requires_grad]
    for place, result in enumerate(trained):
        slope = torch.linspace(-1, 1, result.numel()).reshape(result.shape).to(result)
        result.backward(slope, retain_graph=place + 1 < len(trained))
    return results
