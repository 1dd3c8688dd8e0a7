"""What an agent sees: the views it has, and the cameras it can choose from."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.envs.activeview.capture import CaptureSource
from leapbench.envs.activeview.episode import Episode, Rules
from leapbench.envs.activeview.referee import FEATURES

Observation = dict[str, Any]


def view_spaces(source: CaptureSource, rules: Rules) -> dict[str, gym.Space[Any]]:
    """Spaces of the views, whatever the action; see `ActiveViewEnv`."""
    most, optics = source.initial + rules.views, source.optics
    return {
        "images": gym.spaces.Box(0, 255, (most, optics.height, optics.width, 3), np.uint8),
        "poses": _reals(most, 4, 4),
        "intrinsics": _reals(4),
        "n_views": gym.spaces.Discrete(most + 1),
        "views_left": gym.spaces.Discrete(rules.views + 1),
        "round": gym.spaces.Discrete(rules.rounds + 1),
    }


def candidate_spaces(count: int, features: bool) -> dict[str, gym.Space[Any]]:
    """Spaces of a pool of `count` cameras."""
    spaces: dict[str, gym.Space[Any]] = {
        "candidate_poses": _reals(count, 4, 4),
        "candidate_mask": gym.spaces.MultiBinary(count),
    }
    if features:
        spaces["candidate_features"] = _reals(count, len(FEATURES))
    return spaces


def views(episode: Episode) -> Observation:
    """The views so far, in the order in which they were taken, padded with zeros."""
    images, poses = episode.referee.views
    rules, initial = episode.rules, len(episode.capture.initial.poses)
    padding = initial + rules.views - len(poses)
    return {
        "images": np.pad(images, ((0, padding), (0, 0), (0, 0), (0, 0))),
        "poses": np.pad(poses, ((0, padding), (0, 0), (0, 0))),
        "intrinsics": np.array(episode.capture.optics.intrinsics, np.float32),
        "n_views": np.int64(len(poses)),
        "views_left": np.int64(rules.views - episode.referee.acquired),
        "round": np.int64(len(episode.referee.curve.psnr) - 1),
    }


def candidates(episode: Episode, free: NDArray[np.bool_], features: bool) -> Observation:
    """The pool; `free` tells which candidates have not been taken."""
    seen: Observation = {
        "candidate_poses": episode.capture.candidates.copy(),
        "candidate_mask": free.astype(np.int8),
    }
    if features:
        seen["candidate_features"] = episode.referee.features()
    return seen


def _reals(*shape: int) -> gym.spaces.Box:
    return gym.spaces.Box(-np.inf, np.inf, shape, np.float32)
