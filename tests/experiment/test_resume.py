"""An experiment of the same name and directory goes on where it stopped."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from retiarii import Experiment, ExperimentError, Trial
from retiarii.callback import Callback
from retiarii.domain import Categorical, Domain, Numeric, Requirement, Symbol
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import ProcessEngine, SequentialEngine
from retiarii.experiment.records import Records
from retiarii.strategies import (
    NSGA2,
    TPE,
    Chain,
    FirstSamples,
    GiveUp,
    GridSearch,
    LocalSearch,
    Random,
    RegularizedEvolution,
)
from retiarii.testing import DOMAINS, SampleSpace


def experiment(tmp_path, strategy, domain=DOMAINS["subsets"], **options):
    def score(sample):
        return float(len(str(sample)))

    evaluator = FunctionalEvaluator(score, argument="sample")
    return Experiment(SampleSpace(domain), evaluator, strategy, directory=tmp_path, **{"name": "one", **options})


def outcome(trials):
    return [(trial.number, trial.sample, trial.seed, trial.state, trial.metrics) for trial in trials]


STRATEGIES = [
    Random,
    GridSearch,
    lambda: RegularizedEvolution(population_size=4, sample_size=2),
    LocalSearch,
    lambda: TPE(first_random=4),
    lambda: NSGA2(population_size=4),
    lambda: Chain(LocalSearch(), FirstSamples([]), GiveUp(failures=9)),
]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("domain", ["subsets", "conditional", "constrained", "integers", "look-alikes"])
def test_a_search_in_pieces_is_the_same_as_one_in_one(tmp_path, strategy, domain):
    whole = experiment(tmp_path, strategy(), DOMAINS[domain], name="whole", seed=3, max_trials=24)
    whole.run(progress=False)
    for limit in (1, 2, 6, 7, 24):
        pieces = experiment(tmp_path, strategy(), DOMAINS[domain], name="pieces", seed=3, max_trials=limit)
        pieces.run(progress=False)
        assert outcome(pieces.trials) == outcome(whole.trials)[:limit]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_was_under_way_is_run_again_first(tmp_path, strategy):
    whole = experiment(tmp_path, strategy(), name="whole", seed=3)
    whole.run(progress=False)
    part = experiment(tmp_path, strategy(), seed=3, max_trials=4)
    part.run(progress=False)
    records = Records(tmp_path / "one")
    for number, state in ((4, "running"), (5, "waiting")):
        trial = Trial(number, whole.trials[number].sample, seed=whole.trials[number].seed)
        records.save([trial.running(host="gone", started=1.0) if state == "running" else trial])
    records.close()
    resumed = experiment(tmp_path, strategy(), seed=3)
    resumed.run(progress=False)
    assert outcome(resumed.trials) == outcome(whole.trials)
    assert resumed.trials[4].host != "gone"


@pytest.mark.filterwarnings("ignore:some of the trials:UserWarning")
def test_nothing_is_run_again_where_all_is_done(tmp_path):
    experiment(tmp_path, GridSearch(), max_trials=3).run(progress=False)
    again = experiment(tmp_path, GridSearch(), max_trials=3)
    again.evaluator.function = None
    again.run(progress=False)
    assert len(again.trials) == 3


def test_a_lower_limit_leaves_what_was_under_way(tmp_path):
    experiment(tmp_path, GridSearch(), max_trials=3).run(progress=False)
    records = Records(tmp_path / "one")
    records.save([Trial(3, {"inputs": [0], "sum": True})])
    records.close()
    again = experiment(tmp_path, GridSearch(), max_trials=2)
    again.run(progress=False)
    assert [trial.state for trial in again.trials] == ["completed"] * 3 + ["interrupted"]


def test_the_strategy_is_told_in_the_order_in_which_trials_ended(tmp_path):
    class Listening(GridSearch):
        def bind(self, domain, objectives, seed):
            super().bind(domain, objectives, seed)
            self.told = []

        def tell(self, trial):
            super().tell(trial)
            self.told.append((trial.number, trial.state))

    experiment(tmp_path, GridSearch(), max_trials=0 + 1).run(progress=False)
    records = Records(tmp_path / "one")
    samples = list(DOMAINS["subsets"].grid())
    for number in (1, 2, 3):
        records.save([Trial(number, samples[number])])
    for number in (3, 1):
        records.save([Trial(number, samples[number]).running().completed({"default": 1.0})])
    records.close()
    listening = Listening()
    experiment(tmp_path, listening, max_trials=4).run(progress=False)
    assert listening.told[:4] == [(0, "completed"), (3, "completed"), (1, "completed"), (2, "waiting")]
    assert listening.told[4:] == [(2, "completed")], "it was told as waiting when the search went on"


def test_a_drawn_seed_is_kept(tmp_path):
    first = experiment(tmp_path, Random(), max_trials=2)
    assert first.seed is None
    first.run(progress=False)
    again = experiment(tmp_path, Random(), max_trials=3)
    again.run(progress=False)
    assert again.seed == first.seed
    other = experiment(tmp_path, Random(), max_trials=2, name="other")
    other.run(progress=False)
    assert other.seed != first.seed


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        (
            Domain([Categorical("width", (16, 32, 128)), Categorical("kernel", (3, 5))]),
            r"choice 'width': was .*\[16, 32, 64\]\}, is .*\[16, 32, 128\]\}\n",
        ),
        (Domain([Categorical("width", (16, 32, 64))]), r"choice 'kernel': was \{.*\}, is \"absent\"\n"),
        (
            Domain([*DOMAINS["flat"].choices.values(), Numeric("rate", 0.0, 1.0)]),
            r"choice 'rate': was \"absent\", is \{\"kind\": \"Numeric\", \"low\": 0.0, \"high\": 1.0",
        ),
        (
            Domain(reversed(DOMAINS["flat"].choices.values())),
            "order of the choices: was width, kernel; is kernel, width\n",
        ),
        (
            Domain(DOMAINS["flat"].choices.values(), {"kernel": ((Symbol("width") > 16,),)}),
            r"choice 'kernel': was .*, is .*\"condition\": \[\[\{\"operator\"",
        ),
    ],
)
def test_another_space_is_refused_with_the_difference(tmp_path, domain, said):
    experiment(tmp_path, GridSearch(), DOMAINS["flat"], max_trials=2).run(progress=False)
    with pytest.raises(ExperimentError, match=said) as e:
        experiment(tmp_path, GridSearch(), domain, max_trials=2).run(progress=False)
    assert str(e.value).startswith(f"{tmp_path / 'one'} holds another search")
    assert len(Experiment.load(tmp_path, "one").trials) == 2


def test_another_seed_or_objective_is_refused(tmp_path):
    experiment(tmp_path, Random(), max_trials=2, seed=1).run(progress=False)
    changed = experiment(tmp_path, Random(), max_trials=2, seed=2, objectives={"default": "minimize"})
    with pytest.raises(
        ExperimentError, match=r"objectives: was .*'maximize'\}, is .*'minimize'\}\n  seed: was 1, is 2"
    ):
        changed.run(progress=False)


def test_other_constraints_are_refused(tmp_path):
    flat = DOMAINS["flat"]
    narrow = flat.constrained(Requirement(Symbol("width") < 64))
    search = experiment(tmp_path, Random(), narrow, seed=1)
    search.run(progress=False)
    assert len(search.trials) == 4
    assert search.ending == "the strategy has nothing more to propose: every sample of the space has been tried"
    with pytest.raises(ExperimentError, match="constraints: was width < 64, is none"):
        experiment(tmp_path, Random(), flat, seed=1).run(progress=False)


def test_the_same_space_written_anew_is_the_same(tmp_path):
    def written():
        choices = [Categorical("depth", [1, (2, 3), None, True]), Categorical("width", [1, 2])]
        return Domain(choices, {"width": ((Symbol("depth") == 1,),)})

    experiment(tmp_path, Random(), written(), max_trials=2, seed=1).run(progress=False)
    experiment(tmp_path, Random(), written(), max_trials=3, seed=1).run(progress=False)


WAITING = """
import sys
from retiarii import Experiment
from retiarii.evaluators import FunctionalEvaluator
from retiarii.strategies import TPE, GridSearch
from retiarii.testing import DOMAINS, SampleSpace

