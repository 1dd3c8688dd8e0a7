"""Cells as tasks of a Ray cluster: this machine's own, or one that runs already."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from leapbench.errors import Unavailable, UserError
from leapbench.results import result
from leapbench.results.result import Result
from leapbench.running import apart
from leapbench.running.apart import INTERVAL
from leapbench.running.cell import Cell, failed

if TYPE_CHECKING:
    from leapbench.running.sweep import Observer

RETRIES = 3
"""Times that a cell begins anew whose worker or machine was lost."""
PATIENCE = 10.0
"""Seconds that cells have to clear up after Ctrl-C."""
FORMS = "Type ray, ray:auto, ray:HOST:PORT or ray://HOST:PORT."


def address_of(on: str) -> str | None:
    """What Ray calls the cluster that is named by `--on`.

    Args:
        on: "ray" for the cluster of RAY_ADDRESS, or else one on this machine for as long as
            the sweep takes; "ray:auto" for the one that this machine belongs to;
            "ray:HOST:PORT" for one that it can join; "ray://HOST:PORT" for a client's port.

    Raises:
        UserError: for another text.
    """
    if on == "ray":
        return os.environ.get("RAY_ADDRESS") or None
    match = re.fullmatch(r"ray:(auto|[\w.\-]+:\d{1,5}|//[\w.\-]+:\d{1,5})", on)
    if not match:
        raise UserError(f"--on {on!r} is no place to run.", FORMS)
    return on if match[1].startswith("//") else match[1]


def check(on: str, device: str) -> None:
    """Refuse what cannot run there, before anything does.

    Raises:
        UserError: for another place, or for a card by number: Ray gives each run one.
        Unavailable: when Ray is not installed.
    """
    address_of(on)
    if device not in ("auto", "cpu", "cuda"):
        raise UserError(
            f"--device {device} with --on {on}: Ray chooses the card.",
            "Type --device cuda for a card a run, or --device cpu.",
        )
    _ray()


def run_all(cells: dict[int, Cell], on: str, observer: Observer) -> Iterator[tuple[int, Result]]:
    """Run cells on a cluster, each on one CPU and, with device "cuda", one card.

    Results, artifacts and curves go to the cells' folder, which all machines have to see under
    the same path. A cell whose worker is lost begins anew, on another machine if need be.

    Args:
        cells: what to run, by any numbers.
        on: see `address_of`.
        observer: told of every start and of progress.

    Yields:
        numbers of cells with their results, as they come.

    Raises:
        UserError: for a mistake inside a cell; a cluster that does not answer; a result that is
            not seen from here.
        KeyboardInterrupt: after the tasks are cancelled; finished cells stay.
    """
    with _cluster(on) as ray:
        board = _board(ray)
        tasks = {_submit(ray, i, cell, board): i for i, cell in cells.items()}
        try:
            while tasks:
                done, _ = ray.wait(list(tasks), timeout=INTERVAL)
                _tell(ray, board, cells, observer)
                for task in done:
                    i = tasks.pop(task)
                    yield i, _result(ray, task, cells[i])
        except BaseException:
            _cancel(ray, list(tasks))
            raise


def _board(ray: Any) -> Any:
    """A board on the machine that this process joined; another if that one is lost."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    kept = ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy=here)
    return kept(_Board).remote()


def _submit(ray: Any, index: int, cell: Cell, board: Any) -> Any:
    options: dict[str, Any] = {"num_cpus": 1, "max_retries": RETRIES, "retry_exceptions": False}
    if cell.device == "cuda":
        options["num_gpus"] = 1
    given = {key: value for key, value in os.environ.items() if key.startswith("LEAPBENCH_")}
    there = replace(cell, out=cell.out.absolute())
    return ray.remote(**options)(_work).remote(index, there, board, given)


def _work(index: int, cell: Cell, board: Any, given: dict[str, str]) -> str | UserError:
    """Run a cell in a worker; its result is in its folder then."""
    os.environ.update({"OMP_NUM_THREADS": "1"} | given)
    board.tell.remote(index, -1.0, "")
    report = apart.sparing(
        lambda fraction, line: board.tell.remote(index, float(fraction), str(line))
    )
    try:
        # A worker that was lost after it wrote the result has nothing left to do.
        return (cell.done() or apart.contained(cell, report)).status
    except UserError as error:
        return error


class _Board:
    """Where cells are, as they tell it."""

    def __init__(self) -> None:
        self._told: dict[int, list[tuple[float, str]]] = {}

    def tell(self, index: int, fraction: float, line: str) -> None:
        """Keep a start (-1) or the latest progress in [0, 1]."""
        kept = [each for each in self._told.get(index, ()) if each[0] < 0]
        self._told[index] = [*kept, (fraction, line)]

    def drain(self) -> dict[int, list[tuple[float, str]]]:
        """What was told since the last call."""
        told, self._told = self._told, {}
        return told


def _tell(ray: Any, board: Any, cells: dict[int, Cell], observer: Observer) -> None:
    """Tell the observer what cells told; a board that was lost with its machine says nothing."""
    with suppress(ray.exceptions.RayError):
        for i, told in ray.get(board.drain.remote(), timeout=PATIENCE).items():
            for fraction, line in told:
                if fraction < 0:
                    observer.started(cells[i])
                else:
                    observer.progress(cells[i], fraction, line)


def _result(ray: Any, task: Any, cell: Cell) -> Result:
    """What a finished task left in the cell's folder."""
    try:
        answer = ray.get(task)
    except ray.exceptions.RayError as error:
        line = str(error).strip().splitlines()[-1]
        here = replace(cell, device="cpu")  # this machine need not have the cluster's cards
        return failed(here, f"The run was lost {RETRIES + 1} times on the cluster: {line}"[:2000])
    if isinstance(answer, UserError):
        raise answer
    with suppress(UserError):
        found = result.read(cell.path)
        if found.status == answer and found.provenance.get("code") == cell.code:
            return found
    raise UserError(
        f"A run has ended, and its result is not seen from here: {cell.path}",
        "--out is a folder that all machines of the cluster have under the same path, and all of "
        "them have the same version of leapbench.",
    )


def _cancel(ray: Any, tasks: list[Any]) -> None:
    """Interrupt tasks, and end those that take too long to clear up."""
    for force in (False, True):
        for task in tasks:
            with suppress(ray.exceptions.RayError, ValueError):
                ray.cancel(task, force=force)
        with suppress(ray.exceptions.RayError):
            if tasks:
                _, tasks = ray.wait(tasks, num_returns=len(tasks), timeout=PATIENCE)


@contextmanager
def _cluster(on: str) -> Iterator[Any]:
    """Ray, joined to the cluster; one that was joined before stays."""
    ray = _ray()
    joined = ray.is_initialized()
    if not joined:
        _join(ray, on)
    try:
        yield ray
    finally:
        if not joined:
            ray.shutdown()


def _join(ray: Any, on: str) -> None:
    address = address_of(on)
    own: dict[str, Any] = {} if address else {"include_dashboard": False}
    try:
        if address and address != "auto":  # Ray itself would knock for minutes
            host, _, port = address.removeprefix("ray://").rpartition(":")
            socket.create_connection((host, int(port)), timeout=PATIENCE).close()
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **own)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        line = str(error).strip().splitlines()[0]
        raise UserError(f"--on {on}: no cluster answers ({line}).", FORMS) from None


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
    try:
        import ray
    except ImportError:
        raise Unavailable(
            "--on ray needs Ray, which is not installed.", "pip install 'leapbench[ray]'"
        ) from None
    return ray
