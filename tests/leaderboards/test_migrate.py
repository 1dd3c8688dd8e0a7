"""Rows of schema 1 become packed rows, and nothing of them is lost."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from leapbench.contract.task import canonical
from leapbench.leaderboards import migrate
from leapbench.leaderboards.verdict import Check, Finding, Ledger, Verdict
from leapbench.results import packed


def old(seed: int) -> dict[str, Any]:
    """A row as it was, with its run id."""
    part = {"name": "view-fisher", "role": "policy", "version": 1, "source_hash": "ab" * 8}
    made: dict[str, Any] = {
        "schema_version": 1,
        "status": "ok",
        "message": "",
        "task": "activeview/niche",
        "tier": "lite",
        "protocol_hash": "0" * 16,
        "agent": {
            "name": "view-fisher",
            "parts": [part | {"config": {"rate": 0.5}}],
            "ranked": True,
        },
        "seed": seed,
        "budget": [{"phase": "p", "unit": "views", "used": 3, "limit": 4, "reused": False}],
        "episodes": {"scene": [1, 2], "psnr": [20.5 + seed, 0.1 + 0.2], "kind": ["a", "b"]},
        "metrics": {"psnr": 0.1 + 0.2 + seed},
        "score": 0.1 + 0.2 + seed,
        "normalised": -0.0,
        "details": {"curve": [{"budget": 1, "psnr": 2.0}]},
    }
    content = made | {"budget": [{k: v for k, v in made["budget"][0].items() if k != "reused"}]}
    identity = hashlib.sha256(canonical(content).encode()).hexdigest()[:16]
    rest = {"timing": {"started": "t", "wall": 1.5 + seed, "cpu": 2.5}, "provenance": {"cores": 2}}
    return made | {"run_id": identity} | rest


def test_nothing_is_lost(tmp_path: Path) -> None:
    before = {seed: old(seed) for seed in (0, 1, 10)}
    folder = tmp_path / "results/activeview/niche/lite/view-fisher"
    folder.mkdir(parents=True)
    for seed, row in before.items():
        (folder / f"seed-{seed}.json").write_text(json.dumps(row))
    finding = Finding(
        run_id=before[10]["run_id"],
        cell="activeview/niche lite view-fisher seed 10",
        level="reproduced",
    )
    Ledger(tmp_path / "verdicts").add(
        Verdict(date="2026-01-01", checks=(Check(name="c", passed=True),), rows=(finding,))
    )
    found = migrate.rows(tmp_path / "results", tmp_path / "new", {"0" * 16: "1" * 16})
    assert migrate.verdicts(tmp_path / "verdicts", tmp_path / "judged", found) == 1
    rows = packed.read_all(tmp_path / "new/activeview/niche/lite/fisher-rf.json")
    assert [row.seed for row in rows] == [0, 1, 10]
    for row in rows:
        was = before[row.seed]
        now = row.model_dump(mode="json")
        for name in (
            "episodes", "metrics", "score", "normalised", "budget", "timing", "details", "status",
        ):  # fmt: skip
            assert canonical(now[name]) == canonical(was[name]), name
        assert row.provenance == {"cores": 2, "code": "ab" * 8}
        assert row.agent.parts[0].config == {"rate": 0.5}
    (verdict,) = Ledger(tmp_path / "judged").verdicts()
    assert verdict.rows[0].run_id == rows[2].run_id
    assert verdict.rows[0].cell == "activeview/niche lite fisher-rf seed 10"


def test_a_row_that_was_changed_is_not_taken() -> None:
    with pytest.raises(ValueError, match="run id"):
        migrate.migrated(old(0) | {"score": 0.9}, {"0" * 16: "1" * 16})
