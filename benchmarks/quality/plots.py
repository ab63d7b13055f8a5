"""The curves of a benchmark as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib import pyplot

from quality.algorithms import ALGORITHMS
from quality.judgement import Judgement

AXES = {"regret": "regret in % accuracy", "hypervolume": "share of the known hypervolume"}


def draw(judgements: Mapping[str, tuple[str, Judgement]], file: Path) -> None:
    """One picture with a panel for each task.

    Args:
        judgements: The measure and the judgement of each task, by name.
        file: Where the picture goes; its ending says the format.
    """
    figure, panels = pyplot.subplots(1, len(judgements), figsize=(8 * len(judgements), 6), squeeze=False)
    for panel, (task, (measure, judgement)) in zip(panels[0], judgements.items(), strict=True):
        panel.set_prop_cycle(color=pyplot.colormaps["tab20"].colors)
        for name in judgement.algorithms:
            moments, means, (low, high) = judgement.band(name)
            ours = ALGORITHMS[name].ours
            (line,) = panel.plot(moments, means, "-" if ours else "--", linewidth=1 + ours, label=name)
            panel.fill_between(moments, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        panel.set(title=task, xlabel="evaluations", ylabel=AXES[measure])
        if measure == "regret":
            panel.set_yscale("symlog", linthresh=0.01)
        panel.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    figure.savefig(file)
