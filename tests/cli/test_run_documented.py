"""The page on the command line: its commands run, with its files, one after the other."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retiarii.cli.app import app
from retiarii.cli.config.schema import Config

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "command_line.md").read_text(encoding="utf-8")


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_the_commands_of_the_page_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "my_search.py").write_text(blocks("python")[0], encoding="utf-8")
    (tmp_path / "search.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("retiarii ")]
    assert len(commands) >= 5
    for command in commands:
        result = CliRunner().invoke(app, shlex.split(command, comments=True)[1:])
        assert result.exit_code == 0, f"{command}\n{result.output}"
    sys.modules.pop("my_search", None)


def test_every_field_is_on_the_page():
    table = PAGE.partition("## Fields")[2].partition("All mean")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [*Config.model_fields]
