"""Wrong arguments of latency worlds are told in a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import leapbench  # noqa: F401 - registers the worlds
from leapbench.agents.latency.fixed_masks.policy import Centre
from leapbench.agents.latency.lasnet.policy import LASNet
from leapbench.agents.latency.resnet.model import ResNet
from leapbench.errors import UserError

ID = "leapbench/LatencyBudget-V100-v0"


@pytest.mark.parametrize(
    "wrong",
    [
        {"stream": 1.5},
        {"stream": "a"},
        {"stream": True},
        {"stream": 0},
        {"budget": None},
        {"budget": ()},
        {"budget": float("nan")},
        {"budget": (0.5, "a")},
        {"batch": 1.5},
        {"device": 3},
        {"device": None},
        {"device": "v1000"},
        {"masks": "yes"},
        {"world": 3},
    ],
)
@pytest.mark.parametrize("several", [False, True])
def test_wrong_arguments(wrong: dict[str, Any], several: bool) -> None:
    more: Any = {"num_envs": 2, "vectorization_mode": "vector_entry_point"} if several else {}
    make: Any = gym.make_vec if several else gym.make
    with pytest.raises(UserError):
        make(ID, **more, **wrong)


def test_budgets_may_be_an_array() -> None:
    env: Any = gym.make(ID, budget=0.5, stream=np.int64(3)).unwrapped
    assert env.world.budgets == (0.5,)
    assert env.longest == 18


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("clock = 1e-30", "less than a minute"),
        ("clock = nan", "clock"),
        ("engines = 0", "engines"),
        ("colour = 1", "colour"),
    ],
)
def test_devices_that_are_none(tmp_path: Path, line: str, said: str) -> None:
    plain = {"engines": "engines = 2", "lanes": "lanes = 64", "clock": "clock = 1e9"}
    plain |= {"title": 'title = "mine"', "bandwidth": "bandwidth = 1e10"}
    path = tmp_path / "my.toml"
    path.write_text("\n".join((plain | {line.split()[0]: line}).values()))
    with pytest.raises(UserError, match=said):
        gym.make(ID, device=str(path))


@pytest.mark.parametrize(
    "make",
    [
        lambda: LASNet(target=5.0),
        lambda: LASNet(target=0.0),
        lambda: LASNet(batch=0),
        lambda: LASNet(weight=-1.0),
        lambda: LASNet(temperature=0.0),
        lambda: LASNet(granularity="4,2,1"),
        lambda: LASNet(granularity="0-1-1"),
        lambda: LASNet(granularity="99999-1-1"),
        lambda: Centre(share=0.0),
        lambda: Centre(share=1.5),
        lambda: ResNet(batch=0),
        lambda: ResNet(rate=0.0),
    ],
)
def test_settings_out_of_range(make: Any) -> None:
    with pytest.raises(UserError):
        make()
