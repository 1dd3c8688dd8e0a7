"""Curves while it learns, and learned parts that are taken along."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leapbench as lb
from leapbench.contract.curves import NAMES, POINTS, Curves, thinned
from leapbench.results.values import checked_curves
from leapbench.running import logs

TASK = "coins/small"


def stored(data: bytes) -> Iterator[bytes]:
    """The records of a W&B file: LevelDB's log format behind a header of seven bytes."""
    place, whole = 7, b""
    while place + 7 <= len(data):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last piece of one
            yield whole
            whole = b""


class Logs:
    """Learns nothing and says a lot."""

    def __init__(self, slope: float = 2.0) -> None:
        self.slope = slope

    def learn(self, phase: Any) -> None:
        for step in range(300):
            phase.log(step, loss=step * self.slope, return_=float("nan") if step < 3 else 1.0)
        phase.report(1.0, "done")

    def predict(self, observation: Any, state: Any = None, *_: Any, **__: Any) -> tuple[Any, Any]:
        return np.ones(len(observation), int), state

    def save(self, folder: Path) -> None:
        (folder / "slope.json").write_text(json.dumps(self.slope))

    def load(self, folder: Path) -> None:
        self.slope = json.loads((folder / "slope.json").read_text())


def agent() -> Logs:
    return Logs()


def quiet() -> Logs:
    class Quiet(Logs):
        def learn(self, phase: Any) -> None:
            pass

    return Quiet()


@pytest.mark.parametrize("count", [1, 2, POINTS, 2 * POINTS, 1001])
def test_curves_are_thinned_and_keep_both_ends(count: int) -> None:
    curves = Curves()
    for step in range(count):
        curves.add(step, {"loss": step / 3})
    steps, values = curves.record()["loss"]
    assert len(steps) <= 2 * POINTS + 1
    assert (steps[0], steps[-1]) == (0, count - 1)
    assert steps == sorted(set(steps))
    assert values == [float(f"{step / 3:.6g}") for step in steps]


def test_names_are_bounded_and_infinities_left_out() -> None:
    curves = Curves()
    curves.add(0, {f"n{i}": 1.0 for i in range(2 * NAMES)})
    curves.add(1, {"n0": float("inf"), "n1": float("nan"), "n2": 1e300})
    assert len(curves.record()) == NAMES
    assert curves.record()["n0"] == curves.record()["n2"] == ([0], [1.0])


def test_curves_go_on_where_they_were_saved(tmp_path: Path) -> None:
    whole, first, second = Curves(), Curves(), Curves()
    for step in range(400):
        whole.add(step, {"loss": step})
        (first if step < 250 else second).add(step, {"loss": step})
        if step == 249:
            first.save(tmp_path)
            second.load(tmp_path)
    assert second.record() == whole.record()


def test_many_curves_share_the_room() -> None:
    long: Any = {"loss": (list(range(100)), [1.0] * 100), "return": ([0], [2.0])}
    few = thinned({f"p{i}": long for i in range(20)}, 400)
    assert sum(len(steps) for own in few.values() for steps, _ in own.values()) <= 400
    assert few["p3"]["loss"][0][-1] == 99
    checked_curves(few)


@pytest.mark.parametrize(
    "wrong", [[], {"p": []}, {"p": {"n": [[0], []]}}, {"p": {"n": [[0.5], [1.0]]}}, {"p": {"n": 3}}]
)
def test_what_is_no_curve_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="expected curves"):
        checked_curves(wrong)


@pytest.mark.usefixtures("plugin")
def test_a_result_keeps_curves_that_its_run_id_does_not_know(tmp_path: Path) -> None:
    found = lb.run(TASK, agent, out=tmp_path, progress=False)
    steps, values = found[0].curves["play"]["loss"]
    assert (steps[-1], values[-1]) == (299, 598.0)
    assert set(found[0].curves["play"]) == {"loss", "return"}
    assert found[0].digest() == found[0].model_copy(update={"curves": {}}).digest()
    (read,) = lb.results(TASK, runs=tmp_path, committed=False)
    assert read.curves == found[0].curves
    assert {point["name"] for point in found.curves()} == {"loss", "return"}
    pytest.importorskip("matplotlib")
    assert len(found.plot().axes) == 2
    none = lb.run(TASK, "toy-guess", out=tmp_path, progress=False)
    with pytest.raises(lb.UserError, match="no curves"):
        none.plot()


@pytest.mark.usefixtures("plugin")
def test_the_display_shows_the_last_values(tmp_path: Path) -> None:
    from leapbench.running import cell, live

    told: list[str] = []
    one = cell.Cell(TASK, "smoke", live.named(agent), 0, (), tmp_path)
    cell.run(one, lambda fraction, line: told.append(line))
    assert "play: done, loss 598, return 1" in told


