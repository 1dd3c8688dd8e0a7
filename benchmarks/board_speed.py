"""How fast a board of many results is read and drawn.

    python benchmarks/board_speed.py --tasks 10 --agents 20 --seeds 10

Writes results of the real schema into a temporary folder, one file a seed as runs do and
packed as committed rows are, then times reading each with all checks, the overall table,
and its renderings, in CPU seconds after imports; and reading the same files with
`json.loads` alone, which is the least it could cost.
"""

from __future__ import annotations

import gc
import json
import random
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

from leapbench.contract import registry
from leapbench.contract.task import Protocol
from leapbench.leaderboards.board import Board, load
from leapbench.leaderboards.overall import overall
from leapbench.leaderboards.render import html, terminal
from leapbench.leaderboards.sources import badges_of
from leapbench.leaderboards.tables import board_table, overall_table
from leapbench.results import packed, result
from leapbench.results.result import AgentRecord, Part, Result, Spent, Timing

T = TypeVar("T")
EPISODES = 60
BASE = "earlyexit/digits"


def protocols(count: int) -> list[Protocol]:
    base = registry.task(BASE).protocols["smoke"]
    return [base.model_copy(update={"task": f"bench/task-{i}"}) for i in range(count)]


def made(protocol: Protocol, agent: int, seed: int, draw: random.Random) -> Result:
    rows = [draw.random() for _ in range(EPISODES)]
    score = sum(rows) / EPISODES / 2 + agent / 100
    part = Part(
        name=f"agent-{agent}",
        role="agent",
        version=1,
        config={"network": "msdnet", "lr_factor": 1.0},
    )
    return Result(
        task=protocol.task,
        tier=protocol.tier,
        protocol_hash=protocol.hash,
        agent=AgentRecord(name=part.name, parts=(part,)),
        seed=seed,
        budget=(Spent(phase="train", unit="samples", used=900, limit=1000),),
        episodes={
            "budget": [140_000.0] * EPISODES,
            "episode": list(range(EPISODES)),
            "seed": [draw.randrange(2**31) for _ in range(EPISODES)],
            "accuracy": rows,
            "cost": [draw.random() * 1e5 for _ in range(EPISODES)],
            "violations": [0] * EPISODES,
        },
        metrics={"accuracy": score, "cost": 1e5, "violations": 0.0},
        score=score,
        normalised=protocol.metric.normalise(score),
        provenance={"version:leapbench": "0.1.0", "commit": "0" * 40, "dirty": False, "cores": 2},
        timing=Timing(started="2026-01-01T00:00:00+00:00", wall=1.0, cpu=1.0),
    )


def fill(folder: Path, tasks: list[Protocol], agents: int, seeds: int) -> None:
    draw = random.Random(0)
    for protocol in tasks:
        for agent in range(agents):
            rows = [made(protocol, agent, seed, draw) for seed in range(seeds)]
            place = Path(protocol.task) / protocol.tier / f"agent-{agent}"
            for row in rows:
                result.write(row, folder / "runs" / place / f"seed-{row.seed}.json")
            packed.write(rows, folder / "packed" / f"{place}.json")


def timed(what: str, work: Callable[[], T], repeats: int) -> tuple[float, T]:
    """Median of the CPU seconds, and what came out; the first time stands beside it."""
    took, out = [], None
    for _ in range(repeats):
        out = None
        gc.collect()  # a command reads once: the garbage of a repeat is not the next one's
        start = time.process_time()
        out = work()
        took.append(time.process_time() - start)
    print(f"{what:34} {median(took) * 1e3:8.1f} ms   first {took[0] * 1e3:8.1f} ms")
    return median(took), out  # type: ignore[return-value]


def read(tasks: list[Protocol], runs: Path) -> list[Board]:
    badges = badges_of()
    return [load(protocol, runs, badges=badges, committed=False) for protocol in tasks]


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--agents", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    tasks = protocols(asked.tasks)
    with tempfile.TemporaryDirectory() as name:
        fill(Path(name), tasks, asked.agents, asked.seeds)
        for form in ("runs", "packed"):
            measure(form, Path(name) / form, tasks, asked.repeats)


def measure(form: str, folder: Path, tasks: list[Protocol], repeats: int) -> None:
    """Print what one form of the files costs."""
    files = sorted(folder.rglob("*.json"))
    size = sum(path.stat().st_size for path in files)
    print(f"{form}: {len(files)} files with results of {EPISODES} episodes, {size / 1e6:.1f} MB")
    plain, _ = timed(
        "json.loads alone", lambda: [json.loads(p.read_text()) for p in files], repeats
    )
    loading, boards = timed("load, with all checks", lambda: read(tasks, folder), repeats)
    counting, table = timed("overall table", lambda: overall_table("All", overall(boards)), repeats)
    timed(f"{len(tasks)} task tables", lambda: list(map(board_table, boards)), repeats)
    text, _ = timed("terminal", lambda: terminal.render(table, 120), repeats)
    page, _ = timed("html", lambda: html.render(table), repeats)
    total = loading + counting + text + page
    print(f"{'load, overall, terminal and html':34} {total * 1e3:8.1f} ms")
    print(f"ratio to json.loads alone: load {loading / plain:.1f}, all {total / plain:.1f}")


if __name__ == "__main__":
    main()