def score(sample):
    print("begun", flush=True)
    sys.stdin.readline()

evaluator = FunctionalEvaluator(score, argument="sample")
space = SampleSpace(DOMAINS["subsets"])
Experiment(space, evaluator, GridSearch(), directory=sys.argv[1], name="one").run(progress=False)
"""


def test_another_process_is_refused_with_whose_turn_it_is_and_follows_when_that_is_gone(tmp_path):
    experiment(tmp_path, GridSearch(), max_trials=1).run(progress=False)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", WAITING, tmp_path], text=True, **pipes) as process:
        assert process.stdout.readline() == "begun\n"
        said = (
            f"one is being run by process {process.pid} on {socket.gethostname()}; wait for its end, or choose another"
        )
        with pytest.raises(ExperimentError, match=said):
            experiment(tmp_path, GridSearch()).run(progress=False)
        loaded = Experiment.load(tmp_path, "one")
        assert [trial.state for trial in loaded] == ["completed", "running"]
        process.kill()
    again = experiment(tmp_path, GridSearch(), max_trials=3)
    again.run(progress=False)
    assert [(trial.state, trial.interruptions) for trial in again.trials] == [
        ("completed", 0),
        ("completed", 1),
        ("completed", 0),
    ]
    ends = [run.ended is not None for run in Experiment.load(tmp_path, "one").runs]
    assert ends == [True, False, True], "the one that was refused was no run"


def test_what_was_interrupted_by_hand_is_never_given_up(tmp_path):
    def interrupted(sample):
        raise KeyboardInterrupt

    for _ in range(4):
        search = experiment(tmp_path, GridSearch(), max_retries=0)
        search.evaluator = FunctionalEvaluator(interrupted, argument="sample")
        with pytest.raises(KeyboardInterrupt):
            search.run(progress=False)
    search = experiment(tmp_path, GridSearch(), max_retries=0, max_trials=2)
    search.run(progress=False)
    assert [(trial.state, trial.interruptions) for trial in search.trials] == [("completed", 0)] * 2
    runs = Experiment.load(tmp_path, "one").runs
    assert [run.ending for run in runs] == ["it was interrupted"] * 4 + ["the limit of 2 trials is reached"]


def test_a_trial_found_running_too_often_is_given_up_and_told(tmp_path):
    class Listening(GridSearch):
        def tell(self, trial):
            super().tell(trial)
            told.append((trial.number, trial.state, trial.interruptions))

    told, heard = [], []

    class Hearing(Callback):
        def on_trial_end(self, trial):
            heard.append((trial.number, trial.state))

    experiment(tmp_path, GridSearch(), max_trials=1, seed=0).run(progress=False)
    records = Records(tmp_path / "one")
    samples = [*DOMAINS["subsets"].grid()]
    running = [Trial(number, samples[number], seed=number).running() for number in (1, 2)]
    records.save([replace(running[0], interruptions=1), running[1]])
    records.close()
    search = experiment(
        tmp_path, Listening(), seed=0, max_retries=1, max_trials=3, callbacks=[Hearing()], deduplicate=False
    )
    search.run(progress=False)
    assert [(trial.state, trial.interruptions) for trial in search.trials] == [
        ("completed", 0),
        ("failed", 2),
        ("completed", 1),
    ]
    assert search.trials[1].error == (
        "given up: it was cut off 2 times, in the end because the process that ran it was killed"
    )
    assert told[1:] == [(1, "waiting", 1), (2, "waiting", 0), (1, "failed", 2), (2, "completed", 1)]
    assert heard == [(1, "failed"), (2, "completed")]


def test_two_at_a_time_are_refused(tmp_path):
    experiment(tmp_path, GridSearch(), max_trials=1).run(progress=False)
    records = Records(tmp_path / "one")
    with pytest.raises(ExperimentError, match=r"one is being run by another process; wait for its end"):
        experiment(tmp_path, GridSearch(), max_trials=2).run(progress=False)
    records.start_run({})
    with pytest.raises(ExperimentError, match=r"one is being run by process \d+ on .*; wait for its end"):
        experiment(tmp_path, GridSearch(), max_trials=2).run(progress=False)
    assert len(Experiment.load(tmp_path, "one").trials) == 1
    records.close()
    experiment(tmp_path, GridSearch(), max_trials=2).run(progress=False)


def scored_by(tmp_path, factor, max_trials):
    def scaled(sample, factor):
        return float(factor)

    evaluator = FunctionalEvaluator(scaled, argument="sample", factor=factor)
    space = SampleSpace(DOMAINS["subsets"])
    return Experiment(space, evaluator, GridSearch(), directory=tmp_path, name="one", max_trials=max_trials, seed=0)


def test_an_evaluator_that_has_changed_is_told(tmp_path, capsys):
    said = "some of the trials were scored by another evaluator"
    for factor, max_trials, is_told in (
        (1, 1, False),
        (1, 2, False),
        (2, 2, True),
        (1, 3, False),
        (2, 4, True),
        (2, 5, True),
    ):
        scored_by(tmp_path, factor, max_trials).run()
        heard = capsys.readouterr().err
        assert (said in heard) == is_told
        assert (f"begin anew\n  factor: was {3 - factor}, is {factor}\n" in heard) == is_told


def test_without_progress_it_is_a_warning_at_the_line_that_runs_it(tmp_path, capsys):
    scored_by(tmp_path, 1, 1).run(progress=False)
    scored_by(tmp_path, 1, 2).run(progress=False)
    with pytest.warns(UserWarning, match="scored by another evaluator.*\n  factor: was 1, is 2$") as caught:
        scored_by(tmp_path, 2, 3).run(progress=False)
    assert [warning.filename for warning in caught] == [__file__]
    assert not capsys.readouterr().err


def test_what_a_strategy_cannot_search_is_refused_before_there_is_a_record(tmp_path):
    objectives = {"default": "maximize", "size": "minimize"}
    with pytest.raises(ExperimentError, match="TPE optimises one objective"):
        experiment(tmp_path, TPE(), objectives=objectives).run(progress=False)
    assert not (tmp_path / "one").exists()


class Unopened(SequentialEngine):
    def open(self, assignment):
        raise AssertionError("there is nothing to run")


def test_a_search_with_nothing_left_to_do_opens_no_engine(tmp_path, capsys):
    experiment(tmp_path, GridSearch()).run(progress=False)
    again = experiment(tmp_path, GridSearch(), engine=Unopened())
    again.run()
    assert again.ending.startswith("the strategy has nothing more to propose")
    limited = experiment(tmp_path, GridSearch(), engine=Unopened(), max_trials=2)
    limited.run()
    assert "opening" not in capsys.readouterr().err


def test_an_engine_that_another_search_uses_is_left_to_it(tmp_path):
    engine, other = ProcessEngine(workers=1), experiment(tmp_path, GridSearch(), name="other")

    class Second(Callback):
        def on_trial_end(self, trial):
            other.engine = engine
            with pytest.raises(ExperimentError, match="this engine runs the trials of another experiment already"):
                other.run(progress=False)

    search = experiment(tmp_path, GridSearch(), max_trials=3, engine=engine, callbacks=[Second()])
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed"] * 3


def test_a_trial_that_no_engine_could_be_opened_for_is_not_recorded(tmp_path):
    with pytest.raises(AssertionError, match="nothing to run"):
        experiment(tmp_path, GridSearch(), engine=Unopened()).run(progress=False)
    experiment(tmp_path, GridSearch()).run(progress=False)
    assert {trial.interruptions for trial in Experiment.load(tmp_path, "one")} == {0}


def test_a_search_without_a_name_that_could_not_begin_leaves_nothing(tmp_path):
    evaluator = FunctionalEvaluator(len, argument="sample", held=threading.Lock())
    search = Experiment(
        SampleSpace(DOMAINS["subsets"]), evaluator, GridSearch(), directory=tmp_path, engine=ProcessEngine(workers=1)
    )
    with pytest.raises(ExperimentError, match="held"):
        search.run(progress=False)
    assert not [*tmp_path.iterdir()]
