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

FILE = "log.jsonl"

_ROOT = logging.getLogger("retiarii")


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


class _Others(logging.Handler):
    """Hands on, to the handlers of the program, if it has any, no more than they would get without a journal."""

    def take_over(self) -> None:
        self._before = _ROOT.level, _ROOT.propagate
        self._lowest = _ROOT.getEffectiveLevel()
        self._filtered = [self, *_ROOT.handlers]
        for handler in self._filtered:
            handler.addFilter(self._is_wanted)
        _ROOT.setLevel(min(_ROOT.getEffectiveLevel(), logging.INFO))
        _ROOT.propagate = False
        _ROOT.addHandler(self)

    def give_back(self) -> None:
        _ROOT.removeHandler(self)
        for handler in self._filtered:
            handler.removeFilter(self._is_wanted)
        level, _ROOT.propagate = self._before
        _ROOT.setLevel(level)

    def _is_wanted(self, record: logging.LogRecord) -> bool:
        return record.levelno >= self._lowest

    def emit(self, record: logging.LogRecord) -> None:
        if logging.getLogger().handlers:
            logging.getLogger().callHandlers(record)


class _File(logging.FileHandler):
    """The log. Where it can't be written any more, that is said once, and the search goes on while its record can."""

    def __init__(self, path: Path) -> None:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        super().__init__(path, encoding="utf-8")
        self._thread = threading.get_ident()
        self._is_broken = False
        self.setFormatter(_AsJson())

    def filter(self, record: logging.LogRecord) -> bool:
        """Only what is of this run: of its thread, and of no run within it."""
        inner = next((journal for journal in reversed(_journals) if journal._thread == record.thread), None)
        return inner is self and record.levelno >= logging.INFO

    def handleError(self, record: logging.LogRecord) -> None:
        _ROOT.removeHandler(self)
        self._complain()

    def close(self) -> None:
        try:
            super().close()
        except OSError:
            self._complain()

    def _complain(self) -> None:
        if not self._is_broken and sys.stderr is not None:
            print(f"retiarii: {self.baseFilename} ends here: {sys.exc_info()[1]}", file=sys.stderr, flush=True)
        self._is_broken = True


_LOCK = threading.Lock()
_others = _Others()
_journals: list[_File] = []
"""Those of the runs that go on, each in a thread of its own."""


@contextmanager
def journal(folder: Path) -> Iterator[None]:
    """While it is active, what the library logs from INFO on is appended to the log in a folder.

    Raises:
        ExperimentError: the log can't be written.
    """
    try:
        handler = _File(folder / FILE)
    except OSError as error:
        raise ExperimentError(f"{folder / FILE} cannot be written: {error.strerror}") from error
    with _LOCK:
        _journals.append(handler)
        if len(_journals) == 1:
            _others.take_over()
        _ROOT.addHandler(handler)
    try:
        yield
    finally:
        with _LOCK:
            _ROOT.removeHandler(handler)
            _journals.remove(handler)
            if not _journals:
                _others.give_back()
        handler.close()
