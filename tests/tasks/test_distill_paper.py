"""The paper's tier on tiny data: golden sizes, a run, and one that is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leapbench.agents.distill.selectors.rules import BornAgain, NoTeacher, Share
from leapbench.contract import registry
from leapbench.contract.artifacts import ArtifactStore
from leapbench.contract.task import Protocol
from leapbench.envs.distill import loss
from leapbench.envs.distill.deep.networks import built, shaped
from leapbench.errors import UserError
from leapbench.tasks.distill.deep.harness import DeepHarness
from leapbench.tasks.distill.deep.kinds import kind
from leapbench.tasks.distill.deep.playing import Playing

WORLD = {
    "trajectories": 2,
    "checkpoints": 2,
    "epochs": 2,
    "blocks": 2,
    "block_epochs": 1,
    "samples": 48,
    "validation": 30,
    "tests": 40,
    "batch": 16,
}


def protocol(**changes: Any) -> Protocol:
    """The paper's protocol, with other sizes."""
    paper = registry.task("distill/cifar100").protocols["paper"]
    settings = paper.settings | {
        "data": "digits",
        "scenarios": ["wrn-10-1:mobilenetv2-0.1"],
        "save_seconds": 0.0,
        "world": paper.settings["world"] | WORLD,
    }
    return paper.model_copy(update={"settings": settings | changes})


def scored(
    folder: Path, policy: Any, report: Any = lambda fraction, line: None, **changes: Any
) -> Any:
    one = DeepHarness(protocol(**changes), 0, ArtifactStore(folder))
    (phase,) = one.protocol.phases
    policy.learn(one.open(phase, {}, report))
    outcome = one.evaluate({"policy": policy}, report)
    return outcome.rows, one.metrics(one.protocol, outcome.rows)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("wrn-40-2", 2_255_156),
        ("wrn-40-1", 569_780),
        ("resnet-110", 1_733_812),
        ("resnet-32", 470_004),
        ("mobilenetv2-0.75", 1_475_692),
    ],
)
def test_networks_have_the_weights_of_the_released_ones(name: str, parameters: int) -> None:
    with torch.device("meta"):
        network = shaped(name, 100)
    assert sum(each.numel() for each in network.parameters()) == parameters


def test_first_weights_are_those_of_a_seed() -> None:
    one, same, other = (built("wrn-10-1", 10, seed).state_dict() for seed in (3, 3, 4))
    assert all((one[name] == same[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)
    assert kind("wrn-10-1", 10, 8).outputs == 10


@pytest.mark.parametrize("name", ["wrn-41-2", "resnet-33", "vgg", "mobilenetv2-0.00", "wrn-9994-2"])
def test_other_names_are_mistakes(name: str) -> None:
    with pytest.raises(UserError, match="wrn-40-2"):
        shaped(name, 10)


def test_the_protocol_is_the_papers() -> None:
    world = registry.task("distill/cifar100").protocols["paper"].settings["world"]
    assert (world["epochs"], world["batch"], world["teacher_rate"]) == (200, 128, 0.1)
    assert world["blocks"] * world["block_epochs"] == 200


def test_teachers_are_trained_as_far_as_they_are_bought(tmp_path: Path) -> None:
    (row,), metrics = scored(tmp_path, Share("0.5"))
    assert row["checkpoints"] == 1
    assert row["blocks"] == 2
    assert 0 < row["spent"] <= row["budget"]
    assert metrics["violations"] == 0
    kept = {each.parent.name for each in tmp_path.rglob("stats.json")}
    assert kept == {"0"}
    (more,), _ = scored(tmp_path, Share("0.5,1.0"))
    assert more["checkpoints"] == 2
    assert more["spent"] > row["spent"]
    (whole,), _ = scored(tmp_path / "anew", Share("0.5,1.0"))
    assert whole == more  # grown in two steps or in one


def test_no_teacher_buys_none_and_the_former_student_teaches(tmp_path: Path) -> None:
    (row,), _ = scored(tmp_path, NoTeacher())
    assert row["checkpoints"] == 0
    assert not list(tmp_path.rglob("stats.json"))
    (born,), _ = scored(tmp_path, BornAgain())
    assert born["spent"] > row["spent"]


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    ("policy", "moments"), [(Share("0.5,1.0"), (2, 9)), (BornAgain(), (5,))], ids=["two", "born"]
)
def test_a_stopped_run_goes_on_to_the_same_row(
    tmp_path: Path, policy: Any, moments: tuple[int, ...]
) -> None:
    updates = 0

    def stop(fraction: float, line: str) -> None:
        nonlocal updates
        updates += "loss" in line
        if updates in limits:
            raise Killed

    limits: tuple[int, ...] = ()
    whole, _ = scored(tmp_path / "whole", policy, stop)
    every = updates
    for moment in moments:
        updates, limits = 0, (moment,)
        folder = tmp_path / str(moment)
        with pytest.raises(Killed):
            scored(folder, policy, stop)
        updates, limits = 0, ()
        again, _ = scored(folder, policy, stop)
        assert again == whole
        assert updates <= every - moment + 1  # at most the update that was not saved is made again


RUN = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_distill_paper import Share, scored
rows, _ = scored(Path({folder!r}), Share("0.5,1.0"), lambda f, line: print(line, flush=True))
print(rows, flush=True)
"""


@pytest.mark.slow
def test_a_killed_process_goes_on_to_the_same_row(tmp_path: Path) -> None:
    """`kill -9` at three moments, then to the end."""
    whole, _ = scored(tmp_path / "whole", Share("0.5,1.0"))
    text = RUN.format(tests=str(Path(__file__).parent), folder=str(tmp_path / "killed"))
    for after in (3, 3, 4, None):
        process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        seen = 0
        for line in process.stdout:
            last = line
            seen += "loss" in line
            if after is not None and seen == after:
                process.send_signal(signal.SIGKILL)
        process.wait()
    assert last.strip() == str(whole)


def test_targets_are_the_mixture_of_the_checkpoints(tmp_path: Path) -> None:
    one = DeepHarness(protocol(), 0, ArtifactStore(tmp_path))
    plan = one.schedule(one.protocol)
    student = Playing(one, None, plan, lambda fraction, line: None).begun(plan[0])
    teachers, x = student.teachers, torch.randn(5, 3, 8, 8)
    found = teachers.targets(x, (0.25, 0.75, 0.0, 0.0), 4.0, None)
    answers = [teachers.network(slot)(x) for slot in (0, 1)]
    wanted = 0.25 * torch.softmax(answers[0] / 4, -1) + 0.75 * torch.softmax(answers[1] / 4, -1)
    assert torch.allclose(found, wanted, atol=1e-6)
    labels = torch.zeros(5, dtype=torch.int64)
    value = loss.loss(answers[0], labels, wanted, 4.0, 0.5, "printed")
    assert np.isfinite(float(value))
