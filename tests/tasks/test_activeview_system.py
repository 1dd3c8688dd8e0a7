"""Agents that reconstruct: same scenes, better pictures score more, garbage is refused."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leapbench.agents.activeview.system.system import RULES, VoxelSystem
from leapbench.contract import registry
from leapbench.contract.task import Protocol
from leapbench.envs.activeview import choice
from leapbench.envs.activeview.capture import Capture
from leapbench.envs.threads import one_thread
from leapbench.errors import AgentError, InvalidAction, InvalidOutput, UserError
from leapbench.results.result import Result
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.running.composition import compose
from leapbench.tasks.activeview import worlds
from leapbench.tasks.activeview.harness import play as play_policy
from leapbench.tasks.activeview.harness import row
from leapbench.tasks.activeview.system_harness import SystemHarness, drawn, episode, play
from leapbench.testing import shrink, standing_in

TASK, NICHE = registry.task("activeview/system"), registry.task("activeview/niche")
SIZES: dict[str, Any] = {"resolution": 8, "coarse": 6, "samples": 4, "rays": 16}
TRAINING: dict[str, Any] = {"first": 6, "iterations": 4}
GLANCE = TRAINING | {"candidates": 6, "tests": 2, "resolution": 8, "views": 3, "batch": 1}
FIELD = SIZES | {"coarse_iterations": 3}
SMALL = TRAINING | FIELD
WORLD = GLANCE | {"scene": "niche", "pool": "unbalanced"}
MINE = """
    import numpy as np

    class Mine:
        def begin(self, intrinsics, candidates, seed): pass
        def observe(self, image, pose): self.like = image
        def choose(self, free): return free.argmax()
        def render(self, pose): return {render}
        def learn(self, phase): pass
        def save(self, folder): pass
        def load(self, folder): pass
