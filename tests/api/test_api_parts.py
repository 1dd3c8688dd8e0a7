"""Learned parts that are taken along: kept, loaded, pushed to a folder or a hub and pulled."""

from __future__ import annotations

import inspect
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leapbench as lb
from leapbench.api import load
from leapbench.contract import registry
from leapbench.running import parts
from leapbench.testing import shrink, standing_in

TASK = "coins/small"


class Side:
    """Bets on one side."""

    def __init__(self, side: float = 2.0) -> None:
        self.side = side

    def learn(self, phase: Any) -> None:
        pass

    def predict(self, observation: Any, state: Any = None, *_: Any, **__: Any) -> tuple[Any, Any]:
        return np.ones(len(observation), int), state

    def save(self, folder: Path) -> None:
        (folder / "side.json").write_text(json.dumps(self.side))

    def load(self, folder: Path) -> None:
        self.side = json.loads((folder / "side.json").read_text())


def agent() -> Side:
    return Side()


@pytest.mark.usefixtures("plugin")
def test_what_was_learned_is_kept_and_loaded(tmp_path: Path) -> None:
    found = lb.run(TASK, "toy-guess", out=tmp_path, keep=True, progress=False)
    kept = found.cells[0].kept
    assert sorted(each.name for each in kept.iterdir()) == ["model", "policy"]
    assert "# toy-mean on coins/small" in (kept / "model" / parts.CARD).read_text()
    mean = lb.load(TASK, "toy-guess", out=tmp_path, role="model", progress=False)
    assert mean.network == lb.load(kept / "model").network != 0.5
    assert type(lb.load(TASK, "toy-guess", out=tmp_path, progress=False)).__name__ == "Guess"
    assert lb.load(TASK, agent, out=tmp_path, progress=False).side == 2.0
    with pytest.raises(lb.UserError, match="has no part 'pilot'"):
        lb.load(TASK, "toy-guess", out=tmp_path, role="pilot", progress=False)


@pytest.mark.usefixtures("plugin")
def test_a_result_without_its_parts_is_run_again_to_keep_them(tmp_path: Path) -> None:
    first = lb.run(TASK, "toy-guess", out=tmp_path, progress=False)
    assert parts.missing(first.cells[0].kept)
    again = lb.run(TASK, "toy-guess", out=tmp_path, keep=True, progress=False)
    assert not parts.missing(again.cells[0].kept)
    assert again[0].digest() == first[0].digest()


@pytest.mark.usefixtures("plugin")
def test_a_folder_is_not_trusted(tmp_path: Path) -> None:
    lb.run(TASK, "toy-guess", out=tmp_path, keep=True, progress=False)
    (folder,) = tmp_path.rglob("policy")
    file = folder / parts.RECORD
    good = json.loads(file.read_text())
    for change, message in (
        ({"part": "toy-gues"}, "There is no agent"),
        ({"role": "model"}, "is no model"),
        ({"settings": {"rounds": [1]}}, "does not say what"),
        ({"settings": {"rund": 1}}, "no setting"),
        ({"task": "coins/none"}, "There is no task"),
    ):
        file.write_text(json.dumps(good | change))
        with pytest.raises(lb.UserError, match=message):
            lb.load(folder)
    with pytest.raises(lb.UserError, match="holds no learned part"):
        lb.load(tmp_path)
    with pytest.raises(lb.UserError, match="There is no folder"):
        lb.load(tmp_path / "nowhere")


@pytest.mark.usefixtures("plugin")
def test_a_hub_gets_and_gives_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hub:
        def create_repo(self, name: str, exist_ok: bool) -> None:
            (tmp_path / "hub" / name).mkdir(parents=True, exist_ok=exist_ok)

        def upload_folder(self, repo_id: str, folder_path: str, allow_patterns: Any) -> str:
            for pattern in allow_patterns:
                for each in Path(folder_path).glob(pattern):
                    shutil.copy(each, tmp_path / "hub" / repo_id)
            return repo_id

        def snapshot_download(self, repo_id: str, allow_patterns: Any) -> str:
            return str(tmp_path / "hub" / repo_id)

    monkeypatch.setattr(load, "_hub", Hub)
    found = lb.run(TASK, "toy-guess", out=tmp_path, keep=True, progress=False)
    lb.push(found.cells[0].kept / "model", "hf:me/mean")
    there = sorted(each.name for each in (tmp_path / "hub/me/mean").iterdir())
    assert there == ["README.md", "leapbench.json", "mean.json"]
    mean = lb.load(TASK, "toy-guess", out=tmp_path, role="model", progress=False)
    assert lb.load("hf:me/mean").network == mean.network


def test_a_hub_that_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def snapshot_download(self, *_: Any, **__: Any) -> str:
            raise ConnectionError("Name or service\nnot known")

    monkeypatch.setattr(load, "_hub", Away)
    with pytest.raises(lb.UserError, match="hf:me/mean cannot be reached: Name or service not"):
        lb.load("hf:me/mean")


def test_the_hub_takes_what_it_is_called_with() -> None:
    """The hub above is a stand-in; the real one's functions have these arguments."""
    hub = pytest.importorskip("huggingface_hub")
    inspect.signature(hub.create_repo).bind("me/mean", exist_ok=True)
    about = {"repo_id": "me/mean", "folder_path": "there", "allow_patterns": list(load.FILES)}
    inspect.signature(hub.upload_folder).bind(**about)
    inspect.signature(hub.snapshot_download).bind("me/mean", allow_patterns=list(load.FILES))


@pytest.mark.usefixtures("plugin")
def test_a_folder_gets_and_gives_the_part(tmp_path: Path) -> None:
    found = lb.run(TASK, "toy-guess", out=tmp_path, keep=True, progress=False)
    kept, target = found.cells[0].kept, tmp_path / "taken" / "mean"
    assert lb.push(kept / "model", target) == str(target)
    assert lb.load(target).network == lb.load(kept / "model").network
    lb.push(kept / "policy", target)  # another part in its place
    assert not (target / "mean.json").exists()
    assert type(lb.load(target)).__name__ == "Guess"
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "README.md").write_text("mine")
    with pytest.raises(lb.UserError, match="holds something else"):
        lb.push(kept / "model", tmp_path / "papers")
    with pytest.raises(lb.UserError, match="holds no learned part"):
        lb.push(tmp_path / "papers", tmp_path / "new")
    assert (tmp_path / "papers" / "README.md").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "agent", "role"),
    [
        ("earlyexit/digits", "msdnet", "model"),
        ("urlb/entropy-point", "moss", "policy"),
        ("activeview/niche", "dqn", "policy"),
        ("dmc/cartpole-swingup", "sac", None),
    ],
)
def test_a_part_of_each_family_goes_to_a_folder_and_back(
    name: str, agent: str, role: str | None, tmp_path: Path
) -> None:
    small = registry.agent(agent, name.partition("/")[0]).small
    with standing_in(shrink(registry.task(name))):
        (made,) = (run := lb.run(name, agent, settings=small, out=tmp_path, keep=True)).cells
        assert run[0].status == "ok", run[0].message
        slots = sorted(record.parent for record in made.kept.glob(f"*/{parts.RECORD}"))
        slot = next((each for each in slots if each.name == role), slots[-1])
        part = lb.load(lb.push(slot, tmp_path / "hub"))
    again = tmp_path / "again"
    again.mkdir()
    part.save(again)
    files = {file.name: file.read_bytes() for file in again.iterdir()}
    assert files
    assert files == {file: (slot / file).read_bytes() for file in files}
    assert set(files) | {parts.RECORD, parts.CARD} == {each.name for each in slot.iterdir()}
