"""Lightning without its chatter, without its ways with signals, and without what it leaves switched on."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException

LOGGERS = ("pytorch_lightning", "lightning_fabric")
CHATTER = (
    ".* does not have many workers which may be a bottleneck",
    "GPU available but not used",
    "Checkpoint directory .* exists and is not empty",
    ".* sampler has shuffling enabled",
    "You defined a `validation_step` but have no `val_dataloader`",
    "The number of training batches .* is smaller than the logging interval",
    "Attribute .* is an instance of `nn.Module` and is already saved during checkpointing",
    ".*LeafSpec.* is deprecated",  # how Lightning asks torch, which is not the user's doing
)


@contextmanager
def quietly() -> Iterator[None]:
    """Keeps from the user what Lightning says when all is well, and gives everything back as it was.

    Errors and warnings pass, but for advice that every trial of a search would bring anew. A logger whose level is not
    Lightning's own is left alone. Lightning turns Ctrl-C into `SystemExit` and is deaf to the next one; here it stays
    what it is. A process that ends by SIGTERM says so by its exit code.
    """
    loggers = [logger for logger in map(logging.getLogger, LOGGERS) if logger.level == logging.INFO]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    handler = signal.getsignal(signal.SIGINT)
    try:
        with warnings.catch_warnings():
            for message in CHATTER:
                warnings.filterwarnings("ignore", message)
            yield
    except SIGTERMException as end:
        end.code = 128 + signal.SIGTERM
        raise
    except SystemExit as end:
        if not isinstance(end.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, handler)
        raise end.__context__ from None
    finally:
        for logger in loggers:
            logger.setLevel(logging.INFO)


class SigtermLeftAlone(pl.Callback):
    """Leaves SIGTERM in a training to whoever handled it before: an experiment lets what runs come to its end.

    Lightning would end the training with its batch. Where nobody handles the signal, it still does.
    """

    def __init__(self) -> None:
        self._handler = signal.getsignal(signal.SIGTERM)

    def on_sanity_check_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._give_back()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._give_back()

    def _give_back(self) -> None:
        if callable(self._handler) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handler)


@contextmanager
def settings_kept() -> Iterator[None]:
    """Gives torch back the settings that a trainer's `deterministic` and `benchmark` change for the whole process."""
    is_deterministic = torch.are_deterministic_algorithms_enabled()
    warns_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmarks = torch.backends.cudnn.benchmark
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(is_deterministic, warn_only=warns_only)
        torch.backends.cudnn.benchmark = benchmarks
