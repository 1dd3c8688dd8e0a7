"""What a sweep would cost: from an agent's own rows, from others, or not known."""

from __future__ import annotations

import pytest

import leapbench as lb
from leapbench.contract import registry
from leapbench.errors import UserError
from leapbench.leaderboards import sources
from leapbench.leaderboards.costs import total

DIGITS = "earlyexit/digits"


def seconds(agent: str) -> list[float]:
    """CPU seconds of the committed seeds of an agent on digits."""
    root = {"committed": sources.committed_root()}
    found, _ = sources.entries(DIGITS, "smoke", root, None)
    return [e.result.timing.cpu for e in found if e.result.agent.name == agent]


def test_an_agent_with_rows_costs_what_they_took() -> None:
    known = seconds("msdnet+confidence")
    (cost,) = lb.plan([DIGITS], ["msdnet"], seeds="0-6", runs=None).costs
    assert (cost.basis, cost.known, cost.seeds) == ("rows", len(known), 7)
    assert cost.cpu == pytest.approx(sum(known) / len(known))
    assert cost.hours == pytest.approx(7 * sum(known) / len(known) / 3600)


def test_an_agent_without_rows_costs_what_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    part = registry.agent("msdnet", "earlyexit").model_copy(update={"version": 99})
    monkeypatch.setitem(registry.agents(), "earlyexit/msdnet", part)
    (cost,) = lb.plan([DIGITS], ["msdnet"], runs=None).costs
    (known,) = lb.plan([DIGITS], ["l2w-den"], runs=None).costs
    assert cost.basis == "others"
    assert known.basis == "rows"
    assert cost.known > 15
    assert cost.cpu is not None


def test_of_a_family_agents_go_to_the_tasks_that_they_fit() -> None:
    found = lb.plan(["latency"], ["ppo", "lasnet"], runs=None).costs
    pairs = {(each.protocol.task, each.agent) for each in found}
    assert ("latency/levels", "ppo") in pairs
    assert ("latency/levels", "lasnet") not in pairs
    assert ("latency/needle", "resnet+lasnet") in pairs


@pytest.mark.parametrize(
    ("tasks", "agents", "tier", "told"),
    [
        (["latencies"], ["ppo"], "smoke", "Did you mean 'latency'"),
        (["latency"], ["pp"], "smoke", "'pp' fits no task of latency"),
        (["latency/levels"], ["lasnet"], "smoke", "does not work on latency/levels"),
        (["latency/levels"], ["ppo"], "paper", "has no tier 'paper'"),
    ],
)
def test_mistakes_are_one_line(tasks: list[str], agents: list[str], tier: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        lb.plan(tasks, agents, tier=tier, runs=None)


def test_where_nobody_has_rows_it_is_not_known_and_not_summed() -> None:
    plan = lb.plan(["urlb/jaco", "urlb/walker"], ["moss"], tier="paper", runs=None)
    assert [each.basis for each in plan.costs] == ["none", "none"]
    assert total(plan.costs) == 0
    assert "moss on urlb/jaco" in plan.tables[0].notes[-1]
