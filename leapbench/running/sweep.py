"""Runs many cells, in this process or several; finished cells are not run again."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.util import Finalize
from queue import Empty
from typing import Any, Protocol

from leapbench.errors import Terminated, UserError
from leapbench.results.result import Result
from leapbench.running import apart, on_ray
from leapbench.running.apart import INTERVAL
from leapbench.running.cell import Cell

_reports: Any = None  # a worker's queue to the parent


class Observer(Protocol):
    """Whoever wants to know how a sweep goes on."""

    def started(self, cell: Cell) -> None:
        """`cell` has begun to run."""

    def progress(self, cell: Cell, fraction: float, line: str) -> None:
        """`cell` is at `fraction` in [0, 1]."""

    def finished(self, cell: Cell, result: Result, reused: bool) -> None:
        """`cell` has its result; `reused` when it was there before the sweep."""


def sweep(cells: Sequence[Cell], jobs: int, observer: Observer, on: str = "") -> list[Result]:
    """Run every cell that is not done; the results in the order of `cells`.

    Results do not depend on `jobs`: each cell is seeded by itself and runs on
    one thread.

    Args:
        cells: what to run.
        jobs: number of processes; 1 runs in this one.
        observer: told of every start, progress and end.
        on: a Ray cluster in place of processes, see `leapbench.running.on_ray`; it decides
            how many cells run at once.

    Raises:
        UserError: for a user's mistake inside a cell, or a worker that was killed.
        KeyboardInterrupt: after the workers are stopped; finished cells stay.
    """
    found = {i: result for i, cell in enumerate(cells) if (result := cell.done())}
    for i, result in found.items():
        observer.finished(cells[i], result, True)
    todo = [i for i in range(len(cells)) if i not in found]
    # To look at a file, this process has imported it: no other agent runs here then.
    mixed = len({cell.in_file for cell in cells}) > 1
    left = {i: cells[i] for i in todo}
    if on and left:
        running = on_ray.run_all(left, on, observer)
    elif mixed or (jobs > 1 and len(todo) > 1):
        running = _parallel(left, jobs, observer)
    else:
        running = _serial(left, observer)
    for i, result in running:
        found[i] = result
        observer.finished(cells[i], result, False)
    return [found[i] for i in range(len(cells))]


def _serial(cells: dict[int, Cell], observer: Observer) -> Iterator[tuple[int, Result]]:
    for i, cell in cells.items():
        observer.started(cell)
        yield i, apart.contained(cell, partial(observer.progress, cell))


def _parallel(
    cells: dict[int, Cell], jobs: int, observer: Observer
) -> Iterator[tuple[int, Result]]:
    with _pool(min(jobs, len(cells))) as (pool, queue):
        futures: dict[Future[Result], int] = {
            pool.submit(_work, i, cell): i for i, cell in cells.items()
        }
        while futures:
            done, _ = wait(futures, timeout=INTERVAL, return_when=FIRST_COMPLETED)
            for i, fraction, line in _drain(queue):
                if fraction < 0:
                    observer.started(cells[i])
                else:
                    observer.progress(cells[i], fraction, line)
            for future in done:
                try:
                    yield futures.pop(future), future.result()
                except BrokenProcessPool:
                    raise UserError(
                        "A worker process was killed, perhaps for want of memory.",
                        "Finished cells are kept: the same command goes on from there.",
                    ) from None


@contextmanager
def _pool(jobs: int) -> Iterator[tuple[ProcessPoolExecutor, Any]]:
    """Pool of single-threaded workers that is stopped whatever happens."""
    # Set before the workers import NumPy and torch, which read it once.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(queue,))
    try:
        yield pool, queue
        pool.shutdown()
    except BaseException:
        workers = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()
        raise


def _begin(queue: Any) -> None:
    """Prepare a worker."""
    global _reports
    _reports = queue
    apart.settle()
    # A worker that is leaving anyway would be stopped amid what libraries clear up.
    Finalize(None, signal.signal, (signal.SIGTERM, signal.SIG_IGN), exitpriority=100)


def _work(index: int, cell: Cell) -> Result:
    """Run a cell in a worker, reporting at most every `INTERVAL` seconds."""
    _reports.put((index, -1.0, ""))
    report = apart.sparing(lambda fraction, line: _reports.put((index, fraction, line)))
    try:
        return apart.contained(cell, report)
    except Terminated:  # what was half made is cleared away by now
        os._exit(1)


def _drain(queue: Any) -> Iterator[tuple[int, float, str]]:
    while True:
        try:
            yield queue.get_nowait()
        except Empty:
            return


def parse_seeds(text: str) -> list[int]:
    """Seeds from "0", "0-4" or "0,2,5-7", without repeats, in order.

    Raises:
        UserError: for anything else, or a range that runs backwards.
    """
    seeds: list[int] = []
    for piece in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})(?:-(\d{1,6}))?\s*", piece)
        if not match:
            raise UserError(f"--seeds {text!r} is not a seed range.", "Try 0, 0-4 or 0,2,5-7.")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UserError(f"--seeds {piece.strip()} runs backwards.", f"Try {last}-{first}.")
        seeds += [seed for seed in range(first, last + 1) if seed not in seeds]
    return seeds
