"""What the tests of one-shot strategies share lies in files beside them, under names that begin with `one_shot_`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
