"""What happens during a run, a JSON object a line, for programs that follow it and for the day after."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from retiarii.errors import ExperimentError
from retiarii.experiment.overhearing import Overhearing
from retiarii.experiment.saying import say

FILE = "log.jsonl"


class _AsJson(logging.Formatter):
    """Time (ISO 8601, UTC), level, logger, message, and what the record has as `extra={"about": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "about", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class _File(logging.FileHandler):
    """The log. Where it can't be written any more, that is said once, and the search goes on while its record can."""

    def __init__(self, path: Path) -> None:
        _prepare(path)
        super().__init__(path, encoding="utf-8")
        self._thread = threading.get_ident()
        self._is_broken = False
        self.setFormatter(_AsJson())

    def filter(self, record: logging.LogRecord) -> bool:
        """Only what is of this run: of its thread, and of no run within it."""
        inner = next((journal for journal in reversed(_journals) if journal._thread == record.thread), None)
        return inner is self and not self._is_broken

    def handleError(self, record: logging.LogRecord) -> None:
        if isinstance(sys.exc_info()[1], OSError):
            self._complain()
        else:
            super().handleError(record)

    def close(self) -> None:
        try:
            super().close()
        except OSError:
            self._complain()

    def _complain(self) -> None:
        if not self._is_broken:
            say(f"retiarii: {self.baseFilename} ends here: {sys.exc_info()[1]}")
        self._is_broken = True


def _prepare(path: Path) -> None:
    """Makes the log, for its owner alone, or ends a line of it that was cut off, so that what follows stands alone."""
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "rb+") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return
        file.seek(-1, os.SEEK_END)
        if file.read() != b"\n":
            file.write(b"\n")


def _write(record: logging.LogRecord) -> None:
    for handler in [*_journals]:
        handler.handle(record)


_LOCK = threading.Lock()
_overhearing = Overhearing(_write)
_journals: list[_File] = []
"""Those of the runs that go on, each in a thread of its own."""


@contextmanager
def journal(folder: Path) -> Iterator[None]:
    """While it is active, what the library logs from INFO on is appended to the log in a folder.

    However the program has set up its loggers, or does so in the meantime, the log has it all, and the program hears
    on its handlers what it would hear without a log. Only `logging.disable` goes for the log as well.

    Raises:
        ExperimentError: the log can't be written.
    """
    try:
        handler = _File(folder / FILE)
    except OSError as error:
        raise ExperimentError(f"{folder / FILE} cannot be written: {error.strerror}") from error
    try:
        _begin(handler)
        yield
    finally:
        _end(handler)


def _begin(handler: _File) -> None:
    with _LOCK:
        _journals.append(handler)
        if len(_journals) == 1:
            _overhearing.start()


def _end(handler: _File) -> None:
    try:
        with _LOCK:
            if handler in _journals:  # else Ctrl-C came first
                _journals.remove(handler)
            if not _journals:
                _overhearing.stop()
    finally:
        handler.close()
