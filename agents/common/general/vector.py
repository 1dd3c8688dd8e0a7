"""Metered worlds of any family as Stable-Baselines3's vector environment."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from leapbench.agents.common.vecenv import VectorAdapter
from leapbench.errors import UserError

MASK = "action_mask"
"""Entry of a world's metadata: where the flattened observation says which actions may be taken."""
MASKS = "action_masks"
Mask = dict[str, list[int | None]]


class Worlds(VectorAdapter):
    """Episodes may end by truncation; their last observation is then handed on.

    A world whose observation says which actions are allowed has in its metadata, under
    "action_mask", {"allowed": [...]} or {"barred": [...]}: for each action a position of the
    flattened observation, where a number above 0 allows or bars it, or None for an action that
    is always allowed.

    Args:
        env: vector environment with autoreset mode SAME_STEP.

    Attributes:
        mask: that entry; empty where the world has none.

    Raises:
        UserError: for a mask of another form.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        self.mask = mask_of(env.metadata.get(MASK, {}))
        self._seen: NDArray[Any] = np.zeros(0)
        super().__init__(env)

    def reset(self) -> NDArray[Any]:
        """See `VectorAdapter.reset`."""
        self._seen = super().reset()
        return self._seen

    def step_wait(
        self,
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], list[dict[str, Any]]]:
        """Step; see `VectorAdapter.step_wait`."""
        observation, reward, terminated, truncated, info = self.env.step(self._actions)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(truncated & ~terminated):
            infos[i]["TimeLimit.truncated"] = True
        over = np.asarray(terminated | truncated)
        for i in np.flatnonzero(over) if "final_obs" in info else ():
            infos[i]["terminal_observation"] = np.array(info["final_obs"][i])
        self._seen = np.asarray(observation)
        return self._seen, reward.astype(np.float32), over, infos

    def has_attr(self, attr_name: str) -> bool:
        """Whether there is an attribute; `action_masks` where observations have masks."""
        return bool(self.mask) if attr_name == MASKS else super().has_attr(attr_name)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method; `action_masks` gives bool (n,) for each sub-environment."""
        if method_name == MASKS:
            return list(allowed(self._seen, self.mask))
        return super().env_method(method_name, *method_args, indices=indices, **method_kwargs)


def mask_of(data: Any) -> Mask:
    """An entry "action_mask" of metadata, or what was kept of it.

    Raises:
        UserError: for one of another form.
    """
    good = isinstance(data, dict) and (not data or [*data] in (["allowed"], ["barred"]))
    places = [place for each in data.values() for place in each] if good else []
    if not good or not all(
        place is None or (type(place) is int and place >= 0) for place in places
    ):
        raise UserError(
            f"An action mask is {data!r}.",
            'Expected {"allowed": [...]} or {"barred": [...]} with a position or None an action.',
        )
    return {kind: list(each) for kind, each in data.items()}


def allowed(observation: NDArray[Any], mask: Mask) -> NDArray[np.bool_]:
    """Which actions observations (B, ...) allow, bool (B, n); all where none is.

    Raises:
        UserError: when a position lies outside an observation.
    """
    rows = observation.reshape(len(observation), -1)
    ((kind, places),) = mask.items()
    if any(place is not None and place >= rows.shape[1] for place in places):
        raise UserError(f"The action mask is at {places}, outside of {rows.shape[1]} numbers.")
    found = np.ones((len(rows), len(places)), np.bool_)
    for action, place in enumerate(places):
        if place is not None:
            found[:, action] = (rows[:, place] > 0) == (kind == "allowed")
    return found | ~found.any(axis=1, keepdims=True)
