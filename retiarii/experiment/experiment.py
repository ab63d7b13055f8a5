"""An experiment: a model space, an evaluator and a strategy, and all that came of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retiarii.domain.constraint import Cost
from retiarii.engine import Engine, Space
from retiarii.errors import ExperimentError
from retiarii.evaluator import Evaluator
from retiarii.execution import SequentialEngine
from retiarii.experiment import arguments
from retiarii.experiment.agreement import agreed
from retiarii.experiment.exports import Format, exported
from retiarii.experiment.folders import checked_name, experiment_folder
from retiarii.experiment.history import History
from retiarii.experiment.joint import Joint
from retiarii.experiment.keys import key_of
from retiarii.experiment.plan import Plan
from retiarii.experiment.progress import Pace, watching
from retiarii.experiment.records import Records, read
from retiarii.experiment.report import report
from retiarii.experiment.search import Search, Setup
from retiarii.stopper import Stopper
from retiarii.strategies.deduplication import deduplicated
from retiarii.strategy import Strategy
from retiarii.trial import Objectives, Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIRECTORY = "retiarii-experiments"
_OUT_OF_SIGHT = 10**9


class Experiment:
    """A search, recorded as it goes in `directory/name/`; the same name and directory go on where it stopped::

        experiment = Experiment(space, FunctionalEvaluator(train_and_score), Random(), name="first", max_trials=20)
        experiment.run()
        print(experiment.best.metric, experiment.export_top_models(1, format="code")[0])

    What has ended is never run again; what was under way is. A search may go on with other limits, another strategy,
    engine or evaluator, but not with another space, seed or other objectives: those are refused, with the difference.

    Args:
        space: The model space.
        evaluator: Scores models. What it leaves open (`ValueChoice`s) is searched with the space. A sample for which
            that, or a cost, can't be computed is a failed trial.
        strategy: Proposes samples.
        name: The folder of the record; by default the space's class and the time, so a new one.
        directory: Where experiments lie; by default `retiarii-experiments` in the working directory.
        engine: Runs the trials; by default one after another in this process.
        stopper: Ends trials early that report too little success; by default none does.
        deduplicate: Whether no model is tried twice: one that computes the same as an earlier one, weights aside, with
            the same decisions about the evaluator. Where the evaluator gets the sample, that is what is compared.
        max_trials: How many trials may end, in whatever state, those of earlier runs included.
        max_duration: After how many seconds of a run no trial is begun any more.
        objectives: The metrics to optimise, each with "maximize" or "minimize", the primary one first; by default the
            evaluator's. Costs can be among them.
        costs: What is known of a sample without training, such as `retiarii.profiler.Flops(space)`. One or several;
            they join each trial's metrics under their names, so the evaluator must not return these.
        seed: Decides what is proposed and the seed of every trial; by default drawn, and recorded.

    Raises:
        ExperimentError: an argument is unusable.
    """

    def __init__(
        self,
        space: Space,
        evaluator: Evaluator,
        strategy: Strategy,
        *,
        name: str | None = None,
        directory: str | Path | None = None,
        engine: Engine | None = None,
        stopper: Stopper | None = None,
        deduplicate: bool = True,
        max_trials: int | None = None,
        max_duration: float | None = None,
        objectives: Objectives | None = None,
        costs: Cost | Sequence[Cost] = (),
        seed: int | None = None,
    ) -> None:
        self.space = arguments.space(space)
        self.evaluator = arguments.instance(
            evaluator, Evaluator, "its evaluator; wrap a function in FunctionalEvaluator"
        )
        self.strategy = arguments.instance(strategy, Strategy, "its strategy; give one, such as Random()")
        engine = SequentialEngine() if engine is None else engine
        self.engine = arguments.instance(engine, Engine, "its engine; give one, such as SequentialEngine()")
        if stopper is not None:
            arguments.instance(stopper, Stopper, "its stopper; give one, such as ASHA()")
        self.stopper = stopper
        self.deduplicate = arguments.instance(deduplicate, bool, "deduplicate; give True or False")
        self.name = None if name is None else checked_name(name)
        self.directory = Path(DIRECTORY if directory is None else directory).absolute()
        self.objectives = arguments.objectives(evaluator.objectives if objectives is None else objectives)
        self.costs = arguments.costs(costs, space)
        self.limits = arguments.limits(max_trials, max_duration)
        self.seed = arguments.seed(seed)
        self._joint  # noqa: B018  what can't be searched together is reported at once
        self.ending: str | None = None
        self._history = History(self.objectives)

    def run(self, progress: bool = True) -> None:
        """Searches until a limit is reached or the strategy has nothing more to propose; `ending` says which.

        Args:
            progress: Whether to show, on stderr, how it goes and the outcome.

        Raises:
            ExperimentError: the record can't be written, or belongs to another search; or the first three trials of
                this run fail with the same error, which is the cause of this one.
        """
        begin = time.monotonic()
        folder = experiment_folder(self.directory, self.name, type(self.space).__name__)
        self.name = folder.name
        try:
            with closing(Records(folder)) as records:
                self.ending = self._search(records, progress)
        except KeyboardInterrupt:
            if progress:
                print(f"retiarii: interrupted; the same experiment goes on from {folder}", file=sys.stderr)
            raise
        if progress:
            seconds = time.monotonic() - begin
            print(report(self._history, folder, self.ending, seconds, self.stopper), file=sys.stderr)

    @property
    def trials(self) -> list[Trial]:
        """The trials that `run` has seen, by number. What lies on disk is read by `Experiment.load`."""
        return self._history.trials

    @property
    def best(self) -> Trial | None:
        """The completed trial with the best metric of the primary objective; None if none has completed."""
        return self._history.best

    def top(self, k: int = 1) -> list[Trial]:
        """The `k` best completed trials, or as many as there are, the best first."""
        return self._history.top(k)

    def pareto_front(self) -> list[Trial]:
        """The completed trials that no other one beats in all objectives, the best in the primary one first."""
        return self._history.pareto_front()

    def hypervolume(self, reference: Mapping[str, float]) -> float:
        """How much the completed trials dominate, up to a reference point; see `History.hypervolume`."""
        return self._history.hypervolume(reference)

    def plot_history(self) -> Figure:
        """A picture of the primary objective, trial by trial, with the best so far."""
        return self._history.plot_history()

    def plot_pareto(self) -> Figure:
        """A picture of the objectives against each other, with the Pareto front."""
        return self._history.plot_pareto()

    def plot_importance(self) -> Figure:
        """A picture of how much each label matters for each objective."""
        return self._history.plot_importance()

    def export_top_models(self, k: int = 1, *, format: Format = "code") -> list[Any]:
        """The models of the `k` best completed trials, the best first.

        Args:
            k: How many.
            format: "code" (the source of a file that needs nothing but PyTorch), "sample" (a dict: what the trial
                decided of the space, for `space.freeze`), "module" (built, with fresh weights), or "graph".

        What was searched of the evaluator, such as a learning rate, is no part of a model: it is in the whole sample
        of a trial, as in `experiment.best.sample["lr"]`.

        Raises:
            ExperimentError: no trial has completed, or the format is unknown.
        """
        joint = self._joint
        samples = [joint.part(trial.sample) for trial in self.top(k)]
        if not samples:
            raise ExperimentError(f"there is no model to export: of {len(self._history)} trials none has completed")
        return exported(self.space, samples, format)

    @staticmethod
    def load(directory: str | Path, name: str) -> History:
        """The trials of a recorded experiment, to look at: `.trials`, `.best`, `.top(k)`. It may be running elsewhere.

        Raises:
            ExperimentError: there is no such record, or it can't be read.
        """
        plan, trials = read(Path(directory) / checked_name(name))
        return History({} if plan is None else plan.objectives, trials)

    @property
    def _joint(self) -> Joint:
        """The space and the evaluator as they are now."""
        return Joint(self.space, self.evaluator)

    def _search(self, records: Records, progress: bool) -> str:
        joint, name = self._joint, type(self.space).__name__
        plan = agreed(records, lambda seed: Plan.of(name, joint.domain, self.objectives, seed), self.seed)
        self.seed = plan.seed
        canonical = joint.domain.unconstrained.canonical
        known = [replace(trial, sample=canonical(trial.sample)) for trial in records.trials()]
        history = self._history = History(self.objectives, known)
        if progress and known:
            print(_resumed(records.path.parent, history), file=sys.stderr)
        pace = Pace(self._total(plan), history.ended, time.monotonic(), self.limits.max_duration)
        with watching(pace, shown=progress) as view:
            return Search(self._setup(joint, plan.seed), records, history, lambda: view.update(history)).run(known)

    def _total(self, plan: Plan) -> int | None:
        ends = [end for end in (self.limits.max_trials, plan.size) if end is not None and end < _OUT_OF_SIGHT]
        return min(ends) if ends else None

    def _setup(self, joint: Joint, seed: int) -> Setup:
        return Setup(
            joint=joint,
            strategy=deduplicated(self.strategy, key_of(joint)) if self.deduplicate else self.strategy,
            proposer=type(self.strategy).__name__,
            stopper=self.stopper,
            engine=self.engine,
            objectives=self.objectives,
            costs=self.costs,
            seed=seed,
            limits=self.limits,
        )


def _resumed(folder: Path, history: History) -> str:
    again = len(history) - history.ended
    tail = f", {again} {'was' if again == 1 else 'were'} under way and will be run again" if again else ""
    return f"retiarii: resuming {folder}: {history.ended} trials are kept{tail}"
