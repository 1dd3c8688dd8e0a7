"""Tasks of glances: disjoint clips, budgets as shares of counted costs, folders end to end."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leapbench.contract import registry
from leapbench.contract.artifacts import ArtifactStore
from leapbench.contract.task import Protocol
from leapbench.envs.exits.observation import ExitColumn
from leapbench.envs.videoglance import needle
from leapbench.envs.videoglance.dynamics import SHARES
from leapbench.envs.videoglance.networks import GlanceNetwork
from leapbench.envs.videoglance.observation import Layout
from leapbench.envs.videoglance.reference import load_reference
from leapbench.envs.videoglance.shape import shape_of
from leapbench.errors import UserError
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.tasks.streams import shares
from leapbench.tasks.videoglance import banks, clips, sprites
from leapbench.tasks.videoglance.harness import VideoGlanceHarness
from leapbench.testing import small_task
from leapbench.testing.smaller import standing_in

TASKS = tuple(f"videoglance/{name}" for name in ("needle", "sprites", "folder"))
SMALL = small_task("videoglance/needle")


def protocol() -> Protocol:
    return SMALL.protocols["smoke"]


def outcome(agent: str, out: Path, seed: int = 0) -> Any:
    with standing_in(SMALL):
        made = cell.run(Cell(SMALL.name, "smoke", agent, seed, (), out), lambda f, line: None)
    assert made.status == "ok", made.message
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("glances")


@pytest.mark.parametrize("name", TASKS)
def test_budgets_are_shares_of_the_counted_cost(name: str) -> None:
    for tier, each in registry.task(name).protocols.items():
        if tier == "paper":  # hundreds of megabytes of weights
            continue
        shape = shape_of(each.settings["network"])
        first, look = banks.costs(GlanceNetwork(shape, "heatmap"))
        full = first + shape.looks * look
        assert [int(b) for b in each.evaluation.budgets] == [int(s * full) for s in SHARES]
        assert first <= min(each.evaluation.budgets)


def test_items_of_training_are_seen_in_no_other_clip() -> None:
    shares = needle.parts(1797, needle.ITEMS, 5)
    train, calibration, test = (set(shares[name].tolist()) for name in clips.SPLITS)
    assert len(train | calibration | test) == 1797
    assert not train & calibration
    assert not train & test
    assert not calibration & test


def test_clips_are_the_protocols_and_a_salt_draws_others() -> None:
    settings, key = protocol().settings, protocol().seed_key
    first, again, salted = (clips.load(settings, key, salt) for salt in ("", "", "secret"))
    for split in clips.SPLITS:
        assert (first[split].frames == again[split].frames).all()
        assert not (first[split].frames == salted[split].frames).all()
    drawn = clips.footage(settings, key, "test")
    assert drawn is not None
    assert (needle.Footage(**drawn)(3) == first["test"].frames[3]).all()


def test_no_phase_is_given_test_clips(folder: Path) -> None:
    with standing_in(SMALL):
        one = Cell(SMALL.name, "smoke", "adafocus-v3", 0, (), folder)
        harness, parts = cell.learned(one, roles=("model",))
        assert isinstance(harness, VideoGlanceHarness)
        train, calibrate = harness.protocol.phases
        opened = harness.open(train, {}, lambda f, line: None)
        assert (opened.data.images == harness.clips["train"].frames).all()
        opened = harness.open(calibrate, parts, lambda f, line: None)
    held = harness.clips["calibration"]
    assert np.array_equal(opened.data.labels, held.labels)
    assert not np.array_equal(opened.data.labels, harness.clips["test"].labels)
    assert opened.make_env is not None
    played = opened.make_env(2).unwrapped.bank
    assert np.array_equal(played.labels, opened.data.labels)
    for bank in (opened.data, played):  # where the objects are is for an oracle alone
        assert not bank.overlap.any()
    harness.reveal(opened, parts)
    assert opened.data.overlap.any()
    assert not opened.make_env(2).unwrapped.bank.overlap.any()


def test_every_model_starts_from_the_same_weights(folder: Path) -> None:
    harness = VideoGlanceHarness(protocol(), 0, ArtifactStore(folder / "warm"))
    a, b = (harness._warm(lambda f, line: None) for _ in range(2))
    other = VideoGlanceHarness(protocol(), 1, ArtifactStore(folder / "warm"))._warm(
        lambda f, line: None
    )
    assert all((a[name] == b[name]).all() for name in a)
    assert any((a[name] != other[name]).any() for name in a)


def test_policies_share_a_training_and_no_budget_is_exceeded(folder: Path) -> None:
    first = outcome("adafocus-v3+confidence", folder)
    second = outcome("adafocus-v3+tube-oracle", folder)
    assert second.budget[0].reused
    assert not first.agent.parts[1].file_hash
    assert first.agent.ranked
    assert not second.agent.ranked
    for made in (first, second):
        assert made.metrics["violations"] == 0
        assert all(row["spent"] <= row["limit"] for row in made.rows())
    assert second.metrics["hits"] > first.metrics["hits"]  # the phase told where objects are
    assert len(first.details["curve"]) == len(protocol().evaluation.budgets)
    assert first.details["anytime"][0]["looks"] == 0


def test_samples_of_a_row_are_in_no_other() -> None:
    found = shares(23, 4, 5, seed=1)
    assert found.shape == (4, 5)
    assert len(set(found.ravel().tolist())) == 20
    assert np.array_equal(found, shares(23, 4, 5, seed=1))
    assert not np.array_equal(found, shares(23, 4, 5, seed=2))
    with pytest.raises(UserError, match="need 24 test samples"):
        shares(23, 4, 6, seed=1)


def test_too_few_test_clips_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    small = protocol()
    few = small.model_copy(update={"settings": small.settings | {"test": 19}})
    harness = VideoGlanceHarness(few, 0, ArtifactStore(tmp_path))
    with pytest.raises(UserError, match="need 20 test samples"):
        harness.open(few.phases[0], {}, lambda f, line: None)


class Rememberer:
    """Looks at the clips' own cubes in turn; goes back to the one that once helped most.

    Attributes:
        known: for each clip, by what never changes in its observation, what cubes did to the
            largest probability.
        met: clips that were met before.
        remembers: False looks at nothing in `known`.
    """

    def __init__(self, layout: Layout, remembers: bool) -> None:
        self.layout, self.remembers, self.met = layout, remembers, 0
        self.known: dict[bytes, dict[int, float]] = {}
        self.last: list[tuple[bytes, int, float]] = []

    def predict(
        self, observation: np.ndarray, state: Any = None, start: Any = None, deterministic: Any = 1
    ) -> tuple[np.ndarray, Any]:
        """The best known cube of each clip, then those that are not known."""
        before = self.last if not start.any() else [(b"", 0, 0.0)] * len(observation)
        acted, self.last = [], []
        for row, (clip, cube, sure) in zip(observation, before, strict=True):
            key = row[self.layout.fixed].tobytes()
            seen = row[self.layout.visited] > 0
            if key == clip and seen.any():
                self.known[clip][cube] = float(row[ExitColumn.TOP1]) - sure
            if not seen.any():
                self.met += key in self.known
                self.known.setdefault(key, {})
            acted.append(self.choice(row, seen, self.known[key] if self.remembers else {}))
            self.last.append((key, acted[-1], float(row[ExitColumn.TOP1])))
        return np.array(acted), state

    def choice(self, row: np.ndarray, seen: np.ndarray, known: dict[int, float]) -> int:
        """A cube, or the answer after two looks."""
        if seen.sum() >= 2:
            return self.layout.cubes
        worth = row[self.layout.proposal] * 1e-3
        for cube, gain in known.items():
            worth[cube] += gain
        return int(np.where(seen, -np.inf, worth).argmax())


def test_what_is_remembered_of_one_row_is_of_no_use_in_another(tmp_path: Path) -> None:
    test = load_reference("needle")[1]
    small = protocol()
    evaluation = small.evaluation.model_copy(update={"episodes": 3})
    long = small.model_copy(
        update={"evaluation": evaluation, "settings": small.settings | {"stream": 50}}
    )
    harness = VideoGlanceHarness(long, 0, ArtifactStore(tmp_path))
    harness.bank = lambda model, split, report: test  # type: ignore[assignment,misc]
    cheat, plain = (Rememberer(Layout.of(test), remembers) for remembers in (True, False))
    found = []
    for policy in (cheat, plain):
        made = harness.evaluate({"model": None, "policy": policy}, lambda f, line: None)  # type: ignore[dict-item]
        found.append(harness.metrics(long, made.rows))
    assert found[0]["looks"] > 1
    assert found[0] == found[1]
    assert cheat.met == 0
    assert len(cheat.known) == 300


def test_metrics_follow_from_rows() -> None:
    row = {"budget": 10, "length": 4, "spent": 40, "limit": 40, "answered": 4}
    rows: list[Any] = [
        row | {"accuracy": 0.5, "looks": 6, "hits": 1},
        row | {"budget": 20, "accuracy": 1.0, "spent": 80, "limit": 79, "looks": 2, "hits": 3},
    ]
    found = VideoGlanceHarness.metrics(protocol(), rows)
    assert found["accuracy"] == 0.75
    assert found["violations"] == 1
    assert found["looks"] == 1
    assert found["hits"] == 0.5
    assert (found["accuracy_1"], found["accuracy_2"]) == (0.5, 1.0)


def strip(shade: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    pixels = np.full((64, 512, 3), shade, np.uint8)
    pixels[:, ::64] = 255
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_sprites_are_read_from_their_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.setenv("LEAPBENCH_DATA", str(tmp_path))
    sprites.read.cache_clear()
    with pytest.raises(UserError, match="Sprites were not found"):
        sprites.read("train")
    (tmp_path / "sprites").mkdir()
    table = pa.table({"frames_png": [strip(10), strip(90)], "label": [0, 8]})
    pq.write_table(table, tmp_path / "sprites" / "train.parquet")
    found = sprites.read("train")
    assert found.frames.shape == (2, 8, 64, 64, 3)
    assert found.labels.tolist() == [0, 8]
    assert (found.frames[1, 3, :, 1:] == 90).all()
    pq.write_table(pa.table({"other": [1]}), tmp_path / "sprites" / "test.parquet")
    with pytest.raises(UserError, match="does not hold sprites"):
        sprites.read("test")
    sprites.read.cache_clear()


def test_characters_stand_where_a_seed_puts_them() -> None:
    frames = np.zeros((5, 8, 64, 64, 3), np.uint8)
    frames[:, 2:6, 10:50, 20:40] = 7
    plain = needle.Clips(frames, np.arange(5))
    first, again, other = (sprites.placed(plain, 96, seed) for seed in (1, 1, 2))
    assert first.frames.shape == (5, 8, 96, 96, 3)
    assert (first.frames == again.frames).all()
    assert not (first.frames == other.frames).all()
    assert first.frames.sum() == frames.sum()
    assert first.first is not None
    assert first.last is not None
    assert (first.last - first.first).tolist() == [[8, 40, 20]] * 5
    for clip, (_, y, x) in zip(first.frames, first.first.tolist(), strict=True):
        assert (clip[3, y : y + 40, x : x + 20] == 7).all()


@pytest.mark.slow
def test_clips_of_ones_own_by_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("av")
    import runpy
    import sys

    sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
    from test_data_video import encode

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LEAPBENCH_DATA", "")  # the example sets it
    for i in range(120):
        encode(tmp_path / "mine" / f"{i % 3}" / f"{i:03d}.mp4", 60 * (i % 3), 8)
    path = Path(__file__).parents[2] / "examples" / "own_clips.py"
    runpy.run_path(str(path))["main"](tmp_path / "mine", ["random-cubes"], 2)
    assert "random-cubes+confidence:" in capsys.readouterr().out


@pytest.mark.slow
def test_a_folder_of_clips_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    import sys

    sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
    from test_data_video import encode

    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LEAPBENCH_DATA", str(tmp_path))
    for split, count in (("train", 20), ("test", 37)):
        for i in range(count):
            name = f"{i % 13:02d}"
            encode(tmp_path / "ucf101-subset" / split / name / f"{i}.mp4", 15 * (i % 13), 8)
    task = registry.task("videoglance/folder")
    lite = task.protocols["lite"]
    settings = lite.settings | {
        "calibration": 4,
        "batch": 8,
        "warm": {**lite.settings["warm"], "updates": 2},
    }
    phases = tuple(
        p.model_copy(update={"budget": p.budget.model_copy(update={"limit": 16})})
        for p in lite.phases
    )
    small = lite.model_copy(update={"settings": settings, "phases": phases})
    made = task.model_copy(update={"protocols": {"lite": small}})
    with standing_in(made):
        found = cell.run(
            Cell(made.name, "lite", "adafocus-v3", 0, (), tmp_path / "runs"), lambda f, line: None
        )
    assert found.status == "ok", found.message
    assert found.metrics["violations"] == 0
