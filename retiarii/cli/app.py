"""The commands of `retiarii`, and what the shell gets from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

import typer

from retiarii import __version__
from retiarii.cli import commands, run
from retiarii.cli.ending import ended_well
from retiarii.cli.streams import open_closed_streams

_EXIT_CODES = """\b
Exit codes:
  0    done
  1    it did not work out: no trial completed, no such experiment, ...
  2    the command line or a file given on it is wrong; nothing was begun
  130  interrupted by Ctrl-C; 143 by SIGTERM
  141  whatever read the output has ended, such as head"""


class _Command(NamedTuple):
    """A command: its name, the function, whose docstring is its help, and examples of its use."""

    name: str
    function: Callable[..., None]
    examples: tuple[str, ...]


_COMMANDS = (
    _Command(
        "run",
        run.run,
        (
            "retiarii run search.yaml",
            "retiarii run search.yaml --set strategy.population_size=20 --set max_trials=100",
            "retiarii run search.yaml --name second-try --fresh",
        ),
    ),
    _Command(
        "resume",
        run.resume,
        (
            "retiarii resume second-try",
            "retiarii resume second-try --set max_trials=200",
        ),
    ),
    _Command("list", commands.list_, ("retiarii list", "retiarii list --directory elsewhere --json")),
    _Command("show", commands.show, ("retiarii show second-try", "retiarii show second-try --top 3 --failures")),
    _Command(
        "trials",
        commands.trials,
        (
            "retiarii trials second-try --sort metric --limit 20",
            "retiarii trials second-try --state completed --format csv > trials.csv",
        ),
    ),
    _Command(
        "export",
        commands.export,
        (
            "retiarii export second-try --top 3",
            "retiarii export second-try --format onnx --input-shape 1,3,32,32",
            "retiarii export second-try --format pt2 --space my_module:MySpace --output models",
            "retiarii export second-try --top 10 --format json > best.json",
        ),
    ),
    _Command(
        "space",
        commands.space,
        (
            "retiarii space DARTS",
            "retiarii space my_module:MySpace --picture space.svg",
            "retiarii space retiarii.hub:DARTS.small --json",
        ),
    ),
    _Command(
        "plot",
        commands.plot,
        ("retiarii plot second-try", "retiarii plot second-try --kind pareto --output front.svg"),
    ),
    _Command("doctor", commands.doctor, ("retiarii doctor",)),
)
"""In the order of `retiarii --help`. A file of a command imports what is heavy inside its function."""

app = typer.Typer(
    name="retiarii",
    help="Search for neural networks: describe the search in a YAML file, run it, look at what is recorded.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"retiarii {__version__}")
        raise typer.Exit


@app.callback()
def _about(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def _register(command: _Command) -> None:
    epilog = "\b\nExamples:\n" + "\n".join([f"  {example}" for example in command.examples])
    app.command(command.name, epilog=epilog)(ended_well(command.function))


for _command in _COMMANDS:
    _register(_command)


def main() -> None:
    """What the script `retiarii` calls."""
    open_closed_streams()
    app()
