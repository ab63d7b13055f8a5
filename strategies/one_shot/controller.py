"""The controller of ENAS: a recurrent network that decides one choice after another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from retiarii.domain import Categorical, Choice, Domain, Sample, Subset, Value
from retiarii.domain.value import frozen, identity
from retiarii.strategies.digest import digest
from retiarii.strategies.one_shot.draws import within
from retiarii.strategies.policy.decisions import Decisions, Options, decisions
from retiarii.strategies.policy.episodes import Episodes, Scores

_EMBEDDED = 32
_HIDDEN = 64
_SPREAD = 0.1
_BOUND, _TEMPERATURE = 2.5, 5.0
_MOST_LISTED = 64


class Controller(nn.Module):
    """A distribution over the samples of a domain: an LSTM that sees the decisions so far makes the next one.

    Choices are decided in the domain's order; those that are not active are left out. A `Subset` of any number of
    inputs takes a step for each input, in or out; any other choice takes one step with an option for each value.
    Constraints are kept by drawing again.

    The scores of a step's options are bounded, as in the paper's code: 2.5 · tanh(score / 5), so that no option's
    probability vanishes.

    Source: Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", ICML 2018, section 2.

    Args:
        domain: What there is to choose; no continuous choices.

    Attributes:
        widths: the number of options of each step.
    """

    rows: Tensor

    def __init__(self, domain: Domain) -> None:
        super().__init__()
        self.domain = domain
        self.steps = {label: steps_of(choice) for label, choice in domain.choices.items()}
        self.episodes = Episodes(domain, steps_of)
        self.widths = self.episodes.widths
        steps, widest = len(self.widths), max(self.widths)
        # Row 0 opens an episode; each step then has a row for being left out, followed by one for each option.
        self.embedding = nn.Embedding(1 + steps * (widest + 1), _EMBEDDED)
        self.register_buffer("rows", 2 + torch.arange(steps) * (widest + 1), persistent=False)
        self.recurrent = nn.LSTM(_EMBEDDED, _HIDDEN, batch_first=True)
        self.weight = nn.Parameter(_SPREAD * torch.randn(steps, widest, _HIDDEN) / math.sqrt(_HIDDEN))
        self.bias = nn.Parameter(torch.zeros(steps, widest))

    def forward(self, taken: Options) -> Tensor:
        """The logarithms of the probabilities of all options, given what was taken before.

        Args:
            taken: the options of some episodes, -1 for steps left out; shape (samples, steps).

        Returns:
            Shape (samples, steps, widest step); very low for what could not be taken. Of a step that was left out, the
            first option is sure.
        """
        device = self.bias.device
        legal = torch.from_numpy(self.episodes.legal(taken)).to(device)
        opening = torch.zeros((len(taken), 1), dtype=torch.int64, device=device)
        rows = torch.cat([opening, (torch.from_numpy(taken).to(device) + self.rows)[:, :-1]], dim=1)
        outputs, _ = self.recurrent(self.embedding(rows))
        scores = _bounded(torch.einsum("ijk,jok->ijo", outputs, self.weight) + self.bias)
        return scores.masked_fill(~legal, torch.finfo(scores.dtype).min).log_softmax(2)

    def options(self, samples: Sequence[Sample]) -> Options:
        """The options that lead to some samples, shape (samples, steps)."""
        return np.array([self.episodes.options(sample) for sample in samples], dtype=np.int64)

    def draw(self, count: int, rng: np.random.Generator) -> list[Sample]:
        """Samples, each as likely as the controller makes it among those that keep the constraints.

        See `within` for what happens where these are rare.

        Raises:
            ConstraintError: there are none.
        """
        return within(self.domain, count, lambda tries: self.episodes.draw(_Walk(self), tries, 1.0, rng), rng)

    @torch.no_grad()
    def likeliest(self, count: int, rng: np.random.Generator) -> Sample:
        """The most likely of some draws."""
        samples = list({digest(sample): sample for sample in self.draw(count, rng)}.values())
        return samples[int(log_probabilities(self(taken := self.options(samples)), taken).argmax())]

    @torch.no_grad()
    def marginals(self, count: int, rng: np.random.Generator) -> dict[str, dict[Any, float]]:
        """How likely each candidate of each label is where the label is active; of a subset, that it holds each input.

        These are averages, over so many draws, of the probabilities that their earlier decisions gave: exact for the
        first label. Constraints are not looked at.
        """
        drawn = self.episodes.draw(_Walk(self), count, 1.0, rng)
        taken = self.options(drawn)
        likely = self(taken).double().softmax(2).cpu().numpy()
        found, first = {}, 0
        for label, steps in self.steps.items():
            width = len(steps.widths)
            active = np.array([label in sample for sample in drawn])
            if active.any():
                found[label] = _marginal(self.domain.choices[label], likely[active, first : first + width])
            first += width
        return found

    def free_steps(self) -> list[int]:
        """The steps that put one input in or out of a subset of any number."""
        found, first = list[int](), 0
        for label, steps in self.steps.items():
            if _is_free(self.domain.choices[label]):
                found += range(first, first + len(steps.widths))
            first += len(steps.widths)
        return found


def log_probabilities(log_likely: Tensor, taken: Options) -> Tensor:
    """Those of whole episodes, shape (samples,), from those of all options."""
    options = torch.from_numpy(np.maximum(taken, 0)).to(log_likely.device)
    return log_likely.gather(2, options[:, :, None])[:, :, 0].sum(1)


def entropies(log_likely: Tensor) -> Tensor:
    """The entropy of each step, in nats, shape (samples, steps); 0 for steps left out."""
    return -(log_likely.exp() * log_likely).sum(2)


def steps_of(choice: Choice) -> Decisions:
    """How the controller decides a choice."""
    return decisions(choice) if isinstance(choice, Categorical) or _is_free(choice) else _Listed(choice)


class _Listed:
    """One step with an option for each value."""

    def __init__(self, choice: Choice) -> None:
        self._values = list(choice.values())
        self._places = {identity(value): place for place, value in enumerate(self._values)}
        self.widths: tuple[int, ...] = (len(self._values),) if len(self._values) > 1 else ()

    def legal(self, taken: Options) -> NDArray[np.bool_]:
        return np.ones((len(taken), len(self._values)), dtype=bool)

    def value(self, taken: list[int], rng: np.random.Generator) -> Value:
        return self._values[taken[0] if taken else 0]

    def options(self, value: Value) -> list[int]:
        return [self._places[identity(value)]] if self.widths else []


class _Walk:
    """The controller's way through one step after another, for several samples at the same time."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._step = 0
        self._state: Any = None

    def start(self, samples: int) -> Scores:
        return self._scores(torch.zeros(samples, dtype=torch.int64))

    def advance(self, taken: Options) -> Scores:
        row = int(self._controller.rows[self._step])
        self._step += 1
        return self._scores(torch.from_numpy(taken) + row)

    @torch.no_grad()
    def _scores(self, rows: Tensor) -> Scores:
        controller, step = self._controller, self._step
        width = controller.widths[step]
        inputs = controller.embedding(rows.to(controller.bias.device)[:, None])
        outputs, self._state = controller.recurrent(inputs, self._state)
        scores = nn.functional.linear(outputs[:, 0], controller.weight[step, :width], controller.bias[step, :width])
        return cast("Scores", _bounded(scores).float().cpu().numpy())


def _bounded(scores: Tensor) -> Tensor:
    return _BOUND * torch.tanh(scores / _TEMPERATURE)


def _is_free(choice: Choice) -> bool:
    """Whether each candidate is in or out, more or less by itself."""
    return isinstance(choice, Subset) and (choice.minimum != choice.maximum or choice.size > _MOST_LISTED)


def _marginal(choice: Choice, likely: NDArray[Any]) -> dict[Any, float]:
    """From the probabilities of the options, shape (samples, steps, widest step)."""
    mean = likely.mean(0)
    if not isinstance(choice, Subset):
        weights = mean[0] if len(mean) else np.ones(1)
        return {frozen(value): float(weights[place]) for place, value in enumerate(choice.values())}
    if _is_free(choice) and len(mean):
        return {index: float(step[1]) for index, step in enumerate(mean)}
    weights = mean[0] if len(mean) else np.ones(1)
    held = dict.fromkeys(range(choice.n_candidates), 0.0)
    for place, subset in enumerate(choice.values()):
        for index in cast("list[int]", subset):
            held[index] += float(weights[place])
    return held
