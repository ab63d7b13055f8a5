"""Several processes that train together: the first one searches, the others wait for what it finds."""

from __future__ import annotations

import threading

import pytest

from retiarii import ExperimentError, Trial
from retiarii.experiment.following import end_of_first, followed, is_following, plan_of_first
from retiarii.experiment.plan import Plan
from retiarii.experiment.records import Records
from retiarii.testing import DOMAINS

PLAN = Plan.of("Space", DOMAINS["flat"], {"accuracy": "maximize"}, 5, one_shot="DARTS")


@pytest.fixture
def alone(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_a_process_alone_or_the_first_one_does_not_follow(alone):
    assert not is_following()
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK"):
        alone.setenv(name, "0")
    assert not is_following()


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "NODE_RANK"])
def test_another_one_does(alone, name):
    alone.setenv(name, "1")
    assert is_following()


def test_they_need_a_name_to_find_the_experiment_by(tmp_path):
    assert followed(tmp_path, "one") == tmp_path / "one"
    with pytest.raises(ExperimentError, match=r"the same experiment: give it a name, as in Experiment\(\.\.\., name"):
        followed(tmp_path, None)


def test_they_wait_for_the_beginning_and_for_the_end(tmp_path):
    folder, may_begin, may_end = tmp_path / "one", threading.Event(), threading.Event()
    seen = []

    def first():
        may_begin.wait()
        folder.mkdir()
        records = Records(folder)
        records.begin(PLAN)
        may_end.wait()
        records.save([Trial(0, {"width": 16, "kernel": 3}).running().completed({"accuracy": 0.5})])
        records.close()

    def other():
        seen.append(plan_of_first(folder))
        seen.append(end_of_first(folder))

    threads = [threading.Thread(target=function) for function in (first, other)]
    for thread in threads:
        thread.start()
    threads[1].join(0.3)
    assert seen == []
    may_begin.set()
    threads[1].join(0.5)
    assert seen in ([], [PLAN])
    may_end.set()
    for thread in threads:
        thread.join()
    assert seen[0] == PLAN
    assert [trial.metric for trial in seen[1]] == [0.5]
