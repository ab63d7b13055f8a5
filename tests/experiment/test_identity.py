"""Whether an experiment goes on with the models that it began with."""

from __future__ import annotations

import functools
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass

import pytest
import torch

from retiarii import Experiment, ExperimentError, ModelSpace, nn
from retiarii.domain import Domain
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment.identity import identity_of
from retiarii.experiment.record_file import FILE
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS

PROGRAM = """
import sys
from retiarii import Experiment, ModelSpace, nn
from retiarii.evaluators import FunctionalEvaluator
from retiarii.strategies import GridSearch
import torch


class Odd(torch.nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


class Net(ModelSpace):
    def __init__(self):
        super().__init__()
        self.op = nn.LayerChoice([nn.Linear(4, 8), nn.Linear(4, 16), nn.Linear(4, WIDTH)], label="op")
        self.odd = Odd()
        self.register_buffer("noise", torch.randn(8))
        self.constrain(lambda sample: sample["op"] in {0, 1, 2, 3} and str(sample["op"]) not in {"4", "5", "6"})

    def forward(self, x):
        return self.odd(self.op(x))


def search(directory, limit):
    evaluator = FunctionalEvaluator(lambda sample: float(sample["op"]), argument="sample")
    Experiment(Net(), evaluator, GridSearch(), name="one", directory=directory, seed=0, max_trials=limit).run(False)


if __name__ == "__main__":
    search(sys.argv[1], int(sys.argv[2]))
"""


class Net(ModelSpace):
    def __init__(self, first=8, second=16, factor=2):
        super().__init__()
        self.factor = factor
        self.stem = nn.Linear(4, 4)
        self.op = nn.LayerChoice([nn.Linear(4, first), nn.Linear(4, second), nn.Linear(4, 32)], label="op")

    def forward(self, x):
        return self.op(self.stem(x)) * self.factor


class Turned(Net):
    def forward(self, x):
        return self.op(torch.relu(self.stem(x))) * self.factor


class Opaque(Net):
    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else x


@dataclass(frozen=True)
class Table:
    """A space without a graph."""

    name: str
    domain: Domain = DOMAINS["flat"]


def rule(sample, limit):
    return sample["op"] < limit


def experiment(tmp_path, space, limit=None, *, argument="module", strategy=None, function=None, **options):
    evaluator = FunctionalEvaluator(function or (lambda model: 1.0), argument=argument)
    strategy = strategy or GridSearch()
    return Experiment(space, evaluator, strategy, name="one", directory=tmp_path, seed=0, max_trials=limit, **options)


def edit(tmp_path, change):
    """Changes the plan that is recorded, as JSON."""
    with closing(sqlite3.connect(tmp_path / "one" / FILE)) as file:
        plan = json.loads(*file.execute("select plan from experiment").fetchone())
        change(plan)
        file.execute("update experiment set plan = ?, checksum = null", [json.dumps(plan)])
        file.commit()


@pytest.mark.filterwarnings("ignore:some of the trials:UserWarning")
@pytest.mark.parametrize("argument", ["module", "graph", "sample"])
@pytest.mark.parametrize(
    ("space", "where"),
    [
        (functools.partial(Net, second=24), "look at op.1"),
        (functools.partial(Net, first=9, second=24), "look at op.0, op.1"),
        (functools.partial(Net, factor=3), "look at the forward of Net"),
        (Turned, "look at the forward of Net"),
    ],
)
def test_other_models_of_the_same_choices_are_refused(tmp_path, argument, space, where):
    experiment(tmp_path, Net(), 1, argument=argument).run(progress=False)
    experiment(tmp_path, Net(), 2, argument=argument).run(progress=False)
    said = rf"\n  models: they are others, though made of the same choices: {where}\nchoose another name"
    with pytest.raises(ExperimentError, match=said):
        experiment(tmp_path, space(), argument=argument).run(progress=False)
    assert len(Experiment.load(tmp_path, "one").trials) == 2
    search = experiment(tmp_path, space(), argument=argument, resume="anyway")
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["completed"] * 3
    log = (tmp_path / "one" / "log.jsonl").read_text()
    assert "the experiment goes on with a change: models: they are others" in log
    assert "some of the trials are of other models" in log
    experiment(tmp_path, space(), argument=argument).run(progress=False)
    with pytest.raises(ExperimentError, match="models: they are others"):
        experiment(tmp_path, Net(), argument=argument).run(progress=False)


def test_with_other_choices_these_are_what_is_told(tmp_path):
    experiment(tmp_path, Net(), 1).run(progress=False)

    class Other(Net):
        def __init__(self):
            super().__init__()
            self.op = nn.LayerChoice([nn.Linear(4, 8), nn.Linear(4, 16)], label="op")

    with pytest.raises(ExperimentError, match="choice 'op': was") as caught:
        experiment(tmp_path, Other()).run(progress=False)
    assert "models" not in str(caught.value)


