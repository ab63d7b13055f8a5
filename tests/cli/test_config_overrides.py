"""`--set`: where a way leads, and what is said when it leads nowhere."""

from __future__ import annotations

import pytest

from retiarii.cli.config.document import parsed
from retiarii.cli.config.overrides import override
from retiarii.cli.config.problems import ConfigError

TEXT = """\
space: DARTS
strategy:
  name: Chain
  arguments:
    strategy: {name: TPE}
    middleware:
      - {name: GiveUp, arguments: {failures: 3}}
costs: [Flops]
max_trials: 5
objectives: {a: maximize}
"""


def overridden(*settings):
    document = parsed(TEXT, "config.yaml")
    override(document, settings)
    return document.value


@pytest.mark.parametrize(
    ("setting", "part", "value"),
    [
        ("max_trials=20", ("max_trials",), 20),
        ("max_trials=", ("max_trials",), None),
        ("max_duration=1e3", ("max_duration",), 1000.0),
        ("name=a=b", ("name",), "a=b"),
        ("space=NASNet", ("space",), "NASNet"),
        ("space.width=[16, 24]", ("space",), {"name": "DARTS", "arguments": {"width": [16, 24]}}),
        ("space.name=NASNet", ("space",), {"name": "NASNet"}),
        ("space.arguments.name=x", ("space",), {"name": "DARTS", "arguments": {"name": "x"}}),
        ("space.arguments={width: 3}", ("space",), {"name": "DARTS", "arguments": {"width": 3}}),
        ("strategy={name: TPE}", ("strategy",), {"name": "TPE"}),
        (
            "strategy.strategy.gamma=0.5",
            ("strategy", "arguments", "strategy"),
            {"name": "TPE", "arguments": {"gamma": 0.5}},
        ),
        ("strategy.middleware.0.failures=9", ("strategy", "arguments", "middleware", 0, "arguments"), {"failures": 9}),
        ("costs.0.inputs=[1]", ("costs",), [{"name": "Flops", "arguments": {"inputs": [1]}}]),
        ("objectives.b=minimize", ("objectives",), {"a": "maximize", "b": "minimize"}),
        ("objectives={b: minimize}", ("objectives",), {"b": "minimize"}),
    ],
)
def test_a_value_is_put_where_the_way_leads(setting, part, value):
    found = overridden(setting)
    for key in part:
        found = found[key]
    assert found == value
    assert type(found) is type(value)


def test_objectives_that_are_not_there_are_to_be_given_whole():
    with pytest.raises(ConfigError, match=r"as in --set 'objectives=\{default: minimize\}'"):
        override(parsed("max_trials: 5", "config.yaml"), ["objectives.default=minimize"])


def test_a_value_goes_into_arguments_that_were_left_empty():
    document = parsed("strategy: {name: TPE, arguments: }", "config.yaml")
    override(document, ["strategy.gamma=0.5"])
    assert document.value == {"strategy": {"name": "TPE", "arguments": {"gamma": 0.5}}}


def test_settings_follow_one_another():
    assert overridden("engine=ProcessEngine", "engine.workers=2")["engine"] == {
        "name": "ProcessEngine",
        "arguments": {"workers": 2},
    }


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("max_trials", "--set max_trials: give KEY=VALUE, as in --set max_trials=20"),
        ("=3", "--set =3: give KEY=VALUE"),
        ("max_trails=3", "--set max_trails: 'max_trails' is unknown; did you mean max_trials?"),
        (
            "engine.workers=3",
            "--set engine.workers: engine is not in the config; give it whole, "
            "as in --set 'engine={name: NAME, arguments: {workers: 3}}'",
        ),
        ("engine.name=ProcessEngine", "give it whole, as in --set engine=ProcessEngine"),
        ("stopper.arguments.a.b=[1, x]", "as in --set 'stopper={name: NAME, arguments: {a: {b: [1, x]}}}'"),
        (
            "max_duration.x=3",
            "--set max_duration.x: max_duration is not in the config; give it whole, as in --set max_d",
        ),
        ("seed=\udcff", "--set seed=\udcff: has bytes that are no text in UTF-8"),
        ("max_trials.x=3", "--set max_trials.x: max_trials is 5, which has no x"),
        (
            "strategy.middlewear.0=3",
            "--set strategy.middlewear.0: 'strategy.middlewear' is unknown; did you mean middleware?",
        ),
        ("strategy.middleware.1=3", "strategy.middleware has 1 entries, numbered from 0, and '1' is none of them"),
        ("strategy.middleware.x=3", "strategy.middleware has 1 entries, numbered from 0, and 'x' is none of them"),
        ("max_trials=[1", "--set max_trials: is no YAML: did not find expected ',' or ']'"),
        ("max_trials=*x", "--set max_trials: aliases and anchors (* and &) are not taken"),
    ],
)
def test_a_way_that_leads_nowhere_is_refused_with_the_nearest_name(setting, message):
    with pytest.raises(ConfigError) as error:
        overridden(setting)
    assert message in str(error.value)


def test_a_file_that_holds_no_fields():
    with pytest.raises(ConfigError, match=r"config\.yaml:1: give a mapping of fields"):
        override(parsed("[1, 2]", "config.yaml"), ["max_trials=3"])
