"""Whether more of a metric is better."""

from __future__ import annotations

import pytest

from retiarii import ExperimentError
from retiarii.evaluators.directions import objectives_of


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("val_acc", "maximize"),
        ("valAccuracy", "maximize"),
        ("val/f1", "maximize"),
        ("AUROC", "maximize"),
        ("val_loss", "minimize"),
        ("val/mse", "minimize"),
        ("valLoss", "minimize"),
        ("test-error", "minimize"),
        ("perplexity", "minimize"),
    ],
)
def test_well_known_words_say_it(metric, direction):
    assert objectives_of(metric) == {metric: direction}


@pytest.mark.parametrize("metric", ["quality", "lossless", "accident", "acc_loss", "val"])
def test_other_names_do_not(metric):
    with pytest.raises(ExperimentError, match=rf"metric='{metric}' does not say whether more of it is better"):
        objectives_of(metric)


def test_a_mapping_says_it():
    assert objectives_of({"quality": "maximize", "loss": "minimize"}) == {"quality": "maximize", "loss": "minimize"}
    with pytest.raises(ExperimentError, match="metric 'quality' is 'up'; expected 'maximize' or 'minimize'"):
        objectives_of({"quality": "up"})


@pytest.mark.parametrize("metric", [None, "", {}])
def test_no_metric_is_refused(metric):
    with pytest.raises(ExperimentError, match="give the name of a logged metric"):
        objectives_of(metric)
