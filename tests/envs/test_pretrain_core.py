"""Positions, masks, losses and updates of learning from two views, against the released code.

Golden numbers are what the functions of OpenGVLab/Siamese-Image-Modeling@bbdec30 give on the
same inputs.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from leapbench.envs.pretrain import losses, masks, network, positions, views
from leapbench.envs.pretrain.network import Encoder
from leapbench.envs.pretrain.objective import Objective
from leapbench.envs.pretrain.positions import Boxes
from leapbench.envs.pretrain.rates import Rates
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.training import Trainer, tokens
from leapbench.envs.pretrain.views import Look
from leapbench.errors import UserError

SMALL = Shape(size=16, patch=4, width=16, depth=1, heads=2, projector=1, decoder=1)
METHODS = {
    "sim": Objective(),
    "mae": Objective(pixels=1, dense=0, mask=0.75, blocks=False),
    "id": Objective(dense=0, whole=1, mask=0),
    "byol": Objective(dense=0, whole=1, mask=0, kind="cosine"),
    "moco": Objective(dense=0, whole=1, mask=0, kind="contrast"),
    "dense-id": Objective(mask=0),
    "crossed": Objective(dense=0, crossed=1),
    "both": Objective(dense=4, whole=1),
    "layer": Objective(norm="layer"),
    "no-places": Objective(relative=False),
}


def boxes(*rows: tuple[float, float, float, float, bool]) -> Boxes:
    top, left, height, width, flipped = (np.array(each) for each in zip(*rows, strict=True))
    return Boxes(top, left, height, width, flipped.astype(bool), 32.0)


def pictures(count: int = 32, seed: int = 0) -> views.Pixels:
    return np.random.default_rng(seed).integers(0, 256, (count, 24, 24, 3), dtype=np.uint8)


def two(goal: Objective, rng: np.random.Generator, given: views.Pixels) -> list[views.View]:
    return [views.make(given, Look(), SMALL.size, rng) for _ in range(2 if goal.paired else 1)]


def test_positions_are_those_of_the_released_code() -> None:
    first = boxes((4.0, 3.0, 10.0, 12.0, False), (0.0, 5.0, 12.0, 9.0, True))
    second = boxes((6.0, 1.0, 20.0, 8.0, True), (8.0, 2.0, 6.0, 12.0, True))
    row, column = positions.places(first, second, 3)
    assert row[0] == pytest.approx([1.1] * 3 + [3.1] * 3 + [5.1] * 3)
    assert column[0, :3] == pytest.approx([6.16667, 5.5, 4.83333], abs=1e-5)
    assert row[1, ::3] == pytest.approx([1.75, 2.25, 2.75])
    assert column[1, :3] == pytest.approx([-0.83333, 0.5, 1.83333], abs=1e-5)
    golden = [0.891207, 0.011, 0.453596, 0.99994, -0.70554, 0.054972, 0.70867, 0.998488]
    golden += [0.603821, 0.069259, 0.79712, 0.997599, 0.791377, -0.040535, -0.611328, 0.999178]
    found = positions.relative(first, second, 8, 3)[0, 1]
    assert found.tolist() == pytest.approx(golden, abs=1e-5)
    own = [0.841471, 0.01, 0.540302, 0.99995, 0.909297, 0.019999, -0.416147, 0.9998]
    assert positions.table(8, 3)[5].tolist() == pytest.approx(own, abs=1e-5)


def test_the_same_crop_is_its_own_frame_and_its_mirror_image_runs_backwards() -> None:
    one, mirrored = boxes((2.0, 4.0, 12.0, 12.0, False)), boxes((2.0, 16.0, 12.0, 12.0, True))
    row, column = positions.places(one, one, 4)
    assert row[0].tolist() == np.repeat(range(4), 4).tolist()
    assert column[0].tolist() == np.tile(range(4), 4).tolist()
    _, backwards = positions.places(one, mirrored, 4)
    assert backwards[0].tolist() == np.tile(range(4)[::-1], 4).tolist()


def test_rectangles_hide_exactly_as_many_patches_as_are_asked_for() -> None:
    drawn = masks.blocks(400, 14, 118, np.random.default_rng(0), 16)
    assert (drawn.sum(1) == 118).all()
    square = drawn.reshape(-1, 14, 14).astype(int)
    edges = [np.abs(np.diff(square, axis=axis)).mean() for axis in (1, 2)]
    # 2,000 masks of the released generator have 0.1207 and 0.1209; single patches have 0.48.
    assert edges == pytest.approx([0.1208, 0.1208], abs=0.006)
    assert square.mean(0)[0, 0] < 0.2 < 0.8 < square.mean(0)[7, 7]
    assert (masks.scattered(50, 36, 27, np.random.default_rng(0)).sum(1) == 27).all()


def test_the_loss_and_its_gradient_are_those_of_the_released_code() -> None:
    made = (torch.arange(12.0).view(4, 3) / 7 - 0.5).sin().requires_grad_()
    wanted = (torch.arange(12.0).view(4, 3) / 3).cos()
    loss = losses.unigrad(made, wanted, 0.02)
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == pytest.approx(1.5603949, abs=1e-6)
    assert made.grad is not None
    assert made.grad[0].tolist() == pytest.approx([-0.2485745, -0.2177738, -0.1682263], abs=1e-6)


def test_crops_are_those_that_torch_stretches_one_by_one() -> None:
    given = torch.rand(3, 3, 24, 24)
    where = boxes(
        (0.0, 0.0, 24.0, 24.0, False), (3.0, 5.0, 10.0, 7.0, False), (9.0, 1.0, 15.0, 12.0, True)
    )
    found = views.cropped(given, where, 16)
    for i in range(3):
        one = given[i : i + 1].flip(3) if where.flipped[i] else given[i : i + 1]
        top, left = int(where.top[i]), int(where.left[i])
        part = one[..., top : top + int(where.height[i]), left : left + int(where.width[i])]
        alone = torch.nn.functional.interpolate(part, (16, 16), mode="bilinear")
        assert torch.allclose(found[i : i + 1], alone, atol=1e-5)


def test_a_look_without_changes_leaves_colours_alone_and_a_turned_hue_its_brightness() -> None:
    given, rng = torch.rand(4, 3, 8, 8), np.random.default_rng(0)
    plain = Look(colour=0.0, grey=0.0)
    assert torch.equal(views.coloured(given, plain, rng), given)
    grey = views.coloured(given, Look(colour=0.0, grey=1.0), rng)
    assert torch.allclose(grey[:, 0], grey[:, 2])
    turned = views._turned(given, torch.full((4,), 0.3))
    assert torch.allclose(views._grey(turned), views._grey(given), atol=1e-4)
    flat = torch.full((2, 3, 12, 12), 0.4)
    assert torch.allclose(views.blurred(flat, np.array([0.5, 2.0])), flat, atol=1e-5)


def test_the_base_encoder_has_the_parameters_of_the_published_one() -> None:
    shape = Shape(size=224, patch=16, width=768, depth=12, heads=12)
    with torch.device("meta"):
        encoder = Encoder(shape)
    # torchvision's vit_b_16 less its head, last norm and learned positions.
    assert sum(each.numel() for each in encoder.parameters()) == 86_567_656 - 769_000 - 152_832


@pytest.mark.parametrize("name", METHODS)
def test_every_objective_learns_something_and_does_not_collapse(name: str) -> None:
    goal, rng, given = METHODS[name], np.random.default_rng(3), pictures()
    trainer = Trainer(SMALL, goal, Rates(3e-3), seed=1)
    pairs = two(goal, rng, given)
    history = [trainer.update(pairs, i / 60)["loss"] for i in range(30)]
    assert history[-1] < history[0]
    found = tokens(trainer.encoder, views.whole(given, SMALL.size)).mean(1)
    assert float(found.std(0).mean()) > 0.02
    assert torch.linalg.matrix_rank(found - found.mean(0)) > 4


def test_updates_are_equal_from_equal_seeds() -> None:
    outcomes = []
    for _ in range(2):
        goal, rng = METHODS["sim"], np.random.default_rng(5)
        trainer = Trainer(SMALL, goal, Rates(), seed=2)
        outcomes.append([trainer.update(two(goal, rng, pictures()), i / 3) for i in range(3)])
    assert outcomes[0] == outcomes[1]


def test_the_target_follows_and_has_no_gradient() -> None:
    goal = Objective(momentum=0.9)
    trainer = Trainer(SMALL, goal, Rates(), seed=2)
    before = trainer.target["encoder"].embed.weight.clone()
    pairs = two(goal, np.random.default_rng(0), pictures())
    trainer.update(pairs, 0.0)
    assert torch.equal(trainer.target["encoder"].embed.weight, before)  # both were equal
    learned = trainer.encoder.embed.weight.detach().clone()
    trainer.update(pairs, 0.0)
    wanted = 0.9 * before + 0.1 * learned
    assert torch.allclose(trainer.target["encoder"].embed.weight, wanted, atol=1e-6)
    assert all(each.grad is None for each in trainer.target.parameters())


def test_what_an_objective_encodes_is_counted_in_patches() -> None:
    assert METHODS["sim"].encoded(36) == (14, 36)
    assert METHODS["mae"].encoded(36) == (9,)
    assert METHODS["id"].encoded(36) == (36, 36)
    assert METHODS["crossed"].encoded(36) == (14, 0)


@pytest.mark.parametrize(
    "wrong",
    [{"dense": 0.0}, {"mask": 0.95}, {"kind": "triplet"}, {"norm": "group"}, {"balance": -1.0}],
)
def test_impossible_objectives_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        Objective(**wrong)  # type: ignore[arg-type]


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match="multiple of patch"):
        Shape(size=25)
    with pytest.raises(UserError):
        Look(area=0.0)


def test_patches_are_rows_of_the_view() -> None:
    view = torch.arange(16.0).view(1, 1, 4, 4)
    cut = network.patches(view, 2)
    assert cut[0, 1].tolist() == [2, 3, 6, 7]
    assert cut[0, 2].tolist() == [8, 9, 12, 13]
