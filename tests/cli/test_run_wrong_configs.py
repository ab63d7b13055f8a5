"""What is wrong with a config is said in a line, with file, line and field, and nothing is begun."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from retiarii.cli.app import app
from retiarii.cli.config.problems import ConfigError
from retiarii.cli.config.scalars import dumped
from retiarii.cli.config.search import Search

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
            "search.yaml:10: strategy.population_size: unknown; there are arguments, name; "
            "what it is made with stands under `arguments`"
        ],
    ),
    "all that is wrong": (
        ("max_trials: 6\nseed: 0", "max_trials: six\nseed: -1\nmax_duration: 0\ncosts: Flops\nobjectives: {a: most}"),
        [
            "search.yaml:14: max_trials: is 'six'; it should be a valid integer",
            "search.yaml:15: seed: is -1; it should be greater than or equal to 0",
            "search.yaml:16: max_duration: is 0; it should be greater than 0",
            "search.yaml:17: costs: is 'Flops'; it should be a valid list",
            "search.yaml:18: objectives.a: is 'most'; it should be 'maximize' or 'minimize'",
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
        ["search.yaml:8: strategy: TypeError: 'int' object is not iterable ("],
    ),
    "a part of another kind": (
        ("strategy:\n  name: RegularizedEvolution", "strategy:\n  name: Flops"),
        ["search.yaml:11: strategy.population_size: unknown;", "search.yaml:12: strategy.sample_size: unknown;"],
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
        ["search.yaml:8: evaluator.factor: is 3; give a mapping"],
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


@pytest.mark.parametrize(("change", "lines"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_config_is_refused(change, lines, folder):
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
    assert "for what lies there, write function: {import: toys.score}" in result.stderr


PATHS = [
    ("space",),
    ("evaluator",),
    ("evaluator", "name"),
    ("evaluator", "arguments"),
    ("evaluator", "arguments", "function"),
    ("evaluator", "arguments", "argument"),
    ("strategy", "name"),
    ("strategy", "arguments"),
    ("strategy", "arguments", "population_size"),
    ("strategy", "arguments", "inner"),
    ("engine",),
    ("stopper",),
    ("costs",),
    ("objectives",),
    ("name",),
    ("directory",),
    ("max_trials",),
    ("max_duration",),
    ("max_retries",),
    ("seed",),
    ("deduplicate",),
    ("import_from",),
    ("something",),
]
NAMES = ["Random", "TPE", "Chain", "GiveUp", "Flops", "ASHA", "SequentialEngine", "FunctionalEvaluator", "toys.table"]
LEAVES = (
    st.sampled_from([*NAMES, "toys.score", "toys", "..", ":", "", "a.b", "no", "maximize"])
    | st.none()
    | st.booleans()
    | st.integers(-3, 10**30)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "arguments", "import", "a", "failures"]), inner, max_size=3)
        | st.fixed_dictionaries({"name": st.sampled_from(NAMES)}, optional={"arguments": inner})
    ),
    max_leaves=5,
)


def mutated(value, changes):
    value = copy.deepcopy(value)
    for path, new in changes:
        holder = value
        for key in path[:-1]:
            holder = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(holder, dict):
            holder[path[-1]] = new
    return value


@pytest.fixture
def read_config(folder):
    """Takes a text for a config: the lines that are wrong with it, if any are."""
    file = Path("mutated.yaml")
    path = [*sys.path]

    def read(text):
        file.write_text(text, encoding="utf-8")
        sys.path[:] = path
        try:
            Search.read(file).experiment()
        except ConfigError as error:
            return str(error).splitlines()
        return []

    return read


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.sampled_from(PATHS), VALUES), min_size=1, max_size=3))
def test_whatever_a_config_says_there_is_no_traceback(changes, read_config, folder):
    value = yaml.safe_load((folder / "search.yaml").read_text(encoding="utf-8"))
    assert all([line.startswith("mutated.yaml:") for line in read_config(dumped(mutated(value, changes)))])


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_typed_over_a_config_there_is_no_traceback(read_config, folder, data):
    text = (folder / "search.yaml").read_text(encoding="utf-8")
    at = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 10))
    typed = data.draw(st.text("abc:{}[]-#*&!|>'\"%@`,? \n\t\r0.e\x00\x85\ufeff\U0001f600", max_size=6))
    assert all([line.startswith("mutated.yaml:") for line in read_config(text[:at] + typed + text[at + length :])])
