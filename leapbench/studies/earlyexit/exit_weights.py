"""Records the mean exit weights of finished trainings of L2W-DEN.

    python -m leapbench.studies.earlyexit.exit_weights runs
    python -m leapbench.studies.earlyexit.exit_weights runs l2w-den-i1

reads the training logs among the artifacts and writes what they say into `means.json` of
`agents/earlyexit/exit_weights/`. Tasks and tiers that were not run keep what they had.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from leapbench.contract import registry


def means(artifacts: Path, agent: str = "l2w-den") -> dict[str, dict[str, list[float]]]:
    """Mean weight of every exit over training, by task and tier, then by seed.

    Args:
        artifacts: folder of a `leapbench.contract.artifacts.ArtifactStore`.
        agent: which variant's trainings.
    """
    part = registry.agent(agent, "earlyexit")
    found: dict[str, dict[str, list[float]]] = {}
    for file in sorted(artifacts.glob("*/key.json")):
        key: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if key.get("entry") != part.entry or key["config"] != part.config:
            continue
        log = json.loads((file.parent / "training.json").read_text(encoding="utf-8"))["log"]
        epochs = zip(*(epoch["exit_weights"] for epoch in log), strict=True)
        name = key["seed_key"].rpartition("/")[0]
        seeds = found.setdefault(name, {})
        seeds[str(key["seed"])] = [round(sum(w) / len(w), 4) for w in epochs]
    return {name: dict(sorted(seeds.items())) for name, seeds in sorted(found.items())}


def main() -> None:
    """Renew `means.json` beside the agent that reads it."""
    runs = Path(sys.argv[1] if len(sys.argv) > 1 else "runs")
    agent = sys.argv[2] if len(sys.argv) > 2 else "l2w-den"
    target = files("leapbench.agents.earlyexit.exit_weights").joinpath("means.json")
    known = json.loads(target.read_text(encoding="utf-8")) | means(runs / "artifacts", agent)
    text = json.dumps(dict(sorted(known.items())), indent=1) + "\n"
    Path(str(target)).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
