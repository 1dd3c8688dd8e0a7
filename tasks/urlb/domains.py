"""Domains of dm_control: explore without reward, fine-tune on each of several tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from leapbench.contract.harness import EpisodeRow
from leapbench.contract.task import Phase, Protocol
from leapbench.tasks.urlb.base import PhasesHarness, PhaseWorld, Played


class DomainsHarness(PhasesHarness):
    """A tree of phases: a chain explores without reward, branches fine-tune on one task.

    `settings.worlds` has the domain, the environment and, where there are rewards, the
    task of each phase. A phase whose name is not among them, such as `stand-100k`, is
    `stand` from the checkpoint `100k` on. `settings.horizon` has the steps of an episode,
    `settings.expert` the return that counts as 1 for each task; without one, that is
    the reward 1 in every step.

    Besides the horizon the agent is given whether another phase without reward follows
    ("continued") and, where `settings.save_every` says so, after how many steps it may
    want to save what it has ("save_every").

    Evaluated are the fine-tuned parts, greedily.
    """

    @classmethod
    def world(cls, protocol: Protocol, phase: Phase) -> PhaseWorld:
        """The environment of a domain, or of one task in it."""
        own = place(protocol, phase)
        horizon = int(protocol.settings["horizon"])
        rewarded = "task" in own
        return PhaseWorld(own["environment"], {} if rewarded else {"task": None}, horizon, rewarded)

    @classmethod
    def evaluated(cls, protocol: Protocol) -> tuple[Phase, ...]:
        """The phases with rewards."""
        return tuple(p for p in protocol.phases if cls.world(protocol, p).rewarded)

    @classmethod
    def agent_settings(cls, protocol: Protocol, phase: Phase) -> dict[str, Any]:
        """Horizon, and what concerns long learning; all of it may change what is learned."""
        world = cls.world(protocol, phase)
        following = (p for p in protocol.phases if p.after == phase.name)
        more = any(not cls.world(protocol, p).rewarded for p in following)
        saves = {k: v for k, v in protocol.settings.items() if k == "save_every"}
        return {"horizon": world.horizon} | ({"continued": True} if more else {}) | saves

    def relevant(self, phase: Phase, config: Mapping[str, Any]) -> dict[str, Any]:
        """The environment of the phase, and the settings given to the agent."""
        world = self.world(self.protocol, phase)
        return {
            "environment": world.environment,
            "settings": self.agent_settings(self.protocol, phase),
        }

    def measured(self, played: Played) -> Iterator[EpisodeRow]:
        """Return and length."""
        length = played.seen.shape[1]
        yield from ({"return": earned, "length": length} for earned in played.returns.tolist())

    @classmethod
    def schedule(cls, protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Domain, task, checkpoint, episode and reset seed of each row."""
        return [
            {
                "domain": place(protocol, phase)["domain"],
                "task": place(protocol, phase)["task"],
                "checkpoint": checkpoint(protocol, phase),
                "episode": episode,
                "seed": start,
            }
            for phase, episode, start in cls.starts(protocol, salt)
        ]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Share of the expert's return: mean over tasks, each domain and each task.

        Of several checkpoints the last has the plain names, the others are named by
        theirs: "expert_100k".
        """
        last = str(rows[-1]["checkpoint"]) if rows else ""
        found: dict[str, float] = {}
        for stage in dict.fromkeys(str(row["checkpoint"]) for row in rows):
            own = [row for row in rows if row["checkpoint"] == stage]
            suffix = "" if stage == last else f"_{stage}"
            for name, value in _shares(protocol, own).items():
                found[f"{name}{suffix}"] = value
        return found


def place(protocol: Protocol, phase: Phase) -> dict[str, str]:
    """Domain, environment and, where there are rewards, task of a phase."""
    known: dict[str, dict[str, str]] = protocol.settings["worlds"]
    return known.get(phase.name) or known[phase.name.rpartition("-")[0]]


def checkpoint(protocol: Protocol, phase: Phase) -> str:
    """Which of several checkpoints of a world a phase belongs to; empty without any."""
    return "" if phase.name in protocol.settings["worlds"] else phase.name.rpartition("-")[2]


def expert(protocol: Protocol, domain: str, task: str) -> float:
    """The return that counts as 1."""
    known: dict[str, dict[str, float]] = protocol.settings.get("expert", {})
    return float(known.get(domain, {}).get(task, protocol.settings["horizon"]))


def _shares(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
    """Shares of the expert's return at one checkpoint: all, domains if several, tasks."""
    tasks: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        key = str(row["domain"]), str(row["task"])
        tasks.setdefault(key, []).append(float(row["return"]) / expert(protocol, *key))
    means = {key: fmean(values) for key, values in tasks.items()}
    whole = {protocol.metric.name: fmean(means.values())}
    domains = dict.fromkeys(domain for domain, _ in means)
    if len(domains) == 1:
        return whole | {task: value for (_, task), value in means.items()}
    each = {d: fmean(v for (own, _), v in means.items() if own == d) for d in domains}
    return whole | each | {f"{domain}_{task}": value for (domain, task), value in means.items()}
