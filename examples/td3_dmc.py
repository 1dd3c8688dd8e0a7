"""TD3 on a task of dm_control in one loop: `python examples/td3_dmc.py Cartpole-Swingup 12500`."""

import copy
import sys

import gymnasium as gym
import numpy as np
import torch
from torch import nn


def train(name: str, steps: int, seed: int = 0, batch: int = 64, warmup: int = 500) -> list[float]:
    """Learn for `steps` decisions; returns of the training episodes."""
    env = gym.make(f"leapbench:leapbench/DMC-{name}-v0")
    n, m = env.observation_space.shape[0], env.action_space.shape[0]
    rng, _ = np.random.default_rng(seed), torch.manual_seed(seed)
    layers = [(n, m), (n + m, 1), (n + m, 1)]  # of the actor and both critics
    nets = [
        nn.Sequential(nn.Linear(a, 128), nn.LayerNorm(128), nn.ReLU(), nn.Linear(128, 128),
                      nn.ReLU(), nn.Linear(128, b)) for a, b in layers]  # fmt: skip
    late = copy.deepcopy(nets)
    optimisers = [torch.optim.Adam(net.parameters(), 3e-4) for net in nets]
    memory, returns, seen, earned = np.zeros((steps, 2 * n + m + 1), np.float32), [], None, 0.0
    for step in range(steps):
        seen = env.reset(seed=None if step else seed)[0] if seen is None else seen
        best = torch.tanh(nets[0](torch.from_numpy(seen))).detach().numpy()
        noisy = best + 0.3 * rng.normal(size=m) if step >= warmup else rng.uniform(-1, 1, m)
        action = noisy.clip(-1, 1).astype(np.float32)
        after, reward, terminated, truncated, _ = env.step(action)
        memory[step], earned = np.concatenate([seen, action, [reward], after]), earned + reward
        if terminated or truncated:  # by the time limit, so that what follows has a value
            returns, earned, after = [*returns, earned], 0.0, None
        seen, learns = after, step >= warmup
        rows = torch.from_numpy(memory[rng.integers(step + 1, size=batch)])
        state, act, gain, following = rows.split([n, m, 1, n], dim=1)
        for net, old, optimiser in zip(nets, late, optimisers, strict=True) if learns else ():
            pair = torch.cat([following, torch.tanh(late[0](following))], 1)
            aim = (gain / 8 + 0.99 * torch.minimum(late[1](pair), late[2](pair))).detach()
            loss = -nets[1](torch.cat([state, torch.tanh(nets[0](state))], 1)).mean()
            if net is not nets[0]:
                loss = (net(torch.cat([state, act], 1)) - aim).square().mean()
            optimiser.zero_grad(), loss.backward(), optimiser.step()
            for slow, fast in zip(old.parameters(), net.parameters(), strict=True):
                slow.data.lerp_(fast.data, 0.01)
    return returns


if __name__ == "__main__":
    print(np.mean(train(sys.argv[1], int(sys.argv[2]))[-10:]), "of 1000 in the last ten episodes")
