"""What a training step from two views costs, as ratios to the released code.

    python benchmarks/pretrain.py                  # parameters of the base encoder
    python benchmarks/pretrain.py PATH             # and ratios at the sizes of pretrain/digits
    python benchmarks/pretrain.py PATH --base      # and at those of ViT-B/16 (minutes, 8 GiB)

PATH is a checkout of github.com/OpenGVLab/Siamese-Image-Modeling; torchvision is needed. Its
augmentation, masks, model and gradient clipping run as they are, in float32, under torch's own
loader without workers. Pictures of both sides lie in memory, so that nothing is decoded. A step
is two views of a batch, masks, losses, gradients, clipping, AdamW and the target's update.
That predictions, loss and gradient are equal on the same views and weights is checked first.
Crops here are bilinear; the released ones are bicubic, by Pillow. Times are CPU-seconds of one
thread, medians of interleaved pairs.
"""

from __future__ import annotations

import random
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np
import torch
from pretrain_peer import FIRST, GOAL, SECOND, Peer
from torch import nn

from leapbench.envs.pretrain import views
from leapbench.envs.pretrain.network import Decoder, Encoder, Projector
from leapbench.envs.pretrain.positions import Boxes
from leapbench.envs.pretrain.rates import Rates
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.training import Trainer
from leapbench.envs.pretrain.views import View

DIGITS = Shape(size=24, patch=4, width=48, depth=3, heads=4, frozen=True)
BASE = Shape(size=224, patch=16, width=768, depth=12, heads=12, projector=2, decoder=4, frozen=True)
BLOCK = {"norm1": "before", "norm2": "after", "attn.qkv": "mix", "attn.proj": "out"} | {
    "mlp.fc1": "up", "mlp.fc2": "down", "bn.": "norm."
}  # fmt: skip
PARTS = {
    "patch_embed.proj": "online.encoder.embed", "cls_token": "online.encoder.first",
    "blocks": "online.encoder.blocks", "decoder_embed": "online.projector.linear",
    "projector_decoder_blocks": "online.projector.blocks", "mask_token": "heads.dense.asked",
    "predictor_decoder_blocks": "heads.dense.blocks", "decoder_pred": "heads.dense.last",
    "decoder_pos_mlp": "heads.place",
}  # fmt: skip
"""What each part of the released model is called here."""


def ours(name: str) -> str | None:
    """The name here of a parameter of the released model's learner."""
    for theirs, mine in PARTS.items():
        if name.startswith(theirs):
            rest = name[len(theirs) :]
            for old, new in BLOCK.items():
                rest = rest.replace(old, new)
            return mine + rest
    return None


def equal(peer: Peer, shape: Shape, batch: int) -> None:
    """Say how far loss and gradients are apart on the same views, masks and weights."""
    trainer = Trainer(shape, GOAL, Rates(), 0)
    mine = dict(
        nn.ModuleDict({"online": trainer.online, "heads": trainer.heads}).named_parameters()
    )
    theirs = {made: p for name, p in peer.model.named_parameters() if (made := ours(name))}
    assert mine.keys() == theirs.keys(), mine.keys() ^ theirs.keys()  # noqa: S101
    with torch.no_grad():
        for name, each in mine.items():
            each.copy_(theirs[name].view_as(each))
    trainer.target.load_state_dict(trainer.online.state_dict())
    (first, second, *places), mask = next(iter(peer.loader))
    order = mask.view(batch, -1).argsort(dim=1, stable=True)
    seen = shape.patches - GOAL.hidden(shape.patches)
    trainer._masked = lambda count: (order[:, seen:], order[:, :seen])  # type: ignore[method-assign]
    found = trainer.losses([View(first, _frame(batch)), View(second, _moved(places))])["dense"]
    wanted = peer.loss(first, second, places, mask)
    found.backward()  # type: ignore[no-untyped-call]
    wanted.backward()  # type: ignore[no-untyped-call]
    apart = [
        float((each.grad - other.grad.view_as(each)).norm() / other.grad.norm())
        for name, each in mine.items()
        if (other := theirs[name]).grad is not None and each.grad is not None
        and float(other.grad.norm()) > 1e-6
    ]  # fmt: skip
    loss = abs(float(found.detach() - wanted.detach())) / float(wanted.detach())
    print(f"loss: {float(wanted.detach()):.5f}, apart by {loss:.1e} of it")
    print(f"gradients: apart by {max(apart):.1e} of their norms at most, of {len(apart)} tensors")
    peer.optimiser.zero_grad()


