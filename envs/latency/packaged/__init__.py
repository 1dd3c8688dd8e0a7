"""The small trained network of the worlds, and the images that they show."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from leapbench.envs.latency.dynamic import DynamicNetwork, Shape, build
from leapbench.envs.latency.needle import Pictures, digits, needles
from leapbench.errors import UserError

FOLDER = Path(__file__).parent
IMAGES = 256
SEED = 20221006
"""Of the images that worlds show; no task's training draws from it."""


def network(path: Path | None = None) -> DynamicNetwork:
    """A network that was kept by `keep`, in single precision; the packaged one by default.

    Raises:
        UserError: when the file is not there or is none.
    """
    path = path or FOLDER / "needle.safetensors"
    try:
        with safe_open(path, framework="pt") as kept:
            shape = Shape(**json.loads(kept.metadata()["shape"]))
            weights = {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118
        made = build(shape, 0)
        made.load_state_dict(weights)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise UserError(f"{path} is not a network of this family: {error}.") from None
    return made.eval()


def keep(made: DynamicNetwork, path: Path) -> None:
    """Write weights in half precision, and the shape, as safetensors."""
    halves = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in made.state_dict().items()
    }
    fields = {name: getattr(made.shape, name) for name in made.shape.__dataclass_fields__}
    save_file(halves, path, {"shape": json.dumps(fields)})


@cache
def pictures() -> Pictures:
    """Needle images of digits that no training has seen."""
    items, labels = digits("test")
    return needles(items, labels, IMAGES, 48, np.random.default_rng(SEED))


def tensors(found: Pictures) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and labels as tensors, channels last."""
    images = torch.tensor(found.images).contiguous(memory_format=torch.channels_last)
    return images, torch.tensor(found.labels)
