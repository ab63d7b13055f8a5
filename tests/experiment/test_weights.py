"""Architecture weights as plain data, in the record and out of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from retiarii import ExperimentError
from retiarii.experiment.reader import Reader
from retiarii.experiment.record_file import FILE
from retiarii.experiment.records import Records, WeightsRecord
from retiarii.experiment.weights import EpochWeights

CANDIDATES = st.one_of(
    st.text(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.none()
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.integers(0, 10**6), st.dictionaries(st.text(), st.dictionaries(CANDIDATES, FINITE)))
def test_survive_being_written_with_candidates_of_any_type(epoch, weights):
    made = EpochWeights.of(epoch, weights)
    again = EpochWeights.from_json(epoch, made.to_json())
    assert again == made
    assert [[*map(type, row)] for row in again.weights.values()] == [[*map(type, row)] for row in weights.values()]


def test_arrays_tensors_and_sequences_become_plain():
    given = {"op": {("a", (1, 2)): torch.tensor(0.25), np.int64(3): np.float32(0.5), True: 1}}
    made = EpochWeights.of(0, given)
    assert made.weights == {"op": {("a", (1, 2)): 0.25, 3: 0.5, True: 1.0}}
    assert all(type(weight) is float for weight in made.weights["op"].values())
    assert EpochWeights.from_json(0, made.to_json()) == made


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), "much", None, torch.ones(2)])
def test_what_is_no_finite_number_is_refused(weight):
    with pytest.raises(ExperimentError, match=r"weight of 'skip' of 'op' after epoch 3 is .* finite number"):
        EpochWeights.of(3, {"op": {"conv": 1.0, "skip": weight}})


@pytest.mark.parametrize("epoch", [-1, 1.0, None, True])
def test_epochs_count_from_zero(epoch):
    with pytest.raises(ExperimentError, match=r"recorded for epoch .*; epochs count from 0"):
        EpochWeights.of(epoch, {})


def test_a_candidate_that_no_sample_can_hold_is_refused():
    with pytest.raises(ExperimentError, match=r"weight of 'op' was recorded for a candidate: Conv2d.* JSON value"):
        EpochWeights.of(0, {"op": {torch.nn.Conv2d(1, 1, 1): 1.0}})


def test_an_epoch_that_is_recorded_again_takes_the_place_of_the_old_one(tmp_path):
    records = Records(tmp_path)
    record = WeightsRecord(tmp_path)
    for epoch, weight in ((0, 0.5), (1, 0.25), (2, 0.125), (1, 0.75)):
        record(epoch, {"op": {"conv": weight}})
    expected = [EpochWeights(epoch, {"op": {"conv": weight}}) for epoch, weight in ((0, 0.5), (1, 0.75), (2, 0.125))]
    assert Reader(tmp_path).weights() == expected
    records.close()


def test_a_record_that_cannot_be_written_says_so(tmp_path):
    Records(tmp_path).close()
    (tmp_path / FILE).write_bytes(b"no database" * 99)
    with pytest.raises(ExperimentError, match=rf"{FILE} is damaged, or no record"):
        WeightsRecord(tmp_path)(0, {})
