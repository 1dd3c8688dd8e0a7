"""Tiny folders in both formats, written here, are read back as the cameras they came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leapbench.envs.activeview.cameras import Optics, look_at, project
from leapbench.envs.activeview.env import ActiveViewEnv
from leapbench.envs.activeview.loaders import from_blender, from_llff, load, pictures
from leapbench.envs.activeview.loaders.lens import Lens
from leapbench.errors import UserError

MARK = np.array([[0.3], [-0.2], [0.25]], np.float32)
"""A point of the world, which is a dark spot in every picture."""
LARGE = Optics((50.0, 50.0, 30.0, 20.0), 40, 60)


def spotted(pose: np.ndarray, alpha: bool) -> Image.Image:
    """What a camera sees of the mark: five black pixels on each side of it."""
    pixels, depth = project(MARK, pose, LARGE)
    assert depth > 0
    column, row = (int(value) for value in pixels[:, 0])
    picture = np.zeros((40, 60, 4), np.uint8) if alpha else np.full((40, 60, 3), 255, np.uint8)
    spot = (0, 0, 0, 255) if alpha else (0, 0, 0)
    picture[row - 2 : row + 3, column - 2 : column + 3] = spot
    return Image.fromarray(picture)


def spot(image: np.ndarray) -> np.ndarray:
    """ViewColumn and row of the middle of the dark pixels."""
    dark = 255.0 - image.mean(axis=2)
    rows, columns = np.indices(dark.shape) + 0.5
    return np.array([(columns * dark).sum(), (rows * dark).sum()]) / dark.sum()


def around(count: int, distance: float) -> np.ndarray:
    angle = np.linspace(0, 2, count)
    places = np.stack((np.cos(angle), np.sin(angle), 0.3 + 0.2 * angle), 1) * distance
    return look_at(places, (0, 0, 0))


@pytest.fixture
def blender(tmp_path: Path) -> Path:
    for split, count in (("train", 6), ("test", 3)):
        (tmp_path / split).mkdir()
        frames = []
        for i, pose in enumerate(around(count, 2.5)):
            spotted(pose, alpha=True).save(tmp_path / split / f"r_{i}.png")
            frames.append({"file_path": f"./{split}/r_{i}", "transform_matrix": pose.tolist()})
        described = {"camera_angle_x": 2 * float(np.arctan(30 / 50)), "frames": frames}
        (tmp_path / f"transforms_{split}.json").write_text(json.dumps(described))
    return tmp_path


def described(folder: Path, **more: Any) -> None:
    """Rewrite both files of poses with a camera in full."""
    for split in ("train", "test"):
        path = folder / f"transforms_{split}.json"
        found = json.loads(path.read_text())
        found.pop("camera_angle_x", None)
        path.write_text(json.dumps(found | more))


def test_a_bent_picture_is_straightened(blender: Path) -> None:
    mark = MARK * np.float32(2)  # far from the middle, where the lens bends
    bends = {"k1": 0.6, "k2": -0.05, "p1": 0.02, "p2": -0.03}
    named = {"fl_x": 100.0, "fl_y": 100.0, "cx": 64.0, "cy": 38.0, "w": 120, "h": 80}  # twice
    lens = Lens.of(named | bends, (40, 60), "here")
    assert lens.optics.intrinsics == (50.0, 50.0, 32.0, 19.0)
    for split, views in (("train", around(6, 2.5)), ("test", around(3, 2.5))):
        for i, pose in enumerate(views):
            x, y = project(mark, pose, lens.optics)[0][:, 0]
            moved = lens.bent(np.array(x, np.float64), np.array(y, np.float64))
            column, row = (int(value) for value in moved)
            picture = np.full((40, 60, 3), 255, np.uint8)
            picture[row - 2 : row + 3, column - 2 : column + 3] = 0
            Image.fromarray(picture).save(blender / split / f"r_{i}.png")
    described(blender, **named, **bends)
    data = load(blender, 60)
    far = 0.0
    for views in (data.train, data.test):
        for image, pose in zip(*views, strict=True):
            pixels, _ = project(mark / np.float32(1.5), pose, data.optics)
            assert spot(image) == pytest.approx(pixels[:, 0], abs=0.8)
            place = np.float64(pixels[:, 0])
            far = max(far, float(np.abs(np.array(lens.bent(*place)) - place).max()))
    assert far > 1  # else nothing was bent


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"fl_x": "wide"}, "numbers"), ({"fl_x": -1}, "positive"), ({"fl_x": 50, "k3": 1}, "k3")],
)
def test_a_camera_that_is_none_is_told(blender: Path, wrong: dict[str, Any], said: str) -> None:
    described(blender, **wrong)
    with pytest.raises(UserError, match=said):
        load(blender, 30)


def test_the_box_of_instant_ngp_is_as_wide_as_its_file_says(blender: Path) -> None:
    near = from_blender(blender, 30).train.poses[:, :3, 3]
    described(blender, camera_angle_x=0.7, aabb_scale=4)
    assert np.allclose(from_blender(blender, 30).train.poses[:, :3, 3], near / 4)
    assert np.allclose(from_blender(blender, 30, 1.5).train.poses[:, :3, 3], near)
    described(blender, camera_angle_x=0.7, aabb_scale=0)
    with pytest.raises(UserError, match="aabb_scale above 0"):
        from_blender(blender, 30)


def test_of_one_file_every_eighth_frame_is_for_tests(tmp_path: Path) -> None:
    frames = []
    for i, pose in enumerate(around(9, 2.5)):
        spotted(pose, alpha=True).save(tmp_path / f"{i}.png")
        frames.insert(0, {"file_path": f"{i}.png", "transform_matrix": pose.tolist()})
    whole = {"camera_angle_x": 2 * float(np.arctan(30 / 50)), "frames": frames}
    (tmp_path / "transforms.json").write_text(json.dumps(whole))
    data, poses = load(tmp_path, 30), around(9, 2.5)
    assert np.allclose(data.test.poses[:, :3, :3], poses[[0, 8], :3, :3])
    assert np.allclose(data.train.poses[:, :3, :3], poses[1:8, :3, :3])
    (tmp_path / "transforms.json").write_text(json.dumps(whole | {"frames": frames[:1]}))
    with pytest.raises(UserError, match="one frame"):
        load(tmp_path, 30)


def forward(count: int) -> np.ndarray:
    """Cameras side by side that look along y."""
    shift = np.linspace(-0.4, 0.4, count)
    places = np.stack((shift, np.full(count, -2.0), 0.1 * shift), 1)
    return look_at(places, np.add(places, (0, 1, 0)))


@pytest.fixture
def llff(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    rows = []
    for i, pose in enumerate(forward(9)):
        spotted(pose, alpha=False).save(tmp_path / "images" / f"{i:03}.png")
        right, up, back, place = pose[:3].T
        # The file is for pictures of twice the size.
        matrix = np.stack((-up, right, back, place, [80.0, 120.0, 100.0]), 1)
        rows.append([*matrix.ravel(), 1.5, 4.0])
    np.save(tmp_path / "poses_bounds.npy", np.array(rows))
    return tmp_path


@pytest.mark.parametrize("resolution", [60, 30])
def test_blender_poses_and_intrinsics_by_reprojection(blender: Path, resolution: int) -> None:
    data = from_blender(blender, resolution)
    assert (data.optics.width, data.optics.height) == (resolution, resolution * 2 // 3)
    assert (len(data.train.poses), len(data.test.poses)) == (6, 3)
    for views in (data.train, data.test):
        for image, pose in zip(*views, strict=True):
            pixels, _ = project(MARK / np.float32(1.5), pose, data.optics)
            # The spot is drawn around the middle of the pixel that holds the mark.
            assert spot(image) == pytest.approx(pixels[:, 0], abs=0.6)
            assert image[0, 0].tolist() == [255] * 3


@pytest.mark.parametrize("resolution", [60, 30])
def test_llff_poses_and_intrinsics_by_reprojection(llff: Path, resolution: int) -> None:
    data = from_llff(llff, resolution)
    assert (data.optics.width, data.optics.height) == (resolution, resolution * 2 // 3)
    assert (len(data.train.poses), len(data.test.poses)) == (7, 2)
    # The frame of the average camera, which stands at (0, -2, 0) and looks along y.
    focus = 1 / (0.25 / (0.9 * 1.5) + 0.75 / (5 * 4.0))
    scale = focus * 60 / 50 / 2
    x, y, z = MARK[:, 0]
    mark = np.array([[x], [y + 2 - focus], [z]], np.float32) / np.float32(scale)
    for views in (data.train, data.test):
        for image, pose in zip(*views, strict=True):
            pixels, _ = project(mark, pose, data.optics)
            assert spot(image) == pytest.approx(pixels[:, 0], abs=0.6)


def test_llff_fills_the_box(llff: Path) -> None:
    data = from_llff(llff, 60)
    middle = np.concatenate((data.train.poses, data.test.poses)).mean(axis=0)
    # At the middle of the box, the average camera's picture is as wide as the box.
    edge = np.array([[1.0, -1.0], [0, 0], [0, 0]], np.float32)
    pixels, _ = project(edge, middle, data.optics)
    assert pixels[0] == pytest.approx([60, 0], abs=0.1)


def test_a_picture_is_put_on_white(blender: Path) -> None:
    half = np.zeros((40, 60, 4), np.uint8)
    half[..., 3] = 128
    Image.fromarray(half).save(blender / "train" / "r_0.png")
    assert from_blender(blender, 60).train.images[0, 5, 5].tolist() == [127] * 3


@pytest.mark.parametrize("kind", ["blender", "llff"])
def test_an_episode_on_photographs(kind: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(kind)
    settings: dict[str, Any] = {
        "views": 2,
        "initial": 2,
        "tests": 2,
        "resolution": 12,
        "first": 2,
        "iterations": 1,
        "field": {"resolution": 6, "coarse": 6, "samples": 8, "rays": 32},
        "features": True,
        "render_mode": "rgb_array",
    }
    env = ActiveViewEnv(str(folder), **settings)
    train = load(folder, 12).train
    seen, _ = env.reset(seed=0)
    assert env.action_space.n == len(train.poses) - 2
    assert env.observation_space.contains(seen)
    seen, *_ = env.step(1)
    (index,) = np.nonzero((train.poses == seen["poses"][2]).all(axis=(1, 2)))[0]
    assert np.array_equal(seen["images"][2], train.images[index])
    picture, (_, _, over, _, info) = env.render(), env.step(0)
    assert picture is not None
    assert picture.std() > 5
    assert over
    assert np.isnan(info["unseen_psnr"]).all()
    assert np.isfinite(info["psnr"]).all()
    other, _ = env.reset(seed=1)
    assert not np.array_equal(other["poses"][:2], seen["poses"][:2])


def test_what_is_wrong_with_a_folder_is_said(blender: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="initial=6"):
        ActiveViewEnv(str(blender), initial=6)
    with pytest.raises(UserError, match="pool"):
        ActiveViewEnv(str(blender), pool="decoy", initial=2, views=2)
    (blender / "train" / "r_3.png").unlink()
    with pytest.raises(UserError, match=r"r_3\.png"):
        load(blender, 12)
    (blender / "transforms_test.json").write_text("[]")
    with pytest.raises(UserError, match=r"transforms_test\.json"):
        load(blender, 12)
    (blender / "transforms_test.json").unlink()
    with pytest.raises(UserError, match=r"transforms_test\.json"):
        load(blender, 12)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="NeRF-synthetic"):
        load(tmp_path / "empty", 12)
    with pytest.raises(UserError, match="path of a folder"):
        ActiveViewEnv(str(tmp_path / "nowhere"))


def test_what_is_wrong_with_an_llff_folder_is_said(llff: Path) -> None:
    Image.new("RGB", (30, 20)).save(llff / "images" / "004.png")
    with pytest.raises(UserError, match=r"004\.png is 30 x 20"):
        load(llff, 12)
    (llff / "images" / "004.png").write_text("no picture")
    with pytest.raises(UserError, match="not a picture"):
        load(llff, 12)
    (llff / "images" / "004.png").unlink()
    with pytest.raises(UserError, match="9 poses for 8 pictures"):
        load(llff, 12)
    np.save(llff / "poses_bounds.npy", np.zeros((8, 15)))
    with pytest.raises(UserError, match=r"\(N, 17\)"):
        load(llff, 12)
    np.save(llff / "poses_bounds.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(UserError, match="not an array"):
        load(llff, 12)


@pytest.mark.parametrize("spoil", ["nan", "inf", "scaled", "mirrored", "skewed", "zero", "twice"])
def test_poses_that_are_none_are_told(blender: Path, spoil: str) -> None:
    path = blender / "transforms_train.json"
    described = json.loads(path.read_text())
    pose = np.array(described["frames"][1]["transform_matrix"])
    match spoil:
        case "nan":
            pose[0, 3] = np.nan
        case "inf":
            pose[1, 1] = np.inf
        case "scaled":
            pose[:3, :3] *= 2
        case "mirrored":
            pose[:3, 0] *= -1
        case "skewed":
            pose[0, 0] += 0.1
        case "zero":
            pose[:3, :3] = 0
        case "twice":
            pose[:3, 0] = pose[:3, 1]
    described["frames"][1]["transform_matrix"] = pose.tolist()
    path.write_text(json.dumps(described))
    with pytest.raises(UserError, match="pose 1"):
        load(blender, 30)


def test_axes_of_llff_are_rotations(llff: Path) -> None:
    table = np.load(llff / "poses_bounds.npy")
    table[2, 0] += 0.5
    np.save(llff / "poses_bounds.npy", table)
    with pytest.raises(UserError, match="the axes of pose 2 are no rotation"):
        load(llff, 30)


def test_names_may_have_dots(blender: Path) -> None:
    path = blender / "transforms_train.json"
    described = json.loads(path.read_text())
    for frame in described["frames"]:
        file = blender / f"{frame['file_path']}.png"
        frame["file_path"] += "_0.5"
        file.rename(blender / f"{frame['file_path']}.png")
    path.write_text(json.dumps(described))
    assert len(load(blender, 30).train.poses) == 6


def test_companions_of_another_system_are_no_pictures(llff: Path) -> None:
    (llff / "images" / "._000.png").write_bytes(b"\0\5\26\7")
    found = load(llff, 30)
    assert len(found.train.poses) + len(found.test.poses) == 9


def test_smaller_copies_do_where_pictures_are_missing(llff: Path) -> None:
    whole = load(llff, 30)
    (llff / "images").rename(llff / "images_4")
    assert np.array_equal(load(llff, 30).train.images, whole.train.images)
    (llff / "images_4").rename(llff / "elsewhere")
    with pytest.raises(UserError, match=r"no folder .*images, nor images_2, images_4, images_8"):
        load(llff, 30)


def test_pictures_of_16_bits_are_scaled(tmp_path: Path) -> None:
    grey = np.array([[0, 257 * 10], [257 * 200, 65535]], np.uint16)
    Image.fromarray(grey).save(tmp_path / "a.png")
    found = pictures.read(tmp_path / "a.png", (2, 2), (2, 2))
    assert found[..., 0].tolist() == [[0, 10], [200, 255]]
    Image.fromarray(np.ones((2, 2), np.float32)).save(tmp_path / "b.tiff")
    with pytest.raises(UserError, match="not of 8 or 16 bits"):
        pictures.read(tmp_path / "b.tiff", (2, 2), (2, 2))
