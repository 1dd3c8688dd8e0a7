"""The adapter from dm_control: ends, frames, arrays, errors, and what it leaves alone."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.seeding import np_random
from hypothesis import given
from hypothesis import strategies as st

from leapbench.envs.dm_control import backend
from leapbench.envs.dm_control.adapter import DmControlEnv
from leapbench.envs.dm_control.pixels import CameraEnv
from leapbench.envs.dm_control.suite import SuiteTaskEnv
from leapbench.envs.urlb.dmc.shaping import above, at_least, within
from leapbench.envs.urlb.dmc.walker import WalkerEnv
from leapbench.errors import UserError

if find_spec("dm_control") is None:
    pytest.skip("dm_control is not installed", allow_module_level=True)

import dm_env
from dm_env import specs

numbers = st.floats(-20, 20)
margins = st.floats(0.01, 10)


class Script(dm_env.Environment):
    """Gives reward 1, 2, 3, ... and ends with a discount after some steps."""

    def __init__(self, length: int, discount: float) -> None:
        self.length, self.discount, self.time = length, discount, 0
        self.actions: list[Any] = []

    def reset(self) -> dm_env.TimeStep:
        self.time = 0
        return dm_env.restart(self.observation())

    def step(self, action: Any) -> dm_env.TimeStep:
        self.time += 1
        self.actions.append(action)
        if self.time < self.length:
            return dm_env.transition(float(self.time), self.observation())
        last = dm_env.StepType.LAST
        return dm_env.TimeStep(last, float(self.time), self.discount, self.observation())

    def observation(self) -> dict[str, Any]:
        grid = np.arange(6.0).reshape(2, 3)
        return {"grid": grid, "time": np.float64(self.time), "pair": np.array([7, 8])}

    def observation_spec(self) -> dict[str, specs.Array]:
        whole = {name: np.asarray(value) for name, value in self.observation().items()}
        return {name: specs.Array(value.shape, value.dtype) for name, value in whole.items()}

    def action_spec(self) -> specs.BoundedArray:
        return specs.BoundedArray((2,), float, [-1, 0], [3, 0.5])

    def control_timestep(self) -> float:
        return 0.02


def scripted(length: int, discount: float = 1.0, **kwargs: Any) -> DmControlEnv:
    env = DmControlEnv(lambda random: Script(length, discount), **kwargs)
    env.reset(seed=0)
    return env


ZERO = np.zeros(2, np.float32)


@pytest.mark.parametrize(
    ("discount", "horizon", "end", "terminated"),
    [
        (0.0, None, 3, True),
        (1.0, None, 3, False),
        (0.5, None, 3, False),
        (0.0, 2, 2, False),  # the limit comes first
        (0.0, 3, 3, True),  # both at once: the world says it is over
        (1.0, 3, 3, False),
    ],
)
def test_discount_tells_termination(
    discount: float, horizon: int | None, end: int, terminated: bool
) -> None:
    env = scripted(3, discount, horizon=horizon)
    for _ in range(end - 1):
        assert env.step(ZERO)[2:4] == (False, False)
    assert env.step(ZERO)[2:4] == (terminated, not terminated)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(ZERO)
    env.reset()
    env.step(ZERO)


def test_frames_repeat_the_action_and_add_rewards_up_to_the_end() -> None:
    env = scripted(7, frames=3)
    assert [env.step(ZERO)[1:4] for _ in range(3)] == [
        (1 + 2 + 3, False, False),
        (4 + 5 + 6, False, False),
        (7, False, True),
    ]
    assert env.metadata["render_fps"] == 17
    assert scripted(7).metadata["render_fps"] == 50
    short = scripted(9, frames=2, horizon=3)
    assert [short.step(ZERO)[1:4] for _ in range(2)] == [(3, False, False), (3, False, True)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_entries_are_raveled_in_order(dtype: str) -> None:
    env = scripted(5, dtype=dtype)
    observation = env.step(ZERO)[0]
    assert observation.tolist() == [0, 1, 2, 3, 4, 5, 1, 7, 8]
    assert observation.dtype == dtype
    assert env.observation_space.contains(observation)
    assert env.entries == {"grid": slice(0, 6), "time": slice(6, 7), "pair": slice(7, 9)}
    assert env.step(ZERO)[0][6] == 2
    assert observation[6] == 1


@pytest.mark.parametrize(
    ("action", "control"),
    [((-1, -1), (-1, 0)), ((0, 0), (1, 0.25)), ((1, 1), (3, 0.5)), ((0.5, -0.5), (2, 0.125))],
)
def test_actions_are_mapped_to_the_ranges(action: Any, control: Any) -> None:
    env = scripted(5)
    env.step(np.array(action, np.float32))
    assert env.world.actions[-1].tolist() == list(control)


@pytest.mark.parametrize(
    "action",
    [
        np.full(6, np.nan),
        np.array([0, 0, 0, 0, 0, -np.inf]),
        np.full(6, 1e20),
        np.array([0, 0, 0, 1.0001, 0, 0]),
        np.zeros(5),
        np.zeros((1, 6)),
        np.array(["left"] * 6),
        [[1], [1, 2]],
        None,
        0.5,
    ],
)
def test_what_is_no_action_is_told_and_moves_nothing(action: Any) -> None:
    env = WalkerEnv()
    env.reset(seed=0)
    before = env.physics.get_state()
    with pytest.raises(UserError, match="6 numbers from -1 to 1, got"):
        env.step(action)
    assert np.array_equal(env.physics.get_state(), before)
    env.step([0, 0, 0, 0, 0, 1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"frames": 0}, "frames must be an integer from 1"),
        ({"frames": 1.5}, "frames must be an integer"),
        ({"frames": True}, "frames must be an integer"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64'"),
        ({"render_mode": "human"}, "render_mode must be None or 'rgb_array'"),
    ],
)
def test_wrong_arguments_are_told(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        WalkerEnv(**arguments)


def test_warnings_of_mujoco_are_dm_controls_errors() -> None:
    """Also where the counters stood at another number before, and where they are let pass."""
    control = backend.load("dm_control.rl.control")
    env = WalkerEnv("walk")
    for _ in range(2):
        env.reset(seed=0)
        env.physics.data.qvel[:] = np.nan
        with pytest.raises(control.PhysicsError, match="mjWARN_BADQ"):
            env.step(np.zeros(6, np.float32))
    env.reset(seed=0)
    env.physics.data.qvel[:] = np.nan
    with env.physics.suppress_physics_errors():
        env.step(np.zeros(6, np.float32))
    env.reset(seed=0)
    env.step(np.zeros(6, np.float32))


@pytest.mark.parametrize(("domain", "task"), [("cheetah", "run"), ("ball_in_cup", "catch")])
@pytest.mark.parametrize("frames", [1, 3])
def test_tasks_of_the_suite_are_dm_controls_own(domain: str, task: str, frames: int) -> None:
    """Observations, rewards summed over the frames, and the end in time."""
    env = SuiteTaskEnv(domain, task, frames, dtype="float64")
    random = np.random.RandomState()
    theirs = backend.load("dm_control.suite").load(domain, task, task_kwargs={"random": random})
    random.seed(np_random(4)[0].integers(2**32, size=4, dtype=np.uint32))
    first, seen = theirs.reset(), env.reset(seed=4)[0]
    assert env.longest == -(-1000 // frames)
    rng = np.random.default_rng(0)
    for step in range(1, env.longest + 1):
        assert np.array_equal(
            seen, np.concatenate([np.ravel(v) for v in first.observation.values()])
        )
        action, total = rng.uniform(-1, 1, env.action_space.shape), 0.0
        for _ in range(frames):
            first = theirs.step(action)
            total += first.reward
            if first.last():
                break
        seen, reward, terminated, truncated, _ = env.step(action)
        assert reward == total
        assert (terminated, truncated) == (False, step == env.longest) == (False, first.last())


@pytest.mark.parametrize(
    ("names", "said"),
    [(("cheeta", "run"), "Did you mean 'cheetah'"), (("cheetah", "fly"), "no task of cheetah")],
)
def test_unknown_tasks_of_the_suite_are_told(names: tuple[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        SuiteTaskEnv(*names)


def test_any_world_can_be_seen_through_a_camera() -> None:
    env = CameraEnv(SuiteTaskEnv("cartpole", "balance", frames=2), size=16, stack=2)
    try:
        seen, _ = env.reset(seed=0)
    except UserError as missing:
        pytest.skip(str(missing))
    assert seen.shape == (6, 16, 16)
    assert env.observation_space.contains(env.step(env.action_space.sample())[0])
    assert env.longest == 500
    env.close()


@given(numbers, numbers, margins, st.sampled_from([0.0, 0.25, 0.5, 0.9]))
def test_lines_are_dm_controls(x: float, goal: float, margin: float, at_margin: float) -> None:
    tolerance = backend.load("dm_control.utils.rewards").tolerance
    expected = tolerance(x, (goal, math.inf), margin, "linear", at_margin)
    assert at_least(x, goal, margin, at_margin) == pytest.approx(expected, abs=1e-12)


@given(numbers, numbers, margins)
def test_gaussians_are_dm_controls(x: float, goal: float, margin: float) -> None:
    tolerance = backend.load("dm_control.utils.rewards").tolerance
    expected = tolerance(x, (goal, math.inf), margin)
    assert above(x, goal, margin) == pytest.approx(expected, rel=1e-9, abs=1e-300)
    expected = tolerance(abs(x), (0, abs(goal)), margin)
    assert within(abs(x), abs(goal), margin) == pytest.approx(expected, rel=1e-9, abs=1e-300)


BLOCKED = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("dm_control", "dm_env", "mujoco"):
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, Missing())
"""


