"""The Ray cluster that an engine runs on: found or started, asked what it holds, and left."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ray

from retiarii.errors import ExperimentError

_log = logging.getLogger(__name__)

_PATIENCE = 15.0
_PAUSE = 0.5

_OPTIONS = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}


class Cluster:
    """A cluster as one engine sees it.

    Args:
        address: As `ray.init` takes it; by default that of `RAY_ADDRESS`, or else a new cluster on this machine. The
            one that this process has joined already is used in any case.
        need: What a trial takes, by the names of Ray.
        workers: How many trials are to run at a time; by default as many as there is room for.
    """

    def __init__(self, address: str | None, need: Mapping[str, float], workers: int | None) -> None:
        self._address = address
        self._need = need
        self._workers = workers
        self._is_joined_here = False

    def join(self) -> int:
        """Joins the cluster, or starts it.

        Returns:
            How many trials may run at a time.

        Raises:
            ExperimentError: there is none, it can't be started, or it has no room for a single trial.
        """
        address = self._address or os.environ.get("RAY_ADDRESS") or "local"
        is_started = False
        if not ray.is_initialized():
            self._is_joined_here = True
            is_started = address == "local"
            self._init(address)
        return self._places(may_grow=not is_started)

    def leave(self) -> None:
        """Leaves the cluster, which ends one that was started here. One that was joined before stays so."""
        if not self._is_joined_here:
            return
        self._is_joined_here = False
        ray.shutdown()

    def options(self) -> dict[str, Any]:
        """What an actor that runs a trial at a time asks the cluster for."""
        others = {name: amount for name, amount in self._need.items() if name not in _OPTIONS}
        return {**{_OPTIONS[name]: self._need[name] for name in _OPTIONS if name in self._need}, "resources": others}

    def _init(self, address: str) -> None:
        settings: dict[str, Any] = {"address": address, "logging_level": logging.ERROR}
        if address == "local":
            settings["include_dashboard"] = False
            if self._workers is not None and self._workers * self._need["CPU"] > (os.cpu_count() or 1):
                settings["num_cpus"] = -int(-self._workers * self._need["CPU"] // 1)
        try:
            _knock(address)
            with _signals_kept():
                ray.init(**settings)
        except Exception as error:
            what = "no Ray cluster could be started" if address == "local" else f"no Ray cluster answers at {address!r}"
            raise ExperimentError(f"{what}: {type(error).__name__}: {error}") from error
        _log.info("Ray: %s", "started a cluster on this machine" if address == "local" else f"joined {address}")

    def _places(self, *, may_grow: bool) -> int:
        nodes = [node["Resources"] for node in _nodes() if node["Alive"]]
        fitting = sum(min(_times(node.get(name, 0.0), amount) for name, amount in self._need.items()) for node in nodes)
        if fitting == 0 and not (may_grow and self._workers is not None):
            held = [{name: node[name] for name in ("CPU", "GPU", *self._need) if name in node} for node in nodes]
            raise ExperimentError(
                f"no node of the Ray cluster has room for a trial, which takes {dict(self._need)}; they have {held}; "
                "ask for less in resources_per_trial, or say workers=... if the cluster grows by itself"
            )
        if fitting == 0:
            _log.warning("Ray: no node has room for a trial, which takes %s; waiting for one", dict(self._need))
        return self._workers if self._workers is not None else fitting


def is_alive(node: str) -> bool:
    """Whether the cluster still counts on a node, by its identifier."""
    return any(known["NodeID"] == node and known["Alive"] for known in _nodes())


def _knock(address: str) -> None:
    """Sees whether anybody is at an address, of whom Ray would wait to hear for minutes.

    Raises:
        OSError: nobody has been for a while.
    """
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        return
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), max(until - time.monotonic(), _PAUSE)).close()
        except OSError:
            if time.monotonic() + _PAUSE > until:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _nodes() -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return nodes


def _times(amount: float, need: float) -> int:
    """How often `need` is in `amount`; without need as often as anybody may want."""
    return int(amount / need + 1e-9) if need > 0 else 2**31


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Leaves the signals as they are: Ray would take SIGTERM over."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            if handler is not None:
                signal.signal(number, handler)
