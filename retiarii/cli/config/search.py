"""From a YAML file to an experiment, and the config that is kept with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING, Any, Literal

from retiarii.cli.config.document import Document, read
from retiarii.cli.config.overrides import override, place
from retiarii.cli.config.parts import Part, check_kinds, find
from retiarii.cli.config.problems import Path, Problem, Problems
from retiarii.cli.config.scalars import dumped
from retiarii.cli.config.schema import PARTS, Component, Config
from retiarii.errors import RetiariiError

if TYPE_CHECKING:
    from retiarii.experiment import Experiment

_LIMITS = ("max_trials", "max_duration", "max_retries")


@dataclass(frozen=True, slots=True)
class Search:
    """A config that is right as far as its fields go, with where each of them stands."""

    config: Config
    document: Document
    import_from: tuple[str, ...]
    """Folders, absolute, in which modules are looked for first."""

    @classmethod
    def read(
        cls,
        file: File,
        settings: Sequence[str] = (),
        options: Mapping[str, str | None] | None = None,
        *,
        kept: bool = False,
    ) -> Search:
        """What a file says, changed by the command line.

        Args:
            file: YAML.
            settings: Those of `--set`.
            options: Values of options for fields of the same name; None where one is not given.
            kept: Whether the file was written by `canonical`, so that it says itself where modules are looked for.

        Raises:
            ConfigError: something is wrong; the message names file, line and field.
        """
        document = read(file)
        override(document, settings)
        for name, value in (options or {}).items():
            if value is not None:
                place(document, f"--{name}", name, value)
        try:
            config = Config.of(document.value)
        except Problems as problems:
            raise document.error(problems) from None
        home = file.absolute().parent
        folders = [*[str(home / folder) for folder in config.import_from], *([] if kept else [str(home), os.getcwd()])]
        return cls(config, document, tuple(dict.fromkeys(folders)))

    def experiment(self, *, resume: bool | Literal["anyway"] = True, callbacks: Sequence[Any] = ()) -> Experiment:
        """The experiment. Imports and calls what the config names.

        Raises:
            ConfigError: that is not there or can't be made so.
        """
        with self._importing():
            made = self._made()
        from retiarii.experiment import Experiment  # noqa: PLC0415  not to be waited for where the config is wrong
        from retiarii.experiment.folders import checked_name  # noqa: PLC0415

        values = self._values()
        path: Path = ("name",)
        try:
            checked_name(values.get("name", "new"))
            path = ()
            return Experiment(resume=resume, callbacks=callbacks, **made, **values)
        except RetiariiError as error:
            raise self.document.error(Problems([Problem(path, str(error))])) from error

    def space(self) -> Any:
        """The model space alone, made.

        Raises:
            ConfigError: it is not there or can't be made so.
        """
        with self._importing():
            part = _part(self.config.space, "space", ("space",))
            find([part])
            return part.make(None)

    def canonical(self, folder: File) -> str:
        """The config as YAML for the folder of its experiment, complete, with the command line's changes."""
        own = {"name": folder.name, "directory": str(folder.parent), "import_from": [*self.import_from]}
        return dumped(self.config.model_copy(update=own).model_dump(exclude_none=True, exclude_defaults=True))

    @contextmanager
    def _importing(self) -> Iterator[None]:
        """Modules are found in the folders of the config, and so they are afterwards; problems get their lines."""
        sys.path[:0] = [folder for folder in self.import_from if folder not in sys.path]
        try:
            yield
        except Problems as problems:
            raise self.document.error(problems) from problems.__cause__

    def _made(self) -> dict[str, Any]:
        given = {field: getattr(self.config, field) for field in PARTS}
        parts = {field: _part(component, field, (field,)) for field, component in given.items() if component}
        costs = [_part(cost, "costs", ("costs", index)) for index, cost in enumerate(self.config.costs)]
        find([*parts.values(), *costs])
        space = parts.pop("space").make(None)
        made = {field: part.make(space) for field, part in parts.items()}
        check_kinds(made)
        return {"space": space, **made, "costs": [cost.make(space) for cost in costs]}

    def _values(self) -> dict[str, Any]:
        names = ("name", "directory", "objectives", "seed", "deduplicate", *_LIMITS)
        values = {name: getattr(self.config, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}


def _part(component: Component, field: str, path: Path) -> Part:
    return Part.of(component.name, component.arguments, field, path)
