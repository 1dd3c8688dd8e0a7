"""A table in GitHub's Markdown."""

from __future__ import annotations

import re

from leapbench.leaderboards.render.table import Table, TableColumn
from leapbench.leaderboards.render.text import bracket, line, remarks

# Every character that starts or ends something in Markdown or in the HTML inside it.
SPECIAL = re.compile(r"[\\`*_{}\[\]()#+!|<>~$&@:=-]|(?<=^\d)[.)](?=\s|$)|(?<=www)\.", re.IGNORECASE)
SPLIT = "<!-- -->"  # keeps GitHub from making a link; a backslash does not
RIGHT = ("number", "interval", "rank")


def render(table: Table) -> str:
    """The table with its heading and notes; rows that are tied have a bracket at their left."""
    marks = bracket(table)
    heads = [*([" "] if marks else []), *(escaped(column.heading) for column in table.columns)]
    rules = [*([":-:"] if marks else []), *map(_rule, table.columns)]
    out = [f"### {escaped(table.title)}", ""]
    if table.subtitle:
        out += [escaped(table.subtitle), ""]
    out += [_line(heads), _line(rules)]
    for i, row in enumerate(table.rows):
        cells = [escaped(row.cells[column.key].text) for column in table.columns]
        out.append(_line([*([marks[i]] if marks else []), *cells]))
    notes = [*remarks(table), *table.notes]
    out += ["", *(f"* {escaped(note)}" for note in notes)] if notes else []
    return "\n".join(out) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no links, no HTML, no mentions.

    Between letters and digits some characters mean nothing and stay, so that names
    can be read in the source too.
    """
    cleaned = line(text)
    return SPECIAL.sub(lambda found: _escape(found.group(), found.start(), cleaned), cleaned)


def _escape(mark: str, place: int, text: str) -> str:
    before, after = text[:place], text[place + 1 :]
    inside = before[-1:].isalnum() and after[:1].isalnum()
    if mark in "-+=@" and inside:
        return mark
    if mark == ":":
        return f":{SPLIT}" if after.startswith("//") else ":"
    if mark == "@":
        return f"@{SPLIT}"
    if mark == "." and before[-3:].lower() == "www":
        return f"{SPLIT}."
    return f"\\{mark}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(column: TableColumn) -> str:
    return "--:" if column.kind in RIGHT else ":--"
