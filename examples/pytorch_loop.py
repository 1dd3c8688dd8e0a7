"""REINFORCE in plain PyTorch on the practice worlds of two families, scored by their tasks.

`python examples/pytorch_loop.py` trains a small network for each and plays the task's own
held-out episodes with it. Such rows are on boards as "learned elsewhere": shown, not ranked.
"""

from __future__ import annotations

import argparse
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

import leapbench as lb

TASKS = ("urlb/entropy-grid", "activeview/niche")


class Policy(nn.Module):
    """Scores of discrete actions, from numbered or real observations."""

    def __init__(self, observations: gym.Space[Any], actions: gym.spaces.Discrete) -> None:
        super().__init__()
        self.cells = int(observations.n) if isinstance(observations, gym.spaces.Discrete) else 0
        size = self.cells or int(np.prod(observations.shape or (1,)))
        self.layers = nn.Sequential(nn.Linear(size, 64), nn.Tanh(), nn.Linear(64, int(actions.n)))

    def forward(self, seen: Tensor) -> Tensor:
        if self.cells:
            return self.layers(nn.functional.one_hot(seen.long(), self.cells).float())
        return self.layers(seen.float().flatten(1))


def train(task: str, updates: int, steps: int, envs: int, seed: int = 0) -> Policy:
    """Learn from `updates` pieces of `steps` steps in `envs` practice worlds."""
    torch.manual_seed(seed)
    env = lb.make_env(task, envs, seed=seed)
    policy = Policy(env.single_observation_space, env.single_action_space)
    optimizer = torch.optim.Adam(policy.parameters(), 1e-2)
    observation, _ = env.reset()
    for _ in range(updates):
        chances, rewards, going = [], [], []
        for _ in range(steps):
            choice = torch.distributions.Categorical(logits=policy(torch.as_tensor(observation)))
            action = choice.sample()
            observation, reward, terminated, truncated, _ = env.step(action.numpy())
            chances.append(choice.log_prob(action))
            rewards.append(torch.as_tensor(reward, dtype=torch.float32))
            going.append(1 - torch.as_tensor(terminated | truncated, dtype=torch.float32))
        returns = [torch.zeros(envs)]
        for reward, goes in zip(rewards[::-1], going[::-1], strict=True):
            returns.append(reward + 0.99 * goes * returns[-1])
        gain = torch.stack(returns[:0:-1])
        gain = (gain - gain.mean()) / (gain.std() + 1e-6)
        loss = -(torch.stack(chances) * gain).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    env.close()
    return policy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=50)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--envs", type=int, default=4)
    options = parser.parse_args()
    for task in TASKS:
        policy = train(task, options.updates, options.steps, options.envs)
        print(lb.evaluate(task, policy, name="reinforce"))


if __name__ == "__main__":
    main()
