"""One-shot strategies in an experiment: a supernet is trained, then searched like anything else."""

from __future__ import annotations

import json
import pickle
import re
from contextlib import nullcontext

import pytest

from retiarii import Engine, Experiment, ExperimentError, ModelSpace, SpaceError, nn
from retiarii.domain import Categorical, Domain
from retiarii.evaluator import Evaluator, Trainable
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import SequentialEngine
from retiarii.one_shot import OneShotStrategy, Trained
from retiarii.profiler import Parameters
from retiarii.stoppers import ASHA
from retiarii.strategies import GridSearch, Random
from retiarii.strategy import Strategy
from retiarii.testing import SampleSpace

EPOCHS = 4
WORTH = {"small": 1.0, "large": 4.0, "none": 0.5}


class Net(ModelSpace):
    """Nine models of two layers."""

    def __init__(self):
        super().__init__()
        for label in ("first", "second"):
            layers = {"small": nn.Linear(2, 2, bias=False), "large": nn.Linear(2, 2), "none": nn.Identity()}
            setattr(self, label, nn.LayerChoice(layers, label=label))

    def forward(self, x):
        return self.second(self.first(x))


class Deep(Net):
    """Nine models of the same labels, most of them others."""

    def forward(self, x):
        return super().forward(self.first(x))


