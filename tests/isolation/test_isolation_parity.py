"""An agent gives the same result in a process of its own as in this one, digit for digit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load, save
from twice import both, written

from leapbench.agents.common.stored.trained import UnfitNetwork, received
from leapbench.agents.earlyexit.common import networks
from leapbench.agents.earlyexit.common.trainer import Trainer
from leapbench.cli import cli
from leapbench.contract import registry
from leapbench.errors import UserError
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.running.plan import plan
from leapbench.testing import shrink, standing_in

pytestmark = pytest.mark.sandbox

ROOT = Path(__file__).parents[2]
SMALL = {
    "settings": {"copies": 1, "train": 120, "calibration": 60, "batch": 30, "stream": 20},
    "limits": {"train": 240, "calibrate": 2000},
    "episodes": 1,
    "budgets": (400_000, 900_000),
}

# Learns a number that depends on everything that the environment gives, and acts by it.
LISTENER = """
    import hashlib, json
    import numpy as np

    class Listener:
        def __init__(self, envs: int = 5):
            self.envs = envs

        def learn(self, phase):
            heard = hashlib.sha256(repr(dict(phase.settings)).encode())
            env = phase.make_env(self.envs, stream=8)
            rng = np.random.default_rng(phase.seed)
            everything = [env.reset(seed=phase.seed, options={"budget": 200_000})]
            while phase.meter.left >= self.envs:
                everything.append(env.step(rng.integers(2, size=self.envs)))
            heard.update(repr(everything).encode())
            heard.update(repr((phase.meter.used, env.metadata, env.single_action_space)).encode())
            seen = phase.data
            for array in (seen.probabilities, seen.labels, seen.costs, seen.entropy):
                heard.update(array.tobytes())
            self.limit = int(heard.hexdigest()[:6], 16) / 16**6

        def predict(self, observation, state=None, episode_start=None, deterministic=False):
            count = np.zeros(len(observation)) if state is None else state
            count = np.where(episode_start, 0, count + observation[:, 0])
            return (np.modf(count * 1000)[0] < self.limit).astype(np.int64), count

        def save(self, folder):
            (folder / "a.json").write_text(json.dumps(self.limit))

        def load(self, folder):
            self.limit = json.loads((folder / "a.json").read_text())
"""

TRAINER = """
    import torch
    from leapbench.agents.earlyexit.common.trainer import Trainer, losses

    class Later(Trainer):
        role = "model"

        def loss(self, logits, labels):
            each = losses(logits, labels).mean(0)
            return (each * torch.linspace(0.5, 1.5, len(each))).sum()
