"""Random shifts and intensities of whole batches of stacked frames, straight from a replay.

The random shift of DrQ (Kostrikov et al., 2021) pads by repeating the border and crops
anew; the intensity of SPR (Schwarzer et al., 2021) multiplies by one number an image. Both
are drawn anew for every stack and are the same for the frames of a stack.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from torch import Tensor

from leapbench.agents.common.replay import Ints, Replay

CHUNK = 32
"""Stacks that are made at once on a CPU: what an encoder makes of them stays in its cache."""


class Augmenter:
    """Makes network inputs of a replay's rows.

    Args:
        replay: where frames (..., height, width) lie.
        rng: draws shifts and intensities.
        device: where inputs go.
        pad: pixels of the widest shift; 0 for none.
        intensity: standard deviation of the factor 1 + intensity * N, |N| <= 2; 0 for none.
    """

    def __init__(
        self,
        replay: Replay,
        rng: np.random.Generator,
        device: torch.device,
        pad: int = 4,
        intensity: float = 0.05,
    ) -> None:
        self.replay, self.rng, self.device = replay, rng, device
        self.pad, self.intensity = pad, intensity
        self.chunk = CHUNK if device.type == "cpu" else 10**9
        self._kept = torch.empty(0)

    def inputs(self, rows: Ints) -> Iterator[Tensor]:
        """Inputs float32 (<= chunk, channels, height, width) in [0, 1.1], channels last.

        Each is overwritten by the next.

        Args:
            rows: int64 (M,).
        """
        offsets = self.rng.integers(0, 2 * self.pad + 1, (len(rows), 2))
        noise = self.rng.standard_normal(len(rows), np.float32).clip(-2, 2)
        factors = torch.from_numpy((1 + self.intensity * noise) / 255).float()
        for low in range(0, len(rows), self.chunk):
            part = slice(low, low + self.chunk)
            yield self._scaled(self._shifted(rows[part], offsets[part]), factors[part])

    def whole(self, rows: Ints) -> Tensor:
        """The same as one tensor (M, channels, height, width)."""
        return torch.cat([part.clone() for part in self.inputs(rows)])

    def _shifted(self, rows: Ints, offsets: Ints) -> NDArray[np.uint8]:
        if not self.pad:
            return self.replay.observations(rows)
        return shifted(self.replay.observations(rows), offsets, self.pad)

    def _scaled(self, images: NDArray[np.uint8], factors: Tensor) -> Tensor:
        # In one place, since fresh memory of this size costs more than what is done with it.
        if self._kept.shape[1:] != images.shape[1:] or len(self._kept) < len(images):
            made = torch.empty(images.shape, device=self.device)
            self._kept = made.contiguous(memory_format=torch.channels_last)
        raw = torch.from_numpy(images).to(self.device)
        scale = factors.to(self.device).view(-1, 1, 1, 1)
        return torch.mul(raw, scale, out=self._kept[: len(images)])


def shifted(images: NDArray[np.uint8], offsets: Ints, pad: int) -> NDArray[np.uint8]:
    """Images padded by their borders and cropped again.

    Args:
        images: uint8 (M, C, height, width).
        offsets: int64 (M, 2), first row and column of each crop in [0, 2 * pad].
        pad: pixels on every side.

    Returns:
        uint8 (M, C, height, width).
    """
    count, channels, height, width = images.shape
    canvas = np.empty((count, channels, height + 2 * pad, width + 2 * pad), np.uint8)
    inner = slice(pad, pad + width)
    canvas[:, :, pad : pad + height, inner] = images
    canvas[:, :, :pad, inner] = images[:, :, :1]
    canvas[:, :, pad + height :, inner] = images[:, :, -1:]
    canvas[..., :pad] = canvas[..., pad : pad + 1]
    canvas[..., pad + width :] = canvas[..., pad + width - 1 : pad + width]
    item, plane, line, pixel = canvas.strides
    window = (count, 2 * pad + 1, 2 * pad + 1, channels, height, width)
    views = as_strided(canvas, window, (item, line, pixel, plane, line, pixel), writeable=False)
    found: NDArray[np.uint8] = views[np.arange(count), offsets[:, 0], offsets[:, 1]]
    return found
