"""What the tests of the command line share: a folder with a module and a config in it, as a user has them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULE = '''
import time

import numpy as np

from retiarii.domain import Categorical, Domain
from retiarii.evaluators import FunctionalEvaluator
from retiarii.testing.spaces import SampleSpace


def table(most: int = 12, *, name: str = "width"):
    return SampleSpace(Domain([Categorical(name, tuple(range(most)))]))


def score(sample, factor: float = 1.0, seconds: float = 0.0):
    time.sleep(seconds)
    return factor * sum(sample.values())


def fail(sample):
    raise RuntimeError(f"no score for {sample}")


class Broken:
    def __init__(self, why: str):
        raise LookupError(why)


class Price:
    """A cost model; it is made with the space."""

    name = "price"

    def __init__(self, space, scale: float = 1.0):
        self.space, self.scale = space, scale

    def __call__(self, samples):
        return np.array([self.scale * sum(sample.values()) for sample in samples])


ready = FunctionalEvaluator(score, argument="sample")
'''

CONFIG = """\
# A search that takes no time.
space: toys.table
evaluator:
  name: FunctionalEvaluator
  arguments:
    function: {import: toys.score}
    argument: sample
strategy:
  name: RegularizedEvolution
  arguments:
    population_size: 4
    sample_size: 2
name: toy
max_trials: 6
seed: 0
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, with `toys.py` and `search.yaml`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "toys.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "search.yaml").write_text(CONFIG, encoding="utf-8")
    sys.modules.pop("toys", None)
    yield tmp_path
    sys.modules.pop("toys", None)
