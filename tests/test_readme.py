"""The programs that a newcomer copies: the blocks of the README and the examples run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from retiarii import hub

ROOT = Path(__file__).resolve().parent.parent
BLOCKS = re.findall(
    r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))
EPOCHS = {"darts_search": ["2"], "spos_search": ["4"]}
"""What makes an example short that trains for a minute otherwise."""
IMPORTED = re.compile(r"^from retiarii\.hub import (.+)$", re.MULTILINE)


def run(program: Path, folder: Path, arguments: Sequence[str] = ()) -> str:
    done = subprocess.run(
        [sys.executable, str(program), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("block", BLOCKS)
def test_readme_block_runs_and_shows_a_model(block, tmp_path):
    program = tmp_path / "block.py"
    program.write_text(block, encoding="utf-8")
    assert "class Model(" in run(program, tmp_path)


@pytest.mark.parametrize("program", EXAMPLES, ids=lambda program: program.stem)
def test_example_runs(program, tmp_path):
    assert run(program, tmp_path, EPOCHS.get(program.stem, ()))


def test_every_space_of_the_hub_has_an_example():
    programs = "".join([program.read_text(encoding="utf-8") for program in EXAMPLES])
    taken = {name for names in IMPORTED.findall(programs) for name in names.split(", ")}
    public = {name: getattr(hub, name) for name in hub.__all__}
    spaces = {name for name, it in public.items() if isinstance(it, type) and issubclass(it, hub.HubSpace)}
    assert spaces - taken == {"HubSpace"}
