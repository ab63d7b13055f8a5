"""Messages between an engine and its workers, and what else comes between them."""

from __future__ import annotations

import functools
import pickle
import socket
import time

import pytest
from accidents import write_everywhere
from trials import ends_of, jobs, opened

from retiarii.engine import Completed, Failed
from retiarii.execution import ProcessEngine
from retiarii.execution.process.channel import Channel, Garbled


@pytest.mark.parametrize("garbage", [b"\xff" * 100, b"\0" * 100])
@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize("wait", [True, False])
def test_messages_that_came_whole_before_something_else_are_not_lost(garbage, size, wait):
    mine, other = socket.socketpair()
    mine.settimeout(60)
    other.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * size + 10_000)
    sender, channel, received = Channel(other), Channel(mine), []
    messages = [b"a" * size, b"b"]
    sender.send_bytes([*map(pickle.dumps, messages)])
    other.sendall(garbage)
    with pytest.raises(Garbled) as caught:
        while True:
            received += channel.receive(wait=wait)
    assert received + caught.value.before == messages
    sender.close()
    channel.close()


def test_a_trial_that_has_ended_does_not_run_again_when_the_next_one_writes_into_the_socket(tmp_path):
    def evaluate(sample):
        with (tmp_path / "notes").open("a") as notes:
            notes.write(f"{sample['width']} ")
        if sample["width"] == 1:
            functools.partial(write_everywhere, b"\xff" * 100)()
        time.sleep(0.1)  # so that its end is told at once
        return 1.0

    with opened(ProcessEngine(workers=1, trials_per_message=2), evaluate) as engine:
        engine.submit(jobs(2))
        time.sleep(1)  # so that all that is said comes together
        ends = ends_of(engine, [], many=2)
    assert [type(ends[number]) for number in (0, 1)] == [Completed, Failed]
    assert (tmp_path / "notes").read_text().split().count("0") == 1