@pytest.mark.usefixtures("plugin")
def test_event_files_of_tensorboard_are_read_back(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (made,) = lb.run(TASK, agent, out=tmp_path, log="tensorboard", progress=False)
    assert made.status == "ok", made.message
    (file,) = (tmp_path / logs.FOLDER).rglob("events.*")
    events = EventAccumulator(str(file.parent), {"scalars": 0})
    events.Reload()
    points = events.Scalars("play/loss")
    assert [point.step for point in points] == list(range(300))
    assert points[-1].value == 598.0
    assert events.Scalars("evaluation/hits")[0].value == pytest.approx(made.score)
    text = events.Tensors("run/text_summary")[0].tensor_proto.string_val[0]
    assert json.loads(text)["task"] == TASK
    assert json.loads(text)["settings"]["agent"] == {}


@pytest.mark.usefixtures("plugin")
def test_an_offline_run_of_wandb_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = pytest.importorskip("wandb")
    from wandb.proto import wandb_internal_pb2

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    (made,) = lb.run(TASK, agent, out=tmp_path, log="wandb", progress=False)
    assert made.status == "ok", made.message
    wandb.teardown()  # its service would be a process that other tests do not expect
    (file,) = (tmp_path / logs.FOLDER).rglob("*.wandb")
    losses, config = [], {}
    for data in stored(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        items = {"/".join(i.nested_key) or i.key: i.value_json for i in record.history.item}
        losses += [json.loads(items["play/loss"])] if "play/loss" in items else []
        config |= {each.key: json.loads(each.value_json) for each in record.run.config.update}
    assert losses == [2.0 * step for step in range(300)]
    assert (config["task"], config["seed"]) == (TASK, 0)


@pytest.mark.usefixtures("plugin")
def test_a_log_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(lb.UserError, match="There is no log 'board'"):
        lb.run(TASK, agent, out=tmp_path, log="board")


@pytest.mark.usefixtures("plugin")
def test_a_log_that_cannot_be_opened_is_no_failure_of_the_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise RuntimeError("No API key configured.")

    monkeypatch.setattr(logs, "check", lambda _: None)
    monkeypatch.setattr(logs, "Wandb", refused)
    with pytest.raises(lb.UserError, match="--log wandb cannot be written: No API key"):
        lb.run(TASK, agent, out=tmp_path, log="wandb", progress=False)
    assert not list(tmp_path.rglob("seed-*.json"))


@pytest.mark.parametrize(
    ("name", "agent", "logged"),
    [
        ("activeview/niche", "dqn", "return"),
        pytest.param("dmc/cartpole-swingup", "sac", "return", marks=pytest.mark.slow),
        pytest.param("earlyexit/digits", "msdnet", "loss_last_exit", marks=pytest.mark.slow),
        ("urlb/entropy-grid", "scratch-tabular", "return"),
        pytest.param("urlb/entropy-point", "moss", "return", marks=pytest.mark.slow),
    ],
)
def test_agents_of_all_families_log(name: str, agent: str, logged: str, tmp_path: Path) -> None:
    from leapbench.contract import registry
    from leapbench.testing import shrink, standing_in

    small = registry.agent(agent, name.partition("/")[0]).small
    with standing_in(shrink(registry.task(name))):
        (made,) = lb.run(name, agent, settings=small, out=tmp_path, progress=False)
    assert made.status == "ok", made.message
    assert logged in {n for own in made.curves.values() for n in own}


FILE = """
import json
import numpy as np

class Tells:
    def learn(self, phase):
        for step in range(20):
            phase.log(step, loss=step / 4, return_=float("inf"))
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.zeros(len(observation), np.int64), state
    def save(self, folder):
        (folder / "nothing.json").write_text("{}")
    def load(self, folder):
        pass
"""


@pytest.mark.slow
@pytest.mark.sandbox
def test_an_agent_in_a_sandbox_logs_as_well(tmp_path: Path) -> None:
    from leapbench.contract import registry
    from leapbench.testing import shrink, standing_in

    (tmp_path / "tells.py").write_text(FILE)
    with standing_in(shrink(registry.task("urlb/entropy-grid"))):
        (made,) = lb.run(
            "urlb/entropy-grid",
            f"{tmp_path / 'tells.py'}:Tells",
            out=tmp_path / "runs",
            isolated=True,
            progress=False,
        )
    assert made.status == "ok", made.message
    (phase, *_) = made.curves
    assert made.curves[phase] == {"loss": ([*range(20)], [step / 4 for step in range(20)])}
