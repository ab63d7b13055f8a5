"""The choices as modules of their own: what they hold, compute by default, and tell a domain."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from retiarii import nn
from retiarii.domain import Categorical, Numeric, Subset
from retiarii.errors import SpaceError

X = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))


class TestLayerChoice:
    def test_candidates_of_a_list_are_known_by_index_and_of_a_dict_by_key(self):
        listed, named = nn.LayerChoice([nn.ReLU(), nn.Tanh()]), nn.LayerChoice({"a": nn.ReLU(), "b": nn.Tanh()})
        assert (listed.choice.candidates, named.choice.candidates) == ((0, 1), ("a", "b"))
        assert isinstance(listed[1], nn.Tanh)
        assert isinstance(named["b"], nn.Tanh)
        assert [type(module).__name__ for module in named] == ["ReLU", "Tanh"]
        assert len(named) == 2

    def test_containers_of_torch_are_lists_and_dicts(self):
        assert nn.LayerChoice(nn.ModuleList([nn.ReLU(), nn.Tanh()]), label="a").choice == Categorical("a", (0, 1))
        assert nn.LayerChoice(nn.ModuleDict({"x": nn.ReLU()}), label="a").choice == Categorical("a", ("x",))

    def test_all_candidates_are_submodules_and_the_first_is_the_default(self):
        choice = nn.LayerChoice({"a": nn.Linear(4, 4), "b": nn.Linear(4, 4)})
        assert [name for name, _ in choice.named_parameters()] == ["a.weight", "a.bias", "b.weight", "b.bias"]
        assert torch.equal(choice(X), choice["a"](X))

    def test_arguments_go_through(self):
        attention = nn.LayerChoice([nn.MultiheadAttention(4, 2), nn.MultiheadAttention(4, 1)])
        value, weights = attention(X, X, X, need_weights=False)
        assert (value.shape, weights) == ((2, 4), None)


class TestInputChoice:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ({"n_chosen": 1}, Subset("skip", 3, 1, 1)),
            ({"n_chosen": 2}, Subset("skip", 3, 2, 2)),
            ({"n_selected": 2}, Subset("skip", 3, 2, 2)),
            ({}, Subset("skip", 3)),
        ],
    )
    def test_what_a_strategy_sees(self, arguments, expected):
        assert nn.InputChoice(3, label="skip", **arguments).choice == expected
        assert nn.InputChoice(choose_from=["a", "b", "c"], label="skip", **arguments).choice == expected

    @pytest.mark.parametrize(
        ("reduction", "n_chosen", "expected"),
        [
            ("sum", None, X * 6),
            ("mean", None, X * 2),
            ("concat", None, torch.cat([X, X * 2, X * 3], 1)),
            ("sum", 2, X * 3),
            ("concat", 1, X),
            ("mean", 1, X),
            ("none", 1, X),
        ],
    )
    def test_reductions(self, reduction, n_chosen, expected):
        choice = nn.InputChoice(3, n_chosen=n_chosen, reduction=reduction)
        torch.testing.assert_close(choice([X, X * 2, X * 3]), expected)
        torch.testing.assert_close(choice((X, X * 2, X * 3)), expected)

    def test_without_a_reduction_several_stay_a_list(self):
        assert len(nn.InputChoice(3, n_chosen=2, reduction="none")([X, X, X])) == 2
        assert len(nn.InputChoice(1, reduction="none")([X])) == 1


class TestRepeat:
    def test_a_module_is_copied_and_a_factory_is_called(self):
        copies = nn.Repeat(nn.Linear(4, 4), (1, 3))
        assert len({id(block.weight) for block in copies.blocks}) == 3
        widths = nn.Repeat(lambda index: nn.Linear(4, 4 + index), (1, 3))
        assert [block.out_features for block in widths.blocks] == [4, 5, 6]
        mixed = nn.Repeat([nn.ReLU(), lambda index: nn.Linear(index, 1), nn.Tanh()], 2)
        assert [type(block).__name__ for block in mixed] == ["ReLU", "Linear"]

    @pytest.mark.parametrize(
        ("depth", "depths", "default"),
        [
            (2, (2,), 2),
            (0, (0,), 0),
            ((2, 2), (2,), 2),
            ((1, 3), (1, 2, 3), 1),
            ((0, 1), (0, 1), 0),
            (nn.ValueChoice([3, 1], label="d"), (1, 3), 3),
            (nn.ValueChoice.randint(1, 3, label="d"), (1, 2, 3), 2),
            (nn.ValueChoice([0, 1], label="d") * 2 + nn.ValueChoice([1, 5], label="e"), (1, 3, 5, 7), 1),
        ],
    )
    def test_depths(self, depth, depths, default):
        repeat = nn.Repeat(lambda index: nn.ReLU(), depth)
        assert (repeat.depths, len(repeat), len(repeat.blocks)) == (depths, default, depths[-1])
        assert len(list(repeat)) == default

    def test_it_computes_as_many_blocks_as_its_default(self):
        repeat = nn.Repeat(lambda index: nn.Linear(4, 4), (2, 3))
        assert torch.equal(repeat(X), repeat[1](repeat[0](X)))
        assert torch.equal(nn.Repeat(nn.ReLU(), (0, 1))(X), X)

    def test_a_label_names_an_unnamed_depth(self):
        depth = nn.ValueChoice([1, 2])
        assert nn.Repeat(nn.ReLU(), depth, label="depth").depth.choice == Categorical("depth", (1, 2))
        same = nn.ValueChoice([1, 2], label="depth")
        assert nn.Repeat(nn.ReLU(), same, key="depth").depth is same

    def test_too_many_ways_of_deciding_a_depth_are_refused(self):
        depth = sum((nn.ValueChoice.randint(0, 99, label=f"d{i}") for i in range(3)), start=1)
        with pytest.raises(SpaceError, match="1000000 ways; give at most 10000"):
            nn.Repeat(nn.ReLU(), depth)


class TestValueChoice:
    def test_what_a_strategy_sees(self):
        assert nn.ValueChoice([8, 16], label="w").choice == Categorical("w", (8, 16))
        assert nn.ValueChoice.uniform(0, 1, label="p").choice == Numeric("p", 0.0, 1.0)
        assert nn.ValueChoice.loguniform(0.1, 1, label="p").choice == Numeric("p", 0.1, 1.0, log=True)
        assert nn.ValueChoice.randint(2, 9, label="n").choice == Numeric("n", 2, 9, integer=True)

    def test_defaults(self):
        assert nn.ValueChoice([16, 8]).default == 16
        assert nn.ValueChoice(n for n in (3, 4)).default == 3
        assert nn.ValueChoice.randint(2, 8).default == 5
        assert math.isclose(nn.ValueChoice.loguniform(0.01, 1).default, 0.1)

    def test_it_takes_part_in_arithmetic(self):
        width, ratio = nn.ValueChoice([8, 16], label="width"), nn.ValueChoice([0.5, 2.0], label="ratio")
        hidden = nn.ValueChoice.to_int(nn.ValueChoice.max(width * ratio, 12)) // 4 * 4
        assert {hidden.evaluate({"width": w, "ratio": r}) for w in (8, 16) for r in (0.5, 2.0)} == {12, 16, 32}

    def test_copies_of_what_holds_it_hold_one(self):
        width = nn.ValueChoice([8, 16])
        first, second = copy.deepcopy((nn.Linear(4, width), nn.Linear(width, 4)))
        symbols = first.choice_arguments["out_features"].symbols
        assert symbols[0] is second.choice_arguments["in_features"]
        assert symbols[0] is not width
