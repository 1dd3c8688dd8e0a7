"""Networks of this family in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from leapbench.agents.common.state import broken
from leapbench.envs.latency.dynamic import DynamicNetwork, build

WEIGHTS, RECORD = "network.safetensors", "record.json"


def save(network: DynamicNetwork, record: dict[str, Any], folder: Path) -> None:
    """Write weights, shape and a record."""
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    shape = {name: getattr(network.shape, name) for name in network.shape.__dataclass_fields__}
    (folder / RECORD).write_text(json.dumps({"shape": shape, **record}, indent=1) + "\n")


def load(part: object, folder: Path) -> tuple[DynamicNetwork, dict[str, Any]]:
    """The network, in evaluation mode, and the record.

    Raises:
        UserError: when the files are not those of such a network.
    """
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        network = build(record["shape"], 0)
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise broken(folder / RECORD, part, error) from error
    return network.eval(), record
