"""Weights in torchvision's layouts of ResNet and RegNet, for networks of this family."""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor

from leapbench.envs.latency.dynamic import DynamicNetwork
from leapbench.envs.latency.shape import Shape
from leapbench.envs.residual import read_weights, take_over

MASKER = ".masker."
_RESNET = re.compile(r"layer(\d+)\.(\d+)\.(.+)")
_REGNET = re.compile(r"trunk_output\.block(\d+)\.block\d+-(\d+)\.(.+)")
_INSIDE = {
    "downsample.": "shortcut.",
    "proj.": "shortcut.",
    "f.a.0.": "conv1.",
    "f.a.1.": "bn1.",
    "f.b.0.": "conv2.",
    "f.b.1.": "bn2.",
    "f.se.": "se.",
    "f.c.0.": "conv3.",
    "f.c.1.": "bn3.",
}
"""Beginnings of names inside a block, theirs to ours; others are the same."""
_AROUND = {"conv1.": "stem.0.", "bn1.": "stem.1.", "fc.": "classifier."}


def take_over_weights(network: DynamicNetwork, path: Path) -> DynamicNetwork:
    """Load a file of weights in place; maskers, which it has none of, stay as they are.

    Args:
        network: of a shape that torchvision's network has, too.
        path: a safetensors file of the state dictionary of torchvision's ResNet or RegNet.

    Returns:
        The network.

    Raises:
        UserError: when it is not there, or holds another network's weights.
    """
    whose = f"a network of {len(network.blocks)} blocks and {network.shape.classes} classes"
    found = {ours(name, network.shape): v for name, v in read_weights(path, whose).items()}
    own = {name: v for name, v in network.state_dict().items() if MASKER in name}
    take_over(network, _counted(found, network) | own, path, whose)
    return network


def ours(name: str, shape: Shape) -> str:
    """The name that a parameter of torchvision's network has here."""
    match = _RESNET.fullmatch(name) or _REGNET.fullmatch(name)
    if match is None:
        return _renamed(name, _AROUND)
    stage, place, rest = int(match[1]), int(match[2]), match[3]
    block = sum(shape.depths[: stage - 1]) + place
    return f"blocks.{block}.{_renamed(rest, _INSIDE)}"


def _renamed(name: str, table: dict[str, str]) -> str:
    for theirs, here in table.items():
        if name.startswith(theirs):
            return here + name.removeprefix(theirs)
    return name


def _counted(found: dict[str, Tensor], network: DynamicNetwork) -> dict[str, Tensor]:
    """With the norms' counts of batches, which files of long ago do not have."""
    counts = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}
    return counts | found
