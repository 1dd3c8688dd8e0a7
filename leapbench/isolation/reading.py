"""Which folders a guest may read: interpreter, installed packages, system libraries."""

from __future__ import annotations

import site
import sys
import sysconfig
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("leapbench", *(f"leapbench.{n}" for n in ("agents", "envs", "leaderboards", "tasks")))
SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/alternatives",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "/dev/random",
)


def readable(paths: Sequence[str] = ()) -> list[str]:
    """Folders and files, sorted, without repeats.

    Args:
        paths: further folders with packages.
    """
    installed = (p for p in sys.path if Path(p).name in ("site-packages", "dist-packages"))
    found = {*SYSTEM, *paths, *site.getsitepackages(), *installed}
    for root in {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}:
        # Not the whole prefix: a virtual environment may lie in the user's project.
        found |= {f"{root}/{name}" for name in ("bin", "lib", "lib64", "pyvenv.cfg")}
    found |= {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    for package in PACKAGES:
        spec = find_spec(package)
        found |= set(spec.submodule_search_locations or ()) if spec else set()
    return sorted({str(Path(name)) for name in found})
