"""The cluster that an engine on Ray starts for itself, and the arguments that need none."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from retiarii import ExperimentError
from retiarii.engine import Assignment
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import RayEngine
from retiarii.testing import DOMAINS, SampleSpace

pytest.importorskip("ray")

SCRIPT = """
import os, signal, sys

sys.path.insert(0, sys.argv[1])
import beside

from retiarii.engine import Assignment, Completed, Job
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import RayEngine
from retiarii.testing import DOMAINS, SampleSpace


class Score:
    def __call__(self, sample):
        return {"default": beside.double(sample["x"]), "threads": int(os.environ["OMP_NUM_THREADS"])}


if __name__ == "__main__":
    before = signal.getsignal(signal.SIGTERM)
    engine = RayEngine(workers=1)
    evaluator = FunctionalEvaluator(Score(), argument="sample")
    engine.open(Assignment(SampleSpace(DOMAINS["flat"]), evaluator, {"default": "maximize"}))
    engine.submit([Job(0, {"x": 4})])
    heard = []
    while not any(isinstance(event, Completed) for event in heard):
        engine.advance(heard.append, 1.0)
    assert signal.getsignal(signal.SIGTERM) == before
    engine.close()

    import psutil
    import ray

    assert not ray.is_initialized()
    left = [child.cmdline() for child in psutil.Process().children(recursive=True)]
    assert not left, left
    print(heard[-1].metrics)
"""


def test_a_cluster_of_its_own_starts_and_ends_quietly(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "beside.py").write_text("def double(x):\n    return 2 * x\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name not in {"OMP_NUM_THREADS", "RAY_ADDRESS"}}
    done = subprocess.run(
        [sys.executable, "script.py", "elsewhere"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert (done.stdout, done.stderr) == ("{'default': 8.0, 'threads': 1.0}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": 0}, "workers is 0; expected a positive integer"),
        ({"workers": True}, "workers is True"),
        ({"trials_per_message": 1.5}, "trials_per_message is 1.5; expected a positive integer"),
        ({"trial_timeout": 0}, "trial_timeout is 0; expected a positive number of seconds"),
        ({"trial_timeout": float("nan")}, "trial_timeout is nan"),
        ({"resources_per_trial": [("CPU", 1)]}, "expected a mapping such as"),
        ({"resources_per_trial": {"gpu": 1}}, r"resources_per_trial\['gpu'\]: Ray calls this 'GPU'"),
        ({"resources_per_trial": {"num_cpus": 1}}, "Ray calls this 'CPU'"),
        ({"resources_per_trial": {"GPU": -1}}, "is -1; expected a number that is not negative"),
        ({"resources_per_trial": {"GPU": "1"}}, "is '1'"),
        ({"resources_per_trial": {"GPU": 1.5}}, "whole ones only"),
        ({"resources_per_trial": {3: 1}}, "the name of a resource is a text"),
        ({"resources_per_trial": {"CPU": 0}}, "workers has to say how many run at a time"),
    ],
)
def test_arguments_that_make_no_sense(arguments, message):
    with pytest.raises(ExperimentError, match=message):
        RayEngine(**arguments)


def test_without_ray_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExperimentError, match=r"pip install 'retiarii\[ray\]'"):
        RayEngine()


def test_an_address_where_nobody_is_is_refused_before_ray_waits_there_for_minutes(monkeypatch):
    monkeypatch.setattr("retiarii.execution.ray.cluster._PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = f"127.0.0.1:{server.getsockname()[1]}"
    evaluator = FunctionalEvaluator(float, argument="sample")
    assignment = Assignment(SampleSpace(DOMAINS["flat"]), evaluator, {"default": "maximize"})
    with pytest.raises(ExperimentError, match=f"no Ray cluster answers at '{nobody}': ConnectionRefusedError"):
        RayEngine(nobody).open(assignment)
