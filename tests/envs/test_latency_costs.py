"""Costs of a processor: what plans do, which is chosen, and how rates are fitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from leapbench.cli import cli
from leapbench.envs.latency import calibration, measuring
from leapbench.envs.latency.costs import PLANS, Costs, Rates, touched, work
from leapbench.envs.latency.device import device, names, processor
from leapbench.envs.latency.networks import Block
from leapbench.envs.latency.predictor import (
    dynamic_block,
    dynamic_latency,
    static_block,
    static_latency,
)
from leapbench.envs.latency.sparse import timing
from leapbench.envs.latency.sparse.places import Grid, places
from leapbench.errors import UserError

BLOCK = Block(256, 64, 256, 28, 1, 1, 0, 0)
RATE = {"calls": 1e-4, "linear": 8e-12, "spatial": 7e-12, "patches": 1e-11, "moved": 1e-10}
TRUE = Costs(**{plan: Rates(**RATE, indexed=3e-9) for plan in (*PLANS, "masker")})
SHAPES = measuring.shapes(12)


@pytest.mark.parametrize(("granularity", "stride"), [(1, 1), (2, 1), (4, 1), (1, 2), (2, 2)])
def test_rows_that_random_cells_read(granularity: int, stride: int) -> None:
    size, cells = 24 * granularity * stride, 24
    grid = Grid(1, (size, size), (24 * granularity,) * 2, granularity)
    reads = places(grid, stride, 1, 3, False).reads
    draw, found = torch.Generator().manual_seed(0), []
    for _ in range(40):
        active = torch.rand(cells**2, generator=draw) < 0.3
        read = reads[active].unique()
        found.append(float((read < size**2).sum()) / size**2)
    assert np.mean(found) == pytest.approx(float(touched(granularity, stride, 0.3)), rel=0.05)


def test_work_is_what_a_dense_block_multiplies() -> None:
    done = work("whole", BLOCK, 2, 1, np.asarray(2.0 * 28**2))
    assert float(done.linear) == 2 * 28**2 * 2 * 256 * 64
    assert float(done.spatial) == 2 * 28**2 * 9 * 64**2
    assert float(done.patches) == float(done.indexed) == 0
    half = work("scattered", BLOCK, 1, 4, np.asarray(24.5))
    assert float(half.patches) == 28**2 / 2 * 9 * 64**2
    assert float(half.linear) == 28**2 * 1.5 * 256 * 64


def test_the_fastest_plan_is_taken() -> None:
    spent = TRUE.each(BLOCK, 1, 4, np.arange(50))
    assert np.isinf(spent[0]).all()
    assert np.isinf(spent[1:49, PLANS.index("whole")]).all()
    best = [PLANS[i] for i in spent[1:].argmin(-1)]
    assert best[0] == "gathered"
    assert best[-1] == "whole"
    time = TRUE.dynamic(BLOCK, 1, 4, np.arange(50))
    assert (np.diff(time[:48]) > 0).all()
    assert time[5] < TRUE.static(BLOCK, 1) < time[48]


def test_a_processor_is_a_device_of_the_predictor() -> None:
    found = device("cpu-zen5")
    assert found.costs is not None
    assert static_block(found, BLOCK) == found.costs.static(BLOCK, 1)
    rates = np.array([0.0, 0.1, 0.5, 1.0])
    count = np.ceil(rates * 49)
    assert dynamic_block(found, BLOCK, 4, rates) == pytest.approx(
        found.costs.dynamic(BLOCK, 1, 4, count)
    )
    told = dynamic_latency(found, "resnet50", (8, 4, 7, 1), np.array([[0.1], [0.5], [1.0]]))
    assert told[0] < told[1] < told[2]
    assert 0.2 < told[0] / static_latency(found, "resnet50") < 0.6
    with pytest.raises(UserError, match="squeeze-and-excitation"):
        static_latency(found, "regnety-400mf")


def test_a_device_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAPBENCH_DEVICES", str(tmp_path))
    assert processor() == device("cpu-zen5").costs
    text = calibration.toml(calibration.described(TRUE, 'my "own"'))
    for name in ("this-cpu", "v100"):
        (tmp_path / f"{name}.toml").write_text(text)
    assert "this-cpu" in names()
    assert processor() == device("this-cpu").costs == TRUE
    assert device("this-cpu").title == 'my "own"'
    assert device("v100").costs is None  # the suite's own comes first
    (tmp_path / "this-cpu.toml").write_text(text.replace("calls = 0.0001", "calls = -1"))
    with pytest.raises(UserError, match=r"is not a device: costs\.gathered\.calls"):
        device("this-cpu")


def made_up(noise: float) -> list[measuring.Point]:
    """Points as `measure` gives them, of true rates and of noise."""
    draw, found = np.random.default_rng(0), []
    for shape, (block, batch) in enumerate(SHAPES):
        for point, _ in measuring._cases(shape, block, batch, 1):
            rates: Rates = getattr(TRUE, point.plan)
            spread = float(np.exp(noise * draw.standard_normal()))
            seconds = float(rates.seconds(point.work())) * spread
            found.append(replace(point, seconds=seconds))
    return found


def test_rates_are_found_again() -> None:
    fit, held_out = calibration.split(made_up(0.0))
    assert {point.shape for point in held_out} == {0, 4, 8}
    quality = calibration.quality(calibration.fitted(fit), held_out)
    assert quality.error < 1e-3
    assert quality.granularity == 1
    assert quality.missed == []
    noisy = calibration.split(made_up(0.1))
    quality = calibration.quality(calibration.fitted(noisy[0]), noisy[1])
    assert 0.03 < quality.error < 0.12
    flat = Rates(calls=1e-5)
    wrong = TRUE.model_copy(update={"gathered": flat, "scattered": flat})
    missed = calibration.quality(wrong, held_out).missed
    assert [line.split()[0] for line in missed] == ["median", "Spearman"]


def test_a_busy_machine_is_not_measured_on() -> None:
    seconds = np.array([[1.0, 2.0], [1.2, 2.0], [1.0, 2.0]])
    found = timing.Timings(seconds, 2 * seconds)
    assert found.repeats == pytest.approx([1 - 1 / 1.2, 0])
    assert found.waits == 2
    assert found.ratio(1, 0)[0] == 2
    assert "2.0%" in timing.gate(0.02, 3.0)
    with pytest.raises(UserError, match="too busy to measure on"):
        timing.gate(0.2, 1.0)
    assert "20.0%" in timing.gate(0.2, 1.0, force=True)


def test_measuring_times_every_plan() -> None:
    told: list[float] = []
    block = Block(32, 8, 32, 8, 1, 1, 0, 0)
    found = measuring.measure([(block, 1)], 2, lambda share, _: told.append(share))
    assert {point.plan for point in found.points} == {*PLANS, "masker"}
    assert {point.granularity for point in found.points} == {1, 2, 4}
    assert all(0 < point.seconds < 1 for point in found.points)
    assert told == [0.0]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = [0.02]

    def measure(blocks: object, rounds: int, report: object) -> measuring.Measured:
        return measuring.Measured(made_up(0.03), noise[0], 1.0)

    monkeypatch.setattr(measuring, "measure", measure)
    monkeypatch.setenv("LEAPBENCH_DEVICES", str(tmp_path))
    done = CliRunner().invoke(cli, ["calibrate", "--title", "a desk"])
    assert done.exit_code == 0, done.output
    assert "median error" in done.output
    assert device("this-cpu").title == "a desk"
    assert (tmp_path / "this-cpu.png").is_file()
    noise[0] = 0.3
    out = tmp_path / "other.toml"
    done = CliRunner().invoke(cli, ["calibrate", "--out", str(out)])
    assert done.exit_code == 2
    assert "--force" in done.output
    assert not out.exists()
    assert CliRunner().invoke(cli, ["calibrate", "--out", str(out), "--force"]).exit_code == 0
    assert CliRunner().invoke(cli, ["calibrate", "--out", "desk.json"]).exit_code == 2
