"""Tables of a declaration that stand for many: one for each row of its table `[each]`.

`[each]` has a list of values for each name. A text of the declaration that is "{name}"
alone becomes the row's value, of its type; inside a longer text it is written out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def rows(declaration: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of `[each]`: values by name; none without such a table.

    Raises:
        ValueError: when its lists are of unequal lengths.
    """
    columns: Mapping[str, list[Any]] = declaration.get("each", {})
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(columns, row, strict=True))


def filled(value: Any, row: Mapping[str, Any]) -> Any:
    """What a table, list or text is for a row."""
    if isinstance(value, dict):
        return {key: filled(each, row) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, row) for each in value]
    if not isinstance(value, str) or "{" not in value:
        return value
    name = value[1:-1]
    if value == f"{{{name}}}" and name in row:
        return row[name]
    for name, part in row.items():
        value = value.replace(f"{{{name}}}", str(part))
    return value
