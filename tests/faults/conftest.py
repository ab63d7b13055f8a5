"""What tests of faults share: a folder that anybody may look into, and programs that make faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).with_name("programs")


@pytest.fixture
def directory():
    """One that others may look into, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def seen():
    """What a program prints last, as JSON, once it has ended well and with nothing but what is meant on stderr."""

    def run(program, *arguments):
        if not hasattr(os, "fork"):
            pytest.skip("the faults are made with fork, kill and rlimit")
        command = [sys.executable, "-W", "error", PROGRAMS / program, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        said = [line for line in done.stderr.splitlines() if not line.startswith("retiarii: ")]
        assert not said, done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run
