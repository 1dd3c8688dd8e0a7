"""Updates that several processes make together, each with a card and a part of the batch.

    with Team(recipe, cards) as team:
        trainer = team.begin(latest)
        team.update(views, done)

Process 0 is the one that learns: it draws and pays for whole batches, writes checkpoints and
reports. The others start with it, from the same seed or checkpoint, get their parts of the views
and make the same steps (`leapbench.envs.pretrain.spread`). What all of them compute is what one
process would, up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from leapbench.agents.common import nested
from leapbench.agents.common.mlp import seeded
from leapbench.envs.pretrain.objective import Objective
from leapbench.envs.pretrain.positions import Boxes
from leapbench.envs.pretrain.rates import Rates
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.training import Trainer
from leapbench.envs.pretrain.views import View
from leapbench.errors import UserError

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others; one that ends is noticed at once."""
HERE = "127.0.0.1"
SIDES = ("top", "left", "height", "width", "flipped")


@dataclass(frozen=True)
class Recipe:
    """What every process makes its trainer from.

    Attributes:
        shape, objective, rates, seed: see `Trainer`.
        device: "cpu", or "cuda" for a card a process.
        batch: pictures of an update, of all processes.
    """

    shape: Shape
    objective: Objective
    rates: Rates
    seed: int
    device: str
    batch: int

    def trainer(self, number: int, cards: int) -> Trainer:
        """The trainer of a process."""
        device = f"cuda:{number}" if cards > 1 and self.device.startswith("cuda") else self.device
        return Trainer(self.shape, self.objective, self.rates, self.seed, device)


class Team:
    """One process, or several.

    Args:
        recipe: of all trainers.
        cards: how many processes.

    Raises:
        UserError: for a batch that cannot be parted evenly.
    """

    def __init__(self, recipe: Recipe, cards: int) -> None:
        if recipe.batch % cards or recipe.batch // cards < 2:
            raise UserError(
                f"A batch of {recipe.batch} cannot be parted evenly among {cards} processes.",
                f"Type --set batch={max(2, recipe.batch // cards) * cards}, or fewer cards.",
            )
        self.recipe, self.cards = recipe, cards
        self.others: list[Any] = []
        self.broken = False

    def begin(self, latest: Path | None) -> Trainer:
        """Start the others, and give this process's trainer, which has read no checkpoint.

        Args:
            latest: the checkpoint that the others read.
        """
        if self.cards > 1:
            context = mp.get_context("spawn")
            meeting = TCPStore(HERE, 0, self.cards, is_master=True, wait_for_workers=False)
            for number in range(1, self.cards):
                given = (number, self.cards, meeting.port, self.recipe, latest)
                self.others.append(context.Process(target=_follow, args=given, daemon=True))
                self.others[-1].start()
            _join(0, self.cards, meeting, self.recipe.device)
        self.trainer = self.recipe.trainer(0, self.cards)
        return self.trainer

    def update(self, views: list[View], done: float) -> dict[str, float]:
        """See `Trainer.update`; the views are those of the whole batch.

        Raises:
            UserError: when another process has ended.
        """
        if self.cards == 1:
            return self.trainer.update(views, done)
        try:
            _told(self.trainer.device, [1.0, done, len(views), views[0].boxes.across])
            own = [_parted(self.trainer, self.recipe, view) for view in views]
            return self.trainer.update(own, done)
        except RuntimeError as error:
            self.broken = True
            ended = [f"{n}: {each.exitcode}" for n, each in enumerate(self.others, 1)]
            raise UserError(
                f"A process of the {self.cards} that share a batch failed "
                f"({str(error).splitlines()[0]}; exit codes {', '.join(ended)}).",
                "The same command goes on from the last checkpoint.",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        """End the others, and what holds the processes together."""
        if not self.others:
            return
        sound = kind is None and not self.broken
        if sound:
            _told(self.trainer.device)
        for each in self.others:
            if not sound:
                each.terminate()
            each.join(10)
        if dist.is_initialized():
            dist.destroy_process_group()


def _follow(number: int, cards: int, port: int, recipe: Recipe, latest: Path | None) -> None:
    """Life of a process that is not the first: updates as long as it is told of more."""
    with seeded(recipe.seed):  # as process 0 is, on one thread
        _join(number, cards, TCPStore(HERE, port, cards), recipe.device)
        trainer = recipe.trainer(number, cards)
        if latest:
            trainer.load_state_dict(nested.read(latest)["trainer"])
        while True:
            more, done, count, across = _told(trainer.device)
            if not more:
                break
            views = [_parted(trainer, recipe, None, across) for _ in range(int(count))]
            trainer.update(views, done)
        dist.destroy_process_group()


def _join(number: int, cards: int, meeting: TCPStore, device: str) -> None:
    backend = "nccl" if device.startswith("cuda") else "gloo"
    if backend == "nccl":
        torch.cuda.set_device(number)
    dist.init_process_group(backend, store=meeting, rank=number, world_size=cards, timeout=PATIENCE)


def _told(device: str, numbers: Sequence[float] = (0.0,) * 4) -> list[float]:
    """Four numbers of process 0, in all: more to do, share done, views, width of pictures.

    By default those that end the others.
    """
    message = torch.tensor(list(numbers), dtype=torch.float64, device=device)
    dist.broadcast(message, 0)
    return [float(each) for each in message]


def _parted(trainer: Trainer, recipe: Recipe, view: View | None, across: float = 0.0) -> View:
    """This process's part of a view, which process 0 has whole."""
    shape, rows = trainer.shape, recipe.batch // dist.get_world_size()
    pixels = torch.empty(rows, shape.channels, shape.size, shape.size, device=trainer.device)
    sides = torch.empty(rows, len(SIDES), dtype=torch.float64, device=trainer.device)
    whole: tuple[Tensor | None, Tensor | None] = (None, None)
    if view is not None:
        drawn = np.stack([np.asarray(getattr(view.boxes, name), float) for name in SIDES], 1)
        whole, across = (view.pixels, torch.from_numpy(drawn)), view.boxes.across
    for mine, every in zip((pixels, sides), whole, strict=True):
        parts = None if every is None else list(every.to(mine).chunk(dist.get_world_size()))
        dist.scatter(mine, parts, 0)
    top, left, height, width, flipped = sides.cpu().numpy().T
    return View(pixels, Boxes(top, left, height, width, flipped > 0, across))
