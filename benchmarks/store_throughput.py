"""Submissions a second into a store, and the time to make its index again.

    python benchmarks/store_throughput.py --folder /var/tmp

Rates are of acknowledged submissions: each one's bundle and receipt are on the
disk, and so are their names. They stand beside two loops that do less: "bare"
writes the bundles alone, each with fsync and rename; "atomic" writes bundle and
receipt, each with fsync, rename and fsync of the folder, which is the least that
a store must do to keep its word. Bundles hold one result of two episodes and are
packed beforehand.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from leapbench.leaderboards.submissions.bundle.manifest import BundledPart, Entrant, Manifest
from leapbench.leaderboards.submissions.bundle.pack import described, pack
from leapbench.leaderboards.submissions.store import SubmissionStore
from leapbench.results import atomic, result
from leapbench.results.result import AgentRecord, Part, Result

HASH = "0123456789abcdef"
PROCESSES = 8
SEEDS = 10


def bundle(number: int, seeds: int) -> bytes:
    part = Part(name="toy", role="policy", version=1, config={})
    rows = [
        Result(
            task="toy/one",
            tier="smoke",
            protocol_hash=HASH,
            agent=AgentRecord(name="toy", parts=(part,)),
            seed=seed,
            episodes={"score": [0.25, 0.75]},
            metrics={"score": 0.5},
            score=0.5,
            normalised=0.5,
        )
        for seed in range(seeds)
    ]
    files = {f"results/seed-{row.seed}.json": result.serialise(row) for row in rows}
    manifest = Manifest(
        task="toy/one",
        tier="smoke",
        protocol_hash=HASH,
        agent="toy",
        parts=(BundledPart(role="policy", kind="registered", name="toy"),),
        entrant=Entrant(name=f"entrant {number % 50}", notes=str(number)),
        results=tuple(files),
        files=described(files),
    )
    return pack(manifest, files)


def prepared(folder: Path, count: int, seeds: int) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{n}.zip" for n in range(count)]
    for n, path in enumerate(paths):
        path.write_bytes(bundle(n, seeds))
    return paths


def add(board: Path, paths: list[Path]) -> None:
    store = SubmissionStore(board, create=True)
    for path in paths:
        store.add(path)


def bare(folder: Path, paths: list[Path]) -> None:
    for path in paths:
        partial = folder / f".{path.name}"
        with partial.open("wb") as file:
            file.write(path.read_bytes())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / path.name)


def durably(folder: Path, paths: list[Path]) -> None:
    for path in paths:
        data = path.read_bytes()
        atomic.write(folder / path.name, data)
        atomic.write(folder / f"{path.stem}.json", data[:150])


def rate(
    work: Callable[[Path, list[Path]], None], folder: Path, paths: list[Path], n: int
) -> float:
    """Files a second, by `n` processes."""
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=work, args=(folder, paths[k::n])) for k in range(n)]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - started
    if any(worker.exitcode for worker in workers):
        raise SystemExit("a process failed")
    return len(paths) / seconds


def throughput(folder: Path, count: int, repeats: int) -> None:
    paths = prepared(folder / "bundles", count, 1)
    size = statistics.fmean(path.stat().st_size for path in paths)
    print(f"{count} bundles of {size:.0f} bytes, median of {repeats} (lowest-highest)")
    for n in (1, PROCESSES):
        rates: dict[str, list[float]] = {"bare": [], "atomic": [], "store": []}
        for turn in range(repeats):  # in turn: the disk is not equally fast at all times
            for what, work in (("bare", bare), ("atomic", durably), ("store", add)):
                target = folder / f"{what}-{n}-{turn}"
                target.mkdir()
                rates[what].append(rate(work, target, paths, n))
        middle = {what: statistics.median(found) for what, found in rates.items()}
        for what, found in rates.items():
            print(
                f"{n} processes, {what:7}: {middle[what]:7.1f} a second "
                f"({min(found):.1f}-{max(found):.1f})"
            )
        for what in ("bare", "atomic"):
            print(f"{n} processes, store / {what}: {middle['store'] / middle[what]:.2f}")


def rebuilding(folder: Path, results: int, repeats: int) -> None:
    sync, os.fsync = os.fsync, lambda _: None  # filling the store is not what is measured
    try:
        add(folder / "large", prepared(folder / "more", results // SEEDS, SEEDS))
    finally:
        os.fsync = sync
    store = SubmissionStore(folder / "large")
    spent = []
    for _ in range(repeats):
        store.index.path.unlink()
        started = time.perf_counter()
        count = store.rebuild()
        spent.append(time.perf_counter() - started)
    print(
        f"index of {count} submissions with {count * SEEDS} results made again: "
        f"{statistics.median(spent):.2f} s ({min(spent):.2f}-{max(spent):.2f}), "
        f"{store.index.path.stat().st_size / 2**20:.1f} MiB"
    )
    for what, work in (
        ("opened", lambda: SubmissionStore(folder / "large")),
        ("read", store.submissions),
    ):
        started = time.perf_counter()
        work()
        print(f"the same store {what}: {time.perf_counter() - started:.3f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=None, help="where to write; a real disk")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--results", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        throughput(Path(folder), asked.count, asked.repeats)
        rebuilding(Path(folder), asked.results, asked.repeats)


if __name__ == "__main__":
    main()
