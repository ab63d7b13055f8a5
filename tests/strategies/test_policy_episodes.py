from __future__ import annotations

import numpy as np
import pytest

from retiarii.domain import Categorical, Domain, Numeric, Subset, Symbol
from retiarii.strategies.policy.episodes import NONE, Episodes
from retiarii.testing import DOMAINS


class Fixed:
    """A walk whose scores are given, whatever is taken."""

    def __init__(self, scores):
        self.scores = scores
        self.taken = []

    def start(self, samples):
        return self._next(samples)

    def advance(self, taken):
        self.taken.append(taken)
        return self._next(len(taken))

    def _next(self, samples):
        return np.tile(np.array(self.scores[len(self.taken)], dtype=np.float32), (samples, 1))


def drawn(domain, samples=40, temperature=1.0, seed=0):
    episodes = Episodes(domain)
    walk = Fixed([np.zeros(width) for width in episodes.widths])
    return episodes, episodes.draw(walk, samples, temperature, np.random.default_rng(seed))


DEPTH, INPUTS = Symbol("depth"), Symbol("inputs")
NESTED = Domain(
    [
        Numeric("depth", 1, 30, integer=True),
        Categorical("only", ("this",)),
        Subset("inputs", 4, 1, 3),
        Numeric("rate", 1e-5, 1.0, log=True),
        Subset("last", 3, 2, 2),
    ],
    {"only": ((DEPTH > 3,),), "inputs": ((DEPTH > 10,),), "rate": ((INPUTS == (1,),), (DEPTH == 2,))},
)


@pytest.mark.parametrize("domain", [*DOMAINS.values(), NESTED], ids=[*DOMAINS, "nested"])
def test_what_is_drawn_is_a_sample_whose_options_are_legal(domain):
    episodes, samples = drawn(domain)
    if not episodes.widths:
        assert samples == [domain.unconstrained.default()] * len(samples)
        return
    taken = np.array([episodes.options(sample) for sample in samples])
    legal = episodes.legal(taken)
    assert taken.shape == (len(samples), len(episodes.widths))
    assert legal.shape == (*taken.shape, max(episodes.widths))
    for sample, options, allowed in zip(samples, taken, legal, strict=True):
        assert domain.unconstrained.canonical(sample) == sample
        assert all(allowed[step, option] for step, option in enumerate(options) if option != NONE)
        assert all(
            allowed[step].tolist() == [True] + [False] * (len(allowed[step]) - 1)
            for step in np.flatnonzero(options == NONE)
        )
    for step, width in enumerate(episodes.widths):
        assert not legal[:, step, width:].any()


def test_steps_of_inactive_choices_are_left_out():
    depth = Symbol("depth")
    domain = Domain(
        [Categorical("depth", (1, 2)), Subset("inputs", 3, 1, 2), Categorical("kernel", (3, 5))],
        {"inputs": ((depth == 2,),), "kernel": ((depth == 2,),)},
    )
    episodes = Episodes(domain)
    assert episodes.widths == (2, 2, 2, 2, 2)
    assert episodes.options({"depth": 1}) == [0, NONE, NONE, NONE, NONE]
    assert episodes.options({"depth": 2, "inputs": [0, 2], "kernel": 5}) == [1, 1, 0, 1, 1]
    legal = episodes.legal(np.array([[0, *[NONE] * 4], [1, 1, 0, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 1, 0]]))
    only_out, only_in, either = [True, False], [False, True], [True, True]
    assert legal.tolist() == [
        [either, only_out, only_out, only_out, only_out],
        [either, either, either, either, either],
        [either, either, either, only_out, either],
        [either, either, either, only_in, either],
    ]


def test_options_are_as_likely_as_their_scores_say():
    domain = Domain([Categorical("activation", ("relu", "gelu", "tanh"))])
    scores = [np.log([1.0, 2.0, 7.0])]
    samples = Episodes(domain).draw(Fixed(scores), 5000, 1.0, np.random.default_rng(0))
    counts = [sum(sample["activation"] == name for sample in samples) for name in ("relu", "gelu", "tanh")]
    assert np.abs(np.array(counts) / 5000 - [0.1, 0.2, 0.7]).max() < 0.02
    hot = Episodes(domain).draw(Fixed(scores), 5000, 1000.0, np.random.default_rng(0))
    assert abs(sum(sample["activation"] == "tanh" for sample in hot) / 5000 - 1 / 3) < 0.03


def test_the_walk_is_told_what_was_taken():
    depth = Symbol("depth")
    domain = Domain([Categorical("depth", (1, 2)), Categorical("kernel", (3, 5))], {"kernel": ((depth == 2,),)})
    both = Domain([*domain.choices.values(), Categorical("width", (8, 16))], domain.conditions)
    walk = Fixed([[0.0, 0.0]] * 3)
    samples = Episodes(both).draw(walk, 20, 1.0, np.random.default_rng(0))
    assert np.stack(walk.taken).T.tolist() == [Episodes(both).options(sample)[:2] for sample in samples]


def test_scores_of_any_size_are_no_trouble():
    domain = Domain([Subset("inputs", 2, 1, 1), Categorical("width", (8, 16))])
    walk = Fixed([[0.0, 3e38], [3e38, -3e38], [-3e38, 3e38]])
    assert Episodes(domain).draw(walk, 3, 1.0, np.random.default_rng(0)) == [{"inputs": [0], "width": 16}] * 3
