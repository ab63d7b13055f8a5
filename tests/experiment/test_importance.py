"""How much each choice matters, where that is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii import ExperimentError, Trial
from retiarii.experiment.importance import label_importance


def trials_of(samples, metric):
    return [
        Trial(number, sample).running().completed({"score": float(metric(sample))})
        for number, sample in enumerate(samples)
    ]


def uniform(count, **choices):
    rng = np.random.default_rng(0)
    return [{label: values[int(rng.integers(len(values)))] for label, values in choices.items()} for _ in range(count)]


def test_by_hand():
    """Groups 1, 2 and 5, 6: within 1.0 with 2 degrees of freedom, between 16, in all 17."""
    samples = [{"width": 8}, {"width": 8}, {"width": 16}, {"width": 16}]
    trials = [
        Trial(n, sample).running().completed({"score": s})
        for n, (sample, s) in enumerate(zip(samples, [1.0, 2.0, 5.0, 6.0], strict=True))
    ]
    assert label_importance(trials, "score") == {"width": pytest.approx((16 - 1 * 1.0 / 2) / 17)}


def test_shares_of_an_additive_metric_are_those_of_its_parts():
    samples = uniform(4000, major=(0, 1, 2), minor=(0, 1, 2), idle=("a", "b", "c", "d"))
    shares = label_importance(trials_of(samples, lambda sample: 3 * sample["major"] + sample["minor"]), "score")
    assert list(shares) == ["major", "minor", "idle"]
    assert shares["major"] == pytest.approx(0.9, abs=0.02)
    assert shares["minor"] == pytest.approx(0.1, abs=0.02)
    assert shares["idle"] < 0.005


def test_chance_is_taken_off_however_many_values_there_are():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(50):
        samples = uniform(60, many=tuple(map(str, range(20))))
        found.append(label_importance(trials_of(samples, lambda _: rng.normal()), "score")["many"])
    assert np.mean(found) < 0.1, "the plain share of variance would be 19/59 = 0.32"


def test_numbers_are_cut_into_bins():
    rng = np.random.default_rng(2)
    samples = [
        {"rate": float(rate), "steps": int(steps)}
        for rate, steps in zip(rng.random(800), rng.integers(1, 900, 800), strict=True)
    ]
    shares = label_importance(trials_of(samples, lambda sample: sample["rate"]), "score")
    assert shares["rate"] == pytest.approx(1 - 1 / 64, abs=0.01), (
        "8 bins of a uniform number leave 1/64 of its variance"
    )
    assert shares["steps"] < 0.03


def test_few_trials_are_cut_into_few_bins():
    samples = [{"rate": float(rate)} for rate in range(10)]
    assert label_importance(trials_of(samples, lambda sample: sample["rate"] >= 5), "score") == {"rate": 1.0}


def test_a_conditional_label_explains_what_varies_where_it_is_active():
    """Half of the trials are deep; there `third` moves the metric by 0 or 2, and `depth` moves it by 4."""
    samples = [{"depth": 2}] * 200 + [{"depth": 3, "third": index % 2} for index in range(200)]
    trials = trials_of(samples, lambda sample: 4 * (sample["depth"] == 3) + 2 * sample.get("third", 0))
    total = np.var([trial.metric for trial in trials])
    shares = label_importance(trials, "score")
    assert shares["third"] == pytest.approx(0.5 * 1.0 / total, abs=0.01)
    assert shares["depth"] == pytest.approx(np.var([0, 5]) / total, abs=0.01)


def test_values_that_look_alike_are_told_apart():
    samples = [{"value": value} for value in (1, True, "1") for _ in range(10)]
    trials = trials_of(samples, lambda sample: {int: 0, bool: 1, str: 2}[type(sample["value"])])
    assert label_importance(trials, "score") == {"value": 1.0}


def test_only_completed_trials_count():
    samples = uniform(40, width=(1, 2))
    trials = trials_of(samples, lambda sample: sample["width"])
    others = [
        Trial(98, {"width": 1, "other": 1}).running().failed("Traceback"),
        Trial(99, {"width": 1}, "stopped", {"score": 77.0}),
    ]
    assert label_importance([*trials, *others], "score") == {"width": 1.0}


@pytest.mark.parametrize("metrics", [[], [0.1], [0.1, 0.1, 0.1], [0.1, 0.2, 0.3]])
def test_what_cannot_be_told_is_no_influence(metrics):
    """No trials, one, equal metrics, and as many values as trials."""
    trials = [Trial(n, {"name": str(n)}).running().completed({"score": metric}) for n, metric in enumerate(metrics)]
    assert set(label_importance(trials, "score").values()) <= {0.0}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(-3, 3), st.floats(-1e3, 1e3)), max_size=30))
def test_shares_are_from_0_to_1(rows):
    trials = [Trial(n, {"name": a, "size": b}).running().completed({"score": c}) for n, (a, b, c) in enumerate(rows)]
    shares = [*label_importance(trials, "score").values()]
    assert all(0 <= share <= 1 for share in shares)
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("size", [1e-320, 1.0, 1.7e308])
def test_the_size_of_the_metric_changes_nothing(size):
    samples = [{"width": step} for step in (0, 0, 1, 1)]
    trials = [
        Trial(n, sample).running().completed({"score": size if sample["width"] else -size})
        for n, sample in enumerate(samples)
    ]
    assert label_importance(trials, "score") == {"width": 1.0}


def test_numbers_of_any_size_are_binned():
    samples = [{"seed": value} for value in (-1.7e308, 1.7e308, *(10**400 + step for step in range(38)))]
    assert label_importance(trials_of(samples, lambda sample: sample["seed"] > 10**400 + 18), "score")["seed"] > 0.8


def test_says_which_trial_lacks_the_metric():
    with pytest.raises(ExperimentError, match=r"^trial 0 has no metric 'loss'; it has 'score'$"):
        label_importance(trials_of([{}], lambda _: 1), "loss")
