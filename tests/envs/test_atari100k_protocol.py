"""The Atari games under the protocol, against plain ALE and plain Gymnasium."""

from __future__ import annotations

import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.seeding import np_random

from leapbench.envs.atari100k import emulator
from leapbench.envs.atari100k.env import Atari100kEnv
from leapbench.envs.atari100k.game import SKIP
from leapbench.envs.atari100k.render import spoken
from leapbench.errors import UserError

ale_py = pytest.importorskip("ale_py")
cv2 = pytest.importorskip("cv2")

# Of ale-py 0.12.1 by itself: actions of the minimal set, a seed, and with this seed's no-ops
# and actions (see `sequence`) the score, the lives left and the decisions until the end.
GOLDEN = {
    "Alien": (18, 0, 130, 1, 500),
    "Amidar": (10, 0, 56, 9, 500),
    "Assault": (7, 0, 105, 2, 500),
    "Asterix": (9, 0, 100, 0, 239),
    "BankHeist": (18, 1, 10, 1, 500),
    "BattleZone": (18, 0, 2000, 3, 500),
    "Boxing": (18, 0, -18, 0, 500),
    "Breakout": (4, 0, 1, 0, 298),
    "ChopperCommand": (18, 0, 400, 0, 486),
    "CrazyClimber": (9, 0, 1600, 5, 500),
    "DemonAttack": (6, 0, 60, 0, 409),
    "Freeway": (3, 0, 4, 0, 500),
    "Frostbite": (18, 1, 50, 0, 308),
    "Gopher": (8, 0, 20, 3, 500),
    "Hero": (18, 1, 2820, 1, 500),
    "Jamesbond": (18, 5, 50, 1, 500),
    "Kangaroo": (18, 18, 200, 0, 484),
    "Krull": (18, 0, 400, 3, 500),
    "KungFuMaster": (14, 0, 100, 2, 500),
    "MsPacman": (9, 0, 410, 1, 500),
    "Pong": (6, 0, -13, 0, 500),
    "PrivateEye": (18, 1, 100, 0, 500),
    "Qbert": (6, 0, 25, 0, 292),
    "RoadRunner": (18, 22, 100, 0, 313),
    "Seaquest": (18, 0, 60, 0, 443),
    "UpNDown": (6, 0, 1060, 2, 500),
}


def sequence(game: str, seed: int) -> list[int]:
    """Random actions, each held for four decisions; Freeway's chicken is never called back."""
    actions = np.repeat(np.random.default_rng(seed).integers(GOLDEN[game][0], size=125), 4)
    return [1 if game == "Freeway" and action == 2 else int(action) for action in actions]


def test_there_are_26_games_each_with_a_sticky_twin() -> None:
    for kind in ("Atari100k", "Atari100kSticky"):
        ids = [name for name in gym.registry if name.startswith(f"leapbench/{kind}-")]
        found = {name.split("-")[1] for name in ids} - {"v0"}
        assert found == set(GOLDEN)
    assert gym.spec("leapbench/Atari100kSticky-Pong-v0").kwargs["sticky"] == 0.25


@pytest.mark.parametrize("game", GOLDEN)
def test_scores_of_fixed_actions_are_those_of_plain_ale(game: str) -> None:
    count, seed, score, lives, decisions = GOLDEN[game]
    env = Atari100kEnv(game)
    assert env.action_space.n == count
    env.reset(seed=seed)
    total, taken, over = 0.0, 0, False
    for action in sequence(game, seed):
        _, reward, over, truncated, info = env.step(action)
        total, taken = total + reward, taken + 1
        assert not truncated
        if over:
            assert info == {"score": score, "lives": lives}
            break
    assert (total, env.game.lives, taken, over) == (score, lives, decisions, decisions < 500)


