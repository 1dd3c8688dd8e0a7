"""A site is there whole or not at all, and replaces nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sites
from click.testing import CliRunner

from leapbench.cli.site import command
from leapbench.errors import UserError
from leapbench.leaderboards.site.build import build
from leapbench.leaderboards.site.folder import files, staged


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files(folder)}


def put(out: Path, text: str) -> None:
    with staged(out, {}) as folder:
        (folder / "index.html").write_text(text)


@pytest.mark.usefixtures("quick")
def test_the_same_results_give_the_same_bytes(tmp_path):
    runs = sites.write(tmp_path / "runs", sites.some())
    build(tmp_path / "a", runs)
    again = sites.write(tmp_path / "elsewhere", list(reversed(sites.some())))
    build(tmp_path / "b", again)
    build(tmp_path / "a", runs)  # and over an earlier one
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_a_site_replaces_a_site_as_a_whole(tmp_path):
    out = tmp_path / "site"
    with staged(out, {}) as folder:
        (folder / "old.html").write_text("old")
    put(out, "new")
    assert files(out) == ["index.html", "site.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_an_empty_folder_may_be_used(tmp_path):
    (tmp_path / "site").mkdir()
    put(tmp_path / "site", "x")
    assert (tmp_path / "site/index.html").exists()


@pytest.mark.parametrize("holds", ["notes.txt", "site.json", "sub/deep.txt", "empty/"])
def test_other_folders_are_left_alone(tmp_path, holds):
    out = tmp_path / "site"
    target = out / holds
    (target if holds.endswith("/") else target.parent).mkdir(parents=True)
    if not holds.endswith("/"):
        target.write_text('{"made_by": "somebody"}')
    before = files(out)
    with pytest.raises(UserError, match="not empty and no site"):
        put(out, "x")
    assert files(out) == before


def test_a_site_with_a_file_of_ones_own_is_left_alone(tmp_path):
    out = tmp_path / "site"
    put(out, "x")
    (out / "CNAME").write_text("example.org")
    with pytest.raises(UserError, match="CNAME"):
        put(out, "y")
    assert (out / "index.html").read_text() == "x"


def test_a_file_and_a_missing_parent_are_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        put(tmp_path / "file", "x")
    with pytest.raises(UserError, match="there is no folder"):
        put(tmp_path / "none" / "site", "x")


def test_a_build_that_fails_leaves_the_old_site(tmp_path):
    out = tmp_path / "site"
    put(out, "old")

    def fail():
        with staged(out, {}) as folder:
            (folder / "index.html").write_text("half")
            raise RuntimeError("disk")

    with pytest.raises(RuntimeError):
        fail()
    assert (out / "index.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


KILLED = """
import os, signal, sys
from pathlib import Path
from leapbench.leaderboards.site import folder
out, when = Path(sys.argv[1]), sys.argv[2]
die = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
if when == "between":
    rename = Path.rename
    def once(self, target):
        rename(self, target)
        die()
    Path.rename = once
with folder.staged(out, {}) as new:
    (new / "index.html").write_text("half")
    if when == "during":
        die()
"""


@pytest.mark.parametrize("when", ["during", "between"])
def test_a_killed_build_leaves_a_whole_site_for_the_next(tmp_path, when):
    out = tmp_path / "site"
    put(out, "old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(out), when], check=False)
    assert done.returncode == -signal.SIGKILL
    if out.exists():
        assert (out / "index.html").read_text() == "old"
    with pytest.raises(RuntimeError), staged(out, {}):
        raise RuntimeError("the next one fails too")
    assert (out / "index.html").read_text() == "old"
    put(out, "new")
    assert (out / "index.html").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.usefixtures("quick")
def test_the_command_says_what_it_wrote_and_what_it_left_out(tmp_path):
    runs = sites.write(tmp_path / "runs", sites.some())
    broken = runs / "earlyexit/digits/smoke/broken/seed-0.json"
    broken.parent.mkdir()
    broken.write_text("{}")
    out = tmp_path / "site"
    done = CliRunner().invoke(command, ["--out", str(out), "--runs", str(runs), "--tier", "smoke"])
    assert done.exit_code == 0, done.output
    assert "pages from 12 results" in done.output
    assert f"left out: {broken}" in done.output
    assert str(tmp_path) not in "".join(p.read_text() for p in out.rglob("*.html"))
    assert not (out / "tasks/earlyexit-imagenet.html").exists()


def test_a_name_with_stars_tidies_only_its_own(tmp_path):
    other = tmp_path / ".abc.new-1"
    other.mkdir()
    put(tmp_path / "*", "x")
    assert other.is_dir()
    assert files(tmp_path / "*") == ["index.html", "site.json"]
