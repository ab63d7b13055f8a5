"""The config that is kept in an experiment's folder, so that it can go on by its name."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from retiarii.callback import Callback
from retiarii.cli.config.search import Search
from retiarii.cli.found import folder_of, loaded, place
from retiarii.errors import ExperimentError
from retiarii.experiment import Experiment
from retiarii.experiment.folders import experiment_folder
from retiarii.experiment.following import is_following
from retiarii.experiment.record_file import FILE as RECORD
from retiarii.trial import Trial

FILE = "config.yaml"


class KeptConfig(Callback):
    """Writes the config of a search into the folder of its experiment.

    Where there is none it is written before anything is run. It replaces another when the experiment has agreed to go
    on with it and no other process runs it, which is when a trial begins.
    """

    def __init__(self, search: Search) -> None:
        self._search = search
        self._file: Path | None = None
        self._made: Path | None = None
        self._content = ""

    def prepare(self, experiment: Experiment) -> None:
        """Gives the experiment its folder.

        Raises:
            ExperimentError: it can't be made or written in.
        """
        if is_following():
            return
        folder = experiment_folder(experiment.directory, experiment.name, type(experiment.space).__name__)
        self._made = folder if experiment.name is None else None
        experiment.name = folder.name
        self._file = folder / FILE
        self._content = self._search.canonical(folder)
        if not (folder / RECORD).exists():
            with _errors(self._file):
                _make(self._file, self._content)

    def clear_away(self, experiment: Experiment) -> None:
        """Removes the folder of an experiment that nobody has named, if it could not begin and that can be seen."""
        with suppress(ExperimentError, OSError):  # of what is broken there, the user hears already
            if self._made is not None and not experiment.trials:
                shutil.rmtree(self._made)

    def on_trial_start(self, trial: Trial) -> None:
        file, self._file = self._file, None
        if file is not None:
            with _errors(file):
                _replace(file, self._content)


def kept_config(name: str, directory: Path | None) -> Path:
    """The config of an experiment.

    Raises:
        ExperimentError: there is no such experiment, or it was begun without a config.
    """
    where = place(directory)
    file = folder_of(where, name).absolute() / FILE
    if file.is_file():
        return file
    runs = loaded(where, name).runs
    argv = runs[-1].settings.get("argv", []) if runs else []
    begun = f"; what ran it is: {shlex.join(map(str, argv))}" if argv else ""
    raise ExperimentError(f"{where / name} has no {FILE}, because no config began it but a program{begun}")


@contextmanager
def _errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExperimentError(f"{file} can't be written: {error.strerror}") from error


def _make(file: Path, content: str) -> None:
    """Writes a file, for its owner alone, unless there is one."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    try:
        _fill(handle, content)
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _replace(file: Path, content: str) -> None:
    """Writes a file, for its owner alone, that is at no time there in part."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        _fill(handle, content)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)  # cut off when it had its place already, it has gone
        raise


def _fill(handle: int, content: str) -> None:
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
