"""ImageNet's protocol on a made folder: end to end, and killed wherever it may be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import one_folder
import pytest

from leapbench import data
from leapbench.contract import registry
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.errors import Unavailable, UserError
from leapbench.results.result import Result, read
from leapbench.tasks.latency import folder, pictures


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return one_folder.made(tmp_path_factory.mktemp("imagenet"))


@pytest.fixture(autouse=True)
def here(photographs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(data, "open_folder", one_folder.opened(photographs))
    monkeypatch.setenv("LEAPBENCH_DATA", str(photographs))
    yield
    pictures.load.cache_clear()


class Killed(BaseException):
    """What stands in for the end of the process."""


def until(stop: Callable[[str], bool]) -> Callable[[float, str], None]:
    def report(fraction: float, line: str) -> None:
        if stop(line):
            raise Killed

    return report


def quiet(fraction: float, line: str) -> None:
    pass


def run(out: Path, agent: str = "resnet+lasnet", report: Callable[..., None] = quiet) -> Result:
    found = one_folder.run(out, agent, report)
    assert found.status == "ok", found.message
    return found


@pytest.mark.parametrize("agent", ["resnet+lasnet", "resnet+random-masks"])
def test_a_run_that_was_killed_goes_on_to_the_same_result(agent: str, tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", agent)
    lines: list[str] = []
    for stop in ("320 samples", "tx2: 2 streams"):
        with pytest.raises(Killed):
            run(tmp_path / "parts", agent, until(lambda line, stop=stop: stop in line))
    again = run(tmp_path / "parts", agent, lambda fraction, line: lines.append(line))
    assert again.run_id == whole.run_id
    assert not any("v100" in line or "160 samples" in line for line in lines)  # were done before
    assert [spent.used for spent in again.budget] == [0, one_folder.UPDATES * one_folder.BATCH]


def test_a_training_goes_on_from_its_save_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path, report=until(lambda line: "320 samples" in line))
    lines: list[str] = []
    run(tmp_path, report=lambda fraction, line: lines.append(line))
    assert any("going on after 312 samples" in line for line in lines)
    assert list(tmp_path.rglob("*.checkpoints")) == []


@pytest.mark.slow
def test_kill_nine(photographs: Path, tmp_path: Path) -> None:
    def started(out: Path, seconds: str) -> subprocess.Popen[bytes]:
        script, agent = one_folder.__file__, "resnet+lasnet"
        return subprocess.Popen([sys.executable, script, photographs, out, agent, seconds])

    def kept(out: Path, pattern: str) -> int:
        walked = (Path(folder) / name for folder, _, names in os.walk(out) for name in names)
        return sum(path.match(pattern) for path in walked)

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert started(whole, "0").wait() == 0
    for pattern in ("*.checkpoints/*/saved.json", "rows.json"):
        process = started(parts, "1")
        while kept(parts, pattern) < 2 - pattern.count("saved"):
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert started(parts, "0").wait() == 0
    (one,), (other,) = ([*out.rglob("seed-0.json")] for out in (whole, parts))
    assert read(other).run_id == read(one).run_id


def test_crops_depend_on_the_image_and_on_how_far_the_meter_is(photographs: Path) -> None:
    found = data.open_folder("imagenet", "train", 24)  # type: ignore[arg-type]
    meter = Meter(Budget(unit="samples", limit=100))
    still = folder.FolderImages(found, np.arange(10))
    moved = still.cropped(3, meter)
    first, other = moved[np.array([4, 2])], moved[np.array([2])]
    assert first.shape == (2, 3, 24, 24)
    assert first.dtype == np.float32
    assert np.array_equal(first[1], other[0])
    meter.spend(8)
    assert not np.array_equal(moved[np.array([2])], other)
    assert np.array_equal(still[:2], still[np.array([0, 1])])


def test_a_folder_with_too_few_images_is_refused(photographs: Path) -> None:
    sizes = {"train": 30, "calibration": 4, "test": 1}
    with pytest.raises(UserError, match="has 33 images, 34 are wanted"):
        folder.load("imagenet", sizes, 32, np.random.default_rng(0))


def test_missing_weights_are_told_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAPBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(Unavailable, match=r"no weights of the network 'full' in .*resnet50"):
        one_folder.run(tmp_path / "out", "resnet+lasnet", quiet)


def test_the_paper_tier_is_a_hundred_epochs_of_whole_batches() -> None:
    for task in ("imagenet", "imagenet-resnet50", "imagenet-regnety-400mf"):
        paper = registry.task(f"latency/{task}").protocols["paper"]
        train, batch = paper.settings["train"], int(paper.presets["batch"])
        assert train % batch == 0
        assert paper.phases[1].budget.limit == 100 * train
        assert train + paper.settings["calibration"] <= 1_281_167
        streams = paper.evaluation.episodes * paper.settings["stream"]
        assert streams == paper.settings["test"] == 50_000
