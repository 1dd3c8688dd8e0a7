"""TD3 on a task of dm_control in one loop, in the manner of CleanRL.

`python examples/td3_dmc.py` needs nothing of leapbench but the id of the environment.
"""

from __future__ import annotations

import argparse
import copy

import gymnasium as gym
import numpy as np
import torch
from torch import nn

DISCOUNT, FOLLOW, BATCH, WARMUP = 0.99, 0.01, 64, 500


def mlp(inputs: int, outputs: int, *last: nn.Module) -> nn.Sequential:
    middle = (nn.Linear(inputs, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU())
    return nn.Sequential(*middle, nn.Linear(128, outputs), *last)


def train(name: str, steps: int, seed: int = 0) -> list[float]:
    """Learn for `steps` decisions; returns of the training episodes."""
    env = gym.make(f"leapbench:leapbench/DMC-{name}-v0")
    rng, _ = np.random.default_rng(seed), torch.manual_seed(seed)
    n, m = env.observation_space.shape[0], env.action_space.shape[0]
    actor, critics = mlp(n, m, nn.Tanh()), nn.ModuleList(mlp(n + m, 1) for _ in range(2))
    targets = copy.deepcopy(nn.ModuleList([actor, *critics]))
    of_actor = torch.optim.Adam(actor.parameters(), 1e-3)
    of_critics = torch.optim.Adam(critics.parameters(), 1e-3)
    memory, returns, earned = np.zeros((steps, 2 * n + m + 1), np.float32), [], 0.0
    seen, _ = env.reset(seed=seed)
    for step in range(steps):
        action = rng.uniform(-1, 1, m)
        if step >= WARMUP:
            best = actor(torch.from_numpy(seen[None])).detach().numpy()[0]
            action = np.clip(best + 0.1 * rng.normal(size=m), -1, 1)
        after, reward, terminated, truncated, _ = env.step(action.astype(np.float32))
        memory[step], earned = np.concatenate([seen, action, [reward], after]), earned + reward
        seen = after
        if terminated or truncated:  # a time limit, so that the value of what follows counts
            returns, earned, (seen, _) = [*returns, earned], 0.0, env.reset()
        if step < WARMUP:
            continue
        batch = torch.from_numpy(memory[rng.integers(step + 1, size=BATCH)])
        state, act, gain, following = batch.split([n, m, 1, n], dim=1)
        with torch.no_grad():
            noise = (0.2 * torch.randn(BATCH, m)).clamp(-0.5, 0.5)
            pair = torch.cat([following, (targets[0](following) + noise).clamp(-1, 1)], 1)
            aim = gain + DISCOUNT * torch.minimum(targets[1](pair), targets[2](pair))
        loss = sum((critic(torch.cat([state, act], 1)) - aim).square().mean() for critic in critics)
        of_critics.zero_grad(), loss.backward(), of_critics.step()
        if step % 2 == 0:
            loss = -critics[0](torch.cat([state, actor(state)], 1)).mean()
            of_actor.zero_grad(), loss.backward(), of_actor.step()
            online = [*actor.parameters(), *critics.parameters()]
            with torch.no_grad():
                torch._foreach_lerp_(list(targets.parameters()), online, FOLLOW)
    return returns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="Cartpole-Swingup", help="such as Finger-Spin")
    parser.add_argument("--steps", type=int, default=12_500, help="100,000 frames of cartpole")
    options = parser.parse_args()
    returns = train(options.task, options.steps)
    print(f"{options.task}: {np.mean(returns[-10:]):.0f} of 1000 in the last ten episodes")


if __name__ == "__main__":
    main()
