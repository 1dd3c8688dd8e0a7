"""How many mean actions of pre-trained actors lie at the limit, where tanh hardly learns.

Run it as `OMP_NUM_THREADS=1 python benchmarks/urlb_saturation.py --runs runs` after
`leapbench run urlb/entropy-point moss moss-max moss-min cic --tier lite --seeds 0-5`, whose
artifacts it reads. Places are uniform in the box, skills as in exploration.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import numpy as np

from leapbench.contract import registry
from leapbench.contract.task import Phase, Protocol
from leapbench.running.cell import protocol_of
from leapbench.studies.urlb.explored import explorer
from leapbench.tasks.urlb.harness import UrlbHarness

TASK = "urlb/entropy-point"
AGENTS = ("moss", "moss-max", "moss-min", "cic")
PLACES = 2000
LIMIT = 0.95


def saturated(protocol: Protocol, agent: str, phase: Phase, seed: int, runs: Path) -> float:
    """Share of the numbers of all mean actions that are beyond the limit."""
    part = explorer(protocol, agent, phase, seed, runs)
    rng, horizon = np.random.default_rng(seed), UrlbHarness.world(protocol, phase).horizon
    seen = rng.uniform(-1, 1, (PLACES, 4)).astype(np.float32)
    times = rng.integers(horizon, size=PLACES).tolist()
    skills = np.stack([part.skills.draw(rng, time, horizon)[0] for time in times])
    actions = part.ddpg.act(np.concatenate([seen, skills], axis=1))
    return float((np.abs(actions) > LIMIT).mean())


def main() -> None:
    """Print a line for each agent."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--tier", default="lite")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    asked = parser.parse_args()
    protocol = protocol_of(registry.task(TASK), asked.tier)
    roots = [phase for phase in protocol.phases if not phase.after]
    print(f"{'agent':<10}" + "".join(f"{phase.name:>18}" for phase in roots))
    for agent in AGENTS:
        shares = [
            np.mean([saturated(protocol, agent, p, s, asked.runs) for s in range(asked.seeds)])
            for p in roots
        ]
        print(f"{agent:<10}" + "".join(f"{share:>18.0%}" for share in shares), flush=True)


if __name__ == "__main__":
    main()
