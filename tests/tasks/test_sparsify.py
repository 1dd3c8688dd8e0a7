"""The harness: agents of one's own, cheats that are refused, resuming."""

from __future__ import annotations

import signal
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leapbench.agents.sparsify.dense.dense import Dense
from leapbench.agents.sparsify.disparse.static import DiSparse
from leapbench.agents.sparsify.random.random import Random
from leapbench.agents.sparsify.rigl.rigl import RigL
from leapbench.contract import registry
from leapbench.contract.artifacts import ArtifactStore
from leapbench.envs.sparsify.facts import coded
from leapbench.errors import AgentError, BudgetExceeded, InvalidOutput
from leapbench.tasks.sparsify.harness import SparsifyHarness
from leapbench.tasks.sparsify.method import checked
from leapbench.testing import small_task


class Own:
    """A method of one's own.

    Args:
        plan: its plan.
        keep: what it keeps of (mask, budget).
    """

    def __init__(self, plan: Any, keep: Any) -> None:
        self._plan, self._keep, self.budget = plan, keep, 0

    def plan(self, facts: Any) -> Any:
        self.budget = facts.budget
        return self._plan

    def keep(self, iteration: int, weights: Any, mask: Any, scores: Any) -> Any:
        weights[:] = 1e9  # a copy, whose change nobody sees
        return self._keep(mask, self.budget)


def harness(folder: Path, **settings: Any) -> SparsifyHarness:
    protocol = small_task("sparsify/scenes").protocols["smoke"]
    changed = protocol.settings | settings
    return SparsifyHarness(
        protocol.model_copy(update={"settings": changed}), 0, ArtifactStore(folder)
    )


def scored(folder: Path, part: Any, **settings: Any) -> tuple[dict[str, Any], dict[str, float]]:
    one = harness(folder, **settings)
    outcome = one.evaluate({"agent": part}, lambda fraction, line: None)
    return dict(outcome.rows[0]), one.metrics(one.protocol, outcome.rows)


def test_a_method_of_the_suite_is_scored_inside_both_ledgers(tmp_path: Path) -> None:
    row, metrics = scored(tmp_path, DiSparse())
    assert row["kept"] <= row["budget"]
    assert row["spent"] <= row["limit"]
    assert metrics["over_budget"] == 0
    assert metrics["worst"] <= metrics["delta"]


def test_only_the_suite_may_be_dense(tmp_path: Path) -> None:
    _, metrics = scored(tmp_path, Dense())
    assert metrics["over_budget"] == 1
    assert metrics["compute"] == 1

    class Mine(Own):
        privileged = True

    with pytest.raises(AgentError, match="dense"):
        scored(tmp_path, Mine((), None))


@pytest.mark.parametrize(
    ("plan", "keep"),
    [
        (((0, "magic", 1),), None),
        (((5, "none", 0), (3, "none", 0)), None),
        ("abc", None),
        (np.zeros((2, 2), int), None),
        (np.array([[0, 99, 1]]), None),
        (np.array([[0.0, 0, 1]]), None),
        (((0, "gradients", 10**6),), None),
        (((0, "none", 0),), lambda mask, budget: mask.astype(float)),
        (((0, "none", 0),), lambda mask, budget: mask[:-1]),
        (((11, "none", 0),), lambda mask, budget: np.ones_like(mask)),
    ],
)
def test_what_is_no_plan_and_no_mask_is_refused(tmp_path: Path, plan: Any, keep: Any) -> None:
    with pytest.raises(InvalidOutput):
        scored(tmp_path, Own(plan, keep))


def test_a_plan_as_an_array_is_the_same_plan() -> None:
    plan = ((0, "saliency-xavier", 4), (5, "rewind", 0), (9, "none", 0))
    assert checked(coded(plan)) == checked(plan) == plan
    assert checked(coded(())) == ()


def test_scoring_without_end_is_not_paid_for(tmp_path: Path) -> None:
    plan = tuple((i, "gradients", 500) for i in range(3))
    with pytest.raises(BudgetExceeded):
        scored(tmp_path, Own(plan, lambda mask, budget: None))


def test_training_densely_and_masking_late_is_paid_for_and_masked(tmp_path: Path) -> None:
    """Who never prunes pays a dense training and loses all but the largest at the deadline."""
    row, metrics = scored(tmp_path, Own((), None))
    assert row["kept"] <= row["budget"]
    assert metrics["compute"] > 0.75
    sparse, _ = scored(tmp_path, Random())
    assert row["spent"] > 3 * sparse["spent"]


