"""What the user gave is as it was before each training."""

from __future__ import annotations

import pickle
import random
from functools import partial

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from torch.utils.data import ConcatDataset, DataLoader, Dataset, RandomSampler, TensorDataset

from retiarii.evaluators.beginnings import Beginnings

ROWS = TensorDataset(torch.arange(8))


class Noisy(Dataset):
    def __init__(self):
        self.generators = [np.random.default_rng(0), random.Random(0)]  # noqa: S311

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return index + self.generators[0].normal() + self.generators[1].random()


class Shaken:
    def __init__(self):
        self.generator = seeded()

    def __call__(self, rows):
        return [row + torch.rand(1, generator=self.generator) for row in rows]


class Batches:
    def __init__(self):
        self.generator = np.random.RandomState(0)

    def __iter__(self):
        yield from self.generator.permutation(8).reshape(4, 2).tolist()

    def __len__(self):
        return 4


class Transformed(Dataset):
    def __init__(self):
        self.transforms = {"all": [partial(Shaken.__call__, Shaken())]}

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return self.transforms["all"][0]([index])[0]


def seeded():
    return torch.Generator().manual_seed(0)


def gone_through(loader):
    return [*loader]


def test_loaders_give_the_same_again():
    sampled = DataLoader(ROWS, sampler=RandomSampler(ROWS, generator=seeded()))
    for loader in (
        DataLoader(ROWS, shuffle=True, generator=seeded()),
        sampled,
        DataLoader(ConcatDataset([Noisy(), Noisy()])),
        DataLoader(Transformed()),
        DataLoader(range(8), collate_fn=Shaken()),
        DataLoader(range(8), collate_fn=Shaken().__call__),
        DataLoader(ROWS, batch_sampler=Batches()),
    ):
        beginnings = Beginnings([{"some": [loader]}], [])
        first, second = gone_through(loader), gone_through(loader)
        assert repr(first) != repr(second)
        beginnings.restore_generators()
        assert repr(gone_through(loader)) == repr(first)


def test_generators_of_datamodules_count():
    module = pl.LightningDataModule()
    module.generator = seeded()
    beginnings = Beginnings([module], [])
    first = torch.rand(3, generator=module.generator)
    beginnings.restore_generators()
    assert torch.equal(torch.rand(3, generator=module.generator), first)


def test_it_is_sent_with_the_data():
    loader = DataLoader(ROWS, shuffle=True, generator=seeded())
    loader, beginnings = pickle.loads(pickle.dumps((loader, Beginnings([loader], []))))  # noqa: S301
    first = gone_through(loader)
    beginnings.restore_generators()
    assert repr(gone_through(loader)) == repr(first)


def test_companions_are_restored_as_often_as_one_likes():
    stopping = EarlyStopping("val_loss")
    beginnings = Beginnings([], [stopping])
    for _ in range(2):
        stopping.wait_count = 7
        stopping.extra = 1
        beginnings.restore_companions()
        assert stopping.wait_count == 0
        assert not hasattr(stopping, "extra")
