"""A part's features, checked."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import torch
from torch import Tensor

from leapbench.contract.agent import Learner, Remote
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.views import Pixels
from leapbench.errors import InvalidOutput, UserError
from leapbench.tasks.once import once

WIDEST = 4096
"""Numbers of a feature, at most."""
LARGEST = 1e6
"""Size of such a number, at most."""
BATCH = 500
"""Pictures that are shown at once; which ones says nothing of their labels."""


class Asked:
    """Features of pictures by a part that has learned; see `probes.Features`.

    Each picture is shown once, in the order of their bytes: a place would tell which crop is of
    the same picture. Every call is answered by a copy of the part as it came, which remembers
    nothing of others: what is asked for is a function of the picture.

    Args:
        part: what has learned.
        shape: sizes of views.
    """

    def __init__(self, part: Learner, shape: Shape) -> None:
        self.part, self.shape = part, shape
        self._width = 0

    def __call__(self, images: Pixels) -> Tensor:
        """Features float32 (N, patches, d).

        Raises:
            InvalidOutput: for anything else, and for another d than before.
            UserError: where the part has no `tokens`.
        """
        each, place = once(images)
        made = [self._of(each[i : i + BATCH]) for i in range(0, len(each), BATCH)]
        return torch.from_numpy(np.concatenate(made)[place])

    def _of(self, images: Pixels) -> np.ndarray:
        if isinstance(self.part, Remote):
            answer = self.part.invoke("tokens", images.copy())
        else:
            answer = self._fresh().tokens(images.copy())
        try:
            made = np.array(answer, np.float32)
        except (TypeError, ValueError):
            made = np.zeros(0, np.float32)
        wanted = (len(images), self.shape.patches)
        if made.ndim != 3 or made.shape[:2] != wanted or not 1 <= made.shape[2] <= WIDEST:
            raise InvalidOutput(
                f"tokens is to give {wanted[0]} x {wanted[1]} x d numbers, d 1 to {WIDEST}, "
                f"got {type(answer).__name__} of shape {made.shape}."
            )
        if self._width not in (0, made.shape[2]):
            raise InvalidOutput(f"tokens gave features of {self._width}, then {made.shape[2]}.")
        self._width = made.shape[2]
        if not (np.abs(made) <= LARGEST).all():
            raise InvalidOutput(f"tokens is to give finite numbers of at most {LARGEST:g}.")
        return made

    def _fresh(self) -> Any:
        """A copy of the part."""
        name = type(self.part).__name__
        if not callable(getattr(self.part, "tokens", None)):
            raise UserError(
                f"{name} has no method tokens.",
                "A method of this family has one; see docs/pretrain.md.",
            )
        try:
            return copy.deepcopy(self.part)
        except (TypeError, ValueError, RuntimeError, pickle.PickleError) as error:
            raise UserError(
                f"{name} cannot be copied: {error}.",
                "Features are asked of copies; keep what was learned in plain attributes.",
            ) from error
