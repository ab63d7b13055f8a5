"""Metrics of samples: of a whole table of trained networks, or predicted by a surrogate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingRegressor

Vector: TypeAlias = tuple[int, ...]
"""One sample: for each choice, the position of its candidate."""

Column: TypeAlias = NDArray[np.float64]

SUPERNET = "ofa_mbv3_d234_e346_k357_w1.0"


class Landscape(Protocol):
    """The metrics of samples, by name."""

    sizes: tuple[int, ...]
    """The number of candidates of each choice."""

    def values(self, metric: str, vectors: Sequence[Vector]) -> Column:
        """A metric of some samples."""
        ...

    def known(self, metric: str) -> Column:
        """A metric of all samples there are, or of many good ones where there are too many."""
        ...


class Table:
    """All samples of a space.

    Args:
        frame: A row for each.
        choices: The columns that hold its choices.
    """

    def __init__(self, frame: pd.DataFrame, choices: list[str]) -> None:
        self.sizes = tuple(int(frame[choice].max()) + 1 for choice in choices)
        self._frame = frame.sort_values(choices)
        assert len(frame) == np.prod(self.sizes)

    def values(self, metric: str, vectors: Sequence[Vector]) -> Column:
        rows = np.ravel_multi_index(tuple(np.array(vectors).T), self.sizes)
        return self.known(metric)[rows]

    def known(self, metric: str) -> Column:
        return self._frame[metric].to_numpy(float)


class Surrogate:
    """Subnetworks of Once-for-All MobileNetV3: gradient boosting on some real evaluations, which are what is known.

    `accuracy` is top-1 on ImageNet in per cent, `mmacs` millions of multiply-accumulates; there are 20 kernel sizes, 20
    expansions and 5 depths. A layer that the depth of its stage leaves out counts nothing.
    """

    sizes = (3,) * 45

    def __init__(self, frame: pd.DataFrame) -> None:
        rows = frame[frame["supernet"] == SUPERNET].drop_duplicates("vec")
        self._known = _features([tuple(map(int, text)) for text in rows["vec"]])
        self._models = {
            name: GradientBoostingRegressor(n_estimators=300, max_depth=4, subsample=0.5, random_state=0)
            for name in ("accuracy", "mmacs")
        }
        self._models["accuracy"].fit(self._known, rows["score"])
        self._models["mmacs"].fit(self._known, rows["macs"] / 1e6)

    def values(self, metric: str, vectors: Sequence[Vector]) -> Column:
        return np.asarray(self._models[metric].predict(_features(vectors)))

    def known(self, metric: str) -> Column:
        return np.asarray(self._models[metric].predict(self._known))


def check_space(path: Path) -> None:
    """Fails where the file of spaces says that the supernet has other choices."""
    spaces: dict[str, Any] = json.loads(path.read_text())
    found = {name: (part["count"], len(part["vars"])) for name, part in spaces[SUPERNET].items()}
    assert found == {"ks": (20, 3), "e": (20, 3), "d": (5, 3)}, f"{path}: {SUPERNET} is {found}"


def _features(vectors: Sequence[Vector]) -> Column:
    found = np.array(vectors)
    layers, depths = found[:, :40].reshape(-1, 2, 5, 4), found[:, 40:]
    there = np.arange(4) <= depths[:, None, :, None] + 1
    one_hot = (layers[..., None] == np.arange(3)) & there[..., None]
    return np.hstack([one_hot.reshape(len(found), -1), depths.astype(float)])
