"""Whether a supernet ranks architectures as training each of them by itself does, on scikit-learn's digits.

    python benchmarks/one_shot_ranking.py [--architectures 50] [--order uniform fair] [--seeds 1] [--epochs 120]

Random architectures of a space of 1,500 small convolutional networks (some only pool, some have eight times the width
of others) are trained one by one, each `--alone` epochs from two seeds, and scored by the mean accuracy on held-out
data. Then RandomOneShot trains their supernet, and scores them with shared weights. Prints one JSON object for each
supernet: Kendall's tau between both, and what the best by the supernet is worth alone.

One torch thread; a few minutes.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split

from retiarii import ModelSpace, nn
from retiarii.domain import Sample
from retiarii.evaluators import Classification
from retiarii.one_shot import Session
from retiarii.strategies import RandomOneShot

CHANNELS, STAGES, INITIALISATIONS, PATHS = 16, 3, 2, 5


class Digits(ModelSpace):
    """Three stages, each of an operator that may or may not see the image, and of a depth and width."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, CHANNELS, 1)
        self.operators = nn.ModuleList([self._operator(stage) for stage in range(STAGES)])
        self.pick = nn.InputChoice(STAGES, n_chosen=1, label="pick")
        width = nn.ValueChoice([2, 4, 8, 16], label="width")
        self.neck = nn.Sequential(nn.Conv2d(CHANNELS, width, 1), nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Linear(width, 10)

    @staticmethod
    def _operator(stage: int) -> nn.Module:
        def convolution(size: int, groups: int = 1) -> nn.Module:
            layer = nn.Conv2d(CHANNELS, CHANNELS, size, padding=size // 2, groups=groups, bias=False)
            return nn.Sequential(layer, nn.BatchNorm2d(CHANNELS), nn.ReLU())

        candidates = {
            "skip": nn.Identity(),
            "pool": nn.AvgPool2d(3, 1, 1),
            "pointwise": convolution(1),
            "depthwise": convolution(3, CHANNELS),
            "convolution": convolution(3),
        }
        return nn.LayerChoice(candidates, label=f"operator{stage}")

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        reached = []
        for operator in self.operators:
            x = operator(x)
            reached.append(x)
            x = functional.max_pool2d(x, 2) if len(reached) == 2 else x
        reached = [functional.adaptive_avg_pool2d(each, 4) for each in reached]
        return self.head(self.neck(self.pick(reached)).amax((2, 3)))


def halves() -> tuple[Subset[Any], Subset[Any]]:
    """What is trained with, and what accuracies are measured on."""
    images, digits = load_digits(return_X_y=True)
    data = TensorDataset(torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16, torch.tensor(digits))
    train, valid = random_split(data, [0.5, 0.5], torch.Generator().manual_seed(0))
    return train, valid


def evaluator(epochs: int) -> Classification:
    """Trains with one half of the digits, and validates with the other."""
    train, valid = halves()
    return Classification(
        num_classes=10,
        learning_rate=1e-2,
        max_epochs=epochs,
        train_dataloaders=DataLoader(train, 64, shuffle=True),
        val_dataloaders=DataLoader(valid, 450),
        check_val_every_n_epoch=epochs,
    )


def alone(space: ModelSpace, samples: Sequence[Sample], epochs: int) -> list[float]:
    """The mean accuracies of models that are trained by themselves."""
    means = []
    for sample in samples:
        accuracies = []
        for seed in range(INITIALISATIONS):
            torch.manual_seed(seed)
            accuracies.append(evaluator(epochs).evaluate(space.freeze(sample))["val_acc"])
        means.append(float(np.mean(accuracies)))
    return means


def together(order: Any, seed: int, samples: Sequence[Sample], epochs: int) -> list[float]:
    """The accuracies of models with the weights of one supernet, which is trained on as many paths in either order."""
    space, scorer = Digits(), evaluator(epochs if order == "uniform" else max(1, epochs // PATHS))
    with tempfile.TemporaryDirectory() as folder:
        session = Session(seed=seed, folder=Path(folder), objectives=scorer.objectives)
        trained = RandomOneShot(order=order).train(space, scorer, session)
        return [trained.evaluator.evaluate(sample)["val_acc"] for sample in samples]


def rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One for each supernet."""
    space = Digits()
    rng = np.random.default_rng(0)
    samples = list({repr(sample): sample for sample in (space.domain.random(rng) for _ in range(1000))}.values())
    samples = samples[: options.architectures]
    begin = time.process_time()
    truth = alone(space, samples, options.alone)
    seconds = time.process_time() - begin
    yield {"alone": [min(truth), float(np.median(truth)), max(truth)], "cpu_seconds": round(seconds)}
    for order in options.order:
        for seed in range(options.seeds):
            begin = time.process_time()
            found = together(order, seed, samples, options.epochs)
            yield {
                "order": order,
                "seed": seed,
                "tau": round(float(kendalltau(found, truth).statistic), 3),
                "shared": [min(found), float(np.median(found)), max(found)],
                "best_alone": truth[int(np.argmax(found))],
                "cpu_seconds": round(time.process_time() - begin),
            }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architectures", type=int, default=50)
    parser.add_argument("--order", nargs="+", default=["uniform", "fair"], choices=["uniform", "fair"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=120, help="of a supernet; a fifth in the fair order")
    parser.add_argument("--alone", type=int, default=10, help="epochs of a model by itself")
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*many workers.*")
    for row in rows(parser.parse_args()):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
