"""bubblewrap around a process: what it sees of the machine, which is little.

The process gets the interpreter, a few libraries, the suite's modules that are named, and
an empty home of limited size in memory. It has no network, no view of other processes,
no other file, no variable of the user's, and a filter of system calls; it ends with its
host. A data set, prediction cache, board, task or environment of ours is not among what it sees.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from glob import glob
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from re import match
from typing import Any

from leapbench.errors import Unavailable
from leapbench.isolation import seccomp

KEPT = "inside bubblewrap: own files, no network, system calls filtered, limited"
SITE, HOME = "/site", "/home"
LIBRARIES = ("numpy", "torch", "safetensors", "gymnasium", "pydantic")
MODULES = (
    *(f"leapbench.{name}" for name in ("errors", "macs", "contract", "isolation", "agents")),
    "leapbench.envs.__init__",  # the package, whose declarations are looked for, and no world
)
HIDDEN = "gymnasium/envs"
"""Folder of a library whose sub-folders, which hold worlds to play in, are kept out."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
SYSTEM = ("/etc/ld.so.cache", "/etc/alternatives", "/sys/devices/system/cpu", *DEVICES)
INSTALL = "Linux: apt install bubblewrap (dnf, pacman, zypper and apk call it bubblewrap too)."
VARIABLES = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "USER": "guest",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "LEAPBENCH_OFFLINE": "1",
}

