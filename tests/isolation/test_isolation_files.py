"""Files that cross: what a guest saved comes over only if it is plain, small and known."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hostile import SHORT, agent

from leapbench.errors import AgentError
from leapbench.isolation import files
from leapbench.isolation.failures import GuestAnswer
from leapbench.isolation.part import RemotePart
from leapbench.isolation.remote import Guest

pytestmark = pytest.mark.usefixtures("tidy")


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("os.symlink('/etc/passwd', folder / 'a.json')", "'a.json' is no plain file"),
        ("os.symlink('nowhere', folder / 'a.json')", "'a.json' is no plain file"),
        ("(folder / 'a.json').mkdir()", "'a.json' is no plain file"),
        ("os.mkfifo(folder / 'a.json')", "'a.json' is no plain file|PermissionError"),
        (
            "(folder / 'a.json').write_text('1'); os.link(folder / 'a.json', folder / 'b.json')",
            "'a.json' is no plain file",
        ),
        ("(folder / 'a.pkl').write_bytes(b'')", r"saved 'a.pkl'; taken are .json, .npz, .safet"),
        ("(folder / 'a').write_bytes(b'')", "saved 'a'; taken are"),
        ("(folder / ('a\\x1b\\n' + 'b' * 200)).write_bytes(b'')", r"saved 'a\? b{56}…'; taken"),
        ("[(folder / f'{i}.json').write_text('') for i in range(101)]", "at most 100 are taken"),
        ("folder.rmdir()", "removed the folder"),
        ("folder.rmdir(); os.symlink('/', folder)", "removed the folder"),
        ("folder.rmdir(); folder.write_text('')", "removed the folder"),
        ("open(folder / 'a.json', 'wb').truncate(10**9)", "File too large"),
        (
            "for i in range(5): open(folder / f'{i}.npz', 'wb').truncate(2 * 2**20)",
            "saved more than the 8 MiB that are taken",
        ),
        ("1 / 0", "ZeroDivisionError"),
        ("time.sleep(600)", "did not finish within 1 s"),
    ],
)
def test_what_is_not_taken(tmp_path: Path, into: Path, code: str, message: str) -> None:
    limits = SHORT.model_copy(update={"wall": 1.0 if "sleep" in code else 20.0})
    with Guest(agent(tmp_path, save=code), "Agent", {}, limits) as guest:
        with pytest.raises(AgentError, match=message):
            RemotePart(guest).save(into)
        with pytest.raises(AgentError, match=message):  # and it stays ended
            RemotePart(guest).save(into)
    assert not any(file.is_symlink() for file in into.iterdir())


def test_what_is_saved_is_what_is_loaded(tmp_path: Path, into: Path) -> None:
    file = agent(tmp_path, save="np.savez(folder / 'a.npz', a=np.arange(5)); self.no = 1")
    load = "    def load(self, folder):\n        print(np.load(folder / 'a.npz')['a'].sum()); 1 / 0"
    file.write_text(file.read_text().replace("    def load(self, folder):\n        pass", load))
    with Guest(file, "Agent", {}, SHORT) as guest:
        RemotePart(guest).save(into)
        assert [each.name for each in into.iterdir()] == ["a.npz"]
        with pytest.raises(AgentError, match=r"ZeroDivisionError.*ends: 10$"):
            RemotePart(guest).load(into)


def test_a_file_that_is_swapped_is_not_followed(tmp_path: Path, into: Path) -> None:
    """Between the listing and the opening the guest may put a link in a file's place."""
    (tmp_path / "secret").write_text("private")
    home = tmp_path / "home"
    (home / "part").mkdir(parents=True)
    (home / "part" / "a.json").write_text("{}")
    listed = os.listdir

    def swap(folder: int) -> list[str]:
        names = listed(folder)
        (home / "part" / "a.json").unlink()
        (home / "part" / "a.json").symlink_to(tmp_path / "secret")
        return names

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "listdir", swap)
        with pytest.raises(GuestAnswer, match="no plain file"):
            files.collect(home, "part", into, 100)
    assert not (into / "a.json").exists()
