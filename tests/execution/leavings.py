"""What trials may leave to others in the same process. Imports little, since workers import it."""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil


def seen():
    """By which a trial tells in which process it ran, and with what beside it."""
    children = [child.pid for child in psutil.Process().children()]
    return {
        "default": float(os.getpid()),
        "threads": float(threading.active_count()),
        "children": float(len(children)),
        "child": float(max(children, default=0)),
    }


def at_one(act):
    """An evaluation that leaves something in trial 1 only."""

    def evaluate(sample):
        if sample["width"] == 1:
            act()
        return seen()

    return evaluate


def always(act):
    """An evaluation that does something in all trials."""

    def evaluate(sample):
        act()
        return seen()

    return evaluate


def spin():
    while True:
        pass


def have_a_thread(act, count=1, *, daemon):
    for _ in range(count):
        threading.Thread(target=act, name="left-alone", daemon=daemon).start()


def use_for_long():
    time.sleep(600)


@functools.cache
def executor():
    return ThreadPoolExecutor(2, thread_name_prefix="pool")


def use_executor():
    assert list(executor().map(abs, range(-9, 1))) == [*range(9, -1, -1)]


def give_up_on_executor():
    executor().submit(use_for_long)


def drop_executor():
    dropped = [ThreadPoolExecutor(2)]
    dropped.append(dropped)
    dropped[0].submit(abs, 1).result()


@functools.cache
def loader():
    from torch.utils.data import DataLoader  # noqa: PLC0415

    return DataLoader(list(range(4)), num_workers=2, persistent_workers=True)


def use_loader():
    assert len(list(loader())) == 4


def drop_loader():
    from torch.utils.data import _utils  # noqa: PLC0415

    _utils.MP_STATUS_CHECK_INTERVAL = 0.2  # s; so long it waits for each process when it goes as part of a cycle
    dropped = [loader.__wrapped__()]
    dropped.append(dropped)
    next(iter(dropped[0]))


def leave_files(count, *, in_a_cycle=False):
    files = [os.fdopen(os.open(os.devnull, os.O_RDONLY), closefd=True) for _ in range(count)]
    if in_a_cycle:
        files.append(files)
    else:
        sys.left = [*getattr(sys, "left", []), *files]


def exhaust_files():
    """Leaves a child as well."""
    subprocess.Popen(["sleep", "600"])  # noqa: S607
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with contextlib.suppress(OSError):
        while True:
            os.open(os.devnull, os.O_RDONLY)


def leave_a_child_beside_a_loader(sample):
    use_loader()
    if sample["width"] == 1:
        subprocess.Popen(["sleep", "600"])  # noqa: S607
    return seen()


def compute(seconds):
    """Hardly ever asks the system for something: the time that takes is no time of this process to ITIMER_VIRTUAL."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(range(100_000))


def set_timer(timer, sample):
    """The first trial sets it, and does nothing else any more; the second one takes longer."""
    found, is_real = seen(), timer == signal.ITIMER_REAL
    if sample["width"] == 0:
        signal.setitimer(timer, 1.0 if is_real else 0.2)
    elif is_real:
        time.sleep(1.3)
    else:
        compute(0.4)
    return found
