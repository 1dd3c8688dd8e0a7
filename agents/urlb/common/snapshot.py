"""The state of a graph of objects as one safetensors and one JSON file, without pickle.

What is restored was first built anew in the same way; the saved state is then put in
place, with the same objects shared. What is not known is refused, so that no state
is silently lost.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

TENSORS, RECORD = "state.safetensors", "state.json"
SEQUENCES: dict[str, Any] = {"list": list, "tuple": tuple, "deque": deque}
PLUMBING = set(vars(nn.Module())) - {"training", "_parameters", "_buffers", "_modules"}
"""Attributes of every module that hold no state."""
BARE = nn.Module.__basicsize__
"""Bytes of an instance that has attributes alone."""
Node = Any
"""JSON data: a scalar as it is, anything else as a dictionary that begins with its kind."""


class Writer:
    """Turns values into JSON nodes and collects their tensors, which are not copied.

    Attributes:
        tensors: by the path on which they were met first.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._met: dict[int, tuple[str, Any]] = {}

    def node(self, value: Any, path: str) -> Node:
        """JSON node of a value.

        Raises:
            TypeError: for a kind of object whose state is not known.
        """
        if value is None or type(value) in (bool, int, float, str):
            return value
        if id(value) in self._met:
            return {"same": self._met[id(value)][0]}
        self._met[id(value)] = path, value  # kept, so that no other gets its id
        for name, kind in SEQUENCES.items():
            if type(value) is kind:
                return {name: [self.node(each, f"{path}.{i}") for i, each in enumerate(value)]}
        if type(value) in (dict, OrderedDict):
            return {
                "dict": [[_key(k, path), self.node(v, f"{path}.{k}")] for k, v in value.items()]
            }
        if isinstance(value, FunctionType) and not value.__closure__:
            return {"function": value.__qualname__}
        return self._numbers(value, path) or self._object(value, path)

    def _numbers(self, value: Any, path: str) -> Node:
        """Node of tensors, arrays, NumPy's scalars and random generators; None for others."""
        if isinstance(value, Tensor):
            self.tensors[path] = value.detach().contiguous()
            return {"tensor": path}
        if type(value) is np.ndarray and value.dtype != object:
            self.tensors[path] = torch.from_numpy(np.ascontiguousarray(value)).view(value.shape)
            return {"array": path}
        if isinstance(value, np.number | np.bool_):
            return {"scalar": value.item(), "dtype": value.dtype.str}
        if isinstance(value, np.random.Generator):
            return {"random": value.bit_generator.state}
        if isinstance(value, torch.Generator):
            self.tensors[path] = value.get_state()
            return {"noise": path}
        return None

    def _object(self, value: Any, path: str) -> Node:
        name = type(value).__qualname__
        if _keeps_state(value):
            return {"state": self.node(value.state_dict(), path), "class": name}
        attributes = {k: self.node(v, f"{path}.{k}") for k, v in _attributes(value, path).items()}
        return {"object": attributes, "class": name}


