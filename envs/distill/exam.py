"""What a student knows: on validation and test pairs, and beside its teachers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.envs.distill.bank import LOOK
from leapbench.envs.distill.stack import Stack
from leapbench.envs.distill.training import tensor
from leapbench.envs.threads import one_thread

if TYPE_CHECKING:
    from leapbench.envs.distill.episode import Episode


def validated(episode: Episode) -> tuple[float, float]:
    """Validation accuracy and NLL."""
    data = episode.bank.pairs
    said = torch.log_softmax(answers(episode, data.validation), -1)
    right = tensor(data.validation_labels)
    hits = int((said.argmax(-1) == right).sum())
    return hits / len(right), -float(said.gather(1, right[:, None]).mean())


def examined(episode: Episode) -> float:
    """Test accuracy; for scoring alone."""
    with one_thread(), torch.no_grad():
        said = answers(episode, episode.bank.pairs.test)
    right = tensor(episode.bank.pairs.test_labels)
    return int((said.argmax(-1) == right).sum()) / len(right)


def answers(episode: Episode, x: NDArray[np.float32]) -> Tensor:
    """Logits of the student, (N, C)."""
    return Stack(episode.shape, episode.weights[None]).forward(tensor(x)[None])[-1][0]


def apart(episode: Episode) -> NDArray[np.float32]:
    """KL(teacher || student) of each owned slot on the first validation pairs, nats (K,)."""
    owned = episode.owned
    found = np.full(len(owned), -1, np.float32)
    at = np.flatnonzero(owned)
    if len(at):
        with one_thread(), torch.no_grad():
            mine = torch.log_softmax(answers(episode, episode.bank.pairs.validation[:LOOK]), -1)
            theirs = episode.bank.shown[tensor(at)]
            gaps = (theirs.exp() * (theirs - mine)).sum(-1).mean(-1)
        found[at] = gaps.numpy()
    return found
