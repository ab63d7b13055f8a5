"""Which batches train the weights, and which the architecture."""

from __future__ import annotations

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from retiarii import ExperimentError
from retiarii.strategies.one_shot.pairing import Pair, Paired, paired

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec.* is deprecated")  # Lightning's affair


def loader(count, size=2, **settings):
    return DataLoader(TensorDataset(torch.arange(count)), batch_size=size, **settings)


def seen(pairs):
    return [tuple(part[0].tolist() for part in pair) for pair, _, _ in pairs]


def test_an_epoch_is_as_long_as_the_loader_of_the_weights_and_the_other_one_starts_again():
    made = Paired(loader(6), loader(4))
    assert len(made) == 3
    assert seen(made) == [([0, 1], [0, 1]), ([2, 3], [2, 3]), ([4, 5], [0, 1])]
    assert len(seen(made)) == 3
    assert seen(Paired(loader(2), loader(8))) == [([0, 1], [0, 1])]


def test_limits_of_the_trainer_hold():
    made = Paired(loader(8), loader(4))
    made.limits = [2, 2]
    assert len(made) == 2
    assert len(seen(made)) == 2


class Endless(IterableDataset):
    def __iter__(self):
        return iter(range(6))


def test_loaders_need_no_length():
    made = Paired(DataLoader(Endless(), batch_size=2), loader(4))
    with pytest.raises(TypeError):
        len(made)
    assert sum(1 for _ in made) == 3


def test_the_trainer_gets_validation_batches_for_the_architecture():
    train, validation = loader(4), loader(2)
    data = paired({"train_dataloaders": train, "val_dataloaders": [validation]}, None)
    assert data["train_dataloaders"].flattened == [train, validation]
    assert data["val_dataloaders"] == [validation]


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_split_divides_the_training_data_once_and_for_all(shuffle):
    torch.manual_seed(5)
    given = loader(10, shuffle=shuffle, generator=torch.Generator(), drop_last=True)
    weights, architecture = paired({"train_dataloaders": given}, 0.6)["train_dataloaders"].flattened
    torch.rand(3)
    again, _ = paired({"train_dataloaders": given}, 0.6)["train_dataloaders"].flattened
    assert (len(weights.dataset), len(architecture.dataset)) == (6, 4)
    assert sorted([*weights.dataset.indices, *architecture.dataset.indices]) == list(range(10))
    assert weights.dataset.indices == again.dataset.indices
    assert weights.generator is given.generator
    assert weights.drop_last
    in_order = [value for (batch,) in weights for value in batch.tolist()] == weights.dataset.indices
    assert in_order is not shuffle


@pytest.mark.parametrize(
    ("data", "split", "message"),
    [
        ({"train_dataloaders": [loader(2), loader(2)]}, None, r"several loaders \(list\)"),
        ({"train_dataloaders": loader(2), "val_dataloaders": [loader(2), loader(2)]}, None, "2 validation loaders"),
        ({"train_dataloaders": loader(2)}, None, "no validation data to train the architecture with"),
        ({"train_dataloaders": [1, 2]}, 0.5, "several loaders"),
        ({"train_dataloaders": DataLoader(Endless())}, 0.5, "split=0.5 needs training data that can be divided"),
        ({"train_dataloaders": loader(2)}, 0.1, "leaves none for one of the two parts"),
    ],
)
def test_data_that_make_no_pairs_are_refused(data, split, message):
    with pytest.raises(ExperimentError, match=message):
        paired(data, split)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [(iter(()), "gives none"), (iter([1]), "gives no more after 1 batches, because it can be gone through only once")],
)
def test_a_loader_that_is_exhausted_is_an_error(architecture, message):
    with pytest.raises(ExperimentError, match=message):
        list(Paired(loader(4), architecture))


class Data(pl.LightningDataModule):
    def setup(self, stage):
        self.count = 4

    def train_dataloader(self):
        return loader(self.count)

    def val_dataloader(self):
        return loader(2)

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return [batch[0] + 100]


def test_a_data_module_gives_pairs_and_its_hooks_get_batches():
    data = paired({"datamodule": Data()}, None)["datamodule"]
    data.setup("fit")
    assert seen(data.train_dataloader()) == [([0, 1], [0, 1]), ([2, 3], [0, 1])]
    changed = data.on_after_batch_transfer(Pair([torch.tensor(1)], [torch.tensor(2)]), 0)
    assert changed == Pair([101], [102])
    assert data.on_after_batch_transfer([torch.tensor(3)], 0) == [103]
