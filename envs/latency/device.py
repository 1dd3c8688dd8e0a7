"""Devices as data: what the latency model knows of a processor."""

from __future__ import annotations

import os
import tomllib
from functools import lru_cache
from pathlib import Path

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from leapbench.envs.latency.costs import Costs
from leapbench.errors import UserError, unknown

FOLDER = Path(__file__).parent / "devices"
WORD = 4
"""Bytes of a float32, the unit in which data is moved."""
MINE = "this-cpu"
"""Name under which `leapbench calibrate` stores the machine at hand."""
PROCESSOR = "cpu-zen5"
"""The processor that comes with the suite."""


class Device(BaseModel):
    """A processor with three levels of memory (LASNet, section 3.3; LAUDNet's predictor).

    Processing engines work on one output tile each, at a time; data goes from memory
    through a cache that all engines share into the engine's own.

    Attributes:
        title: a few words.
        engines: number of processing engines (streaming multiprocessors).
        lanes: multiply-adds of float32 that an engine does in a cycle.
        clock: cycles a second.
        bandwidth: bytes a second from memory.
        cache: bandwidth of the shared cache, as a multiple of `bandwidth`.
        batch: images that are processed together.
        depth: cycles of an engine's pipeline; `lanes * depth` outputs fill it.
        sector: float32 words that are fetched together.
        launch: seconds to start one operator.
        overlap: whether computing hides moving data, or waits for it.
        costs: measured rates of block-sparse execution, which for processors stand in the place
            of the three levels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    engines: int = Field(ge=1, le=100_000)
    lanes: int = Field(ge=1, le=100_000)
    clock: float = Field(gt=0, le=1e12)
    bandwidth: float = Field(gt=0, le=1e15)
    cache: float = Field(default=4.0, gt=0, le=1000)
    batch: int = Field(default=1, ge=1, le=100_000)
    depth: int = Field(default=4, ge=1, le=1000)
    sector: int = Field(default=8, ge=1, le=10_000)
    launch: float = Field(default=8e-6, ge=0, le=1)
    overlap: bool = False
    costs: Costs | None = None

    @property
    def memory_words(self) -> float:
        """Float32 words a second from memory."""
        return self.bandwidth / WORD

    @property
    def cache_words(self) -> float:
        """Float32 words a second from the shared cache."""
        return self.memory_words * self.cache

    @property
    def full(self) -> int:
        """Outputs that keep an engine busy."""
        return self.lanes * self.depth


def stored() -> Path:
    """Folder of the user's own devices: $LEAPBENCH_DEVICES, else the platform's own place."""
    own = os.environ.get("LEAPBENCH_DEVICES")
    folder = Path(own) if own else platformdirs.user_config_path("leapbench") / "devices"
    return folder.expanduser()


def names() -> tuple[str, ...]:
    """The devices that come with the suite, and those that the user stored."""
    return tuple(sorted({path.stem for path in (*FOLDER.glob("*.toml"), *stored().glob("*.toml"))}))


def device(name: str) -> Device:
    """A device by its name, or one's own by the path of its TOML file.

    Of two of one name the suite's is taken.

    Raises:
        UserError: when there is none, or its file is not one of a device.
    """
    if not isinstance(name, str):
        raise UserError(f"device must be a name or the path of a TOML file, got {name!r}.")
    tried = [FOLDER / f"{name}.toml", stored() / f"{name}.toml"]
    for path in [Path(name)] if name.endswith(".toml") else tried:
        if path.is_file():
            return _read(path, path.stat().st_mtime_ns)
    raise unknown("device", name, names())


def processor() -> Costs:
    """Costs of this processor as `leapbench calibrate` stored them, else of the suite's own."""
    path = stored() / f"{MINE}.toml"
    found = device(MINE if path.is_file() else PROCESSOR).costs
    if found is None:
        raise UserError(f"{path} has no costs.", "leapbench calibrate")
    return found


@lru_cache(maxsize=256)
def _read(path: Path, changed: int) -> Device:
    try:
        return Device.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (ValidationError, ValueError, OSError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(error)
        raise UserError(f"{path} is not a device: {reason}.") from None


def batched(name: str, batch: int) -> Device:
    """A device that computes `batch` images together; 0 for as many as its file says.

    Raises:
        UserError: for an unknown device or another batch.
    """
    found = device(name)
    if isinstance(batch, bool) or not isinstance(batch, int) or not 0 <= batch <= 100_000:
        raise UserError(f"batch must be from 0 to 100,000 images, got {batch!r}.")
    return found.model_copy(update={"batch": batch}) if batch else found
