"""Messages through a socket, each preceded by its length."""

from __future__ import annotations

import contextlib
import pickle
import socket
import struct
from collections import deque
from collections.abc import Sequence
from itertools import chain
from typing import Any

_LENGTH = struct.Struct("!Q")
_PIECE = 1 << 16
_PIECES = 64
_LONGEST = 1 << 40  # bytes: no message is that long, while text in its place says it is


class Closed(Exception):
    """The process on the other side has gone."""


class Garbled(Exception):
    """Something other than messages has been written into the socket.

    Attributes:
        before: The messages that came whole before it.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.before: list[Any] = []


class Channel:
    """One end of a stream socket between a process and one that it has started.

    Args:
        end: A connected socket. Where it is not blocking, `send` doesn't wait either.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._coming = bytearray()
        self._going: deque[bytes | memoryview] = deque()

    def fileno(self) -> int:
        return self._end.fileno()

    @property
    def is_behind(self) -> bool:
        """Whether something waits to be sent until the other side has read."""
        return bool(self._going)

    def send(self, message: Any) -> None:
        """Sends what pickle can hold; see `send_bytes`."""
        self.send_bytes([pickle.dumps(message, pickle.HIGHEST_PROTOCOL)])

    def send_bytes(self, messages: Sequence[bytes]) -> None:
        """Sends pickled messages, or as much of them as there is room for; `flush` sends the rest.

        Raises:
            Closed: nobody is there to read them.
        """
        lengths = [*map(len, messages)]
        framed = chain.from_iterable(zip(map(_LENGTH.pack, lengths), messages, strict=True))
        if sum(lengths) < _PIECE:
            self._going.append(b"".join(framed))
        else:
            self._going.extend(map(memoryview, framed))
        self.flush()

    def flush(self) -> None:
        """Goes on sending."""
        going = self._going
        while going:
            try:
                sent = self._end.send(going[0])
            except BlockingIOError:
                return
            except OSError as error:
                raise Closed from error
            if sent == len(going[0]):
                going.popleft()
            else:
                going[0] = memoryview(going[0])[sent:]

    def receive(self, *, wait: bool) -> list[Any]:
        """The messages that have come since the last call.

        Args:
            wait: Whether to wait until there is something, though it may be no more than a part of a message.

        Raises:
            Closed: nothing more will come.
            Garbled: what has come can't be read.
        """
        messages: list[Any] = []
        if wait:
            self._take_apart(self._read(0), messages)
            return messages
        for _ in range(_PIECES):
            try:
                data = self._read(socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except Closed:
                if messages:
                    break  # which the next call tells
                raise
            self._take_apart(data, messages)
            if len(data) < _PIECE:
                break
        return messages

    def _read(self, flags: int) -> bytes:
        try:
            data = self._end.recv(_PIECE, flags)
        except BlockingIOError:
            raise
        except OSError as error:
            raise Closed from error
        if not data:
            raise Closed
        return data

    def finish(self) -> None:
        """Tells the other side that nothing more will be sent."""
        with contextlib.suppress(OSError):  # nobody is there any more
            self._end.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._going.clear()
        self._end.close()

    def _take_apart(self, data: bytes, messages: list[Any]) -> None:
        whole = _LENGTH.size + int.from_bytes(data[: _LENGTH.size], "big")
        try:
            if not self._coming and len(data) == whole:
                messages.append(_loaded(memoryview(data)[_LENGTH.size :]))
                return
            self._coming += data
            while (message := self._first()) is not None:
                messages.append(_loaded(message))
        except Garbled as error:
            error.before = messages
            raise

    def _first(self) -> bytearray | None:
        """The first message of what has come, taken out, if it is there as a whole."""
        if len(self._coming) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._coming)
        if length > _LONGEST:
            raise Garbled(f"a message of {length} bytes is announced")
        end = _LENGTH.size + length
        if len(self._coming) < end:
            return None
        message = self._coming[_LENGTH.size : end]
        del self._coming[:end]
        return message


def _loaded(data: bytearray | memoryview) -> Any:
    try:
        return pickle.loads(data)  # noqa: S301  (between this process and its own)
    except Exception as error:
        raise Garbled(f"{type(error).__name__}: {error}") from error
