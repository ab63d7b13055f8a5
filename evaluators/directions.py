"""Whether more of a metric is better, by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from retiarii.errors import ExperimentError
from retiarii.trial import Direction, Objectives

_BETTER: Mapping[Direction, re.Pattern[str]] = {
    "maximize": re.compile(
        "acc|accuracy|ap|auc|auprc|auroc|bleu|dice|f1|iou|kappa|map|mcc|miou|ndcg|precision|psnr|r2|recall|reward|rouge|"
        "sensitivity|specificity|ssim|top1|top5"
    ),
    "minimize": re.compile(
        "bce|cer|cost|crossentropy|ece|energy|err|error|errors|fid|kl|latency|logloss|loss|losses|lpips|mae|mape|mse|msle|"
        "nll|perplexity|ppl|regret|rmse|rmsle|smape|wer"
    ),
}
"""Words in names that say it."""


def objectives_of(metric: str | Mapping[str, Direction]) -> Objectives:
    """The objectives that a user names: metrics with directions, or one that says its direction itself.

    Raises:
        ExperimentError: the name does not say whether more is better.
    """
    if isinstance(metric, Mapping) and metric:
        return _checked(metric)
    if not isinstance(metric, str) or not metric:
        raise ExperimentError(f"metric is {metric!r}; give the name of a logged metric, as in metric='val_acc'")
    words = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", metric).lower())
    found = [direction for direction, known in _BETTER.items() if any(map(known.fullmatch, words))]
    if len(found) != 1:
        raise ExperimentError(
            f"metric={metric!r} does not say whether more of it is better: give metric={{{metric!r}: 'maximize'}}, or "
            "'minimize'"
        )
    return {metric: found[0]}


def _checked(metric: Mapping[str, Direction]) -> Objectives:
    for name, direction in metric.items():
        if direction not in _BETTER:
            raise ExperimentError(f"metric {name!r} is {direction!r}; expected 'maximize' or 'minimize'")
    return dict(metric)
