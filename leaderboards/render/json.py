"""A table as JSON."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from leapbench.leaderboards.render.table import Table, TableCell, TableColumn, TableRow, Value

SCHEMA = 1


def render(table: Table) -> str:
    """The table as one JSON object, the same text for equal tables.

    {
     "schema_version": 1,
     "title": text, "subtitle": text,
     "meta": {name: value, ...},          facts, such as "task", "tier", "protocol_hash"
     "columns": [{"key", "heading",       text
                  "kind",                 "text", "number", "interval", "rank" or "badge"
                  "better",               "higher", "lower" or null
                  "help"}, ...],          text
     "rows": [{"status",                  "ranked", "unranked", "failed", "refused", "incomplete"
               "tie",                     number of the row's group of ties, or null
               "cells": {key: {"value",   text, number, true, false or null
                               "text",    as people read it
                               "low", "high",   ends of an interval or ranks, where known
                               "note"}}}, ...], where there is one
     "notes": [text, ...]
    }

    There is no NaN and no infinity: what is not known is null or left out. All but
    ASCII is escaped, and so is "<", so that the text can stand in a page.
    """
    data = {
        "schema_version": SCHEMA,
        "title": table.title,
        "subtitle": table.subtitle,
        "meta": {name: _plain(value) for name, value in table.meta.items()},
        "columns": [_column(column) for column in table.columns],
        "rows": [_row(table, row) for row in table.rows],
        "notes": list(table.notes),
    }
    return json.dumps(data, allow_nan=False, indent=1).replace("<", "\\u003c") + "\n"


def _column(column: TableColumn) -> dict[str, Any]:
    names = ("key", "heading", "kind", "better", "help")
    return {name: getattr(column, name) for name in names}


def _row(table: Table, row: TableRow) -> dict[str, Any]:
    cells = {column.key: _cell(row.cells[column.key]) for column in table.columns}
    return {"status": row.status, "tie": row.tie, "cells": cells}


def _cell(cell: TableCell) -> dict[str, Value]:
    found: dict[str, Value] = {"value": _plain(cell.value), "text": cell.text}
    for name, end in (("low", cell.low), ("high", cell.high)):
        if end is not None and isfinite(end):
            found[name] = end
    return found | ({"note": cell.note} if cell.note else {})


def _plain(value: Value) -> Value:
    return None if isinstance(value, float) and not isfinite(value) else value
