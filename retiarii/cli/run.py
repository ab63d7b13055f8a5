"""`retiarii run` and `retiarii resume`."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from retiarii.cli.commands import Directory
from retiarii.cli.ending import FAILED, complain
from retiarii.cli.streams import outlive_readers
from retiarii.errors import ExperimentError

if TYPE_CHECKING:
    from retiarii.cli.config.search import Search
    from retiarii.experiment import Experiment

_OPTIONS = {
    "resume is False": "--fresh was given",
    "by resume=True": "without --fresh",
    'resume="anyway"': "--anyway",
}
"""What `Experiment` calls an argument, and what it is here."""

_Settings = Annotated[
    list[str],
    typer.Option(
        "--set",
        default_factory=list,
        show_default=False,
        metavar="KEY=VALUE",
        help="Put a value in place of the config's, such as strategy.population_size=20. May be given several times.",
    ),
]
_Anyway = Annotated[bool, typer.Option("--anyway", help="Go on even if the space, the objectives or the seed changed.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress, and no report at the end.")]


def run(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="Describes the search.")],
    *,
    settings: _Settings,
    name: Annotated[str | None, typer.Option(help="Of the experiment: its folder. By default a new one.")] = None,
    directory: Directory = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Refuse to go on with an experiment that exists.")] = False,
    anyway: _Anyway = False,
    quiet: _Quiet = False,
) -> None:
    """Run the search that a YAML file describes.

    An experiment of the same name goes on where it stopped. The config is kept in its folder. A config imports and
    calls the code that it names: run only what you trust as you trust a program.
    """
    if fresh and anyway:
        raise typer.BadParameter("--fresh begins anew and --anyway goes on; give one of them")
    from retiarii.cli.config.search import Search  # noqa: PLC0415

    options = {"name": name, "directory": None if directory is None else str(directory)}
    _run(Search.read(config, settings, options), "anyway" if anyway else not fresh, quiet=quiet)


def resume(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the experiment: its folder.")],
    *,
    settings: _Settings,
    directory: Directory = None,
    anyway: _Anyway = False,
    quiet: _Quiet = False,
) -> None:
    """Go on with a search that `retiarii run` began.

    What has ended is never run again. The config is the one that was kept, changed by --set.
    """
    from retiarii.cli.config.search import Search  # noqa: PLC0415
    from retiarii.cli.kept import kept_config  # noqa: PLC0415

    file = kept_config(name, directory)
    options = {"name": name, "directory": str(file.parent.parent)}
    _run(Search.read(file, settings, options, kept=True), "anyway" if anyway else True, quiet=quiet)


def _run(search: Search, resume: bool | Literal["anyway"], *, quiet: bool) -> None:
    from retiarii.cli.kept import KeptConfig  # noqa: PLC0415

    outlive_readers()
    config = KeptConfig(search)
    experiment = search.experiment(resume=resume, callbacks=[config])
    config.prepare(experiment)
    try:
        with _own_warnings_in_a_line():
            experiment.run(progress=not quiet)
    except (KeyboardInterrupt, SystemExit):
        complain(f"retiarii: to go on: {_command(experiment)}")
        raise
    except ExperimentError as error:
        config.clear_away(experiment)
        raise ExperimentError(_in_options(str(error))) from error
    if experiment.best is None:
        complain(f"retiarii: no trial has completed; {_command(experiment, 'show')} says more")
        raise typer.Exit(FAILED)


@contextmanager
def _own_warnings_in_a_line() -> Iterator[None]:
    """Says what the library warns of without the place of the call, which here is that of typer."""
    show = warnings.showwarning

    def showwarning(message: Warning | str, category: type[Warning], filename: str, *more: Any, **others: Any) -> None:
        if Path(filename).parent.name == "typer":
            complain(f"retiarii: {message}")
        else:
            show(message, category, filename, *more, **others)

    warnings.showwarning = showwarning
    try:
        yield
    finally:
        warnings.showwarning = show


def _command(experiment: Experiment, command: str = "resume") -> str:
    """What to enter to do something with an experiment."""
    from retiarii.experiment.experiment import DIRECTORY  # noqa: PLC0415

    elsewhere = experiment.directory != Path(DIRECTORY).absolute()
    options = ["--directory", str(experiment.directory)] if elsewhere else []
    name = str(experiment.name)
    return shlex.join(["retiarii", command, *options, *(["--"] if name.startswith("-") else []), name])


def _in_options(message: str) -> str:
    """A message with the options of the command line in place of arguments of `Experiment`."""
    for argument, option in _OPTIONS.items():
        message = message.replace(argument, option)
    return message
