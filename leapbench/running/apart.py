"""A cell with a user's file in a process of its own: it leaves no trace on the next one.

A file may change folder, variables, torch's defaults or signal handlers, print, and end
its process in any way. Each is over with the process, and every end is a result.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from leapbench.contract.harness import Report
from leapbench.errors import Terminated, UserError
from leapbench.results.result import Result
from leapbench.running import cell as cells
from leapbench.running.cell import Cell

INTERVAL = 0.2  # seconds between two reports of a cell
GRACE = 5.0  # seconds in which a process that is told to end must be gone


def run(cell: Cell, report: Report) -> Result:
    """`leapbench.running.cell.run` in a process of its own.

    Raises:
        UserError: for a mistake that no result should record.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, cell))
    process.start()
    theirs.close()
    try:
        while True:
            match ours.recv():
                case float(fraction), str(line):
                    report(fraction, line)
                case Result() as made:
                    return made
                case UserError() as error:
                    raise error
                case str(message):
                    return cells.failed(cell, message)
    except EOFError:
        process.join(GRACE)
        return cells.failed(cell, f"The agent ended its process: {_ending(process.exitcode)}.")
    finally:
        if process.is_alive():
            process.join(GRACE if sys.exc_info()[0] is None else 0)
            process.terminate()
            process.join(GRACE)
            process.kill()
        process.join()
        ours.close()


def contained(cell: Cell, report: Report) -> Result:
    """Run a cell: what a file does to its process, no other cell may feel."""
    return run(cell, report) if cell.in_file else cells.run(cell, report)


def sparing(tell: Report) -> Report:
    """A report that tells at most every `INTERVAL` seconds."""
    last = 0.0

    def report(fraction: float, line: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= INTERVAL:
            last = now
            tell(fraction, line)

    return report


def settle() -> None:
    """Prepare a child: the parent alone handles Ctrl-C, and no child outlives it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _end(*_: Any) -> None:
    raise Terminated(1)


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(pipe: Any, cell: Cell) -> None:
    """Run a cell and send what comes of it; what is printed goes to standard error."""
    settle()
    os.dup2(2, 1)
    report = sparing(lambda fraction, line: pipe.send((float(fraction), str(line))))
    try:
        answer: Any = cells.run(replace(cell, out=cell.out.absolute()), report)
    except UserError as error:
        answer = error
    except Terminated:
        os._exit(1)
    except BaseException as error:  # such as a KeyboardInterrupt, which nobody can have pressed
        answer = f"{type(error).__name__}: {error}"[:2000]
    pipe.send(answer)
    pipe.close()
    with suppress(Exception):
        sys.stderr.flush()
    os._exit(0)  # whatever threads and exit handlers the file has left behind


def _ending(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None or code >= 0:
        return f"exit code {code or 0}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
