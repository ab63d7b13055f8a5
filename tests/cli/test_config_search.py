"""Whatever stands in a config, it is a search, or lines say what is wrong."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retiarii.cli.config.problems import ConfigError
from retiarii.cli.config.scalars import dumped
from retiarii.cli.config.search import Search

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
