"""How a command ends: the exit code and, where something was wrong, one message without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from retiarii.cli.config.problems import ConfigError
from retiarii.cli.plain import plain
from retiarii.errors import RetiariiError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130

P = ParamSpec("P")


def ended_well(command: Callable[P, None]) -> Callable[P, None]:
    """`command` with the exit codes of the command line. Errors that nobody expects keep their traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except ConfigError as error:
            complain(str(error))
            raise typer.Exit(MISUSED) from None
        except RetiariiError as error:
            complain(f"retiarii: {error}")
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    return run


def complain(message: str) -> None:
    """Says on stderr what is wrong."""
    print(plain(message), file=sys.stderr)
