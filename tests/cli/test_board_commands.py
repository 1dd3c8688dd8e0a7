"""`leapbench board`, `claims`, `compare` and `site` as they are typed."""

from __future__ import annotations

import csv
import json
import re
from io import StringIO
from pathlib import Path

import pytest
from PIL import Image

from leapbench.cli import emit
from leapbench.contract import registry
from leapbench.leaderboards.claims import VERDICTS

DIGITS = "earlyexit/digits"


def rows(done):
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(StringIO(done.stdout)))


@pytest.fixture
def runs(toys):
    """Toy results in folder `mine`, those of one policy in `one` besides."""
    agents = ("toy-guess", "toy-guess-prior")
    assert toys("run", "coins/small", *agents, "--seeds", "0-2", "--out", "mine").exit_code == 0
    toys("run", "coins/small", "toy-guess", "--seeds", "0-1", "--out", "one")
    return toys


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize(
    "words",
    [
        ("board",),
        ("board", "earlyexit"),
        ("board", "earlyexit/fashion-mnist"),
        ("claims",),
        ("compare", "l2w-den", "msdnet"),
    ],
)
def test_nothing_is_wider_than_the_terminal_or_cut_off(invoke, monkeypatch, width, words):
    monkeypatch.setenv("COLUMNS", str(width))
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines())) <= width
    assert "…" not in done.stdout


def test_the_board_of_a_task_is_that_of_its_dearest_tier_with_rows(invoke):
    shown = invoke("board", "earlyexit/fashion-mnist").stdout
    assert shown.startswith("earlyexit/fashion-mnist, tier lite\n")
    for text in (
        "model \\ policy",
        "l2w-over-plain",
        "Not ranked are",
        "All rows: Budget used 100%",
    ):
        assert text in shown
    assert invoke("board", DIGITS).stdout.startswith(f"{DIGITS}, tier smoke\n")
    empty = invoke("board", "earlyexit/fashion-mnist", "--tier", "smoke").stdout
    assert "leapbench run earlyexit/fashion-mnist AGENT --tier smoke" in empty


@pytest.mark.parametrize("width", [80, 120])
def test_a_board_has_the_ranking_first_and_last_and_a_line_a_claim(invoke, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    shown = invoke("board", "urlb/entropy-grid", "--tier", "smoke").stdout
    lines = shown.splitlines()
    first = next(i for i, line in enumerate(lines) if "scratch-tabular" in line)
    assert first < 8
    assert lines[-1].startswith("Ahead: scratch-tabular, worst ")
    for claim in registry.task("urlb/entropy-grid").claims:
        (line,) = [line for line in lines if line.split()[:1] == [claim.name]]
        assert line.split()[-1] in " ".join(VERDICTS).split()
    assert "Attempts" not in shown
    assert "worst: share of steps" in " ".join(shown.split())
    assert "leapbench claims urlb/entropy-grid --details" in " ".join(shown.split())


def test_a_board_names_the_claims_that_it_cannot_test(invoke):
    shown = " ".join(invoke("board", "sparsify/scenes", "--tier", "smoke").stdout.split())
    _, _, untested = shown.partition("Claims that these rows do not test:")
    assert "floor-over-none" in untested
    assert "tied with it: " in untested


def test_ones_own_rows_are_named_below_a_board(runs):
    shown = runs("board", "coins/small", "--runs", "mine").stdout
    assert re.search(r"\nYours: toy-mean\+toy-guess\S*, rank \d", shown)


def test_a_task_with_rows_of_ones_own_in_a_cheaper_tier_says_so(invoke, tmp_path):
    from leapbench.contract.registry import task
    from leapbench.results import packed, result

    found = next((Path(emit.__file__).parents[2] / "leaderboards/results").glob("*/fashion*/*/*"))
    protocol = task("earlyexit/fashion-mnist").protocols["smoke"]
    changes = {"tier": "smoke", "protocol_hash": protocol.hash}
    cheap = packed.read_all(found)[0].model_copy(update=changes)
    result.write(cheap, tmp_path / "runs/earlyexit/fashion-mnist/smoke/x/seed-0.json")
    assert "--tier smoke" in invoke("board", "earlyexit/fashion-mnist").stdout


def test_all_families_together_are_weighed(runs):
    shown = runs("board", "--runs", "mine", "--format", "md").stdout.replace("\\", "")
    _, _, line = " ".join(shown.split()).partition("Weights: ")
    weights = dict(re.findall(r"(\w+) (0\.\d+) \(", line.partition(". ")[0]))
    assert {"earlyexit", "urlb", "coins"} <= weights.keys()
    assert set(weights.values()) == {f"{1 / len(weights):.3g}"}
    found = rows(runs("board", "--runs", "mine", "--weight", "coins=3", "--format", "csv"))
    assert {row["status"] for row in found} == {"incomplete", "unranked"}
    toys = [row for row in found if "toy" in row["agent"]]
    assert {row["earlyexit/digits"] for row in toys} == {""}
    assert all("earlyexit/digits: missing" in row["note"] for row in toys)
    heavy = runs("board", "--runs", "mine", "--weight", "coins=3", "--format", "json").stdout
    share = json.loads(heavy)["meta"]["coins/small weight"]
    assert share == pytest.approx(3 / (len(weights) + 2))


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("table", "earlyexit"),
        ("md", "### earlyexit"),
        ("csv", "rank,rank_low"),
        ("json", "{"),
        ("html", "<!doctype html>"),
    ],
)
def test_every_format_is_printed_or_written_the_same(invoke, tmp_path, form, start):
    printed = invoke("board", DIGITS, "--format", form).stdout
    assert printed.startswith(start)
    assert "msdnet" in printed
    out = tmp_path / f"b.{form}"
    done = invoke("board", DIGITS, "--out", out, *(("--format", form) if form == "table" else ()))
    assert done.exit_code == 0
    assert printed.startswith(out.read_text(encoding="utf-8"))
    assert done.stdout == ""


