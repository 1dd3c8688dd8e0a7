"""The model of a soft actor-critic learned alone, see `leapbench.agents.common.probe`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from leapbench.agents.common import probe
from leapbench.agents.common.practice import Point
from leapbench.agents.common.replay import Ints, Replay, Sequences
from leapbench.agents.dmc.common.learner import Learner
from leapbench.agents.dmc.common.networks import FEATURES
from leapbench.agents.dmc.common.side import Real
from leapbench.contract.agent import LearningPhase


def learn_model(phase: LearningPhase, learner: Learner) -> list[Point]:
    """Learn the model by the learner's auxiliary losses until the budget is spent.

    The return of the action taken is r + discount * Q(z', choice), without the entropy. SPR
    compares projections of which one follows the other slowly. With latents that do not change,
    one that learns could agree with any latents; here both sides have the same, drawn once.

    Args:
        phase: its `data` are `probe.Given`, with the weights of the frozen critic and, as
            "choices" float32 (actions,), what the frozen actor would do at each step.
        learner: its critic takes these weights; its encoder and actor are not used.

    Returns:
        Losses by sequences.

    Raises:
        UserError: when the learner has no model, or the critic's weights do not fit.
    """
    own, constants, device = learner.side.auxiliary, learner.backbone, learner.device
    if not own.any:
        raise probe.without_model(" to learn")
    for critic in (learner.critic, learner.targets["critic"]):
        probe.freeze(critic, "critic", phase.data.weights)
    if "projection" in learner.side.nets:
        learner.side.nets["projection"].requires_grad_(False)
    learned = [each for each in learner.side.parameters() if each.requires_grad]
    optimiser = torch.optim.Adam(learned, lr=constants.rate, fused=True)

    def losses(replay: Replay, found: Sequences) -> dict[str, Tensor]:
        states, _ = _parts(replay, found.rows[:, 1:].T.ravel(), device)
        latent, _ = _parts(replay, found.rows[:, 0], device)
        returns = _returns(learner, replay, found) if own.returns else None
        return learner.side.losses(latent, Real(latent, states, returns), found, learner)

    def step(total: Tensor) -> None:
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    given = (own.ahead, 1, constants.discount)
    return probe.fitted(phase, constants.sequences, given, losses, learner.side.weights, step)


@torch.no_grad()
def _returns(learner: Learner, replay: Replay, found: Sequences) -> Tensor:
    """(K * B,), by step."""
    worth = learner.critic(*_parts(replay, found.after[:, 1:].T.ravel(), learner.device)).amin(0)
    earned, left = (
        torch.from_numpy(each[:, 1:].T.ravel()).to(learner.device)
        for each in (found.returns, found.discounts)
    )
    made: Tensor = earned + left * worth
    return made


@torch.no_grad()
def imagine(learner: Learner, latents: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Latents of k = 1..K, float32 (B, K, FEATURES).

    Args:
        learner: whose model imagines.
        latents: float32 (B, FEATURES), of k = 0.
        actions: float32 (B, K, actions).

    Raises:
        UserError: when it has no model.
    """
    if "model" not in learner.side.nets:
        raise probe.without_model()
    first, done = (
        torch.from_numpy(np.ascontiguousarray(each)).to(learner.device)
        for each in (latents, actions)
    )
    made = learner.side.nets["model"].rollout(first, done)  # type: ignore[operator]
    shape = (actions.shape[1], len(latents), FEATURES)
    found: np.ndarray = made.view(shape).transpose(0, 1).contiguous().cpu().numpy()
    return found


@torch.no_grad()
def values(learner: Learner, latents: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """The smaller of both action values float32 (N,) of latents (N, FEATURES) and actions."""
    both = (
        torch.from_numpy(np.ascontiguousarray(each)).to(learner.device)
        for each in (latents, actions)
    )
    found: np.ndarray = learner.critic(*both).amin(0).cpu().numpy()
    return found


def _parts(replay: Replay, rows: Ints, device: torch.device) -> tuple[Tensor, Tensor]:
    """Latents (M, FEATURES) and the frozen actor's choices (M, actions)."""
    both = torch.from_numpy(replay.observations(rows)).to(device)
    return both[:, :FEATURES].contiguous(), both[:, FEATURES:].contiguous()
