"""Every method is tried on everything that can be chosen; the table in docs/one_shot.md says what holds.

`python tests/strategies/one_shot/test_support.py` prints the table anew.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import one_shot_primitives as primitives
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import retiarii.strategies
from retiarii import Experiment
from retiarii.errors import SpaceError
from retiarii.evaluators import Classification

METHODS = ("DARTS", "GumbelDARTS", "GDAS", "Proxyless", "ENAS", "RandomOneShot")
DOCS = Path(__file__).parents[3] / "docs" / "one_shot.md"


def evaluator():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(24, primitives.FEATURES, generator=generator)
    data = TensorDataset(x, torch.randint(primitives.CLASSES, (24,), generator=generator))
    loader = DataLoader(data, 12)
    return Classification(
        num_classes=primitives.CLASSES, max_epochs=1, train_dataloaders=loader, val_dataloaders=loader
    )


def verdict(method, name, folder):
    """Whether a method trains the supernet of a primitive and proposes a model that can be scored and frozen."""
    space = primitives.PRIMITIVES[name]()
    strategy = getattr(retiarii.strategies, method)()
    try:
        experiment = Experiment(space, evaluator(), strategy, max_trials=1, seed=0, directory=folder)
    except SpaceError as error:
        text = str(error)
        assert text.startswith(f"{method} can't search the "), text
        assert any(repr(label) in text for label in space.labels), text
        assert "; " in text, "it says what would work"
        return "no"
    experiment.run(progress=False)
    assert math.isfinite(experiment.best.metrics["val_loss"])
    (sample,) = experiment.export_top_models(1, format="sample")
    assert space.contains(sample)
    model = space.freeze(sample, inherit_weights=True)
    assert model(torch.randn(2, primitives.FEATURES)).shape == (2, primitives.CLASSES)
    return "yes"


def written():
    """The table of the documentation: primitive -> method -> verdict."""
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    head = next(row for row in rows if set(METHODS) <= set(row))
    verdicts = [row for row in rows if set(row[1:]) <= {"yes", "no"}]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in verdicts}


@pytest.mark.parametrize("name", primitives.PRIMITIVES)
def test_the_documentation_says_what_works(name, tmp_path):
    found = {method: verdict(method, name, tmp_path / method) for method in METHODS}
    assert written()[name] == found


def test_the_table_has_a_row_for_everything_and_no_other():
    assert list(written()) == list(primitives.PRIMITIVES)


if __name__ == "__main__":
    print("|", " | ".join(["primitive", *METHODS]), "|")
    print("|", " | ".join(["---"] * (1 + len(METHODS))), "|")
    for primitive in primitives.PRIMITIVES:
        with tempfile.TemporaryDirectory() as top:
            cells = [verdict(method, primitive, Path(top) / method) for method in METHODS]
        print("|", " | ".join([primitive, *cells]), "|")
