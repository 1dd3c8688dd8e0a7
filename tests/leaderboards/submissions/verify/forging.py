"""Rows of the toy task, honest and otherwise, and bundles of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from leapbench.leaderboards.submissions import gather as submission
from leapbench.leaderboards.submissions.bundle.manifest import Entrant
from leapbench.results import result
from leapbench.results.result import Result
from leapbench.running import cell
from leapbench.running.plan import plan

TASK = "coins/small"
HEAD = '"""A policy in one file."""\n\nimport numpy as np\n'
POLICY = """
class Same:
    def learn(self, phase):
        pass

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return (observation[:, 0] > 0.5).astype(np.int64), state

    def save(self, folder):
        pass

    def load(self, folder):
        pass
"""
Edit = Callable[[Result], Result]


def run(runs: Path, agent: str = "toy-guess", seeds: str = "0-1") -> list[Result]:
    """Real rows of an agent on the toy task."""
    cells = plan(TASK, "smoke", [agent], seeds, (), runs)
    return [cell.run(each, lambda fraction, line: None) for each in cells]


def rewrite(runs: Path, edit: Edit) -> None:
    """Edit every row under `runs`; its run id fits the edited content."""
    for path in runs.glob("coins/*/*/*/seed-*.json"):
        result.write(edit(result.read(path)), path)


def flattered(row: Result) -> Result:
    """A row whose episodes are too good, and from which everything follows."""
    hits = [1.0] * len(row.episodes["hits"])
    return row.model_copy(
        update={
            "episodes": row.episodes | {"hits": hits},
            "metrics": {"hits": 1.0},
            "score": 1.0,
            "normalised": 1.0,
        }
    )


def bundle(runs: Path, agent: str = "toy-guess", name: str = "someone", **more: bool) -> Path:
    """A bundle of what lies under `runs`, beside it."""
    rows = submission.gather(TASK, agent, "smoke", runs)
    path = runs.parent / f"{name}.zip"
    path.write_bytes(submission.bundle(rows, Entrant(name=name), None, **more))
    return path
