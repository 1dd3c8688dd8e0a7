"""Train Stable-Baselines3's DQN on an Atari game for 100,000 steps, in plain SB3 code.

`python examples/sb3_dqn.py --game Pong` needs nothing of leapbench but the id of the
environment. `leapbench run atari100k/pong sb3-dqn` is the same learner under the suite's budget.
"""

from __future__ import annotations

import argparse

import gymnasium as gym
from stable_baselines3 import DQN
from stable_baselines3.common.evaluation import evaluate_policy


def train(game: str, steps: int, seed: int = 0) -> DQN:
    """Train for `steps` decisions; rewards are signs, and a lost life ends an episode."""
    env = gym.make(f"leapbench:leapbench/Atari100k-{game}-v0", training=True)
    model = DQN(
        "CnnPolicy", env, buffer_size=steps, learning_starts=min(1000, steps // 2), train_freq=1,
        target_update_interval=500, exploration_fraction=0.5, seed=seed, device="cpu",
    )  # fmt: skip
    return model.learn(steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--game", default="Pong")
    parser.add_argument("--steps", type=int, default=100_000)
    options = parser.parse_args()
    model = train(options.game, options.steps)
    whole = gym.make(f"leapbench:leapbench/Atari100k-{options.game}-v0")
    mean, spread = evaluate_policy(model, whole, 10, deterministic=False, warn=False)
    print(f"{options.game}: {mean:.1f} ± {spread:.1f} points in whole games")


if __name__ == "__main__":
    main()
