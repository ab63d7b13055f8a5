"""What the library logs, heard before the program's logging configuration has its say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

_NAME = "retiarii"
_LOWEST = logging.INFO
_WAYS = ("isEnabledFor", "handle")
"""By which a record comes to a logger."""

_MANAGER = logging.Logger.manager


class Overhearing:
    """Hears what the loggers of the library are given from INFO on, whatever their levels, filters and handlers are.

    Of those it changes nothing, so a program may set them as it likes in the meantime, and hears what it would hear
    without. What is switched off by `logging.disable` is not heard.

    Args:
        listen: Gets each record, in the thread that logs it.
    """

    def __init__(self, listen: Callable[[logging.LogRecord], None]) -> None:
        self._listen = listen
        self._tapped: list[tuple[logging.Logger, Mapping[str, Any]]] = []
        self._maker: type[logging.Logger] | None = None

    def start(self) -> None:
        self._maker = _MANAGER.loggerClass
        _MANAGER.loggerClass = self._made  # type: ignore[assignment]  # it is only called
        for logger in [*_MANAGER.loggerDict.values()]:
            if isinstance(logger, logging.Logger):
                self._tap(logger)

    def stop(self) -> None:
        if _MANAGER.loggerClass == self._made:
            _MANAGER.loggerClass = self._maker
        for logger, before in reversed(self._tapped):
            for way in _WAYS:
                vars(logger).pop(way, None)
            vars(logger).update(before)
        self._tapped.clear()

    def _made(self, name: str) -> logging.Logger:
        """The logger that the program would get, of a module that is imported in the meantime."""
        logger = (self._maker or logging.getLoggerClass())(name)
        self._tap(logger)
        return logger

    def _tap(self, logger: logging.Logger) -> None:
        if logger.name != _NAME and not logger.name.startswith(f"{_NAME}."):
            return
        before = {way: getattr(logger, way) for way in _WAYS if way in vars(logger)}
        is_enabled_for_others, hand_on = logger.isEnabledFor, logger.handle

        def is_enabled_for(level: int) -> bool:
            return _MANAGER.disable < level and (level >= _LOWEST or is_enabled_for_others(level))

        def handle(record: logging.LogRecord) -> None:
            if record.levelno >= _LOWEST:
                self._listen(record)
            # Where nobody has handlers, Python would print warnings, of which the outcome tells anyway.
            if is_enabled_for_others(record.levelno) and logger.hasHandlers():
                hand_on(record)

        vars(logger).update(isEnabledFor=is_enabled_for, handle=handle)
        self._tapped.append((logger, before))
