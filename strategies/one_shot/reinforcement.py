"""How the controller of ENAS learns from rewards."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from retiarii.strategies.one_shot.controller import Controller, entropies, log_probabilities
from retiarii.strategies.policy.decisions import Options

Algorithm: TypeAlias = Literal["reinforce", "ppo"]

CLIP = 0.2
REPEATS = 4
_LARGEST_GRADIENT = 5.0
_TINY = 1e-8


class Baseline(nn.Module):
    """The moving average of rewards, and of their spread: what a reward is compared with.

    Args:
        decay: The share of the old average that stays with each update.
    """

    mean: Tensor
    variance: Tensor
    is_new: Tensor

    def __init__(self, decay: float) -> None:
        super().__init__()
        self._decay = decay
        self.register_buffer("mean", torch.zeros((), dtype=torch.float64))
        self.register_buffer("variance", torch.zeros((), dtype=torch.float64))
        self.register_buffer("is_new", torch.ones((), dtype=torch.bool))

    def advantages(self, rewards: Tensor) -> Tensor:
        """How much better than the average each reward is, in units of the spread; shape (samples,), float64.

        So it depends neither on the scale of the metric nor on its origin. The average takes these rewards in first.
        """
        rewards = rewards.to(self.mean.device)
        mean = rewards.mean()
        keep = 0.0 if bool(self.is_new) else self._decay
        self.mean.mul_(keep).add_((1 - keep) * mean)
        self.variance.mul_(keep).add_((1 - keep) * (rewards - self.mean).square().mean())
        self.is_new.fill_(False)
        return (rewards - self.mean) / (self.variance.sqrt() + _TINY)


class Learner:
    """Makes samples of high reward more likely.

    "reinforce" takes one step along the gradient of the mean of advantage · log p(sample) (Williams 1992). "ppo" takes
    four, and limits the ratio of a sample's probability to that before them to 0.8 to 1.2 (Schulman et al. 2017).

    Args:
        controller: What learns.
        algorithm: "reinforce" or "ppo".
        learning_rate: Of Adam.
        entropy_weight: How much the mean entropy of a sample's decisions counts, in nats, beside the advantage.
        skip_weight: How much the mean divergence (Kullback-Leibler, in nats) of the probability of each input of
            subsets of any number from `skip_rate` counts.
        skip_rate: How likely an input should be.
    """

    def __init__(
        self,
        controller: Controller,
        *,
        algorithm: Algorithm,
        learning_rate: float,
        entropy_weight: float,
        skip_weight: float,
        skip_rate: float,
    ) -> None:
        self._controller = controller
        self._objective = _OBJECTIVES[algorithm]
        self._repeats = REPEATS if algorithm == "ppo" else 1
        self._entropy_weight = entropy_weight
        self._skip_weight = skip_weight
        self._skip_rate = skip_rate
        self.optimizer = torch.optim.Adam(controller.parameters(), lr=learning_rate)

    def learn(self, taken: Options, advantages: Tensor) -> None:
        """Takes note of what some samples earned.

        Args:
            taken: The samples as the controller's options, shape (samples, steps).
            advantages: Shape (samples,).
        """
        with torch.no_grad():
            before = log_probabilities(self._controller(taken), taken)
        for _ in range(self._repeats):
            self._step(self.loss(taken, advantages.to(before), before))

    def loss(self, taken: Options, advantages: Tensor, before: Tensor) -> Tensor:
        """What falls as good samples become more likely.

        Args:
            taken: The samples as the controller's options, shape (samples, steps).
            advantages: Shape (samples,).
            before: The logarithms of the samples' probabilities when they were drawn, shape (samples,).
        """
        log_likely = self._controller(taken)
        gain = self._objective(log_probabilities(log_likely, taken), before, advantages).mean()
        decided = torch.from_numpy(taken >= 0).to(log_likely.device)
        entropy = entropies(log_likely)[decided].mean()
        loss = -gain - self._entropy_weight * entropy
        steps = self._controller.free_steps()
        if self._skip_weight and steps:
            skips = log_likely[:, steps, :2][decided[:, steps]]
            loss = loss + self._skip_weight * divergence(skips, self._skip_rate)
        return loss

    def _step(self, loss: Tensor) -> None:
        parameters = list(self._controller.parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        nn.utils.clip_grad_norm_(parameters, _LARGEST_GRADIENT)
        self.optimizer.step()
        self.optimizer.zero_grad()


def reinforced(now: Tensor, before: Tensor, advantages: Tensor) -> Tensor:
    """What REINFORCE raises: its gradient is that of the expected advantage. Shapes (samples,)."""
    return advantages * now


def clipped(now: Tensor, before: Tensor, advantages: Tensor) -> Tensor:
    """What PPO raises, where the ratio of probabilities has an effect from 0.8 to 1.2 only. Shapes (samples,)."""
    ratio = (now - before).exp()
    return torch.minimum(ratio * advantages, ratio.clamp(1 - CLIP, 1 + CLIP) * advantages)


def divergence(log_likely: Tensor, rate: float) -> Tensor:
    """The mean Kullback-Leibler divergence, in nats, of being out or in from what it should be.

    Args:
        log_likely: The logarithms of both probabilities, out first; shape (decisions, 2).
        rate: The probability of being in.
    """
    wanted = log_likely.new_tensor([math.log(1 - rate), math.log(rate)])
    certain = log_likely.detach() < _IMPOSSIBLE
    terms = log_likely.exp() * (log_likely - wanted)
    return terms.masked_fill(certain, 0.0).sum(1).mean()


_IMPOSSIBLE = -1e3
_OBJECTIVES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {"reinforce": reinforced, "ppo": clipped}
