"""Streams of images in lockstep: one block of each stream's present image a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium.utils import seeding
from numpy.typing import NDArray
from torch.nn import functional

from leapbench.envs.latency.budget.observation import LEAST, MOST, POOLED, device_row
from leapbench.envs.latency.budget.world import BudgetWorld, milliseconds

Flags = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Streams:
    """State of `size` streams.

    Args:
        world: what they share.
        size: streams.
        masks: whether observations show every cell.

    Attributes:
        position: int64 (S,), images done.
        block: int64 (S,), block that is next.
        left: int64 (S,), picoseconds that are not spent.
        order: int64 (S, stream), images in the order in which they come.
        right: bool (S, stream), whether each answer is right.
        kept: int64 (S, stream, blocks), cells that were kept.
        spent: int64 (S, stream), picoseconds of each image.
        forced: int64 (S,), blocks that could not be paid.
        over: bool (S,), whether the stream has ended or was never dealt.
        drawn: for each stream the masks of the present image, for pictures.
        scores: float32 (S, cells), probabilities of the masker, row by row.
        energy: float32 (S, cells), mean absolute value in each cell, over the largest.
    """

    def __init__(self, world: BudgetWorld, size: int, masks: bool) -> None:
        self.world, self.size, self.layout = world, size, world.layout(masks)
        stream, blocks = world.stream, world.blocks
        self.position, self.block, self.left, self.purse, self.forced = np.zeros(
            (5, size), np.int64
        )
        self.budget = np.zeros(size)
        self.order, self.spent = np.zeros((2, size, stream), np.int64)
        self.right = np.zeros((size, stream), np.bool_)
        self.kept = np.zeros((size, stream, blocks), np.int64)
        self.over = np.ones(size, np.bool_)
        self.scores, self.energy = np.zeros((2, size, world.widest), np.float32)
        self.drawn: list[list[Flags]] = [[] for _ in range(size)]
        self._seen = np.zeros((size, POOLED + 4), np.float32)
        self._maps: list[torch.Tensor | None] = [None] * size
        self._rngs: list[np.random.Generator | None] = [None] * size
        self._device = device_row(world.prices.device)

    def seed(self, index: int, seed: int | None) -> None:
        """Seed the random numbers of one stream; None goes on with those it has."""
        if seed is not None or self._rngs[index] is None:
            self._rngs[index] = seeding.np_random(seed)[0]

    def deal(self, indices: Ints, budgets: Sequence[float] | None = None) -> None:
        """Start a new stream in each of `indices`, under budgets (S,) given or drawn."""
        for index in indices.tolist():
            rng = self._rngs[index] or seeding.np_random()[0]
            self._rngs[index] = rng
            given = None if budgets is None else budgets[index]
            self.order[index], self.budget[index] = self.world.deal(rng, given)
            self.purse[index] = self.left[index] = self.world.purse(float(self.budget[index]))
        self.position[indices] = self.block[indices] = self.forced[indices] = 0
        self.spent[indices], self.kept[indices], self.right[indices] = 0, 0, False
        self.over[indices] = False
        self._arrive(indices)

    def advance(self, masks: Sequence[Flags]) -> tuple[NDArray[np.float64], Flags]:
        """Compute one block in every stream that is not over.

        Args:
            masks: for each stream which cells of its block to keep, bool (N,); what cannot be
                paid keeps none.

        Returns:
            Rewards float64 (S,) and which streams ended now, bool (S,).
        """
        live = np.flatnonzero(~self.over)
        rewards, ended = np.zeros(self.size), np.zeros(self.size, np.bool_)
        for block in np.unique(self.block[live]).tolist():
            group = live[self.block[live] == block]
            self._compute(block, group, [self._paid(int(i), masks[i]) for i in group])
        self.block[live] += 1
        answered = live[self.block[live] == self.world.blocks]
        if len(answered):
            rewards[answered] = self._answer(answered)
            ended[answered] = self.position[answered] == self.world.stream
            self.over |= ended
            going = answered[~ended[answered]]
            self.block[answered] = 0
            if len(going):
                self._arrive(going)
        rest = np.setdiff1d(live, answered)
        if len(rest):
            self._look(rest)
        return rewards, ended

    def cells(self, index: int) -> int:
        """Cells of the block that is next in a stream."""
        return int(self.world.cells[self.block[index] % self.world.blocks])

    def ranked(self, index: int, level: int) -> Flags:
        """The mask of a keep level: the cells with the highest scores, the first of equal ones."""
        block, cells = int(self.block[index] % self.world.blocks), self.cells(index)
        mask = np.zeros(cells, np.bool_)
        best = np.argsort(-self.scores[index, :cells], kind="stable")
        mask[best[: self.world.counts[block, level]]] = True
        return mask

    def observe(self, indices: Ints | slice = slice(None)) -> Floats:
        """Observations of streams, float32 (n, columns)."""
        at, world = self.layout, self.world
        block, static = self.block[indices] % world.blocks, world.static
        out = np.zeros((len(block), at.width), np.float32)
        out[np.arange(len(block)), block] = 1.0
        out[:, at.pooled.start : at.masker.stop] = self._seen[indices]
        out[:, at.prices] = world.level_prices[block]
        waiting = np.maximum(world.stream - self.position[indices], 1)
        out[:, at.left] = self.left[indices] / waiting / static
        out[:, at.budget] = self.budget[indices]
        now = np.minimum(self.position[indices], world.stream - 1)
        out[:, at.spent] = self.spent[indices, :][np.arange(len(block)), now] / static
        out[:, at.progress] = self.position[indices] / world.stream
        out[:, at.device] = self._device
        if at.cells:
            out[:, at.scores], out[:, at.energy] = self.scores[indices], self.energy[indices]
        return np.clip(out, LEAST, MOST)

    def summary(self, index: int) -> dict[str, Any]:
        """Final info of a stream: see `LatencyBudgetEnv`."""
        each = self.spent[index] / 1e9
        shares = self.kept[index] / self.world.cells
        return {
            "accuracy": float(self.right[index].mean()),
            "spent_ms": milliseconds(int(self.spent[index].sum())),
            "budget_ms": milliseconds(int(self.purse[index])),
            "image_ms_median": float(np.median(each)),
            "image_ms_95": float(np.quantile(each, 0.95)),
            "kept": float(shares.mean()),
            "forced": int(self.forced[index]),
        }

    def _paid(self, index: int, mask: Flags) -> Flags:
        """The mask if it can be paid, else one that keeps nothing; pays for it."""
        world, block = self.world, int(self.block[index])
        later = int(world.after[block])
        later += (world.stream - 1 - int(self.position[index])) * world.prices.least
        price = int(world.prices.tables[block][int(mask.sum())])
        if price + later > self.left[index]:
            self.forced[index] += 1
            mask, price = np.zeros_like(mask), int(world.prices.floors[block])
        self.left[index] -= price
        self.spent[index, self.position[index]] += price
        self.kept[index, self.position[index], block] = mask.sum()
        self.drawn[index].append(mask)
        return mask

    @torch.no_grad()
    def _compute(self, block: int, group: Ints, masks: list[Flags]) -> None:
        layer, maps = self.world.network.blocks[block], self._maps
        some = [(int(i), mask) for i, mask in zip(group, masks, strict=True) if mask.any()]
        none = [int(i) for i, mask in zip(group, masks, strict=True) if not mask.any()]
        if none:
            x = torch.stack([maps[i] for i in none])  # type: ignore[misc]
            for i, y in zip(none, functional.relu(layer.shortcut(x)), strict=True):  # type: ignore[operator]
                maps[i] = y
        if some:
            x = torch.stack([maps[i] for i, _ in some])  # type: ignore[misc]
            side = self.world.network.shape.cells[block]
            mask = torch.from_numpy(np.stack([m for _, m in some])).view(-1, 1, side, side)
            mask = mask.to(x.device)
            x = x.contiguous(memory_format=torch.channels_last)
            for (i, _), y in zip(some, layer(x, mask), strict=True):
                maps[i] = y

    @torch.no_grad()
    def _answer(self, indices: Ints) -> NDArray[np.float64]:
        """Answer the images of streams, 1 where right, and count them as done."""
        x = torch.stack([self._maps[i] for i in indices.tolist()])  # type: ignore[misc]
        answers = self.world.network.head(x).argmax(1).cpu().numpy()
        place = self.position[indices]
        right = answers == self.world.pictures.labels[self.order[indices, place]]
        self.right[indices, place] = right
        self.position[indices] += 1
        return np.asarray(right, np.float64)

    @torch.no_grad()
    def _arrive(self, indices: Ints) -> None:
        """Let the next image of each stream come, and compute its stem."""
        images = self.world.images(self.order[indices, self.position[indices]])
        for i, x in zip(indices.tolist(), self.world.network.stem(images), strict=True):
            self._maps[i] = x
            self.drawn[i] = []
        self._look(indices)

    @torch.no_grad()
    def _look(self, indices: Ints) -> None:
        """What the masker and the policy see of the maps that come into the next blocks."""
        for block in np.unique(self.block[indices]).tolist():
            group = indices[self.block[indices] == block]
            x = torch.stack([self._maps[i] for i in group.tolist()])  # type: ignore[misc]
            layer, cells = self.world.network.blocks[block], int(self.world.cells[block])
            scores = layer.scores(x).flatten(2)  # type: ignore[operator]
            kept = torch.sigmoid(scores[:, 0] - scores[:, 1])
            if not self.world.prices.masked:
                kept = torch.zeros_like(kept)
            energy = functional.adaptive_avg_pool2d(x.abs().mean(1, True), layer.cells).flatten(1)  # type: ignore[arg-type]
            energy = energy / energy.amax(1, keepdim=True).clamp_min(1e-9)
            pooled = x.mean((2, 3)).view(len(group), POOLED, -1).mean(2)
            told = torch.stack(
                [
                    kept.mean(1),
                    kept.amax(1),
                    kept.std(1, correction=0),
                    (kept >= 0.5).double().mean(1),
                ],
                1,
            )
            self._seen[group] = torch.cat([pooled, told.to(pooled.dtype)], 1).cpu().numpy()
            self.scores[group], self.energy[group] = 0.0, 0.0
            self.scores[group, :cells] = kept.cpu().numpy()
            self.energy[group, :cells] = energy.cpu().numpy()
