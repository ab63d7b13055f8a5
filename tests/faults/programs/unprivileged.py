"""What someone without rights to a folder is told, and can read.

usage: unprivileged.py DIRECTORY
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from searches import experiment, say

import retiarii
from retiarii.experiment import Experiment
from retiarii.strategies import GridSearch

NOBODY = 65534


def unprivileged(directory):
    experiment(GridSearch(), directory, "finished").run(progress=False)
    for path in (directory / "finished", *(directory / "finished").iterdir(), directory):
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.geteuid() == 0:
        os.setuid(NOBODY)
    ran, said = [], []
    for name in ("new", "finished"):
        try:
            experiment(GridSearch(), directory, name, function=ran.append).run(progress=False)
        except retiarii.ExperimentError as error:
            said.append(str(error))
    return {"said": said, "ran": len(ran), "read": len(Experiment.load(directory, "finished").trials)}


if __name__ == "__main__":
    say(unprivileged(Path(sys.argv[1])))
