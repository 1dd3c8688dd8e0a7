"""Multiply-adds of the published networks, to the digits that were published."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from leapbench.envs.videoglance.backbones import MobileNetV2, ResNet50, load_weights
from leapbench.errors import UserError
from leapbench.tasks.videoglance import published

GIGA = 1e9


def test_mobilenet_a_frame() -> None:
    assert published.glance_frame() / GIGA == pytest.approx(0.29951, rel=1e-4)


@pytest.mark.parametrize(
    ("side", "published_g"), [(96, 0.75073), (128, 1.33460), (160, 2.08530), (192, 3.00282)]
)
def test_resnet_a_patch(side: int, published_g: float) -> None:
    assert published.look_frame(side) / GIGA == pytest.approx(published_g, rel=1e-4)


@pytest.mark.parametrize(
    ("side", "published_g"), [(96, 1.10097), (128, 1.68484), (160, 2.43554), (192, 3.35306)]
)
def test_v2_a_frame(side: int, published_g: float) -> None:
    assert published.v2_frame(side) / GIGA == pytest.approx(published_g, rel=1e-4)


@pytest.mark.parametrize(("side", "published_g"), [(96, 17.6), (128, 27.0), (160, 39.0)])
def test_v2_a_video(side: int, published_g: float) -> None:
    assert 16 * published.v2_frame(side) / GIGA == pytest.approx(published_g, abs=0.05)


def test_the_journal_version_a_video() -> None:
    assert published.uni_video(128, 16) / GIGA == pytest.approx(27.23, abs=0.01)


@pytest.mark.parametrize(
    ("side", "looks", "published_g"), [(96, 18, 19.33), (128, 18, 29.70), (160, 20, 47.41)]
)
def test_v3_a_video_leaves_a_giga_for_the_policy(side: int, looks: int, published_g: float) -> None:
    rest = published_g - published.v3_video(side, looks) / GIGA
    assert 0.5 < rest < 1.5


def test_weights_are_taken_over_by_name(tmp_path: Path) -> None:
    torch.manual_seed(0)
    one, other = MobileNetV2(), MobileNetV2()
    weights = one.state_dict() | {"classifier.1.weight": torch.zeros(2, 2)}
    save_file(weights, tmp_path / "mobilenet.safetensors")
    load_weights(other, tmp_path / "mobilenet.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    with pytest.raises(UserError, match="no weights of ResNet50"):
        load_weights(ResNet50(), tmp_path / "mobilenet.safetensors")
    with pytest.raises(UserError, match="no weights of ResNet50"):
        load_weights(ResNet50(), tmp_path / "nowhere.safetensors")


def test_parameters_have_torchvisions_names() -> None:
    names = set(ResNet50().state_dict())
    assert {"conv1.weight", "layer1.0.downsample.0.weight", "layer4.2.bn3.running_mean"} <= names
    assert sum(p.numel() for p in ResNet50().parameters()) == 23_508_032
    names = set(MobileNetV2().state_dict())
    assert {"features.0.0.weight", "features.1.conv.1.weight", "features.18.1.bias"} <= names
    assert sum(p.numel() for p in MobileNetV2().parameters()) == 2_223_872
