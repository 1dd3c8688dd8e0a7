"""A part's answers, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.contract.agent import Learner, Remote
from leapbench.envs.knowledge.drawing import Floats, Pixels
from leapbench.envs.knowledge.network import Clip
from leapbench.envs.knowledge.words import Tokens
from leapbench.errors import InvalidOutput, UserError

WIDEST = 4096
"""Numbers of a feature, at most."""


class Asked:
    """See `leapbench.envs.knowledge.probes.Encoders`.

    Args:
        part: what has learned.
    """

    def __init__(self, part: Learner) -> None:
        self.part = part

    def tokens(self, images: Pixels) -> Floats:
        """Features (N, 16, d).

        Raises:
            InvalidOutput: for anything else.
        """
        return self._answer("tokens", 3, (len(images), 16), images)

    def words(self, texts: Tokens) -> Floats:
        """Features (N, d), as above."""
        return self._answer("words", 2, (len(texts),), texts)

    def scores(self, images: Pixels, texts: Tokens) -> Floats:
        """Scores (N, M), as above."""
        return self._answer("scores", 2, (len(images), len(texts)), images, texts)

    def _answer(self, name: str, axes: int, shape: tuple[int, ...], *given: NDArray[Any]) -> Floats:
        if isinstance(self.part, Remote):
            answer = self.part.invoke(name, *given)
        elif callable(method := getattr(self.part, name, None)):
            answer = method(*given)
        else:
            raise UserError(
                f"{type(self.part).__name__} has no method {name}.",
                "A method of this family has tokens, words and scores; see docs/knowledge.md.",
            )
        try:
            made = np.asarray(answer, np.float32)
        except (TypeError, ValueError):
            made = np.zeros(0, np.float32)
        fits = made.ndim == axes and made.shape[: len(shape)] == shape and made.shape[-1] <= WIDEST
        if not fits or not np.isfinite(made).all():
            wanted = " x ".join([*map(str, shape), "d"][:axes])
            raise InvalidOutput(
                f"{name} is to give {wanted} finite numbers, got {made.shape}.",
            )
        return made


def loaded(clip: Clip, weights: dict[str, Any]) -> Clip:
    """A network with the weights given."""
    clip.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in weights.items()})
    return clip
