"""What is kept from the user, and what is not."""

from __future__ import annotations

import logging
import os
import signal
import warnings

import pytest
import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.warnings import PossibleUserWarning
from pytorch_lightning.utilities.exceptions import SIGTERMException

from retiarii.evaluators.quiet import SigtermLeftAlone, quietly

LIGHTNING = logging.getLogger(pl.__name__)


def test_what_is_said_in_passing_is_not_shown(caplog):
    with caplog.at_level(logging.INFO), quietly():
        logging.getLogger("pytorch_lightning.utilities").info("GPU available: no")
        warnings.warn("The 'train_dataloader' does not have many workers which may be a bottleneck.", stacklevel=1)
    assert not caplog.records


def test_other_warnings_and_errors_pass():
    with pytest.warns(PossibleUserWarning, match="on the wrong device"), quietly():
        warnings.warn("on the wrong device", PossibleUserWarning, stacklevel=1)
    with pytest.raises(SystemExit, match="2"), quietly():
        raise SystemExit(2)


def test_an_end_by_sigterm_is_told_by_the_exit_code():
    with pytest.raises(SystemExit) as caught, quietly():
        raise SIGTERMException
    assert caught.value.code == 143


def trained_with_sigterm():
    """The epochs of two that a training comes to which gets SIGTERM in the first."""

    class Signalled(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)
            self.epochs = 0

        def training_step(self, batch):
            os.kill(os.getpid(), signal.SIGTERM)
            return self.layer(batch).sum()

        def on_train_epoch_end(self):
            self.epochs += 1

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    module = Signalled()
    settings = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    with quietly():
        trainer = pl.Trainer(max_epochs=2, callbacks=[SigtermLeftAlone()], enable_model_summary=False, **settings)
        trainer.fit(module, torch.ones(3, 1))
    return module.epochs


def test_sigterm_is_left_to_who_handled_it_before():
    heard = []

    def hear(number, frame):
        heard.append(number)

    before = signal.signal(signal.SIGTERM, hear)
    try:
        assert trained_with_sigterm() == 2
        assert heard == [signal.SIGTERM] * 6
        assert signal.getsignal(signal.SIGTERM) is hear
    finally:
        signal.signal(signal.SIGTERM, before)


def test_sigterm_that_nobody_handles_ends_a_training():
    with pytest.raises(SystemExit) as caught:
        trained_with_sigterm()
    assert caught.value.code == 143


def test_a_level_of_the_users_is_left_alone():
    before = LIGHTNING.level
    LIGHTNING.setLevel(logging.DEBUG)
    try:
        with quietly():
            assert LIGHTNING.level == logging.DEBUG
    finally:
        LIGHTNING.setLevel(before)


def test_levels_and_filters_are_given_back_after_an_error():
    level, filters = LIGHTNING.level, [*warnings.filters]
    with pytest.raises(ZeroDivisionError), quietly():
        raise ZeroDivisionError
    assert LIGHTNING.level == level
    assert warnings.filters == filters
