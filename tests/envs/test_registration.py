from __future__ import annotations

import subprocess
import sys

import gymnasium as gym
import pytest

from leapbench.contract.registration import declared
from leapbench.envs.earlyexit.env import EarlyExitEnv
from leapbench.envs.earlyexit.vector import EarlyExitVectorEnv
from leapbench.envs.exits.predictions import PredictionCache

IDS = [declaration["id"] for declaration in declared()]
EXITS = next(name for name in IDS if "EarlyExit" in name)


def run(code: str) -> str:
    """Standard output of a fresh interpreter in which a warning is an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


MAKE = """
from leapbench.envs.exits.predictions import PredictionCache
predictions = PredictionCache.synthetic(20)
env = gym.make({id!r}, predictions=predictions)
vector = gym.make_vec({id!r}, 3, predictions=predictions)
print(env.reset(seed=0)[0].shape, vector.reset(seed=0)[0].shape)
"""


@pytest.mark.parametrize(
    "code",
    [
        "import gymnasium as gym" + MAKE.format(id=f"leapbench:{EXITS}"),
        "import leapbench, gymnasium as gym" + MAKE.format(id=EXITS),
        "import gymnasium as gym, leapbench" + MAKE.format(id=EXITS),
        "import leapbench, gymnasium.spaces, gymnasium as gym" + MAKE.format(id=EXITS),
        "import leapbench, importlib.util as u; u.find_spec('gymnasium')\n"
        "import gymnasium as gym" + MAKE.format(id=EXITS),
    ],
)
def test_ids_work_whatever_is_imported_first(code: str) -> None:
    assert run(code) == "(14,) (3, 14)"


def test_importing_the_package_imports_no_heavy_module() -> None:
    heavy = ("numpy", "gymnasium", "torch", "tomllib", "pydantic", "importlib.metadata")
    loaded = run(
        f"import sys; before = set(sys.modules); import leapbench; "
        f"print([m for m in {heavy} if m in sys.modules and m not in before])"
    )
    assert loaded == "[]"


def test_the_version_is_that_of_the_distribution() -> None:
    assert (
        run(
            "import leapbench; from importlib.metadata import version; "
            "print(leapbench.__version__ == version('leapbench'))"
        )
        == "True"
    )


@pytest.mark.parametrize("name", ["Digits", "FashionMNIST", "CIFAR10"])
def test_the_early_exit_ids_make_both_environments(name: str) -> None:
    predictions, environment_id = PredictionCache.synthetic(20), f"leapbench/EarlyExit-{name}-v0"
    assert environment_id in IDS
    assert isinstance(gym.make(environment_id, predictions=predictions).unwrapped, EarlyExitEnv)
    assert isinstance(
        gym.make_vec(environment_id, 2, predictions=predictions).unwrapped, EarlyExitVectorEnv
    )
    synchronous = gym.make_vec(
        environment_id, 2, vectorization_mode="sync", predictions=predictions
    )
    assert isinstance(synchronous, gym.vector.SyncVectorEnv)
