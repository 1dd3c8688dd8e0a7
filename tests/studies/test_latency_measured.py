"""Masks that an agent chose, run block-sparsely: the world's answers, and a table of timings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from leapbench.envs.latency.device import batched
from leapbench.envs.latency.sparse import timing
from leapbench.errors import UserError
from leapbench.running.cell import Cell
from leapbench.studies.latency import measured, playing
from leapbench.tasks.latency.harness import MasksHarness
from leapbench.testing import small_task, standing_in

Learned = tuple[MasksHarness, dict[str, Any]]
DEVICE = batched("cpu-zen5", 5)


@pytest.fixture(scope="module")
def lasnet(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    with standing_in(small_task("latency/needle")):
        return playing.learned(
            Cell("latency/needle", "smoke", "lasnet", 0, (), tmp_path_factory.mktemp("runs"))
        )


@pytest.mark.parametrize("budget", [0.5, 1.0])
def test_the_sparse_network_answers_as_the_world_did(lasnet: Learned, budget: float) -> None:
    harness, parts = lasnet
    found = playing.played(harness, parts, DEVICE, budget)
    test = harness.splits["test"]
    logits = playing.dynamic(harness, parts).sparse(
        torch.tensor(test.images[found.images]), found.masks
    )
    right = logits.argmax(1).numpy() == test.labels[found.images]
    assert right.mean() == pytest.approx(found.accuracy)
    shares = [float(mask.float().mean()) for mask in found.masks]
    assert sum(shares) / len(shares) == pytest.approx(found.kept)
    assert 0 < found.predicted <= budget + 1e-9


def test_a_row_a_budget(lasnet: Learned) -> None:
    noise, rows = measured.measured(*lasnet, DEVICE, rounds=2, force=True)
    assert noise.startswith("batch 5: ")
    assert [row.budget for row in rows] == [0.5, 1.0]
    assert all(0 < row.low <= row.measured <= row.high for row in rows)
    assert len({row.dense_ms for row in rows}) == 1
    lines = measured.table(rows).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith(f"| 5 | 0.5 | {rows[0].accuracy:.3f} |")


def test_nothing_is_reported_on_a_busy_machine(
    lasnet: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "REPEATS", -1.0)
    with pytest.raises(UserError, match="too busy"):
        measured.measured(*lasnet, DEVICE, rounds=2)


def test_tasks_without_masks_are_refused(capsys: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="choose no masks"):
        measured.main(["latency/levels", "--tier", "smoke", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="nowhere"):
        measured.main(["latency/nowhere", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="2"):
        measured.main(["latency/needle", "--batch", "0"])
    assert "--batch takes numbers from 1 on" in capsys.readouterr().err
