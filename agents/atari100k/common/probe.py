"""The model of a Rainbow learned alone, see `leapbench.agents.common.probe`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from leapbench.agents.atari100k.common.learner import Learner, Targets
from leapbench.agents.common import probe
from leapbench.agents.common.optimiser import clip
from leapbench.agents.common.practice import Point
from leapbench.agents.common.replay import Ints, Replay, Sequences
from leapbench.contract.agent import LearningPhase


def learn_model(phase: LearningPhase, learner: Learner) -> list[Point]:
    """Learn the model by the learner's auxiliary losses until the budget is spent.

    Args:
        phase: its `data` are `probe.Given`, with the weights of the frozen head.
        learner: its head takes these weights; its encoder is not used.

    Returns:
        Losses by sequences.

    Raises:
        UserError: when the learner has no model, or the head's weights do not fit.
    """
    own, constants, model = learner.auxiliary, learner.backbone, learner.model
    if model is None or not own.any:
        raise probe.without_model(" to learn")
    probe.freeze(learner.head, "head", phase.data.weights)
    learned = [*model.parameters()]
    learned += [*learner.predictor.parameters()] if learner.predictor else []
    optimiser = torch.optim.Adam(learned, lr=constants.rate, eps=1.5e-4, fused=True)

    def losses(replay: Replay, found: Sequences) -> dict[str, Tensor]:
        states = found.rows[:, 1:].T.ravel()
        later = found.after[:, 1:].T.ravel() if own.returns else states[:0]
        ahead = _latents(replay, np.concatenate([later, states]), learner)
        latent = _latents(replay, found.rows[:, 0], learner)
        each = learner.imagined(latent, found, Targets(latent, ahead, len(states)))
        return {name: loss.mean() for name, loss in each.items()}

    def step(total: Tensor) -> None:
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        clip(model.parameters(), constants.clip)
        optimiser.step()

    given = (own.ahead, constants.steps, constants.discount)
    curve = probe.fitted(phase, constants.batch, given, losses, vars(own), step)
    model.eval()
    return curve


@torch.no_grad()
def imagine(learner: Learner, latents: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Latents of k = 1..K, float32 (B, K, *shape).

    Args:
        learner: whose model imagines.
        latents: float32 (B, *shape), of k = 0.
        actions: int64 (B, K).

    Raises:
        UserError: when it has no model.
    """
    if learner.model is None:
        raise probe.without_model()
    learner.model.eval()
    first = torch.from_numpy(np.ascontiguousarray(latents)).to(learner.device)
    done = torch.from_numpy(np.ascontiguousarray(actions)).to(learner.device)
    made = learner.model.rollout(first.contiguous(memory_format=torch.channels_last), done)
    found: np.ndarray = (
        made.view(actions.shape[1], *latents.shape).transpose(0, 1).contiguous().cpu().numpy()
    )
    return found


@torch.no_grad()
def values(learner: Learner, latents: np.ndarray) -> np.ndarray:
    """Action values float32 (N, actions) of latents (N, *shape), by the mean weights."""
    latent = torch.from_numpy(np.ascontiguousarray(latents)).to(learner.device)
    hidden = learner.head.hidden(latent.contiguous(memory_format=torch.channels_last))
    found: np.ndarray = learner.support.mean(learner.head.logits(hidden).softmax(-1)).cpu().numpy()
    return found


def _latents(replay: Replay, rows: Ints, learner: Learner) -> Tensor:
    latents = torch.from_numpy(replay.observations(rows)).to(learner.device)
    return latents.contiguous(memory_format=torch.channels_last)
