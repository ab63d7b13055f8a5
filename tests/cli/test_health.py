"""`retiarii doctor`: it finds what is wrong, and lives with it."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from retiarii.cli import health, health_machine, health_packages, health_storage
from retiarii.cli.app import app
from retiarii.experiment.experiment import DIRECTORY


def entered(*words):
    return CliRunner().invoke(app, ["doctor", *[str(word) for word in words]])


def by_name(findings):
    return {finding.name: finding for finding in findings}


@pytest.fixture
def quick(monkeypatch):
    """Without the process that loads torch."""
    seen = {
        "torch": {"version": "2.0", "cuda": None, "gpus": [], "mps": False, "threads": 1},
        "torchvision": {"missing": True},
    }
    monkeypatch.setattr(health_machine, "_probed", lambda: seen)
    monkeypatch.setattr(metadata, "requires", lambda name: ["numpy>=1.26", "matplotlib>=3.9; extra == 'plot'"])
    return seen


def test_torch_is_loaded_in_a_process_of_its_own():
    found = by_name(health_machine.torch())
    assert found["torch"].verdict == "ok"
    assert found["torch"].found.startswith(torch.__version__)


def test_all_is_well(quick, tmp_path):
    result = entered("--json", "-d", tmp_path / "not" / "yet")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["ok"]) == (0, True), result.output
    names = {finding["name"] for finding in document["findings"]}
    assert names >= {
        "python",
        "retiarii",
        "numpy",
        "matplotlib",
        "cores",
        "memory",
        "torch",
        "SQLite",
        "records",
        "room",
    }
    assert [*tmp_path.iterdir()] == []
    assert "All is well." in entered("-d", tmp_path).stdout


def test_torchvision_that_does_not_fit_is_broken(quick, tmp_path):
    quick["torchvision"] = {"error": "RuntimeError: operator torchvision::nms does not exist"}
    result = entered("-d", tmp_path)
    assert result.exit_code == 1
    assert "1 broken: torchvision" in result.stdout
    assert "torchvision::nms does not exist" in result.stdout


def test_a_torch_that_takes_its_process_down_is_broken(monkeypatch, tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho Illegal instruction >&2\nkill -ILL $$\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    found = by_name(health_machine.torch())
    assert found["torch"].verdict == "broken"
    assert "with code -4: Illegal instruction" in found["torch"].found


def test_missing_and_old_packages(monkeypatch):
    lines = [
        *("absent-package>=1", "numpy>=999", "rich>=13.8", "retiarii[plot]; extra == 'dev'", "ruff; extra == 'dev'"),
        *("absent-extra>=2; extra == 'onnx'", 'rich>=999 ; extra == "plot"'),
    ]
    monkeypatch.setattr(metadata, "requires", lambda name: lines)
    required, extras = by_name(health_packages.required()), by_name(health_packages.extras())
    assert {name: finding.verdict for name, finding in required.items()} == {
        "absent-package": "broken",
        "numpy": "broken",
        "rich": "ok",
    }
    assert {name: finding.verdict for name, finding in extras.items()} == {"absent-extra": "absent", "rich": "broken"}
    assert extras["absent-extra"].remedy == "pip install 'retiarii[onnx]'"
    assert required["numpy"].found.endswith("and >=999 is needed")


def test_a_source_tree_that_was_never_installed(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    assert [*health_packages.required(), *health_packages.extras()] == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no such file system")
def test_a_folder_where_nothing_can_be_recorded():
    found = by_name(health_storage.storage(Path("/proc")))
    assert found["records"].verdict == "broken"
    assert "--directory" in found["records"].remedy


def test_a_network_file_system_is_a_warning(monkeypatch, tmp_path):
    monkeypatch.setattr(health_storage, "_file_system", lambda folder: "nfs4")
    assert by_name(health_storage.storage(tmp_path))["file system"].verdict == "warning"


def test_a_check_that_fails_is_a_finding():
    def check():
        raise ImportError("no module named 'psutil'")

    (finding,) = health.findings_of([check])
    assert (finding.name, finding.verdict) == ("check", "broken")
    assert "psutil" in finding.found


def test_the_directory_is_that_of_experiments():
    assert health.DIRECTORY == DIRECTORY