ALONE = (
    *("--unshare-user", "--unshare-all", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"),
    *("--hostname", "guest", "--new-session", "--die-with-parent", "--as-pid-1", "--clearenv"),
)


@cache
def trouble() -> str:
    """Why no sandbox can be made on this machine, by trying it; empty when one can."""
    if sys.platform != "linux" or platform.machine() not in seccomp.AUDIT:
        return "it is for Linux on x86-64 and aarch64"
    if not shutil.which("bwrap"):
        return "bwrap is not installed"
    trial = ["bwrap", *ALONE, "--ro-bind", "/", "/", "--proc", "/proc", sys.executable, "-c", ""]
    ran = subprocess.run(trial, capture_output=True, text=True, check=False)  # noqa: S603
    complaint = " ".join(ran.stderr.split())[:200]
    return "" if ran.returncode == 0 else complaint or f"bwrap ended with code {ran.returncode}"


def require() -> None:
    """See that there is a sandbox.

    Raises:
        Unavailable: where there is none, with what to install.
    """
    if trouble():
        raise Unavailable(f"Strangers' code runs inside bubblewrap only: {trouble()}.", INSTALL)


def start(
    code: str,
    *arguments: str,
    home: str = "",
    room: int = 2**20,
    libraries: Sequence[str] = LIBRARIES,
    modules: Sequence[str] = MODULES,
    keep: Sequence[int] = (),
    **streams: Any,
) -> subprocess.Popen[bytes]:
    """Start a Python process in the sandbox, or without one.

    Args:
        code: what it runs.
        arguments: its further arguments.
        home: folder to run in without a sandbox; empty for a sandbox.
        room: bytes of its home.
        libraries: distributions that it may import, with what they need.
        modules: modules and packages of the suite or a plug-in that it may import.
        keep: file descriptors that it inherits.
        streams: of `subprocess.Popen`.

    Raises:
        Unavailable: when a sandbox is wanted and there is none.
    """
    if home:
        command = [sys.executable, "-P", "-u", "-c", code, *arguments]
        kept = {k: v for k, v in os.environ.items() if k in ("LD_LIBRARY_PATH", "PYTHONPATH")}
        return _process(command, keep, kept | VARIABLES | _homes(home), cwd=home, **streams)
    require()
    reading, writing = os.pipe()
    try:
        os.write(writing, seccomp.program(platform.machine()))
        os.close(writing)
        python = [str(Path(sys.executable).resolve()), "-I", "-S", "-u", "-c"]
        line = f"import sys; sys.path.append({SITE!r}); {code}"
        seen = mounts(tuple(libraries), tuple(modules))
        boxed = ["bwrap", *ALONE, *seen, *_home(room), "--seccomp", str(reading), "--"]
        path = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
        return _process([*boxed, *python, line, *arguments], [reading, *keep], path, **streams)
    finally:
        os.close(reading)


@cache
def mounts(libraries: tuple[str, ...], modules: tuple[str, ...]) -> tuple[str, ...]:
    """Bubblewrap's arguments for all that can be read."""
    base = Path(sys.base_prefix)
    found = ["--proc", "/proc"]
    for name in ("/lib", "/lib64"):
        if Path(name).is_symlink():
            found += ["--symlink", os.readlink(name), name]  # noqa: PTH115
        elif Path(name).is_dir():
            found += ["--ro-bind", name, name]
    for folder in dict.fromkeys(("/usr/lib", "/usr/lib64", str(base / "lib"), str(base / "lib64"))):
        if Path(folder).is_dir():
            found += ["--ro-bind", folder, folder]
            for packages in sorted(glob(f"{folder}/python*/*-packages")):  # noqa: PTH207
                found += _empty(packages)
    for path in (str(Path(sys.executable).resolve()), *SYSTEM):
        kind = "--dev-bind" if path in DEVICES else "--ro-bind"
        found += [f"{kind}-try", path, path]
    for name, place in (_libraries(libraries) | _modules(modules)).items():
        found += ["--ro-bind", str(place), f"{SITE}/{name}"]
        if name == HIDDEN.partition("/")[0]:
            for each in sorted((place.parent / HIDDEN).iterdir()):
                found += _empty(f"{SITE}/{HIDDEN}/{each.name}") if each.is_dir() else []
    return tuple(found)


def _process(
    command: list[str], keep: Sequence[int], variables: Mapping[str, str], **options: Any
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        command, env=dict(variables), pass_fds=tuple(keep), start_new_session=True, **options
    )


def _home(room: int) -> list[str]:
    variables = VARIABLES | _homes(HOME)
    named = [word for key, value in variables.items() for word in ("--setenv", key, value)]
    made = ["--size", str(room), "--tmpfs", HOME, "--chdir", HOME, "--remount-ro", "/"]
    return named + made


def _homes(home: str) -> dict[str, str]:
    return {"HOME": home, "TMPDIR": home}


def _empty(folder: str) -> list[str]:
    return ["--tmpfs", folder, "--remount-ro", folder]


def _libraries(names: Sequence[str]) -> dict[str, Path]:
    """Files and folders of distributions and of all that they need, by name."""
    found: dict[str, Path] = {}
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            dist = distribution(name)
        except PackageNotFoundError:  # needed on other machines, or by an extra
            continue
        record = dist.read_text("RECORD") or dist.read_text("top_level.txt") or ""
        tops = {line.split(",")[0].split("/")[0].strip('"') for line in record.splitlines()}
        places = {top: Path(str(dist.locate_file(top))) for top in tops - {"..", "__pycache__", ""}}
        found |= {top: place for top, place in places.items() if place.exists()}
        wanted = [text for text in dist.requires or () if "extra ==" not in text]
        waiting += [m[0] for text in wanted if (m := match(r"[\w.-]+", text))]
    return found


def _modules(names: Sequence[str]) -> dict[str, Path]:
    """Files and folders of modules, and of the packages above them, by place."""
    return dict(place for name in names for place in _places(name))


def _places(name: str) -> Iterator[tuple[str, Path]]:
    *above, _ = name.split(".")
    for count in range(1, len(above) + 1):
        spec = find_spec(".".join(above[:count]))
        if spec and spec.origin:
            yield "/".join((*above[:count], "__init__.py")), Path(spec.origin)
    spec = find_spec(name)
    if spec is None:
        return
    place = name.replace(".", "/")
    if spec.submodule_search_locations:
        yield place, Path(next(iter(spec.submodule_search_locations)))
    elif spec.origin:
        yield f"{place}.py", Path(spec.origin)
