"""A small space for everything that can be chosen: each takes a batch of vectors of 8 numbers and gives 3 logits."""

from __future__ import annotations

from typing import ClassVar

import torch

from retiarii import ModelSpace, nn

FEATURES, CLASSES = 8, 3


def linear(width=FEATURES):
    return nn.Linear(FEATURES, width)


class Around(ModelSpace):
    """What is common: something that keeps 8 numbers, then a head."""

    def __init__(self):
        super().__init__()
        self.body = self.make()
        self.head = nn.Linear(FEATURES, CLASSES)

    def forward(self, x):
        return self.head(self.body(x))


class Layers(Around):
    def make(self):
        return nn.LayerChoice([linear(), nn.Identity(), nn.Sequential(linear(), nn.ReLU())], label="op")


class NamedLayers(Around):
    def make(self):
        return nn.LayerChoice({"linear": linear(), "tanh": nn.Tanh()}, label="op")


class NestedLayers(Around):
    def make(self):
        inner = nn.LayerChoice([linear(), nn.Tanh()], label="inner")
        return nn.LayerChoice({"inner": inner, "skip": nn.Identity()}, label="outer")


class SharedLabel(Around):
    def make(self):
        return nn.Sequential(*[nn.LayerChoice([linear(), nn.Tanh()], label="op") for _ in range(2)])


class Inputs(Around):
    arguments: ClassVar = {"n_chosen": 1}
    outputs = FEATURES

    def make(self):
        self.layers = nn.ModuleList([linear() for _ in range(3)])
        self.pick = nn.InputChoice(3, label="pick", **self.arguments)
        return nn.Linear(self.outputs, FEATURES)

    def forward(self, x):
        chosen = self.pick([layer(x) for layer in self.layers])
        return self.head(self.body(self.joined(chosen)))

    def joined(self, chosen):
        return chosen


class TwoInputs(Inputs):
    arguments: ClassVar = {"n_chosen": 2, "reduction": "mean"}


class ConcatenatedInputs(Inputs):
    arguments: ClassVar = {"n_chosen": 2, "reduction": "concat"}
    outputs = 2 * FEATURES


class ListedInputs(Inputs):
    arguments: ClassVar = {"n_chosen": 2, "reduction": "none"}

    def joined(self, chosen):
        return chosen[0] - chosen[1]


class AnyInputs(Around):
    def make(self):
        self.layers = nn.ModuleList([linear() for _ in range(3)])
        self.pick = nn.InputChoice(3, label="pick")
        return linear()

    def forward(self, x):
        chosen = self.pick([layer(x) for layer in self.layers])
        return self.head(self.body(x if chosen is None else x + chosen))


class AnyListedInputs(AnyInputs):
    def make(self):
        made = super().make()
        self.pick = nn.InputChoice(3, reduction="none", label="pick")
        return made

    def forward(self, x):
        return self.head(self.body(x + sum(self.pick([layer(x) for layer in self.layers]) or [])))


class Depth(Around):
    def make(self):
        return nn.Repeat(lambda index: nn.Sequential(linear(), nn.Tanh()), depth=(0, 3), label="depth")


class DepthOfBlocks(Around):
    def make(self):
        block = lambda index: nn.LayerChoice([linear(), nn.Tanh()], label=f"op{index}")  # noqa: E731
        return nn.Repeat(block, depth=nn.ValueChoice([1, 2], label="half") * 2)


class LoopedDepth(Around):
    def make(self):
        return nn.Repeat(lambda index: linear(), depth=(1, 3), label="depth")

    def forward(self, x):
        for block in self.body:
            x = torch.tanh(block(x))
        return self.head(x)


OPERATIONS = {"linear": lambda node, op, source: linear(), "tanh": lambda node, op, source: nn.Tanh()}


class CellOfAll(Around):
    def make(self):
        return nn.Sequential(nn.Cell(OPERATIONS, 2, 2, label="cell"), nn.Linear(2 * FEATURES, FEATURES))


class CellsOfOneLabel(Around):
    def make(self):
        cells = [nn.Cell(OPERATIONS, 1, 2, label="cell") for _ in range(2)]
        return nn.Sequential(*cells)


