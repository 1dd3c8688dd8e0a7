"""What DDPG without pre-training reaches on urlb/entropy-point, with its budget or a multiple.

The gain and the width of the world's reward were chosen so that this is below 0.3 of the
largest return with the budget and above 0.6 with ten times it, at either noise. The warm-up of
random actions is multiplied too. Run it as
`OMP_NUM_THREADS=1 python benchmarks/urlb_point_calibration.py --factor 10 --seeds 3`.
"""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser
from pathlib import Path

import numpy as np

from leapbench.contract import registry
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.testing import shrink, standing_in

TASK = "urlb/entropy-point"


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--factor", type=int, default=1, help="times the budget of tier lite")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    task = registry.task(TASK)
    limits = {p.name: p.budget.limit * asked.factor for p in task.protocols["lite"].phases}
    warmup = int(registry.agent("ddpg", "urlb").config["warmup"]) * asked.factor
    shares: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, standing_in(shrink(task, limits=limits)):
        for seed in range(asked.seeds):
            one = Cell(TASK, "smoke", "ddpg", seed, (f"warmup={warmup}",), Path(folder))
            made = cell.run(one, lambda fraction, line: None)
            if made.status != "ok":
                parser.error(f"seed {seed} {made.status}: {made.message}")
            for row in made.rows():
                if row["goal"] != "none":
                    share = float(row["return"]) / float(row["length"])
                    shares.setdefault(f"noise {row['noise']}, {row['goal']}", []).append(share)
            for name, values in shares.items():
                print(f"seeds 0-{seed}  {name:<25}{np.mean(values):.3f}", flush=True)
    for noise in ("noise 0.0", "noise 0.02"):
        every = [v for name, values in shares.items() if name.startswith(noise) for v in values]
        print(
            f"{noise}: {np.mean(every):.3f} of the largest return with {asked.factor} x the budget"
        )


if __name__ == "__main__":
    main()
