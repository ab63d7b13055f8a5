"""The trials of an engine that have not ended, and what is to be told of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from retiarii.engine import Event, Job, Reported, Started, Stopped
from retiarii.execution.process.messages import End
from retiarii.trial import Report


class Agenda:
    """Keeps the jobs that wait, and the events that nobody has heard yet.

    Attributes:
        waiting: The jobs that no worker has had.
        again: Those that one has had that is gone; they go before the others.
    """

    def __init__(self, host: str) -> None:
        self.waiting: deque[Job] = deque()
        self.again: deque[Job] = deque()
        self._host = host
        self._begun: set[int] = set()
        self._cancelled: set[int] = set()
        self._news: deque[Event] = deque()

    def share(self, workers: int, most: int) -> list[Job]:
        """The jobs for one of several workers, taken out.

        Those that come again come in messages of their own: it is known then which of them kills its worker.
        """
        if self.again:
            return [self.again.popleft()]
        count = min(most, -(-len(self.waiting) // workers))
        return [self.waiting.popleft() for _ in range(count)]

    def begins(self, number: int) -> None:
        if number not in self._begun:
            self._begun.add(number)
            self._news.append(Started(number, self._host))

    def reports(self, number: int, value: Report) -> None:
        self._news.append(Reported(number, value))

    def ends(self, end: End) -> None:
        self._begun.discard(end.number)
        self._cancelled.discard(end.number)
        self._news.append(end)

    def come_back(self, jobs: Iterable[Job]) -> None:
        """Jobs whose worker is gone, and which may not have begun."""
        for job in jobs:
            if job.number in self._cancelled:
                self.ends(Stopped(job.number, 0.0))
            else:
                self.again.append(job)

    def cancel(self, number: int) -> bool:
        """Ends a job that waits; one that does not is kept in mind, and False returned."""
        for queue in (self.waiting, self.again):
            for job in queue:
                if job.number == number:
                    queue.remove(job)
                    self.ends(Stopped(number, 0.0))
                    return True
        self._cancelled.add(number)
        return False

    def tell(self, listen: Callable[[Event], None]) -> tuple[bool, bool]:
        """Tells all news; returns whether there were some, and whether there was more among them than beginnings."""
        has_told, is_more = bool(self._news), False
        while self._news:
            event = self._news.popleft()
            is_more = is_more or type(event) is not Started
            listen(event)
        return has_told, is_more
