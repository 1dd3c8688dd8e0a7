"""Networks that parts trained, built again by the suite from their weights alone."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from leapbench.errors import InvalidOutput

N = TypeVar("N", bound=nn.Module)


def loaded(made: N, given: nn.Module, whose: str) -> N:
    """`made`, a network of the suite's, with the weights of `given`, in evaluation mode.

    Raises:
        InvalidOutput: when they do not fit, or one is not finite.
    """
    try:
        made.load_state_dict(given.state_dict())
    except RuntimeError as error:
        raise InvalidOutput(f"the weights of the {whose}'s network do not fit: {error}") from None
    if not all(bool(torch.isfinite(value).all()) for value in made.state_dict().values()):
        raise InvalidOutput(f"a weight of the {whose}'s network is not finite")
    return made.eval()
