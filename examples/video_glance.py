"""A policy of one's own for glances at video: look at the model's first cubes until it is sure.

python examples/video_glance.py
"""

from __future__ import annotations

import gymnasium as gym
import numpy as np

from leapbench.envs.exits.observation import ExitColumn
from leapbench.envs.videoglance.observation import layout_of

CLASSES, CUBES, SURE = 10, 36, 0.6


def main(streams: int = 64) -> float:
    env = gym.make_vec(
        "leapbench:leapbench/VideoGlance-Needle-v0",
        streams,
        vectorization_mode="vector_entry_point",
        split="test",
    )
    layout = layout_of(env.single_observation_space.shape[0], CLASSES, CUBES)
    observation, _ = env.reset(seed=0)
    answered, right = 0, 0.0
    for _ in range(300):
        unseen = np.where(observation[:, layout.visited] > 0, -1, observation[:, layout.proposal])
        sure = observation[:, ExitColumn.TOP1] > SURE
        poor = observation[:, ExitColumn.REMAINING] < 0.5
        actions = np.where(sure | poor, CUBES, unseen.argmax(1))
        observation, reward, *_ = env.step(actions)
        answered += int((actions == CUBES).sum())
        right += float(reward.sum())
    print(f"{right / answered:.1%} of {answered} clips")
    return right / answered


if __name__ == "__main__":
    main()
