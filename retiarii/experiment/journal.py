"""What happens during a run, a JSON object a line, for programs that follow it and for the day after."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retiarii.errors import ExperimentError

FILE = "log.jsonl"

_ROOT = logging.getLogger("retiarii")


class _AsJson(logging.Formatter):
    """Time in seconds since the epoch, level, logger, message, and what the record has as `extra={"about": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": round(record.created, 6),
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
        self.setLevel(_ROOT.getEffectiveLevel())
        _ROOT.setLevel(min(_ROOT.getEffectiveLevel(), logging.INFO))
        _ROOT.propagate = False
        _ROOT.addHandler(self)

    def give_back(self) -> None:
        _ROOT.removeHandler(self)
        level, _ROOT.propagate = self._before
        _ROOT.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        if logging.getLogger().handlers:
            logging.getLogger().callHandlers(record)


class _File(logging.FileHandler):
    """The log. Where it can't be written any more, that is said once, and the search goes on while its record can."""

    _is_broken = False

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
        handler = _File(folder / FILE, encoding="utf-8")
    except OSError as error:
        raise ExperimentError(f"{folder / FILE} cannot be written: {error.strerror}") from error
    thread = threading.get_ident()
    handler.addFilter(lambda record: record.levelno >= logging.INFO and record.thread == thread)
    handler.setFormatter(_AsJson())
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
