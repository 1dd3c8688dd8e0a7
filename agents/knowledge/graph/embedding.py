"""Embeddings of entities and relations, by sampled softmax over both ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.mlp import load_weights, save_weights, seeded
from leapbench.agents.common.state import require
from leapbench.contract.agent import LearningPhase

SIZES = "sizes"


class Tables(nn.Module):
    """A vector for each entity and relation.

    Args:
        entities: E.
        relations: R.
        width: of the vectors.
        product: DistMult's score, the sum of h * r * t, and not TransE's -|h + r - t|.
    """

    def __init__(self, entities: int, relations: int, width: int, product: bool) -> None:
        super().__init__()
        self.entity, self.relation = nn.Embedding(entities, width), nn.Embedding(relations, width)
        self.product = product
        for table in (self.entity, self.relation):
            nn.init.normal_(table.weight, std=0.3 if product else 0.5)

    def forward(self, known: Tensor, relations: Tensor, among: Tensor, tails: bool) -> Tensor:
        """Scores (N, M) of the entities `among` (M,) for known ends and relations (N,)."""
        end, verb, others = self.entity(known), self.relation(relations), self.entity(among)
        if self.product:
            out: Tensor = (end * verb) @ others.T
            return out
        aim = end + verb if tails else end - verb
        return -torch.cdist(aim, others)


@dataclass
class Embedding:
    """TransE, or DistMult.

    Args:
        product: DistMult's score and not TransE's.
        width: of the vectors.
        batch: triplets of an update, each of them paid.
        negatives: entities drawn for each update, against which all of it is contrasted.
        rate: Adam's learning rate, which falls to 0.
        decay: weight of the squares of the vectors of an update.
    """

    product: bool = False
    width: int = 64
    batch: int = 256
    negatives: int = 512
    rate: float = 0.03
    decay: float = 0.05

    def __post_init__(self) -> None:
        bounded(self, {"width": 1, "batch": 1, "negatives": 1, "decay": 0}, ("rate",))
        self.network: Tables | None = None

    def learn(self, phase: LearningPhase) -> None:
        """Pass over the triplets until the budget is spent."""
        data, own = phase.data, phase.settings
        size = min(self.batch, len(data), phase.meter.left)
        passes = phase.meter.left // max(1, len(data) // size * size)
        count, done = max(1, passes) * (len(data) // size), 0
        with seeded(phase.seed):
            self.network = Tables(own["entities"], own["relations"], self.width, self.product)
            optimiser = torch.optim.Adam(self.network.parameters(), self.rate)
            rng = np.random.default_rng([phase.seed, 1])
            while phase.meter.left >= size and done < count:
                for ends, tails in data.epoch(size, rng):
                    optimiser.param_groups[0]["lr"] = self.rate * (1 - done / count)
                    loss = self._loss(ends, tails, rng, own["entities"])
                    optimiser.zero_grad(set_to_none=True)
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimiser.step()
                    done += 1
                    if not done % 100:
                        phase.log(phase.meter.used, loss=float(loss.detach()))
                        phase.report(done / count, f"update {done:,} of {count:,}")
                    if done == count or phase.meter.left < size:
                        break

    def scores(
        self, known: NDArray[np.int64], relations: NDArray[np.int64], side: str
    ) -> NDArray[np.float32]:
        """How well each entity fits the missing end, float32 (N, entities).

        Args:
            known: int64 (N,), the ends that are there.
            relations: int64 (N,).
            side: "tails" where tails are missing, or "heads".
        """
        require(self.network is not None, self)
        assert self.network is not None  # noqa: S101
        every = torch.arange(self.network.entity.num_embeddings)
        ends = torch.from_numpy(known), torch.from_numpy(relations)
        with torch.no_grad():
            out: NDArray[np.float32] = self.network(*ends, every, side == "tails").numpy()
        return out

    def save(self, folder: Path) -> None:
        """Write the tables as safetensors, and their sizes."""
        require(self.network is not None, self)
        assert self.network is not None  # noqa: S101
        save_weights(folder / "tables.safetensors", self.network)
        sizes = [self.network.entity.num_embeddings, self.network.relation.num_embeddings]
        np.savez(folder / f"{SIZES}.npz", sizes=np.array(sizes))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote."""
        with np.load(folder / f"{SIZES}.npz", allow_pickle=False) as file:
            entities, relations = (int(n) for n in file[SIZES])
        self.network = Tables(entities, relations, self.width, self.product)
        load_weights(folder / "tables.safetensors", self.network, self)

    def _loss(
        self,
        ends: NDArray[np.int64],
        tails: NDArray[np.int64],
        rng: np.random.Generator,
        entities: int,
    ) -> Tensor:
        """Cross-entropy of both ends among those of the update and drawn ones, each once."""
        assert self.network is not None  # noqa: S101
        drawn = rng.integers(entities, size=self.negatives)
        among, place = np.unique(np.concatenate([ends[:, 0], tails, drawn]), return_inverse=True)
        at = torch.from_numpy(place.reshape(-1))
        heads, relations = torch.from_numpy(ends[:, 0]), torch.from_numpy(ends[:, 1])
        others, last = torch.from_numpy(among), torch.from_numpy(tails)
        size = len(tails)
        forward = self.network(heads, relations, others, True)
        backward = self.network(last, relations, others, False)
        loss = cross_entropy(forward, at[size : 2 * size]) + cross_entropy(backward, at[:size])
        if self.decay:
            used = self.network.entity(others).square().sum(1).mean()
            loss = loss + self.decay * used
        return loss
