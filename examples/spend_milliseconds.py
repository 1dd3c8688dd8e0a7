"""Where to compute, by a rule of one's own: the cells whose input is largest.

python examples/spend_milliseconds.py
"""

from typing import Any

import gymnasium as gym
import numpy as np

import leapbench  # noqa: F401 - registers the worlds

ID = "leapbench/LatencyBudget-TX2-Mask-v0"


def stream(share: float, images: int) -> dict[str, Any]:
    """Keep a share of the cells of every block, and see what that makes of a stream."""
    env: Any = gym.make(ID, stream=images, budget=1.1)
    at, cells = env.unwrapped.world.layout(masks=True), env.unwrapped.world.cells
    observation, info = env.reset(seed=0)
    over = False
    while not over:
        count = cells[observation[at.block].argmax()]
        energy = observation[at.energy][:count]
        mask = np.zeros(env.action_space.n, np.int8)
        mask[np.argsort(-energy)[: round(share * count)]] = 1
        observation, _, over, _, info = env.step(mask)
    return info


def main(images: int = 64) -> None:
    """Four shares of the cells, on the same images."""
    for share in (0.1, 0.3, 0.6, 1.0):
        info = stream(share, images)
        each = info["spent_ms"] / images
        print(f"{share:4.0%} of the cells: {info['accuracy']:.0%} right, {each:.4f} ms an image")


if __name__ == "__main__":
    main()
