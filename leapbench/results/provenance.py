"""Where and with what a result was made."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("leapbench", "numpy", "gymnasium", "torch", "stable-baselines3", "scikit-learn")


@cache
def provenance() -> dict[str, bool | int | float | str]:
    """Package versions, commit, interpreter, system, CPU and threads."""
    record: dict[str, bool | int | float | str] = {
        f"version:{name}": found for name in PACKAGES if (found := _version(name))
    }
    commit, dirty = _commit()
    if commit:
        record |= {"commit": commit, "dirty": dirty}
    return record | {
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "threads": threads(),
    }


def threads() -> int:
    """OMP_NUM_THREADS; 0 where it is not set, or no number."""
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdecimal() and len(text) < 6 else 0


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _commit() -> tuple[str, bool]:
    """Commit of the checkout that this code runs from, and whether it was changed since."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return "", False
    code = ["leapbench", "envs", "tasks", "agents"]
    try:
        head = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", *code)
    except (OSError, subprocess.CalledProcessError):
        return "", False
    return head, bool(changed)


def _git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.strip()


def _cpu() -> str:
    """Name of the processor; its family, model and stepping too where the name has no number.

    Virtual machines call several models alike, such as "AMD EPYC", which round differently.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    first: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        first.setdefault(key.strip(), value.strip())
    name = first.get("model name", platform.processor())
    numbers = [first.get(key, "") for key in ("cpu family", "model", "stepping")]
    if any(letter.isdigit() for letter in name) or not all(numbers):
        return name
    return f"{name}, model {'.'.join(numbers)}"
