"""Plain data as bytes and back, between the grader and a process that nobody trusts.

A frame is a header in JSON and the raw bytes of its arrays; nothing is ever unpickled. What a
test may send (`submission.Part`, `GPTConfig`, random generators) is read only where the student's
code runs; what comes back is numbers, text, arrays and containers of these, or `BadFrame`.
"""

import json
import math
import re
import struct
import time

import numpy as np

LARGEST = 64 * 2**20  # bytes in a frame
LARGEST_HEADER = 8 * 2**20  # bytes of it that are not arrays: read, they take twenty times as much
DEEPEST = 50  # lists in lists
_SIZES = struct.Struct(">II")  # of header and body
_DTYPE = re.compile(r"[<>|][biufcSU]\d{1,4}")


class BadFrame(Exception):
    """The other side sent something that is no frame, or too much, or nothing in time."""


class TooLarge(BadFrame):
    """A frame would have more than `LARGEST` bytes."""


class Closed(BadFrame):
    """The other side is gone."""


class Silent(BadFrame):
    """Nothing came before the deadline."""


def encode(value, extra=None):
    """Turns plain data into a frame.

    Args:
        value: None, bool, int, float, str, bytes, arrays of numbers or text, and lists, tuples,
            sets and dicts of them.
        extra: function from another value to (tag, plain data), or None to refuse others.

    Returns:
        bytes.

    Raises:
        TypeError: a value of another type.
        TooLarge: more than `LARGEST` bytes, or nested too deeply to be written.

    Example:
        >>> decode(encode({"mask": np.eye(2)}))["mask"].shape
        (2, 2)
    """
    buffers = []
    header = json.dumps(_pack(value, buffers, extra)).encode()
    body = b"".join(buffers)
    _check_sizes(len(header), len(body))
    return _SIZES.pack(len(header), len(body)) + header + body


def decode(frame, extra=None):
    """Turns a frame into plain data; the inverse of `encode`.

    Args:
        frame: bytes.
        extra: function from (tag, plain data) to a value, or None to refuse such tags.

    Returns:
        The value. Arrays are copies that can be written to.

    Raises:
        BadFrame: these bytes are no frame.
    """
    try:
        header, body = _SIZES.unpack_from(frame)
        if _SIZES.size + header + body != len(frame):
            raise BadFrame("the sizes are wrong")
        text = frame[_SIZES.size : _SIZES.size + header]
        rest = memoryview(frame)[_SIZES.size + header :]
        value, used = _unpack(json.loads(text), rest, 0, extra)
    except BadFrame:
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise BadFrame(f"{type(error).__name__}: {error}") from error
    except struct.error as error:
        raise BadFrame(f"{type(error).__name__}: {error}") from error
    if used != body:
        raise BadFrame("bytes are left over")
    return value


def send(socket, frame, seconds=None):
    """Writes a frame to a socket.

    Args:
        socket: `socket.socket`.
        frame: bytes, of `encode`.
        seconds: float, how long to wait for a reader; None: for ever.

    Raises:
        Silent, Closed: nobody reads it in time, or any more.
    """
    try:
        socket.settimeout(seconds)
        socket.sendall(frame)
    except TimeoutError as error:
        raise Silent("nobody reads") from error
    except OSError as error:
        raise Closed(str(error)) from error


def receive(socket, seconds=None):
    """Reads one frame from a socket.

    Args:
        socket: `socket.socket`.
        seconds: float, how long to wait for all of it; None: for ever.

    Returns:
        bytes, for `decode`.

    Raises:
        Silent, Closed, TooLarge: see there.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    sizes = _read(socket, _SIZES.size, deadline)
    _check_sizes(*_SIZES.unpack(sizes))
    return sizes + _read(socket, sum(_SIZES.unpack(sizes)), deadline)


def _check_sizes(header, body):
    for count, most in ((header, LARGEST_HEADER), (header + body, LARGEST)):
        if count > most:
            raise TooLarge(f"{count / 2**20:.0f} MB, more than {most >> 20} MB")


def _read(socket, count, deadline):
    found = bytearray()
    while len(found) < count:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise Silent("no answer in time")
        try:
            socket.settimeout(left)
            more = socket.recv(min(count - len(found), 2**20))
        except TimeoutError as error:
            raise Silent("no answer in time") from error
        except OSError as error:
            raise Closed(str(error)) from error
        if not more:
            raise Closed("the process ended")
        found += more
    return bytes(found)


def _pack(value, buffers, extra, depth=0):
    """Returns JSON-able data for a value; arrays and bytes go to the buffers, in their order."""
    if depth > DEEPEST:
        raise TooLarge("nested too deeply")
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is bytes:
        buffers.append(value)
        return ["bytes", len(value)]
    if type(value) is np.ndarray and _DTYPE.fullmatch(value.dtype.str):
        buffers.append(np.ascontiguousarray(value).tobytes())
        return ["array", value.dtype.str, list(value.shape)]

    def pack(inside):
        return _pack(inside, buffers, extra, depth + 1)

    if type(value) in (list, tuple, set):
        return [type(value).__name__, [pack(v) for v in value]]
    if type(value) is dict:
        return ["dict", [[pack(k), pack(v)] for k, v in value.items()]]
    if extra is None:
        raise TypeError(f"a {type(value).__name__} is not plain data")
    tag, inside = extra(value)
    return [tag, pack(inside)]


def _unpack(node, body, at, extra, depth=0):
    """Returns (value, where its bytes end in the body)."""
    if depth > DEEPEST:
        raise BadFrame("nested too deeply")
    if not isinstance(node, list):
        if isinstance(node, dict):
            raise BadFrame("a node is a dict")
        return node, at
    tag, inside = node[0], node[1]
    if tag == "bytes":
        return bytes(_slice(body, at, inside)), at + inside
    if tag == "array":
        return _array(body, at, *node[1:])
    if tag in ("dict", "list", "tuple", "set"):
        items = [i for pair in inside for i in _pair(pair)] if tag == "dict" else inside
        found = []
        for item in items:
            item, at = _unpack(item, body, at, extra, depth + 1)
            found.append(item)
        if tag == "dict":
            _check_keys(found[::2])
            return dict(zip(found[::2], found[1::2], strict=True)), at
        if tag == "set":
            _check_keys(found)
        return {"list": list, "tuple": tuple, "set": set}[tag](found), at
    if extra is None:
        raise BadFrame(f"a node has the tag {tag!r}")
    inside, at = _unpack(inside, body, at, extra, depth + 1)
    return extra(tag, inside), at


def _pair(pair):
    key, value = pair
    return key, value


def _check_keys(keys):
    """Numbers can be chosen so that their hashes are alike, and a dict of them takes for ever."""
    if len({hash(key) for key in keys}) < len(keys) / 2:
        raise BadFrame("the keys have the same hashes")


def _array(body, at, dtype, shape):
    if not _DTYPE.fullmatch(dtype) or not all(type(n) is int and n >= 0 for n in shape):
        raise BadFrame(f"no array has dtype {dtype!r} and shape {shape!r}")
    dtype = np.dtype(dtype)
    size = dtype.itemsize * math.prod(shape)
    array = np.frombuffer(_slice(body, at, size), dtype).reshape(shape)
    return array.copy(), at + size


def _slice(body, at, size):
    if type(size) is not int or size < 0 or at + size > len(body):
        raise BadFrame("the body is too short")
    return body[at : at + size]
