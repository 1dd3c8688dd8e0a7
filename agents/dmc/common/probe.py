"""The model of a soft actor-critic learned alone, see `leapbench.agents.common.probe`."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.agents.common import probe
from leapbench.agents.common.practice import LINES, Point
from leapbench.agents.common.replay import Ints, Replay
from leapbench.agents.dmc.common.learner import Learner
from leapbench.agents.dmc.common.networks import FEATURES
from leapbench.agents.dmc.common.side import Real
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

FROZEN = "critic."


class Transitions(probe.Transitions, Protocol):
    """Transitions with the frozen actor's choices.

    Attributes:
        choices: float32 (N, actions), what the frozen actor would do at each step.
    """

    choices: NDArray[np.float32]


def learn_model(phase: LearningPhase, learner: Learner) -> list[Point]:
    """Learn the model by the learner's auxiliary losses until the budget is spent.

    The return of the action taken is r + discount * Q(z', choice), without the entropy.

    Args:
        phase: its `data` are `Transitions`, with the weights of the frozen critic.
        learner: its critic takes these weights; its encoder and actor are not used.

    Returns:
        Losses by sequences.

    Raises:
        UserError: when the learner has no model, or the critic's weights do not fit.
    """
    own, constants, weights = learner.side.auxiliary, learner.backbone, learner.side.weights
    if not own.any:
        raise UserError("An agent without imagined steps has no model to learn.", "Use spr or vcr.")
    data: Transitions = phase.data
    freeze(learner, data)
    replay, curve, device = probe.stored(data, data.choices), [], learner.device
    learned = [each for each in learner.side.parameters() if each.requires_grad]
    optimiser = torch.optim.Adam(learned, lr=constants.rate, fused=True)
    given = (constants.sequences, own.ahead, 1, constants.discount)
    for i, found in enumerate(probe.batches(phase, replay, *given)):
        states, _ = _parts(replay, found.rows[:, 1:].T.ravel(), device)
        latent, _ = _parts(replay, found.rows[:, 0], device)
        returns = None
        if own.returns:
            with torch.no_grad():
                after = _parts(replay, found.after[:, 1:].T.ravel(), device)
                worth = learner.critic(*after).amin(0)
                earned, left = (
                    torch.from_numpy(each[:, 1:].T.ravel()).to(device)
                    for each in (found.returns, found.discounts)
                )
                returns = earned + left * worth
        each = learner.side.losses(latent, Real(latent, states, returns), found, learner)
        optimiser.zero_grad()
        torch.stack([weights[name] * loss for name, loss in each.items()]).sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if not (i + 1) % LINES:
            curve += [(phase.meter.used, name, float(loss.detach())) for name, loss in each.items()]
    return curve


def freeze(learner: Learner, data: Transitions) -> None:
    """Give critic and target their weights, which are not learned any more.

    SPR compares projections of which one follows the other slowly. With latents that do not
    change, one that learns could agree with any latents; here both sides have the same, which
    is drawn once.

    Raises:
        UserError: when they are of another size.
    """
    given = {k.removeprefix(FROZEN): v for k, v in data.weights.items() if k.startswith(FROZEN)}
    weights = {k: torch.from_numpy(np.array(v)) for k, v in given.items()}
    try:
        for critic in (learner.critic, learner.targets["critic"]):
            critic.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"The frozen critic does not fit: {reason}.",
            "Give the agent the sizes that the critic was made with.",
        ) from error
    learner.critic.requires_grad_(False)
    if "projection" in learner.side.nets:
        learner.side.nets["projection"].requires_grad_(False)


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
        raise UserError("An agent without imagined steps has no model.", "Use spr or vcr.")
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
