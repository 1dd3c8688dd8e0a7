from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from leapbench.results import result

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PLUGIN = EXAMPLES / "custom_task"
TWO_STAGE = f"{EXAMPLES / 'custom_agent.py'}:TwoStage"


def command(*words: str, cwd: Path, path: str = "") -> str:
    """Standard output of `leapbench`, run as a user runs it."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-m", "leapbench", *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def example(name: str) -> ModuleType:
    """An example as a module."""
    spec = spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, result.Result]:
    """Results of the two policy examples on one trained network, by policy."""
    folder = tmp_path_factory.mktemp("policies")
    example("sb3_ppo").train(steps=1, seed=0).save(folder / "ppo_early_exit.zip")
    command(
        "run", "earlyexit/digits", TWO_STAGE, "sb3:ppo:ppo_early_exit.zip", cwd=folder
    )  # fmt: skip
    found = [result.read(path) for path in folder.glob("runs/earlyexit/digits/smoke/*/*.json")]
    return {r.agent.parts[-1].name: r for r in found}


def test_policy_examples_are_scored_within_the_budget(scored: dict[str, result.Result]) -> None:
    assert len(scored) == 2
    for found in scored.values():
        assert found.status == "ok"
        assert found.metrics["violations"] == 0
        assert found.score is not None
        assert 0.6 < found.score < 1.0


def test_two_stage_spends_more_when_it_may(scored: dict[str, result.Result]) -> None:
    (name,) = (name for name in scored if "twostage" in name.lower())
    costs = [point["multiply_adds"] for point in scored[name].details["curve"]]
    assert costs == sorted(costs)
    assert costs[-1] > 1.5 * costs[0]


def test_the_dqn_example_learns_on_a_game() -> None:
    pytest.importorskip("ale_py")
    import gymnasium as gym

    model = example("sb3_dqn").train("Pong", steps=40)
    assert model.num_timesteps == 40
    observation, _ = gym.make("leapbench:leapbench/Atari100k-Pong-v0").reset(seed=0)
    action, _ = model.predict(observation)
    assert action in range(6)


def test_the_td3_example_learns_on_a_task_of_dm_control() -> None:
    pytest.importorskip("dm_control")
    returns = example("td3_dmc").train("Cartpole-Swingup", steps=625)
    assert len(returns) == 5
    assert all(0 <= earned <= 1000 for earned in returns)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """PYTHONPATH on which the plug-in is found as if it were installed."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    site = tmp_path_factory.mktemp("site")
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    lines = [f"Name: {project['name']}", f"Version: {project['version']}"]
    (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, ""]))
    groups = [
        f"[{group}]\n" + "\n".join(f"{name} = {value}" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups) + "\n")
    return os.pathsep.join([str(site), str(PLUGIN)])


def test_custom_task_is_listed_and_run(installed: str, tmp_path: Path) -> None:
    assert "classic/cartpole" in command("list", "tasks", cwd=tmp_path, path=installed)
    command("run", "classic/cartpole", "hill-climb", cwd=tmp_path, path=installed)
    found = result.read(tmp_path / "runs/classic/cartpole/smoke/hill-climb/seed-0.json")
    assert found.status == "ok"
    (spent,) = found.budget
    assert (spent.used, spent.limit) == (20_000, 20_000)
    assert found.score is not None
    assert found.score > 100


CONFORMANCE = """
from leapbench.contract import registry
from leapbench.testing import check_agent, check_task
task = registry.task("classic/cartpole")
check_task(task)
check_agent("hill-climb", task)
print("conforms")
"""


def test_custom_task_conforms(installed: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CONFORMANCE],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": installed, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "conforms\n", done.stderr


def test_packages_of_the_custom_task_are_all_declared() -> None:
    declared = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {p.parent for p in PLUGIN.rglob("__init__.py")}
    assert set(declared["packages"]) == {
        ".".join(folder.relative_to(PLUGIN).parts) for folder in folders
    }


def test_the_training_example_is_plain_training_without_its_exponent() -> None:
    import torch

    from leapbench.agents.earlyexit.common.trainer import Trainer
    from leapbench.contract.registry import task
    from leapbench.running.composition import compose

    text = f"{EXAMPLES / 'custom_training.py'}:FocalExits"
    agent = compose(task("earlyexit/digits"), text)
    assert list(agent.parts) == ["model", "policy"]
    assert agent.config["model"] == {"gamma": 1.0, "network": "msdnet"}
    logits = [torch.randn(6, 4, generator=torch.manual_seed(k)) for k in range(3)]
    labels = torch.arange(6) % 4
    plain, focal = Trainer(), agent.build("model")
    assert focal.loss(logits, labels) < plain.loss(logits, labels)
    focal.gamma = 0.0
    assert focal.loss(logits, labels) == pytest.approx(float(plain.loss(logits, labels)))


def test_fresh_networks_keep_the_steps_and_forget_the_rest() -> None:
    import numpy as np
    import torch

    from leapbench.agents.urlb.common.ddpg import DDPG, Backbone
    from leapbench.agents.urlb.common.replay import Sizes, TransitionReplay
    from leapbench.contract.registry import task
    from leapbench.running.composition import compose

    text = f"{EXAMPLES / 'fresh_networks.py'}:FreshMoss"
    agent = compose(task("urlb/entropy-point"), text).build("policy")
    sizes = Sizes(3, 2, agent.skills.size)
    learner = DDPG(sizes, Backbone(hidden=8, batch=4, rate=1e-3, every=1, warmup=0), 0)
    before = {k: v.clone() for k, v in learner.actor.state_dict().items()}
    replay = TransitionReplay(sizes, 40, 20, 3, 0.99)
    for _ in range(20):
        seen, action = np.ones(3, np.float32), np.zeros(2, np.float32)
        replay.add(seen, np.zeros(sizes.skill, np.float32), action, 0, 1.0)
    replay.finish(np.ones(3, np.float32), False)
    tuner = agent.finetuner(learner, seed=1)
    tuner.end_warmup(replay)
    assert tuner.warmed_up
    assert bool(replay)
    after = learner.actor.state_dict()
    assert not torch.equal(after["policy.2.weight"], before["policy.2.weight"])
    assert torch.equal(
        learner.target.trunk[0].weight, DDPG(sizes, learner.backbone, 0).target.trunk[0].weight
    )


def test_where_to_compute_is_chosen_by_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    example("spend_milliseconds").main(images=2)
    shown = capsys.readouterr().out.splitlines()
    taken = [float(line.split()[-4]) for line in shown]
    assert len(taken) == 4
    assert taken == sorted(taken)
