"""Small data and models to train."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_diabetes, load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EXAMPLES = 96


@pytest.fixture
def points():
    """Points of a plane, of two classes that a line divides."""
    inputs = torch.randn(EXAMPLES, 2, generator=torch.Generator().manual_seed(0))
    return TensorDataset(inputs, (inputs[:, 0] > inputs[:, 1]).long())


@pytest.fixture
def data(points):
    """Loaders of points; the training loader has a generator of its own."""
    generator = torch.Generator().manual_seed(0)
    return {
        "train_dataloaders": DataLoader(points, 32, shuffle=True, generator=generator),
        "val_dataloaders": DataLoader(points, 48),
    }


@pytest.fixture
def network():
    """Makes the same network each time."""

    def make(outputs=2):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, outputs))

    return make


@pytest.fixture(scope="session")
def digits():
    inputs, targets = load_digits(return_X_y=True)
    whole = TensorDataset(torch.tensor(inputs, dtype=torch.float32) / 16, torch.tensor(targets))
    return torch.utils.data.random_split(whole, [0.7, 0.3], torch.Generator().manual_seed(0))


@pytest.fixture(scope="session")
def diabetes():
    inputs, targets = load_diabetes(return_X_y=True)
    whole = TensorDataset(torch.tensor(inputs, dtype=torch.float32) * 20, torch.tensor(targets).float()[:, None] / 100)
    return torch.utils.data.random_split(whole, [0.7, 0.3], torch.Generator().manual_seed(0))
