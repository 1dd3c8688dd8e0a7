"""`lb.run`: learn under the budget, evaluate, one result a seed."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from leapbench.api.results import Results
from leapbench.errors import UserError
from leapbench.running import live, sweep
from leapbench.running.cell import Cell
from leapbench.running.display import observer
from leapbench.running.plan import plan

Agent = str | Callable[..., Any] | tuple[Any, ...]
Seeds = int | str | Iterable[int]


class Interrupted(KeyboardInterrupt):
    """Raised by `run` when it was interrupted; finished seeds are kept.

    Attributes:
        done: the cells that are finished.
        total: how many there were to be.
    """

    def __init__(self, done: Sequence[Cell], total: int) -> None:
        super().__init__(f"Stopped with {len(done)} of {total} finished; the same call goes on.")
        self.done, self.total = tuple(done), total


def run(
    task: str,
    agent: Agent | list[Agent],
    *,
    tier: str = "",
    seeds: Seeds = 0,
    jobs: int = 1,
    device: str = "auto",
    out: str | Path = "runs",
    settings: Mapping[str, Any] | Sequence[str] = (),
    progress: bool = True,
    isolated: bool = False,
    log: str = "",
    keep: bool = False,
    on: str = "",
) -> Results:
    """Let agents learn a task under its budget, and evaluate them; as `leapbench run` does.

    Finished seeds are not run again, so that the same call goes on where it was stopped.

    Args:
        task: such as "earlyexit/digits".
        agent: what is typed on the command line; or a class, or a function that builds
            one, whose parameters with plain defaults are its settings; or a tuple of
            these, the parts of one agent. A list is several agents.
        tier: "smoke", "lite" or "paper"; the smallest that the task has if left out.
        seeds: one seed, several, or text such as "0-4".
        jobs: processes. Agents that only this process knows, such as a class of a
            notebook, run in this one. A script that wants more than one has its calls
            under `if __name__ == "__main__":`.
        device: where agents learn: "cpu", "cuda", "cuda:N", or "cuda:all", whose cards share
            batches where a part can; "auto" is cuda where there is one.
        out: folder of the results.
        settings: name to value; each goes to the agents that have it.
        progress: whether to show how it goes on.
        isolated: run your own files as submissions are run.
        log: write what agents log to "tensorboard" or "wandb" too, under `out`/logs.
        keep: keep what the parts learned, each in a folder beside its result.
        on: a Ray cluster to run on: "ray" for this machine's, "ray:auto", "ray:HOST:PORT" or
            "ray://HOST:PORT" for one that is there; it decides how many seeds run at once.

    Returns:
        A result for each agent and seed, in that order, failed ones among them.

    Raises:
        UserError: for the first thing that is wrong, before anything is run.
        Interrupted: a KeyboardInterrupt; finished seeds are kept.
    """
    cells = planned(task, agent, tier, seeds, jobs, device, out, settings, isolated, log, keep, on)
    return Results(swept(cells, jobs, progress, on), cells)


def planned(
    task: str,
    agent: Agent | list[Agent],
    tier: str = "",
    seeds: Seeds = 0,
    jobs: int = 1,
    device: str = "auto",
    out: str | Path = "runs",
    settings: Mapping[str, Any] | Sequence[str] = (),
    isolated: bool = False,
    log: str = "",
    keep: bool = False,
    on: str = "",
) -> list[Cell]:
    """What `run` with these arguments runs, checked; nothing is run.

    Raises:
        UserError: for the first thing that is wrong.
    """
    # Set before NumPy is imported by the workers: equal results for any number of jobs.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if jobs < 1:
        raise UserError(f"jobs={jobs} is no number of processes.", "Expected 1 or more.")
    names = [live.named(each) for each in (agent if isinstance(agent, list) else [agent])]
    if not names:
        raise UserError("There is no agent.", "`leapbench list agents` lists them.")
    if on and jobs > 1:
        raise UserError(
            "jobs are processes of this machine.", f"Leave them to the cluster of {on!r}."
        )
    if jobs > 1 and any(live.is_live(name) for name in names):
        known = "Agents that only this process knows run in it, one seed after the other."
        warnings.warn(known, stacklevel=2)
    given = typed(settings)
    numbers = seeds_text(seeds)
    return plan(
        task, tier, names, numbers, given, Path(out), isolated, device, log=log, keep=keep, on=on
    )


def swept(cells: Sequence[Cell], jobs: int, progress: bool, on: str = "") -> list[Any]:
    """The results of cells, shown as they come.

    Raises:
        Interrupted: a KeyboardInterrupt; finished seeds are kept.
    """
    from rich.console import Console

    threads = _threads()
    screen = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with observer(screen, cells, not progress) as watcher:
        try:
            return [
                result
                for here, group in groupby(cells, key=lambda cell: live.is_live(cell.agent))
                for result in sweep.sweep(
                    list(group), 1 if here else jobs, watcher, "" if here else on
                )
            ]
        except KeyboardInterrupt:
            stopped = Interrupted([cell for cell, _, _ in watcher.done], len(cells))
        finally:
            if threads:  # cells run on one thread; what the user does next need not
                sys.modules["torch"].set_num_threads(threads)
    raise stopped


def _threads() -> int:
    """Threads that torch uses, 0 where it is not imported yet."""
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch else 0


def seeds_text(seeds: Seeds) -> str:
    """Seeds as the command takes them."""
    if isinstance(seeds, str | int):
        return str(seeds)
    return ",".join(str(int(seed)) for seed in seeds)


def typed(settings: Mapping[str, Any] | Sequence[str]) -> tuple[str, ...]:
    """Settings as the command takes them, "key=value" each."""
    if not isinstance(settings, Mapping):
        return tuple(settings)
    return tuple(f"{key}={_text(value)}" for key, value in settings.items())


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
