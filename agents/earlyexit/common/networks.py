"""Builds the multi-exit network that a protocol specifies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from leapbench.agents.earlyexit.msdnet import network as msdnet
from leapbench.errors import unknown


def _msdnet(shape: Mapping[str, Any]) -> nn.Module:
    return msdnet.MSDNet(msdnet.MSDNetConfig(**_tuples(shape)))


def _ranet(shape: Mapping[str, Any]) -> nn.Module:
    from leapbench.agents.earlyexit.ranet import network as ranet

    return ranet.RANet(ranet.RANetConfig(**_tuples(shape)))


FAMILIES: dict[str, Callable[[Mapping[str, Any]], nn.Module]] = {
    "msdnet": _msdnet,
    "ranet": _ranet,
}


def build(kind: str, shape: Mapping[str, Any], seed: int) -> nn.Module:
    """Build a network with freshly drawn weights.

    Args:
        kind: "msdnet" or "ranet".
        shape: fields of the network's config class.
        seed: decides the weights; the global generator is left as it was.

    Raises:
        UserError: for another kind.
    """
    if kind not in FAMILIES:
        raise unknown("network", kind, FAMILIES)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FAMILIES[kind](shape).to(memory_format=torch.channels_last)  # type: ignore[no-any-return,call-overload]


def _tuples(shape: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in shape.items()}
