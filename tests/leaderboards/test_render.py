"""Renderings: every row is there, hostile text stays text, equal tables give equal bytes."""

from __future__ import annotations

import csv
import json
import re
from io import BytesIO, StringIO
from math import inf, isfinite, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from PIL import Image
from rich.cells import cell_len

from leapbench.errors import UserError
from leapbench.leaderboards.render import csv as csv_format
from leapbench.leaderboards.render import html, markdown, png, terminal
from leapbench.leaderboards.render import json as json_format
from leapbench.leaderboards.render.table import Table, TableCell, TableColumn, TableRow
from leapbench.leaderboards.render.text import HARMFUL, bracket, line
from leapbench.leaderboards.statistics import Interval
from leapbench.leaderboards.tables.cells import around, figure, interval

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a|b|c",
    "`code` **bold** _it_ ~~no~~",
    "[link](javascript:alert(1)) ![x](y)",
    "@everyone see https://evil.example www.evil.example",
    "=1+1",
    "+cmd",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\n=1+1",
    "\r\n| new | row |",
    "＝1+1",
    "[red]markup[/red] [/]",
    ":smile: &amp; &#64;",
    "{{ 7 * 7 }}{% raw %}",
    "\x1b[31mred\x1b[0m\x07",
    "a\u202egnp.exe\u200b\u2066",
    "1. one",
    "# head",
    "---",
    "back\\slash\\",
    "$\\frac{1}$_x",
    "名前" * 30,
    "a" * 300,
    "",
    " ",
)
COLUMNS = (
    TableColumn("rank", "Rank", "rank", "lower"),
    TableColumn("agent", "Agent"),
    TableColumn("score", "accuracy", "interval", "higher", "Mean."),
    TableColumn("n", "Seeds", "number", spare=2),
    TableColumn("badge", "Verified", "badge", spare=1),
)
TEXTS = (terminal.render, markdown.render, csv_format.render, json_format.render, html.render)
MARKDOWN = MarkdownIt("commonmark").enable("table")


def row(name, place=1, value=0.5, tie=None, status="ranked", note="") -> TableRow:
    cells = {
        "rank": TableCell(place, f"{place}–{place + 1}", place, place + 1),
        "agent": TableCell(name, name, note=note),
        "score": interval(Interval(value, value - 0.1, value + 0.1)),
        "n": TableCell(5, "5"),
        "badge": TableCell("self-reported", "self-reported"),
    }
    return TableRow(cells, status, tie)


def table(*names, tie=None, **fields) -> Table:
    rows = tuple(row(name, i, 1 / i, tie) for i, name in enumerate(names, 1))
    return Table(**({"title": "T", "columns": COLUMNS, "rows": rows} | fields))


def parsed(text: str) -> list[list[str]]:
    """Cells of the first table of a Markdown text, as a reader sees them."""
    rows: list[list[str]] = []
    for token in MARKDOWN.parse(text):
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline" and rows and token.level > 2:
            kinds = {child.type for child in token.children}
            assert kinds <= {"text", "html_inline"}, kinds
            comments = [c.content for c in token.children if c.type == "html_inline"]
            assert set(comments) <= {markdown.SPLIT}
            rows[-1].append("".join(c.content for c in token.children if c.type == "text"))
    return rows


def test_markdown_shows_hostile_text_as_it_is():
    for name in HOSTILE:
        made = table(name, "other", title=name, subtitle=name, notes=(name,))
        text = markdown.render(made)
        assert [cells[1] for cells in parsed(text)] == ["Agent", line(name), "other"]
        kinds = {token.type for token in MARKDOWN.parse(text)}
        assert not kinds & {"html_block", "fence", "code_block", "hr", "ordered_list_open"}
        links = [
            c for t in MARKDOWN.parse(text) for c in t.children or () if c.type.startswith("link")
        ]
        assert links == []
        assert "://" not in text
        assert not re.search(r"(?<!\w)@\w", text)
        assert not re.search(r"www\.\w", text)


@given(st.text(max_size=40))
def test_markdown_of_any_text_reads_as_the_text(name):
    text = markdown.render(table(name, "b"))
    assert [cells[1] for cells in parsed(text)] == ["Agent", line(name), "b"]


def test_csv_has_no_formula_and_one_line_a_row():
    for name in HOSTILE:
        text = csv_format.render(table(name, "b"))
        rows = list(csv.DictReader(StringIO(text)))
        assert len(rows) == 2 == text.count("\n") - 1
        assert rows[0]["agent"].removeprefix("'") == line(name)
        assert not rows[0]["agent"].startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20))
