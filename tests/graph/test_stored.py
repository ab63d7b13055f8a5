"""Descriptions of tensors from elsewhere."""

from __future__ import annotations

import base64
import json
import math
import tracemalloc
import zlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from retiarii.errors import FormatError
from retiarii.graph import stored
from retiarii.graph.encoding import encode_tensor
from retiarii.graph.stored import StoredTensors
from retiarii.graph.tensors import describe_tensor, make_tensor

DTYPES = (
    torch.bool,
    torch.uint8,
    torch.int64,
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.complex64,
)


def packed(raw):
    return base64.b64encode(zlib.compress(raw)).decode()


def description(**changes):
    data = {"kind": "buffer", "shape": [2, 2], "dtype": "float32", "values": {"fill": 0.0}}
    return {**data, "trainable": False, "persistent": True, **changes}


def bytes_of(raw, **changes):
    return description(values={"bytes": packed(raw)}, **changes)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 5), (40_000,)], ids=str)
def test_a_tensor_survives(dtype, shape):
    generator = torch.Generator().manual_seed(0)
    tensor = (torch.randn(shape, generator=generator) * 9).to(dtype)
    data = json.loads(json.dumps(encode_tensor(describe_tensor(tensor)), allow_nan=False))
    again = make_tensor(StoredTensors().read(data, "here"))
    assert again.dtype == dtype
    assert torch.equal(again, tensor)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, -0.0, True, 2**60])
def test_a_value_survives(value):
    data = encode_tensor(describe_tensor(torch.nn.Parameter(torch.full((2,), value, dtype=torch.float64))))
    again = StoredTensors().read(json.loads(json.dumps(data, allow_nan=False)), "here")
    assert repr(make_tensor(again)) == repr(torch.nn.Parameter(torch.full((2,), value, dtype=torch.float64)))


WRONG = [
    (description(kind="file"), "here.kind: 'file' is none of parameter, buffer, constant"),
    (description(shape=[-1]), "here.shape: [-1] is no shape"),
    (description(shape=[1.0]), "here.shape: [1.0] is no shape"),
    (description(shape=[True]), "here.shape: [True] is no shape"),
    (description(shape=[1] * 65), "is no shape"),
    (description(shape=[10**9, 10**9]), "has more than 1099511627776 elements"),
    (description(shape=[0, 10**4000]), "has more than 1099511627776 elements"),
    (description(dtype="float33"), "here.dtype: 'float33' is no data type of torch"),
    (description(dtype="load"), "here.dtype: 'load' is no data type"),
    (description(dtype="half"), "here.dtype: 'half' is no data type"),
    (description(dtype="__name__"), "here.dtype: '__name__' is no data type"),
    (description(values={}), "here.values: expected one of fill, normal, range and bytes"),
    (description(values={"fill": 1, "bytes": ""}), "here.values: expected one of fill"),
    (description(values={"pickle": "gASV"}), "here.values.pickle: expected one of fill"),
    (description(values={"fill": "1"}), "here.values.fill: expected a number, found '1'"),
    (description(values={"fill": {"float": "1"}}), "here.values.fill: expected a number"),
    (description(values={"normal": [0, 1]}), "here.values.normal: expected two numbers of type float"),
    (description(values={"normal": [0.0]}), "here.values.normal: expected two numbers of type float"),
    (description(values={"range": [0, 1]}), "here.values.range: a range has one dimension, not 2"),
    (description(values={"range": [0, 0.5]}, shape=[2]), "here.values.range: expected two numbers of type int"),
    (description(values={"bytes": "!"}), "here.values.bytes: no zlib-packed bytes in base64"),
    (description(values={"bytes": "AAAA"}), "here.values.bytes: no zlib-packed bytes in base64"),
    (description(values={"bytes": packed(bytes(16))[:-8]}), "no zlib-packed bytes"),
    (bytes_of(bytes(15)), "the shape and type need 16 bytes, stored are 15"),
    (bytes_of(bytes(17)), "the shape and type need 16 bytes, stored are more than 16"),
    (bytes_of(b"", shape=[]), "the shape and type need 4 bytes, stored are 0"),
    (bytes_of(bytes(4), shape=[2**29]), "the tensors of a graph hold at most 1073741824 bytes"),
    (description(kind="parameter", trainable=True, dtype="int64"), "here: a parameter of int64 can't be trainable"),
    (description(extra=1), "here: unknown key 'extra'"),
    (description(persistent=1), "here.persistent: expected true or false, found 1"),
]


@pytest.mark.parametrize(("data", "message"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_wrong_is_refused(data, message):
    with pytest.raises(FormatError) as caught:
        StoredTensors().read(data, "here")
    assert message in str(caught.value)


def test_bytes_after_the_packed_ones_are_refused():
    text = base64.b64encode(zlib.compress(bytes(16)) + b"more").decode()
    with pytest.raises(FormatError, match="no zlib-packed bytes in base64: the packed bytes are cut off, or followed"):
        StoredTensors().read(description(values={"bytes": text}), "here")


def test_a_bomb_is_not_unpacked():
    bomb = bytes_of(bytes(200 * 2**20))
    tracemalloc.start()
    with pytest.raises(FormatError, match="stored are more than 16"):
        StoredTensors().read(bomb, "here")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 2**20


def test_all_tensors_of_a_graph_share_one_bound(monkeypatch):
    monkeypatch.setattr(stored, "MAX_STORED_BYTES", 40)
    tensors = StoredTensors()
    tensors.read(bytes_of(bytes(16)), "a")
    tensors.read(bytes_of(bytes(16)), "b")
    with pytest.raises(FormatError, match=r"c\.values\.bytes: the tensors of a graph hold at most 40 bytes"):
        tensors.read(bytes_of(bytes(16)), "c")


@given(st.binary(max_size=300_000), st.integers(-1, 1))
def test_the_size_of_packed_bytes_is_exact(raw, off):
    data = bytes_of(raw, shape=[max(len(raw) + off, 0)], dtype="uint8")
    if off == 0 or len(raw) + off < 0:
        StoredTensors().read(data, "here")
        return
    with pytest.raises(FormatError, match="the shape and type need"):
        StoredTensors().read(data, "here")
