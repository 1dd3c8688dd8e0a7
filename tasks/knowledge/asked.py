"""A part's answers, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.contract.agent import Learner, Remote
from leapbench.envs.knowledge.drawing import Floats, Pixels
from leapbench.envs.knowledge.words import Tokens
from leapbench.errors import InvalidOutput, UserError
from leapbench.tasks.once import once

WIDEST = 4096
"""Numbers of a feature, at most."""
LARGEST = 1e6
"""Size of such a number, at most."""


class Asked:
    """See `leapbench.envs.knowledge.probes.Encoders`.

    The part sees copies, each picture and each text once and in the order of their bytes: a
    text's place would tell which picture it belongs to.

    Args:
        part: what has learned.
    """

    def __init__(self, part: Learner) -> None:
        self.part = part
        self._widths: dict[str, int] = {}

    def tokens(self, images: Pixels) -> Floats:
        """Features (N, 16, d).

        Raises:
            InvalidOutput: for anything else, and for another d than before.
        """
        each, place = once(images)
        return self._same("tokens", self._answer("tokens", (len(each), 16, -1), each))[place]

    def words(self, texts: Tokens) -> Floats:
        """Features (N, d), as above."""
        each, place = once(texts)
        return self._same("words", self._answer("words", (len(each), -1), each))[place]

    def scores(self, images: Pixels, texts: Tokens) -> Floats:
        """Scores (N, M), as above."""
        (seen, row), (said, column) = once(images), once(texts)
        return self._answer("scores", (len(seen), len(said)), seen, said)[np.ix_(row, column)]

    def _answer(self, name: str, shape: tuple[int, ...], *given: NDArray[Any]) -> Floats:
        """What the part answers, float32 of this shape; -1 is any width."""
        if isinstance(self.part, Remote):
            answer = self.part.invoke(name, *given)
        elif callable(method := getattr(self.part, name, None)):
            answer = method(*given)
        else:
            raise UserError(
                f"{type(self.part).__name__} has no method {name}.",
                "A method of this family has tokens, words and scores; see docs/knowledge.md.",
            )
        wanted = " x ".join("d" if n < 0 else str(n) for n in shape)
        try:
            made = np.array(answer, np.float32)
        except (TypeError, ValueError):
            made = np.zeros(0, np.float32)
        fits = made.ndim == len(shape) and all(
            n == m if n >= 0 else 1 <= m <= WIDEST for n, m in zip(shape, made.shape, strict=True)
        )
        if not fits:
            raise InvalidOutput(
                f"{name} is to give {wanted} numbers, got {type(answer).__name__} of shape "
                f"{made.shape}; d is 1 to {WIDEST}."
            )
        if not (np.abs(made) <= LARGEST).all():
            raise InvalidOutput(
                f"{name} is to give finite numbers between -{LARGEST:g} and {LARGEST:g}, got "
                "others among them."
            )
        return made

    def _same(self, name: str, made: Floats) -> Floats:
        """The features, which are as wide as they were at first."""
        width = self._widths.setdefault(name, made.shape[-1])
        if made.shape[-1] != width:
            raise InvalidOutput(f"{name} gave features of {width}, then of {made.shape[-1]}.")
        return made
