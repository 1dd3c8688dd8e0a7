"""Two views of a picture: crops, flips and colours of whole batches at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv2d, pad

from leapbench.envs.pretrain.positions import Boxes
from leapbench.errors import UserError

Pixels = NDArray[np.uint8]
MIDDLE, SPREAD = 0.5, 0.25
"""With which colours between 0 and 1 are shifted and scaled for a network."""
LUMA = (0.299, 0.587, 0.114)
TRIES = 10


@dataclass(frozen=True)
class Look:
    """How a view is made of a picture (released code: `DataAugmentationForSIM`).

    Args:
        area: share of the picture that a crop has at least, in (0, 1].
        colour: strength of changes of brightness, contrast (.4 at 1), saturation (.2) and hue
            (.1), done to 80 % of the views; 0 leaves colours as they are.
        grey: share of views without colours.
        blur: share of views that are blurred.
        solarise: share of views of which bright pixels are inverted.
        flip: share of pictures that are flipped before.

    Raises:
        UserError: for a number out of its range.
    """

    area: float = 0.15
    colour: float = 1.0
    grey: float = 0.2
    blur: float = 0.0
    solarise: float = 0.0
    flip: float = 0.5

    def __post_init__(self) -> None:
        shares = (self.grey, self.blur, self.solarise, self.flip)
        if not 0 < self.area <= 1 or not 0 <= self.colour <= 2.0:
            raise UserError(f"area is in (0, 1] and colour in [0, 2], got {self}.")
        if not all(0 <= share <= 1 for share in shares):
            raise UserError(f"grey, blur, solarise and flip are in [0, 1], got {self}.")


@dataclass(frozen=True)
class View:
    """Views of N pictures.

    Args:
        pixels: float32 (N, channels, size, size), shifted and scaled.
        boxes: where they were taken from.
    """

    pixels: Tensor
    boxes: Boxes


def make(
    images: Pixels,
    look: Look,
    size: int,
    rng: np.random.Generator,
    near: Boxes | None = None,
    overlap: float = 0.0,
) -> View:
    """A view of each picture.

    Args:
        images: uint8 (N, height, width, channels).
        look: how views are made.
        size: side of a view in pixels.
        rng: draws them.
        near: where other views of the pictures were taken.
        overlap: how far crops are moved from where chance puts them to `near`, in [0, 1];
            that share of pictures is flipped as there.
    """
    given = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    flipped = rng.random(len(images)) < look.flip
    if near is not None:
        flipped = np.where(rng.random(len(images)) < overlap, near.flipped, flipped)
    where = boxes(len(images), images.shape[1], images.shape[2], look.area, flipped, rng)
    if near is not None:
        where = where.towards(near, overlap)
    pixels = coloured(cropped(given, where, size), look, rng)
    return View((pixels - MIDDLE) / SPREAD, where)


def whole(images: Pixels, size: int) -> Tensor:
    """Whole pictures at the size of a view, (N, channels, size, size), shifted and scaled."""
    given = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    count, high, wide = images.shape[:3]
    zeros, ones = np.zeros(count), np.ones(count)
    all_of_it = Boxes(zeros, zeros, high * ones, wide * ones, zeros.astype(bool), float(wide))
    return (cropped(given, all_of_it, size) - MIDDLE) / SPREAD


def seen(pixels: Tensor) -> Pixels:
    """Views (N, C, H, W) as pictures uint8 (N, H, W, C)."""
    colours = ((pixels * SPREAD + MIDDLE).clamp(0, 1) * 255).round()
    return np.asarray(colours.permute(0, 2, 3, 1).numpy()).astype(np.uint8)


def boxes(
    count: int,
    high: int,
    wide: int,
    area: float,
    flipped: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Boxes:
    """Crops of at least a share `area`, 3:4 to 4:3, of whole pixels; all after ten misfits."""
    part = high * wide * rng.uniform(area, 1, (TRIES, count))
    turn = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), (TRIES, count)))
    width, height = np.rint(np.sqrt(part * turn)), np.rint(np.sqrt(part / turn))
    fits = (width > 0) & (width <= wide) & (height > 0) & (height <= high)
    first, any_fits, rows = fits.argmax(0), fits.any(0), np.arange(count)
    height = np.where(any_fits, height[first, rows], high)
    width = np.where(any_fits, width[first, rows], wide)
    top = np.floor(rng.random(count) * (high - height + 1))
    left = np.floor(rng.random(count) * (wide - width + 1))
    return Boxes(top, left, height, width, flipped, float(wide))


def cropped(images: Tensor, where: Boxes, size: int) -> Tensor:
    """Crops (N, channels, size, size) of pictures, bilinear, each clamped to its own border."""
    turned = torch.from_numpy(where.flipped)
    given = torch.where(turned[:, None, None, None], images.flip(3), images)
    for axis, start, length in ((2, where.top, where.height), (3, where.left, where.width)):
        given = _stretched(given, axis, start, length, size)
    return given


def _stretched(
    given: Tensor, axis: int, start: NDArray[np.float64], length: NDArray[np.float64], size: int
) -> Tensor:
    spot = (np.arange(size) + 0.5) * (length / size)[:, None] - 0.5
    spot = np.clip(spot, 0, (length - 1)[:, None])
    low = np.floor(spot)
    share = torch.from_numpy((spot - low).astype(np.float32))
    high = np.minimum(low + 1, (length - 1)[:, None])
    view = [len(given), 1, 1, 1]
    view[axis] = size
    wanted = list(given.shape)
    wanted[axis] = size
    ends = [
        given.gather(
            axis,
            torch.from_numpy((each + start[:, None]).astype(np.int64)).view(view).expand(wanted),
        )
        for each in (low, high)
    ]
    return torch.lerp(ends[0], ends[1], share.view(view))


def coloured(pixels: Tensor, look: Look, rng: np.random.Generator) -> Tensor:
    """The views (N, C, size, size) in [0, 1] after changes of colour, greys, blur, solarising."""
    count, three = len(pixels), pixels.shape[1] == 3
    changed = _drawn(rng, count, 0.8)
    strength = torch.from_numpy(rng.uniform(-1, 1, (4, count)).astype(np.float32)) * look.colour
    strength = strength * changed * torch.tensor([[0.4], [0.4], [0.2], [0.1]])
    bright, contrast, saturation, hue = strength[:, :, None, None, None]
    if look.colour:
        pixels = (pixels * (1 + bright)).clamp(0, 1)
        mean = _grey(pixels).mean((2, 3), keepdim=True)
        pixels = torch.lerp(mean.expand_as(pixels), pixels, 1 + contrast).clamp(0, 1)
    if look.colour and three:
        pixels = torch.lerp(_grey(pixels).expand_as(pixels), pixels, 1 + saturation).clamp(0, 1)
        pixels = _turned(pixels, hue.flatten()).clamp(0, 1)
    if look.grey and three:
        chosen = _drawn(rng, count, look.grey)[:, None, None, None].bool()
        pixels = torch.where(chosen, _grey(pixels).expand_as(pixels), pixels)
    if look.blur:
        chosen = _drawn(rng, count, look.blur)[:, None, None, None].bool()
        pixels = torch.where(chosen, blurred(pixels, rng.uniform(0.1, 2.0, count)), pixels)
    if look.solarise:
        chosen = _drawn(rng, count, look.solarise)[:, None, None, None].bool()
        pixels = torch.where(chosen & (pixels >= 0.5), 1 - pixels, pixels)
    return pixels


def blurred(pixels: Tensor, sigma: NDArray[np.float64]) -> Tensor:
    """Pictures (N, C, H, W) blurred by a Gaussian of each one's width in pixels (N,)."""
    reach = max(1, int(np.ceil(2 * sigma.max())))
    steps = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (steps / sigma[:, None]) ** 2)
    kernel = torch.from_numpy((weights / weights.sum(1, keepdims=True)).astype(np.float32))
    count, channels, high, wide = pixels.shape
    flat = pixels.reshape(1, count * channels, high, wide)
    kernel = kernel.repeat_interleave(channels, 0)[:, None]
    for axis in (2, 3):
        border = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        each = kernel[..., None] if axis == 2 else kernel[:, :, None]
        flat = conv2d(pad(flat, border, "replicate"), each, groups=count * channels)
    return flat.view_as(pixels)


def _drawn(rng: np.random.Generator, count: int, share: float) -> Tensor:
    return torch.from_numpy((rng.random(count) < share).astype(np.float32))


def _grey(pixels: Tensor) -> Tensor:
    if pixels.shape[1] != 3:
        return pixels.mean(1, keepdim=True)
    return (pixels * torch.tensor(LUMA)[:, None, None]).sum(1, keepdim=True)


def _turned(pixels: Tensor, share: Tensor) -> Tensor:
    """Hues turned by a share (N,) of the circle, as a rotation of I and Q of YIQ."""
    to = torch.tensor([LUMA, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112)])
    angle = 2 * torch.pi * share
    turn = torch.zeros(len(share), 3, 3)
    turn[:, 0, 0] = 1.0
    turn[:, 1, 1] = turn[:, 2, 2] = angle.cos()
    turn[:, 1, 2], turn[:, 2, 1] = -angle.sin(), angle.sin()
    return torch.einsum("nij,njhw->nihw", torch.linalg.inv(to) @ turn @ to, pixels)
