"""Model spaces by import path."""

from __future__ import annotations

import os
import sys
from typing import Any

from retiarii.cli.config.parts import Part, find
from retiarii.cli.config.problems import ConfigError, Problems
from retiarii.space import ModelSpace


def found_space(path: str) -> ModelSpace:
    """The space that an import path or a name of the hub stands for; a class or function is called without arguments.

    Modules are looked for in the working directory, too.

    Raises:
        ConfigError: there is none, or it can't be made without arguments.
    """
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        part = Part.of(path, {}, "space", ())
        find([part])
        made: Any = part.make(None)
    except Problems as problems:
        said = "; ".join([problem.text for problem in problems.problems])
        raise ConfigError(f"retiarii: the space {path}: {said}") from problems.__cause__
    if not isinstance(made, ModelSpace):
        raise ConfigError(f"retiarii: {path} is a {type(made).__name__}, not a model space")
    return made
