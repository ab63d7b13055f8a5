from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hyperopt.tpe import GMM1_lpdf, LGMM1_lpdf, adaptive_parzen_normal

from retiarii.domain import Categorical, Domain, Numeric, Subset, Symbol
from retiarii.strategies.parzen.axes import axis
from retiarii.strategies.parzen.densities import Frequencies, Inclusions, Mixture, shares
from retiarii.strategies.parzen.history import History


def test_shares_are_smoothed_counts():
    assert shares(np.array([0, 0, 2]), np.full(3, 1 / 3)) == pytest.approx(np.array([3, 1, 2]) / 6)


def test_old_observations_count_less():
    old_first, new_first = (shares(np.repeat(values, 40), np.full(2, 0.5)) for values in ([0, 1], [1, 0]))
    assert old_first[1] > 0.6
    assert new_first[0] > 0.6


def test_draws_from_frequencies_are_as_frequent():
    drawn = Frequencies(np.array([0.1, 0.6, 0.3])).draw(20_000, np.random.default_rng(0))
    assert drawn.shape == (20_000, 1)
    assert np.bincount(drawn[:, 0].astype(int)) / 20_000 == pytest.approx([0.1, 0.6, 0.3], abs=0.02)


@pytest.mark.parametrize("observed", [[], [0.3], [0.0, 0.1, 0.1, 0.9, 1.0]])
def test_draws_from_a_mixture_are_as_dense(observed):
    mixture = Mixture(np.array(observed))
    drawn = mixture.draw(20_000, np.random.default_rng(0))
    edges = np.linspace(0, 1, 11)
    parts = np.exp(mixture.log_between(edges[:-1], edges[1:]))
    assert parts.sum() == pytest.approx(1)
    assert np.histogram(drawn, edges)[0] / 20_000 == pytest.approx(parts, abs=0.02)
    middles = np.linspace(0.0005, 0.9995, 1000)[:, np.newaxis]
    assert np.exp(mixture.log(middles)).mean() == pytest.approx(1, abs=1e-3)


def log_densities(choice, observed):
    """Of all values of an integer choice, after some were observed."""
    each = axis(choice)
    density = each.density(np.array([each.row(value) for value in observed]))
    return density.log(np.array([each.row(value) for value in choice.values()]))


def test_an_integer_is_as_likely_as_hyperopt_has_it():
    observed = [2, 3, 3, 7]
    components = adaptive_parzen_normal(np.array(observed, dtype=float), 1.0, 4.5, 8.0)
    expected = GMM1_lpdf(np.arange(1.0, 9.0), *components, low=0.5, high=8.5, q=1)
    assert log_densities(Numeric("count", 1, 8, integer=True), observed) == pytest.approx(expected)


def test_an_integer_on_a_logarithmic_scale_is_as_likely_as_hyperopt_has_it():
    observed = [2, 3, 3, 50]
    low, high = np.log([0.5, 64.5])
    components = adaptive_parzen_normal(np.log(observed), 1.0, (low + high) / 2, high - low)
    expected = LGMM1_lpdf(np.arange(1.0, 65.0), *components, low=low, high=high, q=1)
    assert log_densities(Numeric("count", 1, 64, integer=True, log=True), observed) == pytest.approx(expected)


@pytest.mark.parametrize(("minimum", "maximum"), [(0, 5), (1, 2), (3, 3), (0, 0), (5, 5)])
def test_subsets_without_observations_are_equally_likely(minimum, maximum):
    choice = Subset("inputs", 5, minimum, maximum)
    each = axis(choice)
    rows = np.array([each.row(value) for value in choice.values()])
    density = each.density(np.empty((0, 5)))
    assert np.exp(density.log(rows)) == pytest.approx(np.full(choice.size, 1 / choice.size))
    assert {str(each.value(row)) for row in density.draw(300, np.random.default_rng(0))} <= set(
        map(str, choice.values())
    )


def test_draws_of_subsets_are_as_dense():
    observed = np.array([[1.0, 1, 0, 0], [1, 0, 0, 1], [1, 1, 1, 0]])
    sizes = np.array([0, 4, 6, 4, 0]) / 14
    inclusions = Inclusions(observed, sizes)
    rows = np.array([row for row in product((0.0, 1.0), repeat=4) if 1 <= sum(row) <= 3])
    expected = np.exp(inclusions.log(rows))
    assert expected.sum() == pytest.approx(1)
    drawn = inclusions.draw(20_000, np.random.default_rng(0))
    found = [(drawn == row).all(1).mean() for row in rows]
    assert found == pytest.approx(expected, abs=0.02)
    assert expected[(rows == [1, 1, 0, 0]).all(1)] > 4 * expected[(rows == [0, 0, 1, 1]).all(1)]


def test_a_value_comes_back_from_its_row():
    choices = [
        Categorical("kind", (1, True, 1.0, "1", None, (1,))),
        Numeric("count", 1, 64, integer=True, log=True),
        Numeric("many", -(10**9), 10**9, integer=True),
        Numeric("rate", 1e-6, 1.0, log=True),
        Numeric("signed", -3.0, 5.0),
        Subset("inputs", 4, 1, 3),
    ]
    rng = np.random.default_rng(0)
    for choice in choices:
        each = axis(choice)
        for value in [choice.random(rng) for _ in range(50)] + [choice.default]:
            found = each.value(np.array(each.row(value)))
            assert type(found) is type(value)
            assert found == (pytest.approx(value) if isinstance(value, float) else value)


def test_a_choice_is_fitted_to_the_trials_in_which_it_was_active():
    domain = Domain(
        [Categorical("depth", (1, 2)), Categorical("second", ("conv", "pool"))],
        {"second": ((Symbol("depth") == 2,),)},
    )
    history = History(domain)
    for number in range(10):
        history.add({"depth": 1}, 10.0 + number)
        history.add({"depth": 2, "second": ("conv", "pool")[number % 2]}, float(number))
    good, bad = history.densities(11, [{"depth": 1}, {"depth": 2, "second": "conv"}])["second"]
    assert good.shares == pytest.approx(np.array([1, 2]) / 3)
    assert bad.shares == pytest.approx(np.array([7, 5]) / 12)


def test_samples_without_a_score_are_never_among_the_best():
    history = History(Domain([Categorical("width", (8, 16))]))
    for score in (None, 1.0, None):
        history.add({"width": 16 if score is None else 8}, score)
    good, bad = history.densities(3, [])["width"]
    assert history.scored == 1
    assert good.shares == pytest.approx(np.array([2, 1]) / 3)
    assert bad.shares == pytest.approx(np.array([1, 3]) / 4)
