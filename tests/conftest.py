"""Settings for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# Small models gain nothing from threads, and lose much on a busy machine; set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A slow or busy machine is no failure, and the same examples are tried everywhere.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
