"""The commands that only look: list, show, board, watch, doctor, data."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from leapbench.contract import registry
from leapbench.contract.registry import agent
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.errors import UserError
from leapbench.running import doctor
from leapbench.running.composition import built
from leapbench.running.doctor import DoctorCheck, within
from leapbench.running.watch import play, prepare
from leapbench.tasks.earlyexit.watch import learned


def test_lists_hold_what_the_registry_holds(toys):
    tasks, agents, envs = (toys("list", what).stdout for what in ("tasks", "agents", "envs"))
    assert all(name in tasks for name in registry.tasks())
    assert all(part.name in agents for part in registry.agents().values())
    assert "toys/Coins-v0" in envs
    assert "leapbench/EarlyExit-Digits-v0" in envs


@pytest.mark.parametrize("width", [80, 120])
def test_output_keeps_to_the_terminals_width_and_loses_nothing(toys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    shown = toys("list", "agents").stdout + toys("show", "earlyexit/digits").stdout
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown


def test_card_of_a_task_names_its_budgets_hash_and_sources(toys):
    shown = toys("show", "coins/small").stdout
    protocol = registry.task("coins/small").protocols["smoke"]
    for text in (protocol.hash, "flips", "80 samples", "100 decisions", "always wrong", "hits"):
        assert text in shown


def test_card_of_an_agent_lists_settings_with_defaults(toys):
    shown = toys("show", "toy-guess").stdout
    for key, value in registry.agent("toy-guess", "coins").config.items():
        assert key in shown
        assert str(value).lower() in shown


def test_show_suggests_the_nearest_name(toys):
    done = toys("show", "toy-gues")
    assert done.exit_code == 2
    assert "'toy-guess'" in done.stderr


def test_board_shows_the_users_rows_as_table_and_json(toys):
    assert "No rows yet" in toys("board", "coins/small").stdout
    toys("run", "coins/small", "toy-guess", "toy-guess-prior", "--seeds", "0-1", "--out", "mine")
    shown = toys("board", "coins/small", "--runs", "mine").stdout
    done = toys("board", "coins/small", "--runs", "mine", "--format", "json")
    rows = [row["cells"] for row in json.loads(done.stdout)["rows"]]
    assert [row["rank"]["value"] for row in rows] == [1, 2]
    agents = {row["agent"]["value"] for row in rows}
    assert agents == {"toy-mean+toy-guess", "toy-mean+toy-guess-prior"}
    assert all(row["n"]["value"] == 2 for row in rows)
    assert all(agent in shown for agent in agents)
    assert "model \\ policy" in shown


def test_watch_draws_a_gif_of_all_steps_and_a_png_of_the_last(toys, tmp_path):
    assert toys("watch", "toys/Coins-v0", "--steps", "3").exit_code == 0
    with Image.open(tmp_path / "Coins-v0.gif") as moving:
        assert (moving.n_frames, moving.size) == (4, (32, 32))
    assert toys("watch", "toys/Coins-v0", "--out", "last.png").exit_code == 0
    with Image.open(tmp_path / "last.png") as still:
        assert still.size == (32, 32)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("toys/Coin-v0",), "'toys/Coins-v0'"),
        (("toys/Coins-v0", "--out", "film.mp4"), ".gif or .png"),
        (("toys/Coins-v0", "--out", "no/where.gif"), "no folder"),
        (("toys/Coins-v0", "--agent", "toy-mean"), "toy-guess"),
        (("toys/Coins-v0", "--agent", "toy-guess"), "random actions"),
    ],
)
def test_watch_refuses_before_it_plays(toys, tmp_path, words, told):
    done = toys("watch", *words)
    assert done.exit_code == 2
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_policy_is_taught_and_watched_on_digits():
    pictures = []
    for _ in range(2):
        env, policy = prepare("leapbench/EarlyExit-Digits-v0", "confidence", seed=1)
        frames, score = play(env, policy, seed=1, steps=12)
        pictures.append((np.stack(frames), score))
    assert policy is not None
    assert np.array_equal(pictures[0][0], pictures[1][0])
    assert pictures[0][0].shape[0] == 13
    with pytest.raises(UserError, match="does not act"):
        prepare("leapbench/EarlyExit-Digits-v0", "oracle-budgeted", seed=1)


def test_teaching_follows_the_prediction_cache_and_the_budget():
    predictions = PredictionCache.synthetic(300, 4, 10, 0)
    part = agent("confidence", "earlyexit")
    policy = learned(predictions, built(part, part.config), seed=0)
    observation = np.zeros((1, 14), np.float32)
    action, _ = policy.predict(observation, None, np.ones(1, bool), deterministic=True)
    assert action.shape == (1,)
    assert action[0] in (0, 1)


def test_doctor_leaves_with_one_only_when_something_is_broken(invoke, monkeypatch):
    healthy = invoke("doctor")
    assert healthy.exit_code == 0, healthy.output
    for name in ("python", "torch", "threads", "data: digits", "rendering", "Atari"):
        assert name in healthy.stdout
    broken = [DoctorCheck("thing", "fail", "is broken", "mend it")]
    monkeypatch.setattr(doctor, "checks", lambda: iter(broken))
    done = invoke("doctor")
    assert done.exit_code == 1
    assert "mend it" in done.stdout


@pytest.mark.parametrize(
    ("versions", "level"),
    [
        ({"dm-control": "1.0.41", "mujoco": "4.0.0"}, "fail"),
        ({"dm-control": "1.0.41", "mujoco": "3.9.0"}, "ok"),
        ({"rliable": "1.2.0", "pandas": "3.0.1"}, "warn"),
    ],
)
def test_doctor_knows_the_bad_pairs(monkeypatch, versions, level):
    monkeypatch.setattr(doctor, "installed", versions.get)
    assert [check.level for check in doctor.pairs()] == [level]


def test_doctor_reports_a_check_that_breaks_and_goes_on(monkeypatch):
    def broken():
        raise RuntimeError("oh no")
        yield

    monkeypatch.setattr(doctor, "threads", broken)
    found = list(doctor.checks())
    assert any("oh no" in check.found and check.level == "fail" for check in found)
    assert any(check.name == "data: digits" for check in found)


@pytest.mark.parametrize(
    ("found", "bounds", "inside"),
    [
        ("1.26.0", ">=1.26,<3", True),
        ("1.25.9", ">=1.26,<3", False),
        ("3.0", "<3,>=1.26", False),
        ("2.13.0+cpu", ">=2.4,<3", True),
        ("0.4.10", ">=0.4.5,<1", True),
        ("5", "", True),
    ],
)
def test_versions_against_bounds(found, bounds, inside):
    assert within(found, bounds) is inside


@pytest.mark.parametrize(
    ("environment", "level", "told"),
    [
        ({"MUJOCO_GL": "egl"}, "ok", "no display"),
        ({"MUJOCO_GL": "opengl"}, "warn", "opengl"),
        ({"DISPLAY": ":0"}, "ok", "window"),
    ],
)
def test_doctor_says_what_would_draw(monkeypatch, environment, level, told):
    for name in ("MUJOCO_GL", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (check,) = doctor.graphics()
    assert check.level == level
    assert told in check.found


def test_data_lists_describes_and_refuses(invoke, monkeypatch, tmp_path):
    monkeypatch.setenv("LEAPBENCH_OFFLINE", "1")
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LEAPBENCH_DATA", raising=False)
    assert "cifar10" in invoke("data").stdout
    assert "verified" in invoke("data", "digits").stdout
    assert "digits is in" in invoke("data", "fetch", "digits").stdout
    for words, told in (
        (("fetch", "cifar10"), "LEAPBENCH_OFFLINE"),
        (("cifar11",), "'cifar10'"),
        (("fetch",), "data fetch NAME"),
    ):
        done = invoke("data", *words)
        assert done.exit_code == 2
        assert told in done.stderr


@pytest.mark.parametrize("what", ["tasks", "agents", "envs"])
def test_lists_are_of_all_families_or_of_one(invoke, what):
    whole = invoke("list", what).stdout
    families = {task.family for task in registry.tasks().values()}
    for family in families:
        done = invoke("list", what, family)
        assert done.exit_code == 0
        lines = [line for line in done.stdout.splitlines() if line[1:2].strip()]
        names = {line.split()[0] for line in lines}  # the first column, and no wrapped text
        assert len(done.stdout) < len(whole)
        others = [part.name for part in registry.agents().values() if part.family != family]
        own = {part.name for part in registry.agents().values() if part.family == family}
        assert not names & (set(others) - own)
    wrong = invoke("list", what, "earlyexi")
    assert wrong.exit_code == 2
    assert "'earlyexit'" in wrong.stderr


def test_agents_are_listed_under_their_family(invoke):
    lines = invoke("list", "agents").stdout.splitlines()
    family = ""
    seen = {}
    for line in lines:
        if line and not line[0].isspace() and " " not in line.strip():
            family = line.strip()
        elif line.split():
            seen.setdefault(line.split()[0], set()).add(family)
    for part in registry.agents().values():
        assert (part.family or "common") in seen[part.name]


@pytest.mark.parametrize("agent", ["ppo", "learned-gate", "random"])
def test_policies_that_learn_can_be_watched(invoke, agent, tmp_path):
    words = ("watch", "leapbench/EarlyExit-Digits-v0", "--agent", agent, "--steps", "5")
    done = invoke(*words, "--out", "e.png")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "e.png").stat().st_size > 1000
