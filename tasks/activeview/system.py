"""Interface of an agent with its own reconstruction, and checks of what it returns."""

from __future__ import annotations

from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.contract.agent import Remote
from leapbench.contract.rollout import checked
from leapbench.envs.activeview.cameras import Floats, Intrinsics, Optics
from leapbench.envs.activeview.capture import Picture
from leapbench.errors import AgentError, InvalidAction, InvalidOutput

METHODS = ("begin", "observe", "choose", "render")


class System(Protocol):
    """A part that photographs a scene and reconstructs it by whatever means.

    Beside these methods it has those of every part, see `leapbench.contract.agent.Learner`.

    Poses are float32 (4, 4), camera to world; cameras look along their -z, x to the right
    and y up. The scene lies in [-1, 1]^3, z up, before a white background. All pictures of
    an episode have the same size and intrinsics.
    """

    def begin(self, intrinsics: Intrinsics, candidates: Floats, seed: int) -> None:
        """Drop the scene before; another one begins.

        Args:
            intrinsics: fx, fy, cx, cy in pixels.
            candidates: poses (C, 4, 4) of the cameras that can be chosen.
            seed: of all random numbers in this episode, in [0, 2**31).
        """

    def observe(self, image: Picture, pose: Floats) -> None:
        """Take in a photograph, uint8 (H, W, 3); called for the given ones first."""

    def choose(self, free: NDArray[np.bool_]) -> int:
        """Index of the candidate to photograph next, one for which `free` (C,) is True."""

    def render(self, pose: Floats) -> NDArray[Any]:
        """What a camera would see: floats in [0, 1] or uint8, (H, W, 3)."""


class RemoteSystem:
    """A system in a process of its own.

    Args:
        part: as it is here; what it answers is checked like what a system here returns.
    """

    def __init__(self, part: Remote) -> None:
        self.part = part

    def begin(self, intrinsics: Intrinsics, candidates: Floats, seed: int) -> None:
        """See `System.begin`."""
        self.part.invoke("begin", intrinsics, candidates, seed)

    def observe(self, image: Picture, pose: Floats) -> None:
        """See `System.observe`."""
        self.part.invoke("observe", image, pose)

    def choose(self, free: NDArray[np.bool_]) -> Any:
        """See `System.choose`."""
        return self.part.invoke("choose", free)

    def render(self, pose: Floats) -> Any:
        """See `System.render`."""
        return self.part.invoke("render", pose)


def system(part: Any) -> System:
    """`part` as a system.

    Raises:
        AgentError: when it lacks a method; of a remote one the first call tells.
    """
    if isinstance(part, Remote):
        return RemoteSystem(part)
    missing = [name for name in METHODS if not callable(getattr(part, name, None))]
    if missing:
        raise AgentError(f"{type(part).__name__} is no system: it lacks {', '.join(missing)}")
    found: System = part
    return found


def candidate(given: Any, free: NDArray[np.bool_]) -> int:
    """`given` as the index of a candidate that has not been taken.

    Raises:
        InvalidAction: when it is not one.
    """
    (index,) = checked(np.asarray(given)[None], gym.spaces.Discrete(len(free)), 1)
    if not free[index]:
        raise InvalidAction(f"candidate {index} has been taken before")
    return int(index)


def picture(given: Any, optics: Optics) -> NDArray[np.float32]:
    """`given` as a picture, float32 (H, W, 3) in [0, 1].

    Raises:
        InvalidOutput: when it is not one.
    """
    if not isinstance(given, np.ndarray):
        raise InvalidOutput(f"render gave a {type(given).__name__}, expected an array")
    shape = (optics.height, optics.width, 3)
    if given.shape != shape:
        raise InvalidOutput(f"a rendered picture has shape {given.shape}, expected {shape}")
    if given.dtype == np.uint8:
        return np.asarray(given / 255, np.float32)
    if given.dtype.kind != "f":
        raise InvalidOutput(f"a rendered picture is {given.dtype}, expected floats or uint8")
    if not ((given >= 0) & (given <= 1)).all():  # NaN fails both
        raise InvalidOutput("a rendered picture has values that are not in [0, 1]")
    return given.astype(np.float32)
