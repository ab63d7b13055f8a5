"""The log of an experiment."""

from __future__ import annotations

import json
import logging
import os
import time
from datetime import datetime

import pytest

from retiarii import Experiment, ExperimentError
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment.journal import FILE, journal
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS, SampleSpace

HOSTILE = 'ü 😀\n{"level": "error"}\x1b[31m<script>alert(1)</script>; DROP TABLE trial --'


def lines(folder):
    """Those of a log: each is an object, and no line is left over."""
    text = (folder / FILE).read_text(encoding="utf-8")
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def experiment(tmp_path, function=lambda sample: float(sample["width"]), **options):
    evaluator = FunctionalEvaluator(function, argument="sample")
    options = {"name": "one", "seed": 3, **options}
    return Experiment(SampleSpace(DOMAINS["flat"]), evaluator, GridSearch(), directory=tmp_path, **options)


def test_what_happens_in_a_search_is_logged(tmp_path):
    def picky(sample):
        if sample["width"] == 32:
            raise ValueError(HOSTILE)
        return float(sample["width"])

    begin = time.time()
    experiment(tmp_path, picky, max_trials=3).run(progress=False)
    found = lines(tmp_path / "one")
    times = [datetime.fromisoformat(line["time"]).timestamp() for line in found]
    assert all(begin - 1 < when < time.time() + 1 for when in times)
    assert {line["level"] for line in found} == {"info"}
    assert all(line["logger"].startswith("retiarii.experiment") for line in found)
    assert (found[0]["seed"], found[0]["pid"]) == (3, os.getpid())
    trials = [{name: line[name] for name in ("trial", "state", "metric")} for line in found if "trial" in line]
    assert trials == [
        {"trial": 0, "state": "completed", "metric": 16.0},
        {"trial": 1, "state": "completed", "metric": 16.0},
        {"trial": 2, "state": "failed", "metric": None},
    ]
    assert "😀" in next(line["error"] for line in found if line.get("state") == "failed")
    assert found[-1]["message"] == "the run ends: the limit of 3 trials is reached"


def test_a_second_run_goes_on_in_the_same_log(tmp_path):
    for limit in (2, 4):
        experiment(tmp_path, max_trials=limit).run(progress=False)
    assert [line["trial"] for line in lines(tmp_path / "one") if "trial" in line] == [0, 1, 2, 3]


@pytest.mark.parametrize("lost", [1, 40])
def test_a_line_that_was_cut_off_spoils_no_other(tmp_path, lost):
    experiment(tmp_path, max_trials=2).run(progress=False)
    log = tmp_path / "one" / FILE
    whole = log.read_bytes()
    log.write_bytes(whole[:-lost])
    experiment(tmp_path, max_trials=3).run(progress=False)
    now = log.read_bytes()
    assert now.startswith(whole[:-lost] + b"\n{")
    after = [json.loads(line) for line in now[len(whole) - lost + 1 :].splitlines()]
    assert [line["trial"] for line in after if "trial" in line] == [2]


def test_a_log_that_is_whole_stays_as_it_is(tmp_path):
    for content in (b"", b'{"message": "before"}\n'):
        (tmp_path / FILE).write_bytes(content)
        with journal(tmp_path):
            pass
        assert (tmp_path / FILE).read_bytes() == content


@pytest.mark.parametrize(
    "name", [HOSTILE.replace("/", "|"), "; DROP TABLE trial --", "\udcff", "..x", "-rf", " ", "%s"]
)
def test_names_may_be_anything_that_a_folder_can_be_called(tmp_path, name):
    experiment(tmp_path, max_trials=2, name=name).run(progress=False)
    found = lines(tmp_path / name)
    assert repr(name) in found[0]["message"]
    assert len(Experiment.load(tmp_path, name).trials) == 2


def test_an_error_that_ends_the_run_is_a_warning(tmp_path):
    def broken(sample):
        raise RuntimeError("no data")

    with pytest.raises(ExperimentError):
        experiment(tmp_path, broken).run(progress=False)
    last = lines(tmp_path / "one")[-1]
    assert last["level"] == "warning"
    assert last["message"].startswith("the run ends: ExperimentError: the first 3 trials failed with the same error")


def test_debugging_is_left_out_and_what_was_set_comes_back(tmp_path):
    root = logging.getLogger("retiarii")
    before = (root.level, [*root.handlers])
    below = logging.getLogger("retiarii.execution.process")
    for level in (logging.NOTSET, logging.DEBUG, logging.ERROR):
        root.setLevel(level)
        with journal(tmp_path):
            below.debug("in detail")
            below.warning("%s was %s", "worker 1", "replaced", extra={"about": {"worker": 1, "path": tmp_path}})
            logging.getLogger("another").warning("nothing of ours")
        assert (root.level, root.handlers) == (level, before[1])
    root.setLevel(before[0])
    expected = {
        "level": "warning",
        "logger": "retiarii.execution.process",
        "message": "worker 1 was replaced",
        "worker": 1,
        "path": str(tmp_path),
    }
    found = lines(tmp_path)
    assert all(datetime.fromisoformat(line.pop("time")) for line in found)
    assert found == [expected] * 3


def test_runs_that_overlap_leave_the_loggers_as_they_were(tmp_path):
    """As in two threads, of which the first to begin is the first to end."""
    ours = logging.getLogger("retiarii")
    before = (ours.level, ours.propagate, [*ours.handlers])
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    first, second = map(journal, folders)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    logging.getLogger("retiarii.anywhere").info("the second goes on")
    second.__exit__(None, None, None)
    assert (ours.level, ours.propagate, ours.handlers) == before
    assert [line["message"] for line in lines(folders[1])] == ["the second goes on"]


def test_an_error_at_hand_is_logged_in_the_same_line(tmp_path):
    with journal(tmp_path):
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            logging.getLogger("retiarii.anywhere").exception("it went wrong")
    (line,) = lines(tmp_path)
    assert line["level"] == "error"
    assert line["error"].startswith("Traceback")
    assert line["error"].endswith(f"ValueError: {HOSTILE}")


def test_a_log_that_cannot_be_written_is_one_error_before_any_trial(tmp_path):
    (tmp_path / "one" / FILE).mkdir(parents=True)
    ran = []
    with pytest.raises(ExperimentError, match=rf"{FILE} cannot be written: Is a directory"):
        experiment(tmp_path, ran.append).run(progress=False)
    assert not ran
