"""An experiment: a model space, an evaluator and a strategy, and all that came of them."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retiarii.callback import Callback
from retiarii.domain.constraint import Cost
from retiarii.engine import Engine, Space, encodable
from retiarii.errors import ExperimentError
from retiarii.evaluator import Evaluator
from retiarii.execution import SequentialEngine
from retiarii.experiment import arguments
from retiarii.experiment.agreement import Resume, agreed
from retiarii.experiment.claims import claimed, lent
from retiarii.experiment.descriptions import FORM, described
from retiarii.experiment.exports import Format, exported
from retiarii.experiment.folders import checked_name, experiment_folder
from retiarii.experiment.following import end_of_first, followed, is_following, plan_of_first
from retiarii.experiment.history import History
from retiarii.experiment.identity import identity_of
from retiarii.experiment.interrupts import Interrupts
from retiarii.experiment.joint import Joint
from retiarii.experiment.journal import journal
from retiarii.experiment.keys import key_of
from retiarii.experiment.others import tell_of_others
from retiarii.experiment.plan import Plan
from retiarii.experiment.progress import Pace, watching
from retiarii.experiment.reader import Reader
from retiarii.experiment.record_file import FILE
from retiarii.experiment.records import Records
from retiarii.experiment.report import report, resumed
from retiarii.experiment.saying import say
from retiarii.experiment.search import Search
from retiarii.experiment.settings import circumstances
from retiarii.experiment.setup import Setup
from retiarii.experiment.tally import Tally
from retiarii.experiment.training import Training
from retiarii.experiment.weights import EpochWeights
from retiarii.one_shot import OneShotStrategy, Session
from retiarii.stopper import Stopper
from retiarii.strategies.deduplication import deduplicated
from retiarii.strategy import Strategy
from retiarii.trial import Objectives, Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIRECTORY = "retiarii-experiments"
_OUT_OF_SIGHT = 10**9
_LETTERS = 2000
"""Of the error that ends a run, in its record."""

_log = logging.getLogger(__name__)


class Experiment:
    """A search, recorded as it goes in `directory/name/`; the same name and directory go on where it stopped::

        experiment = Experiment(space, FunctionalEvaluator(train_and_score), Random(), name="first", max_trials=20)
        experiment.run()
        print(experiment.best.metric, experiment.export_top_models(1, format="code")[0])

    What has ended is never run again; what was under way is. A search may go on with other limits, another strategy,
    engine or evaluator, but not with another space, seed or other objectives: those are refused, with the difference.

    Ctrl-C, or SIGTERM, lets finish what runs and stops; a second one stops at once. Either way `run` raises
    `KeyboardInterrupt` (`SystemExit` for SIGTERM) when that is done, and the same experiment goes on afterwards.

    Args:
        space: The model space.
        evaluator: Scores models. What it leaves open (`ValueChoice`s) is searched with the space. A sample for which
            that, or a cost, can't be computed is a failed trial.
        strategy: Proposes samples. Or it trains one supernet, with a `Classification`, `Regression` or `Lightning`
            evaluator, and has the best of its architectures looked for, which are the trials: a one-shot strategy.
        name: The folder of the record; by default the space's class and the time, so a new one.
        directory: Where experiments lie; by default `retiarii-experiments` in the working directory.
        engine: Runs the trials; by default one after another in this process, as always of a supernet. `ProcessEngine`
            uses all cores, and survives trials that die, or break its limits of time and memory.
        stopper: Ends trials early that report too little success; by default none does. None for a supernet.
        deduplicate: Whether no model is tried twice: one that computes the same as an earlier one, weights aside, with
            the same decisions about the evaluator. Where the evaluator gets the sample, that is what is compared.
        max_trials: How many trials may end, in whatever state, those of earlier runs included.
        max_duration: After how many seconds of a run no trial is begun any more. The training of a supernet is not
            cut, and doesn't count.
        max_retries: How often a trial is run again that was lost with the process or node that ran it; then it fails.
        callbacks: Hear of trials as they begin and end.
        resume: What to do if there is an experiment of this name already: go on with it (True), refuse (False), or go
            on even if the space, the objectives or the seed are others ("anyway"); then trials that don't fit the space
            any more stay in the record, and the strategy does not hear of them.
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
        strategy: Strategy | OneShotStrategy,
        *,
        name: str | None = None,
        directory: str | Path | None = None,
        engine: Engine | None = None,
        stopper: Stopper | None = None,
        deduplicate: bool = True,
        max_trials: int | None = None,
        max_duration: float | None = None,
        max_retries: int = 5,
        callbacks: Sequence[Callback] = (),
        resume: Resume = True,
        objectives: Objectives | None = None,
        costs: Cost | Sequence[Cost] = (),
        seed: int | None = None,
    ) -> None:
        self.space = arguments.space(space)
        self.evaluator = arguments.instance(
            evaluator, Evaluator, "its evaluator; wrap a function in FunctionalEvaluator"
        )
        kinds = Strategy | OneShotStrategy
        self.strategy = arguments.instance(strategy, kinds, "its strategy; give one, such as Random()")
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
        self.limits = arguments.limits(max_trials, max_duration, max_retries)
        self.callbacks = arguments.callbacks(callbacks)
        self.resume = arguments.resume(resume)
        self.seed = arguments.seed(seed)
        joint = self._joint
        if isinstance(self.strategy, OneShotStrategy):
            from retiarii.experiment import one_shot_run  # noqa: PLC0415  tables are searched without torch

            one_shot_run.check(self.strategy, joint, self.objectives, engine=self.engine, stopper=self.stopper)
        self.ending: str | None = None
        self._history = History(self.objectives)
        self._training: Training | None = None

    def run(self, progress: bool = True) -> None:
        """Searches until a limit is reached or the strategy has nothing more to propose; `ending` says which.

        Args:
            progress: Whether to show, on stderr, how it goes and the outcome.

        Raises:
            ExperimentError: the record can't be written, or belongs to another search; or the strategy or the stopper
                serves another one at the same time; or the first three trials fail with the same error, which is the
                cause of this one.
        """
        progress = progress and sys.stderr is not None
        if isinstance(self.strategy, OneShotStrategy) and is_following():
            self._follow(self.strategy)
            return
        begin = time.monotonic()
        if self.name is None or not (self.directory / self.name / FILE).exists():
            self._try_strategy()
        folder = experiment_folder(self.directory, self.name, type(self.space).__name__)
        is_new, self.name = self.name is None, folder.name
        try:
            with (
                claimed(folder, self.strategy, self.stopper),
                closing(Records(folder)) as records,
                journal(folder),
            ):
                self.ending = self._recorded(records, progress)
        except ExperimentError:
            if is_new:
                self._clear_away(folder)
            raise
        except (KeyboardInterrupt, SystemExit):
            if progress:
                say(f"retiarii: interrupted; the same experiment goes on from {folder}")
            raise
        for callback in self.callbacks:
            callback.on_experiment_end(self.ending)
        if progress:
            seconds = time.monotonic() - begin
            say(report(self._history, folder, self.ending, seconds, stopper=self.stopper, training=self._training))

    def __repr__(self) -> str:
        return f"Experiment({self.name!r}, {type(self.space).__name__}, {self._history!r})"

    @property
    def trials(self) -> list[Trial]:
        """The trials that `run` has seen, by number. What lies on disk is read by `Experiment.load`."""
        return self._history.trials

    @property
    def best(self) -> Trial | None:
        """The completed trial with the best metric of the primary objective; None if none has completed."""
        return self._history.best

    @property
    def weights(self) -> list[EpochWeights]:
        """How much each candidate counted after each epoch of the supernet's training, as `run` has seen it."""
        return self._history.weights

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

    def plot_weights(self) -> Figure:
        """A picture of the architecture weights over the epochs of the supernet's training."""
        return self._history.plot_weights()

    def export_top_models(self, k: int = 1, *, format: Format = "code") -> list[Any]:
        """The models of the `k` best completed trials, the best first.

        Args:
            k: How many.
            format: "code" (the source of a file that needs nothing but PyTorch), "sample" (a dict: what the trial
                decided of the space, for `space.freeze`), "module" (built, with fresh weights), "graph", "pt2" (what
                `torch.export` makes) or "onnx" (extra `onnx`). The last two have fresh weights, and want a space that
                says by `example_inputs` what its models are called with.

        What was searched of the evaluator, such as a learning rate, is no part of a model: it is in the whole sample
        of a trial, as in `experiment.best.sample["lr"]`.

        Raises:
            ExperimentError: no trial has completed, the format is unknown, or a model can't take it.
        """
        joint = self._joint
        samples = [joint.part(trial.sample) for trial in self.top(k)]
        if not samples:
            raise ExperimentError(f"there is no model to export: of {len(self._history)} trials none has completed")
        return exported(self.space, samples, format)

    @staticmethod
    def load(directory: str | Path, name: str) -> History:
        """What is recorded of an experiment, which may be running elsewhere: `.trials`, `.best`, `.top(k)`, `.weights`.

        It is read anew whenever something is asked of it, and needs neither the space nor torch.

        Raises:
            ExperimentError: there is no such record, or it can't be read.
        """
        reader = Reader(Path(directory) / checked_name(name))
        plan = reader.plan()
        return History({} if plan is None else plan.objectives, reader)

    @property
    def _joint(self) -> Joint:
        """The space and the evaluator as they are now."""
        return Joint(self.space, self.evaluator)

    def _clear_away(self, folder: Path) -> None:
        """Removes the record of a search that has had no trial, unless something is wrong with it as well."""
        with suppress(ExperimentError, OSError):
            if not self._history.counts:
                shutil.rmtree(folder)
                self.name, self._history = None, History(self.objectives)

    def _try_strategy(self) -> None:
        """Lets the strategy refuse what it can't search, before a folder is made; the search binds it anew."""
        if not isinstance(self.strategy, Strategy):
            return
        with lent(self.strategy) as is_free:
            if is_free:
                self.strategy.bind(self._joint.domain, self.objectives, 0 if self.seed is None else self.seed)

    def _recorded(self, records: Records, progress: bool) -> str:
        """Searches, and writes down that it does."""
        name = type(self.space).__name__
        one_shot = type(self.strategy).__name__ if isinstance(self.strategy, OneShotStrategy) else None
        argument, domain = self.evaluator.argument, self._joint.domain
        is_traced = argument == "graph" or (argument == "module" and self.deduplicate)
        identity = identity_of(self.space, is_traced=is_traced)
        planned = partial(Plan.of, name, domain, self.objectives, one_shot=one_shot, models=identity.models)
        plan = agreed(records, planned, self.seed, self.resume)
        self.seed = plan.seed
        self._history = History(self.objectives, Reader(records.folder, is_whole=True))
        settings = {**self._settings(), "space": identity.hints}
        if self._history.counts["completed"]:
            tell_of_others(settings, self._history.runs, shown=progress, wanted=self.resume == "anyway")
        records.start_run(settings)
        _log.info("the experiment %r runs", self.name, extra={"about": {"seed": plan.seed, "pid": os.getpid()}})
        try:
            ending = self._search(records, plan, progress)
        except BaseException as error:
            ending = "it was interrupted" if isinstance(error, KeyboardInterrupt | SystemExit) else _cause(error)
            _log.warning("the run ends: %s", ending)
            if not records.broken:
                records.end_run(ending)
            raise
        _log.info("the run ends: %s", ending)
        records.end_run(ending)
        return ending

    def _search(self, records: Records, plan: Plan, progress: bool) -> str:
        known = records.counts()
        if progress and (known or self._history.weights):
            say(resumed(records.folder, self._history))
        strategy, joint = self._trained(records, plan.seed, progress)
        tally = Tally(self.objectives, known, records.best(next(iter(self.objectives.values()))))
        with (
            Interrupts(shown=progress) as interrupts,
            Search(self._setup(strategy, joint, plan.seed, interrupts), records, tally) as search,
        ):
            self._run(search, tally, plan, progress)
        interrupts.obey()  # only now are further signals obeyed at once, so that none is missed
        if self._training is not None:
            self._training.check_outcome(self._history)
        return search.ending

    def _run(self, search: Search, tally: Tally, plan: Plan, progress: bool) -> None:
        def opening() -> None:
            if progress and not isinstance(self.engine, SequentialEngine):
                say(f"retiarii: opening {type(self.engine).__name__} ...")

        if search.begin(opening):
            pace = Pace(self._total(plan), tally.ended, time.monotonic(), self.limits.max_duration)
            with watching(pace, shown=progress) as view:
                search.run(lambda: view.update(tally))

    def _total(self, plan: Plan) -> int | None:
        size = plan.size if plan.one_shot is None else None
        ends = [end for end in (self.limits.max_trials, size) if end is not None and end < _OUT_OF_SIGHT]
        return min(ends) if ends else None

    def _trained(self, records: Records, seed: int, progress: bool) -> tuple[Strategy, Joint]:
        """What to search with, and in: as given, or what a supernet gives once it is trained."""
        if not isinstance(self.strategy, OneShotStrategy):
            return self.strategy, self._joint
        self._training = self._train(self.strategy, self._joint, seed, records, progress)
        return self._training.strategy, self._training.joint

    def _setup(self, strategy: Strategy, joint: Joint, seed: int, interrupts: Interrupts) -> Setup:
        return Setup(
            joint=joint,
            strategy=deduplicated(strategy, key_of(joint)) if self.deduplicate else strategy,
            proposer=type(self.strategy).__name__,
            stopper=self.stopper,
            engine=self.engine,
            objectives=self.objectives,
            costs=self.costs,
            seed=seed,
            limits=self.limits,
            callbacks=self.callbacks,
            interrupts=interrupts,
        )

    def _settings(self) -> dict[str, Any]:
        parts = {
            "strategy": self.strategy,
            "engine": self.engine,
            "evaluator": self.evaluator,
            **({} if self.stopper is None else {"stopper": self.stopper}),
        }
        return {
            **{name: described(part) for name, part in parts.items()},
            "descriptions": FORM,
            "limits": asdict(self.limits),
            "deduplicate": self.deduplicate,
            **circumstances(),
        }

    def _train(self, strategy: OneShotStrategy, joint: Joint, seed: int, records: Records, progress: bool) -> Training:
        from retiarii.experiment import one_shot_run  # noqa: PLC0415  tables are searched without torch

        return one_shot_run.train(strategy, joint, self._session(records.folder, seed, progress))

    def _follow(self, strategy: OneShotStrategy) -> None:
        """Trains along in a process that is not the first one, and takes over what that finds."""
        from retiarii.experiment import one_shot_run  # noqa: PLC0415  tables are searched without torch

        folder = followed(self.directory, self.name)
        self.seed = plan_of_first(folder).seed
        one_shot_run.follow(strategy, self._joint, self._session(folder, self.seed, progress=False))
        self._history = History(self.objectives, end_of_first(folder))
        self.ending = "the first of the processes that trained the supernet has searched it"

    def _session(self, folder: Path, seed: int, progress: bool) -> Session:
        return Session(
            seed=seed,
            folder=folder,
            objectives=self.objectives,
            costs={cost.name: cost for cost in self.costs},
            max_trials=self.limits.max_trials,
            progress=progress,
        )


def _cause(error: BaseException) -> str:
    return encodable(f"{type(error).__name__}: {error}"[:_LETTERS])
