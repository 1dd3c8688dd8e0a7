"""What tells one policy from another: its code, its weights and its plain values."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from leapbench.running import live


def digest(thing: Any) -> str:
    """SHA-256 of what a policy is: its class's source, and its weights and plain values."""
    found = hashlib.sha256()
    for piece in _pieces(thing, set()):
        found.update(piece + b"\0")
    return found.hexdigest()


def _pieces(thing: Any, seen: set[int]) -> Iterator[bytes]:
    if isinstance(thing, live.PLAIN):
        yield repr(thing).encode()
        return
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        yield f"{thing.dtype}{thing.shape}".encode() + np.ascontiguousarray(thing).tobytes()
    elif hasattr(thing, "detach"):
        yield from _pieces(thing.detach().cpu().numpy(), set())
    elif isinstance(thing, Mapping):
        for key in thing:
            yield str(key).encode()
            yield from _pieces(thing[key], seen)
    elif isinstance(thing, Sequence | set | frozenset):
        for one in thing if isinstance(thing, Sequence) else sorted(thing, key=repr):
            yield from _pieces(one, seen)
    elif callable(thing) and hasattr(thing, "__code__"):
        yield live.source_digest(thing).encode()
        for held in _held(thing):
            yield from _pieces(held, seen)
    else:
        yield from _object(thing, seen)


def _held(function: Callable[..., Any]) -> Iterator[Any]:
    """Arrays and networks that a function holds or names; its text does not tell them apart."""
    names = inspect.getclosurevars(function)
    for value in (*names.nonlocals.values(), *names.globals.values()):
        if isinstance(value, np.ndarray) or hasattr(value, "detach") or _weights(value):
            yield value


def _weights(thing: Any) -> bool:
    """Whether it is an object with weights; a class of such objects is none."""
    return hasattr(thing, "state_dict") and not isinstance(thing, type)


def _object(thing: Any, seen: set[int]) -> Iterator[bytes]:
    """An object: a module by its weights, a model of Stable-Baselines3 by its policy's."""
    kind = type(thing)
    yield f"{kind.__module__}.{kind.__qualname__}".encode()
    if hasattr(getattr(thing, "policy", None), "state_dict"):
        yield from _pieces(thing.policy.state_dict(), seen)
    elif hasattr(thing, "state_dict"):
        yield from _pieces(dict(thing.state_dict()), seen)
    else:
        if kind.__module__ == "__main__":
            yield live.source_digest(kind).encode()
        yield from _pieces(getattr(thing, "__dict__", {}), seen)
