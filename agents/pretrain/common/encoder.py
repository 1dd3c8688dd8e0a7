"""An encoder that is kept after a phase, and answers for its features."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from leapbench.agents.common.state import broken, require
from leapbench.envs.pretrain import views
from leapbench.envs.pretrain.network import Encoder
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.training import tokens
from leapbench.envs.pretrain.views import Pixels

WEIGHTS, RECORD = "encoder.safetensors", "encoder.json"


class Kept:
    """What methods of this family have in common after learning."""

    _encoder: Encoder | None = None

    @property
    def encoder(self) -> Encoder:
        """What was learned.

        Raises:
            UserError: before `learn` or `load`.
        """
        require(self._encoder is not None, self)
        assert self._encoder is not None  # noqa: S101 - for the type checker
        return self._encoder

    def keep(self, encoder: Encoder) -> None:
        """Take an encoder as the outcome; it answers on the CPU."""
        self._encoder = encoder.cpu().eval()

    def tokens(self, images: Pixels) -> NDArray[np.float32]:
        """Features float32 (N, patches, width) of pictures uint8 (N, H, W, C)."""
        encoder = self.encoder
        return np.asarray(tokens(encoder, views.whole(images, encoder.shape.size)).numpy())

    def save(self, folder: Path) -> None:
        """Write the weights (safetensors) and the sizes (JSON)."""
        weights = {name: each.contiguous() for name, each in self.encoder.state_dict().items()}
        save_file(weights, folder / WEIGHTS)
        (folder / RECORD).write_text(json.dumps(vars(self.encoder.shape)))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when a file is absent, or is not of this part.
        """
        try:
            encoder = Encoder(Shape(**json.loads((folder / RECORD).read_text())))
            encoder.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
            raise broken(folder, self, error) from error
        self.keep(encoder)
