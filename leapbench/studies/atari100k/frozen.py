"""Makes the frozen networks and the actions of `atari100k/consistency`.

    python -m leapbench.studies.atari100k.frozen ms-pacman

trains `rainbow` on the game at tier smoke with the networks of lite and three updates a step, keeps
the encoder, teaches the head the returns of random play, and writes both, in half precision, and
random actions to `tasks/atari100k/frozen/`.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.agents.atari100k.common.learner import Learner
from leapbench.contract import registry, seeds
from leapbench.contract.task import Tier
from leapbench.errors import plainly
from leapbench.running.cell import Cell, learned, protocol_of
from leapbench.studies.progress import shown
from leapbench.tasks.atari100k.frozen.data import LIMIT, STRIDES, played, weights
from leapbench.tasks.atari100k.frozen.networks import Frozen

TIER: Tier = "smoke"
SEED = 0
DISCOUNT = 0.95
SETTINGS = ("filters=16", "hidden=64", "batch=32", "updates=3", f"discount={DISCOUNT}")
COUNTS = {"fit": 6000, "train": 2000, "test": 2000}
"""Transitions for the head, the models and the scores, each of other games."""
LESSONS, DECAY, TAIL = 1500, 1e-4, 60
"""Batches that teach the head, its weight decay, and last steps whose returns are cut off."""


def made(name: str) -> dict[str, NDArray[Any]]:
    """Networks in half precision, and seeds and actions of a game.

    Args:
        name: of the task, such as "ms-pacman".
    """
    task = registry.task(f"atari100k/{name}")
    protocol = protocol_of(task, TIER)
    with tempfile.TemporaryDirectory() as folder:
        _, parts = learned(
            Cell(task.name, TIER, "rainbow", SEED, SETTINGS, Path(folder)), report=shown
        )
    policy: Any = parts["policy"]
    return kept(policy.learner, protocol.evaluation.environment, protocol.seed_key)


def kept(learner: Learner, environment: str, key: str) -> dict[str, NDArray[Any]]:
    """What a file has, with the head of a trained learner taught returns of random play.

    Args:
        learner: its head is changed.
        environment: Gymnasium id.
        key: of the seeds.
    """
    for value in [*learner.encoder.state_dict().values(), *learner.head.state_dict().values()]:
        value.copy_(value.half().float())
    starts = seeds.stream(key, "dev", len(COUNTS))
    arrays: dict[str, NDArray[Any]] = {"environment": np.array(environment)}
    for (split, count), start in zip(COUNTS.items(), starts, strict=True):
        rng = np.random.default_rng(start)
        arrays[f"{split}.seed"] = np.array(start)
        arrays[f"{split}.actions"] = rng.integers(learner.head.actions, size=count).astype(np.uint8)
    arrays |= halved("encoder", learner.encoder)
    teach(learner, arrays)
    arrays |= halved("head", learner.head)
    return {k: v for k, v in arrays.items() if not k.startswith("fit.")}


def teach(learner: Learner, arrays: dict[str, NDArray[Any]]) -> None:
    """Let the head learn the returns of the transitions "fit", as distributions."""
    actions = arrays["fit.actions"].astype(np.int64)
    seen, rewards, ends = played(str(arrays["environment"]), actions, int(arrays["fit.seed"]))
    latents = torch.from_numpy(Frozen(weights(arrays), STRIDES, LIMIT).latents(seen))
    latents = latents.contiguous(memory_format=torch.channels_last)
    earned = torch.zeros(len(actions))
    for i in reversed(range(len(actions) - 1)):
        earned[i] = float(rewards[i]) + (0.0 if ends[i] else DISCOUNT * float(earned[i + 1]))
    certain = torch.zeros(1, len(learner.support.values)).expand(len(actions), -1)
    aim = learner.support.project(certain + 1 / certain.shape[1], earned, torch.zeros(len(actions)))
    optimiser = torch.optim.Adam(learner.head.parameters(), lr=1e-3, weight_decay=DECAY)
    rng = np.random.default_rng(SEED)
    for _ in range(LESSONS):
        rows = torch.from_numpy(rng.choice(len(actions) - TAIL, 64))
        logits = learner.head.logits(learner.head.hidden(latents[rows]))
        chosen = logits[torch.arange(64), torch.from_numpy(actions)[rows]].log_softmax(-1)
        optimiser.zero_grad()
        (-(aim[rows] * chosen).sum(1).mean()).backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def halved(part: str, network: torch.nn.Module) -> dict[str, NDArray[np.float16]]:
    """Weights of a network in half precision, without those of its noise."""
    own = {k: v for k, v in network.state_dict().items() if not k.endswith("_sigma")}
    return {f"{part}.{k}": v.numpy().astype(np.float16) for k, v in own.items()}


@plainly()
def main() -> None:
    """Write the file of a game."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("game", help="as in the task's name, such as pong")
    parser.add_argument("--into", type=Path, default=None, help="another folder")
    asked = parser.parse_args()
    into = asked.into or Path(str(files("leapbench.tasks.atari100k.frozen")))
    file = into / f"{asked.game}.npz"
    np.savez_compressed(file, **made(asked.game))  # type: ignore[arg-type]
    sys.stdout.write(f"\n{asked.game}: {file.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main()
