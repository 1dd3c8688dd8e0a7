"""Folders of videos: layouts, sampling, what is broken, and what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from leapbench.data import video
from leapbench.data.video_list import entries
from leapbench.errors import UserError

av = pytest.importorskip("av")


def encode(path: Path, shade: int, frames: int = 12, codec: str = "mpeg4") -> None:
    """A real encoded clip of 64x48 pixels: grey, brighter from frame to frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(frames):
            pixels = np.full((48, 64, 3), shade + 4 * i, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "clips"
    for name, shade in (("dark", 20), ("light", 150)):
        for i in range(2):
            encode(folder / "train" / name / f"{i}.mp4", shade + i)
    return folder


def test_a_folder_a_class(root: Path) -> None:
    found = video.read(root, "train", 4, 32)
    assert found.frames.shape == (4, 4, 32, 32, 3)
    assert found.labels.tolist() == [0, 0, 1, 1]
    assert found.classes == ("dark", "light")
    means = found.frames.mean((2, 3, 4))
    assert (np.diff(means, axis=1) > 0).all()
    assert means[:2].max() < means[2:].min()
    assert found.broken == ()


def test_a_broken_file_costs_a_line(root: Path) -> None:
    (root / "train" / "dark" / "9.mp4").write_bytes(b"no clip at all")
    with pytest.warns(UserWarning, match=r"9\.mp4 cannot be decoded"):
        found = video.read(root, "train", 4, 32)
    assert len(found.labels) == 4
    assert found.broken == ("train/dark/9.mp4",)
    assert found.labels.tolist() == [0, 0, 1, 1]


def test_clips_are_decoded_once_and_checked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = np.array(video.read(root, "train", 4, 32).frames)
    decoded: list[str] = []
    plain = video.decode
    monkeypatch.setattr(
        video, "decode", lambda path, *rest: decoded.append(path.name) or plain(path, *rest)
    )
    assert (video.read(root, "train", 4, 32).frames == first).all()
    assert decoded == []
    (kept,) = (root.parent / "cache" / "videos").glob("*/frames.npy")
    damaged = bytearray(kept.read_bytes())
    damaged[-1] ^= 255
    kept.write_bytes(damaged)
    assert (video.read(root, "train", 4, 32).frames == first).all()
    assert len(decoded) == 4
    encode(root / "train" / "dark" / "1.mp4", 90)
    assert not (video.read(root, "train", 4, 32).frames == first).all()


def test_where_nothing_says_so_every_fifth_clip_is_a_test(tmp_path: Path) -> None:
    for name, count in (("a", 12), ("b", 4)):
        (tmp_path / name).mkdir()
        for i in range(count):
            (tmp_path / name / f"{i:02d}.mp4").write_bytes(b"")
    train, test = ({each.name for each in entries(tmp_path, s)[0]} for s in ("train", "test"))
    assert test == {"a/04.mp4", "a/09.mp4"}
    assert len(train) == 14
    assert not train & test
    assert len(entries(tmp_path, "all")[0]) == 16


def test_a_class_has_one_number_in_all_splits(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "test/b", "test/new"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "0.mp4").write_bytes(b"")
    assert [each.label for each in entries(tmp_path, "train")[0]] == [0, 1]
    found, names = entries(tmp_path, "test")
    assert [tuple(each) for each in found] == [("test/b/0.mp4", 1), ("test/new/0.mp4", 2)]
    assert names == ("a", "b", "new")


def test_decoding_tells_how_far_it_is(root: Path) -> None:
    said: list[str] = []
    video.read(root, "train", 4, 32, lambda fraction, line: said.append(line))
    assert said[-1] == "decoding clip 4 of 4"


def test_lists_as_people_have_them(root: Path) -> None:
    names = ["train/dark/0.mp4", "train/light/1.mp4"]
    (root / "val.txt").write_text(f"{names[0]} 0\n{names[1]} 12 1\n")
    assert [tuple(e) for e in entries(root, "val")[0]] == [(names[0], 0), (names[1], 1)]
    (root / "clips.csv").write_text(
        f"path,label,class,split\n{names[0]},0,dark,a\n{names[1]},1,light,b\n"
    )
    assert entries(root, "b") == ([(names[1], 1)], ("0", "light"))
    encode(root / "videos" / "77.mp4", 30)
    said = [{"id": "77", "label": "holding a box", "template": "Holding [something]"}]
    (root / "sth.json").write_text(json.dumps(said))
    assert entries(root, "sth") == ([("videos/77.mp4", 0)], ("Holding something",))
    (root / "labels.json").write_text(json.dumps({"Other": "0", "Holding something": "1"}))
    assert entries(root, "sth")[0] == [("videos/77.mp4", 1)]
    (root / "dive.json").write_text(json.dumps([{"vid_name": "77", "label": 3}]))
    assert entries(root, "dive")[0] == [("videos/77.mp4", 3)]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.txt", "a.mp4 one\n", "no list of clips"),
        ("x.csv", "where,what\na,b\n", "no list of clips"),
        ("x.json", "{}", "names no clips"),
        ("x.txt", "/etc/passwd 0\n", "outside"),
        ("x.txt", "../a.mp4 0\n", "outside"),
        ("x.txt", "a.mp4 -1\n", "no list of clips"),
    ],
)
def test_wrong_lists_are_told(root: Path, name: str, text: str, said: str) -> None:
    (root / name).write_text(text)
    with pytest.raises(UserError, match=said):
        entries(root, "x")


def test_no_clips_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match="no folder"):
        entries(tmp_path / "nowhere", "train")
    (tmp_path / "a" / "one").mkdir(parents=True)
    (tmp_path / "a" / "one" / "x.mp4").write_bytes(b"")
    with pytest.raises(UserError, match="None of the 1 clips"):
        video.read(tmp_path / "a", "train", 4, 32)


@pytest.mark.parametrize(("total", "count"), [(1, 4), (16, 16), (300, 8), (7, 8)])
def test_sampled_frames_are_spread_and_inside(total: int, count: int) -> None:
    at = video.sampled(total, count)
    assert at.shape == (count,)
    assert (np.diff(at) >= 0).all()
    assert at.min() >= 0
    assert at.max() < total
    if total % count == 0:
        assert set(np.diff(at).tolist()) <= {total // count}
