"""What holds for every space, tried on random ones."""

from __future__ import annotations

import copy
import itertools
import pickle
import warnings

import pytest
import torch
from agreement import assert_plain, assert_same, run_code
from generated_spaces import Generated, images, recipes, spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from retiarii.errors import OpaqueWarning
from retiarii.graph import Graph

SEEDS = st.integers(0, 9)
FEW = 300
EXAMPLES = settings(max_examples=120)


def repickled(thing):
    return pickle.loads(pickle.dumps(thing))  # noqa: S301


@EXAMPLES
@given(spaces(), SEEDS)
def test_frozen_built_and_written_models_are_one(space, seed):
    sample = space.random(seed=seed)
    assert space.contains(sample)
    model, graph = space.freeze(sample), space.graph.apply(sample)
    assert_plain(model)
    assert_same(model, graph.to_module(), images())
    assert_same(model, run_code(graph.to_code()), images())
    assert list(graph.to_module().state_dict()) == list(model.state_dict())


@EXAMPLES
@given(spaces(), SEEDS)
def test_so_they_are_when_traced_along_example_inputs(space, seed):
    space.example_inputs = (images(1),)
    sample = space.random(seed=seed)
    assert_same(space.freeze(sample), space.graph.apply(sample).to_module(), images())


@EXAMPLES
@given(recipes(untraceable=True), SEEDS)
def test_so_they_are_where_the_forward_can_not_be_followed(recipe, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OpaqueWarning)
        space = Generated(recipe)
        sample = space.random(seed=seed)
        model, graph = space.freeze(sample), space.graph.apply(sample)
    assert_plain(model)
    for built in (graph.to_module(), run_code(graph.to_code())):
        assert_plain(built)
        assert_same(model, built, images())
        assert_same(model, built, -images())
    assert Graph.from_json(graph.to_json(), trusted=("generated_spaces",)).fingerprint() == graph.fingerprint()


@EXAMPLES
@given(spaces())
def test_the_grid_is_the_space(space):
    if space.size > FEW:
        assert len({repr(sample) for sample in itertools.islice(space.grid(), FEW)}) == FEW
        return
    samples = list(space.grid())
    assert len({repr(sorted(sample.items())) for sample in samples}) == len(samples) == space.size
    assert all(space.contains(sample) for sample in samples)


@EXAMPLES
@given(spaces(), SEEDS)
def test_equal_samples_have_equal_fingerprints_which_survive_json(space, seed):
    sample = space.random(seed=seed)
    graph = space.graph.apply(sample)
    assert graph.fingerprint() == Generated(*space.__dict__["_space_made_by"][1]).graph.apply(sample).fingerprint()
    assert Graph.from_json(graph.to_json()).fingerprint() == graph.fingerprint()


@EXAMPLES
@given(spaces(), SEEDS)
def test_neither_freezing_nor_a_fork_changes_the_space(space, seed):
    before, domain, weights = space.graph.to_json(), space.domain, copy.deepcopy(space.state_dict())
    sample = space.random(seed=seed)
    graph = space.graph.apply(sample)
    text = graph.to_json()
    fork = graph.fork()
    for node in list(fork.find(where=lambda node: node.target is not None)):
        node.replace(torch.nn.Identity)
    space.freeze(sample)
    space.freeze(sample, inherit_weights=True)
    assert (graph.to_json(), space.graph.to_json(), space.domain) == (text, before, domain)
    assert all(torch.equal(weights[name], value) for name, value in space.state_dict().items())


@pytest.mark.parametrize("copied", [copy.deepcopy, repickled], ids=["copy", "pickle"])
@settings(max_examples=60)
@given(space=spaces(), seed=SEEDS)
def test_a_copy_is_the_same_space(copied, space, seed):
    sample = space.random(seed=seed)
    space.graph  # noqa: B018  what was derived from it must not stand in the way
    twin = copied(space)
    assert twin.domain == space.domain
    assert twin.random(seed=seed) == sample
    assert twin.graph.apply(sample).fingerprint() == space.graph.apply(sample).fingerprint()
    assert_same(space.freeze(sample), twin.freeze(sample), images())


@EXAMPLES
@given(spaces())
def test_the_space_computes_what_its_default_does(space):
    model = space.freeze(space.default(), inherit_weights=True)
    for mode in (False, True):
        outputs = []
        for module in (space, model):
            torch.manual_seed(0)
            outputs.append(module.train(mode)(images()))
        torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=0, equal_nan=True)


@EXAMPLES
@given(spaces(), SEEDS)
def test_a_frozen_model_is_any_module(space, seed):
    sample = space.random(seed=seed)
    torch.manual_seed(seed)
    model = space.freeze(sample)
    torch.manual_seed(seed)
    again = space.freeze(sample)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
    for twin in (copy.deepcopy(model), repickled(model)):
        assert_plain(twin)
        assert_same(model, twin, images())


@EXAMPLES
@given(spaces(), SEEDS)
def test_weights_that_fit_are_inherited(space, seed):
    own = space.state_dict()
    model = space.freeze(space.random(seed=seed), inherit_weights=True)
    fitting = [n for n, value in model.state_dict().items() if n in own and own[n].shape == value.shape]
    assert {"stem.weight", "stem.bias"} <= {*fitting}
    chosen = {id(parameter) for parameter in space.parameters()}
    assert all(torch.equal(model.state_dict()[name], own[name]) for name in ("stem.weight", "stem.bias"))
    assert chosen.isdisjoint({id(parameter) for parameter in model.parameters()})
