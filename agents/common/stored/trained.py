"""The network that a user's own training method saved, as a model of the suite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leapbench.agents.common.stored.weights import restore
from leapbench.agents.earlyexit.common.trainer import Trainer
from leapbench.errors import AgentError, UserError

RECORD, WEIGHTS = "training.json", "network.safetensors"
LARGEST = 4 * 2**20  # bytes of the record, whose log grows with the training


class UnfitNetwork(AgentError):
    """Raised when what was saved is no network of the protocol's."""

    status = "invalid"


def received(folder: Path, shapes: Mapping[str, Mapping[str, Any]]) -> Trainer:
    """The trained network of a `Trainer`, or of what saves like one.

    The kind of network is read from the file, its shape from the protocol, and the
    weights must fit that exactly; no code of the user's runs.

    Args:
        folder: holds training.json and network.safetensors.
        shapes: the protocol's networks, kind to shape.

    Raises:
        UnfitNetwork: for the first thing that is wrong.
    """
    kind = _kind(folder / RECORD)
    if kind not in shapes:
        raise UnfitNetwork(f"{RECORD} names no network of this protocol's: {', '.join(shapes)}.")
    try:
        data = (folder / WEIGHTS).read_bytes()
        network = restore(kind, shapes[kind], data, WEIGHTS)
    except OSError as error:
        raise UnfitNetwork(f"The model saved no {WEIGHTS}.") from error
    except UserError as error:
        raise UnfitNetwork(str(error)) from error
    trainer = Trainer(network=kind)
    trainer.network, trainer.shape = network, dict(shapes[kind])
    return trainer


def _kind(file: Path) -> str:
    try:
        if file.stat().st_size > LARGEST:
            raise UnfitNetwork(f"{RECORD} has more than {LARGEST} bytes.")
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UnfitNetwork(f"The model saved no {RECORD} that can be read.") from error
    kind = record.get("network") if isinstance(record, dict) else None
    if not isinstance(kind, str):
        raise UnfitNetwork(f"{RECORD} does not name a network.")
    return kind