class Plain(gym.wrappers.AtariPreprocessing):
    """Gymnasium's preprocessing with a bilinear resize and a given number of no-ops."""

    def __init__(self, game: str, noops: int) -> None:
        gym.register_envs(ale_py)
        made = gym.make(f"ALE/{game}-v5", frameskip=1, repeat_action_probability=0.0)
        super().__init__(made, noop_max=0)
        self.first = noops

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        self.env.reset(**kwargs)
        for _ in range(self.first):
            self.env.step(0)
        self.ale.getScreenGrayscale(self.obs_buffer[0])
        self.obs_buffer[1].fill(0)
        return self._get_obs(), {}

    def _get_obs(self) -> Any:
        np.maximum(*self.obs_buffer, out=self.obs_buffer[0])
        return cv2.resize(self.obs_buffer[0], (84, 84), interpolation=cv2.INTER_LINEAR)


def compare_with_gymnasium(game: str, steps: int) -> None:
    env, seed = Atari100kEnv(game), 3
    theirs = Plain(game, int(np_random(seed)[0].integers(1, 31)))
    stacked = gym.wrappers.FrameStackObservation(theirs, 4, padding_type="zero")
    np.testing.assert_array_equal(env.reset(seed=seed)[0], stacked.reset(seed=seed)[0])
    for action in sequence(game, seed)[:steps]:
        ours, other = env.step(action), stacked.step(action)
        assert ours[1:3] == other[1:3]
        if ours[2]:
            break
        np.testing.assert_array_equal(ours[0], other[0])


@pytest.mark.parametrize("game", ["Pong", "Breakout", "Qbert", "Krull"])
def test_observations_are_those_of_a_plain_gymnasium_pipeline(game: str) -> None:
    compare_with_gymnasium(game, 100)


@pytest.mark.slow
@pytest.mark.parametrize("game", GOLDEN)
def test_observations_of_all_games_are_those_of_gymnasium(game: str) -> None:
    compare_with_gymnasium(game, 500)


def play_to_end(env: Atari100kEnv, limit: int = 2000) -> tuple[float, dict[str, Any], Any]:
    """Sum of rewards, last info and last observation of an episode of random actions."""
    total = 0.0
    for _ in range(limit):
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        total += reward
        if terminated or truncated:
            return total, info, observation
        assert info == {}
    raise AssertionError("no end")


def test_in_training_a_lost_life_ends_the_episode_and_not_the_game() -> None:
    env = Atari100kEnv("Breakout", training=True)
    env.reset(seed=0)
    env.action_space.seed(0)
    lives, frames = [], []
    for life in range(5):
        _, info, last = play_to_end(env)
        assert last[:-1].any(), "the last observation is a full stack"
        lives.append(info["lives"])
        frames.append(env.game.frame)
        if life < 4:
            first, _ = env.reset()
            assert env.game.frame == frames[-1] + 1, "one no-op"
            assert not first[:-1].any()
            assert first[-1].any()
    assert lives == [4, 3, 2, 1, 0]
    assert info["score"] > 0
    env.reset()
    assert env.game.frame <= 30
    assert env.game.score == 0


def test_in_training_rewards_are_signs_and_the_score_is_told() -> None:
    env, plain = Atari100kEnv("UpNDown", training=True), Atari100kEnv("UpNDown")
    env.reset(seed=0)
    plain.reset(seed=0)
    raw, clipped = [], []
    for action in sequence("UpNDown", 0):
        _, reward, terminated, _, info = env.step(action)
        clipped.append(reward)
        raw.append(plain.step(action)[1])
        if terminated:
            break
    assert {-1.0, 0.0, 1.0} >= set(clipped) == set(np.sign(raw))
    assert max(raw) > 1
    assert info["score"] == sum(raw)


@pytest.mark.parametrize("seed", [None, 5])
def test_in_training_a_reset_in_mid_episode_starts_a_new_game(seed: int | None) -> None:
    env = Atari100kEnv("Breakout", training=True)
    env.reset(seed=0)
    env.action_space.seed(0)
    play_to_end(env)
    if seed is None:
        env.reset()
        env.step(0)
    env.reset(seed=seed)
    assert env.game.frame <= 30
    assert env.game.lives == 5


def test_the_longest_game_is_truncated() -> None:
    env = Atari100kEnv("Freeway", limit=203)
    for seed in range(4):
        env.reset(seed=seed)
        start = env.game.frame
        steps, truncated = 0, False
        while not truncated:
            _, _, terminated, truncated, info = env.step(1)
            assert not terminated
            steps += 1
        assert 203 - SKIP < env.game.frame == start + SKIP * steps <= 203
        assert set(info) == {"score", "lives"}
        with pytest.raises(ResetNeeded):
            env.step(0)


