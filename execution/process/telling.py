"""How a worker tells what happens: the ends of several trials at once, where they are short."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from retiarii.execution.process.channel import Channel, Closed
from retiarii.execution.process.messages import Message, Word
from retiarii.trial import Report

_INTERVAL = 0.02


class Telling:
    """Sends messages at once or, within `little_by_little`, every 20 ms.

    Args:
        channel: Blocking.
        hear: Is given what has come through it when a trial reports.
    """

    def __init__(self, channel: Channel, hear: Callable[[Sequence[Any]], None]) -> None:
        self._channel = channel
        self._hear = hear
        self._collected: list[Message] = []
        self._running: int | None = None
        self._reporting: int | None = None
        self._collects = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def begins(self, number: int) -> None:
        """Says which trial may report, until its end is told."""
        self._reporting = number

    def report(self, number: int, value: Report) -> None:
        """Sends what a trial reports, and hears; nothing if the trial has ended, as for a thread of it that is late."""
        with self._lock:
            if self._reporting != number:
                return
            self._running = None
            self._collected.append((Word.REPORTED, number, value))
            self._send()
            self._hear(self._channel.receive(wait=False))  # which nobody else does before the end is told

    def runs(self, number: int) -> None:
        """Says which trial runs now, which is told if it takes longer than the next 20 ms."""
        self._running = number

    def tell(self, message: Message) -> None:
        """Sends a message, and before it what has waited."""
        with self._lock:
            self._running = self._reporting = None
            self._collected.append(message)
            self._send()

    def tell_soon(self, message: Message) -> bool:
        """Tells the end of a trial; it may wait where nobody has heard of the trial, or else it would seem to run on.

        Returns:
            Whether it was told at once.
        """
        with self._lock:
            is_known = self._running is None
            self._running = self._reporting = None
            self._collected.append(message)
            if is_known:
                self._send()
        return is_known

    @contextmanager
    def little_by_little(self) -> Iterator[None]:
        """Lets messages wait that may; on leaving all are sent."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_again_and_again, name="retiarii-telling", daemon=True)
            self._thread.start()
        self._collects.set()
        yield
        self._collects.clear()
        with self._lock:
            self._send()

    def _send_again_and_again(self) -> None:
        try:
            while self._collects.wait():
                time.sleep(_INTERVAL)
                with self._lock:
                    self._say_what_runs()
                    self._send()
        except Closed:
            return  # the thread that works finds out by itself

    def _say_what_runs(self) -> None:
        if self._running is not None:
            self._collected.append((Word.RUNNING, self._running))
            self._running = None

    def _send(self) -> None:
        if self._collected:
            self._channel.send(self._collected)
            self._collected = []
