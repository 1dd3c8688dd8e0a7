"""Pre-training updates per CPU-second of the DDPG agents, on one thread.

An update is one of everything that an agent learns: its own networks, its reward, actor,
critic and target, from a batch that is drawn for it. The sizes are those of the walker (24
numbers, 6 actions, skills of 64). Run it as
`OMP_NUM_THREADS=1 python benchmarks/urlb_updates.py`, and beside the released code with
`--peer PATH`, a checkout of https://github.com/rll-research/cic (its CIC) or of
https://github.com/rll-research/url_benchmark (its RND, ICM-APT and DIAYN). Of the packages
that these need, torch alone is used in an update; the others are stood in for if absent.

"products" is the share of an update that matrix products take, and "at most" how many times
as fast as the released code an update of nothing but these would be.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from released import stand_in

from leapbench.agents.urlb.apt.policy import IcmApt
from leapbench.agents.urlb.cic.policy import Cic
from leapbench.agents.urlb.common.agent import Intrinsic
from leapbench.agents.urlb.common.ddpg import DDPG
from leapbench.agents.urlb.common.replay import Sizes, TransitionReplay
from leapbench.agents.urlb.diayn.policy import Diayn
from leapbench.agents.urlb.moss.policy import Moss
from leapbench.agents.urlb.rnd.policy import Rnd

OBSERVATION, ACTION, SKILL = 24, 6, 64
EPISODES, HORIZON = 20, 200
SIZES = ((256, 256), (1024, 1024))
Update = Callable[[], None]


def ours(agent: Intrinsic) -> tuple[Update, Update]:
    """An update, and the drawing of its batch alone."""
    sizes, backbone = Sizes(OBSERVATION, ACTION, agent.skills.size), agent.backbone
    rng = np.random.default_rng(0)
    replay = TransitionReplay(sizes, EPISODES * HORIZON, HORIZON, backbone.steps, backbone.discount)
    for _ in range(EPISODES):
        for step in range(HORIZON):
            skill, mode = agent.skills.draw(rng, step, HORIZON)
            seen = rng.standard_normal(OBSERVATION, np.float32)
            replay.add(seen, skill, rng.random(ACTION, np.float32), mode, 0.0)
        replay.finish(rng.standard_normal(OBSERVATION, np.float32), False)
    learner, objective = DDPG(sizes, backbone, 0, agent.features), agent.objective(sizes, 1)

    def update() -> None:
        batch = replay.sample(backbone.batch, rng)
        learner.update(batch, objective(batch))

    return update, lambda: replay.sample(backbone.batch, rng) and None


def theirs(kind: str, hidden: int, batch: int, folder: Path) -> tuple[Update, Update]:
    """The same with the released code's agent and replay, which is on `sys.path`."""
    shared = {
        "name": kind, "reward_free": True, "obs_type": "states", "obs_shape": (OBSERVATION,),
        "action_shape": (ACTION,), "device": "cpu", "lr": 1e-4, "feature_dim": 50,
        "hidden_dim": hidden, "critic_target_tau": 0.01, "num_expl_steps": 4000,
        "update_every_steps": 1, "stddev_schedule": 0.2, "nstep": 3, "batch_size": batch,
        "stddev_clip": 0.3, "init_critic": True, "use_tb": False, "use_wandb": False,
    }  # fmt: skip
    own: dict[str, dict[str, Any]] = {
        "cic": {"update_skill_every_step": 50, "skill_dim": SKILL, "scale": 1.0,
                "project_skill": True, "rew_type": "and_disc", "update_rep": True, "temp": 0.5},
        "rnd": {"rnd_rep_dim": 512, "update_encoder": False},
        "icm_apt": {"icm_scale": 1.0, "knn_rms": False, "knn_k": 12, "knn_avg": True,
                    "knn_clip": 0.0, "update_encoder": False, "icm_rep_dim": 512},
        "diayn": {"update_skill_every_step": 50, "skill_dim": 16, "diayn_scale": 1.0,
                  "update_encoder": False},
    }  # fmt: skip
    names = {"cic": "CICAgent", "rnd": "RNDAgent", "icm_apt": "ICMAPTAgent", "diayn": "DIAYNAgent"}
    agent = getattr(import_module(f"agent.{kind}"), names[kind])(**shared, **own[kind])
    width = {"cic": SKILL, "diayn": 16}.get(kind, 0)
    loader = iter(stored(batch, width, folder))
    steps = iter(range(10**9))
    return lambda: agent.update(loader, next(steps)) and None, lambda: next(loader) and None