class Plain(ModelSpace):
    """One model."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x)


class Lesson(Trainable):
    """Trains nothing; the strategy below only looks at its rate."""

    objectives = {"score": "maximize"}  # noqa: RUF012

    def __init__(self, rate=0.5):
        self.rate = rate

    def task(self, model):
        return model

    def trainer(self, *, callbacks=(), **settings):
        return None

    def data(self):
        return {}

    def quiet(self):
        return nullcontext()

    def metrics(self, trainer):
        return {}

    def evaluate(self, model):
        return {"score": 0.0}


class Best(Strategy):
    """The samples with the largest weights, three of them, each once."""

    repeats = False

    def __init__(self, table):
        self.table = table

    def bind(self, domain, objectives, seed):
        super().bind(domain, objectives, seed)
        ranked = sorted(domain.grid(), key=lambda sample: -sum(self.table[label][sample[label]] for label in sample))
        self.left = ranked[:3]

    def ask(self):
        self.ending = "" if self.left else "the three likeliest were evaluated"
        return self.left[0] if self.left else None

    def tell(self, trial):
        super().tell(trial)
        self.left = [sample for sample in self.left if sample != trial.sample]


class Scores(Evaluator):
    """Scores a sample with the table."""

    objectives = {"score": "maximize"}  # noqa: RUF012
    argument = "sample"

    def __init__(self, table):
        self.table = table
        self.seen = []

    def searchable(self):
        return {}

    def evaluate(self, sample):
        self.seen.append(sample)
        return {"score": sum(self.table[label][sample[label]] for label in sample), "epochs": EPOCHS}


class Table(OneShotStrategy):
    """Moves a weight for each candidate towards what it is worth, and keeps the weights after each epoch.

    Args:
        interrupted: Before which epoch it is interrupted.
    """

    def __init__(self, interrupted=None, error=KeyboardInterrupt):
        self.interrupted = interrupted
        self.error = error
        self.trained = 0

    def train(self, space, evaluator, session):
        self.session = session
        path = session.supernet / "table.json"
        done, table = self.start(space, path)
        session.watch(done, EPOCHS)
        for epoch in range(done, EPOCHS):
            if epoch == self.interrupted:
                raise self.error
            self.trained += 1
            for row in table.values():
                row.update({name: weight + evaluator.rate * (WORTH[name] - weight) for name, weight in row.items()})
            path.write_text(json.dumps([epoch + 1, table]), encoding="utf-8")
            session.record(epoch, table)
            session.watch(epoch + 1, EPOCHS, f"large {table['first']['large']:.3g}")
        self.scores = Scores(table)
        return Trained(strategy=Best(table), evaluator=self.scores, checkpoint=path)

    def start(self, space, path):
        if path.exists():
            return json.loads(path.read_text(encoding="utf-8"))
        path.parent.mkdir(exist_ok=True)
        return 0, {label: dict.fromkeys(choice.candidates, 0.0) for label, choice in space.domain.choices.items()}


class Fussy(Table):
    def check(self, space, evaluator, objectives):
        raise SpaceError(f"Fussy can't do with {space.domain.labels[0]!r}, to search {[*objectives]}")


def experiment(directory, strategy=None, space=None, evaluator=None, **options):
    strategy = Table() if strategy is None else strategy
    options = {"name": "one", "seed": 0, **options}
    return Experiment(space or Net(), evaluator or Lesson(), strategy, directory=directory, **options)


def outcome(search):
    return [(trial.number, trial.sample, trial.seed, trial.state, trial.metrics) for trial in search.trials]


def test_the_supernet_is_trained_and_then_searched(tmp_path):
    search = experiment(tmp_path)
    search.run(progress=False)
    assert search.ending == "the strategy has nothing more to propose: the three likeliest were evaluated"
    assert [trial.state for trial in search.trials] == ["completed"] * 3
    assert search.best.sample == {"first": "large", "second": "large"}
    assert search.best.metrics == {"score": 7.5, "epochs": EPOCHS}
    assert search.export_top_models(1, format="sample") == [search.best.sample]
    assert "Linear(2, 2)" in search.export_top_models(1)[0]
    assert isinstance(search.export_top_models(1, format="module")[0], nn.Module)
    assert search.export_top_models(1, format="graph")[0].fingerprint() is not None
    loaded = Experiment.load(tmp_path, "one")
    assert loaded.trials == search.trials
    assert loaded.weights == search.weights


def test_the_strategy_gets_what_the_experiment_was_made_with(tmp_path):
    space, strategy = Net(), Table()
    search = experiment(tmp_path, strategy, space, costs=[Parameters(space)], max_trials=2, seed=None)
    search.run(progress=False)
    session = strategy.session
    assert session.folder == tmp_path / "one"
    assert session.supernet == tmp_path / "one" / "supernet"
    assert session.seed == search.seed
    assert session.objectives == {"score": "maximize"}
    assert [*session.costs] == ["parameters"]
    assert (session.max_trials, session.progress) == (2, False)
    assert len(search.trials) == 2
    assert search.ending == "the limit of 2 trials is reached"


def test_costs_and_objectives_are_those_of_any_search(tmp_path):
    space, strategy = Net(), Table()
    objectives = {"score": "maximize", "parameters": "minimize"}
    search = experiment(tmp_path, strategy, space, costs=Parameters(space), objectives=objectives)
    search.run(progress=False)
    assert strategy.session.measured == {"score": "maximize"}
    assert [*search.best.metrics] == ["score", "parameters", "epochs"]
    assert search.best.metrics["parameters"] == 12
    assert len(search.pareto_front()) == 2


def test_weights_over_time_are_in_the_record(tmp_path):
    search = experiment(tmp_path)
    search.run(progress=False)
    assert [row.epoch for row in search.weights] == [0, 1, 2, 3]
    assert search.weights[0].weights == {
        label: {"small": 0.5, "large": 2.0, "none": 0.25} for label in Net().domain.labels
    }
    assert search.weights[-1].weights["first"]["large"] == 3.75


def test_weights_can_be_looked_at_while_it_trains_elsewhere(tmp_path):
    seen = []

    class Looking(Table):
        def start(self, space, path):
            record = self.session.record
            object.__setattr__(self.session, "record", lambda *row: (record(*row), seen.append(looked())))
            return super().start(space, path)

    def looked():
        return [row.epoch for row in Experiment.load(tmp_path, "one").weights]

    experiment(tmp_path, Looking()).run(progress=False)
    assert seen == [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]


@pytest.mark.parametrize("epoch", range(EPOCHS))
def test_a_training_that_was_interrupted_goes_on(tmp_path, epoch, capsys):
    whole = experiment(tmp_path, name="whole")
    whole.run(progress=False)
    broken = experiment(tmp_path, Table(interrupted=epoch))
    with pytest.raises(KeyboardInterrupt):
        broken.run()
    assert f"retiarii: interrupted; the same experiment goes on from {tmp_path / 'one'}" in capsys.readouterr().err
    assert [row.epoch for row in broken.weights] == list(range(epoch))
    assert not broken.trials
    strategy = Table()
    resumed = experiment(tmp_path, strategy)
    resumed.run()
    assert strategy.trained == EPOCHS - epoch
    assert resumed.weights == whole.weights
    assert outcome(resumed) == outcome(whole)
    said = f"resuming {tmp_path / 'one'}: 0 trials are kept, and the architecture weights of {epoch} epoch"
    assert (said in capsys.readouterr().err) == (epoch > 0)


def test_epochs_that_are_trained_again_are_recorded_in_place_of_the_old_ones(tmp_path):
    search = experiment(tmp_path)
    search.run(progress=False)
    search.strategy.session.record(1, {"first": {"large": 0.125}})
    path = tmp_path / "one" / "supernet" / "table.json"
    path.write_text(json.dumps([1, search.weights[0].weights]))
    again = experiment(tmp_path)
    again.run(progress=False)
    assert again.weights == search.weights


def test_a_search_of_the_supernet_goes_on_by_the_record(tmp_path):
    whole = experiment(tmp_path, name="whole")
    whole.run(progress=False)
    for limit in (1, 2, 3):
        strategy = Table()
        pieces = experiment(tmp_path, strategy, max_trials=limit)
        pieces.run(progress=False)
        assert outcome(pieces) == outcome(whole)[:limit]
        assert strategy.trained == (EPOCHS if limit == 1 else 0)
        assert len(strategy.scores.seen) == 1, "what has ended is not evaluated again"


def test_what_was_under_way_is_evaluated_again(tmp_path):
    class Killed(Scores):
        def evaluate(self, sample):
            if len(self.seen) == 1:
                raise KeyboardInterrupt
            return super().evaluate(sample)

    class Breaking(Table):
        def train(self, space, evaluator, session):
            trained = super().train(space, evaluator, session)
            return Trained(strategy=trained.strategy, evaluator=Killed(trained.evaluator.table))

    Breaking.__name__ = "Table"
    with pytest.raises(KeyboardInterrupt):
        experiment(tmp_path, Breaking()).run(progress=False)
    assert [trial.state for trial in Experiment.load(tmp_path, "one").trials] == ["completed", "interrupted"]
    resumed = experiment(tmp_path)
    resumed.run(progress=False)
    assert resumed.strategy.trained == 0
    assert [trial.state for trial in resumed.trials] == ["completed"] * 3


def test_an_error_in_the_training_is_raised_as_it_is(tmp_path):
    with pytest.raises(ZeroDivisionError):
        experiment(tmp_path, Table(interrupted=2, error=ZeroDivisionError)).run(progress=False)
    assert len(Experiment.load(tmp_path, "one").weights) == 2


def test_the_outcome_says_what_took_how_long_and_where_the_supernet_is(tmp_path, capsys):
    experiment(tmp_path).run()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "retiarii: supernet: epoch 0 of 4"
    text = "\n".join(lines)
    assert re.search(r"^retiarii: supernet: epoch 4 of 4, large 3\.75, \S+ s/epoch, 0 s left$", text, re.MULTILINE)
    assert re.search(r"^Of that, the supernet took .+, and its architectures .+\.$", text, re.MULTILINE)
    assert re.search(r'^ +0 +7\.5  \{"first": "large", "second": "large"\}$', text, re.MULTILINE)
    assert f"The supernet is in {tmp_path / 'one' / 'supernet' / 'table.json'}" in lines
    assert lines[-1] == f"Everything is in {tmp_path / 'one'}"


def test_nothing_is_shown_unless_wanted(tmp_path, capsys):
    experiment(tmp_path).run(progress=False)
    assert capsys.readouterr().err == ""


def test_what_the_experiment_hands_to_a_strategy_survives_pickling(tmp_path):
    class Elsewhere(Table):
        def train(self, space, evaluator, session):
            return super().train(space, evaluator, pickle.loads(pickle.dumps(session)))  # noqa: S301

    Elsewhere.__name__ = "Table"
    search = experiment(tmp_path, Elsewhere())
    search.run()
    assert len(search.weights) == EPOCHS


def test_another_strategy_does_not_go_on_with_it(tmp_path):
    class Other(Table):
        pass

    experiment(tmp_path, max_trials=1).run(progress=False)
    for strategy, name in ((Other(), "Other"), (Random(), "none")):
        with pytest.raises(ExperimentError, match=f"one-shot strategy: was Table, is {name}"):
            experiment(tmp_path, strategy).run(progress=False)
    experiment(tmp_path, Random(), name="two").run(progress=False)
    with pytest.raises(ExperimentError, match="one-shot strategy: was none, is Table"):
        experiment(tmp_path, name="two").run(progress=False)


class Elsewhere(Engine):
    room = 1

    def open(self, assignment):
        raise NotImplementedError

    def submit(self, jobs):
        raise NotImplementedError

    def advance(self, listen, timeout):
        raise NotImplementedError

    def cancel(self, number):
        raise NotImplementedError


REFUSED = [
    ({"engine": Elsewhere()}, "Table trains one supernet in this process .* Elsewhere has nothing to run; leave the"),
    ({"stopper": ASHA()}, "architectures report nothing on their way, so ASHA has nothing to stop"),
    (
        {"evaluator": Lesson(nn.ValueChoice([0.1, 0.5], label="rate"))},
        "the evaluator leaves 'rate' open, and Table trains one supernet, in one way: decide them first, or search",
    ),
    (
        {"evaluator": FunctionalEvaluator(len)},
        "FunctionalEvaluator does not say how: it scores models one by one; use Classification, Regression",
    ),
    ({"space": Plain()}, "Plain has no choices, so there is nothing to search for Table; put some in"),
    ({"space": SampleSpace(Domain([Categorical("op", (1, 2))]))}, "SampleSpace is no ModelSpace, so it has none"),
    ({"strategy": Table}, "an experiment got the class Table as its strategy"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED, ids=[said.split()[0] for _, said in REFUSED])
def test_what_makes_no_sense_for_a_supernet_is_refused_at_once(tmp_path, options, said):
    with pytest.raises(ExperimentError, match=said):
        experiment(tmp_path, **options)
    assert not any(tmp_path.iterdir())


def test_the_engine_that_it_has_anyway_may_be_given(tmp_path):
    experiment(tmp_path, engine=SequentialEngine()).run(progress=False)


def test_a_strategy_can_refuse_early(tmp_path):
    with pytest.raises(SpaceError, match=r"Fussy can't do with 'first', to search \['score'\]"):
        experiment(tmp_path, Fussy())


def test_a_space_without_choices_is_one_trial_to_other_strategies(tmp_path):
    evaluator = FunctionalEvaluator(lambda model: 1.0)
    for strategy in (Random(), GridSearch()):
        search = experiment(tmp_path, strategy, Plain(), evaluator, name=None)
        search.run(progress=False)
        assert [trial.sample for trial in search.trials] == [{}]


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (lambda trained: None, "Table.train returned None; expected a Trained"),
        (
            lambda trained: Trained(strategy=trained.strategy, evaluator=Lesson(nn.ValueChoice([1, 2], label="rate"))),
            "Table.train returned an evaluator that leaves 'rate' open",
        ),
    ],
)
def test_what_a_strategy_returns_is_looked_at(tmp_path, returned, said):
    strategy = Table()
    train = strategy.train
    strategy.train = lambda *given: returned(train(*given))
    with pytest.raises(ExperimentError, match=said):
        experiment(tmp_path, strategy).run(progress=False)


def test_a_process_that_only_trains_along_records_nothing_and_takes_what_is_found(tmp_path, monkeypatch, capsys):
    first = experiment(tmp_path, seed=None)
    first.run(progress=False)
    monkeypatch.setenv("LOCAL_RANK", "1")
    other = experiment(tmp_path, seed=None)
    other.run()
    assert other.strategy.session.record(0, {}) is None
    assert other.strategy.session.folder == tmp_path / "one"
    assert (other.seed, other.trials, other.weights) == (first.seed, first.trials, first.weights)
    assert other.ending == "the first of the processes that trained the supernet has searched it"
    assert other.export_top_models(1) == first.export_top_models(1)
    assert capsys.readouterr().err == ""
    with pytest.raises(ExperimentError, match="give it a name"):
        experiment(tmp_path, name=None).run()


def test_a_supernet_of_other_models_is_refused_before_anything_is_scored(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        experiment(tmp_path, Table(interrupted=2)).run(progress=False)
    with pytest.raises(ExperimentError, match=r"models: they are others, .* look at first"):
        experiment(tmp_path, space=Deep()).run(progress=False)
    experiment(tmp_path).run(progress=False)
    search = experiment(tmp_path, space=Deep(), resume="anyway")
    search.run(progress=False)
    assert len(search.trials) == 3