def test_the_same_program_goes_on_however_it_is_started(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM.replace("WIDTH", "32"))

    def run(seed, *command):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "OMP_NUM_THREADS": str(seed)}
        command = [sys.executable, "-W", "ignore", *command]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    for done in (
        run(1, "program.py", ".", "1"),
        run(2, "-c", "import torch; torch.manual_seed(3); import program; program.search('.', 2)"),
    ):
        assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "program.py").write_text(PROGRAM.replace("WIDTH", "64"))
    done = run(3, "program.py", ".", "3")
    assert "made of the same choices: look at op.2\n" in done.stderr
    assert len(Experiment.load(tmp_path, "one").trials) == 2


def test_a_repaired_space_goes_on_while_nothing_was_scored(tmp_path):
    def failing(model):
        raise ValueError("not yet")

    experiment(tmp_path, Net(first=9), 2, function=failing).run(progress=False)
    search = experiment(tmp_path, Net())
    search.run(progress=False)
    assert [trial.state for trial in search.trials] == ["failed", "failed", "completed"]
    with pytest.raises(ExperimentError, match=r"look at op\.0"):
        experiment(tmp_path, Net(first=9)).run(progress=False)


def test_with_another_version_that_is_told_only(tmp_path, capsys):
    experiment(tmp_path, Net(), 1).run(progress=False)
    edit(tmp_path, lambda plan: plan["models"]["versions"].update(torch="1.0"))
    experiment(tmp_path, Net(first=9), 2).run()
    assert "some of the trials are of other models, or of other code of the space" in capsys.readouterr().err
    with pytest.raises(ExperimentError, match=r"look at op\.0"):
        experiment(tmp_path, Net()).run(progress=False)


def test_a_record_that_knows_of_no_models_goes_on_and_knows_them_then(tmp_path):
    def small(limit):
        return Net().constrain(functools.partial(rule, limit=limit))

    def make_old(plan):
        del plan["models"], plan["marks"]
        plan["constraints"] = ["predicate partial"]

    experiment(tmp_path, small(3), 1).run(progress=False)
    edit(tmp_path, make_old)
    assert Experiment.load(tmp_path, "one").plan.models is None
    experiment(tmp_path, small(3), 2).run(progress=False)
    assert Experiment.load(tmp_path, "one").plan.constraints == ["predicate rule(limit=3)"]
    with pytest.raises(ExperimentError, match=r"constraints: was .*rule\(limit=3\), is .*rule\(limit=2\)\n"):
        experiment(tmp_path, small(2)).run(progress=False)
    with pytest.raises(ExperimentError, match=r"look at op\.0"):
        experiment(tmp_path, Net(first=9).constrain(functools.partial(rule, limit=3))).run(progress=False)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (lambda sample: sample["op"] < 3, lambda sample: sample["op"] < 2, "the code of predicate <lambda> is another"),
        (functools.partial(rule, limit=3), functools.partial(rule, limit=2), r"limit=3\), is predicate rule\(limit=2"),
    ],
)
def test_another_limit_in_a_function_is_refused(tmp_path, before, after, said):
    experiment(tmp_path, Net().constrain(before), 1).run(progress=False)
    with pytest.raises(ExperimentError, match=rf"constraints: .*{said}"):
        experiment(tmp_path, Net().constrain(after)).run(progress=False)
    search = experiment(tmp_path, Net().constrain(after), resume="anyway")
    search.run(progress=False)
    assert len(search.trials) == 2


def test_a_space_that_could_not_be_traced_goes_on(tmp_path):
    identity = identity_of(Opaque(), is_traced=True)  # warnings are errors here
    assert identity.models["graph"] is None
    assert identity.hints["sources"].keys() == {"Opaque"}
    experiment(tmp_path, Opaque(), 1, argument="sample").run(progress=False)
    with pytest.raises(ExperimentError, match="the space can't be traced any more"):
        experiment(tmp_path, Opaque()).run(progress=False)
    edit(tmp_path, lambda plan: plan["models"].update(graph=None))
    experiment(tmp_path, Opaque(), 2, argument="sample").run(progress=False)
    assert Experiment.load(tmp_path, "one").plan.models["graph"] is not None


def test_tables_with_other_values_are_told_only(tmp_path, capsys):
    experiment(tmp_path, Table("first"), 1, argument="sample").run()
    experiment(tmp_path, Table("first"), 2, argument="sample").run()
    said = "some of the trials are of other models, or of other code of the space; choose another name to begin anew"
    assert said not in capsys.readouterr().err
    experiment(tmp_path, Table("second"), 3, argument="sample").run()
    assert said in capsys.readouterr().err


def test_the_code_of_tables_counts():
    one = identity_of(Table("first"), is_traced=False)

    @dataclass(frozen=True)
    class Table2(Table):
        size: int = 3

    assert one.models is None
    assert one.hints == identity_of(Table("first"), is_traced=True).hints
    assert one.hints["values"] == {"name": "'first'"}
    assert identity_of(Table2("first"), is_traced=False).hints["sources"].keys() == {Table2.__qualname__}
