"""`LayerChoice`: one of several modules stands here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from torch import nn

from retiarii.domain.choice import Categorical
from retiarii.errors import SpaceError
from retiarii.graph.spec import ChoiceSpec
from retiarii.nn.choice import ChoiceModule, Decision, Describe, Freeze, Part, described


class LayerChoice(ChoiceModule):
    """One of several modules.

    In a sample it is the index of a candidate in a list, or its key in a dict. In the frozen model the chosen module
    stands under the choice's own name. The first candidate is the default.

    Source: Retiarii (Zhang et al., OSDI 2020), section 3, and NNI's `LayerChoice`.

    Shapes: those of the candidates, which all take and give tensors of the same shapes.

    Args:
        candidates: modules, as a list or as a dict with text keys.
        label: its name; without one, its path in the space, such as "body.2.op".
        key: another word for `label`.

    Raises:
        SpaceError: no candidates, one that is no module, or a key that can't name a module.

    Example:
        >>> from retiarii import nn
        >>> operation = nn.LayerChoice({"conv": nn.Conv2d(16, 16, 3, padding=1), "skip": nn.Identity()}, label="op")
        >>> operation.choice
        Categorical(label='op', candidates=('conv', 'skip'))
    """

    def __init__(
        self,
        candidates: Sequence[nn.Module] | Mapping[str, nn.Module] | nn.ModuleList | nn.ModuleDict,
        label: str | None = None,
        *,
        key: str | None = None,
    ) -> None:
        super().__init__(label, key)
        named: dict[Any, Any] = dict(
            candidates.items() if isinstance(candidates, Mapping | nn.ModuleDict) else enumerate(candidates)
        )
        if not named:
            raise SpaceError(f"{self.named} has no candidates; give at least one module")
        for name, module in named.items():
            self._check(name, module, isinstance(candidates, Mapping))
            self._modules[str(name)] = module
        self.keys: tuple[Any, ...] = tuple(named)
        self._names = {key: str(key) for key in self.keys}
        cast("Decision", self.symbol).default = self.keys[0]

    def _check(self, key: Any, module: Any, is_mapping: bool) -> None:
        if is_mapping and (not isinstance(key, str) or not key or "." in key):
            raise SpaceError(
                f"{self.named} has the key {key!r}; a key is the candidate's name, a text with no dot and not empty"
            )
        if not isinstance(module, nn.Module):
            remedy = f"; make one, {module.__name__}(...)" if isinstance(module, type) else "; give a module"
            raise SpaceError(f"candidate {key!r} of {self.named} is no module but {module!r}{remedy}")

    @property
    def choice(self) -> Categorical:
        return Categorical(self.label, self.keys)

    @property
    def candidates(self) -> dict[Any, nn.Module]:
        """The candidates by what a sample says to choose them."""
        return {key: self._modules[name] for key, name in self._names.items()}  # type: ignore[misc]

    @property
    def has_one_part(self) -> bool:
        return True

    def parts(self) -> Iterator[Part]:
        return ((str(key), candidate, self.symbol == key) for key, candidate in self.candidates.items())

    def decided(self, sample: Mapping[str, Any], freeze: Freeze) -> nn.Module | None:
        return freeze(self.candidates[sample[self.label]])

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        modules: Mapping[str, Any] = self._modules
        return self.answer.select(self._names, lambda name: modules[name](*args, **kwargs))

    def __choice_spec__(self, describe: Describe | None) -> ChoiceSpec:
        named = {str(key): module for key, module in self.candidates.items()}
        return ChoiceSpec("layer", self.symbol, self.keys, described(named, describe))

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(self.candidates.values())

    def __getitem__(self, key: Any) -> nn.Module:
        return self.candidates[key]
