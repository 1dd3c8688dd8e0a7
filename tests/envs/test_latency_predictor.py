"""The latency model gives what the predictor released with LAUDNet gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leapbench.envs.latency.device import Device, device, names
from leapbench.envs.latency.networks import NETWORKS, Block
from leapbench.envs.latency.operators import Conv, add, conv, scatter_add, sparse_conv
from leapbench.envs.latency.predictor import (
    dynamic_block,
    dynamic_latency,
    static_block,
    static_latency,
)
from leapbench.errors import UserError

# Milliseconds an image, by the released predictor.
STATIC = {
    "v100": (0.9079, 1.6770),
    "tx2": (17.2257, 32.2417),
    "nano": (44.9756, 84.5102),
    "rtx3090": (0.7751, 1.4397),
    "rtx3060": (1.1419, 2.0742),
}
RATES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
# Dynamic over static latency of ResNet-101, every block at one rate.
RATIOS = {
    ("v100", (1, 1, 1, 1)): (0.884, 1.062, 1.232, 1.407, 1.582, 1.753, 2.095),
    ("v100", (2, 2, 2, 1)): (0.650, 0.780, 0.893, 0.999, 1.104, 1.209, 1.404),
    ("v100", (4, 4, 2, 1)): (0.607, 0.726, 0.831, 0.926, 1.020, 1.113, 1.283),
    ("v100", (8, 4, 7, 1)): (0.634, 0.673, 0.707, 0.865, 0.897, 1.031, 1.086),
    ("tx2", (1, 1, 1, 1)): (0.518, 0.598, 0.678, 0.757, 0.837, 0.913, 1.037),
    ("tx2", (4, 4, 2, 1)): (0.514, 0.592, 0.671, 0.749, 0.828, 0.903, 1.020),
    ("tx2", (8, 4, 7, 1)): (0.703, 0.729, 0.756, 0.821, 0.846, 1.105, 1.143),
    ("nano", (1, 1, 1, 1)): (0.477, 0.560, 0.638, 0.721, 0.804, 0.885, 1.023),
    ("nano", (4, 4, 2, 1)): (0.477, 0.560, 0.641, 0.725, 0.806, 0.887, 1.016),
}
# Microseconds of single operators: 3x3 and 1x1 convolution, sparse 3x3, scatter, sum.
OPERATORS = {
    "v100": (2462.86, 1808.59, 2052.09, 1703.00, 1783.26),
    "tx2": (393.06, 248.08, 212.29, 163.85, 171.78),
}
# Dynamic over static latency of an identity block of each stage at rate 0.6.
BLOCKS = {
    ("v100", 0): {1: 1.926, 2: 1.257, 4: 0.934, 7: 0.905, 8: 0.871, 14: 0.868, 28: 0.921},
    ("v100", 1): {1: 1.669, 2: 1.096, 4: 0.845, 7: 0.906, 14: 0.900, 28: 1.036},
    ("v100", 2): {1: 1.288, 2: 0.895, 7: 0.823, 14: 0.960},
    ("v100", 3): {1: 0.907, 7: 0.846},
    ("tx2", 0): {1: 0.810, 2: 0.787, 4: 0.781, 8: 0.786, 28: 0.880},
    ("tx2", 3): {1: 0.781, 7: 1.005},
}


@pytest.mark.parametrize("name", STATIC)
def test_static_latency(name: str) -> None:
    found = [1e3 * static_latency(device(name), each) for each in ("resnet50", "resnet101")]
    assert found == pytest.approx(STATIC[name], abs=5e-5)


@pytest.mark.parametrize(("name", "granularity"), RATIOS)
def test_dynamic_over_static(name: str, granularity: tuple[int, ...]) -> None:
    found = dynamic_latency(device(name), "resnet101", granularity, np.array(RATES)[:, None])
    ratios = found / static_latency(device(name), "resnet101")
    assert ratios.shape == (len(RATES),)
    assert ratios == pytest.approx(RATIOS[name, granularity], abs=6e-4)


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name: str) -> None:
    on, wide = device(name), Conv(64, 64, 56, 56, 3)
    costs = (
        conv(on, wide),
        conv(on, Conv(256, 64, 56, 56)),
        sparse_conv(on, wide, 4, 0.5, gathered=False),
        scatter_add(on, 256, 56, 56, 4, 0.5),
        add(on, 256, 56, 56),
    )
    assert [1e6 * float(cost.total) for cost in costs] == pytest.approx(OPERATORS[name], abs=6e-3)


@pytest.mark.parametrize(("name", "stage"), BLOCKS)
def test_blocks(name: str, stage: int) -> None:
    block = [each for each in NETWORKS["resnet101"].blocks() if each.stage == stage][-1]
    for granularity, wanted in BLOCKS[name, stage].items():
        dynamic = float(dynamic_block(device(name), block, granularity, 0.6))
        assert dynamic / static_block(device(name), block) == pytest.approx(wanted, abs=6e-4)


def test_each_block_has_its_own_rate() -> None:
    blocks = list(NETWORKS["resnet50"].blocks())
    rates = np.linspace(0.1, 0.9, len(blocks))
    together = float(dynamic_latency(device("tx2"), "resnet50", (4, 4, 2, 1), rates))
    apart = [
        float(dynamic_block(device("tx2"), block, (4, 4, 2, 1)[block.stage], rate))
        for block, rate in zip(blocks, rates, strict=True)
    ]
    assert together == pytest.approx(sum(apart), rel=1e-12)


def test_squeeze_and_excitation_costs_more_and_nothing_more_without_patches() -> None:
    plain = Block(104, 104, 104, 28, 1, 13, 0, 1)
    excited = Block(104, 104, 104, 28, 1, 13, 26, 1)
    on = device("nano")
    assert static_block(on, excited) > static_block(on, plain)
    rates = dynamic_block(on, excited, 4, np.array([0.0, 0.25, 0.5, 1.0]))
    assert (np.diff(rates) > 0).all()


def test_a_device_that_overlaps_is_faster() -> None:
    plain = device("tx2")
    hidden = Device.model_validate(plain.model_dump() | {"overlap": True})
    assert static_latency(hidden, "resnet50") < static_latency(plain, "resnet50")


def test_a_device_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('title = "Mine"\nengines = 2\nlanes = 128\nclock = 1.3e9\nbandwidth = 59.7e9\n')
    assert static_latency(device(str(file)), "resnet50") == static_latency(
        device("tx2"), "resnet50"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("engines = 0", "engines: Input should be greater"),
        ("engines = 2\nlanes = 8\nclock = inf\nbandwidth = 1e9", "clock"),
        ("colour = 'red'", "engines: Field required"),
        ("engines = ", "is not a device"),
    ],
)
def test_a_file_that_is_no_device_is_told(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('title = "Bad"\n' + text)
    with pytest.raises(UserError, match=reason):
        device(str(file))


def test_names_are_told() -> None:
    assert set(STATIC) <= set(names())
    with pytest.raises(UserError, match="Did you mean 'v100'"):
        device("v10")
    with pytest.raises(UserError, match="Did you mean 'resnet50'"):
        static_latency(device("tx2"), "resnet5")
    with pytest.raises(UserError, match="16 blocks"):
        dynamic_latency(device("tx2"), "resnet50", (1, 1, 1, 1), [0.5, 0.5])
    with pytest.raises(UserError, match="4 granularities"):
        dynamic_latency(device("tx2"), "resnet50", (1, 1), [0.5])
    with pytest.raises(UserError, match="in \\[0, 1\\]"):
        dynamic_latency(device("tx2"), "resnet50", (1, 1, 1, 1), [1.5])
