"""Whether all boards, claims and badges are the same in two states of the suite.

    python benchmarks/boards_equal.py snapshot before.json
    ... change code or rows ...
    python benchmarks/boards_equal.py snapshot after.json
    python benchmarks/boards_equal.py compare before.json after.json --renamed names.json

A snapshot holds, from the committed rows, every board with scores, intervals, ranks, ties
and badges, the scores of every seed, every claim with its effect, interval and verdict,
and the boards over tasks. `names.json` tells agents that were renamed:
{"family": {"old": "new"}}. Ends with 1 where anything differs.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from leapbench.contract import registry
from leapbench.leaderboards.board import Board, load
from leapbench.leaderboards.claims import findings
from leapbench.leaderboards.overall import overall
from leapbench.leaderboards.tables import board_table, overall_table

Names = Mapping[str, Mapping[str, str]]


def snapshot() -> dict[str, Any]:
    """What is shown of the committed rows, by board."""
    found: dict[str, Any] = {}
    tiers: dict[str, list[Board]] = {}
    for name, task in registry.tasks().items():
        for tier, protocol in task.protocols.items():
            board = load(protocol)
            tiers.setdefault(tier, []).append(board)
            found[f"{name} {tier}"] = {"rows": _rows(board), "claims": _claims(task, board)}
    for tier, boards in tiers.items():
        found[f"overall {tier}"] = {"rows": _standings(boards)}
    return found


def _rows(board: Board) -> dict[str, Any]:
    lines = board_table(board).rows
    return {
        row.label: _line(line)
        | {"seeds": {str(s): [v, row.normalised_scores[s]] for s, v in row.scores.items()}}
        for row, line in zip(board.rows, lines, strict=True)
    }


def _standings(boards: list[Board]) -> dict[str, Any]:
    made = overall(boards)
    lines = overall_table("all", made).rows
    return {
        f"{each.first.agent.name} on {', '.join(sorted(each.rows))}": _line(line)
        for each, line in zip(made.standings, lines, strict=True)
    }


def _line(line: Any) -> dict[str, Any]:
    """A line of a table; of equal scores the order is by name, so places do not count."""
    cells = {
        key: [None if key == "rank" else cell.value, cell.low, cell.high]
        for key, cell in line.cells.items()
        if key != "agent"
    }
    return {"status": line.status, "cells": cells}


def _claims(task: Any, board: Board) -> list[Any]:
    return [
        {
            "claim": f"{each.claim.agent} over {each.claim.over} in {each.claim.metric}",
            "verdict": each.verdict,
            "seeds": list(each.seeds),
            "effect": each.effect and [each.effect.value, each.effect.low, each.effect.high],
        }
        for each in findings(task, board)
    ]


def renamed(found: Any, names: Names) -> dict[str, Any]:
    """A snapshot with the agents' names of today."""
    return {board: _renamed(content, _known(board, names)) for board, content in found.items()}


def _known(board: str, names: Names) -> dict[str, str]:
    """The renamings of a board's family; of all for a board over families."""
    own = names.get(board.partition("/")[0])
    return dict(own) if own else {k: v for each in names.values() for k, v in each.items()}


def _renamed(content: Any, known: Mapping[str, str]) -> dict[str, Any]:
    def name(text: str) -> str:
        words = text.replace("+", " + ").split(" ")
        return " ".join(known.get(word, word) for word in words).replace(" + ", "+")

    rows = {name(label): line for label, line in content["rows"].items()}
    claims = [each | {"claim": name(each["claim"])} for each in content.get("claims", ())]
    return {"rows": rows, "claims": claims}


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """A line for each thing that differs."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from differences(before.get(key), after.get(key), f"{path} > {key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{path} > {i}")
    elif before != after:
        yield f"{path.removeprefix(' > ')}: {str(before)[:100]} is now {str(after)[:100]}"


def compare(before: Path, after: Path, names: Path | None) -> int:
    known: Names = json.loads(names.read_text()) if names else {}
    old, new = (json.loads(path.read_text()) for path in (before, after))
    old, new = renamed(old, known), renamed(new, {})
    wrong = list(differences(old, new))
    for line in wrong:
        print(line)
    rows = sum(len(each["rows"]) for each in new.values())
    claims = sum(len(each["claims"]) for each in new.values())
    print(f"{len(new)} boards, {rows} rows, {claims} claims: {len(wrong) or 'no'} differences")
    return min(len(wrong), 1)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("snapshot").add_argument("file", type=Path)
    both = commands.add_parser("compare")
    both.add_argument("before", type=Path)
    both.add_argument("after", type=Path)
    both.add_argument("--renamed", type=Path)
    asked = parser.parse_args()
    if asked.command == "compare":
        sys.exit(compare(asked.before, asked.after, asked.renamed))
    asked.file.write_text(json.dumps(snapshot(), indent=1))


if __name__ == "__main__":
    main()