def stored(batch: int, width: int, folder: Path) -> Any:
    """The released replay over random episodes."""
    replay, rng = import_module("replay_buffer"), np.random.default_rng(0)
    for i in range(EPISODES):
        rows = HORIZON + 1
        episode = {
            "observation": rng.standard_normal((rows, OBSERVATION), np.float32),
            "action": rng.random((rows, ACTION), np.float32),
            "reward": np.zeros((rows, 1), np.float32),
            "discount": np.ones((rows, 1), np.float32),
        }
        skills = np.eye(width)[rng.integers(max(width, 1), size=rows)] if width == 16 else None
        if width:
            drawn = rng.random((rows, width)) if skills is None else skills
            episode["skill"] = drawn.astype(np.float32)
        replay.save_episode(episode, folder / f"now_{i}_{HORIZON}.npz")
    specs = [SimpleNamespace(name="skill")] if width else []
    storage = SimpleNamespace(_replay_dir=folder, _meta_specs=specs)
    made = replay.ReplayBuffer(storage, 10**6, 0, 3, 0.99, 1000, True)
    return torch.utils.data.DataLoader(made, batch_size=batch)


def seconds(run: Update, count: int) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    for _ in range(count):
        run()
    return (time.process_time() - start) / count


def products(run: Update, count: int) -> float:
    """CPU seconds of one call that go into matrix products, which nothing here can save."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        for _ in range(count):
            run()
    kinds = {"aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"}
    spent = [each.self_cpu_time_total for each in seen.key_averages() if each.key in kinds]
    return sum(spent) / count / 1e6


def agents(hidden: int, batch: int) -> dict[str, Intrinsic]:
    shared: dict[str, Any] = {"hidden": hidden, "batch": batch}
    return {
        "moss": Moss(**shared, skill=SKILL, neighbours=16),
        "cic": Cic(**shared, skill=SKILL, neighbours=16),
        "rnd": Rnd(**shared),
        "icm_apt": IcmApt(**shared),
        "diayn": Diayn(**shared),
    }


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="checkout of rll-research/cic or url_benchmark")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    peers: list[str] = []
    if asked.peer:
        peers = [k for k in agents(1, 2) if (asked.peer / "agent" / f"{k}.py").is_file()]
        if not peers:
            parser.error(f"{asked.peer} has no agent/cic.py or agent/rnd.py")
        sys.path.insert(0, str(asked.peer))
        specs = SimpleNamespace(Array=lambda *given: given)
        stand_in("hydra"), stand_in("omegaconf", OmegaConf=None), stand_in("dm_env", specs=specs)
    print(f"{'agent':<9}{'hidden':>7}{'batch':>7}{'products':>10}{'updates/s':>11}", end="")
    print(f"{'drawing':>9}", end="")
    print(f"{'released':>11}{'drawing':>9}{'times as fast':>15}{'at most':>9}" if peers else "")
    for hidden, batch in SIZES:
        for name, agent in agents(hidden, batch).items():
            if peers and name not in peers:
                continue
            compare(name, agent, name in peers, asked.rounds)


def compare(name: str, agent: Intrinsic, beside: bool, rounds: int) -> None:
    """Print one line; rounds are interleaved, so that a busy machine slows both alike."""
    hidden, batch = agent.backbone.hidden, agent.backbone.batch
    count = 20 if hidden < 1024 else 1
    with tempfile.TemporaryDirectory() as folder:
        runs = [ours(agent)] + ([theirs(name, hidden, batch, Path(folder))] if beside else [])
        times: list[list[tuple[float, float]]] = [[] for _ in runs]
        for update, _ in runs:
            update()
        for _ in range(rounds):
            for kept, (update, draw) in zip(times, runs, strict=True):
                kept.append((seconds(update, count), seconds(draw, count)))
    bound = products(runs[0][0], count)
    own = statistics.median(whole for whole, _ in times[0])
    print(f"{name:<9}{hidden:>7}{batch:>7}{bound / own:>10.0%}", end="")
    for i, kept in enumerate(times):
        whole, drawing = (statistics.median(each) for each in zip(*kept, strict=True))
        print(f"{1 / whole:>11.1f}{drawing / whole:>9.1%}", end="")
        if i:
            ratio = statistics.median(b[0] / a[0] for a, b in zip(*times, strict=True))
            print(f"{ratio:>15.2f}{whole / bound:>9.2f}", end="")
    print(flush=True)


if __name__ == "__main__":
    main()