def python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter without a display; it must succeed."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL", "PYOPENGL_PLATFORM")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**kept, **variables},
    )


def test_without_the_packages_everything_else_works() -> None:
    said = python(
        BLOCKED + "from leapbench.errors import UserError\n"
        "import gymnasium as gym, leapbench\n"
        "for name in ('Walker-Flip', 'Quadruped', 'Jaco-ReachTopLeft'):\n"
        "    try:\n"
        "        gym.make(f'leapbench/URLB-{name}-v0')\n"
        "    except UserError as error:\n"
        "        print(error.hint)\n"
        "gym.make('leapbench/URLB-EntropyGrid-v0').reset(seed=0)\n"
        "from leapbench.cli import cli\n"
        "cli(['list', 'envs'])"
    ).stdout
    assert said.count(f"{backend.INSTALL}\n") == 3
    assert "URLB-Walker-Flip-v0" in said


def test_a_wrong_mujoco_gl_is_told() -> None:
    said = python(
        "from leapbench.envs.urlb.dmc.walker import WalkerEnv\n"
        "from leapbench.errors import UserError\n"
        "try:\n"
        "    WalkerEnv()\n"
        "except UserError as error:\n"
        "    print(error)\n",
        MUJOCO_GL="vulkan",
    ).stdout
    assert said.startswith("dm_control cannot be imported with MUJOCO_GL=vulkan: ")
    assert said.endswith("Unset MUJOCO_GL; states need none, and pictures find their own.\n")


