"""A small fully connected network, its seeding, and its file without pickle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from leapbench.agents.common.state import broken
from leapbench.envs.threads import one_thread


def mlp(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with ReLU between them.

    Args:
        widths: inputs, hidden layers, outputs.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run torch on one thread from `seed`, and leave its global state as it was."""
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(seed)
        yield


def save_weights(path: Path, module: nn.Module) -> None:
    """Write the parameters of `module` as safetensors."""
    # Copies, since parts of a network may share a tensor, which the format refuses.
    weights = {k: v.detach().contiguous().clone() for k, v in module.state_dict().items()}
    save_file(weights, path)


def load_weights(path: Path, module: nn.Module, policy: object) -> None:
    """Read what `save_weights` wrote into a `module` of the same shape.

    Raises:
        UserError: when the file is absent or fits another network; `policy` is named in it.
    """
    try:
        weights: dict[str, Tensor] = load_file(path)
        module.load_state_dict(weights)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise broken(path, policy, error) from error
