"""How places are learned: five ways to a gradient for the locator, and none.

Each takes the clips, the glance's map without its gradient and the labels, and gives the
features of K looks (B, K, F) and a further loss for the locator.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.agents.videoglance.common.interpolate import between_cells, between_pixels
from leapbench.envs.videoglance.locator import LOCATORS
from leapbench.envs.videoglance.networks import GlanceNetwork
from leapbench.envs.videoglance.tensors import crop, parted
from leapbench.errors import unknown

MARGIN = 1
"""Cells of deep features, and frames, by which a crop is enlarged on every side."""


class Place(Protocol):
    """One way. It may be a module with parameters of its own, which are not kept."""

    def __call__(
        self, network: GlanceNetwork, clips: Tensor, maps: Tensor, glimpsed: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Features (B, K, F) of the looks, and a loss."""


def read(network: GlanceNetwork, cubes: Tensor) -> Tensor:
    """Features (B, K, F) of cubes (B, K, channels, t, h, w)."""
    deep = network.reader.look(cubes.flatten(0, 1))
    return parted(network.reader.looked(deep), 0, tuple(cubes.shape[:2]))


def at_random(network: GlanceNetwork, clips: Tensor, rng: torch.Generator) -> Tensor:
    """Features of K looks at places drawn uniformly."""
    own = network.shape
    share = torch.rand(len(clips), own.looks, 3, generator=rng)
    return read(network, _whole(network, clips, share.to(clips.device)))


def _start(network: GlanceNetwork, share: Tensor) -> Tensor:
    """Fractions (..., 3) as first frame, row and column, not rounded."""
    return share * torch.as_tensor(network.shape.grid.free, device=share.device)


def _whole(network: GlanceNetwork, clips: Tensor, share: Tensor) -> Tensor:
    """Cubes at fractions (B, K, 3), rounded to pixels: no gradient to the place."""
    start = _start(network, share.detach()).round().long()
    return crop(clips, start, network.shape.cube)


def _points(network: GlanceNetwork, maps: Tensor) -> Tensor:
    if network.locator is None:
        raise ValueError("this network has no locator")
    out: Tensor = network.locator(maps)
    return out