class CellOfLooseEnds(Around):
    def make(self):
        self.cell = nn.Cell(OPERATIONS, 2, 1, merge_op="loose_end", label="cell")
        return nn.Sequential(self.cell, nn.Linear(self.cell.num_outputs * FEATURES, FEATURES))


def by_input(node, op, source):
    return nn.Linear(FEATURES, FEATURES, bias=source == 0)


class CellThatLooks(Around):
    """One whose operations are others for other inputs."""

    def make(self):
        return nn.Cell({"linear": by_input, "tanh": nn.Tanh()}, 1, 2, num_predecessors=2, label="cell")

    def forward(self, x):
        return self.head(self.body([x, torch.tanh(x)]))


class Cell101(Around):
    def make(self):
        operations = {"linear": lambda width: nn.Conv1d(width, width, 1), "tanh": lambda width: nn.Tanh()}
        return nn.NasBench101Cell(operations, FEATURES, FEATURES, lambda i, o: nn.Conv1d(i, o, 1), 4, 5, label="cell")

    def forward(self, x):
        return self.head(self.body(x[..., None])[..., 0])


class Cell201(Around):
    def make(self):
        operations = {"linear": nn.Linear, "tanh": lambda i, o: nn.Tanh()}
        return nn.NasBench201Cell(operations, FEATURES, FEATURES, 3, label="cell")


class Activation(Around):
    def make(self):
        return nn.AutoActivation(1, ["identity", "tanh", "scale"], ["add", "gate"], label="activation")


class Width(Around):
    def make(self):
        width = nn.ValueChoice([4, 16, 8], label="width")
        return nn.Sequential(linear(width), nn.ReLU(), nn.Linear(width, FEATURES))


class WidthOfExpression(Around):
    def make(self):
        width = nn.ValueChoice([4, 8], label="width") * nn.ValueChoice([1, 2], label="ratio")
        return nn.Sequential(linear(width), nn.BatchNorm1d(width), nn.Linear(width, FEATURES))


