"""What a worker tells of its trials, and when."""

from __future__ import annotations

import pytest
from accidents import report_late
from trials import ends_of, jobs, opened

from retiarii.engine import Completed, Reported
from retiarii.execution import ProcessEngine


@pytest.mark.parametrize("per_message", [1, 2])
def test_a_thread_that_reports_when_its_trial_has_ended_is_not_heard(per_message):
    events = []
    with opened(ProcessEngine(workers=1, trials_per_message=per_message), report_late) as engine:
        ends = ends_of(engine, jobs(2), events.append)
    assert all(isinstance(end, Completed) for end in ends.values()), ends
    assert not [event for event in events if isinstance(event, Reported)]
