"""What is kept from the user, and what is not."""

from __future__ import annotations

import logging
import warnings

import pytest
import pytorch_lightning as pl
from lightning_fabric.utilities.warnings import PossibleUserWarning
from pytorch_lightning.utilities.exceptions import SIGTERMException

from retiarii.evaluators.quiet import quietly

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