class DeepFeatures(nn.Module):
    """AdaFocusV3: deep features of an enlarged crop, interpolated at the policy's place.

    The enlarged crop lies at the place without its gradient; f_L runs on it, and its
    features are interpolated where the cube is inside it. Loss, interpolation, policy.
    """

    def __init__(self, network: GlanceNetwork) -> None:
        super().__init__()

    def forward(
        self, network: GlanceNetwork, clips: Tensor, maps: Tensor, glimpsed: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See `Place`."""
        own = network.shape
        start = _start(network, _points(network, maps))
        large, origin, stride = enlarged(network, start)
        cubes = crop(clips, origin, large)
        deep = network.reader.look(cubes.flatten(0, 1))
        inside = ((start - origin) / stride).flatten(0, 1)
        size = _cells(own.cube, stride)
        taken = between_cells(deep, inside, size)
        looked = parted(network.reader.looked(taken), 0, tuple(start.shape[:2]))
        return looked, clips.new_zeros(())


def enlarged(network: GlanceNetwork, start: Tensor) -> tuple[list[int], Tensor, Tensor]:
    """Size and origin (B, K, 3) of the enlarged crops around cubes, and pixels a cell (3,)."""
    own = network.shape
    stride = torch.tensor([1, own.stride, own.stride], device=start.device)
    large = [
        min(whole, part + 2 * MARGIN * step)
        for whole, part, step in zip(own.volume, own.cube, stride.tolist(), strict=True)
    ]
    last = torch.tensor([w - n for w, n in zip(own.volume, large, strict=True)]).to(start.device)
    wanted = (start.detach() - MARGIN * stride).round().long()
    return large, torch.minimum(wanted.clamp(min=0), last), stride


def _cells(cube: tuple[int, int, int], stride: Tensor) -> list[int]:
    return [-(-part // step) for part, step in zip(cube, stride.tolist(), strict=True)]


class GlanceMap(nn.Module):
    """Uni-AdaFocus: the glance's own map, interpolated there and read by an auxiliary classifier.

    Region features are averaged over time and space; the map has no gradient, so that the
    loss reaches the policy through the places alone.
    """

    def __init__(self, network: GlanceNetwork) -> None:
        super().__init__()
        self.classifier = nn.Linear(network.shape.seen, network.shape.classes)

    def forward(
        self, network: GlanceNetwork, clips: Tensor, maps: Tensor, glimpsed: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See `Place`."""
        own, share = network.shape, _points(network, maps)
        cells = torch.tensor(maps.shape[2:], device=maps.device)
        size = [
            max(1, round(part * n / v))
            for part, n, v in zip(own.cube, cells.tolist(), own.volume, strict=True)
        ]
        room = cells - torch.tensor(size, device=maps.device)
        start = (share * room.clamp(min=0)).flatten(0, 1)
        regions = between_cells(maps.repeat_interleave(own.looks, 0), start, size)
        pooled = parted(regions.mean((2, 3, 4)), 0, tuple(share.shape[:2])).mean(1)
        loss = functional.cross_entropy(self.classifier(pooled), labels)
        return read(network, _whole(network, clips, share)), loss


class Pixels(nn.Module):
    """AdaFocusV2: the cube itself is interpolated; the loss flows through f_L and its pixels."""

    def __init__(self, network: GlanceNetwork) -> None:
        super().__init__()

    def forward(
        self, network: GlanceNetwork, clips: Tensor, maps: Tensor, glimpsed: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See `Place`."""
        start = _start(network, _points(network, maps))
        return read(network, between_pixels(clips, start, network.shape.cube)), clips.new_zeros(())


class Reinforce(nn.Module):
    """AdaFocus (V1): places are drawn, and rewarded by what they add to the right class.

    Drawn from the softmax of the map of scores, or from a normal distribution around the
    point of the sigmoid head. The reward of look k is the rise of the right class's
    probability; its mean over the batch is the baseline.
    """

    deviation = 0.15

    def __init__(self, network: GlanceNetwork) -> None:
        super().__init__()

    def forward(
        self, network: GlanceNetwork, clips: Tensor, maps: Tensor, glimpsed: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See `Place`."""
        share, told = self._drawn(network, maps)
        looked = read(network, _whole(network, clips, share))
        with torch.no_grad():
            answers = network.reader.answers(glimpsed, looked).softmax(2)
            right = answers[torch.arange(len(labels)), :, labels]
            reward = right.diff(dim=1)
            reward = reward - reward.mean(0)
        return looked, -(reward * told).mean()

    def _drawn(self, network: GlanceNetwork, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Places (B, K, 3) and the log-probability of each (B, K)."""
        locator: Any = network.locator
        if locator.kind == "heatmap":
            scores = locator.output(maps).log_softmax(2)
            drawn: Any = torch.distributions.Categorical(logits=scores)
            chosen = drawn.sample()
            told = scores.gather(2, chosen[..., None])[..., 0]
            return locator.centres[chosen], told
        normal: Any = torch.distributions.Normal(locator(maps), self.deviation)
        points = normal.sample()
        return points.clamp(0, 1), normal.log_prob(points).sum(2)


WAYS: dict[str, type[nn.Module]] = {
    "deep-features": DeepFeatures,
    "glance-map": GlanceMap,
    "pixels": Pixels,
    "reinforce": Reinforce,
}
NONE = "random"


def known(name: str, head: str) -> None:
    """Refuse ways and heads that there are not.

    Raises:
        UserError: with those that there are.
    """
    if name not in (*WAYS, NONE):
        raise unknown("way to learn places", name, [*WAYS, NONE])
    if head not in LOCATORS:
        raise unknown("head", head, LOCATORS)


def way(name: str, network: GlanceNetwork) -> Any:
    """The way of that name; None where places are not learned.

    Raises:
        UserError: for an unknown name.
    """
    known(name, LOCATORS[0])
    return None if name == NONE else WAYS[name](network)
