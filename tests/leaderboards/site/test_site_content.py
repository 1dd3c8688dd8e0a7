"""What is drawn and tabulated: curves of any family, profiles, boards together, badges."""

from __future__ import annotations

import builtins
from pathlib import Path

import boards
import pytest
import sites
from hypothesis import given
from hypothesis import strategies as st

from leapbench.contract import registry
from leapbench.errors import UserError
from leapbench.leaderboards.board import BoardEntry, assemble
from leapbench.leaderboards.commands import run_command, spans
from leapbench.leaderboards.site.build import build
from leapbench.leaderboards.site.curves import BEST, curve, profile_lines, score_lines
from leapbench.leaderboards.site.figures import Chart, ChartLine, svg
from leapbench.results.result import AgentRecord, Part, Result
from leapbench.running.sweep import parse_seeds

POINT = {"budget": 1, "accuracy": 0.5}


def board_of(*found: Result):
    return assemble(sites.PROTOCOL, [BoardEntry(r, Path("x"), "yours") for r in found])


def test_a_curve_is_the_mean_over_seeds_at_each_budget():
    board = board_of(*(sites.made("a", seed, 0.7 + 0.1 * seed) for seed in range(3)))
    (line,) = score_lines(board, ())
    assert list(line.x) == list(sites.PROTOCOL.evaluation.budgets)
    assert line.y == pytest.approx([0.8 + 0.01 * (i - 2) for i in range(6)])
    half = 4.302652730 * 0.1 / 3**0.5  # Student's t with two degrees of freedom
    assert [high - y for high, y in zip(line.high, line.y, strict=True)] == pytest.approx(
        [half] * 6
    )
    assert [y - low for low, y in zip(line.low, line.y, strict=True)] == pytest.approx([half] * 6)


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"curve": None},
        {"curve": "0.5"},
        {"curve": []},
        {"curve": [POINT]},
        {"curve": [POINT, POINT]},
        {"curve": [POINT, 3]},
        {"curve": [POINT, {"budget": 2}]},
        {"curve": [POINT, {"budget": 2, "accuracy": "high"}]},
        {"curve": [POINT, {"budget": True, "accuracy": 0.5}]},
        {"curve": [POINT, {"budget": 2, "hits": 0.5}]},
    ],
)
def test_what_is_no_curve_gets_no_picture(details):
    assert curve(sites.made("a", 0, 0.5, details=details), "accuracy") == ()
    assert score_lines(board_of(sites.made("a", 0, 0.5, details=details)), ()) == ()


def test_of_many_rows_the_best_and_the_baselines_are_drawn():
    board = board_of(*(sites.made(f"m{i}", s, 0.5 + i / 50) for i in range(15) for s in range(2)))
    lines = score_lines(board, ("m0+confidence", "m14+confidence", "unknown"))
    assert [line.label for line in lines[:BEST]] == [f"m{14 - i}+confidence" for i in range(BEST)]
    assert [(line.label, line.baseline) for line in lines[BEST:]] == [("m0+confidence", True)]


@given(st.lists(st.floats(0.2, 1), min_size=2, max_size=6, unique=True))
def test_a_profile_falls_from_all_runs_to_none(scores):
    board = board_of(*(sites.made("a", seed, score) for seed, score in enumerate(scores)))
    for line in profile_lines([board], ()):
        assert (line.y[0], line.y[-1]) == (1.0, 0.0)
        assert all(a >= b for a, b in zip(line.y, line.y[1:], strict=False))
        values = [sites.PROTOCOL.metric.normalise(score) for score in scores]
        for x, y in zip(line.x, line.y, strict=True):
            assert y == pytest.approx(sum(value > x for value in values) / len(values))


def test_rows_that_lack_a_board_are_not_in_the_profile_of_both():
    both = [board_of(sites.made("a", 0, v), sites.made("b", 0, v + 0.1)) for v in (0.5, 0.6)]
    alone = board_of(sites.made("a", 0, 0.7), sites.made("a", 1, 0.8))
    assert {line.label for line in profile_lines(both, ())} == {"a+confidence", "b+confidence"}
    (line,) = profile_lines([*both, alone], ())
    assert set(line.y) == {1.0, 0.75, 0.5, 0.25, 0.0}


