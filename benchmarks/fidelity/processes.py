"""Every model in a process of its own, so that none can end, exhaust or outlast the run."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path

from fidelity.measure import measure
from fidelity.report import Report
from zoo.model import ZooModel

SECONDS = 60.0
MEMORY = 12 * 2**30

Work = tuple[str, ZooModel]


@dataclass(frozen=True, slots=True)
class _Running:
    process: ForkProcess
    work: Work
    deadline: float


def reports(work: Sequence[Work], jobs: int) -> Iterator[Report]:
    """The report of each (library, model), as it comes, from at most `jobs` processes at a time.

    A process gets 60 seconds and 12 GiB of addresses. They are forked: what is imported here need not be again.
    """
    waiting = list(reversed(work))
    running: dict[Connection, _Running] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            connection, started = _start(waiting.pop())
            running[connection] = started
        timeout = max(0.0, min(each.deadline for each in running.values()) - time.monotonic())
        ready = wait(list(running), timeout)
        for connection in [known for known in running if known in ready or _late(running[known])]:
            yield _end(connection, running.pop(connection))


def _start(work: Work) -> tuple[Connection, _Running]:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(sender, work))
    process.start()
    sender.close()
    return receiver, _Running(process, work, time.monotonic() + SECONDS)


def _run(sender: Connection, work: Work) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        report = measure(*work)
    sender.send(report)
    sender.close()


def _late(running: _Running) -> bool:
    return time.monotonic() >= running.deadline


def _end(connection: Connection, running: _Running) -> Report:
    report = Report(running.work[0], running.work[1].name)
    try:
        if connection.poll():
            report = connection.recv()
        else:
            report.problems["process"] = f"not done after {SECONDS:.0f} seconds"
    except EOFError:
        running.process.join()
        report.problems["process"] = f"the process ended with code {running.process.exitcode}"
    running.process.kill()
    running.process.join()
    connection.close()
    return report
