"""A sweep on a Ray cluster gives the files that it gives here, also when a machine is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leapbench.errors import UserError
from leapbench.results.result import Result
from leapbench.running import on_ray
from leapbench.running.cell import Cell
from leapbench.running.sweep import sweep

SEEDS = range(4)
AGENTS = ("moss-tabular", "scratch-tabular")


def cells(out: Path) -> list[Cell]:
    return [
        Cell("urlb/entropy-grid", "smoke", agent, s, (), out) for s in SEEDS for agent in AGENTS
    ]


def untimed(out: Path) -> dict[str, Any]:
    """Results by their place, without what takes time and where they were made."""
    found = {}
    for cell in cells(out):
        record = json.loads(cell.path.read_text())
        record.pop("timing")
        record.pop("provenance")
        found[str(cell.path.relative_to(out))] = record
    return found


class Told:
    """An observer that remembers, and does something when the first cell begins."""

    def __init__(self, first: Any = lambda: None) -> None:
        self.begun: list[Cell] = []
        self.ended: list[tuple[Cell, bool]] = []
        self._first = first

    def started(self, cell: Cell) -> None:
        self.begun.append(cell)
        if len(self.begun) == 2:
            self._first()

    def progress(self, cell: Cell, fraction: float, line: str) -> None:
        assert 0 <= fraction <= 1

    def finished(self, cell: Cell, result: Result, reused: bool) -> None:
        self.ended.append((cell, reused))


@pytest.mark.parametrize(
    ("on", "address"),
    [("ray:auto", "auto"), ("ray:head:6379", "head:6379"), ("ray://h:10001", "ray://h:10001")],
)
def test_places_are_named_as_ray_names_them(on: str, address: str) -> None:
    assert on_ray.address_of(on) == address


def test_ray_alone_is_the_cluster_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert on_ray.address_of("ray") is None
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert on_ray.address_of("ray") == "head:6379"


@pytest.mark.parametrize("on", ["slurm", "ray:", "ray:head", "ray:a b:1", "ray://", "Ray"])
def test_other_places_are_refused(on: str) -> None:
    with pytest.raises(UserError, match=r"no place to run.*ray://HOST:PORT"):
        on_ray.address_of(on)


def test_a_card_by_number_is_refused() -> None:
    with pytest.raises(UserError, match="Ray chooses the card"):
        on_ray.check("ray", "cuda:1")


def test_a_board_keeps_starts_and_the_latest_progress() -> None:
    board = on_ray._Board()
    for fraction in (-1.0, 0.1, 0.2):
        board.tell(3, fraction, "")
    assert board.drain() == {3: [(-1.0, ""), (0.2, "")]}
    assert board.drain() == {}


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head that runs nothing, and two machines of one CPU."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    size = {"object_store_memory": 80_000_000, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **size})
    try:
        yield made
    finally:
        made.shutdown()


def added(cluster: Any) -> Any:
    return cluster.add_node(num_cpus=1, object_store_memory=80_000_000)


@pytest.mark.slow
def test_a_machine_that_is_lost_loses_and_doubles_nothing(cluster: Any, tmp_path: Path) -> None:
    machines = [added(cluster), added(cluster)]
    here, there = tmp_path / "here", tmp_path / "there"
    left: list[int] = []

    def lose() -> None:
        left.append(len(cells(there)) - len(told.ended))
        cluster.remove_node(machines[0], allow_graceful=False)

    told = Told(lose)
    found = sweep(cells(there), 1, told, f"ray:{cluster.address}")
    assert [result.status for result in found] == ["ok"] * len(cells(there))
    assert sorted(map(str, (cell.path for cell, _ in told.ended))) == sorted(
        str(cell.path) for cell in cells(there)
    )
    assert left[0] > 2  # the machine was lost amid the sweep
    sweep(cells(here), 1, Told())
    assert untimed(here) == untimed(there)
    again = Told()
    sweep(cells(there), 1, again, f"ray:{cluster.address}")
    assert [reused for _, reused in again.ended] == [True] * len(cells(there))


def test_a_cluster_that_does_not_answer_is_told_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    with pytest.raises(UserError, match="no cluster answers"):
        sweep(cells(tmp_path)[:1], 1, Told(), "ray:127.0.0.1:1")