"""


class Brought:
    """Takes the candidates and shows what it is told to, black pictures at first."""

    def __init__(self, shown: Any = None, choices: Any = (0, 1, 2)) -> None:
        self.shown, self.choices = shown or (lambda pose: np.zeros((8, 8, 3))), choices

    def begin(self, intrinsics: Any, candidates: Any, seed: int) -> None:
        self.left, self.seen = list(self.choices), []

    def observe(self, image: Any, pose: Any) -> None:
        self.seen.append((image, pose))

    def choose(self, free: Any) -> Any:
        free[:] = True  # what is given is a copy
        return self.left.pop(0)

    def render(self, pose: Any) -> Any:
        return self.shown(pose)

    def learn(self, phase: Any) -> None: ...
    def save(self, folder: Path) -> None: ...
    def load(self, folder: Path) -> None: ...


def world() -> Any:
    return worlds.make("leapbench/ActiveView-Niche-v0", WORLD | {"field": FIELD}, "field")


def capture() -> Capture:
    return drawn(world(), 5)[0]


def tiny() -> Any:
    return shrink(TASK, {"world": WORLD, "marks": [1, 3]}, {"practice": 16}, episodes=2)


def run(agent: str, out: Path, *settings: str) -> Result:
    with standing_in(tiny()):
        return cell.run(Cell(TASK.name, "smoke", agent, 0, settings, out), lambda *_: None)


@pytest.mark.parametrize("rule", ["furthest", "opacity-gain"])
def test_the_same_field_and_rule_do_the_same_on_both_tracks(rule: str) -> None:
    policy: Any = compose(NICHE, {"furthest": "furthest"}.get(rule, "active-nerf-opacity"))
    with one_thread():
        expected = row(*play_policy(world(), policy.build("policy"), 5))
        found, seed = drawn(world(), 5)
        info, _ = play(VoxelSystem(rule, **SMALL), found, seed, 3)
    made = row(info, 0, 3)
    assert made == {key: value for key, value in expected.items() if key != "ause"}
    assert len({made[f"psnr_{n}"] for n in range(4)}) == 4  # it learns from each view


def test_the_episode_is_the_environment_s() -> None:
    env = world()
    env.reset(seed=5)
    truth = env.unwrapped.episode.capture
    found = capture()
    for ours, theirs in ((found.initial, truth.initial), (found.test, truth.test)):
        assert np.array_equal(ours.images, theirs.images)
        assert np.array_equal(ours.poses, theirs.poses)
    assert np.array_equal(found.candidates, truth.candidates)


def test_what_is_observed_is_what_was_chosen() -> None:
    found, agent = capture(), Brought(choices=(4, 0, 2))
    info, taken = play(agent, found, 0, 3)
    assert taken == [4, 0, 2]
    assert len(agent.seen) == 4 + 3
    for (image, pose), index in zip(agent.seen[4:], taken, strict=True):
        assert np.array_equal(image, found.photograph(index))
        assert np.array_equal(pose, found.candidates[index])
    assert list(info["acquired"]) == [0, 1, 2, 3]


def test_a_better_reconstruction_scores_better() -> None:
    found = capture()
    truth = {pose.tobytes(): image for image, pose in zip(*found.test, strict=False)}
    scores = []
    for share in (0.0, 0.5, 0.9, 1.0):  # of the truth, the rest is black

        def shown(pose: Any, share: float = share) -> Any:
            return truth[pose.tobytes()] / 255.0 * share

        info, _ = play(Brought(shown), found, 0, 3)
        assert info["score"] == pytest.approx(np.mean(info["psnr"][1:]))
        scores.append((info["score"], info["unseen_psnr"][-1]))
    assert scores == sorted(scores)
    assert scores[-1][0] == pytest.approx(100.0)  # the bound of `measures.LEAST`
    in_bytes, _ = play(Brought(lambda pose: truth[pose.tobytes()]), found, 0, 3)
    assert in_bytes["score"] > 90


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (lambda pose: None, "NoneType, expected an array"),
        (lambda pose: np.zeros((8, 8)), r"shape \(8, 8\), expected \(8, 8, 3\)"),
        (lambda pose: np.zeros((8, 8, 3), np.int64), "int64, expected floats or uint8"),
        (lambda pose: np.full((8, 8, 3), np.nan), r"not in \[0, 1\]"),
        (lambda pose: np.full((8, 8, 3), 1.5), r"not in \[0, 1\]"),
        (lambda pose: np.full((8, 8, 3), "x"), "expected floats or uint8"),
    ],
)
def test_what_is_no_picture_is_refused(shown: Any, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        play(Brought(shown), capture(), 0, 3)


@pytest.mark.parametrize(
    ("choices", "told"),
    [((1, 1), "candidate 1 has been taken"), ((6,), "outside"), ((-1,), "outside")]
    + [((wrong,), "action") for wrong in (0.5, None, np.zeros(2, int), True, "0")],
)
def test_what_is_no_free_candidate_is_refused(choices: Any, told: str) -> None:
    with pytest.raises(InvalidAction, match=told):
        play(Brought(choices=choices), capture(), 0, 3)


def test_a_system_in_a_file_is_run_and_garbage_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(textwrap.dedent(MINE.format(render="self.like")))
    made = run(f"{file}:Mine", tmp_path)
    assert (made.status, made.message) == ("ok", "")
    first, second = made.rows()
    assert first["seed"] != second["seed"]
    assert made.score == pytest.approx((float(first["area"]) + float(second["area"])) / 2)
    assert made.metrics["psnr_3"] == made.metrics["final"]
    wrong = tmp_path / "wrong.py"
    wrong.write_text(textwrap.dedent(MINE.format(render="np.zeros((8, 9, 3))")))
    made = run(f"{wrong}:Mine", tmp_path)
    assert made.status == "invalid"
    assert "rendered picture has shape (8, 9, 3), expected (8, 8, 3)" in made.message
    assert "\n" not in made.message


def test_a_policy_is_no_system_and_the_other_way_round() -> None:
    assert list(TASK.default_agents) == ["agent"]  # in place of the family's policy
    with pytest.raises(UserError, match="furthest' does not work on activeview/system"):
        compose(TASK, "furthest")
    with pytest.raises(UserError, match="system-plain' does not work on activeview/niche"):
        compose(NICHE, "system-plain")
    lacking = type("Blind", (), {"choose": len, "observe": len, "begin": len})()
    with pytest.raises(AgentError, match="Blind is no system: it lacks render"):
        SystemHarness(tiny().protocols["smoke"], 0, None).evaluate(  # type: ignore[arg-type]
            {"agent": lacking}, lambda *_: None
        )


@pytest.mark.parametrize("tier", ["smoke", "lite"])
def test_systems_train_as_the_environment_s_field_does(tier: Any) -> None:
    protocol: Protocol = TASK.protocols[tier]
    arguments = protocol.settings["world"]
    assert arguments == NICHE.protocols[tier].settings["world"]
    made: Any = compose(TASK, "system-furthest", protocol=protocol).build("agent")
    env = worlds.make("leapbench/ActiveView-Niche-v0", arguments, "field").unwrapped
    assert (made.first, made.iterations) == (env.rules.first, env.rules.iterations)  # type: ignore[attr-defined]
    assert made.settings == choice.build(env.rules.field, 0).settings  # type: ignore[attr-defined]


def test_without_the_head_the_variance_stays_as_it_was() -> None:
    found = capture()
    raw = []
    for weight in (0.0, 0.02):
        agent = VoxelSystem("furthest", weight, **SMALL)
        play(agent, found, 0, 2)
        raw.append(agent.field.tables.appearance[:, 3])
    assert not raw[0].any()
    assert raw[1].any()


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_takes_free_candidates_only(rule: str) -> None:
    _, taken = play(VoxelSystem(rule, **SMALL), capture(), 3, 6)
    assert sorted(taken) == list(range(6))


def test_random_views_follow_the_seed_alone() -> None:
    agent, found = VoxelSystem("random", **SMALL), capture()
    one, other, again = (play(agent, found, seed, 4)[1] for seed in (1, 2, 1))
    assert one == again
    assert one != other


def test_rows_are_as_the_protocol_says() -> None:
    protocol = tiny().protocols["smoke"]
    planned = SystemHarness.schedule(protocol)[0]
    made = episode(protocol, Brought(), planned)
    assert {"area", "final", "hidden", "decoys", "psnr_0", "psnr_3"} <= set(made)
    assert "ause" not in made
    assert set(SystemHarness.metrics(protocol, [made])) == {
        "area", "final", "hidden", "decoys", "psnr_1", "psnr_3",
    }  # fmt: skip
