"""Weights of a registered network, trained elsewhere, as `weights:<network>:<file.safetensors>`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from leapbench.agents.common.stored import file
from leapbench.agents.earlyexit.common import networks
from leapbench.contract.agent import LearningPhase
from leapbench.errors import Unfit, unknown

FILE, RECORD = "network.safetensors", "network.json"


class Weights:
    """A registered network with weights from a file; it learns nothing more.

    Args:
        network: "msdnet" or "ranet"; the protocol gives the shape.
        sha256: what the file's SHA-256 must be, 64 hexadecimal digits; "" for any.
        path: the safetensors file, with exactly the keys of the network's `state_dict`.

    Attributes:
        network: the module, in evaluation mode, after `learn` or `load`.
    """

    def __init__(self, network: str, sha256: str = "", path: str = "") -> None:
        self.kind, self.sha256, self.path = network, sha256, path
        self.network: nn.Module = nn.Identity()
        self.shape: dict[str, Any] = {}
        self.data = b""

    def learn(self, phase: LearningPhase) -> None:
        """Read the file; nothing of the phase's budget is spent.

        Raises:
            UserError: when the protocol has no such network.
            Unfit: when the file does not hold it.
        """
        shapes = phase.settings["networks"]
        if self.kind not in shapes:
            raise unknown("network", self.kind, shapes)
        self.shape = dict(shapes[self.kind])
        self.data = file.read(self.path, self.sha256)
        self.network = restore(self.kind, self.shape, self.data, self.path)

    def save(self, folder: Path) -> None:
        """Copy the file, and write which network it is for (JSON)."""
        (folder / FILE).write_bytes(self.data)
        record = {"network": self.kind, "shape": self.shape}
        (folder / RECORD).write_text(json.dumps(record))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote, in evaluation mode."""
        record = json.loads((folder / RECORD).read_text())
        self.kind, self.shape = record["network"], record["shape"]
        self.data = (folder / FILE).read_bytes()
        self.network = restore(self.kind, self.shape, self.data, str(folder / FILE))


def restore(kind: str, shape: Mapping[str, Any], data: bytes, name: str) -> nn.Module:
    """The registered network with the weights of a safetensors file, in evaluation mode.

    Args:
        kind: "msdnet" or "ranet".
        shape: fields of the network's config class.
        data: content of the file.
        name: what errors call the file.

    Raises:
        Unfit: for the first key that is missing, unknown, of another shape or type, or
            holds a value that is not finite.
    """
    network = networks.build(kind, shape, 0).eval()
    expected = network.state_dict()
    try:
        given = load(data)
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise Unfit(
            f"{name} cannot be read as safetensors: {error}.",
            "Expected what safetensors.torch.save_file(network.state_dict(), path) writes.",
        ) from error
    for key in (*expected, *sorted(given.keys() - expected.keys())):
        fault = _fault(given.get(key), expected.get(key))
        if fault:
            what = f"The weights of {name} do not fit this protocol's {kind}"
            raise Unfit(f"{what}: {_shown(key)} {fault}.")
    network.load_state_dict(given)
    return network


def _fault(given: Tensor | None, expected: Tensor | None) -> str:
    """What is wrong with one entry; "" when it is right."""
    if expected is None:
        return "is not one of its keys"
    if given is None:
        return "is missing"
    if given.shape != expected.shape:
        return f"has shape {tuple(given.shape)}, expected {tuple(expected.shape)}"
    if given.dtype != expected.dtype:
        return f"is {_kind(given)}, expected {_kind(expected)}"
    if not torch.isfinite(given).all():
        return "holds values that are not finite"
    return ""


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _shown(key: str) -> str:
    """A key of a file that is not trusted, fit for a terminal."""
    return repr(key if len(key) < 80 else key[:77] + "...")
