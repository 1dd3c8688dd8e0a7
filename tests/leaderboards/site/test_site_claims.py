"""The page of claims and what leads: marks of forest plots, sections, ties."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest
import sites
from hypothesis import given
from hypothesis import strategies as st

from leapbench import data
from leapbench.contract import registry
from leapbench.contract.card import Claim
from leapbench.contract.task import Anchor
from leapbench.leaderboards.board import BoardEntry, assemble
from leapbench.leaderboards.claims import ClaimResult
from leapbench.leaderboards.site.content import families
from leapbench.leaderboards.site.forest import MARGIN, WIDTH, forest
from leapbench.leaderboards.site.pages import claim_view
from leapbench.leaderboards.statistics import Interval

FINITE = st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-6)


def finding(value, low, high, effect=None, lower_is_better=False, metric=""):
    claim = Claim(name="c", agent="a", over="b", effect=effect, metric=metric)
    ends = {"floor": Anchor(value=0, source=""), "ceiling": Anchor(value=1, source="")}
    better = sites.PROTOCOL.metric.model_copy(
        update=ends | {"higher_is_better": not lower_is_better}
    )
    protocol = sites.PROTOCOL.model_copy(update={"metric": better})
    return ClaimResult(claim, protocol, Interval(value, low, high), (0, 1), "reproduced")


@given(FINITE, st.floats(1e-6, 1e6), st.none() | FINITE)
def test_marks_lie_within_the_plot_and_on_their_side_of_zero(value, half, effect):
    plot = forest(finding(value, value - half, value + half, effect))
    places = [plot.low, plot.value, plot.high, plot.left, plot.right]
    places += [] if plot.published is None else [plot.published]
    assert all(MARGIN <= place <= WIDTH - MARGIN for place in places)
    assert plot.low <= plot.value <= plot.high
    assert plot.left + plot.right == pytest.approx(WIDTH)
    if plot.published is not None and effect > 0:
        assert plot.published >= WIDTH / 2


def test_an_effect_outside_of_what_was_resolved_is_one_whose_interval_excludes_zero():
    sure, unsure = finding(3.0, 1.0, 5.0), finding(1.0, -1.0, 3.0)
    assert forest(sure).value > forest(sure).right
    assert forest(unsure).value < forest(unsure).right
    assert forest(sure).low > WIDTH / 2 > forest(unsure).low


def test_where_less_is_better_the_claims_side_is_still_the_right():
    assert forest(finding(-3.0, -4.0, -2.0, lower_is_better=True)).value > WIDTH / 2
    assert forest(finding(-3.0, -4.0, -2.0)).value < WIDTH / 2
    other = finding(3.0, 2.0, 4.0, lower_is_better=True, metric="kept")
    assert forest(other).value > WIDTH / 2  # of another metric more is claimed


def test_a_published_effect_far_out_is_drawn_at_the_edge():
    near, far = finding(1, 0.5, 1.5, effect=3), finding(1, 0.5, 1.5, effect=-300)
    assert not forest(near).beyond
    assert forest(near).published == WIDTH - MARGIN
    assert forest(far).beyond
    assert forest(far).published == MARGIN
    assert forest(far).value == forest(finding(1, 0.5, 1.5)).value


def test_without_an_interval_there_is_no_plot_and_no_test():
    view = claim_view(finding(1.0, -inf, inf), "CIFAR-10", "")
    assert view.forest is None
    assert view.ground == "untested"
    shown = [("CIFAR-10", "", "data"), ("", "MuJoCo", "simulators"), ("", "", "drawn")]
    for collected, simulator, ground in shown:
        assert claim_view(finding(3, 2, 4), collected, simulator).ground == ground


def _page(*results):
    board = assemble(sites.PROTOCOL, [BoardEntry(r, Path("x"), "yours") for r in results])
    (family,) = families([(sites.TASK, board)])
    return family.tasks[0]


def test_those_that_tie_lead_together():
    apart = [sites.made(m, s, v + s / 1e4) for m, v in (("a", 0.9), ("b", 0.5)) for s in range(5)]
    lead = _page(*apart).lead
    assert [leader.name for leader in lead.tied] == ["a+confidence"]
    assert lead.agents == 2
    noisy = [sites.made("a", s, 0.9 - 0.2 * (s % 2)) for s in range(5)]
    noisy += [sites.made("b", s, 0.7 + 0.2 * (s % 2)) for s in range(5)]
    lead = _page(*noisy).lead
    assert {leader.name for leader in lead.tied} == {"a+confidence", "b+confidence"}
    assert _page().lead is None


def test_every_claim_is_on_the_page_once_with_its_plot(site):
    page = sites.read(site / "claims.html")
    text = " ".join(" ".join(page.words).split())
    plots = [a for tag, a in page.tags if tag == "svg" and a.get("role") == "img"]
    rows = [a["id"] for tag, a in page.tags if tag == "tr" and "id" in a]
    names = [claim.name for claim in sites.TASK.claims]
    assert len(rows) == len(names)
    assert 0 < len(plots) <= len(rows)
    assert all("would not have been resolved" in plot["aria-label"] for plot in plots)
    assert all(name in text for name in names)
    assert "On data that others collected" in text  # the digits of UCI


def test_tasks_on_the_same_data_set_name_it_alike():
    """A task that extends another one may forget to say that its data are others."""
    named: dict[str, set[str]] = {}
    for task in registry.tasks().values():
        for tier, protocol in task.protocols.items():
            read = protocol.settings.get("data")
            if read in data.names() and (task.family, read) != ("pretrain", "digits"):
                named.setdefault(read, set()).add(task.card.data_of(tier))
    assert {read: names for read, names in named.items() if len(names) != 1 or "" in names} == {}
