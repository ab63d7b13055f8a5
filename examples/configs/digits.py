"""What the configs beside this file search: small networks for handwritten digits, and two ways to score them."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

import retiarii.nn as nn
from retiarii import ModelSpace

images, digits = load_digits(return_X_y=True)
images, digits = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16, torch.tensor(digits)
train, valid = TensorDataset(images[:1200], digits[:1200]), TensorDataset(images[1200:], digits[1200:])
one_picture = images[:1]


class Digits(ModelSpace):
    """36 networks: what two layers compute, how many channels they have, and how the picture becomes features."""

    def __init__(self, widths: list[int] = (8, 16)):
        super().__init__()
        width = nn.ValueChoice(list(widths), label="width")
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.first, self.second = [
            nn.LayerChoice(
                {
                    "conv1": nn.Conv2d(width, width, 1),
                    "conv3": nn.Conv2d(width, width, 3, padding=1),
                    "pool": nn.MaxPool2d(3, stride=1, padding=1),
                },
                label=label,
            )
            for label in ("first", "second")
        ]
        self.pool = nn.InputChoice(n_candidates=2, n_chosen=1, label="pool")
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem(x)), 2)
        x = F.relu(self.second(F.relu(self.first(x))))
        return self.head(self.pool([x.mean((2, 3)), x.amax((2, 3))]))


def accuracy(model, steps: int = 150, learning_rate: float = 1e-2) -> float:
    """Trains a model for some steps; the share of digits that it reads right afterwards."""
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for _ in range(steps):
        batch = torch.randint(len(train), (64,))
        optimizer.zero_grad()
        F.cross_entropy(model(images[batch]), digits[batch]).backward()
        optimizer.step()
    with torch.no_grad():
        return (model(images[1200:]).argmax(1) == digits[1200:]).float().mean().item()


def train_loader(batch_size: int = 64):
    return DataLoader(train, batch_size=batch_size, shuffle=True)


def valid_loader():
    return DataLoader(valid, batch_size=200)


def two_kinds(sample) -> bool:
    """Whether the layers of a network are of two kinds."""
    return sample["first"] != sample["second"]


if __name__ == "__main__":
    print(f"{Digits().size} networks; to search them: retiarii run random.yaml")