def test_csv_gives_numbers_back_exactly(value, name):
    made = Table("T", COLUMNS, (row(name, value=value, tie=3),))
    (found,) = csv.DictReader(StringIO(csv_format.render(made)))
    assert float(found["score"]) == value
    assert (float(found["score_low"]), float(found["score_high"])) == (value - 0.1, value + 0.1)
    assert (found["rank_low"], found["rank_high"], found["tie"]) == ("1", "2", "3")


@given(
    st.lists(st.text(max_size=20), max_size=4),
    st.sampled_from([nan, inf, -inf, 0.5, None, "x", True, 10**30]),
)
def test_json_comes_back_and_has_no_nan(names, value):
    made = table(*names, meta={"odd": value})
    text = json_format.render(made)

    def refuse(word):
        raise AssertionError(word)

    found = json.loads(text, parse_constant=refuse)
    assert [r["cells"]["agent"]["text"] for r in found["rows"]] == names
    assert [c["key"] for c in found["columns"]] == [c.key for c in COLUMNS]
    bad = isinstance(value, float) and not isfinite(value)
    assert found["meta"] == {"odd": None if bad else value}
    assert text.isascii()
    assert "<" not in text
    for ours, theirs in zip(made.rows, found["rows"], strict=True):
        assert theirs["cells"]["score"]["value"] == ours.cells["score"].value
        assert theirs["cells"]["score"]["low"] == ours.cells["score"].low


def test_json_leaves_out_the_ends_of_what_is_not_known():
    cells = row("a").cells | {"score": TableCell(nan, "?", -inf, inf)}
    (found,) = json.loads(json_format.render(Table("T", COLUMNS, (TableRow(cells),))))["rows"]
    assert found["cells"]["score"] == {"value": None, "text": "?"}


@pytest.mark.parametrize("width", [40, 200])
def test_terminals_get_no_escapes_and_no_line_is_too_long(width):
    for name in HOSTILE:
        text = terminal.render(table(name, "other", title=name, notes=(name,)), width)
        assert not HARMFUL.search(text)
        assert max(cell_len(each) for each in text.splitlines()) <= width
        squeezed = re.sub(r"\s", "", text)
        if len(name) < 30:
            assert re.sub(r"\s", "", line(name)) in squeezed
        assert "other" in text


@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=30), max_size=5), st.integers(40, 160)
)
@settings(max_examples=60)
def test_any_names_fit_any_width(names, width):
    for records in (False, True):
        text = terminal.render(table(*names), width, records=records)
        assert max((cell_len(each) for each in text.splitlines()), default=0) <= width


@pytest.mark.parametrize("render", TEXTS)
def test_every_rendering_holds_every_agent_and_is_the_same_twice(render):
    names = [f"agent-{i}+policy-{i}" for i in range(30)]
    text = render(table(*names))
    flat = re.sub(r"[\s│┌└]|<wbr>", "", text)
    assert all(f"agent-{i}" in text and f"policy-{i}" in flat for i in range(30))
    assert text == render(table(*names))


@pytest.mark.parametrize("render", TEXTS)
def test_statuses_and_notes_are_seen(render):
    rows = (row("a"), row("b", status="failed", note="seed 3 failed: it broke"))
    assert "seed 3 failed: it broke" in re.sub(r"\s+", " ", render(Table("T", COLUMNS, rows)))


@given(st.lists(st.integers(0, 2) | st.none(), max_size=8))
def test_a_bracket_spans_exactly_the_rows_of_a_group(ties):
    rows = tuple(row("a", tie=tie) for tie in ties)
    marks = bracket(Table("T", COLUMNS, rows)) or [" "] * len(ties)
    for i, mark in enumerate(marks):
        above = i > 0 and ties[i] is not None and ties[i - 1] == ties[i]
        below = i + 1 < len(ties) and ties[i] is not None and ties[i + 1] == ties[i]
        assert mark == {(False, True): "┌", (True, True): "│", (True, False): "└"}.get(
            (above, below), " "
        )


def test_ties_are_drawn_in_every_rendering_that_can():
    tied, loose = table("a", "b", tie=0), table("a", "b")
    for width in (40, 100):
        assert "┌" in terminal.render(tied, width)
        assert "┌" not in terminal.render(loose, width)
    assert "| ┌ | 1–2 | a |" in markdown.render(tied)
    assert 'class="ranked tied"' in html.render(tied)
    assert 'class="ranked tied"' not in html.render(loose)
    assert [r["tie"] for r in json.loads(json_format.render(tied))["rows"]] == [0, 0]


def test_ties_are_drawn_in_pictures():
    pytest.importorskip("matplotlib")
    assert png.render(table("a", "b", tie=0)) != png.render(table("a", "b"))


