"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from retiarii.errors import ExperimentError


@contextmanager
def written(paths: Sequence[Path], *, overwrite: bool = False) -> Iterator[list[Path]]:
    """Gives a place for each file; when all are written, they go to their paths; none does if there was an error.

    Args:
        paths: Of the files, in one folder, which is made if there is none.
        overwrite: Whether files that are there are replaced.

    Raises:
        ExperimentError: one of them is there already, or they can't be written.
    """
    folder = paths[0].parent.absolute()
    there = [str(path) for path in paths if os.path.lexists(path)]
    if there and not overwrite:
        raise ExperimentError(f"{', '.join(there)} exists; give --force to overwrite, or another folder by --output")
    try:
        there_already = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=there_already) as partial:
            partials = [Path(partial) / path.name for path in paths]
            yield partials
            folder.mkdir(parents=True, exist_ok=True)
            for source, path in zip(partials, paths, strict=True):
                _on_disk(source)
                source.replace(path)
    except OSError as error:
        raise ExperimentError(f"{folder} can't be written: {error.strerror or error}") from error


def _on_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
