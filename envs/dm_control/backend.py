"""dm_control as an optional package, imported without a window system or OpenGL."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from leapbench.errors import Unavailable

INSTALL = 'pip install "leapbench[dmc]"'
if sys.version_info >= (3, 13):  # labmaze, which it asks for and does not need here, is not there
    INSTALL += " && pip install --no-deps dm-control"
BREAKS = 4
"""Major version of MuJoCo that dm_control does not run on."""


def load(module: str) -> Any:
    """Import a module of dm_control, or of MuJoCo below it.

    Where there is no display and `MUJOCO_GL` is unset, dm_control would choose a
    window system that fails later. It is set to choose nothing instead: `drawing`
    makes its own context, when a picture is asked for. The variable is left as it was.

    Raises:
        Unavailable: when a package is missing, `MUJOCO_GL` names what is not there, or
            MuJoCo is of a version that dm_control does not run on.
    """
    early = "dm_control._render" not in sys.modules
    silent = early and headless() and "MUJOCO_GL" not in os.environ
    if silent:
        os.environ["MUJOCO_GL"] = "disable"
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        raise Unavailable(f"dm_control cannot be imported: {error}.", INSTALL) from error
    except Exception as error:  # each binding that `MUJOCO_GL` names fails in its own ways
        backend, reason = os.environ.get("MUJOCO_GL"), " ".join(str(error).split())
        raise Unavailable(
            f"dm_control cannot be imported with MUJOCO_GL={backend}: {reason}.",
            "Unset MUJOCO_GL; states need none, and pictures find their own.",
        ) from error
    finally:
        if silent:
            del os.environ["MUJOCO_GL"]
    version = str(getattr(sys.modules.get("mujoco"), "__version__", ""))
    if int(version.partition(".")[0] or 0) >= BREAKS:
        raise Unavailable(f"dm_control crashes on MuJoCo {version}.", INSTALL)
    return found


def headless() -> bool:
    """Whether there is surely no window system."""
    return sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
