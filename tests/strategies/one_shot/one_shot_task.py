"""A task whose best architecture is known: what each part of the input has to go through, and which part counts.

The target adds up |x0|, x1, x2² and x3, each weighed by numbers of its own, and noise; x4 and x5 have nothing to do
with it. A model puts x0, x1 and x2 through one operator each, and takes one of x3, x4 and x5. Operators are useful in
degrees: of what |x| explains, x² explains 88 % and the others nothing; of what x explains, sign(x) explains 64 %.
"""

from __future__ import annotations

import torch
from torch.utils.data import DataLoader, TensorDataset

from retiarii import ModelSpace, nn
from retiarii.evaluators import Regression

BEST = {"op0": "absolute", "op1": "same", "op2": "square", "pick": [1]}
PARTS, WIDTH = 6, 4
FUNCTIONS = {"sign": torch.sign, "square": torch.square, "same": torch.clone, "absolute": torch.abs}


class Function(nn.Module):
    """An operator with weights of its own behind it."""

    def __init__(self, name):
        super().__init__()
        self.function = FUNCTIONS[name]
        self.linear = nn.Linear(WIDTH, 1)

    def forward(self, x):
        return self.linear(self.function(x))


class KnownBest(ModelSpace):
    def __init__(self):
        super().__init__()
        operators = [{name: Function(name) for name in FUNCTIONS} for _ in range(3)]
        self.ops = nn.ModuleList([nn.LayerChoice(each, label=f"op{place}") for place, each in enumerate(operators)])
        self.lasts = nn.ModuleList([nn.Linear(WIDTH, 1) for _ in range(3)])
        self.pick = nn.InputChoice(3, n_chosen=1, label="pick")

    def forward(self, x):
        parts = x.unflatten(1, (PARTS, WIDTH)).unbind(1)
        total = sum(op(part) for op, part in zip(self.ops, parts[:3], strict=True))
        # What counts is the second of those to pick from.
        others = [parts[4], parts[3], parts[5]]
        return total + self.pick([last(part) for last, part in zip(self.lasts, others, strict=True)])


def data(seed=0, train=512, valid=256, noise=0.2):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(train + valid, PARTS, WIDTH, generator=generator)
    weights = torch.randn(4, WIDTH, generator=generator)
    weights /= weights.norm(dim=1, keepdim=True)
    shown = [x[:, 0].abs() / 0.6, x[:, 1], x[:, 2].square() / 1.41, x[:, 3]]
    target = sum((part @ weight[:, None] for part, weight in zip(shown, weights, strict=True)), torch.zeros(()))
    target = target + noise * torch.randn(target.shape, generator=generator)
    return TensorDataset(x[:train].flatten(1), target[:train]), TensorDataset(x[train:].flatten(1), target[train:])


def evaluator(epochs=10, **settings):
    train, valid = data()
    return Regression(
        learning_rate=0.03,
        max_epochs=epochs,
        train_dataloaders=DataLoader(train, 16, shuffle=True),
        val_dataloaders=DataLoader(valid, 64),
        **settings,
    )
