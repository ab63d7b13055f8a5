"""DARTS on handwritten digits: all candidates are trained at once, and with them how much each of them counts.

Needs scikit-learn for the digits and matplotlib for the picture: pip install 'retiarii[examples,plot]'. A minute on one
core; `python darts_search.py 4` trains for 4 epochs instead of 20.
"""

import sys

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

import retiarii.nn as nn
from retiarii import Experiment, ModelSpace
from retiarii.evaluators import Classification
from retiarii.strategies import DARTS

images, digits = load_digits(return_X_y=True)
images, digits = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16, torch.tensor(digits)
train = TensorDataset(images[:900], digits[:900])
valid = TensorDataset(images[900:1400], digits[900:1400])
test = TensorDataset(images[1400:], digits[1400:])  # the search never sees these


def conv(channels, kernel):
    return nn.Sequential(
        nn.Conv2d(channels, channels, kernel, padding=kernel // 2), nn.BatchNorm2d(channels), nn.ReLU()
    )


def linear(features):
    return nn.Sequential(nn.Linear(features, features), nn.ReLU())


def different_inputs(sample):
    """As in DARTS, the two operations of a node take different inputs."""
    return all(sample[f"cell/input_{node}_0"] != sample[f"cell/input_{node}_1"] for node in (2, 3))


class Digits(ModelSpace):
    """Two cells of one architecture, then linear layers: how many, how wide, of what, with which activation."""

    def __init__(self, channels=8):
        super().__init__()
        operations = {
            "skip": nn.Identity(),
            "pool": nn.AvgPool2d(3, stride=1, padding=1),
            "conv1": conv(channels, 1),
            "conv3": conv(channels, 3),
        }
        cells = [nn.Cell(operations, 2, num_ops_per_node=2, num_predecessors=2, label="cell") for _ in range(2)]
        width = nn.ValueChoice([16, 32, 64], label="width")
        features = 4 * channels
        self.stem = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), nn.BatchNorm2d(channels))
        self.cells = nn.ModuleList(cells)
        self.joins = nn.ModuleList([nn.Conv2d(2 * channels, channels, 1) for _ in range(2)])
        self.pool = nn.InputChoice(n_candidates=2, n_chosen=1, label="pool")
        self.tail = nn.Repeat(lambda index: linear(features), depth=(0, 2), label="depth")
        self.act = nn.LayerChoice({"tanh": nn.Tanh(), "relu": nn.ReLU()}, label="act")
        self.hidden = nn.Linear(features, width)
        self.head = nn.Linear(width, 10)
        self.constrain(different_inputs)

    def forward(self, x):
        first = self.stem(x)
        second = self.joins[0](self.cells[0]([first, first]))
        first, second = F.max_pool2d(first, 2), F.max_pool2d(second, 2)
        x = self.joins[1](self.cells[1]([first, second]))
        x = self.pool([F.avg_pool2d(x, 2), F.max_pool2d(x, 2)]).flatten(1)
        return self.head(self.act(self.hidden(self.tail(x))))


def training(train, valid, epochs, learning_rate):
    return Classification(
        num_classes=10,
        learning_rate=learning_rate,
        max_epochs=epochs,
        train_dataloaders=DataLoader(train, batch_size=50, shuffle=True),
        val_dataloaders=DataLoader(valid, batch_size=50, shuffle=True),
    )


def retrained(model, epochs, seed):
    """The accuracy on digits that the search has not seen."""
    torch.manual_seed(seed)
    return training(train, test, epochs, learning_rate=3e-3).evaluate(model)["val_acc"]


if __name__ == "__main__":
    torch.set_num_threads(1)  # for models as small as these, threads cost more than they give
    epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    space = Digits()
    print(f"{space.size:,} combinations of {', '.join(space.labels)}")

    # Weights are trained on `train`, the architecture in turns with them on `valid`. Slow weights and a fast
    # architecture suit a run as short as this one.
    experiment = Experiment(
        space,
        training(train, valid, epochs, learning_rate=1e-3),
        DARTS(architecture_learning_rate=1e-2),
        seed=0,
    )
    experiment.run()
    folder = experiment.directory / experiment.name
    experiment.plot_weights().savefig(folder / "weights.png")

    sample = experiment.export_top_models(1, format="sample")[0]
    found = [retrained(space.freeze(sample), epochs // 2, seed) for seed in range(3)]
    inherited = retrained(space.freeze(sample, inherit_weights=True), epochs // 2, seed=0)
    others = [retrained(space.freeze(space.random(seed)), epochs // 2, seed) for seed in range(3)]

    print("\nFound:", sample)
    print(f"Cut out of the supernet:            {experiment.best.metric:.1%} of {len(valid)} digits, as it is")
    print(f"Retrained from its weights:         {inherited:.1%} of {len(test)} other digits")
    print(f"Retrained from new weights:         {sum(found) / 3:.1%} (mean of three)")
    print(f"Random architectures, trained so:   {sum(others) / 3:.1%} (mean of three)")
    print(f"How the weights of the candidates went: {folder / 'weights.png'}")
