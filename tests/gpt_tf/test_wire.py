"""Tests of the frames between the grader and a process that nobody trusts."""

import json
import socket
import struct
import threading

import numpy as np
import pytest

from gpt_tf.course import wire

VALUES = [
    None,
    True,
    -(2**70),
    1.5,
    float("inf"),
    "äöü 한국어",
    b"\x00\xff",
    [],
    [1, [2, (3,)]],
    {"a": {("x", "y"): 2, 3: None}},
    {1, 2},
]
ARRAYS = [
    np.arange(6, dtype="float32").reshape(2, 3),
    np.array(True),
    np.zeros((0, 4), "int32"),
    np.asfortranarray(np.arange(12).reshape(3, 4)),
    np.array(["one", "three"]),
    np.array([1 + 2j]),
]


def frame(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">II", len(text), len(body)) + text + body


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_plain_data_returns(value):
    found = wire.decode(wire.encode(value))
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_arrays_return(array):
    first, second = wire.decode(wire.encode([array, array]))
    for found in (first, second):
        assert found.dtype == array.dtype and found.shape == array.shape
        np.testing.assert_array_equal(found, array)
    first[...] = 0  # a copy of its own, and one that can be written to
    np.testing.assert_array_equal(second, array)


def test_nan_returns():
    assert np.isnan(wire.decode(wire.encode(float("nan"))))


@pytest.mark.parametrize(
    "value", [object(), np.array([object()]), np.float64(1.0), wire, {"x": lambda: 1}], ids=range(5)
)
def test_other_values_do_not_travel(value):
    with pytest.raises(TypeError, match="is not plain data"):
        wire.encode(value)


def test_a_subclass_does_not_travel():
    class AlwaysEqual(int):
        def __eq__(self, other):
            return True

        __hash__ = int.__hash__

    with pytest.raises(TypeError, match="AlwaysEqual"):
        wire.encode([AlwaysEqual(3)])


def test_more_than_plain_data_needs_both_sides():
    made = wire.encode([range(3)], lambda value: ("range", [value.start, value.stop]))
    assert wire.decode(made, lambda tag, inside: range(*inside)) == [range(3)]
    with pytest.raises(wire.BadFrame, match="'range'"):
        wire.decode(made)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\x00" * 8,
        frame(b"{not json"),
        frame({"a": 1}),
        frame([]),
        frame(["list"]),
        frame(["list", 3]),
        frame(["pickle", "cos\nsystem"]),
        frame(["bytes", 4], b"abc"),
        frame(["bytes", -1], b"abc"),
        frame(["bytes", True], b"a"),
        frame(1, b"left over"),
        frame(["array", "|O", [1]], b"\x00" * 8),
        frame(["array", "<f4", [-1]], b"\x00" * 4),
        frame(["array", "<f4", [2**40, 2**40]], b"\x00" * 4),
        frame(["array", "<f4", [1.0]], b"\x00" * 4),
        frame(["array", "<f4,<f4", [1]], b"\x00" * 8),
        frame(["dict", [[["list", []], 1]]]),
        frame(["set", [["list", []]]]),
        frame(b'["list",[' * 30000 + b"]]" * 30000),
        frame(1)[:-1],
    ],
    ids=range(21),
)
def test_what_is_no_frame(bad):
    with pytest.raises(wire.BadFrame):
        wire.decode(bad)


def test_nested_too_deeply():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(wire.TooLarge, match="nested"):
        wire.encode(value)


def test_too_large(monkeypatch):
    monkeypatch.setattr(wire, "LARGEST", 1000)
    with pytest.raises(wire.TooLarge):
        wire.encode(np.zeros(1000))


@pytest.fixture
def pair():
    both = socket.socketpair()
    yield both
    for one in both:
        one.close()


def test_a_frame_in_pieces(pair):
    sent = wire.encode(np.arange(100_000))
    thread = threading.Thread(target=wire.send, args=(pair[0], sent))
    thread.start()
    assert wire.receive(pair[1], 10) == sent
    thread.join()


def test_silence(pair):
    with pytest.raises(wire.Silent):
        wire.receive(pair[1], 0.05)
    pair[0].sendall(wire.encode("whole")[:-1])  # all but the last byte is silence, too
    with pytest.raises(wire.Silent):
        wire.receive(pair[1], 0.05)


def test_the_other_side_is_gone(pair):
    pair[0].close()
    with pytest.raises(wire.Closed):
        wire.receive(pair[1], 1)


def test_a_frame_that_only_claims_to_be_large(pair):
    pair[0].sendall(struct.pack(">II", 2**32 - 1, 2**32 - 1))
    with pytest.raises(wire.TooLarge):
        wire.receive(pair[1], 1)
