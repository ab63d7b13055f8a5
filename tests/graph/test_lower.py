"""From the graph of a space to that of one model."""

from __future__ import annotations

import pytest
import torch

from retiarii import nn
from retiarii.errors import BuildError, SampleError
from retiarii.graph import trace

X = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))


class Pick(nn.Module):
    """Chooses among a tensor and its multiples."""

    def __init__(self, label="pick", **arguments):
        super().__init__()
        self.pick = nn.InputChoice(3, label=label, **arguments)

    def forward(self, x):
        return self.pick([x, x * 2, x * 3])


class Two(nn.Module):
    """Two choices whose steps must not get into one another's way."""

    def __init__(self):
        super().__init__()
        self.first, self.second = Pick("first", reduction="mean"), Pick("second", reduction="mean")
        self.third = Pick("third", reduction="sum")

    def forward(self, x):
        return self.third(self.second(self.first(x)))


class Nest(nn.Module):
    """A candidate that returns a nest of tensors."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return {"same": x, "others": (x * self.factor, None)}


def built(module, sample):
    return trace(module).apply(sample).to_module()(X)


@pytest.mark.parametrize(
    ("arguments", "chosen", "expected"),
    [
        ({}, [0, 2], X * 4),
        ({}, [1], X * 2),
        ({"reduction": "mean"}, [0, 1, 2], X * 2),
        ({"reduction": "concat"}, [2, 0], torch.cat([X * 3, X], 1)),
        ({"reduction": "concat"}, [1], X * 2),
        ({"n_chosen": 1, "reduction": "none"}, [2], X * 3),
    ],
)
def test_chosen_inputs_are_reduced(arguments, chosen, expected):
    torch.testing.assert_close(built(Pick(**arguments), {"pick": chosen}), expected)


def test_without_a_reduction_they_are_a_list_and_none_of_them_is_none():
    for chosen, expected in (([0, 1], [X, X * 2]), ([2], [X * 3])):
        result = built(Pick(reduction="none"), {"pick": chosen})
        assert isinstance(result, list)
        assert all(map(torch.equal, result, expected))
    assert built(Pick(reduction="none"), {"pick": []}) is None
    assert built(Pick(), {"pick": []}) is None


def test_steps_of_several_choices_keep_apart():
    graph = trace(Two()).apply({"first": [0, 1, 2], "second": [0, 1, 2], "third": [0, 1, 2]})
    assert torch.allclose(graph.to_module()(X), X * 2 * 2 * 6)


@pytest.mark.parametrize("examples", [None, (X,)])
def test_nests_are_chosen_part_by_part(examples):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.op = nn.LayerChoice([Nest(2), Nest(3)], label="op")

        def forward(self, x):
            result = self.op(x)
            first, nothing = result["others"]
            return result["same"] + first if nothing is None else x

    graph = trace(Model(), examples)
    assert torch.equal(graph.apply({"op": 1}).to_module()(X), X * 4)


def test_what_is_not_chosen_is_gone():
    choice = nn.LayerChoice([nn.Linear(4, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 4))], label="op")
    graph = trace(nn.Sequential(choice, nn.ReLU()))
    assert [*graph.apply({"op": 0}).modules] == ["0", "1"]
    assert [*graph.apply({"op": 1}).modules] == ["0.0", "0.1", "1"]
    assert not graph.apply({"op": 0}).choices


def test_an_open_choice_can_not_be_built():
    graph = trace(Pick())
    for use in (graph.to_module, graph.to_code):
        with pytest.raises(BuildError, match=r"'pick'.* still open: apply a sample"):
            use()


def test_samples_that_do_not_decide_are_refused():
    graph = trace(nn.Sequential(nn.LayerChoice([nn.ReLU(), nn.Tanh()], label="op")))
    with pytest.raises(SampleError, match="no value for 'op'"):
        graph.apply({})
    with pytest.raises(SampleError, match="op is 2, not one of"):
        graph.apply({"op": 2})
