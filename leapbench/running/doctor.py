"""Checks of the installation; each says what it found and what to do about it."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

Level = Literal["ok", "warn", "fail"]
BINDINGS = {"egl": "needs no display", "osmesa": "software, slow", "glfw": "needs a display"}


@dataclass(frozen=True)
class DoctorCheck:
    """One line of the report.

    Attributes:
        name: what was looked at.
        level: "fail" when something is broken, "warn" when something may surprise.
        found: what there is.
        advice: what to do; empty when all is well.
    """

    name: str
    level: Level
    found: str
    advice: str = ""


def checks() -> Iterator[DoctorCheck]:
    """Every check; one that breaks is itself reported and hides no other."""
    for group in (packages, pairs, plugins, graphics, atari, threads, devices, data, isolation):
        yield from _guarded(group)


def packages() -> Iterator[DoctorCheck]:
    """Python and what leapbench requires, against the declared bounds."""
    yield DoctorCheck("python", "ok", platform.python_version())
    for text in requires("leapbench") or ():
        if match := re.fullmatch(r"([\w.-]+)([^;]*)", text):  # not those of an extra
            yield _package(match[1], match[2].strip())


def _package(name: str, bounds: str) -> DoctorCheck:
    found, advice = installed(name), f'pip install "{name}{bounds}"'
    if found is None:
        return DoctorCheck(name, "fail", "not installed", advice)
    if not within(found, bounds):
        return DoctorCheck(name, "warn", f"{found}, tested with {bounds}", advice)
    return DoctorCheck(name, "ok", found)


def within(found: str, bounds: str) -> bool:
    """Whether a version lies inside bounds such as ">=1.2,<3"; other operators pass.

    Pre-release suffixes are ignored: the doctor advises, pip decides.
    """
    for bound in bounds.split(","):
        if match := re.fullmatch(r"\s*(>=|<)\s*([\d.]+)\s*", bound):
            below = release(found) < release(match[2])
            if below != (match[1] == "<"):
                return False
    return True


def pairs() -> Iterator[DoctorCheck]:
    """Packages that are known to break each other."""
    mujoco, dmc = installed("mujoco"), installed("dm-control")
    if dmc and mujoco and release(mujoco) >= (4,):
        advice = 'pip install "mujoco>=3.17,<4"'
        yield DoctorCheck("dm-control", "fail", f"{dmc} crashes on MuJoCo {mujoco}", advice)
    elif dmc:
        yield DoctorCheck("dm-control", "ok", f"{dmc} with MuJoCo {mujoco or 'missing'}")
    rliable, pandas = installed("rliable"), installed("pandas")
    if rliable and pandas and release(pandas) >= (3,):
        advice = 'pip install "pandas<3"'
        yield DoctorCheck("rliable", "warn", f"{rliable} fails on pandas {pandas}", advice)


def plugins() -> Iterator[DoctorCheck]:
    """What declares itself, and what is broken among it."""
    import warnings

    from leapbench.contract import registry

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        registry.tasks.cache_clear()
        registry.agents.cache_clear()
        counts = f"{len(registry.tasks())} tasks, {len(registry.agents())} agents"
    yield DoctorCheck("declarations", "ok", counts)
    for warning in caught:
        yield DoctorCheck("plug-in", "warn", str(warning.message), "Update or uninstall it.")


def graphics() -> Iterator[DoctorCheck]:
    """What MuJoCo would render with; it is not imported for that."""
    chosen, display = os.environ.get("MUJOCO_GL", ""), os.environ.get("DISPLAY", "")
    if chosen and chosen.lower() not in BINDINGS:
        yield DoctorCheck("rendering", "warn", f"MUJOCO_GL={chosen}", f"Use {', '.join(BINDINGS)}.")
    elif chosen:
        yield DoctorCheck("rendering", "ok", f"MUJOCO_GL={chosen}: {BINDINGS[chosen.lower()]}")
    elif display or sys.platform != "linux":
        yield DoctorCheck("rendering", "ok", "MUJOCO_GL is not set: a window system is used (glfw)")
    elif find_spec("mujoco"):
        advice = "For MuJoCo outside leapbench: export MUJOCO_GL=egl before Python starts."
        yield DoctorCheck("rendering", "ok", "no display: leapbench's worlds draw with EGL", advice)
    else:
        yield DoctorCheck("rendering", "ok", "no display; not needed, as MuJoCo is not installed")


def atari() -> Iterator[DoctorCheck]:
    """The Atari games, which come inside ale-py."""
    found = installed("ale-py")
    if found:
        yield DoctorCheck("Atari ROMs", "ok", f"inside ale-py {found}")
    else:
        advice = 'pip install "leapbench[atari]" if you want Atari tasks.'
        yield DoctorCheck("Atari ROMs", "ok", "ale-py is not installed", advice)


def threads() -> Iterator[DoctorCheck]:
    """Cores and threads: one thread a process makes CPU seconds comparable."""
    cores, asked = os.cpu_count() or 1, os.environ.get("OMP_NUM_THREADS", "")
    found = f"{cores} cores, OMP_NUM_THREADS={asked or 'not set'}; a run learns on 1"
    advice = "" if asked == "1" else "export OMP_NUM_THREADS=1 when you run several processes."
    yield DoctorCheck("threads", "ok" if asked == "1" or cores == 1 else "warn", found, advice)


def devices() -> Iterator[DoctorCheck]:
    """What `leapbench run --device` may name; torch, which is slow to import, says it of cards."""
    if "torch" not in sys.modules and not _driver():
        yield DoctorCheck("devices", "ok", "cpu")
        return
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cards = [f"cuda:{n}: {torch.cuda.get_device_name(n)}" for n in range(count)]
    yield DoctorCheck("devices", "ok", "; ".join(["cpu", *cards]))


def _driver() -> bool:
    """Whether there is a driver of CUDA's or ROCm's, without which torch has no card."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return Path("/dev/kfd").exists()
    return True


def data() -> Iterator[DoctorCheck]:
    """Data sets on this machine; one that is absent breaks nothing."""
    from leapbench.data.status import status

    for item in status():
        name = f"data: {item.dataset.name}"
        if item.location is None:
            yield DoctorCheck(
                name, "ok", "not here", f"leapbench data {item.dataset.name} says how."
            )
        else:
            yield DoctorCheck(name, "ok", str(item.location.root))


def installed(name: str) -> str | None:
    """Version of a distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def release(text: str) -> tuple[int, ...]:
    """The numbers that a version starts with, trailing zeros dropped: "4.0rc1" is (4,)."""
    match = re.match(r"\d+(\.\d+)*", text)
    numbers = [int(piece) for piece in match[0].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _guarded(group: Callable[[], Iterable[DoctorCheck]]) -> Iterator[DoctorCheck]:
    try:
        yield from group()
    except Exception as error:
        found = " ".join(f"{type(error).__name__}: {error}".split())
        yield DoctorCheck(group.__name__, "fail", found, "Reinstall leapbench.")


def isolation() -> Iterator[DoctorCheck]:
    """What would keep a stranger's agent apart on this machine, by trying it."""
    from leapbench.errors import UserError
    from leapbench.isolation import sandbox

    try:
        sandbox.require()
        yield DoctorCheck("isolation", "ok", sandbox.KEPT)
    except UserError as error:
        advice = error.hint or "`leapbench verify` needs it for strangers' code."
        yield DoctorCheck("isolation", "warn", error.message, advice)
