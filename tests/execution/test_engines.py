"""Every engine keeps the contract, and the conformance tests find what is wrong with one."""

from __future__ import annotations

import copy

import pytest

from retiarii.engine import Completed, Failed, Failure, Reported, Started
from retiarii.execution import ProcessEngine, SequentialEngine
from retiarii.testing import EngineConformance


class TestSequential(EngineConformance):
    def make(self):
        return SequentialEngine()


class TestProcess(EngineConformance):
    def make(self):
        return ProcessEngine(workers=2)


class TestProcessWithSeveralTrialsPerMessage(EngineConformance):
    def make(self):
        return ProcessEngine(workers=1, trials_per_message=4)


class Bent(SequentialEngine):
    """Hands on its events in some other way."""

    def bent(self, event):
        return [event]

    def advance(self, listen, timeout):
        def hand_on(event):
            for changed in self.bent(event):
                listen(changed)

        super().advance(hand_on, timeout)


class NeverBegins(Bent):
    def bent(self, event):
        return [] if isinstance(event, Started) else [event]


class MixesTrialsUp(Bent):
    def bent(self, event):
        return [Completed(event.number, {"score": 0.0}, 0.0)] if isinstance(event, Completed) else [event]


class KeepsReports(Bent):
    def bent(self, event):
        return [] if isinstance(event, Reported) else [event]


class HidesErrors(Bent):
    def bent(self, event):
        hidden = Failure("Error", "", "", "")
        return [Failed(event.number, hidden, 0.0)] if isinstance(event, Failed) else [event]


class ForgetsFiles(Bent):
    def bent(self, event):
        return [Completed(event.number, event.metrics, 0.0)] if isinstance(event, Completed) else [event]


class DrawsAnything(SequentialEngine):
    def submit(self, jobs):
        for job in jobs:
            twin = copy.copy(job)
            object.__setattr__(twin, "seed", 5)
            super().submit([twin])


class DecidesNothing(SequentialEngine):
    def submit(self, jobs):
        for job in jobs:
            twin = copy.copy(job)
            object.__setattr__(twin, "decided", {})
            super().submit([twin])


class NeverStops(SequentialEngine):
    def cancel(self, number):
        self.ignored = number


class NeverFull(SequentialEngine):
    @property
    def room(self):
        return 1


class Deaf(Bent):
    def advance(self, listen, timeout):
        try:
            super().advance(listen, timeout)
        except Exception:  # noqa: BLE001
            self.close()


class KeepsOldTrials(SequentialEngine):
    def close(self):
        self._is_open = False


@pytest.mark.parametrize(
    ("wrong", "test", "said"),
    [
        (NeverBegins, "test_every_trial_begins_and_ends_once", r"trial 0: \[Completed"),
        (MixesTrialsUp, "test_metrics_belong_to_their_trials", "trial 1: Completed"),
        (KeepsReports, "test_reports_come_in_their_order_before_the_end", "trial 0: "),
        (HidesErrors, "test_an_error_fails_its_trial_alone", "trial 0, with a ValueError: Failed"),
        (HidesErrors, "test_a_result_that_is_no_number_fails_its_trial_alone", "trial 1: Failed"),
        (ForgetsFiles, "test_what_is_kept_is_told", "trial 0: Completed"),
        (DrawsAnything, "test_the_seed_decides_what_is_drawn", "not two and two alike"),
        (DecidesNothing, "test_what_is_decided_of_the_evaluator_reaches_it", "trial 0: Failed"),
        (NeverStops, "test_a_trial_that_waits_is_cancelled", "Completed"),
        (NeverFull, "test_it_wants_trials_when_it_has_none", "with 1 trials, as it wanted, it has room for 1"),
        (Deaf, "test_an_error_of_the_listener_comes_out", "0 of 1 trials ended"),
        (KeepsOldTrials, "test_it_can_be_opened_again", "opened again it told"),
    ],
)
def test_each_fault_is_found(wrong, test, said):
    class Conformance(EngineConformance):
        patience = 0.5 if wrong is Deaf else EngineConformance.patience  # its end is waited for in vain

        def make(self):
            return wrong()

    with pytest.raises(AssertionError, match=said):
        getattr(Conformance(), test)()
