"""One network in training, and what is written of it so that it goes on after a kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from leapbench.envs.distill.deep.images import Images
from leapbench.envs.distill.deep.networks import Network, built, shaped
from leapbench.envs.distill.stack import DECAY, MOMENTUM

TENSORS, NETWORK, MOVING = "network.safetensors", "network/", "momentum/"
AT_ONCE = 256
"""Images of a batch that is only looked at."""
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From images, logits and labels of a batch to its mean loss."""


class Run:
    """A network, its momentum, and how many updates it had.

    Args:
        name: of the network, see `networks.shaped`.
        images: what it is trained on.
        seed: of the first weights, the order of images and their crops.
        batch: images of an update.
        updates: of a whole training; the rate falls to 0 along a cosine over them.
        rate: at the beginning.
        device: as torch names it.

    Attributes:
        network: the network.
        update: updates made.
    """

    def __init__(
        self,
        name: str,
        images: Images,
        seed: Sequence[int],
        batch: int,
        updates: int,
        rate: float,
        device: str,
    ) -> None:
        self.name, self.images, self.seed, self.device = name, images, tuple(seed), device
        self.batch, self.updates, self.rate = batch, updates, rate
        first = int(np.random.default_rng([*seed, 0]).integers(2**31))
        self.network: Network = built(name, images.classes, first).to(device)
        parameters = self.network.parameters()
        self.optimiser = torch.optim.SGD(
            parameters, rate, momentum=MOMENTUM, weight_decay=DECAY, nesterov=True
        )
        self.update = 0
        self.labels = torch.from_numpy(images.labels).to(device)
        self._padded: Tensor | None = None
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.zeros(0, np.int64))

    @property
    def each(self) -> int:
        """Updates of an epoch; what fills no batch is left out."""
        return max(1, len(self.images.labels) // self.batch)

    def step(self, loss: Loss) -> float:
        """One update; the loss before it.

        What is drawn depends on the seed and on the number of the update alone.
        """
        if self._padded is None:
            self._padded = self.images.padded(self.device)
        rows = self._rows()
        rng = np.random.default_rng([*self.seed, 2, self.update])
        x = self.images.augmented(self._padded, rows, rng)
        at = self.update / self.updates
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * 0.5 * (1 + np.cos(np.pi * at))
        self.network.train()
        self.optimiser.zero_grad()
        found = loss(x, self.network(x), self.labels[torch.from_numpy(rows).to(self.device)])
        found.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.update += 1
        return float(found.detach())

    def _rows(self) -> NDArray[np.int64]:
        epoch, place = divmod(self.update, self.each)
        if self._order[0] != epoch:
            rng = np.random.default_rng([*self.seed, 1, epoch])
            self._order = (epoch, rng.permutation(len(self.images.labels)))
        return self._order[1][place * self.batch : (place + 1) * self.batch]

    def save(self, folder: Path) -> None:
        """Write weights and momentum."""
        tensors = dict(self.network.state_dict(prefix=NETWORK))
        for name, parameter in self.network.named_parameters():
            buffer = self.optimiser.state.get(parameter, {}).get("momentum_buffer")
            if buffer is not None:
                tensors[MOVING + name] = buffer
        written(tensors, folder / TENSORS)

    def load(self, folder: Path, update: int) -> None:
        """Go on from what `save` wrote after `update` updates.

        Raises:
            OSError, ValueError, KeyError, RuntimeError: when the file is of another network.
        """
        path = folder / TENSORS
        self.network.load_state_dict(under(path, NETWORK))
        self.optimiser.state.clear()
        momentum = under(path, MOVING)
        for name, parameter in self.network.named_parameters():
            if name in momentum:
                buffer = torch.empty_like(parameter).copy_(momentum[name])
                self.optimiser.state[parameter]["momentum_buffer"] = buffer
        self.update = update


def written(tensors: dict[str, Tensor], path: Path) -> None:
    """Write tensors of any device."""
    save_file({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, path)


def under(path: Path, prefix: str) -> dict[str, Tensor]:
    """Tensors of a file whose names begin so, without that beginning."""
    found = load_file(path)
    return {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}


def keep(network: Network, path: Path) -> None:
    """Write a network that is trained no more."""
    written(network.state_dict(prefix=NETWORK), path)


def kept(name: str, classes: int, path: Path) -> Network:
    """A network that `keep` or `Run.save` wrote, for looking at alone.

    Raises:
        OSError, ValueError, KeyError, RuntimeError: when the file is of another network.
    """
    network = shaped(name, classes)
    network.load_state_dict(under(path, NETWORK))
    return network.eval().requires_grad_(False)


@contextmanager
def looking(network: Network) -> Iterator[Network]:
    """The network in evaluation mode, without gradients."""
    before = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield network
    finally:
        network.train(before)


def said(network: Network, images: Images, pixels: NDArray[np.uint8], device: str) -> Tensor:
    """Logits of images as they are, float32 (N, C) on the CPU."""

    def one(some: NDArray[np.uint8]) -> Any:
        x = images.seen(torch.from_numpy(some).to(device), device)
        return network(x).float().cpu()

    with looking(network):
        return torch.cat([one(pixels[i : i + AT_ONCE]) for i in range(0, len(pixels), AT_ONCE)])