class Reader:
    """Puts what a `Writer` wrote into values that were built in the same way.

    Args:
        file: an open safetensors file.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._done: dict[str, Any] = {}
        self._filled: dict[int, Any] = {}

    def value(self, node: Node, live: Any, path: str) -> Any:
        """The value of a node: `live` itself with the saved state where that can be.

        Raises:
            ValueError: when `live` is of another kind than what was saved.
        """
        if not isinstance(node, dict):
            return node
        if "same" in node:
            return self._done[node["same"]]
        kind = next(iter(node))
        if kind in ("object", "state") and type(live).__qualname__ != node["class"]:
            raise ValueError(f"{path} was a {node['class']} and is a {type(live).__qualname__}")
        if kind in ("object", "random", "noise"):
            self._done[path] = live
        self._done[path] = getattr(self, f"_{kind}")(node, live, path)
        return self._done[path]

    def _sequence(self, node: Node, live: Any, path: str) -> list[Any]:
        (items,) = node.values()
        own = list(live) if isinstance(live, list | tuple | deque) else []
        own += [None] * (len(items) - len(own))
        return [self.value(items[i], own[i], f"{path}.{i}") for i in range(len(items))]

    def _list(self, node: Node, live: Any, path: str) -> list[Any]:
        return self._sequence(node, live, path)

    def _tuple(self, node: Node, live: Any, path: str) -> tuple[Any, ...]:
        return tuple(self._sequence(node, live, path))

    def _deque(self, node: Node, live: Any, path: str) -> deque[Any]:
        return deque(self._sequence(node, live, path), getattr(live, "maxlen", None))

    def _dict(self, node: Node, live: Any, path: str) -> dict[Any, Any]:
        own = live if isinstance(live, dict) else {}
        found = {k: self.value(v, own.get(k), f"{path}.{k}") for k, v in node["dict"]}
        own.clear()
        own.update(found)
        return own

    def _tensor(self, node: Node, live: Any, path: str) -> Tensor:
        saved: Tensor = self._file.get_tensor(node["tensor"])
        fits = isinstance(live, Tensor) and live.shape == saved.shape and live.dtype == saved.dtype
        if not fits or id(live) in self._filled:
            if isinstance(live, nn.Parameter):
                raise ValueError(f"{path} was {tuple(saved.shape)} and is {tuple(live.shape)}")
            return saved
        self._filled[id(live)] = live
        with torch.no_grad():
            live.copy_(saved)
        return live  # type: ignore[no-any-return]

    def _array(self, node: Node, live: Any, path: str) -> Any:
        return self._file.get_tensor(node["array"]).numpy().copy()

    def _scalar(self, node: Node, live: Any, path: str) -> Any:
        return np.dtype(node["dtype"]).type(node["scalar"])

    def _function(self, node: Node, live: Any, path: str) -> Any:
        if getattr(live, "__qualname__", None) != node["function"]:
            raise ValueError(f"{path} was {node['function']} and is {live!r}")
        return live

    def _random(self, node: Node, live: Any, path: str) -> Any:
        live.bit_generator.state = node["random"]
        return live

    def _noise(self, node: Node, live: Any, path: str) -> Any:
        live.set_state(self._file.get_tensor(node["noise"]))
        return live

    def _state(self, node: Node, live: Any, path: str) -> Any:
        live.load_state_dict(self.value(node["state"], None, path))
        return live

    def _object(self, node: Node, live: Any, path: str) -> Any:
        own, saved = _attributes(live, path), node["object"]
        if own.keys() != saved.keys():
            raise ValueError(f"{path} has other attributes: {sorted(own.keys() ^ saved.keys())}")
        vars(live).update({k: self.value(v, own[k], f"{path}.{k}") for k, v in saved.items()})
        return live


def write(value: Any, folder: Path) -> None:
    """Save the state of everything that hangs on `value`.

    An object whose class has `state_dict` and `load_state_dict`, modules apart, is saved
    by these, and any other by its attributes.

    Raises:
        TypeError: for a kind of object whose state is not known.
    """
    writer = Writer()
    node = writer.node(value, "")
    save_file(writer.tensors, folder / TENSORS)
    (folder / RECORD).write_text(json.dumps(node))


def read(value: Any, folder: Path) -> None:
    """Put what `write` saved in place.

    Args:
        value: built as the saved one was.
        folder: what `write` filled.

    Raises:
        ValueError: when the files are damaged, or of something else.
        OSError: when they are absent.
    """
    try:
        node = json.loads((folder / RECORD).read_text())
        with safe_open(folder / TENSORS, "pt") as file:
            Reader(file).value(node, value, "")
    except (SafetensorError, KeyError, AttributeError, TypeError, RuntimeError) as error:
        raise ValueError(f"damaged, or of something else ({error})") from error


def peek(folder: Path, name: str) -> Node:
    """One plain entry of a dictionary that `write` saved.

    Raises:
        ValueError: when the file is damaged, or there is no such entry.
        OSError: when it is absent.
    """
    try:
        return dict(json.loads((folder / RECORD).read_text())["dict"])[name]
    except (KeyError, TypeError) as error:
        raise ValueError(f"damaged, or of something else ({error})") from error


def _keeps_state(value: Any) -> bool:
    return not isinstance(value, nn.Module) and hasattr(value, "load_state_dict")


def _attributes(value: Any, path: str) -> dict[str, Any]:
    """Attributes of an instance that has nothing besides them.

    Raises:
        TypeError: for others: with slots, or with a core in C.
    """
    kind = type(value)
    python = all("__module__" in vars(each) for each in kind.__mro__[:-1])
    if not python or kind.__basicsize__ > BARE or not hasattr(value, "__dict__"):
        raise TypeError(f"{path or 'this'} is a {kind.__qualname__}, whose state is not known.")
    hidden = PLUMBING if isinstance(value, nn.Module) else ()
    return {name: each for name, each in vars(value).items() if name not in hidden}


def _key(key: Any, path: str) -> str | int:
    if type(key) not in (str, int):
        raise TypeError(f"{path} has a key {key!r}; only text and whole numbers can be saved.")
    return key  # type: ignore[no-any-return]
