"""What is wrong with a config is said in a line, with file, line and field, and nothing is begun."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from retiarii.cli.app import app

WRONG = {
    "a misspelt field": (
        ("max_trials", "max_trails"),
        ["search.yaml:14: max_trails: unknown; did you mean max_trials?"],
    ),
    "a misspelt argument": (
        ("population_size", "population_sise"),
        ["search.yaml:11: strategy.population_sise: unknown; did you mean population_size?"],
    ),
    "arguments beside the name": (
        ("  arguments:\n    population_size: 4\n    sample_size: 2", "  population_size: 4"),
        [
            "search.yaml:10: strategy.population_size: what RegularizedEvolution is made with stands under "
            "`arguments`: write strategy: {name: RegularizedEvolution, arguments: {population_size: 4}}"
        ],
    ),
    "arguments beside others": (
        ("strategy:", "costs:\n  - name: toys.Price\n    arguments: {a: 1}\n    scale: 2\nstrategy:"),
        [
            "search.yaml:11: costs.0.scale: what toys.Price is made with stands under `arguments`: "
            "write - {name: toys.Price, arguments: {a: 1, scale: 2}}"
        ],
    ),
    "misspelt arguments": (
        ("  arguments:\n    population", "  argument:\n    population"),
        ["search.yaml:10: strategy.argument: unknown; did you mean arguments?"],
    ),
    "a misspelt argument of the function": (
        ("argument: sample", "argument: sample\n    secnds: 2\n    factor: high"),
        [
            "search.yaml:8: evaluator.secnds: unknown; did you mean seconds?",
            "search.yaml:9: evaluator.factor: is 'high'; give a number",
        ],
    ),
    "a function in place of the evaluator": (
        (
            "name: FunctionalEvaluator\n  arguments:\n    function: {import: toys.score}\n    argument: sample",
            "name: toys.score",
        ),
        [
            "search.yaml:3: evaluator: toys.score needs the argument sample; if it scores models, "
            "write evaluator: {name: FunctionalEvaluator, arguments: {function: {import: toys.score}}}"
        ],
    ),
    "an argument that the function of a factory doesn't take": (
        ("{import: toys.score}", "{name: lazy.scoring, arguments: {}}\n    secnds: 2"),
        ["search.yaml:3: evaluator: score takes no argument 'secnds'; did you mean 'seconds'?"],
    ),
    "an error without words": (
        ("toys.table", "lazy.silent"),
        ["search.yaml:2: space: lazy.silent can't be imported: Silent: (its text raises ZeroDivisionError) ("],
    ),
    "a missing argument of the function": (
        ("toys.score", "lazy.needing"),
        ["search.yaml:3: evaluator: lazy.needing needs the argument more"],
    ),
    "all that is wrong": (
        ("max_trials: 6\nseed: 0", "max_trials: six\nseed: -1\nmax_duration: 0\ncosts: Flops\nobjectives: {a: most}"),
        [
            "search.yaml:14: max_trials: is 'six'; it should be a valid integer",
            "search.yaml:15: seed: is -1; it should be greater than or equal to 0",
            "search.yaml:16: max_duration: is 0; it should be greater than 0",
            "search.yaml:17: costs: is 'Flops'; give a list, such as [",
            "search.yaml:18: objectives.a: is 'most'; it should be 'maximize' or 'minimize'",
        ],
    ),
    "nothing where something is needed": (
        ("space: toys.table\n", "space:\nobjectives: {}\ndeduplicate:\n"),
        [
            "search.yaml:2: space: is empty; give a name, or a mapping with `name` and `arguments`",
            "search.yaml:3: objectives: is {}; give at least one, or leave the field out",
            "search.yaml:4: deduplicate: is empty; it should be a valid boolean",
        ],
    ),
    "a missing field": (("space: toys.table\n", ""), ["search.yaml:2: space: is missing"]),
    "an unknown name": (
        ("RegularizedEvolution", "Supernova"),
        ["search.yaml:8: strategy: 'Supernova' is unknown; there are Chain, DARTS, "],
    ),
    "an unknown module": (("toys.table", "toy.table"), ["search.yaml:2: space: there is no module toy"]),
    "an unknown part of a module": (
        ("toys.score", "toys.scroe"),
        ["search.yaml:6: evaluator.function.import: toys has no scroe; did you mean score?"],
    ),
    "a part of a module that raises": (
        ("toys.table", "lazy.broken"),
        ["search.yaml:2: space: lazy.broken can't be imported: ValueError: not today ("],
    ),
    "a part of a module that exits": (
        ("toys.table", "lazy.leaving"),
        ["search.yaml:2: space: lazy.leaving can't be imported: SystemExit: 4 ("],
    ),
    "a factory that exits": (
        ("toys.table", "lazy.leave"),
        ["search.yaml:2: space: lazy.leave can't be made: SystemExit: 5 ("],
    ),
    "a name that is near none": (
        ("RegularizedEvolution", "Prints"),
        ["search.yaml:8: strategy: 'Prints' is unknown; there are Chain, DARTS, "],
    ),
    "a part of a name": (
        ("RegularizedEvolution", "Evolution"),
        ["search.yaml:8: strategy: 'Evolution' is unknown; did you mean RegularizedEvolution?"],
    ),
    "a name where an object belongs": (
        (
            "name: RegularizedEvolution\n  arguments:\n    population_size: 4\n    sample_size: 2",
            "name: Chain\n  arguments:\n    strategy: Random",
        ),
        [
            "search.yaml:11: strategy.strategy: Chain got 'Random' as its strategy; give one first, such as Random(); "
            "for one that is made, write {name: Random}"
        ],
    ),
    "arguments beside the name of an object": (
        (
            "name: RegularizedEvolution\n  arguments:\n    population_size: 4\n    sample_size: 2",
            "name: Chain\n  arguments:\n    strategy: {name: TPE}\n"
            "    middleware:\n      - {name: GiveUp, failures: 3}",
        ),
        [
            "search.yaml:13: strategy.middleware.0: Chain got {'name': 'GiveUp', 'failures': 3} as middleware 1; "
            "give Filter(...) or the like; for one that is made, write {name: GiveUp, arguments: {failures: 3}}"
        ],
    ),
    "no import path": (
        ("toys.table", "../toys.table"),
        ["search.yaml:2: space: '../toys.table' is no import path such as package.module:Name or package.module.Name"],
    ),
    "a module that raises": (
        ("toys.table", "raising.table"),
        ["search.yaml:2: space: raising can't be imported: ZeroDivisionError: division by zero ("],
    ),
    "a module that exits": (
        ("toys.table", "exiting.table"),
        ["search.yaml:2: space: exiting can't be imported: SystemExit: 3 ("],
    ),
    "a module that imports what is not there": (
        ("toys.table", "lacking.table"),
        ["search.yaml:2: space: lacking can't be imported: ModuleNotFoundError: No module named 'not_there' ("],
    ),
    "an argument of another type": (
        ("sample_size: 2", "sample_size: two"),
        ["search.yaml:12: strategy.sample_size: is 'two'; give an integer"],
    ),
    "an argument that the constructor refuses": (
        ("sample_size: 2", "sample_size: 0"),
        ["search.yaml:8: strategy: RegularizedEvolution(sample_size=0): give an integer from 1"],
    ),
    "an argument that the constructor stumbles over": (
        (
            "name: RegularizedEvolution\n  arguments:\n    population_size: 4\n    sample_size: 2",
            "name: FirstSamples\n  arguments: {samples: 5}",
        ),
        ["search.yaml:8: strategy: FirstSamples can't be made: TypeError: 'int' object is not iterable ("],
    ),
    "a part of another kind": (
        ("strategy:\n  name: RegularizedEvolution", "strategy:\n  name: Flops"),
        [
            "search.yaml:11: strategy.population_size: Flops has no argument population_size; it takes ",
            "search.yaml:12: strategy.sample_size: Flops has no argument sample_size; it takes ",
        ],
    ),
    "an object of another kind": (
        ("space: toys.table\n", "space: toys.table\nstopper: toys.ready\n"),
        ["search.yaml:3: stopper: is a retiarii.evaluators.functional.FunctionalEvaluator, which is no stopper"],
    ),
    "a part within a part": (
        ("argument: sample", "argument: sample\n    factor: {name: toys.score, arguments: {smple: 1}}"),
        [
            "search.yaml:8: evaluator.factor.smple: unknown; did you mean sample?",
            "search.yaml:8: evaluator.factor: toys.score needs the argument sample",
        ],
    ),
    "arguments that are none": (
        ("argument: sample", "argument: sample\n    factor: {name: toys.score, arguments: 3}"),
        ["search.yaml:8: evaluator.factor.arguments: is 3; give a mapping"],
    ),
    "a name that is no folder": (
        ("name: toy", "name: a/b"),
        ["search.yaml:13: name: the name of an experiment is that of a folder; it cannot be 'a/b'"],
    ),
    "control characters": (
        ("max_trials", '"\\e[31mmax"'),
        ["search.yaml:14: \\x1b[31mmax: unknown; there are "],
    ),
}

LAZY = """
import sys

