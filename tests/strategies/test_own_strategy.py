"""A user's own strategy as the documentation shows it, in files of the user's own, far from this package."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "strategies.md"
HEAD = "from retiarii import Strategy\n"


@pytest.fixture
def blocks() -> list[str]:
    if not PAGE.exists():
        pytest.skip("the documentation is not beside these tests")
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(
        r"^```python\n(.*?)^```$", text[text.index("## A strategy of your own") :], re.MULTILINE | re.DOTALL
    )


def test_it_is_twenty_lines(blocks):
    strategy = next(node for node in ast.parse(blocks[0]).body if isinstance(node, ast.ClassDef))
    lines = blocks[0].splitlines()[strategy.lineno - 1 : strategy.end_lineno]
    assert len([line for line in lines if line.strip()]) <= 20, "without empty lines"


def test_it_keeps_the_contract(blocks, tmp_path):
    strategy = blocks[0].split("\n\n\nexperiment =")[0]
    (tmp_path / "tournament.py").write_text(HEAD + "\n\n" + strategy, encoding="utf-8")
    (tmp_path / "test_tournament.py").write_text("from tournament import Tournament\n" + blocks[1], encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_tournament.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\b1[0-9] passed", done.stdout), done.stdout
