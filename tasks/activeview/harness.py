"""Runs the family's protocols: practice on other scenes, then a block of scenes for the seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase, observation_mode
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter
from leapbench.contract.rollout import rollout
from leapbench.contract.task import Phase, Protocol
from leapbench.envs.activeview.pools import ASIDE, CENTRE
from leapbench.envs.activeview.table import ObservationMode, ViewTable
from leapbench.errors import InvalidOutput
from leapbench.tasks.activeview import worlds

DIGITS = 6
"""Decimals of a measure in the rows."""


class ActiveViewHarness(Harness):
    """A policy chooses views of scenes that it has not seen.

    `settings.world` has the environment's arguments, `settings.scenes` the scenes that
    episodes take turns with, and `settings.marks` the acquisitions after which the PSNR
    is a metric. What chooses by rule learns nothing; the phase is for
    those that learn, on scenes of the train stream under `settings.practice`, where
    every view is paid for by what it adds.

    What differs between two runs of a rule is the scenes alone, so a run's seed decides
    them: all agents meet the same block of scenes in the runs of one seed, and pairing
    runs by their seed pairs scenes.
    """

    shared = ("leapbench.envs.activeview.cameras", "leapbench.envs.activeview.field")

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open the practice; see `Harness.open`."""
        meter, settings = Meter(phase.budget), self.protocol.settings
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, self.seed)
        arguments = worlds.placed(settings["world"] | settings["practice"], self.device)
        environment = self.protocol.evaluation.environment
        return LearningPhase(
            name=phase.name,
            meter=meter,
            seed=seed,
            settings={"views": arguments["views"], "batch": arguments["batch"]},
            make_env=partial(worlds.practice, environment, arguments, meter),
            report=report,
        )

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Play the block of scenes one after the other."""
        plan = self.schedule(self.protocol, self.salt, self.seed)
        rows: list[EpisodeRow] = []
        for i, planned in enumerate(plan):
            report(i / len(plan), f"scene {i + 1} of {len(plan)}")
            rows.append(planned | self.episode(parts, planned))
        return Outcome(rows)

    def episode(self, parts: Mapping[str, Learner], planned: EpisodeRow) -> EpisodeRow:
        """Measures of one episode, for the `scene` and the reset `seed` that are planned."""
        return episode(self.protocol, parts["policy"], planned, self.device)

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Scene, episode and reset seed of each row."""
        scenes, count = protocol.settings["scenes"], protocol.evaluation.episodes
        starts = seeds.stream(protocol.seed_key, "test", count, seed, salt=salt)
        return [
            {"scene": scenes[(seed * count + i) % len(scenes)], "episode": i, "seed": start}
            for i, start in enumerate(starts)
        ]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Means over the scenes; `psnr_n` after n acquisitions, for `settings.marks`."""
        return means(protocol, rows, ("area", "final", "hidden", "ause", "decoys"))


def means(protocol: Protocol, rows: Sequence[EpisodeRow], names: Sequence[str]) -> dict[str, float]:
    """Means over the scenes of the columns `names` and of `psnr_n` for `settings.marks`."""
    marks = [f"psnr_{int(n)}" for n in protocol.settings["marks"]]
    return {name: float(np.mean([float(r[name]) for r in rows])) for name in (*names, *marks)}


def episode(
    protocol: Protocol, policy: Any, planned: Mapping[str, Any], device: str = "cpu"
) -> EpisodeRow:
    """Measures of one episode, for the `scene` and the reset `seed` that are planned."""
    env = evaluation(protocol, planned["scene"], mode_of(policy), device)
    return row(*play(env, policy, int(planned["seed"])))


def evaluation(
    protocol: Protocol, scene: str, mode: ObservationMode, device: str = "cpu"
) -> ViewTable:
    """The environment that a protocol evaluates in, with a kind of scene, its field on a device."""
    arguments = protocol.settings["world"] | {"scene": scene, "evaluation": True}
    placed = worlds.placed(arguments, device)
    return worlds.make(protocol.evaluation.environment, placed, mode)


def mode_of(policy: Any) -> ObservationMode:
    """What a policy acts on, here or in a process of its own; the field if it says nothing.

    Raises:
        InvalidOutput: for an observation mode that there is not.
    """
    found: ObservationMode = observation_mode(policy) or "field"
    known = get_args(ObservationMode)
    if found not in known:
        expected = ", ".join(known)
        raise InvalidOutput(f"a policy's observation_mode is {found!r}, expected one of {expected}")
    return found


def play(env: ViewTable, policy: Any, seed: int) -> tuple[dict[str, Any], int, int]:
    """One episode.

    Returns:
        The last info, how many of the views taken look past the scene, and the budget.
    """
    steps = list(decisions(env, policy, seed))
    taken = {index for _, index, _ in steps}
    episode = env.unwrapped.episode  # type: ignore[attr-defined]
    past = worlds.decoys(episode.capture.candidates, np.array(CENTRE), ASIDE[0] / 2)
    return steps[-1][-1], int(past[list(taken)].sum()), episode.rules.views


def decisions(
    env: ViewTable, policy: Any, seed: int
) -> Iterator[tuple[NDArray[np.float32], int, dict[str, Any]]]:
    """One episode, step by step.

    Yields:
        The table that a candidate was chosen by, its index, and the info of the step.
    """
    table, _ = env.reset(seed=seed)
    for step in rollout(env, policy, table):
        yield step.observation[0], int(step.action[0]), step.info
    env.close()


def row(info: Mapping[str, Any], past: int, views: int) -> EpisodeRow:
    """What is kept of an episode: measures, and the PSNR after each acquisition.

    PSNR after an acquisition is that after the training that it was first part of, and
    the last one for views that an episode cut short did not take. Where no surface is
    hidden from the initial views, or it is not known, `hidden` is the final PSNR. Without
    a variance there is no `ause`.
    """
    curve = info["psnr"]
    after = np.searchsorted(info["acquired"], np.arange(views + 1)).clip(max=len(curve) - 1)
    final, hidden = float(curve[-1]), float(info["unseen_psnr"][-1])
    measured: dict[str, float] = {
        "area": float(info["score"]),
        "final": final,
        "hidden": hidden if np.isfinite(hidden) else final,
    }
    if "ause" in info:
        measured["ause"] = float(info["ause"])
    marks = {f"psnr_{n}": float(curve[at]) for n, at in enumerate(after)}
    rounded: EpisodeRow = {k: round(v, DIGITS) for k, v in (measured | marks).items()}
    return {"views": int(info["views"]), "decoys": past} | rounded
