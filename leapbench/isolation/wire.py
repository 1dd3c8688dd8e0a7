"""Spaces, infos and settings as what a message can carry: JSON data and arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from leapbench.isolation.frames import DTYPES

if TYPE_CHECKING:  # the guest must not import Gymnasium for an agent that does not
    import gymnasium as gym

Packed = tuple[Any, list[np.ndarray]]
_TUPLE = "\0tuple"


def pack_space(space: gym.Space[Any]) -> Packed:
    """A Box, Discrete or MultiDiscrete space.

    Raises:
        TypeError: for another kind.
    """
    from gymnasium import spaces

    match space:
        case spaces.Box():
            return {"kind": "box", "dtype": space.dtype.str}, [space.low, space.high]
        case spaces.Discrete():
            return {"kind": "discrete", "n": int(space.n), "start": int(space.start)}, []
        case spaces.MultiDiscrete():
            return {"kind": "multi", "dtype": space.dtype.str}, [space.nvec, space.start]
    raise TypeError(f"{type(space).__name__} spaces are not for agents in a process of their own")


def unpack_space(record: Mapping[str, Any], arrays: list[np.ndarray]) -> gym.Space[Any]:
    """What `pack_space` packed; takes its arrays from the front of `arrays`."""
    from gymnasium import spaces

    if record["kind"] == "discrete":
        return spaces.Discrete(record["n"], start=record["start"])
    first, second = arrays.pop(0), arrays.pop(0)
    dtype: Any = np.dtype(record["dtype"]).type
    if record["kind"] == "box":
        return spaces.Box(first, second, first.shape, dtype)
    return spaces.MultiDiscrete(first, dtype, start=second)


def pack_info(info: Mapping[str, Any]) -> Packed:
    """The numeric arrays of a vector environment's info, nested ones too; the rest is dropped."""
    records, arrays = [], []
    for path, value in _leaves(info, ()):
        array = np.asarray(value)
        if array.dtype == object:
            rows = _stacked(array)
            if rows is None:
                continue
            records.append([path, True])
            arrays += rows
        elif array.dtype.str in DTYPES:
            records.append([path, False])
            arrays.append(array)
    return records, arrays


def unpack_info(records: list[Any], arrays: list[np.ndarray]) -> dict[str, Any]:
    """What `pack_info` packed; takes its arrays from the front of `arrays`."""
    info: dict[str, Any] = {}
    for path, objects in records:
        inner = info
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        value = arrays.pop(0)
        if objects:
            there, rows = arrays.pop(0), value
            value = np.full(len(there), None, object)
            for i in np.flatnonzero(there):
                value[i] = rows[i]
        inner[path[-1]] = value
    return info


def _leaves(info: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[list[str], Any]]:
    for name, value in info.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, str(name)))
        else:
            yield [*path, str(name)], value


def _stacked(array: np.ndarray) -> list[np.ndarray] | None:
    """An object array of equal arrays and None, as one array and where they are."""
    there = np.array([each is not None for each in array.reshape(-1)], bool)
    rows = [np.asarray(each) for each in array.reshape(-1)[there]]
    if array.ndim != 1 or not rows or rows[0].dtype.str not in DTYPES:
        return None
    if any((row.shape, row.dtype) != (rows[0].shape, rows[0].dtype) for row in rows):
        return None
    full = np.zeros((len(array), *rows[0].shape), rows[0].dtype)
    full[there] = np.stack(rows)
    return [full, there]


def pack_arguments(arguments: Sequence[Any]) -> Packed:
    """Arguments of a call: arrays, and plain values or tuples of them."""
    arrays = [each for each in arguments if isinstance(each, np.ndarray)]
    records = [
        {} if isinstance(each, np.ndarray) else {"value": pack_settings(each)} for each in arguments
    ]
    return records, arrays


def unpack_arguments(records: list[Any], arrays: list[np.ndarray]) -> list[Any]:
    """What `pack_arguments` packed; takes its arrays from the front of `arrays`."""
    return [unpack_settings(each["value"]) if each else arrays.pop(0) for each in records]


def pack_settings(value: Any) -> Any:
    """JSON data that keeps tuples apart from lists."""
    match value:
        case tuple():
            return {_TUPLE: [pack_settings(each) for each in value]}
        case list():
            return [pack_settings(each) for each in value]
        case Mapping():
            return {str(key): pack_settings(each) for key, each in value.items()}
        case np.generic():
            return value.item()
    return value


def unpack_settings(value: Any) -> Any:
    """What `pack_settings` packed."""
    match value:
        case list():
            return [unpack_settings(each) for each in value]
        case dict():
            if value.keys() == {_TUPLE}:
                return tuple(unpack_settings(each) for each in value[_TUPLE])
            return {key: unpack_settings(each) for key, each in value.items()}
    return value