def test_a_chart_is_the_same_twice_and_keeps_text_as_text():
    chart = Chart((ChartLine("$a_b & <c>", [1, 2], [0.1, 0.2], [0, 0.1], [0.2, 0.3]),), "x", "y")
    assert svg(chart) == svg(chart)
    assert "$a_b &amp; &lt;c&gt;" in svg(chart)
    assert "prefers-color-scheme: dark" in svg(chart)


def test_without_matplotlib_one_is_told_what_to_install(monkeypatch):
    found = builtins.__import__

    def missing(name, *given):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name)
        return found(name, *given)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UserError, match=r"leapbench\[plots\]"):
        svg(Chart((), "x", "y"))


@given(st.sets(st.integers(0, 60), min_size=1))
def test_spans_name_every_seed_once(seeds):
    assert parse_seeds(spans(sorted(seeds))) == sorted(seeds)


def test_changed_settings_are_in_the_command():
    parts = (
        Part(
            name="msdnet",
            role="model",
            version=1,
            settings={"lr_factor": 2.0},
            config={"lr_factor": 2.0},
        ),
        Part(name="confidence", role="policy", version=1, config={}),
    )
    agent = AgentRecord(name="msdnet+confidence", parts=parts)
    (row,) = board_of(sites.made("msdnet", 3, 0.5, agent=agent)).ranked
    command = run_command(row, sites.PROTOCOL)
    assert command.endswith("--tier smoke --seeds 3 --set msdnet.lr_factor=2.0")


@pytest.mark.usefixtures("quick")
def test_badges_and_entrants_are_shown(tmp_path):
    results = [sites.made("a", seed, 0.8 + seed / 100) for seed in range(2)]
    store = boards.Folder(tmp_path / "board")
    first = store.add(results, "Somebody <b>", url="https://example.org/", notes="by hand")
    store.add([sites.made("a", 0, 0.7)], "Somebody else", attempts=3)
    store.judge(first, ("audited", "reproduced"))
    site = build(tmp_path / "site", None, "smoke", store=store)
    assert site.results == 3
    board = "".join(sites.read(tmp_path / "site/tasks/earlyexit-digits.html").words)
    assert "a+confidence (Somebody <b>)" in board
    assert board.index("reproduced") < board.index("a+confidence (Somebody else)")
    assert "Submitted rows bear the name that their entrant gave" in board
    agent = sites.read(tmp_path / "site/agents/a+confidence.html")
    text = " ".join("".join(agent.words).split())
    assert "Submitted to earlyexit/digits, tier smoke by Somebody <b>: by hand 1 attempt" in text
    assert "by Somebody else 3 attempts" in text
    assert "nothing here says who invented it" in text
    assert "https://example.org/" in agent.links()


@pytest.mark.usefixtures("quick", "plugin")
def test_families_of_plug_ins_take_part_without_curves(tmp_path):
    coins = registry.task("coins/small").protocols["smoke"]
    fields = {"task": "coins/small", "protocol_hash": coins.hash, "details": {}}
    results = [sites.made("a", seed, 0.6, **fields) for seed in range(2)]
    runs = sites.write(tmp_path / "runs", [*sites.some(), *results, sites.made("a", 0, 0.7)])
    site = build(tmp_path / "site", runs)
    assert {family.name for family in site.families} >= {"earlyexit", "urlb", "coins"}
    assert site.overall is not None
    ranks = {row.cells["agent"].text: row.cells["rank"].text for row in site.overall.rows}
    assert ranks["a+confidence"] == "1"
    assert ranks["msdnet+confidence"] == "–"  # it lacks the coins
    page = sites.read(tmp_path / "site/tasks/coins-small.html")
    assert page.faults == []
    assert not [image for image in page.all("img") if "curves" in image["src"]]
    assert "a+confidence" in "".join(page.words)


@pytest.mark.usefixtures("quick")
def test_a_site_without_any_result_has_its_pages(tmp_path):
    site = build(tmp_path / "site", tmp_path / "none")
    assert site.results == 0
    for path in (tmp_path / "site").rglob("*.html"):
        assert sites.read(path).faults == []
    text = " ".join(sites.read(tmp_path / "site/tasks/earlyexit-digits.html").words)
    assert "leapbench run earlyexit/digits msdnet+confidence --tier smoke" in text
