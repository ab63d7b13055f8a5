"""What the log of an experiment hears, and what the program does, however that configures logging."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from contextlib import nullcontext

import pytest

from retiarii.experiment.journal import FILE, journal


def lines(folder):
    return [json.loads(line) for line in (folder / FILE).read_text(encoding="utf-8").splitlines()]


class Heard(logging.Handler):
    """Writes down what the program's own handlers get."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


@pytest.fixture
def ours():
    """The logger of the library, which comes back as it was."""
    logger = logging.getLogger("retiarii")
    found = {**vars(logger), "handlers": [*logger.handlers]}
    yield logger
    vars(logger).update(found)
    logger.setLevel(logger.level)  # makes all loggers look anew


@pytest.mark.parametrize(
    ("level", "heard"),
    [(logging.NOTSET, ["much"]), (logging.INFO, ["some", "much"]), (logging.DEBUG, ["little", "some", "much"])],
)
def test_a_program_hears_on_its_own_handlers_what_it_would_without(tmp_path, level, heard):
    root, ours, handler = logging.getLogger(), logging.getLogger("retiarii"), Heard()
    before = root.level, ours.level
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    ours.setLevel(level)
    try:
        for context in (nullcontext(), journal(tmp_path)):
            handler.messages.clear()
            with context:
                logging.getLogger("retiarii.anywhere").debug("little")
                logging.getLogger("retiarii.anywhere").info("some")
                logging.getLogger("retiarii.anywhere").warning("much")
            assert handler.messages == heard
    finally:
        root.removeHandler(handler)
        root.setLevel(before[0])
        ours.setLevel(before[1])
    assert [line["message"] for line in lines(tmp_path)] == ["some", "much"]


def test_a_program_that_has_handlers_of_its_own_for_the_library_hears_each_line_once(tmp_path, ours):
    heard, heard_above = Heard(), Heard()
    ours.addHandler(heard)
    ours.propagate = False
    logging.getLogger().addHandler(heard_above)
    with journal(tmp_path):
        logging.getLogger("retiarii.anywhere").warning("once")
    logging.getLogger().removeHandler(heard_above)
    assert (heard.messages, heard_above.messages) == (["once"], [])
    assert [line["message"] for line in lines(tmp_path)] == ["once"]


@pytest.mark.parametrize("is_before", [True, False])
@pytest.mark.parametrize(
    "setting", [{"disabled": True}, {"level": logging.ERROR}, {"propagate": False}, {"filters": [lambda record: False]}]
)
def test_no_setting_of_a_logger_keeps_anything_from_the_log(tmp_path, ours, setting, is_before):
    below = logging.getLogger("retiarii.anywhere.below")
    found = vars(below).copy()
    if is_before:
        vars(below).update(setting)
    with journal(tmp_path):
        below.info("first")
        vars(below).update(setting)
        below.info("second")
    assert [line["message"] for line in lines(tmp_path)] == ["first", "second"]
    assert {name: vars(below)[name] for name in setting} == setting
    vars(below).update(found)


def test_what_a_program_sets_in_the_meantime_stays(tmp_path, ours):
    heard, before = Heard(), set(vars(ours))
    with journal(tmp_path):
        ours.addHandler(heard)
        ours.setLevel(logging.ERROR)
        ours.propagate = False
    assert (ours.level, ours.propagate, ours.handlers) == (logging.ERROR, False, [heard])
    assert set(vars(ours)) == before


def test_what_is_switched_off_for_all_loggers_is_switched_off_for_the_log(tmp_path):
    with journal(tmp_path):
        logging.disable(logging.INFO)
        try:
            logging.getLogger("retiarii.anywhere").info("some")
            logging.getLogger("retiarii.anywhere").warning("much")
        finally:
            logging.disable(logging.NOTSET)
    assert [line["message"] for line in lines(tmp_path)] == ["much"]


def test_loggers_are_heard_that_are_made_in_the_meantime_and_are_what_the_program_wants(tmp_path):
    class Marked(logging.Logger):
        pass

    logging.setLoggerClass(Marked)
    try:
        with journal(tmp_path):
            late = logging.getLogger(f"retiarii.late.{tmp_path.name}")
            late.info("from a module imported late")
            another = logging.getLogger(f"another.{tmp_path.name}")
    finally:
        logging.setLoggerClass(logging.Logger)
    assert [type(late), type(another)] == [Marked, Marked]
    assert [line["message"] for line in lines(tmp_path)] == ["from a module imported late"]
    late.info("no run goes on")
    assert len(lines(tmp_path)) == 1
    assert type(logging.getLogger(f"after.{tmp_path.name}")) is logging.Logger


def test_what_makes_loggers_stays_if_it_is_set_in_the_meantime(tmp_path):
    class Marked(logging.Logger):
        pass

    manager = logging.Logger.manager
    before = manager.loggerClass
    try:
        with journal(tmp_path):
            manager.setLoggerClass(Marked)
        assert manager.loggerClass is Marked
    finally:
        manager.loggerClass = before


CONFIGURED = """
import logging.config
import sys

from retiarii import Callback
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment import Experiment
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS, SampleSpace

ALONE = {"loggers": {"retiarii": {"level": "INFO", "handlers": ["out"], "propagate": False}}}


class Configuring(Callback):
    def on_trial_end(self, trial):
        if trial.number == 1:
            configure()


def configure():
    out = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
    root = {"level": "INFO", "handlers": ["out"]}
    logging.config.dictConfig({"version": 1, "handlers": {"out": out}, "root": root, **(ALONE if alone else {})})


alone = sys.argv[3] == "alone"
if sys.argv[2] == "before":
    configure()
evaluator = FunctionalEvaluator(len, argument="sample")
options = {"directory": sys.argv[1], "name": "one", "max_trials": 4}
Experiment(SampleSpace(DOMAINS["flat"]), evaluator, GridSearch(), callbacks=[Configuring()], **options).run(False)
"""


@pytest.mark.parametrize("when", ["before", "meanwhile"])
@pytest.mark.parametrize("how", ["root", "alone"])
def test_a_program_may_configure_all_of_logging(tmp_path, when, how):
    """Which disables all loggers that there are, but for those it names, and takes their handlers away."""
    command = [sys.executable, "-W", "error", "-c", CONFIGURED, str(tmp_path), when, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = lines(tmp_path / "one")
    assert [line["trial"] for line in found if "trial" in line] == [0, 1, 2, 3]
    assert found[-1]["message"] == "the run ends: the limit of 4 trials is reached"
    heard = done.stdout.splitlines()
    assert len(heard) == len(set(heard))
    assert bool(heard) == (how == "alone")
    assert not done.stderr
