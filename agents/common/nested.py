"""Nested dictionaries of tensors and JSON data in a folder, without pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

TENSORS, RECORD = "state.safetensors", "state.json"


def write(state: dict[str, Any], folder: Path) -> None:
    """Save dictionaries, lists and tuples of tensors and of what JSON knows.

    Keys are texts or whole numbers; tuples come back as lists.
    """
    tensors: dict[str, Tensor] = {}
    record = _packed(state, "", tensors)
    save_file(tensors, folder / TENSORS)
    (folder / RECORD).write_text(json.dumps(record))


def read(folder: Path) -> dict[str, Any]:
    """What `write` saved.

    Raises:
        OSError: when it is absent.
        ValueError: when it is damaged.
    """
    try:
        record = json.loads((folder / RECORD).read_text())
        state = _unpacked(record, load_file(folder / TENSORS))
    except (SafetensorError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if not isinstance(state, dict):
        raise ValueError("it is no dictionary")
    return state


def _packed(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        # A copy where one tensor stands in two places, which the format refuses.
        known = {each.data_ptr() for each in tensors.values()}
        plain = value.detach().cpu().contiguous()
        tensors[path] = plain.clone() if plain.data_ptr() in known else plain
        return {"tensor": path}
    if isinstance(value, dict):
        pairs = [[key, _packed(each, f"{path}/{key}", tensors)] for key, each in value.items()]
        return {"dict": pairs}
    if isinstance(value, list | tuple):
        return [_packed(each, f"{path}/{i}", tensors) for i, each in enumerate(value)]
    return value


def _unpacked(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpacked(each, tensors) for each in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    return {key: _unpacked(each, tensors) for key, each in value["dict"]}
