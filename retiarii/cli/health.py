"""`retiarii doctor`: whatever is missing, it says so and goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

import typer

from retiarii.cli import health_machine, health_packages, health_storage
from retiarii.cli.ending import FAILED
from retiarii.cli.finding import Finding
from retiarii.cli.tables import show, show_json, table

Check: TypeAlias = Callable[[], Iterable[Finding]]

DIRECTORY = "retiarii-experiments"


def examine(directory: Path | None, *, as_json: bool) -> None:
    """Prints what was found.

    Raises:
        typer.Exit: something that is needed is broken; the exit code is 1.
    """
    where = Path(DIRECTORY) if directory is None else directory
    findings = findings_of([*health_packages.CHECKS, *health_machine.CHECKS, lambda: health_storage.storage(where)])
    broken = [finding for finding in findings if finding.verdict == "broken"]
    if as_json:
        show_json({"ok": not broken, "findings": [asdict(finding) for finding in findings]})
    else:
        show(table(("about", "what", "found", "verdict", "remedy"), [_row(finding) for finding in findings]))
        show(
            f"\n{len(broken)} broken: {', '.join([finding.name for finding in broken])}" if broken else "\nAll is well."
        )
    if broken:
        raise typer.Exit(FAILED)


def findings_of(checks: Iterable[Check]) -> Sequence[Finding]:
    """What all checks find. One that fails itself is a finding, too."""
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += check()
        except Exception as error:  # noqa: BLE001  a broken installation may raise anything anywhere
            name = getattr(check, "__name__", "check")
            findings.append(
                Finding("doctor", name, f"{type(error).__name__}: {error}", "broken", "install retiarii anew")
            )
    return findings


def _row(finding: Finding) -> tuple[str, ...]:
    return (finding.area, finding.name, finding.found, finding.verdict, finding.remedy)