def test_mujoco_4_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["mujoco"], "__version__", "4.0.0")
    with pytest.raises(UserError, match="crashes on MuJoCo 4"):
        WalkerEnv()


def test_states_need_no_graphics() -> None:
    """Nothing of OpenGL is loaded, and the environment variables stay as they were."""
    said = python(
        "import os, sys\n"
        "before = dict(os.environ)\n"
        "from leapbench.envs.urlb.dmc import jaco, walker\n"
        "for env in (walker.WalkerEnv(), jaco.JacoEnv()):\n"
        "    env.reset(seed=0)\n"
        "    env.step(env.action_space.sample())\n"
        "graphics = {'OpenGL', 'glfw', 'mujoco.egl', 'mujoco.glfw'}\n"
        "print(graphics & set(sys.modules), before == dict(os.environ))"
    ).stdout
    assert said == "set() True\n"


def test_pictures_change_with_the_world_and_leave_no_trace() -> None:
    """Also where MuJoCo was first used without graphics; nothing is said at exit."""
    done = python(
        "from leapbench.envs.urlb.dmc.walker import WalkerEnv\n"
        "from leapbench.errors import UserError\n"
        "WalkerEnv().reset(seed=0)\n"
        "env = WalkerEnv(render_mode='rgb_array')\n"
        "env.reset(seed=0)\n"
        "try:\n"
        "    first = env.render()\n"
        "except UserError as error:\n"
        "    print('skip', error)\n"
        "    raise SystemExit\n"
        "for _ in range(10):\n"
        "    env.step(env.action_space.sample())\n"
        "second = env.render()\n"
        "other = WalkerEnv(render_mode='rgb_array')\n"
        "other.reset(seed=0)\n"
        "same = (other.render() == first).all()\n"
        "del other\n"
        "print(first.shape, first.dtype, first.std() > 10, (first != second).any(), same)\n"
        "env.close()\n"
        "print((env.render() == second).all(), WalkerEnv().render())\n"
    )
    if done.stdout.startswith("skip"):
        pytest.skip(done.stdout)
    assert done.stdout == "(240, 320, 3) uint8 True True True\nTrue None\n"
    assert done.stderr == ""


@pytest.mark.parametrize(("binding", "chosen"), [("egl", ""), ("glfw", "glfw")])
def test_drawing_without_opengl_is_told(binding: str, chosen: str) -> None:
    """EGL cannot be imported, GLFW has no display; asking twice does no harm."""
    said = python(
        "import sys\n"
        "from leapbench.envs.urlb.dmc.walker import WalkerEnv\n"
        "from leapbench.errors import UserError\n"
        "env = WalkerEnv(render_mode='rgb_array')\n"
        "env.reset(seed=0)\n"
        "sys.modules['mujoco.egl'] = None\n"
        "for _ in range(2):\n"
        "    try:\n"
        "        env.render()\n"
        "    except UserError as error:\n"
        "        print(error.message)\n"
        "env.step(env.action_space.sample())\n",
        **({"MUJOCO_GL": chosen} if chosen else {}),
    ).stdout
    assert said.count(f"There is no OpenGL to draw with: {binding} says") == 2
