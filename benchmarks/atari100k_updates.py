"""Updates per CPU-second of the Rainbow of atari100k without and with SPR and VCR, on one thread.

    OMP_NUM_THREADS=1 python benchmarks/atari100k_updates.py
    OMP_NUM_THREADS=1 python benchmarks/atari100k_updates.py --peer SPR --rlpyt RLPYT

SPR is a checkout of https://github.com/mila-iqia/spr and RLPYT one of
https://github.com/astooke/rlpyt, which it builds on; both need the packages pyprind and
kornia (0.6.12 was used). An update is all of it: drawing the batch, augmentation, losses,
backward pass, clipping, Adam and new priorities. Sizes are those of the paper: 32 sequences
of 84 x 84 pixels, 18 actions, 10-step returns, 5 imagined steps.

"networks" is what forward and backward passes of an update's networks take alone, on inputs
that are there already and with gradients that are there already; no update of these networks
can be faster. Rounds are interleaved, so that a busy machine slows all alike; a ratio is the
median of the rounds' ratios.
"""

from __future__ import annotations

import statistics
import sys
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

from leapbench.agents.atari100k.common.policy import Rainbow
from leapbench.agents.atari100k.common.student import RainbowStudent

ACTIONS, STEPS, BATCH, AHEAD, RETURNS = 18, 2500, 32, 5, 10
Update = Callable[[], Any]
KINDS: dict[str, dict[str, Any]] = {
    "rainbow": {},
    "spr": {"ahead": AHEAD, "cosine": 2.0},
    "vcr": {"ahead": AHEAD, "cosine": 2.0, "value": 1.0, "predictor": False},
}


def stream(store: Callable[[np.ndarray, int, float, bool], None]) -> None:
    """Give random steps to `store`; one in 200 ends an episode."""
    rng, stack, over = np.random.default_rng(0), np.zeros((4, 84, 84), np.uint8), False
    for _ in range(STEPS):
        stack = np.zeros_like(stack) if over else np.roll(stack, -1, axis=0)
        stack[-1] = rng.integers(0, 256, (84, 84))
        over = rng.random() < 0.005
        store(stack, int(rng.integers(ACTIONS)), float(rng.integers(-1, 2)), over)


def ours(kind: str) -> tuple[Update, Update]:
    """An update, and its networks alone."""
    agent = Rainbow(**KINDS[kind])
    sizes = {"stack": 4, "actions": ACTIONS}
    learner = agent.make(sizes, 0, torch.device("cpu"))
    student = agent.student(learner, sizes, 10 * STEPS, 0)

    def store(stack: np.ndarray, action: int, reward: float, over: bool) -> None:
        student.replay.add(stack, action, reward)
        if over:
            student.replay.finish(stack, True)

    stream(store)
    student._admit()
    return lambda: student.update(STEPS), networks(student)


def networks(student: RainbowStudent) -> Update:
    """Forward and backward passes of an update's networks."""
    learner, own = student.learner, student.learner.auxiliary
    head, model, first = learner.head, learner.model, torch.rand(BATCH, 4, 84, 84)
    seen = first.contiguous(memory_format=torch.channels_last)
    count = 1 + own.ahead + (own.ahead if own.returns else 0)
    actions = torch.randint(ACTIONS, (BATCH, max(1, own.ahead)))
    sizes = {"logits": (BATCH, ACTIONS, 51), "hidden": (AHEAD * BATCH, 512)}
    sizes |= {"imagined": (AHEAD * BATCH, ACTIONS, 51)}
    back = {name: torch.rand(size) for name, size in sizes.items()}

    def run() -> None:
        latent = learner.encoder(seen)
        outputs = {"logits": head.logits(head.hidden(latent, learner.noise), learner.noise)}
        with torch.no_grad():
            after, *rest = [learner.encoder(seen) for _ in range(count)]
            for noise in (learner.noise, learner.stale):
                head.logits(head.hidden(after, noise), noise)
        if model is not None:
            hidden = head.hidden(model.rollout(latent, actions))
            outputs["hidden"] = learner.predictor(hidden) if learner.predictor else hidden
            with torch.no_grad():
                aim = head.hidden(torch.cat(rest[: own.ahead]))
                if own.value:
                    head.logits(aim)
                if own.returns:
                    head.logits(head.hidden(torch.cat(rest[own.ahead :])))
            if own.value:
                outputs["imagined"] = head.logits(hidden)
        learner.optimiser.zero_grad()
        torch.autograd.backward(list(outputs.values()), [back[name] for name in outputs])

    return run


