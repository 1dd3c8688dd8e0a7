"""The user's own file, or a stored Stable-Baselines3 policy, is an agent as it is."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from leapbench.agents.common.sb3_policy.policy import FILE, Stored
from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase, Policy
from leapbench.contract.files import sha256
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.errors import UserError
from leapbench.running import cell, external, source
from leapbench.running.cell import Cell
from leapbench.running.composition import Composition, compose

pytestmark = pytest.mark.usefixtures("plugin")

AGENT = '''
from __future__ import annotations
from dataclasses import dataclass
import numpy as np

LIMIT = 3

@dataclass
class Settings:
    rate: float = 0.5

class Always:
    """Bets on one side."""
    def __init__(self, side: int = 1, rate: float = 0.5, name: str = "x", extra=None):
        self.side, self.settings = side, Settings(rate)
    def learn(self, phase): pass
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.full(len(observation), self.side), state
    def save(self, folder): pass
    def load(self, folder): pass
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my_Agent.v2.py"
    path.write_text(AGENT)
    return path


def coins(text: str, *settings: str) -> Composition:
    return compose(registry.task("coins/small"), text, settings)


def test_a_file_is_an_agent(file: Path, tmp_path: Path) -> None:
    made = coins(f"{file}:Always", "side=0")
    assert made.name == "toy-mean+my_Agent.v2.py:Always"
    assert made.config["policy"] == {"side": 0, "rate": 0.5, "name": "x"}
    part: Any = made.build("policy")
    assert part.side == 0
    done = cell.run(
        Cell("coins/small", "smoke", f"{file}:Always", 0, (), tmp_path / "runs"),
        lambda fraction, line: None,
    )
    assert (done.status, done.agent.name) == ("ok", made.name)


def test_a_files_code_counts(file: Path) -> None:
    before = coins(f"{file}:Always").record()
    source.forget()
    assert coins(f"{file}:Always").record() == before
    file.write_text(AGENT.replace("LIMIT = 3", "LIMIT = 4"))
    source.forget()  # as in another process
    assert coins(f"{file}:Always").record() != before


def test_a_file_may_be_called_like_a_package(tmp_path: Path) -> None:
    path = tmp_path / "json.py"
    path.write_text(AGENT)
    coins(f"{path}:Always").build("policy")
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("name", "message"),
    [("Alway", "Did you mean 'Always'"), ("LIMIT", "Known: Always"), ("", "Known: Always")],
)
def test_an_unknown_class_is_told(file: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        coins(f"{file}:{name}")


def test_a_file_without_a_class_is_told_what_to_type(file: Path) -> None:
    with pytest.raises(UserError, match=rf"Type {file}:ClassName"):
        coins(str(file))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ValueError('no data')", "cannot be imported: ValueError: no data"),
        ("import nowhere", "ModuleNotFoundError"),
        ("def (", "SyntaxError"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_a_file_that_fails_on_import_is_told(file: Path, code: str, message: str) -> None:
    file.write_text(code)
    with pytest.raises(UserError, match=message):
        coins(f"{file}:Always")
    assert not any(name.startswith("leapbench_user") and "my_Agent" in name for name in sys.modules)


@pytest.fixture(autouse=True)
def imported_anew() -> Any:
    external.module.cache_clear()
    for name in [name for name in sys.modules if name.startswith("leapbench_user")]:
        del sys.modules[name]


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        coins(f"{tmp_path}/none.py:Always")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PPO policy that was never trained, on the spaces of the coins."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "plugin"))
    from stable_baselines3 import PPO
    from toys.worlds import Coins

    sys.path.pop(0)
    path = tmp_path_factory.mktemp("stored") / "coin model.zip"
    PPO("MlpPolicy", Coins(), n_steps=8, batch_size=8, seed=0, device="cpu").save(path)
    return path


def test_a_stored_policy_is_an_agent(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = coins(f"sb3:ppo:{stored}")
    assert made.name == "toy-mean+sb3:ppo:coin model.zip"
    assert made.config["policy"]["sha256"] == sha256(stored)
    done = cell.run(
        Cell("coins/small", "smoke", f"sb3:ppo:{stored}", 0, (), tmp_path),
        lambda fraction, line: None,
    )
    assert done.status == "ok", done.message
    told = [line for line in capsys.readouterr().err.splitlines() if "unpickles" in line]
    assert len(told) == 1


def test_a_record_does_not_depend_on_where_the_file_lies(stored: Path, tmp_path: Path) -> None:
    copy = tmp_path / stored.name
    copy.write_bytes(stored.read_bytes())
    assert coins(f"sb3:ppo:{copy}").record() == coins(f"sb3:ppo:{stored}").record()
    part: Any = coins(f"sb3:ppo:{copy}").build("policy")
    assert part.path == str(copy)
    copy.write_bytes(stored.read_bytes() + b" ")
    assert coins(f"sb3:ppo:{copy}").record() != coins(f"sb3:ppo:{stored}").record()


@pytest.mark.parametrize("form", ["weights:msdnet", "onnx"])
def test_a_brought_network_is_named_by_its_file(form: str, tmp_path: Path) -> None:
    file = tmp_path / "My_Net.v2.bin"
    file.write_bytes(b"1")
    task = registry.task("earlyexit/digits")
    made = compose(task, f"{form}:{file}")
    assert made.parts["model"].name == f"{form}:My_Net.v2.bin"
    assert made.config["model"]["sha256"] == hashlib.sha256(b"1").hexdigest()
    assert str(tmp_path) not in made.record().model_dump_json()
    assert not made.record().ranked
    file.write_bytes(b"2")
    assert compose(task, f"{form}:{file}").record() != made.record()


def test_a_network_that_the_task_does_not_have_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Did you mean 'msdnet'"):
        compose(registry.task("earlyexit/digits"), f"weights:msdnt:{tmp_path}/x.safetensors")


def test_a_stored_policy_acts_as_it_did(stored: Path, tmp_path: Path) -> None:
    from stable_baselines3 import PPO

    policy = Stored("ppo", str(stored))
    assert isinstance(policy, Policy)
    batch = np.random.default_rng(0).random((16, 2), np.float32)
    actions, _ = policy.predict(batch, deterministic=True)
    expected, _ = PPO.load(stored, device="cpu").predict(batch, deterministic=True)
    assert (actions == expected).all()
    policy.save(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    loaded = Stored("a2c", "elsewhere.zip")
    loaded.load(tmp_path)
    assert (loaded.predict(batch, deterministic=True)[0] == expected).all()


def test_a_changed_file_is_told(stored: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.zip"
    copy.write_bytes(stored.read_bytes())
    policy = Stored("ppo", str(copy), sha256(copy))
    copy.write_bytes(stored.read_bytes() + b" ")
    with pytest.raises(UserError, match="has changed"):
        policy.predict(np.zeros((1, 2), np.float32))


def test_other_spaces_are_told(stored: Path) -> None:
    policy = Stored("ppo", str(stored))
    with pytest.raises(UserError, match=r"shape \(2,\), these are \(3,\)"):
        policy.predict(np.zeros((1, 3), np.float32))
    phase = LearningPhase(
        "p",
        Meter(Budget(unit="steps", limit=1)),
        0,
        {},
        make_env=lambda num: gym.make_vec("CartPole-v1", num),
    )
    with pytest.raises(UserError, match="trained for observations in"):
        policy.learn(phase)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sb3:pppo:{file}", "algorithm 'pppo'. Did you mean 'ppo'"),
        ("sb3:ppo:none.zip", "no file 'none.zip'"),
        ("sb3:ppo", "no file ''"),
        ("sb3:", "incomplete"),
        ("sb4:ppo:{file}", "no form 'sb4:'. Did you mean 'sb3:'"),
        ("onx:{file}", "no form 'onx:'. Did you mean 'onnx:'"),
        ("onnx:", "no file ''. Expected onnx:<path.onnx>"),
        ("weights:{file}", "no file ''. Expected weights:<network>:"),
        ("weights::{file}", "incomplete"),
        ("weights:msdnet:{file}", "does not work on coins/small"),
        ("onnx:{file}", "does not work on coins/small"),
    ],
)
def test_wrong_forms_are_told(stored: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        coins(text.format(file=stored))


def test_a_file_of_another_kind_is_told(file: Path) -> None:
    with pytest.raises(UserError, match="cannot be loaded as dqn"):
        Stored("dqn", str(file)).predict(np.zeros((1, 2), np.float32))
