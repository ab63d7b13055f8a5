"""What is reported of each model, and of all of them together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Report:
    """The fidelity of one model. What could not be found out is None, and `problems` says why.

    Attributes:
        library: the file of the zoo that it comes from.
        name: its name there.
        seconds: of the whole measurement, building included.
        leaf_layers: modules without children that have parameters or are layers of `torch.nn`.
        plain_fx: `torch.fx.symbolic_trace` succeeds and computes the same in evaluation mode.
        traced: the tracer raised nothing.
        opaque_without_example: opaque nodes when no example inputs are given.
        opaque_nodes: opaque nodes in the graph that was measured. It was traced with example inputs if the one without
            had opaque nodes or lacked an input.
        opaque_share: the part of the leaf layers that is inside opaque nodes, 0 to 1.
        causes: why nodes are opaque, one warning for each.
        eval_equal: the module built from the graph computes the same in evaluation mode.
        train_equal: the same in training mode, buffers after the step included; None if the original can't be trained.
        code_equal: the written code, imported where this project can't be, computes the same in evaluation mode.
        json_equal: the graph read from JSON has the same fingerprint.
        problems: what failed, by stage, with the error's text.
    """

    library: str
    name: str
    seconds: float | None = None
    leaf_layers: int | None = None
    plain_fx: bool | None = None
    traced: bool | None = None
    opaque_without_example: int | None = None
    opaque_nodes: int | None = None
    opaque_share: float | None = None
    causes: list[str] = field(default_factory=list)
    eval_equal: bool | None = None
    train_equal: bool | None = None
    code_equal: bool | None = None
    json_equal: bool | None = None
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Traced and rebuilt to the bit in every mode that the original has."""
        return self.eval_equal is True and self.train_equal is not False and "train" not in self.problems


def summarize(reports: Sequence[Report]) -> dict[str, Any]:
    """The figures of all models, of each library, and the causes of opaque nodes and failures."""
    libraries = sorted({report.library for report in reports})
    return {
        **_figures(reports),
        "libraries": {name: _figures([report for report in reports if report.library == name]) for name in libraries},
        "opaque_causes": _count(cause for report in reports for cause in {_kind(text) for text in report.causes}),
        "failures": _count(
            f"{stage}: {_kind(text)}"
            for report in reports
            for stage, text in report.problems.items()
            if stage not in ("plain_fx", "original_train")
        ),
    }


def _figures(reports: Sequence[Report]) -> dict[str, Any]:
    leaves = sum(report.leaf_layers or 0 for report in reports)
    hidden = sum((report.leaf_layers or 0) * (report.opaque_share or 0) for report in reports)
    shares = [report.opaque_share for report in reports if report.opaque_share is not None]
    return {
        "models": len(reports),
        "traced_and_equal_percent": _percent(report.equal for report in reports),
        "equal_without_opaque_percent": _percent(report.equal and report.opaque_nodes == 0 for report in reports),
        "without_opaque_percent": _percent(report.opaque_nodes == 0 for report in reports),
        "without_opaque_and_example_percent": _percent(report.opaque_without_example == 0 for report in reports),
        "opaque_share_of_all_leaf_layers": round(hidden / leaves, 4) if leaves else None,
        "mean_opaque_share": round(sum(shares) / len(shares), 4) if shares else None,
        "code_equal_percent": _percent(report.code_equal is True for report in reports),
        "json_equal_percent": _percent(report.json_equal is True for report in reports),
        "plain_fx_percent": _percent(report.plain_fx is True for report in reports),
        "seconds": round(sum(report.seconds for report in reports if report.seconds is not None), 1),
    }


def _percent(hits: Iterable[bool]) -> float | None:
    found = list(hits)
    return round(100 * sum(found) / len(found), 1) if found else None


def _count(kinds: Iterable[str]) -> dict[str, int]:
    return dict(Counter(kinds).most_common())


def _kind(text: str) -> str:
    """The text without what is particular to one model: the path before the reason, quoted names, numbers."""
    reason = text.split("opaque node: ", 1)[-1].splitlines()[0]
    return re.sub(r"\d+", "N", re.sub(r"'[^']*'", "'…'", reason))[:160]
