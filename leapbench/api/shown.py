"""Tables for programs and notebooks: records, data frames, a plot, the boards' own HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from leapbench.errors import UserError
from leapbench.figures import shown
from leapbench.leaderboards.render import html, png, terminal
from leapbench.leaderboards.render.table import Table, TableColumn

Record = dict[str, bool | int | float | str | None]
ROW, NOTE, FRAME = 31, 22, 150
"""Pixels of a row, of a note, and of what is around them, in a notebook."""


class Shown:
    """Something that is shown as tables.

    Attributes:
        tables: as they are drawn; the first is the one that data frames are made of.
    """

    tables: Sequence[Table] = ()

    def records(self) -> list[Record]:
        """A record a row, with `_low` and `_high` where there is an interval."""
        return [record for table in self.tables[:1] for record in records(table)]

    def to_pandas(self) -> Any:
        """The records as a `pandas.DataFrame`.

        Raises:
            UserError: when pandas is not installed.
        """
        return frame("pandas", self.records())

    def to_polars(self) -> Any:
        """The records as a `polars.DataFrame`.

        Raises:
            UserError: when polars is not installed.
        """
        return frame("polars", self.records())

    def plot(self) -> Any:
        """The first table as a `matplotlib.figure.Figure`: estimates with their intervals.

        Raises:
            UserError: when Matplotlib is not installed, or there is nothing to draw.
        """
        if not self.tables:
            raise UserError("There is nothing to draw.")
        return shown(png.figure(self.tables[0]))

    def _repr_html_(self) -> str:
        """The table of the page that `--format html` writes, in a frame of its own."""
        if not self.tables:
            return "<p>No rows.</p>"
        rows = sum(len(table.rows) for table in self.tables)
        page = escape(html.render(*self.tables, framed=True), quote=True)
        notes = sum(len(table.notes) for table in self.tables)
        high = FRAME + ROW * min(rows, 20) + NOTE * notes
        style = f"width:100%;height:{high}px;border:0"
        return f'<iframe sandbox="allow-scripts" style="{style}" srcdoc="{page}"></iframe>'

    def __repr__(self) -> str:
        """The tables as a terminal shows them."""
        return "\n".join(terminal.render(table, 100) for table in self.tables) or "No rows."


def frame(package: str, records: list[Record]) -> Any:
    """Records as a data frame of an optional package.

    Raises:
        UserError: when it is not installed.
    """
    try:
        if package == "pandas":
            import pandas

            return pandas.DataFrame(records)
        import polars

        return polars.DataFrame(records, infer_schema_length=None)
    except ModuleNotFoundError:
        raise UserError(f"A data frame needs {package}.", f"pip install {package}") from None


def records(table: Table) -> list[Record]:
    """The rows of a table as records, by the keys of its columns, and its `status`."""
    found: list[Record] = []
    for row in table.rows:
        record: Record = {}
        for column in table.columns:
            cell = row.cells[column.key]
            record[column.key] = cell.value
            if _ends(column):
                record |= {f"{column.key}_low": cell.low, f"{column.key}_high": cell.high}
        found.append(record | {"status": row.status})
    return found


def _ends(column: TableColumn) -> bool:
    return column.kind in ("interval", "rank")