class Convolution1d(Around):
    def make(self):
        width, kernel = nn.ValueChoice([4, 8], label="width"), nn.ValueChoice([3, 1, 5], label="kernel")
        wide = nn.Conv1d(1, width, kernel, padding=kernel // 2)
        return nn.Sequential(nn.Unflatten(1, (1, FEATURES)), wide, nn.Conv1d(width, 1, 1), nn.Flatten())


class Convolution2d(Around):
    def make(self):
        width, kernel = nn.ValueChoice([4, 8], label="width"), nn.ValueChoice([3, 1], label="kernel")
        wide = nn.Conv2d(1, width, kernel, padding=kernel // 2)
        deep = nn.Conv2d(width, width, 3, padding=1, groups=width)
        return nn.Sequential(nn.Unflatten(1, (1, 2, 4)), wide, deep, nn.Conv2d(width, 1, 1), nn.Flatten())


class Convolution3d(Around):
    def make(self):
        width = nn.ValueChoice([2, 4], label="width")
        wide = nn.Conv3d(1, width, 3, padding=1)
        return nn.Sequential(nn.Unflatten(1, (1, 2, 2, 2)), wide, nn.Conv3d(width, 1, 1), nn.Flatten())


class Normalised(Around):
    norm = staticmethod(nn.BatchNorm1d)

    def make(self):
        width = nn.ValueChoice([4, 8], label="width")
        return nn.Sequential(linear(width), self.norm(width), nn.Linear(width, FEATURES))


class LayerNormalised(Normalised):
    norm = staticmethod(nn.LayerNorm)


class GroupNormalised(Normalised):
    norm = staticmethod(lambda width: nn.GroupNorm(nn.ValueChoice([1, 2], label="groups"), width))


class Attention(Around):
    def make(self):
        width = nn.ValueChoice([4, 8], label="width")
        self.wide = nn.Linear(1, width)
        self.attention = nn.MultiheadAttention(width, nn.ValueChoice([1, 2], label="heads"), batch_first=True)
        return nn.Sequential(nn.Linear(width, 1), nn.Flatten())

    def forward(self, x):
        x = self.wide(x[..., None])
        return self.head(self.body(self.attention(x, x, x, need_weights=False)[0]))


class Embedded(Around):
    def make(self):
        width = nn.ValueChoice([2, 4], label="width")
        self.table = nn.Embedding(5, width)
        return nn.Sequential(nn.Linear(width, 1), nn.Flatten())

    def forward(self, x):
        return self.head(self.body(self.table((x.abs() * 2).long().clamp(max=4))))


class DroppedOut(Around):
    def make(self):
        return nn.Sequential(linear(), nn.Dropout(nn.ValueChoice([0.0, 0.5], label="rate")))


class DroppedOutFreely(Around):
    def make(self):
        return nn.Sequential(linear(), nn.Dropout(nn.ValueChoice.uniform(0.0, 0.5, label="rate")))


class Shaped(Around):
    def make(self):
        width = nn.ValueChoice([4, 8], label="width")
        self.wide, self.shift = linear(width), nn.ShapedParameter((1, width), std=1.0)
        return nn.Linear(width, FEATURES)

    def forward(self, x):
        return self.head(self.body(self.wide(x) * self.shift))


class LookedAt(Around):
    def make(self):
        self.is_deep = nn.ValueChoice([False, True], label="is_deep")
        return linear()

    def forward(self, x):
        return self.head(self.body(torch.tanh(x) if self.is_deep else x))


class WidthLookedAt(Around):
    def make(self):
        self.width = nn.ValueChoice([4, 8], label="width")
        self.wide = linear(self.width)
        return nn.Linear(self.width, FEATURES)

    def forward(self, x):
        return self.head(self.body(self.wide(x).reshape(-1, self.width)))


class Constrained(Around):
    def make(self):
        made = nn.Sequential(*[nn.LayerChoice([linear(), nn.Tanh()], label=f"op{place}") for place in range(2)])
        self.constrain(made[0].symbol != made[1].symbol)
        return made


PRIMITIVES: dict[str, type[ModelSpace]] = {
    "`LayerChoice`": Layers,
    "`LayerChoice` with names": NamedLayers,
    "`LayerChoice` inside a `LayerChoice`": NestedLayers,
    "`LayerChoice`s of one label": SharedLabel,
    "`InputChoice` of one": Inputs,
    "`InputChoice` of two, their mean": TwoInputs,
    "`InputChoice` of two, concatenated": ConcatenatedInputs,
    "`InputChoice` of two, as a list": ListedInputs,
    "`InputChoice` of any number": AnyInputs,
    "`InputChoice` of any number, as a list": AnyListedInputs,
    "`Repeat`": Depth,
    "`Repeat` of an expression, with choices in its blocks": DepthOfBlocks,
    "`Repeat` that forward loops over": LoopedDepth,
    "`Cell`": CellOfAll,
    "`Cell`s of one label": CellsOfOneLabel,
    "`Cell` of loose ends": CellOfLooseEnds,
    "`Cell` whose operations look at their input": CellThatLooks,
    "`NasBench101Cell`": Cell101,
    "`NasBench201Cell`": Cell201,
    "`AutoActivation`": Activation,
    "`ValueChoice` in `Linear`": Width,
    "`ValueChoice`s in an expression": WidthOfExpression,
    "`ValueChoice` in `Conv1d`": Convolution1d,
    "`ValueChoice` in `Conv2d`": Convolution2d,
    "`ValueChoice` in `Conv3d`": Convolution3d,
    "`ValueChoice` in `BatchNorm`": Normalised,
    "`ValueChoice` in `LayerNorm`": LayerNormalised,
    "`ValueChoice` in `GroupNorm`": GroupNormalised,
    "`ValueChoice` in `MultiheadAttention`": Attention,
    "`ValueChoice` in `Embedding`": Embedded,
    "`ValueChoice` in `Dropout`": DroppedOut,
    "`ValueChoice` out of a range": DroppedOutFreely,
    "`ShapedParameter`": Shaped,
    "`ValueChoice` that forward looks at": LookedAt,
    "width that layers take and forward looks at": WidthLookedAt,
    "choices with a constraint": Constrained,
}
