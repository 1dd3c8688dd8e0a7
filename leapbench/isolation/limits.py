"""What a guest may use up."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field

from leapbench.contract.frozen import Frozen
from leapbench.contract.task import Tier

GIB = 2**30
MIB = 2**20


class Limits(Frozen):
    """Hard limits of one guest over its whole life.

    Attributes:
        cpu: CPU seconds, all threads together.
        wall: seconds that the host waits for the guest; the host's own work does not count.
        host: seconds that the host works for it while it learns, on its requests.
        memory: bytes of its own memory; mapped libraries do not count.
        threads: threads of the process; further processes are not allowed at all.
        files: open files.
        file: bytes of the largest file that may be written.
        folder: bytes of all its files together, which lie in memory; what it is given counts.
        output: bytes kept of the end of what the guest prints.
        answer: bytes of the largest message that the guest may send.
        sandbox: False runs it without one, as a plain process: for code that is trusted.
    """

    cpu: float = Field(default=600.0, gt=0)
    wall: float = Field(default=900.0, gt=0)
    host: float = Field(default=900.0, gt=0)
    memory: int = Field(default=4 * GIB, gt=0)
    threads: int = Field(default=64, gt=0)
    files: int = Field(default=256, ge=16)
    file: int = Field(default=256 * MIB, gt=0)
    folder: int = Field(default=512 * MIB, gt=0)
    output: int = Field(default=4096, ge=0)
    answer: int = Field(default=64 * MIB, gt=0)
    sandbox: bool = True

    def resources(self) -> dict[str, int]:
        """The limits that the kernel keeps, by their names in `resource`."""
        return {
            "RLIMIT_CORE": 0,
            "RLIMIT_DATA": self.memory,
            "RLIMIT_AS": self.memory + 16 * GIB,  # libraries; those of CUDA take several GiB
            "RLIMIT_CPU": math.ceil(self.cpu),
            "RLIMIT_FSIZE": self.file,
            "RLIMIT_NOFILE": self.files,
            "RLIMIT_MSGQUEUE": 0,
        }


def for_tier(tier: Tier, **changes: Any) -> Limits:
    """Limits that the tier's own agents stay under with room to spare."""
    hours = {"smoke": 0.25, "lite": 2.0, "paper": 48.0}[tier]
    return Limits(cpu=hours * 3600, wall=hours * 5400, host=hours * 5400, **changes)
