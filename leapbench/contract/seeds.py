"""Three disjoint streams of seeds: train, dev and test.

Every stream is spawned from the protocol's own entropy, so that two tasks
never share a seed and evaluation never sees a seed of training.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np

Role = Literal["train", "dev", "test"]
_KEYS: dict[Role, int] = {"train": 0, "dev": 1, "test": 2}


def _entropy(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def sequence(protocol: str, role: Role, *path: int, salt: str = "") -> np.random.SeedSequence:
    """Seed sequence of one role under one protocol.

    Args:
        protocol: the seed key of a protocol (`Protocol.seed_key`).
        role: "train" and "dev" are public; a hosted board salts "test".
        path: further spawn keys, such as the agent's seed or an episode index.
        salt: secret text of a hosted board; empty for local use.
    """
    # The separator keeps protocol "v1" with salt "0" apart from protocol "v10".
    text = f"{protocol}\0{salt}" if salt else protocol
    return np.random.SeedSequence(_entropy(text), spawn_key=(_KEYS[role], *path))


def stream(protocol: str, role: Role, count: int, *path: int, salt: str = "") -> list[int]:
    """`count` reset seeds, each in [0, 2**31), for the episodes of one role."""
    state = sequence(protocol, role, *path, salt=salt).generate_state(count, np.uint32)
    return [int(value >> 1) for value in state]