def theirs(kind: str) -> Update:
    """An update of the released code, whose folders are on `sys.path`."""
    models, algos = import_module("src.models"), import_module("src.algos")
    spr = kind == "spr"
    ahead = AHEAD if spr else 0
    settings = {
        "dueling": True, "n_atoms": 51, "jumps": ahead, "spr": spr, "time_offset": 0,
        "augmentation": ["shift", "intensity"], "target_augmentation": 1,
        "eval_augmentation": 0, "dynamics_blocks": 0, "norm_type": "bn", "noisy_nets": 1,
        "aug_prob": 1.0, "classifier": "q_l1", "imagesize": 84, "local_spr": 0,
        "global_spr": 1, "momentum_encoder": 1, "shared_encoder": 0, "distributional": 1,
        "dqn_hidden_size": 256, "momentum_tau": 1.0, "renormalize": 1,
        "q_l1_type": ["value", "advantage"], "dropout": 0.0, "final_classifier": "linear",
        "model_rl": 0.0, "noisy_nets_std": 0.5, "residual_tm": 0,
    }  # fmt: skip
    box = import_module("rlpyt.spaces.int_box").IntBox
    spaces = import_module("rlpyt.envs.base").EnvSpaces
    batch = import_module("rlpyt.samplers.collections").BatchSpec
    agent = import_module("src.agent").SPRAgent(
        ModelCls=models.SPRCatDqnModel, model_kwargs=settings, eps_final=0.0, eps_eval=0.001
    )
    pixels = box(0, 255, shape=(4, 1, 84, 84), dtype="uint8")
    agent.initialize(spaces(observation=pixels, action=box(0, ACTIONS)))
    learner = algos.SPRCategoricalDQN(
        optim_kwargs={"eps": 0.00015}, jumps=ahead, discount=0.99, batch_size=BATCH,
        learning_rate=1e-4, replay_ratio=BATCH, replay_size=10 * STEPS, min_steps_learn=0,
        n_step_return=RETURNS, target_update_interval=1, target_update_tau=1.0,
        clip_grad_norm=10.0, pri_alpha=0.5, pri_beta_steps=100_000, prioritized_replay=True,
        double_dqn=True, t0_spr_loss_weight=0.0, model_rl_weight=0.0, reward_loss_weight=0.0,
        model_spr_weight=5.0, distributional=1, delta_clip=1.0, time_offset=0,
    )  # fmt: skip
    example = {
        "observation": np.zeros((4, 1, 84, 84), np.uint8), "action": np.int64(0),
        "reward": np.float32(0), "done": False,
        "agent_info": SimpleNamespace(p=np.zeros(ACTIONS, np.float32)),
    }  # fmt: skip
    learner.initialize(agent, 100_000, batch(1, 1), False, example)

    def store(stack: np.ndarray, action: int, reward: float, over: bool) -> None:
        learner.replay_buffer.append_samples(
            algos.ModelSamplesToBuffer(
                observation=stack[None, None, :, None],
                action=np.array([[action]]),
                reward=np.array([[reward]], np.float32),
                done=np.array([[over]]),
                value=np.zeros((1, 1, ACTIONS), np.float32),
            )
        )

    stream(store)
    agent.train_mode(STEPS)
    return lambda: learner.optimize_agent(STEPS)


def seconds(run: Update, count: int = 2) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    for _ in range(count):
        run()
    return (time.process_time() - start) / count


def main() -> None:
    """Print one line for each kind, and VCR beside SPR."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="checkout of mila-iqia/spr")
    parser.add_argument("--rlpyt", type=Path, help="checkout of astooke/rlpyt")
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    runs: dict[str, Update] = {}
    for kind in KINDS:
        runs[kind], runs[f"{kind} networks"] = ours(kind)
    if asked.peer:
        sys.path[:0] = [str(asked.peer), str(asked.rlpyt or asked.peer)]
        stand_in("wandb"), stand_in("gym"), stand_in("gym.envs")
        stand_in("gym.envs.registration", register=lambda **given: None)
        runs |= {f"{kind} released": theirs(kind) for kind in ("rainbow", "spr")}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(asked.rounds):
        for name, run in runs.items():
            times[name].append(seconds(run))
    report(times)


def report(times: dict[str, list[float]]) -> None:
    """Print medians and ratios."""

    def ratio(one: str, other: str) -> float:
        pairs = zip(times[one], times[other], strict=True)
        return statistics.median(a / b for a, b in pairs)

    for kind in KINDS:
        own = statistics.median(times[kind])
        line = f"{kind:<8} {1 / own:6.2f} updates/s, {ratio(kind, f'{kind} networks'):.2f} "
        line += "times its networks alone"
        if f"{kind} released" in times:
            line += f", {ratio(f'{kind} released', kind):.2f} times as fast as released"
        print(line)
    print(f"vcr      {ratio('vcr', 'spr'):.2f} times the CPU-seconds of spr")


if __name__ == "__main__":
    main()
