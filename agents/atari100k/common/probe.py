"""The model of a Rainbow learned alone, see `leapbench.agents.common.probe`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from leapbench.agents.atari100k.common.learner import Learner, Targets
from leapbench.agents.common.optimiser import clip
from leapbench.agents.common.practice import LINES, Point
from leapbench.agents.common.probe import Transitions, batches, stored
from leapbench.agents.common.replay import Ints, Replay
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

FROZEN = "head."


def learn_model(phase: LearningPhase, learner: Learner) -> list[Point]:
    """Learn the model by the learner's auxiliary losses until the budget is spent.

    Args:
        phase: its `data` are `Transitions`, with the weights of the frozen head.
        learner: its head takes these weights; its encoder is not used.

    Returns:
        Losses by sequences.

    Raises:
        UserError: when the learner has no model, or the head's weights do not fit.
    """
    if learner.model is None or not learner.auxiliary.any:
        raise UserError("An agent without imagined steps has no model to learn.", "Use spr or vcr.")
    data: Transitions = phase.data
    freeze(learner, data)
    own, constants = learner.auxiliary, learner.backbone
    replay, curve = stored(data), []
    learned = [*learner.model.parameters()]
    learned += [*learner.predictor.parameters()] if learner.predictor else []
    optimiser = torch.optim.Adam(learned, lr=constants.rate, eps=1.5e-4, fused=True)
    given = (constants.batch, own.ahead, constants.steps, constants.discount)
    for i, found in enumerate(batches(phase, replay, *given)):
        states = _latents(replay, found.rows[:, 1:].T.ravel(), learner)
        later = _latents(replay, found.after[:, 1:].T.ravel(), learner)
        latent = _latents(replay, found.rows[:, 0], learner)
        each = learner.imagined(latent, found, Targets(later[:0], later, states))
        losses = {name: loss.mean() for name, loss in each.items()}
        total = torch.stack([getattr(own, name) * loss for name, loss in losses.items()]).sum()
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        clip(learner.model.parameters(), constants.clip)
        optimiser.step()
        if not (i + 1) % LINES:
            curve += [
                (phase.meter.used, name, float(loss.detach())) for name, loss in losses.items()
            ]
    learner.model.eval()
    return curve


def freeze(learner: Learner, data: Transitions) -> None:
    """Give the head its weights, which are not learned any more.

    Raises:
        UserError: when they are of another size.
    """
    given = {k.removeprefix(FROZEN): v for k, v in data.weights.items() if k.startswith(FROZEN)}
    try:
        learner.head.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in given.items()})
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"The frozen head does not fit: {reason}.",
            "Give the agent the sizes that the head was made with.",
        ) from error
    learner.head.requires_grad_(False)


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
        raise UserError("An agent without imagined steps has no model.", "Use spr or vcr.")
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