def test_a_picture_goes_to_a_file_and_not_to_a_terminal(invoke, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    assert invoke("board", DIGITS, "--out", "b.png").exit_code == 0
    with Image.open(tmp_path / "b.png") as picture:
        assert picture.size[1] > 1000
    monkeypatch.setattr(emit, "on_terminal", lambda: True)
    done = invoke("board", DIGITS, "--format", "png")
    assert done.exit_code == 2
    assert "--out board.png" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("board", "earlyexi"), "'earlyexit'"),
        (("board", "earlyexit/digit"), "'earlyexit/digits'"),
        (("board", DIGITS, "--tier", "paper"), "smoke"),
        (("board", "earlyexit", "--tier", "paper"), "no ranked rows of tier paper"),
        (("board", "earlyexit", "--weight", "earlyexit=2"), "Leave the name out"),
        (("board", "--weight", "x=2"), "earlyexit"),
        (("board", "--board", "nowhere"), "nowhere is no folder"),
        (("board", DIGITS, "--out", "no/where.csv"), "cannot be written"),
        (("board", DIGITS, "--out", "board.pdf"), "no format 'pdf'"),
        (("show", "earlyexit"), "`leapbench list tasks earlyexit`"),
        (("claims", "earlyexi"), "'earlyexit'"),
        (("compare", "msdnet", "msdnot"), "msdnet"),
        (("compare", "msdnet", "ranet", "earlyexit/digit"), "'earlyexit/digits'"),
    ],
)
def test_a_mistake_costs_one_line(invoke, words, told):
    done = invoke(*words)
    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_claims_are_on_every_tier_with_rows_and_can_be_run_again(invoke):
    found = rows(invoke("claims", "--format", "csv"))
    assert {row["task"] for row in found} >= {DIGITS, "earlyexit/fashion-mnist"}
    assert {row["verdict"] for row in found} <= set(VERDICTS)
    for row in found:
        assert row["command"].startswith(f"leapbench run {row['task']} ")
        assert (row["here_low"] == "") == (row["verdict"] == "not tested")
        if row["verdict"] == "not tested":
            continue
        low, high = float(row["here_low"]), float(row["here_high"])
        assert (low > 0 or high < 0) == (row["verdict"] in ("reproduced", "contradicted"))
    text = invoke("claims", DIGITS, "--details").stdout
    assert "--seeds 0-4" in text


def test_claims_open_with_a_line_each_under_their_family_and_task(invoke):
    found = rows(invoke("claims", "--format", "csv"))
    lines = [line.split() for line in invoke("claims").stdout.splitlines()]
    names = {row["claim"] for row in found}
    assert [words[0] for words in lines if words and words[0] in names] == [
        row["claim"] for row in found
    ]
    with_rows = {row["task"] for row in found}
    titles = [t.card.family.title for t in registry.tasks().values() if t.name in with_rows]
    shown = [" ".join(words) for words in lines if " ".join(words) in titles]
    assert shown == list(dict.fromkeys(titles))
    _, _, untested = " ".join(invoke("claims").stdout.split()).partition("No rows, so nothing")
    assert "earlyexit/cifar100" in untested


def test_a_run_against_itself_is_the_same_bytes(runs):
    (found,) = rows(runs("compare", "mine", "one", "--format", "csv"))
    assert (found["verdict"], found["n"], found["difference"]) == ("same bytes", "2", "0.0")


def test_worse_fails_only_on_demand(runs):
    from leapbench.results import result

    for path in Path("one").glob("coins/small/smoke/*/seed-*.json"):
        found = result.read(path)
        result.write(found.model_copy(update={"score": -10.0 + found.seed / 100}), path)
    for words, code in (((), 0), (("--fail-on-worse",), 1)):
        done = runs("compare", "one", "mine", *words)
        assert done.exit_code == code
        assert "worse" in done.stdout
    assert runs("compare", "mine", "one", "--fail-on-worse").exit_code == 0


def test_unreadable_files_are_named_on_stderr(runs):
    bad = Path("mine/coins/small/smoke/x/seed-0.json")
    bad.parent.mkdir()
    bad.write_text("{}")
    done = runs("board", "coins/small", "--runs", "mine")
    assert f"left out: {bad}" in done.stderr
    assert "1 files could not be read" in done.stdout


def test_where_no_agent_is_in_every_family_each_has_a_table_of_its_own(invoke):
    done = invoke("board")
    assert done.exit_code == 0, done.output
    assert "No agent has rows in every family" in done.stdout
    assert "Family earlyexit" in done.stdout
    assert "Agents that know no family" in done.stdout.partition("No agent has rows")[0]
    others, _, own = done.stdout.partition("No agent has rows")[2].partition("Family urlb")
    assert "entropy-grid" not in others
    assert "entropy-grid" in own
    whole = invoke("board", "--format", "json")
    assert "none is ranked over them" in whole.stdout
