"""Frames: whatever is sent arrives as it was, and whatever arrives is checked."""

from __future__ import annotations

import json
import math
import socket
import struct
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leapbench.isolation.channel import Channel
from leapbench.isolation.frames import (
    DTYPES,
    HEADER,
    ChannelError,
    ClosedError,
    LateError,
    MalformedError,
)

LIMIT = 2**20
arrays = st.lists(
    hnp.arrays(
        st.sampled_from(sorted(DTYPES)), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0)
    ),
    max_size=4,
)
headers = st.dictionaries(
    st.text(max_size=5).filter(lambda key: key != "arrays"),
    st.none() | st.integers(-(2**60), 2**60) | st.text(max_size=20) | st.lists(st.booleans()),
    max_size=4,
)


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    ends = [Channel(end, LIMIT) for end in socket.socketpair()]
    yield ends[0], ends[1]
    for end in ends:
        end.close()


@given(headers, arrays)
def test_what_is_sent_arrives(header: dict[str, object], sent: list[np.ndarray]) -> None:
    here, there = (Channel(end, LIMIT) for end in socket.socketpair())
    for _ in range(2):
        here.send(header, sent)
        got = there.receive()
        assert got.header == header
        assert [(a.dtype, a.shape, a.tobytes()) for a in got.arrays] == [
            (a.dtype, a.shape, a.tobytes()) for a in sent
        ]
        assert all(a.flags.writeable and a.flags.c_contiguous for a in got.arrays)
    here.close()
    there.close()


def test_large_and_strided_arrays(pair: tuple[Channel, Channel]) -> None:
    here, there = pair[0], Channel(pair[1]._sock, 2**26)
    sent = np.random.default_rng(0).random((2000, 1000))[::-1, ::2]
    thread = threading.Thread(target=here.send, args=({"a": 1}, [sent, sent[0]]))
    thread.start()
    got = there.receive()
    thread.join()
    assert np.array_equal(got.arrays[0], sent)
    assert np.array_equal(got.arrays[1], sent[0])


def test_frames_in_one_read(pair: tuple[Channel, Channel]) -> None:
    for i in range(50):
        pair[0].send({"i": i}, [np.arange(i)])
    for i in range(50):
        got = pair[1].receive()
        assert (got.header["i"], got.arrays[0].tolist()) == (i, list(range(i)))


@settings(max_examples=150)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_message_or_an_error(sent: bytes, framed: bool) -> None:
    """Nothing else can come out of `receive`, and never an array over the limit."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours, 64)
    theirs.sendall(struct.pack("<4sI", b"leap", len(sent)) + sent if framed else sent)
    theirs.close()
    try:
        got = channel.receive()
        assert sum(a.nbytes for a in got.arrays) <= 64
    except ChannelError:
        pass
    finally:
        channel.close()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)
shapes = st.lists(st.integers(-2, 2**70), max_size=20)
entries = st.lists(
    st.tuples(st.sampled_from([*sorted(DTYPES), "|O8", "<U1"]), shapes) | json_values
)


@settings(max_examples=150)
@given(json_values | entries)
def test_any_description_is_checked_before_memory_is_taken(described: object) -> None:
    ours, theirs = socket.socketpair()
    channel = Channel(ours, 64)
    text = json.dumps({"arrays": described}).encode()
    theirs.sendall(struct.pack("<4sI", b"leap", len(text)) + text + bytes(64))
    theirs.close()
    try:
        got = channel.receive()
        assert sum(a.nbytes for a in got.arrays) <= 64
    except (MalformedError, ClosedError):
        pass
    finally:
        channel.close()


def test_a_bool_is_0_or_1(pair: tuple[Channel, Channel]) -> None:
    pair[0].send({}, [np.arange(256, dtype=np.uint8).view(bool)])
    got = pair[1].receive().arrays[0]
    assert got.dtype == bool
    assert got.view(np.uint8).tolist() == [0] + [1] * 255


@pytest.mark.parametrize(
    "array", [np.array([{}], object), np.array(["a"]), np.zeros(1, ">f4"), np.zeros(1, "M8[s]")]
)
def test_other_arrays_are_not_sent(pair: tuple[Channel, Channel], array: np.ndarray) -> None:
    with pytest.raises(TypeError, match="cannot be sent"):
        pair[0].send({}, [array])


def test_a_long_header_is_not_sent(pair: tuple[Channel, Channel]) -> None:
    with pytest.raises(ValueError, match="at most"):
        pair[0].send({"a": "b" * HEADER})
    header = {"a": "b" * (HEADER - 8)}
    thread = threading.Thread(target=pair[0].send, args=(header,))
    thread.start()
    assert pair[1].receive().header == header
    thread.join()


def test_deadlines(pair: tuple[Channel, Channel]) -> None:
    with pytest.raises(LateError):
        pair[0].receive(time.monotonic() + 0.05)
    big = np.zeros(LIMIT)
    with pytest.raises(LateError):  # nobody reads
        pair[0].send({}, [big], time.monotonic() + 0.05)


def test_the_other_side_is_gone(pair: tuple[Channel, Channel]) -> None:
    pair[1].close()
    with pytest.raises(ClosedError):
        pair[0].receive()
    with pytest.raises(ClosedError):
        pair[0].send({}, [np.zeros(LIMIT)])


def test_ticks_end_a_wait() -> None:
    class Enough(Exception):
        pass

    def tick() -> None:
        raise Enough

    ours, theirs = socket.socketpair()
    channel = Channel(ours, LIMIT, tick)
    with pytest.raises(Enough):
        channel.receive(math.inf)
    channel.close()
    theirs.close()