def test_no_ops_are_1_to_30() -> None:
    env, found = Atari100kEnv("Freeway"), {}
    for seed in range(200):
        found[int(np_random(seed)[0].integers(1, 31))] = seed
    assert set(found) == set(range(1, 31))
    for noops in (1, 2, 17, 30):
        env.reset(seed=found[noops])
        assert env.game.frame == noops


@pytest.mark.parametrize("game", ["Assault", "Krull", "Qbert", "Amidar", "Seaquest"])
def test_a_seed_starts_the_same_game_whatever_was_played(game: str) -> None:
    """In these, after ale-py's own reset or restoring, the game would differ."""

    def trace() -> list[Any]:
        found = [env.reset(seed=1)[0].tobytes()]
        for action in sequence(game, 1)[:60]:
            observation, *told = env.step(action)
            found.append((observation.tobytes(), env.game.emulator.ale.getRAM().tobytes(), *told))
        return found

    env = Atari100kEnv(game)
    fresh = trace()
    for seed in (2, 3):
        for action in sequence(game, seed)[: 100 * seed]:
            if env.step(action)[2]:
                break
        assert trace() == fresh


def test_sticky_frames_repeat_the_frame_before() -> None:
    env = Atari100kEnv("Pong", sticky=0.25)
    env.reset(seed=0)
    rng, game = np.random.default_rng(0), env.game
    kept = total = 0
    game.action = 0
    for _ in range(2000):
        frames = game._stuck(2, rng)
        assert set(frames) <= {0, 2}
        assert list(frames) == sorted(frames), "once a new action is taken, it stays"
        kept, total = kept + (frames[0] == 0), total + 1
    assert kept / total == pytest.approx(0.25, abs=0.04)
    plain = Atari100kEnv("Pong")
    plain.reset(seed=0)
    actions = sequence("Pong", 0)[:80]
    assert any((env.step(a)[0] != plain.step(a)[0]).any() for a in actions)


def test_observations_are_the_callers() -> None:
    env = Atari100kEnv("Pong")
    first, _ = env.reset(seed=0)
    first[:] = 255
    second = env.step(0)[0]
    assert not second[:-2].any()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"game": "Pongg"}, "Did you mean 'Pong'"),
        ({"training": 1}, "training must be True or False"),
        ({"sticky": 1}, "sticky must be a probability below 1"),
        ({"noops": 0}, "noops must be an integer from 1 on"),
        ({"limit": 10}, "limit must be an integer from 34 on"),
        ({"limit": 40, "noops": 50}, "noops 50 leave no frame"),
        ({"render_mode": "human"}, "render_mode must be None or 'rgb_array'"),
    ],
)
def test_wrong_arguments_are_told(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Atari100kEnv(**arguments)


@pytest.mark.parametrize("action", [6, -1, 0.5, None, "UP"])
def test_what_is_no_action_moves_nothing(action: Any) -> None:
    env = Atari100kEnv("Pong")
    env.reset(seed=0)
    frame = env.game.frame
    with pytest.raises(UserError, match="An action is an integer from 0 to 5"):
        env.step(action)
    assert env.game.frame == frame


@pytest.mark.parametrize("missing", ["ale_py", "cv2"])
def test_a_missing_package_is_told_with_what_to_type(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    if missing == "ale_py":
        monkeypatch.setitem(sys.modules, "ale_py.roms", None)
    emulator.cartridge.cache_clear()
    with pytest.raises(UserError) as told:
        gym.make("leapbench/Atari100k-Pong-v0")
    assert 'pip install "leapbench[atari]"' in str(told.value)
    assert "\n" not in str(told.value)


def test_an_idle_emulator_is_used_again() -> None:
    before = Atari100kEnv("Freeway")
    held = before.game.emulator.ale
    del before
    assert Atari100kEnv("Freeway").game.emulator.ale is held


def test_actions_are_named_in_words() -> None:
    words = {"NOOP": "noop", "UPRIGHTFIRE": "up right fire", "DOWNLEFT": "down left"}
    assert {name: spoken(name) for name in words} == words
