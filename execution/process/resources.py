"""Cores, GPUs and memory: how many workers there are, and what each may use."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from retiarii.errors import ExperimentError

Devices: TypeAlias = Literal["auto", "cpu"] | Sequence[int | str]

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_OPENMP = "OMP_NUM_THREADS"
_THREADS = (_OPENMP, "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d*)?)\s*([KMGT]I?|)B?\s*", re.IGNORECASE)


def cores() -> int:
    """How many this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable, _quota(usable)))


def gpus(devices: Devices) -> list[str]:
    """The GPUs to share out, as CUDA names them; found without loading torch.

    Raises:
        ExperimentError: `devices` is not understood.
    """
    if devices == "cpu":
        return []
    if devices == "auto":
        return _visible_gpus()
    if not isinstance(devices, list | tuple | range) or not devices or not all(map(_is_gpu, devices)):
        raise ExperimentError(f"devices is {devices!r}; expected 'auto', 'cpu' or a list of GPUs such as [0, 1]")
    return [str(device) for device in devices]


def environment(worker: int, workers: int, devices: Devices) -> dict[str, str]:
    """The environment of a worker: a GPU, where there are some, and its share of the cores.

    A limit of threads that is set to less stays; that of OpenMP holds for libraries that have none of their own.
    """
    own = dict(os.environ)
    share = max(1, cores() // workers)
    otherwise = _number(own, _OPENMP, share)
    for name in _THREADS:
        own[name] = str(min(share, _number(own, name, otherwise)))
    found = gpus(devices)
    if devices == "cpu":
        own[_VISIBLE] = ""
    elif found:
        own[_VISIBLE] = found[worker % len(found)]
    return own


def amount(memory: int | str, name: str) -> int:
    """Bytes, given as such or as a text such as "4GB" (10**9) or "512 MiB" (2**20).

    Raises:
        ExperimentError: it is neither; `name` says of what.
    """
    known = _AMOUNT.fullmatch(memory) if isinstance(memory, str) else None
    count = int(float(known[1]) * _UNITS[known[2].upper()]) if known else memory
    if isinstance(count, bool) or not isinstance(count, int) or count <= 0:
        raise ExperimentError(f"{name} is {memory!r}; expected a number of bytes, or a text such as '4GB' or '512MiB'")
    return count


def readable(count: float) -> str:
    """Bytes for a reader: "5.1 GB"."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:  # noqa: PLR2004
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def _visible_gpus() -> list[str]:
    named = os.environ.get(_VISIBLE)
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() not in ("", "-1")]
    torch = sys.modules.get("torch")
    count = torch.cuda.device_count() if torch is not None else len(list(Path("/dev").glob("nvidia[0-9]*")))
    return [str(number) for number in range(count)]


def _is_gpu(device: Any) -> bool:
    """Whether CUDA may know a GPU by that: a number, or a name such as "GPU-8932f937", but not torch's "cuda:0"."""
    if isinstance(device, str):
        return bool(device.strip()) and not set(",:") & {*device} and not device.startswith("-")
    return isinstance(device, int) and not isinstance(device, bool) and device >= 0


def _number(own: Mapping[str, str], name: str, otherwise: int) -> int:
    text = own.get(name, "").partition(",")[0].strip()  # of OpenMP's, more are for nested levels
    return int(text) if text.isdecimal() and int(text) > 0 else otherwise


def _quota(otherwise: int) -> int:
    """The processor time that a container is allowed, in cores."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return otherwise
    return otherwise if quota == "max" else -(-int(quota) // int(period))