def test_a_narrow_terminal_says_what_it_left_out():
    rows = tuple(row(f"a-long-name-{i}+with-a-policy", i) for i in range(1, 4))
    rows[0].cells["n"] = TableCell(3, "3")
    made = Table("T", COLUMNS, rows)
    wide, narrow, tiny = (terminal.render(made, width) for width in (120, 60, 36))
    assert "Seeds" in wide
    assert wide.count("self-reported") == 3
    assert "All rows: Verified self-reported." in narrow
    assert "Too narrow for: Seeds." in tiny
    for text in (wide, narrow, tiny):
        assert all(f"a-long-name-{i}+" in text for i in range(1, 4))


def test_columns_that_say_nothing_are_not_drawn_and_those_shown_are_explained():
    columns = (
        *COLUMNS[:3],
        TableColumn("n", "Seeds", "number", spare=2, legend="runs"),
        TableColumn("badge", "Verified", "badge", spare=1, legend="checks"),
    )
    rows = (row("a"), row("b"))
    for each in rows:
        each.cells["badge"] = TableCell(None, "-")
    made = Table("T", columns, rows)
    for width in (50, 120):
        text = terminal.render(made, width)
        assert "Verified" not in text
        assert "checks" not in text
    assert "Seeds: runs" in terminal.render(made, 120)
    rows[1].cells["badge"] = TableCell("checked", "checked")
    assert "Verified: checks" in terminal.render(made, 120)
    assert "badge" in csv_format.render(made)


def test_details_go_before_a_row_takes_two_lines():
    rows = tuple(row(f"agent-{i}", i) for i in range(1, 4))
    rows[0].cells["n"] = TableCell(3, "3")
    rows[0].cells["badge"] = TableCell("checked", "checked")
    text = terminal.render(Table("T", COLUMNS, rows), 48)
    assert "0.5000 ± 0.1000" in text
    assert "Too narrow for: Seeds" in text


def test_brackets_are_explained_where_they_are_drawn():
    assert "tied" in terminal.render(table("a", "b", tie=0), 80)
    assert "tied" not in terminal.render(table("a", "b"), 80)


def test_colours_only_where_they_were_asked_for():
    rows = (row("a"),)
    rows[0].cells["badge"] = TableCell("refused", "refused")
    made = Table("T", COLUMNS, rows)
    assert "\x1b" not in terminal.render(made, 80)
    assert "\x1b[31m" in terminal.render(made, 80, colour=True)


@pytest.mark.parametrize("name", [*HOSTILE[:3], "$\\frac{1}$_x", "名前", "a" * 300, ""])
def test_a_picture_is_drawn_of_any_name_and_the_same_twice(name):
    pytest.importorskip("matplotlib")
    made = table(name, "other", tie=0, title=name)
    data = png.render(made)
    assert data == png.render(made)
    with Image.open(BytesIO(data)) as picture:
        assert picture.size[0] == int(png.WIDTH * png.DPI)
        assert len(picture.convert("L").getcolors()) > 20


def test_a_picture_grows_with_its_rows_up_to_a_limit():
    pytest.importorskip("matplotlib")

    def height(count):
        with Image.open(BytesIO(png.render(table(*map(str, range(count)))))) as picture:
            return picture.size[1]

    assert height(2) < height(20) < height(png.SHOWN)
    assert height(png.SHOWN + 30) == height(png.SHOWN)


def test_without_rows_there_is_no_picture_but_a_sentence():
    pytest.importorskip("matplotlib")
    with pytest.raises(UserError, match="no rows"):
        png.render(table())
    for render in TEXTS:
        assert render(table()).strip()


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Interval(0.84123, 0.83913, 0.84333), "0.8412 ± 0.0021"),
        (Interval(0.5, -inf, inf), "0.5000"),
        (Interval(-0.5, -0.6, -0.4), "−0.5000 ± 0.1000"),
        (Interval(0.5, 0.45, 0.7), "0.5000 (0.4500 to 0.7000)"),
        (Interval(12345.678, 12340.0, 12351.356), "12,345.7 ± 5.7"),
        (Interval(-0.00001, -0.1, 0.1), "0.0000 ± 0.1000"),
    ],
)
def test_estimates_in_words(found, text):
    assert around(found) == text


@given(st.floats(-1e6, 1e6))
def test_a_figure_reads_back(value):
    text = figure(value, 4, signed=True)
    assert float(text.replace("−", "-").replace(",", "")) == pytest.approx(value, abs=6e-5)
    assert text.startswith(("+", "−")) or not text.strip("0.")
