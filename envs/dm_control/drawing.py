"""Pictures of a simulation, through an OpenGL context opened for the first picture."""

from __future__ import annotations

import atexit
import os
import weakref
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.dm_control.backend import headless, load
from leapbench.errors import Unavailable

HEIGHT, WIDTH = 240, 320
MAX_GEOMS = 1000
BINDINGS = ("egl", "osmesa", "glfw")
_refused: dict[str, str] = {}
"""Bindings that failed, with the reason: at a second try MuJoCo ends the process."""


class Painter:
    """Draws one model without a window.

    The binding is `MUJOCO_GL` if it names one, else EGL where there is no display
    and MuJoCo's own choice elsewhere.

    Args:
        model: `mujoco.MjModel`.
        height: of the pictures, pixels.
        width: likewise.

    Raises:
        Unavailable: when no context can be opened.
    """

    def __init__(self, model: Any, height: int = HEIGHT, width: int = WIDTH) -> None:
        mujoco = load("mujoco")
        self.model, self._mujoco = model, mujoco
        self._context: Any = None
        self._shape = (height, width, 3)
        self._context, self._renderer = _opened(mujoco, model, height, width)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._renderer)
        self._scene = mujoco.MjvScene(model, MAX_GEOMS)
        # On a CPU these two take from two thirds to five sixths of the time.
        for costly in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            self._scene.flags[costly] = 0
        self._options, self._camera = mujoco.MjvOption(), mujoco.MjvCamera()
        self._area = mujoco.MjrRect(0, 0, width, height)
        # Before the bindings end their display at exit, which they registered earlier.
        atexit.register(_close, weakref.ref(self))

    def draw(self, data: Any, camera: str | int) -> NDArray[np.uint8]:
        """Picture of `data` from a camera of the model, uint8 (height, width, 3)."""
        mujoco, kinds = self._mujoco, self._mujoco.mjtCamera
        self._camera.type = kinds.mjCAMERA_FIXED
        self._camera.fixedcamid = self.model.camera(camera).id
        everything = mujoco.mjtCatBit.mjCAT_ALL.value
        mujoco.mjv_updateScene(
            self.model, data, self._options, None, self._camera, everything, self._scene
        )
        self._context.make_current()
        mujoco.mjr_render(self._area, self._scene, self._renderer)
        picture = np.empty(self._shape, np.uint8)
        mujoco.mjr_readPixels(picture, None, self._area, self._renderer)
        return np.flipud(picture).copy()  # OpenGL's rows begin at the bottom

    def close(self) -> None:
        """Free the context; drawing is over."""
        if self._context is not None:
            self._context.make_current()
            self._renderer.free()
            self._context.free()
            self._context = None

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is None: contexts cannot be copied, and whoever has None makes another."""
        return type(None), ()

    def __del__(self) -> None:
        # Left to MuJoCo, textures would be freed in whichever context is current.
        self.close()


def _close(painter: weakref.ref[Painter]) -> None:
    if (alive := painter()) is not None:
        alive.close()


def _opened(mujoco: Any, model: Any, height: int, width: int) -> tuple[Any, Any]:
    """An OpenGL context of the chosen binding, and in it the model."""
    asked = os.environ.get("MUJOCO_GL", "").lower()
    binding = asked if asked in BINDINGS else "egl" if headless() else "gl_context"
    if binding in _refused:
        raise _unfit(binding)
    try:
        context = import_module(f"mujoco.{binding}").GLContext(width, height)
        context.make_current()
        return context, mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
    except Exception as error:  # each binding fails in its own ways
        _refused[binding] = " ".join(str(error).split())
        raise _unfit(binding) from error


def _unfit(binding: str) -> Unavailable:
    return Unavailable(
        f"There is no OpenGL to draw with: {binding} says {_refused[binding]!r}.",
        "On Debian: apt install libegl1; or set MUJOCO_GL to egl, osmesa or glfw.",
    )
