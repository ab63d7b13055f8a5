"""The protocol of stoppers, and the one that its documentation shows."""

from __future__ import annotations

import inspect
import textwrap

from retiarii import Experiment, Stopper, report_intermediate
from retiarii.evaluators import FunctionalEvaluator
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS, SampleSpace


def shown_stopper():
    """The class that the docstring of `Stopper` shows."""
    code = textwrap.dedent(inspect.getdoc(Stopper).split("::\n\n")[1].split("\nAttributes:")[0])
    names = {"Stopper": Stopper}
    exec(code, names)  # noqa: S102  (our own documentation)
    return names["BelowChance"]


def test_the_stopper_of_the_documentation_works(tmp_path):
    def score(sample):
        for _ in range(5):
            report_intermediate(sample["kernel"] / 50)
        return 1.0

    evaluator = FunctionalEvaluator(score, argument="sample")
    space = SampleSpace(DOMAINS["flat"])
    search = Experiment(space, evaluator, GridSearch(), stopper=shown_stopper()(), directory=tmp_path)
    search.run(progress=False)
    assert [len(trial.intermediates) for trial in search.trials] == [3, 5] * 3
    assert [trial.state for trial in search.trials] == ["stopped", "completed"] * 3


def test_it_knows_the_objectives_of_its_search_alone():
    stopper = shown_stopper()()
    for objectives in ({"accuracy": "maximize"}, {"loss": "minimize"}):
        stopper.bind(objectives)
        assert stopper.objectives == objectives
