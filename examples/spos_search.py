"""Single Path One-Shot on handwritten digits: a supernet is trained on random paths, then evolution searches it.

Needs scikit-learn for the digits and matplotlib for the pictures: pip install 'retiarii[examples,plot]'. A minute on
one core; `python spos_search.py 8` trains for 8 epochs instead of 60.
"""

import sys

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

import retiarii.nn as nn
from retiarii import Experiment, ModelSpace
from retiarii.evaluators import Classification
from retiarii.strategies import RandomOneShot

images, digits = load_digits(return_X_y=True)
images, digits = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16, torch.tensor(digits)
train = TensorDataset(images[:1000], digits[:1000])
valid = TensorDataset(images[1000:1400], digits[1000:1400])
test = TensorDataset(images[1400:], digits[1400:])  # the search never sees these


def block(width, index):
    operations = {
        "pool": nn.MaxPool2d(3, stride=1, padding=1),
        "conv1": nn.Conv2d(width, width, 1),
        "grouped": nn.Conv2d(width, width, 3, padding=1, groups=4),
        "conv3": nn.Conv2d(width, width, 3, padding=1),
    }
    return nn.Sequential(nn.LayerChoice(operations, label=f"op{index}"), nn.BatchNorm2d(width), nn.ReLU())


class Digits(ModelSpace):
    """2,040 networks: how many blocks, which operation in each, how wide, and how the picture becomes features."""

    def __init__(self):
        super().__init__()
        width = nn.ValueChoice([8, 16, 24], label="width")
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.body = nn.Repeat(lambda index: block(width, index), depth=(1, 4), label="depth")
        self.pool = nn.InputChoice(n_candidates=2, n_chosen=1, label="pool")
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.body(F.max_pool2d(F.relu(self.stem(x)), 2))
        return self.head(self.pool([x.mean((2, 3)), x.amax((2, 3))]))


def training(train, valid, epochs):
    return Classification(
        num_classes=10,
        learning_rate=5e-3,
        max_epochs=epochs,
        train_dataloaders=DataLoader(train, batch_size=50, shuffle=True),
        val_dataloaders=DataLoader(valid, batch_size=200),
    )


def retrained(model, epochs, seed):
    """The accuracy on digits that the search has not seen."""
    torch.manual_seed(seed)
    return training(train, test, epochs).evaluate(model)["val_acc"]


if __name__ == "__main__":
    torch.set_num_threads(1)  # for models as small as these, threads cost more than they give
    epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    space = Digits()
    print(f"{space.size:,} combinations of {', '.join(space.labels)}")

    # Each batch trains one architecture. Then 60 of them are scored with these weights, without training: every trial
    # is a tenth of a second. RandomOneShot(search=...) takes another strategy than evolution.
    experiment = Experiment(space, training(train, valid, epochs), RandomOneShot(), max_trials=60, seed=0)
    experiment.run()
    folder = experiment.directory / experiment.name
    experiment.plot_history().savefig(folder / "history.png")
    experiment.plot_importance().savefig(folder / "importance.png")

    sample = experiment.export_top_models(1, format="sample")[0]
    found = [retrained(space.freeze(sample), epochs // 4, seed) for seed in range(3)]
    inherited = retrained(space.freeze(sample, inherit_weights=True), epochs // 4, seed=0)
    others = [retrained(space.freeze(space.random(seed)), epochs // 4, seed) for seed in range(3)]

    print("\nFound:", sample)
    print(f"With the weights of the supernet:   {experiment.best.metric:.1%} of {len(valid)} digits, as it is")
    print(f"Retrained from its weights:         {inherited:.1%} of {len(test)} other digits")
    print(f"Retrained from new weights:         {sum(found) / 3:.1%} (mean of three)")
    print(f"Random architectures, trained so:   {sum(others) / 3:.1%} (mean of three)")
    print(f"How the search went, and which choices matter: {folder / 'history.png'}, {folder / 'importance.png'}")
