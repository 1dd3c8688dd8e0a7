"""Child processes of a test: what they give back, and how they end."""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def start(work: Callable[[Callable[[Any], None]], None], log: Path) -> int:
    """Run `work(tell)` in a child; what it tells is a line of `log` before it goes on."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with log.open("a") as file:

            def tell(what: Any) -> None:
                file.write(json.dumps(what) + "\n")
                file.flush()

            work(tell)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(child: int) -> int:
    """Wait for a child: its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def told(log: Path) -> list[Any]:
    """What a child told; a line that was cut off does not count."""
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def die() -> None:
    """End this process as the kernel or an impatient user would."""
    os.kill(os.getpid(), signal.SIGKILL)
