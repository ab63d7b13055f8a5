"""What may happen to a process that runs trials. Imports little, since workers import it."""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import os
import signal
import stat
import subprocess
import sys
import threading
import time

from retiarii import report_intermediate
from retiarii.evaluator import TrialStopped


def at_one(act):
    """An evaluation in which something happens in trial 1 only."""

    def evaluate(sample):
        if sample["width"] == 1:
            act()
        return float(sample["width"])

    return evaluate


def process(sample):
    return float(os.getpid())


def kill_oneself():
    print("these were its last words")
    os.kill(os.getpid(), signal.SIGKILL)


def crash():
    ctypes.string_at(0)


def leave():
    os._exit(3)


def quit_politely():
    raise SystemExit(3)


def interrupt():
    raise KeyboardInterrupt


def sleep():
    time.sleep(600)


def stop_oneself():
    os.kill(os.getpid(), signal.SIGSTOP)


def come_back_twice():
    child = os.fork()
    if child:
        os.waitpid(child, 0)


def report_from_a_fork():
    child = os.fork()
    if not child:
        try:
            report_intermediate({"value": 1.0})
        except TrialStopped:
            os._exit(7)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    raise ValueError(f"the child ended with {os.waitstatus_to_exitcode(status)}")


class Late(float):
    """A number that can't be told before the next trial lets it."""

    asked, may_be_told, reporting = threading.Event(), threading.Event(), []

    def __float__(self):
        self.asked.set()
        self.may_be_told.wait()
        return 1.0


def report_late(sample):
    """The first trial ends while a thread of it is about to report, which that does while the second one runs."""
    if sample["width"] == 0:
        run = contextvars.copy_context().run
        Late.reporting.append(threading.Thread(target=run, args=(report_intermediate, Late()), daemon=True))
        Late.reporting[0].start()
        Late.asked.wait()
    else:
        Late.may_be_told.set()
        Late.reporting[0].join()
    return 1.0


def fill_pipe(sample):
    """Prints more than there is room for, and does not wait; then what is left of that is for others to see to."""
    os.set_blocking(1, False)
    for _ in range(1000):
        with contextlib.suppress(BlockingIOError):
            os.write(1, b"x" * 70_000)
    return 1.0


def write_everywhere(data):
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                os.write(number, data)
    time.sleep(600)


def have_a_thread():
    threading.Thread(target=time.sleep, args=(600,)).start()


def take_memory():
    """Ever more, up to 600 MB."""
    kept = []
    for _ in range(60):
        kept.append(b"x" * 10**7)
        time.sleep(0.05)
    time.sleep(600)


def let_a_child_take_memory():
    subprocess.run([sys.executable, "-c", "x = b'x' * 10**9; import time; time.sleep(600)"], check=True)


def share_memory():
    kept = b"x" * 150_000_000
    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            time.sleep(1)
            os._exit(not kept)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


class Owner:
    """Part of a cycle, and ends its process when it goes."""

    def __init__(self):
        self.itself = self
        self.child = subprocess.Popen(["sleep", "600"])  # noqa: S607

    def __del__(self):
        self.child.kill()
        self.child.wait()


def own_a_child(sample):
    Owner()
    return process(sample)


def keep_memory(sample):
    sys.kept = [*getattr(sys, "kept", []), b"x" * 150_000_000]
    return process(sample)


def leave_children(note):
    """A child, one with a session of its own, and an orphan that has one too."""
    children = [subprocess.Popen(["sleep", "600"], start_new_session=own) for own in (False, True)]  # noqa: S607
    command = ["sh", "-c", "setsid sleep 600 >&- 2>&- & echo $!"]
    orphan = subprocess.run(command, capture_output=True, text=True, check=True)
    note.write_text(" ".join([*(str(child.pid) for child in children), orphan.stdout]))


def print_much(sample):
    if sample["width"] == 0:
        for _ in range(2_000):
            os.write(1, b"x" * 100_000)
    print("this is", sample["width"], "\udcff", end="")
    print("and this", file=sys.stderr)
    os.write(2, b"and that")
    return 1.0


def hear_signals(sample):
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)
    with subprocess.Popen(["sleep", "600"]) as child:  # noqa: S607
        child.terminate()
    return float(child.returncode)
