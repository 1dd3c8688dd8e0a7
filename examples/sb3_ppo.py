"""Train Stable-Baselines3's PPO on an early-exit world, in plain SB3 code.

`python examples/sb3_ppo.py` needs nothing of leapbench but the id of the
environment. `leapbench run earlyexit/digits sb3:ppo:ppo_early_exit.zip` then
scores what it stored on held-out streams, behind a network that leapbench trains.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

ENVIRONMENT = "leapbench:leapbench/EarlyExit-Digits-v0"


def train(steps: int, seed: int, stream: int = 50) -> PPO:
    """Train a small policy for at least `steps` decisions on streams of `stream` samples."""
    env = make_vec_env(ENVIRONMENT, n_envs=16, seed=seed, env_kwargs={"stream": stream})
    # gamma 1: an answer at the end of the stream is worth as much as one at its start.
    model = PPO(
        "MlpPolicy", env, n_steps=256, batch_size=512, gamma=1.0, learning_rate=1e-3,
        seed=seed, device="cpu",
    )  # fmt: skip
    return model.learn(steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100_000, help="decisions to train on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("ppo_early_exit.zip"))
    options = parser.parse_args()
    train(options.steps, options.seed).save(options.out)
    print(f"leapbench run earlyexit/digits sb3:ppo:{options.out}")


if __name__ == "__main__":
    main()
