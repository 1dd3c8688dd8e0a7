"""All seeds of one agent on one task and tier in one file, as committed rows lie.

    {"schema_version": 2,
     "shared": {...},     fields that all seeds have, and what equals in dictionaries
     "seeds": [
      {...},              a line a seed: the rest of its fields
      ...]}

A row is `shared` with the seed's own fields over it; nothing is left out and nothing is
derived, and each row still has the run id that its content must give.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from leapbench.contract.task import TIERS, canonical
from leapbench.errors import UserError
from leapbench.results import atomic
from leapbench.results.result import SCHEMA, Result, content, invalid, read, stamped
from leapbench.results.values import Digests

PACKED_BYTES = 20_000_000
SEEDS = 1000
MERGED = ("episodes", "metrics", "provenance")
"""Fields that are dictionaries, of which each entry is shared by itself."""


def paths(folder: Path) -> list[Path]:
    """The result files under the folder of a task and tier: packed ones and one a seed."""
    return sorted(p for pattern in ("*.json", "*/seed-*.json") for p in folder.glob(pattern))


def below(folder: Path) -> list[Path]:
    """The result files anywhere under a folder, such as one given to `leapbench run --out`."""
    tiers = {path for tier in TIERS for path in folder.rglob(tier) if path.is_dir()}
    found = {path for tier in tiers for path in paths(tier)} | set(folder.rglob("seed-*.json"))
    return sorted(found | set(folder.glob("*.json")))


def read_all(path: Path) -> tuple[Result, ...]:
    """The rows of a file of either form.

    Raises:
        UserError: when the file cannot be read, is too large, or holds no valid rows.
    """
    if path.name.startswith("seed-"):
        return (read(path),)
    return unpack(content(path, PACKED_BYTES), str(path))


def pack(rows: Sequence[Result]) -> bytes:
    """The content of a packed file.

    Args:
        rows: of one task, tier and agent, each of a seed of its own; not empty.
    """
    each = [stamped(row) for row in sorted(rows, key=lambda row: row.seed)]
    shared = _equal(each)
    del shared["schema_version"]  # said above
    for name in MERGED:
        if name not in shared and (common := _equal([fields[name] for fields in each])):
            shared[name] = common
    own = [dict(_rest(fields, shared)) for fields in each]
    lines = [f'{{"schema_version": {SCHEMA},', ' "shared": {']
    lines.append(",\n".join(f"  {json.dumps(k)}: {_text(v)}" for k, v in shared.items()) + "},")
    lines += [' "seeds": [', ",\n".join(f"  {_text(fields)}" for fields in own), " ]}", ""]
    return "\n".join(lines).encode()


def write(rows: Sequence[Result], path: Path) -> None:
    """Write a packed file so that it is there whole or not at all.

    Raises:
        UserError: when it would be larger than `PACKED_BYTES`.
    """
    data = pack(rows)
    unpack(data, str(path))
    atomic.write(path, data)


def unpack(data: bytes, name: str) -> tuple[Result, ...]:
    """The rows of a packed file, each validated as though it came alone.

    Args:
        data: the file's bytes.
        name: what messages call it.

    Raises:
        UserError: when it is too large or not a valid packed file.
    """
    if len(data) > PACKED_BYTES:
        raise UserError(f"{name} is larger than {PACKED_BYTES} bytes: not a result file.")
    try:
        found = from_json(data)
        if found.keys() != {"schema_version", "shared", "seeds"}:
            raise ValueError("expected schema_version, shared and seeds")
        if found["schema_version"] != SCHEMA:
            raise ValueError(f"expected schema_version {SCHEMA}")
        rows = tuple(_rows(dict(found["shared"]), found["seeds"]))
        _check(rows)
    except ValidationError as error:
        raise invalid(name, error) from None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise UserError(f"{name} is not a valid result: {str(error)[:200]}.") from None
    return rows


def _rows(shared: dict[str, Any], seeds: Sequence[dict[str, Any]]) -> Iterator[Result]:
    known: Digests = {}  # of the columns that all share, which are then checked once
    for fields in seeds:
        whole = shared | fields
        for name in MERGED:
            if name in shared and name in fields:
                whole[name] = shared[name] | fields[name]
        row = Result.model_validate(whole, context=known)
        for name in ("agent", "budget"):  # validated once
            if name in shared:
                shared[name] = getattr(row, name)
        yield row


def _check(rows: Sequence[Result]) -> None:
    if not 0 < len(rows) <= SEEDS:
        raise ValueError(f"expected 1 to {SEEDS} seeds")
    if not all(row.run_id for row in rows):
        raise ValueError("a row has no run_id")
    if len({(row.task, row.tier, row.agent.identity) for row in rows}) > 1:
        raise ValueError("rows of two tasks or agents are in one file")
    if len({row.seed for row in rows}) < len(rows):
        raise ValueError("two rows have one seed")


def _equal(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all have, equal to the type of every number."""
    first, *others = each
    return {
        name: value
        for name, value in first.items()
        if all(name in o and canonical(o[name]) == canonical(value) for o in others)
    }


def _rest(fields: Mapping[str, Any], shared: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields of one seed that are not shared."""
    for name, value in fields.items():
        common = shared.get(name, {}) if name in MERGED else {}
        if name in MERGED and value.keys() != common.keys():
            yield name, {k: v for k, v in value.items() if k not in common}
        elif name not in shared:
            yield name, value


def _text(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