def _frame(batch: int) -> Boxes:
    ones, zeros = np.ones(batch), np.zeros(batch)
    return Boxes(zeros, zeros, ones, ones, zeros.astype(bool), 1.0)


def _moved(places: Any) -> Boxes:
    """Second crops in the frame of first ones, from what the released augmentation gives."""
    top, left, height, width, turned, against = (each.double().numpy() for each in places)
    flipped = turned.astype(bool)  # across - left = against, where across is 1
    return Boxes(top, np.where(flipped, 1 - against, left), height, width, flipped, 1.0)


def compare(path: str, shape: Shape, side: int, batch: int, pairs: int) -> None:
    """Print ratios of views, updates and steps."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4 * batch, side, side, 3), dtype=np.uint8)
    peer, trainer = Peer(path, shape, images, batch), Trainer(shape, GOAL, Rates(), 0)
    print(f"{shape.size} pixels, width {shape.width}, {batch} pictures; released learner has "
          f"{count(peer.model):,} parameters")  # fmt: skip
    equal(peer, shape, batch)

    def drawn() -> list[View]:
        chosen = images[rng.integers(len(images), size=batch)]
        return [views.make(chosen, look, shape.size, rng) for look in (FIRST, SECOND)]

    there, here = iter(peer.loader), drawn()
    rows = []
    for index in range(pairs + 1):
        if index % 3 == 0:
            there = iter(peer.loader)
        given, one = timed(lambda it=there: next(it))  # type: ignore[misc]
        _, two = timed(lambda x=given: peer.update(x))  # type: ignore[misc]
        here, three = timed(drawn)
        _, four = timed(lambda x=here: trainer.update(x, 0.3))  # type: ignore[misc]
        rows.append((one, two, three, four))
    data, update, views_of, own = np.array(rows[1:]).T  # the first pair warms up
    for name, top, low in (
        ("views", views_of, data), ("update", own, update),
        ("step", views_of + own, data + update),
    ):  # fmt: skip
        print(f"{name:6} {1e3 * median(top):8.1f} ms, released {1e3 * median(low):8.1f} ms, "
              f"ratio {median(top / low):.2f}")  # fmt: skip


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    started = process_time()
    found = run()
    return found, process_time() - started


def parameters() -> None:
    """Print how many numbers the base learner has, by part."""
    with torch.device("meta"):
        made = {"encoder": Encoder(BASE), "projector": Projector(BASE, "batch"),
                "predictor": Decoder(BASE, "batch", BASE.width),
                "positions": nn.Linear(2 * BASE.width, BASE.width)}  # fmt: skip
    counts = {name: count(module) for name, module in made.items()}
    told = ", ".join(f"{name} {number:,}" for name, number in counts.items())
    print(f"ViT-B/16 at 224 pixels: {told}; in all {sum(counts.values()):,}")


def count(module: nn.Module) -> int:
    """Parameters of a learner; of the released one, without fixed positions and the target."""
    return sum(
        each.numel() for name, each in module.named_parameters()
        if not name.startswith("mm_") and "pos_embed" not in name
    )  # fmt: skip


def main() -> None:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", nargs="?", help="checkout of the released code")
    parser.add_argument("--base", action="store_true", help="at the sizes of ViT-B/16 too")
    parser.add_argument("--pairs", type=int, default=9, help="interleaved pairs of a size")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random.seed(0)
    parameters()
    if not asked.path:
        return
    if not (Path(asked.path) / "models_sim.py").is_file():
        sys.exit(f"error: {asked.path} holds no models_sim.py of the released code")
    compare(asked.path, DIGITS, 32, 64, asked.pairs)
    if asked.base:
        compare(asked.path, BASE, 256, 4, max(1, asked.pairs // 3))


if __name__ == "__main__":
    main()
