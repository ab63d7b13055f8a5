"""Versions of what is installed, and what is missing."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata

from retiarii import __version__
from retiarii.cli.finding import Finding, Verdict

_NEEDED_PYTHON = (3, 11)
_FOR_DEVELOPERS = ("dev", "test")
_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(\[[^]]*\])?\s*(?P<versions>[^;]*)(;.*extra == ['\"](?P<extra>[^'\"]+)['\"])?"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package that is asked for."""

    name: str
    versions: str
    extra: str | None

    @classmethod
    def of(cls, text: str) -> Requirement | None:
        """Of a line of metadata; None if that is not understood."""
        found = _REQUIREMENT.match(text)
        return None if found is None else cls(found["name"], found["versions"].strip(" ()"), found["extra"])


def python() -> Iterator[Finding]:
    is_new = sys.version_info >= _NEEDED_PYTHON
    remedy = "" if is_new else f"use Python {'.'.join(map(str, _NEEDED_PYTHON))} or later"
    found = f"{platform.python_version()} at {sys.executable}"
    yield Finding("versions", "python", found, "ok" if is_new else "broken", remedy)
    yield Finding("versions", "retiarii", __version__)


def required() -> Iterator[Finding]:
    """What the package doesn't work without."""
    for requirement in requirements():
        if requirement.extra is None:
            yield _installed("versions", requirement, "broken", "pip install --upgrade retiarii")


def extras() -> Iterator[Finding]:
    """What it can do more with; for each extra, one finding for each of its packages."""
    for requirement in requirements():
        if requirement.extra is not None and requirement.extra not in _FOR_DEVELOPERS:
            remedy = f"pip install 'retiarii[{requirement.extra}]'"
            yield _installed(f"extra {requirement.extra}", requirement, "absent", remedy)


def requirements() -> list[Requirement]:
    """What the installed package asks for, itself left out."""
    try:
        lines = metadata.requires("retiarii") or []
    except metadata.PackageNotFoundError:
        return []
    found = [Requirement.of(line) for line in lines]
    return [each for each in found if each is not None and each.name != "retiarii"]


def _installed(area: str, requirement: Requirement, otherwise: Verdict, remedy: str) -> Finding:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Finding(area, requirement.name, "not installed", otherwise, remedy)
    if _fits(version, requirement.versions):
        return Finding(area, requirement.name, version)
    return Finding(area, requirement.name, f"{version}, and {requirement.versions} is needed", "broken", remedy)


def _fits(version: str, versions: str) -> bool:
    try:
        from packaging.specifiers import SpecifierSet  # noqa: PLC0415  itself no dependency
    except ImportError:
        return True
    return SpecifierSet(versions).contains(version, prereleases=True)


CHECKS: tuple[Callable[[], Iterable[Finding]], ...] = (python, required, extras)