def test_weights_cannot_be_handed_in(tmp_path: Path) -> None:
    """`keep` gets copies: writing into them changes nothing but the agent's own view."""
    first, _ = scored(tmp_path / "a", Own(((0, "none", 0),), _first_weights))

    class Quiet(Own):
        def keep(self, iteration: int, weights: Any, mask: Any, scores: Any) -> Any:
            return self._keep(mask, self.budget)

    second, _ = scored(tmp_path / "b", Quiet(((0, "none", 0),), _first_weights))
    assert first == second


def _first_weights(mask: np.ndarray, budget: int) -> np.ndarray:
    kept = np.zeros_like(mask)
    kept[:budget] = True
    mask[:] = True  # a copy too
    return kept


def test_a_killed_training_goes_on_to_the_same_row(tmp_path: Path) -> None:
    whole, _ = scored(tmp_path / "whole", RigL(interval=3))

    class Killed(Exception):
        pass

    def kill(fraction: float, line: str) -> None:
        if fraction > 0.5:
            raise Killed

    one = harness(tmp_path / "killed", save_seconds=0)
    with pytest.raises(Killed):
        one.evaluate({"agent": RigL(interval=3)}, kill)
    assert list((tmp_path / "killed").rglob("training.safetensors"))
    seen: list[float] = []
    again = harness(tmp_path / "killed", save_seconds=0)
    found = again.evaluate({"agent": RigL(interval=3)}, lambda f, line: seen.append(f))
    assert found.rows[0] == whole
    assert seen[0] > 0.3  # it did not start over
    assert not list((tmp_path / "killed").rglob("training.safetensors"))


def test_the_paper_tiers_open_with_the_network_of_the_paper() -> None:
    for name in ("sparsify/nyuv2", "sparsify/cityscapes"):
        world = registry.task(name).protocols["paper"].settings["world"]
        assert world["network"] == "deeplab"
        assert (world["iterations"], world["batch"]) == (20_000, 16)


RUN = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_sparsify import paper_run
found = paper_run(Path({made!r}), Path({folder!r}), lambda f, line: print(line, flush=True))
print(found, flush=True)
"""


def paper_run(made: Path, folder: Path, report: Any) -> dict[str, Any]:
    """The row of the paper tier of NYU-v2, its network on a made folder of small pictures."""
    paper = registry.task("sparsify/nyuv2").protocols["paper"]
    world = {"data": str(made), "size": [16, 24], "train": 4, "validation": 2, "test": 2}
    world |= {"batch": 2, "iterations": 6, "rounds": 3}
    settings = paper.settings | {"world": paper.settings["world"] | world, "save_seconds": 0.0}
    changed = paper.model_copy(update={"settings": settings})
    one = SparsifyHarness(changed, 0, ArtifactStore(folder))
    return dict(one.evaluate({"agent": Random()}, report).rows[0])


@pytest.mark.slow  # 67 million weights, saved after each update
def test_the_paper_tier_that_is_killed_goes_on_to_the_same_row(tmp_path: Path) -> None:
    made = tmp_path / "made"
    rng = np.random.default_rng(0)
    for part, count in (("train", 6), ("val", 2)):
        for kind, channels in (("image", 3), ("label", 0), ("depth", 1), ("normal", 3)):
            (made / part / kind).mkdir(parents=True)
            for i in range(count):
                shape = (16, 24, channels) if channels else (16, 24)
                found = rng.random(shape) if channels else rng.integers(-1, 13, shape)
                np.save(made / part / kind / f"{i}.npy", found)
    whole = paper_run(made, tmp_path / "whole", lambda fraction, line: None)
    text = RUN.format(
        tests=str(Path(__file__).parent), made=str(made), folder=str(tmp_path / "killed")
    )
    lines: list[list[str]] = []
    for after in (2, 3, None):  # the second time it is killed when it goes on
        process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        lines.append([])
        for line in process.stdout:
            lines[-1].append(line.strip())
            if after is not None and sum("losses" in each for each in lines[-1]) == after:
                process.send_signal(signal.SIGKILL)
        process.wait()
    assert lines[-1][-1] == str(whole)
    assert lines[0][0] == "begins with update 1"
    assert lines[1][0].startswith("goes on at update")
    assert not lines[2][0].endswith("update 1")


def test_the_example_is_a_method(tmp_path: Path) -> None:
    path = Path(__file__).parents[2] / "examples" / "custom_masks.py"
    spec = spec_from_file_location("custom_masks", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    row, metrics = scored(tmp_path, module.SecondOpinion())
    assert 0 < row["kept"] <= row["budget"]
    assert metrics["over_budget"] == 0
