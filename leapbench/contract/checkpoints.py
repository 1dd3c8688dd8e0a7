"""Checkpoints of a long learning phase, from which a killed one continues.

A checkpoint appears whole or not at all. Runs are deterministic, so that any checkpoint
of a phase, by whichever process, is one that every run of the phase passes through.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from leapbench.contract.meter import Meter
from leapbench.contract.task import canonical
from leapbench.errors import UserError

RECORD, BUILDING = "saved.json", ".new-"


class Checkpoints:
    """The checkpoints of one phase; the newest is kept.

    Args:
        folder: named by everything that decides the phase; created when first needed.

    Attributes:
        earlier: CPU seconds up to the checkpoint that was resumed, 0 without one.
        beside: writes what is kept beside what the agent needs, such as its curves.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.earlier = folder, 0.0
        self.beside: Callable[[Path], None] = lambda folder: None
        self._begun = time.process_time()

    @property
    def latest(self) -> Path | None:
        """Folder that `fill` filled for the newest checkpoint; None when there is none."""
        return max(self._all(), key=lambda each: int(each.name), default=None)

    def write(self, meter: Meter, fill: Callable[[Path], None]) -> None:
        """Write a checkpoint, and delete the one before.

        Args:
            meter: budget of the phase, as far as it is used.
            fill: writes everything that the agent needs to continue into an empty folder.
        """
        older = self._all()
        self.folder.mkdir(parents=True, exist_ok=True)
        whole = self.folder / str(meter.used)
        with TemporaryDirectory("", BUILDING, self.folder, ignore_cleanup_errors=True) as name:
            building = Path(name)
            fill(building)
            self.beside(building)
            record = {"used": meter.used, "cpu": self.earlier + time.process_time() - self._begun}
            (building / RECORD).write_text(canonical(record))
            if not whole.exists():  # by another process that runs the same phase
                building.replace(whole)
        for each in older:
            if each != whole:
                shutil.rmtree(each, ignore_errors=True)

    def resume(self, meter: Meter) -> None:
        """Count in `meter` and `earlier` what the newest checkpoint took, if there is one.

        Raises:
            UserError: when its record cannot be read.
        """
        for stale in self.folder.glob(f"{BUILDING}*"):  # of a process that was killed
            shutil.rmtree(stale, ignore_errors=True)
        latest = self.latest
        if latest is None:
            return
        try:
            record = json.loads((latest / RECORD).read_text())
            used, earlier = int(record["used"]), float(record["cpu"])
            if not 0 <= used <= meter.budget.limit:
                raise ValueError(f"{used} of {meter.budget.limit} {meter.budget.unit} used")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise unreadable(latest, error) from error
        meter.used, self.earlier = used, earlier

    def clear(self) -> None:
        """Delete all: the phase is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _all(self) -> list[Path]:
        found = self.folder.iterdir() if self.folder.exists() else ()
        return [each for each in found if each.name.isdecimal()]


def unreadable(checkpoint: Path, error: Exception) -> UserError:
    """Build the error for a checkpoint that is damaged; days of work are not discarded unasked.

    Args:
        checkpoint: its folder.
        error: what went wrong.
    """
    reason = " ".join(str(error).split())
    return UserError(
        f"The checkpoint {checkpoint} cannot be read: {reason}.",
        "Remove that folder to learn what it holds from the beginning.",
    )
