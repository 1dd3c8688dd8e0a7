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
        last: whether channels lie last in memory.
    """

    def __init__(
        self,
        replay: Replay,
        rng: np.random.Generator,
        device: torch.device,
        pad: int = 4,
        intensity: float = 0.05,
        last: bool = True,
    ) -> None:
        self.replay, self.rng, self.device = replay, rng, device
        self.pad, self.intensity = pad, intensity
        self.layout = torch.channels_last if last else torch.contiguous_format
        self.chunk = CHUNK if device.type == "cpu" else 10**9
        self._kept = torch.empty(0)

    def inputs(self, rows: Ints) -> Iterator[Tensor]:
        """Inputs float32 (<= chunk, channels, height, width) in [0, 1.1].

        Each is overwritten by the next.

        Args:
            rows: int64 (M,).
        """
        for images, factors in self._drawn(rows):
            # In one place: fresh memory of this size costs more than what is done with it.
            if self._kept.shape[1:] != images.shape[1:] or len(self._kept) < len(images):
                self._kept = self._room(images.shape)
            yield self._scaled(images, factors, self._kept[: len(images)])

    def whole(self, rows: Ints) -> Tensor:
        """The same as one tensor (M, channels, height, width), which stays as it is."""
        made, low = torch.empty(0), 0
        for images, factors in self._drawn(rows):
            if not low:
                made = self._room((len(rows), *images.shape[1:]))
            self._scaled(images, factors, made[low : low + len(images)])
            low += len(images)
        return made

    def _drawn(self, rows: Ints) -> Iterator[tuple[NDArray[np.uint8], Tensor]]:
        """Shifted images uint8 (<= chunk, channels, height, width) and factors (<= chunk,)."""
        offsets = self.rng.integers(0, 2 * self.pad + 1, (len(rows), 2))
        noise = self.rng.standard_normal(len(rows), np.float32).clip(-2, 2)
        factors = torch.from_numpy((1 + self.intensity * noise) / 255).float()
        parts = self.replay.parts(rows)
        # Stacks that follow one another share frames, each of which is padded once.
        once, where = np.unique(parts, return_inverse=True)
        padded = padded_frames(self.replay.frames[once], self.pad)
        where = where.reshape(parts.shape)
        for low in range(0, len(rows), self.chunk):
            part = slice(low, low + self.chunk)
            found = crops(padded, where[part], offsets[part], self.pad)
            yield found.reshape(len(found), -1, *found.shape[-2:]), factors[part]

    def _room(self, shape: tuple[int, ...]) -> Tensor:
        return torch.empty(shape, device=self.device).contiguous(memory_format=self.layout)

    def _scaled(self, images: NDArray[np.uint8], factors: Tensor, out: Tensor) -> Tensor:
        raw, scale = (x.to(self.device) for x in (torch.from_numpy(images), factors))
        if self.layout == torch.contiguous_format:
            # Whole numbers are widened six times as fast where nothing changes its place.
            return out.copy_(raw).mul_(scale.view(-1, 1, 1, 1))
        return torch.mul(raw, scale.view(-1, 1, 1, 1), out=out)


def padded_frames(frames: NDArray[np.uint8], pad: int) -> NDArray[np.uint8]:
    """Frames uint8 (U, ..., height, width) with `pad` pixels of their border on every side."""
    if not pad:
        return frames
    height, width = frames.shape[-2:]
    made = np.empty((*frames.shape[:-2], height + 2 * pad, width + 2 * pad), np.uint8)
    inner = slice(pad, pad + width)
    made[..., pad : pad + height, inner] = frames
    made[..., :pad, inner] = frames[..., :1, :]
    made[..., pad + height :, inner] = frames[..., -1:, :]
    made[..., :pad] = made[..., pad : pad + 1]
    made[..., pad + width :] = made[..., pad + width - 1 : pad + width]
    return made


def crops(padded: NDArray[np.uint8], where: Ints, offsets: Ints, pad: int) -> NDArray[np.uint8]:
    """Stacks of frames cropped out of padded ones.

    Args:
        padded: uint8 (U, ..., height + 2 * pad, width + 2 * pad).
        where: int64 (M, stack), which frames.
        offsets: int64 (M, 2), first row and column of each stack's crop in [0, 2 * pad].
        pad: pixels on every side.

    Returns:
        uint8 (M, stack, ..., height, width).
    """
    height, width = (side - 2 * pad for side in padded.shape[-2:])
    flat = padded.reshape(len(padded), -1, *padded.shape[-2:])
    frame, plane, line, pixel = flat.strides
    window = (len(flat), 2 * pad + 1, 2 * pad + 1, flat.shape[1], height, width)
    views = as_strided(flat, window, (frame, line, pixel, plane, line, pixel), writeable=False)
    found: NDArray[np.uint8] = views[where, offsets[:, :1], offsets[:, 1:]]
    return found
