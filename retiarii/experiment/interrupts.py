"""Ctrl-C and SIGTERM: once to finish what runs and stop, twice to stop at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self, TypeAlias

from retiarii.experiment.saying import say

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_Handler: TypeAlias = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None


class Interrupts:
    """While it is active, takes note of the first signal and obeys the second. For the main thread; nothing elsewhere.

    Args:
        shown: Whether to say so on stderr.
    """

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._asked: signal.Signals | None = None
        self._is_patient = self._is_deaf = False
        self._before: dict[signal.Signals, _Handler] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup: that is meant
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @property
    def asked(self) -> str:
        """The name of the signal that asks for an end; empty while there is none."""
        return "" if self._asked is None else self._asked.name

    def obey(self) -> None:
        """Raises what the signal that was received stands for.

        Raises:
            KeyboardInterrupt: it was SIGINT.
            SystemExit: it was SIGTERM; the exit code is 143.
        """
        if self._asked is signal.SIGINT:
            raise KeyboardInterrupt
        if self._asked is not None:
            raise SystemExit(128 + self._asked)

    def be_patient(self) -> None:
        """From now on the first signal lets finish what runs; before, there is nothing to finish."""
        self._is_patient = True

    def be_deaf(self) -> None:
        """From now on signals are noted only: what is left to do takes a moment, and must not be left half done."""
        self._is_deaf = True

    def _receive(self, number: int, frame: FrameType | None) -> None:
        is_first, self._asked = self._asked is None, signal.Signals(number)
        if self._is_deaf:
            return
        if not (is_first and self._is_patient):
            self.obey()
        if self._shown:
            again = "Ctrl-C again" if number == signal.SIGINT else "another one"
            say(f"\nretiarii: {self.asked}: finishing what runs; {again} stops at once")