"""


@pytest.fixture
def digits() -> Iterator[None]:
    with standing_in(shrink(registry.task("earlyexit/digits"), **SMALL)):  # type: ignore[arg-type]
        yield


@pytest.mark.usefixtures("digits", "tidy")
def test_a_policy_that_reads_the_prediction_cache(tmp_path: Path) -> None:
    here, there = both(f"{ROOT / 'examples/custom_agent.py'}:TwoStage", tmp_path)
    assert here.status == "ok", here.message
    assert there.run_id == here.run_id


@pytest.mark.usefixtures("digits", "tidy")
def test_a_policy_that_acts_and_remembers(tmp_path: Path) -> None:
    here, there = both(f"{written(tmp_path, LISTENER)}:Listener", tmp_path)
    assert here.status == "ok", here.message
    assert there.run_id == here.run_id
    assert there.budget[1].used == 2000


@pytest.mark.usefixtures("digits", "tidy")
def test_a_way_to_train(tmp_path: Path) -> None:
    here, there = both(f"{written(tmp_path, TRAINER)}:Later", tmp_path)
    assert here.status == "ok", here.message
    assert there.run_id == here.run_id
    assert there.budget[0].used == 240


@pytest.mark.usefixtures("digits", "tidy")
def test_a_network_that_is_no_such_network(tmp_path: Path) -> None:
    code = f"""{TRAINER}
        def learn(self, phase):
            self.network = torch.nn.Linear(2, 2)
    """
    one = Cell("earlyexit/digits", "smoke", f"{written(tmp_path, code)}:Later", 0, (), tmp_path)
    made = cell.run(replace(one, isolated=True), lambda fraction, line: None)
    assert made.status == "invalid"
    assert "do not fit this protocol's msdnet" in made.message


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """What a `Trainer` with an untrained network saves."""
    trainer = Trainer()
    trainer.network = networks.build("msdnet", shapes()["msdnet"], 0)
    trainer.save(tmp_path)
    return tmp_path


def shapes() -> Any:
    return registry.task("earlyexit/digits").protocols["smoke"].settings["networks"]


def test_a_network_of_the_protocols_is_received(saved: Path) -> None:
    got = received(saved, shapes())
    assert type(got) is Trainer
    assert not got.network.training
    assert (got.kind, got.shape) == ("msdnet", dict(shapes()["msdnet"]))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (None, "saved no training.json"),
        ("[" * 10**5, "no training.json that can be read"),
        ("{" * 10, "no training.json that can be read"),
        ('{"network": "msdnet", "log": "' + "x" * 2**22 + '"}', "more than 4194304 bytes"),
        ("[]", "does not name a network"),
        ('{"network": ["msdnet"]}', "does not name a network"),
        ('{"network": "os.system"}', "names no network of this protocol's"),
    ],
)
def test_records_that_are_refused(saved: Path, record: str | None, message: str) -> None:
    file = saved / "training.json"
    file.unlink()
    if record is not None:
        file.write_text(record)
    with pytest.raises(UnfitNetwork, match=message):
        received(saved, shapes())


def spoilt(weights: dict[str, torch.Tensor], how: str) -> bytes:
    key = next(k for k, v in weights.items() if v.is_floating_point())
    match how:
        case "unknown":
            weights["extra"] = torch.zeros(1)
        case "absent":
            del weights[key]
        case "shape":
            weights[key] = torch.zeros(1)
        case "nan":
            weights[key] = torch.full_like(weights[key], float("nan"))
        case "empty":
            return b""
    return bytes(save(weights))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("unknown", "'extra' is not one of its keys"),
        ("absent", "is missing"),
        ("shape", r"has shape \(1,\), expected"),
        ("nan", "not finite"),
        ("empty", "cannot be read as safetensors"),
    ],
)
def test_weights_that_are_refused(saved: Path, how: str, message: str) -> None:
    file = saved / "network.safetensors"
    file.write_bytes(spoilt(load(file.read_bytes()), how))
    with pytest.raises(UnfitNetwork, match=message):
        received(saved, shapes())
    file.unlink()
    with pytest.raises(UnfitNetwork, match=r"saved no network.safetensors"):
        received(saved, shapes())


@pytest.mark.usefixtures("tidy")
def test_plug_ins(plugin: Path, tmp_path: Path) -> None:
    file = written(tmp_path, (plugin / "toys/agents/coins/guess/learn.py").read_text())
    here, there = both(f"{file}:Guess", tmp_path, "coins/small")
    assert here.status == "ok", here.message
    assert there.run_id == here.run_id


@pytest.mark.usefixtures("plugin")
def test_a_family_that_takes_no_models(tmp_path: Path) -> None:
    code = (Path(__file__).parents[1] / "plugin/toys/agents/coins/mean/learn.py").read_text()
    file = written(tmp_path, code.replace("class Mean:", "class Mean:\n    role = 'model'\n"))
    one = Cell("coins/small", "smoke", f"{file}:Mean", 0, (), tmp_path, isolated=True)
    with pytest.raises(UserError, match="A model for coins cannot be submitted as code"):
        cell.run(one, lambda fraction, line: None)


@pytest.mark.usefixtures("plugin", "tidy")
def test_the_command(tmp_path: Path) -> None:
    code = (Path(__file__).parents[1] / "plugin/toys/agents/coins/guess/learn.py").read_text()
    agent, out = f"{written(tmp_path, code)}:Guess", tmp_path / "out"
    words = ["run", "coins/small", agent, "--isolated", "--out", str(out), "--quiet"]
    ran = CliRunner().invoke(cli, words)
    assert ran.exit_code == 0, ran.output
    assert len(list(out.glob("coins/**/seed-0.json"))) == 1
    ran = CliRunner().invoke(cli, ["run", "coins/small", "toy-guess", "--isolated"])
    assert ran.exit_code == 2
    assert "--isolated" in ran.output


@pytest.mark.usefixtures("plugin")
def test_only_files_are_isolated(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no part of 'toy-guess' is in a file of its own"):
        plan("coins/small", "smoke", ["toy-guess"], "0", (), tmp_path, isolated=True)
