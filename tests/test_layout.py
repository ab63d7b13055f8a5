"""What holds for the whole tree: where the rooms lie, how they are imported, how long files and functions may be."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import retiarii
from retiarii import errors

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("strategies", "evaluators", "execution")
FOLDERS = ("retiarii", *ROOMS, "examples", "tests", "benchmarks")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
WRITTEN = ("*.md", "*.toml", "*.txt", ".ci/*", "Makefile", "docs/**/*.md")
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(work|root|home|Users|tmp/venv)/\w")


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def imported(path: Path) -> Iterator[str]:
    """The top-level package of every absolute import in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            yield node.module.partition(".")[0]


def loaded_by(statement: str) -> set[str]:
    """The top-level modules in a fresh interpreter after one statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.skipif(not (ROOT / "strategies").exists(), reason="a source distribution holds folders in place of links")
@pytest.mark.parametrize("room", ROOMS)
def test_links_lead_home(room):
    link = ROOT / "retiarii" / room
    assert link.is_symlink(), f"{link} is no link: switch on symbolic links in git and check out again"
    assert link.readlink() == Path("..", room)
    assert (link / "__init__.py").is_file()


def test_no_file_imports_a_room_bare():
    bare = [f"{path.relative_to(ROOT)}: {name}" for path in SOURCES for name in imported(path) if name in ROOMS]
    assert not bare, f"import retiarii.NAME instead, or its classes exist twice: {bare}"


def test_import_is_light():
    heavy = {"torch", "numpy", "networkx", "pytorch_lightning", "tianshou", "hyperopt", "rich", "sqlite3", "yaml"}
    assert not heavy & loaded_by("import retiarii")


def test_domain_loads_no_torch():
    assert "torch" not in loaded_by("import retiarii.domain")


@pytest.mark.parametrize("name", ["NSGA2", "TPE", "LocalSearch", "RegularizedEvolution", "Random", "Deduplication"])
def test_strategies_that_train_nothing_load_no_torch(name):
    assert "torch" not in loaded_by(f"from retiarii.strategies import {name}")


@pytest.mark.parametrize("name", retiarii.__all__)
def test_public_name_is_found(name):
    assert getattr(retiarii, name).__name__ == name
    assert name in dir(retiarii)


def test_every_exception_is_public():
    exceptions = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert exceptions <= {*retiarii.__all__}


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'retiarii' has no attribute 'Supernova'"):
        _ = retiarii.Supernova


def test_files_are_short():
    length = {str(path.relative_to(ROOT)): lines(path) for path in SOURCES}
    assert not {path: count for path, count in length.items() if count > 500}
    assert statistics.median(length.values()) < 150


def test_functions_are_short():
    functions = (
        (path, node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, node in functions
        if node.end_lineno is not None and node.end_lineno - node.lineno >= 60
    ]
    assert not long, f"longer than 60 lines: {long}"


def test_no_path_of_one_machine():
    files = [*SOURCES, *(path for pattern in WRITTEN for path in ROOT.glob(pattern) if path.is_file())]
    found = [str(path.relative_to(ROOT)) for path in files if MACHINE_PATH.search(path.read_text(encoding="utf-8"))]
    assert not found, f"these name a folder that only one machine has: {found}"
