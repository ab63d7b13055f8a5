"""Learning which options lead to good samples: proximal policy optimisation, by tianshou."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from tianshou.algorithm.modelfree.ppo import PPO
from tianshou.algorithm.modelfree.reinforce import ProbabilisticActorPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Batch, ReplayBuffer
from tianshou.utils.torch_utils import policy_within_training_step
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent

from retiarii.strategies.policy.decisions import Options
from retiarii.strategies.policy.network import NetworkWalk, RecurrentNetwork

_REPEATS = 5
_CLIP = 0.2
_MOST_STEPS = 64


class Learner:
    """A policy over episodes of some steps, and what improves it. All on the CPU; it leaves global generators alone.

    To the algorithm an episode is one action with many parts, whose probability is the product of those of its
    options. The update therefore limits how much more or less likely whole samples become, and takes one pass of the
    network for all steps.

    Args:
        widths: The number of options of each step; at least one.
        learning_rate: Of Adam.
        entropy: How much the entropy of an episode counts beside its advantage.
        seed: A non-negative integer.
    """

    def __init__(self, widths: Sequence[int], *, learning_rate: float, entropy: float, seed: int) -> None:
        self._seed = seed
        self._updates = 0
        with own_surroundings([seed]):
            self._network = RecurrentNetwork(widths)
            self._policy = _Policy(
                actor=self._network,
                dist_fn=_episodes,
                action_space=gymnasium.spaces.MultiDiscrete(list(widths)),
                action_scaling=False,
                action_bound_method=None,
            )
            self._algorithm = PPO(
                policy=self._policy,
                critic=_Baseline(),
                optim=AdamOptimizerFactory(lr=learning_rate),
                eps_clip=_CLIP,
                ent_coef=entropy,
                gamma=1.0,
                gae_lambda=1.0,
            )

    def walk(self) -> NetworkWalk:
        """The policy's way through the steps, at its beginning."""
        return NetworkWalk(self._network)

    def learn(self, taken: Options, legal: NDArray[np.bool_], rewards: NDArray[np.float64]) -> None:
        """Makes episodes of high reward more likely, and those of low reward less.

        They may stem from anywhere: what they are compared with is the policy as it is before this. Nothing is learned
        from rewards that are all equal. An update that overflows is taken back.

        Args:
            taken: The options of at least two episodes, -1 for steps left out: shape (samples, steps).
            legal: What could have been taken: shape (samples, steps, widest step).
            rewards: One for each episode, on any scale.
        """
        if np.ptp(rewards) == 0:
            return
        seen = Batch(taken=taken, legal=legal)
        ended = np.ones(len(taken), dtype=bool)
        episodes: Any = (seen, np.maximum(taken, 0), rewards, ended, ~ended, ended, seen)
        self._updates += 1
        before = copy.deepcopy(self._algorithm.state_dict())  # type: ignore[no-untyped-call]
        with own_surroundings([self._seed, self._updates]), policy_within_training_step(self._policy):
            self._algorithm.update(ReplayBuffer.from_data(*episodes), batch_size=None, repeat=_REPEATS)
        if not all(bool(weight.isfinite().all()) for weight in self._network.parameters()):
            self._algorithm.load_state_dict(before)


class _Policy(ProbabilisticActorPolicy):
    @staticmethod
    def _compile() -> None:
        """Nothing: of what would be compiled here, for two seconds, only a part is used, and compiled then."""


class _Baseline(nn.Module):
    """What an episode brings before anything is decided: one number, as all episodes begin alike."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.zeros(1))

    def forward(self, obs: Any) -> Tensor:
        return self.level.repeat(len(obs.taken))


class _Episode(Independent):  # type: ignore[type-arg]
    """Whole episodes. Ratios of very long ones would overflow, so theirs are as of one with fewer steps, on average."""

    def log_prob(self, value: Tensor) -> Tensor:
        scores: Tensor = super().log_prob(value)  # type: ignore[no-untyped-call]
        return scores * min(1.0, _MOST_STEPS / self.event_shape[0])


def _episodes(scores: Tensor) -> Distribution:
    return _Episode(Categorical(logits=scores, validate_args=False), 1, validate_args=False)


@contextmanager
def own_surroundings(seed: Sequence[int]) -> Iterator[None]:
    """Single precision on the CPU with gradients, global generators seeded; afterwards all is as it was before."""
    numpy_state, precision = np.random.get_state(), torch.get_default_dtype()
    own = np.random.SeedSequence(seed).generate_state(1)[0]
    with (
        torch.random.fork_rng(devices=[]),
        torch.device("cpu"),
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
    ):
        np.random.seed(own)
        torch.default_generator.manual_seed(int(own))
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(precision)
            np.random.set_state(numpy_state)