def __getattr__(name):
    if name == "broken":
        raise ValueError("not today")
    if name == "silent":
        raise Silent
    if name == "leaving":
        sys.exit(4)
    raise AttributeError(name)

class Silent(Exception):
    def __str__(self):
        1 / 0

def scoring():
    from toys import score
    return score

def leave():
    sys.exit(5)

def needing(sample, more):
    return more
"""


@pytest.mark.parametrize(("change", "lines"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_config_is_refused(change, lines, folder):
    (folder / "lazy.py").write_text(LAZY, encoding="utf-8")
    (folder / "raising.py").write_text("1 / 0\n", encoding="utf-8")
    (folder / "exiting.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    (folder / "lacking.py").write_text("import not_there\n", encoding="utf-8")
    file = folder / "search.yaml"
    old, new = change
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    result = CliRunner().invoke(app, ["run", "search.yaml"])
    said = result.stderr.splitlines()
    assert result.exit_code == 2, result.stderr
    assert result.stdout == ""
    assert len(said) == len(lines)
    for line, expected in zip(said, lines, strict=True):
        assert line.startswith(expected)
    assert not (folder / "retiarii-experiments").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--set", "strategy.population_sise=3"],
            "--set strategy.population_sise: unknown; did you mean population_size?",
        ),
        (["--set", "strategy.population_size=x"], "--set strategy.population_size: is 'x'; give an integer"),
        (["--set", "strategy=Rondom"], "--set strategy: 'Rondom' is unknown; did you mean Random?"),
        (["--set", "max_trials=x"], "--set max_trials: is 'x'; it should be a valid integer"),
        (["--set", "max_duration=yes"], "--set max_duration: is True; it should be a valid number"),
        (["--set", "max_duration=.inf"], "--set max_duration: is inf; it should be a finite number"),
        (["--set", "deduplicate='no'"], "--set deduplicate: is 'no'; it should be a valid boolean"),
        (["--set", "max_trails=3"], "--set max_trails: 'max_trails' is unknown; did you mean max_trials?"),
        (["--name", "../x"], "--name: the name of an experiment is that of a folder; it cannot be '../x'"),
    ],
)
def test_a_wrong_option_is_named(words, said, folder):
    result = CliRunner().invoke(app, ["run", "search.yaml", *words])
    assert result.exit_code == 2
    assert result.stderr.startswith(said)


def test_a_function_as_text_is_told_how_to_write_it(folder):
    result = CliRunner().invoke(app, ["run", "search.yaml", "--set", "evaluator.function=toys.score"])
    assert result.stderr.startswith(
        "--set evaluator.function: FunctionalEvaluator takes a function of a model, and got "
    )
    assert "for what lies there, write {import: toys.score}" in result.stderr


@pytest.mark.parametrize(
    "setting",
    [
        "strategy={name: TPE, arguments: }",
        "strategy={name: Chain, arguments: {strategy: {name: TPE, arguments: }}}",
        "costs=",
        "import_from=",
    ],
)
def test_what_is_left_empty_is_nothing(setting, folder):
    result = CliRunner().invoke(app, ["run", "search.yaml", "-q", "--set", setting])
    assert (result.exit_code, result.output) == (0, "")


def test_what_a_function_is_given_may_be_left_open(folder):
    choice = "{name: 'retiarii.nn:ValueChoice', arguments: {candidates: [1, 2]}}"
    result = CliRunner().invoke(app, ["run", "search.yaml", "-q", "--set", f"evaluator.factor={choice}"])
    assert (result.exit_code, result.output) == (0, "")
