"""An Optuna study over an agent's settings, on development episodes alone.

`python examples/optuna_study.py` (pip install optuna) searches, and then runs what it chose
once on the task itself. Test episodes decide nothing.
"""

from __future__ import annotations

import argparse
from typing import Any

import optuna

import leapbench as lb

TASK, AGENT = "urlb/entropy-grid", "scratch-tabular"


def objective(trial: Any) -> float:
    """Mean score of two seeds with suggested settings."""
    settings = {"task_rate": trial.suggest_float("task_rate", 0.05, 1.0, log=True)}
    return lb.dev_score(TASK, AGENT, settings=settings, seeds="0-1")


def study(trials: int) -> Any:
    """The study after so many trials."""
    sampler = optuna.samplers.TPESampler(seed=0)
    found = optuna.create_study(direction="maximize", sampler=sampler)
    found.optimize(objective, trials)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10)
    chosen = study(parser.parse_args().trials).best_params
    print(lb.run(TASK, [AGENT], settings=chosen, seeds="0-4"))


if __name__ == "__main__":
    main()
