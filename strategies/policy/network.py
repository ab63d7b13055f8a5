"""The network behind a policy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from tianshou.utils.net.common import ActionReprNet
from torch import Tensor, nn
from torch.nn import functional

from retiarii.strategies.policy.decisions import Options
from retiarii.strategies.policy.episodes import Scores

_EMBEDDED = 32
_HIDDEN = 64


class RecurrentNetwork(ActionReprNet[Any]):
    """A GRU over the options taken so far, and for each step weights of its own for the scores of its options.

    Args:
        widths: The number of options of each step.
    """

    rows: Tensor

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = tuple(widths)
        steps, widest = len(widths), max(widths)
        # Row 0 opens an episode; each step then has a row for being left out, followed by one for each option.
        self.embedding = nn.Embedding(1 + steps * (widest + 1), _EMBEDDED)
        self.register_buffer("rows", 2 + torch.arange(steps) * (widest + 1))
        self.recurrent = nn.GRU(_EMBEDDED, _HIDDEN, batch_first=True)
        self.weight = nn.Parameter(torch.randn(steps, widest, _HIDDEN) / math.sqrt(_HIDDEN))
        self.bias = nn.Parameter(torch.zeros(steps, widest))

    def forward(self, obs: Any, state: Any = None, info: Any = None) -> tuple[Tensor, Any]:
        """The scores of all steps of whole episodes, of each step's options given what was taken before.

        Args:
            obs: `taken`, shape (samples, steps), and `legal`, shape (samples, steps, widest step).
            state: Given back.
            info: Ignored.

        Returns:
            Shape (samples, steps, widest step), very low for what is not legal; and `state`.
        """
        opening = np.zeros((len(obs.taken), 1), dtype=np.int64)
        rows = np.concatenate([opening, (obs.taken + self.rows.numpy())[:, :-1]], axis=1)
        outputs, _ = self.recurrent(self.embedding(torch.from_numpy(rows)))
        scores = torch.einsum("ijk,jok->ijo", outputs, self.weight) + self.bias
        return scores.masked_fill(~torch.from_numpy(obs.legal), torch.finfo(scores.dtype).min), state


class NetworkWalk:
    """The network's way through one step after another, for several samples at the same time."""

    def __init__(self, network: RecurrentNetwork) -> None:
        self._network = network
        self._step = 0
        self._hidden: Tensor | None = None

    def start(self, samples: int) -> Scores:
        """The scores of the first step's options: shape (samples, options)."""
        return self._scores(np.zeros(samples, dtype=np.int64))

    def advance(self, taken: Options) -> Scores:
        """The scores of the next step's options, after the last step's were `taken`: one for each sample."""
        rows = taken + int(self._network.rows[self._step])
        self._step += 1
        return self._scores(rows)

    @torch.no_grad()
    def _scores(self, rows: Options) -> Scores:
        network, step = self._network, self._step
        width = network.widths[step]
        inputs = network.embedding(torch.from_numpy(rows)[:, None])
        outputs, self._hidden = network.recurrent(inputs, self._hidden)
        scores: Scores = functional.linear(
            outputs[:, 0], network.weight[step, :width], network.bias[step, :width]
        ).numpy()
        return scores
