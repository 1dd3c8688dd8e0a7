"""The dynamic network: what masks do to it, and what it refuses."""

from __future__ import annotations

import pytest
import torch

from leapbench.envs.latency.dynamic import DynamicNetwork, Shape, build
from leapbench.errors import UserError

SHAPE = Shape((1, 16, 16), 3, 8, (8, 16), (2, 2), (2, 2))


@pytest.fixture
def network() -> DynamicNetwork:
    return build(SHAPE, 0).eval()


def images(count: int = 2) -> torch.Tensor:
    return torch.randn(count, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def test_the_shape_says_every_block_and_mask() -> None:
    assert SHAPE.sizes == (8, 4)
    assert [block.stride for block in SHAPE.blocks] == [1, 1, 2, 1]
    assert SHAPE.cells == (4, 4, 2, 2)


def test_full_masks_are_no_masks_and_empty_ones_identity(network: DynamicNetwork) -> None:
    full = [torch.ones(2, 1, cells, cells) for cells in SHAPE.cells]
    with torch.no_grad():
        assert torch.allclose(network(images(), full), network(images()), atol=1e-6)
        x = network.stem(images())
        assert torch.equal(network.blocks[0](x, torch.zeros(2, 1, 4, 4)), x)


def test_a_kept_cell_changes_its_own_outputs_only(network: DynamicNetwork) -> None:
    mask = torch.zeros(2, 1, 4, 4)
    mask[:, :, 1, 2] = 1
    with torch.no_grad():
        x = network.stem(images())
        y, dense = network.blocks[0](x, mask), network.blocks[0](x)
    assert torch.equal(y[:, :, 2:4, 4:6], dense[:, :, 2:4, 4:6])
    y[:, :, 2:4, 4:6] = x[:, :, 2:4, 4:6]
    assert torch.equal(y, x)


def test_training_starts_dense(network: DynamicNetwork) -> None:
    scores = network.blocks[0].scores(network.stem(images()))
    assert scores.shape == (2, 2, 4, 4)
    assert (scores[:, 0] > scores[:, 1]).all()


def test_weights_follow_from_the_seed() -> None:
    one, same, other = (build(SHAPE, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["classifier.weight"], other["classifier.weight"])


@pytest.mark.parametrize(
    ("image", "granularity"), [((1, 16, 12), (1, 1)), ((1, 18, 18), (1, 1)), ((1, 16, 16), (3, 1))]
)
def test_shapes_that_do_not_fit_are_refused(
    image: tuple[int, int, int], granularity: tuple[int, int]
) -> None:
    with pytest.raises(UserError):
        Shape(image, 3, 8, (8, 16), (1, 1), granularity)
