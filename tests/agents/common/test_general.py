"""Agents that know no family: spaces, masks, truncation, budgets, and what they keep."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from leapbench.agents.common.general.chance import Random
from leapbench.agents.common.general.maskable import MaskablePPO
from leapbench.agents.common.general.off_policy import DQN, SAC
from leapbench.agents.common.general.on_policy import PPO
from leapbench.agents.common.general.spaces import built, described
from leapbench.agents.common.general.vector import Worlds, allowed, mask_of
from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.contract.task import Budget
from leapbench.envs.activeview.table import ViewTable
from leapbench.envs.videoglance.reference import load_reference
from leapbench.envs.videoglance.vector import VideoGlanceVectorEnv
from leapbench.errors import UserError
from leapbench.running.composition import compose

SPACES = [
    spaces.Discrete(3, start=2),
    spaces.MultiDiscrete([2, 5]),
    spaces.MultiBinary(4),
    spaces.Box(0, 255, (40, 40, 3), np.uint8),
    spaces.Box(np.array([-1.0, 0.0]), np.array([1.0, np.inf]), dtype=np.float64),
]


class Lever(gym.Env[Any, Any]):
    """Five steps, cut short by a limit; one of four levers pays, and the others may be barred."""

    metadata = {"action_mask": {"allowed": [1, 2, 3, 4]}, "render_modes": []}

    def __init__(self, action: spaces.Space[Any], observation: spaces.Space[Any]) -> None:
        self.action_space, self.observation_space = action, observation
        self.barred: list[int] = []
        self.pulled: list[Any] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._left = 5
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.pulled.append(action)
        self._left -= 1
        return self._seen(), float(np.all(np.asarray(action) == 1)), False, self._left == 0, {}

    def _seen(self) -> Any:
        if self.observation_space.shape == (5,):
            seen = np.ones(5, np.float32)
            seen[[1 + lever for lever in self.barred]] = 0
            return seen
        return self.observation_space.sample()


def phase(action: Any, observation: Any, limit: int = 100) -> tuple[LearningPhase, list[Lever]]:
    """A phase in levers, and the worlds that were made for it."""
    made: list[Lever] = []
    meter = Meter(Budget(unit="steps", limit=limit))

    def one() -> Lever:
        made.append(Lever(action, observation))
        made[-1].barred = [0, 3]
        return made[-1]

    def make_env(num_envs: int = 1) -> MeteredVectorEnv:
        mode = {"autoreset_mode": AutoresetMode.SAME_STEP}
        return MeteredVectorEnv(SyncVectorEnv([one] * num_envs, **mode), meter)

    return LearningPhase("practice", meter, seed=3, settings={}, make_env=make_env), made


FLAT = spaces.Box(0, 1, (5,), np.float32)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_space_survives_json(space: Any) -> None:
    assert built(described(space)) == space


def test_what_is_neither_box_nor_choice_is_refused() -> None:
    with pytest.raises(UserError, match="boxes and choices"):
        described(spaces.Text(3))


@pytest.mark.parametrize("observation", [FLAT, spaces.Discrete(3), SPACES[1], SPACES[3]], ids=str)
@pytest.mark.parametrize(
    "make", [partial(PPO, hidden=4, epochs=1), partial(DQN, hidden=4, batch=4), Random], ids=str
)
def test_any_observation_is_learned_from_and_kept(
    make: Any, observation: Any, tmp_path: Path
) -> None:
    opened, _ = phase(spaces.Discrete(4), observation, limit=40)
    agent, other = make(), make()
    agent.learn(opened)
    agent.save(tmp_path)
    other.load(tmp_path)
    observation.seed(0)
    batch = np.array([observation.sample() for _ in range(6)])
    assert np.array_equal(agent.predict(batch)[0], other.predict(batch)[0])


@pytest.mark.parametrize("action", [SPACES[1], SPACES[2], spaces.Box(-2, 3, (2,))], ids=str)
def test_other_actions_stay_in_their_space(action: Any) -> None:
    for agent in (PPO(hidden=4, epochs=1), Random()):
        opened, _ = phase(action, FLAT, limit=40)
        agent.learn(opened)
        actions, _ = agent.predict(np.zeros((3, 5), np.float32))
        assert all(each in action for each in actions.astype(action.dtype))


def test_sac_acts_between_the_ends_of_its_actions() -> None:
    action = spaces.Box(np.array([2.0, -1.0], np.float32), np.array([3.0, 5.0], np.float32))
    opened, made = phase(action, FLAT, limit=30)
    agent = SAC(hidden=4, batch=4)
    agent.learn(opened)
    assert opened.meter.used == 30
    assert all(pulled in action for world in made for pulled in world.pulled)


def test_no_more_steps_than_are_set_or_paid_for() -> None:
    for limit, steps, most in ((100, 40, 40), (30, 1000, 30), (2000, 1100, 1100)):
        opened, _ = phase(spaces.Discrete(4), FLAT, limit)
        PPO(steps=steps, hidden=4, epochs=1).learn(opened)
        assert 0 < opened.meter.used <= most


def test_ppo_learns_which_lever_pays() -> None:
    opened, _ = phase(spaces.Discrete(4), FLAT, limit=3000)
    agent = PPO()
    agent.learn(opened)
    assert agent.predict(np.ones((1, 5), np.float32))[0].tolist() == [1]


def test_choices_that_the_library_cannot_count_are_refused() -> None:
    opened, _ = phase(spaces.Discrete(4), SPACES[0])
    with pytest.raises(UserError, match="from 0"):
        PPO().learn(opened)


def test_masked_actions_are_never_taken() -> None:
    pytest.importorskip("sb3_contrib")
    opened, made = phase(spaces.Discrete(4), FLAT, limit=200)
    agent = MaskablePPO(hidden=4, epochs=1)
    agent.learn(opened)
    pulled = {int(each) for world in made for each in world.pulled}
    assert pulled == {1, 2}
    seen = np.array([[1, 1, 0, 0, 0], [1, 0, 0, 0, 1]], np.float32)
    assert agent.predict(seen)[0].tolist() == [0, 3]


def test_a_mask_may_say_what_is_barred() -> None:
    seen = np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    found = allowed(seen, {"barred": [0, 1, None]})
    assert found.tolist() == [[True, False, True], [False, False, True]]


@pytest.mark.parametrize(
    "wrong", [[1, 2], {"free": [1]}, {"allowed": [1], "barred": [1]}, {"allowed": [-1]}], ids=str
)
def test_a_mask_of_another_form_is_refused(wrong: Any) -> None:
    with pytest.raises(UserError, match="An action mask is"):
        mask_of(wrong)


def test_families_say_where_their_observations_have_masks() -> None:
    small = {"candidates": 6, "tests": 2, "resolution": 12, "views": 4, "first": 5, "iterations": 2}
    field = {"resolution": 12, "coarse": 12, "samples": 12, "rays": 64}
    views = gym.make("leapbench/ActiveView-Niche-v0", field=field, **small)
    table = ViewTable(views, "cameras")
    glances = VideoGlanceVectorEnv(2, bank=load_reference("needle")[0], stream=5)
    seen = table.reset(seed=0)[0][None], glances.reset(seed=0)[0]
    for step in range(2):
        for env, shown in zip((table, glances), seen, strict=True):
            wanted = np.atleast_2d(
                env.get_wrapper_attr("action_masks")() if env is table else glances.action_masks()
            )
            found = allowed(shown, mask_of(env.metadata["action_mask"]))
            assert (found == wanted.astype(bool)).all()
            assert found.all() == (step == 0)
        seen = table.step(3)[0][None], glances.step(np.array([3, 5]))[0]


def test_an_observation_that_bars_every_action_bars_none() -> None:
    assert allowed(np.zeros((1, 3)), {"allowed": [1, 2]}).tolist() == [[True, True]]
    with pytest.raises(UserError, match="outside of 3 numbers"):
        allowed(np.zeros((1, 3)), {"allowed": [3]})


def test_a_truncated_episode_hands_on_its_last_observation() -> None:
    opened, _ = phase(spaces.Discrete(4), FLAT)
    assert opened.make_env is not None
    worlds = Worlds(opened.make_env(2))
    worlds.reset()
    infos = [worlds.step(np.zeros(2, np.int64))[3] for _ in range(5)]
    assert infos[3] == [{}, {}]
    assert all(info["TimeLimit.truncated"] for info in infos[4])
    assert all(info["terminal_observation"].shape == (5,) for info in infos[4])


def test_it_learns_on_in_a_later_phase() -> None:
    first, _ = phase(spaces.Discrete(4), FLAT, limit=3000)
    agent = PPO()
    agent.learn(first)
    later, _ = phase(spaces.Discrete(4), FLAT, limit=16)
    agent.learn(later)
    assert agent.predict(np.ones((1, 5), np.float32))[0].tolist() == [1]


def test_presets_leave_a_generalist_as_it_is() -> None:
    part = registry.agent("general-ppo", "dmc")
    assert part.preset({"hidden": 8, "general-ppo.hidden": 9}).config == part.config


@pytest.mark.parametrize(
    ("task", "role"), [("latency/levels", "agent"), ("distill/digit-pairs", "policy")]
)
def test_it_takes_the_role_that_acts(task: str, role: str) -> None:
    assert list(compose(registry.task(task), "general-ppo").parts) == [role]


def test_it_fits_no_task_without_a_world() -> None:
    part = registry.agent("general-ppo", "activeview")
    assert not part.fits(registry.task("activeview/system"))
    assert part.fits(registry.task("activeview/niche"))


def test_each_family_has_a_smoke_task_that_a_generalist_fits() -> None:
    every = {task.family for task in registry.tasks().values()}
    part = registry.agent("general-random", "dmc")
    fitting = {
        task.family
        for task in registry.tasks().values()
        if "smoke" in task.protocols and task.actions and part.fits(task)
    }
    assert fitting == every


@pytest.mark.parametrize("task", ["dmc/consistency", "atari100k/consistency"])
def test_a_generalist_is_not_offered_where_nothing_is_acted_in(task: str) -> None:
    with pytest.raises(UserError, match="'general-ppo' does not work on"):
        compose(registry.task(task), "general-ppo")
